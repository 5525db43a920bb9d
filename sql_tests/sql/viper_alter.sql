--
-- ALTER TABLE on tables with rows: columns added, dropped, renamed, retyped, constrained.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_alter;
SET search_path = viper_alter, public;
CREATE TABLE t (id int, v vector(3), a text, b int);
INSERT INTO t SELECT i, ARRAY[i, i, i]::vector, 'a' || i, i * 10 FROM generate_series(1, 5) i;

-- ADD COLUMN: without default, with one, with a volatile one, generated, identity, serial
ALTER TABLE t ADD COLUMN c int;
ALTER TABLE t ADD COLUMN d text DEFAULT 'dee';
INSERT INTO t VALUES (6, '[6,6,6]', 'a6', 60, 600, 'own'), (7, NULL, NULL, NULL, NULL, NULL);
SELECT * FROM t ORDER BY id;
ALTER TABLE t ADD COLUMN e vector(2) DEFAULT '[1,2]' NOT NULL;
ALTER TABLE t ADD COLUMN w vector(768) DEFAULT (('[' || repeat('0.5,', 767) || '1]')::vector);
INSERT INTO t (id, d) VALUES (8, 'eight');
SELECT id, c, d, e, vector_norm(w)::numeric(8, 4) FROM t ORDER BY id;
ALTER TABLE t ALTER d SET DEFAULT 'changed';
ALTER TABLE t ALTER d DROP DEFAULT;
SELECT DISTINCT d FROM t ORDER BY d;
UPDATE t SET c = id WHERE id < 3;
UPDATE t SET d = NULL WHERE id = 4;
SELECT id, v, a, b, c, d, e FROM t ORDER BY id;
CREATE SEQUENCE seq;
ALTER TABLE t ADD COLUMN vol int DEFAULT nextval('seq');
ALTER TABLE t ADD COLUMN gen text GENERATED ALWAYS AS (a || '/' || d) STORED;
ALTER TABLE t ADD COLUMN ident int GENERATED ALWAYS AS IDENTITY;
SELECT id, v, a, b, c, d, e, vector_dims(w), vol > 0 AS vol, gen, ident > 0 AS ident FROM t ORDER BY id;
SELECT count(DISTINCT vol), count(DISTINCT ident) FROM t;

-- DROP COLUMN: in the middle, with sealed values, then add again under the same name
ALTER TABLE t DROP COLUMN a CASCADE;
ALTER TABLE t DROP COLUMN v;
INSERT INTO t (id, b, d) VALUES (9, 90, 'nine');
SELECT id, b, c, d, e, vol > 0 AS vol FROM t ORDER BY id;
ALTER TABLE t ADD COLUMN v vector(3) DEFAULT '[9,9,9]';
ALTER TABLE t ADD COLUMN a int;
UPDATE t SET a = id WHERE id % 2 = 0;
SELECT id, a, v, d FROM t ORDER BY id;
SELECT md5(t::text) IS NOT NULL, (t).v FROM t WHERE id = 1;
CREATE INDEX ON t (v);
CREATE INDEX ON t (d);
SET enable_seqscan = off;
SELECT id, v FROM t WHERE v = '[9,9,9]' AND d = 'dee' ORDER BY id;
RESET enable_seqscan;

-- RENAME; a new name, the old values
ALTER TABLE t RENAME COLUMN d TO dd;
ALTER TABLE t RENAME TO renamed;
SELECT id, dd FROM renamed WHERE dd LIKE '%e%' ORDER BY id;

-- ALTER TYPE without a rewrite, with one, to and from vector, with USING, with an error
CREATE TABLE ty (id int, vc varchar(10), num numeric(10,2), i int, txt text, v vector(3), anyv vector, arr float4[]);
INSERT INTO ty SELECT i, 'vc' || i, i / 8.0, i, '[' || i || ',0]', ARRAY[i, 1, 2]::vector, ARRAY[i, i]::vector, ARRAY[i, 2 * i] FROM generate_series(1, 300) i;
ALTER TABLE ty ALTER vc TYPE varchar(20);
ALTER TABLE ty ALTER vc TYPE text;
ALTER TABLE ty ALTER num TYPE numeric(12,2);
INSERT INTO ty VALUES (301, repeat('long ', 10), 0.5, 301, '[301,0]', '[301,1,2]', '[301,301]', '{301,602}');
SELECT count(*), bool_and(vc = 'vc' || id OR id = 301), sum(num) FROM ty;
ALTER TABLE ty ALTER i TYPE bigint;
ALTER TABLE ty ALTER num TYPE numeric(12,1), ALTER id TYPE text, ADD COLUMN x int DEFAULT 3;
SELECT count(*), sum(i), sum(num), sum(x), bool_and(v = ARRAY[i::int, 1, 2]::vector) FROM ty;
ALTER TABLE ty ALTER txt TYPE vector(2) USING txt::vector, ALTER arr TYPE vector(2) USING arr::vector(2), ALTER anyv TYPE vector(2);
SELECT count(*), bool_and(txt = ARRAY[i::int, 0]::vector AND arr = ARRAY[i::int, 2 * i::int]::vector AND anyv = ARRAY[i::int, i::int]::vector) FROM ty;
ALTER TABLE ty ALTER v TYPE vector(4);
ALTER TABLE ty ALTER v TYPE vector;
ALTER TABLE ty ALTER v TYPE text USING v::text;
SELECT * FROM ty WHERE i IN (1, 301) ORDER BY i;
ALTER TABLE ty ALTER v TYPE int USING i / (i - 300);
SELECT count(*), max(v) FROM ty;

-- Constraints and NOT NULL, checked against sealed rows
ALTER TABLE renamed ALTER dd SET NOT NULL;
UPDATE renamed SET dd = 'now' WHERE dd IS NULL;
ALTER TABLE renamed ALTER dd SET NOT NULL;
UPDATE renamed SET dd = NULL WHERE id = 1;
ALTER TABLE renamed ADD CONSTRAINT dims CHECK (vector_dims(v) = 3 AND v <-> '[9,9,9]' < 1);
ALTER TABLE renamed ADD CONSTRAINT no_a CHECK (a IS NULL OR a > 4);
ALTER TABLE renamed ADD CONSTRAINT no_a CHECK (a IS NULL OR a > 4) NOT VALID;
UPDATE renamed SET c = 1 WHERE id = 2;
UPDATE renamed SET c = 1 WHERE id = 6;
ALTER TABLE renamed VALIDATE CONSTRAINT no_a;
DELETE FROM renamed WHERE a <= 4;
ALTER TABLE renamed VALIDATE CONSTRAINT no_a;
INSERT INTO renamed (id, dd, v) VALUES (10, 'x', '[1,1,1]');
ALTER TABLE renamed ADD PRIMARY KEY (id);
SELECT id, a, c, dd, v FROM renamed ORDER BY id;

-- In one transaction with a load, rolled back to a savepoint
BEGIN;
CREATE TABLE s (id int, v vector(3), body text);
INSERT INTO s SELECT i, ARRAY[i, i, i]::vector, repeat('s', 1000) FROM generate_series(1, 500) i;
SAVEPOINT a;
ALTER TABLE s ADD COLUMN n int DEFAULT 7;
ALTER TABLE s DROP COLUMN body;
INSERT INTO s SELECT i, ARRAY[i, i, i]::vector, 8 FROM generate_series(501, 1000) i;
ALTER TABLE s ALTER id TYPE bigint;
SELECT n, count(*), sum(id), bool_and(v = ARRAY[id::int, id::int, id::int]::vector) FROM s GROUP BY n ORDER BY n;
ROLLBACK TO a;
SELECT count(*), sum(length(body)), bool_and(v = ARRAY[id, id, id]::vector) FROM s;
ALTER TABLE s ADD COLUMN m text DEFAULT 'm';
INSERT INTO s VALUES (1001, '[1,1,1]', 'b', 'own');
COMMIT;
SELECT m, count(*), sum(length(body)) FROM s GROUP BY m ORDER BY m;

-- Storage of columns; statistics; owner, comments
ALTER TABLE s ALTER body SET STORAGE EXTERNAL, ALTER v SET STATISTICS 10;
INSERT INTO s VALUES (1002, '[2,2,2]', repeat('e', 100000));
SELECT length(body) FROM s WHERE id = 1002;
COMMENT ON TABLE s IS 'a viper table';
COMMENT ON COLUMN s.v IS 'its vector';
SELECT obj_description('s'::regclass, 'pg_class'), col_description('s'::regclass, 2);

SET client_min_messages = warning;
DROP SCHEMA viper_alter CASCADE;
