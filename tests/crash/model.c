// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * The model: nodes, names, and what each call does to them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kern.h"
#include "model.h"

/* ---- models ---- */

static int node_new(struct model *m, uint32_t mode)
{
	for (int i = 0; i < M_NODES; i++) {
		struct m_node *n = &m->n[i];

		if (n->used)
			continue;
		memset(n, 0, sizeof(*n));
		n->used = true;
		n->mode = mode;
		n->nlink = S_ISDIR(mode) ? 2 : 1;
		for (int t = 0; t < M_TIMES; t++)
			n->t[t] = (struct m_when){ m->now, m->now };
		return i;
	}
	abort(); /* a workload is too large */
}

static void node_free(struct m_node *n)
{
	for (int i = 0; i < M_XATTRS; i++)
		free(n->x[i].value);
	free(n->data);
	free(n->map);
	free(n->next);
	memset(n, 0, sizeof(*n));
}

void model_init(struct model *m, int64_t now)
{
	memset(m, 0, sizeof(*m));
	m->now = now;
	node_new(m, S_IFDIR | 0755);
}

void model_free(struct model *m)
{
	for (int i = 0; i < M_NODES; i++)
		if (m->n[i].used)
			node_free(&m->n[i]);
	free(m->names);
	m->names = NULL;
	m->nr = 0;
	m->cap = 0;
}

static void *dup_bytes(const void *p, size_t len)
{
	void *to = malloc(len ? len : 1);

	memcpy(to, p, len);
	return to;
}

static void node_copy(struct m_node *to, const struct m_node *from)
{
	*to = *from;
	if (from->data)
		to->data = dup_bytes(from->data, from->cap);
	if (from->map)
		to->map = dup_bytes(from->map, from->nr_map);
	to->next = NULL;
	for (int i = 0; i < M_XATTRS; i++)
		if (from->x[i].value)
			to->x[i].value =
				dup_bytes(from->x[i].value, from->x[i].size);
}

void model_copy(struct model *to, const struct model *from)
{
	*to = *from;
	for (int i = 0; i < M_NODES; i++)
		if (from->n[i].used)
			node_copy(&to->n[i], &from->n[i]);
	to->cap = from->nr;
	to->names = dup_bytes(from->names, from->nr * sizeof(*to->names));
}

/* ---- names ---- */

static int name_at(const struct model *m, int dir, const char *name, size_t len)
{
	for (unsigned int i = 0; i < m->nr; i++)
		if (m->names[i].dir == dir && !m->names[i].name[len] &&
		    !strncmp(m->names[i].name, name, len))
			return (int)i;
	return -ENOENT;
}

/* The directory of @path's last name, which *name becomes. */
static int dir_of(const struct model *m, const char *path, const char **name)
{
	int dir = M_ROOT;

	for (;;) {
		size_t len = strcspn(path, "/");
		int i;

		if (!path[len]) {
			*name = path;
			return S_ISDIR(m->n[dir].mode) ? dir : -ENOTDIR;
		}
		i = name_at(m, dir, path, len);
		if (i < 0)
			return i;
		dir = m->names[i].node;
		path += len + 1;
	}
}

int model_find(const struct model *m, const char *path)
{
	const char *name;
	int dir, i;

	if (!*path)
		return M_ROOT;
	dir = dir_of(m, path, &name);
	if (dir < 0)
		return dir;
	i = name_at(m, dir, name, strlen(name));
	return i < 0 ? i : m->names[i].node;
}

const struct m_name *model_next(const struct model *m, int dir,
				unsigned int *at)
{
	while (*at < m->nr) {
		const struct m_name *n = &m->names[(*at)++];

		if (n->dir == dir)
			return n;
	}
	return NULL;
}

static bool is_empty(const struct model *m, int dir)
{
	unsigned int at = 0;

	return !model_next(m, dir, &at);
}

static void touch(struct model *m, int node, bool data)
{
	struct m_node *n = &m->n[node];

	n->t[M_CTIME] = (struct m_when){ m->now, m->now };
	if (data)
		n->t[M_MTIME] = n->t[M_CTIME];
}

static void name_add(struct model *m, int dir, const char *name, int node)
{
	struct m_name *n;

	if (m->nr == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 32;
		m->names = realloc(m->names, m->cap * sizeof(*m->names));
	}
	n = &m->names[m->nr++];
	n->dir = dir;
	n->node = node;
	strcpy(n->name, name);
	if (S_ISDIR(m->n[node].mode)) {
		m->n[node].parent = dir;
		m->n[dir].nlink++;
	}
	touch(m, dir, true);
}

static void name_del(struct model *m, int i)
{
	struct m_name n = m->names[i];

	m->names[i] = m->names[--m->nr];
	if (S_ISDIR(m->n[n.node].mode))
		m->n[n.dir].nlink--;
	touch(m, n.dir, true);
}

static void node_gone(struct model *m, int node)
{
	if (!m->n[node].nlink && !m->n[node].opens)
		node_free(&m->n[node]);
}

static void unlinked(struct model *m, int node)
{
	struct m_node *n = &m->n[node];

	touch(m, node, false);
	n->nlink = S_ISDIR(n->mode) ? 0 : n->nlink - 1;
	node_gone(m, node);
}

/* ---- calls: each gets the place of the last name ---- */

struct at {
	int dir;
	const char *name;
	int i;	  /* in names, or -ENOENT */
	int node; /* of it */
};

static int at_path(const struct model *m, const char *path, struct at *at)
{
	at->dir = dir_of(m, path, &at->name);
	if (at->dir < 0)
		return at->dir;
	at->i = name_at(m, at->dir, at->name, strlen(at->name));
	at->node = at->i < 0 ? -1 : m->names[at->i].node;
	return 0;
}

/* With the name "": one that is free. */
static struct m_xattr *xattr_at(struct m_node *n, const char *name)
{
	for (int i = 0; i < M_XATTRS; i++)
		if (!strcmp(n->x[i].name, name))
			return &n->x[i];
	return NULL;
}

static void xattr_put(struct m_node *n, const char *name, const void *value,
		      uint32_t size)
{
	struct m_xattr *x = xattr_at(n, name);

	if (!x)
		x = xattr_at(n, "");
	if (!x)
		abort(); /* a workload has too many */
	free(x->value);
	strcpy(x->name, name);
	x->size = size;
	x->value = dup_bytes(value, size);
}

/* As the explorer's kernel has it. */
static void inherit(struct model *m, int dir, int node)
{
	const struct m_xattr *x = xattr_at(&m->n[dir], KERN_DEF_ACL);
	struct m_node *n = &m->n[node];

	n->flags = m->n[dir].flags;
	n->projid = m->n[dir].projid;
	if (!x || S_ISLNK(n->mode))
		return;
	xattr_put(n, KERN_ACL, x->value, x->size);
	if (S_ISDIR(n->mode))
		xattr_put(n, KERN_DEF_ACL, x->value, x->size);
}

static int do_new(struct model *m, const struct op *op, uint32_t mode)
{
	struct at at;
	int err = at_path(m, op->path, &at), node;

	if (err)
		return err;
	if (at.i >= 0)
		return -EEXIST;
	node = node_new(m, mode);
	if (S_ISCHR(mode))
		m->n[node].rdev = makedev(1, 3);
	if (S_ISLNK(mode)) {
		m->n[node].size = op->a;
		m->n[node].cap = op->a;
		m->n[node].data = malloc(op->a);
		memset(m->n[node].data, 'x', op->a);
	}
	inherit(m, at.dir, node);
	name_add(m, at.dir, at.name, node);
	return 0;
}

static int do_link(struct model *m, const struct op *op)
{
	int node = model_find(m, op->path), err;
	struct at to;

	if (node < 0)
		return node;
	err = at_path(m, op->other, &to);
	if (err)
		return err;
	if (to.i >= 0)
		return -EEXIST;
	if (S_ISDIR(m->n[node].mode))
		return -EPERM;
	m->n[node].nlink++;
	touch(m, node, false);
	name_add(m, to.dir, to.name, node);
	return 0;
}

static int do_unlink(struct model *m, const struct op *op, bool dir)
{
	struct at at;
	int err = at_path(m, op->path, &at);

	if (err)
		return err;
	if (at.i < 0)
		return -ENOENT;
	if (S_ISDIR(m->n[at.node].mode) != dir)
		return dir ? -ENOTDIR : -EISDIR;
	if (dir && !is_empty(m, at.node))
		return -ENOTEMPTY;
	name_del(m, at.i);
	unlinked(m, at.node);
	return 0;
}

static bool is_below(const struct model *m, int node, int dir)
{
	for (; dir != M_ROOT; dir = m->n[dir].parent)
		if (dir == node)
			return true;
	return node == M_ROOT;
}

static int may_replace(const struct model *m, int node, int target)
{
	bool from = S_ISDIR(m->n[node].mode), to = S_ISDIR(m->n[target].mode);

	if (from && !to)
		return -ENOTDIR;
	if (!from && to)
		return -EISDIR;
	return to && !is_empty(m, target) ? -ENOTEMPTY : 0;
}

static int do_rename(struct model *m, const struct op *op)
{
	struct at from, to;
	int err = at_path(m, op->path, &from);

	if (!err)
		err = at_path(m, op->other, &to);
	if (err)
		return err;
	if (from.i < 0)
		return -ENOENT;
	if (S_ISDIR(m->n[from.node].mode) && is_below(m, from.node, to.dir))
		return -EINVAL;
	/* The target holds where it would go from. */
	if (to.i >= 0 && is_below(m, to.node, from.dir))
		return -ENOTEMPTY;
	if (to.node == from.node)
		return 0;
	if (to.i >= 0)
		err = may_replace(m, from.node, to.node);
	if (err)
		return err;
	if (to.i >= 0) {
		name_del(m, to.i);
		unlinked(m, to.node);
	}
	name_del(m, name_at(m, from.dir, from.name, strlen(from.name)));
	name_add(m, to.dir, to.name, from.node);
	touch(m, from.node, false);
	if (op->code == OP_WHITEOUT)
		name_add(m, from.dir, from.name, node_new(m, S_IFCHR));
	return 0;
}

static int do_exchange(struct model *m, const struct op *op)
{
	struct at a, b;
	int err = at_path(m, op->path, &a);

	if (!err)
		err = at_path(m, op->other, &b);
	if (err)
		return err;
	if (a.i < 0 || b.i < 0)
		return -ENOENT;
	if ((S_ISDIR(m->n[a.node].mode) && is_below(m, a.node, b.dir)) ||
	    (S_ISDIR(m->n[b.node].mode) && is_below(m, b.node, a.dir)))
		return -EINVAL;
	if (a.node == b.node)
		return 0;
	name_del(m, a.i);
	name_del(m, name_at(m, b.dir, b.name, strlen(b.name)));
	name_add(m, a.dir, a.name, b.node);
	name_add(m, b.dir, b.name, a.node);
	touch(m, a.node, false);
	touch(m, b.node, false);
	return 0;
}

/* ---- blocks ---- */

#define BLOCK 4096

static void map_set(struct m_node *n, uint64_t from, uint64_t to)
{
	if (to > n->nr_map) {
		n->map = realloc(n->map, to);
		memset(n->map + n->nr_map, 0, to - n->nr_map);
		n->nr_map = to;
	}
	memset(n->map + from, 1, to - from);
}

static void map_clear(struct m_node *n, uint64_t from, uint64_t to)
{
	if (to > n->nr_map)
		to = n->nr_map;
	if (from < to)
		memset(n->map + from, 0, to - from);
}

static uint64_t blocks_of(uint64_t bytes)
{
	return (bytes + BLOCK - 1) / BLOCK;
}

uint64_t model_blocks_to(const struct m_node *n, uint64_t end)
{
	uint64_t nr = 0;

	for (uint64_t i = 0; i < end && i < n->nr_map; i++)
		nr += n->map[i];
	return nr;
}

uint64_t model_blocks(const struct m_node *n)
{
	return model_blocks_to(n, n->nr_map);
}

/* ---- data ---- */

static void reserve(struct m_node *n, uint64_t cap)
{
	if (cap > M_BYTES)
		abort(); /* a workload is too large */
	if (cap <= n->cap)
		return;
	n->data = realloc(n->data, cap);
	memset(n->data + n->cap, 0, cap - n->cap);
	n->cap = cap;
}

/* What is behind the size is nobody's. */
static void set_size(struct m_node *n, uint64_t size)
{
	if (size < n->size && size < n->cap)
		memset(n->data + size, 0,
		       (n->size < n->cap ? n->size : n->cap) - size);
	n->size = size;
}

/* The kernel may tell of these times later. */
static void touch_lazily(struct model *m, struct m_node *n)
{
	n->t[M_MTIME].last = m->now;
	n->t[M_CTIME].last = m->now;
}

static void put_bytes(struct m_node *n, uint64_t from, uint64_t len,
		      unsigned int seq)
{
	reserve(n, from + len);
	for (uint64_t i = from; i < from + len; i++)
		n->data[i] = op_byte(seq, i);
	map_set(n, from / BLOCK, blocks_of(from + len));
}

static int do_write(struct model *m, int node, uint64_t from, uint64_t len,
		    unsigned int seq)
{
	struct m_node *n = &m->n[node];

	if (!len)
		return 0;
	put_bytes(n, from, len, seq);
	if (from + len > n->size) {
		n->size = from + len;
		touch(m, node, true);
	} else {
		touch_lazily(m, n);
	}
	return 0;
}

static int do_truncate(struct model *m, int node, uint64_t size)
{
	struct m_node *n = &m->n[node];

	if (size <= n->size)
		map_clear(n, blocks_of(size), n->nr_map);
	set_size(n, size);
	touch(m, node, true);
	return 0;
}

static int do_falloc(struct model *m, int node, const struct op *op)
{
	struct m_node *n = &m->n[node];
	uint64_t end = op->a + op->b;

	if (op->code == OP_PUNCH || op->code == OP_ZERO) {
		uint64_t to = end < n->cap ? end : n->cap;

		if (op->a < to)
			memset(n->data + op->a, 0, to - op->a);
	}
	if (op->code == OP_PUNCH)
		map_clear(n, blocks_of(op->a), end / BLOCK);
	else
		map_set(n, op->a / BLOCK, blocks_of(end));
	if (op->code == OP_FALLOC || op->code == OP_ZERO)
		n->size = end > n->size ? end : n->size;
	touch(m, node, true);
	return 0;
}

/* ---- attributes ---- */

static int set_xattr(struct model *m, int node, const char *name, uint64_t size,
		     unsigned int seq)
{
	uint8_t *value;

	if (!S_ISREG(m->n[node].mode) && !S_ISDIR(m->n[node].mode))
		return -EPERM;
	value = malloc(size + 1);
	for (uint64_t i = 0; i < size; i++)
		value[i] = op_byte(seq, i);
	xattr_put(&m->n[node], name, value, (uint32_t)size);
	free(value);
	touch(m, node, false);
	return 0;
}

static int remove_xattr(struct model *m, int node, const char *name)
{
	struct m_xattr *x = xattr_at(&m->n[node], name);

	if (!S_ISREG(m->n[node].mode) && !S_ISDIR(m->n[node].mode))
		return -EPERM;
	if (!x)
		return -ENODATA;
	free(x->value);
	memset(x, 0, sizeof(*x));
	touch(m, node, false);
	return 0;
}

static int set_acl(struct model *m, int node, const struct op *op,
		   unsigned int seq)
{
	struct m_node *n = &m->n[node];
	int err = set_xattr(m, node, KERN_ACL, op->b, seq);

	if (!err)
		n->mode = (n->mode & S_IFMT) | (uint32_t)op->a;
	return err;
}

static int do_chattr(struct model *m, int node, const struct op *op)
{
	struct m_node *n = &m->n[node];

	if (!S_ISREG(n->mode) && !S_ISDIR(n->mode))
		return -ENOTTY;
	n->flags = (uint32_t)op->a;
	n->projid = (uint32_t)op->b;
	n->version = (uint32_t)op->b;
	touch(m, node, false);
	return 0;
}

static int do_utimes(struct model *m, int node, int64_t ns)
{
	struct m_node *n = &m->n[node];

	touch(m, node, false);
	n->t[M_ATIME] = (struct m_when){ ns, ns };
	n->t[M_MTIME] = (struct m_when){ ns, ns };
	return 0;
}

/* ---- open files ---- */

static int do_open(struct model *m, const struct op *op, int node)
{
	for (int i = 0; i < 4; i++) {
		if (*m->open[i].path)
			continue;
		strcpy(m->open[i].path, op->path);
		m->open[i].node = node;
		m->n[node].opens++;
		return 0;
	}
	return -EMFILE;
}

static void closed(struct model *m, int i)
{
	int node = m->open[i].node;

	*m->open[i].path = '\0';
	m->n[node].opens--;
	node_gone(m, node);
}

static int do_close(struct model *m, const struct op *op)
{
	for (int i = 0; i < 4; i++) {
		if (!*op->path || strcmp(m->open[i].path, op->path))
			continue;
		closed(m, i);
		return 0;
	}
	return -EBADF;
}

/* It closes all files first. */
static int do_remount(struct model *m)
{
	for (int i = 0; i < 4; i++)
		if (*m->open[i].path)
			closed(m, i);
	for (int i = 0; i < M_NODES; i++)
		model_settle(m, i);
	return 0;
}

static int do_tmplink(struct model *m, const struct op *op, unsigned int seq)
{
	struct op made = *op;
	int err = do_new(m, &made, S_IFREG | 0644);

	return err ? err : do_write(m, model_find(m, op->path), 0, op->a, seq);
}

/* By a descriptor; the others go by the name alone. */
static bool is_of_file(enum op_code code)
{
	return (code >= OP_WRITE && code <= OP_SCRIBBLE) || code == OP_FSYNC;
}

int model_file(const struct model *m, const char *path)
{
	for (int i = 0; i < 4; i++)
		if (*path && !strcmp(m->open[i].path, path))
			return m->open[i].node;
	return model_find(m, path);
}

static int apply_node(struct model *m, const struct op *op, unsigned int seq)
{
	int node = is_of_file(op->code) ? model_file(m, op->path) :
					  model_find(m, op->path);
	struct m_node *n = &m->n[node];

	if (node < 0)
		return node;
	if (op->code <= OP_SCRIBBLE && !S_ISREG(n->mode))
		return S_ISDIR(n->mode) ? -EISDIR : -EINVAL;
	switch (op->code) {
	case OP_WRITE:
		return do_write(m, node, op->a, op->b, seq);
	case OP_APPEND:
		return do_write(m, node, n->size, op->a, seq);
	case OP_TRUNCATE:
		return do_truncate(m, node, op->a);
	case OP_FALLOC:
	case OP_KEEP:
	case OP_PUNCH:
	case OP_ZERO:
		return do_falloc(m, node, op);
	case OP_SCRIBBLE:
		map_set(n, n->size / BLOCK, blocks_of(n->size));
		touch_lazily(m, n);
		return 0;
	case OP_CHMOD:
		n->mode = (n->mode & S_IFMT) | (uint32_t)op->a;
		touch(m, node, false);
		return 0;
	case OP_CHOWN:
		n->uid = (uint32_t)op->a;
		touch(m, node, false);
		return 0;
	case OP_CHATTR:
		return do_chattr(m, node, op);
	case OP_UTIMES:
		return do_utimes(m, node, (int64_t)op->a);
	case OP_OPEN:
		return do_open(m, op, node);
	case OP_FSYNC:
		model_settle(m, node);
		return 0;
	case OP_SETXATTR:
		return set_xattr(m, node, op->other, op->a, seq);
	case OP_SETACL:
		return set_acl(m, node, op, seq);
	default:
		return remove_xattr(m, node, op->other);
	}
}

int model_apply(struct model *m, const struct op *op, unsigned int seq)
{
	switch (op->code) {
	case OP_CREATE:
		return do_new(m, op, S_IFREG | 0644);
	case OP_MKDIR:
		return do_new(m, op, S_IFDIR | 0755);
	case OP_FIFO:
		return do_new(m, op, S_IFIFO | 0644);
	case OP_CHR:
		return do_new(m, op, S_IFCHR | 0644);
	case OP_SYMLINK:
		return do_new(m, op, S_IFLNK | 0777);
	case OP_LINK:
		return do_link(m, op);
	case OP_UNLINK:
	case OP_RMDIR:
		return do_unlink(m, op, op->code == OP_RMDIR);
	case OP_RENAME:
	case OP_WHITEOUT:
		return do_rename(m, op);
	case OP_EXCHANGE:
		return do_exchange(m, op);
	case OP_CLOSE:
		return do_close(m, op);
	case OP_TMPLINK:
		return do_tmplink(m, op, seq);
	case OP_REMOUNT:
		return do_remount(m);
	default:
		return apply_node(m, op, seq);
	}
}

void model_settle(struct model *m, int node)
{
	struct m_node *n = &m->n[node];

	for (int t = 0; t < M_TIMES; t++)
		n->t[t].first = n->t[t].last;
}
