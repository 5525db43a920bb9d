--
-- CREATE TABLE AS, SELECT INTO, CREATE TABLE LIKE, materialised views.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_ctas;
SET search_path = viper_ctas, public;
CREATE FUNCTION v768(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0 || ',-' || i % 7, 255) || ',' || i % 3 || ',0.5]')::vector $$;

CREATE TABLE a AS SELECT i AS id, v768(i) AS v, 'body ' || i AS body, nullif(i % 3, 0) AS n FROM generate_series(1, 300) i;
SELECT count(*), sum(id), bool_and(v = v768(id) AND body = 'body ' || id), count(n) FROM a;
CREATE TABLE b USING viper AS TABLE a WITH NO DATA;
SELECT count(*) FROM b;
SELECT id, v, body INTO c FROM a WHERE n = 1;
SELECT count(*), bool_and(v = v768(id)) FROM c;
CREATE TABLE d (x, y) USING heap AS SELECT id, v FROM c;
CREATE TABLE e AS SELECT x AS id, y AS v FROM d;
SELECT count(*), bool_and(v = v768(id)) FROM e;
CREATE TABLE IF NOT EXISTS a AS SELECT 1 AS id;
CREATE TABLE failing AS SELECT id, 1 / (id - 300) AS x, v FROM a;
SELECT to_regclass('failing');
CREATE TEMP TABLE tmp ON COMMIT DROP AS SELECT * FROM a;
CREATE UNLOGGED TABLE u AS SELECT * FROM a;
SELECT count(*), bool_and(v = v768(id)) FROM u;
PREPARE p AS SELECT id, v FROM a WHERE id > $1;
CREATE TABLE ex AS EXECUTE p (250);
SELECT count(*), bool_and(v = v768(id)) FROM ex;
BEGIN;
CREATE TABLE rolled AS SELECT * FROM a;
SELECT count(*), bool_and(v = v768(id)) FROM rolled;
CREATE TABLE twice AS SELECT * FROM rolled UNION ALL SELECT * FROM a;
SELECT count(*), bool_and(v = v768(id)) FROM twice;
ROLLBACK;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) CREATE TABLE explained AS SELECT id, v FROM a;
SELECT count(*), bool_and(v = v768(id)) FROM explained;

-- LIKE
CREATE TABLE orig (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v vector(3) NOT NULL DEFAULT '[1,2,3]', t text CHECK (t <> ''), g int GENERATED ALWAYS AS (1) STORED);
ALTER TABLE orig ALTER t SET STORAGE EXTERNAL;
COMMENT ON COLUMN orig.v IS 'vector';
CREATE INDEX ON orig (v);
CREATE TABLE copied (LIKE orig INCLUDING ALL);
INSERT INTO copied (t) VALUES ('x');
INSERT INTO copied (t) VALUES ('');
SELECT * FROM copied;
SELECT amname, (SELECT count(*) FROM pg_index WHERE indrelid = c.oid) AS indexes, col_description(c.oid, 2) FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE c.oid = 'copied'::regclass;

-- Materialised views
CREATE MATERIALIZED VIEW mv AS SELECT id, v, body, n, id * 2 AS twice FROM a;
CREATE UNIQUE INDEX ON mv (id);
SELECT count(*), sum(twice), bool_and(v = v768(id)) FROM mv;
UPDATE a SET body = 'changed', n = NULL WHERE id <= 10;
DELETE FROM a WHERE id = 20;
INSERT INTO a VALUES (301, v768(301), NULL, NULL);
UPDATE a SET v = v768(id + 1) WHERE id = 30;
SELECT count(*) FROM mv WHERE body = 'changed';
REFRESH MATERIALIZED VIEW CONCURRENTLY mv;
SELECT count(*), sum(twice), count(*) FILTER (WHERE v = v768(id)), count(*) FILTER (WHERE body = 'changed'), count(n) FROM mv;
SELECT count(*) FROM (TABLE a EXCEPT SELECT id, v, body, n FROM mv) x;
-- Nothing has changed: no row may be written again
CREATE TABLE tids AS SELECT id, ctid::text AS tid, xmin::text AS x FROM mv;
REFRESH MATERIALIZED VIEW CONCURRENTLY mv;
SELECT count(*) AS moved FROM mv JOIN tids USING (id) WHERE mv.ctid::text <> tid OR mv.xmin::text <> x;
REFRESH MATERIALIZED VIEW mv;
SELECT count(*), count(*) FILTER (WHERE v = v768(id)) FROM mv;
REFRESH MATERIALIZED VIEW mv WITH NO DATA;
SELECT count(*) FROM mv;
REFRESH MATERIALIZED VIEW mv;
SET enable_seqscan = off;
SELECT id, body, n, v = v768(id) FROM mv WHERE id IN (5, 20, 30, 301) ORDER BY id;
RESET enable_seqscan;
ALTER MATERIALIZED VIEW mv SET ACCESS METHOD heap;
SELECT count(*), count(*) FILTER (WHERE v = v768(id)) FROM mv;
ALTER MATERIALIZED VIEW mv SET ACCESS METHOD viper;
REFRESH MATERIALIZED VIEW CONCURRENTLY mv;
SELECT count(*), count(*) FILTER (WHERE v = v768(id)) FROM mv;
VACUUM FULL mv;
CREATE MATERIALIZED VIEW mv2 USING viper AS SELECT n, count(*), sum(id) FROM mv GROUP BY n;
SELECT * FROM mv2 ORDER BY n;

SET client_min_messages = warning;
DROP SCHEMA viper_ctas CASCADE;
