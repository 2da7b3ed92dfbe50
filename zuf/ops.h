/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The operations that zuf sends, for whoever shows them by name.
 */
#ifndef _ZUF_OPS_H
#define _ZUF_OPS_H

#include "zus_api.h"

/* X() takes what comes after ZUFS_OP_. */
#define ZUF_OPS(X)       \
	X(STATFS)        \
	X(SHOW_OPTIONS)  \
	X(NEW_INODE)     \
	X(FREE_INODE)    \
	X(EVICT_INODE)   \
	X(LOOKUP)        \
	X(ADD_DENTRY)    \
	X(REMOVE_DENTRY) \
	X(RENAME)        \
	X(READDIR)       \
	X(CLONE)         \
	X(COPY)          \
	X(READ)          \
	X(PRE_READ)      \
	X(WRITE)         \
	X(MMAP_CLOSE)    \
	X(GET_SYMLINK)   \
	X(SETATTR)       \
	X(SYNC)          \
	X(FALLOCATE)     \
	X(LLSEEK)        \
	X(IOCTL)         \
	X(XATTR_GET)     \
	X(XATTR_SET)     \
	X(XATTR_LIST)    \
	X(FIEMAP)        \
	X(GET_MULTY)     \
	X(COMMIT_WRITE)  \
	X(GRANT)         \
	X(GRANT_PUT)     \
	X(IGET)

/* Those of the mount thread, after ZUFS_M_. */
#define ZUF_MOUNT_OPS(X) \
	X(MOUNT)         \
	X(UMOUNT)        \
	X(REMOUNT)       \
	X(DDBG_RD)       \
	X(DDBG_WR)

#endif /* _ZUF_OPS_H */
