#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every option and refusal of mkfs.toyfs that plain files can show, and what
# mount.zuf says without a kernel module. TAP; run by "make check".
set -u

top=${abs_top_builddir:-$(cd "$(dirname "$0")/../.." && pwd -P)}
mkfs=$top/mkfs/mkfs.toyfs
mountzuf=$top/mkfs/mount.zuf
uuid=01234567-89ab-cdef-0123-456789abcdef

# shellcheck source=tests/unit/tools.sh
. "${abs_top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd -P)}/tests/unit/tools.sh"

good() { # WHAT CMD...
	local what=$1
	shift
	LC_ALL=C "$@" >out 2>&1
	result $? "$what"
}

# Status 1 and one line on stderr that has TEXT.
refused() { # TEXT WHAT CMD...
	local text=$1 what=$2 status
	shift 2
	LC_ALL=C "$@" >out 2>err
	status=$?
	cat err >>out
	[ $status = "${want_status:-1}" ] && [ "$(wc -l <err)" = 1 ] && grep -qF -- "$text" err
	result $? "$what"
}

says() { # TEXT WHAT: the last command's output
	grep -qF -- "$1" out
	result $? "$2"
}

image() { # FILE SIZE
	rm -f "$1"
	truncate -s "$2" "$1"
}

at() { # FILE OFFSET LENGTH, in hex
	od -An -v -tx1 -j "$2" -N "$3" "$1" | tr -d ' \n'
}

is() { # WHAT GOT WANT
	printf 'got:  %s\nwant: %s\n' "$2" "$3" >out
	[ "$2" = "$3" ]
	result $? "$1"
}

makes() {
	image a 64M
	good 'a plain file' "$mkfs" -L mine -U $uuid a
	says "a: toyfs 1.0, 64 MiB: 16384 blocks of 4096 bytes" 'its size is told'
	says "uuid   $uuid" 'its uuid is told'
	says 'label  mine' 'its label is told'
	is 'magic in the device table' "$(at a 8 4)" 544f4653
	is 'magic in the copy of the table' "$(at a 2093064 4)" 544f4653
	is 'magic of the superblock' "$(at a 2048 8)" 746f797375706572
	is 'uuid in the superblock' "$(at a 2064 16)" "${uuid//-/}"
	is 'label in the superblock' "$(at a 2080 5)" 6d696e6500
	is 'the copy of the table is the same' "$(at a 2093056 2048)" "$(at a 0 2048)"
	is 'that of the superblock too, but for the sum' "$(at a 2095120 2032)" "$(at a 2064 2032)"
	is 'the file keeps its size' "$(stat -c %s a)" 67108864
	good 'the smallest: 16 MiB' "$mkfs" -q -s 16M small
	good 'more than one allocation group' "$mkfs" -s 1G large
	says 'allocation groups' 'they are told'
}

sizes() {
	good '-s makes a file' "$mkfs" -s 32M b
	is 'of that size' "$(stat -c %s b)" 33554432
	good '-s in K on a larger file' "$mkfs" -f -s 32768K a
	says '32 MiB' 'makes a smaller filesystem'
	is 'in a file that keeps its size' "$(stat -c %s a)" 67108864
	good '-s on a smaller file' "$mkfs" -f -s 48M b
	is 'makes it grow' "$(stat -c %s b)" 50331648
	image odd 50331649
	good 'an odd size' "$mkfs" odd
	says 'rounded down to 48 MiB' 'is rounded, which is told'
	refused 'wants 16 MiB' 'one too small by 2 MiB' "$mkfs" -s 14M new
	good 'and no file is left of it' test ! -e new
	image tiny 4096
	refused 'wants 16 MiB' 'a file of one block' "$mkfs" tiny
	: >empty
	refused 'wants 16 MiB' 'an empty file' "$mkfs" empty
	refused '-s SIZE makes one' 'a file that is not there' "$mkfs" new
	refused 'no such device' 'a device that is not there' "$mkfs" -s 16M /dev/nosuch
	refused 'not a size' 'a size with a bad suffix' "$mkfs" -s 16X new
	refused 'not a size' 'a size below zero' "$mkfs" -s -1 new
	refused 'not a size' 'a size beyond 64 bits' "$mkfs" -s 99999999999G new
	refused 'No such file' 'a folder that is not there' "$mkfs" -s 16M no/such
}

overwrites() {
	refused 'contains a filesystem of type toyfs' 'a toyfs is kept without -f' "$mkfs" a
	good 'and overwritten with it' "$mkfs" -f a
	dd if=/dev/zero of=a bs=4096 count=1 conv=notrunc status=none
	refused 'type toyfs' 'a toyfs of which only the copy is left is kept too' "$mkfs" a
	image p 32M
	printf '\125\252' | dd of=p bs=1 seek=510 conv=notrunc status=none
	printf '\200\0\0\0\203\0\0\0\0\010\0\0\0\200\0\0' |
		dd of=p bs=1 seek=446 conv=notrunc status=none
	refused 'partition table (dos)' 'a partition table is kept' "$mkfs" p
	good 'and overwritten with -f' "$mkfs" -f p
	if PATH=$PATH:/sbin:/usr/sbin command -v mke2fs >/dev/null; then
		image e 32M
		PATH=$PATH:/sbin:/usr/sbin mke2fs -q -t ext4 e
		refused 'of type ext4' 'an ext4 is named and kept' "$mkfs" e
		good 'and overwritten with -f' "$mkfs" -f e
		is 'its signature is gone' "$(at e 1080 2)" 0000
	fi
}

le() { # FILE OFFSET LENGTH: a little-endian number
	local hex i n=''
	hex=$(at "$@")
	for ((i = ${#hex} - 2; i >= 0; i -= 2)); do
		n+=${hex:i:2}
	done
	echo $((16#$n))
}

several() {
	local f
	rm -f v0 v1 v2
	image v1 33M
	good 'three devices: one is made, one is odd, one is there' "$mkfs" -q -s 32M v0 v1 v2
	for f in v0 v1 v2; do
		is "$f has the uuid of all" "$(at $f 16 16)" "$(at v0 2064 16)"
		is 'it is one of three' "$(le $f 48 2) $(le $f 50 2)" "${f#v} 3"
		is 'the copy of its table is the same' "$(at $f 2093056 2048)" "$(at $f 0 2048)"
	done
	is 'blocks of all are in each' "$(le v2 32 8)" 24576
	is 'blocks of the second too' "$(le v0 112 8)" 8192
	[ "$(at v0 64 16)" != "$(at v0 96 16)" ]
	result $? 'each device has a uuid of its own'
	is 'blocks in the superblock' "$(le v0 2136 8)" 24576
	is 'no superblock on the others' "$(at v1 2048 8)$(at v2 2048 8)" "$(printf %032d 0)"
	good 'two devices' "$mkfs" -f v0 v2
	says 'device 0: v0, 32 MiB, uuid ' 'the first is told'
	says 'device 1: v2, 32 MiB, uuid ' 'the second is told'
	says '64 MiB: 16384 blocks' 'the size of both is told'
	refused 'v2: contains a filesystem of type toyfs' 'each is kept without -f' "$mkfs" -s 32M v9 v2
	refused 'named twice' 'one device twice' "$mkfs" -f v0 v2 ./v0
	ln -s v0 v3
	refused 'v3: named twice' 'by a link, too' "$mkfs" -f v0 v3
	refused 'tiny: 4096 bytes are too few' 'one that is too small' "$mkfs" -f v0 tiny
	truncate -s 8T huge
	refused 'v0: too small for the tables of all' 'a first one too small for the maps of space' "$mkfs" -f v0 huge
	good 'which go on a larger one' "$mkfs" -q -f -n huge v0
	# shellcheck disable=SC2046
	refused 'at most 62' '63 devices' "$mkfs" -s 16M $(seq 63)
	# shellcheck disable=SC2046
	good '62 devices' "$mkfs" -q -s 16M $(seq 62)
	is 'the last one has its number' "$(le 62 48 2)" 61
	rm -f huge {1..62}
}

dry() {
	local before
	image d 32M
	before=$(sha256sum d)
	good '-n' "$mkfs" -n d
	says 'would be toyfs' 'tells what would be'
	is 'and writes nothing' "$(sha256sum d)" "$before"
	good '-n with a new file' "$mkfs" -n -s 32M new
	good 'makes none' test ! -e new
	refused 'type toyfs' '-n refuses what would be refused' "$mkfs" -n b
}

others() {
	good '-q' "$mkfs" -q -f b
	is 'says nothing' "$(cat out)" ''
	good '-V' "$mkfs" -V
	says 'format 1.0' 'tells the version of the format'
	good '-h' "$mkfs" -h
	says 'usage: mkfs.toyfs' 'tells the usage'
	good 'a label of 31 bytes' "$mkfs" -f -L 0123456789012345678901234567890 b
	refused 'longer than 31' 'a label of 32 bytes' "$mkfs" -f -L 01234567890123456789012345678901 b
	refused 'not a uuid' 'a bad uuid' "$mkfs" -f -U 12 b
	refused 'no device is named' 'no device' "$mkfs"
	refused 'neither a block device' 'a folder' "$mkfs" .
	refused 'neither a block device' 'a character device' "$mkfs" -f /dev/null
	"$mkfs" -q -f -s 32M b && before=$(at b 2064 16)
	"$mkfs" -q -f b
	[ "$before" != "$(at b 2064 16)" ]
	result $? 'without -U each has a uuid of its own'
	exec 9<b
	flock -x 9
	refused 'in use by another program' 'a locked file' "$mkfs" -f b
	exec 9<&-
	if [ "$(id -u)" != 0 ]; then
		chmod a-w b
		refused 'Permission denied' 'a file that must not be written' "$mkfs" -f b
	fi
}

helper() {
	local want_status=1
	refused 'usage: mount.zuf' 'mount.zuf without arguments' "$mountzuf"
	refused 'only zuf' 'mount.zuf with the type of another' "$mountzuf" /dev/null . -t ext4
	want_status=32
	refused 'No such file' 'mount.zuf with a device that is not there' "$mountzuf" "$dir/none" .
	refused 'not a block device' 'mount.zuf with a plain file' "$mountzuf" "$dir/a" .
	good 'mount.zuf -f mounts nothing' "$mountzuf" zuf "$dir" -f -v -o ro,nofail,x-y,own=1
	says '-t zuf zuf' '-v tells what would be'
	says '-o own=1' 'with the options that are not the helper'\''s'
}

makes
sizes
overwrites
several
dry
others
helper
echo "1..$n"
