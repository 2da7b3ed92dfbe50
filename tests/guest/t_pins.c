// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of a file that a pipe has, with nothing mapped any more: their blocks are
 * no other file's.
 *
 * usage: t_pins FOLDER
 *        t_pins FOLDER keep   with the pipe in use until stdin ends
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/uio.h>

#include "calls.h"

#define SIZE  (1 << 20)
#define FILES 200

static int ends[2];

/* A file of SIZE bytes 'm' whose first page is in the pipe. */
static int pinned_file(const char *name)
{
	struct iovec io = { .iov_len = 4096 };
	int fd = new_file(name);
	char *p;

	NEED(pipe(ends) == 0 && ftruncate(fd, SIZE) == 0);
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(p != MAP_FAILED);
	memset(p, 'm', SIZE);
	io.iov_base = p;
	NEED(vmsplice(ends[1], &io, 1, 0) == 4096);
	NEED(munmap(p, SIZE) == 0);
	return fd;
}

/* What is in the pipe; then nothing is. */
static bool drained(int c)
{
	char buf[4096];
	bool all = read(ends[0], buf, sizeof(buf)) == sizeof(buf);

	for (size_t i = 0; i < sizeof(buf); i++)
		all &= buf[i] == c;
	close(ends[0]);
	close(ends[1]);
	return all;
}

/* Other files take what blocks there are. */
static void others(void)
{
	char name[32];
	static char buf[16384];

	memset(buf, 'x', sizeof(buf));
	for (int i = 0; i < FILES; i++) {
		int fd;

		snprintf(name, sizeof(name), "pins.%d", i);
		fd = new_file(name);
		NEED(write(fd, buf, sizeof(buf)) == sizeof(buf));
		close(fd);
	}
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "pins.%d", i);
		NEED(unlink(name) == 0);
	}
}

/* A truncate of @fd, whose page is in the pipe, isn't done before the page is read. */
static bool truncate_waits(int fd)
{
	pid_t child = fork();
	int status;
	bool good;

	NEED(child >= 0);
	if (!child)
		_exit(ftruncate(fd, 0) != 0);
	others();
	good = waitpid(child, &status, WNOHANG) == 0;
	good &= drained('m');
	return good && waitpid(child, &status, 0) == child && status == 0 &&
	       fstat_of(fd).st_size == 0;
}

static void truncated(void)
{
	int fd = pinned_file("pins"), status;
	pid_t child;

	OK("pins: a truncate waits for who has a page", truncate_waits(fd));
	close(fd);
	fd = pinned_file("pins");
	child = fork();
	NEED(child >= 0);
	if (!child)
		_exit(ftruncate(fd, 0) != 0);
	usleep(100000);
	NEED(kill(child, SIGTERM) == 0 && waitpid(child, &status, 0) == child);
	OK("pins: a signal ends it", WIFSIGNALED(status));
	OK("pins: with the file as it was",
	   fstat_of(fd).st_size == SIZE && drained('m'));
	close(fd);
}

static void punched(void)
{
	int fd = pinned_file("pins"), status;
	pid_t child = fork();

	NEED(child >= 0);
	if (!child) /* PUNCH_HOLE, KEEP_SIZE */
		_exit(fallocate(fd, 3, 0, 4096) != 0);
	others();
	OK("pins: so does a punch",
	   waitpid(child, &status, WNOHANG) == 0 && drained('m') &&
		   waitpid(child, &status, 0) == child && status == 0);
	close(fd);
}

#define HUGE (2UL << 20)

/* A part of a 2 MiB entry, mapped alone, goes with it when a hole is punched elsewhere in it. */
static void of_entry(void)
{
	struct iovec io = { .iov_len = 4096 };
	int fd = new_file("pins");
	char *room, *all, *one;

	NEED(pipe(ends) == 0 && fallocate(fd, 0, 0, HUGE) == 0);
	room = mmap(NULL, 4 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	NEED(room != MAP_FAILED);
	all = (char *)(((unsigned long)room + HUGE - 1) & ~(HUGE - 1));
	NEED(mmap(all, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		  0) == all);
	memset(all, 'm', HUGE);
	one = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, HUGE / 2);
	NEED(one != MAP_FAILED && *one == 'm');
	NEED(fallocate(fd, 3, 0, HUGE / 4) == 0);
	io.iov_base = one;
	NEED(vmsplice(ends[1], &io, 1, 0) == 4096);
	NEED(munmap(one, 4096) == 0 && munmap(room, 4 * HUGE) == 0);
	OK("pins: also of 2 MiB that a punch took apart", truncate_waits(fd));
	close(fd);
}

static unsigned long free_blocks(void)
{
	struct statfs sf;

	NEED(statfs(".", &sf) == 0);
	return sf.f_bfree;
}

static void removed(void)
{
	int fd = pinned_file("pins");
	unsigned long before = free_blocks(), now;

	NEED(unlink("pins") == 0 && close(fd) == 0);
	others();
	OK("pins: neither are the blocks of a file that is removed another's",
	   drained('m'));
	for (int i = 0; i < 200; i++) {
		now = free_blocks();
		if (now >= before + (SIZE >> 12))
			break;
		usleep(50000);
	}
	OK("pins: they are free when nobody has a page any more",
	   now >= before + (SIZE >> 12));
}

static void keep(void)
{
	int fd = pinned_file("kept");
	char c;

	NEED(unlink("kept") == 0 && close(fd) == 0 && chdir("/") == 0);
	puts("# ready");
	NEED(read(STDIN_FILENO, &c, 1) == 0);
	OK("pins: what is pinned outlives the mount", drained('m'));
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	calls_begin(argv[1]);
	if (argc > 2) {
		keep();
		return calls_end();
	}
	truncated();
	punched();
	of_entry();
	removed();
	return calls_end();
}
