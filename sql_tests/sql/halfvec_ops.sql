--
-- Distances, arithmetic and functions of halfvecs. Inputs are chosen so that all sums are exact.
--

-- every kernel set of this machine returns what the scalar one for floats does, to the last bit; conversions are exact
SELECT bool_and(ok) AS ok, max(max_rel_error), count(DISTINCT kernel) AS kernels, count(DISTINCT dims) AS lengths
	FROM proximadb.kernel_check() WHERE kernel LIKE '%half%';

-- L2
SELECT '[0,0]'::halfvec <-> '[3,4]';
SELECT l2_distance('[0,0]'::halfvec, '[0,1]');
SELECT l2_distance('[1,1,1,1,1,1,1,1,1]'::halfvec, '[1,1,1,1,1,1,1,4,5]');
SELECT halfvec_l2_squared_distance('[0,0]', '[3,4]');
SELECT l2_distance('[1,2]'::halfvec, '[3]');
SELECT l2_distance('[65504]'::halfvec, '[-65504]');

-- inner product
SELECT inner_product('[1,2]'::halfvec, '[3,4]');
SELECT '[1,2]'::halfvec <#> '[3,4]';
SELECT halfvec_negative_inner_product('[1,2]', '[3,4]');
SELECT inner_product('[1,1,1,1,1,1,1,1,1]'::halfvec, '[1,2,3,4,5,6,7,8,9]');
SELECT inner_product('[1,2]'::halfvec, '[3]');
SELECT inner_product('[65504]'::halfvec, '[65504]');

-- cosine: within [0, 2], NaN for zero halfvecs
SELECT '[1,2]'::halfvec <=> '[2,4]';
SELECT cosine_distance('[1,1]'::halfvec, '[1,1]');
SELECT cosine_distance('[1,0]'::halfvec, '[0,2]');
SELECT cosine_distance('[1,1]'::halfvec, '[-1,-1]');
SELECT cosine_distance('[1,1]'::halfvec, '[1.1,1.1]');
SELECT cosine_distance('[1,1]'::halfvec, '[-1.1,-1.1]');
SELECT cosine_distance('[1,2]'::halfvec, '[0,0]');
SELECT cosine_distance('[0,0]'::halfvec, '[0,0]');
SELECT cosine_distance('[1,2]'::halfvec, '[3]');
SELECT cosine_distance('[65504]'::halfvec, '[65504]');
SELECT cosine_distance('[1,2,3,4,5,6,7,8,9]'::halfvec, '[1,2,3,4,5,6,7,8,9]');
SELECT cosine_distance('[1,2,3,4,5,6,7,8,9]'::halfvec, '[-1,-2,-3,-4,-5,-6,-7,-8,-9]');

-- L1
SELECT '[0,0]'::halfvec <+> '[3,4]';
SELECT l1_distance('[0,0]'::halfvec, '[0,-1]');
SELECT l1_distance('[1,2,3,4,5,6,7,8,9]'::halfvec, '[0,3,2,5,4,7,6,9,8]');
SELECT l1_distance('[1,2]'::halfvec, '[3]');
SELECT l1_distance('[65504]'::halfvec, '[-65504]');

-- angle between unit halfvecs
SELECT halfvec_spherical_distance('[1,0]', '[0,1]'), halfvec_spherical_distance('[1,0]', '[-1,0]'),
	halfvec_spherical_distance('[1,1]', '[1,1]');
SELECT halfvec_spherical_distance('[1,0]', '[1]');

-- all lengths around the kernels' steps: sums of small integers are exact
SELECT bool_and(a <-> b = sqrt(4 * n)) AS l2, bool_and(a <#> b = -3 * n) AS ip, bool_and(a <+> b = 2 * n) AS l1,
	bool_and(abs((a <=> b)) < 1e-6) AS cosine
	FROM (SELECT n, array_fill(1, ARRAY[n])::halfvec AS a, array_fill(3, ARRAY[n])::halfvec AS b
		FROM unnest(ARRAY[1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 767, 768, 16000]) n) s;
-- the last element counts, once
SELECT bool_and(a <-> b = 2) AS l2, bool_and(a <+> b = 2) AS l1
	FROM (SELECT array_fill(1, ARRAY[n])::halfvec AS a,
			CASE WHEN n > 1 THEN (array_fill(1, ARRAY[n - 1]) || 3)::halfvec ELSE '[3]' END AS b
		FROM generate_series(1, 130) n) s;

-- the same numbers as vectors have the same distances, to the last bit
SELECT bool_and(float8send(a <-> b) = float8send(a::vector <-> b::vector)) AS l2, bool_and(float8send(a <#> b) = float8send(a::vector <#> b::vector)) AS ip,
	bool_and(float8send(a <=> b) = float8send(a::vector <=> b::vector)) AS cosine, bool_and(float8send(a <+> b) = float8send(a::vector <+> b::vector)) AS l1
	FROM (SELECT array_agg(sin(i * n))::halfvec AS a, array_agg(cos(i + n) * 3)::halfvec AS b
		FROM generate_series(1, 100) n, generate_series(1, n * 3) i GROUP BY n) s;

-- arithmetic: rounded once
SELECT '[2048,1,0.1]'::halfvec + '[1,0.0004883,0.2]';
SELECT '[1,2,3]'::halfvec + '[4,5,6]';
SELECT '[65504]'::halfvec + '[32]';
SELECT '[1,2]'::halfvec + '[3]';
SELECT '[1,2,3]'::halfvec - '[4,5,6]';
SELECT '[-65504]'::halfvec - '[65504]';
SELECT '[1,2]'::halfvec - '[3]';
SELECT '[1,2,3]'::halfvec * '[4,5,6]';
SELECT '[0,0]'::halfvec * '[6e-8,-1]';
SELECT '[256]'::halfvec * '[256]';
SELECT '[1e-5]'::halfvec * '[1e-5]';
SELECT '[1,2]'::halfvec * '[3]';
SELECT '[1,2,3]'::halfvec || '[4,5]';
SELECT array_fill(0, ARRAY[16000])::halfvec || '[1]';

-- dimensions, norm, unit halfvecs
SELECT vector_dims('[1,2,3]'::halfvec);
SELECT l2_norm('[3,4]'::halfvec), l2_norm('[0,1]'::halfvec), l2_norm('[0,0]'::halfvec), l2_norm('[2]'::halfvec);
SELECT l2_norm('[30000,40000]'::halfvec)::real;
SELECT l2_normalize('[3,4]'::halfvec);
SELECT l2_normalize('[3,0]'::halfvec);
SELECT l2_normalize('[0,0.1]'::halfvec);
SELECT l2_normalize('[0,0]'::halfvec);
SELECT l2_normalize('[65504]'::halfvec);
SELECT l2_normalize('[6e-8,0]'::halfvec);

-- subvector
SELECT subvector('[1,2,3,4,5]'::halfvec, 1, 3);
SELECT subvector('[1,2,3,4,5]'::halfvec, 3, 2);
SELECT subvector('[1,2,3,4,5]'::halfvec, -1, 3);
SELECT subvector('[1,2,3,4,5]'::halfvec, 3, 9);
SELECT subvector('[1,2,3,4,5]'::halfvec, 5, 1);
SELECT subvector('[1,2,3,4,5]'::halfvec, 6, 1);
SELECT subvector('[1,2,3,4,5]'::halfvec, 1, 0);
SELECT subvector('[1,2,3,4,5]'::halfvec, 3, -1);
SELECT subvector('[1,2,3,4,5]'::halfvec, -1, 2);
SELECT subvector('[1,2,3,4,5]'::halfvec, 2147483647, 10);
SELECT subvector('[1,2,3,4,5]'::halfvec, 3, 2147483647);
SELECT subvector('[1,2,3,4,5]'::halfvec, -2147483644, 2147483647);
SELECT subvector('[1,2,3,4,5]'::halfvec, -2147483648, -2147483648);

-- bits
SELECT binary_quantize('[1,0,-1]'::halfvec);
SELECT binary_quantize('[0,0.1,-0.2,-0.3,0.4,0.5,0.6,-0.7,0.8,-0.9,1]'::halfvec);
SELECT length(binary_quantize(array_fill(1, ARRAY[16000])::halfvec)), binary_quantize('[-0,6e-8]'::halfvec);

-- the planner may use them in parallel workers and in indexes
SELECT DISTINCT provolatile, proisstrict, proparallel FROM pg_proc
	WHERE probin LIKE '%proximadb%' AND pronamespace = (SELECT typnamespace FROM pg_type WHERE oid = 'halfvec'::regtype)
		AND 'halfvec'::regtype = ANY (proargtypes);

-- exact search: nearest first, ties by id
CREATE TABLE halfvec_ops_search (id int PRIMARY KEY, v halfvec(2));
INSERT INTO halfvec_ops_search SELECT x * 10 + y, ARRAY[x, y]::halfvec FROM generate_series(0, 9) x, generate_series(0, 9) y;
SELECT id, v <-> '[4,5]' AS distance FROM halfvec_ops_search ORDER BY distance, id LIMIT 6;
SELECT id FROM halfvec_ops_search WHERE v <-> '[0,0]' <= 1 ORDER BY id;
SELECT id FROM halfvec_ops_search ORDER BY v <#> '[1,2]', id LIMIT 3;
DROP TABLE halfvec_ops_search;
