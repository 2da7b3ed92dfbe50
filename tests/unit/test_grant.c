// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Grants as the kernel keeps them: what of a server's answer is one.
 */
#include <linux/types.h>

/* The kernel's names, for its header. */
typedef __u32 u32;
typedef __u64 u64;

#include "grant.h"
#include "suite.h"

static const struct zufs_extent good[] = {
	{ .lblk = 5, .pblk = 100, .len = 3 },
	{ .lblk = 8, .pblk = 50, .len = 1 },
};

static int ok_with(struct zufs_extent second)
{
	struct zufs_extent ext[2] = { good[0], second };

	return copy_grant_ok(ext, 2, 5);
}

START_TEST(answers)
{
	struct zufs_extent e = good[1];

	ck_assert(copy_grant_ok(good, 2, 5));
	ck_assert(copy_grant_ok(good, 0, 5));
	ck_assert(!copy_grant_ok(good, 2, 4));
	ck_assert(!copy_grant_ok(good, ZUFS_GRANT_MAX + 1, 5));
	e.lblk++;
	ck_assert_msg(!ok_with(e), "a gap");
	e = good[1];
	e.len = 0;
	ck_assert_msg(!ok_with(e), "no blocks");
	e = good[1];
	e.flags = ZUFS_EXT_HOLE;
	ck_assert_msg(!ok_with(e), "a hole: fs/dax warns when it is written");
}
END_TEST

START_TEST(use_and_rest)
{
	struct copy_grant g = { .ext = { good[0], good[1] }, .n = 2 };
	struct zufs_extent out[ZUFS_GRANT_MAX];

	ck_assert_uint_eq(copy_grant_use(&g, out, 2), 1);
	ck_assert_uint_eq(out[0].len, 2);
	ck_assert_uint_eq(copy_grant_rest(&g, out, 2), 2);
	ck_assert_uint_eq(out[0].lblk, 7);
	ck_assert_uint_eq(out[0].pblk, 102);
	ck_assert_uint_eq(out[0].len, 1);
	ck_assert_uint_eq(copy_grant_rest(&g, out, 4), 0);
	ck_assert_ptr_null(copy_grant_find(&g, 9));
	ck_assert_ptr_eq(copy_grant_find(&g, 8), &g.ext[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("grant");

	add_case(s, "grant",
		 (const TTest *const[]){ answers, use_and_rest, NULL }, NULL,
		 NULL);
	return run_suite(s);
}
