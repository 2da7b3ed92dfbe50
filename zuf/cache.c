// SPDX-License-Identifier: GPL-2.0
/*
 * The page cache of files whose data goes through the server: for mappings.
 *
 * What a page holds is what the server has, or is dirty. Pages come by READ and
 * go by WRITE, on the background channel: who needs memory, or has a page
 * written back, never waits for a server but for PG_writeback to end, which the
 * time limit of the server bounds.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/writeback.h>

#include "io.h"

#define BATCH 16U /* pages of one request */

/* Neighbouring pages of one request. */
struct batch {
	struct inode *inode;
	unsigned int nr;
	struct page *page[BATCH];
};

static unsigned int batch_max(const struct inode *inode)
{
	return min_t(size_t, BATCH, zuf_io_bounce_max(inode) >> PAGE_SHIFT);
}

/* ---- in ---- */

/* Behind what the server has there are zeros. The pages are locked. */
static void take_data(const struct batch *b, const char *data, size_t got)
{
	unsigned int i;

	for (i = 0; i < b->nr; i++) {
		size_t n = min_t(size_t, got, PAGE_SIZE);

		if (n)
			memcpy_to_page(b->page[i], 0, data + i * PAGE_SIZE, n);
		zero_user_segment(b->page[i], n, PAGE_SIZE);
		got -= n;
		SetPageUptodate(b->page[i]);
	}
}

/* @ra, @nr_ra: pages that are wanted after these too. */
static int fill(const struct batch *b, pgoff_t ra, unsigned int nr_ra)
{
	loff_t pos = page_offset(b->page[0]);
	loff_t size = i_size_read(b->inode);
	loff_t end = min_t(loff_t, pos + b->nr * PAGE_SIZE, size);
	struct zufs_ioc_IO *io;
	struct zuf_req *req;
	int got;

	if (pos >= end) {
		take_data(b, NULL, 0);
		return 0;
	}
	req = zuf_io_alloc(b->inode, ZUFS_OP_READ, pos, end, ZUFS_RW_MMAP, 0,
			   end - pos);
	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_IO);
	io->ra_start = ra;
	io->ra_pages = nr_ra;
	req->wait = ZUF_WAIT_KILL_RO;
	got = zuf_io_read(b->inode, req, true);
	if (got >= 0)
		take_data(b, zuf_io_data(req), got);
	zuf_req_put(req);
	return min(got, 0);
}

static int read_folio(struct file *file, struct folio *folio)
{
	struct batch b = { .inode = folio->mapping->host,
			   .nr = 1,
			   .page = { &folio->page } };
	int err = fill(&b, 0, 0);

	folio_unlock(folio);
	return err;
}

static void readahead(struct readahead_control *rac)
{
	struct batch b = { .inode = rac->mapping->host };
	unsigned int i, max = batch_max(b.inode);
	int err = 0;

	while ((b.nr = __readahead_batch(rac, b.page, max))) {
		/* What fails here is tried again by the fault that needs it. */
		if (!err)
			err = fill(&b, readahead_index(rac),
				   readahead_count(rac));
		for (i = 0; i < b.nr; i++) {
			unlock_page(b.page[i]);
			put_page(b.page[i]);
		}
	}
}

/* ---- out ---- */

/* A batch on its way; its pages are under writeback, which holds the inode. */
struct out {
	struct batch b;
	loff_t end;
};

static void out_done(struct zuf_req *req)
{
	struct zufs_ioc_IO *io = zuf_req_op(req, struct zufs_ioc_IO);
	struct out *out = req->private;
	struct inode *inode = out->b.inode;
	int err = zuf_req_answer(req, req->hdr->out_max);
	unsigned int i;

	if (!err && (io->last_pos != out->end ||
		     zuf_check_attr(inode->i_sb, &io->attr)))
		err = -EIO;
	if (err)
		mapping_set_error(inode->i_mapping, err);
	else
		zuf_update_blocks(inode, &io->attr);
	for (i = 0; i < out->b.nr; i++)
		end_page_writeback(out->b.page[i]);
	kfree(out);
	zuf_req_put(req);
}

static int send(struct batch *b)
{
	loff_t pos = page_offset(b->page[0]);
	/* Who changes the size waits for these pages first. */
	loff_t end =
		min_t(loff_t, pos + b->nr * PAGE_SIZE, i_size_read(b->inode));
	struct zuf_req *req = zuf_io_alloc(b->inode, ZUFS_OP_WRITE, pos, end,
					   ZUFS_RW_MMAP, end - pos, 0);
	struct out *out;
	unsigned int i;

	if (!req)
		return -ENOMEM;
	out = kmalloc(sizeof(*out), GFP_NOFS | __GFP_NOFAIL);
	out->b = *b;
	out->end = end;
	for (i = 0; i < b->nr; i++)
		memcpy_from_page(zuf_io_data(req) + i * PAGE_SIZE, b->page[i],
				 0,
				 min_t(loff_t, PAGE_SIZE,
				       end - page_offset(b->page[i])));
	b->nr = 0;
	req->private = out;
	req->done = out_done;
	zuf_dispatch_back(ZUF_SB(out->b.inode->i_sb), req);
	return 0;
}

/* Sends what is there; on an error it is dirty as before. */
static int flush(struct batch *b, struct writeback_control *wbc)
{
	int err = b->nr ? send(b) : 0;
	unsigned int i;

	for (i = 0; err && i < b->nr; i++) {
		redirty_page_for_writepage(wbc, b->page[i]);
		end_page_writeback(b->page[i]);
	}
	b->nr = 0;
	return err;
}

/* The page is locked and clean. */
static int add_page(struct page *page, struct writeback_control *wbc,
		    void *data)
{
	struct batch *b = data;
	int err = 0;

	if (b->nr == batch_max(b->inode) ||
	    (b->nr && b->page[b->nr - 1]->index + 1 != page->index))
		err = flush(b, wbc);
	if (err) {
		redirty_page_for_writepage(wbc, page);
	} else if (page_offset(page) < i_size_read(b->inode)) {
		set_page_writeback(page);
		b->page[b->nr++] = page;
	}
	unlock_page(page);
	return err;
}

static int writepages(struct address_space *mapping,
		      struct writeback_control *wbc)
{
	struct batch b = { .inode = mapping->host };
	int err = write_cache_pages(mapping, wbc, add_page, &b);
	int last = flush(&b, wbc);

	return err ?: last;
}

int zuf_cache_drop(struct inode *inode, loff_t pos, loff_t end)
{
	struct address_space *mapping = inode->i_mapping;
	loff_t size = i_size_read(inode);
	unsigned int tries;
	int err = 0;

	/* What a mapping wrote behind the size must not become the file's. */
	if (end > size)
		pos = min(pos, size);
	/* Faults wait; only who pinned pages long ago can make them dirty still. */
	for (tries = 0; tries < 3 && mapping->nrpages; tries++) {
		err = filemap_write_and_wait_range(mapping, pos, end - 1);
		if (!err)
			err = invalidate_inode_pages2_range(
				mapping, pos >> PAGE_SHIFT,
				(end - 1) >> PAGE_SHIFT);
		if (err != -EBUSY)
			break;
	}
	return err;
}

const struct address_space_operations zuf_cache_aops = {
	.read_folio = read_folio,
	.readahead = readahead,
	.writepages = writepages,
	.dirty_folio = filemap_dirty_folio,
	.migrate_folio = filemap_migrate_folio,
	.direct_IO = noop_direct_IO,
};

/* ---- mappings ---- */

static vm_fault_t mkwrite(struct vm_fault *vmf)
{
	struct inode *inode = file_inode(vmf->vma->vm_file);
	struct folio *folio = page_folio(vmf->page);
	vm_fault_t ret = VM_FAULT_LOCKED;

	if (IS_IMMUTABLE(inode)) /* since it was mapped */
		return VM_FAULT_SIGBUS;
	sb_start_pagefault(inode->i_sb);
	file_update_time(vmf->vma->vm_file);
	/* Not while zuf_cache_drop()'s caller needs the page to be clean. */
	filemap_invalidate_lock_shared(inode->i_mapping);
	folio_lock(folio);
	if (folio->mapping != inode->i_mapping ||
	    folio_pos(folio) >= i_size_read(inode)) {
		folio_unlock(folio);
		ret = VM_FAULT_NOPAGE; /* the fault starts again */
	} else {
		folio_mark_dirty(folio);
	}
	filemap_invalidate_unlock_shared(inode->i_mapping);
	sb_end_pagefault(inode->i_sb);
	return ret;
}

static bool may_write(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_SHARED && vma->vm_flags & VM_MAYWRITE;
}

static void map_open(struct vm_area_struct *vma)
{
	if (may_write(vma))
		atomic_inc(&ZUF_I(file_inode(vma->vm_file))->mmaps);
}

/* The last one that could write: the server hears of it, some time. */
static void map_close(struct vm_area_struct *vma)
{
	struct inode *inode = file_inode(vma->vm_file);

	if (may_write(vma) && atomic_dec_and_test(&ZUF_I(inode)->mmaps))
		zuf_back_hold(inode, ZUFS_OP_MMAP_CLOSE,
			      sizeof(struct zufs_ioc_IO));
}

static const struct vm_operations_struct vm_ops = {
	.open = map_open,
	.close = map_close,
	.fault = filemap_fault,
	.map_pages = filemap_map_pages,
	.page_mkwrite = mkwrite,
};

int zuf_cache_mmap(struct file *file, struct vm_area_struct *vma)
{
	file_accessed(file);
	vma->vm_ops = &vm_ops;
	map_open(vma);
	return 0;
}
