--
-- Queries that use some columns, all of them, or the row as a whole: what is read must not depend on what is asked.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_query;
SET search_path = viper_query, public;

CREATE FUNCTION v768(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0 || ',-' || i % 7, 255) || ',' || i % 3 || ',0.5]')::vector $$;
CREATE TABLE docs (id int PRIMARY KEY, grp int, s vector(3), v vector(768), title text, price numeric, tags text[], meta jsonb, gone int, made date);
ALTER TABLE docs DROP COLUMN gone;
INSERT INTO docs
SELECT i, i % 5, ARRAY[i % 7, i % 3, 1]::vector, v768(i), 'title ' || i, nullif(i % 9, 0) * 1.1, ARRAY['t' || i % 4, 'u'], jsonb_build_object('i', i, 'odd', i % 2 = 1), '2020-01-01'::date + i
FROM generate_series(1, 250) i;
CREATE TABLE plain AS TABLE docs WITH NO DATA;
ALTER TABLE plain SET ACCESS METHOD heap;
INSERT INTO plain TABLE docs;
ANALYZE docs, plain;

-- Whole rows and composites
SELECT d FROM (SELECT id, s, title FROM docs WHERE id = 3) d;
SELECT md5(d::text), (d).title, (d).s FROM docs d WHERE id = 3;
SELECT count(*) FROM docs d, plain p WHERE d.id = p.id AND (d.*)::text = (p.*)::text;
SELECT count(*) FROM (SELECT d AS w FROM docs d EXCEPT SELECT p::text::docs FROM plain p) x;
SELECT count(*) FROM docs d WHERE ROW(d.*) IS NOT NULL;
SELECT row_to_json(d) -> 'meta' -> 'i', length(row_to_json(d)::text) > 5000, (to_jsonb(d) ->> 'title') FROM docs d WHERE id = 10;
CREATE FUNCTION title_of(docs) RETURNS text LANGUAGE sql AS $$ SELECT $1.title || ' ' || $1.price $$;
CREATE FUNCTION big_of(docs) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN $1.v = v768($1.id); END $$;
SELECT title_of(d), d.big_of FROM docs d WHERE id IN (4, 5) ORDER BY id;
SELECT (array_agg(d ORDER BY id))[2].title, (array_agg(d ORDER BY id))[1].s FROM docs d WHERE id < 4;
SELECT count(DISTINCT d) FROM docs d WHERE id < 40;
SELECT a.id, b.id FROM docs a JOIN docs b ON a = b AND a.id = 9;
SELECT (x).id, (x).title FROM (SELECT (SELECT d FROM docs d WHERE d.id = 8) AS x) y;

-- plpgsql: records and row types, loops, arrays of rows
DO $$
DECLARE
    r docs%ROWTYPE;
    rec record;
    rows docs[];
    bad int := 0;
BEGIN
    SELECT * INTO r FROM docs WHERE id = 20;
    RAISE NOTICE '% % % %', r.id, r.title, r.s, r.v = v768(20);
    SELECT * INTO STRICT rec FROM docs WHERE id = 21;
    RAISE NOTICE '% % %', rec.title, rec.tags, rec.made;
    FOR rec IN SELECT * FROM docs LOOP
        bad := bad + (rec.v IS DISTINCT FROM v768(rec.id))::int + (rec.title <> 'title ' || rec.id)::int;
    END LOOP;
    rows := ARRAY(SELECT d FROM docs d ORDER BY id);
    FOREACH r IN ARRAY rows LOOP
        bad := bad + (r.v IS DISTINCT FROM v768(r.id))::int;
    END LOOP;
    RAISE NOTICE 'bad: %', bad;
    r.title := 'inserted';
    r.id := 1000;
    INSERT INTO docs VALUES (r.*);
    UPDATE docs SET (title, s) = (r.title || '!', '[0,0,0]') WHERE id = 1000 RETURNING * INTO r;
    RAISE NOTICE '% % % %', r.id, r.title, r.s, r.v = v768(20);
    DELETE FROM docs WHERE id = 1000;
END $$;

-- Aggregates, windows, set operations, grouping, DISTINCT
SELECT grp, count(*), avg(s), sum(price), min(title), max(made), bool_or((meta ->> 'odd')::bool) FROM docs GROUP BY grp ORDER BY grp;
SELECT s, count(*) FROM docs GROUP BY s HAVING count(*) > 12 ORDER BY s;
SELECT grp, tags[1], count(*) FROM docs WHERE id < 50 GROUP BY ROLLUP (grp, tags[1]) ORDER BY grp, tags[1] LIMIT 6;
SELECT id, title, lag(title) OVER w, rank() OVER (PARTITION BY grp ORDER BY s, id), count(*) OVER (PARTITION BY s) FROM docs WHERE id < 8 WINDOW w AS (ORDER BY id) ORDER BY id;
SELECT DISTINCT ON (grp) grp, id, s FROM docs ORDER BY grp, s DESC, id;
(SELECT id, s, title FROM docs WHERE id < 4 UNION SELECT id, s, title FROM plain WHERE id IN (3, 5)) EXCEPT SELECT id, s, title FROM docs WHERE id = 1 ORDER BY id;
SELECT count(*) FROM (TABLE docs INTERSECT TABLE plain) i;
SELECT count(*) FROM (TABLE docs EXCEPT ALL TABLE plain) e;
SELECT string_agg(title, ',' ORDER BY s, id) FROM docs WHERE id < 6;
SELECT count(*), count(price), count(DISTINCT s) FROM docs;

-- Joins with a heap table, each method
SET enable_mergejoin = off;
SET enable_nestloop = off;
SELECT count(*), bool_and(d.v = p.v AND d.title = p.title AND d.meta = p.meta), sum(d.price) FROM docs d JOIN plain p USING (id);
SELECT count(*), count(d.title), count(p.title) FROM docs d FULL JOIN (SELECT id + 100 AS id, title FROM plain) p USING (id);
SET enable_mergejoin = on;
SET enable_hashjoin = off;
SELECT count(*), bool_and(d.v = p.v AND d.title = p.title AND d.meta = p.meta), sum(d.price) FROM docs d JOIN plain p USING (id);
SELECT count(*), bool_and(d.v = p.v) FROM docs d JOIN plain p USING (s, title);
SET enable_nestloop = on;
SET enable_mergejoin = off;
SELECT count(*), bool_and(d.v = p.v AND d.title = p.title AND d.meta = p.meta), sum(d.price) FROM plain p JOIN docs d USING (id);
SELECT count(*), bool_and(d.v = p.v AND d.title = p.title) FROM docs d JOIN plain p USING (id) WHERE p.grp = 1;
RESET enable_mergejoin;
RESET enable_nestloop;
RESET enable_hashjoin;
SET enable_nestloop = off;
SET work_mem = '64kB';
SELECT count(*), bool_and(a.v = b.v AND a.title = b.title) FROM docs a JOIN docs b USING (id);
SELECT count(*), md5(string_agg(id || title || s, ',')) FROM (SELECT * FROM docs ORDER BY v, id OFFSET 0) x;
RESET work_mem;
RESET enable_nestloop;

-- LATERAL, correlated, EXISTS, IN, ANY, CASE, outer joins with whole rows
SELECT d.id, n.id, n.title FROM docs d, LATERAL (SELECT id, title FROM docs i WHERE i.id > d.id ORDER BY i.s <-> d.s, i.id LIMIT 2) n WHERE d.id < 3 ORDER BY 1, 2;
SELECT id, (SELECT title FROM docs i WHERE i.id = d.id + 1) AS next, ARRAY(SELECT s FROM docs i WHERE i.id < d.id ORDER BY id) AS before FROM docs d WHERE id IN (1, 3, 250) AND id < 10 ORDER BY id;
SELECT count(*) FROM docs d WHERE EXISTS (SELECT FROM docs i WHERE i.s = d.s AND i.id < d.id AND i.title <> d.title);
SELECT count(*) FROM docs WHERE s IN (SELECT s FROM plain WHERE id < 4) AND NOT id = ANY (SELECT id FROM docs WHERE price IS NULL);
SELECT p.id, d IS NULL AS none, d.title FROM (VALUES (1), (999)) p (id) LEFT JOIN docs d USING (id) ORDER BY 1;
SELECT CASE WHEN price > 5 THEN title WHEN grp = 2 THEN s::text ELSE (v <-> v768(1) > 100)::text END FROM docs WHERE id < 8 ORDER BY id;

-- Columns only in the WHERE clause, only in ORDER BY, in a join filter, in neither
SELECT id FROM docs WHERE v = v768(33);
SELECT count(*) FROM docs WHERE title LIKE '%9' AND tags @> '{t1}' AND meta @> '{"odd": true}';
SELECT id FROM docs ORDER BY made DESC, price LIMIT 2;
SELECT count(*) FROM docs a LEFT JOIN docs b ON a.id = b.id AND b.title > a.tags[1] AND b.s = a.s;
SELECT 1 FROM docs WHERE id = 7;
SELECT FROM docs WHERE id < 3;
SELECT count(*) FROM (SELECT 1 FROM docs ORDER BY v LIMIT 5) x;
SELECT id, v = v768(id) FROM docs WHERE id = 5 OR (id = 6 AND v IS NOT NULL) ORDER BY id;

-- Prepared, with JIT-free generic plans, and by exact nearest neighbours
PREPARE near(vector) AS SELECT id, title FROM docs ORDER BY v <-> $1, id LIMIT 3;
SET plan_cache_mode = force_generic_plan;
EXECUTE near(v768(44));
EXECUTE near(v768(45));
RESET plan_cache_mode;
-- Compiled: deforming trusts what the catalog says of a row, and a stub is not such a row
SET jit_above_cost = 0;
SET jit_inline_above_cost = 0;
SET jit_optimize_above_cost = 0;
ALTER TABLE docs ALTER title SET NOT NULL, ALTER s SET NOT NULL, ALTER v SET NOT NULL, ALTER made SET NOT NULL;
SELECT count(*), sum(length(title)), sum(vector_dims(v)), max(made), sum(price), count(tags) FROM docs WHERE s <> '[9,9,9]';
SELECT count(*), bool_and(d.v = p.v AND d.title = p.title AND d.meta = p.meta AND d.made = p.made) FROM docs d JOIN plain p USING (id) WHERE d.title > 'title 2';
RESET jit_above_cost;
RESET jit_inline_above_cost;
RESET jit_optimize_above_cost;
SELECT (SELECT array_agg(id) FROM (SELECT id FROM docs ORDER BY v <=> v768(7), id LIMIT 10) x)
     = (SELECT array_agg(id) FROM (SELECT id FROM plain ORDER BY v <=> v768(7), id LIMIT 10) x) AS same;

SET client_min_messages = warning;
DROP SCHEMA viper_query CASCADE;
