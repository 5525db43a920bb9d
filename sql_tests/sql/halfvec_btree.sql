--
-- Order and equality of halfvecs: operators, btree and hash operator classes.
--

-- elements first, then length
SELECT a, b, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt, halfvec_cmp(a, b)
	FROM (VALUES ('[1,2,3]'::halfvec, '[1,2,3]'::halfvec), ('[1,2,3]', '[1,2,4]'), ('[1,2,3]', '[0,9,9]'),
		('[1,2]', '[1,2,3]'), ('[1,2,3]', '[1,2]'), ('[1,2]', '[2,3,4]'), ('[2,3]', '[1,2,3]'),
		('[0]', '[-0]'), ('[-1]', '[1]')) s (a, b);

CREATE TABLE halfvec_btree (id int, v halfvec);
INSERT INTO halfvec_btree VALUES (1, '[0,0,0]'), (2, '[1,2,3]'), (3, '[1,1,1]'), (4, NULL), (5, '[1,2]'), (6, '[-1,5]'),
	(7, '[1,2,3]'), (8, '[-0,0,0]');
SELECT id, v FROM halfvec_btree ORDER BY v, id;
SELECT id, v FROM halfvec_btree ORDER BY v DESC NULLS LAST, id;
SELECT min(id), count(*) FROM halfvec_btree GROUP BY v ORDER BY 1;

-- btree index
CREATE INDEX halfvec_btree_idx ON halfvec_btree (v);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM halfvec_btree WHERE v = '[1,2,3]';
SELECT id FROM halfvec_btree WHERE v = '[1,2,3]' ORDER BY id;
SELECT id FROM halfvec_btree WHERE v = '[0,0,0]' ORDER BY id;
SELECT id FROM halfvec_btree WHERE v > '[1,1]' AND v <= '[1,2,3]' ORDER BY id;
EXPLAIN (COSTS OFF) SELECT v FROM halfvec_btree ORDER BY v LIMIT 3;
SELECT v FROM halfvec_btree ORDER BY v LIMIT 3;
DROP INDEX halfvec_btree_idx;

-- hash index
CREATE INDEX halfvec_btree_hash ON halfvec_btree USING hash (v);
EXPLAIN (COSTS OFF) SELECT id FROM halfvec_btree WHERE v = '[1,2,3]';
SELECT id FROM halfvec_btree WHERE v = '[1,2,3]' ORDER BY id;
-- -0 equals 0, so both hash alike
SELECT id FROM halfvec_btree WHERE v = '[0,0,0]' ORDER BY id;
DROP INDEX halfvec_btree_hash;
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT halfvec_hash('[0,-0]') = halfvec_hash('[-0,0]') AS same, halfvec_hash('[1,2]') <> halfvec_hash('[2,1]') AS other,
	halfvec_hash_extended('[0,1]', 7) = halfvec_hash_extended('[-0,1]', 7) AS seeded_same,
	(halfvec_hash_extended('[0,1]', 0) & 4294967295) = (halfvec_hash('[0,1]')::bigint & 4294967295) AS seed_zero;

-- joins and set operations by each method give the same
SET enable_mergejoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM halfvec_btree a JOIN halfvec_btree b USING (v);
SELECT count(*) FROM halfvec_btree a JOIN halfvec_btree b USING (v);
SET enable_mergejoin = on;
SET enable_hashjoin = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM halfvec_btree a JOIN halfvec_btree b USING (v);
SELECT count(*) FROM halfvec_btree a JOIN halfvec_btree b USING (v);
RESET enable_mergejoin;
RESET enable_nestloop;
RESET enable_hashjoin;
SELECT count(*) FROM (SELECT v FROM halfvec_btree UNION SELECT v FROM halfvec_btree) s;
SET enable_hashagg = off;
SELECT count(*) FROM (SELECT DISTINCT v FROM halfvec_btree) s;
RESET enable_hashagg;

-- uniqueness
CREATE TABLE halfvec_btree_unique (v halfvec(2) PRIMARY KEY);
INSERT INTO halfvec_btree_unique VALUES ('[1,2]'), ('[2,1]');
INSERT INTO halfvec_btree_unique VALUES ('[1,2]');
INSERT INTO halfvec_btree_unique VALUES ('[1,2]'), ('[3,3]') ON CONFLICT DO NOTHING;
SELECT * FROM halfvec_btree_unique ORDER BY v;
DROP TABLE halfvec_btree_unique;
DROP TABLE halfvec_btree;
