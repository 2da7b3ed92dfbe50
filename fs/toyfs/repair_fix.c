// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck's repairs of one node, slot or line.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "repair_priv.h"

#define NODE_SUM offsetof(struct toy_node, sum)

/* ---- nodes ---- */

static void drop_rec(struct toy_rec *rec, uint16_t nr, const struct ck_fix *f)
{
	for (uint16_t i = 0; i < nr; i++) {
		if (le64toh(rec[i].key) != f->c || le64toh(rec[i].val) != f->d)
			continue;
		memmove(&rec[i], &rec[i + 1], (nr - i - 1U) * sizeof(*rec));
		memset(&rec[nr - 1], 0, sizeof(*rec));
		return;
	}
}

static void node_drop(struct toy_node *n, const struct ck_fix *f)
{
	uint16_t nr = le16toh(n->nr);

	drop_rec((struct toy_rec *)(n + 1), nr, f);
	n->nr = htole16(nr - 1U);
}

static struct toy_dirent *dirent(struct toy_node *n, uint64_t off)
{
	return (struct toy_dirent *)((char *)n + off);
}

static void leaf_count(struct toy_node *n)
{
	uint32_t free_ = 0;
	uint16_t nr = 0;

	for (uint32_t off = sizeof(*n); off < TOY_BLOCK;) {
		const struct toy_dirent *de = dirent(n, off);

		off += le16toh(de->rec_len);
		free_ += le16toh(de->rec_len);
		if (!de->ino)
			continue;
		nr++;
		free_ -= TOY_DIRENT_LEN(de->nlen);
	}
	n->nr = htole16(nr);
	n->free = htole32(free_);
}

static void name_remove(struct toy_node *n, uint64_t off)
{
	dirent(n, off)->ino = 0;
	leaf_count(n);
}

static void orph_empty(struct toy_node *n, uint64_t channel)
{
	memset(n, 0, TOY_BLOCK);
	n->magic = htole32(TOY_ORPH_MAGIC);
	n->owner = htole64(channel);
}

static void orph_remove(struct toy_node *n, uint64_t i)
{
	__le64 *e = (__le64 *)(n + 1);

	e[i] = 0;
	n->nr = htole16(le16toh(n->nr) - 1U);
}

static void entry_remove(struct toy_node *n, uint64_t off)
{
	const struct toy_xattr *x =
		(const struct toy_xattr *)((const char *)n + off);
	uint32_t len = TOY_XATTR_LEN(x->nlen, le16toh(x->vlen));
	uint32_t end = TOY_BLOCK - le32toh(n->free);

	memmove((char *)n + off, (char *)n + off + len, end - off - len);
	memset((char *)n + end - len, 0, len);
	n->free = htole32(le32toh(n->free) + len);
	n->nr = htole16(le16toh(n->nr) - 1U);
}

static void node_change(struct toy_node *n, const struct ck_fix *f)
{
	switch (f->kind) {
	case CK_DROP:
		node_drop(n, f);
		break;
	case CK_NAME:
		name_remove(n, f->b);
		break;
	case CK_TYPE:
		dirent(n, f->b)->type = (uint8_t)f->c;
		break;
	case CK_LEAF:
		leaf_count(n);
		break;
	case CK_ORPH_NODE:
		orph_empty(n, f->b);
		break;
	case CK_ORPHAN:
		orph_remove(n, f->b);
		break;
	case CK_XVALUE:
		entry_remove(n, f->b);
		break;
	case CK_XATTR:
		n->link = htole64(f->c);
		break;
	default: /* CK_ORPH_LINK */
		n->link = 0;
	}
}

static int node_fix(struct ck *ck, uint64_t bn, const struct ck_fix *f)
{
	struct toy_node *n;
	struct toy_tx *tx;
	int err = toy_tx_begin(ck->fs, 0, &tx);

	if (err)
		return err;
	n = rp_get(tx, bn, 0, TOY_BLOCK);
	if (!n)
		return toy_tx_end(tx, -ENOMEM);
	node_change(n, f);
	rp_sum(n, bn, 0, TOY_BLOCK, NODE_SUM);
	return toy_tx_end(tx, 0);
}

/* ---- slots ---- */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void slot_clear(struct toy_slot *s, uint64_t ino)
{
	uint64_t gen = le64toh(s->zi.i_generation) + 1;

	memset(s, 0, sizeof(*s));
	s->zi.i_ino = htole64(ino);
	s->zi.i_generation = htole64(gen ? gen : 1);
	if (ino != TOY_ROOT_INO)
		return;
	s->zi.i_mode = htole16(S_IFDIR | 0755);
	s->zi.i_nlink = htole32(2);
	s->zi.i_parent = htole64(ino);
	s->zi.i_mtime = htole64(now());
	s->zi.i_ctime = s->zi.i_mtime;
	s->zi.i_atime = s->zi.i_mtime;
	s->btime = s->zi.i_mtime;
}

static void root_drop(struct toy_root *root, const struct ck_fix *f)
{
	uint16_t nr = le16toh(root->nr);

	drop_rec(root->rec, nr, f);
	root->nr = htole16(nr - 1U);
}

static void slot_change(struct toy_slot *s, const struct ck_fix *f)
{
	switch (f->kind) {
	case CK_DROP:
		root_drop(&s->map, f);
		break;
	case CK_NO_MAP:
		memset(&s->map, 0, sizeof(s->map));
		break;
	case CK_RANGE:
		s->zi.i_on_disk[0] = 0;
		s->zi.i_on_disk[1] = 0;
		break;
	case CK_SIZE:
		s->zi.i_size = htole64(f->b);
		break;
	case CK_BLOCKS:
		s->zi.i_blocks = htole64(f->b);
		break;
	case CK_NLINK:
		s->zi.i_nlink = htole32((uint32_t)f->b);
		break;
	case CK_PARENT:
		s->zi.i_parent = htole64(f->b);
		break;
	case CK_XATTR:
		s->zi.i_xattr = htole64(f->c);
		break;
	default: /* CK_SLOT */
		slot_clear(s, f->a);
	}
}

static int slot_fix(struct ck *ck, uint64_t ino, const struct ck_fix *f)
{
	uint64_t bn = ck->itab[ino / TOY_SLOTS_PER_BLOCK];
	uint32_t off = ino % TOY_SLOTS_PER_BLOCK * sizeof(struct toy_slot);
	struct toy_slot *s;
	struct toy_tx *tx;
	int err = toy_tx_begin(ck->fs, 0, &tx);

	if (err)
		return err;
	s = rp_get(tx, bn, off, sizeof(*s));
	if (!s)
		return toy_tx_end(tx, -ENOMEM);
	slot_change(s, f);
	rp_sum(s, bn, off, sizeof(*s), offsetof(struct toy_slot, sum));
	return toy_tx_end(tx, 0);
}

/* ---- bits and lines ---- */

static int flip(struct ck *ck, uint64_t bit)
{
	uint64_t off = bit / 8, bn = off / TOY_BLOCK;
	uint8_t *p;
	struct toy_tx *tx;
	int err = toy_tx_begin(ck->fs, 0, &tx);

	if (err)
		return err;
	p = rp_get(tx, bn, off % TOY_BLOCK, 1);
	if (p)
		*p ^= (uint8_t)(1U << bit % 8);
	return toy_tx_end(tx, p ? 0 : -ENOMEM);
}

static int channel_empty(struct ck *ck, uint64_t channel)
{
	uint32_t off = (uint32_t)(offsetof(struct toy_state, chan) +
				  channel * TOY_LINE);
	struct toy_tx *tx;
	void *p;
	int err = toy_tx_begin(ck->fs, 0, &tx);

	if (err)
		return err;
	p = rp_get(tx, TOY_STATE_BN, off, TOY_LINE);
	if (p) {
		memset(p, 0, TOY_LINE);
		rp_sum(p, TOY_STATE_BN, off, TOY_LINE, 16);
	}
	return toy_tx_end(tx, p ? 0 : -ENOMEM);
}

int rp_unit(struct ck *ck, const struct ck_fix *f)
{
	switch (f->kind) {
	case CK_FLIP:
		return flip(ck, f->a);
	case CK_CHANNEL:
		return channel_empty(ck, f->a);
	case CK_DROP:
		return f->a ? node_fix(ck, f->a, f) : slot_fix(ck, f->b, f);
	case CK_XATTR:
		return f->b ? node_fix(ck, f->b, f) : slot_fix(ck, f->a, f);
	case CK_NO_MAP:
	case CK_SLOT:
	case CK_RANGE:
	case CK_SIZE:
	case CK_BLOCKS:
	case CK_NLINK:
	case CK_PARENT:
		return slot_fix(ck, f->a, f);
	default:
		return node_fix(ck, f->a, f);
	}
}
