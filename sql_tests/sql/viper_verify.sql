--
-- Looking inside: proximadb.verify, proximadb.segments, proximadb.stat_table.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_verify;
SET search_path = viper_verify, public;
CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(((i * 7919 + j * 104729) % 1009) / 64.0 ORDER BY j)::float4[]::vector FROM generate_series(1, 64) j $$;
SET proximadb.debug_direct = on;

-- Empty, then sealed, hot, changed, deleted
CREATE TABLE t (id int PRIMARY KEY, v vector(64), body text, n int);
SELECT * FROM proximadb.verify('t');
SELECT * FROM proximadb.segments('t');
INSERT INTO t SELECT i, vec(i), CASE WHEN i % 7 <> 0 THEN 'body ' || i END, i FROM generate_series(1, 1000) i;
SELECT * FROM proximadb.verify('t');
SELECT segment, state, engine, level, rows, live_rows, bytes > 1000 * 64 * 4 AS bytes, first_block > 2 AS first_block FROM proximadb.segments('t');
SET proximadb.debug_direct = off;
INSERT INTO t SELECT i, vec(i), repeat(md5(i::text), CASE WHEN i % 10 = 0 THEN 1000 ELSE 1 END), i FROM generate_series(1001, 1050) i;
SET proximadb.debug_direct = on;
SELECT * FROM proximadb.verify('t');
UPDATE t SET n = n + 1 WHERE id % 3 = 0;
UPDATE t SET body = repeat('x', 100) WHERE id % 5 = 0;
UPDATE t SET body = NULL WHERE id % 50 = 0;
SELECT * FROM proximadb.verify('t');
-- Versions of a row share a position
SELECT segment, rows, live_rows FROM proximadb.segments('t') WHERE segment = 1;
DELETE FROM t WHERE id <= 400;
SELECT * FROM proximadb.verify('t');
VACUUM t;
SELECT * FROM proximadb.verify('t');
SELECT sum(rows) >= 600 AS rows, sum(live_rows) >= 600 AS live_rows FROM proximadb.segments('t') WHERE state = 'live';

-- Within a transaction: rows not written yet, subtransactions that end badly, what a rollback leaves
BEGIN;
INSERT INTO t SELECT i, vec(i), 'in a transaction' FROM generate_series(2001, 2300) i;
SELECT * FROM proximadb.verify('t');
SAVEPOINT a;
INSERT INTO t SELECT i, vec(i), 'rolled back' FROM generate_series(3001, 3300) i;
UPDATE t SET n = 0 WHERE id > 3200;
SELECT * FROM proximadb.verify('t');
ROLLBACK TO a;
INSERT INTO t SELECT i, vec(i), 'again' FROM generate_series(3001, 3100) i;
SELECT * FROM proximadb.verify('t');
COMMIT;
SELECT * FROM proximadb.verify('t');
BEGIN;
INSERT INTO t SELECT i, vec(i), 'gone' FROM generate_series(4001, 4300) i;
SELECT count(*) FROM proximadb.verify('t');
ROLLBACK;
SELECT * FROM proximadb.verify('t');
INSERT INTO t SELECT i, vec(i), 'duplicate' FROM generate_series(4300, 401, -1) i;
SELECT * FROM proximadb.verify('t');
VACUUM t;
SELECT * FROM proximadb.verify('t');
-- As part of a command that writes
CREATE TABLE found AS SELECT kind FROM proximadb.verify('t');
INSERT INTO t SELECT 5000, vec(1), (SELECT count(*) FROM proximadb.verify('t'))::text;
SELECT body FROM t WHERE id = 5000;
SELECT * FROM proximadb.verify('t');

-- Columns that came, went and changed
ALTER TABLE t ADD COLUMN later text DEFAULT 'later';
ALTER TABLE t DROP COLUMN n;
INSERT INTO t SELECT i, vec(i), 'with it', 'now' FROM generate_series(6001, 6300) i;
UPDATE t SET later = NULL WHERE id % 4 = 0;
SELECT * FROM proximadb.verify('t');
ALTER TABLE t ALTER COLUMN body TYPE varchar;
SELECT * FROM proximadb.verify('t');
VACUUM FULL t;
SELECT * FROM proximadb.verify('t');
CLUSTER t USING t_pkey;
SELECT * FROM proximadb.verify('t');
SELECT count(*), bool_and(v = vec(id)) FROM t WHERE id <> 5000;

-- Every kind of value
CREATE TABLE kinds (id int PRIMARY KEY, b bool, s smallint, l bigint, f real, d float8, num numeric, t text, c "char", nm name, by bytea,
    u uuid, a int[], j jsonb, ts timestamptz, i inet, p point, none text);
INSERT INTO kinds SELECT g, g % 2 = 0, g, g, g, g, g / 3.0, repeat('t', g % 200), 'c', 'name', decode(md5(g::text), 'hex'), md5(g::text)::uuid, ARRAY[g, NULL],
    jsonb_build_object('g', g), 'epoch', '10.0.0.1', point(g, g), NULL FROM generate_series(1, 3000) g;
INSERT INTO kinds (id) SELECT g FROM generate_series(3001, 3100) g;
UPDATE kinds SET num = NULL, none = 'some' WHERE id % 100 = 0;
SELECT * FROM proximadb.verify('kinds');
SELECT count(*), sum(rows), sum(live_rows) FROM proximadb.segments('kinds');

-- Tables without columns, without rows, without a store; other persistences and kinds
CREATE TABLE nothing ();
INSERT INTO nothing SELECT FROM generate_series(1, 10);
CREATE TABLE narrow (id int PRIMARY KEY, n bigint);
INSERT INTO narrow SELECT i, i FROM generate_series(1, 1000) i;
CREATE TEMP TABLE temporary AS SELECT i, vec(i) AS v FROM generate_series(1, 500) i;
CREATE UNLOGGED TABLE unlogged AS SELECT i, vec(i) AS v FROM generate_series(1, 500) i;
CREATE MATERIALIZED VIEW mat AS SELECT id, v FROM t;
CREATE TABLE parent (id int, v vector(64)) PARTITION BY RANGE (id);
CREATE TABLE child PARTITION OF parent FOR VALUES FROM (0) TO (1000);
INSERT INTO parent SELECT i, vec(i) FROM generate_series(1, 500) i;
SELECT c.relname, f.* FROM pg_class c LEFT JOIN LATERAL proximadb.verify(c.oid) f ON true
    WHERE c.relname IN ('nothing', 'narrow', 'temporary', 'unlogged', 'mat', 'child') ORDER BY 1;
TRUNCATE t, unlogged;
SELECT * FROM proximadb.verify('t');
SELECT * FROM proximadb.verify('unlogged');
SELECT * FROM proximadb.segments('unlogged');
SELECT * FROM proximadb.segments('narrow');

-- What is refused, and to whom
CREATE TABLE plain (id int) USING heap;
CREATE VIEW v AS SELECT 1 AS one;
SELECT * FROM proximadb.verify('plain');
SELECT * FROM proximadb.segments('plain');
SELECT * FROM proximadb.verify('v');
SELECT * FROM proximadb.verify('parent');
SELECT * FROM proximadb.verify('t_pkey');
SELECT * FROM proximadb.verify(0);
SELECT * FROM proximadb.verify(NULL);
CREATE ROLE regress_viper_owner;
CREATE ROLE regress_viper_other;
CREATE ROLE regress_viper_monitor IN ROLE pg_monitor;
GRANT USAGE, CREATE ON SCHEMA viper_verify TO regress_viper_owner;
GRANT USAGE ON SCHEMA viper_verify TO regress_viper_other, regress_viper_monitor;
SET ROLE regress_viper_owner;
CREATE TABLE owned AS SELECT i AS id, vec(i) AS v FROM generate_series(1, 300) i;
SELECT * FROM proximadb.verify('owned');
SELECT segment, rows FROM proximadb.segments('owned');
SET ROLE regress_viper_other;
SELECT * FROM proximadb.verify('owned');
SELECT * FROM proximadb.segments('owned');
SELECT sealed_rows FROM proximadb.stat_table WHERE schemaname = 'viper_verify' AND relname = 'owned';
SET ROLE regress_viper_monitor;
SELECT * FROM proximadb.verify('owned');
RESET ROLE;

-- The view: one row for each table of ours, from counters
SELECT relname, engine, sealed_rows, segments, main_bytes > 0 AS main, store_bytes >= sealed_bytes + free_bytes AS store, sealed_bytes > 0 AS sealed, free_bytes
    FROM proximadb.stat_table WHERE schemaname = 'viper_verify' AND relname <> 't' ORDER BY 1;
SELECT relname, sealed_rows FROM proximadb.stat_table WHERE relname = 'temporary';
SELECT count(*) FROM proximadb.stat_table WHERE relname IN ('plain', 'v', 'parent') AND schemaname = 'viper_verify';
SELECT segments, sealed_rows, free_bytes, flushed_bytes = sealed_bytes AS flushed_all, moved_bytes FROM proximadb.table_stats('owned');
SELECT proximadb.table_stats('plain') IS NULL AS not_ours, proximadb.table_stats(0) IS NULL AS none;

SET client_min_messages = warning;
DROP SCHEMA viper_verify CASCADE;
DROP TABLE temporary;
DROP ROLE regress_viper_owner, regress_viper_other, regress_viper_monitor;
