# profile.awk: adds up perf's samples by what they were taken in. Input: `perf script -F comm,ip,sym,dso`: a paragraph a sample, its call
# chain from the innermost function outwards. The innermost frame that a rule knows decides, so that what a function calls (buffers,
# memory, kernel) counts as that function's; a second table shows what was innermost.

function rule(name, pattern) { rules++; rule_name[rules] = name; rule_pattern[rules] = " (" pattern ")[ +]" }

BEGIN {
	# axis; 8-bit dot products serve centroids or codes, which their callers tell
	rule("centroids", "pxd_axis_(directory_open|centroid_distances|nearest_list|rotated)|select_lists|list_at|far_enough|limit")
	rule("filter conditions", "pxd_axis_condition[a-z_]*|passes")
	rule("candidates of a list", "add_candidate|add_high|sift_down|settle_candidates")
	rule("pages of lists", "pxd_axis_read[a-z_]*")
	rule("codes", "dot_(group_|one_|select_)?[124]|pxd_axis_bounds|bounds_of_page|probe_page|probe_list|prepare_list|pxd_axis_probe")
	rule("rerank: rows and their vectors", "pxd_vector_fetch[a-z_]*")
	rule("rerank: distances and the rest", "pxd_axis_rerank[a-z_]*|rank_candidate")
	rule("axis, the rest", "pxd_axis_[a-z_]*|next_by_distance|start_search")
	# hnsw
	rule("hnsw: elements and distances", "HnswLoadElement[A-Za-z]*|HnswGetDistance|vector_negative_inner_product|vector_l2_squared_distance")
	rule("hnsw: neighbours", "HnswLoadUnvisited[A-Za-z]*|HnswLoadNeighborTids|tidhash_[a-z_]*")
	rule("hnsw, the rest", "[hH]nsw[A-Za-z_]*")
	# the server
	rule("answer: table rows by TID", "index_fetch_heap|index_fetch_tuple")
	rule("answer: columns and distance", "slot_getsomeattrs[a-z_]*|(pxd_sql_)?(cosine_distance|l2_distance|vector_negative_inner_product)|detoast_attr|pg_detoast_datum")
	rule("planner", "GetCachedPlan|pg_plan_query|standard_planner")
	rule("executor", "PortalRun|PortalStart|ExecutorRun|standard_ExecutorRun|standard_ExecutorStart|ExecutorStart|standard_ExecutorEnd|PortalDrop|ExecProcNode")
	rule("protocol and transaction", "PostgresMain")
}

# Each frame is "address name (object)" or "address [unknown] (object)".
NF == 0 { finish(); next }
chain == "" && frames == 0 && !/^[ \t]/ { process = $1; frames = 1; next }
{
	name = $2
	sub(/\+0x[0-9a-f]+$/, "", name)
	if (innermost == "") innermost = ($0 ~ /kernel|vdso/) ? "kernel" : (name == "[unknown]" ? "(no symbol)" : name)
	if (group == "")
		for (i = 1; i <= rules; i++)
			if ((" " name " ") ~ rule_pattern[i]) { group = rule_name[i]; break }
}

function finish() {
	if (frames == 0) return
	samples++
	if (process ~ /^knn/) group = "client process"
	if (group == "") group = (innermost == "kernel") ? "protocol and transaction" : "(no call chain)"
	sum[group]++
	of[group, innermost]++
	names[innermost]++
	if (process !~ /^knn/) inner[innermost]++
	frames = 0; group = ""; innermost = ""
}

END {
	finish()
	if (samples == 0) { print "no samples"; exit 1 }
	for (g in sum) {
		most = ""
		for (n in names)
			if (of[g, n] > of[g, most]) most = n
		printf "%6.1f %%  %-32s most in %s\n", 100 * sum[g] / samples, g, most | "sort -rn"
	}
	close("sort -rn")
	print "innermost functions of the server process:"
	for (n in inner)
		printf "%6.1f %%  %s\n", 100 * inner[n] / samples, n | "sort -rn | head -n 25"
	close("sort -rn | head -n 25")
}
