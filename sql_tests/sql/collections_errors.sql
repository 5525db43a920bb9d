-- Bad arguments to the functions on collections: each kind has an error of its own, and leaves everything as it was.
SET timezone = 'UTC';
SELECT proximadb.create_collection('err_docs', 3, filterable_columns => '[{"name": "n", "data_type": "integer"}, "color", {"name": "tags", "data_type": "array_string"},
    {"name": "ok", "data_type": "boolean"}, {"name": "day", "data_type": "datetime"}]');
SELECT proximadb.upsert_vectors('err_docs', '[{"id": "a", "vector": [1, 0, 0], "metadata": {"n": 1}}]');
CREATE TABLE err_plain (id text PRIMARY KEY, vector vector(3));
CREATE TABLE err_no_key (id text, vector vector(3), metadata jsonb);
CREATE TABLE err_no_vector (id text PRIMARY KEY, vector real[], metadata jsonb);
CREATE TEMPORARY TABLE err_temp (id text PRIMARY KEY, vector vector(3));
CREATE VIEW err_view AS SELECT * FROM err_plain;
SELECT proximadb.register_collection('err_plain');

CREATE FUNCTION pg_temp.error_of(call text, OUT state text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'SELECT * FROM proximadb.' || call;
    message := 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;
CREATE TABLE err_calls (n serial, call text);
INSERT INTO err_calls (call) VALUES
    ($$create_collection(NULL, 3)$$), ($$create_collection('', 3)$$), ($$create_collection('a b', 3)$$), ($$create_collection('ä', 3)$$), ($$create_collection(repeat('x', 256), 3)$$),
    ($$create_collection('a"; DROP TABLE err_plain; --', 3)$$), ($$create_collection('err_docs', 3)$$), ($$create_collection('err_no_key', 3)$$),
    ($$create_collection('new', NULL)$$), ($$create_collection('new', 0)$$), ($$create_collection('new', -1)$$), ($$create_collection('new', 16001)$$),
    ($$create_collection('new', 3, NULL)$$), ($$create_collection('new', 3, 'l2')$$), ($$create_collection('new', 3, 'Cosine')$$),
    ($$create_collection('new', 3, engine => NULL)$$), ($$create_collection('new', 3, engine => 'parquet')$$), ($$create_collection('new', 3, engine => 'segment_store')$$),
    ($$create_collection('new', 3, id_type => 'jsonb')$$), ($$create_collection('new', 3, schema => 'nowhere')$$), ($$create_collection('new', 3, schema => NULL)$$),
    ($$create_collection('new', 3, filterable_columns => NULL)$$), ($$create_collection('new', 3, filterable_columns => '{"name": "a"}')$$), ($$create_collection('new', 3, filterable_columns => '[1]')$$),
    ($$create_collection('new', 3, filterable_columns => '[{"data_type": "float"}]')$$), ($$create_collection('new', 3, filterable_columns => '["a", "a"]')$$),
    ($$create_collection('new', 3, filterable_columns => '["id"]')$$), ($$create_collection('new', 3, filterable_columns => '[""]')$$),
    ($$create_collection('new', 3, filterable_columns => '[{"name": "a", "data_type": "map"}]')$$), ($$create_collection('new', 3, filterable_columns => '[{"name": "a", "type": "float"}]')$$),
    ($$create_collection('new', 3, filterable_columns => '[{"name": "a", "indexed": "yes"}]')$$), ($$create_collection('new', 3, filterable_columns => jsonb_build_array(repeat('x', 64)))$$),
    ($$create_collection('new', 3, filterable_columns => (SELECT jsonb_agg('c' || i) FROM generate_series(1, 17) i))$$), ($$create_collection('new', 3, tags => '{a,NULL}')$$),
    ($$create_collection('new', 3, index_options => NULL)$$), ($$create_collection('new', 3, index_options => '[]')$$), ($$create_collection('new', 3, index_options => '{"m": 16}')$$),
    ($$create_collection('new', 3, index_options => '{"strategy": "hnsw"}')$$), ($$create_collection('new', 3, index_options => '{"strategy": "pq"}')$$),
    ($$create_collection('new', 3, index_options => '{"strategy": "best"}')$$), ($$create_collection('new', 3, index_options => '{"target_recall": 1.5}')$$),
    ($$create_collection('new', 3, index_options => '{"target_recall": "0.9"}')$$), ($$create_collection('new', 3, index_options => '{"code_bits": 3}')$$),
    ($$create_collection('new', 3, 'hamming', index_options => '{"strategy": "flat"}')$$),
    ($$register_collection('err_no_key')$$), ($$register_collection('err_no_vector')$$), ($$register_collection('err_temp')$$), ($$register_collection('err_view')$$), ($$register_collection('err_none')$$),
    ($$register_collection(NULL)$$), ($$register_collection('err_plain', 'err_docs')$$), ($$register_collection('err_plain', 'a b')$$), ($$register_collection('err_plain', metric => 'l1')$$),
    ($$register_collection('err_plain', id_column => 'key')$$), ($$register_collection('err_plain', vector_column => 'v')$$), ($$register_collection('err_plain', metadata_column => 'meta')$$),
    ($$update_collection('err_none', '{"tags": []}')$$), ($$update_collection('err_docs', '{}')$$), ($$update_collection('err_docs', '[]')$$), ($$update_collection('err_docs', '{"dimension": 4}')$$),
    ($$update_collection('err_docs', '{"metric": "euclidean"}')$$), ($$update_collection('err_docs', '{"name": "x"}')$$), ($$update_collection('err_docs', '{"color": "red"}')$$),
    ($$update_collection('err_docs', '{"tags": "a"}')$$), ($$update_collection('err_docs', '{"tags": [1]}')$$), ($$update_collection('err_docs', '{"description": 1}')$$), ($$update_collection('err_docs', '{"target_recall": 2}')$$),
    ($$update_collection('err_plain', '{"target_recall": 0.9}')$$),
    ($$get_collection('err_none')$$), ($$get_metrics('err_none')$$), ($$delete_collection('err_none')$$),
    ($$upsert_vectors('err_none', '[]')$$), ($$upsert_vectors(NULL, '[]')$$), ($$upsert_vectors('err_docs', NULL)$$), ($$upsert_vectors('err_docs', '{"id": "a"}')$$), ($$upsert_vectors('err_docs', '3')$$),
    ($$upsert_vectors('err_docs', '[3]')$$), ($$upsert_vectors('err_docs', '[{"vector": [1, 2, 3]}]')$$), ($$upsert_vectors('err_docs', '[{"id": "b"}]')$$), ($$upsert_vectors('err_docs', '[{"id": null, "vector": [1, 2, 3]}]')$$),
    ($$upsert_vectors('err_docs', '[{"id": ["b"], "vector": [1, 2, 3]}]')$$), ($$upsert_vectors('err_docs', '[{"id": "b", "vector": [1, 2, 3]}, {"id": "c", "vector": [1, 2]}]')$$),
    ($$upsert_vectors('err_docs', '[{"id": "b", "vector": [1, 2, "3"]}]')$$), ($$upsert_vectors('err_docs', '[{"id": "b", "vector": "[1, 2, 3]"}]')$$), ($$upsert_vectors('err_docs', '[{"id": "b", "vector": []}]')$$),
    ($$upsert_vectors('err_docs', '[{"id": "b", "vector": [1, 2, 1e39]}]')$$), ($$upsert_vectors('err_docs', '[{"id": "b", "vector": [1, 2, 3], "metadata": [1]}]')$$),
    ($$upsert_vectors('err_docs', '[{"id": "b", "vector": [1, 2, 3], "meta": {}}]')$$), ($$upsert_vectors('err_docs', '[{"id": "b", "vector": [1, 2, 3], "expires_at": 5}]')$$),
    ($$upsert_vectors('err_docs', '[{"id": "b", "vector": [1, 2, 3], "expires_at": "soon"}]')$$), ($$upsert_vectors('err_docs', '[{"id": "b", "vector": [1, 2, 3], "version": "1"}]')$$),
    ($$upsert_vectors('err_docs', '[{"id": "a", "vector": [1, 2, 3], "version": 7}]')$$), ($$insert_vectors('err_docs', '[{"id": "b", "vector": [1, 2, 3], "version": 1}]')$$),
    ($$insert_vectors('err_docs', '[{"id": "a", "vector": [1, 2, 3]}]')$$), ($$upsert_vectors('err_docs', '[{"id": "b", "vector": [1, 2, 3]}, {"id": "b", "vector": [1, 2, 3]}]')$$),
    ($$upsert_vectors('err_docs', '[{"id": "b", "vector": [1, 2, 3], "metadata": {"n": "x"}}]')$$), ($$upsert_vectors('err_docs', '[{"id": "b", "vector": [1, 2, 3], "metadata": {"day": "now"}}]')$$),
    ($$upsert_vectors('err_docs', '[{"id": "b", "vector": [1, 2, 3], "metadata": {"tags": "x"}}]')$$), ($$upsert_vectors('err_plain', '[{"id": "b", "vector": [1, 2, 3], "metadata": {"k": 1}}]')$$),
    ($$upsert_vectors('err_plain', '[{"id": "b", "vector": [1, 2, 3], "version": 1}]')$$), ($$upsert_vectors('err_plain', '[{"id": "b", "vector": [1, 2, 3], "expires_at": "2100-01-01"}]')$$),
    ($$upsert_vectors('err_docs', '{a,b}', '{"[1,2,3]"}')$$), ($$upsert_vectors('err_docs', '{a,NULL}', '{"[1,2,3]","[1,2,3]"}')$$), ($$upsert_vectors('err_docs', '{a}', '{NULL}')$$),
    ($$upsert_vectors('err_docs', NULL, '{"[1,2,3]"}')$$), ($$upsert_vectors('err_docs', '{a}', '{"[1,2,3]"}', '{}')$$),
    ($$get_vector('err_docs', NULL)$$), ($$delete_vectors('err_docs', NULL)$$), ($$delete_vectors('err_none', '{a}')$$), ($$purge_expired('err_plain')$$), ($$purge_expired('err_none')$$),
    ($$delete_vectors_by_filter('err_docs', NULL)$$), ($$delete_vectors_by_filter('err_docs', '{}')$$), ($$delete_vectors_by_filter('err_docs', '{"m": 1}')$$),
    ($$search('err_none', '[1,0,0]')$$), ($$search(NULL, '[1,0,0]')$$), ($$search('err_docs', NULL)$$), ($$search('err_docs', '[1,0]')$$), ($$search('err_docs', '[1,0,0]', 0)$$), ($$search('err_docs', '[1,0,0]', NULL)$$),
    ($$search('err_docs', '[1,0,0]', -5)$$), ($$search_batch('err_docs', NULL)$$), ($$search_batch('err_docs', '{"[1,0,0]",NULL}')$$), ($$search_batch('err_docs', '{"[1,0,0]","[1,0]"}')$$),
    ($$search('err_docs', '[1,0,0]', filter => '[]')$$), ($$search('err_docs', '[1,0,0]', filter => '{}')$$), ($$search('err_docs', '[1,0,0]', filter => '"n"')$$), ($$search('err_docs', '[1,0,0]', filter => '{"none": 1}')$$),
    ($$search('err_docs', '[1,0,0]', filter => '{"ctid": "(0,1)"}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"vector": [1, 0, 0]}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"n": {}}')$$),
    ($$search('err_docs', '[1,0,0]', filter => '{"n": {"like": 1}}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"n": {"=": 1}}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"n": "1"}')$$),
    ($$search('err_docs', '[1,0,0]', filter => '{"n": 1.5}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"n": [1]}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"color": 1}')$$),
    ($$search('err_docs', '[1,0,0]', filter => '{"ok": "true"}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"day": "soon"}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"n": {"gt": null}}')$$),
    ($$search('err_docs', '[1,0,0]', filter => '{"n": {"in": 1}}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"n": {"in": [1, null]}}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"n": {"contains": 1}}')$$),
    ($$search('err_docs', '[1,0,0]', filter => '{"n": {"starts_with": "1"}}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"color": {"ends_with": 1}}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"tags": {"gt": "x"}}')$$),
    ($$search('err_docs', '[1,0,0]', filter => '{"tags": {"in": ["x"]}}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"n": {"is_null": 1}}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"n": {"range": [1]}}')$$),
    ($$search('err_docs', '[1,0,0]', filter => '{"metadata.x": {"gt": true}}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"metadata.x": [1]}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"metadata": {"gt": 1}}')$$),
    ($$search('err_docs', '[1,0,0]', filter => '{"and": {"n": 1}}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"or": []}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"or": [1]}')$$),
    ($$search('err_docs', '[1,0,0]', filter => '{"not": 1}')$$), ($$search('err_docs', '[1,0,0]', filter => '{"not": {}}')$$), ($$search('err_plain', '[1,0,0]', filter => '{"metadata.x": 1}')$$),
    ($$search('err_docs', '[1,0,0]', filter => (repeat('{"not":', 6000) || '{"n":1}' || repeat('}', 6000))::jsonb)$$);
\x
SELECT call, e.* FROM err_calls, pg_temp.error_of(call) e ORDER BY n;
\x
SELECT count(*) AS calls, count(DISTINCT (e.state, regexp_replace(e.message, '"[^"]*"|\d+', '', 'g'))) >= 40 AS kinds, count(*) FILTER (WHERE e.state ~ '^XX' OR e.state IS NULL) AS bad
  FROM err_calls, pg_temp.error_of(call) e;
-- everything is as it was
SELECT id, vector, metadata, version FROM err_docs;
SELECT name FROM proximadb.list_collections();
SELECT object FROM proximadb.health() WHERE NOT ok;
DROP VIEW err_view;
SELECT proximadb.delete_collection('err_docs'), proximadb.delete_collection('err_plain');
DROP TABLE err_calls, err_no_key, err_no_vector, err_temp;
