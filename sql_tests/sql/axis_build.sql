--
-- Building axis indexes: from nothing, of all dimensions and metrics, of all kinds of tables, and what cannot be built.
--
CREATE SCHEMA axis_build;
SET search_path = axis_build, public;
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

-- No row, one row, one more
CREATE TABLE t (id int, e vector(8)) USING viper;
CREATE INDEX t_e ON t USING axis (e vector_l2_ops);
SELECT * FROM answers('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$, 10);
INSERT INTO t VALUES (1, vec(1));
REINDEX INDEX t_e;
SELECT * FROM answers('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$, 10);
INSERT INTO t VALUES (2, vec(2));
SELECT * FROM answers('t', $$e <-> '[1,2,3,4,5,6,7,8]'$$, 10);

-- All rows equal; only nulls; some nulls, which come last
CREATE TABLE equal (id int, e vector(8)) USING viper;
INSERT INTO equal SELECT i, '[1,2,3,4,5,6,7,8]' FROM generate_series(1, 3000) i;
CREATE INDEX ON equal USING axis (e vector_l2_ops);
SELECT * FROM answers('equal', $$e <-> '[1,2,3,4,5,6,7,8]'$$, 10);
SELECT * FROM answers('equal', $$e <-> '[8,2,3,4,5,6,7,8]'$$, 5000);
CREATE TABLE nulls (id int, e vector(8)) USING viper;
INSERT INTO nulls SELECT i, NULL FROM generate_series(1, 1000) i;
CREATE INDEX nulls_e ON nulls USING axis (e vector_l2_ops);
SELECT * FROM answers('nulls', $$e <-> '[1,2,3,4,5,6,7,8]'$$, 2000);
INSERT INTO nulls SELECT i, vec(i) FROM generate_series(1001, 1100) i;
REINDEX INDEX nulls_e;
SELECT * FROM answers('nulls', $$e <-> '[1,2,3,4,5,6,7,8]'$$, 100);
SELECT * FROM answers('nulls', $$e <-> '[1,2,3,4,5,6,7,8]'$$, 2000);
SET enable_seqscan = off;
SELECT count(*) FILTER (WHERE e IS NULL AND place <= 100) AS nulls_first FROM
	(SELECT e, row_number() OVER () AS place FROM (SELECT e FROM nulls ORDER BY e <-> '[1,2,3,4,5,6,7,8]') s) s;
RESET enable_seqscan;

-- Vectors of length zero have no cosine distance: NaN, behind all others and before the nulls
CREATE TABLE zero (id int, e vector(3)) USING viper;
INSERT INTO zero SELECT i, vec(i, 3) FROM generate_series(1, 500) i;
INSERT INTO zero SELECT i, '[0,0,0]' FROM generate_series(501, 600) i;
INSERT INTO zero SELECT i, NULL FROM generate_series(601, 650) i;
CREATE INDEX ON zero USING axis (e vector_cosine_ops);
SELECT * FROM answers('zero', $$e <=> '[1,2,3]'$$, 10);
SELECT * FROM answers('zero', $$e <=> '[1,2,3]'$$, 500);
SELECT * FROM answers('zero', $$e <=> '[1,2,3]'$$, 600);
SELECT * FROM answers('zero', $$e <=> '[1,2,3]'$$, 1000);
SELECT * FROM answers('zero', $$e <=> '[0,0,0]'$$, 10);
SELECT * FROM answers('zero', $$e <=> '[0,0,0]'$$, 1000);
SET enable_seqscan = off;
SELECT d, count(*), min(place), max(place) FROM
	(SELECT CASE WHEN d = 'NaN' THEN d END AS d, d IS NULL AS no_vector, row_number() OVER () AS place
	 FROM (SELECT e <=> '[1,2,3]' AS d FROM zero ORDER BY e <=> '[1,2,3]') s) s
	WHERE place > 500 GROUP BY d, no_vector ORDER BY 3;
RESET enable_seqscan;

-- Numbers at the ends of what a vector holds: distances that overflow or underflow lose no row
CREATE TABLE extreme (id int, e vector(4)) USING viper;
INSERT INTO extreme SELECT i, vec(i, 4) FROM generate_series(1, 300) i;
INSERT INTO extreme VALUES (301, '[3e38,3e38,3e38,3e38]'), (302, '[-3e38,-3e38,-3e38,-3e38]'), (303, '[1e-45,0,0,0]'),
	(304, '[1e30,1,1,1]'), (305, '[1e19,1e19,0,0]'), (306, '[3e38,0,0,0]');
CREATE INDEX ON extreme USING axis (e vector_l2_ops);
CREATE INDEX ON extreme USING axis (e vector_ip_ops);
CREATE INDEX ON extreme USING axis (e vector_cosine_ops);
SELECT * FROM answers('extreme', $$e <-> '[1,2,3,4]'$$, 1000);
SELECT * FROM answers('extreme', $$e <-> '[3e38,1,1,1]'$$, 1000);
SELECT * FROM answers('extreme', $$e <#> '[1,2,3,4]'$$, 1000);
SELECT * FROM answers('extreme', $$e <#> '[3e38,-3e38,1,1]'$$, 1000);
SELECT * FROM answers('extreme', $$e <=> '[1,2,3,4]'$$, 1000);
SELECT * FROM answers('extreme', $$e <=> '[1e-45,0,0,0]'$$, 1000);

-- All metrics, all widths of codes, dimensions around those of blocks: every row once, and the nearest are the nearest
CREATE TABLE built (dim int, metric text, code_bits int, n int, twice int, ascending bool, nearest int);
DO $$
DECLARE
	dimensions int;
	metric record;
	bits int;
	number int;
BEGIN
	FOREACH dimensions IN ARRAY '{1,2,3,63,64,65,128,768,2000}'::int[] LOOP
		number := CASE WHEN dimensions <= 128 THEN 400 ELSE 60 END;
		EXECUTE format('CREATE TABLE d (id int, e vector(%s)) USING %s', dimensions, CASE WHEN dimensions % 2 = 0 THEN 'viper' ELSE 'heap' END);
		EXECUTE 'INSERT INTO d SELECT i, vec(i, $1) FROM generate_series(1, $2) i' USING dimensions, number;
		FOR metric IN SELECT * FROM (VALUES ('vector_l2_ops', '<->'), ('vector_ip_ops', '<#>'), ('vector_cosine_ops', '<=>')) m (class, operator) LOOP
			FOREACH bits IN ARRAY '{1,2,4}'::int[] LOOP
				EXECUTE format('CREATE INDEX d_e ON d USING axis (e %s) WITH (code_bits = %s)', metric.class, bits);
				INSERT INTO built SELECT dimensions, metric.operator, bits, a.* FROM
					answers('d', format('e %s vec(1000, %s)', metric.operator, dimensions), 10) a;
				INSERT INTO built SELECT dimensions, metric.operator, bits, a.* FROM
					answers('d', format('e %s vec(1001, %s)', metric.operator, dimensions), 1000) a;
				DROP INDEX d_e;
			END LOOP;
		END LOOP;
		DROP TABLE d;
	END LOOP;
END
$$;
SELECT count(*) FROM built;
SELECT * FROM built WHERE n NOT IN (10, CASE WHEN dim <= 128 THEN 400 ELSE 60 END) OR twice > 0 OR NOT ascending;
-- one cosine distance of one dimension is like another
SELECT dim, metric, code_bits, nearest, n FROM built WHERE nearest < n AND dim > 1;

-- As many dimensions as there may be
CREATE TABLE wide (id int, e vector(16000)) USING viper;
INSERT INTO wide SELECT i, vec(i, 16000) FROM generate_series(1, 24) i;
CREATE INDEX ON wide USING axis (e vector_l2_ops);
CREATE INDEX ON wide USING axis (e vector_cosine_ops);
CREATE INDEX wide_4 ON wide USING axis (e vector_ip_ops) WITH (code_bits = 4);
CREATE INDEX wide_2 ON wide USING axis (e vector_ip_ops) WITH (code_bits = 2);
SELECT * FROM answers('wide', 'e <-> vec(5, 16000)', 5);
SELECT * FROM answers('wide', 'e <-> vec(5, 16000)', 50);
SELECT * FROM answers('wide', 'e <=> vec(5, 16000)', 5);

-- Other kinds of tables
CREATE UNLOGGED TABLE unlogged (id int, e vector(8)) USING heap;
INSERT INTO unlogged SELECT i, vec(i) FROM generate_series(1, 2000) i;
CREATE INDEX ON unlogged USING axis (e vector_l2_ops);
SELECT * FROM answers('unlogged', 'e <-> vec(30)', 10);
CREATE TEMP TABLE temporary (id int, e vector(8)) ON COMMIT DELETE ROWS;
CREATE INDEX ON temporary USING axis (e vector_l2_ops);
BEGIN;
INSERT INTO temporary SELECT i, vec(i) FROM generate_series(1, 2000) i;
SELECT * FROM answers('temporary', 'e <-> vec(30)', 3000);
COMMIT;
SELECT * FROM answers('temporary', 'e <-> vec(30)', 3000);
CREATE TABLE parts (id int, e vector(8)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1000) USING viper;
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (1000) TO (2000) USING heap;
INSERT INTO parts SELECT i, vec(i) FROM generate_series(1, 1999) i;
CREATE INDEX parts_e ON parts USING axis (e vector_l2_ops);
CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM (2000) TO (3000) USING viper;
INSERT INTO parts SELECT i, vec(i) FROM generate_series(2000, 2999) i;
SELECT * FROM answers('parts', 'e <-> vec(30)', 20);
SELECT * FROM answers('parts', 'e <-> vec(30)', 5000);
CREATE MATERIALIZED VIEW view AS SELECT id, e FROM parts WHERE id % 3 = 0;
CREATE INDEX ON view USING axis (e vector_l2_ops);
SELECT * FROM answers('view', 'e <-> vec(30)', 20);
INSERT INTO parts VALUES (0, vec(0));
REFRESH MATERIALIZED VIEW view;
SELECT * FROM answers('view', 'e <-> vec(30)', 5000);

-- Expressions and predicates
CREATE TABLE loose (id int, kind text, e vector, f real[]) USING viper;
INSERT INTO loose SELECT i, 'eight', vec(i), vec(i)::real[] FROM generate_series(1, 1000) i;
INSERT INTO loose SELECT i, 'four', vec(i, 4), vec(i, 4)::real[] FROM generate_series(1001, 2000) i;
CREATE INDEX ON loose USING axis ((e::vector(8)) vector_l2_ops) WHERE kind = 'eight';
CREATE INDEX ON loose USING axis ((e::vector(4)) vector_cosine_ops) WHERE kind = 'four';
CREATE INDEX loose_f ON loose USING axis ((f::vector(4)) vector_ip_ops) WHERE id > 1500;
SELECT * FROM answers('loose', 'e::vector(8) <-> vec(30)', 2000, $$kind = 'eight'$$);
SELECT * FROM answers('loose', 'e::vector(4) <=> vec(30, 4)', 2000, $$kind = 'four'$$);
SELECT * FROM answers('loose', 'f::vector(4) <#> vec(30, 4)', 2000, 'id > 1500');
UPDATE loose SET e = vec(id + 1) WHERE kind = 'eight' AND id % 4 = 0;
UPDATE loose SET kind = 'eight', e = vec(id) WHERE kind = 'four' AND id % 4 = 0;
SELECT * FROM answers('loose', 'e::vector(8) <-> vec(30)', 2000, $$kind = 'eight'$$);
SELECT * FROM answers('loose', 'e::vector(4) <=> vec(30, 4)', 2000, $$kind = 'four'$$);

-- Anew, beside writers, by several processes, in little memory
CREATE TABLE big (id int, k int, e vector(24)) USING viper WITH (parallel_workers = 2);
INSERT INTO big SELECT i, i % 100, vec(i, 24) FROM generate_series(1, 6000) i;
DELETE FROM big WHERE id % 10 = 3;
CREATE INDEX CONCURRENTLY big_e ON big USING axis (e vector_l2_ops, k);
SELECT * FROM answers('big', 'e <-> vec(30, 24)', 10000);
SELECT * FROM answers('big', 'e <-> vec(30, 24)', 100, 'k = 31');
REINDEX INDEX CONCURRENTLY big_e;
SELECT * FROM answers('big', 'e <-> vec(30, 24)', 10000);
REINDEX TABLE big;
SELECT * FROM answers('big', 'e <-> vec(30, 24)', 10000);
SET max_parallel_maintenance_workers = 2;
SET min_parallel_table_scan_size = 0;
SET maintenance_work_mem = '64MB';
REINDEX INDEX big_e;
SELECT * FROM answers('big', 'e <-> vec(30, 24)', 10000);
SELECT * FROM answers('big', 'e <-> vec(30, 24)', 100, 'k = 31');
SET maintenance_work_mem = '1MB';
REINDEX INDEX big_e;
SELECT * FROM answers('big', 'e <-> vec(30, 24)', 10000);
SET max_parallel_maintenance_workers = 0;
REINDEX INDEX big_e;
SELECT * FROM answers('big', 'e <-> vec(30, 24)', 10000);
RESET max_parallel_maintenance_workers;
RESET min_parallel_table_scan_size;
RESET maintenance_work_mem;
VACUUM FULL big;
SELECT * FROM answers('big', 'e <-> vec(30, 24)', 10000);
ALTER TABLE big SET ACCESS METHOD heap;
SELECT * FROM answers('big', 'e <-> vec(30, 24)', 10000);
TRUNCATE big;
SELECT * FROM answers('big', 'e <-> vec(30, 24)', 10000);

-- What cannot be built
CREATE TABLE wrong (id int, e vector, f vector(3), n numeric, p point, ts timestamptz(3), many vector(16000)) USING viper;
CREATE INDEX ON wrong USING axis (e);
CREATE INDEX ON wrong USING axis (f) WITH (code_bits = 3);
CREATE INDEX ON wrong USING axis (f) WITH (code_bits = 5);
CREATE INDEX ON wrong USING axis (f) WITH (target_recall = 1);
CREATE INDEX ON wrong USING axis (f) WITH (strategy = graph);
CREATE INDEX ON wrong USING axis (f) WITH (lists = 100);
CREATE INDEX ON wrong USING axis (f vector_ops);
CREATE INDEX ON wrong USING axis (id);
CREATE INDEX ON wrong USING axis (f, n);
CREATE INDEX ON wrong USING axis (f, p);
CREATE INDEX ON wrong USING axis (f, f);
CREATE INDEX ON wrong USING axis (id, f);
CREATE INDEX ON wrong USING axis (ts);
CREATE INDEX ON wrong USING axis (f DESC);
CREATE INDEX ON wrong USING axis (f NULLS FIRST);
CREATE INDEX ON wrong USING axis (f) INCLUDE (id);
CREATE UNIQUE INDEX ON wrong USING axis (f);
INSERT INTO wrong (e) VALUES ('[1,2]'), ('[1,2,3]');
CREATE INDEX ON wrong USING axis ((e::vector(3)));

SET client_min_messages = warning;
DROP SCHEMA axis_build CASCADE;
