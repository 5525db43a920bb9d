--
-- COPY of vectors, as text and binary; what the binary form may contain.
--
\getenv abs_builddir PG_ABS_BUILDDIR
\set file :abs_builddir '/results/vector_copy.bin'

CREATE TABLE vector_copy (id int, v vector(3));
COPY vector_copy FROM STDIN;
1	[1,2,3]
2	\N
3	[ -0.5, 1e10, 0 ]
\.
COPY vector_copy FROM STDIN;
4	[1,2]
\.
COPY vector_copy FROM STDIN;
4	[1,2,x]
\.
COPY vector_copy FROM STDIN (FORMAT csv);
4,"[4,5,6]"
\.
COPY vector_copy TO STDOUT;

-- there and back
COPY vector_copy TO :'file' (FORMAT binary);
CREATE TABLE vector_copy_back (id int, v vector(3));
COPY vector_copy_back FROM :'file' (FORMAT binary);
SELECT * FROM vector_copy_back ORDER BY id;
SELECT count(*) FROM vector_copy a JOIN vector_copy_back b ON a.id = b.id
	AND a.v IS NOT DISTINCT FROM b.v AND vector_send(a.v) IS NOT DISTINCT FROM vector_send(b.v);
DROP TABLE vector_copy_back;

-- binary vectors made by hand: bytea goes out as it is
CREATE TABLE vector_copy_any (v vector);
COPY (SELECT '\x000200003f800000c0000000'::bytea) TO :'file' (FORMAT binary);
COPY vector_copy_any FROM :'file' (FORMAT binary);
SELECT * FROM vector_copy_any;
-- no dimensions
COPY (SELECT '\x00000000'::bytea) TO :'file' (FORMAT binary);
COPY vector_copy_any FROM :'file' (FORMAT binary);
-- too many
COPY (SELECT '\x3e810000'::bytea) TO :'file' (FORMAT binary);
COPY vector_copy_any FROM :'file' (FORMAT binary);
-- negative, if taken as int16
COPY (SELECT '\xffff0000'::bytea) TO :'file' (FORMAT binary);
COPY vector_copy_any FROM :'file' (FORMAT binary);
-- unused field not zero
COPY (SELECT '\x000100013f800000'::bytea) TO :'file' (FORMAT binary);
COPY vector_copy_any FROM :'file' (FORMAT binary);
-- elements missing
COPY (SELECT '\x000200003f800000'::bytea) TO :'file' (FORMAT binary);
COPY vector_copy_any FROM :'file' (FORMAT binary);
COPY (SELECT '\x0002'::bytea) TO :'file' (FORMAT binary);
COPY vector_copy_any FROM :'file' (FORMAT binary);
-- bytes left over
COPY (SELECT '\x000100003f80000000'::bytea) TO :'file' (FORMAT binary);
COPY vector_copy_any FROM :'file' (FORMAT binary);
-- NaN, infinity
COPY (SELECT '\x000100007fc00000'::bytea) TO :'file' (FORMAT binary);
COPY vector_copy_any FROM :'file' (FORMAT binary);
COPY (SELECT '\x000200003f800000ff800000'::bytea) TO :'file' (FORMAT binary);
COPY vector_copy_any FROM :'file' (FORMAT binary);
-- the column's dimensions
COPY (SELECT 5, '\x000200003f800000c0000000'::bytea) TO :'file' (FORMAT binary);
COPY vector_copy FROM :'file' (FORMAT binary);
SELECT count(*) FROM vector_copy_any;
DROP TABLE vector_copy_any;
DROP TABLE vector_copy;
