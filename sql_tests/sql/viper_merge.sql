--
-- MERGE, and WITH queries that change tables.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_merge;
SET search_path = viper_merge, public;

CREATE TABLE target (id int PRIMARY KEY, v vector(3), body text, n int DEFAULT 0);
CREATE TABLE source (id int, v vector(3), body text);
INSERT INTO target SELECT i, ARRAY[i, i, i]::vector, 'target ' || i FROM generate_series(1, 10) i;
INSERT INTO source SELECT i, ARRAY[i, 0, 0]::vector, 'source ' || i FROM generate_series(6, 15) i;

MERGE INTO target t USING source s ON t.id = s.id
WHEN MATCHED AND t.v <-> s.v > 13 THEN DELETE
WHEN MATCHED AND s.id = 7 THEN DO NOTHING
WHEN MATCHED THEN UPDATE SET v = t.v + s.v, body = t.body || ', ' || s.body, n = t.n + 1
WHEN NOT MATCHED AND s.id = 15 THEN DO NOTHING
WHEN NOT MATCHED THEN INSERT (id, v, body) VALUES (s.id, s.v, s.body);
SELECT * FROM target ORDER BY id;

MERGE INTO target USING (VALUES (1, 'x'), (1, 'y')) s (id, body) ON target.id = s.id
WHEN MATCHED THEN UPDATE SET body = s.body;
MERGE INTO target USING (VALUES (20, 'x'), (20, 'y')) s (id, body) ON target.id = s.id
WHEN NOT MATCHED THEN INSERT (id, body) VALUES (s.id, s.body);
MERGE INTO target t USING target s ON t.id = s.id + 1
WHEN MATCHED AND t.id % 2 = 0 THEN UPDATE SET body = s.body, v = s.v
WHEN MATCHED AND t.id = 5 THEN DELETE;
SELECT * FROM target ORDER BY id;

-- Many rows: beyond the direct path's threshold
MERGE INTO target t USING (SELECT i AS id, ARRAY[i, i, 1]::vector AS v, repeat('m', 1000) AS body FROM generate_series(1, 1000) i) s ON t.id = s.id
WHEN MATCHED THEN UPDATE SET n = 99
WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v, s.body);
SELECT n, count(*), sum(id), sum(length(body)), bool_and(v = ARRAY[id, id, 1]::vector) FROM target GROUP BY n ORDER BY n;

-- With triggers and RETURNING through a rule-free path
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE NOTICE '% %: % -> %', TG_WHEN, TG_OP, OLD, NEW; RETURN COALESCE(NEW, OLD); END $$;
DELETE FROM target WHERE id > 12;
UPDATE target SET body = left(body, 10);
CREATE TRIGGER b BEFORE INSERT OR UPDATE OR DELETE ON target FOR EACH ROW EXECUTE FUNCTION note();
MERGE INTO target t USING (VALUES (1), (2), (30)) s (id) ON t.id = s.id
WHEN MATCHED AND t.id = 1 THEN DELETE
WHEN MATCHED THEN UPDATE SET v = '[2,2,2]'
WHEN NOT MATCHED THEN INSERT VALUES (s.id, '[30,30,30]', 'thirty', 30);
DROP TRIGGER b ON target;
SELECT * FROM target ORDER BY id;

-- WITH: commands see the table as it was, their results carry the rows
WITH moved AS (DELETE FROM target WHERE id IN (2, 3) RETURNING *),
     back AS (INSERT INTO source SELECT id + 1000, v + v, body FROM moved RETURNING *)
SELECT m.id, m.v, b.id, b.v, (SELECT count(*) FROM target WHERE id IN (2, 3)) AS still FROM moved m JOIN back b ON b.id = m.id + 1000 ORDER BY 1;
WITH u AS (UPDATE target SET v = '[5,5,5]' WHERE id = 4 RETURNING *)
SELECT u.v AS new, t.v AS old FROM u JOIN target t USING (id);
WITH a AS (UPDATE target SET n = 1 WHERE id = 6 RETURNING v), b AS (UPDATE target SET n = 2 WHERE id = 6 RETURNING v)
SELECT count(*) FROM (SELECT * FROM a UNION ALL SELECT * FROM b) u;
WITH RECURSIVE walk (id, v) AS (
    SELECT id, v::vector FROM source WHERE id = 6
    UNION ALL
    SELECT s.id, w.v + s.v FROM walk w JOIN source s ON s.id = w.id + 1
)
INSERT INTO target (id, v, body) SELECT id + 500, v, 'walk' FROM walk RETURNING id, v;
WITH big AS (INSERT INTO target SELECT i, ARRAY[i, i, i]::vector, repeat('b', 3000), i FROM generate_series(5001, 5300) i RETURNING id, v, body)
UPDATE source SET body = 'seen ' || (SELECT count(*) FROM big WHERE v = ARRAY[id, id, id]::vector AND length(body) = 3000) WHERE id = 6;
SELECT body FROM source WHERE id = 6;
SELECT count(*), sum(length(body)) FROM target WHERE id > 5000;

SET client_min_messages = warning;
DROP SCHEMA viper_merge CASCADE;
