-- Collections: from creation to deletion, records, search, filters, and what happens to their tables in other ways.
SET timezone = 'UTC';
SET extra_float_digits = 0;
CREATE FUNCTION pg_temp.without_times(jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT $1 - '{created_at,updated_at,total_bytes,owner,index_strategy,engine}'::text[] $$;

-- A collection is a table
SELECT proximadb.create_collection('coll_docs', 3, engine => 'viper', filterable_columns => '["color", {"name": "price", "data_type": "float"}, {"name": "n", "data_type": "INTEGER"},
    {"name": "tags", "data_type": "array_string"}, {"name": "sizes", "data_type": "array_integer", "indexed": false}, {"name": "weights", "data_type": "array_float", "indexed": false},
    {"name": "day", "data_type": "datetime"}, {"name": "Odd \"name\"", "data_type": "boolean"}]', description => 'things', tags => '{a,b}');
SELECT attname, format_type(atttypid, atttypmod), attnotnull, attgenerated FROM pg_attribute WHERE attrelid = 'coll_docs'::regclass AND attnum > 0 ORDER BY attnum;
SELECT indexdef FROM pg_indexes WHERE tablename = 'coll_docs' AND indexdef !~ 'axis' ORDER BY indexname;
SELECT jsonb_pretty(pg_temp.without_times(to_jsonb(c))) FROM proximadb.get_collection('coll_docs') c;

-- Records
SELECT proximadb.insert_vectors('coll_docs', '[
  {"id": "a", "vector": [1, 0, 0], "metadata": {"color": "red", "price": 1.5, "n": 1, "tags": ["x", "y"], "sizes": [1, 2], "weights": [0.5], "day": "2026-01-01", "Odd \"name\"": true, "note": "apple"}},
  {"id": "b", "vector": [0.9, 0.1, 0], "metadata": {"color": "green", "price": 2, "n": 2, "tags": ["y"], "day": "2026-02-01T10:00:00+02:00", "Odd \"name\"": false, "note": "pear", "stock": 7}},
  {"id": "c", "vector": [0, 1, 0], "metadata": {"color": "red", "n": null, "tags": [], "note": ["apple", "pie"], "stock": 11, "deep": {"k": 1}}},
  {"id": "d", "vector": [0, 0, 1], "metadata": null, "expires_at": "2100-01-01"},
  {"id": 5, "vector": [0, 0.5, 0.5]}]');
SELECT id, color, price, n, tags, sizes, weights, day, "Odd ""name""" AS odd FROM coll_docs ORDER BY id;
SELECT proximadb.insert_vectors('coll_docs', '[{"id": "new", "vector": [1, 1, 1]}, {"id": "a", "vector": [1, 1, 1]}]');
SELECT proximadb.insert_vectors('coll_docs', '[]'), proximadb.upsert_vectors('coll_docs', '[]');
SELECT proximadb.upsert_vectors('coll_docs', '[{"id": "d", "vector": [0, 0, 2], "metadata": {"color": "blue"}}, {"id": "e", "vector": [0.5, 0.5, 0]}]');
SELECT id, vector, metadata, expires_at, version, updated_at >= created_at AS later FROM proximadb.get_vector('coll_docs', 'd');
SELECT proximadb.upsert_vectors('coll_docs', ARRAY['e', 'f'], ARRAY['[1, 2, 3]', '[-1, 0, 0]']::vector[], ARRAY['{"n": 9}', NULL]::jsonb[], ARRAY[NULL, 'infinity']::timestamptz[]);
SELECT proximadb.insert_vectors('coll_docs', ARRAY['g'], ARRAY['[0, -1, 0]']::vector[]);
SELECT id, vector, n, metadata, expires_at, version FROM coll_docs WHERE id IN ('e', 'f', 'g') ORDER BY id;
-- all or nothing, and of this transaction
BEGIN;
SELECT proximadb.upsert_vectors('coll_docs', '[{"id": "h", "vector": [1, 1, 1]}]');
SELECT id FROM proximadb.search('coll_docs', '[1, 1, 1]', 1);
ROLLBACK;
SELECT count(*) FROM proximadb.get_vector('coll_docs', 'h');
-- optimistic concurrency
SELECT proximadb.upsert_vectors('coll_docs', '[{"id": "a", "vector": [1, 0, 0], "metadata": {"color": "red", "price": 1.5, "n": 1, "tags": ["x", "y"], "sizes": [1, 2], "weights": [0.5], "note": "apple"}, "version": 1}]');
SELECT proximadb.upsert_vectors('coll_docs', '[{"id": "b", "vector": [7, 7, 7]}, {"id": "a", "vector": [1, 0, 0], "version": 1}]');
SELECT proximadb.upsert_vectors('coll_docs', '[{"id": "none", "vector": [1, 0, 0], "version": 1}]');
SELECT id, vector, version FROM coll_docs WHERE id IN ('a', 'b', 'none') ORDER BY id;

-- Search
SELECT id, round(score::numeric, 4) AS score, round(distance::numeric, 4) AS distance, rank, metadata IS NOT NULL AS metadata, vector FROM proximadb.search('coll_docs', '[1, 0, 0]', 3);
SELECT id, metadata, vector FROM proximadb.search('coll_docs', '[1, 0, 0]', 1, include_vector => true, include_metadata => false);
SELECT count(*), min(rank), max(rank) FROM proximadb.search('coll_docs', '[1, 0, 0]', 100000);
SELECT query, string_agg(id, ',' ORDER BY rank) FROM proximadb.search_batch('coll_docs', ARRAY['[1, 0, 0]', '[0, 1, 0]', '[0, 0, 1]']::vector[], 2) GROUP BY query ORDER BY query;
SELECT count(*) FROM proximadb.search_batch('coll_docs', '{}'::vector[]);
-- what search() runs can be seen, and explained
SELECT proximadb.search_sql('coll_docs', '[1, 0, 0]', 2, '{"color": "red''; DROP TABLE coll_docs; --", "metadata.it''s": {"gt": 1}}');
CREATE FUNCTION pg_temp.answers(filter jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    by_function text := (SELECT string_agg(id, ',' ORDER BY rank) FROM proximadb.search('coll_docs', '[1, 0.2, 0.1]', 100, filter));
    by_statement text;
BEGIN
    EXECUTE 'SELECT string_agg(id, '','' ORDER BY distance) FROM (' || proximadb.search_sql('coll_docs', '[1, 0.2, 0.1]', 100, filter) || ') s' INTO by_statement;
    IF by_function IS DISTINCT FROM by_statement THEN
        RAISE EXCEPTION 'search says %, its statement %', by_function, by_statement;
    END IF;
    RETURN by_function;
END $$;
-- every operator, on columns and on metadata
SELECT filter, pg_temp.answers(filter::jsonb) FROM (VALUES
    ('{"color": "red"}'), ('{"color": {"eq": "red"}}'), ('{"color": null}'), ('{"color": {"ne": "red"}}'), ('{"color": {"ne": null}}'),
    ('{"n": 1}'), ('{"n": {"lt": 2}}'), ('{"n": {"lte": 2}}'), ('{"n": {"gt": 1}}'), ('{"n": {"gte": 1, "lt": 9}}'), ('{"n": {"ne": 1}}'), ('{"n": {"range": [1, 2]}}'),
    ('{"price": {"gt": 1.5}}'), ('{"price": {"range": [1.5, 2]}}'),
    ('{"Odd \"name\"": false}'), ('{"day": {"gte": "2026-01-15", "lt": "2026-02-01 09:00Z"}}'),
    ('{"color": {"in": ["red", "blue"]}}'), ('{"color": {"not_in": ["red", "blue"]}}'), ('{"n": {"in": []}}'), ('{"n": {"not_in": []}}'),
    ('{"color": {"contains": "e"}}'), ('{"color": {"starts_with": "gr"}}'), ('{"color": {"ends_with": "ed"}}'), ('{"color": {"starts_with": "%"}}'),
    ('{"color": {"is_null": true}}'), ('{"color": {"is_null": false}}'),
    ('{"tags": {"contains": "y"}}'), ('{"tags": {"contains": ["y", "x"]}}'), ('{"tags": ["y"]}'), ('{"sizes": {"contains": 2}}'), ('{"weights": {"contains": 0.5}}'), ('{"tags": {"is_null": true}}'),
    ('{"id": {"in": ["a", "b"]}}'), ('{"version": {"gt": 1}}'), ('{"created_at": {"gt": "2020-01-01"}, "id": "a"}'), ('{"expires_at": null, "id": "a"}'),
    ('{"metadata.note": "apple"}'), ('{"metadata.note": {"ne": "apple"}}'), ('{"metadata.note": {"in": ["pear", "apple"]}}'), ('{"metadata.note": {"contains": "pp"}}'),
    ('{"metadata.note": {"contains": "pie"}}'), ('{"metadata.note": {"starts_with": "pe"}}'), ('{"metadata.note": {"ends_with": "r"}}'), ('{"metadata.note": {"gt": "b"}}'),
    ('{"metadata.stock": {"gt": 7}}'), ('{"metadata.stock": 7}'), ('{"metadata.stock": {"range": [7, 11]}}'), ('{"metadata.stock": {"is_null": false}}'), ('{"metadata.n": null}'),
    ('{"metadata.deep": {"contains": {"k": 1}}}'), ('{"metadata": {"contains": {"stock": 7}}}'), ('{"metadata.none": {"not_in": [1]}}'),
    ('{"and": [{"color": "red"}, {"n": 1}]}'), ('{"or": [{"color": "blue"}, {"n": 2}]}'), ('{"not": {"color": "red"}}'), ('{"not": {"or": [{"color": "red"}, {"color": null}]}}'),
    ('{"color": "red", "or": [{"n": 1}, {"metadata.stock": 11}]}'), ('{"and": [{"or": [{"n": 1}, {"n": 2}]}, {"not": {"tags": {"contains": "x"}}}]}')) f(filter);
SELECT proximadb.delete_vectors('coll_docs', '{f,g,none}');
SELECT proximadb.delete_vectors_by_filter('coll_docs', '{"or": [{"n": 9}, {"id": "5"}]}');
SELECT string_agg(id, ',' ORDER BY id) FROM coll_docs;

-- expires_at hides at once; purge_expired removes
SELECT proximadb.upsert_vectors('coll_docs', '[{"id": "old", "vector": [1, 0, 0], "expires_at": "2020-01-01"}, {"id": "soon", "vector": [1, 0, 0], "expires_at": "infinity"}]');
SELECT string_agg(id, ',' ORDER BY id) FROM proximadb.search('coll_docs', '[1, 0, 0]');
SELECT count(*) FROM proximadb.get_vector('coll_docs', 'old');
SELECT count(*) FROM coll_docs WHERE id = 'old';
UPDATE coll_docs SET expires_at = now() - interval '1 second' WHERE id = 'soon';
SELECT string_agg(id, ',' ORDER BY id) FROM proximadb.search('coll_docs', '[1, 0, 0]');
SELECT proximadb.purge_expired('coll_docs');
SELECT count(*) FROM coll_docs WHERE expires_at IS NOT NULL;

-- Every metric; scores grow as distances shrink
SELECT proximadb.create_collection('coll_' || metric, 2, metric) FROM unnest('{cosine,euclidean,dot_product,manhattan,hamming}'::text[]) metric;
SELECT proximadb.upsert_vectors('coll_' || metric, ARRAY['1', '2', '3'], ARRAY['[1,0]', '[3,4]', '[1,4]']::vector[]) FROM unnest('{cosine,euclidean,dot_product,manhattan,hamming}'::text[]) metric;
SELECT metric, string_agg(format('%s %s %s', id, round(distance::numeric, 3), round(score::numeric, 3)), ', ' ORDER BY rank)
  FROM unnest('{cosine,euclidean,dot_product,manhattan,hamming}'::text[]) WITH ORDINALITY m(metric, n), proximadb.search('coll_' || metric, '[3, 4]') GROUP BY n, metric ORDER BY n;
SELECT proximadb.delete_collection('coll_' || metric) FROM unnest('{cosine,euclidean,dot_product,manhattan,hamming}'::text[]) metric;
-- every engine, every type of id
SELECT proximadb.create_collection('coll_heap', 2, engine => 'heap', id_type => 'uuid'), proximadb.create_collection('coll_int', 2, engine => 'viper', id_type => 'integer'), proximadb.create_collection('coll_bigint', 2, engine => 'viper', id_type => 'bigint');
SELECT proximadb.upsert_vectors('coll_heap', '[{"id": "00000000-0000-0000-0000-000000000001", "vector": [1, 2]}]'), proximadb.upsert_vectors('coll_int', '[{"id": 1, "vector": [1, 2]}]'),
    proximadb.upsert_vectors('coll_bigint', ARRAY['9000000000'], ARRAY['[1,2]']::vector[]);
SELECT id FROM proximadb.search('coll_heap', '[1, 2]') UNION ALL SELECT id FROM proximadb.search('coll_int', '[1, 2]', filter => '{"id": {"gt": 0}}') UNION ALL SELECT id FROM proximadb.get_vector('coll_bigint', '9000000000');
SELECT proximadb.delete_vectors('coll_int', '{1}'), proximadb.delete_vectors('coll_int', '{x}');
SELECT name, engine FROM proximadb.list_collections() ORDER BY name;
SELECT proximadb.delete_collection(name) FROM unnest('{coll_heap,coll_int,coll_bigint}'::text[]) name;

-- update_collection, names that are no identifiers
SELECT proximadb.update_collection('coll_docs', '{"description": "other things", "tags": ["c"]}');
SELECT description, tags, updated_at > created_at AS later FROM proximadb.get_collection('coll_docs');
SELECT proximadb.create_collection('Coll-1.x', 2);
SELECT proximadb.upsert_vectors('Coll-1.x', '[{"id": "1", "vector": [1, 2]}]');
SELECT id FROM proximadb.search('Coll-1.x', '[1, 2]');
SELECT length(proximadb.create_collection(repeat('x', 255), 2)::text);
SELECT proximadb.upsert_vectors(repeat('x', 255), '[{"id": "1", "vector": [1, 2]}]');
SELECT id FROM proximadb.search(repeat('x', 255), '[1, 2]');
SELECT proximadb.delete_collection(repeat('x', 255)), proximadb.delete_collection('Coll-1.x'), proximadb.delete_collection('coll_none', if_exists => true);

-- The catalog follows the table
ALTER TABLE coll_docs RENAME TO coll_papers;
SELECT id FROM proximadb.search('coll_docs', '[1, 0, 0]', 1);
SELECT id FROM proximadb.search('coll_papers', '[1, 0, 0]', 1);
CREATE SCHEMA coll_schema;
ALTER TABLE coll_papers SET SCHEMA coll_schema;
SELECT id FROM proximadb.search('coll_papers', '[1, 0, 0]', 1);
CREATE ROLE coll_owner;
ALTER TABLE coll_schema.coll_papers OWNER TO coll_owner;
SELECT name, tbl, owner FROM proximadb.list_collections();
ALTER TABLE coll_schema.coll_papers ADD COLUMN more int DEFAULT 3;
SELECT id FROM proximadb.search('coll_papers', '[1, 0, 0]', 1, '{"more": 3}');
ALTER TABLE coll_schema.coll_papers RENAME COLUMN vector TO embedding;
SELECT id FROM proximadb.search('coll_papers', '[1, 0, 0]', 1);
SELECT object, ok, detail FROM proximadb.health() WHERE object ~ 'coll';
SELECT proximadb.register_collection('coll_schema.coll_papers', vector_column => 'embedding');
SELECT id FROM proximadb.search('coll_papers', '[1, 0, 0]', 1);
BEGIN;
DROP SCHEMA coll_schema CASCADE;
SELECT count(*) FROM proximadb.collections;
ROLLBACK;
SELECT id FROM proximadb.search('coll_papers', '[1, 0, 0]', 1);
DROP SCHEMA coll_schema CASCADE;
SELECT count(*) FROM proximadb.collections;
SELECT id FROM proximadb.search('coll_papers', '[1, 0, 0]', 1);
DROP ROLE coll_owner;

-- A table that exists, with names and columns of its own
CREATE TABLE coll_own (key bigint PRIMARY KEY, "Vec" vector, info jsonb, title text) USING viper;
SELECT proximadb.register_collection('coll_own', 'own.things', 'euclidean', 'key', 'Vec', 'info', 'mine', '{t}');
SELECT proximadb.upsert_vectors('own.things', '[{"id": 1, "vector": [1, 2], "metadata": {"k": 1}}, {"id": 2, "vector": [1, 3]}, {"id": 3, "vector": [9]}]');
DELETE FROM coll_own WHERE key = 3;
SELECT id, distance, metadata FROM proximadb.search('own.things', '[1, 3]', filter => '{"or": [{"metadata.k": 1}, {"title": null}]}');
SELECT id, vector, metadata, created_at, version FROM proximadb.get_vector('own.things', '2');
SELECT id, collection_id, vector, metadata FROM proximadb.read_avro_bytes(proximadb.export_avro_bytes('own.things')) ORDER BY id;
SELECT proximadb.import_avro_bytes('own.things', proximadb.export_avro_bytes('coll_own'), 'replace');
SELECT jsonb_pretty(pg_temp.without_times(to_jsonb(c))) FROM proximadb.get_collection('own.things') c;
SELECT live_rows IS NOT NULL AS live, sealed_rows IS NOT NULL AS sealed, segments IS NOT NULL AS segments, total_bytes > 0 AS bytes FROM proximadb.get_metrics('own.things');
SELECT object, ok, detail FROM proximadb.health() ORDER BY object;
SELECT proximadb.forget_collection('coll_own'::regclass);
SELECT count(*) FROM coll_own;
DROP TABLE coll_own;

-- Rights are those of the table
SELECT proximadb.create_collection('coll_rights', 2, filterable_columns => '["owner"]');
SELECT proximadb.upsert_vectors('coll_rights', '[{"id": "1", "vector": [1, 0], "metadata": {"owner": "coll_user"}}, {"id": "2", "vector": [1, 0], "metadata": {"owner": "x"}}]');
CREATE ROLE coll_user;
CREATE ROLE coll_reader;
ALTER TABLE coll_rights ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON coll_rights USING (owner = current_user);
GRANT SELECT, INSERT, UPDATE, DELETE ON coll_rights TO coll_user;
GRANT SELECT (id, vector, owner, expires_at) ON coll_rights TO coll_reader;
CREATE POLICY reader ON coll_rights FOR SELECT TO coll_reader USING (true);
SELECT string_agg(id, ',' ORDER BY id) FROM proximadb.search('coll_rights', '[1, 0]');
SET ROLE coll_user;
SELECT string_agg(id, ',' ORDER BY id) FROM proximadb.search('coll_rights', '[1, 0]');
SELECT count(*) FROM proximadb.get_vector('coll_rights', '2');
SELECT proximadb.upsert_vectors('coll_rights', '[{"id": "3", "vector": [1, 0], "metadata": {"owner": "x"}}]');
SELECT proximadb.delete_vectors('coll_rights', '{1,2}');
SELECT proximadb.delete_collection('coll_rights');
SELECT proximadb.update_collection('coll_rights', '{"description": "mine"}');
SELECT proximadb.forget_collection('coll_rights'::regclass);
SELECT proximadb.save_collection('coll_rights', '{}');
INSERT INTO proximadb.collections SELECT * FROM proximadb.collections;
DELETE FROM proximadb.collections;
SET ROLE coll_reader;
SELECT string_agg(id, ',' ORDER BY id) FROM proximadb.search('coll_rights', '[1, 0]', include_metadata => false);
SELECT string_agg(id, ',' ORDER BY id) FROM proximadb.search('coll_rights', '[1, 0]');
RESET ROLE;
SELECT string_agg(id, ',' ORDER BY id) FROM coll_rights;
-- a user's own collection, in a schema of that user, under a hostile search_path
CREATE SCHEMA coll_mine AUTHORIZATION coll_user;
SET ROLE coll_user;
SET search_path = coll_mine;
CREATE FUNCTION coll_mine.unnest(text[]) RETURNS SETOF text LANGUAGE sql AS $$ SELECT 'evil' $$;
CREATE TYPE coll_mine.jsonb AS (evil int);
SET search_path = coll_mine, pg_catalog;
SELECT proximadb.create_collection('coll_two', 2, filterable_columns => '[{"name": "n", "data_type": "integer"}]');
SELECT proximadb.upsert_vectors('coll_two', '[{"id": "1", "vector": [1, 0], "metadata": {"n": 4}}]');
SELECT id, n FROM coll_mine.coll_two;
SELECT id FROM proximadb.search('coll_two', '[1, 0]', 1, '{"n": {"in": [4]}}');
SELECT tbl FROM proximadb.list_collections() WHERE name = 'coll_two';
SELECT proximadb.delete_vectors('coll_two', '{1}'), proximadb.purge_expired('coll_two');
SELECT proximadb.delete_collection('coll_two');
RESET search_path;
RESET ROLE;
DROP SCHEMA coll_mine CASCADE;
SELECT proximadb.delete_collection('coll_rights');
DROP ROLE coll_user, coll_reader;

-- Names are found anew when somebody else changed them
SELECT proximadb.create_collection('coll_new', 2);
SELECT count(*) FROM proximadb.search('coll_new', '[1, 0]');
BEGIN;
SELECT proximadb.delete_collection('coll_new');
SELECT proximadb.create_collection('coll_new', 3);
SELECT count(*) FROM proximadb.search('coll_new', '[1, 0, 0]');
ROLLBACK;
SELECT count(*) FROM proximadb.search('coll_new', '[1, 0]');
SELECT proximadb.delete_collection('coll_new');
SELECT count(*) FROM proximadb.collections;
