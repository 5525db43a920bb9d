--
-- Filter columns of axis indexes: all types and operators; LIMIT k gives k rows wherever there are so many.
--
CREATE SCHEMA axis_filter;
SET search_path = axis_filter, public;
SET timezone = 'UTC';
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
-- Rows that meet a condition, through the index: with LIMIT 10 and all of them; agrees: as many and the same as without the index. Tells the index condition too.
CREATE FUNCTION filtered(cond text, OUT cond_ text, OUT ten int, OUT near bool, OUT n int, OUT agrees bool, OUT in_index bool) LANGUAGE plpgsql AS
$$
DECLARE
	plan text := '';
	line text;
BEGIN
	cond_ := cond;
	SELECT a.n, a.nearest >= 0.5 * a.n FROM answers('t', 'e <-> vec(1000)', 10, cond) a INTO ten, near;
	SELECT a.n, twice = 0 FROM answers('t', 'e <-> vec(1001)', 100000, cond) a INTO n, agrees;
	SET LOCAL enable_indexscan = off;
	EXECUTE format('SELECT count(*) = $1 AND $2 AND least(10, $1) = $3 FROM t WHERE %s', cond) USING n, agrees, ten INTO agrees;
	RESET enable_indexscan;
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_sort = off;
	FOR line IN EXECUTE format('EXPLAIN (COSTS OFF) SELECT id FROM t WHERE %s ORDER BY e <-> vec(1) LIMIT 10', cond) LOOP
		plan := plan || line || E'\n';
	END LOOP;
	in_index := plan ~ 'Index Cond' AND plan !~ ' Filter:';
	RESET enable_seqscan;
	RESET enable_sort;
END
$$;

CREATE TABLE t (id int, e vector(8), b bool, i2 int2, i4 int4, i8 int8, d date, ts timestamp, tz timestamptz, u uuid, x text, v varchar(20)) USING viper;
INSERT INTO t SELECT i, vec(i), i % 3 = 0, i % 100 - 50, i % 1000 - 500, (i % 500)::int8 * 10000000000 - 7,
		'2000-01-01'::date + i % 50, '2000-01-01'::timestamp + i % 60 * interval '1 hour', '2000-01-01'::timestamptz + i % 70 * interval '1 day',
		md5((i % 200)::text)::uuid, 'text ' || i % 150, 'v' || i % 20
	FROM generate_series(1, 3000) i;
INSERT INTO t (id, e) SELECT i, vec(i) FROM generate_series(3001, 3040) i;
INSERT INTO t SELECT 3041, vec(3041), true, 32767, 2147483647, 9223372036854775807, 'infinity', 'infinity', 'infinity', md5('x')::uuid, '', '';
INSERT INTO t SELECT 3042, vec(3042), false, -32768, -2147483648, -9223372036854775808, '-infinity', '-infinity', '-infinity', md5('y')::uuid, repeat('x', 5000), ' ';
INSERT INTO t (id, e, b, i4, x) SELECT i, NULL, true, 7, 'text 7' FROM generate_series(3043, 3050) i;
CREATE INDEX t_e ON t USING axis (e, b, i2, i4, i8, d, ts, tz, u, x, v);
ANALYZE t;

SELECT * FROM filtered('b');
SELECT * FROM filtered('NOT b');
SELECT * FROM filtered('b = true');
SELECT * FROM filtered('b IS TRUE');
SELECT * FROM filtered('b IS FALSE');
SELECT * FROM filtered('b IS NOT TRUE');
SELECT * FROM filtered('b AND i4 < 0');
SELECT * FROM filtered('b IS NULL');
SELECT * FROM filtered('b IS NOT NULL');
SELECT f.* FROM unnest(ARRAY['i2 = 7::int2', 'i2 < -40', 'i2 <= -40', 'i2 > 40', 'i2 >= 40', 'i2 >= 32767', 'i2 > 32767', 'i2 < -32768', 'i2 = 70000', 'i2 < 3000000000',
	'i2 = ANY (''{1,70000}'')', 'i2 = ANY (''{1,3000000000}''::int8[])', 'i2 IS NULL']) c, filtered(c) f;
SELECT f.* FROM unnest('{i4 = 7,i4 < -490,i4 <= -490,i4 > 490,i4 >= 490,i4 > 2147483647,i4 <= -2147483648,i4 IS NULL,i4 = 100000,i4 = 7 AND i4 = 8,i4 BETWEEN 3 AND 9,i4 <> 7}'::text[]) c, filtered(c) f;
SELECT f.* FROM unnest('{i8 = 9223372036854775807,i8 < -9223372036854775807,i8 > 9223372036854775806,i8 > 9223372036854775807,i8 < -9223372036854775808,i8 = 69999999993,i8 >= 4000000000000,i8 IS NULL,i8 IS NOT NULL}'::text[]) c, filtered(c) f;
SELECT f.* FROM unnest('{d = ''2000-01-07'',d < ''2000-01-03'',d > ''2000-02-15'',d = ''infinity'',d = ''-infinity'',d IS NULL}'::text[]) c, filtered(c) f;
SELECT f.* FROM unnest('{ts = ''2000-01-01 07:00'',ts < ''2000-01-01 01:30'',ts >= ''2000-01-03 10:00'',ts = ''infinity'',ts < ''-infinity''}'::text[]) c, filtered(c) f;
SELECT f.* FROM unnest('{tz = ''2000-01-07 00:00+00'',tz < ''2000-01-02 12:00+05'',tz > ''2000-03-01'',tz IS NULL}'::text[]) c, filtered(c) f;
SELECT f.* FROM unnest(ARRAY['u = md5(''7'')::uuid', 'u = md5(''x'')::uuid', 'u = md5(''nobody'')::uuid', 'u IS NULL', 'u = ANY (ARRAY[md5(''7''), md5(''8'')]::uuid[])']) c, filtered(c) f;
SELECT f.* FROM unnest(ARRAY['x = ''text 7''', 'x = ''''', 'x = repeat(''x'', 5000)', 'x = ''nothing''', 'x IS NULL', 'x IN (''text 7'', ''text 9'', ''none'')', 'x > ''text 9'' AND x = ''text 99''']) c, filtered(c) f;
SELECT f.* FROM unnest(ARRAY['v = ''v7''', 'v = '' ''', 'v IN (''v1'', ''v2'')']) c, filtered(c) f;

-- = ANY, also with nulls, none, twice the same, and several at once
SELECT f.* FROM unnest(ARRAY['i4 = ANY (''{7,8,9,-500}'')', 'i4 = ANY (''{7,7,NULL,7}'')', 'i4 = ANY (''{NULL}'')', 'i4 = ANY (''{}'')', 'i4 IN (100000, 100001)',
	'i2 = ANY (''{1,2,3}'') AND i4 = ANY (''{1,2,3,101}'')', 'd IN (''2000-01-03'', ''2000-01-05'')', 'i8 IN (69999999993, 79999999993)',
	'b = ANY (''{t,f}'')', 'i4 = ANY (''{7,8}'') AND i4 <> 8', 'i4 = ANY (ARRAY(SELECT generate_series(-500, 500)))']) c, filtered(c) f;

-- Several columns, none in common, all rows
SELECT f.* FROM unnest(ARRAY['b AND i2 = 1 AND x = ''text 51''', 'i2 = 1 AND i4 = 2', 'i4 >= -100000', 'b AND i4 IS NULL', 'i4 IS NULL AND x IS NULL', 'id % 7 = 0 AND i2 = 1',
	'e IS NOT NULL AND i4 = 7', 'e IS NULL AND i4 = 7', 'i4 = 7 OR i2 = 3', '(i4, i2) = (101, 1)']) c, filtered(c) f;

-- Types that are not the column's
SELECT * FROM filtered('i2 = 7');
SELECT * FROM filtered('i8 = 69999999993::int8');
SELECT * FROM filtered('i8 = -7');
SELECT * FROM filtered('i8 < 0::int2');
SELECT * FROM filtered('i8 = ANY (''{-7,5}''::int[])');
SELECT * FROM filtered('7 = i4');
SELECT * FROM filtered('i4 = 7::int8');
SELECT * FROM filtered('i4 < 3000000000');
SELECT * FROM filtered($$d < '2000-01-03'::timestamp$$);

-- Values known late; NULL
SET enable_seqscan = off;
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT id FROM t WHERE b AND i2 = 1 AND x = 'text 51' AND i4 IN (1, 2) ORDER BY e <-> (SELECT vec(1)) LIMIT 3;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) SELECT id FROM t WHERE x = 'a' COLLATE "POSIX" ORDER BY e <-> (SELECT vec(1)) LIMIT 3;
RESET enable_sort;
PREPARE by_i4 (int) AS SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t WHERE i4 = $1 ORDER BY e <-> vec(5) LIMIT 100) s;
EXPLAIN (COSTS OFF) EXECUTE by_i4 (1);
EXECUTE by_i4 (7);
EXECUTE by_i4 (NULL);
EXECUTE by_i4 (12345);
PREPARE by_any (int[], text) AS SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t WHERE i4 = ANY ($1) AND x = $2 ORDER BY e <-> vec(5) LIMIT 100) s;
EXECUTE by_any ('{7,107,207,307}', 'text 57');
EXECUTE by_any ('{7,107,207,307}', NULL);
EXECUTE by_any (NULL, 'text 7');
EXECUTE by_any ('{}', 'text 7');
RESET plan_cache_mode;
SELECT k, (SELECT count(*) FROM (SELECT FROM t WHERE i4 = k ORDER BY e <-> vec(5) LIMIT 2) s) FROM unnest('{1,2,NULL,100000}'::int[]) k;
SELECT count(*) FROM t WHERE i4 = 7 AND x = 'text 57';
SELECT count(*) FROM t a JOIN t b ON a.i4 = b.i4 AND b.x = 'text 57' WHERE a.id BETWEEN 1 AND 100;
RESET enable_seqscan;

-- After changes: values go with their rows, ranges of lists widen
UPDATE t SET i4 = 5000 WHERE id % 100 = 0;
UPDATE t SET x = 'changed' WHERE id % 50 = 0;
INSERT INTO t (id, e, i4, x) SELECT i, vec(i), 6000 + i % 2, CASE WHEN i % 3 = 0 THEN 'new' END FROM generate_series(4000, 4400) i;
DELETE FROM t WHERE i2 = 1;
SELECT f.* FROM unnest(ARRAY['i4 = 5000', 'i4 >= 5000', 'i4 = 6001', 'x = ''changed''', 'x = ''new'' AND i4 = 6000', 'x IS NULL AND i4 > 10', 'i2 = 1', 'i4 = -499']) c, filtered(c) f;
VACUUM t;
SELECT f.* FROM unnest(ARRAY['i4 = 5000', 'i4 >= 5000', 'i4 = 6001', 'x = ''changed''', 'x = ''new'' AND i4 = 6000', 'x IS NULL AND i4 > 10', 'i2 = 1', 'i4 = -499']) c, filtered(c) f;
-- a condition that belongs to no index column cannot be left to the index
SELECT count(*), min(id) FROM t WHERE x = 'new' AND e <-> vec(5) < 0;
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE collated (e vector(3), x text COLLATE loose, y varchar COLLATE loose, z char(10));
CREATE INDEX ON collated USING axis (e, x);
CREATE INDEX ON collated USING axis (e, y);
CREATE INDEX ON collated USING axis (e, z);
CREATE INDEX ON collated USING axis (e, (x COLLATE "C"));

-- As many as there may be
CREATE TABLE many (id int, e vector(4), a int, b int, c int, d int) USING viper;
DO $$
BEGIN
	FOR i IN 1 .. 27 LOOP
		EXECUTE format('ALTER TABLE many ADD f%s int8', i);
	END LOOP;
	EXECUTE (SELECT format('CREATE INDEX many_e ON many USING axis (e, a, b, c, d, %s)', string_agg('f' || i, ', ')) FROM generate_series(1, 27) i);
END
$$;
INSERT INTO many (id, e, a, f1, f27) SELECT i, vec(i, 4), i % 10, i % 7, CASE WHEN i % 5 > 0 THEN i % 5 END FROM generate_series(1, 1000) i;
SELECT n, twice FROM answers('many', 'e <-> vec(5, 4)', 2000, 'f27 = 3');
SELECT n, twice FROM answers('many', 'e <-> vec(5, 4)', 2000, 'f27 IS NULL AND a = 5 AND f1 > 2');
SELECT n, twice FROM answers('many', 'e <-> vec(5, 4)', 2000, 'f26 IS NULL');
SELECT n, twice FROM answers('many', 'e <-> vec(5, 4)', 2000, 'f26 IS NOT NULL');
ALTER TABLE many ADD one_more int;
CREATE INDEX ON many USING axis (e, a, b, c, d, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23, f24, f25, f26, f27, one_more);

SET client_min_messages = warning;
DROP SCHEMA axis_filter CASCADE;
