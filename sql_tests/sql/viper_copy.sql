--
-- COPY in and out: text, CSV, binary; errors load nothing and say where they are.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_copy;
SET search_path = viper_copy, public;
-- In the data directory the server can write, whoever runs the test
SELECT current_setting('data_directory') || '/viper_copy.data' AS file \gset
\set remove 'cat >/dev/null; rm "' :file '"'

CREATE TABLE t (id int PRIMARY KEY, v vector(3), body text, n numeric DEFAULT 5);
COPY t (id, v, body) FROM STDIN;
1	[1,2,3]	plain
2	\N	\N
3	[1e-3,-2.5e10,0]	tab\there, newline\nthere
4	[0,0,0]	
\.
COPY t FROM STDIN (FORMAT csv, HEADER);
id,v,body,n
5,"[5,5,5]","with ""quotes"", and
two lines",1.50
6,,,
\.
COPY t (v, id) FROM STDIN (DELIMITER '|', NULL 'nil');
[7,7,7]|7
nil|8
\.
COPY t (id, v) FROM STDIN WHERE id % 2 = 0;
9	[9,9,9]
10	[10,10,10]
11	[11,11,11]
\.
SELECT * FROM t ORDER BY id;
COPY t TO STDOUT;
COPY t (body, v) TO STDOUT (FORMAT csv, FORCE_QUOTE *);
COPY (SELECT v <-> '[1,1,1]' AS d, id FROM t WHERE id <> 3 AND v IS NOT NULL ORDER BY d, id) TO STDOUT (FORMAT csv, HEADER);

-- Errors: in the value, in the number of columns, of a constraint, in the middle of many rows
BEGIN;
SAVEPOINT s;
COPY t (id, v) FROM STDIN;
20	[1,2,3]
21	[1,2,3,4]
22	[1,2,3]
\.
ROLLBACK TO s;
COPY t (id, v) FROM STDIN;
20	[1,2,3]
21	[1,NaN,3]
\.
ROLLBACK TO s;
COPY t (id, v) FROM STDIN;
20	[1,2,3]
21	[1,2,3]x
\.
ROLLBACK TO s;
COPY t FROM STDIN;
20	[1,2,3]
\.
ROLLBACK TO s;
COPY t (id, v) FROM STDIN;
20	[1,2,3]
1	[1,2,3]
\.
ROLLBACK TO s;
COPY t (v) FROM STDIN;
[1,2,3]
\.
COMMIT;
SELECT count(*), max(id) FROM t;

-- Many rows, through a file, as text and binary
CREATE FUNCTION v768(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0 || ',-' || i % 7, 255) || ',' || i % 3 || ',0.5]')::vector $$;
CREATE TABLE source (id int, v vector(768), body text, n numeric, a int[], f float8, none int);
INSERT INTO source
SELECT i, CASE WHEN i % 9 <> 0 THEN v768(i) END, nullif('body ' || i % 50, 'body 7'), i / 7.0, ARRAY[i, NULL, -i], sqrt(i), NULL
FROM generate_series(1, 500) i;
CREATE TABLE copied (LIKE source);
COPY source TO :'file';
COPY copied FROM :'file';
SELECT count(*), bool_and(s IS NOT DISTINCT FROM c) FROM source s JOIN copied c USING (id);
TRUNCATE copied;
COPY source TO :'file' (FORMAT binary);
COPY copied FROM :'file' (FORMAT binary);
SELECT count(*), bool_and(s IS NOT DISTINCT FROM c) FROM source s JOIN copied c USING (id);
COPY (SELECT v, id FROM copied WHERE n > 50 ORDER BY id) TO :'file' (FORMAT binary);
CREATE TABLE part (v vector(768), id bigint);
COPY part FROM :'file' (FORMAT binary);
ALTER TABLE part ALTER id TYPE int;
COPY part FROM :'file' (FORMAT binary);
SELECT count(*), min(id), max(id), bool_and(v = v768(id)), count(*) - count(v) AS nulls FROM part;

-- A wrong dimension after 400 good rows of 3 kB: nothing stays
COPY (SELECT CASE WHEN id = 401 THEN subvector(v, 1, 767) ELSE v END, id FROM source WHERE v IS NOT NULL OR id = 402 ORDER BY id) TO :'file' (FORMAT csv);
TRUNCATE part;
COPY part FROM :'file' (FORMAT csv);
SELECT count(*) FROM part;

-- A duplicate after as many
COPY (SELECT id, v, body, n FROM (SELECT id, subvector(v, 1, 3) AS v, repeat('x', 1000) AS body, n FROM source
      UNION ALL SELECT 7, NULL, NULL, NULL) u) TO :'file';
COPY t FROM :'file';
TRUNCATE t;
COPY t FROM :'file';
SELECT count(*) FROM t;
INSERT INTO t VALUES (1, '[1,2,3]');
SELECT * FROM t;

-- In a transaction with other commands; FREEZE
BEGIN;
CREATE TABLE fresh (LIKE source);
COPY source TO :'file';
COPY fresh FROM :'file' (FREEZE);
SELECT count(*), bool_and(v = v768(id)) FROM fresh;
COPY fresh FROM :'file';
UPDATE fresh SET id = id + 1000 WHERE id > 400;
SELECT count(*), bool_and(v = v768(id % 1000)), sum(id) FROM fresh;
COMMIT;
SELECT count(*), bool_and(v = v768(id % 1000)), sum(id) FROM fresh;
BEGIN;
TRUNCATE fresh;
COPY fresh FROM :'file' (FREEZE);
ROLLBACK;
SELECT count(*), bool_and(v = v768(id % 1000)), sum(id) FROM fresh;
COPY fresh FROM :'file' (FREEZE);

COPY (SELECT 1) TO PROGRAM :'remove';
SET client_min_messages = warning;
DROP SCHEMA viper_copy CASCADE;
