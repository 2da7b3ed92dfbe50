// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/* Asks libndctl what kind of persistent memory a block device is. */
#include <limits.h>
#include <ndctl/libndctl.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "health.h"

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

static bool check_namespace(const char *path, struct ndctl_namespace *ndns)
{
	const char *id = ndctl_namespace_get_devname(ndns);

	if (ndctl_namespace_get_mode(ndns) == NDCTL_NS_MODE_FSDAX)
		return true;
	return fail(
		"%s: %s is not in mode fsdax: type \"ndctl create-namespace -f -e %s -m fsdax\" (it erases it)",
		path, id, id);
}

int pmem_node(dev_t dev)
{
	struct ndctl_namespace *ndns = NULL;
	struct ndctl_ctx *ctx = NULL;
	char name[NAME_MAX + 1];
	int node = -1;

	if (!dev || !toy_disk_name(dev, name, sizeof(name)))
		return -1;
	if (!ndctl_new(&ctx))
		ndns = toy_namespace(ctx, name);
	if (ndns)
		node = ndctl_region_get_numa_node(
			ndctl_namespace_get_region(ndns));
	ndctl_unref(ctx);
	return node < 0 ? -1 : node;
}

bool pmem_check(const char *path, dev_t dev)
{
	struct ndctl_namespace *ndns = NULL;
	struct ndctl_ctx *ctx = NULL;
	char name[NAME_MAX + 1];
	bool ok;

	if (!toy_disk_name(dev, name, sizeof(name)))
		return fail("%s: the kernel does not know this device", path);
	if (!ndctl_new(&ctx))
		ndns = toy_namespace(ctx, name);
	if (ndns)
		ok = check_namespace(path, ndns);
	else
		ok = queue_does_dax(name) ||
		     fail("%s: not persistent memory: toyfs wants an fsdax namespace (\"ndctl list -N\" shows those there are) or a plain file",
			  path);
	ndctl_unref(ctx);
	return ok;
}
