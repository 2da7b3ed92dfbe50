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

int toy_health_add(struct toy_health *h, uint64_t bn, uint64_t end)
{
	struct toy_bad *last = h->nr ? &h->bad[h->nr - 1] : NULL;
	void *p;

	if (last && bn <= last->bn + last->len) {
		if (end > last->bn + last->len)
			last->len = end - last->bn;
		return 0;
	}
	p = realloc(h->bad, (h->nr + 1) * sizeof(*h->bad));
	if (!p)
		return -ENOMEM;
	h->bad = p;
	h->bad[h->nr++] = (struct toy_bad){ bn, end - bn };
	return 0;
}

int toy_health_join(struct toy_health *all, const struct toy_health *one,
		    uint64_t first, uint64_t blocks)
{
	int err = 0;

	all->known = one->known && (all->known || !all->nr_devs);
	all->shutdowns[all->nr_devs++] = one->shutdowns[0];
	for (unsigned int i = 0; !err && i < one->nr; i++) {
		uint64_t bn = one->bad[i].bn, end = bn + one->bad[i].len;

		if (bn < blocks)
			err = toy_health_add(all, first + bn,
					     first + (end < blocks ? end :
								     blocks));
	}
	return err;
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
