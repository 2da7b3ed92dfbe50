#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module compiles with W=1 without a warning, with and without CONFIG_ZUF_DEBUG.
# sparse looks at the former, which has all that the latter has. TAP; skipped
# without a kernel's build folder or sparse.
set -u

src=${abs_top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd -P)}/zuf
kdir=${KDIR-}
if [ -z "$kdir" ] || ! command -v sparse >/dev/null; then
	echo '1..0 # SKIP no kernel to build for, or no sparse'
	exit 0
fi
unset MAKEFLAGS # whoever runs this may be a make -j
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

check() { # NUMBER WHAT MAKE-VARIABLE...
	local n=$1 what=$2
	shift 2
	mkdir "$dir/$n" && ln -s "$src"/*.[ch] "$src/Kbuild" "$dir/$n/"
	if make -C "$kdir" M="$dir/$n" -j"$(nproc)" W=1 "$@" modules \
		>"$dir/log" 2>&1 && ! grep -qE 'warning:|error:' "$dir/log"; then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what"
		grep -E -A4 'warning:|error:|rror [0-9]' "$dir/log" | head -n 20 | sed 's/^/#   /'
	fi
}

echo 1..2
check 1 'W=1 and sparse find nothing in zuf.ko with --enable-debug' C=2 KCFLAGS=-DCONFIG_ZUF_DEBUG=1
check 2 'nor W=1 without it'
