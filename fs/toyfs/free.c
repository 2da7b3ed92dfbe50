// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Freeing an inode, which takes any number of transactions, and what a mount
 * finishes: an orphan entry says at each moment what is left to do.
 */
#include <errno.h>
#include <string.h>

#include "plugin.h"

/* Leaves that are left of a directory: none, if it was removed by the rules. */
static int free_leaves(struct toy_tx *tx, const struct toy_tree *t, bool *done)
{
	struct toy_rec rec;
	int err;

	for (;;) {
		err = toy_tree_ceil(t, 0, &rec);
		*done = err == -ENOENT;
		if (err)
			return *done ? 0 : err;
		if (!toy_tx_more(tx, 8 * TOY_STEP_ROOM))
			return 0;
		err = toy_tree_delete(t, le64toh(rec.key));
		if (!err)
			err = toy_free(tx, le64toh(rec.val), 1);
		if (err)
			return err;
	}
}

static int free_map(struct toy_fs *fs, struct toy_tx *tx, struct toy_slot *slot,
		    bool *done)
{
	struct toy_tree t = toy_slot_tree(fs, tx, slot);
	uint64_t freed = 0;
	int err;

	if (toy_is_dir(slot))
		return free_leaves(tx, &t, done);
	err = toy_map_punch(&t, 0, UINT64_MAX, &freed, done);
	toy_add_blocks(slot, -(int64_t)freed);
	return err;
}

static int free_parts(struct toy_inode *ti, struct toy_tx *tx, bool *done)
{
	struct toy_slot *slot;
	int err = toy_slot_get(tx, ti->zii.ino, &slot);

	if (!err)
		err = free_map(toy_i_fs(ti), tx, slot, done);
	if (!err && *done)
		err = toy_xattrs_free(toy_i_fs(ti), tx, slot, done);
	if (err || !*done)
		return err;
	*done = toy_tx_more(tx, TOY_STEP_ROOM);
	if (!*done)
		return 0;
	err = toy_slot_free(tx, ti->zii.ino);
	return err ? err : toy_orphan_del(tx, ti->orphan);
}

int toy_inode_free(struct toy_inode *ti)
{
	struct toy_tx *tx;
	bool done = false;
	/* First: a transaction can't always delete two entries. */
	int err = ti->fills ? toy_range_drop(ti, ZUFS_OP_NULL) :
			      toy_range_finish(ti, ZUFS_OP_NULL, NULL);

	if (err)
		return err;
	while (!done) {
		err = toy_begin(toy_i_fs(ti), ZUFS_OP_FREE_INODE, &tx);
		if (err)
			return err;
		err = toy_tx_end(tx, toy_try(toy_i_fs(ti),
					     free_parts(ti, tx, &done)));
		if (err)
			return err;
	}
	ti->orphan = TOY_NO_ORPHAN;
	return 0;
}

/* An entry of an inode that is no orphan: a promise that was kept already. */
static int entry_drop(struct toy_fs *fs, uint64_t pos)
{
	struct toy_tx *tx;
	int err = toy_begin(fs, ZUFS_OP_NULL, &tx);

	if (err)
		return err;
	return toy_tx_end(tx, toy_try(fs, toy_orphan_del(tx, pos)));
}

/* Under the inode's lock. */
static int orphan_finish(struct toy_inode *ti, uint64_t entry, uint64_t pos)
{
	struct toy_fs *fs = toy_i_fs(ti);
	const struct toy_slot *slot;
	int err = toy_slot_read(fs, ti->zii.ino, &slot);

	if (err == -ENOENT)
		return entry_drop(fs, pos);
	if (err)
		return err;
	if (entry & (TOY_ORPH_CUT | TOY_ORPH_FILL)) {
		if (!toy_is_reg(slot))
			return entry_drop(fs, pos);
		ti->range = pos;
		ti->fills = entry & TOY_ORPH_FILL;
		err = toy_range_finish(ti, ZUFS_OP_NULL, NULL);
		/* What was given up is no reason to mount nothing. */
		return ti->range == TOY_NO_ORPHAN ? 0 : err;
	}
	if (slot->zi.i_nlink)
		return entry_drop(fs, pos);
	/* Open since before the filesystem was read-only for a while. */
	if (ti->orphan == pos)
		return 0;
	ti->orphan = pos;
	return toy_inode_free(ti);
}

static int orphan_entry(struct toy_fs *fs, uint64_t entry, uint64_t pos,
			void *arg)
{
	struct toy_inode *ti = toy_inode_ref(arg, TOY_ORPH_INO(entry));
	int err;

	if (!ti)
		return -ENOMEM;
	zus_dbg("orphan entry of inode %llu: %s",
		(unsigned long long)ti->zii.ino,
		entry & TOY_ORPH_CUT ? "blocks to free" : "to be freed");
	pthread_rwlock_wrlock(&ti->lock);
	err = toy_try(fs, orphan_finish(ti, entry, pos));
	pthread_rwlock_unlock(&ti->lock);
	toy_inode_put(ti);
	return err;
}

int toy_orphans_finish(struct toy_sbi *ts)
{
	int err = toy_orphan_each(&ts->fs, orphan_entry, ts);

	toy_settle(&ts->fs);
	return err;
}
