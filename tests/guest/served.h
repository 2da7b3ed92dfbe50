/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs that use the files of a mount of "served" share.
 */
#ifndef ZUFS_TESTS_SERVED_H
#define ZUFS_TESTS_SERVED_H

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "calls.h"

#define PAGE 4096UL

/* No two pages of it are alike, and no byte is 0. */
static inline void fill(char *at, size_t len)
{
	static unsigned int next;

	for (size_t i = 0; i < len; i++)
		at[i] = (char)(next++ * 2654435761U >> 13 | 1);
}

static inline char *map(size_t len, int fd)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd,
		       0);

	NEED(p != MAP_FAILED);
	return p;
}

/* What the server counted; -1: there is no such counter. */
static inline long counter(const char *name)
{
	char text[1024], *at;
	int fd = open("counters", O_RDONLY);
	ssize_t n;

	NEED(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	NEED(n > 0);
	text[n] = 0;
	at = strstr(text, name);
	return at ? atol(at + strlen(name)) : -1;
}

/* A file with data in each second block: @n extents, and a hole behind the last. */
static inline int make_extents(const char *name, size_t n)
{
	int fd = open(name, O_RDWR | O_TRUNC);
	char *buf = map(2 * n * PAGE, -1);

	NEED(fd >= 0);
	for (size_t i = 0; i < n; i++)
		buf[2 * i * PAGE] = 'x';
	NEED(pwrite(fd, buf, 2 * n * PAGE, 0) == (ssize_t)(2 * n * PAGE));
	munmap(buf, 2 * n * PAGE);
	return fd;
}

struct told {
	long n, handoffs; /* n -1: an extent is somewhere else */
	bool last;	  /* one was called the last */
};

/* What FIEMAP tells of such a file to who has room for @room extents. */
static inline struct told extents(int fd, unsigned int room)
{
	struct fiemap *m =
		calloc(1, sizeof(*m) + room * sizeof(m->fm_extents[0]));
	struct told t = { .handoffs = -counter("fiemaps ") };

	NEED(m);
	m->fm_length = ~0ULL;
	m->fm_extent_count = room;
	NEED(ioctl(fd, FS_IOC_FIEMAP, m) == 0);
	t.n = m->fm_mapped_extents;
	for (unsigned int i = 0; i < room && i < m->fm_mapped_extents; i++) {
		if (m->fm_extents[i].fe_logical != 2UL * i * PAGE)
			t.n = -1;
		t.last |= m->fm_extents[i].fe_flags & FIEMAP_EXTENT_LAST;
	}
	t.handoffs += counter("fiemaps ");
	free(m);
	return t;
}

#endif
