-- operator classes of distances that codes do not estimate: all rows of the index are looked at, and the order is exact
CREATE TABLE a (id int PRIMARY KEY, k int, v vector(5), h halfvec(5), b bit(24), s sparsevec(200000)) USING viper;
CREATE FUNCTION fill(first int, last int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO a
	SELECT i, i % 40, x::vector, x::halfvec, ((i * 7919) % 16777216)::bit(24),
		('{' || 1 + i % 9 || ':' || x[1] || ',' || 100000 + i % 13 || ':' || x[2] || '}/200000')::sparsevec
	FROM (SELECT i, array_agg(1 + ((i * d * 37) % 101)::real / 8)::real[] AS x FROM generate_series(first, last) i, generate_series(1, 5) d GROUP BY i) r
$$;
SELECT fill(1, 900);
INSERT INTO a (id, k) SELECT i, i % 40 FROM generate_series(1000, 1009) i;
CREATE INDEX a_l1 ON a USING axis (v vector_l1_ops, k);
CREATE INDEX a_half ON a USING axis (h halfvec_l1_ops);
CREATE INDEX a_jaccard ON a USING axis (b bit_jaccard_ops);
CREATE INDEX a_sparse ON a USING axis (s);
CREATE INDEX a_sparse_ip ON a USING axis (s sparsevec_ip_ops);
CREATE INDEX a_sparse_cosine ON a USING axis (s sparsevec_cosine_ops);
CREATE INDEX a_sparse_l1 ON a USING axis (s sparsevec_l1_ops);
CREATE INDEX a_expression ON a USING axis ((l2_normalize(v)::vector(5)) vector_l1_ops) WHERE k = 3;
ANALYZE a;

-- the answers of all classes, by index and by looking at all rows
CREATE FUNCTION differences(condition text) RETURNS TABLE (index text, plan text, rows bigint, wrong bigint) LANGUAGE plpgsql AS $$
DECLARE
	c record;
	line text;
	by_index float8[];
	exactly float8[];
	query text;
BEGIN
	FOR c IN SELECT * FROM (VALUES ('a_l1', 'v <+>', 'v'), ('a_half', 'h <+>', 'h'), ('a_jaccard', 'b <%>', 'b'), ('a_sparse', 's <->', 's'),
		('a_sparse_ip', 's <#>', 's'), ('a_sparse_cosine', 's <=>', 's'), ('a_sparse_l1', 's <+>', 's')) t (name, distance, col)
	LOOP
		query := format('SELECT a.%1$s (SELECT %2$s FROM a WHERE id = 77) FROM a WHERE %3$s ORDER BY a.%1$s (SELECT %2$s FROM a WHERE id = 77)',
			c.distance, c.col, condition);
		SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_indexscan = on;
		plan := 'another';
		FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
			IF line LIKE '%Index Scan using ' || c.name || ' on%' THEN plan := 'index'; END IF;
		END LOOP;
		EXECUTE 'SELECT array_agg(d) FROM (' || query || ') s (d)' INTO by_index;
		SET LOCAL enable_seqscan = on; SET LOCAL enable_sort = on; SET LOCAL enable_indexscan = off;
		EXECUTE 'SELECT array_agg(d) FROM (' || query || ') s (d)' INTO exactly;
		index := c.name;
		rows := cardinality(by_index);
		SELECT count(*) FILTER (WHERE x IS DISTINCT FROM y) INTO wrong FROM unnest(by_index, exactly) u (x, y);
		RETURN NEXT;
	END LOOP;
END $$;
SELECT * FROM differences('true');
SELECT * FROM differences('k BETWEEN 5 AND 7');
SELECT * FROM differences('id <> 77 AND v IS NOT NULL');

-- the planner prefers to look at all rows of the table, unless a condition leaves few rows
EXPLAIN (COSTS OFF) SELECT id FROM a ORDER BY s <-> '{}/200000' LIMIT 5;
CREATE TABLE large (k int, v vector(100)) USING heap;
INSERT INTO large SELECT i % 1000, array_fill(i, '{100}')::vector FROM generate_series(1, 4000) i;
CREATE INDEX large_v ON large USING axis (v vector_l1_ops, k);
ANALYZE large;
EXPLAIN (COSTS OFF) SELECT v FROM large ORDER BY v <+> (SELECT v FROM large LIMIT 1) LIMIT 5;
EXPLAIN (COSTS OFF) SELECT v FROM large WHERE k = 7 ORDER BY v <+> (SELECT v FROM large LIMIT 1) LIMIT 5;
DROP TABLE large;
SET enable_seqscan = off;
SELECT id, v <+> '[1,2,3,4,5]' AS d FROM a WHERE k = 3 ORDER BY v <+> '[1,2,3,4,5]' LIMIT 5;
SELECT count(*) FROM (SELECT FROM a WHERE v <+> '[1,2,3,4,5]' < 20 ORDER BY v <+> '[1,2,3,4,5]') s;
SELECT count(*) FROM a WHERE v <+> '[1,2,3,4,5]' < 20;
SELECT count(*) FROM (SELECT FROM a ORDER BY v <+> NULL) s;

-- what is sorted on disk; a join that asks again and again
SET work_mem = '64kB';
SELECT count(*), max(d) >= 0 AS d FROM (SELECT v <+> '[1,2,3,4,5]' AS d FROM a ORDER BY v <+> '[1,2,3,4,5]' OFFSET 0) s;
RESET work_mem;
SELECT q.id, n.id = q.id AS itself FROM (VALUES (3), (500), (900)) q (id) JOIN a p ON p.id = q.id
	CROSS JOIN LATERAL (SELECT id FROM a ORDER BY s <-> p.s, id LIMIT 1) n ORDER BY 1;
RESET enable_seqscan;

-- inserts, updates, deletes, VACUUM
SELECT fill(2001, 2600);
UPDATE a SET v = '[9,9,9,9,9]', s = '{7:1}/200000' WHERE id % 50 = 0;
DELETE FROM a WHERE id % 3 = 0;
VACUUM (INDEX_CLEANUP ON) a;
SELECT * FROM differences('true');
SELECT index, strategy, metric, dimensions, code_bits, rows, lists, calibrated_rows FROM proximadb.stat_index WHERE "table" = 'a'::regclass ORDER BY index::text;
SELECT c.relname, f.* FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam,
	LATERAL proximadb.axis_check(i.indexrelid) f WHERE i.indrelid = 'a'::regclass AND m.amname = 'axis';
SELECT tested, recall FROM proximadb.axis_recall('a_sparse_l1', 20, 5);
REINDEX INDEX CONCURRENTLY a_sparse;
SELECT * FROM differences('k < 30') LIMIT 4;

-- errors
INSERT INTO a (id, s) VALUES (1, '{1:1}/3');
ALTER TABLE a ALTER s TYPE sparsevec;
CREATE TABLE e (s sparsevec, v vector) USING viper;
CREATE INDEX ON e USING axis (s);
CREATE INDEX ON e USING axis ((s::sparsevec(3)) sparsevec_l1_ops);
INSERT INTO e (s) VALUES ('{1:1}/4');
INSERT INTO e (s) VALUES ('{1:1}/3'), ('{2:1,3:4}/3'), (NULL);
SET enable_seqscan = off;
SELECT s FROM e ORDER BY s::sparsevec(3) <+> '{3:3}/3';
SELECT s FROM e ORDER BY s::sparsevec(3) <+> '{3:3}/4';
DROP TABLE a, e;
DROP FUNCTION fill, differences;
