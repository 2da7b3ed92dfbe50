// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Workloads in the way of ACE: a few names and files that are related, every
 * call on them, every pair of calls.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kern.h"
#include "workload.h"

static const char *const small_calls[] = {
	"create n",
	"create A/n",
	"mkdir D",
	"mkdir A/D",
	"fifo q",
	"chr c",
	"symlink u 10",
	"symlink u 31",
	"symlink u 32",
	"symlink A/u 4000",
	"link f l",
	"link f B/l",
	"link A/g A/l",
	"unlink f",
	"unlink e",
	"unlink A/g",
	"unlink B/h",
	"unlink s",
	"unlink t",
	"unlink p",
	"rmdir A/C",
	"rename f n",
	"rename f B/n",
	"rename f e",
	"rename A/g f",
	"rename f t",
	"rename A/C B/C",
	"rename A/C D",
	"rename B A/C",
	"rename A/C E",
	"exchange f A/g",
	"exchange A/C f",
	"exchange A B",
	"whiteout f n",
	"whiteout A/g e",
	"write f 0 100",
	"write f 4090 20",
	"write f 3 8189",
	"write f 8000 5000",
	"write f 20000 10",
	"write A/g 0 20000",
	"append f 1",
	"append f 4096",
	"append f 10000",
	"append e 50000",
	"truncate f 0",
	"truncate f 4096",
	"truncate f 5000",
	"truncate f 100000",
	"truncate A/g 1",
	"falloc f 0 50000",
	"falloc e 0 8192",
	"keep f 10000 50000",
	"punch f 0 4096",
	"punch f 100 9000",
	"punch A/g 4096 8192",
	"zero f 0 10000",
	"zero f 9000 30000",
	"chmod f 384",
	"chmod A 448",
	"chown f 7",
	"utimes f 5",
	"chattr f 200 7",
	"chattr A 520 9",
	"chattr e 0 0",
	"setxattr f 50 user.a",
	"setxattr f 200 user.b",
	"setxattr A 10 user.d",
	"setxattr e 3700 user.big",
	"setxattr e 5000 user.far",
	"rmxattr f user.a",
	"open f",
	"fsync f",
	"tmplink n 5000",
	"remount",
	NULL,
};

/* Extents: more than a slot holds, holes between them. */
static const char *const holes_calls[] = {
	"write f 4096 4096",
	"write f 5000 10",
	"write f 12288 8192",
	"write f 0 80000",
	"punch f 8192 4096",
	"punch f 0 40960",
	"punch f 4000 70000",
	"truncate f 40000",
	"truncate f 8192",
	"truncate f 0",
	"truncate f 200000",
	"append f 5000",
	"append f 60000",
	"falloc f 0 80000",
	"falloc f 20000 200000",
	"keep f 80000 40000",
	"zero f 0 80000",
	"zero f 10000 100",
	"unlink f",
	"link f g",
	"rename f g",
	"open f",
	"setxattr f 60 user.x",
	"remount",
	NULL,
};

/* A directory of a leaf that is nearly full, and one of two leaves. */
#define LONG_NAME "a-name-that-is-long-enough-to-fill-a-leaf-"
static const char *const names_calls[] = {
	"create D/" LONG_NAME "new",
	"mkdir D/" LONG_NAME "dir",
	"create E/" LONG_NAME "new",
	"symlink D/" LONG_NAME "sym 40",
	"unlink D/" LONG_NAME "7",
	"unlink E/" LONG_NAME "7",
	"rename D/" LONG_NAME "1 E/" LONG_NAME "one",
	"rename E/" LONG_NAME "1 D/" LONG_NAME "one",
	"rename D/" LONG_NAME "2 D/" LONG_NAME "3",
	"exchange D/" LONG_NAME "1 E/" LONG_NAME "2",
	"link D/" LONG_NAME "5 E/" LONG_NAME "five",
	"remount",
	NULL,
};

/* No block is left but those that are kept. */
static const char *const full_calls[] = {
	"create n",
	"mkdir D",
	"symlink u 4000",
	"link f l",
	"unlink f",
	"unlink big",
	"rename f n",
	"rename f e",
	"write f 0 100",
	"write h 4096 4096",
	"append f 100",
	"append f 10000",
	"append e 50000",
	"truncate f 0",
	"truncate f 100000",
	"truncate h 5000",
	"falloc e 0 8192",
	"punch h 12288 4096",
	"punch f 0 4096",
	"zero h 0 20000",
	"setxattr f 200 user.b",
	"setxattr e 3700 user.big",
	"setxattr e 9000 user.far",
	"tmplink n 5000",
	"open f",
	"remount",
	NULL,
};

static const char *const xattr_calls[] = {
	"setxattr f 100 user.a",
	"setxattr f 3000 user.a",
	"setxattr f 3000 user.c",
	"setxattr f 0 user.d",
	"setxattr f 900 user.b",
	"setxattr f 4500 user.b",
	"setxattr f 9000 user.far",
	"rmxattr f user.far",
	"rmxattr f user.a",
	"rmxattr f user.b",
	"rmxattr f user.big",
	"unlink f",
	"link f g",
	"open f",
	"chmod f 256",
	"remount",
	NULL,
};

/* ACLs with modes, and those that a new inode inherits. */
static const char *const acl_calls[] = {
	"setacl f 384 44",
	"setacl f 493 2000",
	"setacl e 448 100",
	"rmxattr f " KERN_ACL,
	"rmxattr A " KERN_DEF_ACL,
	"setxattr A 3000 " KERN_DEF_ACL,
	"setxattr A 1500 user.a",
	"create A/n",
	"mkdir A/D",
	"fifo A/q",
	"symlink A/u 40",
	"chmod f 256",
	"unlink f",
	"link A/g A/l",
	"remount",
	NULL,
};

/* What a mapping stored behind the size must not show when the file grows. */
static const char *const tails_calls[] = {
	"truncate f 5500",  "truncate f 30000", "truncate f 3000",
	"truncate f 0",	    "write f 5200 100", "write f 4000 2000",
	"write f 20000 10", "append f 1",	"append f 10000",
	"falloc f 0 20000", "falloc f 5400 10", "zero f 5400 10000",
	"keep f 0 20000",   "punch f 4500 100", "scribble f",
	"open f",	    "remount",		NULL,
};

/* 252 blocks with holes between them: a node that is full. */
static const char *const extents_calls[] = {
	"keep f 1036288 4096",
	"keep f 4194304 4096",
	"keep f 0 100000",
	"punch f 1040384 4096",
	"punch f 0 2000000",
	"truncate f 0",
	"truncate f 1000000",
	"write f 0 5000",
	"unlink f",
	"remount",
	NULL,
};

/* All slots of the inode file are taken, so the next inode lets it grow. */
static const char *const slots_calls[] = {
	"create n",	"mkdir D",  "symlink u 40", "tmplink n 100",
	"whiteout a n", "unlink a", "rename a b",   "link a l",
	"remount",	NULL,
};

/* Blocks that the server reserved, and the kernel has not written to. */
static const char *const granted_calls[] = {
	"append f 1",
	"append f 5000",
	"append f 60000",
	"write f 0 100",
	"write f 40000 10",
	"truncate f 0",
	"truncate f 100000",
	"falloc f 0 50000",
	"keep f 10000 50000",
	"punch f 4096 8192",
	"unlink f",
	"link f g",
	"rename e f",
	"close f",
	"fsync f",
	"append e 20000",
	"create n",
	"remount",
	NULL,
};

/* Writes that need several grants: all of it, or nothing. */
static const char *const parts_calls[] = {
	"append f 30000",
	"append e 20000",
	"append f 1",
	"write f 4000 20000",
	"write f 20000 30000",
	"write e 4096 16384",
	"truncate f 3000",
	"truncate f 60000",
	"falloc f 0 50000",
	"keep f 8192 20000",
	"punch f 0 30000",
	"unlink f",
	"link f g",
	"open f",
	"fsync f",
	"remount",
	NULL,
};

/* Blocks behind the size, which writes use and power cuts leave. */
static const char *const kept_calls[] = {
	"append f 1",
	"append f 10000",
	"append f 40000",
	"append e 30000",
	"write f 8192 4096",
	"write f 20000 100",
	"write e 40000 10",
	"truncate f 5000",
	"truncate f 20000",
	"truncate e 30000",
	"falloc e 0 30000",
	"falloc f 30000 5000",
	"zero f 4000 20000",
	"keep f 0 50000",
	"punch f 12288 8192",
	"unlink f",
	"open f",
	"remount",
	NULL,
};

/* Names of D and E are made by setup_names(). */
const struct base bases[] = {
	{ "small", "a few files and directories",
	  "mkdir A; mkdir B; mkdir A/C; create f; append f 10000; create A/g; append A/g 20000; "
	  "link A/g B/h; symlink s 20; symlink t 300; fifo p; setxattr f 100 user.a; create e; mkdir E",
	  small_calls, false, 0, NULL },
	{ "holes", "a file of many extents",
	  "create f; append f 80000; punch f 4096 4096; punch f 12288 4096; punch f 20480 4096; "
	  "punch f 28672 4096; punch f 36864 4096; punch f 45056 4096; punch f 53248 4096",
	  holes_calls, false, 0, NULL },
	{ "names", "directories with leaves that are full", "mkdir D; mkdir E",
	  names_calls, false, 0, NULL },
	{ "xattrs", "an inode with two blocks of xattrs",
	  "create f; setxattr f 1000 user.a; setxattr f 2500 user.b; setxattr f 3000 user.big; setxattr f 5000 user.far",
	  xattr_calls, false, 0, NULL },
	{ "acls", "a file with an ACL, a directory with a default one",
	  "mkdir A; setxattr A 60 " KERN_DEF_ACL
	  "; create A/g; create f; setacl f 416 44; create e",
	  acl_calls, false, 0, NULL },
	{ "full", "no space",
	  "create f; append f 10000; create h; append h 40000; punch h 4096 4096; create e; create big",
	  full_calls, true, 0, NULL },
	{ "extents", "a map with a node that is full", "create f",
	  extents_calls, false, 0, NULL },
	{ "tails", "bytes behind the size",
	  "create f; append f 5000; scribble f", tails_calls, false, 0, NULL },
	{ "slots", "no free inode",
	  "create a; create b; create c; create d; create e; create f; create g; create h; "
	  "create i; create j; create k; create l; create m; create o",
	  slots_calls, false, 0, NULL },
	{ "granted", "an open file with blocks granted", "create f; create e",
	  granted_calls, false, 0,
	  "open f; append f 5000; append f 5000; append f 9000" },
	{ "parts", "no more than two free blocks in a row",
	  "create f; append f 5000; create e", parts_calls, false, 2, NULL },
	{ "kept", "blocks behind the size, no more than two free ones in a row",
	  "create f; append f 5000; keep f 8192 20000; create e; keep e 12288 8192; keep e 32768 4096",
	  kept_calls, false, 2, NULL },
};
const unsigned int nr_bases = sizeof(bases) / sizeof(bases[0]);

static unsigned int nr_calls(const struct base *b)
{
	unsigned int n = 0;

	while (b->calls[n])
		n++;
	return n;
}

static uint64_t power(uint64_t x, unsigned int n)
{
	return n ? x * power(x, n - 1) : 1;
}

uint64_t workload_count(unsigned int len)
{
	uint64_t n = 0;

	for (unsigned int b = 0; b < nr_bases; b++)
		n += power(nr_calls(&bases[b]), len);
	return n;
}

static void call_add(struct workload *w, const char *text)
{
	const char *end;

	if (op_parse(text, &w->ops[w->n++], &end)) {
		fprintf(stderr, "bad call: %s\n", text);
		abort();
	}
}

static void begin(struct workload *w, const struct base *base)
{
	w->base = base;
	w->n = 0;
	if (base->before)
		w->n = op_parse_all(base->before, w->ops, OP_MAX);
	w->from = w->n;
}

bool workload_get(unsigned int len, uint64_t i, struct workload *w)
{
	for (unsigned int b = 0; b < nr_bases; b++) {
		unsigned int n = nr_calls(&bases[b]);
		uint64_t all = power(n, len);

		if (i >= all) {
			i -= all;
			continue;
		}
		begin(w, &bases[b]);
		w->from += (int)len - 1;
		while (len--) {
			call_add(w, bases[b].calls[i % n]);
			i /= n;
		}
		return true;
	}
	return false;
}

void workload_random(unsigned int len, uint64_t seed, struct workload *w)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15ULL + 1;

	begin(w, &bases[(x >> 40) % nr_bases]);
	while (len--) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		call_add(w, w->base->calls[(x >> 33) % nr_calls(w->base)]);
	}
}
