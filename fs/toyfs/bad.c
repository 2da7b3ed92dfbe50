// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Lists of bad blocks: those that are known, and the superblock's.
 */
#include <errno.h>
#include <stdlib.h>

#include "bad.h"
#include "toyfs.h"

void toy_health_free(struct toy_health *h)
{
	free(h->bad);
	h->bad = NULL;
	h->nr = 0;
}

bool toy_health_is_bad(const struct toy_health *h, uint64_t bn)
{
	unsigned int lo = 0, hi = h ? h->nr : 0;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (h->bad[mid].bn + h->bad[mid].len <= bn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return h && lo < h->nr && h->bad[lo].bn <= bn;
}

int toy_bad_add(struct toy_bad_list *l, uint64_t bn)
{
	uint64_t last = l->nr ? le64toh(l->run[l->nr - 1]) : 0;

	if (l->nr && TOY_EXT_PBLK(last) + TOY_EXT_LEN(last) == bn &&
	    TOY_EXT_LEN(last) < TOY_EXT_MAX) {
		l->run[l->nr - 1] = htole64(last + 1);
		return 0;
	}
	if (l->nr == TOY_BAD_RUNS)
		return -E2BIG;
	l->run[l->nr++] = htole64(TOY_EXT_VAL(bn, 1));
	return 0;
}

int toy_bad_fill(struct toy_bad_list *l, const struct toy_health *h,
		 uint64_t first, uint64_t end)
{
	int err = 0;

	for (unsigned int i = 0; h && !err && i < h->nr; i++) {
		uint64_t bn = h->bad[i].bn, to = bn + h->bad[i].len;

		if (bn < first)
			return -EIO;
		for (; !err && bn < to && bn < end; bn++)
			err = toy_bad_add(l, bn);
	}
	return err;
}
