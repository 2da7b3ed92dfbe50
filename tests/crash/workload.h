/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Workloads: filesystems to begin with, calls to make on them, and in which
 * order.
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <stdbool.h>

#include "op.h"

struct base {
	const char *name, *what;
	const char *setup;	  /* calls */
	const char *const *calls; /* each alone, and pairs of them; NULL ends */
	bool full;		  /* a call may fail with ENOSPC */
	uint32_t ask;		  /* blocks that a grant has at most; 0: any */
	const char *before; /* calls of each workload before its own, or NULL */
};

extern const struct base bases[];
extern const unsigned int nr_bases;

struct workload {
	const struct base *base;
	struct op ops[OP_MAX];
	int n;
	int from; /* the first call whose moments are tried */
};

/*
 * Number @i of the workloads of @len calls: of each base all sequences of its
 * calls. False: there is none.
 */
bool workload_get(unsigned int len, uint64_t i, struct workload *w);
uint64_t workload_count(unsigned int len);
/* A random one of @len calls. */
void workload_random(unsigned int len, uint64_t seed, struct workload *w);

#endif /* WORKLOAD_H */
