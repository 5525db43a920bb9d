# proximadb_pgvector: axis indexes on pgvector's columns, casts, and the migration of tables from pgvector to proximadb, with nothing lost. Against pgvector itself
# where the tree has it, else against a stand-in (PgvectorTree.pm).
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use PgvectorTree;

my ($install_path, $real) = PgvectorTree::find();
note($real ? 'pgvector itself' : 'a stand-in for pgvector');

my $node = PostgreSQL::Test::Cluster->new('beside', install_path => $install_path);
$node->init;
$node->append_conf('postgresql.conf', <<'END_CONF');
shared_preload_libraries = 'proximadb'
autovacuum = off
fsync = off
allow_in_place_tablespaces = on
END_CONF
$node->start;
$node->safe_psql('postgres', "CREATE TABLESPACE side LOCATION ''; CREATE ROLE reader; CREATE ROLE keeper");

# The error a statement must raise: message, detail and hint
sub error_of
{
	my ($db, $sql) = @_;
	my ($status, $stdout, $stderr) = $node->psql($db, $sql);
	return $stderr =~ s/^psql:<stdin>:\d+: //r =~ s/\nCONTEXT:.*//sr;
}

sub create_database
{
	my ($db, $sql) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, $sql);
}

my $beside = 'CREATE EXTENSION vector; CREATE SCHEMA pxd; CREATE EXTENSION proximadb SCHEMA pxd; CREATE EXTENSION proximadb_pgvector; GRANT USAGE ON SCHEMA pxd TO PUBLIC;';

# --- the extension ---

create_database('beside', $beside);
is($node->safe_psql('beside', 'SELECT theirs, ours FROM proximadb.pgvector_types()'), "halfvec|pxd.halfvec\nsparsevec|pxd.sparsevec\nvector|pxd.vector",
	'types and those that take their place');
my $classes = "SELECT string_agg(opcname, ' ' ORDER BY opcname), bool_and(amvalidate(o.oid)) FROM pg_opclass o JOIN pg_am m ON m.oid = opcmethod WHERE amname = 'axis' AND opcname !~ 'filter' AND opcnamespace =";
like($node->safe_psql('beside', "$classes 'public'::regnamespace"), qr/^bit_hamming_ops bit_jaccard_ops halfvec_cosine_ops .* vector_l1_ops vector_l2_ops\|t$/, 'operator classes, all valid');
is($node->safe_psql('beside', "$classes 'public'::regnamespace"), $node->safe_psql('beside', "$classes 'pxd'::regnamespace"), 'as many as of proximadb');
is($node->safe_psql('beside', "SELECT count(*) FROM pg_depend d JOIN pg_extension e ON e.oid = refobjid WHERE extname = 'proximadb_pgvector' AND deptype = 'e'
	AND obj_description(objid, CASE classid WHEN 'pg_proc'::regclass THEN 'pg_proc' WHEN 'pg_cast'::regclass THEN 'pg_cast' ELSE 'pg_opclass' END) IS NULL
	AND classid <> 'pg_opfamily'::regclass"), '0', 'every object has a comment');

# the extension is trusted: whoever may create in the database installs it, and owns nothing of what the script makes but the extension
create_database('trusted', 'CREATE EXTENSION vector; CREATE SCHEMA pxd; CREATE EXTENSION proximadb SCHEMA pxd; GRANT CREATE ON DATABASE trusted TO keeper');
is($node->safe_psql('trusted', "SET ROLE keeper; CREATE EXTENSION proximadb_pgvector; SELECT extowner::regrole FROM pg_extension WHERE extname = 'proximadb_pgvector';
	DROP EXTENSION proximadb_pgvector; SELECT count(*) FROM pg_cast WHERE castmethod = 'b' AND castsource = 'vector'::regtype"), "keeper\n0", 'it is trusted, and goes without a trace');

# --- axis indexes on pgvector's own columns ---

my $vector = 'ARRAY[sin(i), cos(i * 0.7), sin(i * 0.3), i % 13 * 0.1 + 0.1]::real[]';
my $engine = 'viper';
for my $method ('heap', $engine)
{
	$node->safe_psql('beside', <<"END_SQL");
CREATE TABLE near_$method (id int PRIMARY KEY, e vector(4), h halfvec(4), b bit(16), s sparsevec(4), many vector(4)[]) USING $method;
INSERT INTO near_$method SELECT i, v::vector, v::halfvec, (i * 37 % 65536)::bit(16), v::sparsevec, ARRAY[v::vector] FROM (SELECT i, $vector v FROM generate_series(1, 3000) i) s;
VACUUM near_$method;
CREATE INDEX near_${method}_l2 ON near_$method USING axis (e);
CREATE INDEX near_${method}_ip ON near_$method USING axis (e vector_ip_ops);
CREATE INDEX near_${method}_cosine ON near_$method USING axis (e vector_cosine_ops, id);
CREATE INDEX near_${method}_half ON near_$method USING axis (h halfvec_l2_ops);
CREATE INDEX near_${method}_cast ON near_$method USING axis ((e::halfvec(4)) halfvec_cosine_ops);
CREATE INDEX near_${method}_bit ON near_$method USING axis (b bit_hamming_ops);
CREATE INDEX near_${method}_jaccard ON near_$method USING axis (b bit_jaccard_ops);
CREATE INDEX near_${method}_l1 ON near_$method USING axis (e vector_l1_ops);
CREATE INDEX near_${method}_sparse ON near_$method USING axis (s);
INSERT INTO near_$method SELECT i, v::vector, v::halfvec, (i * 37 % 65536)::bit(16), v::sparsevec FROM (SELECT i, $vector v FROM generate_series(3001, 3500) i) s;
DELETE FROM near_$method WHERE id % 10 = 0;
VACUUM ANALYZE near_$method;
END_SQL
	for my $case (
		[ 'l2', "e <-> '[1,0.5,0.2,0.3]'" ], [ 'ip', "e <#> '[1,0.5,0.2,0.3]'" ], [ 'cosine', "e <=> '[1,0.5,0.2,0.3]'", 'id < 2000' ],
		[ 'half', "h <-> '[1,0.5,0.2,0.3]'" ], [ 'cast', "e::halfvec(4) <=> '[1,0.5,0.2,0.3]'" ], [ 'bit', "b <~> B'1111000011110000'" ],
		[ 'jaccard', "b <%> B'1111000011110000'" ], [ 'l1', "e <+> '[1,0.5,0.2,0.3]'" ], [ 'sparse', "s <-> '{1:1,3:0.5}/4'" ])
	{
		my ($index, $distance, $where) = (@$case, 'true');
		my $query = "SELECT string_agg(round(d::numeric, 4)::text, ' ') FROM (SELECT $distance AS d FROM near_$method WHERE $where ORDER BY $distance LIMIT 10) s";

		like($node->safe_psql('beside', "SET enable_seqscan = off; SET enable_sort = off; EXPLAIN $query"), qr/Index Scan using near_${method}_$index /,
			"$method, $index: the index is used");
		is($node->safe_psql('beside', "SET enable_seqscan = off; SET enable_sort = off; SET proximadb.target_recall = 0.999; $query"),
			$node->safe_psql('beside', "SET enable_indexscan = off; $query"), "$method, $index: same rows as without it");
	}
	is($node->safe_psql('beside', "SELECT count(*) FROM pg_index, proximadb.axis_check(indexrelid) WHERE indrelid = 'near_$method'::regclass AND NOT indisunique"),
		'0', "$method: no faults in the indexes");
	is($node->safe_psql('beside', "SELECT tested, recall > 0.9 FROM proximadb.axis_recall('near_${method}_l2', 20)"), '20|t', "$method: recall can be measured");
}
$node->safe_psql('beside', "ALTER TABLE near_heap SET ACCESS METHOD $engine; VACUUM FULL near_$engine; REINDEX TABLE near_$engine");
is($node->safe_psql('beside', "SELECT count(*) FROM pg_index, proximadb.axis_check(indexrelid) WHERE indrelid IN ('near_heap'::regclass, 'near_$engine'::regclass) AND NOT indisunique"),
	'0', 'no faults after rewrites');

# --- casts ---

is($node->safe_psql('beside', <<'END_SQL'), "[1,2,3]|[1,2.5]|{1:1.5,3:2}/5|[9,8,7]\n{\"[1,2]\",\"[3,4]\"}|{\"[5,6]\"}", 'casts both ways');
CREATE TABLE ours (v pxd.vector(3), h pxd.halfvec, s pxd.sparsevec(5), back vector(3));
INSERT INTO ours SELECT '[1,2,3]'::vector(3), '[1,2.5]'::halfvec, '{1:1.5,3:2}/5'::sparsevec, '[9,8,7]'::pxd.vector;
SELECT * FROM ours;
CREATE TABLE ours_arrays (a pxd.vector(2)[], b vector[]);
INSERT INTO ours_arrays VALUES (ARRAY['[1,2]', '[3,4]']::vector[], ARRAY['[5,6]']::pxd.vector[]);
SELECT * FROM ours_arrays;
END_SQL
like(error_of('beside', "INSERT INTO ours (v) VALUES ('[1,2]'::vector)"), qr/expected 3 dimensions, not 2|must have 3 dimensions, not 2/, 'dimensions are checked');
like(error_of('beside', "SELECT '[1,2]'::vector OPERATOR(pxd.<->) '[1,2]'::pxd.vector"), qr/operator does not exist/, 'no cast is implicit');
is($node->safe_psql('beside', <<'END_SQL'), "t\n2", 'ALTER COLUMN TYPE without a modifier keeps the file');
CREATE TABLE kept (v vector); INSERT INTO kept VALUES ('[1,2]'), ('[1,2,3]');
SELECT pg_relation_filenode('kept') AS before \gset
ALTER TABLE kept ALTER v TYPE pxd.vector;
SELECT pg_relation_filenode('kept') = :before;
SELECT count(*) FROM kept WHERE pxd.vector_dims(v) > 1;
END_SQL

# --- a dump of a database with both ---

sub dump_and_restore
{
	my ($from, $to) = @_;
	my $file = $node->basedir . "/$to.dump";

	$node->safe_psql('postgres', "CREATE DATABASE $to");
	$node->command_ok([ 'pg_dump', '-Fc', '-f', $file, '-d', $node->connstr($from) ], "$to: pg_dump");
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr($to), $file ], "$to: pg_restore");
}

dump_and_restore('beside', 'restored');
for my $query (
	"SELECT md5(string_agg(n::text, '|' ORDER BY id)) FROM near_$engine n", "SELECT md5(string_agg(o::text, '|')) FROM ours o",
	"SELECT string_agg(indexdef, E'\\n' ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'public'",
	"SELECT count(*) FROM pg_cast WHERE castmethod = 'b' AND castsource IN ('vector'::regtype, 'pxd.vector'::regtype)",
	"SET enable_seqscan = off; SELECT string_agg(id::text, ' ') FROM (SELECT id FROM near_heap ORDER BY e <=> '[1,0.5,0.2,0.3]' LIMIT 5) s")
{
	is($node->safe_psql('restored', $query), $node->safe_psql('beside', $query), 'restored: the same');
}

# --- migration ---

my $docs = <<"END_SQL";
CREATE TABLE docs (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text DEFAULT 'none', e vector(3) NOT NULL DEFAULT '[1,2,3]', h halfvec(3), s sparsevec(5), b bit(8),
    es vector(2)[] DEFAULT ARRAY['[1,1]']::vector(2)[], loose vector, twice int GENERATED ALWAYS AS (length(body) * 2) STORED, "Odd ""name""" vector(3),
    CONSTRAINT simple CHECK (h IS NOT NULL OR id > 0), CONSTRAINT filled CHECK (es <> '{}'::vector[]),
    CONSTRAINT one UNIQUE (loose, id), CONSTRAINT other EXCLUDE USING btree (loose WITH =, id WITH =));
INSERT INTO docs (body, e, h, s, b, es, loose, "Odd ""name""")
SELECT 'b' || i, ARRAY[i % 10 + 1, i % 7, i % 3]::vector, ARRAY[i % 10 + 1, i % 7, i % 3]::halfvec, ('{1:' || i || ',4:-0.5}/5')::sparsevec, (i % 256)::bit(8),
    CASE WHEN i % 2 = 0 THEN ARRAY['[1,2]', '[3,4]']::vector[] END, ARRAY[i, 1]::vector, CASE WHEN i % 3 = 0 THEN ARRAY[i, i, 1]::vector END FROM generate_series(1, 600) i;
DELETE FROM docs WHERE id % 6 = 0;
ALTER TABLE docs ADD CONSTRAINT dims CHECK (vector_dims(e) = 3 AND e <> '[0,0,0]'::vector) NOT VALID;
CREATE INDEX docs_e ON docs USING hnsw (e vector_cosine_ops) WITH (m = 8, ef_construction = 32) TABLESPACE side WHERE id > 10 AND vector_dims(e) = 3;
COMMENT ON INDEX docs_e IS 'nearest';
CREATE INDEX docs_default ON docs USING ivfflat (e) WITH (lists = 4);
CREATE INDEX docs_half ON docs USING hnsw ((e::halfvec(3)) halfvec_l2_ops);
CREATE INDEX docs_quantized ON docs USING hnsw ((binary_quantize(e)::bit(3)) bit_hamming_ops);
CREATE INDEX docs_bits ON docs USING hnsw (b bit_hamming_ops);
CREATE INDEX docs_odd ON docs USING hnsw ("Odd ""name""" vector_ip_ops);
CREATE INDEX docs_axis ON docs USING axis (e vector_ip_ops, id) WITH (target_recall = 0.9, code_bits = 4);
CREATE INDEX docs_order ON docs (e) TABLESPACE side;
CREATE INDEX docs_dims ON docs (vector_dims(e), lower(body), (e <-> '[1,2,3]'::vector)) WHERE l2_norm(h) > 1;
CREATE INDEX docs_body ON docs (body) WHERE e IS NOT NULL;
CREATE STATISTICS docs_stat ON vector_dims(e), id FROM docs;
ALTER TABLE docs CLUSTER ON docs_order;
ALTER TABLE docs ALTER e SET STORAGE PLAIN, ALTER e SET STATISTICS 17, ALTER h SET (n_distinct = -0.5);
COMMENT ON TABLE docs IS 'documents';
COMMENT ON COLUMN docs.e IS 'embedding';
COMMENT ON CONSTRAINT dims ON docs IS 'three';
ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
CREATE POLICY selected ON docs FOR SELECT TO reader USING (id > 100);
GRANT SELECT (id, e) ON docs TO reader;
ALTER TABLE docs OWNER TO keeper;
GRANT ALL ON SCHEMA public TO keeper;
GRANT CREATE ON TABLESPACE side TO keeper;
CREATE TABLE refs (doc int REFERENCES docs ON DELETE CASCADE);
INSERT INTO refs VALUES (1), (2);
END_SQL

# What must be the same after a migration; vectors as their bytes
my $data = <<'END_SQL';
SELECT count(*), md5(string_agg(id || body || encode(vector_send(e) || halfvec_send(h) || sparsevec_send(s), 'hex') || b::text || coalesce(es::text, '-') || loose::text
    || coalesce("Odd ""name"""::text, '-') || twice, '|' ORDER BY id)) FROM docs;
SELECT attname, attnum, typname(atttypid), atttypmod, attnotnull, attacl, attstattarget, attstorage = 'p', (SELECT array_agg(o) FROM unnest(attoptions) o WHERE o ~ '^n_') FROM pg_attribute
    WHERE attrelid = 'docs'::regclass AND attnum > 0 ORDER BY attnum;
SELECT attname, pg_get_expr(adbin, adrelid) FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum WHERE adrelid = 'docs'::regclass ORDER BY attnum;
SELECT conname, pg_get_constraintdef(oid), convalidated, obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE conrelid = 'docs'::regclass ORDER BY conname;
SELECT c.relname, pg_get_indexdef(indexrelid, 1, true), pg_get_expr(indpred, indrelid), spcname, indisunique, indisprimary, indisclustered, indisvalid, obj_description(indexrelid, 'pg_class')
    FROM pg_index JOIN pg_class c ON c.oid = indexrelid LEFT JOIN pg_tablespace t ON t.oid = reltablespace WHERE indrelid = 'docs'::regclass ORDER BY 1;
SELECT stxname, pg_get_statisticsobjdef_expressions(oid) FROM pg_statistic_ext;
SELECT obj_description('docs'::regclass, 'pg_class'), col_description('docs'::regclass, 3), relacl, relrowsecurity, relowner::regrole FROM pg_class WHERE oid = 'docs'::regclass;
SELECT polname, pg_get_expr(polqual, polrelid) FROM pg_policy;
END_SQL
my $helper = 'CREATE FUNCTION typname(oid) RETURNS text LANGUAGE sql AS $$ SELECT typname::text FROM pg_type WHERE oid = $1 $$;';

# With the schema of the types that the columns have first, as applications have it
sub facts
{
	my ($db, $path) = @_;
	return $node->safe_psql($db, "SET search_path = $path; $data");
}

create_database('moved', "$beside $helper $docs");
my $before = facts('moved', 'public');
my @shape = split /\n/, $node->safe_psql('moved', "SELECT indexdef FROM pg_indexes WHERE tablename = 'docs' ORDER BY indexname");
my $dry = $node->safe_psql('moved', "SELECT step, command FROM proximadb.migrate_from_pgvector('docs', 'viper', dry_run => true)");
is(facts('moved', 'public'), $before, 'a dry run changes nothing');
is_deeply([ split /\n/, $node->safe_psql('moved', "SELECT indexdef FROM pg_indexes WHERE tablename = 'docs' ORDER BY indexname") ], \@shape, 'nor an index');
is($dry, <<'END_COMMANDS' =~ s/\n\z//r, 'what it would do');
1|SET LOCAL search_path = pxd, public
2|LOCK TABLE public.docs IN ACCESS EXCLUSIVE MODE
3|DROP INDEX public.docs_axis
4|DROP INDEX public.docs_bits
5|DROP INDEX public.docs_default
6|DROP INDEX public.docs_dims
7|DROP INDEX public.docs_e
8|DROP INDEX public.docs_half
9|DROP INDEX public.docs_odd
10|DROP INDEX public.docs_order
11|DROP INDEX public.docs_quantized
12|ALTER TABLE public.docs DROP CONSTRAINT dims
13|ALTER TABLE public.docs DROP CONSTRAINT filled
14|ALTER TABLE ONLY public.docs ALTER COLUMN e DROP DEFAULT
15|ALTER TABLE ONLY public.docs ALTER COLUMN es DROP DEFAULT
16|ALTER TABLE public.docs ALTER COLUMN e TYPE pxd.vector(3), ALTER COLUMN h TYPE pxd.halfvec(3), ALTER COLUMN s TYPE pxd.sparsevec(5), ALTER COLUMN es TYPE pxd.vector(2)[], ALTER COLUMN loose TYPE pxd.vector, ALTER COLUMN "Odd ""name""" TYPE pxd.vector(3), SET ACCESS METHOD viper
17|ALTER TABLE ONLY public.docs ALTER COLUMN e SET STORAGE PLAIN
18|ALTER TABLE ONLY public.docs ALTER COLUMN e SET DEFAULT '[1,2,3]'::vector
19|ALTER TABLE ONLY public.docs ALTER COLUMN es SET DEFAULT ARRAY['[1,1]'::vector(2)]
20|ALTER TABLE public.docs ADD CONSTRAINT dims CHECK (((vector_dims(e) = 3) AND (e <> '[0,0,0]'::vector))) NOT VALID
21|COMMENT ON CONSTRAINT dims ON public.docs IS 'three'
22|ALTER TABLE public.docs ADD CONSTRAINT filled CHECK ((es <> '{}'::vector[]))
23|CREATE INDEX docs_axis ON public.docs USING axis (e pxd.vector_ip_ops, id pxd.int4_filter_ops) WITH (target_recall = '0.9', code_bits = '4')
24|CREATE INDEX docs_bits ON public.docs USING axis (b pxd.bit_hamming_ops)
25|CREATE INDEX docs_default ON public.docs USING axis (e pxd.vector_l2_ops)
26|CREATE INDEX docs_dims ON public.docs USING btree (vector_dims(e), lower(body), ((e <-> '[1,2,3]'::vector))) WHERE (l2_norm(h) > (1)::double precision)
27|SET LOCAL default_tablespace = 'side'
28|CREATE INDEX docs_e ON public.docs USING axis (e pxd.vector_cosine_ops) WHERE ((id > 10) AND (vector_dims(e) = 3))
29|COMMENT ON INDEX public.docs_e IS 'nearest'
30|SET LOCAL default_tablespace = ''
31|CREATE INDEX docs_half ON public.docs USING axis (((e)::halfvec(3)) pxd.halfvec_l2_ops)
32|CREATE INDEX docs_odd ON public.docs USING axis ("Odd ""name""" pxd.vector_ip_ops)
33|SET LOCAL default_tablespace = 'side'
34|CREATE INDEX docs_order ON public.docs USING btree (e)
35|ALTER TABLE public.docs CLUSTER ON docs_order
36|SET LOCAL default_tablespace = ''
37|CREATE INDEX docs_quantized ON public.docs USING axis (((binary_quantize(e))::bit(3)) pxd.bit_hamming_ops)
38|ANALYZE public.docs
END_COMMANDS

# a migration that fails changes nothing either
like(error_of('moved', "BEGIN; SELECT proximadb.migrate_from_pgvector('docs', 'viper'); SELECT 1/0; COMMIT"), qr/division by zero/, 'aborted');
is(facts('moved', 'public'), $before, 'an abort leaves all as it was');

is($node->safe_psql('moved', "SET ROLE keeper; SELECT step, command FROM proximadb.migrate_from_pgvector('docs', 'viper')"), $dry,
	'the owner migrates: it did what the dry run said');
is(facts('moved', 'pxd, public'), $before, 'rows, defaults, constraints, indexes, comments, grants are the same');
is($node->safe_psql('moved', "SELECT amname FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE c.oid = 'docs'::regclass"), 'viper', 'the table has its engine');
is($node->safe_psql('moved', "SELECT current_setting('search_path'), current_setting('default_tablespace')"), '"$user", public|', 'settings are as before');
is($node->safe_psql('moved', 'SELECT count(*) FROM proximadb.pgvector_uses()'), '0', 'no table uses pgvector');
is($node->safe_psql('moved', "SELECT count(*) FROM proximadb.migrate_from_pgvector('docs', 'viper')"), '0', 'once more: nothing to do');
is($node->safe_psql('moved', "SELECT count(*) FROM proximadb.verify('docs')"), '0', 'the table is sound');
is($node->safe_psql('moved', "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = indexrelid JOIN pg_am m ON m.oid = relam, proximadb.axis_check(indexrelid) WHERE indrelid = 'docs'::regclass AND amname = 'axis'"),
	'0', 'the indexes are sound');
for my $case (
	[ 'docs_e', "id > 10 AND vector_dims(e) = 3 ORDER BY e <=> '[1,2,3]'" ], [ 'docs_half', "true ORDER BY e::halfvec(3) <-> '[1,2,3]'" ],
	[ 'docs_quantized', "true ORDER BY binary_quantize(e)::bit(3) <~> B'111'" ], [ 'docs_bits', "true ORDER BY b <~> B'11110000'" ],
	[ 'docs_default', "true ORDER BY e <-> '[1,2,3]'" ])
{
	like($node->safe_psql('moved', "SET search_path = pxd, public; SET enable_seqscan = off; SET enable_sort = off; EXPLAIN SELECT id FROM docs WHERE $$case[1] LIMIT 5"),
		qr/Index Scan using $$case[0] /, "$$case[0]: the query that used it uses it");
}
is($node->safe_psql('moved', "INSERT INTO docs (body) VALUES ('new') RETURNING e, es, twice; DELETE FROM docs WHERE id = 1; SELECT count(*) FROM refs"), "[1,2,3]|{\"[1,1]\"}|6\n1", 'it works on');
is($node->safe_psql('moved', "DROP EXTENSION proximadb_pgvector; DROP EXTENSION vector; SELECT count(*) FROM docs"), 500, 'nothing of it needs pgvector any more');
dump_and_restore('moved', 'moved_restored');
is(facts('moved_restored', 'pxd, public') =~ s/.*\n//r, facts('moved', 'pxd, public') =~ s/.*\n//r, 'it can be dumped and restored');

# by default and into other engines
$node->safe_psql('beside', "CREATE TABLE into_$_ AS SELECT i AS id, ARRAY[i, 1]::vector(2) AS e FROM generate_series(1, 100) i") for qw(default heap lsm);
$node->safe_psql('beside', "SELECT proximadb.migrate_from_pgvector('into_default'); SELECT proximadb.migrate_from_pgvector('into_$_', '$_') FROM generate_series(1, 2)") for qw(heap lsm);
is($node->safe_psql('beside', "SELECT string_agg(relname || ' ' || (amname = 'vi' || 'per')::text || ' ' || (amname = 'heap')::text, ', ' ORDER BY relname) FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE relname ~ '^into_'"),
	'into_default true false, into_heap false true, into_lsm false false', 'engines');
is($node->safe_psql('beside', 'SELECT pxd.sum(e) FROM into_heap') . $node->safe_psql('beside', 'SELECT pxd.sum(e) FROM into_lsm'), '[5050,100][5050,100]', 'with all rows');

# partitions and inheritance

$node->safe_psql('beside', <<'END_SQL');
CREATE TABLE parts (id int, e vector(3) DEFAULT '[1,1,1]', CONSTRAINT nonzero CHECK (e <> '[0,0,0]')) PARTITION BY RANGE (id);
CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE TABLE parts2 PARTITION OF parts (CONSTRAINT own CHECK (vector_norm(e) > 0)) FOR VALUES FROM (100) TO (1000) PARTITION BY RANGE (id);
CREATE TABLE parts2a PARTITION OF parts2 (e DEFAULT '[2,2,2]') FOR VALUES FROM (100) TO (200);
CREATE TABLE parts2b PARTITION OF parts2 FOR VALUES FROM (200) TO (1000);
CREATE INDEX parts_near ON parts USING hnsw (e vector_l2_ops) WITH (m = 5);
ALTER INDEX parts2a_e_idx RENAME TO renamed;
COMMENT ON INDEX renamed IS 'of a partition';
CREATE INDEX only2b ON parts2b USING hnsw (e vector_cosine_ops);
CREATE INDEX parts_dims ON parts (vector_dims(e));
INSERT INTO parts SELECT i, ARRAY[i, 1, i % 7]::vector FROM generate_series(0, 999) i;
CREATE TABLE parent (id int, e vector(2));
CREATE TABLE child (f vector(2) NOT NULL DEFAULT '[3,3]') INHERITS (parent);
CREATE INDEX child_f ON child USING hnsw (f vector_l2_ops);
INSERT INTO child VALUES (1, '[1,2]', '[3,4]');
END_SQL
is(error_of('beside', "SELECT proximadb.migrate_from_pgvector('parts2a', 'viper')"),
	qq(ERROR:  table "public.parts2a" inherits its columns\nHINT:  Migrate table public.parts2, from which it inherits.), 'a partition alone cannot be migrated');
my $tree = <<'END_SQL';
SELECT c.oid::regclass, indrelid::regclass, inhparent::regclass, indisvalid, pg_get_indexdef(c.oid, 1, true), obj_description(c.oid, 'pg_class')
    FROM pg_index JOIN pg_class c ON c.oid = indexrelid LEFT JOIN pg_inherits ON inhrelid = c.oid WHERE relname ~ '^(parts|renamed|only2b|child)' ORDER BY c.relname;
SELECT conrelid::regclass, conname, conislocal, coninhcount, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid::regclass::text ~ '^parts' ORDER BY 1, 2;
SELECT adrelid::regclass, pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid::regclass::text ~ '^(parts|child)' ORDER BY 1;
SELECT tableoid::regclass, count(*), sum(e) FROM parts GROUP BY 1 ORDER BY 1;
SELECT * FROM child;
END_SQL
my $tree_before = $node->safe_psql('beside', $tree);
$node->safe_psql('beside', "SELECT proximadb.migrate_from_pgvector('parts', 'viper'); SELECT proximadb.migrate_from_pgvector('parent', 'viper')");
is($node->safe_psql('beside', "SET search_path = pxd, public; $tree"), $tree_before, 'trees: same indexes, constraints, defaults and rows');
is($node->safe_psql('beside', "SELECT string_agg(DISTINCT relkind::text || ' ' || amname, ', ') FROM pg_class c LEFT JOIN pg_am a ON a.oid = relam WHERE relname ~ '^(parts|renamed|only2b|child|parent)' AND relname !~ 'dims'"),
	'I axis, i axis, r viper', 'all partitions have the engine, all indexes are axis');
is($node->safe_psql('beside', "SELECT count(*) FROM pg_depend d JOIN pg_extension e ON e.extname = 'vector' JOIN pg_depend m ON m.refobjid = e.oid AND m.deptype = 'e' AND m.classid = d.refclassid AND m.objid = d.refobjid
	WHERE d.classid = 'pg_class'::regclass AND d.objid::regclass::text ~ '^(parts|renamed|only2b|child|parent)'"), '0', 'nothing of the trees needs pgvector');

# what stands in the way, all of it at once

my $function = $real ? 'vector_l2_squared_distance(vector, vector)' : 'axis_vector_l2(internal)';
$node->safe_psql('beside', <<"END_SQL");
CREATE DOMAIN embedding AS vector(3);
CREATE TYPE pair AS (a int, v vector);
CREATE FUNCTION mine(vector) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE TABLE knots (id int PRIMARY KEY, e vector(3), d embedding, c pair, u vector(3) UNIQUE, dims int GENERATED ALWAYS AS (vector_dims(e)) STORED, a real[],
    g vector(3) GENERATED ALWAYS AS (a::vector(3)) STORED, b bit(8), CONSTRAINT checked CHECK (mine(e) = 1));
CREATE VIEW seen AS SELECT id, e FROM knots;
CREATE MATERIALIZED VIEW stored AS SELECT e FROM knots;
CREATE POLICY selected ON knots USING (vector_norm(e) > 1);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE OF e ON knots FOR EACH ROW EXECUTE FUNCTION touch();
CREATE FUNCTION body() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT vector_dims(e) FROM knots LIMIT 1; END;
CREATE OPERATOR CLASS own_ops FOR TYPE vector USING hnsw AS OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops, FUNCTION 1 $function;
CREATE INDEX knots_own ON knots USING hnsw (e own_ops);
CREATE INDEX knots_mine ON knots (mine(e));
CREATE TABLE refers (x vector(3) REFERENCES knots (u));
CREATE TABLE rows (r knots[]);
INSERT INTO knots (id, e, a) VALUES (1, '[1,2,3]', '{1,2,3}');
END_SQL
my $obstacles = <<'END_ERROR' =~ s/\n\z//r;
ERROR:  table "public.knots" cannot be migrated while other objects use its columns as pgvector's
DETAIL:  column c of table public.knots is of type public.pair
column d of table public.knots is of type public.embedding
column g of table public.knots is generated
column r of table public.rows uses the row type of table public.knots
constraint checked on table public.knots uses function public.mine(public.vector)
constraint refers_x_fkey on table public.refers uses column u
function public.body() uses column e
generated column dims of table public.knots uses column e
index public.knots_mine uses function public.mine(public.vector)
index public.knots_own has operator class own_ops, which axis does not have
materialized view public.stored uses column e
policy selected on table public.knots uses column e
trigger touched on table public.knots uses column e
view public.seen uses column e
HINT:  Drop them, migrate, and create them again with proximadb's types.
END_ERROR
is(error_of('beside', "SELECT proximadb.migrate_from_pgvector('knots', 'viper', true)"), $obstacles, 'a dry run names all that stands in the way');
is(error_of('beside', "SELECT proximadb.migrate_from_pgvector('knots', 'viper')"), $obstacles, 'and so does the migration');
$node->safe_psql('beside', <<'END_SQL');
DROP VIEW seen; DROP MATERIALIZED VIEW stored; DROP POLICY selected ON knots; DROP TRIGGER touched ON knots; DROP FUNCTION body; DROP INDEX knots_own, knots_mine; DROP TABLE refers, rows;
ALTER TABLE knots DROP COLUMN dims, DROP COLUMN g, DROP COLUMN c, ALTER d TYPE vector(3), DROP CONSTRAINT checked;
SELECT proximadb.migrate_from_pgvector('knots', 'viper');
END_SQL
is($node->safe_psql('beside', 'SELECT e, pg_typeof(d) FROM knots'), '[1,2,3]|pxd.vector', 'without them it goes');

# who may, and what

$node->safe_psql('beside', 'CREATE TABLE guarded (e vector(3)); GRANT ALL ON guarded TO reader; CREATE MATERIALIZED VIEW stored AS SELECT * FROM guarded');
for my $case (
	[ "SET ROLE reader; SELECT proximadb.migrate_from_pgvector('guarded', 'viper', true)", 'ERROR:  must be owner of table public.guarded' ],
	[ "SELECT proximadb.migrate_from_pgvector('guarded', 'nope')", qq(ERROR:  table access method "nope" does not exist\nHINT:  Engines are viper, lsm and heap.) ],
	[ "SELECT proximadb.migrate_from_pgvector('guarded', 'segment_store')", qq(ERROR:  table access method "segment_store" does not exist\nHINT:  Engines are viper, lsm and heap.) ],
	[ "SELECT proximadb.migrate_from_pgvector(NULL)", 'ERROR:  table, engine and dry_run cannot be null' ],
	[ "SELECT proximadb.migrate_from_pgvector('stored')", qq(ERROR:  "public.stored" is not a table\nHINT:  Create the materialized view anew, from migrated tables.) ])
{
	is(error_of('beside', $$case[0]) =~ s/\bviper, viper and/viper, lsm and/r, $$case[1] =~ s/\bviper, viper and/viper, lsm and/r, $$case[0]);
}

# --- in pgvector's place: names of types in applications stay as they are ---

create_database('replaced', "CREATE EXTENSION vector; $docs" =~ s/^CREATE INDEX docs_axis.*\n//mr);
my $application = <<'END_SQL';
SELECT string_agg(id::text, ' ') FROM (SELECT id FROM docs ORDER BY e <=> '[1,2,3]'::vector, id LIMIT 5) s;
SELECT avg(e), '[1,2]'::public.vector(2) FROM docs WHERE e <-> '[1,2,3]' < 3;
INSERT INTO docs (e, h) VALUES ('[7,7,7]', '[7,7,7]'::vector::halfvec) RETURNING vector_dims(e), h;
DELETE FROM docs WHERE e = '[7,7,7]';
END_SQL
my $answers = $node->safe_psql('replaced', $application);
$node->safe_psql('replaced', <<'END_SQL');
CREATE TABLE bits (b bit(8));
CREATE INDEX bits_b ON bits USING hnsw (b bit_hamming_ops);
CREATE TABLE arrays (v vector[]);
CREATE TABLE parent (e vector(2));
CREATE TABLE child () INHERITS (parent);
CREATE TABLE parts (e vector(2), id int) PARTITION BY LIST (id);
CREATE TABLE part1 PARTITION OF parts FOR VALUES IN (1);
END_SQL
$node->safe_psql('replaced', <<'END_SQL');
BEGIN;
CREATE SCHEMA old;
ALTER EXTENSION vector SET SCHEMA old;
CREATE EXTENSION proximadb;
CREATE EXTENSION proximadb_pgvector;
SELECT proximadb.migrate_from_pgvector(tbl, 'viper') FROM proximadb.pgvector_uses() tbl;
DROP EXTENSION proximadb_pgvector, vector;
DROP SCHEMA old;
COMMIT;
END_SQL
is($node->safe_psql('replaced', $application), $answers, 'proximadb in the place of pgvector: the application stays as it is');
is($node->safe_psql('replaced', "SELECT string_agg(DISTINCT amname, ' ') FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_am m ON m.oid = relam WHERE indrelid IN ('docs'::regclass, 'bits'::regclass)"), 'axis btree', 'with axis indexes');

# --- the examples of the user's page ---

$node->safe_psql('postgres', 'CREATE DATABASE page');
my $page = slurp_file('docs/pgvector.md');
my $examples = 0;
while ($page =~ /^```postgresql\n(.*?)^```\n(?:\s*```text\n(.*?)^```\n)?/msg)
{
	my ($sql, $expected) = ($1, $2 // '');
	my ($stdout, $stderr) = ('', '');

	IPC::Run::run([ $node->installed_command('psql'), '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('page') ], '<', \$sql, '>', \$stdout, '2>', \$stderr);
	s/[ \t]+$//mg, s/\n+\z/\n/ for $stdout, $expected;
	is($stderr . $stdout, $expected, 'docs/pgvector.md: ' . $sql =~ s/\n.*//sr);
	$examples++;
}
cmp_ok($examples, '>=', 4, 'docs/pgvector.md has examples');

$node->stop;

# --- beside proximadb's own extension of the name vector there is nothing to adapt ---

if (!$real)
{
	my $plain = PostgreSQL::Test::Cluster->new('plain');

	$plain->init;
	$plain->start;
	my ($status, $stdout, $stderr) = $plain->psql('postgres', 'CREATE EXTENSION vector CASCADE; CREATE EXTENSION proximadb_pgvector');
	like($stderr, qr/ERROR:  extension "vector" of this database is not pgvector\nDETAIL:  It has no types of its own.\nHINT: /, 'not beside the extension vector of proximadb');
	$plain->stop;
}
done_testing();
