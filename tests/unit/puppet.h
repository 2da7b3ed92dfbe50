/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * A plugin of a few inodes that does what the tests of libzus want, mounted in-process.
 */
#ifndef PUPPET_H
#define PUPPET_H

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "suite.h"
#include "zus.h"

#define MIB	  (1UL << 20)
#define GEN	  7U
#define ROOT	  1U
#define NR_INODES 64U /* 1 to 63 exist */
#define NEW_INO	  60U
#define ENTRIES	  40U /* in a directory */
#define OP_BYTES  16384U

struct test_inode {
	struct zus_inode_info zii;
	atomic_int refs, evicts, freed;
};

extern struct test_inode inodes[NR_INODES];
extern atomic_int igets;
extern struct zus_sbi_operations sbi_ops;
extern struct zus_zii_operations zii_ops;
extern struct zus_sb_info sb;
extern uint64_t seen_unique;
extern uint32_t lie; /* what a callback claims to have answered */
extern const struct zus_zfi_operations zfi_ops;
extern struct zus_fs_info zfi;
extern struct zus_local *zl;
extern struct zufs_ioc_mount zim;
extern char *pmem;
extern _Alignas(64) char buf[OP_BYTES];

void fill_attr(struct zufs_attr *attr, uint64_t ino);
int t_iget(struct zus_sb_info *sbi, uint64_t ino, uint64_t generation,
	   struct zufs_attr *attr, struct zus_inode_info **zii);
void t_evict(struct zus_inode_info *zii, bool free_inode);
struct zus_sb_info *t_alloc(struct zus_fs_info *zfi);
int t_init(struct zus_sb_info *sbi, struct zufs_ioc_mount *zim);
int t_init_no_root(struct zus_sb_info *sbi, struct zufs_ioc_mount *zim);
void set_up(void);
void tear_down(void);
/* An operation in @b, filled with rubbish where nothing was sent. */
void *op_in(char *b, int operation, uint64_t ino, size_t in_len,
	    size_t out_start, size_t end);
int run(void *op);
void set_str(struct zufs_str *s, const char *name, size_t len);
int lookup(const char *name, size_t len, uint64_t *handle);
int evict(int operation, uint64_t ino);
int setattr(uint64_t ino, uint64_t handle, uint64_t generation);
uint64_t handle_of(uint64_t ino);

/* A fixed operation as the kernel sends it. */
#define OP(nr, ino, type, first_out)                          \
	op_in(buf, nr, ino, offsetof(struct type, first_out), \
	      offsetof(struct type, first_out), sizeof(struct type))
#define OP_IN(nr, ino, type)                                          \
	op_in(buf, nr, ino, sizeof(struct type), sizeof(struct type), \
	      sizeof(struct type))

#endif /* PUPPET_H */
