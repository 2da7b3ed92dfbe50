// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck: trees, and file maps in them. A broken node is repaired by who points
 * at it: that record goes.
 */
#include "check_priv.h"

struct tree {
	struct ck *ck;
	uint64_t owner;
	/* Bounds of the keys that come next: low <= key < high. */
	uint64_t low, high;
	bool ends; /* there is no high */
	bool (*fn)(struct ck *ck, uint64_t key, uint64_t val, void *arg);
	void *arg;
};

static void bad(struct tree *t, uint64_t bn, const char *text)
{
	ck_problem(t->ck, TOY_P_TREE, t->owner, bn, text);
}

/* The inode file's map can't lack anything. */
static void drop(struct tree *t, uint64_t bn, const struct toy_rec *rec)
{
	if (t->owner)
		ck_fix(t->ck, CK_DROP, bn, t->owner, le64toh(rec->key),
		       le64toh(rec->val));
	else
		ck_fix(t->ck, CK_ITABLE, 0, 0, 0, 0);
}

static void drop_all(struct tree *t)
{
	ck_fix(t->ck, t->owner ? CK_NO_MAP : CK_ITABLE, t->owner, 0, 0, 0);
}

/* Records of a leaf or of the root; false: they are no records. */
static bool records(struct tree *t, const struct toy_rec *rec, unsigned int nr,
		    uint64_t bn)
{
	for (unsigned int i = 0; i < nr; i++) {
		uint64_t key = le64toh(rec[i].key);

		if (key < t->low || (!t->ends && key >= t->high) ||
		    key == UINT64_MAX) {
			bad(t, bn, "keys of a tree are out of order");
			return false;
		}
		t->low = key + 1;
		if (!t->fn(t->ck, key, le64toh(rec[i].val), t->arg))
			drop(t, bn, &rec[i]);
	}
	return true;
}

static bool node(struct tree *t, uint64_t bn, unsigned int level);

/* Separators are lower bounds; the first one doesn't count. */
static bool inner(struct tree *t, const struct toy_rec *rec, unsigned int nr,
		  uint64_t bn, unsigned int level)
{
	uint64_t high = t->high;
	bool ends = t->ends;

	for (unsigned int i = 0; i < nr; i++) {
		bool last = i + 1 == nr;
		uint64_t next = last ? 0 : le64toh(rec[i + 1].key);

		if (!last && ((i && next <= le64toh(rec[i].key)) ||
			      (!ends && next > high) || next < t->low)) {
			bad(t, bn, "separators of a tree are out of order");
			return false;
		}
		t->high = last ? high : next;
		t->ends = last && ends;
		if (!node(t, le64toh(rec[i].val), level - 1))
			drop(t, bn, &rec[i]);
		if (!last)
			t->low = next > t->low ? next : t->low;
	}
	t->high = high;
	t->ends = ends;
	return true;
}

/* False: nothing may point at it. */
static bool node(struct tree *t, uint64_t bn, unsigned int level)
{
	const struct toy_node *n;
	unsigned int nr;

	if (bn < t->ck->fs->data_bn) {
		bad(t, bn, "a tree's node outside of the data area");
		return false;
	}
	n = ck_node(t->ck, bn, TOY_TREE_MAGIC, t->owner);
	if (!n)
		return t->ck->mends;
	nr = le16toh(n->nr);
	if (le16toh(n->level) != level || !nr || nr > TOY_NODE_RECS) {
		bad(t, bn, "a tree's node of another level or size");
		return false;
	}
	if (level)
		return inner(t, (const struct toy_rec *)(n + 1), nr, bn, level);
	return records(t, (const struct toy_rec *)(n + 1), nr, bn);
}

void ck_tree(struct ck *ck, const struct toy_root *root, uint64_t owner,
	     bool (*fn)(struct ck *ck, uint64_t key, uint64_t val, void *arg),
	     void *arg)
{
	struct tree t = {
		.ck = ck, .owner = owner, .ends = true, .fn = fn, .arg = arg
	};
	unsigned int depth = le16toh(root->depth), nr = le16toh(root->nr);
	bool ok = depth <= TOY_MAX_DEPTH && (depth || nr <= TOY_INLINE_RECS);

	if (!ok)
		bad(&t, 0, "a tree's root");
	else if (depth)
		ok = node(&t, le64toh(root->root), depth - 1);
	else
		ok = records(&t, root->rec, nr, 0);
	if (!ok)
		drop_all(&t);
}

/* ---- file maps ---- */

struct map {
	uint64_t owner;
	uint64_t end; /* of the extent before */
	uint64_t blocks;
};

static bool extent(struct ck *ck, uint64_t key, uint64_t val, void *arg)
{
	uint64_t bn = TOY_EXT_PBLK(val), len = TOY_EXT_LEN(val);
	struct map *m = arg;
	const char *wrong = NULL;

	if (!len || !toy_is_data(ck->fs, bn, len))
		wrong = "an extent outside of the data area";
	else if (key < m->end)
		wrong = "extents overlap in their file";
	else if (key >= TOY_MAX_LBLK || len > TOY_MAX_LBLK - key)
		wrong = "an extent behind the largest size";
	if (wrong) {
		ck_problem(ck, TOY_P_EXTENT, m->owner, bn, wrong);
		return false;
	}
	m->end = key + len;
	m->blocks += len;
	ck_data_media(ck, bn, len, m->owner);
	return ck_claim(ck, bn, len, m->owner);
}

uint64_t ck_map(struct ck *ck, const struct toy_root *root, uint64_t owner)
{
	struct map m = { .owner = owner };

	ck_tree(ck, root, owner, extent, &m);
	return m.blocks;
}
