/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * The relay: how a request meets a server thread (ZT), and an answer its
 * caller, with no lost wake-up. The kernel compiles it, and so does
 * tests/unit/test_relay.c, which takes out one barrier or check at a time
 * (RELAY_BREAK, 1 to RELAY_BREAKS) and must then fail.
 *
 * Whoever includes it defines: relay_word (an atomic int), relay_read(),
 * relay_set() (both relaxed), relay_acquire() (a read), relay_cmpxchg(w, old,
 * new) (full barrier, true if it was @old), relay_mb().
 *
 * A ZT is found in two steps. The caller puts its request into the queue, then
 * looks for an idle ZT; the ZT says that it is idle, then looks into the queue.
 * Each step is a store and a load of the other's store: without the barrier
 * between them both may miss each other.
 */
#ifndef _ZUF_RELAY_H
#define _ZUF_RELAY_H

#ifndef RELAY_BREAK
#define RELAY_BREAK 0
#endif
#define RELAY_BREAKS 14

/* State of a ZT. */
enum relay_zt {
	RELAY_AWAY = 0,	   /* in user space, or just taking a request */
	RELAY_IDLE = 1,	   /* sleeps, or is about to */
	RELAY_SPIN = 2,	   /* idle, and looks at its word all the time */
	RELAY_CLAIMED = 3, /* a caller wants it to look into the queue */
};

/* State of a request. */
enum relay_req {
	RELAY_NEW = 0,
	RELAY_QUEUED = 1,
	RELAY_RUNNING = 2,
	RELAY_DONE = 3,	     /* the answer is in the request */
	RELAY_ABANDONED = 4, /* the caller is gone; the answer is nobody's */
	RELAY_DEAD = 5,	     /* the epoch ended */
};

/*
 * True: it was @old, and is @new_ now. @n: the break that makes it a plain test
 * and set, of which two may succeed.
 */
static inline int relay_change(relay_word *w, int old, int new_, int n)
{
	if (RELAY_BREAK != n)
		return relay_cmpxchg(w, old, new_);
	if (relay_read(w) != old)
		return 0;
	relay_set(w, new_);
	return 1;
}

/*
 * ZT: from now on callers may claim it (@how: IDLE or SPIN). After this, and
 * before each sleep, relay_zt_may_sleep() is asked.
 */
static inline void relay_zt_idle(relay_word *zt, int how)
{
	relay_set(zt, how);
	if (RELAY_BREAK != 1)
		relay_mb(); /* with relay_posted(): idle is seen, or the request is */
}

/*
 * ZT: no longer idle, whether a caller claimed it or not. It needs no barrier:
 * the ZT looks into the queue again, under its lock or after relay_zt_idle().
 */
static inline void relay_zt_back(relay_word *zt)
{
	if (RELAY_BREAK != 9)
		relay_set(zt, RELAY_AWAY);
}

/*
 * ZT: may it sleep (on)? @pending: something is in the queue, looked up after
 * relay_zt_idle(). A claimed one may not even if another took the request:
 * nobody would claim it again.
 */
static inline int relay_zt_may_sleep(relay_word *zt, int pending)
{
	if (pending && RELAY_BREAK != 6)
		return 0;
	return relay_read(zt) != RELAY_CLAIMED || RELAY_BREAK == 7;
}

/* Caller: between putting the request into the queue and looking for a ZT. */
static inline void relay_posted(void)
{
	if (RELAY_BREAK != 2)
		relay_mb();
}

/* Caller: true if the ZT was idle and is now claimed: wake it. */
static inline int relay_zt_claim(relay_word *zt, int how)
{
	return relay_read(zt) == how && relay_change(zt, how, RELAY_CLAIMED, 3);
}

/*
 * Take, answer and kill have the lock of the queue, so that they don't meet one
 * another; a caller gives up at any moment, without it.
 */

/* ZT: takes the request; false: it was abandoned. */
static inline int relay_req_take(relay_word *req)
{
	return relay_change(req, RELAY_QUEUED, RELAY_RUNNING, 4);
}

/* ZT: the answer is in the request. True: wake the caller, who sees it. */
static inline int relay_req_answer(relay_word *req)
{
	return relay_change(req, RELAY_RUNNING, RELAY_DONE, 5);
}

/* The epoch ended. True: wake the caller. */
static inline int relay_req_kill(relay_word *req)
{
	return (RELAY_BREAK != 10 &&
		relay_change(req, RELAY_QUEUED, RELAY_DEAD, 11)) ||
	       (RELAY_BREAK != 12 &&
		relay_change(req, RELAY_RUNNING, RELAY_DEAD, 13));
}

/* Caller: gives up while in state @from; true: the request isn't its any more. */
static inline int relay_req_abandon(relay_word *req, int from)
{
	return relay_change(req, from, RELAY_ABANDONED, 14);
}

/* Caller: nothing to wait for any more; the answer may be read. */
static inline int relay_req_over(relay_word *req)
{
	if (RELAY_BREAK == 8)
		return relay_read(req) >= RELAY_DONE;
	return relay_acquire(req) >= RELAY_DONE;
}

#endif /* _ZUF_RELAY_H */
