// SPDX-License-Identifier: GPL-2.0
/*
 * VFS inodes: made from what the server answers, and kept up to date.
 */
#include <linux/pagemap.h>
#include <linux/posix_acl.h>
#include <linux/writeback.h>

#include "io.h"

#define TIMES (ZUFS_STATX_ATIME | ZUFS_STATX_MTIME | ZUFS_STATX_CTIME)

void zuf_fill_op(struct zuf_req *req, struct inode *inode)
{
	struct zufs_ioc_op *op = zuf_req_op(req, struct zufs_ioc_op);

	op->ii = ZUF_I(inode)->iref;
	op->time = zuf_ns(current_time(inode));
}

void zuf_fill_zi(struct zus_inode *zi, const struct inode *inode)
{
	zi->i_mode = cpu_to_le16(inode->i_mode);
	zi->i_uid = cpu_to_le32(i_uid_read(inode));
	zi->i_gid = cpu_to_le32(i_gid_read(inode));
	zi->i_size = cpu_to_le64(i_size_read(inode));
	zi->i_atime = cpu_to_le64(zuf_ns(inode->i_atime));
	zi->i_mtime = cpu_to_le64(zuf_ns(inode->i_mtime));
	zi->i_ctime = cpu_to_le64(zuf_ns(inode->i_ctime));
}

int zuf_check_attr(struct super_block *sb, const struct zufs_attr *attr)
{
	u16 mode = le16_to_cpu(attr->zi.i_mode);
	u64 size = le64_to_cpu(attr->zi.i_size);

	if (!attr->zi.i_ino || !attr->zi.i_generation)
		return -EIO;
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
		break;
	case S_IFLNK:
		return size && size < ZUFS_SYMLINK_MAX ? 0 : -EIO;
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	default:
		return -EIO;
	}
	return size <= sb->s_maxbytes ? 0 : -EIO;
}

static struct timespec64 from_ns(__le64 ns)
{
	return ns_to_timespec64((s64)le64_to_cpu(ns));
}

static void set_flags(struct inode *inode, u16 flags)
{
	unsigned int f = 0;

	if (flags & ZUFS_S_SYNC)
		f |= S_SYNC;
	if (flags & ZUFS_S_IMMUTABLE)
		f |= S_IMMUTABLE;
	if (flags & ZUFS_S_APPEND)
		f |= S_APPEND;
	if (flags & ZUFS_S_NOATIME)
		f |= S_NOATIME;
	inode_set_flags(inode, f, S_SYNC | S_IMMUTABLE | S_APPEND | S_NOATIME);
}

void zuf_update_attr(struct inode *inode, const struct zufs_attr *attr,
		     bool size)
{
	const struct zus_inode *zi = &attr->zi;
	struct zuf_inode_info *ii = ZUF_I(inode);
	struct timespec64 ctime;

	/* Of another inode, or of another type: not what was asked for. */
	if (le64_to_cpu(zi->i_ino) != ii->iref.ino ||
	    (le16_to_cpu(zi->i_mode) ^ inode->i_mode) & S_IFMT)
		return;
	spin_lock(&inode->i_lock);
	ii->iref.handle = attr->handle;
	ii->attr_flags = attr->flags;
	ii->projid = attr->projid;
	ii->flags = le16_to_cpu(zi->i_flags);
	if (S_ISREG(inode->i_mode) || S_ISDIR(inode->i_mode))
		WRITE_ONCE(ii->version, le32_to_cpu(zi->i_version));
	inode->i_mode = le16_to_cpu(zi->i_mode);
	i_uid_write(inode, le32_to_cpu(zi->i_uid));
	i_gid_write(inode, le32_to_cpu(zi->i_gid));
	inode->i_blocks = le64_to_cpu(zi->i_blocks);
	if (!(ii->dirty_times & ZUFS_STATX_ATIME))
		inode->i_atime = from_ns(zi->i_atime);
	if (!(ii->dirty_times & ZUFS_STATX_MTIME))
		inode->i_mtime = from_ns(zi->i_mtime);
	/* An operation behind the overwrite that made it dirty set a later one. */
	ctime = from_ns(zi->i_ctime);
	if (timespec64_compare(&ctime, &inode->i_ctime) > 0)
		ii->dirty_times &= ~ZUFS_STATX_CTIME;
	if (!(ii->dirty_times & ZUFS_STATX_CTIME))
		inode->i_ctime = ctime;
	spin_unlock(&inode->i_lock);
	set_nlink(inode, le32_to_cpu(zi->i_nlink));
	set_flags(inode, le16_to_cpu(zi->i_flags));
	/* S_NOSEC says too that there is no set-id bit to take off at a write. */
	if (is_sxid(inode->i_mode))
		inode_set_flags(inode, 0, S_NOSEC);
	else if (attr->flags & ZUFS_ATTR_NO_XATTR)
		inode_set_flags(inode, S_NOSEC, S_NOSEC);
	if (size)
		i_size_write(inode, le64_to_cpu(zi->i_size));
}

void zuf_update_written(struct inode *inode, const struct zufs_attr *attr,
			s64 time)
{
	struct zuf_inode_info *ii = ZUF_I(inode);

	spin_lock(&inode->i_lock);
	if (zuf_ns(inode->i_mtime) <= time)
		ii->dirty_times &= ~ZUFS_STATX_MTIME;
	if (zuf_ns(inode->i_ctime) <= time)
		ii->dirty_times &= ~ZUFS_STATX_CTIME;
	spin_unlock(&inode->i_lock);
	zuf_update_attr(inode, attr, true);
}

void zuf_update_blocks(struct inode *inode, const struct zufs_attr *attr)
{
	if (le64_to_cpu(attr->zi.i_ino) != ZUF_I(inode)->iref.ino)
		return;
	spin_lock(&inode->i_lock);
	inode->i_blocks = le64_to_cpu(attr->zi.i_blocks);
	spin_unlock(&inode->i_lock);
}

/* ---- a new VFS inode ---- */

static int inode_is(struct inode *inode, void *data)
{
	const struct zufs_attr *attr = data;
	const struct zufs_iref *ref = &ZUF_I(inode)->iref;

	return ref->ino == le64_to_cpu(attr->zi.i_ino) &&
	       ref->generation == le64_to_cpu(attr->zi.i_generation);
}

static int inode_becomes(struct inode *inode, void *data)
{
	const struct zufs_attr *attr = data;
	struct zufs_iref *ref = &ZUF_I(inode)->iref;

	ref->ino = le64_to_cpu(attr->zi.i_ino);
	ref->generation = le64_to_cpu(attr->zi.i_generation);
	ref->handle = attr->handle;
	inode->i_ino = ref->ino;
	inode->i_generation = ref->generation;
	return 0;
}

/* i_link is the inode's own copy: the server can't change it any more. */
static int set_link(struct inode *inode, const struct zus_inode *zi)
{
	u64 size = le64_to_cpu(zi->i_size);

	if (size >= sizeof(zi->i_symlink))
		return 0;
	inode->i_link =
		kmemdup_nul((const char *)zi->i_symlink, size, GFP_KERNEL);
	return inode->i_link ? 0 : -ENOMEM;
}

static int set_ops(struct inode *inode, const struct zus_inode *zi)
{
	switch (inode->i_mode & S_IFMT) {
	case S_IFREG:
		if (!zuf_is_nio(ZUF_SB(inode->i_sb))) {
			inode->i_op = &zuf_data_iops;
			inode->i_fop = &zuf_data_fops;
			inode->i_mapping->a_ops = &zuf_cache_aops;
			return 0;
		}
		inode->i_op = &zuf_file_iops;
		inode->i_fop = &zuf_file_fops;
		inode->i_mapping->a_ops = &zuf_aops;
		inode->i_flags |= S_DAX;
		return 0;
	case S_IFDIR:
		inode->i_op = &zuf_dir_iops;
		inode->i_fop = &zuf_dir_fops;
		return 0;
	case S_IFLNK:
		inode->i_op = &zuf_symlink_iops;
		inode_nohighmem(inode);
		return set_link(inode, zi);
	default:
		inode->i_op = &zuf_special_iops;
		init_special_inode(inode, inode->i_mode,
				   new_decode_dev(le32_to_cpu(zi->i_rdev)));
		return 0;
	}
}

/* @inode is I_NEW. */
static int set_up(struct inode *inode, const struct zufs_attr *attr)
{
	struct zuf_inode_info *ii = ZUF_I(inode);

	inode->i_mode = le16_to_cpu(attr->zi.i_mode);
	ii->btime = attr->btime;
	zuf_update_attr(inode, attr, true);
	if (attr->flags & ZUFS_ATTR_NO_XATTR)
		cache_no_acl(inode);
	return set_ops(inode, &attr->zi);
}

/*
 * @since: of zuf_evict_last() before the server was asked for @attr. What it was
 * told after it had answered, by writeback and the eviction of the inode that was,
 * isn't in there. NULL: ask again. @fresh: the kernel can't know it yet.
 */
static struct inode *get_inode(struct super_block *sb,
			       const struct zufs_attr *attr, u64 since,
			       bool fresh)
{
	struct zuf_sb_info *sbi = ZUF_SB(sb);
	struct inode *inode;
	bool old;
	int err = zuf_check_attr(sb, attr);

	if (err)
		return ERR_PTR(err);
	inode = iget5_locked(sb, le64_to_cpu(attr->zi.i_ino), inode_is,
			     inode_becomes, (void *)attr);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (!(inode->i_state & I_NEW)) {
		if (!fresh)
			return inode;
		iput(inode);
		return ERR_PTR(-EIO);
	}
	err = zuf_evict_wait(sbi, inode->i_ino);
	old = zuf_evicted_since(sbi, inode->i_ino, since);
	if (!err && !old)
		err = set_up(inode, attr);
	if (err || old) {
		iget_failed(inode);
		return ERR_PTR(err);
	}
	unlock_new_inode(inode);
	return inode;
}

struct inode *zuf_iget(struct super_block *sb, const struct zufs_attr *attr,
		       u64 since)
{
	return get_inode(sb, attr, since, false);
}

struct inode *zuf_iget_new(struct super_block *sb, const struct zufs_attr *attr,
			   umode_t mode)
{
	if ((le16_to_cpu(attr->zi.i_mode) ^ mode) & S_IFMT)
		return ERR_PTR(-EIO);
	return get_inode(sb, attr, U64_MAX, true);
}

/* ---- attributes and times ---- */

int zuf_getattr(struct user_namespace *ns, const struct path *path,
		struct kstat *stat, u32 mask, unsigned int flags)
{
	struct inode *inode = d_inode(path->dentry);
	struct zuf_inode_info *ii = ZUF_I(inode);

	if (ii->btime) {
		stat->result_mask |= STATX_BTIME;
		stat->btime = ns_to_timespec64(ii->btime);
	}
	stat->attributes_mask |= STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND |
				 STATX_ATTR_NODUMP | STATX_ATTR_DAX;
	generic_fillattr(ns, inode, stat);
	stat->blksize = ZUFS_BLOCK_SIZE;
	if (inode->i_flags & S_IMMUTABLE)
		stat->attributes |= STATX_ATTR_IMMUTABLE;
	if (inode->i_flags & S_APPEND)
		stat->attributes |= STATX_ATTR_APPEND;
	if (ii->flags & ZUFS_S_NODUMP)
		stat->attributes |= STATX_ATTR_NODUMP;
	if (IS_DAX(inode))
		stat->attributes |= STATX_ATTR_DAX;
	return 0;
}

/* Lazy: the server learns of them by SYNC, from fsync and writeback. */
int zuf_update_time(struct inode *inode, struct timespec64 *time, int flags)
{
	struct zuf_inode_info *ii = ZUF_I(inode);

	spin_lock(&inode->i_lock);
	if (flags & S_ATIME) {
		inode->i_atime = *time;
		ii->dirty_times |= ZUFS_STATX_ATIME;
	}
	if (flags & S_MTIME) {
		inode->i_mtime = *time;
		ii->dirty_times |= ZUFS_STATX_MTIME;
	}
	if (flags & S_CTIME) {
		inode->i_ctime = *time;
		ii->dirty_times |= ZUFS_STATX_CTIME;
	}
	spin_unlock(&inode->i_lock);
	mark_inode_dirty_sync(inode);
	return 0;
}

/*
 * The server has stored the times of @io. Those that have changed since, or were
 * stored by an operation that SYNC came behind of, are still to be told.
 */
static bool times_stored(struct inode *inode, const struct zufs_ioc_sync *io)
{
	struct zuf_inode_info *ii = ZUF_I(inode);
	u32 other = 0;

	spin_lock(&inode->i_lock);
	if (zuf_ns(inode->i_atime) != io->atime)
		other |= ZUFS_STATX_ATIME;
	if (zuf_ns(inode->i_mtime) != io->mtime)
		other |= ZUFS_STATX_MTIME;
	if (zuf_ns(inode->i_ctime) != io->ctime)
		other |= ZUFS_STATX_CTIME;
	ii->dirty_times = (ii->dirty_times & ~io->valid) | (other & io->valid);
	other = ii->dirty_times;
	spin_unlock(&inode->i_lock);
	return other;
}

int zuf_sync_inode(struct inode *inode, int datasync, bool always)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	struct zuf_inode_info *ii = ZUF_I(inode);
	struct zufs_ioc_sync *io;
	struct zuf_req *req;
	int err;

	if (!READ_ONCE(ii->dirty_times) && !always)
		return 0;
	req = zuf_req_alloc(sbi, ZUFS_OP_SYNC, sizeof(*io), sizeof(*io),
			    sizeof(*io));
	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_sync);
	zuf_fill_op(req, inode);
	io->length = U64_MAX;
	io->flags = datasync ? ZUFS_SYNC_DATASYNC : 0;
	spin_lock(&inode->i_lock);
	io->valid = ii->dirty_times & TIMES;
	io->atime = zuf_ns(inode->i_atime);
	io->mtime = zuf_ns(inode->i_mtime);
	io->ctime = zuf_ns(inode->i_ctime);
	spin_unlock(&inode->i_lock);
	req->wait = ZUF_WAIT_KILL;
	err = zuf_dispatch(sbi, req, 0);
	/* They stay dirty until here, so that no answer sets the old ones. */
	if (!err && times_stored(inode, io))
		mark_inode_dirty_sync(inode);
	zuf_req_put(req);
	return err;
}
