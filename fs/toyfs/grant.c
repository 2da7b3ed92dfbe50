// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Appends: blocks are granted, written by the kernel, and committed. Those that
 * the file has behind its size already are used where they are; others are
 * reserved for it. Grants are volatile: a crash forgets them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

static int grants_add(struct toy_grants *gs, uint64_t pblk, uint32_t len)
{
	if (gs->nr == gs->cap) {
		unsigned int cap = gs->cap ? gs->cap * 2 : 8;
		void *p = realloc(gs->g, cap * sizeof(*gs->g));

		if (!p)
			return -ENOMEM;
		gs->g = p;
		gs->cap = cap;
	}
	gs->g[gs->nr++] = (struct toy_grant){ pblk, len };
	return 0;
}

/* Takes [pblk, +len) out; -EINVAL if it wasn't granted as a whole. */
static int grants_take(struct toy_grants *gs, uint64_t pblk, uint32_t len)
{
	for (unsigned int i = 0; i < gs->nr; i++) {
		struct toy_grant g = gs->g[i];
		uint64_t end = g.pblk + g.len;

		if (pblk < g.pblk || pblk >= end || len > end - pblk)
			continue;
		gs->g[i] = gs->g[--gs->nr];
		if (pblk > g.pblk && grants_add(gs, g.pblk, pblk - g.pblk))
			return -ENOMEM;
		if (end > pblk + len)
			return grants_add(gs, pblk + len, end - pblk - len);
		return 0;
	}
	return -EINVAL;
}

static int grants_copy(struct toy_grants *to, const struct toy_grants *from)
{
	*to = (struct toy_grants){ 0 };
	for (unsigned int i = 0; i < from->nr; i++) {
		if (grants_add(to, from->g[i].pblk, from->g[i].len)) {
			free(to->g);
			return -ENOMEM;
		}
	}
	return 0;
}

void toy_grants_drop(struct toy_fs *fs, struct toy_grants *gs)
{
	for (unsigned int i = 0; i < gs->nr; i++)
		toy_unreserve(fs, gs->g[i].pblk, gs->g[i].len);
	free(gs->g);
	*gs = (struct toy_grants){ 0 };
}

/*
 * What the map has from @lblk on, as one extent or hole of at most @want blocks.
 * *hint: where the block before it ends on media, 0: that one is a hole.
 */
static int map_read(struct toy_inode *ti, uint64_t lblk, uint32_t want,
		    struct zufs_extent *e, uint64_t *hint)
{
	const struct toy_slot *slot;
	struct toy_tree t;
	int n, err = toy_slot_read(toy_i_fs(ti), ti->zii.ino, &slot);

	*hint = 0;
	if (err)
		return err;
	if (!toy_is_reg(slot))
		return -EINVAL;
	t = toy_slot_map(toy_i_fs(ti), slot);
	if (lblk && toy_map_get(&t, lblk - 1, lblk, e, 1) == 1 &&
	    !(e->flags & ZUFS_EXT_HOLE))
		*hint = e->pblk + 1;
	n = toy_map_get(&t, lblk, lblk + want, e, 1);
	return n < 0 ? n : 0;
}

static int map_at(struct toy_inode *ti, uint64_t lblk, uint32_t want,
		  struct zufs_extent *e, uint64_t *hint)
{
	return toy_try(toy_i_fs(ti), map_read(ti, lblk, want, e, hint));
}

/* Up to e->len reserved blocks in place of the hole @e. -ENOSPC. */
static int grant_hole(struct toy_inode *ti, uint64_t hint,
		      struct zufs_extent *e)
{
	struct toy_fs *fs = toy_i_fs(ti);
	uint64_t bn;
	uint32_t len;
	int err =
		toy_reserve(fs, zus_current_channel(), hint, e->len, &bn, &len);

	if (err)
		return err;
	err = grants_add(&ti->grants, bn, len);
	if (err)
		toy_unreserve(fs, bn, len);
	*e = (struct zufs_extent){ e->lblk, bn, len, 0 };
	return err;
}

/*
 * Returns the number of extents, 0: no space. @hint: where the block before
 * @lblk will end on media, 0: look. Under the inode's lock.
 */
static int grant(struct toy_inode *ti, uint64_t lblk, uint32_t want,
		 uint64_t hint, struct zufs_extent *ext)
{
	uint64_t before;
	int n, err;

	for (n = 0; n < ZUFS_GRANT_MAX && want; n++) {
		err = map_at(ti, lblk, want, &ext[n], &before);
		if (!err && ext[n].flags & ZUFS_EXT_HOLE)
			err = grant_hole(ti, hint ? hint : before, &ext[n]);
		if (err == -ENOSPC)
			break;
		if (err)
			return err;
		hint = ext[n].pblk + ext[n].len;
		lblk += ext[n].len;
		want -= ext[n].len;
	}
	return n;
}

int toy_grant(struct zus_inode_info *zii, struct zufs_ioc_grant *io)
{
	struct toy_inode *ti = toy_i(zii);
	struct toy_fs *fs = toy_i_fs(ti);
	int n;

	if (fs->ro)
		return -EROFS;
	if (!io->want || io->lblk >= TOY_MAX_LBLK)
		return -EFBIG;
	pthread_rwlock_wrlock(&ti->lock);
	n = grant(ti, io->lblk, io->want, 0, io->ext);
	pthread_rwlock_unlock(&ti->lock);
	io->n = n > 0 ? n : 0;
	zus_dbg("inode %llu: block %llu: wants %u, %d extents",
		(unsigned long long)zii->ino, (unsigned long long)io->lblk,
		io->want, n);
	if (n < 0)
		return n;
	return n ? 0 : -ENOSPC;
}

static int put_some(struct toy_inode *ti, const struct zufs_ioc_grant *io)
{
	int err;

	if (io->n > ZUFS_GRANT_MAX)
		return -EINVAL;
	for (unsigned int i = 0; i < io->n; i++) {
		err = grants_take(&ti->grants, io->ext[i].pblk, io->ext[i].len);
		if (err)
			return err;
		toy_unreserve(toy_i_fs(ti), io->ext[i].pblk, io->ext[i].len);
	}
	return 0;
}

int toy_grant_put(struct zus_inode_info *zii, struct zufs_ioc_grant *io)
{
	struct toy_inode *ti = toy_i(zii);
	int err = 0;

	pthread_rwlock_wrlock(&ti->lock);
	if (io->n) {
		err = put_some(ti, io);
	} else {
		toy_grants_drop(toy_i_fs(ti), &ti->grants);
		/* Parts of a write that isn't going on. */
		if (ti->next_part)
			err = toy_range_finish(ti, ZUFS_OP_NULL, NULL);
	}
	pthread_rwlock_unlock(&ti->lock);
	return err;
}

/* ---- commit ---- */

static int check_commit(const struct zufs_ioc_commit *io)
{
	uint64_t at = 0;

	if (io->new_size > TOY_MAX_BYTES)
		return -EFBIG;
	if (io->n > ZUFS_COMMIT_MAX)
		return -EINVAL;
	for (unsigned int i = 0; i < io->n; i++) {
		const struct zufs_extent *e = &io->ext[i];

		if (!e->len || e->lblk < at || e->lblk >= TOY_MAX_LBLK)
			return -EINVAL;
		if (e->len > TOY_MAX_LBLK - e->lblk)
			return -EFBIG;
		at = e->lblk + e->len;
	}
	if (io->more && (!io->n || io->more > TOY_MAX_LBLK - at))
		return -EINVAL;
	return 0;
}

/* The extent or hole that begins at @at. */
static int part_at(const struct toy_tree *t, uint64_t at, uint64_t end,
		   struct zufs_extent *part)
{
	int n = toy_map_get(t, at, end, part, 1);

	if (n < 0)
		return n;
	return n ? 0 : -EUCLEAN;
}

/* What was in the map before is written in place: take_extent() saw to that. */
static int map_extent(const struct toy_tree *t, const struct zufs_extent *e,
		      struct toy_slot *slot)
{
	uint64_t at = e->lblk, end = at + e->len;
	struct zufs_extent part;
	int err = 0;

	for (; !err && at < end; at += part.len) {
		err = part_at(t, at, end, &part);
		if (err)
			return err;
		if (!(part.flags & ZUFS_EXT_HOLE))
			continue;
		if (part.len > TOY_EXT_MAX)
			part.len = TOY_EXT_MAX;
		part.pblk = e->pblk + (at - e->lblk);
		err = toy_alloc_reserved(t->tx, part.pblk, part.len);
		if (!err)
			err = toy_map_insert(t, at, part.pblk, part.len);
		toy_add_blocks(slot, part.len);
	}
	return err;
}

static void commit_slot(struct toy_slot *slot, const struct zufs_ioc_commit *io)
{
	if (io->new_size > le64toh(slot->zi.i_size))
		slot->zi.i_size = htole64(io->new_size);
	slot->zi.i_mtime = htole64(io->op.time);
	slot->zi.i_ctime = htole64(io->op.time);
}

static uint64_t blocks_end(const struct zufs_ioc_commit *io)
{
	const struct zufs_extent *e = &io->ext[io->n - 1];

	return e->lblk + e->len;
}

/* Is it the next part of the write that is going on? */
static bool goes_on(const struct toy_inode *ti, const struct toy_slot *slot,
		    const struct zufs_ioc_commit *io)
{
	if (!ti->next_part)
		return false;
	if (io->n)
		return io->ext[0].lblk == ti->next_part;
	return toy_blocks_of(io->new_size) >
	       toy_blocks_of(le64toh(slot->zi.i_size));
}

/*
 * The first part of a write says what is to go if the last doesn't come: all
 * behind the last block that the file has there already. New ones between such
 * blocks stay.
 */
static int parts_begin(const struct toy_tree *t, struct toy_slot *slot,
		       const struct zufs_ioc_commit *io, uint64_t *cut)
{
	uint64_t from, to;
	int err;

	if (!io->more || *cut != TOY_NO_ORPHAN)
		return 0;
	to = blocks_end(io) + io->more;
	err = toy_map_end(t, io->ext[0].lblk, to, &from);
	if (err || from == to)
		return err;
	return toy_range_add(t->tx, slot, TOY_ORPH_CUT, from, to, cut);
}

static int parts_end(struct toy_tx *tx, struct toy_slot *slot,
		     const struct zufs_ioc_commit *io, uint64_t *cut)
{
	int err = 0;

	if (io->more)
		return 0;
	if (*cut != TOY_NO_ORPHAN)
		err = toy_range_del(tx, slot, *cut);
	*cut = TOY_NO_ORPHAN;
	commit_slot(slot, io);
	return err;
}

static int commit_parts(struct toy_inode *ti, struct toy_tx *tx,
			struct zufs_ioc_commit *io, uint64_t *cut)
{
	struct toy_slot *slot;
	struct toy_tree t;
	int err = toy_slot_get(tx, ti->zii.ino, &slot);

	if (err)
		return err;
	t = toy_slot_tree(toy_i_fs(ti), tx, slot);
	err = parts_begin(&t, slot, io, cut);
	for (unsigned int i = 0; !err && i < io->n; i++)
		err = map_extent(&t, &io->ext[i], slot);
	if (!err)
		err = parts_end(tx, slot, io, cut);
	if (err)
		return err;
	toy_fill_attr(ti, slot, &io->attr);
	return 0;
}

static int commit_tx(struct toy_inode *ti, struct zufs_ioc_commit *io)
{
	uint64_t cut = ti->range;
	struct toy_tx *tx;
	int err = toy_begin(toy_i_fs(ti), ZUFS_OP_COMMIT_WRITE, &tx);

	if (err)
		return err;
	err = toy_tx_end(tx,
			 toy_try(toy_i_fs(ti), commit_parts(ti, tx, io, &cut)));
	if (err)
		return err;
	ti->range = cut;
	ti->next_part = io->more ? blocks_end(io) : 0;
	return 0;
}

/* What isn't the next part of a write ends it. */
static int parts_check(struct toy_inode *ti, const struct zufs_ioc_commit *io)
{
	const struct toy_slot *slot;
	int err = toy_slot_read(toy_i_fs(ti), ti->zii.ino, &slot);

	if (err || goes_on(ti, slot, io))
		return err;
	return toy_range_finish(ti, ZUFS_OP_NULL, NULL);
}

/* Between the blocks that were written the size grows over zeros, up to where it ends. */
static int zero_between(struct toy_inode *ti, const struct toy_slot *slot,
			const struct zufs_ioc_commit *io)
{
	uint64_t end = io->more ? UINT64_MAX : toy_blocks_of(io->new_size);
	uint64_t at = ti->next_part;
	int err = 0;

	if (!at)
		at = toy_blocks_of(le64toh(slot->zi.i_size));
	for (unsigned int i = 0; !err && i < io->n; i++) {
		const struct zufs_extent *e = &io->ext[i];

		err = toy_zero_blocks(ti, at, e->lblk < end ? e->lblk : end);
		if (e->lblk + e->len > at)
			at = e->lblk + e->len;
	}
	if (err || io->more)
		return err;
	return toy_zero_blocks(ti, at, end);
}

/* Each block of @e must be where the map has it, or granted: then not any more. */
static int take_extent(const struct toy_tree *t, const struct zufs_extent *e,
		       struct toy_grants *left)
{
	uint64_t at = e->lblk, end = at + e->len, pblk;
	struct zufs_extent part;
	int err = 0;

	for (; !err && at < end; at += part.len) {
		err = part_at(t, at, end, &part);
		if (err)
			return err;
		pblk = e->pblk + (at - e->lblk);
		if (part.flags & ZUFS_EXT_HOLE)
			err = grants_take(left, pblk, part.len);
		else if (part.pblk != pblk)
			err = -EINVAL;
	}
	return err;
}

/* What comes before the transaction: *left is what the grants are after it. */
static int prepare(struct toy_inode *ti, const struct zufs_ioc_commit *io,
		   struct toy_grants *left)
{
	const struct toy_slot *slot;
	struct toy_tree t;
	int err = toy_slot_read(toy_i_fs(ti), ti->zii.ino, &slot);

	if (err)
		return err;
	if (!toy_is_reg(slot))
		return -EINVAL;
	t = toy_slot_map(toy_i_fs(ti), slot);
	for (unsigned int i = 0; !err && i < io->n; i++)
		err = take_extent(&t, &io->ext[i], left);
	return err ? err : zero_between(ti, slot, io);
}

/* The next grant is a favour: without space the answer has none. */
static void grant_next(struct toy_inode *ti, struct zufs_ioc_commit *io)
{
	uint64_t lblk = toy_blocks_of(le64toh(io->attr.zi.i_size)), hint = 0;
	int n;

	if (io->n) {
		const struct zufs_extent *e = &io->ext[io->n - 1];

		hint = e->pblk + e->len;
		if (e->lblk + e->len > lblk)
			lblk = e->lblk + e->len;
	}
	n = grant(ti, lblk, io->want, hint, io->grant);
	io->n_grant = n > 0 ? n : 0;
}

/* Under the inode's lock. */
static int commit_write(struct toy_inode *ti, struct zufs_ioc_commit *io)
{
	struct toy_fs *fs = toy_i_fs(ti);
	struct toy_grants left;
	int err = toy_try(fs, parts_check(ti, io));

	if (!err)
		err = grants_copy(&left, &ti->grants);
	if (err)
		return err;
	err = toy_try(fs, prepare(ti, io, &left));
	if (!err)
		err = commit_tx(ti, io);
	if (err) {
		free(left.g);
		return err;
	}
	free(ti->grants.g);
	ti->grants = left;
	if (io->want)
		grant_next(ti, io);
	return 0;
}

int toy_commit_write(struct zus_inode_info *zii, struct zufs_ioc_commit *io)
{
	struct toy_inode *ti = toy_i(zii);
	int err = check_commit(io);

	io->n_grant = 0;
	if (err)
		return err;
	pthread_rwlock_wrlock(&ti->lock);
	err = commit_write(ti, io);
	pthread_rwlock_unlock(&ti->lock);
	return err;
}
