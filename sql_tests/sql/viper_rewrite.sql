--
-- Tables that get a new file: another access method, another tablespace, VACUUM FULL, CLUSTER, LOGGED and UNLOGGED.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_rewrite;
SET search_path = viper_rewrite, public;
SET jit = off;
CREATE FUNCTION v768(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0 || ',-' || i % 7, 255) || ',' || i % 3 || ',0.5]')::vector $$;
CREATE TABLE t (id int PRIMARY KEY, gone int, v vector(768), body text, big text, n numeric);
ALTER TABLE t DROP COLUMN gone;
INSERT INTO t SELECT i, v768(i), 'body ' || i, CASE WHEN i % 50 = 0 THEN repeat(md5(i::text), 2000) END, i / 3.0 FROM generate_series(1, 250) i;
CREATE INDEX t_body ON t (body);
UPDATE t SET body = 'updated ' || id WHERE id % 10 = 0;
DELETE FROM t WHERE id % 25 = 1;
ALTER TABLE t ADD COLUMN later int DEFAULT 12;
CREATE FUNCTION state(OUT am name, OUT n bigint, OUT ids bigint, OUT vectors boolean, OUT bodies boolean, OUT bigs bigint, OUT later bigint, OUT nums numeric, OUT by_index bigint)
LANGUAGE sql SET enable_seqscan = off AS $$
    SELECT (SELECT rpad(amname, 5) FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE c.oid = 't'::regclass), count(*), sum(id), bool_and(v = v768(id)),
           bool_and(body = CASE WHEN id % 10 = 0 THEN 'updated ' ELSE 'body ' END || id), sum(length(big)), sum(later), round(sum(n), 2),
           (SELECT sum(i.later) FROM t i WHERE body LIKE 'updated%' AND body > 'u')
    FROM t $$;
SELECT * FROM state();

ALTER TABLE t SET ACCESS METHOD heap;
SELECT * FROM state();
ALTER TABLE t SET ACCESS METHOD viper;
SELECT * FROM state();
VACUUM FULL t;
SELECT * FROM state();
CLUSTER t USING t_body;
SELECT * FROM state();
SELECT array_agg(body) = array_agg(body ORDER BY body) AS clustered FROM t;
CLUSTER t;
VACUUM (FULL, FREEZE, ANALYZE) t;
SELECT * FROM state();
REINDEX TABLE t;
SELECT * FROM state();
INSERT INTO t SELECT id + 1000, v, body, big, n FROM t WHERE id = 3;
UPDATE t SET v = v768(1003) WHERE id = 1003;
DELETE FROM t WHERE id = 1003 RETURNING body;

-- Each of them rolled back
BEGIN;
ALTER TABLE t SET ACCESS METHOD heap;
UPDATE t SET body = NULL;
ROLLBACK;
SELECT * FROM state();
BEGIN;
CLUSTER t USING t_pkey;
DELETE FROM t;
ROLLBACK;
SELECT * FROM state();

-- In the transaction that loaded
BEGIN;
INSERT INTO t (id, v, body) SELECT i, v768(i), 'body ' || i FROM generate_series(1001, 1200) i;
UPDATE t SET body = 'updated ' || id WHERE id > 1000 AND id % 10 = 0;
CLUSTER t USING t_pkey;
SELECT * FROM state();
ALTER TABLE t SET ACCESS METHOD heap;
SELECT * FROM state();
ALTER TABLE t SET ACCESS METHOD viper;
SELECT * FROM state();
ROLLBACK;
SELECT * FROM state();
BEGIN;
INSERT INTO t (id, v, body) SELECT i, v768(i), 'body ' || i FROM generate_series(1001, 1200) i;
SAVEPOINT a;
ALTER TABLE t ALTER n TYPE numeric(10,1);
ROLLBACK TO a;
DELETE FROM t WHERE id > 1000 AND id % 10 = 0;
ALTER TABLE t ALTER later TYPE bigint;
COMMIT;
SELECT * FROM state();

-- A load after a rewrite in the same transaction, with a flush between and without
BEGIN;
CREATE TABLE again (id int, v vector(768), body text);
INSERT INTO again SELECT id, v, body FROM t;
ALTER TABLE again SET ACCESS METHOD heap;
ALTER TABLE again SET ACCESS METHOD viper;
INSERT INTO again SELECT id + 10000, v, body FROM t;
SELECT count(*), bool_and(v = v768(id % 10000)) FROM again;
ALTER TABLE again ALTER id TYPE bigint;
INSERT INTO again SELECT id + 20000, v, body FROM t;
SAVEPOINT a;
VACUUM FULL again;
ROLLBACK TO a;
ALTER TABLE again ALTER id TYPE int;
INSERT INTO again SELECT id + 30000, v, body FROM t;
COMMIT;
SELECT id / 10000 AS load, count(*) = (SELECT count(*) FROM t) AS all, bool_and(v = v768(id % 10000)) FROM again GROUP BY 1 ORDER BY 1;
DROP TABLE again;

-- LOGGED and UNLOGGED
ALTER TABLE t SET UNLOGGED;
SELECT * FROM state();
INSERT INTO t (id, v, body) SELECT i, v768(i), 'body ' || i FROM generate_series(2001, 2099) i WHERE i % 10 <> 0;
ALTER TABLE t SET LOGGED;
SELECT * FROM state();
SELECT DISTINCT relpersistence FROM pg_class WHERE oid = 't'::regclass OR oid = (SELECT reltoastrelid FROM pg_class WHERE oid = 't'::regclass);

-- Another tablespace, and back; with open loads
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE viper_space LOCATION '';
ALTER TABLE t SET TABLESPACE viper_space;
SELECT * FROM state();
DELETE FROM t WHERE id > 2000;
BEGIN;
INSERT INTO t (id, v, body) SELECT i, v768(i), 'body ' || i FROM generate_series(3001, 3199) i WHERE i % 10 <> 0;
ALTER TABLE t SET TABLESPACE pg_default;
SELECT * FROM state();
ROLLBACK;
SELECT * FROM state();
SELECT (SELECT spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace) AS t, (SELECT spcname FROM pg_tablespace s WHERE s.oid = o.reltablespace) AS toast
FROM pg_class c JOIN pg_class o ON o.oid = c.reltoastrelid WHERE c.oid = 't'::regclass;
ALTER TABLE t SET TABLESPACE pg_default;
SELECT * FROM state();
CREATE TABLE there (id int, v vector(768)) TABLESPACE viper_space;
INSERT INTO there SELECT id, v FROM t;
SELECT count(*), bool_and(v = v768(id)) FROM there;
DROP TABLE there;
DROP TABLESPACE viper_space;

-- Empty tables, tables without columns, tables of nothing but dead rows
CREATE TABLE empty (id int PRIMARY KEY, v vector(3));
VACUUM FULL empty;
CLUSTER empty USING empty_pkey;
ALTER TABLE empty SET ACCESS METHOD heap;
ALTER TABLE empty SET ACCESS METHOD viper;
INSERT INTO empty VALUES (1, '[1,1,1]');
DELETE FROM empty;
VACUUM FULL empty;
SELECT count(*) FROM empty;
CREATE TABLE nothing ();
INSERT INTO nothing SELECT FROM generate_series(1, 10);
VACUUM FULL nothing;
ALTER TABLE nothing SET ACCESS METHOD heap;
ALTER TABLE nothing SET ACCESS METHOD viper;
SELECT count(*) FROM nothing;

SET client_min_messages = warning;
DROP SCHEMA viper_rewrite CASCADE;
