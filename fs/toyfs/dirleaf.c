// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * One leaf of a directory: a chain of records with room between and in them.
 * All functions but toy_leaf_check() rely on that check.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

#define FIRST	((uint32_t)sizeof(struct toy_node))
#define MIN_REC TOY_DIRENT_LEN(1)

struct toy_dirent *toy_leaf_rec(const void *leaf, uint32_t off)
{
	return (struct toy_dirent *)((char *)leaf + off);
}

uint32_t toy_leaf_next(const void *leaf, uint32_t off)
{
	return off + le16toh(toy_leaf_rec(leaf, off)->rec_len);
}

int toy_leaf_check(const struct toy_node *leaf, uint64_t dir)
{
	const char *wrong = toy_leaf_wrong(leaf);

	if (le64toh(leaf->owner) != dir)
		wrong = "a leaf of another directory";
	return wrong ? toy_corrupt(dir, wrong) : 0;
}

/* What a record in use needs; the rest of it is free. */
static uint32_t used(const struct toy_dirent *de)
{
	return de->ino ? TOY_DIRENT_LEN(de->nlen) : 0;
}

static void set_free(void *leaf, uint32_t free_)
{
	((struct toy_node *)leaf)->free = htole32(free_);
}

static void add_free(void *leaf, int32_t n)
{
	struct toy_node *hdr = leaf;

	hdr->free = htole32(le32toh(hdr->free) + n);
}

static void add_nr(void *leaf, int n)
{
	struct toy_node *hdr = leaf;

	hdr->nr = htole16(le16toh(hdr->nr) + n);
}

void toy_leaf_init(void *leaf)
{
	struct toy_dirent *de = toy_leaf_rec(leaf, FIRST);

	memset((char *)leaf + FIRST, 0, TOY_BLOCK - FIRST);
	de->rec_len = htole16(TOY_BLOCK - FIRST);
	((struct toy_node *)leaf)->nr = 0;
	set_free(leaf, TOY_BLOCK - FIRST);
}

static int by_key(const void *a, const void *b, void *leaf)
{
	uint64_t x = le64toh(toy_leaf_rec(leaf, *(const uint16_t *)a)->key);
	uint64_t y = le64toh(toy_leaf_rec(leaf, *(const uint16_t *)b)->key);

	return x < y ? -1 : x > y;
}

unsigned int toy_leaf_sort(const void *leaf, uint16_t *offs)
{
	unsigned int nr = 0;

	for (uint32_t off = FIRST; off < TOY_BLOCK;
	     off = toy_leaf_next(leaf, off)) {
		if (toy_leaf_rec(leaf, off)->ino)
			offs[nr++] = off;
	}
	qsort_r(offs, nr, sizeof(*offs), by_key, (void *)leaf);
	return nr;
}

uint32_t toy_leaf_find(const void *leaf, uint64_t hash, struct toy_name name)
{
	const struct toy_dirent *de;
	uint32_t off;

	for (off = FIRST; off < TOY_BLOCK; off = toy_leaf_next(leaf, off)) {
		de = toy_leaf_rec(leaf, off);
		if (de->ino && le64toh(de->key) >> 8 == hash &&
		    de->nlen == name.len &&
		    !memcmp(de->name, name.name, name.len))
			return off;
	}
	return TOY_BLOCK;
}

/* The smallest collision number that no name with @hash has; -ENOSPC. */
static int free_number(const void *leaf, uint64_t hash)
{
	bool taken[256] = { false };
	const struct toy_dirent *de;

	for (uint32_t off = FIRST; off < TOY_BLOCK;
	     off = toy_leaf_next(leaf, off)) {
		de = toy_leaf_rec(leaf, off);
		if (de->ino && le64toh(de->key) >> 8 == hash)
			taken[le64toh(de->key) & 255] = true;
	}
	for (int i = 0; i < 256; i++) {
		if (!taken[i])
			return i;
	}
	return -ENOSPC;
}

/* Puts a record of @len bytes at @off, the free end of what was there. */
static void rec_fill(void *leaf, uint32_t off, uint32_t len,
		     const struct toy_dirent *src, const char *name)
{
	struct toy_dirent *de = toy_leaf_rec(leaf, off);

	de->key = src->key;
	de->ino = src->ino;
	de->rec_len = htole16(len);
	de->nlen = src->nlen;
	de->type = src->type;
	memcpy(de->name, name, src->nlen);
}

static bool rec_place(void *leaf, const struct toy_dirent *src,
		      const char *name)
{
	uint32_t need = TOY_DIRENT_LEN(src->nlen), keep, len;
	struct toy_dirent *de;

	for (uint32_t off = FIRST; off < TOY_BLOCK;
	     off = toy_leaf_next(leaf, off)) {
		de = toy_leaf_rec(leaf, off);
		len = le16toh(de->rec_len);
		keep = used(de);
		if (len - keep < need)
			continue;
		if (keep)
			de->rec_len = htole16(keep);
		rec_fill(leaf, off + keep, len - keep, src, name);
		add_free(leaf, -(int32_t)need);
		add_nr(leaf, 1);
		return true;
	}
	return false;
}

/* Writes the records at @offs of @from one behind the other to @leaf. */
static void leaf_build(void *leaf, const void *from, const uint16_t *offs,
		       unsigned int nr)
{
	uint32_t at = FIRST, len = 0, last = FIRST;
	const struct toy_dirent *de;

	toy_leaf_init(leaf);
	for (unsigned int i = 0; i < nr; i++) {
		de = toy_leaf_rec(from, offs[i]);
		len = TOY_DIRENT_LEN(de->nlen);
		rec_fill(leaf, at, len, de, de->name);
		last = at;
		at += len;
	}
	if (nr)
		toy_leaf_rec(leaf, last)->rec_len = htole16(TOY_BLOCK - last);
	((struct toy_node *)leaf)->nr = htole16(nr);
	set_free(leaf, TOY_BLOCK - at);
}

static uint32_t real_free(const void *leaf)
{
	uint32_t n = 0;

	for (uint32_t off = FIRST; off < TOY_BLOCK;
	     off = toy_leaf_next(leaf, off))
		n += le16toh(toy_leaf_rec(leaf, off)->rec_len) -
		     used(toy_leaf_rec(leaf, off));
	return n;
}

int toy_leaf_add(void *leaf, uint64_t hash, struct toy_name name, uint64_t ino,
		 uint8_t type)
{
	struct toy_dirent src = { .ino = htole64(ino),
				  .nlen = name.len,
				  .type = type };
	uint16_t offs[TOY_LEAF_MAX_RECS];
	char copy[TOY_BLOCK];
	int number = free_number(leaf, hash);

	if (number < 0)
		return number;
	src.key = htole64(hash << 8 | number);
	if (rec_place(leaf, &src, name.name))
		return 0;
	if (real_free(leaf) < TOY_DIRENT_LEN(name.len))
		return -ENOSPC;
	memcpy(copy, leaf, TOY_BLOCK);
	leaf_build(leaf, copy, offs, toy_leaf_sort(copy, offs));
	return rec_place(leaf, &src, name.name) ? 0 : -ENOSPC;
}

void toy_leaf_del(void *leaf, uint32_t off)
{
	struct toy_dirent *de = toy_leaf_rec(leaf, off), *prev = NULL;

	for (uint32_t o = FIRST; o < off; o = toy_leaf_next(leaf, o))
		prev = toy_leaf_rec(leaf, o);
	add_free(leaf, used(de));
	add_nr(leaf, -1);
	de->ino = 0;
	if (prev)
		prev->rec_len =
			htole16(le16toh(prev->rec_len) + le16toh(de->rec_len));
}

/* Where the upper half begins: at the border of two hashes. */
static unsigned int split_at(const void *leaf, const uint16_t *offs,
			     unsigned int nr)
{
	uint32_t bytes = 0, half = (TOY_BLOCK - FIRST - real_free(leaf)) / 2;
	unsigned int best = 0;

	for (unsigned int i = 1; i < nr; i++) {
		bytes += used(toy_leaf_rec(leaf, offs[i - 1]));
		if (le64toh(toy_leaf_rec(leaf, offs[i])->key) >> 8 ==
		    le64toh(toy_leaf_rec(leaf, offs[i - 1])->key) >> 8)
			continue;
		best = i;
		if (bytes >= half)
			break;
	}
	return best;
}

uint64_t toy_leaf_split(void *leaf, void *upper)
{
	uint16_t offs[TOY_LEAF_MAX_RECS];
	char copy[TOY_BLOCK];
	unsigned int nr, at;

	memcpy(copy, leaf, TOY_BLOCK);
	nr = toy_leaf_sort(copy, offs);
	at = split_at(copy, offs, nr);
	if (!at)
		return 0;
	leaf_build(leaf, copy, offs, at);
	leaf_build(upper, copy, offs + at, nr - at);
	return le64toh(toy_leaf_rec(copy, offs[at])->key) >> 8;
}
