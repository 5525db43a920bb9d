-- Collections with the axis index: made with the filterable columns, used by searches with and without filters, options, migration.
SET timezone = 'UTC';
SELECT proximadb.create_collection('caxis', 16, filterable_columns => '["color", {"name": "n", "data_type": "integer"}, {"name": "f", "data_type": "float"}, {"name": "k", "data_type": "integer", "indexed": false}]',
    index_options => '{"target_recall": 0.9, "strategy": "auto"}');
SELECT proximadb.create_collection('caxis_l2', 4, 'euclidean'), proximadb.create_collection('caxis_ip', 4, 'dot_product'), proximadb.create_collection('caxis_l1', 4, 'manhattan'),
    proximadb.create_collection('caxis_heap', 4, engine => 'heap'), proximadb.create_collection('caxis_lsm', 4, engine => 'lsm');
SELECT proximadb.upsert_vectors('caxis_lsm', '[{"id": "1", "vector": [1, 2, 3, 4], "metadata": {"k": 1}}]');
SELECT engine, id, metadata FROM proximadb.get_collection('caxis_lsm'), proximadb.search('caxis_lsm', '[1, 2, 3, 4]');
SELECT tablename, indexdef FROM pg_indexes WHERE tablename ~ '^caxis' AND indexdef ~ 'axis \(' ORDER BY tablename;
SELECT name, index_strategy, index_options FROM proximadb.list_collections() WHERE name ~ '^caxis' ORDER BY name;

-- 3,000 rows around 30 directions
SELECT proximadb.upsert_vectors('caxis', array_agg(i::text ORDER BY i), array_agg((SELECT array_agg((sin((i % 30) * j * 1.7) + sin(i * j) / 9)::real) FROM generate_series(1, 16) j)::vector ORDER BY i),
    array_agg(jsonb_build_object('color', (ARRAY['red', 'green', 'blue'])[i % 3 + 1], 'n', i % 100, 'f', i / 2.0, 'k', i % 7) ORDER BY i)) FROM generate_series(1, 3000) i;
ANALYZE caxis;
SELECT vector AS q FROM caxis WHERE id = '77' \gset
CREATE FUNCTION pg_temp.plan(filter jsonb, query vector) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || proximadb.search_sql('caxis', query, 10, filter) LOOP
        RETURN NEXT regexp_replace(line, '''\[.*\]''::vector', 'query');
    END LOOP;
END $$;
SET enable_seqscan = off;
SELECT pg_temp.plan(NULL, :'q');
SELECT pg_temp.plan('{"color": "red", "n": {"gte": 10, "lt": 60}}', :'q');
SELECT pg_temp.plan('{"color": "red", "f": {"gt": 100}, "metadata.k": 3}', :'q');
-- the answers are mostly those of an exact search, and as many as there are matches (how good they are is tested with axis)
CREATE FUNCTION pg_temp.recall(k int, filter jsonb) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    exact text[];
    found bigint := 0;
    wanted bigint := 0;
    q record;
BEGIN
    FOR q IN SELECT vector FROM caxis WHERE id::int % 150 = 0 LOOP
        SET LOCAL enable_indexscan = off; SET LOCAL enable_seqscan = on;
        EXECUTE 'SELECT array_agg(id) FROM (' || proximadb.search_sql('caxis', q.vector, k, filter) || ') s' INTO exact;
        SET LOCAL enable_indexscan = on; SET LOCAL enable_seqscan = off;
        found := found + (SELECT count(*) FROM proximadb.search('caxis', q.vector, k, filter, target_recall => 0.99) WHERE id = ANY (exact));
        wanted := wanted + cardinality(exact);
    END LOOP;
    RETURN found::numeric / wanted;
END $$;
SELECT pg_temp.recall(10, NULL) > 0.5 AS recall, pg_temp.recall(10, '{"color": "red", "n": {"lt": 50}}') > 0.5 AS recall_with_filter, pg_temp.recall(10, '{"metadata.k": 3}') > 0.5 AS recall_with_metadata;
SELECT count(*) FROM proximadb.search('caxis', :'q', 5000);
SELECT count(*) FROM proximadb.search('caxis', :'q', 5000, '{"n": 77}');
SELECT count(*) FROM proximadb.search('caxis', :'q', 5, '{"n": 77, "color": {"ne": "red"}}');
SELECT count(*) FROM proximadb.search_batch('caxis', ARRAY[:'q', :'q']::vector[], 7, target_recall => 0.5);
SHOW proximadb.target_recall;
SELECT count(*) FROM proximadb.search('caxis', :'q', target_recall => 1);
SELECT count(*) FROM proximadb.search('caxis', :'q', target_recall => 0);
RESET enable_seqscan;

-- Options
SELECT proximadb.update_collection('caxis', '{"target_recall": 0.97}');
SELECT reloptions FROM pg_class WHERE relname = 'caxis_vector_color_n_idx';
SELECT index_options FROM proximadb.get_collection('caxis');

-- What the index should be
SELECT strategy, engine, current_strategy, current_engine, reasons, figures - '{index_bytes,rows_inserted,rows_changed,scans,other_bytes_per_row}'::text[] AS figures FROM proximadb.axis_analyze('caxis_l2');
SELECT strategy, current_strategy, reasons[1], figures ->> 'estimated_rows' AS rows, figures ->> 'vector_bytes' AS vector_bytes FROM proximadb.axis_analyze('caxis');
SELECT strategy, current_strategy, reasons[1] FROM proximadb.axis_analyze('caxis_l1');
SELECT proximadb.axis_analyze('caxis_none');
DROP INDEX caxis_vector_color_n_idx;
SELECT strategy, current_strategy, reasons[1:2] FROM proximadb.axis_analyze('caxis');
CALL proximadb.axis_migrate('caxis', 'auto');
SELECT indexdef FROM pg_indexes WHERE tablename = 'caxis' AND indexdef ~ 'axis \(';
CALL proximadb.axis_migrate('caxis', 'flat');
SELECT indexdef FROM pg_indexes WHERE tablename = 'caxis' AND indexdef ~ 'axis \(';
SELECT index_strategy, index_options FROM proximadb.get_collection('caxis');
SELECT count(*) FROM proximadb.search('caxis', :'q', 5000, '{"n": 77}');
CALL proximadb.axis_migrate('caxis', 'hnsw');
CALL proximadb.axis_migrate('caxis', 'best');
CALL proximadb.axis_migrate('caxis_l1', 'flat');
CALL proximadb.axis_migrate('caxis_none', 'flat');
SELECT proximadb.delete_collection(name) FROM unnest('{caxis,caxis_l2,caxis_ip,caxis_l1,caxis_heap,caxis_lsm}'::text[]) name;
