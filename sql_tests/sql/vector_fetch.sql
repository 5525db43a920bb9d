--
-- Exact-distance access: vectors by TID come out of every form a row can have as they do from a slot
--
CREATE SCHEMA vector_fetch;
SET search_path = vector_fetch, public;

CREATE FUNCTION vec(i int, dim int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(((i * 31 + k) % 1009)::real)::vector FROM generate_series(1, dim) k $$;
CREATE VIEW checks AS
    SELECT t.relname, a.attname, c.rows, c.nulls, c.differing, c.unavailable
    FROM pg_class t JOIN pg_index i ON i.indrelid = t.oid AND i.indisprimary
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.atttypid = 'vector'::regtype,
        LATERAL proximadb.vector_fetch_check(i.indexrelid, a.attname) c
    WHERE t.relnamespace = 'vector_fetch'::regnamespace
    ORDER BY t.relname, a.attname;

-- Dimensions that straddle pages and some that do not; any dimensions; packed, wide enough for TOAST; null; columns behind others
CREATE TABLE t (id int PRIMARY KEY, n int, body text, v3 vector(3), v768 vector(768), free vector, wide vector(3000)) USING viper;
CREATE TABLE t_heap (LIKE t INCLUDING ALL) USING heap;
INSERT INTO t
    SELECT g, 0, 'row ' || g, CASE WHEN g % 7 > 0 THEN vec(g, 3) END, vec(g, 768), CASE WHEN g % 5 > 0 THEN vec(g, 1 + g % 40) END,
        CASE WHEN g % 20 = 0 THEN vec(g, 3000) END
    FROM generate_series(1, 400) g;
INSERT INTO t_heap TABLE t;
TABLE checks;
DROP TABLE t_heap;

-- Sealed
SELECT rows >= 0 AS flushed FROM proximadb.flush('t');
TABLE checks;

-- HOT chains and versions on other pages, overlays that hold a vector inline, nulls over values, new columns
UPDATE t SET n = n + 1 WHERE id % 3 = 0;
UPDATE t SET v3 = NULL, v768 = vec(n + id, 768) WHERE id % 4 = 0;
UPDATE t SET v3 = vec(id, 3), free = NULL WHERE id % 5 = 0;
DELETE FROM t WHERE id % 11 = 0;
ALTER TABLE t ADD late vector(2) DEFAULT '[1,2]';
INSERT INTO t SELECT g, 0, NULL, NULL, vec(g, 768), NULL, NULL, '[3,4]' FROM generate_series(1001, 1020) g;
TABLE checks;
VACUUM t;
SELECT rows >= 0 AS flushed FROM proximadb.flush('t');
TABLE checks;

-- Rows in this backend's memory, and rows of a subtransaction that was rolled back
BEGIN;
INSERT INTO t SELECT g, 0, 'bulk', vec(g, 3), vec(g, 768), vec(g, 4), NULL, '[5,6]' FROM generate_series(2001, 2400) g;
SAVEPOINT s;
INSERT INTO t SELECT g, 0, 'bulk', vec(g, 3), vec(g, 768), vec(g, 4), NULL, '[5,6]' FROM generate_series(3001, 3400) g;
ROLLBACK TO s;
TABLE checks;
ROLLBACK;
TABLE checks;

-- Rows inserted by the command that asks: the builder is still collecting them
CREATE TABLE own (id int PRIMARY KEY, v vector(100)) USING viper;
CREATE TABLE seen (at int, rows bigint, differing bigint);
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id % 1000 = 0 THEN
        INSERT INTO seen SELECT NEW.id, rows, differing FROM proximadb.vector_fetch_check('own_pkey', 'v');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER look BEFORE INSERT ON own FOR EACH ROW EXECUTE FUNCTION look();
INSERT INTO own SELECT g, vec(g, 100) FROM generate_series(1, 3000) g;
SELECT * FROM seen ORDER BY at;
TABLE checks;

-- A column that is none, a column of another type
SELECT * FROM proximadb.vector_fetch_check('t_pkey', 'none');
SELECT * FROM proximadb.vector_fetch_check('t_pkey', 'body');

SELECT * FROM proximadb.verify('t');
DROP SCHEMA vector_fetch CASCADE;
