--
-- Savepoints and caught errors around and inside of bulk loads.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_subxact;
SET search_path = viper_subxact, public;
-- In the data directory the server can write, whoever runs the test
SELECT current_setting('data_directory') || '/viper_subxact.data' AS file \gset
\set remove 'cat >/dev/null; rm "' :file '"'

CREATE FUNCTION v768(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0 || ',-' || i % 7, 255) || ',' || i % 3 || ',0.5]')::vector $$;
CREATE TABLE source AS SELECT i AS id, v768(i) AS v, 'body ' || i AS body FROM generate_series(1, 300) i;
CREATE TABLE t (id int, v vector(768), body text);
CREATE FUNCTION state(OUT n bigint, OUT ids bigint, OUT right_vectors boolean, OUT right_bodies boolean)
LANGUAGE sql AS $$ SELECT count(*), sum(id), bool_and(v = v768(id % 1000)), bool_and(body = 'body ' || id % 1000) FROM t $$;

BEGIN;
INSERT INTO t SELECT * FROM source;
SAVEPOINT a;
INSERT INTO t SELECT id + 1000, v, body FROM source;
SAVEPOINT b;
INSERT INTO t SELECT id + 2000, v, body FROM source;
SELECT * FROM state();
ROLLBACK TO b;
SELECT * FROM state();
INSERT INTO t SELECT id + 3000, v, body FROM source;
RELEASE b;
SELECT * FROM state();
ROLLBACK TO a;
SELECT * FROM state();
INSERT INTO t SELECT id + 4000, v, body FROM source;
RELEASE a;
COMMIT;
SELECT * FROM state();

-- Rolled back unread
TRUNCATE t;
BEGIN;
INSERT INTO t SELECT * FROM source WHERE id <= 100;
SAVEPOINT a;
INSERT INTO t SELECT * FROM source;
ROLLBACK TO a;
INSERT INTO t SELECT id + 1000, v, body FROM source;
SAVEPOINT b;
UPDATE t SET body = 'lost', v = v768(0);
ROLLBACK TO b;
DELETE FROM t WHERE id % 3 = 0;
COMMIT;
SELECT * FROM state();

-- Commands on one table inside of and after subtransactions, and outer cursors over both
TRUNCATE t;
BEGIN;
INSERT INTO t SELECT * FROM source;
DECLARE c CURSOR FOR SELECT id, body FROM t ORDER BY id;
SAVEPOINT a;
UPDATE t SET id = id + 1000 WHERE id > 200;
INSERT INTO t SELECT id + 5000, v, body FROM source;
DECLARE d CURSOR FOR SELECT count(*), sum(id), bool_and(v = v768(id % 1000)) FROM t;
FETCH ALL FROM d;
FETCH 2 FROM c;
ROLLBACK TO a;
FETCH ABSOLUTE 201 FROM c;
FETCH 1 FROM d;
ROLLBACK TO a;
SELECT * FROM state();
COMMIT;

-- Errors caught in plpgsql: whole loads, every row, the last row
TRUNCATE t;
ALTER TABLE t ADD PRIMARY KEY (id);
DO $$
BEGIN
    INSERT INTO t SELECT * FROM source WHERE id <= 250;
    BEGIN
        INSERT INTO t SELECT * FROM source ORDER BY id DESC;
    EXCEPTION WHEN unique_violation THEN
        RAISE NOTICE 'caught: %', SQLERRM;
    END;
    BEGIN
        INSERT INTO t SELECT id + 1000, v, body FROM source;
        PERFORM 1 / 0;
    EXCEPTION WHEN division_by_zero THEN
        RAISE NOTICE 'caught: %, % rows', SQLERRM, (SELECT count(*) FROM t WHERE vector_dims(v) > 0);
    END;
    FOR i IN 1 .. 300 LOOP
        BEGIN
            INSERT INTO t SELECT id, v, body FROM source WHERE id = i;
        EXCEPTION WHEN unique_violation THEN
            NULL;
        END;
    END LOOP;
    BEGIN
        INSERT INTO t SELECT id + 2000, CASE WHEN id = 300 THEN '[1]' ELSE v END, body FROM source;
    EXCEPTION WHEN data_exception THEN
        RAISE NOTICE 'caught: %', SQLERRM;
    END;
END $$;
SELECT * FROM state();

-- The function that fails is called in the middle of the outer load, into the same table
TRUNCATE t;
CREATE FUNCTION try_insert(i int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO t SELECT id + 10000 * i, v, body FROM source;
    IF i % 2 = 1 THEN
        RAISE EXCEPTION 'odd';
    END IF;
    RETURN i;
EXCEPTION WHEN raise_exception THEN
    RETURN -i;
END $$;
INSERT INTO t SELECT id, v, CASE WHEN id % 60 = 0 THEN 'body ' || id || left(try_insert(id / 60)::text, 0) ELSE body END
FROM source;
SELECT id / 10000 AS load, count(*), sum(id), bool_and(v = v768(id % 10000)), bool_and(body = 'body ' || id % 10000) FROM t GROUP BY 1 ORDER BY 1;

-- COPY with a rollback to a savepoint, TRUNCATE around it
COPY source TO :'file';
TRUNCATE t;
BEGIN;
COPY t FROM :'file';
SAVEPOINT a;
TRUNCATE t;
SELECT count(*) FROM t;
SAVEPOINT b;
COPY t FROM :'file';
DELETE FROM t WHERE id > 10;
SELECT * FROM state();
ROLLBACK TO b;
SELECT * FROM state();
COPY t FROM :'file';
COPY t FROM :'file';
ROLLBACK TO a;
SELECT * FROM state();
SAVEPOINT c;
DROP TABLE t;
ROLLBACK TO c;
UPDATE t SET id = id + 1000 WHERE id > 150;
SELECT * FROM state();
COMMIT;
SELECT * FROM state();

-- Prepared rows of a table that is made in the transaction, in a subtransaction that goes away
BEGIN;
SAVEPOINT a;
CREATE TABLE gone (LIKE source);
INSERT INTO gone SELECT * FROM source;
ROLLBACK TO a;
CREATE TABLE gone (LIKE source);
INSERT INTO gone SELECT * FROM source;
SAVEPOINT b;
ALTER TABLE gone ADD COLUMN x int DEFAULT 1;
INSERT INTO gone SELECT *, 2 FROM source;
ROLLBACK TO b;
INSERT INTO gone SELECT * FROM source;
COMMIT;
SELECT count(*), bool_and(v = v768(id)) FROM gone;

-- A procedure that commits between its loads
CREATE PROCEDURE load(n int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. n LOOP
        INSERT INTO gone SELECT id + 1000 * i, v, body FROM source;
        IF i % 3 = 0 THEN
            ROLLBACK;
        ELSE
            COMMIT;
        END IF;
    END LOOP;
END $$;
CALL load(5);
SELECT id / 1000 AS load, count(*), bool_and(v = v768(id % 1000)) FROM gone GROUP BY 1 ORDER BY 1;

COPY (SELECT 1) TO PROGRAM :'remove';
SET client_min_messages = warning;
DROP SCHEMA viper_subxact CASCADE;
