// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Bad blocks and unsafe shutdowns, as health_double.c tells them: what mkfs,
 * fsck and mounts make of them.
 */
#include <stdlib.h>

#include "bad.h"
#include "kernvol.h"
#include "toycheck.h"

#define MIBS   16
#define BLOCKS (MIBS * MIB / BLK)

static struct kern k;
static char path[] = "/tmp/test_health.XXXXXX";

/* ---- what is known ---- */

static struct toy_health health;

static void know(uint64_t shutdowns, unsigned int nr, const struct toy_bad *bad)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	if (shutdowns != TOY_NO_COUNT)
		fprintf(f, "shutdowns %llu\n", (unsigned long long)shutdowns);
	for (unsigned int i = 0; i < nr; i++)
		fprintf(f, "bad %llu %llu\n", (unsigned long long)bad[i].bn,
			(unsigned long long)bad[i].len);
	fclose(f);
	setenv("TOY_HEALTH", path, 1);
	toy_health_free(&health);
	OK(toy_health_read(0, &health));
}

static void know_block(uint64_t bn)
{
	struct toy_bad bad = { bn, 1 };

	know(TOY_NO_COUNT, 1, &bad);
}

static void set_up(void)
{
	close(mkstemp(path));
	unsetenv("TOY_HEALTH");
}

static void tear_down(void)
{
	toy_health_free(&health);
	unlink(path);
}

/* ---- volumes ---- */

static int make_fs(void)
{
	struct toy_mkfs_opts o = {
		.uuid = { 1 }, .blocks = BLOCKS, .time = 1, .health = &health
	};

	if (!k.addr)
		k = (struct kern){ .addr = map_temp(MIBS * MIB),
				   .bytes = MIBS * MIB,
				   .now = NOW };
	return toy_mkfs(k.addr, k.bytes, &o);
}

static uint64_t problems[TOY_P_CODES];
static struct toy_problem last;

static bool note(void *arg, const struct toy_problem *p)
{
	(void)arg;
	problems[p->code]++;
	last = *p;
	return true;
}

static struct toy_check_result fsck(bool repair)
{
	const struct toy_check_opts opts = { .found = note, .health = &health };
	struct toy_check_result res;
	const char *why;
	struct toy_fs fs;

	memset(problems, 0, sizeof(problems));
	OK(toy_open(&fs, k.addr, k.bytes, &why));
	OK(toy_recover(&fs));
	OK(repair ? toy_repair(&fs, &opts, &res) : toy_check(&fs, &opts, &res));
	toy_close(&fs);
	return res;
}

static void expect(enum toy_problem_code code, uint64_t ino, uint64_t bn)
{
	struct toy_check_result res = fsck(false);

	ck_assert_uint_eq(problems[code], 1);
	ck_assert_uint_ge(res.problems, 1);
	if (res.problems == 1) {
		ck_assert_uint_eq(last.ino, ino);
		ck_assert_uint_eq(last.bn, bn);
	}
}

/* The first block of a small file or directory: its slot has it. */
static uint64_t block_of(const char *file)
{
	uint64_t ino = stat_of(&k, file).i_ino;
	const struct toy_slot *s;
	const char *why;
	struct toy_fs fs;
	uint64_t bn;

	OK(toy_open(&fs, k.addr, k.bytes, &why));
	OK(toy_slot_read(&fs, ino, &s));
	bn = le64toh(s->map.rec[0].val);
	if (!toy_is_dir(s))
		bn = TOY_EXT_PBLK(bn);
	toy_close(&fs);
	return bn;
}

static void write_file(const char *file, uint64_t bytes)
{
	static char buf[64 * BLK];
	int fd = open_new(&k, file);

	memset(buf, 'd', sizeof(buf));
	for (uint64_t at = 0; at < bytes; at += sizeof(buf)) {
		uint64_t n = bytes - at < sizeof(buf) ? bytes - at :
							sizeof(buf);

		if (kern_write(&k, fd, at, buf, n) != (ssize_t)n)
			break;
	}
	kern_close(&k, fd);
}

/* ---- tests ---- */

START_TEST(lists)
{
	static const struct toy_bad bad[] = { { 5, 1 }, { 7, 3 }, { 100, 2 } };
	static const bool is[] = { 0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 0 };

	ck_assert(!toy_health_is_bad(NULL, 5));
	know(TOY_NO_COUNT, 0, NULL);
	ck_assert(!toy_health_is_bad(&health, 0));
	know(TOY_NO_COUNT, 3, bad);
	for (unsigned int i = 0; i < sizeof(is); i++)
		ck_assert_int_eq(toy_health_is_bad(&health, i), is[i]);
	ck_assert(toy_health_is_bad(&health, 100));
	ck_assert(toy_health_is_bad(&health, 101));
	ck_assert(!toy_health_is_bad(&health, 99));
	ck_assert(!toy_health_is_bad(&health, 102));
}
END_TEST

/* A filesystem that is filled to the last block has none of them. */
START_TEST(mkfs_leaves_them_alone)
{
	static const struct toy_bad bad[] = { { 1100, 3 },
					      { 2000, 700 },
					      { BLOCKS - 1, 9 } };
	uint64_t good;

	OK(make_fs());
	kern_again(&k, 0);
	good = blocks_free(&k);
	kern_umount(&k);
	know(TOY_NO_COUNT, 3, bad);
	OK(make_fs());
	kern_again(&k, 0);
	ck_assert_uint_eq(blocks_free(&k), good - 704);
	for (unsigned int i = 0; i < 3; i++)
		for (uint64_t b = bad[i].bn;
		     b < bad[i].bn + bad[i].len && b < BLOCKS; b++)
			memset(k.addr + b * BLK, 0xbb, BLK);
	write_file("all", MIBS * MIB);
	ck_assert_uint_le(blocks_free(&k), 64);
	kern_umount(&k);
	for (unsigned int i = 0; i < 3; i++)
		for (uint64_t b = bad[i].bn;
		     b < bad[i].bn + bad[i].len && b < BLOCKS; b++)
			ck_assert_int_eq((uint8_t)k.addr[b * BLK + 77], 0xbb);
	ck_assert_uint_eq(fsck(false).problems, 0);
	/* As on an image of the device, of which nothing is known. */
	toy_health_free(&health);
	health.known = false;
	ck_assert_uint_eq(fsck(false).problems, 0);
}
END_TEST

/* What is refused is refused before anything is stored. */
START_TEST(mkfs_refuses)
{
	static struct toy_bad many[TOY_BAD_RUNS + 1];
	static const uint64_t own[] = { 0, 1, 40, 511, 512, 1024 };

	OK(make_fs());
	for (unsigned int i = 0; i < sizeof(own) / sizeof(*own); i++) {
		know_block(own[i]);
		FAILS(make_fs(), EIO);
	}
	for (unsigned int i = 0; i <= TOY_BAD_RUNS; i++)
		many[i] = (struct toy_bad){ 1100 + 2 * i, 1 };
	know(TOY_NO_COUNT, TOY_BAD_RUNS + 1, many);
	FAILS(make_fs(), E2BIG);
	toy_health_free(&health);
	ck_assert_uint_eq(fsck(false).problems, 0);
	know(TOY_NO_COUNT, TOY_BAD_RUNS, many);
	OK(make_fs());
	ck_assert_uint_eq(fsck(false).problems, 0);
}
END_TEST

static void tree(void)
{
	OK(make_fs());
	kern_again(&k, 0);
	write_file("file", 9 * BLK);
	OK(kern_mkdir(&k, "dir", 0755));
	write_file("dir/other", BLK);
}

/* Data: reported with its inode, whatever -y is told; the rest is repaired. */
START_TEST(fsck_names_the_file)
{
	uint64_t bn, ino;

	tree();
	bn = block_of("file");
	ino = stat_of(&k, "file").i_ino;
	kern_umount(&k);
	know_block(bn + 4);
	expect(TOY_P_MEDIA, ino, bn + 4);
	ck_assert_uint_eq(fsck(true).repairs, 0);
	expect(TOY_P_MEDIA, ino, bn + 4);
	kern_again(&k, 0);
	OK(kern_unlink(&k, "file"));
	kern_umount(&k);
	/* Free by now: the list takes it. */
	expect(TOY_P_BAD_LIST, 0, 0);
	ck_assert_uint_ge(fsck(true).repairs, 1);
	ck_assert_uint_eq(fsck(false).problems, 0);
}
END_TEST

/* A node: nothing is repaired around it, and nothing reads it. */
START_TEST(fsck_leaves_nodes)
{
	uint64_t bn, ino;
	char *before;

	tree();
	bn = block_of("dir");
	ino = stat_of(&k, "dir").i_ino;
	kern_umount(&k);
	before = map_temp(k.bytes);
	memcpy(before, k.addr, k.bytes);
	know_block(bn);
	OK(mprotect(k.addr + bn * BLK, BLK, PROT_NONE));
	fsck(false);
	ck_assert_uint_eq(problems[TOY_P_NODE], 1);
	ck_assert_uint_eq(fsck(true).repairs, 0);
	ck_assert_uint_eq(last.ino, ino);
	ck_assert_uint_eq(last.bn, bn);
	OK(mprotect(k.addr + bn * BLK, BLK, PROT_READ | PROT_WRITE));
	ck_assert_int_eq(memcmp(before, k.addr, k.bytes), 0);
}
END_TEST

START_TEST(fsck_leaves_inodes)
{
	tree();
	kern_umount(&k);
	know_block(1024);
	OK(mprotect(k.addr + 1024 * BLK, BLK, PROT_NONE));
	ck_assert_uint_eq(fsck(true).repairs, 0);
	ck_assert_uint_eq(problems[TOY_P_ITABLE], 1);
	OK(mprotect(k.addr + 1024 * BLK, BLK, PROT_READ | PROT_WRITE));
}
END_TEST

/* What is known decides: the list follows, and so do the bitmaps. */
START_TEST(list_follows)
{
	static const struct toy_bad more[] = { { 3000, 2 }, { 3100, 1 } };
	uint64_t one;

	tree();
	kern_umount(&k);
	know_block(3000);
	expect(TOY_P_BAD_LIST, 0, 0);
	fsck(true);
	ck_assert_uint_eq(fsck(false).problems, 0);
	kern_again(&k, 0);
	one = blocks_free(&k);
	kern_umount(&k);
	know(TOY_NO_COUNT, 2, more);
	fsck(true);
	ck_assert_uint_eq(fsck(false).problems, 0);
	kern_again(&k, 0);
	ck_assert_uint_eq(blocks_free(&k), one - 2);
	kern_umount(&k);
	know(TOY_NO_COUNT, 0, NULL);
	fsck(true);
	ck_assert_uint_eq(fsck(false).problems, 0);
	kern_again(&k, 0);
	ck_assert_uint_eq(blocks_free(&k), one + 1);
	kern_umount(&k);
}
END_TEST

/* A list that lies, with a right sum: a file keeps its blocks. */
START_TEST(list_lies)
{
	__le64 bad[TOY_BAD_RUNS] = { 0 };
	const char *why;
	struct toy_fs fs;
	uint64_t bn;

	tree();
	bn = block_of("file");
	kern_umount(&k);
	bad[3] = htole64(TOY_EXT_VAL(bn, 4));
	bad[7] = htole64(TOY_EXT_VAL(BLOCKS - 1, 900));
	bad[9] = htole64(TOY_EXT_VAL(3, 3));
	bad[11] = UINT64_MAX;
	OK(toy_open(&fs, k.addr, k.bytes, &why));
	toy_super_set(&fs, fs.shutdowns, bad);
	toy_close(&fs);
	expect(TOY_P_BAD_LIST, 0, 0);
	fsck(true);
	ck_assert_uint_eq(fsck(false).problems, 0);
	kern_again(&k, 0);
	ck_assert_uint_eq(block_of("file"), bn);
	kern_umount(&k);
}
END_TEST

static int try_kern(uint64_t flags)
{
	int err = kern_mount(&k, toyfs(), k.addr, k.bytes, flags);

	if (!err)
		kern_umount(&k);
	return err;
}

/* A writable mount waits for fsck if the count isn't the one that it knows. */
/* Freed, it is nobody's: not even when all the rest is taken. */
START_TEST(mounts_leave_them_alone)
{
	uint64_t bn, at = 0;
	int fd;

	tree();
	bn = block_of("file") + 4;
	kern_umount(&k);
	know_block(bn);
	kern_again(&k, 0);
	OK(kern_unlink(&k, "file"));
	fd = open_new(&k, "all");
	for (uint64_t n = BLOCKS; n; n /= 2)
		while (!kern_fallocate(&k, fd, FALLOC_FL_KEEP_SIZE, at * BLK,
				       n * BLK))
			at += n;
	ck_assert_uint_gt(at, BLOCKS / 2);
	OK(kern_close(&k, fd));
	kern_umount(&k);
	expect(TOY_P_BAD_LIST, 0, 0);
	ck_assert_uint_eq(problems[TOY_P_MEDIA], 0);
}
END_TEST

START_TEST(unsafe_shutdown)
{
	const char *why;
	struct toy_fs fs;

	know(7, 0, NULL);
	OK(make_fs());
	OK(try_kern(0));
	know(8, 0, NULL);
	FAILS(try_kern(0), EUCLEAN);
	kern_again(&k, ZUFS_M_RDONLY);
	FAILS(kern_remount(&k, false), EUCLEAN);
	kern_umount(&k);
	know(7, 0, NULL);
	OK(try_kern(0));
	know(6, 0, NULL);
	FAILS(try_kern(0), EUCLEAN);
	/* Not known now, or never: nothing to compare. */
	know(TOY_NO_COUNT, 0, NULL);
	OK(try_kern(0));
	OK(toy_open(&fs, k.addr, k.bytes, &why));
	fs.shutdowns[0] = 6;
	toy_super_set(&fs, fs.shutdowns,
		      ((struct toy_super *)(k.addr + TOY_SB_OFF))->bad);
	toy_close(&fs);
	know(6, 0, NULL);
	OK(try_kern(0));
	know(TOY_NO_COUNT, 0, NULL);
	OK(make_fs());
	know(9, 0, NULL);
	OK(try_kern(0));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("health");
	TCase *t = tcase_create("double");

	tcase_set_timeout(t, TEST_SECONDS);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, lists);
	tcase_add_test(t, mkfs_leaves_them_alone);
	tcase_add_test(t, mkfs_refuses);
	tcase_add_test(t, fsck_names_the_file);
	tcase_add_test(t, fsck_leaves_nodes);
	tcase_add_test(t, fsck_leaves_inodes);
	tcase_add_test(t, list_follows);
	tcase_add_test(t, list_lies);
	tcase_add_test(t, mounts_leave_them_alone);
	tcase_add_test(t, unsafe_shutdown);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
