// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck: superblocks, state node, inode file, and the order of all checks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check_priv.h"

void ck_problem(struct ck *ck, enum toy_problem_code code, uint64_t ino,
		uint64_t bn, const char *text)
{
	struct toy_problem p = { code, ino, bn, text };

	ck->res->problems++;
	ck->opts->found(ck->opts->arg, &p);
}

/* ---- blocks ---- */

static bool claim_one(struct ck *ck, uint64_t bn)
{
	uint64_t bit = 1ULL << bn % 64, *word = &ck->used[bn / 64];

	if (*word & bit)
		return false;
	*word |= bit;
	return true;
}

bool ck_claim(struct ck *ck, uint64_t bn, uint64_t len, uint64_t ino)
{
	bool twice = false;

	if (!toy_is_data(ck->fs, bn, len))
		return false;
	for (uint64_t i = 0; i < len; i++)
		twice |= !claim_one(ck, bn + i);
	if (twice)
		ck_problem(ck, TOY_P_TWICE, ino, bn,
			   "a block that another one owns too");
	return !twice;
}

const struct toy_node *ck_node(struct ck *ck, uint64_t bn, uint32_t magic,
			       uint64_t owner)
{
	const struct toy_node *n;
	const char *wrong = NULL;

	if (bn >= ck->fs->data_bn && !toy_is_data(ck->fs, bn, 1))
		wrong = "a node outside of the filesystem";
	else if (bn >= ck->fs->data_bn && !ck_claim(ck, bn, 1, owner))
		return NULL;
	if (!wrong && !toy_node_sum_ok(ck->fs, bn))
		wrong = "a node with a wrong checksum";
	n = wrong ? NULL : pm_at(ck->fs, bn * TOY_BLOCK);
	if (n && le32toh(n->magic) != magic)
		wrong = "a node of another kind";
	else if (n && le64toh(n->owner) != owner)
		wrong = "a node of another owner";
	if (!wrong)
		return n;
	ck_problem(ck, TOY_P_NODE, owner, bn, wrong);
	return NULL;
}

/* ---- superblock, device table ---- */

static void supers(struct ck *ck)
{
	uint64_t off[2] = { TOY_SB_OFF, ZUFS_MDT_COPY_OFFSET + TOY_SB_OFF };
	const struct toy_super *sb[2] = { pm_at(ck->fs, off[0]),
					  pm_at(ck->fs, off[1]) };
	bool ok[2];

	for (int i = 0; i < 2; i++) {
		ok[i] = toy_super_ok(ck->fs, off[i]);
		if (!ok[i])
			ck_problem(ck, TOY_P_SUPER, 0, off[i] / TOY_BLOCK,
				   "a broken superblock");
	}
	if (ok[0] && ok[1] &&
	    memcmp(sb[0]->uuid, sb[1]->uuid,
		   sizeof(*sb[0]) - offsetof(struct toy_super, uuid)))
		ck_problem(ck, TOY_P_SUPER, 0, 0,
			   "superblock and its copy differ");
}

/* Those of further devices are in the data area. */
static void claim_tables(struct ck *ck, const struct zufs_dev_table *dt)
{
	uint64_t bn[2 * ZUFS_MAX_DEVICES];
	unsigned int n = toy_dev_table_blocks(dt, bn);

	while (n--)
		if (toy_is_data(ck->fs, bn[n], 1))
			claim_one(ck, bn[n]);
}

static void dev_tables(struct ck *ck)
{
	uint64_t off[2] = { 0, ZUFS_MDT_COPY_OFFSET };
	const struct zufs_dev_table *dt[2] = { pm_at(ck->fs, off[0]),
					       pm_at(ck->fs, off[1]) };
	bool ok[2];

	for (int i = 0; i < 2; i++) {
		ok[i] = toy_dev_table_ok(dt[i]);
		if (!ok[i])
			ck_problem(ck, TOY_P_TABLE, 0, off[i] / TOY_BLOCK,
				   "a broken device table");
	}
	if (ok[0] && ok[1] && memcmp(dt[0], dt[1], sizeof(*dt[0])))
		ck_problem(ck, TOY_P_TABLE, 0, 0,
			   "device table and its copy differ");
	if (ok[0] || ok[1])
		claim_tables(ck, dt[!ok[0]]);
}

/* ---- the inode file ---- */

static void itable_extent(struct ck *ck, uint64_t key, uint64_t val, void *arg)
{
	uint64_t bn = TOY_EXT_PBLK(val), len = TOY_EXT_LEN(val);
	uint64_t *next = arg, all = ck->nr / TOY_SLOTS_PER_BLOCK;

	if (key != *next || !len || len > all - key ||
	    !toy_is_data(ck->fs, bn, len)) {
		ck_problem(ck, TOY_P_ITABLE, 0, bn,
			   "an extent of the inode file");
		return;
	}
	*next = key + len;
	ck_claim(ck, bn, len, 0);
	for (uint64_t i = 0; i < len; i++)
		ck->itab[key + i] = bn + i;
}

static int itable(struct ck *ck)
{
	const struct toy_state *st =
		pm_at(ck->fs, (uint64_t)TOY_STATE_BN * TOY_BLOCK);
	uint64_t blocks = le64toh(st->itable_blocks), next = 0;

	/* toy_recover() read it: magic and sums were right. */
	if (!blocks || blocks > ck->fs->blocks) {
		ck_problem(ck, TOY_P_ITABLE, 0, TOY_STATE_BN,
			   "the size of the inode file");
		blocks = 1;
	}
	ck->nr = blocks * TOY_SLOTS_PER_BLOCK;
	ck->itab = calloc(blocks, sizeof(*ck->itab));
	ck->inode = calloc(ck->nr, sizeof(*ck->inode));
	if (!ck->itab || !ck->inode)
		return -ENOMEM;
	ck_tree(ck, &st->itable, 0, itable_extent, &next);
	if (next != blocks)
		ck_problem(ck, TOY_P_ITABLE, 0, TOY_STATE_BN,
			   "the inode file is shorter than it says");
	return 0;
}

/* ---- all ---- */

static int check(struct ck *ck)
{
	int err;

	supers(ck);
	dev_tables(ck);
	err = itable(ck);
	if (err)
		return err;
	ck_slots(ck);
	ck_free_lists(ck);
	ck_orphans(ck);
	ck_inodes(ck);
	ck_links(ck);
	ck_space(ck);
	return 0;
}

int toy_check(struct toy_fs *fs, const struct toy_check_opts *opts,
	      struct toy_check_result *res)
{
	struct ck ck = { .fs = fs, .opts = opts, .res = res };
	int err = -ENOMEM;

	memset(res, 0, sizeof(*res));
	res->blocks = fs->blocks;
	ck.used = calloc((fs->blocks + 63) / 64, sizeof(*ck.used));
	if (ck.used)
		err = check(&ck);
	free(ck.used);
	free(ck.itab);
	free(ck.inode);
	return err;
}
