#!/bin/bash
# lsm_keys.sh: rows by sort key without a btree: pages and time of a range of 1 % of the keys and of a single key.
#
# usage: bench/lsm_keys.sh [rows] [rounds]        (default: 50000 5)
#
# Tables (id bigint, doc json of 1-2 kB, embedding vector(384)), loaded in random order of id: lsm sorted by id with no index (key scan, and the same query as
# a sequential scan), viper and heap with a btree on id. Once as loaded and vacuumed, once after compaction has sorted the runs. Pages are those read from a
# server just started (EXPLAIN BUFFERS): of main fork, store or TOAST relation and index, each once, also as a part of the pages of the table without indexes. The
# queries read all columns. Times are warm, all on one private server, serial.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/scripts/lib.sh"
. "$top/bench/lib.sh"
rows=${1:-50000}
rounds=${2:-5}

# pages SETTING STATEMENT: pages that one execution reads from a server just started, each counted once.
pages()
{
	as_user "$pg_bin/pg_ctl" restart -s -w -D "$work/data" -l "$work/server.log" >/dev/null
	sql -c "SET max_parallel_workers_per_gather = 0" -c "$1" -c "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) $2" |
		awk '/Buffers: / { for (i = 1; i <= NF; i++) if ($i ~ /^read=/) { sub(/.*=/, "", $i); n += $i } print n + 0; exit }'
}

# timed SETTING STATEMENT: milliseconds, warm.
timed()
{
	printf '%s;\n' 'SET max_parallel_workers_per_gather = 0' "SET jit = off" "$1" >"$work/statement"
	printf '%s\n' '\o /dev/null' "$2;" '\timing on' "$2;" >>"$work/statement"
	sql <"$work/statement" | sed -n 's/^Time: \([0-9.]*\).*/\1/p'
}

# measure TITLE TABLE SETTING CONDITION
measure()
{
	local query="SELECT sum(length(doc::text)), sum(vector_norm(embedding)) FROM $2 WHERE $4" total n ms
	total=$(sql -c "SELECT pg_table_size('$2') / 8192")
	n=$(pages "$3" "$query")
	ms=$(for round in $(seq "$rounds"); do timed "$3" "$query"; done | median)
	printf '  %-34s %8d of %8d pages %7.2f %%  %9.2f ms\n' "$1" "$n" "$total" "$(awk -v a="$n" -v b="$total" 'BEGIN { print 100 * a / b }')" "$ms"
}

# report TITLE: all tables, both conditions.
report()
{
	local condition
	local low=$((rows / 2)) high=$((rows / 2 + rows / 100 - 1))
	for condition in "id BETWEEN $low AND $high" "id = $low"; do
		echo "$1, $condition"
		measure "lsm, key scan" lsm "SET proximadb.enable_key_scan = on" "$condition"
		measure "lsm, sequential scan" lsm "SET proximadb.enable_key_scan = off" "$condition"
		measure "viper, btree" viper "SET enable_seqscan = off" "$condition"
		measure "heap, btree" heap "SET enable_seqscan = off" "$condition"
	done
}

trap 'stop_servers bench' EXIT
trap 'exit 130' HUP INT TERM

"$top/scripts/deps"
make_work bench
install_private
start_cluster shared_buffers=2GB max_wal_size=10GB checkpoint_timeout=1h autovacuum=off proximadb.worker=off work_mem=64MB
sql -c 'CREATE EXTENSION proximadb'
sql <<END
CREATE TABLE words AS SELECT i, md5(i::text) AS word FROM generate_series(0, 4095) i;
CREATE TABLE rows AS
    SELECT id, (SELECT json_build_object('id', id, 'title', 'document ' || id, 'tags', json_build_array(id % 7, id % 11), 'text', string_agg(word, ' '))
                FROM words WHERE i IN (SELECT (id * 131 + k * k * 17) % 4096 FROM generate_series(1, 30 + id % 30) k)) AS doc,
           (SELECT ARRAY(SELECT (random() * 2 - 1)::real FROM generate_series(1, 384) WHERE id > 0))::vector(384) AS embedding
    FROM generate_series(1::bigint, $rows) id ORDER BY md5(id::text);
CREATE TABLE lsm (LIKE rows) USING lsm;
CREATE TABLE viper (LIKE rows) USING viper;
CREATE TABLE heap (LIKE rows) USING heap;
SELECT proximadb.set_options('lsm', sort_by => 'id');
INSERT INTO lsm SELECT * FROM rows;
INSERT INTO viper SELECT * FROM rows;
INSERT INTO heap SELECT * FROM rows;
CREATE INDEX ON viper (id);
CREATE INDEX ON heap (id);
END
sql -c 'VACUUM (ANALYZE, FREEZE) lsm' -c 'VACUUM (ANALYZE, FREEZE) viper' -c 'VACUUM (ANALYZE, FREEZE) heap'
echo "$rows rows, $rounds rounds, $(nproc) processors, $("$pg_bin/postgres" --version)"
report "as loaded"
sql -c "SELECT rows, segments_in, segments_out FROM proximadb.compact('lsm')" -c 'VACUUM lsm'
report "after compaction"
drop_work bench
