// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * shift: a filesystem for tests, whose blocks never stay where they are. One
 * folder of files; what it knows of them is in DRAM and gone with the umount,
 * their data is in pmem. A thread moves blocks about all the time and spoils
 * where they were at once: whoever uses an extent of before reads or loses that.
 *
 * The device is one that mkfs.toyfs made, for its device table. Built with
 * SHIFT_SILENT it moves without INVAL_MAP: then the test has to fail.
 *
 * Some xattrs do something: user.wait waits for a signal of its caller,
 * user.inval calls zus_inval_map() from a callback. Files named "still" don't move,
 * but "user.range OFFSET LEN GENERATION" of one has that range invalidated.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zus.h"

#define BLK	  ZUFS_BLOCK_SIZE
#define FIRST_BN  1024U	     /* data blocks; mkfs.toyfs wrote before them */
#define MAX_BLKS  (64U << 8) /* of a file: 64 MiB */
#define MAX_FILES 64U
#define ROOT_INO  1U
#define MOVE_MAX  64U	      /* blocks at a time */
#define MAGIC	  0x53464f54U /* of toyfs */

struct file {
	struct zus_inode_info zii;
	struct zus_inode zi;
	char name[ZUFS_NAME_LEN + 1];
	unsigned int refs; /* the table's, the mover's; fs->lock */
	bool named;
	/* The map and what is granted; get_multy waits for who moves. */
	pthread_mutex_t lock;
	uint64_t *map;		  /* MAX_BLKS of them; 0: a hole */
	struct zufs_extent grant; /* len 0: none */
	/* Asked for: offset, len (0: nothing), generation; and the result. fs->lock */
	uint64_t range[3];
	int result;
};

struct shift {
	struct zus_sb_info sbi;
	struct file root;
	pthread_mutex_t lock; /* files, used */
	struct file *files[MAX_FILES];
	uint64_t next_ino;
	uint8_t *used; /* a byte a block */
	uint64_t blocks, hint;
	pthread_t mover;
	pthread_cond_t answered;
	_Atomic bool stop;
};

static struct shift *shift_of(struct zus_sb_info *sbi)
{
	return container_of(sbi, struct shift, sbi);
}

static struct file *file_of(struct zus_inode_info *zii)
{
	return container_of(zii, struct file, zii);
}

static char *addr_of(const struct zus_inode_info *zii, uint64_t bn)
{
	return zus_md_baddr(&zii->sbi->md, bn);
}

/* ---- blocks ---- */

/* Up to @want in a row; 0: none is free. */
static uint32_t alloc_run(struct shift *fs, uint32_t want, uint64_t *bn)
{
	uint32_t n = 0;

	*bn = FIRST_BN;
	pthread_mutex_lock(&fs->lock);
	for (uint64_t i = 0; i < fs->blocks && !n; i++) {
		uint64_t at =
			FIRST_BN + (fs->hint + i) % (fs->blocks - FIRST_BN);

		while (n < want && at + n < fs->blocks && !fs->used[at + n])
			fs->used[at + n++] = 1;
		*bn = at;
	}
	fs->hint = *bn + n - FIRST_BN;
	pthread_mutex_unlock(&fs->lock);
	return n;
}

static void free_run(struct shift *fs, uint64_t bn, uint32_t n)
{
	pthread_mutex_lock(&fs->lock);
	memset(fs->used + bn, 0, n);
	pthread_mutex_unlock(&fs->lock);
}

/* f->lock is held, or nobody has the file. */
static void cut(struct shift *fs, struct file *f, uint64_t from)
{
	if (f->grant.len)
		free_run(fs, f->grant.pblk, f->grant.len);
	f->grant.len = 0;
	for (uint64_t b = from; b < MAX_BLKS; b++) {
		if (f->map[b])
			free_run(fs, f->map[b], 1);
		f->map[b] = 0;
	}
}

/* ---- the mover ---- */

/* From now on nobody finds its old blocks, and they are spoilt. f->lock. */
static void move_one(struct shift *fs, struct file *f, uint64_t lblk,
		     uint64_t to)
{
	char *from = addr_of(&f->zii, f->map[lblk]);

	memcpy(addr_of(&f->zii, to), from, BLK);
	memset(from, 0xdd, BLK);
	free_run(fs, f->map[lblk], 1);
	f->map[lblk] = to;
}

static void move_some(struct shift *fs, struct file *f, unsigned int rnd)
{
	uint64_t lblk = rnd % MAX_BLKS, to;
	uint32_t n;
	int err = 0;

	lblk %= le64toh(f->zi.i_size) / BLK + 1;
	pthread_mutex_lock(&f->lock);
	n = alloc_run(fs, MOVE_MAX, &to);
#ifndef SHIFT_SILENT
	err = zus_inval_map(&f->zii, lblk * BLK, MOVE_MAX * BLK);
#endif
	for (uint32_t i = 0; i < n; i++) {
		uint64_t b = lblk + i;

		if (!err && b < MAX_BLKS && f->map[b])
			move_one(fs, f, b, to + i);
		else
			free_run(fs, to + i, 1);
	}
	pthread_mutex_unlock(&f->lock);
}

static void inval_asked(struct shift *fs, struct file *f)
{
	struct zus_inode_info named = f->zii;
	int err;

	if (!f->range[1])
		return;
	named.generation = f->range[2];
	err = zus_inval_map(&named, f->range[0], f->range[1]);
	pthread_mutex_lock(&fs->lock);
	f->range[1] = 0;
	f->result = err;
	pthread_cond_broadcast(&fs->answered);
	pthread_mutex_unlock(&fs->lock);
}

static void file_put(struct shift *fs, struct file *f)
{
	bool last;

	pthread_mutex_lock(&fs->lock);
	last = !--f->refs;
	pthread_mutex_unlock(&fs->lock);
	if (!last)
		return;
	cut(fs, f, 0);
	free(f->map);
	free(f);
}

static void *mover(void *arg)
{
	struct shift *fs = arg;
	unsigned int rnd = 1;

	for (unsigned int i = 0; !fs->stop; i++) {
		struct file *f;

		pthread_mutex_lock(&fs->lock);
		f = fs->files[i % MAX_FILES];
		if (f)
			f->refs++;
		pthread_mutex_unlock(&fs->lock);
		if (!f)
			continue;
		rnd = rnd * 1103515245 + 12345;
		if (!strcmp(f->name, "still"))
			inval_asked(fs, f);
		else
			move_some(fs, f, rnd >> 8);
		file_put(fs, f);
		usleep(500);
	}
	return NULL;
}

/* ---- files by name and number ---- */

static void fill_attr(const struct file *f, struct zufs_attr *attr)
{
	memset(attr, 0, sizeof(*attr));
	attr->zi = f->zi;
}

static void touch(struct file *f, int64_t time)
{
	f->zi.i_mtime = htole64(time);
	f->zi.i_ctime = htole64(time);
}

/* fs->lock is held. */
static struct file *by_name(struct shift *fs, const struct zufs_str *str)
{
	for (unsigned int i = 0; i < MAX_FILES; i++) {
		struct file *f = fs->files[i];

		if (f && f->named && strlen(f->name) == str->len &&
		    !memcmp(f->name, str->name, str->len))
			return f;
	}
	return NULL;
}

static const struct zus_zii_operations zii_ops;

static struct file *file_new(struct shift *fs,
			     const struct zufs_ioc_new_inode *io)
{
	struct file *f = calloc(1, sizeof(*f));

	if (f)
		f->map = calloc(MAX_BLKS, sizeof(*f->map));
	if (!f || !f->map) {
		free(f);
		return NULL;
	}
	pthread_mutex_init(&f->lock, NULL);
	f->zi = io->zi;
	f->zi.i_nlink = htole32(1);
	f->zi.i_generation = htole64(1);
	f->zii.op = &zii_ops;
	f->zii.sbi = &fs->sbi;
	f->zii.generation = 1;
	memcpy(f->name, io->str.name, io->str.len);
	f->named = true;
	f->refs = 1;
	return f;
}

static int shift_new_inode(struct zus_sb_info *sbi, struct zus_inode_info *dir,
			   struct zufs_ioc_new_inode *io,
			   struct zus_inode_info **zii)
{
	struct shift *fs = shift_of(sbi);
	struct file *f;
	unsigned int i;

	if (!S_ISREG(le16toh(io->zi.i_mode)) || io->flags & ZI_TMPFILE)
		return -EOPNOTSUPP;
	f = file_new(fs, io);
	if (!f)
		return -ENOMEM;
	pthread_mutex_lock(&fs->lock);
	for (i = 0; i < MAX_FILES && fs->files[i]; i++)
		;
	if (i < MAX_FILES) {
		f->zii.ino = ++fs->next_ino;
		f->zi.i_ino = htole64(f->zii.ino);
		fs->files[i] = f;
	}
	pthread_mutex_unlock(&fs->lock);
	if (i == MAX_FILES) {
		file_put(fs, f);
		return -ENOSPC;
	}
	touch(file_of(dir), io->op.time);
	fill_attr(f, &io->attr);
	fill_attr(file_of(dir), &io->dir);
	*zii = &f->zii;
	return 0;
}

static int shift_lookup(struct zus_sb_info *sbi, struct zus_inode_info *dir,
			struct zufs_ioc_lookup *io, struct zus_inode_info **zii)
{
	struct shift *fs = shift_of(sbi);
	struct file *f;

	(void)dir;
	pthread_mutex_lock(&fs->lock);
	f = by_name(fs, &io->str);
	pthread_mutex_unlock(&fs->lock);
	if (!f)
		return -ENOENT;
	fill_attr(f, &io->attr);
	*zii = &f->zii;
	return 0;
}

static int shift_remove(struct zus_sb_info *sbi, struct zus_inode_info *dir,
			struct zus_inode_info *zii, struct zufs_ioc_dentry *io)
{
	struct file *f = file_of(zii);

	(void)sbi;
	f->named = false;
	f->zi.i_nlink = 0;
	f->zi.i_ctime = htole64(io->op.time);
	touch(file_of(dir), io->op.time);
	fill_attr(f, &io->attr);
	fill_attr(file_of(dir), &io->dir);
	return 0;
}

/* The place in the table is the position. */
static int shift_readdir(struct zus_sb_info *sbi, struct zus_inode_info *dir,
			 struct zufs_ioc_readdir *io)
{
	struct shift *fs = shift_of(sbi);

	(void)dir;
	pthread_mutex_lock(&fs->lock);
	for (uint64_t i = io->pos - 2; i < MAX_FILES; i++) {
		struct file *f = fs->files[i];

		if (f && f->named &&
		    !zus_dir_emit(io, f->zii.ino, 8 /* DT_REG */, i + 3,
				  f->name, (uint8_t)strlen(f->name))) {
			io->pos = i + 2;
			io->more = 1;
			break;
		}
	}
	pthread_mutex_unlock(&fs->lock);
	return 0;
}

static int shift_statfs(struct zus_sb_info *sbi, struct zufs_ioc_statfs *io)
{
	io->blocks = shift_of(sbi)->blocks;
	return 0;
}

/* A file with a name stays; the table has the only reference but the mover's. */
static void shift_evict(struct zus_inode_info *zii, bool free_inode)
{
	struct shift *fs = shift_of(zii->sbi);
	struct file *f = file_of(zii);

	if (!free_inode)
		return;
	pthread_mutex_lock(&fs->lock);
	for (unsigned int i = 0; i < MAX_FILES; i++)
		if (fs->files[i] == f)
			fs->files[i] = NULL;
	pthread_mutex_unlock(&fs->lock);
	file_put(fs, f);
}

/* ---- attributes and data ---- */

static int shift_setattr(struct zus_inode_info *zii, struct zufs_ioc_attr *io)
{
	struct shift *fs = shift_of(zii->sbi);
	struct file *f = file_of(zii);

	if (io->valid & ZUFS_STATX_SIZE) {
		uint64_t size = le64toh(io->zi.i_size);

		if (size > (uint64_t)MAX_BLKS * BLK)
			return -EFBIG;
		pthread_mutex_lock(&f->lock);
		f->zi.i_size = io->zi.i_size;
		cut(fs, f, (size + BLK - 1) / BLK);
		pthread_mutex_unlock(&f->lock);
	}
	if (io->valid & ZUFS_STATX_MODE)
		f->zi.i_mode = io->zi.i_mode;
	if (io->valid & ZUFS_STATX_MTIME)
		f->zi.i_mtime = io->zi.i_mtime;
	f->zi.i_ctime = htole64(io->op.time);
	fill_attr(f, &io->attr);
	return 0;
}

/* Holes of [lblk, end) below the size get zeroed blocks. f->lock is held. */
static int fill(struct shift *fs, struct file *f, uint64_t lblk, uint64_t end)
{
	for (uint64_t b = lblk; b < end; b++) {
		uint64_t bn;

		if (f->map[b])
			continue;
		if (!alloc_run(fs, 1, &bn))
			return -ENOSPC;
		memset(addr_of(&f->zii, bn), 0, BLK);
		f->map[b] = bn;
	}
	return 0;
}

static bool goes_on(const struct file *f, const struct zufs_extent *e,
		    uint64_t b)
{
	return e->flags ? !f->map[b] : f->map[b] == e->pblk + e->len;
}

/* f->lock is held. What was filled is said to be new, with what is beside it. */
static void extents(struct file *f, struct zufs_ioc_get_multy *io,
		    uint64_t lblk, uint64_t end, uint32_t flags)
{
	struct zufs_extent *e = io->ext - 1;

	for (uint64_t b = lblk; b < end; b++) {
		if (io->n && goes_on(f, e, b)) {
			e->len++;
			continue;
		}
		if (io->n == io->max)
			break;
		*++e = (struct zufs_extent){ b, f->map[b], 1,
					     f->map[b] ? 0 : ZUFS_EXT_HOLE };
		io->n++;
	}
	for (uint32_t i = 0; i < io->n; i++)
		io->ext[i].flags |= io->ext[i].flags ? 0 : flags;
}

static int shift_get_multy(struct zus_inode_info *zii,
			   struct zufs_ioc_get_multy *io)
{
	struct file *f = file_of(zii);
	uint64_t lblk = io->filepos / BLK, end, top;
	bool write = io->rw & ZUFS_RW_WRITE;
	int err = 0;

	pthread_mutex_lock(&f->lock);
	top = (le64toh(f->zi.i_size) + BLK - 1) / BLK;
	end = (io->filepos + io->len + BLK - 1) / BLK;
	if (end > top)
		end = top;
	if (end <= lblk)
		end = lblk + 1;
	if (write)
		err = fill(shift_of(zii->sbi), f, lblk, end);
	if (!err)
		extents(f, io, lblk, end, write ? ZUFS_EXT_NEW : 0);
	fill_attr(f, &io->attr);
	pthread_mutex_unlock(&f->lock);
	return err;
}

/* f->lock is held. */
static int grant(struct shift *fs, struct file *f, uint64_t lblk, uint32_t want,
		 struct zufs_extent *ext, uint32_t *n)
{
	uint64_t bn;

	if (f->grant.len)
		free_run(fs, f->grant.pblk, f->grant.len);
	if (lblk + want > MAX_BLKS)
		want = MAX_BLKS - lblk;
	f->grant.lblk = lblk;
	f->grant.len = alloc_run(fs, want, &bn);
	f->grant.pblk = bn;
	*ext = f->grant;
	*n = f->grant.len != 0;
	return *n ? 0 : -ENOSPC;
}

static int shift_grant(struct zus_inode_info *zii, struct zufs_ioc_grant *io)
{
	struct file *f = file_of(zii);
	int err;

	if (io->lblk >= MAX_BLKS)
		return -EFBIG;
	pthread_mutex_lock(&f->lock);
	err = grant(shift_of(zii->sbi), f, io->lblk, io->want, io->ext, &io->n);
	pthread_mutex_unlock(&f->lock);
	return err;
}

static int shift_grant_put(struct zus_inode_info *zii,
			   struct zufs_ioc_grant *io)
{
	struct file *f = file_of(zii);

	(void)io;
	pthread_mutex_lock(&f->lock);
	if (f->grant.len)
		free_run(shift_of(zii->sbi), f->grant.pblk, f->grant.len);
	f->grant.len = 0;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

/* What was granted is used from its beginning on. f->lock is held. */
static int take(struct file *f, const struct zufs_extent *e)
{
	if (e->lblk != f->grant.lblk || e->pblk != f->grant.pblk ||
	    e->len > f->grant.len)
		return -EINVAL;
	for (uint32_t i = 0; i < e->len; i++)
		f->map[e->lblk + i] = e->pblk + i;
	f->grant.lblk += e->len;
	f->grant.pblk += e->len;
	f->grant.len -= e->len;
	return 0;
}

static int shift_commit(struct zus_inode_info *zii, struct zufs_ioc_commit *io)
{
	struct file *f = file_of(zii);
	int err = 0;

	pthread_mutex_lock(&f->lock);
	for (uint32_t i = 0; !err && i < io->n; i++)
		err = take(f, &io->ext[i]);
	if (!err && !io->more && io->new_size > le64toh(f->zi.i_size))
		f->zi.i_size = htole64(io->new_size);
	if (!err && !f->grant.len && io->want)
		grant(shift_of(zii->sbi), f, f->grant.lblk, io->want, io->grant,
		      &io->n_grant);
	touch(f, io->op.time);
	fill_attr(f, &io->attr);
	pthread_mutex_unlock(&f->lock);
	return err;
}

/* By the mover: a ZT may not. */
static int inval_range(struct file *f, const uint64_t *range)
{
	struct shift *fs = shift_of(f->zii.sbi);
	int err;

	pthread_mutex_lock(&fs->lock);
	memcpy(f->range, range, sizeof(f->range));
	while (f->range[1])
		pthread_cond_wait(&fs->answered, &fs->lock);
	err = f->result;
	pthread_mutex_unlock(&fs->lock);
	return err;
}

static int shift_getxattr(struct zus_inode_info *zii, struct zufs_ioc_xattr *io)
{
	uint64_t r[3];

	if (sscanf(io->buf, "range %" SCNu64 " %" SCNu64 " %" SCNu64, &r[0],
		   &r[1], &r[2]) == 3)
		return inval_range(file_of(zii), r);
	if (!strcmp(io->buf, "inval"))
		return zus_inval_map(zii, 0, 1);
	if (strcmp(io->buf, "wait"))
		return -ENODATA;
	for (int i = 0; i < 3000; i++) {
		if (zus_zt_signal_pending())
			return -EINTR;
		usleep(10000);
	}
	return -ETIMEDOUT;
}

/* ---- mount ---- */

static const struct zus_sbi_operations sbi_ops = {
	.statfs = shift_statfs,
	.new_inode = shift_new_inode,
	.lookup = shift_lookup,
	.remove_dentry = shift_remove,
	.readdir = shift_readdir,
};

static const struct zus_zii_operations zii_ops = {
	.evict = shift_evict,
	.setattr = shift_setattr,
	.get_multy = shift_get_multy,
	.grant = shift_grant,
	.grant_put = shift_grant_put,
	.commit_write = shift_commit,
	.getxattr = shift_getxattr,
};

static struct zus_sb_info *sbi_alloc(struct zus_fs_info *zfi)
{
	struct shift *fs = calloc(1, sizeof(*fs));

	(void)zfi;
	if (!fs)
		return NULL;
	pthread_mutex_init(&fs->lock, NULL);
	pthread_cond_init(&fs->answered, NULL);
	fs->sbi.op = &sbi_ops;
	return &fs->sbi;
}

static void sbi_free(struct zus_sb_info *sbi)
{
	struct shift *fs = shift_of(sbi);

	free(fs->used);
	free(fs);
}

static int sbi_init(struct zus_sb_info *sbi, struct zufs_ioc_mount *zim)
{
	struct shift *fs = shift_of(sbi);
	struct zus_inode *zi = &fs->root.zi;

	fs->blocks = sbi->md.bytes / BLK;
	fs->used = calloc(fs->blocks, 1);
	if (!fs->used)
		return -ENOMEM;
	zi->i_mode = htole16(S_IFDIR | 0755);
	zi->i_nlink = htole32(2);
	zi->i_ino = htole64(ROOT_INO);
	zi->i_generation = htole64(1);
	fs->root.zii = (struct zus_inode_info){ &zii_ops, sbi, ROOT_INO, 1 };
	fs->next_ino = ROOT_INO;
	sbi->z_root = &fs->root.zii;
	fill_attr(&fs->root, &zim->root);
	zim->fs_caps = ZUFS_FSC_NIO_READS | ZUFS_FSC_NIO_WRITES;
	zim->blocksize_bits = ZUFS_BLOCK_SHIFT;
	return -pthread_create(&fs->mover, NULL, mover, fs);
}

static void sbi_fini(struct zus_sb_info *sbi)
{
	struct shift *fs = shift_of(sbi);

	fs->stop = true;
	pthread_join(fs->mover, NULL);
	for (unsigned int i = 0; i < MAX_FILES; i++)
		if (fs->files[i])
			file_put(fs, fs->files[i]);
}

static const struct zus_zfi_operations zfi_ops = {
	.sbi_alloc = sbi_alloc,
	.sbi_free = sbi_free,
	.sbi_init = sbi_init,
	.sbi_fini = sbi_fini,
};

static struct zus_fs_info zfi = {
	.rfi = { .fsname = "shift",
		 .FS_magic = MAGIC,
		 .FS_ver_major = 1,
		 .s_time_gran = 1,
		 .s_maxbytes = (uint64_t)MAX_BLKS * BLK,
		 .s_time_max = INT32_MAX },
	.op = &zfi_ops,
};

int zus_plugin_init(void)
{
	return zus_register_one(&zfi);
}
