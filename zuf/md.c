// SPDX-License-Identifier: GPL-2.0
/*
 * The devices of a super block, and the table on them.
 */
#include <linux/blkdev.h>
#include <linux/crc32c.h>
#include <linux/slab.h>

#include "core.h"

/* The kernel's address of block @bn of @dev and @n blocks from there on, in dax_read_lock(). */
static int dev_map(const struct zuf_dev *dev, u64 bn, long n, void **addr)
{
	long got = dax_direct_access(dev->dax,
				     (dev->dax_off >> PAGE_SHIFT) + bn, n,
				     DAX_ACCESS, addr, NULL);

	if (got < 0)
		return got;
	return got < n ? -EINVAL : 0;
}

/* Bad blocks may be in it: who reads them gets the error. In dax_read_lock(). */
static bool one_piece(const struct zuf_dev *dev)
{
	void *addr, *start = NULL;
	long got;
	u64 bn;

	for (bn = 0; bn < dev->blocks; bn += got) {
		got = dax_direct_access(dev->dax,
					(dev->dax_off >> PAGE_SHIFT) + bn,
					dev->blocks - bn, DAX_RECOVERY_WRITE,
					&addr, NULL);
		if (got <= 0)
			return false;
		if (!bn)
			start = addr;
		if (addr != start + (bn << PAGE_SHIFT))
			return false;
	}
	return true;
}

static int dev_open(struct block_device *bdev, struct fs_context *fc,
		    struct zuf_dev *dev)
{
	bool whole;
	int id;

	dev->bdev = bdev;
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

static bool table_ok(const struct zufs_dev_table *t, u32 magic)
{
	return le32_to_cpu(t->magic) == magic &&
	       le64_to_cpu(t->sum) == crc32c(~0, (const u8 *)t + sizeof(t->sum),
					     sizeof(*t) - sizeof(t->sum));
}

/* The table or its copy; media may be poisoned. */
static int table_read(const struct zuf_dev *dev, u32 magic,
		      struct zufs_dev_table *t)
{
	static const u32 places[] = { 0, ZUFS_MDT_COPY_OFFSET };
	unsigned int i;
	void *addr;
	int id, err = -EINVAL;

	if (dev->blocks << ZUFS_BLOCK_SHIFT < ZUFS_ALLOC_SIZE)
		return -EINVAL;
	id = dax_read_lock();
	for (i = 0; err && i < ARRAY_SIZE(places); i++)
		if (!dev_map(dev, places[i] >> ZUFS_BLOCK_SHIFT, 1, &addr) &&
		    !copy_mc_to_kernel(t, addr, sizeof(*t)) &&
		    table_ok(t, magic))
			err = 0;
	dax_read_unlock(id);
	return err;
}

static int table_check(struct fs_context *fc, struct zuf_sb_info *sbi)
{
	struct zuf_md *md = &sbi->md;
	const struct zufs_dev_table *t = md->table;
	u64 blocks = le64_to_cpu(t->dev[0].blocks);

	if (le16_to_cpu(t->version_major) != sbi->rfi.FS_ver_major ||
	    le16_to_cpu(t->version_minor) > sbi->rfi.FS_ver_minor)
		return errorfc(fc, "made by another version of %s: %u.%u",
			       sbi->type->name, le16_to_cpu(t->version_major),
			       le16_to_cpu(t->version_minor)),
		       -EINVAL;
	if (le16_to_cpu(t->dev_count) != 1 || t->id_index)
		return errorfc(fc,
			       "one of %u devices; only single ones can be mounted",
			       le16_to_cpu(t->dev_count)),
		       -EINVAL;
	if (!blocks || blocks & (ZUFS_ALLOC_MASK >> ZUFS_BLOCK_SHIFT) ||
	    blocks > md->dev[0].blocks || blocks != le64_to_cpu(t->t1_blocks))
		return errorfc(fc,
			       "size on media (%llu blocks) does not fit the device (%llu)",
			       blocks, md->dev[0].blocks),
		       -EINVAL;
	md->dev[0].blocks = blocks;
	md->blocks = blocks;
	return 0;
}

int zuf_md_init(struct zuf_sb_info *sbi, struct fs_context *fc)
{
	const char *name = sbi->type->name;
	struct zuf_md *md = &sbi->md;
	int err = dev_open(sbi->sb->s_bdev, fc, &md->dev[0]);

	if (err)
		goto out;
	md->count = 1;
	md->table = kmalloc(sizeof(*md->table), GFP_KERNEL);
	err = -ENOMEM;
	if (!md->table)
		goto out;
	err = table_read(&md->dev[0], sbi->rfi.FS_magic, md->table);
	if (err) {
		if (!(fc->sb_flags & SB_SILENT))
			errorfc(fc, "%pg holds no %s (mkfs.%s makes one)",
				md->dev[0].bdev, name, name);
		goto out;
	}
	err = table_check(fc, sbi);
	if (!err)
		return 0;
out:
	zuf_md_fini(md);
	return err;
}

void zuf_md_fini(struct zuf_md *md)
{
	if (md->dev[0].dax)
		fs_put_dax(md->dev[0].dax, NULL);
	md->dev[0].dax = NULL;
	kfree(md->table);
	md->table = NULL;
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

int zuf_md_zero(struct zuf_md *md, u64 bn, size_t off, size_t len)
{
	struct zuf_dev *dev = zuf_md_dev(md, bn, 1);
	void *addr;
	int id, err;

	id = dax_read_lock();
	err = dev ? dev_map(dev, bn - dev->first, 1, &addr) : -EIO;
	if (!err) {
		memset(addr + off, 0, len);
		dax_flush(dev->dax, addr + off, len);
	}
	dax_read_unlock(id);
	return err ? -EIO : 0;
}
