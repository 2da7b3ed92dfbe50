#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module compiles with W=1 and sparse without a warning, with and without
# CONFIG_ZUF_DEBUG. TAP; skipped without a kernel's build folder or sparse.
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

check() { # NUMBER WHAT FLAGS
	mkdir "$dir/$1" && ln -s "$src"/*.[ch] "$src/Kbuild" "$dir/$1/"
	if make -C "$kdir" M="$dir/$1" -j"$(nproc)" W=1 C=2 KCFLAGS="$3" modules \
		>"$dir/log" 2>&1 && ! grep -qE 'warning:|error:' "$dir/log"; then
		echo "ok $1 - $2"
	else
		echo "not ok $1 - $2"
		grep -E -A4 'warning:|error:|rror [0-9]' "$dir/log" | head -n 20 | sed 's/^/#   /'
	fi
}

echo 1..2
check 1 'W=1 and sparse find nothing in zuf.ko' ''
check 2 'nor with --enable-debug' -DCONFIG_ZUF_DEBUG=1
