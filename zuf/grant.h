/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * Grants as the kernel keeps them. Part of copy.h, for who needs no more.
 */
#ifndef _ZUF_GRANT_H
#define _ZUF_GRANT_H

#include "zus_api.h"

#define COPY_GROW_MAX 512U /* blocks that are asked for ahead */

/* Blocks that the server reserved for a file, in order, without gaps. */
struct copy_grant {
	struct zufs_extent ext[ZUFS_GRANT_MAX];
	u32 n;
	u32 want; /* blocks of the next one */
	u64 end;  /* lblk behind the last append, to see that they follow */
};

static inline u64 copy_grant_blocks(const struct copy_grant *g)
{
	u64 n = 0;
	u32 i;

	for (i = 0; i < g->n; i++)
		n += g->ext[i].len;
	return n;
}

/* The granted extent that holds @lblk, or NULL. */
static inline const struct zufs_extent *
copy_grant_find(const struct copy_grant *g, u64 lblk)
{
	u32 i;

	for (i = 0; i < g->n; i++)
		if (lblk >= g->ext[i].lblk &&
		    lblk - g->ext[i].lblk < g->ext[i].len)
			return &g->ext[i];
	return NULL;
}

/* Is what was answered a grant from @lblk on? If it is on media is not looked at. */
static inline int copy_grant_ok(const struct zufs_extent *ext, u32 n, u64 lblk)
{
	u32 i;

	if (n > ZUFS_GRANT_MAX)
		return 0;
	for (i = 0; i < n; i++) {
		if (ext[i].lblk != lblk || !ext[i].len ||
		    ext[i].flags & ZUFS_EXT_HOLE)
			return 0;
		lblk += ext[i].len;
	}
	return 1;
}

/* The first @blocks of it as a list for COMMIT_WRITE; returns its length. */
static inline u32 copy_grant_use(const struct copy_grant *g,
				 struct zufs_extent *ext, u64 blocks)
{
	u32 n;

	for (n = 0; blocks && n < g->n; n++) {
		ext[n] = g->ext[n];
		if (ext[n].len > blocks)
			ext[n].len = blocks;
		blocks -= ext[n].len;
	}
	return n;
}

/* What is left of it when @blocks are used. */
static inline u32 copy_grant_rest(const struct copy_grant *g,
				  struct zufs_extent *ext, u64 blocks)
{
	u32 i, n = 0;

	for (i = 0; i < g->n; i++) {
		struct zufs_extent e = g->ext[i];
		u64 cut = e.len < blocks ? e.len : blocks;

		blocks -= cut;
		if (cut == e.len)
			continue;
		e.lblk += cut;
		e.pblk += cut;
		e.len -= cut;
		ext[n++] = e;
	}
	return n;
}

/* How many blocks to ask for ahead: appends that follow each other grow it. */
static inline u32 copy_grant_next(struct copy_grant *g, u64 lblk, u64 blocks)
{
	u64 want = 2 * (blocks < 256 ? blocks : 256);

	if (g->end != lblk) {
		g->want = 0;
		return 0;
	}
	if (copy_grant_blocks(g) > blocks)
		return 0; /* enough is left */
	if (want < 2 * (u64)g->want)
		want = 2 * (u64)g->want;
	g->want = want < COPY_GROW_MAX ? want : COPY_GROW_MAX;
	return g->want;
}

#endif /* _ZUF_GRANT_H */
