/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What the repairs share: units of the media that are changed whatever is in
 * them, each as a transaction with new sums.
 */
#ifndef TOYFS_REPAIR_PRIV_H
#define TOYFS_REPAIR_PRIV_H

#include "check_priv.h"

/* A unit of block @bn in @tx, and its sum when the change is done. */
void *rp_get(struct toy_tx *tx, uint64_t bn, uint32_t off, uint32_t len);
void rp_sum(void *p, uint64_t bn, uint32_t off, uint32_t len, uint32_t sum);

/* ---- repair_fix.c ---- */

/* Repairs of one unit: all kinds but those below. */
int rp_unit(struct ck *ck, const struct ck_fix *f);

/* ---- repair_space.c ---- */

int rp_ag(struct ck *ck, uint32_t ag);
int rp_free_lists(struct ck *ck);

/* ---- repair_itable.c ---- */

int rp_itable(struct ck *ck);

/* ---- repair_lost.c ---- */

int rp_lost(struct ck *ck, uint64_t ino);

#endif /* TOYFS_REPAIR_PRIV_H */
