// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks of files: fallocate(2) under mappings, holes, the largest size, and
 * space that comes back.
 *
 * usage: t_alloc FOLDER
 */
#include <linux/falloc.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statfs.h>

#include "calls.h"

#define KIB	 1024L
#define MIB	 (1024 * KIB)
#define BLOCK	 4096L
#define SECTORS	 (BLOCK / 512)
#define MAX_SIZE 140737488355328L /* man/toyfs.5 */
#define PUNCH	 (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

static char buf[MIB];

static bool all_are(const char *p, char c, size_t n)
{
	return n == 0 || (p[0] == c && !memcmp(p, p + 1, n - 1));
}

static bool reads(int fd, off_t from, size_t n, char c)
{
	return pread(fd, buf, n, from) == (ssize_t)n && all_are(buf, c, n);
}

static void fill(int fd, size_t n, char c)
{
	memset(buf, c, n);
	NEED(pwrite(fd, buf, n, 0) == (ssize_t)n);
}

static char *map(int fd, size_t len)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	NEED(p != MAP_FAILED);
	return p;
}

static bool size_and_blocks(int fd, off_t size, off_t blocks)
{
	struct stat st = fstat_of(fd);

	if (st.st_size == size && st.st_blocks == blocks * SECTORS)
		return true;
	printf("#   size %ld, sectors %ld\n", st.st_size, st.st_blocks);
	return false;
}

static void mode_0(void)
{
	int fd = new_file("mode0");

	OK("fallocate: size and blocks",
	   !fallocate(fd, 0, 0, MIB) && size_and_blocks(fd, MIB, 256));
	OK("fallocate: zeros", reads(fd, 0, MIB, 0));
	fill(fd, 8 * KIB, 'a');
	OK("fallocate: data stays, also in part of a block",
	   !fallocate(fd, 0, 100, 5000) && reads(fd, 0, 8 * KIB, 'a') &&
		   size_and_blocks(fd, MIB, 256));
	OK("fallocate: a byte beyond the size is a block more",
	   !fallocate(fd, 0, MIB, 1) && size_and_blocks(fd, MIB + 1, 257));
	OK("fallocate: behind a gap",
	   !fallocate(fd, 0, 2 * MIB + 10, 10) &&
		   size_and_blocks(fd, 2 * MIB + 20, 258) &&
		   reads(fd, MIB, MIB, 0));
	OK("fallocate: FALLOC_FL_KEEP_SIZE",
	   !fallocate(fd, FALLOC_FL_KEEP_SIZE, 3 * MIB, MIB) &&
		   size_and_blocks(fd, 2 * MIB + 20, 258 + 256) &&
		   pread(fd, buf, 10, 3 * MIB) == 0);
	OK("fallocate: what was kept behind the size are zeros",
	   !ftruncate(fd, 4 * MIB) && reads(fd, 3 * MIB, MIB, 0) &&
		   size_and_blocks(fd, 4 * MIB, 258 + 256));
	OK("fallocate: fills a hole alone",
	   !ftruncate(fd, 0) && size_and_blocks(fd, 0, 0) &&
		   pwrite(fd, "x", 1, 64 * KIB) == 1 &&
		   !fallocate(fd, 0, 60 * KIB, 12 * KIB) &&
		   size_and_blocks(fd, 72 * KIB, 3) &&
		   reads(fd, 64 * KIB, 1, 'x'));
	close(fd);
}

/* Of 64 KiB of 'a', [from, to) are zeros: in the mapping and for read(2). */
static bool zeros_in_a(int fd, const char *m, size_t from, size_t to)
{
	return all_are(m, 'a', from) && all_are(m + from, 0, to - from) &&
	       all_are(m + to, 'a', 64 * KIB - to) &&
	       pread(fd, buf, 64 * KIB, 0) == 64 * KIB &&
	       !memcmp(buf, m, 64 * KIB);
}

static void punch(void)
{
	int fd = new_file("punch");
	char *m;

	fill(fd, 64 * KIB, 'a');
	m = map(fd, 64 * KIB);
	m[5000] = 'a'; /* entries that can be written to */
	m[10000] = 'a';
	OK("punch: under a mapping, from and to inside blocks",
	   !fallocate(fd, PUNCH, 4196, 12288) &&
		   zeros_in_a(fd, m, 4196, 4196 + 12288));
	OK("punch: the whole blocks are given back",
	   size_and_blocks(fd, 64 * KIB, 16 - 2));
	m[8192] = 'z';
	OK("punch: a store into the hole is there for read(2)",
	   reads(fd, 8192, 1, 'z') && size_and_blocks(fd, 64 * KIB, 16 - 1));
	OK("punch: a write to the hole is there for the mapping",
	   pwrite(fd, "w", 1, 12288) == 1 && m[12288] == 'w' && m[12289] == 0);
	OK("punch: inside one block",
	   !fallocate(fd, PUNCH, 33000, 10) && m[32999] == 'a' &&
		   all_are(m + 33000, 0, 10) && m[33010] == 'a' &&
		   size_and_blocks(fd, 64 * KIB, 16));
	OK("punch: beyond the size", !fallocate(fd, PUNCH, 60 * KIB, MIB) &&
					     all_are(m + 60 * KIB, 0, 4096) &&
					     size_and_blocks(fd, 64 * KIB, 15));
	OK("punch: all, far beyond the size",
	   !fallocate(fd, PUNCH, 0, MAX_SIZE) && all_are(m, 0, 64 * KIB) &&
		   size_and_blocks(fd, 64 * KIB, 0));
	munmap(m, 64 * KIB);
	close(fd);
}

static void zero_range(void)
{
	int fd = new_file("zero");
	char *m;

	fill(fd, 64 * KIB, 'a');
	m = map(fd, 64 * KIB);
	m[5000] = 'a';
	OK("zero range: under a mapping, from and to inside blocks",
	   !fallocate(fd, FALLOC_FL_ZERO_RANGE, 100, 50000) &&
		   zeros_in_a(fd, m, 100, 50100) &&
		   size_and_blocks(fd, 64 * KIB, 16));
	OK("zero range: a store into it",
	   (m[20000] = 'z') && reads(fd, 20000, 1, 'z'));
	OK("zero range: KEEP_SIZE keeps it",
	   !fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 60 * KIB,
		      8 * KIB) &&
		   size_and_blocks(fd, 64 * KIB, 17) &&
		   all_are(m + 60 * KIB, 0, 4 * KIB));
	OK("zero range: else the size grows",
	   !fallocate(fd, FALLOC_FL_ZERO_RANGE, 60 * KIB, 68 * KIB) &&
		   size_and_blocks(fd, 128 * KIB, 32) &&
		   reads(fd, 60 * KIB, 68 * KIB, 0));
	munmap(m, 64 * KIB);
	OK("zero range: of a hole",
	   !fallocate(fd, PUNCH, 0, 128 * KIB) &&
		   !fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 16 * KIB) &&
		   size_and_blocks(fd, 128 * KIB, 4));
	close(fd);
}

/* What is beyond the size in the last block is nobody's when the file grows. */
static void tails(void)
{
	int fd = new_file("tail");
	char *m;

	fill(fd, 5000, 'a');
	m = map(fd, 8 * KIB);
	m[6000] = 'x';
	OK("tail: stores beyond the size are zeros after fallocate",
	   !fallocate(fd, 0, 8 * KIB, 4 * KIB) && m[6000] == 0 &&
		   reads(fd, 5000, 3192, 0));
	NEED(ftruncate(fd, 5000) == 0);
	m[6000] = 'x';
	OK("tail: and after a zero range",
	   !fallocate(fd, FALLOC_FL_ZERO_RANGE, 8 * KIB, 4 * KIB) &&
		   reads(fd, 5000, 3192, 0));
	NEED(ftruncate(fd, 5000) == 0);
	m[6000] = 'x';
	OK("tail: and after a write behind it",
	   pwrite(fd, "y", 1, 7000) == 1 && m[6000] == 0 &&
		   reads(fd, 5000, 2000, 0));
	OK("tail: cut off inside a block, it does not come back",
	   !ftruncate(fd, 100) && !ftruncate(fd, 5000) &&
		   reads(fd, 100, 4900, 0) && reads(fd, 0, 100, 'a'));
	munmap(m, 8 * KIB);
	close(fd);
}

static void refused(void)
{
	int fd = new_file("refused"), ro = open("refused", O_RDONLY), p[2];

	fill(fd, 64 * KIB, 'a');
	FAILS(EOPNOTSUPP, "fallocate: FALLOC_FL_COLLAPSE_RANGE",
	      fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, BLOCK));
	FAILS(EOPNOTSUPP, "fallocate: FALLOC_FL_INSERT_RANGE",
	      fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, BLOCK));
	FAILS(EOPNOTSUPP, "fallocate: FALLOC_FL_UNSHARE_RANGE",
	      fallocate(fd, FALLOC_FL_UNSHARE_RANGE, 0, BLOCK));
	FAILS(EOPNOTSUPP, "fallocate: FALLOC_FL_PUNCH_HOLE without KEEP_SIZE",
	      fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, BLOCK));
	FAILS(EINVAL, "fallocate: no length", fallocate(fd, 0, 0, 0));
	FAILS(EINVAL, "fallocate: a negative offset", fallocate(fd, 0, -1, 10));
	FAILS(EBADF, "fallocate: of a file open for reading",
	      fallocate(ro, 0, 0, BLOCK));
	FAILS(EFBIG, "fallocate: beyond the largest size",
	      fallocate(fd, 0, MAX_SIZE, 1));
	NEED(pipe(p) == 0);
	FAILS(ESPIPE, "fallocate: of a pipe", fallocate(p[1], 0, 0, BLOCK));
	OK("fallocate: nothing changed by what was refused",
	   reads(fd, 0, 64 * KIB, 'a') && size_and_blocks(fd, 64 * KIB, 16));
	FAILS(EOPNOTSUPP, "no reflinks", ioctl(fd, FICLONE, ro));
	close(p[0]);
	close(p[1]);
	close(ro);
	close(fd);
}

static off_t data(int fd, off_t from)
{
	return lseek(fd, from, SEEK_DATA);
}

static off_t hole(int fd, off_t from)
{
	return lseek(fd, from, SEEK_HOLE);
}

static void sparse(void)
{
	int fd = new_file("sparse");

	NEED(ftruncate(fd, 16 * MIB) == 0);
	FAILS(ENXIO, "sparse: no data in a hole", data(fd, 0));
	OK("sparse: all is a hole",
	   hole(fd, 0) == 0 && hole(fd, MIB + 5) == MIB + 5);
	NEED(pwrite(fd, "x", 1, MIB + 5) == 1);
	NEED(pwrite(fd, buf, 100 * KIB, 3 * MIB) == 100 * KIB);
	NEED(pwrite(fd, "y", 1, 16 * MIB - 1) == 1);
	OK("sparse: SEEK_DATA", data(fd, 0) == MIB &&
					data(fd, MIB + 9) == MIB + 9 &&
					data(fd, MIB + BLOCK) == 3 * MIB &&
					data(fd, 4 * MIB) == 16 * MIB - BLOCK);
	OK("sparse: SEEK_HOLE",
	   hole(fd, MIB) == MIB + BLOCK && hole(fd, 2 * MIB) == 2 * MIB &&
		   hole(fd, 3 * MIB + 7) == 3 * MIB + 100 * KIB);
	OK("sparse: the end is a hole", hole(fd, 16 * MIB - 1) == 16 * MIB);
	FAILS(ENXIO, "sparse: SEEK_DATA at the end", data(fd, 16 * MIB));
	FAILS(ENXIO, "sparse: SEEK_HOLE at the end", hole(fd, 16 * MIB));
	OK("sparse: blocks of data alone",
	   size_and_blocks(fd, 16 * MIB, 1 + 25 + 1));
	OK("sparse: zeros around the data",
	   reads(fd, 0, MIB, 0) && reads(fd, MIB, 5, 0) &&
		   reads(fd, MIB + 5, 1, 'x') &&
		   reads(fd, MIB + 6, MIB - 6, 0));
	OK("sparse: a hole that was punched is found",
	   !fallocate(fd, PUNCH, 3 * MIB + 8 * KIB, 8 * KIB) &&
		   hole(fd, 3 * MIB) == 3 * MIB + 8 * KIB &&
		   data(fd, 3 * MIB + 8 * KIB) == 3 * MIB + 16 * KIB);
	close(fd);
}

static void largest(void)
{
	int fd = new_file("largest");
	struct rlimit lim = { 10000, 10000 }, was;
	char *m;

	OK("largest: truncate to it",
	   !ftruncate(fd, MAX_SIZE) && size_and_blocks(fd, MAX_SIZE, 0));
	FAILS(EFBIG, "largest: not to a byte more",
	      ftruncate(fd, MAX_SIZE + 1));
	FAILS(EFBIG, "largest: nor a write behind it",
	      pwrite(fd, "x", 1, MAX_SIZE));
	FAILS(EINVAL, "largest: nor a seek", lseek(fd, MAX_SIZE + 1, SEEK_SET));
	OK("largest: of a write across it the part before",
	   pwrite(fd, "end", 3, MAX_SIZE - 1) == 1 &&
		   pread(fd, buf, 9, MAX_SIZE - 1) == 1 && buf[0] == 'e');
	OK("largest: a write in the middle",
	   pwrite(fd, "middle", 6, MAX_SIZE / 2 - 3) == 6 &&
		   pread(fd, buf, 6, MAX_SIZE / 2 - 3) == 6 &&
		   !memcmp(buf, "middle", 6));
	m = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 MAX_SIZE - BLOCK);
	NEED(m != MAP_FAILED);
	OK("largest: the last block mapped",
	   m[BLOCK - 1] == 'e' && (m[0] = 'm') &&
		   reads(fd, MAX_SIZE - BLOCK, 1, 'm'));
	munmap(m, BLOCK);
	OK("largest: its data is found",
	   data(fd, 0) == MAX_SIZE / 2 - BLOCK &&
		   data(fd, MAX_SIZE / 2 + BLOCK) == MAX_SIZE - BLOCK &&
		   hole(fd, MAX_SIZE - BLOCK) == MAX_SIZE);
	OK("largest: blocks of what was written", fstat_of(fd).st_blocks < 100);
	OK("largest: cut to nothing",
	   !ftruncate(fd, 0) && size_and_blocks(fd, 0, 0));
	signal(SIGXFSZ, SIG_IGN);
	NEED(getrlimit(RLIMIT_FSIZE, &was) == 0);
	lim.rlim_max = was.rlim_max;
	NEED(setrlimit(RLIMIT_FSIZE, &lim) == 0);
	OK("largest: a process's own limit",
	   pwrite(fd, buf, 20, 9990) == 10 && pwrite(fd, buf, 1, 10000) == -1 &&
		   errno == EFBIG);
	FAILS(EFBIG, "largest: also for truncate", ftruncate(fd, 10001));
	FAILS(EFBIG, "largest: also for fallocate", fallocate(fd, 0, 0, 10001));
	NEED(setrlimit(RLIMIT_FSIZE, &was) == 0);
	close(fd);
}

static struct statfs free_now(void)
{
	struct statfs s;

	NEED(statfs(".", &s) == 0);
	return s;
}

/* What an eviction gives back may take a moment. */
static bool free_again(struct statfs before, unsigned long more)
{
	struct statfs s;
	int i;

	for (i = 0; i < 100; i++) {
		s = free_now();
		if (s.f_bfree + more >= before.f_bfree &&
		    s.f_files - s.f_ffree <= before.f_files - before.f_ffree)
			return true;
		usleep(20000);
	}
	printf("#   free blocks %lu, before %lu; inodes %lu, before %lu\n",
	       s.f_bfree, before.f_bfree, s.f_files - s.f_ffree,
	       before.f_files - before.f_ffree);
	return false;
}

static void unlinked(void)
{
	struct statfs before = free_now();
	int fd = new_file("unlinked"), i;
	char *m;

	for (i = 0; i < 8; i++) {
		memset(buf, 'a' + i, MIB);
		NEED(write(fd, buf, MIB) == MIB);
	}
	OK("unlinked: a file takes what it holds",
	   free_now().f_bfree <= before.f_bfree - 2048);
	NEED(unlink("unlinked") == 0);
	OK("unlinked: open, it has no links", fstat_of(fd).st_nlink == 0);
	OK("unlinked: read",
	   reads(fd, MIB, MIB, 'b') && reads(fd, 7 * MIB, MIB, 'h'));
	m = map(fd, 8 * MIB);
	OK("unlinked: write and map",
	   pwrite(fd, "w", 1, 3 * MIB) == 1 && m[3 * MIB] == 'w' &&
		   (m[9] = 'm') && reads(fd, 9, 1, 'm') &&
		   !ftruncate(fd, 10 * MIB) && reads(fd, 9 * MIB, MIB, 0));
	OK("unlinked: its space is not back as long as it is open",
	   free_now().f_bfree <= before.f_bfree - 2048);
	close(fd);
	OK("unlinked: nor as long as it is mapped",
	   free_now().f_bfree <= before.f_bfree - 2048 && m[MIB] == 'b');
	munmap(m, 8 * MIB);
	OK("unlinked: then it is", free_again(before, 8));
}

/* More than there is: no size, and what it took on the way can be had again. */
static void too_much(void)
{
	int fd = new_file("much");
	struct statfs before = free_now();
	long all = before.f_blocks * BLOCK, blocks, taken;

	FAILS(ENOSPC, "fallocate: more than there is",
	      fallocate(fd, 0, 0, 2 * all));
	OK("fallocate: it leaves the size", fstat_of(fd).st_size == 0);
	blocks = fstat_of(fd).st_blocks / SECTORS;
	taken = before.f_bfree - free_now().f_bfree;
	printf("#   %ld blocks are taken, st_blocks says %ld\n", taken, blocks);
	OK("fallocate: st_blocks says what it took nevertheless",
	   blocks <= taken && taken <= blocks + blocks / 100 + 8);
	OK("fallocate: truncate gives it back",
	   !ftruncate(fd, 0) && size_and_blocks(fd, 0, 0) &&
		   free_again(before, 8));
	close(fd);
	NEED(unlink("much") == 0);
	OK("fallocate: nothing is lost", free_again(before, 8));
}

static void fields(void)
{
	struct statfs s = free_now(), t;
	int fd = new_file("fields");

	OK("statfs: type, block and name length",
	   s.f_type == 0x53464f54 && s.f_bsize == BLOCK &&
		   s.f_frsize == BLOCK && s.f_namelen == 255);
	OK("statfs: free, available, all",
	   s.f_bfree <= s.f_blocks && s.f_bavail <= s.f_bfree &&
		   s.f_ffree <= s.f_files && s.f_bavail > 0 && s.f_ffree > 0);
	OK("statfs: an id", s.f_fsid.__val[0] || s.f_fsid.__val[1]);
	OK("statfs: by a file too", !fstatfs(fd, &t) && t.f_type == s.f_type &&
					    t.f_blocks == s.f_blocks);
	OK("statfs: a new file is an inode more, blocks come with data",
	   t.f_files - t.f_ffree == s.f_files - s.f_ffree + 1 &&
		   pwrite(fd, buf, MIB, 0) == MIB &&
		   free_now().f_bfree <= s.f_bfree - 256);
	close(fd);
	NEED(unlink("fields") == 0);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	calls_begin(argv[1]);
	fields();
	mode_0();
	punch();
	zero_range();
	tails();
	refused();
	sparse();
	largest();
	unlinked();
	too_much();
	return calls_end();
}
