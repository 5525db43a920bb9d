--
-- avg and sum of vectors.
--

SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]'::vector, '[3,5,7]']) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]'::vector, '[3,5,7]', NULL]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[]::vector[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[NULL]::vector[]) v;
SELECT avg(v) FROM unnest(ARRAY['[1,2]'::vector, '[3]']) v;
SELECT sum(v) FROM unnest(ARRAY['[1,2]'::vector, '[3]']) v;
-- the sum of float4 overflows, the average's does not
SELECT avg(v) FROM unnest(ARRAY['[3e38]'::vector, '[3e38]']) v;
SELECT sum(v) FROM unnest(ARRAY['[3e38]'::vector, '[3e38]']) v;
SELECT vector_dims(avg(v)) FROM unnest(ARRAY[array_fill(1, ARRAY[16000])::vector]) v;

-- groups, windows, filters
CREATE TABLE vector_agg (id int, grp int, v vector(2));
INSERT INTO vector_agg SELECT i, i % 4, ARRAY[i, -2 * i]::vector FROM generate_series(1, 1000) i;
SELECT grp, avg(v), sum(v), count(v) FROM vector_agg GROUP BY grp ORDER BY grp;
SELECT avg(v) FILTER (WHERE id <= 3), sum(DISTINCT v) FILTER (WHERE id < 3) FROM vector_agg;
SELECT id, avg(v) OVER w, sum(v) OVER w FROM vector_agg WHERE id <= 5
	WINDOW w AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) ORDER BY id;
SELECT id, avg(v) OVER w, sum(v) OVER w FROM vector_agg WHERE id <= 4 WINDOW w AS (ORDER BY id) ORDER BY id;
-- aggregating changes no row
SELECT v FROM vector_agg WHERE id IN (1, 2) ORDER BY id;

-- in parallel workers
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT avg(v), sum(v) FROM vector_agg;
SELECT avg(v), sum(v) FROM vector_agg;
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
DROP TABLE vector_agg;

-- the functions behind them, called directly: their arguments can be anything
SELECT vector_accum('{0}', '[1,2,3]');
SELECT vector_accum('{1,10,20,30}', '[1,2,3]');
SELECT vector_accum('{{0}}', '[1,2,3]');
SELECT vector_accum('{NULL}', '[1,2,3]');
SELECT vector_accum('{}', '[1,2,3]');
SELECT vector_accum('{0,0}', '[1,2,3]');
SELECT vector_accum('{1,Infinity}', '[1]');
SELECT vector_combine('{1,2}', '{3,4}');
SELECT vector_combine('{0}', '{3,4}'), vector_combine('{3,4}', '{0}'), vector_combine('{0}', '{0}');
SELECT vector_combine('{1,2}', '{3,4,5}');
SELECT vector_combine('{{1,2}}', '{3,4}');
SELECT vector_combine('{1,2}', '{{3,4}}');
SELECT vector_combine('{NULL,2}', '{3,4}');
SELECT vector_combine('{}', '{0}');
SELECT vector_combine('{1,1e308}', '{1,1e308}');
SELECT vector_combine('{0}', (SELECT array_agg(n) FROM generate_series(1, 16002) n));
SELECT vector_avg('{2,2,4,6}');
SELECT vector_avg('{0}');
SELECT vector_avg('{1}');
SELECT vector_avg('{{2,2,4,6}}');
SELECT vector_avg('{NULL,2,4,6}');
SELECT vector_avg('{}');
SELECT vector_avg('{1,NaN}');
SELECT vector_avg('{1,1e308}');
SELECT vector_avg(array_agg(n)) FROM generate_series(1, 16002) n;
