// SPDX-License-Identifier: GPL-2.0
/*
 * Nanoseconds of one pread(2) and one pwrite(2) of a file, for sizes from 4 KiB
 * to 1 MiB: the least mean of five rounds. Prints "read|write BYTES NS".
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

#define SPACE	 (8UL << 20) /* bytes of the file that are used */
#define ROUND_NS 60000000    /* one round takes that long, or one call */

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

static double mean(bool write_it, size_t len)
{
	long long start = now(), t = start;
	size_t i;

	for (i = 0; t < start + ROUND_NS; i++) {
		if (!one(write_it, len, i)) {
			perror(write_it ? "write" : "read");
			exit(1);
		}
		t = now();
	}
	return (double)(t - start) / (double)i;
}

static void measure(bool write_it, size_t len)
{
	double best = 0;

	for (int round = 0; round < 5; round++) {
		double m = mean(write_it, len);

		if (!best || m < best)
			best = m;
	}
	printf("%s %zu %.0f\n", write_it ? "write" : "read", len, best);
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
