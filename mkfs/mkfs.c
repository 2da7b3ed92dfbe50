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

/* Bytes of the filesystem: a multiple of 2 MiB. */
static bool choose_size(const struct mkfs *mk, const struct device *dev,
			uint64_t *bytes)
{
	uint64_t want = mk->size ? mk->size : dev->bytes;

	if (dev->fd < 0 && !mk->size)
		return fail("%s: there is no such file: -s SIZE makes one",
			    mk->path);
	if (dev->rdev && want > dev->bytes)
		return fail("%s: has %llu bytes, fewer than -s asks for",
			    mk->path, (unsigned long long)dev->bytes);
	*bytes = want & ~(uint64_t)ZUFS_ALLOC_MASK;
	if (*bytes < MIN_BYTES)
		return fail(
			"%s: %llu bytes are too few: a toyfs wants %llu MiB",
			mk->path, (unsigned long long)want,
			(unsigned long long)MIN_BYTES >> 20);
	if (*bytes > INT64_MAX)
		return fail("%s: %llu bytes are too many", mk->path,
			    (unsigned long long)want);
	if (*bytes != want && !mk->quiet)
		printf("%s: rounded down to %llu MiB, a multiple of 2 MiB: %llu bytes stay unused\n",
		       mk->path, (unsigned long long)*bytes >> 20,
		       (unsigned long long)(want - *bytes));
	return true;
}

static bool fill_opts(const struct mkfs *mk, uint64_t bytes,
		      const struct toy_health *health,
		      struct toy_mkfs_opts *opts)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	*opts = (struct toy_mkfs_opts){
		.label = mk->label,
		.blocks = bytes >> ZUFS_BLOCK_SHIFT,
		.health = health,
		.time = now.tv_sec * 1000000000LL + now.tv_nsec,
	};
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
	return fail("%s: %s", path, strerror(-err));
}

static bool make_it(const struct mkfs *mk, const struct device *dev,
		    uint64_t bytes, const struct toy_health *health,
		    uint64_t *ag_count)
{
	const struct toy_super *sb;
	struct toy_mkfs_opts opts;
	char *base;
	int err;

	if (!fill_opts(mk, bytes, health, &opts))
		return false;
	err = toy_mkfs_fits(bytes, &opts);
	if (err)
		return make_failed(mk->path, err);
	if (!device_wipe(dev))
		return false;
	base = device_map(dev, bytes);
	if (!base)
		return false;
	err = toy_mkfs(base, bytes, &opts);
	if (err)
		make_failed(mk->path, err);
	sb = (const void *)(base + TOY_SB_OFF);
	*ag_count = le64toh(sb->ag_count);
	return device_unmap(dev, base, bytes) && !err;
}

static void say(const struct mkfs *mk, uint64_t bytes, uint64_t ag_count)
{
	char uuid[UUID_STR_LEN];

	uuid_unparse(mk->uuid, uuid);
	printf("%s: %stoyfs %d.%d, %llu MiB: %llu blocks of %u bytes", mk->path,
	       mk->dry ? "would be " : "", TOY_MAJOR, TOY_MINOR,
	       (unsigned long long)bytes >> 20,
	       (unsigned long long)bytes >> ZUFS_BLOCK_SHIFT, ZUFS_BLOCK_SIZE);
	if (ag_count)
		printf(", %llu allocation group%s",
		       (unsigned long long)ag_count, ag_count > 1 ? "s" : "");
	printf("\n  uuid   %s\n  label  %s\n", uuid,
	       mk->label ? mk->label : "(none)");
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

static bool run_on(const struct mkfs *mk, struct device *dev,
		   const struct toy_health *health)
{
	uint64_t bytes = 0, ag_count = 0;

	if (!choose_size(mk, dev, &bytes))
		return false;
	if (!mk->force && !device_blank(dev))
		return false;
	if (!mk->dry && (!device_grow(dev, bytes) ||
			 !make_it(mk, dev, bytes, health, &ag_count)))
		return false;
	if (mk->quiet)
		return true;
	say(mk, bytes, ag_count);
	say_bad(health);
	return true;
}

static bool run(const struct mkfs *mk, struct device *dev)
{
	struct toy_health health;
	bool ok;

	if (!device_open(dev, mk->path, !mk->dry) ||
	    !device_health(dev, &health))
		return false;
	ok = run_on(mk, dev, &health);
	toy_health_free(&health);
	return ok;
}

int main(int argc, char **argv)
{
	struct device dev = { .fd = -1 };
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
	ok = run(&mk, &dev);
	device_close(&dev);
	return ok ? 0 : 1;
}
