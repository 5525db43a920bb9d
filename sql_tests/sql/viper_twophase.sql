--
-- Two-phase commit with bulk-loaded rows.
--
SELECT current_setting('max_prepared_transactions')::int < 2 AS skip \gset
\if :skip
\quit
\endif
SET default_table_access_method = viper;
CREATE SCHEMA viper_twophase;
SET search_path = viper_twophase, public;

CREATE FUNCTION v768(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0 || ',-' || i % 7, 255) || ',' || i % 3 || ',0.5]')::vector $$;
CREATE TABLE t (id int PRIMARY KEY, v vector(768), body text);
INSERT INTO t SELECT i, v768(i), 'old' FROM generate_series(1, 200) i;

BEGIN;
INSERT INTO t SELECT i, v768(i), 'first' FROM generate_series(1001, 1300) i;
SAVEPOINT a;
INSERT INTO t SELECT i, v768(i), 'lost' FROM generate_series(2001, 2300) i;
ROLLBACK TO a;
UPDATE t SET body = 'updated' WHERE id <= 50;
DELETE FROM t WHERE id BETWEEN 51 AND 60;
PREPARE TRANSACTION 'viper_first';

-- Nobody sees it, and it blocks nothing it does not touch
SELECT body, count(*), bool_and(v = v768(id)) FROM t GROUP BY body ORDER BY body;
INSERT INTO t SELECT i, v768(i), 'second' FROM generate_series(3001, 3200) i;
VACUUM t;
BEGIN;
INSERT INTO t SELECT i, v768(i), 'third' FROM generate_series(4001, 4300) i;
DELETE FROM t WHERE id BETWEEN 61 AND 70;
SELECT count(*), bool_and(v = v768(id)) FROM t;
PREPARE TRANSACTION 'viper_third';
SELECT gid FROM pg_prepared_xacts WHERE gid LIKE 'viper_%' ORDER BY gid;

COMMIT PREPARED 'viper_first';
SELECT body, count(*), bool_and(v = v768(id)) FROM t GROUP BY body ORDER BY body;
ROLLBACK PREPARED 'viper_third';
SELECT body, count(*), bool_and(v = v768(id)) FROM t GROUP BY body ORDER BY body;
SET enable_seqscan = off;
SELECT id, body, v = v768(id) FROM t WHERE id IN (50, 51, 61, 1001, 2001, 3001, 4001) ORDER BY id;
VACUUM t;
SELECT body, count(*), bool_and(v = v768(id)) FROM t GROUP BY body ORDER BY body;

-- A table made and dropped by prepared transactions
BEGIN;
CREATE TABLE born (id int, v vector(768));
INSERT INTO born SELECT i, v768(i) FROM generate_series(1, 200) i;
PREPARE TRANSACTION 'viper_born';
COMMIT PREPARED 'viper_born';
SELECT count(*), bool_and(v = v768(id)) FROM born;
BEGIN;
TRUNCATE born;
INSERT INTO born SELECT i, v768(i) FROM generate_series(1, 100) i;
PREPARE TRANSACTION 'viper_truncate';
ROLLBACK PREPARED 'viper_truncate';
SELECT count(*), bool_and(v = v768(id)) FROM born;

SET client_min_messages = warning;
DROP SCHEMA viper_twophase CASCADE;
