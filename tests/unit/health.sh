#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What mkfs.toyfs and fsck.toyfs say and do about bad blocks and unsafe
# shutdowns, which a double of libndctl's tells. TAP; run by "make check".
set -u

here=${abs_top_builddir:-$(cd "$(dirname "$0")/../.." && pwd -P)}/tests/unit
mkfs=$here/mkfs_double
fsck=$here/fsck_double

# shellcheck source=tests/unit/tools.sh
. "${abs_top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd -P)}/tests/unit/tools.sh"
export TOY_HEALTH=$dir/health

know() { # LINE...
	printf '%s\n' "$@" >health
}

know 'bad 3000 5' 'bad 4000 1'
ends 0 'bad    6 blocks that are left alone' 'mkfs leaves bad blocks alone' "$mkfs" -f -s 64M a
ends 0 'blocks in use' 'and fsck agrees' "$fsck" -n -f a
know 'bad 100 1'
cp a b
ends 1 'mend them first (ndctl clear-errors)' 'mkfs refuses one in its tables' "$mkfs" -f a
same 'and stores nothing then' a b
ends 4 'block 100 is bad' 'fsck says which one in the fixed area is bad' "$fsck" -y a
know 'bad 1024 1'
ends 4 'inodes in a bad block: mend that first' 'fsck names a bad block with inodes' "$fsck" -y a
know 'bad 5000 2'
ends 4 'the list of bad blocks' 'fsck -n finds new bad blocks' "$fsck" -n a
ends 1 'nothing is wrong now' 'fsck -y leaves them alone from now on' "$fsck" -y a
ends 0 'blocks in use' 'and is content then' "$fsck" -n a

know 'shutdowns 3'
ends 0 'uuid' 'mkfs keeps the count of unsafe shutdowns' "$mkfs" -f -s 64M a
ends 0 '(-f checks all)' 'the same count: fsck -p is quick' "$fsck" -p a
know 'shutdowns 4'
ends 0 'blocks in use' 'another count: fsck -p checks all' "$fsck" -p a
ends 0 '(-f checks all)' 'and keeps the new count' "$fsck" -p a
know 'shutdowns 5'
ends 0 'blocks in use' 'fsck -n checks all' "$fsck" -n a
ends 0 'blocks in use' 'and keeps nothing' "$fsck" -p a

# The double tells the same of each device.
know 'bad 3000 5' 'shutdowns 3'
ends 0 'bad    10 blocks that are left alone' 'mkfs leaves those of two devices alone' "$mkfs" -f -s 64M a c
ends 0 'blocks in use' 'and fsck agrees' "$fsck" -n -f a c
ends 0 '(-f checks all)' 'the same counts: fsck -p is quick' "$fsck" -p a c
know 'bad 3000 5' 'shutdowns 4'
ends 0 'blocks in use' 'other counts: fsck -p checks all' "$fsck" -p a c
ends 0 '(-f checks all)' 'and keeps the new ones' "$fsck" -p a c
know 'bad 511 1'
ends 1 'where its tables have to be' 'mkfs refuses a bad block in the copy of a table' "$mkfs" -f a c
echo "1..$n"
