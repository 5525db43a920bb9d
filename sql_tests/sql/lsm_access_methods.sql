--
-- ALTER TABLE ... SET ACCESS METHOD between heap, viper and lsm, all six ways: every row, with what hangs on it, arrives as it was.
--
CREATE SCHEMA lsm_access_methods;
SET search_path = lsm_access_methods, public;
SET jit = off;
CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0, 15) || ',1]')::vector $$;
-- A table with everything: dead rows, NULLs, TOASTed and large values, dropped, added and generated columns, defaults, indexes of several kinds, hot and sealed rows and overlays
CREATE PROCEDURE make_table(am text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE t (id int PRIMARY KEY, gone int, n numeric, v vector(32), body text, big text, h halfvec(4), arr int[], doc jsonb, made timestamptz DEFAULT ''2024-01-01'',
                    twice int GENERATED ALWAYS AS (id * 2) STORED, label text GENERATED ALWAYS AS (left(body, 6) || ''!'') STORED, CHECK (id > 0)) USING %I', am);
    INSERT INTO t (id, gone, n, v, body, big, h, arr, doc)
        SELECT i, i, i / 3.0, vec(i), 'body ' || i, CASE WHEN i % 40 = 0 THEN repeat(md5(i::text), 1500) END, ARRAY[i, 1, 2, 3]::real[]::halfvec(4), ARRAY[i, NULL, -i], jsonb_build_object('i', i, 'tags', ARRAY['a', 'b'])
        FROM generate_series(1, 240) i;
    INSERT INTO t (id, body) SELECT i, NULL FROM generate_series(241, 250) i;
    ALTER TABLE t ALTER COLUMN big SET STORAGE EXTERNAL;
    INSERT INTO t (id, v, big) SELECT i, vec(i), string_agg(md5(i || ':' || k), '') FROM generate_series(251, 256) i, generate_series(1, 400) k GROUP BY i;
    ALTER TABLE t DROP COLUMN gone;
    ALTER TABLE t ADD COLUMN later int DEFAULT 12;
    ALTER TABLE t ADD COLUMN latest text;
    INSERT INTO t (id, v, body, later, latest) SELECT i, vec(i), 'late ' || i, i, 'latest ' || i FROM generate_series(301, 320) i;
    CREATE INDEX t_body ON t (body);
    CREATE INDEX t_expr ON t (lower(label)) WHERE id < 200;
    CREATE UNIQUE INDEX t_made ON t (made, id DESC) INCLUDE (later);
    CREATE INDEX t_doc ON t USING gin (doc);
    CREATE INDEX t_near ON t USING axis (v vector_l2_ops, later);
    UPDATE t SET body = 'updated ' || id, later = NULL WHERE id % 10 = 0;
    UPDATE t SET n = n + 1 WHERE id % 7 = 0;
    UPDATE t SET id = id + 1000 WHERE id BETWEEN 100 AND 105;
    UPDATE t SET v = NULL WHERE id = 33;
    DELETE FROM t WHERE id % 25 = 1;
    ALTER TABLE t ADD CONSTRAINT near CHECK (later IS NULL OR later < 1000);
    COMMENT ON COLUMN t.n IS 'a number';
END $$;
CREATE FUNCTION rows() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) || ' ' || md5(string_agg(t::text, ',' ORDER BY id)) FROM t); END $$;
CREATE FUNCTION by_index() RETURNS text LANGUAGE plpgsql SET enable_seqscan = off SET proximadb.enable_key_scan = off AS $$
BEGIN
    RETURN concat_ws(' ', (SELECT sum(id) FROM t WHERE body LIKE 'updated%' AND body >= 'u'), (SELECT sum(twice) FROM t WHERE lower(label) = 'body 7!' AND id < 200),
                     (SELECT sum(id) FROM t WHERE made = '2024-01-01' AND id > 300), (SELECT sum(id) FROM t WHERE doc @> '{"i": 77}'), (SELECT count(*) FROM t WHERE id IN (1, 2, 1100, 102, 256)),
                     (SELECT string_agg(x.id::text, ',') FROM (SELECT id FROM t ORDER BY v <-> vec(50) LIMIT 3) x));
END $$;
CREATE FUNCTION am() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT amname FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE c.oid = 't'::regclass); END $$;
CREATE FUNCTION faults() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE WHEN am() = 'heap' THEN 0 ELSE (SELECT count(*) FROM proximadb.verify('t')) END;
END $$;
-- Returns what went wrong
CREATE PROCEDURE way(source text, target text, sealed boolean) LANGUAGE plpgsql AS $$
DECLARE before text; indexed text; title text := source || ' to ' || target || CASE WHEN sealed THEN ', sealed' ELSE '' END;
BEGIN
    CALL make_table(source);
    IF sealed AND source <> 'heap' THEN
        PERFORM proximadb.flush('t');
        UPDATE t SET later = 7 WHERE id % 9 = 0;
        DELETE FROM t WHERE id = 200;
    END IF;
    before := rows();
    indexed := by_index();
    EXECUTE format('ALTER TABLE t SET ACCESS METHOD %I', target);
    RAISE NOTICE '%: %', title, concat_ws(', ', am(), split_part(before, ' ', 1) || ' rows', CASE WHEN rows() <> before THEN 'other rows' END, CASE WHEN by_index() <> indexed THEN 'other by index: ' || indexed || ' / ' || by_index() END, faults() || ' faults');
    -- It works on
    INSERT INTO t (id, v, body) SELECT i, vec(i), 'after ' || i FROM generate_series(2001, 2020) i;
    UPDATE t SET body = 'changed' WHERE id BETWEEN 2 AND 20;
    DELETE FROM t WHERE id BETWEEN 2010 AND 2015;
    IF (SELECT count(*) FILTER (WHERE body = 'changed') || ' ' || count(*) FILTER (WHERE id > 2000 AND v = vec(id)) || ' ' || bool_and(twice = id * 2) FROM t) IS DISTINCT FROM '19 14 true' OR faults() > 0 THEN
        RAISE WARNING '%: does not work on', title;
    END IF;
    BEGIN
        INSERT INTO t (id) VALUES (2001);
        RAISE WARNING '%: not unique', title;
    EXCEPTION WHEN unique_violation THEN NULL;
    END;
    IF target <> 'heap' THEN
        PERFORM proximadb.flush('t'), proximadb.compact('t');
    END IF;
    before := rows();
    -- And back
    EXECUTE format('ALTER TABLE t SET ACCESS METHOD %I', source);
    IF rows() <> before OR faults() > 0 THEN
        RAISE WARNING '%: and back: other rows', title;
    END IF;
    IF col_description('t'::regclass, (SELECT attnum FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'n')) <> 'a number' THEN
        RAISE WARNING '%: the comment is lost', title;
    END IF;
    DROP TABLE t;
END $$;
CALL way('heap', 'viper', false);
CALL way('heap', 'lsm', false);
CALL way('viper', 'heap', false);
CALL way('viper', 'lsm', false);
CALL way('lsm', 'heap', false);
CALL way('lsm', 'viper', false);
CALL way('viper', 'heap', true);
CALL way('viper', 'lsm', true);
CALL way('lsm', 'heap', true);
CALL way('lsm', 'viper', true);

-- From one to the next and back to the first; rolled back; to the same; partitioned tables have none in PostgreSQL 15
CALL make_table('lsm');
SELECT rows() AS before \gset
ALTER TABLE t SET ACCESS METHOD viper;
ALTER TABLE t SET ACCESS METHOD heap;
ALTER TABLE t SET ACCESS METHOD lsm;
SELECT rows() = :'before' AS same, am();
BEGIN;
ALTER TABLE t SET ACCESS METHOD viper;
DELETE FROM t;
ROLLBACK;
SELECT rows() = :'before' AS same, am(), faults();
BEGIN;
UPDATE t SET body = 'in this transaction' WHERE id < 10;
SAVEPOINT s;
ALTER TABLE t SET ACCESS METHOD viper;
INSERT INTO t (id) VALUES (5000);
ROLLBACK TO s;
ALTER TABLE t SET ACCESS METHOD heap;
SELECT count(*) FROM t WHERE body = 'in this transaction';
ROLLBACK;
ALTER TABLE t SET ACCESS METHOD lsm;
SELECT rows() = :'before' AS same, am(), faults();
-- With other changes that rewrite; with options that wait for their engine
SELECT proximadb.set_options('t', sort_by => 'made, id', block_size => '32kB');
ALTER TABLE t SET ACCESS METHOD viper, ALTER COLUMN later TYPE bigint, DROP COLUMN arr, ADD COLUMN added numeric DEFAULT 1.5;
SELECT am(), count(*), sum(added), pg_typeof(max(later)) FROM t;
ALTER TABLE t SET ACCESS METHOD lsm;
SELECT am(), count(*), sum(added), faults() FROM t;
SELECT name, value FROM proximadb.options('t') WHERE source = 'table' ORDER BY name;
SELECT id, v = vec(id - 1000) AS v, label FROM t WHERE made = '2024-01-01' AND id BETWEEN 1100 AND 1105 ORDER BY id;
DROP TABLE t;

-- Unlogged and temporary tables, an empty one, one without columns worth sealing
CREATE UNLOGGED TABLE t (id int PRIMARY KEY, body text) USING lsm;
INSERT INTO t SELECT i, repeat('body ' || i, 20) FROM generate_series(1, 500) i;
SELECT rows() AS before \gset
ALTER TABLE t SET ACCESS METHOD viper;
ALTER TABLE t SET ACCESS METHOD lsm;
ALTER TABLE t SET LOGGED;
ALTER TABLE t SET ACCESS METHOD heap;
SELECT rows() = :'before' AS same;
TRUNCATE t;
ALTER TABLE t SET ACCESS METHOD lsm;
INSERT INTO t VALUES (1, 'first');
SELECT * FROM t;
DROP TABLE t;
CREATE TABLE t (id int, n bigint) USING heap;
INSERT INTO t SELECT i, i FROM generate_series(1, 500) i;
ALTER TABLE t SET ACCESS METHOD lsm;
ALTER TABLE t SET ACCESS METHOD viper;
ALTER TABLE t SET ACCESS METHOD heap;
SELECT count(*), sum(n) FROM t;
DROP TABLE t;
CREATE TEMP TABLE t (id int PRIMARY KEY, body text) USING viper;
INSERT INTO t SELECT i, repeat('body ' || i, 20) FROM generate_series(1, 500) i;
ALTER TABLE t SET ACCESS METHOD lsm;
UPDATE t SET body = 'x' WHERE id = 7;
ALTER TABLE t SET ACCESS METHOD heap;
SELECT count(*), sum(length(body)) FROM t;
DROP TABLE t;
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA lsm_access_methods CASCADE;
