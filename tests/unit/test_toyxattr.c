// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Extended attributes of toyfs: what sets, gets and lists them, values that have
 * blocks of their own, and what fsck says of those.
 */
#include <sys/xattr.h>

#include "toycheck.h"
#include "toyvol.h"

START_TEST(xattrs)
{
	enum {
		USER = ZUFS_XATTR_USER,
		TRUSTED = ZUFS_XATTR_TRUSTED
	};
	static char val[4000], buf[8192];
	struct zufs_attr a;
	uint64_t before;
	char name[256];
	struct vol v;

	vol_new(&v, 32);
	a = make(&v, &v.root, "a", S_IFREG | 0644);
	before = bfree(&v);
	memset(val, 'v', sizeof(val));
	ck_assert_int_eq(xget(&v, &a, USER, "x", NULL, 0), -ENODATA);
	ck_assert_int_eq(xset(&v, &a, USER, "x", "one", 3, XATTR_REPLACE),
			 -ENODATA);
	ck_assert_int_eq(xset(&v, &a, USER, "x", "one", 3, XATTR_CREATE), 0);
	ck_assert(!(a.flags & ZUFS_ATTR_NO_XATTR));
	ck_assert_int_eq(xset(&v, &a, USER, "x", "one", 3, XATTR_CREATE),
			 -EEXIST);
	ck_assert_int_eq(xset(&v, &a, TRUSTED, "x", "t", 1, 0), 0);
	ck_assert_int_eq(xget(&v, &a, USER, "x", buf, 2), -ERANGE);
	ck_assert_int_eq(xget(&v, &a, USER, "x", NULL, 0), 3);
	ck_assert_int_eq(xget(&v, &a, USER, "x", buf, 10), 3);
	ck_assert(!memcmp(buf, "one", 3));
	ck_assert_int_eq(xlist(&v, &a, buf, 100, 0), 7);
	ck_assert_str_eq(buf, "user.x");
	ck_assert_int_eq(xlist(&v, &a, buf, 6, 0), -ERANGE);
	ck_assert_int_eq(xlist(&v, &a, NULL, 0, ZUFS_XATTR_TRUSTED_LIST), 17);

	for (int i = 0; i < 20; i++) {
		sprintf(name, "n%d", i);
		ck_assert_int_eq(xset(&v, &a, USER, name, val, 150 * i, 0), 0);
	}
	memset(name, 'n', 255);
	name[255] = 0;
	ck_assert_int_eq(xset(&v, &a, USER, name, val, 3000, 0), 0);
	put(&v, &a);
	vol_remount(&v);
	ck_assert_int_eq(look(&v, &v.root, "a", &a), 0);
	for (int i = 0; i < 20; i++) {
		sprintf(name, "n%d", i);
		ck_assert_int_eq(xget(&v, &a, USER, name, buf, 4000), 150 * i);
		ck_assert(!memcmp(buf, val, 150 * i));
		ck_assert_int_eq(xset(&v, &a, USER, name, NULL, 0, 0), 0);
	}
	memset(name, 'n', 255);
	ck_assert_int_eq(xset(&v, &a, USER, name, NULL, 0, 0), 0);
	ck_assert_int_eq(xset(&v, &a, USER, "x", "another", 7, 0), 0);
	ck_assert_int_eq(xget(&v, &a, USER, "x", buf, 10), 7);
	put(&v, &a);
	ck_assert_int_eq(del(&v, &v.root, "a"), 0);
	ck_assert_uint_ge(bfree(&v), before);
	vol_end(&v);
}
END_TEST

/* A value whose bytes tell where they are. */
static char *far_value(unsigned int seed)
{
	static char val[65537];

	for (unsigned int i = 0; i < sizeof(val); i++)
		val[i] = (char)(i * 31 + i / 4096 + seed);
	return val;
}

static void far_is(struct vol *v, struct zufs_attr *a, const char *name,
		   unsigned int seed, int size)
{
	static char buf[65536];

	ck_assert_int_eq(xget(v, a, ZUFS_XATTR_USER, name, buf, sizeof(buf)),
			 size);
	ck_assert(!memcmp(buf, far_value(seed), size));
}

START_TEST(far_xattrs)
{
	static const int sizes[] = { 3772, 3773, 4096, 4097, 20000, 65536 };
	enum {
		NR = sizeof(sizes) / sizeof(sizes[0]),
		USER = ZUFS_XATTR_USER
	};
	struct zufs_attr a;
	uint64_t before, more;
	char name[8];
	struct vol v;

	vol_new(&v, 32);
	a = make(&v, &v.root, "a", S_IFREG | 0644);
	before = bfree(&v);
	for (int i = 0; i < NR; i++) {
		sprintf(name, "n%d", i);
		ck_assert_int_eq(
			xset(&v, &a, USER, name, far_value(i), sizes[i], 0), 0);
	}
	ck_assert_int_eq(xset(&v, &a, USER, "n0", far_value(9), 65537, 0),
			 -E2BIG);
	ck_assert_int_eq(xget(&v, &a, USER, "n5", NULL, 0), 65536);
	ck_assert_int_eq(xget(&v, &a, USER, "n5", far_value(0), 65535),
			 -ERANGE);
	put(&v, &a);
	vol_remount(&v);
	ck_assert_int_eq(look(&v, &v.root, "a", &a), 0);
	for (int i = 0; i < NR; i++) {
		sprintf(name, "n%d", i);
		far_is(&v, &a, name, i, sizes[i]);
	}
	/* Another value's blocks are others, and as many. */
	more = bfree(&v);
	ck_assert_int_eq(xset(&v, &a, USER, "n5", far_value(7), 65536, 0), 0);
	far_is(&v, &a, "n5", 7, 65536);
	ck_assert_uint_eq(bfree(&v), more);
	ck_assert_int_eq(xset(&v, &a, USER, "n5", "short", 5, 0), 0);
	ck_assert_uint_eq(bfree(&v), more + 16);
	ck_assert_int_eq(xset(&v, &a, USER, "n4", NULL, 0, 0), 0);
	ck_assert_uint_eq(bfree(&v), more + 16 + 5);
	put(&v, &a);
	ck_assert_int_eq(del(&v, &v.root, "a"), 0);
	ck_assert_uint_ge(bfree(&v), before);
	vol_end(&v);
}
END_TEST

/* Freeing them takes more than one transaction. */
START_TEST(many_far_xattrs)
{
	struct zufs_attr a;
	uint64_t before;
	char name[8];
	struct vol v;

	vol_new(&v, 64);
	a = make(&v, &v.root, "a", S_IFREG | 0644);
	before = bfree(&v);
	for (int i = 0; i < 150; i++) {
		sprintf(name, "n%d", i);
		ck_assert_int_eq(xset(&v, &a, ZUFS_XATTR_USER, name,
				      far_value(i), 65536, 0),
				 0);
	}
	put(&v, &a);
	ck_assert_int_eq(del(&v, &v.root, "a"), 0);
	ck_assert_uint_ge(bfree(&v), before);
	vol_end(&v);
}
END_TEST

/* ---- fsck ---- */

/* user.far is the first entry of "a"; user.near is behind it. */
static struct vol vol;

static void set_up(void)
{
	struct zufs_attr a;

	vol_new(&vol, 32);
	a = make(&vol, &vol.root, "a", S_IFREG | 0644);
	ck_assert_int_eq(xset(&vol, &a, ZUFS_XATTR_USER, "far", far_value(1),
			      9000, 0),
			 0);
	ck_assert_int_eq(xset(&vol, &a, ZUFS_XATTR_USER, "near", "near", 4, 0),
			 0);
	put(&vol, &a);
	vol_umount(&vol);
	/* A replay of the last transactions would mend what they stored. */
	memset(vol.addr + TOY_JOURNAL_OFF, 0,
	       (size_t)TOY_CHANNELS * 2 * TOY_SLOT_SIZE);
}

static void tear_down(void)
{
	munmap(vol.addr, vol.bytes);
}

/* The only node of xattrs that there is. */
static struct toy_node *node(void)
{
	for (size_t bn = TOY_AG_NODE_BN; bn < vol.bytes / BLK; bn++) {
		struct toy_node *n = (void *)(vol.addr + bn * BLK);

		if (n->magic == TOY_XATTR_MAGIC)
			return n;
	}
	ck_abort_msg("no xattrs");
}

/* Behind a name of three bytes it stands at no multiple of 8. */
struct far {
	struct toy_far far;
} __attribute__((packed));

static struct far *far_of(struct toy_node *n)
{
	return (void *)((char *)(n + 1) + sizeof(struct toy_xattr) + 3);
}

static char *far_text(void)
{
	return vol.addr + TOY_EXT_PBLK(far_of(node())->far.ext[0]) * BLK;
}

static void mend(struct toy_node *n)
{
	n->sum = toy_sum(n, BLK, (uint64_t)((char *)n - vol.addr),
			 offsetof(struct toy_node, sum));
}

static void one_bit(void)
{
	far_text()[5000] ^= 8;
}

static void many_bytes(void)
{
	memset(far_text() + 100, 'x', 100);
}

static void too_long(void)
{
	struct toy_node *n = node();

	far_of(n)->far.size = 65537;
	mend(n);
}

static void too_short(void)
{
	struct toy_node *n = node();

	far_of(n)->far.size = 4096;
	mend(n);
}

/* Its second block is the node's own. */
static void shared(void)
{
	struct toy_node *n = node();
	uint64_t bn = (uint64_t)((char *)n - vol.addr) / BLK;

	far_of(n)->far.ext[0] = TOY_EXT_VAL(bn - 1, 3);
	mend(n);
}

static void outside(void)
{
	struct toy_node *n = node();

	far_of(n)->far.ext[0] = TOY_EXT_VAL(vol.bytes / BLK - 1, 3);
	mend(n);
}

static bool found[TOY_P_CODES];

static bool note(void *arg, const struct toy_problem *p)
{
	(void)arg;
	found[p->code] = true;
	return true;
}

static void check(bool repair)
{
	const struct toy_check_opts opts = { .found = note };
	struct toy_check_result res;
	const char *why;
	struct toy_fs fs;

	memset(found, 0, sizeof(found));
	ck_assert_int_eq(toy_open(&fs, vol.addr, vol.bytes, &why), 0);
	ck_assert_int_eq(toy_recover(&fs), 0);
	ck_assert_int_eq((repair ? toy_repair : toy_check)(&fs, &opts, &res),
			 0);
	toy_close(&fs);
}

static const struct {
	void (*plant)(void);
	enum toy_problem_code code;
	bool mended;
} faults[] = {
	{ one_bit, TOY_P_XATTR, true },	  { many_bytes, TOY_P_XATTR, false },
	{ too_long, TOY_P_XATTR, false }, { too_short, TOY_P_XATTR, false },
	{ shared, TOY_P_TWICE, false },	  { outside, TOY_P_XATTR, false },
};

#define FAULTS (int)(sizeof(faults) / sizeof(faults[0]))

/* Who asks is told before the repair; the repair takes that value and no other. */
START_TEST(far_faults)
{
	struct zufs_attr a;
	char buf[9000];

	faults[_i].plant();
	vol_mount(&vol);
	ck_assert_int_eq(look(&vol, &vol.root, "a", &a), 0);
	if (faults[_i].plant != shared)
		ck_assert_int_eq(xget(&vol, &a, ZUFS_XATTR_USER, "far", buf,
				      sizeof(buf)),
				 -EUCLEAN);
	put(&vol, &a);
	vol_umount(&vol);
	check(false);
	ck_assert(found[faults[_i].code]);
	check(true);
	vol_check(&vol);
	vol_mount(&vol);
	ck_assert_int_eq(look(&vol, &vol.root, "a", &a), 0);
	ck_assert_int_eq(xget(&vol, &a, ZUFS_XATTR_USER, "far", buf,
			      sizeof(buf)),
			 faults[_i].mended ? 9000 : -ENODATA);
	ck_assert_int_eq(
		xget(&vol, &a, ZUFS_XATTR_USER, "near", buf, sizeof(buf)), 4);
	put(&vol, &a);
	vol_umount(&vol);
	vol_check(&vol);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { xattrs, far_xattrs, many_far_xattrs,
				       NULL };
	Suite *s = suite_create("toyxattr");
	TCase *t = tcase_create("fsck");

	add_case(s, "toyxattr", tests, NULL, NULL);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, TEST_SECONDS);
	tcase_add_loop_test(t, far_faults, 0, FAULTS);
	suite_add_tcase(s, t);
	return run_suite(s);
}
