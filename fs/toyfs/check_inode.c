// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck: inode slots, and what an inode owns.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check_priv.h"

#define MAX_SYMLINK 4095U

/* ---- slots ---- */

const struct toy_slot *ck_slot(struct ck *ck, uint64_t ino)
{
	uint64_t bn = ino < ck->nr ? ck->itab[ino / TOY_SLOTS_PER_BLOCK] : 0;

	if (!bn)
		return NULL;
	return pm_at(ck->fs, bn * TOY_BLOCK + ino % TOY_SLOTS_PER_BLOCK *
						      sizeof(struct toy_slot));
}

static bool type_ok(uint16_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	default:
		return false;
	}
}

static const char *slot_wrong(const struct toy_slot *s, uint64_t ino)
{
	uint16_t mode = le16toh(s->zi.i_mode);

	if (le64toh(s->zi.i_ino) != ino)
		return "an inode with another's number";
	if (!mode)
		return s->zi.i_nlink ? "a free inode with links" : NULL;
	if (!type_ok(mode))
		return "an inode of no type";
	if (le16toh(s->zi.i_flags) & ~ZUFS_S_ALL)
		return "an inode with unknown flags";
	if (!s->zi.i_generation)
		return "an inode without a generation";
	if (!ino)
		return "inode 0 is in use";
	if (ino == TOY_ROOT_INO && !S_ISDIR(mode))
		return "the root is no directory";
	return NULL;
}

static bool slot_ok(struct ck *ck, const struct toy_slot *s, uint64_t ino)
{
	uint64_t bn = ck->itab[ino / TOY_SLOTS_PER_BLOCK];
	uint64_t off = bn * TOY_BLOCK + ino % TOY_SLOTS_PER_BLOCK * sizeof(*s);
	uint64_t sum = offsetof(struct toy_slot, sum);
	const char *wrong = NULL;

	if (le64toh(s->sum) == toy_sum(s, sizeof(*s), off, sum)) {
		wrong = slot_wrong(s, ino);
		if (!wrong)
			return true;
	}
	ck_problem(ck, TOY_P_SLOT, ino, bn,
		   wrong ? wrong : "an inode with a wrong checksum");
	if (!wrong)
		ck->inode[ino].mends = ck_flip(ck, off, sizeof(*s), sum);
	if (!ck->inode[ino].mends)
		ck_fix(ck, CK_SLOT, ino, 0, 0, 0);
	return false;
}

static void slot(struct ck *ck, uint64_t ino)
{
	const struct toy_slot *s = ck_slot(ck, ino);
	struct ck_inode *i = &ck->inode[ino];

	/* A hole in the inode file was reported. */
	if (!s || !slot_ok(ck, s, ino))
		return;
	i->mode = le16toh(s->zi.i_mode);
	i->is_free = !i->mode;
	i->nlink = le32toh(s->zi.i_nlink);
	if (S_ISDIR(i->mode))
		i->says = le64toh(s->zi.i_parent);
	if (!i->mode)
		return;
	ck->res->inodes++;
	ck->res->directories += S_ISDIR(i->mode);
}

void ck_slots(struct ck *ck)
{
	for (uint64_t ino = 0; ino < ck->nr; ino++)
		slot(ck, ino);
	if (ck->inode[TOY_ROOT_INO].is_free) {
		ck_problem(ck, TOY_P_SLOT, TOY_ROOT_INO, ck->itab[0],
			   "there is no root directory");
		ck_fix(ck, CK_SLOT, TOY_ROOT_INO, 0, 0, 0);
	}
}

/* ---- what an inode owns ---- */

/* Maps @slot's blocks, whose number is i_blocks if all of them are found. */
static void blocks_of(struct ck *ck, uint64_t ino, const struct toy_slot *s)
{
	uint64_t before = ck->res->problems;
	uint64_t sectors = ck_map(ck, &s->map, ino) * (TOY_BLOCK / 512);

	if (ck->res->problems != before || le64toh(s->zi.i_blocks) == sectors)
		return;
	ck_problem(ck, TOY_P_SIZE, ino, 0, "i_blocks is wrong");
	ck_fix(ck, CK_BLOCKS, ino, sectors, 0, 0);
}

static void regular(struct ck *ck, uint64_t ino, const struct toy_slot *s)
{
	if (le64toh(s->zi.i_size) > TOY_MAX_BYTES) {
		ck_problem(ck, TOY_P_SIZE, ino, 0, "a file is too large");
		ck_fix(ck, CK_SIZE, ino, TOY_MAX_BYTES, 0, 0);
	}
	if ((s->zi.i_on_disk[0] || s->zi.i_on_disk[1]) &&
	    !ck->inode[ino].range) {
		ck_problem(
			ck, TOY_P_SIZE, ino, 0,
			"a part of a file's map is to change, without an entry");
		ck_fix(ck, CK_RANGE, ino, 0, 0, 0);
	}
	blocks_of(ck, ino, s);
}

/* The block of a long symlink; 0: its map is wrong. */
static uint64_t symlink_block(const struct ck *ck, const struct toy_slot *s)
{
	uint64_t val = le64toh(s->map.rec[0].val);

	if (s->map.depth || le16toh(s->map.nr) != 1 || s->map.rec[0].key ||
	    TOY_EXT_LEN(val) != 1 || !toy_is_data(ck->fs, TOY_EXT_PBLK(val), 1))
		return 0;
	return TOY_EXT_PBLK(val);
}

static const char *short_wrong(const struct toy_slot *s, uint64_t size)
{
	const char *text = (const char *)s->zi.i_symlink;

	if (s->map.depth || s->map.nr)
		return "a short symlink with blocks";
	return strnlen(text, size + 1) != size ? "a symlink's text" : NULL;
}

/* *@sum_bn: the block with a wrong sum, if it is that. */
static const char *symlink_wrong(struct ck *ck, const struct toy_slot *s,
				 uint64_t *sum_bn)
{
	uint64_t size = le64toh(s->zi.i_size), bn;
	const char *text;

	if (!size || size > MAX_SYMLINK)
		return "a symlink's length";
	if (size < sizeof(s->zi.i_symlink))
		return short_wrong(s, size);
	bn = symlink_block(ck, s);
	if (!bn)
		return "a symlink's map";
	if (ck_is_bad(ck, bn))
		return NULL;
	text = pm_at(ck->fs, bn * TOY_BLOCK);
	if (le64toh(s->zi.i_on_disk[1]) !=
	    toy_sum(text, TOY_BLOCK, bn * TOY_BLOCK, TOY_BLOCK)) {
		*sum_bn = bn;
		return "a symlink's text has a wrong checksum";
	}
	return memchr(text, 0, size) ? "a symlink's text" : NULL;
}

/* Its sum is in the slot: the wrong bit can only be one of the text. */
static bool text_mends(struct ck *ck, uint64_t bn, uint64_t sum)
{
	uint64_t off = bn * TOY_BLOCK;
	int64_t bit = toy_sum_flip_to(pm_at(ck->fs, off), TOY_BLOCK, off,
				      TOY_BLOCK, sum);

	if (bit >= 0)
		ck_fix(ck, CK_FLIP, off * 8 + (uint64_t)bit, 0, 0, 0);
	return bit >= 0;
}

static void symlink_(struct ck *ck, uint64_t ino, const struct toy_slot *s)
{
	uint64_t bn = 0;
	const char *wrong = symlink_wrong(ck, s, &bn);

	if (wrong) {
		ck_problem(ck, TOY_P_SYMLINK, ino, bn, wrong);
		if (!bn || !text_mends(ck, bn, le64toh(s->zi.i_on_disk[1])))
			ck_fix(ck, CK_SLOT, ino, 0, 0, 0);
	}
	blocks_of(ck, ino, s);
}

static void special(struct ck *ck, uint64_t ino, const struct toy_slot *s)
{
	if (s->map.depth || s->map.nr || s->zi.i_size) {
		ck_problem(ck, TOY_P_SIZE, ino, 0,
			   "a device, fifo or socket with blocks");
		ck_fix(ck, CK_NO_MAP, ino, 0, 0, 0);
		ck_fix(ck, CK_SIZE, ino, 0, 0, 0);
	}
	blocks_of(ck, ino, s);
}

static void inode(struct ck *ck, uint64_t ino)
{
	const struct toy_slot *s = ck_slot(ck, ino);

	switch (ck->inode[ino].mode & S_IFMT) {
	case S_IFREG:
		regular(ck, ino, s);
		break;
	case S_IFDIR:
		ck_dir(ck, ino, s);
		break;
	case S_IFLNK:
		symlink_(ck, ino, s);
		break;
	default:
		special(ck, ino, s);
	}
	ck_xattrs(ck, ino, le64toh(s->zi.i_xattr));
}

void ck_inodes(struct ck *ck)
{
	for (uint64_t ino = 0; ino < ck->nr && !ck_canceled(ck); ino++) {
		if (ck->inode[ino].mode)
			inode(ck, ino);
		if (ck->opts->progress && ino % 256 == 0)
			ck->opts->progress(ck->opts->arg, ino, ck->nr);
	}
}
