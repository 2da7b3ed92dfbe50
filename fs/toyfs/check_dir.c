// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck: directories and their names.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check_priv.h"

/* ---- leaves ---- */

struct dir {
	uint64_t ino;
	uint64_t leaves;
	/* The largest hash in the leaf before, and where it is. */
	uint64_t highest, highest_bn;
	uint32_t highest_off;
};

static uint32_t off_of(const struct ck *ck, uint64_t bn,
		       const struct toy_dirent *de)
{
	return (uint32_t)((const char *)de -
			  (const char *)pm_at(ck->fs, bn * TOY_BLOCK));
}

/* A name that can't stay. */
static void name_bad(struct ck *ck, enum toy_problem_code code, uint64_t ino,
		     uint64_t bn, uint32_t off, const char *text)
{
	ck_problem(ck, code, ino, bn, text);
	ck_fix(ck, CK_NAME, bn, off, 0, 0);
}

static const char *name_wrong(const struct ck *ck, const struct toy_dirent *de)
{
	uint64_t ino = le64toh(de->ino), hash = le64toh(de->key) >> 8;

	if (memchr(de->name, 0, de->nlen) || memchr(de->name, '/', de->nlen) ||
	    (de->name[0] == '.' &&
	     (de->nlen == 1 || (de->nlen == 2 && de->name[1] == '.'))))
		return "a name that can't be";
	if (toy_name_hash(ck->fs, de->name, de->nlen) != hash)
		return "a name with a wrong hash";
	if (ino >= ck->nr || !(ck->inode[ino].mode || ck->inode[ino].mends))
		return "a name of no inode";
	if (ino == TOY_ROOT_INO)
		return "a name of the root";
	return NULL;
}

static void name(struct ck *ck, uint64_t dir, uint64_t bn,
		 const struct toy_dirent *de)
{
	uint64_t ino = le64toh(de->ino);
	uint32_t off = off_of(ck, bn, de);
	const char *wrong = name_wrong(ck, de);
	struct ck_inode *i;

	if (wrong) {
		name_bad(ck, TOY_P_NAME, dir, bn, off, wrong);
		return;
	}
	i = &ck->inode[ino];
	if (i->mends)
		return;
	if (de->type != i->mode >> 12) {
		ck_problem(ck, TOY_P_NAME, dir, bn,
			   "a name of another type than its inode");
		ck_fix(ck, CK_TYPE, bn, off, i->mode >> 12, 0);
	}
	if (!i->names++) {
		i->name_bn = bn;
		i->name_off = off;
	}
	if (!S_ISDIR(i->mode))
		return;
	if (i->names > 1) {
		name_bad(ck, TOY_P_PARENT, ino, bn, off,
			 "a directory with two names");
		return;
	}
	ck->inode[dir].subdirs++;
	i->parent = dir;
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

/* Of names by key: what is wrong with number @i beside the others. */
static const char *place_wrong(const struct toy_dirent **de, unsigned int i,
			       uint64_t low)
{
	uint64_t key = le64toh(de[i]->key);

	if (key >> 8 < low)
		return "a name in the wrong leaf";
	if (i && key == le64toh(de[i - 1]->key))
		return "two names with one key";
	for (unsigned int k = i; k-- && le64toh(de[k]->key) >> 8 == key >> 8;)
		if (same_name(de[i], de[k]))
			return "a name stands twice";
	return NULL;
}

static void names(struct ck *ck, struct dir *d, uint64_t bn, uint64_t low,
		  const struct toy_dirent **de, unsigned int nr)
{
	qsort(de, nr, sizeof(*de), by_key);
	for (unsigned int i = 0; i < nr; i++) {
		const char *wrong = place_wrong(de, i, low);

		if (wrong)
			name_bad(ck, TOY_P_NAME, d->ino, bn,
				 off_of(ck, bn, de[i]), wrong);
		else
			name(ck, d->ino, bn, de[i]);
	}
	d->highest = le64toh(de[nr - 1]->key) >> 8;
	d->highest_bn = bn;
	d->highest_off = off_of(ck, bn, de[nr - 1]);
}

/* Records in use, to @de, and the free bytes around them. */
static unsigned int leaf_records(const struct toy_node *n,
				 const struct toy_dirent **de, uint32_t *free_)
{
	unsigned int nr = 0;

	*free_ = 0;
	for (uint32_t off = sizeof(*n); off < TOY_BLOCK;) {
		const struct toy_dirent *e =
			(const void *)((const char *)n + off);
		uint32_t len = le16toh(e->rec_len);

		*free_ += len;
		if (e->ino) {
			de[nr++] = e;
			*free_ -= TOY_DIRENT_LEN(e->nlen);
		}
		off += len;
	}
	return nr;
}

/* The leaf's content; false: it is none. */
static bool leaf_in(struct ck *ck, struct dir *d, uint64_t key, uint64_t bn,
		    const struct toy_node *n)
{
	const struct toy_dirent *de[TOY_LEAF_MAX_RECS];
	const char *wrong = toy_leaf_wrong(n);
	unsigned int nr = 0;
	uint32_t free_;

	if (!wrong) {
		nr = leaf_records(n, de, &free_);
		if (!nr)
			wrong = "an empty leaf";
	}
	if (wrong) {
		ck_problem(ck, TOY_P_LEAF, d->ino, bn, wrong);
		return false;
	}
	if (nr != le16toh(n->nr) || free_ != le32toh(n->free)) {
		ck_problem(ck, TOY_P_LEAF, d->ino, bn, "the counts of a leaf");
		ck_fix(ck, CK_LEAF, bn, 0, 0, 0);
	}
	names(ck, d, bn, key, de, nr);
	return true;
}

static bool leaf(struct ck *ck, uint64_t key, uint64_t bn, void *arg)
{
	const struct toy_node *n;
	struct dir *d = arg;

	d->leaves++;
	if (d->highest >= key && key)
		name_bad(ck, TOY_P_LEAF, d->ino, d->highest_bn, d->highest_off,
			 "a name in the wrong leaf");
	if (bn < ck->fs->data_bn) {
		ck_problem(ck, TOY_P_LEAF, d->ino, bn, "a leaf's place");
		return false;
	}
	n = ck_node(ck, bn, TOY_DIR_MAGIC, d->ino);
	if (!n)
		return ck->mends;
	return leaf_in(ck, d, key, bn, n);
}

void ck_dir(struct ck *ck, uint64_t ino, const struct toy_slot *slot)
{
	uint64_t before = ck->res->problems, size, sectors;
	struct dir d = { .ino = ino };

	ck_tree(ck, &slot->map, ino, leaf, &d);
	if (ck->res->problems != before)
		return;
	size = d.leaves * TOY_BLOCK;
	sectors = d.leaves * (TOY_BLOCK / 512);
	if (le64toh(slot->zi.i_size) != size ||
	    le64toh(slot->zi.i_blocks) != sectors) {
		ck_problem(ck, TOY_P_SIZE, ino, 0,
			   "a directory's size or i_blocks");
		ck_fix(ck, CK_SIZE, ino, size, 0, 0);
		ck_fix(ck, CK_BLOCKS, ino, sectors, 0, 0);
	}
	if (d.leaves && !ck->inode[ino].nlink) {
		ck_problem(ck, TOY_P_NLINK, ino, 0,
			   "a removed directory has names");
		ck_fix(ck, CK_NLINK, ino, 2, 0, 0);
	}
}
