--
-- halfvec columns of viper tables: hot and sealed, of fixed and of any number of dimensions.
--

CREATE TABLE halfvec_viper (id int PRIMARY KEY, h halfvec(40), anyh halfvec, v vector(40), note text) USING viper;
INSERT INTO halfvec_viper
	SELECT i, array_agg(sin(i * j))::halfvec, array_agg(cos(i + j))::halfvec, array_agg(sin(i * j))::vector, 'n' || i
	FROM generate_series(1, 500) i, generate_series(1, 40) j GROUP BY i;
INSERT INTO halfvec_viper VALUES (1001, NULL, NULL, NULL, 'nothing'), (1002, NULL, '[1]', NULL, NULL);
CREATE TABLE halfvec_heap AS TABLE halfvec_viper;

-- the same values as in heap, byte for byte, hot and sealed
CREATE VIEW halfvec_viper_differs AS
	SELECT count(*) FROM halfvec_viper a FULL JOIN halfvec_heap b USING (id)
	WHERE halfvec_send(a.h) IS DISTINCT FROM halfvec_send(b.h) OR halfvec_send(a.anyh) IS DISTINCT FROM halfvec_send(b.anyh)
		OR vector_send(a.v) IS DISTINCT FROM vector_send(b.v) OR a.note IS DISTINCT FROM b.note;
TABLE halfvec_viper_differs;
SELECT count(*) FROM proximadb.flush('halfvec_viper');
TABLE halfvec_viper_differs;
SELECT count(*) FROM proximadb.verify('halfvec_viper');
SELECT pg_column_size(h), pg_column_size(v) FROM halfvec_viper WHERE id = 1;

-- exact search, against heap
\set query '(SELECT h FROM halfvec_heap WHERE id = 77)'
SELECT array(SELECT id FROM halfvec_viper WHERE h IS NOT NULL ORDER BY h <=> :query, id LIMIT 20)
	= array(SELECT id FROM halfvec_heap WHERE h IS NOT NULL ORDER BY h <=> :query, id LIMIT 20) AS cosine,
	array(SELECT id FROM halfvec_viper WHERE h IS NOT NULL ORDER BY h <-> :query, id LIMIT 20)
	= array(SELECT id FROM halfvec_heap WHERE h IS NOT NULL ORDER BY h <-> :query, id LIMIT 20) AS l2;
SELECT id FROM halfvec_viper WHERE h IS NOT NULL ORDER BY h <-> :query, id LIMIT 1;

-- updates leave the halfvec in its segment, or replace it
UPDATE halfvec_viper SET note = 'changed' WHERE id % 3 = 0;
UPDATE halfvec_heap SET note = 'changed' WHERE id % 3 = 0;
UPDATE halfvec_viper SET h = h + h, anyh = anyh || '[7]'::halfvec WHERE id % 5 = 0;
UPDATE halfvec_heap SET h = h + h, anyh = anyh || '[7]'::halfvec WHERE id % 5 = 0;
DELETE FROM halfvec_viper WHERE id % 7 = 0;
DELETE FROM halfvec_heap WHERE id % 7 = 0;
TABLE halfvec_viper_differs;
SELECT count(*) FROM proximadb.flush('halfvec_viper');
SELECT count(*) FROM proximadb.compact('halfvec_viper');
TABLE halfvec_viper_differs;
VACUUM FULL halfvec_viper;
TABLE halfvec_viper_differs;

-- at fixed stride halfvecs are not compressed
CREATE TABLE halfvec_stride USING viper AS
	SELECT i AS id, array_fill(0, ARRAY[500])::halfvec(500) AS h FROM generate_series(1, 1000) i;
SELECT sum(rows) > 500 AS sealed, sum(bytes) >= sum(rows) * 2 * 500 AS raw FROM proximadb.segments('halfvec_stride') WHERE state = 'live';
DROP TABLE halfvec_stride;

-- as Avro sees it
CREATE TABLE halfvec_avro (h halfvec(5) NOT NULL, anyh halfvec NOT NULL, v vector(5) NOT NULL) USING viper;
SELECT f->'type' AS type FROM json_array_elements(proximadb.avro_schema('halfvec_avro')->'fields') f;
DROP TABLE halfvec_avro;

-- many NULLs: in blocks rather than at fixed stride
INSERT INTO halfvec_viper (id) SELECT i FROM generate_series(2000, 4000) i;
INSERT INTO halfvec_heap (id) SELECT i FROM generate_series(2000, 4000) i;
SELECT count(*) FROM proximadb.flush('halfvec_viper');
VACUUM FULL halfvec_viper;
TABLE halfvec_viper_differs;

-- an index on an expression, as clients of pgvector make them
CREATE INDEX halfvec_viper_idx ON halfvec_viper ((v::halfvec(40)));
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM halfvec_viper WHERE v::halfvec(40) = (SELECT v::halfvec(40) FROM halfvec_heap WHERE id = 11);
SELECT id FROM halfvec_viper WHERE v::halfvec(40) = (SELECT v::halfvec(40) FROM halfvec_heap WHERE id = 11);
RESET enable_seqscan;

-- changing the type rewrites
DROP VIEW halfvec_viper_differs;
ALTER TABLE halfvec_viper ALTER v TYPE halfvec(40);
ALTER TABLE halfvec_viper ALTER h TYPE vector(40);
SELECT count(*) FROM halfvec_viper a FULL JOIN halfvec_heap b USING (id)
	WHERE a.v IS DISTINCT FROM b.v::halfvec(40) OR a.h IS DISTINCT FROM b.h::vector(40);
SELECT count(*) FROM proximadb.verify('halfvec_viper');

DROP TABLE halfvec_viper, halfvec_heap;
