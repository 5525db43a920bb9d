# report.awk: the figures of axis.sh against the bars: one line a bar and data set, ours, theirs, ratio, met or MISSED. Input: its figures.
#
# With -v by=processor queries per second are those of a processor not shared with anyone (1 / processor time of server and client), which is
# what to look at when the machine was busy with other work.

BEGIN { FS = "\t" }

NR > 1 {
	value[$1, $2, $3, $4, $5] = $6
	if (!($1 in seen_data)) { seen_data[$1] = 1; data[++datas] = $1 }
	if (!(($1, $2) in seen_system)) { seen_system[$1, $2] = 1; system_list[$1] = system_list[$1] " " $2 }
	if ($5 == "qps" && $4 != "default" && $4 != "grown" && $4 != "fresh")
		settings[$1, $2, $3] = settings[$1, $2, $3] " " $4
	if (by == "processor" && $5 == "processor_us" && $6 > 0)
		value[$1, $2, $3, $4, "qps"] = sprintf("%.1f", 1e6 / $6)
	if ($3 == "build" && $5 == "seconds")
		memory[$1, $2] = $4
}

function has(d, s, phase, setting, metric) { return (d, s, phase, setting, metric) in value }
function get(d, s, phase, setting, metric) { return value[d, s, phase, setting, metric] }

# Queries per second at a recall, between the two settings around it on the curve's upper edge (linear in recall and log QPS). Below the curve's lowest
# recall: its QPS there, which is then too small. 0 if the recall is not reached.
function qps_at(d, s, phase, target,   list, n, i, r, q, above, above_r, below, below_r) {
	n = split(settings[d, s, phase], list, " ")
	for (i = 1; i <= n; i++) {
		r = get(d, s, phase, list[i], "recall") + 0
		q = get(d, s, phase, list[i], "qps") + 0
		if (get(d, s, phase, list[i], "index_scan") == "0") continue
		if (r >= target && q > above) { above = q; above_r = r }
		if (r < target && (below == "" || r > below_r || (r == below_r && q > below))) { below = q; below_r = r }
	}
	if (above == "") return 0
	if (below == "" || below < above) return above
	return exp(log(above) + (log(below) - log(above)) * (above_r - target) / (above_r - below_r))
}

function line(words, ours, theirs, ratio, op, bar,   verdict) {
	if (op != "")
		verdict = ((op == ">=" && ratio + 0 >= bar) || (op == "<=" && ratio + 0 <= bar)) ? "met" : "MISSED"
	if (verdict == "MISSED") missed++
	if (verdict == "met") met++
	printf "%-58s %12s %12s %9s %s %-7s %s\n", words, ours, theirs, (ratio == "" ? "" : sprintf("%.4g", ratio)), (op == "" ? "  " : op),
		(op == "" ? "" : sprintf("%.4g", bar)), verdict
}

# A ratio of two figures, if both were measured.
function compare(words, ours, theirs, op, bar) {
	if (ours == "" || theirs == "" || theirs + 0 == 0) return
	line(words, short(ours), short(theirs), ours / theirs, op, bar)
}

function short(x) { return x >= 100 ? sprintf("%.0f", x) : sprintf("%.4g", x) }
function name(s) { return (s == "heap" || s == "viper") ? "axis " s : s }

function next_percent(p) { return (p == 1) ? 10 : ((p == 10) ? 50 : 51) }
function per_row(d, s) { return get(d, s, "build", memory[d, s], "bytes") / get(d, s, "build", memory[d, s], "rows") }

function curves(d,   list, n, i, j, settings_list, m, s) {
	n = split(system_list[d], list, " ")
	for (i = 1; i <= n; i++) {
		s = list[i]
		m = split("default" settings[d, s, "query"], settings_list, " ")
		for (j = 1; j <= m; j++)
			if (has(d, s, "query", settings_list[j], "qps") && !has(d, s, "query", settings_list[j], "p50_us"))
				printf "%-16s %-10s recall %.4f  %8.0f/s  (best round)\n", name(s), settings_list[j],
					get(d, s, "query", settings_list[j], "recall"), get(d, s, "query", settings_list[j], "qps")
			else if (has(d, s, "query", settings_list[j], "qps"))
				printf "%-16s %-10s recall %.4f  %8.0f/s  best %8.0f/s  p50 %6.0f us  p99 %6.0f us  processor %6.0f us%s\n", name(s), settings_list[j],
					get(d, s, "query", settings_list[j], "recall"), get(d, s, "query", settings_list[j], "qps"), get(d, s, "query", settings_list[j], "qps_best"),
					get(d, s, "query", settings_list[j], "p50_us"), get(d, s, "query", settings_list[j], "p99_us"),
					get(d, s, "query", settings_list[j], "processor_us"),
					(get(d, s, "query", settings_list[j], "index_scan") == "0" ? "  NOT BY INDEX" : "")
	}
}

# What was measured of one system, whatever the others did.
function facts(d, s,   phase, i, list, n, k) {
	if (has(d, s, "build", memory[d, s], "seconds") && !has(d, s, "build", memory[d, s], "rows"))
		printf "%-16s build %s s\n", name(s), get(d, s, "build", memory[d, s], "seconds")
	else if (has(d, s, "build", memory[d, s], "seconds"))
		printf "%-16s build %s s, %.1f bytes a row, peak memory %.0f MB (setting %s)\n", name(s), get(d, s, "build", memory[d, s], "seconds"),
			per_row(d, s),
			get(d, s, "build", memory[d, s], "peak_memory_kb") / 1024, memory[d, s]
	if (qps_at(d, s, "query", 0.95) > 0)
		printf "%-16s at recall 0.95: %.0f/s, at 0.99: %.0f/s\n", name(s), qps_at(d, s, "query", 0.95), qps_at(d, s, "query", 0.99)
	for (i = 1; i <= 50; i = next_percent(i)) {
		n = split("default" settings[d, s, "filter_" i], list, " ")
		for (k = 1; k <= n; k++)
			if (has(d, s, "filter_" i, list[k], "qps"))
				printf "%-16s filter %d %%, %s: recall %.4f, %.0f/s, at least %d rows%s\n", name(s), i, list[k], get(d, s, "filter_" i, list[k], "recall"),
					get(d, s, "filter_" i, list[k], "qps"), get(d, s, "filter_" i, list[k], "fewest_rows"),
					(get(d, s, "filter_" i, list[k], "index_scan") == "0" ? ", NOT BY INDEX" : "")
	}
	if (has(d, s, "vacuum", "default", "seconds"))
		printf "%-16s VACUUM after deleting 20 %%: %s s%s; recall after it %s, %s/s\n", name(s), get(d, s, "vacuum", "default", "seconds"),
			(get(d, s, "vacuum", "default", "cancelled") ? " (cancelled: takes longer)" : ""),
			get(d, s, "after_vacuum", "default", "recall"), get(d, s, "after_vacuum", "default", "qps")
	if (has(d, s, "insert", "default", "rows_per_second"))
		printf "%-16s inserts %s rows/s\n", name(s), get(d, s, "insert", "default", "rows_per_second")
}

function bars(d, s,   percent, target, reference, raw, mb, unit) {
	if (has(d, s, "query", "default", "recall"))
		line(d " " name(s) ": recall@10, default settings", get(d, s, "query", "default", "recall"), "", get(d, s, "query", "default", "recall"), ">=", 0.95)
	compare(d " " name(s) ": QPS at recall 0.95", qps_at(d, s, "query", 0.95), qps_at(d, "hnsw", "query", 0.95), ">=", (s == "heap" ? 1.3 : 4))
	compare(d " " name(s) ": QPS at recall 0.99", qps_at(d, s, "query", 0.99), qps_at(d, "hnsw", "query", 0.99), (s == "heap" ? "" : ">="), 5)
	compare(d " " name(s) ": QPS at recall 0.95 (hnswlib's, no database)", qps_at(d, s, "query", 0.95), qps_at(d, "hnswlib", "query", 0.95))
	compare(d " " name(s) ": QPS at recall 0.99 (hnswlib's, no database)", qps_at(d, s, "query", 0.99), qps_at(d, "hnswlib", "query", 0.99))
	compare(d " " name(s) ": build, s", get(d, s, "build", memory[d, s], "seconds"), get(d, "hnsw", "build", memory[d, "hnsw"], "seconds"), "<=", 0.1)
	if (has(d, s, "build", memory[d, s], "bytes") && has(d, "data", "size", "raw", "bytes_per_row")) {
		raw = get(d, "data", "size", "raw", "bytes_per_row")
		line(d " " name(s) ": index bytes per row", short(per_row(d, s)), "", per_row(d, s), (s == "heap" ? "" : "<="), 32 + raw / 8)
	}
	if (has(d, s, "build_small", "64MB", "peak_memory_kb"))
		line(d " " name(s) ": build memory of 64 MB, MB", short(get(d, s, "build_small", "64MB", "peak_memory_kb") / 1024), "64",
			get(d, s, "build_small", "64MB", "peak_memory_kb") / 65536, "<=", 1.1)
	compare(d " " name(s) ": inserts, rows/s", get(d, s, "insert", "default", "rows_per_second"), get(d, "hnsw", "insert", "default", "rows_per_second"), ">=", 10)
	compare(d " " name(s) ": VACUUM after deleting 20 %, s", get(d, s, "vacuum", "default", "seconds"), get(d, "hnsw", "vacuum", "default", "seconds"), "<=", 0.02)
	for (percent = 1; percent <= 50; percent = next_percent(percent))
		if (has(d, s, "filter_" percent, "default", "recall")) {
			line(d " " name(s) ": filter " percent " %, recall@10", get(d, s, "filter_" percent, "default", "recall"), "",
				get(d, s, "filter_" percent, "default", "recall"), ">=", 0.95)
			line(d " " name(s) ": filter " percent " %, fewest rows of 10", get(d, s, "filter_" percent, "default", "fewest_rows"), "",
				get(d, s, "filter_" percent, "default", "fewest_rows"), ">=", 10)
			# At our recall, but not above 0.95: a peer need not answer better than the bar asks.
			target = get(d, s, "filter_" percent, "default", "recall") < 0.95 ? get(d, s, "filter_" percent, "default", "recall") : 0.95
			reference = qps_at(d, "hnsw", "filter_" percent, target)
			if (reference > 0)
				compare(d " " name(s) ": filter " percent " %, QPS", get(d, s, "filter_" percent, "default", "qps"), reference, ">=", 3)
			else if (settings[d, "hnsw", "filter_" percent] != "")
				print d " " name(s) ": filter " percent " %: HNSW does not reach recall " target
		}
	if (has(d, s, "grow", "grown", "recall")) {
		line(d " " name(s) ": grown row by row, recall@10", get(d, s, "grow", "grown", "recall"), get(d, s, "grow", "fresh", "recall"),
			get(d, s, "grow", "grown", "recall"), ">=", 0.93)
		compare(d " " name(s) ": grown / fresh, QPS", get(d, s, "grow", "grown", "qps"), get(d, s, "grow", "fresh", "qps"), ">=", 0.67)
	}
}

END {
	for (i = 1; i <= datas; i++) {
		d = data[i]
		print "\n" d ": what was measured"
		curves(d)
		n = split(system_list[d], list, " ")
		for (j = 1; j <= n; j++)
			facts(d, list[j])
		printf "%-16s", "plain IVF"
		for (probes = 1; probes < 10000; probes++)
			if (has(d, "data", "plain_ivf", probes, "recall"))
				printf " %d:%s", probes, get(d, "data", "plain_ivf", probes, "recall")
		print " (lists probed of 256 rows : recall)"
	}
	printf "\n%-58s %12s %12s %9s %s\n", "bar", "ours", "HNSW's", "ratio", "bar"
	for (i = 1; i <= datas; i++) {
		n = split(system_list[data[i]], list, " ")
		for (j = 1; j <= n; j++)
			if (list[j] == "heap" || list[j] == "viper")
				bars(data[i], list[j])
	}
	printf "%d met, %d missed\n", met, missed
}
