// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Which namespace of libndctl's a block device is of.
 */
#include <limits.h>
#include <ndctl/libndctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "health.h"

bool toy_disk_name(dev_t dev, char *name, size_t size)
{
	char link[64], path[PATH_MAX], part[PATH_MAX + 16];
	char *slash;

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(dev),
		 minor(dev));
	if (!realpath(link, path))
		return false;
	slash = strrchr(path, '/');
	snprintf(part, sizeof(part), "%s/partition", path);
	if (!access(part, F_OK)) {
		*slash = '\0';
		slash = strrchr(path, '/');
	}
	snprintf(name, size, "%s", slash + 1);
	return true;
}

/* A namespace has its block device itself, or what claimed it has. */
static const char *disk_of(struct ndctl_namespace *ndns)
{
	struct ndctl_pfn *pfn = ndctl_namespace_get_pfn(ndns);
	struct ndctl_btt *btt = ndctl_namespace_get_btt(ndns);

	if (pfn)
		return ndctl_pfn_get_block_device(pfn);
	if (btt)
		return ndctl_btt_get_block_device(btt);
	return ndctl_namespace_get_block_device(ndns);
}

struct ndctl_namespace *toy_namespace(struct ndctl_ctx *ctx, const char *disk)
{
	struct ndctl_namespace *ndns;
	struct ndctl_region *region;
	struct ndctl_bus *bus;
	const char *has;

	ndctl_bus_foreach(ctx, bus)
		ndctl_region_foreach(bus, region)
			ndctl_namespace_foreach(region, ndns) {
				has = disk_of(ndns);
				if (has && !strcmp(has, disk))
					return ndns;
			}
	return NULL;
}
