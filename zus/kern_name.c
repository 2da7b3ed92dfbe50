// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * A kernel for one process: names, with the checks of the VFS.
 */
#include <errno.h>
#include <linux/fs.h>

#include "kern_priv.h"

/* ---- paths ---- */

int kern_lookup(struct kern *k, const struct kern_inode *dir, const char *name,
		struct kern_inode **ki)
{
	struct zufs_ioc_lookup *io;
	int err;

	if (strlen(name) > ZUFS_NAME_LEN)
		return -ENAMETOOLONG;
	io = kern_op(k, ZUFS_OP_LOOKUP, dir, sizeof(*io));
	set_str(&io->str, name);
	err = kern_run(k, io);
	if (err)
		return err;
	*ki = kern_iget(k, &io->attr);
	return *ki ? 0 : -EIO;
}

/* One component of @len bytes; the reference of @dir becomes that of *ki. */
static int step(struct kern *k, struct kern_inode *dir, const char *part,
		size_t len, struct kern_inode **ki)
{
	char name[ZUFS_NAME_LEN + 1];
	int err = -ENOTDIR;

	if (len > ZUFS_NAME_LEN) {
		err = -ENAMETOOLONG;
	} else if (kern_is(dir, S_IFDIR)) {
		memcpy(name, part, len);
		name[len] = '\0';
		err = kern_lookup(k, dir, name, ki);
	}
	kern_put(k, dir);
	return err;
}

/* The inode at the first @len bytes of @path. */
static int walk(struct kern *k, const char *path, size_t len,
		struct kern_inode **ki)
{
	const char *end = path + len;
	int err = 0;

	*ki = k->root;
	k->root->refs++;
	while (!err && path < end) {
		const char *slash = memchr(path, '/', (size_t)(end - path));
		const char *stop = slash ? slash : end;

		err = step(k, *ki, path, (size_t)(stop - path), ki);
		path = slash ? slash + 1 : end;
	}
	return err;
}

int kern_walk(struct kern *k, const char *path, struct kern_inode **ki)
{
	return walk(k, path, strlen(path), ki);
}

/* The directory of @path and the name in it. */
static int walk_dir(struct kern *k, const char *path, struct kern_inode **dir,
		    const char **name)
{
	const char *slash = strrchr(path, '/');
	int err = walk(k, path, slash ? (size_t)(slash - path) : 0, dir);

	*name = slash ? slash + 1 : path;
	if (err || kern_is(*dir, S_IFDIR))
		return err;
	kern_put(k, *dir);
	return -ENOTDIR;
}

/* As the last one, for a name that is to be made: it isn't there. */
static int walk_new(struct kern *k, const char *path, struct kern_inode **dir,
		    const char **name)
{
	struct kern_inode *there;
	int err;

	if (!*path)
		return -EEXIST;
	err = walk_dir(k, path, dir, name);
	if (err)
		return err;
	err = kern_lookup(k, *dir, *name, &there);
	if (!err)
		kern_put(k, there);
	if (err == -ENOENT && !k->ro)
		return 0;
	kern_put(k, *dir);
	return err == -ENOENT ? -EROFS : err ? err : -EEXIST;
}

/* For a name that is to go: what it is of. */
static int walk_old(struct kern *k, const char *path, struct kern_inode **dir,
		    const char **name, struct kern_inode **ki)
{
	int err;

	if (!*path)
		return -EBUSY;
	if (k->ro)
		return -EROFS;
	err = walk_dir(k, path, dir, name);
	if (err)
		return err;
	err = kern_lookup(k, *dir, *name, ki);
	if (err)
		kern_put(k, *dir);
	return err;
}

/* ---- new inodes ---- */

struct new_args {
	u32 mode, rdev;
	const char *text; /* of a symlink */
};

/* Owner and mode as inode_init_owner() would set them. */
static void fill_new(struct kern *k, const struct kern_inode *dir,
		     const struct new_args *a, struct zus_inode *zi)
{
	u32 mode = a->mode;

	if (dir->attr.zi.i_mode & S_ISGID) {
		zi->i_gid = dir->attr.zi.i_gid;
		if (S_ISDIR(mode))
			mode |= S_ISGID;
	}
	zi->i_mode = (uint16_t)mode;
	zi->i_rdev = a->rdev;
	zi->i_atime = (u64)k->now;
	zi->i_mtime = (u64)k->now;
	zi->i_ctime = (u64)k->now;
}

/* The ACLs that it inherits: the default one of @dir, as it is. */
static void put_acls(struct zufs_ioc_new_inode *io, const void *acl, u32 size)
{
	char *to = io->data + io->symlen;

	io->acl_len = size;
	memcpy(to, acl, size);
	if (!S_ISDIR(io->zi.i_mode))
		return;
	io->def_len = size;
	memcpy(to + size, acl, size);
}

/* @name NULL: a tmpfile. */
static int new_inode(struct kern *k, struct kern_inode *dir, const char *name,
		     const struct new_args *a, struct kern_inode **ki)
{
	size_t len = a->text ? strlen(a->text) : 0;
	struct zufs_ioc_new_inode *io;
	char acl[4096];
	int err, size = 0;

	if (len >= ZUFS_SYMLINK_MAX)
		return -ENAMETOOLONG;
	if (!a->text)
		size = kern_default_acl(k, dir, acl, sizeof(acl));
	if (size < 0)
		return size;
	io = kern_op(k, ZUFS_OP_NEW_INODE, dir,
		     sizeof(*io) + len + 2 * (size_t)size);
	fill_new(k, dir, a, &io->zi);
	/* All of them, whatever the kernel would choose. */
	io->zi.i_flags = dir->attr.zi.i_flags;
	io->projid = dir->attr.projid;
	if (name)
		set_str(&io->str, name);
	else
		io->flags = ZI_TMPFILE;
	io->symlen = (u32)len;
	if (len)
		memcpy(io->data, a->text, len);
	if (size)
		put_acls(io, acl, (u32)size);
	err = kern_run_space(k, io, NULL, NULL);
	if (err)
		return err;
	if (name)
		kern_update(dir, &io->dir);
	*ki = kern_iget(k, &io->attr);
	return *ki ? 0 : -EIO;
}

static int new_entry(struct kern *k, const char *path, const struct new_args *a)
{
	struct kern_inode *dir, *ki;
	const char *name;
	int err = walk_new(k, path, &dir, &name);

	if (err)
		return err;
	err = new_inode(k, dir, name, a, &ki);
	if (!err)
		kern_put(k, ki);
	kern_put(k, dir);
	return err;
}

int kern_create(struct kern *k, const char *path, uint32_t mode)
{
	return new_entry(k, path, &(struct new_args){ .mode = S_IFREG | mode });
}

int kern_mkdir(struct kern *k, const char *path, uint32_t mode)
{
	return new_entry(k, path, &(struct new_args){ .mode = S_IFDIR | mode });
}

int kern_mknod(struct kern *k, const char *path, uint32_t mode, uint32_t rdev)
{
	return new_entry(k, path,
			 &(struct new_args){ .mode = mode, .rdev = rdev });
}

int kern_symlink(struct kern *k, const char *path, const char *text)
{
	if (!*text)
		return -ENOENT;
	return new_entry(k, path,
			 &(struct new_args){ .mode = S_IFLNK | 0777,
					     .text = text });
}

int kern_tmpfile(struct kern *k, const char *dir, uint32_t mode)
{
	struct kern_inode *in, *ki;
	int err = kern_walk(k, dir, &in);

	if (err)
		return err;
	if (k->ro)
		err = -EROFS;
	else if (!kern_is(in, S_IFDIR))
		err = -ENOTDIR;
	else
		err = new_inode(k, in, NULL,
				&(struct new_args){ .mode = S_IFREG | mode },
				&ki);
	kern_put(k, in);
	if (err)
		return err;
	ki->linkable = true;
	return kern_fd(k, ki);
}

/* ---- link, unlink ---- */

static int dentry(struct kern *k, int operation, struct kern_inode *dir,
		  const char *name, struct kern_inode *child)
{
	struct zufs_ioc_dentry *io = kern_op(k, operation, dir, sizeof(*io));
	int err;

	io->child = iref(&child->attr);
	set_str(&io->str, name);
	err = kern_run_space(k, io, child, NULL);
	if (!err) {
		kern_update(dir, &io->dir);
		kern_update(child, &io->attr);
	}
	return err;
}

static int link_inode(struct kern *k, struct kern_inode *ki, const char *path)
{
	struct kern_inode *dir;
	const char *name;
	int err = walk_new(k, path, &dir, &name);

	if (err)
		return err;
	if (kern_is(ki, S_IFDIR))
		err = -EPERM;
	else if (!ki->attr.zi.i_nlink && !ki->linkable)
		err = -ENOENT;
	else
		err = dentry(k, ZUFS_OP_ADD_DENTRY, dir, name, ki);
	if (!err)
		ki->linkable = false;
	kern_put(k, dir);
	return err;
}

int kern_link(struct kern *k, const char *old, const char *path)
{
	struct kern_inode *ki;
	int err = kern_walk(k, old, &ki);

	if (err)
		return err;
	err = link_inode(k, ki, path);
	kern_put(k, ki);
	return err;
}

int kern_linkfd(struct kern *k, int fd, const char *path)
{
	struct kern_inode *ki = kern_file(k, fd);

	return ki ? link_inode(k, ki, path) : -EBADF;
}

static int remove_name(struct kern *k, const char *path, bool is_dir)
{
	struct kern_inode *dir, *ki;
	const char *name;
	int err = walk_old(k, path, &dir, &name, &ki);

	if (err)
		return err;
	if (kern_is(ki, S_IFDIR) != is_dir)
		err = is_dir ? -ENOTDIR : -EISDIR;
	else
		err = dentry(k, ZUFS_OP_REMOVE_DENTRY, dir, name, ki);
	kern_answer(k);
	kern_put(k, ki);
	kern_put(k, dir);
	return err;
}

int kern_unlink(struct kern *k, const char *path)
{
	return remove_name(k, path, false);
}

int kern_rmdir(struct kern *k, const char *path)
{
	return remove_name(k, path, true);
}

/* ---- rename ---- */

struct mv {
	struct kern_inode *od, *nd, *ki, *target; /* target may be NULL */
	const char *on, *nn;
	u32 flags;
};

static int send_rename(struct kern *k, const struct mv *m)
{
	struct zufs_ioc_rename *io =
		kern_op(k, ZUFS_OP_RENAME, m->od, sizeof(*io));
	int err;

	io->new_dir = iref(&m->nd->attr);
	io->old = iref(&m->ki->attr);
	if (m->target)
		io->new_ = iref(&m->target->attr);
	set_str(&io->old_str, m->on);
	set_str(&io->new_str, m->nn);
	io->flags = m->flags;
	err = kern_run_space(k, io, m->ki, m->target);
	if (err)
		return err;
	kern_update(m->od, &io->old_dir_attr);
	kern_update(m->nd, &io->new_dir_attr);
	kern_update(m->ki, &io->old_attr);
	if (m->target)
		kern_update(m->target, &io->new_attr);
	return 0;
}

static int rename_checked(struct kern *k, const struct mv *m)
{
	bool swap = m->flags & RENAME_EXCHANGE;

	if (!m->target)
		return swap ? -ENOENT : send_rename(k, m);
	if (m->flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (m->ki == m->target)
		return 0;
	if (!swap && kern_is(m->ki, S_IFDIR) != kern_is(m->target, S_IFDIR))
		return kern_is(m->ki, S_IFDIR) ? -ENOTDIR : -EISDIR;
	return send_rename(k, m);
}

/* The directory and what is at the new name, which may be nothing. */
static int rename_to(struct kern *k, const char *path, struct mv *m)
{
	int err = walk_dir(k, path, &m->nd, &m->nn);

	if (err)
		return err;
	m->target = NULL;
	err = kern_lookup(k, m->nd, m->nn, &m->target);
	if (!err || err == -ENOENT)
		err = rename_checked(k, m);
	kern_answer(k);
	if (m->target)
		kern_put(k, m->target);
	kern_put(k, m->nd);
	return err;
}

/* Is @path somewhere below @dir? */
static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && path[len] == '/';
}

static int rename_args(const char *old, const char *path, u32 flags)
{
	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT) ||
	    (flags & RENAME_EXCHANGE && flags != RENAME_EXCHANGE))
		return -EINVAL;
	if (!*path)
		return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	if (is_below(path, old))
		return -EINVAL;
	if (is_below(old, path))
		return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	return 0;
}

int kern_rename(struct kern *k, const char *old, const char *path,
		uint32_t flags)
{
	struct mv m = { .flags = flags };
	int err = rename_args(old, path, flags);

	if (!err)
		err = walk_old(k, old, &m.od, &m.on, &m.ki);
	if (err)
		return err;
	err = rename_to(k, path, &m);
	kern_put(k, m.ki);
	kern_put(k, m.od);
	return err;
}
