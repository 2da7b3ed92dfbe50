// SPDX-License-Identifier: GPL-2.0
/*
 * Regular files: read, write, fsync, seek.
 */
#include <linux/dax.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/uio.h>
#include <linux/writeback.h>

#include "fs.h"

static ssize_t zuf_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t done;

	if (!iov_iter_count(to))
		return 0;
	if (iocb->ki_flags & IOCB_NOWAIT) {
		if (!inode_trylock_shared(inode))
			return -EAGAIN;
	} else {
		inode_lock_shared(inode);
	}
	done = zuf_dax_rw(iocb, to, &zuf_iomap_ops);
	inode_unlock_shared(inode);
	file_accessed(iocb->ki_filp);
	return done;
}

/* ---- write; i_rwsem is held exclusive ---- */

ssize_t zuf_write_checks(struct kiocb *iocb, struct iov_iter *from)
{
	ssize_t count = generic_write_checks(iocb, from);

	if (count > 0 && IS_IMMUTABLE(file_inode(iocb->ki_filp)))
		return -EPERM; /* since it was opened */
	return count;
}

static ssize_t write_locked(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t count = zuf_write_checks(iocb, from);
	int err;

	if (count <= 0)
		return count;
	err = kiocb_modified(iocb);
	if (err)
		return err;
	if (iocb->ki_pos + count <= i_size_read(inode))
		return zuf_dax_rw(iocb, from, &zuf_iomap_ops);
	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
	return zuf_write_extending(iocb, from);
}

static ssize_t zuf_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t done;

	if (iocb->ki_flags & IOCB_NOWAIT) {
		if (!inode_trylock(inode))
			return -EAGAIN;
	} else {
		inode_lock(inode);
	}
	done = write_locked(iocb, from);
	inode_unlock(inode);
	pmem_wmb(); /* what is acknowledged is durable */
	if (done > 0)
		done = generic_write_sync(iocb, done);
	return done;
}

/* ---- the rest ---- */

/* Takes neither i_rwsem nor invalidate_lock: MAP_SYNC faults come here. */
int zuf_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct inode *inode = file_inode(file);
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	int err = file_write_and_wait_range(file, start, end);

	pmem_wmb(); /* stores of mappings were flushed, not fenced */
	if (err)
		return err;
	/* What a server was given to write it may have in its memory still. */
	return zuf_sync_inode(inode, datasync,
			      !zuf_is_nio(sbi) ||
				      sbi->fs_caps & ZUFS_FSC_SYNC_ALWAYS);
}

int zuf_sync_if(struct file *file, loff_t pos, loff_t len)
{
	if (!(file->f_flags & O_DSYNC) && !IS_SYNC(file_inode(file)))
		return 0;
	return vfs_fsync_range(file, pos, pos + len - 1,
			       !(file->f_flags & __O_SYNC));
}

static loff_t zuf_llseek(struct file *file, loff_t offset, int whence)
{
	struct inode *inode = file_inode(file);

	switch (whence) {
	case SEEK_HOLE:
	case SEEK_DATA:
		inode_lock_shared(inode);
		if (whence == SEEK_HOLE)
			offset = iomap_seek_hole(inode, offset, &zuf_iomap_ops);
		else
			offset = iomap_seek_data(inode, offset, &zuf_iomap_ops);
		inode_unlock_shared(inode);
		if (offset < 0)
			return offset;
		return vfs_setpos(file, offset, inode->i_sb->s_maxbytes);
	default:
		return generic_file_llseek(file, offset, whence);
	}
}

static int zuf_fiemap(struct inode *inode, struct fiemap_extent_info *info,
		      u64 start, u64 len)
{
	int err;

	inode_lock_shared(inode);
	err = iomap_fiemap(inode, info, start, len, &zuf_iomap_ops);
	inode_unlock_shared(inode);
	return err;
}

static int zuf_release(struct inode *inode, struct file *file)
{
	/* The last writer: what was granted and not used goes back. */
	if (!(file->f_mode & FMODE_WRITE) || !ZUF_I(inode)->grant.n ||
	    atomic_read(&inode->i_writecount) != 1)
		return 0;
	inode_lock(inode);
	zuf_grant_put(inode);
	inode_unlock(inode);
	return 0;
}

static int zuf_writepages(struct address_space *mapping,
			  struct writeback_control *wbc)
{
	struct zuf_sb_info *sbi = ZUF_SB(mapping->host->i_sb);

	return dax_writeback_mapping_range(mapping, zuf_md_flush_dax(&sbi->md),
					   wbc);
}

const struct address_space_operations zuf_aops = {
	.writepages = zuf_writepages,
	.dirty_folio = noop_dirty_folio,
	.direct_IO = noop_direct_IO,
};

const struct inode_operations zuf_file_iops = {
	ZUF_REG_IOPS,
	.fiemap = zuf_fiemap,
};

const struct file_operations zuf_file_fops = {
	ZUF_REG_FOPS,
	.llseek = zuf_llseek,
	.read_iter = zuf_read_iter,
	.write_iter = zuf_write_iter,
	.mmap = zuf_mmap,
	.mmap_supported_flags = MAP_SYNC,
	.get_unmapped_area = thp_get_unmapped_area,
	.release = zuf_release,
};
