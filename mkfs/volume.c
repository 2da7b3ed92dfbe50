// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/* The devices of a filesystem together. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "health.h"

static bool same_device(const char *a, const char *b)
{
	struct stat x, y;

	if (!strcmp(a, b))
		return true;
	if (stat(a, &x) || stat(b, &y))
		return false;
	if (S_ISBLK(x.st_mode) && S_ISBLK(y.st_mode))
		return x.st_rdev == y.st_rdev;
	return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool refuse_twice(char **paths, int nr)
{
	for (int i = 0; i < nr; i++)
		for (int j = 0; j < i; j++)
			if (same_device(paths[i], paths[j]))
				return fail("%s: named twice", paths[i]);
	return true;
}

bool volume_open(struct volume *vol, char **paths, int nr, bool write)
{
	bool ok = true;

	if (nr > ZUFS_MAX_DEVICES)
		return fail("%d devices: a toyfs has at most %d", nr,
			    ZUFS_MAX_DEVICES);
	if (!refuse_twice(paths, nr))
		return false;
	while (ok && vol->nr < (unsigned int)nr) {
		ok = device_open(&vol->dev[vol->nr], paths[vol->nr], write);
		vol->nr++;
	}
	return ok;
}

void volume_close(struct volume *vol)
{
	while (vol->nr)
		device_close(&vol->dev[--vol->nr]);
}

uint64_t volume_bytes(const struct volume *vol)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < vol->nr; i++)
		bytes += vol->dev[i].used;
	return bytes;
}

static int join_health(const struct device *dev, uint64_t first,
		       struct toy_health *all)
{
	struct toy_health one;
	int err = toy_health_read(dev->rdev, &one);

	if (err)
		return err;
	err = toy_health_join(all, &one, first, dev->used / ZUFS_BLOCK_SIZE);
	toy_health_free(&one);
	return err;
}

bool volume_health(const struct volume *vol, struct toy_health *h)
{
	uint64_t first = 0;

	*h = (struct toy_health){ .nr_devs = 0 };
	for (unsigned int i = 0; i < vol->nr; i++) {
		int err = join_health(&vol->dev[i], first, h);

		if (err) {
			toy_health_free(h);
			return fail("%s: its health: %s", vol->dev[i].path,
				    strerror(-err));
		}
		first += vol->dev[i].used / ZUFS_BLOCK_SIZE;
	}
	return true;
}

static bool map_at(const struct device *dev, char *at, int flags)
{
	return mmap(at, dev->used, PROT_READ | PROT_WRITE, flags | MAP_FIXED,
		    dev->fd, 0) != MAP_FAILED;
}

static bool map_device(const struct device *dev, char *at, bool private)
{
	bool ok;

	if (private)
		ok = map_at(dev, at, MAP_PRIVATE | MAP_NORESERVE);
	else
		ok = map_at(dev, at, MAP_SHARED_VALIDATE | MAP_SYNC) ||
		     map_at(dev, at, MAP_SHARED);
	return ok || fail("%s: mmap: %s", dev->path, strerror(errno));
}

void *volume_map(const struct volume *vol, bool private)
{
	uint64_t bytes = volume_bytes(vol);
	char *base = mmap(NULL, bytes, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *at = base;

	if (base == MAP_FAILED) {
		fail("no room for a map of %llu bytes: %s",
		     (unsigned long long)bytes, strerror(errno));
		return NULL;
	}
	for (unsigned int i = 0; i < vol->nr; i++) {
		if (!map_device(&vol->dev[i], at, private)) {
			munmap(base, bytes);
			return NULL;
		}
		at += vol->dev[i].used;
	}
	return base;
}

bool volume_unmap(const struct volume *vol, void *base)
{
	char *at = base;
	bool ok = true;

	for (unsigned int i = 0; i < vol->nr; i++) {
		const struct device *dev = &vol->dev[i];

		if (msync(at, dev->used, MS_SYNC) || fsync(dev->fd))
			ok = fail("%s: write: %s", dev->path, strerror(errno));
		at += dev->used;
	}
	munmap(base, volume_bytes(vol));
	return ok;
}
