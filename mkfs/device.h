/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Devices and files as the tools open them. Functions return false after a line
 * on stderr.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "format.h"

/* A block device or a plain file. */
struct device {
	const char *path;
	int fd;		/* -1: a file that isn't there yet */
	dev_t rdev;	/* 0: it isn't a block device */
	uint64_t bytes; /* of the device, or of the file */
	uint64_t used;	/* bytes that the filesystem has of it */
};

/* What a filesystem is on: devices in the order of its linear space. */
struct volume {
	unsigned int nr;
	struct device dev[ZUFS_MAX_DEVICES];
};

/* The tool's, for its messages. */
extern const char tool_name[];

/* ---- device.c ---- */

/* The tool's name, the text and a newline on stderr; false. */
bool fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * Opens @path alone, and refuses what is in use or isn't for DAX. A plain file
 * may be missing: then fd is -1.
 */
bool device_open(struct device *dev, const char *path, bool write);
void device_close(struct device *dev);
/* Makes a plain file, if need be a new one, at least @bytes long. */
bool device_grow(struct device *dev, uint64_t bytes);

/* ---- volume.c ---- */

/* As device_open(), for all of them. None is named twice. */
bool volume_open(struct volume *vol, char **paths, int nr, bool write);
void volume_close(struct volume *vol);

struct toy_health;

/* What is known of the memory that is used; the caller frees it. */
bool volume_health(const struct volume *vol, struct toy_health *h);
/* Bytes that the filesystem has of all of them. */
uint64_t volume_bytes(const struct volume *vol);
/*
 * Maps that, one after the other. With MAP_SYNC flushed stores are durable;
 * without it volume_unmap() makes them so. @private: nothing that is stored
 * reaches the devices. NULL: it failed.
 */
void *volume_map(const struct volume *vol, bool private);
/* Makes what was stored in the map durable and unmaps it. */
bool volume_unmap(const struct volume *vol, void *base);

/* ---- members.c ---- */

/* The device table or its copy; false, without a word: there is none. */
bool device_table(const struct device *dev, struct zufs_dev_table *dt);
/*
 * Puts the devices in the order that their tables tell, with what is used of
 * each. Refuses one that is missing, or of another filesystem.
 */
bool volume_order(struct volume *vol);

/* ---- wipe.c ---- */

/* Refuses a device that holds something already. */
bool device_blank(const struct device *dev);
/* Takes off what libblkid would take for a filesystem or partitions. */
bool device_wipe(const struct device *dev);

/* ---- pmem.c ---- */

/* Whether the block device @dev can do DAX; else says what to type. */
bool pmem_check(const char *path, dev_t dev);
/* The NUMA node of its memory; -1: not known. */
int pmem_node(dev_t dev);

/* ---- partition.c ---- */

/*
 * Whether the kernel can mount the block device whose folder in sysfs is @dir,
 * if it is a partition; else says how to make one that it can.
 */
bool partition_check(const char *path, const char *dir);

#endif /* DEVICE_H */
