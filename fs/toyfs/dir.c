// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Directories: a tree of leaves by the hash of the names in them.
 */
#include <errno.h>
#include <string.h>

#include "plugin.h"

static int leaf_read(const struct toy_tree *t, uint64_t bn, const void **leaf)
{
	int err = toy_node_read(t->fs, t->tx, bn, TOY_DIR_MAGIC, leaf);

	if (err)
		return err;
	return toy_leaf_check(*leaf, t->owner);
}

static int leaf_get(struct toy_tx *tx, const struct toy_tree *t, uint64_t bn,
		    void **leaf)
{
	int err = toy_node_get(tx, bn, TOY_DIR_MAGIC, leaf);

	if (err)
		return err;
	return toy_leaf_check(*leaf, t->owner);
}

int toy_dir_find(const struct toy_tree *t, struct toy_name name,
		 struct toy_found *found)
{
	uint64_t hash = toy_name_hash(t->fs, name.name, name.len);
	const struct toy_dirent *de;
	struct toy_rec rec;
	const void *leaf;
	int err = toy_tree_floor(t, hash, &rec);

	if (err)
		return err;
	found->bn = le64toh(rec.val);
	err = leaf_read(t, found->bn, &leaf);
	if (err)
		return err;
	found->off = toy_leaf_find(leaf, hash, name);
	if (found->off == TOY_BLOCK)
		return -ENOENT;
	de = toy_leaf_rec(leaf, found->off);
	found->key = le64toh(de->key);
	found->ino = le64toh(de->ino);
	found->type = de->type;
	return 0;
}

static void add_leaves(struct toy_slot *dir, int n)
{
	dir->zi.i_size =
		htole64(le64toh(dir->zi.i_size) + (int64_t)n * TOY_BLOCK);
	toy_add_blocks(dir, n);
}

static int leaf_new(struct toy_tx *tx, const struct toy_tree *t,
		    struct toy_slot *dir, uint64_t hash, uint64_t hint,
		    void **leaf)
{
	uint64_t bn;
	int err = toy_node_new(tx, TOY_DIR_MAGIC, t->owner, hint, &bn, leaf);

	if (err)
		return err;
	toy_leaf_init(*leaf);
	add_leaves(dir, 1);
	return toy_tree_insert(t, hash, bn);
}

/*
 * The leaf that a name with @hash goes to. The first leaf may have been freed,
 * then the next one takes over what it had.
 */
static int leaf_for(struct toy_tx *tx, const struct toy_tree *t,
		    struct toy_slot *dir, uint64_t hash, uint64_t *bn,
		    void **leaf)
{
	struct toy_rec rec;
	int err = toy_tree_floor(t, hash, &rec);

	if (err == -ENOENT) {
		err = toy_tree_ceil(t, 0, &rec);
		if (err == -ENOENT) {
			*bn = 0;
			return leaf_new(tx, t, dir, 0, 0, leaf);
		}
		if (!err)
			err = toy_tree_update(t, le64toh(rec.key), 0,
					      le64toh(rec.val));
	}
	if (err)
		return err;
	*bn = le64toh(rec.val);
	return leaf_get(tx, t, *bn, leaf);
}

int toy_dir_add(struct toy_tx *tx, struct toy_fs *fs, struct toy_slot *dir,
		struct toy_name name, uint64_t ino, uint8_t type)
{
	struct toy_tree t = toy_slot_tree(fs, tx, dir);
	uint64_t hash = toy_name_hash(fs, name.name, name.len), border, bn,
		 upper_bn;
	void *leaf, *upper;
	int err = leaf_for(tx, &t, dir, hash, &bn, &leaf);

	if (err)
		return err;
	if (toy_leaf_find(leaf, hash, name) != TOY_BLOCK)
		return -EEXIST;
	err = toy_leaf_add(leaf, hash, name, ino, type);
	if (err != -ENOSPC)
		return err;

	err = toy_node_new(tx, TOY_DIR_MAGIC, t.owner, bn, &upper_bn, &upper);
	if (err)
		return err;
	border = toy_leaf_split(leaf, upper);
	if (!border)
		return -ENOSPC;
	add_leaves(dir, 1);
	zus_dbg("directory %llu: leaf %llu splits, upper half to %llu",
		(unsigned long long)t.owner, (unsigned long long)bn,
		(unsigned long long)upper_bn);
	err = toy_tree_insert(&t, border, upper_bn);
	if (err)
		return err;
	return toy_leaf_add(hash < border ? leaf : upper, hash, name, ino,
			    type);
}

static int find_to_change(struct toy_tx *tx, const struct toy_tree *t,
			  struct toy_name name, uint64_t ino,
			  struct toy_found *found, void **leaf)
{
	int err = toy_dir_find(t, name, found);

	if (err)
		return err;
	if (found->ino != ino)
		return -ENOENT;
	return leaf_get(tx, t, found->bn, leaf);
}

/* Frees the leaf that names with @hash go to. */
static int leaf_free(struct toy_tx *tx, const struct toy_tree *t,
		     struct toy_slot *dir, uint64_t hash)
{
	struct toy_rec rec;
	int err = toy_tree_floor(t, hash, &rec);

	if (!err)
		err = toy_tree_delete(t, le64toh(rec.key));
	if (err)
		return err;
	add_leaves(dir, -1);
	return toy_free(tx, le64toh(rec.val), 1);
}

int toy_dir_del(struct toy_tx *tx, struct toy_fs *fs, struct toy_slot *dir,
		struct toy_name name, uint64_t ino)
{
	struct toy_tree t = toy_slot_tree(fs, tx, dir);
	struct toy_found found;
	uint16_t offs[TOY_LEAF_MAX_RECS];
	void *leaf;
	int err = find_to_change(tx, &t, name, ino, &found, &leaf);

	if (err)
		return err;
	toy_leaf_del(leaf, found.off);
	if (toy_leaf_sort(leaf, offs))
		return 0;
	return leaf_free(tx, &t, dir, found.key >> 8);
}

int toy_dir_set(struct toy_tx *tx, struct toy_fs *fs, struct toy_slot *dir,
		struct toy_name name, uint64_t ino, uint64_t new_ino,
		uint8_t type)
{
	struct toy_tree t = toy_slot_tree(fs, tx, dir);
	struct toy_dirent *de;
	struct toy_found found;
	void *leaf;
	int err = find_to_change(tx, &t, name, ino, &found, &leaf);

	if (err)
		return err;
	de = toy_leaf_rec(leaf, found.off);
	de->ino = htole64(new_ino);
	de->type = type;
	return 0;
}

int toy_dir_empty(const struct toy_tree *t)
{
	uint16_t offs[TOY_LEAF_MAX_RECS];
	struct toy_rec rec;
	const void *leaf;
	uint64_t hash = 0;
	int err;

	for (;;) {
		err = toy_tree_ceil(t, hash, &rec);
		if (err)
			return err == -ENOENT ? 1 : err;
		err = leaf_read(t, le64toh(rec.val), &leaf);
		if (err)
			return err;
		if (toy_leaf_sort(leaf, offs))
			return 0;
		if (le64toh(rec.key) == UINT64_MAX)
			return 1;
		hash = le64toh(rec.key) + 1;
	}
}

/* False: no more room in @io. */
static bool emit_leaf(const void *leaf, struct zufs_ioc_readdir *io)
{
	uint16_t offs[TOY_LEAF_MAX_RECS];
	unsigned int nr = toy_leaf_sort(leaf, offs);
	const struct toy_dirent *de;

	for (unsigned int i = 0; i < nr; i++) {
		de = toy_leaf_rec(leaf, offs[i]);
		if (le64toh(de->key) < io->pos)
			continue;
		if (!zus_dir_emit(io, le64toh(de->ino), de->type,
				  le64toh(de->key) + 1, de->name, de->nlen)) {
			io->pos = le64toh(de->key);
			io->more = 1;
			return false;
		}
	}
	return true;
}

int toy_dir_read(const struct toy_tree *t, struct zufs_ioc_readdir *io)
{
	struct toy_rec rec;
	const void *leaf;
	int err = toy_tree_floor(t, io->pos >> 8, &rec);

	if (err == -ENOENT)
		err = toy_tree_ceil(t, io->pos >> 8, &rec);
	io->more = 0;
	while (!err) {
		err = leaf_read(t, le64toh(rec.val), &leaf);
		if (err)
			return err;
		if (!emit_leaf(leaf, io) || le64toh(rec.key) >> 54)
			return 0;
		err = toy_tree_ceil(t, le64toh(rec.key) + 1, &rec);
	}
	if (err == -ENOENT)
		io->pos = INT64_MAX;
	return err == -ENOENT ? 0 : err;
}
