--
-- Temporary and unlogged tables.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_temp;
SET search_path = viper_temp, public;
CREATE FUNCTION v768(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0 || ',-' || i % 7, 255) || ',' || i % 3 || ',0.5]')::vector $$;

CREATE TEMP TABLE t (id int PRIMARY KEY, v vector(768), body text);
INSERT INTO t SELECT i, v768(i), 'body ' || i FROM generate_series(1, 300) i;
SELECT count(*), sum(id), bool_and(v = v768(id)) FROM t;
UPDATE t SET body = NULL WHERE id % 3 = 0;
DELETE FROM t WHERE id % 5 = 0;
BEGIN;
INSERT INTO t SELECT id + 1000, v, body FROM t;
ROLLBACK;
VACUUM ANALYZE t;
SELECT count(*), sum(id), bool_and(v = v768(id)), count(body) FROM t;
CREATE INDEX ON t (body);
SET enable_seqscan = off;
SELECT id, v = v768(id) FROM t WHERE body = 'body 7';
RESET enable_seqscan;
ALTER TABLE t ADD COLUMN n int DEFAULT 3;
VACUUM FULL t;
CLUSTER t USING t_pkey;
TRUNCATE t;
INSERT INTO t SELECT i, v768(i), 'again' FROM generate_series(1, 100) i;
SELECT count(*), sum(n), bool_and(v = v768(id)) FROM t;
ALTER TABLE t SET ACCESS METHOD heap;
ALTER TABLE t SET ACCESS METHOD viper;
SELECT count(*), sum(n), bool_and(v = v768(id)) FROM t;
DROP TABLE t;

-- ON COMMIT
CREATE TEMP TABLE del (id int PRIMARY KEY, v vector(768)) ON COMMIT DELETE ROWS;
INSERT INTO del SELECT i, v768(i) FROM generate_series(1, 150) i;
SELECT count(*) FROM del;
BEGIN;
INSERT INTO del SELECT i, v768(i) FROM generate_series(1, 150) i;
SELECT count(*), bool_and(v = v768(id)) FROM del;
SAVEPOINT a;
INSERT INTO del SELECT i, v768(i) FROM generate_series(1001, 1150) i;
ROLLBACK TO a;
SELECT count(*), bool_and(v = v768(id)) FROM del;
COMMIT;
SELECT count(*) FROM del;
BEGIN;
INSERT INTO del SELECT i, v768(i) FROM generate_series(50, 250) i;
SELECT count(*), bool_and(v = v768(id)) FROM del;
COMMIT;
BEGIN;
INSERT INTO del VALUES (1, v768(1));
SELECT count(*), bool_and(v = v768(id)) FROM del;
ROLLBACK;
SELECT count(*) FROM del;
BEGIN;
CREATE TEMP TABLE dropped (id int, v vector(768)) ON COMMIT DROP;
INSERT INTO dropped SELECT i, v768(i) FROM generate_series(1, 200) i;
SELECT count(*), bool_and(v = v768(id)) FROM dropped;
COMMIT;
SELECT to_regclass('dropped');
BEGIN;
CREATE TEMP TABLE kept ON COMMIT PRESERVE ROWS AS SELECT i AS id, v768(i) AS v FROM generate_series(1, 200) i;
COMMIT;
SELECT count(*), bool_and(v = v768(id)) FROM kept;

-- A cursor held over the end of the transaction that empties the table
BEGIN;
INSERT INTO del SELECT i, v768(i) FROM generate_series(1, 120) i;
DECLARE c CURSOR WITH HOLD FOR SELECT id, v = v768(id) AS right FROM del;
COMMIT;
FETCH 2 FROM c;
SELECT count(*) FROM del;
CLOSE c;
DISCARD TEMP;

-- Unlogged
CREATE UNLOGGED TABLE u (id int PRIMARY KEY, v vector(768), body text);
INSERT INTO u SELECT i, v768(i), 'body ' || i FROM generate_series(1, 300) i;
UPDATE u SET body = 'x' WHERE id = 1;
BEGIN;
INSERT INTO u SELECT i, v768(i), 'lost' FROM generate_series(1001, 1300) i;
ROLLBACK;
VACUUM u;
SELECT count(*), sum(id), bool_and(v = v768(id)) FROM u;
TRUNCATE u;
INSERT INTO u SELECT i, v768(i), 'new' FROM generate_series(1, 150) i;
ALTER TABLE u SET LOGGED;
SELECT count(*), bool_and(v = v768(id)), max(body) FROM u;
ALTER TABLE u SET UNLOGGED;
SELECT count(*), bool_and(v = v768(id)), max(body) FROM u;

SET client_min_messages = warning;
DROP SCHEMA viper_temp CASCADE;
