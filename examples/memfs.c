// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * memfs - a filesystem in the memory of its server.
 * It teaches what hellofs.c leaves out: inodes that come and go, directories
 * that change while they are read, many threads, space that comes to its end.
 *
 *   cc -shared -fPIC -pthread -o memfs.so memfs.c $(pkg-config --cflags --libs zus)
 *
 * Locks: callbacks run side by side, on each CPU several. The kernel's locks
 * keep two changes of a directory or file apart, but not all else: a caller that
 * is killed doesn't wait for what only reads, so its locks may be gone while the
 * callback runs on; and writeback takes none. So memfs has a lock of its own.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include <zus.h>

#define LIMIT (64UL << 20) /* bytes that all is in */
#define BLOCK (uint64_t) ZUFS_BLOCK_SIZE

struct mem_inode {
	struct zus_inode_info zii;
	LIST_ENTRY(mem_inode) node;
	struct zus_inode zi;
	char *data;    /* of a file, or a symlink's text */
	uint64_t room; /* bytes of data; behind the size all are 0 */
	TAILQ_HEAD(, mem_name) names; /* in a directory, in order of pos */
	uint64_t parent;	      /* the number of ".." */
};

struct mem_name {
	TAILQ_ENTRY(mem_name) node;
	struct zufs_str str;
	struct mem_inode *mi;
	uint64_t pos; /* for readdir: where it is while others come and go */
};

struct mem_sb {
	struct zus_sb_info sbi;
	pthread_rwlock_t lock; /* all that follows, and all inodes */
	LIST_HEAD(, mem_inode) inodes;
	uint64_t last; /* inode's number, or name's position: all differ */
	uint64_t used; /* bytes */
};

#define mem_sb(p) container_of(p, struct mem_sb, sbi)
#define mem_i(p)  container_of(p, struct mem_inode, zii)

/* Takes the lock, up to the end of the block. */
#define HOLD(how, sbi)                                                    \
	pthread_rwlock_t *held __attribute__((unused, cleanup(let_go))) = \
		(pthread_rwlock_##how##lock(&mem_sb(sbi)->lock),          \
		 &mem_sb(sbi)->lock)

static void let_go(pthread_rwlock_t **lock)
{
	pthread_rwlock_unlock(*lock);
}

/* @p with @to bytes for @from, new ones are 0; NULL: no space. */
static void *resize(struct zus_sb_info *sbi, void *p, size_t from, size_t to)
{
	p = mem_sb(sbi)->used + to - from > LIMIT ? NULL : realloc(p, to);
	if (p) {
		mem_sb(sbi)->used += to - from;
		memset((char *)p + from, 0, to - from);
	}
	return p;
}

static void release(struct zus_sb_info *sbi, void *p, uint64_t bytes)
{
	mem_sb(sbi)->used -= bytes;
	free(p);
}

/* @links more are there, or (@inside) what is in it has changed. */
static void touch(struct mem_inode *mi, int64_t time, bool inside, int links)
{
	mi->zi.i_nlink = htole32(le32toh(mi->zi.i_nlink) + links);
	mi->zi.i_ctime = htole64(time);
	if (inside)
		mi->zi.i_mtime = htole64(time);
}

static const struct zus_zii_operations zii_ops;

/* No number is used again: so 1 will do for a generation. */
static struct mem_inode *inode_new(struct zus_sb_info *sbi,
				   const struct zus_inode *zi)
{
	struct mem_inode *mi = resize(sbi, NULL, 0, sizeof(*mi));
	uint64_t ino = ++mem_sb(sbi)->last;

	if (!mi)
		return NULL;
	mi->zii = (struct zus_inode_info){ &zii_ops, sbi, ino, 1 };
	mi->zi = *zi;
	mi->zi.i_ino = htole64(ino);
	mi->zi.i_generation = htole64(1);
	TAILQ_INIT(&mi->names);
	LIST_INSERT_HEAD(&mem_sb(sbi)->inodes, mi, node);
	return mi;
}

static void inode_free(struct mem_inode *mi)
{
	LIST_REMOVE(mi, node);
	release(mi->zii.sbi, mi->data, mi->room);
	release(mi->zii.sbi, mi, sizeof(*mi));
}

/* What has a name stays: memfs need not count the kernel's references. */
static void mem_evict(struct zus_inode_info *zii, bool free_inode)
{
	HOLD(wr, zii->sbi);
	if (free_inode)
		inode_free(mem_i(zii));
}

static int mem_iget(struct zus_sb_info *sbi, uint64_t ino, uint64_t generation,
		    struct zufs_attr *attr, struct zus_inode_info **zii)
{
	struct mem_inode *mi;

	HOLD(rd, sbi);
	LIST_FOREACH(mi, &mem_sb(sbi)->inodes, node)
		if (mi->zii.ino == ino && mi->zi.i_nlink && generation <= 1) {
			attr->zi = mi->zi;
			*zii = &mi->zii;
			return 0;
		}
	return -ESTALE;
}

/* Holes take memory too; what is behind the size is 0. */
static int set_size(struct mem_inode *mi, uint64_t size)
{
	uint64_t room = (size + BLOCK - 1) & -BLOCK;
	char *data = mi->data;

	if (size > LIMIT)
		return -EFBIG;
	if (room > mi->room) {
		data = resize(mi->zii.sbi, data, mi->room, room);
		if (!data)
			return -ENOSPC;
		mi->data = data;
		mi->room = room;
		mi->zi.i_blocks = htole64(room / 512);
	}
	if (size < le64toh(mi->zi.i_size))
		memset(data + size, 0, mi->room - size);
	mi->zi.i_size = htole64(size);
	return 0;
}

/* ---- names: a list, which will do for small directories ---- */

static struct mem_name *find(struct mem_inode *md, const struct zufs_str *s)
{
	struct mem_name *n;

	TAILQ_FOREACH(n, &md->names, node)
		if (n->str.len == s->len &&
		    !memcmp(n->str.name, s->name, s->len))
			break;
	return n;
}

static int add(struct zus_inode_info *dir, const struct zufs_str *str,
	       struct mem_inode *mi, int64_t time)
{
	struct mem_name *n;

	if (!mem_i(dir)->zi.i_nlink || find(mem_i(dir), str))
		return mem_i(dir)->zi.i_nlink ? -EEXIST : -ENOENT;
	n = resize(dir->sbi, NULL, 0, sizeof(*n));
	if (!n)
		return -ENOSPC;
	n->str = *str;
	n->mi = mi;
	n->pos = ++mem_sb(dir->sbi)->last;
	mi->parent = dir->ino;
	TAILQ_INSERT_TAIL(&mem_i(dir)->names, n, node);
	touch(mi, time, false, 1);
	touch(mem_i(dir), time, true, 0);
	return 0;
}

static void del(struct zus_inode_info *dir, struct mem_name *n, int64_t time)
{
	touch(n->mi, time, false, -1);
	touch(mem_i(dir), time, true, 0);
	TAILQ_REMOVE(&mem_i(dir)->names, n, node);
	release(dir->sbi, n, sizeof(*n));
}

static int mem_lookup(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		      struct zufs_ioc_lookup *io, struct zus_inode_info **zii)
{
	struct mem_name *n;

	if (zus_str_is(&io->str, ".."))
		return mem_iget(sbi, mem_i(dir)->parent, 0, &io->attr, zii);
	HOLD(rd, sbi);
	n = find(mem_i(dir), &io->str);
	if (!n)
		return -ENOENT;
	io->attr.zi = n->mi->zi;
	*zii = &n->mi->zii;
	return 0;
}

static int mem_new_inode(struct zus_sb_info *sbi, struct zus_inode_info *dir,
			 struct zufs_ioc_new_inode *io,
			 struct zus_inode_info **zii)
{
	struct mem_inode *mi;
	int err = 0;

	HOLD(wr, sbi);
	mi = inode_new(sbi, &io->zi);
	if (!mi)
		return -ENOSPC;
	if (io->symlen)
		err = set_size(mi, io->symlen);
	if (io->symlen && !err)
		memcpy(mi->data, io->data, io->symlen);
	if (io->symlen < sizeof(mi->zi.i_symlink))
		memcpy(mi->zi.i_symlink, io->data, io->symlen);
	if (!err && !(io->flags & ZI_TMPFILE))
		err = add(dir, &io->str, mi, io->op.time);
	if (err) {
		inode_free(mi);
		return err;
	}
	io->attr.zi = mi->zi;
	io->dir.zi = mem_i(dir)->zi;
	*zii = &mi->zii;
	return 0;
}

static int mem_link(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		    struct zus_inode_info *zii, struct zufs_ioc_dentry *io)
{
	int err;

	HOLD(wr, sbi);
	err = add(dir, &io->str, mem_i(zii), io->op.time);
	io->attr.zi = mem_i(zii)->zi;
	io->dir.zi = mem_i(dir)->zi;
	return err;
}

static int mem_unlink(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		      struct zus_inode_info *zii, struct zufs_ioc_dentry *io)
{
	struct mem_name *n;

	HOLD(wr, sbi);
	n = find(mem_i(dir), &io->str);
	if (!n || &n->mi->zii != zii)
		return -ENOENT;
	if (!TAILQ_EMPTY(&mem_i(zii)->names))
		return -ENOTEMPTY;
	del(dir, n, io->op.time);
	io->attr.zi = mem_i(zii)->zi;
	io->dir.zi = mem_i(dir)->zi;
	return 0;
}

static int mem_rename(struct zus_sb_info *sbi, struct zus_inode_info *old_dir,
		      struct zus_inode_info *new_dir,
		      struct zus_inode_info *old, struct zus_inode_info *new,
		      struct zufs_ioc_rename *io)
{
	struct mem_name *o, *n;
	int err = 0;

	if (io->flags & ~RENAME_NOREPLACE) /* that is done by the kernel */
		return -EINVAL;
	HOLD(wr, sbi);
	o = find(mem_i(old_dir), &io->old_str);
	n = find(mem_i(new_dir), &io->new_str);
	if (!o || &o->mi->zii != old || (n ? &n->mi->zii : NULL) != new)
		return -ENOENT;
	if (n && !TAILQ_EMPTY(&n->mi->names))
		return -ENOTEMPTY;
	if (n) /* they change places, and what goes is at the old one */
		n->mi = mem_i(old), o->mi = mem_i(new);
	else
		err = add(new_dir, &io->new_str, mem_i(old), io->op.time);
	if (err)
		return err;
	del(old_dir, o, io->op.time);
	mem_i(old)->parent = new_dir->ino;
	touch(mem_i(old), io->op.time, false, 0);
	touch(mem_i(new_dir), io->op.time, true, 0);
	io->old_dir_attr.zi = mem_i(old_dir)->zi;
	io->new_dir_attr.zi = mem_i(new_dir)->zi;
	io->old_attr.zi = mem_i(old)->zi;
	if (new)
		io->new_attr.zi = mem_i(new)->zi;
	return 0;
}

static int mem_readdir(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		       struct zufs_ioc_readdir *io)
{
	struct mem_name *n;

	HOLD(rd, sbi);
	TAILQ_FOREACH(n, &mem_i(dir)->names, node) {
		if (n->pos < io->pos)
			continue;
		io->pos = n->pos;
		io->more = !zus_dir_emit(io, n->mi->zii.ino,
					 IFTODT(le16toh(n->mi->zi.i_mode)),
					 n->pos + 1, n->str.name, n->str.len);
		if (io->more)
			break; /* no room: the kernel will go on at io->pos */
	}
	return 0;
}

/* ---- data and attributes ---- */

static int mem_write(struct zus_inode_info *zii, const void *data,
		     struct zufs_ioc_IO *io)
{
	struct mem_inode *mi = mem_i(zii);
	int err = 0;

	HOLD(wr, zii->sbi);
	if (io->last_pos > le64toh(mi->zi.i_size))
		err = set_size(mi, io->last_pos);
	if (err)
		return err;
	memcpy(mi->data + io->filepos, data, io->last_pos - io->filepos);
	if (!(io->rw & ZUFS_RW_MMAP)) /* those times come by sync */
		touch(mi, io->op.time, true, 0);
	io->attr.zi = mi->zi;
	return 0;
}

static int mem_read(struct zus_inode_info *zii, void *data,
		    struct zufs_ioc_IO *io)
{
	struct mem_inode *mi = mem_i(zii);
	uint64_t size, pos = io->filepos;

	HOLD(rd, zii->sbi);
	size = le64toh(mi->zi.i_size);
	if (io->last_pos > size)
		io->last_pos = size > pos ? size : pos;
	if (io->last_pos > pos)
		memcpy(data, mi->data + pos, io->last_pos - pos);
	io->attr.zi = mi->zi;
	return 0;
}

static int mem_setattr(struct zus_inode_info *zii, struct zufs_ioc_attr *io)
{
	struct mem_inode *mi = mem_i(zii);
	int err = 0;

	HOLD(wr, zii->sbi);
	if (io->valid & ZUFS_STATX_SIZE)
		err = set_size(mi, le64toh(io->zi.i_size));
	if (!err)
		zus_set_attr(&mi->zi, io);
	io->attr.zi = mi->zi;
	return err;
}

/* Times that the kernel kept for a while: those of reads, and of mappings. */
static int mem_sync(struct zus_inode_info *zii, struct zufs_ioc_sync *io)
{
	HOLD(wr, zii->sbi);
	zus_set_times(&mem_i(zii)->zi, io);
	return 0;
}

/* Texts of 32 bytes and more; shorter ones are in i_symlink. None changes. */
static int mem_get_symlink(struct zus_inode_info *zii,
			   struct zufs_ioc_get_symlink *io)
{
	io->len = le64toh(mem_i(zii)->zi.i_size);
	memcpy(io->path, mem_i(zii)->data, io->len);
	return 0;
}

static const struct zus_zii_operations zii_ops = {
	.evict = mem_evict,
	.setattr = mem_setattr,
	.sync = mem_sync,
	.get_symlink = mem_get_symlink,
	.read = mem_read,
	.write = mem_write,
};

static int mem_statfs(struct zus_sb_info *sbi, struct zufs_ioc_statfs *io)
{
	HOLD(rd, sbi);
	io->blocks = LIMIT / BLOCK;
	io->bfree = io->bavail = (LIMIT - mem_sb(sbi)->used) / BLOCK;
	return 0;
}

static const struct zus_sbi_operations sbi_ops = {
	.statfs = mem_statfs,
	.new_inode = mem_new_inode,
	.lookup = mem_lookup,
	.iget = mem_iget,
	.add_dentry = mem_link,
	.remove_dentry = mem_unlink,
	.rename = mem_rename,
	.readdir = mem_readdir,
};

static struct zus_sb_info *mem_alloc(struct zus_fs_info *zfi)
{
	struct mem_sb *ms = calloc(1, sizeof(*ms));

	(void)zfi;
	if (!ms)
		return NULL;
	ms->sbi.op = &sbi_ops;
	pthread_rwlock_init(&ms->lock, NULL);
	return &ms->sbi;
}

static int mem_mount(struct zus_sb_info *sbi, struct zufs_ioc_mount *zim)
{
	struct zus_inode root = { .i_mode = htole16(S_IFDIR | 0755),
				  .i_nlink = htole32(1) };
	struct mem_inode *mi;

	if (zim->options[0])
		return -EINVAL; /* it knows none */
	mi = inode_new(sbi, &root);
	if (!mi)
		return -ENOSPC;
	mi->parent = mi->zii.ino;
	sbi->z_root = &mi->zii;
	zim->root.zi = mi->zi;
	zim->blocksize_bits = ZUFS_BLOCK_SHIFT;
	return 0;
}

static void mem_umount(struct zus_sb_info *sbi)
{
	struct mem_inode *mi;
	struct mem_name *n;

	while ((mi = LIST_FIRST(&mem_sb(sbi)->inodes))) {
		while ((n = TAILQ_FIRST(&mi->names))) {
			TAILQ_REMOVE(&mi->names, n, node);
			free(n);
		}
		inode_free(mi);
	}
}

static void mem_free(struct zus_sb_info *sbi)
{
	pthread_rwlock_destroy(&mem_sb(sbi)->lock);
	free(mem_sb(sbi));
}

static const struct zus_zfi_operations zfi_ops = {
	.sbi_alloc = mem_alloc,
	.sbi_init = mem_mount,
	.sbi_fini = mem_umount,
	.sbi_free = mem_free,
};

static struct zus_fs_info memfs = {
	.rfi = { .fsname = "memfs",
		 .FS_magic = 0x736d656d,
		 .flags = ZUFS_RFI_NODEV,
		 .s_time_gran = 1,
		 .s_maxbytes = LIMIT },
	.op = &zfi_ops,
};

int zus_plugin_init(void)
{
	return zus_register_one(&memfs);
}
