// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Appends: blocks are reserved (granted), written by the kernel, and committed.
 * Grants are volatile: a crash forgets them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

static int read_hint(struct toy_inode *ti, uint64_t lblk, uint64_t *hint)
{
	const struct toy_slot *slot;
	struct zufs_extent e;
	struct toy_tree t;
	int err = toy_slot_read(toy_i_fs(ti), ti->zii.ino, &slot);

	*hint = 0;
	if (err)
		return err;
	if (!toy_is_reg(slot))
		return -EINVAL;
	t = toy_slot_map(toy_i_fs(ti), slot);
	if (lblk && toy_map_get(&t, lblk - 1, lblk, &e, 1) == 1 &&
	    !(e.flags & ZUFS_EXT_HOLE))
		*hint = e.pblk + 1;
	return 0;
}

/* *hint: where the block before @lblk ends on media, 0: it is a hole. */
static int hint_before(struct toy_inode *ti, uint64_t lblk, uint64_t *hint)
{
	return toy_try(toy_i_fs(ti), read_hint(ti, lblk, hint));
}

/* Returns the number of extents, 0: no space. Under the inode's lock. */
static int grant(struct toy_inode *ti, uint64_t lblk, uint32_t want,
		 uint64_t hint, struct zufs_extent *ext)
{
	struct toy_fs *fs = toy_i_fs(ti);
	uint64_t bn;
	uint32_t len;
	int n, err;

	for (n = 0; n < ZUFS_GRANT_MAX && want; n++) {
		err = toy_reserve(fs, zus_current_channel(), hint, want, &bn,
				  &len);
		if (err == -ENOSPC)
			break;
		if (err)
			return err;
		err = grants_add(&ti->grants, bn, len);
		if (err) {
			toy_unreserve(fs, bn, len);
			return err;
		}
		ext[n] = (struct zufs_extent){ lblk, bn, len, 0 };
		hint = bn + len;
		lblk += len;
		want -= len;
	}
	return n;
}

int toy_grant(struct zus_inode_info *zii, struct zufs_ioc_grant *io)
{
	struct toy_inode *ti = toy_i(zii);
	struct toy_fs *fs = toy_i_fs(ti);
	uint64_t hint;
	int n;

	if (fs->ro)
		return -EROFS;
	if (!io->want || io->lblk >= TOY_MAX_LBLK)
		return -EFBIG;
	pthread_rwlock_wrlock(&ti->lock);
	n = hint_before(ti, io->lblk, &hint);
	if (!n)
		n = grant(ti, io->lblk, io->want, hint, io->ext);
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
			err = toy_range_finish(ti, NULL);
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

/*
 * Blocks that were mapped behind the size give way to what was written. -EXFULL:
 * they are too many for the transaction.
 */
static int make_hole(const struct toy_tree *t, const struct zufs_extent *e,
		     struct toy_slot *slot)
{
	struct zufs_extent old;
	uint64_t freed = 0;
	bool done = true;
	int err, n = toy_map_get(t, e->lblk, e->lblk + e->len, &old, 1);

	if (n < 0)
		return n;
	if (n == 1 && old.flags & ZUFS_EXT_HOLE && old.len == e->len)
		return 0;
	err = toy_map_punch(t, e->lblk, e->lblk + e->len, &freed, &done);
	toy_add_blocks(slot, -(int64_t)freed);
	if (err)
		return err;
	return done ? 0 : -EXFULL;
}

static int map_extent(const struct toy_tree *t, const struct zufs_extent *e,
		      struct toy_slot *slot)
{
	uint64_t lblk = e->lblk, pblk = e->pblk;
	uint32_t left = e->len, len;
	int err = make_hole(t, e, slot);

	if (!err)
		err = toy_alloc_reserved(t->tx, pblk, left);
	for (; !err && left; left -= len, lblk += len, pblk += len) {
		len = left < TOY_EXT_MAX ? left : TOY_EXT_MAX;
		err = toy_map_insert(t, lblk, pblk, len);
	}
	toy_add_blocks(slot, e->len);
	return err;
}

static void commit_slot(struct toy_slot *slot, const struct zufs_ioc_commit *io)
{
	uint16_t mode = le16toh(slot->zi.i_mode);

	if (io->new_size > le64toh(slot->zi.i_size))
		slot->zi.i_size = htole64(io->new_size);
	slot->zi.i_mtime = htole64(io->op.time);
	slot->zi.i_ctime = htole64(io->op.time);
	if (!io->clear_suid)
		return;
	mode &= ~S_ISUID;
	if (mode & S_IXGRP)
		mode &= ~S_ISGID;
	slot->zi.i_mode = htole16(mode);
}

static uint64_t blocks_end(const struct zufs_ioc_commit *io)
{
	const struct zufs_extent *e = &io->ext[io->n - 1];

	return e->lblk + e->len;
}

/* Is it the next part of the write that the slot's range is of? */
static bool goes_on(const struct toy_inode *ti, const struct toy_slot *slot,
		    const struct zufs_ioc_commit *io)
{
	if (!ti->next_part)
		return false;
	if (io->n)
		return io->ext[0].lblk == ti->next_part;
	return io->new_size > le64toh(slot->zi.i_on_disk[0])
				      << ZUFS_BLOCK_SHIFT;
}

/* The first part of a write says what is to go if the last doesn't come. */
static int parts_begin(struct toy_tx *tx, struct toy_slot *slot,
		       const struct zufs_ioc_commit *io, uint64_t *cut)
{
	if (!io->more || *cut != TOY_NO_ORPHAN)
		return 0;
	return toy_range_add(tx, slot, TOY_ORPH_CUT, io->ext[0].lblk,
			     blocks_end(io) + io->more, cut);
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
	if (!toy_is_reg(slot))
		return -EINVAL;
	err = parts_begin(tx, slot, io, cut);
	if (err)
		return err;
	t = toy_slot_tree(toy_i_fs(ti), tx, slot);
	for (unsigned int i = 0; i < io->n; i++) {
		err = map_extent(&t, &io->ext[i], slot);
		if (err)
			return err;
	}
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
	err = toy_try(toy_i_fs(ti), commit_parts(ti, tx, io, &cut));
	if (err) {
		toy_tx_abort(tx);
		return err;
	}
	err = toy_tx_commit(tx);
	if (err)
		return err;
	ti->range = cut;
	ti->next_part = io->more ? blocks_end(io) : 0;
	return 0;
}

/* An entry says what is to go if the write's last part doesn't come. */
static int clear_parts(struct toy_inode *ti, struct toy_tx *tx,
		       const struct zufs_ioc_commit *io, uint64_t *range,
		       bool *done)
{
	struct toy_slot *slot;
	struct toy_tree t;
	uint64_t freed = 0;
	int err = toy_slot_get(tx, ti->zii.ino, &slot);

	if (!err && *range == TOY_NO_ORPHAN)
		err = toy_range_add(tx, slot, TOY_ORPH_CUT, io->ext[0].lblk,
				    blocks_end(io) + io->more, range);
	if (err)
		return err;
	t = toy_slot_tree(toy_i_fs(ti), tx, slot);
	err = toy_map_punch(&t, io->ext[0].lblk, blocks_end(io), &freed, done);
	toy_add_blocks(slot, -(int64_t)freed);
	return err;
}

static int clear_step(struct toy_inode *ti, const struct zufs_ioc_commit *io,
		      bool *done)
{
	uint64_t range = ti->range;
	struct toy_tx *tx;
	int err = toy_begin(toy_i_fs(ti), ZUFS_OP_COMMIT_WRITE, &tx);

	if (err)
		return err;
	err = toy_try(toy_i_fs(ti), clear_parts(ti, tx, io, &range, done));
	if (err) {
		toy_tx_abort(tx);
		return err;
	}
	err = toy_tx_commit(tx);
	if (!err)
		ti->range = range;
	return err;
}

/* Takes away what was mapped there, in as many steps as it needs. */
static int clear_way(struct toy_inode *ti, const struct zufs_ioc_commit *io)
{
	bool done = false;
	int err = 0;

	while (!err && !done)
		err = clear_step(ti, io, &done);
	return err;
}

/* What isn't the next part of a write ends it. */
static int parts_check(struct toy_inode *ti, const struct zufs_ioc_commit *io)
{
	const struct toy_slot *slot;
	int err = toy_slot_read(toy_i_fs(ti), ti->zii.ino, &slot);

	if (err || goes_on(ti, slot, io))
		return err;
	return toy_range_finish(ti, NULL);
}

/* The next grant is a favour: without space the answer has none. */
static void grant_next(struct toy_inode *ti, struct zufs_ioc_commit *io)
{
	uint64_t size = le64toh(io->attr.zi.i_size);
	uint64_t lblk =
		(size >> ZUFS_BLOCK_SHIFT) + !!(size & (ZUFS_BLOCK_SIZE - 1));
	uint64_t hint = 0;
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
	struct toy_grants left;
	int err = toy_try(toy_i_fs(ti), parts_check(ti, io));

	if (err)
		return err;
	err = grants_copy(&left, &ti->grants);
	if (err)
		return err;
	for (unsigned int i = 0; !err && i < io->n; i++)
		err = grants_take(&left, io->ext[i].pblk, io->ext[i].len);
	if (!err)
		err = commit_tx(ti, io);
	if (err == -EXFULL) {
		err = clear_way(ti, io);
		if (!err)
			err = commit_tx(ti, io);
	}
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
