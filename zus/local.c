// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * The in-process transport: a plugin over memory, without a kernel.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct zus_local {
	struct zus_mount m;
};

/* One device of @bytes at @addr; none for a type without a device. */
static int make_md(const struct zus_fs_info *zfi, void *addr, uint64_t bytes,
		   struct zus_md *md)
{
	if (zfi->rfi.flags & ZUFS_RFI_NODEV)
		return addr || bytes ? -EINVAL : 0;
	if (!bytes || (bytes | (uintptr_t)addr) & ZUFS_ALLOC_MASK)
		return -EINVAL;
	md->addr = addr;
	md->bytes = bytes;
	md->dev_count = 1;
	md->dev[0].blocks = bytes >> ZUFS_BLOCK_SHIFT;
	md->dev[0].numa_node = -1;
	return 0;
}

int zus_local_mount(struct zus_fs_info *zfi, void *addr, uint64_t bytes,
		    struct zufs_ioc_mount *zim, struct zus_local **zlp)
{
	struct zus_md md = { .fd = -1 };
	struct zus_local *zl;
	int err = make_md(zfi, addr, bytes, &md);

	if (err)
		return err;
	zl = calloc(1, sizeof(*zl));
	if (!zl)
		return -ENOMEM;
	zim->sb_id = 1;
	zim->t1_blocks = bytes >> ZUFS_BLOCK_SHIFT;
	zim->options_len =
		(uint32_t)strnlen(zim->options, sizeof(zim->options) - 1);
	err = zus_sb_mount(&zl->m, zfi, &md, 1, zim);
	if (err)
		free(zl);
	else
		*zlp = zl;
	return err;
}

int zus_local_op(struct zus_local *zl, struct zufs_ioc_hdr *hdr, void *window)
{
	size_t end = (size_t)hdr->out_start + hdr->out_max;
	size_t size = hdr->in_len > end ? hdr->in_len : end;
	const struct zufs_ioc_op *op = (void *)hdr;

	if (hdr->in_len >= sizeof(*op) && op->sb_id &&
	    op->sb_id != zl->m.sb_id) {
		hdr->out_len = 0;
		hdr->err = -ESTALE;
		return hdr->err;
	}
	zus_thread_set(zus_current_channel(), hdr, &hdr->flags);
	zus_decode(&zl->m, hdr, size, window);
	zus_thread_set(zus_current_channel(), NULL, NULL);
	return hdr->err;
}

int zus_local_umount(struct zus_local *zl)
{
	zus_sb_umount(&zl->m);
	free(zl);
	return 0;
}

void zus_local_channel(unsigned int channel)
{
	zus_thread_set(channel, NULL, NULL);
}
