--
-- Distances and functions of sparsevecs.
--

-- each kernel returns what its definition gives, to the last bit
SELECT bool_and(ok) AS ok, max(max_rel_error), count(DISTINCT kernel) AS kernels, count(DISTINCT dims) AS lengths
	FROM proximadb.kernel_check() WHERE kernel LIKE 'sparse%';

-- L2
SELECT '{}/2'::sparsevec <-> '{1:3,2:4}/2';
SELECT l2_distance('{1:3}/2'::sparsevec, '{2:4}/2');
SELECT l2_distance('{2:1}/3'::sparsevec, '{2:1}/3'), l2_distance('{}/3'::sparsevec, '{}/3');
SELECT sparsevec_l2_squared_distance('{1:3}/2', '{2:4}/2');
SELECT l2_distance('{1:3e38}/1'::sparsevec, '{1:-3e38}/1');
SELECT l2_distance('{1:1}/2'::sparsevec, '{1:1}/3');

-- inner product
SELECT inner_product('{1:1,2:2}/3'::sparsevec, '{2:4,3:9}/3');
SELECT '{1:1,2:2}/3'::sparsevec <#> '{1:3,2:4}/3';
SELECT sparsevec_negative_inner_product('{1:1}/3', '{2:4}/3');
SELECT inner_product('{1:3e38}/1'::sparsevec, '{1:3e38}/1');
SELECT inner_product('{1:1}/2'::sparsevec, '{1:1}/3');

-- cosine
SELECT '{1:1,2:2}/2'::sparsevec <=> '{1:2,2:4}/2';
SELECT cosine_distance('{1:1}/3'::sparsevec, '{2:1}/3'), cosine_distance('{1:1}/3'::sparsevec, '{1:-5}/3');
SELECT cosine_distance('{1:1}/3'::sparsevec, '{}/3');
SELECT cosine_distance('{1:1}/2'::sparsevec, '{1:1}/3');

-- L1
SELECT '{1:3}/2'::sparsevec <+> '{2:-4}/2';
SELECT l1_distance('{1:1,2:2,9:9}/9'::sparsevec, '{2:5,3:3}/9');
SELECT l1_distance('{1:1}/2'::sparsevec, '{1:1}/3');

-- as of whole vectors but for rounding, the same either way round; short lists against long ones, too
SELECT bool_and(abs((a <-> b) - (a::vector <-> b::vector)) < 1e-5) AS l2, bool_and(abs((a <#> b) - (a::vector <#> b::vector)) < 1e-5) AS ip,
	bool_and(abs((a <=> b) - (a::vector <=> b::vector)) < 1e-6) AS cosine, bool_and(abs((a <+> b) - (a::vector <+> b::vector)) < 1e-4) AS l1,
	bool_and(float8send(a <-> b) = float8send(b <-> a) AND float8send(a <#> b) = float8send(b <#> a) AND float8send(a <+> b) = float8send(b <+> a)) AS commute
	FROM (SELECT n, array_agg(CASE WHEN (i * 7 + n) % 3 = 0 THEN sin(i * n) ELSE 0 END)::sparsevec AS a,
			array_agg(CASE WHEN (i * 11 + n) % n = 0 THEN cos(i + n) ELSE 0 END)::sparsevec AS b
		FROM generate_series(1, 60) n, generate_series(1, 500) i GROUP BY n) s;

-- large indices cost nothing
SELECT '{1:1,1000000000:2}/1000000000'::sparsevec <-> '{500000000:2,1000000000:2}/1000000000';

-- norm, unit vectors
SELECT l2_norm('{1:3,3:4}/5'::sparsevec), l2_norm('{}/5'::sparsevec), l2_norm('{1:3e37,2:4e37}/2'::sparsevec)::real;
SELECT l2_normalize('{1:3,3:4}/5'::sparsevec);
SELECT l2_normalize('{}/5'::sparsevec);
SELECT l2_normalize('{1:3e38}/5'::sparsevec), l2_normalize('{2:1e-45}/5'::sparsevec);
-- what becomes zero is left out
SELECT l2_normalize('{1:3e38,2:1e-20,3:-3e38}/5'::sparsevec);

-- the planner may use them in parallel workers and in indexes
SELECT DISTINCT provolatile, proisstrict, proparallel FROM pg_proc
	WHERE probin LIKE '%proximadb%' AND pronamespace = (SELECT typnamespace FROM pg_type WHERE oid = 'sparsevec'::regtype)
		AND 'sparsevec'::regtype = ANY (proargtypes);
