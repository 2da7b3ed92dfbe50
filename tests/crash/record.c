// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * The recorder; see record.h. It has libpmem's functions, as far as pm.c and
 * the explorer's kernel call them.
 */
#include <errno.h>
#include <libpmem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "record.h"

#define HUGE (2UL << 20)

__thread int rec_thread;
__thread const char *pm_where = "";

static struct rec_region *regions;

/* ---- regions ---- */

static char *map_at(int fd, char *at, size_t bytes, int prot)
{
	char *p;

	if (!at) {
		p = mmap(NULL, bytes + HUGE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return NULL;
		at = (char *)(((uintptr_t)p + HUGE - 1) & ~(HUGE - 1));
	}
	p = mmap(at, bytes, prot, MAP_SHARED | MAP_FIXED, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

int rec_region_new(struct rec_region *r, size_t bytes)
{
	int fd = memfd_create("region", 0);

	memset(r, 0, sizeof(*r));
	if (fd < 0 || ftruncate(fd, (off_t)bytes))
		return -errno;
	r->bytes = bytes;
	r->ro = map_at(fd, NULL, bytes, PROT_READ);
	r->rw = map_at(fd, NULL, bytes, PROT_READ | PROT_WRITE);
	close(fd);
	r->at = calloc(bytes / LINE, sizeof(*r->at));
	if (!r->ro || !r->rw || !r->at)
		return -ENOMEM;
	r->next = regions;
	regions = r;
	return 0;
}

/* Stores to no region are a bug of who stores. */
static struct rec_region *region_of(const void *p, size_t len, uint64_t *off)
{
	for (struct rec_region *r = regions; r; r = r->next) {
		*off = (uint64_t)((const char *)p - r->ro);
		if (*off < r->bytes && len <= r->bytes - *off)
			return r;
	}
	fprintf(stderr, "record: %p + %zu is in no region\n", p, len);
	abort();
}

/* ---- lines in flight ---- */

static struct rec_line *line_get(struct rec_region *r, uint64_t n)
{
	struct rec_line *l;

	if (r->at[n])
		return r->flight[r->at[n] - 1];
	if (r->nr == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 256;
		r->flight = realloc(r->flight, r->cap * sizeof(*r->flight));
		for (unsigned int i = r->nr; i < r->cap; i++)
			r->flight[i] = malloc(sizeof(*l));
	}
	l = r->flight[r->nr++];
	r->at[n] = r->nr;
	l->n = n;
	l->nr = 0;
	memcpy(l->durable, r->rw + n * LINE, LINE);
	return l;
}

static void line_drop(struct rec_region *r, struct rec_line *l)
{
	unsigned int i = r->at[l->n] - 1;

	r->at[l->n] = 0;
	r->flight[i] = r->flight[--r->nr];
	r->flight[r->nr] = l;
	if (i < r->nr)
		r->at[r->flight[i]->n] = i + 1;
}

/* Content of the line after the store, as one more version. */
static void line_store(struct rec_region *r, uint64_t n, const uint8_t *data,
		       bool flushed)
{
	struct rec_line *l;
	struct rec_version *v;

	if (r->on_store)
		r->on_store(r, n, r->arg);
	l = line_get(r, n);
	/* Older ones than can be told apart may still be lost: they stay out. */
	if (l->nr == REC_VERS)
		memmove(&l->v[0], &l->v[1], (REC_VERS - 1) * sizeof(l->v[0]));
	else
		l->nr++;
	v = &l->v[l->nr - 1];
	memcpy(v->data, data, LINE);
	v->where = pm_where;
	v->thread = rec_thread;
	v->flushed = flushed;
	memcpy(r->rw + n * LINE, data, LINE);
	r->stores++;
	r->flushes += flushed;
}

static void store(void *dst, const void *src, int c, size_t len, bool flushed)
{
	uint64_t off;
	struct rec_region *r = region_of(dst, len, &off);

	for (size_t done = 0; done < len;) {
		uint64_t n = (off + done) / LINE;
		size_t in = (off + done) % LINE;
		size_t part = LINE - in < len - done ? LINE - in : len - done;
		uint8_t data[LINE];

		memcpy(data, r->rw + n * LINE, LINE);
		if (src)
			memcpy(data + in, (const char *)src + done, part);
		else
			memset(data + in, c, part);
		line_store(r, n, data, flushed);
		done += part;
	}
}

/* What this thread flushed is durable. */
static void line_fence(struct rec_region *r, struct rec_line *l)
{
	unsigned int last = 0;

	for (unsigned int i = 0; i < l->nr; i++)
		if (l->v[i].flushed && l->v[i].thread == rec_thread)
			last = i + 1;
	if (!last)
		return;
	if (r->on_durable)
		r->on_durable(r, l, l->v[last - 1].data, r->arg);
	memcpy(l->durable, l->v[last - 1].data, LINE);
	memmove(&l->v[0], &l->v[last], (l->nr - last) * sizeof(l->v[0]));
	l->nr -= last;
	if (!l->nr)
		line_drop(r, l);
}

void rec_region_settle(struct rec_region *r)
{
	while (r->nr)
		line_drop(r, r->flight[r->nr - 1]);
}

void rec_put(struct rec_region *r, uint64_t n, const uint8_t *data)
{
	memcpy(r->rw + n * LINE, data, LINE);
}

bool rec_verify(const struct rec_region *r, uint64_t *line)
{
	for (unsigned int i = 0; i < r->nr; i++) {
		const struct rec_line *l = r->flight[i];

		*line = l->n;
		if (memcmp(l->v[l->nr - 1].data, r->ro + l->n * LINE, LINE))
			return false;
	}
	return true;
}

/* ---- libpmem ---- */

void *pmem_memcpy(void *dst, const void *src, size_t len, unsigned int flags)
{
	store(dst, src, 0, len, !(flags & PMEM_F_MEM_NOFLUSH));
	if (!(flags & (PMEM_F_MEM_NODRAIN | PMEM_F_MEM_NOFLUSH)))
		pmem_drain();
	return dst;
}

void *pmem_memset(void *dst, int c, size_t len, unsigned int flags)
{
	store(dst, NULL, c, len, !(flags & PMEM_F_MEM_NOFLUSH));
	if (!(flags & (PMEM_F_MEM_NODRAIN | PMEM_F_MEM_NOFLUSH)))
		pmem_drain();
	return dst;
}

void pmem_flush(const void *addr, size_t len)
{
	uint64_t off;
	struct rec_region *r = region_of(addr, len, &off);

	for (uint64_t n = off / LINE; n * LINE < off + len; n++) {
		struct rec_line *l = r->at[n] ? r->flight[r->at[n] - 1] : NULL;

		r->flushes++;
		for (unsigned int i = 0; l && i < l->nr; i++)
			if (l->v[i].thread == rec_thread)
				l->v[i].flushed = true;
	}
}

/* A fence is the CPU's: of all regions. */
void pmem_drain(void)
{
	for (struct rec_region *r = regions; r; r = r->next) {
		if (r->paused)
			continue;
		if (r->on_fence)
			r->on_fence(r, r->arg);
		r->fences++;
		for (unsigned int k = r->nr; k--;)
			line_fence(r, r->flight[k]);
	}
}
