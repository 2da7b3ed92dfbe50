// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Changes of all kinds to whatever is there. What they answer doesn't matter.
 */
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

struct changer {
	struct kern *k;
	const struct paths *paths;
	uint32_t rnd;
	unsigned int n;
	char fresh[64]; /* a name that isn't there */
};

static uint32_t rnd(struct changer *c)
{
	c->rnd = c->rnd * 1664525 + 1013904223;
	return c->rnd >> 8;
}

static const char *any(struct changer *c)
{
	return c->paths->nr ? c->paths->path[rnd(c) % c->paths->nr] : "";
}

/* What files get may be what a node looks like. */
static const char *bytes(struct changer *c)
{
	return media + unit_any(rnd(c))->off / TOY_BLOCK * TOY_BLOCK;
}

/* ---- open files ---- */

static void write_at(struct changer *c, int fd, uint64_t pos, size_t len)
{
	char buf[3 * TOY_BLOCK];

	for (size_t at = 0; at < len; at += TOY_BLOCK)
		memcpy(buf + at, bytes(c), TOY_BLOCK);
	kern_write(c->k, fd, pos, buf, len);
}

static void space(struct changer *c, int fd, uint64_t size)
{
	static const int modes[] = {
		0,
		FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
	};
	int mode = modes[rnd(c) % 5];
	uint64_t pos = rnd(c) % 4 ? rnd(c) % (size + 1) : size;

	/* Seldom all that is left. */
	kern_fallocate(c->k, fd, mode, pos,
		       rnd(c) % 8 ? 1 + rnd(c) % 300000 : FUZZ_BYTES);
}

static void change_data(struct changer *c, int fd)
{
	uint64_t size = kern_size(c->k, fd);

	switch (rnd(c) % 10) {
	case 0:
		write_at(c, fd, 0, TOY_BLOCK);
		break;
	case 1:
		write_at(c, fd, size, 5000);
		break;
	case 2:
		write_at(c, fd, rnd(c) % (size + 1), 2 * TOY_BLOCK);
		break;
	case 3:
		write_at(c, fd, size + (1 << 20), 100);
		break;
	case 4:
		kern_truncate(c->k, fd, rnd(c) % 2 ? 0 : 4096);
		break;
	case 5:
		kern_truncate(c->k, fd, size / 2);
		break;
	case 6:
		kern_truncate(c->k, fd, rnd(c) % 2 ? size + 99999 : 1ULL << 46);
		break;
	case 7:
		kern_scribble(c->k, fd, bytes(c));
		break;
	default:
		space(c, fd, size);
	}
}

static void in_file(struct changer *c, const char *path)
{
	int fd = kern_open(c->k, path);

	if (fd < 0)
		return;
	change_data(c, fd);
	/* Then it is an orphan. */
	if (rnd(c) % 8 == 0)
		kern_unlink(c->k, path);
	change_data(c, fd);
	kern_close(c->k, fd);
}

static void tmpfile_(struct changer *c)
{
	int fd = kern_tmpfile(c->k, any(c), 0600);

	if (fd < 0)
		return;
	write_at(c, fd, 0, 6000);
	kern_linkfd(c->k, fd, c->fresh);
	kern_close(c->k, fd);
}

/* ---- names and attributes ---- */

static void xattrs(struct changer *c, const char *path)
{
	static char list[1 << 16], value[3 * TOY_BLOCK];
	int len;

	switch (rnd(c) % 5) {
	case 0:
		memcpy(value, bytes(c), TOY_BLOCK);
		kern_setxattr(c->k, path, "user.far", value,
			      TOY_BLOCK + rnd(c) % (2 * TOY_BLOCK), 0);
		break;
	case 1:
		kern_setxattr(c->k, path, "user.0", bytes(c), 3700, 0);
		break;
	case 2:
		kern_setxattr(c->k, path, "user.new", bytes(c), rnd(c) % 400,
			      0);
		break;
	default:
		len = kern_listxattr(c->k, path, list, sizeof(list));
		for (int at = 0; at < len;) {
			kern_removexattr(c->k, path, list + at);
			at += (int)strnlen(list + at, (size_t)(len - at)) + 1;
		}
	}
}

/* Into a directory, be it one below itself. */
static void move(struct changer *c, const char *path)
{
	char to[WALK_BYTES + 16];

	snprintf(to, sizeof(to), "%s/moved", any(c));
	kern_rename(c->k, path, to, 0);
}

static void new_name(struct changer *c)
{
	char text[200];

	memset(text, 'x', sizeof(text));
	text[rnd(c) % 2 ? 20 : 199] = '\0';
	switch (rnd(c) % 5) {
	case 0:
		kern_create(c->k, c->fresh, 0644);
		break;
	case 1:
		kern_mkdir(c->k, c->fresh, 0755);
		break;
	case 2:
		kern_symlink(c->k, c->fresh, text);
		break;
	case 3:
		kern_link(c->k, any(c), c->fresh);
		break;
	default:
		tmpfile_(c);
	}
}

static void make(struct changer *c)
{
	const char *dir = any(c);
	char path[WALK_BYTES + 16];

	for (unsigned int i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "%s/many%u", dir, i);
		kern_create(c->k, path, 0644);
	}
}

static void one(struct changer *c)
{
	const char *path = any(c);

	snprintf(c->fresh, sizeof(c->fresh), "new%u", c->n);
	switch (rnd(c) % 16) {
	case 0:
		kern_unlink(c->k, path);
		break;
	case 1:
		kern_rmdir(c->k, path);
		break;
	case 2:
		kern_rename(c->k, path, c->fresh, 0);
		break;
	case 3:
		kern_rename(c->k, path, any(c), rnd(c) % 3);
		break;
	case 4:
		move(c, path);
		break;
	case 5:
		make(c);
		break;
	case 6:
	case 7:
		new_name(c);
		break;
	case 8:
	case 9:
		xattrs(c, path);
		break;
	case 10:
		kern_chmod(c->k, path, 0640);
		kern_utimes(c->k, path, 5, (int64_t)rnd(c));
		break;
	default:
		in_file(c, path);
	}
}

void change(struct kern *k, const struct paths *paths, uint32_t seed,
	    unsigned int n)
{
	struct changer c = { .k = k, .paths = paths, .rnd = seed };

	for (c.n = 0; c.n < n; c.n++) {
		zus_local_channel(rnd(&c) % 4);
		one(&c);
	}
	zus_local_channel(0);
}
