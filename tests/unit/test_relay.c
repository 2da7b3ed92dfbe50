// SPDX-License-Identifier: GPL-2.0
/*
 * relay.h in races: pairs of steps that meet at the same moment, many times,
 * and callers and ZTs that work through a queue. With RELAY_BREAK=n in the
 * environment one barrier or check of relay.h is taken out, and this must fail
 * (relay-breaks.sh).
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef _Atomic int relay_word;
#define relay_read(w)	 atomic_load_explicit(w, memory_order_relaxed)
#define relay_acquire(w) atomic_load_explicit(w, memory_order_acquire)
#define relay_mb()	 atomic_thread_fence(memory_order_seq_cst)

static int relay_break;
#define RELAY_BREAK relay_break

/* A plain test and set is noticed sooner if the other one comes between the two. */
static inline void relay_set(relay_word *w, int v)
{
	if (relay_break > 2)
		for (volatile int i = 0; i < 50; i++)
			;
	atomic_store_explicit(w, v, memory_order_relaxed);
}

static inline int relay_cmpxchg(relay_word *w, int old, int new_)
{
	return atomic_compare_exchange_strong(w, &old, new_);
}

#ifdef __SANITIZE_THREAD__
/* It doesn't know of fences, and need not: all that they order is atomic. */
#pragma GCC diagnostic ignored "-Wtsan"
#endif
#include "relay.h"
#include "suite.h"

/* ---- two threads that do one step each at the same moment ---- */

#define ROUNDS	  20000
#define ROUNDS_MB 100000 /* a load that passes a store is rare */

static struct {
	relay_word word;
	_Alignas(64) _Atomic int queue;	   /* a request is there */
	_Alignas(64) _Atomic int round[2]; /* each thread's */
	_Alignas(64) int result[2];
	int (*step[2])(void);
	void (*prepare)(void);
	bool (*right)(void);
	bool wrong;
	int rounds;
} duel = { .rounds = ROUNDS };

/* Both come here, and go on together. */
static void meet(int me, int round)
{
	unsigned int spins = 0;

	atomic_store(&duel.round[me], round);
	while (atomic_load(&duel.round[!me]) < round)
		if (++spins > 10000)
			sched_yield();
}

static void *dueller(void *arg)
{
	int me = (int)(long)arg;

	for (int i = 1; i <= duel.rounds; i++) {
		meet(me, 3 * i);
		if (duel.wrong)
			break;
		if (!me)
			duel.prepare();
		meet(me, 3 * i + 1);
		duel.result[me] = duel.step[me]();
		meet(me, 3 * i + 2);
		if (!me && !duel.right())
			duel.wrong = true;
	}
	return NULL;
}

/* @right: may the steps have ended as they did? */
static void fight(void (*prepare)(void), int (*a)(void), int (*b)(void),
		  bool (*right)(void))
{
	pthread_t t;

	duel.prepare = prepare;
	duel.step[0] = a;
	duel.step[1] = b;
	duel.right = right;
	duel.wrong = false;
	atomic_store(&duel.round[0], 0);
	atomic_store(&duel.round[1], 0);
	pthread_create(&t, NULL, dueller, (void *)1L);
	dueller(NULL);
	pthread_join(t, NULL);
	ck_assert(!duel.wrong);
}

static bool one_won(void)
{
	return duel.result[0] + duel.result[1] == 1;
}

static bool one_won_or_both(void)
{
	return duel.result[0] + duel.result[1] >= 1;
}

static bool second_won(void)
{
	return duel.result[1] && atomic_load(&duel.word) == RELAY_DEAD;
}

static void prepare_away(void)
{
	atomic_store(&duel.word, RELAY_AWAY);
	atomic_store(&duel.queue, 0);
}

static void prepare_idle(void)
{
	atomic_store(&duel.word, RELAY_IDLE);
}

static void prepare_queued(void)
{
	atomic_store(&duel.word, RELAY_QUEUED);
}

static void prepare_running(void)
{
	atomic_store(&duel.word, RELAY_RUNNING);
}

static int idle(int how)
{
	relay_zt_idle(&duel.word, how);
	return !relay_zt_may_sleep(&duel.word, relay_read(&duel.queue));
}

static int step_sleep(void)
{
	return idle(RELAY_IDLE);
}

static int step_spin(void)
{
	return idle(RELAY_SPIN);
}

static int post_to(int how)
{
	relay_set(&duel.queue, 1);
	relay_posted();
	return relay_zt_claim(&duel.word, how);
}

static int step_post(void)
{
	return post_to(RELAY_IDLE);
}

static int step_post_to_spinning(void)
{
	return post_to(RELAY_SPIN);
}

static int step_claim(void)
{
	return relay_zt_claim(&duel.word, RELAY_IDLE);
}

static int step_take(void)
{
	return relay_req_take(&duel.word);
}

static int step_abandon_queued(void)
{
	return relay_req_abandon(&duel.word, RELAY_QUEUED);
}

static int step_abandon_running(void)
{
	return relay_req_abandon(&duel.word, RELAY_RUNNING);
}

static int step_answer(void)
{
	return relay_req_answer(&duel.word);
}

static int step_kill(void)
{
	return relay_req_kill(&duel.word);
}

START_TEST(post_meets_sleep)
{
	duel.rounds = ROUNDS_MB;
	fight(prepare_away, step_sleep, step_post, one_won_or_both);
}
END_TEST

START_TEST(post_meets_spin)
{
	duel.rounds = ROUNDS_MB;
	fight(prepare_away, step_spin, step_post_to_spinning, one_won_or_both);
}
END_TEST

/* Another ZT may have taken the request by then. */
START_TEST(claimed_does_not_sleep)
{
	prepare_away();
	relay_zt_idle(&duel.word, RELAY_IDLE);
	ck_assert(relay_zt_may_sleep(&duel.word, 0));
	ck_assert(step_claim());
	ck_assert(!relay_zt_may_sleep(&duel.word, 0));
}
END_TEST

/* Who works is not woken in place of another that is idle. */
START_TEST(who_is_back_is_not_claimed)
{
	relay_zt_idle(&duel.word, RELAY_IDLE);
	relay_zt_back(&duel.word);
	ck_assert(!step_claim());
	relay_zt_idle(&duel.word, RELAY_SPIN);
	ck_assert(!step_claim());
	ck_assert(relay_zt_claim(&duel.word, RELAY_SPIN));
	relay_zt_back(&duel.word);
	ck_assert(!relay_zt_claim(&duel.word, RELAY_SPIN));
}
END_TEST

START_TEST(one_of_two_claims)
{
	fight(prepare_idle, step_claim, step_claim, one_won);
}
END_TEST

START_TEST(take_or_abandon)
{
	fight(prepare_queued, step_take, step_abandon_queued, one_won);
}
END_TEST

START_TEST(answer_or_abandon)
{
	fight(prepare_running, step_answer, step_abandon_running, one_won);
}
END_TEST

START_TEST(end_of_epoch_or_abandon)
{
	fight(prepare_queued, step_kill, step_abandon_queued, one_won);
	fight(prepare_running, step_kill, step_abandon_running, one_won);
}
END_TEST

START_TEST(answer_or_end_of_epoch)
{
	fight(prepare_running, step_answer, step_kill, one_won);
}
END_TEST

/* Taken just before or not: its caller is told. */
START_TEST(take_meets_end_of_epoch)
{
	fight(prepare_queued, step_take, step_kill, second_won);
}
END_TEST

/* ---- callers and ZTs ---- */

enum {
	CALLERS = 4,
	ZTS = 2,
	CALLS = 3000
};

struct request {
	relay_word state;
	struct request *next;
	int value;
};

static struct {
	pthread_mutex_t lock;
	struct request *_Atomic head;
	relay_word zt[ZTS];
	_Atomic int served, stop, lost;
} lane = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Sleeps while *w is @val; a second without a wake-up is one that got lost. */
static void sleep_on(relay_word *w, int val)
{
	struct timespec second = { 1, 0 };

	if (syscall(SYS_futex, w, FUTEX_WAIT, val, &second, NULL, 0) &&
	    errno == ETIMEDOUT && !atomic_load(&lane.stop))
		atomic_store(&lane.lost, 1);
}

static void wake(relay_word *w)
{
	syscall(SYS_futex, w, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static struct request *take(void)
{
	struct request *r;

	pthread_mutex_lock(&lane.lock);
	while ((r = lane.head)) {
		lane.head = r->next;
		if (relay_req_take(&r->state))
			break;
	}
	pthread_mutex_unlock(&lane.lock);
	return r;
}

static bool pending(void)
{
	return atomic_load(&lane.head) != NULL;
}

static bool goes_on(void)
{
	return !atomic_load(&lane.stop) && !atomic_load(&lane.lost);
}

static void zt_spin(relay_word *me)
{
	relay_zt_idle(me, RELAY_SPIN);
	for (int i = 0; i < 100 && relay_zt_may_sleep(me, pending()); i++)
		sched_yield();
	relay_zt_back(me);
}

static void zt_sleep(relay_word *me)
{
	relay_zt_idle(me, RELAY_IDLE);
	while (relay_zt_may_sleep(me, pending()) && goes_on())
		sleep_on(me, RELAY_IDLE);
	relay_zt_back(me);
}

static void *zt(void *arg)
{
	relay_word *me = arg;

	while (goes_on()) {
		struct request *r = take();

		if (r) {
			r->value++;
			atomic_fetch_add(&lane.served, 1);
			if (relay_req_answer(&r->state))
				wake(&r->state);
			continue;
		}
		zt_spin(me);
		if (!pending())
			zt_sleep(me);
	}
	return NULL;
}

static bool claim_any(int how)
{
	for (int i = 0; i < ZTS; i++) {
		if (!relay_zt_claim(&lane.zt[i], how))
			continue;
		if (how == RELAY_IDLE)
			wake(&lane.zt[i]);
		return true;
	}
	return false;
}

static void post(struct request *r)
{
	pthread_mutex_lock(&lane.lock);
	r->next = lane.head;
	relay_set(&r->state, RELAY_QUEUED);
	atomic_store_explicit(&lane.head, r, memory_order_relaxed);
	relay_posted();
	if (!claim_any(RELAY_SPIN))
		claim_any(RELAY_IDLE);
	pthread_mutex_unlock(&lane.lock);
}

static void *caller(void *arg)
{
	(void)arg;
	for (int i = 0; i < CALLS && !atomic_load(&lane.lost); i++) {
		struct request r = { 0 };

		post(&r);
		while (!relay_req_over(&r.state)) {
			int s = relay_read(&r.state);

			if (atomic_load(&lane.lost))
				return NULL;
			if (s < RELAY_DONE)
				sleep_on(&r.state, s);
		}
		if (r.value != 1)
			atomic_store(&lane.lost, 2);
	}
	return NULL;
}

START_TEST(every_call_is_answered_once)
{
	pthread_t zts[ZTS], callers[CALLERS];

	for (int i = 0; i < ZTS; i++)
		pthread_create(&zts[i], NULL, zt, &lane.zt[i]);
	for (int i = 0; i < CALLERS; i++)
		pthread_create(&callers[i], NULL, caller, NULL);
	for (int i = 0; i < CALLERS; i++)
		pthread_join(callers[i], NULL);
	atomic_store(&lane.stop, 1);
	for (int i = 0; i < ZTS; i++) {
		atomic_store(&lane.zt[i], RELAY_CLAIMED);
		wake(&lane.zt[i]);
		pthread_join(zts[i], NULL);
	}
	ck_assert_int_eq(lane.lost, 0);
	ck_assert_int_eq(lane.served, CALLERS * CALLS);
}
END_TEST

static int run(const TTest *const *tests)
{
	Suite *s = suite_create("relay");

	add_case(s, "races", tests, NULL, NULL);
	return run_suite(s);
}

int main(void)
{
	const TTest *const tests[] = {
		claimed_does_not_sleep,
		who_is_back_is_not_claimed,
		one_of_two_claims,
		take_or_abandon,
		answer_or_abandon,
		end_of_epoch_or_abandon,
		answer_or_end_of_epoch,
		take_meets_end_of_epoch,
		every_call_is_answered_once,
		post_meets_sleep,
		post_meets_spin,
		NULL,
	};
	const TTest *one[] = { NULL, NULL };
	const char *number = getenv("RELAY_BREAK");
	int status = EXIT_SUCCESS;

	relay_break = number ? atoi(number) : 0;
	if (!relay_break)
		return run(tests);
	/* The first one that notices is enough. */
	for (int i = 0; tests[i] && !status; i++) {
		one[0] = tests[i];
		status = run(one);
	}
	return status;
}
