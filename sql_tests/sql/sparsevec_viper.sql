--
-- sparsevec columns of viper tables, hot and sealed.
--

CREATE TABLE sparsevec_viper (id int PRIMARY KEY, s sparsevec(30000), anys sparsevec, note text) USING viper;
INSERT INTO sparsevec_viper
	SELECT i, ('{' || string_agg(j * 91 + i % 7 || ':' || round(sin(i * j)::numeric, 4), ',') || '}/30000')::sparsevec,
		('{' || string_agg(j || ':' || i * j, ',') || '}/' || i * 1000 + 300)::sparsevec, 'n' || i
	FROM generate_series(1, 300) i, generate_series(1, 120) j WHERE (i + j) % 3 = 0 GROUP BY i;
INSERT INTO sparsevec_viper VALUES (1001, NULL, '{}/1', 'nothing'), (1002, '{}/30000', NULL, NULL);
CREATE TABLE sparsevec_heap AS TABLE sparsevec_viper;

-- the same values as in heap, byte for byte, hot and sealed
CREATE VIEW sparsevec_viper_differs AS
	SELECT count(*) FROM sparsevec_viper a FULL JOIN sparsevec_heap b USING (id)
	WHERE sparsevec_send(a.s) IS DISTINCT FROM sparsevec_send(b.s) OR sparsevec_send(a.anys) IS DISTINCT FROM sparsevec_send(b.anys)
		OR a.note IS DISTINCT FROM b.note;
TABLE sparsevec_viper_differs;
SELECT count(*) FROM proximadb.flush('sparsevec_viper');
TABLE sparsevec_viper_differs;
SELECT count(*) FROM proximadb.verify('sparsevec_viper');

-- exact search, against heap
\set query '(SELECT s FROM sparsevec_heap WHERE id = 77)'
SELECT array(SELECT id FROM sparsevec_viper WHERE s IS NOT NULL ORDER BY s <=> :query, id LIMIT 20)
	= array(SELECT id FROM sparsevec_heap WHERE s IS NOT NULL ORDER BY s <=> :query, id LIMIT 20) AS cosine,
	array(SELECT id FROM sparsevec_viper WHERE s IS NOT NULL ORDER BY s <#> :query, id LIMIT 20)
	= array(SELECT id FROM sparsevec_heap WHERE s IS NOT NULL ORDER BY s <#> :query, id LIMIT 20) AS ip;
SELECT id FROM sparsevec_viper WHERE s IS NOT NULL ORDER BY s <-> :query, id LIMIT 1;

-- updates leave the sparsevec in its segment, or replace it
UPDATE sparsevec_viper SET note = 'changed' WHERE id % 3 = 0;
UPDATE sparsevec_heap SET note = 'changed' WHERE id % 3 = 0;
UPDATE sparsevec_viper SET s = l2_normalize(s), anys = '{1:1}/7' WHERE id % 5 = 0;
UPDATE sparsevec_heap SET s = l2_normalize(s), anys = '{1:1}/7' WHERE id % 5 = 0;
DELETE FROM sparsevec_viper WHERE id % 7 = 0;
DELETE FROM sparsevec_heap WHERE id % 7 = 0;
TABLE sparsevec_viper_differs;
SELECT count(*) FROM proximadb.flush('sparsevec_viper');
SELECT count(*) FROM proximadb.compact('sparsevec_viper');
VACUUM FULL sparsevec_viper;
TABLE sparsevec_viper_differs;

-- large ones: 16,000 elements
INSERT INTO sparsevec_viper VALUES (2000, NULL, array_fill(0.5, ARRAY[16000])::sparsevec, 'large');
INSERT INTO sparsevec_heap VALUES (2000, NULL, array_fill(0.5, ARRAY[16000])::sparsevec, 'large');
TABLE sparsevec_viper_differs;
SELECT count(*) FROM proximadb.flush('sparsevec_viper');
TABLE sparsevec_viper_differs;

-- changing the type rewrites
DROP VIEW sparsevec_viper_differs;
CREATE TABLE sparsevec_small (id int PRIMARY KEY, v vector(4)) USING viper;
INSERT INTO sparsevec_small SELECT i, ARRAY[i % 2, 0, i % 3, 0]::vector FROM generate_series(1, 100) i;
ALTER TABLE sparsevec_small ALTER v TYPE sparsevec(4);
SELECT v, count(*) FROM sparsevec_small GROUP BY v ORDER BY v;
ALTER TABLE sparsevec_small ALTER v TYPE halfvec(4);
SELECT v, count(*) FROM sparsevec_small GROUP BY v ORDER BY v;
SELECT count(*) FROM proximadb.verify('sparsevec_small');
DROP TABLE sparsevec_small, sparsevec_viper, sparsevec_heap;
