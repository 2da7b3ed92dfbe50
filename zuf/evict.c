// SPDX-License-Identifier: GPL-2.0
/*
 * Eviction: the server is told on the background channel, and nobody waits but
 * a new inode of that number, and umount.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "fs.h"

struct eviction {
	struct list_head node; /* of sbi->evicting */
	struct zuf_sb_info *sbi;
	u64 ino;
};

static void evicted(struct zuf_req *req)
{
	struct eviction *ev = req->private;
	struct zuf_sb_info *sbi = ev->sbi;

	spin_lock(&sbi->evict_lock);
	list_del(&ev->node);
	spin_unlock(&sbi->evict_lock);
	kfree(ev);
	zuf_req_put(req);
	atomic_dec(&sbi->evict_count);
	wake_up_all(&sbi->evict_wq);
}

static void send_eviction(struct inode *inode)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	u16 op = inode->i_nlink ? ZUFS_OP_EVICT_INODE : ZUFS_OP_FREE_INODE;
	struct eviction *ev = kmalloc(sizeof(*ev), GFP_NOFS | __GFP_NOFAIL);
	struct zuf_req *req;

	req = zuf_req_alloc(sbi, op, sizeof(struct zufs_ioc_evict_inode),
			    sizeof(struct zufs_ioc_evict_inode),
			    sizeof(struct zufs_ioc_evict_inode));
	if (!req) {
		/* The server keeps it until umount; the next mount frees it. */
		kfree(ev);
		return;
	}
	zuf_fill_op(req, inode);
	ev->sbi = sbi;
	ev->ino = inode->i_ino;
	spin_lock(&sbi->evict_lock);
	list_add_tail(&ev->node, &sbi->evicting);
	spin_unlock(&sbi->evict_lock);
	req->private = ev;
	req->done = evicted;
	atomic_inc(&sbi->evict_count);
	zuf_dispatch_back(sbi, req);
}

void zuf_evict_inode(struct inode *inode)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	struct zuf_inode_info *ii = ZUF_I(inode);

	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	spin_lock(&sbi->grant_lock);
	list_del_init(&ii->grant_node);
	spin_unlock(&sbi->grant_lock);
	zuf_extmap_drop(&ii->map);
	if (!is_bad_inode(inode) && ii->iref.ino)
		send_eviction(inode);
}

static bool is_evicting(struct zuf_sb_info *sbi, u64 ino)
{
	struct eviction *ev;
	bool found = false;

	spin_lock(&sbi->evict_lock);
	list_for_each_entry(ev, &sbi->evicting, node)
		found |= ev->ino == ino;
	spin_unlock(&sbi->evict_lock);
	return found;
}

int zuf_evict_wait(struct zuf_sb_info *sbi, u64 ino)
{
	if (!atomic_read(&sbi->evict_count))
		return 0;
	return wait_event_killable(sbi->evict_wq, !is_evicting(sbi, ino));
}

/* Bounded: the time limit of the server ends it. */
void zuf_evict_wait_all(struct zuf_sb_info *sbi)
{
	wait_event(sbi->evict_wq, !atomic_read(&sbi->evict_count));
}
