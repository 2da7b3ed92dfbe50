// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * A range of a file's map in any number of transactions: its blocks go, or its
 * holes get some. The first one decides: from then on an orphan entry, and the
 * range in the slot, say what is left to do, and a mount does it.
 */
#include <errno.h>

#include "plugin.h"

void toy_add_blocks(struct toy_slot *slot, int64_t n)
{
	slot->zi.i_blocks = htole64(le64toh(slot->zi.i_blocks) + n * 8);
}

int toy_range_add(struct toy_tx *tx, struct toy_slot *slot, uint64_t kind,
		  uint64_t from, uint64_t to, uint64_t *range)
{
	slot->zi.i_on_disk[0] = htole64(from);
	slot->zi.i_on_disk[1] = htole64(to);
	return toy_orphan_add(tx, le64toh(slot->zi.i_ino) | kind, range);
}

int toy_range_del(struct toy_tx *tx, struct toy_slot *slot, uint64_t range)
{
	slot->zi.i_on_disk[0] = 0;
	slot->zi.i_on_disk[1] = 0;
	return toy_orphan_del(tx, range);
}

/* ---- as much as fits of what the slot says; *done: all of it ---- */

static int cut_some(struct toy_fs *fs, struct toy_tx *tx, struct toy_slot *slot,
		    bool *done)
{
	struct toy_tree t = toy_slot_tree(fs, tx, slot);
	uint64_t from = le64toh(slot->zi.i_on_disk[0]);
	uint64_t to = le64toh(slot->zi.i_on_disk[1]), freed = 0;
	int err = 0;

	*done = true;
	if (from < to)
		err = toy_map_punch(&t, from, to, &freed, done);
	if (!err)
		toy_add_blocks(slot, -(int64_t)freed);
	return err;
}

static int fill_some(struct toy_fs *fs, struct toy_tx *tx,
		     struct toy_slot *slot, bool *done)
{
	uint64_t at = le64toh(slot->zi.i_on_disk[0]);
	uint64_t to = le64toh(slot->zi.i_on_disk[1]);
	uint64_t end = to < TOY_MAX_LBLK ? to : TOY_MAX_LBLK;
	int err = 0;

	to = end;
	if (at < end)
		err = toy_fill(fs, tx, slot, at, &end, NULL, NULL);
	if (!err)
		slot->zi.i_on_disk[0] = htole64(end);
	*done = end == to;
	return err;
}

/* ---- the first transaction ---- */

/*
 * The entry is written first, so that there is room for it; if all fits, neither
 * it nor the range ever reaches the media.
 */
int toy_cut(struct toy_fs *fs, struct toy_tx *tx, struct toy_slot *slot,
	    uint64_t from, uint64_t to, uint64_t *range)
{
	bool done;
	int err;

	if (!slot->map.depth && !slot->map.nr)
		return 0;
	err = toy_range_add(tx, slot, TOY_ORPH_CUT, from, to, range);
	if (!err)
		err = cut_some(fs, tx, slot, &done);
	if (err || !done)
		return err;
	err = toy_range_del(tx, slot, *range);
	*range = TOY_NO_ORPHAN;
	return err;
}

static int promise_rest(struct toy_fs *fs, struct toy_tx *tx,
			struct toy_slot *slot, uint64_t *promised)
{
	struct toy_tree t = toy_slot_tree(fs, tx, slot);
	uint64_t needs;
	int err = toy_fill_needs(&t, le64toh(slot->zi.i_on_disk[0]),
				 le64toh(slot->zi.i_on_disk[1]), &needs);

	if (!err)
		err = toy_promise(fs, needs);
	if (!err)
		*promised = needs;
	return err;
}

int toy_range_fill(struct toy_fs *fs, struct toy_tx *tx, struct toy_slot *slot,
		   uint64_t from, uint64_t to, uint64_t *range,
		   uint64_t *promised)
{
	bool done;
	int err = toy_range_add(tx, slot, TOY_ORPH_FILL, from, to, range);

	if (!err)
		err = fill_some(fs, tx, slot, &done);
	if (err)
		return err;
	if (!done)
		return promise_rest(fs, tx, slot, promised);
	err = toy_range_del(tx, slot, *range);
	*range = TOY_NO_ORPHAN;
	return err;
}

/* ---- the others ---- */

static int range_parts(struct toy_inode *ti, struct toy_tx *tx, bool *done)
{
	struct toy_fs *fs = toy_i_fs(ti);
	struct toy_slot *slot;
	int err = toy_slot_get(tx, ti->zii.ino, &slot);

	if (!err)
		err = ti->fills ? fill_some(fs, tx, slot, done) :
				  cut_some(fs, tx, slot, done);
	if (err)
		return err;
	if (*done && !toy_tx_more(tx, TOY_STEP_ROOM))
		*done = false;
	return *done ? toy_range_del(tx, slot, ti->range) : 0;
}

/* One transaction. *done: the entry is gone too. */
static int range_step(struct toy_inode *ti, uint16_t op, uint64_t *promised,
		      bool *done)
{
	struct toy_tx *tx;
	int err = toy_begin(toy_i_fs(ti), op, &tx);

	if (err)
		return err;
	toy_tx_frees(tx);
	toy_tx_promised(tx, promised);
	return toy_tx_end(tx, toy_try(toy_i_fs(ti), range_parts(ti, tx, done)));
}

static int drop_parts(struct toy_inode *ti, struct toy_tx *tx)
{
	struct toy_slot *slot;
	int err = toy_slot_get(tx, ti->zii.ino, &slot);

	return err ? err : toy_range_del(tx, slot, ti->range);
}

int toy_range_drop(struct toy_inode *ti, uint16_t op)
{
	struct toy_tx *tx;
	int err = toy_begin(toy_i_fs(ti), op, &tx);

	if (err)
		return err;
	err = toy_tx_end(tx, toy_try(toy_i_fs(ti), drop_parts(ti, tx)));
	if (err)
		return err;
	ti->range = TOY_NO_ORPHAN;
	ti->fills = false;
	return 0;
}

/* The holes that are left would fail each call that comes. */
static void give_up(struct toy_inode *ti, uint16_t op, int err)
{
	toy_log(TOY_LOG_WARN,
		"toyfs: inode %lu: blocks of a fallocate are missing: %d",
		(unsigned long)ti->zii.ino, err);
	toy_range_drop(ti, op);
}

int toy_range_finish(struct toy_inode *ti, uint16_t op, uint64_t *promised)
{
	bool done = false;
	int err;

	ti->next_part = 0;
	while (ti->range != TOY_NO_ORPHAN) {
		err = range_step(ti, op, promised, &done);
		if (err && ti->fills)
			give_up(ti, op, err);
		if (err)
			return err;
		if (done) {
			ti->range = TOY_NO_ORPHAN;
			ti->fills = false;
		}
	}
	return 0;
}
