// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Extents of a file: what is mapped, and what is about to be written to.
 */
#include <errno.h>
#include <string.h>

#include "plugin.h"

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

/* Under the inode's lock. */
static int multy_write(struct toy_inode *ti, struct zufs_ioc_get_multy *io)
{
	struct zufs_extent fresh[TOY_FRESH_MAX];
	uint64_t at = io->filepos >> ZUFS_BLOCK_SHIFT, end, size, hole;
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
	err = toy_hole_at(&t, at, end, &hole);
	if (err)
		return err;
	if (hole < end) {
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
