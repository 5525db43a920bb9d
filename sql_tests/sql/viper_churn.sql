--
-- VACUUM of a table that changes a little each time writes little anew, and the store stays small: counted in bytes, by rounds.
--
CREATE SCHEMA viper_churn;
SET search_path = viper_churn, public;
-- Temporary, so that the background worker keeps away
CREATE TEMP TABLE rounds (n int GENERATED ALWAYS AS IDENTITY, t text, moved bigint, live bigint, store bigint);
CREATE PROCEDURE note(t text) LANGUAGE sql AS $$
    INSERT INTO rounds (t, moved, live, store) SELECT t, s.moved_bytes, s.sealed_bytes, pg_relation_size(c.reltoastrelid)
    FROM pg_class c, proximadb.table_stats(c.oid) s WHERE c.oid = t::regclass $$;
CREATE PROCEDURE add(t text, ids text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %I SELECT i, md5((i %% 100)::text), array_fill(i::real, ''{8}'')::vector FROM %s', t, ids);
END $$;
-- A round replaces a hundredth of n rows, all over the table or from its start
CREATE PROCEDURE spread(t text, n int, r int) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DELETE FROM %I WHERE id %% 100 = %s', t, r);
    CALL add(t, format('generate_series(%s, %s, 100) i', r, n));
END $$;
CREATE PROCEDURE head(t text, n int, r int) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DELETE FROM %I WHERE id <= %s', t, r * n / 100);
    CALL add(t, format('generate_series(%s, %s) i', n + (r - 1) * n / 100 + 1, n + r * n / 100));
END $$;
CREATE FUNCTION steps(change text, t text, n int, count int, OUT a text, OUT b text, OUT c text) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT format('CALL %s(%L, %s, %s)', change, t, n, r), format('VACUUM %I', t), format('CALL note(%L)', t) FROM generate_series(1, count) r $$;
-- By round: the bytes moved for each live one, and whether the store is small. (An lsm store may be half free.)
CREATE TEMP VIEW moves AS
    SELECT t, (moved - lag(moved) OVER (PARTITION BY t ORDER BY n))::numeric / live AS part, store < live * CASE amname WHEN 'lsm' THEN 2.3 ELSE 1.4 END AS small
    FROM rounds, pg_class c JOIN pg_am a ON a.oid = relam WHERE c.oid = t::regclass;

-- Segments that are full stay what they are, however few pages they have
SET proximadb.segment_size = '1MB';
CREATE TEMP TABLE full_ones (id int PRIMARY KEY, tag text, v vector(8)) USING viper;
CALL add('full_ones', 'generate_series(1, 60000) i');
VACUUM full_ones;
CALL note('full_ones');
SELECT * FROM steps('spread', 'full_ones', 60000, 8) \gexec
SELECT count(part) AS rounds, count(*) FILTER (WHERE part > 0.5) AS rounds_with_much, sum(part) < 0.6 AS little, bool_and(small) AS small FROM moves WHERE t = 'full_ones';
SELECT count(*), count(DISTINCT id) FROM full_ones;
SELECT * FROM proximadb.verify('full_ones');
RESET proximadb.segment_size;

-- So do those that VACUUM could make no larger for lack of memory
SET proximadb.build_mem = '1MB';
CREATE TEMP TABLE cramped (id int PRIMARY KEY, tag text, v vector(8)) USING viper;
CALL add('cramped', 'generate_series(1, 60000) i');
VACUUM cramped;
-- (To level 1, in an lsm table)
VACUUM cramped;
CALL note('cramped');
SELECT * FROM steps('spread', 'cramped', 60000, 8) \gexec
SELECT count(part) AS rounds, count(*) FILTER (WHERE part > 0.5) AS rounds_with_much, sum(part) < 0.6 AS little, bool_and(small) AS small FROM moves WHERE t = 'cramped';
RESET proximadb.build_mem;
SELECT count(*), count(DISTINCT id) FROM cramped;
SELECT * FROM proximadb.verify('cramped');

-- What was cut into pieces to shorten the store is not merged again: only the segments that the changes wear are written anew
SET proximadb.segment_size = '4MB';
CREATE TEMP TABLE pieces (id int PRIMARY KEY, tag text, v vector(8)) USING viper;
CALL add('pieces', 'generate_series(1, 100000) i');
VACUUM pieces;
CALL note('pieces');
SELECT * FROM steps('head', 'pieces', 100000, 20) \gexec
SELECT count(part) AS rounds, sum(part) < 8 AS little, bool_and(small) AS small FROM moves WHERE t = 'pieces';
SELECT count(*), count(DISTINCT id) FROM pieces;
SELECT * FROM proximadb.verify('pieces');
RESET proximadb.segment_size;

SET client_min_messages = warning;
DROP TABLE full_ones, cramped, pieces, rounds CASCADE;
DROP SCHEMA viper_churn CASCADE;
