// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Extents of a file: what is mapped, and blocks for its holes.
 */
#include <errno.h>
#include <string.h>

#include "plugin.h"

/* Lines that one more extent can need: its bitmap, and a node for each level. */
#define FILL_ROOM   260U
/* What one transaction zeroes at most: 64 MiB. */
#define FILL_MAX    (64ULL << 8)
#define HUGE_BLOCKS 512U

static uint64_t blocks_of(uint64_t bytes)
{
	return (bytes >> ZUFS_BLOCK_SHIFT) + !!(bytes & (ZUFS_BLOCK_SIZE - 1));
}

static int slot_regular(struct toy_inode *ti, const struct toy_slot **slot)
{
	int err = toy_slot_read(toy_i_fs(ti), ti->zii.ino, slot);

	if (err)
		return err;
	return toy_is_reg(*slot) ? 0 : -EINVAL;
}

/* ---- filling holes ---- */

struct fill {
	struct toy_inode *ti;
	struct toy_tx *tx;
	struct toy_tree t;
	struct zufs_extent *fresh;
	int nr;
	uint64_t done; /* blocks */
	uint64_t next; /* where the last extent ended on media, a hint */
};

/* Reserved blocks stay reserved when the transaction fails. */
static void fill_unreserve(struct fill *f)
{
	for (int i = 0; i < f->nr; i++) {
		if (f->fresh[i].flags & ZUFS_EXT_HOLE)
			toy_unreserve(toy_i_fs(f->ti), f->fresh[i].pblk,
				      f->fresh[i].len);
	}
}

/*
 * The transaction has them from now on. What was reserved is marked until the
 * commit: an abort must give it back.
 */
static int fill_take(struct fill *f, uint64_t lblk, uint64_t pblk, uint32_t len,
		     uint32_t flags)
{
	struct toy_fs *fs = toy_i_fs(f->ti);

	f->fresh[f->nr++] = (struct zufs_extent){ lblk, pblk, len, flags };
	pm_zero(fs, pblk << ZUFS_BLOCK_SHIFT,
		(uint64_t)len << ZUFS_BLOCK_SHIFT);
	f->next = pblk + len;
	f->done += len;
	return toy_map_insert(&f->t, lblk, pblk, len);
}

/* Whole 2 MiB that are aligned in the file and on media. -ENOSPC: none. */
static int fill_huge(struct fill *f, uint64_t lblk, uint64_t want,
		     uint32_t *len)
{
	struct toy_fs *fs = toy_i_fs(f->ti);
	uint64_t bn;
	int err = toy_reserve(fs, zus_current_channel(), f->next,
			      want & ~(uint64_t)(HUGE_BLOCKS - 1), &bn, len);

	if (err)
		return err;
	if (bn % HUGE_BLOCKS || *len < HUGE_BLOCKS) {
		toy_unreserve(fs, bn, *len);
		return -ENOSPC;
	}
	err = toy_alloc_reserved(f->tx, bn, *len);
	if (err) {
		toy_unreserve(fs, bn, *len);
		return err == -ENOSPC ? -EIO : err;
	}
	return fill_take(f, lblk, bn, *len, ZUFS_EXT_HOLE);
}

static int fill_hole(struct fill *f, uint64_t lblk, uint64_t want,
		     uint32_t *len)
{
	uint64_t to_huge = -lblk % HUGE_BLOCKS, bn;
	int err;

	if (want > FILL_MAX)
		want = FILL_MAX;
	if (!to_huge && want >= HUGE_BLOCKS) {
		err = fill_huge(f, lblk, want, len);
		if (err != -ENOSPC)
			return err;
		want = HUGE_BLOCKS;
	} else if (to_huge && want >= to_huge + HUGE_BLOCKS) {
		want = to_huge;
	}
	err = toy_alloc(f->tx, f->next, want, &bn, len);
	if (err)
		return err;
	return fill_take(f, lblk, bn, *len, 0);
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
			if (f->nr == TOY_FRESH_MAX || f->done >= FILL_MAX ||
			    (f->nr && toy_tx_room(f->tx) < FILL_ROOM))
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

static int fill_parts(struct fill *f, uint64_t lblk, uint64_t *end)
{
	struct toy_slot *slot;
	int err = toy_slot_get(f->tx, f->ti->zii.ino, &slot);

	if (err)
		return err;
	f->t = toy_slot_tree(toy_i_fs(f->ti), f->tx, slot);
	f->next = hint_before(&f->t, lblk);
	err = fill_range(f, lblk, end);
	if (!err)
		toy_add_blocks(slot, f->done);
	return err;
}

static int fill_tx(struct fill *f, uint16_t op, uint64_t lblk, uint64_t *end)
{
	struct toy_fs *fs = toy_i_fs(f->ti);
	int err = toy_begin(fs, op, &f->tx);

	if (err)
		return err;
	f->nr = 0;
	f->done = 0;
	err = toy_try(fs, fill_parts(f, lblk, end));
	if (err)
		toy_tx_abort(f->tx);
	else
		err = toy_tx_commit(f->tx);
	if (err)
		fill_unreserve(f);
	return err;
}

int toy_fill_holes(struct toy_inode *ti, uint16_t op, uint64_t lblk,
		   uint64_t *end, struct zufs_extent *fresh, int *nr_fresh)
{
	struct fill f = { .ti = ti, .fresh = fresh };
	/* The parts of a write are behind the size, and may still be wanted. */
	int err = ti->next_part ? 0 : toy_cut_finish(ti);

	if (err)
		return err;
	err = fill_tx(&f, op, lblk, end);
	/* Space for a part: an error undid it, so once more up to there. */
	if (err == -ENOSPC && *end > lblk)
		err = fill_tx(&f, op, lblk, end);
	*nr_fresh = err ? 0 : f.nr;
	return err;
}

/* ---- answers ---- */

/* Cuts @e where a part of it begins or ends that is in @fresh, and marks it. */
static void mark_new(struct zufs_extent *e, const struct zufs_extent *fresh,
		     int nr)
{
	for (int i = 0; i < nr; i++) {
		uint64_t begin = fresh[i].lblk, end = begin + fresh[i].len;

		if (begin <= e->lblk && e->lblk < end) {
			e->flags |= ZUFS_EXT_NEW;
			if (e->lblk + e->len > end)
				e->len = end - e->lblk;
		} else if (begin > e->lblk && begin < e->lblk + e->len) {
			e->len = begin - e->lblk;
		}
	}
}

static int answer(struct toy_inode *ti, struct zufs_ioc_get_multy *io,
		  const struct zufs_extent *fresh, int nr_fresh)
{
	uint64_t at = io->filepos >> ZUFS_BLOCK_SHIFT, end;
	const struct toy_slot *slot;
	struct toy_tree t;
	int n, err = slot_regular(ti, &slot);

	if (err)
		return err;
	t = toy_slot_map(toy_i_fs(ti), slot);
	end = blocks_of(le64toh(slot->zi.i_size));
	if (end <= at)
		end = at + 1;
	for (io->n = 0; io->n < io->max && at < end; io->n++) {
		if (!nr_fresh) {
			n = toy_map_get(&t, at, end, io->ext, io->max);
			if (n < 0)
				return n;
			io->n = n;
			break;
		}
		n = toy_map_get(&t, at, end, &io->ext[io->n], 1);
		if (n <= 0)
			return n ? n : -EUCLEAN;
		mark_new(&io->ext[io->n], fresh, nr_fresh);
		at += io->ext[io->n].len;
	}
	toy_fill_attr(ti, slot, &io->attr);
	return io->n ? 0 : -EINVAL;
}

static int multy_read(struct toy_inode *ti, struct zufs_ioc_get_multy *io)
{
	int err;

	pthread_rwlock_rdlock(&ti->lock);
	err = toy_try(toy_i_fs(ti), answer(ti, io, NULL, 0));
	pthread_rwlock_unlock(&ti->lock);
	return err;
}

static bool has_hole(const struct toy_tree *t, uint64_t at, uint64_t end)
{
	struct zufs_extent e;

	while (at < end) {
		if (toy_map_get(t, at, end, &e, 1) != 1 ||
		    e.flags & ZUFS_EXT_HOLE)
			return true;
		at += e.len;
	}
	return false;
}

/* Under the inode's lock. */
static int multy_write(struct toy_inode *ti, struct zufs_ioc_get_multy *io)
{
	struct zufs_extent fresh[TOY_FRESH_MAX];
	uint64_t at = io->filepos >> ZUFS_BLOCK_SHIFT, end, size;
	const struct toy_slot *slot;
	struct toy_tree t;
	int nr = 0, err = slot_regular(ti, &slot);

	if (err)
		return err;
	end = blocks_of(io->filepos + io->len);
	size = blocks_of(le64toh(slot->zi.i_size));
	if (end > size)
		end = size;
	t = toy_slot_map(toy_i_fs(ti), slot);
	if (has_hole(&t, at, end)) {
		err = toy_fill_holes(ti, ZUFS_OP_GET_MULTY, at, &end, fresh,
				     &nr);
		if (err)
			return err;
	}
	return answer(ti, io, fresh, nr);
}

int toy_get_multy(struct zus_inode_info *zii, struct zufs_ioc_get_multy *io)
{
	struct toy_inode *ti = toy_i(zii);
	int err;

	if (io->filepos > TOY_MAX_BYTES ||
	    io->len > TOY_MAX_BYTES - io->filepos)
		return -EFBIG;
	if (!(io->rw & ZUFS_RW_WRITE))
		return multy_read(ti, io);
	pthread_rwlock_wrlock(&ti->lock);
	err = toy_try(toy_i_fs(ti), multy_write(ti, io));
	pthread_rwlock_unlock(&ti->lock);
	return err;
}
