// SPDX-License-Identifier: GPL-2.0
/*
 * What the server has mounted, each by its plugin in-process. What the victim's
 * stores is in memory of the server's own, so that one round can't spoil the next.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hostile.h"

struct volume volumes[VOLUMES];

/* An umount waits for the answers under way. */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;

/* ---- types ---- */

static void load(const char *plugin)
{
	const char *why = "?";

	if (!zus_load_plugin(plugin, &why))
		return;
	fprintf(stderr, "%s\n", why);
	_exit(1);
}

void volumes_load(void)
{
	load(opt.memfs);
	if (strcmp(opt.memfs, opt.plugin))
		load(opt.plugin);
	volumes[VICTIM].zfi = zus_find_fs(opt.type);
	volumes[BESIDE].zfi = zus_find_fs("memfs");
	volumes[BESIDE].honest = true;
	if (!volumes[VICTIM].zfi || !volumes[BESIDE].zfi) {
		fprintf(stderr, "%s or memfs isn't there\n", opt.type);
		_exit(1);
	}
}

/* ---- mounts ---- */

static void *fresh_memory(void)
{
	char *p = mmap(NULL, opt.bytes + ZUFS_ALLOC_SIZE,
		       PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	if (p == MAP_FAILED)
		broken("memory");
	p += -(uintptr_t)p & ZUFS_ALLOC_MASK;
	memcpy(p, opt.image, opt.bytes);
	return p;
}

/* The mapping keeps the pool. The vandal may have been here first: none, then. */
static void *pool_new(uint64_t sb_id, unsigned int no)
{
	struct zufs_ioc_alloc_buffer ab = { .sb_id = sb_id,
					    .max_size = POOL_SIZE,
					    .pool_no = (uint16_t)no };
	int fd = role_file();
	void *p = MAP_FAILED;

	if (fd >= 0 && !ioctl(fd, ZU_IOC_ALLOC_BUFFER, &ab))
		p = mmap(NULL, POOL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

void volume_mount(struct volume *v, struct zufs_ioc_mount *zim)
{
	bool on_image = !v->honest && opt.image;
	struct zufs_ioc_mount own = *zim;

	pthread_rwlock_wrlock(&lock);
	if (v->zl)
		own.hdr.err = -EBUSY;
	else
		own.hdr.err = zus_local_mount(v->zfi,
					      on_image ? fresh_memory() : NULL,
					      on_image ? opt.bytes : 0, &own,
					      &v->zl);
	if (!own.hdr.err) {
		v->sb_id = zim->sb_id;
		for (unsigned int i = 0; i < POOLS; i++)
			v->pool[i] = pool_new(v->sb_id, i + 1);
	}
	pthread_rwlock_unlock(&lock);
	own.sb_id = zim->sb_id;
	*zim = own;
}

void volume_umount(struct volume *v)
{
	pthread_rwlock_wrlock(&lock);
	if (v->zl) {
		zus_local_umount(v->zl);
		v->zl = NULL;
		v->sb_id = 0;
		for (unsigned int i = 0; i < POOLS; i++)
			if (v->pool[i])
				munmap(v->pool[i], POOL_SIZE);
	}
	pthread_rwlock_unlock(&lock);
}

/* ---- operations ---- */

static struct volume *volume_of(uint64_t sb_id)
{
	for (int i = 0; i < VOLUMES; i++)
		if (volumes[i].zl && volumes[i].sb_id == sb_id)
			return &volumes[i];
	return NULL;
}

bool volume_answer(struct zufs_ioc_hdr *hdr, void *window)
{
	struct zufs_ioc_op *op = (void *)hdr;
	struct volume *v;
	bool victim;

	pthread_rwlock_rdlock(&lock);
	v = volume_of(op->sb_id);
	victim = !v || !v->honest;
	op->sb_id = 0; /* in-process it has another one */
	if (v)
		zus_local_op(v->zl, hdr, window);
	else
		hdr->err = -EIO;
	pthread_rwlock_unlock(&lock);
	return victim;
}

struct zufs_ioc_hdr *volume_pool(const struct zufs_ioc_pool *p)
{
	uint64_t no = ZU_DPP_POOL(p->at);
	struct volume *v;
	void *at = NULL;

	pthread_rwlock_rdlock(&lock);
	v = volume_of(p->sb_id);
	if (v && no && no <= POOLS)
		at = v->pool[no - 1];
	pthread_rwlock_unlock(&lock);
	return at;
}
