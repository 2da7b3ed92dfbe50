/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * The only file that stores to pmem, flushes and fences.
 */
#include <libpmem.h>

#include "tx.h"

void (*pm_fence_hook)(struct toy_fs *fs);

/* This thread stored something that it hasn't fenced. */
static __thread bool unfenced;

void pm_write(struct toy_fs *fs, uint64_t off, const void *src, uint64_t len)
{
	pmem_memcpy(fs->base + off, src, len, PMEM_F_MEM_NODRAIN);
	unfenced = true;
}

void pm_write_lazy(struct toy_fs *fs, uint64_t off, const void *src,
		   uint64_t len)
{
	pmem_memcpy(fs->base + off, src, len, PMEM_F_MEM_NODRAIN);
}

void pm_zero(struct toy_fs *fs, uint64_t off, uint64_t len)
{
	pmem_memset(fs->base + off, 0, len, PMEM_F_MEM_NODRAIN);
	unfenced = true;
}

void pm_fence(struct toy_fs *fs)
{
	pmem_drain();
	unfenced = false;
	if (pm_fence_hook)
		pm_fence_hook(fs);
}

void pm_fence_pending(struct toy_fs *fs)
{
	if (unfenced)
		pm_fence(fs);
}
