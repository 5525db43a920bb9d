--
-- VACUUM of an axis index: dead rows go, pages and lists are merged, their pages used again; nothing else is lost.
--
CREATE SCHEMA axis_vacuum;
SET search_path = axis_vacuum, public;
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
CREATE FUNCTION tuples(index regclass) RETURNS real LANGUAGE sql AS $$ SELECT reltuples FROM pg_class WHERE oid = index $$;
-- Rows a cursor has still to return, and how many of them are not the same.
CREATE FUNCTION rest(c refcursor, OUT n bigint, OUT ids bigint) LANGUAGE plpgsql AS
$$
DECLARE
	id int;
	seen int[] := '{}';
BEGIN
	LOOP
		FETCH c INTO id;
		EXIT WHEN NOT FOUND;
		seen := seen || id;
	END LOOP;
	n := cardinality(seen);
	SELECT count(DISTINCT x) FROM unnest(seen) x INTO ids;
END
$$;

CREATE TABLE t (id int, k int, e vector(8)) USING viper WITH (autovacuum_enabled = off);
CREATE INDEX t_e ON t USING axis (e vector_l2_ops, k);
INSERT INTO t SELECT i, i % 100, CASE WHEN i % 50 <> 0 THEN vec(i) END FROM generate_series(1, 6000) i;
VACUUM t;
SELECT tuples('t_e');

-- A fifth
DELETE FROM t WHERE id % 5 = 0;
SELECT * FROM whole('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$);
VACUUM (INDEX_CLEANUP ON) t;
SELECT tuples('t_e');
SELECT * FROM whole('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$);
SELECT * FROM whole('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$, 'k = 7');
SET enable_seqscan = off;
SELECT count(*) FROM generate_series(1, 6000, 100) i WHERE (SELECT id FROM t ORDER BY e <-> vec(i) LIMIT 1) = i;
RESET enable_seqscan;

-- TIDs are used again: an entry left behind would find another row
INSERT INTO t SELECT i, i % 100, vec(i) FROM generate_series(6001, 7200) i;
SELECT * FROM whole('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$);

-- Nearly all: lists are merged, and ranges of filter columns become narrow again
DELETE FROM t WHERE id % 100 NOT IN (1, 50);
VACUUM (INDEX_CLEANUP ON) t;
SELECT tuples('t_e');
SELECT * FROM whole('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$);
SELECT * FROM whole('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$, 'k = 1');
SELECT * FROM whole('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$, 'k = 7');

-- and grows again, on pages that have come free
VACUUM t;
INSERT INTO t SELECT i, i % 100, vec(i) FROM generate_series(10001, 13000) i;
SELECT * FROM whole('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$);

-- All, and again
DELETE FROM t;
VACUUM (INDEX_CLEANUP ON) t;
SELECT tuples('t_e');
SELECT * FROM whole('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$);
INSERT INTO t SELECT i, i % 100, vec(i) FROM generate_series(1, 3000) i;
SELECT * FROM whole('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$);

-- A scan that has begun returns its rows while lists are split under it
BEGIN;
SET LOCAL enable_seqscan = off;
DECLARE c CURSOR FOR SELECT id FROM t ORDER BY e <-> '[1,2,3,4,5,6,7,8]';
MOVE 10 FROM c;
INSERT INTO t SELECT i, i % 100, vec(i) FROM generate_series(20001, 26000) i;
SELECT * FROM rest('c');
COMMIT;
SELECT * FROM whole('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$);

-- On heap, unlogged, with an expression; rows updated in place and moved
CREATE UNLOGGED TABLE h (id int, e real[]) USING heap WITH (autovacuum_enabled = off, fillfactor = 50);
CREATE INDEX h_e ON h USING axis ((e::vector(8)) vector_cosine_ops);
INSERT INTO h SELECT i, vec(i)::real[] FROM generate_series(1, 4000) i;
UPDATE h SET id = id WHERE id % 2 = 0;
UPDATE h SET e = vec(id + 1)::real[] WHERE id % 7 = 0;
DELETE FROM h WHERE id % 10 <> 0;
VACUUM (INDEX_CLEANUP ON) h;
SELECT tuples('h_e');
SELECT * FROM whole('h', $$e::vector(8) <=> '[1,2,3,4,5,6,7,8]'$$);
INSERT INTO h SELECT i, vec(i)::real[] FROM generate_series(5001, 8000) i;
SELECT * FROM whole('h', $$e::vector(8) <=> '[1,2,3,4,5,6,7,8]'$$);

-- In parallel with another index
SET min_parallel_index_scan_size = 0;
SET max_parallel_maintenance_workers = 2;
CREATE INDEX h_f ON h USING axis ((e::vector(8)) vector_l2_ops);
DELETE FROM h WHERE id % 3 = 0;
VACUUM (PARALLEL 2, INDEX_CLEANUP ON) h;
SELECT * FROM whole('h', $$e::vector(8) <=> '[1,2,3,4,5,6,7,8]'$$);
SELECT * FROM whole('h', $$e::vector(8) <-> '[1,2,3,4,5,6,7,8]'$$);

SET client_min_messages = warning;
DROP SCHEMA axis_vacuum CASCADE;
