--
-- Levels of lsm tables: what is merged, into which level, and that nothing is lost by it.
--
CREATE SCHEMA lsm_levels;
SET search_path = lsm_levels, public;
SET default_table_access_method = lsm;
SET proximadb.debug_flush = off;
SET proximadb.debug_direct = off;
CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$ SELECT array_fill(i::real, '{1280}')::vector $$;
-- Temporary, so that the background worker keeps away
CREATE TEMP TABLE t (id int PRIMARY KEY, v vector(1280), body text);
CREATE VIEW levels AS
    SELECT level, count(*) AS segments, sum(rows) AS rows FROM proximadb.segments('t') WHERE state = 'live' GROUP BY level ORDER BY level;
-- A batch of 500 rows whose keys lie all over 0 .. 10,006; each batch becomes a run of level 0 of more than 2 MB
CREATE PROCEDURE add_batch(n int) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO t SELECT id, vec(id), 'body ' || id FROM (SELECT ((n * 500 + i)::bigint * 7919 % 10007)::int AS id FROM generate_series(1, 500) i) s;
END $$;
CREATE FUNCTION wrong() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FILTER (WHERE v <> vec(id) OR body <> 'body ' || id) FROM t $$;

-- Three overlapping runs stay
CALL add_batch(0);
CALL add_batch(1);
CALL add_batch(2);
SELECT level, rows FROM levels;
VACUUM t;
SELECT level, rows FROM levels;
-- The fourth has all of them merged
CALL add_batch(3);
VACUUM t;
SELECT level, rows FROM levels;
SELECT count(*), wrong() FROM t;
-- Merges with level 1 until that is full, which then moves on as it is
CALL add_batch(4);
CALL add_batch(5);
CALL add_batch(6);
CALL add_batch(7);
VACUUM t;
SELECT level, rows FROM levels;
CALL add_batch(8);
CALL add_batch(9);
CALL add_batch(10);
CALL add_batch(11);
VACUUM t;
CALL add_batch(12);
CALL add_batch(13);
CALL add_batch(14);
CALL add_batch(15);
VACUUM t;
SELECT level, rows FROM levels;
CALL add_batch(16);
CALL add_batch(17);
CALL add_batch(18);
CALL add_batch(19);
VACUUM t;
SELECT level, rows FROM levels;
SELECT count(*), wrong() FROM t;
SELECT flushed_bytes BETWEEN 50000000 AND 75000000 AS flushed, write_amplification FROM proximadb.stat_table WHERE relid = 't'::regclass;
SELECT count(*) FROM proximadb.verify('t');
DROP TABLE t CASCADE;

-- Keys that come in order are written once: runs go down as they are
SET proximadb.debug_direct = on;
CREATE TEMP TABLE t (id int PRIMARY KEY, v vector(1280), body text);
CREATE VIEW levels AS
    SELECT level, count(*) AS segments, sum(rows) AS rows FROM proximadb.segments('t') WHERE state = 'live' GROUP BY level ORDER BY level;
DO $$ BEGIN
    FOR n IN 0..7 LOOP
        INSERT INTO t SELECT id, vec(id), 'body ' || id FROM generate_series(n * 500 + 1, (n + 1) * 500) id;
    END LOOP;
END $$;
VACUUM t;
SELECT level, rows FROM levels;
SELECT write_amplification FROM proximadb.stat_table WHERE relid = 't'::regclass;
-- Four runs of the first half: only what they overlap is merged with them
CREATE PROCEDURE replace_rows(n int, modulus int) LANGUAGE sql AS $$
    DELETE FROM t WHERE id <= 1500 AND id % modulus = n;
    INSERT INTO t SELECT id, vec(id), 'body ' || id FROM generate_series(1, 1500) id WHERE id % modulus = n;
$$;
CALL replace_rows(0, 4);
CALL replace_rows(1, 4);
CALL replace_rows(2, 4);
CALL replace_rows(3, 4);
VACUUM t;
SELECT count(*), sum(id) FROM t;
SELECT max(level) > 0 AS merged, sum(rows) FILTER (WHERE level = 0) AS level_0 FROM levels;
SELECT count(*) FROM proximadb.verify('t');
SELECT write_amplification FROM proximadb.stat_table WHERE relid = 't'::regclass;
DROP TABLE t CASCADE;

SET proximadb.debug_direct = off;
-- Options: two runs are enough, one level is all there is
CREATE TABLE o (id int PRIMARY KEY, body text);
SELECT proximadb.set_options('o', compaction_threshold => 2, level_count => 1);
CREATE FUNCTION fill(first int, step int, n int) RETURNS void LANGUAGE sql AS
$$ INSERT INTO o SELECT first + i * step, (SELECT string_agg(md5((i * 100 + j)::text), '') FROM generate_series(1, 20) j) FROM generate_series(0, n - 1) i $$;
SELECT fill(0, 4, 4000), fill(1, 4, 4000);
VACUUM o;
SELECT level, count(*) AS segments, sum(rows) AS rows FROM proximadb.segments('o') WHERE state = 'live' GROUP BY level ORDER BY level;
SELECT fill(2, 4, 4000), fill(3, 4, 4000);
VACUUM o;
SELECT level, count(*) AS segments, sum(rows) AS rows FROM proximadb.segments('o') WHERE state = 'live' GROUP BY level ORDER BY level;
-- Dead rows are dropped where they are
DELETE FROM o WHERE id % 2 = 0;
VACUUM o;
SELECT rows >= 0 AS compacted FROM proximadb.compact('o');
SELECT level, sum(rows) AS rows, sum(live_rows) AS live_rows FROM proximadb.segments('o') WHERE state = 'live' GROUP BY level ORDER BY level;
-- Runs sorted by another key stand apart until there is a reason to write them anew
SELECT proximadb.set_options('o', sort_by => 'body, id');
SELECT rows FROM proximadb.compact('o');
VACUUM FULL o;
SELECT count(*), sum(id) FROM o;
SELECT count(*) FROM proximadb.verify('o');
-- What a merge frees is room for the next one: rows do not all move there to shorten the store, which would write them once more each time
CREATE TABLE steady (id int PRIMARY KEY, body text);
SELECT proximadb.set_options('steady', segment_size => '1MB');
SET client_min_messages = warning;
\set ECHO none
\o /dev/null
SELECT format('INSERT INTO steady SELECT hashint4(%s * 800 + i), (SELECT string_agg(md5(((%s * 800 + i) * 100 + j)::text), '''') FROM generate_series(1, 20) j) FROM generate_series(1, 800) i', b, b), 'VACUUM steady'
FROM generate_series(1, 45) b
\gexec
\o
\set ECHO all
RESET client_min_messages;
SELECT count(*), count(DISTINCT id) AS ids FROM steady;
SELECT write_amplification < 5.5 AS few_writes, pg_table_size('steady') < 2.3 * live.bytes + pg_relation_size('steady') AS short
FROM proximadb.stat_table, (SELECT sum(bytes) AS bytes FROM proximadb.segments('steady') WHERE state = 'live') live WHERE relid = 'steady'::regclass;
-- No key at all
CREATE TEMP TABLE n (a int, body text);
INSERT INTO n SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, 3000) i;
INSERT INTO n SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, 3000) i;
INSERT INTO n SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, 3000) i;
INSERT INTO n SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, 3000) i;
SELECT segments_in > segments_out AS fewer FROM proximadb.compact('n');
SELECT count(*), sum(a), bool_and(body = repeat(md5(a::text), 30)) FROM n;
SET client_min_messages = warning;
DROP TABLE o, n, steady;
DROP SCHEMA lsm_levels CASCADE;
