// SPDX-License-Identifier: GPL-2.0
/*
 * Regular files whose data goes through the server. read(2) and write(2) go
 * there directly; the page cache serves mappings alone.
 */
#include <linux/fadvise.h>
#include <linux/fiemap.h>
#include <linux/pagemap.h>
#include <linux/uio.h>

#include "io.h"

static u64 rw_of(const struct kiocb *iocb)
{
	u64 rw = 0;

	if (iocb->ki_filp->f_mode & FMODE_RANDOM)
		rw |= ZUFS_RW_RAND;
	if (iocb->ki_flags & IOCB_APPEND)
		rw |= ZUFS_RW_APPEND;
	if (iocb->ki_flags & IOCB_DIRECT)
		rw |= ZUFS_RW_DIRECT;
	if (iocb_is_dsync(iocb))
		rw |= ZUFS_RW_DSYNC;
	if (iocb->ki_flags & IOCB_SYNC)
		rw |= ZUFS_RW_SYNC;
	return rw;
}

/* As far as it goes; the iocb's position too. */
static ssize_t all(struct kiocb *iocb, struct zuf_io *io, loff_t end)
{
	loff_t start = iocb->ki_pos;
	ssize_t done = 0;

	for (io->pos = start; io->pos < end; io->pos += done) {
		done = zuf_io_some(io, end - io->pos);
		if (done <= 0)
			break;
	}
	iocb->ki_pos = io->pos;
	return io->pos > start ? io->pos - start : done;
}

/* ---- read; i_rwsem is held shared ---- */

static ssize_t read_locked(struct kiocb *iocb, struct iov_iter *to)
{
	struct file_ra_state *ra = &iocb->ki_filp->f_ra;
	struct zuf_io io = { .inode = file_inode(iocb->ki_filp),
			     .iter = to,
			     .op = ZUFS_OP_READ,
			     .rw = rw_of(iocb) };
	loff_t size = i_size_read(io.inode), pos = iocb->ki_pos, end;
	ssize_t done;

	if (pos >= size)
		return 0;
	end = pos + min_t(u64, iov_iter_count(to), size - pos);
	/* What mappings have written and the server hasn't seen. */
	done = filemap_write_and_wait_range(io.inode->i_mapping, pos, end - 1);
	if (done)
		return done;
	if (READ_ONCE(ra->prev_pos) == pos && !(io.rw & ZUFS_RW_RAND))
		io.ra_pages = ra->ra_pages;
	done = all(iocb, &io, end);
	WRITE_ONCE(ra->prev_pos, iocb->ki_pos);
	return done;
}

static ssize_t data_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t done;

	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
	if (!iov_iter_count(to))
		return 0;
	inode_lock_shared(inode);
	done = read_locked(iocb, to);
	inode_unlock_shared(inode);
	file_accessed(iocb->ki_filp);
	return done;
}

/* ---- write; i_rwsem is held exclusive ---- */

static ssize_t write_locked(struct kiocb *iocb, struct iov_iter *from)
{
	struct zuf_io io = { .inode = file_inode(iocb->ki_filp),
			     .iter = from,
			     .op = ZUFS_OP_WRITE,
			     .rw = rw_of(iocb) };
	ssize_t count = zuf_write_checks(iocb, from);
	int err;

	if (count <= 0)
		return count;
	/* The times are the server's: those of the operation. */
	err = file_remove_privs(iocb->ki_filp);
	return err ? err : all(iocb, &io, iocb->ki_pos + count);
}

static ssize_t data_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t done;

	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
	inode_lock(inode);
	done = write_locked(iocb, from);
	inode_unlock(inode);
	return done > 0 ? generic_write_sync(iocb, done) : done;
}

/* ---- seek ---- */

static loff_t ask_seek(struct inode *inode, loff_t offset, int whence)
{
	loff_t size = i_size_read(inode);
	struct zufs_ioc_seek *io;
	struct zuf_req *req;
	loff_t ret;

	if (offset < 0 || offset >= size)
		return -ENXIO;
	ret = filemap_write_and_wait(inode->i_mapping);
	if (ret)
		return ret;
	req = zuf_req_alloc(ZUF_SB(inode->i_sb), ZUFS_OP_LLSEEK, sizeof(*io),
			    sizeof(*io),
			    offsetof(struct zufs_ioc_seek, offset_out));
	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_seek);
	zuf_fill_op(req, inode);
	io->offset_in = offset;
	io->whence = whence;
	req->wait = ZUF_WAIT_KILL_RO;
	ret = zuf_dispatch(ZUF_SB(inode->i_sb), req, sizeof(io->offset_out));
	if (!ret)
		ret = io->offset_out < offset || io->offset_out > size ?
			      -EIO :
			      io->offset_out;
	zuf_req_put(req);
	return ret;
}

static loff_t data_llseek(struct file *file, loff_t offset, int whence)
{
	struct inode *inode = file_inode(file);
	loff_t ret = -EOPNOTSUPP;

	if (whence == SEEK_DATA || whence == SEEK_HOLE) {
		inode_lock_shared(inode);
		ret = ask_seek(inode, offset, whence);
		inode_unlock_shared(inode);
	}
	/* Without the server's help all is data up to the size. */
	if (ret == -EOPNOTSUPP)
		return generic_file_llseek(file, offset, whence);
	return ret < 0 ? ret : vfs_setpos(file, ret, inode->i_sb->s_maxbytes);
}

/* ---- FIEMAP ---- */

/* The last extent is kept back: when the next is known it isn't the last. */
struct fill {
	struct fiemap_extent_info *info;
	struct zufs_extent last; /* len 0: none */
	u64 next, end;		 /* blocks that weren't told of yet */
	bool full;		 /* the caller has no room for more */
};

/* 0 or -EFAULT. */
static int fill_last(struct fill *f, u32 flags)
{
	int ret;

	if (!f->last.len)
		return 0;
	ret = fiemap_fill_next_extent(f->info, f->last.lblk << ZUFS_BLOCK_SHIFT,
				      f->last.pblk << ZUFS_BLOCK_SHIFT,
				      (u64)f->last.len << ZUFS_BLOCK_SHIFT,
				      flags);
	f->full = ret > 0;
	return min(ret, 0);
}

static int fill_one(struct fill *f, const struct zufs_extent *e)
{
	const u64 max = S64_MAX >> ZUFS_BLOCK_SHIFT;
	int err = 0;

	/* In order; the first may begin before what was asked for. */
	if (!e->len || e->lblk > max - e->len || e->pblk > max - e->len ||
	    e->lblk + e->len <= f->next || (f->last.len && e->lblk < f->next))
		return -EIO;
	f->next = e->lblk + e->len;
	if (e->flags & ZUFS_EXT_HOLE)
		return 0;
	err = fill_last(f, 0);
	f->last = *e;
	return err;
}

/*
 * Extents that one answer will do with: those that the caller has room for, holes
 * between them, and what says that there are more. No more than there are blocks.
 */
static u32 fill_want(const struct fill *f)
{
	const struct fiemap_extent_info *info = f->info;
	u64 want = 2ULL * (info->fi_extents_max - info->fi_extents_mapped + 1);

	/* Who has room for none counts them. */
	if (!info->fi_extents_max)
		want = ZUF_EXTENTS_MAX;
	return min3(want, f->end - f->next, (u64)ZUF_EXTENTS_MAX);
}

static struct zuf_req *fiemap_req(struct inode *inode, const struct fill *f)
{
	size_t start = offsetof(struct zufs_ioc_fiemap, extents_mapped);
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	struct zufs_ioc_fiemap *io;
	struct zuf_req *req;

	req = zuf_req_alloc(sbi, ZUFS_OP_FIEMAP,
			    zuf_room(sbi, struct_size(io, ext, fill_want(f))),
			    start, start);
	if (!req)
		return NULL;
	io = zuf_req_op(req, struct zufs_ioc_fiemap);
	zuf_fill_op(req, inode);
	io->start = f->next << ZUFS_BLOCK_SHIFT;
	io->length = (f->end - f->next) << ZUFS_BLOCK_SHIFT;
	io->flags = f->info->fi_flags;
	io->extents_max = (req->size - sizeof(*io)) / sizeof(io->ext[0]);
	req->wait = ZUF_WAIT_KILL_RO;
	return req;
}

/* One FIEMAP from f->next on. */
static int fill_some(struct inode *inode, struct fill *f)
{
	struct zuf_req *req = fiemap_req(inode, f);
	struct zufs_ioc_fiemap *io;
	size_t fixed;
	u32 i, n;
	int err;

	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_fiemap);
	fixed = sizeof(*io) - req->hdr->out_start;
	err = zuf_dispatch(ZUF_SB(inode->i_sb), req, fixed);
	/* It says how many there are, and tells those that there was room for. */
	n = min_t(u32, io->extents_mapped,
		  (req->hdr->out_len - fixed) / sizeof(io->ext[0]));
	if (!err && io->extents_mapped && !n)
		err = -EIO;
	for (i = 0; !err && i < n && !f->full; i++)
		err = fill_one(f, &io->ext[i]);
	if (!err && n == io->extents_mapped)
		f->next = f->end;
	zuf_req_put(req);
	return err;
}

static int data_fiemap(struct inode *inode, struct fiemap_extent_info *info,
		       u64 start, u64 len)
{
	struct fill f = { .info = info };
	int err = fiemap_prep(inode, info, start, &len, 0);

	if (err)
		return err;
	inode_lock_shared(inode);
	f.next = start >> ZUFS_BLOCK_SHIFT;
	f.end = DIV_ROUND_UP(min_t(u64, start + len, i_size_read(inode)),
			     ZUFS_BLOCK_SIZE);
	while (!err && !f.full && f.next < f.end)
		err = fill_some(inode, &f);
	if (!err && !f.full)
		err = fill_last(&f, start + len >= i_size_read(inode) ?
					    FIEMAP_EXTENT_LAST :
					    0);
	inode_unlock_shared(inode);
	return err;
}

/* ---- the rest ---- */

/* readahead(2), and posix_fadvise(2) and madvise(2) with WILLNEED. */
static void pre_read(struct inode *inode, loff_t offset, loff_t len)
{
	loff_t size = i_size_read(inode), end;
	struct zufs_ioc_IO *io;
	struct zuf_req *req;

	end = len && len < size - offset ? offset + len : size;
	if (offset >= end)
		return;
	req = zuf_io_alloc(inode, ZUFS_OP_PRE_READ, offset, end, 0, 0, 0);
	if (!req)
		return;
	io = zuf_req_op(req, struct zufs_ioc_IO);
	io->ra_start = offset >> PAGE_SHIFT;
	io->ra_pages = min_t(u64, DIV_ROUND_UP(end, PAGE_SIZE) - io->ra_start,
			     U32_MAX);
	req->wait = ZUF_WAIT_KILL_RO;
	zuf_dispatch(ZUF_SB(inode->i_sb), req, 0); /* a hint */
	zuf_req_put(req);
}

static int data_fadvise(struct file *file, loff_t offset, loff_t len,
			int advice)
{
	struct inode *inode = file_inode(file);

	if (advice != POSIX_FADV_WILLNEED)
		return generic_fadvise(file, offset, len, advice);
	if (offset < 0 || len < 0)
		return -EINVAL;
	pre_read(inode, offset, len);
	/* The page cache is of use to mappings alone. */
	return mapping_mapped(inode->i_mapping) ?
		       generic_fadvise(file, offset, len, advice) :
		       0;
}

const struct inode_operations zuf_data_iops = {
	ZUF_REG_IOPS,
	.fiemap = data_fiemap,
};

const struct file_operations zuf_data_fops = {
	ZUF_REG_FOPS,
	.llseek = data_llseek,
	.read_iter = data_read_iter,
	.write_iter = data_write_iter,
	.mmap = zuf_cache_mmap,
	.fadvise = data_fadvise,
	.copy_file_range = zuf_copy_file_range,
	.remap_file_range = zuf_remap_file_range,
};
