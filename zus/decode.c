// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * From an operation in a buffer to a callback of the plugin and back.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"

#define MAX_ERRNO 4095 /* what the kernel takes for an errno */

/* An operation on its way. */
struct call {
	struct zus_mount *m;
	struct zufs_ioc_op *op;
	size_t size;	  /* of the buffer */
	uint32_t out_end; /* bytes from the header that are the answer */
};

struct op_desc {
	int (*run)(struct call *c);
	uint32_t size; /* of the fixed part: IN must cover up to @in */
	uint32_t in;   /* offset of the first OUT field */
};

static __thread struct {
	unsigned int channel;
	const struct zufs_ioc_hdr *hdr;
} current;

void zus_thread_set(unsigned int channel, const struct zufs_ioc_hdr *hdr)
{
	current.channel = channel;
	current.hdr = hdr;
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
	return current.hdr &&
	       __atomic_load_n(&current.hdr->flags, __ATOMIC_RELAXED) &
		       ZUFS_H_INTR;
}

/* Room for outputs behind the first @fixed bytes of the operation. */
static uint32_t room_behind(const struct zufs_ioc_hdr *hdr, size_t fixed)
{
	size_t end = (size_t)hdr->out_start + hdr->out_max;

	return end > fixed ? (uint32_t)(end - fixed) : 0;
}

/* ---- names and inodes ---- */

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

static void attr_handle(struct zufs_attr *attr, struct zus_inode_info *zii)
{
	attr->handle = (uint64_t)(uintptr_t)zii;
}

/* One reference of the plugin's becomes the kernel's. */
static int give_inode(struct call *c, struct zus_inode_info *zii,
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

/* sbi_init gave the root: it needs no reference of the kernel's. */
static bool is_root(const struct zus_sb_info *sbi, const struct zufs_iref *ref)
{
	return ref->ino == sbi->z_root->ino &&
	       (!ref->generation || ref->generation == sbi->z_root->generation);
}

/* The inode that the wire names; one that a former epoch knew is found again. */
static int find_inode(struct call *c, const struct zufs_iref *ref,
		      struct zus_inode_info **zii)
{
	struct zus_sb_info *sbi = c->m->sbi;
	struct zufs_attr attr;
	int err;

	if (!ref->ino)
		return -EINVAL;
	*zii = is_root(sbi, ref) ? sbi->z_root :
				   zus_handle_find(&c->m->handles, ref);
	if (*zii)
		return 0;
	if (!sbi->op->iget)
		return -ESTALE;
	err = sbi->op->iget(sbi, ref->ino, ref->generation, &attr, zii);
	if (err)
		return err;
	return give_inode(c, *zii, &attr);
}

/* ---- operations of a filesystem ---- */

static int op_statfs(struct call *c)
{
	struct zufs_ioc_statfs *io = (void *)c->op;

	if (!c->m->sbi->op->statfs)
		return -EOPNOTSUPP;
	io->namelen = ZUFS_NAME_LEN;
	return c->m->sbi->op->statfs(c->m->sbi, io);
}

static int op_show_options(struct call *c)
{
	struct zufs_ioc_mount_options *io = (void *)c->op;

	io->len = 0;
	io->buf[0] = 0;
	if (!c->m->sbi->op->show_options)
		return 0;
	return c->m->sbi->op->show_options(c->m->sbi, io);
}

static int op_new_inode(struct call *c)
{
	struct zufs_ioc_new_inode *io = (void *)c->op;
	struct zus_inode_info *dir, *zii;
	int err;

	if (!c->m->sbi->op->new_inode)
		return -EOPNOTSUPP;
	if (io->symlen >= ZUFS_SYMLINK_MAX ||
	    io->op.hdr.in_len < sizeof(*io) + io->symlen)
		return -EINVAL;
	if (!(io->flags & ZI_TMPFILE) && check_new_str(&io->str))
		return -EINVAL;
	err = find_inode(c, &io->op.ii, &dir);
	if (err)
		return err;
	err = c->m->sbi->op->new_inode(c->m->sbi, dir, io, &zii);
	if (err)
		return err;
	attr_handle(&io->dir, dir);
	return give_inode(c, zii, &io->attr);
}

static int op_lookup(struct call *c)
{
	struct zufs_ioc_lookup *io = (void *)c->op;
	struct zus_inode_info *dir, *zii;
	int err;

	if (!c->m->sbi->op->lookup)
		return -EOPNOTSUPP;
	err = check_str(&io->str);
	if (!err)
		err = find_inode(c, &io->op.ii, &dir);
	if (err)
		return err;
	err = c->m->sbi->op->lookup(c->m->sbi, dir, io, &zii);
	return err ? err : give_inode(c, zii, &io->attr);
}

static int op_iget(struct call *c)
{
	struct zufs_ioc_lookup *io = (void *)c->op;
	struct zus_inode_info *zii;
	int err;

	if (!c->m->sbi->op->iget)
		return -EOPNOTSUPP;
	err = c->m->sbi->op->iget(c->m->sbi, io->op.ii.ino,
				  io->op.ii.generation, &io->attr, &zii);
	return err ? err : give_inode(c, zii, &io->attr);
}

static int dentry_args(struct call *c, struct zus_inode_info **dir,
		       struct zus_inode_info **zii)
{
	struct zufs_ioc_dentry *io = (void *)c->op;
	int err = check_new_str(&io->str);

	if (!err)
		err = find_inode(c, &io->op.ii, dir);
	if (!err)
		err = find_inode(c, &io->child, zii);
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

static int op_add_dentry(struct call *c)
{
	return op_dentry(c, c->m->sbi->op->add_dentry);
}

static int op_remove_dentry(struct call *c)
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
		err = find_inode(c, &io->op.ii, &zii[0]);
	if (!err)
		err = find_inode(c, &io->new_dir, &zii[1]);
	if (!err)
		err = find_inode(c, &io->old, &zii[2]);
	if (!err && io->new_.ino)
		err = find_inode(c, &io->new_, &zii[3]);
	return err;
}

static int op_rename(struct call *c)
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

static int op_readdir(struct call *c)
{
	struct zufs_ioc_readdir *io = (void *)c->op;
	struct zus_inode_info *dir;
	int err;

	if (!c->m->sbi->op->readdir)
		return -EOPNOTSUPP;
	err = find_inode(c, &io->op.ii, &dir);
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

/* ---- operations of an inode ---- */

/*
 * The plugin's evict is called once for each reference, with free_inode on the
 * last. An inode that isn't known was known to a server before this one: only
 * freeing it is of use.
 */
static int evict(struct call *c, bool free_inode)
{
	struct zufs_ioc_evict_inode *io = (void *)c->op;
	bool one = !free_inode && io->flags & ZI_LOOKUP_RACE;
	bool root = is_root(c->m->sbi, &io->op.ii);
	struct zus_inode_info *zii;
	unsigned int nr;

	if (free_inode && !root) {
		int err = find_inode(c, &io->op.ii, &zii);

		if (err)
			return err == -ESTALE ? 0 : err;
	}
	zii = zus_handle_del(&c->m->handles, &io->op.ii, one, &nr);
	if (!zii)
		return 0;
	while (--nr)
		zii->op->evict(zii, false);
	zii->op->evict(zii, free_inode && !root);
	return 0;
}

static int op_free(struct call *c)
{
	return evict(c, true);
}

static int op_evict(struct call *c)
{
	return evict(c, false);
}

static int op_sync(struct call *c)
{
	struct zufs_ioc_sync *io = (void *)c->op;
	struct zus_sb_info *sbi = c->m->sbi;
	struct zus_inode_info *zii;
	int err;

	if (!io->op.ii.ino)
		return sbi->op->sync_fs ? sbi->op->sync_fs(sbi) : 0;
	err = find_inode(c, &io->op.ii, &zii);
	if (err || !zii->op->sync)
		return err;
	return zii->op->sync(zii, io);
}

/* Calls one callback of the inode; @missing is the answer if there is none. */
#define ZII_OP(name, cb, type, missing, ...)                          \
	static int op_##name(struct call *c)                          \
	{                                                             \
		type *io = (void *)c->op;                             \
		struct zus_inode_info *zii;                           \
		int err = find_inode(c, &io->op.ii, &zii);            \
                                                                      \
		if (err)                                              \
			return err;                                   \
		err = zii->op->cb ? zii->op->cb(zii, io) : (missing); \
		__VA_ARGS__;                                          \
		return err;                                           \
	}

ZII_OP(setattr, setattr, struct zufs_ioc_attr, -EOPNOTSUPP,
       attr_handle(&io->attr, zii))
ZII_OP(get_symlink, get_symlink, struct zufs_ioc_get_symlink, -EOPNOTSUPP)
ZII_OP(fallocate, fallocate, struct zufs_ioc_IO, -EOPNOTSUPP,
       attr_handle(&io->attr, zii))
ZII_OP(pre_read, pre_read, struct zufs_ioc_IO, 0)
ZII_OP(mmap_close, mmap_close, struct zufs_ioc_IO, 0)
ZII_OP(seek, seek, struct zufs_ioc_seek, -EOPNOTSUPP)

static int op_grant(struct call *c)
{
	struct zufs_ioc_grant *io = (void *)c->op;
	struct zus_inode_info *zii;
	int err = find_inode(c, &io->op.ii, &zii);

	if (err)
		return err;
	if (!zii->op->grant)
		return -EOPNOTSUPP;
	io->n = 0;
	err = zii->op->grant(zii, io);
	return !err && io->n > ZUFS_GRANT_MAX ? -EIO : err;
}

static int op_grant_put(struct call *c)
{
	struct zufs_ioc_grant *io = (void *)c->op;
	struct zus_inode_info *zii;
	int err;

	if (io->n > ZUFS_GRANT_MAX ||
	    io->op.hdr.in_len < offsetof(struct zufs_ioc_grant, ext) +
					io->n * sizeof(io->ext[0]))
		return -EINVAL;
	err = find_inode(c, &io->op.ii, &zii);
	if (err)
		return err;
	return zii->op->grant_put ? zii->op->grant_put(zii, io) : -EOPNOTSUPP;
}

/* The argument is in and out: all the room there is. */
static int op_ioctl(struct call *c)
{
	struct zufs_ioc_ioctl *io = (void *)c->op;
	uint32_t in_len = io->op.hdr.in_len;
	struct zus_inode_info *zii;
	int err = find_inode(c, &io->op.ii, &zii);

	if (err)
		return err;
	if (!zii->op->ioctl)
		return -ENOTTY;
	memset((char *)io + in_len, 0, room_behind(&io->op.hdr, in_len));
	c->out_end =
		(uint32_t)sizeof(*io) + room_behind(&io->op.hdr, sizeof(*io));
	return zii->op->ioctl(zii, io);
}

static int op_get_multy(struct call *c)
{
	struct zufs_ioc_get_multy *io = (void *)c->op;
	uint32_t room =
		room_behind(&io->op.hdr, sizeof(*io)) / sizeof(io->ext[0]);
	struct zus_inode_info *zii;
	int err = find_inode(c, &io->op.ii, &zii);

	if (err)
		return err;
	if (!zii->op->get_multy)
		return -EOPNOTSUPP;
	if (io->max > room)
		io->max = room;
	io->n = 0;
	err = zii->op->get_multy(zii, io);
	attr_handle(&io->attr, zii);
	if (io->n > room)
		return -EIO;
	c->out_end = (uint32_t)(sizeof(*io) + io->n * sizeof(io->ext[0]));
	return err;
}

/* extents_mapped may be more than there is room for: that many there are. */
static int op_fiemap(struct call *c)
{
	struct zufs_ioc_fiemap *io = (void *)c->op;
	uint32_t room =
		room_behind(&io->op.hdr, sizeof(*io)) / sizeof(io->ext[0]);
	struct zus_inode_info *zii;
	uint32_t n;
	int err = find_inode(c, &io->op.ii, &zii);

	if (err)
		return err;
	if (!zii->op->fiemap)
		return -EOPNOTSUPP;
	if (io->extents_max > room)
		io->extents_max = room;
	io->extents_mapped = 0;
	err = zii->op->fiemap(zii, io);
	n = io->extents_mapped < room ? io->extents_mapped : room;
	c->out_end = (uint32_t)(sizeof(*io) + n * sizeof(io->ext[0]));
	return err;
}

static int op_commit_write(struct call *c)
{
	struct zufs_ioc_commit *io = (void *)c->op;
	struct zus_inode_info *zii;
	int err;

	if (io->n > ZUFS_COMMIT_MAX ||
	    io->op.hdr.in_len < sizeof(*io) + io->n * sizeof(io->ext[0]))
		return -EINVAL;
	err = find_inode(c, &io->op.ii, &zii);
	if (err)
		return err;
	if (!zii->op->commit_write)
		return -EOPNOTSUPP;
	io->n_grant = 0;
	err = zii->op->commit_write(zii, io);
	attr_handle(&io->attr, zii);
	return !err && io->n_grant > ZUFS_GRANT_MAX ? -EIO : err;
}

static int op_clone(struct call *c)
{
	struct zufs_ioc_clone *io = (void *)c->op;
	struct zus_inode_info *zii, *src;
	int err = find_inode(c, &io->op.ii, &zii);

	if (!err)
		err = find_inode(c, &io->src, &src);
	if (err)
		return err;
	if (!zii->op->clone)
		return -EOPNOTSUPP;
	err = zii->op->clone(zii, src, io);
	attr_handle(&io->attr, zii);
	return err;
}

/* Data of READ and WRITE stands in the buffer at io->data. */
static int io_data(struct call *c, void **data, uint64_t *len)
{
	struct zufs_ioc_IO *io = (void *)c->op;

	if (io->last_pos < io->filepos || io->data < sizeof(*io))
		return -EINVAL;
	*len = io->last_pos - io->filepos;
	if (io->data > c->size || *len > c->size - io->data)
		return -EINVAL;
	*data = (char *)io + io->data;
	return 0;
}

static int op_read(struct call *c)
{
	struct zufs_ioc_IO *io = (void *)c->op;
	struct zus_inode_info *zii;
	uint64_t len;
	void *data;
	int err = find_inode(c, &io->op.ii, &zii);

	if (!err)
		err = io_data(c, &data, &len);
	if (!err && len > room_behind(&io->op.hdr, io->data))
		err = -EINVAL;
	if (err)
		return err;
	if (!zii->op->read)
		return -EOPNOTSUPP;
	c->out_end = (uint32_t)(io->data + len);
	err = zii->op->read(zii, data, io);
	attr_handle(&io->attr, zii);
	return err;
}

static int op_write(struct call *c)
{
	struct zufs_ioc_IO *io = (void *)c->op;
	struct zus_inode_info *zii;
	uint64_t len;
	void *data;
	int err = find_inode(c, &io->op.ii, &zii);

	if (!err)
		err = io_data(c, &data, &len);
	if (!err && io->op.hdr.in_len < io->data + len)
		err = -EINVAL;
	if (err)
		return err;
	if (!zii->op->write)
		return -EOPNOTSUPP;
	err = zii->op->write(zii, data, io);
	attr_handle(&io->attr, zii);
	return err;
}

/* The name of an xattr, NUL-terminated within what was sent. */
static int xattr_name(struct call *c)
{
	struct zufs_ioc_xattr *io = (void *)c->op;
	size_t sent = io->op.hdr.in_len - sizeof(*io);

	if (!io->name_len || io->name_len > 256 || io->name_len > sent ||
	    strnlen(io->buf, io->name_len) != io->name_len - 1)
		return -EINVAL;
	return 0;
}

static int op_xattr_get(struct call *c)
{
	struct zufs_ioc_xattr *io = (void *)c->op;
	struct zus_inode_info *zii;
	uint32_t want = io->user_buf_size;
	int err = find_inode(c, &io->op.ii, &zii);

	if (!err)
		err = xattr_name(c);
	if (err)
		return err;
	if (!zii->op->getxattr)
		return -EOPNOTSUPP;
	if (want > room_behind(&io->op.hdr, sizeof(*io)))
		return -E2BIG;
	err = zii->op->getxattr(zii, io);
	if (err || !want)
		return err;
	if (io->user_buf_size > want)
		return -EIO;
	c->out_end += io->user_buf_size;
	return 0;
}

static int op_xattr_set(struct call *c)
{
	struct zufs_ioc_xattr *io = (void *)c->op;
	struct zus_inode_info *zii;
	int err = find_inode(c, &io->op.ii, &zii);

	if (!err)
		err = xattr_name(c);
	if (!err &&
	    io->user_buf_size > io->op.hdr.in_len - sizeof(*io) - io->name_len)
		err = -EINVAL;
	if (err)
		return err;
	if (!zii->op->setxattr)
		return -EOPNOTSUPP;
	err = zii->op->setxattr(zii, io);
	attr_handle(&io->attr, zii);
	return err;
}

static int op_xattr_list(struct call *c)
{
	struct zufs_ioc_xattr *io = (void *)c->op;
	struct zus_inode_info *zii;
	uint32_t want = io->user_buf_size;
	int err = find_inode(c, &io->op.ii, &zii);

	if (err)
		return err;
	if (!zii->op->listxattr)
		return -EOPNOTSUPP;
	if (want > room_behind(&io->op.hdr, sizeof(*io)))
		return -E2BIG;
	err = zii->op->listxattr(zii, io);
	if (err || !want)
		return err;
	if (io->user_buf_size > want)
		return -EIO;
	c->out_end += io->user_buf_size;
	return 0;
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
	[ZUFS_OP_STATFS] = OP(op_statfs, zufs_ioc_statfs, blocks),
	[ZUFS_OP_SHOW_OPTIONS] =
		OP(op_show_options, zufs_ioc_mount_options, len),
	[ZUFS_OP_NEW_INODE] = OP(op_new_inode, zufs_ioc_new_inode, attr),
	[ZUFS_OP_FREE_INODE] = OP_IN(op_free, zufs_ioc_evict_inode),
	[ZUFS_OP_EVICT_INODE] = OP_IN(op_evict, zufs_ioc_evict_inode),
	[ZUFS_OP_LOOKUP] = OP(op_lookup, zufs_ioc_lookup, attr),
	[ZUFS_OP_IGET] = OP(op_iget, zufs_ioc_lookup, str),
	[ZUFS_OP_ADD_DENTRY] = OP(op_add_dentry, zufs_ioc_dentry, attr),
	[ZUFS_OP_REMOVE_DENTRY] = OP(op_remove_dentry, zufs_ioc_dentry, attr),
	[ZUFS_OP_RENAME] = OP(op_rename, zufs_ioc_rename, old_dir_attr),
	[ZUFS_OP_READDIR] = OP(op_readdir, zufs_ioc_readdir, more),
	[ZUFS_OP_CLONE] = OP(op_clone, zufs_ioc_clone, attr),
	[ZUFS_OP_COPY] = OP(op_clone, zufs_ioc_clone, attr),
	[ZUFS_OP_READ] = OP(op_read, zufs_ioc_IO, attr),
	[ZUFS_OP_PRE_READ] = OP(op_pre_read, zufs_ioc_IO, attr),
	[ZUFS_OP_WRITE] = OP(op_write, zufs_ioc_IO, attr),
	[ZUFS_OP_MMAP_CLOSE] = OP(op_mmap_close, zufs_ioc_IO, attr),
	[ZUFS_OP_GET_SYMLINK] = OP(op_get_symlink, zufs_ioc_get_symlink, len),
	[ZUFS_OP_SETATTR] = OP(op_setattr, zufs_ioc_attr, attr),
	[ZUFS_OP_SYNC] = OP_IN(op_sync, zufs_ioc_sync),
	[ZUFS_OP_FALLOCATE] = OP(op_fallocate, zufs_ioc_IO, attr),
	[ZUFS_OP_LLSEEK] = OP(op_seek, zufs_ioc_seek, offset_out),
	[ZUFS_OP_IOCTL] = OP(op_ioctl, zufs_ioc_ioctl, uflags),
	[ZUFS_OP_XATTR_GET] = OP_IN(op_xattr_get, zufs_ioc_xattr),
	[ZUFS_OP_XATTR_SET] = OP_IN(op_xattr_set, zufs_ioc_xattr),
	[ZUFS_OP_XATTR_LIST] = OP(op_xattr_list, zufs_ioc_xattr, attr),
	[ZUFS_OP_FIEMAP] = OP(op_fiemap, zufs_ioc_fiemap, extents_mapped),
	[ZUFS_OP_GET_MULTY] = OP(op_get_multy, zufs_ioc_get_multy, n),
	[ZUFS_OP_COMMIT_WRITE] = OP(op_commit_write, zufs_ioc_commit, n_grant),
	[ZUFS_OP_GRANT] = OP(op_grant, zufs_ioc_grant, n),
	[ZUFS_OP_GRANT_PUT] = OP(op_grant_put, zufs_ioc_grant, ext),
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

void zus_decode(struct zus_mount *m, struct zufs_ioc_hdr *hdr, size_t size)
{
	struct call c = { .m = m, .op = (void *)hdr, .size = size };
	int err = size < sizeof(*c.op) ? -EINVAL : decode(&c);
	uint32_t end = hdr->out_start + hdr->out_max;

	hdr->out_len = 0;
	if (c.out_end > end)
		c.out_end = end;
	if (c.out_end > hdr->out_start)
		hdr->out_len = c.out_end - hdr->out_start;
	hdr->err = err > 0 || err < -MAX_ERRNO ? -EIO : err;
}

/* ---- helpers of plugins ---- */

uint32_t zus_op_room(const struct zufs_ioc_hdr *hdr)
{
	if (hdr->operation >= ZUFS_OP_MAX_OPT)
		return 0;
	return room_behind(hdr, ops[hdr->operation].size);
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
