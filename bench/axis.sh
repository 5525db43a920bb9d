#!/bin/bash
# axis.sh: the axis index beside pgvector's HNSW: build, recall and speed, filters, inserts, VACUUM, growth.
#
# usage: bench/axis.sh [quick]
#
# One private server under build/axis with two databases (both extensions define a type `vector`): `pgv` holds pgvector's tables, `pxd` ours. For
# each data set: a heap table with an HNSW index (m = 16, ef_construction = 64), a heap table and a viper table with an axis index. Measurements of
# the three are interleaved where they can be; client and server process share one pinned processor, parameters and results
# are binary, statements prepared, everything in memory. Ends with a table of ratios against the bars.
#
# Figures go to build/axis.tsv (data, system, phase, setting, metric, value), the recall/QPS plot to build/axis.svg. Data and exact neighbours
# are kept in build/axis-data.
#
# Settings (environment; in brackets the quick run's value where it differs):
#   DATA          data sets: gen (generated, cosine) and sift (SIFT_DIR, L2; left out where the files are absent)   "gen sift" ["gen"]
#   ROWS          rows of gen                       200000 [20000]
#   DIMENSIONS    of gen                            768
#   QUERIES       of gen                            1000 [300]
#   GROW          rows inserted one by one into an empty index                                          100000 [10000]
#   ROUNDS        rounds of each measurement        3 [2]
#   TURN          seconds of a setting's turn in a round, at most: slow ones do not answer all queries  2 [1]
#   VACUUM_LIMIT  seconds after which HNSW's VACUUM is cancelled                                        120 [30]
#   PHASES        of: data build query profile codes filter vacuum insert grow peers                    all [all but profile, codes, peers]
#   SYSTEMS       of: hnsw heap viper               all
#   MAINTENANCE_WORK_MEM                            2GB
#   PGVECTOR_SRC  a pgvector source tree            none: PGVECTOR_TAG is cloned from PGVECTOR_URL
#   HNSWLIB_SRC   a hnswlib source tree             none: Debian's libhnswlib-dev, or cloned from HNSWLIB_URL
#   SIFT_DIR      sift100k_base.bvecs, sift100k_query.bvecs                                             ../shared/data
#   KEEP=1        leaves the server running (for profile.sh)
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/scripts/lib.sh"
. "$top/bench/lib.sh"
. "$top/bench/axis/lib.sh"
quick=
case ${1:-} in
	quick) quick=1 ;;
	'') ;;
	*) sed -n '3,5p' "$0" && exit 2 ;;
esac
: "${DATA=${quick:+gen}}" "${DATA:=gen sift}"
: "${ROWS:=${quick:+20000}}" "${ROWS:=200000}"
: "${DIMENSIONS:=768}"
: "${QUERIES:=${quick:+300}}" "${QUERIES:=1000}"
: "${GROW:=${quick:+10000}}" "${GROW:=100000}"
: "${ROUNDS:=${quick:+2}}" "${ROUNDS:=3}"
: "${TURN:=${quick:+1}}" "${TURN:=2}"
: "${VACUUM_LIMIT:=${quick:+30}}" "${VACUUM_LIMIT:=120}"
: "${PHASES:=${quick:+data build query filter vacuum insert grow}}"
: "${PHASES:=data build query profile codes filter vacuum insert grow peers}"
: "${SYSTEMS:=hnsw heap viper}"
: "${MAINTENANCE_WORK_MEM:=2GB}"
: "${HNSWLIB_SRC:=}" "${HNSWLIB_URL:=https://github.com/nmslib/hnswlib}"
: "${SIFT_DIR:=$top/../shared/data}"
: "${KEEP:=}"

systems=$SYSTEMS
axis_systems=$(for system in $SYSTEMS; do [ "$system" = hnsw ] || echo -n "$system "; done)

# Settings swept for the curves. 40 is HNSW's default; "default" means that nothing is SET.
hnsw_sweep="10 20 40 80 120 200 400"
recall_sweep="0.8 0.9 0.95 0.97 0.98 0.99 0.995 0.999"
filter_sweep="40 100 200 400"

# --- one data set: files, tables, indexes ---

# use_data NAME: sets data, metric, operator, opclass, files and row counts.
use_data()
{
	data=$1
	case $data in
		gen)
			metric=cosine operator='<=>' opclass=vector_cosine_ops rows=$ROWS dimensions=$DIMENSIONS
			base=$cache/gen-$ROWS-$DIMENSIONS.fvecs
			queries=$cache/gen-queries-$QUERIES-$DIMENSIONS.fvecs
			fresh=$cache/gen-inserts-$DIMENSIONS.fvecs
			insert_noise=0.002
			make_file "$base" generate "$ROWS" "$DIMENSIONS" 0
			make_file "$queries" generate "$QUERIES" "$DIMENSIONS" 1
			make_file "$fresh" generate 50000 "$DIMENSIONS" 2
			;;
		sift)
			metric=l2 operator='<->' opclass=vector_l2_ops rows=100000 dimensions=128
			base=$SIFT_DIR/sift100k_base.bvecs
			queries=$SIFT_DIR/sift100k_query.bvecs
			# No further rows of this kind are at hand: those loaded, moved by about a quarter of the distance to a neighbour.
			fresh=$base
			insert_noise=10
			;;
	esac
	truth=$cache/truth-$data-$rows-$dimensions-$QUERIES
	# For profile.sh.
	printf '%s=%q\n' metric $metric operator "$operator" base "$base" queries "$queries" truth "$truth" >"$work/data-$data.sh"
	grow=$((GROW < rows ? GROW : rows))
	if [ ! -e "$truth.done" ] || [ ! -e "$truth.first-$grow" ]; then
		say "$data: exact neighbours"
		"$bin/truth" "$base" "$queries" $metric "$truth" all below-1 below-10 below-50 alive first-$grow
		touch "$truth.done"
	fi
}

# table SYSTEM: its table for the current data set.
table()
{
	echo "${data}_$1"
}

load_table()
{
	local method=heap
	[ "$1" != viper ] || method=viper
	on "$1" -c "CREATE TABLE $(table "$1") (id bigint PRIMARY KEY, category int NOT NULL, embedding vector($dimensions)) USING $method"
	"$bin/copy" "$base" | on "$1" -c "COPY $(table "$1") FROM STDIN (FORMAT binary)"
	on "$1" -c "VACUUM ANALYZE $(table "$1")"
}

# index_sql SYSTEM [TABLE [COLUMN...]]: the CREATE INDEX statement.
index_sql()
{
	local system=$1 name=${2:-$(table "$1")}
	shift; shift || true
	if [ "$system" = hnsw ]; then
		echo "CREATE INDEX ${name}_index ON $name USING hnsw (embedding $opclass) WITH (m = 16, ef_construction = 64)"
	else
		echo "CREATE INDEX ${name}_index ON $name USING axis (embedding $opclass${*:+, $*})${options:+ WITH ($options)}"
	fi
}

# build_settings MEMORY: the same for all: every processor builds.
build_settings()
{
	echo "SET maintenance_work_mem = '$1'; SET max_parallel_maintenance_workers = $(($(nproc) - 1)); SET min_parallel_table_scan_size = 0"
}

# build_index SYSTEM PHASE MEMORY [COLUMN...]: replaces the index; keeps seconds, bytes, peak memory. With `options` set: the index's options,
# and with `label` set: kept under that name instead of the system's.
build_index()
{
	local system=$1 phase=$2 memory=$3 seconds peak vmhwm name=${label:-$1}
	shift 3
	on "$system" -c "SET client_min_messages = warning; DROP INDEX IF EXISTS $(table "$system")_index"
	read -r seconds peak vmhwm < <("$bin/watch" "$(conninfo "$system")" "$(build_settings "$memory")" "$(index_sql "$system" "$(table "$system")" "$@")")
	put "$name" "$phase" "$memory" seconds "$seconds"
	put "$name" "$phase" "$memory" peak_memory_kb "$peak"
	put "$name" "$phase" "$memory" vmhwm_kb "$vmhwm"
	put "$name" "$phase" "$memory" bytes "$(on "$system" -c "SELECT pg_relation_size('$(table "$system")_index')")"
	put "$name" "$phase" "$memory" rows "$(on "$system" -c "SELECT count(*) FROM $(table "$system")")"
}

# --- phases ---

phase_data()
{
	"$bin/plain_ivf" "$base" "$queries" $metric "$truth.all" | while read -r lists recall scanned; do
		put data plain_ivf "$lists" recall "$recall"
		put data plain_ivf "$lists" rows_scanned "$scanned"
	done
	put data size raw bytes_per_row $((dimensions * 4))
}

phase_build()
{
	local system
	for system in $systems; do
		[ "$system" = hnsw ] || build_index "$system" build_small 64MB
		build_index "$system" build "$MAINTENANCE_WORK_MEM"
		on "$system" -c 'CHECKPOINT'
	done
}

phase_query()
{
	local system value
	local select="SELECT id FROM %s ORDER BY embedding $operator \$1 LIMIT 10"
	arms_begin
	for system in $systems; do
		arm "$system" default '' all "$select" "$(table "$system")"
	done
	for value in $hnsw_sweep; do
		[[ " $systems " != *" hnsw "* ]] || arm hnsw "$value" "SET hnsw.ef_search = $value; SET enable_seqscan = off" all "$select" "$(table hnsw)"
	done
	for value in $recall_sweep; do
		for system in $axis_systems; do
			arm "$system" "$value" "SET proximadb.target_recall = $value" all "$select" "$(table "$system")"
		done
	done
	arms_run query
}

# Where the time of one query goes, at the recalls of the bars.
phase_profile()
{
	local system
	command -v perf >/dev/null || { say "profile: left out, perf is not installed (Debian: linux-perf)"; return 0; }
	for system in $axis_systems; do
		SAMPLE_SECONDS=4 "$top/bench/axis/profile.sh" "$data" "$system" 'SET proximadb.target_recall = 0.95'
	done
}

# What other widths of the codes would take and give; on viper.
phase_codes()
{
	local bits value options label
	local select="SELECT id FROM %s ORDER BY embedding $operator \$1 LIMIT 10"
	[[ " $axis_systems " == *" viper "* ]] || return 0
	for bits in 1 2 4; do
		options="code_bits = $bits" label=axis-$bits-bit
		build_index viper build "$MAINTENANCE_WORK_MEM"
		arms_begin
		for value in 0.9 0.95 0.98 0.99; do
			arm $label "$value" "SET proximadb.target_recall = $value" all "$select" "$(table viper)"
		done
		arms_run query
	done
	options="" label=""
	build_index viper rebuild "$MAINTENANCE_WORK_MEM"
}

phase_filter()
{
	local system percent value
	local select="SELECT id FROM %s WHERE category < %s ORDER BY embedding $operator \$1 LIMIT 10"
	for system in $axis_systems; do
		build_index "$system" filter_build "$MAINTENANCE_WORK_MEM" category
	done
	for percent in 1 10 50; do
		arms_begin
		for value in $filter_sweep; do
			[[ " $systems " != *" hnsw "* ]] || arm hnsw "$value" \
				"SET hnsw.iterative_scan = relaxed_order; SET hnsw.ef_search = $value; SET enable_seqscan = off" \
				below-$percent "$select" "$(table hnsw)" $percent
		done
		for system in $axis_systems; do
			arm "$system" default '' below-$percent "$select" "$(table "$system")" $percent
		done
		arms_run filter_$percent -q $((QUERIES < 200 ? QUERIES : 200))
	done
	for system in $axis_systems; do
		build_index "$system" rebuild "$MAINTENANCE_WORK_MEM"
	done
}

phase_vacuum()
{
	local system seconds peak vmhwm cancelled
	local select="SELECT id FROM %s ORDER BY embedding $operator \$1 LIMIT 10"
	arms_begin
	for system in $systems; do
		on "$system" -c "DELETE FROM $(table "$system") WHERE id % 5 = 0"
		read -r seconds peak vmhwm cancelled < <("$bin/watch" -t "$VACUUM_LIMIT" "$(conninfo "$system")" \
			"SET maintenance_work_mem = '$MAINTENANCE_WORK_MEM'" "VACUUM $(table "$system")")
		put "$system" vacuum default seconds "$seconds"
		put "$system" vacuum default cancelled "${cancelled:+1}"
		put "$system" vacuum default bytes "$(on "$system" -c "SELECT pg_relation_size('$(table "$system")_index')")"
		arm "$system" default '' alive "$select" "$(table "$system")"
	done
	arms_run after_vacuum
}

phase_insert()
{
	local system list=()
	for system in $systems; do
		list+=("$system|$(conninfo "$system")|SET synchronous_commit = off|$(table "$system")")
	done
	"$bin/insert" -s $((quick ? 1 : 3)) -r $ROUNDS -f 10000000 -j $insert_noise "$fresh" "${list[@]}" |
		while read -r system rate inserted; do
			put "$system" insert default rows_per_second "$rate"
			put "$system" insert default inserted "$inserted"
		done
}

# The grown index and a fresh one stand side by side, on two tables with the same rows.
phase_grow()
{
	local system rate name method
	local select="SELECT id FROM %s ORDER BY embedding $operator \$1 LIMIT 10"
	arms_begin
	for system in $axis_systems; do
		name=$(table "$system")_grown method=heap
		[ "$system" != viper ] || method=viper
		on "$system" -c "CREATE TABLE $name (id bigint PRIMARY KEY, category int NOT NULL, embedding vector($dimensions)) USING $method" \
			-c "$(index_sql "$system" "$name")"
		rate=$("$bin/insert" -n "$grow" "$base" "$system|$(conninfo "$system")|SET synchronous_commit = off|$name" | cut -f 2)
		put "$system" grow default rows_per_second "$rate"
		on "$system" -c "CREATE TABLE ${name}_fresh (LIKE $name) USING $method" -c "INSERT INTO ${name}_fresh SELECT * FROM $name" \
			-c "$(build_settings "$MAINTENANCE_WORK_MEM")" -c "$(index_sql "$system" "${name}_fresh")" -c "VACUUM ANALYZE $name" -c "VACUUM ANALYZE ${name}_fresh"
		arm "$system" grown '' first-$grow "$select" "$name"
		arm "$system" fresh '' first-$grow "$select" "${name}_fresh"
	done
	[ -z "$axis_systems" ] || arms_run grow
}

phase_peers()
{
	run_hnswlib
	run_faiss
}

# --- all of it ---

trap '[ -n "$KEEP" ] || stop_servers axis' EXIT
trap 'exit 130' HUP INT TERM

"$top/scripts/deps"
make_work axis
bin=$cache/bin
figures=$top/build/axis.tsv
mkdir -p "$bin"
build_programs
install_private
install_pgvector
start_cluster shared_buffers="${SHARED_BUFFERS:-5GB}" min_wal_size=4GB max_wal_size=40GB checkpoint_timeout=1h autovacuum=off \
	max_connections=100 jit=off max_parallel_workers="$(nproc)" max_worker_processes=$(($(nproc) + 8))
sql -c 'CREATE DATABASE pgv' -c 'CREATE DATABASE pxd'
on hnsw -c 'CREATE EXTENSION vector'
on viper -c 'CREATE EXTENSION proximadb'
printf 'data\tsystem\tphase\tsetting\tmetric\tvalue\n' >"$figures"
say "$(nproc) processors, load $(cut -d ' ' -f 1-3 /proc/loadavg), $("$pg_bin/postgres" --version)," \
	"pgvector $(on hnsw -c "SELECT extversion FROM pg_extension WHERE extname = 'vector'")"
for name in $DATA; do
	if [ "$name" = sift ] && [ ! -e "$SIFT_DIR/sift100k_base.bvecs" ]; then
		say "sift: left out, there is no $SIFT_DIR/sift100k_base.bvecs (SIFT_DIR)"
		continue
	fi
	use_data "$name"
	for system in $systems; do
		say "$data: loading $rows rows of $dimensions dimensions for $system"
		load_table "$system"
	done
	for phase in $PHASES; do
		say "$data: $phase (load $(cut -d ' ' -f 1 /proc/loadavg))"
		phase_"$phase"
	done
	[ -n "$KEEP" ] || for system in $systems; do
		on "$system" -c "SET client_min_messages = warning; DROP TABLE IF EXISTS $(table "$system")_grown, $(table "$system")_grown_fresh"
	done
done
awk -f "$top/bench/axis/report.awk" "$figures"
echo "(on a machine busy with other work: awk -v by=processor -f bench/axis/report.awk build/axis.tsv)"
awk -f "$top/bench/axis/plot.awk" "$figures" >"$top/build/axis.svg"
say "figures in build/axis.tsv, plot in build/axis.svg"
if [ -n "$KEEP" ]; then
	say "server: psql -h $work -U postgres pxd (or pgv)"
else
	drop_work axis
fi
