// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/* What is on a device before mkfs.toyfs makes a filesystem there. */
#include <blkid.h>
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "device.h"

static bool has_toyfs_at(const struct device *dev, off_t off)
{
	char block[ZUFS_BLOCK_SIZE] __attribute__((aligned(8)));
	const struct zufs_dev_table *dt = (const void *)block;
	const struct toy_super *sb = (const void *)(block + TOY_SB_OFF);

	if (pread(dev->fd, block, sizeof(block), off) != sizeof(block))
		return false;
	return le32toh(dt->magic) == TOY_MAGIC ||
	       le64toh(sb->magic) == TOY_SB_MAGIC;
}

static blkid_probe new_probe(const struct device *dev, int open_fd)
{
	blkid_probe pr = blkid_new_probe();

	if (pr && !blkid_probe_set_device(pr, open_fd, 0, 0) &&
	    !blkid_probe_enable_superblocks(pr, 1) &&
	    !blkid_probe_set_superblocks_flags(
		    pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_MAGIC |
				BLKID_SUBLKS_BADCSUM) &&
	    !blkid_probe_enable_partitions(pr, 1) &&
	    !blkid_probe_set_partitions_flags(pr, BLKID_PARTS_MAGIC))
		return pr;
	blkid_free_probe(pr);
	fail("%s: libblkid cannot look at it", dev->path);
	return NULL;
}

static bool refuse_found(const struct device *dev, blkid_probe pr)
{
	const char *type;

	if (!blkid_probe_lookup_value(pr, "TYPE", &type, NULL))
		return fail(
			"%s: contains a filesystem of type %s: -f overwrites it",
			dev->path, type);
	if (!blkid_probe_lookup_value(pr, "PTTYPE", &type, NULL))
		return fail(
			"%s: contains a partition table (%s): -f overwrites it",
			dev->path, type);
	return fail(
		"%s: contains something that libblkid knows: -f overwrites it",
		dev->path);
}

bool device_blank(const struct device *dev)
{
	blkid_probe pr;
	bool ok = true;
	int found;

	if (dev->fd < 0 || !dev->bytes)
		return true;
	pr = new_probe(dev, dev->fd);
	if (!pr)
		return false;
	found = blkid_do_probe(pr);
	if (found < 0)
		ok = fail("%s: libblkid cannot read it", dev->path);
	else if (found == 0)
		ok = refuse_found(dev, pr);
	else if (has_toyfs_at(dev, 0) ||
		 has_toyfs_at(dev, ZUFS_MDT_COPY_OFFSET))
		ok = fail(
			"%s: contains a filesystem of type toyfs: -f overwrites it",
			dev->path);
	blkid_free_probe(pr);
	return ok;
}

bool device_wipe(const struct device *dev)
{
	blkid_probe pr = new_probe(dev, dev->fd);
	bool ok = true;

	if (!pr)
		return false;
	while (ok && blkid_do_probe(pr) == 0)
		ok = !blkid_do_wipe(pr, 0);
	blkid_free_probe(pr);
	if (!ok || fsync(dev->fd))
		return fail("%s: cannot wipe what was there: %s", dev->path,
			    strerror(errno));
	return true;
}
