--
-- The sparsevec type: text form, dimensions, storage, arrays.
--

-- accepted text: any order, zeros left out, white space anywhere but inside numbers
SELECT '{1:1.5,3:-2}/5'::sparsevec;
SELECT '{3:-2,1:1.5}/5'::sparsevec;
SELECT E' { 1 : 1.5 ,\n3:\t-2 } / 5 '::sparsevec;
SELECT '{}/5'::sparsevec;
SELECT ' { } / 5'::sparsevec;
SELECT '{1:0,2:-0,3:0.0}/3'::sparsevec;
SELECT '{+1:+1e0,02:.5,3:0x10}/+3'::sparsevec;
SELECT '{1:3.4028235e38,2:1e-45,1000000000:-1}/1000000000'::sparsevec;
-- as in pgvector, the index of a zero is not looked at
SELECT '{9:0,0:0,1:0,1:0}/3'::sparsevec;

-- rejected text
SELECT ''::sparsevec;
SELECT '['::sparsevec;
SELECT '{'::sparsevec;
SELECT '{}'::sparsevec;
SELECT '{}/'::sparsevec;
SELECT '{}/x'::sparsevec;
SELECT '{}5'::sparsevec;
SELECT '{1:1}'::sparsevec;
SELECT '{1}/2'::sparsevec;
SELECT '{1:}/2'::sparsevec;
SELECT '{:1}/2'::sparsevec;
SELECT '{a:1}/2'::sparsevec;
SELECT '{1.5:1}/2'::sparsevec;
SELECT '{1:x}/2'::sparsevec;
SELECT '{1:1,}/2'::sparsevec;
SELECT '{,1:1}/2'::sparsevec;
SELECT '{1:1 2:2}/2'::sparsevec;
SELECT '{1:1/2'::sparsevec;
SELECT '{1:1}/2x'::sparsevec;
SELECT '{1:1}/2.5'::sparsevec;
SELECT '{1:1}/2 3'::sparsevec;
SELECT '[1,2]'::sparsevec;
SELECT ('{1:' || repeat('1', 100) || 'x}/3')::sparsevec;

-- indices from 1 to the number of dimensions, once each
SELECT '{0:1}/3'::sparsevec;
SELECT '{-1:1}/3'::sparsevec;
SELECT '{4:1}/3'::sparsevec;
SELECT '{2147483648:1}/3'::sparsevec;
SELECT '{-99999999999999999999:1}/3'::sparsevec;
SELECT '{2:1,1:1,2:3}/3'::sparsevec;
SELECT '{1:1,2:2,1:3}/1'::sparsevec;

-- neither NaN nor infinity, nor what float4 cannot hold
SELECT '{1:NaN}/3'::sparsevec;
SELECT '{1:-inf}/3'::sparsevec;
SELECT '{1:4e38}/3'::sparsevec;
SELECT '{1:1e-46}/3'::sparsevec;

-- dimensions and elements
SELECT '{}/0'::sparsevec;
SELECT '{}/-1'::sparsevec;
SELECT '{}/1000000001'::sparsevec;
SELECT '{}/99999999999999999999'::sparsevec;
SELECT '{1:1}/3'::sparsevec(3);
SELECT '{1:1}/3'::sparsevec(2);
SELECT '{}/3'::sparsevec(0);
SELECT '{}/3'::sparsevec(1000000001);
SELECT '{}/3'::sparsevec(3, 2);
SELECT length(('{1:1' || (SELECT string_agg(',' || i || ':1', '') FROM generate_series(2, 16000) i) || '}/16000')::sparsevec::text);
SELECT ('{1:1' || (SELECT string_agg(',' || i || ':1', '') FROM generate_series(2, 16001) i) || '}/16001')::sparsevec;

-- arrays
SELECT '{"{1:1}/2","{2:5}/2"}'::sparsevec[];
SELECT '{"{1:1}/2"}'::sparsevec(3)[];

-- the same bytes as pgvector: dimensions, elements, zero, indices from 0, values
SELECT sparsevec_send('{1:1,3:-2}/5');
SELECT pg_column_size('{1:1,3:-2}/5'::sparsevec), pg_column_size('{}/1000000000'::sparsevec);
SELECT typlen, typalign, typstorage, typbyval, typcategory, typarray <> 0 AS has_array
	FROM pg_type WHERE oid = 'sparsevec'::regtype;

-- every operator is described, none is an empty shell
SELECT o.oid::regoperator FROM pg_operator o
	WHERE o.oprleft = 'sparsevec'::regtype AND (obj_description(o.oid, 'pg_operator') IS NULL OR oprcode = 0);
