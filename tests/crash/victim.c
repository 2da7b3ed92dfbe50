// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * A filesystem to be spoilt; see flips.h.
 */
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "flips.h"
#include "plugin.h"

#define MIB    (1UL << 20)
#define IN_DIR 200 /* files */

__thread const char *pm_where; /* the recorder's, which isn't here */

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "flips: %s fails\n", what);
	exit(2);
}

/* ---- a filesystem with everything ---- */

static void write_at(struct kern *k, int fd, uint64_t pos, unsigned int seed,
		     size_t len)
{
	char buf[16384];

	for (size_t i = 0; i < len; i++)
		buf[i] = (char)(seed * 31 + i * 7);
	must(kern_write(k, fd, pos, buf, len) == (ssize_t)len, "write");
}

/* Of several sizes, a few with many holes or preallocated blocks. */
static void data_of(struct kern *k, const char *path, unsigned int i)
{
	int fd = kern_open(k, path);

	must(fd >= 0, "open");
	if (i % 7)
		write_at(k, fd, 0, i, i % 4 ? 100 + i % 3000 : 9000);
	for (unsigned int n = 0; i % 50 == 3 && n < 40; n++)
		write_at(k, fd, n * 12288, i + n, 50);
	if (i % 40 == 5)
		must(!kern_fallocate(k, fd, FALLOC_FL_KEEP_SIZE, 0, 40960),
		     "fallocate");
	kern_close(k, fd);
}

static void xattrs_of(struct kern *k, const char *path, unsigned int i)
{
	static const char value[3000] = "value";

	must(!kern_setxattr(k, path, "user.small", value, 20 + i % 100, 0),
	     "setxattr");
	if (i % 40 == 0)
		must(!kern_setxattr(k, path, "user.large", value, 3000, 0),
		     "setxattr");
}

static void file(struct kern *k, unsigned int i)
{
	char path[128], other[128], text[600];

	snprintf(path, sizeof(path), "dir%u/a-file-with-some-name-%u",
		 i / IN_DIR, i);
	must(!kern_create(k, path, 0644), "create");
	data_of(k, path, i);
	if (i % 10 == 0)
		xattrs_of(k, path, i);
	snprintf(other, sizeof(other), "dir%u/other-%u", i / IN_DIR, i);
	if (i % 20 == 1)
		must(!kern_link(k, path, other), "link");
	memset(text, 't', sizeof(text));
	text[i % 40 == 2 ? 500 : 15] = '\0';
	if (i % 20 == 2)
		must(!kern_symlink(k, other, text), "symlink");
	if (i % 100 == 4)
		must(!kern_mkdir(k, other, 0755), "mkdir");
}

/* Files that were removed and are still open: a power cut leaves orphans. */
static void orphan(struct kern *k, unsigned int i)
{
	char path[32];

	snprintf(path, sizeof(path), "gone%u", i);
	must(!kern_create(k, path, 0644) && kern_open(k, path) >= 0 &&
		     !kern_unlink(k, path),
	     "an orphan");
}

static void fill(struct victim *v, unsigned int files)
{
	struct toy_mkfs_opts o = { .uuid = { 7, 8 },
				   .blocks = v->bytes / TOY_BLOCK,
				   .time = 1,
				   .seed = { 3, 4 } };
	static struct kern k;
	char dir[32];

	must(!toy_mkfs(v->addr, v->bytes, &o) && !zus_plugin_init(), "mkfs");
	k.now = 1000000;
	must(!kern_mount(&k, zus_find_fs("toyfs"), v->addr, v->bytes, 0),
	     "mount");
	for (unsigned int i = 0; i < files; i++) {
		snprintf(dir, sizeof(dir), "dir%u", i / IN_DIR);
		if (i % IN_DIR == 0)
			must(!kern_mkdir(&k, dir, 0755), "mkdir");
		file(&k, i);
	}
	for (unsigned int i = 0; i < 5; i++)
		orphan(&k, i);
	kern_kill(&k);
}

/* ---- what each block is ---- */

static bool is_used(const struct toy_fs *fs, uint64_t bn)
{
	uint64_t at = bn - fs->data_bn;
	const struct toy_node *n =
		pm_at(fs, (TOY_AG_NODE_BN + at / TOY_AG_BLOCKS) * TOY_BLOCK);

	at %= TOY_AG_BLOCKS;
	return ((const uint8_t *)(n + 1))[at / 8] >> at % 8 & 1;
}

static void add_meta(struct victim *v, uint64_t bn)
{
	v->meta[v->nr_meta++] = bn;
}

/* Data of regular files are none; those of symlinks are. */
static void inode(struct victim *v, struct toy_fs *fs, uint64_t ino,
		  uint8_t *is_data)
{
	const struct toy_slot *s;
	uint64_t off, pos = 0;
	struct zufs_extent e;
	struct toy_tree t;

	must(!toy_slot_find(fs, ino, &off), "finding a slot");
	v->is_slots[off / TOY_BLOCK] = 1;
	if (toy_slot_read(fs, ino, &s))
		return;
	if (s->zi.i_nlink)
		v->slot[ino] = off;
	t = toy_slot_map(fs, s);
	while (!S_ISDIR(s->zi.i_mode) && s->map.nr + s->map.depth &&
	       toy_map_get(&t, pos, UINT64_MAX, &e, 1) == 1 &&
	       e.lblk < TOY_MAX_LBLK) {
		pos = e.lblk + e.len;
		for (uint32_t i = 0; !(e.flags & ZUFS_EXT_HOLE) && i < e.len;
		     i++) {
			v->owner[e.pblk + i] = ino;
			is_data[e.pblk + i] = S_ISREG(s->zi.i_mode);
		}
		if (e.flags & ZUFS_EXT_HOLE && e.len == 0)
			break;
	}
}

static void data_area(struct victim *v, struct toy_fs *fs,
		      const uint8_t *is_data)
{
	for (uint64_t bn = fs->data_bn; bn < fs->blocks; bn++) {
		const struct toy_node *n = pm_at(fs, bn * TOY_BLOCK);

		if (!is_used(fs, bn) || is_data[bn])
			continue;
		add_meta(v, bn);
		if (!v->is_slots[bn] && !v->owner[bn] &&
		    le32toh(n->magic) != TOY_ORPH_MAGIC)
			v->owner[bn] = n->owner;
	}
}

static void fixed_area(struct victim *v, const struct toy_fs *fs)
{
	uint64_t journals = TOY_JOURNAL_OFF / TOY_BLOCK;

	for (uint64_t bn = 0; bn < TOY_ORPHAN_BN + TOY_CHANNELS; bn++)
		add_meta(v, bn);
	add_meta(v, ZUFS_MDT_COPY_OFFSET / TOY_BLOCK);
	/* Of each journal slot where records begin, and the end. */
	for (unsigned int i = 0; i < 2 * TOY_CHANNELS; i++) {
		uint64_t slot = journals + i * (TOY_SLOT_SIZE / TOY_BLOCK);

		add_meta(v, slot);
		add_meta(v, slot + 1);
		add_meta(v, slot + TOY_J_DONE_OFF / TOY_BLOCK);
	}
	for (uint32_t a = 0; a < fs->ag_count; a++)
		add_meta(v, TOY_AG_NODE_BN + a);
}

static void learn(struct victim *v)
{
	const struct toy_state *st;
	uint8_t *is_data;
	const char *why;
	struct toy_fs fs;

	must(!toy_open(&fs, v->addr, v->bytes, &why) && !toy_recover(&fs),
	     "opening it");
	st = pm_at(&fs, TOY_STATE_BN * TOY_BLOCK);
	v->nr_inodes = st->itable_blocks * TOY_SLOTS_PER_BLOCK;
	v->meta = calloc(fs.blocks, sizeof(*v->meta));
	v->is_slots = calloc(fs.blocks, 1);
	v->owner = calloc(fs.blocks, sizeof(*v->owner));
	v->slot = calloc(v->nr_inodes, sizeof(*v->slot));
	is_data = calloc(fs.blocks, 1);
	must(v->meta && v->is_slots && v->owner && v->slot && is_data,
	     "malloc");
	for (uint64_t ino = 1; ino < v->nr_inodes; ino++)
		inode(v, &fs, ino, is_data);
	fixed_area(v, &fs);
	data_area(v, &fs, is_data);
	free(is_data);
	toy_close(&fs);
}

static char *memory(uint64_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(p != MAP_FAILED, "mmap");
	return p;
}

void victim_make(struct victim *v, unsigned int files)
{
	memset(v, 0, sizeof(*v));
	v->bytes = (files / 100 + 32) / 2 * 2 * MIB;
	v->addr = memory(v->bytes);
	v->base = memory(v->bytes);
	fill(v, files);
	learn(v);
	memcpy(v->base, v->addr, v->bytes);
}

void victim_restore(struct victim *v)
{
	for (uint64_t off = 0; off < v->bytes; off += TOY_BLOCK)
		if (memcmp(v->addr + off, v->base + off, TOY_BLOCK))
			memcpy(v->addr + off, v->base + off, TOY_BLOCK);
}

/* ---- what is left ---- */

static bool in_journal(uint64_t off)
{
	return off >= TOY_JOURNAL_OFF &&
	       off < TOY_JOURNAL_OFF + 2 * TOY_CHANNELS * TOY_SLOT_SIZE;
}

/*
 * Of a journal a broken record counts as none, and all here are in place. Block
 * 0 and its copy end with the superblock, and the table fills the first half.
 */
bool victim_unsummed(const struct victim *v, uint64_t off)
{
	uint64_t at = off % TOY_BLOCK;

	(void)v;
	return in_journal(off) || (off / TOY_BLOCK == TOY_STATE_BN &&
				   at >= offsetof(struct toy_state, pad2));
}

uint64_t victim_owner(const struct victim *v, uint64_t off)
{
	uint64_t bn = off / TOY_BLOCK;
	const struct toy_slot *s =
		(const void *)(v->base + bn * TOY_BLOCK +
			       off % TOY_BLOCK / sizeof(*s) * sizeof(*s));

	return v->is_slots[bn] ? s->zi.i_ino : v->owner[bn];
}

const char *victim_same(const struct victim *v)
{
	for (uint64_t off = 0; off < v->bytes; off += TOY_BLOCK)
		if (!in_journal(off) &&
		    memcmp(v->addr + off, v->base + off, TOY_BLOCK))
			return "it isn't as before";
	return NULL;
}

static bool attrs_same(const struct toy_slot *a, const struct toy_slot *b)
{
	return a->zi.i_mode == b->zi.i_mode && a->zi.i_uid == b->zi.i_uid &&
	       a->zi.i_gid == b->zi.i_gid && a->zi.i_mtime == b->zi.i_mtime &&
	       a->zi.i_generation == b->zi.i_generation &&
	       a->zi.i_xattr == b->zi.i_xattr && b->zi.i_nlink;
}

/* Size and map; a directory's change with names that are lost. */
static bool content_same(const struct toy_slot *a, const struct toy_slot *b)
{
	return S_ISDIR(a->zi.i_mode) ||
	       (a->zi.i_size == b->zi.i_size &&
		!memcmp(&a->map, &b->map, sizeof(a->map)) &&
		!memcmp(a->zi.i_symlink, b->zi.i_symlink,
			sizeof(a->zi.i_symlink)));
}

const char *victim_others(const struct victim *v, uint64_t hit)
{
	for (uint64_t ino = 1; ino < v->nr_inodes; ino++) {
		const struct toy_slot *a =
			(const void *)(v->base + v->slot[ino]);
		const struct toy_slot *b =
			(const void *)(v->addr + v->slot[ino]);

		if (ino == hit || !v->slot[ino])
			continue;
		if (!attrs_same(a, b) || !content_same(a, b))
			return "another inode isn't as before";
	}
	for (uint64_t bn = 0; bn < v->bytes / TOY_BLOCK; bn++) {
		uint64_t owner = v->owner[bn];
		const struct toy_slot *s =
			(const void *)(v->base + v->slot[owner]);

		if (!owner || owner == hit || !v->slot[owner] ||
		    S_ISDIR(s->zi.i_mode))
			continue;
		if (memcmp(v->addr + bn * TOY_BLOCK, v->base + bn * TOY_BLOCK,
			   TOY_BLOCK))
			return "another inode's data aren't as before";
	}
	return NULL;
}
