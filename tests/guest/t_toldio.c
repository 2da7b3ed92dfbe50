// SPDX-License-Identifier: GPL-2.0
/*
 * What a server is told of data, field by field; and what of its answers reaches
 * the application.
 *
 * usage: t_toldio FOLDER pmem|served
 * pmem is a toyfs; served a mount of "served" with window_min of 8192.
 */
#define _LARGEFILE64_SOURCE
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "told.h"

#define PAGE 4096L
#define MIB  (1L << 20)

static struct zufs_iref root;

static struct zufs_iref made(void)
{
	return ref_of(&ANSWERED(ZUFS_OP_NEW_INODE, zufs_ioc_new_inode)->attr);
}

static char *map(int fd, size_t len, int prot)
{
	char *p = mmap(NULL, len, prot, MAP_SHARED, fd, 0);

	NEED(p != MAP_FAILED);
	return p;
}

/* ---- pmem ---- */

static bool told_get(const struct zufs_iref *ref, uint64_t pos, uint64_t len,
		     uint64_t rw)
{
	const struct zufs_ioc_get_multy *io =
		SENT(ZUFS_OP_GET_MULTY, zufs_ioc_get_multy);

	return told(ZUFS_OP_GET_MULTY, ref, sizeof(*io),
		    offsetof(struct zufs_ioc_get_multy, n),
		    sizeof(*io) + io->max * sizeof(io->ext[0])) &&
	       io->filepos == pos && io->len == len && io->rw == rw &&
	       io->max == 128;
}

static void extents(void)
{
	int fd = new_file("sparse");
	struct zufs_iref ref = made();
	char buf[50], *p;

	NEED(ftruncate(fd, MIB) == 0);
	mark();
	NEED(pread(fd, buf, 50, 100000) == 50);
	OK("GET_MULTY: of a read", told_get(&ref, 100000, 50, 0));
	mark();
	NEED(pwrite(fd, "0123456789", 10, 8197) == 10);
	OK("GET_MULTY: of a write to a hole",
	   told_get(&ref, 8197, 10, ZUFS_RW_WRITE));
	p = map(fd, MIB, PROT_READ | PROT_WRITE);
	mark();
	p[50 * PAGE] = 'x';
	OK("GET_MULTY: of a store to a hole",
	   times(ZUFS_OP_GET_MULTY) == 1 &&
		   SENT(ZUFS_OP_GET_MULTY, zufs_ioc_get_multy)->rw ==
			   (ZUFS_RW_WRITE | ZUFS_RW_MMAP));
	munmap(p, MIB);
	close(fd);
	fd = new_file("sparse2");
	NEED(ftruncate(fd, MIB) == 0);
	p = map(fd, MIB, PROT_READ);
	mark();
	buf[0] = *(volatile char *)(p + 50 * PAGE);
	OK("GET_MULTY: of a load",
	   times(ZUFS_OP_GET_MULTY) == 1 &&
		   SENT(ZUFS_OP_GET_MULTY, zufs_ioc_get_multy)->rw ==
			   ZUFS_RW_MMAP);
	munmap(p, MIB);
	close(fd);
}

static void grants(void)
{
	const struct zufs_ioc_grant *g = SENT(ZUFS_OP_GRANT, zufs_ioc_grant);
	const struct zufs_ioc_commit *c;
	const struct zufs_extent *e, *granted;
	int fd = new_file("grows");
	struct zufs_iref ref = made();
	struct stat st;
	char buf[5000];

	memset(buf, 'g', sizeof(buf));
	NEED(ftruncate(fd, 8192) == 0);
	mark();
	NEED(pwrite(fd, buf, 5000, 8192) == 5000);
	st = fstat_of(fd);
	g = SENT(ZUFS_OP_GRANT, zufs_ioc_grant);
	OK("GRANT: from where, how much",
	   TOLD(ZUFS_OP_GRANT, &ref, zufs_ioc_grant, n) && g->lblk == 2 &&
		   g->want >= 2);
	c = SENT(ZUFS_OP_COMMIT_WRITE, zufs_ioc_commit);
	e = c->ext;
	granted = ANSWERED(ZUFS_OP_GRANT, zufs_ioc_grant)->ext;
	OK("COMMIT_WRITE: size, extents, time",
	   told(ZUFS_OP_COMMIT_WRITE, &ref, sizeof(*c) + sizeof(*e),
		offsetof(struct zufs_ioc_commit, n_grant), sizeof(*c)) &&
		   c->new_size == 13192 && c->n == 1 && e->lblk == 2 &&
		   e->len == 2 && e->pblk == granted->pblk && !e->flags &&
		   c->op.time == told_ns(st.st_mtim));
	OK("COMMIT_WRITE: the last part", !c->more);
	for (int i = 4; i < 8; i++) /* then more is granted than is needed */
		NEED(pwrite(fd, buf, 4096, i * PAGE) == PAGE);
	mark();
	close(fd);
	OK("GRANT_PUT: all",
	   comes(ZUFS_OP_GRANT_PUT) &&
		   TOLD_IN(ZUFS_OP_GRANT_PUT, &ref, zufs_ioc_grant) &&
		   !SENT(ZUFS_OP_GRANT_PUT, zufs_ioc_grant)->n);
}

/* The server grants what it says, but the kernel hears of one block at a time. */
static void parts(void)
{
	const struct zufs_ioc_commit *c;
	int fd = new_file("parts");
	char buf[3 * 4096], got[3 * 4096];

	memset(buf, 'p', sizeof(buf));
	CHANGE(ZUFS_OP_GRANT, zufs_ioc_grant, ext[0].len, 1);
	CHANGE(ZUFS_OP_GRANT, zufs_ioc_grant, n, 1);
	CHANGE(ZUFS_OP_COMMIT_WRITE, zufs_ioc_commit, n_grant, 0);
	mark();
	NEED(write(fd, buf, sizeof(buf)) == sizeof(buf));
	change_nothing();
	OK("COMMIT_WRITE: in parts", times(ZUFS_OP_COMMIT_WRITE) == 3);
	c = SENT_BEFORE(ZUFS_OP_COMMIT_WRITE, zufs_ioc_commit);
	OK("COMMIT_WRITE: one says how much comes, and wants it",
	   c->more == 1 && c->want >= 1 && c->n == 1 && c->ext[0].lblk == 1);
	c = SENT(ZUFS_OP_COMMIT_WRITE, zufs_ioc_commit);
	OK("COMMIT_WRITE: the last one the size",
	   !c->more && c->new_size == sizeof(buf) && c->ext[0].lblk == 2);
	OK("COMMIT_WRITE: all of it is there",
	   pread(fd, got, sizeof(got), 0) == sizeof(got) &&
		   !memcmp(got, buf, sizeof(got)));
	close(fd);
}

static bool told_falloc(const struct zufs_iref *ref, uint64_t from, uint64_t to,
			uint64_t mode)
{
	const struct zufs_ioc_IO *io = SENT(ZUFS_OP_FALLOCATE, zufs_ioc_IO);

	return told(ZUFS_OP_FALLOCATE, ref, offsetof(struct zufs_ioc_IO, attr),
		    offsetof(struct zufs_ioc_IO, last_pos), sizeof(*io)) &&
	       io->filepos == from && io->last_pos == to && io->rw == mode;
}

static void falloc(void)
{
	int fd = new_file("falloc");
	struct zufs_iref ref = made();

	mark();
	NEED(fallocate(fd, 0, 1000, 5000) == 0);
	OK("FALLOCATE: the range", told_falloc(&ref, 1000, 6000, 0));
	mark();
	NEED(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, MIB) == 0);
	OK("FALLOCATE: the mode",
	   told_falloc(&ref, 0, MIB, FALLOC_FL_KEEP_SIZE));
	mark();
	NEED(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096,
		       4096) == 0);
	OK("FALLOCATE: another mode",
	   told_falloc(&ref, 4096, 8192,
		       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE));
	close(fd);
}

static void label(void)
{
	const struct zufs_ioc_ioctl *io;
	char text[FSLABEL_MAX];
	int fd = open(".", O_RDONLY);

	mark();
	NEED(ioctl(fd, FS_IOC_GETFSLABEL, text) == 0);
	io = SENT(ZUFS_OP_IOCTL, zufs_ioc_ioctl);
	OK("IOCTL: command, rights, room",
	   told(ZUFS_OP_IOCTL, &root, sizeof(*io) + FSLABEL_MAX,
		offsetof(struct zufs_ioc_ioctl, arg),
		sizeof(*io) + FSLABEL_MAX) &&
		   io->cmd == FS_IOC_GETFSLABEL &&
		   io->kflags == (ZUFS_IOCTL_RW | ZUFS_IOCTL_ADMIN |
				  ZUFS_IOCTL_OWNER));
	close(fd);
}

/* ---- through the server ---- */

static bool is_io(int nr, uint64_t pos, uint64_t end, uint64_t rw)
{
	const struct zufs_ioc_IO *io = SENT(nr, zufs_ioc_IO);

	return io->filepos == pos && io->last_pos == end && io->rw == rw &&
	       io->op.ii.ino == stat_of("ram0").st_ino;
}

static bool told_io(int nr, uint64_t pos, uint64_t end, uint64_t rw)
{
	return times(nr) == 1 && is_io(nr, pos, end, rw);
}

/* A write that way; what it came with. */
static bool opened(int flags, uint64_t rw)
{
	static _Alignas(4096) char page[4096];
	int fd = open("ram0", O_WRONLY | flags);
	bool good;

	mark();
	NEED(pwrite(fd, page, 4096, 0) == 4096);
	good = told_io(ZUFS_OP_WRITE, flags & O_APPEND ? 4096 : 0,
		       flags & O_APPEND ? 8192 : 4096, rw);
	NEED(ftruncate(fd, 4096) == 0);
	close(fd);
	return good;
}

static void ways(void)
{
	OK("WRITE: plain", opened(0, 0));
	OK("WRITE: O_APPEND", opened(O_APPEND, ZUFS_RW_APPEND));
	OK("WRITE: O_DIRECT", opened(O_DIRECT, ZUFS_RW_DIRECT));
	OK("WRITE: O_DSYNC", opened(O_DSYNC, ZUFS_RW_DSYNC));
	OK("WRITE: O_SYNC", opened(O_SYNC, ZUFS_RW_DSYNC | ZUFS_RW_SYNC));
}

static void pieces(int fd)
{
	struct iovec v[] = { { "so", 2 }, { "me by", 5 }, { "tes", 3 } };
	const struct zufs_ioc_IO *io;

	mark();
	NEED(pwritev(fd, v, 3, 0) == 10);
	io = SENT(ZUFS_OP_WRITE, zufs_ioc_IO);
	OK("WRITE: three pieces in one",
	   told_io(ZUFS_OP_WRITE, 0, 10, 0) &&
		   !memcmp((const char *)io + io->data, "some bytes", 10));
}

static void data(void)
{
	static _Alignas(4096) char buf[40000];
	const struct zufs_ioc_hdr *h = SENT(ZUFS_OP_WRITE, zufs_ioc_hdr);
	const struct zufs_ioc_IO *io = SENT(ZUFS_OP_WRITE, zufs_ioc_IO);
	int fd = open("ram0", O_RDWR | O_TRUNC);

	mark();
	NEED(pwrite(fd, "some bytes", 10, 0) == 10);
	io = SENT(ZUFS_OP_WRITE, zufs_ioc_IO);
	OK("WRITE: in the buffer",
	   told_io(ZUFS_OP_WRITE, 0, 10, 0) && io->data == sizeof(*io) &&
		   io->op.hdr.in_len == sizeof(*io) + 10 &&
		   !io->op.hdr.offset && !io->op.hdr.len &&
		   !memcmp((const char *)io + io->data, "some bytes", 10));
	pieces(fd);
	mark();
	NEED(pwrite(fd, buf + 100, 30000, 5) == 30000);
	io = SENT(ZUFS_OP_WRITE, zufs_ioc_IO);
	h = &io->op.hdr;
	OK("WRITE: in the window", told_io(ZUFS_OP_WRITE, 5, 30005, 0) &&
					   !io->data && h->offset == 100 &&
					   h->len == 30000);
	mark();
	NEED(pread(fd, buf + 200, 20000, 7) == 20000);
	io = SENT(ZUFS_OP_READ, zufs_ioc_IO);
	h = &io->op.hdr;
	OK("READ: in the window", told_io(ZUFS_OP_READ, 7, 20007, 0) &&
					  !io->data && h->offset == 200 &&
					  h->len == 20000);
	NEED(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM) == 0);
	mark();
	NEED(pread(fd, buf, 10, 30000) == 5);
	io = SENT(ZUFS_OP_READ, zufs_ioc_IO);
	OK("READ: at random, up to the end",
	   told_io(ZUFS_OP_READ, 30000, 30005, ZUFS_RW_RAND) &&
		   io->data == sizeof(*io) && !io->ra_pages);
	close(fd);
}

static void ahead(void)
{
	const struct zufs_ioc_IO *io;
	int fd = open("ram0", O_RDWR | O_TRUNC);
	char buf[100], *p;

	NEED(ftruncate(fd, MIB) == 0);
	NEED(read(fd, buf, 100) == 100);
	mark();
	NEED(read(fd, buf, 100) == 100);
	io = SENT(ZUFS_OP_READ, zufs_ioc_IO);
	OK("READ: what will be wanted next",
	   told_io(ZUFS_OP_READ, 100, 200, 0) && io->ra_start == 1 &&
		   io->ra_pages == ZUFS_READAHEAD_PAGES);
	mark();
	NEED(readahead(fd, 2 * PAGE, 10 * PAGE) == 0);
	io = SENT(ZUFS_OP_PRE_READ, zufs_ioc_IO);
	OK("PRE_READ: the range, in bytes and pages",
	   comes(ZUFS_OP_PRE_READ) &&
		   told_io(ZUFS_OP_PRE_READ, 2 * PAGE, 12 * PAGE, 0) &&
		   io->ra_start == 2 && io->ra_pages == 10);
	p = map(fd, MIB, PROT_READ | PROT_WRITE);
	NEED(madvise(p, MIB, MADV_RANDOM) == 0);
	mark();
	p[100 * PAGE] = 'm';
	OK("READ: of a page",
	   told_io(ZUFS_OP_READ, 100 * PAGE, 101 * PAGE, ZUFS_RW_MMAP));
	NEED(msync(p, MIB, MS_SYNC) == 0);
	/* The kernel may have written it before, of its own. */
	OK("WRITE: of a page",
	   times(ZUFS_OP_WRITE) &&
		   is_io(ZUFS_OP_WRITE, 100 * PAGE, 101 * PAGE, ZUFS_RW_MMAP));
	mark();
	munmap(p, MIB);
	OK("MMAP_CLOSE: the inode",
	   comes(ZUFS_OP_MMAP_CLOSE) && told_io(ZUFS_OP_MMAP_CLOSE, 0, 0, 0));
	close(fd);
}

static void layout(void)
{
	const struct zufs_ioc_seek *s;
	const struct zufs_ioc_fiemap *fm;
	struct fiemap arg = { .fm_start = 2 * PAGE,
			      .fm_length = 5 * PAGE,
			      .fm_flags = FIEMAP_FLAG_SYNC };
	int fd = open("ram0", O_RDWR);

	mark();
	NEED(lseek(fd, 5, SEEK_DATA) == 100 * PAGE);
	s = SENT(ZUFS_OP_LLSEEK, zufs_ioc_seek);
	OK("LLSEEK: of data", times(ZUFS_OP_LLSEEK) == 1 && s->offset_in == 5 &&
				      s->whence == SEEK_DATA);
	NEED(lseek(fd, 100 * PAGE + 7, SEEK_HOLE) == 101 * PAGE);
	s = SENT(ZUFS_OP_LLSEEK, zufs_ioc_seek);
	OK("LLSEEK: of a hole",
	   s->offset_in == 100 * PAGE + 7 && s->whence == SEEK_HOLE);
	mark();
	NEED(ioctl(fd, FS_IOC_FIEMAP, &arg) == 0);
	fm = SENT(ZUFS_OP_FIEMAP, zufs_ioc_fiemap);
	OK("FIEMAP: range, room",
	   times(ZUFS_OP_FIEMAP) == 1 && fm->start == 2 * PAGE &&
		   fm->length == 5 * PAGE && fm->extents_max == 5);
	OK("FIEMAP: flags", fm->flags == arg.fm_flags);
	close(fd);
}

static bool told_copy(int nr, uint64_t in, uint64_t out, uint64_t len)
{
	const struct zufs_ioc_clone *c = SENT(nr, zufs_ioc_clone);

	return times(nr) == 1 && c->op.ii.ino == stat_of("ram1").st_ino &&
	       c->src.ino == stat_of("ram0").st_ino && c->src.handle &&
	       c->src.generation && c->pos_in == in && c->pos_out == out &&
	       c->len == len;
}

static void copies(void)
{
	int in = open("ram0", O_RDWR), out = open("ram1", O_RDWR | O_TRUNC);
	struct file_clone_range r = { in, PAGE, 2 * PAGE, 4 * PAGE };
	off_t from = 11, to = 22;
	union {
		struct file_dedupe_range r;
		char room[sizeof(struct file_dedupe_range) +
			  sizeof(struct file_dedupe_range_info)];
	} d;

	mark();
	NEED(copy_file_range(in, &from, out, &to, 333, 0) == 333);
	OK("COPY: from where, to where, how much",
	   told_copy(ZUFS_OP_COPY, 11, 22, 333));
	mark();
	NEED(ioctl(out, FICLONERANGE, &r) == 0);
	OK("CLONE: from where, to where, how much",
	   told_copy(ZUFS_OP_CLONE, PAGE, 4 * PAGE, 2 * PAGE) &&
		   !SENT(ZUFS_OP_CLONE, zufs_ioc_clone)->flags);
	d.r = (struct file_dedupe_range){ .src_offset = PAGE,
					  .src_length = PAGE,
					  .dest_count = 1 };
	d.r.info[0] =
		(struct file_dedupe_range_info){ .dest_fd = out,
						 .dest_offset = 4 * PAGE };
	mark();
	NEED(ioctl(in, FIDEDUPERANGE, &d.r) == 0);
	OK("CLONE: that it is a dedupe",
	   told_copy(ZUFS_OP_CLONE, PAGE, 4 * PAGE, PAGE) &&
		   SENT(ZUFS_OP_CLONE, zufs_ioc_clone)->flags ==
			   ZUFS_CLONE_DEDUPE);
	close(in);
	close(out);
}

/* What fallocate changes of a file that is to be durable is. */
static bool told_durable(int flags, unsigned int syncs)
{
	int fd = open("ram1", O_RDWR | flags);

	mark();
	NEED(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, PAGE) == 0);
	close(fd);
	return times(ZUFS_OP_FALLOCATE) == 1 && times(ZUFS_OP_SYNC) == syncs;
}

static void durable(void)
{
	const struct zufs_ioc_sync *s;

	OK("FALLOCATE: no SYNC without need", told_durable(0, 0));
	OK("FALLOCATE: O_SYNC", told_durable(O_SYNC, 1));
	s = SENT(ZUFS_OP_SYNC, zufs_ioc_sync);
	OK("the SYNC is after it, of all",
	   s->op.hdr.unique >
			   SENT(ZUFS_OP_FALLOCATE, zufs_ioc_op)->hdr.unique &&
		   !s->flags);
	OK("FALLOCATE: O_DSYNC",
	   told_durable(O_DSYNC, 1) &&
		   SENT(ZUFS_OP_SYNC, zufs_ioc_sync)->flags ==
			   ZUFS_SYNC_DATASYNC);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	calls_begin(argv[1]);
	told_begin();
	root = root_ref();
	if (!strcmp(argv[2], "pmem")) {
		extents();
		grants();
		parts();
		falloc();
		label();
	} else {
		ways();
		data();
		ahead();
		layout();
		copies();
		durable();
	}
	return calls_end();
}
