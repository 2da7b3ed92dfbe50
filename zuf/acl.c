// SPDX-License-Identifier: GPL-2.0
/*
 * POSIX ACLs: xattrs of type SYSTEM for the server, and cached here, so that a
 * permission check is no hand-off. The VFS applies no umask to a filesystem
 * with ACLs: zuf_acl_inherit() does.
 */
#include <linux/fs.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/slab.h>
#include <linux/xattr.h>

#include "fs.h"

#define USUAL_SIZE posix_acl_xattr_size(32) /* bytes; most ACLs are smaller */

static const char *acl_name(int type)
{
	return type == ACL_TYPE_ACCESS ? ZUFS_ACL_ACCESS : ZUFS_ACL_DEFAULT;
}

/* NULL: there is none. The server may have answered anything. */
static struct posix_acl *decode(const void *value, ssize_t size)
{
	struct posix_acl *acl;
	int err;

	if (size == -ENODATA || size == -EOPNOTSUPP)
		return NULL;
	if (size < 0)
		return ERR_PTR(size);
	acl = posix_acl_from_xattr(&init_user_ns, value, size);
	if (IS_ERR_OR_NULL(acl))
		return acl ? ERR_PTR(-EIO) : NULL;
	err = posix_acl_valid(&init_user_ns, acl);
	if (!err)
		return acl;
	posix_acl_release(acl);
	return ERR_PTR(-EIO);
}

/* The VFS caches the answer, and asks under RCU only what is cached. */
struct posix_acl *zuf_get_acl(struct inode *inode, int type, bool rcu)
{
	size_t room = USUAL_SIZE;
	struct posix_acl *acl;
	ssize_t size;
	void *value;

	if (rcu)
		return ERR_PTR(-ECHILD);
	value = kvmalloc(room, GFP_KERNEL);
	if (!value)
		return ERR_PTR(-ENOMEM);
	size = zuf_xattr_get(inode, ZUFS_XATTR_SYSTEM, acl_name(type), value,
			     room);
	if (size == -ERANGE) {
		kvfree(value);
		room = XATTR_SIZE_MAX;
		value = kvmalloc(room, GFP_KERNEL);
		if (!value)
			return ERR_PTR(-ENOMEM);
		size = zuf_xattr_get(inode, ZUFS_XATTR_SYSTEM, acl_name(type),
				     value, room);
	}
	acl = decode(value, size);
	kvfree(value);
	return acl;
}

/* ACL and mode in one transaction; i_rwsem exclusive. @acl NULL: none. */
static int send(struct inode *inode, struct posix_acl *acl, int type,
		umode_t mode)
{
	struct zuf_xattr x = {
		.type = ZUFS_XATTR_SYSTEM,
		.name = acl_name(type),
		.ioc_flags = type == ACL_TYPE_ACCESS ? ZUFS_XATTR_SET_MODE : 0,
		.mode = mode & S_IALLUGO,
	};
	void *value = NULL;
	int err;

	if (acl) {
		x.size = posix_acl_xattr_size(acl->a_count);
		value = kvmalloc(x.size, GFP_KERNEL);
		if (!value)
			return -ENOMEM;
		x.value = value;
		posix_acl_to_xattr(&init_user_ns, acl, value, x.size);
	}
	err = zuf_xattr_set(inode, &x);
	kvfree(value);
	if (!err)
		set_cached_acl(inode, type, acl);
	return err;
}

int zuf_set_acl(struct user_namespace *ns, struct inode *inode,
		struct posix_acl *acl, int type)
{
	umode_t mode = inode->i_mode;
	int err = 0;

	if (type == ACL_TYPE_DEFAULT && !S_ISDIR(mode))
		return acl ? -EACCES : 0;
	/* An ACL that says no more than the mode becomes none. */
	if (type == ACL_TYPE_ACCESS && acl)
		err = posix_acl_update_mode(ns, inode, &mode, &acl);
	return err ? err : send(inode, acl, type, mode);
}

/*
 * chmod of an inode with an ACL changes both, at once: then MODE is taken out of
 * @ia. i_rwsem exclusive.
 */
int zuf_acl_chmod(struct inode *inode, struct iattr *ia)
{
	struct posix_acl *acl;
	int err;

	if (!(ia->ia_valid & ATTR_MODE) || !IS_POSIXACL(inode) ||
	    S_ISLNK(inode->i_mode) ||
	    !((ia->ia_mode ^ inode->i_mode) & S_IRWXUGO))
		return 0;
	acl = get_acl(inode, ACL_TYPE_ACCESS);
	if (IS_ERR_OR_NULL(acl))
		return PTR_ERR_OR_ZERO(acl);
	err = __posix_acl_chmod(&acl, GFP_KERNEL, ia->ia_mode);
	if (err)
		return err;
	err = send(inode, acl, ACL_TYPE_ACCESS, ia->ia_mode);
	posix_acl_release(acl);
	if (!err)
		ia->ia_valid &= ~ATTR_MODE;
	return err;
}

/* ---- new inodes ---- */

int zuf_acl_inherit(struct inode *dir, umode_t *mode, struct zuf_acls *acls)
{
	int err = posix_acl_create(dir, mode, &acls->def, &acls->access);

	if (err)
		return err;
	if (acls->access)
		acls->access_size = posix_acl_xattr_size(acls->access->a_count);
	if (acls->def)
		acls->def_size = posix_acl_xattr_size(acls->def->a_count);
	return 0;
}

void zuf_acl_put(const struct zuf_acls *acls, struct zufs_ioc_new_inode *io,
		 void *to)
{
	io->acl_len = acls->access_size;
	io->def_len = acls->def_size;
	if (acls->access)
		posix_acl_to_xattr(&init_user_ns, acls->access, to,
				   acls->access_size);
	if (acls->def)
		posix_acl_to_xattr(&init_user_ns, acls->def,
				   to + acls->access_size, acls->def_size);
}

void zuf_acl_release(struct zuf_acls *acls)
{
	posix_acl_release(acls->access);
	posix_acl_release(acls->def);
}
