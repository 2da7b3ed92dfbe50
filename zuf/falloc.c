// SPDX-License-Identifier: GPL-2.0
/*
 * fallocate(2): the server changes the map, the kernel what knows of it.
 */
#include <linux/dax.h>
#include <linux/falloc.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "io.h"

/* From *@from on; *@from becomes how far the server got. */
static int send_some(struct inode *inode, int mode, loff_t *from, loff_t to)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	struct zufs_ioc_IO *io;
	struct zuf_req *req;
	int err;

	req = zuf_req_alloc(sbi, ZUFS_OP_FALLOCATE, sizeof(*io),
			    offsetof(struct zufs_ioc_IO, attr),
			    offsetof(struct zufs_ioc_IO, last_pos));
	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_IO);
	zuf_fill_op(req, inode);
	io->rw = mode;
	io->filepos = *from;
	io->last_pos = to;
	req->wait = ZUF_WAIT_KILL;
	err = zuf_dispatch_space(sbi, req, req->hdr->out_max);
	if (!err && (io->last_pos <= *from || io->last_pos > to))
		err = -EIO;
	if (!err)
		err = zuf_check_attr(inode->i_sb, &io->attr);
	if (!err) {
		zuf_update_attr(inode, &io->attr, true);
		*from = io->last_pos;
	}
	zuf_req_put(req);
	return err;
}

static int send(struct inode *inode, int mode, loff_t from, loff_t to)
{
	int err = 0;

	while (!err && from < to)
		err = send_some(inode, mode, &from, to);
	return err;
}

static int change_served(struct inode *inode, int mode, loff_t from, loff_t to)
{
	int err = zuf_cache_drop(inode, from, to);

	return err ? err : send(inode, mode, from, to);
}

/* i_rwsem and invalidate_lock are held exclusive. */
static int change(struct inode *inode, int mode, loff_t from, loff_t to)
{
	loff_t size = i_size_read(inode);
	int err = zuf_break_layouts(inode, from, to - 1);

	/* Stores of mappings are flushed before their entries go. */
	if (!err)
		err = filemap_write_and_wait_range(inode->i_mapping, from,
						   to - 1);
	if (!err && !(mode & FALLOC_FL_KEEP_SIZE) && to > size)
		err = zuf_zero_tail(inode);
	if (err)
		return err;
	zuf_grant_put(inode);
	/* Nobody may look at blocks that are about to be somebody else's. */
	if (mode & FALLOC_FL_PUNCH_HOLE)
		truncate_pagecache_range(inode, from, to - 1);
	zuf_extmap_drop(&ZUF_I(inode)->map);
	err = send(inode, mode, from, to);
	zuf_extmap_drop(&ZUF_I(inode)->map);
	/* Zero pages stand where there are blocks now. */
	invalidate_inode_pages2_range(inode->i_mapping, from >> PAGE_SHIFT,
				      (to - 1) >> PAGE_SHIFT);
	return err;
}

static int fallocate_locked(struct file *file, int mode, loff_t from, loff_t to)
{
	struct inode *inode = file_inode(file);
	int err = 0;

	inode_dio_wait(inode);
	if (!(mode & FALLOC_FL_KEEP_SIZE))
		err = inode_newsize_ok(inode, to);
	if (!err)
		err = file_modified(file);
	if (err)
		return err;
	filemap_invalidate_lock(inode->i_mapping);
	err = zuf_is_nio(ZUF_SB(inode->i_sb)) ?
		      change(inode, mode, from, to) :
		      change_served(inode, mode, from, to);
	filemap_invalidate_unlock(inode->i_mapping);
	return err;
}

u64 zuf_falloc_modes(u64 sup)
{
	return sup & (FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE |
		      FALLOC_FL_ZERO_RANGE);
}

long zuf_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	struct inode *inode = file_inode(file);
	int err;

	if (mode & ~ZUF_SB(inode->i_sb)->falloc_sup)
		return -EOPNOTSUPP;
	inode_lock(inode);
	err = fallocate_locked(file, mode, offset, offset + len);
	inode_unlock(inode);
	return err ?: zuf_sync_if(file, offset, len);
}
