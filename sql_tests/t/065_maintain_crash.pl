# The server is killed in the middle of flush, compaction and vacuum, beside a load. Each transaction of the load changes a viper
# table and a heap alike, so after each crash they must be the same. (scripts/torture does this at length.)
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('maintain');
$node->init(extra => ['--data-checksums']);
$node->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'proximadb'
autovacuum = off
fsync = off
max_wal_size = 256MB
proximadb.build_mem = 2MB
END
$node->start;
$node->safe_psql('postgres', <<'END');
CREATE EXTENSION proximadb;
CREATE EXTENSION amcheck;
CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0, 127) || ',0.5]')::vector $$;
CREATE FUNCTION long(i int) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT string_agg(md5(i || ':' || k), '' ORDER BY k) FROM generate_series(1, 320) k $$;
CREATE TABLE t (id int PRIMARY KEY, n int, v vector(256), body text, big text) USING viper;
CREATE TABLE twin (id int PRIMARY KEY, n int, v vector(256), body text, big text) USING heap;
CREATE INDEX t_body ON t (body);
CREATE INDEX t_n ON t (n) WHERE body IS NOT NULL;
INSERT INTO twin SELECT i, 0, vec(i), 'body ' || i, CASE WHEN i % 30 = 0 THEN long(i) END FROM generate_series(1, 1200) i;
INSERT INTO t TABLE twin;
CREATE PROCEDURE twice(command text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE replace(command, '@', 't');
    EXECUTE replace(command, '@', 'twin');
END $$;
-- A load without an end
CREATE PROCEDURE work() LANGUAGE plpgsql AS $$
DECLARE
    i int := (random() * 1000000)::int;
BEGIN
    LOOP
        i := i + 1;
        CASE i % 7
            WHEN 0 THEN CALL twice(format('UPDATE @ SET n = n + 1 WHERE id %% 10 = %s', i % 10));
            WHEN 1 THEN CALL twice(format('UPDATE @ SET v = vec(id + %s) WHERE id %% 20 = %s', i, i % 20));
            WHEN 2 THEN CALL twice(format('UPDATE @ SET body = CASE WHEN id %% 3 = 0 THEN NULL ELSE ''b'' || %s END WHERE id %% 15 = %s', i % 50, i % 15));
            WHEN 3 THEN CALL twice(format('DELETE FROM @ WHERE id %% 12 = %s', i % 12));
            WHEN 4 THEN CALL twice(format('INSERT INTO @ SELECT i, 0, vec(i), ''body '' || i, CASE WHEN i %% 30 = 0 THEN long(i) END FROM generate_series(1, 1200) i WHERE i %% 12 = %s ON CONFLICT DO NOTHING', i % 12));
            WHEN 5 THEN CALL twice(format('INSERT INTO @ SELECT i, 1, vec(i), ''load '' || i FROM generate_series(2000, 2400) i ON CONFLICT DO NOTHING'));
            WHEN 6 THEN CALL twice('DELETE FROM @ WHERE id >= 2000');
        END CASE;
        IF i % 5 = 0 THEN
            ROLLBACK;
        ELSE
            COMMIT;
        END IF;
    END LOOP;
END $$;
END

my $maintain = join "\n", map { ("SELECT count(*) FROM proximadb.flush('t');", "SELECT count(*) FROM proximadb.compact('t');", $_ % 3 ? 'VACUUM t;' : 'VACUUM (FREEZE) t;', $_ % 4 ? '' : 'CHECKPOINT;') } 1 .. 500;
my @sizes;

sub is_whole
{
	my ($when) = @_;
	is($node->safe_psql('postgres', 'SELECT count(*) FROM ((TABLE t EXCEPT ALL TABLE twin) UNION ALL (TABLE twin EXCEPT ALL TABLE t)) d'), '0', "rows are right $when");
	is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT count(*) FROM twin LEFT JOIN t ON t.body = twin.body AND t.id = twin.id AND t.n = twin.n WHERE twin.body IS NOT NULL AND t.id IS NULL"),
		'0', "and index scans find them $when");
	# Where the engine sorts, ranges of ids are found by sort key.
	my $by_key = 'SET enable_seqscan = off; SET enable_indexscan = off; SET enable_bitmapscan = off';
	for my $range ('id <= 300', 'id BETWEEN 601 AND 900', 'id >= 2000')
	{
		my ($t, $twin) = map { "SELECT * FROM $_ WHERE $range" } 't', 'twin';
		is($node->safe_psql('postgres', "$by_key; SELECT count(*) FROM (($t EXCEPT ALL $twin) UNION ALL ($twin EXCEPT ALL $t)) d"), '0', "so are those with $range $when");
		like($node->safe_psql('postgres', "$by_key; EXPLAIN $t"), qr/KeyScan/, "found by key $when") if 'viper' eq 'lsm' && $when ne 'when all are gone';
	}
	is($node->safe_psql('postgres', "SELECT count(*) FROM (SELECT bt_index_check(c, true) FROM unnest(ARRAY['t_pkey', 't_body', 't_n']::regclass[]) c) i"),
		'3', "indexes are right $when");
	if ($node->safe_psql('postgres', "SELECT to_regprocedure('proximadb.verify(regclass)') IS NOT NULL") eq 't')
	{
		# A segment that was being built when the server died is a leak until the next vacuum, and no fault.
		is($node->safe_psql('postgres', "SELECT * FROM proximadb.verify('t') WHERE kind <> 'leak'"), '', "verify() finds nothing $when");
	}
	return;
}

# Sessions read from files: they go on without being pumped.
my %input = (work => "CALL work();\n", maintain => $maintain);
my $dir = $node->basedir;
append_to_file("$dir/$_.sql", $input{$_}) for keys %input;

for my $round (1 .. 5)
{
	my @sessions = map { IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', "$dir/$_.sql" ], '<', '/dev/null', '&>', "$dir/$_.out", IPC::Run::timeout(60)) } sort keys %input;
	usleep(700_000 + rand 1_500_000);
	$node->stop('immediate');
	$_->finish for @sessions;
	my $out = join '', map { slurp_file("$dir/$_.out") } sort keys %input;
	unlike($out, qr/ERROR:|PANIC:/, "no errors before crash $round");
	$node->start;
	is_whole("after crash $round");
	$node->safe_psql('postgres', $_) for 'VACUUM t', 'VACUUM twin';
	push @sizes, $node->safe_psql('postgres', "SELECT pg_table_size('t')");
}

$node->safe_psql('postgres', $_) for "SELECT proximadb.flush('t')", 'VACUUM t', "SELECT proximadb.compact('t')", 'VACUUM t';
is_whole('in the end');

# Chunks of rows that a flush had sealed when the server died: the next flush deletes them
my $chunks = $node->safe_psql('postgres', "SELECT 'SELECT count(DISTINCT chunk_id) FROM ' || reltoastrelid::regclass FROM pg_class WHERE oid = 't'::regclass");
$node->safe_psql('postgres', "SELECT proximadb.flush('t')");
is($node->safe_psql('postgres', $chunks), '0', 'the crashes left no chunks behind');
$node->safe_psql('postgres', "INSERT INTO $_ SELECT i, 0, vec(i), 'more', long(i) FROM generate_series(5001, 5010) i") for 't', 'twin';
my $flusher = $node->background_psql('postgres');
is($flusher->query_safe("BEGIN; SELECT rows FROM proximadb.flush('t')"), '10', 'rows with chunks are sealed');
$node->safe_psql('postgres', 'CHECKPOINT');
$node->stop('immediate');
eval { $flusher->quit };
# The background worker would delete them before they can be counted.
$node->append_conf('postgresql.conf', "proximadb.worker = off\n");
$node->start;
is($node->safe_psql('postgres', $chunks), '10', 'their chunks stand after the crash');
is_whole('with orphaned chunks');
$node->safe_psql('postgres', $_) for "SELECT proximadb.flush('t')", "SELECT proximadb.flush('t')", 'VACUUM t';
is($node->safe_psql('postgres', $chunks), '0', 'and not after the next flush');
is_whole('without them');

$node->safe_psql('postgres', $_) for 'DELETE FROM t', 'DELETE FROM twin', 'VACUUM t', 'VACUUM t';
is_whole('when all are gone');
cmp_ok($node->safe_psql('postgres', "SELECT pg_table_size('t')"), '<=', $sizes[0] + 16 * 1024 * 1024, "the store stays within bounds: @sizes");
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|terminated by signal/, 'no panic in the log');
$node->stop;
done_testing();
