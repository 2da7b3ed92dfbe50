/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * A filesystem to be spoilt: its memory, a copy of it as it was, and what each
 * block is.
 */
#ifndef FLIPS_H
#define FLIPS_H

#include <sys/wait.h>

#include "kern.h"
#include "toycheck.h"
#include "tx.h"

struct victim {
	char *addr, *base;
	uint64_t bytes;
	uint64_t *meta; /* blocks with metadata */
	uint64_t nr_meta;
	uint8_t *is_slots; /* by block: inodes are in it */
	uint64_t *owner;   /* by block: an inode's, 0: nobody's */
	uint64_t nr_inodes;
	uint64_t *slot; /* by inode: where its slot is, 0: free, or without a name */
};

/* With everything that toyfs can have, and @files files. Exits on errors. */
void victim_make(struct victim *v, unsigned int files);
/* As it was made. */
void victim_restore(struct victim *v);
/* Is this a byte that no sum covers, by design? */
bool victim_unsummed(const struct victim *v, uint64_t off);
/* The inode that what is at byte @off belongs to, 0: none. */
uint64_t victim_owner(const struct victim *v, uint64_t off);
/* NULL, or what differs: from before, but for the journals; */
const char *victim_same(const struct victim *v);
/* of inodes with names but @hit: their attributes, data, xattrs. */
const char *victim_others(const struct victim *v, uint64_t hit);

#endif /* FLIPS_H */
