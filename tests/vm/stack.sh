# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The steps from a bare guest to a mounted filesystem and back, for up and down
# and for tests that want one step alone. Each returns 1 after one line on
# stderr that tells the cause; each leaves alone what is there already.

stack_tree=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd -P)
ZUF_ROOT=${ZUF_ROOT:-/sys/fs/zuf}
ZUSD_LOG=${ZUSD_LOG:-/run/zusd.log}
ZUSD_PID=${ZUSD_PID:-/run/zusd.pid}

stack_fail() {
	echo "${0##*/}: $*" >&2
	return 1
}

# Runs a command; of what it says, the last line is the cause, but for the hint
# that mount(8) adds to each.
stack_step() { # WHAT CMD...
	local what=$1 said
	shift
	said=$("$@" 2>&1) && return 0
	stack_fail "$what: $(grep -v 'dmesg(1)' <<<"$said" | tail -n 1)"
}

# shellcheck disable=SC2016 # $ZUF_KO is a name to the reader
module_up() {
	local dep
	[ ! -d /sys/module/zuf ] || return 0
	[ -f "${ZUF_KO-}" ] ||
		{ stack_fail 'no module: $ZUF_KO names none (is zuf/Kbuild there?)'; return; }
	for dep in $(modinfo -F depends "$ZUF_KO" | tr , ' '); do
		stack_step "modprobe $dep" modprobe "$dep" || return
	done
	stack_step 'insmod zuf.ko' insmod "$ZUF_KO"
}

module_down() {
	[ -d /sys/module/zuf ] || return 0
	stack_step 'rmmod zuf' rmmod zuf
}

root_up() {
	# -i: without the helper, which is for devices; -c: "zuf" is no path here,
	# even if there is a folder of that name
	mountpoint -q "$ZUF_ROOT" ||
		stack_step "mount $ZUF_ROOT" mount -i -c -t zuf zuf "$ZUF_ROOT"
}

root_down() {
	! mountpoint -q "$ZUF_ROOT" || stack_step "umount $ZUF_ROOT" umount "$ZUF_ROOT"
}

# A plugin is a libtool module: its .so is where libtool leaves it.
plugin_path() {
	local p
	for p in "$stack_tree"/fs/toyfs/.libs/{toyfs,zufs_toyfs,libtoyfs}.so \
		"$stack_tree"/fs/toyfs/toyfs.so; do
		[ ! -f "$p" ] || { echo "$p" && return; }
	done
	stack_fail 'no toyfs plugin in fs/toyfs: run make'
}

# What is asked often is asked without a process of its own.
server_alive() {
	local pid
	{ read -r pid <"$ZUSD_PID" && kill -0 "$pid"; } 2>/dev/null
}

server_ready() {
	local types state
	{ read -r -d '' types <"$ZUF_ROOT/registered_fs"
		read -r -d '' state <"$ZUF_ROOT/state"; } 2>/dev/null
	[[ $types =~ (^|[[:space:]])toyfs($|[[:space:]]) && $state == *mount_ready* ]]
}

# Starts zusd in the background, if there is none, and waits until it serves
# mounts.
server_up() { # [ZUSD-OPTION]...
	local tries
	server_alive || server_start "$@" || return
	for ((tries = 0; tries < 1200; tries++)); do
		server_ready && return
		server_alive || break
		sleep 0.05
	done
	if server_alive; then
		stack_fail "zusd is not ready after 60 seconds: $(tail -n 1 "$ZUSD_LOG")"
	else
		rm -f "$ZUSD_PID"
		stack_fail "zusd ended: $(tail -n 1 "$ZUSD_LOG")"
	fi
}

# The program itself: libtool's script around it takes longer than it does.
server_start() { # [ZUSD-OPTION]...
	local plugin libs=$stack_tree/zus/.libs
	plugin=$(plugin_path) || return
	[ -x "$libs/zusd" ] ||
		{ stack_fail 'no zus/zusd: run make'; return; }
	LD_LIBRARY_PATH=$libs setsid "$libs/zusd" --root "$ZUF_ROOT" "$@" "$plugin" \
		>>"$ZUSD_LOG" 2>&1 </dev/null &
	echo $! >"$ZUSD_PID"
}

# Not a child of this shell as a rule, so no "wait"; and a zombie of another shell
# that does not wait has ended too.
server_ended() { # PID
	local status
	kill -0 "$1" 2>/dev/null || return 0
	{ read -r -d '' status <"/proc/$1/status"; } 2>/dev/null
	[[ $status =~ State:[[:space:]]*Z ]]
}

# Ends the server and waits for its end. A signal of one's own is for tests.
server_down() { # [SIGNAL]
	local pid tries
	server_alive || return 0
	read -r pid <"$ZUSD_PID"
	kill -s "${1:-TERM}" "$pid"
	for ((tries = 0; tries < 600; tries++)); do
		sleep 0.05
		server_ended "$pid" || continue
		rm -f "$ZUSD_PID"
		return 0
	done
	stack_fail "zusd lives on after SIG${1:-TERM}: $(tail -n 1 "$ZUSD_LOG")"
}

# mount(8), mkfs(8) and fsck(8) look for their helpers in /sbin.
helpers_up() {
	local h
	for h in mount.zuf mkfs.toyfs fsck.toyfs; do
		[ "/sbin/$h" -ef "$stack_tree/mkfs/$h" ] ||
			ln -sfn "$stack_tree/mkfs/$h" "/sbin/$h"
	done
}

stack_up() {
	module_up && root_up && server_up && helpers_up
}

stack_down() {
	server_down && root_down && module_down
}
