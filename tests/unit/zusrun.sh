#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# zus-run: each of its commands and refusals, on the examples and on toyfs. TAP;
# run by "make check".
set -u

top=${abs_top_builddir:-$(cd "$(dirname "$0")/../.." && pwd -P)}
run=$top/zus/zus-run
hello=$top/examples/.libs/hellofs.so
mem=$top/examples/.libs/memfs.so
toy=$top/fs/toyfs/.libs/toyfs.so

# shellcheck source=tests/unit/tools.sh
. "${abs_top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd -P)}/tests/unit/tools.sh"

# Prints TEXT, each line of it, and nothing else, and ends well.
prints() { # WHAT TEXT CMD...
	local what=$1 text=$2 status
	shift 2
	LC_ALL=C "$@" >out 2>&1 </dev/null
	status=$?
	[ $status = 0 ] && [ "$(cat out)" = "$text" ]
	result $? "$what"
}

hellofs() {
	prints 'hellofs has two files' $'2 - hello\n3 - squares' "$run" "$hello" ls
	prints 'hellofs makes what is read' 'Hello, world.                  ' "$run" "$hello" 'cat hello'
	"$run" "$hello" 'get squares squares' >out 2>&1
	for ((i = 0; i < 1000; i++)); do
		printf '%-31s\n' "$i * $i = $((i * i))"
	done >want
	same 'all lines of its long file' squares want
	ends 1 'mkdir d: Operation not supported' 'hellofs takes no changes' "$run" "$hello" 'mkdir d'
	ends 1 'mount: Invalid argument' 'and no options' "$run" -o x "$hello" ls
}

memfs() {
	local long=a-text-of-more-than-thirty-two-bytes
	prints 'memfs: folders, files, names' $'one two\n4 - g\n4 - h' "$run" "$mem" 'mkdir d' \
		'write d/f one two' 'cat d/f' 'mv d/f g' 'ln g h' 'rmdir d' ls
	prints 'memfs: symlinks, short and long' $'short\n'$long "$run" "$mem" \
		'symlink short s' 'readlink s' "symlink $long /l" 'readlink ./l'
}

commands() {
	head -c 300000 /dev/urandom >data
	ends 0 '' 'a file goes in and comes out' "$run" "$mem" 'put data f' 'get f copy'
	same 'all of its bytes' data copy
	ends 0 'mode 100755 nlink 1 uid 0 gid 0 size 5' 'chmod, truncate, stat' \
		"$run" "$mem" 'put data f' 'chmod 755 f' 'truncate f 5' 'stat f'
	ends 0 'free' 'df' "$run" "$mem" df
	ends 0 '' 'a command that must fail' "$run" "$mem" '! cat f'
	ends 1 'ls: it went well' 'and does not' "$run" "$mem" '! ls'
	ends 1 'cat f: No such file or directory' 'a failure' "$run" "$hello" 'cat f' ls
	! grep -q squares out
	result $? 'is the end'
	ends 1 'no such command: see zus-run(1)' 'an unknown command' "$run" "$mem" nix
	ends 1 'cat: FILE' 'too few words' "$run" "$mem" cat
	printf '# a comment\n\nwrite f from a file\ncat f\n' >script
	"$run" "$mem" <script >out 2>&1
	[ "$(cat out)" = 'from a file' ]
	result $? 'commands on standard input'
}

devices() {
	truncate -s 16M image
	"$top/mkfs/mkfs.toyfs" -q image
	ends 0 '' 'toyfs on a file' "$run" -f image "$toy" 'put data f' 'setxattr f user.a some value'
	ends 0 'some value' 'is there again' "$run" -f image "$toy" 'get f copy' 'listxattr f' 'getxattr f user.a'
	same 'all of its bytes' data copy
	ends 1 'rm f: Read-only file system' 'read-only' "$run" -r -f image "$toy" 'rm f'
	ends 0 '' 'fsck.toyfs finds nothing' "$top/mkfs/fsck.toyfs" -n image
	ends 1 'name a file with --file' 'toyfs without a file' "$run" "$toy" ls
	ends 1 'leave --file out' 'memfs with one' "$run" -f image "$mem" ls
	ends 1 'smaller than 2 MiB' 'a small file' "$run" -f data "$toy" ls
	ends 1 'no type of that name' 'another type' "$run" -t nix "$mem" ls
	ends 1 'No such file or directory' 'no plugin' "$run" ./nix.so ls
}

options() {
	ends 2 usage: 'no plugin named' "$run"
	ends 2 usage: 'an unknown option' "$run" -x
	ends 0 'without the kernel' 'help' "$run" --help
	ends 0 'zus-run ' 'version' "$run" -V
}

hellofs
memfs
commands
devices
options
echo "1..$n"
