// SPDX-License-Identifier: GPL-2.0
/*
 * iomap over the extent cache; what isn't there the server is asked for.
 */
#include <linux/dax.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "fs.h"

#define GET_MIN 128U /* extents of an answer that are asked for at least */

/* ---- asking the server ---- */

/* The extents that were answered: in order, no gaps, each on one device. */
static int check_extents(struct zuf_sb_info *sbi,
			 const struct zufs_ioc_get_multy *io, u64 lblk)
{
	u64 next = io->n ? io->ext[0].lblk : 0, room;
	unsigned int i;

	room = (io->op.hdr.out_start + io->op.hdr.out_len - sizeof(*io)) /
	       sizeof(io->ext[0]);
	if (!io->n || io->n > room || next > lblk)
		return -EIO;
	for (i = 0; i < io->n; i++) {
		const struct zufs_extent *e = &io->ext[i];

		if (e->lblk != next || !e->len || next + e->len < next)
			return -EIO;
		if (!(e->flags & ZUFS_EXT_HOLE) &&
		    !zuf_md_is_data(&sbi->md, e->pblk, e->len))
			return -EIO;
		next += e->len;
	}
	return next > lblk ? 0 : -EIO;
}

/*
 * Blocks that were holes may be mapped as zero pages, which go. So do entries that a
 * fault of 2 MiB would find in its way. No lock of an entry is held.
 */
static void unmap_new(struct inode *inode, const struct zufs_ioc_get_multy *io)
{
	unsigned int i;

	for (i = 0; i < io->n; i++)
		if (io->ext[i].flags & ZUFS_EXT_NEW)
			invalidate_inode_pages2_range(
				inode->i_mapping, io->ext[i].lblk,
				io->ext[i].lblk + io->ext[i].len - 1);
}

/* More extents than there is room for. With less than all of them it works too. */
static int get_overflow(struct zuf_req *req, u32 need)
{
	struct zufs_ioc_get_multy *io =
		zuf_req_op(req, struct zufs_ioc_get_multy);
	size_t fixed = sizeof(*io) - req->hdr->out_start;
	u64 n = (need - min_t(size_t, need, fixed)) / sizeof(io->ext[0]);
	int err;

	n = min_t(u64, n, ZUF_EXTENTS_MAX);
	err = n > io->max ? zuf_req_grow(req, fixed + n * sizeof(io->ext[0])) :
			    -E2BIG;
	if (!err) {
		io = zuf_req_op(req, struct zufs_ioc_get_multy);
		io->max = n;
		return -EZUF_RETRY_DONE;
	}
	io->n = min(io->n, io->max);
	return 0;
}

/*
 * All of the range in one answer: extents are no more than its blocks, and a hole
 * behind the size. And who asks again and again reads on, or here and there: then
 * one answer with many extents is better than many.
 */
static u32 get_max(struct inode *inode, loff_t pos, loff_t len, u64 rw)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	loff_t end = min(i_size_read(inode), pos + len);
	s64 blocks = DIV_ROUND_UP(end, ZUFS_BLOCK_SIZE) -
		     (pos >> ZUFS_BLOCK_SHIFT) + 1;
	struct zufs_ioc_get_multy *io;
	u32 want;

	if (rw & ZUFS_RW_WRITE)
		return GET_MIN;
	want = clamp_t(s64,
		       max_t(s64, blocks, 8 * READ_ONCE(ZUF_I(inode)->map.nr)),
		       GET_MIN, ZUF_EXTENTS_MAX);
	return (zuf_room(sbi, struct_size(io, ext, want)) - sizeof(*io)) /
	       sizeof(io->ext[0]);
}

static struct zuf_req *get_req(struct inode *inode, loff_t pos, loff_t len,
			       u64 rw)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	u32 max = get_max(inode, pos, len, rw);
	struct zufs_ioc_get_multy *io;
	struct zuf_req *req;

	req = zuf_req_alloc(sbi, ZUFS_OP_GET_MULTY, struct_size(io, ext, max),
			    sizeof(*io),
			    offsetof(struct zufs_ioc_get_multy, n));
	if (!req)
		return NULL;
	io = zuf_req_op(req, struct zufs_ioc_get_multy);
	zuf_fill_op(req, inode);
	io->filepos = pos;
	io->len = len;
	io->rw = rw;
	io->max = max;
	req->wait = rw & ZUFS_RW_WRITE ? ZUF_WAIT_KILL : ZUF_WAIT_KILL_RO;
	if (!(rw & ZUFS_RW_WRITE)) {
		req->oh = get_overflow;
		req->part = true;
	}
	return req;
}

/*
 * Asks, and puts the answer into the cache. @gen: as it was before. 1: the cache
 * was dropped since; ask again.
 */
static int get_multy(struct inode *inode, loff_t pos, loff_t len, u64 rw,
		     struct zufs_extent *ext, struct zuf_map_gen gen)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	size_t min_out = sizeof(struct zufs_ioc_get_multy) -
			 offsetof(struct zufs_ioc_get_multy, n);
	struct zuf_req *req = get_req(inode, pos, len, rw);
	u64 lblk = pos >> ZUFS_BLOCK_SHIFT;
	struct zufs_ioc_get_multy *io;
	unsigned int i;
	int err;

	if (!req)
		return -ENOMEM;
	err = rw & ZUFS_RW_WRITE ? zuf_dispatch_space(sbi, req, min_out) :
				   zuf_dispatch(sbi, req, min_out);
	io = zuf_req_op(req, struct zufs_ioc_get_multy);
	if (err == -EFAULT) /* of the server's, not the caller's memory */
		err = -EIO;
	if (!err)
		err = check_extents(sbi, io, lblk);
	if (err)
		goto out;
	if (rw & ZUFS_RW_WRITE && !zuf_check_attr(inode->i_sb, &io->attr))
		zuf_update_blocks(inode, &io->attr);
	err = zuf_extmap_put(&ZUF_I(inode)->map, gen, io->ext, io->n,
			     rw & ZUFS_RW_WRITE);
	/* After the cache: a read fault can't map a zero page there any more. */
	if (rw & ZUFS_RW_WRITE)
		unmap_new(inode, io);
	for (i = 0; io->ext[i].lblk + io->ext[i].len <= lblk; i++)
		;
	*ext = io->ext[i];
	/* fs/dax answers a hole on a write with a warning. */
	if (rw & ZUFS_RW_WRITE && ext->flags & ZUFS_EXT_HOLE)
		err = -EIO;
out:
	zuf_req_put(req);
	return err;
}

/* What is known of the block at @pos, if it is enough. */
static bool is_known(struct inode *inode, loff_t pos, bool alloc,
		     struct zufs_extent *ext)
{
	/* Nobody sees what is mapped behind the size; no need to ask. */
	if (!alloc && pos >= round_up(i_size_read(inode), ZUFS_BLOCK_SIZE)) {
		*ext = (struct zufs_extent){ .lblk = pos >> ZUFS_BLOCK_SHIFT,
					     .len = U32_MAX,
					     .flags = ZUFS_EXT_HOLE };
		return true;
	}
	return !zuf_extmap_get(&ZUF_I(inode)->map, pos >> ZUFS_BLOCK_SHIFT,
			       ext) &&
	       !(alloc && ext->flags & ZUFS_EXT_HOLE);
}

int zuf_map_ready(struct inode *inode, loff_t pos, loff_t len, bool alloc)
{
	struct zuf_map_gen gen = zuf_extmap_gen(&ZUF_I(inode)->map);
	struct zufs_extent ext;
	int err;

	if (is_known(inode, pos, alloc, &ext))
		return 0;
	err = get_multy(inode, pos, len,
			ZUFS_RW_MMAP | (alloc ? ZUFS_RW_WRITE : 0), &ext, gen);
	return min(err, 0); /* what was dropped is found out, and asked again */
}

/* ---- iomap ---- */

static void fill_iomap(struct inode *inode, const struct zufs_extent *ext,
		       unsigned int flags, struct iomap *iomap)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);

	iomap->offset = ext->lblk << ZUFS_BLOCK_SHIFT;
	iomap->length = (u64)ext->len << ZUFS_BLOCK_SHIFT;
	iomap->bdev = sbi->md.dev[0].bdev;
	iomap->dax_dev = sbi->md.dev[0].dax;
	iomap->flags = 0;
	iomap->private = NULL;
	if (ext->flags & ZUFS_EXT_HOLE) {
		iomap->type = IOMAP_HOLE;
		iomap->addr = IOMAP_NULL_ADDR;
	} else {
		const struct zuf_dev *dev =
			zuf_md_dev(&sbi->md, ext->pblk, ext->len);

		iomap->type = IOMAP_MAPPED;
		iomap->bdev = dev->bdev;
		iomap->dax_dev = dev->dax;
		iomap->addr = (ext->pblk - dev->first) << ZUFS_BLOCK_SHIFT;
		if (flags &
		    IOMAP_DAX) /* FIEMAP speaks of the device or partition */
			iomap->addr += dev->dax_off;
		if (ext->flags & ZUFS_EXT_NEW)
			iomap->flags |= IOMAP_F_NEW;
	}
}

/* map_srcu; sparse can't follow a lock from begin to end. */
static int users_enter(struct inode *inode)
{
	struct srcu_struct *srcu = &ZUF_SB(inode->i_sb)->map_srcu;
	int idx = srcu_read_lock(srcu);

	__release(srcu);
	return idx;
}

static void users_leave(struct inode *inode, int idx)
{
	struct srcu_struct *srcu = &ZUF_SB(inode->i_sb)->map_srcu;

	__acquire(srcu);
	srcu_read_unlock(srcu, idx);
}

/*
 * The extent at @pos. Until map_srcu, whose index is returned, is unlocked its
 * blocks stay where they are: an INVAL_MAP waits for that. So nothing may wait
 * for the server meanwhile, nor fault in pages, which may be those of a mapping
 * that asks it.
 */
static int extent_lock(struct inode *inode, loff_t pos, loff_t length,
		       unsigned int flags, struct zufs_extent *ext)
{
	bool alloc = flags & IOMAP_WRITE && !(flags & IOMAP_ZERO);
	struct zuf_extmap *map = &ZUF_I(inode)->map;
	struct zuf_map_gen gen;
	int idx, err;

	for (;;) {
		gen = zuf_extmap_gen(map);
		idx = users_enter(inode);
		if (is_known(inode, pos, alloc, ext))
			return idx;
		users_leave(inode, idx);
		/* fs/dax holds the lock of an entry for a fault: zuf_fault() asks. */
		if (flags & (IOMAP_NOWAIT | IOMAP_FAULT))
			return -EAGAIN;
		err = get_multy(inode, pos, length, alloc ? ZUFS_RW_WRITE : 0,
				ext, gen);
		if (err < 0)
			return err;
		idx = users_enter(inode);
		if (!err && zuf_extmap_gen(map).drops == gen.drops)
			return idx;
		users_leave(inode, idx);
		if (fatal_signal_pending(current))
			return -EINTR;
	}
}

/*
 * iomap->private has the first of the pages that a fault claimed, or no page; below
 * it that map_srcu is held, and its index.
 */
#define HOLDS_MAP 2UL
#define MAP_IDX	  1UL

static long pages_of(const struct iomap *iomap, loff_t pos, loff_t length)
{
	return min_t(u64, length, iomap->offset + iomap->length - pos) >>
	       PAGE_SHIFT;
}

static int zuf_iomap_begin(struct inode *inode, loff_t pos, loff_t length,
			   unsigned int flags, struct iomap *iomap,
			   struct iomap *srcmap)
{
	struct page *page = NULL;
	struct zufs_extent ext;
	int idx = extent_lock(inode, pos, length, flags, &ext), err = 0;

	if (idx < 0)
		return idx;
	/* Never IOMAP_F_DIRTY: what the server answers is durable. */
	fill_iomap(inode, &ext, flags, iomap);
	if (flags & IOMAP_FAULT && READ_ONCE(ZUF_I(inode)->unpinned))
		WRITE_ONCE(ZUF_I(inode)->unpinned, false);
	if (flags & IOMAP_FAULT && iomap->type == IOMAP_MAPPED)
		err = zuf_claim_pages(inode, iomap, pos,
				      pages_of(iomap, pos, length), &page);
	if (err || flags & IOMAP_REPORT) /* nobody goes to the blocks */
		users_leave(inode, idx);
	else
		iomap->private =
			(void *)((unsigned long)page | HOLDS_MAP | idx);
	return err;
}

static int zuf_iomap_end(struct inode *inode, loff_t pos, loff_t length,
			 ssize_t written, unsigned int flags,
			 struct iomap *iomap)
{
	unsigned long held = (unsigned long)iomap->private;
	struct page *page = (struct page *)(held & ~(HOLDS_MAP | MAP_IDX));

	if (page)
		zuf_unclaim_pages(page, pages_of(iomap, pos, length));
	if (held & HOLDS_MAP)
		users_leave(inode, held & MAP_IDX);
	return 0;
}

const struct iomap_ops zuf_iomap_ops = {
	.iomap_begin = zuf_iomap_begin,
	.iomap_end = zuf_iomap_end,
};

/* ---- read and write ---- */

#define FAULT_IN_MAX (256U << 10) /* bytes of the caller's at a time */

/* False: the caller can't use his memory himself. */
static bool fault_in(struct iov_iter *iter, size_t max)
{
	size_t len = min(iov_iter_count(iter), max);

	if (iov_iter_rw(iter) == WRITE)
		return fault_in_iov_iter_readable(iter, len) < len;
	return fault_in_iov_iter_writeable(iter, len) < len;
}

/* Part of the file is left to read: zeroing the caller's memory said no error. */
static bool is_short(const struct kiocb *iocb, const struct iov_iter *iter)
{
	return iov_iter_rw(iter) == READ && iov_iter_count(iter) &&
	       iocb->ki_pos < i_size_read(file_inode(iocb->ki_filp));
}

/*
 * A page that can't be read is told as -EFAULT too, as if it were the caller's
 * memory: so one of the kernel's own is tried.
 */
static bool is_poison(const struct kiocb *iocb, const struct iomap_ops *ops)
{
	struct kvec vec = { .iov_len = PAGE_SIZE };
	struct kiocb own = *iocb;
	struct iov_iter iter;
	ssize_t ret;

	vec.iov_base = (void *)__get_free_page(GFP_KERNEL);
	if (!vec.iov_base)
		return false;
	vec.iov_len -= offset_in_page(own.ki_pos);
	iov_iter_kvec(&iter, READ, &vec, 1, vec.iov_len);
	ret = dax_iomap_rw(&own, &iter, ops);
	free_page((unsigned long)vec.iov_base);
	return ret == -EFAULT;
}

/*
 * The caller's pages may be a mapping of blocks that move, and be taken away
 * again before they are used: each time without progress fewer are asked for, down
 * to one, so that less time is between. Like generic_perform_write() there is no
 * last try; a signal that kills ends it.
 */
ssize_t zuf_dax_rw(struct kiocb *iocb, struct iov_iter *iter,
		   const struct iomap_ops *ops)
{
	size_t most = FAULT_IN_MAX;
	ssize_t done = 0, ret;

	for (;;) {
		pagefault_disable();
		ret = dax_iomap_rw(iocb, iter, ops);
		pagefault_enable();
		if (ret > 0) {
			done += ret;
			most = FAULT_IN_MAX;
			if (iov_iter_count(iter))
				continue;
		}
		if (!ret && is_short(iocb, iter))
			ret = -EFAULT;
		if (ret != -EFAULT)
			break;
		if (iocb->ki_flags & IOCB_NOWAIT) {
			ret = -EAGAIN;
			break;
		}
		if (iov_iter_rw(iter) == READ &&
		    (!user_backed_iter(iter) || most == PAGE_SIZE) &&
		    is_poison(iocb, ops)) {
			ret = -EIO;
			break;
		}
		if (!user_backed_iter(iter) || fatal_signal_pending(current) ||
		    !fault_in(iter, most))
			break;
		most = max(most / 2, PAGE_SIZE);
	}
	return done ? done : ret;
}

/* ---- beyond the page-rounded size: blocks of the grant ---- */

static int zuf_append_begin(struct inode *inode, loff_t pos, loff_t length,
			    unsigned int flags, struct iomap *iomap,
			    struct iomap *srcmap)
{
	const struct zufs_extent *e =
		copy_grant_find(&ZUF_I(inode)->grant, pos >> ZUFS_BLOCK_SHIFT);

	if (!e)
		return -EIO;
	fill_iomap(inode, e, flags, iomap);
	iomap->flags |= IOMAP_F_NEW;
	return 0;
}

const struct iomap_ops zuf_append_ops = {
	.iomap_begin = zuf_append_begin,
};
