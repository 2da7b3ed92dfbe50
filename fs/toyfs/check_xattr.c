// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck: extended attributes of an inode.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check_priv.h"

/* ---- names: an open hash of the chain's, which may have 100,000 ---- */

static uint64_t name_hash(const struct ck *ck, const struct toy_xattr *x)
{
	return toy_siphash(ck->xattrs.key, x->name, x->nlen);
}

static bool same_xattr(const struct toy_xattr *x, const struct toy_xattr *y)
{
	return TOY_XATTR_TYPE(y->type) == TOY_XATTR_TYPE(x->type) &&
	       y->nlen == x->nlen && !memcmp(y->name, x->name, x->nlen);
}

/* Where the name is, or would be. */
static const struct toy_xattr **name_at(const struct ck *ck,
					const struct toy_xattr *x)
{
	const struct ck_xattrs *s = &ck->xattrs;
	size_t i = name_hash(ck, x) & (s->cap - 1);

	while (s->at[i] && !same_xattr(s->at[i], x))
		i = (i + 1) & (s->cap - 1);
	return &s->at[i];
}

static bool names_grow(struct ck *ck)
{
	struct ck_xattrs old = ck->xattrs;
	size_t cap = old.cap ? old.cap * 2 : 64;
	void *p = calloc(cap, sizeof(*old.at));

	if (!p)
		return false;
	ck->xattrs.at = p;
	ck->xattrs.cap = cap;
	for (size_t i = 0; i < old.cap; i++)
		if (old.at[i])
			*name_at(ck, old.at[i]) = old.at[i];
	free(old.at);
	return true;
}

static void names_free(struct ck *ck)
{
	free(ck->xattrs.at);
	ck->xattrs.at = NULL;
	ck->xattrs.cap = 0;
	ck->xattrs.nr = 0;
}

/* Is the name before @x in the chain? If not, it is from now on. */
static bool in_chain(struct ck *ck, const struct toy_xattr *x)
{
	const struct toy_xattr **at;

	if (ck->xattrs.nr * 2 >= ck->xattrs.cap && !names_grow(ck)) {
		ck->err = -ENOMEM;
		return false;
	}
	at = name_at(ck, x);
	if (*at)
		return true;
	*at = x;
	ck->xattrs.nr++;
	return false;
}

/* ---- nodes ---- */

static const char *xattr_node_wrong(struct ck *ck, const struct toy_node *n)
{
	const char *wrong = toy_xattr_wrong(n);
	uint32_t end = TOY_BLOCK - le32toh(n->free), nr = 0, off;
	const struct toy_xattr *x;

	if (wrong)
		return wrong;
	for (off = sizeof(*n); off < end;
	     off += TOY_XATTR_LEN(x->nlen, le16toh(x->vlen)), nr++) {
		x = (const void *)((const char *)n + off);
		if (!TOY_XATTR_TYPE(x->type) ||
		    TOY_XATTR_TYPE(x->type) > ZUFS_XATTR_USER)
			return "an xattr of no type";
		if (in_chain(ck, x))
			return "an xattr's name stands twice";
	}
	if (!nr || nr != le16toh(n->nr))
		return "the number of xattrs in a node";
	for (; off < TOY_BLOCK; off++)
		if (((const char *)n)[off])
			return "free bytes of an xattr node";
	return NULL;
}

/* ---- values that have blocks of their own ---- */

/* If one bit of one block is wrong: its repair; false: more is. */
static bool far_mends(struct ck *ck, const struct toy_far *far)
{
	uint64_t all = toy_far_sum(ck->fs, far);

	for (unsigned int i = 0; i < toy_far_blocks(far); i++) {
		uint64_t off = toy_far_block(far, i) * TOY_BLOCK;
		const void *p = pm_at(ck->fs, off);
		uint64_t others = all - toy_sum(p, TOY_BLOCK, off, TOY_BLOCK);
		int64_t bit = toy_sum_flip_to(p, TOY_BLOCK, off, TOY_BLOCK,
					      le64toh(far->sum) - others);

		if (bit < 0)
			continue;
		ck_fix(ck, CK_FLIP, off * 8 + (uint64_t)bit, 0, 0, 0);
		return true;
	}
	return false;
}

/* False: one of them has another owner too. */
static bool far_claim(struct ck *ck, uint64_t ino, const struct toy_far *far)
{
	for (uint32_t i = 0; i < le32toh(far->nr); i++) {
		uint64_t e = le64toh(far->ext[i]);

		if (!ck_claim(ck, TOY_EXT_PBLK(e), TOY_EXT_LEN(e), ino))
			return false;
	}
	return true;
}

/* Bytes that can't be read are a problem that no repair is for. */
static bool far_readable(struct ck *ck, uint64_t ino, const struct toy_far *far)
{
	uint64_t before = ck->res->problems;

	for (uint32_t i = 0; i < le32toh(far->nr); i++) {
		uint64_t e = le64toh(far->ext[i]);

		ck_data_media(ck, TOY_EXT_PBLK(e), TOY_EXT_LEN(e), ino);
	}
	return ck->res->problems == before;
}

/* Its value is right, or is mended, or nothing can be done; else it has to go. */
static bool far_stays(struct ck *ck, uint64_t ino, uint64_t bn,
		      const struct toy_xattr *x)
{
	struct toy_far far;
	const char *wrong = toy_far_get(ck->fs, x, &far);

	if (wrong) {
		ck_problem(ck, TOY_P_XATTR, ino, bn, wrong);
		return false;
	}
	if (!far_claim(ck, ino, &far))
		return false;
	if (!far_readable(ck, ino, &far) ||
	    toy_far_sum(ck->fs, &far) == le64toh(far.sum))
		return true;
	ck_problem(ck, TOY_P_XATTR, ino, toy_far_block(&far, 0),
		   "an xattr's value has a wrong checksum");
	return far_mends(ck, &far);
}

/*
 * Those of a node. The repairs of what comes first are made last, since entries
 * that follow move.
 */
static void far_values(struct ck *ck, uint64_t ino, uint64_t bn, uint32_t off)
{
	const struct toy_node *n = pm_at(ck->fs, bn * TOY_BLOCK);
	uint32_t end = TOY_BLOCK - le32toh(n->free);
	const struct toy_xattr *x = (const void *)((const char *)n + off);

	if (off >= end)
		return;
	far_values(ck, ino, bn, off + TOY_XATTR_LEN(x->nlen, le16toh(x->vlen)));
	if (x->type & TOY_XATTR_FAR && !far_stays(ck, ino, bn, x))
		ck_fix(ck, CK_XVALUE, bn, off, 0, 0);
}

/* ---- the chain ---- */

/* The node is gone from it, and what is behind, but for node @next. */
static void chain_fix(struct ck *ck, uint64_t ino, uint64_t before,
		      uint64_t next)
{
	ck_fix(ck, CK_XATTR, ino, before, next, 0);
}

static bool is_empty(const struct toy_node *n)
{
	return !n->nr && le32toh(n->free) == TOY_BLOCK - sizeof(*n);
}

void ck_xattrs(struct ck *ck, uint64_t ino, uint64_t first)
{
	uint64_t bn = first, before = 0;

	for (unsigned int count = 0; bn; count++) {
		const struct toy_node *n = NULL;
		const char *wrong = NULL;

		ck->mends = false;
		if (bn < ck->fs->data_bn || count == TOY_XATTR_NODES)
			wrong = "a chain of xattrs leads nowhere";
		else
			n = ck_node(ck, bn, TOY_XATTR_MAGIC, ino);
		if (n)
			wrong = xattr_node_wrong(ck, n);
		if (wrong)
			ck_problem(ck, TOY_P_XATTR, ino, bn, wrong);
		if (wrong || (!n && !ck->mends))
			chain_fix(ck, ino, before,
				  n && is_empty(n) ? le64toh(n->link) : 0);
		if (wrong || !n)
			break;
		far_values(ck, ino, bn, sizeof(*n));
		before = bn;
		bn = le64toh(n->link);
	}
	names_free(ck);
}
