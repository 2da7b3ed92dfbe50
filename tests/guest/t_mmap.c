// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings: shared, private, holes, beyond the end, 2 MiB, MAP_SYNC, truncate.
 *
 * usage: t_mmap FILE [cached|shrink|late PID]
 * "cached": of the page cache, where MAP_SYNC is refused.
 * "shrink": a file of 2 MiB, written by a mapping, becomes shorter.
 * "late": a store, while the server, which is PID, answers an append.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB (1UL << 20)

static sigjmp_buf bus;

static void on_bus(int sig)
{
	siglongjmp(bus, sig);
}

#define CHECK(cond)                                                        \
	do {                                                               \
		if (!(cond)) {                                             \
			fprintf(stderr, "line %d: %s\n", __LINE__, #cond); \
			exit(1);                                           \
		}                                                          \
	} while (0)

static int touch_gives_bus(volatile char *p)
{
	if (sigsetjmp(bus, 1))
		return 1;
	(void)*p;
	return 0;
}

static char *map(int fd, size_t len, int flags)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, flags, fd, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static void shared_and_private(int fd)
{
	char buf[8], *s, *p;

	CHECK(pwrite(fd, "abcdefgh", 8, 100) == 8);
	s = map(fd, 4096, MAP_SHARED);
	p = map(fd, 4096, MAP_PRIVATE);
	p[100] = 'P';
	CHECK(s[100] == 'a');
	s[101] = 'S';
	CHECK(pread(fd, buf, 8, 100) == 8 && !memcmp(buf, "aScdefgh", 8));
	CHECK(msync(s, 4096, MS_SYNC) == 0);
	CHECK(s[108] == 0 && s[99] == 0);
	munmap(s, 4096);
	munmap(p, 4096);
}

static void holes_and_end(int fd)
{
	char *s, buf[4096];

	CHECK(ftruncate(fd, 0) == 0 && ftruncate(fd, 5 * 4096 + 10) == 0);
	s = map(fd, 8 * 4096, MAP_SHARED);
	CHECK(s[4096] == 0);
	CHECK(pwrite(fd, "late", 4, 4096) == 4);
	CHECK(!memcmp(s + 4096, "late", 4)); /* the zero page is gone */
	s[2 * 4096] = 'x';
	CHECK(pread(fd, buf, 4096, 2 * 4096) == 4096 && buf[0] == 'x');
	CHECK(touch_gives_bus(s + 6 * 4096));
	s[5 * 4096 + 20] = 'y'; /* beyond the end, in the last page */
	CHECK(ftruncate(fd, 5 * 4096 + 100) == 0);
	CHECK(pread(fd, buf, 1, 5 * 4096 + 20) == 1 && buf[0] == 0);
	CHECK(ftruncate(fd, 4096) == 0);
	CHECK(touch_gives_bus(s + 2 * 4096));
	CHECK(ftruncate(fd, 3 * 4096) == 0);
	CHECK(s[2 * 4096] == 0); /* what was cut off does not come back */
	munmap(s, 8 * 4096);
}

/* Page faults of this process so far. */
static long faults(void)
{
	struct rusage ru;

	CHECK(getrusage(RUSAGE_SELF, &ru) == 0);
	return ru.ru_minflt + ru.ru_majflt;
}

static void huge_and_sync(int fd, bool cached)
{
	static char block[64 * 1024];
	long before;
	size_t i;
	char *s;

	CHECK(ftruncate(fd, 0) == 0);
	/* Whole 2 MiB of the file on whole ones of the media: appends don't see to that. */
	CHECK(cached || fallocate(fd, 0, 0, 4 * MIB) == 0);
	for (i = 0; i < 4 * MIB; i += sizeof(block)) {
		memset(block, 1 + (i >> 16) % 100, sizeof(block));
		CHECK(pwrite(fd, block, sizeof(block), i) == sizeof(block));
	}
	s = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE,
		 MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0);
	CHECK((s == MAP_FAILED) == cached);
	if (cached)
		s = map(fd, 4 * MIB, MAP_SHARED);
	before = faults();
	for (i = 0; i < 4 * MIB; i += 4096)
		CHECK(s[i] == (char)(1 + (i >> 16) % 100));
	/* One is enough for 2 MiB. smaps doesn't tell: it leaves out such pages. */
	CHECK(cached || faults() - before <= 4);
	s[3 * MIB] = 7;
	CHECK(pread(fd, block, 1, 3 * MIB) == 1 && block[0] == 7);
	CHECK(pwrite(fd, s, MIB, 2 * MIB) == (ssize_t)MIB); /* own mapping */
	CHECK(!memcmp(s, s + 2 * MIB, MIB));
	CHECK(fsync(fd) == 0);
	munmap(s, 4 * MIB);
}

/* A store gives a hole of 2 MiB blocks, of which another mapping shows zeros. */
static void hole_of_two(int fd)
{
	char *small, *large;

	CHECK(ftruncate(fd, 0) == 0 && ftruncate(fd, 2 * MIB) == 0);
	small = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 5 * 4096);
	CHECK(small != MAP_FAILED && small[0] == 0);
	large = map(fd, 2 * MIB, MAP_SHARED);
	large[0] = 'l';
	CHECK(pwrite(fd, "late", 4, 5 * 4096) == 4);
	CHECK(!memcmp(small, "late", 4) && large[0] == 'l');
	munmap(small, 4096);
	munmap(large, 2 * MIB);
}

/* The mark of what was stored is on all of 2 MiB. */
static void shrink(int fd)
{
	char *p;

	CHECK(fallocate(fd, 0, 0, 2 * MIB) == 0);
	p = map(fd, 2 * MIB, MAP_SHARED);
	p[100] = 's';
	CHECK(ftruncate(fd, MIB) == 0 && p[100] == 's');
	munmap(p, 2 * MIB);
}

/* Threads of @pid, all of them, and no others, are in @state. */
static bool all_are(pid_t pid, char state)
{
	char path[50], text[100], *at;
	bool all = true;
	glob_t g;

	snprintf(path, sizeof(path), "/proc/%d/task/*/stat", pid);
	CHECK(glob(path, 0, NULL, &g) == 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		FILE *f = fopen(g.gl_pathv[i], "r");

		CHECK(f && fgets(text, sizeof(text), f));
		fclose(f);
		at = strrchr(text, ')');
		CHECK(at);
		all = all && at[2] == state;
	}
	globfree(&g);
	return all;
}

static void wait_for(pid_t pid, char state)
{
	int i = 0;

	while (!all_are(pid, state)) {
		CHECK(i++ < 2000);
		usleep(5000);
	}
}

/* Of the clock that files' times are of. */
static void clock_moves(void)
{
	struct timespec from, to;

	clock_gettime(CLOCK_REALTIME_COARSE, &from);
	do {
		usleep(1000);
		clock_gettime(CLOCK_REALTIME_COARSE, &to);
	} while (to.tv_nsec == from.tv_nsec);
}

/* What the answer says of the time is older than the store. */
static void late(int fd, pid_t server)
{
	struct stat before, after;
	int status;
	pid_t pid;
	char *p;

	CHECK(pwrite(fd, "some", 4, 0) == 4);
	p = map(fd, 4096, MAP_SHARED);
	kill(server, SIGSTOP);
	wait_for(server, 'T');
	pid = fork();
	if (!pid)
		_exit(pwrite(fd, "more", 4, 4) != 4);
	wait_for(pid, 'S');
	clock_moves();
	p[0] = 'S';
	CHECK(fstat(fd, &before) == 0);
	kill(server, SIGCONT);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(fstat(fd, &after) == 0 && after.st_size == 8);
	CHECK(!memcmp(&before.st_mtim, &after.st_mtim, sizeof(after.st_mtim)));
	CHECK(!memcmp(&before.st_ctim, &after.st_ctim, sizeof(after.st_ctim)));
	munmap(p, 4096);
}

int main(int argc, char **argv)
{
	int fd;

	if (argc < 2)
		return 2;
	signal(SIGBUS, on_bus);
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0644);
	CHECK(fd >= 0);
	if (argc > 2 && !strcmp(argv[2], "shrink")) {
		shrink(fd);
	} else if (argc > 3) {
		late(fd, atoi(argv[3]));
	} else {
		shared_and_private(fd);
		holes_and_end(fd);
		hole_of_two(fd);
		huge_and_sync(fd, argc > 2);
	}
	return unlink(argv[1]) != 0;
}
