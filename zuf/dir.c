// SPDX-License-Identifier: GPL-2.0
/*
 * Reading directories.
 */
#include <linux/sched/signal.h>

#include "fs.h"

#define READDIR_SIZE 32768U /* bytes of an answer */

/*
 * Gives the entries of an answer to the caller. 1: all of them, 0: the caller
 * has enough; -EIO: the answer is no list of entries.
 */
static int emit(struct dir_context *ctx, const struct zufs_ioc_readdir *io,
		u32 room)
{
	const void *p = io->entries;
	u32 left = io->bytes;

	if (left > room)
		return -EIO;
	while (left) {
		const struct zufs_dir_entry *e = p;
		u32 len;

		if (left < sizeof(*e))
			return -EIO;
		len = ZUFS_DIR_ENTRY_LEN(e->len);
		if (!e->len || len > left || (s64)e->pos <= ctx->pos ||
		    memchr(e->name, '/', e->len) || memchr(e->name, 0, e->len))
			return -EIO;
		if (!dir_emit(ctx, e->name, e->len, e->ino, e->type))
			return 0;
		ctx->pos = e->pos;
		p += len;
		left -= len;
	}
	return 1;
}

static int read_some(struct file *file, struct dir_context *ctx, bool *more)
{
	struct inode *inode = file_inode(file);
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	struct zufs_ioc_readdir *io;
	struct zuf_req *req;
	int ret;

	req = zuf_req_alloc(sbi, ZUFS_OP_READDIR, READDIR_SIZE,
			    offsetof(struct zufs_ioc_readdir, more),
			    offsetof(struct zufs_ioc_readdir, pos));
	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_readdir);
	zuf_fill_op(req, inode);
	io->pos = ctx->pos;
	req->wait = ZUF_WAIT_KILL_RO;
	ret = zuf_dispatch(sbi, req, sizeof(*io) - req->hdr->out_start);
	if (!ret) {
		u32 room =
			req->hdr->out_start + req->hdr->out_len - sizeof(*io);

		*more = io->more;
		ret = emit(ctx, io, room);
		if (ret > 0 && *more && !io->bytes)
			ret = -EIO; /* more, but nothing: for ever */
	}
	zuf_req_put(req);
	return ret;
}

static int zuf_iterate(struct file *file, struct dir_context *ctx)
{
	bool more = true;
	int ret = 1;

	if (!dir_emit_dots(file, ctx))
		return 0;
	while (ret > 0 && more && ctx->pos < LLONG_MAX) {
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = read_some(file, ctx, &more);
	}
	if (ret > 0)
		ctx->pos = LLONG_MAX;
	return ret < 0 ? ret : 0;
}

/* Positions are the server's cookies: s_maxbytes has nothing to do with them. */
static loff_t zuf_dir_llseek(struct file *file, loff_t offset, int whence)
{
	return generic_file_llseek_size(file, offset, whence, LLONG_MAX,
					i_size_read(file_inode(file)));
}

static int zuf_dir_fsync(struct file *file, loff_t start, loff_t end,
			 int datasync)
{
	return zuf_sync_inode(file_inode(file), datasync, false);
}

const struct file_operations zuf_dir_fops = {
	.read = generic_read_dir,
	.iterate_shared = zuf_iterate,
	.llseek = zuf_dir_llseek,
	.fsync = zuf_dir_fsync,
	.unlocked_ioctl = zuf_ioctl,
	.compat_ioctl = zuf_compat_ioctl,
};
