// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * A kernel for one process: attributes, texts of symlinks, xattrs, lists of
 * names.
 */
#include <errno.h>
#include <linux/limits.h>
#include <linux/xattr.h>
#include <stdlib.h>

#include "kern_priv.h"

#define READDIR_BYTES 32768U /* of an answer */
#define XATTR_ROOM    65536U /* of a value or a list */

/* ---- attributes ---- */

int kern_stat(struct kern *k, const char *path, struct zus_inode *zi)
{
	struct kern_inode *ki;
	int err = kern_walk(k, path, &ki);

	if (err)
		return err;
	*zi = ki->attr.zi;
	kern_put(k, ki);
	return 0;
}

int kern_stat_ino(struct kern *k, uint64_t ino, uint64_t generation,
		  struct zus_inode *zi)
{
	struct zufs_ioc_lookup *io =
		kern_op(k, ZUFS_OP_IGET, NULL, sizeof(*io));
	struct kern_inode *ki;
	int err;

	io->op.ii.ino = ino;
	io->op.ii.generation = generation;
	err = kern_run(k, io);
	if (err)
		return err;
	ki = kern_iget(k, &io->attr);
	if (!ki)
		return -EIO;
	*zi = ki->attr.zi;
	kern_put(k, ki);
	return 0;
}

/* An inode that is about to change. */
static int walk_write(struct kern *k, const char *path, struct kern_inode **ki)
{
	int err = kern_walk(k, path, ki);

	if (err || !k->ro)
		return err;
	kern_put(k, *ki);
	return -EROFS;
}

int kern_chmod(struct kern *k, const char *path, uint32_t mode)
{
	struct kern_inode *ki;
	struct zus_inode zi;
	int err = walk_write(k, path, &ki);

	if (err)
		return err;
	zi = ki->attr.zi;
	zi.i_mode = (uint16_t)((zi.i_mode & S_IFMT) | (mode & ~S_IFMT));
	err = kern_send_attr(k, ki, &zi, ZUFS_STATX_MODE);
	kern_put(k, ki);
	return err;
}

/* A new owner takes set-id bits off, of all but directories. */
static u64 drop_set_id(struct zus_inode *zi)
{
	uint16_t mode = zi->i_mode;

	if (S_ISDIR(mode))
		return 0;
	zi->i_mode &= ~S_ISUID;
	if (mode & S_IXGRP)
		zi->i_mode &= ~S_ISGID;
	return zi->i_mode == mode ? 0 : ZUFS_STATX_MODE;
}

int kern_chown(struct kern *k, const char *path, uint32_t uid, uint32_t gid)
{
	u64 valid = ZUFS_STATX_UID | ZUFS_STATX_GID;
	struct kern_inode *ki;
	struct zus_inode zi;
	int err = walk_write(k, path, &ki);

	if (err)
		return err;
	zi = ki->attr.zi;
	zi.i_uid = uid;
	zi.i_gid = gid;
	err = kern_send_attr(k, ki, &zi, valid | drop_set_id(&zi));
	kern_put(k, ki);
	return err;
}

int kern_chattr(struct kern *k, const char *path, uint16_t flags,
		uint32_t projid, uint32_t version)
{
	struct kern_inode *ki;
	struct zus_inode zi;
	int err = walk_write(k, path, &ki);

	if (err)
		return err;
	zi = ki->attr.zi;
	zi.i_flags = flags;
	zi.i_version = version;
	err = kern_is(ki, S_IFREG) || kern_is(ki, S_IFDIR) ?
		      kern_send_all(k, ki, &zi,
				    ZUFS_STATX_FLAGS | ZUFS_STATX_PROJID |
					    ZUFS_STATX_VERSION,
				    projid) :
		      -ENOTTY;
	kern_put(k, ki);
	return err;
}

int kern_projid(struct kern *k, const char *path, uint32_t *projid)
{
	struct kern_inode *ki;
	int err = kern_walk(k, path, &ki);

	if (err)
		return err;
	*projid = ki->attr.projid;
	kern_put(k, ki);
	return 0;
}

int kern_utimes(struct kern *k, const char *path, int64_t atime, int64_t mtime)
{
	struct kern_inode *ki;
	struct zus_inode zi;
	int err = walk_write(k, path, &ki);

	if (err)
		return err;
	zi = ki->attr.zi;
	zi.i_atime = (u64)atime;
	zi.i_mtime = (u64)mtime;
	err = kern_send_attr(k, ki, &zi, ZUFS_STATX_ATIME | ZUFS_STATX_MTIME);
	kern_put(k, ki);
	return err;
}

/* ---- symlinks ---- */

static int ask_text(struct kern *k, const struct kern_inode *ki, char *buf,
		    size_t size)
{
	u32 len = (u32)ki->attr.zi.i_size;
	struct zufs_ioc_get_symlink *io =
		kern_op(k, ZUFS_OP_GET_SYMLINK, ki, sizeof(io->op));
	int err = kern_run(k, io);

	if (err)
		return err;
	if (io->len != len || strnlen(io->path, len) != len)
		return -EIO;
	memcpy(buf, io->path, len < size ? len : size);
	return (int)len;
}

int kern_readlink(struct kern *k, const char *path, char *buf, size_t size)
{
	const struct zus_inode *zi;
	struct kern_inode *ki;
	int ret = kern_walk(k, path, &ki);

	if (ret)
		return ret;
	zi = &ki->attr.zi;
	if (!kern_is(ki, S_IFLNK)) {
		ret = -EINVAL;
	} else if (zi->i_size < sizeof(zi->i_symlink)) {
		ret = (int)zi->i_size;
		memcpy(buf, zi->i_symlink,
		       zi->i_size < size ? zi->i_size : size);
	} else {
		ret = ask_text(k, ki, buf, size);
	}
	kern_put(k, ki);
	return ret;
}

/* ---- xattrs ---- */

struct xname {
	u32 type; /* ZUFS_XATTR_* */
	const char *rest;
};

/* Type and rest of a name of user.*, on files and directories alone, or of an ACL. */
static int split_name(const struct kern_inode *ki, const char *name, int other,
		      struct xname *x)
{
	if (!strncmp(name, XATTR_USER_PREFIX, XATTR_USER_PREFIX_LEN))
		*x = (struct xname){ ZUFS_XATTR_USER,
				     name + XATTR_USER_PREFIX_LEN };
	else if (!strcmp(name, KERN_ACL) || !strcmp(name, KERN_DEF_ACL))
		*x = (struct xname){ ZUFS_XATTR_SYSTEM,
				     name + XATTR_SYSTEM_PREFIX_LEN };
	else
		return -EOPNOTSUPP;
	if (!*x->rest)
		return -EINVAL;
	if (strlen(name) > XATTR_NAME_MAX)
		return -ERANGE;
	if (x->type == ZUFS_XATTR_SYSTEM)
		return kern_is(ki, S_IFLNK) ? -EOPNOTSUPP : 0;
	return kern_is(ki, S_IFREG) || kern_is(ki, S_IFDIR) ? 0 : other;
}

/* A list has no name. */
static struct zufs_ioc_xattr *xattr_op(struct kern *k, int operation,
				       const struct kern_inode *ki,
				       struct xname name, u32 in_value)
{
	u32 len = name.rest ? (u32)strlen(name.rest) + 1 : 0;
	struct zufs_ioc_xattr *io =
		kern_op(k, operation, ki, sizeof(*io) + len + in_value);

	io->type = name.type;
	io->name_len = len;
	if (name.rest)
		memcpy(io->buf, name.rest, len);
	return io;
}

/* What is set; @value NULL removes. */
struct xset {
	const char *name;
	const void *value;
	u32 size, mode, ioc_flags;
	int flags;
};

static int set_xattr(struct kern *k, const char *path, const struct xset *x)
{
	struct zufs_ioc_xattr *io;
	struct kern_inode *ki;
	struct xname name;
	int err = walk_write(k, path, &ki);

	if (err)
		return err;
	err = x->size > XATTR_ROOM ? -E2BIG :
				     split_name(ki, x->name, -EPERM, &name);
	if (!err) {
		io = xattr_op(k, ZUFS_OP_XATTR_SET, ki, name, x->size);
		io->flags = (u32)x->flags;
		io->mode = x->mode;
		io->user_buf_size = x->size;
		io->ioc_flags = x->ioc_flags;
		if (x->value && !x->size)
			io->ioc_flags |= ZUFS_XATTR_SET_EMPTY;
		if (x->size)
			memcpy(io->buf + io->name_len, x->value, x->size);
		err = kern_run_space(k, io, ki, NULL);
		if (!err)
			kern_update(ki, &io->attr);
	}
	kern_put(k, ki);
	return err;
}

int kern_setxattr(struct kern *k, const char *path, const char *name,
		  const void *value, uint32_t size, int flags)
{
	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	return set_xattr(k, path,
			 &(struct xset){ .name = name,
					 .value = size ? value : "",
					 .size = size,
					 .flags = flags });
}

int kern_setacl(struct kern *k, const char *path, uint32_t mode,
		const void *value, uint32_t size)
{
	return set_xattr(k, path,
			 &(struct xset){ .name = KERN_ACL,
					 .value = value,
					 .size = size,
					 .mode = mode,
					 .ioc_flags = ZUFS_XATTR_SET_MODE });
}

int kern_removexattr(struct kern *k, const char *path, const char *name)
{
	return set_xattr(k, path,
			 &(struct xset){ .name = name,
					 .flags = XATTR_REPLACE });
}

/* A value or a list; @none if the inode is known to have none. */
static int ask_xattr(struct kern *k, int operation, const struct kern_inode *ki,
		     struct xname name, void *buf, u32 size, int none)
{
	struct zufs_ioc_xattr *io;
	int err;

	if (ki->attr.flags & ZUFS_ATTR_NO_XATTR)
		return none;
	io = xattr_op(k, operation, ki, name, 0);
	io->user_buf_size = size < XATTR_ROOM ? size : XATTR_ROOM;
	err = kern_run(k, io);
	if (err)
		return err;
	if (size && io->user_buf_size > size)
		return -ERANGE;
	if (size)
		memcpy(buf, io->buf, io->user_buf_size);
	return (int)io->user_buf_size;
}

int kern_default_acl(struct kern *k, const struct kern_inode *dir, void *buf,
		     u32 size)
{
	struct xname name = { ZUFS_XATTR_SYSTEM, ZUFS_ACL_DEFAULT };
	int ret = k->acl ? ask_xattr(k, ZUFS_OP_XATTR_GET, dir, name, buf, size,
				     0) :
			   0;

	return ret == -ENODATA ? 0 : ret;
}

int kern_getxattr(struct kern *k, const char *path, const char *name, void *buf,
		  uint32_t size)
{
	struct kern_inode *ki;
	struct xname x;
	int ret = kern_walk(k, path, &ki);

	if (ret)
		return ret;
	ret = split_name(ki, name, -ENODATA, &x);
	if (!ret)
		ret = ask_xattr(k, ZUFS_OP_XATTR_GET, ki, x, buf, size,
				-ENODATA);
	kern_put(k, ki);
	return ret;
}

int kern_listxattr(struct kern *k, const char *path, char *list, uint32_t size)
{
	struct kern_inode *ki;
	int ret = kern_walk(k, path, &ki);

	if (ret)
		return ret;
	ret = ask_xattr(k, ZUFS_OP_XATTR_LIST, ki, (struct xname){ 0 }, list,
			size, 0);
	kern_put(k, ki);
	return ret;
}

/* ---- reading directories ---- */

/* The answer's entries, in memory of their own: @entry may make calls. */
static int read_some(struct kern *k, const struct kern_inode *dir, u64 pos,
		     struct zufs_ioc_readdir *copy)
{
	struct zufs_ioc_readdir *io =
		kern_op(k, ZUFS_OP_READDIR, dir, sizeof(*io));
	int err;

	io->pos = pos;
	io->op.hdr.out_max = READDIR_BYTES - io->op.hdr.out_start;
	err = kern_run(k, io);
	if (err)
		return err;
	if (io->more && !io->bytes)
		return -EIO; /* for ever */
	memcpy(copy, io, sizeof(*io) + io->bytes);
	return 0;
}

static void emit(const struct zufs_ioc_readdir *io,
		 void (*entry)(const char *name, uint64_t ino, uint8_t type,
			       void *arg),
		 void *arg)
{
	const struct zufs_dir_entry *e;
	char name[ZUFS_NAME_LEN + 1];

	for (u32 at = 0; at < io->bytes; at += ZUFS_DIR_ENTRY_LEN(e->len)) {
		e = (const void *)(io->entries + at);
		memcpy(name, e->name, e->len);
		name[e->len] = '\0';
		entry(name, e->ino, e->type, arg);
	}
}

int kern_readdir(struct kern *k, const char *path,
		 void (*entry)(const char *name, uint64_t ino, uint8_t type,
			       void *arg),
		 void *arg)
{
	struct zufs_ioc_readdir *io;
	struct kern_inode *ki;
	int err = kern_walk(k, path, &ki);

	if (err)
		return err;
	io = malloc(READDIR_BYTES);
	if (!io)
		err = -ENOMEM;
	else if (!kern_is(ki, S_IFDIR))
		err = -ENOTDIR;
	else
		err = read_some(k, ki, 2, io);
	while (!err) {
		emit(io, entry, arg);
		if (!io->more)
			break;
		err = read_some(k, ki, io->pos, io);
	}
	free(io);
	kern_put(k, ki);
	return err;
}
