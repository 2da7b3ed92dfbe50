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

static int append_block(struct toy_tx *tx, unsigned int c, uint64_t last,
			uint64_t *bn, struct toy_node **n)
{
	struct toy_node *prev;
	int err = toy_node_new(tx, TOY_ORPH_MAGIC, c, 0, bn, (void **)n);

	if (!err)
		err = toy_node_get(tx, last, TOY_ORPH_MAGIC, (void **)&prev);
	if (!err)
		prev->link = htole64(*bn);
	return err;
}

int toy_orphan_add(struct toy_tx *tx, uint64_t entry, uint64_t *pos)
{
	unsigned int c = lock_any(tx);
	uint64_t bn = TOY_ORPHAN_BN + c;
	const struct toy_node *r;
	struct toy_node *n;
	int i = -1, err;

	for (uint64_t count = 0;; count++) {
		err = block_read(tx->fs, tx, c, bn, count, &r);
		if (err)
			return err;
		i = free_entry(r);
		if (i >= 0 || !r->link)
			break;
		bn = le64toh(r->link);
	}
	if (i >= 0) {
		err = toy_node_get(tx, bn, TOY_ORPH_MAGIC, (void **)&n);
	} else {
		i = 0;
		err = append_block(tx, c, bn, &bn, &n);
	}
	if (err)
		return err;
	((__le64 *)(n + 1))[i] = htole64(entry);
	*pos = bn * TOY_BLOCK + sizeof(*n) + 8U * (unsigned int)i;
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

static int each_of_block(struct toy_fs *fs, unsigned int c, uint64_t bn,
			 uint64_t count, uint64_t *next,
			 int (*fn)(struct toy_fs *fs, uint64_t entry,
				   uint64_t pos, void *arg),
			 void *arg)
{
	for (unsigned int i = 0; i < TOY_ORPH_ENTRIES; i++) {
		uint64_t pos = bn * TOY_BLOCK + sizeof(struct toy_node) + 8 * i;
		const struct toy_node *n;
		int err = block_read(fs, NULL, c, bn, count, &n);

		if (!err && entries(n)[i])
			err = fn(fs, le64toh(entries(n)[i]), pos, arg);
		if (err)
			return err;
		*next = le64toh(n->link);
	}
	return 0;
}

int toy_orphan_each(struct toy_fs *fs,
		    int (*fn)(struct toy_fs *fs, uint64_t entry, uint64_t pos,
			      void *arg),
		    void *arg)
{
	for (unsigned int c = 0; c < TOY_CHANNELS; c++) {
		uint64_t bn = TOY_ORPHAN_BN + c, next = 0;

		for (uint64_t count = 0; bn; count++, bn = next) {
			int err =
				each_of_block(fs, c, bn, count, &next, fn, arg);

			if (err)
				return err;
		}
	}
	return 0;
}
