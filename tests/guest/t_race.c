// SPDX-License-Identifier: GPL-2.0
/*
 * write(2) racing with loads and stores of a mapping in another process, on the
 * same range: each side's own bytes are never lost, and never stale.
 *
 * Each 4 KiB page has a half written by write(2) and a half stored by mmap. A
 * round's number is put everywhere; the other side checks that the numbers it
 * sees never go back, and each checks its own half at the end by the other way.
 *
 * usage: t_race FILE [ROUNDS]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES  64
#define PAGE   4096
#define HALF   (PAGE / 2)
#define ROUNDS 200 /* at most 255 */

static int rounds = ROUNDS;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void check_not_back(unsigned char *last, unsigned char now, int page)
{
	if (now < *last) {
		fprintf(stderr, "page %d went back from %u to %u\n", page,
			*last, now);
		exit(1);
	}
	*last = now;
}

/* Stores round numbers into the second halves, sees the first ones grow. */
static void mapper(int fd)
{
	unsigned char *map, seen[PAGES] = { 0 };
	int round, page;

	map = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	if (map == MAP_FAILED)
		die("mmap");
	for (round = 1; round <= rounds; round++)
		for (page = 0; page < PAGES; page++) {
			memset(map + page * PAGE + HALF, round, HALF);
			check_not_back(
				&seen[page],
				*(volatile unsigned char *)(map + page * PAGE),
				page);
		}
	exit(0);
}

static void writer(int fd)
{
	unsigned char buf[HALF], back[HALF], seen[PAGES] = { 0 };
	int round, page;

	for (round = 1; round <= rounds; round++)
		for (page = 0; page < PAGES; page++) {
			memset(buf, round, HALF);
			if (pwrite(fd, buf, HALF, page * PAGE) != HALF)
				die("pwrite");
			if (pread(fd, back, 1, page * PAGE + HALF) != 1)
				die("pread");
			check_not_back(&seen[page], back[0], page);
		}
}

static void check_all(int fd)
{
	unsigned char buf[PAGE];
	int page, i;

	for (page = 0; page < PAGES; page++) {
		if (pread(fd, buf, PAGE, page * PAGE) != PAGE)
			die("pread");
		for (i = 0; i < PAGE; i++)
			if (buf[i] != rounds) {
				fprintf(stderr, "page %d byte %d is %u\n", page,
					i, buf[i]);
				exit(1);
			}
	}
}

/* @holes: the range starts without blocks, so both sides allocate. */
static void race(const char *name, int holes)
{
	static char zeros[PAGES * PAGE];
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644), status;
	pid_t pid;

	if (fd < 0)
		die(name);
	if (holes ? ftruncate(fd, PAGES * PAGE) :
		    write(fd, zeros, sizeof(zeros)) != sizeof(zeros))
		die("prepare");
	pid = fork();
	if (!pid)
		mapper(fd);
	writer(fd);
	if (waitpid(pid, &status, 0) != pid || status)
		exit(1);
	check_all(fd);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (argc > 2)
		rounds = atoi(argv[2]);
	race(argv[1], 0);
	race(argv[1], 1);
	return unlink(argv[1]) != 0;
}
