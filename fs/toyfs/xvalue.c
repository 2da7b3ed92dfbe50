// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Values of xattrs that have blocks of their own. They are new in the
 * transaction that sets them, and go with the one that takes them away.
 */
#include <errno.h>
#include <string.h>

#include "plugin.h"

/* @value's part in the next run of blocks, of which *@len are wanted at most. */
static int put_run(struct toy_tx *tx, const char *value, uint32_t size,
		   struct toy_far *far, uint32_t *len)
{
	uint64_t sum = le64toh(far->sum), bn;
	uint32_t nr = le32toh(far->nr);
	int err = toy_alloc(tx, 0, *len, &bn, len);

	for (uint32_t i = 0; !err && i < *len; i++) {
		uint32_t at = i * TOY_BLOCK;
		uint32_t n = size - at < TOY_BLOCK ? size - at : TOY_BLOCK;
		void *page = toy_tx_new(tx, bn + i);

		if (!page)
			return -ENOMEM;
		memcpy(page, value + at, n);
		sum += toy_sum(page, TOY_BLOCK, (bn + i) * TOY_BLOCK,
			       TOY_BLOCK);
	}
	if (err)
		return err;
	far->ext[nr] = htole64(TOY_EXT_VAL(bn, *len));
	far->nr = htole32(nr + 1);
	far->sum = htole64(sum);
	return 0;
}

int toy_far_put(struct toy_tx *tx, const char *value, uint32_t size,
		struct toy_far *far)
{
	uint32_t done = 0, all, len;
	int err = 0;

	memset(far, 0, sizeof(*far));
	far->size = htole32(size);
	all = toy_far_blocks(far);
	while (!err && done < all) {
		len = all - done;
		err = put_run(tx, value + done * TOY_BLOCK,
			      size - done * TOY_BLOCK, far, &len);
		done += len;
	}
	return err;
}

int toy_far_free(struct toy_tx *tx, struct toy_fs *fs, uint64_t ino,
		 const struct toy_xattr *x)
{
	struct toy_far far;
	const char *wrong = toy_far_get(fs, x, &far);
	int err = wrong ? toy_corrupt(ino, wrong) : 0;

	for (uint32_t i = 0; !err && i < le32toh(far.nr); i++) {
		uint64_t e = le64toh(far.ext[i]);

		err = toy_free(tx, TOY_EXT_PBLK(e), TOY_EXT_LEN(e));
	}
	return err;
}

int toy_far_read(struct toy_fs *fs, uint64_t ino, const struct toy_far *far,
		 char *value)
{
	uint32_t size = le32toh(far->size), n;

	for (uint32_t at = 0; at < size; at += n) {
		uint64_t bn = toy_far_block(far, at / TOY_BLOCK);

		n = size - at < TOY_BLOCK ? size - at : TOY_BLOCK;
		memcpy(value + at, pm_at(fs, bn * TOY_BLOCK), n);
	}
	if (toy_far_sum(fs, far) != le64toh(far->sum))
		return toy_corrupt(ino, "an xattr's value");
	return 0;
}
