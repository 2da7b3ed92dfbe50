// SPDX-License-Identifier: GPL-2.0
/*
 * The devices of a super block: one linear space.
 */
#include <linux/blkdev.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/slab.h>

#include "core.h"

long zuf_dev_map(const struct zuf_dev *dev, u64 bn, long n,
		 enum dax_access_mode mode, void **addr)
{
	return dax_direct_access(dev->dax, (dev->dax_off >> PAGE_SHIFT) + bn, n,
				 mode, addr, NULL);
}

/* ---- a device ---- */

/* Bad blocks may be in it: who reads them gets the error. In dax_read_lock(). */
static bool one_piece(const struct zuf_dev *dev)
{
	void *addr, *start = NULL;
	long got;
	u64 bn;

	for (bn = 0; bn < dev->blocks; bn += got) {
		got = zuf_dev_map(dev, bn, dev->blocks - bn, DAX_RECOVERY_WRITE,
				  &addr);
		if (got <= 0)
			return false;
		if (!bn)
			start = addr;
		if (addr != start + (bn << PAGE_SHIFT))
			return false;
	}
	return true;
}

/* @dev->bdev is set. What fails here is undone by zuf_md_fini(). */
static int dev_open(struct zuf_dev *dev, struct fs_context *fc)
{
	struct block_device *bdev = dev->bdev;
	bool whole;
	int id;

	dev->blocks = bdev_nr_bytes(bdev) >> PAGE_SHIFT;
	dev->numa_node = dev_to_node(disk_to_dev(bdev->bd_disk));
	/* No holder: partitions of one device share its dax device. */
	dev->dax = fs_dax_get_by_bdev(bdev, &dev->dax_off, NULL, NULL);
	if (!dev->dax)
		return errorfc(fc,
			       "%pg is not an fsdax pmem namespace (ndctl create-namespace -m fsdax makes one)",
			       bdev),
		       -EINVAL;
	if (dev->dax_off & ZUFS_ALLOC_MASK)
		return errorfc(fc, "%pg does not begin at a multiple of 2 MiB",
			       bdev),
		       -EINVAL;
	id = dax_read_lock();
	whole = one_piece(dev);
	dax_read_unlock(id);
	if (!whole)
		return errorfc(fc, "%pg is not one piece of memory", bdev),
		       -EINVAL;
	return 0;
}

/* Where the mounter may open the node of a block device: its number. */
static int find_rdev(const char *name, fmode_t mode, dev_t *rdev)
{
	int may = MAY_READ | (mode & FMODE_WRITE ? MAY_WRITE : 0);
	struct inode *inode;
	struct path path;
	int err = kern_path(name, LOOKUP_FOLLOW, &path);

	if (err)
		return err;
	inode = d_backing_inode(path.dentry);
	if (!S_ISBLK(inode->i_mode))
		err = -ENOTBLK;
	else if (path.mnt->mnt_flags & MNT_NODEV ||
		 path.mnt->mnt_sb->s_iflags & SB_I_NODEV)
		err = -EACCES;
	else
		err = inode_permission(mnt_user_ns(path.mnt), inode, may);
	*rdev = inode->i_rdev;
	path_put(&path);
	return err;
}

static bool has_rdev(const struct zuf_md *md, dev_t rdev)
{
	unsigned int i;

	for (i = 0; i < md->count; i++)
		if (md->dev[i].bdev->bd_dev == rdev)
			return true;
	return false;
}

/*
 * For the super block alone. s_umount nests inside the disk's open_mutex (see
 * get_tree_bdev()); nobody uses the super block before it is born.
 */
static struct block_device *open_rdev(struct super_block *sb, dev_t rdev,
				      fmode_t mode)
{
	struct block_device *bdev;

	up_write(&sb->s_umount);
	bdev = blkdev_get_by_dev(rdev, mode, sb);
	if (!IS_ERR(bdev) && mode & FMODE_WRITE && bdev_read_only(bdev)) {
		blkdev_put(bdev, mode);
		bdev = ERR_PTR(-EACCES);
	}
	down_write(&sb->s_umount);
	return bdev;
}

static int open_named(struct zuf_sb_info *sbi, struct fs_context *fc,
		      const char *name)
{
	fmode_t mode = sbi->sb->s_mode | FMODE_EXCL;
	struct zuf_md *md = &sbi->md;
	struct zuf_dev *dev = &md->dev[md->count];
	struct block_device *bdev;
	dev_t rdev;
	int err = find_rdev(name, mode, &rdev);

	if (err)
		return errorfc(fc, "device=%s: cannot be opened: error %d",
			       name, err),
		       err;
	if (has_rdev(md, rdev))
		return errorfc(fc, "device=%s: named twice", name), -EINVAL;
	bdev = open_rdev(sbi->sb, rdev, mode);
	if (IS_ERR(bdev))
		return errorfc(fc, "device=%s: %s: error %ld", name,
			       PTR_ERR(bdev) == -EBUSY ?
				       "in use, by another mount perhaps" :
				       "cannot be opened",
			       PTR_ERR(bdev)),
		       PTR_ERR(bdev);
	dev->bdev = bdev;
	dev->mode = mode;
	md->count++;
	return dev_open(dev, fc);
}

/* ---- all of them ---- */

int zuf_md_init(struct zuf_sb_info *sbi, struct fs_context *fc,
		const struct zuf_names *names)
{
	struct zuf_md *md = &sbi->md;
	unsigned int i;
	int err;

	md->dev[0].bdev = sbi->sb->s_bdev;
	md->count = 1;
	err = dev_open(&md->dev[0], fc);
	for (i = 0; !err && i < names->n; i++)
		err = open_named(sbi, fc, names->name[i]);
	return err ? err : zuf_md_tables(sbi, fc);
}

void zuf_md_fini(struct zuf_md *md)
{
	unsigned int i;

	for (i = 0; i < md->count; i++) {
		if (md->dev[i].dax)
			fs_put_dax(md->dev[i].dax, NULL);
		if (md->dev[i].mode)
			blkdev_put(md->dev[i].bdev, md->dev[i].mode);
	}
	md->count = 0;
}

int zuf_md_are_members(const struct zuf_md *md, struct fs_context *fc,
		       const struct zuf_names *names)
{
	unsigned int i;
	dev_t rdev;

	for (i = 0; i < names->n; i++) {
		int err = lookup_bdev(names->name[i], &rdev);

		if (err)
			return errorfc(fc, "device=%s: error %d",
				       names->name[i], err),
			       err;
		if (!has_rdev(md, rdev))
			return errorfc(fc,
				       "device=%s: not a device of this mount",
				       names->name[i]),
			       -EINVAL;
	}
	return 0;
}

bool zuf_md_read_only(const struct zuf_md *md)
{
	unsigned int i;

	for (i = 0; i < md->count; i++)
		if (bdev_read_only(md->dev[i].bdev))
			return true;
	return false;
}

struct zuf_dev *zuf_md_dev(struct zuf_md *md, u64 bn, u64 n)
{
	unsigned int i;

	for (i = 0; i < md->count; i++) {
		struct zuf_dev *dev = &md->dev[i];

		if (bn >= dev->first && bn - dev->first < dev->blocks)
			return n <= dev->blocks - (bn - dev->first) ? dev :
								      NULL;
	}
	return NULL;
}

bool zuf_md_is_data(struct zuf_md *md, u64 bn, u64 n)
{
	const struct zuf_dev *dev = zuf_md_dev(md, bn, n);
	const u64 copy = ZUFS_MDT_COPY_OFFSET >> ZUFS_BLOCK_SHIFT;
	u64 at = dev ? bn - dev->first : 0;

	return at && (at > copy || at + n <= copy);
}

struct dax_device *zuf_md_flush_dax(const struct zuf_md *md)
{
	unsigned int i;

	for (i = 0; i < md->count; i++)
		if (dax_write_cache_enabled(md->dev[i].dax))
			return md->dev[i].dax;
	return md->dev[0].dax;
}

int zuf_md_zero(struct zuf_md *md, u64 bn, size_t off, size_t len)
{
	struct zuf_dev *dev = zuf_md_dev(md, bn, 1);
	long got = -EIO;
	void *addr;
	int id;

	id = dax_read_lock();
	if (dev)
		got = zuf_dev_map(dev, bn - dev->first, 1, DAX_ACCESS, &addr);
	if (got > 0) {
		memset(addr + off, 0, len);
		dax_flush(dev->dax, addr + off, len);
	}
	dax_read_unlock(id);
	return got > 0 ? 0 : -EIO;
}
