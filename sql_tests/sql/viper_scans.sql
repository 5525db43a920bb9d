--
-- Every kind of scan gives the same rows.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_scans;
SET search_path = viper_scans, public;
SET jit = off;
SET max_parallel_workers_per_gather = 0;

CREATE FUNCTION v768(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0 || ',-' || i % 7, 255) || ',' || i % 3 || ',0.5]')::vector $$;

CREATE TABLE t (id int PRIMARY KEY, grp int, v vector(768), small vector(3), body text, n numeric);
INSERT INTO t
SELECT i, i % 10, v768(i), ARRAY[i, i + 1, i + 2]::vector, 'body ' || i, nullif(i, 13) * 1.5
FROM generate_series(1, 600) i;
CREATE INDEX t_grp ON t (grp);
CREATE INDEX t_body ON t (body text_pattern_ops) INCLUDE (grp);
-- Some rows changed and gone
UPDATE t SET body = 'changed ' || id, grp = 11 WHERE id % 50 = 0;
DELETE FROM t WHERE id % 60 = 1;
VACUUM ANALYZE t;

-- What every scan of all rows must give
CREATE FUNCTION digest(OUT n bigint, OUT ids bigint, OUT vectors boolean, OUT bodies boolean, OUT nulls bigint)
LANGUAGE sql AS $$
    SELECT count(*), sum(id), bool_and(v = v768(id) AND small = ARRAY[id, id + 1, id + 2]::vector),
           bool_and(body = CASE WHEN id % 50 = 0 THEN 'changed ' ELSE 'body ' END || id), count(*) FILTER (WHERE n IS NULL)
    FROM t $$;
SELECT * FROM digest();

-- Which node the planner takes for a query, without what hangs below
CREATE FUNCTION node(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line ~ 'Scan' THEN
            RETURN NEXT btrim(line, ' ->');
        END IF;
    END LOOP;
END $$;

EXPLAIN (COSTS OFF) SELECT id FROM t WHERE small <-> '[1,1,1]' < 10 ORDER BY small <-> '[2,2,2]' LIMIT 3;

-- Sequential
SELECT id, small, body, n FROM t WHERE id BETWEEN 48 AND 52 OR id = 13 ORDER BY id;
SELECT id FROM t ORDER BY v <-> v768(77), id LIMIT 3;
SELECT count(*) FROM t;
SELECT 1 FROM t WHERE id < 4;

-- Index, index-only
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT node('SELECT * FROM t WHERE id = 100');
SELECT id, small, body FROM t WHERE id = 100;
SELECT id, small, body FROM t WHERE id = 61;
SELECT id, v = v768(id) AS v FROM t WHERE id = ANY ('{5,600,7,1000}') ORDER BY id;
SELECT node('SELECT id FROM t WHERE id < 5');
SELECT id FROM t WHERE id < 5;
SELECT node('SELECT body, grp FROM t WHERE body ~ ''^changed''');
SELECT body, grp FROM t WHERE body ~ '^changed 1';
SELECT id FROM t WHERE id > 595 ORDER BY id DESC;
SELECT count(*), sum(vector_dims(v)) FROM t WHERE grp = 4;
SELECT count(*), bool_and(v = v768(id)) FROM t WHERE grp = 4 AND n > 300;

-- Bitmap, exact and lossy
SET enable_indexscan = off;
SET enable_bitmapscan = on;
SELECT node('SELECT * FROM t WHERE grp = 3');
SELECT count(*), sum(id), bool_and(v = v768(id)) FROM t WHERE grp = 3;
SELECT count(*), sum(id) FROM t WHERE grp IN (3, 11) AND id < 300;
SELECT id, body FROM t WHERE grp = 11 AND body LIKE '%5%' ORDER BY id;
CREATE TABLE many (id int, v vector(3), w text);
INSERT INTO many SELECT i, ARRAY[i % 7, i % 11, i % 13]::vector, repeat('w', 300) || i FROM generate_series(1, 20000) i;
CREATE INDEX many_id ON many (id);
ANALYZE many;
SET work_mem = '64kB';
SELECT node('SELECT * FROM many WHERE id % 2 = 0 AND id > 100');
SELECT count(*), sum(id), bool_and(v = ARRAY[id % 7, id % 11, id % 13]::vector AND right(w, length(id::text)) = id::text)
FROM many WHERE id > 100;
SELECT count(*), sum(id) FROM many WHERE id > 100 AND v = '[1,1,1]';
RESET work_mem;
RESET enable_indexscan;
RESET enable_seqscan;

-- TID and TID range
SELECT node('SELECT * FROM t WHERE ctid = ''(0,1)''');
SELECT count(*) FROM t a JOIN t b ON a.ctid = b.ctid WHERE a.id = b.id AND a.v = b.v;
SELECT ctid AS tid FROM t WHERE id = 300 \gset
SELECT id, small, body FROM t WHERE ctid = :'tid';
SELECT id FROM t WHERE ctid = '(0,0)';
SELECT id FROM t WHERE ctid = '(1000000,1)';
SELECT id FROM t WHERE ctid = ANY (ARRAY[:'tid', '(4000000000,7)']::tid[]);
SELECT node('SELECT * FROM t WHERE ctid > ''(0,0)'' AND ctid < ''(1,0)''');
SELECT count(*), sum(id), bool_and(v = v768(id)) FROM t WHERE ctid >= '(0,0)';
SELECT (SELECT count(*) FROM t WHERE ctid < :'tid') + (SELECT count(*) FROM t WHERE ctid >= :'tid') AS all_rows;
SELECT count(*) > 0 AS some, bool_and(v = v768(id)) FROM t
WHERE ctid > (SELECT min(ctid) FROM t) AND ctid <= (SELECT max(ctid) FROM t WHERE id < 300);
SELECT count(*) FROM t WHERE ctid > '(4294967295,65535)';

-- Samples: everything, nothing, and some of it twice the same
SELECT count(*), sum(id), bool_and(v = v768(id)) FROM t TABLESAMPLE SYSTEM (100);
SELECT count(*), sum(id), bool_and(v = v768(id)) FROM t TABLESAMPLE BERNOULLI (100);
SELECT count(*) FROM t TABLESAMPLE SYSTEM (0);
SELECT count(*) BETWEEN 150 AND 450 AS about_half, bool_and(v = v768(id)) FROM t TABLESAMPLE BERNOULLI (50) REPEATABLE (7);
SELECT (SELECT array_agg(id) FROM t TABLESAMPLE BERNOULLI (50) REPEATABLE (7))
     = (SELECT array_agg(id) FROM t TABLESAMPLE BERNOULLI (50) REPEATABLE (7)) AS same;
SELECT count(*) = count(DISTINCT id) AS each_once, bool_and(v = v768(id)) IS NOT FALSE AS vectors
FROM t TABLESAMPLE SYSTEM (50) REPEATABLE (1);

-- Rescans: nested loops with the table inside
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_memoize = off;
SELECT count(*), bool_and(a.v = v768(a.id)), sum(a.id * b.id) FROM t a JOIN t b ON b.id = a.id + 1 WHERE a.id < 100;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
SET enable_bitmapscan = off;
SELECT g, t.small, t.body FROM generate_series(110, 113) g JOIN t ON t.id = g;
SELECT g, count(s.id), bool_and(s.v = v768(s.id)) FROM generate_series(1, 3) g,
    LATERAL (SELECT * FROM t WHERE t.grp = g OFFSET 0) s GROUP BY g ORDER BY g;
SELECT g, (SELECT small FROM t WHERE id = g) FROM generate_series(60, 62) g;
RESET enable_indexscan;
RESET enable_indexonlyscan;
RESET enable_bitmapscan;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;
RESET enable_memoize;

-- System columns
SELECT tableoid::regclass, xmin = (SELECT xmin FROM t WHERE id = 3) AS same_xmin, xmax, cmin = cmax AS same_cid, id FROM t WHERE id = 2;
SELECT tableoid = 't'::regclass AS oid, ctid = :'tid' AS ctid FROM t WHERE id = 300;
BEGIN;
INSERT INTO many VALUES (0, '[0,0,0]', 'in this transaction');
SELECT xmin = pg_current_xact_id()::xid AS mine, xmax, cmin, w FROM many WHERE id = 0;
ROLLBACK;

SET client_min_messages = warning;
DROP SCHEMA viper_scans CASCADE;
