/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What the checks share: blocks that were reached, and what is known of each
 * inode.
 */
#ifndef TOYFS_CHECK_PRIV_H
#define TOYFS_CHECK_PRIV_H

#include "bad.h"
#include "toycheck.h"
#include "tx.h"

/* What repairs do; numbers after the colon are their arguments. */
enum ck_fix_kind {
	CK_FLIP,  /* bit of the media */
	CK_SUPER, /* 0 or 1: the good one of the two */
	CK_TABLE, /* the same of the first device, device, 0 or 1: the new one */
	CK_JOURNAL, /* byte: no record begins there, or the line tells nothing */
	CK_CHANNEL, /* channel: it has no free slots */
	CK_ITABLE,  /* the inode file is found again by its blocks */
	CK_DROP,    /* node or 0, ino of the root, key, value: no such record */
	CK_NO_MAP,  /* ino */
	CK_SLOT,    /* ino: free; the root: empty */
	CK_RANGE,   /* ino: no blocks are to go */
	CK_SIZE,    /* ino, bytes */
	CK_BLOCKS,  /* ino, i_blocks */
	CK_NLINK,   /* ino, links */
	CK_PARENT,  /* ino, ino of its directory */
	CK_NAME,    /* leaf, byte: the name goes */
	CK_TYPE,    /* leaf, byte, type of the inode */
	CK_LEAF,    /* leaf: its counts */
	CK_XATTR, /* ino, node before or 0, next one: the chain goes on there */
	CK_XVALUE,    /* xattr node, byte: that entry goes */
	CK_ORPH_LINK, /* orphan block: the chain ends there */
	CK_ORPH_NODE, /* orphan block, channel: empty */
	CK_ORPHAN,    /* orphan block, number of the entry: free */
	CK_BAD_LIST,  /* ck->bad becomes it */
	CK_AG,	      /* AG: its bits are what is in use */
	CK_FREE_LISTS,
	CK_LOST, /* ino: gets a name in lost+found */
};

struct ck_fix {
	enum ck_fix_kind kind;
	unsigned int phase;
	uint64_t a, b, c, d;
};

struct ck_inode {
	uint64_t names;	    /* that lead to it */
	uint64_t parent;    /* the directory with its name */
	uint64_t says;	    /* i_parent of a directory */
	uint64_t name_bn;   /* the leaf of its first name, */
	uint32_t name_off;  /* and where in it */
	uint32_t orphan_nr; /* the entry that says: no name */
	uint64_t orphan_bn;
	uint64_t walk; /* from which inode it was passed on the way up */
	uint32_t nlink;
	uint32_t subdirs;
	uint16_t mode; /* 0: free, or the slot is broken */
	bool is_free;
	bool mends;   /* one bit of the slot is wrong: it will be back */
	bool listed;  /* in a list of free slots */
	bool orphan;  /* has an entry that says: no name */
	bool range;   /* has an entry that says: a part of its map changes */
	bool reached; /* a directory below the root */
};

/* Names of the chain of xattrs that is checked now. */
struct ck_xattrs {
	const struct toy_xattr **at;
	size_t nr, cap;	 /* a power of 2 */
	uint64_t key[2]; /* media can't know it */
};

struct ck {
	struct toy_fs *fs;
	const struct toy_check_opts *opts;
	struct toy_check_result *res;
	uint64_t *used; /* a bit a block: somebody owns it */
	uint64_t nr;	/* slots of the inode file */
	uint64_t *itab; /* its blocks, 0: unknown */
	struct ck_inode *inode;
	struct ck_xattrs xattrs;
	struct toy_bad_list bad; /* that nobody owns */

	bool repair;	    /* collect what repairs do */
	bool accepted;	    /* the last problem is to be repaired */
	unsigned int phase; /* of the last problem */
	unsigned int first; /* of all problems' phases */
	bool mends; /* the node that ck_node() didn't return will be back */
	struct ck_fix *fix;
	size_t nr_fixes, cap_fixes;
	int err; /* no memory for a fix, or a name */
};

/* All checks of one pass; then @done, if it isn't NULL, while @ck still stands. */
int ck_run(struct toy_fs *fs, const struct toy_check_opts *opts,
	   struct toy_check_result *res, int (*done)(struct ck *ck));
void ck_problem(struct ck *ck, enum toy_problem_code code, uint64_t ino,
		uint64_t bn, const char *text);
/* How to repair the last problem. */
void ck_fix(struct ck *ck, enum ck_fix_kind kind, uint64_t a, uint64_t b,
	    uint64_t c, uint64_t d);
/* If one bit of the unit at byte @off is wrong: its repair; false: more is. */
bool ck_flip(struct ck *ck, uint64_t off, uint64_t len, uint64_t sum);
/* Whether to stop: ck->err is set then. */
bool ck_canceled(struct ck *ck);
/* [bn, +len) of the data area belongs to @ino; false: not any of it can. */
bool ck_claim(struct ck *ck, uint64_t bn, uint64_t len, uint64_t ino);
/* The node at @bn, claimed if it is in the data area; NULL: it is none; ck->mends. */
const struct toy_node *ck_node(struct ck *ck, uint64_t bn, uint32_t magic,
			       uint64_t owner);

/* ---- check_tree.c ---- */

/* Calls @fn for each record, in order; it returns false if it has to go. */
void ck_tree(struct ck *ck, const struct toy_root *root, uint64_t owner,
	     bool (*fn)(struct ck *ck, uint64_t key, uint64_t val, void *arg),
	     void *arg);
/* Claims the extents of a file map; their blocks. */
uint64_t ck_map(struct ck *ck, const struct toy_root *root, uint64_t owner);

/* ---- check_state.c ---- */

/* False: without it the rest can't be checked. */
bool ck_state(struct ck *ck);
void ck_supers(struct ck *ck);
void ck_dev_tables(struct ck *ck);
void ck_journals(struct ck *ck);

/* ---- check_inode.c, check_dir.c, check_links.c, check_lists.c, check_space.c ---- */

/* The slot of an inode, whatever is in it; NULL: it can't be found. */
const struct toy_slot *ck_slot(struct ck *ck, uint64_t ino);
/* Slots by themselves; then what inodes own. */
void ck_slots(struct ck *ck);
void ck_inodes(struct ck *ck);
void ck_dir(struct ck *ck, uint64_t ino, const struct toy_slot *slot);
/* check_xattr.c: the chain that begins at block @first, 0: none. */
void ck_xattrs(struct ck *ck, uint64_t ino, uint64_t first);
/* Link counts, parents, what can't be reached. After all directories. */
void ck_links(struct ck *ck);
void ck_free_lists(struct ck *ck);
void ck_orphans(struct ck *ck);
void ck_space(struct ck *ck);

/* ---- check_media.c ---- */

bool ck_is_bad(const struct ck *ck, uint64_t bn);
/* [bn, +len) has data of @ino. */
void ck_data_media(struct ck *ck, uint64_t bn, uint64_t len, uint64_t ino);
/* Bad blocks that nobody owns are in use, and in the superblock's list. */
void ck_bad_list(struct ck *ck);

#endif /* TOYFS_CHECK_PRIV_H */
