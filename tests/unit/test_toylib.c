/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * The library of toyfs: sums, space, trees, maps, inodes, superblocks.
 */
#include "toyimage.h"

/* ---- sums ---- */

START_TEST(test_sums)
{
	static const uint64_t key[2] = { 0x0706050403020100ULL,
					 0x0f0e0d0c0b0a0908ULL };
	uint8_t text[15];
	uint64_t w[512], seed = 1, sum;

	for (int i = 0; i < 15; i++)
		text[i] = (uint8_t)i;
	ck_assert_uint_eq(toy_siphash(key, text, 15), 0xa129ca6149be45e5ULL);

	for (int i = 0; i < 512; i++)
		w[i] = rnd(&seed);
	sum = toy_sum(w, sizeof(w), 8192, 8);
	for (int k = 0; k < 100; k++) {
		unsigned int i = 2 + rnd(&seed) % 510;
		uint64_t v = rnd(&seed);

		sum += toy_sum_delta(8192, i, w[i], v);
		w[i] = v;
	}
	ck_assert_uint_eq(sum, toy_sum(w, sizeof(w), 8192, 8));
	w[1]++;
	ck_assert_uint_eq(sum, toy_sum(w, sizeof(w), 8192, 8));
	ck_assert_uint_ne(sum, toy_sum(w, sizeof(w), 4096, 8));
	w[7]++;
	ck_assert_uint_ne(sum, toy_sum(w, sizeof(w), 8192, 8));
}
END_TEST

/* ---- space ---- */

static uint64_t kept_blocks(void)
{
	uint64_t n;

	ck_assert_int_eq(toy_kept(&fs, &n), 0);
	return n;
}

START_TEST(test_alloc)
{
	uint64_t all = count_free(), bn, bn2, n = 0;
	struct toy_tx *tx = begin(3);
	uint32_t len;

	ck_assert_int_eq(toy_alloc(tx, 0, 600, &bn, &len), 0);
	ck_assert_uint_eq(bn % 512, 0);
	ck_assert_uint_eq(len, 600);
	ck_assert_uint_eq(count_free(), all - 600);
	toy_tx_abort(tx);
	ck_assert_uint_eq(count_free(), all);

	tx = begin(3);
	ck_assert_int_eq(toy_alloc(tx, 0, 10, &bn, &len), 0);
	ck_assert_int_eq(toy_alloc(tx, bn + 10, 1, &bn2, &len), 0);
	ck_assert_uint_eq(bn2, bn + 10);
	ck_assert_int_eq(toy_free(tx, bn + 3, 8), 0);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	ck_assert_uint_eq(count_free(), all - 3);
	reopen();
	ck_assert_uint_eq(count_free(), all - 3);

	/* Freed twice: an error, and nothing changed. */
	tx = begin(1);
	ck_assert_int_eq(toy_free(tx, bn, 3), 0);
	ck_assert_int_eq(toy_free(tx, bn + 1, 1), 0);
	ck_assert_int_eq(toy_tx_commit(tx), -EUCLEAN);
	ck_assert_uint_eq(count_free(), all - 3);
	tx = begin(1);
	ck_assert_int_eq(toy_free(tx, bn, 3), 0);
	ck_assert_uint_eq(count_free(), all - 3);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	ck_assert_uint_eq(count_free(), all);

	/* Everything. */
	tx = begin(0);
	while (!toy_alloc(tx, 0, 5000, &bn, &len))
		n += len;
	ck_assert_uint_eq(n, all - kept_blocks());
	ck_assert_uint_eq(count_free(), kept_blocks());
	ck_assert_int_eq(toy_alloc(tx, 0, 1, &bn, &len), -ENOSPC);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	reopen();
	ck_assert_uint_eq(count_free(), kept_blocks());
	ck_assert_int_eq(toy_reserve(&fs, 1, 0, 1, &bn, &len), -ENOSPC);

	/* Spare blocks are for what frees, but not those of the orphans. */
	tx = begin(0);
	toy_tx_frees(tx);
	for (n = 0; !toy_alloc(tx, 0, 1, &bn, &len); n++)
		;
	ck_assert_uint_eq(n, TOY_SPARE);
	ck_assert_uint_ge(count_free(), 2);
	toy_tx_abort(tx);
	ck_assert_uint_eq(count_free(), kept_blocks());
}
END_TEST

START_TEST(test_reserve)
{
	uint64_t all = count_free(), bn;
	struct toy_tx *tx;
	uint32_t len;

	ck_assert_int_eq(toy_reserve(&fs, 2, 0, 100, &bn, &len), 0);
	tx = begin(2);
	ck_assert_int_eq(toy_alloc_reserved(tx, bn, 40), 0);
	toy_tx_abort(tx);
	ck_assert_uint_eq(count_free(), all - 100);
	tx = begin(2);
	ck_assert_int_eq(toy_alloc_reserved(tx, bn, 40), 0);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	toy_unreserve(&fs, bn + 40, 60);
	ck_assert_uint_eq(count_free(), all - 40);
	reopen();
	ck_assert_uint_eq(count_free(), all - 40);
	tx = begin(2);
	ck_assert_int_eq(toy_free(tx, 3, 1), -EUCLEAN);
	ck_assert_int_eq(toy_free(tx, fs.blocks - 1, 2), -EUCLEAN);
	toy_tx_abort(tx);
}
END_TEST

/* A bad one stays with who has it, and is nobody's after that. */
START_TEST(test_bad)
{
	uint64_t all = count_free(), bn, got;
	struct toy_tx *tx = begin(3);
	uint32_t len;

	ck_assert_int_eq(toy_alloc(tx, 0, 10, &bn, &len), 0);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	toy_bad_note(&fs, bn + 3);
	toy_bad_note(&fs, bn + 20);
	toy_bad_note(&fs, bn + 20);
	toy_bad_note(&fs, 1);
	toy_bad_note(&fs, UINT64_MAX);
	ck_assert_uint_eq(count_free(), all - 11);
	tx = begin(3);
	ck_assert_int_eq(toy_free(tx, bn, 10), 0);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	ck_assert_uint_eq(count_free(), all - 2);
	while (!toy_reserve(&fs, 1, 0, 5000, &got, &len)) {
		ck_assert(got > bn + 3 || got + len <= bn + 3);
		ck_assert(got > bn + 20 || got + len <= bn + 20);
	}
	ck_assert_uint_eq(count_free(), kept_blocks());
	reopen();
	ck_assert_uint_eq(count_free(), all);
	/* Known before anything is read. */
	toy_bad_note(&fs, bn + 3);
	ck_assert_int_eq(toy_reserve(&fs, 1, bn + 3, 1, &got, &len), 0);
	ck_assert_uint_ne(got, bn + 3);
	ck_assert_uint_eq(count_free(), all - 2);
}
END_TEST

/* Others leave what is promised, and the one who has the promise gets it. */
START_TEST(test_promise)
{
	uint64_t had = count_free() - kept_blocks(), left = 100, bn, n = 0;
	struct toy_tx *tx;
	uint32_t len;

	ck_assert_int_eq(toy_promise(&fs, had + 1), -ENOSPC);
	ck_assert_int_eq(toy_promise(&fs, UINT64_MAX), -ENOSPC);
	ck_assert_int_eq(toy_promise(&fs, left), 0);
	ck_assert_int_eq(toy_promise(&fs, had - left + 1), -ENOSPC);
	while (!toy_reserve(&fs, 1, 0, 5000, &bn, &len))
		n += len;
	ck_assert_uint_eq(n, had - left);
	tx = begin(2);
	ck_assert_int_eq(toy_alloc(tx, 0, 1, &bn, &len), -ENOSPC);
	toy_tx_promised(tx, &left);
	for (n = 0; n < 60; n += len)
		ck_assert_int_eq(toy_alloc(tx, 0, 60 - n, &bn, &len), 0);
	ck_assert_uint_eq(left, 40);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	/* The rest is anybody's. */
	toy_unpromise(&fs, left);
	for (n = 0; !toy_reserve(&fs, 1, 0, 5000, &bn, &len); n += len)
		;
	ck_assert_uint_eq(n, 40);
	ck_assert_uint_eq(count_free(), kept_blocks());
}
END_TEST

static void *take_all(void *arg)
{
	uint64_t seed = (uintptr_t)arg, bn, n = 0;
	uint32_t len;

	while (!toy_reserve(&fs, (unsigned int)seed, 0, 1 + rnd(&seed) % 70,
			    &bn, &len)) {
		ck_assert_uint_ge(count_free(), kept_blocks());
		n += len;
		if (rnd(&seed) % 2)
			continue;
		toy_unreserve(&fs, bn, len);
		n -= len;
	}
	return (void *)(uintptr_t)n;
}

/* All that may be had is, and nothing of what is kept, however they race. */
START_TEST(test_kept_races)
{
	uint64_t all = count_free(), n = 0;
	pthread_t t[8];
	void *got;

	for (uintptr_t i = 0; i < 8; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, take_all,
						(void *)(i + 1)),
				 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(t[i], &got);
		n += (uintptr_t)got;
	}
	n += (uintptr_t)take_all((void *)9);
	ck_assert_uint_eq(count_free(), kept_blocks());
	ck_assert_uint_eq(n, all - kept_blocks());
}
END_TEST

/* ---- tree ---- */

#define KEYS 4096U

static void check_tree(const struct toy_tree *t, const uint64_t *ref)
{
	struct toy_rec r[64];
	uint64_t key = 0, next = 0;
	int n;

	do {
		n = toy_tree_range(t, key, r, 64);
		ck_assert_int_ge(n, 0);
		for (int i = 0; i < n; i++) {
			while (next < KEYS && !ref[next])
				next++;
			ck_assert_uint_eq(le64toh(r[i].key), next);
			ck_assert_uint_eq(le64toh(r[i].val), ref[next]);
			key = ++next;
		}
	} while (n == 64);
	while (next < KEYS)
		ck_assert_uint_eq(ref[next++], 0);
}

/* One random change of tree and reference. */
static void tree_step(const struct toy_tree *t, uint64_t *ref, uint64_t *seed,
		      bool shrink)
{
	uint32_t k = rnd(seed) % KEYS, r = rnd(seed) % 8, n = k;
	struct toy_rec rec;
	int err;

	if (r == 0 && ref[k]) {
		while (n + 1 < KEYS && !ref[n + 1] && n - k < 20)
			n++;
		if (n == k)
			while (n && !ref[n - 1] && k - n < 20)
				n--;
		ck_assert_int_eq(toy_tree_update(t, k, n, ref[k] + 1), 0);
		r = (uint32_t)ref[k] + 1;
		ref[k] = 0;
		ref[n] = r;
	} else if (r < (shrink ? 3U : 6U)) {
		err = toy_tree_insert(t, k, 1 + r);
		ck_assert_int_eq(err, ref[k] ? -EEXIST : 0);
		if (!ref[k])
			ref[k] = 1 + r;
	} else {
		err = toy_tree_delete(t, k);
		ck_assert_int_eq(err, ref[k] ? 0 : -ENOENT);
		ref[k] = 0;
	}
	k = rnd(seed) % KEYS;
	err = toy_tree_floor(t, k, &rec);
	for (n = k; n && !ref[n]; n--)
		;
	ck_assert_int_eq(err, ref[n] ? 0 : -ENOENT);
	if (!err)
		ck_assert_uint_eq(le64toh(rec.key), n);
	err = toy_tree_ceil(t, k, &rec);
	for (n = k; n < KEYS && !ref[n]; n++)
		;
	ck_assert_int_eq(err, n < KEYS ? 0 : -ENOENT);
	if (!err)
		ck_assert_uint_eq(le64toh(rec.key), n);
}

START_TEST(test_tree)
{
	static uint64_t ref[KEYS];
	uint64_t ino = make_inode(0), all = count_free(), seed = 42;
	struct toy_tree t;

	for (int i = 0; i < 20000;) {
		struct toy_tx *tx = begin((unsigned int)i);

		t = map_of(tx, ino);
		for (int k = 0; k < 3; k++, i++)
			tree_step(&t, ref, &seed, i % 8000 > 5000);
		ck_assert_int_eq(toy_tx_commit(tx), 0);
		if (i % 1000 < 3) {
			t = ro_map_of(ino);
			check_tree(&t, ref);
		}
	}
	reopen();
	t = ro_map_of(ino);
	check_tree(&t, ref);
	for (unsigned int k = 0; k < KEYS; k++) {
		struct toy_tx *tx;

		if (!ref[k])
			continue;
		tx = begin(0);
		t = map_of(tx, ino);
		ck_assert_int_eq(toy_tree_delete(&t, k), 0);
		ck_assert_int_eq(toy_tx_commit(tx), 0);
	}
	ck_assert_uint_eq(count_free(), all);
	ck_assert_int_eq(logged, 0);
}
END_TEST

START_TEST(test_tree_hostile)
{
	uint64_t ino = make_inode(0), bn;
	struct toy_tx *tx = begin(0);
	struct toy_tree t = map_of(tx, ino);
	struct toy_rec r;
	char *level;

	for (uint64_t k = 0; k < 300; k++)
		ck_assert_int_eq(toy_tree_insert(&t, k, k + 1), 0);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	t = ro_map_of(ino);
	ck_assert_int_eq(le16toh(t.root->depth), 2);
	bn = le64toh(t.root->root);

	/* A root that is its own child. */
	tx = begin(0);
	ck_assert_int_eq(toy_node_get(tx, bn, TOY_TREE_MAGIC, (void **)&level),
			 0);
	((struct toy_rec *)(level + 64))[0].val = htole64(bn);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	ck_assert_int_eq(toy_tree_floor(&t, 5, &r), -EUCLEAN);
	/* And one far outside. */
	tx = begin(0);
	ck_assert_int_eq(toy_node_get(tx, bn, TOY_TREE_MAGIC, (void **)&level),
			 0);
	((struct toy_rec *)(level + 64))[0].val = htole64(1ULL << 60);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	ck_assert_int_eq(toy_tree_ceil(&t, 5, &r), -EUCLEAN);
	/* A wrong bit is found after a mount. */
	image[bn * TOY_BLOCK + 3000] ^= 1;
	reopen();
	t = ro_map_of(ino);
	ck_assert_int_eq(toy_tree_floor(&t, 5, &r), -EUCLEAN);
	ck_assert_int_eq(logged, 3);
}
END_TEST

/* ---- maps ---- */

START_TEST(test_map)
{
	uint64_t ino = make_inode(0), all = count_free(), bn, freed = 0;
	struct toy_tx *tx = begin(0);
	struct toy_tree t = map_of(tx, ino);
	struct zufs_extent e[8];
	uint32_t len;
	bool done;

	ck_assert_int_eq(toy_alloc(tx, 0, 100, &bn, &len), 0);
	ck_assert_int_eq(toy_map_insert(&t, 10, bn, 10), 0);
	ck_assert_int_eq(toy_map_insert(&t, 30, bn + 20, 80), 0);
	ck_assert_int_eq(toy_map_insert(&t, 20, bn + 10, 10), 0);
	ck_assert_int_eq(toy_map_insert(&t, 5, bn, 6), -EEXIST);
	ck_assert_int_eq(toy_map_get(&t, 0, 200, e, 8), 3);
	ck_assert_uint_eq(e[0].flags, ZUFS_EXT_HOLE);
	ck_assert_uint_eq(e[1].lblk, 10);
	ck_assert_uint_eq(e[1].len, 100);
	ck_assert_uint_eq(e[2].lblk, 110);
	ck_assert_uint_eq(e[2].len, 90);
	ck_assert_int_eq(toy_tx_commit(tx), 0);

	tx = begin(1);
	t = map_of(tx, ino);
	ck_assert_int_eq(toy_map_punch(&t, 50, 60, &freed, &done), 0);
	ck_assert(done);
	ck_assert_uint_eq(freed, 10);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	t = ro_map_of(ino);
	ck_assert_int_eq(toy_map_get(&t, 15, 70, e, 8), 3);
	ck_assert_uint_eq(e[0].lblk, 15);
	ck_assert_uint_eq(e[0].len, 35);
	ck_assert_uint_eq(e[2].pblk, bn + 50);

	tx = begin(1);
	t = map_of(tx, ino);
	ck_assert_int_eq(toy_map_punch(&t, 0, UINT64_MAX, &freed, &done), 0);
	ck_assert(done);
	ck_assert_uint_eq(freed, 100);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	ck_assert_uint_eq(count_free(), all);
}
END_TEST

/* Thousands of extents of one block, then truncate in several transactions. */
START_TEST(test_map_many)
{
	uint64_t ino = make_inode(0), all = count_free(), bn, freed = 0;
	struct toy_tree t;
	struct toy_tx *tx;
	uint32_t len;
	bool done = false;
	int rounds = 0;

	for (uint64_t i = 0; i < 3000; i++) {
		tx = begin((unsigned int)i % 5);
		t = map_of(tx, ino);
		ck_assert_int_eq(toy_alloc(tx, 0, 1, &bn, &len), 0);
		ck_assert_int_eq(
			toy_map_insert(&t, (i * 7919 % 3000) * 2, bn, 1), 0);
		ck_assert_int_eq(toy_tx_commit(tx), 0);
	}
	reopen();
	for (; !done; rounds++) {
		tx = begin(7);
		t = map_of(tx, ino);
		ck_assert_int_eq(toy_map_punch(&t, 0, 6000, &freed, &done), 0);
		ck_assert_int_eq(toy_tx_commit(tx), 0);
	}
	ck_assert_uint_eq(freed, 3000);
	ck_assert_int_lt(rounds, 50);
	reopen();
	ck_assert_uint_eq(count_free(), all);
}
END_TEST

/* ---- inodes, orphans ---- */

START_TEST(test_itable)
{
	const struct toy_slot *s;
	uint64_t ino[600], total, free_;
	struct toy_tx *tx;

	for (unsigned int i = 0; i < 600; i++) {
		ino[i] = make_inode(i % 3);
		for (unsigned int k = 0; k < i; k++)
			ck_assert_uint_ne(ino[k], ino[i]);
	}
	reopen();
	ck_assert_int_eq(toy_count_inodes(&fs, &total, &free_), 0);
	ck_assert_uint_eq(total - free_, 601);
	for (unsigned int i = 0; i < 600; i++) {
		ck_assert_int_eq(toy_slot_read(&fs, ino[i], &s), 0);
		ck_assert_uint_eq(le64toh(s->zi.i_generation), 1);
		tx = begin(i % 4);
		ck_assert_int_eq(toy_slot_free(tx, ino[i]), 0);
		ck_assert_int_eq(toy_tx_commit(tx), 0);
		ck_assert_int_eq(toy_slot_read(&fs, ino[i], &s), -ENOENT);
	}
	ck_assert_int_eq(toy_slot_read(&fs, 0, &s), -ENOENT);
	ck_assert_int_eq(toy_slot_read(&fs, 1ULL << 50, &s), -ENOENT);
	ck_assert_int_eq(toy_slot_read(&fs, TOY_ROOT_INO, &s), 0);
	ino[0] = make_inode(3);
	ck_assert_int_eq(toy_slot_read(&fs, ino[0], &s), 0);
	ck_assert_uint_eq(le64toh(s->zi.i_generation), 2);
	ck_assert_int_eq(logged, 0);
}
END_TEST

START_TEST(test_itable_full)
{
	uint64_t bn, ino, made = 0, total, free_;
	struct toy_tx *tx = begin(0);
	struct toy_slot *s;
	uint32_t len;

	while (!toy_alloc(tx, 0, 5000, &bn, &len))
		;
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	/* Channel 5 has no slots; those of channel 0 do. */
	for (;;) {
		int err;

		tx = begin(5);
		err = toy_slot_alloc(tx, &ino, &s);
		if (err) {
			ck_assert_int_eq(err, -ENOSPC);
			toy_tx_abort(tx);
			break;
		}
		s->zi.i_mode = htole16(S_IFREG);
		ck_assert_int_eq(toy_tx_commit(tx), 0);
		made++;
	}
	ck_assert_uint_eq(made, 14);
	ck_assert_int_eq(toy_count_inodes(&fs, &total, &free_), 0);
	ck_assert_uint_eq(free_, 0);
}
END_TEST

/* Slots that are freed on another channel than they are made on. */
START_TEST(test_itable_channels)
{
	const struct toy_state *st = pm_at(&fs, TOY_STATE_BN * TOY_BLOCK);
	uint64_t ino[700], after[20];
	struct toy_tx *tx;

	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int i = 0; i < 700; i++)
			ino[i] = make_inode(0);
		for (unsigned int i = 0; i < 700; i++) {
			tx = begin(2);
			ck_assert_int_eq(toy_slot_free(tx, ino[i]), 0);
			ck_assert_int_eq(toy_tx_commit(tx), 0);
		}
		after[round] = le64toh(st->itable_blocks);
	}
	ck_assert_uint_eq(after[19], after[2]);
	ck_assert_uint_le(after[19], 700 / TOY_SLOTS_PER_BLOCK + 32);
}
END_TEST

static uint64_t seen;

static int orphan_take(struct toy_fs *f, uint64_t entry, uint64_t pos,
		       void *arg)
{
	struct toy_tx *tx;
	int err = toy_tx_begin(f, 9, &tx);

	(void)arg;
	if (err)
		return err;
	seen += TOY_ORPH_INO(entry);
	err = toy_orphan_del(tx, pos);
	ck_assert_int_eq(err, 0);
	return toy_tx_commit(tx);
}

START_TEST(test_orphans)
{
	uint64_t sum = 0, pos;

	for (uint64_t i = 1; i <= 1200; i++) {
		struct toy_tx *tx = begin(i % 2);

		ck_assert_int_eq(toy_orphan_add(tx,
						i | (i & 1 ? TOY_ORPH_CUT : 0),
						&pos),
				 0);
		ck_assert_int_eq(toy_tx_commit(tx), 0);
		sum += i;
	}
	reopen();
	ck_assert_int_eq(toy_orphan_each(&fs, orphan_take, NULL), 0);
	ck_assert_uint_eq(seen, sum);
	seen = 0;
	ck_assert_int_eq(toy_orphan_each(&fs, orphan_take, NULL), 0);
	ck_assert_uint_eq(seen, 0);
}
END_TEST

/* ---- superblocks ---- */

START_TEST(test_super)
{
	const char *why = NULL;

	toy_close(&fs);
	memset(image, 0xff, TOY_BLOCK);
	open_image(image);
	ck_assert_str_eq(fs.label, "test");
	toy_close(&fs);
	image[ZUFS_MDT_COPY_OFFSET + TOY_SB_OFF + 100] ^= 1;
	ck_assert_int_eq(toy_open(&fs, image, BYTES, &why), -EINVAL);
	ck_assert_ptr_nonnull(why);
	image[ZUFS_MDT_COPY_OFFSET + TOY_SB_OFF + 100] ^= 1;
	image[ZUFS_MDT_COPY_OFFSET + 8] ^= 1; /* magic of the device table */
	ck_assert_int_eq(toy_open(&fs, image, BYTES, &why), -EINVAL);
	image[ZUFS_MDT_COPY_OFFSET + 8] ^= 1;
	ck_assert_int_eq(toy_open(&fs, image, 1 << 20, &why), -EINVAL);
	ck_assert_int_eq(toy_open(&fs, image, BYTES / 2, &why), -EUCLEAN);
	open_image(image);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_sums,
		test_alloc,
		test_reserve,
		test_promise,
		test_bad,
		test_kept_races,
		test_tree,
		test_tree_hostile,
		test_map,
		test_map_many,
		test_itable,
		test_itable_full,
		test_itable_channels,
		test_orphans,
		test_super,
		NULL,
	};
	Suite *s = suite_create("toylib");

	add_case(s, "toylib", tests, image_new, image_end);
	return run_suite(s);
}
