--
-- The halfvec type: text form, dimensions, storage, arrays.
--

-- accepted text
SELECT '[1,2,3]'::halfvec;
SELECT '[-1,-2,-3]'::halfvec;
SELECT E' \t[ 1 ,\n2 ,\r\x0b\f3 ] \n'::halfvec;
SELECT '[1.,.5,-.25,+4]'::halfvec;
SELECT '[1e3,1E-3,1e+3,-2.5e-1]'::halfvec;
SELECT '[0,-0,0.0,-0.0]'::halfvec;
SELECT '[0x10,0x1p-2]'::halfvec;
SELECT '[1.23456,65504,-65504,6.1035156e-05,6.097e-05,5.96e-08]'::halfvec;
SELECT '[2.98e-8,-2.98e-8,1e-46,-1e-400]'::halfvec;
-- ties go to the even number; what rounds to 65536 is too large
SELECT '[2049,2051,1.00048828125,1.0014648438,2.9802322e-8,8.940697e-08,65519.99]'::halfvec;

-- rejected text
SELECT ''::halfvec;
SELECT ' '::halfvec;
SELECT '1,2,3'::halfvec;
SELECT '{1,2,3}'::halfvec;
SELECT '['::halfvec;
SELECT '[ '::halfvec;
SELECT '[]'::halfvec;
SELECT ' [ ] '::halfvec;
SELECT '[]1'::halfvec;
SELECT '[,]'::halfvec;
SELECT '[1,]'::halfvec;
SELECT '[1,,3]'::halfvec;
SELECT '[1, ,3]'::halfvec;
SELECT '[1'::halfvec;
SELECT '[1,'::halfvec;
SELECT '[1,2,3'::halfvec;
SELECT '[1 2]'::halfvec;
SELECT '[1;2]'::halfvec;
SELECT '[1a]'::halfvec;
SELECT '[1e]'::halfvec;
SELECT '[1e+]'::halfvec;
SELECT '[.]'::halfvec;
SELECT '[-]'::halfvec;
SELECT '[--1]'::halfvec;
SELECT '[1.2.3]'::halfvec;
SELECT '[hello,1]'::halfvec;
SELECT '[1,2,3]9'::halfvec;
SELECT '[1,2,3],'::halfvec;
SELECT '[[1,2],[3,4]]'::halfvec;
SELECT ('[1' || repeat(',1', 200) || 'x]')::halfvec;

-- neither NaN nor infinity, nor what float4 cannot hold
SELECT '[NaN,1]'::halfvec;
SELECT '[1,nan]'::halfvec;
SELECT '[Infinity,1]'::halfvec;
SELECT '[1,2,-inf]'::halfvec;
SELECT '[65520,1]'::halfvec;
SELECT '[1,-1e6]'::halfvec;
SELECT '[1e99999999999]'::halfvec;
SELECT '[1e-99999999999]'::halfvec;

-- dimensions
SELECT '[1,2,3]'::halfvec(3);
SELECT '[1,2,3]'::halfvec(2);
SELECT '[1,2,3]'::halfvec(3, 2);
SELECT '[1,2,3]'::halfvec('a');
SELECT '[1,2,3]'::halfvec(0);
SELECT '[1,2,3]'::halfvec(-1);
SELECT '[1,2,3]'::halfvec(16001);
SELECT vector_dims(('[1' || repeat(',1', 15999) || ']')::halfvec);
SELECT vector_dims(('[1' || repeat(',1', 16000) || ']')::halfvec);
SELECT vector_dims(('[1' || repeat(',1', 15999) || ']')::halfvec(16000));

CREATE TABLE halfvec_type_dims (id int, v halfvec(3));
INSERT INTO halfvec_type_dims VALUES (1, '[1,2,3]'), (2, NULL);
INSERT INTO halfvec_type_dims VALUES (3, '[1,2]');
INSERT INTO halfvec_type_dims SELECT 4, '[1,2,3,4]'::halfvec;
UPDATE halfvec_type_dims SET v = v || '[4]'::halfvec WHERE id = 1;
SELECT * FROM halfvec_type_dims ORDER BY id;
SELECT format_type(atttypid, atttypmod) FROM pg_attribute
	WHERE attrelid = 'halfvec_type_dims'::regclass AND attname = 'v';
DROP TABLE halfvec_type_dims;

-- arrays
SELECT unnest('{"[1,2,3]","[4,5,6]"}'::halfvec[]);
SELECT '{"[1,2,3]"}'::halfvec(2)[];
SELECT ARRAY['[1,2]'::halfvec, NULL, '[3]'];

-- the same bytes as pgvector: dimensions, zero, elements
SELECT halfvec_send('[1,-2,0.5]');
SELECT pg_column_size('[1,2,3]'::halfvec);
SELECT typlen, typalign, typstorage, typbyval, typcategory, typarray <> 0 AS has_array
	FROM pg_type WHERE oid = 'halfvec'::regtype;

-- a halfvec that fits stays in the page, uncompressed
CREATE TABLE halfvec_type_main (v halfvec(2000));
INSERT INTO halfvec_type_main SELECT ('[' || string_agg((i * 0.25)::text, ',') || ']')::halfvec
	FROM generate_series(1, 2000) i;
SELECT pg_column_size(v), pg_relation_size(reltoastrelid) AS toast_bytes
	FROM halfvec_type_main, pg_class WHERE pg_class.oid = 'halfvec_type_main'::regclass;
DROP TABLE halfvec_type_main;

-- one that does not fit is read back whole
CREATE TABLE halfvec_type_toast (v halfvec);
INSERT INTO halfvec_type_toast SELECT array_agg(i * 0.25)::halfvec FROM generate_series(1, 16000) i;
SELECT vector_dims(v), v = (SELECT array_agg(i * 0.25)::halfvec FROM generate_series(1, 16000) i) AS same
	FROM halfvec_type_toast;
DROP TABLE halfvec_type_toast;

-- every operator is described, none is an empty shell
SELECT o.oid::regoperator FROM pg_operator o
	WHERE o.oprleft = 'halfvec'::regtype AND (obj_description(o.oid, 'pg_operator') IS NULL OR oprcode = 0);
