// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Poison: whichever access of an operation meets it, in whichever block, that
 * operation answers EIO, holds nothing, and changed nothing.
 *
 * Two pages of the volume are accessible at a time. A fault counts an access; at
 * the chosen one its page becomes one that isn't there (SIGBUS).
 */
#include <linux/falloc.h>
#include <signal.h>
#include <stdbool.h>

#include "toyvol.h"

#define NAMES 150

static struct {
	char *addr, *aside; /* aside: where the good page is meanwhile */
	size_t bytes;
	int hole; /* an empty file */
	uint64_t open[2];
	unsigned int left; /* accesses; 0: none is chosen any more */
	bool bad;
	uint64_t bn; /* of the poison */
} inj;

static void protect(uint64_t bn, int prot)
{
	if (bn != UINT64_MAX)
		mprotect(inj.addr + bn * BLK, BLK, prot);
}

static void poison(uint64_t bn)
{
	char *at = inj.addr + bn * BLK;

	mprotect(inj.addr, inj.bytes, PROT_READ | PROT_WRITE);
	mremap(at, BLK, BLK, MREMAP_MAYMOVE | MREMAP_FIXED, inj.aside);
	mmap(at, BLK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, inj.hole,
	     0);
	inj.bn = bn;
	inj.bad = true;
}

static void keep_place(void *at)
{
	inj.aside = mmap(at, BLK, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1,
			 0);
}

static void mend(void)
{
	mprotect(inj.addr, inj.bytes, PROT_READ | PROT_WRITE);
	if (inj.bad) {
		mremap(inj.aside, BLK, BLK, MREMAP_MAYMOVE | MREMAP_FIXED,
		       inj.addr + inj.bn * BLK);
		keep_place(inj.aside);
	}
	inj.bad = false;
	inj.left = 0;
}

static void on_fault(int sig, siginfo_t *si, void *context)
{
	size_t off = (char *)si->si_addr - inj.addr;

	(void)context;
	if (off >= inj.bytes || !inj.left) {
		signal(sig, SIG_DFL);
		return;
	}
	if (!--inj.left) {
		poison(off / BLK);
		return;
	}
	protect(inj.open[1], PROT_NONE);
	inj.open[1] = inj.open[0];
	inj.open[0] = off / BLK;
	protect(inj.open[0], PROT_READ | PROT_WRITE);
}

/* The @nth access to another page from now on meets poison. */
static void arm(struct vol *v, unsigned int nth)
{
	struct sigaction sa = { .sa_sigaction = on_fault,
				.sa_flags = SA_SIGINFO | SA_NODEFER };

	inj.addr = v->addr;
	inj.bytes = v->bytes;
	inj.open[0] = inj.open[1] = UINT64_MAX;
	inj.left = nth;
	if (!inj.aside) {
		keep_place(NULL);
		inj.hole = memfd_create("hole", 0);
	}
	sigaction(SIGSEGV, &sa, NULL);
	mprotect(v->addr, v->bytes, PROT_NONE);
}

/* ---- what must be so afterwards ---- */

/* A file, a directory with NAMES names, a long symlink, an open tmpfile. */
static struct zufs_attr file, dir, sub, text, tmp;
static struct zufs_extent granted[ZUFS_GRANT_MAX];
static int nr_granted;

static void prepare(struct vol *v)
{
	char name[256];

	vol_new(v, 16);
	file = make(v, &v->root, "file", S_IFREG | 0644);
	for (int i = 0; i < 8; i++) {
		ck_assert_int_eq(append(v, &file, 1, 'x'), 0);
		ck_assert_int_eq(set_size(v, &file, (2 * i + 2) * BLK), 0);
	}
	dir = make(v, &v->root, "dir", S_IFDIR | 0755);
	sub = make(v, &dir, "sub", S_IFDIR | 0755);
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "%0100d", i);
		touch(v, &dir, name);
	}
	memset(name, 't', 200);
	name[200] = 0;
	ck_assert_int_eq(
		make_full(v, &dir, "link", S_IFLNK | 0777, name, 0, &text), 0);
	ck_assert_int_eq(make_full(v, &v->root, NULL, S_IFREG | 0600, NULL,
				   ZI_TMPFILE, &tmp),
			 0);
	ck_assert_int_eq(append(v, &tmp, 1, 'y'), 0);
	ck_assert_int_eq(xset(v, &file, ZUFS_XATTR_USER, "big", name, 200, 0),
			 0);
}

/* ---- operations ---- */

static int do_lookup(struct vol *v)
{
	struct zufs_attr a;

	return get(v, &dir, "link", &a);
}

static int do_dotdot(struct vol *v)
{
	struct zufs_attr a;

	return get(v, &sub, "..", &a);
}

static int do_create(struct vol *v)
{
	return make_full(v, &dir, "new", S_IFREG | 0644, NULL, 0, NULL);
}

static int do_symlink(struct vol *v)
{
	return make_full(v, &dir, "new", S_IFLNK | 0777,
			 "/a text of more than thirty-two bytes", 0, NULL);
}

static int do_tmpfile(struct vol *v)
{
	return make_full(v, &dir, NULL, S_IFREG | 0644, NULL, ZI_TMPFILE, NULL);
}

static int do_link(struct vol *v)
{
	struct zufs_attr a = file;

	return dentry(v, ZUFS_OP_ADD_DENTRY, &dir, "file2", &a);
}

static int do_unlink(struct vol *v)
{
	struct zufs_attr a = file;

	return dentry(v, ZUFS_OP_REMOVE_DENTRY, &v->root, "file", &a);
}

static int do_rmdir(struct vol *v)
{
	struct zufs_attr a = sub;

	return dentry(v, ZUFS_OP_REMOVE_DENTRY, &dir, "sub", &a);
}

static int rename_with(struct vol *v, uint64_t flags)
{
	struct zufs_ioc_rename *io =
		op_new(ZUFS_OP_RENAME, &v->root, sizeof(*io));

	io->new_dir = iref(&dir);
	io->old = iref(&file);
	io->new_ = iref(&text);
	set_str(&io->old_str, "file");
	set_str(&io->new_str, "link");
	io->flags = flags;
	return op_run(v, io);
}

static int do_rename(struct vol *v)
{
	return rename_with(v, 0);
}

static int do_whiteout(struct vol *v)
{
	return rename_with(v, RENAME_WHITEOUT);
}

static int do_exchange(struct vol *v)
{
	return rename_with(v, RENAME_EXCHANGE);
}

static int do_readdir(struct vol *v)
{
	struct zufs_ioc_readdir *io =
		op_new(ZUFS_OP_READDIR, &dir, sizeof(*io));

	io->pos = 2;
	return op_run(v, io);
}

static int do_readlink(struct vol *v)
{
	return op_run(v, op_new(ZUFS_OP_GET_SYMLINK, &text,
				sizeof(struct zufs_ioc_get_symlink)));
}

static int do_truncate(struct vol *v)
{
	struct zufs_attr a = file;

	return set_size(v, &a, 3 * BLK);
}

static int do_chmod(struct vol *v)
{
	struct zufs_ioc_attr *io = op_new(ZUFS_OP_SETATTR, &file, sizeof(*io));

	io->valid = ZUFS_STATX_MODE;
	io->zi.i_mode = 0600;
	return op_run(v, io);
}

static int do_times(struct vol *v)
{
	struct zufs_ioc_sync *io = op_new(ZUFS_OP_SYNC, &file, sizeof(*io));

	io->valid = ZUFS_STATX_ATIME;
	io->atime = 77;
	return op_run(v, io);
}

static int do_read(struct vol *v)
{
	struct zufs_extent e[64];
	struct zufs_attr a = file;
	int n = multy(v, &a, 0, 16 * BLK, 0, e);

	return n < 0 ? n : 0;
}

static int do_fill(struct vol *v)
{
	struct zufs_extent e[64];
	struct zufs_attr a = file;
	int n = multy(v, &a, 0, 16 * BLK, ZUFS_RW_WRITE, e);

	return n < 0 ? n : 0;
}

static int do_grant(struct vol *v)
{
	struct zufs_ioc_grant *io = op_new(ZUFS_OP_GRANT, &file, sizeof(*io));
	int err;

	io->lblk = 16;
	io->want = 8;
	err = op_run(v, io);
	nr_granted = err ? 0 : io->n;
	memcpy(granted, io->ext, nr_granted * sizeof(*granted));
	return err;
}

static int do_commit(struct vol *v)
{
	struct zufs_attr a = file;

	return commit(v, &a, 24 * BLK, granted, nr_granted);
}

static int falloc_mode(struct vol *v, uint64_t mode)
{
	struct zufs_attr a = file;

	return falloc(v, &a, mode, 100, 700 * BLK);
}

static int do_prealloc(struct vol *v)
{
	return falloc_mode(v, 0);
}

static int do_zero(struct vol *v)
{
	return falloc_mode(v, FALLOC_FL_ZERO_RANGE);
}

static int do_punch(struct vol *v)
{
	return falloc_mode(v, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
}

static int do_xset(struct vol *v)
{
	static const char value[3000];
	struct zufs_attr a = file;

	return xset(v, &a, ZUFS_XATTR_USER, "big", value, sizeof(value), 0);
}

static int do_xget(struct vol *v)
{
	char value[200];
	int n = xget(v, &file, ZUFS_XATTR_USER, "big", value, sizeof(value));

	return n < 0 ? n : 0;
}

static int do_xlist(struct vol *v)
{
	char names[200];
	int n = xlist(v, &file, names, sizeof(names), 0);

	return n < 0 ? n : 0;
}

static int do_statfs(struct vol *v)
{
	return op_run(v, op_new(ZUFS_OP_STATFS, NULL,
				sizeof(struct zufs_ioc_statfs)));
}

/* Evicting answers nothing: what isn't freed now is so by the next mount. */
static int do_free(struct vol *v)
{
	struct zufs_attr a = tmp;

	put(v, &a);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct vol *v);
	bool may_pass; /* what it met wasn't needed for the answer */
	bool in_parts; /* a part is done, and stays */
} ops[] = {
	{ "lookup", do_lookup, false, false },
	{ "lookup of ..", do_dotdot, false, false },
	{ "create", do_create, false, false },
	{ "symlink", do_symlink, false, false },
	{ "tmpfile", do_tmpfile, false, false },
	{ "link", do_link, false, false },
	{ "unlink", do_unlink, false, false },
	{ "rmdir", do_rmdir, false, false },
	{ "rename", do_rename, false, false },
	{ "whiteout", do_whiteout, true, false },
	{ "exchange", do_exchange, false, false },
	{ "readdir", do_readdir, false, false },
	{ "readlink", do_readlink, false, false },
	{ "truncate", do_truncate, true, false },
	{ "chmod", do_chmod, false, false },
	{ "times", do_times, false, false },
	{ "read", do_read, false, false },
	{ "fill", do_fill, false, true },
	{ "grant", do_grant, false, false },
	{ "commit", do_commit, true, false },
	{ "preallocate", do_prealloc, false, true },
	{ "zero", do_zero, false, true },
	{ "punch", do_punch, false, true },
	{ "setxattr", do_xset, false, false },
	{ "getxattr", do_xget, false, false },
	{ "listxattr", do_xlist, false, false },
	{ "statfs", do_statfs, false, false },
	{ "free", do_free, true, true },
};

#define NR_OPS ((int)(sizeof(ops) / sizeof(*ops)))

/* That a transaction is done is known from records too. */
static bool in_done_line(uint64_t bn)
{
	uint64_t j = TOY_JOURNAL_OFF / BLK, slot = TOY_SLOT_SIZE / BLK;

	return bn >= j && bn < j + 2 * TOY_CHANNELS * slot &&
	       (bn - j) % slot == TOY_J_DONE_OFF / BLK;
}

/* A free block that was met is nobody's, though it can be read again. */
static void expect_free(struct vol *v, uint64_t before)
{
	uint64_t now = bfree(v);

	if (inj.bn < 2 * TOY_AG_NODE_BN || now != before - 1)
		ck_assert_uint_eq(now, before);
}

/*
 * Poison at access @nth. False: the operation has fewer. @cold: nothing was read
 * since the mount. *passed: it went well all the same.
 */
static bool try_at(struct vol *v, int i, unsigned int nth, bool cold,
		   bool *passed)
{
	uint64_t free_before;
	bool met;
	int err;

	if (cold)
		vol_remount(v);
	if (ops[i].run == do_commit)
		ck_assert_int_eq(do_grant(v), 0);
	free_before = cold ? 0 : bfree(v);
	arm(v, nth);
	err = ops[i].run(v);
	met = inj.bad;
	mend();
	if (!met) {
		ck_assert_msg(!err, "%s: %d without poison", ops[i].name, err);
		return false;
	}
	*passed = !err;
	ck_assert_msg(err == -EIO || (!err && (ops[i].may_pass ||
					       in_done_line(inj.bn))),
		      "%s: %d at access %u", ops[i].name, err, nth);
	if (err && !cold && !ops[i].in_parts)
		expect_free(v, free_before);
	return true;
}

static int change(struct vol *v)
{
	struct zufs_ioc_attr *io =
		op_new(ZUFS_OP_SETATTR, &v->root, sizeof(*io));

	io->valid = ZUFS_STATX_MODE;
	io->zi.i_mode = 0755;
	return op_run(v, io);
}

/* Was it a store of a commit? Then all waits for a mount. */
static bool is_over(struct vol *v)
{
	return change(v) == -EIO;
}

/* Each of the first hundred accesses, then every seventh: those before it take time. */
static unsigned int next_of(unsigned int nth)
{
	return nth + (nth < 100 ? 1 : 7);
}

static void every_access(int i, bool cold)
{
	struct vol v;
	unsigned int nth, over = 0;
	bool passed;

	prepare(&v);
	for (nth = 1; try_at(&v, i, nth, cold, &passed); nth = next_of(nth)) {
		if (is_over(&v)) {
			over++;
			ck_assert_int_eq(do_read(&v), 0);
			vol_remount(&v);
			ck_assert_int_eq(change(&v), 0);
			vol_check(&v);
			vol_end(&v);
			prepare(&v);
			continue;
		}
		vol_check(&v);
		if (ops[i].in_parts || ops[i].may_pass || passed) {
			vol_end(&v);
			prepare(&v);
		}
	}
	ck_assert_uint_gt(nth, cold);
	if (ops[i].run == do_create)
		ck_assert_uint_gt(over, 0);
	vol_check(&v);
	vol_end(&v);
}

START_TEST(what_is_known)
{
	every_access(_i, false);
}
END_TEST

START_TEST(what_is_new)
{
	every_access(_i, true);
}
END_TEST

/* A mount with orphans to finish. */
START_TEST(mounts)
{
	struct vol v, left;
	unsigned int nth, failed = 0;
	bool met = true;
	int err;

	prepare(&v);
	for (nth = 1; met; nth = next_of(nth)) {
		left.bytes = v.bytes;
		left.addr = map_temp(v.bytes);
		memcpy(left.addr, v.addr, v.bytes);
		arm(&left, nth);
		err = try_mount(&left, 0);
		met = inj.bad;
		mend();
		ck_assert(!err || err == -EIO);
		failed += !!err;
		if (err)
			vol_mount(&left);
		vol_umount(&left);
		vol_check(&left);
		munmap(left.addr, left.bytes);
	}
	ck_assert_uint_gt(failed, 10);
	vol_end(&v);
}
END_TEST

/* What other threads do meanwhile is not touched. */
static void *others(void *arg)
{
	struct vol *v = arg;
	struct zufs_attr a;

	for (int i = 0; i < 2000; i++) {
		ck_assert_int_eq(make_full(v, &v->root, "other", S_IFREG | 0644,
					   NULL, 0, &a),
				 0);
		put(v, &a);
		ck_assert_int_eq(del(v, &v->root, "other"), 0);
	}
	return NULL;
}

START_TEST(other_threads)
{
	struct vol v;
	pthread_t t;
	uint64_t bn;

	prepare(&v);
	/* The block of the long symlink's text: nobody else reads it. */
	for (bn = 600;
	     memcmp(v.addr + bn * BLK, "tttttttttttttttttttttttt", 24); bn++)
		;
	arm(&v, 0);
	mend();
	poison(bn);
	pthread_create(&t, NULL, others, &v);
	for (int i = 0; i < 2000; i++) {
		ck_assert_int_eq(do_readlink(&v), -EIO);
		ck_assert_int_eq(do_lookup(&v), 0);
	}
	pthread_join(t, NULL);
	mend();
	ck_assert_int_eq(do_readlink(&v), 0);
	vol_check(&v);
	vol_end(&v);
}
END_TEST

/* Outside of an operation it does what it did: the process ends. */
START_TEST(outside)
{
	struct vol v;

	signal(SIGBUS, SIG_DFL);
	prepare(&v);
	ck_assert_int_eq(do_lookup(&v), 0);
	arm(&v, 0);
	mend();
	poison(1);
	*(volatile char *)(v.addr + BLK);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("poison");
	TCase *t = tcase_create("each access");

	tcase_set_timeout(t, TEST_SECONDS);
	tcase_add_loop_test(t, what_is_known, 0, NR_OPS);
	tcase_add_loop_test(t, what_is_new, 0, NR_OPS);
	tcase_add_test(t, mounts);
	tcase_add_test(t, other_threads);
	tcase_add_test_raise_signal(t, outside, SIGBUS);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
