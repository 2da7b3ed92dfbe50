/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of zuf.ko share. The core (root, role files, ZTs, dispatch,
 * devices) knows nothing of inodes; the filesystem side (super, inode, namei,
 * file, iomap) reaches the server only by zuf_dispatch() and zuf_dispatch_mount().
 */
#ifndef _ZUF_H
#define _ZUF_H

#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/dax.h>
#include <linux/hashtable.h>
#include <linux/percpu.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>

#include "grant.h"
#include "zus_api.h"

#undef pr_fmt
#define pr_fmt(fmt) "zuf: " fmt

#ifdef CONFIG_ZUF_DEBUG
#define zuf_assert(cond) WARN_ON_ONCE(!(cond))
#else
#define zuf_assert(cond) ((void)sizeof(cond))
#endif

struct zuf_root;   /* root.c: one mount of the control root */
struct zuf_req;	   /* dispatch.c */
struct zuf_lane;   /* channel.c */
struct zuf_zt;	   /* channel.c */
struct zuf_pool;   /* pool.c */
struct zuf_window; /* window.c */
struct zuf_sb_info;

/* ---- registered filesystem types: type.c ---- */

/* Lives until the module goes; used again when a server registers the name. */
struct zuf_type {
	struct file_system_type fst;
	struct list_head list; /* of all types, under zuf_types_lock */
	char name[16];
	/* Who serves it now, NULL: nobody; all under zuf_types_lock. */
	struct zuf_root *root;
	u64 epoch;
	u64 zfi_id;
	struct zufs_register_fs_info rfi;
};

/* ---- devices of a super block: md.c, mdtable.c ---- */

struct zuf_dev {
	struct block_device *bdev;
	fmode_t mode; /* it was opened with; 0: it is sb->s_bdev */
	struct dax_device *dax;
	u64 dax_off; /* bytes, start of the partition */
	u64 blocks;  /* of 4096 bytes that the filesystem uses */
	u64 first;   /* its first block in the linear space */
	int numa_node;
};

struct zuf_md {
	u64 blocks; /* of all devices */
	unsigned int count;
	struct zuf_dev dev[ZUFS_MAX_DEVICES]; /* in order of the linear space */
};

/* What a mount names by -o device= besides its source. */
struct zuf_names {
	unsigned int n;
	char *name[ZUFS_MAX_DEVICES - 1];
};

/*
 * Opens what is named, with the mounter's rights and for @sbi->sb alone, and
 * finds by the tables on it and on sb->s_bdev that these are all devices of one
 * filesystem. Under s_umount, which it drops, before the super block is born.
 * Errors by errorfc(); zuf_md_fini() is the caller's then too.
 */
int zuf_md_init(struct zuf_sb_info *sbi, struct fs_context *fc,
		const struct zuf_names *names);
void zuf_md_fini(struct zuf_md *md);
/* 0 if each of @names is one of them. Errors by errorfc(). */
int zuf_md_are_members(const struct zuf_md *md, struct fs_context *fc,
		       const struct zuf_names *names);
/* Is one of them write-protected? */
bool zuf_md_read_only(const struct zuf_md *md);
/* The device that holds blocks [bn, bn + n) wholly, NULL: none does. */
struct zuf_dev *zuf_md_dev(struct zuf_md *md, u64 bn, u64 n);
/*
 * Can [bn, bn + n) hold data? It is on one device, and has none of its tables;
 * so what continues it is on the same device.
 */
bool zuf_md_is_data(struct zuf_md *md, u64 bn, u64 n);
/*
 * By which fs/dax flushes pages of any of them: it does so by their address,
 * and asks the device only whether it has to.
 */
struct dax_device *zuf_md_flush_dax(const struct zuf_md *md);
/* Zeroes @len bytes from byte @off of block @bn on, flushed; the caller fences. -EIO. */
int zuf_md_zero(struct zuf_md *md, u64 bn, size_t off, size_t len);

/* ---- counters of hand-offs, for debugfs: stats.c ---- */

struct zuf_stats {
	u64 op[ZUFS_OP_MAX_OPT];
};

/* ---- super block ---- */

#define ZUF_EVICTED_BITS 8

struct zuf_sb_info {
	struct super_block *sb;
	struct zuf_type *type;
	struct zuf_root *root; /* a reference of it is held */
	u64 epoch;	       /* of the server that mounted it */
	u64 features;	       /* ZUFS_FEAT_* of its HELLO */
	u64 zfi_id;	       /* what that server registered */
	struct zufs_register_fs_info rfi;
	struct zuf_md md;
	u64 sb_id; /* never used again */
	u64 sbi_handle;
	u64 fs_caps;
	u64 falloc_sup;
	u64 mount_flags;
	u32 pedantic;
	bool dead; /* the epoch has ended: EIO to all but cached IO */
	spinlock_t options_lock;
	char options[ZUFS_SHOW_MAX]; /* of the server, as in /proc/mounts */

	struct file *pmem_file; /* pmem.c: the server's map; root's lock */
	/* pool.c; written under root->ctl and root->pool_lock */
	struct zuf_pool *pool[ZUFS_MAX_POOLS];
	struct srcu_struct map_srcu; /* read: who uses blocks of an extent */
	spinlock_t grant_lock;
	struct list_head grants;   /* inodes that hold a grant */
	struct list_head evicting; /* evict.c: what the background channel does */
	DECLARE_HASHTABLE(evicting_ino, 10); /* the same; evict_lock */
	spinlock_t evict_lock;
	wait_queue_head_t evict_wq;
	u64 evict_seq; /* of what was put there, and of what is done; evict_lock */
	u64 evict_over; /* how many went from there; written under evict_lock */
	spinlock_t pin_lock;	 /* pin.c; inside of i_lock */
	struct list_head pinned; /* inodes that wait, with a reference */
	struct delayed_work pinned_work;
	bool unmounting;		    /* none waits any more */
	u64 evicted[1 << ZUF_EVICTED_BITS]; /* the last done, by hash of ino */
	struct zuf_stats __percpu *stats;
	struct dentry *dbg; /* debugfs folder */
};

static inline struct zuf_sb_info *ZUF_SB(const struct super_block *sb)
{
	return sb->s_fs_info;
}

/* The kernel moves the data, to and from pmem; else the server does. */
static inline bool zuf_is_nio(const struct zuf_sb_info *sbi)
{
	return sbi->fs_caps & ZUFS_FSC_NIO_READS;
}

static inline void zuf_count_op(struct zuf_sb_info *sbi, u16 op)
{
	this_cpu_inc(sbi->stats->op[op]);
}

/* ---- dispatch: dispatch.c, channel.c ---- */

/* How a caller waits. */
enum zuf_wait {
	ZUF_WAIT_KILL_RO, /* a fatal signal abandons it at any time */
	ZUF_WAIT_KILL,	  /* a fatal signal abandons it while it is queued */
	ZUF_WAIT_BACK,	  /* background channel, no waiting: done() is called */
};

/* Pinned pages of an application, for the window of the ZT that takes the request. */
struct zuf_pages {
	struct page **page;
	unsigned int nr; /* 1 to ZUS_API_MAP_MAX_PAGES */
	bool writable;	 /* by the server */
};

/*
 * A request: header and payload in one buffer of the request's own, so that it
 * may outlive its caller. zuf_req_alloc() gives room for @in_size + what is answered.
 */
struct zuf_req {
	refcount_t ref;
	atomic_t state; /* relay.h */
	u64 unique;
	struct zuf_root *root;
	struct zuf_lane *lane;	    /* where it was put; channel.c */
	struct list_head queue;	    /* of the lane; lane->lock */
	struct task_struct *waiter; /* a reference is held */
	unsigned int cpu;	    /* of the caller when it posted */
	unsigned long started;	    /* jiffies when it was posted, then taken */
	unsigned int round;	    /* root->round at that time */
	bool slow;	   /* was called slow; lane->lock, CONFIG_ZUF_DEBUG */
	bool intr;	   /* the waiter has a signal pending */
	struct zuf_zt *zt; /* that has it; lane->lock */
	enum zuf_wait wait;
	int err;			   /* of the answer, valid when DONE */
	void (*done)(struct zuf_req *req); /* ZUF_WAIT_BACK; process context */
	void *private;			   /* for done() and oh() */
	const struct zuf_pages *pages;	   /* NULL: none; the caller's */
	struct zuf_window *
		window; /* of the ZT that took it, with pages; a reference is held */
	size_t size;		  /* of buf */
	struct zufs_ioc_hdr *hdr; /* the buffer */
	struct zuf_pool
		*pool; /* where the server finds it; NULL: the ZT's buffer */
	/*
	 * Overflow handler, or NULL: the server has @need bytes of outputs, more
	 * than out_max. It may make room by zuf_req_grow() and return
	 * -EZUF_RETRY_DONE: the request is handed over once more. 0, with @part:
	 * what fits is the answer. Or -errno.
	 */
	int (*oh)(struct zuf_req *req, u32 need);
	u32 need;  /* what the server said */
	bool part; /* take what fits; it doesn't overlap the inputs */
};

/*
 * A zeroed request of operation @op with a buffer of @size bytes, the fixed
 * part of the operation and its variable tail. hdr.in_len is set to @in_len and
 * the outputs to [@out_start, @size). GFP_NOFS. NULL: no memory.
 */
struct zuf_req *zuf_req_alloc(struct zuf_sb_info *sbi, u16 op, size_t size,
			      size_t in_len, size_t out_start);
void zuf_req_put(struct zuf_req *req);
/* One that was answered with an error can be handed over once more. */
void zuf_req_again(struct zuf_req *req);
/* @need bytes of room for outputs, zeroed. For an overflow handler. */
int zuf_req_grow(struct zuf_req *req, u32 need);
/*
 * The size of a request that wants @want bytes and can do with less: as much as
 * it will not have to wait for a pool with.
 */
size_t zuf_room(struct zuf_sb_info *sbi, size_t want);
#define zuf_req_op(req, type) ((type *)(req)->hdr)

/*
 * Hands @req over and waits as req->wait says. Returns the server's err (checked
 * to be an errno), -EINTR if abandoned, -EIO if the epoch ended or there is no
 * server, -EDEADLK if the caller is the server itself. On 0 the bytes [out_start,
 * out_start + out_len) of the buffer are the answer, of which there are at least
 * @min_out, else -EIO. What isn't answered is as the caller left it: zero, or its
 * input where both are in one place. When it returns, the server sees nothing of
 * req->pages any more. A request that doesn't fit the ZTs' operation buffers waits
 * for a pool first; -E2BIG: there is none so large.
 */
int zuf_dispatch(struct zuf_sb_info *sbi, struct zuf_req *req, size_t min_out);
/* ZUF_WAIT_BACK: req->done(req) is called exactly once, also when the epoch ends; it drops the reference. */
void zuf_dispatch_back(struct zuf_sb_info *sbi, struct zuf_req *req);
/* For done(): what zuf_dispatch() would have returned. */
int zuf_req_answer(struct zuf_req *req, size_t min_out);
/* Bytes of an operation that fit each ZT's buffer. */
u32 zuf_op_size(struct zuf_sb_info *sbi);

/*
 * Mount operations, by the mount thread; killable. @zim is copied in and out: flags,
 * pedantic and options are the caller's.
 */
int zuf_dispatch_mount(struct zuf_sb_info *sbi, enum e_mount_operation op,
		       struct zufs_ioc_mount *zim);
/* Sets root (with a reference), epoch, features, zfi_id and rfi from @sbi->type. -ENOTCONN: nobody serves it. */
int zuf_root_get_by_type(struct zuf_sb_info *sbi);
void zuf_root_put(struct zuf_root *root);
/* The super block becomes known to GRAB_PMEM by its new sb_id; and is unknown again. */
int zuf_root_add_sb(struct zuf_root *root, struct zuf_sb_info *sbi);
void zuf_root_del_sb(struct zuf_root *root, struct zuf_sb_info *sbi);

/* ---- inode ---- */

/* When the server was asked: what an answer from then is worth. */
struct zuf_map_gen {
	u64 drops; /* of the cache; an answer from before one is void */
	u64 fills; /* of holes; a hole in an answer from before one may be none */
};

/* The extent cache: sorted, no overlap. */
struct zuf_extmap {
	rwlock_t lock;
	unsigned int nr, max;
	struct zuf_map_gen gen; /* now */
	struct zufs_extent *ext;
};

struct zuf_inode_info {
	struct inode vfs_inode;
	struct zufs_iref iref;
	struct zuf_extmap map;
	u64 btime; /* ns */
	u32 projid;
	u32 version;	/* zus_inode.i_version */
	u16 flags;	/* ZUFS_S_* */
	u32 attr_flags; /* ZUFS_ATTR_* */
	u32 dirty_times; /* ZUFS_STATX_*TIME that the server doesn't know; i_lock */
	struct copy_grant grant;     /* i_rwsem exclusive */
	struct list_head grant_node; /* of sbi->grants */
	struct rw_semaphore xa_rwsem;
	struct list_head pinned_node; /* of sbi->pinned */
	bool unpinned;	/* none of its pages is pinned; false: unknown */
	atomic_t mmaps; /* maps that may write; cache.c */
};

static inline struct zuf_inode_info *ZUF_I(const struct inode *inode)
{
	return container_of(inode, struct zuf_inode_info, vfs_inode);
}

/*
 * inval.c: blocks of [offset, +len) of the inode are about to move. When it
 * returns 0 the kernel knows no extent of it, and nobody reads or writes there
 * without asking the server. s_umount is held, shared. EBUSY, EINTR.
 */
int zuf_inval_map(struct zuf_sb_info *sbi, const struct zufs_iref *ii,
		  u64 offset, u64 len);

/* super.c */
int zuf_init_fs_context(struct fs_context *fc);
void zuf_kill_sb(struct super_block *sb);

/* module-wide */
int zuf_root_init(void);
void zuf_root_exit(void);
int zuf_inode_init(void);
void zuf_inode_exit(void);
/* type.c: file_system_type of @rfi served by @root in @epoch; checks the name. */
int zuf_type_register(struct zuf_root *root, u64 epoch, u64 zfi_id,
		      const struct zufs_register_fs_info *rfi);
void zuf_type_drop_root(struct zuf_root *root); /* the epoch ended */
void zuf_type_exit(void);
extern struct mutex zuf_types_lock;
extern struct list_head zuf_types;

#endif /* _ZUF_H */
