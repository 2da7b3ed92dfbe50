// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * The oracle: names, types, attributes, links, xattrs and data of a mounted
 * filesystem beside a model's.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compare.h"

#define PATH  512
#define LIST  4096
#define VALUE 65536

struct walk {
	const struct model *m;
	struct kern *k;
	uint64_t ino[M_NODES];	    /* 0: not seen yet */
	unsigned int seen[M_NODES]; /* names */
	char path[PATH];
	int dir; /* whose entries come in */
	unsigned int entries;
	unsigned int names; /* compared */
	bool wrong;
};

static char text[PATH + 256];
static uint8_t buf[M_BYTES];

/* The first difference; later ones follow from it. */
__attribute__((format(printf, 2, 3))) static void differs(struct walk *w,
							  const char *fmt, ...)
{
	va_list ap;
	int at;

	if (w->wrong)
		return;
	w->wrong = true;
	at = snprintf(text, sizeof(text), "/%s: ", w->path);
	va_start(ap, fmt);
	vsnprintf(text + at, sizeof(text) - (size_t)at, fmt, ap);
	va_end(ap);
}

static void number(struct walk *w, const char *what, uint64_t is, uint64_t must)
{
	if (is != must)
		differs(w, "%s is %" PRIu64 ", not %" PRIu64, what, is, must);
}

static void when(struct walk *w, const char *what, int64_t is, struct m_when t)
{
	if (is != t.first && is != t.last && !(is > t.first && is < t.last))
		differs(w, "%s is %" PRId64 ", not %" PRId64 " to %" PRId64,
			what, is, t.first, t.last);
}

static void attributes(struct walk *w, const struct m_node *n,
		       const struct zus_inode *zi, uint32_t projid)
{
	number(w, "mode", zi->i_mode, n->mode);
	number(w, "uid", zi->i_uid, n->uid);
	number(w, "gid", zi->i_gid, n->gid);
	number(w, "nlink", zi->i_nlink, n->nlink);
	number(w, "flags", zi->i_flags, n->flags);
	number(w, "projid", projid, n->projid);
	if (S_ISREG(n->mode) || S_ISDIR(n->mode))
		number(w, "version", zi->i_version, n->version);
	when(w, "mtime", (int64_t)zi->i_mtime, n->t[M_MTIME]);
	when(w, "ctime", (int64_t)zi->i_ctime, n->t[M_CTIME]);
	when(w, "atime", (int64_t)zi->i_atime, n->t[M_ATIME]);
	if (S_ISCHR(n->mode))
		number(w, "rdev", zi->i_rdev, n->rdev);
}

/* ---- data ---- */

static uint8_t byte_of(const uint8_t *p, uint64_t cap, uint64_t i)
{
	return p && i < cap ? p[i] : 0;
}

/* Are the bytes [at, end), a part of aligned 8, those of @p? */
static bool word_is(const uint8_t *p, uint64_t cap, uint64_t at, uint64_t end)
{
	for (; at < end; at++)
		if (buf[at] != byte_of(p, cap, at))
			return false;
	return true;
}

static bool same_bytes(const struct m_node *n, uint64_t size)
{
	uint64_t both = n->cap < size ? n->cap : size;

	if (both && memcmp(buf, n->data, both))
		return false;
	for (; both < size; both++)
		if (buf[both])
			return false;
	return true;
}

static void content(struct walk *w, const struct m_node *n, uint64_t size)
{
	if (!n->next && same_bytes(n, size))
		return;
	for (uint64_t at = 0; at < size; at = (at | 7) + 1) {
		uint64_t end = (at | 7) + 1 < size ? (at | 7) + 1 : size;
		bool may = n->next && end > n->from && at < n->to;

		/* Behind the size that it had, only what was written counts. */
		if (end <= n->size && word_is(n->data, n->cap, at, end))
			continue;
		if ((may || at >= n->size || end > n->size) && n->next &&
		    word_is(n->next, n->next_cap, at, end))
			continue;
		differs(w, "wrong bytes at %" PRIu64 " of %" PRIu64, at, size);
		return;
	}
}

/* Behind the size a mapping shows what was this file's, or zeros. */
static void tail(struct walk *w, int fd)
{
	ssize_t n = kern_tail(w->k, fd, buf);

	if (n < 0)
		differs(w, "the end of the file: %s", strerror((int)-n));
	else if (n && memchr(buf, OP_OLD_BYTE, (size_t)n))
		differs(w, "old bytes behind the size");
}

static void file(struct walk *w, const struct m_node *n, uint64_t size)
{
	int fd;
	ssize_t got;

	bool short_ = w->m->full && size > n->size && size < n->next_size;

	if (size != n->size && !(n->next && (size == n->next_size || short_))) {
		number(w, "size", size, n->size);
		return;
	}
	if (!size)
		return;
	fd = kern_open(w->k, w->path);
	if (fd < 0) {
		differs(w, "open: %s", strerror(-fd));
		return;
	}
	tail(w, fd);
	got = kern_read(w->k, fd, 0, buf, size);
	kern_close(w->k, fd);
	if (got != (ssize_t)size)
		differs(w, "read: %zd of %" PRIu64, got, size);
	else
		content(w, n, size);
}

/* A write in progress may have some of its blocks, and nothing else a part. */
static void blocks(struct walk *w, const struct m_node *n, uint64_t sectors)
{
	uint64_t must = model_blocks(n), is = sectors / 8;

	if (!n->next || is < must || is > n->next_blocks)
		number(w, "number of blocks", is, must);
}

static void symlink_text(struct walk *w, const struct m_node *n, uint64_t size)
{
	int len = kern_readlink(w->k, w->path, (char *)buf, LIST);

	number(w, "size", size, n->size);
	if (len != (int)n->size || memcmp(buf, n->data, n->size))
		differs(w, "another text of %d bytes", len);
}

/* ---- xattrs ---- */

static void xattrs(struct walk *w, const struct m_node *n)
{
	char list[LIST];
	int len = kern_listxattr(w->k, w->path, list, sizeof(list));
	unsigned int has = 0, must = 0;

	if (len < 0) {
		differs(w, "listxattr: %s", strerror(-len));
		return;
	}
	for (int at = 0; at < len; at += (int)strlen(list + at) + 1)
		has++;
	for (int i = 0; i < M_XATTRS; i++) {
		const struct m_xattr *x = &n->x[i];

		if (!*x->name)
			continue;
		must++;
		len = kern_getxattr(w->k, w->path, x->name, buf, VALUE);
		if (len != (int)x->size || memcmp(buf, x->value, x->size))
			differs(w, "%s: %d bytes, or others", x->name, len);
	}
	number(w, "number of xattrs", has, must);
}

/* ---- names ---- */

/* A file handle leads to the same inode. */
static void by_number(struct walk *w, const struct zus_inode *zi)
{
	struct zus_inode other;
	int err = kern_stat_ino(w->k, zi->i_ino, zi->i_generation, &other);

	if (err || memcmp(&other, zi, sizeof(other)))
		differs(w, "another inode by its number: %s", strerror(-err));
}

static void inode(struct walk *w, int node)
{
	const struct m_node *n = &w->m->n[node];
	struct zus_inode zi;
	uint32_t projid;
	int err = kern_stat(w->k, w->path, &zi);

	if (!err)
		err = kern_projid(w->k, w->path, &projid);
	if (err) {
		differs(w, "stat: %s", strerror(-err));
		return;
	}
	w->seen[node]++;
	w->names++;
	if (w->ino[node]) {
		number(w, "ino of another name", zi.i_ino, w->ino[node]);
		return;
	}
	w->ino[node] = zi.i_ino;
	attributes(w, n, &zi, projid);
	by_number(w, &zi);
	xattrs(w, n);
	if (S_ISREG(n->mode)) {
		file(w, n, zi.i_size);
		blocks(w, n, zi.i_blocks);
	} else if (S_ISLNK(n->mode)) {
		symlink_text(w, n, zi.i_size);
	}
}

static void entry(const char *name, uint64_t ino, uint8_t type, void *arg)
{
	struct walk *w = arg;

	(void)name;
	(void)ino;
	(void)type;
	w->entries++;
}

static void directory(struct walk *w, int dir)
{
	size_t len = strlen(w->path);
	const struct m_name *n;
	unsigned int at = 0, must = 0;
	int err;

	w->entries = 0;
	err = kern_readdir(w->k, w->path, entry, w);
	if (err)
		differs(w, "readdir: %s", strerror(-err));
	while ((n = model_next(w->m, dir, &at)))
		must++;
	number(w, "number of names", w->entries, must);
	at = 0;
	while (!w->wrong && (n = model_next(w->m, dir, &at))) {
		snprintf(w->path + len, PATH - len, "%s%s", len ? "/" : "",
			 n->name);
		inode(w, n->node);
		if (S_ISDIR(w->m->n[n->node].mode))
			directory(w, n->node);
		if (!w->wrong)
			w->path[len] = '\0';
	}
}

const char *compare(const struct model *m, struct kern *k, unsigned int *same)
{
	struct walk w = { .m = m, .k = k };

	inode(&w, M_ROOT);
	directory(&w, M_ROOT);
	*same = w.names;
	return w.wrong ? text : NULL;
}
