#!/bin/bash
# calls.sh: distance functions beside pgvector's, called as the executor calls them, in one process, in turns.
#
# usage: bench/calls.sh [rounds]        (default: 60 rounds of each function and size; shown is the best of each: what disturbs a round adds time)
#        PGVECTOR_SRC=dir               pgvector's source; else it is cloned
#
# pgvector is built with its own flags (-march=native), ours with the flags it is installed with. A line ends with a star where pgvector is faster.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/scripts/lib.sh"
. "$top/bench/lib.sh"
. "$top/bench/axis/lib.sh"
rounds=${1:-60}

# compare_calls TYPE SIZE COUNT EXPRESSION FUNCTION...: FUNCTIONs of the first and each of COUNT further values, random by EXPRESSION.
compare_calls()
{
	local type=$1 size=$2 count=$3 expression=$4 function ours theirs
	shift 4
	case $type in
		bit) ours='"bit"' theirs='"bit"' ;;		# without quotes, bit(1)
		*) ours=ours.$type theirs=theirs.$type ;;
	esac
	sql -c "SET client_min_messages = warning" -c "DROP TABLE IF EXISTS rows" \
		-c "CREATE TABLE rows AS SELECT n, ($expression)::text AS value FROM generate_series(0, $count) n"
	for function in "$@"; do
		sql <<-END
			SELECT format('%-10s %-18s %16s %9s ns %9s ns %6s x%s', '$type', '$function', '$size', round(ours::numeric, 1), round(theirs::numeric, 1),
				round((theirs / ours)::numeric, 2), CASE WHEN theirs < ours THEN ' *' END)
			FROM (SELECT min(call_ns('ours.$function($ours, $ours)', a, b)) AS ours, min(call_ns('theirs.$function($theirs, $theirs)', c, d)) AS theirs
				FROM (SELECT min(value) FILTER (WHERE n = 0)::$ours AS a, array_agg(value::$ours) FILTER (WHERE n > 0) AS b,
						min(value) FILTER (WHERE n = 0)::$theirs AS c, array_agg(value::$theirs) FILTER (WHERE n > 0) AS d FROM rows) r,
					generate_series(1, $rounds + 0 * array_length(b, 1))) m;
		END
	done
}

mkdir -p "$top/build" "$cache"
trap 'stop_servers calls; drop_work calls' EXIT
make_work calls
install_private
install_pgvector
gcc -O2 -Wall -fPIC -shared -I"$("$pg_home/bin/pg_config" --includedir-server)" -o "$work/calls.so" "$top/bench/calls.c"
start_cluster shared_buffers=1GB autovacuum=off fsync=off jit=off max_parallel_workers_per_gather=0

sql <<-END
	CREATE SCHEMA ours;
	CREATE SCHEMA theirs;
	CREATE EXTENSION proximadb SCHEMA ours;
	CREATE EXTENSION vector SCHEMA theirs;
	CREATE FUNCTION call_ns(regprocedure, anycompatible, anycompatiblearray) RETURNS float8 LANGUAGE c STRICT VOLATILE AS '$work/calls';
END

dense="l2_distance inner_product cosine_distance l1_distance"
echo "function                                                     ours      pgvector"
for dim in 3 8 16 24 32 50 64 100 128 200 256 384 768 1024 1536 3072; do
	for type in vector halfvec; do
		# as many as stay in the second-level cache, as a page just read does
		compare_calls $type $dim 63 "(SELECT array_agg(random() * 2 - 1 + 0 * (n + i)) FROM generate_series(1, $dim) i)::real[]::ours.vector" $dense
	done
done
for dim in 64 256 768 1024 3072 16384; do
	compare_calls bit $dim 63 "(SELECT string_agg((random() < 0.5 + 0 * (n + i))::int::text, '') FROM generate_series(1, $dim) i)" hamming_distance jaccard_distance
done
for sizes in 10:10:30000 30:120:30000 120:120:30000 120:120:400 120:120:120 1000:1000:100000 1000:1000:2500 5:1000:100000 50:1000:2000; do
	IFS=: read -r first others range <<<"$sizes"
	# more of them: branches on the indices of a few would be predicted by heart
	compare_calls sparsevec "$first,$others/$range" 1023 "SELECT '{' || string_agg(k * $range / c + floor(random() * ($range / c)) + 1 || ':' || random() * 2 - 1, ',') || '}/$range'
		FROM (SELECT CASE WHEN n = 0 THEN $first ELSE $others END AS c) c, generate_series(0, c - 1) k" $dense
done
