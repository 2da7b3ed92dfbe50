/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside the core: roots, lanes, ZTs, role files.
 */
#ifndef _ZUF_CORE_H
#define _ZUF_CORE_H

#include <linux/cpumask.h>
#include <linux/freezer.h>
#include <linux/kref.h>
#include <linux/sched/signal.h>
#include <linux/xarray.h>

#include "zuf.h"

typedef atomic_t relay_word;
#define relay_read(w)	       atomic_read(w)
#define relay_acquire(w)       atomic_read_acquire(w)
#define relay_set(w, v)	       atomic_set(w, v)
#define relay_cmpxchg(w, o, n) (atomic_cmpxchg(w, o, n) == (o))
#define relay_mb()	       smp_mb()
#include "relay.h"

/*
 * Where requests wait: one lane for each CPU, and one for the background
 * channels of all CPUs. @lock protects the lists and, of what is in them, all
 * that says so; the state words are changed by relay.h alone.
 */
struct zuf_lane {
	spinlock_t lock;
	struct list_head queue;	  /* requests that no ZT has taken */
	struct list_head running; /* requests that a ZT has taken */
	struct list_head zts;
	unsigned int moved; /* round in which a ZT took or answered one */
} ____cacheline_aligned;

struct zuf_zt {
	struct list_head node; /* of lane->zts; empty: its epoch has ended */
	relay_word state;
	struct task_struct *task; /* a reference is held */
	struct zuf_root *root;
	struct zuf_lane *lane;
	struct zuf_req *req; /* taken and not answered; the ZT's own */
	bool brk;	     /* tell BREAK; lane->lock */
	u16 flags; /* of the operation in buf, but for ZUFS_H_INTR; lane->lock */
	bool far;  /* the last caller was on another CPU; the ZT's own */
	unsigned int cpu, channel;
	u64 epoch;
	struct zuf_window *window; /* a reference is held */
	void *buf; /* operation buffer, shared with the server */
	size_t buf_size;
};

/* What MOUNT carries. */
union zuf_mmsg {
	struct zufs_ioc_hdr hdr;
	struct zufs_ioc_mount zim;
	struct zufs_ioc_ddbg ddbg;
};

/* A mount operation that waits for the mount thread, or is with it. */
struct zuf_mreq {
	struct list_head node; /* of root->mount_queue */
	refcount_t ref;
	int state;	    /* enum relay_req, under root->mount_lock */
	unsigned int round; /* in which it was posted, then taken */
	pid_t taker;	    /* thread that it is with */
	union zuf_mmsg msg;
};

enum zuf_root_state {
	ZUF_ROOT_INITIALIZING,
	ZUF_ROOT_REGISTERING_FS,
	ZUF_ROOT_MOUNT_READY,
	ZUF_ROOT_SERVER_FAILED,
};

struct zuf_root {
	struct kref kref;
	unsigned int timeout; /* seconds that a server may take to answer */

	/*
	 * HELLO, the end of an epoch, sbs, pmem files. Memory under it is NOIO: IO
	 * to zuf may wait for the end.
	 */
	struct mutex ctl;
	enum zuf_root_state state;
	u64 live; /* epoch of the server, 0: none is connected. Written under ctl */
	u64 features;	  /* ZUFS_FEAT_* of its HELLO; written under ctl */
	atomic_t op_size; /* bytes of the smallest operation buffer of this epoch */
	bool orderly;	  /* BREAK_ALL was called */
	pid_t tgid;	  /* of the server */
	pid_t mount_pid;   /* of its mount thread */
	struct xarray sbs; /* by sb_id; ctl */

	struct zuf_lane *cpu; /* nr_cpu_ids of them */
	struct zuf_lane back;
	struct cpumask *served;	  /* CPUs whose lane has a ZT */
	struct cpumask *spinning; /* CPUs with a ZT that spins; a hint */

	spinlock_t pool_lock; /* who uses which pool */
	wait_queue_head_t pool_wq;

	spinlock_t mount_lock;
	struct list_head mount_queue;
	struct zuf_mreq *mount_cur; /* with the mount thread */
	unsigned int mount_moved;   /* as zuf_lane.moved */
	bool mount_brk;
	wait_queue_head_t mount_wq;   /* the mount thread */
	wait_queue_head_t mount_done; /* its callers */

	/*
	 * The time limit is counted in rounds of the watch. Jiffies leap when the
	 * whole machine stood still, as a paused virtual one, and a server that
	 * had no CPU to answer on isn't late: it had one round.
	 */
	struct delayed_work watch;
	unsigned int round;
};

/*
 * Waits for @cond; -ERESTARTSYS: a fatal signal. As in wait_mode() freezable after
 * a second, unsafely so: locks of the VFS are held.
 */
#define zuf_wait_event(wq, cond)                                           \
	({                                                                 \
		long left_ = wait_event_killable_timeout(wq, cond, HZ);    \
                                                                           \
		if (!left_)                                                \
			left_ = wait_event_state(wq, cond,                 \
						 (TASK_KILLABLE |          \
						  TASK_FREEZABLE_UNSAFE)); \
		left_ < 0 ? -ERESTARTSYS : 0;                              \
	})

/* Of a file in the control root. */
static inline struct zuf_root *zuf_root_of(const struct file *file)
{
	return file_inode(file)->i_sb->s_fs_info;
}

/* What a role file is: its private_data. */
enum zuf_role {
	ZUF_ROLE_NONE,
	ZUF_ROLE_BUSY,
	ZUF_ROLE_MOUNT,
	ZUF_ROLE_ZT,
	ZUF_ROLE_PMEM,
	ZUF_ROLE_POOL
};

struct zuf_file {
	atomic_t role;	       /* enum zuf_role; set once */
	struct zuf_root *root; /* a reference is held */
	u64 epoch;
	struct zuf_zt *zt;
	struct zuf_pool *pool;
	struct rw_semaphore sem; /* sbi: read by faults */
	struct zuf_sb_info *sbi; /* PMEM; NULL when the super block is gone */
};

/*
 * What a server answered, as an errno that may reach an application. Those from
 * 512 on are the kernel's own: ERESTARTSYS would call again. EZUFS_RETRY is for
 * who asks for it.
 */
static inline int zuf_check_errno(s32 err)
{
	return err > 0 || err <= -ERESTARTSYS ? -EIO : err;
}

/*
 * True while the server of @epoch is connected. Its end is made known under the
 * locks of the lanes and mount_lock: what is posted there after this said yes is killed.
 */
static inline bool zuf_is_live(const struct zuf_root *root, u64 epoch)
{
	return epoch && READ_ONCE(root->live) == epoch;
}

/* What the server owes since round @since: late after @limit whole rounds. */
static inline bool zuf_is_late(const struct zuf_root *root, unsigned int since,
			       unsigned int limit)
{
	return READ_ONCE(root->round) - since > limit;
}

/* root.c */
struct zuf_root *zuf_root_new(unsigned int timeout);
void zuf_root_get(struct zuf_root *root);
u64 zuf_epoch_new(void); /* never 0, and none that was before */
void zuf_epoch_end(struct zuf_root *root, u64 epoch, const char *why);
extern const struct inode_operations zuf_role_dir_iops;

/* role.c */
extern const struct file_operations zuf_role_fops;

/* channel.c */
void zuf_lane_init(struct zuf_lane *lane);
/* All ZTs of an epoch that has ended are told, and are in no lane any more. */
void zuf_lanes_leave(struct zuf_root *root);
long zuf_zt_init(struct file *file, struct zufs_ioc_init __user *arg);
long zuf_zt_wait(struct zuf_file *zf);
void zuf_zt_release(struct zuf_file *zf);
int zuf_zt_mmap(struct zuf_file *zf, struct vm_area_struct *vma);
void zuf_lanes_break(struct zuf_root *root);
/* Tells the server of @req, now or when it gets it, that its caller has a signal. */
void zuf_zt_interrupt(struct zuf_req *req);
/* Is the caller a ZT, with an operation that it hasn't answered? */
bool zuf_zt_serves(struct zuf_root *root);

/* window.c */
struct zuf_window *zuf_window_new(struct file *file);
struct zuf_window *zuf_window_get(struct zuf_window *w);
void zuf_window_put(struct zuf_window *w);
/* Shows req->pages in req->window, in place of what was there; by the ZT. */
void zuf_window_show(struct zuf_req *req);
/* The server sees nothing of @req any more. Of no use while it may be taken still. */
void zuf_window_hide(const struct zuf_req *req);
/* The file is closed, so nothing of it is mapped. */
void zuf_window_close(struct zuf_window *w);
int zuf_window_mmap(struct zuf_window *w, struct vm_area_struct *vma);

/* dispatch.c */
/* The requests of a lane without a ZT are dead. */
void zuf_lane_kill(struct zuf_lane *lane);
void zuf_lanes_kill(struct zuf_root *root);
/*
 * Is an answer late, by @limit rounds? Then @why gets the cause. Wakes callers that
 * may be frozen now.
 */
bool zuf_lanes_late(struct zuf_root *root, unsigned int limit, char *why,
		    size_t size);
/* CONFIG_ZUF_DEBUG: names operations that take long; each second. */
void zuf_lanes_watch(struct zuf_root *root);
void zuf_req_finish(struct zuf_req *req);
int zuf_req_cache_init(void);
void zuf_req_cache_exit(void);

/* ddbg.c */
extern const struct file_operations zuf_ddbg_fops;

/* mount.c */
/*
 * DDBG_RD or DDBG_WR, by the mount thread; killable. @d is copied in and, for
 * DDBG_RD, out: at most as many bytes of text as there was room for.
 */
int zuf_dispatch_ddbg(struct zuf_root *root, enum e_mount_operation op,
		      struct zufs_ioc_ddbg *d);
long zuf_mount_wait(struct zuf_file *zf, void __user *arg);
void zuf_mounts_kill(struct zuf_root *root);
/* As zuf_lanes_late(). */
bool zuf_mounts_late(struct zuf_root *root, unsigned int limit, char *why,
		     size_t size);

/* pmem.c */
long zuf_pmem_grab(struct file *file, struct zufs_ioc_pmem __user *arg);
int zuf_pmem_mmap(struct file *file, struct vm_area_struct *vma);
void zuf_pmem_release(struct zuf_file *zf);
long zuf_pmem_inval(struct zuf_file *zf, struct zufs_ioc_inval_map __user *arg);
/* Nobody reaches the super block's pmem by this file any more. root->ctl. */
void zuf_pmem_revoke(struct zuf_sb_info *sbi);

/* pm.c */
/* One super block more. -EBUSY: the machine is about to hibernate. */
int zuf_pm_mount(void);
void zuf_pm_umount(void);
int zuf_pm_init(void);
void zuf_pm_exit(void);

/* md.c */
/* As dax_direct_access(), of block @bn of @dev; in dax_read_lock(). */
long zuf_dev_map(const struct zuf_dev *dev, u64 bn, long n,
		 enum dax_access_mode mode, void **addr);

/* mdtable.c */
/* Reads and checks the tables of md->dev[], and puts them in their order. Errors by errorfc(). */
int zuf_md_tables(struct zuf_sb_info *sbi, struct fs_context *fc);

/* pool.c */
long zuf_pool_alloc(struct zuf_file *zf,
		    struct zufs_ioc_alloc_buffer __user *arg);
int zuf_pool_mmap(struct zuf_file *zf, struct vm_area_struct *vma);
void zuf_pool_release(struct zuf_file *zf);
/* No request of the super block finds a pool any more. root->ctl is held. */
void zuf_pools_leave(struct zuf_sb_info *sbi);
/* Waits, killable, until @req has a pool with room for it. -EIO, -E2BIG, -ENOMEM. */
int zuf_pool_take(struct zuf_sb_info *sbi, struct zuf_req *req);
void zuf_pool_put(struct zuf_req *req);
/* The header that is shared with the server. */
struct zufs_ioc_hdr *zuf_pool_hdr(struct zuf_pool *pool);
zu_dpp_t zuf_pool_dpp(const struct zuf_pool *pool);
/* Lengths and offsets are inside of what zuf_pool_take() was asked for. */
void zuf_pool_write(struct zuf_pool *pool, const void *from, size_t len);
void zuf_pool_read(struct zuf_pool *pool, size_t off, void *to, size_t len);

/* stats.c */
const char *zuf_op_name(u16 op);
void zuf_stats_init(void);
void zuf_stats_exit(void);
int zuf_stats_add(struct zuf_sb_info *sbi);
void zuf_stats_del(struct zuf_sb_info *sbi);

#endif /* _ZUF_CORE_H */
