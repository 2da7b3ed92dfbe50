// SPDX-License-Identifier: GPL-2.0
/*
 * iomap over the extent cache; what isn't there the server is asked for.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "fs.h"

#define GET_MAX 128U /* extents of one answer */

/* The extents that were answered: in order, no gaps, each on one device. */
static int check_extents(struct zuf_sb_info *sbi,
			 const struct zufs_ioc_get_multy *io, u64 lblk)
{
	u64 next = io->n ? io->ext[0].lblk : 0, room;
	unsigned int i;

	room = (io->op.hdr.out_start + io->op.hdr.out_len - sizeof(*io)) /
	       sizeof(io->ext[0]);
	if (!io->n || io->n > room || io->n > GET_MAX || next > lblk)
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
 * Blocks that were holes may be mapped as zero pages. For a write(2) they go
 * now; a fault replaces the entry that it holds itself.
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

static int get_multy(struct inode *inode, loff_t pos, loff_t len, u64 rw,
		     struct zufs_extent *ext)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	struct zuf_inode_info *ii = ZUF_I(inode);
	struct zufs_ioc_get_multy *io;
	u64 gen = zuf_extmap_gen(&ii->map), lblk = pos >> ZUFS_BLOCK_SHIFT;
	struct zuf_req *req;
	unsigned int i;
	int err;

	req = zuf_req_alloc(sbi, ZUFS_OP_GET_MULTY,
			    struct_size(io, ext, GET_MAX), sizeof(*io),
			    offsetof(struct zufs_ioc_get_multy, n));
	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_get_multy);
	zuf_fill_op(req, inode);
	io->filepos = pos;
	io->len = len;
	io->rw = rw;
	io->max = GET_MAX;
	req->wait = rw & ZUFS_RW_WRITE ? ZUF_WAIT_KILL : ZUF_WAIT_KILL_RO;
	err = rw & ZUFS_RW_WRITE ?
		      zuf_dispatch_space(sbi, req,
					 sizeof(*io) - io->op.hdr.out_start) :
		      zuf_dispatch(sbi, req,
				   sizeof(*io) - io->op.hdr.out_start);
	if (!err)
		err = check_extents(sbi, io, lblk);
	if (err)
		goto out;
	if (rw & ZUFS_RW_WRITE && !zuf_check_attr(inode->i_sb, &io->attr))
		zuf_update_blocks(inode, &io->attr);
	zuf_extmap_put(&ii->map, gen, io->ext, io->n, rw & ZUFS_RW_WRITE);
	/* After the cache: a read fault can't map a zero page there any more. */
	if (rw & ZUFS_RW_WRITE && !(rw & ZUFS_RW_MMAP))
		unmap_new(inode, io);
	for (i = 0; io->ext[i].lblk + io->ext[i].len <= lblk; i++)
		;
	*ext = io->ext[i];
out:
	zuf_req_put(req);
	return err;
}

static void fill_iomap(struct inode *inode, const struct zufs_extent *ext,
		       unsigned int flags, struct iomap *iomap)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);

	iomap->offset = ext->lblk << ZUFS_BLOCK_SHIFT;
	iomap->length = (u64)ext->len << ZUFS_BLOCK_SHIFT;
	iomap->bdev = sbi->md.dev[0].bdev;
	iomap->dax_dev = sbi->md.dev[0].dax;
	iomap->flags = 0;
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

static int zuf_iomap_begin(struct inode *inode, loff_t pos, loff_t length,
			   unsigned int flags, struct iomap *iomap,
			   struct iomap *srcmap)
{
	bool alloc = flags & IOMAP_WRITE && !(flags & IOMAP_ZERO);
	struct zufs_extent ext;
	u64 rw = 0;
	int err;

	/* Nobody sees what is mapped behind the size; no need to ask. */
	if (!alloc && pos >= round_up(i_size_read(inode), ZUFS_BLOCK_SIZE)) {
		ext = (struct zufs_extent){ .lblk = pos >> ZUFS_BLOCK_SHIFT,
					    .len = U32_MAX,
					    .flags = ZUFS_EXT_HOLE };
		fill_iomap(inode, &ext, flags, iomap);
		return 0;
	}
	err = zuf_extmap_get(&ZUF_I(inode)->map, pos >> ZUFS_BLOCK_SHIFT, &ext);
	if (err || (alloc && ext.flags & ZUFS_EXT_HOLE)) {
		if (flags & IOMAP_NOWAIT)
			return -EAGAIN;
		if (alloc)
			rw |= ZUFS_RW_WRITE;
		if (flags & IOMAP_FAULT)
			rw |= ZUFS_RW_MMAP;
		err = get_multy(inode, pos, length, rw, &ext);
		if (err)
			return err;
		/* fs/dax answers a hole on a write with a warning. */
		if (alloc && ext.flags & ZUFS_EXT_HOLE)
			return -EIO;
	}
	fill_iomap(inode, &ext, flags, iomap);
	return 0;
}

const struct iomap_ops zuf_iomap_ops = {
	.iomap_begin = zuf_iomap_begin,
};

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
