// SPDX-License-Identifier: GPL-2.0
/*
 * Files that grow in all ways at once: 4 processes, each with a file of its own,
 * append, leave gaps, cut, and close between them. No call fails, and each file
 * is what was written to it, and nothing of the others'.
 *
 * usage: t_gaps FOLDER
 */
#include "calls.h"

#define PROCESSES 4
#define ROUNDS	  1500
#define FILE_MAX  (1 << 20)

static char want[FILE_MAX], got[FILE_MAX];
static off_t size;

static unsigned int next_random(void)
{
	static unsigned int seed;

	if (!seed)
		seed = getpid();
	seed = seed * 1103515245 + 12345;
	return seed >> 8;
}

static int refused; /* calls that failed; one is told */

static void write_at(int fd, off_t at, size_t len, int process)
{
	static char text[32768];
	ssize_t n;

	/* Of which process they are can be seen. */
	memset(text, 'A' + process * 8 + next_random() % 8, len);
	n = pwrite(fd, text, len, at);
	if (n != (ssize_t)len && !refused++)
		printf("#   %zu bytes at %ld, size %ld: %zd, %s\n", len, at,
		       size, n, strerror(errno));
	if (n <= 0)
		return;
	memcpy(want + at, text, n);
	if (at + n > size)
		size = at + n;
}

static void cut(int fd, off_t to)
{
	NEED(ftruncate(fd, to) == 0);
	if (to < size)
		memset(want + to, 0, size - to);
	size = to;
}

static int step(int fd, const char *name, int process)
{
	off_t len = 1 + next_random() % 20000;

	if (size + 100000 > FILE_MAX)
		cut(fd, next_random() % 5000);
	switch (next_random() % 8) {
	case 0: /* behind a gap */
		write_at(fd, size + next_random() % 60000, len, process);
		break;
	case 1:
		cut(fd, size - size / 8);
		break;
	case 2:
		close(fd);
		fd = open(name, O_RDWR);
		NEED(fd >= 0);
		break;
	default:
		write_at(fd, size, len, process);
	}
	return fd;
}

static int is_right(int fd, int process)
{
	off_t i, n = pread(fd, got, FILE_MAX, 0);

	if (n == size && !memcmp(got, want, size))
		return true;
	for (i = 0; i < n && got[i] == want[i]; i++)
		;
	printf("#   process %d: %ld bytes, not %ld; at %ld %d, not %d\n",
	       process, n, size, i, got[i], want[i]);
	return false;
}

/* 1: a call failed, 2: a file is wrong */
static int work(int process)
{
	char name[16];
	int fd, i, wrong = 0;

	snprintf(name, sizeof(name), "gaps.%d", process);
	fd = new_file(name);
	for (i = 0; i < ROUNDS && !wrong; i++) {
		fd = step(fd, name, process);
		if (i % 10 == 9)
			wrong = !is_right(fd, process);
	}
	if (refused)
		printf("#   %d of %d calls were refused\n", refused, ROUNDS);
	return (refused != 0) | wrong << 1;
}

int main(int argc, char **argv)
{
	int i, status, all = 0;

	if (argc != 2)
		return 2;
	calls_begin(argv[1]);
	for (i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		NEED(pid >= 0);
		if (!pid)
			_exit(work(i));
	}
	while (wait(&status) > 0)
		all |= WIFEXITED(status) ? WEXITSTATUS(status) : 3;
	OK("gaps: no call that makes a file grow fails", !(all & 1));
	OK("gaps: each file is what was written to it", !(all & 2));
	return calls_end();
}
