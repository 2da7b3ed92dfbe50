/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* The parts of mkfs.toyfs. Functions return false after a line on stderr. */
#ifndef MKFS_H
#define MKFS_H

#include <stdbool.h>
#include <stdint.h>

#include "format.h"

struct mkfs {
	const char *path;
	const char *label;
	uint8_t uuid[16];
	uint64_t size; /* bytes asked for; 0: all there is */
	bool force;
	bool dry;
	bool quiet;
};

/* What a filesystem is made on: a block device or a plain file. */
struct device {
	const char *path;
	int fd; /* -1: a file that isn't there yet */
	bool block;
	uint64_t bytes; /* of the device, or of the file */
};

/* ---- mkfs.c ---- */

/* "mkfs.toyfs: " and the text and a newline on stderr; false. */
bool fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- options.c ---- */

enum parsed {
	PARSED_RUN,
	PARSED_DONE,
	PARSED_BAD
};

enum parsed parse_options(int argc, char **argv, struct mkfs *mk);

/* ---- device.c ---- */

/* Opens @mk's path alone, and refuses what is in use or isn't for DAX. */
bool device_open(const struct mkfs *mk, struct device *dev);
void device_close(struct device *dev);
/* Makes a plain file, if need be a new one, at least @bytes long. */
bool device_grow(struct device *dev, uint64_t bytes);
/* Refuses a device that holds something already. */
bool device_blank(const struct device *dev);
/* Takes off what libblkid would take for a filesystem or partitions. */
bool device_wipe(const struct device *dev);
void *device_map(const struct device *dev, uint64_t bytes);
/* Makes what was stored in the map durable and unmaps it. */
bool device_unmap(const struct device *dev, void *base, uint64_t bytes);

/* ---- pmem.c ---- */

/* Whether the block device of @rdev can do DAX; else says what to type. */
bool pmem_check(const char *path, unsigned int major, unsigned int minor);

/* ---- partition.c ---- */

/*
 * Whether the kernel can mount the block device whose folder in sysfs is @dir,
 * if it is a partition; else says how to make one that it can.
 */
bool partition_check(const char *path, const char *dir);

#endif /* MKFS_H */
