#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What tests/vm/splats takes for a complaint of the guest's kernel: not what it
# tells of programs. TAP; run by "make check".
set -u

splats=${abs_top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd -P)}/tests/vm/splats
n=0

line() { # WANTED LINE
	local status
	n=$((n + 1))
	grep -qEf "$splats" <<<"[    1.000000] $2"
	status=$?
	[ $status = "$1" ] || printf 'not '
	echo "ok $n - $2"
}

while read -r said; do
	line 0 "$said"
done <<'END'
WARNING: CPU: 0 PID: 1 at fs/inode.c:1 iput+0x1/0x2
BUG: kernel NULL pointer dereference, address: 0000000000000000
Oops: 0000 [#1] PREEMPT SMP NOPTI
general protection fault, probably for non-canonical address 0x1: 0000 [#1] PREEMPT SMP
general protection fault: 0000 [#1] PREEMPT SMP
invalid opcode: 0000 [#1] PREEMPT SMP
INFO: task zusd:100 blocked for more than 120 seconds.
WARNING: possible circular locking dependency detected
END
while read -r said; do
	line 1 "$said"
done <<'END'
traps: served[2558] general protection fault ip:401000 sp:7ffff5d0 error:0 in served[400000+6000]
traps: served[2558] trap invalid opcode ip:401000 sp:7ffff5d0 error:0 in served[400000+6000]
traps: served[2558] trap divide error ip:401000 sp:7ffff5d0 error:0 in served[400000+6000]
served[2507]: segfault at 7ffff4d74000 ip 401000 sp 7ffff5d0 error 6 in served[400000+6000]
zuf: the server (pid 2553) is gone: signal 11 killed it
END
echo "1..$n"
