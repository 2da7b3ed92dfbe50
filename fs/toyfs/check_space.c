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

static void differ(struct ck *ck, uint64_t bn, uint64_t marked, uint64_t used)
{
	uint64_t wrong = marked ^ used;

	for (; wrong; wrong &= wrong - 1) {
		unsigned int b = (unsigned int)__builtin_ctzll(wrong);

		if (bn + b >= ck->fs->blocks)
			ck_problem(ck, TOY_P_AG, 0, bn + b,
				   "a block behind the end is marked as free");
		else if (used >> b & 1)
			ck_problem(ck, TOY_P_UNMARKED, 0, bn + b,
				   "a block in use is marked as free");
		else
			ck_problem(
				ck, TOY_P_LEAKED, 0, bn + b,
				"a block that nobody owns is marked as used");
	}
}

static void ag(struct ck *ck, uint32_t a)
{
	uint64_t first = ck->fs->data_bn + (uint64_t)a * TOY_AG_BLOCKS;
	const struct toy_node *n =
		ck_node(ck, TOY_AG_NODE_BN + a, TOY_AG_MAGIC, a);
	const __le64 *bits;
	uint32_t free_ = 0;

	if (!n)
		return;
	bits = (const __le64 *)(n + 1);
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

void ck_space(struct ck *ck)
{
	ck->res->blocks_used = ck->fs->blocks;
	for (uint32_t a = 0; a < ck->fs->ag_count; a++)
		ag(ck, a);
}
