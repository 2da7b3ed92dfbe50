// SPDX-License-Identifier: GPL-2.0
/*
 * Grants: blocks that the server reserved for an inode, and the operation that
 * commits what was copied to them. All under i_rwsem exclusive.
 */
#include "fs.h"

/* ---- the grants of an inode ---- */

/* What the server granted, in place of what was there. */
static int take_grant(struct inode *inode, const struct zufs_extent *ext, u32 n,
		      u64 lblk)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	struct zuf_inode_info *ii = ZUF_I(inode);
	u32 i;

	if (!copy_grant_ok(ext, n, lblk))
		return -EIO;
	for (i = 0; i < n; i++)
		if (!zuf_md_is_data(&sbi->md, ext[i].pblk, ext[i].len))
			return -EIO;
	memcpy(ii->grant.ext, ext, n * sizeof(*ext));
	ii->grant.n = n;
	spin_lock(&sbi->grant_lock);
	if (n && list_empty(&ii->grant_node))
		list_add_tail(&ii->grant_node, &sbi->grants);
	else if (!n)
		list_del_init(&ii->grant_node);
	spin_unlock(&sbi->grant_lock);
	return 0;
}

int zuf_grant_ask(struct inode *inode, u64 lblk, u32 want)
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

static void put_all(struct inode *inode)
{
	take_grant(inode, NULL, 0, 0);
	/* n is 0: all of this inode */
	zuf_back(inode, ZUFS_OP_GRANT_PUT, sizeof(struct zufs_ioc_grant));
}

void zuf_grant_put(struct inode *inode)
{
	if (ZUF_I(inode)->grant.n)
		put_all(inode);
}

void zuf_append_cancel(struct inode *inode)
{
	put_all(inode);
	zuf_extmap_drop(&ZUF_I(inode)->map);
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

/* What is left of the grant when @blocks are used. */
static void keep_rest(struct inode *inode, u64 blocks)
{
	struct zufs_extent rest[ZUFS_GRANT_MAX];
	u32 n = copy_grant_rest(&ZUF_I(inode)->grant, rest, blocks);

	take_grant(inode, rest, n, n ? rest[0].lblk : 0);
}

/* Size and times are the old ones until the last part. */
static void update(struct inode *inode, const struct zufs_ioc_commit *io)
{
	if (io->more) {
		zuf_update_blocks(inode, &io->attr);
		return;
	}
	zuf_update_written(inode, &io->attr, io->op.time);
}

/*
 * The first @blocks of the grant become the file's, and, unless @more are to
 * come, so does the size @size.
 */
static int try_commit(struct inode *inode, loff_t size, u64 blocks, u32 want,
		      u64 more)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	struct zuf_inode_info *ii = ZUF_I(inode);
	struct zuf_map_gen gen = zuf_extmap_gen(&ii->map);
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
	io->n = copy_grant_use(&ii->grant, io->ext, blocks);
	io->want = want;
	io->more = more;
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
	update(inode, io);
out:
	zuf_req_put(req);
	return err;
}

int zuf_commit(struct inode *inode, loff_t size, u64 blocks, u32 want, u64 more)
{
	int err;

	zuf_assert(inode_is_locked(inode));
	err = try_commit(inode, size, blocks, want, more);
	if (err == -ENOSPC && zuf_space_reclaim(ZUF_SB(inode->i_sb)))
		err = try_commit(inode, size, blocks, want, more);
	return err;
}
