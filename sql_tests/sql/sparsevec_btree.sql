--
-- Order and equality of sparsevecs: operators, btree and hash operator classes.
--

-- as vectors with the zeros written out: elements first, then length
CREATE TABLE sparsevec_pairs (a sparsevec, b sparsevec);
INSERT INTO sparsevec_pairs
	SELECT x::sparsevec, y::sparsevec FROM (VALUES ('{}/1'), ('{}/3'), ('{1:1}/3'), ('{1:-1}/3'), ('{2:1}/3'), ('{2:-1}/3'), ('{1:1,2:2}/3'), ('{1:1,2:-2}/3'), ('{1:1,2:2,3:3}/3'),
		('{3:1}/3'), ('{3:-1}/3'), ('{4:1}/4'), ('{4:-1}/4'), ('{1:1}/1'), ('{1:1}/4'), ('{1:2,3:-5}/4')) x (x), (VALUES ('{}/1'), ('{}/3'), ('{1:1}/3'), ('{1:-1}/3'),
		('{2:1}/3'), ('{2:-1}/3'), ('{1:1,2:2}/3'), ('{3:1}/3'), ('{3:-1}/3'), ('{4:1}/4'), ('{4:-1}/4'), ('{1:1}/1'), ('{1:1}/4'), ('{1:2,3:-5}/4')) y (y);
SELECT count(*), count(*) FILTER (WHERE sparsevec_cmp(a, b) <> vector_cmp(a::vector, b::vector)) AS other_order,
	count(*) FILTER (WHERE sparsevec_cmp(a, b) <> -sparsevec_cmp(b, a)) AS not_mirrored,
	bool_and((a < b) = (sparsevec_cmp(a, b) < 0) AND (a <= b) = (sparsevec_cmp(a, b) <= 0) AND (a = b) = (sparsevec_cmp(a, b) = 0)
		AND (a <> b) = (sparsevec_cmp(a, b) <> 0) AND (a >= b) = (sparsevec_cmp(a, b) >= 0) AND (a > b) = (sparsevec_cmp(a, b) > 0)) AS operators,
	count(*) FILTER (WHERE a = b) AS equal
	FROM sparsevec_pairs;
SELECT DISTINCT a FROM sparsevec_pairs ORDER BY a;
DROP TABLE sparsevec_pairs;

CREATE TABLE sparsevec_btree (id int, v sparsevec);
INSERT INTO sparsevec_btree VALUES (1, '{}/3'), (2, '{1:1,2:2}/3'), (3, '{2:1}/3'), (4, NULL), (5, '{1:1}/2'), (6, '{1:-1}/2'), (7, '{2:2,1:1}/3');
CREATE INDEX sparsevec_btree_idx ON sparsevec_btree (v);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM sparsevec_btree WHERE v = '{1:1,2:2}/3';
SELECT id FROM sparsevec_btree WHERE v = '{1:1,2:2}/3' ORDER BY id;
SELECT id FROM sparsevec_btree WHERE v > '{}/3' ORDER BY id;
DROP INDEX sparsevec_btree_idx;
CREATE INDEX sparsevec_btree_hash ON sparsevec_btree USING hash (v);
EXPLAIN (COSTS OFF) SELECT id FROM sparsevec_btree WHERE v = '{1:1,2:2}/3';
SELECT id FROM sparsevec_btree WHERE v = '{1:1,2:2}/3' ORDER BY id;
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT sparsevec_hash('{1:1,2:2}/3') = sparsevec_hash('{2:2,1:1}/3') AS same, sparsevec_hash('{1:1}/3') <> sparsevec_hash('{1:1}/4') AS other,
	(sparsevec_hash_extended('{1:1}/3', 0) & 4294967295) = (sparsevec_hash('{1:1}/3')::bigint & 4294967295) AS seed_zero;

-- joins by each method
SET enable_mergejoin = off;
SET enable_nestloop = off;
SELECT count(*) FROM sparsevec_btree a JOIN sparsevec_btree b USING (v);
SET enable_mergejoin = on;
SET enable_hashjoin = off;
SELECT count(*) FROM sparsevec_btree a JOIN sparsevec_btree b USING (v);
RESET enable_mergejoin;
RESET enable_nestloop;
RESET enable_hashjoin;

-- uniqueness
CREATE TABLE sparsevec_unique (v sparsevec(2) PRIMARY KEY);
INSERT INTO sparsevec_unique VALUES ('{1:1}/2'), ('{2:1}/2');
INSERT INTO sparsevec_unique VALUES ('{1:1,2:0}/2');
INSERT INTO sparsevec_unique VALUES ('{1:1}/2'), ('{}/2') ON CONFLICT DO NOTHING;
SELECT * FROM sparsevec_unique ORDER BY v;
DROP TABLE sparsevec_unique;
DROP TABLE sparsevec_btree;
