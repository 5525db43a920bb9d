--
-- Cursors: forward and backward, scrolling, held, for updates at their place; against loads around them.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_cursors;
SET search_path = viper_cursors, public;
CREATE TABLE t (id int PRIMARY KEY, v vector(3), body text);
INSERT INTO t SELECT i, ARRAY[i, 2 * i, 3 * i]::vector, 'body ' || i FROM generate_series(1, 10) i;

BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT * FROM t;
FETCH 3 FROM c;
FETCH BACKWARD 2 FROM c;
FETCH LAST FROM c;
FETCH NEXT FROM c;
FETCH PRIOR FROM c;
FETCH ABSOLUTE 5 FROM c;
FETCH RELATIVE -2 FROM c;
FETCH FIRST FROM c;
FETCH PRIOR FROM c;
FETCH ABSOLUTE -1 FROM c;
MOVE BACKWARD ALL IN c;
FETCH ALL FROM c;
FETCH BACKWARD ALL FROM c;
CLOSE c;

-- Backwards through other scans
SET LOCAL enable_seqscan = off;
DECLARE i SCROLL CURSOR FOR SELECT id, v FROM t WHERE id > 3 ORDER BY id;
FETCH 2 FROM i;
FETCH LAST FROM i;
FETCH BACKWARD 2 FROM i;
CLOSE i;
DECLARE r SCROLL CURSOR FOR SELECT id, v FROM t WHERE ctid > '(0,2)' AND ctid < '(0,6)';
FETCH ALL FROM r;
FETCH BACKWARD ALL FROM r;
CLOSE r;
DECLARE d SCROLL CURSOR FOR SELECT id, body FROM t WHERE ctid = ANY ('{"(0,3)","(0,7)","(0,1)"}');
FETCH ALL FROM d;
FETCH BACKWARD 2 FROM d;
CLOSE d;
COMMIT;

-- WHERE CURRENT OF
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM t FOR UPDATE;
FETCH 2 FROM c;
UPDATE t SET v = '[0,0,0]', body = body || ' at cursor' WHERE CURRENT OF c;
FETCH 1 FROM c;
DELETE FROM t WHERE CURRENT OF c RETURNING *;
UPDATE t SET body = 'twice' WHERE CURRENT OF c;
FETCH 1 FROM c;
COMMIT;
SELECT * FROM t ORDER BY id LIMIT 4;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM t;
MOVE 4 IN c;
FETCH 1 FROM c;
UPDATE t SET body = 'current of' WHERE CURRENT OF c RETURNING id, v, body;
COMMIT;

-- A cursor sees what was there when it was opened
BEGIN;
DECLARE before CURSOR FOR SELECT count(*), count(v), max(body COLLATE "C") FROM t;
DECLARE rows_before NO SCROLL CURSOR FOR SELECT id, v FROM t;
FETCH 1 FROM rows_before;
INSERT INTO t SELECT i, ARRAY[i, i, i]::vector, repeat('x', 1000) FROM generate_series(100, 899) i;
DECLARE after CURSOR FOR SELECT id, v FROM t WHERE id > 700 ORDER BY id;
UPDATE t SET v = '[9,9,9]' WHERE id < 5;
DELETE FROM t WHERE id IN (6, 899);
FETCH ALL FROM before;
FETCH ALL FROM rows_before;
FETCH 2 FROM after;
MOVE ALL IN after;
SELECT count(*), count(v), sum(length(body)) FROM t;
ROLLBACK;

-- Open while rows come and go, to the end of the transaction and beyond it
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT id, v, body FROM t ORDER BY id;
DECLARE held_scroll SCROLL CURSOR WITH HOLD FOR SELECT id, v, length(body) FROM t WHERE id > 1000 ORDER BY id;
INSERT INTO t SELECT i, ARRAY[i, i, i]::vector, repeat('y', 500) FROM generate_series(1001, 2000) i;
DECLARE held_new SCROLL CURSOR WITH HOLD FOR SELECT id, v, length(body) FROM t WHERE id > 1000 ORDER BY id;
DECLARE held_all CURSOR WITH HOLD FOR SELECT id, v FROM t WHERE id > 1000;
COMMIT;
FETCH 2 FROM held;
FETCH 2 FROM held_scroll;
FETCH 1 FROM held_new;
MOVE ALL IN held_all;
TRUNCATE t;
FETCH 2 FROM held;
FETCH LAST FROM held_new;
FETCH BACKWARD 2 FROM held_new;
CLOSE ALL;

-- A cursor in plpgsql walks over the table it changes
INSERT INTO t SELECT i, ARRAY[i, i, i]::vector, 'walk' FROM generate_series(1, 500) i;
DO $$
DECLARE
    c CURSOR FOR SELECT * FROM t ORDER BY id FOR UPDATE;
    seen int := 0;
BEGIN
    FOR r IN c LOOP
        seen := seen + 1;
        IF r.v <> ARRAY[r.id, r.id, r.id]::vector THEN
            RAISE EXCEPTION 'row % has %', r.id, r.v;
        END IF;
        IF r.id % 3 = 0 THEN
            DELETE FROM t WHERE CURRENT OF c;
        ELSIF r.id % 3 = 1 THEN
            UPDATE t SET v = ARRAY[r.id, 0, 0]::vector, body = r.body || r.id WHERE CURRENT OF c;
        END IF;
        INSERT INTO t VALUES (r.id + 10000, r.v, 'added');
    END LOOP;
    RAISE NOTICE 'seen %', seen;
END $$;
SELECT body ~ '^walk\d', body = 'added', count(*), sum(id), bool_and(v = ARRAY[id % 10000, id % 10000, id % 10000]::vector) FROM t GROUP BY 1, 2 ORDER BY 1, 2;

SET client_min_messages = warning;
DROP SCHEMA viper_cursors CASCADE;
