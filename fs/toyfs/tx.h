/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Inside the library: transactions, channels, journals.
 */
#ifndef TOYFS_TX_H
#define TOYFS_TX_H

#include <limits.h>

#include "toyfs.h"

/* What the sums of a block cover. */
enum toy_kind {
	TOY_K_RAW,   /* no sum */
	TOY_K_NODE,  /* one, of the block */
	TOY_K_SLOTS, /* one for each inode slot */
	TOY_K_STATE, /* of the head, and one for each channel's line */
};

/* Lines of a block as a transaction sees them. */
struct toy_shadow {
	uint64_t bn;
	uint64_t present;	 /* lines in page[]; a bit each */
	uint64_t changed;	 /* lines that differ from media, at commit */
	struct toy_shadow *next; /* same hash */
	enum toy_kind kind;
	bool is_new;  /* nothing on media reaches it: stored whole */
	bool dropped; /* freed by this transaction */
	_Alignas(64) uint8_t page[TOY_BLOCK];
};

enum toy_run_kind {
	TOY_R_ALLOC,	/* by this transaction */
	TOY_R_RESERVED, /* before it; an abort leaves it reserved */
	TOY_R_FREE,
	TOY_R_DROP_ALLOC, /* TOY_R_ALLOC, then freed again */
	TOY_R_DROP_RESERVED,
};

/*
 * What an allocation leaves free. A full filesystem must be able to give space
 * back: an orphan takes a block if the lists are full, and a hole in an extent
 * may take nodes of the tree. Orphans have theirs for sure: each inode has at
 * most one entry, so blocks for all slots of the inode file are kept.
 */
enum toy_keep {
	TOY_KEEP_ALL,
	TOY_KEEP_ORPHANS, /* what frees space may use TOY_SPARE */
	TOY_KEEP_NONE,	  /* new orphan blocks */
};

#define TOY_SPARE 32U

struct toy_run {
	uint64_t bn;
	uint32_t len;
	enum toy_run_kind kind;
};

/*
 * Steps of a long operation that a transaction takes at most, even if its record
 * has room for more: the crash explorer's small build has its power cuts between
 * any two of them.
 */
#ifndef TOY_TX_STEPS
#define TOY_TX_STEPS UINT_MAX
#endif

#define TOY_TX_HASH  256U
#define TOY_TX_KEEP  64U /* shadows that stay allocated between transactions */
#define TOY_LINE_SET 1024U /* twice what a record holds, a power of 2 */

/* One for each channel, used again and again; under the channel's lock. */
struct toy_tx {
	struct toy_fs *fs;
	struct toy_channel *ch;
	unsigned int channel;

	struct toy_shadow **sh; /* the first nr_sh are in use */
	unsigned int nr_sh, pool_sh, cap_sh;
	struct toy_shadow *hash[TOY_TX_HASH];

	struct toy_run *runs;
	unsigned int nr_runs, cap_runs;
	unsigned int nr_own; /* runs of kind ALLOC and RESERVED, at most */
	uint64_t line_set[TOY_LINE_SET]; /* bitmap lines the runs touch */
	unsigned int nr_lines;
	uint64_t nr_freed;     /* blocks, before duplicates are noticed */
	unsigned int nr_steps; /* that toy_tx_more allowed */
	uint32_t *ags;	       /* whose commit locks are held, ascending */
	unsigned int nr_ags, cap_ags;

	enum toy_keep keep;
	uint64_t *promised; /* what is left of the operation's; NULL: nothing is */
	bool itable_held;
	uint64_t grow_lblk, grow_pblk; /* blocks new in the inode file */
	uint32_t grow_len;
	int stolen;	       /* channel whose lock is held too, or -1 */
	uint32_t orphans_held; /* orphan locks; a bit a channel */

	unsigned int nr_rec; /* lines of the record */
	uint64_t unique;
	uint16_t op;
	int32_t result;
};

struct toy_channel {
	pthread_mutex_t lock; /* the whole transaction: journal, free slots */
	pthread_mutex_t
		orphan_lock; /* the channel's orphan blocks, to the end of the transaction */
	_Atomic uint64_t done; /* last seq in place and fenced */
	bool unsettled;	       /* media may not know that */
	unsigned int slot;     /* that the next record goes to */
	uint8_t *rec; /* TOY_SLOT_SIZE bytes: the record in the making */
	struct toy_tx tx;
};

/* Sums of a block: the unit that a line belongs to, in bytes of the block. */
struct toy_unit {
	uint32_t off, len;
	uint32_t sum; /* of the sum, in the unit */
};

struct toy_unit toy_unit_of(enum toy_kind kind, unsigned int line);
bool toy_node_sum_ok(const struct toy_fs *fs, uint64_t bn);

/* tx.c */
struct toy_shadow *toy_tx_shadow(struct toy_tx *tx, uint64_t bn);
/* toy_tx_get of a block whose kind is known. */
void *toy_tx_get_kind(struct toy_tx *tx, uint64_t bn, uint32_t off,
		      uint32_t len, enum toy_kind kind);
void *toy_tx_new_kind(struct toy_tx *tx, uint64_t bn, enum toy_kind kind);
/* Lines that the record has room for yet, at least. */
unsigned int toy_tx_room(struct toy_tx *tx);
/* The transaction freed the block. */
void toy_tx_drop(struct toy_tx *tx, uint64_t bn, uint32_t len);
void toy_verified_clear(struct toy_fs *fs, uint64_t bn, uint64_t len);
int toy_channels_init(struct toy_fs *fs);
void toy_channels_free(struct toy_fs *fs);

/* journal.c */
uint64_t toy_journal_off(unsigned int channel, unsigned int slot);
/*
 * Makes the record of all changed lines durable; fences what was stored before.
 * -EIO: there is no record.
 */
int toy_journal_write(struct toy_tx *tx, uint64_t seq);
/* @seq's lines are in place and fenced. */
void toy_journal_done(struct toy_tx *tx, uint64_t seq);
int toy_journal_recover(struct toy_fs *fs);
/* Is there a record with the right sum that no transaction can have written? */
bool toy_journal_contradicts(const struct toy_fs *fs, unsigned int channel,
			     unsigned int slot);
/* Is there a number that soon leaves none for others? */
bool toy_journal_worn(const struct toy_fs *fs, unsigned int channel,
		      unsigned int slot);

/* alloc.c */
int toy_ags_init(struct toy_fs *fs);
/* What the AG has counts in toy_fs.free_blocks from now on. */
int toy_ag_count(struct toy_fs *fs, uint32_t a);
void toy_ags_free(struct toy_fs *fs);
/* Nothing that was read before counts: nodes are verified again. */
int toy_ags_reset(struct toy_fs *fs);
/* Takes the commit locks and changes the bitmap nodes. */
int toy_ags_apply(struct toy_tx *tx);
/* Gives volatile bits back and drops the commit locks. */
void toy_ags_end(struct toy_tx *tx, bool committed);

/* room.c */

/*
 * Lets the caller look for up to @want blocks; *may: for how many. Until
 * toy_unclaim() it waits for nothing but an AG. -ENOSPC; -EIO.
 */
int toy_claim(struct toy_fs *fs, enum toy_keep keep, uint32_t want,
	      uint32_t *may);
void toy_unclaim(struct toy_fs *fs, uint32_t n);
/* The same for up to @n blocks that were promised; at its end @taken are there. */
void toy_claim_promised(struct toy_fs *fs, uint32_t n);
void toy_unclaim_promised(struct toy_fs *fs, uint32_t n, uint32_t taken);

/* itable.c */
void toy_itab_publish(struct toy_tx *tx);
void toy_itab_free(struct toy_fs *fs);

/* pm.c */
extern void (*pm_fence_hook)(struct toy_fs *fs); /* tests: after each fence */
void pm_fence_pending(struct toy_fs *fs); /* if this thread stored unfenced */
/* For what no fence has to make durable: pm_fence_pending() doesn't see it. */
void pm_write_lazy(struct toy_fs *fs, uint64_t off, const void *src,
		   uint64_t len);

static inline bool toy_is_data(const struct toy_fs *fs, uint64_t bn,
			       uint64_t len)
{
	return bn >= fs->data_bn && bn < fs->blocks && len <= fs->blocks - bn;
}

#endif /* TOYFS_TX_H */
