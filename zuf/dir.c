// SPDX-License-Identifier: GPL-2.0
/*
 * Reading directories.
 */
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "fs.h"

#define READDIR_SIZE 32768U	/* bytes of an answer, */
#define READDIR_MAX  (1U << 20) /* and of one of a large directory */

/* What an open directory keeps: the entries that the caller had no room for. */
struct dir_rest {
	struct mutex lock; /* two threads may read one open directory */
	loff_t pos;	   /* where the first of them is */
	bool more;	   /* there are others behind the last */
	u32 len, off;	   /* bytes of entries; the first @off are given out */
	u32 want;	   /* bytes of the next answer, if the size says less */
	void *entries;	   /* NULL: there are none */
};

/* rest->lock is held, or nobody else has the file. */
static void rest_drop(struct dir_rest *rest)
{
	kvfree(rest->entries);
	rest->entries = NULL;
	rest->len = 0;
	rest->off = 0;
}

/*
 * A reader gets what was there when the server was asked. POSIX leaves it open
 * whether names that come and go after opendir() or rewinddir() are seen.
 */
static void rest_keep(struct dir_rest *rest, const void *entries, u32 len,
		      loff_t pos, bool more)
{
	rest_drop(rest);
	rest->entries = kvmalloc(len, GFP_KERNEL_ACCOUNT);
	if (!rest->entries)
		return; /* the server is asked again */
	memcpy(rest->entries, entries, len);
	rest->len = len;
	rest->pos = pos;
	rest->more = more;
}

/*
 * Gives @len bytes of entries to the caller. How many bytes he took; -EIO: it
 * is no list of entries.
 */
static s64 emit(struct dir_context *ctx, const void *entries, u32 len)
{
	u32 off = 0;

	while (off < len) {
		const struct zufs_dir_entry *e = entries + off;
		u32 left = len - off, need;

		if (left < sizeof(*e))
			return -EIO;
		need = ZUFS_DIR_ENTRY_LEN(e->len);
		if (!e->len || need > left || (s64)e->pos <= ctx->pos ||
		    memchr(e->name, '/', e->len) || memchr(e->name, 0, e->len))
			return -EIO;
		if (!dir_emit(ctx, e->name, e->len, e->ino, e->type))
			break;
		ctx->pos = e->pos;
		off += need;
	}
	return off;
}

/* What there is, in one answer if it may be: a directory's size says how much. */
static struct zuf_req *readdir_req(struct inode *inode, loff_t pos, u32 want)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	size_t size = clamp_t(loff_t, max_t(loff_t, i_size_read(inode), want),
			      READDIR_SIZE, READDIR_MAX);
	struct zufs_ioc_readdir *io;
	struct zuf_req *req;

	req = zuf_req_alloc(sbi, ZUFS_OP_READDIR, zuf_room(sbi, size),
			    offsetof(struct zufs_ioc_readdir, more),
			    offsetof(struct zufs_ioc_readdir, pos));
	if (!req)
		return NULL;
	io = zuf_req_op(req, struct zufs_ioc_readdir);
	zuf_fill_op(req, inode);
	io->pos = pos;
	req->wait = ZUF_WAIT_KILL_RO;
	return req;
}

/* 1: the caller wants more, and there is; 0: not so; -errno. */
static int take_answer(struct dir_rest *rest, struct dir_context *ctx,
		       struct zuf_req *req)
{
	struct zufs_ioc_readdir *io = zuf_req_op(req, struct zufs_ioc_readdir);
	u32 room = req->hdr->out_start + req->hdr->out_len - sizeof(*io);
	s64 took;

	/* More, but nothing: for ever. */
	if (io->bytes > room || (io->more && !io->bytes))
		return -EIO;
	/* The size need not say how much there is: who reads on gets more at once. */
	if (io->more)
		rest->want = 8 * req->size;
	took = emit(ctx, io->entries, io->bytes);
	if (took < 0)
		return took;
	if (took < io->bytes) {
		rest_keep(rest, io->entries + took, io->bytes - took, ctx->pos,
			  io->more);
		return 0;
	}
	if (!io->more)
		ctx->pos = LLONG_MAX;
	return io->more;
}

static int read_server(struct file *file, struct dir_rest *rest,
		       struct dir_context *ctx)
{
	struct inode *inode = file_inode(file);
	struct zuf_req *req = readdir_req(inode, ctx->pos, rest->want);
	int ret;

	if (!req)
		return -ENOMEM;
	ret = zuf_dispatch(ZUF_SB(inode->i_sb), req,
			   sizeof(struct zufs_ioc_readdir) -
				   req->hdr->out_start);
	if (!ret)
		ret = take_answer(rest, ctx, req);
	zuf_req_put(req);
	return ret;
}

/* As read_server(), of what was kept. */
static int read_rest(struct dir_rest *rest, struct dir_context *ctx)
{
	s64 took = emit(ctx, rest->entries + rest->off, rest->len - rest->off);

	if (took < 0)
		return took;
	rest->off += took;
	rest->pos = ctx->pos;
	if (rest->off < rest->len)
		return 0;
	rest_drop(rest);
	if (!rest->more)
		ctx->pos = LLONG_MAX;
	return rest->more;
}

static int zuf_iterate(struct file *file, struct dir_context *ctx)
{
	struct dir_rest *rest = file->private_data;
	int ret = 1;

	if (!dir_emit_dots(file, ctx))
		return 0;
	mutex_lock(&rest->lock);
	while (ret > 0 && ctx->pos < LLONG_MAX) {
		if (fatal_signal_pending(current))
			ret = -EINTR;
		else if (rest->entries && rest->pos == ctx->pos)
			ret = read_rest(rest, ctx);
		else
			ret = read_server(file, rest, ctx);
	}
	mutex_unlock(&rest->lock);
	return min(ret, 0);
}

static int zuf_dir_open(struct inode *inode, struct file *file)
{
	struct dir_rest *rest = kzalloc(sizeof(*rest), GFP_KERNEL_ACCOUNT);

	if (!rest)
		return -ENOMEM;
	mutex_init(&rest->lock);
	file->private_data = rest;
	return 0;
}

static int zuf_dir_release(struct inode *inode, struct file *file)
{
	rest_drop(file->private_data);
	kfree(file->private_data);
	return 0;
}

/* Positions are the server's cookies: s_maxbytes has nothing to do with them. */
static loff_t zuf_dir_llseek(struct file *file, loff_t offset, int whence)
{
	struct dir_rest *rest = file->private_data;

	mutex_lock(&rest->lock);
	rest_drop(rest);
	mutex_unlock(&rest->lock);
	return generic_file_llseek_size(file, offset, whence, LLONG_MAX,
					i_size_read(file_inode(file)));
}

static int zuf_dir_fsync(struct file *file, loff_t start, loff_t end,
			 int datasync)
{
	return zuf_sync_inode(file_inode(file), datasync, false);
}

const struct file_operations zuf_dir_fops = {
	.open = zuf_dir_open,
	.release = zuf_dir_release,
	.read = generic_read_dir,
	.iterate_shared = zuf_iterate,
	.llseek = zuf_dir_llseek,
	.fsync = zuf_dir_fsync,
	.unlocked_ioctl = zuf_ioctl,
	.compat_ioctl = zuf_compat_ioctl,
};
