/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * zus.h - all that the author of a filesystem includes.
 *
 * A plugin is a shared object that exports zus_plugin_init(), which registers
 * one or more filesystem types. A type has three tables of callbacks: of the
 * type (zfi), of a mounted filesystem (sbi), and of an inode (zii). A callback
 * gets the operation as the kernel sent it (zus_api.h): it reads the IN fields,
 * fills the OUT fields, and returns 0 or -errno. The operation is in memory of
 * the server alone; names are checked (length, no '/' and no NUL), iref fields
 * were turned into the zus_inode_info arguments.
 *
 * What a callback may rely on:
 *  - It runs on a thread of the CPU of the caller, and may sleep.
 *  - Locks of the kernel that are held are named at each callback. "dir
 *    exclusive" is the directory's i_rwsem held for writing, and so on.
 *  - A callback never gets an inode that was not answered to the kernel by
 *    lookup, iget or new_inode before and not evicted since.
 *  - It must not touch its own mount by system calls (EDEADLK).
 * A missing callback answers EOPNOTSUPP unless another answer is named.
 */
#ifndef ZUS_H
#define ZUS_H

#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "zus_api.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef container_of
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr)-offsetof(type, member)))
#endif

struct zus_fs_info;
struct zus_sb_info;
struct zus_inode_info;

/*
 * The pmem of a mounted filesystem: one linear space of all its devices. Empty
 * if the type has no device (ZUFS_RFI_NODEV).
 */
struct zus_md {
	void *addr; /* where it is mapped; 2 MiB aligned */
	uint64_t bytes;
	int fd; /* for libzus; -1: in-process */
	int dev_count;
	struct {
		uint64_t blocks;
		int numa_node; /* -1: not known */
		dev_t rdev;    /* the block device; 0: there is none */
	} dev[ZUFS_MAX_DEVICES];
};

/* The address of block @bn, NULL if it is outside. */
static inline void *zus_md_baddr(const struct zus_md *md, uint64_t bn)
{
	return bn < md->bytes >> ZUFS_BLOCK_SHIFT ?
		       (char *)md->addr + (bn << ZUFS_BLOCK_SHIFT) :
		       NULL;
}

/*
 * A mounted filesystem. The plugin embeds it in its own structure; libzus fills
 * it before sbi_init is called.
 */
struct zus_sb_info {
	const struct zus_sbi_operations *op; /* set by sbi_alloc */
	struct zus_fs_info *zfi;
	struct zus_md md;
	uint64_t kern_sb_id;
	uint64_t epoch;		       /* of the connection */
	struct zus_inode_info *z_root; /* set by sbi_init */
};

/* An inode that the kernel knows; its address is the handle on the wire. */
struct zus_inode_info {
	const struct zus_zii_operations *op;
	struct zus_sb_info *sbi;
	uint64_t ino;
	uint64_t generation;
};

/* ---- the filesystem type ---- */

struct zus_zfi_operations {
	/*
	 * A new struct zus_sb_info with @op set, or NULL: ENOMEM. Nothing is
	 * mapped yet. Mount operations come one after the other, from one thread.
	 */
	struct zus_sb_info *(*sbi_alloc)(struct zus_fs_info *zfi);
	/* The last call. @sbi may never have been initialised. */
	void (*sbi_free)(struct zus_sb_info *sbi);
	/*
	 * Mounts: sbi->md is mapped, if the type has a device. IN: mount_flags, pedantic, options. Sets sbi->z_root
	 * (a reference that lives until sbi_fini) and zim->root, fs_caps,
	 * falloc_sup, blocksize_bits (12). An unknown option is -EINVAL.
	 * EINVAL, EUCLEAN, EROFS (needs a writable mount), ENOMEM, EIO.
	 */
	int (*sbi_init)(struct zus_sb_info *sbi, struct zufs_ioc_mount *zim);
	/* Umount. All inodes but the root were evicted, unless the epoch ended. */
	void (*sbi_fini)(struct zus_sb_info *sbi);
	/*
	 * Optional (then: 0). IN as sbi_init, as they will be; remount_flags say from
	 * what to what. On an error all is as before.
	 */
	int (*sbi_remount)(struct zus_sb_info *sbi, struct zufs_ioc_mount *zim);
};

struct zus_fs_info {
	/* flags: ZUFS_RFI_*; s_time_min and _max 0: as far as ns go in 64 bits */
	struct zufs_register_fs_info rfi;
	const struct zus_zfi_operations *op;
};

/* ---- a mounted filesystem ---- */

struct zus_sbi_operations {
	/* No locks. Fills the OUT fields of @io but namelen, which is 255 already. */
	int (*statfs)(struct zus_sb_info *sbi, struct zufs_ioc_statfs *io);
	/* After a mount and a remount. No locks. Optional. Appends ",option" texts with zus_show_opt(). */
	int (*show_options)(struct zus_sb_info *sbi,
			    struct zufs_ioc_mount_options *io);
	/*
	 * dir exclusive. Makes an inode with io->zi's mode, uid, gid, rdev, times
	 * (nlink is the plugin's: 1, for a directory 2, for ZI_TMPFILE 0) and
	 * its name io->str in @dir (unless ZI_TMPFILE), in one transaction. A symlink's text
	 * is io->data, io->symlen bytes; behind it are ACLs of a filesystem with ZUFS_FSC_ACL_ON, as values
	 * of xattrs of type SYSTEM. Sets *zii with one reference and io->attr, io->dir.
	 * EEXIST, ENOSPC, EMLINK, ENAMETOOLONG, ESTALE (dir was removed: ENOENT), ENOMEM.
	 */
	int (*new_inode)(struct zus_sb_info *sbi, struct zus_inode_info *dir,
			 struct zufs_ioc_new_inode *io,
			 struct zus_inode_info **zii);
	/*
	 * dir shared or exclusive. Finds io->str in @dir (".." included), takes a reference on
	 * the inode, sets *zii and io->attr. ENOENT, EUCLEAN, ENOMEM.
	 */
	int (*lookup)(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		      struct zufs_ioc_lookup *io, struct zus_inode_info **zii);
	/*
	 * No locks. The inode @ino with @generation (0: any), by number; a
	 * reference is taken. Also used for each iref whose handle is not of this epoch.
	 * ESTALE: there is none. Fills *attr.
	 */
	int (*iget)(struct zus_sb_info *sbi, uint64_t ino, uint64_t generation,
		    struct zufs_attr *attr, struct zus_inode_info **zii);
	/*
	 * link(2): dir exclusive, zii exclusive. A name io->str for @zii in @dir; nlink,
	 * ctime, the directory's times and size; io->attr, io->dir. EEXIST, EMLINK, ENOSPC.
	 * @zii may have nlink 0 (a tmpfile): then it is no orphan any more.
	 */
	int (*add_dentry)(struct zus_sb_info *sbi, struct zus_inode_info *dir,
			  struct zus_inode_info *zii,
			  struct zufs_ioc_dentry *io);
	/*
	 * unlink(2), rmdir(2): dir and zii exclusive. ENOENT if the name is not
	 * @zii's; ENOTEMPTY. nlink 0 keeps the inode until evict (free), also over a crash.
	 */
	int (*remove_dentry)(struct zus_sb_info *sbi,
			     struct zus_inode_info *dir,
			     struct zus_inode_info *zii,
			     struct zufs_ioc_dentry *io);
	/*
	 * rename(2): both directories exclusive, what is replaced exclusive. @new_zii NULL: nothing
	 * is there (else EEXIST). Types are checked by the VFS; ENOTEMPTY by the
	 * plugin. ".." and link counts of moved directories too. Flags: NOREPLACE is done by the
	 * kernel's lookup; others as the plugin can, else EINVAL. All attributes of io.
	 */
	int (*rename)(struct zus_sb_info *sbi, struct zus_inode_info *old_dir,
		      struct zus_inode_info *new_dir,
		      struct zus_inode_info *old_zii,
		      struct zus_inode_info *new_zii,
		      struct zufs_ioc_rename *io);
	/*
	 * dir shared. Entries from io->pos on, by zus_dir_emit() until it says
	 * false; then io->pos is the position of the first that did not fit and io->more 1.
	 * A position stays good while other names come and go. There is room for as many bytes as the
	 * directory's size (32 KiB to 1 MiB), and for more if it goes on: no size will do too.
	 */
	int (*readdir)(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		       struct zufs_ioc_readdir *io);
	/* No locks. Optional (then: 0). Makes all durable. */
	int (*sync_fs)(struct zus_sb_info *sbi);
};

/* ---- an inode ---- */

struct zus_zii_operations {
	/*
	 * Nobody else uses the inode; drops the reference of lookup, iget or new_inode.
	 * @free_inode: nlink is 0, free it and its blocks. Grants are returned. No answer is possible.
	 */
	void (*evict)(struct zus_inode_info *zii, bool free_inode);
	/* zii exclusive, for SIZE also invalidate_lock. io->valid says what of io->zi is set; SIZE frees
	 * the blocks behind it (the kernel zeroed the tail of the last block; without NIO the plugin does); ctime is io->op.time.
	 * io->attr. ENOSPC, EFBIG. */
	int (*setattr)(struct zus_inode_info *zii, struct zufs_ioc_attr *io);
	/* No locks. Times of @io as valid says; everything of the inode durable. Optional (then: 0). */
	int (*sync)(struct zus_inode_info *zii, struct zufs_ioc_sync *io);
	/* zii shared. io->path, io->len. Needed for texts of 32 bytes and more. */
	int (*get_symlink)(struct zus_inode_info *zii,
			   struct zufs_ioc_get_symlink *io);
	/*
	 * Extents of [filepos, filepos + len): see struct zufs_ioc_get_multy. io->n may be more than
	 * io->max: so many the range has, of which io->max are in io->ext. Then the kernel may ask
	 * once more with room for all, if it was to read. Read: zii shared, or
	 * invalidate_lock shared. ZUFS_RW_WRITE: zii exclusive or invalidate_lock shared (so two may run at once):
	 * holes below the page-rounded size get zeroed, durable blocks, in one transaction. ENOSPC. A block has
	 * one place in one file: of a second one that is mapped too, the fault ends in SIGBUS.
	 */
	int (*get_multy)(struct zus_inode_info *zii,
			 struct zufs_ioc_get_multy *io);
	/* zii exclusive. Reserves up to io->want blocks from io->lblk on. ENOSPC. */
	int (*grant)(struct zus_inode_info *zii, struct zufs_ioc_grant *io);
	/* Gives back io->n extents, 0: all that are left of this inode. */
	int (*grant_put)(struct zus_inode_info *zii, struct zufs_ioc_grant *io);
	/*
	 * zii exclusive. See struct zufs_ioc_commit. An extent that was not granted: EINVAL. EFBIG. With
	 * io->more a crash, grant_put of all and any other change of the inode take back what it committed.
	 */
	int (*commit_write)(struct zus_inode_info *zii,
			    struct zufs_ioc_commit *io);
	/*
	 * zii exclusive, invalidate_lock exclusive. io->rw is the FALLOC_FL_* mode, [filepos, last_pos) the
	 * range. It may do a part and set last_pos to its end, then the caller asks for the rest; the size
	 * changes with the last part. ENOSPC: not even a part.
	 */
	int (*fallocate)(struct zus_inode_info *zii, struct zufs_ioc_IO *io);
	/*
	 * Filesystems without NIO, like the next eight. Fills @data, last_pos - filepos bytes, from filepos
	 * on; holes with zeros. last_pos becomes how far it got: less is the end of the file. The range is
	 * inside the size that the kernel knows. @data may be memory of the application itself: nothing but the
	 * answer goes there, and nothing after the return; direct IO to it is EFAULT. zii shared; with ZUFS_RW_MMAP
	 * (a page fault) no lock but that on the page. A write of the same bytes may run. EIO.
	 */
	int (*read)(struct zus_inode_info *zii, void *data,
		    struct zufs_ioc_IO *io);
	/*
	 * Stores @data, last_pos - filepos bytes, at filepos; last_pos becomes how far it got (not 0 bytes). The
	 * size grows to that if it was less, with zeros between; mtime and ctime become io->op.time; io->attr.
	 * zii exclusive. With ZUFS_RW_MMAP (pages of mappings are written back) no lock, inside the size,
	 * and the times stay: the kernel sends them by SYNC. @data can't be written to (SIGBUS). ENOSPC, EFBIG, EIO.
	 */
	int (*write)(struct zus_inode_info *zii, const void *data,
		     struct zufs_ioc_IO *io);
	/* No locks. A hint: [filepos, last_pos) will be read. Optional (then: 0). */
	int (*pre_read)(struct zus_inode_info *zii, struct zufs_ioc_IO *io);
	/* No locks. The last mapping that could write was closed. Optional (then: 0). */
	int (*mmap_close)(struct zus_inode_info *zii, struct zufs_ioc_IO *io);
	/* zii shared. offset_in is below the size; ENXIO: no data behind it. Missing: all is data. */
	int (*seek)(struct zus_inode_info *zii, struct zufs_ioc_seek *io);
	/*
	 * zii shared. Extents that have bytes of [start, start + length), in order, holes or not; extents_mapped
	 * is how many there are, if that is more than extents_max too: then the kernel asks for the rest.
	 */
	int (*fiemap)(struct zus_inode_info *zii, struct zufs_ioc_fiemap *io);
	/*
	 * Both exclusive, invalidate_lock of both too; they may be one. [pos_in, pos_in + len) of @src, inside its
	 * size, comes to pos_out of @zii, by storage that both share from then on: all of it or nothing. Whole
	 * blocks, but for a last one that ends @src, and @zii too. The size grows to the end if it was less, with zeros
	 * between; mtime and ctime become io->op.time; done is len; io->attr. With ZUFS_CLONE_DEDUPE the bytes at
	 * pos_out are those of @src already, and size and times stay. EOPNOTSUPP, ENOSPC, EFBIG.
	 */
	int (*clone)(struct zus_inode_info *zii, struct zus_inode_info *src,
		     struct zufs_ioc_clone *io);
	/*
	 * The same of any bytes, copied; the ranges don't overlap. It may do a part, more than nothing: done
	 * is how much. Missing: the kernel reads and writes. EOPNOTSUPP, ENOSPC, EFBIG, EIO.
	 */
	int (*copy)(struct zus_inode_info *zii, struct zus_inode_info *src,
		    struct zufs_ioc_clone *io);
	/* No locks. Missing: ENOTTY. */
	int (*ioctl)(struct zus_inode_info *zii, struct zufs_ioc_ioctl *io);
	/*
	 * Shared. The name is io->buf (NUL-terminated, io->name_len with NUL). The value goes to io->buf
	 * if io->user_buf_size is large enough (0: only the size is asked for); io->user_buf_size
	 * becomes its size, also with ERANGE: then libzus asks for more room, if the caller has it. ENODATA, ERANGE.
	 */
	int (*getxattr)(struct zus_inode_info *zii, struct zufs_ioc_xattr *io);
	/*
	 * Exclusive. The value is behind the name. With ZUFS_XATTR_SET_MODE the permission bits become io->mode
	 * in the same transaction, also if there is nothing to remove. EEXIST, ENODATA, ENOSPC, E2BIG.
	 */
	int (*setxattr)(struct zus_inode_info *zii, struct zufs_ioc_xattr *io);
	/* Shared. Full names with prefix, each with NUL; trusted.* only with ZUFS_XATTR_TRUSTED_LIST. As getxattr. */
	int (*listxattr)(struct zus_inode_info *zii, struct zufs_ioc_xattr *io);
};

/* ---- what libzus offers ---- */

/* Changes with each change of what this header and a plugin's binary agree on. */
#define ZUS_ABI 1U

struct zus_dbg_site;

/* What a plugin was built with; zus_register_one() fills it. */
struct zus_plugin {
	uint32_t abi;			  /* ZUS_ABI */
	struct zus_dbg_site *begin, *end; /* its sites; both NULL: none */
};

int zus_register_type(const struct zus_plugin *plugin, struct zus_fs_info *zfi);
/* The plugin's entry. 0 or -errno; a failure unloads the plugin. */
int zus_plugin_init(void);

/* One entry into @io; false: no room, stop. @next: where to go on after it. */
bool zus_dir_emit(struct zufs_ioc_readdir *io, uint64_t ino, uint8_t type,
		  uint64_t next, const char *name, uint8_t len);
/* Bytes of room behind the fixed part of the operation @hdr belongs to. */
uint32_t zus_op_room(const struct zufs_ioc_hdr *hdr);
/* Is @str the text @name? */
bool zus_str_is(const struct zufs_str *str, const char *name);
/*
 * What setattr says, into @zi: mode, owner, flags, version, times; mtime becomes op.time
 * with a size that came without one. Size and project are the caller's.
 */
void zus_set_attr(struct zus_inode *zi, const struct zufs_ioc_attr *io);
/* The times that sync brings, into @zi. */
void zus_set_times(struct zus_inode *zi, const struct zufs_ioc_sync *io);
/*
 * What a callback returns that has more to answer than there is room for: of an
 * operation that the kernel can repeat with more room (doc/protocol.md, "More
 * room") it is called once more, with another unique id; else the caller gets
 * EIO. So nothing may be changed yet. @bytes are needed behind the fixed part.
 */
int zus_op_retry(struct zufs_ioc_hdr *hdr, uint32_t bytes);
/*
 * Blocks of [offset, +len) of a file on pmem are about to move. When it returns
 * 0 the kernel has forgotten the file's extents, and nobody reads or writes in
 * the range, by a mapping neither: everybody asks get_multy again. So the way
 * to move blocks is: take a lock that get_multy waits for; zus_inval_map(); copy,
 * make the copy durable, change the map, durably; drop the lock. Blocks of a
 * grant aren't moved before they are committed.
 * No lock may be held that another callback of the inode waits for than
 * get_multy, grant, commit_write, setattr with a size, and fallocate.
 * EAGAIN: the filesystem is being mounted, remounted, frozen or unmounted, try
 * later; EBUSY, EINTR: pages are in use; EDEADLK: from a callback; ENOTCONN.
 * After an error nothing may be moved. In-process it is 0.
 */
int zus_inval_map(struct zus_inode_info *zii, uint64_t offset, uint64_t len);
void zus_show_opt(struct zufs_ioc_mount_options *io, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Number of the calling thread's channel: CPU * channels + channel; 0 in tools. */
unsigned int zus_current_channel(void);
/* NUMA node of a CPU; -1: not known. */
int zus_cpu_to_node(unsigned int cpu);
/* That of the CPU whose operations the calling thread serves; -1: not known, or in a tool. */
int zus_current_node(void);
/* Id of the operation that the calling thread runs, for the journal; 0: none. */
uint64_t zus_current_unique(void);
/* The caller of the running operation got a signal: the answer may be EINTR if nothing was changed. */
bool zus_zt_signal_pending(void);

enum {
	ZUS_ERR = 3,
	ZUS_WARN = 4,
	ZUS_INFO = 6,
	ZUS_DBG = 7
};
void zus_log(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- dynamic debug ---- */

/* Bits of zus_dbg_site.flags. All but P go before the message. */
enum {
	ZUS_DBG_P = 1,	 /* p: it is said */
	ZUS_DBG_M = 2,	 /* m: the module, which is the plugin's first type */
	ZUS_DBG_F = 4,	 /* f: the function */
	ZUS_DBG_L = 8,	 /* l: the line */
	ZUS_DBG_T = 0x10 /* t: the thread's id */
};

/* A zus_dbg() in the code. They stand side by side in a section of the plugin. */
struct zus_dbg_site {
	const char *file, *func, *format;
	uint32_t line;
	uint32_t flags; /* ZUS_DBG_*, by zus_ddbg_write() */
} __attribute__((aligned(8)));

/* The linker's. There are none in a plugin without a zus_dbg(). */
extern struct zus_dbg_site __start_zus_ddbg[]
	__attribute__((weak, visibility("hidden")));
extern struct zus_dbg_site __stop_zus_ddbg[]
	__attribute__((weak, visibility("hidden")));

void zus_dbg_say(const struct zus_dbg_site *site, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * A message that is off until it is asked for, by ddbg in the control root or
 * zus_ddbg_write(). Until then its arguments aren't evaluated, and it costs one
 * load and a branch. No newline at the end.
 */
#define zus_dbg(fmt, ...)                                                \
	do {                                                             \
		static struct zus_dbg_site zus_s_                        \
			__attribute__((section("zus_ddbg"), used)) = {   \
				__FILE__, __func__, fmt, __LINE__, 0     \
			};                                               \
                                                                         \
		if (__builtin_expect(__atomic_load_n(&zus_s_.flags,      \
						     __ATOMIC_RELAXED) & \
					     ZUS_DBG_P,                  \
				     0))                                 \
			zus_dbg_say(&zus_s_, fmt, ##__VA_ARGS__);        \
	} while (0)

/* Registers a type, from zus_plugin_init(). @zfi is static. 0 or -errno. */
static inline int zus_register_one(struct zus_fs_info *zfi)
{
	const struct zus_plugin plugin = { ZUS_ABI, __start_zus_ddbg,
					   __stop_zus_ddbg };

	return zus_register_type(&plugin, zfi);
}

/*
 * Switches sites, of all types that are registered and of libzus, in the
 * grammar of zuf(4). 0, or -EINVAL if a query is wrong: a line in the log names
 * the word, and the other queries are done all the same.
 */
int zus_ddbg_write(const char *text, size_t len);
/*
 * The list of all sites with their switches, a line each, from *pos on, which
 * is 0 at the beginning: bytes of @buf that were filled, 0 at the end. *pos
 * becomes where to go on.
 */
size_t zus_ddbg_read(uint64_t *pos, char *buf, size_t size);

/* ---- poison ---- */

/*
 * A load of pmem that can't be read is a SIGBUS. ZUS_TRY() is what @call, an int
 * function's call, returns; or -EIO, after a line in the log, if it or what it
 * calls met such memory in [addr, addr + bytes). Then @call was left where it
 * was, by siglongjmp(3). So whoever takes something inside of it (a lock, a
 * reference, memory), and reads pmem before that is given back, reads in a
 * ZUS_TRY() of its own, or leaves it where the caller of the outer one finds
 * it. They nest; the innermost is left. A SIGBUS outside of all is the end of
 * the server, as without libzus.
 */
struct zus_try {
	const void *addr;
	uint64_t bytes;
	const void *at; /* NULL: not known */
	struct zus_try *outer;
	sigjmp_buf env;
};
void zus_try_enter(struct zus_try *t, const void *addr, uint64_t bytes);
void zus_try_leave(const struct zus_try *t);
int zus_try_failed(const struct zus_try *t);
/* Where the calling thread's last one failed, once; NULL: none did, or the kernel doesn't tell. */
const void *zus_try_at(void);

#define ZUS_TRY(addr, bytes, call)                               \
	({                                                       \
		struct zus_try zus_t_;                           \
		int zus_err_;                                    \
                                                                 \
		if (sigsetjmp(zus_t_.env, 0)) {                  \
			zus_err_ = zus_try_failed(&zus_t_);      \
		} else {                                         \
			zus_try_enter(&zus_t_, (addr), (bytes)); \
			zus_err_ = (call);                       \
			zus_try_leave(&zus_t_);                  \
		}                                                \
		zus_err_;                                        \
	})

/* ---- a plugin without a kernel: the in-process transport ---- */

/*
 * Mounts @zfi on @bytes of memory at @addr (a multiple of 2 MiB; an mmap of a file; NULL and 0 for a type
 * without a device), through the decoder that the kernel's operations take. @zim: IN mount_flags, pedantic,
 * options; OUT as from the kernel.
 */
struct zus_local;
int zus_local_mount(struct zus_fs_info *zfi, void *addr, uint64_t bytes,
		    struct zufs_ioc_mount *zim, struct zus_local **zlp);
/*
 * Runs the operation in @hdr (room for out_start + out_max bytes); returns hdr->err.
 * sb_id is 0 or that of zim, else ESTALE. @window: ZUS_API_MAP_MAX_SIZE bytes with the data of a READ or
 * WRITE whose data is 0; NULL: there is none.
 */
int zus_local_op(struct zus_local *zl, struct zufs_ioc_hdr *hdr, void *window);
int zus_local_umount(struct zus_local *zl);
/* The calling thread's channel from now on, which was 0. */
void zus_local_channel(unsigned int channel);
/* The same of its NUMA node, which was -1. */
void zus_local_node(int node);
/* Loads a plugin as zusd does; its types are found with zus_find_fs(). */
int zus_load_plugin(const char *name_or_path, const char **why);
/* NULL: the first that was registered. */
struct zus_fs_info *zus_find_fs(const char *fsname);

#ifdef __cplusplus
}
#endif

#endif /* ZUS_H */
