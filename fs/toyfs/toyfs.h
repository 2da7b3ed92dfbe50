/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * The library of toyfs: format, checks and persistence. It serves the plugin,
 * mkfs.toyfs and every other tool. Functions return 0 or -errno.
 * -EUCLEAN: the media contradicts itself (the cause was logged).
 *
 * Lock order: doc/design.md, "Locks".
 */
#ifndef TOYFS_H
#define TOYFS_H

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "format.h"
#include "zus.h"

#define TOY_MAX_BYTES	  (1ULL << 47)
#define TOY_MAX_LBLK	  (TOY_MAX_BYTES >> ZUFS_BLOCK_SHIFT)
#define TOY_MAX_DEPTH	  8U /* of a tree */
#define TOY_LEAF_MAX_RECS ((TOY_BLOCK - 64U) / 24U)
#define TOY_XATTR_NODES \
	256U /* of an inode: what listxattr(2) can say fits in 16 */

struct toy_ag; /* alloc.c: volatile state of an allocation group */
struct toy_tx;

/* One of the devices, which follow each other in the linear space. */
struct toy_dev {
	uint64_t first, blocks;
	int numa_node; /* -1: not known */
};

/* A filesystem in memory: one for each mount or tool. */
struct toy_fs {
	char *base;	 /* where the linear space is mapped */
	uint64_t bytes;	 /* of the mapping */
	uint64_t blocks; /* of the filesystem, all that its devices have */
	unsigned int nr_devs;
	struct toy_dev dev[ZUFS_MAX_DEVICES];
	uint64_t data_bn;
	uint32_t ag_count;
	uint64_t hash_key[2];
	uint8_t uuid[16];
	char label[32];
	uint64_t shutdowns[ZUFS_MAX_DEVICES]; /* as in struct toy_super */
	bool ro;			      /* no transactions */
	bool ro_feat; /* ro for an unknown feature: not even a replay */
	_Atomic bool
		failed; /* a commit wasn't brought in place: no more of them */
	uint64_t epoch; /* of the server, for journal records */

	struct toy_ag *ags;
	_Atomic int64_t
		free_blocks; /* volatile: neither taken nor reserved, of the AGs counted so far */
	_Atomic bool free_known;   /* all AGs are counted */
	pthread_mutex_t sum_lock;  /* who counts; before AG volatile mutexes */
	pthread_mutex_t room_lock; /* what follows; before AG volatile mutexes */
	pthread_cond_t room_cond;  /* claimed went down */
	uint64_t claimed;	   /* blocks that allocations look for now */
	uint64_t promised;  /* that operations of several steps will take */
	uint32_t ags_asked; /* AGs counted when there was no room without them */

	_Atomic uint64_t seq; /* the last one drawn */
	struct toy_channel *chan[TOY_CHANNELS];
	pthread_mutex_t
		itable_lock; /* growth of the inode file, to the end of the transaction */
	struct toy_itab *
		itab; /* itable.c: DRAM index of the inode file, made at first use */
	pthread_mutex_t itab_lock; /* who makes it; a leaf */
	uint8_t *verified; /* a bit a block: its sum was checked since mount */
	uint8_t *bad;	   /* a bit a block: known as bad since mount */
	_Atomic bool any_bad;
};

/*
 * What @call returns, or -EIO if it met poison (ZUS_TRY, whose rule holds for
 * all that is called): a transaction's locks, blocks and copies are found by
 * toy_tx_abort(), the rest guards its own reads.
 */
#define toy_try(fs, call)                                              \
	({                                                             \
		int toy_err_ = ZUS_TRY((fs)->base, (fs)->bytes, call); \
                                                                       \
		if (toy_err_ == -EIO)                                  \
			toy_bad_met(fs);                               \
		toy_err_;                                              \
	})

/* ---- sum.c ---- */

/* Sum of @len bytes (a multiple of 8) at byte offset @off of the media; the u64 at @skip counts as 0 (skip >= len: none). */
uint64_t toy_sum(const void *p, uint64_t len, uint64_t off, uint64_t skip);
/* What changing word @i of that unit from @old to @new_ adds to its sum. */
uint64_t toy_sum_delta(uint64_t off, uint64_t i, uint64_t old, uint64_t new_);
/*
 * The only bit of the unit that is wrong, the sum's own (at @skip) too; -1: more
 * than one is. Bits are counted from the low end of each little-endian word.
 */
int64_t toy_sum_flip(const void *p, uint64_t len, uint64_t off, uint64_t skip);
/* The same of a unit whose sum is elsewhere, and right. */
int64_t toy_sum_flip_to(const void *p, uint64_t len, uint64_t off,
			uint64_t skip, uint64_t sum);
uint64_t toy_siphash(const uint64_t key[2], const void *p, uint64_t len);

/* ---- block.c: what is wrong, NULL: nothing. Of blocks with the right sum and owner. ---- */

/* Records of a directory's leaf follow each other to its end. */
const char *toy_leaf_wrong(const struct toy_node *leaf);
/* So do the entries of an xattr node, to its free bytes. */
const char *toy_xattr_wrong(const struct toy_node *node);
/* A copy of what the entry @x has in place of a far value; its blocks are data. */
const char *toy_far_get(const struct toy_fs *fs, const struct toy_xattr *x,
			struct toy_far *far);
/* Block @i of the value, from 0 on. */
uint64_t toy_far_block(const struct toy_far *far, unsigned int i);
unsigned int toy_far_blocks(const struct toy_far *far);
/* The toy_sum of all blocks, added up. */
uint64_t toy_far_sum(const struct toy_fs *fs, const struct toy_far *far);
/* 54 bits, never 0: positions 0 and 1 of readdir are the kernel's. */
uint64_t toy_name_hash(const struct toy_fs *fs, const char *name, uint8_t len);

/* ---- pm.c: the only stores to pmem ---- */

void pm_write(struct toy_fs *fs, uint64_t off, const void *src,
	      uint64_t len); /* stored and flushed, not fenced */
void pm_zero(struct toy_fs *fs, uint64_t off, uint64_t len); /* as pm_write */
void pm_fence(struct toy_fs *fs);
static inline const void *pm_at(const struct toy_fs *fs, uint64_t off)
{
	return fs->base + off;
}

/* ---- tx.c ---- */

/* Begins a transaction on @channel (any number; taken modulo TOY_CHANNELS); takes the channel's lock. */
int toy_tx_begin(struct toy_fs *fs, unsigned int channel, struct toy_tx **txp);
/* After any error of a function below the transaction can only be aborted; toy_map_punch apart, none undoes its part. */

/* What the journal record says of the operation. */
void toy_tx_ident(struct toy_tx *tx, uint64_t unique, uint16_t op,
		  int32_t result);
/* DRAM copy of [off, off + len) of block @bn, to be changed. Never crosses a block. NULL: out of memory. */
void *toy_tx_get(struct toy_tx *tx, uint64_t bn, uint32_t off, uint32_t len);
/* The same bytes as this transaction sees them, not to be changed; valid until the next toy_tx_get of that block. */
const void *toy_tx_peek(struct toy_tx *tx, uint64_t bn, uint32_t off,
			uint32_t len);
/* DRAM page of a new block, zeroed; goes to media whole before the commit. */
void *toy_tx_new(struct toy_tx *tx, uint64_t bn);
/* Reads a node with its sum and magic checked. @tx may be NULL outside of a transaction. */
int toy_node_read(struct toy_fs *fs, struct toy_tx *tx, uint64_t bn,
		  uint32_t magic, const void **p);
/* The node to be changed: toy_node_read and toy_tx_get of the whole block. */
int toy_node_get(struct toy_tx *tx, uint64_t bn, uint32_t magic, void **p);
/* A new node: block allocated near @hint, header filled. */
int toy_node_new(struct toy_tx *tx, uint32_t magic, uint64_t owner,
		 uint64_t hint, uint64_t *bn, void **p);
/* Durable when it returns 0; on an error nothing happened. Ends the transaction either way. */
int toy_tx_commit(struct toy_tx *tx);
void toy_tx_abort(struct toy_tx *tx);
/* One of them: @err is what went wrong before, which it returns then. */
int toy_tx_end(struct toy_tx *tx, int err);
/* The transaction frees space: it may use the spare blocks. */
void toy_tx_frees(struct toy_tx *tx);
/*
 * May this transaction take one more step of a long operation, which changes up
 * to @lines lines? If not, the operation commits and goes on in another one,
 * whose first step always may.
 */
bool toy_tx_more(struct toy_tx *tx, unsigned int lines);

/* ---- alloc.c ---- */

/*
 * Up to @want contiguous blocks near @hint (0: the channel's own place), on a
 * device of the calling thread's NUMA node unless these are full; taken if the
 * transaction commits.
 */
int toy_alloc(struct toy_tx *tx, uint64_t hint, uint32_t want, uint64_t *bn,
	      uint32_t *len);
/* Blocks of this transaction's own grant use: reserved before, taken if it commits. */
int toy_alloc_reserved(struct toy_tx *tx, uint64_t bn, uint32_t len);
/* Free if the transaction commits. */
int toy_free(struct toy_tx *tx, uint64_t bn, uint32_t len);
/* Volatile: reserve up to @want contiguous blocks, found as toy_alloc() does, at a 2 MiB boundary if @want >= 512 and one is free. */
int toy_reserve(struct toy_fs *fs, unsigned int channel, uint64_t hint,
		uint32_t want, uint64_t *bn, uint32_t *len);
void toy_unreserve(struct toy_fs *fs, uint64_t bn, uint32_t len);
int toy_count_free(struct toy_fs *fs, uint64_t *blocks);
/*
 * Block @bn is bad: in this mount nobody gets it, now or when it is freed. On
 * media it is what it was, until fsck takes it out of use.
 */
void toy_bad_note(struct toy_fs *fs, uint64_t bn);
/* The same of the one that this thread met last. */
void toy_bad_met(struct toy_fs *fs);

/* ---- room.c ---- */

/* How many of the free blocks are kept for what frees space. */
int toy_kept(struct toy_fs *fs, uint64_t *blocks);
/*
 * From now on others leave @want free blocks for an operation of several
 * transactions. -ENOSPC: there aren't so many; -EIO.
 */
int toy_promise(struct toy_fs *fs, uint64_t want);
/* @n of the blocks that were promised aren't wanted any more. */
void toy_unpromise(struct toy_fs *fs, uint64_t n);
/* The transaction takes blocks off the *@left ones that were promised while there are any. */
void toy_tx_promised(struct toy_tx *tx, uint64_t *left);

/* ---- tree.c: @root points into a DRAM copy of the transaction (or is const media for readers) ---- */

struct toy_tree {
	struct toy_fs *fs;
	struct toy_tx *tx;     /* NULL: read only */
	struct toy_root *root; /* never written if tx is NULL */
	uint64_t owner;	       /* ino */
};

/* The record with the largest key <= @key; -ENOENT: none. */
int toy_tree_floor(const struct toy_tree *t, uint64_t key, struct toy_rec *rec);
/* The record with the smallest key >= @key; -ENOENT: none. rec fields are little-endian as on media. */
int toy_tree_ceil(const struct toy_tree *t, uint64_t key, struct toy_rec *rec);
/* Copies up to @max records with keys >= @key; returns their number or -errno. */
int toy_tree_range(const struct toy_tree *t, uint64_t key, struct toy_rec *rec,
		   int max);
int toy_tree_insert(const struct toy_tree *t, uint64_t key,
		    uint64_t val); /* -EEXIST */
int toy_tree_update(const struct toy_tree *t, uint64_t key, uint64_t new_key,
		    uint64_t val); /* order must stay */
int toy_tree_delete(const struct toy_tree *t, uint64_t key);

/* ---- map.c: file maps on a tree ---- */

/* Extent or hole that holds @lblk, from @lblk on; up to @max extents without gaps, holes with ZUFS_EXT_HOLE. Returns their number. */
int toy_map_get(const struct toy_tree *t, uint64_t lblk, uint64_t end,
		struct zufs_extent *ext, int max);
/* *at: behind the last block of [lblk, end) that is mapped; @lblk: none is. */
int toy_map_end(const struct toy_tree *t, uint64_t lblk, uint64_t end,
		uint64_t *at);
/* Maps [lblk, +len) to pblk; merges with a neighbour where it continues it; the range must be a hole. */
int toy_map_insert(const struct toy_tree *t, uint64_t lblk, uint64_t pblk,
		   uint32_t len);
/* Frees blocks from @lblk to @end, from the end backwards, as far as the transaction's room allows; *done: all of it. Adds the number of freed blocks to *freed. */
int toy_map_punch(const struct toy_tree *t, uint64_t lblk, uint64_t end,
		  uint64_t *freed, bool *done);

/* ---- itable.c: inode slots ---- */

/* Where the slot of @ino is on media; -ENOENT: no such slot. */
int toy_slot_find(struct toy_fs *fs, uint64_t ino, uint64_t *off);
/* The slot with its sum checked; -ENOENT: free; -EUCLEAN. */
int toy_slot_read(struct toy_fs *fs, uint64_t ino,
		  const struct toy_slot **slot);
/* A DRAM copy of the slot in the transaction, to be changed. */
int toy_slot_get(struct toy_tx *tx, uint64_t ino, struct toy_slot **slot);
/* A free slot for a new inode: zeroed but for i_ino and i_generation (new, never 0). */
int toy_slot_alloc(struct toy_tx *tx, uint64_t *ino, struct toy_slot **slot);
int toy_slot_free(struct toy_tx *tx, uint64_t ino);
int toy_count_inodes(struct toy_fs *fs, uint64_t *total, uint64_t *free_);

/* ---- orphan.c ---- */

/* Writes entry @ino | flag; *pos says where, for toy_orphan_del. */
int toy_orphan_add(struct toy_tx *tx, uint64_t entry, uint64_t *pos);
int toy_orphan_del(struct toy_tx *tx, uint64_t pos);
/* Calls @fn for each entry (single-threaded, at mount). */
int toy_orphan_each(struct toy_fs *fs,
		    int (*fn)(struct toy_fs *fs, uint64_t entry, uint64_t pos,
			      void *arg),
		    void *arg);

/* ---- super.c ---- */

struct toy_health;

struct toy_mkfs_opts {
	const char *label; /* or NULL */
	uint8_t uuid[16];
	uint64_t blocks;      /* of the filesystem, a multiple of 512 */
	int64_t time;	      /* ns */
	uint32_t uid, gid;    /* of the root directory */
	uint64_t seed[2];     /* hash key */
	unsigned int nr_devs; /* 0: one of all blocks, with the same uuid */
	const struct zufs_dev_id *devs;	 /* their blocks together are @blocks */
	const struct toy_health *health; /* NULL: nothing is known */
};

/*
 * Whether it can be made on @bytes, before anything is stored. -EINVAL,
 * -ENAMETOOLONG; -EOVERFLOW: the first device has no room for the tables of
 * all; -EIO: a bad block is where nothing but its own tables can be; -E2BIG:
 * more runs of bad blocks than it can leave alone.
 */
int toy_mkfs_fits(uint64_t bytes, const struct toy_mkfs_opts *opts);
/* Makes a filesystem on [base, base + bytes), the linear space; errors are those of toy_mkfs_fits(). */
int toy_mkfs(void *base, uint64_t bytes, const struct toy_mkfs_opts *opts);
/* Checks superblock, or its copy, and prepares @fs; no journal replay, no writes. @why: static text of the cause on error. */
int toy_open(struct toy_fs *fs, void *base, uint64_t bytes, const char **why);
/* The byte of the superblock that counts, or of its copy. */
uint64_t toy_super_off(const struct toy_fs *fs);
/* What the superblock says of its memory from now on. @shutdowns: ZUFS_MAX_DEVICES, @bad: TOY_BAD_RUNS of them. */
void toy_super_set(struct toy_fs *fs, const uint64_t *shutdowns,
		   const __le64 *bad);
/* Replays the journals (writes, unless nothing is to do); then the filesystem may be used. */
int toy_recover(struct toy_fs *fs);
/* Media know what is done, and nothing is left to be replayed. Nobody commits meanwhile. */
void toy_settle(struct toy_fs *fs);
void toy_close(struct toy_fs *fs);
/* The superblock at byte @off: magic, sum, and a size that fits. */
bool toy_super_ok(const struct toy_fs *fs, uint64_t off);

/* ---- devtable.c ---- */

/* Is it toyfs's, with the right sum, and numbers that can be? */
bool toy_dev_table_ok(const struct zufs_dev_table *dt);
/* What dt->sum has to be, in host order. */
uint64_t toy_dev_table_sum(const struct zufs_dev_table *dt);
/* That of the first device of a new filesystem. */
void toy_dev_table_fill(struct zufs_dev_table *dt,
			const struct toy_mkfs_opts *o);
/* Makes it that of another device of the same filesystem. */
void toy_dev_table_for(struct zufs_dev_table *dt, unsigned int dev);
/* Which devices there are: fs->dev of a table that is ok. */
void toy_devs_take(struct toy_fs *fs, const struct zufs_dev_table *dt);
/* Blocks of all of them. */
uint64_t toy_devs_blocks(const struct toy_fs *fs);
/* Has one of these data blocks the table of a device? They are nobody's. */
bool toy_has_table(const struct toy_fs *fs, uint64_t bn, uint64_t len);
/* The block with the table of a device, or with its copy. */
uint64_t toy_dev_table_bn(const struct toy_fs *fs, unsigned int dev,
			  unsigned int copy);

/* ---- log: set by the plugin or tool; default stderr ---- */
extern void (*toy_log)(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
enum {
	TOY_LOG_ERR = 3,
	TOY_LOG_WARN = 4,
	TOY_LOG_INFO = 6
};

#endif /* TOYFS_H */
