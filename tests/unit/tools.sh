# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For tests of the tools: a folder of their own that goes at the end, and TAP.

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
n=0

result() { # STATUS WHAT: the last command's output is in "out"
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/#   /' out
	fi
}

# CMD ends with CODE and says TEXT.
ends() { # CODE TEXT WHAT CMD...
	local code=$1 text=$2 what=$3 status
	shift 3
	LC_ALL=C "$@" >out 2>&1 </dev/null
	status=$?
	echo "status $status" >>out
	[ $status = "$code" ] && grep -qF -- "$text" out
	result $? "$what"
}

same() { # WHAT FILE FILE
	cmp "$2" "$3" >out 2>&1
	result $? "$1"
}
