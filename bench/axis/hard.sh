#!/bin/bash
# hard.sh: recall with default settings on data and queries of many kinds, to find out where it is not what it should be.
#
# usage: bench/axis/hard.sh [GROUP...]          groups: kinds sizes wide types outside filters changes (default: all)
#
# For each case: a viper table, an axis index with no option, and proximadb.axis_recall on QUERIES queries: share of the k nearest rows that were
# found, codes scanned (of all, in percent) and exact distances per query, milliseconds with the index and without. Lines below 0.95 are marked
# and counted. Queries are further draws of the same kind (axis/shapes.c), or differ as the case says.
#
# Settings (environment): ROWS 50000, QUERIES 100. Starts a private server under build/hard; figures are kept in build/axis-hard.tsv.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/scripts/lib.sh"
. "$top/bench/lib.sh"
: "${ROWS:=50000}" "${QUERIES:=100}"
groups=${*:-kinds sizes wide types outside filters changes}
figures=$top/build/axis-hard.tsv

# --- tables, indexes, queries ---

operator_of()
{
	case $1 in
		l2) echo '<->' ;;
		ip) echo '<#>' ;;
		cosine) echo '<=>' ;;
	esac
}

# load KIND ROWS DIMENSIONS: table t.
load()
{
	kind=$1 rows=$2 dimensions=$3
	sql -c "SET client_min_messages = warning; DROP TABLE IF EXISTS t" \
		-c "CREATE TABLE t (id bigint, category int, e vector($dimensions)) USING viper"
	"$bin/shapes" "$kind" "$rows" "$dimensions" 0 >"$work/rows.fvecs"
	"$bin/copy" "$work/rows.fvecs" | sql -c 'COPY t FROM STDIN (FORMAT binary)'
	rm "$work/rows.fvecs"
	sql -c 'VACUUM ANALYZE t'
}

# index METRIC [COLUMN...]: index i on t.
index()
{
	local column columns=
	metric=$1
	shift
	for column in "$@"; do
		columns+=", $column"
	done
	sql -c "SET client_min_messages = warning; DROP INDEX IF EXISTS i" \
		-c "CREATE INDEX i ON t USING axis (e vector_${metric}_ops$columns)"
}

# queries [HOW]: table q of queries of the kind loaded last.
queries()
{
	how=${1:-same}
	sql -c "SET client_min_messages = warning; DROP TABLE IF EXISTS q" -c "CREATE TABLE q (id bigint, category int, e vector($dimensions))"
	"$bin/shapes" "$kind" "$QUERIES" "$dimensions" 1 ${1:+"$1"} >"$work/queries.fvecs"
	"$bin/copy" "$work/queries.fvecs" | sql -c 'COPY q FROM STDIN (FORMAT binary)'
}

# keep CASE K RECALL CODES RERANKS INDEX_MS EXACT_MS
keep_line()
{
	printf '%s\t' "$1" "$rows" "$dimensions" "${@:2}" | sed 's/\t$/\n/' >>"$figures"
	awk -v name="$1" -v rows="$rows" -v dim="$dimensions" -v k="$2" -v recall="$3" -v codes="$4" -v reranks="$5" -v ms="$6" -v exact="$7" 'BEGIN {
		printf "%-44s %7d x %-5d k %-4d recall %.4f  codes %5.1f %%  reranks %7.1f  %8.2f ms, exact %8.2f ms%s\n", name, rows, dim, k, recall,
			100 * codes / (rows > 0 ? rows : 1), reranks, ms, exact, (recall < 0.95 ? "  BELOW" : "") }'
}

# measure K...: one line each for the queries in q (or, with `sampled` set, for rows of t).
measure()
{
	local k line given="(SELECT array_agg(e) FROM q)"
	[ -z "${sampled:-}" ] || given=NULL
	for k in "$@"; do
		IFS='|' read -ra line < <(sql -c "SELECT recall, codes, reranks, index_ms, exact_ms FROM proximadb.axis_recall('i', $QUERIES, $k, $given)")
		keep_line "${label:-$kind, $metric, $how}" "$k" "${line[@]}"
	done
}

# measure_where CONDITION K: the same with a filter; the condition may name the query as q.
measure_where()
{
	local line
	IFS='|' read -ra line < <(sql -c "SELECT * FROM filtered('$(operator_of "$metric")', \$\$$1\$\$, $2)")
	keep_line "${label:-$kind, $metric, $how}, $1" "$2" "${line[@]}"
}

functions()
{
	sql <<'END'
CREATE EXTENSION proximadb;
-- Recall of the k nearest rows of t that meet a condition, for the queries in q; codes, exact distances and milliseconds per query
CREATE FUNCTION filtered(operator text, condition text, k int, OUT recall float8, OUT codes float8, OUT reranks float8, OUT index_ms float8,
	OUT exact_ms float8) LANGUAGE plpgsql AS $$
DECLARE
	statement text := format('SELECT array_agg(d) FROM (SELECT t.e %s q.e AS d FROM t WHERE %s ORDER BY t.e %1$s q.e LIMIT %3$s) s', operator, condition, k);
	query record;
	found float8[];
	exact float8[];
	began timestamptz;
	n int := 0;
BEGIN
	recall := 0; index_ms := 0; exact_ms := 0;
	PERFORM proximadb.axis_stat_reset('i');
	FOR query IN SELECT e, id FROM q LOOP
		PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true), set_config('enable_indexscan', 'on', true);
		began := clock_timestamp();
		EXECUTE replace(replace(statement, 'q.e', '$1'), 'q.id', '$2') USING query.e, query.id INTO found;
		index_ms := index_ms + extract(epoch FROM clock_timestamp() - began) * 1000;
		PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true), set_config('enable_indexscan', 'off', true);
		began := clock_timestamp();
		EXECUTE replace(replace(statement, 'q.e', '$1'), 'q.id', '$2') USING query.e, query.id INTO exact;
		exact_ms := exact_ms + extract(epoch FROM clock_timestamp() - began) * 1000;
		CONTINUE WHEN exact IS NULL;
		recall := recall + (SELECT count(*) FROM unnest(found) d WHERE d <= exact[cardinality(exact)])::float8 / cardinality(exact);
		n := n + 1;
	END LOOP;
	SELECT codes_scanned::float8 / n, s.reranks::float8 / n FROM proximadb.stat_index s WHERE index = 'i'::regclass INTO codes, reranks;
	recall := recall / n; index_ms := index_ms / n; exact_ms := exact_ms / n;
END $$;
END
}

# --- groups of cases ---

group_kinds()
{
	local dim
	for dim in 16 64 128; do
		load uniform "$ROWS" $dim; index l2; queries; measure 1 10 100
	done
	load gaussian "$ROWS" 96; index cosine; queries; measure 10
	for kind in clusters tight duplicates one-duplicate integers binary sparse surface outliers decaying; do
		load $kind "$ROWS" 128; index l2; queries; measure 1 10 100
		index cosine; measure 10
	done
	for dim in 32 128; do
		load heavy "$ROWS" $dim; index ip; queries; measure 1 10 100
		index l2; measure 10
	done
	load clusters "$ROWS" 128; index ip; queries; measure 10
}

group_sizes()
{
	local n
	for n in 10 100 1000 5000 20000; do
		for kind in uniform clusters heavy; do
			load $kind $n 64
			queries
			index l2; measure 1 10 100 300
		done
		index ip; measure 10 300
	done
}

group_wide()
{
	load uniform $((ROWS / 2)) 960; index l2; queries; measure 10
	load clusters $((ROWS / 2)) 960; index cosine; queries; measure 10 100
	load decaying $((ROWS / 2)) 1536; index cosine; queries; measure 10
	load clusters $((ROWS / 5)) 3072; index l2; queries; measure 10
	load clusters 2000 16000; index l2; queries; measure 10
	load clusters "$ROWS" 1; index l2; queries; measure 10 300
	load clusters "$ROWS" 3; index l2; queries; measure 10 300
}

# Other types; queries are rows of the table.
group_types()
{
	local sampled=1 dim=256 label
	how=rows
	load decaying "$ROWS" $dim
	metric=hamming label="binary_quantize(decaying), hamming"
	sql -c "ALTER TABLE t ADD b bit($dim)" -c 'UPDATE t SET b = binary_quantize(e)' -c 'CREATE INDEX i ON t USING axis (b bit_hamming_ops)'
	measure 1 10 100
	for metric in l2 ip cosine; do
		label="halfvec decaying, $metric"
		sql -c 'DROP INDEX i' -c "CREATE INDEX i ON t USING axis ((e::halfvec($dim)) halfvec_${metric}_ops)"
		measure 10
	done
}

# Queries unlike the rows.
group_outside()
{
	local dim data_metric
	for data_metric in clusters:l2 clusters:cosine clusters:ip heavy:ip decaying:l2 surface:l2 sparse:cosine integers:l2; do
		for dim in 32 256; do
			load ${data_metric%:*} "$ROWS" $dim
			index ${data_metric#*:}
			for how in between noisy shifted elsewhere far; do
				queries $how
				measure 10 100
			done
		done
	done
}

# Filters that have to do with the vector, and such that have not.
group_filters()
{
	local data_metric
	for data_metric in clusters:l2 decaying:cosine; do
		load ${data_metric%:*} "$ROWS" 64
		queries
		# 0 nearest to the first query ... 99 farthest from it
		sql -c "ALTER TABLE t ADD far int" -c "UPDATE t SET far = n FROM (SELECT id, ntile(100) OVER (ORDER BY e $(operator_of "${data_metric#*:}") (SELECT e FROM q WHERE id = 0)) - 1 AS n FROM t) s WHERE s.id = t.id" \
			-c 'VACUUM ANALYZE t'
		index ${data_metric#*:} category far
		measure_where 'category = 3' 10
		measure_where 'category < 10' 10
		measure_where 'category < 50' 10
		measure_where 'category < 50' 100
		measure_where 'far = 0' 10
		measure_where 'far = 99' 10
		measure_where 'far < 10' 10
		measure_where 'far >= 90' 10
		measure_where 'far >= 50' 10
		measure_where 'far >= 99 AND category < 10' 10
		sql -c "UPDATE q SET e = s.e FROM (SELECT e FROM q WHERE id = 0) s"
		label="$kind, $metric, the query that far is from"
		measure_where 'far >= 99' 10
		measure_where 'far >= 50' 10
		measure_where 'far < 1' 10
		label=
	done
	load clusters "$ROWS" 64
	queries
	sql -c "CREATE INDEX i ON t USING axis (e vector_l2_ops) WHERE category < 20"
	metric=l2 label="partial index"
	measure 10
	label=
}

# What tables go through.
group_changes()
{
	local label
	for kind in clusters decaying; do
		load $kind "$ROWS" 96
		queries
		label="$kind: nine in ten deleted"
		index l2
		sql -c 'DELETE FROM t WHERE id % 10 <> 0' -c 'VACUUM t'
		measure 10
		label="$kind: and as many inserted"
		"$bin/shapes" $kind "$ROWS" 96 1 >"$work/rows.fvecs"
		"$bin/copy" "$work/rows.fvecs" | sql -c 'COPY t FROM STDIN (FORMAT binary)'
		queries
		measure 10
		for order in 'e <-> (SELECT e FROM q WHERE id = 0)' 'e' 'random()'; do
			load $kind "$ROWS" 96
			queries
			label="$kind: inserted into an empty index by ${order%% <*}"
			[ "$order" = e ] || [ "$order" = 'random()' ] || label="$kind: inserted into an empty index by distance"
			sql -c 'ALTER TABLE t RENAME TO loaded' -c 'CREATE TABLE t (LIKE loaded) USING viper' -c 'CREATE INDEX i ON t USING axis (e vector_l2_ops)' \
				-c "INSERT INTO t SELECT * FROM loaded ORDER BY $order" -c 'DROP TABLE loaded' -c 'ANALYZE t'
			metric=l2
			measure 10 100
			label="$label, vacuumed"
			sql -c 'DELETE FROM t WHERE id % 3 = 0' -c 'VACUUM t'
			measure 10
		done
		# all rows of one place first, then of another: lists and reach were made for what is no longer there
		label="$kind: rows moved elsewhere by updates"
		load $kind "$ROWS" 96; index l2
		sql -c "UPDATE t SET e = e + (SELECT array_agg(3 * (x % 3))::vector(96) FROM generate_series(1, 96) x)"
		queries
		sql -c "UPDATE q SET e = e + (SELECT array_agg(3 * (x % 3))::vector(96) FROM generate_series(1, 96) x)"
		measure 10
		sql -c 'VACUUM t'
		label="$label, vacuumed"
		measure 10
	done
}

trap 'stop_servers hard' EXIT
trap 'exit 130' HUP INT TERM
"$top/scripts/deps"
make_work hard
bin=$work
gcc -O2 -Wall -Wextra -o "$bin/shapes" "$top"/bench/axis/{shapes,vectors}.c -lm
gcc -O2 -Wall -Wextra -I"$("$pg_home/bin/pg_config" --includedir)" -o "$bin/copy" "$top"/bench/axis/{copy,client,vectors}.c -lpq -lm
install_private
start_cluster shared_buffers="${SHARED_BUFFERS:-1GB}" max_wal_size=8GB checkpoint_timeout=1h autovacuum=off fsync=off jit=off \
	maintenance_work_mem=512MB max_parallel_workers_per_gather=0
functions
printf 'case\trows\tdimensions\tk\trecall\tcodes\treranks\tindex_ms\texact_ms\n' >"$figures"
for group in $groups; do
	group_"$group"
done
awk -F '\t' 'NR > 1 { n++; below += ($5 < 0.95) } END { printf "%d cases, %d below 0.95\n", n, below }' "$figures"
drop_work hard
