// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * flips: spoils one bit or one line of the metadata at seeded places, has each
 * repaired, and looks at what is left. A wrong bit is found and put right, to the
 * bit, wherever it is; a lost line costs at most the inode it belongs to.
 */
#include <getopt.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "flips.h"

static struct options {
	unsigned int files, places, jobs;
	uint64_t seed;
	int64_t only; /* this one place, -1: all */
} opt = { .files = 1000, .places = 1000, .jobs = 1, .seed = 1, .only = -1 };

static struct counts {
	uint64_t failures, found;
} sum;

/* ---- one place ---- */

struct place {
	uint64_t off;
	bool line; /* zeroed, else one bit */
	unsigned int bit;
};

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static bool is_zero(const char *line)
{
	static const char zero[TOY_LINE];

	return !memcmp(line, zero, TOY_LINE);
}

/* Number @i, of the blocks that have metadata; lines that have something. */
static struct place place_of(const struct victim *v, uint64_t i)
{
	uint64_t x = mix(opt.seed * 0x100000001ULL + i);
	struct place p = { .line = x & 1, .bit = x >> 1 & 7 };

	do {
		x = mix(x);
		p.off = v->meta[x % v->nr_meta] * TOY_BLOCK +
			(x >> 40) % TOY_BLOCK;
	} while (p.line && is_zero(v->base + p.off / TOY_LINE * TOY_LINE));
	return p;
}

static void spoil(struct victim *v, const struct place *p)
{
	if (p->line)
		memset(v->addr + p->off / TOY_LINE * TOY_LINE, 0, TOY_LINE);
	else
		v->addr[p->off] ^= (char)(1 << p->bit);
}

static bool count(void *arg, const struct toy_problem *p)
{
	(void)p;
	++*(uint64_t *)arg;
	return true;
}

/* Each place makes toyfs complain. */
__attribute__((format(printf, 2, 3))) static void silent(int level,
							 const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

/* NULL, or what is wrong. */
static const char *repair(struct victim *v, uint64_t *found)
{
	struct toy_check_opts opts = { .found = count, .arg = found };
	struct toy_check_result res;
	const char *wrong = NULL;
	struct toy_fs fs;
	int err;

	*found = 0;
	if (toy_open(&fs, v->addr, v->bytes, &wrong))
		return wrong;
	err = toy_repair(&fs, &opts, &res);
	if (err)
		wrong = strerror(-err);
	else if (res.problems)
		wrong = "problems are left";
	toy_close(&fs);
	return wrong;
}

static void try(struct victim *v, uint64_t i)
{
	struct place p = place_of(v, i);
	uint64_t found;
	const char *wrong;

	spoil(v, &p);
	wrong = repair(v, &found);
	sum.found += found != 0;
	/* What the journals hold is mended without a word. */
	if (!wrong && !found && !victim_unsummed(v, p.off) && victim_same(v))
		wrong = "it isn't found";
	if (!wrong && found && !p.line)
		wrong = victim_same(v);
	if (!wrong && p.line)
		wrong = victim_others(v, victim_owner(v, p.off));
	victim_restore(v);
	if (!wrong)
		return;
	sum.failures++;
	fprintf(stderr,
		"FAILURE: %s of block %lu, byte %lu: %s\n  again: tests/crash/flips --files %u --seed %lu --only %lu\n",
		p.line ? "line" : "bit", p.off / TOY_BLOCK, p.off % TOY_BLOCK,
		wrong, opt.files, opt.seed, i);
}

/* ---- jobs ---- */

static void share(struct victim *v, unsigned int job)
{
	for (uint64_t i = job; i < opt.places; i += opt.jobs)
		if (opt.only < 0 || i == (uint64_t)opt.only)
			try(v, i);
}

/* Each job has a copy of all memory, and tells what it counted. */
static void all(struct victim *v)
{
	int p[2];

	if (pipe(p))
		exit(2);
	for (unsigned int j = 0; j < opt.jobs; j++) {
		pid_t pid = fork();

		if (pid < 0)
			exit(2);
		if (pid)
			continue;
		share(v, j);
		_exit(write(p[1], &sum, sizeof(sum)) != sizeof(sum));
	}
	for (unsigned int j = 0; j < opt.jobs; j++) {
		struct counts one = { .failures = 1 };
		int status;

		/* A job that dies is a failure; it said nothing. */
		if (wait(&status) >= 0 && !status &&
		    read(p[0], &one, sizeof(one)) != sizeof(one))
			exit(2);
		sum.failures += one.failures;
		sum.found += one.found;
	}
}

static const struct option longs[] = {
	{ "files", required_argument, NULL, 'f' },
	{ "places", required_argument, NULL, 'p' },
	{ "seed", required_argument, NULL, 's' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "only", required_argument, NULL, 'o' },
	{ 0 },
};

static bool options(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'f':
			opt.files = (unsigned int)atoi(optarg);
			break;
		case 'p':
			opt.places = (unsigned int)atoi(optarg);
			break;
		case 's':
			opt.seed = strtoull(optarg, NULL, 0);
			break;
		case 'j':
			opt.jobs = (unsigned int)atoi(optarg);
			break;
		case 'o':
			opt.only = atoll(optarg);
			opt.places = (unsigned int)opt.only + 1;
			break;
		default:
			return false;
		}
	}
	return optind == argc && opt.files && opt.jobs;
}

int main(int argc, char **argv)
{
	struct victim v;

	if (!options(argc, argv)) {
		fprintf(stderr,
			"usage: flips [--files N] [--places N] [--seed N] [--jobs N] [--only I]\n");
		return 2;
	}
	victim_make(&v, opt.files);
	toy_log = silent;
	all(&v);
	printf("%u files, %lu blocks of metadata, %u places: %lu found and repaired, %lu harmless by design\nfailures: %lu\n",
	       opt.files, v.nr_meta, opt.places, sum.found,
	       opt.places - sum.found, sum.failures);
	return sum.failures != 0;
}
