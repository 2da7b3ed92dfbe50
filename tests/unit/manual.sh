#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each function and callback of zus.h is in section 3 of the manual, functions as
# they are declared, and no page is of something that zus.h hasn't got. TAP; run by
# "make check".
set -u

top=${abs_top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd -P)}
man=$top/man

# shellcheck source=tests/unit/tools.sh
. "$top/tests/unit/tools.sh"

# zus.h without its comments, a line each macro.
declarations() {
	"${CC:-cc}" -fpreprocessed -dD -E -P "$top/zus/zus.h" 2>/dev/null |
		sed ':a; /\\$/{N; s/\\\n//; ba}'
}

header=$(declarations)

macros() {
	sed -n 's/^# *define \(ZUS_[A-Z]*\|zus_[a-z]*\)(.*/\1/p' <<<"$header"
}

functions() {
	{
		grep -oE '\bzus_[a-z_]+\(' <<<"$header" | tr -d '('
		macros
	} | sort -u
}

# Declarations of functions in C, and in a page: "NAME DECLARATION" without blanks.
prototypes() {
	local name text
	grep -v '^ *[#.]' | tr '\n' ' ' | sed 's/[;{}]/\n/g' |
		sed -nE 's/ __attribute__.*//; s/^ *(static inline )?//; /^return /d
			s/^([a-z0-9_ *]+[ *](zus_[a-z_]+)\([^()]*\)) *$/\2 \1/p' |
		while read -r name text; do
			echo "$name ${text//[[:blank:]]/}"
		done
}

callbacks() {
	grep -oE '\(\*[a-z_]+\)\(' <<<"$header" | tr -d '(*)' | sort -u
}

declared=$(prototypes <<<"$header")

# Its page's SYNOPSIS says what zus.h says. Macros have no prototype.
prototype() { # NAME
	local to want
	! macros | grep -qx "$1" || return 0
	want=$(grep "^$1 " <<<"$declared") || { echo "zus.h: no prototype of $1 is found"; return 1; }
	to=$(sed -n 's/^\.so man3\///p' "$man/$1.3")
	sed -n '/^\.SH SYN/,/^\.SH DES/p' "$man/${to:-$1.3}" | prototypes | grep -qxF "$want" ||
		{ echo "${to:-$1.3} hasn't got what zus.h has: ${want#* }"; return 1; }
}

# A page, or a line that names one, and both are installed.
page() { # NAME
	local to
	grep -qw "$1.3" "$man/Makefile.am" || { echo "man/Makefile.am hasn't got $1.3"; return 1; }
	[ -f "$man/$1.3" ] || { echo "man/$1.3 is missing: write it, or let it be a .so of another page"; return 1; }
	to=$(sed -n 's/^\.so man3\///p' "$man/$1.3")
	[ -f "$man/${to:-$1.3}" ] || { echo "man/$to is missing"; return 1; }
	sed -n '/^\.SH NAME/,/^\.SH SYN/p' "$man/${to:-$1.3}" | grep -qw "$1" ||
		{ echo "${to:-$1.3} doesn't name $1"; return 1; }
}

# Its entry in zus(3) says what is held and what may be answered.
callback() { # NAME
	local entry
	entry=$(sed -n "/^\.I $1\$/,/^\.TP\$/p" "$man/zus.3")
	[[ $entry == *Missing:* && $entry == *Held:* && $entry == *'Valid replies:'* ]] && return
	echo "zus.3 has no entry of $1 that says what is missing, held, and a valid reply"
	return 1
}

all() { # CHECK NAME...
	local check=$1 name bad=0
	shift
	(($# > 5)) || { echo "only $# names"; return 1; }
	for name; do
		"$check" "$name" || bad=1
	done
	return $bad
}

known() { # PAGE...
	local name bad=0
	for name; do
		name=$(basename "$name" .3)
		[ "$name" = zus ] || functions | grep -qx "$name" || { echo "zus.h has no $name"; bad=1; }
	done
	return $bad
}

mapfile -t f < <(functions)
mapfile -t c < <(callbacks)
all page "${f[@]}" >out
result $? "the manual has a page of each of the ${#f[@]} functions of zus.h"
all prototype "${f[@]}" >out
result $? 'and its prototype'
all callback "${c[@]}" >out
result $? "zus(3) has an entry of each of the ${#c[@]} callbacks"
known "$man"/*.3 >out
result $? 'each page is of a function that zus.h has'
echo "1..$n"
