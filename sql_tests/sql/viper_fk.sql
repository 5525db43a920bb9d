--
-- Foreign keys: a viper table on either side, beside heap tables, with every action.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_fk;
SET search_path = viper_fk, public;

CREATE TABLE parent (id int PRIMARY KEY, code text UNIQUE, v vector(3));
CREATE TABLE child (id int PRIMARY KEY, parent_id int REFERENCES parent, v vector(3));
INSERT INTO parent SELECT i, 'code' || i, ARRAY[i, i, i]::vector FROM generate_series(1, 200) i;
INSERT INTO child SELECT i, 1 + i % 100, ARRAY[i, 0, 0]::vector FROM generate_series(1, 400) i;
INSERT INTO child VALUES (1000, NULL, '[1,2,3]');

-- Both sides refuse what breaks the key
INSERT INTO child VALUES (1001, 999, '[1,2,3]');
INSERT INTO child SELECT 2000 + i, i, '[1,2,3]' FROM generate_series(150, 250) i;
UPDATE child SET parent_id = 0 WHERE id = 5;
DELETE FROM parent WHERE id = 7;
UPDATE parent SET id = 1000 WHERE id = 7;
UPDATE parent SET v = '[0,0,0]', code = 'changed' WHERE id = 7;
DELETE FROM parent WHERE id = 150;
UPDATE parent SET id = 1001 WHERE id = 151;
SELECT count(*), sum(id), sum(vector_dims(v)) FROM parent;
SELECT count(*), sum(parent_id) FROM child;

-- Cascades
CREATE TABLE cascading (id int PRIMARY KEY, parent_id int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE, v vector(3));
CREATE TABLE nulling (id int, code text REFERENCES parent (code) ON DELETE SET NULL ON UPDATE CASCADE, v vector(3));
CREATE TABLE defaulting (id int, code text DEFAULT 'code200' REFERENCES parent (code) ON DELETE SET DEFAULT ON UPDATE SET DEFAULT, v vector(3)) USING heap;
CREATE TABLE grandchild (id int, child_id int REFERENCES cascading ON DELETE CASCADE, v vector(3));
INSERT INTO cascading SELECT i, 100 + i % 50, ARRAY[i, 1, 1]::vector FROM generate_series(1, 200) i WHERE i % 50 <> 0 AND 100 + i % 50 NOT IN (150, 151);
INSERT INTO nulling SELECT i, 'code' || 100 + i % 40, ARRAY[i, 2, 2]::vector FROM generate_series(1, 200) i;
INSERT INTO defaulting SELECT i, 'code' || 100 + i % 40, ARRAY[i, 3, 3]::vector FROM generate_series(1, 100) i;
INSERT INTO grandchild SELECT id * 10, id, v FROM cascading;
DELETE FROM parent WHERE id BETWEEN 110 AND 120;
SELECT count(*), sum(id), count(parent_id), bool_and(v = ARRAY[id, 1, 1]::vector) FROM cascading;
SELECT count(*), count(DISTINCT child_id), bool_and(v = ARRAY[id / 10, 1, 1]::vector) FROM grandchild;
SELECT count(*), count(code), bool_and(v = ARRAY[id, 2, 2]::vector) FROM nulling;
SELECT count(*), count(*) FILTER (WHERE code = 'code200'), bool_and(v = ARRAY[id, 3, 3]::vector) FROM defaulting;
UPDATE parent SET id = id + 5000, code = code || 'x' WHERE id IN (121, 122);
SELECT id, parent_id, v FROM cascading WHERE parent_id > 5000 ORDER BY id;
SELECT id, code, v FROM nulling WHERE code LIKE '%x' ORDER BY id;
SELECT count(*) FROM defaulting WHERE code = 'code200';

-- Deferred, and both rows new in the same transaction
CREATE TABLE node (id int PRIMARY KEY, next int REFERENCES node DEFERRABLE INITIALLY DEFERRED, v vector(3));
BEGIN;
INSERT INTO node SELECT i, i % 300 + 1, ARRAY[i, i, i]::vector FROM generate_series(1, 300) i;
COMMIT;
SELECT count(*), count(*) FILTER (WHERE a.v <> b.v) FROM node a JOIN node b ON a.next = b.id;
BEGIN;
DELETE FROM node WHERE id = 10;
INSERT INTO node VALUES (301, 302, '[1,1,1]');
SAVEPOINT a;
COMMIT;
BEGIN;
DELETE FROM node WHERE id = 10;
UPDATE node SET next = 11, v = '[9,9,9]' WHERE id = 9;
COMMIT;
SELECT * FROM node WHERE id BETWEEN 8 AND 12 ORDER BY id;
BEGIN;
INSERT INTO node SELECT i, i + 1, ARRAY[i, i, i]::vector FROM generate_series(1001, 1400) i;
SAVEPOINT a;
INSERT INTO node VALUES (1401, 1402);
ROLLBACK TO a;
INSERT INTO node VALUES (1401, NULL);
COMMIT;
SELECT count(*) FROM node WHERE id > 1000;

-- A key of several columns, MATCH FULL; NOT VALID and VALIDATE
CREATE TABLE two (a int, b text, v vector(3), PRIMARY KEY (b, a));
CREATE TABLE full_match (id int, a int, b text, v vector(3), FOREIGN KEY (a, b) REFERENCES two (a, b) MATCH FULL);
INSERT INTO two SELECT i, 'b' || i % 7, '[1,1,1]' FROM generate_series(1, 100) i;
INSERT INTO full_match SELECT i, i, 'b' || i % 7, '[2,2,2]' FROM generate_series(1, 100) i;
INSERT INTO full_match VALUES (101, 1, NULL, '[2,2,2]');
INSERT INTO full_match VALUES (101, NULL, NULL, '[2,2,2]');
INSERT INTO full_match VALUES (102, 1, 'b2', '[2,2,2]');
CREATE TABLE later (id int, parent_id int, v vector(3));
INSERT INTO later SELECT i, i, '[1,1,1]' FROM generate_series(1, 130) i;
ALTER TABLE later ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent NOT VALID;
INSERT INTO later VALUES (131, 110);
ALTER TABLE later VALIDATE CONSTRAINT fk;
DELETE FROM later WHERE parent_id BETWEEN 110 AND 122;
ALTER TABLE later VALIDATE CONSTRAINT fk;
TRUNCATE parent;
TRUNCATE parent CASCADE;
SELECT (SELECT count(*) FROM child), (SELECT count(*) FROM grandchild), (SELECT count(*) FROM later), (SELECT count(*) FROM node);

SET client_min_messages = warning;
DROP SCHEMA viper_fk CASCADE;
