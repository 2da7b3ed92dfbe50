// SPDX-License-Identifier: GPL-2.0
/*
 * ddbg in the control root: the debug switches of the server's plugins, which
 * the server's mount thread reads and sets.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "core.h"

/* One piece of the list; the file's position is the server's. */
static ssize_t ddbg_read(struct file *file, char __user *buf, size_t len,
			 loff_t *pos)
{
	struct zufs_ioc_ddbg *d;
	ssize_t ret;

	if (!len)
		return 0;
	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return -ENOMEM;
	d->pos = *pos;
	d->len = min_t(size_t, len, ZUFS_DDBG_MAX);
	ret = zuf_dispatch_ddbg(zuf_root_of(file), ZUFS_M_DDBG_RD, d);
	if (!ret && d->pos > LLONG_MAX)
		ret = -EIO;
	if (!ret && copy_to_user(buf, d->text, d->len))
		ret = -EFAULT;
	if (!ret) {
		*pos = d->pos;
		ret = d->len;
	}
	kfree(d);
	return ret;
}

/* All queries of one write(2). */
static ssize_t ddbg_write(struct file *file, const char __user *buf, size_t len,
			  loff_t *pos)
{
	struct zufs_ioc_ddbg *d;
	ssize_t ret = 0;

	if (len > ZUFS_DDBG_MAX)
		return -E2BIG;
	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return -ENOMEM;
	d->len = len;
	if (copy_from_user(d->text, buf, len))
		ret = -EFAULT;
	if (!ret)
		ret = zuf_dispatch_ddbg(zuf_root_of(file), ZUFS_M_DDBG_WR, d);
	kfree(d);
	return ret ? ret : len;
}

const struct file_operations zuf_ddbg_fops = {
	.owner = THIS_MODULE,
	.read = ddbg_read,
	.write = ddbg_write,
	.llseek = default_llseek,
};
