--
-- proximadb.compact() and VACUUM keep the store compact, and rows and indexes as they are. Each table has a heap for a twin.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_compact;
SET search_path = viper_compact, public;

CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0 || ',' || i % 7, 170) || ',1]')::vector $$;
CREATE FUNCTION long(i int) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT string_agg(md5(i || ':' || k), '' ORDER BY k) FROM generate_series(1, 320) k $$;
CREATE PROCEDURE twice(command text, t text DEFAULT 't') LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE replace(command, '@', t);
    EXECUTE replace(command, '@', t || '_twin');
END $$;
CREATE PROCEDURE maintain(t regclass) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM proximadb.flush(t);
    PERFORM proximadb.compact(t);
END $$;
CREATE FUNCTION differ(t text DEFAULT 't', OUT seq bigint, OUT idx bigint) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT count(*) FROM ((TABLE %1$I EXCEPT ALL TABLE %1$s_twin) UNION ALL (TABLE %1$s_twin EXCEPT ALL TABLE %1$I)) d', t) INTO seq;
    SET LOCAL enable_seqscan = off;
    EXECUTE format('SELECT count(*) FROM %1$s_twin twin, LATERAL (SELECT * FROM %1$s row WHERE row.id = twin.id OFFSET 0) row WHERE ROW(twin.*) IS DISTINCT FROM ROW(row.*)', t) INTO idx;
    SET LOCAL enable_seqscan = on;
END $$;
-- What an index finds, beside what the twin has
CREATE FUNCTION ask(condition text, OUT n bigint, OUT same boolean) LANGUAGE plpgsql AS $$
DECLARE
    what text := 'SELECT count(*), coalesce(sum(id), 0), count(v), count(body), count(big) FROM ';
    a record;
    b record;
BEGIN
    SET LOCAL enable_seqscan = off;
    EXECUTE what || 't WHERE ' || condition INTO a;
    SET LOCAL enable_seqscan = on;
    EXECUTE what || 't_twin WHERE ' || condition INTO b;
    n := a.count;
    same := a = b;
END $$;
-- Whether a table takes at most so many times the size of a fresh copy. Room in pages of which rows were sealed is used by the next rows:
-- half a megabyte of it, about what a load leaves that begins with hot rows, is no bloat.
CREATE FUNCTION compact(t text DEFAULT 't', factor numeric DEFAULT 1.3) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE result boolean;
BEGIN
    EXECUTE format('CREATE TABLE fresh AS TABLE %s', t);
    result := pg_table_size(t::regclass) < factor * pg_table_size('fresh') + 512 * 1024;
    DROP TABLE fresh;
    RETURN result;
END $$;

CREATE TABLE t (id int PRIMARY KEY, grp int, n int DEFAULT 0, v vector(512), body text, big text);
CREATE TABLE t_twin (LIKE t INCLUDING DEFAULTS, PRIMARY KEY (id)) USING heap;
CREATE INDEX ON t (grp);
CREATE INDEX ON t (body);
CREATE INDEX ON t (lower(body)) WHERE grp < 3;
CREATE INDEX ON t USING hash (body);
CREATE INDEX ON t USING gist (int4range(id, id + 3));
CALL twice($$INSERT INTO @ (id, grp, v, body) SELECT i, i % 10, vec(i), 'body ' || i % 50 FROM generate_series(1, 4000) i$$);

-- Half of the rows deleted
SELECT rows >= 0 AS rows, segments_in >= 0 AS i, segments_out >= 0 AS o, segments_freed >= 0 AS f, bytes >= 0 AS bytes, milliseconds >= 0 AS ms FROM proximadb.compact('t');
SELECT * FROM differ();
CALL twice('DELETE FROM @ WHERE id % 2 = 0');
VACUUM t;
SELECT rows >= 0 AS rows FROM proximadb.compact('t');
VACUUM t;
SELECT compact(), * FROM differ();
SELECT * FROM ask('grp = 3');
SELECT * FROM ask('body = ''body 7''');
SELECT * FROM ask('lower(body) = ''body 1'' AND grp < 3');
SELECT * FROM ask('int4range(id, id + 3) @> 101');
-- What is compact is left alone.
SELECT rows, segments_in, segments_out, segments_freed, bytes FROM proximadb.compact('t');

-- Loads and deletes, over and over: with maintenance alone, and with VACUUM alone
SELECT format('CALL twice(%L)', format('INSERT INTO @ (id, grp, v, body) SELECT i, i %% 10, vec(i), ''body '' || i %% 50 FROM generate_series(%s, %s) i', 10000 * r, 10000 * r + 1999)),
    format('CALL twice(%L)', format('DELETE FROM @ WHERE id < %s', 10000 * r)),
    'CALL maintain(''t'')'
FROM generate_series(1, 6) r \gexec
VACUUM t;
CALL maintain('t');
VACUUM t;
SELECT compact(), * FROM differ();
SELECT format('CALL twice(%L)', format('INSERT INTO @ (id, grp, v, body) SELECT i, i %% 10, vec(i), ''body '' || i %% 50 FROM generate_series(%s, %s) i', 10000 * r, 10000 * r + 1999)),
    format('CALL twice(%L)', format('DELETE FROM @ WHERE id < %s', 10000 * r)),
    'VACUUM t'
FROM generate_series(11, 16) r \gexec
-- Statistics of the last commands may not have arrived, so VACUUM may have left it for later. All rows are in one segment, which is moved
-- only in one piece: the store has room for another one.
CALL maintain('t');
VACUUM t;
SELECT compact('t', 2.3), * FROM differ();

-- Updates: of a few columns, of the vector, of indexed columns, of keys
CALL twice('UPDATE @ SET n = n + 1');
CALL twice('UPDATE @ SET v = vec(id + 1) WHERE id % 3 = 0');
CALL maintain('t');
CALL twice('UPDATE @ SET n = n + 1, body = NULL WHERE id % 4 = 0');
CALL twice('UPDATE @ SET grp = NULL WHERE id % 5 = 0');
CALL twice('UPDATE @ SET id = -id WHERE id % 7 = 0');
CALL maintain('t');
SELECT * FROM differ();
VACUUM t;
CALL maintain('t');
VACUUM t;
SELECT * FROM differ();
SELECT * FROM ask('body IS NULL');
SELECT * FROM ask('grp IS NULL');
SELECT * FROM ask('grp = 3');
SELECT * FROM ask('id < 0');
SELECT format('CALL twice(%L)', format('UPDATE @ SET v = vec(id + %s), n = n + 1 WHERE abs(id) %% 10 = %s', r, r % 10)), 'CALL maintain(''t'')', 'VACUUM t'
FROM generate_series(1, 10) r \gexec
CALL maintain('t');
VACUUM t;
SELECT compact('t', 2.3), * FROM differ();

-- Small segments are merged.
CREATE TABLE s (id int PRIMARY KEY, v vector(512), body text);
CREATE TABLE s_twin (LIKE s, PRIMARY KEY (id)) USING heap;
DO $$
BEGIN
    FOR r IN 0 .. 19 LOOP
        CALL twice(format('INSERT INTO @ SELECT i, vec(i), ''body '' || i FROM generate_series(%s, %s) i', 10 * r + 1, 10 * r + 10), 's');
        PERFORM proximadb.flush('s');
    END LOOP;
END $$;
SELECT count(*) FROM proximadb.flush('s');
SELECT count(*) FROM proximadb.compact('s');
VACUUM s;
SELECT compact('s'), * FROM differ('s');

-- TOASTed values, before and after
CALL twice('INSERT INTO @ (id, grp, v, body, big) SELECT i, i % 10, vec(i), ''big'', long(i) FROM generate_series(200001, 200100) i');
CALL maintain('t');
CALL twice('DELETE FROM @ WHERE id BETWEEN 200001 AND 200050');
CALL twice('UPDATE @ SET big = long(id + 1) WHERE id BETWEEN 200051 AND 200080');
CALL twice('UPDATE @ SET n = n + 1 WHERE id > 200060');
VACUUM t;
CALL maintain('t');
VACUUM t;
SELECT * FROM differ();

-- In a transaction with changes that are then rolled back, beside a cursor, in a query, and rolled back itself
BEGIN;
CALL twice('DELETE FROM @ WHERE id % 3 = 0');
CALL twice('UPDATE @ SET body = ''new'' WHERE id % 3 = 1');
CALL maintain('t');
SELECT * FROM differ();
ROLLBACK;
SELECT * FROM differ();
BEGIN;
CALL maintain('t');
ROLLBACK;
SELECT * FROM differ();
CALL twice('DELETE FROM @ WHERE id % 2 = 1');
VACUUM t;
BEGIN;
DECLARE c CURSOR FOR SELECT count(*) OVER (ORDER BY id) AS n, v = vec(id) OR n > 0 AS v FROM t;
DECLARE d CURSOR FOR SELECT v IS NULL AS v FROM t;
FETCH 1 FROM c;
FETCH 1 FROM d;
CALL maintain('t');
FETCH 1 FROM c;
MOVE FORWARD 300 IN d;
FETCH 1 FROM d;
COMMIT;
SELECT * FROM differ();
SELECT count(*) > 100 AS many, bool_and(compacted >= 0) AS compacted FROM
    (SELECT id, v, CASE WHEN id % 50 = 0 THEN (SELECT rows + id * 0 FROM proximadb.compact('t')) END AS compacted FROM t OFFSET 0) s;
SELECT * FROM differ();

-- Columns dropped and added since the rows were sealed; other key columns
CALL twice('ALTER TABLE @ DROP COLUMN big, ADD COLUMN extra int DEFAULT 7, ADD COLUMN late text');
CALL twice('UPDATE @ SET late = ''late'' WHERE id % 4 = 0');
CALL twice('DELETE FROM @ WHERE id % 6 = 0');
VACUUM t;
CALL maintain('t');
SELECT * FROM differ();
CREATE UNIQUE INDEX ON t (body, id);
ALTER TABLE t DROP CONSTRAINT t_pkey;
ALTER TABLE t ADD PRIMARY KEY (id, extra);
CALL twice('DELETE FROM @ WHERE id % 10 = 4');
VACUUM t;
CALL maintain('t');
VACUUM t;
SELECT * FROM differ();
SELECT count(*), count(v), count(late), sum(extra) FROM t;

-- Long texts: each version is TOASTed while hot. The directory comes behind the first megabytes of them, and moves when they have gone
CREATE TABLE x (id int PRIMARY KEY, n int DEFAULT 0, big text);
CREATE TABLE x_twin (LIKE x INCLUDING DEFAULTS, PRIMARY KEY (id)) USING heap;
ALTER TABLE x ALTER big SET STORAGE EXTERNAL;
DO $$
BEGIN
    FOR r IN 1 .. 25 LOOP
        CALL twice(format('INSERT INTO @ (id, big) SELECT i, long(i) FROM generate_series(%s, %s) i ON CONFLICT DO NOTHING', r * 20 - 19, r * 20), 'x');
    END LOOP;
END $$;
CREATE FUNCTION store_bytes(t regclass) RETURNS bigint LANGUAGE sql AS $$ SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = t $$;
CALL maintain('x');
VACUUM x;
VACUUM x;
SELECT store_bytes('x') <= 1.3 * sum(bytes) FILTER (WHERE state = 'live') AS compact FROM proximadb.segments('x');
SELECT format('CALL twice(%L, %L)', format('UPDATE @ SET n = n + 1, big = long(id + %s) WHERE id %% 10 IN (%s, %s)', r, r, r + 1), 'x'), 'SELECT rows >= 0 AS flushed FROM proximadb.flush(''x'')', 'VACUUM x'
FROM generate_series(1, 4) r \gexec
-- automatic work leaves up to half of an lsm store free for the next merge
VACUUM x;
SELECT compact('x', (SELECT CASE amname WHEN 'lsm' THEN 2.3 ELSE 1.3 END FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE c.oid = 'x'::regclass)), * FROM differ('x');
SELECT * FROM proximadb.verify('x');

-- All rows gone
CALL twice('DELETE FROM @');
VACUUM t;
SELECT count(*) FROM proximadb.compact('t');
VACUUM t;
SELECT pg_table_size('t') < 100000 AS small, * FROM differ();
CALL twice('INSERT INTO @ (id, grp, v, body) SELECT i, i % 10, vec(i), ''body '' || i % 50 FROM generate_series(1, 1000) i');
CALL maintain('t');
SELECT * FROM differ();

-- Temporary and unlogged tables
CREATE TEMP TABLE tmp (id int PRIMARY KEY, v vector(512), body text);
CREATE TEMP TABLE tmp_twin (LIKE tmp, PRIMARY KEY (id)) USING heap;
CALL twice($$INSERT INTO @ SELECT i, vec(i), 'body ' || i FROM generate_series(1, 2000) i$$, 'tmp');
CALL maintain('tmp');
CALL twice('DELETE FROM @ WHERE id % 3 <> 0', 'tmp');
VACUUM tmp;
CALL maintain('tmp');
VACUUM tmp;
SELECT compact('tmp'), * FROM differ('tmp');
CREATE UNLOGGED TABLE u (id int PRIMARY KEY, v vector(512), body text);
CREATE UNLOGGED TABLE u_twin (LIKE u, PRIMARY KEY (id)) USING heap;
CALL twice($$INSERT INTO @ SELECT i, vec(i), 'body ' || i FROM generate_series(1, 2000) i$$, 'u');
CALL maintain('u');
CALL twice('DELETE FROM @ WHERE id % 3 <> 0', 'u');
VACUUM u;
CALL maintain('u');
VACUUM u;
SELECT compact('u'), * FROM differ('u');
CREATE TABLE empty (id int, v vector(3));
SELECT rows, segments_in, segments_out, segments_freed, bytes FROM proximadb.compact('empty');

-- Errors
SELECT proximadb.compact('t_twin');
SELECT proximadb.compact('t_grp_idx');
SELECT proximadb.compact(NULL);
CREATE ROLE regress_compact;
GRANT USAGE ON SCHEMA viper_compact, proximadb TO regress_compact;
GRANT ALL ON t TO regress_compact;
SET ROLE regress_compact;
SELECT proximadb.compact('viper_compact.t');
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA viper_compact CASCADE;
DROP OWNED BY regress_compact;
DROP ROLE regress_compact;
