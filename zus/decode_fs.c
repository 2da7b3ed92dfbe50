// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Operations of a filesystem, and of names.
 */
#include <errno.h>
#include <string.h>

#include "decode.h"

/* ---- names ---- */

static int check_str(const struct zufs_str *str)
{
	if (!str->len)
		return -EINVAL;
	if (memchr(str->name, '/', str->len) || memchr(str->name, 0, str->len))
		return -EINVAL;
	return str->len == 1 && str->name[0] == '.' ? -EINVAL : 0;
}

static bool is_dotdot(const struct zufs_str *str)
{
	return str->len == 2 && !memcmp(str->name, "..", 2);
}

/* A name that is made, removed or moved. */
static int check_new_str(const struct zufs_str *str)
{
	return is_dotdot(str) ? -EINVAL : check_str(str);
}

/* ---- operations of a filesystem ---- */

int zus_op_statfs(struct call *c)
{
	struct zufs_ioc_statfs *io = (void *)c->op;

	if (!c->m->sbi->op->statfs)
		return -EOPNOTSUPP;
	io->namelen = ZUFS_NAME_LEN;
	return c->m->sbi->op->statfs(c->m->sbi, io);
}

int zus_op_show_options(struct call *c)
{
	struct zufs_ioc_mount_options *io = (void *)c->op;

	io->len = 0;
	io->buf[0] = 0;
	if (!c->m->sbi->op->show_options)
		return 0;
	return c->m->sbi->op->show_options(c->m->sbi, io);
}

int zus_op_new_inode(struct call *c)
{
	struct zufs_ioc_new_inode *io = (void *)c->op;
	struct zus_inode_info *dir, *zii;
	int err;

	if (!c->m->sbi->op->new_inode)
		return -EOPNOTSUPP;
	if (io->symlen >= ZUFS_SYMLINK_MAX ||
	    io->op.hdr.in_len < sizeof(*io) + (uint64_t)io->symlen +
					io->acl_len + io->def_len)
		return -EINVAL;
	if (!(io->flags & ZI_TMPFILE) && check_new_str(&io->str))
		return -EINVAL;
	err = zus_find_inode(c, &io->op.ii, &dir);
	if (err)
		return err;
	err = c->m->sbi->op->new_inode(c->m->sbi, dir, io, &zii);
	if (err)
		return err;
	attr_handle(&io->dir, dir);
	return zus_give_inode(c, zii, &io->attr);
}

int zus_op_lookup(struct call *c)
{
	struct zufs_ioc_lookup *io = (void *)c->op;
	struct zus_inode_info *dir, *zii;
	int err;

	if (!c->m->sbi->op->lookup)
		return -EOPNOTSUPP;
	err = check_str(&io->str);
	if (!err)
		err = zus_find_inode(c, &io->op.ii, &dir);
	if (err)
		return err;
	err = c->m->sbi->op->lookup(c->m->sbi, dir, io, &zii);
	return err ? err : zus_give_inode(c, zii, &io->attr);
}

int zus_op_iget(struct call *c)
{
	struct zufs_ioc_lookup *io = (void *)c->op;
	struct zus_inode_info *zii;
	int err;

	if (!c->m->sbi->op->iget)
		return -EOPNOTSUPP;
	err = c->m->sbi->op->iget(c->m->sbi, io->op.ii.ino,
				  io->op.ii.generation, &io->attr, &zii);
	return err ? err : zus_give_inode(c, zii, &io->attr);
}

static int dentry_args(struct call *c, struct zus_inode_info **dir,
		       struct zus_inode_info **zii)
{
	struct zufs_ioc_dentry *io = (void *)c->op;
	int err = check_new_str(&io->str);

	if (!err)
		err = zus_find_inode(c, &io->op.ii, dir);
	if (!err)
		err = zus_find_inode(c, &io->child, zii);
	return err;
}

static int op_dentry(struct call *c,
		     int (*fn)(struct zus_sb_info *, struct zus_inode_info *,
			       struct zus_inode_info *,
			       struct zufs_ioc_dentry *))
{
	struct zufs_ioc_dentry *io = (void *)c->op;
	struct zus_inode_info *dir, *zii;
	int err;

	if (!fn)
		return -EOPNOTSUPP;
	err = dentry_args(c, &dir, &zii);
	if (!err)
		err = fn(c->m->sbi, dir, zii, io);
	if (err)
		return err;
	attr_handle(&io->dir, dir);
	attr_handle(&io->attr, zii);
	return 0;
}

int zus_op_add_dentry(struct call *c)
{
	return op_dentry(c, c->m->sbi->op->add_dentry);
}

int zus_op_remove_dentry(struct call *c)
{
	return op_dentry(c, c->m->sbi->op->remove_dentry);
}

static int rename_args(struct call *c, struct zus_inode_info *zii[4])
{
	struct zufs_ioc_rename *io = (void *)c->op;
	int err = check_new_str(&io->old_str);

	if (!err)
		err = check_new_str(&io->new_str);
	if (!err)
		err = zus_find_inode(c, &io->op.ii, &zii[0]);
	if (!err)
		err = zus_find_inode(c, &io->new_dir, &zii[1]);
	if (!err)
		err = zus_find_inode(c, &io->old, &zii[2]);
	if (!err && io->new_.ino)
		err = zus_find_inode(c, &io->new_, &zii[3]);
	return err;
}

int zus_op_rename(struct call *c)
{
	struct zufs_ioc_rename *io = (void *)c->op;
	struct zus_inode_info *zii[4] = { NULL };
	int err;

	if (!c->m->sbi->op->rename)
		return -EOPNOTSUPP;
	err = rename_args(c, zii);
	if (err)
		return err;
	memset(&io->new_attr, 0, sizeof(io->new_attr));
	err = c->m->sbi->op->rename(c->m->sbi, zii[0], zii[1], zii[2], zii[3],
				    io);
	if (err)
		return err;
	attr_handle(&io->old_dir_attr, zii[0]);
	attr_handle(&io->new_dir_attr, zii[1]);
	attr_handle(&io->old_attr, zii[2]);
	if (zii[3])
		attr_handle(&io->new_attr, zii[3]);
	return 0;
}

int zus_op_readdir(struct call *c)
{
	struct zufs_ioc_readdir *io = (void *)c->op;
	struct zus_inode_info *dir;
	int err;

	if (!c->m->sbi->op->readdir)
		return -EOPNOTSUPP;
	err = zus_find_inode(c, &io->op.ii, &dir);
	if (err)
		return err;
	io->bytes = 0;
	io->more = 0;
	err = c->m->sbi->op->readdir(c->m->sbi, dir, io);
	if (io->bytes > room_behind(&io->op.hdr, sizeof(*io)))
		return -EIO;
	c->out_end = (uint32_t)sizeof(*io) + io->bytes;
	return err;
}

bool zus_dir_emit(struct zufs_ioc_readdir *io, uint64_t ino, uint8_t type,
		  uint64_t next, const char *name, uint8_t len)
{
	uint32_t need = ZUFS_DIR_ENTRY_LEN(len);
	struct zufs_dir_entry *e;

	if (io->bytes + need > room_behind(&io->op.hdr, sizeof(*io)))
		return false;
	e = (void *)(io->entries + io->bytes);
	memset(e, 0, need);
	e->ino = ino;
	e->pos = next;
	e->type = type;
	e->len = len;
	memcpy(e->name, name, len);
	io->bytes += need;
	return true;
}
