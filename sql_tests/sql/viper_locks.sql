--
-- Row locks taken by one session, alone and with updates after them.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_locks;
SET search_path = viper_locks, public;
CREATE TABLE t (id int PRIMARY KEY, v vector(3), body text);
CREATE TABLE other (id int PRIMARY KEY, t_id int, v vector(3)) USING heap;
INSERT INTO t SELECT i, ARRAY[i, i, i]::vector, 'body ' || i FROM generate_series(1, 10) i;
INSERT INTO other SELECT i, i + 1, ARRAY[i, 0, 0]::vector FROM generate_series(1, 5) i;

BEGIN;
SELECT * FROM t WHERE id < 3 ORDER BY id FOR UPDATE;
SELECT * FROM t WHERE id = 2 FOR NO KEY UPDATE;
SELECT v FROM t WHERE id = 3 FOR SHARE;
SELECT body FROM t WHERE id = 3 FOR KEY SHARE;
UPDATE t SET body = 'locked, then updated' WHERE id = 1;
SELECT * FROM t WHERE id = 1 FOR UPDATE;
UPDATE t SET id = 100 WHERE id = 3 RETURNING *;
DELETE FROM t WHERE id = 2 RETURNING *;
SELECT id, v, body FROM t WHERE id IN (1, 2, 3, 100) ORDER BY id;
COMMIT;

-- In subtransactions that end either way
BEGIN;
SELECT id FROM t WHERE id = 4 FOR KEY SHARE;
SAVEPOINT a;
SELECT id, v FROM t WHERE id = 4 FOR UPDATE;
UPDATE t SET v = '[0,0,0]' WHERE id = 4;
ROLLBACK TO a;
SELECT id, v FROM t WHERE id = 4 FOR SHARE;
SAVEPOINT b;
UPDATE t SET v = '[4,0,0]' WHERE id = 4;
RELEASE b;
SELECT id, v FROM t WHERE id = 4 FOR UPDATE NOWAIT;
COMMIT;
SELECT * FROM t WHERE id = 4;

-- With joins, of one table; skip locked; in a query with LIMIT and ORDER BY; in a subquery
BEGIN;
SELECT t.*, o.v FROM t JOIN other o ON o.t_id = t.id ORDER BY t.id FOR UPDATE OF t;
SELECT t.id, o.v FROM t JOIN other o ON o.t_id = t.id ORDER BY t.id FOR SHARE;
SELECT a.id, b.body FROM t a LEFT JOIN t b ON b.id = a.id + 1 WHERE a.id > 8 ORDER BY a.id FOR UPDATE OF a;
SELECT id, v, body FROM t ORDER BY v DESC LIMIT 2 FOR UPDATE SKIP LOCKED;
SELECT sum(vector_dims(v)) FROM (SELECT v FROM t FOR UPDATE) x;
UPDATE t SET v = x.v + '[1,1,1]' FROM (SELECT * FROM t WHERE id > 7 FOR UPDATE) x WHERE t.id = x.id RETURNING t.*;
ROLLBACK;

-- A lock on rows just loaded by this transaction, many of them
BEGIN;
INSERT INTO t SELECT i, ARRAY[i, i, i]::vector, repeat('l', 1000) FROM generate_series(1001, 1500) i;
SELECT count(*), bool_and(v = ARRAY[id, id, id]::vector) FROM (SELECT * FROM t WHERE id > 1000 FOR UPDATE) x;
SAVEPOINT a;
DELETE FROM t WHERE id BETWEEN 1100 AND 1199;
SELECT count(*) FROM (SELECT * FROM t WHERE id > 1000 FOR KEY SHARE) x;
ROLLBACK TO a;
COMMIT;
SELECT count(*), bool_and(v = ARRAY[id, id, id]::vector AND length(body) = 1000) FROM t WHERE id > 1000;

-- Locked rows survive vacuum and freezing
BEGIN;
SELECT count(*) FROM (SELECT 1 FROM t FOR SHARE) x;
COMMIT;
VACUUM (FREEZE) t;
SELECT count(*), bool_and(v = ARRAY[id, id, id]::vector) FROM t WHERE id > 4 AND id <> 100;

SET client_min_messages = warning;
DROP SCHEMA viper_locks CASCADE;
