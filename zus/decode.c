// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * From an operation in a buffer to a callback of the plugin and back.
 */
#include <errno.h>
#include <string.h>

#include "decode.h"

#define MAX_ERRNO 4095 /* what the kernel takes for an errno */

struct op_desc {
	int (*run)(struct call *c);
	uint32_t size; /* of the fixed part: IN must cover up to @in */
	uint32_t in;   /* offset of the first OUT field */
};

static __thread struct {
	unsigned int channel;
	const struct zufs_ioc_hdr *hdr;
	const uint16_t *flags;
} current;

void zus_thread_set(unsigned int channel, const struct zufs_ioc_hdr *hdr,
		    const uint16_t *flags)
{
	current.channel = channel;
	current.hdr = hdr;
	current.flags = flags;
}

unsigned int zus_current_channel(void)
{
	return current.channel;
}

uint64_t zus_current_unique(void)
{
	return current.hdr ? current.hdr->unique : 0;
}

bool zus_zt_signal_pending(void)
{
	return current.flags &&
	       __atomic_load_n(current.flags, __ATOMIC_RELAXED) & ZUFS_H_INTR;
}

/* ---- inodes ---- */

int zus_give_inode(struct call *c, struct zus_inode_info *zii,
		   struct zufs_attr *attr)
{
	int err;

	if (!zii)
		return -EIO;
	err = zus_handle_add(&c->m->handles, zii);
	if (err)
		zii->op->evict(zii, false);
	attr_handle(attr, zii);
	return err;
}

/* True: it is known, and in use by the call from now on. */
static bool use_inode(struct call *c, const struct zufs_iref *ref,
		      struct zus_inode_info **zii)
{
	*zii = zus_handle_get(&c->m->handles, ref, &c->used[c->nr_used]);
	if (*zii)
		c->nr_used++;
	return *zii;
}

int zus_find_inode(struct call *c, const struct zufs_iref *ref,
		   struct zus_inode_info **zii)
{
	struct zus_sb_info *sbi = c->m->sbi;
	struct zufs_attr attr;
	int err;

	if (!ref->ino)
		return -EINVAL;
	if (zus_is_root(sbi, ref)) {
		*zii = sbi->z_root;
		return 0;
	}
	if (use_inode(c, ref, zii))
		return 0;
	if (!sbi->op->iget)
		return -ESTALE;
	err = sbi->op->iget(sbi, ref->ino, ref->generation, &attr, zii);
	if (!err)
		err = zus_give_inode(c, *zii, &attr);
	if (err)
		return err;
	return use_inode(c, ref, zii) ? 0 : -ESTALE;
}

void zus_done_inodes(struct call *c)
{
	while (c->nr_used)
		zus_handle_put(&c->m->handles, c->used[--c->nr_used]);
}

/* ---- the table ---- */

#define OP(fn, type, first_out)                                           \
	{                                                                 \
		fn, sizeof(struct type), offsetof(struct type, first_out) \
	}
#define OP_IN(fn, type)                                      \
	{                                                    \
		fn, sizeof(struct type), sizeof(struct type) \
	}

static const struct op_desc ops[ZUFS_OP_MAX_OPT] = {
	[ZUFS_OP_STATFS] = OP(zus_op_statfs, zufs_ioc_statfs, blocks),
	[ZUFS_OP_SHOW_OPTIONS] =
		OP(zus_op_show_options, zufs_ioc_mount_options, len),
	[ZUFS_OP_NEW_INODE] = OP(zus_op_new_inode, zufs_ioc_new_inode, attr),
	[ZUFS_OP_FREE_INODE] = OP_IN(zus_op_free, zufs_ioc_op),
	[ZUFS_OP_EVICT_INODE] = OP_IN(zus_op_evict, zufs_ioc_op),
	[ZUFS_OP_LOOKUP] = OP(zus_op_lookup, zufs_ioc_lookup, attr),
	[ZUFS_OP_IGET] = OP(zus_op_iget, zufs_ioc_lookup, str),
	[ZUFS_OP_ADD_DENTRY] = OP(zus_op_add_dentry, zufs_ioc_dentry, attr),
	[ZUFS_OP_REMOVE_DENTRY] =
		OP(zus_op_remove_dentry, zufs_ioc_dentry, attr),
	[ZUFS_OP_RENAME] = OP(zus_op_rename, zufs_ioc_rename, old_dir_attr),
	[ZUFS_OP_READDIR] = OP(zus_op_readdir, zufs_ioc_readdir, more),
	[ZUFS_OP_CLONE] = OP(zus_op_clone, zufs_ioc_clone, done),
	[ZUFS_OP_COPY] = OP(zus_op_clone, zufs_ioc_clone, done),
	[ZUFS_OP_READ] = OP(zus_op_read, zufs_ioc_IO, attr),
	[ZUFS_OP_PRE_READ] = OP(zus_op_pre_read, zufs_ioc_IO, attr),
	[ZUFS_OP_WRITE] = OP(zus_op_write, zufs_ioc_IO, attr),
	[ZUFS_OP_MMAP_CLOSE] = OP(zus_op_mmap_close, zufs_ioc_IO, attr),
	[ZUFS_OP_GET_SYMLINK] =
		OP(zus_op_get_symlink, zufs_ioc_get_symlink, len),
	[ZUFS_OP_SETATTR] = OP(zus_op_setattr, zufs_ioc_attr, attr),
	[ZUFS_OP_SYNC] = OP_IN(zus_op_sync, zufs_ioc_sync),
	[ZUFS_OP_FALLOCATE] = OP(zus_op_fallocate, zufs_ioc_IO, attr),
	[ZUFS_OP_LLSEEK] = OP(zus_op_seek, zufs_ioc_seek, offset_out),
	[ZUFS_OP_IOCTL] = OP(zus_op_ioctl, zufs_ioc_ioctl, arg),
	[ZUFS_OP_XATTR_GET] = OP_IN(zus_op_xattr_get, zufs_ioc_xattr),
	[ZUFS_OP_XATTR_SET] = OP_IN(zus_op_xattr_set, zufs_ioc_xattr),
	[ZUFS_OP_XATTR_LIST] = OP(zus_op_xattr_list, zufs_ioc_xattr, attr),
	[ZUFS_OP_FIEMAP] = OP(zus_op_fiemap, zufs_ioc_fiemap, extents_mapped),
	[ZUFS_OP_GET_MULTY] = OP(zus_op_get_multy, zufs_ioc_get_multy, n),
	[ZUFS_OP_COMMIT_WRITE] =
		OP(zus_op_commit_write, zufs_ioc_commit, n_grant),
	[ZUFS_OP_GRANT] = OP(zus_op_grant, zufs_ioc_grant, n),
	[ZUFS_OP_GRANT_PUT] = OP(zus_op_grant_put, zufs_ioc_grant, ext),
};

static int decode(struct call *c)
{
	struct zufs_ioc_hdr *hdr = &c->op->hdr;
	const struct op_desc *d;

	if (hdr->operation >= ZUFS_OP_MAX_OPT || !ops[hdr->operation].run)
		return -EOPNOTSUPP;
	d = &ops[hdr->operation];
	if (c->size < d->size || hdr->in_len < d->in || hdr->in_len > c->size)
		return -EINVAL;
	if (hdr->out_start > c->size || hdr->out_max > c->size - hdr->out_start)
		return -EINVAL;
	/* No bytes of an operation before this one are answered. */
	if (hdr->in_len < d->size)
		memset((char *)hdr + hdr->in_len, 0, d->size - hdr->in_len);
	c->out_end = d->size;
	return d->run(c);
}

void zus_decode(struct zus_mount *m, struct zufs_ioc_hdr *hdr, size_t size,
		void *window)
{
	struct call c = {
		.m = m,
		.op = (void *)hdr,
		.size = size,
		.window = window,
	};
	int err = size < sizeof(*c.op) ? -EINVAL : decode(&c);
	uint32_t end = hdr->out_start + hdr->out_max;

	zus_done_inodes(&c);
	if (err == -EZUFS_RETRY && hdr->out_len > hdr->out_max) {
		hdr->err = err;
		return;
	}
	hdr->out_len = 0;
	if (c.out_end > end)
		c.out_end = end;
	if (c.out_end > hdr->out_start)
		hdr->out_len = c.out_end - hdr->out_start;
	if (err > 0 || err < -MAX_ERRNO || err == -EZUFS_RETRY)
		err = -EIO;
	hdr->err = err;
	zus_dbg("operation %u, inode %llu: %d", hdr->operation,
		(unsigned long long)(size < sizeof(*c.op) ? 0 : c.op->ii.ino),
		hdr->err);
}

/* ---- helpers of plugins ---- */

uint32_t zus_op_room(const struct zufs_ioc_hdr *hdr)
{
	if (hdr->operation >= ZUFS_OP_MAX_OPT)
		return 0;
	return room_behind(hdr, ops[hdr->operation].size);
}

int zus_op_retry(struct zufs_ioc_hdr *hdr, uint32_t bytes)
{
	uint64_t end = (uint64_t)ops[hdr->operation].size + bytes;

	hdr->out_len = (uint32_t)(end - hdr->out_start);
	return -EZUFS_RETRY;
}
