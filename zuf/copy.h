/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * What the kernel does around its copies of data: which bytes go where, what is
 * zeroed, and what is durable before what. The kernel compiles it (copy.c), and
 * so does the crash explorer (zus/kern_file.c), which then tries each moment.
 *
 * Whoever includes it defines struct copy, a file and what is done to it, and
 *
 * copy_size(c)			bytes of the file
 * copy_pos(c), copy_left(c)	where the write is, and bytes that are to come
 * copy_grant(c)		struct copy_grant of the file
 * copy_mapped(c, len)		copies at most @len bytes to the blocks that the
 *				map has; a hole below the page-rounded size gets
 *				one first. Like the next one it moves copy_pos
 *				and returns the bytes done or -errno. Flushed.
 * copy_granted(c, len)		copies to blocks of the grant
 * copy_zero(c, from, to)	zeroes bytes of one block of the map; flushed
 * copy_zero_granted(c, pblk, off, len)	zeroes bytes of a granted block; flushed
 * copy_fence(c)		what was flushed is durable
 * copy_ask(c, lblk, want)	GRANT
 * copy_put(c)			GRANT_PUT, in the background
 * copy_cancel(c)		the same, also of parts that were committed
 * copy_commit(c, size, blocks, want, more)	COMMIT_WRITE of the first @blocks
 *				of the grant and, unless @more are to come, of
 *				the size; @want blocks for the next grant
 * copy_send_size(c, size)	SETATTR
 * copy_undo(c, pos, done)	the last @done bytes weren't written
 *
 * All are called with the file's i_rwsem held exclusive, and but for writes with
 * invalidate_lock too.
 */
#ifndef _ZUF_COPY_H
#define _ZUF_COPY_H

#include "grant.h"

#define COPY_BLOCKS(bytes) \
	(((u64)(bytes) + ZUFS_BLOCK_SIZE - 1) >> ZUFS_BLOCK_SHIFT)

struct copy;
static u64 copy_size(struct copy *c);
static u64 copy_pos(struct copy *c);
static u64 copy_left(struct copy *c);
static struct copy_grant *copy_grant(struct copy *c);
static s64 copy_mapped(struct copy *c, u64 len);
static s64 copy_granted(struct copy *c, u64 len);
static int copy_zero(struct copy *c, u64 from, u64 to);
static int copy_zero_granted(struct copy *c, u64 pblk, u32 off, u32 len);
static void copy_fence(struct copy *c);
static int copy_ask(struct copy *c, u64 lblk, u32 want);
static void copy_put(struct copy *c);
static void copy_cancel(struct copy *c);
static int copy_commit(struct copy *c, u64 size, u64 blocks, u32 want,
		       u64 more);
static int copy_send_size(struct copy *c, u64 size);
static void copy_undo(struct copy *c, u64 pos, u64 done);

/* ---- appends: beyond the page-rounded size ---- */

static inline int copy_zero_in_grant(struct copy *c, u64 from, u64 to)
{
	const struct zufs_extent *e =
		copy_grant_find(copy_grant(c), from >> ZUFS_BLOCK_SHIFT);

	if (from == to || !e)
		return 0;
	return copy_zero_granted(c,
				 e->pblk + (from >> ZUFS_BLOCK_SHIFT) - e->lblk,
				 from & (ZUFS_BLOCK_SIZE - 1), to - from);
}

/*
 * The blocks that were copied to, from @lblk on, become the file's. The size
 * tells of them when no @more blocks are to come: a crash leaves all or nothing.
 */
static inline int copy_publish(struct copy *c, u64 lblk, u64 end, u64 more)
{
	u64 blocks = COPY_BLOCKS(end) - lblk;
	struct copy_grant *g = copy_grant(c);
	int err;

	/* What the copy left of the last block is zeros for who maps it. */
	err = copy_zero_in_grant(c, end, COPY_BLOCKS(end) << ZUFS_BLOCK_SHIFT);
	if (err)
		return err;
	/* The data before the map and the size that tell of it. */
	copy_fence(c);
	err = copy_commit(c, end, blocks, copy_grant_next(g, lblk, blocks),
			  more);
	if (!err)
		g->end = lblk + blocks;
	return err;
}

/* One grant's worth: the bytes copied, or -errno. *more: blocks behind them. */
static inline s64 copy_to_grant(struct copy *c, u64 *more)
{
	u64 pos = copy_pos(c), len = copy_left(c), part;
	u64 lblk = pos >> ZUFS_BLOCK_SHIFT, want;
	struct copy_grant *g = copy_grant(c);
	s64 done;
	int err;

	if (g->n && g->ext[0].lblk != lblk)
		copy_put(c);
	if (!g->n) {
		want = COPY_BLOCKS(pos + len) - lblk;
		err = copy_ask(c, lblk,
			       want < 0xffffffffU ? want : 0xffffffffU);
		if (err)
			return err;
	}
	part = ((lblk + copy_grant_blocks(g)) << ZUFS_BLOCK_SHIFT) - pos;
	part = len < part ? len : part;
	err = copy_zero_in_grant(c, lblk << ZUFS_BLOCK_SHIFT, pos);
	if (err)
		return err;
	done = copy_granted(c, part);
	/* A short one ends the write: the next would begin inside a block. */
	if (done > 0)
		*more = (u64)done < part ? 0 :
					   COPY_BLOCKS(pos + len) -
						   COPY_BLOCKS(pos + part);
	return done;
}

/* Parts, as grants come, of which the last one sets the size. */
static inline s64 copy_append(struct copy *c)
{
	u64 start = copy_pos(c), more = 1, pos;
	s64 done = 0;
	int err = 0;

	while (!err && more) {
		pos = copy_pos(c);
		done = copy_to_grant(c, &more);
		if (done <= 0)
			break;
		err = copy_publish(c, pos >> ZUFS_BLOCK_SHIFT, pos + done,
				   more);
	}
	if (copy_pos(c) == start)
		return done;
	/* Without space for the next part the write is what there is. */
	if (!err && more)
		err = copy_commit(c, copy_pos(c), 0, 0, 0);
	if (!err)
		return copy_pos(c) - start;
	copy_cancel(c);
	copy_undo(c, start, copy_pos(c) - start);
	return err;
}

/* ---- writes that end behind the size ---- */

/*
 * Zeroes what is behind @size in its block, before another size makes it the
 * file's or after this one made it nobody's.
 */
static inline int copy_zero_tail(struct copy *c, u64 size)
{
	u64 end = COPY_BLOCKS(size) << ZUFS_BLOCK_SHIFT;
	int err;

	if (size == end)
		return 0;
	err = copy_zero(c, size, end);
	copy_fence(c);
	return err;
}

/* The part in blocks that the file has, below the page-rounded size @edge. */
static inline s64 copy_below(struct copy *c, u64 edge)
{
	u64 pos = copy_pos(c), len = copy_left(c);

	if (pos >= edge)
		return 0;
	return copy_mapped(c, len < edge - pos ? len : edge - pos);
}

static inline s64 copy_extend(struct copy *c)
{
	u64 edge = COPY_BLOCKS(copy_size(c)) << ZUFS_BLOCK_SHIFT;
	s64 below, above = 0;
	int err = 0;

	if (copy_pos(c) > copy_size(c))
		err = copy_zero_tail(c, copy_size(c));
	if (err)
		return err;
	below = copy_below(c, edge);
	if (below < 0)
		return below;
	if (copy_left(c) && copy_pos(c) >= edge)
		above = copy_append(c);
	if (above > 0)
		return below + above;
	if (!below)
		return above;
	if (copy_pos(c) > copy_size(c)) {
		copy_fence(c);
		err = copy_commit(c, copy_pos(c), 0, 0, 0);
		if (err)
			return err;
	}
	return below;
}

/* ---- truncate ---- */

static inline int copy_set_size(struct copy *c, u64 size)
{
	u64 old = copy_size(c);
	int err = 0;

	if (size > old)
		err = copy_zero_tail(c, old);
	if (err)
		return err;
	copy_put(c);
	err = copy_send_size(c, size);
	if (!err && size < old)
		err = copy_zero_tail(c, size);
	return err;
}

#endif /* _ZUF_COPY_H */
