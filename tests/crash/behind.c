// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Blocks behind the size: they survive a power cut, and nobody ever reads what
 * is in them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "behind.h"

#define BLOCK 4096
#define PATH  512
#define GROW  65536 /* bytes that a file grows by, at most */

static char text[PATH + 128];

static bool is_behind(const struct m_node *n, uint64_t size)
{
	for (uint64_t i = (size + BLOCK - 1) / BLOCK; i < n->nr_map; i++)
		if (n->map[i])
			return true;
	return false;
}

bool behind_any(const struct model *m)
{
	for (int i = 0; i < M_NODES; i++)
		if (m->n[i].used && m->n[i].nlink && m->n[i].map &&
		    is_behind(&m->n[i], m->n[i].size))
			return true;
	return false;
}

/* Any of the names that lead there, from the root on. */
static void path_of(const struct model *m, int node, char *path)
{
	size_t len;

	*path = '\0';
	for (unsigned int i = 0; node != M_ROOT && i < m->nr; i++) {
		if (m->names[i].node != node)
			continue;
		path_of(m, m->names[i].dir, path);
		len = strlen(path);
		snprintf(path + len, PATH - len, "%s%s", len ? "/" : "",
			 m->names[i].name);
		return;
	}
}

static bool all_there(struct kern *k, int fd, const struct m_node *n,
		      const char *path)
{
	for (uint64_t i = (kern_size(k, fd) + BLOCK - 1) / BLOCK; i < n->nr_map;
	     i++) {
		if (!n->map[i] || kern_mapped(k, fd, i) == 1)
			continue;
		snprintf(text, sizeof(text),
			 "/%s: block %" PRIu64 " behind the size is gone", path,
			 i);
		return false;
	}
	return true;
}

static bool grows_by_zeros(struct kern *k, int fd, const struct m_node *n,
			   const char *path)
{
	static uint8_t buf[GROW];
	uint64_t size = kern_size(k, fd), to = n->nr_map * BLOCK;

	to = to - size < GROW ? to : size + GROW;
	if (kern_truncate(k, fd, to) ||
	    kern_read(k, fd, size, buf, to - size) != (ssize_t)(to - size)) {
		snprintf(text, sizeof(text), "/%s doesn't grow", path);
		return false;
	}
	for (uint64_t i = 0; i < to - size; i++) {
		if (!buf[i])
			continue;
		snprintf(text, sizeof(text),
			 "/%s grows by what was behind its size at %" PRIu64,
			 path, size + i);
		return false;
	}
	return true;
}

static bool check_node(const struct model *m, int node, struct kern *k)
{
	const struct m_node *n = &m->n[node];
	char path[PATH];
	bool good;
	int fd;

	path_of(m, node, path);
	fd = kern_open(k, path);
	if (fd < 0) {
		snprintf(text, sizeof(text), "/%s: %s", path, strerror(-fd));
		return false;
	}
	good = !is_behind(n, kern_size(k, fd)) ||
	       (all_there(k, fd, n, path) && grows_by_zeros(k, fd, n, path));
	kern_close(k, fd);
	return good;
}

const char *behind_check(const struct model *m, struct kern *k)
{
	for (int i = 0; i < M_NODES; i++)
		if (m->n[i].used && m->n[i].nlink && m->n[i].map &&
		    is_behind(&m->n[i], m->n[i].size) && !check_node(m, i, k))
			return text;
	return NULL;
}
