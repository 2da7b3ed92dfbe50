/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * For tests of the explorer's kernel: toyfs under it.
 */
#ifndef TEST_KERNVOL_H
#define TEST_KERNVOL_H

#include <linux/falloc.h>

#include "kern.h"
#include "toyvol.h"

#define NOW 1000000

#define OK(call)       ck_assert_int_eq(call, 0)
#define FAILS(call, e) ck_assert_int_eq(call, -(e))

/* The recorder's, which isn't here. */
__thread const char *pm_where;

static inline void kern_again(struct kern *k, uint64_t flags)
{
	OK(kern_mount(k, toyfs(), k->addr, k->bytes, flags));
}

static inline void kern_new(struct kern *k, size_t mib)
{
	struct vol v;

	vol_new(&v, mib);
	vol_umount(&v);
	*k = (struct kern){ .addr = v.addr, .bytes = v.bytes, .now = NOW };
	kern_again(k, 0);
}

static inline void kern_end(struct kern *k)
{
	kern_umount(k);
	munmap(k->addr, k->bytes);
}

static inline struct zus_inode stat_of(struct kern *k, const char *path)
{
	struct zus_inode zi;

	OK(kern_stat(k, path, &zi));
	return zi;
}

static inline int open_new(struct kern *k, const char *path)
{
	int fd;

	OK(kern_create(k, path, 0644));
	fd = kern_open(k, path);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static inline uint64_t blocks_free(struct kern *k)
{
	struct zufs_ioc_statfs st;

	OK(kern_statfs(k, &st));
	return st.bfree;
}

#endif /* TEST_KERNVOL_H */
