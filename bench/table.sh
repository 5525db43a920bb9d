#!/bin/bash
# table.sh: a viper table beside heap tables with the same rows: size, load, exact search, lookups, count.
#
# usage: bench/table.sh [rows] [dimensions] [rounds]        (default: 100000 768 5)
#
# Three tables (id bigint PRIMARY KEY, embedding vector): viper; heap with STORAGE EXTERNAL (vectors in TOAST, as they are);
# heap with the vectors inline (STORAGE PLAIN). All on one private server, in memory, the same binary file for all,
# measurements of the tables interleaved, medians of the rounds. A line ends with "ok" or "MISSED" where a bar is set.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/scripts/lib.sh"
rows=${1:-100000}
dimensions=${2:-768}
rounds=${3:-5}
tables="viper external inline"

sql()
{
	as_user "$pg_bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$work" -U postgres "$@"
}

# median NAME: of the figures kept for it.
median()
{
	sort -n "$work/figures/$1" | awk '{ x[NR] = $1 } END { print (x[int((NR + 1) / 2)] + x[int(NR / 2) + 1]) / 2 }'
}

keep()
{
	echo "$2" >>"$work/figures/$1"
}

# milliseconds STATEMENT: one warm, serial execution.
milliseconds()
{
	printf '%s;\n' 'SET max_parallel_workers_per_gather = 0' "SET jit = off" >"$work/statement"
	printf '%s\n' '\o /dev/null' "$1;" '\timing on' "$1;" >>"$work/statement"
	sql <"$work/statement" | sed -n 's/^Time: \([0-9.]*\).*/\1/p'
}

create_table()
{
	local method=heap
	[ "$1" != viper ] || method=viper
	sql -c "CREATE TABLE $1 (id bigint PRIMARY KEY, embedding vector($dimensions)) USING $method"
	case $1 in
		external) sql -c "ALTER TABLE $1 ALTER embedding SET STORAGE EXTERNAL" ;;
		inline) sql -c "ALTER TABLE $1 ALTER embedding SET STORAGE PLAIN" ;;
	esac
}

# load TABLE: COPY into the empty table; keeps seconds and bytes of WAL.
load()
{
	local before time
	sql -c "TRUNCATE $1" -c CHECKPOINT
	before=$(sql -c 'SELECT pg_current_wal_insert_lsn()')
	time=$(sql -c '\timing on' -c "COPY $1 FROM '$work/rows.bin' (FORMAT binary)" | sed -n 's/^Time: \([0-9.]*\).*/\1/p')
	keep load_$1 "$time"
	keep wal_$1 "$(sql -c "SELECT pg_current_wal_insert_lsn() - '$before'::pg_lsn")"
}

# lookups NAME TABLE SETTING: one pgbench client, prepared, two seconds; keeps lookups per second.
lookups()
{
	printf '\\set id random(1, %d)\nSELECT id FROM %s WHERE id = :id;\n' "$rows" "$2" >"$work/lookup.sql"
	keep "$1_$2" "$(as_user env PGOPTIONS="-c $3" "$pg_bin/pgbench" -h "$work" -U postgres -n -M prepared -T 2 -f "$work/lookup.sql" postgres |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p')"
}

# compare TEXT A B [OP BAR]: prints A, B and A / B, and whether the ratio is within the bar.
compare()
{
	awk -v text="$1" -v a="$2" -v b="$3" -v op="${4:-}" -v bar="${5:-}" 'BEGIN {
		ratio = a / b
		verdict = op == "" ? "" : (op == "<=" ? ratio <= bar : ratio >= bar) ? "ok" : "MISSED"
		printf "%-58s %12.1f / %12.1f = %6.3f  %s %s  %s\n", text, a, b, ratio, op, bar, verdict
	}'
}

trap 'stop_servers bench' EXIT
trap 'exit 130' HUP INT TERM

"$top/scripts/deps"
make_work bench
install_private
mkdir "$work/figures"
gcc -O2 -Wall -o "$work/rows" "$top/bench/rows.c"
echo "$rows rows of $dimensions dimensions, $rounds rounds, $(nproc) processors, $("$pg_bin/postgres" --version)"
"$work/rows" "$rows" "$dimensions" >"$work/rows.bin"
start_cluster shared_buffers=4GB max_wal_size=20GB checkpoint_timeout=1h wal_level=replica autovacuum=off work_mem=64MB
sql -c 'CREATE EXTENSION proximadb'
for table in $tables; do
	create_table $table
done

for round in $(seq "$rounds"); do
	for table in $tables; do
		load $table
	done
done
sql -c 'VACUUM ANALYZE'
query=$(sql -c 'SELECT embedding FROM inline WHERE id = 7')
for round in $(seq "$rounds"); do
	for table in $tables; do
		keep search_$table "$(milliseconds "SELECT id FROM $table ORDER BY embedding <-> '$query' LIMIT 10")"
		keep count_$table "$(milliseconds "SELECT count(*) FROM $table")"
		lookups lookup $table enable_indexonlyscan=off
		lookups lookup_only $table enable_indexonlyscan=on
	done
done

size()
{
	sql -c "SELECT pg_table_size('$1')"
}
raw=$((rows * dimensions * 4))
per_second()
{
	awk -v ms="$1" -v rows="$rows" 'BEGIN { print rows * 1000 / ms }'
}
compare "table size / raw vector bytes: viper" "$(size viper)" $raw '<=' 1.06
compare "table size / raw vector bytes: heap external" "$(size external)" $raw
compare "table size / raw vector bytes: heap inline" "$(size inline)" $raw
compare "COPY rows/s: viper / heap external" "$(per_second "$(median load_viper)")" "$(per_second "$(median load_external)")" '>=' 1.5
compare "COPY rows/s: viper / heap inline" "$(per_second "$(median load_viper)")" "$(per_second "$(median load_inline)")"
compare "WAL of COPY / raw vector bytes: viper" "$(median wal_viper)" $raw '<=' 1.1
compare "WAL of COPY / raw vector bytes: heap external" "$(median wal_external)" $raw
compare "WAL of COPY / raw vector bytes: heap inline" "$(median wal_inline)" $raw
compare "exact 10 nearest, ms: heap external / viper" "$(median search_external)" "$(median search_viper)" '>=' 5
compare "exact 10 nearest, ms: heap inline / viper" "$(median search_inline)" "$(median search_viper)"
compare "SELECT id by key, per s: viper / heap external" "$(median lookup_viper)" "$(median lookup_external)" '>=' 0.9
compare "SELECT id by key, per s: viper / heap inline" "$(median lookup_viper)" "$(median lookup_inline)" '>=' 0.9
compare "SELECT id by key, index-only, per s: viper / heap external" "$(median lookup_only_viper)" "$(median lookup_only_external)" '>=' 0.9
compare "SELECT count(*), ms: heap inline / viper" "$(median count_inline)" "$(median count_viper)" '>=' 1
compare "SELECT count(*), ms: heap external / viper" "$(median count_external)" "$(median count_viper)"
drop_work bench
