// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of 64 KiB, each of which needs a pool, to the files of "served", which
 * takes as long for one as it is told.
 *
 * usage: t_pools FOLDER all       more callers than pools
 *        t_pools FOLDER end       the same while the server is killed: EIO
 *        t_pools FOLDER signal    one that the server has gets a signal
 *        t_pools FOLDER waiter    one that waits is killed, one goes on without
 */
#include <sched.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <time.h>

#include "served.h"

#define CALLERS 8
#define SIZE	65536

static pid_t caller[CALLERS];

/* The errno of @times calls, each of @tenths of a second in the server. */
static int call(int i, int tenths, int times)
{
	static char value[SIZE];
	char file[16], name[16];

	snprintf(file, sizeof(file), "ram%d", i);
	snprintf(name, sizeof(name), "user.%d", tenths);
	for (int n = 0; n < times; n++) {
		memset(value, 'a' + i + n, SIZE);
		if (setxattr(file, name, value, SIZE, 0))
			return errno;
	}
	return 0;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	NEED(sched_setaffinity(0, sizeof(set), &set) == 0);
}

static void begin(int i, int tenths, int times)
{
	caller[i] = fork();
	NEED(caller[i] >= 0);
	if (caller[i])
		return;
	pin(i % (int)sysconf(_SC_NPROCESSORS_ONLN));
	_exit(call(i, tenths, times));
}

/* The errno that it ends with; -1: by a signal. */
static int end(int i)
{
	int status;

	NEED(waitpid(caller[i], &status, 0) == caller[i]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* As many as libzus makes for this many CPUs. */
static int pools(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN) + 1;

	return n < 6 ? (int)n : 6;
}

/* All pools are in use for so long. CPU 1 has a thread left that answers this one. */
static void take_all(int tenths)
{
	pin(1);
	for (int i = 0; i < pools(); i++)
		begin(i, tenths, 1);
	for (int i = 0; i < 200 && counter("\nnow ") != pools(); i++)
		usleep(50000);
	OK("all pools are in use", counter("\nnow ") == pools());
}

static void all(void)
{
	int i, bad = 0;

	for (i = 0; i < CALLERS; i++)
		begin(i, 2, 3);
	for (i = 0; i < CALLERS; i++)
		bad += end(i) != 0;
	OK("more callers than pools: all are answered", !bad);
	OK("so many at once as there are pools", counter("\nmost ") == pools());
	OK("each with a pool of its own", counter("\nspoilt ") == 0);
	OK("and nobody has one any more", counter("\nnow ") == 0);
}

/* The suite kills it. */
static void server_ends(void)
{
	int i, bad = 0;

	take_all(600);
	for (i = pools(); i < CALLERS; i++)
		begin(i, 600, 1);
	usleep(300000);
	printf("ok - and waited for\n");
	for (i = 0; i < CALLERS; i++)
		bad += end(i) != EIO;
	OK("the server is killed: each of them gets EIO", !bad);
}

static void waiter(void)
{
	int i, n = pools(), bad = 0, fd = make_extents("ram7", 5000);
	struct told t;
	time_t began;

	take_all(50);
	began = time(NULL);
	begin(n, 50, 1);
	usleep(500000);
	NEED(kill(caller[n], SIGKILL) == 0);
	OK("one that waits for a pool is killed",
	   end(n) == -1 && time(NULL) - began < 4);
	t = extents(fd, 5000);
	OK("FIEMAP doesn't wait for one: it comes in parts",
	   t.n == 5000 && t.last && t.handoffs > 1);
	OK("before any is free", counter("\nnow ") == n);
	close(fd);
	for (i = 0; i < n; i++)
		bad += end(i) != 0;
	OK("the others are answered", !bad);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* The server is told in the operation buffer, not in the pool. */
static void interrupted(void)
{
	const struct itimerval each = { { 1, 0 }, { 1, 0 } }, never = { 0 };
	struct sigaction sa = { .sa_handler = on_alarm };
	time_t began = time(NULL);

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &each, NULL);
	OK("a signal reaches the callback of an operation in a pool",
	   call(0, 500, 1) == EINTR);
	setitimer(ITIMER_REAL, &never, NULL);
	OK("and soon", time(NULL) - began < 20);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";

	if (argc != 3)
		return 2;
	calls_begin(argv[1]);
	if (!strcmp(what, "all"))
		all();
	else if (!strcmp(what, "end"))
		server_ends();
	else if (!strcmp(what, "signal"))
		interrupted();
	else
		waiter();
	return calls_end();
}
