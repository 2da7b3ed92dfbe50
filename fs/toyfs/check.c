// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck: problems and their repairs, blocks, the inode file, and the order of
 * all checks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "check_priv.h"

/* ---- problems ---- */

/*
 * What is broken goes first; links, lists and space are counted when all the
 * rest is whole; only then there is space for names of the lost ones. What can't
 * be read is broken, and only who mends the memory can repair that.
 */
static unsigned int phase_of(enum toy_problem_code code)
{
	if (code < TOY_P_PARENT)
		return 1;
	if (code < TOY_P_LOST)
		return 2;
	return code == TOY_P_LOST ? 3 : 4;
}

void ck_problem(struct ck *ck, enum toy_problem_code code, uint64_t ino,
		uint64_t bn, const char *text)
{
	struct toy_problem p = { code, ino, bn, text };

	ck->res->problems++;
	ck->phase = phase_of(code);
	if (!ck->first || ck->phase < ck->first)
		ck->first = ck->phase;
	ck->accepted = ck->opts->found(ck->opts->arg, &p);
}

void ck_fix(struct ck *ck, enum ck_fix_kind kind, uint64_t a, uint64_t b,
	    uint64_t c, uint64_t d)
{
	size_t cap = ck->cap_fixes ? ck->cap_fixes * 2 : 64;
	void *p;

	if (!ck->repair || !ck->accepted)
		return;
	if (ck->nr_fixes == ck->cap_fixes) {
		p = realloc(ck->fix, cap * sizeof(*ck->fix));
		if (!p) {
			ck->err = -ENOMEM;
			return;
		}
		ck->fix = p;
		ck->cap_fixes = cap;
	}
	ck->fix[ck->nr_fixes++] =
		(struct ck_fix){ kind, ck->phase, a, b, c, d };
}

bool ck_flip(struct ck *ck, uint64_t off, uint64_t len, uint64_t sum)
{
	int64_t bit = toy_sum_flip(pm_at(ck->fs, off), len, off, sum);

	if (bit >= 0)
		ck_fix(ck, CK_FLIP, off * 8 + (uint64_t)bit, 0, 0, 0);
	return bit >= 0;
}

bool ck_canceled(struct ck *ck)
{
	if (!ck->opts->canceled || !ck->opts->canceled(ck->opts->arg))
		return false;
	ck->err = -ECANCELED;
	return true;
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
	const struct toy_node *n = NULL;
	const char *wrong = NULL;
	bool sum_ok = true;

	ck->mends = false;
	if (bn >= ck->fs->data_bn && !toy_is_data(ck->fs, bn, 1))
		wrong = "a node outside of the filesystem";
	else if (bn >= ck->fs->data_bn && !ck_claim(ck, bn, 1, owner))
		return NULL;
	if (!wrong && ck_is_bad(ck, bn)) {
		ck_problem(ck, TOY_P_NODE, owner, bn,
			   "a node in a bad block: mend that first");
		ck->mends = true;
		return NULL;
	}
	if (!wrong) {
		n = pm_at(ck->fs, bn * TOY_BLOCK);
		sum_ok = toy_node_sum_ok(ck->fs, bn);
	}
	if (!sum_ok)
		wrong = "a node with a wrong checksum";
	else if (n && le32toh(n->magic) != magic)
		wrong = "a node of another kind";
	else if (n && le64toh(n->owner) != owner)
		wrong = "a node of another owner";
	if (!wrong)
		return n;
	ck_problem(ck, TOY_P_NODE, owner, bn, wrong);
	if (!sum_ok)
		ck->mends = ck_flip(ck, bn * TOY_BLOCK, TOY_BLOCK,
				    offsetof(struct toy_node, sum));
	return NULL;
}

/* ---- the inode file ---- */

static bool itable_extent(struct ck *ck, uint64_t key, uint64_t val, void *arg)
{
	uint64_t bn = TOY_EXT_PBLK(val), len = TOY_EXT_LEN(val);
	uint64_t *next = arg, all = ck->nr / TOY_SLOTS_PER_BLOCK;

	if (key != *next || !len || len > all - key ||
	    !toy_is_data(ck->fs, bn, len)) {
		ck_problem(ck, TOY_P_ITABLE, 0, bn,
			   "an extent of the inode file");
		return false;
	}
	*next = key + len;
	if (!ck_claim(ck, bn, len, 0))
		return false;
	for (uint64_t i = 0; i < len; i++) {
		if (ck_is_bad(ck, bn + i))
			ck_problem(ck, TOY_P_ITABLE, 0, bn + i,
				   "inodes in a bad block: mend that first");
		else
			ck->itab[key + i] = bn + i;
	}
	return true;
}

static int itable(struct ck *ck)
{
	const struct toy_state *st =
		pm_at(ck->fs, (uint64_t)TOY_STATE_BN * TOY_BLOCK);
	uint64_t blocks = le64toh(st->itable_blocks), next = 0;
	uint64_t before = ck->res->problems;

	if (!blocks || blocks > ck->fs->blocks) {
		ck_problem(ck, TOY_P_ITABLE, 0, TOY_STATE_BN,
			   "the size of the inode file");
		ck_fix(ck, CK_ITABLE, 0, 0, 0, 0);
		blocks = 1;
	}
	ck->nr = blocks * TOY_SLOTS_PER_BLOCK;
	ck->itab = calloc(blocks, sizeof(*ck->itab));
	ck->inode = calloc(ck->nr, sizeof(*ck->inode));
	if (!ck->itab || !ck->inode)
		return -ENOMEM;
	ck_tree(ck, &st->itable, 0, itable_extent, &next);
	if (next == blocks || ck->res->problems != before)
		return 0;
	ck_problem(ck, TOY_P_ITABLE, 0, TOY_STATE_BN,
		   "the inode file is shorter than it says");
	ck_fix(ck, CK_ITABLE, 0, 0, 0, 0);
	return 0;
}

/* ---- all ---- */

static int check(struct ck *ck)
{
	int err;

	ck_supers(ck);
	ck_dev_tables(ck);
	ck_journals(ck);
	if (!ck_state(ck) || ck->opts->quick)
		return 0;
	err = itable(ck);
	if (err)
		return err;
	/* Without the inode file nothing is what it seems. */
	if (ck->repair && ck->first)
		return 0;
	ck_slots(ck);
	ck_orphans(ck);
	ck_inodes(ck);
	if (ck->err)
		return ck->err;
	/* Nor is what is counted before the rest is whole. */
	if (ck->repair && ck->first == 1)
		return 0;
	ck_free_lists(ck);
	ck_links(ck);
	ck_bad_list(ck);
	ck_space(ck);
	return 0;
}

static int run(struct ck *ck, int (*done)(struct ck *ck))
{
	int err = check(ck);

	if (!err)
		err = ck_canceled(ck) ? -ECANCELED : ck->err;
	if (!err && done)
		err = done(ck);
	return err;
}

int ck_run(struct toy_fs *fs, const struct toy_check_opts *opts,
	   struct toy_check_result *res, int (*done)(struct ck *ck))
{
	struct ck ck = {
		.fs = fs, .opts = opts, .res = res, .repair = done != NULL
	};
	int err = -ENOMEM;

	if (getrandom(ck.xattrs.key, sizeof(ck.xattrs.key), GRND_NONBLOCK) < 0)
		ck.xattrs.key[0] = (uintptr_t)&ck;
	memset(res, 0, sizeof(*res));
	res->blocks = fs->blocks;
	ck.used = calloc((fs->blocks + 63) / 64, sizeof(*ck.used));
	if (ck.used)
		err = toy_try(fs, run(&ck, done));
	free(ck.used);
	free(ck.itab);
	free(ck.inode);
	free(ck.fix);
	return err;
}

int toy_check(struct toy_fs *fs, const struct toy_check_opts *opts,
	      struct toy_check_result *res)
{
	return ck_run(fs, opts, res, NULL);
}
