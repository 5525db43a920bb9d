# Crashes: what was committed is there, what was not is invisible, and vacuum gets the space of what was lost.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init(extra => ['--data-checksums']);
$node->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'proximadb'
wal_consistency_checking = 'all'
max_prepared_transactions = 5
autovacuum = off
END
$node->start;

$node->safe_psql('postgres', <<'END');
CREATE EXTENSION proximadb;
SET default_table_access_method = viper;
CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0 || ',-' || i % 7, 255) || ',' || i % 3 || ',0.5]')::vector $$;
CREATE TABLE t (id int PRIMARY KEY, v vector(768), body text);
CREATE UNLOGGED TABLE u (id int PRIMARY KEY, v vector(768), body text);
CREATE TABLE source (id int, v vector(768), body text) USING heap;
INSERT INTO source SELECT i, vec(i), 'body ' || i FROM generate_series(1, 400) i;
END
my $copy_file = $node->basedir . '/source.copy';
$node->safe_psql('postgres', "COPY source TO '$copy_file'");
my @lines = split /^/, slurp_file($copy_file);

# Rows, their sum, and how many do not hold what they should
sub state_of
{
	my ($table) = @_;
	return $node->safe_psql('postgres',
		"SELECT count(*), coalesce(sum(id), 0), count(*) FILTER (WHERE v IS DISTINCT FROM vec(id % 1000) OR body IS DISTINCT FROM 'body ' || id % 1000) FROM $table");
}

sub crash
{
	$node->stop('immediate');
	$node->start;
}

# Right after commits, of bulk loads and of single rows
$node->safe_psql('postgres', "INSERT INTO t SELECT * FROM source; INSERT INTO u SELECT * FROM source");
crash();
is(state_of('t'), '400|80200|0', 'committed bulk load survives');
is(state_of('u'), '0|0|0', 'unlogged table is empty after a crash');
$node->safe_psql('postgres',
	"INSERT INTO u SELECT * FROM source; UPDATE t SET body = 'body ' || id WHERE id < 50; INSERT INTO t SELECT id + 1000, v, body FROM source WHERE id < 3");
$node->restart;
is(state_of('u'), '400|80200|0', 'unlogged table survives a restart');
is(state_of('t'), '402|82203|0', 'updated and hot rows survive a restart');
crash();
is(state_of('t'), '402|82203|0', 'and a crash');
is(state_of('u'), '0|0|0', 'unlogged table is empty again');
$node->safe_psql('postgres', 'INSERT INTO u SELECT * FROM source; VACUUM u; DROP TABLE u');

# In the middle of COPY: the rows sent so far lie in segments and in memory
sub copy_and_kill
{
	my ($table, $how) = @_;
	local $SIG{PIPE} = 'IGNORE';

	open(my $psql, '|-', "psql -X -q -d '" . $node->connstr('postgres') . "' >/dev/null 2>&1") or die $!;
	$psql->autoflush(1);
	print $psql "SET proximadb.build_mem = '1MB';\nBEGIN;\nINSERT INTO $table SELECT id + 5000, v, body FROM source;\nCOPY $table FROM STDIN;\n";
	for my $round (10 .. 12)
	{
		print $psql s/^(\d+)/$1 + 1000 * $round/er for @lines;
	}
	$node->poll_query_until('postgres', 'SELECT tuples_processed > 1000 FROM pg_stat_progress_copy')
	  or die 'COPY did not get on';
	if ($how eq 'kill')
	{
		my ($pid) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;

		$node->kill9;
		select(undef, undef, undef, 0.1) while kill 0, $pid;
	}
	else
	{
		$node->stop('immediate');
	}
	close($psql);
	$node->start;
}

sub table_size
{
	return $node->safe_psql('postgres', 'SELECT pg_table_size(\'t\')');
}

my @sizes;
for my $round (1 .. 4)
{
	copy_and_kill('t', $round % 2 ? 'kill' : 'immediate');
	is(state_of('t'), '402|82203|0', "nothing of an interrupted COPY is visible ($round)");
	$node->safe_psql('postgres', 'VACUUM t');
	is(state_of('t'), '402|82203|0', "nor anything lost after vacuum ($round)");
	push @sizes, table_size();
}
cmp_ok($sizes[3], '<=', $sizes[0], "segments of crashed loads are freed: sizes @sizes");

# Loads rolled back without a crash leak nothing either
for my $round (1 .. 4)
{
	$node->safe_psql('postgres',
		'BEGIN; INSERT INTO t SELECT id + 20000, v, body FROM source; INSERT INTO t SELECT id + 30000, v, body FROM source; ROLLBACK');
	$node->safe_psql('postgres', 'VACUUM t');
	push @sizes, table_size();
}
cmp_ok($sizes[7], '<=', $sizes[0] + 3 * 1024 * 1024, "nor do loads that are rolled back: sizes @sizes");
is(state_of('t'), '402|82203|0', 'rows are as before');

# A prepared transaction
$node->safe_psql('postgres', <<'END');
BEGIN;
INSERT INTO t SELECT id + 2000, v, body FROM source;
DELETE FROM t WHERE id IN (1, 2);
PREPARE TRANSACTION 'load';
BEGIN;
INSERT INTO t SELECT id + 3000, v, body FROM source;
PREPARE TRANSACTION 'other';
END
crash();
is(state_of('t'), '402|82203|0', 'prepared rows are invisible after a crash');
$node->safe_psql('postgres', 'VACUUM t');
$node->safe_psql('postgres', "COMMIT PREPARED 'load'");
$node->safe_psql('postgres', "ROLLBACK PREPARED 'other'");
is(state_of('t'), '800|962400|0', 'and there after COMMIT PREPARED');
crash();
is(state_of('t'), '800|962400|0', 'also after another crash');

# TRUNCATE, rewrites and vacuum before a crash
$node->safe_psql('postgres', <<'END');
BEGIN; TRUNCATE t; INSERT INTO t SELECT * FROM source; ROLLBACK;
DELETE FROM t WHERE id > 2000;
VACUUM t;
INSERT INTO t SELECT id + 4000, v, body FROM source;
END
crash();
my $reused = state_of('t');
is($reused, '800|1762400|0', 'rows in reused extents are right');
$node->safe_psql('postgres', 'VACUUM FULL t; CLUSTER t USING t_pkey');
crash();
is(state_of('t'), $reused, 'a rewritten table survives');
$node->safe_psql('postgres', 'BEGIN; TRUNCATE t; INSERT INTO t SELECT * FROM source; COMMIT');
crash();
is(state_of('t'), '400|80200|0', 'TRUNCATE and load in one transaction survive');
$node->safe_psql('postgres', 'DELETE FROM t; VACUUM t; VACUUM t');
cmp_ok(table_size(), '<', 512 * 1024, 'an emptied table is small');
crash();
is(state_of('t'), '0|0|0', 'and empty after a crash');
$node->safe_psql('postgres', 'INSERT INTO t SELECT * FROM source');
is(state_of('t'), '400|80200|0', 'and takes rows again');

# wal_level = minimal: relations made in the transaction are synced, not logged
$node->append_conf('postgresql.conf', "wal_level = minimal\nmax_wal_senders = 0\n");
$node->restart;
$node->safe_psql('postgres', <<"END");
SET default_table_access_method = viper;
BEGIN;
CREATE TABLE fresh (id int PRIMARY KEY, v vector(768), body text);
COPY fresh FROM '$copy_file';
INSERT INTO fresh SELECT id + 1000, v, body FROM source;
COMMIT;
BEGIN;
TRUNCATE t;
INSERT INTO t SELECT * FROM source;
SAVEPOINT a;
INSERT INTO t SELECT id + 1000, v, body FROM source;
ROLLBACK TO a;
COMMIT;
CREATE TABLE made AS SELECT * FROM t;
CREATE MATERIALIZED VIEW view AS SELECT * FROM t;
CREATE TABLE moved AS SELECT * FROM t;
ALTER TABLE moved SET ACCESS METHOD heap;
ALTER TABLE moved SET ACCESS METHOD viper;
END
crash();
is(state_of('fresh'), '800|560400|0', 'wal_level minimal: created and loaded');
is(state_of('t'), '400|80200|0', 'wal_level minimal: truncated and loaded');
is(state_of($_), '400|80200|0', "wal_level minimal: $_") for qw(made view moved);
$node->safe_psql('postgres', 'INSERT INTO fresh SELECT id + 2000, v, body FROM source; DELETE FROM fresh WHERE id < 1000; VACUUM fresh');
crash();
is(state_of('fresh'), '800|1360400|0', 'and changed after that');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|inconsistent page found/, 'no panic in the log');
$node->stop;
done_testing();
