# profile.awk: adds up perf's samples by what they do. Input: lines of "percent|process|object|symbol".
# The first rule that matches counts. Kernel functions belong to the round trip: a warm query makes no other system calls.

function rule(name, pattern) { rules++; rule_name[rules] = name; rule_pattern[rules] = pattern }

BEGIN {
	rule("hnsw: distances", "vector\\.so.*(Vector|vector)[A-Z_a-z0-9]*$")
	rule("hnsw: graph", "vector\\.so|hnsw|Hnsw")
	rule("distances of codes", "pxd_axis_bounds|bounds_of_page|code_(dot|select)|dot_codes|select_codes|[^a-z](dot|select)_[0-9a-z_]*|probe_page|probe_list|prepare_list|condition_rows|passes")
	rule("centroids", "centroid|select_lists|list_at|far_enough|directory|rotate|quantise")
	rule("exact distances (rerank)", "rerank|settle_candidates|row_vector|exact|l2_squared|inner_product|cosine|spans?_|segment|pxd_store|pxd_tableam|viper|vector_l2|detoast|toast_fetch|heap_fetch_toast")
	rule("candidates and order", "sift_down|add_candidate|add_high|pairingheap|qsort|heap_(insert|remove)")
	rule("axis, the rest", "pxd_|proximadb")
	rule("buffers and locks", "ReadBuffer|PinBuffer|UnpinBuffer|ReleaseBuffer|LWLock|hash_search|BufTable|LockBuffer|hash_bytes|ResourceOwner|GetPrivateRef|BufferAlloc|smgr")
	rule("table rows and visibility", "heap_|Heap|index_fetch|index_getnext|slot|Slot")
	rule("memory", "palloc|pfree|AllocSet|MemoryContext|mem(cpy|set|move)|malloc|free")
}

NF >= 4 {
	share = $1 + 0
	text = $3 "|" $4
	total += share
	group = "executor, planner, protocol"
	if ($2 ~ /knn/)
		group = "round trip: client process"
	else if ($3 ~ /kernel|vmlinux|\[vdso\]/)
		group = "round trip: kernel, for the server"
	else
		for (i = 1; i <= rules; i++)
			if (text ~ rule_pattern[i]) { group = rule_name[i]; break }
	sum[group] += share
	if (!(group in first) || share > first_share[group]) { first_share[group] = share; first[group] = $4 }
}

END {
	if (total == 0) { print "no samples"; exit 1 }
	for (group in sum)
		printf "%6.1f %%  %-38s most in%s\n", 100 * sum[group] / total, group, first[group] | "sort -rn"
	close("sort -rn")
}
