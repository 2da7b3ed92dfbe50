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

static struct zuf_req *xattr_req(struct inode *inode, u16 op, const char *name,
				 size_t in_value, size_t out_value, int type)
{
	size_t name_len = name ? strlen(name) + 1 : 0;
	size_t in = sizeof(struct zufs_ioc_xattr) + name_len + in_value;
	size_t out_start =
		op == ZUFS_OP_XATTR_SET ?
			offsetof(struct zufs_ioc_xattr, attr) :
			offsetof(struct zufs_ioc_xattr, user_buf_size);
	size_t size = max(in, sizeof(struct zufs_ioc_xattr) + out_value);
	struct zufs_ioc_xattr *io;
	struct zuf_req *req;

	req = zuf_req_alloc(ZUF_SB(inode->i_sb), op, size, in, out_start);
	if (!req)
		return NULL;
	io = zuf_req_op(req, struct zufs_ioc_xattr);
	zuf_fill_op(req, inode);
	io->type = type;
	io->name_len = name_len;
	memcpy(io->buf, name, name_len);
	io->op.hdr.out_max = (op == ZUFS_OP_XATTR_SET ?
				      sizeof(*io) :
				      sizeof(*io) + out_value) -
			     out_start;
	req->wait = op == ZUFS_OP_XATTR_SET ? ZUF_WAIT_KILL : ZUF_WAIT_KILL_RO;
	return req;
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

/* Room for the answer in an operation buffer of the server. */
static size_t room_for(size_t size)
{
	return min_t(size_t, size, 32768);
}

ssize_t zuf_xattr_get(struct inode *inode, int type, const char *name,
		      void *value, size_t size)
{
	struct zufs_ioc_xattr *io;
	struct zuf_req *req;
	ssize_t ret;

	if (ZUF_I(inode)->attr_flags & ZUFS_ATTR_NO_XATTR)
		return -ENODATA;
	req = xattr_req(inode, ZUFS_OP_XATTR_GET, name, 0, room_for(size),
			type);
	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_xattr);
	io->user_buf_size = room_for(size);
	ret = zuf_dispatch(ZUF_SB(inode->i_sb), req,
			   sizeof(*io) - req->hdr->out_start);
	if (!ret)
		ret = take_value(req, value, size);
	zuf_req_put(req);
	return ret;
}

int zuf_xattr_set(struct inode *inode, const struct zuf_xattr *x)
{
	struct zufs_ioc_xattr *io;
	struct zuf_req *req;
	int err;

	if (x->size > room_for(x->size))
		return -E2BIG;
	req = xattr_req(inode, ZUFS_OP_XATTR_SET, x->name, x->size, 0, x->type);
	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_xattr);
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

ssize_t zuf_listxattr(struct dentry *dentry, char *list, size_t size)
{
	struct inode *inode = d_inode(dentry);
	struct zufs_ioc_xattr *io;
	struct zuf_req *req;
	ssize_t ret;

	if (ZUF_I(inode)->attr_flags & ZUFS_ATTR_NO_XATTR)
		return 0;
	req = xattr_req(inode, ZUFS_OP_XATTR_LIST, NULL, 0, room_for(size), 0);
	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_xattr);
	io->user_buf_size = room_for(size);
	io->ioc_flags = capable(CAP_SYS_ADMIN) ? ZUFS_XATTR_TRUSTED_LIST : 0;
	ret = zuf_dispatch(ZUF_SB(inode->i_sb), req,
			   sizeof(*io) - req->hdr->out_start);
	if (!ret)
		ret = take_value(req, list, size);
	zuf_req_put(req);
	return ret;
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
