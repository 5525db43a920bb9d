# Key scans on a streaming standby and after crashes: bits of covered pages, and segments that are freed beside searches.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'proximadb'
wal_consistency_checking = 'all'
autovacuum = off
proximadb.worker = off
hot_standby = on
max_standby_streaming_delay = 5s
END
$primary->start;
$primary->safe_psql('postgres', <<'END');
CREATE EXTENSION proximadb;
CREATE TABLE t (id int PRIMARY KEY, n int, body text) USING lsm;
CREATE UNLOGGED TABLE u (id int PRIMARY KEY, n int, body text) USING lsm;
INSERT INTO t SELECT i * 7919 % 20011, 0, repeat('body ' || i, 5) FROM generate_series(1, 20010) i;
INSERT INTO u SELECT * FROM t;
VACUUM ANALYZE t;
VACUUM ANALYZE u;
END
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

my $settings = 'SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_seqscan = off;';
my @conditions = ('id BETWEEN 7000 AND 7100', 'id = 7050', 'id IN (7050, 30000, 5)', 'id > 19990', 'id BETWEEN 29990 AND 30010');

# Answers by key scan and by sequential scan, which must be the same; returns them.
sub answers
{
	my ($node, $name) = @_;
	my $by_key = join("\n", map { $node->safe_psql('postgres', "$settings SELECT count(*), sum(id), sum(n), md5(string_agg(body, ',' ORDER BY id)) FROM t WHERE $_") } @conditions);
	my $by_scan = join("\n", map { $node->safe_psql('postgres', "SET proximadb.enable_key_scan = off; SET enable_indexscan = off; SET enable_bitmapscan = off; SELECT count(*), sum(id), sum(n), md5(string_agg(body, ',' ORDER BY id)) FROM t WHERE $_") } @conditions);
	is($by_key, $by_scan, $name);
	return $by_key;
}

# Does something on the primary: the standby comes to the same answers.
sub follows
{
	my ($sql, $name) = @_;
	$primary->safe_psql('postgres', $sql);
	$primary->wait_for_catchup($standby, 'replay');
	is(answers($standby, "$name, standby"), answers($primary, "$name, primary"), "$name, both");
	is($primary->safe_psql('postgres', "SELECT count(*) FROM proximadb.verify('t')"), '0', "$name: no faults");
}

# Heap pages that a search for one key reads because they are not covered
sub uncovered
{
	my ($node) = @_;
	my ($n) = $node->safe_psql('postgres', "$settings EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF, SUMMARY OFF) SELECT * FROM t WHERE id = 7050") =~ /Heap Pages Not Covered: (\d+)/;
	return $n;
}

follows('SELECT 1', 'base backup');
is(uncovered($primary), 0, 'all pages are covered');
is(uncovered($standby), 0, 'on the standby, too');
follows("INSERT INTO t VALUES (30000, 1, 'new')", 'a new row');
follows("UPDATE t SET n = n + 1 WHERE id BETWEEN 7040 AND 7060", 'updated rows');
cmp_ok(uncovered($standby), '>', 0, 'their pages are not covered on the standby');
follows("VACUUM t", 'vacuum');
cmp_ok(uncovered($standby), '<=', 1, 'covered again, but for rows that went to another page');
follows("DELETE FROM t WHERE id % 3 = 0; VACUUM t; SELECT proximadb.compact('t')", 'compaction');
follows("UPDATE t SET id = id + 22990 WHERE id BETWEEN 7000 AND 7010; SELECT proximadb.flush('t'); VACUUM t", 'moved keys');

# A crash
$primary->safe_psql('postgres', "UPDATE t SET n = n + 1 WHERE id = 7051; INSERT INTO t VALUES (29995, 1, 'just before the crash')");
$primary->stop('immediate');
$primary->start;
$primary->wait_for_catchup($standby, 'replay');
is(answers($standby, 'after a crash, standby'), answers($primary, 'after a crash, primary'), 'after a crash, both');
is($primary->safe_psql('postgres', "SELECT count(*) FROM proximadb.verify('t')"), '0', 'no faults after the crash');
is($primary->safe_psql('postgres', "$settings SELECT count(*) FROM u WHERE id BETWEEN 7000 AND 7100"), '0', 'an unlogged table is empty');
$primary->safe_psql('postgres', "INSERT INTO u SELECT * FROM t; VACUUM u");
is($primary->safe_psql('postgres', "$settings SELECT count(*) FROM u WHERE id BETWEEN 7000 AND 7100"),
	$primary->safe_psql('postgres', "SET proximadb.enable_key_scan = off; SELECT count(*) FROM t WHERE id BETWEEN 7000 AND 7100"), 'and works on');

# The standby crashes and is promoted
$primary->safe_psql('postgres', 'CHECKPOINT');
$standby->stop('immediate');
$standby->start;
follows("DELETE FROM t WHERE id % 5 = 0; VACUUM t; SELECT proximadb.compact('t')", 'after a crash of the standby');
$standby->promote;
$standby->safe_psql('postgres', "INSERT INTO t VALUES (30002, 1, 'after promotion'); UPDATE t SET n = 5 WHERE id = 7051; VACUUM t");
answers($standby, 'after promotion');
is($standby->safe_psql('postgres', "SELECT count(*) FROM proximadb.verify('t')"), '0', 'no faults after promotion');

done_testing();
