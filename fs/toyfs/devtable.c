// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * The device table, which each device has twice: at its beginning, and in the
 * last block of its first 2 MiB.
 */
#include <string.h>

#include "toyfs.h"

/* By 4 bits: quick enough for two tables a mount. */
static uint32_t crc32c(uint32_t crc, const uint8_t *p, size_t len)
{
	static const uint32_t of[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};

	while (len--) {
		crc ^= *p++;
		crc = crc >> 4 ^ of[crc & 15];
		crc = crc >> 4 ^ of[crc & 15];
	}
	return crc;
}

uint64_t toy_dev_table_sum(const struct zufs_dev_table *dt)
{
	return crc32c(~0U, (const uint8_t *)dt + sizeof(dt->sum),
		      sizeof(*dt) - sizeof(dt->sum));
}

/* Whole 2 MiB each, and all of them together what the table says. */
static bool sizes_ok(const struct zufs_dev_table *dt)
{
	uint64_t left = le64toh(dt->t1_blocks);

	for (unsigned int d = 0; d < le16toh(dt->dev_count); d++) {
		uint64_t blocks = le64toh(dt->dev[d].blocks);

		if (!blocks || blocks % 512 || blocks > left)
			return false;
		left -= blocks;
	}
	return !left;
}

bool toy_dev_table_ok(const struct zufs_dev_table *dt)
{
	return le32toh(dt->magic) == TOY_MAGIC &&
	       le64toh(dt->sum) == toy_dev_table_sum(dt) &&
	       le16toh(dt->version_major) == TOY_MAJOR &&
	       le16toh(dt->version_minor) <= TOY_MINOR && dt->dev_count &&
	       le16toh(dt->dev_count) <= ZUFS_MAX_DEVICES &&
	       le16toh(dt->id_index) < le16toh(dt->dev_count) && sizes_ok(dt);
}

void toy_dev_table_for(struct zufs_dev_table *dt, unsigned int dev)
{
	dt->id_index = htole16(dev);
	dt->sum = htole64(toy_dev_table_sum(dt));
}

void toy_dev_table_fill(struct zufs_dev_table *dt,
			const struct toy_mkfs_opts *o)
{
	memset(dt, 0, sizeof(*dt));
	dt->magic = htole32(TOY_MAGIC);
	dt->version_major = htole16(TOY_MAJOR);
	dt->version_minor = htole16(TOY_MINOR);
	memcpy(dt->fs_uuid, o->uuid, sizeof(dt->fs_uuid));
	dt->t1_blocks = htole64(o->blocks);
	dt->dev_count = htole16(1);
	memcpy(dt->dev[0].uuid, o->uuid, sizeof(dt->dev[0].uuid));
	dt->dev[0].blocks = htole64(o->blocks);
	dt->dev[0].numa_node = htole16(TOY_NO_NODE);
	if (o->nr_devs && o->nr_devs <= ZUFS_MAX_DEVICES) {
		dt->dev_count = htole16(o->nr_devs);
		memcpy(dt->dev, o->devs, o->nr_devs * sizeof(*o->devs));
	}
	toy_dev_table_for(dt, 0);
}

void toy_devs_take(struct toy_fs *fs, const struct zufs_dev_table *dt)
{
	uint64_t first = 0;

	fs->nr_devs = le16toh(dt->dev_count);
	for (unsigned int d = 0; d < fs->nr_devs; d++) {
		uint16_t node = le16toh(dt->dev[d].numa_node);

		fs->dev[d] = (struct toy_dev){
			.first = first,
			.blocks = le64toh(dt->dev[d].blocks),
			.numa_node = node == TOY_NO_NODE ? -1 : node,
		};
		first += fs->dev[d].blocks;
	}
}

uint64_t toy_devs_blocks(const struct toy_fs *fs)
{
	const struct toy_dev *last = &fs->dev[fs->nr_devs - 1];

	return last->first + last->blocks;
}

bool toy_has_table(const struct toy_fs *fs, uint64_t bn, uint64_t len)
{
	for (unsigned int i = 2; i < 2 * fs->nr_devs; i++) {
		uint64_t table = toy_dev_table_bn(fs, i / 2, i % 2);

		if (table >= bn && table - bn < len)
			return true;
	}
	return false;
}

uint64_t toy_dev_table_bn(const struct toy_fs *fs, unsigned int dev,
			  unsigned int copy)
{
	return fs->dev[dev].first +
	       (copy ? ZUFS_MDT_COPY_OFFSET / TOY_BLOCK : 0);
}
