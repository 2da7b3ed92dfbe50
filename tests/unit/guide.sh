#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# doc/writing-a-filesystem.md: its listings and what a user types, on a ZUFS that is
# installed below a folder, since that needs no root (tests/guest/75-guide has it where
# README.md says); and the line that compiles each example. TAP; run by
# "make check".
set -u

top=${abs_top_builddir:-$(cd "$(dirname "$0")/../.." && pwd -P)}
src=${abs_top_srcdir:-$top}

# shellcheck source=tests/unit/tools.sh
. "$src/tests/unit/tools.sh"
# shellcheck source=tests/guide.sh
. "$src/tests/guide.sh"

guide_result() { # STATUS WHAT
	result "$1" "$2"
}

# As "make install" does it, in a folder of its own. toyfs and mkfs.toyfs are
# those of the tree: libtool would link them again, below other tests.
install_zufs() {
	local root=$dir/root prefix
	make -s -C "$top/zus" install DESTDIR="$root" >out 2>&1 </dev/null || return
	prefix=$root$(sed -n 's/^prefix=//p' "$top/zus/zus.pc")
	PATH=$prefix/bin:$prefix/sbin:$top/mkfs:$PATH
	export PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_PATH=$prefix/lib/pkgconfig
	export LD_LIBRARY_PATH=$prefix/lib ZUFS_PLUGIN_DIR=$top/fs/toyfs/.libs
	unset CC CFLAGS
}

# The line "cc ..." in its head, as it stands there.
example() { # NAME
	cp "$src/examples/$1.c" .
	sed -n '2,/\*\//s/^ \*   cc /cc -Wall -Wextra -Werror /p' "$1.c" >line
	[ "$(wc -l <line)" = 1 ] && bash -e line >out 2>&1 && zus-run "./$1.so" ls >out 2>&1
	result $? "examples/$1.c is compiled by the line in its head, and mounts"
}

# What it shows with a debugger before it goes without one too.
debugged() {
	local cmd
	# shellcheck disable=SC2016 # backticks of the document
	cmd=$(sed -n 's/.*`gdb --args \([^`]*\)`.*/\1/p' "$1")
	[ -n "$cmd" ] && bash -c "$cmd" >out 2>&1
	result $? "what it gives a debugger: $cmd"
}

install_zufs
result $? 'libzus, zusd and zus-run are installed'
example hellofs
example memfs
mkdir guide && cd guide || exit 1
guide_run "$src/doc/writing-a-filesystem.md" user
debugged "$src/doc/writing-a-filesystem.md"
echo "1..$n"
