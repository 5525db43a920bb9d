--
-- Casts between vectors and arrays.
--

-- arrays to vector
SELECT ARRAY[1,2,3]::vector;
SELECT ARRAY[1.0,2.5,-3.25]::vector;
SELECT ARRAY[1,2,3]::real[]::vector;
SELECT ARRAY[1,2,3]::double precision[]::vector;
SELECT ARRAY[1,22.5,333333,-0.00001,0]::numeric[]::vector;
SELECT ARRAY[2147483647,-2147483648,16777217]::vector;
SELECT '[0:2]={1,2,3}'::real[]::vector;

-- to vector(n)
SELECT '{1,2,3}'::real[]::vector(3);
SELECT '{1,2,3}'::real[]::vector(2);
SELECT '{1,2,3}'::double precision[]::vector(2);

-- nulls, also where a bitmap has none
SELECT '{NULL}'::real[]::vector;
SELECT '{1,NULL,3}'::int[]::vector;
SELECT ('{1,NULL,3}'::int[])[3:3]::vector;
SELECT array_replace('{1,NULL,3}'::numeric[], NULL, 2)::vector;

-- not numbers, too large, too small
SELECT '{NaN}'::real[]::vector;
SELECT '{1,Infinity}'::real[]::vector;
SELECT '{-Infinity}'::double precision[]::vector;
SELECT '{4e38,-4e38}'::double precision[]::vector;
SELECT '{1e-46,-1e-46}'::double precision[]::vector;
SELECT '{NaN}'::numeric[]::vector;
SELECT ARRAY[1e39]::numeric[]::vector;

-- shapes
SELECT '{}'::real[]::vector;
SELECT '{{1}}'::real[]::vector;
SELECT vector_dims(array_fill(1, ARRAY[16000])::vector);
SELECT array_fill(1, ARRAY[16001])::vector;

-- vector to array, also implicitly
SELECT '[1,2,3]'::vector::real[];
SELECT array_length('[1,2,3]'::vector::real[], 1), array_lower('[1,2,3]'::vector::real[], 1);
SELECT array_to_vector('[1,2.5,3]'::vector, 3, false);
SELECT ARRAY[1,2,3]::vector::real[]::vector;
SELECT '[1,2,3]'::vector::double precision[];

-- assignment, from arrays that were toasted or compressed too
CREATE TABLE vector_cast_target (id int, v vector(3));
INSERT INTO vector_cast_target VALUES (1, ARRAY[1,2,3]), (2, ARRAY[1.5,2,3]), (3, '{4,5,6}'::real[]),
	(4, '{7,8,9}'::double precision[]);
INSERT INTO vector_cast_target VALUES (5, ARRAY[1,2]);
INSERT INTO vector_cast_target VALUES (5, ARRAY['1','2','3']);
SELECT * FROM vector_cast_target ORDER BY id;
DROP TABLE vector_cast_target;

CREATE TABLE vector_cast_source (a real[]);
INSERT INTO vector_cast_source VALUES (array_fill(0.5, ARRAY[8000])), ('{1,2}');
SELECT vector_dims(a::vector), (a::vector)::real[] = a AS same FROM vector_cast_source;
DROP TABLE vector_cast_source;

-- not everything casts
SELECT 'abc'::text::vector;
SELECT '{1,2}'::bigint[]::vector;
SELECT '{t}'::boolean[]::vector;

-- contexts: implicit only to vector(n) and to real[]
SELECT castsource::regtype, casttarget::regtype, castcontext FROM pg_cast
	WHERE (castsource = 'vector'::regtype OR casttarget = 'vector'::regtype)
		AND castmethod = 'f' AND castsource::regtype::text IN
			('vector', 'integer[]', 'real[]', 'double precision[]', 'numeric[]')
		AND casttarget::regtype::text IN ('vector', 'real[]')
	ORDER BY castsource::regtype::text, casttarget::regtype::text;
