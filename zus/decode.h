/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Inside the decoder: what its files share.
 */
#ifndef ZUS_DECODE_H
#define ZUS_DECODE_H

#include "internal.h"

#define CALL_INODES 4 /* of RENAME, more than any other */

/* An operation on its way. */
struct call {
	struct zus_mount *m;
	struct zufs_ioc_op *op;
	size_t size;	  /* of the buffer */
	char *window;	  /* ZUS_API_MAP_MAX_SIZE bytes, NULL: none */
	uint32_t out_end; /* bytes from the header that are the answer */
	struct zus_handle *used[CALL_INODES];
	unsigned int nr_used;
};

/* Room for outputs behind the first @fixed bytes of the operation. */
static inline uint32_t room_behind(const struct zufs_ioc_hdr *hdr, size_t fixed)
{
	size_t end = (size_t)hdr->out_start + hdr->out_max;

	return end > fixed ? (uint32_t)(end - fixed) : 0;
}

static inline void attr_handle(struct zufs_attr *attr,
			       struct zus_inode_info *zii)
{
	attr->handle = (uint64_t)(uintptr_t)zii;
}

/* sbi_init gave the root: it needs no reference of the kernel's. */
static inline bool zus_is_root(const struct zus_sb_info *sbi,
			       const struct zufs_iref *ref)
{
	return ref->ino == sbi->z_root->ino &&
	       (!ref->generation || ref->generation == sbi->z_root->generation);
}

/* decode.c */
/* One reference of the plugin's becomes the kernel's. */
int zus_give_inode(struct call *c, struct zus_inode_info *zii,
		   struct zufs_attr *attr);
/*
 * The inode that the wire names, in use by the call; one that a former epoch
 * knew is found again.
 */
int zus_find_inode(struct call *c, const struct zufs_iref *ref,
		   struct zus_inode_info **zii);
/* The call is done with what it found. */
void zus_done_inodes(struct call *c);

/*
 * Operations: 0 or -errno for hdr.err. The fixed part is there, zeros where
 * nothing was sent; c->out_end is the end of its outputs, and is moved by those
 * whose answers have a length of their own.
 */

/* decode_fs.c */
int zus_op_statfs(struct call *c);
int zus_op_show_options(struct call *c);
int zus_op_new_inode(struct call *c);
int zus_op_lookup(struct call *c);
int zus_op_iget(struct call *c);
int zus_op_add_dentry(struct call *c);
int zus_op_remove_dentry(struct call *c);
int zus_op_rename(struct call *c);
int zus_op_readdir(struct call *c);

/* decode_inode.c */
int zus_op_free(struct call *c);
int zus_op_evict(struct call *c);
int zus_op_sync(struct call *c);
int zus_op_setattr(struct call *c);
int zus_op_get_symlink(struct call *c);
int zus_op_fallocate(struct call *c);
int zus_op_pre_read(struct call *c);
int zus_op_mmap_close(struct call *c);
int zus_op_seek(struct call *c);
int zus_op_ioctl(struct call *c);

/* decode_data.c */
int zus_op_grant(struct call *c);
int zus_op_grant_put(struct call *c);
int zus_op_get_multy(struct call *c);
int zus_op_fiemap(struct call *c);
int zus_op_commit_write(struct call *c);
int zus_op_clone(struct call *c);
int zus_op_read(struct call *c);
int zus_op_write(struct call *c);

/* decode_xattr.c */
int zus_op_xattr_get(struct call *c);
int zus_op_xattr_set(struct call *c);
int zus_op_xattr_list(struct call *c);

#endif /* ZUS_DECODE_H */
