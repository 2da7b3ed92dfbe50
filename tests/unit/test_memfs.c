// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * examples/memfs.c in-process: what it claims, and many threads at once.
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "kern.h"
#include "suite.h"

#define NOW	1000000
#define SIZE	(64U << 20) /* bytes that it may hold */
#define THREADS 8
#define ROUNDS	2000

#define OK(call)       ck_assert_int_eq(call, 0)
#define FAILS(call, e) ck_assert_int_eq(call, -(e))

__thread const char *pm_where; /* a recorder's, which isn't here */

static struct kern k;

static void set_up(void)
{
	if (!zus_find_fs("memfs"))
		OK(zus_plugin_init());
	memset(&k, 0, sizeof(k));
	k.now = NOW;
	OK(kern_mount(&k, zus_find_fs("memfs"), NULL, 0, 0));
}

static uint64_t blocks_free(void)
{
	struct zufs_ioc_statfs st;

	OK(kern_statfs(&k, &st));
	ck_assert_uint_eq(st.blocks, SIZE / 4096);
	return st.bfree;
}

/* Every test leaves an empty filesystem: nothing may be lost. */
static void tear_down(void)
{
	uint64_t left = blocks_free();

	ck_assert_uint_ge(left, SIZE / 4096 - 1);
	kern_umount(&k);
}

static struct zus_inode stat_of(const char *path)
{
	struct zus_inode zi;

	OK(kern_stat(&k, path, &zi));
	return zi;
}

static int open_new(const char *path)
{
	int fd;

	OK(kern_create(&k, path, 0644));
	fd = kern_open(&k, path);
	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(names)
{
	uint64_t ino;

	OK(kern_mkdir(&k, "d", 0750));
	OK(kern_mkdir(&k, "d/sub", 0700));
	ck_assert_uint_eq(stat_of("d").i_mode, S_IFDIR | 0750);
	k.now++;
	OK(kern_create(&k, "d/f", 0640));
	ck_assert_int_eq(stat_of("d").i_mtime, NOW + 1);
	ino = stat_of("d/f").i_ino;
	FAILS(kern_create(&k, "d/f", 0644), EEXIST);
	FAILS(kern_rmdir(&k, "d"), ENOTEMPTY);
	OK(kern_link(&k, "d/f", "l"));
	ck_assert_uint_eq(stat_of("l").i_ino, ino);
	ck_assert_uint_eq(stat_of("l").i_nlink, 2);
	OK(kern_unlink(&k, "d/f"));
	ck_assert_uint_eq(stat_of("l").i_nlink, 1);
	ck_assert_uint_eq(stat_of("d/sub/..").i_ino, stat_of("d").i_ino);
	OK(kern_rename(&k, "d/sub", "sub", 0));
	ck_assert_uint_eq(stat_of("sub/..").i_ino, stat_of("").i_ino);
	OK(kern_unlink(&k, "l"));
	OK(kern_rmdir(&k, "sub"));
	OK(kern_rmdir(&k, "d"));
	FAILS(kern_stat(&k, "d", &(struct zus_inode){ 0 }), ENOENT);
}
END_TEST

START_TEST(renames)
{
	uint64_t a, b;

	OK(kern_mkdir(&k, "d", 0755));
	OK(kern_mkdir(&k, "e", 0755));
	OK(kern_create(&k, "d/a", 0644));
	OK(kern_create(&k, "e/b", 0644));
	a = stat_of("d/a").i_ino;
	b = stat_of("e/b").i_ino;
	FAILS(kern_rename(&k, "d/a", "e/b", 2), EINVAL); /* EXCHANGE */
	OK(kern_rename(&k, "d/a", "e/b", 0));
	ck_assert_uint_eq(stat_of("e/b").i_ino, a);
	ck_assert_uint_eq(stat_of("e/b").i_nlink, 1);
	FAILS(kern_stat(&k, "d/a", &(struct zus_inode){ 0 }), ENOENT);
	FAILS(kern_stat_ino(&k, b, 0, &(struct zus_inode){ 0 }), ESTALE);
	FAILS(kern_rename(&k, "d", "e", 0), ENOTEMPTY);
	OK(kern_rename(&k, "e", "d", 0));
	ck_assert_uint_eq(stat_of("d/b").i_ino, a);
	OK(kern_unlink(&k, "d/b"));
	OK(kern_rmdir(&k, "d"));
}
END_TEST

/* What lost its name is there while it is open. */
START_TEST(nameless)
{
	char buf[3];
	int fd = open_new("f"), tmp = kern_tmpfile(&k, "", 0600);

	ck_assert_int_ge(tmp, 0);
	ck_assert_int_eq(kern_write(&k, tmp, 0, "tmp", 3), 3);
	OK(kern_linkfd(&k, tmp, "t"));
	ck_assert_uint_eq(stat_of("t").i_size, 3);
	ck_assert_int_eq(kern_write(&k, fd, 0, "abc", 3), 3);
	OK(kern_unlink(&k, "f"));
	ck_assert_int_eq(kern_read(&k, fd, 0, buf, 3), 3);
	ck_assert_mem_eq(buf, "abc", 3);
	OK(kern_close(&k, fd));
	OK(kern_close(&k, tmp));
	OK(kern_unlink(&k, "t"));
}
END_TEST

static void symlink_of(size_t len)
{
	char text[ZUFS_SYMLINK_MAX], back[ZUFS_SYMLINK_MAX];

	memset(text, 'x', len);
	text[len] = '\0';
	OK(kern_symlink(&k, "s", text));
	ck_assert_int_eq(kern_readlink(&k, "s", back, sizeof(back)), (int)len);
	ck_assert_mem_eq(text, back, len);
	OK(kern_unlink(&k, "s"));
}

START_TEST(symlinks)
{
	symlink_of(1);
	symlink_of(31);
	symlink_of(32);
	symlink_of(ZUFS_SYMLINK_MAX - 1);
}
END_TEST

START_TEST(attributes)
{
	int fd = open_new("f");

	k.now++;
	OK(kern_chmod(&k, "f", 0400));
	OK(kern_chown(&k, "f", 5, 6));
	OK(kern_utimes(&k, "f", -7, 8));
	ck_assert_uint_eq(stat_of("f").i_mode, S_IFREG | 0400);
	ck_assert_uint_eq(stat_of("f").i_uid, 5);
	ck_assert_uint_eq(stat_of("f").i_gid, 6);
	ck_assert_int_eq(stat_of("f").i_atime, -7);
	ck_assert_int_eq(stat_of("f").i_mtime, 8);
	ck_assert_int_eq(stat_of("f").i_ctime, NOW + 1);
	k.now++;
	ck_assert_int_eq(kern_write(&k, fd, 4096, "x", 1), 1);
	ck_assert_int_eq(stat_of("f").i_mtime, NOW + 2);
	ck_assert_uint_eq(stat_of("f").i_blocks, 16);
	OK(kern_close(&k, fd));
	OK(kern_unlink(&k, "f"));
}
END_TEST

/* ---- data ---- */

#define MODEL 300000U /* bytes */

static unsigned char model[MODEL], out[MODEL];
static size_t model_size;

static void random_write(int fd)
{
	static unsigned char in[MODEL / 4];
	size_t pos = (size_t)rand() % (MODEL - sizeof(in));
	size_t len = (size_t)rand() % sizeof(in) + 1;

	memset(in, rand() | 1, len);
	ck_assert_int_eq(kern_write(&k, fd, pos, in, len), (ssize_t)len);
	memcpy(model + pos, in, len);
	if (pos + len > model_size)
		model_size = pos + len;
}

static void random_truncate(int fd)
{
	size_t size = (size_t)rand() % MODEL;

	OK(kern_truncate(&k, fd, size));
	if (size < model_size)
		memset(model + size, 0, model_size - size);
	model_size = size;
}

/* Random writes and truncates against a buffer: holes and tails are zeros. */
START_TEST(data)
{
	int fd = open_new("f");

	srand(1);
	for (int i = 0; i < 500; i++) {
		if (rand() % 3)
			random_write(fd);
		else
			random_truncate(fd);
		ck_assert_uint_eq(stat_of("f").i_size, model_size);
		ck_assert_int_eq(kern_read(&k, fd, 0, out, MODEL),
				 (ssize_t)model_size);
		ck_assert_mem_eq(out, model, model_size);
	}
	ck_assert_int_eq(kern_read(&k, fd, MODEL, out, 1), 0);
	OK(kern_close(&k, fd));
	OK(kern_unlink(&k, "f"));
}
END_TEST

/* ENOSPC, and all comes back; a file that is too large. */
START_TEST(space)
{
	static char mib[1 << 20];
	int fd = open_new("f");

	FAILS(kern_truncate(&k, fd, SIZE + 1), EFBIG);
	FAILS(kern_truncate(&k, fd, SIZE), ENOSPC);
	OK(kern_truncate(&k, fd, SIZE - 2 * sizeof(mib)));
	/* Some of it is done, then nothing. */
	ck_assert_int_lt(kern_write(&k, fd, SIZE - sizeof(mib), mib,
				    sizeof(mib)),
			 (ssize_t)sizeof(mib));
	FAILS(kern_write(&k, fd, SIZE - 1, mib, 1), ENOSPC);
	OK(kern_truncate(&k, fd,
			 stat_of("f").i_blocks * 512 + blocks_free() * 4096));
	ck_assert_uint_eq(blocks_free(), 0);
	FAILS(kern_symlink(&k, "s", "text"), ENOSPC);
	ck_assert_uint_eq(blocks_free(), 0);
	OK(kern_close(&k, fd));
	OK(kern_unlink(&k, "f"));
}
END_TEST

/* ---- directories ---- */

#define NAMES 3000 /* more than an answer holds */

struct list {
	unsigned int nr, even;
};

/* Odd names go while the list is read; more come. */
static void entry(const char *name, uint64_t ino, uint8_t type, void *arg)
{
	struct list *l = arg;
	char other[64];

	(void)ino;
	ck_assert_int_eq(type, 8);
	l->nr++;
	l->even += atoi(name) < NAMES && atoi(name) % 2 == 0;
	snprintf(other, sizeof(other), "%u", (l->nr - 1) * 2 + 1);
	if (l->nr <= NAMES / 2)
		OK(kern_unlink(&k, other));
}

START_TEST(stable_list)
{
	struct list l = { 0 };
	char name[64];

	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		OK(kern_create(&k, name, 0644));
	}
	OK(kern_readdir(&k, "", entry, &l));
	ck_assert_uint_eq(
		l.even, NAMES / 2); /* each that was there all the time, once */
	for (int i = 0; i < NAMES; i += 2) {
		snprintf(name, sizeof(name), "%d", i);
		OK(kern_unlink(&k, name));
	}
}
END_TEST

/* ---- many threads, in one directory ---- */

static void any_entry(const char *name, uint64_t ino, uint8_t type, void *arg)
{
	(void)name;
	(void)type;
	*(uint64_t *)arg += ino;
}

static void one_round(struct kern *mine, unsigned int id, int i)
{
	char a[16], b[16], buf[64];
	uint64_t sum = 0;
	int fd;

	snprintf(a, sizeof(a), "%u-a", id);
	snprintf(b, sizeof(b), "%u-b", id);
	OK(kern_create(mine, a, 0644));
	fd = kern_open(mine, a);
	memset(buf, (int)id, sizeof(buf));
	ck_assert_int_eq(kern_write(mine, fd, 0, buf, sizeof(buf)), 64);
	OK(kern_rename(mine, a, b, 0));
	if (i % 16 == 0)
		OK(kern_readdir(mine, "", any_entry, &sum));
	memset(buf, 0, sizeof(buf));
	ck_assert_int_eq(kern_read(mine, fd, 0, buf, sizeof(buf)), 64);
	ck_assert_int_eq(buf[63], (int)id);
	OK(kern_unlink(mine, b));
	OK(kern_close(mine, fd));
}

static void *thread(void *arg)
{
	struct kern *mine = calloc(1, sizeof(*mine));

	zus_local_channel((unsigned int)(uintptr_t)arg);
	mine->now = NOW;
	kern_share(mine, &k);
	for (int i = 0; i < ROUNDS; i++)
		one_round(mine, (unsigned int)(uintptr_t)arg, i);
	kern_unshare(mine);
	free(mine);
	return NULL;
}

START_TEST(threads)
{
	pthread_t t[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		OK(pthread_create(&t[i], NULL, thread, (void *)i));
	for (int i = 0; i < THREADS; i++)
		OK(pthread_join(t[i], NULL));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		names, renames, nameless,    symlinks, attributes,
		data,  space,	stable_list, threads,  NULL,
	};
	Suite *s = suite_create("memfs");

	add_case(s, "mounted", tests, set_up, tear_down);
	return run_suite(s);
}
