--
-- Casts between halfvecs and arrays.
--

-- arrays to halfvec
SELECT ARRAY[1,2,3]::halfvec;
SELECT ARRAY[1.0,2.5,-3.25]::halfvec;
SELECT ARRAY[1,2,3]::real[]::halfvec;
SELECT ARRAY[1,2,3]::double precision[]::halfvec;
SELECT ARRAY[1,22.5,33333,-0.00001,0]::numeric[]::halfvec;
SELECT ARRAY[65504,-65504,2049]::halfvec;
SELECT '[0:2]={1,2,3}'::real[]::halfvec;

-- to halfvec(n)
SELECT '{1,2,3}'::real[]::halfvec(3);
SELECT '{1,2,3}'::real[]::halfvec(2);
SELECT '{1,2,3}'::double precision[]::halfvec(2);

-- nulls, also where a bitmap has none
SELECT '{NULL}'::real[]::halfvec;
SELECT '{1,NULL,3}'::int[]::halfvec;
SELECT ('{1,NULL,3}'::int[])[3:3]::halfvec;
SELECT array_replace('{1,NULL,3}'::numeric[], NULL, 2)::halfvec;

-- not numbers, too large, too small
SELECT '{NaN}'::real[]::halfvec;
SELECT '{1,Infinity}'::real[]::halfvec;
SELECT '{-Infinity}'::double precision[]::halfvec;
SELECT '{65520,-65520}'::double precision[]::halfvec;
SELECT '{1e-8,-1e-8}'::double precision[]::halfvec;
SELECT '{NaN}'::numeric[]::halfvec;
SELECT ARRAY[1e39]::numeric[]::halfvec;

-- shapes
SELECT '{}'::real[]::halfvec;
SELECT '{{1}}'::real[]::halfvec;
SELECT vector_dims(array_fill(1, ARRAY[16000])::halfvec);
SELECT array_fill(1, ARRAY[16001])::halfvec;

-- halfvec to array
SELECT '[1,2,3]'::halfvec::real[];
SELECT array_length('[1,2,3]'::halfvec::real[], 1), array_lower('[1,2,3]'::halfvec::real[], 1);
SELECT array_to_halfvec('[1,2.5,3]'::halfvec::real[], 3, false);
SELECT ARRAY[1,2,3]::halfvec::real[]::halfvec;
SELECT '[1,2,3]'::halfvec::double precision[];

-- assignment, from arrays that were toasted or compressed too
CREATE TABLE halfvec_cast_target (id int, v halfvec(3));
INSERT INTO halfvec_cast_target VALUES (1, ARRAY[1,2,3]), (2, ARRAY[1.5,2,3]), (3, '{4,5,6}'::real[]),
	(4, '{7,8,9}'::double precision[]);
INSERT INTO halfvec_cast_target VALUES (5, ARRAY[1,2]);
INSERT INTO halfvec_cast_target VALUES (5, ARRAY['1','2','3']);
SELECT * FROM halfvec_cast_target ORDER BY id;
DROP TABLE halfvec_cast_target;

CREATE TABLE halfvec_cast_source (a real[]);
INSERT INTO halfvec_cast_source VALUES (array_fill(0.5, ARRAY[8000])), ('{1,2}');
SELECT vector_dims(a::halfvec), (a::halfvec)::real[] = a AS same FROM halfvec_cast_source;
DROP TABLE halfvec_cast_source;

-- not everything casts
SELECT 'abc'::text::halfvec;
SELECT '{1,2}'::bigint[]::halfvec;
SELECT '{t}'::boolean[]::halfvec;

-- vectors
SELECT '[1,2.5,0.1,-0]'::vector::halfvec, '[1,2.5,0.1,-0]'::halfvec::vector;
SELECT '[1,2]'::vector::halfvec(3);
SELECT '[1,2]'::halfvec::vector(3);
SELECT '[1,65520]'::vector::halfvec;
-- to halfvec implicitly, back by assignment
SELECT l2_distance('[3,4]'::vector, '[0,0]'::halfvec), '[3,4]'::halfvec <-> '[0,0]'::vector;
CREATE TABLE halfvec_cast_vector (v vector(2), h halfvec(2));
INSERT INTO halfvec_cast_vector VALUES ('[1,2]'::halfvec, '[3,4]'::vector);
INSERT INTO halfvec_cast_vector (v) VALUES ('[1,2,3]'::halfvec);
SELECT * FROM halfvec_cast_vector;
DROP TABLE halfvec_cast_vector;

-- contexts
SELECT castsource::regtype, casttarget::regtype, castcontext FROM pg_cast
	WHERE (castsource = 'halfvec'::regtype OR casttarget = 'halfvec'::regtype)
		AND castmethod = 'f' AND castsource::regtype::text IN
			('halfvec', 'vector', 'integer[]', 'real[]', 'double precision[]', 'numeric[]')
		AND casttarget::regtype::text IN ('halfvec', 'vector', 'real[]')
	ORDER BY castsource::regtype::text, casttarget::regtype::text;
