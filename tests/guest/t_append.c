// SPDX-License-Identifier: GPL-2.0
/* O_APPEND from 8 processes: every record is there once, and whole. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES 8
#define RECORDS	  200

struct record {
	int process, number;
	char fill[92]; /* 100 bytes: records cross blocks */
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void append(const char *name, int process)
{
	struct record r = { .process = process };
	int fd = open(name, O_WRONLY | O_APPEND);

	if (fd < 0)
		fail(name);
	for (r.number = 0; r.number < RECORDS; r.number++) {
		memset(r.fill, process * 16 + r.number % 16, sizeof(r.fill));
		if (write(fd, &r, sizeof(r)) != sizeof(r))
			fail("write");
	}
	exit(0);
}

static void check(const char *name)
{
	int fd = open(name, O_RDONLY), next[PROCESSES] = { 0 }, i;
	struct record r;
	size_t k;

	for (i = 0; i < PROCESSES * RECORDS; i++) {
		if (read(fd, &r, sizeof(r)) != sizeof(r))
			fail("too short");
		if (r.process < 0 || r.process >= PROCESSES ||
		    r.number != next[r.process]++)
			fail("a record is lost or doubled");
		for (k = 0; k < sizeof(r.fill); k++)
			if (r.fill[k] != (char)(r.process * 16 + r.number % 16))
				fail("a record is torn");
	}
	if (read(fd, &r, 1) != 0)
		fail("too long");
}

int main(int argc, char **argv)
{
	int fd, i, status, bad = 0;

	if (argc != 2)
		return 2;
	fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		fail(argv[1]);
	for (i = 0; i < PROCESSES; i++)
		if (!fork())
			append(argv[1], i);
	while (wait(&status) > 0)
		bad |= status;
	if (bad)
		return 1;
	check(argv[1]);
	return unlink(argv[1]) != 0;
}
