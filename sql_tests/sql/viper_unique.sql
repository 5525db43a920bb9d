--
-- Unique and exclusion constraints, ON CONFLICT.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_unique;
SET search_path = viper_unique, public;

CREATE TABLE t (id int PRIMARY KEY, email text UNIQUE, a int, b int, v vector(3), hits int DEFAULT 0, UNIQUE (a, b));
INSERT INTO t SELECT i, 'user' || i, i % 10, i / 10, ARRAY[i, i, i]::vector FROM generate_series(1, 100) i;

-- Violations: of single rows, in the middle of a statement, by an update
INSERT INTO t VALUES (1, 'new', 90, 90);
INSERT INTO t VALUES (101, 'user5', 90, 90);
INSERT INTO t VALUES (101, 'new', 5, 5);
INSERT INTO t SELECT 200 - i, 'other' || i, 100 + i, i, '[1,2,3]' FROM generate_series(1, 150) i;
UPDATE t SET id = 2 WHERE id = 1;
UPDATE t SET email = 'user2' WHERE id = 1;
UPDATE t SET id = id + 1;
SELECT count(*), sum(id), sum(hits), count(DISTINCT v) FROM t;
UPDATE t SET id = -id, email = NULL WHERE id > 95;
INSERT INTO t VALUES (96, 'user96', 6, 99), (97, NULL, NULL, 1), (98, NULL, NULL, 1);
SELECT id, email, a, b, v FROM t WHERE abs(id) > 95 ORDER BY id;
DELETE FROM t WHERE id < 0;
INSERT INTO t SELECT i, 'back' || i, 1000, i, '[0,0,0]' FROM generate_series(99, 100) i;

-- Indexes find what the table holds, sealed or not
SET enable_seqscan = off;
SELECT id, email, v FROM t WHERE email = 'user50';
SELECT id, email, v FROM t WHERE a = 5 AND b = 5;
SELECT id, v FROM t WHERE email IN ('user96', 'user97', 'back99');
SELECT count(*) FROM t WHERE email IS NULL;
RESET enable_seqscan;

-- ON CONFLICT DO NOTHING
INSERT INTO t VALUES (1, 'x'), (500, 'user1'), (501, 'fresh'), (501, 'fresh again') ON CONFLICT DO NOTHING RETURNING id, email;
INSERT INTO t VALUES (1, 'x') ON CONFLICT (id) DO NOTHING;
INSERT INTO t VALUES (502, 'user1') ON CONFLICT (id) DO NOTHING;

-- ON CONFLICT DO UPDATE: the old row's sealed values, the new row's, both
INSERT INTO t AS old VALUES (1, 'ignored', 0, 0, '[7,7,7]')
ON CONFLICT (id) DO UPDATE SET hits = old.hits + 1, v = excluded.v, email = old.email || '+' || excluded.email
RETURNING *;
INSERT INTO t AS old VALUES (2, 'ignored', 0, 0, '[8,8,8]')
ON CONFLICT (id) DO UPDATE SET hits = old.hits + 1 WHERE old.v <> excluded.v RETURNING *;
INSERT INTO t AS old VALUES (2, 'ignored', 0, 0, '[2,2,2]')
ON CONFLICT (id) DO UPDATE SET hits = old.hits + 1 WHERE old.v <> excluded.v RETURNING *;
INSERT INTO t AS old SELECT i, 'batch' || i, 2000, i, ARRAY[i, 0, 0]::vector FROM generate_series(90, 110) i
ON CONFLICT (id) DO UPDATE SET v = old.v + excluded.v, hits = old.hits + 10;
SELECT id, email, a, v, hits FROM t WHERE hits > 1 OR a = 2000 ORDER BY id;
INSERT INTO t VALUES (600, 'a'), (600, 'b') ON CONFLICT (id) DO UPDATE SET email = excluded.email;
INSERT INTO t AS old VALUES (3, 'c') ON CONFLICT ON CONSTRAINT t_pkey DO UPDATE SET (email, v) = (SELECT email || '!', v + v FROM t WHERE id = old.id) RETURNING id, email, v;

-- The same row again and again
DO $$
BEGIN
    FOR i IN 1 .. 30 LOOP
        INSERT INTO t AS old (id, a, b, v) VALUES (10, 0, 1, '[1,1,1]') ON CONFLICT (a, b) DO UPDATE SET hits = old.hits + 1, v = old.v + excluded.v;
    END LOOP;
END $$;
SELECT id, email, v, hits FROM t WHERE id = 10;

-- Partial and expression indexes
CREATE UNIQUE INDEX t_partial ON t (email) WHERE hits > 10;
CREATE UNIQUE INDEX t_lower ON t (lower(email));
INSERT INTO t VALUES (700, 'USER40', 1, 3000);
INSERT INTO t VALUES (700, 'USER40', 1, 3000, '[4,4,4]') ON CONFLICT (lower(email)) DO UPDATE SET v = excluded.v, hits = 40 RETURNING id, email, v, hits;
INSERT INTO t VALUES (701, 'user40', 1, 3000, '[5,5,5]', 50) ON CONFLICT (email) WHERE hits > 10 DO UPDATE SET v = excluded.v RETURNING id, email, v, hits;

-- Deferred uniqueness: checked when told to, against sealed rows too
CREATE TABLE d (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v vector(3));
INSERT INTO d SELECT i, ARRAY[i, i, i]::vector FROM generate_series(1, 5) i;
BEGIN;
UPDATE d SET id = id + 1;
SELECT * FROM d ORDER BY id;
INSERT INTO d VALUES (1, '[10,10,10]');
COMMIT;
BEGIN;
INSERT INTO d VALUES (3, '[0,0,0]');
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
BEGIN;
INSERT INTO d VALUES (3, '[0,0,0]');
DELETE FROM d WHERE id = 3 AND v <> '[0,0,0]';
COMMIT;
SELECT * FROM d ORDER BY id;

-- Exclusion constraints
CREATE TABLE rooms (id int, room text, during int4range, v vector(3), EXCLUDE USING gist (during WITH &&) WHERE (room = 'a'));
INSERT INTO rooms VALUES (1, 'a', '[1,5)', '[1,1,1]'), (2, 'b', '[1,5)', '[2,2,2]'), (3, 'a', '[5,9)', '[3,3,3]');
INSERT INTO rooms VALUES (4, 'a', '[4,6)', '[4,4,4]');
UPDATE rooms SET room = 'a' WHERE id = 2;
INSERT INTO rooms VALUES (4, 'a', '[4,6)', '[4,4,4]') ON CONFLICT DO NOTHING;
UPDATE rooms SET during = '[20,30)' WHERE id = 1 RETURNING *;
UPDATE rooms SET room = 'a' WHERE id = 2 RETURNING *;
CREATE TABLE ex (c circle, v vector(3), EXCLUDE USING gist (c WITH &&));
INSERT INTO ex SELECT circle(point(i * 3, 0), 1), ARRAY[i, 0, 0]::vector FROM generate_series(1, 50) i;
INSERT INTO ex SELECT circle(point(i * 3, 5), CASE i WHEN 49 THEN 5 ELSE 1 END), '[0,0,1]' FROM generate_series(1, 50) i;
SELECT count(*) FROM ex;

-- Constraint made after the rows
CREATE TABLE late (id int, v vector(3));
INSERT INTO late SELECT i % 50, ARRAY[i % 50, 1, 1]::vector FROM generate_series(1, 51) i;
ALTER TABLE late ADD UNIQUE (id);
DELETE FROM late WHERE ctid = (SELECT max(ctid) FROM late WHERE id = 1);
ALTER TABLE late ADD PRIMARY KEY (id);
INSERT INTO late VALUES (7, NULL);
INSERT INTO late VALUES (7, '[7,7,7]') ON CONFLICT (id) DO UPDATE SET v = late.v + excluded.v RETURNING *;

SET client_min_messages = warning;
DROP SCHEMA viper_unique CASCADE;
