--
-- Rows by sort key without an index: plans, conditions of all kinds, and that a key scan returns what a sequential scan does, whatever became of the rows.
--
CREATE SCHEMA lsm_key_scan;
SET search_path = lsm_key_scan, public;
SET default_table_access_method = lsm;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SET enable_indexonlyscan = off;

-- Answers of a query by key scan and by sequential scan
CREATE FUNCTION answers(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
    EXECUTE format('SELECT count(*) || '' rows '' || coalesce(md5(string_agg(q::text, '','' ORDER BY q::text)), ''-'') FROM (%s) q', query) INTO answer;
    RETURN answer;
END $$;
CREATE FUNCTION same(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; by_key text; by_scan text; key_scan bool := false;
BEGIN
    PERFORM set_config('enable_seqscan', 'off', true);
    FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
        key_scan := key_scan OR line LIKE '%Custom Scan (KeyScan)%';
    END LOOP;
    by_key := answers(query);
    PERFORM set_config('enable_seqscan', 'on', true), set_config('proximadb.enable_key_scan', 'off', true);
    by_scan := answers(query);
    PERFORM set_config('proximadb.enable_key_scan', 'on', true);
    RETURN split_part(by_scan, ' ', 1) || CASE WHEN NOT key_scan THEN ' by another plan' WHEN by_key = by_scan THEN ' same' ELSE ' not ' || by_key END;
END $$;
-- Figures of a key scan
CREATE FUNCTION figures(query text) RETURNS TABLE (figure text, n bigint) LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT json) ' || query INTO plan;
    RETURN QUERY SELECT j.key, j.value::bigint FROM json_each_text(plan->0->'Plan') j WHERE j.key ~ '^(Runs|Run Blocks|Heap)' ORDER BY 1;
END $$;

CREATE TABLE t (id bigint PRIMARY KEY, a int, body text, v vector(8));
INSERT INTO t SELECT i * 7919 % 20011, i % 10, 'body ' || i, ('[' || i || ',1,2,3,4,5,6,7]')::vector FROM generate_series(1, 20010) i;
ANALYZE t;

-- Plans
EXPLAIN (COSTS OFF) SELECT * FROM t WHERE id = 5;
EXPLAIN (COSTS OFF) SELECT id FROM t WHERE id BETWEEN 100 AND 200 AND a = 3;
EXPLAIN (COSTS OFF) SELECT * FROM t WHERE 1000 > id AND id >= 900::smallint;
EXPLAIN (COSTS OFF) SELECT * FROM t WHERE id IN (1, 2, 3);
EXPLAIN (COSTS OFF) SELECT * FROM t WHERE id = random()::int;
EXPLAIN (COSTS OFF) SELECT * FROM t WHERE a = 5;
EXPLAIN (COSTS OFF) SELECT * FROM t WHERE id <> 5;
SET proximadb.enable_key_scan = off;
EXPLAIN (COSTS OFF) SELECT * FROM t WHERE id = 5;
RESET proximadb.enable_key_scan;
-- A btree wins for a row; so does a sequential scan for all
RESET enable_indexscan;
EXPLAIN (COSTS OFF) SELECT * FROM t WHERE id = 5;
EXPLAIN (COSTS OFF) SELECT * FROM t WHERE id > 5;
SET enable_indexscan = off;

-- Conditions
SELECT same('SELECT * FROM t WHERE id = 5');
SELECT same('SELECT * FROM t WHERE id = -5');
SELECT same('SELECT * FROM t WHERE id = NULL::bigint');
SELECT same('SELECT * FROM t WHERE id BETWEEN 5000 AND 5200');
SELECT same('SELECT * FROM t WHERE id > 19900');
SELECT same('SELECT * FROM t WHERE id <= 17');
SELECT same('SELECT * FROM t WHERE id < 17 AND id > 17');
SELECT same('SELECT * FROM t WHERE id > 100 AND id > 19000 AND a = 3');
SELECT same('SELECT * FROM t WHERE id = ANY (ARRAY[1, NULL, 77, 77, 20010, 30000])');
SELECT same('SELECT * FROM t WHERE id = ANY (ARRAY[]::bigint[])');
SELECT same('SELECT * FROM t WHERE id = ANY (NULL::bigint[])');
SELECT same('SELECT * FROM t WHERE id IN (3, 5) AND id > 4');
SELECT same('SELECT * FROM t WHERE id = ANY (ARRAY(SELECT g FROM generate_series(1, 20000) g)) AND a < 9');
SELECT same('SELECT * FROM t WHERE id = (SELECT max(id) - 1 FROM t)');
SELECT same('SELECT * FROM t WHERE id < 100 AND EXISTS (SELECT 1 FROM t u WHERE u.id = t.id + 1 AND u.a > 4)');

-- Joins
CREATE TABLE wanted (k int, note text) USING heap;
INSERT INTO wanted SELECT g * 1000, 'note ' || g FROM generate_series(1, 12) g;
ANALYZE wanted;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
EXPLAIN (COSTS OFF) SELECT * FROM wanted JOIN t ON t.id = wanted.k WHERE wanted.note > 'note 3';
SELECT same('SELECT * FROM wanted JOIN t ON t.id = wanted.k');
SELECT same('SELECT * FROM wanted LEFT JOIN t ON t.id > wanted.k AND t.id < wanted.k + 3');
SELECT same('SELECT * FROM wanted, LATERAL (SELECT * FROM t WHERE t.id BETWEEN wanted.k AND wanted.k + 2 OFFSET 0) x');
SELECT same('SELECT * FROM wanted WHERE EXISTS (SELECT 1 FROM t WHERE t.id = wanted.k + 1 AND t.a = 4 OFFSET 0)');
RESET enable_hashjoin;
RESET enable_mergejoin;
-- Prepared, with a generic plan; cursors; row locks; modification; as a table of many partitions
SET plan_cache_mode = force_generic_plan;
PREPARE p(bigint, bigint) AS SELECT count(*), sum(id) FROM t WHERE id BETWEEN $1 AND $2;
EXPLAIN (COSTS OFF) EXECUTE p(3, 8);
EXECUTE p(3, 8);
EXECUTE p(8, 3);
EXECUTE p(NULL, 3);
DEALLOCATE p;
RESET plan_cache_mode;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM t WHERE id BETWEEN 40 AND 42;
MOVE ALL IN c;
SELECT count(*) FROM t WHERE id BETWEEN 40 AND 42;
FETCH BACKWARD 1 FROM c \g /dev/null
DECLARE d CURSOR FOR SELECT id, body FROM t WHERE id = 77 FOR UPDATE;
FETCH 1 FROM d;
UPDATE t SET body = 'current' WHERE CURRENT OF d;
SELECT id, body FROM t WHERE id = 77;
ROLLBACK;

-- What changes: hot rows, overlays, keys that move, deleted rows, rolled back ones, this transaction's own
SELECT same('SELECT * FROM t WHERE id BETWEEN 5000 AND 5200');
INSERT INTO t SELECT i, 99, 'late ' || i, NULL FROM generate_series(30001, 30010) i;
UPDATE t SET body = 'changed ' || id WHERE id BETWEEN 5000 AND 5050;
UPDATE t SET a = a + 1000 WHERE id BETWEEN 5040 AND 5100;
UPDATE t SET id = id + 100000 WHERE id BETWEEN 5100 AND 5120;
UPDATE t SET id = -id WHERE id BETWEEN 17000 AND 17005;
UPDATE t SET id = id - 74000 WHERE id BETWEEN 105118 AND 105120;
DELETE FROM t WHERE id BETWEEN 5150 AND 5160;
BEGIN;
INSERT INTO t VALUES (5150, 1, 'gone');
UPDATE t SET body = 'gone' WHERE id = 5001;
SELECT same('SELECT * FROM t WHERE id BETWEEN 5000 AND 5200');
SAVEPOINT s;
DELETE FROM t WHERE id < 5010;
SELECT same('SELECT * FROM t WHERE id BETWEEN 5000 AND 5200');
ROLLBACK TO s;
SELECT same('SELECT * FROM t WHERE id BETWEEN 5000 AND 5200');
ROLLBACK;
CREATE PROCEDURE check_all() LANGUAGE plpgsql AS $$
DECLARE answer text; query text;
BEGIN
    FOREACH query IN ARRAY ARRAY['id BETWEEN 5000 AND 5200', 'id < 20', 'id BETWEEN -17003 AND -17000', 'id = 17001', 'id IN (5001, 5119, 5121, 105117, 30003, 5151)', 'id > 100000', 'id > 29999'] LOOP
        answer := same('SELECT * FROM t WHERE ' || query);
        IF answer NOT LIKE '% same' THEN
            RAISE WARNING '%: %', query, answer;
        END IF;
    END LOOP;
END $$;
CALL check_all();
VACUUM t;
CALL check_all();
UPDATE t SET a = a + 1 WHERE id % 3 = 0;
CALL check_all();
SELECT rows >= 0 AS flushed FROM proximadb.flush('t');
CALL check_all();
SELECT rows >= 0 AS compacted FROM proximadb.compact('t');
CALL check_all();
VACUUM t;
CALL check_all();
UPDATE t SET body = 'again ' || id WHERE id BETWEEN 5000 AND 5200;
INSERT INTO t VALUES (5152, 0, 'new');
CALL check_all();
VACUUM t;
CALL check_all();
SELECT count(*) FROM proximadb.verify('t');
VACUUM FULL t;
CALL check_all();
SELECT same('SELECT * FROM t WHERE id BETWEEN 5000 AND 5200');
TRUNCATE t;
SELECT count(*) FROM t WHERE id BETWEEN 5000 AND 5200;
INSERT INTO t SELECT i, 0, 'new' FROM generate_series(5152, 25000) i;
SELECT same('SELECT * FROM t WHERE id BETWEEN 5000 AND 5200');

-- A key of several columns and types, that no index has; segments of another sort key, or of none
CREATE TABLE k (a int, b text COLLATE "C", c date, n numeric, body text);
INSERT INTO k SELECT i % 5, 'b' || i % 11, date '2024-01-01' + i % 7, i, 'no key ' || i FROM generate_series(1, 6000) i;
SELECT rows >= 0 AS flushed FROM proximadb.flush('k');
EXPLAIN (COSTS OFF) SELECT * FROM k WHERE a = 1;
SELECT proximadb.set_options('k', sort_by => 'a, b, c');
INSERT INTO k SELECT i % 5, 'b' || i % 11, date '2024-01-01' + i % 7, i, 'abc ' || i FROM generate_series(6001, 12000) i;
INSERT INTO k SELECT i % 5, NULL, date '2024-01-01' + i % 7, i, 'null ' || i FROM generate_series(12001, 12050) i;
INSERT INTO k SELECT NULL, NULL, NULL, i, 'nulls ' || i FROM generate_series(12051, 12060) i;
SELECT rows >= 0 AS flushed FROM proximadb.flush('k');
VACUUM ANALYZE k;
EXPLAIN (COSTS OFF) SELECT * FROM k WHERE a = 1 AND b IN ('b2', 'b3') AND c > '2024-01-03' AND n < 6500;
EXPLAIN (COSTS OFF) SELECT * FROM k WHERE a = 1 AND c = '2024-01-03';
CREATE PROCEDURE check_k() LANGUAGE plpgsql AS $$
DECLARE answer text; query text;
BEGIN
    FOREACH query IN ARRAY ARRAY['a = 1', 'a = 1 AND b = ''b3''', 'a = 1 AND b IN (''b2'', ''b3'') AND c > ''2024-01-03''', 'a > 3 AND b = ''b1''', 'a = 2 AND b = ''b5'' AND c = ''2024-01-02''',
                                 'a = 2 AND b >= ''b5'' COLLATE "C" AND b < ''b7'' COLLATE "C"', 'a = 2 AND b = ''b5'' AND c BETWEEN ''2024-01-02'' AND ''2024-01-04 12:00''::timestamp',
                                 'a IN (0, 1) AND b IN (''b1'', ''b2'') AND c IN (''2024-01-02'', ''2024-01-03'')', 'a = 4::bigint AND b < ''b2''', 'a < 0', 'a >= 4'] LOOP
        answer := same('SELECT * FROM k WHERE ' || query);
        IF answer NOT LIKE '% same' THEN
            RAISE WARNING '%: %', query, answer;
        END IF;
    END LOOP;
END $$;
CALL check_k();
-- HOT updates of the key: no index has it
UPDATE k SET a = a + 1, body = NULL WHERE n % 10 = 0;
UPDATE k SET b = 'b3' WHERE n % 17 = 0;
UPDATE k SET c = c + 1 WHERE n % 23 = 0;
CALL check_k();
VACUUM k;
CALL check_k();
SELECT proximadb.set_options('k', sort_by => 'n');
UPDATE k SET body = 'x' || body WHERE n % 2 = 0;
SELECT rows >= 0 AS flushed FROM proximadb.flush('k');
VACUUM k;
SELECT same('SELECT * FROM k WHERE n BETWEEN 5999.5 AND 6100');
SELECT same('SELECT * FROM k WHERE n = ANY (ARRAY[1, 2.0, 7000.00])');
SELECT same('SELECT * FROM k WHERE n > 12000 AND a IS NULL');
SELECT proximadb.set_options('k', sort_by => 'b, a');
CALL check_k();
-- Columns come and go
ALTER TABLE k DROP COLUMN c;
ALTER TABLE k ADD COLUMN d int DEFAULT 5;
SELECT same('SELECT * FROM k WHERE b = ''b3'' AND a > 1');
ALTER TABLE k ALTER COLUMN b TYPE varchar;
SELECT same('SELECT * FROM k WHERE b = ''b3'' AND a > 1');
SELECT count(*) FROM proximadb.verify('k');

-- Partitions
CREATE TABLE part (id int, body text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (3000);
CREATE TABLE part2 PARTITION OF part FOR VALUES FROM (3000) TO (9000) USING heap;
CREATE TABLE part3 PARTITION OF part FOR VALUES FROM (9000) TO (12000);
INSERT INTO part SELECT i, 'part ' || i FROM generate_series(0, 11999) i;
SELECT rows >= 0 AS flushed FROM proximadb.flush('part');
ANALYZE part;
EXPLAIN (COSTS OFF) SELECT * FROM part WHERE id IN (5, 10000);
SELECT same('SELECT * FROM part WHERE id IN (5, 10000)');
SELECT same('SELECT * FROM part WHERE id BETWEEN 2990 AND 9010');

-- What is skipped and read. Temporary, so that nobody else's snapshot keeps pages from being all-visible
SET proximadb.debug_direct = off;
SET proximadb.debug_flush = off;
SET proximadb.build_mem = '1MB';
CREATE TEMP TABLE f (id int PRIMARY KEY, body text);
INSERT INTO f SELECT i, repeat(md5(i::text), 6) FROM generate_series(1, 20000) i;
SELECT segments > 3 AS segments FROM proximadb.table_stats('f');
-- Before a vacuum all heap pages are read
SELECT bool_and(n = pg_relation_size('f') / 8192) AS all_pages FROM figures('SELECT * FROM f WHERE id BETWEEN 7000 AND 7200') WHERE figure IN ('Heap Pages Not Covered', 'Heap Pages Read');
VACUUM ANALYZE f;
-- Runs less their number: all but one are skipped by fences, none by the filter
SELECT figure, CASE WHEN figure LIKE 'Runs%' THEN n - (SELECT segments FROM proximadb.table_stats('f')) ELSE n END AS n FROM figures('SELECT * FROM f WHERE id BETWEEN 7000 AND 7200');
SELECT figure, CASE WHEN figure LIKE 'Runs%' THEN n - (SELECT segments FROM proximadb.table_stats('f')) ELSE n END AS n FROM figures('SELECT * FROM f WHERE id = 7000');
DELETE FROM f WHERE id = 7001;
UPDATE f SET body = 'changed' WHERE id = 15000;
SELECT figure, n FROM figures('SELECT * FROM f WHERE id = 7000') WHERE figure LIKE 'Heap%';
-- The filter: runs that overlap
CREATE TEMP TABLE g (id int PRIMARY KEY, body text);
INSERT INTO g SELECT i * 2, repeat(md5(i::text), 6) FROM generate_series(1, 20000) i ORDER BY md5(i::text);
ANALYZE g;
SELECT sum(n) FILTER (WHERE figure = 'Runs Skipped by Filter') >= sum(n) FILTER (WHERE figure = 'Runs') - 1 AS filtered FROM figures('SELECT * FROM g WHERE id = 7001');
SELECT same('SELECT * FROM g WHERE id BETWEEN 7000 AND 7100');
VACUUM g;
SELECT same('SELECT * FROM g WHERE id BETWEEN 7000 AND 7100');
SELECT n > 0 AS no_run_in_range FROM figures('SELECT * FROM g WHERE id > 50000') WHERE figure = 'Runs Skipped by Fences';
-- Little work_mem: rows of others are looked at
SET work_mem = '64kB';
SELECT same('SELECT * FROM g WHERE id BETWEEN 7000 AND 27000');
RESET work_mem;
DROP TABLE f, g;
RESET client_min_messages;
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA lsm_key_scan CASCADE;
