// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck: the inode file is found again by its blocks, whose slots say with their
 * sums that they belong where they are, and with their numbers what they are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "repair_priv.h"

/* Of 16 slots; fewer may be broken. */
#define SLOTS_FOR_SURE 9
#define MAX_HOLES      8 /* more than there are other blocks */

struct found {
	uint64_t *bn; /* by block of the inode file, 0: none */
	uint64_t nr, cap;
};

/* ---- the scan ---- */

/* Which block of the inode file it is; UINT64_MAX: none. */
static uint64_t itable_block(const struct toy_fs *fs, uint64_t bn)
{
	const struct toy_slot *s = pm_at(fs, bn * TOY_BLOCK);
	uint64_t lblk = UINT64_MAX;
	unsigned int sure = 0;

	for (unsigned int i = 0; i < TOY_SLOTS_PER_BLOCK; i++) {
		uint64_t ino = le64toh(s[i].zi.i_ino);

		if (ino % TOY_SLOTS_PER_BLOCK != i ||
		    (sure && ino / TOY_SLOTS_PER_BLOCK != lblk) ||
		    le64toh(s[i].sum) !=
			    toy_sum(&s[i], sizeof(s[i]),
				    bn * TOY_BLOCK + i * sizeof(s[i]),
				    offsetof(struct toy_slot, sum)))
			continue;
		lblk = ino / TOY_SLOTS_PER_BLOCK;
		sure++;
	}
	return sure >= SLOTS_FOR_SURE && lblk < fs->blocks ? lblk : UINT64_MAX;
}

static int found_put(struct found *f, uint64_t lblk, uint64_t bn)
{
	uint64_t cap = f->cap ? f->cap : 1024, *p;

	while (cap <= lblk)
		cap *= 2;
	if (cap != f->cap) {
		p = realloc(f->bn, cap * sizeof(*p));
		if (!p)
			return -ENOMEM;
		memset(p + f->cap, 0, (cap - f->cap) * sizeof(*p));
		f->bn = p;
		f->cap = cap;
	}
	if (!f->bn[lblk])
		f->bn[lblk] = bn;
	if (lblk >= f->nr)
		f->nr = lblk + 1;
	return 0;
}

static int scan(const struct toy_fs *fs, struct found *f)
{
	for (uint64_t bn = fs->data_bn; bn < fs->blocks; bn++) {
		uint64_t lblk = itable_block(fs, bn);
		int err = lblk == UINT64_MAX ? 0 : found_put(f, lblk, bn);

		if (err)
			return err;
	}
	return 0;
}

/* One that is far behind all others is no block of the inode file. */
static void cut(struct found *f)
{
	uint64_t have = 0, nr = 0;

	for (uint64_t lblk = 0; lblk < f->nr; lblk++) {
		have += f->bn[lblk] != 0;
		if (f->bn[lblk] && lblk + 1 - have <= have + MAX_HOLES)
			nr = lblk + 1;
	}
	f->nr = nr;
}

/* ---- the map ---- */

/* A state node with no inode file. */
static int head_empty(struct toy_fs *fs)
{
	struct toy_state *st;
	struct toy_tx *tx;
	int err = toy_tx_begin(fs, 0, &tx);

	if (err)
		return err;
	st = rp_get(tx, TOY_STATE_BN, 0, TOY_STATE_SUMMED);
	if (!st)
		return toy_tx_end(tx, -ENOMEM);
	memset(st, 0, TOY_STATE_SUMMED);
	st->hdr.magic = htole32(TOY_STATE_MAGIC);
	rp_sum(st, TOY_STATE_BN, 0, TOY_STATE_SUMMED,
	       offsetof(struct toy_node, sum));
	return toy_tx_end(tx, 0);
}

/* A block of free slots where there was none. */
static int block_new(struct toy_tx *tx, uint64_t lblk, uint64_t *bn)
{
	struct toy_slot *s;
	uint32_t len;
	int err = toy_alloc(tx, 0, 1, bn, &len);

	if (err)
		return err;
	s = toy_tx_new_kind(tx, *bn, TOY_K_SLOTS);
	if (!s)
		return -ENOMEM;
	for (unsigned int i = 0; i < TOY_SLOTS_PER_BLOCK; i++)
		s[i].zi.i_ino = htole64(lblk * TOY_SLOTS_PER_BLOCK + i);
	return 0;
}

/* Blocks from @lblk on that follow each other on media too. */
static uint32_t run_at(const struct found *f, uint64_t lblk)
{
	uint32_t len = 1;

	while (f->bn[lblk] && lblk + len < f->nr && len < TOY_EXT_MAX &&
	       f->bn[lblk + len] == f->bn[lblk] + len)
		len++;
	return len;
}

static int map_add(struct toy_fs *fs, const struct found *f, uint64_t lblk,
		   uint32_t len)
{
	struct toy_tree t = { .fs = fs };
	uint64_t bn = f->bn[lblk];
	struct toy_state *st;
	int err = toy_tx_begin(fs, 0, &t.tx);

	if (err)
		return err;
	st = toy_tx_get_kind(t.tx, TOY_STATE_BN, 0, TOY_STATE_SUMMED,
			     TOY_K_STATE);
	if (!st)
		return toy_tx_end(t.tx, -ENOMEM);
	t.tx->keep = TOY_KEEP_NONE;
	if (!bn)
		err = block_new(t.tx, lblk, &bn);
	t.root = &st->itable;
	if (!err)
		err = toy_map_insert(&t, lblk, bn, len);
	st->itable_blocks = htole64(lblk + len);
	return toy_tx_end(t.tx, err);
}

/* ---- space: what bitmaps say may be as wrong as the map ---- */

#define WORDS (TOY_AG_BLOCKS / 64U)

/*
 * Blocks that were found are in use, and @give isn't (0: none). Of a broken AG all
 * others are in use.
 */
static int ag_settle(struct ck *ck, uint32_t ag, uint64_t give)
{
	uint64_t first = ck->fs->data_bn + (uint64_t)ag * TOY_AG_BLOCKS;
	uint64_t bn = TOY_AG_NODE_BN + ag;
	bool ok = toy_node_sum_ok(ck->fs, bn);
	uint32_t free_ = 0;
	struct toy_node *n;
	struct toy_tx *tx;
	__le64 *bits;
	int err = toy_tx_begin(ck->fs, 0, &tx);

	if (err)
		return err;
	n = rp_get(tx, bn, 0, TOY_BLOCK);
	if (!n)
		return toy_tx_end(tx, -ENOMEM);
	bits = (__le64 *)(n + 1);
	n->magic = htole32(TOY_AG_MAGIC);
	n->owner = htole64(ag);
	for (unsigned int w = 0; w < WORDS; w++) {
		uint64_t at = first + w * 64ULL;

		bits[w] |= at < ck->fs->blocks && ok ?
				   htole64(ck->used[at / 64]) :
				   ~0ULL;
		if (give >= at && give - at < 64)
			bits[w] &= ~htole64(1ULL << (give - at));
		free_ += (uint32_t)__builtin_popcountll(~bits[w]);
	}
	n->free = htole32(free_);
	rp_sum(n, bn, 0, TOY_BLOCK, offsetof(struct toy_node, sum));
	return toy_tx_end(tx, 0);
}

static int space_settle(struct ck *ck, const struct found *f)
{
	for (uint64_t lblk = 0; lblk < f->nr; lblk++)
		if (f->bn[lblk])
			ck->used[f->bn[lblk] / 64] |= 1ULL << f->bn[lblk] % 64;
	for (uint32_t ag = 0; ag < ck->fs->ag_count; ag++) {
		int err = ag_settle(ck, ag, 0);

		if (err)
			return err;
	}
	return toy_ags_reset(ck->fs);
}

/* Without space: better 16 inodes less than all from here on. */
static int give_last(struct ck *ck, struct found *f)
{
	uint64_t bn = f->bn[--f->nr];
	int err = ag_settle(
		ck, (uint32_t)((bn - ck->fs->data_bn) / TOY_AG_BLOCKS), bn);

	f->bn[f->nr] = 0;
	while (f->nr && !f->bn[f->nr - 1])
		f->nr--;
	return err ? err : toy_ags_reset(ck->fs);
}

/* ---- all ---- */

static int map_all(struct ck *ck, struct found *f)
{
	for (uint64_t lblk = 0; lblk < f->nr;) {
		uint32_t len = run_at(f, lblk);
		int err = map_add(ck->fs, f, lblk, len);

		if (err == -ENOSPC && f->bn[f->nr - 1]) {
			err = give_last(ck, f);
			/* What it gave may fill a hole here. */
			if (f->nr <= lblk)
				f->nr = lblk + 1;
			len = 0;
		} else if (err == -ENOSPC && lblk) {
			break;
		}
		if (err)
			return err;
		lblk += len;
	}
	return 0;
}

int rp_itable(struct ck *ck)
{
	struct found f = { 0 };
	int err = scan(ck->fs, &f);

	cut(&f);
	/* Without one block nothing was ever there to be found. */
	if (!err && !f.nr)
		err = -EUCLEAN;
	if (!err)
		err = head_empty(ck->fs);
	if (!err)
		err = space_settle(ck, &f);
	if (!err)
		err = map_all(ck, &f);
	free(f.bn);
	return err;
}
