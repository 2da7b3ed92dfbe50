// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Volatile inodes: the table by number, references, locks, the end of life.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

static struct toy_inode **bucket(struct toy_sbi *ts, uint64_t ino)
{
	return &ts->table[ino % TOY_TABLE_SIZE];
}

static struct toy_inode *inode_alloc(struct toy_sbi *ts, uint64_t ino)
{
	struct toy_inode *ti = calloc(1, sizeof(*ti));

	if (!ti)
		return NULL;
	pthread_rwlock_init(&ti->lock, NULL);
	ti->zii.op = &toy_zii_ops;
	ti->zii.sbi = &ts->sbi;
	ti->zii.ino = ino;
	ti->orphan = TOY_NO_ORPHAN;
	ti->range = TOY_NO_ORPHAN;
	return ti;
}

static void inode_destroy(struct toy_inode *ti)
{
	free(ti->grants.g);
	pthread_rwlock_destroy(&ti->lock);
	free(ti);
}

struct toy_inode *toy_inode_ref(struct toy_sbi *ts, uint64_t ino)
{
	struct toy_inode **head = bucket(ts, ino), *ti;

	pthread_mutex_lock(&ts->table_lock);
	for (ti = *head; ti && ti->zii.ino != ino; ti = ti->next)
		;
	if (!ti) {
		ti = inode_alloc(ts, ino);
		if (ti) {
			ti->next = *head;
			*head = ti;
		}
	}
	if (ti) {
		ti->refs++;
		ti->taken++;
	}
	pthread_mutex_unlock(&ts->table_lock);
	return ti;
}

/* Takes @ti out of the table, if it is there. Under the table's lock. */
static void unhash(struct toy_sbi *ts, struct toy_inode *ti)
{
	struct toy_inode **p = bucket(ts, ti->zii.ino);

	while (*p && *p != ti)
		p = &(*p)->next;
	if (*p)
		*p = ti->next;
}

/* The next one who asks for the number of @ti gets another volatile inode. */
static void inode_kill(struct toy_inode *ti)
{
	struct toy_sbi *ts = toy_sbi(ti->zii.sbi);

	pthread_mutex_lock(&ts->table_lock);
	unhash(ts, ti);
	pthread_mutex_unlock(&ts->table_lock);
	ti->dead = true;
}

/*
 * Drops a reference. True: it is the last one, the caller still has it, and
 * nobody took one since @taken was what is there now; *taken is updated.
 */
static bool unref(struct toy_inode *ti, uint64_t *taken, bool *alone)
{
	struct toy_sbi *ts = toy_sbi(ti->zii.sbi);
	bool last;

	pthread_mutex_lock(&ts->table_lock);
	last = ti->refs == 1;
	*alone = last && ti->taken == *taken;
	*taken = ti->taken;
	if (!last)
		ti->refs--;
	if (*alone)
		unhash(ts, ti);
	pthread_mutex_unlock(&ts->table_lock);
	return last;
}

void toy_inode_put(struct toy_inode *ti)
{
	toy_inode_evict(&ti->zii, false);
}

/* 1: it has a name, 0: none, or -errno. */
static int has_links(struct toy_inode *ti)
{
	const struct toy_slot *slot;
	int err = toy_slot_read(toy_i_fs(ti), ti->zii.ino, &slot);

	return err ? err : slot->zi.i_nlink != 0;
}

/*
 * What must be done before an inode is forgotten. True: its slot tells all
 * there is to know, or is free.
 */
static bool inode_settle(struct toy_inode *ti)
{
	struct toy_fs *fs = toy_i_fs(ti);
	int err, links = toy_try(fs, has_links(ti));

	toy_grants_drop(fs, &ti->grants);
	if (links < 0 || fs->ro)
		return true;
	if (links || ti->orphan == TOY_NO_ORPHAN)
		return !toy_range_finish(ti, ZUFS_OP_NULL, NULL);
	err = toy_inode_free(ti);
	if (err) {
		toy_log(TOY_LOG_WARN, "toyfs: inode %lu is not freed: %d",
			(unsigned long)ti->zii.ino, err);
		return true;
	}
	inode_kill(ti);
	return true;
}

/*
 * A reference less, but the volatile inode stays: it knows what is still to
 * do. False: somebody took one since @taken.
 */
static bool forget(struct toy_inode *ti, uint64_t taken)
{
	struct toy_sbi *ts = toy_sbi(ti->zii.sbi);
	bool same;

	pthread_mutex_lock(&ts->table_lock);
	same = ti->taken == taken;
	if (same)
		ti->refs--;
	pthread_mutex_unlock(&ts->table_lock);
	return same;
}

/*
 * What the slot says counts, not @free_inode: an answer that was lost may have
 * left another one alive. Who takes a reference while the last one is settled
 * may change the inode: then it is settled again.
 */
void toy_inode_evict(struct zus_inode_info *zii, bool free_inode)
{
	struct toy_inode *ti = toy_i(zii);
	uint64_t taken = 0; /* the first reference made it 1 */
	bool alone, settled;

	(void)free_inode;
	while (unref(ti, &taken, &alone)) {
		if (alone) {
			inode_destroy(ti);
			return;
		}
		pthread_rwlock_wrlock(&ti->lock);
		settled = ti->dead || inode_settle(ti);
		pthread_rwlock_unlock(&ti->lock);
		if (!settled && forget(ti, taken))
			return;
	}
}

void toy_inodes_drop(struct toy_sbi *ts)
{
	struct toy_inode *ti, *next;

	for (unsigned int i = 0; i < TOY_TABLE_SIZE; i++) {
		for (ti = ts->table[i]; ti; ti = next) {
			next = ti->next;
			inode_destroy(ti);
		}
		ts->table[i] = NULL;
	}
}

void toy_fill_attr(struct toy_inode *ti, const struct toy_slot *slot,
		   struct zufs_attr *attr)
{
	attr->zi = slot->zi;
	attr->handle = (uintptr_t)&ti->zii;
	attr->btime = le64toh(slot->btime);
	attr->projid = le32toh(slot->map.projid);
	attr->flags = slot->zi.i_xattr ? 0 : ZUFS_ATTR_NO_XATTR;
}

static int attr_read(struct toy_inode *ti, struct zufs_attr *attr)
{
	const struct toy_slot *slot;
	int err = toy_slot_read(toy_i_fs(ti), ti->zii.ino, &slot);

	if (!err)
		toy_fill_attr(ti, slot, attr);
	return err;
}

int toy_attr_read(struct toy_inode *ti, struct zufs_attr *attr)
{
	return toy_try(toy_i_fs(ti), attr_read(ti, attr));
}

/* Under the inode's lock. */
static int inode_check(struct toy_inode *ti, uint64_t generation,
		       struct zufs_attr *attr)
{
	const struct toy_slot *slot;
	int err;

	if (ti->dead)
		return -ESTALE;
	err = toy_slot_read(toy_i_fs(ti), ti->zii.ino, &slot);
	if (err)
		return err == -ENOENT ? -ESTALE : err;
	if (le64toh(slot->zi.i_ino) != ti->zii.ino)
		return toy_corrupt(ti->zii.ino, "a slot with another number");
	if (generation && le64toh(slot->zi.i_generation) != generation)
		return -ESTALE;
	/* Only the ones that were open when their last name went. */
	if (!slot->zi.i_nlink && ti->orphan == TOY_NO_ORPHAN)
		return -ESTALE;
	ti->zii.generation = le64toh(slot->zi.i_generation);
	toy_fill_attr(ti, slot, attr);
	return 0;
}

int toy_inode_get(struct toy_sbi *ts, uint64_t ino, uint64_t generation,
		  struct zufs_attr *attr, struct toy_inode **tip)
{
	struct toy_inode *ti = toy_inode_ref(ts, ino);
	int err;

	if (!ti)
		return -ENOMEM;
	/* Alone: generation of the volatile inode is set. */
	pthread_rwlock_wrlock(&ti->lock);
	err = toy_try(&ts->fs, inode_check(ti, generation, attr));
	pthread_rwlock_unlock(&ti->lock);
	if (err) {
		toy_inode_put(ti);
		return err;
	}
	*tip = ti;
	return 0;
}

/* The volatile inode of a slot just taken, locked; one that dies is waited for. */
static struct toy_inode *inode_lock_new(struct toy_sbi *ts, uint64_t ino)
{
	struct toy_inode *ti;

	for (;;) {
		ti = toy_inode_ref(ts, ino);
		if (!ti)
			return NULL;
		pthread_rwlock_wrlock(&ti->lock);
		if (!ti->dead)
			return ti;
		pthread_rwlock_unlock(&ti->lock);
		toy_inode_put(ti);
	}
}

int toy_inode_new(struct toy_sbi *ts, struct toy_tx *tx, struct toy_inode **tip,
		  struct toy_slot **slot)
{
	uint64_t ino;
	int err = toy_slot_alloc(tx, &ino, slot);

	if (err)
		return err;
	*tip = inode_lock_new(ts, ino);
	if (!*tip)
		return -ENOMEM;
	(*tip)->zii.generation = le64toh((*slot)->zi.i_generation);
	return 0;
}

void toy_inode_born(struct toy_inode *ti, int err)
{
	if (err)
		ti->orphan = TOY_NO_ORPHAN;
	pthread_rwlock_unlock(&ti->lock);
	if (err)
		toy_inode_put(ti);
}

static int by_ino(const void *a, const void *b)
{
	const struct toy_inode *x = *(struct toy_inode *const *)a;
	const struct toy_inode *y = *(struct toy_inode *const *)b;

	return x->zii.ino < y->zii.ino ? -1 : x->zii.ino > y->zii.ino;
}

/* Sorted, each once; returns how many. */
static unsigned int sorted(struct toy_inode **ti, unsigned int nr,
			   struct toy_inode **out)
{
	unsigned int n = 0, i, j;

	for (i = 0; i < nr; i++) {
		for (j = 0; j < n && out[j] != ti[i]; j++)
			;
		if (ti[i] && j == n)
			out[n++] = ti[i];
	}
	qsort(out, n, sizeof(*out), by_ino);
	return n;
}

void toy_lock_all(struct toy_inode **ti, unsigned int nr)
{
	struct toy_inode *out[5];
	unsigned int n = sorted(ti, nr, out);

	for (unsigned int i = 0; i < n; i++)
		pthread_rwlock_wrlock(&out[i]->lock);
}

void toy_unlock_all(struct toy_inode **ti, unsigned int nr)
{
	struct toy_inode *out[5];
	unsigned int n = sorted(ti, nr, out);

	while (n--)
		pthread_rwlock_unlock(&out[n]->lock);
}
