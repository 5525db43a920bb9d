# Levels and options of lsm tables through dumps, crashes, a standby, and as the background worker sees them.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('levels');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'proximadb'
autovacuum = off
proximadb.worker = off
proximadb.worker_naptime = 1
END
$node->start;

sub sql
{
	my ($statement, $db) = @_;
	return $node->safe_psql($db // 'postgres', $statement);
}

# --- options are dumped, and follow columns whose numbers differ ---

sql('CREATE DATABASE original');
sql(<<'END', 'original');
CREATE EXTENSION proximadb;
CREATE SCHEMA aside;
CREATE TABLE aside.events (gone int, id int PRIMARY KEY, device text, made timestamptz, body text) USING lsm;
ALTER TABLE aside.events DROP COLUMN gone;
SELECT proximadb.set_options('aside.events', sort_by => 'device, made', block_size => '32kB', bloom_fpr => 0.001, compaction_threshold => 6);
ALTER TABLE aside.events RENAME device TO "The Device";
CREATE TABLE plain (id int PRIMARY KEY, body text) USING lsm;
SELECT proximadb.set_options('plain', sort_by => 'body');
ALTER TABLE plain SET ACCESS METHOD heap;
INSERT INTO aside.events SELECT i, 'd' || i % 7, '2020-01-01'::timestamptz + i * interval '1 min', repeat('x', i % 100) FROM generate_series(1, 2000) i;
END
my $options = <<'END';
SELECT 'events', * FROM proximadb.options('aside.events') ORDER BY 2;
SELECT tbl, sort_by, segment_size_kb FROM proximadb.table_options ORDER BY tbl::text;
SELECT count(*), sum(id), md5(string_agg(e::text, ',' ORDER BY id)) FROM aside.events e;
END
my $before = sql($options, 'original');
like($before, qr/events\|sort_by\|"The Device", made\|table/, 'options are there');
like($before, qr/^plain\|\{body\}\|$/m, 'those of a table that is heap now, too');
for my $format ('plain', 'custom')
{
	my $file = $node->basedir . "/$format.dump";
	$node->command_ok([ 'pg_dump', "--format=$format", '-f', $file, $node->connstr('original') ], "pg_dump, format $format");
	sql("CREATE DATABASE restored_$format");
	$node->command_ok($format eq 'plain' ? [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, $node->connstr("restored_$format") ]
		: [ 'pg_restore', '--exit-on-error', '--jobs=2', '-d', $node->connstr("restored_$format"), $file ], "restored");
	is(sql($options, "restored_$format"), $before, 'options and rows are the same');
	is(sql("SELECT count(*) FROM proximadb.verify('aside.events')", "restored_$format"), '0', 'and the table is sound');
	is(sql("SELECT sort_attnums FROM proximadb.table_options WHERE tbl = 'aside.events'::regclass", "restored_$format"), '{2,3}', 'its columns have other numbers');
}

# --- crashes amid merges ---

sql(<<'END');
CREATE EXTENSION proximadb;
CREATE TABLE t (id int PRIMARY KEY, v vector(1280), body text) USING lsm;
CREATE TABLE heap_rows (id int PRIMARY KEY, body text) USING heap;
-- One batch: the same rows in both tables, in one transaction; every third is updated in the next
CREATE PROCEDURE add_batch(n int) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO t SELECT (k * 7919 % 100003)::int, array_fill((k % 1000)::real, '{1280}')::vector, 'body ' || k FROM generate_series(n * 150::bigint, n * 150 + 149) k;
    INSERT INTO heap_rows SELECT k * 7919 % 100003, 'body ' || k FROM generate_series(n * 150::bigint, n * 150 + 149) k;
    UPDATE t SET body = body || '!' WHERE id % 30 = n % 30;
    UPDATE heap_rows SET body = body || '!' WHERE id % 30 = n % 30;
END $$;
CREATE PROCEDURE work(first int, last int) LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN first..last LOOP
        CALL add_batch(n);
        COMMIT;
        PERFORM proximadb.flush('t');
        COMMIT;
        IF n % 2 = 0 THEN
            PERFORM proximadb.compact('t');
            COMMIT;
        END IF;
    END LOOP;
END $$;
SELECT proximadb.set_options('t', compaction_threshold => 2, segment_size => '1MB');
END
my $same = <<'END';
SELECT count(*) FROM (SELECT id, body FROM t EXCEPT SELECT id, body FROM heap_rows) a;
SELECT count(*) FROM (SELECT id, body FROM heap_rows EXCEPT SELECT id, body FROM t) b;
SELECT count(*) FROM proximadb.verify('t') WHERE kind <> 'leak';
END
my $next = 0;
for my $round (1 .. 4)
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_until(qr/started/, "\\echo started\nCALL work($next, $next + 1000);\n");
	usleep(700_000 + 300_000 * $round);
	$node->stop('immediate');
	eval { $session->quit };
	$node->start;
	is(sql($same), "0\n0\n0", "crash $round: all rows are there, once, and the table is sound");
	$next = sql('SELECT coalesce(max(substr(body, 6)::int), -1) / 150 + 1 FROM (SELECT rtrim(body, \'!\') AS body FROM heap_rows) r');
}
cmp_ok($next, '>', 8, 'batches went in');
cmp_ok(sql("SELECT max(level) FROM proximadb.segments('t') WHERE state = 'live'"), '>', 0, 'and were merged');
my $written = sql("SELECT flushed_bytes, moved_bytes, write_amplification > 1 FROM proximadb.stat_table WHERE relid = 't'::regclass");
like($written, qr/\|t$/, 'bytes written are counted through crashes');
$node->restart;
is(sql("SELECT flushed_bytes, moved_bytes, write_amplification > 1 FROM proximadb.stat_table WHERE relid = 't'::regclass"), $written, 'and restarts');

# --- a standby ---

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
sql("CALL work($next, $next + 5)");
$node->wait_for_catchup($standby);
my $levels = "SELECT segment, state, level, rows FROM proximadb.segments('t') ORDER BY 1";
is($standby->safe_psql('postgres', $levels), sql($levels), 'a standby has the same segments and levels');
is($standby->safe_psql('postgres', $same), "0\n0\n0", 'and the same rows');
is($standby->safe_psql('postgres', "SELECT value FROM proximadb.options('t') WHERE name = 'segment_size'"), '1MB', 'options can be read there');
my ($result, $out, $error) = $standby->psql('postgres', "SELECT proximadb.set_options('t', level_count => 3)");
like($error, qr/read-only transaction/, 'but not set');

# --- the background worker knows of options at once ---

$node->append_conf('postgresql.conf', 'proximadb.worker = on');
$node->reload;
sql('CREATE TABLE hot (id int PRIMARY KEY, body text) USING lsm');
my $writer = $node->background_psql('postgres');
$writer->query_safe("INSERT INTO hot SELECT i, repeat('hot', 300) FROM generate_series(1, 200) i");
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM proximadb.stat_maintenance WHERE relname = 'hot'");
sql("SELECT proximadb.set_options('hot', flush_threshold => '64kB')");
$writer->query_safe("INSERT INTO hot SELECT i, repeat('hot', 300) FROM generate_series(201, 210) i");
ok($node->poll_query_until('postgres', "SELECT flushed_rows >= 200 FROM proximadb.stat_maintenance WHERE relname = 'hot'"), 'a lower flush threshold has the worker flush');
# A session that has written before writes segments by what another has set
sql("SELECT proximadb.set_options('hot', segment_size => '1MB')");
$writer->query_safe("INSERT INTO hot SELECT i, (SELECT string_agg(md5((i * 50 + j)::text), '') FROM generate_series(1, 50) j) FROM generate_series(1000, 4000) i");
cmp_ok(sql("SELECT count(*) FROM proximadb.segments('hot') WHERE state = 'live'"), '>=', 4, 'other sessions write segments of the new size');
$writer->quit;

$standby->stop;
$node->stop;
done_testing();
