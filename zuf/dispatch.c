// SPDX-License-Identifier: GPL-2.0
/*
 * Requests, and their callers' side of the relay.
 */
#include <linux/freezer.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>

#include "core.h"
#include "trace.h"

static unsigned int app_spin_us = 50;
module_param_named(app_spin_us, app_spin_us, uint, 0644);
MODULE_PARM_DESC(
	app_spin_us,
	"microseconds a caller spins for a ZT on another CPU, at most 100");

static struct kmem_cache *req_cache;
static atomic64_t last_unique;

int zuf_req_cache_init(void)
{
	/* Above all that came before, unless the clock was set back. */
	atomic64_set(&last_unique, ktime_get_real_ns());
	req_cache = KMEM_CACHE(zuf_req, 0);
	return req_cache ? 0 : -ENOMEM;
}

void zuf_req_cache_exit(void)
{
	kmem_cache_destroy(req_cache);
}

struct zuf_req *zuf_req_alloc(struct zuf_sb_info *sbi, u16 op, size_t size,
			      size_t in_len, size_t out_start)
{
	unsigned int nofs = memalloc_nofs_save();
	struct zuf_req *req = kmem_cache_zalloc(req_cache, GFP_KERNEL);
	struct zufs_ioc_op *o = NULL;

	if (req)
		o = kvzalloc(size, GFP_KERNEL);
	memalloc_nofs_restore(nofs);
	if (!o) {
		if (req)
			kmem_cache_free(req_cache, req);
		return NULL;
	}
	refcount_set(&req->ref, 1);
	INIT_LIST_HEAD(&req->queue);
	req->unique = atomic64_inc_return(&last_unique);
	req->size = size;
	req->hdr = &o->hdr;
	o->hdr.operation = op;
	o->hdr.in_len = in_len;
	o->hdr.out_start = out_start;
	o->hdr.out_max = size - out_start;
	o->hdr.unique = req->unique;
	o->sb_id = sbi->sb_id;
	return req;
}

void zuf_req_put(struct zuf_req *req)
{
	if (!refcount_dec_and_test(&req->ref))
		return;
	if (req->waiter)
		put_task_struct(req->waiter);
	if (req->window)
		zuf_window_put(req->window);
	zuf_pool_put(req);
	kvfree(req->hdr);
	kmem_cache_free(req_cache, req);
}

void zuf_req_again(struct zuf_req *req)
{
	/* The ZT that answered may hold its reference still, and nothing else. */
	atomic_set(&req->state, RELAY_NEW);
	if (req->window)
		zuf_window_put(req->window);
	req->window = NULL;
	req->unique = atomic64_inc_return(&last_unique);
	req->hdr->unique = req->unique;
	req->err = 0;
	req->slow = false;
	req->intr = false;
}

int zuf_req_grow(struct zuf_req *req, u32 need)
{
	size_t size = (size_t)req->hdr->out_start + need;
	struct zufs_ioc_hdr *hdr;
	unsigned int nofs;

	if (size > ZUFS_MAX_POOL_SIZE)
		return -E2BIG;
	nofs = memalloc_nofs_save();
	hdr = kvzalloc(size, GFP_KERNEL);
	memalloc_nofs_restore(nofs);
	if (!hdr)
		return -ENOMEM;
	memcpy(hdr, req->hdr, req->hdr->in_len);
	hdr->out_max = need;
	kvfree(req->hdr);
	req->hdr = hdr;
	req->size = size;
	return 0;
}

/* The request is over: whoever made it so tells its owner, once. */
void zuf_req_finish(struct zuf_req *req)
{
	if (req->wait == ZUF_WAIT_BACK)
		req->done(req);
	else
		wake_up_process(req->waiter);
}

/* ---- the way to a ZT ---- */

static struct zuf_lane *lane_of_caller(struct zuf_root *root)
{
	unsigned int cpu = raw_smp_processor_id();

	if (cpumask_test_cpu(cpu, root->served))
		return &root->cpu[cpu];
	cpu = cpumask_any(root->served);
	return cpu < nr_cpu_ids ? &root->cpu[cpu] : NULL;
}

static bool claim_any(struct zuf_lane *lane, int how)
{
	struct zuf_zt *zt;

	list_for_each_entry(zt, &lane->zts, node) {
		if (!relay_zt_claim(&zt->state, how))
			continue;
		if (how == RELAY_IDLE)
			wake_up_process(zt->task);
		return true;
	}
	return false;
}

/* lane->lock is held; the queue takes a reference. */
static void lane_put(struct zuf_lane *lane, struct zuf_req *req)
{
	zuf_assert(atomic_read(&req->state) == RELAY_NEW);
	refcount_inc(&req->ref);
	atomic_set(&req->state, RELAY_QUEUED);
	req->started = jiffies;
	req->round = READ_ONCE(req->root->round);
	req->lane = lane;
	list_add_tail(&req->queue, &lane->queue);
	relay_posted();
}

/* A ZT that spins on another CPU answers soonest, and no switch is needed. */
static bool try_spinning(struct zuf_root *root, u64 epoch, struct zuf_req *req)
{
	unsigned int cpu =
		cpumask_any_but(root->spinning, raw_smp_processor_id());
	struct zuf_lane *lane;
	bool claimed = false;

	if (cpu >= nr_cpu_ids)
		return false;
	lane = &root->cpu[cpu];
	spin_lock(&lane->lock);
	if (zuf_is_live(root, epoch) && list_empty(&lane->queue)) {
		lane_put(lane, req);
		claimed = claim_any(lane, RELAY_SPIN);
		if (!claimed) {
			list_del_init(&req->queue);
			atomic_set(&req->state, RELAY_NEW);
			refcount_dec(&req->ref);
		}
	}
	spin_unlock(&lane->lock);
	return claimed;
}

static int lane_post(struct zuf_root *root, u64 epoch, struct zuf_lane *lane,
		     struct zuf_req *req)
{
	spin_lock(&lane->lock);
	if (!zuf_is_live(root, epoch) || list_empty(&lane->zts)) {
		spin_unlock(&lane->lock);
		return -EIO;
	}
	lane_put(lane, req);
	if (!claim_any(lane, RELAY_SPIN))
		claim_any(lane, RELAY_IDLE);
	spin_unlock(&lane->lock);
	return 0;
}

static int post(struct zuf_sb_info *sbi, struct zuf_req *req)
{
	struct zuf_root *root = sbi->root;
	struct zuf_lane *lane;

	trace_zuf_post(req);
	req->cpu = raw_smp_processor_id();
	if (req->wait == ZUF_WAIT_BACK)
		return lane_post(root, sbi->epoch, &root->back, req);
	if (try_spinning(root, sbi->epoch, req))
		return 0;
	lane = lane_of_caller(root);
	return lane ? lane_post(root, sbi->epoch, lane, req) : -EIO;
}

/* ---- waiting ---- */

/* Takes it out of the queue, unless a ZT or the end of the epoch just did. */
static void unqueue(struct zuf_req *req)
{
	struct zuf_lane *lane = req->lane;
	bool listed;

	spin_lock(&lane->lock);
	listed = !list_empty(&req->queue);
	list_del_init(&req->queue);
	spin_unlock(&lane->lock);
	if (listed)
		zuf_req_put(req);
}

/* One that runs stays in its lane: the server owes an answer, by the time limit. */
static bool try_abandon(struct zuf_req *req)
{
	bool queued = relay_req_abandon(&req->state, RELAY_QUEUED);

	if (!queued && (req->wait != ZUF_WAIT_KILL_RO ||
			!relay_req_abandon(&req->state, RELAY_RUNNING)))
		return false;
	trace_zuf_abandon(req);
	if (queued)
		unqueue(req);
	return true;
}

static void app_spin(struct zuf_req *req)
{
	u64 end;

	if (req->lane == &req->root->cpu[req->cpu] || !app_spin_us)
		return;
	end = ktime_get_ns() + min(app_spin_us, 100u) * NSEC_PER_USEC;
	while (!relay_req_over(&req->state) && single_task_running() &&
	       !need_resched() && !signal_pending(current) &&
	       ktime_get_ns() < end)
		cpu_relax();
}

/*
 * A caller of a server that answers is frozen on its way back to user space,
 * with no lock held. One of a server that hangs must not hold up a suspend, with
 * its locks, which is what "unsafe" says; zuf_lanes_late() wakes it.
 */
static unsigned int wait_mode(const struct zuf_req *req, unsigned int mode)
{
	return time_after(jiffies, READ_ONCE(req->started) + HZ) ?
		       mode | TASK_FREEZABLE_UNSAFE :
		       mode;
}

/*
 * 0: the request is over; -EINTR: it was abandoned. A signal that isn't fatal is
 * told to the server, once, and the wait goes on.
 */
static int wait_over(struct zuf_req *req)
{
	unsigned int mode = TASK_INTERRUPTIBLE;
	int err = 0;

	app_spin(req);
	for (;;) {
		set_current_state(wait_mode(req, mode));
		if (relay_req_over(&req->state))
			break;
		if (mode == TASK_INTERRUPTIBLE && signal_pending(current)) {
			mode = TASK_KILLABLE;
			/* The freezer's is none. */
			if (task_sigpending(current) && !freezing(current))
				zuf_zt_interrupt(req);
			continue;
		}
		if (mode == TASK_KILLABLE && fatal_signal_pending(current)) {
			if (try_abandon(req)) {
				err = -EINTR;
				break;
			}
			/* The VFS locks protect it until its answer. */
			mode = TASK_UNINTERRUPTIBLE;
			continue;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return err;
}

int zuf_req_answer(struct zuf_req *req, size_t min_out)
{
	if (atomic_read(&req->state) == RELAY_DEAD)
		return -EIO;
	if (req->err)
		return req->err;
	return req->hdr->out_len < min_out ? -EIO : 0;
}

static int may_dispatch(struct zuf_sb_info *sbi)
{
	if (READ_ONCE(sbi->dead))
		return -EIO;
	if (current->tgid == sbi->root->tgid)
		return -EDEADLK;
	return 0;
}

static bool needs_pool(const struct zuf_sb_info *sbi, const struct zuf_req *req)
{
	return max_t(size_t, req->size, req->hdr->in_len) >
	       atomic_read(&sbi->root->op_size);
}

static int dispatch_once(struct zuf_sb_info *sbi, struct zuf_req *req,
			 size_t min_out)
{
	int err = may_dispatch(sbi);

	if (!err && needs_pool(sbi, req))
		err = zuf_pool_take(sbi, req);
	if (err)
		return err;
	zuf_count_op(sbi, req->hdr->operation);
	err = post(sbi, req);
	if (!err)
		err = wait_over(req);
	zuf_window_hide(req);
	if (!err)
		err = zuf_req_answer(req, min_out);
	/* Answered: no ZT looks at the pool any more, as it may in other states. */
	if (atomic_read(&req->state) == RELAY_DONE)
		zuf_pool_put(req);
	return err;
}

#define MAX_RETRIES 8 /* what is asked for may grow meanwhile, not for ever */

int zuf_dispatch(struct zuf_sb_info *sbi, struct zuf_req *req, size_t min_out)
{
	int err, tries = 0;

	zuf_assert(req->wait != ZUF_WAIT_BACK);
	req->root = sbi->root;
	if (!req->waiter)
		req->waiter = get_task_struct(current);
	for (;;) {
		err = dispatch_once(sbi, req, min_out);
		if (err == -EZUFS_RETRY)
			err = tries++ < MAX_RETRIES ? req->oh(req, req->need) :
						      -EIO;
		if (err != -EZUF_RETRY_DONE)
			break;
		zuf_req_again(req);
	}
	return err;
}

void zuf_dispatch_back(struct zuf_sb_info *sbi, struct zuf_req *req)
{
	int err = READ_ONCE(sbi->dead) ? -EIO : 0;

	req->wait = ZUF_WAIT_BACK;
	req->root = sbi->root;
	zuf_count_op(sbi, req->hdr->operation);
	if (!err)
		err = post(sbi, req);
	if (!err)
		return;
	req->err = err;
	atomic_set(&req->state, RELAY_DEAD);
	req->done(req);
}

/* ---- the end of an epoch, and the time limit ---- */

/*
 * One request less; false: there is none, or a ZT to serve it, which may be a new
 * server's. Callers may take theirs out meanwhile.
 */
static bool kill_first(struct zuf_lane *lane)
{
	struct zuf_req *req = NULL;
	bool won = false;

	spin_lock(&lane->lock);
	if (list_empty(&lane->zts))
		req = list_first_entry_or_null(list_empty(&lane->queue) ?
						       &lane->running :
						       &lane->queue,
					       struct zuf_req, queue);
	if (req) {
		list_del_init(&req->queue);
		won = relay_req_kill(&req->state);
	}
	spin_unlock(&lane->lock);
	if (!req)
		return false;
	if (won)
		zuf_req_finish(req);
	zuf_req_put(req);
	return true;
}

void zuf_lane_kill(struct zuf_lane *lane)
{
	while (kill_first(lane))
		;
}

void zuf_lanes_kill(struct zuf_root *root)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		zuf_lane_kill(&root->cpu[cpu]);
	zuf_lane_kill(&root->back);
}

static const char *caller_of(const struct zuf_req *req)
{
	return req->waiter ? req->waiter->comm : "zuf";
}

/* The first of @list that is late, or NULL. lane->lock is held. */
static struct zuf_req *list_late(struct list_head *list, unsigned int limit)
{
	struct zuf_req *req, *late = NULL;

	list_for_each_entry(req, list, queue) {
		if (!late && zuf_is_late(req->root, req->round, limit))
			late = req;
		if (req->waiter && !relay_req_over(&req->state) &&
		    time_after(jiffies, req->started + HZ))
			wake_up_process(req->waiter); /* for wait_mode() */
	}
	return late;
}

/* The limit is for one answer: a long queue that moves is not late. */
static bool lane_late(struct zuf_root *root, struct zuf_lane *lane,
		      unsigned int limit, char *why, size_t size)
{
	struct zuf_req *queued, *running, *late;

	spin_lock(&lane->lock);
	queued = list_late(&lane->queue, limit);
	running = list_late(&lane->running, limit);
	if (!zuf_is_late(root, lane->moved, limit))
		queued = NULL;
	late = running ? running : queued;
	if (late)
		snprintf(why, size, "it did not %s %s of %s in time",
			 running ? "answer" : "take",
			 zuf_op_name(late->hdr->operation), caller_of(late));
	spin_unlock(&lane->lock);
	return late;
}

bool zuf_lanes_late(struct zuf_root *root, unsigned int limit, char *why,
		    size_t size)
{
	bool late = lane_late(root, &root->back, limit, why, size);
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		late |= lane_late(root, &root->cpu[cpu], limit, why, size);
	return late;
}

#ifdef CONFIG_ZUF_DEBUG
static unsigned int slow_op_s = 7;
module_param(slow_op_s, uint, 0644);
MODULE_PARM_DESC(slow_op_s, "seconds after which an operation is called slow");

/* lane->lock is held. */
static void list_watch(struct list_head *list, const char *where)
{
	struct zuf_req *req;

	list_for_each_entry(req, list, queue) {
		unsigned long age = (jiffies - req->started) / HZ;

		if (age < slow_op_s || req->slow)
			continue;
		req->slow = true;
		pr_warn_ratelimited(
			"slow: %s (unique %llu) of %s, %s for %lu s\n",
			zuf_op_name(req->hdr->operation), req->unique,
			caller_of(req), where, age);
	}
}

static void lane_watch(struct zuf_lane *lane)
{
	spin_lock(&lane->lock);
	list_watch(&lane->queue, "queued");
	list_watch(&lane->running, "with the server");
	spin_unlock(&lane->lock);
}

void zuf_lanes_watch(struct zuf_root *root)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		lane_watch(&root->cpu[cpu]);
	lane_watch(&root->back);
}
#else
void zuf_lanes_watch(struct zuf_root *root)
{
}
#endif
