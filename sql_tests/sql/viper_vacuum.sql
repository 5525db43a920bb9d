--
-- VACUUM, FREEZE, ANALYZE, sizes, DROP; what statistics say of sealed rows.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_vacuum;
SET search_path = viper_vacuum, public;
SET jit = off;
-- Vectors that do not compress, so that sizes mean something
CREATE TABLE noise (id int PRIMARY KEY, v vector(768)) USING heap;
INSERT INTO noise
SELECT i, array_agg(((i * 7919 + j * 104729) % 1009) / 64.0 ORDER BY j)::float4[]
FROM generate_series(1, 1300) i, generate_series(1, 768) j WHERE i <= 600 OR i > 1000 GROUP BY i;
CREATE FUNCTION v768(i int) RETURNS vector LANGUAGE sql STABLE AS $$ SELECT v FROM noise WHERE id = i $$;
CREATE TABLE t (id int PRIMARY KEY, v vector(768), grp int, body text, big text);
INSERT INTO t SELECT i, v768(i), i % 4, 'body ' || i % 50, CASE WHEN i % 40 = 0 THEN repeat(md5(i::text), 3000) END FROM generate_series(1, 600) i;
CREATE INDEX ON t (body);
CREATE FUNCTION state(OUT n bigint, OUT ids bigint, OUT vectors boolean, OUT bodies boolean, OUT bigs bigint) LANGUAGE sql AS
$$ SELECT count(*), sum(id), bool_and(v = v768(id)), bool_and(body = 'body ' || id % 50), sum(length(big)) FROM t $$;
-- Bytes of the main fork and of everything
CREATE FUNCTION size() RETURNS bigint LANGUAGE sql AS $$ SELECT pg_table_size('t') $$;
SELECT pg_relation_size('t') > 0 AS main, size() > 600 * 768 * 4 AS all, pg_total_relation_size('t') > size() AS total, pg_indexes_size('t') > 0 AS indexes;

VACUUM t;
SELECT * FROM state();
VACUUM (FREEZE, VERBOSE false) t;
SELECT * FROM state();
SELECT relfrozenxid::text <> '0' AND age(relfrozenxid) < 100 AS frozen, relpages > 0 AS pages, reltuples, relallvisible > 0 AS visible FROM pg_class WHERE oid = 't'::regclass;
VACUUM (DISABLE_PAGE_SKIPPING) t;
SELECT * FROM state();

-- Rows that came frozen are hot on all-visible pages: VACUUM seals them all the same
BEGIN;
CREATE TABLE frozen (id int PRIMARY KEY, v vector(3), body text);
COPY frozen FROM stdin WITH (FREEZE, FORMAT csv, DELIMITER ';');
1;[1,2,3];one row of some length, so that its stub is shorter
2;[2,3,4];another row of some length, so that its stub is shorter
3;[3,4,5];a third row of some length, so that its stub is shorter
\.
COMMIT;
VACUUM frozen;
SELECT sum(live_rows) FROM proximadb.segments('frozen') WHERE state = 'live';
SELECT * FROM frozen ORDER BY id;
DROP TABLE frozen;

-- ANALYZE
ANALYZE t;
SELECT reltuples FROM pg_class WHERE oid = 't'::regclass;
SELECT attname, null_frac::numeric(4, 3), n_distinct, avg_width > 3000 AS wide, most_common_vals::text AS common FROM pg_stats
WHERE schemaname = 'viper_vacuum' AND tablename = 't' AND attname IN ('id', 'v', 'grp') ORDER BY attname;
SELECT null_frac::numeric(4, 3), n_distinct FROM pg_stats WHERE schemaname = 'viper_vacuum' AND tablename = 't' AND attname IN ('body', 'big') ORDER BY attname;
CREATE STATISTICS st (dependencies, ndistinct) ON grp, body FROM t;
ANALYZE t (grp, body);
SELECT n_distinct FROM pg_stats_ext WHERE statistics_name = 'st';

-- Dead rows go, their places and their segments are used again
DELETE FROM t WHERE id > 300;
SELECT * FROM state();
VACUUM t;
SELECT * FROM state();
INSERT INTO t SELECT i, v768(i), i % 4, 'body ' || i % 50 FROM generate_series(301, 600) i;
SELECT * FROM state();
SELECT size() AS before \gset
DO $$
BEGIN
    FOR r IN 1 .. 6 LOOP
        BEGIN
            INSERT INTO t SELECT i, v768(i), i % 4, 'body ' || i % 50 FROM generate_series(1001, 1300) i;
            RAISE EXCEPTION 'no';
        EXCEPTION WHEN raise_exception THEN
        END;
    END LOOP;
END $$;
VACUUM t;
SELECT * FROM state();
SELECT size() AS aborted \gset
DELETE FROM t WHERE id > 300;
VACUUM t;
INSERT INTO t SELECT i, v768(i), i % 4, 'body ' || i % 50 FROM generate_series(301, 600) i;
DELETE FROM t WHERE id > 300;
VACUUM t;
INSERT INTO t SELECT i, v768(i), i % 4, 'body ' || i % 50 FROM generate_series(301, 600) i;
DELETE FROM t WHERE id > 300;
VACUUM t;
INSERT INTO t SELECT i, v768(i), i % 4, 'body ' || i % 50 FROM generate_series(301, 600) i;
SELECT * FROM state();
SELECT size() <= :aborted + 2 * 300 * 768 * 4 AS reused;
DELETE FROM t;
VACUUM t;
SELECT count(*), size() < :before / 2 AS smaller FROM t;
INSERT INTO t SELECT i, v768(i), i % 4, 'body ' || i % 50 FROM generate_series(1, 300) i;
SELECT * FROM state();

-- Updated rows
UPDATE t SET grp = grp + 1;
UPDATE t SET grp = grp + 1 WHERE id % 2 = 0;
VACUUM t;
UPDATE t SET v = v768(id) WHERE id % 3 = 0;
VACUUM (FREEZE) t;
SELECT * FROM state();
SET enable_seqscan = off;
SELECT count(*), sum(id), bool_and(v = v768(id)) FROM t WHERE body = 'body 7';
RESET enable_seqscan;

-- The TOAST relation on its own
SELECT reltoastrelid::regclass AS toast FROM pg_class WHERE oid = 't'::regclass \gset
INSERT INTO t SELECT i, v768(i), i % 4, 'body ' || i % 50, repeat(md5(i::text), 3000) FROM generate_series(1001, 1010) i;
VACUUM :toast;
SELECT * FROM state();
REINDEX TABLE :toast;
SELECT * FROM state();
VACUUM (PROCESS_TOAST false) t;
VACUUM (INDEX_CLEANUP off, TRUNCATE off) t;
VACUUM (FREEZE, PARALLEL 2, INDEX_CLEANUP on) t;
SELECT * FROM state();
REINDEX INDEX t_pkey;
REINDEX SCHEMA viper_vacuum;
SELECT * FROM state();

-- Empty tables; DROP within and without a transaction
CREATE TABLE empty (id int, v vector(3));
VACUUM (FREEZE, ANALYZE) empty;
ANALYZE empty;
SELECT count(*), pg_table_size('empty') < 100000 AS small FROM empty;
BEGIN;
DROP TABLE t;
ROLLBACK;
SELECT * FROM state();
BEGIN;
CREATE TABLE gone AS SELECT i AS id, v768(i) AS v FROM generate_series(1, 200) i;
INSERT INTO gone SELECT * FROM gone;
DROP TABLE gone;
COMMIT;
BEGIN;
CREATE TABLE gone AS SELECT i AS id, v768(i) AS v FROM generate_series(1, 200) i;
SAVEPOINT a;
INSERT INTO gone SELECT * FROM gone;
DROP TABLE gone;
ROLLBACK TO a;
SELECT count(*), bool_and(v = v768(id)) FROM gone;
COMMIT;
DROP TABLE gone, t, empty CASCADE;
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'viper_vacuum' AND relkind = 'r' AND relname <> 'noise';

SET client_min_messages = warning;
DROP SCHEMA viper_vacuum CASCADE;
