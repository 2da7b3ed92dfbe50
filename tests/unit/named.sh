#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each test that a document names is there: a file of tests/ between backticks,
# and behind it in the same row, between quotes, texts that this file has.
# TAP; run by "make check".
set -u

top=${abs_top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd -P)}

# FILE TEXT for each; TEXT is empty for the file itself.
names() { # DOCUMENT
	awk '/^[|]/ {
		file = ""
		for (rest = $0; match(rest, /`[^`]*`|"[^"]*"/); rest = substr(rest, RSTART + RLENGTH)) {
			word = substr(rest, RSTART + 1, RLENGTH - 2)
			if (substr(rest, RSTART, 1) == "`")
				file = word ~ /^tests\// ? word : ""
			if (file != "")
				print file "\t" (word == file ? "" : word)
		}
	}' "$top/$1"
}

check() { # NUMBER DOCUMENT LEAST
	local file text n=0 wrong=''
	while IFS=$'\t' read -r file text; do
		n=$((n + 1))
		if [ ! -f "$top/$file" ] && [ ! -f "$top/$file.c" ]; then
			wrong+="#   $file: isn't there"$'\n'
		elif [ -n "$text" ] && ! grep -qF -- "$text" "$top/$file"; then
			wrong+="#   $file: has no \"$text\""$'\n'
		fi
	done < <(names "$2")
	if [ -z "$wrong" ] && ((n >= $3)); then
		echo "ok $1 - $2: each of $n names is of a test"
	else
		echo "not ok $1 - $2: each of $n names is of a test"
		printf '%s' "$wrong"
	fi
}

echo 1..1
check 1 doc/defects.md 80
