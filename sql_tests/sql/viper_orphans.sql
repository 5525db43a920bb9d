--
-- A flush that is rolled back leaves its rows sealed and their TOAST chunks behind; the next one deletes these, and no others.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_orphans;
SET search_path = viper_orphans, public;
CREATE FUNCTION long(i int) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(md5(i || ':' || k), '') FROM generate_series(1, 640) k $$;
CREATE TABLE t (id int PRIMARY KEY, body text, v vector(3));
ALTER TABLE t ALTER body SET STORAGE EXTERNAL;
CREATE FUNCTION chunks() RETURNS int LANGUAGE plpgsql AS $$
DECLARE n int;
BEGIN
	EXECUTE format('SELECT count(DISTINCT chunk_id) FROM %s', (SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 't'::regclass)) INTO n;
	RETURN n;
END $$;
CREATE FUNCTION sound(OUT n bigint, OUT ids bigint, OUT bodies boolean) LANGUAGE sql AS
$$ SELECT count(*), sum(id), bool_and(body = long(id)) FROM t $$;
-- ON CONFLICT writes hot rows in every mode.
CREATE PROCEDURE fill(a int, b int) LANGUAGE sql AS
$$ INSERT INTO t SELECT i, long(i), '[1,2,3]' FROM generate_series(a, b) i ON CONFLICT (id) DO NOTHING $$;

CALL fill(1, 5);
SELECT chunks();
BEGIN;
SELECT rows FROM proximadb.flush('t');
SELECT chunks();
ROLLBACK;
SELECT chunks() AS orphans, * FROM sound();

-- Hot rows come, an update shares a value between two versions: only orphans go
CALL fill(6, 9);
BEGIN;
CALL fill(10, 10);
UPDATE t SET v = '[0,0,0]' WHERE id = 9;
SELECT rows FROM proximadb.flush('t');
SELECT chunks();
COMMIT;
SELECT chunks(), * FROM sound();

-- Neither compaction nor garbage collection forgets; a subtransaction's rollback counts
BEGIN;
SAVEPOINT a;
SELECT rows FROM proximadb.flush('t');
ROLLBACK TO a;
SELECT chunks() AS orphans;
COMMIT;
SELECT chunks() AS orphans, * FROM sound();
DELETE FROM t WHERE id > 8;
VACUUM t;
VACUUM t;
BEGIN;
SELECT rows >= 0 AS compacted FROM proximadb.compact('t');
SELECT chunks();
-- and a sweep that is rolled back is done again
ROLLBACK;
SELECT chunks() > 0 AS orphans;
SELECT rows FROM proximadb.flush('t');
SELECT chunks(), * FROM sound();

-- Swept, looked at again and compacted, all in one transaction that is rolled back
CALL fill(11, 15);
BEGIN;
SELECT rows FROM proximadb.flush('t');
ROLLBACK;
BEGIN;
SELECT rows FROM proximadb.flush('t');
SELECT chunks();
SELECT rows FROM proximadb.flush('t');
SELECT rows >= 0 AS compacted FROM proximadb.compact('t');
ROLLBACK;
SELECT chunks() AS orphans;
SELECT rows FROM proximadb.flush('t');
SELECT chunks(), * FROM sound();

-- Flushed, and merged with other small segments, in one transaction that is rolled back
CALL fill(16, 17);
SELECT rows FROM proximadb.flush('t');
CALL fill(18, 19);
SELECT rows FROM proximadb.flush('t');
CALL fill(20, 21);
SELECT rows FROM proximadb.flush('t');
CALL fill(22, 23);
BEGIN;
SELECT rows FROM proximadb.flush('t');
SELECT rows >= 0 AS compacted FROM proximadb.compact('t');
ROLLBACK;
SELECT chunks() AS orphans;
SELECT rows FROM proximadb.flush('t');
SELECT chunks(), * FROM sound();

-- Settled: nothing is looked for any more, and compaction works
SELECT rows FROM proximadb.flush('t');
SELECT rows >= 0 AS compacted FROM proximadb.compact('t');
VACUUM t;
SELECT sum(live_rows) AS rows FROM proximadb.segments('t');
SELECT * FROM proximadb.verify('t');
SELECT chunks(), * FROM sound();

SET client_min_messages = warning;
DROP SCHEMA viper_orphans CASCADE;
