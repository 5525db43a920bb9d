#!/bin/bash
# table.sh: a viper table beside heap tables with the same rows: size, load, exact search, lookups, count.
#
# usage: bench/table.sh [rows] [dimensions] [rounds]        (default: 100000 768 5)
#
# Three tables (id bigint PRIMARY KEY, embedding vector): viper; heap with STORAGE EXTERNAL (vectors in TOAST, as they are);
# heap with the vectors inline (STORAGE PLAIN). All on one private server, in memory, the same binary file for all,
# measurements of the tables interleaved; a ratio is the median of the rounds' ratios. A line ends with "ok" or "MISSED"
# where a bar is set.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/scripts/lib.sh"
. "$top/bench/lib.sh"
rows=${1:-100000}
dimensions=${2:-768}
rounds=${3:-5}
tables="viper external inline"

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

trap 'stop_servers bench' EXIT
trap 'exit 130' HUP INT TERM

"$top/scripts/deps"
make_work bench
install_private
mkdir "$work/figures"
gcc -O2 -Wall -o "$work/rows" "$top/bench/rows.c"
echo "$rows rows of $dimensions dimensions, $rounds rounds, $(nproc) processors, $("$pg_bin/postgres" --version)"
"$work/rows" "$rows" "$dimensions" >"$work/rows.bin"
start_cluster shared_buffers=4GB min_wal_size=10GB max_wal_size=20GB checkpoint_timeout=1h wal_level=replica autovacuum=off work_mem=64MB
sql -c 'CREATE EXTENSION proximadb'
for table in $tables; do
	create_table $table
done

# The first round only warms up: it creates the WAL files that later ones reuse.
for round in warm-up $(seq "$rounds"); do
	for table in $tables; do
		load $table
	done
	[ "$round" != warm-up ] || rm "$work"/figures/*
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
compare "table size / raw vector bytes: viper" "$(size viper)" $raw '<=' 1.06
compare "table size / raw vector bytes: heap external" "$(size external)" $raw
compare "table size / raw vector bytes: heap inline" "$(size inline)" $raw
compare "binary COPY, ms: heap external / viper" load_external load_viper '>=' 1.5
compare "binary COPY, ms: heap inline / viper" load_inline load_viper
compare "WAL of COPY / raw vector bytes: viper" wal_viper $raw '<=' 1.1
compare "WAL of COPY / raw vector bytes: heap external" wal_external $raw
compare "WAL of COPY / raw vector bytes: heap inline" wal_inline $raw
compare "exact 10 nearest, ms: heap external / viper" search_external search_viper '>=' 5
compare "exact 10 nearest, ms: heap inline / viper" search_inline search_viper
compare "SELECT id by key, per second: viper / heap external" lookup_viper lookup_external '>=' 0.9
compare "SELECT id by key, per second: viper / heap inline" lookup_viper lookup_inline '>=' 0.9
compare "SELECT id by key, index-only, per second: viper / heap inline" lookup_only_viper lookup_only_inline '>=' 0.9
compare "SELECT count(*), ms: heap inline / viper" count_inline count_viper '>=' 1
compare "SELECT count(*), ms: heap external / viper" count_external count_viper
drop_work bench
