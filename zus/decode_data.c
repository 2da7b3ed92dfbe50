// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Operations of data: extents, grants, and what goes through the server.
 */
#include <errno.h>
#include <string.h>

#include "decode.h"

int zus_op_grant(struct call *c)
{
	struct zufs_ioc_grant *io = (void *)c->op;
	struct zus_inode_info *zii;
	int err = zus_find_inode(c, &io->op.ii, &zii);

	if (err)
		return err;
	if (!zii->op->grant)
		return -EOPNOTSUPP;
	io->n = 0;
	err = zii->op->grant(zii, io);
	return !err && io->n > ZUFS_GRANT_MAX ? -EIO : err;
}

int zus_op_grant_put(struct call *c)
{
	struct zufs_ioc_grant *io = (void *)c->op;
	struct zus_inode_info *zii;
	int err;

	if (io->n > ZUFS_GRANT_MAX ||
	    io->op.hdr.in_len < offsetof(struct zufs_ioc_grant, ext) +
					io->n * sizeof(io->ext[0]))
		return -EINVAL;
	err = zus_find_inode(c, &io->op.ii, &zii);
	if (err)
		return err;
	return zii->op->grant_put ? zii->op->grant_put(zii, io) : -EOPNOTSUPP;
}

static uint32_t extents_len(uint32_t n)
{
	uint64_t len = (uint64_t)n * sizeof(struct zufs_extent);

	return len < 1U << 30 ? (uint32_t)len : 1U << 30;
}

int zus_op_get_multy(struct call *c)
{
	struct zufs_ioc_get_multy *io = (void *)c->op;
	uint32_t room =
		room_behind(&io->op.hdr, sizeof(*io)) / sizeof(io->ext[0]);
	struct zus_inode_info *zii;
	int err = zus_find_inode(c, &io->op.ii, &zii);

	if (err)
		return err;
	if (!zii->op->get_multy)
		return -EOPNOTSUPP;
	if (io->max > room)
		io->max = room;
	io->n = 0;
	err = zii->op->get_multy(zii, io);
	attr_handle(&io->attr, zii);
	if (!err && io->n > io->max && !(io->rw & ZUFS_RW_WRITE))
		return zus_op_retry(&io->op.hdr, extents_len(io->n));
	if (io->n > io->max)
		io->n = io->max;
	c->out_end = (uint32_t)sizeof(*io) + extents_len(io->n);
	return err;
}

/* extents_mapped may be more than there is room for: that many there are. */
int zus_op_fiemap(struct call *c)
{
	struct zufs_ioc_fiemap *io = (void *)c->op;
	uint32_t room =
		room_behind(&io->op.hdr, sizeof(*io)) / sizeof(io->ext[0]);
	struct zus_inode_info *zii;
	uint32_t n;
	int err = zus_find_inode(c, &io->op.ii, &zii);

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

int zus_op_commit_write(struct call *c)
{
	struct zufs_ioc_commit *io = (void *)c->op;
	struct zus_inode_info *zii;
	int err;

	if (io->n > ZUFS_COMMIT_MAX ||
	    io->op.hdr.in_len < sizeof(*io) + io->n * sizeof(io->ext[0]))
		return -EINVAL;
	err = zus_find_inode(c, &io->op.ii, &zii);
	if (err)
		return err;
	if (!zii->op->commit_write)
		return -EOPNOTSUPP;
	io->n_grant = 0;
	err = zii->op->commit_write(zii, io);
	attr_handle(&io->attr, zii);
	return !err && io->n_grant > ZUFS_GRANT_MAX ? -EIO : err;
}

int zus_op_clone(struct call *c)
{
	struct zufs_ioc_clone *io = (void *)c->op;
	struct zus_inode_info *zii, *src;
	int (*run)(struct zus_inode_info * zii, struct zus_inode_info * src,
		   struct zufs_ioc_clone * io);
	int err = zus_find_inode(c, &io->op.ii, &zii);

	if (!err)
		err = zus_find_inode(c, &io->src, &src);
	if (err)
		return err;
	run = io->op.hdr.operation == ZUFS_OP_COPY ? zii->op->copy :
						     zii->op->clone;
	if (!run)
		return -EOPNOTSUPP;
	err = run(zii, src, io);
	attr_handle(&io->attr, zii);
	return err;
}

/* ---- READ and WRITE ---- */

struct data {
	char *at;
	uint64_t len; /* bytes */
	bool buffer;  /* it stands in the operation buffer, not in the window */
};

static int data_in_window(struct call *c, struct data *d)
{
	struct zufs_ioc_hdr *hdr = &c->op->hdr;

	if (!c->window || hdr->offset >= ZUFS_BLOCK_SIZE ||
	    hdr->len != d->len || d->len > ZUS_API_MAP_MAX_SIZE - hdr->offset)
		return -EINVAL;
	d->at = c->window + hdr->offset;
	return 0;
}

/* @end: of what was sent, or of the room for the answer, from the header on. */
static int data_in_buffer(struct call *c, struct data *d, uint64_t end)
{
	struct zufs_ioc_IO *io = (void *)c->op;

	if (io->data < sizeof(*io) || io->data > end || d->len > end - io->data)
		return -EINVAL;
	d->at = (char *)io + io->data;
	d->buffer = true;
	return 0;
}

static int find_data(struct call *c, struct data *d, uint64_t end)
{
	struct zufs_ioc_IO *io = (void *)c->op;

	if (io->last_pos < io->filepos)
		return -EINVAL;
	d->len = io->last_pos - io->filepos;
	return io->data ? data_in_buffer(c, d, end) : data_in_window(c, d);
}

/* The data of an answer ends where the plugin got to. */
int zus_op_read(struct call *c)
{
	struct zufs_ioc_IO *io = (void *)c->op;
	uint64_t pos = io->filepos, end = io->last_pos;
	struct zus_inode_info *zii;
	struct data d = { 0 };
	uint32_t at = io->data;
	int err = zus_find_inode(c, &io->op.ii, &zii);

	if (!err)
		err = find_data(c, &d,
				(uint64_t)io->op.hdr.out_start +
					io->op.hdr.out_max);
	if (err)
		return err;
	if (!zii->op->read)
		return -EOPNOTSUPP;
	err = zii->op->read(zii, d.at, io);
	attr_handle(&io->attr, zii);
	if (!err && (io->last_pos < pos || io->last_pos > end))
		return -EIO;
	if (!err && d.buffer)
		c->out_end = at + (uint32_t)(io->last_pos - pos);
	return err;
}

int zus_op_write(struct call *c)
{
	struct zufs_ioc_IO *io = (void *)c->op;
	uint64_t pos = io->filepos, end = io->last_pos;
	struct zus_inode_info *zii;
	struct data d = { 0 };
	int err = zus_find_inode(c, &io->op.ii, &zii);

	if (!err)
		err = find_data(c, &d, io->op.hdr.in_len);
	if (err)
		return err;
	if (!zii->op->write)
		return -EOPNOTSUPP;
	err = zii->op->write(zii, d.at, io);
	attr_handle(&io->attr, zii);
	if (!err && (io->last_pos < pos || io->last_pos > end))
		return -EIO;
	return err;
}
