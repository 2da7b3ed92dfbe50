// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that create and remove a file each, in one folder and as fast as
 * they can, until they are killed or one fails.
 *
 * usage: t_hammer FOLDER PROCESSES
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int hammer(int nr)
{
	char name[32];

	snprintf(name, sizeof(name), "hammer.%d", nr);
	for (;;) {
		int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);

		if (fd < 0 || close(fd) || unlink(name)) {
			perror(name);
			return 1;
		}
	}
}

int main(int argc, char **argv)
{
	int status;

	if (argc != 3 || chdir(argv[1])) {
		fprintf(stderr, "usage: t_hammer FOLDER PROCESSES\n");
		return 2;
	}
	for (int i = 0; i < atoi(argv[2]); i++)
		if (!fork())
			return hammer(i);
	return wait(&status) < 0 || status;
}
