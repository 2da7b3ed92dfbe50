// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck: lists of free slots, and of orphans.
 */
#include "check_priv.h"

/* ---- free slots ---- */

static void free_list(struct ck *ck, unsigned int c)
{
	const struct toy_state *st =
		pm_at(ck->fs, (uint64_t)TOY_STATE_BN * TOY_BLOCK);
	uint64_t ino = le64toh(st->chan[c].free_head), n = 0;

	while (ino) {
		struct ck_inode *i = ino < ck->nr ? &ck->inode[ino] : NULL;

		if (!i || !i->is_free || i->listed) {
			ck_problem(ck, TOY_P_FREE_LIST, ino, TOY_STATE_BN,
				   "a list of free inodes has one that isn't");
			return;
		}
		i->listed = true;
		n++;
		ino = le64toh(ck_slot(ck, ino)->zi.i_on_disk[0]);
	}
	if (n != le64toh(st->chan[c].free_count))
		ck_problem(ck, TOY_P_FREE_LIST, 0, TOY_STATE_BN,
			   "the count of a list of free inodes");
}

void ck_free_lists(struct ck *ck)
{
	for (unsigned int c = 0; c < TOY_CHANNELS; c++)
		free_list(ck, c);
	for (uint64_t ino = TOY_ROOT_INO + 1; ino < ck->nr; ino++)
		if (ck->inode[ino].is_free && !ck->inode[ino].listed)
			ck_problem(ck, TOY_P_FREE_LIST, ino, 0,
				   "a free inode in no list");
}

/* ---- orphans ---- */

/* An entry of a free inode is dropped by the next mount: no problem. */
static void orphan(struct ck *ck, uint64_t entry, uint64_t bn)
{
	uint64_t ino = TOY_ORPH_INO(entry);
	bool truncate = entry & TOY_ORPH_TRUNCATE, *has;

	ck->res->orphans++;
	if (ino >= ck->nr || !ino) {
		ck_problem(ck, TOY_P_ORPHAN, ino, bn,
			   "an orphan entry of no inode");
		return;
	}
	has = truncate ? &ck->inode[ino].truncate : &ck->inode[ino].orphan;
	if (*has)
		ck_problem(ck, TOY_P_ORPHAN, ino, bn, "an orphan entry twice");
	*has = true;
}

static void orphan_list(struct ck *ck, unsigned int c)
{
	uint64_t bn = TOY_ORPHAN_BN + c;

	while (bn) {
		const struct toy_node *n = NULL;
		const __le64 *e;

		if (bn != TOY_ORPHAN_BN + c && bn < ck->fs->data_bn)
			ck_problem(ck, TOY_P_ORPHAN, 0, bn,
				   "an orphan block's place");
		else
			n = ck_node(ck, bn, TOY_ORPH_MAGIC, c);
		if (!n)
			return;
		e = (const __le64 *)(n + 1);
		for (unsigned int i = 0; i < TOY_ORPH_ENTRIES; i++)
			if (e[i])
				orphan(ck, le64toh(e[i]), bn);
		bn = le64toh(n->link);
	}
}

void ck_orphans(struct ck *ck)
{
	for (unsigned int c = 0; c < TOY_CHANNELS; c++)
		orphan_list(ck, c);
}
