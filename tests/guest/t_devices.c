// SPDX-License-Identifier: GPL-2.0
/*
 * A mapping of a file whose extents are on several devices: what it shows is what
 * read(2) gives, and what is stored there, each MiB a word, stays.
 *
 * usage: t_devices FILE store|look
 */
#include <sys/mman.h>

#include "calls.h"

#define MIB (1L << 20)

static void same_as_read(int fd, const char *map, off_t size)
{
	static char buf[1 << 16];
	off_t at;

	for (at = 0; at < size; at += sizeof(buf)) {
		ssize_t n = pread(fd, buf, sizeof(buf), at);

		NEED(n > 0);
		NEED(!memcmp(buf, map + at, n));
	}
}

static void store(char *map, off_t size)
{
	off_t at;

	for (at = 0; at + MIB <= size; at += MIB)
		memcpy(map + at, &at, sizeof(at));
	NEED(msync(map, size, MS_SYNC) == 0);
}

static void look(const char *map, off_t size)
{
	off_t at;

	for (at = 0; at + MIB <= size; at += MIB)
		NEED(!memcmp(map + at, &at, sizeof(at)));
}

int main(int argc, char **argv)
{
	struct stat st;
	char *map;
	int fd;

	NEED(argc == 3);
	fd = open(argv[1], O_RDWR);
	NEED(fd >= 0 && fstat(fd, &st) == 0);
	map = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE,
		   MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0);
	NEED(map != MAP_FAILED);
	same_as_read(fd, map, st.st_size);
	if (!strcmp(argv[2], "store"))
		store(map, st.st_size);
	look(map, st.st_size);
	same_as_read(fd, map, st.st_size);
	return 0;
}
