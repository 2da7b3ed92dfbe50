// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Blocks for the holes of a file, full of zeros.
 */
#include <errno.h>

#include "plugin.h"

/* Lines that one more extent can need: its bitmap, and a node for each level. */
#define FILL_ROOM   260U
/* What one transaction zeroes at most: 64 MiB. */
#define FILL_MAX    (64ULL << 8)
#define HUGE_BLOCKS 512U

struct fill {
	struct toy_fs *fs;
	struct toy_tx *tx;
	struct toy_tree t;
	struct zufs_extent *fresh; /* or NULL */
	int nr;
	uint64_t done; /* blocks */
	uint64_t next; /* where the last extent ended on media, a hint */
};

/* Whole 2 MiB of the file are put on whole ones of the media, if there are any. */
static int fill_hole(struct fill *f, uint64_t lblk, uint64_t want,
		     uint32_t *len)
{
	uint64_t to_huge = -lblk % HUGE_BLOCKS, bn;
	int err;

	if (want > FILL_MAX)
		want = FILL_MAX;
	if (!to_huge && want >= HUGE_BLOCKS)
		want &= ~(uint64_t)(HUGE_BLOCKS - 1);
	else if (to_huge && want >= to_huge + HUGE_BLOCKS)
		want = to_huge;
	err = toy_alloc(f->tx, f->next, (uint32_t)want, &bn, len);
	if (err)
		return err;
	if (f->fresh)
		f->fresh[f->nr++] = (struct zufs_extent){ lblk, bn, *len, 0 };
	pm_zero(f->fs, bn << ZUFS_BLOCK_SHIFT,
		(uint64_t)*len << ZUFS_BLOCK_SHIFT);
	f->next = bn + *len;
	f->done += *len;
	return toy_map_insert(&f->t, lblk, bn, *len);
}

static bool may_fill(const struct fill *f)
{
	return !(f->fresh && f->nr == TOY_FRESH_MAX) && f->done < FILL_MAX &&
	       toy_tx_more(f->tx, FILL_ROOM);
}

/* As far as the transaction's room allows; *end is where it stopped. */
static int fill_range(struct fill *f, uint64_t lblk, uint64_t *end)
{
	uint64_t at = lblk;
	struct zufs_extent e;
	uint32_t len;
	int n, err;

	while (at < *end) {
		n = toy_map_get(&f->t, at, *end, &e, 1);
		if (n <= 0)
			return n ? n : -EUCLEAN;
		len = e.len;
		if (e.flags & ZUFS_EXT_HOLE) {
			if (!may_fill(f))
				break;
			err = fill_hole(f, at, e.len, &len);
			if (err) {
				*end = at;
				return err;
			}
		} else {
			f->next = e.pblk + e.len;
		}
		at += len;
	}
	*end = at;
	return 0;
}

static uint64_t hint_before(const struct toy_tree *t, uint64_t lblk)
{
	struct zufs_extent e;

	if (!lblk || toy_map_get(t, lblk - 1, lblk, &e, 1) != 1 ||
	    e.flags & ZUFS_EXT_HOLE)
		return 0;
	return e.pblk + 1;
}

int toy_fill(struct toy_fs *fs, struct toy_tx *tx, struct toy_slot *slot,
	     uint64_t lblk, uint64_t *end, struct zufs_extent *fresh,
	     int *nr_fresh)
{
	struct fill f = { .fs = fs, .tx = tx, .fresh = fresh };
	int err;

	f.t = toy_slot_tree(fs, tx, slot);
	f.next = hint_before(&f.t, lblk);
	err = fill_range(&f, lblk, end);
	if (err)
		return err;
	toy_add_blocks(slot, (int64_t)f.done);
	if (fresh)
		*nr_fresh = f.nr;
	return 0;
}

static int holes_parts(struct toy_inode *ti, struct toy_tx *tx, uint64_t lblk,
		       uint64_t *end, struct zufs_extent *fresh, int *nr_fresh)
{
	struct toy_slot *slot;
	int err = toy_slot_get(tx, ti->zii.ino, &slot);

	return err ? err :
		     toy_fill(toy_i_fs(ti), tx, slot, lblk, end, fresh,
			      nr_fresh);
}

static int holes_tx(struct toy_inode *ti, uint16_t op, uint64_t lblk,
		    uint64_t *end, struct zufs_extent *fresh, int *nr_fresh)
{
	struct toy_fs *fs = toy_i_fs(ti);
	struct toy_tx *tx;
	int err = toy_begin(fs, op, &tx);

	if (err)
		return err;
	return toy_tx_end(tx, toy_try(fs, holes_parts(ti, tx, lblk, end, fresh,
						      nr_fresh)));
}

int toy_fill_holes(struct toy_inode *ti, uint16_t op, uint64_t lblk,
		   uint64_t *end, struct zufs_extent *fresh, int *nr_fresh)
{
	/* The parts of a write are behind the size, and may still be wanted. */
	int err = ti->next_part ? 0 : toy_range_finish(ti, ZUFS_OP_NULL, NULL);

	*nr_fresh = 0;
	if (err)
		return err;
	err = holes_tx(ti, op, lblk, end, fresh, nr_fresh);
	/* Space for a part: an error undid it, so once more up to there. */
	if (err == -ENOSPC && *end > lblk)
		err = holes_tx(ti, op, lblk, end, fresh, nr_fresh);
	if (err)
		*nr_fresh = 0;
	return err;
}

/* ---- where they are ---- */

int toy_hole_at(const struct toy_tree *t, uint64_t at, uint64_t end,
		uint64_t *hole)
{
	struct zufs_extent e;

	while (at < end) {
		int n = toy_map_get(t, at, end, &e, 1);

		if (n <= 0)
			return n ? n : -EUCLEAN;
		if (e.flags & ZUFS_EXT_HOLE)
			break;
		at += e.len;
	}
	*hole = at;
	return 0;
}

int toy_fill_needs(const struct toy_tree *t, uint64_t at, uint64_t end,
		   uint64_t *blocks)
{
	uint64_t holes = 0, recs = 0;
	struct zufs_extent e;

	while (at < end) {
		int n = toy_map_get(t, at, end, &e, 1);

		if (n <= 0)
			return n ? n : -EUCLEAN;
		if (e.flags & ZUFS_EXT_HOLE)
			holes += e.len;
		else
			recs++;
		at += e.len;
	}
	/*
	 * Each hole's block may become a record of its own. A node splits when it
	 * is full: again after half of its records, or now, if it is full now.
	 */
	*blocks = holes + (holes + recs) / (TOY_NODE_RECS / 2 - 1) +
		  2 * TOY_MAX_DEPTH;
	return 0;
}
