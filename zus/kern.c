// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * A kernel for one process: mounts, operations, inodes, descriptors.
 */
#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern_priv.h"

/* ---- operations ---- */

void *kern_op(struct kern *k, int operation, const struct kern_inode *ki,
	      size_t in_len)
{
	struct zufs_ioc_op *op = op_init(k->op, sizeof(k->op), operation,
					 ki ? &ki->attr : NULL, in_len);

	op->hdr.unique = ++k->unique;
	op->time = k->now;
	return op;
}

int kern_run(struct kern *k, void *op)
{
	k->runs[((struct zufs_ioc_hdr *)op)->operation]++;
	return zus_local_op(k->zl, op, NULL);
}

void kern_put_grant(struct kern *k, struct kern_inode *ki)
{
	if (ki->grant.n)
		kern_drop_grants(k, ki);
}

void kern_drop_grants(struct kern *k, struct kern_inode *ki)
{
	ki->grant.n = 0;
	kern_run(k, kern_op(k, ZUFS_OP_GRANT_PUT, ki,
			    sizeof(struct zufs_ioc_grant)));
}

/* The next inode from @ki on with a grant, but for @a and @b. */
static struct kern_inode *idle_grant(struct kern_inode *ki,
				     const struct kern_inode *a,
				     const struct kern_inode *b)
{
	while (ki && (!ki->grant.n || ki == a || ki == b))
		ki = ki->next;
	return ki;
}

static int run_again(struct kern *k, void *op, const void *saved,
		     const struct kern_inode *a, const struct kern_inode *b)
{
	struct kern_inode *ki = k->inodes;
	struct zufs_ioc_hdr *hdr = op;

	while ((ki = idle_grant(ki, a, b)))
		kern_put_grant(k, ki);
	memcpy(op, saved, ((const struct zufs_ioc_hdr *)saved)->in_len);
	hdr->unique = ++k->unique;
	return kern_run(k, op);
}

int kern_run_space(struct kern *k, void *op, const struct kern_inode *a,
		   const struct kern_inode *b)
{
	size_t len = ((struct zufs_ioc_hdr *)op)->in_len;
	void *saved;
	int err;

	if (!idle_grant(k->inodes, a, b))
		return kern_run(k, op);
	saved = malloc(len);
	if (!saved)
		return -ENOMEM;
	memcpy(saved, op, len);
	err = kern_run(k, op);
	if (err == -ENOSPC)
		err = run_again(k, op, saved, a, b);
	free(saved);
	return err;
}

/* ---- inodes ---- */

static bool attr_ok(const struct kern *k, const struct zufs_attr *attr)
{
	const struct zus_inode *zi = &attr->zi;

	if (!zi->i_ino || !zi->i_generation)
		return false;
	switch (zi->i_mode & S_IFMT) {
	case S_IFLNK:
		return zi->i_size && zi->i_size < ZUFS_SYMLINK_MAX;
	case S_IFREG:
	case S_IFDIR:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return zi->i_size <= k->max_bytes;
	default:
		return false;
	}
}

void kern_update(struct kern_inode *ki, const struct zufs_attr *attr)
{
	struct zus_inode was = ki->attr.zi, *zi = &ki->attr.zi;

	if (attr->zi.i_ino != was.i_ino ||
	    (attr->zi.i_mode ^ was.i_mode) & S_IFMT)
		return;
	ki->attr = *attr;
	/* An operation behind the overwrite that made it dirty set a later one. */
	if ((s64)zi->i_ctime > (s64)was.i_ctime)
		ki->dirty &= ~ZUFS_STATX_CTIME;
	if (ki->dirty & ZUFS_STATX_MTIME)
		zi->i_mtime = was.i_mtime;
	if (ki->dirty & ZUFS_STATX_CTIME)
		zi->i_ctime = was.i_ctime;
}

void kern_touch(struct kern *k, struct kern_inode *ki)
{
	struct zus_inode *zi = &ki->attr.zi;

	if ((s64)zi->i_mtime != k->now)
		ki->dirty |= ZUFS_STATX_MTIME;
	if ((s64)zi->i_ctime != k->now)
		ki->dirty |= ZUFS_STATX_CTIME;
	zi->i_mtime = (u64)k->now;
	zi->i_ctime = (u64)k->now;
}

int kern_send_attr(struct kern *k, struct kern_inode *ki,
		   const struct zus_inode *zi, u64 valid)
{
	return kern_send_all(k, ki, zi, valid, 0);
}

int kern_send_all(struct kern *k, struct kern_inode *ki,
		  const struct zus_inode *zi, u64 valid, u32 projid)
{
	struct zufs_ioc_attr *io = kern_op(k, ZUFS_OP_SETATTR, ki, sizeof(*io));
	int err;

	io->zi = *zi;
	io->projid = projid;
	io->valid = valid | (ki->dirty & ZUFS_STATX_MTIME);
	err = kern_run_space(k, io, ki, NULL);
	if (err)
		return err;
	ki->dirty &= ~ZUFS_STATX_MTIME;
	if ((s64)ki->attr.zi.i_ctime <= k->now)
		ki->dirty &= ~ZUFS_STATX_CTIME;
	kern_update(ki, &io->attr);
	return 0;
}

int kern_sync_inode(struct kern *k, struct kern_inode *ki)
{
	struct zufs_ioc_sync *io;
	int err;

	if (!ki->dirty)
		return 0;
	io = kern_op(k, ZUFS_OP_SYNC, ki, sizeof(*io));
	io->length = UINT64_MAX;
	io->valid = ki->dirty;
	io->atime = (s64)ki->attr.zi.i_atime;
	io->mtime = (s64)ki->attr.zi.i_mtime;
	io->ctime = (s64)ki->attr.zi.i_ctime;
	err = kern_run(k, io);
	if (!err)
		ki->dirty = 0;
	return err;
}

static struct kern_inode *inode_new(struct kern *k,
				    const struct zufs_attr *attr)
{
	struct kern_inode *ki = calloc(1, sizeof(*ki));

	if (!ki)
		abort();
	ki->attr = *attr;
	ki->grant.end = UINT64_MAX;
	ki->next = k->inodes;
	k->inodes = ki;
	return ki;
}

struct kern_inode *kern_iget(struct kern *k, const struct zufs_attr *attr)
{
	struct kern_inode *ki = k->inodes;

	if (!attr_ok(k, attr))
		return NULL;
	while (ki && (ki->attr.zi.i_ino != attr->zi.i_ino ||
		      ki->attr.zi.i_generation != attr->zi.i_generation))
		ki = ki->next;
	if (!ki)
		ki = inode_new(k, attr);
	ki->refs++;
	return ki;
}

static void inode_free(struct kern *k, struct kern_inode *ki)
{
	struct kern_inode **p = &k->inodes;

	while (*p != ki)
		p = &(*p)->next;
	*p = ki->next;
	free(ki);
}

void kern_put(struct kern *k, struct kern_inode *ki)
{
	bool gone = !ki->attr.zi.i_nlink;

	if (--ki->refs)
		return;
	if (!gone)
		kern_sync_inode(k, ki);
	kern_run(k, kern_op(k, gone ? ZUFS_OP_FREE_INODE : ZUFS_OP_EVICT_INODE,
			    ki, sizeof(struct zufs_ioc_op)));
	inode_free(k, ki);
}

/* ---- mounts ---- */

static int mount_local(struct kern *k, struct zus_fs_info *zfi,
		       struct zufs_ioc_mount *zim)
{
	int err = zus_local_mount(zfi, k->addr, k->bytes, zim, &k->zl);

	if (err)
		return err;
	k->sbi = (void *)(uintptr_t)zim->sbi_handle;
	k->falloc_sup = zim->falloc_sup;
	k->nio = zim->fs_caps & ZUFS_FSC_NIO_READS;
	k->acl = zim->fs_caps & ZUFS_FSC_ACL_ON;
	k->root = kern_iget(k, &zim->root);
	if (k->root)
		return 0;
	kern_kill(k);
	return -EIO;
}

int kern_mount(struct kern *k, struct zus_fs_info *zfi, char *addr,
	       size_t bytes, uint64_t flags)
{
	struct zufs_ioc_mount *zim = calloc(1, sizeof(*zim));
	int err;

	if (!zim)
		return -ENOMEM;
	memset(k->files, 0, sizeof(k->files));
	k->inodes = NULL;
	k->addr = addr;
	k->bytes = bytes;
	k->ro = flags & ZUFS_M_RDONLY;
	k->max_bytes = zfi->rfi.s_maxbytes;
	zim->mount_flags = flags;
	if (k->options)
		strncpy(zim->options, k->options, sizeof(zim->options) - 1);
	err = mount_local(k, zfi, zim);
	free(zim);
	return err;
}

static void umount_local(struct kern *k)
{
	while (k->inodes)
		inode_free(k, k->inodes);
	zus_local_umount(k->zl);
	k->zl = NULL;
}

static int send_remount(struct kern *k, bool ro)
{
	struct zufs_ioc_mount *zim;
	int err = 0;

	if (!k->sbi->zfi->op->sbi_remount)
		return 0;
	zim = calloc(1, sizeof(*zim));
	if (!zim)
		return -ENOMEM;
	zim->mount_flags = ro ? ZUFS_M_RDONLY : 0;
	zim->remount_flags = (k->ro ? ZUFS_REM_WAS_RO : 0) |
			     (ro ? ZUFS_REM_WILL_RO : 0);
	err = k->sbi->zfi->op->sbi_remount(k->sbi, zim);
	free(zim);
	return err;
}

/* Times, then all that the server has. */
static void sync_all(struct kern *k)
{
	for (struct kern_inode *ki = k->inodes; ki; ki = ki->next)
		kern_sync_inode(k, ki);
	kern_run(k,
		 kern_op(k, ZUFS_OP_SYNC, NULL, sizeof(struct zufs_ioc_sync)));
}

void kern_umount(struct kern *k)
{
	for (int fd = 0; fd < KERN_FILES; fd++)
		if (k->files[fd])
			kern_close(k, fd);
	sync_all(k);
	umount_local(k);
}

/*
 * The end of a mount settles inodes that weren't evicted: it frees orphans and
 * truncates. Not on a read-only one, and to become that stores nothing.
 */
void kern_kill(struct kern *k)
{
	if (!k->ro && send_remount(k, true))
		abort();
	umount_local(k);
}

void kern_share(struct kern *k, struct kern *from)
{
	memset(k->files, 0, sizeof(k->files));
	k->inodes = NULL;
	k->zl = from->zl;
	k->sbi = from->sbi;
	k->addr = from->addr;
	k->bytes = from->bytes;
	k->ro = from->ro;
	k->nio = from->nio;
	k->max_bytes = from->max_bytes;
	k->falloc_sup = from->falloc_sup;
	k->unique = from->unique + 1000000;
	k->root = kern_iget(k, &from->root->attr);
}

void kern_unshare(struct kern *k)
{
	while (k->inodes)
		inode_free(k, k->inodes);
}

int kern_remount(struct kern *k, bool ro)
{
	int err;

	for (int fd = 0; ro && fd < KERN_FILES; fd++)
		if (k->files[fd] && !kern_is(k->files[fd], S_IFDIR))
			return -EBUSY;
	sync_all(k);
	err = send_remount(k, ro);
	if (!err)
		k->ro = ro;
	return err;
}

int kern_statfs(struct kern *k, struct zufs_ioc_statfs *st)
{
	struct zufs_ioc_statfs *io =
		kern_op(k, ZUFS_OP_STATFS, NULL, sizeof(*io));
	int err = kern_run(k, io);

	if (!err)
		*st = *io;
	return err;
}

int kern_label(struct kern *k, char *label, uint32_t size)
{
	struct kern_inode *root;
	struct zufs_ioc_ioctl *io;
	int err = kern_walk(k, "", &root);

	if (err)
		return err;
	io = kern_op(k, ZUFS_OP_IOCTL, root, sizeof(*io) + FSLABEL_MAX);
	io->op.hdr.out_start = offsetof(struct zufs_ioc_ioctl, arg);
	io->op.hdr.out_max =
		(u32)sizeof(*io) + FSLABEL_MAX - io->op.hdr.out_start;
	io->cmd = FS_IOC_GETFSLABEL;
	err = kern_run(k, io);
	if (!err)
		snprintf(label, size, "%.*s", FSLABEL_MAX, io->arg);
	kern_put(k, root);
	return err;
}

/* ---- descriptors ---- */

struct kern_inode *kern_file(struct kern *k, int fd)
{
	return fd >= 0 && fd < KERN_FILES ? k->files[fd] : NULL;
}

int kern_fd(struct kern *k, struct kern_inode *ki)
{
	for (int fd = 0; fd < KERN_FILES; fd++) {
		if (k->files[fd])
			continue;
		k->files[fd] = ki;
		return fd;
	}
	kern_put(k, ki);
	return -EMFILE;
}

int kern_open(struct kern *k, const char *path)
{
	struct kern_inode *ki;
	int err = kern_walk(k, path, &ki);

	if (err)
		return err;
	if (!kern_is(ki, S_IFLNK))
		return kern_fd(k, ki);
	kern_put(k, ki);
	return -ELOOP;
}

static bool is_open(const struct kern *k, const struct kern_inode *ki)
{
	for (int fd = 0; fd < KERN_FILES; fd++)
		if (k->files[fd] == ki)
			return true;
	return false;
}

void kern_answer(struct kern *k)
{
	if (k->answered)
		k->answered(k);
}

int kern_close(struct kern *k, int fd)
{
	struct kern_inode *ki = kern_file(k, fd);

	if (!ki)
		return -EBADF;
	k->files[fd] = NULL;
	kern_answer(k);
	/* The last writer: what was granted and not used goes back. */
	if (!is_open(k, ki))
		kern_put_grant(k, ki);
	kern_put(k, ki);
	return 0;
}
