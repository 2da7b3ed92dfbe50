# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What a suite sources first:
#
#   . "$(dirname "$0")/../guest/lib.sh"
#
# A suite prints a line "ok - WHAT" or "not ok - WHAT" for each thing it shows,
# and ends with status 0 if none is wrong: leaving is enough, a trap sees to it.
# It runs as root with the tree as its folder and takes down what it brings up.
# Comments in its first lines tell ./runtests more:
#
#   # limit: 300            seconds it may take (guest 120, system 600)
#   # run: --numa 2 ...     a guest with these options of tests/vm/run, for all
#                           suites that want the same
#   # cpus: 1               one is enough for what it shows: then two such guests
#                           run at once, with a part of these suites each
set -u

TREE=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd -P)
# shellcheck source=tests/vm/stack.sh
. "$TREE/tests/vm/stack.sh"

checks_failed=0

pass() { # WHAT
	echo "ok - $1"
}

# Details go below the line that they belong to, each after a "#".
fail() { # WHAT [DETAIL]
	echo "not ok - $1"
	[ -z "${2-}" ] || sed 's/^/#   /' <<<"$2"
	checks_failed=$((checks_failed + 1))
	return 1
}

# CMD succeeds.
ok() { # WHAT CMD...
	local what=$1 said status
	shift
	said=$("$@" 2>&1)
	status=$?
	if [ $status = 0 ]; then
		pass "$what"
	else
		fail "$what" "$* (status $status)${said:+
$(tail -n 20 <<<"$said")}"
	fi
}

# CMD succeeds, now or soon.
soon() { # CMD...
	local tries
	for ((tries = 0; tries < 600; tries++)); do
		! "$@" || return 0
		sleep 0.05
	done
	return 1
}

# Two texts are the same.
is() { # WHAT GOT WANT
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got:  $2
want: $3"
	fi
}

# The text that the C library has for an errno's name.
errno_text() { # NAME
	LC_ALL=C perl -MErrno -e '$! = Errno->can($ARGV[0])->(); print $!' "$1"
}

# Runs CMD; what it said and what the kernel's log got in the meantime is output:
# of what mount(2) says, mount(8) shows only the errno.
with_dmesg() { # CMD...
	local said status before
	before=$(dmesg | wc -l)
	said=$(LC_ALL=C "$@" 2>&1)
	status=$?
	echo "$said"
	dmesg | tail -n +$((before + 1))
	return $status
}

# CMD fails and says why: with the text of an errno (ENOSPC), or with TEXT.
fails_with() { # ERRNO WHAT CMD...
	local text
	text=$(errno_text "$1" 2>/dev/null) || { fail "$2" "no errno is named $1"; return; }
	shift
	fails_saying "$text" "$@"
}

fails_saying() { # TEXT WHAT CMD...
	local text=$1 what=$2 said status
	shift 2
	said=$(LC_ALL=C "$@" 2>&1)
	status=$?
	if [ $status = 0 ]; then
		fail "$what" "$*: went well; wanted: $text"
	elif [ $status -ge 128 ]; then
		fail "$what" "$*: died of signal $((status - 128)): $said"
	elif [[ $said != *"$text"* ]]; then
		fail "$what" "$*: said: $said
wanted: $text"
	else
		pass "$what"
	fi
}

# A new filesystem at DIR, or the end of the suite: nothing else would work.
up() { # ARGUMENT-OF-UP...
	local said
	said=$("$TREE/tests/vm/up" "$@" 2>&1) && return
	fail "tests/vm/up $*" "$said"
	exit 1
}

# What is on the devices is whole, after a crash too.
whole() { # WHAT [DEVICE...]
	local what=$1
	shift
	(($#)) || set -- /dev/pmem0
	ok "$what: fsck.toyfs finds nothing" "$TREE/mkfs/fsck.toyfs" -n "$@"
}

# The devices of what is mounted there.
devices_of() { # DIR
	findmnt -no SOURCE "$1"
	findmnt -no OPTIONS "$1" | tr , '\n' | sed -n 's/^device=//p'
}

down() { # DIR
	local devices
	mapfile -t devices < <(devices_of "$1")
	ok "$1 is taken down" "$TREE/tests/vm/down" "$1"
	whole "$1" "${devices[@]}"
}

# 5,200 real files of this machine, symlinks, and hard links to some, in a new
# folder in memory: what suites copy to the filesystem and compare with. The same
# ones at every boot.
real_files() { # FOLDER
	mkdir -p "$1" && tar -x -f "$TREE/tests/guest/real.tar" -C "$1" &&
		cp -al "$1/usr/include/asm-generic" "$1/linked"
}

# What "diff -r" finds between two folders, in content, kinds, modes, times and
# numbers of links: nothing.
differences() { # FOLDER FOLDER
	{ diff -r --no-dereference "$1" "$2"
		diff <(listing "$1") <(listing "$2"); } 2>&1 | head -n 5
}

# But for folders, whose sizes are each filesystem's own.
listing() { # FOLDER
	(cd "$1" && find . ! -type d -printf '%P %y %m %n %T@ %l\n' | LC_ALL=C sort)
}

# A program that prints its checks itself works in a folder of its own.
checks() { # DIR PROGRAM [ARG]...
	local folder=$1/$2 program=$2 status
	shift 2
	mkdir -p "$folder"
	LC_ALL=C "tests/guest/$program" "$folder" "$@"
	status=$?
	case $status in
	0) ;;
	1) checks_failed=$((checks_failed + 1)) ;;
	*) fail "$program $*" "status $status" ;;
	esac
}

checks_end() {
	local status=$?
	[ "$checks_failed" = 0 ] || exit 1
	exit "$status"
}
trap checks_end EXIT
cd "$TREE" || exit 1
