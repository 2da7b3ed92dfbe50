// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * The filesystem that inputs edit: a little of everything that toyfs can have.
 */
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "plugin.h"

#define RECORDS 3U /* to be replayed */

static struct kern k;

static void must(bool ok, const char *what)
{
	if (!ok)
		found("the base: %s fails", what);
}

static void write_at(const char *path, uint64_t pos, size_t len)
{
	static const char text[8192] = "text";
	int fd = kern_open(&k, path);

	must(fd >= 0, "open");
	must(kern_write(&k, fd, pos, text, len) == (ssize_t)len, "write");
	kern_close(&k, fd);
}

static void file(const char *path, size_t len)
{
	must(!kern_create(&k, path, 0644), "create");
	if (len)
		write_at(path, 0, len);
}

static void spread(const char *path, unsigned int extents)
{
	file(path, 0);
	for (unsigned int i = 0; i < extents; i++)
		write_at(path, i * 8192, 4096);
}

static void space(const char *path, uint64_t bytes)
{
	int fd;

	file(path, 10);
	fd = kern_open(&k, path);
	must(!kern_fallocate(&k, fd, FALLOC_FL_KEEP_SIZE, 0, bytes),
	     "fallocate");
	kern_close(&k, fd);
}

static void xattrs(const char *path, unsigned int n, uint32_t size)
{
	static const char value[3000] = "value";
	char name[32];

	for (unsigned int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "user.%u", i);
		must(!kern_setxattr(&k, path, name, value, size, 0),
		     "setxattr");
	}
}

/* Names of one file, so that there are leaves enough for a tree. */
static void wide(void)
{
	char path[256];

	must(!kern_mkdir(&k, "wide", 0755), "mkdir");
	file("wide/first", 100);
	for (unsigned int i = 0; i < 90; i++) {
		snprintf(path, sizeof(path), "wide/%0200u", i);
		must(!kern_link(&k, "wide/first", path), "link");
	}
}

static void dirs(void)
{
	must(!kern_mkdir(&k, "d", 0755), "mkdir");
	zus_local_channel(1);
	must(!kern_mkdir(&k, "d/e", 0755), "mkdir");
	must(!kern_mkdir(&k, "d/e/f", 0755), "mkdir");
	must(!kern_mkdir(&k, "d/e/f/g", 0755), "mkdir");
	file("d/e/deep", 5000);
	must(!kern_link(&k, "d/e/deep", "d/hard"), "link");
	zus_local_channel(0);
}

static void links(void)
{
	char text[600];

	memset(text, 't', sizeof(text));
	text[599] = '\0';
	must(!kern_symlink(&k, "long", text), "symlink");
	must(!kern_symlink(&k, "d/longer", text + 1), "symlink");
	must(!kern_symlink(&k, "short", "a text"), "symlink");
	must(!kern_mknod(&k, "fifo", S_IFIFO | 0600, 0), "mknod");
	must(!kern_mknod(&k, "d/dev", S_IFBLK | 0600, 17), "mknod");
}

/* Free slots on two channels; orphans, a large one too. */
static void gone(void)
{
	char path[32];

	for (unsigned int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "gone%u", i);
		zus_local_channel(i);
		file(path, 100);
		must(kern_open(&k, path) >= 0 && !kern_unlink(&k, path),
		     "an orphan");
		snprintf(path, sizeof(path), "free%u", i);
		file(path, 100);
		must(!kern_unlink(&k, path), "unlink");
	}
	spread("large", 12);
	must(kern_open(&k, "large") >= 0 && !kern_unlink(&k, "large"),
	     "an orphan");
	zus_local_channel(0);
}

/* A second orphan block; a truncate that isn't finished. */
static void orphans(void)
{
	struct toy_node *first = NULL, *n = NULL;
	struct toy_tx *tx = NULL;
	const char *why;
	struct toy_fs fs;
	uint64_t bn;

	must(!toy_open(&fs, media, FUZZ_BYTES, &why), "open");
	must(!toy_recover(&fs) && !toy_tx_begin(&fs, 5, &tx), "begin");
	must(!toy_node_new(tx, TOY_ORPH_MAGIC, 5, 0, &bn, (void **)&n),
	     "an orphan block");
	must(!toy_node_get(tx, TOY_ORPHAN_BN + 5, TOY_ORPH_MAGIC,
			   (void **)&first),
	     "an orphan block");
	first->link = htole64(bn);
	n->nr = htole16(1);
	((__le64 *)(n + 1))[7] = htole64(TOY_ORPH_CUT | 3);
	must(!toy_tx_commit(tx), "commit");
	toy_close(&fs);
}

static void mount(void)
{
	k = (struct kern){ .now = FUZZ_NOW };
	must(!kern_mount(&k, zus_find_fs("toyfs"), media, FUZZ_BYTES, 0),
	     "mount");
}

/* As if they had run side by side: none says that another is done. */
static void records(void)
{
	static const char *const path[RECORDS] = { "small", "d/e/deep",
						   "wide/first" };
	char *before = malloc(FUZZ_BYTES);

	must(before, "malloc");
	memcpy(before, media, FUZZ_BYTES);
	for (unsigned int i = 0; i < RECORDS; i++) {
		zus_local_channel(8 + i);
		must(!kern_chmod(&k, path[i], 0600), "chmod");
	}
	kern_kill(&k);
	zus_local_channel(0);
	for (unsigned int i = 0; i < RECORDS; i++) {
		uint64_t off = toy_journal_off(8 + i, 0);
		struct toy_jhdr *h = (void *)(media_rw + off);

		memset(h->done + 8, 0, RECORDS * sizeof(h->done[0]));
		memcpy(before + off, h, TOY_J_DONE_OFF);
	}
	memcpy(media_rw, before, FUZZ_BYTES);
	free(before);
}

void base_make(void)
{
	struct toy_mkfs_opts o = { .uuid = { 7, 8 },
				   .blocks = FUZZ_BLOCKS,
				   .time = 1,
				   .seed = { 3, 4 } };

	must(!toy_mkfs(media, FUZZ_BYTES, &o) && !zus_plugin_init(), "mkfs");
	mount();
	file("small", 100);
	dirs();
	wide();
	links();
	spread("few", 9);
	spread("many", 300);
	space("pre", 40960);
	space("d/big", 2000 * TOY_BLOCK);
	file("x", 0);
	xattrs("x", 4, 2500);
	xattrs("x", 12, 40);
	xattrs("d", 3, 100);
	xattrs("few", 2, 1800);
	kern_umount(&k);
	orphans();
	mount();
	gone();
	records();
}
