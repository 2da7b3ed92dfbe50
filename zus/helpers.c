// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * What plugins would all write the same way.
 */
#include <string.h>

#include "zus.h"

bool zus_str_is(const struct zufs_str *str, const char *name)
{
	return strlen(name) == str->len && !memcmp(str->name, name, str->len);
}

static void set_mode(struct zus_inode *zi, uint16_t mode)
{
	uint16_t type = le16toh(zi->i_mode) & 0170000;

	zi->i_mode = htole16(type | (mode & 07777));
}

void zus_set_attr(struct zus_inode *zi, const struct zufs_ioc_attr *io)
{
	const struct zus_inode *from = &io->zi;

	if (io->valid & ZUFS_STATX_MODE)
		set_mode(zi, le16toh(from->i_mode));
	if (io->valid & ZUFS_STATX_UID)
		zi->i_uid = from->i_uid;
	if (io->valid & ZUFS_STATX_GID)
		zi->i_gid = from->i_gid;
	if (io->valid & ZUFS_STATX_FLAGS)
		zi->i_flags = from->i_flags;
	if (io->valid & ZUFS_STATX_VERSION)
		zi->i_version = from->i_version;
	if (io->valid & ZUFS_STATX_ATIME)
		zi->i_atime = from->i_atime;
	if (io->valid & ZUFS_STATX_MTIME)
		zi->i_mtime = from->i_mtime;
	else if (io->valid & ZUFS_STATX_SIZE)
		zi->i_mtime = htole64(io->op.time);
	zi->i_ctime = htole64(io->op.time);
}

void zus_set_times(struct zus_inode *zi, const struct zufs_ioc_sync *io)
{
	if (io->valid & ZUFS_STATX_ATIME)
		zi->i_atime = htole64(io->atime);
	if (io->valid & ZUFS_STATX_MTIME)
		zi->i_mtime = htole64(io->mtime);
	if (io->valid & ZUFS_STATX_CTIME)
		zi->i_ctime = htole64(io->ctime);
}
