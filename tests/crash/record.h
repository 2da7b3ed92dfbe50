/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * The recorder: libpmem's place in the test build. What is stored to a region,
 * by whom, and what of it a power cut may lose.
 *
 * A region is mapped twice: users see it read-only at @ro, so that a store that
 * goes around pm.c faults; the recorder stores at @rw.
 */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE 64U
#define REC_VERS \
	4 /* stores to one line between two fences that are told apart */

/* A line after a store that isn't durable yet. */
struct rec_version {
	uint8_t data[LINE];
	const char *where; /* file:line of the call into pm.c, "" in the kernel */
	int thread;
	bool flushed;
};

struct rec_line {
	uint64_t n;	       /* of the region */
	uint8_t durable[LINE]; /* what a power cut leaves for sure */
	unsigned int nr;       /* versions, the oldest first */
	struct rec_version v[REC_VERS];
};

struct rec_region {
	char *ro, *rw;
	size_t bytes;
	struct rec_line **flight; /* lines that aren't durable */
	unsigned int nr, cap;
	uint32_t *at; /* by line: its place in flight + 1, or 0 */
	struct rec_region *next;
	uint64_t stores, flushes, fences; /* counts, of lines the first two */
	bool paused;			  /* fences aren't of this region */
	/* Before a fence by the running thread; a line that became durable. */
	void (*on_fence)(struct rec_region *r, void *arg);
	void (*on_durable)(struct rec_region *r, const struct rec_line *l,
			   const uint8_t *now, void *arg);
	/* Before a line changes. */
	void (*on_store)(struct rec_region *r, uint64_t line, void *arg);
	void *arg;
};

/* Zeroed memory of @bytes, a multiple of 2 MiB, at a multiple of 2 MiB. */
int rec_region_new(struct rec_region *r, size_t bytes);
/* Everything is durable now. */
void rec_region_settle(struct rec_region *r);
/* The line @n becomes @data, durable, and nobody is told. */
void rec_put(struct rec_region *r, uint64_t n, const uint8_t *data);
/* Compares what the trace says with the memory; false: they differ at @line. */
bool rec_verify(const struct rec_region *r, uint64_t *line);

/* Number of the running thread; each has fences of its own. */
extern __thread int rec_thread;
/* Where pm.c was called from. */
extern __thread const char *pm_where;

#endif /* RECORD_H */
