--
-- Axis indexes on halfvec and on bit strings
--
CREATE SCHEMA axis_types;
SET search_path = axis_types, public;
SET enable_seqscan = off;

CREATE FUNCTION elements(i int) RETURNS real[] LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(sin(i * 0.37 * d) + i % 7 * (d % 3))::real[] FROM generate_series(1, 24) d $$;

CREATE TABLE h (id int, e halfvec(24)) USING viper;
INSERT INTO h SELECT i, elements(i)::halfvec FROM generate_series(1, 2000) i;
CREATE INDEX h_l2 ON h USING axis (e halfvec_l2_ops);
CREATE INDEX h_ip ON h USING axis (e halfvec_ip_ops);
CREATE INDEX h_cosine ON h USING axis (e halfvec_cosine_ops);
SELECT elements(17)::halfvec AS q \gset
EXPLAIN (COSTS OFF) SELECT id FROM h ORDER BY e <-> elements(17)::halfvec LIMIT 5;
SELECT id FROM h ORDER BY e <-> :'q' LIMIT 1;

-- the same rows, in the same order, as sequential scans: distances of the first 20
CREATE FUNCTION recall(t regclass, col text, op text, q text, k int) RETURNS numeric LANGUAGE plpgsql AS
$$
DECLARE
	query text := format('SELECT array_agg(id) FROM (SELECT id FROM %s ORDER BY %I %s %L, id LIMIT %s) x', t, col, op, q, k);
	approximate text := format('SELECT array_agg(id) FROM (SELECT id FROM %s ORDER BY %I %s %L LIMIT %s) x', t, col, op, q, k);
	expected int[];
	found int[];
BEGIN
	EXECUTE approximate INTO found;
	SET LOCAL enable_seqscan = on;
	SET LOCAL enable_indexscan = off;
	EXECUTE query INTO expected;
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_indexscan = on;
	RETURN round((SELECT count(*) FROM unnest(found) f WHERE f = ANY (expected)) / k::numeric, 2);
END
$$;
SELECT op, recall('h', 'e', op, :'q', 20) >= 0.9 AS good FROM (VALUES ('<->'), ('<#>'), ('<=>')) v(op);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM h ORDER BY e <=> :'q') x;

-- inserts, and the same on heap
INSERT INTO h SELECT i, elements(i)::halfvec FROM generate_series(2001, 4000) i;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM h ORDER BY e <-> :'q') x;
CREATE TABLE hh USING heap AS SELECT * FROM h;
CREATE INDEX ON hh USING axis ((e::halfvec(24)) halfvec_l2_ops, id);
SELECT id FROM hh WHERE id > 1000 ORDER BY e::halfvec(24) <-> elements(1017)::halfvec(24) LIMIT 1;

-- bit strings
CREATE TABLE b (id int, e bit(192)) USING viper;
INSERT INTO b SELECT i, (SELECT string_agg(CASE WHEN hashint4(i % 40 * 1000 + d) % 3 = 0 OR hashint4(i * 1000 + d) % 11 = 0 THEN '1' ELSE '0' END, '' ORDER BY d)
	FROM generate_series(1, 192) d)::bit(192) FROM generate_series(1, 2000) i;
CREATE INDEX ON b USING axis (e bit_hamming_ops);
SELECT e::text AS bits FROM b WHERE id = 42 \gset
EXPLAIN (COSTS OFF) SELECT id FROM b ORDER BY e <~> B'0'::bit(192) LIMIT 5;
SELECT id FROM b ORDER BY e <~> :'bits'::bit(192) LIMIT 1;
SELECT count(*), count(DISTINCT id), bool_and(d >= last) FROM (SELECT id, d, coalesce(lag(d) OVER (), 0) AS last FROM
	(SELECT id, e <~> :'bits'::bit(192) AS d FROM b ORDER BY e <~> :'bits'::bit(192) LIMIT 50) x) y;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM b ORDER BY e <~> :'bits'::bit(192)) x;

-- errors
CREATE INDEX ON h USING axis (e vector_l2_ops);
CREATE TABLE wide (e bit(20000));
CREATE INDEX ON wide USING axis (e bit_hamming_ops);
CREATE TABLE loose (e bit varying);
CREATE INDEX ON loose USING axis (e bit_hamming_ops);
SELECT id FROM b ORDER BY e <~> B'101' LIMIT 1;

SET client_min_messages = warning;
DROP SCHEMA axis_types CASCADE;
