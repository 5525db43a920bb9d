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
old_snapshot_threshold = 1min
END
$node->start;
$node->safe_psql('postgres', <<'END');
CREATE EXTENSION proximadb;
CREATE TABLE t (id int PRIMARY KEY, body text) USING lsm;
INSERT INTO t SELECT i, repeat('body ' || i, 5) FROM generate_series(1, 5000) i;
SELECT proximadb.flush('t');
VACUUM ANALYZE t;
END

my $settings = 'SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_seqscan = off;';
my $query = 'SELECT count(*) FROM t WHERE id BETWEEN 100 AND 200';
is($node->safe_psql('postgres', "$settings $query"), '101', 'rows are found');
unlike($node->safe_psql('postgres', "$settings EXPLAIN $query"), qr/KeyScan/, 'no key scan');

done_testing();
