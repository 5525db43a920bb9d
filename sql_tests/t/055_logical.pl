# Logical replication of tables with hot and sealed rows, to a table of ours and to heap; what cannot be decoded is refused.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $conf = <<'END';
shared_preload_libraries = 'proximadb'
autovacuum = off
proximadb.worker = off
END
my $schema = <<'END';
CREATE TABLE t (id int PRIMARY KEY, v vector(768), n int, body text);
CREATE TABLE by_index (id int, code text NOT NULL, v vector(768));
CREATE UNIQUE INDEX by_index_code ON by_index (code);
ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_code;
CREATE TABLE whole (id int, v vector(768));
ALTER TABLE whole REPLICA IDENTITY FULL;
END
my %subscribers = (same => 'viper', other => 'heap');

my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical');
$publisher->append_conf('postgresql.conf', $conf);
$publisher->start;
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init;
$subscriber->append_conf('postgresql.conf', $conf);
$subscriber->start;

$publisher->safe_psql('postgres', "CREATE EXTENSION proximadb; SET default_table_access_method = viper; $schema");
$publisher->safe_psql('postgres', <<'END');
CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(((i * 7919 + j * 104729) % 1009) / 64.0 ORDER BY j)::float4[]::vector FROM generate_series(1, 768) j $$;
INSERT INTO t SELECT i, vec(i), i % 10, CASE WHEN i % 50 = 0 THEN repeat(md5(i::text), 1000) ELSE 'body ' || i END FROM generate_series(1, 300) i;
INSERT INTO by_index SELECT i, 'code ' || i, vec(i) FROM generate_series(1, 200) i;
INSERT INTO whole SELECT i, vec(i) FROM generate_series(1, 100) i;
SELECT proximadb.flush('t'), proximadb.flush('by_index');
CREATE PUBLICATION p FOR TABLE t, by_index, whole;
END
is($publisher->safe_psql('postgres', "SELECT sealed_rows FROM proximadb.stat_table WHERE relname IN ('t', 'by_index') ORDER BY relname"), "200\n300",
	'rows are sealed where changes may be decoded');

for my $db (sort keys %subscribers)
{
	$subscriber->safe_psql('postgres', "CREATE DATABASE $db");
	$subscriber->safe_psql($db, "CREATE EXTENSION proximadb; SET default_table_access_method = $subscribers{$db}; $schema");
	$subscriber->safe_psql($db, "CREATE SUBSCRIPTION sub_$db CONNECTION '" . $publisher->connstr . " dbname=postgres' PUBLICATION p");
	$subscriber->wait_for_subscription_sync($publisher, "sub_$db", $db);
}

my $state = <<'END';
SELECT count(*), sum(id), sum(n), md5(string_agg(id || body || v::text, ',' ORDER BY id)) FROM t;
SELECT count(*), sum(id), md5(string_agg(id || code || v::text, ',' ORDER BY code)) FROM by_index;
SELECT count(*), sum(id), md5(string_agg(id || v::text, ',' ORDER BY id)) FROM whole;
END

# Does something on the publisher: both subscribers must come to the same rows.
sub follows
{
	my ($sql, $name) = @_;

	$publisher->safe_psql('postgres', $sql);
	my $expected = $publisher->safe_psql('postgres', $state);
	for my $db (sort keys %subscribers)
	{
		$publisher->wait_for_catchup("sub_$db");
		is($subscriber->safe_psql($db, $state), $expected, "$name ($subscribers{$db})");
	}
}

follows('SELECT 1', 'rows there were');
follows("INSERT INTO t VALUES (1001, vec(1001), 1, 'one')", 'a row');
follows("INSERT INTO t SELECT i, vec(i), i, 'load ' || i FROM generate_series(2001, 2400) i", 'a bulk load');
follows("SELECT proximadb.flush('t')", 'a flush');
follows('UPDATE t SET n = n + 1', 'an update of sealed rows');
follows('UPDATE t SET n = n + 1 WHERE id % 2 = 0', 'and again');
follows("UPDATE t SET v = vec(id + 1), body = 'new ' || id WHERE id % 3 = 0", 'an update of sealed columns');
follows('VACUUM t', 'a vacuum');
follows('UPDATE t SET id = id + 10000 WHERE id % 7 = 0', 'an update of the key');
follows('UPDATE t SET body = repeat(md5(n::text), 1000) WHERE id % 40 = 0; UPDATE t SET n = n + 5 WHERE id % 40 = 0', 'values in TOAST');
follows("SELECT proximadb.flush('t'); UPDATE t SET n = n + 7 WHERE id % 40 = 0", 'values that were in TOAST');
follows('DELETE FROM t WHERE id % 5 = 0', 'deleted rows');
follows('BEGIN; UPDATE t SET n = 0; DELETE FROM t WHERE id < 100; ROLLBACK', 'what is rolled back');
follows('BEGIN; DELETE FROM t WHERE id = 1; SAVEPOINT a; DELETE FROM t; ROLLBACK TO a; COMMIT', 'what is rolled back in part');
follows("SELECT rows >= 0 FROM proximadb.compact('t'); UPDATE t SET n = n + 1", 'after a compaction');
follows("UPDATE by_index SET id = id + 1; DELETE FROM by_index WHERE code LIKE '%7'; UPDATE by_index SET code = code || 'x' WHERE code LIKE '%3'",
	'another identity than a primary key');
follows('INSERT INTO whole SELECT i, vec(i) FROM generate_series(101, 150) i; UPDATE whole SET id = id + 1; DELETE FROM whole WHERE id % 3 = 0',
	'whole rows as identity');
$publisher->safe_psql('postgres', 'VACUUM whole');
is($publisher->safe_psql('postgres', "SELECT sealed_rows FROM proximadb.stat_table WHERE relname = 'whole'"), '0', 'their rows stay hot');
$publisher->safe_psql('postgres', "VACUUM FULL $_") for 't', 'by_index', 'whole';
follows('UPDATE t SET n = n + 1; UPDATE by_index SET id = id + 1; UPDATE whole SET id = id + 1', 'rewritten tables');
follows('ALTER TABLE t SET ACCESS METHOD heap; UPDATE t SET n = n + 1; ALTER TABLE t SET ACCESS METHOD viper; UPDATE t SET n = n + 1',
	'another access method and back');
follows("TRUNCATE t; INSERT INTO t SELECT i, vec(i), i, 'anew' FROM generate_series(1, 50) i", 'TRUNCATE');

# Rows sealed before their identity was chosen: refused, with the way out
$publisher->safe_psql('postgres', <<'END');
CREATE TABLE late (id int, code text, v vector(768)) USING viper;
INSERT INTO late SELECT i, repeat('code ' || i, 20), vec(i) FROM generate_series(1, 100) i;
SELECT proximadb.flush('late');
ALTER TABLE late ALTER code SET NOT NULL;
CREATE UNIQUE INDEX late_code ON late (code);
ALTER TABLE late REPLICA IDENTITY USING INDEX late_code;
END
for my $change ('DELETE FROM late WHERE id = 7', 'UPDATE late SET id = 0 WHERE id = 7')
{
	my ($status, $stdout, $stderr) = $publisher->psql('postgres', $change);
	like($stderr, qr/cannot change sealed row .* of table "late" while its changes are decoded logically.*VACUUM FULL/s, "refused: $change");
}
$publisher->safe_psql('postgres', 'VACUUM FULL late');
$publisher->safe_psql('postgres', 'DELETE FROM late WHERE id = 7; UPDATE late SET id = 0 WHERE id = 8');
is($publisher->safe_psql('postgres', 'SELECT count(*), sum(id) FROM late'), '99|5035', 'not after VACUUM FULL');

# Subscribers seal what came, and are sound
$subscriber->safe_psql('same', "SELECT proximadb.flush('t')");
is($subscriber->safe_psql('same', "SELECT sealed_rows FROM proximadb.stat_table WHERE relname = 't'"), '50', 'a subscriber seals its rows');
follows('UPDATE t SET n = n + 1; DELETE FROM t WHERE id % 2 = 0', 'changes of rows that the subscriber has sealed');
is($subscriber->safe_psql('same', "SELECT count(*) FROM proximadb.verify('t')"), '0', 'which is sound');
is($publisher->safe_psql('postgres', "SELECT count(*) FROM pg_class c, proximadb.verify(c.oid) WHERE relname IN ('t', 'by_index', 'whole', 'late')"), '0',
	'as is the publisher');

done_testing();
