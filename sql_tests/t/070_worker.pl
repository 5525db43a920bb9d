# The background worker: seals and compacts without being told, in every database that needs it, and stands in nobody's way.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('worker');
$node->init;
$node->append_conf('postgresql.conf', <<'END');
autovacuum = off
deadlock_timeout = 200ms
proximadb.worker = on
proximadb.worker_naptime = 1s
proximadb.flush_threshold = 256kB
log_autovacuum_min_duration = 0
END
$node->start;

# Waits until a query gives what is expected.
sub becomes
{
	my ($db, $sql, $expected, $name) = @_;

	ok($node->poll_query_until($db, $sql, $expected), $name) or diag($node->safe_psql($db, $sql));
}

# Changes a setting for all, and waits until the launcher must have seen it.
sub set_all
{
	my ($setting) = @_;

	$node->safe_psql('postgres', "ALTER SYSTEM SET $setting");
	$node->reload;
	becomes('postgres', 'SELECT count(*) FROM pg_stat_activity WHERE backend_type = \'proximadb worker\'', '0', "no worker after SET $setting")
		if $setting =~ /worker = off/;
}

# The first row of a table's counters
sub counter
{
	my ($db, $column, $table) = @_;

	return $node->safe_psql($db, "SELECT coalesce(sum($column), 0) FROM proximadb.stat_maintenance WHERE relid = '$table'::regclass");
}

my $launcher = 'SELECT count(*) FROM pg_stat_activity WHERE backend_type = \'proximadb launcher\'';
# In small commands, so that the rows are hot
my $fill = 'DO $$ BEGIN FOR b IN %2$d / 100 .. %3$d / 100 LOOP INSERT INTO %1$s '
  . 'SELECT i, array_fill(i %% 97, ARRAY[256])::vector, repeat(md5(i::text), 3) FROM generate_series(greatest(%2$d, b * 100), least(%3$d, b * 100 + 99)) i; '
  . 'END LOOP; END $$';
my $table = 'CREATE TABLE %s (id int PRIMARY KEY, v vector(256), body text) USING viper';

becomes('postgres', $launcher, '1', 'the launcher runs');

# Rows trickle in, and are sealed without a command
$node->safe_psql('postgres', 'CREATE EXTENSION proximadb');
$node->safe_psql('postgres', sprintf($table, 'docs'));
$node->safe_psql('postgres', sprintf($table, 'few'));
$node->safe_psql('postgres', sprintf($fill, 'few', 1, 10));
for my $batch (0 .. 9)
{
	$node->safe_psql('postgres', sprintf($fill, 'docs', $batch * 60 + 1, $batch * 60 + 60));
}
becomes('postgres', "SELECT flushed_rows >= 300 FROM proximadb.stat_maintenance WHERE relname = 'docs'", 't', 'rows that trickled in are sealed');
is($node->safe_psql('postgres', "SELECT count(*), sum(id), bool_and(v = array_fill(id % 97, ARRAY[256])::vector AND body = repeat(md5(id::text), 3)) FROM docs"),
	'600|180300|t', 'and all are there');
is(counter('postgres', 'flushes', 'few'), '0', 'a table with few rows is left alone');
like(slurp_file($node->logfile), qr/proximadb worker: table "public\.docs": \d+ rows sealed in \d+ segments/, 'the log tells of it');

# Another unit of work: what is sealed counts no more, though its pages are not all-visible
my $flushes = counter('postgres', 'flushes', 'docs');
sleep 3;
is(counter('postgres', 'flushes', 'docs'), $flushes, 'no flush without new rows');
$node->safe_psql('postgres', sprintf($fill, 'docs', 1001, 1400));
becomes('postgres', "SELECT flushes > $flushes FROM proximadb.stat_maintenance WHERE relname = 'docs'", 't', 'new rows in the free space of old pages are sealed');

# Rows with external values on all-visible pages: VACUUM cannot seal them, the worker does
$node->safe_psql('postgres', <<'END');
CREATE TABLE big (id int PRIMARY KEY, body text) USING viper;
ALTER TABLE big ALTER body SET STORAGE EXTERNAL;
BEGIN;
INSERT INTO big SELECT i, repeat(md5(i::text), 800) FROM generate_series(1, 8) i;
COMMIT;
VACUUM big;
INSERT INTO big SELECT i, repeat(md5(i::text), 800) FROM generate_series(9, 12) i;
END
becomes('postgres', "SELECT flushed_rows >= 8 FROM proximadb.stat_maintenance WHERE relname = 'big'", 't', 'rows with TOASTed values are sealed');
is($node->safe_psql('postgres', 'SELECT count(*), bool_and(body = repeat(md5(id::text), 800)) FROM big'), '12|t', 'and all are there');

# Switched off and on
set_all('proximadb.worker = off');
$node->safe_psql('postgres', sprintf($fill, 'docs', 2001, 2400));
$flushes = counter('postgres', 'flushes', 'docs');
sleep 3;
is(counter('postgres', 'flushes', 'docs'), $flushes, 'nothing happens while it is off');
is($node->safe_psql('postgres', $launcher), '1', 'the launcher waits');

# Compaction of many small segments
$node->safe_psql('postgres', sprintf($table, 'pieces'));
for my $piece (0 .. 6)
{
	$node->safe_psql('postgres', sprintf($fill, 'pieces', $piece * 20 + 1, $piece * 20 + 20) . "; SELECT proximadb.flush('pieces')");
}
is(counter('postgres', 'compactions', 'pieces'), '0', 'no compaction yet');
set_all('proximadb.worker = on');
becomes('postgres', "SELECT flushes > $flushes FROM proximadb.stat_maintenance WHERE relname = 'docs'", 't', 'it goes on when it is on again');
becomes('postgres', "SELECT compactions > 0 AND freed_segments >= 7 FROM proximadb.stat_maintenance WHERE relname = 'pieces'", 't', 'small segments are merged');
is($node->safe_psql('postgres', 'SELECT count(*), sum(id) FROM pieces'), '140|9870', 'and all rows are there');
my $compactions = counter('postgres', 'compactions', 'pieces');
sleep 3;
is(counter('postgres', 'compactions', 'pieces'), $compactions, 'merged once is enough');

# A table somebody works on is passed by, and no lock is waited for
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE docs IN SHARE UPDATE EXCLUSIVE MODE');
$node->safe_psql('postgres', sprintf($fill, 'docs', 3001, 3400));
$node->safe_psql('postgres', sprintf($fill, 'pieces', 3001, 3400));
$flushes = counter('postgres', 'flushes', 'docs');
becomes('postgres', "SELECT flushed_rows >= 500 FROM proximadb.stat_maintenance WHERE relname = 'pieces'", 't', 'others are worked on while a table is locked');
is(counter('postgres', 'flushes', 'docs'), $flushes, 'the locked one is not');
$locker->query_safe('COMMIT');
becomes('postgres', "SELECT flushes > $flushes FROM proximadb.stat_maintenance WHERE relname = 'docs'", 't', 'it is, once it is free');

# Progress, of a VACUUM slowed down
set_all('proximadb.worker = off');
$node->safe_psql('postgres', sprintf($fill, 'docs', 4001, 5000));
$locker->query_until(qr/started/, "\\echo started\nSET vacuum_cost_delay = 50; SET vacuum_cost_limit = 1; VACUUM docs;\n");
becomes('postgres', <<'END', 't', 'a running flush shows');
SELECT phase = 'scanning and sealing' AND datname = 'postgres' AND blocks_done > 0 AND blocks_done <= blocks_total
FROM proximadb.stat_progress WHERE relid = 'docs'::regclass
END
$node->safe_psql('postgres', "CREATE ROLE nobody; GRANT USAGE ON SCHEMA proximadb TO nobody");
is($node->safe_psql('postgres', 'SET ROLE nobody; SELECT datname, relid, phase, rows FROM proximadb.stat_progress'),
	'postgres|||', 'to others it shows as little as in core\'s views');
$node->safe_psql('postgres', 'SELECT pg_cancel_backend(pid) FROM proximadb.stat_progress');
becomes('postgres', 'SELECT count(*) FROM proximadb.stat_progress', '0', 'a cancelled one does not');
eval { $locker->quit };
$node->safe_psql('postgres', "SELECT proximadb.flush('docs'), proximadb.compact('docs'), proximadb.compact('pieces'), proximadb.compact('big')");

# While it compacts a table, VACUUM removes what dies in others
$node->append_conf('postgresql.conf', "autovacuum_vacuum_cost_delay = 15ms\nautovacuum_vacuum_cost_limit = 1\n");
$node->safe_psql('postgres', sprintf($table, 'scraps') . '; CREATE TABLE dying AS SELECT i FROM generate_series(1, 1000) i');
$node->safe_psql('postgres', sprintf($fill, 'scraps', $_ * 100, $_ * 100 + 99) . "; SELECT proximadb.flush('scraps')") for 1 .. 6;
set_all('proximadb.worker = on');
my $compacting = "SELECT count(*) FROM pg_stat_activity WHERE query = 'proximadb: compacting public.scraps'";
becomes('postgres', $compacting, '1', 'the worker compacts');
my ($status, $stdout, $stderr) = $node->psql('postgres', "DELETE FROM dying;\nVACUUM (VERBOSE) dying;\n$compacting");
is($stdout, '1', 'it still does');
like($stderr, qr/tuples: 1000 removed, 0 remain, 0 are dead but not yet removable/, 'and keeps VACUUM from nothing');
becomes('postgres', "SELECT compacted_segments >= 6 FROM proximadb.stat_maintenance WHERE relname = 'scraps'", 't', 'it comes to its end');
set_all('proximadb.worker = off');

# DDL that wants a table the worker is busy with, and DROP DATABASE, cancel it
$node->append_conf('postgresql.conf', "autovacuum_vacuum_cost_delay = 100ms\nautovacuum_vacuum_cost_limit = 1\n");
$node->safe_psql('postgres', 'CREATE DATABASE busy');
$node->safe_psql('busy', 'CREATE EXTENSION proximadb; ' . sprintf($table, 'slow'));
$node->safe_psql('busy', sprintf($fill, 'slow', 1, 3000));
set_all('proximadb.worker = on');
my $at_work = "SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'proximadb worker' AND datname = 'busy' AND query = 'proximadb: flushing public.slow'";
becomes('postgres', $at_work, 't', 'the worker shows what it does');
becomes('postgres', "SELECT count(*) FROM proximadb.stat_progress WHERE datname = 'busy' AND phase = 'scanning and sealing'", '1', 'here, too');
my $begun = time;
$node->safe_psql('busy', 'ALTER TABLE slow ADD extra int');
cmp_ok(time - $begun, '<', 10, 'ALTER TABLE does not wait for the worker');
like(slurp_file($node->logfile), qr/background maintenance of table "public\.slow"/, 'it was cancelled');
is($node->safe_psql('busy', 'SELECT count(*), sum(id), count(v) FROM slow'), '3000|4501500|3000', 'all rows are there');
# The cancelled table would be tried again first if the time for it had come.
$node->safe_psql('busy', 'DROP TABLE slow');
$node->safe_psql('busy', sprintf($table, 'slow_too'));
$node->safe_psql('busy', sprintf($fill, 'slow_too', 1, 3000));
$at_work =~ s/slow/slow_too/;
becomes('postgres', $at_work, 't', 'the worker is busy again');
$begun = time;
$node->safe_psql('postgres', 'DROP DATABASE busy');
cmp_ok(time - $begun, '<', 10, 'DROP DATABASE does not wait for the worker');

# The extension is dropped while it works
$node->safe_psql('postgres', sprintf($fill, 'docs', 6001, 9000));
$at_work = "SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'proximadb worker' AND datname = 'postgres' AND query LIKE 'proximadb: flushing %'";
becomes('postgres', $at_work, 't', 'the worker is busy in the other database');
$node->safe_psql('postgres', 'DROP EXTENSION proximadb CASCADE');
becomes('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'proximadb worker'", '0', 'it ends when the extension is gone');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE amname IN ('viper', 'segment_store')"), '0',
	'no table is left');

# Databases without the extension are left alone for longer and longer
my $log_start = -s $node->logfile;
$node->append_conf('postgresql.conf', "log_min_messages = debug1\n");
$node->reload;
sleep 8;
my @started = slurp_file($node->logfile, $log_start) =~ /starting background worker process "proximadb worker"/g;
my $databases = $node->safe_psql('postgres', 'SELECT count(*) FROM pg_database WHERE datallowconn');
cmp_ok(scalar @started, '<=', 4 * $databases, 'databases without the extension are seldom visited');
$node->append_conf('postgresql.conf', "log_min_messages = warning\nautovacuum_vacuum_cost_delay = 0\n");
$node->reload;

# CREATE DATABASE is not kept from copying a template
$node->safe_psql('postgres', "CREATE DATABASE copy$_ TEMPLATE template1") for 1 .. 3;
pass('templates can be copied');

# Terminated processes come back, and take nobody along
my $pid = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'proximadb launcher'");
my $session = $node->background_psql('copy1');
$session->query_safe('CREATE EXTENSION proximadb; ' . sprintf($table, 'docs'));
kill 'TERM', $pid;
becomes('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'proximadb launcher' AND pid <> $pid", '1', 'a terminated launcher is started again');
is($session->query_safe('SELECT 1'), '1', 'other sessions go on');
$session->query_safe(sprintf($fill, 'docs', 1, 1000));
becomes('copy1', "SELECT flushed_rows >= 500 FROM proximadb.stat_maintenance WHERE relname = 'docs'", 't', 'and works');
$session->quit;

# A crash
$node->stop('immediate');
$node->start;
becomes('postgres', $launcher, '1', 'it is there after a crash');
is($node->safe_psql('copy1', 'SELECT count(*), sum(id) FROM docs'), '1000|500500', 'all rows are there');
is($node->safe_psql('copy1', 'SELECT count(*) FROM proximadb.stat_maintenance'), '0', 'counters start anew');

# No room for workers
$node->append_conf('postgresql.conf', "max_worker_processes = 2\nmax_logical_replication_workers = 0\n");
$node->restart;
becomes('postgres', $launcher, '1', 'with few background workers allowed it runs');
$node->append_conf('postgresql.conf', "max_worker_processes = 1\nmax_logical_replication_workers = 4\n");
$log_start = -s $node->logfile;
$node->restart;
sleep 4;
my $log = slurp_file($node->logfile, $log_start);
my @complaints = $log =~ /could not start a proximadb worker|too many background workers/g;
cmp_ok(scalar @complaints, '<=', 1, 'a want of background workers is told once');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no process crashed');

$node->stop('fast');
done_testing();
