#!/bin/bash
# profile.sh: where the time of one nearest-neighbour query goes, by groups of functions.
#
# usage: KEEP=1 bench/axis.sh ..., then: bench/axis/profile.sh [data] [system] [settings]     (default: gen viper '')
#
# Asks the queries of a data set again and again on the server that KEEP=1 left running, samples client and server process with perf
# (processor clock: no hardware counters needed) for SAMPLE_SECONDS (10), and adds the samples up. `settings` is SQL run before, such as
# 'SET proximadb.target_recall = 0.99' or 'SET hnsw.ef_search = 80'. STATEMENT replaces the query's text. The result is
# kept in build/axis-profile-DATA-SYSTEM.txt.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/scripts/lib.sh"
. "$top/bench/lib.sh"
. "$top/bench/axis/lib.sh"
data=${1:-gen} system=${2:-viper} settings=${3:-}
: "${SAMPLE_SECONDS:=10}"
bin=$cache/bin
[ -d "$top/build/axis/data" ] || { echo "no server below build/axis: run KEEP=1 bench/axis.sh first" >&2; exit 1; }
work=$(readlink -f "$top/build/axis")
pg_bin=$work/pgroot$pg_home/bin
command -v perf >/dev/null || { echo "perf is not installed (Debian: linux-perf)" >&2; exit 1; }
. "$work/data-$data.sh"
: "${STATEMENT:=SELECT id FROM ${data}_$system ORDER BY embedding $operator \$1 LIMIT 10}"

"$bin/knn" -n -r 100 "$base" "$queries" "$metric" \
	"profile|$(conninfo "$system") application_name=profile|$settings|$truth.all:all|$STATEMENT" >"$work/profile.line" 2>"$work/profile.err" &
client=$!
trap 'kill $client 2>/dev/null || true' EXIT
backend=
while [ -z "$backend" ]; do
	kill -0 $client 2>/dev/null || { cat "$work/profile.err" >&2; exit 1; }
	sleep 0.2
	backend=$(on "$system" -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'profile'")
done
sleep 1
counted()
{
	awk '{ print $1 / 1e9 }' "/proc/$1/schedstat"
}
kill -0 $client 2>/dev/null || { cat "$work/profile.err" >&2; exit 1; }
before=$(counted "$backend") before_client=$(counted $client)
perf record -q -e cpu-clock -F 4000 --call-graph fp -o "$work/perf.data" -p "$backend,$client" -- sleep "$SAMPLE_SECONDS"
after=$(counted "$backend") after_client=$(counted $client)
kill $client 2>/dev/null || true
wait $client 2>/dev/null || true
trap - EXIT

echo "$data, $system ${settings:+($settings)}: $STATEMENT"
awk -v server="$before $after" -v client="$before_client $after_client" 'BEGIN {
	split(server, s, " "); split(client, c, " ")
	printf "processor time while sampling: server %.2f s, client %.2f s\n", s[2] - s[1], c[2] - c[1]
}'
# Debian builds with frame pointers, so call chains are complete; functions without a symbol appear by their callers.
perf script -i "$work/perf.data" -F comm,ip,sym,dso 2>/dev/null | awk -f "$top/bench/axis/profile.awk" | tee "$top/build/axis-profile-$data-$system.txt"
