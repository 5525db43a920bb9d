# A streaming standby reads hot and sealed rows, through restarts, and is promoted.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, extra => ['--data-checksums']);
$primary->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'proximadb'
wal_consistency_checking = 'all'
autovacuum = off
hot_standby = on
END
$primary->start;
$primary->safe_psql('postgres', <<'END');
CREATE EXTENSION proximadb;
SET default_table_access_method = viper;
CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0 || ',-' || i % 7, 255) || ',' || i % 3 || ',0.5]')::vector $$;
CREATE TABLE t (id int PRIMARY KEY, v vector(768), body text);
INSERT INTO t SELECT i, vec(i), 'body ' || i FROM generate_series(1, 300) i;
CREATE UNLOGGED TABLE u AS SELECT * FROM t;
END
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

my $state = <<'END';
SELECT count(*), sum(id), count(*) FILTER (WHERE v IS DISTINCT FROM vec(id % 1000)), count(body), md5(string_agg(body, ',' ORDER BY id)) FROM t;
SET enable_seqscan = off;
SELECT id, v = vec(id % 1000), body FROM t WHERE id IN (7, 8, 400, 1007, 2007) ORDER BY id;
SELECT id FROM t ORDER BY v <-> vec(33), id LIMIT 5;
END

# Does something on the primary: the standby must come to the same answers.
sub follows
{
	my ($sql, $name) = @_;

	$primary->safe_psql('postgres', $sql);
	$primary->wait_for_catchup($standby, 'replay');
	is($standby->safe_psql('postgres', $state), $primary->safe_psql('postgres', $state), $name);
}

follows('SELECT 1', 'rows of the base backup');
follows("INSERT INTO t SELECT i, vec(i % 1000), 'new ' || i FROM generate_series(1001, 1300) i", 'a bulk load');
follows("UPDATE t SET body = 'updated' WHERE id % 3 = 0; DELETE FROM t WHERE id % 5 = 0", 'updates and deletes');
follows("BEGIN; INSERT INTO t SELECT i, vec(i % 1000), 'lost ' || i FROM generate_series(2001, 2300) i; ROLLBACK", 'an aborted load');
follows('VACUUM t', 'vacuum');
follows("INSERT INTO t SELECT i, vec(i % 1000), 'again ' || i FROM generate_series(2001, 2400) i", 'reused extents');
follows("ALTER TABLE t ADD COLUMN n int DEFAULT 5; INSERT INTO t SELECT i, vec(i % 1000), 'n ' || i, i FROM generate_series(3001, 3200) i", 'a new column');

# A query that holds its snapshot while the primary vacuums is either right or cancelled
$standby->restart;
is($standby->safe_psql('postgres', $state), $primary->safe_psql('postgres', $state), 'after a restart');
follows('DELETE FROM t WHERE id > 2000', 'deletes after the restart');
follows('VACUUM (FREEZE) t', 'freeze');
$primary->safe_psql('postgres', 'CHECKPOINT');
$standby->safe_psql('postgres', 'CHECKPOINT');
$standby->stop('immediate');
$standby->start;
follows('CREATE INDEX ON t (body)', 'after a crash of the standby');
follows('VACUUM FULL t', 'vacuum full');
follows("CLUSTER t USING t_pkey; INSERT INTO t (id, v, body) SELECT i, vec(i % 1000), 'c ' || i FROM generate_series(4001, 4200) i", 'cluster and load');
follows("BEGIN; TRUNCATE t; INSERT INTO t (id, v, body) SELECT i, vec(i % 1000), 'after ' || i FROM generate_series(1, 400) i; COMMIT", 'truncate and load');
follows('ALTER TABLE t SET ACCESS METHOD heap; ALTER TABLE t SET ACCESS METHOD viper', 'access methods');
follows("BEGIN; INSERT INTO t (id, v, body) SELECT i, vec(i % 1000), 'p ' || i FROM generate_series(1001, 1200) i; UPDATE t SET body = 'q' WHERE id > 1100; COMMIT", 'load and update in one');

# Flush and compaction: rows sealed and moved, overlays, TOASTed values, extents freed and used again, the store's tail cut off
follows("INSERT INTO t (id, v, body) SELECT i, vec(i % 1000), 'hot ' || i FROM generate_series(2001, 2060) i", 'rows to flush');
follows("SELECT proximadb.flush('t')", 'flush');
follows("UPDATE t SET body = 'overlay' WHERE id % 4 = 0; UPDATE t SET v = vec(id % 1000) WHERE id % 8 = 0", 'updates of sealed rows');
follows("SELECT proximadb.flush('t')", 'flush of updated rows');
$primary->safe_psql('postgres', 'ALTER TABLE t ADD COLUMN big text');
$state .= "SELECT count(big), md5(string_agg(md5(big), ',' ORDER BY id)) FROM t;\n";
follows("INSERT INTO t (id, v, body, big) SELECT i, vec(i % 1000), 'big ' || i, (SELECT string_agg(md5(i || ':' || k), '') FROM generate_series(1, 300) k) FROM generate_series(2101, 2120) i", 'TOASTed rows');
follows("SELECT proximadb.flush('t')", 'flush of TOASTed rows');
follows('DELETE FROM t WHERE id % 2 = 0', 'half of the rows deleted');
follows('VACUUM t', 'vacuum of those');
follows("SELECT proximadb.compact('t')", 'compaction');
follows("BEGIN; UPDATE t SET body = 'lost'; SELECT proximadb.flush('t'); SELECT proximadb.compact('t'); ROLLBACK", 'flush and compaction rolled back');
follows("INSERT INTO t (id, v, body) SELECT i, vec(i % 1000), 'tail ' || i FROM generate_series(9001, 9900) i", 'a load');
follows('DELETE FROM t WHERE id > 9000', 'deleted again');
follows('VACUUM t', 'the store is cut off');
follows("SELECT proximadb.compact('t')", 'and compacted');
my $size = "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 't'::regclass";
is($standby->safe_psql('postgres', $size), $primary->safe_psql('postgres', $size), 'the store has the same size');

# The directory of a store that begins with chunks of hot rows moves to the front when these have gone
follows("CREATE TABLE x (id int PRIMARY KEY, big text) USING viper; " . join('', map { "INSERT INTO x SELECT i, (SELECT string_agg(md5(i || ':' || k), '') FROM generate_series(1, 600) k) FROM generate_series($_, $_ + 9) i;" } map { $_ * 10 } 1 .. 20)
	. "SELECT proximadb.flush('x')", 'a store that begins with chunks');
$size =~ s/'t'/'x'/;
my $before = $primary->safe_psql('postgres', $size);
follows('VACUUM x', 'its chunks go');
cmp_ok($primary->safe_psql('postgres', $size), '<', $before * 0.7, 'and their room is given back');
is($standby->safe_psql('postgres', $size), $primary->safe_psql('postgres', $size), 'on the standby, too');
$standby->restart;
is($standby->safe_psql('postgres', 'SELECT count(*), md5(string_agg(big, NULL ORDER BY id)) FROM x'), $primary->safe_psql('postgres', 'SELECT count(*), md5(string_agg(big, NULL ORDER BY id)) FROM x'), 'the directory is found in its new place');
is($primary->safe_psql('postgres', "SELECT * FROM proximadb.verify('x')"), '', 'verify() finds nothing');
for my $function (qw(flush compact))
{
	my (undef, undef, $error) = $standby->psql('postgres', "SELECT proximadb.$function('t')");
	like($error, qr/cannot maintain tables during recovery/, "$function() is refused");
}

# Queries on the standby while all that is replayed: right, or cancelled
my $script = $primary->basedir . '/load.sql';
my $output = $primary->basedir . '/load.out';
append_to_file($script, join '', map { ("INSERT INTO t (id, v, body) SELECT i, vec(i % 1000), 'load ' || i FROM generate_series(9001, 9100) i ON CONFLICT DO NOTHING;\n",
	"SELECT 1 FROM proximadb.flush('t');\n", "UPDATE t SET body = 'round $_' WHERE id > 9000 AND id % 5 = $_ % 5;\n", "DELETE FROM t WHERE id > 9000 AND id % 3 = $_ % 3;\n",
	"VACUUM t;\n", "SELECT 1 FROM proximadb.compact('t');\n") } 1 .. 15);
my $load = IPC::Run::start([ 'psql', '-XAtq', '-d', $primary->connstr('postgres'), '-f', $script ], '<', '/dev/null', '&>', $output, IPC::Run::timeout(180));
my ($right, $wrong) = (0, 0);
for (1 .. 20)
{
	my ($rc, $answer, $error) = $standby->psql('postgres', "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FILTER (WHERE v IS DISTINCT FROM vec(id % 1000)) FROM t; SET LOCAL enable_seqscan = off; SELECT count(*) - count(v) FROM t WHERE id > 0; COMMIT");
	if ($answer eq "0\n0") { $right++; }
	elsif ($error !~ /conflict with recovery/) { $wrong++; diag("$answer $error"); }
}
$load->finish;
my $out = slurp_file($output);
unlike($out, qr/ERROR:/, 'the load went well');
ok($right > 0 && $wrong == 0, 'queries on the standby are right meanwhile');
follows('DELETE FROM t WHERE id > 9000', 'and afterwards');
follows('VACUUM t', 'and after a vacuum');

my (undef, undef, $stderr) = $standby->psql('postgres', 'INSERT INTO t (id) VALUES (0)');
like($stderr, qr/cannot execute INSERT in a read-only transaction/, 'standby is read-only');

# Promotion, in the middle of a load on the primary that never commits
my $session = $primary->background_psql('postgres', on_error_stop => 0);
$session->query_safe("BEGIN");
$session->query_safe("INSERT INTO t (id, v, body) SELECT i, vec(i % 1000), 'open ' || i FROM generate_series(5001, 5300) i");
$primary->safe_psql('postgres', "INSERT INTO t (id, v, body) VALUES (6001, vec(1), 'last')");
$primary->wait_for_catchup($standby, 'replay');
$before = $primary->safe_psql('postgres', $state);
$primary->stop('immediate');
eval { $session->quit };
$standby->promote;
is($standby->safe_psql('postgres', $state), $before, 'the promoted standby has all committed rows');
$standby->safe_psql('postgres', "INSERT INTO t (id, v, body) SELECT i, vec(i % 1000), 'promoted ' || i FROM generate_series(7001, 7300) i; DELETE FROM t WHERE id < 100; VACUUM t");
$standby->safe_psql('postgres', $_) for "SELECT proximadb.flush('t')", "UPDATE t SET body = 'p' WHERE id % 3 = 0", 'VACUUM t', "SELECT proximadb.compact('t')";
my $rows = $standby->safe_psql('postgres', 'SELECT count(*) FROM t');
cmp_ok($rows, '>', 500, 'rows are there');
is($standby->safe_psql('postgres', 'SELECT count(*), count(*) FILTER (WHERE v IS DISTINCT FROM vec(id % 1000)) FROM t'), "$rows|0", 'and takes loads');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM u'), '0', 'its unlogged table is empty');
$standby->safe_psql('postgres', 'INSERT INTO u SELECT id, v, body FROM t');
is($standby->safe_psql('postgres', 'SELECT count(*), count(*) FILTER (WHERE v IS DISTINCT FROM vec(id % 1000)) FROM u'), "$rows|0", 'and can be filled');
$standby->stop('immediate');
$standby->start;
is($standby->safe_psql('postgres', 'SELECT count(*), count(*) FILTER (WHERE v IS DISTINCT FROM vec(id % 1000)) FROM t'), "$rows|0", 'and survives a crash');

for my $node ($primary, $standby)
{
	unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|inconsistent page found|invalid page/, 'nothing bad in the log of ' . $node->name);
}
$standby->stop;
done_testing();
