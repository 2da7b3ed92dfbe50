/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What the checks share: blocks that were reached, and what is known of each
 * inode.
 */
#ifndef TOYFS_CHECK_PRIV_H
#define TOYFS_CHECK_PRIV_H

#include "toycheck.h"
#include "tx.h"

struct ck_inode {
	uint64_t names;	 /* that lead to it */
	uint64_t parent; /* the directory with its name */
	uint64_t says;	 /* i_parent of a directory */
	uint32_t nlink;
	uint32_t subdirs;
	uint16_t mode; /* 0: free, or the slot is broken */
	bool is_free;
	bool listed;   /* in a list of free slots */
	bool orphan;   /* has an entry that says: no name */
	bool truncate; /* has an entry that says: truncate */
	bool reached;  /* a directory below the root */
	bool adrift;   /* a directory that was looked at for that */
};

struct ck {
	struct toy_fs *fs;
	const struct toy_check_opts *opts;
	struct toy_check_result *res;
	uint64_t *used; /* a bit a block: somebody owns it */
	uint64_t nr;	/* slots of the inode file */
	uint64_t *itab; /* its blocks, 0: unknown */
	struct ck_inode *inode;
};

void ck_problem(struct ck *ck, enum toy_problem_code code, uint64_t ino,
		uint64_t bn, const char *text);
/* [bn, +len) of the data area belongs to @ino; false: not any of it can. */
bool ck_claim(struct ck *ck, uint64_t bn, uint64_t len, uint64_t ino);
/* The node at @bn, claimed if it is in the data area; NULL: it is none. */
const struct toy_node *ck_node(struct ck *ck, uint64_t bn, uint32_t magic,
			       uint64_t owner);

/* ---- check_tree.c ---- */

/* Calls @fn for each record, in order. */
void ck_tree(struct ck *ck, const struct toy_root *root, uint64_t owner,
	     void (*fn)(struct ck *ck, uint64_t key, uint64_t val, void *arg),
	     void *arg);
/* Claims the extents of a file map; their blocks. */
uint64_t ck_map(struct ck *ck, const struct toy_root *root, uint64_t owner);

/* ---- check_inode.c, check_dir.c, check_lists.c, check_space.c ---- */

/* The slot of an inode, whatever is in it; NULL: it can't be found. */
const struct toy_slot *ck_slot(struct ck *ck, uint64_t ino);
/* Slots by themselves; then what inodes own. */
void ck_slots(struct ck *ck);
void ck_inodes(struct ck *ck);
void ck_dir(struct ck *ck, uint64_t ino, const struct toy_slot *slot);
/* Link counts, parents, what can't be reached. After all directories. */
void ck_links(struct ck *ck);
void ck_free_lists(struct ck *ck);
void ck_orphans(struct ck *ck);
void ck_space(struct ck *ck);

#endif /* TOYFS_CHECK_PRIV_H */
