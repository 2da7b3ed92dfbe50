/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Inside the library: the superblock's list of bad blocks.
 */
#ifndef TOYFS_BAD_H
#define TOYFS_BAD_H

#include "format.h"
#include "health.h"

struct toy_bad_list {
	__le64 run[TOY_BAD_RUNS];
	unsigned int nr;
};

/* Appends a block, to the last run if it is the next one. -E2BIG: no more fit. */
int toy_bad_add(struct toy_bad_list *l, uint64_t bn);
/* All of @h in [first, end). -EIO: there are some before @first; -E2BIG. */
int toy_bad_fill(struct toy_bad_list *l, const struct toy_health *h,
		 uint64_t first, uint64_t end);

#endif /* TOYFS_BAD_H */
