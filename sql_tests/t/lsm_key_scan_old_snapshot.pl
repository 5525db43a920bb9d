# With old_snapshot_threshold rows may go while a snapshot sees them: a key scan would leave them out without an error, so there is none.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'proximadb'
autovacuum = off
proximadb.worker = off
old_snapshot_threshold = 0
END
$node->start;
$node->safe_psql('postgres', <<'END');
CREATE EXTENSION proximadb;
CREATE TABLE t (id int PRIMARY KEY, body text) USING lsm;
INSERT INTO t SELECT i, repeat('body ' || i, 5) FROM generate_series(1, 5000) i;
CREATE TABLE other (n int) USING heap;
SELECT proximadb.flush('t');
VACUUM ANALYZE t;
END

my $settings = 'SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_seqscan = off;';
my $query = 'SELECT count(*) FROM t WHERE id BETWEEN 100 AND 200';
my $reader = $node->background_psql('postgres', on_error_stop => 0);
$reader->query_safe("$settings BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM other");
$node->safe_psql('postgres', $_) for 'DELETE FROM t WHERE id < 4000', 'INSERT INTO other VALUES (1)', 'VACUUM t', 'VACUUM t', "SELECT proximadb.compact('t')";
my ($answer) = $reader->query($query);
ok($answer eq '101' || $answer eq '', "rows that the snapshot sees, or an error, but not fewer rows: '$answer'");
$reader->quit;
unlike($node->safe_psql('postgres', "$settings EXPLAIN $query"), qr/KeyScan/, 'no key scan');

done_testing();
