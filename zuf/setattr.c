// SPDX-License-Identifier: GPL-2.0
/*
 * chmod, chown, utimes, truncate: one operation, the size included.
 */
#include <linux/pagemap.h>

#include "io.h"

static u64 valid_of(unsigned int ia_valid)
{
	u64 valid = 0;

	if (ia_valid & ATTR_MODE)
		valid |= ZUFS_STATX_MODE;
	if (ia_valid & ATTR_UID)
		valid |= ZUFS_STATX_UID;
	if (ia_valid & ATTR_GID)
		valid |= ZUFS_STATX_GID;
	if (ia_valid & ATTR_ATIME)
		valid |= ZUFS_STATX_ATIME;
	if (ia_valid & ATTR_MTIME)
		valid |= ZUFS_STATX_MTIME;
	if (ia_valid & ATTR_SIZE)
		valid |= ZUFS_STATX_SIZE;
	return valid;
}

/* The attributes as they shall be. */
static void fill_attr(struct zufs_ioc_attr *io, struct user_namespace *ns,
		      const struct inode *inode, const struct iattr *ia)
{
	struct zus_inode *zi = &io->zi;

	zuf_fill_zi(zi, inode);
	io->valid = valid_of(ia->ia_valid);
	if (ia->ia_valid & ATTR_MODE)
		zi->i_mode = cpu_to_le16(ia->ia_mode);
	if (ia->ia_valid & ATTR_UID)
		zi->i_uid = cpu_to_le32(from_kuid(&init_user_ns, ia->ia_uid));
	if (ia->ia_valid & ATTR_GID)
		zi->i_gid = cpu_to_le32(from_kgid(&init_user_ns, ia->ia_gid));
	if (ia->ia_valid & ATTR_ATIME)
		zi->i_atime = cpu_to_le64(zuf_ns(ia->ia_atime));
	if (ia->ia_valid & ATTR_MTIME)
		zi->i_mtime = cpu_to_le64(zuf_ns(ia->ia_mtime));
	if (ia->ia_valid & ATTR_SIZE)
		zi->i_size = cpu_to_le64(ia->ia_size);
}

/* The server has the times of @io; those that changed since stay dirty. i_lock. */
static void times_sent(struct inode *inode, unsigned int ia_valid,
		       const struct zufs_ioc_attr *io)
{
	struct zuf_inode_info *ii = ZUF_I(inode);

	if (ia_valid & ATTR_ATIME ||
	    zuf_ns(inode->i_atime) == (s64)le64_to_cpu(io->zi.i_atime))
		ii->dirty_times &= ~ZUFS_STATX_ATIME;
	if (ia_valid & ATTR_MTIME ||
	    zuf_ns(inode->i_mtime) == (s64)le64_to_cpu(io->zi.i_mtime))
		ii->dirty_times &= ~ZUFS_STATX_MTIME;
	if (zuf_ns(inode->i_ctime) <= io->op.time)
		ii->dirty_times &= ~ZUFS_STATX_CTIME;
}

static struct zuf_req *attr_req(struct inode *inode)
{
	struct zuf_req *req =
		zuf_req_alloc(ZUF_SB(inode->i_sb), ZUFS_OP_SETATTR,
			      sizeof(struct zufs_ioc_attr),
			      offsetof(struct zufs_ioc_attr, attr),
			      offsetof(struct zufs_ioc_attr, attr));

	if (!req)
		return NULL;
	zuf_fill_op(req, inode);
	req->wait = ZUF_WAIT_KILL;
	return req;
}

/* @ia_valid: what of the times is the caller's. Puts @req. */
static int attr_run(struct inode *inode, struct zuf_req *req,
		    unsigned int ia_valid)
{
	struct zufs_ioc_attr *io = zuf_req_op(req, struct zufs_ioc_attr);
	int err;

	/* Times of overwrites that the server hasn't heard of go with it. */
	io->valid |= ZUF_I(inode)->dirty_times &
		     (ZUFS_STATX_ATIME | ZUFS_STATX_MTIME);
	err = zuf_dispatch_space(ZUF_SB(inode->i_sb), req, sizeof(io->attr));
	if (!err)
		err = zuf_check_attr(inode->i_sb, &io->attr);
	if (!err) {
		spin_lock(&inode->i_lock);
		times_sent(inode, ia_valid, io);
		spin_unlock(&inode->i_lock);
		zuf_update_attr(inode, &io->attr, false);
	}
	zuf_req_put(req);
	return err;
}

int zuf_send_attr(struct user_namespace *ns, struct inode *inode,
		  const struct iattr *ia)
{
	struct zuf_req *req = attr_req(inode);

	if (!req)
		return -ENOMEM;
	fill_attr(zuf_req_op(req, struct zufs_ioc_attr), ns, inode, ia);
	return attr_run(inode, req, ia->ia_valid);
}

int zuf_send_set(struct inode *inode, const struct zuf_set *set)
{
	struct zuf_req *req = attr_req(inode);
	struct zufs_ioc_attr *io;

	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_attr);
	zuf_fill_zi(&io->zi, inode);
	io->valid = set->valid;
	io->zi.i_flags = cpu_to_le16(set->flags);
	io->zi.i_version = cpu_to_le32(set->version);
	io->projid = set->projid;
	return attr_run(inode, req, 0);
}

/* Nothing of what goes, or of the block at the end, is in the page cache then. */
static int set_size_served(struct user_namespace *ns, struct inode *inode,
			   struct iattr *ia)
{
	int err = zuf_cache_drop(inode, min(ia->ia_size, i_size_read(inode)),
				 LLONG_MAX);

	if (!err)
		err = zuf_send_attr(ns, inode, ia);
	if (!err)
		i_size_write(inode, ia->ia_size);
	return err;
}

/* i_rwsem is held exclusive. */
static int set_size(struct user_namespace *ns, struct inode *inode,
		    struct iattr *ia)
{
	int err;

	inode_dio_wait(inode);
	if (!(ia->ia_valid & ATTR_MTIME)) {
		ia->ia_valid |= ATTR_MTIME;
		ia->ia_mtime = current_time(inode);
	}
	filemap_invalidate_lock(inode->i_mapping);
	err = zuf_break_layouts(inode, ia->ia_size, LLONG_MAX);
	if (!err)
		err = zuf_is_nio(ZUF_SB(inode->i_sb)) ?
			      zuf_set_size(ns, inode, ia) :
			      set_size_served(ns, inode, ia);
	filemap_invalidate_unlock(inode->i_mapping);
	return err;
}

int zuf_setattr(struct user_namespace *ns, struct dentry *dentry,
		struct iattr *ia)
{
	struct inode *inode = d_inode(dentry);
	int err = setattr_prepare(ns, dentry, ia);

	if (!err && IS_IMMUTABLE(inode)) /* by a file that was open before */
		err = -EPERM;
	if (err)
		return err;
	/* As setattr_copy() would: a group that isn't the caller's loses S_ISGID. */
	if (ia->ia_valid & ATTR_MODE &&
	    !vfsgid_in_group_p(i_gid_into_vfsgid(ns, inode)) &&
	    !capable_wrt_inode_uidgid(ns, inode, CAP_FSETID))
		ia->ia_mode &= ~S_ISGID;
	err = zuf_acl_chmod(inode, ia);
	if (err)
		return err;
	if (ia->ia_valid & ATTR_SIZE)
		return set_size(ns, inode, ia);
	return valid_of(ia->ia_valid) ? zuf_send_attr(ns, inode, ia) : 0;
}
