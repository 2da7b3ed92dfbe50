// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * The inodes that the kernel knows: hash tables by inode number. A handle from
 * the wire is compared, never dereferenced. The kernel may end an inode whose
 * callback still runs, for a caller that was killed; so the end waits.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

struct zus_handle {
	struct zus_handle *next;
	struct zus_inode_info *zii;
	unsigned int refs; /* that the kernel holds */
	unsigned int uses; /* callbacks that run */
};

static uint64_t mix(uint64_t ino)
{
	return ino * 0x9e3779b97f4a7c15ULL;
}

static struct zus_handle_shard *shard_of(struct zus_handles *hs, uint64_t ino)
{
	return &hs->shard[mix(ino) >> 58];
}

/* Where the handle of @ino is, or would be. */
static struct zus_handle **slot_of(struct zus_handle_shard *s, uint64_t ino)
{
	struct zus_handle **p = &s->bucket[(mix(ino) >> 20) & (s->size - 1)];

	while (*p && (*p)->zii->ino != ino)
		p = &(*p)->next;
	return p;
}

int zus_handles_init(struct zus_handles *hs)
{
	for (unsigned int i = 0; i < ZUS_HANDLE_SHARDS; i++) {
		struct zus_handle_shard *s = &hs->shard[i];

		pthread_mutex_init(&s->lock, NULL);
		pthread_cond_init(&s->unused, NULL);
		s->nr = 0;
		s->size = 16;
		s->bucket = calloc(s->size, sizeof(*s->bucket));
		if (!s->bucket)
			return -ENOMEM;
	}
	return 0;
}

static void evict_all(struct zus_handle *h)
{
	while (h->refs--)
		h->zii->op->evict(h->zii, false);
	free(h);
}

void zus_handles_fini(struct zus_handles *hs)
{
	for (unsigned int i = 0; i < ZUS_HANDLE_SHARDS; i++) {
		struct zus_handle_shard *s = &hs->shard[i];

		for (unsigned int b = 0; s->bucket && b < s->size; b++)
			while (s->bucket[b]) {
				struct zus_handle *h = s->bucket[b];

				s->bucket[b] = h->next;
				evict_all(h);
			}
		free(s->bucket);
		s->bucket = NULL;
	}
}

/* Under the shard's lock. Staying small is no error. */
static void shard_grow(struct zus_handle_shard *s)
{
	struct zus_handle **old = s->bucket;
	unsigned int size = s->size;
	struct zus_handle **b = calloc(size * 2, sizeof(*b));

	if (!b)
		return;
	s->bucket = b;
	s->size = size * 2;
	for (unsigned int i = 0; i < size; i++)
		while (old[i]) {
			struct zus_handle *h = old[i], **p;

			old[i] = h->next;
			p = slot_of(s, h->zii->ino);
			h->next = NULL;
			*p = h;
		}
	free(old);
}

int zus_handle_add(struct zus_handles *hs, struct zus_inode_info *zii)
{
	struct zus_handle_shard *s = shard_of(hs, zii->ino);
	struct zus_handle **p;
	int err = 0;

	pthread_mutex_lock(&s->lock);
	p = slot_of(s, zii->ino);
	if (!*p) {
		*p = calloc(1, sizeof(**p));
		if (*p) {
			(*p)->zii = zii;
			s->nr++;
		} else {
			err = -ENOMEM;
		}
	} else if ((*p)->zii != zii) {
		zus_log(ZUS_ERR,
			"inode %llu: the plugin gave a second object of it",
			(unsigned long long)zii->ino);
		err = -EIO;
	}
	if (!err)
		(*p)->refs++;
	if (s->nr > s->size)
		shard_grow(s);
	pthread_mutex_unlock(&s->lock);
	return err;
}

static bool is_named(const struct zus_handle *h, const struct zufs_iref *ref)
{
	return h && (!ref->generation || h->zii->generation == ref->generation);
}

struct zus_inode_info *zus_handle_get(struct zus_handles *hs,
				      const struct zufs_iref *ref,
				      struct zus_handle **used)
{
	struct zus_handle_shard *s = shard_of(hs, ref->ino);
	struct zus_inode_info *zii = NULL;
	struct zus_handle *h;

	pthread_mutex_lock(&s->lock);
	h = *slot_of(s, ref->ino);
	if (is_named(h, ref)) {
		zii = h->zii;
		h->uses++;
		*used = h;
	}
	pthread_mutex_unlock(&s->lock);
	return zii;
}

void zus_handle_put(struct zus_handles *hs, struct zus_handle *used)
{
	struct zus_handle_shard *s = shard_of(hs, used->zii->ino);

	pthread_mutex_lock(&s->lock);
	if (!--used->uses)
		pthread_cond_broadcast(&s->unused);
	pthread_mutex_unlock(&s->lock);
}

/* Nobody finds it any more, and who found it is done. Under the shard's lock. */
static void remove_handle(struct zus_handle_shard *s, struct zus_handle **p)
{
	struct zus_handle *h = *p;

	*p = h->next;
	s->nr--;
	while (h->uses)
		pthread_cond_wait(&s->unused, &s->lock);
	free(h);
}

struct zus_inode_info *zus_handle_del(struct zus_handles *hs,
				      const struct zufs_iref *ref,
				      unsigned int *nr)
{
	struct zus_handle_shard *s = shard_of(hs, ref->ino);
	struct zus_inode_info *zii = NULL;
	struct zus_handle **p, *h;

	pthread_mutex_lock(&s->lock);
	p = slot_of(s, ref->ino);
	h = *p;
	if (is_named(h, ref)) {
		zii = h->zii;
		*nr = h->refs;
		remove_handle(s, p);
	}
	pthread_mutex_unlock(&s->lock);
	return zii;
}
