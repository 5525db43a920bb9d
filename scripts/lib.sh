# lib.sh: sourced by check, the demo and the benchmark, after `top` (the checkout) is set.
#
# Servers run from a private copy of Debian's PostgreSQL tree with the extension installed into it: postgres finds
# its share directory relative to its own binary, so the copy is complete and the system stays untouched.
# initdb and servers refuse root; for root, everything below the work directory belongs to user postgres.

pg_home=/usr/lib/postgresql/15
pg_share=/usr/share/postgresql/15

unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGOPTIONS PGSERVICE PGDATA PGSSLMODE
export LANG=C.UTF-8 LC_ALL=C.UTF-8

# Runs a command as the user that owns clusters.
as_user()
{
	if [ "$(id -u)" = 0 ]; then
		runuser -u postgres -- "$@"
	else
		"$@"
	fi
}

# make_work NAME: makes build/NAME, empty, and sets `work` to its real path. Where the checkout cannot be entered by
# the user postgres, or its path is too long for a socket, build/NAME is a link to a directory in /var/tmp.
make_work()
{
	drop_work "$1"
	mkdir -p "$top/build/$1"
	work=$top/build/$1
	[ "$(id -u)" != 0 ] || chown postgres: "$work"
	if [ ${#work} -gt 80 ] || ! as_user test -w "$work"; then
		rmdir "$work"
		work=$(mktemp -d /var/tmp/proximadb.XXXXXX)
		[ "$(id -u)" != 0 ] || chown postgres: "$work"
		ln -s "$work" "$top/build/$1"
	fi
}

# drop_work NAME: stops the servers below build/NAME and removes it.
drop_work()
{
	stop_servers "$1"
	[ ! -e "$top/build/$1" ] || rm -rf "$(readlink -f "$top/build/$1")"
	rm -rf "${top:?}/build/$1"
}

# stop_servers NAME: stops whatever server still runs on a data directory below build/NAME.
stop_servers()
{
	[ -d "$top/build/$1/" ] || return 0
	{ find "$top/build/$1/" -name postmaster.pid 2>/dev/null || true; } | while read -r pid_file; do
		(cd / && as_user "$pg_home/bin/pg_ctl" stop -s -m immediate -D "$(dirname "$(readlink -f "$pid_file")")") || true
	done
}

# Builds the extension and installs it into $work/pgroot; sets `pg_bin` and `pg_test`. Compiler output goes to
# build/make.log, and to the terminal when something fails.
install_private()
{
	mkdir -p "$work/pgroot$pg_home" "$work/pgroot$pg_share"
	cp -a "$pg_home/." "$work/pgroot$pg_home"
	cp -a "$pg_share/." "$work/pgroot$pg_share"
	{
		make -C "$top" -j"$(nproc)" all PG_CONFIG="$pg_home/bin/pg_config" &&
			make -C "$top" install install-compat DESTDIR="$work/pgroot" PG_CONFIG="$pg_home/bin/pg_config"
	} >"$top/build/make.log" 2>&1 || {
		cat "$top/build/make.log" >&2
		return 1
	}
	pg_bin=$work/pgroot$pg_home/bin
	pg_test=$work/pgroot$pg_home/lib/pgxs/src/test
}

# start_cluster [SETTING=VALUE...]: makes and starts a cluster in $work/data with its socket in $work.
start_cluster()
{
	cd "$work"
	as_user "$pg_bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$work/initdb.log"
	{
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$work'"
		echo "shared_preload_libraries = 'proximadb'"
		for setting in "$@"; do
			echo "${setting%%=*} = '${setting#*=}'"
		done
	} >>"$work/data/postgresql.conf"
	as_user "$pg_bin/pg_ctl" start -s -w -t 120 -D "$work/data" -l "$work/server.log" || {
		tail -n 20 "$work/server.log" >&2
		return 1
	}
}
