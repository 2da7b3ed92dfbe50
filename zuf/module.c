// SPDX-License-Identifier: GPL-2.0
/*
 * Module entry and exit.
 */
#include <linux/module.h>

#include "fs.h"

static int __init zuf_init(void)
{
	int err = zuf_evict_init();

	if (err)
		return err;
	err = zuf_inode_init();
	if (err)
		goto out_evict;
	err = zuf_root_init();
	if (!err)
		return 0;
	zuf_inode_exit();
out_evict:
	zuf_evict_exit();
	return err;
}

static void __exit zuf_exit(void)
{
	zuf_root_exit();
	zuf_inode_exit();
	zuf_evict_exit();
}

module_init(zuf_init);
module_exit(zuf_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Zero-copy user-mode filesystems on persistent memory");
MODULE_SOFTDEP("pre: crc32c");
