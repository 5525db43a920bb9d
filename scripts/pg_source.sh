# pg_source.sh: sourced after lib.sh by what needs PostgreSQL's source: conformance, valgrind, fuzz-avro.

# Unpacks the server's source into build/pg-source and sets `source`.
get_source()
{
	local apt version
	source=${PG_SOURCE:-}
	[ -z "$source" ] || return 0
	source=$top/build/pg-source
	[ ! -d "$source/src" ] || return 0
	command -v dpkg-source >/dev/null || apt-get install -y -qq --no-install-recommends dpkg-dev
	version=$(dpkg-query -W -f='${Version}' postgresql-15)
	apt=$top/build/apt
	rm -rf "$apt"
	mkdir -p "$apt/lists/partial" "$apt/sources"
	[ ! -e /etc/apt/sources.list ] || sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$apt/sources.list"
	for file in /etc/apt/sources.list.d/*.sources; do
		[ ! -e "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" >"$apt/sources/$(basename "$file")"
	done
	local options=(-o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts="$apt/sources"
		-o Dir::State::Lists="$apt/lists" -o APT::Sandbox::User=root)
	apt-get "${options[@]}" update -qq
	(cd "$apt" && { apt-get "${options[@]}" source -qq "postgresql-15=$version" ||
		apt-get "${options[@]}" source -qq postgresql-15=15.18-0+deb12u1; })
	mv "$apt"/postgresql-15-15.* "$source"
}

# Builds a server that knows valgrind, with assertions, in build/pg-debug, once for a source; sets `debug_root`, below which it is installed
# in Debian's places, and `debug_objects`, where its object files are. Nothing is installed outside of build/.
build_debug_server()
{
	local build=$top/build/pg-debug
	debug_root=$build/root
	debug_objects=$build/src/backend
	[ ! -x "$debug_root$pg_home/bin/postgres" ] || return 0
	mkdir -p "$build"
	(
		cd "$build" &&
		"$source/configure" -q --prefix="$pg_home" --enable-cassert --enable-debug --without-readline --without-zlib --without-icu \
			CC="${CC:-gcc}" CFLAGS="-O1 -g -DUSE_VALGRIND" &&
		make -s -j"$(nproc)" &&
		make -s install DESTDIR="$debug_root"
	) >"$top/build/pg-debug.log" 2>&1 || {
		tail -n 30 "$top/build/pg-debug.log" >&2
		return 1
	}
}

# Builds the extension for that server from a copy of this tree, in $work/tree, with flags $1 besides, and puts it into a copy of the server,
# $work/pgroot; sets `pg_bin` and `pg_test`.
install_debug()
{
	local headers
	cp -a "$debug_root" "$work/pgroot"
	mkdir "$work/tree"
	tar cf - -C "$top" --exclude=./build --exclude=./.git --exclude='*.o' --exclude='*.so' . | tar xf - -C "$work/tree"
	# The makefiles are those of the installed server: Debian's source writes its own places into them.
	headers=$(dirname "$(find "$work/pgroot" -name postgres.h)")
	make -C "$work/tree" -j"$(nproc)" all PG_CONFIG="$pg_home/bin/pg_config" includedir_server="$headers" \
		CFLAGS="-O1 -g -fno-strict-aliasing -fwrapv -fPIC -DUSE_VALGRIND ${1:-}" >"$top/build/make-debug.log" 2>&1 || {
		tail -n 30 "$top/build/make-debug.log" >&2
		return 1
	}
	cp "$work/tree/proximadb.so" "$work/pgroot$pg_home/lib/"
	cp "$top/proximadb.control" "$top"/sql/*.sql "$(dirname "$(find "$work/pgroot" -name plpgsql.control)")"
	pg_bin=$work/pgroot$pg_home/bin
	pg_test=$work/pgroot$pg_home/lib/pgxs/src/test
}
