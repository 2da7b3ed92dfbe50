// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * What takes several transactions is there wholly or not at all: writes whose
 * blocks are committed in parts, and punches of many extents. And what else a
 * commit does, and what the journal says of operations.
 */
#include <linux/falloc.h>

#include "toyvol.h"
#include "tx.h"

#define GRANT 6U
#define EPOCH 1U /* of what runs in-process */

static struct vol v;
static struct zufs_attr f;
static struct zufs_extent ext[GRANT];
static uint64_t before;

/* A file of one block, and a grant of single blocks behind it. */
static void set_up(void)
{
	struct zufs_ioc_grant *io;

	vol_new(&v, 32);
	f = make(&v, &v.root, "f", S_IFREG | 0644);
	ck_assert_int_eq(append(&v, &f, 1, 'a'), 0);
	before = bfree(&v);
	io = op_new(ZUFS_OP_GRANT, &f, sizeof(*io));
	io->lblk = 1;
	io->want = GRANT;
	ck_assert_int_eq(op_run(&v, io), 0);
	ck_assert_uint_eq(io->ext[0].len, GRANT);
	for (unsigned int i = 0; i < GRANT; i++)
		ext[i] = (struct zufs_extent){ 1 + i, io->ext[0].pblk + i, 1,
					       0 };
}

static void tear_down(void)
{
	vol_umount(&v);
	vol_check(&v);
	munmap(v.addr, v.bytes);
}

/* Granted blocks [at, at + n), of a write with @more blocks behind them. */
static int part(unsigned int at, unsigned int n, uint64_t more)
{
	struct zufs_ioc_commit *io = op_new(ZUFS_OP_COMMIT_WRITE, &f,
					    sizeof(*io) + n * sizeof(*ext));
	int err;

	io->new_size = (1 + at + n) * BLK;
	io->n = n;
	io->more = more;
	memcpy(io->ext, ext + at, n * sizeof(*ext));
	for (unsigned int i = at; i < at + n; i++)
		memset(v.addr + ext[i].pblk * BLK, 'p', BLK);
	err = op_run(&v, io);
	if (!err)
		f = io->attr;
	return err;
}

static void put_grants(void)
{
	ck_assert_int_eq(op_run(&v, op_new(ZUFS_OP_GRANT_PUT, &f,
					   sizeof(struct zufs_ioc_grant))),
			 0);
}

/* Nothing of the write is left. */
static void expect_none(void)
{
	struct zufs_attr a;

	ck_assert_int_eq(get(&v, &v.root, "f", &a), 0);
	ck_assert_uint_eq(a.zi.i_size, BLK);
	ck_assert_uint_eq(a.zi.i_blocks, 8);
	put(&v, &a);
}

/* Of the operation that op_new() made last. */
static uint64_t last_id(void)
{
	return next_unique - 1;
}

/* Records of channel 0, which all tests run on, that name the operation. */
static unsigned int records_of(const struct vol *w, uint64_t id, uint16_t op)
{
	unsigned int n = 0;

	for (unsigned int slot = 0; slot < 2; slot++) {
		const struct toy_jhdr *h =
			(void *)(w->addr + toy_journal_off(0, slot));

		ck_assert_uint_eq(le64toh(h->magic), TOY_J_MAGIC);
		if (le64toh(h->unique) != id)
			continue;
		ck_assert_uint_eq(le16toh(h->op), op);
		ck_assert_uint_eq(le64toh(h->epoch), EPOCH);
		ck_assert_uint_eq(le32toh(h->result), 0);
		n++;
	}
	return n;
}

/* An operation that is over has one, one that failed has none. */
START_TEST(records_name_operations)
{
	struct zufs_attr a = make(&v, &v.root, "g", S_IFREG | 0644);

	ck_assert_uint_eq(records_of(&v, last_id(), ZUFS_OP_NEW_INODE), 1);
	put(&v, &a);
	ck_assert_int_eq(make_full(&v, &v.root, "g", S_IFREG | 0644, NULL, 0,
				   NULL),
			 -EEXIST);
	ck_assert_uint_eq(records_of(&v, last_id(), 0), 0);
	ck_assert_int_eq(part(0, 2, 4), 0);
	ck_assert_uint_eq(records_of(&v, last_id(), ZUFS_OP_COMMIT_WRITE), 1);
	/* This one ends that write before it finds no space. */
	a = f;
	ck_assert_int_eq(falloc(&v, &a, 0, 0, 1ULL << 40), -ENOSPC);
	ck_assert_uint_eq(records_of(&v, last_id(), 0), 0);
	ck_assert_uint_eq(records_of(&v, 0, ZUFS_OP_NULL), 1);
	expect_none();
}
END_TEST

START_TEST(last_sets_size)
{
	for (unsigned int at = 0; at < GRANT; at += 2) {
		ck_assert_uint_eq(f.zi.i_size, BLK);
		ck_assert_int_eq(part(at, 2, GRANT - at - 2), 0);
	}
	ck_assert_uint_eq(f.zi.i_size, (1 + GRANT) * BLK);
	ck_assert_uint_eq(f.zi.i_blocks, (1 + GRANT) * 8);
	vol_remount(&v);
	ck_assert_int_eq(get(&v, &v.root, "f", &f), 0);
	ck_assert_uint_eq(f.zi.i_size, (1 + GRANT) * BLK);
}
END_TEST

/* The kernel got no further, and says so by a size without blocks. */
START_TEST(ends_early)
{
	ck_assert_int_eq(part(0, 2, 4), 0);
	ck_assert_int_eq(part(2, 2, 2), 0);
	ck_assert_int_eq(part(4, 0, 0), 0);
	ck_assert_uint_eq(f.zi.i_size, 5 * BLK);
	put_grants();
	ck_assert_uint_eq(bfree(&v), before - 4);
}
END_TEST

START_TEST(crash_takes_parts_back)
{
	struct zufs_attr a;
	struct vol c;

	ck_assert_int_eq(part(0, 2, 4), 0);
	ck_assert_int_eq(part(2, 2, 2), 0);
	vol_crash(&v, &c);
	ck_assert_int_eq(get(&c, &c.root, "f", &a), 0);
	ck_assert_uint_eq(a.zi.i_size, BLK);
	ck_assert_uint_eq(a.zi.i_blocks, 8);
	ck_assert_uint_eq(bfree(&c), before);
	vol_umount(&c);
	vol_check(&c);
	munmap(c.addr, c.bytes);
	/* The last one holds for the first ones too. */
	ck_assert_int_eq(part(4, 2, 0), 0);
	vol_crash(&v, &c);
	ck_assert_int_eq(get(&c, &c.root, "f", &a), 0);
	ck_assert_uint_eq(a.zi.i_size, (1 + GRANT) * BLK);
	vol_end(&c);
}
END_TEST

/* Whatever isn't the next part ends the write. */
START_TEST(others_end_it)
{
	struct zufs_attr a;

	ck_assert_int_eq(part(0, 2, 4), 0);
	put_grants();
	expect_none();
	ck_assert_uint_eq(bfree(&v), before);
	tear_down();

	set_up();
	ck_assert_int_eq(part(0, 2, 4), 0);
	a = f;
	ck_assert_int_eq(set_size(&v, &a, 100 * BLK), 0);
	ck_assert_uint_eq(a.zi.i_blocks, 8);
	ck_assert_int_eq(set_size(&v, &a, BLK), 0);
	expect_none();
	tear_down();

	set_up();
	ck_assert_int_eq(part(0, 2, 4), 0);
	ck_assert_int_eq(part(4, 2, 0), 0);
	ck_assert_uint_eq(f.zi.i_blocks, 3 * 8);
	tear_down();

	set_up();
	ck_assert_int_eq(part(0, 2, 4), 0);
	a = f;
	ck_assert_int_eq(commit(&v, &a, BLK, NULL, 0), 0);
	expect_none();
	tear_down();

	set_up();
	ck_assert_int_eq(part(0, 2, 4), 0);
	put(&v, &f);
	vol_remount(&v);
	expect_none();
}
END_TEST

START_TEST(wrong_parts)
{
	ck_assert_int_eq(part(0, 0, 1), -EINVAL);
	ck_assert_int_eq(part(0, 1, UINT64_MAX), -EINVAL);
	/* Blocks that aren't granted: the write may go on. */
	ck_assert_int_eq(part(0, 2, 4), 0);
	ck_assert_int_eq(part(0, 2, 4), -EINVAL);
	expect_none();
}
END_TEST

/* ---- over blocks that an fallocate put behind the size ---- */

#define KEPT 3U /* blocks 2 to 4 of a file of no bytes */

static struct zufs_extent kept[3];

/* Blocks of a hole, those that are kept, and of another hole, as a grant. */
static void set_up_kept(void)
{
	struct zufs_ioc_grant *io;

	vol_new(&v, 32);
	f = make(&v, &v.root, "f", S_IFREG | 0644);
	ck_assert_int_eq(falloc(&v, &f, FALLOC_FL_KEEP_SIZE, 2 * BLK,
				(2 + KEPT) * BLK),
			 0);
	before = bfree(&v);
	io = op_new(ZUFS_OP_GRANT, &f, sizeof(*io));
	io->want = 8;
	ck_assert_int_eq(op_run(&v, io), 0);
	ck_assert_uint_eq(io->n, 3);
	memcpy(kept, io->ext, 3 * sizeof(*kept));
	ck_assert_uint_eq(kept[0].len, 2);
	ck_assert_uint_eq(kept[1].len, KEPT);
	ck_assert_uint_eq(kept[2].lblk, 5);
	ck_assert_uint_eq(kept[2].len, 3);
	for (int i = 0; i < 3; i++)
		memset(v.addr + kept[i].pblk * BLK, 'k', kept[i].len * BLK);
}

static int commit_kept(unsigned int at, unsigned int n, uint64_t more)
{
	struct zufs_ioc_commit *io = op_new(ZUFS_OP_COMMIT_WRITE, &f,
					    sizeof(*io) + n * sizeof(*kept));
	int err;

	io->new_size = (kept[at + n - 1].lblk + kept[at + n - 1].len) * BLK;
	io->n = n;
	io->more = more;
	memcpy(io->ext, kept + at, n * sizeof(*kept));
	err = op_run(&v, io);
	if (!err)
		f = io->attr;
	return err;
}

static bool is_mapped(struct vol *w, struct zufs_attr *a, uint64_t lblk)
{
	struct zufs_extent e[64];

	ck_assert_int_ge(multy(w, a, lblk * BLK, BLK, 0, e), 1);
	return !(e[0].flags & ZUFS_EXT_HOLE);
}

/* What the kernel wrote and didn't commit shows to nobody. */
static void expect_zeros(struct vol *w, struct zufs_attr *a)
{
	for (unsigned int i = 2; i < 2 + KEPT; i++)
		ck_assert(block_is(w, a, i, 0));
}

START_TEST(kept_blocks_are_used)
{
	ck_assert_int_eq(commit_kept(0, 3, 0), 0);
	ck_assert_uint_eq(f.zi.i_size, 8 * BLK);
	ck_assert_uint_eq(f.zi.i_blocks, 8 * 8);
	for (unsigned int i = 0; i < 8; i++)
		ck_assert(block_is(&v, &f, i, 'k'));
	ck_assert_uint_eq(bfree(&v), before - 5);
}
END_TEST

/* After each part of the write. */
START_TEST(kept_blocks_survive)
{
	struct zufs_attr a;
	struct vol c;

	for (unsigned int at = 0; at < 3; at++) {
		ck_assert_int_eq(commit_kept(at, 1, 3 * (2 - at)), 0);
		vol_crash(&v, &c);
		ck_assert_int_eq(look(&c, &c.root, "f", &a), 0);
		ck_assert_uint_eq(a.zi.i_size, at < 2 ? 0 : 8 * BLK);
		for (unsigned int i = 2; i < 2 + KEPT; i++)
			ck_assert(is_mapped(&c, &a, i));
		ck_assert(is_mapped(&c, &a, 5) == (at == 2));
		if (at < 2) {
			ck_assert_int_eq(set_size(&c, &a, 8 * BLK), 0);
			expect_zeros(&c, &a);
		}
		put(&c, &a);
		vol_umount(&c);
		vol_check(&c);
		munmap(c.addr, c.bytes);
	}
}
END_TEST

/* The blocks were paid for when the fallocate returned. */
START_TEST(kept_blocks_need_no_space)
{
	struct zufs_attr g;
	uint64_t left;

	put_grants();
	g = make(&v, &v.root, "g", S_IFREG | 0644);
	while ((left = bavail(&v)))
		ck_assert_int_eq(falloc(&v, &g, 0, g.zi.i_size,
					g.zi.i_size + (left + 1) / 2 * BLK),
				 0);
	put(&v, &g);
	ck_assert_int_eq(set_size(&v, &f, 2 * BLK), 0);
	ck_assert_int_eq(append(&v, &f, KEPT, 'n'), 0);
	ck_assert(block_is(&v, &f, 1 + KEPT, 'n'));
	ck_assert_int_eq(append(&v, &f, 1, 'n'), -ENOSPC);
}
END_TEST

START_TEST(size_grows_over_zeros)
{
	struct zufs_extent last;

	ck_assert_int_eq(set_size(&v, &f, 5 * BLK), 0);
	expect_zeros(&v, &f);
	tear_down();

	set_up_kept();
	ck_assert_int_eq(falloc(&v, &f, 0, 5 * BLK, 6 * BLK), 0);
	expect_zeros(&v, &f);
	tear_down();

	set_up_kept();
	last = kept[2];
	ck_assert_int_eq(commit(&v, &f, 8 * BLK, &last, 1), 0);
	expect_zeros(&v, &f);
	ck_assert(block_is(&v, &f, 5, 'k'));
	tear_down();

	set_up_kept();
	ck_assert_int_eq(commit(&v, &f, 5 * BLK, NULL, 0), 0);
	expect_zeros(&v, &f);
}
END_TEST

/* A block of the grant in place of one that the file has. */
START_TEST(kept_blocks_stay_where_they_are)
{
	kept[1].pblk = kept[2].pblk;
	ck_assert_int_eq(commit_kept(1, 1, 0), -EINVAL);
	ck_assert_uint_eq(f.zi.i_size, 0);
}
END_TEST

/* ---- a punch in steps ---- */

/*
 * Each block is of another line of the bitmaps, and all of them are more than a
 * record has. Data is never touched: what isn't near the start stays a hole.
 */
#define EXTENTS 600U
#define BIG_MIB 1400U
#define START	(16 * MIB)

static struct vol big;
static struct zufs_attr wide;

static void scatter(void)
{
	vol_new(&big, BIG_MIB);
	wide = make(&big, &big.root, "wide", S_IFREG | 0644);
	for (unsigned int i = 0; i < EXTENTS; i++) {
		struct zufs_ioc_grant *io =
			op_new(ZUFS_OP_GRANT, &wide, sizeof(*io));
		struct zufs_extent e;

		io->lblk = 2 * i;
		io->want = 512;
		ck_assert_int_eq(op_run(&big, io), 0);
		e = io->ext[0];
		e.len = 1;
		ck_assert_int_eq(commit(&big, &wide, (2 * i + 1) * BLK, &e, 1),
				 0);
	}
	ck_assert_int_eq(op_run(&big, op_new(ZUFS_OP_GRANT_PUT, &wide,
					     sizeof(struct zufs_ioc_grant))),
			 0);
	ck_assert_uint_eq(wide.zi.i_blocks, EXTENTS * 8);
}

static struct {
	char *to;
	int fences, at;
} snap;

static void take(struct toy_fs *fs)
{
	if (++snap.fences == snap.at)
		memcpy(snap.to, fs->base, START);
}

static char *map_start(const char *from)
{
	char *to = map_temp(BIG_MIB * MIB);

	memcpy(to, from, START);
	return to;
}

/* A crash of the punch at fence snap.at; false: there are fewer. *left: blocks. */
static bool punch_crashes(const char *start, uint64_t *left)
{
	struct vol w = { .addr = map_start(start), .bytes = big.bytes };
	struct vol c = { .addr = map_start(start), .bytes = big.bytes };
	struct zufs_attr a;

	vol_mount(&w);
	ck_assert_int_eq(get(&w, &w.root, "wide", &a), 0);
	snap.to = c.addr;
	snap.fences = 0;
	pm_fence_hook = take;
	ck_assert_int_eq(falloc(&w, &a,
				FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				2 * EXTENTS * BLK),
			 0);
	pm_fence_hook = NULL;
	ck_assert_uint_eq(records_of(&w, last_id(), ZUFS_OP_FALLOCATE), 2);
	ck_assert_uint_eq(a.zi.i_blocks, 0);
	vol_end(&w);
	vol_mount(&c);
	ck_assert_int_eq(get(&c, &c.root, "wide", &a), 0);
	*left = a.zi.i_blocks / 8;
	vol_umount(&c);
	vol_check(&c);
	munmap(c.addr, c.bytes);
	return snap.fences >= snap.at;
}

START_TEST(punch_is_finished)
{
	bool none = false, all = false;
	uint64_t left;
	char *start;

	scatter();
	vol_umount(&big);
	start = map_start(big.addr);
	for (snap.at = 1; punch_crashes(start, &left); snap.at++) {
		ck_assert(!left || left == EXTENTS);
		none |= !left;
		all |= left != 0;
	}
	/* A fence of the zeros, and two of each of three transactions. */
	ck_assert_int_ge(snap.fences, 5);
	ck_assert(none && all);
	munmap(start, BIG_MIB * MIB);
	munmap(big.addr, big.bytes);
}
END_TEST

static Suite *suite(void)
{
	const TTest *const over_kept[] = { kept_blocks_are_used,
					   kept_blocks_survive,
					   kept_blocks_need_no_space,
					   size_grows_over_zeros,
					   kept_blocks_stay_where_they_are,
					   NULL };
	Suite *s = suite_create("toyparts");
	TCase *t = tcase_create("whole");

	tcase_set_timeout(t, TEST_SECONDS);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, records_name_operations);
	tcase_add_test(t, last_sets_size);
	tcase_add_test(t, ends_early);
	tcase_add_test(t, crash_takes_parts_back);
	tcase_add_test(t, others_end_it);
	tcase_add_test(t, wrong_parts);
	tcase_add_test(t, punch_is_finished);
	suite_add_tcase(s, t);
	add_case(s, "kept", over_kept, set_up_kept, tear_down);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
