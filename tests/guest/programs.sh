# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Programs that people use, at work on a filesystem. Each function succeeds, or
# what it printed tells why it didn't.

# Compression would be most of the time, and nothing of it is the filesystem's.
git_works() { # FOLDER
	git -C "$1" init -q &&
		git -C "$1" config core.compression 0 &&
		git -C "$1" add . &&
		git -C "$1" -c user.name=t -c user.email=t@t commit -q -m tree &&
		git -C "$1" fsck --strict --no-progress &&
		[ -z "$(git -C "$1" status --porcelain)" ]
}

sqlite_whole() { # DATABASE
	[ "$(sqlite3 "$1" 'pragma integrity_check; select count(*) from t;')" = $'ok\n4000' ]
}

sqlite_works() { # DATABASE [JOURNAL-MODE]
	{
		echo "pragma journal_mode = ${2:-delete};"
		echo 'create table t(i integer primary key, s text); create index ts on t(s);'
		for ((i = 0; i < 40; i++)); do
			echo "begin; with recursive n(x) as (select 1 union all select x+1
			from n where x<100) insert into t(s) select hex(randomblob(20)) from n; commit;"
		done
	} | sqlite3 "$1" && sqlite_whole "$1"
}

make_works() { # NEW-FOLDER
	local status
	mkdir "$1" && cd "$1" || return
	echo '#include <stdio.h>
int main(void) { return puts("it runs") < 0; }' >main.c
	printf 'main: main.o\n\t$(CC) -o $@ $<\n' >Makefile
	make -s && [ "$(./main)" = 'it runs' ]
	status=$?
	cd "$TREE" || return
	return $status
}
