/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs that use the files of a mount of "served" share.
 */
#ifndef ZUFS_TESTS_SERVED_H
#define ZUFS_TESTS_SERVED_H

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

#endif
