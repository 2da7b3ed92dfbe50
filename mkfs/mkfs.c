// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/* mkfs.toyfs - makes a toyfs on persistent memory or on a plain file. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <uuid.h>

#include "health.h"
#include "mkfs.h"
#include "toyfs.h"

#define MIN_BYTES ((uint64_t)TOY_MIN_BLOCKS << ZUFS_BLOCK_SHIFT)

const char tool_name[] = "mkfs.toyfs";

/* Bytes of the filesystem on this device: a multiple of 2 MiB. */
static bool choose_size(const struct mkfs *mk, struct device *dev)
{
	uint64_t want = mk->size ? mk->size : dev->bytes;

	if (dev->fd < 0 && !mk->size)
		return fail("%s: there is no such file: -s SIZE makes one",
			    dev->path);
	if (dev->rdev && want > dev->bytes)
		return fail("%s: has %llu bytes, fewer than -s asks for",
			    dev->path, (unsigned long long)dev->bytes);
	dev->used = want & ~(uint64_t)ZUFS_ALLOC_MASK;
	if (dev->used < MIN_BYTES)
		return fail(
			"%s: %llu bytes are too few: a toyfs wants %llu MiB of each device",
			dev->path, (unsigned long long)want,
			(unsigned long long)MIN_BYTES >> 20);
	if (dev->used > INT64_MAX / ZUFS_MAX_DEVICES)
		return fail("%s: %llu bytes are too many", dev->path,
			    (unsigned long long)want);
	if (dev->used != want && !mk->quiet)
		printf("%s: rounded down to %llu MiB, a multiple of 2 MiB: %llu bytes stay unused\n",
		       dev->path, (unsigned long long)dev->used >> 20,
		       (unsigned long long)(want - dev->used));
	return true;
}

static void name_device(const struct device *dev, struct zufs_dev_id *id)
{
	int node = pmem_node(dev->rdev);

	uuid_generate_random(id->uuid);
	id->blocks = htole64(dev->used / ZUFS_BLOCK_SIZE);
	id->numa_node = htole16(node < 0 ? TOY_NO_NODE : (uint16_t)node);
}

static bool fill_opts(const struct mkfs *mk, const struct volume *vol,
		      const struct toy_health *health, struct zufs_dev_id *devs,
		      struct toy_mkfs_opts *opts)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	*opts = (struct toy_mkfs_opts){
		.label = mk->label,
		.blocks = volume_bytes(vol) / ZUFS_BLOCK_SIZE,
		.nr_devs = vol->nr,
		.devs = devs,
		.health = health,
		.time = now.tv_sec * 1000000000LL + now.tv_nsec,
	};
	for (unsigned int i = 0; i < vol->nr; i++)
		name_device(&vol->dev[i], &devs[i]);
	memcpy(opts->uuid, mk->uuid, sizeof(opts->uuid));
	if (getrandom(opts->seed, sizeof(opts->seed), 0) != sizeof(opts->seed))
		return fail("the kernel gives no random numbers");
	return true;
}

static bool make_failed(const char *path, int err)
{
	if (err == -EIO)
		return fail(
			"%s: bad blocks where its tables have to be: mend them first (ndctl clear-errors)",
			path);
	if (err == -E2BIG)
		return fail(
			"%s: more than %u runs of bad blocks: mend some first (ndctl clear-errors)",
			path, TOY_BAD_RUNS);
	if (err == -EOVERFLOW)
		return fail(
			"%s: too small for the tables of all devices: name a larger one first",
			path);
	return fail("%s: %s", path, strerror(-err));
}

static bool prepare(const struct volume *vol)
{
	bool ok = true;

	for (unsigned int i = 0; ok && i < vol->nr; i++)
		ok = device_wipe(&vol->dev[i]);
	return ok;
}

static bool make_it(const struct volume *vol, const struct toy_mkfs_opts *opts,
		    uint64_t *ag_count)
{
	const struct toy_super *sb;
	char *base;
	int err;

	if (!prepare(vol))
		return false;
	base = volume_map(vol, false);
	if (!base)
		return false;
	err = toy_mkfs(base, volume_bytes(vol), opts);
	if (err)
		make_failed(vol->dev[0].path, err);
	sb = (const void *)(base + TOY_SB_OFF);
	*ag_count = le64toh(sb->ag_count);
	return volume_unmap(vol, base) && !err;
}

static void say_devices(const struct volume *vol,
			const struct toy_mkfs_opts *opts)
{
	char uuid[UUID_STR_LEN];

	for (unsigned int i = 0; vol->nr > 1 && i < vol->nr; i++) {
		unsigned int node = le16toh(opts->devs[i].numa_node);

		uuid_unparse(opts->devs[i].uuid, uuid);
		printf("  device %u: %s, %llu MiB, uuid %s", i,
		       vol->dev[i].path,
		       (unsigned long long)vol->dev[i].used >> 20, uuid);
		if (node != TOY_NO_NODE)
			printf(", NUMA node %u", node);
		putchar('\n');
	}
}

static void say_bad(const struct toy_health *h)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < h->nr; i++)
		n += h->bad[i].len;
	if (n)
		printf("  bad    %llu blocks that are left alone\n",
		       (unsigned long long)n);
}

static void say(const struct mkfs *mk, const struct volume *vol,
		const struct toy_mkfs_opts *opts, uint64_t ag_count)
{
	uint64_t bytes = volume_bytes(vol);
	char uuid[UUID_STR_LEN];

	uuid_unparse(mk->uuid, uuid);
	printf("%s: %stoyfs %d.%d, %llu MiB: %llu blocks of %u bytes",
	       vol->dev[0].path, mk->dry ? "would be " : "", TOY_MAJOR,
	       TOY_MINOR, (unsigned long long)bytes >> 20,
	       (unsigned long long)bytes >> ZUFS_BLOCK_SHIFT, ZUFS_BLOCK_SIZE);
	if (ag_count)
		printf(", %llu allocation group%s",
		       (unsigned long long)ag_count, ag_count > 1 ? "s" : "");
	printf("\n  uuid   %s\n  label  %s\n", uuid,
	       mk->label ? mk->label : "(none)");
	say_devices(vol, opts);
	say_bad(opts->health);
}

static bool plan(const struct mkfs *mk, struct volume *vol)
{
	bool ok = true;

	for (unsigned int i = 0; ok && i < vol->nr; i++)
		ok = choose_size(mk, &vol->dev[i]) &&
		     (mk->force || device_blank(&vol->dev[i]));
	return ok;
}

static bool grow(struct volume *vol)
{
	bool ok = true;

	for (unsigned int i = 0; ok && i < vol->nr; i++)
		ok = device_grow(&vol->dev[i], vol->dev[i].used);
	return ok;
}

static bool run_on(const struct mkfs *mk, struct volume *vol,
		   const struct toy_health *health)
{
	struct zufs_dev_id devs[ZUFS_MAX_DEVICES] = { 0 };
	struct toy_mkfs_opts opts;
	uint64_t ag_count = 0;
	int err;

	if (!fill_opts(mk, vol, health, devs, &opts))
		return false;
	err = toy_mkfs_fits(volume_bytes(vol), &opts);
	if (err)
		return make_failed(vol->dev[0].path, err);
	if (!mk->dry && (!grow(vol) || !make_it(vol, &opts, &ag_count)))
		return false;
	if (!mk->quiet)
		say(mk, vol, &opts, ag_count);
	return true;
}

static bool run(const struct mkfs *mk, struct volume *vol)
{
	struct toy_health health;
	bool ok;

	if (!volume_open(vol, mk->paths, mk->nr_paths, !mk->dry) ||
	    !plan(mk, vol) || !volume_health(vol, &health))
		return false;
	ok = run_on(mk, vol, &health);
	toy_health_free(&health);
	return ok;
}

int main(int argc, char **argv)
{
	struct volume vol = { 0 };
	struct mkfs mk = { 0 };
	bool ok;

	switch (parse_options(argc, argv, &mk)) {
	case PARSED_DONE:
		return 0;
	case PARSED_BAD:
		return 1;
	case PARSED_RUN:
		break;
	}
	ok = run(&mk, &vol);
	volume_close(&vol);
	return ok ? 0 : 1;
}
