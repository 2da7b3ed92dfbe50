/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * A kernel for one process: system calls become operations of libzus's decoder,
 * data in pmem are copied as zuf.ko does (zuf/copy.h), others go the way of READ
 * and WRITE. Paths are relative to the root,
 * "" is the root; symlinks aren't followed. The caller is root, without a umask.
 * All return 0 or a number, or -errno.
 *
 * It keeps no dentries, and an inode only while it is open. Reads leave atime
 * alone.
 */
#ifndef KERN_H
#define KERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "zus.h"

#define KERN_FILES    16
#define KERN_OP_BYTES (128U << 10)

struct kern_inode;

struct kern {
	struct zus_local *zl;
	struct zus_sb_info *sbi; /* the server's */
	char *addr;		 /* of the filesystem */
	size_t bytes;
	int64_t now; /* ns; the time of all that is done next */
	bool ro;
	const char *options; /* of the mount, or NULL */
	bool nio;	     /* the filesystem's data are in pmem */
	bool acl;	     /* it has ACLs */
	uint64_t max_bytes;  /* of a file */
	uint64_t falloc_sup;
	uint32_t ask;	 /* blocks of a grant, at most; 0: any */
	uint64_t unique; /* of the last operation; goes on over mounts */
	uint64_t runs[ZUFS_OP_MAX_OPT]; /* operations, by number */
	struct kern_inode *inodes, *root;
	struct kern_inode *files[KERN_FILES]; /* by descriptor */
	/* The call's answer is known; what follows is done behind its back. */
	void (*answered)(struct kern *k);
	void *arg; /* the caller's */
	/* The operation that runs; others may run on other mounts meanwhile. */
	_Alignas(64) char op[KERN_OP_BYTES];
};

/* @addr is NULL for a type without a device. @k was zeroed once; it can be mounted again after kern_umount() and kern_kill(). */
int kern_mount(struct kern *k, struct zus_fs_info *zfi, char *addr,
	       size_t bytes, uint64_t flags);
/* Closes all files first. */
void kern_umount(struct kern *k);
/*
 * A second caller on the mount of @from, which uses none of the same inodes but
 * the root; and its end, which stores nothing.
 */
void kern_share(struct kern *k, struct kern *from);
void kern_unshare(struct kern *k);
/* A power cut: nothing more is stored. */
void kern_kill(struct kern *k);
/* EBUSY: a file is open, to read-only. */
int kern_remount(struct kern *k, bool ro);
int kern_statfs(struct kern *k, struct zufs_ioc_statfs *st);
/* By FS_IOC_GETFSLABEL. */
int kern_label(struct kern *k, char *label, uint32_t size);

/* ---- names ---- */

int kern_create(struct kern *k, const char *path, uint32_t mode);
int kern_mkdir(struct kern *k, const char *path, uint32_t mode);
int kern_mknod(struct kern *k, const char *path, uint32_t mode, uint32_t rdev);
int kern_symlink(struct kern *k, const char *path, const char *text);
int kern_link(struct kern *k, const char *old, const char *path);
int kern_unlink(struct kern *k, const char *path);
int kern_rmdir(struct kern *k, const char *path);
/* @flags: RENAME_* of rename(2). */
int kern_rename(struct kern *k, const char *old, const char *path,
		uint32_t flags);

/* ---- open files ---- */

/* These two return a descriptor, for reading and writing. */
int kern_open(struct kern *k, const char *path);
int kern_tmpfile(struct kern *k, const char *dir, uint32_t mode);
int kern_linkfd(struct kern *k, int fd, const char *path);
int kern_close(struct kern *k, int fd);
uint64_t kern_size(struct kern *k, int fd);
ssize_t kern_write(struct kern *k, int fd, uint64_t pos, const void *buf,
		   size_t len);
ssize_t kern_read(struct kern *k, int fd, uint64_t pos, void *buf, size_t len);
int kern_truncate(struct kern *k, int fd, uint64_t size);
int kern_fallocate(struct kern *k, int fd, int mode, uint64_t pos,
		   uint64_t len);
/*
 * Stores @bytes by a mapping to the rest of the block that the size ends in, and
 * msync(2). Nobody reads them, but they are there when the file grows.
 */
int kern_scribble(struct kern *k, int fd, const void *bytes);
/* What a mapping shows there; returns how many bytes. */
ssize_t kern_tail(struct kern *k, int fd, void *buf);
/* 1: the file has block @lblk, which may be behind the size; 0: it is a hole. */
int kern_mapped(struct kern *k, int fd, uint64_t lblk);
int kern_fsync(struct kern *k, int fd);

/* ---- attributes ---- */

int kern_stat(struct kern *k, const char *path, struct zus_inode *zi);
/* By number, as a file handle is opened. */
int kern_stat_ino(struct kern *k, uint64_t ino, uint64_t generation,
		  struct zus_inode *zi);
int kern_chmod(struct kern *k, const char *path, uint32_t mode);
/* Flags, project id and version number, at once. */
int kern_chattr(struct kern *k, const char *path, uint16_t flags,
		uint32_t projid, uint32_t version);
int kern_projid(struct kern *k, const char *path, uint32_t *projid);
int kern_chown(struct kern *k, const char *path, uint32_t uid, uint32_t gid);
int kern_utimes(struct kern *k, const char *path, int64_t atime, int64_t mtime);
/* Names begin with "user.", or are these. @flags: XATTR_CREATE, XATTR_REPLACE. */
#define KERN_ACL     "system." ZUFS_ACL_ACCESS
#define KERN_DEF_ACL "system." ZUFS_ACL_DEFAULT
int kern_setxattr(struct kern *k, const char *path, const char *name,
		  const void *value, uint32_t size, int flags);
/* The access ACL, of any bytes, and the mode's permission bits. */
int kern_setacl(struct kern *k, const char *path, uint32_t mode,
		const void *value, uint32_t size);
int kern_removexattr(struct kern *k, const char *path, const char *name);
/* These two return the size; @size 0 only asks for it. */
int kern_getxattr(struct kern *k, const char *path, const char *name, void *buf,
		  uint32_t size);
int kern_listxattr(struct kern *k, const char *path, char *list, uint32_t size);
/* Returns the length of the text, of which @size bytes at most are copied. */
int kern_readlink(struct kern *k, const char *path, char *buf, size_t size);
/* All entries but "." and ".."; @entry may make calls. */
int kern_readdir(struct kern *k, const char *path,
		 void (*entry)(const char *name, uint64_t ino, uint8_t type,
			       void *arg),
		 void *arg);

#endif /* KERN_H */
