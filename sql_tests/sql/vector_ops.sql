--
-- Distances, arithmetic and functions of vectors. Inputs are chosen so that all sums are exact.
--

-- every kernel set of this machine agrees with the one in plain C to the last bit, and that with exact sums
SELECT bool_and(ok) AS ok, max(max_rel_error) FILTER (WHERE isa NOT LIKE 'scalar%') AS between_sets,
	max(max_rel_error) < 1e-5 AS scalar_is_right, count(DISTINCT kernel) AS kernels, count(DISTINCT dims) AS lengths
	FROM proximadb.kernel_check() WHERE kernel IN ('l2_squared', 'inner_product', 'l1', 'cosine');

-- L2
SELECT '[0,0]'::vector <-> '[3,4]';
SELECT l2_distance('[0,0]'::vector, '[0,1]');
SELECT l2_distance('[1,1,1,1,1,1,1,1,1]'::vector, '[1,1,1,1,1,1,1,4,5]');
SELECT vector_l2_squared_distance('[0,0]', '[3,4]');
SELECT l2_distance('[1,2]'::vector, '[3]');
SELECT l2_distance('[3e38]'::vector, '[-3e38]');

-- inner product
SELECT inner_product('[1,2]'::vector, '[3,4]');
SELECT '[1,2]'::vector <#> '[3,4]';
SELECT vector_negative_inner_product('[1,2]', '[3,4]');
SELECT inner_product('[1,1,1,1,1,1,1,1,1]'::vector, '[1,2,3,4,5,6,7,8,9]');
SELECT inner_product('[1,2]'::vector, '[3]');
SELECT inner_product('[3e38]'::vector, '[3e38]');

-- cosine: within [0, 2], NaN for zero vectors
SELECT '[1,2]'::vector <=> '[2,4]';
SELECT cosine_distance('[1,1]'::vector, '[1,1]');
SELECT cosine_distance('[1,0]'::vector, '[0,2]');
SELECT cosine_distance('[1,1]'::vector, '[-1,-1]');
SELECT cosine_distance('[1,1]'::vector, '[1.1,1.1]');
SELECT cosine_distance('[1,1]'::vector, '[-1.1,-1.1]');
SELECT cosine_distance('[1,2]'::vector, '[0,0]');
SELECT cosine_distance('[0,0]'::vector, '[0,0]');
SELECT cosine_distance('[1,2]'::vector, '[3]');
SELECT cosine_distance('[3e38]'::vector, '[3e38]');
SELECT cosine_distance('[1,2,3,4,5,6,7,8,9]'::vector, '[1,2,3,4,5,6,7,8,9]');
SELECT cosine_distance('[1,2,3,4,5,6,7,8,9]'::vector, '[-1,-2,-3,-4,-5,-6,-7,-8,-9]');

-- L1
SELECT '[0,0]'::vector <+> '[3,4]';
SELECT l1_distance('[0,0]'::vector, '[0,-1]');
SELECT l1_distance('[1,2,3,4,5,6,7,8,9]'::vector, '[0,3,2,5,4,7,6,9,8]');
SELECT l1_distance('[1,2]'::vector, '[3]');
SELECT l1_distance('[3e38]'::vector, '[-3e38]');

-- angle between unit vectors
SELECT vector_spherical_distance('[1,0]', '[0,1]'), vector_spherical_distance('[1,0]', '[-1,0]'),
	vector_spherical_distance('[1,1]', '[1,1]');
SELECT vector_spherical_distance('[1,0]', '[1]');

-- all lengths around the kernels' steps: sums of small integers are exact
SELECT bool_and(a <-> b = sqrt(4 * n)) AS l2, bool_and(a <#> b = -3 * n) AS ip, bool_and(a <+> b = 2 * n) AS l1,
	bool_and(abs((a <=> b)) < 1e-6) AS cosine
	FROM (SELECT n, array_fill(1, ARRAY[n])::vector AS a, array_fill(3, ARRAY[n])::vector AS b
		FROM unnest(ARRAY[1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 767, 768, 16000]) n) s;
-- the last element counts, once
SELECT bool_and(a <-> b = 2) AS l2, bool_and(a <+> b = 2) AS l1
	FROM (SELECT array_fill(1, ARRAY[n])::vector AS a,
			CASE WHEN n > 1 THEN (array_fill(1, ARRAY[n - 1]) || 3)::vector ELSE '[3]' END AS b
		FROM generate_series(1, 130) n) s;

-- arithmetic
SELECT '[1,2,3]'::vector + '[4,5,6]';
SELECT '[3e38]'::vector + '[3e38]';
SELECT '[1,2]'::vector + '[3]';
SELECT '[1,2,3]'::vector - '[4,5,6]';
SELECT '[-3e38]'::vector - '[3e38]';
SELECT '[1,2]'::vector - '[3]';
SELECT '[1,2,3]'::vector * '[4,5,6]';
SELECT '[0,0]'::vector * '[1e-38,-1]';
SELECT '[1e37]'::vector * '[1e37]';
SELECT '[1e-37]'::vector * '[1e-37]';
SELECT '[1,2]'::vector * '[3]';
SELECT '[1,2,3]'::vector || '[4,5]';
SELECT array_fill(0, ARRAY[16000])::vector || '[1]';

-- dimensions, norm, unit vectors
SELECT vector_dims('[1,2,3]'::vector);
SELECT vector_norm('[3,4]'), vector_norm('[0,1]'), vector_norm('[0,0]'), vector_norm('[2]');
SELECT vector_norm('[3e37,4e37]')::real;
SELECT l2_normalize('[3,4]'::vector);
SELECT l2_normalize('[3,0]'::vector);
SELECT l2_normalize('[0,0.1]'::vector);
SELECT l2_normalize('[0,0]'::vector);
SELECT l2_normalize('[3e38]'::vector);
SELECT l2_normalize('[1e-45,0]'::vector);

-- subvector
SELECT subvector('[1,2,3,4,5]'::vector, 1, 3);
SELECT subvector('[1,2,3,4,5]'::vector, 3, 2);
SELECT subvector('[1,2,3,4,5]'::vector, -1, 3);
SELECT subvector('[1,2,3,4,5]'::vector, 3, 9);
SELECT subvector('[1,2,3,4,5]'::vector, 5, 1);
SELECT subvector('[1,2,3,4,5]'::vector, 6, 1);
SELECT subvector('[1,2,3,4,5]'::vector, 1, 0);
SELECT subvector('[1,2,3,4,5]'::vector, 3, -1);
SELECT subvector('[1,2,3,4,5]'::vector, -1, 2);
SELECT subvector('[1,2,3,4,5]'::vector, 2147483647, 10);
SELECT subvector('[1,2,3,4,5]'::vector, 3, 2147483647);
SELECT subvector('[1,2,3,4,5]'::vector, -2147483644, 2147483647);
SELECT subvector('[1,2,3,4,5]'::vector, -2147483648, -2147483648);

-- bits
SELECT binary_quantize('[1,0,-1]'::vector);
SELECT binary_quantize('[0,0.1,-0.2,-0.3,0.4,0.5,0.6,-0.7,0.8,-0.9,1]'::vector);
SELECT length(binary_quantize(array_fill(1, ARRAY[16000])::vector)), binary_quantize('[-0,1e-45]'::vector);

-- the planner may use them in parallel workers and in indexes
SELECT DISTINCT provolatile, proisstrict, proparallel FROM pg_proc
	WHERE probin LIKE '%proximadb%' AND pronamespace = (SELECT typnamespace FROM pg_type WHERE oid = 'vector'::regtype)
		AND 'vector'::regtype = ANY (proargtypes);

-- exact search: nearest first, ties by id
CREATE TABLE vector_ops_search (id int PRIMARY KEY, v vector(2));
INSERT INTO vector_ops_search SELECT x * 10 + y, ARRAY[x, y]::vector FROM generate_series(0, 9) x, generate_series(0, 9) y;
SELECT id, v <-> '[4,5]' AS distance FROM vector_ops_search ORDER BY distance, id LIMIT 6;
SELECT id FROM vector_ops_search WHERE v <-> '[0,0]' <= 1 ORDER BY id;
SELECT id FROM vector_ops_search ORDER BY v <#> '[1,2]', id LIMIT 3;
DROP TABLE vector_ops_search;
