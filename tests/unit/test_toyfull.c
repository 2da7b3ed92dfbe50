// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * toyfs at its limits: links, capabilities, full volumes.
 */
#include <linux/falloc.h>

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
	ck_assert_uint_eq(zim.fs_caps, ZUFS_FSC_ACL_ON | ZUFS_FSC_NIO_READS |
					       ZUFS_FSC_NIO_WRITES);
	vol_end(&v);
}
END_TEST

/* ---- full volumes ---- */

/* More than the first block of each orphan list holds. */
#define OPEN (TOY_CHANNELS * TOY_ORPH_ENTRIES + 3 * TOY_ORPH_ENTRIES)

static struct zufs_attr open_files[OPEN];

static const char *file_name(unsigned int i)
{
	static char name[16];

	sprintf(name, "f%u", i);
	return name;
}

static void make_open(struct vol *v, const struct zufs_attr *dir)
{
	for (unsigned int i = 0; i < OPEN; i++)
		open_files[i] = make(v, dir, file_name(i), S_IFREG | 0644);
}

/* Small writes, then names, then whatever is left, until nothing goes. */
static void fill_up(struct vol *v, const struct zufs_attr *dir)
{
	struct zufs_attr big = make(v, dir, "big", S_IFREG | 0644), a;
	unsigned int n = 0;
	char text[100];
	int err = 0;

	for (unsigned int i = 0; !err && i < OPEN; i++)
		err = append(v, &open_files[i], 1 + i % 3, 'a');
	while (!err)
		err = append(v, &big, 1, 'b');
	ck_assert_int_eq(err, -ENOSPC);
	put(v, &big);
	memset(text, 't', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	for (err = 0; !err; n++) {
		sprintf(text, "name-%u", n);
		text[strlen(text)] = '-';
		err = make_full(v, dir, text, S_IFREG | 0644, NULL, 0, &a);
		if (!err)
			put(v, &a);
	}
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_int_eq(make_full(v, dir, "link", S_IFLNK | 0777, text, 0,
				   NULL),
			 -ENOSPC);
	ck_assert_uint_eq(bavail(v), 0);
	ck_assert_uint_le(statfs_op(v)->ffree, TOY_SLOTS_PER_BLOCK * 8);
}

/* Takes what unlinks and truncates gave back, so that it is full again. */
static void fill_again(struct vol *v)
{
	struct zufs_attr a;
	int err = look(v, &v->root, "again", &a);

	if (err)
		err = make_full(v, &v->root, "again", S_IFREG | 0644, NULL, 0,
				&a);
	while (!err)
		err = append(v, &a, 1, 'c');
	ck_assert_int_eq(err, -ENOSPC);
	put(v, &a);
	/* What its map had no node for. */
	ck_assert_uint_le(bavail(v), 3);
}

START_TEST(full_unlinks)
{
	struct zufs_attr d, sub;
	struct vol v, c;
	uint64_t before;

	vol_new(&v, 64);
	touch(&v, &v.root, "again");
	d = make(&v, &v.root, "d", S_IFDIR | 0755);
	make_open(&v, &d);
	before = bfree(&v);
	sub = make(&v, &d, "sub", S_IFDIR | 0755);
	put(&v, &sub);
	fill_up(&v, &d);
	ck_assert_int_eq(del(&v, &d, "sub"), 0);
	ck_assert_int_eq(mv(&v, &d, "f0", &d, "f1", 0), 0);
	ck_assert_int_eq(look(&v, &d, "f1", &sub), 0);
	ck_assert_uint_eq(sub.zi.i_ino, open_files[0].zi.i_ino);
	put(&v, &sub);
	for (unsigned int i = 2; i < OPEN; i++) {
		fill_again(&v);
		ck_assert_int_eq(dentry(&v, ZUFS_OP_REMOVE_DENTRY, &d,
					file_name(i), &open_files[i]),
				 0);
	}
	for (unsigned int i = 2; i < OPEN; i += 5)
		ck_assert_int_eq(set_size(&v, &open_files[i], 0), 0);
	fill_again(&v);
	/* A mount of what is there now can finish all of it. */
	vol_crash(&v, &c);
	ck_assert_uint_gt(bfree(&c), OPEN / 2);
	vol_end(&c);
	for (unsigned int i = 2; i < OPEN; i++)
		put(&v, &open_files[i]);
	ck_assert_uint_gt(bfree(&v), OPEN / 2);
	ck_assert_uint_lt(bfree(&v), before);
	vol_end(&v);
}
END_TEST

START_TEST(full_truncates)
{
	struct zufs_attr d;
	struct vol v;

	vol_new(&v, 64);
	d = make(&v, &v.root, "d", S_IFDIR | 0755);
	make_open(&v, &d);
	fill_up(&v, &d);
	for (unsigned int i = 0; i < OPEN; i++) {
		uint64_t size = open_files[i].zi.i_size;

		if (size)
			ck_assert_int_eq(set_size(&v, &open_files[i], size - 1),
					 0);
		if (i % 500 == 0)
			fill_again(&v);
		ck_assert_int_eq(set_size(&v, &open_files[i], 0), 0);
	}
	vol_end(&v);
}
END_TEST

/* Each hole makes an extent more, and now and then a node of the tree. */
START_TEST(full_punches)
{
	struct zufs_attr a, b;
	unsigned int blocks;
	struct vol v;
	int err;

	vol_new(&v, 16);
	a = make(&v, &v.root, "a", S_IFREG | 0644);
	ck_assert_int_eq(append(&v, &a, 1200, 'a'), 0);
	blocks = a.zi.i_size / BLK;
	ck_assert_uint_ge(blocks, 1000);
	b = make(&v, &v.root, "b", S_IFREG | 0644);
	do {
		err = append(&v, &b, 1, 'b');
	} while (!err);
	ck_assert_int_eq(err, -ENOSPC);
	for (unsigned int i = 1; i < blocks; i += 2) {
		ck_assert_int_eq(falloc(&v, &a,
					FALLOC_FL_PUNCH_HOLE |
						FALLOC_FL_KEEP_SIZE,
					i * BLK, (i + 1) * BLK),
				 0);
		while (!append(&v, &b, 1, 'b'))
			;
		ck_assert_uint_eq(bavail(&v), 0);
	}
	ck_assert(block_is(&v, &a, 0, 'a') && block_is(&v, &a, 1, -1));
	put(&v, &a);
	put(&v, &b);
	vol_end(&v);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		link_limit,	capabilities, full_unlinks,
		full_truncates, full_punches, NULL,
	};
	Suite *s = suite_create("toyfull");

	add_case(s, "toyfull", tests, NULL, NULL);
	return run_suite(s);
}
