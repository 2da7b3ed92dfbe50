// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * What a leaf of a directory and a node of xattrs must be for who walks over
 * them, whoever it is.
 */
#include <string.h>

#include "tx.h"

#define FIRST	((uint32_t)sizeof(struct toy_node))
#define MIN_REC TOY_DIRENT_LEN(1)

static bool rec_ok(const struct toy_dirent *de, uint32_t room)
{
	uint32_t len = le16toh(de->rec_len);

	if (len < MIN_REC || len % 8 || len > room)
		return false;
	if (!de->ino)
		return true;
	return de->nlen && TOY_DIRENT_LEN(de->nlen) <= len &&
	       le64toh(de->key) >> 8 && le64toh(de->key) >> 62 == 0;
}

const char *toy_leaf_wrong(const struct toy_node *leaf)
{
	uint32_t off = FIRST;

	while (off < TOY_BLOCK) {
		const struct toy_dirent *de =
			(const void *)((const char *)leaf + off);

		if (TOY_BLOCK - off < MIN_REC || !rec_ok(de, TOY_BLOCK - off))
			return "a bad directory record";
		off += le16toh(de->rec_len);
	}
	return NULL;
}

const char *toy_xattr_wrong(const struct toy_node *node)
{
	uint32_t off = FIRST, end, len;

	if (le32toh(node->free) > TOY_BLOCK - FIRST)
		return "an xattr node's free bytes";
	end = TOY_BLOCK - le32toh(node->free);
	for (; off < end; off += len) {
		const struct toy_xattr *x =
			(const void *)((const char *)node + off);

		if (end - off < TOY_XATTR_LEN(1, 0) || !x->nlen)
			return "a bad xattr entry";
		len = TOY_XATTR_LEN(x->nlen, le16toh(x->vlen));
		if (len > end - off)
			return "a bad xattr entry";
	}
	return NULL;
}

/* ---- values that have blocks of their own ---- */

unsigned int toy_far_blocks(const struct toy_far *far)
{
	return (le32toh(far->size) + TOY_BLOCK - 1) / TOY_BLOCK;
}

const char *toy_far_get(const struct toy_fs *fs, const struct toy_xattr *x,
			struct toy_far *far)
{
	uint32_t vlen = le16toh(x->vlen), nr, blocks = 0;

	if (vlen > sizeof(*far) || vlen < TOY_FAR_LEN(1))
		return "an xattr's blocks";
	memset(far, 0, sizeof(*far));
	memcpy(far, x->name + x->nlen, vlen);
	nr = le32toh(far->nr);
	if (le32toh(far->size) <= TOY_XATTR_NEAR ||
	    le32toh(far->size) > TOY_FAR_MAX || nr > TOY_FAR_BLOCKS ||
	    vlen != TOY_FAR_LEN(nr))
		return "an xattr's length";
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t e = le64toh(far->ext[i]);

		if (!TOY_EXT_LEN(e) ||
		    !toy_is_data(fs, TOY_EXT_PBLK(e), TOY_EXT_LEN(e)))
			return "an xattr's blocks";
		blocks += TOY_EXT_LEN(e);
	}
	return blocks == toy_far_blocks(far) ? NULL : "an xattr's blocks";
}

uint64_t toy_far_block(const struct toy_far *far, unsigned int i)
{
	const __le64 *e = far->ext;

	while (i >= TOY_EXT_LEN(le64toh(*e)))
		i -= TOY_EXT_LEN(le64toh(*e++));
	return TOY_EXT_PBLK(le64toh(*e)) + i;
}

uint64_t toy_far_sum(const struct toy_fs *fs, const struct toy_far *far)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < toy_far_blocks(far); i++) {
		uint64_t off = toy_far_block(far, i) * TOY_BLOCK;

		sum += toy_sum(pm_at(fs, off), TOY_BLOCK, off, TOY_BLOCK);
	}
	return sum;
}

uint64_t toy_name_hash(const struct toy_fs *fs, const char *name, uint8_t len)
{
	uint64_t hash = toy_siphash(fs->hash_key, name, len) >> 10;

	return hash ? hash : 1;
}
