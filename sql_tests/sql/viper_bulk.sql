--
-- Rows are read while the command that loads them still runs, and before its transaction ends.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_bulk;
SET search_path = viper_bulk, public;

CREATE FUNCTION v768(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0 || ',-' || i % 7, 255) || ',' || i % 3 || ',0.5]')::vector $$;
CREATE TABLE source AS SELECT i AS id, v768(i) AS v, 'body ' || i AS body FROM generate_series(1, 600) i;
CREATE TABLE t (id int, v vector(768), body text);

-- RETURNING
WITH ins AS (INSERT INTO t SELECT * FROM source RETURNING *)
SELECT count(*), sum(id), bool_and(v = v768(id) AND body = 'body ' || id) FROM ins;
INSERT INTO t SELECT * FROM source WHERE id = 3 RETURNING id, body, vector_dims(v), tableoid::regclass;
SELECT count(*), bool_and(v = v768(id) AND body = 'body ' || id) FROM t;

-- A load from itself
INSERT INTO t SELECT id + 1000, v, body FROM t WHERE id <= 300;
SELECT count(*), bool_and(v = v768(id % 1000)), sum(id) FROM t;

-- AFTER ROW triggers read the row, and the table
TRUNCATE t;
CREATE TABLE log (what text, id int, ok boolean, seen bigint);
CREATE FUNCTION after_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log VALUES (TG_OP, NEW.id, NEW.v = v768(NEW.id) AND NEW.body = 'body ' || NEW.id,
                            CASE WHEN NEW.id % 100 = 0 THEN (SELECT count(*) FROM t WHERE vector_dims(v) = 768) END);
    RETURN NULL;
END $$;
CREATE TRIGGER a AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION after_row();
INSERT INTO t SELECT * FROM source;
SELECT what, count(*), bool_and(ok), min(seen), max(seen) FROM log GROUP BY what;
DROP TRIGGER a ON t;

-- BEFORE ROW triggers look at the table in mid-load
TRUNCATE t, log;
CREATE FUNCTION before_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id % 50 = 0 THEN
        INSERT INTO log SELECT 'before', NEW.id, bool_and(v = v768(id)), count(*) FROM t;
    END IF;
    IF NEW.id % 70 = 0 THEN
        UPDATE t SET body = 'changed' WHERE id = NEW.id - 1;
        DELETE FROM t WHERE id = NEW.id - 2;
        INSERT INTO t VALUES (NEW.id + 5000, NEW.v, 'inner');
        RETURN NULL;
    END IF;
    NEW.body := NEW.body || '!';
    RETURN NEW;
END $$;
CREATE TRIGGER b BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.id < 5000) EXECUTE FUNCTION before_row();
INSERT INTO t SELECT * FROM source ORDER BY id;
SELECT * FROM log ORDER BY id;
SELECT right(body, 1), body = 'changed' AS changed, count(*), sum(id), bool_and(v = v768(id % 5000)) FROM t GROUP BY 1, 2 ORDER BY 1, 2;
DROP TRIGGER b ON t;

-- A function in the select list reads and writes the table that is loaded
TRUNCATE t;
CREATE FUNCTION peek(i int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n bigint;
    bad bigint;
BEGIN
    SELECT count(*), count(*) FILTER (WHERE v IS DISTINCT FROM v768(id % 10000)) INTO n, bad FROM t;
    IF i % 200 = 0 THEN
        INSERT INTO t SELECT id + 10000, v, 'from the function' FROM source WHERE id BETWEEN i - 100 AND i;
    END IF;
    RETURN format('%s rows, %s bad', n, bad);
END $$;
INSERT INTO t SELECT id, v, CASE WHEN id % 100 = 0 THEN peek(id) END FROM (SELECT * FROM source ORDER BY id OFFSET 0) s;
SELECT id, body FROM t WHERE id < 10000 AND body IS NOT NULL ORDER BY id;
SELECT count(*), sum(id), bool_and(v = v768(id % 10000)) FROM t;

-- plpgsql: a loop over the rows, of single inserts, and a query between them
TRUNCATE t;
DO $$
DECLARE
    r record;
    n bigint;
BEGIN
    FOR r IN SELECT * FROM source ORDER BY id LOOP
        INSERT INTO t VALUES (r.id, r.v, r.body);
        IF r.id % 150 = 0 THEN
            SELECT count(*) INTO n FROM t WHERE v = v768(id);
            RAISE NOTICE '% of %', n, r.id;
        END IF;
    END LOOP;
    INSERT INTO t SELECT id + 1000, v, body FROM t;
    SELECT count(*) INTO n FROM t WHERE v = v768(id % 1000);
    RAISE NOTICE '% after doubling', n;
    FOR r IN INSERT INTO t SELECT id + 2000, v, body FROM source RETURNING id, v LOOP
        IF r.v <> v768(r.id - 2000) OR NOT EXISTS (SELECT FROM t WHERE id = r.id AND v = r.v) THEN
            RAISE EXCEPTION 'row %', r.id;
        END IF;
    END LOOP;
END $$;
SELECT count(*), bool_and(v = v768(id % 1000)) FROM t;

-- Deferred constraints and triggers read at commit
TRUNCATE t, log;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION after_row();
ALTER TABLE t ADD CONSTRAINT u UNIQUE (id) DEFERRABLE INITIALLY DEFERRED;
BEGIN;
INSERT INTO t SELECT * FROM source;
UPDATE t SET id = 601 - id, v = v768(601 - id), body = 'body ' || 601 - id;
SELECT count(*) FROM log;
SET CONSTRAINTS late IMMEDIATE;
SELECT count(*), bool_and(ok) FROM log;
SET CONSTRAINTS late DEFERRED;
INSERT INTO t SELECT id + 1000, v768(id + 1000), 'body ' || id + 1000 FROM source;
COMMIT;
SELECT what, count(*), bool_and(ok), min(seen), max(seen) FROM log GROUP BY what;
BEGIN;
INSERT INTO t SELECT * FROM source;
SELECT count(*) FROM t;
COMMIT;
SELECT count(*), count(DISTINCT id), bool_and(v = v768(id)) FROM t;

-- Two tables at once, and a load that ends in an error after it was read
TRUNCATE t, log;
DROP TRIGGER late ON t;
CREATE TABLE twin (LIKE t);
WITH a AS (INSERT INTO t SELECT * FROM source RETURNING *),
     b AS (INSERT INTO twin SELECT id, v, body || '?' FROM a RETURNING id, body)
SELECT count(*), max(body) FROM b;
SELECT count(*), bool_and(t.v = twin.v AND t.body || '?' = twin.body) FROM t JOIN twin USING (id);
INSERT INTO twin SELECT id / (id - 600), v, (SELECT count(*) FROM twin)::text FROM source ORDER BY id;
SELECT count(*), bool_and(v = v768(id)) FROM twin;

SET client_min_messages = warning;
DROP SCHEMA viper_bulk CASCADE;
