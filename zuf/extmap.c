// SPDX-License-Identifier: GPL-2.0
/*
 * The extent cache of an inode: a sorted array without overlaps.
 */
#include <linux/slab.h>

#include "fs.h"

#define EXTMAP_MAX 65536U /* extents; more begin anew */

void zuf_extmap_init(struct zuf_extmap *map)
{
	rwlock_init(&map->lock);
	map->nr = 0;
	map->max = 0;
	map->gen = (struct zuf_map_gen){};
	map->ext = NULL;
}

/* The first extent that ends behind @lblk; map->lock is held. */
static unsigned int find(const struct zuf_extmap *map, u64 lblk)
{
	unsigned int lo = 0, hi = map->nr;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (map->ext[mid].lblk + map->ext[mid].len <= lblk)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int zuf_extmap_get(struct zuf_extmap *map, u64 lblk, struct zufs_extent *ext)
{
	unsigned int i;
	int err = -ENOENT;

	read_lock(&map->lock);
	i = find(map, lblk);
	if (i < map->nr && map->ext[i].lblk <= lblk) {
		*ext = map->ext[i];
		err = 0;
	}
	read_unlock(&map->lock);
	return err;
}

struct zuf_map_gen zuf_extmap_gen(struct zuf_extmap *map)
{
	struct zuf_map_gen gen;

	read_lock(&map->lock);
	gen = map->gen;
	read_unlock(&map->lock);
	return gen;
}

void zuf_extmap_drop(struct zuf_extmap *map)
{
	struct zufs_extent *old;

	write_lock(&map->lock);
	old = map->ext;
	map->ext = NULL;
	map->nr = 0;
	map->max = 0;
	map->gen.drops++;
	write_unlock(&map->lock);
	kvfree(old);
}

/* Room for @n more, with the lock dropped meanwhile. False: no memory. */
static bool reserve(struct zuf_extmap *map, unsigned int n)
{
	struct zufs_extent *bigger, *old = NULL;
	unsigned int max;

	read_lock(&map->lock);
	max = map->max >= map->nr + n ? 0 : (map->nr + n) * 2;
	read_unlock(&map->lock);
	if (!max)
		return true;
	bigger = kvmalloc_array(max, sizeof(*bigger), GFP_NOFS);
	if (!bigger)
		return false;
	write_lock(&map->lock);
	if (map->max < max) {
		memcpy(bigger, map->ext, map->nr * sizeof(*bigger));
		old = map->ext;
		map->ext = bigger;
		map->max = max;
		bigger = old;
	}
	write_unlock(&map->lock);
	kvfree(bigger);
	return true;
}

/* Continues the one before it, on media as in the file. */
static bool follows(const struct zufs_extent *a, const struct zufs_extent *b)
{
	if (a->lblk + a->len != b->lblk || a->len + (u64)b->len > U32_MAX ||
	    (a->flags ^ b->flags) & ZUFS_EXT_HOLE)
		return false;
	return a->flags & ZUFS_EXT_HOLE || a->pblk + a->len == b->pblk;
}

/* Two more places are free. map->lock is held. */
static void put_one(struct zuf_extmap *map, struct zufs_extent e)
{
	unsigned int i = find(map, e.lblk), last;

	e.flags &= ZUFS_EXT_HOLE;
	/* What the new one covers goes; it is the younger truth. */
	if (i < map->nr && map->ext[i].lblk < e.lblk) {
		struct zufs_extent tail = map->ext[i];
		u32 cut = e.lblk - tail.lblk;

		map->ext[i].len = cut;
		i++;
		if (tail.len - cut > e.len) {
			memmove(&map->ext[i + 1], &map->ext[i],
				(map->nr - i) * sizeof(e));
			map->nr++;
			tail.lblk += cut;
			tail.len -= cut;
			if (!(tail.flags & ZUFS_EXT_HOLE))
				tail.pblk += cut;
			map->ext[i] = tail;
		}
	}
	for (last = i;
	     last < map->nr &&
	     map->ext[last].lblk + map->ext[last].len <= e.lblk + e.len;
	     last++)
		;
	if (last < map->nr && map->ext[last].lblk < e.lblk + e.len) {
		u32 cut = e.lblk + e.len - map->ext[last].lblk;

		map->ext[last].lblk += cut;
		map->ext[last].len -= cut;
		if (!(map->ext[last].flags & ZUFS_EXT_HOLE))
			map->ext[last].pblk += cut;
	}
	if (i && follows(&map->ext[i - 1], &e)) {
		map->ext[i - 1].len += e.len;
		memmove(&map->ext[i], &map->ext[last],
			(map->nr - last) * sizeof(e));
		map->nr -= last - i;
		return;
	}
	memmove(&map->ext[i + 1], &map->ext[last],
		(map->nr - last) * sizeof(e));
	map->nr = map->nr - last + i + 1;
	map->ext[i] = e;
}

/* Takes map->lock, with room for @n extents more. */
static int lock_with_room(struct zuf_extmap *map, unsigned int n)
{
	for (;;) {
		if (!reserve(map, n))
			return -ENOMEM;
		write_lock(&map->lock);
		if (map->nr + n > EXTMAP_MAX)
			map->nr = 0;
		if (map->nr + n <= map->max) {
			__release(&map->lock); /* sparse: the caller's */
			return 0;
		}
		write_unlock(&map->lock);
	}
}

int zuf_extmap_put(struct zuf_extmap *map, struct zuf_map_gen gen,
		   const struct zufs_extent *ext, unsigned int n, bool changed)
{
	int err = lock_with_room(map, 2 * n + 2);
	unsigned int i;

	if (!err) {
		/* A hole of an answer may have been filled by another since. */
		bool fresh = map->gen.fills == gen.fills;

		__acquire(&map->lock);
		if (map->gen.drops != gen.drops)
			err = 1;
		for (i = 0; !err && i < n; i++)
			if (fresh || !(ext[i].flags & ZUFS_EXT_HOLE))
				put_one(map, ext[i]);
		map->gen.fills += changed;
		write_unlock(&map->lock);
	}
	/* What is cached may be a hole where blocks are now. */
	if (err && changed)
		zuf_extmap_drop(map);
	return err;
}
