# The extension vector: hnsw and ivfflat as other names of axis, pgvector's settings and options, dumps made for pgvector.
use strict;
use warnings;

use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fixture = dirname(__FILE__) . '/135_pgvector_dump.sql';
my $node = PostgreSQL::Test::Cluster->new('compat_vector');
$node->init;
$node->append_conf('postgresql.conf', "max_parallel_maintenance_workers = 0\n");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE shop; CREATE DATABASE copy; CREATE DATABASE apart');

sub sql { my ($sql, $database) = @_; return $node->safe_psql($database // 'postgres', $sql); }

# What statements write to stderr; they may fail.
sub messages
{
	my ($sql, $database) = @_;
	my ($result, $stdout, $stderr) = $node->psql($database // 'postgres', $sql, on_error_stop => 0);
	return $stderr;
}

#
# Installing
#
is(sql('SET hnsw.ef_search = 100; SHOW hnsw.ef_search'), '100', 'a setting before anything else');
sql('CREATE EXTENSION IF NOT EXISTS vector; CREATE EXTENSION IF NOT EXISTS vector');
is(sql(<<'END'), "proximadb|public|\nvector|public|proximadb", 'without CASCADE it brings proximadb, and depends on it');
SELECT e.extname, e.extnamespace::regnamespace, r.extname FROM pg_extension e
	LEFT JOIN (pg_depend d JOIN pg_extension r ON d.refclassid = 'pg_extension'::regclass AND r.oid = d.refobjid)
	ON d.classid = 'pg_extension'::regclass AND d.objid = e.oid
	WHERE e.extname IN ('vector', 'proximadb') ORDER BY 1
END
is(sql("SELECT string_to_array(extversion, '.')::int[] >= '{0,8,0}' FROM pg_extension WHERE extname = 'vector'"), 't', 'version');
is(sql("SELECT count(*) FROM pg_type WHERE typname IN ('vector', 'halfvec', 'sparsevec') AND typnamespace = 'public'::regnamespace AND typarray <> 0"),
	'3', 'types by name');
is(sql("SELECT count(*) FROM pg_proc WHERE proname = 'vector_require_proximadb'"), '0', 'nothing is left of the first step');
is(sql("SELECT bool_and(amvalidate(oid)) AND count(*) = 21 FROM pg_opclass WHERE opcmethod IN (SELECT oid FROM pg_am WHERE amname IN ('hnsw', 'ivfflat'))"),
	't', 'operator classes are valid');
like(messages('ALTER EXTENSION vector UPDATE'), qr/NOTICE:  version "0\.8\.\d+" of extension "vector" is already installed/, 'up to date');
like(messages("ALTER EXTENSION vector UPDATE TO '0.7.0'"), qr/no update path from version/, 'no way to an old version of pgvector');
like(messages('DROP EXTENSION proximadb'), qr/extension vector depends on/, 'proximadb cannot go alone');
sql('CREATE SCHEMA px; CREATE SCHEMA pv; CREATE EXTENSION proximadb SCHEMA px; CREATE EXTENSION vector SCHEMA pv', 'apart');
sql('CREATE TABLE t (e px.vector(2)) USING viper; CREATE INDEX ON t USING hnsw (e pv.vector_l2_ops); DROP EXTENSION vector CASCADE; TABLE t', 'apart');
sql('CREATE EXTENSION vector SCHEMA pv', 'apart');
pass('schemas of their own; dropped and made again');

#
# A dump of pgvector
#
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('shop'), '-f', $fixture ], 'dump is restored');

# Queries that each index should answer: its name, order, condition.
my $sparse = "'{1:2,4:-3,9:1}/10'";
my @queries = (
	(map { [ "hnsw_vector_$_->[0]", "e $_->[1] '[1,2,3]'" ] } ([ l2 => '<->' ], [ ip => '<#>' ], [ cosine => '<=>' ], [ l1 => '<+>' ])),
	(map { [ "ivfflat_vector_$_->[0]", "e $_->[1] '[1,2,3]'" ] } ([ l2 => '<->' ], [ ip => '<#>' ], [ cosine => '<=>' ])),
	(map { [ "hnsw_halfvec_$_->[0]", "h $_->[1] '[1,2,3]'" ] } ([ l2 => '<->' ], [ ip => '<#>' ], [ cosine => '<=>' ], [ l1 => '<+>' ])),
	(map { [ "ivfflat_halfvec_$_->[0]", "h $_->[1] '[1,2,3]'" ] } ([ l2 => '<->' ], [ ip => '<#>' ], [ cosine => '<=>' ])),
	(map { [ "hnsw_sparsevec_$_->[0]", "s $_->[1] $sparse" ] } ([ l2 => '<->' ], [ ip => '<#>' ], [ cosine => '<=>' ], [ l1 => '<+>' ])),
	[ 'hnsw_bit_hamming', "b <~> B'10110010'" ], [ 'ivfflat_bit_hamming', "b <~> B'10110010'" ], [ 'hnsw_bit_jaccard', "b <%> B'10110010'" ],
	[ 'expression_half', "e::halfvec(3) <=> '[1,2,3]'" ], [ 'expression_bits', "binary_quantize(e)::bit(3) <~> B'101'" ],
	[ 'expression_loose', "loose::vector(2) <-> '[1,2]'", 'vector_dims(loose) = 2' ], [ 'partial', "e <-> '[1,2,3]'", "kind = 'a'" ]);

# One index at a time, in one session each way: the planner could take another one of the same order.
sub answers
{
	my ($database, $by_index) = @_;
	my $script = "CREATE FUNCTION pg_temp.plan(q text) RETURNS text LANGUAGE plpgsql AS \$\$
		DECLARE line text; BEGIN FOR line IN EXECUTE 'EXPLAIN ' || q LOOP IF line ~ 'Index Scan using' THEN RETURN substring(line FROM 'using (\\w+) on'); END IF; END LOOP; RETURN 'none'; END \$\$;\n";
	$script .= $by_index ? "SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off;\n" : "SET enable_indexscan = off; SET enable_bitmapscan = off;\n";
	foreach my $q (@queries)
	{
		my ($index, $order, $condition) = @$q;
		my $query = "SELECT coalesce(($order)::text, 'null') AS d FROM items WHERE " . ($condition // 'true') . " ORDER BY $order";
		my $quoted = $query =~ s/'/''/gr;
		$script .= "BEGIN;\n";
		$script .= "UPDATE pg_index SET indisvalid = false FROM pg_class c, pg_am a WHERE c.oid = indexrelid AND a.oid = c.relam
			AND amname IN ('hnsw', 'ivfflat') AND indrelid = 'items'::regclass AND c.relname <> '$index';\n" if $by_index;
		$script .= "SELECT '$index', " . ($by_index ? "pg_temp.plan('$quoted') = '$index'" : 'true') . ", array_agg(d) FROM ($query) s;\nROLLBACK;\n";
	}
	$node->safe_psql($database, "ALTER DATABASE $database SET allow_system_table_mods = on");
	return sql($script, $database);
}

my $exact = answers('shop', 0);
is(scalar(split /\n/, $exact), scalar(@queries), 'an answer to each query');
is(answers('shop', 1), $exact, 'all indexes are used and give what looking at all rows gives');
is(sql("SELECT count(*), string_agg(DISTINCT reloptions::text, ' ' ORDER BY reloptions::text) FROM pg_class WHERE relam IN (SELECT oid FROM pg_am WHERE amname IN ('hnsw', 'ivfflat'))", 'shop'),
	'28|{lists=1} {lists=2} {lists=5} {m=8,ef_construction=32}', 'options of the indexes');
is(sql("SELECT array_agg(x) FROM nearest('[1,2,3]', 3) x", 'shop'), sql("SELECT array_agg(id) FROM near", 'shop'), 'functions with settings');
is(sql('SELECT count(*), count(mean) FROM means; SELECT count(*) FROM part; SELECT id FROM part ORDER BY e <-> $$[3,2]$$ LIMIT 1', 'shop'), "3|3\n4\n3", 'other relations');
is(sql(<<'END', 'shop'), '27|0', 'indexes are sound, and all in stat_index');
SELECT count(DISTINCT s.index), count(f.fault) FROM proximadb.stat_index s LEFT JOIN LATERAL proximadb.axis_check(s.index) f ON true
END

# Restored once more, from a dump of ours
my $dump = "${PostgreSQL::Test::Utils::tmp_check}/shop.dump";
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('shop') ], 'dumped');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-j', '2', '-d', $node->connstr('copy'), $dump ], 'restored');
is(answers('copy', 1), $exact, 'the copy answers the same');
my $indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname";
is(sql($indexes, 'copy'), sql($indexes, 'shop'), 'and has the same indexes');

# Life goes on
sql(<<'END', 'shop');
INSERT INTO items (kind, e, h, s, b) SELECT 'd', e, h, s, b FROM items;
DELETE FROM items WHERE id % 3 = 0;
UPDATE items SET e = '[1,2,3]', s = '{1:2}/10' WHERE id % 10 = 0;
VACUUM items;
REINDEX INDEX CONCURRENTLY hnsw_vector_l2;
END
is(answers('shop', 1), answers('shop', 0), 'after changes and VACUUM');
like(messages('DROP EXTENSION vector', 'shop'), qr/index hnsw_vector_l2 depends on/, 'indexes keep the extension');
sql('DROP EXTENSION vector CASCADE', 'shop');
is(sql("SELECT count(*) FROM items WHERE e <-> '[1,2,3]' < 100; SELECT count(*) FROM pg_am WHERE amname IN ('hnsw', 'ivfflat')", 'shop'), "80\n0",
	'columns do not go with it');

#
# Settings and options
#
sql(<<'END');
CREATE TABLE t (id int PRIMARY KEY, e vector(16)) USING viper;
INSERT INTO t SELECT i, (SELECT array_agg(4 * sin((i % 23) * 1.7 * d) + sin(i * 0.37 * d + i)) FROM generate_series(1, 16) d)::real[]
	FROM generate_series(1, 3000) i;
CREATE INDEX t_hnsw ON t USING hnsw (e vector_cosine_ops) WITH (m = 16, ef_construction = 64);
CREATE INDEX t_ivfflat ON t USING ivfflat (e) WITH (lists = 30);
ANALYZE t;
END
like(sql('EXPLAIN (COSTS OFF) SELECT id FROM t ORDER BY e <=> (SELECT e FROM t WHERE id = 7) LIMIT 5'), qr/Index Scan using t_hnsw/, 'hnsw');
like(sql('EXPLAIN (COSTS OFF) SELECT id FROM t ORDER BY e <-> (SELECT e FROM t WHERE id = 7) LIMIT 5'), qr/Index Scan using t_ivfflat/, 'ivfflat');
is(sql('SET hnsw.ef_search = 1; SELECT count(*) FROM (SELECT id FROM t ORDER BY e <=> (SELECT e FROM t WHERE id = 7) LIMIT 2999) s'), '2999',
	'LIMIT is met, however little effort');

# Settings, loading the library first: name, default, and values beyond its range
foreach my $setting ([ 'hnsw.ef_search', '40', 0, 1001 ], [ 'hnsw.iterative_scan', 'off', 'on' ], [ 'hnsw.max_scan_tuples', '20000', 0 ],
	[ 'hnsw.scan_mem_multiplier', '1', 0.5, 1001 ], [ 'ivfflat.probes', '1', 0, 32769 ], [ 'ivfflat.iterative_scan', 'off', 'strict_order' ],
	[ 'ivfflat.max_probes', '32768', 0, 32769 ])
{
	my ($name, $default, @wrong) = @$setting;
	my $load = "SET client_min_messages = error; SELECT FROM t ORDER BY e <=> '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]' LIMIT 1; RESET client_min_messages;";
	is(sql("$load SHOW $name") =~ s/^\n//r, $default, "default of $name");
	like(messages("$load SET $name = '$_'"), qr/ERROR:  .*parameter "$name"/, "$name = $_ is an error") foreach @wrong;
}
like(messages("SET hnsw.ef_search = 5000; EXPLAIN SELECT FROM t ORDER BY e <=> NULL LIMIT 1"), qr/WARNING:  5000 is outside the valid range for parameter "hnsw.ef_search"/,
	'a wrong value set before the library is loaded is given up with a warning');
like(messages('SELECT FROM t ORDER BY e <=> NULL LIMIT 1; SET hnsw.other = 1'), qr/invalid configuration parameter name "hnsw.other"/, 'no other settings');

# Effort: what the two indexes then aim at
sub recall { return sql("LOAD 'proximadb_vector'; $_[0]; SELECT string_agg(round(target_recall::numeric, 4)::text, ' ' ORDER BY index::text) FROM proximadb.stat_index WHERE \"table\" = 't'::regclass"); }
is(recall(''), '0.9500 0.9500', 'defaults leave the target recall alone');
is(recall('SET hnsw.ef_search = 80; SET ivfflat.probes = 5'), '0.9750 0.9900', 'more effort misses fewer rows');
is(recall('SET hnsw.ef_search = 1000; SET ivfflat.probes = 29'), '0.9980 0.9983', 'most');
is(recall('SET ivfflat.probes = 30'), '0.9500 1.0000', 'as many probes as lists look at all rows');
is(recall('SET hnsw.ef_search = 20'), '0.9000 0.9500', 'less effort');
is(recall('SET hnsw.ef_search = 1'), '0.5000 0.9500', 'least');
is(recall('SET proximadb.target_recall = 0.9; SET hnsw.ef_search = 80; SET ivfflat.probes = 2'), '0.9500 0.9500', 'from a setting for all');
sql('ALTER INDEX t_hnsw SET (target_recall = 0.99)');
is(recall('BEGIN; SET LOCAL hnsw.ef_search = 80'), '0.9950 0.9500', "from the index's own option");
is(recall('SET ivfflat.probes = 30; SET enable_seqscan = off; DO $$ BEGIN PERFORM id FROM t ORDER BY e <-> (SELECT e FROM t WHERE id = 9) LIMIT 5; END $$') =~ s/.* //r,
	'1.0000', 'searches through all lists');

# Order of scans that go on: a filter which only the executor can test
my $scan = q{SELECT count(*) FROM (SELECT d, lag(d) OVER () AS before FROM (SELECT e <=> (SELECT e FROM t WHERE id = 7) AS d FROM t WHERE id % 97 = 5
	ORDER BY e <=> (SELECT e FROM t WHERE id = 7) LIMIT 20) s) r};
is(sql("SET hnsw.iterative_scan = strict_order; SET hnsw.ef_search = 1; SET enable_seqscan = off; $scan WHERE d < before"), '0', 'strict order');
is(sql("SET hnsw.iterative_scan = relaxed_order; $scan"), '20', 'a filter that the executor tests leaves LIMIT as it is');

# Index options
foreach my $option ([ 'hnsw', 'm = 1' ], [ 'hnsw', 'm = 101' ], [ 'hnsw', 'ef_construction = 3' ], [ 'hnsw', 'ef_construction = 1001' ], [ 'ivfflat', 'lists = 0' ],
	[ 'ivfflat', 'lists = 32769' ])
{
	my ($method, $value) = @$option;
	my ($name) = split / /, $value;
	like(messages("CREATE INDEX ON t USING $method (e vector_l2_ops) WITH ($value)"), qr/ERROR:  value \d+ out of bounds for option "$name"/, "$method with $value");
}
like(messages('CREATE INDEX ON t USING hnsw (e vector_l2_ops) WITH (lists = 3)'), qr/unrecognized parameter "lists"/, 'options of the other');
like(messages('CREATE INDEX ON t USING hnsw (e vector_l2_ops) WITH (code_bits = 3)'), qr/code_bits must be/, "axis's own options are checked");
like(messages('CREATE INDEX ON t USING hnsw (e)'), qr/data type vector has no default operator class for access method "hnsw"/, 'as in pgvector, hnsw has no default');
like(messages('CREATE INDEX ON t USING hnsw (e vector_l2_ops, id)'), qr/access method "hnsw" does not support multicolumn indexes/, 'nor further columns');

# Progress, as ann-benchmarks reads it: told by an expression of the index that is being built
sql(<<'END');
CREATE FUNCTION spy(e vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	p record;
BEGIN
	PERFORM pg_stat_clear_snapshot();
	SELECT phase, blocks_done, blocks_total INTO p FROM pg_stat_progress_create_index WHERE pid = pg_backend_pid();
	IF p.blocks_done > 0 AND p.blocks_done < p.blocks_total THEN
		RAISE NOTICE 'progress: %', p.phase;
	END IF;
	RETURN e;
END $$;
CREATE TABLE slow (e vector(16)) USING heap;
INSERT INTO slow SELECT e FROM t LIMIT 600;
END
like(messages("CREATE INDEX ON slow USING $_ ((spy(e)::vector(16)) vector_l2_ops)"), qr/progress: building index: loading tuples/, "progress of $_") foreach ('hnsw', 'ivfflat');
$node->stop;

#
# Without preloading
#
my $bare = PostgreSQL::Test::Cluster->new('compat_bare');
$bare->init;
$bare->append_conf('postgresql.conf', "shared_preload_libraries = ''\nautovacuum = off\nfsync = off\n");
$bare->start;
is($bare->safe_psql('postgres', <<'END'), '7', 'plain CREATE EXTENSION and hnsw without preloading');
BEGIN;
SET LOCAL hnsw.ef_search = 100;
CREATE EXTENSION vector;
CREATE TABLE t (id int, e vector(3)) USING heap;
INSERT INTO t SELECT i, ARRAY[sin(i), cos(i), i]::vector FROM generate_series(1, 500) i;
CREATE INDEX ON t USING hnsw (e vector_l2_ops);
SET LOCAL enable_seqscan = off;
SELECT id FROM t ORDER BY e <-> (SELECT e FROM t WHERE id = 7) LIMIT 1;
COMMIT;
END
$bare->stop;
done_testing();
