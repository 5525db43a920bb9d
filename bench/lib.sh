# lib.sh: sourced by the benchmarks, after scripts/lib.sh: figures kept by name, one line a round, and their ratios.

sql()
{
	as_user "$pg_bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$work" -U postgres "$@"
}

# median: of the numbers on stdin, one a line.
median()
{
	sort -n | awk '{ x[NR] = $1 } END { print (x[int((NR + 1) / 2)] + x[int(NR / 2) + 1]) / 2 }'
}

# keep NAME VALUE: one more figure.
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

# compare TEXT A B [OP BAR]: prints the medians of figures A and B and the median of A / B of each round (what
# disturbs a round disturbs both), and whether that is within the bar. A or B may be a number.
compare()
{
	local a=$2 b=$3 round ratio
	[ ! -e "$work/figures/$2" ] || a=$(median <"$work/figures/$2")
	[ ! -e "$work/figures/$3" ] || b=$(median <"$work/figures/$3")
	ratio=$(for round in $(seq "$rounds"); do
		figure "$2" "$round"
		figure "$3" "$round"
	done | paste - - | awk '{ print $1 / $2 }' | median)
	awk -v text="$1" -v a="$a" -v b="$b" -v ratio="$ratio" -v op="${4:-}" -v bar="${5:-}" 'BEGIN {
		verdict = op == "" ? "" : (op == "<=" ? ratio <= bar : ratio >= bar) ? "ok" : "MISSED"
		printf "%-62s %12.1f / %12.1f : %6.3f  %s %s  %s\n", text, a, b, ratio, op, bar, verdict
	}'
}

# figure NAME ROUND: what was kept for NAME in that round; a number stands for itself.
figure()
{
	if [ -e "$work/figures/$1" ]; then
		sed -n "$2p" "$work/figures/$1"
	else
		echo "$1"
	fi
}

