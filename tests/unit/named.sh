#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each test that a document names is there: a file of tests/ between backticks,
# and behind it in the same row, between quotes, texts that this file has. Each
# part of the protocol is in doc/protocol-tests.md and each defect in
# doc/defects.md, with a test, or the reason why there is none.
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

# Numbers, flags, and fields as TYPE.FIELD.
parts_of_header() { # HEADER
	awk '
	/^#define [A-Z]/ { sub(/\(.*/, "", $2); print $2 }
	/^enum/ { type = "enum" }
	/^struct [A-Za-z_]+ [{]/ { type = $2 }
	/^}/ { type = "" }
	/^\t/ && type != "" {
		sub(/[/][*].*/, "")
		if (type == "enum" && match($0, /[A-Z][A-Z0-9_]*/))
			print substr($0, RSTART, RLENGTH)
		if (type != "enum" && match($0, /[A-Za-z_0-9]+(\[[^]]*\])?;/)) {
			field = substr($0, RSTART, RLENGTH)
			sub(/[[;].*/, "", field)
			print type "." field
		}
	}' "$top/$1"
}

# The same of the first cells of a table: fields come behind their struct.
parts_of_table() { # DOCUMENT
	awk -F ' *[|] *' '/^[|] `/ {
		type = ""
		for (rest = $2; match(rest, /`[^`]*`/); rest = substr(rest, RSTART + RLENGTH)) {
			word = substr(rest, RSTART + 1, RLENGTH - 2)
			if (word ~ /^struct /)
				type = substr(word, 8) "."
			else
				print (word ~ /^[A-Z]/ && word !~ /^FS_/ ? "" : type) word
		}
	}' "$top/$1"
}

# Rows that neither name a test nor say why there is none.
untested() { # DOCUMENT
	awk -F ' *[|] *' '/^[|] `/ && $3 !~ /`tests[/]/ && $3 !~ /^(no test: |as )/ { print $2 }' "$top/$1"
}

parts() { # NUMBER DOCUMENT HEADER LEAST
	local n said
	n=$(parts_of_header "$3" | sort -u | wc -l)
	said=$(
		comm -23 <(parts_of_header "$3" | sort -u) <(parts_of_table "$2" | sort -u) |
			sed 's/^/#   missing: /'
		comm -13 <(parts_of_header "$3" | sort -u) <(parts_of_table "$2" | sort -u) |
			sed 's/^/#   is no part: /'
		untested "$2" | sed 's/^/#   no test, and no reason: /'
	)
	if [ -z "$said" ] && ((n >= $4)); then
		echo "ok $1 - $2 has each of $n parts of $3"
	else
		echo "not ok $1 - $2 has each of $n parts of $3"
		printf '%s\n' "$said"
	fi
}

# Its rows have numbers; those of the lists of copies share a paragraph.
defects() { # NUMBER DOCUMENT
	local said
	said=$(
		comm -3 <(seq 1 72 | sort) <({
			seq 54 58
			sed -nE 's/^\| ([0-9]+) \|.*/\1/p' "$top/$2"
		} | sort) | sed 's/^\t*/#   has no row, or two: /'
		awk -F ' *[|] *' '/^[|] [0-9]/ && $4 !~ /`tests[/]/ && $4 !~ /^No test: ./ { print $2 }' "$top/$2" |
			sed 's/^/#   no test, and no reason: /'
	)
	if [ -z "$said" ] && grep -q '^54 to 58 were' "$top/$2"; then
		echo "ok $1 - $2 has each of 72 defects, with a test or a reason"
	else
		echo "not ok $1 - $2 has each of 72 defects, with a test or a reason"
		printf '%s\n' "$said"
	fi
}

echo 1..4
check 1 doc/defects.md 80
check 2 doc/protocol-tests.md 250
parts 3 doc/protocol-tests.md zuf/zus_api.h 400
defects 4 doc/defects.md
