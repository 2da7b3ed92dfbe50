/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What the files of the explorer's kernel share.
 */
#ifndef KERN_PRIV_H
#define KERN_PRIV_H

#include <linux/types.h>
#include <sys/stat.h>

#include "kern_op.h"
#include "kern.h"

typedef __u64 u64;
typedef __u32 u32;
typedef __s64 s64;

#include "grant.h"

/* Who stores to pmem: the recorder keeps it for its reports. */
extern __thread const char *pm_where;

struct kern_inode {
	struct zufs_attr attr;
	unsigned int refs;
	struct copy_grant grant;
	unsigned int
		dirty; /* ZUFS_STATX_*TIME of attr that the server doesn't know */
	bool linkable; /* a tmpfile: nlink 0 may become 1 */
	struct kern_inode *next;
};

static inline bool kern_is(const struct kern_inode *ki, mode_t type)
{
	return (ki->attr.zi.i_mode & S_IFMT) == type;
}

/* ---- kern.c ---- */

/* A zeroed operation of @in_len bytes on @ki; good until the next one. */
void *kern_op(struct kern *k, int operation, const struct kern_inode *ki,
	      size_t in_len);
int kern_run(struct kern *k, void *op);
/*
 * After ENOSPC once more, when idle inodes gave grants back: all but these two,
 * which the call has locked and which may be NULL.
 */
int kern_run_space(struct kern *k, void *op, const struct kern_inode *a,
		   const struct kern_inode *b);

/* The inode of an answer, with a reference; NULL: no inode has such attributes. */
struct kern_inode *kern_iget(struct kern *k, const struct zufs_attr *attr);
/* With the last reference it goes, and is freed if it has no name. */
void kern_put(struct kern *k, struct kern_inode *ki);
/* Attributes as the server answered them; times it doesn't know stay. */
void kern_update(struct kern_inode *ki, const struct zufs_attr *attr);
/* Mtime and ctime are now; the server learns of it later. */
void kern_touch(struct kern *k, struct kern_inode *ki);
/* Sends what @valid says of @zi, and the times that the server doesn't know. */
int kern_send_attr(struct kern *k, struct kern_inode *ki,
		   const struct zus_inode *zi, u64 valid);
int kern_send_all(struct kern *k, struct kern_inode *ki,
		  const struct zus_inode *zi, u64 valid, u32 projid);
int kern_sync_inode(struct kern *k, struct kern_inode *ki);
void kern_put_grant(struct kern *k, struct kern_inode *ki);
/* The same, also of what was committed of a write whose size wasn't. */
void kern_drop_grants(struct kern *k, struct kern_inode *ki);

/* The inode that is open as @fd; NULL: none is. */
struct kern_inode *kern_file(struct kern *k, int fd);
/* A descriptor of @ki, whose reference it takes; also if it fails. */
int kern_fd(struct kern *k, struct kern_inode *ki);
/* What is freed from now on is freed behind the caller's back. */
void kern_answer(struct kern *k);

/* ---- kern_io.c: bytes that were done, of @len ---- */

ssize_t kern_io_write(struct kern *k, struct kern_inode *ki, u64 pos,
		      const void *buf, size_t len);
ssize_t kern_io_read(struct kern *k, struct kern_inode *ki, u64 pos, void *buf,
		     size_t len);

/* ---- kern_attr.c ---- */

/* What inodes in @dir inherit: bytes, 0: nothing. */
int kern_default_acl(struct kern *k, const struct kern_inode *dir, void *buf,
		     u32 size);

/* ---- kern_name.c: inodes with a reference ---- */

int kern_lookup(struct kern *k, const struct kern_inode *dir, const char *name,
		struct kern_inode **ki);
int kern_walk(struct kern *k, const char *path, struct kern_inode **ki);

#endif /* KERN_PRIV_H */
