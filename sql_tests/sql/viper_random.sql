--
-- Rows read in no order, from more decoded blocks than a backend keeps
--
CREATE SCHEMA viper_random;
SET search_path = viper_random, public;
SET enable_seqscan = off;
SET enable_bitmapscan = off;

CREATE FUNCTION body(i int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT repeat(md5(i::text), 64) $$;
CREATE TABLE t (id int PRIMARY KEY, n int, body text, tag text, big text) USING viper;
INSERT INTO t SELECT g, 0, body(g), CASE WHEN g % 3 > 0 THEN 'tag ' || g END, CASE WHEN g = 500 THEN repeat('x', 20000000) END FROM generate_series(1, 12000) g;
-- How many of some rows are as they should be, in an order that leaves no block with two rows in a row
CREATE FUNCTION right_ones(rows int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT count(*) FROM generate_series(1, rows) g,
            LATERAL (SELECT * FROM t WHERE id = 1 + (g * 7919) % 12000 OFFSET 0) t
        WHERE t.body = body(t.id) AND t.tag IS NOT DISTINCT FROM CASE WHEN t.id % 3 > 0 THEN 'tag ' || t.id END);
END $$;

SELECT right_ones(12000);
SELECT right_ones(200), right_ones(200);
-- A value that is more than all that is kept, between others
SELECT t.id, length(t.big), t.body = body(t.id) AS right FROM generate_series(499, 501) g, LATERAL (SELECT * FROM t WHERE id = g OFFSET 0) t;
SELECT right_ones(300);

-- Blocks of segments that are replaced, dropped and made anew
UPDATE t SET n = n + 1, tag = CASE WHEN id % 3 > 0 THEN 'tag ' || id END WHERE id % 2 = 0;
VACUUM t;
SELECT rows >= 0 AS compacted FROM proximadb.compact('t');
SELECT right_ones(2000);
BEGIN;
TRUNCATE t;
INSERT INTO t SELECT g, 0, body(g + 1) FROM generate_series(1, 1000) g;
SELECT count(*) FROM generate_series(1, 1000) g, LATERAL (SELECT * FROM t WHERE id = g OFFSET 0) t WHERE t.body = body(t.id + 1);
ROLLBACK;
SELECT right_ones(2000);
DELETE FROM t WHERE id > 6000;
VACUUM t;
INSERT INTO t SELECT g, 0, body(g), CASE WHEN g % 3 > 0 THEN 'tag ' || g END FROM generate_series(6001, 12000) g;
SELECT right_ones(12000);
SELECT * FROM proximadb.verify('t');

DROP SCHEMA viper_random CASCADE;
