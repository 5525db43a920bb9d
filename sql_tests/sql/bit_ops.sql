--
-- Distances of bit strings.
--

-- every kernel set of this machine counts right, at all lengths and alignments
SELECT bool_and(ok) AS ok, max(max_rel_error), count(DISTINCT kernel) AS kernels, count(DISTINCT dims) AS lengths
	FROM proximadb.kernel_check() WHERE kernel LIKE 'bit%';

-- Hamming
SELECT B'111' <~> B'111';
SELECT B'111' <~> B'110';
SELECT hamming_distance(B'111', B'100');
SELECT hamming_distance(B'10101010', B'01010101');
SELECT hamming_distance(B'', B'');
SELECT hamming_distance(B'111', B'0');
SELECT B'111' <~> B'1111';
SELECT hamming_distance(NULL, B'1');

-- Jaccard: 1 if nothing is common, also of empty sets
SELECT B'1111' <%> B'1111';
SELECT B'1111' <%> B'1110';
SELECT jaccard_distance(B'1111', B'1100');
SELECT jaccard_distance(B'1111', B'1000');
SELECT jaccard_distance(B'1100', B'0011');
SELECT jaccard_distance(B'0000', B'0000');
SELECT jaccard_distance(B'1111', B'0000');
SELECT jaccard_distance(B'', B'');
SELECT jaccard_distance(B'1111', B'0');
SELECT B'1111' <%> B'111';

-- bit varying, and what becomes a bit string
SELECT '101'::varbit <~> '100'::varbit, hamming_distance('101'::bit(3), '100'::varbit);
SELECT binary_quantize('[1,-1,1]'::vector) <~> binary_quantize('[1,1,1]'::halfvec);
SELECT 5::bit(8) <%> 7::bit(8);

-- all lengths around the kernels' steps: bits beyond the end do not count
SELECT bool_and(a <~> ~a = n) AS all_differ, bool_and(a <~> a = 0) AS same, bool_and(a <%> ~a = 1) AS disjoint, bool_and(ones <%> ones = 0) AS equal,
	bool_and(ones <%> half = 1 - (n - n / 2)::float8 / n) AS half
	FROM (SELECT n, repeat('1', n)::varbit AS ones, substr(repeat('10', n), 1, n)::varbit AS half, substr(repeat('110100', n), 1, n)::varbit AS a
		FROM generate_series(1, 700) n) s;

-- long ones, toasted and compressed
CREATE TABLE bit_ops_toast (id int, b varbit);
INSERT INTO bit_ops_toast VALUES (1, repeat('1', 1000000)::varbit), (2, repeat('10', 500000)::varbit);
SELECT x.b <~> y.b, x.b <%> y.b FROM bit_ops_toast x, bit_ops_toast y WHERE x.id = 1 AND y.id = 2;
DROP TABLE bit_ops_toast;

-- columns of viper tables, hot and sealed; an exact search, and reranking one by bits
CREATE TABLE bit_ops (id int PRIMARY KEY, b bit(64), v vector(64)) USING viper;
INSERT INTO bit_ops SELECT i, binary_quantize(v)::bit(64), v
	FROM (SELECT i, array_agg(sin(i * j + j))::vector AS v FROM generate_series(1, 300) i, generate_series(1, 64) j GROUP BY i) s;
CREATE VIEW bit_ops_search AS
	SELECT array(SELECT id FROM bit_ops ORDER BY b <~> (SELECT b FROM bit_ops WHERE id = 7), id LIMIT 5) AS hamming,
		array(SELECT id FROM bit_ops ORDER BY b <%> (SELECT b FROM bit_ops WHERE id = 7), id LIMIT 5) AS jaccard,
		array(SELECT id FROM (SELECT id, v FROM bit_ops ORDER BY binary_quantize(v)::bit(64) <~> (SELECT b FROM bit_ops WHERE id = 7), id LIMIT 20) s
			ORDER BY v <=> (SELECT v FROM bit_ops WHERE id = 7) LIMIT 1) AS reranked;
TABLE bit_ops_search;
SELECT count(*) FROM proximadb.flush('bit_ops');
TABLE bit_ops_search;
SELECT count(*) FROM bit_ops WHERE b <~> binary_quantize(v)::bit(64) <> 0;
DROP VIEW bit_ops_search;
DROP TABLE bit_ops;

-- the planner may use them in parallel workers and in indexes; they are described
SELECT proname, provolatile, proisstrict, proparallel, obj_description(oid, 'pg_proc') FROM pg_proc
	WHERE oid IN ('hamming_distance(bit, bit)'::regprocedure, 'jaccard_distance(bit, bit)'::regprocedure) ORDER BY 1;
SELECT oprname, obj_description(oid, 'pg_operator'), oprcom = oid AS commutes FROM pg_operator WHERE oprname IN ('<~>', '<%>') ORDER BY 1;
