// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Operations of an inode, but for its data and xattrs; and sync of all.
 */
#include <errno.h>
#include <string.h>

#include "decode.h"

/*
 * The plugin's evict is called once for each reference, with free_inode on the
 * last. An inode that isn't known was known to a server before this one: only
 * freeing it is of use.
 */
static int evict(struct call *c, bool free_inode)
{
	const struct zufs_iref *ref = &c->op->ii;
	bool root = zus_is_root(c->m->sbi, ref);
	struct zus_inode_info *zii;
	unsigned int nr;

	if (free_inode && !root) {
		int err = zus_find_inode(c, ref, &zii);

		if (err)
			return err == -ESTALE ? 0 : err;
		zus_done_inodes(c);
	}
	zii = zus_handle_del(&c->m->handles, ref, &nr);
	if (!zii)
		return 0;
	while (--nr)
		zii->op->evict(zii, false);
	zii->op->evict(zii, free_inode && !root);
	return 0;
}

int zus_op_free(struct call *c)
{
	return evict(c, true);
}

int zus_op_evict(struct call *c)
{
	return evict(c, false);
}

int zus_op_sync(struct call *c)
{
	struct zufs_ioc_sync *io = (void *)c->op;
	struct zus_sb_info *sbi = c->m->sbi;
	struct zus_inode_info *zii;
	int err;

	if (!io->op.ii.ino)
		return sbi->op->sync_fs ? sbi->op->sync_fs(sbi) : 0;
	err = zus_find_inode(c, &io->op.ii, &zii);
	if (err || !zii->op->sync)
		return err;
	return zii->op->sync(zii, io);
}

/* Calls one callback of the inode; @missing is the answer if there is none. */
#define ZII_OP(name, cb, type, missing, ...)                          \
	int zus_op_##name(struct call *c)                             \
	{                                                             \
		type *io = (void *)c->op;                             \
		struct zus_inode_info *zii;                           \
		int err = zus_find_inode(c, &io->op.ii, &zii);        \
                                                                      \
		if (err)                                              \
			return err;                                   \
		err = zii->op->cb ? zii->op->cb(zii, io) : (missing); \
		__VA_ARGS__;                                          \
		return err;                                           \
	}

ZII_OP(setattr, setattr, struct zufs_ioc_attr, -EOPNOTSUPP,
       attr_handle(&io->attr, zii))
ZII_OP(get_symlink, get_symlink, struct zufs_ioc_get_symlink, -EOPNOTSUPP)
ZII_OP(fallocate, fallocate, struct zufs_ioc_IO, -EOPNOTSUPP,
       attr_handle(&io->attr, zii))
ZII_OP(pre_read, pre_read, struct zufs_ioc_IO, 0)
ZII_OP(mmap_close, mmap_close, struct zufs_ioc_IO, 0)
ZII_OP(seek, seek, struct zufs_ioc_seek, -EOPNOTSUPP)

/* The argument is in and out: all the room there is. */
int zus_op_ioctl(struct call *c)
{
	struct zufs_ioc_ioctl *io = (void *)c->op;
	uint32_t in_len = io->op.hdr.in_len;
	struct zus_inode_info *zii;
	int err = zus_find_inode(c, &io->op.ii, &zii);

	if (err)
		return err;
	if (!zii->op->ioctl)
		return -ENOTTY;
	memset((char *)io + in_len, 0, room_behind(&io->op.hdr, in_len));
	c->out_end =
		(uint32_t)sizeof(*io) + room_behind(&io->op.hdr, sizeof(*io));
	return zii->op->ioctl(zii, io);
}
