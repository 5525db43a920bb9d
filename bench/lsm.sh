#!/bin/bash
# lsm.sh: lsm beside heap and viper: documents with vectors, ingest of single rows, write amplification.
#
# usage: bench/lsm.sh [seconds] [rounds]        (default: 15 3: seconds of each ingest run)
#        PARTS="documents ingest amplification" bench/lsm.sh
#
# One private server, in memory, autovacuum and the background worker at work; runs on the access methods are interleaved, a ratio is the median
# of the rounds' ratios. A line ends with "ok" or "MISSED" where a bar is set.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/scripts/lib.sh"
. "$top/bench/lib.sh"
seconds=${1:-15}
rounds=${2:-3}
documents=20000

# Articles of 1 to 2 kB as JSON: text of words from a vocabulary of 4,000, the common ones more often.
make_articles()
{
	sql <<-END
		CREATE FUNCTION word(i int) RETURNS text LANGUAGE sql IMMUTABLE AS
			\$\$ SELECT substr(translate(md5(i::text), '0123456789', 'aeioulnrst'), 1, 3 + i % 7) \$\$;
		CREATE FUNCTION some_words(g int, n int) RETURNS text LANGUAGE sql IMMUTABLE AS
			\$\$ SELECT string_agg(word((power((hashint4(g * 1000 + k)::bigint & 65535) / 65536.0, 3) * 4000)::int), ' ' ORDER BY k)
				FROM generate_series(1, n) k \$\$;
		CREATE TABLE articles AS SELECT g AS id, json_build_object('id', g,
			'url', 'https://example.com/articles/' || 2015 + g % 9 || '/' || replace(some_words(g, 5), ' ', '-'),
			'title', some_words(g + 1, 8), 'published_at', timestamp '2020-01-01' + g * interval '37 minutes 11 seconds',
			'tags', string_to_array(some_words(g + 2, 4), ' '), 'word_count', g * 7919 % 3000,
			'source', json_build_object('crawler', 'spider-' || g % 7, 'status', 200, 'content_type', 'text/html; charset=utf-8', 'checksum', md5(g::text)),
			'summary', some_words(g + 3, 120)) AS doc,
			(SELECT array_agg(sin(g * i)::real) FROM generate_series(1, 384) i)::vector AS embedding FROM generate_series(1, $documents) g;
		ALTER TABLE articles ADD PRIMARY KEY (id);
		VACUUM ANALYZE articles;
	END
}

create_table()
{
	sql -c "SET client_min_messages = warning" -c "DROP TABLE IF EXISTS $1" -c "CREATE TABLE $1 (id bigint PRIMARY KEY, doc json, embedding vector(384)) USING $2"
}

# --- documents: size, and fetching whole rows ---

bench_documents()
{
	local am round raw=$((documents * 384 * 4))
	for am in heap viper lsm; do
		create_table docs_$am $am
		sql -c "INSERT INTO docs_$am SELECT * FROM articles" -c "VACUUM ANALYZE docs_$am"
		{
			for i in 0 1 2 3 4 5 6 7 8 9; do
				printf '\\set id%d random(1, %d)\n' $i $documents
			done
			# Each value is looked at, but not turned into text.
			printf 'SELECT id, octet_length(doc::text), vector_norm(embedding) FROM docs_%s WHERE id IN (:id0, :id1, :id2, :id3, :id4, :id5, :id6, :id7, :id8, :id9);\n' $am
		} >"$work/fetch_$am.sql"
		sql -c "SELECT count(doc::text), sum(vector_norm(embedding)) FROM docs_$am" >/dev/null
	done
	compare "bytes besides the vectors: heap / lsm" "$(sql -c "SELECT pg_table_size('docs_heap') - $raw")" "$(sql -c "SELECT pg_table_size('docs_lsm') - $raw")" '>=' 3
	compare "bytes besides the vectors: heap / viper" "$(sql -c "SELECT pg_table_size('docs_heap') - $raw")" "$(sql -c "SELECT pg_table_size('docs_viper') - $raw")"
	for round in $(seq "$rounds"); do
		for am in heap viper lsm; do
			keep fetch_$am "$(as_user "$pg_bin/pgbench" -h "$work" -U postgres -n -M prepared -T 4 -f "$work/fetch_$am.sql" postgres |
				sed -n 's/^tps = \([0-9.]*\).*/\1/p')"
		done
	done
	compare "10 whole rows by key, per second: lsm / viper" fetch_lsm fetch_viper '>=' 1
	compare "10 whole rows by key, per second: lsm / heap" fetch_lsm fetch_heap '>=' 0.5
}

# --- ingest: single-row transactions, far beyond the flush threshold ---

# Rows are documents under random keys. Prints transactions per second, and the 99.9th percentile and the longest of the latencies, in ms.
ingest()
{
	printf '\\set id random(1, 1000000000000)\n\\set g random(1, %d)\nINSERT INTO %s SELECT :id, doc, embedding FROM articles WHERE id = :g ON CONFLICT DO NOTHING;\n' \
		$documents "$1" >"$work/ingest.sql"
	rm -f "$work"/latency.*
	as_user "$pg_bin/pgbench" -h "$work" -U postgres -n -M prepared -T "$seconds" -l --log-prefix="$work/latency" -f "$work/ingest.sql" postgres |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p'
	cat "$work"/latency.* | awk '{ print $3 }' | sort -n |
		awk '{ x[NR] = $1 } END { printf "%.1f\n%.1f\n", x[int(NR * 0.999)] / 1000, x[NR] / 1000 }'
}

bench_ingest()
{
	local am round figures
	for round in $(seq "$rounds"); do
		for am in heap lsm; do
			create_table ingest_$am $am
			[ $am = heap ] || sql -c "SELECT proximadb.set_options('ingest_lsm', flush_threshold => '4MB')" >/dev/null
			mapfile -t figures < <(ingest ingest_$am)
			keep ingest_$am "${figures[0]}"
			keep p999_$am "${figures[1]}"
			keep longest_$am "${figures[2]}"
			[ $am = heap ] || keep times_threshold "$(sql -c "SELECT round(pg_table_size('articles') / $documents.0 * (SELECT count(*) FROM ingest_lsm) / (4 * 1024 * 1024), 1)")"
			[ $am = heap ] || sql -c "SELECT format('  flushes %s, segments %s in %s levels, write amplification %s, sealed %s of %s rows', m.flushes, s.segments,
				(SELECT count(DISTINCT level) FROM proximadb.segments('ingest_lsm') WHERE state = 'live'), s.write_amplification, s.sealed_rows, (SELECT count(*) FROM ingest_lsm))
				FROM proximadb.stat_table s JOIN proximadb.stat_maintenance m USING (relid) WHERE s.relname = 'ingest_lsm'"
			sql -c "VACUUM ingest_$am" -c CHECKPOINT
		done
	done
	compare "rows written / flush threshold" times_threshold 1 '>=' 10
	compare "single-row INSERTs, per second: lsm / heap" ingest_lsm ingest_heap '>=' 0.95
	compare "their latency, 99.9th percentile, ms: lsm / heap" p999_lsm p999_heap
	compare "their latency, 99.9th percentile, ms: lsm" p999_lsm 1 '<=' 200
	compare "their longest latency, ms: lsm / heap" longest_lsm longest_heap
}

# --- write amplification: a load of small transactions under random keys, of which VACUUM seals each 2,000 rows ---

bench_amplification()
{
	local batch
	create_table amplified lsm
	for batch in $(seq ${BATCHES:-100}); do
		sql <<-END
			DO \$\$ BEGIN
				FOR t IN 1..40 LOOP
					INSERT INTO amplified SELECT hashint8extended(($batch * 40 + t) * 50 + i, 1), doc, embedding
						FROM generate_series(1, 50) i JOIN articles a ON a.id = 1 + (($batch * 40 + t) * 50 + i) % $documents;
					COMMIT;
				END LOOP;
			END \$\$;
			VACUUM amplified;
		END
	done
	sql -c "SELECT format('  %s flushes, %s rows, %s MB flushed, %s segments', m.flushes, s.sealed_rows, s.flushed_bytes / 1024 / 1024, s.segments)
			FROM proximadb.stat_table s JOIN proximadb.stat_maintenance m USING (relid) WHERE s.relname = 'amplified'" \
		-c "SELECT format('  level %s: %s segments, %s MB', level, count(*), sum(bytes)::bigint / 1024 / 1024) FROM proximadb.segments('amplified') WHERE state = 'live' GROUP BY level ORDER BY level"
	compare "write amplification of a load under random keys" "$(sql -c "SELECT write_amplification FROM proximadb.stat_table WHERE relname = 'amplified'")" 1 '<=' 8
}

trap 'stop_servers bench' EXIT
trap 'exit 130' HUP INT TERM

"$top/scripts/deps"
make_work bench
install_private
mkdir "$work/figures"
chmod a+rwx "$work"
start_cluster shared_buffers=4GB min_wal_size=5GB max_wal_size=20GB checkpoint_timeout=1h wal_level=replica autovacuum_naptime=5s \
	synchronous_commit=off work_mem=64MB
sql -c 'CREATE EXTENSION proximadb'
make_articles
for part in ${PARTS:-documents ingest amplification}; do
	bench_$part
done
drop_work bench
