#!/bin/bash
# upkeep.sh: viper beside heap under updates and small transactions: pgbench, updates of sealed rows, trickling inserts, wide metadata.
#
# usage: bench/upkeep.sh [seconds] [rounds]        (default: 5 3: seconds of each pgbench run)
#
# One private server, in memory, autovacuum as it is by default (with a short naptime); runs on viper and heap are interleaved, a ratio is the
# median of the rounds' ratios. A line ends with "ok" or "MISSED" where a bar is set.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/scripts/lib.sh"
. "$top/bench/lib.sh"
seconds=${1:-5}
rounds=${2:-3}

# tps NAME ARGUMENT...: keeps pgbench's transactions per second.
tps()
{
	local name=$1
	shift
	keep "$name" "$(as_user "$pg_bin/pgbench" -h "$work" -U postgres -n -M prepared -T "$seconds" "$@" |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p')"
}

# wal_of FILE: bytes of WAL that running the SQL file once takes.
wal_of()
{
	local before
	before=$(sql -c 'SELECT pg_current_wal_insert_lsn()')
	sql -f "$1" >/dev/null
	sql -c "SELECT pg_current_wal_insert_lsn() - '$before'::pg_lsn"
}

# --- pgbench's own scripts, hot and sealed ---

bench_pgbench()
{
	local am round
	for am in heap viper; do
		sql -c "CREATE DATABASE $am"
		sql -d $am -c 'CREATE EXTENSION proximadb' -c "ALTER DATABASE $am SET default_table_access_method = $am"
		as_user "$pg_bin/pgbench" -h "$work" -U postgres -q -i -s 10 $am >/dev/null 2>&1
	done
	for state in hot sealed; do
		if [ $state = sealed ]; then
			for am in heap viper; do
				sql -d $am -c 'VACUUM'
			done
			sql -d viper -c "SELECT proximadb.flush('pgbench_accounts')" >/dev/null
		fi
		for round in $(seq "$rounds"); do
			for am in heap viper; do
				tps select_${am}_$state -S $am
				tps tpcb_${am}_$state $am
			done
		done
		compare "pgbench -S, per second, $state: viper / heap" select_viper_$state select_heap_$state '>=' 0.85
		compare "pgbench TPC-B-like, per second, $state: viper / heap" tpcb_viper_$state tpcb_heap_$state '>=' 0.85
	done
}

# --- updates of sealed rows ---

make_docs()
{
	sql -c "CREATE TABLE docs_$1 (id int PRIMARY KEY, kind int, n int, tags text, embedding vector(768)) USING $1"
	[ "$1" = viper ] || sql -c "ALTER TABLE docs_$1 ALTER embedding SET STORAGE EXTERNAL"
	sql -c "INSERT INTO docs_$1 SELECT g, g % 100, 0, 'tags ' || g,
			(SELECT array_agg(sin(g * i)::real) FROM generate_series(1, 768) i)::vector
		FROM generate_series(1, 20000) g" -c "CREATE INDEX ON docs_$1 (kind)" -c "VACUUM ANALYZE docs_$1"
}

bench_updates()
{
	local am round
	for am in heap viper; do
		make_docs $am
		printf '\\set id random(1, 20000)\nUPDATE docs_%s SET n = n + 1 WHERE id = :id;\n' $am >"$work/update_$am.sql"
	done
	for round in $(seq "$rounds"); do
		for am in heap viper; do
			tps update_$am -f "$work/update_$am.sql" postgres
		done
	done
	compare "UPDATE of a counter, sealed rows, per second: viper / heap" update_viper update_heap '>=' 0.8
	for round in $(seq "$rounds"); do
		for am in heap viper; do
			sql -c "VACUUM docs_$am" -c CHECKPOINT
			# Full-page images of the first touch are not what is compared.
			sql -c "UPDATE docs_$am SET n = n + 1 WHERE id % 10 = 0"
			echo "UPDATE docs_$am SET n = n + 1 WHERE id % 100 = 0;" >"$work/wal_$am.sql"
			keep update_wal_$am "$(wal_of "$work/wal_$am.sql")"
		done
	done
	compare "WAL of such updates, bytes: viper / heap" update_wal_viper update_wal_heap '<=' 1.5

	local fresh_size fresh_time
	sql -c 'VACUUM FULL docs_viper' -c 'ANALYZE docs_viper'
	query=$(sql -c 'SELECT embedding FROM docs_viper WHERE id = 7')
	fresh_size=$(sql -c "SELECT pg_table_size('docs_viper')")
	for round in $(seq "$rounds"); do
		keep scan_fresh "$(milliseconds "SELECT id FROM docs_viper ORDER BY embedding <-> '$query' LIMIT 10")"
	done
	for round in $(seq 10); do
		sql -c "UPDATE docs_viper SET n = n + 1, embedding = l2_normalize(embedding) WHERE id % 10 = $round - 1"
		sql -c 'VACUUM docs_viper'
	done
	for round in $(seq "$rounds"); do
		keep scan_updated "$(milliseconds "SELECT id FROM docs_viper ORDER BY embedding <-> '$query' LIMIT 10")"
	done
	compare "exact scan after 10 rounds of updating a tenth / fresh, ms" scan_updated scan_fresh '<=' 1.2
	compare "table size after that / fresh" "$(sql -c "SELECT pg_table_size('docs_viper')")" "$fresh_size" '<=' 1.2
}

# --- rows that trickle in ---

bench_trickle()
{
	local am round
	sql -c 'CREATE TABLE one_vector AS SELECT (SELECT array_agg(sin(i)::real) FROM generate_series(1, 64) i)::vector AS e'
	for am in heap viper; do
		cat >"$work/trickle_$am.sql" <<-END
			DO \$\$ BEGIN
				FOR t IN 1..${TRICKLE:-1000} LOOP
					FOR i IN 1..1000 LOOP
						INSERT INTO trickle_$am VALUES (t * 1000 + i, 'row ' || i, (SELECT e FROM one_vector));
					END LOOP;
					COMMIT;
				END LOOP;
			END \$\$;
		END
	done
	# Each run on a table of its own; what autovacuum has left to do of it is done before the other one's turn.
	for round in $(seq "$rounds"); do
		for am in heap viper; do
			sql -c "DROP TABLE IF EXISTS trickle_$am" \
				-c "CREATE TABLE trickle_$am (id int PRIMARY KEY, body text, embedding vector(64)) USING $am"
			keep trickle_$am "$(sql -c '\timing on' -f "$work/trickle_$am.sql" | sed -n 's/^Time: \([0-9.]*\).*/\1/p')"
			sql -c "VACUUM ANALYZE trickle_$am" -c CHECKPOINT
		done
	done
	compare "single-row INSERTs in 1,000-row transactions, ms: heap / viper" trickle_heap trickle_viper '>=' 0.9
	sql -c 'VACUUM trickle_viper' -c 'VACUUM trickle_viper'
	sql -c 'CREATE TABLE trickle_bulk (id int PRIMARY KEY, body text, embedding vector(64)) USING viper' \
		-c 'INSERT INTO trickle_bulk SELECT * FROM trickle_viper'
	compare "table size after them / loaded in bulk" "$(sql -c "SELECT pg_table_size('trickle_viper')")" \
		"$(sql -c "SELECT pg_table_size('trickle_bulk')")" '<=' 1.15
}

# --- wide metadata ---

bench_metadata()
{
	local am kind bytes raw
	raw=$((20000 * 384 * 4))
	# JSON of hashes, and of articles: text of words from a vocabulary of 4,000, the common ones more often.
	sql <<-END
		CREATE FUNCTION word(i int) RETURNS text LANGUAGE sql IMMUTABLE AS
			\$\$ SELECT substr(translate(md5(i::text), '0123456789', 'aeioulnrst'), 1, 3 + i % 7) \$\$;
		CREATE FUNCTION some_words(g int, n int) RETURNS text LANGUAGE sql IMMUTABLE AS
			\$\$ SELECT string_agg(word((power((hashint4(g * 1000 + k)::bigint & 65535) / 65536.0, 3) * 4000)::int), ' ' ORDER BY k)
				FROM generate_series(1, n) k \$\$;
		CREATE TABLE meta_hashes AS SELECT g, (SELECT json_object_agg('field_' || i, md5((g * i)::text) || ' value of field ' || i)
			FROM generate_series(1, 20) i)::text AS doc FROM generate_series(1, 20000) g;
		CREATE TABLE meta_articles AS SELECT g, json_build_object('id', g, 'url', 'https://example.com/articles/' || 2015 + g % 9 || '/' || replace(some_words(g, 5), ' ', '-'),
			'title', some_words(g + 1, 8), 'published_at', timestamp '2020-01-01' + g * interval '37 minutes 11 seconds',
			'tags', string_to_array(some_words(g + 2, 4), ' '), 'word_count', g * 7919 % 3000,
			'source', json_build_object('crawler', 'spider-' || g % 7, 'status', 200, 'content_type', 'text/html; charset=utf-8', 'checksum', md5(g::text)),
			'summary', some_words(g + 3, 120))::text AS doc FROM generate_series(1, 20000) g;
	END
	for kind in hashes articles; do
		for am in heap viper; do
			sql -c "CREATE TABLE meta_${kind}_$am (id int PRIMARY KEY, doc text, embedding vector(384)) USING $am" \
				-c "INSERT INTO meta_${kind}_$am SELECT g, doc, (SELECT array_agg(sin(g * i)::real) FROM generate_series(1, 384) i)::vector
					FROM meta_$kind" -c "VACUUM ANALYZE meta_${kind}_$am"
		done
		compare "bytes besides the vectors, JSON of $kind, 1-2 kB: heap / viper" \
			"$(sql -c "SELECT pg_table_size('meta_${kind}_heap') - $raw")" "$(sql -c "SELECT pg_table_size('meta_${kind}_viper') - $raw")" '>=' 2.5
	done
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
for part in ${PARTS:-metadata updates trickle pgbench}; do
	bench_$part
done
