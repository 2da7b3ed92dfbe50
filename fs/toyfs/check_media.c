// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck: who has bad blocks, and the superblock's list of those that nobody has.
 */
#include <string.h>

#include "check_priv.h"

bool ck_is_bad(const struct ck *ck, uint64_t bn)
{
	return toy_health_is_bad(ck->opts->health, bn);
}

/* A problem that no repair is for: the bytes are gone. */
void ck_data_media(struct ck *ck, uint64_t bn, uint64_t len, uint64_t ino)
{
	for (uint64_t b = bn; b < bn + len; b++)
		if (ck_is_bad(ck, b) && (b == bn || !ck_is_bad(ck, b - 1)))
			ck_problem(ck, TOY_P_MEDIA, ino, b,
				   "bad blocks have data of this inode");
}

/* Nobody else has the block, and the list has room. */
static void list_block(struct ck *ck, uint64_t bn)
{
	uint64_t bit = 1ULL << bn % 64;

	if (!toy_is_data(ck->fs, bn, 1) || ck->used[bn / 64] & bit ||
	    toy_bad_add(&ck->bad, bn))
		return;
	ck->used[bn / 64] |= bit;
}

static void list_known(struct ck *ck, const struct toy_health *h)
{
	for (unsigned int i = 0; i < h->nr; i++)
		for (uint64_t b = 0; b < h->bad[i].len; b++)
			list_block(ck, h->bad[i].bn + b);
}

static void list_told(struct ck *ck, const struct toy_super *sb)
{
	for (unsigned int i = 0; i < TOY_BAD_RUNS; i++) {
		uint64_t run = le64toh(sb->bad[i]);

		for (uint64_t b = 0; b < TOY_EXT_LEN(run); b++)
			list_block(ck, TOY_EXT_PBLK(run) + b);
	}
}

void ck_bad_list(struct ck *ck)
{
	const struct toy_health *h = ck->opts->health;
	uint64_t off = toy_super_off(ck->fs);
	const struct toy_super *sb = pm_at(ck->fs, off);

	if (h && h->known)
		list_known(ck, h);
	else
		list_told(ck, sb);
	if (!memcmp(ck->bad.run, sb->bad, sizeof(sb->bad)))
		return;
	ck_problem(ck, TOY_P_BAD_LIST, 0, off / TOY_BLOCK,
		   "the list of bad blocks");
	ck_fix(ck, CK_BAD_LIST, 0, 0, 0, 0);
}
