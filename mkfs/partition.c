// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Where a partition begins and ends. The kernel mounts none that begins at no
 * multiple of 2 MiB (zuf/md.c), nor one that ends inside a page
 * (fs_dax_get_by_bdev()).
 */
#include <limits.h>
#include <stdio.h>

#include "device.h"

#define SECTOR 512ULL

/* False: the file isn't there, as "start" is for what is no partition. */
static bool read_number(const char *dir, const char *name,
			unsigned long long *n)
{
	char path[PATH_MAX];
	bool ok;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f)
		return false;
	ok = fscanf(f, "%llu", n) == 1;
	fclose(f);
	return ok;
}

bool partition_check(const char *path, const char *dir)
{
	unsigned long long start, size;

	if (!read_number(dir, "start", &start) ||
	    !read_number(dir, "size", &size))
		return true;
	if (start * SECTOR % ZUFS_ALLOC_SIZE)
		return fail(
			"%s: begins at sector %llu, which is no multiple of 2 MiB, so it cannot be mounted: make it anew with \"parted DISK mkpart NAME 2MiB 100%%\"",
			path, start);
	if (size * SECTOR % ZUFS_BLOCK_SIZE)
		return fail(
			"%s: has %llu sectors, which is no multiple of 4096 bytes, so it cannot be mounted: make it anew with an end in MiB",
			path, size);
	return true;
}
