// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * toyfs at its limits: links, capabilities, full volumes.
 */
#include "toyvol.h"
#include "tx.h"

/* As if it had as many links as can be. */
static void fill_links(struct vol *v, const struct zufs_attr *dir)
{
	struct toy_fs *fs = toy_i_fs(toy_i((void *)v->root.handle));
	struct toy_slot *slot;
	struct toy_tx *tx;

	ck_assert_int_eq(toy_tx_begin(fs, 0, &tx), 0);
	ck_assert_int_eq(toy_slot_get(tx, dir->zi.i_ino, &slot), 0);
	slot->zi.i_nlink = htole32(TOY_LINK_MAX);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
}

START_TEST(link_limit)
{
	struct zufs_attr a, b, full;
	struct vol v;

	vol_new(&v, 32);
	full = make(&v, &v.root, "full", S_IFDIR | 0755);
	a = make(&v, &full, "in", S_IFDIR | 0755);
	put(&v, &a);
	touch(&v, &full, "file");
	a = make(&v, &v.root, "a", S_IFDIR | 0755);
	put(&v, &a);
	fill_links(&v, &full);
	ck_assert_int_eq(make_full(&v, &full, "b", S_IFDIR | 0755, NULL, 0,
				   NULL),
			 -EMLINK);
	ck_assert_int_eq(mv(&v, &v.root, "a", &full, "b", 0), -EMLINK);
	ck_assert_int_eq(mv(&v, &v.root, "a", &full, "file", RENAME_EXCHANGE),
			 -EMLINK);
	ck_assert_int_eq(mv(&v, &full, "file", &v.root, "a", RENAME_EXCHANGE),
			 -EMLINK);
	ck_assert_int_eq(get(&v, &v.root, "a", &b), 0);
	ck_assert_uint_eq(b.zi.i_ino, a.zi.i_ino);

	/* One for another is none more; nor is a file. */
	ck_assert_int_eq(mv(&v, &v.root, "a", &full, "in", RENAME_EXCHANGE), 0);
	ck_assert_int_eq(mv(&v, &v.root, "a", &full, "in", 0), 0);
	touch(&v, &v.root, "f");
	ck_assert_int_eq(mv(&v, &v.root, "f", &full, "f", 0), 0);
	ck_assert_int_eq(mv(&v, &full, "in", &full, "in2", 0), 0);
	ck_assert_int_eq(get(&v, &v.root, "full", &b), 0);
	ck_assert_uint_eq(b.zi.i_nlink, TOY_LINK_MAX);
	put(&v, &full);
	vol_end(&v);
}
END_TEST

/* There is nothing to be had that the kernel half could ask for in vain. */
START_TEST(capabilities)
{
	static struct zufs_ioc_mount zim;
	struct vol v;

	vol_new(&v, 16);
	vol_umount(&v);
	ck_assert_int_eq(zus_local_mount(toyfs(), v.addr, v.bytes, &zim, &v.zl),
			 0);
	ck_assert_uint_eq(zim.fs_caps,
			  ZUFS_FSC_NIO_READS | ZUFS_FSC_NIO_WRITES);
	vol_end(&v);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		link_limit,
		capabilities,
	};
	Suite *s = suite_create("toyfull");
	SRunner *sr = srunner_create(s);
	int failed;

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		TCase *tc = tcase_create(tests[i]->name);

		tcase_set_timeout(tc, 120);
		tcase_add_test(tc, tests[i]);
		suite_add_tcase(s, tc);
	}
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
