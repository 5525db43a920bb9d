#!/bin/bash
# collections.sh: functions on collections beside the same SQL written by hand.
#
# usage: bench/collections.sh [rows] [dimensions] [rounds] [seconds]      (default: 10000 768 5 3: seconds of each pgbench run)
#
# One private server, in memory. Runs are interleaved, a ratio is the median of the rounds' ratios. A line ends with "ok"
# or "MISSED" where a bar is set.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/scripts/lib.sh"
. "$top/bench/lib.sh"
rows=${1:-10000}
dimensions=${2:-768}
rounds=${3:-5}
seconds=${4:-3}

# latency NAME FILE: keeps pgbench's average latency of a prepared script, in microseconds.
latency()
{
	keep "$1" "$(as_user "$pg_bin/pgbench" -h "$work" -U postgres -n -M prepared -T "$seconds" -f "$2" 2>/dev/null |
		sed -n 's/^latency average = \([0-9.]*\) ms.*/\1/p' | awk '{ print $1 * 1000 }')"
}

# once NAME STATEMENT: keeps the milliseconds of one execution.
once()
{
	printf '%s\n' '\o /dev/null' '\timing on' "$2" >"$work/statement"
	keep "$1" "$(sql <"$work/statement" | sed -n 's/^Time: \([0-9.]*\).*/\1/p')"
}

mkdir -p "$top/build"
trap 'stop_servers bench; drop_work bench' EXIT
make_work bench
install_private
start_cluster shared_buffers=4GB max_wal_size=20GB autovacuum=off
mkdir "$work/figures"

sql -c 'CREATE EXTENSION proximadb' -c "SELECT proximadb.create_collection('docs', $dimensions, filterable_columns => '[\"color\"]')" >/dev/null
sql -c "CREATE TABLE source AS SELECT i::text AS id,
	(SELECT array_agg(sin(i * j) + random() / 5) FROM generate_series(1, $dimensions) j)::real[]::vector AS vector,
	jsonb_build_object('color', (ARRAY['red', 'green', 'blue'])[i % 3 + 1], 'i', i) AS metadata FROM generate_series(1, $rows) i"

# --- upserts of all rows in one call, into a table that has none of them and then into one that has all ---

upsert="INSERT INTO docs AS t (id, vector, metadata) SELECT id, vector, metadata FROM source
	ON CONFLICT (id) DO UPDATE SET vector = excluded.vector, metadata = excluded.metadata, expires_at = excluded.expires_at,
	updated_at = now(), version = t.version + 1;"
arrays="SELECT proximadb.upsert_vectors('docs', array_agg(id), array_agg(vector), array_agg(metadata)) FROM source;"
records="SELECT proximadb.upsert_vectors('docs', (SELECT json FROM source_json));"
by_hand="INSERT INTO docs AS t (id, vector, metadata) SELECT r->>'id', (r->>'vector')::vector, r->'metadata'
	FROM source_json, jsonb_array_elements(json) r
	ON CONFLICT (id) DO UPDATE SET vector = excluded.vector, metadata = excluded.metadata, expires_at = excluded.expires_at,
	updated_at = now(), version = t.version + 1;"
sql -c "CREATE TABLE source_json AS SELECT jsonb_agg(jsonb_build_object('id', id, 'vector', vector::text::jsonb, 'metadata', metadata)) AS json
	FROM (SELECT * FROM source LIMIT least($rows, 10000)) s"
sql -c 'DROP INDEX docs_vector_color_idx'		# measured are the functions, not the index
for round in $(seq "$rounds"); do
	for way in upsert arrays by_hand records; do
		sql -c 'TRUNCATE docs'
		once "new_$way" "${!way}"
		once "old_$way" "${!way}"
	done
done
compare "upsert_vectors of arrays, $rows new rows: INSERT ... SELECT / it" new_upsert new_arrays '>=' 0.7
compare "upsert_vectors of arrays, $rows old rows: INSERT ... SELECT / it" old_upsert old_arrays '>=' 0.7
compare "upsert_vectors of JSON, new rows: INSERT ... SELECT / it" new_by_hand new_records '>=' 0.7
compare "upsert_vectors of JSON, old rows: INSERT ... SELECT / it" old_by_hand old_records '>=' 0.7

# --- searches through the index ---

sql -c 'TRUNCATE docs' -c "$arrays" >/dev/null
sql -c 'CREATE INDEX ON docs USING axis (vector vector_cosine_ops, color)' -c 'VACUUM ANALYZE docs' -c 'CHECKPOINT'
query=$(sql -c "SELECT vector FROM source WHERE id = '77'")
alive="(expires_at IS NULL OR expires_at > statement_timestamp())"
echo "SELECT id, vector <=> '$query' AS distance, metadata FROM docs WHERE $alive ORDER BY vector <=> '$query' LIMIT 10;" >"$work/hand.sql"
echo "SELECT id, distance, metadata FROM proximadb.search('docs', '$query');" >"$work/function.sql"
echo "SELECT id, vector <=> '$query' AS distance, metadata FROM docs WHERE $alive AND color = 'red' ORDER BY vector <=> '$query' LIMIT 10;" >"$work/hand_filter.sql"
echo "SELECT id, distance, metadata FROM proximadb.search('docs', '$query', filter => '{\"color\": \"red\"}');" >"$work/function_filter.sql"
for round in $(seq "$rounds"); do
	for script in hand function hand_filter function_filter; do
		latency "$script" "$work/$script.sql"
	done
done
compare 'search(): us / the same SQL by hand' function hand '<=' 1.3
compare 'search() with a filter: us / the same SQL by hand' function_filter hand_filter '<=' 1.3

batch="SELECT count(*) FROM proximadb.search_batch('docs', (SELECT array_agg(vector) FROM (SELECT vector FROM source LIMIT 100) q));"
calls=$(sql -c "SELECT string_agg(format('SELECT count(*) FROM proximadb.search(''docs'', %L);', vector), E'\\n') FROM (SELECT vector FROM source LIMIT 100) q")
for round in $(seq "$rounds"); do
	once batch "$batch"
	printf '%s\n' '\o /dev/null' '\timing on' "$calls" >"$work/statement"
	keep calls "$(sql <"$work/statement" | sed -n 's/^Time: \([0-9.]*\).*/\1/p' | awk '{ s += $1 } END { print s }')"
done
compare 'search_batch of 100 queries: ms / 100 calls' batch calls '<=' 1
