// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Mount and umount on the plugin's side.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static bool root_is_given(const struct zus_sb_info *sbi,
			  const struct zufs_ioc_mount *zim)
{
	return sbi->z_root && sbi->z_root->op && sbi->z_root->ino &&
	       zim->blocksize_bits == ZUFS_BLOCK_SHIFT;
}

int zus_sb_mount(struct zus_mount *m, struct zus_fs_info *zfi,
		 const struct zus_md *md, uint64_t epoch,
		 struct zufs_ioc_mount *zim)
{
	struct zus_sb_info *sbi;
	int err = zus_handles_init(&m->handles);

	if (err)
		goto out_handles;
	sbi = zfi->op->sbi_alloc(zfi);
	if (!sbi) {
		err = -ENOMEM;
		goto out_handles;
	}
	sbi->zfi = zfi;
	sbi->md = *md;
	sbi->kern_sb_id = zim->sb_id;
	sbi->epoch = epoch;
	zim->options[sizeof(zim->options) - 1] = 0;
	err = zfi->op->sbi_init(sbi, zim);
	if (!err && !root_is_given(sbi, zim)) {
		zus_log(ZUS_ERR, "%s: the plugin gave no root",
			zfi->rfi.fsname);
		zfi->op->sbi_fini(sbi);
		err = -EIO;
	}
	if (err)
		goto out_sbi;
	m->sbi = sbi;
	m->sb_id = zim->sb_id;
	zim->sbi_handle = (uint64_t)(uintptr_t)sbi;
	zim->root.handle = (uint64_t)(uintptr_t)sbi->z_root;
	return 0;
out_sbi:
	zfi->op->sbi_free(sbi);
out_handles:
	zus_handles_fini(&m->handles);
	return err;
}

void zus_sb_umount(struct zus_mount *m)
{
	const struct zus_zfi_operations *op = m->sbi->zfi->op;

	zus_handles_fini(&m->handles);
	op->sbi_fini(m->sbi);
	op->sbi_free(m->sbi);
	m->sbi = NULL;
}

void zus_show_opt(struct zufs_ioc_mount_options *io, const char *fmt, ...)
{
	size_t room = sizeof(io->buf) - io->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(io->buf + io->len, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		io->buf[io->len] = 0; /* whole options only */
	else
		io->len += (uint32_t)n;
}
