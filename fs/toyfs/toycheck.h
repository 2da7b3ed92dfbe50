/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Checks everything that is on media, trusts none of it, and repairs it. For
 * fsck.toyfs, the crash explorer and fuzzers.
 */
#ifndef TOYFS_TOYCHECK_H
#define TOYFS_TOYCHECK_H

#include "health.h"
#include "toyfs.h"

/*
 * In the order of repairs: what is broken, then links and space, then lost ones;
 * then what can't be repaired.
 */
enum toy_problem_code {
	TOY_P_SUPER,   /* a superblock, or it differs from its copy */
	TOY_P_TABLE,   /* the same of the device table */
	TOY_P_STATE,   /* the state node, or the line of a channel */
	TOY_P_JOURNAL, /* a record that contradicts */
	TOY_P_ITABLE,  /* the map of the inode file */
	TOY_P_NODE, /* a block that should be a node: place, sum, magic, owner */
	TOY_P_TREE,   /* levels, order, bounds, numbers of records */
	TOY_P_EXTENT, /* of a file: outside the data area or the largest size */
	TOY_P_TWICE,  /* a block that two own */
	TOY_P_SLOT,   /* an inode's slot: sum, number, fields that contradict */
	TOY_P_SIZE,   /* i_size or i_blocks */
	TOY_P_SYMLINK,
	TOY_P_XATTR,
	TOY_P_LEAF, /* a leaf of a directory, or its place in the tree */
	TOY_P_NAME, /* a name: its hash, twice, of no inode, of another type */
	TOY_P_PARENT, /* a directory's "..", or a directory with two names */
	TOY_P_NLINK,
	TOY_P_FREE_LIST,
	TOY_P_ORPHAN,
	TOY_P_BAD_LIST, /* bad blocks that nobody owns: not those there are */
	TOY_P_AG,	/* an AG's node: counts, bits behind the end */
	TOY_P_LEAKED,	/* a block marked as used that nobody owns */
	TOY_P_UNMARKED, /* a block in use that is marked as free */
	TOY_P_LOST,	/* an inode that no name leads to */
	TOY_P_MEDIA,	/* bad blocks with data */
	TOY_P_CODES
};

struct toy_problem {
	enum toy_problem_code code;
	uint64_t ino, bn; /* 0: none, or it doesn't matter */
	const char *text;
};

struct toy_check_opts {
	/* Returns whether to repair it; for toy_check() that is the same. */
	bool (*found)(void *arg, const struct toy_problem *p);
	/* Optional: inodes checked, of how many. */
	void (*progress)(void *arg, uint64_t done, uint64_t all);
	/* Optional: whether to stop; asked at each inode and each repair. */
	bool (*canceled)(void *arg);
	void *arg;
	const struct toy_health *health; /* NULL: nothing is known */
	bool quick; /* only what a mount reads: superblocks, journals, state */
};

struct toy_check_result {
	uint64_t problems;
	uint64_t inodes, directories; /* in use */
	uint64_t orphans;	      /* entries: the next mount has work */
	uint64_t blocks, blocks_used;
	uint64_t repairs; /* that were made, in all passes */
};

/*
 * After toy_open() and toy_recover(), which may have returned -EUCLEAN; nothing
 * else may use @fs. Stores nothing. 0, whatever was found; -ENOMEM; -EIO: it met
 * poison that opts->health doesn't know of, and stopped; -ECANCELED.
 */
int toy_check(struct toy_fs *fs, const struct toy_check_opts *opts,
	      struct toy_check_result *res);
/*
 * The same, in passes: each repairs what can be without the next one's, until
 * one finds nothing or repairs nothing. Repairs are transactions, so that a
 * crash leaves what another run goes on with. The rest of @res is of the last
 * pass. -ENOSPC: no name in lost+found; -ECANCELED: what was repaired
 * is; -errno: a repair failed.
 */
int toy_repair(struct toy_fs *fs, const struct toy_check_opts *opts,
	       struct toy_check_result *res);

#endif /* TOYFS_TOYCHECK_H */
