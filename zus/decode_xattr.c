// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Operations of extended attributes.
 */
#include <errno.h>
#include <string.h>

#include "decode.h"

/* The name of an xattr, NUL-terminated within what was sent. */
static int xattr_name(struct call *c)
{
	struct zufs_ioc_xattr *io = (void *)c->op;
	size_t sent = io->op.hdr.in_len - sizeof(*io);

	if (!io->name_len || io->name_len > 256 || io->name_len > sent ||
	    strnlen(io->buf, io->name_len) != io->name_len - 1)
		return -EINVAL;
	return 0;
}

/*
 * GET and LIST: the caller may have more room than the operation. The plugin
 * hears of the operation's, and if that is too little the kernel is asked for more.
 */
static int xattr_answer(struct call *c, struct zus_inode_info *zii,
			int (*fn)(struct zus_inode_info *,
				  struct zufs_ioc_xattr *))
{
	struct zufs_ioc_xattr *io = (void *)c->op;
	uint32_t want = io->user_buf_size;
	uint32_t room = room_behind(&io->op.hdr, sizeof(*io));
	int err;

	if (!fn)
		return -EOPNOTSUPP;
	if (want && !room)
		return -EINVAL;
	if (want > room)
		io->user_buf_size = room;
	err = fn(zii, io);
	if (err == -ERANGE && io->user_buf_size > room &&
	    io->user_buf_size <= want)
		return zus_op_retry(&io->op.hdr, io->user_buf_size);
	if (err || !want)
		return err;
	if (io->user_buf_size > want || io->user_buf_size > room)
		return -EIO;
	c->out_end += io->user_buf_size;
	return 0;
}

int zus_op_xattr_get(struct call *c)
{
	struct zufs_ioc_xattr *io = (void *)c->op;
	struct zus_inode_info *zii;
	int err = zus_find_inode(c, &io->op.ii, &zii);

	if (!err)
		err = xattr_name(c);
	return err ? err : xattr_answer(c, zii, zii->op->getxattr);
}

int zus_op_xattr_set(struct call *c)
{
	struct zufs_ioc_xattr *io = (void *)c->op;
	struct zus_inode_info *zii;
	int err = zus_find_inode(c, &io->op.ii, &zii);

	if (!err)
		err = xattr_name(c);
	if (!err &&
	    io->user_buf_size > io->op.hdr.in_len - sizeof(*io) - io->name_len)
		err = -EINVAL;
	if (err)
		return err;
	if (!zii->op->setxattr)
		return -EOPNOTSUPP;
	err = zii->op->setxattr(zii, io);
	attr_handle(&io->attr, zii);
	return err;
}

int zus_op_xattr_list(struct call *c)
{
	struct zufs_ioc_xattr *io = (void *)c->op;
	struct zus_inode_info *zii;
	int err = zus_find_inode(c, &io->op.ii, &zii);

	return err ? err : xattr_answer(c, zii, zii->op->listxattr);
}
