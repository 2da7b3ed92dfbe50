#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Takes each barrier and re-check out of relay.h, one at a time, and wants
# test_relay to notice: on this machine as it is or, where this machine is
# stronger than C promises, under ThreadSanitizer. TAP; run by "make check".
set -u

top=${abs_top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd -P)}
src=$top/tests/unit/test_relay.c
flags=(-std=gnu11 -O2 -g -pthread -D_GNU_SOURCE= -I"$top/zuf")
# shellcheck disable=SC2206 # both are lists
check=(${CHECK_CFLAGS-} ${CHECK_LIBS-$(pkg-config --libs check)})

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# The numbers that the sources give to RELAY_BREAK.
breaks() {
	grep -ohE 'RELAY_BREAK *[!=]= *[0-9]+' "$top/zuf/relay.h" "$src" |
		grep -oE '[0-9]+$' | sort -nu | grep -vx 0
}

build() { # N [OPTION]...
	local n=$1
	shift
	${CC:-cc} "${flags[@]}" "$@" "-DRELAY_BREAK=$n" "$src" -o "$dir/test" "${check[@]}" 2>"$dir/err"
}

notices() {
	! CK_DEFAULT_TIMEOUT=20 timeout -k 5 60 "$dir/test" >/dev/null 2>&1
}

n=0
for b in $(breaks); do
	n=$((n + 1))
	if ! build "$b"; then
		echo "not ok $n - RELAY_BREAK=$b builds"
		sed 's/^/#   /' "$dir/err"
	# A race may be missed once.
	elif notices || { build "$b" -fsanitize=thread && { notices || notices || notices; }; }; then
		echo "ok $n - the test fails with RELAY_BREAK=$b"
	else
		echo "not ok $n - the test fails with RELAY_BREAK=$b"
	fi
done
[ $n != 0 ] || echo "not ok $((n += 1)) - relay.h has something to take out"
echo "1..$n"
