// SPDX-License-Identifier: GPL-2.0
/*
 * hostile: rounds of a server that lies and misuses its files, on a control
 * root of its own. Each round has a new server, a mount, and applications on
 * it; and beside it a mount of a memfs, of which the same server tells no lies.
 * At its end the applications can be killed, the mounts can be unmounted and
 * the server ends, each in bounded time; what the kernel complains of is looked
 * at by the caller. A seed makes the same lies; threads still race.
 *
 * usage: hostile [-s SEED] [-n CALLS] [-t SECONDS] ROOT DIR MEMFS PLUGIN TYPE SOURCE [IMAGE]
 * Runs until CALLS system calls and replies were made, or SECONDS are over.
 * MEMFS is the plugin for DIR.beside. IMAGE is a filesystem of TYPE, empty, whose
 * first 2 MiB are put on SOURCE before each mount; SOURCE "none" is for a type
 * without a device.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile.h"

#define APPS 3

/* Until there is nothing to be learned from this server any more. */
static void let_them_work(struct rng *r)
{
	double end = now() + 1 + below(r, 4000) / 1000.0;
	uint64_t last = 0;

	while (now() < end) {
		usleep(300000);
		if (counts->replies == last)
			break; /* it is dead, or waits for its time limit */
		last = counts->replies;
		if (once_in(r, 3))
			drop_caches();
		if (once_in(r, 6) &&
		    (try_remount(MS_RDONLY) < 0 || try_remount(0) < 0))
			break; /* the end will tell */
	}
}

/* 0; its status once it has ended; -1: it doesn't. */
static int end_beside(pid_t pid)
{
	int status = 0;

	if (pid < 0)
		return -1;
	if (waitpid(pid, &status, WNOHANG) == pid)
		return status;
	return kill_and_wait(pid, "a killed application beside");
}

static int work(struct rng *r)
{
	pid_t apps[APPS];
	int bad = 0;

	counts->mounts++;
	for (int i = 0; i < APPS; i++) {
		apps[i] = fork();
		if (!apps[i])
			app_run(rnd(r) + i);
		bad |= apps[i] < 0;
	}
	let_them_work(r);
	for (int i = 0; i < APPS; i++)
		if (apps[i] > 0)
			bad |= kill_and_wait(apps[i], "a killed application");
	return bad;
}

static int work_beside(struct rng *r, bool mounted)
{
	pid_t pid = fork();
	int bad;

	if (!pid)
		beside_run(rnd(r));
	bad = mounted ? work(r) : 0;
	return bad | end_beside(pid);
}

static int try_umounts(bool mounted)
{
	return (mounted ? try_umount(opt.dir) : 0) | try_umount(opt.beside);
}

static int run_round(uint64_t seed)
{
	struct rng r = { seed };
	pid_t server;
	bool mounted, beside;
	int err, bad;

	if (opt.image && restore_device()) {
		printf("not ok - %s can be written\n", opt.source);
		return -1;
	}
	counts->rounds++;
	server = start_server(rnd(&r));
	if (server < 0)
		return -1;
	err = try_mount_beside();
	bad = err < 0;
	beside = !err;
	err = try_mount();
	mounted = !err;
	bad |= err < 0;
	if (beside)
		bad |= work_beside(&r, mounted);
	if (once_in(&r, 2)) {
		bad |= kill_and_wait(server, "the server");
		bad |= mounted ? try_dead(opt.dir) : 0;
		bad |= beside ? try_dead(opt.beside) : 0;
		return bad | try_umounts(mounted);
	}
	bad |= try_umounts(mounted);
	return bad | kill_and_wait(server, "the server");
}

/* ---- the whole ---- */

static void report(double seconds)
{
	printf("# %llu in the window, %llu in pools; beside that %llu files were right\n",
	       (unsigned long long)counts->windows,
	       (unsigned long long)counts->pools,
	       (unsigned long long)counts->good);
	printf("# %llu rounds (%llu mounts), %llu calls, %llu replies (%llu of them lies), %llu misuses, %.0f s\n",
	       (unsigned long long)counts->rounds,
	       (unsigned long long)counts->mounts,
	       (unsigned long long)counts->calls,
	       (unsigned long long)counts->replies,
	       (unsigned long long)counts->lies,
	       (unsigned long long)counts->misuses, seconds);
}

static int usage(void)
{
	fprintf(stderr,
		"usage: hostile [-s SEED] [-n CALLS] [-t SECONDS] " ARGUMENTS
		"\n");
	return 2;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, wanted = ~0ULL;
	double begin = now(), seconds = 60;
	int c, bad = 0;

	while ((c = getopt(argc, argv, "s:n:t:")) != -1)
		switch (c) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			wanted = strtoull(optarg, NULL, 0);
			break;
		case 't':
			seconds = strtod(optarg, NULL);
			break;
		default:
			return usage();
		}
	if (driver_init(argc - optind, argv + optind))
		return usage();
	while (!bad && counts->calls + counts->replies < wanted &&
	       now() - begin < seconds)
		bad = run_round(seed++);
	report(now() - begin);
	return bad ? 1 : 0;
}
