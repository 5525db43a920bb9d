--
-- Sorted runs: rows that come in any order of any kind of key, found again by their stubs.
--
CREATE SCHEMA lsm_runs;
SET search_path = lsm_runs, public;
SET default_table_access_method = lsm;
SET proximadb.debug_flush = off;
SELECT amname, amtype, obj_description(oid, 'pg_am') FROM pg_am WHERE amname = 'lsm';

-- A row's columns follow from its number, so a row can be checked by itself.
CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$ SELECT ('[' || i || ',' || i % 7 || ',0.5,-1]')::vector $$;
CREATE FUNCTION doc(i int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$ SELECT jsonb_build_object('number', i, 'name', 'customer ' || md5(i::text), 'tags', jsonb_build_array('red', 'green', i % 5)) $$;
-- Numbers 1 to 2000 in an order that is none.
CREATE VIEW numbers AS SELECT i * 1237 % 2003 AS i FROM generate_series(1, 2002) i WHERE i * 1237 % 2003 <= 2000;

-- Bulk loads: keys of integers, texts, several columns, with NULLs beside; no key at all
SET proximadb.debug_direct = on;
CREATE TABLE by_int (id int PRIMARY KEY, d jsonb, v vector(4), t text);
INSERT INTO by_int SELECT i, doc(i), vec(i), 'text ' || i FROM numbers;
CREATE TABLE by_text (n int, name text COLLATE "C" PRIMARY KEY, v vector(4), d jsonb);
INSERT INTO by_text SELECT i, 'key ' || i, CASE WHEN i % 10 > 0 THEN vec(i) END, CASE WHEN i % 3 > 0 THEN doc(i) END FROM numbers;
CREATE TABLE by_two (a numeric, n int, u uuid, d jsonb, PRIMARY KEY (u, a));
INSERT INTO by_two SELECT i / 4.0, i, md5((i % 50)::text)::uuid, doc(i) FROM numbers;
CREATE TABLE by_nothing (n int, d jsonb, v vector(4));
INSERT INTO by_nothing SELECT i, doc(i), CASE WHEN i % 2 = 0 THEN vec(i) END FROM numbers;
CREATE TABLE by_array (a int[] PRIMARY KEY, n int, d jsonb);
INSERT INTO by_array SELECT ARRAY[i], i, doc(i) FROM numbers;
CREATE TABLE only_vectors (n int, v vector(4));
INSERT INTO only_vectors SELECT i, vec(i) FROM numbers;
SET proximadb.debug_direct = off;

CREATE FUNCTION state(OUT tab name, OUT runs bigint, OUT sealed bigint, OUT faults bigint) RETURNS SETOF record LANGUAGE sql AS
$$ SELECT relname, (SELECT count(*) FROM proximadb.segments(c.oid) WHERE state = 'live' AND engine = 'lsm'),
          (SELECT coalesce(sum(live_rows), 0) FROM proximadb.segments(c.oid) WHERE state = 'live'), (SELECT count(*) FROM proximadb.verify(c.oid))
   FROM pg_class c WHERE relnamespace = 'lsm_runs'::regnamespace AND relam = (SELECT oid FROM pg_am WHERE amname = 'lsm') ORDER BY 1 $$;
SELECT * FROM state();
CREATE FUNCTION wrong(OUT tab text, OUT n bigint, OUT wrong bigint) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT 'by_int', count(*), count(*) FILTER (WHERE d <> doc(id) OR v <> vec(id) OR t <> 'text ' || id) FROM by_int
    UNION ALL SELECT 'by_text', count(*), count(*) FILTER (WHERE name <> 'key ' || n OR v IS DISTINCT FROM CASE WHEN n % 10 > 0 THEN vec(n) END
        OR d IS DISTINCT FROM CASE WHEN n % 3 > 0 THEN doc(n) END) FROM by_text
    UNION ALL SELECT 'by_two', count(*), count(*) FILTER (WHERE a <> n / 4.0 OR u <> md5((n % 50)::text)::uuid OR d <> doc(n)) FROM by_two
    UNION ALL SELECT 'by_nothing', count(*), count(*) FILTER (WHERE d <> doc(n) OR v IS DISTINCT FROM CASE WHEN n % 2 = 0 THEN vec(n) END) FROM by_nothing
    UNION ALL SELECT 'by_array', count(*), count(*) FILTER (WHERE a <> ARRAY[n] OR d <> doc(n)) FROM by_array
    UNION ALL SELECT 'only_vectors', count(*), count(*) FILTER (WHERE v <> vec(n)) FROM only_vectors $$;
SELECT * FROM wrong();
SELECT d, v, t FROM by_int WHERE id = 1234;
SELECT n, v, d FROM by_text WHERE name IN ('key 30', 'key 31') ORDER BY n;

-- Rows that come one by one and are sealed later
INSERT INTO by_int SELECT i, doc(i), vec(i), 'text ' || i FROM generate_series(3000, 2500, -1) i;
SELECT rows, segments FROM proximadb.flush('by_int');
-- Updates of sealed rows: a column, the key, everything
UPDATE by_int SET t = 'new' WHERE id = 17;
UPDATE by_int SET id = id + 10000 WHERE id BETWEEN 100 AND 119;
UPDATE by_int SET d = doc(id + 1), v = vec(id + 1), t = 'moved' WHERE id = 18;
SELECT id, d ->> 'number' AS number, v, t FROM by_int WHERE id IN (17, 18, 10107, 107) ORDER BY id;
UPDATE by_int SET t = 'text 17' WHERE id = 17;
UPDATE by_int SET id = id - 10000 WHERE id > 10000;
UPDATE by_int SET d = doc(id), v = vec(id), t = 'text ' || id WHERE id = 18;
DELETE FROM by_int WHERE id % 2 = 0;
VACUUM by_int;
SELECT tab, sealed, faults FROM state() WHERE tab = 'by_int';
SELECT * FROM wrong() WHERE tab = 'by_int';

-- Documents alike compress better than by themselves: a dictionary, blocks
CREATE TABLE alike (id int PRIMARY KEY, d text);
INSERT INTO alike SELECT i, doc(i)::text || repeat(' and the same words in every row, ' || i, 8) FROM generate_series(1, 20000) i;
SELECT sum(bytes) * 4 < (SELECT sum(length(d)) FROM alike) AS small FROM proximadb.segments('alike');
SELECT count(*) FROM alike WHERE d <> doc(id)::text || repeat(' and the same words in every row, ' || id, 8);
SELECT count(*) FROM proximadb.verify('alike');
-- The level where none is set is 7; one that is set is what it says
CREATE TABLE texts USING heap AS SELECT i AS id, (SELECT string_agg(substr(md5((hashint4(i * 60 + k) & 1023)::text), 1, 3 + k % 7), ' ') FROM generate_series(1, 60) k) AS d
    FROM generate_series(1, 6000) i;
CREATE FUNCTION written_at(level int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    CREATE TABLE at_level (id int PRIMARY KEY, d text);
    IF level IS NOT NULL THEN
        PERFORM proximadb.set_options('at_level', compression_level => level);
    END IF;
    INSERT INTO at_level SELECT * FROM texts;
    RETURN (SELECT sum(bytes) FROM proximadb.segments('at_level'));
END $$;
CREATE TABLE levels (level int, bytes bigint);
DO $$
DECLARE
    level int;
BEGIN
    FOREACH level IN ARRAY '{NULL, 0, 3, 7}'::int[] LOOP
        INSERT INTO levels VALUES (level, written_at(level));
        DROP TABLE at_level;
    END LOOP;
END $$;
SELECT l.level, l.bytes = s.bytes AS as_7, l.bytes > s.bytes AS larger FROM levels l, levels s WHERE s.level = 7 ORDER BY l.level NULLS FIRST;

-- Values that are TOASTed in another table count as what they are when a command goes over to writing segments
CREATE TABLE toasted (id int, t text) USING heap;
ALTER TABLE toasted ALTER t SET STORAGE EXTERNAL;
INSERT INTO toasted SELECT i, repeat(md5(i::text), 2000) FROM generate_series(1, 20) i;
CREATE TABLE from_toast (id int PRIMARY KEY, t text);
SET proximadb.debug_direct = off;
INSERT INTO from_toast SELECT * FROM toasted;
SELECT sealed_rows FROM proximadb.stat_table WHERE relid = 'from_toast'::regclass;
SELECT count(*), count(*) FILTER (WHERE t = repeat(md5(id::text), 2000)) AS same FROM from_toast;
-- in CREATE TABLE AS, too
CREATE TABLE copied_toast AS SELECT * FROM toasted;
SELECT sealed_rows FROM proximadb.stat_table WHERE relid = 'copied_toast'::regclass;
-- Long values, long keys, values of one block each
CREATE TABLE long (k text PRIMARY KEY, n int, t text);
SET proximadb.debug_direct = on;
INSERT INTO long SELECT repeat(chr(97 + i % 26), i), i, repeat(md5(i::text), i * 20) FROM generate_series(200, 1, -1) i;
INSERT INTO long VALUES ('big', 0, repeat('0123456789', 500000)), ('empty', 0, ''), ('null', 0, NULL);
SET proximadb.debug_direct = off;
SELECT count(*), count(*) FILTER (WHERE t = repeat(md5(n::text), n * 20)) AS same, max(length(t)) FROM long WHERE n > 0;
SELECT k, length(t), md5(t) FROM long WHERE n = 0 ORDER BY k;
SELECT count(*) FROM proximadb.verify('long');

-- Changes of the table that leave runs as they are
ALTER TABLE by_text ADD COLUMN later text DEFAULT 'later', DROP COLUMN v, ALTER name TYPE varchar;
ALTER TABLE by_text RENAME d TO document;
SELECT name, document ->> 'number' AS number, later FROM by_text WHERE n BETWEEN 100 AND 102 ORDER BY n;
ALTER TABLE by_two DROP CONSTRAINT by_two_pkey;
ALTER TABLE by_two ADD PRIMARY KEY (n);
INSERT INTO by_two SELECT i / 4.0, i, md5((i % 50)::text)::uuid, doc(i) FROM generate_series(5000, 4000, -1) i;
SELECT rows, segments FROM proximadb.flush('by_two');
SELECT count(*), count(*) FILTER (WHERE a <> n / 4.0 OR u <> md5((n % 50)::text)::uuid OR d <> doc(n)) AS wrong FROM by_two;
SELECT * FROM state() WHERE faults > 0;

-- Between access methods, every way
CREATE VIEW engine_and_rows AS SELECT (SELECT amname FROM pg_am a JOIN pg_class c ON c.relam = a.oid WHERE c.oid = 'by_int'::regclass) AS engine,
    (SELECT sealed_rows FROM proximadb.stat_table WHERE relid = 'by_int'::regclass) AS sealed, count(*) AS n,
    count(*) FILTER (WHERE d <> doc(id) OR v <> vec(id) OR t <> 'text ' || id) AS wrong, sum(id) FROM by_int;
SET proximadb.debug_direct = on;
ALTER TABLE by_int SET ACCESS METHOD heap;
SELECT * FROM engine_and_rows;
ALTER TABLE by_int SET ACCESS METHOD lsm;
SELECT * FROM engine_and_rows;
ALTER TABLE by_int SET ACCESS METHOD viper;
SELECT * FROM engine_and_rows;
ALTER TABLE by_int SET ACCESS METHOD lsm;
SELECT * FROM engine_and_rows;
VACUUM FULL by_int;
CLUSTER by_int USING by_int_pkey;
SELECT * FROM engine_and_rows;
SELECT * FROM state() WHERE faults > 0;

SET client_min_messages = warning;
DROP SCHEMA lsm_runs CASCADE;
