--
-- COPY of halfvecs, as text and binary; what the binary form may contain.
--
\getenv abs_builddir PG_ABS_BUILDDIR
\set file :abs_builddir '/results/halfvec_copy.bin'

CREATE TABLE halfvec_copy (id int, v halfvec(3));
COPY halfvec_copy FROM STDIN;
1	[1,2,3]
2	\N
3	[ -0.5, 1e4, 0 ]
\.
COPY halfvec_copy FROM STDIN;
4	[1,2]
\.
COPY halfvec_copy FROM STDIN;
4	[1,2,x]
\.
COPY halfvec_copy FROM STDIN (FORMAT csv);
4,"[4,5,6]"
\.
COPY halfvec_copy TO STDOUT;

-- there and back
COPY halfvec_copy TO :'file' (FORMAT binary);
CREATE TABLE halfvec_copy_back (id int, v halfvec(3));
COPY halfvec_copy_back FROM :'file' (FORMAT binary);
SELECT * FROM halfvec_copy_back ORDER BY id;
SELECT count(*) FROM halfvec_copy a JOIN halfvec_copy_back b ON a.id = b.id
	AND a.v IS NOT DISTINCT FROM b.v AND halfvec_send(a.v) IS NOT DISTINCT FROM halfvec_send(b.v);
DROP TABLE halfvec_copy_back;

-- binary halfvecs made by hand: bytea goes out as it is
CREATE TABLE halfvec_copy_any (v halfvec);
COPY (SELECT '\x000200003c00c000'::bytea) TO :'file' (FORMAT binary);
COPY halfvec_copy_any FROM :'file' (FORMAT binary);
SELECT * FROM halfvec_copy_any;
-- no dimensions
COPY (SELECT '\x00000000'::bytea) TO :'file' (FORMAT binary);
COPY halfvec_copy_any FROM :'file' (FORMAT binary);
-- too many
COPY (SELECT '\x3e810000'::bytea) TO :'file' (FORMAT binary);
COPY halfvec_copy_any FROM :'file' (FORMAT binary);
-- negative, if taken as int16
COPY (SELECT '\xffff0000'::bytea) TO :'file' (FORMAT binary);
COPY halfvec_copy_any FROM :'file' (FORMAT binary);
-- unused field not zero
COPY (SELECT '\x000100013c00'::bytea) TO :'file' (FORMAT binary);
COPY halfvec_copy_any FROM :'file' (FORMAT binary);
-- elements missing
COPY (SELECT '\x000200003c00'::bytea) TO :'file' (FORMAT binary);
COPY halfvec_copy_any FROM :'file' (FORMAT binary);
COPY (SELECT '\x0002'::bytea) TO :'file' (FORMAT binary);
COPY halfvec_copy_any FROM :'file' (FORMAT binary);
-- bytes left over
COPY (SELECT '\x000100003c0000'::bytea) TO :'file' (FORMAT binary);
COPY halfvec_copy_any FROM :'file' (FORMAT binary);
-- NaN, infinity
COPY (SELECT '\x000100007e00'::bytea) TO :'file' (FORMAT binary);
COPY halfvec_copy_any FROM :'file' (FORMAT binary);
COPY (SELECT '\x000200003c00fc00'::bytea) TO :'file' (FORMAT binary);
COPY halfvec_copy_any FROM :'file' (FORMAT binary);
-- the column's dimensions
COPY (SELECT 5, '\x000200003c00c000'::bytea) TO :'file' (FORMAT binary);
COPY halfvec_copy FROM :'file' (FORMAT binary);
SELECT count(*) FROM halfvec_copy_any;
DROP TABLE halfvec_copy_any;
DROP TABLE halfvec_copy;
