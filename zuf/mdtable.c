// SPDX-License-Identifier: GPL-2.0
/*
 * The device tables: what is on each device says which others it belongs to.
 * Nothing of it is used before it is checked.
 */
#include <linux/blkdev.h>
#include <linux/crc32c.h>
#include <linux/slab.h>

#include "core.h"

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
		if (zuf_dev_map(dev, places[i] >> ZUFS_BLOCK_SHIFT, 1,
				DAX_ACCESS, &addr) > 0 &&
		    !copy_mc_to_kernel(t, addr, sizeof(*t)) &&
		    table_ok(t, magic))
			err = 0;
	dax_read_unlock(id);
	return err;
}

/* Whole 2 MiB each, and all of them together what the table says. */
static bool sizes_ok(const struct zufs_dev_table *t)
{
	u64 left = le64_to_cpu(t->t1_blocks);
	unsigned int i;

	for (i = 0; i < le16_to_cpu(t->dev_count); i++) {
		u64 blocks = le64_to_cpu(t->dev[i].blocks);

		if (!blocks || blocks & (ZUFS_ALLOC_MASK >> ZUFS_BLOCK_SHIFT) ||
		    blocks > left)
			return false;
		left -= blocks;
	}
	return !left;
}

static int table_check(struct fs_context *fc, const struct zuf_sb_info *sbi,
		       const struct zuf_dev *dev,
		       const struct zufs_dev_table *t)
{
	u16 count = le16_to_cpu(t->dev_count);

	if (le16_to_cpu(t->version_major) != sbi->rfi.FS_ver_major ||
	    le16_to_cpu(t->version_minor) > sbi->rfi.FS_ver_minor)
		return errorfc(fc, "%pg: made by another version of %s: %u.%u",
			       dev->bdev, sbi->type->name,
			       le16_to_cpu(t->version_major),
			       le16_to_cpu(t->version_minor)),
		       -EINVAL;
	if (!count || count > ZUFS_MAX_DEVICES ||
	    le16_to_cpu(t->id_index) >= count || !sizes_ok(t))
		return errorfc(fc,
			       "%pg: its device table holds numbers that cannot be",
			       dev->bdev),
		       -EINVAL;
	return 0;
}

static int read_checked(struct fs_context *fc, const struct zuf_sb_info *sbi,
			const struct zuf_dev *dev, struct zufs_dev_table *t)
{
	const char *name = sbi->type->name;
	int err = table_read(dev, sbi->rfi.FS_magic, t);

	if (!err)
		return table_check(fc, sbi, dev, t);
	if (!(fc->sb_flags & SB_SILENT))
		errorfc(fc, "%pg holds no %s (mkfs.%s makes one)", dev->bdev,
			name, name);
	return err;
}

/* But for the index, and the sum with it. */
static bool same_tables(const struct zufs_dev_table *a,
			const struct zufs_dev_table *b)
{
	const size_t from = offsetof(struct zufs_dev_table, magic);
	const size_t index = offsetof(struct zufs_dev_table, id_index);
	const size_t count = offsetof(struct zufs_dev_table, dev_count);

	return !memcmp((const u8 *)a + from, (const u8 *)b + from,
		       index - from) &&
	       !memcmp((const u8 *)a + count, (const u8 *)b + count,
		       sizeof(*a) - count);
}

/* ---- all of them ---- */

/* Tables of the source, and of one that is compared with it. */
struct tables {
	struct zufs_dev_table first, other;
	struct zuf_dev sorted[ZUFS_MAX_DEVICES];
};

/* Puts @dev, whose table is @t, to its place. */
static int place(struct fs_context *fc, struct tables *ts,
		 const struct zuf_dev *dev, const struct zufs_dev_table *t)
{
	struct zuf_dev *at = &ts->sorted[le16_to_cpu(t->id_index)];

	if (at->bdev)
		return errorfc(fc, "%pg is device %u, as %pg is: a copy of it?",
			       dev->bdev, le16_to_cpu(t->id_index), at->bdev),
		       -EINVAL;
	*at = *dev;
	return 0;
}

static int place_other(struct fs_context *fc, const struct zuf_sb_info *sbi,
		       struct tables *ts, const struct zuf_dev *dev)
{
	const struct block_device *source = sbi->md.dev[0].bdev;
	int err = read_checked(fc, sbi, dev, &ts->other);

	if (err)
		return err;
	if (memcmp(ts->other.fs_uuid, ts->first.fs_uuid,
		   sizeof(ts->first.fs_uuid)))
		return errorfc(fc,
			       "%pg is not of the filesystem that is on %pg",
			       dev->bdev, source),
		       -EINVAL;
	if (!same_tables(&ts->other, &ts->first))
		return errorfc(fc,
			       "%pg and %pg have different device tables: fsck.%s makes them equal",
			       dev->bdev, source, sbi->type->name),
		       -EINVAL;
	return place(fc, ts, dev, &ts->other);
}

/* The linear space, in order; each device has what the table says. */
static int lay_out(struct fs_context *fc, struct zuf_md *md, struct tables *ts)
{
	unsigned int i, count = le16_to_cpu(ts->first.dev_count);
	u64 first = 0;

	for (i = 0; i < count; i++) {
		const struct zufs_dev_id *id = &ts->first.dev[i];
		struct zuf_dev *dev = &ts->sorted[i];
		u64 blocks = le64_to_cpu(id->blocks);

		if (!dev->bdev)
			return errorfc(fc,
				       "device %u of %u is missing (uuid %pUb): name it by -o device=",
				       i, count, id->uuid),
			       -EINVAL;
		if (blocks > dev->blocks)
			return errorfc(fc,
				       "%pg: size on media (%llu blocks) does not fit the device (%llu)",
				       dev->bdev, blocks, dev->blocks),
			       -EINVAL;
		dev->blocks = blocks;
		dev->first = first;
		first += blocks;
	}
	md->blocks = first;
	/* None twice, none of another filesystem, none missing: as many as there are. */
	memcpy(md->dev, ts->sorted, md->count * sizeof(*md->dev));
	return 0;
}

int zuf_md_tables(struct zuf_sb_info *sbi, struct fs_context *fc)
{
	struct tables *ts = kzalloc(sizeof(*ts), GFP_KERNEL);
	struct zuf_md *md = &sbi->md;
	unsigned int i;
	int err;

	if (!ts)
		return -ENOMEM;
	err = read_checked(fc, sbi, &md->dev[0], &ts->first);
	if (!err)
		err = place(fc, ts, &md->dev[0], &ts->first);
	for (i = 1; !err && i < md->count; i++)
		err = place_other(fc, sbi, ts, &md->dev[i]);
	if (!err)
		err = lay_out(fc, md, ts);
	kfree(ts);
	return err;
}
