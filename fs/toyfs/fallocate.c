// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fallocate(2): blocks ahead of need, holes, zeros. The first transaction
 * decides; a mount finishes the others.
 */
#include <errno.h>
#include <linux/falloc.h>
#include <string.h>

#include "plugin.h"

#define MASK ((uint64_t)ZUFS_BLOCK_SIZE - 1)

/* Zeros in what is mapped of [from, to). The next commit fences them. */
static int zero_mapped(struct toy_inode *ti, uint64_t from, uint64_t to)
{
	struct toy_fs *fs = toy_i_fs(ti);
	const struct toy_slot *slot;
	struct zufs_extent e;
	struct toy_tree t;
	uint64_t end, off;
	int n, err = toy_slot_read(fs, ti->zii.ino, &slot);

	if (err)
		return err;
	t = toy_slot_map(fs, slot);
	for (; from < to; from = end) {
		n = toy_map_get(&t, from >> ZUFS_BLOCK_SHIFT,
				(to + MASK) >> ZUFS_BLOCK_SHIFT, &e, 1);
		if (n <= 0)
			return n ? n : -EUCLEAN;
		end = (e.lblk + e.len) << ZUFS_BLOCK_SHIFT;
		end = end < to ? end : to;
		if (e.flags & ZUFS_EXT_HOLE)
			continue;
		off = from - (e.lblk << ZUFS_BLOCK_SHIFT);
		pm_zero(fs, (e.pblk << ZUFS_BLOCK_SHIFT) + off, end - from);
	}
	return 0;
}

int toy_zero_blocks(struct toy_inode *ti, uint64_t at, uint64_t end)
{
	if (at >= end)
		return 0;
	return zero_mapped(ti, at << ZUFS_BLOCK_SHIFT, end << ZUFS_BLOCK_SHIFT);
}

int toy_zero_behind(struct toy_inode *ti, uint64_t size)
{
	const struct toy_slot *slot;
	int err = toy_slot_read(toy_i_fs(ti), ti->zii.ino, &slot);

	if (err)
		return err;
	if (!toy_is_reg(slot))
		return -EINVAL;
	return toy_zero_blocks(ti, toy_blocks_of(le64toh(slot->zi.i_size)),
			       toy_blocks_of(size));
}

static int punch_parts(struct toy_inode *ti, struct toy_tx *tx,
		       const struct zufs_ioc_IO *io, uint64_t *cut)
{
	uint64_t first = (io->filepos + MASK) >> ZUFS_BLOCK_SHIFT;
	uint64_t last = io->last_pos >> ZUFS_BLOCK_SHIFT;
	struct toy_slot *slot;
	int err = toy_slot_get(tx, ti->zii.ino, &slot);

	if (!err && first < last)
		err = toy_cut(toy_i_fs(ti), tx, slot, first, last, cut);
	if (err)
		return err;
	slot->zi.i_mtime = htole64(io->op.time);
	slot->zi.i_ctime = htole64(io->op.time);
	return 0;
}

/* It happened when this is committed, whatever is left to be freed. */
static int punch_tx(struct toy_inode *ti, const struct zufs_ioc_IO *io)
{
	uint64_t cut = TOY_NO_ORPHAN;
	struct toy_tx *tx;
	int err = toy_begin(toy_i_fs(ti), ZUFS_OP_FALLOCATE, &tx);

	if (err)
		return err;
	toy_tx_frees(tx);
	err = toy_tx_end(tx,
			 toy_try(toy_i_fs(ti), punch_parts(ti, tx, io, &cut)));
	if (!err)
		ti->range = cut;
	return err;
}

static int punch(struct toy_inode *ti, const struct zufs_ioc_IO *io)
{
	uint64_t from = io->filepos, to = io->last_pos;
	uint64_t first = (from + MASK) & ~MASK, last = to & ~MASK;
	int err;

	if (first >= last)
		first = last = to;
	err = zero_mapped(ti, from, first);
	if (!err)
		err = zero_mapped(ti, last, to);
	pm_fence(toy_i_fs(ti));
	if (!err)
		err = punch_tx(ti, io);
	return err ? err : toy_range_finish(ti, ZUFS_OP_FALLOCATE, NULL);
}

static int allocate_parts(struct toy_inode *ti, struct toy_tx *tx,
			  const struct zufs_ioc_IO *io, uint64_t *range,
			  uint64_t *promised)
{
	struct toy_slot *slot;
	int err = toy_slot_get(tx, ti->zii.ino, &slot);

	if (!err)
		err = toy_range_fill(toy_i_fs(ti), tx, slot,
				     io->filepos >> ZUFS_BLOCK_SHIFT,
				     (io->last_pos + MASK) >> ZUFS_BLOCK_SHIFT,
				     range, promised);
	if (err)
		return err;
	if (!(io->rw & FALLOC_FL_KEEP_SIZE) &&
	    io->last_pos > le64toh(slot->zi.i_size))
		slot->zi.i_size = htole64(io->last_pos);
	slot->zi.i_mtime = htole64(io->op.time);
	slot->zi.i_ctime = htole64(io->op.time);
	return 0;
}

/* It happened when this is committed, whatever blocks are still to come. */
static int allocate_tx(struct toy_inode *ti, const struct zufs_ioc_IO *io,
		       uint64_t *promised)
{
	struct toy_fs *fs = toy_i_fs(ti);
	uint64_t range = TOY_NO_ORPHAN;
	struct toy_tx *tx;
	int err = toy_begin(fs, ZUFS_OP_FALLOCATE, &tx);

	if (err)
		return err;
	err = toy_tx_end(
		tx, toy_try(fs, allocate_parts(ti, tx, io, &range, promised)));
	if (err)
		return err;
	ti->range = range;
	ti->fills = range != TOY_NO_ORPHAN;
	return 0;
}

/* What was done of it, when the rest wasn't: the next part will say why. */
static int part_done(struct toy_inode *ti, uint64_t from, uint64_t *to)
{
	const struct toy_slot *slot;
	struct toy_tree t;
	uint64_t hole;
	int err = toy_slot_read(toy_i_fs(ti), ti->zii.ino, &slot);

	if (err)
		return err;
	t = toy_slot_map(toy_i_fs(ti), slot);
	err = toy_hole_at(&t, from >> ZUFS_BLOCK_SHIFT,
			  (*to + MASK) >> ZUFS_BLOCK_SHIFT, &hole);
	hole <<= ZUFS_BLOCK_SHIFT;
	if (!err && hole <= from)
		err = -EIO;
	if (!err && hole < *to)
		*to = hole;
	return err;
}

/* Zeros, size and blocks; *to becomes how far it got. */
static int allocate(struct toy_inode *ti, const struct zufs_ioc_IO *io,
		    uint64_t *to)
{
	uint64_t promised = 0;
	int err = 0;

	if (io->rw & FALLOC_FL_ZERO_RANGE)
		err = zero_mapped(ti, io->filepos, *to);
	if (!err && !(io->rw & FALLOC_FL_KEEP_SIZE))
		err = toy_zero_behind(ti, *to);
	pm_fence(toy_i_fs(ti));
	if (!err)
		err = allocate_tx(ti, io, &promised);
	if (!err && toy_range_finish(ti, ZUFS_OP_FALLOCATE, &promised))
		err = part_done(ti, io->filepos, to);
	toy_unpromise(toy_i_fs(ti), promised);
	return err;
}

/* Under the inode's lock. */
static int fallocate_locked(struct toy_inode *ti, struct zufs_ioc_IO *io)
{
	struct toy_fs *fs = toy_i_fs(ti);
	uint64_t to = io->last_pos;
	const struct toy_slot *slot;
	int err = toy_slot_read(fs, ti->zii.ino, &slot);

	if (!err && !toy_is_reg(slot))
		err = -EINVAL;
	if (!err && fs->ro)
		err = -EROFS;
	if (!err)
		err = toy_range_finish(ti, ZUFS_OP_NULL, NULL);
	if (!err)
		err = io->rw & FALLOC_FL_PUNCH_HOLE ? punch(ti, io) :
						      allocate(ti, io, &to);
	if (err)
		return err;
	io->last_pos = to;
	return toy_attr_read(ti, &io->attr);
}

int toy_fallocate(struct zus_inode_info *zii, struct zufs_ioc_IO *io)
{
	struct toy_inode *ti = toy_i(zii);
	int err;

	switch (io->rw) {
	case 0:
	case FALLOC_FL_KEEP_SIZE:
	case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
	case FALLOC_FL_ZERO_RANGE:
	case FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE:
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (io->last_pos > TOY_MAX_BYTES)
		return -EFBIG;
	if (io->filepos >= io->last_pos)
		return -EINVAL;
	pthread_rwlock_wrlock(&ti->lock);
	err = toy_try(toy_i_fs(ti), fallocate_locked(ti, io));
	pthread_rwlock_unlock(&ti->lock);
	return err;
}
