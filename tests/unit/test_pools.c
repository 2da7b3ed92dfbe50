// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Where libzus finds an operation that the kernel put into a pool.
 */
#include "internal.h"
#include "suite.h"

static _Alignas(8) char memory[2][ZUS_POOL_MAX];
static struct zus_mount m = { .pool = { memory[0], NULL, memory[1] } };

/* The place of the operation, or NULL; *size: the room from there on. */
static char *op_at(uint64_t pool, uint64_t offset, size_t *size)
{
	struct zufs_ioc_pool p = { .at = offset | pool };

	*size = 0;
	return (char *)zus_pool_op(&m, &p, size);
}

START_TEST(places)
{
	size_t size;

	ck_assert_ptr_eq(op_at(1, 0, &size), memory[0]);
	ck_assert_uint_eq(size, ZUS_POOL_MAX);
	ck_assert_ptr_eq(op_at(3, 0, &size), memory[1]);
	ck_assert_uint_eq(size, ZUS_POOL_MAX);
	ck_assert_ptr_eq(op_at(1, 8, &size), memory[0] + 8);
	ck_assert_uint_eq(size, ZUS_POOL_MAX - 8);
	ck_assert_ptr_eq(op_at(3, 77 * 4096, &size), memory[1] + 77 * 4096);
	ck_assert_uint_eq(size, ZUS_POOL_MAX - 77 * 4096);
}
END_TEST

/* A header's last place, and behind it. */
START_TEST(ends)
{
	const uint64_t last = ZUS_POOL_MAX - sizeof(struct zufs_ioc_hdr);
	size_t size;

	ck_assert_ptr_eq(op_at(1, last, &size), memory[0] + last);
	ck_assert_uint_eq(size, sizeof(struct zufs_ioc_hdr));
	ck_assert_ptr_null(op_at(1, last + 8, &size));
	ck_assert_ptr_null(op_at(1, ZUS_POOL_MAX, &size));
	ck_assert_ptr_null(op_at(1, 1ULL << 32, &size));
	ck_assert_ptr_null(op_at(1, ~7ULL, &size));
}
END_TEST

START_TEST(no_pools)
{
	size_t size;

	for (uint64_t pool = 0; pool < 8; pool++)
		if (pool != 1 && pool != 3)
			ck_assert_ptr_null(op_at(pool, 0, &size));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { places, ends, no_pools, NULL };
	Suite *s = suite_create("pools");

	add_case(s, "pools", tests, NULL, NULL);
	return run_suite(s);
}
