// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Reads all that is in a filesystem, as far as a bound.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define DEPTH	5U
#define IN_DIR	12U    /* entries looked into */
#define ENTRIES 20000U /* more than the image has room for */

struct walker {
	struct kern *k;
	struct paths *paths;
	char path[WALK_BYTES];
	unsigned int depth;
	unsigned int seen; /* entries of this directory */
	int err;	   /* the first one */
};

static void note(struct walker *w, int err)
{
	if (err < 0 && !w->err)
		w->err = err;
}

static void read_at(struct walker *w, int fd, uint64_t pos)
{
	char buf[5000];

	note(w, (int)kern_read(w->k, fd, pos, buf, sizeof(buf)));
}

static void data(struct walker *w)
{
	int fd = kern_open(w->k, w->path);
	uint64_t size;

	note(w, fd);
	if (fd < 0)
		return;
	size = kern_size(w->k, fd);
	read_at(w, fd, 0);
	read_at(w, fd, size / 2);
	read_at(w, fd, size - 3000);
	kern_close(w->k, fd);
}

static void xattrs(struct walker *w)
{
	static char list[1 << 16], value[1 << 16];
	int len = kern_listxattr(w->k, w->path, list, sizeof(list));

	note(w, len);
	for (int at = 0, n = 0; at < len && n < 8; n++) {
		kern_getxattr(w->k, w->path, list + at, value, sizeof(value));
		at += (int)strnlen(list + at, (size_t)(len - at)) + 1;
	}
	kern_getxattr(w->k, w->path, "user.no", value, 10);
}

static void dir(struct walker *w);

static void node(struct walker *w)
{
	struct zus_inode zi;
	char text[5000];
	int err = kern_stat(w->k, w->path, &zi);

	note(w, err);
	if (err)
		return;
	if (w->paths->nr < WALK_PATHS)
		strcpy(w->paths->path[w->paths->nr++], w->path);
	xattrs(w);
	switch (zi.i_mode & S_IFMT) {
	case S_IFREG:
		data(w);
		break;
	case S_IFLNK:
		note(w, kern_readlink(w->k, w->path, text, sizeof(text)));
		break;
	case S_IFDIR:
		if (w->depth < DEPTH)
			dir(w);
	}
}

static void entry(const char *name, uint64_t ino, uint8_t type, void *arg)
{
	struct walker *w = arg;
	size_t len = strlen(w->path);

	(void)ino;
	(void)type;
	if (w->seen++ > ENTRIES)
		found("a directory that doesn't end");
	if (w->seen > IN_DIR || len + strlen(name) + 2 > sizeof(w->path))
		return;
	snprintf(w->path + len, sizeof(w->path) - len, "%s%s", len ? "/" : "",
		 name);
	node(w);
	w->path[len] = '\0';
}

static void dir(struct walker *w)
{
	unsigned int seen = w->seen;

	w->seen = 0;
	w->depth++;
	note(w, kern_readdir(w->k, w->path, entry, w));
	w->depth--;
	w->seen = seen;
}

int walk(struct kern *k, struct paths *paths)
{
	static struct walker w;
	struct zufs_ioc_statfs st;

	w = (struct walker){ .k = k, .paths = paths };
	paths->nr = 0;
	node(&w);
	note(&w, kern_statfs(k, &st));
	return w.err;
}
