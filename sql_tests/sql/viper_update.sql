--
-- UPDATE and DELETE of sealed and of hot rows; indexes never give a stale answer.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_update;
SET search_path = viper_update, public;
SET jit = off;

CREATE FUNCTION v768(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0 || ',-' || i % 7, 255) || ',' || i % 3 || ',0.5]')::vector $$;
CREATE TABLE t (id int PRIMARY KEY, v vector(768), s vector(3), txt text, num numeric, n int, u text, js jsonb, ts timestamp);
INSERT INTO t SELECT i, v768(i), ARRAY[i, i, i]::vector, 'txt ' || i, i / 4.0, i, 'u' || i, jsonb_build_object('k', i), '2000-01-01'::timestamp + i * interval '1 day'
FROM generate_series(1, 300) i;
CREATE INDEX t_txt ON t (txt);
CREATE INDEX t_num ON t (num);
CREATE INDEX t_n ON t (n);
CREATE INDEX t_null ON t (id) WHERE txt IS NULL;
CREATE INDEX t_partial ON t (n) WHERE num > 50;
CREATE INDEX t_expr ON t (upper(txt), (js ->> 'k'));
CREATE UNIQUE INDEX t_u ON t (u);
CREATE INDEX t_hash ON t USING hash (txt);
CREATE INDEX t_gin ON t USING gin (js);
CREATE INDEX t_s ON t (s);

-- Every index must agree with a sequential scan on every way to ask for a row; empty answer when it does
CREATE FUNCTION disagree() RETURNS TABLE (question text, by_scan text, by_index text) LANGUAGE plpgsql AS $$
DECLARE
    q text;
    a text;
    b text;
BEGIN
    FOREACH q IN ARRAY ARRAY['txt IS NULL', 'txt = ''txt 5''', 'txt > ''txt 9''', 'num IS NULL', 'num > 70', 'num = 2.5', 'n IS NULL',
                             'n BETWEEN 7 AND 30', 'txt IS NULL AND id > 0', 'num > 50 AND n > 0', 'upper(txt) = ''TXT 7''',
                             'upper(txt) IS NULL', 'u = ''u9''', 'u IS NULL', 'js @> ''{"k": 11}''', 's = ''[12,12,12]''', 's IS NULL',
                             'id = 13', 'id IS NOT NULL', 'txt IN (''new'', ''newer'', ''txt 300'')'] LOOP
        SET LOCAL enable_seqscan = on;
        SET LOCAL enable_indexscan = off;
        SET LOCAL enable_indexonlyscan = off;
        SET LOCAL enable_bitmapscan = off;
        EXECUTE 'SELECT count(*) || '' '' || coalesce(sum(id), 0) || '' '' || md5(string_agg(concat(id, s, txt, num, n, u, js, ts), '','' ORDER BY id)) FROM t WHERE ' || q INTO a;
        SET LOCAL enable_seqscan = off;
        SET LOCAL enable_indexscan = on;
        SET LOCAL enable_indexonlyscan = on;
        EXECUTE 'SELECT count(*) || '' '' || coalesce(sum(id), 0) || '' '' || md5(string_agg(concat(id, s, txt, num, n, u, js, ts), '','' ORDER BY id)) FROM t WHERE ' || q INTO b;
        IF a IS DISTINCT FROM b THEN
            RETURN QUERY SELECT q, a, b;
        END IF;
        SET LOCAL enable_indexscan = off;
        SET LOCAL enable_bitmapscan = on;
        EXECUTE 'SELECT count(*) || '' '' || coalesce(sum(id), 0) || '' '' || md5(string_agg(concat(id, s, txt, num, n, u, js, ts), '','' ORDER BY id)) FROM t WHERE ' || q INTO b;
        IF a IS DISTINCT FROM b THEN
            RETURN QUERY SELECT q || ' (bitmap)', a, b;
        END IF;
    END LOOP;
END $$;
SELECT * FROM disagree();

-- To NULL under a btree, a partial, a unique, an expression, a hash, a gin index
UPDATE t SET txt = NULL WHERE id IN (5, 7, 300);
SELECT * FROM disagree();
UPDATE t SET num = NULL WHERE id BETWEEN 280 AND 290;
SELECT * FROM disagree();
UPDATE t SET n = NULL, s = NULL WHERE id % 10 = 3;
UPDATE t SET u = NULL WHERE id IN (9, 10);
UPDATE t SET js = NULL WHERE id IN (11, 12);
SELECT * FROM disagree();
SELECT id, txt, num, n, u, js, s FROM t WHERE id IN (3, 5, 7, 9, 11, 280, 300) ORDER BY id;
SELECT count(*), bool_and(v = v768(id)) FROM t;

-- From NULL, to NULL again, everything to NULL
UPDATE t SET txt = 'new', num = 1000, n = -1, u = 'u' || id, js = '{"k": 1}', s = '[1,1,1]' WHERE id IN (5, 9, 11, 13, 280);
SELECT * FROM disagree();
UPDATE t SET txt = NULL, num = NULL WHERE id = 5;
UPDATE t SET txt = 'newer' WHERE txt = 'new';
SELECT * FROM disagree();
UPDATE t SET v = NULL, s = NULL, txt = NULL, num = NULL, n = NULL, u = NULL, js = NULL, ts = NULL WHERE id > 295;
SELECT * FROM disagree();
SELECT * FROM t WHERE id > 298 ORDER BY id;

-- The same value written again, one column at a time, columns without index
UPDATE t SET txt = txt, num = num, v = v, js = js WHERE id < 50;
UPDATE t SET ts = NULL WHERE id % 20 = 0;
UPDATE t SET ts = ts + interval '1 hour', n = n WHERE id % 7 = 0;
UPDATE t SET v = v768(id + 1) WHERE id = 100;
SELECT * FROM disagree();
SELECT count(*), count(ts), count(v), bool_and(v = v768(id) OR id = 100) FROM t;

-- Chains of updates, in one transaction and rolled back
BEGIN;
UPDATE t SET n = n + 1 WHERE id = 42;
UPDATE t SET n = n + 1, txt = 'a' WHERE id = 42;
UPDATE t SET txt = NULL WHERE id = 42;
UPDATE t SET txt = 'b', s = NULL WHERE id = 42;
SAVEPOINT a;
UPDATE t SET u = NULL, num = NULL WHERE id = 42;
DELETE FROM t WHERE id = 43;
SELECT * FROM disagree();
ROLLBACK TO a;
SELECT id, txt, n, s, u, v = v768(42) FROM t WHERE id IN (42, 43) ORDER BY id;
COMMIT;
SELECT * FROM disagree();
BEGIN;
UPDATE t SET txt = NULL, u = NULL, n = NULL;
SELECT * FROM disagree();
ROLLBACK;
SELECT * FROM disagree();

-- The primary key itself; a swap; rows that go and come back
UPDATE t SET id = id + 1000 WHERE id BETWEEN 60 AND 70;
UPDATE t SET id = CASE id WHEN 71 THEN -72 ELSE -71 END WHERE id IN (71, 72);
DELETE FROM t WHERE id BETWEEN 80 AND 90;
INSERT INTO t (id, txt, u) VALUES (80, 'again', 'u80'), (81, NULL, NULL);
SELECT * FROM disagree();
SELECT id, v = v768(id - 1000) AS v, s FROM t WHERE id > 1000 ORDER BY id LIMIT 3;
SELECT id, v = v768(CASE id WHEN -71 THEN 72 ELSE 71 END) AS v FROM t WHERE id < 0 ORDER BY id;

-- UPDATE FROM, DELETE USING, self-joins, RETURNING of old and new, ctid as row identity
WITH u AS (UPDATE t SET txt = 'from ' || o.id, s = o.s FROM t o WHERE t.id = o.id + 1 AND t.id BETWEEN 101 AND 104
           RETURNING t.id, t.txt, t.s, o.id AS old_id, o.txt AS old_txt, o.s AS old_s)
SELECT * FROM u ORDER BY id;
WITH d AS (DELETE FROM t USING t o WHERE t.id = o.id + 1 AND o.id IN (110, 112) RETURNING t.id, t.s, o.txt, t.v = v768(t.id) AS v)
SELECT * FROM d ORDER BY id;
WITH u AS (UPDATE t SET txt = 'correlated ' || (SELECT count(*) FROM t i WHERE i.id < t.id) WHERE id IN (120, 121) RETURNING id, txt)
SELECT * FROM u ORDER BY id;
UPDATE t SET (txt, num) = (SELECT upper(txt), num + 1 FROM t i WHERE i.id = t.id - 1) WHERE id = 130 RETURNING id, txt, num;
WITH doomed AS (SELECT ctid FROM t WHERE id BETWEEN 140 AND 150 ORDER BY id LIMIT 2),
     d AS (DELETE FROM t WHERE ctid IN (SELECT ctid FROM doomed) RETURNING id, txt)
SELECT * FROM d ORDER BY id;
WITH old AS (SELECT * FROM t WHERE id = 160 FOR UPDATE)
UPDATE t SET txt = 'changed', s = '[0,0,0]' FROM old WHERE t.id = old.id RETURNING old.txt, old.s, t.txt, t.s, old.v = t.v AS v;
SELECT * FROM disagree();
VACUUM t;
SELECT * FROM disagree();
DELETE FROM t WHERE id % 2 = 0;
VACUUM t;
SELECT * FROM disagree();
REINDEX TABLE t;
SELECT * FROM disagree();
SELECT count(*), sum(id), count(v), count(*) FILTER (WHERE v = v768(CASE WHEN id > 1000 THEN id - 1000 WHEN id < 0 THEN 143 + id ELSE id END)) FROM t;

-- Updates that HOT would take on heap: many of one row
CREATE TABLE hot (id int PRIMARY KEY, v vector(768), hits int, tag text);
INSERT INTO hot SELECT i, v768(i), 0, 'tag' FROM generate_series(1, 20) i;
DO $$ BEGIN FOR i IN 1 .. 200 LOOP UPDATE hot SET hits = hits + 1, tag = 'tag ' || i WHERE id = 1 + i % 20; END LOOP; END $$;
SELECT id, hits, tag, v = v768(id) AS v FROM hot ORDER BY id;

SET client_min_messages = warning;
DROP SCHEMA viper_update CASCADE;
