// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * explore: tries every image that a power cut could leave of toyfs.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cover.h"
#include "run.h"
#include "two.h"
#include "zus.h"

#define QUICK_PAIRS  300
#define QUICK_RANDOM 100
#define JOBS_MAX     64

struct options {
	unsigned int length; /* of all sequences, 0: none */
	uint64_t triples;    /* sequences of 3, by seed */
	uint64_t random;     /* random workloads */
	unsigned int random_length;
	uint64_t seed;
	double seconds; /* 0: no limit */
	int jobs;
	bool slice;    /* a seeded part of all sequences */
	uint64_t most; /* failures; then it ends */
	bool quick; /* all single calls and some pairs with few images first */
	const char *base, *run;
	bool two;	    /* pairs of calls in flight at once */
	unsigned int at[2]; /* the fences at which they give way */
};

/* What a worker tells. */
struct totals {
	uint64_t workloads, calls, fences, points, made, distinct, nested,
		failures;
	uint64_t cut; /* workers whose time ended in the first pass */
	uint64_t runs[ZUFS_OP_MAX_OPT]; /* operations, by number */
};

static struct options opt = { .seed = 1,
			      .jobs = 1,
			      .random_length = 8,
			      .most = 10 };
static struct runner *runners; /* one for each base, made when needed */
static struct totals sum;
static struct timespec start;
static pid_t workers[JOBS_MAX];
static volatile sig_atomic_t interrupted;

static double elapsed(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)(t.tv_sec - start.tv_sec) +
	       (double)(t.tv_nsec - start.tv_nsec) / 1e9;
}

static bool is_enough(void)
{
	return interrupted || sum.failures >= opt.most ||
	       (opt.seconds > 0 && elapsed() >= opt.seconds);
}

/* On a terminal, in its last line: worker 0 for all. */
static void progress(const char *what, uint64_t done, uint64_t all, int job)
{
	static double last;

	if (job || !isatty(STDERR_FILENO) || elapsed() < last + 1)
		return;
	last = elapsed();
	fprintf(stderr, "\r%-24s %3" PRIu64 "%%  %.0f s  ", what,
		done * 100 / all, last);
}

static struct runner *runner_of(const struct base *base)
{
	struct runner *r = &runners[base - bases];

	if (!r->base && runner_init(r, base)) {
		fprintf(stderr, "explore: no memory for a filesystem\n");
		exit(2);
	}
	return r;
}

static void run(const struct workload *w, bool quick)
{
	struct runner *r = runner_of(w->base);

	r->im.quick = quick;

	sum.workloads++;
	if (!runner_run(r, w))
		return;
	sum.failures++;
	runner_report(r, w);
}

static void run_both(const struct workload *w, unsigned int had[2])
{
	struct runner *r = runner_of(w->base);

	r->im.quick = false;
	sum.workloads++;
	if (!two_run(r, w, opt.at, had))
		return;
	sum.failures++;
	runner_report(r, w);
	fprintf(stderr, "  and, both in flight: --two --at %u,%u\n", opt.at[0],
		opt.at[1]);
}

/* ---- which ---- */

static void run_text(void)
{
	struct workload w = { .base = &bases[0] };
	unsigned int had[2];

	for (unsigned int i = 0; opt.base && i < nr_bases; i++)
		if (!strcmp(bases[i].name, opt.base))
			w.base = &bases[i];
	w.n = op_parse_all(opt.run, w.ops, OP_MAX);
	if (w.n < 1) {
		fprintf(stderr, "explore: no workload: \"%s\"\n", opt.run);
		exit(2);
	}
	w.from = w.n - 1;
	if (opt.two && w.n == 2)
		run_both(&w, had);
	else
		run(&w, false);
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ opt.seed) * 0x9e3779b97f4a7c15ULL;
	return x ^ x >> 31;
}

struct pass {
	unsigned int len;
	bool quick;    /* with few images */
	uint64_t most; /* sequences, by seed; 0: all */
};

/* Number @job of opt.jobs does its share. */
static void run_sequences(const struct pass *p, int job)
{
	static const char *const names[] = { "", "single calls",
					     "pairs of calls", "three calls" };
	uint64_t count = workload_count(p->len);
	uint64_t most = p->most ? p->most : count;
	struct workload w;

	for (uint64_t i = (uint64_t)job; i < most; i += (uint64_t)opt.jobs) {
		if (is_enough()) {
			sum.cut |= p->len == 1 && p->quick == opt.quick;
			return;
		}
		progress(names[p->len], i, most, job);
		if (workload_get(p->len, p->most ? mix(i) % count : i, &w) &&
		    (!opt.base || !strcmp(opt.base, w.base->name)))
			run(&w, p->quick);
	}
}

static void run_random(uint64_t nr, bool quick, int job)
{
	struct workload w;

	for (uint64_t i = (uint64_t)job; i < nr; i += (uint64_t)opt.jobs) {
		if (is_enough())
			return;
		progress("long sequences", i, nr, job);
		workload_random(opt.random_length, mix(i), &w);
		run(&w, quick);
	}
}

static void run_quick(int job)
{
	run_sequences(&(struct pass){ .len = 1, .quick = true }, job);
	run_sequences(&(struct pass){ 2, true, QUICK_PAIRS }, job);
	run_random(QUICK_RANDOM, true, job);
}

/* The pair with each two fences at which the calls give way. */
static void run_two(uint64_t i)
{
	unsigned int had[2] = { 0, 0 };
	struct workload w;

	two_get(i, &w);
	for (opt.at[0] = 0; !opt.at[0] || opt.at[0] < had[0]; opt.at[0]++)
		for (opt.at[1] = 0; !opt.at[1] || opt.at[1] < had[1];
		     opt.at[1]++)
			if (!is_enough())
				run_both(&w, had);
}

static void run_all_two(int job)
{
	for (uint64_t i = (uint64_t)job; i < two_count() && !is_enough();
	     i += (uint64_t)opt.jobs) {
		progress("two at once", i, two_count(), job);
		run_two(i);
	}
}

/* Pairs, and after three of them a longer one, or two at once. */
static void run_slice(int job)
{
	uint64_t count = workload_count(2);
	struct workload w;

	for (uint64_t i = (uint64_t)job, n = 0; !is_enough();
	     i += (uint64_t)opt.jobs, n++) {
		if (n % 8 == 5) {
			run_two(mix(i) % two_count());
			continue;
		}
		if (n % 4 == 3)
			workload_random(opt.random_length, mix(i), &w);
		else if (!workload_get(2, mix(i) % count, &w))
			continue;
		run(&w, false);
	}
}

static void add_runs(const uint64_t *runs)
{
	for (int i = 0; i < ZUFS_OP_MAX_OPT; i++)
		sum.runs[i] += runs[i];
}

static void work(int job)
{
	runners = calloc(nr_bases, sizeof(*runners));
	if (opt.run)
		run_text();
	if (opt.quick)
		run_quick(job);
	for (unsigned int len = 1; len <= opt.length; len++)
		run_sequences(&(struct pass){ .len = len }, job);
	if (opt.triples)
		run_sequences(&(struct pass){ .len = 3, .most = opt.triples },
			      job);
	if (opt.slice)
		run_slice(job);
	run_random(opt.random, false, job);
	if (opt.two && !opt.run)
		run_all_two(job);
	for (unsigned int b = 0; b < nr_bases; b++) {
		struct runner *r = &runners[b];

		sum.calls += r->calls;
		sum.fences += r->fences;
		sum.points += r->im.stats.points;
		sum.made += r->im.stats.made;
		sum.distinct += r->im.stats.distinct;
		sum.nested += r->im.stats.nested;
		add_runs(r->k.runs);
		add_runs(r->look.runs);
	}
}

/* ---- workers ---- */

static void add(const struct totals *t)
{
	sum.workloads += t->workloads;
	sum.calls += t->calls;
	sum.fences += t->fences;
	sum.points += t->points;
	sum.made += t->made;
	sum.distinct += t->distinct;
	sum.nested += t->nested;
	sum.failures += t->failures;
	sum.cut += t->cut;
	add_runs(t->runs);
}

/* What was done until then is told. */
static void on_signal(int sig)
{
	interrupted = 1;
	for (int j = 0; j < opt.jobs && workers[j]; j++)
		kill(workers[j], sig);
}

static void catch (void)
{
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = SA_RESTART };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

/* A worker that dies is a failure. */
static void collect(int fd, pid_t pid)
{
	struct totals t;
	int status;

	if (read(fd, &t, sizeof(t)) == (ssize_t)sizeof(t))
		add(&t);
	close(fd);
	waitpid(pid, &status, 0);
	if (status) {
		fprintf(stderr, "FAILURE: a worker died, status %#x\n", status);
		sum.failures++;
	}
}

static void work_apart(void)
{
	int fds[JOBS_MAX];

	for (int j = 0; j < opt.jobs; j++) {
		int p[2];

		if (pipe(p) || (workers[j] = fork()) < 0)
			exit(2);
		if (!workers[j]) {
			memset(workers, 0, sizeof(workers));
			work(j);
			if (write(p[1], &sum, sizeof(sum)) != sizeof(sum))
				_exit(2);
			_exit(0);
		}
		close(p[1]);
		fds[j] = p[0];
	}
	for (int j = 0; j < opt.jobs; j++)
		collect(fds[j], workers[j]);
}

/* ---- main ---- */

static void usage(FILE *to)
{
	fputs("usage: explore --all | --slice SECONDS | --run CALLS [--base NAME]\n"
	      "               [--length N] [--random N] [--random-length N] [--seed N] [--jobs N]\n"
	      "               [--quick] [--first]\n"
	      "               [--two [--at A,B]]\n"
	      "--all: each sequence of 1 and of 2 calls, 1,000 of 3 and of 8 by seed, and --two.\n"
	      "--two: two calls in flight at once, that give way at fences A and B; without\n"
	      "--run all pairs, at all fences.\n"
	      "--slice: 1 call, then of the rest what the time allows, by seed.\n"
	      "--run: the moments of the last of these calls. --base: begin with that one.\n"
	      "--quick: first each call, 300 pairs, 100 random ones: few images of each moment.\n"
	      "--first: no more after a failure, else after 10 of a job.\n"
	      "--coverage: what is covered of toyfs, and how.\n",
	      to);
	for (unsigned int b = 0; b < nr_bases; b++)
		fprintf(to, "  base %-8s %s\n", bases[b].name, bases[b].what);
}

static const struct option longs[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "slice", required_argument, NULL, 't' },
	{ "run", required_argument, NULL, 'r' },
	{ "base", required_argument, NULL, 'b' },
	{ "length", required_argument, NULL, 'l' },
	{ "random", required_argument, NULL, 'n' },
	{ "random-length", required_argument, NULL, 'm' },
	{ "seed", required_argument, NULL, 's' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "quick", no_argument, NULL, 'q' },
	{ "first", no_argument, NULL, 'f' },
	{ "two", no_argument, NULL, '2' },
	{ "at", required_argument, NULL, '@' },
	{ "coverage", no_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static bool option(int c)
{
	switch (c) {
	case 'a':
		opt.length = 2;
		opt.triples = 1000;
		opt.random = 1000;
		opt.two = true;
		return true;
	case 't':
		opt.slice = true;
		opt.length = 1;
		opt.seconds = atof(optarg);
		return true;
	case 'r':
		opt.run = optarg;
		return true;
	case 'b':
		opt.base = optarg;
		return true;
	case 'l':
		opt.length = (unsigned int)atoi(optarg);
		return true;
	case 'n':
		opt.random = strtoull(optarg, NULL, 0);
		return true;
	case 'm':
		opt.random_length = (unsigned int)atoi(optarg) % OP_MAX;
		return true;
	case 's':
		opt.seed = strtoull(optarg, NULL, 0);
		return true;
	case '2':
		opt.two = true;
		return true;
	case '@':
		return sscanf(optarg, "%u,%u", &opt.at[0], &opt.at[1]) == 2;
	case 'q':
		opt.quick = true;
		return true;
	case 'f':
		opt.most = 1;
		return true;
	case 'j':
		opt.jobs = atoi(optarg);
		return opt.jobs > 0 && opt.jobs <= JOBS_MAX;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return 0;
		}
		if (c == 'c') {
			cover_print(stdout);
			return !cover_ok(NULL);
		}
		if (!option(c)) {
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc || (!opt.run && !opt.length && !opt.random &&
			      !opt.quick && !opt.two)) {
		usage(stderr);
		return 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	catch ();
	if (opt.jobs > 1)
		work_apart();
	else
		work(0);
	if (sum.cut)
		printf("the time ended before each call was made: coverage not checked\n");
	else if (opt.length && !opt.base && !sum.failures && !interrupted)
		sum.failures += !cover_ok(sum.runs);
	printf("workloads %" PRIu64 ", calls %" PRIu64 ", fences %" PRIu64
	       ", moments %" PRIu64 "\n",
	       sum.workloads, sum.calls, sum.fences, sum.points);
	printf("images %" PRIu64 ", distinct images checked %" PRIu64
	       " (%" PRIu64 " by crashes of recovery), %.0f a second\n",
	       sum.made, sum.distinct, sum.nested,
	       (double)sum.distinct / (elapsed() + 0.001));
	if (interrupted)
		printf("interrupted after %.0f s\n", elapsed());
	printf("failures: %" PRIu64 "\n", sum.failures);
	return sum.failures || interrupted;
}
