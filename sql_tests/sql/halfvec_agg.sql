--
-- avg and sum of halfvecs.
--

SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]'::halfvec, '[3,5,7]']) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]'::halfvec, '[3,5,7]', NULL]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[]::halfvec[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[NULL]::halfvec[]) v;
SELECT avg(v) FROM unnest(ARRAY['[1,2]'::halfvec, '[3]']) v;
SELECT sum(v) FROM unnest(ARRAY['[1,2]'::halfvec, '[3]']) v;
-- the sum of float16 overflows, the average's does not
SELECT avg(v) FROM unnest(ARRAY['[65504]'::halfvec, '[65504]']) v;
SELECT sum(v) FROM unnest(ARRAY['[65504]'::halfvec, '[65504]']) v;
SELECT vector_dims(avg(v)) FROM unnest(ARRAY[array_fill(1, ARRAY[16000])::halfvec]) v;

-- groups, windows, filters
CREATE TABLE halfvec_agg (id int, grp int, v halfvec(2));
INSERT INTO halfvec_agg SELECT i, i % 4, ARRAY[i % 10, -2 * (i % 10)]::halfvec FROM generate_series(1, 1000) i;
SELECT grp, avg(v), sum(v), count(v) FROM halfvec_agg GROUP BY grp ORDER BY grp;
SELECT avg(v) FILTER (WHERE id <= 3), sum(DISTINCT v) FILTER (WHERE id < 3) FROM halfvec_agg;
SELECT id, avg(v) OVER w, sum(v) OVER w FROM halfvec_agg WHERE id <= 5
	WINDOW w AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) ORDER BY id;
SELECT id, avg(v) OVER w, sum(v) OVER w FROM halfvec_agg WHERE id <= 4 WINDOW w AS (ORDER BY id) ORDER BY id;
-- aggregating changes no row
SELECT v FROM halfvec_agg WHERE id IN (1, 2) ORDER BY id;

-- in parallel workers
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT avg(v), sum(v) FROM halfvec_agg;
SELECT avg(v), sum(v) FROM halfvec_agg;
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
DROP TABLE halfvec_agg;

-- the functions behind them, called directly: their arguments can be anything
SELECT halfvec_accum('{0}', '[1,2,3]');
SELECT halfvec_accum('{1,10,20,30}', '[1,2,3]');
SELECT halfvec_accum('{{0}}', '[1,2,3]');
SELECT halfvec_accum('{NULL}', '[1,2,3]');
SELECT halfvec_accum('{}', '[1,2,3]');
SELECT halfvec_accum('{0,0}', '[1,2,3]');
SELECT halfvec_accum('{1,Infinity}', '[1]');
SELECT halfvec_combine('{1,2}', '{3,4}');
SELECT halfvec_combine('{0}', '{3,4}'), halfvec_combine('{3,4}', '{0}'), halfvec_combine('{0}', '{0}');
SELECT halfvec_combine('{1,2}', '{3,4,5}');
SELECT halfvec_combine('{{1,2}}', '{3,4}');
SELECT halfvec_combine('{1,2}', '{{3,4}}');
SELECT halfvec_combine('{NULL,2}', '{3,4}');
SELECT halfvec_combine('{}', '{0}');
SELECT halfvec_combine('{1,1e308}', '{1,1e308}');
SELECT halfvec_combine('{0}', (SELECT array_agg(n) FROM generate_series(1, 16002) n));
SELECT halfvec_avg('{2,2,4,6}');
SELECT halfvec_avg('{0}');
SELECT halfvec_avg('{1}');
SELECT halfvec_avg('{{2,2,4,6}}');
SELECT halfvec_avg('{NULL,2,4,6}');
SELECT halfvec_avg('{}');
SELECT halfvec_avg('{1,NaN}');
SELECT halfvec_avg('{1,1e308}');
SELECT halfvec_avg('{1,70000}');
SELECT halfvec_avg(array_agg(n)) FROM generate_series(1, 16002) n;
