// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/* Which devices a filesystem has: what their device tables tell. */
#include <string.h>
#include <unistd.h>
#include <uuid.h>

#include "device.h"
#include "toyfs.h"

static bool table_at(const struct device *dev, off_t off,
		     struct zufs_dev_table *dt)
{
	return pread(dev->fd, dt, sizeof(*dt), off) == sizeof(*dt) &&
	       toy_dev_table_ok(dt);
}

bool device_table(const struct device *dev, struct zufs_dev_table *dt)
{
	return table_at(dev, 0, dt) || table_at(dev, ZUFS_MDT_COPY_OFFSET, dt);
}

/* Is @dt, of @dev, of the filesystem that @first is of? */
static bool is_member(const struct device *dev, const struct zufs_dev_table *dt,
		      const struct device *first_dev,
		      const struct zufs_dev_table *first)
{
	char uuid[UUID_STR_LEN];

	uuid_unparse(first->fs_uuid, uuid);
	if (memcmp(dt->fs_uuid, first->fs_uuid, sizeof(dt->fs_uuid)))
		return fail("%s: not a device of the toyfs that is on %s (%s)",
			    dev->path, first_dev->path, uuid);
	return dt->dev_count == first->dev_count ||
	       fail("%s: says that the toyfs has %u devices, %s says %u",
		    dev->path, le16toh(dt->dev_count), first_dev->path,
		    le16toh(first->dev_count));
}

static bool read_table(const struct device *dev, struct zufs_dev_table *dt)
{
	return device_table(dev, dt) ||
	       fail("%s: no device table of toyfs", dev->path);
}

/* Each of @vol to its place in @sorted. */
static bool sort(const struct volume *vol, const struct zufs_dev_table *first,
		 struct device *sorted)
{
	for (unsigned int i = 0; i < vol->nr; i++) {
		const struct device *dev = &vol->dev[i];
		struct zufs_dev_table dt;
		unsigned int d;

		if (!read_table(dev, &dt) ||
		    !is_member(dev, &dt, &vol->dev[0], first))
			return false;
		d = le16toh(dt.id_index);
		if (sorted[d].path)
			return fail(
				"%s: device %u of the toyfs, as %s is: a copy of it?",
				dev->path, d, sorted[d].path);
		sorted[d] = *dev;
	}
	return true;
}

static bool all_there(const struct zufs_dev_table *first,
		      const struct device *sorted)
{
	unsigned int nr = le16toh(first->dev_count);
	char uuid[UUID_STR_LEN];

	for (unsigned int d = 0; d < nr; d++) {
		if (sorted[d].path)
			continue;
		uuid_unparse(first->dev[d].uuid, uuid);
		return fail("device %u of %u is missing (uuid %s): name it too",
			    d, nr, uuid);
	}
	return true;
}

/* What the first device says is used of each. */
static bool take_sizes(struct volume *vol)
{
	struct zufs_dev_table dt;

	if (!read_table(&vol->dev[0], &dt))
		return false;
	for (unsigned int d = 0; d < vol->nr; d++) {
		struct device *dev = &vol->dev[d];
		uint64_t blocks = le64toh(dt.dev[d].blocks);

		if (blocks > dev->bytes / ZUFS_BLOCK_SIZE)
			return fail(
				"%s: size doesn't fit: %llu bytes, fewer than %llu blocks",
				dev->path, (unsigned long long)dev->bytes,
				(unsigned long long)blocks);
		dev->used = blocks * ZUFS_BLOCK_SIZE;
	}
	return true;
}

bool volume_order(struct volume *vol)
{
	struct device sorted[ZUFS_MAX_DEVICES] = { 0 };
	struct zufs_dev_table first;

	if (!read_table(&vol->dev[0], &first) || !sort(vol, &first, sorted) ||
	    !all_there(&first, sorted))
		return false;
	/* As many as there are: none is missing, none is there twice. */
	memcpy(vol->dev, sorted, vol->nr * sizeof(*sorted));
	return take_sizes(vol);
}
