// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck's repairs: passes, and who does what.
 */
#include <errno.h>
#include <string.h>

#include "repair_priv.h"

/*
 * A pass can uncover what the one before couldn't see, but only so much: a tree
 * loses a level at a time, and what is lost has been named by then.
 */
#define PASSES 64

/* ---- transactions ---- */

void *rp_get(struct toy_tx *tx, uint64_t bn, uint32_t off, uint32_t len)
{
	return toy_tx_get_kind(tx, bn, off, len, TOY_K_RAW);
}

void rp_sum(void *p, uint64_t bn, uint32_t off, uint32_t len, uint32_t sum)
{
	__le64 v = htole64(toy_sum(p, len, bn * TOY_BLOCK + off, sum));

	memcpy((char *)p + sum, &v, sizeof(v));
}

/* ---- what isn't in a journal: stored in place, beside a copy that is good ---- */

static void super_from(struct toy_fs *fs, uint64_t good)
{
	uint64_t off[2] = { TOY_SB_OFF, ZUFS_MDT_COPY_OFFSET + TOY_SB_OFF };
	struct toy_super sb;

	memcpy(&sb, pm_at(fs, off[good]), sizeof(sb));
	sb.sum = htole64(toy_sum(&sb, sizeof(sb), off[!good],
				 offsetof(struct toy_super, sum)));
	pm_write(fs, off[!good], &sb, sizeof(sb));
	pm_fence(fs);
}

/* Table @which of a device, from the @good one of the first device's two. */
static void table_from(struct toy_fs *fs, uint64_t good, unsigned int dev,
		       unsigned int which)
{
	uint64_t off[2] = { 0, ZUFS_MDT_COPY_OFFSET };
	struct zufs_dev_table dt;

	memcpy(&dt, pm_at(fs, off[good]), sizeof(dt));
	toy_dev_table_for(&dt, dev);
	pm_write(fs, toy_dev_table_bn(fs, dev, which) * TOY_BLOCK, &dt,
		 sizeof(dt));
	pm_fence(fs);
}

/* ---- passes ---- */

static int fix(struct ck *ck, const struct ck_fix *f)
{
	switch (f->kind) {
	case CK_SUPER:
		super_from(ck->fs, f->a);
		return 0;
	case CK_TABLE:
		table_from(ck->fs, f->a, (unsigned int)f->b,
			   (unsigned int)f->c);
		return 0;
	case CK_JOURNAL:
		pm_zero(ck->fs, f->a, TOY_LINE);
		pm_fence(ck->fs);
		return 0;
	case CK_ITABLE:
		return rp_itable(ck);
	case CK_BAD_LIST:
		toy_super_set(ck->fs, ck->fs->shutdowns, ck->bad.run);
		return 0;
	case CK_AG:
		return rp_ag(ck, (uint32_t)f->a);
	case CK_FREE_LISTS:
		return rp_free_lists(ck);
	case CK_LOST:
		return rp_lost(ck, f->a);
	default:
		return rp_unit(ck, f);
	}
}

/* Those make all anew, however many problems ask for it. */
static bool done_before(const struct ck *ck, size_t i)
{
	enum ck_fix_kind kind = ck->fix[i].kind;

	if (kind != CK_ITABLE && kind != CK_FREE_LISTS)
		return false;
	while (i--)
		if (ck->fix[i].kind == kind)
			return true;
	return false;
}

/* The repairs of the first phase that has problems; all that have space. */
static int fix_all(struct ck *ck)
{
	int full = 0;

	for (size_t i = 0; i < ck->nr_fixes && !ck_canceled(ck); i++) {
		int err;

		if (ck->fix[i].phase != ck->first || done_before(ck, i))
			continue;
		err = fix(ck, &ck->fix[i]);
		if (err == -ENOSPC) {
			full = err;
			continue;
		}
		if (err)
			return err;
		ck->res->repairs++;
	}
	return ck->err ? ck->err : full;
}

int toy_repair(struct toy_fs *fs, const struct toy_check_opts *opts,
	       struct toy_check_result *res)
{
	uint64_t repairs = 0;
	int err = 0;

	for (int pass = 0; (!err || err == -ENOSPC) && pass < PASSES; pass++) {
		/* What is kept in memory may be of before the last repair. */
		err = toy_recover(fs);
		if (err && err != -EUCLEAN)
			return err;
		err = ck_run(fs, opts, res, fix_all);
		repairs += res->repairs;
		if (!res->repairs)
			break;
	}
	res->repairs = repairs;
	return err;
}
