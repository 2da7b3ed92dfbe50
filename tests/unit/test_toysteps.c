// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Operations of very many transactions, cut off in the middle, and again in the
 * middle of the recovery: a mount finishes them.
 */
#include <linux/falloc.h>
#include <sys/wait.h>

#include "toyvol.h"
#include "tx.h"

#define LINES	2000U /* of 512 blocks, each a line of the bitmaps */
#define EXTENTS (50 * LINES)
#define AT_ONCE 16U
#define CUT	7 /* exit status: the power went */

static struct vol v;
static struct zufs_attr f;
static uint64_t free_before;

/* ---- a file of many extents ---- */

/* All of a 2 MiB, granted. */
static uint64_t grant_line(void)
{
	struct zufs_ioc_grant *io = op_new(ZUFS_OP_GRANT, &f, sizeof(*io));

	io->want = 512;
	ck_assert_int_eq(op_run(&v, io), 0);
	ck_assert_uint_eq(io->ext[0].len, 512);
	return io->ext[0].pblk;
}

/*
 * Each second block of the file has one on media, and the next one is in another
 * line of the bitmaps: so no record has many of them. Data isn't touched. All
 * may be behind the size, which is 0 then.
 */
static void file_make(const char *name, unsigned int extents, bool behind)
{
	unsigned int lines = v.bytes < 4096 * MIB ? 16 : LINES;
	struct zufs_extent ext[AT_ONCE];
	uint64_t line[LINES];

	f = make(&v, &v.root, name, S_IFREG | 0644);
	free_before = bfree(&v);
	for (unsigned int i = 0; i < lines; i++)
		line[i] = grant_line();
	for (unsigned int i = 0; i < extents; i += AT_ONCE) {
		for (unsigned int n = 0; n < AT_ONCE; n++)
			ext[n] = (struct zufs_extent){ 2 * (i + n),
						       line[(i + n) % lines]++,
						       1, 0 };
		ck_assert_int_eq(commit(&v, &f,
					behind ? 0 :
						 (2 * (i + AT_ONCE) - 1) * BLK,
					ext, AT_ONCE),
				 0);
	}
	ck_assert_uint_eq(f.zi.i_blocks, 8ULL * extents);
	put(&v, &f);
}

/* ---- power cuts: a child ends at a fence, with the media shared ---- */

static int fences, cut_at;

static void cut(struct toy_fs *fs)
{
	(void)fs;
	if (++fences == cut_at)
		_exit(CUT);
}

static void child(int (*call)(void))
{
	fences = 0;
	pm_fence_hook = cut;
	vol_mount(&v);
	_exit(call ? call() : 0);
}

/* The child mounts, and makes the call; false: it came to its end. */
static bool cut_off(int (*call)(void), int at)
{
	pid_t pid;
	int status;

	cut_at = at;
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid)
		child(call);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert(!WEXITSTATUS(status) || WEXITSTATUS(status) == CUT);
	return WEXITSTATUS(status) == CUT;
}

/* The file's blocks as media have them, before a mount. */
static uint64_t blocks_left(void)
{
	const struct toy_slot *slot;
	const char *why;
	struct toy_fs fs;
	uint64_t n;

	ck_assert_int_eq(toy_open(&fs, v.addr, v.bytes, &why), 0);
	ck_assert_int_eq(toy_recover(&fs), 0);
	ck_assert_int_eq(toy_slot_read(&fs, f.zi.i_ino, &slot), 0);
	ck_assert(slot->zi.i_on_disk[0] || slot->zi.i_on_disk[1] ||
		  !slot->zi.i_nlink);
	n = le64toh(slot->zi.i_blocks) / 8;
	toy_close(&fs);
	return n;
}

/* ---- what is cut off ---- */

static int truncate_it(void)
{
	int err = get(&v, &v.root, "f", &f);

	return err ? err : set_size(&v, &f, BLK);
}

static int unlink_it(void)
{
	return del(&v, &v.root, "f");
}

static int punch_it(void)
{
	int err = get(&v, &v.root, "f", &f);

	return err ? err :
		     falloc(&v, &f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    BLK, f.zi.i_size);
}

static int fill_it(void)
{
	int err = get(&v, &v.root, "f", &f);

	return err ? err : falloc(&v, &f, 0, 0, f.zi.i_size + BLK);
}

/* In the middle, then in the middle of the recovery. */
static void cut_twice(int (*call)(void), int at)
{
	uint64_t first, second;

	vol_umount(&v);
	ck_assert(cut_off(call, at));
	first = blocks_left();
	ck_assert(cut_off(NULL, at));
	second = blocks_left();
	if (call == fill_it)
		ck_assert(f.zi.i_blocks / 8 < first && first < second);
	else
		ck_assert(f.zi.i_blocks / 8 > first && first > second &&
			  second);
	vol_mount(&v);
}

static void set_up(void)
{
	vol_new(&v, 4200);
}

static void set_up_small(void)
{
	vol_new(&v, 64);
}

static void tear_down(void)
{
	vol_umount(&v);
	vol_check(&v);
	munmap(v.addr, v.bytes);
}

START_TEST(truncate_100000)
{
	file_make("f", EXTENTS, false);
	cut_twice(truncate_it, 200);
	ck_assert_int_eq(get(&v, &v.root, "f", &f), 0);
	ck_assert_uint_eq(f.zi.i_size, BLK);
	ck_assert_uint_eq(f.zi.i_blocks, 8);
	ck_assert_uint_eq(bfree(&v), free_before - 1);
}
END_TEST

START_TEST(unlink_100000)
{
	file_make("f", EXTENTS, false);
	cut_twice(unlink_it, 200);
	ck_assert_int_eq(get(&v, &v.root, "f", &f), -ENOENT);
	/* The name's leaf too. */
	ck_assert_uint_eq(bfree(&v), free_before + 1);
}
END_TEST

START_TEST(punch_100000)
{
	uint64_t size;

	file_make("f", EXTENTS, false);
	size = f.zi.i_size;
	cut_twice(punch_it, 200);
	ck_assert_int_eq(get(&v, &v.root, "f", &f), 0);
	ck_assert_uint_eq(f.zi.i_size, size);
	ck_assert_uint_eq(f.zi.i_blocks, 8);
}
END_TEST

/* Blocks for 4,000 holes, and the size, which a reader saw first. */
START_TEST(fallocate_4000)
{
	uint64_t size;

	file_make("f", 4000, false);
	size = f.zi.i_size;
	cut_twice(fill_it, 12);
	ck_assert_int_eq(get(&v, &v.root, "f", &f), 0);
	ck_assert_uint_eq(f.zi.i_size, size + BLK);
	ck_assert_uint_eq(f.zi.i_blocks, 8 * 8000);
}
END_TEST

/* Each cut leaves none of the blocks, or all. */
START_TEST(fallocate_is_whole)
{
	bool none = false, all = false;

	for (int at = 1;; at++) {
		file_make("f", 512, false);
		vol_umount(&v);
		if (!cut_off(fill_it, at))
			break;
		vol_mount(&v);
		ck_assert_int_eq(get(&v, &v.root, "f", &f), 0);
		ck_assert(f.zi.i_blocks == 8 * 512 ||
			  f.zi.i_blocks == 8 * 1024);
		ck_assert(f.zi.i_size ==
			  (f.zi.i_blocks == 8 * 512 ? 1023 : 1024) * BLK);
		none |= f.zi.i_blocks == 8 * 512;
		all |= f.zi.i_blocks == 8 * 1024;
		ck_assert_int_eq(del(&v, &v.root, "f"), 0);
	}
	ck_assert(none && all);
	vol_mount(&v);
}
END_TEST

/* There is space for most of the holes: nothing changes. */
START_TEST(fallocate_without_space)
{
	struct zufs_attr g, a;

	file_make("f", 2048, false);
	g = make(&v, &v.root, "g", S_IFREG | 0644);
	ck_assert_int_eq(falloc(&v, &g, 0, 0, (bavail(&v) - 2000) * BLK), 0);
	a = f;
	ck_assert_int_eq(falloc(&v, &a, 0, 0, f.zi.i_size), -ENOSPC);
	ck_assert_int_eq(get(&v, &v.root, "f", &a), 0);
	ck_assert_uint_eq(a.zi.i_blocks, f.zi.i_blocks);
	ck_assert_uint_eq(a.zi.i_mtime, f.zi.i_mtime);
	/* All that was promised is back. */
	ck_assert_int_eq(falloc(&v, &g, FALLOC_FL_KEEP_SIZE, g.zi.i_size,
				g.zi.i_size + 1900 * BLK),
			 0);
	put(&v, &g);
}
END_TEST

/* Each second block is there already: many grants, of blocks and of holes. */
START_TEST(append_over_4000)
{
	const unsigned int all = 8000;

	file_make("f", all / 2, true);
	ck_assert_int_eq(look(&v, &v.root, "f", &f), 0);
	while (f.zi.i_size < all * BLK)
		ck_assert_int_eq(append(&v, &f,
					all - (uint32_t)(f.zi.i_size / BLK),
					'n'),
				 0);
	ck_assert_uint_eq(f.zi.i_blocks, 8 * all);
	for (unsigned int i = 0; i < all; i += 7)
		ck_assert(block_is(&v, &f, i, 'n'));
	put(&v, &f);
	ck_assert_uint_le(free_before - bfree(&v) - all, 64);
}
END_TEST

int main(void)
{
	const TTest *const large[] = { truncate_100000, unlink_100000,
				       punch_100000, append_over_4000, NULL };
	const TTest *const small[] = { fallocate_4000, fallocate_is_whole,
				       fallocate_without_space, NULL };
	Suite *s = suite_create("toysteps");

	add_case(s, "large", large, set_up, tear_down);
	add_case(s, "small", small, set_up_small, tear_down);
	return run_suite(s);
}
