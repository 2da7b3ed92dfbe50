// SPDX-License-Identifier: GPL-2.0
/*
 * Appends: blocks granted by the server, filled by the kernel, committed by
 * one operation. All under i_rwsem exclusive.
 */
#include <linux/libnvdimm.h>
#include <linux/uio.h>

#include "fs.h"

#define GRANT_GROW_MAX 512U /* blocks that are asked for ahead */

/* ---- the grants of an inode ---- */

/* What the server granted, in place of what was there. */
static int take_grant(struct inode *inode, const struct zufs_extent *ext, u32 n,
		      u64 lblk)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	struct zuf_inode_info *ii = ZUF_I(inode);
	u32 i;

	if (n > ZUFS_GRANT_MAX)
		return -EIO;
	for (i = 0; i < n; i++) {
		if (ext[i].lblk != lblk || !ext[i].len ||
		    !zuf_md_dev(&sbi->md, ext[i].pblk, ext[i].len))
			return -EIO;
		lblk += ext[i].len;
	}
	memcpy(ii->grant, ext, n * sizeof(*ext));
	ii->n_grant = n;
	spin_lock(&sbi->grant_lock);
	if (n && list_empty(&ii->grant_node))
		list_add_tail(&ii->grant_node, &sbi->grants);
	else if (!n)
		list_del_init(&ii->grant_node);
	spin_unlock(&sbi->grant_lock);
	return 0;
}

static u64 grant_blocks(const struct zuf_inode_info *ii)
{
	u64 n = 0;
	unsigned int i;

	for (i = 0; i < ii->n_grant; i++)
		n += ii->grant[i].len;
	return n;
}

static int ask(struct inode *inode, u64 lblk, u32 want)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	struct zufs_ioc_grant *io;
	struct zuf_req *req;
	int err;

	/* A GRANT_PUT that is still under way would take the new one back too. */
	err = zuf_evict_wait(sbi, inode->i_ino);
	if (err)
		return err;
	req = zuf_req_alloc(sbi, ZUFS_OP_GRANT, sizeof(*io),
			    offsetof(struct zufs_ioc_grant, n),
			    offsetof(struct zufs_ioc_grant, n));
	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_grant);
	zuf_fill_op(req, inode);
	io->lblk = lblk;
	io->want = want;
	req->wait = ZUF_WAIT_KILL;
	err = zuf_dispatch_space(sbi, req, sizeof(*io) - io->op.hdr.out_start);
	if (!err && !io->n)
		err = -ENOSPC;
	if (!err)
		err = take_grant(inode, io->ext, io->n, lblk);
	zuf_req_put(req);
	return err;
}

void zuf_grant_put(struct inode *inode)
{
	if (!ZUF_I(inode)->n_grant)
		return;
	take_grant(inode, NULL, 0, 0);
	/* n is 0: all of this inode */
	zuf_back(inode, ZUFS_OP_GRANT_PUT, sizeof(struct zufs_ioc_grant));
}

/* An inode with a grant that nobody is writing to, locked; NULL: none. */
static struct inode *idle_grant(struct zuf_sb_info *sbi)
{
	struct zuf_inode_info *ii;
	struct inode *inode = NULL;

	spin_lock(&sbi->grant_lock);
	list_for_each_entry(ii, &sbi->grants, grant_node) {
		if (!inode_trylock(&ii->vfs_inode))
			continue;
		inode = igrab(&ii->vfs_inode);
		if (inode)
			break;
		inode_unlock(&ii->vfs_inode);
	}
	spin_unlock(&sbi->grant_lock);
	return inode;
}

bool zuf_space_reclaim(struct zuf_sb_info *sbi)
{
	struct inode *inode;

	while ((inode = idle_grant(sbi))) {
		zuf_grant_put(inode);
		inode_unlock(inode);
		iput(inode);
	}
	/* Blocks of inodes that were just removed come back too. */
	return zuf_back_wait(sbi);
}

int zuf_dispatch_space(struct zuf_sb_info *sbi, struct zuf_req *req,
		       size_t min_out)
{
	int err = zuf_dispatch(sbi, req, min_out);

	if (err != -ENOSPC || !zuf_space_reclaim(sbi))
		return err;
	zuf_req_again(req);
	return zuf_dispatch(sbi, req, min_out);
}

/* ---- commit ---- */

/* Moves the first @blocks of the grant to the operation's list. */
static u32 use_grant(struct zuf_inode_info *ii, struct zufs_extent *ext,
		     u64 blocks)
{
	unsigned int i;
	u32 n = 0;

	for (i = 0; blocks && i < ii->n_grant; i++) {
		ext[n] = ii->grant[i];
		ext[n].len = min_t(u64, ext[n].len, blocks);
		blocks -= ext[n++].len;
	}
	return n;
}

/* What is left of the grant when @blocks are used. */
static void keep_rest(struct inode *inode, u64 blocks)
{
	struct zuf_inode_info *ii = ZUF_I(inode);
	struct zufs_extent rest[ZUFS_GRANT_MAX];
	unsigned int i;
	u32 n = 0;

	for (i = 0; i < ii->n_grant; i++) {
		struct zufs_extent e = ii->grant[i];
		u64 cut = min_t(u64, e.len, blocks);

		blocks -= cut;
		if (cut == e.len)
			continue;
		e.lblk += cut;
		e.pblk += cut;
		e.len -= cut;
		rest[n++] = e;
	}
	take_grant(inode, rest, n, n ? rest[0].lblk : 0);
}

/* @blocks of the grant from @lblk on become the file's, and the size @size. */
static int try_commit(struct inode *inode, loff_t size, u64 blocks, u32 want)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	struct zuf_inode_info *ii = ZUF_I(inode);
	u64 gen = zuf_extmap_gen(&ii->map);
	struct zufs_ioc_commit *io;
	struct zuf_req *req;
	int err;

	req = zuf_req_alloc(sbi, ZUFS_OP_COMMIT_WRITE,
			    struct_size(io, ext, ZUFS_GRANT_MAX),
			    struct_size(io, ext, ZUFS_GRANT_MAX),
			    offsetof(struct zufs_ioc_commit, n_grant));
	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_commit);
	zuf_fill_op(req, inode);
	io->op.time = zuf_ns(inode->i_mtime);
	io->new_size = size;
	io->n = use_grant(ii, io->ext, blocks);
	io->want = want;
	io->op.hdr.in_len = struct_size(io, ext, io->n);
	io->op.hdr.out_max = sizeof(*io) - io->op.hdr.out_start;
	req->wait = ZUF_WAIT_KILL;
	err = zuf_dispatch(sbi, req, io->op.hdr.out_max);
	if (!err)
		err = zuf_check_attr(inode->i_sb, &io->attr);
	if (err)
		goto out;
	zuf_extmap_put(&ii->map, gen, io->ext, io->n, io->n);
	keep_rest(inode, blocks);
	if (io->n_grant)
		err = take_grant(
			inode, io->grant, io->n_grant,
			io->n_grant <= ZUFS_GRANT_MAX ? io->grant[0].lblk : 0);
	spin_lock(&inode->i_lock);
	ii->dirty_times &= ~(ZUFS_STATX_MTIME | ZUFS_STATX_CTIME);
	spin_unlock(&inode->i_lock);
	zuf_update_attr(inode, &io->attr, true);
out:
	zuf_req_put(req);
	return err;
}

static int commit(struct inode *inode, loff_t size, u64 blocks, u32 want)
{
	int err;

	zuf_assert(inode_is_locked(inode));
	pmem_wmb(); /* the data before the map and the size that tell of it */
	err = try_commit(inode, size, blocks, want);
	if (err == -ENOSPC && zuf_space_reclaim(ZUF_SB(inode->i_sb)))
		err = try_commit(inode, size, blocks, want);
	return err;
}

int zuf_commit_size(struct inode *inode, loff_t size)
{
	return commit(inode, size, 0, 0);
}

/* ---- the copy ---- */

/* Zeroes [from, to) of one granted block, on media too. */
static int zero_granted(struct inode *inode, loff_t from, loff_t to)
{
	const struct zuf_inode_info *ii = ZUF_I(inode);
	u64 lblk = from >> ZUFS_BLOCK_SHIFT;
	unsigned int i;

	for (i = 0; from < to && i < ii->n_grant; i++) {
		const struct zufs_extent *g = &ii->grant[i];

		if (lblk >= g->lblk && lblk < g->lblk + g->len)
			return zuf_md_zero(&ZUF_SB(inode->i_sb)->md,
					   g->pblk + (lblk - g->lblk),
					   from & (ZUFS_BLOCK_SIZE - 1),
					   to - from);
	}
	return 0;
}

/* How many blocks to ask for ahead: appends that follow each other grow it. */
static u32 next_want(struct zuf_inode_info *ii, u64 lblk, u64 blocks)
{
	if (ii->grant_end != lblk)
		ii->grant_want = 0;
	else if (grant_blocks(ii) > blocks)
		return 0; /* enough is left */
	else
		ii->grant_want = min_t(u32, GRANT_GROW_MAX,
				       max_t(u32, 2 * ii->grant_want,
					     2 * min_t(u64, blocks, 256)));
	return ii->grant_want;
}

/* One grant's worth: the bytes copied and committed, or -errno. */
static ssize_t append_some(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct zuf_inode_info *ii = ZUF_I(inode);
	loff_t pos = iocb->ki_pos, end;
	u64 lblk = pos >> ZUFS_BLOCK_SHIFT, want, blocks, granted;
	size_t count = iov_iter_count(from), cut = 0;
	ssize_t done;
	int err;

	want = DIV_ROUND_UP_ULL(pos + count, ZUFS_BLOCK_SIZE) - lblk;
	if (ii->n_grant && ii->grant[0].lblk != lblk)
		zuf_grant_put(inode);
	if (!ii->n_grant) {
		err = ask(inode, lblk, min_t(u64, want, U32_MAX));
		if (err)
			return err;
	}
	granted = (lblk + grant_blocks(ii)) << ZUFS_BLOCK_SHIFT;
	if (pos + count > granted)
		cut = pos + count - granted;
	err = zero_granted(inode, lblk << ZUFS_BLOCK_SHIFT, pos);
	if (err)
		return err;
	iov_iter_truncate(from, count - cut);
	done = dax_iomap_rw(iocb, from, &zuf_append_ops);
	iov_iter_reexpand(from, iov_iter_count(from) + cut);
	if (done <= 0)
		return done;
	end = pos + done;
	blocks = DIV_ROUND_UP_ULL(end, ZUFS_BLOCK_SIZE) - lblk;
	err = zero_granted(inode, end, round_up(end, ZUFS_BLOCK_SIZE));
	if (!err)
		err = commit(inode, end, blocks, next_want(ii, lblk, blocks));
	if (err) {
		iocb->ki_pos = pos;
		iov_iter_revert(from, done);
		return err;
	}
	ii->grant_end = lblk + blocks;
	return done;
}

ssize_t zuf_append(struct kiocb *iocb, struct iov_iter *from)
{
	ssize_t all = 0, done = 0;

	while (iov_iter_count(from)) {
		done = append_some(iocb, from);
		if (done <= 0)
			break;
		all += done;
	}
	return all ? all : done;
}
