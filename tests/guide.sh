# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The listings and commands of doc/writing-a-filesystem.md, in the order in
# which they stand there. A fenced block begins with what it is:
#
#   ```c FILE         a piece of FILE
#   ```sh user        commands, run by a user
#   ```sh root        commands, run as root in the guest
#   ```text output    what the commands above it print
#
# guide_run DOCUMENT WORD... runs the blocks of commands whose second word is
# one of WORD, in the folder that it is in. Calls guide_result STATUS WHAT for
# each, with what was printed in the file "out".

# Makes NN.kind for each block, from 01 on, and the files that are listed.
guide_blocks() { # DOCUMENT
	awk '
	/^```/ && inside { inside = 0; close(to); next }
	/^```c / { inside = 1; to = $2; listed = to in seen; seen[to] = 1; next }
	/^```sh / { inside = 1; to = sprintf("%02d.%s", ++n, $2); next }
	/^```text output$/ { inside = 1; to = sprintf("%02d.want", n); next }
	/^```/ { print FILENAME ":" FNR ": a block of no known kind" >"/dev/stderr"; exit 1 }
	inside { if (to ~ /\.c$/) print >>to; else print >to }
	END { if (inside) exit 1 }' "$1"
}

guide_block() { # BLOCK
	local want=${1%.*}.want
	[ -f "$want" ] || : >"$want"
	bash -e "$1" >out 2>&1 </dev/null || return
	cmp -s out "$want" || { diff "$want" out >>out; return 1; }
}

guide_run() { # DOCUMENT WORD...
	local block
	guide_blocks "$1"
	guide_result $? "${1##*/} has listings and commands"
	shift
	for block in [0-9][0-9].*; do
		[[ $block != *.want && " $* " == *" ${block#*.} "* ]] || continue
		guide_block "$block"
		guide_result $? "$(grep -m 1 . "$block")"
	done
}
