#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every option, exit code and refusal of fsck.toyfs that plain files can show.
# What it finds and repairs is test_toycheck's and test_toyflips'. TAP; run by
# "make check".
set -u

top=${abs_top_builddir:-$(cd "$(dirname "$0")/../.." && pwd -P)}
mkfs=$top/mkfs/mkfs.toyfs
fsck=$top/mkfs/fsck.toyfs

# shellcheck source=tests/unit/tools.sh
. "${abs_top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd -P)}/tests/unit/tools.sh"

flip() { # FILE OFFSET: the lowest bit of a byte
	local byte
	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	printf "\\x$(printf %x $((byte ^ 1)))" |
		dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

zero_line() { # FILE OFFSET
	dd if=/dev/zero of="$1" bs=64 seek=$(($2 / 64)) count=1 conv=notrunc status=none
}

image() {
	"$mkfs" -q -f -s 64M a || exit 1
}

clean() {
	image
	cp a before
	ends 0 '1 inodes (1 directories)' 'a new filesystem is clean' "$fsck" -n a
	ends 0 '-f checks all' '-p reads what a mount reads' "$fsck" -p a
	ends 0 'blocks in use' '-p -f checks all' "$fsck" -p -f a
	ends 0 'blocks in use' '-y has nothing to do' "$fsck" -y a
	ends 0 '-f checks all' '-a is -p' "$fsck" -a a
	ends 0 'blocks in use' '-f changes nothing of -n' "$fsck" -f -n a
	same 'and none of them changed a byte' a before
}

# The superblock is at 2048, bitmap of the first group in block 512.
repairs() {
	flip a 2100
	cp a before
	ends 4 'a broken superblock' '-n finds a wrong bit' "$fsck" -n a
	same 'and leaves it' a before
	ends 1 '1 repairs' '-p takes the superblock from its copy' "$fsck" -p a
	ends 0 'blocks in use' 'then it is clean' "$fsck" -n a
	flip a $((512 * 4096 + 200))
	ends 4 'run fsck.toyfs without -p' '-p leaves a broken node' "$fsck" -p -f a
	flip a 2100
	ends 4 '1 problems are left' '-p does what it may, and leaves the rest' "$fsck" -p a
	cp a before
	ends 4 'a node with a wrong checksum' 'then only the rest is wrong' "$fsck" -n a
	! grep -q superblock out
	result $? 'and the superblock is whole'
	ends 4 '1 problems are left' '-p changes nothing more' "$fsck" -p -f a
	same 'to the byte' a before
	ends 1 'a node with a wrong checksum' '-y repairs it' "$fsck" -y a
	zero_line a $((512 * 4096 + 64))
	ends 1 'a node with a wrong checksum' 'a lost line of a bitmap' "$fsck" -y a
	zero_line a $((4096 + 64))
	ends 4 'a broken state node' '-n: the inode file is lost' "$fsck" -n a
	ends 1 'a broken state node' '-y finds it again' "$fsck" -y a
	ends 0 'blocks in use' 'then it is clean' "$fsck" -n a
}

# The root directory's slot is the second of the first data block.
loses() {
	local root=$((1024 * 4096 + 256))
	zero_line a $root
	ends 4 'inode 1' '-n: the root is broken' "$fsck" -n a
	ends 1 'inode 1' '-y makes an empty one' "$fsck" -y a
	ends 0 '1 inodes (1 directories)' 'then it is clean' "$fsck" -n a
}

# CMD's question gets ^C from the terminal, not an answer: it is canceled. With
# flsh that terminal would drop what is said at once, and a shell that waits for
# CMD could die of the signal and hide its exit status.
interrupts() { # CMD
	local pid
	coproc script -qec "stty noflsh; exec $1" log 2>&1
	pid=$COPROC_PID
	read -r -d '?' <&"${COPROC[0]}"
	printf '\003' >&"${COPROC[1]}"
	cat <&"${COPROC[0]}" >out
	wait "$pid"
	[ $? = 32 ] && grep -q 'canceled; what' out
}

asks() {
	flip a 2100
	printf 'n\n' | script -qec "$fsck a" log >out 2>&1
	is 4 'n: it stays'
	printf 'y\n' | script -qec "$fsck a" log >out 2>&1
	is 1 'y: it is repaired'
	flip a 2100
	cp a before
	interrupts "$fsck a"
	result $? 'an interrupt at a question ends it'
	same 'and nothing is changed' a before
	ends 1 '1 repairs' 'another run goes on' "$fsck" -y a
	ends 8 'no terminal to ask at' 'without a terminal there is no question' "$fsck" a
}

is() { # CODE WHAT: after script(1), whose status is in PIPESTATUS
	local status=${PIPESTATUS[1]}
	grep -q 'repair it?' out && [ "$status" = "$1" ]
	result $? "$2"
}

progress() {
	LC_ALL=C "$fsck" -n -C3 a 3>lines >out 2>&1
	grep -q '^1 [0-9]* [0-9]* a$' lines
	result $? '-C3 tells progress to descriptor 3'
	cp a before
	ends 16 'is not open' '-C9: no such descriptor' "$fsck" -y -C9 a 9>&-
	ends 16 'is not open' '-C3: it would be the file itself' "$fsck" -y -C3 a 3>&-
	ends 16 'not a file descriptor' '-C-1' "$fsck" -n -C-1 a
	ends 16 'not a file descriptor' '-C4294967299' "$fsck" -n -C4294967299 a
	same 'nothing is written there' a before
	ends 0 'blocks in use' '-C without a terminal' "$fsck" -n -C a
	! grep -qF '[' out
	result $? 'draws nothing'
	script -qec "$fsck -n -C0 a" log >out 2>&1 </dev/null
	grep -q '\[=* *\]' out
	result $? '-C0 draws a bar too'
	script -qec "$fsck -n -C a" log >out 2>&1 </dev/null
	grep -q '\[=* *\]' out
	result $? '-C draws a bar on a terminal'
}

# Table at 0 and 2093056, its index at 48, blocks of device n at 80 + 32 * n.
several() {
	"$mkfs" -q -f -s 32M v0 v1 v2 || exit 1
	cp v1 v1.before
	ends 0 'of 24576 blocks in use' 'three devices' "$fsck" -n v0 v1 v2
	ends 0 'of 24576 blocks in use' 'in any order' "$fsck" -y v2 v0 v1
	same 'changes none' v1 v1.before
	ends 8 "device 1 of 3 is missing (uuid $(uuid_at v0 96))" 'one is missing: which' "$fsck" -n v2 v0
	ends 8 'device 0 of 3 is missing' 'the first is missing' "$fsck" -n v1 v2
	ends 8 'a: not a device of the toyfs that is on v0' 'one of another toyfs' "$fsck" -n v0 v1 a
	cp v1 v1.copy
	ends 8 'device 1 of the toyfs, as v1 is' 'a copy of one' "$fsck" -n v0 v1 v1.copy
	ends 8 'blank: no device table of toyfs' 'one without a table' "$fsck" -n v0 v1 blank
	ends 8 'named twice' 'one twice' "$fsck" -n v0 v0 v1
	exec 9<v1 && flock 9
	ends 8 'v1: in use by another program' 'one in use' "$fsck" -y v0 v1 v2
	exec 9<&-
	"$fsck" -n -C3 v2 v1 v0 3>lines >out 2>&1
	grep -q '^1 [0-9]* [0-9]* v2$' lines
	result $? 'progress names the device that was named first'
	truncate -s 30M v1.copy
	ends 8 "size doesn't fit" 'one that was cut off' "$fsck" -n v0 v1.copy v2
	flip v1 80
	ends 4 'block 8192: a broken device table' '-n finds a wrong bit in the table of the second' "$fsck" -n v0 v1 v2
	ends 1 '1 repairs' '-p mends it' "$fsck" -p v0 v1 v2
	same 'as it was' v1 v1.before
	flip v1 2093184
	ends 4 'block 8703: a broken device table' 'the same of its copy' "$fsck" -n v0 v1 v2
	ends 1 '1 repairs' '-y mends it' "$fsck" -y v0 v1 v2
	same 'as it was' v1 v1.before
	flip v0 80
	ends 1 'block' '-y mends that of the first' "$fsck" -y v0 v1 v2
	flip v1 80
	flip v1 2093056
	ends 8 'v1: no device table of toyfs' 'a device that lost both tells nothing' "$fsck" -y v0 v1 v2
}

uuid_at() { # FILE OFFSET
	local h
	h=$(od -An -v -tx1 -j "$2" -N 16 "$1" | tr -d ' \n')
	echo "${h:0:8}-${h:8:4}-${h:12:4}-${h:16:4}-${h:20}"
}

# Root needs no right to write, but for this.
read_only() {
	local as=()
	[ "$(id -u)" != 0 ] || as=(setpriv --bounding-set -dac_override)
	flip a 2100
	chmod 444 a
	ends 4 'a broken superblock' '-n reads a read-only file' "${as[@]}" "$fsck" -n a
	ends 8 'a: Permission denied' '-p has to write' "${as[@]}" "$fsck" -p a
	ends 8 'a: Permission denied' 'and so has -y' "${as[@]}" "$fsck" -y a
	chmod 644 a
	flip a 2100
}

refuses() {
	ends 8 'no such file' 'a file that is not there' "$fsck" -n missing
	ends 8 'no such device' 'a device that is not there' "$fsck" -n /dev/missing
	truncate -s 64M blank
	ends 8 'no device table of toyfs' 'a file that is no toyfs' "$fsck" -n blank
	: >empty
	ends 8 'it is empty' 'an empty file' "$fsck" -n empty
	ends 8 'neither a block device nor a plain file' 'a folder' "$fsck" -n .
	truncate -s 32M a
	ends 8 "size doesn't fit" 'a file that was cut off' "$fsck" -n a
	image
	exec 9<a && flock 9
	ends 8 'in use by another program' 'a file in use' "$fsck" -n a
	exec 9<&-
	read_only
	ends 16 'tells the options' 'an option that is none' "$fsck" -x a
	ends 16 'only one of' 'two answers' "$fsck" -n -y a
	ends 16 'only one of' '-p and -n' "$fsck" -p -n a
	ends 16 'only one of' '-y and -a' "$fsck" -y -a a
	ends 0 'blocks in use' 'an answer twice' "$fsck" -n -n a
	ends 16 'no device is named' 'no device' "$fsck" -n
	ends 16 'not a file descriptor' 'progress to nowhere' "$fsck" -n -Cx a
	ends 0 'usage:' 'help' "$fsck" -h
	ends 0 'format 1.' 'version' "$fsck" -V
}

clean
repairs
loses
asks
progress
refuses
several
echo "1..$n"
