// SPDX-License-Identifier: GPL-2.0
/*
 * Nanoseconds of one pread(2) and one pwrite(2) of a file, for sizes from 4 KiB
 * to 1 MiB: those of a fast one. Prints "read|write BYTES NS".
 *
 * usage: rw FILE
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SPACE	 (8UL << 20)  /* bytes of the file that are used */
#define CALLS	 1000	      /* of one kind, at most */
#define LIMIT_NS 1000000000LL /* that they may take */

static char *buf;
static int fd;

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static bool one(bool write_it, size_t len, size_t i)
{
	off_t pos = (off_t)(i % (SPACE / len) * len);
	ssize_t n = write_it ? pwrite(fd, buf, len, pos) :
			       pread(fd, buf, len, pos);

	return n == (ssize_t)len;
}

static int by_time(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return x < y ? -1 : x > y;
}

/* What a tenth of the calls are faster than: others may use the machine too. */
static void measure(bool write_it, size_t len)
{
	static long long took[CALLS];
	long long start = now(), t = start, end;
	size_t n;

	for (n = 0; n < CALLS && t < start + LIMIT_NS; n++) {
		if (!one(write_it, len, n)) {
			perror(write_it ? "write" : "read");
			exit(1);
		}
		end = now();
		took[n] = end - t;
		t = end;
	}
	qsort(took, n, sizeof(*took), by_time);
	printf("%s %zu %lld\n", write_it ? "write" : "read", len, took[n / 10]);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	fd = open(argv[1], O_RDWR);
	buf = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || buf == MAP_FAILED) {
		perror(argv[1]);
		return 1;
	}
	memset(buf, 'b', 1 << 20);
	for (size_t i = 0; i < 8; i++)
		one(true, 1 << 20, i);
	for (size_t len = 4096; len <= 1 << 20; len *= 2) {
		measure(false, len);
		measure(true, len);
	}
	return 0;
}
