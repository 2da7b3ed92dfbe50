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

/* What a filesystem is on: a block device or a plain file. */
struct device {
	const char *path;
	int fd;		/* -1: a file that isn't there yet */
	dev_t rdev;	/* 0: it isn't a block device */
	uint64_t bytes; /* of the device, or of the file */
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
struct toy_health;

/* What is known of its memory; the caller frees it. */
bool device_health(const struct device *dev, struct toy_health *h);
/* Makes a plain file, if need be a new one, at least @bytes long. */
bool device_grow(struct device *dev, uint64_t bytes);
/* With MAP_SYNC flushed stores are durable; without it device_unmap() makes them so. */
void *device_map(const struct device *dev, uint64_t bytes);
/* A copy on write: nothing that is stored reaches the device. */
void *device_map_private(const struct device *dev, uint64_t bytes);
/* Makes what was stored in the map durable and unmaps it. */
bool device_unmap(const struct device *dev, void *base, uint64_t bytes);

/* ---- wipe.c ---- */

/* Refuses a device that holds something already. */
bool device_blank(const struct device *dev);
/* Takes off what libblkid would take for a filesystem or partitions. */
bool device_wipe(const struct device *dev);

/* ---- pmem.c ---- */

/* Whether the block device @dev can do DAX; else says what to type. */
bool pmem_check(const char *path, dev_t dev);

/* ---- partition.c ---- */

/*
 * Whether the kernel can mount the block device whose folder in sysfs is @dir,
 * if it is a partition; else says how to make one that it can.
 */
bool partition_check(const char *path, const char *dir);

#endif /* DEVICE_H */
