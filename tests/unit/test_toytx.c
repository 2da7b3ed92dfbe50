/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * The library of toyfs: transactions, through crashes and beside each other.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "toyimage.h"

/* ---- crashes ---- */

static char *copy;
static int fences, copy_at;
static int steps, steps_copied; /* transactions finished, then and now */

static void take_copy(struct toy_fs *f)
{
	if (++fences == copy_at) {
		memcpy(copy, f->base, BYTES);
		steps_copied = steps;
	}
}

static void set_uid(unsigned int channel, uint64_t ino, uint32_t uid)
{
	struct toy_tx *tx = begin(channel);
	struct toy_slot *s;

	ck_assert_int_eq(toy_slot_get(tx, ino, &s), 0);
	s->zi.i_uid = htole32(uid);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
}

static uint32_t get_uid(uint64_t ino)
{
	const struct toy_slot *s;

	ck_assert_int_eq(toy_slot_read(&fs, ino, &s), 0);
	return le32toh(s->zi.i_uid);
}

static void tear_record(char *base, uint64_t seq)
{
	for (unsigned int k = 0; k < 2 * TOY_CHANNELS; k++) {
		struct toy_jhdr *h =
			(void *)(base + toy_journal_off(k / 2, k % 2));

		if (le64toh(h->seq) == seq)
			((char *)h)[200] ^= 1;
	}
}

START_TEST(test_replay)
{
	uint64_t ino = make_inode(0);
	char *from;

	copy = map_image();
	fences = 0;
	copy_at = 1;
	pm_fence_hook = take_copy;
	set_uid(4, ino, 77); /* the first fence is the record's */
	pm_fence_hook = NULL;
	ck_assert_int_eq(fences, 2);
	toy_close(&fs);
	open_image(copy);
	ck_assert_uint_eq(get_uid(ino), 77);
	/* What follows has a later seq and isn't undone by the old record. */
	set_uid(5, ino, 78);
	toy_close(&fs);
	open_image(copy);
	ck_assert_uint_eq(get_uid(ino), 78);

	/* A torn record counts for nothing; the one before it is in place. */
	from = copy;
	copy = image;
	fences = 0;
	pm_fence_hook = take_copy;
	set_uid(5, ino, 79);
	pm_fence_hook = NULL;
	tear_record(image, atomic_load(&fs.seq));
	toy_close(&fs);
	open_image(image);
	ck_assert_uint_eq(get_uid(ino), 78);
	munmap(from, BYTES);
}
END_TEST

/* How many inserts the image has, plus 1 for the inode; all of them in order. */
static int steps_found(uint64_t ino)
{
	const struct toy_slot *s;
	struct zufs_extent e;
	struct toy_tree t;
	int n = 0;

	if (toy_slot_read(&fs, ino, &s))
		return 0;
	t = ro_map_of(ino);
	for (uint64_t i = 0; i < 12; i++) {
		ck_assert_int_eq(toy_map_get(&t, i * 2, i * 2 + 1, &e, 1), 1);
		if (!e.flags)
			ck_assert_int_eq(n++, i);
	}
	return n + 1;
}

/* Every fence of a longer history leaves an image that is a moment of it. */
START_TEST(test_crash_everywhere)
{
	copy = map_image();
	pm_fence_hook = take_copy;
	for (copy_at = 1; copy_at <= 26; copy_at++) {
		struct toy_tree t;
		uint64_t ino, bn;
		uint32_t len;

		fences = 0;
		steps = 0;
		ino = make_inode(1);
		steps++;
		for (uint64_t i = 0; i < 12; i++) {
			struct toy_tx *tx = begin(i % 3);

			t = map_of(tx, ino);
			ck_assert_int_eq(toy_alloc(tx, 0, 1, &bn, &len), 0);
			ck_assert_int_eq(toy_map_insert(&t, i * 2, bn, 1), 0);
			ck_assert_int_eq(toy_tx_commit(tx), 0);
			steps++;
		}
		ck_assert_int_ge(fences, copy_at);
		toy_close(&fs);
		open_image(copy);
		ck_assert_int_ge(steps_found(ino), steps_copied);
		ck_assert_int_le(steps_found(ino), steps_copied + 1);
		count_free();
		for (uint32_t a = 0; a < fs.ag_count; a++)
			ck_assert(toy_node_sum_ok(&fs, TOY_AG_NODE_BN + a));
		ck_assert(toy_node_sum_ok(&fs, TOY_STATE_BN));
		ck_assert_int_eq(logged, 0);
		toy_close(&fs);
		open_image(image);
	}
	pm_fence_hook = NULL;
	munmap(copy, BYTES);
}
END_TEST

/*
 * Channel 1 changes a slot and rests; channel 2 changes it again and then
 * overwrites both of its records, while channel 3 is still in its commit. The
 * record of channel 1 must not come back.
 */
static uint64_t busy_ino;

static void others_run(struct toy_fs *f)
{
	(void)f;
	if (++fences != 1)
		return;
	set_uid(1, busy_ino, 10);
	set_uid(2, busy_ino, 11);
	for (uint32_t i = 0; i < 3; i++)
		set_uid(2, TOY_ROOT_INO, i);
	memcpy(copy, f->base, BYTES);
}

START_TEST(test_done_rule)
{
	uint64_t ino = make_inode(0);

	busy_ino = make_inode(0);
	copy = map_image();
	fences = 0;
	pm_fence_hook = others_run;
	set_uid(3, ino, 99);
	pm_fence_hook = NULL;
	toy_close(&fs);
	open_image(copy);
	ck_assert_uint_eq(get_uid(busy_ino), 11);
	ck_assert_uint_eq(get_uid(ino), 99);
	ck_assert_uint_eq(get_uid(TOY_ROOT_INO), 2);
	munmap(copy, BYTES);
}
END_TEST

/*
 * Media spoil the last record of a channel, by a bit or by a line, when all is
 * in place: what it overwrote must not come back.
 */
static void spoil(uint64_t seq, bool line)
{
	if (line) {
		for (unsigned int k = 0; k < 2 * TOY_CHANNELS; k++) {
			char *rec = image + toy_journal_off(k / 2, k % 2);

			if (le64toh(((struct toy_jhdr *)rec)->seq) == seq)
				memset(rec, 0, TOY_LINE);
		}
	} else {
		tear_record(image, seq);
	}
	open_image(image);
}

START_TEST(test_spoilt_record)
{
	uint64_t ino = make_inode(0), seq;

	for (int line = 0; line < 2; line++) {
		set_uid(3, ino, 1);
		set_uid(3, ino, 2);
		seq = atomic_load(&fs.seq);
		toy_close(&fs);
		spoil(seq, line); /* the channel's record before */
		ck_assert_uint_eq(get_uid(ino), 2);
		set_uid(4, ino, 3);
		seq = atomic_load(&fs.seq);
		toy_close(&fs);
		spoil(seq, line); /* another channel's */
		ck_assert_uint_eq(get_uid(ino), 3);
		ck_assert_uint_ge(atomic_load(&fs.seq), seq);
	}
}
END_TEST

/* The same after a crash in which the line that tells was lost. */
START_TEST(test_spoilt_after_crash)
{
	uint64_t ino = make_inode(0), seq;

	toy_settle(&fs);
	copy = map_image();
	fences = 0;
	copy_at = 2;
	pm_fence_hook = take_copy;
	set_uid(3, ino, 1); /* the second fence is that of the lines in place */
	pm_fence_hook = NULL;
	toy_close(&fs);
	memcpy(image, copy, BYTES);
	munmap(copy, BYTES);
	open_image(image);
	set_uid(4, ino, 2);
	seq = atomic_load(&fs.seq);
	toy_close(&fs);
	spoil(seq, false);
	ck_assert_uint_eq(get_uid(ino), 2);
}
END_TEST

/* A line that tells what is done is spoilt: the records tell it too. */
START_TEST(test_spoilt_done)
{
	uint64_t ino = make_inode(0);

	set_uid(3, ino, 1);
	set_uid(4, ino, 2);
	for (unsigned int c = 3; c < 5; c++) {
		toy_close(&fs);
		for (unsigned int k = 0; k < 2; k++)
			image[toy_journal_off(c, k) + TOY_J_DONE_OFF] ^= 4;
		open_image(image);
		ck_assert_uint_eq(get_uid(ino), 2);
	}
}
END_TEST

/* A node is freed and its block becomes data: no record writes to it again. */
static void reuse_run(struct toy_fs *f)
{
	struct toy_tx *tx;
	uint64_t bn, got;
	uint32_t len;
	void *n;

	if (++fences != 1)
		return;
	tx = begin(1);
	ck_assert_int_eq(toy_node_new(tx, TOY_XATTR_MAGIC, 1, 0, &bn, &n), 0);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	tx = begin(1);
	ck_assert_int_eq(toy_node_get(tx, bn, TOY_XATTR_MAGIC, &n), 0);
	memset((char *)n + 64, 0x11, 64);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	tx = begin(2);
	ck_assert_int_eq(toy_free(tx, bn, 1), 0);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	tx = begin(4);
	ck_assert_int_eq(toy_alloc(tx, bn, 1, &got, &len), 0);
	ck_assert_uint_eq(got, bn);
	memset(toy_tx_new(tx, bn), 0x22, TOY_BLOCK);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	busy_ino = bn;
	memcpy(copy, f->base, BYTES);
}

START_TEST(test_reuse)
{
	uint64_t ino = make_inode(0);

	copy = map_image();
	fences = 0;
	pm_fence_hook = reuse_run;
	set_uid(3, ino, 99);
	pm_fence_hook = NULL;
	toy_close(&fs);
	open_image(copy);
	for (unsigned int i = 0; i < TOY_BLOCK; i++)
		ck_assert_int_eq(copy[busy_ino * TOY_BLOCK + i], 0x22);
	munmap(copy, BYTES);
}
END_TEST

/* ---- threads ---- */

#define THREADS 4
#define ROUNDS	1500

static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t shared_ino, own_ino[THREADS];

static void bump(unsigned int channel, uint64_t ino)
{
	struct toy_tx *tx = begin(channel);
	struct toy_slot *s;

	ck_assert_int_eq(toy_slot_get(tx, ino, &s), 0);
	s->zi.i_size = htole64(le64toh(s->zi.i_size) + 1);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
}

static void grow_and_cut(unsigned int channel, uint64_t ino, uint64_t i)
{
	struct toy_tx *tx = begin(channel);
	struct toy_tree t = map_of(tx, ino);
	uint64_t bn, freed = 0;
	uint32_t len;
	bool done;

	if (i % 10 == 9) {
		ck_assert_int_eq(
			toy_map_punch(&t, 0, UINT64_MAX, &freed, &done), 0);
		ck_assert(done);
	} else {
		ck_assert_int_eq(toy_alloc(tx, 0, 3, &bn, &len), 0);
		ck_assert_int_eq(toy_map_insert(&t, i % 10 * 5, bn, len), 0);
	}
	if (i % 7 == 0 && i % 10 != 9)
		toy_tx_abort(tx);
	else
		ck_assert_int_eq(toy_tx_commit(tx), 0);
}

static void *worker(void *arg)
{
	unsigned int me = (unsigned int)(uintptr_t)arg;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t ino = make_inode(me);
		struct toy_tx *tx;
		uint64_t pos;

		grow_and_cut(me, own_ino[me], i);
		pthread_mutex_lock(&shared_lock);
		bump(me, shared_ino);
		pthread_mutex_unlock(&shared_lock);
		tx = begin(me);
		ck_assert_int_eq(toy_orphan_add(tx, ino, &pos), 0);
		ck_assert_int_eq(toy_tx_commit(tx), 0);
		tx = begin(i % 2 ? me : me + 1);
		ck_assert_int_eq(toy_slot_free(tx, ino), 0);
		ck_assert_int_eq(toy_orphan_del(tx, pos), 0);
		ck_assert_int_eq(toy_tx_commit(tx), 0);
	}
	return NULL;
}

START_TEST(test_threads)
{
	const struct toy_slot *s;
	pthread_t th[THREADS];
	uint64_t total, free_, held = 0;

	shared_ino = make_inode(0);
	for (uintptr_t i = 0; i < THREADS; i++)
		own_ino[i] = make_inode(0);
	total = count_free();
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&th[i], NULL, worker, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(th[i], NULL);
	free_ = count_free();
	reopen();
	ck_assert_uint_eq(count_free(), free_);
	ck_assert_int_eq(toy_slot_read(&fs, shared_ino, &s), 0);
	ck_assert_uint_eq(le64toh(s->zi.i_size), THREADS * ROUNDS);
	for (int i = 0; i < THREADS; i++) {
		struct toy_tree t = ro_map_of(own_ino[i]);
		struct zufs_extent e[64];
		int n = toy_map_get(&t, 0, 1000, e, 64);

		ck_assert_int_ge(n, 1);
		while (n--)
			held += e[n].flags ? 0 : e[n].len;
	}
	ck_assert_uint_le(held + free_, total);
	ck_assert_int_eq(toy_count_inodes(&fs, &total, &free_), 0);
	ck_assert_uint_eq(total - free_, 2 + THREADS);
	ck_assert(toy_node_sum_ok(&fs, TOY_STATE_BN));
	for (unsigned int c = 0; c < TOY_CHANNELS; c++)
		ck_assert(toy_node_sum_ok(&fs, TOY_ORPHAN_BN + c));
	ck_assert_int_eq(logged, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_replay,
		test_crash_everywhere,
		test_done_rule,
		test_spoilt_record,
		test_spoilt_after_crash,
		test_spoilt_done,
		test_reuse,
		test_threads,
		NULL,
	};
	Suite *s = suite_create("toytx");

	add_case(s, "toytx", tests, image_new, image_end);
	return run_suite(s);
}
