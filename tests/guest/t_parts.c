// SPDX-License-Identifier: GPL-2.0
/*
 * Writes beyond the size where free blocks lie one by one: each takes many
 * grants, and is one write all the same.
 *
 * usage: t_parts FOLDER
 */
#include <sys/statvfs.h>
#include <sys/uio.h>

#include "calls.h"

#define BLOCK  4096
#define CRUMBS 300 /* free blocks, alone each */
#define KEPT   32  /* blocks by which the inode file may have grown */
#define LEN    (100 * BLOCK + 77)

static char want[2 * CRUMBS * BLOCK], got[2 * CRUMBS * BLOCK];

static unsigned long blocks_free(void)
{
	struct statvfs st;

	NEED(statvfs(".", &st) == 0);
	return st.f_bfree;
}

/* A file has all the space; then every second block of its first ones is free. */
static void crumble(void)
{
	off_t size = 1 << 30, at = 0;
	int fd = new_file("all");

	while (size >= BLOCK) {
		if (fallocate(fd, 0, at, size) == 0)
			at += size;
		else
			size /= 2;
	}
	for (int i = 0; i < CRUMBS; i++)
		NEED(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       2 * i * (off_t)BLOCK, BLOCK) == 0);
	close(fd);
}

static bool has(int fd, size_t len)
{
	return fstat_of(fd).st_size == (off_t)len &&
	       pread(fd, got, sizeof(got), 0) == (ssize_t)len &&
	       !memcmp(got, want, len);
}

static void whole(void)
{
	int fd = new_file("whole");

	OK("a write of 100 blocks, each alone, is done whole",
	   write(fd, want, LEN) == LEN);
	OK("every byte of it is there", has(fd, LEN));
	OK("one more goes on there",
	   write(fd, want + LEN, LEN) == LEN && has(fd, 2 * LEN));
	close(fd);
}

/* Its time is that of the write, not of a part. */
static void times(void)
{
	struct stat before = stat_of("whole"), now;
	int fd = open("whole", O_WRONLY | O_APPEND);

	sleep(1);
	NEED(write(fd, want + 2 * LEN, 20 * BLOCK) == 20 * BLOCK);
	now = fstat_of(fd);
	OK("mtime is that of the write",
	   now.st_mtim.tv_sec > before.st_mtim.tv_sec);
	close(fd);
	NEED(unlink("whole") == 0);
}

static void fault(void)
{
	struct iovec iov[] = { { want, 40 * BLOCK + 5 }, { NULL, BLOCK } };
	int fd = new_file("fault");
	ssize_t n = writev(fd, iov, 2);

	OK("a write that faults is there as far as it says",
	   n > 0 && n <= 40 * BLOCK + 5 && has(fd, (size_t)n));
	close(fd);
	NEED(unlink("fault") == 0);
}

static void full(void)
{
	int fd = new_file("full");
	ssize_t n = write(fd, want, sizeof(want)), more;
	int err;

	OK("without space for all of it a write is short",
	   n > 0 && n < (ssize_t)sizeof(want) && has(fd, (size_t)n));
	while ((more = write(fd, want + n, BLOCK)) > 0)
		n += more;
	err = errno;
	OK("then there is none", more == -1 && err == ENOSPC);
	OK("and all is still there", has(fd, (size_t)n));
	close(fd);
}

int main(int argc, char **argv)
{
	unsigned long before;

	if (argc != 2)
		return 2;
	calls_begin(argv[1]);
	for (size_t i = 0; i < sizeof(want); i++)
		want[i] = (char)(i * 7 + i / BLOCK);
	before = blocks_free();
	crumble();
	whole();
	times();
	fault();
	full();
	NEED(unlink("full") == 0 && unlink("all") == 0);
	for (int i = 0; i < 50 && blocks_free() + KEPT < before; i++)
		usleep(100000);
	printf("# %lu blocks were free, %lu are\n", before, blocks_free());
	OK("all blocks come back", blocks_free() + KEPT >= before);
	return calls_end();
}
