--
-- COPY of sparsevecs, as text and binary; what the binary form may contain.
--
\getenv abs_builddir PG_ABS_BUILDDIR
\set file :abs_builddir '/results/sparsevec_copy.bin'

CREATE TABLE sparsevec_copy (id int, v sparsevec(5));
COPY sparsevec_copy FROM STDIN;
1	{1:1.5,3:-2}/5
2	\N
3	{}/5
\.
COPY sparsevec_copy FROM STDIN;
4	{1:1}/4
\.
COPY sparsevec_copy TO STDOUT;

-- there and back
COPY sparsevec_copy TO :'file' (FORMAT binary);
CREATE TABLE sparsevec_copy_back (id int, v sparsevec(5));
COPY sparsevec_copy_back FROM :'file' (FORMAT binary);
SELECT count(*) FROM sparsevec_copy a JOIN sparsevec_copy_back b ON a.id = b.id
	AND a.v IS NOT DISTINCT FROM b.v AND sparsevec_send(a.v) IS NOT DISTINCT FROM sparsevec_send(b.v);
DROP TABLE sparsevec_copy_back;
DROP TABLE sparsevec_copy;

-- binary sparsevecs made by hand: bytea goes out as it is
CREATE TABLE sparsevec_copy_any (v sparsevec);
COPY (SELECT '\x00000005000000020000000000000000000000023f800000c0000000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
SELECT * FROM sparsevec_copy_any;
-- dimensions: none, negative, too many
COPY (SELECT '\x000000000000000000000000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
COPY (SELECT '\xffffffff0000000000000000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
COPY (SELECT '\x7fffffff0000000000000000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
-- elements: negative, too many, more than dimensions, missing
COPY (SELECT '\x00000005ffffffff00000000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
COPY (SELECT '\x3b9aca007fffffff00000000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
COPY (SELECT '\x000000050000000600000000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
COPY (SELECT '\x3b9aca0000003e8000000000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
COPY (SELECT '\x00000005000000020000000000000000000000023f800000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
COPY (SELECT '\x00000005'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
-- unused field not zero
COPY (SELECT '\x000000050000000000000001'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
-- indices: negative, beyond the end, twice, descending
COPY (SELECT '\x000000050000000100000000ffffffff3f800000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
COPY (SELECT '\x000000050000000100000000000000053f800000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
COPY (SELECT '\x00000005000000020000000000000002000000023f8000003f800000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
COPY (SELECT '\x00000005000000020000000000000002000000013f8000003f800000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
-- values: zero, minus zero, NaN, infinity
COPY (SELECT '\x0000000500000001000000000000000200000000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
COPY (SELECT '\x0000000500000001000000000000000280000000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
COPY (SELECT '\x000000050000000100000000000000027fc00000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
COPY (SELECT '\x00000005000000010000000000000002ff800000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
-- bytes left over
COPY (SELECT '\x00000005000000000000000000'::bytea) TO :'file' (FORMAT binary);
COPY sparsevec_copy_any FROM :'file' (FORMAT binary);
SELECT count(*) FROM sparsevec_copy_any;
DROP TABLE sparsevec_copy_any;
