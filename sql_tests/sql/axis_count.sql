-- queries that need no column of the table never take an axis index for an index-only scan
CREATE TABLE axis_count (k int, e vector(3)) USING viper;
INSERT INTO axis_count SELECT i % 10, ARRAY[i, i % 7, 1]::vector FROM generate_series(1, 1000) i;
CREATE INDEX ON axis_count USING axis (e);
CREATE INDEX ON axis_count USING axis (e vector_cosine_ops) WHERE k = 3;
CREATE INDEX ON axis_count USING axis (e vector_ip_ops, k);
VACUUM ANALYZE axis_count;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM axis_count;
SELECT count(*) FROM axis_count;
SELECT count(*) FROM axis_count WHERE k = 3;
SELECT EXISTS (SELECT FROM axis_count WHERE k = 3 LIMIT 1);
SELECT count(*) FROM (SELECT 1 FROM axis_count LIMIT 7) s;
DROP TABLE axis_count;
