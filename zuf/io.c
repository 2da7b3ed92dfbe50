// SPDX-License-Identifier: GPL-2.0
/*
 * Data that goes through the server: READ and WRITE, small ones by the
 * operation buffer (bounce), large ones by the window.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/uio.h>

#include "io.h"

static unsigned int window_min = 64 << 10;
module_param(window_min, uint, 0644);
MODULE_PARM_DESC(
	window_min,
	"bytes from which on the server gets an application's own pages");

/* ---- requests ---- */

struct zuf_req *zuf_io_alloc(struct inode *inode, u16 op, loff_t pos,
			     loff_t end, u64 rw, size_t in, size_t out)
{
	size_t fixed = sizeof(struct zufs_ioc_IO);
	size_t start = offsetof(struct zufs_ioc_IO, last_pos);
	struct zufs_ioc_IO *io;
	struct zuf_req *req;

	req = zuf_req_alloc(
		ZUF_SB(inode->i_sb), op, fixed + max(in, out),
		in ? fixed + in : offsetof(struct zufs_ioc_IO, attr), start);
	if (!req)
		return NULL;
	req->hdr->out_max = fixed + out - start;
	io = zuf_req_op(req, struct zufs_ioc_IO);
	zuf_fill_op(req, inode);
	io->filepos = pos;
	io->last_pos = end;
	io->rw = rw;
	if (in || out)
		io->data = fixed;
	req->wait = ZUF_WAIT_KILL;
	return req;
}

int zuf_io_read(struct inode *inode, struct zuf_req *req, bool bounce)
{
	struct zufs_ioc_IO *io = zuf_req_op(req, struct zufs_ioc_IO);
	loff_t pos = io->filepos, end = io->last_pos;
	size_t fixed = sizeof(*io) - req->hdr->out_start;
	u64 got;
	int err = zuf_dispatch(ZUF_SB(inode->i_sb), req, fixed);

	if (err)
		return err;
	got = io->last_pos - pos;
	if (io->last_pos < pos || got > end - pos ||
	    (bounce && req->hdr->out_len - fixed < got))
		return -EIO;
	return got;
}

/* As far as a file with these attributes can have been written. */
static int check_written(struct inode *inode, const struct zufs_ioc_IO *io,
			 loff_t end)
{
	loff_t size = max_t(loff_t, i_size_read(inode), io->last_pos);

	if (io->last_pos <= io->filepos || io->last_pos > end ||
	    zuf_check_attr(inode->i_sb, &io->attr) ||
	    le64_to_cpu(io->attr.zi.i_size) != size)
		return -EIO;
	return io->last_pos - io->filepos;
}

/*
 * The page cache has nothing of what is written, from before until after it.
 * So no memory of the caller is touched in here: it may be a map of this file.
 */
static int send_write(struct inode *inode, struct zuf_req *req)
{
	struct zufs_ioc_IO *io = zuf_req_op(req, struct zufs_ioc_IO);
	loff_t end = io->last_pos;
	int done;

	filemap_invalidate_lock(inode->i_mapping);
	done = zuf_cache_drop(inode, io->filepos, end);
	if (!done)
		done = zuf_dispatch_space(ZUF_SB(inode->i_sb), req,
					  req->hdr->out_max);
	if (!done)
		done = check_written(inode, io, end);
	if (done > 0)
		zuf_update_written(inode, &io->attr, io->op.time);
	filemap_invalidate_unlock(inode->i_mapping);
	return done;
}

/* ---- bounce ---- */

size_t zuf_io_bounce_max(const struct inode *inode)
{
	return round_down(zuf_op_size(ZUF_SB(inode->i_sb)) -
				  sizeof(struct zufs_ioc_IO),
			  PAGE_SIZE);
}

static struct zuf_req *alloc(const struct zuf_io *io, size_t len, size_t in,
			     size_t out)
{
	loff_t end = io->pos + len;
	struct zuf_req *req =
		zuf_io_alloc(io->inode, io->op, io->pos, end, io->rw, in, out);
	struct zufs_ioc_IO *op;

	if (req && io->ra_pages) {
		op = zuf_req_op(req, struct zufs_ioc_IO);
		op->ra_start = DIV_ROUND_UP(end, PAGE_SIZE);
		op->ra_pages = io->ra_pages;
	}
	return req;
}

static ssize_t bounce_read(const struct zuf_io *io, size_t len)
{
	struct zuf_req *req = alloc(io, len, 0, len);
	ssize_t done;

	if (!req)
		return -ENOMEM;
	req->wait = ZUF_WAIT_KILL_RO;
	done = zuf_io_read(io->inode, req, true);
	if (done > 0) {
		done = copy_to_iter(zuf_io_data(req), done, io->iter);
		if (!done)
			done = -EFAULT;
	}
	zuf_req_put(req);
	return done;
}

static ssize_t bounce_write(const struct zuf_io *io, size_t len)
{
	struct zuf_req *req = alloc(io, len, len, 0);
	ssize_t done;

	if (!req)
		return -ENOMEM;
	if (copy_from_iter_full(zuf_io_data(req), len, io->iter)) {
		done = send_write(io->inode, req);
		iov_iter_revert(io->iter, len - max_t(ssize_t, done, 0));
	} else {
		done = -EFAULT;
	}
	zuf_req_put(req);
	return done;
}

static ssize_t bounce(const struct zuf_io *io, size_t len)
{
	len = min(len, zuf_io_bounce_max(io->inode));
	return io->op == ZUFS_OP_WRITE ? bounce_write(io, len) :
					 bounce_read(io, len);
}

/* ---- window ---- */

/*
 * What one request shows: the whole pages of a piece of memory, and copies in
 * place of those at its ends that hold bytes of others too.
 */
struct window {
	struct zuf_pages pages;
	size_t off, len;	  /* bytes: in the first page, and in all */
	struct page *head, *tail; /* what the copies stand for, NULL: none */
};

/* Where @iter is in the caller's memory. */
static unsigned long iter_addr(const struct iov_iter *iter)
{
	const void __user *base = iter_is_ubuf(iter) ? iter->ubuf :
						       iter->iov->iov_base;

	return (unsigned long)base + iter->iov_offset;
}

/*
 * Bytes of the piece that comes first in @iter, at most @len: segments are seen
 * side by side as long as one ends with a page and the next begins with one.
 */
static size_t piece(const struct iov_iter *iter, size_t len)
{
	struct iov_iter i = *iter;
	unsigned long addr;
	size_t n, done = 0;

	iov_iter_advance(&i, 0); /* over empty ones */
	addr = iter_addr(&i);
	len = min(len, (size_t)ZUS_API_MAP_MAX_SIZE - offset_in_page(addr));
	for (;;) {
		n = min(len - done, iov_iter_single_seg_count(&i));
		done += n;
		iov_iter_advance(&i, n);
		if (done == len || !PAGE_ALIGNED((addr + n) | iter_addr(&i)))
			return done;
		addr = iter_addr(&i);
	}
}

/* Pins @len bytes at @addr behind what is pinned. How many it were, or -errno. */
static ssize_t pin_segment(struct window *w, unsigned long addr, size_t len)
{
	size_t off = offset_in_page(addr);
	int nr = pin_user_pages_fast(addr - off,
				     DIV_ROUND_UP(off + len, PAGE_SIZE),
				     w->pages.writable ? FOLL_WRITE : 0,
				     w->pages.page + w->pages.nr);

	if (nr <= 0)
		return nr ?: -EFAULT;
	w->pages.nr += nr;
	return min(len, (size_t)nr * PAGE_SIZE - off);
}

/* Pins the piece of @len bytes that comes first in @iter, as far as it goes. */
static int pin(struct window *w, const struct iov_iter *iter, size_t len)
{
	struct iov_iter i = *iter;
	ssize_t n, got;

	iov_iter_advance(&i, 0);
	w->off = offset_in_page(iter_addr(&i));
	do {
		n = min(len - w->len, iov_iter_single_seg_count(&i));
		got = pin_segment(w, iter_addr(&i), n);
		if (got < 0)
			return w->len ? 0 : got;
		w->len += got;
		iov_iter_advance(&i, got);
	} while (w->len < len && got == n);
	return 0;
}

/* The bytes of the piece that are in page @i of the window. */
static size_t in_page(const struct window *w, unsigned int i, size_t *off)
{
	size_t end = min_t(size_t, PAGE_SIZE, w->off + w->len - i * PAGE_SIZE);

	*off = i ? 0 : w->off;
	return end - *off;
}

/* Shows a copy in place of page @i, if others' bytes are in that. */
static int replace(struct window *w, unsigned int i, struct page **orig)
{
	struct page *page, *copy;
	size_t off, len = in_page(w, i, &off);

	if (len == PAGE_SIZE)
		return 0;
	copy = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!copy)
		return -ENOMEM;
	page = w->pages.page[i];
	memcpy_page(copy, off, page, off, len);
	w->pages.page[i] = copy;
	*orig = page;
	return 0;
}

static int replace_ends(struct window *w)
{
	int err = replace(w, 0, &w->head);

	if (!err && w->pages.nr > 1)
		err = replace(w, w->pages.nr - 1, &w->tail);
	return err;
}

/* The first @done bytes of the piece were answered; takes the copy back. */
static void restore(struct window *w, unsigned int i, struct page *orig,
		    size_t done)
{
	size_t off, len = in_page(w, i, &off);
	size_t before = i * PAGE_SIZE + off - w->off;
	struct page *copy = w->pages.page[i];

	if (!orig)
		return;
	if (w->pages.writable && done > before)
		memcpy_page(orig, off, copy, off, min(len, done - before));
	w->pages.page[i] = orig;
	__free_page(copy);
}

static void unpin(struct window *w, size_t done)
{
	restore(w, 0, w->head, done);
	restore(w, w->pages.nr - 1, w->tail, done);
	unpin_user_pages_dirty_lock(w->pages.page, w->pages.nr,
				    w->pages.writable);
}

static ssize_t show(const struct zuf_io *io, struct window *w)
{
	struct zuf_req *req = alloc(io, w->len, 0, 0);
	ssize_t done;

	if (!req)
		return -ENOMEM;
	req->hdr->offset = w->off;
	req->hdr->len = w->len;
	req->pages = &w->pages;
	/* Not given up while the server may be at work on the pages. */
	if (io->op == ZUFS_OP_WRITE)
		done = send_write(io->inode, req);
	else
		done = zuf_io_read(io->inode, req, false);
	zuf_req_put(req);
	return done;
}

/* A piece of @len bytes. -EFAULT: its pages can't be pinned. */
static ssize_t window(const struct zuf_io *io, size_t len)
{
	struct window w = { .pages.writable = io->op == ZUFS_OP_READ };
	ssize_t done;

	w.pages.page = kvmalloc_array(len / PAGE_SIZE + 2,
				      sizeof(*w.pages.page), GFP_KERNEL);
	if (!w.pages.page)
		return -ENOMEM;
	done = pin(&w, io->iter, len);
	if (!done) {
		done = replace_ends(&w);
		if (!done)
			done = show(io, &w);
		unpin(&w, max_t(ssize_t, done, 0));
	}
	kvfree(w.pages.page);
	if (done > 0)
		iov_iter_advance(io->iter, done);
	return done;
}

/* ---- one way or the other ---- */

ssize_t zuf_io_some(const struct zuf_io *io, size_t len)
{
	/* Pipes and the kernel's own memory bounce. */
	size_t n = user_backed_iter(io->iter) ? piece(io->iter, len) : 0;
	ssize_t done = -EFAULT;

	if (n >= max_t(size_t, READ_ONCE(window_min), PAGE_SIZE))
		done = window(io, n);
	/* What can't be pinned can be copied, or says why not. */
	return done == -EFAULT ? bounce(io, len) : done;
}
