// SPDX-License-Identifier: GPL-2.0
/*
 * Files whose data goes through the server, on a mount of "served": each byte of
 * reads, writes and maps beside a copy in memory.
 *
 * usage: t_served FOLDER WHAT
 */
#define _LARGEFILE64_SOURCE
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "served.h"

#define SPACE (10UL << 20) /* bytes of a file that are used */
#define GUARD PAGE

static char *ref; /* what the file has to be */
static size_t ref_size;
static unsigned int seed = 1;

static size_t below(size_t n)
{
	seed = seed * 1103515245 + 12345;
	return ((size_t)(seed >> 8) * 2654435761UL >> 12) % n;
}

static bool is_all(const char *at, size_t len, char c)
{
	for (size_t i = 0; i < len; i++)
		if (at[i] != c)
			return false;
	return true;
}

/* Lengths around what is small, a page, and what one request carries. */
static size_t some_len(void)
{
	static const size_t around[] = { 1,	     PAGE,	  60UL << 10,
					 64UL << 10, 128UL << 10, 1UL << 20,
					 4UL << 20,  5UL << 20 };
	size_t len = around[below(8)];

	return len + below(5) * below(1000) - (len > 1 ? below(2) : 0);
}

/* ---- reads and writes against the copy ---- */

static bool same_size(int fd)
{
	return (size_t)fstat_of(fd).st_size == ref_size;
}

static bool one_write(int fd, char *buf, size_t pos, size_t len)
{
	size_t off = below(3) ? below(PAGE) : 0, half = below(len + 1);
	struct iovec iov[2];

	fill(buf + off, len);
	iov[0] = (struct iovec){ buf + off, half };
	iov[1] = (struct iovec){ buf + off + half, len - half };
	memcpy(ref + pos, buf + off, len);
	if (pos + len > ref_size)
		ref_size = pos + len;
	if (below(2))
		return pwritev(fd, iov, 2, (off_t)pos) == (ssize_t)len;
	return pwrite(fd, buf + off, len, (off_t)pos) == (ssize_t)len;
}

/* Nothing but what was read changes: not the rest of the pages either. */
static bool one_read(int fd, char *buf, size_t pos, size_t len)
{
	size_t off = GUARD + (below(3) ? below(PAGE) : 0), want;

	memset(buf, 'g', off + len + GUARD);
	want = pos < ref_size ? ref_size - pos : 0;
	if (want > len)
		want = len;
	return pread(fd, buf + off, len, (off_t)pos) == (ssize_t)want &&
	       !memcmp(buf + off, ref + pos, want) && is_all(buf, off, 'g') &&
	       is_all(buf + off + want, len - want + GUARD, 'g');
}

static bool one_truncate(int fd, size_t size)
{
	if (size < ref_size)
		memset(ref + size, 0, ref_size - size);
	ref_size = size;
	return ftruncate(fd, (off_t)size) == 0;
}

static bool one_punch(int fd, size_t pos, size_t len)
{
	if (pos < ref_size)
		memset(ref + pos, 0,
		       len < ref_size - pos ? len : ref_size - pos);
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (off_t)pos, (off_t)len) == 0;
}

/* A store by the map, inside the size; sometimes behind it, where it is lost. */
static bool one_store(char *m, size_t pos, size_t len)
{
	size_t page_end = (ref_size + PAGE - 1) & ~(PAGE - 1);

	if (!ref_size)
		return true;
	pos %= ref_size;
	if (len > ref_size - pos)
		len = ref_size - pos;
	fill(ref + pos, len);
	memcpy(m + pos, ref + pos, len);
	if (page_end > ref_size)
		m[page_end - 1] = 'L';
	return true;
}

static bool one_load(const char *m, size_t pos, size_t len)
{
	if (!ref_size)
		return true;
	pos %= ref_size;
	if (len > ref_size - pos)
		len = ref_size - pos;
	return !memcmp(m + pos, ref + pos, len);
}

static bool one_step(int fd, char *buf, char *m)
{
	size_t len = some_len(), pos = below(SPACE - len);

	switch (below(m ? 12 : 8)) {
	case 0:
	case 1:
	case 2:
		return one_write(fd, buf, pos, len);
	case 3:
	case 4:
	case 5:
		return one_read(fd, buf, pos, len);
	case 6:
		return one_truncate(fd, pos);
	case 7:
		return one_punch(fd, pos, len);
	case 8:
	case 9:
		return one_store(m, pos, below(3 * PAGE) + 1);
	default:
		return one_load(m, pos, len);
	}
}

static void steps(const char *what, const char *name, int flags, bool mapped,
		  int n)
{
	int fd = open(name, O_RDWR | O_TRUNC | flags), bad = 0;
	char *buf = map(8UL << 20, -1), *m = NULL;

	NEED(fd >= 0);
	memset(ref, 0, SPACE);
	ref_size = 0;
	if (mapped)
		m = map(SPACE, fd);
	for (int i = 0; i < n && !bad; i++)
		bad = !one_step(fd, buf, m) || !same_size(fd) ? i + 1 : 0;
	OK(what, !bad);
	if (bad)
		printf("#   step %d, size %zu\n", bad, ref_size);
	if (m)
		munmap(m, SPACE);
	close(fd);
	/* What the server has in the end, by another way than the one above. */
	fd = open(name, O_RDONLY);
	NEED(fd >= 0);
	OK("and all of it is there after the last close",
	   (size_t)fstat_of(fd).st_size == ref_size &&
		   pread(fd, buf, 8UL << 20, 0) >= 0 &&
		   !memcmp(buf, ref,
			   ref_size < 8UL << 20 ? ref_size : 8UL << 20));
	close(fd);
	munmap(buf, 8UL << 20);
}

static void way(const char *what)
{
	char text[100];

	snprintf(text, sizeof(text), "reads, writes, sizes, holes: %s", what);
	steps(text, "ram0", 0, false, 150);
	snprintf(text, sizeof(text), "the same with O_DIRECT: %s", what);
	steps(text, "ram1", O_DIRECT, false, 60);
	snprintf(text, sizeof(text), "the same with a shared map: %s", what);
	steps(text, "ram2", 0, true, 150);
}

/* ---- the rest of the calls ---- */

static void appends(void)
{
	int fd = open("ram3", O_RDWR | O_TRUNC | O_APPEND | O_SYNC);
	char *buf = map(2UL << 20, -1), got[8] = "";

	NEED(fd >= 0);
	memset(buf, 'a', 2UL << 20);
	OK("a small append", write(fd, "first", 5) == 5);
	OK("a large append",
	   write(fd, buf + 1, (1UL << 20) + 5) == (1L << 20) + 5);
	OK("an append where another position was asked for",
	   pwrite(fd, "last", 4, 0) == 4);
	OK("the size is that of all", fstat_of(fd).st_size == (1L << 20) + 14);
	OK("the last is at the end",
	   pread(fd, got, 8, (1L << 20) + 10) == 4 && !memcmp(got, "last", 4));
	OK("a read behind the end", pread(fd, got, 8, 1L << 30) == 0);
	FAILS(EFBIG, "a write behind what the type can hold",
	      pwrite(open("ram3", O_WRONLY), "x", 1, 64L << 20));
	OK("a write up to that ends there",
	   pwrite(open("ram3", O_WRONLY), buf, PAGE, (64L << 20) - 10) == 10);
	close(fd);
	munmap(buf, 2UL << 20);
}

/* Memory at whose end there is none. */
static void bad_memory(void)
{
	int fd = open("ram3", O_RDWR | O_TRUNC);
	char *buf = map(2UL << 20, -1);
	ssize_t n;

	NEED(fd >= 0 && munmap(buf + (1UL << 20), 1UL << 20) == 0);
	memset(buf, 'b', 1UL << 20);
	FAILS(EFAULT, "a write from no memory",
	      write(fd, buf + (1UL << 20), 2UL << 20));
	n = pwrite(fd, buf, 2UL << 20, 0);
	OK("a write from memory that ends writes what there is",
	   n > 0 && n <= 1L << 20);
	OK("and no more", fstat_of(fd).st_size == n);
	OK("enough to read", ftruncate(fd, 2L << 20) == 0);
	n = pread(fd, buf, 2UL << 20, 0);
	OK("a read to memory that ends reads what there is room for",
	   n > 0 && n <= 1L << 20);
	FAILS(EFAULT, "a read to memory that can't be written to",
	      pread(fd, (void *)"const", 1, 0));
	OK("a write from read-only pages",
	   mprotect(buf, 1UL << 20, PROT_READ) == 0 &&
		   pwrite(fd, buf, 1UL << 20, 0) == 1L << 20);
	munmap(buf, 1UL << 20);
	close(fd);
}

/* From the file to itself: by its own map, and between two places of it. */
static void itself(void)
{
	int fd = open("ram3", O_RDWR | O_TRUNC);
	char *m, *want = map(4UL << 20, -1), *got = map(4UL << 20, -1);

	NEED(fd >= 0 && ftruncate(fd, 4L << 20) == 0);
	m = map(4UL << 20, fd);
	fill(m, 1UL << 20);
	memcpy(want, m, 1UL << 20);
	memcpy(want + (2UL << 20), m, 1UL << 20);
	OK("a write from the file's own map",
	   pwrite(fd, m, 1UL << 20, 2L << 20) == 1L << 20);
	OK("a write of a range to itself",
	   pwrite(fd, m + 100, 500000, 100) == 500000 &&
		   pwrite(fd, m + 5, 50, 5) == 50);
	OK("a read into the file's own map",
	   pread(fd, m + (3UL << 20), 1UL << 20, 0) == 1L << 20);
	memcpy(want + (3UL << 20), want, 1UL << 20);
	OK("msync", msync(m, 4UL << 20, MS_SYNC) == 0);
	OK("all of it is right by read",
	   pread(fd, got, 4UL << 20, 0) == 4L << 20 &&
		   !memcmp(got, want, 4UL << 20));
	OK("and by the map", !memcmp(m, want, 4UL << 20));
	munmap(m, 4UL << 20);
	munmap(want, 4UL << 20);
	munmap(got, 4UL << 20);
	close(fd);
}

static void maps(void)
{
	int fd = open("ram4", O_RDWR | O_TRUNC);
	char *s, *p, got[10] = "";
	struct stat st;

	NEED(fd >= 0 && pwrite(fd, "0123456789", 10, 0) == 10);
	s = map(PAGE, fd);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	NEED(p != MAP_FAILED);
	OK("maps show what was written",
	   !memcmp(s, "0123456789", 11) && p[9] == '9');
	p[0] = 'P';
	OK("a store to a private map is nobody else's",
	   s[0] == '0' && pread(fd, got, 1, 0) == 1 && got[0] == '0');
	st = fstat_of(fd);
	usleep(20000);
	s[1] = 'S';
	OK("a store to a shared map is read at once",
	   pread(fd, got, 2, 0) == 2 && got[1] == 'S');
	OK("and moves the times",
	   fstat_of(fd).st_mtim.tv_nsec != st.st_mtim.tv_nsec);
	OK("a write is seen by both",
	   pwrite(fd, "W", 1, 2) == 1 && s[2] == 'W' && s[1] == 'S');
	s[500] = 'L';
	OK("what is stored behind the end is lost when the file grows",
	   ftruncate(fd, 1000) == 0 && s[500] == 0 &&
		   pread(fd, got, 1, 500) == 1 && got[0] == 0);
	OK("MAP_SYNC is refused",
	   mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0) ==
		   MAP_FAILED);
	s[3] = 'F';
	OK("fsync", fsync(fd) == 0);
	munmap(s, PAGE);
	munmap(p, PAGE);
	close(fd);
}

/* Two pages of data at each megabyte. */
static void layout(void)
{
	int fd = open("ram5", O_RDWR | O_TRUNC);
	static struct {
		struct fiemap f;
		struct fiemap_extent e[4];
	} m;
	char *buf = map(2 * PAGE, -1);

	NEED(fd >= 0);
	memset(buf, 'x', 2 * PAGE);
	for (off_t mb = 1; mb <= 3; mb++)
		NEED(pwrite(fd, buf, 2 * PAGE, mb << 20) == 2L * (long)PAGE);
	OK("SEEK_DATA", lseek(fd, 0, SEEK_DATA) == 1L << 20);
	OK("SEEK_HOLE",
	   lseek(fd, (1L << 20) + 1, SEEK_HOLE) == (1L << 20) + 2 * (long)PAGE);
	OK("SEEK_HOLE of the last is the end",
	   lseek(fd, 3L << 20, SEEK_HOLE) == fstat_of(fd).st_size);
	FAILS(ENXIO, "SEEK_DATA behind the end",
	      lseek(fd, 9L << 20, SEEK_DATA));
	m.f = (struct fiemap){ .fm_length = ~0ULL };
	OK("FIEMAP counts",
	   ioctl(fd, FS_IOC_FIEMAP, &m) == 0 && m.f.fm_mapped_extents == 6);
	m.f = (struct fiemap){ .fm_length = ~0ULL, .fm_extent_count = 4 };
	OK("FIEMAP of the first",
	   ioctl(fd, FS_IOC_FIEMAP, &m) == 0 && m.f.fm_mapped_extents == 4 &&
		   !(m.e[3].fe_flags & FIEMAP_EXTENT_LAST));
	OK("is where they are",
	   m.e[0].fe_logical == 1UL << 20 &&
		   m.e[3].fe_logical == (2UL << 20) + PAGE);
	m.f = (struct fiemap){ .fm_start = 3UL << 20,
			       .fm_length = ~0ULL,
			       .fm_extent_count = 4 };
	OK("FIEMAP of the last says so",
	   ioctl(fd, FS_IOC_FIEMAP, &m) == 0 && m.f.fm_mapped_extents == 2 &&
		   m.e[1].fe_flags & FIEMAP_EXTENT_LAST);
	munmap(buf, 2 * PAGE);
	close(fd);
}

static void hints(void)
{
	int fd = open("ram6", O_RDWR | O_TRUNC);
	long before, hints;
	char *m, buf[PAGE];

	NEED(fd >= 0 && ftruncate(fd, 1L << 20) == 0);
	before = counter("pre_reads ");
	OK("readahead(2)", readahead(fd, (off_t)PAGE, 10 * PAGE) == 0);
	OK("reaches the server", counter("pre_reads ") == before + 10);
	OK("posix_fadvise(WILLNEED)",
	   posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED) == 0);
	OK("reaches the server", counter("pre_reads ") == before + 266);
	hints = counter("hints ");
	for (int i = 0; i < 4; i++)
		NEED(read(fd, buf, PAGE) == (ssize_t)PAGE);
	OK("a sequential reader tells where it goes on",
	   counter("hints ") >= hints + 3);
	hints = counter("hints ");
	NEED(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM) == 0);
	for (int i = 0; i < 4; i++)
		NEED(read(fd, buf, PAGE) == (ssize_t)PAGE);
	OK("one that reads at random doesn't", counter("hints ") == hints);
	before = counter("mmap_closes ");
	m = map(PAGE, fd);
	m[0] = 'm';
	NEED(mprotect(m, PAGE, PROT_READ) == 0 && munmap(m, PAGE) == 0);
	for (int i = 0; i < 100 && counter("mmap_closes ") == before; i++)
		usleep(50000);
	OK("the last map that could write is told of",
	   counter("mmap_closes ") == before + 1);
	close(fd);
}

/* ---- the server copies by itself ---- */

/* A megabyte and 100 bytes, the end of which only a map has stored. */
static char *source(int fd, size_t size)
{
	char *m;

	NEED(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	m = map(size, fd);
	fill(m, size);
	NEED(pwrite(fd, m, size / 2, 0) == (ssize_t)(size / 2));
	return m;
}

static bool same(int fd, const char *want, size_t size, off_t pos)
{
	char *got = map(size, -1);
	bool good = pread(fd, got, size, pos) == (ssize_t)size &&
		    !memcmp(got, want, size);

	munmap(got, size);
	return good;
}

static void copies(void)
{
	size_t size = (1UL << 20) + 100;
	int in = open("ram1", O_RDWR | O_TRUNC);
	int out = open("ram2", O_RDWR | O_TRUNC);
	long before = counter("copies ");
	char *src = source(in, size), *dst;
	off_t pos_in = 5, pos_out = 3;

	NEED(out >= 0 && ftruncate(out, 64) == 0);
	dst = map(PAGE, out);
	NEED(dst[4] == 0);
	OK("copy_file_range",
	   copy_file_range(in, &pos_in, out, &pos_out, 3UL << 20, 0) ==
		   (ssize_t)size - 5);
	OK("has what a map of the source stored",
	   same(out, src + 5, size - 5, 3));
	OK("a map of the copy shows it", !memcmp(dst + 3, src + 5, PAGE - 3));
	OK("the size is that of its end",
	   fstat_of(out).st_size == (off_t)size - 2);
	OK("the server did it, in parts", counter("copies ") == before + 2);
	pos_in = 1 << 20;
	pos_out = 0;
	OK("and what a map stored is there after one over it",
	   (dst[100] = 'x') &&
		   copy_file_range(in, &pos_in, out, &pos_out, 50, 0) == 50 &&
		   dst[100] == 'x' && same(out, src + (1UL << 20), 50, 0));
	pos_in = (off_t)size;
	OK("nothing from behind the end",
	   copy_file_range(in, &pos_in, out, &pos_out, 50, 0) == 0);
	munmap(src, size);
	munmap(dst, PAGE);
	close(in);
	close(out);
}

static int clone_range(int out, uint64_t to, int in, uint64_t from,
		       uint64_t len)
{
	struct file_clone_range r = { in, from, len, to };

	return ioctl(out, FICLONERANGE, &r);
}

static int dedupe(int in, int out, uint64_t len)
{
	static union {
		struct file_dedupe_range r;
		char room[sizeof(struct file_dedupe_range) +
			  sizeof(struct file_dedupe_range_info)];
	} u;

	u.r = (struct file_dedupe_range){ .src_length = len, .dest_count = 1 };
	u.r.info[0] = (struct file_dedupe_range_info){ .dest_fd = out };
	NEED(ioctl(in, FIDEDUPERANGE, &u.r) == 0);
	return u.r.info[0].status;
}

static void clones(void)
{
	size_t size = (1UL << 20) + 100;
	int in = open("ram1", O_RDWR | O_TRUNC);
	int out = open("ram2", O_RDWR | O_TRUNC);
	long before = counter("clones ");
	const struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	char *src = source(in, size), *dst;

	OK("FICLONE", ioctl(out, FICLONE, in) == 0);
	OK("has what a map of the source stored", same(out, src, size, 0));
	OK("the size is the source's", fstat_of(out).st_size == (off_t)size);
	dst = map(size, out);
	dst[PAGE] ^= 1;
	OK("two files that differ are not deduped",
	   dedupe(in, out, size) == FILE_DEDUPE_RANGE_DIFFERS);
	OK("the server did one of them", counter("clones ") == before + 1);
	dst[PAGE] ^= 1;
	NEED(futimens(out, old) == 0);
	OK("two that are alike are",
	   dedupe(in, out, size) == FILE_DEDUPE_RANGE_SAME);
	OK("by the server", counter("clones ") == before + 2);
	OK("a dedupe leaves the times", fstat_of(out).st_mtime == 1000);
	OK("the server's too",
	   fchmod(out, 0600) == 0 && fstat_of(out).st_mtime == 1000);
	OK("FICLONERANGE inside one file",
	   clone_range(in, 2UL << 20, in, PAGE, 2 * PAGE) == 0);
	OK("the bytes are there", same(in, src + PAGE, 2 * PAGE, 2L << 20));
	FAILS(EINVAL, "FICLONERANGE of half a block",
	      clone_range(out, 0, in, 0, PAGE / 2));
	munmap(src, size);
	munmap(dst, size);
	close(in);
	close(out);
}

/* ---- what the server must not be able to do ---- */

static void from_window(const char *name, char *buf, size_t off, size_t len)
{
	int fd = open(name, O_WRONLY);

	NEED(fd >= 0 && pwrite(fd, buf + off, len, 0) == (ssize_t)len);
	close(fd);
}

static void hostile(void)
{
	const size_t len = 1UL << 20;
	char *buf = map(len + 2 * PAGE, -1), *file, *copy = map(len, -1);
	int fd = open("/bin/bash", O_RDONLY);
	off_t size;

	/* Not a byte of the pages around is 0. */
	memset(buf, 'n', len + 2 * PAGE);
	from_window("look", buf, 100, len);
	from_window("look", buf, 4095, len - 1);
	from_window("look", buf, PAGE, len - 3000);
	OK("windows were used", counter("windows ") >= 3);
	OK("the server sees nothing of the neighbours",
	   counter("exposed ") == 0);
	OK("nor of what is behind", counter("behind ") == 0);

	/* Pages of a file that is opened read-only. */
	NEED(fd >= 0);
	size = fstat_of(fd).st_size & ~(off_t)(PAGE - 1);
	if (size > (off_t)len)
		size = (off_t)len;
	file = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
	NEED(file != MAP_FAILED && pread(fd, copy, (size_t)size, 0) == size);
	from_window("store", file, 0, (size_t)size);
	OK("each store of the server to what is written is refused",
	   counter("stored ") == 0 && counter("refused ") == 4);
	OK("the file that it came from is what it was",
	   !memcmp(file, copy, (size_t)size));
	OK("the window can't be moved, cut or given to children",
	   counter("moved ") == 0);
	from_window("fork", buf, 0, len);
	OK("a child of the server sees nothing", counter("inherited ") == 0);
	from_window("late", buf, 0, len);
	OK("what was answered is not to be seen any more",
	   counter("kept ") == 0);
	munmap(buf, len + 2 * PAGE);
	munmap(copy, len);
}

static void lies(void)
{
	static const char *const what[] = { "ends before it begins",
					    "ends behind what was asked",
					    "ends at the end of the world",
					    "makes the file endless",
					    "makes the file too small",
					    "makes it no file",
					    "does nothing" };
	int fd = open("lie", O_RDWR);
	char *buf = map(1UL << 20, -1), text[100];

	NEED(fd >= 0);
	for (off_t i = 0; i < 7; i++) {
		snprintf(text, sizeof(text), "a write whose answer %s",
			 what[i]);
		FAILS(EIO, text, pwrite(fd, buf, 10, i * (off_t)PAGE));
		FAILS(EIO, text, pwrite(fd, buf, 1UL << 20, i * (off_t)PAGE));
	}
	OK("the size is what it was", fstat_of(fd).st_size == 0);
	OK("a write with a true answer",
	   pwrite(fd, buf, 1UL << 20, 8L * (off_t)PAGE) == 1L << 20);
	for (off_t i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "a read whose answer %s", what[i]);
		FAILS(EIO, text, pread(fd, buf, 10, i * (off_t)PAGE));
		FAILS(EIO, text, pread(fd, buf, 1UL << 19, i * (off_t)PAGE));
	}
	OK("a read that finds nothing",
	   pread(fd, buf, 10, 6L * (off_t)PAGE) == 0);
	close(fd);
	munmap(buf, 1UL << 20);
}

static void copy_lies(void)
{
	static const char *const what[] = { "did nothing", "did too much",
					    "makes the file endless",
					    "makes it no file" };
	int in = open("ram1", O_RDWR | O_TRUNC), fd = open("lie", O_RDWR);
	char text[100];

	NEED(fd >= 0 && ftruncate(in, 4 * (off_t)PAGE) == 0);
	for (off_t i = 0; i < 4; i++) {
		off_t from = 0, to = i * (off_t)PAGE;

		snprintf(text, sizeof(text), "a copy whose answer %s", what[i]);
		FAILS(EIO, text, copy_file_range(in, &from, fd, &to, 100, 0));
		snprintf(text, sizeof(text), "a clone whose answer %s",
			 what[i]);
		FAILS(EIO, text,
		      clone_range(fd, (uint64_t)i * PAGE, in, 0, PAGE));
	}
	FAILS(EIO, "a clone that was done in part",
	      clone_range(fd, 4 * PAGE, in, 0, PAGE));
	close(in);
	close(fd);
}

/* ---- somebody dies in the middle ---- */

/* Never comes back by itself in less than two seconds. */
static int slow(bool write_it)
{
	int fd = open("slow", O_RDWR);
	char *buf = map(1UL << 20, -1);
	ssize_t n;

	NEED(fd >= 0);
	memset(buf, 's', 1UL << 20);
	printf("ok - it begins\n");
	n = write_it ? pwrite(fd, buf, 1UL << 20, 0) :
		       pread(fd, buf, 1UL << 20, 0);
	return n == 1L << 20 ? 0 : errno;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";

	if (argc < 3)
		return 2;
	calls_begin(argv[1]);
	ref = map(SPACE + (8UL << 20), -1);
	if (!strcmp(what, "slow-write") || !strcmp(what, "slow-read"))
		return slow(!strcmp(what, "slow-write"));
	if (!strcmp(what, "calls")) {
		appends();
		bad_memory();
		itself();
		maps();
		layout();
		hints();
		copies();
		clones();
	} else if (!strcmp(what, "hostile")) {
		hostile();
		lies();
		copy_lies();
	} else {
		way(what);
	}
	return calls_end();
}
