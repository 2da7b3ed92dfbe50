// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * A plugin for tests of data that goes through the server: a folder of files in
 * memory, some of which do what they must not be able to do. "counters" says
 * what they found.
 */
#include <dirent.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zus.h"

#include "watch.h"

#define FILE_MAX  (64ULL << 20) /* bytes */
#define TEXT_SIZE 1024U		/* of "counters" */
#define ACL_MAX	  256U
#define GEN	  1U

enum {
	COUNTERS,
	LOOK,  /* looks at what lies around the data of a write */
	STORE, /* stores into the data of a write */
	FORK,  /* has a child look at the data of a write */
	LATE,  /* keeps the address of data, and looks when it was answered */
	SLOW,  /* takes two seconds */
	LIE,   /* answers nonsense, another one for each block */
	WATCH, /* has another thread look all the time: watch.h */
	RAM,   /* the first of many that are just files */
	NR_FILES = RAM + 8
};

static const char *const names[RAM] = { "counters", "look", "store", "fork",
					"late",	    "slow", "lie",   "watch" };

struct file {
	struct zus_inode_info zii;
	pthread_rwlock_t lock; /* of the rest */
	char *data;	       /* FILE_MAX bytes, zero behind size */
	uint64_t size;
	int64_t mtime, ctime, atime;
	uint32_t mode, acl_size; /* acl_size 0: none */
	char acl[ACL_MAX];
};

static struct {
	struct zus_sb_info sbi;
	struct zus_inode_info root;
	struct file file[NR_FILES];
} fs;

static struct {
	atomic_uint exposed;   /* bytes of others beside the data */
	atomic_uint behind;    /* pages behind the data that could be read */
	atomic_uint stored;    /* stores into read-only data that went well */
	atomic_uint refused;   /* and those that did not */
	atomic_uint moved;     /* ways to move or cut the window that worked */
	atomic_uint inherited; /* children that saw the data */
	atomic_uint kept;      /* data that was seen when it was answered */
	atomic_uint windows;   /* writes and reads by the window */
	atomic_uint bounces;   /* and by the buffer */
	atomic_uint pre_reads, mmap_closes, hints, copies, clones, fiemaps;
	atomic_uint now, most; /* SETs of xattrs at once */
	atomic_uint spoilt;    /* of which the value wasn't what it has to be */
	atomic_uint evicts;    /* by the background channel */
	atomic_uint others;    /* and by another one */
	atomic_uint busy;      /* SETs at once when an inode was evicted */
	const char *_Atomic late; /* data that was answered */
} counters;

static struct file *file_of(struct zus_inode_info *zii)
{
	return container_of(zii, struct file, zii);
}

static int kind_of(const struct file *f)
{
	return (int)(f - fs.file);
}

static void fill_attr(struct zus_inode_info *zii, struct zufs_attr *attr)
{
	struct zus_inode *zi = &attr->zi;
	struct file *f = file_of(zii);

	memset(attr, 0, sizeof(*attr));
	zi->i_ino = zii->ino;
	zi->i_generation = GEN;
	attr->flags = ZUFS_ATTR_NO_XATTR;
	if (zii == &fs.root) {
		zi->i_mode = S_IFDIR | 0755;
		zi->i_nlink = 2;
		return;
	}
	if (f->acl_size)
		attr->flags = 0;
	zi->i_mode = (uint16_t)f->mode;
	zi->i_nlink = 1;
	zi->i_size = f->size;
	zi->i_mtime = (uint64_t)f->mtime;
	zi->i_ctime = (uint64_t)f->ctime;
	zi->i_atime = (uint64_t)f->atime;
	zi->i_blocks = (f->size + 511) / 512;
}

/* ---- the folder ---- */

static void name_of(int i, char name[16])
{
	if (i < RAM)
		snprintf(name, 16, "%s", names[i]);
	else
		snprintf(name, 16, "ram%d", i - RAM);
}

static int lookup(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		  struct zufs_ioc_lookup *io, struct zus_inode_info **zii)
{
	char name[16];

	(void)sbi;
	(void)dir;
	for (int i = 0; i < NR_FILES; i++) {
		name_of(i, name);
		if (strlen(name) != io->str.len ||
		    memcmp(name, io->str.name, io->str.len))
			continue;
		*zii = &fs.file[i].zii;
		fill_attr(*zii, &io->attr);
		return 0;
	}
	return -ENOENT;
}

static int list(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		struct zufs_ioc_readdir *io)
{
	char name[16];

	(void)sbi;
	(void)dir;
	for (; io->pos < NR_FILES + 2; io->pos++) {
		name_of((int)io->pos - 2, name);
		if (!zus_dir_emit(io, io->pos, DT_REG, io->pos + 1, name,
				  (uint8_t)strlen(name))) {
			io->more = 1;
			break;
		}
	}
	return 0;
}

static int statfs(struct zus_sb_info *sbi, struct zufs_ioc_statfs *io)
{
	(void)sbi;
	io->blocks = NR_FILES * FILE_MAX >> ZUFS_BLOCK_SHIFT;
	io->bfree = io->blocks;
	io->bavail = io->blocks;
	return 0;
}

/* ---- what must not work ---- */

static int peek(const char *at)
{
	return *(const volatile char *)at ? 1 : 0;
}

static int poke(char *at)
{
	*(volatile char *)at = 'X';
	return 0;
}

static int peek_try(const char *at)
{
	return ZUS_TRY(at, 1, peek(at));
}

static char *page_of(const char *at)
{
	return (char *)((uintptr_t)at & ~(uintptr_t)4095);
}

static void look(const char *data, uint64_t len)
{
	const char *p, *end = data + len, *last = page_of(end - 1) + 4096;

	for (p = page_of(data); p < data; p++)
		counters.exposed += *p != 0;
	for (p = end; p < last; p++)
		counters.exposed += *p != 0;
	/* It ends with the window, where something else may be mapped. */
	if (len < ZUS_API_MAP_MAX_SIZE / 2)
		counters.behind += peek_try(last) != -EIO;
}

static void store_one(char *at)
{
	if (ZUS_TRY(at, 1, poke(at)))
		counters.refused++;
	else
		counters.stored++;
}

/* With the page not mapped yet, mapped, and after each way to get around it. */
static void store(char *data, const struct zufs_ioc_hdr *hdr)
{
	char *win = data - hdr->offset;
	const size_t size = ZUS_API_MAP_MAX_SIZE;

	store_one(data);
	peek(data);
	store_one(data);
	mprotect(win, size, PROT_READ);
	mprotect(win, size, PROT_READ | PROT_WRITE);
	store_one(data);
	counters.moved += !mprotect(win, 4096, PROT_READ);
	counters.moved += !munmap(win, 4096);
	counters.moved += mremap(win, size, size / 2, 0) != MAP_FAILED;
	counters.moved += mremap(win, size, 2 * size, MREMAP_MAYMOVE) !=
			  MAP_FAILED;
	counters.moved += mremap(win, 0, size, MREMAP_MAYMOVE) != MAP_FAILED;
	counters.moved += !madvise(win, size, MADV_DOFORK);
	store_one(data);
}

static void fork_look(const char *data)
{
	int status;
	pid_t pid;

	peek(data);
	pid = fork();
	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		peek(data);
		_exit(0);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid)
		counters.inherited += WIFEXITED(status);
	else
		counters.inherited += 1000;
}

static void misbehave(struct file *f, char *data, struct zufs_ioc_IO *io)
{
	uint64_t len = io->last_pos - io->filepos;

	switch (kind_of(f)) {
	case LOOK:
		look(data, len);
		break;
	case STORE:
		store(data, &io->op.hdr);
		break;
	case FORK:
		fork_look(data);
		break;
	case LATE:
		peek(data);
		counters.late = data;
		break;
	case WATCH:
		watch_window(data, io, false);
		break;
	}
}

/* Not while that ZT has other data to show: this is for a test of one caller. */
static void look_late(void)
{
	const char *data = counters.late;

	if (data)
		counters.kept += peek_try(data) != -EIO;
}

/* What is wrong depends on the block: see t_served.c. */
static void lie(struct zufs_ioc_IO *io)
{
	switch (io->filepos >> ZUFS_BLOCK_SHIFT) {
	case 0:
		io->last_pos = io->filepos - 1;
		break;
	case 1:
		io->last_pos++;
		break;
	case 2:
		io->last_pos = UINT64_MAX;
		break;
	case 3:
		io->attr.zi.i_size = UINT64_MAX;
		break;
	case 4:
		io->attr.zi.i_size = 1;
		break;
	case 5:
		io->attr.zi.i_mode = 0;
		break;
	case 6:
		io->last_pos = io->filepos;
		break;
	}
}

/* ---- data ---- */

static void count_way(const struct zufs_ioc_IO *io)
{
	if (io->data)
		counters.bounces++;
	else
		counters.windows++;
}

static void make_text(char *text)
{
	memset(text, '\n', TEXT_SIZE);
	text[snprintf(
		text, TEXT_SIZE,
		"exposed %u\nbehind %u\nstored %u\nrefused %u\n"
		"moved %u\ninherited %u\nkept %u\nwindows %u\nbounces %u\n"
		"pre_reads %u\nmmap_closes %u\nhints %u\ncopies %u\nclones %u\n"
		"fiemaps %u\nnow %u\nmost %u\nspoilt %u\n"
		"evicts %u\nothers %u\nbusy %u\n"
		"touched %u\ndenied %u\nleaked %u\nmissed %u\ngone %u",
		counters.exposed, counters.behind, counters.stored,
		counters.refused, counters.moved, counters.inherited,
		counters.kept, counters.windows, counters.bounces,
		counters.pre_reads, counters.mmap_closes, counters.hints,
		counters.copies, counters.clones, counters.fiemaps,
		counters.now, counters.most, counters.spoilt, counters.evicts,
		counters.others, counters.busy, watch_counters.touched,
		watch_counters.denied, watch_counters.leaked,
		watch_counters.missed, watch_counters.gone)] = '\n';
}

static int read_data(struct zus_inode_info *zii, void *data,
		     struct zufs_ioc_IO *io)
{
	struct file *f = file_of(zii);
	int kind = kind_of(f);
	uint64_t len = io->last_pos - io->filepos;

	counters.hints += io->ra_pages != 0;
	if (kind == SLOW)
		sleep(2);
	if (kind == WATCH && !io->data)
		watch_window(data, io, true);
	if (kind == COUNTERS)
		look_late();
	else
		count_way(io);
	pthread_rwlock_rdlock(&f->lock);
	if (kind == COUNTERS)
		make_text(f->data);
	if (io->filepos >= f->size)
		len = 0;
	else if (len > f->size - io->filepos)
		len = f->size - io->filepos;
	/* What the other thread looks at is touched by nobody else. */
	if (kind != WATCH)
		memcpy(data, f->data + io->filepos, len);
	pthread_rwlock_unlock(&f->lock);
	io->last_pos = io->filepos + len;
	if (kind == LIE)
		lie(io);
	return 0;
}

static int write_data(struct zus_inode_info *zii, const void *data,
		      struct zufs_ioc_IO *io)
{
	struct file *f = file_of(zii);

	if (io->last_pos > FILE_MAX)
		return -EFBIG;
	count_way(io);
	if (!io->data)
		misbehave(f, (char *)data, io);
	if (kind_of(f) == SLOW)
		sleep(2);
	pthread_rwlock_wrlock(&f->lock);
	if (kind_of(f) != WATCH)
		memcpy(f->data + io->filepos, data, io->last_pos - io->filepos);
	if (io->last_pos > f->size)
		f->size = io->last_pos;
	if (!(io->rw & ZUFS_RW_MMAP))
		f->mtime = f->ctime = io->op.time;
	fill_attr(zii, &io->attr);
	pthread_rwlock_unlock(&f->lock);
	if (kind_of(f) == LIE)
		lie(io);
	return 0;
}

static int setattr(struct zus_inode_info *zii, struct zufs_ioc_attr *io)
{
	struct file *f = file_of(zii);
	uint64_t size = io->zi.i_size;

	if (zii == &fs.root)
		return -EPERM;
	if (io->valid & ZUFS_STATX_SIZE && size > FILE_MAX)
		return -EFBIG;
	pthread_rwlock_wrlock(&f->lock);
	if (io->valid & ZUFS_STATX_SIZE) {
		if (size < f->size)
			memset(f->data + size, 0, f->size - size);
		f->size = size;
	}
	if (io->valid & ZUFS_STATX_MODE)
		f->mode = io->zi.i_mode;
	if (io->valid & ZUFS_STATX_MTIME)
		f->mtime = (int64_t)io->zi.i_mtime;
	if (io->valid & ZUFS_STATX_ATIME)
		f->atime = (int64_t)io->zi.i_atime;
	f->ctime = io->op.time;
	fill_attr(zii, &io->attr);
	pthread_rwlock_unlock(&f->lock);
	return 0;
}

static int sync_inode(struct zus_inode_info *zii, struct zufs_ioc_sync *io)
{
	struct file *f = file_of(zii);

	if (zii == &fs.root)
		return 0;
	pthread_rwlock_wrlock(&f->lock);
	if (io->valid & ZUFS_STATX_MTIME)
		f->mtime = io->mtime;
	if (io->valid & ZUFS_STATX_CTIME)
		f->ctime = io->ctime;
	if (io->valid & ZUFS_STATX_ATIME)
		f->atime = io->atime;
	pthread_rwlock_unlock(&f->lock);
	return 0;
}

static int fallocate_data(struct zus_inode_info *zii, struct zufs_ioc_IO *io)
{
	struct file *f = file_of(zii);
	uint64_t end = io->last_pos;

	if (end > FILE_MAX)
		return -EFBIG;
	pthread_rwlock_wrlock(&f->lock);
	if (!(io->rw & FALLOC_FL_KEEP_SIZE) && end > f->size)
		f->size = end;
	if (end > f->size)
		end = f->size;
	if (io->rw & FALLOC_FL_PUNCH_HOLE && io->filepos < end)
		memset(f->data + io->filepos, 0, end - io->filepos);
	f->mtime = f->ctime = io->op.time;
	fill_attr(zii, &io->attr);
	pthread_rwlock_unlock(&f->lock);
	return 0;
}

/* Blocks of zeros are holes. */
static bool is_data(const struct file *f, uint64_t block)
{
	static const char zeros[ZUFS_BLOCK_SIZE];

	return memcmp(f->data + (block << ZUFS_BLOCK_SHIFT), zeros,
		      sizeof(zeros)) != 0;
}

static uint64_t blocks_of(const struct file *f)
{
	return (f->size + ZUFS_BLOCK_SIZE - 1) >> ZUFS_BLOCK_SHIFT;
}

static int seek(struct zus_inode_info *zii, struct zufs_ioc_seek *io)
{
	struct file *f = file_of(zii);
	uint64_t b = io->offset_in >> ZUFS_BLOCK_SHIFT;
	int err = 0;

	pthread_rwlock_rdlock(&f->lock);
	while (b < blocks_of(f) && is_data(f, b) != (io->whence == SEEK_DATA))
		b++;
	if (b < blocks_of(f))
		io->offset_out = b << ZUFS_BLOCK_SHIFT;
	else if (io->whence == SEEK_DATA)
		err = -ENXIO;
	else
		io->offset_out = f->size;
	if (!err && io->offset_out < io->offset_in)
		io->offset_out = io->offset_in;
	pthread_rwlock_unlock(&f->lock);
	return err;
}

/* An extent for each block of data, so that answers are long. */
static int fiemap(struct zus_inode_info *zii, struct zufs_ioc_fiemap *io)
{
	struct file *f = file_of(zii);
	uint64_t b = io->start >> ZUFS_BLOCK_SHIFT;
	uint64_t end = (io->start + io->length + ZUFS_BLOCK_SIZE - 1) >>
		       ZUFS_BLOCK_SHIFT;
	uint32_t n = 0;

	counters.fiemaps++;
	pthread_rwlock_rdlock(&f->lock);
	for (; b < end && b < blocks_of(f); b++) {
		if (!is_data(f, b))
			continue;
		if (n < io->extents_max)
			io->ext[n] = (struct zufs_extent){ .lblk = b,
							   .pblk = b + 1000,
							   .len = 1 };
		n++;
	}
	pthread_rwlock_unlock(&f->lock);
	io->extents_mapped = n;
	return 0;
}

/* As lie(), by the block that it goes to. */
static void lie_of_copy(struct zufs_ioc_clone *io)
{
	switch (io->pos_out >> ZUFS_BLOCK_SHIFT) {
	case 0:
		io->done = 0;
		break;
	case 1:
		io->done++;
		break;
	case 2:
		io->attr.zi.i_size = UINT64_MAX;
		break;
	case 3:
		io->attr.zi.i_mode = 0;
		break;
	case 4:
		io->done--;
		break;
	}
}

/* The caller holds both; mappings of others are written back to other files alone. */
static int copy_some(struct file *f, const struct file *src,
		     struct zufs_ioc_clone *io, uint64_t len)
{
	if (io->pos_out + len > FILE_MAX)
		return -EFBIG;
	pthread_rwlock_wrlock(&f->lock);
	memmove(f->data + io->pos_out, src->data + io->pos_in, len);
	if (io->pos_out + len > f->size)
		f->size = io->pos_out + len;
	if (!(io->flags & ZUFS_CLONE_DEDUPE))
		f->mtime = f->ctime = io->op.time;
	fill_attr(&f->zii, &io->attr);
	pthread_rwlock_unlock(&f->lock);
	io->done = len;
	if (kind_of(f) == LIE)
		lie_of_copy(io);
	return 0;
}

/* At most a megabyte, so that long ones come in parts. */
static int copy(struct zus_inode_info *zii, struct zus_inode_info *src,
		struct zufs_ioc_clone *io)
{
	counters.copies++;
	return copy_some(file_of(zii), file_of(src), io,
			 io->len < 1 << 20 ? io->len : 1 << 20);
}

static int clone_data(struct zus_inode_info *zii, struct zus_inode_info *src,
		      struct zufs_ioc_clone *io)
{
	counters.clones++;
	return copy_some(file_of(zii), file_of(src), io, io->len);
}

static int pre_read(struct zus_inode_info *zii, struct zufs_ioc_IO *io)
{
	(void)zii;
	counters.pre_reads += io->ra_pages;
	return 0;
}

static int mmap_close(struct zus_inode_info *zii, struct zufs_ioc_IO *io)
{
	(void)zii;
	(void)io;
	counters.mmap_closes++;
	return 0;
}

/* ---- xattrs: none is kept but an access ACL ---- */

static int get_acl(struct zus_inode_info *zii, struct zufs_ioc_xattr *io)
{
	struct file *f = file_of(zii);
	uint32_t room = io->user_buf_size;

	if (zii == &fs.root || io->type != ZUFS_XATTR_SYSTEM || !f->acl_size)
		return -ENODATA;
	io->user_buf_size = f->acl_size;
	if (room && room < f->acl_size)
		return -ERANGE;
	if (room)
		memcpy(io->buf, f->acl, f->acl_size);
	return 0;
}

static int set_acl(struct file *f, struct zufs_ioc_xattr *io)
{
	if (io->user_buf_size > ACL_MAX)
		return -E2BIG;
	f->acl_size = io->user_buf_size;
	memcpy(f->acl, io->buf + io->name_len, f->acl_size);
	if (io->ioc_flags & ZUFS_XATTR_SET_MODE)
		f->mode = S_IFREG | io->mode;
	fill_attr(&f->zii, &io->attr);
	return 0;
}

/*
 * user.N takes N tenths of a second, or until its caller gets a signal; each byte
 * of its value is the first one.
 */
static int set_slowly(struct zus_inode_info *zii, struct zufs_ioc_xattr *io)
{
	const char *value = io->buf + io->name_len;
	unsigned int now = ++counters.now, most = counters.most;
	uint32_t n = io->user_buf_size;
	int err = 0;

	while (now > most &&
	       !atomic_compare_exchange_weak(&counters.most, &most, now))
		;
	for (int t = atoi(io->buf); t && !err; t--) {
		usleep(100000);
		err = zus_zt_signal_pending() ? -EINTR : 0;
	}
	counters.spoilt += n && memcmp(value, value + 1, n - 1);
	counters.now--;
	fill_attr(zii, &io->attr);
	return err;
}

static int set_xattr(struct zus_inode_info *zii, struct zufs_ioc_xattr *io)
{
	if (io->type == ZUFS_XATTR_SYSTEM && zii != &fs.root)
		return set_acl(file_of(zii), io);
	return set_slowly(zii, io);
}

static void evict(struct zus_inode_info *zii, bool free_inode)
{
	(void)zii;
	(void)free_inode;
	if (counters.now > counters.busy)
		counters.busy = counters.now;
	if (zus_current_channel() % ZUFS_NUM_CHANNELS == ZUFS_BACK_CHANNEL)
		counters.evicts++;
	else
		counters.others++;
}

static const struct zus_zii_operations zii_ops = {
	.evict = evict,
	.setattr = setattr,
	.sync = sync_inode,
	.fallocate = fallocate_data,
	.read = read_data,
	.write = write_data,
	.pre_read = pre_read,
	.mmap_close = mmap_close,
	.copy = copy,
	.clone = clone_data,
	.seek = seek,
	.fiemap = fiemap,
	.getxattr = get_acl,
	.setxattr = set_xattr,
};

static const struct zus_sbi_operations sbi_ops = {
	.statfs = statfs,
	.lookup = lookup,
	.readdir = list,
};

/* ---- mount ---- */

static int make_file(struct file *f, uint64_t ino)
{
	f->zii.op = &zii_ops;
	f->zii.ino = ino;
	f->zii.generation = GEN;
	f->mode = S_IFREG | 0644;
	f->size = ino == COUNTERS + 2 ? TEXT_SIZE : 0;
	pthread_rwlock_init(&f->lock, NULL);
	f->data = mmap(NULL, FILE_MAX, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return f->data == MAP_FAILED ? -ENOMEM : 0;
}

/* One mount at a time. */
static struct zus_sb_info *sbi_alloc(struct zus_fs_info *zfi)
{
	(void)zfi;
	if (fs.sbi.op)
		return NULL;
	memset(&fs, 0, sizeof(fs));
	memset(&counters, 0, sizeof(counters));
	fs.sbi.op = &sbi_ops;
	return &fs.sbi;
}

static void sbi_free(struct zus_sb_info *sbi)
{
	for (int i = 0; i < NR_FILES; i++)
		if (fs.file[i].data && fs.file[i].data != MAP_FAILED)
			munmap(fs.file[i].data, FILE_MAX);
	sbi->op = NULL;
}

/* Option caps=N: the fs_caps to answer, for mounts that must be refused. */
static int sbi_init(struct zus_sb_info *sbi, struct zufs_ioc_mount *zim)
{
	int err = 0;

	if (zim->options[0] &&
	    sscanf(zim->options, "caps=%lld", (long long *)&zim->fs_caps) != 1)
		return -EINVAL;
	fs.root.op = &zii_ops;
	fs.root.ino = 1;
	fs.root.generation = GEN;
	for (int i = 0; !err && i < NR_FILES; i++)
		err = make_file(&fs.file[i], (uint64_t)i + 2);
	sbi->z_root = &fs.root;
	fill_attr(&fs.root, &zim->root);
	zim->falloc_sup = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;
	zim->blocksize_bits = ZUFS_BLOCK_SHIFT;
	return err;
}

static void sbi_fini(struct zus_sb_info *sbi)
{
	(void)sbi;
}

static const struct zus_zfi_operations zfi_ops = {
	.sbi_alloc = sbi_alloc,
	.sbi_free = sbi_free,
	.sbi_init = sbi_init,
	.sbi_fini = sbi_fini,
};

static struct zus_fs_info zfi = {
	.rfi = { .fsname = "served",
		 .FS_magic = 0x53455256,
		 .s_time_gran = 1,
		 .s_maxbytes = FILE_MAX,
		 .s_time_max = INT64_MAX / 1000000000,
		 .flags = ZUFS_RFI_NODEV },
	.op = &zfi_ops,
};

int zus_plugin_init(void)
{
	return zus_register_one(&zfi);
}
