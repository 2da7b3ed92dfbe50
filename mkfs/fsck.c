// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/* fsck.toyfs - checks a toyfs and repairs it. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fsck.h"

const char tool_name[] = "fsck.toyfs";

/* What the library says; it is told if nothing can be done. */
static char said[256];

__attribute__((format(printf, 2, 3))) static void keep_log(int level,
							   const char *fmt, ...)
{
	va_list ap;

	if (level > TOY_LOG_ERR)
		return;
	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

static void say_state(const struct fsck *f, const struct toy_fs *fs,
		      const struct toy_check_result *res)
{
	printf("%s: %s%s%" PRIu64 " inodes (%" PRIu64 " directories), %" PRIu64
	       " of %" PRIu64 " blocks in use\n",
	       f->path, fs->label, *fs->label ? ": " : "", res->inodes,
	       res->directories, res->blocks_used, res->blocks);
	if (res->orphans)
		printf("%s: %" PRIu64
		       " removed files or truncates are finished by the next mount\n",
		       f->path, res->orphans);
}

static int result_of(const struct fsck *f, const struct toy_check_result *res,
		     int err)
{
	if (err == -ECANCELED) {
		fail("%s: canceled; what was repaired is whole, run this again for the rest",
		     f->path);
		return FSCK_CANCELED;
	}
	if (err == -ENOSPC)
		fail("%s: no space for lost+found: mount it, remove something, run this again",
		     f->path);
	else if (err == -EIO)
		fail("%s: memory that can't be read, and isn't known to be bad: find it (ndctl start-scrub), then run this again",
		     f->path);
	else if (err)
		fail("%s: %s%s%s", f->path, strerror(-err), *said ? ": " : "",
		     said);
	if (err)
		return err == -ENOSPC ? FSCK_LEFT : FSCK_ERROR;
	if (res->problems) {
		printf("%s: %" PRIu64 " problems are left%s\n", f->path,
		       res->problems,
		       f->mode == FSCK_PREEN ? ": run fsck.toyfs without -p" :
					       "");
		return FSCK_LEFT;
	}
	if (res->repairs)
		printf("%s: %" PRIu64 " repairs, nothing is wrong now\n",
		       f->path, res->repairs);
	return res->repairs ? FSCK_REPAIRED : FSCK_OK;
}

static bool say_nothing(void *arg, const struct toy_problem *p)
{
	(void)arg;
	(void)p;
	return false;
}

/* Only what a mount reads, unless there is something wrong with that. */
static bool is_clean(struct toy_fs *fs, const struct fsck *f)
{
	struct toy_check_opts opts = { .found = say_nothing, .quick = true };
	struct toy_check_result res;

	if (toy_check(fs, &opts, &res) || res.problems)
		return false;
	printf("%s: superblocks, journals and state are fine (-f checks all)\n",
	       f->path);
	return true;
}

/* Its memory had an unsafe shutdown, or is another one. */
static bool lost_power(const struct fsck *f, const struct toy_fs *fs)
{
	bool lost = false;

	for (unsigned int d = 0; d < f->health.nr_devs; d++)
		lost |= f->health.shutdowns[d] != TOY_NO_COUNT &&
			f->health.shutdowns[d] != fs->shutdowns[d];
	return lost;
}

static void keep_shutdowns(const struct fsck *f, struct toy_fs *fs)
{
	const struct toy_super *sb = pm_at(fs, toy_super_off(fs));
	uint64_t now[ZUFS_MAX_DEVICES];

	memcpy(now, fs->shutdowns, sizeof(now));
	for (unsigned int d = 0; d < f->health.nr_devs; d++)
		if (f->health.shutdowns[d] != TOY_NO_COUNT)
			now[d] = f->health.shutdowns[d];
	toy_super_set(fs, now, sb->bad);
}

static void found_whole(const struct fsck *f, struct toy_fs *fs,
			const struct toy_check_result *res)
{
	say_state(f, fs, res);
	if (lost_power(f, fs) && f->mode != FSCK_NO)
		keep_shutdowns(f, fs);
}

static int check(struct fsck *f, struct toy_fs *fs)
{
	struct toy_check_opts opts = { .found = fsck_found,
				       .progress = fsck_progress,
				       .canceled = fsck_canceled,
				       .arg = f,
				       .health = &f->health };
	struct toy_check_result res = { 0 };
	int err = toy_recover(fs);

	if (err && err != -EUCLEAN)
		return result_of(f, &res, err);
	if (!err && f->mode == FSCK_PREEN && !f->force && !lost_power(f, fs) &&
	    is_clean(fs, f))
		return FSCK_OK;
	if (f->mode == FSCK_NO)
		err = toy_check(fs, &opts, &res);
	else
		err = toy_repair(fs, &opts, &res);
	fsck_talked(f);
	if (!err && !res.problems)
		found_whole(f, fs, &res);
	return result_of(f, &res, err);
}

static int open_and_check(struct fsck *f, char *base, uint64_t bytes)
{
	struct toy_fs fs;
	const char *why;
	int code;

	if (toy_open(&fs, base, bytes, &why)) {
		fail("%s: %s", f->path, why);
		return FSCK_ERROR;
	}
	code = check(f, &fs);
	toy_close(&fs);
	return code;
}

/* Without what is there nothing can be found; the maps of space are behind it. */
static bool bad_fixed(const struct fsck *f)
{
	const struct toy_health *h = &f->health;

	if (!h->nr || h->bad[0].bn >= TOY_AG_NODE_BN)
		return false;
	fail("%s: block %" PRIu64
	     " is bad, where superblocks and journals are: mend it (ndctl clear-errors), then run this again",
	     f->path, h->bad[0].bn);
	return true;
}

/* All there, each a part of one filesystem, and what is known of them. */
static bool open_volume(struct fsck *f, struct volume *vol)
{
	if (!volume_open(vol, f->paths, f->nr_paths, f->mode != FSCK_NO))
		return false;
	for (unsigned int i = 0; i < vol->nr; i++) {
		if (vol->dev[i].fd < 0)
			return fail("%s: there is no such file",
				    vol->dev[i].path);
		if (!vol->dev[i].bytes)
			return fail("%s: it is empty", vol->dev[i].path);
	}
	return volume_order(vol) && volume_health(vol, &f->health);
}

static int run(struct fsck *f, struct volume *vol)
{
	char *base;
	int code;

	if (!open_volume(f, vol))
		return FSCK_ERROR;
	if (bad_fixed(f))
		return FSCK_LEFT;
	base = volume_map(vol, f->mode == FSCK_NO);
	if (!base)
		return FSCK_ERROR;
	code = open_and_check(f, base, volume_bytes(vol));
	return volume_unmap(vol, base) ? code : FSCK_ERROR;
}

int main(int argc, char **argv)
{
	struct volume vol = { 0 };
	struct fsck f = { 0 };
	int code = fsck_options(argc, argv, &f);

	if (code >= 0)
		return code;
	toy_log = keep_log;
	fsck_listen();
	code = run(&f, &vol);
	toy_health_free(&f.health);
	volume_close(&vol);
	return code;
}
