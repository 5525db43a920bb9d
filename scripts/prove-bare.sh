#!/bin/sh
# prove-bare.sh: proves `make check` and `make demo` on a Debian 12 that has nothing but git and make.
#
# usage: scripts/prove-bare.sh [target...]      (default: check demo; needs root and debootstrap)
#
# A pristine minimal system is made once under build/bare/pristine (BARE_DIR moves it). Each target then runs in
# a fresh copy of it, in a clone of the committed tree, inside its own mount and process namespace: when
# the target ends, every server and mount it left behind ends with it.
#
# Mirror, sources and proxy settings are those of this machine's apt.
set -eu

cd "$(dirname "$0")/.."
top=$PWD
bare=${BARE_DIR:-$top/build/bare}
pristine=$bare/pristine

[ "$(id -u)" = 0 ] || { echo "prove-bare.sh: needs root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "prove-bare.sh: needs debootstrap (apt-get install debootstrap)" >&2; exit 1; }

make_pristine()
{
	mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT) $(CREATED_BY)' |
		awk '$2 == "bookworm" && $3 == "main" && $4 == "Packages" { print $1; exit }')
	[ -n "$mirror" ] || { echo "prove-bare.sh: apt on this machine knows no bookworm mirror" >&2; exit 1; }
	rm -rf "$pristine" "$pristine.part"
	mkdir -p "$bare"
	debootstrap --variant=minbase --include=git,make bookworm "$pristine.part" "$mirror"

	# The same suites as this machine (security updates above all), and its way to the network.
	rm -f "$pristine.part/etc/apt/sources.list"
	apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT) $(CREATED_BY)' |
		awk '$4 == "Packages" && $2 ~ /^bookworm/ { print "deb", $1, $2, $3 }' |
		sort -u >"$pristine.part/etc/apt/sources.list"
	apt-config dump | grep -E '^Acquire::(http|https|Check-)' >"$pristine.part/etc/apt/apt.conf.d/00host" || true
	cp /etc/resolv.conf "$pristine.part/etc/resolv.conf"
	cp /etc/hosts "$pristine.part/etc/hosts"
	rm -rf "$pristine.part"/var/lib/apt/lists/* "$pristine.part"/var/cache/apt/archives/*.deb
	mv "$pristine.part" "$pristine"
}

# Runs `make $1` in a fresh copy; its output goes to the terminal and to build/bare/$1.log.
prove()
{
	root=$bare/run
	rm -rf "$root"
	cp -a "$pristine" "$root"
	git clone -q --no-hardlinks "$top" "$root/root/proximadb"
	cat >"$root/root/inside.sh" <<-END
		set -e
		mount -t proc proc /proc
		mkdir -p /dev/shm
		mount -t tmpfs -o mode=1777 tmpfs /dev/shm
		cd /root/proximadb
		exec make $1
	END
	echo "== make $1 on a bare Debian $(cat "$root/etc/debian_version")"
	(
		status=0
		env -i HOME=/root TERM="${TERM:-dumb}" PATH=/usr/sbin:/usr/bin:/sbin:/bin CI=true \
			unshare --mount --pid --fork chroot "$root" sh /root/inside.sh </dev/null 2>&1 || status=$?
		echo "== make $1: exit status $status"
	) | tee "$bare/$1.log"
	rm -rf "$root"
	grep -q "^== make $1: exit status 0\$" "$bare/$1.log"
}

[ -d "$pristine" ] || make_pristine
[ $# -gt 0 ] || set -- check demo
failed=0
for target in "$@"; do
	prove "$target" || failed=1
done
exit $failed
