--
-- Inserts into an axis index, created before the data: lists split as they grow, no row is lost or found twice.
--
CREATE SCHEMA axis_insert;
SET search_path = axis_insert, public;
CREATE FUNCTION vec(i int, dim int DEFAULT 8) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(sin(i * 0.37 * d) + i % 11 * (d % 3))::real[]::vector FROM generate_series(1, dim) d $$;
-- What a scan of the index without a limit returns, compared with the table: rows, rows returned twice, rows missed.
CREATE FUNCTION whole(t text, by text, cond text DEFAULT 'true', OUT n bigint, OUT twice bigint, OUT missed bigint) LANGUAGE plpgsql AS
$$
DECLARE
	plan text;
	ids int[];
	query text := format('SELECT id FROM %s WHERE %s ORDER BY %s', t, cond, by);
BEGIN
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_sort = off;
	SET LOCAL enable_bitmapscan = off;
	FOR plan IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		EXIT;
	END LOOP;
	IF plan !~ '^Index Scan using' THEN
		RAISE 'not the plan to be tested: %', plan;
	END IF;
	EXECUTE format('SELECT array_agg(id) FROM (%s) s', query) INTO ids;
	RESET enable_seqscan;
	SET LOCAL enable_indexscan = off;
	RESET enable_sort;
	n := coalesce(cardinality(ids), 0);
	SELECT n - count(DISTINCT x) FROM unnest(ids) x INTO twice;
	EXECUTE format('SELECT count(*) FROM %s WHERE %s AND id <> ALL ($1)', t, cond) USING coalesce(ids, '{}') INTO missed;
	RESET enable_indexscan;
	RESET enable_bitmapscan;
END
$$;

-- From nothing to several lists
CREATE TABLE t (id int, e vector(8)) USING viper;
CREATE INDEX t_e ON t USING axis (e vector_l2_ops);
SELECT * FROM whole('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$);
INSERT INTO t VALUES (1, vec(1));
SELECT * FROM whole('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$);
INSERT INTO t SELECT i, vec(i) FROM generate_series(2, 1000) i;
SELECT pg_relation_size('t_e') AS before \gset
INSERT INTO t SELECT i, vec(i) FROM generate_series(1001, 5000) i;
SELECT * FROM whole('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$);
SELECT pg_relation_size('t_e') > 4 * :before AS has_grown;
SET enable_seqscan = off;
SELECT count(*) FROM generate_series(1, 5000, 100) i WHERE (SELECT id FROM t ORDER BY e <-> vec(i) LIMIT 1) = i;
RESET enable_seqscan;

-- NULL, no direction, equal vectors, which cannot be split
CREATE TABLE odd (id int, e vector(4)) USING viper;
CREATE INDEX ON odd USING axis (e vector_cosine_ops);
INSERT INTO odd SELECT i, NULL FROM generate_series(1, 600) i;
INSERT INTO odd SELECT i, '[0,0,0,0]' FROM generate_series(601, 1200) i;
INSERT INTO odd SELECT i, '[1,2,3,4]' FROM generate_series(1201, 4200) i;
SELECT * FROM whole('odd', $$e <=> '[1,2,3,4]'$$);
INSERT INTO odd SELECT i, vec(i, 4) FROM generate_series(4201, 6000) i;
INSERT INTO odd SELECT i, '[1,2,3,4]' FROM generate_series(6001, 9000) i;
SELECT * FROM whole('odd', $$e <=> '[1,2,3,4]'$$);
INSERT INTO odd VALUES (9001, '[1,2,3,4,5]');
INSERT INTO odd VALUES (9001, '[3e38,-3e38,3e38,-3e38]'), (9002, '[1e-38,1e-40,0,0]');
SELECT * FROM whole('odd', $$e <=> '[1,2,3,4]'$$);

-- Rolled back, in part and as a whole; updated; conflicting
CREATE TABLE u (id int PRIMARY KEY, e vector(8)) USING viper;
CREATE INDEX ON u USING axis (e vector_ip_ops);
BEGIN;
INSERT INTO u SELECT i, vec(i) FROM generate_series(1, 3000) i;
SAVEPOINT a;
INSERT INTO u SELECT i, vec(i) FROM generate_series(3001, 5000) i;
ROLLBACK TO a;
INSERT INTO u SELECT i, vec(i + 1) FROM generate_series(3001, 3500) i;
SELECT * FROM whole('u', $$e <#> '[1,2,3,4,5,6,7,8]'$$);
COMMIT;
BEGIN;
INSERT INTO u SELECT i, vec(i) FROM generate_series(5001, 8000) i;
ROLLBACK;
UPDATE u SET e = vec(id + 7) WHERE id % 3 = 0;
INSERT INTO u SELECT i, vec(i) FROM generate_series(3400, 3600) i ON CONFLICT (id) DO UPDATE SET e = excluded.e;
INSERT INTO u SELECT i, vec(i) FROM generate_series(3500, 3700) i ON CONFLICT DO NOTHING;
SELECT * FROM whole('u', $$e <#> '[1,2,3,4,5,6,7,8]'$$);

-- On heap: filter columns, an expression, a predicate; unlogged and temporary
CREATE UNLOGGED TABLE h (id int, k int, name text, e real[]) USING heap;
CREATE INDEX h_e ON h USING axis ((e::vector(8)) vector_l2_ops, k, name) WHERE id % 2 = 0;
INSERT INTO h SELECT i, nullif(i % 10, 2), 'name ' || i % 100, vec(i)::real[] FROM generate_series(1, 6000) i;
SELECT * FROM whole('h', $$e::vector(8) <-> '[1,2,3,4,5,6,7,8]'$$, 'id % 2 = 0');
SELECT * FROM whole('h', $$e::vector(8) <-> '[1,2,3,4,5,6,7,8]'$$, 'id % 2 = 0 AND k = 4');
SELECT * FROM whole('h', $$e::vector(8) <-> '[1,2,3,4,5,6,7,8]'$$, $$id % 2 = 0 AND name = 'name 12' AND k < 5$$);
SELECT * FROM whole('h', $$e::vector(8) <-> '[1,2,3,4,5,6,7,8]'$$, 'id % 2 = 0 AND k IS NULL');
CREATE TEMP TABLE p (id int, e vector(8)) USING heap;
CREATE INDEX ON p USING axis (e vector_l2_ops);
INSERT INTO p SELECT i, vec(i) FROM generate_series(1, 4000) i;
SELECT * FROM whole('p', $$e <-> '[1,2,3,4,5,6,7,8]'$$);
TRUNCATE p;
INSERT INTO p SELECT i, vec(i) FROM generate_series(1, 2000) i;
SELECT * FROM whole('p', $$e <-> '[1,2,3,4,5,6,7,8]'$$);

-- strategy = flat keeps one list
CREATE TABLE f (id int, e vector(8)) USING viper;
CREATE INDEX f_e ON f USING axis (e vector_l2_ops) WITH (strategy = flat);
INSERT INTO f SELECT id, e FROM t;
SELECT * FROM whole('f', $$e <-> '[1,2,3,4,5,6,7,8]'$$);
SELECT pg_relation_size('f_e') < pg_relation_size('t_e') AS nothing_rewritten;

-- An index built on rows goes on like one that has grown
CREATE INDEX t_built ON t USING axis (e vector_l2_ops);
DROP INDEX t_e;
INSERT INTO t SELECT i, vec(i) FROM generate_series(5001, 9000) i;
SELECT * FROM whole('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$);
SET enable_seqscan = off;
SELECT count(*) FROM generate_series(1, 9000, 100) i WHERE (SELECT id FROM t ORDER BY e <-> vec(i) LIMIT 1) = i;
RESET enable_seqscan;

SET client_min_messages = warning;
DROP SCHEMA axis_insert CASCADE;
