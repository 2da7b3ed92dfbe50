// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * The commands of zus-run(1). Paths are relative to the root of the filesystem.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "run.h"

#define MAX_WORDS 4
#define CHUNK	  (128U << 10) /* bytes that are read or written at once */
#define VALUE_MAX (64U << 10)  /* bytes of an xattr or a list of names */

struct command {
	const char *name, *args;
	unsigned int least, most; /* words behind the name */
	int (*run)(struct kern *k, char **arg);
};

/* "/", "." and "./a" are fine too. */
static const char *path_of(const char *arg)
{
	while (*arg == '/' || (*arg == '.' && (!arg[1] || arg[1] == '/')))
		arg++;
	return arg;
}

static int number(const char *text, int base, uint64_t *n)
{
	char *end;

	*n = strtoull(text, &end, base);
	return *end || end == text ? -EINVAL : 0;
}

/* ---- names ---- */

static void show_entry(const char *name, uint64_t ino, uint8_t type, void *arg)
{
	(void)arg;
	printf("%lu %c %s\n", ino, "?pc?d?b?-?l?s???"[type & 15], name);
}

static int do_ls(struct kern *k, char **arg)
{
	return kern_readdir(k, arg[0] ? path_of(arg[0]) : "", show_entry, NULL);
}

static int do_mkdir(struct kern *k, char **arg)
{
	return kern_mkdir(k, path_of(arg[0]), 0755);
}

static int do_rmdir(struct kern *k, char **arg)
{
	return kern_rmdir(k, path_of(arg[0]));
}

static int do_rm(struct kern *k, char **arg)
{
	return kern_unlink(k, path_of(arg[0]));
}

static int do_mv(struct kern *k, char **arg)
{
	return kern_rename(k, path_of(arg[0]), path_of(arg[1]), 0);
}

static int do_ln(struct kern *k, char **arg)
{
	return kern_link(k, path_of(arg[0]), path_of(arg[1]));
}

static int do_symlink(struct kern *k, char **arg)
{
	return kern_symlink(k, path_of(arg[1]), arg[0]);
}

static int do_readlink(struct kern *k, char **arg)
{
	char text[ZUFS_SYMLINK_MAX];
	int len = kern_readlink(k, path_of(arg[0]), text, sizeof(text));

	if (len < 0)
		return len;
	printf("%.*s\n", len, text);
	return 0;
}

/* ---- data ---- */

static int copy_out(struct kern *k, int fd, FILE *to)
{
	static char buf[CHUNK];
	uint64_t pos = 0;
	ssize_t n;

	while ((n = kern_read(k, fd, pos, buf, sizeof(buf))) > 0) {
		if (fwrite(buf, 1, (size_t)n, to) != (size_t)n)
			return -EIO;
		pos += (uint64_t)n;
	}
	return (int)n;
}

static int write_all(struct kern *k, int fd, uint64_t pos, const char *buf,
		     size_t len)
{
	while (len) {
		ssize_t n = kern_write(k, fd, pos, buf, len);

		if (n <= 0)
			return n ? (int)n : -EIO;
		pos += (uint64_t)n;
		buf += n;
		len -= (size_t)n;
	}
	return 0;
}

static int copy_in(struct kern *k, int fd, FILE *from)
{
	static char buf[CHUNK];
	uint64_t pos = 0;
	int err = 0;
	size_t n;

	while (!err && (n = fread(buf, 1, sizeof(buf), from))) {
		err = write_all(k, fd, pos, buf, n);
		pos += n;
	}
	return err ? err : ferror(from) ? -EIO : 0;
}

static int do_cat(struct kern *k, char **arg)
{
	int fd = kern_open(k, path_of(arg[0])), err;

	if (fd < 0)
		return fd;
	err = copy_out(k, fd, stdout);
	kern_close(k, fd);
	return err;
}

/* A file to write to, empty. */
static int open_new(struct kern *k, const char *path)
{
	int err = kern_create(k, path, 0644), fd;

	if (err && err != -EEXIST)
		return err;
	fd = kern_open(k, path);
	if (fd < 0 || !err)
		return fd;
	err = kern_truncate(k, fd, 0);
	if (!err)
		return fd;
	kern_close(k, fd);
	return err;
}

/* The rest of the line, and a newline. */
static int do_write(struct kern *k, char **arg)
{
	int fd = open_new(k, path_of(arg[0])), err;
	size_t len;

	if (fd < 0)
		return fd;
	len = strlen(arg[1]);
	arg[1][len] = '\n';
	err = write_all(k, fd, 0, arg[1], len + 1);
	kern_close(k, fd);
	return err;
}

static int do_put(struct kern *k, char **arg)
{
	FILE *from = fopen(arg[0], "re");
	int fd, err;

	if (!from)
		return -errno;
	fd = open_new(k, path_of(arg[1]));
	err = fd < 0 ? fd : copy_in(k, fd, from);
	if (fd >= 0)
		kern_close(k, fd);
	fclose(from);
	return err;
}

static int do_get(struct kern *k, char **arg)
{
	int fd = kern_open(k, path_of(arg[0])), err;
	FILE *to;

	if (fd < 0)
		return fd;
	to = fopen(arg[1], "we");
	err = to ? copy_out(k, fd, to) : -errno;
	if (to && fclose(to) && !err)
		err = -errno;
	kern_close(k, fd);
	return err;
}

static int do_truncate(struct kern *k, char **arg)
{
	int fd = kern_open(k, path_of(arg[0])), err;
	uint64_t size;

	if (fd < 0)
		return fd;
	err = number(arg[1], 10, &size);
	if (!err)
		err = kern_truncate(k, fd, size);
	kern_close(k, fd);
	return err;
}

/* ---- attributes ---- */

static int do_stat(struct kern *k, char **arg)
{
	struct zus_inode zi;
	int err = kern_stat(k, path_of(arg[0]), &zi);

	if (err)
		return err;
	printf("ino %lu mode %o nlink %u uid %u gid %u size %lu blocks %lu\n",
	       le64toh(zi.i_ino), le16toh(zi.i_mode), le32toh(zi.i_nlink),
	       le32toh(zi.i_uid), le32toh(zi.i_gid), le64toh(zi.i_size),
	       le64toh(zi.i_blocks));
	return 0;
}

static int do_chmod(struct kern *k, char **arg)
{
	uint64_t mode;
	int err = number(arg[0], 8, &mode);

	return err ? err : kern_chmod(k, path_of(arg[1]), (uint32_t)mode);
}

static int do_setxattr(struct kern *k, char **arg)
{
	return kern_setxattr(k, path_of(arg[0]), arg[1], arg[2],
			     (uint32_t)strlen(arg[2]), 0);
}

static int do_getxattr(struct kern *k, char **arg)
{
	static char value[VALUE_MAX];
	int len =
		kern_getxattr(k, path_of(arg[0]), arg[1], value, sizeof(value));

	if (len < 0)
		return len;
	printf("%.*s\n", len, value);
	return 0;
}

static int do_listxattr(struct kern *k, char **arg)
{
	static char list[VALUE_MAX];
	int len = kern_listxattr(k, path_of(arg[0]), list, sizeof(list));

	for (int at = 0; at < len; at += (int)strlen(list + at) + 1)
		puts(list + at);
	return len < 0 ? len : 0;
}

static int do_df(struct kern *k, char **arg)
{
	struct zufs_ioc_statfs st;
	int err = kern_statfs(k, &st);

	(void)arg;
	if (!err)
		printf("blocks %lu free %lu available %lu files %lu free %lu\n",
		       (unsigned long)st.blocks, (unsigned long)st.bfree,
		       (unsigned long)st.bavail, (unsigned long)st.files,
		       (unsigned long)st.ffree);
	return err;
}

/* ---- the lot ---- */

static const struct command commands[] = {
	{ "cat", "FILE", 1, 1, do_cat },
	{ "chmod", "MODE PATH", 2, 2, do_chmod },
	{ "df", "", 0, 0, do_df },
	{ "get", "FILE HERE", 2, 2, do_get },
	{ "getxattr", "PATH NAME", 2, 2, do_getxattr },
	{ "listxattr", "PATH", 1, 1, do_listxattr },
	{ "ln", "FILE NAME", 2, 2, do_ln },
	{ "ls", "[FOLDER]", 0, 1, do_ls },
	{ "mkdir", "FOLDER", 1, 1, do_mkdir },
	{ "mv", "PATH NAME", 2, 2, do_mv },
	{ "put", "HERE FILE", 2, 2, do_put },
	{ "readlink", "SYMLINK", 1, 1, do_readlink },
	{ "rm", "FILE", 1, 1, do_rm },
	{ "rmdir", "FOLDER", 1, 1, do_rmdir },
	{ "setxattr", "PATH NAME VALUE", 3, 3, do_setxattr },
	{ "stat", "PATH", 1, 1, do_stat },
	{ "symlink", "TEXT NAME", 2, 2, do_symlink },
	{ "truncate", "FILE BYTES", 2, 2, do_truncate },
	{ "write", "FILE TEXT", 2, 2, do_write },
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* Splits at blanks; the last of at most @most words is all the rest. */
static unsigned int split(char *line, unsigned int most, char **word)
{
	unsigned int n = 0;

	while (n < most) {
		line += strspn(line, " \t");
		if (!*line)
			break;
		word[n++] = line;
		if (n == most)
			break;
		line += strcspn(line, " \t");
		if (*line)
			*line++ = '\0';
	}
	return n;
}

static int refuse(const char *what, const char *why)
{
	fprintf(stderr, "zus-run: %s: %s\n", what, why);
	return -EINVAL;
}

static int run_words(struct kern *k, char *line)
{
	char *word[MAX_WORDS + 1] = { NULL };
	const struct command *c;
	unsigned int n;
	int err;

	split(line, 2, word);
	c = find_command(word[0]);
	if (!c)
		return refuse(word[0], "no such command: see zus-run(1)");
	n = word[1] ? split(word[1], c->most ? c->most : 1, word + 1) : 0;
	if (n < c->least || n > c->most)
		return refuse(c->name, *c->args ? c->args : "no arguments");
	k->now = (int64_t)time(NULL) * 1000000000;
	err = c->run(k, word + 1);
	if (err)
		fprintf(stderr, "zus-run: %s %s: %s\n", c->name,
			n ? word[1] : "", strerror(-err));
	return err;
}

int run_command(struct kern *k, char *line)
{
	bool fails;

	line[strcspn(line, "\n")] = '\0';
	line += strspn(line, " \t");
	fails = *line == '!';
	if (fails)
		line += 1 + strspn(line + 1, " \t");
	if (!*line || *line == '#')
		return 0;
	if (!fails)
		return run_words(k, line);
	return run_words(k, line) ? 0 : refuse(line, "it went well");
}
