/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Inode slots: the inode file, its index in DRAM and the lists of free slots.
 *
 * Locks: a channel's list is under the channel's lock; the map and the size of
 * the inode file are under toy_fs.itable_lock, which a transaction that lets
 * the file grow keeps to its end. A slot is under its inode's lock, a free one
 * under the lock of the channel whose list it is in. The index is read without
 * locks: entries only ever go from 0 to a block.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "tx.h"

#define CHUNK	   4096U /* entries */
#define GROW	   8U	 /* blocks the inode file grows by */
#define READ_TRIES 1000

struct toy_itab {
	uint64_t chunks;
	_Atomic(_Atomic uint64_t *) chunk[];
};

#define STATE_ROOT_OFF offsetof(struct toy_state, itable)
#define CHAN_OFF(c)    (256U + TOY_LINE * (c))

static const struct toy_state *state_of(const struct toy_fs *fs)
{
	return pm_at(fs, TOY_STATE_BN * TOY_BLOCK);
}

static int slot_bad(uint64_t bn, uint64_t ino, const char *cause)
{
	toy_log(TOY_LOG_ERR, "toyfs: block %llu: inode %llu: %s",
		(unsigned long long)bn, (unsigned long long)ino, cause);
	return -EUCLEAN;
}

/* ---- index ---- */

static int itab_room(struct toy_itab *tab, uint64_t lblk, uint64_t len)
{
	for (uint64_t c = lblk / CHUNK; c <= (lblk + len - 1) / CHUNK; c++) {
		if (c >= tab->chunks)
			return -ENOSPC;
		if (atomic_load(&tab->chunk[c]))
			continue;
		_Atomic uint64_t *p = calloc(CHUNK, sizeof(*p));

		if (!p)
			return -ENOMEM;
		atomic_store(&tab->chunk[c], p);
	}
	return 0;
}

static void itab_put(struct toy_itab *tab, uint64_t lblk, uint64_t pblk,
		     uint64_t len)
{
	for (uint64_t i = 0; i < len; i++) {
		_Atomic uint64_t *p = tab->chunk[(lblk + i) / CHUNK];

		atomic_store(&p[(lblk + i) % CHUNK], pblk + i);
	}
}

static void itab_destroy(struct toy_itab *tab)
{
	for (uint64_t c = 0; tab && c < tab->chunks; c++)
		free((void *)atomic_load(&tab->chunk[c]));
	free(tab);
}

static int itab_fill(struct toy_fs *fs, struct toy_itab *tab)
{
	const void *node;
	struct toy_tree t = { fs, NULL, NULL, 0 };
	uint64_t pos = 0, end;
	int n, err = toy_node_read(fs, NULL, TOY_STATE_BN, TOY_STATE_MAGIC,
				   &node);

	if (err)
		return err;
	t.root = (struct toy_root *)((char *)(uintptr_t)node + STATE_ROOT_OFF);
	end = le64toh(state_of(fs)->itable_blocks);
	if (end > fs->blocks)
		return slot_bad(TOY_STATE_BN, 0, "inode file is too large");
	while (pos < end) {
		struct zufs_extent e;

		n = toy_map_get(&t, pos, end, &e, 1);
		if (n < 0)
			return n;
		if (e.flags & ZUFS_EXT_HOLE)
			return slot_bad(TOY_STATE_BN, 0,
					"inode file has a hole");
		err = itab_room(tab, pos, e.len);
		if (err)
			return err;
		itab_put(tab, pos, e.pblk, e.len);
		pos += e.len;
	}
	return 0;
}

static int itab_make(struct toy_fs *fs)
{
	uint64_t chunks = fs->blocks / CHUNK + 1;
	struct toy_itab *tab;
	int err;

	tab = calloc(1, sizeof(*tab) + chunks * sizeof(tab->chunk[0]));
	if (!tab)
		return -ENOMEM;
	tab->chunks = chunks;
	err = toy_try(fs, itab_fill(fs, tab));
	if (err) {
		itab_destroy(tab);
		return err;
	}
	__atomic_store_n(&fs->itab, tab, __ATOMIC_RELEASE);
	return 0;
}

static int itab_get(struct toy_fs *fs, struct toy_itab **tab)
{
	int err = 0;

	*tab = __atomic_load_n(&fs->itab, __ATOMIC_ACQUIRE);
	if (*tab)
		return 0;
	pthread_mutex_lock(&fs->itab_lock);
	if (!fs->itab)
		err = itab_make(fs);
	*tab = fs->itab;
	pthread_mutex_unlock(&fs->itab_lock);
	return err;
}

void toy_itab_free(struct toy_fs *fs)
{
	itab_destroy(fs->itab);
	fs->itab = NULL;
}

void toy_itab_publish(struct toy_tx *tx)
{
	if (tx->grow_len)
		itab_put(tx->fs->itab, tx->grow_lblk, tx->grow_pblk,
			 tx->grow_len);
}

/* ---- slots ---- */

int toy_slot_find(struct toy_fs *fs, uint64_t ino, uint64_t *off)
{
	uint64_t lblk = ino / TOY_SLOTS_PER_BLOCK, pblk = 0;
	_Atomic uint64_t *p = NULL;
	struct toy_itab *tab;
	int err = itab_get(fs, &tab);

	if (err)
		return err;
	if (lblk / CHUNK < tab->chunks)
		p = atomic_load(&tab->chunk[lblk / CHUNK]);
	if (p)
		pblk = atomic_load(&p[lblk % CHUNK]);
	if (!ino || !pblk)
		return -ENOENT;
	*off = pblk * TOY_BLOCK +
	       ino % TOY_SLOTS_PER_BLOCK * sizeof(struct toy_slot);
	return 0;
}

/* As toy_slot_find, and what the transaction itself let grow. */
static int tx_slot_find(struct toy_tx *tx, uint64_t ino, uint64_t *off)
{
	uint64_t i = ino / TOY_SLOTS_PER_BLOCK - tx->grow_lblk;

	if (!tx->grow_len || i >= tx->grow_len)
		return toy_slot_find(tx->fs, ino, off);
	*off = (tx->grow_pblk + i) * TOY_BLOCK +
	       ino % TOY_SLOTS_PER_BLOCK * sizeof(struct toy_slot);
	return 0;
}

static bool slot_sum_ok(const struct toy_slot *s, uint64_t off)
{
	return le64toh(s->sum) ==
	       toy_sum(s, sizeof(*s), off, offsetof(struct toy_slot, sum));
}

static int slot_check(const struct toy_slot *s, uint64_t ino, uint64_t off)
{
	/* A stale handle may meet the commit that takes a free slot. */
	for (int i = 0; i < READ_TRIES; i++) {
		if (slot_sum_ok(s, off))
			break;
		sched_yield();
	}
	if (!slot_sum_ok(s, off))
		return slot_bad(off / TOY_BLOCK, ino, "wrong checksum");
	if (le64toh(s->zi.i_ino) != ino)
		return slot_bad(off / TOY_BLOCK, ino, "slot of another inode");
	return 0;
}

int toy_slot_read(struct toy_fs *fs, uint64_t ino, const struct toy_slot **slot)
{
	uint64_t off;
	int err = toy_slot_find(fs, ino, &off);

	if (err)
		return err;
	*slot = pm_at(fs, off);
	err = slot_check(*slot, ino, off);
	if (err)
		return err;
	return (*slot)->zi.i_mode ? 0 : -ENOENT;
}

/* The slot, free or not. A copy that is there already was checked before. */
static int slot_copy(struct toy_tx *tx, uint64_t ino, struct toy_slot **slot,
		     bool *was_copied)
{
	const struct toy_shadow *sh;
	uint64_t off;
	uint32_t in;
	int err = tx_slot_find(tx, ino, &off);

	if (err)
		return err;
	in = off % TOY_BLOCK;
	sh = toy_tx_shadow(tx, off / TOY_BLOCK);
	*was_copied = sh && sh->present >> (in / TOY_LINE) & 1;
	if (sh && sh->kind != TOY_K_SLOTS)
		return slot_bad(off / TOY_BLOCK, ino,
				"block is used for something else");
	if (!*was_copied) {
		err = slot_check(pm_at(tx->fs, off), ino, off);
		if (err)
			return err;
	}
	*slot = toy_tx_get_kind(tx, off / TOY_BLOCK, in, sizeof(**slot),
				TOY_K_SLOTS);
	return *slot ? 0 : -ENOMEM;
}

int toy_slot_get(struct toy_tx *tx, uint64_t ino, struct toy_slot **slot)
{
	bool was_copied;
	int err = slot_copy(tx, ino, slot, &was_copied);

	if (err)
		return err;
	return was_copied || (*slot)->zi.i_mode ? 0 : -ENOENT;
}

/* ---- free lists ---- */

struct chan_line {
	__le64 head, count;
};

/* The list's line in the state node, to be changed. */
static int list_get(struct toy_tx *tx, unsigned int channel,
		    struct chan_line **line)
{
	const void *node;
	int err =
		toy_node_read(tx->fs, tx, TOY_STATE_BN, TOY_STATE_MAGIC, &node);

	if (err)
		return err;
	*line = toy_tx_get_kind(tx, TOY_STATE_BN, CHAN_OFF(channel), TOY_LINE,
				TOY_K_STATE);
	return *line ? 0 : -ENOMEM;
}

static void slot_clear(struct toy_slot *s, uint64_t ino, uint64_t gen)
{
	memset(s, 0, sizeof(*s));
	s->zi.i_ino = htole64(ino);
	s->zi.i_generation = htole64(gen);
}

/* New blocks of free slots, chained, in front of the list. */
static int slots_fill(struct toy_tx *tx, struct chan_line *list)
{
	uint64_t first = tx->grow_lblk * TOY_SLOTS_PER_BLOCK;
	uint64_t n = (uint64_t)tx->grow_len * TOY_SLOTS_PER_BLOCK;
	struct toy_slot *s = NULL;

	for (uint64_t i = 0; i < n; i++) {
		if (i % TOY_SLOTS_PER_BLOCK == 0)
			s = toy_tx_new_kind(
				tx, tx->grow_pblk + i / TOY_SLOTS_PER_BLOCK,
				TOY_K_SLOTS);
		if (!s)
			return -ENOMEM;
		slot_clear(s, first + i, 0);
		s->zi.i_on_disk[0] = i + 1 < n ? htole64(first + i + 1) :
						 list->head;
		s++;
	}
	list->head = htole64(first);
	list->count = htole64(le64toh(list->count) + n);
	return 0;
}

static int itable_grow(struct toy_tx *tx, struct chan_line *list)
{
	struct toy_fs *fs = tx->fs;
	struct toy_tree t = { fs, tx, NULL, 0 };
	struct toy_itab *tab;
	uint64_t pblk, *head;
	uint32_t len;
	int err = itab_get(fs, &tab);

	if (err)
		return err;
	/* One growth a transaction: what it gives is never used up. */
	if (tx->grow_len)
		return -ENOSPC;
	if (!tx->itable_held) {
		pthread_mutex_lock(&fs->itable_lock);
		tx->itable_held = true;
	}
	err = toy_alloc(tx, 0, GROW, &pblk, &len);
	if (err)
		return err;
	t.root = toy_tx_get_kind(tx, TOY_STATE_BN, STATE_ROOT_OFF, 2 * TOY_LINE,
				 TOY_K_STATE);
	if (!t.root)
		return -ENOMEM;
	head = (uint64_t *)(t.root + 1);
	tx->grow_lblk = le64toh(*head);
	err = itab_room(tab, tx->grow_lblk, len);
	if (!err)
		err = toy_map_insert(&t, tx->grow_lblk, pblk, len);
	if (err)
		return err;
	tx->grow_pblk = pblk;
	tx->grow_len = len;
	zus_dbg("inode file: block %llu, %u blocks at %llu",
		(unsigned long long)tx->grow_lblk, len,
		(unsigned long long)pblk);
	*head = htole64(tx->grow_lblk + len);
	return slots_fill(tx, list);
}

/*
 * The whole list of another channel that has @min slots or more, whose lock the
 * transaction keeps. Inodes are freed on other channels than they are made on.
 * Only by trylock: locks of channels have no order.
 */
static int list_take(struct toy_tx *tx, struct chan_line *list, uint64_t min)
{
	const struct toy_state *st = state_of(tx->fs);
	struct chan_line *from;
	int err;

	for (unsigned int c = 0; tx->stolen < 0 && c < TOY_CHANNELS; c++) {
		struct toy_channel *ch = tx->fs->chan[c];

		if (ch == tx->ch || le64toh(st->chan[c].free_count) < min ||
		    pthread_mutex_trylock(&ch->lock))
			continue;
		tx->stolen = (int)c;
		/* Poison may end the next read: the lock is known before. */
		atomic_signal_fence(memory_order_seq_cst);
		if (le64toh(st->chan[c].free_count) >= min)
			break;
		tx->stolen = -1;
		pthread_mutex_unlock(&ch->lock);
	}
	if (tx->stolen < 0)
		return -ENOSPC;
	err = list_get(tx, (unsigned int)tx->stolen, &from);
	if (err)
		return err;
	*list = *from;
	*from = (struct chan_line){ 0 };
	return list->head ? 0 : -ENOSPC;
}

int toy_slot_alloc(struct toy_tx *tx, uint64_t *ino, struct toy_slot **slot)
{
	struct chan_line *list;
	struct toy_slot *s;
	uint64_t next, gen;
	bool was_copied;
	int err = list_get(tx, tx->channel, &list);

	if (!err && !list->head) {
		err = list_take(tx, list, GROW * TOY_SLOTS_PER_BLOCK);
		if (err == -ENOSPC)
			err = itable_grow(tx, list);
		if (err == -ENOSPC)
			err = list_take(tx, list, 1);
	}
	if (err)
		return err;
	*ino = le64toh(list->head);
	err = slot_copy(tx, *ino, &s, &was_copied);
	if (err)
		return err == -ENOENT ? slot_bad(TOY_STATE_BN, *ino,
						 "free list leads nowhere") :
					err;
	next = s->zi.i_on_disk[0];
	if (s->zi.i_mode || s->zi.i_nlink || *ino == TOY_ROOT_INO ||
	    !list->count)
		return slot_bad(TOY_STATE_BN, *ino,
				"slot in a free list isn't free");
	list->head = next;
	list->count = htole64(le64toh(list->count) - 1);
	gen = le64toh(s->zi.i_generation) + 1;
	slot_clear(s, *ino, gen ? gen : 1);
	*slot = s;
	return 0;
}

int toy_slot_free(struct toy_tx *tx, uint64_t ino)
{
	struct chan_line *list;
	struct toy_slot *s;
	int err = toy_slot_get(tx, ino, &s);

	if (!err)
		err = list_get(tx, tx->channel, &list);
	if (err)
		return err;
	slot_clear(s, ino, le64toh(s->zi.i_generation));
	s->zi.i_on_disk[0] = list->head;
	list->head = htole64(ino);
	list->count = htole64(le64toh(list->count) + 1);
	return 0;
}

static int count_inodes(struct toy_fs *fs, uint64_t *total, uint64_t *free_)
{
	const struct toy_state *st;
	int err = toy_node_read(fs, NULL, TOY_STATE_BN, TOY_STATE_MAGIC,
				(const void **)&st);

	if (err)
		return err;
	*total = le64toh(st->itable_blocks) * TOY_SLOTS_PER_BLOCK;
	*total -= *total > 0;
	*free_ = 0;
	for (unsigned int c = 0; c < TOY_CHANNELS; c++)
		*free_ += le64toh(st->chan[c].free_count);
	return 0;
}

/* Numbers of a moment: commits may run meanwhile. */
int toy_count_inodes(struct toy_fs *fs, uint64_t *total, uint64_t *free_)
{
	return toy_try(fs, count_inodes(fs, total, free_));
}
