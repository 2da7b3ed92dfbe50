// SPDX-License-Identifier: GPL-2.0
/*
 * What the background channel does for inodes: evictions, and grants that go
 * back. Nobody waits for it but a new inode of that number, a caller that found
 * no space, and umount.
 */
#include <linux/freezer.h>
#include <linux/hash.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "fs.h"

struct back_op {
	struct list_head node;	/* of sbi->evicting, in order of seq */
	struct hlist_node hash; /* of sbi->evicting_ino */
	struct zuf_sb_info *sbi;
	struct inode *inode; /* a reference is held; NULL: none */
	struct work_struct work;
	u64 ino;
	u64 seq;
};

static struct workqueue_struct *put_wq;

/* ---- what was answered before ---- */

static u32 slot_of(u64 ino)
{
	return hash_64(ino, ZUF_EVICTED_BITS);
}

u64 zuf_evict_last(const struct zuf_sb_info *sbi)
{
	return READ_ONCE(sbi->evict_seq);
}

bool zuf_evicted_since(const struct zuf_sb_info *sbi, u64 ino, u64 since)
{
	return READ_ONCE(sbi->evicted[slot_of(ino)]) > since;
}

/* evict_lock is held. */
static void note_done(struct zuf_sb_info *sbi, u64 ino)
{
	WRITE_ONCE(sbi->evicted[slot_of(ino)], ++sbi->evict_seq);
}

/* ---- the operations ---- */

static void back_over(struct back_op *bo)
{
	struct zuf_sb_info *sbi = bo->sbi;

	/* Wakes under the lock: who waits for the last one may free @sbi then. */
	spin_lock(&sbi->evict_lock);
	list_del(&bo->node);
	hash_del(&bo->hash);
	note_done(sbi, bo->ino);
	sbi->evict_over++;
	wake_up_all(&sbi->evict_wq);
	spin_unlock(&sbi->evict_lock);
	kfree(bo);
}

/* The last reference may wait for pages that a ZT writes back: not here. */
static void put_inode(struct work_struct *work)
{
	struct back_op *bo = container_of(work, struct back_op, work);

	iput(bo->inode);
	back_over(bo);
}

static void back_done(struct zuf_req *req)
{
	struct back_op *bo = req->private;

	if (bo->inode)
		queue_work(put_wq, &bo->work);
	else
		back_over(bo);
	zuf_req_put(req);
}

int zuf_evict_init(void)
{
	put_wq = alloc_workqueue("zuf", 0, 0);
	return put_wq ? 0 : -ENOMEM;
}

void zuf_evict_exit(void)
{
	destroy_workqueue(put_wq);
}

static void back(struct inode *inode, u16 op, size_t size, bool hold)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	struct zuf_req *req = zuf_req_alloc(sbi, op, size, size, size);
	struct back_op *bo = req ? kmalloc(sizeof(*bo), GFP_NOFS) : NULL;

	/* The server has it until umount, or for good: nothing is lost. */
	if (!bo) {
		spin_lock(&sbi->evict_lock);
		note_done(sbi, inode->i_ino);
		spin_unlock(&sbi->evict_lock);
		if (req)
			zuf_req_put(req);
		return;
	}
	zuf_fill_op(req, inode);
	bo->sbi = sbi;
	bo->inode = NULL;
	if (hold) {
		ihold(inode);
		bo->inode = inode;
		INIT_WORK(&bo->work, put_inode);
	}
	bo->ino = inode->i_ino;
	spin_lock(&sbi->evict_lock);
	bo->seq = ++sbi->evict_seq;
	list_add_tail(&bo->node, &sbi->evicting);
	hash_add(sbi->evicting_ino, &bo->hash, bo->ino);
	spin_unlock(&sbi->evict_lock);
	req->private = bo;
	req->done = back_done;
	zuf_dispatch_back(sbi, req);
}

void zuf_back(struct inode *inode, u16 op, size_t size)
{
	back(inode, op, size, false);
}

void zuf_back_hold(struct inode *inode, u16 op, size_t size)
{
	back(inode, op, size, true);
}

void zuf_evict_inode(struct inode *inode)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	struct zuf_inode_info *ii = ZUF_I(inode);
	bool pinned = zuf_pins_forget(inode);

	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	spin_lock(&sbi->grant_lock);
	list_del_init(&ii->grant_node);
	spin_unlock(&sbi->grant_lock);
	zuf_extmap_drop(&ii->map);
	if (is_bad_inode(inode) || !ii->iref.ino)
		return;
	/* The blocks of pinned pages are free when the server has no mount. */
	zuf_back(inode,
		 inode->i_nlink || pinned ? ZUFS_OP_EVICT_INODE :
					    ZUFS_OP_FREE_INODE,
		 sizeof(struct zufs_ioc_op));
}

/* Nothing of @ino is under way. evict_lock. */
static bool ino_done(struct zuf_sb_info *sbi, u64 ino)
{
	struct back_op *bo;

	hash_for_each_possible(sbi->evicting_ino, bo, hash, ino)
		if (bo->ino == ino)
			return false;
	return true;
}

/* Of @ino all is done; or, if that is 0, of any inode what was begun up to @seq. */
static bool is_done(struct zuf_sb_info *sbi, u64 ino, u64 seq)
{
	struct back_op *first;
	bool done;

	spin_lock(&sbi->evict_lock);
	first = list_first_entry_or_null(&sbi->evicting, struct back_op, node);
	done = !first || (ino ? ino_done(sbi, ino) : first->seq > seq);
	spin_unlock(&sbi->evict_lock);
	return done;
}

/*
 * -ERESTARTSYS: a fatal signal. As in wait_mode(), freezable after a second in
 * which the server has answered none of them.
 */
static int wait_done(struct zuf_sb_info *sbi, u64 ino, u64 seq)
{
	u64 over;
	long left;

	do {
		over = READ_ONCE(sbi->evict_over);
		left = wait_event_killable_timeout(sbi->evict_wq,
						   is_done(sbi, ino, seq), HZ);
	} while (!left && READ_ONCE(sbi->evict_over) != over);
	if (!left)
		left = wait_event_state(sbi->evict_wq, is_done(sbi, ino, seq),
					(TASK_KILLABLE |
					 TASK_FREEZABLE_UNSAFE));
	return left < 0 ? left : 0;
}

int zuf_evict_wait(struct zuf_sb_info *sbi, u64 ino)
{
	if (list_empty_careful(&sbi->evicting))
		return 0;
	return wait_done(sbi, ino, U64_MAX);
}

bool zuf_back_wait(struct zuf_sb_info *sbi)
{
	u64 seq;

	spin_lock(&sbi->evict_lock);
	seq = list_empty(&sbi->evicting) ? 0 : sbi->evict_seq;
	spin_unlock(&sbi->evict_lock);
	return seq && !wait_done(sbi, 0, seq);
}

/* Bounded: the time limit of the server ends it, and no signal does. */
void zuf_evict_wait_all(struct zuf_sb_info *sbi)
{
	if (wait_done(sbi, 0, U64_MAX))
		wait_event_state(sbi->evict_wq, is_done(sbi, 0, U64_MAX),
				 (TASK_UNINTERRUPTIBLE |
				  TASK_FREEZABLE_UNSAFE));
}
