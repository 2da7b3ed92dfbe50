// SPDX-License-Identifier: GPL-2.0
/*
 * Operations with long answers, one of each: for counting their hand-offs.
 *
 * usage: t_rooms FOLDER make|names|set|get|list|dir|fiemap|read|all
 * "make" leaves what the others want, "names" what "dir" wants.
 */
#include <dirent.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "calls.h"

#define EXTENTS 5000
#define NAMES	1000 /* of 225 bytes: in an answer as long as 5,000 short ones */
#define XATTRS	250  /* names of 256 bytes with their NUL: 64,000 bytes */
#define VALUE	65536

static char buf[VALUE];

/* With a hole behind each. */
static void make_extents(void)
{
	int fd = new_file("extents"), i;

	NEED(ftruncate(fd, EXTENTS * 8192L) == 0);
	for (i = 0; i < EXTENTS; i++)
		NEED(pwrite(fd, buf, 4096, i * 8192L) == 4096);
	close(fd);
}

static void make_names(void)
{
	char name[256];
	int i;

	NEED(mkdir("dir", 0755) == 0);
	for (i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "dir/%0225d", i);
		close(new_file(name));
	}
}

static void make_xattrs(void)
{
	char name[256];
	int i;

	close(new_file("far"));
	close(new_file("names"));
	memset(name, 'n', 255);
	name[255] = 0;
	for (i = 0; i < XATTRS; i++) {
		memcpy(name, "user.", 5);
		name[5] = 'a' + i / 16;
		name[6] = 'a' + i % 16;
		NEED(setxattr("names", name, "", 0, 0) == 0);
	}
}

static void make(void)
{
	make_extents();
	make_names();
	make_xattrs();
}

static void set(void)
{
	memset(buf, 'v', sizeof(buf));
	NEED(setxattr("far", "user.far", buf, VALUE, 0) == 0);
}

static void get(void)
{
	NEED(getxattr("far", "user.far", buf, VALUE) == VALUE);
	NEED(buf[0] == 'v' && buf[VALUE - 1] == 'v');
}

static void list(void)
{
	NEED(listxattr("names", buf, sizeof(buf)) == XATTRS * 256);
}

static void dir(void)
{
	DIR *d = opendir("dir");
	int n = 0;

	NEED(d);
	while (readdir(d))
		n++;
	closedir(d);
	NEED(n == NAMES + 2);
}

static void fiemap(void)
{
	size_t bytes = sizeof(struct fiemap) +
		       (EXTENTS + 1) * sizeof(struct fiemap_extent);
	struct fiemap *fm = calloc(1, bytes);
	int fd = open("extents", O_RDONLY);

	fm->fm_length = ~0ULL;
	fm->fm_extent_count = EXTENTS + 1;
	NEED(ioctl(fd, FS_IOC_FIEMAP, fm) == 0);
	NEED(fm->fm_mapped_extents == EXTENTS);
	close(fd);
	free(fm);
}

static void read_on(void)
{
	int fd = open("extents", O_RDONLY);
	int n = 0;

	while (read(fd, buf, 4096) == 4096)
		n++;
	NEED(n == 2 * EXTENTS);
	close(fd);
}

static void read_all(void)
{
	size_t bytes = EXTENTS * 8192UL;
	char *all = malloc(bytes);
	int fd = open("extents", O_RDONLY);

	NEED(all && read(fd, all, bytes) == (ssize_t)bytes);
	free(all);
	close(fd);
}

static const struct {
	const char *name;
	void (*run)(void);
} ops[] = {
	{ "make", make },     { "names", make_names }, { "set", set },
	{ "get", get },	      { "list", list },	       { "dir", dir },
	{ "fiemap", fiemap }, { "read", read_on },     { "all", read_all },
};

int main(int argc, char **argv)
{
	size_t i;

	if (argc != 3)
		return 2;
	calls_begin(argv[1]);
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strcmp(ops[i].name, argv[2])) {
			ops[i].run();
			return 0;
		}
	return 2;
}
