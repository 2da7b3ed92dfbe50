// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/* Asks libndctl what kind of persistent memory a block device is. */
#include <limits.h>
#include <ndctl/libndctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"

/* The kernel's name of the disk ("pmem0"), for a partition that of the whole. */
static bool disk_name(unsigned int major, unsigned int minor, char *name,
		      size_t size)
{
	char link[64], path[PATH_MAX], part[PATH_MAX + 16];
	char *slash;

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major, minor);
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

/* What the kernel itself says, for devices that are no namespace (dm-linear). */
static bool queue_does_dax(const char *name)
{
	char path[PATH_MAX];
	FILE *f;
	int c;

	snprintf(path, sizeof(path), "/sys/block/%s/queue/dax", name);
	f = fopen(path, "re");
	if (!f)
		return false;
	c = getc(f);
	fclose(f);
	return c == '1';
}

/* A namespace has its block device itself, or what claimed it has. */
static const char *namespace_disk(struct ndctl_namespace *ndns)
{
	struct ndctl_pfn *pfn = ndctl_namespace_get_pfn(ndns);
	struct ndctl_btt *btt = ndctl_namespace_get_btt(ndns);

	if (pfn)
		return ndctl_pfn_get_block_device(pfn);
	if (btt)
		return ndctl_btt_get_block_device(btt);
	return ndctl_namespace_get_block_device(ndns);
}

static struct ndctl_namespace *find_namespace(struct ndctl_ctx *ctx,
					      const char *name)
{
	struct ndctl_namespace *ndns;
	struct ndctl_region *region;
	struct ndctl_bus *bus;
	const char *disk;

	ndctl_bus_foreach(ctx, bus)
		ndctl_region_foreach(bus, region)
			ndctl_namespace_foreach(region, ndns) {
				disk = namespace_disk(ndns);
				if (disk && !strcmp(disk, name))
					return ndns;
			}
	return NULL;
}

static bool check_namespace(const char *path, struct ndctl_namespace *ndns)
{
	const char *id = ndctl_namespace_get_devname(ndns);

	if (ndctl_namespace_get_mode(ndns) == NDCTL_NS_MODE_FSDAX)
		return true;
	return fail(
		"%s: %s is not in mode fsdax: type \"ndctl create-namespace -f -e %s -m fsdax\" (it erases it)",
		path, id, id);
}

bool pmem_check(const char *path, unsigned int major, unsigned int minor)
{
	struct ndctl_namespace *ndns = NULL;
	struct ndctl_ctx *ctx = NULL;
	char name[NAME_MAX + 1];
	bool ok;

	if (!disk_name(major, minor, name, sizeof(name)))
		return fail("%s: the kernel does not know this device", path);
	if (!ndctl_new(&ctx))
		ndns = find_namespace(ctx, name);
	if (ndns)
		ok = check_namespace(path, ndns);
	else
		ok = queue_does_dax(name) ||
		     fail("%s: not persistent memory: toyfs wants an fsdax namespace (\"ndctl list -N\" shows those there are) or a plain file",
			  path);
	ndctl_unref(ctx);
	return ok;
}
