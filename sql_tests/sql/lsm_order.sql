--
-- Flush and compaction of lsm tables bring rows in the order of the key: segments of one pass hold ranges of keys that do not overlap, so rows that
-- die by ranges leave whole segments dead.
--
CREATE SCHEMA lsm_order;
SET search_path = lsm_order, public;
SET default_table_access_method = lsm;
SET proximadb.debug_flush = off;
SET proximadb.debug_direct = off;
SET proximadb.build_mem = '3MB';
CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0, 127) || ',1]')::vector $$;
-- Temporary, so that the background worker keeps away
CREATE TEMP TABLE t (id int PRIMARY KEY, v vector(256), body text);
-- Hot rows in an order that is none, by commands too small to be loads
CREATE PROCEDURE fill(first int, last int) LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN first..last LOOP
        INSERT INTO t SELECT id, vec(id), 'body ' || id FROM (SELECT (n * 100 + i) * 7919 % 12007 AS id FROM generate_series(1, 100) i) s WHERE id > 0;
    END LOOP;
END $$;
CALL fill(0, 119);
SELECT rows, segments > 3 AS segments FROM proximadb.flush('t');
SELECT count(*), count(*) FILTER (WHERE v <> vec(id) OR body <> 'body ' || id) AS wrong FROM t;
SELECT count(*) FROM proximadb.verify('t');
-- Half of the keys: nearly all of it whole segments
DELETE FROM t WHERE id <= 6100;
VACUUM t;
SELECT rows >= 0 AS compacted FROM proximadb.compact('t');
SELECT compacted_rows < 3500 AS few_rows_moved FROM proximadb.stat_maintenance WHERE relid = 't'::regclass;
SELECT count(*), count(*) FILTER (WHERE v <> vec(id) OR body <> 'body ' || id) AS wrong FROM t;
-- Keys of several columns with NULLs beside, rows that change between passes, TOASTed values
CREATE TEMP TABLE k (a text, b int, c text, d text, PRIMARY KEY (b, a));
INSERT INTO k SELECT 'a' || i * 31 % 97, i * 7919 % 1009, CASE WHEN i % 3 = 0 THEN repeat(md5(i::text), 400) END, 'd' || i FROM generate_series(1, 900) i;
UPDATE k SET d = 'updated' WHERE b % 5 = 0;
DELETE FROM k WHERE b % 7 = 0;
SELECT md5(string_agg(concat_ws('|', a, b, c, d), ',' ORDER BY b, a)) AS before FROM k \gset
SELECT rows >= 0 AS flushed FROM proximadb.flush('k');
SELECT md5(string_agg(concat_ws('|', a, b, c, d), ',' ORDER BY b, a)) = :'before' AS same FROM k;
UPDATE k SET b = b + 5000 WHERE b % 2 = 0;
UPDATE k SET d = 'again', c = NULL WHERE b % 3 = 0;
SELECT md5(string_agg(concat_ws('|', a, b, c, d), ',' ORDER BY b, a)) AS before FROM k \gset
SELECT rows >= 0 AS flushed FROM proximadb.flush('k');
VACUUM k;
SELECT rows >= 0 AS compacted FROM proximadb.compact('k');
SELECT md5(string_agg(concat_ws('|', a, b, c, d), ',' ORDER BY b, a)) = :'before' AS same FROM k;
SELECT count(*) FROM proximadb.verify('k');
SELECT count(*) FROM proximadb.verify('t');
SET client_min_messages = warning;
DROP TABLE t, k;
DROP SCHEMA lsm_order CASCADE;
