# A server that does not preload the library: types work, tables say what is wrong and can still be dropped.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('preload');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION proximadb');

# Runs a command that must fail for want of preloading.
sub refused
{
	my ($sql, $name) = @_;
	my ($status, undef, $stderr) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");

	isnt($status, 0, "$name fails");
	like($stderr, qr/ERROR:  55000: .*proximadb was not loaded at server start/, "$name: says why");
	like($stderr, qr/HINT:  Add proximadb to shared_preload_libraries and restart the server\./, "$name: says what to do");
}

is($node->safe_psql('postgres', "SELECT '[1,2,2]'::vector <-> '[0,0,0]', vector_dims('[1,2]'::vector), avg(v) FROM (VALUES ('[1,1]'::vector), ('[3,3]')) x (v)"),
	'3|2|[2,2]', 'types, operators and aggregates work');
$node->safe_psql('postgres', "CREATE TABLE plain (id int, v vector(3)); INSERT INTO plain VALUES (1, '[1,2,3]'); CREATE INDEX ON plain (v)");
refused('CREATE TABLE t (id int, v vector(3)) USING viper', 'CREATE TABLE');
refused('CREATE TABLE t USING viper AS SELECT * FROM plain', 'CREATE TABLE AS');
refused('CREATE MATERIALIZED VIEW m USING viper AS SELECT * FROM plain', 'CREATE MATERIALIZED VIEW');
refused('ALTER TABLE plain SET ACCESS METHOD viper', 'SET ACCESS METHOD');
is($node->safe_psql('postgres', 'SELECT * FROM plain'), '1|[1,2,3]', 'the heap table is as it was');

# Tables made while it was loaded, with sealed and with hot rows
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'proximadb'\n");
$node->restart;
$node->safe_psql('postgres', <<'END');
CREATE TABLE t (id int PRIMARY KEY, v vector(3), body text) USING viper;
SET proximadb.debug_direct = on;
INSERT INTO t SELECT i, ARRAY[i, i, i]::vector, 'sealed' FROM generate_series(1, 100) i;
SET proximadb.debug_direct = off;
INSERT INTO t VALUES (101, '[1,1,1]', 'hot');
CREATE TABLE gone (LIKE t) USING viper;
INSERT INTO gone SELECT * FROM t;
CREATE TABLE gone_too (LIKE t) USING viper;
END
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->restart;
refused('SELECT * FROM t', 'SELECT');
refused('SELECT count(*) FROM t', 'SELECT count(*)');
refused('SET enable_seqscan = off; SELECT body FROM t WHERE id = 5', 'SELECT by index');
refused("SELECT * FROM t WHERE ctid = '(0,1)'", 'SELECT by TID');
refused('SELECT * FROM t TABLESAMPLE SYSTEM (50)', 'TABLESAMPLE');
refused('SELECT * FROM t FOR UPDATE', 'SELECT FOR UPDATE');
refused("INSERT INTO t VALUES (200, '[1,1,1]')", 'INSERT');
refused("INSERT INTO t VALUES (5, '[1,1,1]') ON CONFLICT DO NOTHING", 'INSERT ON CONFLICT');
refused('COPY t TO STDOUT', 'COPY TO');
refused("UPDATE t SET body = 'x'", 'UPDATE');
refused('DELETE FROM t WHERE id = 3', 'DELETE');
refused('CREATE INDEX ON t (body)', 'CREATE INDEX');
refused('TRUNCATE t', 'TRUNCATE');
refused('VACUUM FULL t', 'VACUUM FULL');
refused('ALTER TABLE t ALTER id TYPE bigint', 'ALTER TYPE');
refused('ALTER TABLE t SET ACCESS METHOD heap', 'SET ACCESS METHOD heap');
refused('ANALYZE t', 'ANALYZE');
$node->safe_psql('postgres', 'VACUUM (FREEZE) t');
pass('VACUUM FREEZE works');
$node->safe_psql('postgres', 'DROP TABLE gone; BEGIN; DROP TABLE gone_too; ROLLBACK');
is($node->safe_psql('postgres', "SELECT to_regclass('gone'), to_regclass('gone_too')"), '|gone_too', 'DROP TABLE works');
$node->safe_psql('postgres', 'DROP TABLE gone_too');
is($node->safe_psql('postgres', 'SELECT * FROM plain'), '1|[1,2,3]', 'other tables work');

# Loaded by a session only: no good either
refused("LOAD 'proximadb'; SELECT * FROM t", 'SELECT after LOAD');

# And back: nothing is lost
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'proximadb'");
$node->restart;
is($node->safe_psql('postgres', 'SELECT count(*), sum(id), bool_and(v = ARRAY[id, id, id]::vector) FILTER (WHERE id < 101), min(body) FROM t'),
	'101|5151|t|hot', 'all rows are there again');

# After a crash the log needs the library
$node->safe_psql('postgres', "SET proximadb.debug_direct = on; INSERT INTO t SELECT i, ARRAY[i, i, i]::vector, 'more' FROM generate_series(201, 300) i");
$node->stop('immediate');
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
is($node->start(fail_ok => 1), 0, 'recovery without the library fails');
like(slurp_file($node->logfile), qr/resource manager with ID \d+ not registered/, 'and says why');
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'proximadb'");
$node->start;
is($node->safe_psql('postgres', 'SELECT count(*), sum(id) FROM t'), '201|30201', 'recovery with it works');

$node->stop;
done_testing();
