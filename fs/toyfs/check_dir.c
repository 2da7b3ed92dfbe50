// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck: directories, their names, and whether all inodes have theirs.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check_priv.h"

/* ---- leaves ---- */

struct dir {
	uint64_t ino;
	uint64_t leaves;
	uint64_t highest; /* hash in the leaf before */
	uint64_t highest_bn;
};

static void name(struct ck *ck, uint64_t dir, uint64_t bn,
		 const struct toy_dirent *de)
{
	uint64_t ino = le64toh(de->ino), hash = le64toh(de->key) >> 8;
	const char *wrong = NULL;
	struct ck_inode *i;

	if (memchr(de->name, 0, de->nlen) || memchr(de->name, '/', de->nlen) ||
	    (de->name[0] == '.' &&
	     (de->nlen == 1 || (de->nlen == 2 && de->name[1] == '.'))))
		wrong = "a name that can't be";
	else if (toy_name_hash(ck->fs, de->name, de->nlen) != hash)
		wrong = "a name with a wrong hash";
	else if (ino >= ck->nr || !ck->inode[ino].mode)
		wrong = "a name of no inode";
	else if (de->type != ck->inode[ino].mode >> 12)
		wrong = "a name of another type than its inode";
	if (wrong) {
		ck_problem(ck, TOY_P_NAME, dir, bn, wrong);
		return;
	}
	i = &ck->inode[ino];
	i->names++;
	if (!S_ISDIR(i->mode))
		return;
	ck->inode[dir].subdirs++;
	if (i->names == 1)
		i->parent = dir;
	else
		ck_problem(ck, TOY_P_PARENT, ino, bn,
			   "a directory with two names");
}

static int by_key(const void *a, const void *b)
{
	const struct toy_dirent *x = *(const struct toy_dirent *const *)a;
	const struct toy_dirent *y = *(const struct toy_dirent *const *)b;
	uint64_t k = le64toh(x->key), l = le64toh(y->key);

	return k < l ? -1 : k > l;
}

static bool same_name(const struct toy_dirent *a, const struct toy_dirent *b)
{
	return a->nlen == b->nlen && !memcmp(a->name, b->name, a->nlen);
}

static void names(struct ck *ck, struct dir *d, uint64_t bn, uint64_t low,
		  const struct toy_dirent **de, unsigned int nr)
{
	qsort(de, nr, sizeof(*de), by_key);
	for (unsigned int i = 0; i < nr; i++) {
		uint64_t key = le64toh(de[i]->key);

		if (key >> 8 < low)
			ck_problem(ck, TOY_P_LEAF, d->ino, bn,
				   "a name in the wrong leaf");
		if (i && key == le64toh(de[i - 1]->key))
			ck_problem(ck, TOY_P_NAME, d->ino, bn,
				   "two names with one key");
		for (unsigned int k = i;
		     k-- && le64toh(de[k]->key) >> 8 == key >> 8;)
			if (same_name(de[i], de[k]))
				ck_problem(ck, TOY_P_NAME, d->ino, bn,
					   "a name stands twice");
		name(ck, d->ino, bn, de[i]);
	}
	d->highest = nr ? le64toh(de[nr - 1]->key) >> 8 : 0;
	d->highest_bn = bn;
}

static void leaf(struct ck *ck, uint64_t key, uint64_t bn, void *arg)
{
	const struct toy_dirent *de[TOY_LEAF_MAX_RECS];
	const struct toy_node *n = NULL;
	struct dir *d = arg;
	unsigned int nr = 0;
	uint32_t free_ = 0;

	d->leaves++;
	if (d->highest >= key && key)
		ck_problem(ck, TOY_P_LEAF, d->ino, d->highest_bn,
			   "a name in the wrong leaf");
	if (bn < ck->fs->data_bn)
		ck_problem(ck, TOY_P_LEAF, d->ino, bn, "a leaf's place");
	else
		n = ck_node(ck, bn, TOY_DIR_MAGIC, d->ino);
	if (n && toy_leaf_wrong(n)) {
		ck_problem(ck, TOY_P_LEAF, d->ino, bn, toy_leaf_wrong(n));
		n = NULL;
	}
	if (!n)
		return;
	for (uint32_t off = sizeof(*n); off < TOY_BLOCK;) {
		const struct toy_dirent *e =
			(const void *)((const char *)n + off);
		uint32_t len = le16toh(e->rec_len);

		free_ += len;
		if (e->ino) {
			de[nr++] = e;
			free_ -= TOY_DIRENT_LEN(e->nlen);
		}
		off += len;
	}
	if (!nr || nr != le16toh(n->nr) || free_ != le32toh(n->free))
		ck_problem(ck, TOY_P_LEAF, d->ino, bn, "the counts of a leaf");
	names(ck, d, bn, key, de, nr);
}

void ck_dir(struct ck *ck, uint64_t ino, const struct toy_slot *slot)
{
	struct dir d = { .ino = ino };

	ck_tree(ck, &slot->map, ino, leaf, &d);
	if (le64toh(slot->zi.i_size) != d.leaves * TOY_BLOCK ||
	    le64toh(slot->zi.i_blocks) != d.leaves * (TOY_BLOCK / 512))
		ck_problem(ck, TOY_P_SIZE, ino, 0,
			   "a directory's size or i_blocks");
	if (d.leaves && !ck->inode[ino].nlink)
		ck_problem(ck, TOY_P_ORPHAN, ino, 0,
			   "a removed directory has names");
}

/* ---- links ---- */

static void dir_links(struct ck *ck, uint64_t ino)
{
	const struct ck_inode *i = &ck->inode[ino];
	uint64_t parent = ino == TOY_ROOT_INO ? ino : i->parent;

	if (i->nlink ? i->nlink != 2 + i->subdirs : i->subdirs != 0)
		ck_problem(ck, TOY_P_NLINK, ino, 0, "the links of a directory");
	if (i->nlink && i->names + (ino == TOY_ROOT_INO) == 1 &&
	    i->says != parent)
		ck_problem(ck, TOY_P_PARENT, ino, 0, "a directory's \"..\"");
	if (ino == TOY_ROOT_INO && i->names)
		ck_problem(ck, TOY_P_PARENT, ino, 0, "the root has a name");
}

static void links(struct ck *ck, uint64_t ino)
{
	const struct ck_inode *i = &ck->inode[ino];

	if (S_ISDIR(i->mode))
		dir_links(ck, ino);
	else if (i->nlink != i->names && i->names)
		ck_problem(ck, TOY_P_NLINK, ino, 0, "the links of an inode");
	if (i->nlink && !i->names && ino != TOY_ROOT_INO)
		ck_problem(ck, TOY_P_LOST, ino, 0,
			   "an inode that no name leads to");
	if (!i->nlink && i->names && S_ISDIR(i->mode))
		ck_problem(ck, TOY_P_NLINK, ino, 0,
			   "a removed directory has a name");
	if (!i->nlink != i->orphan)
		ck_problem(ck, TOY_P_ORPHAN, ino, 0,
			   i->orphan ? "an orphan that has a name" :
				       "an inode without a name is no orphan");
}

/*
 * Marks @ino and what is above it as reached, if that leads to the root, else as
 * adrift: each inode is passed twice at most, also where there are circles.
 */
static void reach(struct ck *ck, uint64_t ino)
{
	bool ends = false;
	uint64_t at = ino;

	while (!ends && !ck->inode[at].reached) {
		struct ck_inode *i = &ck->inode[at];

		ends = i->adrift || !i->names;
		i->adrift = true;
		at = i->parent;
	}
	if (ends)
		return;
	for (at = ino; !ck->inode[at].reached; at = ck->inode[at].parent)
		ck->inode[at].reached = true;
}

void ck_links(struct ck *ck)
{
	ck->inode[TOY_ROOT_INO].reached = true;
	for (uint64_t ino = 0; ino < ck->nr; ino++) {
		const struct ck_inode *i = &ck->inode[ino];

		if (!i->mode)
			continue;
		links(ck, ino);
		if (!S_ISDIR(i->mode) || !i->names)
			continue;
		reach(ck, ino);
		if (!i->reached)
			ck_problem(ck, TOY_P_LOST, ino, 0,
				   "a directory that the root doesn't lead to");
	}
}
