--
-- The vector type: text form, dimensions, storage, arrays.
--

-- accepted text
SELECT '[1,2,3]'::vector;
SELECT '[-1,-2,-3]'::vector;
SELECT E' \t[ 1 ,\n2 ,\r\x0b\f3 ] \n'::vector;
SELECT '[1.,.5,-.25,+4]'::vector;
SELECT '[1e3,1E-3,1e+3,-2.5e-1]'::vector;
SELECT '[0,-0,0.0,-0.0]'::vector;
SELECT '[0x10,0x1p-2]'::vector;
SELECT '[1.23456,3.4028235e38,-3.4028235e38,1.17549435e-38,1e-45]'::vector;
SELECT '[1e-46,-1e-46]'::vector;
SELECT '[16777217,16777219,0.1000000014901161193847656250000000001]'::vector;

-- rejected text
SELECT ''::vector;
SELECT ' '::vector;
SELECT '1,2,3'::vector;
SELECT '{1,2,3}'::vector;
SELECT '['::vector;
SELECT '[ '::vector;
SELECT '[]'::vector;
SELECT ' [ ] '::vector;
SELECT '[]1'::vector;
SELECT '[,]'::vector;
SELECT '[1,]'::vector;
SELECT '[1,,3]'::vector;
SELECT '[1, ,3]'::vector;
SELECT '[1'::vector;
SELECT '[1,'::vector;
SELECT '[1,2,3'::vector;
SELECT '[1 2]'::vector;
SELECT '[1;2]'::vector;
SELECT '[1a]'::vector;
SELECT '[1e]'::vector;
SELECT '[1e+]'::vector;
SELECT '[.]'::vector;
SELECT '[-]'::vector;
SELECT '[--1]'::vector;
SELECT '[1.2.3]'::vector;
SELECT '[hello,1]'::vector;
SELECT '[1,2,3]9'::vector;
SELECT '[1,2,3],'::vector;
SELECT '[[1,2],[3,4]]'::vector;
SELECT ('[1' || repeat(',1', 200) || 'x]')::vector;

-- neither NaN nor infinity, nor what float4 cannot hold
SELECT '[NaN,1]'::vector;
SELECT '[1,nan]'::vector;
SELECT '[Infinity,1]'::vector;
SELECT '[1,2,-inf]'::vector;
SELECT '[4e38,1]'::vector;
SELECT '[1,-4e38]'::vector;
SELECT '[1e99999999999]'::vector;
SELECT '[1e-99999999999]'::vector;

-- dimensions
SELECT '[1,2,3]'::vector(3);
SELECT '[1,2,3]'::vector(2);
SELECT '[1,2,3]'::vector(3, 2);
SELECT '[1,2,3]'::vector('a');
SELECT '[1,2,3]'::vector(0);
SELECT '[1,2,3]'::vector(-1);
SELECT '[1,2,3]'::vector(16001);
SELECT vector_dims(('[1' || repeat(',1', 15999) || ']')::vector);
SELECT vector_dims(('[1' || repeat(',1', 16000) || ']')::vector);
SELECT vector_dims(('[1' || repeat(',1', 15999) || ']')::vector(16000));

CREATE TABLE vector_type_dims (id int, v vector(3));
INSERT INTO vector_type_dims VALUES (1, '[1,2,3]'), (2, NULL);
INSERT INTO vector_type_dims VALUES (3, '[1,2]');
INSERT INTO vector_type_dims SELECT 4, '[1,2,3,4]'::vector;
UPDATE vector_type_dims SET v = v || '[4]'::vector WHERE id = 1;
SELECT * FROM vector_type_dims ORDER BY id;
SELECT format_type(atttypid, atttypmod) FROM pg_attribute
	WHERE attrelid = 'vector_type_dims'::regclass AND attname = 'v';
DROP TABLE vector_type_dims;

-- arrays
SELECT unnest('{"[1,2,3]","[4,5,6]"}'::vector[]);
SELECT '{"[1,2,3]"}'::vector(2)[];
SELECT ARRAY['[1,2]'::vector, NULL, '[3]'];

-- the same bytes as pgvector: dimensions, zero, elements
SELECT vector_send('[1,-2,0.5]');
SELECT pg_column_size('[1,2,3]'::vector);
SELECT typlen, typalign, typstorage, typbyval, typcategory, typarray <> 0 AS has_array
	FROM pg_type WHERE oid = 'vector'::regtype;

-- a vector that fits stays in the page, uncompressed
CREATE TABLE vector_type_main (v vector(1000));
INSERT INTO vector_type_main SELECT ('[' || string_agg((i * 0.37)::text, ',') || ']')::vector
	FROM generate_series(1, 1000) i;
SELECT pg_column_size(v), pg_relation_size(reltoastrelid) AS toast_bytes
	FROM vector_type_main, pg_class WHERE pg_class.oid = 'vector_type_main'::regclass;
DROP TABLE vector_type_main;

-- one that does not fit is read back whole
CREATE TABLE vector_type_toast (v vector);
INSERT INTO vector_type_toast SELECT array_agg(i * 0.37)::vector FROM generate_series(1, 16000) i;
SELECT vector_dims(v), v = (SELECT array_agg(i * 0.37)::vector FROM generate_series(1, 16000) i) AS same
	FROM vector_type_toast;
DROP TABLE vector_type_toast;

-- every function, operator, cast and type of the extension's surface is described
SELECT p.oid::regprocedure FROM pg_proc p
	WHERE p.pronamespace = (SELECT typnamespace FROM pg_type WHERE oid = 'vector'::regtype)
		AND (p.probin LIKE '%proximadb%' OR 'vector'::regtype = ANY (p.proargtypes)) AND obj_description(p.oid, 'pg_proc') IS NULL
	ORDER BY 1;
SELECT o.oid::regoperator FROM pg_operator o
	WHERE o.oprleft = 'vector'::regtype AND obj_description(o.oid, 'pg_operator') IS NULL
	ORDER BY 1;
-- and no operator is an empty shell
SELECT oid::regoperator FROM pg_operator WHERE oprleft = 'vector'::regtype AND oprcode = 0;
