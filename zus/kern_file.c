// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * A kernel for one process: data, through zuf/copy.h.
 */
#include <errno.h>
#include <libpmem.h>
#include <linux/falloc.h>

#include "kern_priv.h"

#include "copy.h"

#define EXTENTS 128U /* of one answer */

struct copy {
	struct kern *k;
	struct kern_inode *ki;
	u64 pos, left;
	const char *from;
};

/* ---- extents ---- */

static bool on_media(const struct kern *k, const struct zufs_extent *e)
{
	u64 blocks = k->bytes >> ZUFS_BLOCK_SHIFT;

	return e->pblk < blocks && e->len <= blocks - e->pblk;
}

/* The extent of @lblk in an answer: in order, no gaps, inside the device. */
static int find_extent(const struct kern *k,
		       const struct zufs_ioc_get_multy *io, u64 lblk,
		       struct zufs_extent *ext)
{
	u64 next = io->n ? io->ext[0].lblk : 0;
	bool found = false;

	if (io->n > EXTENTS)
		return -EIO;
	for (u32 i = 0; i < io->n; i++) {
		const struct zufs_extent *e = &io->ext[i];

		if (e->lblk != next || !e->len)
			return -EIO;
		if (!(e->flags & ZUFS_EXT_HOLE) && !on_media(k, e))
			return -EIO;
		next += e->len;
		if (e->lblk > lblk || next <= lblk)
			continue;
		*ext = *e;
		found = true;
	}
	return found ? 0 : -EIO;
}

/* Asks for [pos, pos + len); the answer is the extent that holds @pos. */
static int extent_at(struct copy *c, u64 pos, u64 len, u64 rw,
		     struct zufs_extent *ext)
{
	struct zufs_ioc_get_multy *io =
		kern_op(c->k, ZUFS_OP_GET_MULTY, c->ki, sizeof(*io));
	int err;

	io->filepos = pos;
	io->len = len;
	io->rw = rw;
	io->max = EXTENTS;
	io->op.hdr.out_max = sizeof(*io) + EXTENTS * sizeof(io->ext[0]) -
			     io->op.hdr.out_start;
	err = kern_run_space(c->k, io, c->ki, NULL);
	/* The kernel would ask for all. Those that fit do as well. */
	if (err == -EZUFS_RETRY && io->n > EXTENTS) {
		io->n = EXTENTS;
		io->op.hdr.out_len = io->op.hdr.out_max;
		err = 0;
	}
	if (!err)
		err = find_extent(c->k, io, pos >> ZUFS_BLOCK_SHIFT, ext);
	if (!err && rw)
		c->ki->attr.zi.i_blocks = io->attr.zi.i_blocks;
	return err;
}

/* Where byte @pos is; *len: bytes that follow there, at most as many as it was. NULL: a hole. */
static char *in_extent(const struct copy *c, const struct zufs_extent *e,
		       u64 pos, u64 *len)
{
	u64 off = pos - (e->lblk << ZUFS_BLOCK_SHIFT);
	u64 room = ((u64)e->len << ZUFS_BLOCK_SHIFT) - off;

	*len = *len < room ? *len : room;
	if (e->flags & ZUFS_EXT_HOLE)
		return NULL;
	return c->k->addr + (e->pblk << ZUFS_BLOCK_SHIFT) + off;
}

/* ---- copy.h's primitives ---- */

static u64 copy_size(struct copy *c)
{
	return c->ki->attr.zi.i_size;
}

static u64 copy_pos(struct copy *c)
{
	return c->pos;
}

static u64 copy_left(struct copy *c)
{
	return c->left;
}

static struct copy_grant *copy_grant(struct copy *c)
{
	return &c->ki->grant;
}

static void store(struct copy *c, char *to, u64 len)
{
	pm_where = "the kernel's copy";
	pmem_memcpy(to, c->from, len,
		    PMEM_F_MEM_NONTEMPORAL | PMEM_F_MEM_NODRAIN);
	c->from += len;
	c->pos += len;
	c->left -= len;
}

/* Blocks of the grant, or of the map, which gets them where there are none. */
static int find_block(struct copy *c, u64 len, bool granted,
		      struct zufs_extent *ext)
{
	const struct zufs_extent *e;
	int err;

	if (granted) {
		e = copy_grant_find(&c->ki->grant, c->pos >> ZUFS_BLOCK_SHIFT);
		*ext = e ? *e : (struct zufs_extent){ 0 };
		return e ? 0 : -EIO;
	}
	err = extent_at(c, c->pos, len, ZUFS_RW_WRITE, ext);
	return !err && ext->flags & ZUFS_EXT_HOLE ? -EIO : err;
}

static s64 copy_by(struct copy *c, u64 len, bool granted)
{
	u64 done = 0, part;

	for (; done < len; done += part) {
		struct zufs_extent e;
		char *to;
		int err = find_block(c, len - done, granted, &e);

		if (err)
			return done ? (s64)done : err;
		part = len - done;
		to = in_extent(c, &e, c->pos, &part);
		store(c, to, part);
	}
	return (s64)done;
}

static s64 copy_mapped(struct copy *c, u64 len)
{
	return copy_by(c, len, false);
}

static s64 copy_granted(struct copy *c, u64 len)
{
	return copy_by(c, len, true);
}

static void zero(char *to, u64 len)
{
	pm_where = "the kernel's zeros";
	pmem_memset(to, 0, len, PMEM_F_MEM_NODRAIN);
}

static int copy_zero(struct copy *c, u64 from, u64 to)
{
	struct zufs_extent e;
	u64 len = to - from;
	char *at;
	int err = extent_at(c, from, len, 0, &e);

	if (err)
		return err;
	at = in_extent(c, &e, from, &len);
	if (at)
		zero(at, len);
	return 0;
}

static int copy_zero_granted(struct copy *c, u64 pblk, u32 off, u32 len)
{
	zero(c->k->addr + (pblk << ZUFS_BLOCK_SHIFT) + off, len);
	return 0;
}

static void copy_fence(struct copy *c)
{
	(void)c;
	pm_where = "the kernel's fence";
	pmem_drain();
}

/* What the server granted, in place of what was there. */
static int take_grant(struct copy *c, const struct zufs_extent *ext, u32 n,
		      u64 lblk)
{
	struct copy_grant *g = &c->ki->grant;

	if (!copy_grant_ok(ext, n, lblk))
		return -EIO;
	for (u32 i = 0; i < n; i++)
		if (!on_media(c->k, &ext[i]))
			return -EIO;
	memcpy(g->ext, ext, n * sizeof(*ext));
	g->n = n;
	return 0;
}

/* Of a server that has no more in a row: a large write takes several. */
static u32 at_most(const struct copy *c, u32 want)
{
	return c->k->ask && want > c->k->ask ? c->k->ask : want;
}

static int copy_ask(struct copy *c, u64 lblk, u32 want)
{
	struct zufs_ioc_grant *io =
		kern_op(c->k, ZUFS_OP_GRANT, c->ki, sizeof(*io));
	int err;

	io->lblk = lblk;
	io->want = at_most(c, want);
	err = kern_run_space(c->k, io, c->ki, NULL);
	if (!err && !io->n)
		err = -ENOSPC;
	return err ? err : take_grant(c, io->ext, io->n, lblk);
}

static void copy_put(struct copy *c)
{
	kern_put_grant(c->k, c->ki);
}

static void copy_cancel(struct copy *c)
{
	kern_drop_grants(c->k, c->ki);
}

static int copy_commit(struct copy *c, u64 size, u64 blocks, u32 want, u64 more)
{
	struct zufs_extent rest[ZUFS_GRANT_MAX];
	struct copy_grant *g = &c->ki->grant;
	struct zufs_ioc_commit *io =
		kern_op(c->k, ZUFS_OP_COMMIT_WRITE, c->ki,
			sizeof(*io) + ZUFS_GRANT_MAX * sizeof(io->ext[0]));
	u32 n;
	int err;

	io->op.time = (s64)c->ki->attr.zi.i_mtime;
	io->new_size = size;
	io->n = copy_grant_use(g, io->ext, blocks);
	io->want = at_most(c, want);
	io->more = more;
	io->op.hdr.in_len = (u32)(sizeof(*io) + io->n * sizeof(io->ext[0]));
	err = kern_run_space(c->k, io, c->ki, NULL);
	if (err)
		return err;
	n = copy_grant_rest(g, rest, blocks);
	err = take_grant(c, rest, n, n ? rest[0].lblk : 0);
	if (!err && io->n_grant)
		err = take_grant(c, io->grant, io->n_grant, io->grant[0].lblk);
	/* Size and times are the old ones until the last part. */
	if (more) {
		c->ki->attr.zi.i_blocks = io->attr.zi.i_blocks;
		return err;
	}
	c->ki->dirty = 0;
	kern_update(c->ki, &io->attr);
	return err;
}

static int copy_send_size(struct copy *c, u64 size)
{
	struct zus_inode zi = c->ki->attr.zi;

	zi.i_size = size;
	zi.i_mtime = (u64)c->k->now;
	return kern_send_attr(c->k, c->ki, &zi,
			      ZUFS_STATX_SIZE | ZUFS_STATX_MTIME);
}

static void copy_undo(struct copy *c, u64 pos, u64 done)
{
	c->pos = pos;
	c->left += done;
	c->from -= done;
}

/* ---- calls ---- */

static int file_at(struct kern *k, int fd, bool write, struct copy *c)
{
	*c = (struct copy){ .k = k, .ki = kern_file(k, fd) };
	if (!c->ki)
		return -EBADF;
	if (!kern_is(c->ki, S_IFREG))
		return kern_is(c->ki, S_IFDIR) ? -EISDIR : -EINVAL;
	return write && k->ro ? -EROFS : 0;
}

uint64_t kern_size(struct kern *k, int fd)
{
	return k->files[fd]->attr.zi.i_size;
}

ssize_t kern_write(struct kern *k, int fd, uint64_t pos, const void *buf,
		   size_t len)
{
	struct copy c;
	s64 done;
	int err = file_at(k, fd, true, &c);

	if (err || !len)
		return err;
	if (pos >= k->max_bytes)
		return -EFBIG;
	c.pos = pos;
	c.left = len < k->max_bytes - pos ? len : k->max_bytes - pos;
	c.from = buf;
	if (!k->nio)
		return kern_io_write(k, c.ki, pos, buf, c.left);
	kern_touch(k, c.ki);
	if (pos + c.left <= copy_size(&c))
		done = copy_mapped(&c, c.left);
	else
		done = copy_extend(&c);
	copy_fence(&c); /* what is acknowledged is durable */
	return done;
}

ssize_t kern_read(struct kern *k, int fd, uint64_t pos, void *buf, size_t len)
{
	u64 size, at = 0, part;
	struct zufs_extent e;
	struct copy c;
	int err = file_at(k, fd, false, &c);

	if (err)
		return err;
	size = copy_size(&c);
	if (pos >= size)
		return 0;
	len = len < size - pos ? len : size - pos;
	if (!k->nio)
		return kern_io_read(k, c.ki, pos, buf, len);
	for (; at < len; at += part) {
		const char *from;

		part = len - at;
		err = extent_at(&c, pos + at, part, 0, &e);
		if (err)
			return at ? (ssize_t)at : err;
		from = in_extent(&c, &e, pos + at, &part);
		if (from)
			memcpy((char *)buf + at, from, part);
		else
			memset((char *)buf + at, 0, part);
	}
	return (ssize_t)at;
}

int kern_truncate(struct kern *k, int fd, uint64_t size)
{
	struct copy c;
	int err = file_at(k, fd, true, &c);

	if (err)
		return err;
	if (size > k->max_bytes)
		return -EFBIG;
	return k->nio ? copy_set_size(&c, size) : copy_send_size(&c, size);
}

/* Asks for the rest after a part. */
static int send_fallocate(struct copy *c, int mode, u64 from, u64 to)
{
	while (from < to) {
		struct zufs_ioc_IO *io =
			kern_op(c->k, ZUFS_OP_FALLOCATE, c->ki, sizeof(*io));
		int err;

		io->rw = (u64)mode;
		io->filepos = from;
		io->last_pos = to;
		err = kern_run_space(c->k, io, c->ki, NULL);
		if (err)
			return err;
		if (io->last_pos <= from || io->last_pos > to)
			return -EIO;
		from = io->last_pos;
		kern_update(c->ki, &io->attr);
	}
	return 0;
}

static int check_fallocate(const struct kern *k, int mode, u64 pos, u64 len)
{
	int kind = mode & ~FALLOC_FL_KEEP_SIZE;

	if (!len)
		return -EINVAL;
	if ((u64)mode & ~k->falloc_sup || kind & (kind - 1) ||
	    mode == FALLOC_FL_PUNCH_HOLE)
		return -EOPNOTSUPP;
	return pos > k->max_bytes || len > k->max_bytes - pos ? -EFBIG : 0;
}

int kern_fallocate(struct kern *k, int fd, int mode, uint64_t pos, uint64_t len)
{
	struct copy c;
	int err = file_at(k, fd, true, &c);

	if (!err)
		err = check_fallocate(k, mode, pos, len);
	if (err)
		return err;
	kern_touch(k, c.ki);
	if (k->nio && !(mode & FALLOC_FL_KEEP_SIZE) &&
	    pos + len > copy_size(&c))
		err = copy_zero_tail(&c, copy_size(&c));
	if (err)
		return err;
	copy_put(&c);
	return send_fallocate(&c, mode, pos, pos + len);
}

/* The rest of the block that the size ends in; *len 0: there is none. */
static int tail_at(struct copy *c, u64 rw, char **at, u64 *len)
{
	u64 size = copy_size(c);
	struct zufs_extent e;
	int err;

	*len = -size % ZUFS_BLOCK_SIZE;
	if (!*len)
		return 0;
	err = extent_at(c, size, *len, rw, &e);
	if (err)
		return err;
	*at = in_extent(c, &e, size, len);
	if (!*at)
		*len = 0;
	return 0;
}

int kern_scribble(struct kern *k, int fd, const void *bytes)
{
	struct copy c;
	char *at;
	u64 len;
	int err = file_at(k, fd, true, &c);

	if (!err)
		err = tail_at(&c, ZUFS_RW_WRITE, &at, &len);
	if (err || !len)
		return err;
	kern_touch(k, c.ki);
	pm_where = "a mapping";
	pmem_memcpy(at, bytes, len, 0);
	return 0;
}

ssize_t kern_tail(struct kern *k, int fd, void *buf)
{
	struct copy c;
	char *at;
	u64 len;
	int err = file_at(k, fd, false, &c);

	if (!err)
		err = tail_at(&c, 0, &at, &len);
	if (err)
		return err;
	if (len)
		memcpy(buf, at, len);
	return (ssize_t)len;
}

int kern_mapped(struct kern *k, int fd, uint64_t lblk)
{
	struct zufs_extent e;
	struct copy c;
	int err = file_at(k, fd, false, &c);

	if (!err)
		err = extent_at(&c, lblk << ZUFS_BLOCK_SHIFT, ZUFS_BLOCK_SIZE,
				0, &e);
	return err ? err : !(e.flags & ZUFS_EXT_HOLE);
}

int kern_fsync(struct kern *k, int fd)
{
	struct kern_inode *ki = kern_file(k, fd);

	return ki ? kern_sync_inode(k, ki) : -EBADF;
}
