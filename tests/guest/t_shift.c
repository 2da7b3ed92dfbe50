// SPDX-License-Identifier: GPL-2.0
/*
 * Calls on a mount of the plugin shift, whose blocks move all the time.
 *
 * usage: t_shift FOLDER
 */
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/xattr.h>
#include <time.h>

#include "calls.h"

#define SIZE  (4 << 20)
#define IO    (256 << 10)
#define LARGE (1 << 20)
#define PART  (2L << 20)
#define PARTS 3
#define GEN   1 /* of all files */

static char buf[100];

static void on_alarm(int sig)
{
	(void)sig;
}

/* The server answers when it hears of the signal; without that after 30 seconds. */
static void interrupted(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	time_t began = time(NULL);

	new_text("wait", "");
	sigaction(SIGALRM, &sa, NULL);
	alarm(1);
	FAILS(EINTR, "a signal of the caller reaches the callback",
	      getxattr("wait", "user.wait", buf, sizeof(buf)));
	OK("and soon", time(NULL) - began < 15);
	/* One that was there before the call. */
	sigset_t set, old;
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGALRM);
	alarm(2);
	began = time(NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	FAILS(EINTR, "again", getxattr("wait", "user.wait", buf, sizeof(buf)));
}

static void from_a_callback(void)
{
	FAILS(EDEADLK, "zus_inval_map() from a callback",
	      getxattr("wait", "user.inval", buf, sizeof(buf)));
}

/*
 * The caller's memory is a mapping of the file that he writes to: its pages are
 * taken away while they are copied.
 */
static void own_mapping(void)
{
	int fd = new_file("own"), bad = 0;
	time_t end = time(NULL) + 4;
	unsigned int i;
	char *map;

	for (i = 0; i < SIZE / 4096; i++) {
		memset(buf, (int)i, sizeof(buf));
		NEED(pwrite(fd, buf, 100, i * 4096L) == 100);
	}
	NEED(ftruncate(fd, SIZE) == 0);
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(map != MAP_FAILED);
	for (i = 0; time(NULL) < end; i++) {
		size_t from = i * 7 % ((SIZE / 2 - IO) / 4096) * 4096;
		size_t to = SIZE / 2 + from;

		bad += pwrite(fd, map + from, IO, (off_t)to) != IO;
		bad += pread(fd, map + to, IO, (off_t)from) != IO;
		bad += memcmp(map + from, map + to, IO) != 0;
	}
	OK("writes from and reads to a mapping of the same file", bad == 0);
	munmap(map, SIZE);
	close(fd);
	NEED(unlink("own") == 0);
}

/* The parts of the file, of 2 MiB, whose first page is not mapped any more. */
static int faults(const char *map)
{
	struct rusage before, after;
	int parts = 0;

	for (int i = 0; i < PARTS; i++) {
		getrusage(RUSAGE_SELF, &before);
		*(volatile const char *)(map + i * PART);
		getrusage(RUSAGE_SELF, &after);
		if (after.ru_minflt + after.ru_majflt >
		    before.ru_minflt + before.ru_majflt)
			parts |= 1 << i;
	}
	return parts;
}

static int after_inval(const char *map, long offset, long len, int generation)
{
	char name[60];

	snprintf(name, sizeof(name), "user.range %ld %ld %d", offset, len,
		 generation);
	NEED(getxattr("still", name, buf, sizeof(buf)) >= 0);
	return faults(map);
}

/* What is mapped elsewhere stays. */
static void ranges(void)
{
	int fd = new_file("still");
	char *map;

	for (int i = 0; i < PARTS; i++)
		NEED(pwrite(fd, buf, 100, i * PART) == 100);
	map = mmap(NULL, PARTS * PART, PROT_READ, MAP_SHARED, fd, 0);
	NEED(map != MAP_FAILED);
	faults(map);
	OK("what is mapped stays mapped", faults(map) == 0);
	OK("INVAL_MAP of a byte", after_inval(map, PART, 1, GEN) == 2);
	OK("of two bytes, in two parts",
	   after_inval(map, PART - 1, 2, GEN) == 3);
	OK("of all from an offset on",
	   after_inval(map, PART, LONG_MAX, GEN) == 6);
	OK("of another generation: nothing",
	   after_inval(map, 0, LONG_MAX, GEN + 1) == 0);
	OK("of any generation", after_inval(map, 0, LONG_MAX, 0) == 7);
	munmap(map, PARTS * PART);
	close(fd);
	NEED(unlink("still") == 0);
}

/*
 * Each call is a long time in the middle of an extent, and nothing is mapped: blocks
 * that move don't wait for anything else than for it.
 */
static void in_flight(void)
{
	static unsigned int want[LARGE / 4], got[LARGE / 4];
	int fd = new_file("flight"), bad = 0;
	time_t end = time(NULL) + 5;
	unsigned int i, n;

	for (n = 0; n < 4 || time(NULL) < end; n++) {
		off_t at = n % 4 * LARGE;

		for (i = 0; i < LARGE / 4; i++)
			want[i] = n + i;
		bad += pwrite(fd, want, LARGE, at) != LARGE;
		bad += pread(fd, got, LARGE, at) != LARGE;
		bad += memcmp(want, got, LARGE) != 0;
	}
	OK("large writes and reads are waited for", bad == 0);
	if (bad)
		printf("#   %d of %u are wrong\n", bad, n);
	close(fd);
	NEED(unlink("flight") == 0);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	calls_begin(argv[1]);
	interrupted();
	from_a_callback();
	ranges();
	own_mapping();
	in_flight();
	return calls_end();
}
