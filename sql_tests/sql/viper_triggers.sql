--
-- Triggers of all kinds see old and new rows whole.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_triggers;
SET search_path = viper_triggers, public;

CREATE TABLE t (id int PRIMARY KEY, v vector(3), body text, n int);
INSERT INTO t SELECT i, ARRAY[i, i, i]::vector, 'body ' || i, i FROM generate_series(1, 6) i;
CREATE FUNCTION show() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE '% % % %: % -> %', TG_NAME, TG_WHEN, TG_OP, TG_LEVEL,
        CASE WHEN TG_LEVEL = 'ROW' AND TG_OP <> 'INSERT' THEN OLD::text END,
        CASE WHEN TG_LEVEL = 'ROW' AND TG_OP <> 'DELETE' THEN NEW::text END;
    IF TG_WHEN = 'BEFORE' AND TG_LEVEL = 'ROW' AND TG_OP = 'UPDATE' THEN
        NEW.n := OLD.n * 100;
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER b BEFORE INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION show();
CREATE TRIGGER a AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION show();
CREATE TRIGGER bs BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON t FOR EACH STATEMENT EXECUTE FUNCTION show();
CREATE TRIGGER s AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON t FOR EACH STATEMENT EXECUTE FUNCTION show();
INSERT INTO t VALUES (7, '[7,7,7]', 'new', 7);
UPDATE t SET body = body || '!' WHERE id IN (1, 7) RETURNING *;
UPDATE t SET id = 20 WHERE id = 2 RETURNING *;
DELETE FROM t WHERE id IN (3, 20) RETURNING v;
INSERT INTO t VALUES (4, '[0,0,0]') ON CONFLICT (id) DO UPDATE SET v = t.v + excluded.v RETURNING *;
COPY t FROM STDIN;
30	[3,3,3]	copied	30
31	\N	\N	\N
\.
SELECT * FROM t ORDER BY id;
TRUNCATE t;
DROP TRIGGER a ON t;
DROP TRIGGER b ON t;
DROP TRIGGER bs ON t;
DROP TRIGGER s ON t;

-- Triggers on columns, with conditions on sealed values
INSERT INTO t SELECT i, ARRAY[i, i, i]::vector, 'body ' || i, i FROM generate_series(1, 10) i;
CREATE TRIGGER w AFTER UPDATE OF v ON t FOR EACH ROW WHEN (OLD.v IS DISTINCT FROM NEW.v) EXECUTE FUNCTION show();
CREATE TRIGGER w2 AFTER DELETE ON t FOR EACH ROW WHEN (OLD.v <-> '[1,1,1]' > 5) EXECUTE FUNCTION show();
UPDATE t SET v = v WHERE id < 3;
UPDATE t SET v = CASE WHEN id = 2 THEN NULL ELSE v END WHERE id < 4;
UPDATE t SET n = 0;
DELETE FROM t WHERE id > 2;
DROP TRIGGER w ON t;
DROP TRIGGER w2 ON t;

-- Transition tables
CREATE TABLE audit (op text, old_n bigint, new_n bigint, old_sum text, new_sum text) USING heap;
CREATE FUNCTION ins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO audit SELECT TG_OP, NULL, count(*), NULL, sum(v) FROM new_rows; RETURN NULL; END $$;
CREATE FUNCTION upd() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO audit SELECT TG_OP, o.n, n.n, o.s, n.s FROM (SELECT count(*) AS n, sum(v) AS s FROM old_rows) o, (SELECT count(*) AS n, sum(v) AS s FROM new_rows) n; RETURN NULL; END $$;
CREATE FUNCTION del() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO audit SELECT TG_OP, count(*), NULL, sum(v), NULL FROM old_rows; RETURN NULL; END $$;
CREATE TRIGGER ti AFTER INSERT ON t REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION ins();
CREATE TRIGGER tu AFTER UPDATE ON t REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION upd();
CREATE TRIGGER td AFTER DELETE ON t REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION del();
TRUNCATE t;
INSERT INTO t SELECT i, ARRAY[i, 1, 1]::vector, repeat('x', 500), i FROM generate_series(1, 1000) i;
UPDATE t SET v = v + '[1,0,0]' WHERE id <= 500;
INSERT INTO t SELECT i, ARRAY[i, 1, 1]::vector, 'conflict', i FROM generate_series(991, 1010) i ON CONFLICT (id) DO UPDATE SET v = '[0,0,0]';
DELETE FROM t WHERE id % 2 = 0;
COPY t FROM STDIN;
2000	[1,2,3]	copied	1
2001	[4,5,6]	copied	2
\.
SELECT * FROM audit;
DROP TRIGGER ti ON t;
DROP TRIGGER tu ON t;
DROP TRIGGER td ON t;

-- A trigger that changes the row under the command's feet
TRUNCATE t;
INSERT INTO t SELECT i, ARRAY[i, i, i]::vector, 'body', i FROM generate_series(1, 4) i;
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() = 1 THEN
        UPDATE t SET body = 'meddled', v = v + '[1,1,1]' WHERE id = OLD.id + 1;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER m AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION meddle();
UPDATE t SET n = n + 1 WHERE id IN (1, 3);
SELECT * FROM t ORDER BY id;
DROP TRIGGER m ON t;
CREATE TRIGGER m BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION meddle();
UPDATE t SET n = n + 1;
SELECT * FROM t ORDER BY id;
DROP TRIGGER m ON t;

-- INSTEAD OF on a view, statement triggers that read the table, a trigger that suppresses rows
CREATE VIEW view AS SELECT id, v, body FROM t;
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO t VALUES (NEW.id + 100, NEW.v + NEW.v, 'via view', 0);
    RETURN NEW;
END $$;
CREATE TRIGGER i INSTEAD OF INSERT OR UPDATE ON view FOR EACH ROW EXECUTE FUNCTION instead();
INSERT INTO view VALUES (1, '[1,1,1]', 'x') RETURNING *;
UPDATE view SET v = '[2,2,2]' WHERE id = 2 RETURNING *;
SELECT * FROM view ORDER BY id;
CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF NEW.id % 2 = 0 THEN RETURN NULL; END IF; NEW.v := ARRAY[NEW.id, 0, 0]::vector; RETURN NEW; END $$;
CREATE TRIGGER p BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION suppress();
INSERT INTO t SELECT i, NULL, 'suppressed', i FROM generate_series(1001, 1010) i;
INSERT INTO t SELECT i, '[1,1,1]', repeat('y', 2000), i FROM generate_series(2001, 2500) i;
SELECT count(*), bool_and(v = ARRAY[id, 0, 0]::vector), sum(length(body)) FROM t WHERE id > 1000;

SET client_min_messages = warning;
DROP SCHEMA viper_triggers CASCADE;
