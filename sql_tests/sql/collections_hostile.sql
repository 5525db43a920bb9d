-- Collections among the hostile: names that want to be SQL, search paths with traps in them, roles without rights, and DDL in all its ways.
SET client_min_messages = warning;
CREATE TABLE collh_victim (n int);

-- Names: of schema, table, columns, keys and values
CREATE SCHEMA "collh ""s; DROP TABLE collh_victim; --";
SET search_path = "collh ""s; DROP TABLE collh_victim; --", public;
CREATE TABLE "t'"" x" ("id""; --" text PRIMARY KEY, "vec' $1 %s %I" vector(2), "meta\"" data" jsonb, "col'); DROP TABLE collh_victim; --" text, "$2" bigint) USING viper;
RESET search_path;
SELECT proximadb.register_collection('"collh ""s; DROP TABLE collh_victim; --"."t''"" x"', 'collh.odd', 'euclidean', 'id"; --', 'vec'' $1 %s %I', 'meta\" data');
SELECT proximadb.upsert_vectors('collh.odd', '[{"id": "''; DROP TABLE collh_victim; --", "vector": [1, 2], "metadata": {"k''\"": "v''"}}, {"id": "b\\", "vector": [2, 2], "metadata": {"%s": 1}}]');
UPDATE "collh ""s; DROP TABLE collh_victim; --"."t'"" x" SET "col'); DROP TABLE collh_victim; --" = E'\\''"', "$2" = 5;
SELECT id, metadata FROM proximadb.search('collh.odd', '[1, 2]', filter => '{"col''); DROP TABLE collh_victim; --": {"contains": "\\''"}, "$2": {"in": [5]}, "metadata.k''\"": "v''"}');
SELECT id FROM proximadb.search('collh.odd', '[1, 2]', filter => '{"metadata.%s": {"gt": 0}}');
SELECT id, metadata FROM proximadb.get_vector('collh.odd', '''; DROP TABLE collh_victim; --');
SELECT proximadb.upsert_vectors('collh.odd', ARRAY['b\'], ARRAY['[3,3]']::vector[], ARRAY['{"x": "$1"}']::jsonb[]);
SELECT id, vector, metadata FROM proximadb.read_avro_bytes(proximadb.export_avro_bytes('collh.odd')) ORDER BY id;
SELECT proximadb.import_avro_bytes('collh.odd', proximadb.export_avro_bytes('collh.odd'), 'replace');
SELECT proximadb.search_sql('collh.odd', '[1, 2]', 2, '{"col''); DROP TABLE collh_victim; --": "\\''"}');
CALL proximadb.axis_migrate('collh.odd', 'flat');
CALL proximadb.axis_migrate('collh.odd', 'ivf');
SELECT proximadb.update_collection('collh.odd', '{"description": "''; DROP TABLE collh_victim; --", "target_recall": 0.9}');
SELECT tbl, index_strategy, description FROM proximadb.get_collection('collh.odd');
SELECT strategy, current_strategy FROM proximadb.axis_analyze('collh.odd');
SELECT ok, detail FROM proximadb.health() WHERE object ~ 'collh';
SELECT proximadb.delete_vectors('collh.odd', '{"''; DROP TABLE collh_victim; --"}'), proximadb.delete_vectors_by_filter('collh.odd', '{"col''); DROP TABLE collh_victim; --": null}');
SELECT proximadb.delete_collection('collh.odd');
DROP SCHEMA "collh ""s; DROP TABLE collh_victim; --";
SELECT proximadb.create_collection('collh_cols', 2, filterable_columns => '["a''b", "a\"; DROP TABLE collh_victim; --", "%s %I $1", {"name": "n''", "data_type": "integer"}]');
SELECT proximadb.upsert_vectors('collh_cols', '[{"id": "1", "vector": [1, 0], "metadata": {"a''b": "x", "a\"; DROP TABLE collh_victim; --": "y", "%s %I $1": "z", "n''": 7}}]');
SELECT "a'b", "a""; DROP TABLE collh_victim; --", "%s %I $1", "n'" FROM collh_cols;
SELECT count(*) FROM collh_victim;

-- A search path full of traps: operators, functions and types that would be taken by statements that do not say which they mean
CREATE ROLE collh_user;
CREATE SCHEMA collh_trap AUTHORIZATION collh_user;
SET ROLE collh_user;
CREATE FUNCTION collh_trap.spring() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped, as %', current_user; END $$;
CREATE FUNCTION collh_trap.eq(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM collh_trap.spring(); RETURN true; END $$;
CREATE FUNCTION collh_trap.cat(jsonb, jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN PERFORM collh_trap.spring(); RETURN $1; END $$;
CREATE FUNCTION collh_trap.eq(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM collh_trap.spring(); RETURN true; END $$;
CREATE FUNCTION collh_trap.later(timestamptz, timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM collh_trap.spring(); RETURN true; END $$;
CREATE OPERATOR collh_trap.= (FUNCTION = collh_trap.eq, LEFTARG = text, RIGHTARG = text);
CREATE OPERATOR collh_trap.= (FUNCTION = collh_trap.eq, LEFTARG = oid, RIGHTARG = oid);
CREATE OPERATOR collh_trap.|| (FUNCTION = collh_trap.cat, LEFTARG = jsonb, RIGHTARG = jsonb);
CREATE OPERATOR collh_trap.> (FUNCTION = collh_trap.later, LEFTARG = timestamptz, RIGHTARG = timestamptz);
CREATE FUNCTION collh_trap.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM collh_trap.spring(); RETURN NULL; END $$;
CREATE FUNCTION collh_trap.statement_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM collh_trap.spring(); RETURN NULL; END $$;
CREATE FUNCTION collh_trap.unnest(text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN PERFORM collh_trap.spring(); END $$;
CREATE FUNCTION collh_trap.to_jsonb(anyelement) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN PERFORM collh_trap.spring(); RETURN NULL; END $$;
CREATE FUNCTION collh_trap.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM collh_trap.spring(); RETURN NULL; END $$;
CREATE DOMAIN collh_trap.text AS pg_catalog.text CHECK (collh_trap.eq(VALUE, 'x'));
CREATE DOMAIN collh_trap.jsonb AS pg_catalog.jsonb CHECK (collh_trap.cat(VALUE, VALUE) IS NOT NULL);
RESET ROLE;
SET search_path = collh_trap, pg_catalog, public;
SELECT proximadb.create_collection('collh_path', 2, filterable_columns => '["color", {"name": "day", "data_type": "datetime"}, {"name": "tags", "data_type": "array_string"}]', schema => 'public');
SELECT proximadb.upsert_vectors('collh_path', '[{"id": "a", "vector": [1, 0], "metadata": {"color": "red", "day": "2026-01-01", "tags": ["x"]}, "expires_at": "2100-01-01"}, {"id": "b", "vector": [0, 1]}]');
SELECT proximadb.upsert_vectors('collh_path', '[{"id": "a", "vector": [1, 0], "metadata": {"color": "red", "day": "2026-01-01", "tags": ["x"], "n": 1}, "version": 1}]');
SELECT proximadb.upsert_vectors('collh_path', '{c}'::pg_catalog.text[], '{"[1,1]"}'::vector[], '{"{}"}'::pg_catalog.jsonb[]);
SELECT s.id FROM proximadb.search('collh_path', '[1, 0]', 1, '{"color": {"in": ["red"]}, "day": {"lt": "2027-01-01"}, "tags": {"contains": "x"}, "metadata.n": {"gte": 1}, "not": {"id": {"starts_with": "b"}}}') s;
SELECT s.query, s.id FROM proximadb.search_batch('collh_path', '{"[1,0]","[0,1]"}'::vector[], 1) s;
SELECT g.id FROM proximadb.get_vector('collh_path', 'b') g;
SELECT proximadb.import_avro_bytes('collh_path', proximadb.export_avro_bytes('collh_path'), 'replace');
SELECT proximadb.update_collection('collh_path', '{"description": "d"}');
CALL proximadb.axis_migrate('collh_path', 'flat');
SELECT a.current_strategy FROM proximadb.axis_analyze('collh_path') a;
SELECT l.name, l.index_strategy FROM proximadb.list_collections() l;
SELECT m.total_bytes OPERATOR(pg_catalog.>) 0 AS bytes FROM proximadb.get_metrics('collh_path') m;
SELECT h.ok FROM proximadb.health() h WHERE h.object OPERATOR(pg_catalog.~) 'collh_path';
SELECT proximadb.delete_vectors('collh_path', '{c}'), proximadb.delete_vectors_by_filter('collh_path', '{"id": "b"}'), proximadb.purge_expired('collh_path');
ALTER TABLE public.collh_path RENAME TO collh_path2;
SELECT proximadb.register_collection('public.collh_path2');
SELECT proximadb.delete_collection('collh_path2');
RESET search_path;

-- A role that may do little
\set VERBOSITY terse
SELECT proximadb.create_collection('collh_mine', 2);
CREATE TABLE collh_theirs (id text PRIMARY KEY, vector vector(2));
ALTER TABLE collh_theirs OWNER TO collh_user;
SET ROLE collh_user;
INSERT INTO proximadb.collections (tbl, name, table_name, metric, id_column, vector_column) VALUES ('collh_theirs', 'x', 'collh_theirs', 'cosine', 'id', 'vector');
UPDATE proximadb.collections SET description = 'x';
DELETE FROM proximadb.collections;
BEGIN; LOCK TABLE proximadb.collections; ROLLBACK;
SELECT proximadb.save_collection('collh_mine', '{"name": "stolen"}');
SELECT proximadb.forget_collection('collh_mine'::regclass);
SELECT proximadb.save_collection('pg_class', '{}');
SELECT proximadb.save_collection(0, '{}');
SELECT proximadb.save_collection('collh_theirs', '{"name": "collh_mine", "table_name": "collh_theirs", "metric": "cosine", "id_column": "id", "vector_column": "vector", "filterable_columns": [], "index_options": {}, "tags": [], "created_at": "2026-01-01", "updated_at": "2026-01-01"}');
SELECT proximadb.save_collection('collh_theirs', '{"tbl": "collh_mine", "name": "collh_theirs", "table_name": "collh_theirs", "metric": "cosine", "id_column": "id", "vector_column": "vector", "filterable_columns": [], "index_options": {}, "tags": [], "created_at": "2026-01-01", "updated_at": "2026-01-01"}');
SELECT proximadb.update_collection('collh_mine', '{"tags": []}');
SELECT proximadb.register_collection('collh_mine', 'stolen');
SELECT proximadb.delete_collection('collh_mine');
SELECT proximadb.search('collh_mine', '[1, 0]');
SELECT proximadb.upsert_vectors('collh_mine', '[{"id": "1", "vector": [1, 0]}]');
SELECT proximadb.purge_expired('collh_mine');
SELECT proximadb.export_avro_bytes('collh_mine');
CALL proximadb.axis_migrate('collh_mine', 'flat');
SELECT proximadb.follow_tables();
SELECT name, tbl FROM proximadb.collections ORDER BY name;
RESET ROLE;

-- Tables go on whatever rights there are on schema proximadb, and the catalog with them
REVOKE USAGE ON SCHEMA proximadb FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO collh_user;
SET ROLE collh_user;
ALTER TABLE collh_theirs RENAME TO collh_ours;
RESET ROLE;
SELECT name, tbl FROM proximadb.collections ORDER BY name;
SET ROLE collh_user;
DROP TABLE collh_ours;
RESET ROLE;
GRANT USAGE ON SCHEMA proximadb TO PUBLIC;
REVOKE CREATE ON SCHEMA public FROM collh_user;
SELECT name, tbl FROM proximadb.collections ORDER BY name;
-- ... in sessions that replicate
SET session_replication_role = replica;
SELECT proximadb.create_collection('collh_replica', 2);
ALTER TABLE collh_replica RENAME TO collh_replica2;
SELECT proximadb.upsert_vectors('collh_replica2', '[{"id": "1", "vector": [1, 0]}]');
DROP TABLE collh_replica2;
RESET session_replication_role;
-- ... and by ALTER INDEX, which renames tables too
ALTER INDEX collh_mine RENAME TO collh_yours;
SELECT name, tbl FROM proximadb.collections ORDER BY name;
-- a name of its own stays, one that stands for a long one goes with the table
SELECT proximadb.register_collection('collh_yours', 'collh.own');
ALTER TABLE collh_yours RENAME TO collh_mine;
SELECT name, tbl FROM proximadb.collections ORDER BY name;
SELECT proximadb.create_collection(repeat('collh', 20), 2) AS long_name \gset
ALTER TABLE :long_name RENAME TO collh_short;
SELECT name, tbl FROM proximadb.collections ORDER BY name;
-- a rename to what cannot be a name, or is another's, is refused
ALTER TABLE collh_short RENAME TO "collh short";
ALTER TABLE collh_short RENAME TO "collh.own";
-- the table's schema is renamed, while plans are kept
CREATE SCHEMA collh_schema;
ALTER TABLE collh_short SET SCHEMA collh_schema;
SELECT proximadb.upsert_vectors('collh_short', '[{"id": "1", "vector": [1, 0]}]');
SELECT id FROM proximadb.search('collh_short', '[1, 0]');
ALTER SCHEMA collh_schema RENAME TO collh_schema2;
SELECT id FROM proximadb.search('collh_short', '[1, 0]');
SELECT id FROM proximadb.get_vector('collh_short', '1');
SELECT proximadb.upsert_vectors('collh_short', '[{"id": "2", "vector": [1, 0]}]');
DROP SCHEMA collh_schema2 CASCADE;

-- Columns that only look like those of a collection are left alone
CREATE TABLE collh_look (id text PRIMARY KEY, vector vector(2), metadata jsonb, expires_at text DEFAULT 'never', version text DEFAULT 'v1', updated_at date, created_at text) USING viper;
SELECT proximadb.register_collection('collh_look');
SELECT proximadb.upsert_vectors('collh_look', '[{"id": "1", "vector": [1, 0]}]'), proximadb.upsert_vectors('collh_look', '[{"id": "1", "vector": [0, 1]}]');
SELECT id, vector, expires_at, version FROM proximadb.get_vector('collh_look', '1');
SELECT id, score FROM proximadb.search('collh_look', '[0, 1]', filter => '{"version": "v1"}');
SELECT proximadb.upsert_vectors('collh_look', '[{"id": "1", "vector": [0, 1], "version": 1}]');
SELECT * FROM collh_look;

-- More collections in one transaction than a session keeps, with errors that are caught
SELECT count(proximadb.create_collection('collh_n' || i, 2, 'manhattan', 'heap')) FROM generate_series(1, 70) i;
DO $$
BEGIN
    FOR i IN 1..70 LOOP
        BEGIN
            PERFORM proximadb.search('collh_n' || i, '[1,2,3]');
        EXCEPTION WHEN data_exception THEN
            NULL;
        END;
        PERFORM proximadb.upsert_vectors('collh_n' || i, '[{"id": "1", "vector": [1, 2]}]');
    END LOOP;
END $$;
SELECT count(*) FROM generate_series(1, 70) i, proximadb.search('collh_n' || i, '[1, 2]');
SELECT count(proximadb.delete_collection('collh_n' || i)) FROM generate_series(1, 70) i;

SELECT proximadb.delete_collection(name) FROM proximadb.list_collections() ORDER BY name;
DROP SCHEMA collh_trap CASCADE;
DROP ROLE collh_user;
DROP TABLE collh_victim;
