// SPDX-License-Identifier: GPL-2.0
/*
 * ZTs: the server's side of the relay.
 */
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>
#include <linux/vmalloc.h>

#include "core.h"
#include "trace.h"

static unsigned int zt_spin_us = 50;
module_param_named(zt_spin_us, zt_spin_us, uint, 0644);
MODULE_PARM_DESC(
	zt_spin_us,
	"microseconds a ZT spins for a caller on another CPU, at most 100");

void zuf_lane_init(struct zuf_lane *lane)
{
	spin_lock_init(&lane->lock);
	INIT_LIST_HEAD(&lane->queue);
	INIT_LIST_HEAD(&lane->running);
	INIT_LIST_HEAD(&lane->zts);
}

/* ---- a ZT comes and goes ---- */

/* The CPU that the caller is pinned to, or -EINVAL. */
static int pinned_cpu(void)
{
	if (cpumask_weight(current->cpus_ptr) != 1)
		return -EINVAL;
	return cpumask_first(current->cpus_ptr);
}

/* What is sent has to fit each ZT. */
static void shrink_op_size(struct zuf_root *root, int size)
{
	int old = atomic_read(&root->op_size);

	while (size < old && !atomic_try_cmpxchg(&root->op_size, &old, size))
		;
}

u32 zuf_op_size(struct zuf_sb_info *sbi)
{
	return atomic_read(&sbi->root->op_size);
}

/* Puts the ZT into its lane. EBUSY: there is one of that channel already. */
static int zt_join(struct zuf_zt *zt)
{
	struct zuf_root *root = zt->root;
	struct zuf_zt *z;
	int err = 0;

	spin_lock(&zt->lane->lock);
	if (!zuf_is_live(root, zt->epoch))
		err = -ENOTCONN;
	list_for_each_entry(z, &zt->lane->zts, node)
		if (z->cpu == zt->cpu && z->channel == zt->channel)
			err = -EBUSY;
	if (!err) {
		shrink_op_size(root, zt->buf_size);
		list_add_tail(&zt->node, &zt->lane->zts);
		if (zt->lane != &root->back)
			cpumask_set_cpu(zt->cpu, root->served);
	}
	spin_unlock(&zt->lane->lock);
	return err;
}

static void zt_free(struct zuf_zt *zt)
{
	if (zt->task)
		put_task_struct(zt->task);
	if (zt->window)
		zuf_window_put(zt->window);
	vfree(zt->buf);
	kfree(zt);
}

static struct zuf_zt *zt_new(struct file *file, int cpu,
			     const struct zufs_ioc_init *init)
{
	struct zuf_zt *zt = kzalloc(sizeof(*zt), GFP_KERNEL);
	struct zuf_file *zf = file->private_data;

	if (!zt)
		return NULL;
	zt->buf = vmalloc_user(init->max_command);
	zt->window = zuf_window_new(file);
	if (!zt->buf || !zt->window) {
		zt_free(zt);
		return NULL;
	}
	INIT_LIST_HEAD(&zt->node);
	zt->buf_size = init->max_command;
	zt->root = zf->root;
	zt->epoch = zf->epoch;
	zt->cpu = cpu;
	zt->channel = init->channel_no;
	zt->lane = zt->channel == ZUFS_BACK_CHANNEL ? &zf->root->back :
						      &zf->root->cpu[cpu];
	zt->task = get_task_struct(current);
	return zt;
}

long zuf_zt_init(struct file *file, struct zufs_ioc_init __user *arg)
{
	struct zuf_file *zf = file->private_data;
	struct zufs_ioc_init init;
	int cpu = pinned_cpu(), err;
	struct zuf_zt *zt;

	if (copy_from_user(&init, arg, sizeof(init)))
		return -EFAULT;
	if (cpu < 0)
		return cpu;
	if (init.channel_no >= ZUFS_NUM_CHANNELS ||
	    init.max_command < ZUFS_MIN_OP_SIZE ||
	    init.max_command > ZUFS_MAX_OP_SIZE ||
	    !PAGE_ALIGNED(init.max_command))
		return -EINVAL;
	init.cpu = cpu;
	if (copy_to_user(arg, &init, sizeof(init)))
		return -EFAULT;
	zt = zt_new(file, cpu, &init);
	if (!zt)
		return -ENOMEM;
	err = zt_join(zt);
	if (err) {
		zt_free(zt);
		return err;
	}
	zf->zt = zt;
	return 0;
}

/* lane->lock is held. */
static void zt_leave(struct zuf_zt *zt)
{
	list_del_init(&zt->node);
	if (list_empty(&zt->lane->zts) && zt->lane != &zt->root->back)
		cpumask_clear_cpu(zt->cpu, zt->root->served);
}

int zuf_zt_mmap(struct zuf_file *zf, struct vm_area_struct *vma)
{
	struct zuf_zt *zt = zf->zt;
	unsigned long off = vma->vm_pgoff << PAGE_SHIFT;

	/* Nobody but the server sees what is an application's. */
	if (zf->root->tgid != current->tgid)
		return -EPERM;
	if (!off)
		return zuf_window_mmap(zt->window, vma);
	if (off != ZUS_API_MAP_MAX_SIZE ||
	    vma->vm_end - vma->vm_start != zt->buf_size)
		return -EINVAL;
	vma->vm_flags |= VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP;
	return remap_vmalloc_range(vma, zt->buf, 0);
}

/* ---- all ZTs of a lane ---- */

/* It comes out of its wait, and sees BREAK. lane->lock is held. */
static void zt_break(struct zuf_zt *zt)
{
	zt->brk = true;
	atomic_set(&zt->state, RELAY_CLAIMED);
	wake_up_process(zt->task);
}

static void lane_break(struct zuf_lane *lane)
{
	struct zuf_zt *zt;

	spin_lock(&lane->lock);
	list_for_each_entry(zt, &lane->zts, node)
		zt_break(zt);
	spin_unlock(&lane->lock);
}

void zuf_lanes_break(struct zuf_root *root)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		lane_break(&root->cpu[cpu]);
	lane_break(&root->back);
}

static bool lane_serves(struct zuf_lane *lane)
{
	struct zuf_zt *zt;
	bool serves = false;

	spin_lock(&lane->lock);
	list_for_each_entry(zt, &lane->zts, node)
		serves |= zt->task == current && zt->req;
	spin_unlock(&lane->lock);
	return serves;
}

bool zuf_zt_serves(struct zuf_root *root)
{
	bool serves = lane_serves(&root->back);
	unsigned int cpu;

	for (cpu = 0; !serves && cpu < nr_cpu_ids; cpu++)
		serves = lane_serves(&root->cpu[cpu]);
	return serves;
}

static void lane_leave(struct zuf_lane *lane)
{
	struct zuf_zt *zt, *next;

	spin_lock(&lane->lock);
	list_for_each_entry_safe(zt, next, &lane->zts, node) {
		zt_break(zt);
		zt_leave(zt);
	}
	spin_unlock(&lane->lock);
}

void zuf_lanes_leave(struct zuf_root *root)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		lane_leave(&root->cpu[cpu]);
	lane_leave(&root->back);
}

/* ---- answer ---- */

/* Where the server finds the operation, and leaves its answer. */
static struct zufs_ioc_hdr *shared_hdr(struct zuf_zt *zt, struct zuf_req *req)
{
	return req->pool ? zuf_pool_hdr(req->pool) : zt->buf;
}

static void copy_outputs(struct zuf_zt *zt, struct zuf_req *req, u32 len)
{
	struct zufs_ioc_hdr *to = req->hdr;
	void *at = (char *)to + to->out_start;

	if (req->pool)
		zuf_pool_read(req->pool, to->out_start, at, len);
	else
		memcpy(at, (char *)zt->buf + to->out_start, len);
	to->out_len = len;
}

/* Each field of the shared buffer is read once, checked, then used. */
static int answer_copy(struct zuf_zt *zt, struct zuf_req *req)
{
	const struct zufs_ioc_hdr *from = shared_hdr(zt, req);
	s32 err = READ_ONCE(from->err);
	u32 out_len = READ_ONCE(from->out_len), out_max = req->hdr->out_max;

	if (err == -EZUFS_RETRY && req->oh && out_len > out_max) {
		req->need = out_len;
		if (req->part)
			copy_outputs(zt, req, out_max);
		return err;
	}
	err = zuf_check_errno(err);
	if (err)
		return err;
	if (out_len > out_max)
		return -EIO;
	copy_outputs(zt, req, out_len);
	return 0;
}

/* @err: what the request ends with; 0: what the server answered. */
static void zt_answer(struct zuf_zt *zt, int err)
{
	struct zuf_req *req = zt->req;
	struct zuf_lane *lane = zt->lane;
	bool listed, won;

	zt->req = NULL;
	zuf_window_hide(req);
	/* Under the lock the end of the epoch can't make the buffer a caller's. */
	spin_lock(&lane->lock);
	if (atomic_read(&req->state) == RELAY_RUNNING) {
		req->err = err ? err : answer_copy(zt, req);
		trace_zuf_answer(req);
	}
	req->zt = NULL;
	lane->moved = READ_ONCE(zt->root->round);
	listed = !list_empty(&req->queue);
	list_del_init(&req->queue);
	won = relay_req_answer(&req->state);
	spin_unlock(&lane->lock);
	if (won)
		zuf_req_finish(req);
	if (listed)
		zuf_req_put(req);
	zuf_req_put(req);
}

/* The file is closed: nobody is in zuf_zt_wait() of it. */
void zuf_zt_release(struct zuf_file *zf)
{
	struct zuf_zt *zt = zf->zt;
	struct zuf_lane *lane = zt->lane;

	spin_lock(&lane->lock);
	if (!list_empty(&zt->node))
		zt_leave(zt);
	spin_unlock(&lane->lock);
	/* Nobody will answer these. */
	if (zt->req)
		zt_answer(zt, -EIO);
	zuf_lane_kill(lane);
	zuf_window_close(zt->window);
	zt_free(zt);
}

/* ---- wait ---- */

/* Its CPU went, which let it run anywhere, and has come back. */
static bool zt_strayed(const struct zuf_zt *zt)
{
	return current->nr_cpus_allowed != 1 && cpu_online(zt->cpu);
}

static u16 flags_of(const struct zuf_zt *zt, const struct zuf_req *req)
{
	return req->hdr->flags | (req->pool ? ZUFS_H_POOL : 0) |
	       (zt_strayed(zt) ? ZUFS_H_PIN : 0);
}

/* The next request of the lane, or NULL. */
static struct zuf_req *lane_take(struct zuf_zt *zt)
{
	struct zuf_lane *lane = zt->lane;
	struct zuf_req *req = NULL;

	spin_lock(&lane->lock);
	while (!list_empty(&zt->node)) {
		req = list_first_entry_or_null(&lane->queue, struct zuf_req,
					       queue);
		if (!req)
			break;
		/* Before it runs: a caller that gives it up looks there. */
		if (req->pages && !req->window)
			req->window = zuf_window_get(zt->window);
		if (relay_req_take(&req->state)) {
			list_move_tail(&req->queue, &lane->running);
			refcount_inc(&req->ref);
			req->zt = zt;
			zt->flags = flags_of(zt, req);
			lane->moved = READ_ONCE(zt->root->round);
			req->round = lane->moved;
			WRITE_ONCE(req->started, jiffies);
			break;
		}
		list_del_init(&req->queue); /* abandoned */
		zuf_req_put(req);
	}
	spin_unlock(&lane->lock);
	return req;
}

static bool zt_has_news(struct zuf_zt *zt)
{
	return !list_empty_careful(&zt->lane->queue) || READ_ONCE(zt->brk) ||
	       !zuf_is_live(zt->root, zt->epoch);
}

/* Looks for work for a while, if nobody else wants this CPU. */
static void zt_spin(struct zuf_zt *zt)
{
	u64 end;

	if (!zt->far || !zt_spin_us)
		return;
	end = ktime_get_ns() + min(zt_spin_us, 100u) * NSEC_PER_USEC;
	relay_zt_idle(&zt->state, RELAY_SPIN);
	cpumask_set_cpu(zt->cpu, zt->root->spinning);
	while (relay_zt_may_sleep(&zt->state, zt_has_news(zt)) &&
	       single_task_running() && !need_resched() &&
	       !signal_pending(current) && ktime_get_ns() < end)
		cpu_relax();
	cpumask_clear_cpu(zt->cpu, zt->root->spinning);
	relay_zt_back(&zt->state);
}

static void zt_sleep(struct zuf_zt *zt)
{
	set_current_state(TASK_INTERRUPTIBLE);
	relay_zt_idle(&zt->state, RELAY_IDLE);
	while (relay_zt_may_sleep(&zt->state, zt_has_news(zt)) &&
	       !signal_pending(current)) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	relay_zt_back(&zt->state);
}

/* The server finds it in the request's pool. */
static void deliver_pool(struct zuf_zt *zt, struct zuf_req *req)
{
	struct zufs_ioc_op *op = zuf_req_op(req, struct zufs_ioc_op);
	struct zufs_ioc_pool *p = zt->buf;

	zuf_pool_write(req->pool, op, op->hdr.in_len);
	p->hdr = op->hdr;
	p->hdr.flags = zt->flags;
	p->sb_id = op->sb_id;
	p->at = zuf_pool_dpp(req->pool);
}

static int zt_deliver(struct zuf_zt *zt, struct zuf_req *req)
{
	struct zufs_ioc_hdr *hdr = req->hdr;
	struct zufs_ioc_hdr *to = zt->buf;

	if (req->pool) {
		deliver_pool(zt, req);
		return 0;
	}
	if (hdr->in_len > zt->buf_size ||
	    hdr->out_start + hdr->out_max > zt->buf_size)
		return -E2BIG;
	memcpy(to, hdr, hdr->in_len);
	to->flags = zt->flags;
	if (req->pages)
		zuf_window_show(req);
	return 0;
}

/*
 * zuf_zt_interrupt() sets req->intr, then the flag, which zt_deliver() may write
 * over: so it is looked at after that.
 */
static void show_signal(struct zuf_zt *zt, const struct zuf_req *req)
{
	struct zufs_ioc_hdr *hdr = zt->buf;

	smp_mb(); /* with the one there: one of us writes the flag last */
	if (READ_ONCE(req->intr))
		WRITE_ONCE(hdr->flags, zt->flags | ZUFS_H_INTR);
}

void zuf_zt_interrupt(struct zuf_req *req)
{
	struct zufs_ioc_hdr *hdr;

	WRITE_ONCE(req->intr, true);
	smp_mb(); /* see show_signal() */
	/* Under the lock the ZT can't begin another operation in the buffer. */
	spin_lock(&req->lane->lock);
	if (req->zt) {
		hdr = req->zt->buf;
		WRITE_ONCE(hdr->flags, req->zt->flags | ZUFS_H_INTR);
	}
	spin_unlock(&req->lane->lock);
}

static void deliver_break(struct zuf_zt *zt)
{
	struct zufs_ioc_hdr *hdr = zt->buf;

	WRITE_ONCE(zt->brk, false);
	memset(hdr, 0, sizeof(*hdr));
	hdr->operation = ZUFS_OP_BREAK;
	hdr->in_len = sizeof(*hdr);
}

/* 1: there is something in the buffer; 0: look again; -errno. */
static int zt_next(struct zuf_zt *zt)
{
	struct zuf_req *req;
	int err;

	if (!zuf_is_live(zt->root, zt->epoch))
		return -ENOTCONN;
	if (READ_ONCE(zt->brk)) {
		deliver_break(zt);
		return 1;
	}
	req = lane_take(zt);
	if (!req)
		return signal_pending(current) ? -EINTR : 0;
	zt->req = req;
	zt->far = zt->lane != &zt->root->back &&
		  req->cpu != raw_smp_processor_id();
	err = zt_deliver(zt, req);
	if (!err) {
		show_signal(zt, req);
		trace_zuf_take(req);
		return 1;
	}
	zt_answer(zt, err);
	return 0;
}

long zuf_zt_wait(struct zuf_file *zf)
{
	struct zuf_zt *zt = zf->zt;
	int ret;

	if (zt->task != current)
		return -EBADF;
	/*
	 * Callers hold VFS locks until they have their answers, and whoever waits
	 * for such a lock can't be frozen. So a suspend lets ZTs serve on, until
	 * the callers are frozen and there is nothing to serve. wait_mode().
	 */
	current->flags |= PF_NOFREEZE;
	if (zt->req)
		zt_answer(zt, 0);
	while (!(ret = zt_next(zt))) {
		zt_spin(zt);
		if (!zt_has_news(zt))
			zt_sleep(zt);
	}
	if (!zt->req)
		current->flags &= ~PF_NOFREEZE;
	return ret < 0 ? ret : 0;
}
