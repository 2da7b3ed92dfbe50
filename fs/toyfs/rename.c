// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * rename(2), with exchange and whiteout, as one transaction.
 */
#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>

#include "plugin.h"

/* What a rename works on: the slots are the transaction's copies. */
struct mv {
	struct toy_sbi *ts;
	struct toy_tx *tx;
	struct toy_inode *old_dir, *new_dir, *old, *new_;
	struct toy_inode *white; /* made by it */
	struct toy_slot *od, *nd, *os, *ns;
	struct toy_name old_name, new_name;
	uint64_t orphan; /* of what was replaced */
	int64_t time;
};

static int get_slots(struct mv *m)
{
	int err = toy_slot_get(m->tx, m->old_dir->zii.ino, &m->od);

	if (!err)
		err = toy_slot_get(m->tx, m->new_dir->zii.ino, &m->nd);
	if (!err)
		err = toy_slot_get(m->tx, m->old->zii.ino, &m->os);
	if (!err && m->new_)
		err = toy_slot_get(m->tx, m->new_->zii.ino, &m->ns);
	if (err)
		return err;
	if (!toy_is_dir(m->od) || !toy_is_dir(m->nd))
		return -ENOTDIR;
	return m->nd->zi.i_nlink ? 0 : -ENOENT;
}

static uint8_t slot_dt(const struct toy_slot *slot)
{
	return toy_dt(le16toh(slot->zi.i_mode));
}

static void add_nlink(struct toy_slot *slot, int n)
{
	slot->zi.i_nlink = htole32(le32toh(slot->zi.i_nlink) + n);
}

/* ".." of a directory that went from @from to @to. */
static void reparent(struct toy_slot *slot, struct toy_slot *from,
		     struct toy_slot *to)
{
	if (!toy_is_dir(slot) || from == to)
		return;
	slot->zi.i_parent = to->zi.i_ino;
	add_nlink(from, -1);
	add_nlink(to, 1);
}

/* Last: what goes out of a directory makes room for what comes in. */
static int check_links(const struct mv *m)
{
	if (le32toh(m->od->zi.i_nlink) > TOY_LINK_MAX ||
	    le32toh(m->nd->zi.i_nlink) > TOY_LINK_MAX)
		return -EMLINK;
	return 0;
}

static int replace(struct mv *m)
{
	struct toy_fs *fs = &m->ts->fs;
	struct toy_tree t = toy_slot_tree(fs, m->tx, m->ns);
	int empty, err;

	if (!m->ns->zi.i_nlink)
		return toy_corrupt(m->new_->zii.ino, "a name, but no links");
	if (toy_is_dir(m->ns)) {
		empty = toy_dir_empty(&t);
		if (empty <= 0)
			return empty ? empty : -ENOTEMPTY;
		add_nlink(m->nd, -1);
	}
	err = toy_dir_set(m->tx, fs, m->nd, m->new_name, m->new_->zii.ino,
			  m->old->zii.ino, slot_dt(m->os));
	if (err)
		return err;
	m->ns->zi.i_ctime = htole64(m->time);
	return toy_drop_link(m->tx, m->ns, &m->orphan);
}

/* A character device 0, 0 in the place of the old name. */
static int whiteout(struct mv *m)
{
	struct toy_slot *slot;
	int err = toy_inode_new(m->ts, m->tx, &m->white, &slot);

	if (err)
		return err;
	slot->zi.i_mode = htole16(S_IFCHR);
	slot->zi.i_nlink = htole32(1);
	slot->zi.i_uid = m->od->zi.i_uid;
	slot->zi.i_gid = m->od->zi.i_gid;
	slot->zi.i_mtime = htole64(m->time);
	slot->zi.i_ctime = htole64(m->time);
	slot->zi.i_atime = htole64(m->time);
	slot->btime = htole64(m->time);
	return toy_dir_set(m->tx, &m->ts->fs, m->od, m->old_name,
			   m->old->zii.ino, m->white->zii.ino, toy_dt(S_IFCHR));
}

static int move(struct mv *m, uint64_t flags)
{
	struct toy_fs *fs = &m->ts->fs;
	int err;

	/* The old name first: so it is found where it was looked up. */
	if (flags & RENAME_WHITEOUT)
		err = whiteout(m);
	else
		err = toy_dir_del(m->tx, fs, m->od, m->old_name,
				  m->old->zii.ino);
	if (err)
		return err;
	if (m->new_)
		err = replace(m);
	else
		err = toy_dir_add(m->tx, fs, m->nd, m->new_name,
				  m->old->zii.ino, slot_dt(m->os));
	if (err)
		return err;
	reparent(m->os, m->od, m->nd);
	return check_links(m);
}

static int exchange(struct mv *m)
{
	struct toy_fs *fs = &m->ts->fs;
	uint64_t a = m->old->zii.ino, b;
	int err;

	if (!m->new_)
		return -ENOENT;
	b = m->new_->zii.ino;
	err = toy_dir_set(m->tx, fs, m->od, m->old_name, a, b, slot_dt(m->ns));
	if (!err)
		err = toy_dir_set(m->tx, fs, m->nd, m->new_name, b, a,
				  slot_dt(m->os));
	if (err)
		return err;
	reparent(m->os, m->od, m->nd);
	reparent(m->ns, m->nd, m->od);
	m->ns->zi.i_ctime = htole64(m->time);
	return check_links(m);
}

static void answer(struct mv *m, struct zufs_ioc_rename *io)
{
	m->os->zi.i_ctime = htole64(m->time);
	toy_dir_touch(m->od, m->time);
	toy_dir_touch(m->nd, m->time);
	toy_fill_attr(m->old_dir, m->od, &io->old_dir_attr);
	toy_fill_attr(m->new_dir, m->nd, &io->new_dir_attr);
	toy_fill_attr(m->old, m->os, &io->old_attr);
	if (m->new_)
		toy_fill_attr(m->new_, m->ns, &io->new_attr);
	else
		memset(&io->new_attr, 0, sizeof(io->new_attr));
}

static int rename_parts(struct mv *m, struct zufs_ioc_rename *io)
{
	int err = get_slots(m);

	if (!err)
		err = io->flags & RENAME_EXCHANGE ? exchange(m) :
						    move(m, io->flags);
	if (!err)
		answer(m, io);
	return err;
}

static int rename_tx(struct mv *m, struct zufs_ioc_rename *io)
{
	int err = toy_begin(&m->ts->fs, ZUFS_OP_RENAME, &m->tx);

	if (err)
		return err;
	return toy_tx_end(m->tx, toy_try(&m->ts->fs, rename_parts(m, io)));
}

/* Two names of one inode: rename(2) does nothing. */
static int rename_nothing(struct mv *m, struct zufs_ioc_rename *io)
{
	struct zufs_attr *attr[] = { &io->old_dir_attr, &io->new_dir_attr,
				     &io->old_attr, &io->new_attr };
	struct toy_inode *ti[] = { m->old_dir, m->new_dir, m->old, m->new_ };
	int err = 0;

	for (int i = 0; !err && i < 4; i++)
		err = toy_attr_read(ti[i], attr[i]);
	return err;
}

static int rename_locked(struct mv *m, struct zufs_ioc_rename *io)
{
	int err;

	if (m->old == m->new_)
		return rename_nothing(m, io);
	err = rename_tx(m, io);
	if (!err && m->orphan != TOY_NO_ORPHAN)
		m->new_->orphan = m->orphan;
	if (m->white) {
		toy_inode_born(m->white, err);
		if (!err)
			toy_inode_put(m->white);
	}
	return err;
}

int toy_rename(struct zus_sb_info *sbi, struct zus_inode_info *old_dir,
	       struct zus_inode_info *new_dir, struct zus_inode_info *old_zii,
	       struct zus_inode_info *new_zii, struct zufs_ioc_rename *io)
{
	struct mv m = { .ts = toy_sbi(sbi),
			.old_dir = toy_i(old_dir),
			.new_dir = toy_i(new_dir),
			.old = toy_i(old_zii),
			.new_ = new_zii ? toy_i(new_zii) : NULL,
			.old_name = { io->old_str.name, io->old_str.len },
			.new_name = { io->new_str.name, io->new_str.len },
			.orphan = TOY_NO_ORPHAN,
			.time = io->op.time };
	struct toy_inode *all[] = { m.old_dir, m.new_dir, m.old, m.new_ };
	int err;

	if (io->flags &
	    ~(uint64_t)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if (m.new_ && io->flags & RENAME_NOREPLACE)
		return -EEXIST;
	toy_lock_all(all, 4);
	err = rename_locked(&m, io);
	toy_unlock_all(all, 4);
	return err;
}
