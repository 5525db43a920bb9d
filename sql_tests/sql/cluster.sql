--
-- VACUUM FULL and CLUSTER of viper tables. cl_heap goes through the same commands and tells what is right.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS amcheck;
RESET client_min_messages;

CREATE TABLE cl_heap (
    id int PRIMARY KEY,
    gone_early text,
    code text,
    v vector(3),
    body text,
    gone_late bytea,
    n numeric
) USING heap;
CREATE TABLE cl_viper (LIKE cl_heap INCLUDING INDEXES) USING viper;
CREATE INDEX cl_viper_code ON cl_viper (code);
CREATE INDEX cl_viper_expr ON cl_viper ((n % 1000), lower(code));
CREATE INDEX cl_viper_hash ON cl_viper USING hash (code);
CREATE INDEX cl_viper_body ON cl_viper (left(body, 100)) WHERE n IS NOT NULL;

-- To run a command on both tables, each as a statement of its own
CREATE VIEW cl_both AS SELECT t FROM (VALUES ('cl_heap'), ('cl_viper')) AS v (t);

-- Rows the viper table misses, rows it has too many, and whether its indexes hold just its rows
CREATE FUNCTION cl_check() RETURNS TABLE (n bigint, missing bigint, extra bigint)
LANGUAGE plpgsql
SET jit = off
AS $$
BEGIN
    n := (SELECT count(*) FROM cl_viper);
    missing := (SELECT count(*) FROM (SELECT t::text FROM cl_heap t EXCEPT ALL SELECT t::text FROM cl_viper t) x);
    extra := (SELECT count(*) FROM (SELECT t::text FROM cl_viper t EXCEPT ALL SELECT t::text FROM cl_heap t) x);
    PERFORM bt_index_check(i.indexrelid, true)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
        WHERE i.indrelid = 'cl_viper'::regclass AND a.amname = 'btree';
    RETURN NEXT;
END
$$;

-- How many rows stand before one that should come first
CREATE FUNCTION cl_disorder(expression text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM (SELECT %1$s AS k, lag(%1$s) OVER (ORDER BY ctid) AS before FROM cl_viper) x
                    WHERE before > k', expression) INTO n;
    RETURN n;
END
$$;

SELECT replace($$
    INSERT INTO cl_x
    SELECT i, 'early ' || i, md5(i::text), format('[%s,%s,%s]', i, i % 10, i / 4.0)::vector(3),
           CASE WHEN i % 6 <> 0 THEN
               (SELECT string_agg(md5(i::text || j), '')
                FROM generate_series(1, CASE WHEN i % 100 = 0 THEN 500 ELSE 1 + i % 15 END) j) END,
           decode(md5(i::text), 'hex'), nullif(i, 50) * 1.5
    FROM generate_series(1, 2500) i
$$, 'cl_x', t) FROM cl_both \gexec

-- untouched rows
VACUUM FULL cl_viper;
SELECT * FROM cl_check();

-- updated rows, chains of several versions, deleted rows, aborted work
SELECT replace($$UPDATE cl_x SET n = n + 1 WHERE id % 3 = 0$$, 'cl_x', t) FROM cl_both \gexec
SELECT replace($$
    UPDATE cl_x SET n = n * 2, code = 'c' || code WHERE id % 6 = 0
$$, 'cl_x', t) FROM cl_both \gexec
SELECT replace($$UPDATE cl_x SET body = NULL, n = 0 WHERE id % 18 = 0$$, 'cl_x', t) FROM cl_both \gexec
SELECT replace($$DELETE FROM cl_x WHERE id % 7 = 0$$, 'cl_x', t) FROM cl_both \gexec
BEGIN;
SELECT replace($$UPDATE cl_x SET n = -1$$, 'cl_x', t) FROM cl_both \gexec
SELECT replace($$DELETE FROM cl_x WHERE id % 5 = 0$$, 'cl_x', t) FROM cl_both \gexec
ROLLBACK;
SELECT id FROM cl_viper WHERE id < 3 FOR UPDATE;
VACUUM FULL cl_viper;
SELECT * FROM cl_check();

-- dropped columns, of sealed rows too, and columns added since
SELECT replace($$ALTER TABLE cl_x DROP COLUMN gone_early$$, 'cl_x', t) FROM cl_both \gexec
SELECT replace($$
    ALTER TABLE cl_x ADD COLUMN extra text DEFAULT 'extra', ADD COLUMN empty int
$$, 'cl_x', t) FROM cl_both \gexec
SELECT replace($$
    INSERT INTO cl_x (id, code)
    SELECT i, 'new'
    FROM generate_series(3001, 3100) i
$$, 'cl_x', t) FROM cl_both \gexec
SELECT replace($$ALTER TABLE cl_x DROP COLUMN gone_late$$, 'cl_x', t) FROM cl_both \gexec
SELECT * FROM cl_check();
VACUUM FULL cl_viper;
SELECT * FROM cl_check();
VACUUM (FULL, FREEZE, ANALYZE) cl_viper;
SELECT * FROM cl_check();
SELECT reltuples = (SELECT count(*) FROM cl_viper) AS counted FROM pg_class WHERE relname = 'cl_viper';

-- the rows go on to live
SELECT replace($$UPDATE cl_x SET extra = extra || id WHERE id % 4 = 0$$, 'cl_x', t) FROM cl_both \gexec
SELECT replace($$
    UPDATE cl_x SET v = '[1,2,3]', body = body || 'x' WHERE id % 50 = 0
$$, 'cl_x', t) FROM cl_both \gexec
SELECT replace($$DELETE FROM cl_x WHERE id % 11 = 0$$, 'cl_x', t) FROM cl_both \gexec
SELECT replace($$
    INSERT INTO cl_x (id, code, n)
    SELECT i, 'newer', i
    FROM generate_series(2490, 2700) i
    ON CONFLICT (id) DO UPDATE SET n = excluded.n + 0.5
$$, 'cl_x', t) FROM cl_both \gexec
SELECT * FROM cl_check();
VACUUM cl_viper;
SELECT * FROM cl_check();

-- CLUSTER by index scan, by sort, by an expression
SET enable_sort = off;
CLUSTER cl_viper USING cl_viper_code;
SELECT cl_disorder('code');
SELECT * FROM cl_check();
RESET enable_sort;
SET enable_indexscan = off;
CLUSTER cl_viper USING cl_viper_pkey;
SELECT cl_disorder('id');
SELECT * FROM cl_check();
CLUSTER cl_viper USING cl_viper_expr;
SELECT cl_disorder('n % 1000');
SELECT * FROM cl_check();
SET maintenance_work_mem = '1MB';
CLUSTER cl_viper USING cl_viper_code;
SELECT cl_disorder('code');
SELECT * FROM cl_check();
RESET maintenance_work_mem;
RESET enable_indexscan;
SELECT replace($$UPDATE cl_x SET n = n + 7 WHERE id % 13 = 0$$, 'cl_x', t) FROM cl_both \gexec
CLUSTER cl_viper;
SELECT cl_disorder('code');
SELECT * FROM cl_check();
CLUSTER cl_viper USING cl_viper_hash;
CLUSTER cl_viper USING cl_viper_body;

-- In a transaction, with its own changes, kept and undone
BEGIN;
SELECT replace($$
    INSERT INTO cl_x (id, code, body)
    SELECT i, 'own', repeat(md5(i::text), 30)
    FROM generate_series(5001, 5600) i
$$, 'cl_x', t) FROM cl_both \gexec
SELECT replace($$
    UPDATE cl_x SET n = 3, code = 'own' WHERE id BETWEEN 10 AND 30
$$, 'cl_x', t) FROM cl_both \gexec
SELECT replace($$UPDATE cl_x SET n = 4 WHERE id BETWEEN 20 AND 40$$, 'cl_x', t) FROM cl_both \gexec
SAVEPOINT a;
SELECT replace($$DELETE FROM cl_x WHERE id > 5500$$, 'cl_x', t) FROM cl_both \gexec
SELECT replace($$UPDATE cl_x SET n = 5$$, 'cl_x', t) FROM cl_both \gexec
ROLLBACK TO a;
SELECT replace($$DELETE FROM cl_x WHERE id BETWEEN 5001 AND 5010$$, 'cl_x', t) FROM cl_both \gexec
CLUSTER cl_viper USING cl_viper_pkey;
SELECT * FROM cl_check();
SAVEPOINT b;
SELECT replace($$
    INSERT INTO cl_x (id, code, body)
    SELECT i, 'undone', repeat(md5(i::text), 30)
    FROM generate_series(6001, 6600) i
$$, 'cl_x', t) FROM cl_both \gexec
CLUSTER cl_viper USING cl_viper_code;
ROLLBACK TO b;
SELECT * FROM cl_check();
COMMIT;
SELECT * FROM cl_check();
BEGIN;
CLUSTER cl_viper USING cl_viper_code;
ROLLBACK;
SELECT * FROM cl_check();
SELECT cl_disorder('id');

-- Indexes and other rewrites after it
REINDEX TABLE cl_viper;
SELECT * FROM cl_check();
ALTER TABLE cl_viper ALTER COLUMN n TYPE numeric(20,5);
ALTER TABLE cl_heap ALTER COLUMN n TYPE numeric(20,5);
SELECT * FROM cl_check();
VACUUM FULL cl_viper;
SELECT * FROM cl_check();

-- A rewritten table is not larger than before, and space of deleted rows is given back
SELECT pg_total_relation_size('cl_viper') AS before \gset
VACUUM FULL cl_viper;
SELECT pg_total_relation_size('cl_viper') <= :before AS no_larger;
SELECT replace($$DELETE FROM cl_x WHERE id > 10$$, 'cl_x', t) FROM cl_both \gexec
VACUUM FULL cl_viper;
SELECT pg_total_relation_size('cl_viper') < :before / 2 AS much_smaller;
SELECT * FROM cl_check();
SELECT replace($$DELETE FROM cl_x$$, 'cl_x', t) FROM cl_both \gexec
VACUUM FULL cl_viper;
SELECT * FROM cl_check();
CLUSTER cl_viper USING cl_viper_code;
SELECT pg_relation_size('cl_viper') AS empty_table;
SELECT replace($$INSERT INTO cl_x (id, code) VALUES (1, 'one')$$, 'cl_x', t) FROM cl_both \gexec
VACUUM FULL cl_viper;
SELECT * FROM cl_check();
DROP TABLE cl_viper, cl_heap;

-- Nothing to seal: all columns are keys
CREATE TABLE cl_viper (a int PRIMARY KEY) USING viper;
INSERT INTO cl_viper SELECT generate_series(1, 1000);
VACUUM FULL cl_viper;
SELECT count(*), sum(a) FROM cl_viper;
DROP TABLE cl_viper;

-- No index at all; rows of many columns, wide ones, and with values that are compressed or moved out of line
CREATE TABLE cl_viper (a int, plain text, extended text, external text) USING viper;
ALTER TABLE cl_viper ALTER COLUMN plain SET STORAGE MAIN, ALTER COLUMN external SET STORAGE EXTERNAL;
INSERT INTO cl_viper
    SELECT i, repeat('p', 50 * i), repeat(md5(i::text), 40 * i), repeat(md5(i::text), 30 * i)
    FROM generate_series(1, 40) i;
UPDATE cl_viper SET a = a + 100 WHERE a % 3 = 0;
VACUUM FULL cl_viper;
SELECT count(*), sum(a), sum(length(plain)), sum(length(extended)), sum(length(external)),
       count(*) FILTER (WHERE left(extended, 500) = left(external, 500)) FROM cl_viper WHERE a > 15;
UPDATE cl_viper SET a = a + 1000 WHERE a % 3 = 1;
VACUUM FULL cl_viper;
SELECT count(*), sum(a), sum(length(plain)), sum(length(extended)), sum(length(external)),
       count(*) FILTER (WHERE left(extended, 500) = left(external, 500)) FROM cl_viper WHERE a > 15;
DROP TABLE cl_viper;

-- Clustered by a GiST index; a key too wide for a stub stays with its row
CREATE TABLE cl_viper (area box, name text, body text) USING viper;
INSERT INTO cl_viper
    SELECT box(point(i * 37 % 500, i), point(i * 37 % 500 + 1, i + 1)),
           CASE WHEN i % 10 = 0 THEN repeat(md5(i::text), 20) ELSE i::text END,
           repeat(md5(i::text), 9)
    FROM generate_series(1, 500) i;
CREATE UNIQUE INDEX cl_viper_name ON cl_viper (name);
CREATE INDEX cl_viper_area ON cl_viper USING gist (area);
UPDATE cl_viper SET body = body || 'x' WHERE length(name) = 2;
DELETE FROM cl_viper WHERE name LIKE '%4';
CLUSTER cl_viper USING cl_viper_area;
SELECT count(*), count(DISTINCT name), sum(length(name)), sum(length(body)) FROM cl_viper;
SELECT bt_index_check('cl_viper_name', true);
SELECT count(*) FROM cl_viper WHERE area && box '(0,0),(100,100)';
CLUSTER cl_viper USING cl_viper_name;
SELECT cl_disorder('name');
DROP TABLE cl_viper;

-- Temporary and unlogged tables
CREATE TEMP TABLE cl_temp (a int PRIMARY KEY, b text) USING viper;
INSERT INTO cl_temp SELECT i, repeat(md5(i::text), 10) FROM generate_series(1, 1000) i;
DELETE FROM cl_temp WHERE a % 2 = 0;
VACUUM FULL cl_temp;
SELECT count(*), sum(length(b)), count(*) FILTER (WHERE left(b, 32) = md5(a::text)) FROM cl_temp;
DROP TABLE cl_temp;
CREATE UNLOGGED TABLE cl_unlogged (a int PRIMARY KEY, b text) USING viper;
INSERT INTO cl_unlogged SELECT i, repeat(md5(i::text), 10) FROM generate_series(1, 1000) i;
DELETE FROM cl_unlogged WHERE a % 2 = 0;
CLUSTER cl_unlogged USING cl_unlogged_pkey;
SELECT count(*), sum(length(b)), count(*) FILTER (WHERE left(b, 32) = md5(a::text)) FROM cl_unlogged;
DROP TABLE cl_unlogged;
DROP VIEW cl_both;
DROP FUNCTION cl_check(), cl_disorder(text);
