// SPDX-License-Identifier: GPL-2.0
/*
 * Names: lookup, and what makes, moves and removes them.
 */
#include <linux/namei.h>
#include <linux/xattr.h>

#include "fs.h"

static int put_name(struct zufs_str *str, const struct qstr *name)
{
	if (name->len > ZUFS_NAME_LEN)
		return -ENAMETOOLONG;
	str->len = name->len;
	memcpy(str->name, name->name, name->len);
	return 0;
}

static struct zuf_req *op_new(struct inode *dir, u16 op, size_t size,
			      size_t out_start, enum zuf_wait wait)
{
	struct zuf_req *req = zuf_req_alloc(ZUF_SB(dir->i_sb), op, size,
					    out_start, out_start);

	if (!req)
		return NULL;
	zuf_fill_op(req, dir);
	req->wait = wait;
	return req;
}

static int op_run(struct inode *dir, struct zuf_req *req)
{
	return zuf_dispatch(ZUF_SB(dir->i_sb), req, req->hdr->out_max);
}

/* What is done is done, though the answer says nonsense of @inode; NULL: there is none. */
static void update_if(struct inode *inode, const struct zufs_attr *attr)
{
	if (inode && !zuf_check_attr(inode->i_sb, attr))
		zuf_update_attr(inode, attr, S_ISDIR(inode->i_mode));
}

/* NULL: it was evicted meanwhile; ask again. */
static struct inode *find_once(struct inode *dir, const struct qstr *name,
			       const struct zufs_iref *ref)
{
	u64 since = zuf_evict_last(ZUF_SB(dir->i_sb));
	struct zufs_ioc_lookup *io;
	struct zuf_req *req;
	struct inode *inode;
	int err = 0;

	req = op_new(dir, name ? ZUFS_OP_LOOKUP : ZUFS_OP_IGET, sizeof(*io),
		     offsetof(struct zufs_ioc_lookup, attr), ZUF_WAIT_KILL_RO);
	if (!req)
		return ERR_PTR(-ENOMEM);
	io = zuf_req_op(req, struct zufs_ioc_lookup);
	if (name)
		err = put_name(&io->str, name);
	else
		io->op.ii = *ref;
	if (!err)
		err = op_run(dir, req);
	inode = err ? ERR_PTR(err) : zuf_iget(dir->i_sb, &io->attr, since);
	zuf_req_put(req);
	return inode;
}

struct inode *zuf_find(struct inode *dir, const struct qstr *name,
		       const struct zufs_iref *ref)
{
	struct inode *inode;

	do {
		inode = find_once(dir, name, ref);
	} while (!inode);
	return inode;
}

static struct dentry *zuf_lookup(struct inode *dir, struct dentry *dentry,
				 unsigned int flags)
{
	struct inode *inode;

	if (dentry->d_name.len > ZUFS_NAME_LEN)
		return ERR_PTR(-ENAMETOOLONG);
	inode = zuf_find(dir, &dentry->d_name, NULL);
	if (inode == ERR_PTR(-ENOENT))
		inode = NULL;
	return d_splice_alias(inode, dentry);
}

/* ---- new inodes ---- */

struct new_args {
	umode_t mode;
	dev_t rdev;
	const char *link; /* text of a symlink */
	bool tmpfile;
};

/* Owner and mode as inode_init_owner() would set them on a new inode. */
static void fill_owner(struct user_namespace *ns, struct inode *dir,
		       umode_t mode, dev_t rdev, struct zus_inode *zi, s64 now)
{
	kgid_t gid = mapped_fsgid(ns, i_user_ns(dir));

	if (dir->i_mode & S_ISGID) {
		gid = dir->i_gid;
		if (S_ISDIR(mode))
			mode |= S_ISGID;
	}
	zi->i_mode = cpu_to_le16(mode);
	zi->i_uid = cpu_to_le32(
		from_kuid(&init_user_ns, mapped_fsuid(ns, i_user_ns(dir))));
	zi->i_gid = cpu_to_le32(from_kgid(&init_user_ns, gid));
	zi->i_atime = cpu_to_le64(now);
	zi->i_mtime = cpu_to_le64(now);
	zi->i_ctime = cpu_to_le64(now);
	if (rdev)
		zi->i_rdev = cpu_to_le32(new_encode_dev(rdev));
}

/* The operation but for owner and mode. @symlen: of the text. */
static struct zuf_req *new_inode_req(struct inode *dir, const struct qstr *name,
				     const struct new_args *a, size_t symlen,
				     const struct zuf_acls *acls)
{
	size_t size = sizeof(struct zufs_ioc_new_inode) + symlen +
		      acls->access_size + acls->def_size;
	struct zufs_ioc_new_inode *io;
	struct zuf_req *req;
	int err = 0;

	req = zuf_req_alloc(ZUF_SB(dir->i_sb), ZUFS_OP_NEW_INODE, size, size,
			    offsetof(struct zufs_ioc_new_inode, attr));
	if (!req)
		return ERR_PTR(-ENOMEM);
	io = zuf_req_op(req, struct zufs_ioc_new_inode);
	io->op.hdr.out_max = sizeof(*io) - io->op.hdr.out_start;
	zuf_fill_op(req, dir);
	req->wait = ZUF_WAIT_KILL;
	io->flags = a->tmpfile ? ZI_TMPFILE : 0;
	io->symlen = symlen;
	if (symlen)
		memcpy(io->data, a->link, symlen);
	zuf_acl_put(acls, io, io->data + symlen);
	if (!a->tmpfile)
		err = put_name(&io->str, name);
	if (!err)
		return req;
	zuf_req_put(req);
	return ERR_PTR(err);
}

static struct inode *new_inode_acls(struct user_namespace *ns,
				    struct inode *dir, const struct qstr *name,
				    const struct new_args *a, umode_t mode,
				    const struct zuf_acls *acls)
{
	size_t symlen = a->link ? strlen(a->link) : 0;
	struct zufs_ioc_new_inode *io;
	struct zuf_req *req;
	struct inode *inode;
	int err;

	if (symlen >= ZUFS_SYMLINK_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	req = new_inode_req(dir, name, a, symlen, acls);
	if (IS_ERR(req))
		return ERR_CAST(req);
	io = zuf_req_op(req, struct zufs_ioc_new_inode);
	fill_owner(ns, dir, mode, a->rdev, &io->zi, io->op.time);
	zuf_flags_inherit(dir, mode, io);
	err = zuf_dispatch_space(ZUF_SB(dir->i_sb), req, io->op.hdr.out_max);
	inode = err ? ERR_PTR(err) : zuf_iget_new(dir->i_sb, &io->attr, mode);
	if (!err && !a->tmpfile)
		update_if(dir, &io->dir);
	zuf_req_put(req);
	return inode;
}

static struct inode *new_inode_op(struct user_namespace *ns, struct inode *dir,
				  const struct qstr *name,
				  const struct new_args *a)
{
	struct zuf_acls acls = { NULL };
	umode_t mode = a->mode;
	struct inode *inode;
	int err = zuf_acl_inherit(dir, &mode, &acls);

	if (err)
		return ERR_PTR(err);
	inode = new_inode_acls(ns, dir, name, a, mode, &acls);
	zuf_acl_release(&acls);
	return inode;
}

static int new_entry(struct user_namespace *ns, struct inode *dir,
		     struct dentry *dentry, const struct new_args *a)
{
	struct inode *inode = new_inode_op(ns, dir, &dentry->d_name, a);

	/* The server may have the name all the same: it is asked again. */
	if (IS_ERR(inode)) {
		d_drop(dentry);
		return PTR_ERR(inode);
	}
	d_instantiate(dentry, inode);
	return 0;
}

static int zuf_create(struct user_namespace *ns, struct inode *dir,
		      struct dentry *dentry, umode_t mode, bool excl)
{
	return new_entry(ns, dir, dentry,
			 &(struct new_args){ .mode = mode | S_IFREG });
}

static int zuf_mkdir(struct user_namespace *ns, struct inode *dir,
		     struct dentry *dentry, umode_t mode)
{
	return new_entry(ns, dir, dentry,
			 &(struct new_args){ .mode = mode | S_IFDIR });
}

static int zuf_mknod(struct user_namespace *ns, struct inode *dir,
		     struct dentry *dentry, umode_t mode, dev_t rdev)
{
	return new_entry(ns, dir, dentry,
			 &(struct new_args){ .mode = mode, .rdev = rdev });
}

static int zuf_symlink(struct user_namespace *ns, struct inode *dir,
		       struct dentry *dentry, const char *link)
{
	return new_entry(ns, dir, dentry,
			 &(struct new_args){ .mode = S_IFLNK | 0777,
					     .link = link });
}

static int zuf_tmpfile(struct user_namespace *ns, struct inode *dir,
		       struct file *file, umode_t mode)
{
	struct inode *inode = new_inode_op(
		ns, dir, NULL,
		&(struct new_args){ .mode = mode | S_IFREG, .tmpfile = true });

	if (IS_ERR(inode))
		return finish_open_simple(file, PTR_ERR(inode));
	/* d_tmpfile() takes one off; the server's count is 0 already. */
	set_nlink(inode, 1);
	d_tmpfile(file, inode);
	return finish_open_simple(file, 0);
}

/* ---- link, unlink, rename ---- */

static int dentry_op(struct inode *dir, struct dentry *dentry,
		     struct inode *inode, u16 op)
{
	struct zufs_ioc_dentry *io;
	struct zuf_req *req;
	int err;

	req = op_new(dir, op, sizeof(*io),
		     offsetof(struct zufs_ioc_dentry, attr), ZUF_WAIT_KILL);
	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_dentry);
	io->child = ZUF_I(inode)->iref;
	err = put_name(&io->str, &dentry->d_name);
	if (!err)
		err = zuf_dispatch_space(ZUF_SB(dir->i_sb), req,
					 req->hdr->out_max);
	if (!err) {
		update_if(dir, &io->dir);
		update_if(inode, &io->attr);
	}
	zuf_req_put(req);
	return err;
}

static int zuf_link(struct dentry *old, struct inode *dir,
		    struct dentry *dentry)
{
	struct inode *inode = d_inode(old);
	int err;

	if (zuf_other_project(dir, inode))
		return -EXDEV;
	err = dentry_op(dir, dentry, inode, ZUFS_OP_ADD_DENTRY);
	if (err)
		return err;
	ihold(inode);
	d_instantiate(dentry, inode);
	return 0;
}

static int zuf_unlink(struct inode *dir, struct dentry *dentry)
{
	return dentry_op(dir, dentry, d_inode(dentry), ZUFS_OP_REMOVE_DENTRY);
}

/*
 * A directory that moves isn't locked: other operations in it may be answered
 * before or after this one, and know better than this answer.
 */
static void update_moved(struct inode *inode, const struct zufs_attr *attr,
			 bool locked)
{
	if (inode && S_ISDIR(inode->i_mode) && !locked)
		inode->i_ctime =
			ns_to_timespec64((s64)le64_to_cpu(attr->zi.i_ctime));
	else
		update_if(inode, attr);
}

static int zuf_rename(struct user_namespace *ns, struct inode *old_dir,
		      struct dentry *old, struct inode *new_dir,
		      struct dentry *new, unsigned int flags)
{
	struct inode *inode = d_inode(old), *target = d_inode(new);
	struct zufs_ioc_rename *io;
	struct zuf_req *req;
	int err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if (zuf_other_project(new_dir, inode) ||
	    (flags & RENAME_EXCHANGE && zuf_other_project(old_dir, target)))
		return -EXDEV;
	req = op_new(old_dir, ZUFS_OP_RENAME, sizeof(*io),
		     offsetof(struct zufs_ioc_rename, old_dir_attr),
		     ZUF_WAIT_KILL);
	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_rename);
	io->new_dir = ZUF_I(new_dir)->iref;
	io->old = ZUF_I(inode)->iref;
	if (target)
		io->new_ = ZUF_I(target)->iref;
	io->flags = flags;
	err = put_name(&io->old_str, &old->d_name);
	if (!err)
		err = put_name(&io->new_str, &new->d_name);
	if (!err)
		err = zuf_dispatch_space(ZUF_SB(old_dir->i_sb), req,
					 req->hdr->out_max);
	if (err)
		goto out;
	update_if(old_dir, &io->old_dir_attr);
	update_if(new_dir, &io->new_dir_attr);
	update_moved(inode, &io->old_attr, false);
	update_moved(target, &io->new_attr, !(flags & RENAME_EXCHANGE));
out:
	zuf_req_put(req);
	return err;
}

const struct inode_operations zuf_dir_iops = {
	.lookup = zuf_lookup,
	.create = zuf_create,
	.link = zuf_link,
	.unlink = zuf_unlink,
	.symlink = zuf_symlink,
	.mkdir = zuf_mkdir,
	.rmdir = zuf_unlink,
	.mknod = zuf_mknod,
	.rename = zuf_rename,
	.tmpfile = zuf_tmpfile,
	.getattr = zuf_getattr,
	.setattr = zuf_setattr,
	.update_time = zuf_update_time,
	.listxattr = zuf_listxattr,
	.get_acl = zuf_get_acl,
	.set_acl = zuf_set_acl,
	.fileattr_get = zuf_fileattr_get,
	.fileattr_set = zuf_fileattr_set,
};

const struct inode_operations zuf_special_iops = {
	.getattr = zuf_getattr,
	.setattr = zuf_setattr,
	.update_time = zuf_update_time,
	.listxattr = zuf_listxattr,
	.get_acl = zuf_get_acl,
	.set_acl = zuf_set_acl,
};
