--
-- Partitions, of viper and of heap; inheritance.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_partition;
SET search_path = viper_partition, public;
CREATE TABLE p (id int, region text, v vector(3), body text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE p_eu PARTITION OF p FOR VALUES IN ('eu') USING viper;
CREATE TABLE p_us PARTITION OF p FOR VALUES IN ('us') USING heap;
CREATE TABLE p_as PARTITION OF p FOR VALUES IN ('as') PARTITION BY RANGE (id);
CREATE TABLE p_as1 PARTITION OF p_as FOR VALUES FROM (0) TO (150) USING viper;
CREATE TABLE p_as2 PARTITION OF p_as FOR VALUES FROM (150) TO (MAXVALUE) USING heap;
CREATE INDEX ON p (body);
INSERT INTO p SELECT i, (ARRAY['eu', 'us', 'as'])[1 + i % 3], ARRAY[i, i, i]::vector, repeat('b', 1000) || i FROM generate_series(1, 900) i;
SELECT tableoid::regclass::text AS part, count(*), sum(id), bool_and(v = ARRAY[id, id, id]::vector AND length(body) = 1000 + length(id::text)) FROM p GROUP BY 1 ORDER BY 1;
INSERT INTO p VALUES (1, 'xx', '[1,1,1]');
COPY p FROM STDIN;
1001	eu	[1,1,1]	copied
1002	us	[2,2,2]	copied
1003	as	[3,3,3]	copied
1004	eu	\N	\N
\.
SELECT tableoid::regclass, id, v, body FROM p WHERE id > 1000 ORDER BY id;

-- Rows that move: viper to heap, heap to viper, within and beyond
UPDATE p SET region = 'us' WHERE id IN (3, 6, 9) RETURNING tableoid::regclass, id, region, v;
UPDATE p SET region = 'eu', v = v + '[1,0,0]' WHERE id IN (1, 4) RETURNING tableoid::regclass, id, region, v;
UPDATE p SET id = id + 2000 WHERE region = 'as' AND id < 20 RETURNING tableoid::regclass, id, v;
UPDATE p SET region = CASE region WHEN 'eu' THEN 'us' ELSE 'eu' END, v = '[0,0,0]' WHERE region IN ('eu', 'us');
SELECT tableoid::regclass::text AS part, count(*), sum(id), count(DISTINCT v) FROM p GROUP BY 1 ORDER BY 1;
UPDATE p_eu SET region = 'us' WHERE id = 1002;
DELETE FROM p WHERE id % 7 = 0;
INSERT INTO p VALUES (10, 'eu', '[1,2,3]') ON CONFLICT (id, region) DO UPDATE SET v = excluded.v, body = 'conflict' RETURNING tableoid::regclass, *;
INSERT INTO p VALUES (10, 'eu', '[1,2,3]') ON CONFLICT (id, region) DO UPDATE SET region = 'us' RETURNING tableoid::regclass, *;
MERGE INTO p USING (VALUES (10, 'eu'), (11, 'zz'), (12, 'as')) s (id, region) ON p.id = s.id AND p.region = s.region
WHEN MATCHED THEN UPDATE SET body = 'merged' WHEN NOT MATCHED AND s.region <> 'zz' THEN INSERT VALUES (s.id, s.region, '[5,5,5]', 'merged');
SELECT tableoid::regclass, id, region, v, body FROM p WHERE body IN ('merged', 'conflict') ORDER BY id;
SELECT tableoid::regclass::text AS part, count(*), sum(id) FROM p GROUP BY 1 ORDER BY 1;

-- Attach and detach, columns in another order, a default partition
CREATE TABLE p_au (body text, gone int, v vector(3), region text NOT NULL, id int NOT NULL) USING viper;
ALTER TABLE p_au DROP COLUMN gone;
INSERT INTO p_au SELECT 'au ' || i, ARRAY[i, i, i]::vector, 'au', i FROM generate_series(1, 500) i;
ALTER TABLE p ATTACH PARTITION p_au FOR VALUES IN ('au');
CREATE TABLE p_default PARTITION OF p DEFAULT;
INSERT INTO p SELECT i, CASE WHEN i % 2 = 0 THEN 'au' ELSE 'zz' END, ARRAY[i, i, i]::vector, repeat('d', 2000) FROM generate_series(3001, 3300) i;
SELECT tableoid::regclass::text AS part, count(*), bool_and(v = ARRAY[id, id, id]::vector) FROM p WHERE region IN ('au', 'zz') GROUP BY 1 ORDER BY 1;
UPDATE p SET region = 'eu' WHERE region = 'au' AND id IN (12, 15) RETURNING tableoid::regclass, *;
UPDATE p SET region = 'au', body = 'moved' WHERE region = 'zz' AND id <= 3003 RETURNING tableoid::regclass, id, v, body;
SELECT p FROM p WHERE id = 3003;
ALTER TABLE p DETACH PARTITION p_au;
SELECT count(*), min(id), max(id) FROM p_au;
CREATE TABLE p_bad (LIKE p) USING viper;
INSERT INTO p_bad VALUES (1, 'other', '[1,1,1]', 'x');
ALTER TABLE p ATTACH PARTITION p_bad FOR VALUES IN ('bad');
DROP TABLE p_eu;
SELECT count(*) FROM p;
ALTER TABLE p ADD COLUMN extra int DEFAULT 4;
SELECT tableoid::regclass::text AS part, sum(extra) FROM p GROUP BY 1 ORDER BY 1;
ALTER TABLE p ALTER COLUMN body TYPE varchar(3000);
SELECT tableoid::regclass::text AS part, sum(id), sum(length(body)) FROM p GROUP BY 1 ORDER BY 1;
VACUUM ANALYZE p;

-- Triggers on partitions, foreign keys to and from them
CREATE TABLE ref (id bigint, region text, v vector(3), FOREIGN KEY (id, region) REFERENCES p ON UPDATE CASCADE ON DELETE CASCADE);
INSERT INTO ref SELECT id, region, v FROM p WHERE region IN ('as', 'zz');
INSERT INTO ref VALUES (9999, 'as');
UPDATE p SET region = 'us' WHERE region = 'zz' AND id <= 3021;
DELETE FROM p WHERE region = 'as' AND id < 100;
SELECT region, count(*), sum(id) FROM ref GROUP BY region ORDER BY region;

-- Inheritance
CREATE TABLE base (id int, v vector(3));
CREATE TABLE derived (more text) INHERITS (base);
CREATE TABLE heaped (less text) INHERITS (base) USING heap;
INSERT INTO base VALUES (1, '[1,1,1]');
INSERT INTO derived SELECT i, ARRAY[i, i, i]::vector, repeat('m', 3000) FROM generate_series(2, 150) i;
INSERT INTO heaped VALUES (3, '[3,3,3]', 'less');
SELECT tableoid::regclass::text AS part, count(*), sum(id), sum(vector_dims(v)) FROM base GROUP BY 1 ORDER BY 1;
UPDATE base SET v = '[9,9,9]' WHERE id IN (1, 2, 3);
DELETE FROM ONLY base;
SELECT tableoid::regclass, id, v FROM base WHERE v = '[9,9,9]' ORDER BY id;
SELECT base FROM base WHERE id = 2;
ALTER TABLE base ADD COLUMN extra int DEFAULT 1;
ALTER TABLE derived NO INHERIT base;
SELECT count(*), sum(extra), sum(length(more)) FROM derived;

SET client_min_messages = warning;
DROP SCHEMA viper_partition CASCADE;
