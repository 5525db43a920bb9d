--
-- Kernels over quantised vectors, and the rotation before quantising.
--

-- products are exact in every set; float kernels agree with the scalar ones to the last bit, and those with definitions
SELECT kernel, bool_and(ok) AS ok, bool_and(isa = 'scalar' OR max_rel_error = 0 OR kernel LIKE 'code\_format%' OR kernel IN ('bytes', 'rotate_orthogonal')) AS same,
	count(DISTINCT dims) AS lengths
	FROM proximadb.kernel_check() WHERE kernel !~ '^(l2_squared|inner_product|l1|cosine)$|half|^bit_|^sparse_'
	GROUP BY kernel ORDER BY kernel COLLATE "C";

-- what failed, if anything did
SELECT * FROM proximadb.kernel_check() WHERE NOT ok;
