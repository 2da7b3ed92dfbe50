/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What is known of the memory that a filesystem is on. Tests have a double of
 * toy_health_read().
 */
#ifndef TOYFS_HEALTH_H
#define TOYFS_HEALTH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "format.h"

struct toy_bad {
	uint64_t bn, len; /* blocks of the device, or of the linear space */
};

/* Of one device, or of those of a filesystem one after the other. */
struct toy_health {
	unsigned int nr_devs;
	/* Unsafe ones, of all DIMMs of a device; TOY_NO_COUNT. */
	uint64_t shutdowns[ZUFS_MAX_DEVICES];
	bool known; /* bad[] is all there is */
	unsigned int nr;
	struct toy_bad *bad; /* ascending, apart from each other */
};

/*
 * Asks libndctl about the block device @dev (a partition too); nothing is known
 * of what isn't a namespace, as a plain file (0). -ENOMEM.
 */
int toy_health_read(dev_t dev, struct toy_health *h);
/*
 * Adds what is known of the next device (the first: @all has nr_devs 0), which
 * has @blocks blocks from block @first of the linear space on. -ENOMEM.
 */
int toy_health_join(struct toy_health *all, const struct toy_health *one,
		    uint64_t first, uint64_t blocks);
void toy_health_free(struct toy_health *h);
/* Bad are [bn, end) too; they begin not before the last ones. -ENOMEM. */
int toy_health_add(struct toy_health *h, uint64_t bn, uint64_t end);
bool toy_health_is_bad(const struct toy_health *h, uint64_t bn);

/* ---- the namespace of a block device ---- */

struct ndctl_ctx;
struct ndctl_namespace;

/* The kernel's name of the disk ("pmem0"), for a partition that of the whole. */
bool toy_disk_name(dev_t dev, char *name, size_t size);
/* NULL: the disk is of no namespace. */
struct ndctl_namespace *toy_namespace(struct ndctl_ctx *ctx, const char *disk);

#endif /* TOYFS_HEALTH_H */
