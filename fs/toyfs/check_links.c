// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck: whether all inodes have their names and links, and the root leads to
 * all directories.
 */
#include <sys/stat.h>

#include "check_priv.h"

static void nlink_bad(struct ck *ck, uint64_t ino, uint64_t nlink,
		      const char *text)
{
	ck_problem(ck, TOY_P_NLINK, ino, 0, text);
	ck_fix(ck, CK_NLINK, ino, nlink, 0, 0);
}

static void dir_links(struct ck *ck, uint64_t ino)
{
	const struct ck_inode *i = &ck->inode[ino];
	uint64_t parent = ino == TOY_ROOT_INO ? ino : i->parent;

	if (!i->nlink && i->names)
		nlink_bad(ck, ino, 2 + i->subdirs,
			  "a removed directory has a name");
	else if (i->nlink && i->nlink != 2 + i->subdirs)
		nlink_bad(ck, ino, 2 + i->subdirs, "the links of a directory");
	if (i->nlink && (i->names || ino == TOY_ROOT_INO) &&
	    i->says != parent) {
		ck_problem(ck, TOY_P_PARENT, ino, 0, "a directory's \"..\"");
		ck_fix(ck, CK_PARENT, ino, parent, 0, 0);
	}
}

static void orphan(struct ck *ck, uint64_t ino)
{
	const struct ck_inode *i = &ck->inode[ino];

	if (i->nlink && i->orphan) {
		ck_problem(ck, TOY_P_ORPHAN, ino, i->orphan_bn,
			   "an orphan that has a name");
		ck_fix(ck, CK_ORPHAN, i->orphan_bn, i->orphan_nr, 0, 0);
	}
	if (!i->nlink && !i->names && !i->orphan) {
		ck_problem(ck, TOY_P_ORPHAN, ino, 0,
			   "an inode without a name is no orphan");
		ck_fix(ck, CK_SLOT, ino, 0, 0, 0);
	}
}

static void links(struct ck *ck, uint64_t ino)
{
	const struct ck_inode *i = &ck->inode[ino];

	if (S_ISDIR(i->mode))
		dir_links(ck, ino);
	else if (i->nlink != i->names && i->names)
		nlink_bad(ck, ino, i->names, "the links of an inode");
	orphan(ck, ino);
	if (i->nlink && !i->names && ino != TOY_ROOT_INO) {
		ck_problem(ck, TOY_P_LOST, ino, 0,
			   "an inode that no name leads to");
		ck_fix(ck, CK_LOST, ino, 0, 0, 0);
	}
}

/*
 * Up from @ino until something is known. All on the way is reached then; or it
 * is below a directory without a name, which was reported, or in a circle, which
 * loses one name. Each inode is passed twice at most.
 */
static void reach(struct ck *ck, uint64_t ino)
{
	uint64_t at = ino;
	struct ck_inode *i = &ck->inode[at];

	while (!i->reached && !i->walk && i->names) {
		i->walk = ino;
		at = i->parent;
		i = &ck->inode[at];
	}
	if (i->reached) {
		for (at = ino; !ck->inode[at].reached;
		     at = ck->inode[at].parent)
			ck->inode[at].reached = true;
	} else if (i->walk == ino) {
		ck_problem(ck, TOY_P_PARENT, at, i->name_bn,
			   "a directory that is below itself");
		ck_fix(ck, CK_NAME, i->name_bn, i->name_off, 0, 0);
	}
}

void ck_links(struct ck *ck)
{
	ck->inode[TOY_ROOT_INO].reached = true;
	for (uint64_t ino = 0; ino < ck->nr; ino++) {
		const struct ck_inode *i = &ck->inode[ino];

		if (!i->mode)
			continue;
		links(ck, ino);
		if (S_ISDIR(i->mode) && i->names)
			reach(ck, ino);
	}
}
