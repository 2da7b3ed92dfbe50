// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Bad blocks and unsafe shutdowns, from libndctl.
 */
#include <errno.h>
#include <limits.h>
#include <ndctl/libndctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "format.h"
#include "health.h"

#define SECTOR 512U /* of sysfs, and of libndctl's bad blocks */

/* Where a partition begins, in sectors; 0: @dev is none. */
static uint64_t partition_start(dev_t dev)
{
	unsigned long long start = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/start", major(dev),
		 minor(dev));
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%llu", &start) != 1)
		start = 0;
	fclose(f);
	return start;
}

/* The kernel keeps them in order. */
static int read_bad(struct toy_health *h, struct ndctl_namespace *ndns,
		    uint64_t start)
{
	const uint64_t per = TOY_BLOCK / SECTOR;
	struct badblock *bb;

	h->known = true;
	ndctl_namespace_badblock_foreach(ndns, bb)
	{
		uint64_t from = bb->offset, to = from + bb->len;
		int err;

		if (to <= start)
			continue;
		from = from > start ? from - start : 0;
		err = toy_health_add(h, from / per,
				     (to - start + per - 1) / per);
		if (err)
			return err;
	}
	return 0;
}

/* The sum of all DIMMs that the region has parts of. */
static uint64_t read_shutdowns(struct ndctl_namespace *ndns)
{
	struct ndctl_mapping *mapping;
	uint64_t sum = 0;
	bool any = false;

	ndctl_mapping_foreach(ndctl_namespace_get_region(ndns), mapping)
	{
		struct ndctl_dimm *dimm = ndctl_mapping_get_dimm(mapping);
		long long n = dimm ? ndctl_dimm_get_dirty_shutdown(dimm) : -1;

		if (n < 0)
			return TOY_NO_COUNT;
		sum += (uint64_t)n;
		any = true;
	}
	return any ? sum : TOY_NO_COUNT;
}

int toy_health_read(dev_t dev, struct toy_health *h)
{
	struct ndctl_namespace *ndns = NULL;
	struct ndctl_ctx *ctx = NULL;
	char disk[NAME_MAX + 1];
	int err = 0;

	*h = (struct toy_health){ .nr_devs = 1, .shutdowns = { TOY_NO_COUNT } };
	if (!dev || !toy_disk_name(dev, disk, sizeof(disk)))
		return 0;
	if (!ndctl_new(&ctx))
		ndns = toy_namespace(ctx, disk);
	if (ndns) {
		err = read_bad(h, ndns, partition_start(dev));
		h->shutdowns[0] = read_shutdowns(ndns);
	}
	ndctl_unref(ctx);
	if (err)
		toy_health_free(h);
	return err;
}
