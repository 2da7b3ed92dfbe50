// SPDX-License-Identifier: GPL-2.0
/*
 * Symlinks. Texts under 32 bytes came with the inode; longer ones are asked for
 * once.
 */
#include <linux/slab.h>

#include "fs.h"

/* The text in @io, as a string of its own. */
static char *take_text(const struct inode *inode,
		       const struct zufs_ioc_get_symlink *io)
{
	if (io->len != i_size_read(inode) || io->len >= ZUFS_SYMLINK_MAX ||
	    strnlen(io->path, io->len) != io->len)
		return ERR_PTR(-EIO);
	return kmemdup_nul(io->path, io->len, GFP_KERNEL) ?: ERR_PTR(-ENOMEM);
}

static char *fetch(struct inode *inode)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	struct zufs_ioc_get_symlink *io;
	struct zuf_req *req;
	char *text;
	int err;

	req = zuf_req_alloc(sbi, ZUFS_OP_GET_SYMLINK, sizeof(*io),
			    offsetof(struct zufs_ioc_get_symlink, len),
			    offsetof(struct zufs_ioc_get_symlink, len));
	if (!req)
		return ERR_PTR(-ENOMEM);
	io = zuf_req_op(req, struct zufs_ioc_get_symlink);
	zuf_fill_op(req, inode);
	req->wait = ZUF_WAIT_KILL_RO;
	err = zuf_dispatch(sbi, req, req->hdr->out_max);
	text = err ? ERR_PTR(err) : take_text(inode, io);
	zuf_req_put(req);
	return text;
}

static const char *zuf_get_link(struct dentry *dentry, struct inode *inode,
				struct delayed_call *done)
{
	char *text = READ_ONCE(inode->i_link);

	if (text)
		return text;
	if (!dentry)
		return ERR_PTR(-ECHILD);
	text = fetch(inode);
	if (IS_ERR(text))
		return text;
	/* Kept until the inode goes; of two that raced one stays. */
	if (cmpxchg(&inode->i_link, NULL, text)) {
		kfree(text);
		text = inode->i_link;
	}
	return text;
}

const struct inode_operations zuf_symlink_iops = {
	.get_link = zuf_get_link,
	.getattr = zuf_getattr,
	.setattr = zuf_setattr,
	.update_time = zuf_update_time,
	.listxattr = zuf_listxattr,
};
