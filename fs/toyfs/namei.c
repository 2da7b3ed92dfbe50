// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Names: making, finding, linking and removing inodes. Each callback is one
 * transaction.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "plugin.h"

void toy_dir_touch(struct toy_slot *dir, int64_t time)
{
	dir->zi.i_mtime = htole64(time);
	dir->zi.i_ctime = htole64(time);
}

static void add_nlink(struct toy_slot *slot, int n)
{
	slot->zi.i_nlink = htole32(le32toh(slot->zi.i_nlink) + n);
}

int toy_drop_link(struct toy_tx *tx, struct toy_slot *slot, uint64_t *orphan)
{
	if (toy_is_dir(slot))
		slot->zi.i_nlink = 0;
	else
		add_nlink(slot, -1);
	if (slot->zi.i_nlink)
		return 0;
	return toy_orphan_add(tx, le64toh(slot->zi.i_ino), orphan);
}

/* The slot of a directory that must be alive and have room for @links more. */
static int dir_get(struct toy_tx *tx, struct toy_inode *ti, unsigned int links,
		   struct toy_slot **slot)
{
	int err = toy_slot_get(tx, ti->zii.ino, slot);

	if (err)
		return err;
	if (!toy_is_dir(*slot))
		return -ENOTDIR;
	if (!(*slot)->zi.i_nlink)
		return -ENOENT;
	if (le32toh((*slot)->zi.i_nlink) + links > TOY_LINK_MAX)
		return -EMLINK;
	return 0;
}

static void slot_fill(struct toy_slot *slot, const struct zus_inode *zi,
		      int64_t time)
{
	slot->zi.i_flags = zi->i_flags;
	slot->zi.i_mode = zi->i_mode;
	slot->zi.i_uid = zi->i_uid;
	slot->zi.i_gid = zi->i_gid;
	slot->zi.i_mtime = htole64(time);
	slot->zi.i_ctime = htole64(time);
	slot->zi.i_atime = htole64(time);
	slot->btime = htole64(time);
	slot->zi.i_nlink = htole32(1);
}

static int slot_init(struct toy_tx *tx, struct toy_fs *fs,
		     struct toy_inode *dir, struct zufs_ioc_new_inode *io,
		     struct toy_slot *slot)
{
	mode_t mode = le16toh(io->zi.i_mode);

	slot_fill(slot, &io->zi, io->op.time);
	slot->map.projid = htole32(io->projid);
	if (S_ISDIR(mode)) {
		slot->zi.i_nlink = htole32(2);
		slot->zi.i_parent = htole64(dir->zii.ino);
	} else if (S_ISLNK(mode)) {
		return toy_symlink_init(tx, fs, slot, io->data, io->symlen);
	} else if (S_ISCHR(mode) || S_ISBLK(mode)) {
		slot->zi.i_rdev = io->zi.i_rdev;
	}
	return 0;
}

static int acls_init(struct toy_tx *tx, struct toy_fs *fs,
		     const struct zufs_ioc_new_inode *io, struct toy_slot *slot)
{
	const char *acl = io->data + io->symlen;
	int err = 0;

	if (io->acl_len)
		err = toy_xattr_add(tx, fs, slot, ZUFS_ACL_ACCESS, acl,
				    io->acl_len);
	if (!err && io->def_len)
		err = toy_xattr_add(tx, fs, slot, ZUFS_ACL_DEFAULT,
				    acl + io->acl_len, io->def_len);
	return err;
}

static int new_name(struct toy_tx *tx, struct toy_fs *fs, struct toy_inode *dir,
		    struct zufs_ioc_new_inode *io, struct toy_slot *slot)
{
	struct toy_name name = { io->str.name, io->str.len };
	bool is_dir = toy_is_dir(slot);
	struct toy_slot *ds;
	int err = dir_get(tx, dir, is_dir, &ds);

	if (err)
		return err;
	err = toy_dir_add(tx, fs, ds, name, le64toh(slot->zi.i_ino),
			  toy_dt(le16toh(slot->zi.i_mode)));
	if (err)
		return err;
	add_nlink(ds, is_dir);
	toy_dir_touch(ds, io->op.time);
	toy_fill_attr(dir, ds, &io->dir);
	return 0;
}

static int new_tmpfile(struct toy_tx *tx, struct toy_inode *dir,
		       struct toy_inode *ti, struct zufs_ioc_new_inode *io,
		       struct toy_slot *slot)
{
	struct toy_slot *ds;
	int err = dir_get(tx, dir, 0, &ds);

	if (err)
		return err;
	toy_fill_attr(dir, ds, &io->dir);
	slot->zi.i_nlink = 0;
	return toy_orphan_add(tx, ti->zii.ino, &ti->orphan);
}

static int new_parts(struct toy_tx *tx, struct toy_fs *fs,
		     struct toy_inode *dir, struct toy_inode *ti,
		     struct zufs_ioc_new_inode *io, struct toy_slot *slot)
{
	int err = slot_init(tx, fs, dir, io, slot);

	if (!err)
		err = acls_init(tx, fs, io, slot);
	if (!err)
		err = io->flags & ZI_TMPFILE ?
			      new_tmpfile(tx, dir, ti, io, slot) :
			      new_name(tx, fs, dir, io, slot);
	if (!err)
		toy_fill_attr(ti, slot, &io->attr);
	return err;
}

static int new_all(struct toy_sbi *ts, struct toy_tx *tx, struct toy_inode *dir,
		   struct zufs_ioc_new_inode *io, struct toy_inode **tip)
{
	struct toy_slot *slot;
	int err = toy_inode_new(ts, tx, tip, &slot);

	return err ? err : new_parts(tx, &ts->fs, dir, *tip, io, slot);
}

/* Under the lock of @dir. */
static int new_inode(struct toy_sbi *ts, struct toy_inode *dir,
		     struct zufs_ioc_new_inode *io, struct toy_inode **tip)
{
	struct toy_tx *tx;
	int err = toy_begin(&ts->fs, ZUFS_OP_NEW_INODE, &tx);

	*tip = NULL;
	if (err)
		return err;
	err = toy_tx_end(tx, toy_try(&ts->fs, new_all(ts, tx, dir, io, tip)));
	if (*tip)
		toy_inode_born(*tip, err);
	return err;
}

int toy_new_inode(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		  struct zufs_ioc_new_inode *io, struct zus_inode_info **zii)
{
	struct toy_inode *ti, *td = toy_i(dir);
	int err;

	if (S_ISLNK(le16toh(io->zi.i_mode)) &&
	    (!io->symlen || io->symlen >= ZUFS_SYMLINK_MAX))
		return -ENAMETOOLONG;
	pthread_rwlock_wrlock(&td->lock);
	err = new_inode(toy_sbi(sbi), td, io, &ti);
	pthread_rwlock_unlock(&td->lock);
	if (!err)
		*zii = &ti->zii;
	return err;
}

static int find_ino(struct toy_fs *fs, struct toy_inode *dir,
		    struct toy_name name, uint64_t *ino)
{
	const struct toy_slot *slot;
	struct toy_found found;
	struct toy_tree t;
	int err = toy_slot_read(fs, dir->zii.ino, &slot);

	if (err)
		return err;
	if (!toy_is_dir(slot))
		return -ENOTDIR;
	if (name.len == 2 && !memcmp(name.name, "..", 2)) {
		*ino = le64toh(slot->zi.i_parent);
		return 0;
	}
	t = toy_slot_map(fs, slot);
	err = toy_dir_find(&t, name, &found);
	if (!err)
		*ino = found.ino;
	return err;
}

/* Under the lock of @dir. */
static int lookup_ino(struct toy_fs *fs, struct toy_inode *dir,
		      struct toy_name name, uint64_t *ino)
{
	return toy_try(fs, find_ino(fs, dir, name, ino));
}

int toy_lookup(struct zus_sb_info *sbi, struct zus_inode_info *dir,
	       struct zufs_ioc_lookup *io, struct zus_inode_info **zii)
{
	struct toy_name name = { io->str.name, io->str.len };
	struct toy_inode *td = toy_i(dir);
	uint64_t ino;
	int err;

	pthread_rwlock_rdlock(&td->lock);
	err = lookup_ino(toy_i_fs(td), td, name, &ino);
	pthread_rwlock_unlock(&td->lock);
	if (err)
		return err;
	err = toy_iget(sbi, ino, 0, &io->attr, zii);
	if (err == -ESTALE)
		return toy_corrupt(dir->ino, "a name of a free inode");
	return err;
}

int toy_iget(struct zus_sb_info *sbi, uint64_t ino, uint64_t generation,
	     struct zufs_attr *attr, struct zus_inode_info **zii)
{
	struct toy_inode *ti;
	int err = toy_inode_get(toy_sbi(sbi), ino, generation, attr, &ti);

	if (!err)
		*zii = &ti->zii;
	return err;
}

/* A tmpfile that gets its first name is no orphan any more. */
static int add_link(struct toy_tx *tx, struct toy_inode *ti,
		    struct toy_slot *slot)
{
	if (toy_is_dir(slot))
		return -EPERM;
	if (le32toh(slot->zi.i_nlink) >= TOY_LINK_MAX)
		return -EMLINK;
	add_nlink(slot, 1);
	if (ti->orphan == TOY_NO_ORPHAN)
		return 0;
	return toy_orphan_del(tx, ti->orphan);
}

static int link_parts(struct toy_tx *tx, struct toy_fs *fs,
		      struct toy_inode *dir, struct toy_inode *ti,
		      struct zufs_ioc_dentry *io)
{
	struct toy_name name = { io->str.name, io->str.len };
	struct toy_slot *ds, *slot;
	int err = dir_get(tx, dir, 0, &ds);

	if (!err)
		err = toy_slot_get(tx, ti->zii.ino, &slot);
	if (!err)
		err = add_link(tx, ti, slot);
	if (!err)
		err = toy_dir_add(tx, fs, ds, name, ti->zii.ino,
				  toy_dt(le16toh(slot->zi.i_mode)));
	if (err)
		return err;
	slot->zi.i_ctime = htole64(io->op.time);
	toy_dir_touch(ds, io->op.time);
	toy_fill_attr(ti, slot, &io->attr);
	toy_fill_attr(dir, ds, &io->dir);
	return 0;
}

int toy_add_dentry(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		   struct zus_inode_info *zii, struct zufs_ioc_dentry *io)
{
	struct toy_inode *td = toy_i(dir), *ti = toy_i(zii);
	struct toy_inode *all[] = { td, ti };
	struct toy_fs *fs = &toy_sbi(sbi)->fs;
	struct toy_tx *tx;
	int err;

	toy_lock_all(all, 2);
	err = toy_begin(fs, ZUFS_OP_ADD_DENTRY, &tx);
	if (!err) {
		err = toy_tx_end(tx,
				 toy_try(fs, link_parts(tx, fs, td, ti, io)));
	}
	if (!err)
		ti->orphan = TOY_NO_ORPHAN;
	toy_unlock_all(all, 2);
	return err;
}

static int check_empty(struct toy_tx *tx, struct toy_fs *fs,
		       struct toy_slot *slot)
{
	struct toy_tree t = toy_slot_tree(fs, tx, slot);
	int empty = toy_dir_empty(&t);

	if (empty < 0)
		return empty;
	return empty ? 0 : -ENOTEMPTY;
}

static int unlink_parts(struct toy_tx *tx, struct toy_fs *fs,
			struct toy_inode *dir, struct toy_inode *ti,
			struct zufs_ioc_dentry *io, uint64_t *orphan)
{
	struct toy_name name = { io->str.name, io->str.len };
	struct toy_slot *ds, *slot;
	int err = dir_get(tx, dir, 0, &ds);

	if (!err)
		err = toy_slot_get(tx, ti->zii.ino, &slot);
	if (!err)
		err = toy_dir_del(tx, fs, ds, name, ti->zii.ino);
	if (err)
		return err;
	if (!slot->zi.i_nlink)
		return toy_corrupt(ti->zii.ino, "a name, but no links");
	if (toy_is_dir(slot)) {
		err = check_empty(tx, fs, slot);
		add_nlink(ds, -1);
	}
	if (!err)
		err = toy_drop_link(tx, slot, orphan);
	if (err)
		return err;
	slot->zi.i_ctime = htole64(io->op.time);
	toy_dir_touch(ds, io->op.time);
	toy_fill_attr(ti, slot, &io->attr);
	toy_fill_attr(dir, ds, &io->dir);
	return 0;
}

int toy_remove_dentry(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		      struct zus_inode_info *zii, struct zufs_ioc_dentry *io)
{
	struct toy_inode *td = toy_i(dir), *ti = toy_i(zii);
	struct toy_inode *all[] = { td, ti };
	struct toy_fs *fs = &toy_sbi(sbi)->fs;
	uint64_t orphan = TOY_NO_ORPHAN;
	struct toy_tx *tx;
	int err;

	toy_lock_all(all, 2);
	err = toy_begin(fs, ZUFS_OP_REMOVE_DENTRY, &tx);
	if (!err) {
		err = toy_tx_end(tx, toy_try(fs, unlink_parts(tx, fs, td, ti,
							      io, &orphan)));
	}
	if (!err)
		ti->orphan = orphan;
	toy_unlock_all(all, 2);
	return err;
}

/* Under the lock of @td. */
static int read_dir(struct toy_inode *td, struct zufs_ioc_readdir *io)
{
	struct toy_fs *fs = toy_i_fs(td);
	const struct toy_slot *slot;
	struct toy_tree t;
	int err = toy_slot_read(fs, td->zii.ino, &slot);

	if (err)
		return err;
	if (!toy_is_dir(slot))
		return -ENOTDIR;
	t = toy_slot_map(fs, slot);
	return toy_dir_read(&t, io);
}

int toy_readdir(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		struct zufs_ioc_readdir *io)
{
	struct toy_inode *td = toy_i(dir);
	int err;

	pthread_rwlock_rdlock(&td->lock);
	err = toy_try(&toy_sbi(sbi)->fs, read_dir(td, io));
	pthread_rwlock_unlock(&td->lock);
	return err;
}
