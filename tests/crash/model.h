/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * A filesystem as its users know it, in memory. It knows nothing of toyfs: what
 * calls do is written here once more, and what a power cut may leave of them.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "op.h"

#define M_NODES	 256
#define M_NAMES	 4096
#define M_XATTRS 8
#define M_BYTES	 (4U << 20) /* the largest file */
#define M_ROOT	 0

enum m_time {
	M_ATIME,
	M_MTIME,
	M_CTIME,
	M_TIMES
};

/* A time is lazy as long as first and last differ: any in between may be there. */
struct m_when {
	int64_t first, last;
};

struct m_xattr {
	char name[OP_PATH];
	uint8_t *value;
	uint32_t size;
};

struct m_node {
	bool used;
	uint32_t mode, uid, gid, rdev, nlink;
	uint32_t flags, projid, version;
	unsigned int opens;
	int parent; /* of a directory */
	struct m_when t[M_TIMES];
	uint64_t size;
	uint8_t *data; /* of files and symlinks; zeros behind cap */
	uint64_t cap;
	uint8_t *map; /* of a file's blocks: 1 if there is one */
	uint64_t nr_map;
	struct m_xattr x[M_XATTRS];
	/*
	 * A write in progress: its bytes [from, to) may be those of @next. What
	 * is behind the size is there up to a size between size and next_size.
	 * It has those blocks that it had, and up to next_blocks.
	 */
	uint8_t *next;
	uint64_t from, to, next_size, next_cap, next_blocks;
};

struct m_name {
	int dir, node;
	char name[OP_PATH];
};

struct model {
	struct m_node n[M_NODES];
	struct m_name *names;
	unsigned int nr, cap;
	int64_t now;
	bool full; /* a write may end before its end */
	struct {
		char path[OP_PATH];
		int node;
	} open[4];
};

void model_init(struct model *m, int64_t now);
void model_free(struct model *m);
void model_copy(struct model *to, const struct model *from);
/*
 * The call as the one with number @seq, at the time m->now. 0, or the -errno
 * that it must fail with; then nothing changes.
 */
int model_apply(struct model *m, const struct op *op, unsigned int seq);
/*
 * What a call in progress may leave besides all and nothing: a write's bytes.
 * @m is what was before it, @after what is behind it.
 */
void model_during(struct model *m, const struct model *after,
		  const struct op *op);
/* All times are what they are: after a call that makes them durable. */
void model_settle(struct model *m, int node);
/* How many a file has, and how many before block @end. */
uint64_t model_blocks(const struct m_node *n);
uint64_t model_blocks_to(const struct m_node *n, uint64_t end);
/* The node at @path or -errno. */
int model_find(const struct model *m, const char *path);
/* The same, but a file that stays open is meant by its path, also without a name. */
int model_file(const struct model *m, const char *path);
/* The next name in @dir from *at on, which becomes the place behind it; NULL: none. */
const struct m_name *model_next(const struct model *m, int dir,
				unsigned int *at);
/* A number that differs for models that differ. */
uint64_t model_sum(const struct model *m);

#endif /* MODEL_H */
