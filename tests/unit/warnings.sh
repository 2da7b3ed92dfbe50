#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module with CONFIG_ZUF_DEBUG compiles with W=1 without a warning, and sparse finds
# nothing in it: it has all that the other one has, which the build compiles with W=1
# itself. TAP; skipped without a kernel's build folder or sparse.
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

echo 1..1
ln -s "$src"/*.[ch] "$src/Kbuild" "$dir/"
if make -C "$kdir" M="$dir" -j"$(nproc)" W=1 C=2 KCFLAGS=-DCONFIG_ZUF_DEBUG=1 modules \
	>"$dir/log" 2>&1 && ! grep -qE 'warning:|error:' "$dir/log"; then
	echo 'ok 1 - W=1 and sparse find nothing in zuf.ko with --enable-debug'
else
	echo 'not ok 1 - W=1 and sparse find nothing in zuf.ko with --enable-debug'
	grep -E -A4 'warning:|error:|rror [0-9]' "$dir/log" | head -n 20 | sed 's/^/#   /'
fi
