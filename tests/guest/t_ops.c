// SPDX-License-Identifier: GPL-2.0
/*
 * One kind of operation, many times: for counting its hand-offs.
 *
 * usage: t_ops FOLDER OPERATION COUNT
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char buf[4096];
static int fd;

static int op_read(int i)
{
	return pread(fd, buf, 4096, i % 16 * 4096) != 4096;
}

static int op_overwrite(int i)
{
	return pwrite(fd, buf, 4096, i % 16 * 4096) != 4096;
}

static int op_append(int i)
{
	(void)i;
	return write(fd, buf, 4096) != 4096;
}

static int op_stat(int i)
{
	struct stat st;

	(void)i;
	return stat("file", &st);
}

static int op_open(int i)
{
	int f = open("file", O_RDWR);

	(void)i;
	return f < 0 || close(f);
}

static int op_create(int i)
{
	char name[32];
	int f;

	snprintf(name, sizeof(name), "new.%d", i);
	f = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
	return f < 0 || close(f);
}

static const struct {
	const char *name;
	int (*run)(int i);
	int flags;
} ops[] = {
	{ "read", op_read, O_RDONLY },
	{ "overwrite", op_overwrite, O_RDWR },
	{ "append", op_append, O_WRONLY | O_APPEND },
	{ "stat", op_stat, O_RDONLY },
	{ "open", op_open, O_RDONLY },
	{ "create", op_create, O_RDONLY },
};

int main(int argc, char **argv)
{
	size_t k;
	int i;

	if (argc != 4 || chdir(argv[1]))
		return 2;
	for (k = 0; k < sizeof(ops) / sizeof(ops[0]); k++) {
		if (strcmp(argv[2], ops[k].name))
			continue;
		fd = open("file", ops[k].flags);
		if (fd < 0)
			return 1;
		for (i = 0; i < atoi(argv[3]); i++)
			if (ops[k].run(i)) {
				perror(argv[2]);
				return 1;
			}
		return 0;
	}
	return 2;
}
