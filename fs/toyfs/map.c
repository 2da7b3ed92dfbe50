/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * File maps: extents in a tree, key lblk, value pblk and length.
 *
 * Locks: the caller's, those of the inode that owns the map.
 */
#include <errno.h>

#include "tx.h"

#define BATCH 16

/*
 * Lines that one step of a punch can need besides the bitmap lines of the
 * extent: one node shifted, a bitmap line and its header for each freed or new
 * node of a path, root and inode.
 */
#define STEP_LINES  120U
#define SPLIT_LINES 360U /* the step that splits an extent in two */
/* The first step of a transaction has room: inode and orphan entry are a few. */
static_assert(TOY_J_LINES >= SPLIT_LINES + 24, "journal");

struct ext {
	uint64_t lblk, pblk;
	uint32_t len;
};

static int ext_of(const struct toy_tree *t, const struct toy_rec *r,
		  struct ext *e)
{
	uint64_t val = le64toh(r->val);

	e->lblk = le64toh(r->key);
	e->pblk = TOY_EXT_PBLK(val);
	e->len = TOY_EXT_LEN(val);
	if (e->len && e->lblk <= UINT64_MAX - e->len &&
	    toy_is_data(t->fs, e->pblk, e->len) &&
	    !toy_has_table(t->fs, e->pblk, e->len))
		return 0;
	toy_log(TOY_LOG_ERR,
		"toyfs: block %llu: bad extent in the map of inode %llu",
		(unsigned long long)e->pblk, (unsigned long long)t->owner);
	return -EUCLEAN;
}

/* The extent with the largest lblk <= @lblk; -ENOENT: none. */
static int ext_floor(const struct toy_tree *t, uint64_t lblk, struct ext *e)
{
	struct toy_rec r;
	int err = toy_tree_floor(t, lblk, &r);

	return err ? err : ext_of(t, &r, e);
}

struct answer {
	struct zufs_extent *ext;
	int n, max;
	uint64_t pos, end;
};

static bool full(const struct answer *a)
{
	return a->n == a->max || a->pos >= a->end;
}

static void put_hole(struct answer *a, uint64_t to)
{
	to = to < a->end ? to : a->end;
	while (!full(a) && a->pos < to) {
		uint64_t len = to - a->pos;

		len = len < UINT32_MAX ? len : UINT32_MAX;
		a->ext[a->n++] = (struct zufs_extent){ a->pos, 0, (uint32_t)len,
						       ZUFS_EXT_HOLE };
		a->pos += len;
	}
}

/* What of @e is behind a->pos, with the hole before it. */
static void put_ext(struct answer *a, const struct ext *e)
{
	uint64_t end = e->lblk + e->len, skip;

	if (end <= a->pos)
		return;
	if (e->lblk > a->pos)
		put_hole(a, e->lblk);
	if (full(a))
		return;
	skip = a->pos - e->lblk;
	end = end < a->end ? end : a->end;
	a->ext[a->n++] = (struct zufs_extent){ a->pos, e->pblk + skip,
					       (uint32_t)(end - a->pos), 0 };
	a->pos = end;
}

int toy_map_get(const struct toy_tree *t, uint64_t lblk, uint64_t end,
		struct zufs_extent *ext, int max)
{
	struct answer a = { ext, 0, max, lblk, end };
	uint64_t key = lblk;
	struct ext e;
	int n, err = ext_floor(t, lblk, &e);

	if (err && err != -ENOENT)
		return err;
	if (!err) {
		put_ext(&a, &e);
		key = e.lblk + 1;
	}
	while (!full(&a)) {
		struct toy_rec rec[BATCH];

		n = toy_tree_range(t, key, rec, BATCH);
		if (n < 0)
			return n;
		for (int i = 0; i < n && !full(&a); i++) {
			err = ext_of(t, &rec[i], &e);
			if (err)
				return err;
			put_ext(&a, &e);
			key = e.lblk + 1;
		}
		if (n < BATCH)
			put_hole(&a, end);
	}
	return a.n;
}

int toy_map_end(const struct toy_tree *t, uint64_t lblk, uint64_t end,
		uint64_t *at)
{
	struct ext e;
	int err = ext_floor(t, end - 1, &e);

	*at = lblk;
	if (err)
		return err == -ENOENT ? 0 : err;
	if (e.lblk + e.len > lblk)
		*at = e.lblk + e.len < end ? e.lblk + e.len : end;
	return 0;
}

static int merge_next(const struct toy_tree *t, const struct ext *e,
		      uint64_t *len)
{
	struct toy_rec r;
	struct ext next;
	int err = toy_tree_ceil(t, e->lblk + e->len, &r);

	if (err == -ENOENT)
		return 0;
	if (!err)
		err = ext_of(t, &r, &next);
	if (err)
		return err;
	if (next.lblk != e->lblk + e->len || next.pblk != e->pblk + e->len ||
	    *len + next.len > TOY_EXT_MAX)
		return 0;
	*len += next.len;
	return toy_tree_delete(t, next.lblk);
}

/* The first extent behind @lblk must begin at @end or later. */
static int hole_check(const struct toy_tree *t, uint64_t lblk, uint64_t end)
{
	struct toy_rec r;
	int err = toy_tree_ceil(t, lblk, &r);

	if (err)
		return err == -ENOENT ? 0 : err;
	return le64toh(r.key) < end ? -EEXIST : 0;
}

int toy_map_insert(const struct toy_tree *t, uint64_t lblk, uint64_t pblk,
		   uint32_t len)
{
	struct ext prev, e = { lblk, pblk, len };
	uint64_t total = len;
	bool has_prev;
	int err;

	if (!len || len > TOY_EXT_MAX || lblk > UINT64_MAX - len ||
	    !toy_is_data(t->fs, pblk, len))
		return -EINVAL;
	err = hole_check(t, lblk, lblk + len);
	if (err)
		return err;
	err = ext_floor(t, lblk, &prev);
	if (err && err != -ENOENT)
		return err;
	has_prev = !err;
	if (has_prev && prev.lblk + prev.len > lblk)
		return -EEXIST;
	err = merge_next(t, &e, &total);
	if (err)
		return err;
	if (has_prev && prev.lblk + prev.len == lblk &&
	    prev.pblk + prev.len == pblk && prev.len + total <= TOY_EXT_MAX)
		return toy_tree_update(t, prev.lblk, prev.lblk,
				       TOY_EXT_VAL(prev.pblk,
						   prev.len + total));
	return toy_tree_insert(t, lblk, TOY_EXT_VAL(pblk, total));
}

/* Takes [from, to) out of extent @e. */
static int ext_cut(const struct toy_tree *t, const struct ext *e, uint64_t from,
		   uint64_t to)
{
	uint64_t end = e->lblk + e->len, left = from - e->lblk;
	uint64_t pblk_to = e->pblk + (to - e->lblk);
	int err = toy_free(t->tx, e->pblk + left, (uint32_t)(to - from));

	if (err)
		return err;
	if (!left && to == end)
		return toy_tree_delete(t, e->lblk);
	if (!left)
		return toy_tree_update(t, e->lblk, to,
				       TOY_EXT_VAL(pblk_to, end - to));
	err = toy_tree_update(t, e->lblk, e->lblk, TOY_EXT_VAL(e->pblk, left));
	if (err || to == end)
		return err;
	return toy_tree_insert(t, to, TOY_EXT_VAL(pblk_to, end - to));
}

int toy_map_punch(const struct toy_tree *t, uint64_t lblk, uint64_t end,
		  uint64_t *freed, bool *done)
{
	*done = false;
	while (end > lblk) {
		unsigned int room = toy_tx_room(t->tx), need = STEP_LINES;
		uint64_t from, to, most;
		struct ext e;
		int err = ext_floor(t, end - 1, &e);

		if (err && err != -ENOENT)
			return err;
		if (err || e.lblk + e.len <= lblk)
			break;
		from = e.lblk > lblk ? e.lblk : lblk;
		to = e.lblk + e.len < end ? e.lblk + e.len : end;
		if (from > e.lblk && to < e.lblk + e.len)
			need = SPLIT_LINES;
		if (!toy_tx_more(t->tx, need + 4))
			return 0;
		/* Lines of 512 blocks; a run can begin and end inside one. */
		most = (room - need - 3) * 256ULL;
		if (to - from > most)
			from = to - most;
		err = ext_cut(t, &e, from, to);
		if (err)
			return err;
		*freed += to - from;
		end = from;
	}
	*done = true;
	return 0;
}
