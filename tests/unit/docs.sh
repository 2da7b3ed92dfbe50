#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each field in the tables of doc/protocol.md and doc/toyfs-format.md is where
# the compiler puts it, and as large. A table is of the struct that its heading
# has in the lists of ioctls and operations, or that the text above it names.
# And each operation that the kernel sends has a name in zuf/ops.h: without one
# the counters, the log and the tracepoints would not show it.
# TAP; run by "make check".
set -u

top=${abs_top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd -P)}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# A static_assert for each row, with the row's place as its text.
asserts() { # DOCUMENT
	awk -F ' *[|] *' -v doc="$1" '
	function say(cond) {
		printf "static_assert(%s, \"%s:%d: %s %s\");\n", cond, doc, FNR, type, $4
	}
	function sizes(type, field, size, count) {
		if (size ~ /^[0-9]+( x [0-9]+)?$/) {
			sub(/ x /, " * ", size)
			return "sizeof(((struct " type " *)0)->" field ") == " size
		}
		if (size ~ /^[a-z]+$/ && size != "char") # flexible, or a struct
			size = size ~ /^zu/ ? "struct " size : ""
		if (size == "")
			return "1" # a length of its own, told in words
		if (count == "" && flexible)
			return "sizeof(((struct " type " *)0)->" field "[0]) == sizeof(" size ")"
		return "sizeof(((struct " type " *)0)->" field ") == " (count ? count " * " : "") "sizeof(" size ")"
	}
	/^#/ {
		name = $0
		sub(/^#+ ([0-9]+ )?/, "", name)
		sub(/,.*/, "", name)
		type = of[name]
	}
	/^[|] [0-9]+ [|] [A-Z_]+ [|] / { of[$3] = $4 }
	!/^[|]/ {
		for (rest = $0; match(rest, /`struct [a-z_0-9]+`/); rest = substr(rest, RSTART + RLENGTH))
			type = substr(rest, RSTART + 8, RLENGTH - 9)
	}
	/^[|] offset / { rows = 1; next }
	!/^[|]/ { rows = 0 }
	rows && $2 ~ /^[0-9]+$/ && $4 != "" && $4 != "pad" {
		field = $4; count = ""; flexible = 0
		if (match(field, /\[[A-Z_0-9]*\]$/) && field !~ /i_on_disk/) {
			count = substr(field, RSTART + 1, RLENGTH - 2)
			field = substr(field, 1, RSTART - 1)
			flexible = 1
		}
		size = $3
		if (size ~ /^zu/)
			size = "struct " size
		say("offsetof(struct " type ", " field ") == " $2)
		say(sizes(type, field, size, count))
	}' "$top/$1"
}

check() { # NUMBER DOCUMENT HEADER LEAST
	local n
	{
		printf '#include <assert.h>\n#include <stddef.h>\n#include "%s"\n' "$3"
		asserts "$2"
	} >"$dir/$1.c"
	n=$(grep -c '^static_assert(offsetof' "$dir/$1.c")
	if [ "$n" -ge "$4" ] && ${CC:-cc} -std=gnu11 -I"$top/zuf" -I"$top/zus" \
		-I"$top/fs/toyfs" -fsyntax-only "$dir/$1.c" 2>"$dir/err"; then
		echo "ok $1 - $2: $n fields are where it says"
	else
		echo "not ok $1 - $2: $n fields are where it says"
		grep 'error:' "$dir/err" | sed 's/.*error: /#   /' | head -n 20
	fi
}

# Those that zuf's code names but the list doesn't.
nameless() {
	grep -ohE 'ZUFS_OP_[A-Z_]+' "$top"/zuf/*.c | sort -u |
		grep -vxE 'ZUFS_OP_(BREAK|MAX_OPT|)' | sed 's/^ZUFS_OP_//' |
		grep -vxFf <(sed -nE 's/^\tX\(([A-Z_]+)\).*/\1/p' "$top/zuf/ops.h")
}

names() { # NUMBER
	local missing
	missing=$(nameless | xargs)
	if [ -z "$missing" ]; then
		echo "ok $1 - each operation that zuf sends is in zuf/ops.h"
	else
		echo "not ok $1 - each operation that zuf sends is in zuf/ops.h"
		echo "#   missing: $missing"
	fi
}

echo 1..3
check 1 doc/protocol.md zus_api.h 180
check 2 doc/toyfs-format.md format.h 60
names 3
