// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * What is done with a hostile image: it is mounted, read and changed, then
 * repaired; what was repaired is clean, and remains so.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "toycheck.h"

/* The first byte of an input. */
enum {
	NO_MOUNT = 1,
	READ_ONLY = 2,
	POWER_CUT = 4,
	REMOUNT = 8, /* it becomes writable */
	PICKY = 16,  /* some repairs first */
};

#define CHANGES	      24U
#define CHANGES_AFTER 6U

static struct kern k;
static struct paths paths;
/* From when on the media can contradict themselves no more. */
static bool repaired;

void found(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("FOUND: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	abort();
}

__attribute__((format(printf, 2, 3))) static void
look_at_log(int level, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (!repaired || level > TOY_LOG_ERR)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	found("after the repair: %s", text);
}

/* ---- a mount ---- */

static int live(uint32_t seed, unsigned int changes, uint8_t mode)
{
	uint64_t flags = mode & READ_ONLY ? ZUFS_M_RDONLY : 0;
	int err;

	k = (struct kern){ .now = FUZZ_NOW };
	err = kern_mount(&k, zus_find_fs("toyfs"), media, FUZZ_BYTES, flags);
	if (err)
		return err;
	err = walk(&k, &paths);
	if (err && repaired)
		found("after the repair: error %d", err);
	if (mode & REMOUNT)
		kern_remount(&k, false);
	change(&k, &paths, seed, changes);
	if (mode & POWER_CUT)
		kern_kill(&k);
	else
		kern_umount(&k);
	return 0;
}

/* ---- checks ---- */

static bool accept(void *arg, const struct toy_problem *p)
{
	(void)arg;
	(void)p;
	return true;
}

/* Every other problem, by a number of its own. */
static bool pick(void *arg, const struct toy_problem *p)
{
	return (p->bn ^ p->ino ^ (uintptr_t)arg) & 1;
}

static bool unclean(void *arg, const struct toy_problem *p)
{
	found("%s: inode %lu, block %lu: %s", (const char *)arg, p->ino, p->bn,
	      p->text);
}

static void check(const char *when,
		  bool (*problem)(void *arg, const struct toy_problem *p))
{
	struct toy_check_opts opts = { .found = problem, .arg = (void *)when };
	struct toy_check_result res;
	const char *why;
	struct toy_fs fs;
	int err = toy_open(&fs, media, FUZZ_BYTES, &why);

	if (err)
		found("%s: no open: %s", when, why);
	err = toy_recover(&fs);
	if (!err)
		err = toy_check(&fs, &opts, &res);
	if (err)
		found("%s: no check: %d", when, err);
	toy_close(&fs);
}

/* No name in lost+found is the only problem that space is needed for. */
static bool lost(void *arg, const struct toy_problem *p)
{
	return p->code == TOY_P_LOST || unclean(arg, p);
}

/* One of two is enough, unless the other says that a later version made it. */
static bool can_open(const char *why)
{
	uint64_t copy = ZUFS_MDT_COPY_OFFSET;

	return (media_same(0, TOY_SB_OFF) || media_same(copy, TOY_SB_OFF)) &&
	       (media_same(TOY_SB_OFF, 2048) ||
		media_same(copy + TOY_SB_OFF, 2048)) &&
	       strcmp(why, "filesystem has features unknown here") != 0;
}

static int repair_once(struct toy_fs *fs, const struct toy_check_opts *opts)
{
	struct toy_check_result res;
	const char *why;
	int err = toy_open(fs, media, FUZZ_BYTES, &why);

	if (err && can_open(why))
		found("no open: %s", why);
	if (err)
		return -EROFS;
	err = toy_repair(fs, opts, &res);
	if (fs->ro_feat)
		err = -EROFS;
	toy_close(fs);
	return err;
}

/* False: it can't be repaired, by design. */
static bool repair(bool picky)
{
	struct toy_check_opts opts = { .found = pick };
	struct toy_fs fs;
	int err;

	if (picky)
		repair_once(&fs, &opts);
	opts.found = accept;
	err = repair_once(&fs, &opts);
	if (err && err != -EROFS && err != -ENOSPC)
		found("no repair: %d", err);
	if (err == -ENOSPC)
		check("without space", lost);
	return !err;
}

/* ---- all of it ---- */

void fuzz_init(void)
{
	media_make();
	base_make();
	units_find();
	media_keep();
	toy_log = look_at_log;
}

void fuzz_one(const uint8_t *data, size_t size)
{
	uint32_t seed;
	int err;

	if (size < FUZZ_HEAD)
		return;
	seed = data[1] | (uint32_t)data[2] << 8;
	repaired = false;
	media_restore();
	edits(data + FUZZ_HEAD, size - FUZZ_HEAD);
	if (!(data[0] & NO_MOUNT))
		live(seed, CHANGES, data[0]);
	if (!repair(data[0] & PICKY))
		return;
	repaired = true;
	check("after the repair", unclean);
	err = live(seed + 1, CHANGES_AFTER, data[0] & POWER_CUT);
	if (err)
		found("no mount after the repair: %d", err);
	check("after changes", unclean);
}
