/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files whose data goes through the server: what io, data and cache share.
 */
#ifndef _ZUF_IO_H
#define _ZUF_IO_H

#include "fs.h"

/* ---- io.c ---- */

/*
 * Operation @op for [@pos, @end) with @in bytes of data to send, or room for
 * @out bytes of answer, behind the fixed part. GFP_NOFS. NULL: no memory.
 */
struct zuf_req *zuf_io_alloc(struct inode *inode, u16 op, loff_t pos,
			     loff_t end, u64 rw, size_t in, size_t out);

static inline void *zuf_io_data(const struct zuf_req *req)
{
	return (char *)req->hdr + sizeof(struct zufs_ioc_IO);
}

/* The most bytes of data that one operation buffer takes, in whole pages. */
size_t zuf_io_bounce_max(const struct inode *inode);
/* Sends a READ; how many bytes came. @bounce: they are in the buffer. */
int zuf_io_read(struct inode *inode, struct zuf_req *req, bool bounce);

/* A read(2) or write(2). */
struct zuf_io {
	struct inode *inode;
	struct iov_iter *iter;
	u16 op;	      /* READ or WRITE */
	u64 rw;	      /* ZUFS_RW_* */
	u32 ra_pages; /* that are wanted next; 0: not known */
	loff_t pos;
};

/*
 * One operation for up to @len bytes at io->pos, as far as one goes. Advances
 * io->iter by what it returns, and leaves io->pos alone. i_rwsem: shared for
 * READ, exclusive for WRITE.
 */
ssize_t zuf_io_some(const struct zuf_io *io, size_t len);

/* ---- cache.c ---- */

/*
 * Writes back and drops what the page cache has of [@pos, @end), and from the
 * end of the file on if @end is behind that. invalidate_lock exclusive. -EBUSY:
 * somebody makes it dirty again and again.
 */
int zuf_cache_drop(struct inode *inode, loff_t pos, loff_t end);
extern const struct address_space_operations zuf_cache_aops;
int zuf_cache_mmap(struct file *file, struct vm_area_struct *vma);

#endif /* _ZUF_IO_H */
