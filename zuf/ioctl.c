// SPDX-License-Identifier: GPL-2.0
/*
 * ioctls that the VFS doesn't know: version numbers, and the server's own.
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "fs.h"

/* The argument of one call: bytes that go in and out. */
struct ioctl_arg {
	void __user *user;
	u32 size;
	bool in, out;
};

static struct zuf_req *ioctl_req(struct inode *inode, unsigned int cmd,
				 u32 kflags, const struct ioctl_arg *a)
{
	size_t size = sizeof(struct zufs_ioc_ioctl) + a->size;
	struct zufs_ioc_ioctl *io;
	struct zuf_req *req;

	req = zuf_req_alloc(ZUF_SB(inode->i_sb), ZUFS_OP_IOCTL, size, size,
			    offsetof(struct zufs_ioc_ioctl, arg));
	if (!req)
		return ERR_PTR(-ENOMEM);
	io = zuf_req_op(req, struct zufs_ioc_ioctl);
	zuf_fill_op(req, inode);
	req->wait = ZUF_WAIT_KILL;
	io->cmd = cmd;
	io->kflags = kflags;
	if (!a->in || !copy_from_user(io->arg, a->user, a->size))
		return req;
	zuf_req_put(req);
	return ERR_PTR(-EFAULT);
}

static int call_server(struct inode *inode, unsigned int cmd, u32 kflags,
		       const struct ioctl_arg *a)
{
	struct zuf_req *req = ioctl_req(inode, cmd, kflags, a);
	struct zufs_ioc_ioctl *io;
	int err;

	if (IS_ERR(req))
		return PTR_ERR(req);
	err = zuf_dispatch(ZUF_SB(inode->i_sb), req, 0);
	io = zuf_req_op(req, struct zufs_ioc_ioctl);
	if (!err && a->out && copy_to_user(a->user, io->arg, a->size))
		err = -EFAULT;
	zuf_req_put(req);
	return err;
}

static long server_ioctl(struct file *file, unsigned int cmd, void __user *arg)
{
	struct inode *inode = file_inode(file);
	const struct ioctl_arg a = { arg, _IOC_SIZE(cmd),
				     _IOC_DIR(cmd) & _IOC_WRITE,
				     _IOC_DIR(cmd) & _IOC_READ };
	bool rw = !mnt_want_write_file(file);
	u32 kflags = 0;
	int err;

	if (rw)
		kflags |= ZUFS_IOCTL_RW;
	if (capable(CAP_SYS_ADMIN))
		kflags |= ZUFS_IOCTL_ADMIN;
	if (inode_owner_or_capable(file_mnt_user_ns(file), inode))
		kflags |= ZUFS_IOCTL_OWNER;
	err = call_server(inode, cmd, kflags, &a);
	if (rw)
		mnt_drop_write_file(file);
	return err;
}

long zuf_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case FS_IOC_GETVERSION:
		return zuf_getversion(file_inode(file), user);
	case FS_IOC_SETVERSION:
		return zuf_setversion(file, user);
	}
	/* isatty(3) asks so of each file. */
	if (_IOC_TYPE(cmd) == 'T')
		return -ENOTTY;
	return server_ioctl(file, cmd, user);
}

#ifdef CONFIG_COMPAT
long zuf_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	if (cmd == FS_IOC32_GETVERSION)
		cmd = FS_IOC_GETVERSION;
	else if (cmd == FS_IOC32_SETVERSION)
		cmd = FS_IOC_SETVERSION;
	return zuf_ioctl(file, cmd, (unsigned long)compat_ptr(arg));
}
#endif
