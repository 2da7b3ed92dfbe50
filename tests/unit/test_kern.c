// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Each call of the crash explorer's kernel, on toyfs.
 */
#include <dirent.h>
#include <linux/xattr.h>
#include <sys/sysmacros.h>

#include "kernvol.h"

#define LONG_NAME                                                    \
	"0123456789012345678901234567890123456789012345678901234567" \
	"0123456789012345678901234567890123456789012345678901234567" \
	"0123456789012345678901234567890123456789012345678901234567" \
	"0123456789012345678901234567890123456789012345678901234567" \
	"01234567890123456789012"

/* ---- names ---- */

struct names {
	struct kern *k;
	unsigned int nr, dirs;
	uint64_t inos;
};

/* It makes calls while the list is read. */
static void count_entry(const char *name, uint64_t ino, uint8_t type, void *arg)
{
	struct names *n = arg;
	char path[300];

	snprintf(path, sizeof(path), "d/%s", name);
	ck_assert_uint_eq(stat_of(n->k, path).i_ino, ino);
	n->nr++;
	n->dirs += type == DT_DIR;
	n->inos += ino;
}

START_TEST(names)
{
	struct zus_inode a, b;
	char path[64];
	struct names n;
	struct kern k;

	kern_new(&k, 16);
	n = (struct names){ .k = &k };
	OK(kern_mkdir(&k, "d", 0755));
	OK(kern_mkdir(&k, "d/sub", 0700));
	ck_assert_uint_eq(stat_of(&k, "").i_nlink, 3);
	ck_assert_uint_eq(stat_of(&k, "d").i_nlink, 3);
	for (int i = 0; i < 1000; i++) { /* more than an answer holds */
		snprintf(path, sizeof(path), "d/a-name-of-some-length-%d", i);
		OK(kern_create(&k, path, 0640));
	}
	OK(kern_readdir(&k, "d", count_entry, &n));
	ck_assert_uint_eq(n.nr, 1001);
	ck_assert_uint_eq(n.dirs, 1);

	a = stat_of(&k, "d/a-name-of-some-length-7");
	ck_assert_uint_eq(a.i_mode, S_IFREG | 0640);
	ck_assert_int_eq(a.i_mtime, NOW);
	k.now++;
	OK(kern_link(&k, "d/a-name-of-some-length-7", "d/sub/l"));
	b = stat_of(&k, "d/sub/l");
	ck_assert_uint_eq(b.i_ino, a.i_ino);
	ck_assert_uint_eq(b.i_nlink, 2);
	ck_assert_int_eq(b.i_ctime, NOW + 1);
	ck_assert_int_eq(stat_of(&k, "d/sub").i_mtime, NOW + 1);
	OK(kern_unlink(&k, "d/a-name-of-some-length-7"));
	ck_assert_uint_eq(stat_of(&k, "d/sub/l").i_nlink, 1);
	OK(kern_unlink(&k, "d/sub/l"));
	OK(kern_rmdir(&k, "d/sub"));
	ck_assert_uint_eq(stat_of(&k, "d").i_nlink, 2);
	kern_end(&k);
}
END_TEST

START_TEST(wrong_names)
{
	struct zus_inode zi;
	struct kern k;

	kern_new(&k, 16);
	OK(kern_mkdir(&k, "d", 0755));
	OK(kern_create(&k, "f", 0644));
	OK(kern_symlink(&k, "s", "f"));
	FAILS(kern_create(&k, "f", 0644), EEXIST);
	FAILS(kern_mkdir(&k, "", 0755), EEXIST);
	FAILS(kern_create(&k, "x/y", 0644), ENOENT);
	FAILS(kern_create(&k, "f/y", 0644), ENOTDIR);
	FAILS(kern_stat(&k, "f/y/z", &zi), ENOTDIR);
	FAILS(kern_create(&k, LONG_NAME "x", 0644), ENAMETOOLONG);
	FAILS(kern_stat(&k, LONG_NAME "x/y", &zi), ENAMETOOLONG);
	OK(kern_create(&k, LONG_NAME, 0644));
	FAILS(kern_link(&k, "d", "l"), EPERM);
	FAILS(kern_link(&k, "f", "d"), EEXIST);
	FAILS(kern_unlink(&k, "d"), EISDIR);
	FAILS(kern_rmdir(&k, "f"), ENOTDIR);
	FAILS(kern_rmdir(&k, ""), EBUSY);
	FAILS(kern_unlink(&k, "x"), ENOENT);
	FAILS(kern_open(&k, "x"), ENOENT);
	FAILS(kern_open(&k, "s"), ELOOP);
	FAILS(kern_tmpfile(&k, "f", 0600), ENOTDIR);
	FAILS(kern_readdir(&k, "f", NULL, NULL), ENOTDIR);
	OK(kern_create(&k, "d/f", 0644));
	FAILS(kern_rmdir(&k, "d"), ENOTEMPTY);
	ck_assert_uint_eq(stat_of(&k, "d").i_nlink, 2);
	kern_end(&k);
}
END_TEST

START_TEST(renames)
{
	struct zus_inode f, g, d;
	struct kern k;

	kern_new(&k, 16);
	OK(kern_mkdir(&k, "d", 0755));
	OK(kern_mkdir(&k, "d/e", 0755));
	OK(kern_create(&k, "f", 0644));
	OK(kern_create(&k, "d/g", 0644));
	f = stat_of(&k, "f");
	g = stat_of(&k, "d/g");
	d = stat_of(&k, "d");
	FAILS(kern_rename(&k, "f", "d/g", RENAME_NOREPLACE), EEXIST);
	FAILS(kern_rename(&k, "f", "x", RENAME_EXCHANGE), ENOENT);
	FAILS(kern_rename(&k, "f", "x", RENAME_EXCHANGE | RENAME_NOREPLACE),
	      EINVAL);
	FAILS(kern_rename(&k, "d", "d/e/x", 0), EINVAL);
	FAILS(kern_rename(&k, "d/e", "d", 0), ENOTEMPTY);
	FAILS(kern_rename(&k, "d/e", "d", RENAME_EXCHANGE), EINVAL);
	FAILS(kern_rename(&k, "d/e", "f", 0), ENOTDIR);
	FAILS(kern_rename(&k, "f", "d/e", 0), EISDIR);
	FAILS(kern_rename(&k, "x", "f", 0), ENOENT);

	OK(kern_rename(&k, "f", "d/g", RENAME_EXCHANGE));
	ck_assert_uint_eq(stat_of(&k, "f").i_ino, g.i_ino);
	ck_assert_uint_eq(stat_of(&k, "d/g").i_ino, f.i_ino);
	OK(kern_rename(&k, "d/e", "f", RENAME_EXCHANGE));
	ck_assert_uint_eq(stat_of(&k, "d").i_nlink, 2);
	OK(kern_rename(&k, "f", "e", RENAME_NOREPLACE));
	OK(kern_rename(&k, "d/e", "d/g", 0));
	ck_assert_uint_eq(stat_of(&k, "d/g").i_ino, g.i_ino);
	OK(kern_link(&k, "d/g", "g"));
	OK(kern_rename(&k, "d/g", "g", 0)); /* one file: nothing */
	ck_assert_uint_eq(stat_of(&k, "d/g").i_nlink, 2);
	OK(kern_rename(&k, "g", "w", RENAME_WHITEOUT));
	ck_assert_uint_eq(stat_of(&k, "g").i_mode, S_IFCHR);
	ck_assert_uint_eq(stat_of(&k, "g").i_rdev, 0);
	ck_assert_uint_eq(stat_of(&k, "w").i_ino, g.i_ino);
	OK(kern_mkdir(&k, "empty", 0755));
	OK(kern_rename(&k, "d", "empty", 0));
	ck_assert_uint_eq(stat_of(&k, "empty").i_ino, d.i_ino);
	ck_assert_uint_eq(stat_of(&k, "").i_nlink, 4);
	kern_end(&k);
}
END_TEST

START_TEST(specials)
{
	char text[4096], got[4096];
	struct zus_inode zi;
	struct kern k;

	kern_new(&k, 16);
	OK(kern_mknod(&k, "chr", S_IFCHR | 0600, makedev(1, 3)));
	zi = stat_of(&k, "chr");
	ck_assert_uint_eq(zi.i_mode, S_IFCHR | 0600);
	ck_assert_uint_eq(zi.i_rdev, makedev(1, 3));
	OK(kern_mknod(&k, "fifo", S_IFIFO | 0644, 0));
	ck_assert_uint_eq(stat_of(&k, "fifo").i_mode, S_IFIFO | 0644);
	memset(text, 'x', sizeof(text));
	for (int len = 1; len < 4096; len += len < 40 ? 1 : 676) {
		text[len] = '\0';
		OK(kern_symlink(&k, "s", text));
		ck_assert_int_eq(kern_readlink(&k, "s", got, sizeof(got)), len);
		ck_assert(!memcmp(text, got, len));
		OK(kern_unlink(&k, "s"));
		text[len] = 'x';
	}
	text[4095] = 'x';
	FAILS(kern_symlink(&k, "s", ""), ENOENT);
	FAILS(kern_readlink(&k, "fifo", got, sizeof(got)), EINVAL);

	OK(kern_mkdir(&k, "d", S_ISGID | 0775));
	OK(kern_chown(&k, "d", 5, 6));
	OK(kern_mkdir(&k, "d/sub", 0755));
	OK(kern_create(&k, "d/f", 0644));
	ck_assert_uint_eq(stat_of(&k, "d/sub").i_mode,
			  S_IFDIR | S_ISGID | 0755);
	ck_assert_uint_eq(stat_of(&k, "d/f").i_gid, 6);
	ck_assert_uint_eq(stat_of(&k, "d/f").i_uid, 0);
	kern_end(&k);
}
END_TEST

/* ---- open files ---- */

static int answers;

static void answered(struct kern *k)
{
	(void)k;
	answers++;
}

START_TEST(open_files)
{
	int fd, fds[KERN_FILES];
	struct zus_inode zi;
	uint64_t blocks;
	char got[8];
	struct kern k;

	kern_new(&k, 16);
	k.answered = answered;
	OK(kern_create(&k, "stays", 0644)); /* and so the root's leaf */
	OK(kern_create(&k, "f", 0644));
	blocks = blocks_free(&k);
	for (int i = 0; i < KERN_FILES; i++)
		ck_assert_int_eq((fds[i] = kern_open(&k, "f")), i);
	FAILS(kern_open(&k, "f"), EMFILE);
	ck_assert_int_eq(kern_write(&k, fds[3], 100000, "abcdefg", 7), 7);
	ck_assert_uint_eq(kern_size(&k, fds[4]), 100007);
	OK(kern_unlink(&k, "f"));
	FAILS(kern_stat(&k, "f", &zi), ENOENT);
	FAILS(kern_linkfd(&k, fds[0], "g"), ENOENT);
	for (int i = 0; i < KERN_FILES - 1; i++)
		OK(kern_close(&k, fds[i]));
	FAILS(kern_close(&k, fds[0]), EBADF);
	fd = fds[KERN_FILES - 1];
	ck_assert_int_eq(kern_read(&k, fd, 100001, got, sizeof(got)), 6);
	ck_assert(!memcmp(got, "bcdefg", 6));
	ck_assert_uint_lt(blocks_free(&k), blocks);
	OK(kern_close(&k, fd));
	ck_assert_uint_eq(blocks_free(&k), blocks);
	ck_assert_int_eq(answers, KERN_FILES + 1);

	fd = kern_tmpfile(&k, "", 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(kern_write(&k, fd, 0, "tmp", 3), 3);
	OK(kern_linkfd(&k, fd, "t"));
	ck_assert_uint_eq(stat_of(&k, "t").i_nlink, 1);
	ck_assert_uint_eq(stat_of(&k, "t").i_size, 3);
	OK(kern_unlink(&k, "t"));
	FAILS(kern_linkfd(&k, fd, "t"), ENOENT);
	OK(kern_close(&k, fd));
	ck_assert_uint_eq(blocks_free(&k), blocks);
	kern_end(&k);
}
END_TEST

START_TEST(wrong_files)
{
	struct kern k;
	int fd, dir;
	char c = 'c';

	kern_new(&k, 16);
	OK(kern_mkdir(&k, "d", 0755));
	dir = kern_open(&k, "d");
	fd = open_new(&k, "f");
	FAILS(kern_write(&k, dir, 0, &c, 1), EISDIR);
	FAILS(kern_read(&k, dir, 0, &c, 1), EISDIR);
	FAILS(kern_write(&k, 9, 0, &c, 1), EBADF);
	FAILS(kern_fsync(&k, -1), EBADF);
	FAILS(kern_linkfd(&k, 9, "x"), EBADF);
	FAILS(kern_truncate(&k, fd, TOY_MAX_BYTES + 1), EFBIG);
	FAILS(kern_write(&k, fd, TOY_MAX_BYTES, &c, 1), EFBIG);
	FAILS(kern_fallocate(&k, fd, 0, 0, 0), EINVAL);
	FAILS(kern_fallocate(&k, fd, 0, TOY_MAX_BYTES, 1), EFBIG);
	FAILS(kern_fallocate(&k, fd, FALLOC_FL_PUNCH_HOLE, 0, 1), EOPNOTSUPP);
	FAILS(kern_fallocate(&k, fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096),
	      EOPNOTSUPP);
	ck_assert_int_eq(kern_write(&k, fd, 7, &c, 0), 0);
	ck_assert_uint_eq(kern_size(&k, fd), 0);
	OK(kern_truncate(&k, fd, TOY_MAX_BYTES - 1));
	ck_assert_int_eq(kern_write(&k, fd, TOY_MAX_BYTES - 1, "cc", 2), 1);
	kern_end(&k);
}
END_TEST

/* ---- attributes and times ---- */

START_TEST(attributes)
{
	struct zus_inode zi;
	struct kern k;

	kern_new(&k, 16);
	OK(kern_create(&k, "f", 0644));
	k.now = NOW + 5;
	OK(kern_chmod(&k, "f", S_ISUID | S_ISGID | 0711));
	OK(kern_chown(&k, "f", 10, 20));
	OK(kern_utimes(&k, "f", -7, 8));
	zi = stat_of(&k, "f");
	ck_assert_uint_eq(zi.i_mode, S_IFREG | 0711);
	ck_assert_uint_eq(zi.i_uid, 10);
	ck_assert_uint_eq(zi.i_gid, 20);
	ck_assert_int_eq((int64_t)zi.i_atime, -7);
	ck_assert_int_eq(zi.i_mtime, 8);
	ck_assert_int_eq(zi.i_ctime, NOW + 5);
	kern_end(&k);
}
END_TEST

static struct zus_inode after_cut(struct kern *k, const char *path)
{
	kern_kill(k);
	kern_again(k, 0);
	return stat_of(k, path);
}

/* Times of overwrites are told by SYNC, SETATTR and COMMIT_WRITE, not before. */
START_TEST(lazy_times)
{
	struct zus_inode zi;
	struct kern k;
	int fd;

	kern_new(&k, 16);
	fd = open_new(&k, "f");
	ck_assert_int_eq(kern_write(&k, fd, 0, "abcd", 4), 4);
	k.now = NOW + 1;
	ck_assert_int_eq(kern_write(&k, fd, 0, "e", 1), 1);
	ck_assert_int_eq(stat_of(&k, "f").i_mtime, NOW + 1);
	zi = after_cut(&k, "f");
	ck_assert_int_eq(zi.i_mtime, NOW);
	ck_assert_int_eq(zi.i_ctime, NOW);

	fd = kern_open(&k, "f");
	ck_assert_int_eq(kern_write(&k, fd, 0, "f", 1), 1);
	OK(kern_fsync(&k, fd));
	zi = after_cut(&k, "f");
	ck_assert_int_eq(zi.i_mtime, NOW + 1);
	ck_assert_int_eq(zi.i_ctime, NOW + 1);

	fd = kern_open(&k, "f");
	k.now = NOW + 2;
	ck_assert_int_eq(kern_write(&k, fd, 0, "g", 1), 1);
	k.now = NOW + 3;
	OK(kern_chmod(&k, "f", 0600));
	zi = after_cut(&k, "f");
	ck_assert_int_eq(zi.i_mtime, NOW + 2);
	ck_assert_int_eq(zi.i_ctime, NOW + 3);

	fd = kern_open(&k, "f");
	k.now = NOW + 4;
	ck_assert_int_eq(kern_write(&k, fd, 0, "h", 1), 1);
	k.now = NOW + 5;
	OK(kern_setxattr(&k, "f", "user.a", "x", 1, 0));
	ck_assert_int_eq(stat_of(&k, "f").i_mtime, NOW + 4);
	ck_assert_int_eq(stat_of(&k, "f").i_ctime, NOW + 5);
	zi = after_cut(&k, "f");
	ck_assert_int_eq(zi.i_mtime, NOW + 2);

	fd = kern_open(&k, "f");
	k.now = NOW + 6;
	ck_assert_int_eq(kern_write(&k, fd, 4, "i", 1), 1);
	ck_assert_int_eq(after_cut(&k, "f").i_mtime, NOW + 6);
	fd = kern_open(&k, "f");
	k.now = NOW + 7;
	ck_assert_int_eq(kern_write(&k, fd, 4, "j", 1), 1);
	OK(kern_close(&k, fd));
	ck_assert_int_eq(after_cut(&k, "f").i_mtime, NOW + 7);
	kern_end(&k);
}
END_TEST

START_TEST(xattrs)
{
	char value[3000], got[3000], list[64];
	struct kern k;

	kern_new(&k, 16);
	memset(value, 'v', sizeof(value));
	OK(kern_create(&k, "f", 0644));
	OK(kern_mknod(&k, "fifo", S_IFIFO | 0644, 0));
	ck_assert_int_eq(kern_listxattr(&k, "f", list, sizeof(list)), 0);
	FAILS(kern_getxattr(&k, "f", "user.a", got, sizeof(got)), ENODATA);
	OK(kern_setxattr(&k, "f", "user.a", value, 3000, XATTR_CREATE));
	FAILS(kern_setxattr(&k, "f", "user.a", "x", 1, XATTR_CREATE), EEXIST);
	FAILS(kern_setxattr(&k, "f", "user.b", "x", 1, XATTR_REPLACE), ENODATA);
	OK(kern_setxattr(&k, "f", "user.empty", NULL, 0, 0));
	ck_assert_int_eq(kern_getxattr(&k, "f", "user.a", NULL, 0), 3000);
	FAILS(kern_getxattr(&k, "f", "user.a", got, 2999), ERANGE);
	ck_assert_int_eq(kern_getxattr(&k, "f", "user.a", got, 3000), 3000);
	ck_assert(!memcmp(value, got, 3000));
	ck_assert_int_eq(kern_getxattr(&k, "f", "user.empty", got, 1), 0);
	ck_assert_int_eq(kern_listxattr(&k, "f", NULL, 0), 18);
	ck_assert_int_eq(kern_listxattr(&k, "f", list, sizeof(list)), 18);
	ck_assert(!memcmp(list, "user.a", 7) ||
		  !memcmp(list + 11, "user.a", 7));
	OK(kern_removexattr(&k, "f", "user.a"));
	FAILS(kern_removexattr(&k, "f", "user.a"), ENODATA);
	FAILS(kern_setxattr(&k, "fifo", "user.a", "x", 1, 0), EPERM);
	FAILS(kern_getxattr(&k, "fifo", "user.a", got, 1), ENODATA);
	FAILS(kern_setxattr(&k, "f", "system.a", "x", 1, 0), EOPNOTSUPP);
	FAILS(kern_setxattr(&k, "f", "user.", "x", 1, 0), EINVAL);
	FAILS(kern_setxattr(&k, "f", "user." LONG_NAME, "x", 1, 0), ERANGE);
	kern_end(&k);
}
END_TEST

/* ---- mounts ---- */

/* Orphans, grants, lazy times: what a umount would settle. */
START_TEST(power_cut)
{
	static const char bytes[20000] = { 1 };
	uint64_t blocks;
	struct kern k;
	char *image;
	int fd;

	kern_new(&k, 16);
	blocks = blocks_free(&k);
	fd = open_new(&k, "gone");
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(kern_write(&k, fd, kern_size(&k, fd), bytes,
					    sizeof(bytes)),
				 sizeof(bytes));
	OK(kern_unlink(&k, "gone"));
	fd = kern_tmpfile(&k, "", 0600);
	ck_assert_int_eq(kern_write(&k, fd, 0, bytes, sizeof(bytes)),
			 sizeof(bytes));
	k.now++;
	ck_assert_int_eq(kern_write(&k, fd, 0, bytes, 10), 10);

	image = malloc(k.bytes);
	memcpy(image, k.addr, k.bytes);
	kern_kill(&k);
	ck_assert(!memcmp(image, k.addr, k.bytes));
	free(image);
	kern_again(&k, ZUFS_M_RDONLY);
	kern_kill(&k);
	kern_again(&k, 0);
	ck_assert_uint_eq(blocks_free(&k), blocks);
	kern_end(&k);
}
END_TEST

START_TEST(read_only)
{
	char c = 'c', got = 0;
	struct kern k;
	int fd;

	kern_new(&k, 16);
	fd = open_new(&k, "f");
	ck_assert_int_eq(kern_write(&k, fd, 0, &c, 1), 1);
	k.now++;
	ck_assert_int_eq(kern_write(&k, fd, 0, &c, 1), 1);
	FAILS(kern_remount(&k, true), EBUSY);
	OK(kern_close(&k, fd));
	OK(kern_remount(&k, true));
	ck_assert_int_eq(stat_of(&k, "f").i_mtime, NOW + 1);
	fd = kern_open(&k, "f");
	ck_assert_int_eq(kern_read(&k, fd, 0, &got, 1), 1);
	ck_assert_int_eq(got, c);
	FAILS(kern_write(&k, fd, 0, &c, 1), EROFS);
	FAILS(kern_truncate(&k, fd, 0), EROFS);
	FAILS(kern_fallocate(&k, fd, 0, 0, 1), EROFS);
	FAILS(kern_linkfd(&k, fd, "l"), EROFS);
	FAILS(kern_tmpfile(&k, "", 0600), EROFS);
	FAILS(kern_create(&k, "g", 0644), EROFS);
	FAILS(kern_create(&k, "f", 0644), EEXIST);
	FAILS(kern_link(&k, "f", "l"), EROFS);
	FAILS(kern_unlink(&k, "f"), EROFS);
	FAILS(kern_rename(&k, "f", "g", 0), EROFS);
	FAILS(kern_chmod(&k, "f", 0600), EROFS);
	FAILS(kern_chown(&k, "f", 1, 1), EROFS);
	FAILS(kern_utimes(&k, "f", 1, 1), EROFS);
	FAILS(kern_setxattr(&k, "f", "user.a", "x", 1, 0), EROFS);
	FAILS(kern_removexattr(&k, "f", "user.a"), EROFS);
	OK(kern_remount(&k, false));
	ck_assert_int_eq(kern_write(&k, fd, 0, &c, 1), 1);
	kern_end(&k);
}
END_TEST

START_TEST(two_mounts)
{
	struct kern a, b;
	int x, y;

	kern_new(&a, 16);
	kern_new(&b, 16);
	x = open_new(&a, "f");
	y = open_new(&b, "f");
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(kern_write(&a, x, i * 1000UL, "aa", 2), 2);
		ck_assert_int_eq(kern_write(&b, y, i * 5000UL, "bb", 2), 2);
	}
	ck_assert_uint_eq(kern_size(&a, x), 49002);
	ck_assert_uint_eq(kern_size(&b, y), 245002);
	kern_kill(&b);
	kern_again(&b, 0);
	ck_assert_uint_eq(stat_of(&b, "f").i_size, 245002);
	kern_end(&b);
	kern_end(&a);
}
END_TEST

/* ---- calls at fences of others ---- */

static void (*at_fence)(void);

/* In libpmem's place: toyfs and the kernel come here. */
void pmem_drain(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (at_fence)
		at_fence();
}

static struct kern live, image;
static unsigned int looks;

static void look_at(const char *path, uint64_t old, uint64_t new)
{
	struct zus_inode zi;
	int err = kern_stat(&image, path, &zi);

	if (err)
		ck_assert_int_eq(err, -ENOENT);
	else
		ck_assert(zi.i_size == old || zi.i_size == new);
}

/* As the explorer does: what is there now is mounted while the call runs. */
static void look_now(void)
{
	void (*back)(void) = at_fence;

	at_fence = NULL;
	memcpy(image.addr, live.addr, live.bytes);
	kern_again(&image, 0);
	look_at("f", 0, 50000);
	look_at("g", 50000, 3);
	kern_umount(&image);
	looks++;
	at_fence = back;
}

START_TEST(calls_in_calls)
{
	static const char bytes[50000] = { 1 };
	int fd;

	kern_new(&live, 16);
	image = (struct kern){ .addr = map_temp(live.bytes),
			       .bytes = live.bytes };
	at_fence = look_now;
	fd = open_new(&live, "f");
	ck_assert_int_eq(kern_write(&live, fd, 0, bytes, sizeof(bytes)),
			 sizeof(bytes));
	OK(kern_setxattr(&live, "f", "user.a", bytes, 100, 0));
	OK(kern_rename(&live, "f", "g", 0));
	OK(kern_truncate(&live, fd, 3));
	OK(kern_fallocate(&live, fd, FALLOC_FL_KEEP_SIZE, 0, 9000));
	OK(kern_unlink(&live, "g"));
	OK(kern_close(&live, fd));
	at_fence = NULL;
	ck_assert_uint_gt(looks, 10);
	munmap(image.addr, image.bytes);
	kern_end(&live);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		names,	     wrong_names, renames,	  specials, open_files,
		wrong_files, attributes,  lazy_times,	  xattrs,   power_cut,
		read_only,   two_mounts,  calls_in_calls, NULL,
	};
	Suite *s = suite_create("kern");

	add_case(s, "kern", tests, NULL, NULL);
	return run_suite(s);
}
