// SPDX-License-Identifier: GPL-2.0
/*
 * copy_file_range(2), FICLONE, FICLONERANGE and FIDEDUPERANGE of files whose data
 * goes through the server: it copies, or shares what it stores, by itself. Others
 * are copied by the VFS, and share nothing.
 */
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "io.h"

/* Bytes of one COPY: each ends within the time limit. */
#define COPY_MAX (4 << 20)

/* [pos_in, +len) of in is to be at pos_out of out. */
struct pair {
	struct inode *in, *out;
	loff_t pos_in, pos_out, len;
};

static loff_t check_answer(const struct pair *r,
			   const struct zufs_ioc_clone *io)
{
	loff_t size = i_size_read(r->out);

	if (!io->done || io->done > r->len ||
	    (io->op.hdr.operation == ZUFS_OP_CLONE && io->done != r->len) ||
	    zuf_check_attr(r->out->i_sb, &io->attr))
		return -EIO;
	size = max_t(loff_t, size, r->pos_out + io->done);
	return le64_to_cpu(io->attr.zi.i_size) == size ? io->done : -EIO;
}

/* How many bytes were done. For this and what follows both files are locked. */
static loff_t send(const struct pair *r, u16 op, u64 flags)
{
	struct zuf_sb_info *sbi = ZUF_SB(r->out->i_sb);
	struct zufs_ioc_clone *io;
	struct zuf_req *req;
	loff_t done;

	req = zuf_req_alloc(sbi, op, sizeof(*io),
			    offsetof(struct zufs_ioc_clone, done),
			    offsetof(struct zufs_ioc_clone, done));
	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_clone);
	zuf_fill_op(req, r->out);
	io->src = ZUF_I(r->in)->iref;
	io->pos_in = r->pos_in;
	io->pos_out = r->pos_out;
	io->len = r->len;
	io->flags = flags;
	req->wait = ZUF_WAIT_KILL;
	done = zuf_dispatch_space(sbi, req, req->hdr->out_max);
	if (!done)
		done = check_answer(r, io);
	if (done > 0 && flags & ZUFS_CLONE_DEDUPE)
		zuf_update_blocks(r->out, &io->attr);
	else if (done > 0)
		zuf_update_written(r->out, &io->attr, io->op.time);
	zuf_req_put(req);
	return done;
}

static loff_t copy(struct pair r)
{
	loff_t end = r.pos_out + r.len, begin = r.pos_out, done = 0;

	while (r.pos_out < end && !fatal_signal_pending(current)) {
		r.len = min_t(loff_t, end - r.pos_out, COPY_MAX);
		done = send(&r, ZUFS_OP_COPY, 0);
		if (done <= 0)
			break;
		r.pos_in += done;
		r.pos_out += done;
	}
	return r.pos_out - begin ?: done;
}

/* No call and no fault changes or reads either file. */
static void lock(const struct pair *r)
{
	lock_two_nondirectories(r->in, r->out);
	filemap_invalidate_lock_two(r->in->i_mapping, r->out->i_mapping);
}

static void unlock(const struct pair *r)
{
	filemap_invalidate_unlock_two(r->in->i_mapping, r->out->i_mapping);
	unlock_two_nondirectories(r->in, r->out);
}

/*
 * The server gets what mappings of the source wrote, and the page cache loses
 * what it has of the place where that goes.
 */
static int flush(const struct pair *r)
{
	int err = filemap_write_and_wait_range(r->in->i_mapping, r->pos_in,
					       r->pos_in + r->len - 1);

	return err ?: zuf_cache_drop(r->out, r->pos_out, r->pos_out + r->len);
}

static bool is_served(const struct file *in, const struct file *out)
{
	struct super_block *sb = file_inode(out)->i_sb;

	return file_inode(in)->i_sb == sb && !zuf_is_nio(ZUF_SB(sb));
}

static loff_t copy_locked(struct file *file_out, struct pair *r)
{
	loff_t size = i_size_read(r->in);
	int err;

	if (r->pos_in >= size || !r->len)
		return 0;
	r->len = min(r->len, size - r->pos_in);
	err = IS_IMMUTABLE(r->out) ? -EPERM : file_modified(file_out);
	if (!err)
		err = flush(r);
	return err ?: copy(*r);
}

ssize_t zuf_copy_file_range(struct file *file_in, loff_t pos_in,
			    struct file *file_out, loff_t pos_out, size_t len,
			    unsigned int flags)
{
	struct pair r = { file_inode(file_in), file_inode(file_out), pos_in,
			  pos_out, len };
	loff_t done = -EOPNOTSUPP;

	if (is_served(file_in, file_out)) {
		lock(&r);
		done = copy_locked(file_out, &r);
		unlock(&r);
	}
	if (done == -EOPNOTSUPP)
		return generic_copy_file_range(file_in, pos_in, file_out,
					       pos_out, len, flags);
	return done > 0 ? zuf_sync_if(file_out, pos_out, done) ?: done : done;
}

/* For FIDEDUPERANGE the VFS compares the two. */
static loff_t remap_locked(struct file *file_in, struct file *file_out,
			   struct pair *r, unsigned int flags)
{
	u64 dedupe = flags & REMAP_FILE_DEDUP ? ZUFS_CLONE_DEDUPE : 0;
	int err = generic_remap_file_range_prep(file_in, r->pos_in, file_out,
						r->pos_out, &r->len, flags);

	if (err || !r->len)
		return err;
	err = flush(r);
	return err ?: send(r, ZUFS_OP_CLONE, dedupe);
}

loff_t zuf_remap_file_range(struct file *file_in, loff_t pos_in,
			    struct file *file_out, loff_t pos_out, loff_t len,
			    unsigned int flags)
{
	struct pair r = { file_inode(file_in), file_inode(file_out), pos_in,
			  pos_out, len };
	loff_t done;

	if (flags & ~(REMAP_FILE_DEDUP | REMAP_FILE_ADVISORY))
		return -EINVAL;
	if (!is_served(file_in, file_out))
		return -EOPNOTSUPP;
	lock(&r);
	done = remap_locked(file_in, file_out, &r, flags);
	unlock(&r);
	return done > 0 ? zuf_sync_if(file_out, pos_out, done) ?: done : done;
}
