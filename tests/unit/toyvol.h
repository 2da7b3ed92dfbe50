/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * For tests of toyfs without a kernel: volumes in mapped temporary files, and
 * operations through the in-process transport.
 */
#ifndef TEST_TOYVOL_H
#define TEST_TOYVOL_H

#include <errno.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kern_op.h"
#include "plugin.h"
#include "suite.h"
#include "toycheck.h"

#define MIB	 (1UL << 20)
#define OP_BYTES (128UL << 10)
#define BLK	 4096UL

struct vol {
	char *addr;
	size_t bytes;
	struct zus_local *zl;
	struct zufs_attr root;
};

struct op {
	_Alignas(64) char b[OP_BYTES];
};

static __thread struct op op_buf;
static _Atomic uint64_t next_unique = 1;
static _Atomic int64_t clock_ns = 1000;

/* ---- volumes ---- */

static inline char *map_temp(size_t bytes)
{
	int fd = memfd_create("test_toyfs", MFD_CLOEXEC);
	char *p;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, bytes), 0);
	p = mmap(NULL, bytes + 2 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	p = (char *)(((uintptr_t)p + 2 * MIB - 1) & ~(2 * MIB - 1));
	p = mmap(p, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	close(fd);
	return p;
}

static inline struct zus_fs_info *toyfs(void)
{
	if (!zus_find_fs("toyfs"))
		ck_assert_int_eq(zus_plugin_init(), 0);
	return zus_find_fs("toyfs");
}

static inline int try_mount(struct vol *v, uint64_t flags)
{
	static struct zufs_ioc_mount zim;
	int err;

	memset(&zim, 0, sizeof(zim));
	zim.mount_flags = flags;
	err = zus_local_mount(toyfs(), v->addr, v->bytes, &zim, &v->zl);
	v->root = zim.root;
	return err;
}

static inline void vol_mount(struct vol *v)
{
	ck_assert_int_eq(try_mount(v, 0), 0);
	ck_assert_uint_eq(v->root.zi.i_ino, TOY_ROOT_INO);
}

static inline void vol_new(struct vol *v, size_t mib)
{
	struct toy_mkfs_opts o = { .label = "test",
				   .uuid = { 1, 2, 3 },
				   .blocks = mib * MIB / BLK,
				   .time = 1,
				   .seed = { 11, 22 } };

	v->bytes = mib * MIB;
	v->addr = map_temp(v->bytes);
	ck_assert_int_eq(toy_mkfs(v->addr, v->bytes, &o), 0);
	vol_mount(v);
}

static inline void vol_umount(struct vol *v)
{
	ck_assert_int_eq(zus_local_umount(v->zl), 0);
}

static inline void vol_remount(struct vol *v)
{
	vol_umount(v);
	vol_mount(v);
}

/* What a crash leaves: all that reached the media, and no umount. */
static inline void vol_crash(const struct vol *from, struct vol *to)
{
	to->bytes = from->bytes;
	to->addr = map_temp(to->bytes);
	memcpy(to->addr, from->addr, to->bytes);
	vol_mount(to);
}

static inline void vol_end(struct vol *v)
{
	vol_umount(v);
	munmap(v->addr, v->bytes);
}

static inline bool vol_found(void *arg, const struct toy_problem *p)
{
	(void)arg;
	ck_abort_msg("inode %lu, block %lu: %s", p->ino, p->bn, p->text);
	return false;
}

/* Finds nothing. The volume may be mounted, if nothing changes meanwhile. */
static inline void vol_check(const struct vol *v)
{
	const struct toy_check_opts opts = { .found = vol_found };
	struct toy_check_result res;
	const char *why;
	struct toy_fs fs;

	ck_assert_int_eq(toy_open(&fs, v->addr, v->bytes, &why), 0);
	ck_assert_int_eq(toy_recover(&fs), 0);
	ck_assert_int_eq(toy_check(&fs, &opts, &res), 0);
	toy_close(&fs);
}

/* ---- operations ---- */

static inline void *op_new(int operation, const struct zufs_attr *ii,
			   size_t in_len)
{
	struct zufs_ioc_op *op =
		op_init(op_buf.b, OP_BYTES, operation, ii, in_len);

	op->hdr.unique = next_unique++;
	op->time = clock_ns++;
	return op;
}

static inline int op_run(struct vol *v, void *op)
{
	return zus_local_op(v->zl, op, NULL);
}

static inline int make_full(struct vol *v, const struct zufs_attr *dir,
			    const char *name, mode_t mode, const char *text,
			    uint64_t flags, struct zufs_attr *out)
{
	size_t len = text ? strlen(text) : 0;
	struct zufs_ioc_new_inode *io =
		op_new(ZUFS_OP_NEW_INODE, dir, sizeof(*io) + len);
	int err;

	io->zi.i_mode = mode;
	io->flags = flags;
	if (name)
		set_str(&io->str, name);
	io->symlen = len;
	if (len)
		memcpy(io->data, text, len);
	err = op_run(v, io);
	if (out)
		*out = io->attr;
	return err;
}

static inline int look(struct vol *v, const struct zufs_attr *dir,
		       const char *name, struct zufs_attr *out)
{
	struct zufs_ioc_lookup *io = op_new(ZUFS_OP_LOOKUP, dir, sizeof(*io));
	int err;

	set_str(&io->str, name);
	err = op_run(v, io);
	*out = io->attr;
	return err;
}

static inline void put(struct vol *v, const struct zufs_attr *a)
{
	struct zufs_ioc_op *io =
		op_new(a->zi.i_nlink ? ZUFS_OP_EVICT_INODE : ZUFS_OP_FREE_INODE,
		       a, sizeof(*io));

	op_run(v, io);
}

static inline struct zufs_attr make(struct vol *v, const struct zufs_attr *dir,
				    const char *name, mode_t mode)
{
	struct zufs_attr a;

	ck_assert_int_eq(make_full(v, dir, name, mode, NULL, 0, &a), 0);
	return a;
}

/* The attributes now, with no reference kept. */
static inline int get(struct vol *v, const struct zufs_attr *dir,
		      const char *name, struct zufs_attr *out)
{
	int err = look(v, dir, name, out);

	if (!err)
		put(v, out);
	return err;
}

static inline void touch(struct vol *v, const struct zufs_attr *dir,
			 const char *name)
{
	struct zufs_attr a = make(v, dir, name, S_IFREG | 0644);

	put(v, &a);
}

static inline int dentry(struct vol *v, int operation,
			 const struct zufs_attr *dir, const char *name,
			 struct zufs_attr *child)
{
	struct zufs_ioc_dentry *io = op_new(operation, dir, sizeof(*io));
	int err;

	io->child = iref(child);
	set_str(&io->str, name);
	err = op_run(v, io);
	if (!err)
		*child = io->attr;
	return err;
}

static inline int del(struct vol *v, const struct zufs_attr *dir,
		      const char *name)
{
	struct zufs_attr a;
	int err = look(v, dir, name, &a);

	if (err)
		return err;
	err = dentry(v, ZUFS_OP_REMOVE_DENTRY, dir, name, &a);
	put(v, &a);
	return err;
}

static inline int mv(struct vol *v, const struct zufs_attr *od, const char *on,
		     const struct zufs_attr *nd, const char *nn, uint64_t flags)
{
	struct zufs_attr a, b = { 0 };
	struct zufs_ioc_rename *io;
	int err = look(v, od, on, &a);
	bool has;

	if (err)
		return err;
	has = !look(v, nd, nn, &b);
	io = op_new(ZUFS_OP_RENAME, od, sizeof(*io));
	io->new_dir = iref(nd);
	io->old = iref(&a);
	if (has)
		io->new_ = iref(&b);
	set_str(&io->old_str, on);
	set_str(&io->new_str, nn);
	io->flags = flags;
	err = op_run(v, io);
	if (!err && has)
		b = io->new_attr;
	put(v, &a);
	if (has)
		put(v, &b);
	return err;
}

static inline struct zufs_ioc_statfs *statfs_op(struct vol *v)
{
	struct zufs_ioc_statfs *io = op_new(ZUFS_OP_STATFS, NULL, sizeof(*io));

	ck_assert_int_eq(op_run(v, io), 0);
	return io;
}

static inline uint64_t bfree(struct vol *v)
{
	return statfs_op(v)->bfree;
}

static inline uint64_t bavail(struct vol *v)
{
	return statfs_op(v)->bavail;
}

static inline int set_size(struct vol *v, struct zufs_attr *a, uint64_t size)
{
	struct zufs_ioc_attr *io = op_new(ZUFS_OP_SETATTR, a, sizeof(*io));
	int err;

	io->valid = ZUFS_STATX_SIZE;
	io->zi.i_size = size;
	err = op_run(v, io);
	if (!err)
		*a = io->attr;
	return err;
}

/* Reads or fills; ext[] has room for 64. Returns their number or -errno. */
static inline int multy(struct vol *v, struct zufs_attr *a, uint64_t pos,
			uint64_t len, uint64_t rw, struct zufs_extent *ext)
{
	struct zufs_ioc_get_multy *io =
		op_new(ZUFS_OP_GET_MULTY, a, sizeof(*io));
	int err;

	io->filepos = pos;
	io->len = len;
	io->rw = rw;
	io->max = 64;
	err = op_run(v, io);
	if (err)
		return err;
	*a = io->attr;
	memcpy(ext, io->ext, io->n * sizeof(*ext));
	return io->n;
}

static inline int commit(struct vol *v, struct zufs_attr *a, uint64_t size,
			 const struct zufs_extent *ext, int n)
{
	struct zufs_ioc_commit *io =
		op_new(ZUFS_OP_COMMIT_WRITE, a, sizeof(*io) + n * sizeof(*ext));
	int err;

	io->new_size = size;
	io->n = n;
	if (n)
		memcpy(io->ext, ext, n * sizeof(*ext));
	err = op_run(v, io);
	if (!err)
		*a = io->attr;
	return err;
}

/* Appends @blocks blocks of @fill as the kernel does. */
static inline int append(struct vol *v, struct zufs_attr *a, uint32_t blocks,
			 int fill)
{
	uint64_t lblk = a->zi.i_size / BLK;
	struct zufs_extent ext[ZUFS_GRANT_MAX];
	struct zufs_ioc_grant *io;
	uint32_t got = 0;
	int err, n;

	io = op_new(ZUFS_OP_GRANT, a, sizeof(*io));
	io->lblk = lblk;
	io->want = blocks;
	err = op_run(v, io);
	if (err)
		return err;
	n = io->n;
	memcpy(ext, io->ext, n * sizeof(*ext));
	for (int i = 0; i < n; i++) {
		memset(v->addr + ext[i].pblk * BLK, fill, ext[i].len * BLK);
		got += ext[i].len;
	}
	return commit(v, a, (lblk + got) * BLK, ext, n);
}

/* Asks for the rest after a part, as the kernel does. */
static inline int falloc(struct vol *v, struct zufs_attr *a, uint64_t mode,
			 uint64_t from, uint64_t to)
{
	int err;

	do {
		struct zufs_ioc_IO *io =
			op_new(ZUFS_OP_FALLOCATE, a, sizeof(*io));

		io->rw = mode;
		io->filepos = from;
		io->last_pos = to;
		err = op_run(v, io);
		if (err)
			return err;
		ck_assert(from < io->last_pos && io->last_pos <= to);
		from = io->last_pos;
		*a = io->attr;
	} while (from < to);
	return 0;
}

/* @value NULL removes. */
static inline int xset(struct vol *v, struct zufs_attr *a, uint32_t type,
		       const char *name, const void *value, uint32_t size,
		       uint32_t flags)
{
	uint32_t nlen = strlen(name) + 1;
	struct zufs_ioc_xattr *io =
		op_new(ZUFS_OP_XATTR_SET, a, sizeof(*io) + nlen + size);
	int err;

	io->type = type;
	io->flags = flags;
	io->name_len = nlen;
	memcpy(io->buf, name, nlen);
	io->user_buf_size = size;
	if (value && !size)
		io->ioc_flags = ZUFS_XATTR_SET_EMPTY;
	if (value)
		memcpy(io->buf + nlen, value, size);
	err = op_run(v, io);
	if (!err)
		*a = io->attr;
	return err;
}

/* The size or -errno; the value is copied if there is room. */
static inline int xget(struct vol *v, struct zufs_attr *a, uint32_t type,
		       const char *name, void *value, uint32_t size)
{
	uint32_t nlen = strlen(name) + 1;
	struct zufs_ioc_xattr *io =
		op_new(ZUFS_OP_XATTR_GET, a, sizeof(*io) + nlen);
	int err;

	io->type = type;
	io->name_len = nlen;
	memcpy(io->buf, name, nlen);
	io->user_buf_size = size;
	err = op_run(v, io);
	if (err)
		return err;
	if (size)
		memcpy(value, io->buf, io->user_buf_size);
	return io->user_buf_size;
}

static inline int xlist(struct vol *v, struct zufs_attr *a, char *buf,
			uint32_t size, uint32_t flags)
{
	struct zufs_ioc_xattr *io = op_new(ZUFS_OP_XATTR_LIST, a, sizeof(*io));
	int err;

	io->user_buf_size = size;
	io->ioc_flags = flags;
	err = op_run(v, io);
	if (err)
		return err;
	if (size)
		memcpy(buf, io->buf, io->user_buf_size);
	return io->user_buf_size;
}

/* Is byte @fill all there is in block @lblk? -1 is a hole. */
static inline bool block_is(struct vol *v, struct zufs_attr *a, uint64_t lblk,
			    int fill)
{
	struct zufs_extent e[64];
	const char *p;

	if (multy(v, a, lblk * BLK, BLK, 0, e) < 1 || e[0].lblk > lblk)
		return false;
	if (e[0].flags & ZUFS_EXT_HOLE)
		return fill == -1;
	p = v->addr + (e[0].pblk + lblk - e[0].lblk) * BLK;
	return p[0] == fill && !memcmp(p, p + 1, BLK - 1);
}

/* All entries from *pos on, at most @max; names are counted by @seen. */
static inline unsigned int
list(struct vol *v, const struct zufs_attr *dir, uint64_t *pos,
     unsigned int bytes, void (*seen)(const struct zufs_dir_entry *, void *),
     void *arg)
{
	struct zufs_ioc_readdir *io = op_new(ZUFS_OP_READDIR, dir, sizeof(*io));
	const struct zufs_dir_entry *e;
	unsigned int n = 0;

	io->op.hdr.out_max = sizeof(*io) - sizeof(io->op.hdr) + bytes;
	io->pos = *pos;
	ck_assert_int_eq(op_run(v, io), 0);
	for (uint32_t at = 0; at < io->bytes;
	     at += ZUFS_DIR_ENTRY_LEN(e->len)) {
		e = (const void *)(io->entries + at);
		if (seen)
			seen(e, arg);
		n++;
	}
	*pos = io->pos;
	return io->more ? n | 1U << 31 : n;
}

static inline unsigned int count(struct vol *v, const struct zufs_attr *dir)
{
	uint64_t pos = 2;
	unsigned int n = 0, r;

	do {
		r = list(v, dir, &pos, 4096, NULL, NULL);
		n += r & ~(1U << 31);
	} while (r >> 31);
	return n;
}

#endif /* TEST_TOYVOL_H */
