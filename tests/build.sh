# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# From a fresh clone to a built tree, for ./runtests and ./quickstart. The
# caller's folder is the tree.

logs=.build/log

# Runs a command with its output in a log, which is shown if it fails.
logged() { # NAME CMD...
	local log=$logs/$1
	shift
	mkdir -p "$logs"
	"$@" >"$log" 2>&1 </dev/null && return
	local status=$?
	tail -n 60 "$log" >&2
	echo "${0##*/}: failed: $* (all of it: $log)" >&2
	return $status
}

bootstrap() {
	local kdir
	tests/deps || return
	kdir=$(tests/vm/kernel kdir) || return
	[ -x configure ] || logged autoreconf autoreconf -i || return
	# A tree that its owner configured stays as it is.
	[ -f Makefile ] || logged configure ./configure -q --prefix=/usr --enable-werror \
		--with-kernel="$kdir" || return
	logged make make -s -j"$(nproc)"
}
