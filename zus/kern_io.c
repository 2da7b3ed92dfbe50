// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * A kernel for one process: data of filesystems that move it themselves, in
 * the operation's buffer.
 */
#include <errno.h>

#include "kern_priv.h"

#define PART (KERN_OP_BYTES - sizeof(struct zufs_ioc_IO)) /* bytes of data */

static struct zufs_ioc_IO *io_op(struct kern *k, int operation,
				 const struct kern_inode *ki, u64 pos,
				 size_t len, size_t sent)
{
	struct zufs_ioc_IO *io = kern_op(k, operation, ki, sizeof(*io) + sent);

	io->filepos = pos;
	io->last_pos = pos + len;
	io->data = sizeof(*io);
	return io;
}

/* Bytes that were done of @len. */
static ssize_t io_done(const struct zufs_ioc_IO *io, u64 pos, size_t len)
{
	if (io->last_pos < pos || io->last_pos > pos + len)
		return -EIO;
	return (ssize_t)(io->last_pos - pos);
}

static ssize_t write_part(struct kern *k, struct kern_inode *ki, u64 pos,
			  const void *buf, size_t len)
{
	struct zufs_ioc_IO *io = io_op(k, ZUFS_OP_WRITE, ki, pos, len, len);
	int err;

	memcpy(io + 1, buf, len);
	err = kern_run(k, io);
	if (err)
		return err;
	kern_update(ki, &io->attr);
	return io_done(io, pos, len);
}

static ssize_t read_part(struct kern *k, struct kern_inode *ki, u64 pos,
			 void *buf, size_t len)
{
	struct zufs_ioc_IO *io = io_op(k, ZUFS_OP_READ, ki, pos, len, 0);
	int err = kern_run(k, io);
	ssize_t done;

	if (err)
		return err;
	done = io_done(io, pos, len);
	if (done > 0)
		memcpy(buf, io + 1, (size_t)done);
	return done;
}

ssize_t kern_io_write(struct kern *k, struct kern_inode *ki, u64 pos,
		      const void *buf, size_t len)
{
	size_t at = 0;

	while (at < len) {
		size_t part = len - at < PART ? len - at : PART;
		ssize_t done = write_part(k, ki, pos + at,
					  (const char *)buf + at, part);

		if (done <= 0)
			return at ? (ssize_t)at : done;
		at += (size_t)done;
	}
	return (ssize_t)at;
}

ssize_t kern_io_read(struct kern *k, struct kern_inode *ki, u64 pos, void *buf,
		     size_t len)
{
	size_t at = 0;

	while (at < len) {
		size_t part = len - at < PART ? len - at : PART;
		ssize_t done =
			read_part(k, ki, pos + at, (char *)buf + at, part);

		if (done <= 0)
			return at ? (ssize_t)at : done;
		at += (size_t)done;
	}
	return (ssize_t)at;
}
