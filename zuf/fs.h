/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside the filesystem side: what super, inode, namei, file and iomap share.
 */
#ifndef _ZUF_FS_H
#define _ZUF_FS_H

#include <linux/iomap.h>

#include "zuf.h"

/* ---- inode.c ---- */

/*
 * The inode of @attr, whose server reference becomes the VFS inode's. NULL: it was
 * evicted after @since, so that @attr may be old; ask again.
 */
struct inode *zuf_iget(struct super_block *sb, const struct zufs_attr *attr,
		       u64 since);
/*
 * The same for one that the server made just now. -EIO: it isn't of @mode's type,
 * or the kernel knows it; a directory would get a second place.
 */
struct inode *zuf_iget_new(struct super_block *sb, const struct zufs_attr *attr,
			   umode_t mode);
/* Attributes as the server answered them; @size too if the caller's locks own it. */
void zuf_update_attr(struct inode *inode, const struct zufs_attr *attr,
		     bool size);
/*
 * After a write of @time, ns: the times are those of the operation, but for later
 * ones of stores by mappings; and so is the size.
 */
void zuf_update_written(struct inode *inode, const struct zufs_attr *attr,
			s64 time);
/* After what changes nothing else; GET_MULTY has no lock that orders attributes. */
void zuf_update_blocks(struct inode *inode, const struct zufs_attr *attr);
/* 0 if @attr can be the attributes of an inode of @sb. */
int zuf_check_attr(struct super_block *sb, const struct zufs_attr *attr);
int zuf_getattr(struct user_namespace *ns, const struct path *path,
		struct kstat *stat, u32 mask, unsigned int flags);
int zuf_update_time(struct inode *inode, struct timespec64 *time, int flags);
/* Sends the times that the server doesn't know; bounded by the time limit. */
int zuf_sync_inode(struct inode *inode, int datasync, bool always);
/* Fills the fixed head of an operation: inode and time (now). */
void zuf_fill_op(struct zuf_req *req, struct inode *inode);
void zuf_fill_zi(struct zus_inode *zi, const struct inode *inode);

static inline s64 zuf_ns(struct timespec64 ts)
{
	return timespec64_to_ns(&ts);
}

/* ---- setattr.c ---- */
int zuf_setattr(struct user_namespace *ns, struct dentry *dentry,
		struct iattr *iattr);
/* Sends what @iattr says; the size is the caller's. i_rwsem exclusive. */
int zuf_send_attr(struct user_namespace *ns, struct inode *inode,
		  const struct iattr *iattr);
/* Attributes that the VFS has no iattr for. */
struct zuf_set {
	u64 valid; /* ZUFS_STATX_FLAGS, _PROJID, _VERSION */
	u32 projid, version;
	u16 flags; /* ZUFS_S_* */
};

/* i_rwsem exclusive. */
int zuf_send_set(struct inode *inode, const struct zuf_set *set);

/* ---- fileattr.c, ioctl.c ---- */
int zuf_fileattr_get(struct dentry *dentry, struct fileattr *fa);
int zuf_fileattr_set(struct user_namespace *ns, struct dentry *dentry,
		     struct fileattr *fa);
/* Flags and project id that an inode with @mode gets in @dir. */
void zuf_flags_inherit(const struct inode *dir, umode_t mode,
		       struct zufs_ioc_new_inode *io);
/* @dir keeps its project's inodes alone: @inode gets no name in it (EXDEV). */
bool zuf_other_project(const struct inode *dir, const struct inode *inode);
int zuf_getversion(struct inode *inode, int __user *arg);
int zuf_setversion(struct file *file, int __user *arg);
long zuf_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
#ifdef CONFIG_COMPAT
long zuf_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
#else
#define zuf_compat_ioctl NULL
#endif

/* ---- falloc.c ---- */
/* What this kernel knows to do of a server's falloc_sup. */
u64 zuf_falloc_modes(u64 sup);
long zuf_fallocate(struct file *file, int mode, loff_t offset, loff_t len);

/* ---- clone.c ---- */
ssize_t zuf_copy_file_range(struct file *file_in, loff_t pos_in,
			    struct file *file_out, loff_t pos_out, size_t len,
			    unsigned int flags);
loff_t zuf_remap_file_range(struct file *file_in, loff_t pos_in,
			    struct file *file_out, loff_t pos_out, loff_t len,
			    unsigned int flags);

/* ---- pin.c ---- */
/* Unmaps [from, to] of a DAX file; a page there that is pinned, or NULL. */
struct page *zuf_pinned_page(struct address_space *mapping, loff_t from,
			     loff_t to);
/*
 * Unmaps [from, to] and waits until no page there is pinned. invalidate_lock is
 * held exclusive, but while it waits. -ERESTARTSYS.
 */
int zuf_break_layouts(struct inode *inode, loff_t from, loff_t to);
void zuf_pins_init(struct zuf_sb_info *sbi);
/* ->drop_inode: keeps what has no name and pinned pages. */
int zuf_drop_inode(struct inode *inode);
/* Umount: keeps no more, and lets go what was kept. */
void zuf_pins_leave(struct zuf_sb_info *sbi);
/* Eviction: had it pinned pages? They belong to no file any more. */
bool zuf_pins_forget(struct inode *inode);

/* ---- evict.c ---- */
void zuf_evict_inode(struct inode *inode);
/* Operation @op (an iref and nothing else) on the background channel. */
void zuf_back(struct inode *inode, u16 op, size_t size);
/* The same, with a reference on the inode until it is done. */
void zuf_back_hold(struct inode *inode, u16 op, size_t size);
int zuf_evict_init(void);
void zuf_evict_exit(void);
/* Waits for what is under way there now; false: nothing was, or a fatal signal. */
bool zuf_back_wait(struct zuf_sb_info *sbi);
/* Waits until no eviction of @ino is under way; killable. */
int zuf_evict_wait(struct zuf_sb_info *sbi, u64 ino);
/*
 * What the server is asked from now on, it answers knowing of all that was done up to
 * this number; and was something of @ino, or of another as unlucky, done after one?
 */
u64 zuf_evict_last(const struct zuf_sb_info *sbi);
bool zuf_evicted_since(const struct zuf_sb_info *sbi, u64 ino, u64 since);
void zuf_evict_wait_all(struct zuf_sb_info *sbi);

/* ---- namei.c, dir.c, symlink.c, export.c ---- */
/* The inode by LOOKUP of @name in @dir or, without a name, by IGET of @ref. */
struct inode *zuf_find(struct inode *dir, const struct qstr *name,
		       const struct zufs_iref *ref);
extern const struct inode_operations zuf_dir_iops;
extern const struct inode_operations zuf_special_iops;
extern const struct file_operations zuf_dir_fops;
extern const struct inode_operations zuf_symlink_iops;
extern const struct export_operations zuf_export_ops;

/* ---- file.c, mmap.c ---- */
/* What regular files have in common, wherever their data is. */
#define ZUF_REG_IOPS                                                \
	.getattr = zuf_getattr, .setattr = zuf_setattr,             \
	.update_time = zuf_update_time, .listxattr = zuf_listxattr, \
	.get_acl = zuf_get_acl, .set_acl = zuf_set_acl,             \
	.fileattr_get = zuf_fileattr_get, .fileattr_set = zuf_fileattr_set
#define ZUF_REG_FOPS                                           \
	.open = generic_file_open, .fallocate = zuf_fallocate, \
	.fsync = zuf_fsync, .unlocked_ioctl = zuf_ioctl,       \
	.compat_ioctl = zuf_compat_ioctl,                      \
	.splice_read = generic_file_splice_read,               \
	.splice_write = iter_file_splice_write

extern const struct inode_operations zuf_file_iops;
extern const struct file_operations zuf_file_fops;
extern const struct address_space_operations zuf_aops;
int zuf_mmap(struct file *file, struct vm_area_struct *vma);
int zuf_fsync(struct file *file, loff_t start, loff_t end, int datasync);
/* What was changed of a file that is to be durable at once is. */
int zuf_sync_if(struct file *file, loff_t pos, loff_t len);
/* How many bytes write(2) may write, or -errno; i_rwsem exclusive. */
ssize_t zuf_write_checks(struct kiocb *iocb, struct iov_iter *from);

/* ---- data.c: files whose data goes through the server ---- */
extern const struct inode_operations zuf_data_iops;
extern const struct file_operations zuf_data_fops;

/* ---- claim.c ---- */
/*
 * A fault wants @n pages of @iomap from @pos on; map_srcu and the lock of the
 * entry are held. Until zuf_unclaim_pages() nobody else maps them. -EIO: they are
 * mapped elsewhere, in this file or another; -errno: they can't be accessed.
 */
int zuf_claim_pages(struct inode *inode, const struct iomap *iomap, loff_t pos,
		    long n, struct page **page);
void zuf_unclaim_pages(struct page *page, long n);

/* ---- iomap.c, extmap.c, grant.c ---- */
#define ZUF_EXTENTS_MAX 16384U /* that one answer is asked for */

extern const struct iomap_ops zuf_iomap_ops;  /* reads, overwrites, faults */
extern const struct iomap_ops zuf_append_ops; /* beyond the page-rounded size */
/* dax_iomap_rw() without page faults while it uses an extent. i_rwsem is held. */
ssize_t zuf_dax_rw(struct kiocb *iocb, struct iov_iter *iter,
		   const struct iomap_ops *ops);
/*
 * Asks the server for [pos, +len), if the cache hasn't what is there or, to
 * @alloc, has a hole. For faults; invalidate_lock is held. It may be dropped again.
 */
int zuf_map_ready(struct inode *inode, loff_t pos, loff_t len, bool alloc);

void zuf_extmap_init(struct zuf_extmap *map);
/* The cached extent that holds @lblk; -ENOENT. */
int zuf_extmap_get(struct zuf_extmap *map, u64 lblk, struct zufs_extent *ext);
struct zuf_map_gen zuf_extmap_gen(struct zuf_extmap *map);
/*
 * Puts an answer in that was asked for at generation @gen. @changed: the
 * operation mapped blocks, so that holes of answers from before it are stale.
 * 1: the cache was dropped since; -ENOMEM.
 */
int zuf_extmap_put(struct zuf_extmap *map, struct zuf_map_gen gen,
		   const struct zufs_extent *ext, unsigned int n, bool changed);
void zuf_extmap_drop(struct zuf_extmap *map);

/* Asks for @want blocks from @lblk on; i_rwsem exclusive, as for what follows. */
int zuf_grant_ask(struct inode *inode, u64 lblk, u32 want);
void zuf_grant_put(struct inode *inode);
/* Gives idle grants back and waits for pending evictions; true: try again. */
bool zuf_space_reclaim(struct zuf_sb_info *sbi);
/*
 * Commits the size (and times), and the first @blocks of the grant, which have
 * durable content; asks for @want blocks more.
 */
int zuf_commit(struct inode *inode, loff_t size, u64 blocks, u32 want,
	       u64 more);
/* What was committed of a write whose size wasn't is nobody's any more. */
void zuf_append_cancel(struct inode *inode);
/* As zuf_dispatch; on ENOSPC once more after zuf_space_reclaim(). */
int zuf_dispatch_space(struct zuf_sb_info *sbi, struct zuf_req *req,
		       size_t min_out);

/* ---- copy.c: i_rwsem exclusive; the last two invalidate_lock too ---- */
/* A write that ends behind the size. */
ssize_t zuf_write_extending(struct kiocb *iocb, struct iov_iter *from);
int zuf_set_size(struct user_namespace *ns, struct inode *inode,
		 struct iattr *iattr);
/* Zeroes the bytes of the last block behind the size, durably. */
int zuf_zero_tail(struct inode *inode);

/* ---- xattr.c ---- */

/* What is set; @value NULL: it is removed. */
struct zuf_xattr {
	int type; /* ZUFS_XATTR_* */
	const char *name;
	const void *value;
	size_t size;
	int flags; /* XATTR_CREATE, XATTR_REPLACE */
	u32 ioc_flags;
	umode_t mode; /* with ZUFS_XATTR_SET_MODE */
};

extern const struct xattr_handler *zuf_xattr_handlers[];
/* Bytes of the value; @size 0: only they are asked for. -ENODATA, -ERANGE. */
ssize_t zuf_xattr_get(struct inode *inode, int type, const char *name,
		      void *value, size_t size);
int zuf_xattr_set(struct inode *inode, const struct zuf_xattr *x);
ssize_t zuf_listxattr(struct dentry *dentry, char *list, size_t size);

/* ---- acl.c ---- */

/* What a new inode gets. */
struct zuf_acls {
	struct posix_acl *access, *def; /* NULL: none; a reference is held */
	size_t access_size, def_size;	/* bytes on the wire */
};

struct posix_acl *zuf_get_acl(struct inode *inode, int type, bool rcu);
int zuf_set_acl(struct user_namespace *ns, struct inode *inode,
		struct posix_acl *acl, int type);
int zuf_acl_chmod(struct inode *inode, struct iattr *ia);
/* Of an inode with *mode in @dir: its ACLs and its mode, the umask too. */
int zuf_acl_inherit(struct inode *dir, umode_t *mode, struct zuf_acls *acls);
/* Into the operation, at @to. */
void zuf_acl_put(const struct zuf_acls *acls, struct zufs_ioc_new_inode *io,
		 void *to);
void zuf_acl_release(struct zuf_acls *acls);

#endif /* _ZUF_FS_H */
