// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * toyfs as the kernel sees it: names, files, space, crashes.
 */
#include <linux/falloc.h>

#include "toyvol.h"
#include "tx.h"

START_TEST(create_lookup_unlink)
{
	struct zufs_attr a, b, d;
	struct vol v;

	vol_new(&v, 32);
	a = make(&v, &v.root, "a", S_IFREG | 0640);
	ck_assert_uint_eq(a.zi.i_nlink, 1);
	ck_assert_uint_eq(a.zi.i_mode, S_IFREG | 0640);
	ck_assert(a.flags & ZUFS_ATTR_NO_XATTR);
	ck_assert_int_eq(make_full(&v, &v.root, "a", S_IFREG, NULL, 0, NULL),
			 -EEXIST);
	ck_assert_int_eq(look(&v, &v.root, "a", &b), 0);
	ck_assert_uint_eq(b.handle, a.handle);
	put(&v, &b);
	put(&v, &a);
	ck_assert_int_eq(get(&v, &v.root, "b", &b), -ENOENT);

	d = make(&v, &v.root, "d", S_IFDIR | 0755);
	ck_assert_uint_eq(d.zi.i_nlink, 2);
	touch(&v, &d, "in");
	ck_assert_int_eq(get(&v, &d, "..", &b), 0);
	ck_assert_uint_eq(b.zi.i_ino, TOY_ROOT_INO);
	ck_assert_uint_eq(b.zi.i_nlink, 3);
	ck_assert_int_eq(del(&v, &v.root, "d"), -ENOTEMPTY);
	ck_assert_int_eq(del(&v, &d, "in"), 0);
	put(&v, &d);
	ck_assert_int_eq(del(&v, &v.root, "d"), 0);
	ck_assert_int_eq(del(&v, &v.root, "a"), 0);
	ck_assert_int_eq(del(&v, &v.root, "a"), -ENOENT);
	ck_assert_uint_eq(count(&v, &v.root), 0);
	vol_end(&v);
}
END_TEST

START_TEST(devices)
{
	struct zufs_ioc_new_inode *io;
	struct zufs_attr a;
	struct vol v;

	vol_new(&v, 32);
	io = op_new(ZUFS_OP_NEW_INODE, &v.root, sizeof(*io));
	io->zi.i_mode = S_IFBLK | 0600;
	io->zi.i_rdev = 0x12345;
	set_str(&io->str, "blk");
	ck_assert_int_eq(op_run(&v, io), 0);
	vol_remount(&v);
	ck_assert_int_eq(get(&v, &v.root, "blk", &a), 0);
	ck_assert_uint_eq(a.zi.i_rdev, 0x12345);
	vol_end(&v);
}
END_TEST

START_TEST(rename_matrix)
{
	struct zufs_attr a, b, d1, d2;
	struct vol v;

	vol_new(&v, 32);
	d1 = make(&v, &v.root, "d1", S_IFDIR | 0755);
	d2 = make(&v, &v.root, "d2", S_IFDIR | 0755);
	touch(&v, &d1, "f");
	ck_assert_int_eq(mv(&v, &d1, "f", &d1, "g", 0), 0);
	ck_assert_int_eq(get(&v, &d1, "f", &a), -ENOENT);
	ck_assert_int_eq(mv(&v, &d1, "g", &d2, "g", 0), 0);
	touch(&v, &d1, "over");
	ck_assert_int_eq(get(&v, &d2, "g", &a), 0);
	ck_assert_int_eq(mv(&v, &d2, "g", &d1, "over", RENAME_NOREPLACE),
			 -EEXIST);
	ck_assert_int_eq(mv(&v, &d2, "g", &d1, "over", 0), 0);
	ck_assert_int_eq(get(&v, &d1, "over", &b), 0);
	ck_assert_uint_eq(a.zi.i_ino, b.zi.i_ino);

	/* A directory goes elsewhere, then over an empty one. */
	a = make(&v, &d1, "sub", S_IFDIR | 0755);
	put(&v, &a);
	ck_assert_int_eq(mv(&v, &d1, "sub", &d2, "sub", 0), 0);
	ck_assert_int_eq(get(&v, &v.root, "d1", &b), 0);
	ck_assert_uint_eq(b.zi.i_nlink, 2);
	ck_assert_int_eq(get(&v, &v.root, "d2", &b), 0);
	ck_assert_uint_eq(b.zi.i_nlink, 3);
	ck_assert_int_eq(look(&v, &d2, "sub", &a), 0);
	ck_assert_int_eq(get(&v, &a, "..", &b), 0);
	ck_assert_uint_eq(b.zi.i_ino, d2.zi.i_ino);
	touch(&v, &a, "x");
	put(&v, &a);
	a = make(&v, &d1, "sub", S_IFDIR | 0755);
	put(&v, &a);
	ck_assert_int_eq(mv(&v, &d1, "sub", &d2, "sub", 0), -ENOTEMPTY);
	ck_assert_int_eq(mv(&v, &d2, "sub", &d1, "sub", 0), 0);
	ck_assert_int_eq(get(&v, &v.root, "d2", &b), 0);
	ck_assert_uint_eq(b.zi.i_nlink, 2);

	/* Exchange of a directory and a file of two directories. */
	touch(&v, &d2, "file");
	ck_assert_int_eq(mv(&v, &d2, "file", &d1, "sub", RENAME_EXCHANGE), 0);
	ck_assert_int_eq(get(&v, &d2, "file", &a), 0);
	ck_assert(S_ISDIR(a.zi.i_mode));
	ck_assert_uint_eq(a.zi.i_parent, d2.zi.i_ino);
	ck_assert_int_eq(get(&v, &d1, "sub", &a), 0);
	ck_assert(S_ISREG(a.zi.i_mode));

	ck_assert_int_eq(mv(&v, &d1, "sub", &d1, "moved", RENAME_WHITEOUT), 0);
	ck_assert_int_eq(get(&v, &d1, "sub", &a), 0);
	ck_assert(S_ISCHR(a.zi.i_mode) && !a.zi.i_rdev);
	ck_assert_int_eq(mv(&v, &d1, "moved", &d1, "m2", 64), -EINVAL);
	put(&v, &d1);
	put(&v, &d2);
	vol_remount(&v);
	ck_assert_int_eq(look(&v, &v.root, "d1", &d1), 0);
	ck_assert_uint_eq(count(&v, &d1), 3);
	ck_assert_uint_eq(d1.zi.i_nlink, 2);
	put(&v, &d1);
	vol_end(&v);
}
END_TEST

#define MANY 5000U

static void many_name(char *name, unsigned int i)
{
	sprintf(name, "name-%u-%.*s", i, (int)(i * 7 % 60),
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}

static void many_seen(const struct zufs_dir_entry *e, void *arg)
{
	ck_assert_uint_ge(e->pos, 2);
	((uint8_t *)arg)[atoi(e->name + 5)]++;
}

START_TEST(many_names)
{
	static uint8_t seen[MANY];
	struct zufs_attr d;
	uint64_t pos = 2, before;
	char name[128];
	unsigned int r, next = 1;
	struct vol v;

	vol_new(&v, 64);
	before = bfree(&v);
	d = make(&v, &v.root, "d", S_IFDIR | 0755);
	for (unsigned int i = 0; i < MANY; i++) {
		many_name(name, i);
		touch(&v, &d, name);
	}
	ck_assert_uint_eq(count(&v, &d), MANY);
	/* Odd names go while the listing walks on: even ones come once. */
	do {
		r = list(&v, &d, &pos, 1000, many_seen, seen);
		for (int i = 0; i < 60 && next < MANY; i++, next += 2) {
			many_name(name, next);
			ck_assert_int_eq(del(&v, &d, name), 0);
		}
	} while (r >> 31);
	for (unsigned int i = 0; i < MANY; i++)
		ck_assert(i % 2 ? seen[i] <= 1 : seen[i] == 1);
	for (; next < MANY; next += 2) {
		many_name(name, next);
		ck_assert_int_eq(del(&v, &d, name), 0);
	}
	ck_assert_uint_eq(count(&v, &d), MANY / 2);
	for (unsigned int i = 0; i < MANY; i += 2) {
		many_name(name, i);
		ck_assert_int_eq(del(&v, &d, name), 0);
	}
	ck_assert_int_eq(get(&v, &v.root, "d", &d), 0);
	ck_assert_uint_eq(d.zi.i_size, 0);
	ck_assert_int_eq(del(&v, &v.root, "d"), 0);
	/* Only the inode file keeps what it has grown by. */
	ck_assert_uint_le(before - bfree(&v), MANY / TOY_SLOTS_PER_BLOCK + 64);
	vol_end(&v);
}
END_TEST

START_TEST(hard_links)
{
	struct zufs_attr a, b;
	struct vol v;

	vol_new(&v, 32);
	a = make(&v, &v.root, "a", S_IFREG | 0644);
	ck_assert_int_eq(dentry(&v, ZUFS_OP_ADD_DENTRY, &v.root, "b", &a), 0);
	ck_assert_uint_eq(a.zi.i_nlink, 2);
	ck_assert_int_eq(dentry(&v, ZUFS_OP_ADD_DENTRY, &v.root, "b", &a),
			 -EEXIST);
	ck_assert_int_eq(mv(&v, &v.root, "a", &v.root, "b", 0), 0);
	ck_assert_int_eq(del(&v, &v.root, "a"), 0);
	ck_assert_int_eq(get(&v, &v.root, "b", &b), 0);
	ck_assert_uint_eq(b.zi.i_nlink, 1);
	ck_assert_uint_eq(b.zi.i_ino, a.zi.i_ino);
	put(&v, &b);
	vol_end(&v);
}
END_TEST

START_TEST(symlinks)
{
	static const int lens[] = { 1, 31, 32, 33, 4095 };
	struct zufs_ioc_get_symlink *io;
	struct zufs_attr a;
	char text[4096], name[16];
	struct vol v;

	vol_new(&v, 32);
	for (int i = 0; i < 5; i++) {
		memset(text, 'a' + i, lens[i]);
		text[lens[i]] = 0;
		sprintf(name, "l%d", i);
		ck_assert_int_eq(make_full(&v, &v.root, name, S_IFLNK | 0777,
					   text, 0, &a),
				 0);
		put(&v, &a);
	}
	vol_remount(&v);
	for (int i = 0; i < 5; i++) {
		memset(text, 'a' + i, lens[i]);
		sprintf(name, "l%d", i);
		ck_assert_int_eq(look(&v, &v.root, name, &a), 0);
		ck_assert_uint_eq(a.zi.i_size, lens[i]);
		io = op_new(ZUFS_OP_GET_SYMLINK, &a, sizeof(io->op));
		ck_assert_int_eq(op_run(&v, io), 0);
		ck_assert_uint_eq(io->len, lens[i]);
		ck_assert(!memcmp(io->path, text, lens[i]));
		put(&v, &a);
		ck_assert_int_eq(del(&v, &v.root, name), 0);
	}
	vol_end(&v);
}
END_TEST

START_TEST(long_names)
{
	struct zufs_attr a;
	char name[256];
	struct vol v;

	vol_new(&v, 32);
	memset(name, 'n', 255);
	name[255] = 0;
	for (int i = 0; i < 200; i++) {
		name[250] = 'a' + i / 26;
		name[254] = 'a' + i % 26;
		touch(&v, &v.root, name);
	}
	ck_assert_uint_eq(count(&v, &v.root), 200);
	ck_assert_int_eq(get(&v, &v.root, name, &a), 0);
	vol_remount(&v);
	ck_assert_uint_eq(count(&v, &v.root), 200);
	vol_end(&v);
}
END_TEST

START_TEST(appends)
{
	struct zufs_extent bad = { 100, 5000, 1, 0 };
	struct zufs_attr a;
	uint64_t before;
	struct vol v;

	vol_new(&v, 32);
	a = make(&v, &v.root, "a", S_IFREG | 0644);
	before = bfree(&v);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(append(&v, &a, 3, 'a' + i), 0);
	ck_assert_uint_eq(a.zi.i_size, 60 * BLK);
	ck_assert_uint_eq(a.zi.i_blocks, 60 * 8);
	for (int i = 0; i < 60; i++)
		ck_assert(block_is(&v, &a, i, 'a' + i / 3));
	ck_assert_int_eq(commit(&v, &a, 101 * BLK, &bad, 1), -EINVAL);
	ck_assert_int_eq(commit(&v, &a, (1ULL << 47) + 1, NULL, 0), -EFBIG);
	ck_assert_uint_eq(before - bfree(&v), 60);
	put(&v, &a);
	vol_remount(&v);
	ck_assert_int_eq(look(&v, &v.root, "a", &a), 0);
	ck_assert(block_is(&v, &a, 59, 'a' + 19));
	put(&v, &a);
	vol_end(&v);
}
END_TEST

START_TEST(holes)
{
	struct zufs_extent e[64];
	struct zufs_attr a;
	struct vol v;
	int n;

	vol_new(&v, 64);
	a = make(&v, &v.root, "a", S_IFREG | 0644);
	ck_assert_int_eq(set_size(&v, &a, 16 * MIB), 0);
	ck_assert_uint_eq(a.zi.i_blocks, 0);
	n = multy(&v, &a, 5 * BLK, BLK, ZUFS_RW_WRITE, e);
	ck_assert_int_ge(n, 1);
	ck_assert_uint_eq(e[0].lblk, 5);
	ck_assert_uint_eq(e[0].len, 1);
	ck_assert_uint_eq(e[0].flags, ZUFS_EXT_NEW);
	ck_assert(block_is(&v, &a, 4, -1) && block_is(&v, &a, 5, 0) &&
		  block_is(&v, &a, 6, -1));
	ck_assert_uint_eq(a.zi.i_blocks, 8);
	/* 2 MiB at once, aligned in the file, are aligned on media. */
	n = multy(&v, &a, 4 * MIB, 2 * MIB, ZUFS_RW_WRITE | ZUFS_RW_MMAP, e);
	ck_assert_int_ge(n, 1);
	ck_assert_uint_eq(e[0].lblk, 1024);
	ck_assert_uint_eq(e[0].len, 512);
	ck_assert_uint_eq(e[0].pblk % 512, 0);
	/* Around what is there already: all of it is mapped then. */
	n = multy(&v, &a, 0, 8 * MIB, ZUFS_RW_WRITE, e);
	ck_assert_int_ge(n, 1);
	ck_assert_uint_eq(a.zi.i_blocks, 2048 * 8);
	ck_assert(block_is(&v, &a, 2047, 0) && block_is(&v, &a, 2048, -1));
	/* Behind the size nothing is allocated. */
	n = multy(&v, &a, 20 * MIB, BLK, ZUFS_RW_WRITE, e);
	ck_assert_int_eq(n, 1);
	ck_assert_uint_eq(e[0].flags, ZUFS_EXT_HOLE);
	put(&v, &a);
	vol_end(&v);
}
END_TEST

/* A file of single blocks, each an extent: its truncate takes many steps. */
START_TEST(truncate_in_steps)
{
	struct zufs_extent e[64];
	struct zufs_attr a;
	uint64_t before;
	struct vol v;

	vol_new(&v, 64);
	a = make(&v, &v.root, "a", S_IFREG | 0644);
	before = bfree(&v);
	ck_assert_int_eq(set_size(&v, &a, 8000 * BLK), 0);
	for (int i = 0; i < 8000; i += 2)
		ck_assert_int_ge(multy(&v, &a, i * BLK, BLK, ZUFS_RW_WRITE, e),
				 1);
	ck_assert_uint_eq(a.zi.i_blocks, 4000 * 8);
	ck_assert_int_eq(set_size(&v, &a, 10 * BLK), 0);
	ck_assert_uint_eq(a.zi.i_blocks, 5 * 8);
	ck_assert(block_is(&v, &a, 8, 0));
	ck_assert_int_eq(set_size(&v, &a, 8000 * BLK), 0);
	ck_assert(block_is(&v, &a, 10, -1) && block_is(&v, &a, 7998, -1));
	for (int i = 0; i < 8000; i += 2)
		ck_assert_int_ge(multy(&v, &a, i * BLK, BLK, ZUFS_RW_WRITE, e),
				 1);
	ck_assert_int_eq(dentry(&v, ZUFS_OP_REMOVE_DENTRY, &v.root, "a", &a),
			 0);
	put(&v, &a);
	/* The root's only leaf was freed too. */
	ck_assert_uint_le(before, bfree(&v));
	vol_end(&v);
}
END_TEST

START_TEST(tmpfile_link)
{
	struct zufs_attr a, b;
	struct vol v, c;

	vol_new(&v, 32);
	ck_assert_int_eq(make_full(&v, &v.root, NULL, S_IFREG | 0600, NULL,
				   ZI_TMPFILE, &a),
			 0);
	ck_assert_uint_eq(a.zi.i_nlink, 0);
	ck_assert_int_eq(append(&v, &a, 2, 'x'), 0);
	ck_assert_int_eq(dentry(&v, ZUFS_OP_ADD_DENTRY, &v.root, "t", &a), 0);
	ck_assert_uint_eq(a.zi.i_nlink, 1);
	vol_crash(&v, &c);
	ck_assert_int_eq(look(&c, &c.root, "t", &b), 0);
	ck_assert(block_is(&c, &b, 1, 'x'));
	put(&c, &b);
	vol_end(&c);
	put(&v, &a);
	vol_end(&v);
}
END_TEST

START_TEST(no_space)
{
	struct zufs_attr a, b;
	uint64_t before;
	struct vol v;
	int err;

	vol_new(&v, 16);
	touch(&v, &v.root, "keep");
	before = bfree(&v);
	a = make(&v, &v.root, "a", S_IFREG | 0644);
	do {
		err = append(&v, &a, 300, 'f');
	} while (!err);
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_uint_eq(bavail(&v), 0);
	err = make_full(&v, &v.root, "dir", S_IFDIR, NULL, 0, &b);
	if (!err)
		err = make_full(&v, &b, "x", S_IFREG, NULL, 0, NULL);
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_int_eq(set_size(&v, &a, 0), 0);
	ck_assert_uint_eq(bfree(&v), before);
	put(&v, &a);
	ck_assert_int_eq(get(&v, &v.root, "keep", &a), 0);
	vol_end(&v);
}
END_TEST

START_TEST(crash)
{
	struct zufs_attr a, b, d;
	uint64_t free_before;
	struct vol v, c;

	vol_new(&v, 32);
	touch(&v, &v.root, "first"); /* the inode file grows */
	free_before = bfree(&v);
	/* An open file without a name is gone after the crash. */
	a = make(&v, &v.root, "open", S_IFREG | 0600);
	ck_assert_int_eq(append(&v, &a, 100, 'o'), 0);
	ck_assert_int_eq(dentry(&v, ZUFS_OP_REMOVE_DENTRY, &v.root, "open", &a),
			 0);
	vol_crash(&v, &c);
	ck_assert_uint_eq(free_before, bfree(&c));
	ck_assert_uint_eq(count(&c, &c.root), 1);
	vol_end(&c);

	d = make(&v, &v.root, "d", S_IFDIR | 0755);
	touch(&v, &d, "one");
	ck_assert_int_eq(mv(&v, &d, "one", &v.root, "two", 0), 0);
	vol_crash(&v, &c);
	ck_assert_int_eq(get(&c, &c.root, "two", &b), 0);
	ck_assert_int_eq(get(&c, &c.root, "d", &b), 0);
	ck_assert_uint_eq(b.zi.i_size, 0);
	vol_end(&c);
	put(&v, &d);
	put(&v, &a);
	vol_end(&v);
}
END_TEST

static struct {
	const char *from;
	char *to;
	size_t bytes;
	int at, fences; /* the copy is made at this one */
} snap;

static void snap_hook(struct toy_fs *fs)
{
	if (fs->base == snap.from && ++snap.fences == snap.at)
		memcpy(snap.to, snap.from, snap.bytes);
}

/* What the crash interrupts: a free, a truncate, a rename over a file. */
static void snap_work(struct vol *v, struct zufs_attr *sparse)
{
	ck_assert_int_eq(set_size(v, sparse, BLK), 0);
	ck_assert_int_eq(del(v, &v->root, "full"), 0);
	ck_assert_int_eq(mv(v, &v->root, "a", &v->root, "b", 0), 0);
}

static void snap_prepare(struct vol *v, struct zufs_attr *sparse)
{
	struct zufs_extent e[64];
	struct zufs_attr a;

	touch(v, &v->root, "a");
	touch(v, &v->root, "b");
	a = make(v, &v->root, "full", S_IFREG | 0644);
	ck_assert_int_eq(append(v, &a, 500, 'f'), 0);
	put(v, &a);
	*sparse = make(v, &v->root, "sparse", S_IFREG | 0644);
	ck_assert_int_eq(set_size(v, sparse, 2000 * BLK), 0);
	for (int i = 0; i < 2000; i += 2)
		multy(v, sparse, i * BLK, BLK, ZUFS_RW_WRITE, e);
	ck_assert_uint_eq(sparse->zi.i_blocks, 8000);
}

static uint64_t free_when_empty(struct vol *v)
{
	del(v, &v->root, "a");
	del(v, &v->root, "b");
	del(v, &v->root, "full");
	ck_assert_int_eq(del(v, &v->root, "sparse"), 0);
	ck_assert_uint_eq(count(v, &v->root), 0);
	return bfree(v);
}

/* Whether a crash at fence @at loses or leaks anything. False: no such fence. */
static bool snap_at(int at)
{
	struct zufs_attr sparse, a;
	struct vol v, c;

	vol_new(&v, 32);
	snap_prepare(&v, &sparse);
	c = v;
	c.addr = map_temp(v.bytes);
	snap.from = v.addr;
	snap.to = c.addr;
	snap.bytes = v.bytes;
	snap.at = at;
	snap.fences = 0;
	pm_fence_hook = snap_hook;
	snap_work(&v, &sparse);
	pm_fence_hook = NULL;
	put(&v, &sparse);
	if (snap.fences >= at) {
		vol_mount(&c);
		ck_assert_int_eq(get(&c, &c.root, "b", &a), 0);
		ck_assert_int_eq(get(&c, &c.root, "sparse", &a), 0);
		ck_assert_uint_eq(a.zi.i_blocks, a.zi.i_size == BLK ? 8 : 8000);
		ck_assert_uint_eq(free_when_empty(&c), free_when_empty(&v));
		vol_umount(&c);
	}
	munmap(c.addr, c.bytes);
	vol_end(&v);
	return snap.fences >= at;
}

START_TEST(crash_at_fences)
{
	int at = 1;

	while (snap_at(at))
		at++;
	ck_assert_int_gt(at, 10);
}
END_TEST

START_TEST(read_only)
{
	struct zufs_attr a;
	struct vol v;

	vol_new(&v, 32);
	touch(&v, &v.root, "a");
	vol_umount(&v);
	ck_assert_int_eq(try_mount(&v, ZUFS_M_RDONLY), 0);
	ck_assert_int_eq(get(&v, &v.root, "a", &a), 0);
	ck_assert_int_eq(make_full(&v, &v.root, "b", S_IFREG, NULL, 0, NULL),
			 -EROFS);
	vol_end(&v);
}
END_TEST

static int remount(struct vol *v, uint32_t flags)
{
	static struct zufs_ioc_mount zim;
	struct zus_inode_info *root = (void *)(uintptr_t)v->root.handle;

	zim.remount_flags = flags;
	return toyfs()->op->sbi_remount(root->sbi, &zim);
}

/* Orphans wait for a writable mount; one that is open outlives remounts. */
START_TEST(remounts)
{
	struct zufs_attr a;
	uint64_t before;
	struct vol v, c;

	vol_new(&v, 32);
	touch(&v, &v.root, "first");
	before = bfree(&v);
	ck_assert_int_eq(make_full(&v, &v.root, NULL, S_IFREG | 0600, NULL,
				   ZI_TMPFILE, &a),
			 0);
	ck_assert_int_eq(append(&v, &a, 9, 'x'), 0);
	c = v;
	c.addr = map_temp(v.bytes);
	memcpy(c.addr, v.addr, v.bytes);
	ck_assert_int_eq(try_mount(&c, ZUFS_M_RDONLY), 0);
	ck_assert_uint_eq(bfree(&c), before - 9);
	ck_assert_int_eq(remount(&c, ZUFS_REM_WAS_RO), 0);
	ck_assert_uint_eq(bfree(&c), before);
	touch(&c, &c.root, "more");
	vol_end(&c);

	ck_assert_int_eq(remount(&v, ZUFS_REM_WILL_RO), 0);
	ck_assert_int_eq(append(&v, &a, 1, 'y'), -EROFS);
	ck_assert_int_eq(remount(&v, ZUFS_REM_WAS_RO), 0);
	ck_assert(block_is(&v, &a, 8, 'x'));
	put(&v, &a);
	ck_assert_uint_eq(bfree(&v), before);
	vol_end(&v);
}
END_TEST

START_TEST(fallocates)
{
	const uint64_t zero = FALLOC_FL_ZERO_RANGE;
	const uint64_t hole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	struct zufs_attr a;
	uint64_t before;
	const char *p;
	struct zufs_extent e[64];
	struct vol v;

	vol_new(&v, 64);
	a = make(&v, &v.root, "a", S_IFREG | 0644);
	before = bfree(&v);
	ck_assert_int_eq(append(&v, &a, 10, 'd'), 0);
	ck_assert_int_eq(falloc(&v, &a, hole, 100, 3 * BLK + 100), 0);
	ck_assert_uint_eq(a.zi.i_blocks, 8 * 8);
	ck_assert(block_is(&v, &a, 1, -1) && block_is(&v, &a, 2, -1));
	ck_assert(block_is(&v, &a, 4, 'd'));
	ck_assert_int_ge(multy(&v, &a, 0, BLK, 0, e), 1);
	p = v.addr + e[0].pblk * BLK;
	ck_assert(p[99] == 'd' && !p[100] && !p[4095]);
	ck_assert_int_eq(falloc(&v, &a, zero, 0, 8 * BLK), 0);
	for (int i = 0; i < 8; i++)
		ck_assert(block_is(&v, &a, i, 0));
	ck_assert(block_is(&v, &a, 8, 'd'));
	ck_assert_int_eq(falloc(&v, &a, 0, 0, 3 * MIB), 0);
	ck_assert_uint_eq(a.zi.i_size, 3 * MIB);
	ck_assert_uint_eq(a.zi.i_blocks, 768 * 8);
	/* What is mapped behind the size is what an append writes to. */
	ck_assert_int_eq(falloc(&v, &a, FALLOC_FL_KEEP_SIZE, 3 * MIB, 4 * MIB),
			 0);
	ck_assert_uint_eq(a.zi.i_size, 3 * MIB);
	ck_assert_uint_eq(a.zi.i_blocks, 1024 * 8);
	ck_assert_int_eq(append(&v, &a, 5, 'e'), 0);
	ck_assert(block_is(&v, &a, 772, 'e'));
	ck_assert_uint_eq(a.zi.i_blocks, 1024 * 8);
	/* There isn't space for all of it: nothing changes. */
	ck_assert_int_eq(falloc(&v, &a, 0, 0, 100 * MIB), -ENOSPC);
	ck_assert_int_eq(get(&v, &v.root, "a", &a), 0);
	ck_assert_uint_eq(a.zi.i_size, 3 * MIB + 5 * BLK);
	ck_assert_uint_eq(a.zi.i_blocks, 1024 * 8);
	ck_assert_uint_lt(before - bfree(&v) - a.zi.i_blocks / 8, 8);
	ck_assert_int_eq(falloc(&v, &a, 0x40, 0, BLK), -EOPNOTSUPP);
	ck_assert_int_eq(set_size(&v, &a, 0), 0);
	ck_assert_uint_eq(bfree(&v), before);
	put(&v, &a);
	vol_end(&v);
}
END_TEST

struct job {
	struct vol *v;
	struct zufs_attr dir;
	unsigned int n;
};

/* Every third one gets data and goes away again: slots are used twice. */
static void *create_all(void *arg)
{
	struct job *j = arg;
	struct zufs_attr a;
	char name[32];

	for (unsigned int i = 0; i < j->n; i++) {
		sprintf(name, "file%u", i);
		a = make(j->v, &j->dir, name, S_IFREG | 0644);
		if (i % 3 == 0)
			append(j->v, &a, 2, 't');
		put(j->v, &a);
		if (i % 3 == 0)
			del(j->v, &j->dir, name);
	}
	return NULL;
}

START_TEST(two_threads)
{
	struct job j[2];
	pthread_t t[2];
	struct vol v;

	vol_new(&v, 64);
	for (int i = 0; i < 2; i++) {
		j[i].v = &v;
		j[i].n = 2000;
		j[i].dir = make(&v, &v.root, i ? "b" : "a", S_IFDIR | 0755);
	}
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, create_all, &j[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(count(&v, &j[i].dir), 2000 - 667);
		put(&v, &j[i].dir);
	}
	vol_end(&v);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		create_lookup_unlink,
		devices,
		rename_matrix,
		many_names,
		hard_links,
		symlinks,
		long_names,
		appends,
		holes,
		truncate_in_steps,
		tmpfile_link,
		no_space,
		crash,
		crash_at_fences,
		read_only,
		remounts,
		fallocates,
		two_threads,
		NULL,
	};
	Suite *s = suite_create("toyfs");

	add_case(s, "toyfs", tests, NULL, NULL);
	return run_suite(s);
}
