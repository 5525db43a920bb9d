--
-- proximadb.stat_maintenance and proximadb.stat_progress: who did what, and when.
--
SET default_table_access_method = viper;
CREATE SCHEMA maintenance_views;
SET search_path = maintenance_views, public;
CREATE TABLE t (id int PRIMARY KEY, v vector(4), body text) WITH (autovacuum_enabled = off);
CREATE VIEW mine AS
    SELECT relname, flushes, flushed_rows, flushed_segments, flushed_bytes > 0 AS bytes, last_flush >= now() - interval '1 hour' AS flushed,
        compactions, compacted_rows, compacted_segments, freed_segments, last_compaction >= last_flush AS compacted
    FROM proximadb.stat_maintenance WHERE schemaname = 'maintenance_views';
CREATE FUNCTION fill(a int, b int) RETURNS void LANGUAGE sql AS
$$ INSERT INTO t SELECT i, ARRAY[i, i, i, i]::vector, 'body ' || i FROM generate_series(a, b) i $$;
SET proximadb.debug_direct = off;
SET proximadb.debug_flush = off;
SELECT * FROM mine;

-- By command, also when there is nothing to do
SELECT fill(1, 1000);
SELECT rows, segments FROM proximadb.flush('t');
SELECT * FROM mine;
SELECT rows, segments FROM proximadb.flush('t');
SELECT * FROM mine;

-- By VACUUM
SELECT fill(1001, 1500);
VACUUM t;
SELECT flushes, flushed_rows, flushed_segments FROM mine;

-- Compaction
DELETE FROM t WHERE id <= 900;
VACUUM (DISABLE_PAGE_SKIPPING) t;
-- VACUUM has compacted already if the statistics told it in time
SELECT rows >= 0 AS done FROM proximadb.compact('t');
SELECT flushes, compactions > 0 AS compactions, compacted_rows > 0 AS compacted_rows, compacted_segments >= 1 AS segments_in, freed_segments >= 1 AS freed, compacted FROM mine;
SELECT count(*), sum(id), bool_and(v = ARRAY[id, id, id, id]::vector) FROM t;

-- A flush that is undone has happened nevertheless: sealing belongs to no transaction
SELECT fill(2001, 2100);
BEGIN;
SELECT rows FROM proximadb.flush('t');
ROLLBACK;
SELECT flushes, flushed_rows FROM mine;
SELECT rows FROM proximadb.flush('t');

-- Nothing is running, nor after an error
SELECT count(*) FROM proximadb.stat_progress WHERE pid = pg_backend_pid();
SELECT proximadb.flush('pg_class');
SELECT count(*) FROM proximadb.stat_progress WHERE pid = pg_backend_pid();

-- Others may look
CREATE ROLE regress_maintenance;
SET ROLE regress_maintenance;
SELECT relname, flushes > 0 AS flushed FROM proximadb.stat_maintenance WHERE schemaname = 'maintenance_views';
SELECT count(*) FROM proximadb.stat_progress WHERE pid = pg_backend_pid();
RESET ROLE;

-- Dropped tables go from the view
DROP TABLE t CASCADE;
SELECT count(*) FROM proximadb.stat_maintenance WHERE schemaname = 'maintenance_views';

-- The worker's settings
SELECT name, boot_val, unit, context, vartype, min_val, max_val FROM pg_settings
WHERE name IN ('proximadb.worker', 'proximadb.worker_naptime', 'proximadb.flush_threshold') ORDER BY name;
SET proximadb.worker = off;
SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'proximadb launcher';

DROP ROLE regress_maintenance;
SET client_min_messages = warning;
DROP SCHEMA maintenance_views CASCADE;
