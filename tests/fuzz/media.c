// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Memory of the filesystem, mapped twice: toyfs and the kernel store through
 * libpmem's functions, which are here; any other store is a fault.
 */
#include <libpmem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#define HUGE (2UL << 20)

char *media, *media_rw;

/* The kernel says where it stores from; toyfs doesn't. */
__thread const char *pm_where;

static char *kept;
static uint8_t is_dirty[FUZZ_BLOCKS];
static uint32_t dirty[FUZZ_BLOCKS];
static unsigned int nr_dirty;

static char *map(int fd, int prot)
{
	char *p = mmap(NULL, FUZZ_BYTES + HUGE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		found("no memory");
	p = (char *)(((uintptr_t)p + HUGE - 1) & ~(HUGE - 1));
	p = mmap(p, FUZZ_BYTES, prot, MAP_SHARED | MAP_FIXED, fd, 0);
	if (p == MAP_FAILED)
		found("no memory");
	return p;
}

void media_make(void)
{
	int fd = memfd_create("media", 0);

	if (fd < 0 || ftruncate(fd, FUZZ_BYTES))
		found("no memory");
	media = map(fd, PROT_READ);
	media_rw = map(fd, PROT_READ | PROT_WRITE);
	close(fd);
	kept = malloc(FUZZ_BYTES);
	if (!kept)
		found("no memory");
}

void media_dirty(uint64_t off, uint64_t len)
{
	for (uint64_t bn = off / TOY_BLOCK; bn * TOY_BLOCK < off + len; bn++) {
		if (is_dirty[bn])
			continue;
		is_dirty[bn] = 1;
		dirty[nr_dirty++] = (uint32_t)bn;
	}
}

void media_keep(void)
{
	memcpy(kept, media_rw, FUZZ_BYTES);
	memset(is_dirty, 0, sizeof(is_dirty));
	nr_dirty = 0;
}

void media_restore(void)
{
	while (nr_dirty) {
		uint64_t bn = dirty[--nr_dirty];

		memcpy(media_rw + bn * TOY_BLOCK, kept + bn * TOY_BLOCK,
		       TOY_BLOCK);
		is_dirty[bn] = 0;
	}
}

bool media_same(uint64_t off, uint64_t len)
{
	return !memcmp(media + off, kept + off, len);
}

/* ---- libpmem ---- */

static void *store_at(void *dst, size_t len)
{
	uint64_t off = (uint64_t)((char *)dst - media);

	if (off >= FUZZ_BYTES || len > FUZZ_BYTES - off)
		found("a store outside of the filesystem");
	/* Blocks of files are never those of the fixed area. */
	if (pm_where && off < (uint64_t)TOY_AG_NODE_BN * TOY_BLOCK)
		found("%s: at byte %lu", pm_where, off);
	pm_where = NULL;
	media_dirty(off, len);
	return media_rw + off;
}

void *pmem_memcpy(void *dst, const void *src, size_t len, unsigned int flags)
{
	(void)flags;
	memmove(store_at(dst, len), src, len);
	return dst;
}

void *pmem_memset(void *dst, int c, size_t len, unsigned int flags)
{
	(void)flags;
	memset(store_at(dst, len), c, len);
	return dst;
}

void pmem_drain(void)
{
	pm_where = NULL;
}
