/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * The B+tree of file maps and directories. A separator is a lower bound of the
 * keys below it, the first one of a node counts as minus infinity; neither
 * moves when records go away.
 *
 * Locks: the caller's, those of the inode that owns the tree.
 */
#include <errno.h>
#include <string.h>

#include "tx.h"

#define INLINE_BACK 3U /* a leaf this small goes back into the root */

/* A step of the way down: lv[0] is the leaf. */
struct step {
	uint64_t bn; /* 0: the inline root */
	unsigned int idx;
	unsigned int nr;
	const struct toy_rec *rec;
};

struct path {
	unsigned int depth; /* steps; an inline root is one */
	struct step lv[TOY_MAX_DEPTH + 1];
};

static int tree_bad(const struct toy_tree *t, uint64_t bn, const char *cause)
{
	toy_log(TOY_LOG_ERR, "toyfs: block %llu: tree of inode %llu: %s",
		(unsigned long long)bn, (unsigned long long)t->owner, cause);
	return -EUCLEAN;
}

static uint64_t key_of(const struct step *s, unsigned int i)
{
	return le64toh(s->rec[i].key);
}

/* Number of keys <= @key. */
static unsigned int upper(const struct step *s, uint64_t key)
{
	unsigned int lo = 0, hi = s->nr;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (key_of(s, mid) <= key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int step_load(const struct toy_tree *t, uint64_t bn, unsigned int level,
		     struct step *s)
{
	const struct toy_node *n;
	int err = toy_node_read(t->fs, t->tx, bn, TOY_TREE_MAGIC,
				(const void **)&n);

	if (err)
		return err;
	if (le64toh(n->owner) != t->owner)
		return tree_bad(t, bn, "node has another owner");
	if (le16toh(n->level) != level)
		return tree_bad(t, bn, "node of another level");
	if (!le16toh(n->nr) || le16toh(n->nr) > TOY_NODE_RECS)
		return tree_bad(t, bn, "bad number of records");
	s->bn = bn;
	s->nr = le16toh(n->nr);
	s->rec = (const struct toy_rec *)(n + 1);
	return 0;
}

static int load_below(const struct toy_tree *t, struct path *p, unsigned int l)
{
	const struct step *up = &p->lv[l + 1];

	return step_load(t, le64toh(up->rec[up->idx].val), l, &p->lv[l]);
}

/* The way to the leaf of @key; the leaf's idx is that of the last key <= @key, plus 1. */
static int descend(const struct toy_tree *t, uint64_t key, struct path *p)
{
	unsigned int depth = le16toh(t->root->depth);
	int err;

	if (depth > TOY_MAX_DEPTH)
		return tree_bad(t, le64toh(t->root->root), "too deep");
	p->depth = depth ? depth : 1;
	if (!depth) {
		struct step *s = &p->lv[0];

		s->bn = 0;
		s->nr = le16toh(t->root->nr);
		s->rec = t->root->rec;
		if (s->nr > TOY_INLINE_RECS)
			return tree_bad(t, 0, "bad number in the root");
		s->idx = upper(s, key);
		return 0;
	}
	err = step_load(t, le64toh(t->root->root), depth - 1,
			&p->lv[depth - 1]);
	for (unsigned int l = depth - 1; !err; l--) {
		struct step *s = &p->lv[l];

		s->idx = upper(s, key);
		if (!l)
			break;
		s->idx -= s->idx > 0;
		err = load_below(t, p, l - 1);
	}
	return err;
}

/* To the leaf right (or left) of this one; -ENOENT: there is none. */
static int next_leaf(const struct toy_tree *t, struct path *p, bool right)
{
	unsigned int l = 1;

	while (l < p->depth &&
	       (right ? p->lv[l].idx + 1 >= p->lv[l].nr : p->lv[l].idx == 0))
		l++;
	if (l >= p->depth)
		return -ENOENT;
	p->lv[l].idx += right ? 1U : -1U;
	while (l--) {
		int err = load_below(t, p, l);

		if (err)
			return err;
		p->lv[l].idx = right ? 0 : p->lv[l].nr - 1;
	}
	return 0;
}

int toy_tree_floor(const struct toy_tree *t, uint64_t key, struct toy_rec *rec)
{
	struct path p;
	int err = descend(t, key, &p);

	if (err)
		return err;
	if (p.lv[0].idx) {
		p.lv[0].idx--;
	} else {
		err = next_leaf(t, &p, false);
		if (err)
			return err;
	}
	*rec = p.lv[0].rec[p.lv[0].idx];
	if (le64toh(rec->key) > key)
		return tree_bad(t, p.lv[0].bn, "keys out of order");
	return 0;
}

int toy_tree_range(const struct toy_tree *t, uint64_t key, struct toy_rec *rec,
		   int max)
{
	struct path p;
	int n = 0, err = descend(t, key, &p);

	if (err)
		return err;
	if (p.lv[0].idx && key_of(&p.lv[0], p.lv[0].idx - 1) == key)
		p.lv[0].idx--;
	while (n < max) {
		struct step *s = &p.lv[0];

		if (s->idx == s->nr) {
			err = next_leaf(t, &p, true);
			if (err)
				return err == -ENOENT ? n : err;
		}
		if (key_of(s, s->idx) < key)
			return tree_bad(t, s->bn, "keys out of order");
		key = key_of(s, s->idx) + 1;
		rec[n++] = s->rec[s->idx++];
		if (!key)
			break;
	}
	return n;
}

int toy_tree_ceil(const struct toy_tree *t, uint64_t key, struct toy_rec *rec)
{
	int n = toy_tree_range(t, key, rec, 1);

	return n < 0 ? n : n ? 0 : -ENOENT;
}

/* ---- changes ---- */

/* The step's records, to be changed. */
static int step_get(const struct toy_tree *t, struct step *s,
		    struct toy_rec **rec)
{
	struct toy_node *n;
	int err;

	if (!s->bn) {
		*rec = t->root->rec;
		return 0;
	}
	err = toy_node_get(t->tx, s->bn, TOY_TREE_MAGIC, (void **)&n);
	if (err)
		return err;
	*rec = (struct toy_rec *)(n + 1);
	s->rec = *rec;
	return 0;
}

static void step_set_nr(const struct toy_tree *t, struct step *s,
			struct toy_rec *rec, unsigned int nr)
{
	s->nr = nr;
	if (s->bn)
		((struct toy_node *)rec - 1)->nr = htole16((uint16_t)nr);
	else
		t->root->nr = htole16((uint16_t)nr);
}

static struct toy_rec make_rec(uint64_t key, uint64_t val)
{
	return (struct toy_rec){ htole64(key), htole64(val) };
}

static int node_new(const struct toy_tree *t, unsigned int level, uint64_t hint,
		    uint64_t *bn, struct toy_node **n)
{
	int err = toy_node_new(t->tx, TOY_TREE_MAGIC, t->owner, hint, bn,
			       (void **)n);

	if (!err)
		(*n)->level = htole16((uint16_t)level);
	return err;
}

/* The inline records, or the root node, get a new root node above them. */
static int grow_root(const struct toy_tree *t)
{
	struct toy_root *r = t->root;
	unsigned int depth = le16toh(r->depth), nr = le16toh(r->nr);
	struct toy_node *n;
	struct toy_rec *rec;
	uint64_t bn;
	int err;

	if (depth == TOY_MAX_DEPTH)
		return -EFBIG;
	err = node_new(t, depth, depth ? le64toh(r->root) : 0, &bn, &n);
	if (err)
		return err;
	rec = (struct toy_rec *)(n + 1);
	if (depth) {
		rec[0] = make_rec(0, le64toh(r->root));
		nr = 1;
	} else {
		memcpy(rec, r->rec, nr * sizeof(*rec));
		memset(r->rec, 0, sizeof(r->rec));
	}
	n->nr = htole16((uint16_t)nr);
	r->nr = 0;
	r->root = htole64(bn);
	r->depth = htole16((uint16_t)(depth + 1));
	zus_dbg("tree of inode %llu: depth %u, root %llu",
		(unsigned long long)t->owner, depth + 1,
		(unsigned long long)bn);
	return 0;
}

static void rec_put(const struct toy_tree *t, struct step *s,
		    struct toy_rec *rec, unsigned int idx, struct toy_rec r)
{
	memmove(rec + idx + 1, rec + idx, (s->nr - idx) * sizeof(*rec));
	rec[idx] = r;
	step_set_nr(t, s, rec, s->nr + 1);
}

static int insert_at(const struct toy_tree *t, struct path *p, unsigned int l,
		     unsigned int idx, struct toy_rec r);

/* Step @l is full: half of it, or nothing if @r is the last, moves right. */
static int split_insert(const struct toy_tree *t, struct path *p,
			unsigned int l, unsigned int idx, struct toy_rec r)
{
	struct step *s = &p->lv[l], right;
	unsigned int keep = idx == s->nr ? s->nr : s->nr / 2;
	unsigned int moved = s->nr - keep;
	struct toy_rec *rec, *to;
	struct toy_node *n;
	uint64_t bn;
	int err = node_new(t, l, s->bn, &bn, &n);

	if (err)
		return err;
	err = step_get(t, s, &rec);
	if (err)
		return err;
	zus_dbg("tree of inode %llu: node %llu splits, %u records to %llu",
		(unsigned long long)t->owner, (unsigned long long)s->bn, moved,
		(unsigned long long)bn);
	to = (struct toy_rec *)(n + 1);
	memcpy(to, rec + keep, moved * sizeof(*to));
	right = (struct step){ bn, 0, 0, to };
	step_set_nr(t, &right, to, moved);
	step_set_nr(t, s, rec, keep);
	if (idx > keep || !moved)
		rec_put(t, &right, to, idx - keep, r);
	else
		rec_put(t, s, rec, idx, r);
	return insert_at(t, p, l + 1, p->lv[l + 1].idx + 1,
			 make_rec(le64toh(to[0].key), bn));
}

static int insert_at(const struct toy_tree *t, struct path *p, unsigned int l,
		     unsigned int idx, struct toy_rec r)
{
	struct step *s = &p->lv[l];
	struct toy_rec *rec;
	int err;

	if (s->nr == TOY_NODE_RECS)
		return split_insert(t, p, l, idx, r);
	err = step_get(t, s, &rec);
	if (!err)
		rec_put(t, s, rec, idx, r);
	return err;
}

/* Separators on the way down that are above @key come down to it. */
static int lower_separators(const struct toy_tree *t, struct path *p,
			    uint64_t key)
{
	for (unsigned int l = 1; l < p->depth; l++) {
		struct step *s = &p->lv[l];
		struct toy_rec *rec;
		int err;

		if (key_of(s, s->idx) <= key)
			continue;
		err = step_get(t, s, &rec);
		if (err)
			return err;
		rec[s->idx].key = htole64(key);
	}
	return 0;
}

static bool path_full(const struct path *p)
{
	for (unsigned int l = 0; l < p->depth; l++)
		if (p->lv[l].nr < TOY_NODE_RECS)
			return false;
	return true;
}

int toy_tree_insert(const struct toy_tree *t, uint64_t key, uint64_t val)
{
	struct path p;
	struct step *s = &p.lv[0];
	int err = descend(t, key, &p);

	if (err)
		return err;
	if (s->idx && key_of(s, s->idx - 1) == key)
		return -EEXIST;
	if (s->bn ? path_full(&p) : s->nr == TOY_INLINE_RECS) {
		err = grow_root(t);
		if (!err)
			err = descend(t, key, &p);
		if (err)
			return err;
	}
	err = lower_separators(t, &p, key);
	if (err)
		return err;
	return insert_at(t, &p, 0, s->idx, make_rec(key, val));
}

/* The path to record @key, its index in lv[0]. */
static int find(const struct toy_tree *t, uint64_t key, struct path *p)
{
	int err = descend(t, key, p);

	if (err)
		return err;
	if (!p->lv[0].idx || key_of(&p->lv[0], p->lv[0].idx - 1) != key)
		return -ENOENT;
	p->lv[0].idx--;
	return 0;
}

/* The separator right of the way down goes above @key. */
static int raise_right(const struct toy_tree *t, struct path *p, uint64_t key)
{
	struct step *s;
	struct toy_rec *rec;
	unsigned int l = 1;
	int err;

	while (l < p->depth && p->lv[l].idx + 1 >= p->lv[l].nr)
		l++;
	if (l >= p->depth)
		return 0;
	s = &p->lv[l];
	if (key_of(s, s->idx + 1) > key)
		return 0;
	err = step_get(t, s, &rec);
	if (!err)
		rec[s->idx + 1].key = htole64(key + 1);
	return err;
}

int toy_tree_update(const struct toy_tree *t, uint64_t key, uint64_t new_key,
		    uint64_t val)
{
	struct path p;
	struct step *s = &p.lv[0];
	struct toy_rec *rec;
	int err = find(t, key, &p);

	if (err)
		return err;
	if ((s->idx && key_of(s, s->idx - 1) >= new_key) ||
	    (s->idx + 1 < s->nr && key_of(s, s->idx + 1) <= new_key))
		return -EINVAL;
	if (new_key < key)
		err = lower_separators(t, &p, new_key);
	else if (new_key > key)
		err = raise_right(t, &p, new_key);
	if (!err)
		err = step_get(t, s, &rec);
	if (!err)
		rec[s->idx] = make_rec(new_key, val);
	return err;
}

static int collapse(const struct toy_tree *t)
{
	struct toy_root *r = t->root;

	while (r->depth) {
		unsigned int depth = le16toh(r->depth);
		uint64_t bn = le64toh(r->root);
		struct step s;
		int err = step_load(t, bn, depth - 1, &s);

		if (err)
			return err;
		if (depth > 1 ? s.nr > 1 : s.nr > INLINE_BACK)
			return 0;
		if (depth > 1) {
			r->root = s.rec[0].val;
		} else {
			memcpy(r->rec, s.rec, s.nr * sizeof(*s.rec));
			r->nr = htole16((uint16_t)s.nr);
			r->root = 0;
		}
		r->depth = htole16((uint16_t)(depth - 1));
		err = toy_free(t->tx, bn, 1);
		if (err)
			return err;
	}
	return 0;
}

int toy_tree_delete(const struct toy_tree *t, uint64_t key)
{
	struct path p;
	struct toy_rec *rec;
	unsigned int l = 0;
	int err = find(t, key, &p);

	if (err)
		return err;
	/* Nodes that lose their only record go. */
	while (p.lv[l].bn && p.lv[l].nr == 1) {
		err = toy_free(t->tx, p.lv[l].bn, 1);
		if (err)
			return err;
		if (++l == p.depth) {
			memset(t->root, 0, sizeof(*t->root));
			return 0;
		}
	}
	err = step_get(t, &p.lv[l], &rec);
	if (err)
		return err;
	memmove(rec + p.lv[l].idx, rec + p.lv[l].idx + 1,
		(p.lv[l].nr - p.lv[l].idx - 1) * sizeof(*rec));
	step_set_nr(t, &p.lv[l], rec, p.lv[l].nr - 1);
	return collapse(t);
}
