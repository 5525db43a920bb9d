# pg_upgrade takes tables, stores, indexes, options and collections to another cluster as they are.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $conf = "shared_preload_libraries = 'proximadb'\nautovacuum = off\nproximadb.worker = off\n";
my $old = PostgreSQL::Test::Cluster->new('old');
$old->init;
$old->append_conf('postgresql.conf', $conf);
$old->start;
$old->safe_psql('postgres', <<'END');
CREATE EXTENSION proximadb;
SET default_table_access_method = viper;
CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(((i * 7919 + j * 104729) % 1009) / 64.0 ORDER BY j)::float4[]::vector FROM generate_series(1, 96) j $$;
CREATE TABLE t (id int PRIMARY KEY, gone text, v vector(96), n int, body text);
SELECT proximadb.set_options('t', compression_level => 9, segment_size => '1MB');
INSERT INTO t SELECT i, 'gone', vec(i), i % 10, CASE WHEN i % 500 = 0 THEN repeat(md5(i::text), 1000) ELSE 'body ' || i END FROM generate_series(1, 5000) i;
ALTER TABLE t DROP COLUMN gone;
CREATE INDEX ON t USING axis (v vector_cosine_ops, n);
VACUUM t;
UPDATE t SET n = n + 1 WHERE id % 7 = 0;
DELETE FROM t WHERE id % 11 = 0;
INSERT INTO t VALUES (10001, vec(10001), 3, 'hot');
CREATE MATERIALIZED VIEW m AS SELECT id, v FROM t WHERE n = 3;
SELECT proximadb.create_collection('notes', 96, engine => 'viper', filterable_columns => '["lang"]');
SELECT proximadb.upsert_vectors('notes', jsonb_agg(jsonb_build_object('id', 'n' || i, 'vector', vec(i)::real[], 'metadata', jsonb_build_object('lang', 'l' || i % 3))))
	FROM generate_series(1, 200) i;
END

my $state = <<'END';
SELECT count(*), sum(id), sum(n), md5(string_agg(body || v::text, ',' ORDER BY id)) FROM t;
SELECT count(*), md5(string_agg(v::text, ',' ORDER BY id)) FROM m;
SELECT segment, state, engine, rows, bytes FROM proximadb.segments('t') ORDER BY segment;
SELECT string_agg(id::text, ',') FROM (SELECT id FROM t WHERE n = 3 ORDER BY v <=> vec(77) LIMIT 5) s;
SELECT id, rank FROM proximadb.search('notes', vec(5), 3, '{"lang": "l2"}');
SELECT name, value, source FROM proximadb.options('t') ORDER BY name;
END
my $expected = $old->safe_psql('postgres', $state);
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
$new->append_conf('postgresql.conf', $conf);
my $bindir = $old->config_data('--bindir');
# It writes its logs where it runs, in PostgreSQL 15 below the new data directory.
chdir $new->basedir or die;
command_ok([ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bindir, '-B', $bindir,
		'-s', $new->host, '-p', $old->port, '-P', $new->port ], 'pg_upgrade');
$new->start;

is($new->safe_psql('postgres', $state), $expected, 'the same answers');
is($new->safe_psql('postgres', "SELECT count(*) FROM pg_class c JOIN pg_am a ON a.oid = c.relam, proximadb.verify(c.oid) WHERE a.amname = 'viper' AND c.relkind IN ('r', 'm')"), '0', 'tables are sound');
is($new->safe_psql('postgres', "SELECT count(*) FROM pg_class c JOIN pg_am a ON a.oid = c.relam, proximadb.axis_check(c.oid) WHERE a.amname = 'axis'"), '0', 'indexes are sound');
$new->safe_psql('postgres', "UPDATE t SET n = 3 WHERE id = 1; INSERT INTO t SELECT i, vec(i), 3, 'new' FROM generate_series(20001, 21000) i; DELETE FROM t WHERE id % 2 = 0");
$new->safe_psql('postgres', 'VACUUM');
is($new->safe_psql('postgres', "SELECT count(*), count(*) FILTER (WHERE v <> vec(id)) FROM t"), $new->safe_psql('postgres', 'SELECT count(*), 0 FROM t'), 'and can be changed');
is($new->safe_psql('postgres', "SELECT count(*) FROM proximadb.verify('t')"), '0', 'and are sound then');
done_testing();
