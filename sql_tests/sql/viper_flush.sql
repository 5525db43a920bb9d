--
-- proximadb.flush() and VACUUM seal hot rows in every state; nobody can tell but by size. Each table has a twin that is a heap.
--
SET default_table_access_method = viper;
CREATE EXTENSION IF NOT EXISTS pageinspect;
CREATE SCHEMA viper_flush;
SET search_path = viper_flush, public;

CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0 || ',-' || i % 7, 21) || ']')::vector $$;
CREATE FUNCTION long(i int) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT string_agg(md5(i || ':' || k), '' ORDER BY k) FROM generate_series(1, 320) k $$;
-- Tuples that stand on their page whole: their header has no room for a locator.
CREATE FUNCTION hot(t regclass) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM generate_series(0, pg_relation_size(t) / current_setting('block_size')::int - 1) b,
        heap_page_items(get_raw_page(t::text, b::int)) i
    WHERE lp_flags = 1 AND t_hoff = (23 + CASE WHEN t_infomask & 1 = 1 THEN ((t_infomask2 & 2047) + 7) / 8 ELSE 0 END + 7) / 8 * 8 $$;
CREATE FUNCTION chunks(t regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
    EXECUTE format('SELECT count(DISTINCT chunk_id) FROM %s', (SELECT reltoastrelid::regclass FROM pg_class WHERE oid = t)) INTO n;
    RETURN n;
END $$;
-- Runs a command for both tables.
CREATE PROCEDURE twice(command text, t text DEFAULT 't') LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE replace(command, '@', t);
    EXECUTE replace(command, '@', t || '_twin');
END $$;
CREATE PROCEDURE flush(t regclass) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM proximadb.flush(t);
END $$;
-- How many rows differ between a table and its twin, read by sequential scans, and by index scans where there are any
CREATE FUNCTION differ(t text DEFAULT 't', OUT seq bigint, OUT idx bigint) LANGUAGE plpgsql AS $$
DECLARE
    compare text := format('SELECT count(*) FROM ((TABLE %1$I EXCEPT ALL TABLE %1$s_twin) UNION ALL (TABLE %1$s_twin EXCEPT ALL TABLE %1$I)) d', t);
BEGIN
    EXECUTE compare INTO seq;
    EXECUTE format('SELECT count(*) FROM %1$s_twin a FULL JOIN %1$s b USING (id) WHERE a.ctid IS NULL OR b.ctid IS NULL', t) INTO idx;
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_sort = off;
    IF idx = 0 THEN
        EXECUTE format('SELECT count(*) FROM %1$s_twin twin, LATERAL (SELECT * FROM %1$s row WHERE row.id = twin.id OFFSET 0) row WHERE ROW(twin.*) IS DISTINCT FROM ROW(row.*)', t) INTO idx;
    END IF;
    SET LOCAL enable_seqscan = on;
    SET LOCAL enable_sort = on;
END $$;
-- What scans of secondary indexes find, beside what the twin, a heap, says
CREATE FUNCTION ask(condition text, OUT n bigint, OUT same boolean) LANGUAGE plpgsql AS $$
DECLARE
    what text := 'SELECT count(*), coalesce(sum(id), 0), count(v), count(body), count(big) FROM ';
    a record;
    b record;
    plan text := '';
    line text;
BEGIN
    SET LOCAL enable_seqscan = off;
    EXECUTE what || 't WHERE ' || condition INTO a;
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || what || 't WHERE ' || condition LOOP
        plan := plan || line;
    END LOOP;
    SET LOCAL enable_seqscan = on;
    IF plan LIKE '%Seq Scan%' THEN
        RAISE EXCEPTION 'no index for %: %', condition, plan;
    END IF;
    EXECUTE what || 't_twin WHERE ' || condition INTO b;
    n := a.count;
    same := a = b;
END $$;

CREATE TABLE t (id int PRIMARY KEY, grp int, code text UNIQUE, n int DEFAULT 0, v vector(64), body text, big text,
                gen int GENERATED ALWAYS AS (grp * 2) STORED);
CREATE TABLE t_twin (LIKE t INCLUDING GENERATED INCLUDING DEFAULTS, PRIMARY KEY (id)) USING heap;
CREATE INDEX ON t (grp);
CREATE INDEX ON t (body);
CREATE INDEX ON t (lower(body)) WHERE grp < 3;
CREATE INDEX ON t (gen) INCLUDE (n);
CREATE INDEX ON t USING hash (body);
CREATE INDEX ON t USING gin (to_tsvector('simple', body));
CREATE INDEX ON t USING gist (int4range(id, id + 3));
CREATE INDEX ON t USING spgist (body);
CALL twice($$INSERT INTO @ SELECT i, i % 10, 'code ' || i, 0, vec(i), 'body ' || i % 50, CASE WHEN i % 40 = 0 THEN long(i) END FROM generate_series(1, 400) i$$);

-- Live rows
SELECT rows >= 0 AS rows, segments >= 0 AS segments, bytes >= 0 AS bytes, milliseconds >= 0 AS ms FROM proximadb.flush('t');
SELECT hot('t') AS hot, chunks('t') AS chunks, * FROM differ();
SELECT * FROM ask('grp = 3');
SELECT * FROM ask('body = ''body 7''');
SELECT * FROM ask('lower(body) = ''body 1'' AND grp < 3');
SELECT * FROM ask('gen = 12');
SELECT * FROM ask('to_tsvector(''simple'', body) @@ ''17''');
SELECT * FROM ask('int4range(id, id + 3) @> 100');
-- Nothing is left for the next one.
SELECT rows, segments, bytes FROM proximadb.flush('t');

-- HOT chains: of sealed rows, and of what came of them
CALL twice('UPDATE @ SET n = n + 1');
CALL twice('UPDATE @ SET n = n + 1 WHERE id % 2 = 0');
CALL twice('UPDATE @ SET n = n + 1, body = body || ''!'' WHERE id % 3 = 0');
CALL flush('t');
SELECT * FROM differ();
CALL twice('UPDATE @ SET v = vec(id + 1) WHERE id % 5 = 0');
CALL twice('UPDATE @ SET grp = NULL WHERE id % 7 = 0');
CALL twice('UPDATE @ SET body = NULL WHERE id % 11 = 0');
CALL twice('UPDATE @ SET code = NULL WHERE id % 13 = 0');
CALL twice('UPDATE @ SET id = id + 1000 WHERE id % 17 = 0');
CALL flush('t');
SELECT * FROM differ();
SELECT * FROM ask('grp IS NULL');
SELECT * FROM ask('grp = 3');
SELECT * FROM ask('body IS NULL');
SELECT * FROM ask('body LIKE ''body 7%'' AND body >= ''body 7''');
SELECT * FROM ask('code IS NULL');
SELECT * FROM ask('id > 1000');
CALL twice('UPDATE @ SET n = n + 1, v = NULL WHERE id % 4 = 0');
VACUUM t;
CALL flush('t');
VACUUM t;
SELECT hot('t') AS hot, * FROM differ();

-- Deleted rows, in a transaction that is rolled back and in one that is not
BEGIN;
CALL twice('DELETE FROM @ WHERE id % 3 = 1');
CALL twice('UPDATE @ SET body = ''new'' WHERE id % 3 = 2');
CALL flush('t');
SELECT * FROM differ();
ROLLBACK;
SELECT * FROM differ();
CALL flush('t');
SELECT * FROM differ();
CALL twice('DELETE FROM @ WHERE id % 9 = 1');
CALL flush('t');
SELECT * FROM differ();
VACUUM t;
SELECT hot('t') AS hot, * FROM differ();

-- Aborted rows, rows of this transaction, of subtransactions
BEGIN;
CALL twice($$INSERT INTO @ (id, grp, v, body) SELECT i, i % 10, vec(i), 'aborted' FROM generate_series(2001, 2100) i$$);
ROLLBACK;
CALL flush('t');
SELECT * FROM differ();
BEGIN;
CALL twice($$INSERT INTO @ (id, grp, v, body) SELECT i, i % 10, vec(i), 'outer' FROM generate_series(2001, 2100) i$$);
SAVEPOINT a;
CALL twice($$INSERT INTO @ (id, grp, v, body) SELECT i, i % 10, vec(i), 'inner' FROM generate_series(2101, 2200) i$$);
CALL twice($$UPDATE @ SET body = 'updated' WHERE id BETWEEN 2050 AND 2150$$);
CALL flush('t');
SELECT * FROM differ();
ROLLBACK TO a;
CALL flush('t');
SELECT * FROM differ();
COMMIT;
CALL flush('t');
SELECT * FROM differ();
VACUUM t;
SELECT hot('t') AS hot, * FROM differ();

-- Locked rows
CALL twice($$INSERT INTO @ (id, grp, v, body) SELECT i, i % 10, vec(i), 'locked' FROM generate_series(3001, 3100) i$$);
BEGIN;
SELECT count(*) FROM (SELECT id FROM t WHERE id > 3000 FOR KEY SHARE) l;
SAVEPOINT a;
SELECT count(*) FROM (SELECT id FROM t WHERE id > 3050 FOR UPDATE) l;
CALL flush('t');
SELECT * FROM differ();
ROLLBACK TO a;
SELECT count(*) FROM (SELECT id FROM t WHERE id > 3000 FOR NO KEY UPDATE) l;
CALL twice('UPDATE @ SET n = 77 WHERE id > 3080');
COMMIT;
CALL flush('t');
SELECT * FROM differ();

-- A flush that is rolled back has sealed all the same; one in the middle of a query; one beside a cursor
CALL twice($$INSERT INTO @ (id, grp, v, body, big) SELECT i, i % 10, vec(i), 'cursor', CASE WHEN i % 20 = 0 THEN long(i) END FROM generate_series(4001, 4200) i$$);
DO $$ BEGIN PERFORM proximadb.flush('t'); RAISE EXCEPTION 'after the flush'; EXCEPTION WHEN raise_exception THEN NULL; END $$;
SELECT * FROM differ();
CALL twice('UPDATE @ SET big = big || ''.'' WHERE id > 4100');
SELECT * FROM differ();
CREATE TABLE c (id int PRIMARY KEY, n int DEFAULT 0, v vector(64), body text, big text);
CREATE TABLE c_twin (LIKE c INCLUDING DEFAULTS, PRIMARY KEY (id)) USING heap;
CALL twice($$INSERT INTO @ (id, v, body, big) SELECT i, vec(i), 'cursor', CASE WHEN i % 20 = 0 THEN long(i) END FROM generate_series(1, 200) i$$, 'c');
BEGIN;
DECLARE cur CURSOR FOR SELECT id, v = vec(id) AS v, body, length(big) AS big FROM c;
FETCH 2 FROM cur;
CALL flush('c');
FETCH 1 FROM cur;
CALL twice('UPDATE @ SET n = n + 1 WHERE id > 10', 'c');
CALL flush('c');
MOVE 196 IN cur;
FETCH 2 FROM cur;
COMMIT;
SELECT * FROM differ('c');
CALL flush('c');
VACUUM c;
SELECT hot('c') AS hot, * FROM differ('c');
CALL twice($$INSERT INTO @ (id, grp, v, body) SELECT i, i % 10, vec(i), 'query' FROM generate_series(4401, 4600) i$$);
SELECT count(*), bool_and(v = vec(id)) AS v, bool_and(flushed >= 0) AS flushed
FROM (SELECT id, v, CASE WHEN id % 50 = 0 THEN (SELECT rows + id * 0 FROM proximadb.flush('t')) END AS flushed FROM t WHERE id > 4400 OFFSET 0) s;
SELECT * FROM differ();

-- TOASTed values: chunks go with the rows that are sealed, once nobody can see them
VACUUM t;
CALL flush('t');
CALL twice('DELETE FROM @ WHERE id > 4000');
VACUUM t;
CREATE TABLE b (id int PRIMARY KEY, v vector(64), big text, small text);
CREATE TABLE b_twin (LIKE b, PRIMARY KEY (id)) USING heap;
CALL twice($$INSERT INTO @ SELECT i, vec(i), long(i), 'small' FROM generate_series(1, 20) i$$, 'b');
CALL flush('b');
SELECT hot('b') AS hot, chunks('b') AS chunks, * FROM differ('b');
CALL twice('UPDATE @ SET small = ''changed'' WHERE id <= 5', 'b');
CALL twice('UPDATE @ SET big = long(id + 1) WHERE id > 5 AND id <= 10', 'b');
CALL twice('UPDATE @ SET small = ''again'' WHERE id > 8 AND id <= 12', 'b');
CALL flush('b');
SELECT * FROM differ('b');
VACUUM b;
CALL twice('UPDATE @ SET big = NULL WHERE id = 1', 'b');
CALL twice('DELETE FROM @ WHERE id = 2', 'b');
BEGIN;
CALL twice('UPDATE @ SET small = ''lost''', 'b');
CALL flush('b');
ROLLBACK;
CALL flush('b');
SELECT * FROM differ('b');
VACUUM b;
SELECT pg_table_size('b') < 20 * 10240 * 3 AS small, * FROM differ('b');
-- VACUUM leaves rows with chunks hot: it may not delete those.
CALL twice($$INSERT INTO @ SELECT i, vec(i), long(i), 'small' FROM generate_series(101, 110) i$$, 'b');
VACUUM b;
SELECT * FROM differ('b');
CALL flush('b');
CALL twice('ALTER TABLE @ DROP COLUMN big', 'b');
SELECT * FROM differ('b');
CALL flush('b');
SELECT * FROM differ('b');

-- Wide keys stay hot, and so does what is no smaller sealed
CREATE TABLE w (id int PRIMARY KEY, key text UNIQUE, v vector(64));
CREATE TABLE w_twin (LIKE w, PRIMARY KEY (id)) USING heap;
CALL twice($$INSERT INTO @ SELECT i, repeat(chr(65 + i % 26), CASE WHEN i % 2 = 0 THEN 300 ELSE 20 END) || i, vec(i) FROM generate_series(1, 40) i$$, 'w');
CALL flush('w');
SELECT hot('w') AS hot, * FROM differ('w');
CALL twice('UPDATE @ SET key = left(key, 10) || id', 'w');
VACUUM w;
CALL flush('w');
SELECT hot('w') AS hot, * FROM differ('w');
INSERT INTO w SELECT 1000, key, NULL FROM w WHERE id = 7;
CREATE TABLE narrow (id int PRIMARY KEY, n int);
CREATE TABLE narrow_twin (LIKE narrow, PRIMARY KEY (id)) USING heap;
CALL twice($$INSERT INTO @ SELECT i, i FROM generate_series(1, 1000) i$$, 'narrow');
CALL flush('narrow');
SELECT pg_relation_size('narrow') <= pg_relation_size('narrow_twin') * 1.5 AS small, * FROM differ('narrow');
CREATE TABLE keys (id int PRIMARY KEY, k int UNIQUE);
CREATE TABLE keys_twin (LIKE keys, PRIMARY KEY (id)) USING heap;
CALL twice($$INSERT INTO @ SELECT i, i FROM generate_series(1, 1000) i$$, 'keys');
SELECT rows, segments FROM proximadb.flush('keys');
SELECT hot('keys') AS hot, * FROM differ('keys');

-- Columns come and go between flushes
CALL twice('ALTER TABLE @ ADD COLUMN a int DEFAULT 5');
CALL flush('t');
SELECT * FROM differ();
CALL twice($$INSERT INTO @ (id, grp, v, body, a) SELECT i, i % 10, vec(i), 'added', i FROM generate_series(5001, 5100) i$$);
CALL twice('ALTER TABLE @ ADD COLUMN m text DEFAULT ''missing'', ADD COLUMN o text');
CALL flush('t');
SELECT * FROM differ();
CALL twice('UPDATE @ SET m = NULL, o = ''set'' WHERE id % 2 = 0');
CALL twice('ALTER TABLE @ DROP COLUMN a, DROP COLUMN big');
CALL flush('t');
SELECT * FROM differ();
CALL twice('ALTER TABLE @ ALTER COLUMN m SET DEFAULT ''other'', DROP COLUMN n');
CALL twice($$INSERT INTO @ (id, grp, v, body) SELECT i, i % 10, vec(i), 'altered' FROM generate_series(5101, 5200) i$$);
CALL flush('t');
VACUUM t;
SELECT * FROM differ();
CALL twice('ALTER TABLE @ DROP COLUMN gen, ALTER COLUMN grp TYPE bigint');
CALL twice('UPDATE @ SET grp = grp + 1 WHERE id % 2 = 0');
CALL flush('t');
VACUUM t;
-- A few rows have hardly anything left to seal.
SELECT hot('t') < 20 AS sealed, * FROM differ();
-- A unique index made after the rows were sealed
CREATE UNIQUE INDEX ON t ((body || id));
INSERT INTO t (id, body) SELECT 0, left(body || id, -1) FROM t_twin WHERE id = 5110;
CALL twice('UPDATE @ SET body = body || ''?'' WHERE id > 5100');
CALL flush('t');
SELECT * FROM differ();

-- VACUUM flushes by itself
CREATE TABLE s (id int PRIMARY KEY, v vector(64), body text);
CREATE TABLE s_twin (LIKE s, PRIMARY KEY (id)) USING heap;
CALL twice($$INSERT INTO @ SELECT i, vec(i), 'body ' || i FROM generate_series(1, 300) i$$, 's');
VACUUM s;
SELECT hot('s') AS hot, * FROM differ('s');
CALL twice('UPDATE @ SET v = vec(id + 1), body = ''new '' || id', 's');
VACUUM (FREEZE) s;
SELECT hot('s') AS hot, * FROM differ('s');
CALL twice($$INSERT INTO @ SELECT i, vec(i), 'body ' || i FROM generate_series(301, 400) i$$, 's');
VACUUM (ANALYZE, INDEX_CLEANUP off) s;
SELECT hot('s') AS hot, * FROM differ('s');

-- Temporary, unlogged and partitioned tables, materialised views, BRIN and exclusion constraints
CREATE TEMP TABLE tmp (id int PRIMARY KEY, v vector(64), body text);
CREATE TEMP TABLE tmp_twin (LIKE tmp, PRIMARY KEY (id)) USING heap;
CALL twice($$INSERT INTO @ SELECT i, vec(i), 'body ' || i FROM generate_series(1, 300) i$$, 'tmp');
CALL flush('tmp');
SELECT * FROM differ('tmp');
CALL twice('UPDATE @ SET body = ''x'' WHERE id < 100', 'tmp');
CALL flush('tmp');
VACUUM tmp;
SELECT * FROM differ('tmp');
CREATE UNLOGGED TABLE u (id int PRIMARY KEY, v vector(64), body text);
CREATE UNLOGGED TABLE u_twin (LIKE u, PRIMARY KEY (id)) USING heap;
CALL twice($$INSERT INTO @ SELECT i, vec(i), 'body ' || i FROM generate_series(1, 300) i$$, 'u');
CALL flush('u');
CALL twice('UPDATE @ SET body = ''x'' WHERE id < 100', 'u');
VACUUM u;
SELECT hot('u') AS hot, * FROM differ('u');
CREATE MATERIALIZED VIEW mv AS SELECT * FROM u;
CALL flush('mv');
CREATE UNIQUE INDEX ON mv (id);
CALL twice('DELETE FROM @ WHERE id > 200', 'u');
REFRESH MATERIALIZED VIEW CONCURRENTLY mv;
CALL flush('mv');
SELECT count(*) FROM (TABLE mv EXCEPT TABLE u_twin) d;
CREATE TABLE x (id int PRIMARY KEY, r int4range, v vector(64), EXCLUDE USING gist (r WITH &&));
CREATE TABLE x_twin (LIKE x, PRIMARY KEY (id)) USING heap;
CREATE INDEX ON x USING brin (id) WITH (pages_per_range = 1);
CALL twice($$INSERT INTO @ SELECT i, int4range(10 * i, 10 * i + 10), vec(i) FROM generate_series(1, 300) i$$, 'x');
CALL flush('x');
SELECT * FROM differ('x');
INSERT INTO x VALUES (1000, '[105,107)');
CALL twice('UPDATE @ SET v = vec(id + 1) WHERE id < 100', 'x');
VACUUM x;
SELECT hot('x') AS hot, * FROM differ('x');
SET enable_seqscan = off;
SET enable_indexscan = off;
SELECT count(*), bool_and(v = vec(id + (id < 100)::int)) FROM x WHERE id BETWEEN 90 AND 110;
RESET enable_seqscan;
RESET enable_indexscan;

-- Errors
SELECT proximadb.flush('t_twin');
SELECT proximadb.flush('pg_class');
SELECT proximadb.flush('t_pkey');
SELECT proximadb.flush(0);
SELECT proximadb.flush('nothing');
CREATE VIEW vw AS SELECT * FROM t;
SELECT proximadb.flush('vw');
CREATE TABLE p (id int, v vector(64)) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1000);
INSERT INTO p SELECT i, vec(i) FROM generate_series(1, 100) i;
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (1000) TO (2000) USING heap;
SELECT rows >= 0 AS flushed FROM proximadb.flush('p');
SELECT hot('p1') AS hot, count(*), bool_and(v = vec(id)) FROM p;
SELECT rows >= 0 AS compacted FROM proximadb.compact('p');
CREATE TABLE p_heap (id int) PARTITION BY RANGE (id);
SELECT proximadb.flush('p_heap');
CREATE TABLE p_heap1 PARTITION OF p_heap FOR VALUES FROM (0) TO (1000) USING heap;
SELECT proximadb.compact('p_heap');
CALL flush('p1');
SELECT hot('p1') AS hot, count(*), bool_and(v = vec(id)) FROM p;
CREATE ROLE regress_flush;
GRANT USAGE ON SCHEMA viper_flush, proximadb TO regress_flush;
GRANT EXECUTE ON PROCEDURE flush TO regress_flush;
GRANT SELECT ON t TO regress_flush;
SET ROLE regress_flush;
SELECT proximadb.flush('viper_flush.t');
RESET ROLE;
ALTER TABLE s OWNER TO regress_flush;
SET ROLE regress_flush;
CALL viper_flush.flush('viper_flush.s');
RESET ROLE;
SELECT proximadb.flush(NULL);

SET client_min_messages = warning;
DROP SCHEMA viper_flush CASCADE;
DROP OWNED BY regress_flush;
DROP ROLE regress_flush;
