--
-- Casts between sparsevecs, vectors, halfvecs and arrays.
--

-- arrays to sparsevec
SELECT ARRAY[1,0,3]::sparsevec;
SELECT ARRAY[0.0,2.5,-0.0]::sparsevec;
SELECT '{1,0,3}'::real[]::sparsevec, '{1,0,3}'::double precision[]::sparsevec, '{1,0,3}'::numeric[]::sparsevec;
SELECT '{1,0,3}'::real[]::sparsevec(3);
SELECT '{1,0,3}'::real[]::sparsevec(2);
SELECT '[0:2]={1,2,3}'::real[]::sparsevec;
SELECT '{1e-50,1}'::double precision[]::sparsevec;
SELECT '{NULL}'::real[]::sparsevec;
SELECT '{NaN}'::real[]::sparsevec;
SELECT '{1,Infinity}'::double precision[]::sparsevec;
SELECT '{4e38}'::double precision[]::sparsevec;
SELECT '{}'::real[]::sparsevec;
SELECT '{{1}}'::real[]::sparsevec;
SELECT array_fill(0, ARRAY[100000])::sparsevec;
SELECT length((array_fill(1, ARRAY[16000]) || array_fill(0, ARRAY[1000]))::sparsevec::text);
SELECT array_fill(1, ARRAY[16001])::sparsevec;

-- vectors and halfvecs
SELECT '[0,1.5,0,-2]'::vector::sparsevec, '[0,1.5,0,-2]'::halfvec::sparsevec, '[0,-0]'::vector::sparsevec;
SELECT '{2:1.5,4:-2}/4'::sparsevec::vector, '{2:1.5,4:-2}/4'::sparsevec::halfvec, '{}/3'::sparsevec::vector;
SELECT '[0,1]'::vector::sparsevec(3);
SELECT '[0,1]'::halfvec::sparsevec(3);
SELECT '{1:1}/3'::sparsevec::vector(2);
SELECT '{1:1}/3'::sparsevec::halfvec(2);
SELECT '{1:1}/16001'::sparsevec::vector;
SELECT '{1:1}/1000000000'::sparsevec::halfvec;
SELECT '{1:65520}/3'::sparsevec::halfvec;
SELECT '{1:1e-8,2:1}/3'::sparsevec::halfvec;
-- to sparsevec implicitly, back by assignment
SELECT '{1:3}/2'::sparsevec <-> '[0,4]'::vector, '[0,4]'::halfvec <-> '{1:3}/2'::sparsevec;
CREATE TABLE sparsevec_cast (v vector(3), h halfvec(3), s sparsevec(3));
INSERT INTO sparsevec_cast VALUES ('{1:1}/3'::sparsevec, '{2:2}/3'::sparsevec, '[0,0,3]'::vector), (NULL, NULL, ARRAY[4,0,0]);
INSERT INTO sparsevec_cast (v) VALUES ('{1:1}/2'::sparsevec);
INSERT INTO sparsevec_cast (s) VALUES ('[1,2]'::halfvec);
SELECT * FROM sparsevec_cast;
DROP TABLE sparsevec_cast;

-- not everything casts
SELECT '{1:1}/3'::sparsevec::real[];
SELECT '{1}'::bigint[]::sparsevec;
SELECT '{1:1}/3'::text::sparsevec;

-- contexts
SELECT castsource::regtype, casttarget::regtype, castcontext FROM pg_cast
	WHERE (castsource = 'sparsevec'::regtype OR casttarget = 'sparsevec'::regtype) AND castmethod = 'f'
		AND castsource::regtype::text IN ('sparsevec', 'halfvec', 'vector', 'integer[]', 'real[]', 'double precision[]', 'numeric[]')
		AND casttarget::regtype::text IN ('sparsevec', 'halfvec', 'vector')
	ORDER BY castsource::regtype::text, casttarget::regtype::text;
