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

build() { # PROGRAM [OPTION]...
	local program=$1
	shift
	${CC:-cc} "${flags[@]}" "$@" "$src" -o "$dir/$program" "${check[@]}" 2>"$dir/err"
}

notices() { # PROGRAM BREAK
	! RELAY_BREAK=$2 timeout -k 5 60 "$dir/$1" >/dev/null 2>&1
}

breaks=$(sed -n 's/^#define RELAY_BREAKS //p' "$top/zuf/relay.h")
echo "1..$((breaks + 1))"
if [ "${breaks:-0}" -gt 0 ] && build plain && build sanitized -fsanitize=thread &&
	timeout -k 5 300 "$dir/plain" >"$dir/err" 2>&1; then
	echo 'ok 1 - the test builds, and passes with the whole relay.h'
else
	echo 'not ok 1 - the test builds, and passes with the whole relay.h'
	sed 's/^/#   /' "$dir/err"
fi
for ((b = 1; b <= breaks; b++)); do
	# A race may be missed.
	notices plain $b || notices sanitized $b || notices plain $b || notices sanitized $b ||
		notices plain $b || printf 'not '
	echo "ok $((b + 1)) - the test fails with RELAY_BREAK=$b"
done
