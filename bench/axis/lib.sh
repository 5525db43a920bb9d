# lib.sh: sourced by axis.sh, profile.sh and calls.sh, after `top` is set: programs, peers, connections, figures, and arms (knn.c) collected and run together.

# Data, exact neighbours, sources and programs, kept between runs.
cache=$top/build/axis-data
: "${PGVECTOR_SRC:=}" "${PGVECTOR_URL:=https://github.com/pgvector/pgvector}" "${PGVECTOR_TAG:=v0.8.6}"

say()
{
	echo "$(date -u +%T) $*"
}

# put [SYSTEM] PHASE SETTING METRIC VALUE: one more figure of the current data set.
put()
{
	printf '%s\t' "$data" "$@" | sed 's/\t$/\n/' >>"$figures"
}

# make_file PATH PROGRAM ARGUMENT...: runs the program into the file, unless it is there.
make_file()
{
	local path=$1 program=$2
	shift 2
	[ -e "$path" ] || { "$bin/$program" "$@" >"$path.new" && mv "$path.new" "$path"; }
}

build_programs()
{
	local source=$top/bench/axis program
	local flags="-O2 -Wall -Wextra -I$("$pg_home/bin/pg_config" --includedir)"
	gcc $flags -ffp-contract=off -o "$bin/generate" "$source"/{generate,vectors}.c -lm
	for program in truth plain_ivf; do
		gcc -O3 -march=native -ffast-math -fopenmp -Wall -Wextra -o "$bin/$program" "$source/$program.c" "$source/vectors.c" -lm -pthread
	done
	for program in knn insert copy watch; do
		gcc $flags -o "$bin/$program" "$source/$program.c" "$source"/{client,vectors}.c -lpq -lm -pthread
	done
}

# clone URL TAG NAME: a source tree in build/axis-data/NAME, unless it is there; an empty TAG means the default branch.
clone()
{
	[ -d "$cache/$3" ] || git clone --quiet --depth 1 ${2:+--branch "$2"} "$1" "$cache/$3" 2>"$cache/clone.log"
}

# Builds pgvector from source and installs it into the private tree.
install_pgvector()
{
	local source=$PGVECTOR_SRC copy=$work/pgvector
	if [ -z "$source" ]; then
		source=$cache/pgvector-$PGVECTOR_TAG
		clone "$PGVECTOR_URL" "$PGVECTOR_TAG" "pgvector-$PGVECTOR_TAG" || {
			cat "$cache/clone.log" >&2
			echo "pgvector could not be cloned; set PGVECTOR_SRC to a source tree of it" >&2
			return 1
		}
	fi
	cp -a "$source" "$copy"
	make -C "$copy" -j"$(nproc)" all PG_CONFIG="$pg_home/bin/pg_config" >"$work/pgvector.log" 2>&1 &&
		make -C "$copy" install DESTDIR="$work/pgroot" PG_CONFIG="$pg_home/bin/pg_config" >>"$work/pgvector.log" 2>&1 || {
		tail -n 20 "$work/pgvector.log" >&2
		return 1
	}
}

database()
{
	if [ "$1" = hnsw ]; then echo pgv; else echo pxd; fi
}

conninfo()
{
	echo "host=$work user=postgres dbname=$(database "$1")"
}

# on SYSTEM ARGUMENT...: psql in the system's database.
on()
{
	local system=$1
	shift
	sql -d "$(database "$system")" "$@"
}

# --- arms: see knn.c ---

arms_begin()
{
	arms=()
}

# arm SYSTEM SETTING SETUP SUBSET FORMAT ARGUMENT...: the statement is printf FORMAT ARGUMENT...
arm()
{
	local system=$1 setting=$2 setup=$3 subset=$4 statement
	shift 4
	printf -v statement "$@"
	arms+=("$system $setting|$(conninfo "$system")|$setup|$truth.$subset:$subset|$statement")
}

# arms_run PHASE [OPTION...]: measures all arms, interleaved, and keeps their figures.
arms_run()
{
	local phase=$1 system setting qps best p50 p99 processor recall fewest by_index
	shift
	"$bin/knn" -r "$ROUNDS" -s "$TURN" "$@" "$base" "$queries" "$metric" "${arms[@]}" >"$work/arms"
	while read -r system setting qps best p50 p99 processor recall fewest by_index; do
		put "$system" "$phase" "$setting" qps "$qps"
		put "$system" "$phase" "$setting" qps_best "$best"
		put "$system" "$phase" "$setting" p50_us "$p50"
		put "$system" "$phase" "$setting" p99_us "$p99"
		put "$system" "$phase" "$setting" processor_us "$processor"
		put "$system" "$phase" "$setting" recall "$recall"
		put "$system" "$phase" "$setting" fewest_rows "$fewest"
		put "$system" "$phase" "$setting" index_scan "$by_index"
	done <"$work/arms"
}

# --- libraries without a database, one thread, in the same figures; their indexes are kept in build/axis-data, as the data is ---

# keep_library_lines: reads lines of "system setting recall qps" and of "system build seconds".
keep_library_lines()
{
	local system setting recall qps
	while read -r system setting recall qps; do
		if [ "$setting" = build ]; then
			put "$system" build default seconds "$recall"
		else
			put "$system" query "$setting" recall "$recall"
			put "$system" query "$setting" qps "$qps"
		fi
	done
}

run_hnswlib()
{
	local source=$HNSWLIB_SRC
	[ -n "$source" ] || [ ! -e /usr/include/hnswlib/hnswlib.h ] || source=/usr/include
	if [ -z "$source" ]; then
		source=$cache/hnswlib
		clone "$HNSWLIB_URL" '' hnswlib || {
			say "hnswlib: left out, could not be cloned (HNSWLIB_SRC)"
			return 0
		}
	fi
	g++ -O3 -march=native -std=c++17 -pthread -I"$source" -o "$bin/hnswlib_search" "$top/bench/axis/hnswlib_search.cc" -x c "$top/bench/axis/vectors.c" -lm \
		2>"$cache/hnswlib.log" || {
		say "hnswlib: left out, could not be compiled (build/axis-data/hnswlib.log)"
		return 0
	}
	"$bin/hnswlib_search" "$base" "$queries" "$metric" "$truth.all" "$cache/hnswlib-$data-$rows-$dimensions" | keep_library_lines
}

# faiss is Debian's python3-faiss: the installed one, or the packages unpacked below build/axis-data, with a linear algebra library
# that does not take minutes to train it.
run_faiss()
{
	local packages=$cache/faiss
	if ! with_faiss -c 'import faiss' 2>/dev/null && [ ! -d "$packages" ]; then
		mkdir -p "$packages.new"
		(cd "$packages.new" && apt-get download python3-faiss python3-numpy libopenblas0-pthread && for package in *.deb; do dpkg -x "$package" .; done) \
			>"$cache/faiss.log" 2>&1 && mv "$packages.new" "$packages" || rm -rf "$packages.new"
	fi
	if ! with_faiss -c 'import faiss' 2>>"$cache/faiss.log"; then
		say "faiss: left out, python3-faiss is not there (build/axis-data/faiss.log)"
		return 0
	fi
	with_faiss "$top/bench/axis/faiss_search.py" "$base" "$queries" "$metric" "$truth.all" "$cache/faiss-$data-$rows-$dimensions" 2>>"$cache/faiss.log" | keep_library_lines
}

with_faiss()
{
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE PYTHONPATH=$packages/usr/lib/python3/dist-packages OMP_WAIT_POLICY=passive OPENBLAS_NUM_THREADS=1 \
		LD_LIBRARY_PATH=$(echo "$packages"/usr/lib/*/openblas-pthread) /usr/bin/python3 "$@"
}
