--
-- Index builds on a viper table whose rows have been inserted, updated, deleted and rolled back.
-- ib_heap goes through the same commands and has no index: it tells what is right.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS amcheck;
RESET client_min_messages;

CREATE TABLE ib_heap (
    id bigint NOT NULL,
    grp int,
    price numeric(12,2),
    name text COLLATE "C",
    body text COLLATE "C",
    doc jsonb,
    area box,
    span int4range,
    tags int[]
) USING heap;
-- without autovacuum, which would summarise BRIN ranges behind our back
CREATE TABLE ib_viper (LIKE ib_heap) USING viper WITH (autovacuum_enabled = off);

-- To run a command on both tables, each as a statement of its own
CREATE VIEW ib_both AS SELECT t FROM (VALUES ('ib_heap'), ('ib_viper')) AS v (t);

-- Queries the viper table through an index. Rows it misses, rows it has too many: both must be 0.
CREATE FUNCTION ib_check(index_name text, condition text)
RETURNS TABLE (used boolean, n bigint, missing bigint, extra bigint)
LANGUAGE plpgsql
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    plan json;
    viper_rows text := format('SELECT id, grp, price, name, md5(body), doc, area::text, span, tags
                               FROM ib_viper WHERE %s', condition);
    heap_rows text := replace(viper_rows, 'ib_viper', 'ib_heap');
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON, COSTS OFF) ' || viper_rows INTO plan;
    used := position(format('"Index Name": "%s"', index_name) IN plan::text) > 0;
    EXECUTE format('SELECT count(*) FROM (%s) v', viper_rows) INTO n;
    EXECUTE format('SELECT count(*) FROM (%s EXCEPT ALL %s) m', heap_rows, viper_rows) INTO missing;
    EXECUTE format('SELECT count(*) FROM (%s EXCEPT ALL %s) e', viper_rows, heap_rows) INTO extra;
    RETURN NEXT;
END
$$;

-- Rows: bodies from short to such as need TOAST, NULLs in every column that may have them.
SELECT replace($$
    INSERT INTO ib_x
    SELECT i, i % 97, nullif(i % 31, 0) * 1.25, nullif('name ' || i % 500, 'name 7'),
           CASE WHEN i % 11 <> 0 THEN
               (SELECT string_agg(md5(i::text || j), '')
                FROM generate_series(1, CASE WHEN i % 100 = 0 THEN 400 ELSE 1 + i % 20 END) j) END,
           CASE WHEN i % 13 <> 0 THEN
               jsonb_build_object('k', i % 50, 'tag', 't' || i % 7, 'list', jsonb_build_array(i % 3, i % 5)) END,
           box(point(i % 40, i % 50), point(i % 40 + 2, i % 50 + 3)),
           int4range(i % 200, i % 200 + 1 + i % 9), ARRAY[i % 8, i % 21]
    FROM generate_series(1, 3000) i
$$, 'ib_x', t) FROM ib_both \gexec
SELECT replace($$ANALYZE ib_x$$, 'ib_x', t) FROM ib_both \gexec

-- Update chains (some of them HOT), deletions, and the like rolled back.
SELECT replace($$UPDATE ib_x SET name = name || ' a' WHERE id % 5 = 0$$, 'ib_x', t) FROM ib_both \gexec
SELECT replace($$
    UPDATE ib_x SET name = name || ' b', grp = grp + 1 WHERE id % 10 = 0
$$, 'ib_x', t) FROM ib_both \gexec
SELECT replace($$DELETE FROM ib_x WHERE id % 7 = 0$$, 'ib_x', t) FROM ib_both \gexec
SELECT replace($$
    UPDATE ib_x SET body = left(body, 40), name = NULL WHERE id % 33 = 0
$$, 'ib_x', t) FROM ib_both \gexec
BEGIN;
SELECT replace($$UPDATE ib_x SET price = -1 WHERE id % 3 = 0$$, 'ib_x', t) FROM ib_both \gexec
SELECT replace($$DELETE FROM ib_x WHERE id % 4 = 0$$, 'ib_x', t) FROM ib_both \gexec
SELECT replace($$
    INSERT INTO ib_x (id, grp, name)
    SELECT i, 1000, 'gone'
    FROM generate_series(10001, 10500) i
$$, 'ib_x', t) FROM ib_both \gexec
ROLLBACK;
BEGIN;
SAVEPOINT a;
SELECT replace($$
    INSERT INTO ib_x (id, grp, name, body)
    SELECT i, 1001, 'gone too', repeat(md5(i::text), 40)
    FROM generate_series(20001, 20500) i
$$, 'ib_x', t) FROM ib_both \gexec
ROLLBACK TO a;
SELECT replace($$
    INSERT INTO ib_x (id, grp, name, body)
    SELECT i, i % 97, 'kept', repeat(md5(i::text), 40)
    FROM generate_series(30001, 30300) i
$$, 'ib_x', t) FROM ib_both \gexec
COMMIT;

-- btree: one column, several with INCLUDE, expression, whole-row expression, partial
CREATE INDEX ib_id ON ib_viper (id);
SELECT * FROM ib_check('ib_id', 'id < 400');
SELECT * FROM ib_check('ib_id', 'id >= 10000');
SELECT bt_index_check('ib_id', true), bt_index_parent_check('ib_id', true, true);
CREATE INDEX ib_multi ON ib_viper (grp, name DESC) INCLUDE (price);
SELECT * FROM ib_check('ib_multi', 'grp = 11');
SELECT * FROM ib_check('ib_multi', $$grp = 11 AND name > 'name 3'$$);
SELECT * FROM ib_check('ib_multi', 'grp IN (1000, 1001)');
SELECT bt_index_check('ib_multi', true), bt_index_parent_check('ib_multi', true, true);
DROP INDEX ib_multi;
CREATE INDEX ib_expr ON ib_viper ((upper(name) || length(body)));
SELECT * FROM ib_check('ib_expr', $$upper(name) || length(body) < 'NAME 2'$$);
SELECT bt_index_check('ib_expr', true);
CREATE FUNCTION ib_row_hash(ib_viper) RETURNS int LANGUAGE sql IMMUTABLE
    AS $$ SELECT hashtext(concat($1.id, $1.body, $1.grp)) $$;
CREATE FUNCTION ib_row_hash(ib_heap) RETURNS int LANGUAGE sql IMMUTABLE
    AS $$ SELECT hashtext(concat($1.id, $1.body, $1.grp)) $$;
CREATE INDEX ib_whole_row ON ib_viper (ib_row_hash(ib_viper.*));
SELECT bt_index_check('ib_whole_row', true);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM ib_viper WHERE ib_row_hash(ib_viper.*) < 0;
SELECT count(*) FROM (SELECT id FROM ib_viper WHERE ib_row_hash(ib_viper.*) < 0
                      EXCEPT SELECT id FROM ib_heap WHERE ib_row_hash(ib_heap.*) < 0) x;
SELECT count(*) FROM (SELECT id FROM ib_heap WHERE ib_row_hash(ib_heap.*) < 0
                      EXCEPT SELECT id FROM ib_viper WHERE ib_row_hash(ib_viper.*) < 0) x;
RESET enable_seqscan;
DROP INDEX ib_whole_row;
CREATE INDEX ib_partial ON ib_viper (price) WHERE body IS NULL AND grp < 50;
SELECT * FROM ib_check('ib_partial', 'price > 10 AND body IS NULL AND grp < 50');
SELECT bt_index_check('ib_partial', true);

-- hash, GIN, GiST, BRIN
CREATE INDEX ib_hash ON ib_viper USING hash (name);
SELECT * FROM ib_check('ib_hash', $$name = 'name 40 a b'$$);
SELECT * FROM ib_check('ib_hash', $$name = 'kept'$$);
CREATE INDEX ib_gin ON ib_viper USING gin (doc);
SELECT * FROM ib_check('ib_gin', $$doc @> '{"k": 12}'$$);
SELECT * FROM ib_check('ib_gin', $$doc @> '{"list": [2]}' AND doc @> '{"tag": "t3"}'$$);
CREATE INDEX ib_gin_array ON ib_viper USING gin (tags);
SELECT * FROM ib_check('ib_gin_array', 'tags @> ARRAY[3, 11]');
CREATE INDEX ib_gist ON ib_viper USING gist (area);
SELECT * FROM ib_check('ib_gist', $$area && box '(3,3),(9,9)'$$);
CREATE INDEX ib_gist_range ON ib_viper USING gist (span) WHERE grp % 2 = 0;
SELECT * FROM ib_check('ib_gist_range', 'span @> 42 AND grp % 2 = 0');
CREATE INDEX ib_spgist ON ib_viper USING spgist (span);
SELECT * FROM ib_check('ib_spgist', 'span @> 43');
DROP INDEX ib_id;
CREATE INDEX ib_brin ON ib_viper USING brin (id) WITH (pages_per_range = 2);
SELECT * FROM ib_check('ib_brin', 'id BETWEEN 700 AND 900');
CREATE INDEX ib_brin_sealed ON ib_viper USING brin (price, length(body)) WITH (pages_per_range = 4);
SELECT * FROM ib_check('ib_brin_sealed', 'price = 37.5 AND length(body) > 500');

-- BRIN: ranges summarised later, one of them again
SELECT replace($$
    INSERT INTO ib_x (id, grp, price, name, body)
    SELECT i, i % 97, 5000, 'late', repeat(md5(i::text), 20)
    FROM generate_series(40001, 40400) i
$$, 'ib_x', t) FROM ib_both \gexec
SELECT brin_summarize_new_values('ib_brin') > 0 AS some, brin_summarize_new_values('ib_brin') AS none;
SELECT brin_desummarize_range('ib_brin', 0);
SELECT * FROM ib_check('ib_brin', 'id BETWEEN 1 AND 50');
SELECT brin_summarize_range('ib_brin', 0);
SELECT * FROM ib_check('ib_brin', 'id BETWEEN 1 AND 50');
SELECT * FROM ib_check('ib_brin', 'id BETWEEN 40100 AND 40110');
-- in the transaction that inserts, and with a row of it undone
BEGIN;
SELECT replace($$
    INSERT INTO ib_x (id, grp, price, name, body)
    SELECT i, i % 97, 6000, 'later', repeat(md5(i::text), 20)
    FROM generate_series(50001, 50400) i
$$, 'ib_x', t) FROM ib_both \gexec
SAVEPOINT a;
SELECT replace($$DELETE FROM ib_x WHERE id = 50002$$, 'ib_x', t) FROM ib_both \gexec
ROLLBACK TO a;
SELECT brin_summarize_new_values('ib_brin_sealed') > 0 AS some;
SELECT * FROM ib_check('ib_brin_sealed', 'price = 6000 AND length(body) = 640');
COMMIT;
SELECT * FROM ib_check('ib_brin_sealed', 'price = 6000 AND length(body) = 640');

-- Unique: an error tells of the one duplicate; rows that are gone do not count
CREATE UNIQUE INDEX ib_unique ON ib_viper (id);
SELECT bt_index_check('ib_unique', true);
INSERT INTO ib_viper (id) VALUES (1);
DROP INDEX ib_unique;
SELECT replace($$INSERT INTO ib_x (id, name) VALUES (1, 'again')$$, 'ib_x', t) FROM ib_both \gexec
CREATE UNIQUE INDEX ib_unique ON ib_viper (id);
CREATE UNIQUE INDEX CONCURRENTLY ib_unique_c ON ib_viper (id);
DROP INDEX ib_unique_c;
SELECT replace($$DELETE FROM ib_x WHERE id = 1 AND name = 'again'$$, 'ib_x', t) FROM ib_both \gexec
CREATE UNIQUE INDEX ib_unique ON ib_viper (id);
CREATE UNIQUE INDEX ib_unique_expr ON ib_viper ((id::text || coalesce(left(body, 32), '')));
SELECT * FROM ib_check('ib_unique', 'id BETWEEN 1 AND 70');

-- In the transaction that has written the rows: bulk-loaded, updated, deleted, undone
BEGIN;
SELECT replace($$
    UPDATE ib_x SET name = 'mine', grp = 7000 WHERE id BETWEEN 100 AND 300
$$, 'ib_x', t) FROM ib_both \gexec
SELECT replace($$UPDATE ib_x SET name = 'mine again' WHERE id BETWEEN 200 AND 250$$, 'ib_x', t) FROM ib_both \gexec
SELECT replace($$DELETE FROM ib_x WHERE id BETWEEN 280 AND 290$$, 'ib_x', t) FROM ib_both \gexec
SAVEPOINT a;
SELECT replace($$UPDATE ib_x SET grp = 7001 WHERE id BETWEEN 100 AND 120$$, 'ib_x', t) FROM ib_both \gexec
ROLLBACK TO a;
SELECT replace($$
    INSERT INTO ib_x (id, grp, name, body)
    SELECT i, 7000, 'new', repeat(md5(i::text), 15)
    FROM generate_series(60001, 60900) i
$$, 'ib_x', t) FROM ib_both \gexec
CREATE INDEX ib_own ON ib_viper (grp, left(body, 10));
CREATE INDEX ib_own_hash ON ib_viper USING hash (body);
COMMIT;
SELECT * FROM ib_check('ib_own', 'grp >= 7000');
SELECT * FROM ib_check('ib_own_hash', $$body = repeat(md5('60005'), 15)$$);
SELECT bt_index_check('ib_own', true);

-- Exclusion constraints
ALTER TABLE ib_viper ADD CONSTRAINT ib_excl EXCLUDE USING btree (id WITH =);
ALTER TABLE ib_viper ADD CONSTRAINT ib_excl_fails EXCLUDE USING gist (area WITH &&) WHERE (id IN (3, 403));
ALTER TABLE ib_viper ADD CONSTRAINT ib_excl_area EXCLUDE USING gist (area WITH &&) WHERE (id IN (3, 43));
SELECT * FROM ib_check('ib_excl_area', $$id IN (3, 43) AND area && box '(0,0),(50,50)'$$);
ALTER TABLE ib_viper DROP CONSTRAINT ib_excl, DROP CONSTRAINT ib_excl_area;

-- Parallel builds
ALTER TABLE ib_viper SET (parallel_workers = 2);
SET max_parallel_maintenance_workers = 2;
SET min_parallel_table_scan_size = 0;
CREATE INDEX ib_parallel ON ib_viper (left(body, 90), id);
CREATE UNIQUE INDEX ib_parallel_unique ON ib_viper (id, grp) WHERE body IS NOT NULL;
SELECT bt_index_check('ib_parallel', true), bt_index_check('ib_parallel_unique', true);
SELECT * FROM ib_check('ib_parallel', $$left(body, 90) < '3'$$);
REINDEX INDEX ib_parallel;
SELECT bt_index_parent_check('ib_parallel', true, true);
RESET min_parallel_table_scan_size;
RESET max_parallel_maintenance_workers;
DROP INDEX ib_parallel, ib_parallel_unique;

-- Concurrent builds and REINDEX of everything
SELECT replace($$UPDATE ib_x SET name = name || ' c' WHERE id % 9 = 0$$, 'ib_x', t) FROM ib_both \gexec
SELECT replace($$DELETE FROM ib_x WHERE id % 41 = 0$$, 'ib_x', t) FROM ib_both \gexec
CREATE INDEX CONCURRENTLY ib_conc ON ib_viper (name, grp) WHERE price > 3;
SELECT * FROM ib_check('ib_conc', $$name >= 'name 1' AND name < 'name 2' AND price > 3$$);
CREATE INDEX CONCURRENTLY ib_conc_gin ON ib_viper USING gin ((doc -> 'list'));
SELECT * FROM ib_check('ib_conc_gin', $$doc -> 'list' @> '[2, 4]'$$);
CREATE UNIQUE INDEX CONCURRENTLY ib_conc_unique ON ib_viper (id, length(body));
SELECT bt_index_parent_check('ib_conc', true, true), bt_index_check('ib_conc_unique', true);
REINDEX INDEX CONCURRENTLY ib_conc;
REINDEX TABLE CONCURRENTLY ib_viper;
SELECT * FROM ib_check('ib_conc', $$name >= 'name 1' AND name < 'name 2' AND price > 3$$);
SELECT * FROM ib_check('ib_gin', $$doc @> '{"k": 12}'$$);
REINDEX TABLE ib_viper;
SELECT bt_index_check('ib_unique', true), bt_index_check('ib_conc_unique', true);
SELECT * FROM ib_check('ib_own', 'grp >= 7000');
SELECT * FROM ib_check('ib_hash', $$name = 'name 40 a b'$$);
SELECT * FROM ib_check('ib_gist', $$area && box '(3,3),(9,9)'$$);
SELECT * FROM ib_check('ib_brin_sealed', 'price = 6000 AND length(body) = 640');
SELECT indexrelid::regclass, indisvalid, indisready FROM pg_index
    WHERE indrelid = 'ib_viper'::regclass AND NOT (indisvalid AND indisready);

-- reltuples of a new index and its table: as for heap
DROP TABLE ib_heap CASCADE;
SELECT count(*) = (SELECT reltuples FROM pg_class WHERE relname = 'ib_unique') AS as_counted FROM ib_viper;

-- Empty tables and dropped columns; columns added later
TRUNCATE ib_viper;
REINDEX TABLE ib_viper;
SELECT bt_index_check('ib_unique', true);
DROP TABLE ib_viper CASCADE;
CREATE TABLE ib_columns (a int, b text, c int) USING viper;
INSERT INTO ib_columns SELECT i, repeat(md5(i::text), 10), i % 5 FROM generate_series(1, 2000) i;
ALTER TABLE ib_columns DROP COLUMN b;
ALTER TABLE ib_columns ADD COLUMN d text DEFAULT 'default', ADD COLUMN e int;
INSERT INTO ib_columns SELECT i, i % 5, md5(i::text), i FROM generate_series(2001, 4000) i;
UPDATE ib_columns SET d = 'changed' WHERE a % 100 = 0;
CREATE INDEX ib_columns_d ON ib_columns (d, e);
SELECT bt_index_check('ib_columns_d', true);
SET enable_seqscan = off;
SELECT count(*), sum(a) FROM ib_columns WHERE d = 'default';
SELECT count(*), sum(a) FROM ib_columns WHERE d = 'changed' AND e IS NULL;
SELECT count(*), sum(a) FROM ib_columns WHERE d = 'changed' AND e > 0;
RESET enable_seqscan;
DROP TABLE ib_columns;

-- The TOAST relation's own index
CREATE TABLE ib_toast (id int, body text) USING viper;
ALTER TABLE ib_toast ALTER COLUMN body SET STORAGE EXTERNAL;
INSERT INTO ib_toast SELECT i, repeat(md5(i::text), 600) FROM generate_series(1, 20) i;
UPDATE ib_toast SET body = body || 'x' WHERE id % 2 = 0;
DELETE FROM ib_toast WHERE id > 15;
SELECT reltoastrelid::regclass AS store FROM pg_class WHERE relname = 'ib_toast' \gset
REINDEX TABLE :store;
SELECT count(*), sum(length(body)), count(*) FILTER (WHERE left(body, 32) = md5(id::text)) FROM ib_toast;
REINDEX TABLE CONCURRENTLY :store;
SELECT count(*), sum(length(body)), count(*) FILTER (WHERE left(body, 32) = md5(id::text)) FROM ib_toast;
SELECT bt_index_check(i.indexrelid, true) FROM pg_index i JOIN pg_class c ON i.indrelid = c.reltoastrelid
    WHERE c.relname = 'ib_toast';
DROP TABLE ib_toast;
DROP FUNCTION ib_check;
DROP VIEW ib_both;
