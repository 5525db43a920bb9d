# A standby scans an axis index while it replays splits, merges and reused pages: what it returns is what its snapshot sees, each row once,
# or the query is cancelled. It is promoted and goes on.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, extra => ['--data-checksums']);
$primary->append_conf('postgresql.conf', <<'END');
wal_keep_size = '4GB'
shared_preload_libraries = 'proximadb'
wal_consistency_checking = 'all'
autovacuum = off
hot_standby = on
max_standby_streaming_delay = 1s
END
$primary->start;
$primary->safe_psql('postgres', <<'END');
CREATE EXTENSION proximadb;
CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(sin((i % 500) * d * 0.01) + (i / 500) % 7 * 0.01 * d % 5)::real[]::vector FROM generate_series(1, 640) d $$;
CREATE TABLE v AS SELECT i, vec(i) AS e FROM generate_series(0, 2999) i;
CREATE SEQUENCE ids;
CREATE TABLE t (id int DEFAULT nextval('ids'), k int, e vector(640)) USING viper;
CREATE INDEX t_e ON t USING axis (e vector_l2_ops, k) WITH (code_bits = 4);
CREATE FUNCTION whole(OUT n bigint, OUT wrong text) LANGUAGE plpgsql STABLE AS $$
DECLARE
    ids int[];
    distinct_ids bigint;
    missed bigint;
BEGIN
    PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true), set_config('enable_indexscan', 'on', true);
    SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY e <-> (SELECT e FROM v WHERE i = 7)) s INTO ids;
    PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'off', true);
    SELECT count(*), count(*) FILTER (WHERE x IS NULL) FROM t LEFT JOIN (SELECT DISTINCT x FROM unnest(ids) x) s ON x = id INTO n, missed;
    SELECT count(DISTINCT x) FROM unnest(ids) x INTO distinct_ids;
    IF cardinality(ids) <> n OR distinct_ids <> n OR missed <> 0 THEN
        wrong := format('%s rows returned, %s different ones, %s of %s missed', cardinality(ids), distinct_ids, missed, n);
    END IF;
END $$;
INSERT INTO t (k, e) SELECT i, e FROM v WHERE i < 500;
END
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

sub follows
{
	my ($sql, $name) = @_;

	$primary->safe_psql('postgres', $_) for ref $sql ? @$sql : $sql;
	$primary->wait_for_catchup($standby, 'replay');
	my $expected = $primary->safe_psql('postgres', 'SELECT count(*) FROM t');
	is($standby->safe_psql('postgres', 'SELECT n, wrong FROM whole()'), "$expected|", $name);
	sound($name);
}

# The index is what it should be, on the primary and, while nothing is replayed, on the standby.
sub sound
{
	my ($name) = @_;
	my $check = q{SELECT * FROM proximadb.axis_check('t_e')};

	is($primary->safe_psql('postgres', $check), '', "$name: axis_check on the primary");
	$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
	$standby->poll_query_until('postgres', q{SELECT pg_get_wal_replay_pause_state() = 'paused'}) or die 'replay does not pause';
	is($standby->safe_psql('postgres', $check), '', "$name: axis_check on the standby");
	$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
}

my $plan = $standby->safe_psql('postgres', 'SET enable_seqscan = off; SET enable_sort = off; EXPLAIN SELECT id FROM t ORDER BY e <-> (SELECT e FROM v WHERE i = 7)');
like($plan, qr/^Index Scan using t_e/, 'the standby scans the index');
follows('SELECT 1', 'rows of the base backup');
my ($status, $out, $err) = $standby->psql('postgres', q{SELECT * FROM proximadb.axis_check('t_e')});
like($err, qr/only while replay is paused/, 'no check beside replay');
follows('INSERT INTO t (k, e) SELECT i, e FROM v', 'splits');
follows([ 'DELETE FROM t WHERE id % 10 <> 0', 'VACUUM (INDEX_CLEANUP ON) t' ], 'merges');
follows([ 'SELECT txid_current()', 'VACUUM t', 'INSERT INTO t (k, e) SELECT i, e FROM v' ], 'pages used again');

# Scans on the standby beside a load on the primary
my $load = join "\n", map {
	(
		'INSERT INTO t (k, e) SELECT i, e FROM v WHERE i >= ' . int(rand(2900)) . ' ORDER BY i LIMIT ' . int(1 + rand(100)) . ';',
		$_ % 5 ? () : 'DELETE FROM t WHERE id % 3 = ' . int(rand(3)) . ';',
		$_ % 5 ? () : 'VACUUM (INDEX_CLEANUP ON) t;',
		$_ % 7 ? () : 'DELETE FROM t WHERE id % 10 <> 0;'
	)
} 1 .. 120;
my %runs = (right => 0, cancelled => 0, wrong => 0);
append_to_file($primary->basedir . '/load.sql', $load);
my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $primary->connstr('postgres') . " application_name=load", '-f', $primary->basedir . '/load.sql' ], '>', \my $load_output);
while (1)
{
	my $loading = $primary->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'load'});
	my ($out, $err);
	my $status = $standby->psql('postgres', 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT wrong FROM whole(); COMMIT', stdout => \$out, stderr => \$err);

	if ($status == 0 && $out eq '')
	{
		$runs{right}++;
	}
	elsif ($err =~ /conflict with recovery/)
	{
		$runs{cancelled}++;
	}
	else
	{
		$runs{wrong}++;
		diag("$out\n$err");
	}
	last if !$loading && $runs{right} >= 3;
}
$run->finish;
note("scans beside the load: $runs{right} right, $runs{cancelled} cancelled");
is($runs{wrong}, 0, 'no scan on the standby was wrong');

follows('SELECT 1', 'after the load');

$standby->stop('immediate');
$standby->start;
follows('INSERT INTO t (k, e) SELECT i, e FROM v', 'after a crash of the standby');
$primary->stop;
$standby->promote;
is($standby->safe_psql('postgres', 'INSERT INTO t (k, e) SELECT i, e FROM v; DELETE FROM t WHERE id % 3 = 0; SELECT wrong FROM whole()'), '', 'promoted');
$standby->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) t');
is($standby->safe_psql('postgres', 'INSERT INTO t (k, e) SELECT i, e FROM v; SELECT wrong FROM whole()'), '', 'vacuumed');

is($standby->safe_psql('postgres', q{SELECT * FROM proximadb.axis_check('t_e')}), '', 'axis_check');

done_testing();
