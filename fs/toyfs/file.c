// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Extents of a file: what is mapped, and what is about to be written to.
 */
#include <errno.h>
#include <string.h>

#include "plugin.h"

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

/* The extents of [at, end), or -errno. */
static int count_extents(const struct toy_tree *t, uint64_t at, uint64_t end)
{
	struct zufs_extent e[64];
	int n, nr = 0;

	while (at < end) {
		n = toy_map_get(t, at, end, e, 64);
		if (n <= 0)
			return n ? n : -EUCLEAN;
		at = e[n - 1].lblk + e[n - 1].len;
		nr += n;
	}
	return nr;
}

/*
 * All extents from @at to @end that there is room for. Of what was asked for,
 * which ends at @asked, those are counted too that there is none for.
 */
static int answer_read(const struct toy_tree *t, struct zufs_ioc_get_multy *io,
		       uint64_t at, uint64_t asked, uint64_t end)
{
	int n = toy_map_get(t, at, end, io->ext, io->max), more;

	if (n <= 0)
		return n ? n : -EINVAL;
	at = io->ext[n - 1].lblk + io->ext[n - 1].len;
	more = count_extents(t, at, asked < end ? asked : end);
	if (more < 0)
		return more;
	io->n = n + more;
	return 0;
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
	end = toy_blocks_of(le64toh(slot->zi.i_size));
	if (end <= at)
		end = at + 1;
	toy_fill_attr(ti, slot, &io->attr);
	if (!nr_fresh)
		return answer_read(&t, io, at,
				   toy_blocks_of(io->filepos + io->len), end);
	for (io->n = 0; io->n < io->max && at < end; io->n++) {
		n = toy_map_get(&t, at, end, &io->ext[io->n], 1);
		if (n <= 0)
			return n ? n : -EUCLEAN;
		mark_new(&io->ext[io->n], fresh, nr_fresh);
		at += io->ext[io->n].len;
	}
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
	end = toy_blocks_of(io->filepos + io->len);
	size = toy_blocks_of(le64toh(slot->zi.i_size));
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
