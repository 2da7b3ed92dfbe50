/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Room: how many of the free blocks may be taken, and by whom.
 *
 * Locks: toy_fs.room_lock protects what is claimed and promised, and is taken
 * before toy_ag.lock. Who holds a claim waits for nothing but that.
 */
#include <errno.h>

#include "tx.h"

static int kept_now(const struct toy_fs *fs, enum toy_keep keep, uint64_t *n)
{
	const struct toy_state *st = pm_at(fs, TOY_STATE_BN * TOY_BLOCK);
	uint64_t blocks = le64toh(st->itable_blocks);

	if (blocks > fs->blocks)
		blocks = fs->blocks;
	/* One more for the rest, one for what the inode file grows by now. */
	*n = blocks * TOY_SLOTS_PER_BLOCK / TOY_ORPH_ENTRIES + 2;
	if (keep != TOY_KEEP_ORPHANS)
		*n += TOY_SPARE;
	return 0;
}

static int kept(struct toy_fs *fs, enum toy_keep keep, uint64_t *n)
{
	return toy_try(fs, kept_now(fs, keep, n));
}

int toy_kept(struct toy_fs *fs, uint64_t *blocks)
{
	return kept(fs, TOY_KEEP_ALL, blocks);
}

/*
 * Waits for room for @want blocks, or @least of them if there is no more.
 * *room: for how many, which may be negative. AGs are counted as far as there is
 * no room without them; a bad one has none. Who finds that others look for the
 * rest waits for what they leave. Under the lock.
 */
static int find_room(struct toy_fs *fs, enum toy_keep keep, uint64_t want,
		     uint64_t least, int64_t *room)
{
	bool bad = false;
	uint64_t keeps;
	int err;

	for (;;) {
		err = kept(fs, keep, &keeps);
		if (err)
			break;
		*room = atomic_load(&fs->free_blocks) -
			(int64_t)(fs->claimed + fs->promised + keeps);
		if (*room >= (int64_t)want)
			break;
		if (fs->ags_asked < fs->ag_count)
			bad |= toy_ag_count(fs, fs->ags_asked++) == -EIO;
		else if (*room < (int64_t)least && fs->claimed)
			pthread_cond_wait(&fs->room_cond, &fs->room_lock);
		else
			break;
	}
	if (!err && *room < (int64_t)least)
		err = bad ? -EIO : -ENOSPC;
	if (bad)
		fs->ags_asked = 0; /* it may be mended */
	return err;
}

int toy_claim(struct toy_fs *fs, enum toy_keep keep, uint32_t want,
	      uint32_t *may)
{
	int64_t room = 0;
	int err;

	pthread_mutex_lock(&fs->room_lock);
	err = find_room(fs, keep, want, 1, &room);
	if (!err) {
		*may = room > want ? want : (uint32_t)room;
		fs->claimed += *may;
	}
	pthread_mutex_unlock(&fs->room_lock);
	return err;
}

static void change(struct toy_fs *fs, int64_t claimed, int64_t promised)
{
	pthread_mutex_lock(&fs->room_lock);
	fs->claimed += (uint64_t)claimed;
	fs->promised += (uint64_t)promised;
	pthread_cond_broadcast(&fs->room_cond);
	pthread_mutex_unlock(&fs->room_lock);
}

void toy_unclaim(struct toy_fs *fs, uint32_t n)
{
	change(fs, -(int64_t)n, 0);
}

/* Whoever waits for a claim never sees that neither has the blocks, or both. */
void toy_claim_promised(struct toy_fs *fs, uint32_t n)
{
	change(fs, n, -(int64_t)n);
}

void toy_unclaim_promised(struct toy_fs *fs, uint32_t n, uint32_t taken)
{
	change(fs, -(int64_t)n, (int64_t)n - taken);
}

int toy_promise(struct toy_fs *fs, uint64_t want)
{
	int64_t room = 0;
	int err;

	if (want > fs->blocks)
		return -ENOSPC;
	pthread_mutex_lock(&fs->room_lock);
	err = find_room(fs, TOY_KEEP_ALL, want, want, &room);
	if (!err)
		fs->promised += want;
	pthread_mutex_unlock(&fs->room_lock);
	return err;
}

void toy_unpromise(struct toy_fs *fs, uint64_t n)
{
	change(fs, 0, -(int64_t)n);
}
