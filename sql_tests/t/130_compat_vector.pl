# The extension vector: hnsw and ivfflat as other names of axis, pgvector's settings and options, dumps made for pgvector.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('compat_vector');
$node->init;
$node->start;

sub sql { return $node->safe_psql('postgres', $_[0]); }

# Settings may come before the library that defines them.
is(sql('SET hnsw.ef_search = 100; SHOW hnsw.ef_search'), '100', 'a setting before anything else');
sql('CREATE EXTENSION IF NOT EXISTS vector');
is(sql("SELECT extname FROM pg_extension WHERE extname IN ('vector', 'proximadb') ORDER BY 1"), "proximadb\nvector", 'installed');

sql(<<'END');
CREATE TABLE t (id int PRIMARY KEY, e vector(16)) USING viper;
INSERT INTO t SELECT i, (SELECT array_agg(4 * sin((i % 23) * 1.7 * d) + sin(i * 0.37 * d + i)) FROM generate_series(1, 16) d)::real[]
	FROM generate_series(1, 3000) i;
CREATE INDEX t_hnsw ON t USING hnsw (e vector_cosine_ops) WITH (m = 16, ef_construction = 64);
CREATE INDEX t_ivfflat ON t USING ivfflat (e) WITH (lists = 30);
ANALYZE t;
END
like(sql('EXPLAIN (COSTS OFF) SELECT id FROM t ORDER BY e <=> (SELECT e FROM t WHERE id = 7) LIMIT 5'), qr/Index Scan using t_hnsw/, 'hnsw');
like(sql('EXPLAIN (COSTS OFF) SELECT id FROM t ORDER BY e <-> (SELECT e FROM t WHERE id = 7) LIMIT 5'), qr/Index Scan using t_ivfflat/, 'ivfflat');
is(sql('SELECT id FROM t ORDER BY e <-> (SELECT e FROM t WHERE id = 7) LIMIT 1'), '7', 'nearest row');
is(sql('SET hnsw.ef_search = 1; SELECT count(*) FROM (SELECT id FROM t ORDER BY e <=> (SELECT e FROM t WHERE id = 7) LIMIT 2999) s'), '2999',
	'LIMIT is met, however little effort');

$node->stop;
done_testing();
