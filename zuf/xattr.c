// SPDX-License-Identifier: GPL-2.0
/*
 * Extended attributes of user, trusted and security. An inode known to have
 * none is no hand-off.
 */
#include <linux/fs.h>
#include <linux/posix_acl_xattr.h>
#include <linux/slab.h>
#include <linux/xattr.h>

#include "fs.h"

static struct zuf_req *xattr_req(struct inode *inode, u16 op, size_t size,
				 const char *name, size_t in_value,
				 size_t out_start)
{
	size_t name_len = name ? strlen(name) + 1 : 0;
	struct zufs_ioc_xattr *io;
	struct zuf_req *req;

	req = zuf_req_alloc(ZUF_SB(inode->i_sb), op, size,
			    sizeof(*io) + name_len + in_value, out_start);
	if (!req)
		return NULL;
	io = zuf_req_op(req, struct zufs_ioc_xattr);
	zuf_fill_op(req, inode);
	io->name_len = name_len;
	memcpy(io->buf, name, name_len);
	return req;
}

/* ---- get and list ---- */

/* What the caller has room for, of which the request has less. */
static int xattr_overflow(struct zuf_req *req, u32 need)
{
	struct zufs_ioc_xattr *io = zuf_req_op(req, struct zufs_ioc_xattr);
	int err;

	if (need > sizeof(*io) - req->hdr->out_start + io->user_buf_size)
		return -EIO;
	err = zuf_req_grow(req, need);
	return err ? err : -EZUF_RETRY_DONE;
}

/* The value or list of an answer, bounded by what arrived. */
static ssize_t take_value(struct zuf_req *req, void *buf, size_t size)
{
	struct zufs_ioc_xattr *io = zuf_req_op(req, struct zufs_ioc_xattr);
	size_t got = req->hdr->out_start + req->hdr->out_len;

	if (io->user_buf_size > XATTR_SIZE_MAX)
		return -EIO;
	if (!size)
		return io->user_buf_size;
	if (io->user_buf_size > size)
		return -ERANGE;
	if (got < sizeof(*io) || io->user_buf_size > got - sizeof(*io))
		return -EIO;
	memcpy(buf, io->buf, io->user_buf_size);
	return io->user_buf_size;
}

/* GET of @name, or LIST without one. */
static ssize_t ask(struct inode *inode, u16 op, const char *name, int type,
		   u32 ioc_flags, void *buf, size_t size)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	size_t len;
	struct zufs_ioc_xattr *io;
	struct zuf_req *req;
	ssize_t ret;

	size = min_t(size_t, size, XATTR_SIZE_MAX);
	len = max(size, name ? strlen(name) + 1 : 0);
	req = xattr_req(inode, op, zuf_room(sbi, sizeof(*io) + len), name, 0,
			offsetof(struct zufs_ioc_xattr, user_buf_size));
	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_xattr);
	io->type = type;
	io->ioc_flags = ioc_flags;
	io->user_buf_size = size;
	req->wait = ZUF_WAIT_KILL_RO;
	req->oh = xattr_overflow;
	ret = zuf_dispatch(sbi, req, sizeof(*io) - req->hdr->out_start);
	if (!ret)
		ret = take_value(req, buf, size);
	zuf_req_put(req);
	return ret;
}

ssize_t zuf_xattr_get(struct inode *inode, int type, const char *name,
		      void *value, size_t size)
{
	if (ZUF_I(inode)->attr_flags & ZUFS_ATTR_NO_XATTR)
		return -ENODATA;
	return ask(inode, ZUFS_OP_XATTR_GET, name, type, 0, value, size);
}

ssize_t zuf_listxattr(struct dentry *dentry, char *list, size_t size)
{
	struct inode *inode = d_inode(dentry);
	ssize_t ret;

	if (ZUF_I(inode)->attr_flags & ZUFS_ATTR_NO_XATTR)
		return 0;
	ret = ask(inode, ZUFS_OP_XATTR_LIST, NULL, 0,
		  capable(CAP_SYS_ADMIN) ? ZUFS_XATTR_TRUSTED_LIST : 0, list,
		  size);
	/* Others in the kernel take the names for strings. */
	return ret > 0 && size && list[ret - 1] ? -EIO : ret;
}

/* ---- set ---- */

int zuf_xattr_set(struct inode *inode, const struct zuf_xattr *x)
{
	struct zufs_ioc_xattr *io;
	struct zuf_req *req;
	int err;

	if (x->size > XATTR_SIZE_MAX)
		return -E2BIG;
	req = xattr_req(inode, ZUFS_OP_XATTR_SET,
			sizeof(*io) + strlen(x->name) + 1 + x->size, x->name,
			x->size, offsetof(struct zufs_ioc_xattr, attr));
	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_xattr);
	io->op.hdr.out_max = sizeof(*io) - io->op.hdr.out_start;
	req->wait = ZUF_WAIT_KILL;
	io->type = x->type;
	io->flags = x->flags;
	io->user_buf_size = x->size;
	io->ioc_flags = x->ioc_flags;
	io->mode = x->mode;
	if (x->value && !x->size)
		io->ioc_flags |= ZUFS_XATTR_SET_EMPTY;
	if (x->size)
		memcpy(io->buf + io->name_len, x->value, x->size);
	err = zuf_dispatch_space(ZUF_SB(inode->i_sb), req, req->hdr->out_max);
	if (!err && !zuf_check_attr(inode->i_sb, &io->attr)) {
		inode->i_flags &= ~S_NOSEC;
		zuf_update_attr(inode, &io->attr, false);
	}
	zuf_req_put(req);
	return err;
}

static int xattr_get(const struct xattr_handler *handler, struct dentry *unused,
		     struct inode *inode, const char *name, void *value,
		     size_t size)
{
	return zuf_xattr_get(inode, handler->flags, name, value, size);
}

static int xattr_set(const struct xattr_handler *handler,
		     struct user_namespace *ns, struct dentry *unused,
		     struct inode *inode, const char *name, const void *value,
		     size_t size, int flags)
{
	return zuf_xattr_set(inode, &(struct zuf_xattr){
					    .type = handler->flags,
					    .name = name,
					    .value = value,
					    .size = size,
					    .flags = flags,
				    });
}

static const struct xattr_handler user_handler = {
	.prefix = XATTR_USER_PREFIX,
	.flags = ZUFS_XATTR_USER,
	.get = xattr_get,
	.set = xattr_set,
};

static const struct xattr_handler trusted_handler = {
	.prefix = XATTR_TRUSTED_PREFIX,
	.flags = ZUFS_XATTR_TRUSTED,
	.get = xattr_get,
	.set = xattr_set,
};

static const struct xattr_handler security_handler = {
	.prefix = XATTR_SECURITY_PREFIX,
	.flags = ZUFS_XATTR_SECURITY,
	.get = xattr_get,
	.set = xattr_set,
};

const struct xattr_handler *zuf_xattr_handlers[] = {
	&user_handler,
	&trusted_handler,
	&security_handler,
	&posix_acl_access_xattr_handler,
	&posix_acl_default_xattr_handler,
	NULL,
};
