/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Orphans: inodes without a name and truncates that aren't finished.
 *
 * Locks: toy_channel.orphan_lock protects the blocks of a channel to the end
 * of the transaction. A transaction waits for one only while it holds none.
 * An entry's position is its byte offset on media.
 */
#include <errno.h>

#include "tx.h"

static int orphan_bad(uint64_t bn, const char *cause)
{
	toy_log(TOY_LOG_ERR, "toyfs: block %llu: %s", (unsigned long long)bn,
		cause);
	return -EUCLEAN;
}

/* A list of more blocks than the filesystem has would be a cycle. */
static int block_read(struct toy_fs *fs, struct toy_tx *tx, unsigned int c,
		      uint64_t bn, uint64_t count, const struct toy_node **n)
{
	int err;

	if (count > fs->blocks / 2)
		return orphan_bad(bn, "orphan list is a cycle");
	err = toy_node_read(fs, tx, bn, TOY_ORPH_MAGIC, (const void **)n);
	if (!err && le64toh((*n)->owner) != c)
		err = orphan_bad(bn, "orphan block of another channel");
	return err;
}

static const __le64 *entries(const struct toy_node *n)
{
	return (const __le64 *)(n + 1);
}

static int free_entry(const struct toy_node *n)
{
	for (unsigned int i = 0; i < TOY_ORPH_ENTRIES; i++)
		if (!entries(n)[i])
			return (int)i;
	return -1;
}

/* The first list that nobody holds, the channel's own before others. */
static unsigned int lock_any(struct toy_tx *tx)
{
	struct toy_fs *fs = tx->fs;

	if (tx->orphans_held)
		return (unsigned int)__builtin_ctz(tx->orphans_held);
	for (unsigned int i = 0;; i++) {
		unsigned int c = (tx->channel + i) % TOY_CHANNELS;

		if (pthread_mutex_trylock(&fs->chan[c]->orphan_lock))
			continue;
		tx->orphans_held |= 1U << c;
		return c;
	}
}

/* Where an entry goes. */
struct place {
	uint64_t bn;
	int i; /* -1: nowhere, and bn is the last block of the list */
};

static int list_find(struct toy_tx *tx, unsigned int c, struct place *at)
{
	const struct toy_node *n;
	int err;

	at->bn = TOY_ORPHAN_BN + c;
	for (uint64_t count = 0;; count++) {
		err = block_read(tx->fs, tx, c, at->bn, count, &n);
		if (err)
			return err;
		at->i = free_entry(n);
		if (at->i >= 0 || !n->link)
			return 0;
		at->bn = le64toh(n->link);
	}
}

static int append_block(struct toy_tx *tx, unsigned int c, enum toy_keep keep,
			struct place *at)
{
	enum toy_keep before = tx->keep;
	struct toy_node *n, *prev;
	uint64_t bn;
	int err;

	tx->keep = keep;
	err = toy_node_new(tx, TOY_ORPH_MAGIC, c, 0, &bn, (void **)&n);
	tx->keep = before;
	if (!err)
		err = toy_node_get(tx, at->bn, TOY_ORPH_MAGIC, (void **)&prev);
	if (err)
		return err;
	prev->link = htole64(bn);
	*at = (struct place){ bn, 0 };
	return 0;
}

static void unlock_list(struct toy_tx *tx, unsigned int c)
{
	tx->orphans_held &= ~(1U << c);
	pthread_mutex_unlock(&tx->fs->chan[c]->orphan_lock);
}

static bool lock_list(struct toy_tx *tx, unsigned int c)
{
	if (!tx->orphans_held)
		pthread_mutex_lock(&tx->fs->chan[c]->orphan_lock);
	else if (tx->orphans_held & 1U << c ||
		 pthread_mutex_trylock(&tx->fs->chan[c]->orphan_lock))
		return false;
	tx->orphans_held |= 1U << c;
	return true;
}

/*
 * List @c is full, and so is the filesystem: an entry in any list, then a block
 * that is kept. So there is always one, see enum toy_keep. @alone: the lock of
 * @c is the only one, and nothing in it was changed.
 */
static int find_or_kept(struct toy_tx *tx, unsigned int c, bool alone,
			struct place *at)
{
	int err;

	if (alone)
		unlock_list(tx, c);
	for (unsigned int i = 1; i < TOY_CHANNELS; i++) {
		unsigned int other = (c + i) % TOY_CHANNELS;

		if (!lock_list(tx, other))
			continue;
		err = list_find(tx, other, at);
		if (err || at->i >= 0)
			return err;
		unlock_list(tx, other);
	}
	if (alone)
		lock_list(tx, c);
	err = list_find(tx, c, at);
	if (err || at->i >= 0)
		return err;
	return append_block(tx, c, TOY_KEEP_NONE, at);
}

int toy_orphan_add(struct toy_tx *tx, uint64_t entry, uint64_t *pos)
{
	bool alone = !tx->orphans_held;
	unsigned int c = lock_any(tx);
	struct toy_node *n;
	struct place at;
	int err = list_find(tx, c, &at);

	if (!err && at.i < 0) {
		err = append_block(tx, c, TOY_KEEP_ALL, &at);
		if (err == -ENOSPC)
			err = find_or_kept(tx, c, alone, &at);
	}
	if (!err)
		err = toy_node_get(tx, at.bn, TOY_ORPH_MAGIC, (void **)&n);
	if (err)
		return err;
	((__le64 *)(n + 1))[at.i] = htole64(entry);
	*pos = at.bn * TOY_BLOCK + sizeof(*n) + 8U * (unsigned int)at.i;
	return 0;
}

/* The header of an orphan block never changes its owner: no lock to read it. */
static int lock_owner(struct toy_tx *tx, uint64_t bn)
{
	const struct toy_node *n = toy_tx_peek(tx, bn, 0, sizeof(*n));
	uint64_t c = n ? le64toh(n->owner) : TOY_CHANNELS;

	if (c >= TOY_CHANNELS)
		return orphan_bad(bn, "orphan block of no channel");
	if (tx->orphans_held & 1U << c)
		return 0;
	if (!tx->orphans_held)
		pthread_mutex_lock(&tx->fs->chan[c]->orphan_lock);
	else if (pthread_mutex_trylock(&tx->fs->chan[c]->orphan_lock))
		return -EAGAIN;
	tx->orphans_held |= 1U << c;
	return 0;
}

int toy_orphan_del(struct toy_tx *tx, uint64_t pos)
{
	uint64_t bn = pos / TOY_BLOCK;
	uint32_t in = pos % TOY_BLOCK;
	struct toy_node *n;
	__le64 *e;
	int err;

	if (in % 8 || in < sizeof(*n))
		return -EINVAL;
	err = lock_owner(tx, bn);
	if (!err)
		err = toy_node_get(tx, bn, TOY_ORPH_MAGIC, (void **)&n);
	if (err)
		return err;
	e = (__le64 *)((char *)n + in);
	if (!*e)
		return orphan_bad(bn, "orphan entry is gone");
	*e = 0;
	return 0;
}

/* Where a walk over all orphan blocks is. */
struct walk {
	struct toy_fs *fs;
	unsigned int c;
	uint64_t bn, count;
	unsigned int i; /* the next entry to look at */
	uint64_t entry; /* the one found, 0: none is left in the block */
	uint64_t next;	/* block */
};

/* Reads the block again: who was told of an entry may have changed it. */
static int walk_read(struct walk *w)
{
	const struct toy_node *n;
	int err = block_read(w->fs, NULL, w->c, w->bn, w->count, &n);

	if (err)
		return err;
	w->entry = 0;
	w->next = le64toh(n->link);
	while (!w->entry && w->i < TOY_ORPH_ENTRIES)
		w->entry = le64toh(entries(n)[w->i++]);
	return 0;
}

static int walk_step(struct walk *w)
{
	return toy_try(w->fs, walk_read(w));
}

static int each_of_block(struct walk *w,
			 int (*fn)(struct toy_fs *fs, uint64_t entry,
				   uint64_t pos, void *arg),
			 void *arg)
{
	int err = walk_step(w);

	while (!err && w->entry) {
		err = fn(w->fs, w->entry,
			 w->bn * TOY_BLOCK + sizeof(struct toy_node) +
				 8 * (w->i - 1),
			 arg);
		if (!err)
			err = walk_step(w);
	}
	return err;
}

int toy_orphan_each(struct toy_fs *fs,
		    int (*fn)(struct toy_fs *fs, uint64_t entry, uint64_t pos,
			      void *arg),
		    void *arg)
{
	for (unsigned int c = 0; c < TOY_CHANNELS; c++) {
		struct walk w = { .fs = fs, .c = c, .bn = TOY_ORPHAN_BN + c };

		for (; w.bn; w.count++, w.bn = w.next, w.i = 0) {
			int err = each_of_block(&w, fn, arg);

			if (err)
				return err;
		}
	}
	return 0;
}
