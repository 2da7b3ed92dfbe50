// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck: superblocks, device tables, journals, the state node.
 */
#include <string.h>

#include "check_priv.h"

/* ---- superblock, device table ---- */

/* @text: broken, and differ from its copy. */
static void both(struct ck *ck, enum toy_problem_code code,
		 enum ck_fix_kind fix, const bool ok[2], bool same,
		 const char *const text[2])
{
	for (int i = 0; i < 2; i++) {
		if (ok[i])
			continue;
		ck_problem(ck, code, 0,
			   i ? ZUFS_MDT_COPY_OFFSET / TOY_BLOCK : 0, text[0]);
		if (ok[!i])
			ck_fix(ck, fix, !i, 0, i, 0);
	}
	if (!ok[0] || !ok[1] || same)
		return;
	ck_problem(ck, code, 0, 0, text[1]);
	ck_fix(ck, fix, 0, 0, 1, 0);
}

void ck_supers(struct ck *ck)
{
	static const char *const text[2] = { "a broken superblock",
					     "superblock and its copy differ" };
	uint64_t off[2] = { TOY_SB_OFF, ZUFS_MDT_COPY_OFFSET + TOY_SB_OFF };
	const struct toy_super *sb[2] = { pm_at(ck->fs, off[0]),
					  pm_at(ck->fs, off[1]) };
	bool ok[2] = { toy_super_ok(ck->fs, off[0]),
		       toy_super_ok(ck->fs, off[1]) };

	both(ck, TOY_P_SUPER, CK_SUPER, ok,
	     !memcmp(sb[0]->uuid, sb[1]->uuid,
		     sizeof(*sb[0]) - offsetof(struct toy_super, uuid)),
	     text);
}

/* Of a further device: what is in the first one's, @want, but for its index. */
static void other_table(struct ck *ck, const struct zufs_dev_table *want,
			uint64_t good, unsigned int dev, unsigned int copy)
{
	uint64_t bn = toy_dev_table_bn(ck->fs, dev, copy);
	struct zufs_dev_table dt;

	ck_claim(ck, bn, 1, 0);
	if (ck_is_bad(ck, bn)) {
		ck_problem(ck, TOY_P_MEDIA, 0, bn,
			   "a bad block has a device table: mend it");
		return;
	}
	memcpy(&dt, want, sizeof(dt));
	toy_dev_table_for(&dt, dev);
	if (!memcmp(&dt, pm_at(ck->fs, bn * TOY_BLOCK), sizeof(dt)))
		return;
	ck_problem(ck, TOY_P_TABLE, 0, bn, "a broken device table");
	ck_fix(ck, CK_TABLE, good, dev, copy, 0);
}

void ck_dev_tables(struct ck *ck)
{
	static const char *const text[2] = {
		"a broken device table", "device table and its copy differ"
	};
	const struct zufs_dev_table *dt[2] = {
		pm_at(ck->fs, 0), pm_at(ck->fs, ZUFS_MDT_COPY_OFFSET)
	};
	bool ok[2] = { toy_dev_table_ok(dt[0]) && !dt[0]->id_index,
		       toy_dev_table_ok(dt[1]) && !dt[1]->id_index };

	both(ck, TOY_P_TABLE, CK_TABLE, ok,
	     !memcmp(dt[0], dt[1], sizeof(*dt[0])), text);
	for (unsigned int i = 2; i < 2 * ck->fs->nr_devs; i++)
		other_table(ck, dt[!ok[0]], !ok[0], i / 2, i % 2);
}

/* ---- journals ---- */

/*
 * All is in place: no record is needed, and no old one is to be replayed. So
 * what says that they are done goes last.
 */
static void journals_worn(struct ck *ck)
{
	bool worn = false;

	for (unsigned int i = 0; i < 2 * TOY_CHANNELS; i++)
		worn |= toy_journal_worn(ck->fs, i / 2, i % 2);
	if (!worn)
		return;
	ck_problem(ck, TOY_P_JOURNAL, 0, TOY_JOURNAL_OFF / TOY_BLOCK,
		   "the numbers of journal records come to their end");
	for (unsigned int i = 0; i < 2 * TOY_CHANNELS; i++)
		ck_fix(ck, CK_JOURNAL, toy_journal_off(i / 2, i % 2), 0, 0, 0);
	for (unsigned int i = 0; i < 2 * TOY_CHANNELS; i++)
		ck_fix(ck, CK_JOURNAL,
		       toy_journal_off(i / 2, i % 2) + TOY_J_DONE_OFF, 0, 0, 0);
}

void ck_journals(struct ck *ck)
{
	uint64_t before = ck->res->problems;

	for (unsigned int i = 0; i < 2 * TOY_CHANNELS; i++) {
		uint64_t off = toy_journal_off(i / 2, i % 2);

		if (!toy_journal_contradicts(ck->fs, i / 2, i % 2))
			continue;
		ck_problem(ck, TOY_P_JOURNAL, 0, off / TOY_BLOCK,
			   "a journal record that contradicts");
		ck_fix(ck, CK_JOURNAL, off, 0, 0, 0);
	}
	if (ck->res->problems == before)
		journals_worn(ck);
}

/* ---- the state node: units with sums of their own ---- */

static bool unit_ok(const struct ck *ck, uint64_t off, uint64_t len,
		    uint64_t sum)
{
	const char *p = pm_at(ck->fs, off);
	__le64 want;

	memcpy(&want, p + sum, sizeof(want));
	return le64toh(want) == toy_sum(p, len, off, sum);
}

static bool head_ok(struct ck *ck)
{
	uint64_t off = (uint64_t)TOY_STATE_BN * TOY_BLOCK;
	uint64_t sum = offsetof(struct toy_node, sum);
	const struct toy_node *n = pm_at(ck->fs, off);
	bool ok = unit_ok(ck, off, TOY_STATE_SUMMED, sum);

	if (ok && le32toh(n->magic) == TOY_STATE_MAGIC)
		return true;
	ck_problem(ck, TOY_P_STATE, 0, TOY_STATE_BN, "a broken state node");
	if (ok || !ck_flip(ck, off, TOY_STATE_SUMMED, sum))
		ck_fix(ck, CK_ITABLE, 0, 0, 0, 0);
	return false;
}

static bool channel_ok(struct ck *ck, unsigned int c)
{
	uint64_t off = (uint64_t)TOY_STATE_BN * TOY_BLOCK +
		       offsetof(struct toy_state, chan) + c * TOY_LINE;

	if (unit_ok(ck, off, TOY_LINE, 16))
		return true;
	ck_problem(ck, TOY_P_STATE, 0, TOY_STATE_BN,
		   "a broken list of free inodes");
	if (!ck_flip(ck, off, TOY_LINE, 16))
		ck_fix(ck, CK_CHANNEL, c, 0, 0, 0);
	return false;
}

bool ck_state(struct ck *ck)
{
	bool ok = head_ok(ck);

	for (unsigned int c = 0; c < TOY_CHANNELS; c++)
		ok &= channel_ok(ck, c);
	return ok;
}
