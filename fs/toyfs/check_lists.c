// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck: lists of free slots, and of orphans.
 */
#include "check_priv.h"

/* ---- free slots ---- */

/* One repair makes them all anew. */
static void list_bad(struct ck *ck, uint64_t ino, const char *text)
{
	ck_problem(ck, TOY_P_FREE_LIST, ino, TOY_STATE_BN, text);
	ck_fix(ck, CK_FREE_LISTS, 0, 0, 0, 0);
}

static void free_list(struct ck *ck, unsigned int c)
{
	const struct toy_state *st =
		pm_at(ck->fs, (uint64_t)TOY_STATE_BN * TOY_BLOCK);
	uint64_t ino = le64toh(st->chan[c].free_head), n = 0;

	while (ino) {
		struct ck_inode *i = ino < ck->nr ? &ck->inode[ino] : NULL;

		if (!i || !i->is_free || i->listed) {
			list_bad(ck, ino,
				 "a list of free inodes has one that isn't");
			return;
		}
		i->listed = true;
		n++;
		ino = le64toh(ck_slot(ck, ino)->zi.i_on_disk[0]);
	}
	if (n != le64toh(st->chan[c].free_count))
		list_bad(ck, 0, "the count of a list of free inodes");
}

void ck_free_lists(struct ck *ck)
{
	for (unsigned int c = 0; c < TOY_CHANNELS; c++)
		free_list(ck, c);
	for (uint64_t ino = TOY_ROOT_INO + 1; ino < ck->nr; ino++)
		if (ck->inode[ino].is_free && !ck->inode[ino].listed)
			list_bad(ck, ino, "a free inode in no list");
}

/* ---- orphans ---- */

/*
 * An entry goes with its inode, in one transaction. One that stayed would be that
 * of whoever gets the number next, lost+found before all others.
 */
static const char *entry_wrong(struct ck *ck, uint64_t entry, uint64_t bn,
			       uint32_t nr)
{
	uint64_t ino = TOY_ORPH_INO(entry);
	bool cut = entry & TOY_ORPH_CUT, fill = entry & TOY_ORPH_FILL;
	struct ck_inode *i;
	bool *has;

	if (ino >= ck->nr || !ino)
		return "an orphan entry of no inode";
	i = &ck->inode[ino];
	if (i->is_free)
		return "an orphan entry of a free inode";
	if (cut && fill)
		return "an orphan entry of two kinds";
	has = cut || fill ? &i->range : &i->orphan;
	if (*has)
		return "an orphan entry twice";
	*has = true;
	if (has == &i->orphan) {
		i->orphan_bn = bn;
		i->orphan_nr = nr;
	}
	return NULL;
}

static void entries(struct ck *ck, const struct toy_node *n, uint64_t bn)
{
	const __le64 *e = (const __le64 *)(n + 1);

	for (uint32_t i = 0; i < TOY_ORPH_ENTRIES; i++) {
		const char *wrong = NULL;

		if (e[i]) {
			ck->res->orphans++;
			wrong = entry_wrong(ck, le64toh(e[i]), bn, i);
		}
		if (!wrong)
			continue;
		ck_problem(ck, TOY_P_ORPHAN, TOY_ORPH_INO(le64toh(e[i])), bn,
			   wrong);
		ck_fix(ck, CK_ORPHAN, bn, i, 0, 0);
	}
}

/* The first block is in the fixed area; a broken one behind it is cut off. */
static void orphan_list(struct ck *ck, unsigned int c)
{
	uint64_t bn = TOY_ORPHAN_BN + c, before = 0;

	while (bn) {
		const struct toy_node *n = NULL;

		ck->mends = false;
		if (before && bn < ck->fs->data_bn)
			ck_problem(ck, TOY_P_NODE, 0, bn,
				   "an orphan block's place");
		else
			n = ck_node(ck, bn, TOY_ORPH_MAGIC, c);
		if (n) {
			entries(ck, n, bn);
			before = bn;
			bn = le64toh(n->link);
			continue;
		}
		if (!ck->mends && before)
			ck_fix(ck, CK_ORPH_LINK, before, 0, 0, 0);
		else if (!ck->mends)
			ck_fix(ck, CK_ORPH_NODE, bn, c, 0, 0);
		return;
	}
}

void ck_orphans(struct ck *ck)
{
	for (unsigned int c = 0; c < TOY_CHANNELS; c++)
		orphan_list(ck, c);
}
