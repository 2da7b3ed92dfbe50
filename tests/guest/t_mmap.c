// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings: shared, private, holes, beyond the end, 2 MiB, MAP_SYNC, truncate.
 *
 * usage: t_mmap FILE [cached|shrink]
 * "cached": of the page cache, where MAP_SYNC is refused.
 * "shrink": a file of 2 MiB, written by a mapping, becomes shorter.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
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
	} else {
		shared_and_private(fd);
		holes_and_end(fd);
		hole_of_two(fd);
		huge_and_sync(fd, argc > 2);
	}
	return unlink(argv[1]) != 0;
}
