// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * toyfs on media that contradict themselves, with sums that are right: any
 * answer will do, as long as there is one.
 */
#include "toyvol.h"

#define LIES 200

static uint64_t rnd_state = 42;

static uint64_t rnd(void)
{
	rnd_state = rnd_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return rnd_state >> 20;
}

static bool is_node(const char *p, uint64_t off)
{
	const struct toy_node *n = (const void *)p;

	switch (le32toh(n->magic)) {
	case TOY_TREE_MAGIC:
	case TOY_DIR_MAGIC:
	case TOY_AG_MAGIC:
	case TOY_ORPH_MAGIC:
	case TOY_XATTR_MAGIC:
		return toy_sum(p, BLK, off, 8) == le64toh(n->sum);
	}
	return false;
}

static bool is_slot(const char *p, uint64_t off)
{
	const struct toy_slot *s = (const void *)p;

	return s->zi.i_mode &&
	       toy_sum(p, sizeof(*s), off, 128) == le64toh(s->sum);
}

/* A unit with a sum, chosen at random: its offset, length, and where the sum is. */
static uint64_t find_unit(const struct vol *v, uint32_t *len, uint32_t *sum)
{
	static uint64_t unit[4096];
	unsigned int nr = 0;

	for (uint64_t off = BLK; off < v->bytes && nr < 4000; off += BLK) {
		if (is_node(v->addr + off, off)) {
			unit[nr++] = off;
			continue;
		}
		for (uint64_t s = off; s < off + BLK; s += 256)
			if (is_slot(v->addr + s, s))
				unit[nr++] = s | 1;
	}
	nr = unit[rnd() % nr];
	*len = nr & 1 ? 256 : BLK;
	*sum = nr & 1 ? 128 : 8;
	return nr & ~1U;
}

static void lie(struct vol *v)
{
	uint32_t len, sum;
	uint64_t off = find_unit(v, &len, &sum), now;
	char *p = v->addr + off;
	/* Mostly where heads, roots and first records are. */
	uint32_t at = rnd() % 3 ? rnd() % 256 : rnd() % len;

	switch (rnd() % 4) {
	case 0:
		p[at] ^= 1 << rnd() % 8;
		break;
	case 1:
		p[at] = rnd();
		break;
	case 2:
		memset(p + at / 8 * 8, 0xff, 8);
		break;
	case 3:
		memset(p + at / 8 * 8, 0, 8);
		break;
	}
	now = htole64(toy_sum(p, len, off, sum));
	memcpy(p + sum, &now, 8);
}

static void visit(struct vol *v, const struct zufs_attr *dir, int depth);

struct visit {
	char name[16][256];
	int nr;
};

static void visit_seen(const struct zufs_dir_entry *e, void *arg)
{
	struct visit *vi = arg;

	if (vi->nr == 16)
		return;
	memcpy(vi->name[vi->nr], e->name, e->len);
	vi->name[vi->nr++][e->len] = 0;
}

static void visit_one(struct vol *v, const struct zufs_attr *dir,
		      const char *name, int depth)
{
	struct zufs_extent ext[64];
	struct zufs_attr a;
	char buf[4096];

	if (!*name || look(v, dir, name, &a))
		return;
	multy(v, &a, 0, 64 * BLK, 0, ext);
	multy(v, &a, 0, 4 * BLK, ZUFS_RW_WRITE, ext);
	xget(v, &a, ZUFS_XATTR_USER, "x", buf, sizeof(buf));
	xlist(v, &a, buf, sizeof(buf), 0);
	xset(v, &a, ZUFS_XATTR_USER, "y", "val", 3, 0);
	op_run(v, op_new(ZUFS_OP_GET_SYMLINK, &a, sizeof(struct zufs_ioc_op)));
	if (S_ISDIR(a.zi.i_mode) && depth)
		visit(v, &a, depth - 1);
	append(v, &a, 2, 'z');
	set_size(v, &a, BLK);
	put(v, &a);
	mv(v, dir, name, dir, "other", 0);
	del(v, dir, "other");
	del(v, dir, name);
}

static void visit(struct vol *v, const struct zufs_attr *dir, int depth)
{
	struct zufs_ioc_readdir *io = op_new(ZUFS_OP_READDIR, dir, sizeof(*io));
	struct visit *vi = calloc(1, sizeof(*vi));
	const struct zufs_dir_entry *e;

	io->op.hdr.out_max = 4096;
	io->pos = 2;
	if (!op_run(v, io))
		for (uint32_t at = 0; at < io->bytes;
		     at += ZUFS_DIR_ENTRY_LEN(e->len)) {
			e = (const void *)(io->entries + at);
			visit_seen(e, vi);
		}
	for (int i = 0; i < vi->nr; i++)
		visit_one(v, dir, vi->name[i], depth);
	free(vi);
	make_full(v, dir, "new", S_IFREG, NULL, 0, NULL);
}

static void statfs_any(struct vol *v)
{
	op_run(v, op_new(ZUFS_OP_STATFS, NULL, sizeof(struct zufs_ioc_op)));
}

static void no_log(int level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

static void lies_fill(struct vol *v)
{
	char name[64], text[100];
	struct zufs_extent ext[64];
	struct zufs_attr a, d;

	memset(text, 't', 99);
	text[99] = 0;
	for (int i = 0; i < 3; i++) {
		sprintf(name, "dir%d", i);
		d = make(v, &v->root, name, S_IFDIR | 0755);
		for (int n = 0; n < 120; n++) {
			sprintf(name, "a-name-of-some-length-%d-%d", i, n);
			touch(v, &d, name);
		}
		put(v, &d);
	}
	a = make(v, &v->root, "file", S_IFREG | 0644);
	set_size(v, &a, 600 * BLK);
	for (int i = 0; i < 600; i += 2)
		multy(v, &a, i * BLK, BLK, ZUFS_RW_WRITE, ext);
	xset(v, &a, ZUFS_XATTR_USER, "x", text, 99, 0);
	put(v, &a);
	make_full(v, &v->root, "link", S_IFLNK, text, 0, &a);
	put(v, &a);
	make_full(v, &v->root, NULL, S_IFREG, NULL, ZI_TMPFILE, &a);
	append(v, &a, 3, 'q');
}

START_TEST(lies)
{
	struct vol v, l;

	vol_new(&v, 16);
	lies_fill(&v);
	l = v;
	l.addr = map_temp(v.bytes);
	for (int i = 0; i < LIES; i++) {
		memcpy(l.addr, v.addr, v.bytes);
		for (uint64_t n = 1 + rnd() % 2; n; n--)
			lie(&l);
		toy_log = no_log;
		if (try_mount(&l, 0))
			continue;
		visit(&l, &l.root, 2);
		statfs_any(&l);
		vol_umount(&l);
	}
	vol_end(&v);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		lies,
		NULL,
	};
	Suite *s = suite_create("toylies");

	add_case(s, "lies", tests, NULL, NULL);
	return run_suite(s);
}
