# axis_migrate: the index of a collection is rebuilt beside reads and writes; whatever ends the rebuild early, the old index stays valid
# with its strategy, and nothing invalid stays.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('migrate');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'proximadb'\nautovacuum = off\n");
$node->start;

$node->safe_psql('postgres', <<'END');
CREATE EXTENSION proximadb;
CREATE ROLE owner LOGIN;
CREATE ROLE other LOGIN;
GRANT CREATE ON SCHEMA public TO owner;
SET ROLE owner;
SELECT proximadb.create_collection('docs', 8, engine => 'viper', filterable_columns => '["color"]', index_options => '{"target_recall": 0.99}');
SELECT proximadb.upsert_vectors('docs', array_agg(i::text), array_agg(ARRAY[sin(i), cos(i), sin(i / 3.0), cos(i / 7.0), i % 11, i % 13, 1, i % 3]::real[]::vector),
    array_agg(jsonb_build_object('color', i % 3))) FROM generate_series(1, 3000) i;
COMMENT ON INDEX docs_vector_color_idx IS 'of docs';
END

# The axis indexes with their state, and what the catalog says
my $state = <<'END';
SELECT x.relname, array_to_string(x.reloptions, ' '), i.indisvalid, obj_description(x.oid), c.index_strategy, c.index_options ->> 'strategy'
  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam, proximadb.get_collection('docs') c
 WHERE i.indrelid = 'docs'::regclass AND m.amname = 'axis' ORDER BY 1;
END

# A session that stays: its answers come line by line
sub session
{
	my ($out, $err) = ('', '');
	my $in = '';
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>', \$err,
		IPC::Run::timeout(180));
	return { run => $run, in => \$in, out => \$out, err => \$err };
}

sub ask
{
	my ($session, $sql) = @_;
	${ $session->{out} } = '';
	${ $session->{in} } .= "$sql\n\\echo done\n";
	$session->{run}->pump until ${ $session->{out} } =~ /done\n/;
	return ${ $session->{out} } =~ s/done\n//r;
}

# Starts a migration that has to wait for a transaction of another session, and waits until it does
sub start_waiting
{
	my ($strategy) = @_;
	my $session = session();
	${ $session->{in} } .= "SET ROLE owner;\nCALL proximadb.axis_migrate('docs', '$strategy');\n\\echo called\n";
	$session->{run}->pump_nb;
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '^CALL' AND wait_event_type = 'Lock'")
	  or die 'the migration does not wait';
	return $session;
}

sub finish
{
	my ($session) = @_;
	$session->{run}->pump until ${ $session->{out} } =~ /called\n/;
	${ $session->{in} } .= "\\q\n";
	$session->{run}->finish;
	return ${ $session->{err} };
}

my $cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ~ '^CALL'";

is($node->safe_psql('postgres', "SET ROLE owner; CALL proximadb.axis_migrate('docs', 'flat'); RESET ROLE; $state"),
	"docs_vector_color_idx|target_recall=0.99 strategy=flat|t|of docs|flat|flat", 'the index is rebuilt, with its name, options and comment');
is($node->safe_psql('postgres', "SELECT strategy FROM proximadb.stat_index"), 'flat', 'and is what it says');

# Beside writers: one that began before, and is waited for; one that comes later
my $before = session();
ask($before, "BEGIN; INSERT INTO docs (id, vector) VALUES ('before', '[9,9,9,9,9,9,9,0]');");
my $migration = start_waiting('ivf');
is($node->safe_psql('postgres', 'SELECT command, relid::regclass FROM pg_stat_progress_create_index'), 'REINDEX CONCURRENTLY|docs', 'progress is shown');
is($node->safe_psql('postgres', "SET enable_seqscan = off; INSERT INTO docs (id, vector) VALUES ('beside', '[9,9,9,9,9,9,0,9]');
	SELECT count(*) FROM proximadb.search('docs', '[1,1,1,1,1,1,1,1]', 5)"), '5', 'others read and write meanwhile');
ask($before, 'COMMIT;');
is(finish($migration), '', 'the migration ends');
is($node->safe_psql('postgres', $state), "docs_vector_color_idx|target_recall=0.99 strategy=ivf|t|of docs|ivf|ivf", 'rebuilt beside writers');
is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT string_agg(id, ',') FROM proximadb.search_batch('docs', '{\"[9,9,9,9,9,9,9,0]\",\"[9,9,9,9,9,9,0,9]\"}', 1)"),
	'before,beside', 'the new index has their rows');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE relation = 'docs'::regclass"), '0', 'no lock is left');

# Cancelled while it waits: the unfinished index is dropped as soon as the transaction that it waits for ends
ask($before, "BEGIN; INSERT INTO docs (id, vector) VALUES ('x', '[9,9,9,9,9,9,9,9]');");
$migration = start_waiting('flat');
$node->safe_psql('postgres', $cancel);
$migration->{run}->pump until ${ $migration->{err} } =~ /NOTICE/;
ask($before, 'ROLLBACK;');
like(finish($migration), qr/NOTICE:  dropping index public.docs_vector_color_idx_ccnew.*ERROR:  canceling statement/s, 'a migration that is cancelled');
my $unchanged = "docs_vector_color_idx|target_recall=0.99 strategy=ivf|t|of docs|ivf|ivf";
is($node->safe_psql('postgres', $state), $unchanged, 'leaves the index as it was');

# Cancelled twice: what stays is said, and is gone after the next migration
ask($before, "BEGIN; INSERT INTO docs (id, vector) VALUES ('x', '[9,9,9,9,9,9,9,9]');");
$migration = start_waiting('flat');
$node->safe_psql('postgres', $cancel);
$migration->{run}->pump until ${ $migration->{err} } =~ /NOTICE/;
$node->safe_psql('postgres', $cancel);
like(finish($migration), qr/WARNING:  could not undo.*ERROR:  canceling statement/s, 'a migration that is cancelled twice');
is($node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE indisvalid), count(*) FILTER (WHERE NOT indisvalid) FROM pg_index WHERE indrelid = 'docs'::regclass"), '2|1',
	'leaves an index that is not valid');
is($node->safe_psql('postgres', "SELECT ok, detail FROM proximadb.health() WHERE object = 'collection docs'"), 'f|index public.docs_vector_color_idx_ccnew is not valid',
	'health() tells');
ask($before, 'ROLLBACK;');
$node->safe_psql('postgres', "SET ROLE owner; CALL proximadb.axis_migrate('docs', 'ivf')");
is($node->safe_psql('postgres', $state), $unchanged, 'the next migration puts all in order');

# The session is terminated, or the server dies: the same
for my $end ('terminated', 'killed')
{
	ask($before, "BEGIN; INSERT INTO docs (id, vector) VALUES ('x', '[9,9,9,9,9,9,9,9]');");
	$migration = start_waiting('flat');
	if ($end eq 'terminated')
	{
		$node->safe_psql('postgres', $cancel =~ s/cancel/terminate/r);
		ask($before, 'ROLLBACK;');
	}
	else
	{
		$node->stop('immediate');
		$node->start;
		$before->{run}->kill_kill;
	}
	$migration->{run}->kill_kill;
	is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT count(*) FROM proximadb.search('docs', '[9,9,9,9,9,9,9,9]', 5)"), '5', "$end: searches go on");
	$node->safe_psql('postgres', "SET ROLE owner; CALL proximadb.axis_migrate('docs', 'ivf')");
	is($node->safe_psql('postgres', $state), $unchanged, "$end: the next migration puts all in order");
}

# Out of time, in the middle of building
is($node->psql('postgres', "SET ROLE owner; SET statement_timeout = '${_}ms'; CALL proximadb.axis_migrate('docs', 'flat')"), 3, "out of time after $_ ms") for 1, 3, 10, 20;
is($node->safe_psql('postgres', $state), $unchanged, 'leaves the index as it was');

# Whoever calls it
for (
	[ 'other', "CALL proximadb.axis_migrate('docs', 'flat')", qr/must be owner of table public.docs/ ],
	[ 'owner', "BEGIN; CALL proximadb.axis_migrate('docs', 'flat')", qr/cannot run inside a transaction block/ ],
	[ 'owner', "DO 'BEGIN CALL proximadb.axis_migrate(''docs'', ''flat''); END'", qr/cannot run inside a transaction block, function/ ])
{
	my ($role, $sql, $error) = @$_;
	my ($code, $out, $err) = $node->psql('postgres', "SET ROLE $role;\n$sql;", on_error_die => 0);
	like($err, $error, "$role: $sql");
}
is($node->safe_psql('postgres', $state), $unchanged, 'refusals leave the index as it was');

# By drivers, with the extended protocol
my $script = $node->basedir . '/call.sql';
append_to_file($script, "CALL proximadb.axis_migrate('docs', 'auto');\n");
for my $mode ('extended', 'prepared')
{
	$node->command_ok([ 'pgbench', '-n', '-t', '2', '-M', $mode, '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ], "called twice, protocol $mode");
}
like($node->safe_psql('postgres', $state), qr/strategy=auto\|t\|of docs\|auto\|auto$/, 'done');

# No index yet, and other tables
$node->safe_psql('postgres', 'DROP INDEX docs_vector_color_idx');
$node->safe_psql('postgres', "CALL proximadb.axis_migrate('docs', 'flat')");
is($node->safe_psql('postgres', $state), "docs_vector_color_idx|strategy=flat target_recall=0.99|t||flat|flat", 'an index is made');
$node->safe_psql('postgres', "CREATE TABLE parts (id int PRIMARY KEY, vector vector(2)) PARTITION BY HASH (id); CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0) USING viper;
	SELECT proximadb.register_collection('parts'); CREATE INDEX ON parts USING axis (vector vector_cosine_ops)");
my ($code, $out, $err) = $node->psql('postgres', "CALL proximadb.axis_migrate('parts', 'flat')");
like($err, qr/is a partitioned table.*HINT/s, 'partitioned tables');

$node->stop;
done_testing();
