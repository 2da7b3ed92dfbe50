// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck: the bitmaps beside what was reached.
 */
#include "check_priv.h"

#define WORDS (TOY_AG_BLOCKS / 64U)

/* Blocks in use of word @w of the AG that begins at @first; behind the end: all. */
static uint64_t used_word(const struct ck *ck, uint64_t first, unsigned int w)
{
	uint64_t bn = first + w * 64ULL;

	/* An AG and the filesystem begin and end at multiples of 64. */
	return bn < ck->fs->blocks ? ck->used[bn / 64] : UINT64_MAX;
}

static void differ_at(struct ck *ck, uint64_t bn, bool used)
{
	if (bn >= ck->fs->blocks)
		ck_problem(ck, TOY_P_AG, 0, bn,
			   "blocks behind the end are marked as free");
	else if (used)
		ck_problem(ck, TOY_P_UNMARKED, 0, bn,
			   "blocks in use are marked as free");
	else
		ck_problem(ck, TOY_P_LEAKED, 0, bn,
			   "blocks that nobody owns are marked as used");
}

/* One problem for each run of blocks that are wrong in the same way. */
static void differ(struct ck *ck, uint64_t bn, uint64_t marked, uint64_t used)
{
	uint64_t wrong[2] = { marked & ~used, used & ~marked };

	for (int u = 0; u < 2; u++)
		for (unsigned int b = 0; b < 64; b++)
			if ((wrong[u] >> b & 1) &&
			    !(b && (wrong[u] >> (b - 1) & 1)))
				differ_at(ck, bn + b, u);
}

static void bits_of(struct ck *ck, uint32_t a, const struct toy_node *n)
{
	uint64_t first = ck->fs->data_bn + (uint64_t)a * TOY_AG_BLOCKS;
	const __le64 *bits = (const __le64 *)(n + 1);
	uint32_t free_ = 0;

	for (unsigned int w = 0; w < WORDS; w++) {
		uint64_t marked = le64toh(bits[w]);
		uint64_t used = used_word(ck, first, w);

		free_ += (uint32_t)__builtin_popcountll(~marked);
		if (marked != used)
			differ(ck, first + w * 64ULL, marked, used);
	}
	if (free_ != le32toh(n->free))
		ck_problem(ck, TOY_P_AG, 0, TOY_AG_NODE_BN + a,
			   "the count of free blocks of an AG");
	ck->res->blocks_used -= free_;
}

static void ag(struct ck *ck, uint32_t a)
{
	uint64_t before = ck->res->problems;
	const struct toy_node *n =
		ck_node(ck, TOY_AG_NODE_BN + a, TOY_AG_MAGIC, a);

	if (n)
		bits_of(ck, a, n);
	if (ck->res->problems != before && !ck->mends)
		ck_fix(ck, CK_AG, a, 0, 0, 0);
}

void ck_space(struct ck *ck)
{
	ck->res->blocks_used = ck->fs->blocks;
	for (uint32_t a = 0; a < ck->fs->ag_count; a++)
		ag(ck, a);
}
