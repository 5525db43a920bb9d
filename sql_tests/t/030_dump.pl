# pg_dump and pg_restore in all formats give the same answers, into viper tables and into heap tables.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'proximadb'\nautovacuum = off\n");
$node->start;
my $dir = $node->basedir;

$node->safe_psql('postgres', 'CREATE DATABASE original');
$node->safe_psql('original', <<'END');
CREATE EXTENSION proximadb;
CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0 || ',-' || i % 7, 255) || ',' || i % 3 || ',0.5]')::vector $$;
CREATE TABLE docs (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gone text,
    v vector(768) NOT NULL,
    any_v vector,
    body text,
    n numeric CHECK (n < 1000),
    tags text[],
    meta jsonb,
    f float8,
    twice int GENERATED ALWAYS AS (id * 2) STORED
) USING viper;
INSERT INTO docs (v, any_v, body, n, tags, meta, f)
SELECT vec(i), CASE WHEN i % 3 = 0 THEN '[1,-0,1e-30]'::vector END, nullif('body' || E'\t\n\\' || i, ''), i / 7.0, ARRAY['a', NULL, i::text],
       jsonb_build_object('i', i, 's', repeat('x', i)), CASE i % 4 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' WHEN 2 THEN '-Infinity' ELSE i / 3.0 END
FROM generate_series(1, 600) i;
ALTER TABLE docs DROP COLUMN gone;
ALTER TABLE docs ADD COLUMN later int DEFAULT 7;
UPDATE docs SET body = repeat(md5(id::text), 40000) WHERE id IN (3, 300);
DELETE FROM docs WHERE id % 50 = 1;
CREATE INDEX docs_body ON docs (left(body, 20)) WHERE n > 10;
COMMENT ON TABLE docs IS 'documents';
CREATE TABLE refs (id int PRIMARY KEY, doc int REFERENCES docs ON DELETE CASCADE, v vector(3)) USING viper;
INSERT INTO refs SELECT id, id, ARRAY[id, 0, 0]::vector FROM docs;
CREATE TABLE parts (id int, v vector(3)) PARTITION BY RANGE (id);
CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (0) TO (100) USING viper;
CREATE TABLE parts2 PARTITION OF parts FOR VALUES FROM (100) TO (1000) USING heap;
INSERT INTO parts SELECT i, ARRAY[i, i, i]::vector FROM generate_series(1, 200) i;
CREATE UNLOGGED TABLE unlogged (id int, v vector(3)) USING viper;
INSERT INTO unlogged VALUES (1, '[1,2,3]');
CREATE TABLE empty () USING viper;
INSERT INTO empty DEFAULT VALUES;
CREATE MATERIALIZED VIEW view USING viper AS SELECT id, v, n FROM docs WHERE n < 50;
CREATE UNIQUE INDEX ON view (id);
CREATE VIEW plain AS SELECT d.id, d.v, r.v AS rv FROM docs d JOIN refs r ON r.doc = d.id;
END

# All rows of all tables, bit by bit, and what the tables are
sub digest
{
	my ($db) = @_;
	return $node->safe_psql($db, <<'END');
SET extra_float_digits = 3;
SELECT 'docs', count(*), md5(string_agg(d::text, '|' ORDER BY id)), md5(string_agg(encode(vector_send(v) || float8send(f), 'hex'), '' ORDER BY id)), sum(later), sum(twice) FROM docs d;
SELECT 'refs', count(*), md5(string_agg(r::text, '|' ORDER BY id)) FROM refs r;
SELECT 'parts', count(*), md5(string_agg(p::text, '|' ORDER BY id)) FROM parts p;
SELECT 'unlogged', * FROM unlogged;
SELECT 'empty', count(*) FROM empty;
SELECT 'view', count(*), md5(string_agg(view::text, '|' ORDER BY id)) FROM view;
SELECT 'plain', count(*), sum(vector_dims(v)) FROM plain;
SELECT 'near', array_agg(id) FROM (SELECT id FROM docs ORDER BY v <-> vec(77), id LIMIT 20) x;
SELECT obj_description('docs'::regclass, 'pg_class');
END
}

sub methods
{
	my ($db) = @_;
	return $node->safe_psql($db,
		"SELECT string_agg(relname || ' ' || amname, ',' ORDER BY relname) FROM pg_class c JOIN pg_am a ON a.oid = relam JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public' AND relkind IN ('r', 'm')");
}

my $expected = digest('original');
my $viper = 'docs viper,empty viper,parts1 viper,parts2 heap,refs viper,unlogged viper,view viper';
like($expected, qr/^docs\|588\|/, 'the original has its rows');
is(methods('original'), $viper, 'the original has its access methods');

# After a restore, rows can be added and found
sub check
{
	my ($db, $expect_methods, $name) = @_;

	is(digest($db), $expected, "$name: same rows");
	is(methods($db), $expect_methods, "$name: access methods");
	is($node->safe_psql($db, "INSERT INTO docs (v, n) VALUES (vec(3), 1) RETURNING id, later, twice"), '601|7|1202', "$name: takes a row");
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($db), '-c', 'VACUUM FULL docs', '-c', 'REFRESH MATERIALIZED VIEW CONCURRENTLY view' ], "$name: can be vacuumed");
}

sub dump_and_restore
{
	my ($db, $dump_options, $restore_options, $name) = @_;
	my $file = "$dir/$db.dump";

	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->command_ok([ 'pg_dump', @$dump_options, '-f', $file, '-d', $node->connstr('original') ], "$name: pg_dump");
	if ($restore_options)
	{
		$node->command_ok([ 'pg_restore', @$restore_options, '--exit-on-error', '-d', $node->connstr($db), $file ], "$name: pg_restore");
	}
	else
	{
		$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($db), '-f', $file ], "$name: psql");
	}
}

dump_and_restore('plain', ['-Fp'], undef, 'plain');
check('plain', $viper, 'plain');
dump_and_restore('inserts', [ '-Fp', '--rows-per-insert=50' ], undef, 'plain with inserts');
check('inserts', $viper, 'plain with inserts');
dump_and_restore('custom', ['-Fc'], [], 'custom');
check('custom', $viper, 'custom');
dump_and_restore('directory', [ '-Fd', '-j2' ], ['-j2'], 'directory');
check('directory', $viper, 'directory');
dump_and_restore('single', ['-Fc'], ['--single-transaction'], 'in one transaction');
check('single', $viper, 'in one transaction');
dump_and_restore('heap', [ '-Fp', '--no-table-access-method' ], undef, 'without access methods');
check('heap', $viper =~ s/viper/heap/gr, 'without access methods');

# Heap tables, by way of default_table_access_method, into viper
$node->safe_psql('postgres', 'CREATE DATABASE back');
$node->safe_psql('back', 'CREATE EXTENSION proximadb; ALTER DATABASE back SET default_table_access_method = viper');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('back'), '-f', "$dir/heap.dump" ], 'into viper by default');
check('back', $viper =~ s/heap/viper/r, 'into viper by default');

# The databases of a restored server as a whole
$node->command_ok([ 'pg_dumpall', '-f', "$dir/all.sql", '-h', $node->host, '-p', $node->port ], 'pg_dumpall');

$node->stop;
done_testing();
