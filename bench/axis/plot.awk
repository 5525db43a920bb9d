# plot.awk: recall against queries per second of each system and data set, as SVG. Input: figures of axis.sh.
# Queries per second on a logarithmic axis; recall on one that stretches towards 1 (-log10(1 - recall), cut at 0.999).

BEGIN { FS = "\t"; low = 0.7; high = 0.999; width = 460; height = 360; left = 70; upper = 50; gap = 110 }

$3 == "query" && $5 == "recall" { recall[$1, $2, $4] = $6 }
$3 == "query" && $5 == "qps" && $4 != "default" {
	qps[$1, $2, $4] = $6
	if (!($1 in seen_data)) { seen_data[$1] = datas; data[datas++] = $1 }
	if (!(($1, $2) in seen)) { seen[$1, $2] = 1; if (!($2 in color)) { color[$2] = names; name[names++] = $2 } }
	points[$1, $2] = points[$1, $2] " " $4
	if (min == "" || $6 < min) min = $6
	if ($6 > max) max = $6
}

function stretch(r) { return -log(1 - (r > high ? high : r)) / log(10) }
function x_of(panel, r) { return left + panel * (width + gap) + (stretch(r) - stretch(low)) / (stretch(high) - stretch(low)) * width }
function y_of(q) { return upper + height - (log(q) - log(min)) / (log(max) - log(min)) * height }
function text(x, y, anchor, words) { printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, words }

function grid(panel,   i, n, ticks, decade, digit, q) {
	printf "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#888\"/>\n", left + panel * (width + gap), upper, width, height
	n = split("0.7 0.8 0.9 0.95 0.98 0.99 0.995 0.999", ticks, " ")
	for (i = 1; i <= n; i++) {
		printf "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"#ddd\"/>\n", x_of(panel, ticks[i]), x_of(panel, ticks[i]), upper, upper + height
		text(x_of(panel, ticks[i]), upper + height + 16, "middle", ticks[i])
	}
	for (decade = 1; decade <= 1000000; decade *= 10)
		for (digit = 1; digit <= 5; digit = (digit == 1 ? 2 : (digit == 2 ? 5 : 9))) {
			q = decade * digit
			if (q < min || q > max)
				continue
			printf "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n",
				left + panel * (width + gap), left + panel * (width + gap) + width, y_of(q), y_of(q)
			text(left + panel * (width + gap) - 6, y_of(q) + 4, "end", q)
		}
	text(left + panel * (width + gap) + width / 2, upper + height + 34, "middle", "recall@10")
	text(left + panel * (width + gap) + width / 2, upper - 12, "middle", data[panel] ": queries per second, one client")
}

function curve(panel, who, color_code,   list, n, i, j, swap, path) {
	n = split(points[data[panel], who], list, " ")
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && recall[data[panel], who, list[j]] < recall[data[panel], who, list[j - 1]]; j--) {
			swap = list[j]; list[j] = list[j - 1]; list[j - 1] = swap
		}
	for (i = 1; i <= n; i++) {
		if (recall[data[panel], who, list[i]] < low)
			continue
		path = path sprintf("%s%.1f,%.1f", path == "" ? "M" : " L", x_of(panel, recall[data[panel], who, list[i]]), y_of(qps[data[panel], who, list[i]]))
		printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"><title>%s %s: recall %s, %s per second</title></circle>\n",
			x_of(panel, recall[data[panel], who, list[i]]), y_of(qps[data[panel], who, list[i]]), color_code, who, list[i],
			recall[data[panel], who, list[i]], qps[data[panel], who, list[i]]
	}
	if (path != "")
		printf "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", path, color_code
}

END {
	if (datas == 0) { min = 1; max = 10 }
	if (max == min) max = min * 2
	colors = split("#c0392b #2471a3 #1e8449 #7d3c98 #b9770e #566573 #d35400 #117a65", palette, " ")
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n",
		left + (datas ? datas : 1) * (width + gap), upper + height + 60 + 18 * names
	print "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
	for (panel = 0; panel < datas; panel++) {
		grid(panel)
		for (i = 0; i < names; i++)
			curve(panel, name[i], palette[i % colors + 1])
	}
	for (i = 0; i < names; i++) {
		printf "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" fill=\"%s\"/>\n", left, upper + height + 48 + 18 * i, palette[i % colors + 1]
		text(left + 18, upper + height + 58 + 18 * i, "start", label(name[i]))
	}
	print "</svg>"
}

function label(who) {
	if (who == "hnsw")
		return "pgvector HNSW"
	return (who == "heap" || who == "viper") ? "axis on " who : who
}
