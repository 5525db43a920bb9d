--
-- Parallel scans: workers read hot and sealed rows of this and of earlier transactions.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_parallel;
SET search_path = viper_parallel, public;
SET jit = off;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET min_parallel_index_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;

CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT ('[' || i % 17 || ',' || i % 19 || repeat(',' || i % 23, 62) || ']')::vector $$;
CREATE TABLE t (id int, grp int, v vector(64), body text) WITH (parallel_workers = 2);
INSERT INTO t SELECT i, i % 100, vec(i), 'body ' || i FROM generate_series(1, 8000) i;
CREATE INDEX ON t (grp);
CREATE INDEX t_id ON t (id);
UPDATE t SET body = 'new ' || id WHERE id % 40 = 0;
DELETE FROM t WHERE id % 40 = 1;
ANALYZE t;

-- Sequential
EXPLAIN (COSTS OFF) SELECT count(*), sum(id) FROM t WHERE v <-> '[1,2,3]' > 3;
SELECT count(*), sum(id), bool_and(v = vec(id)), count(*) FILTER (WHERE body LIKE 'new%') FROM t;
SELECT id, body FROM t WHERE v = vec(4321) ORDER BY id;
SELECT id FROM t ORDER BY v <-> vec(77), id LIMIT 5;

-- Hash and merge joins
SET enable_mergejoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM t a JOIN t b USING (id);
SELECT count(*), bool_and(a.v = b.v), sum(length(a.body)) FROM t a JOIN t b USING (id);
SET enable_hashjoin = off;
SET enable_mergejoin = on;
SELECT count(*), bool_and(a.v = b.v) FROM t a JOIN t b USING (id);
RESET enable_hashjoin;
RESET enable_nestloop;

-- Index and bitmap
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT count(*), sum(id), bool_and(v = vec(id)) FROM t WHERE id > 200 AND v <> '[0]';
SELECT count(*), sum(id) FROM t WHERE id BETWEEN 1000 AND 4000;
SET enable_bitmapscan = on;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
SELECT count(*), sum(id), bool_and(v = vec(id)) FROM t WHERE grp IN (3, 40, 50);
RESET enable_seqscan;
RESET enable_indexscan;
RESET enable_indexonlyscan;

-- Rows of the running transaction: loaded by it just now, in a subtransaction too
BEGIN;
INSERT INTO t SELECT i, i % 100, vec(i), 'body ' || i FROM generate_series(8001, 12000) i;
SELECT count(*), sum(id), bool_and(v = vec(id)) FROM t;
SAVEPOINT a;
INSERT INTO t SELECT i, i % 100, vec(i), 'body ' || i FROM generate_series(12001, 14000) i;
SELECT count(*), sum(id), bool_and(v = vec(id)) FROM t;
ROLLBACK TO a;
SELECT count(*), sum(id), bool_and(v = vec(id)) FROM t;
DELETE FROM t WHERE id > 9000;
SELECT count(*), sum(id), bool_and(v = vec(id)) FROM t;
COMMIT;
SELECT count(*), sum(id), bool_and(v = vec(id)) FROM t;

-- The source of a load, read by workers where the command's kind allows it
CREATE TABLE copy AS SELECT id, v, body FROM t WHERE v <> '[1]';
SELECT count(*), sum(id), bool_and(v = vec(id)) FROM copy;
INSERT INTO copy SELECT id + 20000, v, body FROM t WHERE body LIKE 'new%';
SELECT count(*), bool_and(v = vec(id % 20000)) FROM copy;

-- A function that runs a parallel query while its caller loads the same table
CREATE FUNCTION peek() RETURNS bigint LANGUAGE plpgsql VOLATILE AS
$$ BEGIN RETURN (SELECT count(*) FROM copy WHERE v <> '[1]'); END $$;
SELECT count(*) AS before FROM copy \gset
INSERT INTO copy SELECT id + 40000, v, CASE WHEN id % 1000 = 0 THEN peek()::text END FROM t WHERE id <= 5000;
SELECT count(*) AS added, count(*) FILTER (WHERE body::int >= :before) AS peeked FROM copy WHERE id > 40000;

-- Index build with workers
SET max_parallel_maintenance_workers = 2;
ALTER TABLE t SET (parallel_workers = 2);
CREATE INDEX t_body ON t (body, v);
SET enable_seqscan = off;
SELECT count(*), min(id), max(id) FROM t WHERE body >= 'new 4' AND body < 'new 5';

SET client_min_messages = warning;
DROP SCHEMA viper_parallel CASCADE;
