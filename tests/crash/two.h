/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Two calls in flight, on channels of their own: each has a thread, one of them
 * runs at a time, and they change places at a fence of each that is told, and
 * where one would wait for a lock of the other. So a run is the same each time.
 */
#ifndef TWO_H
#define TWO_H

#include "run.h"

/* Pairs of calls whose inodes are not the same: the VFS lets both go on. */
uint64_t two_count(void);
void two_get(uint64_t i, struct workload *w);
/*
 * @w has two calls; the first gives way at its fence number @at[0], the second
 * one at @at[1]. NULL, or what is wrong. *had: how many fences each had.
 */
const char *two_run(struct runner *r, const struct workload *w,
		    const unsigned int at[2], unsigned int had[2]);

/* ---- for run.c ---- */

/* After the images of a fence. */
void two_fence(void);
/* True if the call that is done is one of two. */
bool two_answered(const struct kern *k);

#endif /* TWO_H */
