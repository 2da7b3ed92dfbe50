// SPDX-License-Identifier: GPL-2.0
/*
 * Flags of chattr(1), project ids, and version numbers.
 */
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/uaccess.h>

#include <linux/fileattr.h> /* wants the first of those */

#include "fs.h"

#define INHERITED (ZUFS_S_SYNC | ZUFS_S_NODUMP | ZUFS_S_NOATIME)

static u32 fl_of(u16 flags)
{
	u32 fl = flags & ZUFS_S_ALL & ~ZUFS_S_PROJINHERIT;

	return flags & ZUFS_S_PROJINHERIT ? fl | FS_PROJINHERIT_FL : fl;
}

static u16 flags_of(u32 fl)
{
	u16 flags = fl & ZUFS_S_ALL & ~ZUFS_S_PROJINHERIT;

	return fl & FS_PROJINHERIT_FL ? flags | ZUFS_S_PROJINHERIT : flags;
}

int zuf_fileattr_get(struct dentry *dentry, struct fileattr *fa)
{
	const struct zuf_inode_info *ii = ZUF_I(d_inode(dentry));

	fileattr_fill_flags(fa, fl_of(ii->flags));
	fa->fsx_projid = ii->projid;
	return 0;
}

/* i_rwsem exclusive; the VFS has checked who may. */
int zuf_fileattr_set(struct user_namespace *ns, struct dentry *dentry,
		     struct fileattr *fa)
{
	struct inode *inode = d_inode(dentry);
	struct zuf_inode_info *ii = ZUF_I(inode);
	struct zuf_set set = {
		.valid = ZUFS_STATX_FLAGS,
		.flags = flags_of(fa->flags),
		.projid = ii->projid,
	};

	if (fa->flags & ~fl_of(ZUFS_S_ALL) ||
	    (fa->fsx_valid && fa->fsx_xflags & ~FS_XFLAG_COMMON) ||
	    fa->fsx_extsize || fa->fsx_cowextsize)
		return -EOPNOTSUPP;
	if (set.flags & ZUFS_S_PROJINHERIT && !S_ISDIR(inode->i_mode))
		return -EINVAL;
	if (fa->fsx_valid && fa->fsx_projid != ii->projid) {
		set.valid |= ZUFS_STATX_PROJID;
		set.projid = fa->fsx_projid;
	}
	return zuf_send_set(inode, &set);
}

void zuf_flags_inherit(const struct inode *dir, umode_t mode,
		       struct zufs_ioc_new_inode *io)
{
	const struct zuf_inode_info *ii = ZUF_I(dir);
	u16 mask = S_ISDIR(mode) ? INHERITED | ZUFS_S_PROJINHERIT :
		   S_ISREG(mode) ? INHERITED :
				   INHERITED & ~ZUFS_S_SYNC;

	io->zi.i_flags = cpu_to_le16(ii->flags & mask);
	if (ii->flags & ZUFS_S_PROJINHERIT)
		io->projid = ii->projid;
}

bool zuf_other_project(const struct inode *dir, const struct inode *inode)
{
	return ZUF_I(dir)->flags & ZUFS_S_PROJINHERIT &&
	       ZUF_I(dir)->projid != ZUF_I(inode)->projid;
}

/* ---- version numbers: the application's, of no use to anything here ---- */

int zuf_getversion(struct inode *inode, int __user *arg)
{
	u32 version = READ_ONCE(ZUF_I(inode)->version);

	return put_user(version ? version : inode->i_generation, arg);
}

int zuf_setversion(struct file *file, int __user *arg)
{
	struct inode *inode = file_inode(file);
	struct zuf_set set = { .valid = ZUFS_STATX_VERSION };
	int err;

	if (!inode_owner_or_capable(file_mnt_user_ns(file), inode))
		return -EPERM;
	if (get_user(set.version, arg))
		return -EFAULT;
	err = mnt_want_write_file(file);
	if (err)
		return err;
	inode_lock(inode);
	err = IS_IMMUTABLE(inode) ? -EPERM : zuf_send_set(inode, &set);
	inode_unlock(inode);
	mnt_drop_write_file(file);
	return err;
}
