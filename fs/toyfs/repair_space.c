// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck's repairs of free space: bitmaps, and lists of free slots.
 */
#include <errno.h>
#include <string.h>

#include "repair_priv.h"

#define WORDS (TOY_AG_BLOCKS / 64U)
#define BATCH 64U /* slots in a transaction: two lines each */

/* ---- bitmaps ---- */

static void ag_fill(const struct ck *ck, struct toy_node *n, uint32_t ag)
{
	uint64_t first = ck->fs->data_bn + (uint64_t)ag * TOY_AG_BLOCKS;
	__le64 *bits = (__le64 *)(n + 1);
	uint32_t free_ = 0;

	memset(n, 0, TOY_BLOCK);
	n->magic = htole32(TOY_AG_MAGIC);
	n->owner = htole64(ag);
	for (unsigned int w = 0; w < WORDS; w++) {
		uint64_t bn = first + w * 64ULL;
		uint64_t used = bn < ck->fs->blocks ? ck->used[bn / 64] : ~0ULL;

		bits[w] = htole64(used);
		free_ += (uint32_t)__builtin_popcountll(~used);
	}
	n->free = htole32(free_);
}

int rp_ag(struct ck *ck, uint32_t ag)
{
	uint64_t bn = TOY_AG_NODE_BN + ag;
	struct toy_node *n;
	struct toy_tx *tx;
	int err = toy_tx_begin(ck->fs, 0, &tx);

	if (err)
		return err;
	n = rp_get(tx, bn, 0, TOY_BLOCK);
	if (!n)
		return toy_tx_end(tx, -ENOMEM);
	ag_fill(ck, n, ag);
	rp_sum(n, bn, 0, TOY_BLOCK, offsetof(struct toy_node, sum));
	return toy_tx_end(tx, 0);
}

/* ---- lists of free slots: all in that of channel 0 ---- */

struct list {
	__le64 head, count, sum;
};

static struct list *list_get(struct toy_tx *tx, unsigned int c)
{
	return rp_get(tx, TOY_STATE_BN,
		      (uint32_t)offsetof(struct toy_state, chan) + c * TOY_LINE,
		      TOY_LINE);
}

static void list_sum(struct list *l, unsigned int c)
{
	rp_sum(l, TOY_STATE_BN,
	       (uint32_t)offsetof(struct toy_state, chan) + c * TOY_LINE,
	       TOY_LINE, offsetof(struct list, sum));
}

static int lists_empty(struct ck *ck)
{
	struct toy_tx *tx;
	int err = toy_tx_begin(ck->fs, 0, &tx);

	if (err)
		return err;
	for (unsigned int c = 0; c < TOY_CHANNELS; c++) {
		struct list *l = list_get(tx, c);

		if (!l)
			return toy_tx_end(tx, -ENOMEM);
		memset(l, 0, TOY_LINE);
		list_sum(l, c);
	}
	return toy_tx_end(tx, 0);
}

static int list_add(struct ck *ck, struct toy_tx *tx, struct list *l,
		    uint64_t ino)
{
	uint64_t bn = ck->itab[ino / TOY_SLOTS_PER_BLOCK];
	uint32_t off = ino % TOY_SLOTS_PER_BLOCK * sizeof(struct toy_slot);
	struct toy_slot *s = rp_get(tx, bn, off, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->zi.i_on_disk[0] = l->head;
	rp_sum(s, bn, off, sizeof(*s), offsetof(struct toy_slot, sum));
	l->head = htole64(ino);
	l->count = htole64(le64toh(l->count) + 1);
	return 0;
}

/* From *@ino downwards, as many as go into one transaction. */
static int lists_add(struct ck *ck, uint64_t *ino)
{
	unsigned int n = 0;
	struct toy_tx *tx;
	struct list *l;
	int err = toy_tx_begin(ck->fs, 0, &tx);

	if (err)
		return err;
	l = list_get(tx, 0);
	if (!l)
		return toy_tx_end(tx, -ENOMEM);
	for (; !err && *ino > TOY_ROOT_INO && n < BATCH; --*ino) {
		if (!ck->inode[*ino].is_free)
			continue;
		err = list_add(ck, tx, l, *ino);
		n++;
	}
	list_sum(l, 0);
	return toy_tx_end(tx, err);
}

int rp_free_lists(struct ck *ck)
{
	uint64_t ino = ck->nr - 1;
	int err = lists_empty(ck);

	while (!err && ino > TOY_ROOT_INO)
		err = lists_add(ck, &ino);
	return err;
}
