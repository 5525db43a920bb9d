--
-- Searching through axis indexes: order, limits of all sizes, cursors, joins, bounds of the distance, changes, plans.
--
CREATE SCHEMA axis_scan;
SET search_path = axis_scan, public;
CREATE FUNCTION vec(i int, dim int DEFAULT 8) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(4 * sin((i % 23) * 1.7 * d) + sin(i * 0.37 * d + i))::real[]::vector FROM generate_series(1, dim) d $$;
-- What ORDER BY ... LIMIT k through the index returns: rows, rows returned twice, whether distances ascend, and how many rows are among the k nearest of a sequential scan.
CREATE FUNCTION answers(t text, by text, k int, cond text DEFAULT 'true',
						OUT n int, OUT twice int, OUT ascending bool, OUT nearest int) LANGUAGE plpgsql AS
$$
DECLARE
	query text := format('SELECT id, %1$s AS d FROM %2$s WHERE %3$s ORDER BY %1$s LIMIT %4$s', by, t, cond, k);
	plan text := '';
	line text;
	ids int[];
	ds float8[];
	farthest float8;
BEGIN
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_sort = off;
	SET LOCAL enable_bitmapscan = off;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	IF plan !~ 'Index Scan using' OR plan ~ 'Sort\M(?! Key)' THEN
		RAISE 'not the plan to be tested: %', plan;
	END IF;
	EXECUTE format('SELECT coalesce(array_agg(id), ''{}''), array_agg(d) FROM (%s) s', query) INTO ids, ds;
	RESET enable_seqscan;
	RESET enable_sort;
	RESET enable_bitmapscan;
	SET LOCAL enable_indexscan = off;
	EXECUTE format('SELECT d FROM (%s) s ORDER BY d DESC NULLS FIRST LIMIT 1', query) INTO farthest;
	RESET enable_indexscan;
	n := cardinality(ids);
	SELECT n - count(DISTINCT x) FROM unnest(ids) x INTO twice;
	SELECT coalesce(bool_and(ok), true) FROM
		(SELECT d IS NULL OR d >= lag(d, 1, d) OVER (ORDER BY i) FROM unnest(ds) WITH ORDINALITY u (d, i)) s (ok) INTO ascending;
	SELECT count(*) FROM unnest(ds) d WHERE d <= farthest OR farthest IS NULL INTO nearest;
END
$$;
-- Rows that a cursor has still to return, how many different ones, and whether their distances ascend.
CREATE FUNCTION rest(c refcursor, OUT n bigint, OUT ids bigint, OUT ascending bool) LANGUAGE plpgsql AS
$$
DECLARE
	row record;
	seen int[] := '{}';
	last float8 := '-Infinity';
BEGIN
	ascending := true;
	LOOP
		FETCH c INTO row;
		EXIT WHEN NOT FOUND;
		seen := seen || row.id;
		ascending := ascending AND row.d >= last;
		last := row.d;
	END LOOP;
	n := cardinality(seen);
	SELECT count(DISTINCT x) FROM unnest(seen) x INTO ids;
END
$$;

-- Points around 40 centres
CREATE FUNCTION point(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(hashint4extended(d, i % 40) / 2e18 + hashint4extended(d, i + 1000) / 1e19)::real[]::vector FROM generate_series(1, 32) d $$;
CREATE TABLE t (id int, k int, e vector(32)) USING viper;
INSERT INTO t SELECT i, i % 10, point(i) FROM generate_series(1, 5000) i;
ANALYZE t;

-- Recall with default settings, and at the ends of what can be set
CREATE FUNCTION recall(k int) RETURNS numeric LANGUAGE sql AS
$$ SELECT avg(a.nearest::numeric / k) FROM generate_series(10001, 10050) i, answers('t', format('e <-> point(%s)', i), k) a $$;
CREATE INDEX t_e ON t USING axis (e);
SELECT recall(10) >= 0.9 AS recall_10, recall(1) >= 0.9 AS recall_1, recall(100) >= 0.9 AS recall_100;
SET proximadb.target_recall = 0.999;
SELECT recall(10) >= 0.97 AS recall_10;
SET proximadb.target_recall = 0.1;
SELECT recall(10) > 0.1 AS recall_10;
RESET proximadb.target_recall;
SET proximadb.nprobe = 1;
SELECT recall(10) > 0.1 AS recall_10;
SET proximadb.nprobe = 1000000;
SET proximadb.error_bound = 10;
SELECT recall(10), recall(100);
RESET proximadb.nprobe;
SET proximadb.error_bound = 0;
SELECT recall(10) > 0.1 AS recall_10;
SELECT * FROM answers('t', 'e <-> point(1)', 10000);
RESET proximadb.error_bound;
SET proximadb.target_recall = 1;
SET proximadb.error_bound = -1;
SET proximadb.nprobe = -1;

-- The planner takes the index for a few rows, and for a query it does not know yet
EXPLAIN (COSTS OFF) SELECT id FROM t ORDER BY e <-> (SELECT e FROM t WHERE id = 7) LIMIT 10;
SET plan_cache_mode = force_generic_plan;
PREPARE near (vector, int) AS SELECT id, e <-> $1 AS d FROM t ORDER BY e <-> $1 LIMIT $2;
EXPLAIN (COSTS OFF) EXECUTE near (NULL, 3);
EXECUTE near (point(7), 1);
RESET plan_cache_mode;
EXPLAIN (COSTS OFF) SELECT id FROM t ORDER BY e <=> (SELECT point(1)) LIMIT 1;
EXPLAIN (COSTS OFF) SELECT count(*) FROM t WHERE e <-> (SELECT point(1)) < 3;
EXPLAIN (COSTS OFF) SELECT id FROM t ORDER BY e <-> (SELECT point(1)) DESC LIMIT 1;

-- LIMIT of any size
SELECT k, n, twice, ascending, nearest >= 0.7 * n AS near FROM unnest('{0,1,2,9,11,1000,4999,5000,5001,20000}'::int[]) k, answers('t', 'e <-> point(3)', k) a ORDER BY k;
SET enable_seqscan = off;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <-> point(3)) s;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <-> point(3) OFFSET 4990) s;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <-> point(3) LIMIT ALL) s;
SELECT (SELECT id FROM t ORDER BY e <-> point(3) LIMIT 1 OFFSET 0), (SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> point(3) FETCH FIRST 7 ROWS WITH TIES) s);

-- Conditions that the index knows nothing of reject nearly all
SELECT n, twice FROM answers('t', 'e <-> point(3)', 20, 'id % 1000 = 3');
SELECT * FROM answers('t', 'e <-> point(3)', 20, 'id < 0');

-- Only rows nearer than x
SELECT * FROM answers('t', 'e <-> point(3)', 10000, 'e <-> point(3) < 1.5');
SELECT * FROM answers('t', 'e <-> point(3)', 10000, 'e <-> point(3) <= 0');
SELECT * FROM answers('t', 'e <-> point(3)', 10000, 'e <-> point(3) < 0');
SELECT * FROM answers('t', 'e <-> point(3)', 10000, $$e <-> point(3) < 'Infinity'$$);
SELECT * FROM answers('t', 'e <-> point(3)', 10000, $$e <-> point(3) < 'NaN'$$);
SELECT * FROM answers('t', 'e <-> point(3)', 10000, $$e <-> point(3) < '-Infinity'$$);
SELECT * FROM answers('t', 'e <-> point(3)', 10000, 'e <-> point(3) > 7');
SELECT * FROM answers('t', 'e <-> point(3)', 10, 'e <-> point(4) < 1.5');
EXPLAIN (COSTS OFF) SELECT id FROM t WHERE e <-> '[1,2]' < 1.5 ORDER BY e <-> '[1,2]';
SET plan_cache_mode = force_generic_plan;
PREPARE nearer (vector, float8) AS SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t WHERE e <-> $1 < $2 ORDER BY e <-> $1) s;
EXECUTE nearer (point(3), 'Infinity');
EXECUTE nearer (point(3), 0);
EXECUTE nearer (point(3), NULL);
EXECUTE nearer (point(3), 1e-3);
RESET plan_cache_mode;

-- Cursors
BEGIN;
DECLARE c CURSOR FOR SELECT id, e <-> point(3) AS d FROM t ORDER BY e <-> point(3);
FETCH 1 FROM c;
MOVE 9 FROM c;
SELECT n, ids FROM rest('c');
CLOSE c;
DECLARE c CURSOR FOR SELECT id, e <-> point(3) AS d FROM t ORDER BY e <-> point(3) LIMIT 500;
SELECT * FROM rest('c');
CLOSE c;
DECLARE s SCROLL CURSOR FOR SELECT id, e <-> point(3) AS d FROM t ORDER BY e <-> point(3) LIMIT 500;
MOVE 100 FROM s;
MOVE BACKWARD ALL FROM s;
FETCH 1 FROM s;
SELECT * FROM rest('s');
DECLARE h CURSOR WITH HOLD FOR SELECT id, e <-> point(3) AS d FROM t ORDER BY e <-> point(3) LIMIT 500;
COMMIT;
SELECT * FROM rest('h');
CLOSE h;

-- A cursor does not see what changes after it has been opened
BEGIN;
DECLARE c CURSOR FOR SELECT id, e <-> point(3) AS d FROM t ORDER BY e <-> point(3) LIMIT 20000;
MOVE 100 FROM c;
DELETE FROM t WHERE id % 2 = 0;
INSERT INTO t SELECT 10000 + i, 0, point(i) FROM generate_series(1, 500) i;
SELECT n, ids FROM rest('c');
ROLLBACK;

-- Scanned again: LATERAL, subqueries, joins
SELECT count(*), count(DISTINCT (q.id, s.id)), sum((q.id = s.id)::int) AS selves, bool_and(d >= 0) AS distances
FROM (SELECT id, e FROM t WHERE id % 100 = 0) q, LATERAL (SELECT id, t.e <-> q.e AS d FROM t ORDER BY t.e <-> q.e LIMIT 5) s;
SELECT count(*), sum((nearest = id)::int) AS selves
FROM (SELECT id, (SELECT t.id FROM t ORDER BY t.e <-> q.e LIMIT 1) AS nearest FROM t q WHERE id % 100 = 0) s;
SELECT i, count(s.id) FROM (VALUES (1, point(1)), (2, NULL), (3, point(3)), (4, NULL)) q (i, e),
	LATERAL (SELECT id FROM t ORDER BY t.e <-> q.e LIMIT 10000) s GROUP BY i ORDER BY i;
SELECT i, count(s.id) FROM generate_series(0, 3) i, LATERAL (SELECT id FROM t ORDER BY t.e <-> point(i) LIMIT i) s GROUP BY i ORDER BY i;
CREATE TABLE names (id int PRIMARY KEY, name text);
INSERT INTO names SELECT i, 'name ' || i FROM generate_series(1, 5000, 2) i;
ANALYZE names;
SELECT count(*), count(DISTINCT name) FROM (SELECT name FROM t JOIN names USING (id) ORDER BY t.e <-> point(3) LIMIT 10) s;
SELECT count(*) FROM (SELECT FROM t WHERE EXISTS (SELECT FROM names WHERE names.id = t.id) ORDER BY e <-> point(3) LIMIT 4000) s;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <-> point(3) LIMIT 10 FOR UPDATE) s;
(SELECT id FROM t ORDER BY e <-> point(3) LIMIT 1) UNION ALL (SELECT id FROM t ORDER BY e <-> point(5) LIMIT 1);

-- Queries that fit nothing, and NULL
SELECT id FROM t ORDER BY e <-> '[1,2,3]' LIMIT 1;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <-> NULL::vector LIMIT 10000) s;
SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> (SELECT NULL::vector) LIMIT 7) s;
SELECT id FROM t ORDER BY e <-> (SELECT '[1,2,3]'::vector) LIMIT 1;

-- Index-only and bitmap scans do not exist; scans without an order do, with a condition
EXPLAIN (COSTS OFF) SELECT e FROM t ORDER BY e <-> (SELECT point(3)) LIMIT 1;
EXPLAIN (COSTS OFF) SELECT id FROM t WHERE e IS NULL;
SELECT count(*) FROM t WHERE e IS NULL;
SELECT count(*) FROM t WHERE e IS NOT NULL;
RESET enable_seqscan;

-- Rows in memory order and sealed, changed and gone
UPDATE t SET e = point(id + 7) WHERE id % 5 = 0;
UPDATE t SET k = 11 WHERE id % 7 = 0;
DELETE FROM t WHERE id % 11 = 0;
INSERT INTO t SELECT 5000 + i, 3, point(i) FROM generate_series(1, 500) i;
SELECT * FROM answers('t', 'e <-> point(3)', 20000);
SELECT n, twice FROM answers('t', 'e <-> point(8)', 20, 'k = 11');
SELECT proximadb.flush('t') IS NOT NULL AS flushed;
INSERT INTO t SELECT 6000 + i, 3, CASE WHEN i % 2 = 0 THEN point(i) END FROM generate_series(1, 500) i;
SELECT * FROM answers('t', 'e <-> point(3)', 20000);
VACUUM t;
SELECT * FROM answers('t', 'e <-> point(3)', 20000);
SELECT recall(10) >= 0.9 AS recall_10;
UPDATE t SET e = NULL WHERE id % 13 = 0;
UPDATE t SET e = point(id) WHERE e IS NULL AND id % 3 = 0;
SELECT * FROM answers('t', 'e <-> point(3)', 20000);
BEGIN;
SAVEPOINT a;
UPDATE t SET e = point(id + 1);
SELECT * FROM answers('t', 'e <-> point(3)', 20000);
ROLLBACK TO a;
SELECT * FROM answers('t', 'e <-> point(3)', 20000);
DELETE FROM t;
SELECT * FROM answers('t', 'e <-> point(3)', 20000);
ROLLBACK;

-- The same on heap, and with the other metrics
CREATE TABLE h (id int, e vector(32)) USING heap;
INSERT INTO h SELECT i, point(i) FROM generate_series(1, 3000) i;
CREATE INDEX h_ip ON h USING axis (e vector_ip_ops);
CREATE INDEX h_cosine ON h USING axis (e vector_cosine_ops);
SELECT * FROM answers('h', 'e <#> point(3)', 4000);
SELECT * FROM answers('h', 'e <=> point(3)', 4000);
-- 75 and 1284 rows
SELECT n BETWEEN 68 AND 75 AS n, twice FROM answers('h', 'e <=> point(3)', 4000, 'e <=> point(3) < 0.5');
SELECT n BETWEEN 1156 AND 1284 AS n, twice FROM answers('h', 'e <#> point(3)', 4000, 'e <#> point(3) < -5');
UPDATE h SET e = point(id + 1) WHERE id % 3 = 0;
DELETE FROM h WHERE id % 7 = 0;
VACUUM h;
UPDATE h SET id = id + 1000000 WHERE id % 5 = 0;
SELECT * FROM answers('h', 'e <#> point(3)', 4000);
SELECT * FROM answers('h', 'e <=> point(3)', 4000);
SELECT avg(a.nearest / 10.0) >= 0.9 AS recall_10 FROM generate_series(10001, 10050) i, answers('h', format('e <=> point(%s)', i), 10) a;
SELECT avg(a.nearest / 10.0) >= 0.9 AS recall_10 FROM generate_series(10001, 10050) i, answers('h', format('e <#> point(%s)', i), 10) a;

-- flat looks at all rows
DROP INDEX h_cosine;
CREATE INDEX h_cosine ON h USING axis (e vector_cosine_ops) WITH (strategy = flat);
SELECT avg(a.nearest / 10.0) >= 0.95 AS recall_10 FROM generate_series(10001, 10050) i, answers('h', format('e <=> point(%s)', i), 10) a;

SET client_min_messages = warning;
DROP SCHEMA axis_scan CASCADE;
