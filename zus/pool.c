// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Pools: memory of a mounted filesystem for operations that are too large for
 * a ZT's buffer. The kernel fills it, makes it grow and says who uses it.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

static int pool_map(const struct zus_server *srv, struct zus_mount *m,
		    uint64_t sb_id, unsigned int no)
{
	struct zufs_ioc_alloc_buffer ab = { .sb_id = sb_id,
					    .max_size = ZUS_POOL_MAX,
					    .init_size = ZUS_POOL_INIT,
					    .pool_no = (uint16_t)no };
	int fd = zus_role_open(srv), err = 0;
	void *p;

	if (fd < 0)
		return fd;
	if (ioctl(fd, ZU_IOC_ALLOC_BUFFER, &ab)) {
		err = -errno;
	} else {
		p = mmap(NULL, ZUS_POOL_MAX, PROT_READ | PROT_WRITE, MAP_SHARED,
			 fd, 0);
		if (p == MAP_FAILED)
			err = -errno;
		else
			m->pool[no - 1] = p;
	}
	close(fd); /* the mapping keeps it */
	return err;
}

void zus_pools_map(const struct zus_server *srv, struct zus_mount *m,
		   uint64_t sb_id)
{
	/* So many large operations can run at once. */
	long nr = sysconf(_SC_NPROCESSORS_ONLN) + 1;
	int err = 0;

	if (nr > ZUFS_MAX_POOLS)
		nr = ZUFS_MAX_POOLS;
	for (unsigned int no = 1; !err && no <= nr; no++)
		err = pool_map(srv, m, sb_id, no);
	if (err)
		zus_log(ZUS_WARN,
			"memory for large operations: %s; those of mount %llu may fail (E2BIG)",
			strerror(-err), (unsigned long long)sb_id);
}

void zus_pools_unmap(struct zus_mount *m)
{
	for (unsigned int i = 0; i < ZUFS_MAX_POOLS; i++)
		if (m->pool[i])
			munmap(m->pool[i], ZUS_POOL_MAX);
}

struct zufs_ioc_hdr *zus_pool_op(const struct zus_mount *m,
				 const struct zufs_ioc_pool *p, size_t *size)
{
	uint64_t no = ZU_DPP_POOL(p->at), off = ZU_DPP_OFFSET(p->at);

	if (!no || no > ZUFS_MAX_POOLS || !m->pool[no - 1] ||
	    off > ZUS_POOL_MAX - sizeof(struct zufs_ioc_hdr))
		return NULL;
	*size = ZUS_POOL_MAX - off;
	return (void *)((char *)m->pool[no - 1] + off);
}
