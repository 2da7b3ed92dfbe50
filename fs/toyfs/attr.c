// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Attributes, sizes, symlink texts, and those of the filesystem.
 */
#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>

#include "plugin.h"

static void set_plain(struct toy_slot *slot, const struct zufs_ioc_attr *io)
{
	zus_set_attr(&slot->zi, io);
	if (io->valid & ZUFS_STATX_PROJID)
		slot->map.projid = htole32(io->projid);
}

static int set_size(struct toy_fs *fs, struct toy_tx *tx, struct toy_slot *slot,
		    const struct zufs_ioc_attr *io, uint64_t *cut)
{
	uint64_t old = le64toh(slot->zi.i_size), size = le64toh(io->zi.i_size);

	if (!toy_is_reg(slot))
		return -EINVAL;
	slot->zi.i_size = io->zi.i_size;
	/* Also with the same size: blocks may be mapped behind it. */
	if (size > old)
		return 0;
	return toy_cut(fs, tx, slot,
		       (size + ZUFS_BLOCK_SIZE - 1) >> ZUFS_BLOCK_SHIFT,
		       UINT64_MAX, cut);
}

static int setattr_parts(struct toy_inode *ti, struct toy_tx *tx,
			 struct zufs_ioc_attr *io, uint64_t *cut)
{
	struct toy_slot *slot;
	int err = toy_slot_get(tx, ti->zii.ino, &slot);

	if (!err && io->valid & ZUFS_STATX_SIZE)
		err = set_size(toy_i_fs(ti), tx, slot, io, cut);
	if (err)
		return err;
	set_plain(slot, io);
	toy_fill_attr(ti, slot, &io->attr);
	return 0;
}

static int setattr_tx(struct toy_inode *ti, struct zufs_ioc_attr *io,
		      uint64_t *cut)
{
	struct toy_fs *fs = toy_i_fs(ti);
	struct toy_tx *tx;
	int err = toy_begin(fs, ZUFS_OP_SETATTR, &tx);

	if (err)
		return err;
	return toy_tx_end(tx, toy_try(fs, setattr_parts(ti, tx, io, cut)));
}

/* Under the inode's lock. */
static int setattr(struct toy_inode *ti, struct zufs_ioc_attr *io)
{
	uint64_t cut = TOY_NO_ORPHAN;
	int err = toy_range_finish(ti, ZUFS_OP_NULL, NULL);

	if (!err && io->valid & ZUFS_STATX_SIZE)
		err = toy_try(toy_i_fs(ti),
			      toy_zero_behind(ti, le64toh(io->zi.i_size)));
	if (!err)
		err = setattr_tx(ti, io, &cut);
	if (err || cut == TOY_NO_ORPHAN)
		return err;
	/* The size is set: what can't be freed now waits, with its entry. */
	ti->range = cut;
	err = toy_range_finish(ti, ZUFS_OP_SETATTR, NULL);
	if (err)
		toy_log(TOY_LOG_WARN, "toyfs: inode %lu: truncate waits: %d",
			(unsigned long)ti->zii.ino, err);
	/* Without what was freed, if it can be read again. */
	toy_attr_read(ti, &io->attr);
	return 0;
}

int toy_setattr(struct zus_inode_info *zii, struct zufs_ioc_attr *io)
{
	struct toy_inode *ti = toy_i(zii);
	int err;

	if (io->valid & ZUFS_STATX_SIZE &&
	    le64toh(io->zi.i_size) > TOY_MAX_BYTES)
		return -EFBIG;
	if (io->valid & ZUFS_STATX_FLAGS &&
	    le16toh(io->zi.i_flags) & ~ZUFS_S_ALL)
		return -EOPNOTSUPP;
	pthread_rwlock_wrlock(&ti->lock);
	err = setattr(ti, io);
	pthread_rwlock_unlock(&ti->lock);
	return err;
}

static int set_times(struct toy_inode *ti, struct toy_tx *tx,
		     const struct zufs_ioc_sync *io)
{
	struct toy_slot *slot;
	int err = toy_slot_get(tx, ti->zii.ino, &slot);

	if (err)
		return err;
	zus_set_times(&slot->zi, io);
	return 0;
}

/* Under the inode's lock. All but times is durable since it was answered. */
static int sync_times(struct toy_inode *ti, const struct zufs_ioc_sync *io)
{
	struct toy_tx *tx;
	int err = toy_begin(toy_i_fs(ti), ZUFS_OP_SYNC, &tx);

	if (err)
		return err;
	return toy_tx_end(tx, toy_try(toy_i_fs(ti), set_times(ti, tx, io)));
}

int toy_sync(struct zus_inode_info *zii, struct zufs_ioc_sync *io)
{
	struct toy_inode *ti = toy_i(zii);
	int err;

	if (!(io->valid &
	      (ZUFS_STATX_ATIME | ZUFS_STATX_MTIME | ZUFS_STATX_CTIME)))
		return 0;
	pthread_rwlock_wrlock(&ti->lock);
	err = sync_times(ti, io);
	pthread_rwlock_unlock(&ti->lock);
	return err;
}

int toy_statfs(struct zus_sb_info *sbi, struct zufs_ioc_statfs *io)
{
	struct toy_fs *fs = &toy_sbi(sbi)->fs;
	uint64_t total, free_, blocks, kept;
	int err = toy_kept(fs, &kept);

	if (!err)
		err = toy_count_free(fs, &blocks);
	if (!err)
		err = toy_count_inodes(fs, &total, &free_);
	if (err)
		return err;
	io->blocks = fs->blocks - fs->data_bn;
	io->bfree = blocks;
	io->bavail = blocks > kept ? blocks - kept : 0;
	/* The inode file grows as long as there are blocks. */
	io->files = total + io->bavail * TOY_SLOTS_PER_BLOCK;
	io->ffree = free_ + io->bavail * TOY_SLOTS_PER_BLOCK;
	memcpy(io->uuid, fs->uuid, sizeof(io->uuid));
	return 0;
}

int toy_ioctl(struct zus_inode_info *zii, struct zufs_ioc_ioctl *io)
{
	const struct toy_fs *fs = &toy_sbi(zii->sbi)->fs;

	if (io->cmd != FS_IOC_GETFSLABEL)
		return -ENOTTY;
	if (zus_op_room(&io->op.hdr) < FSLABEL_MAX)
		return -EINVAL;
	static_assert(sizeof(fs->label) <= FSLABEL_MAX, "room for a label");
	memset(io->arg, 0, FSLABEL_MAX);
	memcpy(io->arg, fs->label, sizeof(fs->label));
	return 0;
}

/* ---- symlinks ---- */

int toy_symlink_init(struct toy_tx *tx, struct toy_fs *fs,
		     struct toy_slot *slot, const char *text, uint32_t len)
{
	struct toy_tree t = toy_slot_tree(fs, tx, slot);
	uint64_t bn;
	uint32_t got;
	void *page;
	int err;

	slot->zi.i_size = htole64(len);
	if (len < sizeof(slot->zi.i_symlink)) {
		memcpy(slot->zi.i_symlink, text, len);
		return 0;
	}
	err = toy_alloc(tx, 0, 1, &bn, &got);
	if (err)
		return err;
	page = toy_tx_new(tx, bn);
	if (!page)
		return -ENOMEM;
	memcpy(page, text, len);
	slot->zi.i_on_disk[1] =
		htole64(toy_sum(page, TOY_BLOCK, bn * TOY_BLOCK, TOY_BLOCK));
	toy_add_blocks(slot, 1);
	return toy_map_insert(&t, 0, bn, 1);
}

/* Under the inode's lock. */
static int read_text(struct toy_inode *ti, struct zufs_ioc_get_symlink *io)
{
	struct toy_fs *fs = toy_i_fs(ti);
	const struct toy_slot *slot;
	struct zufs_extent e;
	struct toy_tree t;
	const char *text;
	uint64_t len;
	int n, err = toy_slot_read(fs, ti->zii.ino, &slot);

	if (err)
		return err;
	len = le64toh(slot->zi.i_size);
	if (!S_ISLNK(le16toh(slot->zi.i_mode)) || !len ||
	    len >= ZUFS_SYMLINK_MAX)
		return toy_corrupt(ti->zii.ino, "no symlink, or a bad size");
	text = (const char *)slot->zi.i_symlink;
	if (len >= sizeof(slot->zi.i_symlink)) {
		t = toy_slot_map(fs, slot);
		n = toy_map_get(&t, 0, 1, &e, 1);
		if (n < 0)
			return n;
		if (n != 1 || e.flags & ZUFS_EXT_HOLE)
			return toy_corrupt(ti->zii.ino, "symlink without text");
		text = pm_at(fs, e.pblk * TOY_BLOCK);
		if (toy_sum(text, TOY_BLOCK, e.pblk * TOY_BLOCK, TOY_BLOCK) !=
		    le64toh(slot->zi.i_on_disk[1]))
			return toy_corrupt(ti->zii.ino, "a symlink's text");
	}
	memcpy(io->path, text, len);
	io->path[len] = 0;
	io->len = len;
	return 0;
}

int toy_get_symlink(struct zus_inode_info *zii, struct zufs_ioc_get_symlink *io)
{
	struct toy_inode *ti = toy_i(zii);
	int err;

	pthread_rwlock_rdlock(&ti->lock);
	err = toy_try(toy_i_fs(ti), read_text(ti, io));
	pthread_rwlock_unlock(&ti->lock);
	return err;
}
