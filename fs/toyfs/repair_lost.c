// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * fsck: names in lost+found for inodes that lost theirs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "plugin.h"
#include "repair_priv.h"

static const struct toy_name lost_found = { "lost+found", 10 };

static void add_nlink(struct toy_slot *s, uint32_t n)
{
	s->zi.i_nlink = htole32(le32toh(s->zi.i_nlink) + n);
}

static void dir_init(struct toy_slot *s, uint64_t parent)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	s->zi.i_mode = htole16(S_IFDIR | 0700);
	s->zi.i_nlink = htole32(2);
	s->zi.i_parent = htole64(parent);
	s->zi.i_mtime =
		htole64((uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec);
	s->zi.i_ctime = s->zi.i_mtime;
	s->zi.i_atime = s->zi.i_mtime;
	s->btime = s->zi.i_mtime;
}

static int dir_make(struct toy_fs *fs, struct toy_tx *tx, uint64_t *ino)
{
	struct toy_slot *root, *s;
	int err = toy_slot_get(tx, TOY_ROOT_INO, &root);

	if (!err)
		err = toy_slot_alloc(tx, ino, &s);
	if (err)
		return err;
	dir_init(s, TOY_ROOT_INO);
	add_nlink(root, 1);
	return toy_dir_add(tx, fs, root, lost_found, *ino, S_IFDIR >> 12);
}

/* Where lost ones go: lost+found, made if there is no such name. */
static int lost_dir(struct toy_fs *fs, uint64_t *ino)
{
	const struct toy_slot *root;
	struct toy_found found;
	struct toy_tree t;
	struct toy_tx *tx;
	int err = toy_slot_read(fs, TOY_ROOT_INO, &root);

	if (err)
		return err;
	t = toy_slot_map(fs, root);
	err = toy_dir_find(&t, lost_found, &found);
	if (!err)
		*ino = found.type == S_IFDIR >> 12 ? found.ino : TOY_ROOT_INO;
	if (err != -ENOENT)
		return err;
	err = toy_tx_begin(fs, 0, &tx);
	if (err)
		return err;
	return toy_tx_end(tx, dir_make(fs, tx, ino));
}

/* Named after its number, and with more behind it if there is such a name. */
static int name_add(struct toy_fs *fs, struct toy_tx *tx, struct toy_slot *dir,
		    uint64_t ino, uint8_t type)
{
	char text[64];
	int err = -EEXIST;

	for (unsigned int i = 0; err == -EEXIST && i < 1000; i++) {
		int len = snprintf(text, sizeof(text), i ? "#%llu.%u" : "#%llu",
				   (unsigned long long)ino, i);

		err = toy_dir_add(tx, fs, dir,
				  (struct toy_name){ text, (uint8_t)len }, ino,
				  type);
	}
	return err;
}

static int adopt(struct toy_fs *fs, struct toy_tx *tx, uint64_t dir,
		 uint64_t ino)
{
	struct toy_slot *d, *s;
	int err = toy_slot_get(tx, dir, &d);

	if (!err)
		err = toy_slot_get(tx, ino, &s);
	if (err)
		return err;
	if (toy_is_dir(s)) {
		s->zi.i_parent = htole64(dir);
		add_nlink(d, 1);
	} else {
		s->zi.i_nlink = htole32(1);
	}
	return name_add(fs, tx, d, ino, le16toh(s->zi.i_mode) >> 12);
}

int rp_lost(struct ck *ck, uint64_t ino)
{
	struct toy_tx *tx;
	uint64_t dir;
	int err = lost_dir(ck->fs, &dir);

	/* lost+found itself has lost its name: it gets one in the root. */
	if (!err && dir == ino)
		dir = TOY_ROOT_INO;
	if (!err)
		err = toy_tx_begin(ck->fs, 0, &tx);
	if (err)
		return err;
	return toy_tx_end(tx, adopt(ck->fs, tx, dir, ino));
}
