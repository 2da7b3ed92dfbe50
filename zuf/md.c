// SPDX-License-Identifier: GPL-2.0
/*
 * The devices of a super block, and the table on them.
 */
#include <linux/blkdev.h>
#include <linux/crc32c.h>
#include <linux/slab.h>

#include "core.h"

static int dev_open(struct super_block *sb, struct fs_context *fc,
		    struct zuf_dev *dev)
{
	long pages = bdev_nr_bytes(sb->s_bdev) >> PAGE_SHIFT, n;
	int id;

	dev->bdev = sb->s_bdev;
	dev->dax = fs_dax_get_by_bdev(dev->bdev, &dev->dax_off, sb, NULL);
	if (!dev->dax)
		return errorfc(fc,
			       "%pg is not an fsdax pmem namespace (ndctl create-namespace -m fsdax makes one)",
			       dev->bdev),
		       -EINVAL;
	if (dev->dax_off & ZUFS_ALLOC_MASK)
		return errorfc(fc, "%pg does not begin at a multiple of 2 MiB",
			       dev->bdev),
		       -EINVAL;
	id = dax_read_lock();
	n = dax_direct_access(dev->dax, dev->dax_off >> PAGE_SHIFT, pages,
			      DAX_ACCESS, &dev->kaddr, NULL);
	dax_read_unlock(id);
	if (n < 0)
		return n;
	if (n < pages)
		return errorfc(fc, "%pg is not one piece of memory", dev->bdev),
		       -EINVAL;
	dev->blocks = pages;
	dev->numa_node = dev_to_node(disk_to_dev(dev->bdev->bd_disk));
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

	if (dev->blocks << ZUFS_BLOCK_SHIFT < ZUFS_ALLOC_SIZE)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(places); i++)
		if (!copy_mc_to_kernel(t, dev->kaddr + places[i], sizeof(*t)) &&
		    table_ok(t, magic))
			return 0;
	return -EINVAL;
}

static int table_check(struct fs_context *fc, const struct zuf_type *type,
		       struct zuf_md *md)
{
	const struct zufs_dev_table *t = md->table;
	u64 blocks = le64_to_cpu(t->dev[0].blocks);

	if (le16_to_cpu(t->version_major) != type->rfi.FS_ver_major ||
	    le16_to_cpu(t->version_minor) > type->rfi.FS_ver_minor)
		return errorfc(fc, "made by another version of %s: %u.%u",
			       type->name, le16_to_cpu(t->version_major),
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

int zuf_md_init(struct super_block *sb, struct fs_context *fc,
		const struct zuf_type *type, struct zuf_md *md)
{
	int err = dev_open(sb, fc, &md->dev[0]);

	if (err)
		goto out;
	md->count = 1;
	md->table = kmalloc(sizeof(*md->table), GFP_KERNEL);
	err = -ENOMEM;
	if (!md->table)
		goto out;
	err = table_read(&md->dev[0], type->rfi.FS_magic, md->table);
	if (err) {
		if (!(fc->sb_flags & SB_SILENT))
			errorfc(fc, "%pg holds no %s (mkfs.%s makes one)",
				md->dev[0].bdev, type->name, type->name);
		goto out;
	}
	err = table_check(fc, type, md);
	if (!err)
		return 0;
out:
	zuf_md_fini(sb, md);
	return err;
}

void zuf_md_fini(struct super_block *sb, struct zuf_md *md)
{
	if (md->dev[0].dax)
		fs_put_dax(md->dev[0].dax, sb);
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
