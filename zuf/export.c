// SPDX-License-Identifier: GPL-2.0
/*
 * File handles: inodes by number and generation, for name_to_handle_at(2) and
 * NFS. Both are 64 bits wide here, wider than the kernel's usual handle.
 */
#include <linux/exportfs.h>

#include "fs.h"

/* Not among the kernel's own numbers (enum fid_type). */
enum {
	FID_INODE = 0x91,
	FID_WITH_PARENT = 0x92,
};

struct zuf_fid {
	u64 ino;
	u64 generation;
} __packed;

#define FID_WORDS (sizeof(struct zuf_fid) / sizeof(u32))

static struct zuf_fid fid_of(const struct inode *inode)
{
	const struct zufs_iref *ref = &ZUF_I(inode)->iref;

	return (struct zuf_fid){ .ino = ref->ino,
				 .generation = ref->generation };
}

static int zuf_encode_fh(struct inode *inode, __u32 *fh, int *len,
			 struct inode *parent)
{
	int need = parent ? 2 * FID_WORDS : FID_WORDS, room = *len;
	struct zuf_fid *fid = (struct zuf_fid *)fh;

	*len = need;
	if (room < need)
		return FILEID_INVALID;
	fid[0] = fid_of(inode);
	if (!parent)
		return FID_INODE;
	fid[1] = fid_of(parent);
	return FID_WITH_PARENT;
}

static struct dentry *by_fid(struct super_block *sb, const struct zuf_fid *fid)
{
	struct zufs_iref ref = { .ino = fid->ino,
				 .generation = fid->generation };
	struct inode *inode;
	int err;

	if (!ref.ino || !ref.generation)
		return ERR_PTR(-ESTALE);
	/* The server knows a file without a name until its eviction arrives. */
	err = zuf_evict_wait(ZUF_SB(sb), ref.ino);
	if (err)
		return ERR_PTR(err);
	inode = zuf_find(d_inode(sb->s_root), NULL, &ref);
	if (!IS_ERR(inode) &&
	    (ZUF_I(inode)->iref.ino != ref.ino ||
	     ZUF_I(inode)->iref.generation != ref.generation)) {
		iput(inode);
		return ERR_PTR(-ESTALE);
	}
	return d_obtain_alias(inode);
}

static struct dentry *zuf_fh_to_dentry(struct super_block *sb, struct fid *fid,
				       int len, int type)
{
	const struct zuf_fid *zf = (const struct zuf_fid *)fid->raw;

	if ((type != FID_INODE && type != FID_WITH_PARENT) || len < FID_WORDS)
		return NULL;
	return by_fid(sb, zf);
}

static struct dentry *zuf_fh_to_parent(struct super_block *sb, struct fid *fid,
				       int len, int type)
{
	const struct zuf_fid *zf = (const struct zuf_fid *)fid->raw;

	if (type != FID_WITH_PARENT || len < 2 * FID_WORDS)
		return NULL;
	return by_fid(sb, zf + 1);
}

static struct dentry *zuf_get_parent(struct dentry *child)
{
	return d_obtain_alias(zuf_find(d_inode(child), &dotdot_name, NULL));
}

const struct export_operations zuf_export_ops = {
	.encode_fh = zuf_encode_fh,
	.fh_to_dentry = zuf_fh_to_dentry,
	.fh_to_parent = zuf_fh_to_parent,
	.get_parent = zuf_get_parent,
};
