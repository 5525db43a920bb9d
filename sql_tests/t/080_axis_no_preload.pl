# Without shared_preload_libraries an axis index works on heap tables: it is built, searched, added to, vacuumed, and survives a crash.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('no_preload');
$node->init;
# check's own settings preload the library
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\nautovacuum = off\nfsync = off\n");
$node->start;
is($node->safe_psql('postgres', 'SHOW shared_preload_libraries'), '', 'nothing is preloaded');
$node->safe_psql('postgres', <<'END');
CREATE EXTENSION proximadb;
CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(4 * sin((i % 23) * 1.7 * d) + sin(i * 0.37 * d + i))::real[]::vector FROM generate_series(1, 16) d $$;
CREATE TABLE t (id int, k int, e vector(16)) USING heap;
CREATE UNLOGGED TABLE u (id int, e vector(16)) USING heap;
INSERT INTO t SELECT i, i % 10, vec(i) FROM generate_series(1, 3000) i;
CREATE INDEX t_e ON t USING axis (e, k);
CREATE INDEX u_e ON u USING axis (e vector_cosine_ops);
INSERT INTO u SELECT i, vec(i) FROM generate_series(1, 1000) i;
END

# Rows that the index returns, and how many of them are not the same; faults
sub state
{
	my ($table, $operator) = @_;
	return $node->safe_psql('postgres', <<"END");
SET enable_seqscan = off;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM $table ORDER BY e $operator vec(7) LIMIT 100000) s;
SELECT count(*) FROM proximadb.axis_check('${table}_e');
END
}

like($node->safe_psql('postgres', 'EXPLAIN SELECT id FROM t WHERE k = ANY (ARRAY[1,2]) ORDER BY e <-> vec(7) LIMIT 5'),
	qr/Index Scan using t_e.*Index Cond: \(k = ANY/s, 'the planner knows the index');
is(state('t', '<->'), "3000|3000\n0", 'all rows, once');
is(state('u', '<=>'), "1000|1000\n0", 'all rows of an unlogged table');
is($node->safe_psql('postgres', <<'END'), '1|5', 'a session counts for itself');
SET enable_seqscan = off;
DO $$ BEGIN PERFORM id FROM t ORDER BY e <-> vec(7) LIMIT 5; END $$;
SELECT scans, rows_returned FROM proximadb.stat_index WHERE index = 't_e'::regclass;
END
is($node->safe_psql('postgres', "SELECT scans FROM proximadb.axis_stat('t_e')"), '0', 'another one knows nothing of it');
cmp_ok($node->safe_psql('postgres', "SELECT recall FROM proximadb.axis_recall('t_e', 20)"), '>=', 0.8, 'recall');

$node->safe_psql('postgres', <<'END');
INSERT INTO t SELECT i, i % 10, vec(i) FROM generate_series(3001, 6000) i;
DELETE FROM t WHERE id % 3 = 0;
VACUUM (INDEX_CLEANUP ON) t;
UPDATE t SET e = vec(id + 1) WHERE id % 7 = 0;
END
is(state('t', '<->'), "4000|4000\n0", 'inserted, deleted, vacuumed, updated');

$node->safe_psql('postgres', 'INSERT INTO t SELECT i, i % 10, vec(i) FROM generate_series(6001, 8000) i');
$node->stop('immediate');
$node->start;
is(state('t', '<->'), "6000|6000\n0", 'nothing is lost in a crash');
is(state('u', '<=>'), "0|0\n0", 'an unlogged table and its index are empty after a crash');
$node->safe_psql('postgres', 'INSERT INTO u SELECT i, vec(i) FROM generate_series(1, 50) i; REINDEX INDEX CONCURRENTLY t_e;');
is(state('u', '<=>'), "50|50\n0", 'and go on');
is(state('t', '<->'), "6000|6000\n0", 'rebuilt');

$node->stop;
done_testing();
