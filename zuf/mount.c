// SPDX-License-Identifier: GPL-2.0
/*
 * Mount operations, and the server's mount thread.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "core.h"
#include "trace.h"

static struct zuf_mreq *mreq_new(void)
{
	struct zuf_mreq *mr = kzalloc(sizeof(*mr), GFP_KERNEL);

	if (mr)
		refcount_set(&mr->ref, 1);
	return mr;
}

static void mreq_put(struct zuf_mreq *mr)
{
	if (refcount_dec_and_test(&mr->ref))
		kfree(mr);
}

/* ---- the caller ---- */

static int mreq_post(struct zuf_root *root, u64 epoch, struct zuf_mreq *mr)
{
	int err = 0;

	spin_lock(&root->mount_lock);
	if (!zuf_is_live(root, epoch)) {
		err = -EIO;
	} else {
		mr->state = RELAY_QUEUED;
		refcount_inc(&mr->ref);
		list_add_tail(&mr->node, &root->mount_queue);
	}
	spin_unlock(&root->mount_lock);
	wake_up(&root->mount_wq);
	return err;
}

/* True: it was still queued. One that runs is waited for, or the epoch's end. */
static bool mreq_abandon(struct zuf_root *root, struct zuf_mreq *mr)
{
	bool queued;

	spin_lock(&root->mount_lock);
	queued = mr->state == RELAY_QUEUED;
	if (queued) {
		mr->state = RELAY_ABANDONED;
		list_del(&mr->node);
		refcount_dec(&mr->ref);
	}
	spin_unlock(&root->mount_lock);
	return queued;
}

static bool mreq_over(struct zuf_mreq *mr)
{
	return smp_load_acquire(&mr->state) >= RELAY_DONE;
}

/* A UMOUNT is never abandoned: the server would keep what the kernel has forgotten. */
static int mreq_wait(struct zuf_root *root, struct zuf_mreq *mr)
{
	int err = zuf_wait_event(root->mount_done, mreq_over(mr));

	if (err && mr->msg.hdr.operation != ZUFS_M_UMOUNT &&
	    mreq_abandon(root, mr))
		return -EINTR;
	wait_event_state(root->mount_done, mreq_over(mr),
			 (TASK_UNINTERRUPTIBLE | TASK_FREEZABLE_UNSAFE));
	return mr->state == RELAY_DEAD ? -EIO : 0;
}

/* What the server answers to MOUNT, and nothing else. */
static void take_mount(struct zufs_ioc_mount *to,
		       const struct zufs_ioc_mount *from)
{
	to->sbi_handle = from->sbi_handle;
	to->root = from->root;
	to->fs_caps = from->fs_caps;
	to->falloc_sup = from->falloc_sup;
	to->blocksize_bits = from->blocksize_bits;
}

static void fill_in(struct zuf_sb_info *sbi, enum e_mount_operation op,
		    struct zufs_ioc_mount *zim)
{
	memset(&zim->hdr, 0, sizeof(zim->hdr));
	zim->hdr.operation = op;
	zim->hdr.in_len = sizeof(*zim);
	zim->hdr.out_start = offsetof(struct zufs_ioc_mount, sbi_handle);
	zim->hdr.out_max = sizeof(*zim) - zim->hdr.out_start;
	zim->zfi_id = sbi->zfi_id;
	zim->sb_id = sbi->sb_id;
	zim->sbi_handle = sbi->sbi_handle;
	zim->num_cpu = nr_cpu_ids;
	zim->num_channels = ZUFS_NUM_CHANNELS;
	zim->t1_blocks = sbi->md.blocks;
}

/* Hands the message over and waits. */
static int mreq_run(struct zuf_root *root, u64 epoch, struct zuf_mreq *mr)
{
	int err;

	if (current->pid == READ_ONCE(root->mount_pid))
		return -EDEADLK; /* who would answer it? */
	mr->round = READ_ONCE(root->round);
	err = mreq_post(root, epoch, mr);
	if (!err)
		err = mreq_wait(root, mr);
	return err ? err : mr->msg.hdr.err;
}

int zuf_dispatch_mount(struct zuf_sb_info *sbi, enum e_mount_operation op,
		       struct zufs_ioc_mount *zim)
{
	struct zuf_mreq *mr;
	int err;

	if (READ_ONCE(sbi->dead))
		return -EIO;
	mr = mreq_new();
	if (!mr)
		return -ENOMEM;
	fill_in(sbi, op, zim);
	mr->msg.zim = *zim;
	err = mreq_run(sbi->root, sbi->epoch, mr);
	trace_zuf_mount(sbi, op, err);
	if (!err)
		take_mount(zim, &mr->msg.zim);
	mreq_put(mr);
	return err;
}

int zuf_dispatch_ddbg(struct zuf_root *root, enum e_mount_operation op,
		      struct zufs_ioc_ddbg *d)
{
	struct zuf_mreq *mr = mreq_new();
	u64 epoch = READ_ONCE(root->live);
	int err;

	if (!mr)
		return -ENOMEM;
	memset(&d->hdr, 0, sizeof(d->hdr));
	d->hdr.operation = op;
	d->hdr.in_len = offsetof(struct zufs_ioc_ddbg, text) +
			(op == ZUFS_M_DDBG_WR ? d->len : 0);
	d->hdr.out_start = offsetof(struct zufs_ioc_ddbg, pos);
	d->hdr.out_max = sizeof(*d) - d->hdr.out_start;
	mr->msg.ddbg = *d;
	err = epoch ? mreq_run(root, epoch, mr) : -ENOTCONN;
	if (!err)
		*d = mr->msg.ddbg;
	mreq_put(mr);
	return err;
}

/* ---- the mount thread ---- */

/* What the caller took and didn't answer, or NULL. mount_lock is held. */
static struct zuf_mreq *own(struct zuf_root *root, u64 epoch)
{
	struct zuf_mreq *mr = root->mount_cur;

	return mr && zuf_is_live(root, epoch) && mr->taker == current->pid ?
		       mr :
		       NULL;
}

static bool has_own(struct zuf_root *root, u64 epoch)
{
	bool has;

	spin_lock(&root->mount_lock);
	has = own(root, epoch);
	spin_unlock(&root->mount_lock);
	return has;
}

/* @to is what the kernel sent: it has the room. */
static int take_ddbg(struct zufs_ioc_ddbg *to, const struct zufs_ioc_ddbg *from)
{
	if (to->hdr.operation == ZUFS_M_DDBG_WR)
		return 0;
	if (from->len > to->len)
		return -EIO;
	to->pos = from->pos;
	to->len = from->len;
	memcpy(to->text, from->text, from->len);
	return 0;
}

static int take_outputs(union zuf_mmsg *to, const union zuf_mmsg *from)
{
	int err = zuf_check_errno(from->hdr.err);

	if (err)
		return err;
	switch (to->hdr.operation) {
	case ZUFS_M_DDBG_RD:
	case ZUFS_M_DDBG_WR:
		return take_ddbg(&to->ddbg, &from->ddbg);
	default:
		take_mount(&to->zim, &from->zim);
		return 0;
	}
}

static void answer(struct zuf_root *root, u64 epoch, const union zuf_mmsg *from)
{
	struct zuf_mreq *mr;

	spin_lock(&root->mount_lock);
	mr = own(root, epoch);
	if (mr) {
		root->mount_cur = NULL;
		root->mount_moved = READ_ONCE(root->round);
		mr->msg.hdr.err = take_outputs(&mr->msg, from);
		smp_store_release(&mr->state, RELAY_DONE);
	}
	spin_unlock(&root->mount_lock);
	if (!mr)
		return;
	wake_up_all(&root->mount_done);
	mreq_put(mr);
}

static bool has_news(struct zuf_root *root, u64 epoch)
{
	return !list_empty_careful(&root->mount_queue) ||
	       READ_ONCE(root->mount_brk) || !zuf_is_live(root, epoch);
}

/* The next operation in @msg. EBUSY: another thread has one and didn't answer. */
static int next(struct zuf_root *root, u64 epoch, union zuf_mmsg *msg)
{
	struct zuf_mreq *mr;
	int err = 0;

	spin_lock(&root->mount_lock);
	mr = list_first_entry_or_null(&root->mount_queue, struct zuf_mreq,
				      node);
	if (!zuf_is_live(root, epoch)) {
		err = -ENOTCONN;
	} else if (root->mount_cur) {
		err = -EBUSY;
	} else if (mr) {
		list_del_init(&mr->node);
		mr->state = RELAY_RUNNING;
		mr->taker = current->pid;
		mr->round = READ_ONCE(root->round);
		root->mount_moved = mr->round;
		root->mount_cur = mr;
		*msg = mr->msg;
	} else {
		root->mount_brk = false;
		memset(msg, 0, sizeof(*msg));
		msg->hdr.operation = ZUFS_M_BREAK;
	}
	spin_unlock(&root->mount_lock);
	return err;
}

static void set_ready(struct zuf_root *root, u64 epoch)
{
	mutex_lock(&root->ctl);
	if (zuf_is_live(root, epoch)) {
		root->state = ZUF_ROOT_MOUNT_READY;
		WRITE_ONCE(root->mount_pid, current->pid);
	}
	mutex_unlock(&root->ctl);
}

long zuf_mount_wait(struct zuf_file *zf, void __user *arg)
{
	struct zuf_root *root = zf->root;
	union zuf_mmsg *msg = kzalloc(sizeof(*msg), GFP_KERNEL);
	int err;

	if (!msg)
		return -ENOMEM;
	/* As in zuf_zt_wait(): a suspend waits for mounts under way. */
	current->flags |= PF_NOFREEZE;
	set_ready(root, zf->epoch);
	/*
	 * The copy takes as long as the server likes; meanwhile the operation is
	 * where the time limit and abort find it.
	 */
	if (has_own(root, zf->epoch)) {
		if (copy_from_user(msg, arg, sizeof(*msg)))
			msg->hdr.err = -EIO;
		answer(root, zf->epoch, msg);
	}
	err = wait_event_interruptible(root->mount_wq,
				       has_news(root, zf->epoch));
	if (err)
		err = -EINTR;
	else
		err = next(root, zf->epoch, msg);
	if (!err && copy_to_user(arg, msg, sizeof(*msg)))
		err = -EFAULT;
	if (err || msg->hdr.operation == ZUFS_M_BREAK)
		current->flags &= ~PF_NOFREEZE;
	kfree(msg);
	return err;
}

/* ---- the end of an epoch, and the time limit ---- */

void zuf_mounts_kill(struct zuf_root *root)
{
	struct zuf_mreq *mr, *n;
	LIST_HEAD(all);

	spin_lock(&root->mount_lock);
	list_splice_init(&root->mount_queue, &all);
	if (root->mount_cur)
		list_add(&root->mount_cur->node, &all);
	root->mount_cur = NULL;
	list_for_each_entry(mr, &all, node)
		smp_store_release(&mr->state, RELAY_DEAD);
	spin_unlock(&root->mount_lock);
	wake_up_all(&root->mount_done);
	wake_up_all(&root->mount_wq);
	list_for_each_entry_safe(mr, n, &all, node)
		mreq_put(mr);
}

#define NAME(name) [ZUFS_M_##name] = #name,
static const char *const op_names[] = { ZUF_MOUNT_OPS(NAME) };

/* The limit is for one answer, as in lane_late(): a queue waits for the one that runs. */
bool zuf_mounts_late(struct zuf_root *root, unsigned int limit, char *why,
		     size_t size)
{
	struct zuf_mreq *mr;
	bool late;

	spin_lock(&root->mount_lock);
	mr = root->mount_cur;
	if (!mr)
		mr = list_first_entry_or_null(&root->mount_queue,
					      struct zuf_mreq, node);
	late = mr && zuf_is_late(root, mr->round, limit) &&
	       zuf_is_late(root, root->mount_moved, limit);
	if (late)
		snprintf(why, size, "it did not %s a %s in time",
			 root->mount_cur ? "answer" : "take",
			 op_names[mr->msg.hdr.operation]);
	spin_unlock(&root->mount_lock);
	return late;
}
