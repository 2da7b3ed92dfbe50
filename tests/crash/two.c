// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Two calls in flight; see two.h.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "two.h"

#define MOST_WAITS 100 /* for one lock: nobody will give it back */

static struct two {
	struct runner *r[2];
	const struct op *op[2];
	struct model m[2][2]; /* of the calls done */
	unsigned int at[2], fences[2];
	bool answered[2], done[2];
	int err[2];
	sem_t turn[2];
} * two;

static __thread int me = -1;

/* ---- pairs: the first ones leave A and e alone, the second ones all else ---- */

static const char *const first[] = {
	"create n",	    "mkdir D",
	"symlink u 4000",   "truncate f 0",
	"append f 10000",   "write f 20000 10",
	"punch f 0 4096",   "unlink f",
	"unlink s",	    "rename f B/n",
	"link f l",	    "chmod f 256",
	"falloc f 0 50000", "setxattr f 200 user.b",
};

static const char *const second[] = {
	"create A/n",	    "mkdir A/D",
	"append e 50000",   "truncate A/g 1",
	"append A/g 10000", "punch A/g 4096 8192",
	"rename A/C A/D",   "symlink A/u 4000",
	"unlink A/g",	    "setxattr e 3700 user.big",
};

#define NR(list) (sizeof(list) / sizeof((list)[0]))

uint64_t two_count(void)
{
	return NR(first) * NR(second);
}

void two_get(uint64_t i, struct workload *w)
{
	const char *end;

	memset(w, 0, sizeof(*w));
	w->base = &bases[0];
	w->n = 2;
	if (op_parse(first[i / NR(second)], &w->ops[0], &end) ||
	    op_parse(second[i % NR(second)], &w->ops[1], &end))
		abort();
}

/* ---- turns ---- */

static void give_way(void)
{
	int self = me;

	sem_post(&two->turn[!self]);
	while (sem_wait(&two->turn[self]))
		;
}

void two_fence(void)
{
	if (two && me >= 0 && two->fences[me]++ == two->at[me] &&
	    !two->done[!me])
		give_way();
}

/* Locks of toyfs (where.h): who can't have one lets the other go on. */
static void await(int (*try)(void *lock), void *lock)
{
	for (int i = 0; try(lock); i++) {
		if (!two || me < 0 || two->done[!me] || i == MOST_WAITS) {
			fprintf(stderr, "two: a lock that nobody gives back\n");
			abort();
		}
		give_way();
	}
}

static int try_mutex(void *lock)
{
	return pthread_mutex_trylock(lock);
}

static int try_read(void *lock)
{
	return pthread_rwlock_tryrdlock(lock);
}

static int try_write(void *lock)
{
	return pthread_rwlock_trywrlock(lock);
}

int two_mutex_lock(pthread_mutex_t *lock)
{
	await(try_mutex, lock);
	return 0;
}

int two_rdlock(pthread_rwlock_t *lock)
{
	await(try_read, lock);
	return 0;
}

int two_wrlock(pthread_rwlock_t *lock)
{
	await(try_write, lock);
	return 0;
}

/* ---- what a power cut may leave ---- */

/* Each call in flight is there or not; what was answered is. */
static void allow_all(void)
{
	struct runner *r = two->r[0];
	int n = 0;

	memset(r->allowed, 0, sizeof(r->allowed));
	for (int a = 1; a >= 0; a--)
		for (int b = 1; b >= 0; b--)
			if ((a || !two->answered[0]) &&
			    (b || !two->answered[1]))
				r->allowed[n++] = &two->m[a][b];
	r->im.state = 0;
	while (n--)
		r->im.state = r->im.state * 3 + model_sum(r->allowed[n]);
}

bool two_answered(const struct kern *k)
{
	if (!two)
		return false;
	two->answered[k == &two->r[1]->k] = true;
	allow_all();
	return true;
}

/* False: the model says that one of them fails. */
static bool models(const struct workload *w)
{
	struct model(*m)[2] = two->m;
	const struct op *a = &w->ops[0], *b = &w->ops[1];
	bool ok;

	model_copy(&m[1][0], &m[0][0]);
	model_copy(&m[0][1], &m[0][0]);
	ok = !model_apply(&m[1][0], a, 0) && !model_apply(&m[0][1], b, 1);
	model_copy(&m[1][1], &m[1][0]);
	if (!ok || model_apply(&m[1][1], b, 1))
		return false;
	model_during(&m[0][0], &m[1][0], a);
	model_during(&m[0][0], &m[0][1], b);
	model_during(&m[1][0], &m[1][1], b);
	model_during(&m[0][1], &m[1][1], a);
	return true;
}

/* ---- a run ---- */

static void call_of(int i)
{
	me = i;
	rec_thread = i;
	zus_local_channel((unsigned int)i);
	two->err[i] = runner_call(two->r[i], two->op[i], (unsigned int)i);
	two->done[i] = true;
	two->answered[i] = true;
	allow_all();
	if (!two->done[!i])
		sem_post(&two->turn[!i]);
	me = -1;
}

static void *second_call(void *arg)
{
	(void)arg;
	while (sem_wait(&two->turn[1]))
		;
	call_of(1);
	return NULL;
}

static const char *both_calls(struct runner *r)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, second_call, NULL))
		return "there is no thread";
	allow_all();
	r->trying = true;
	call_of(0);
	pthread_join(thread, NULL);
	r->trying = false;
	if (two->err[0] || two->err[1])
		return "a call fails";
	if (!r->wrong && !r->im.wrong)
		imager_point(&r->im);
	return NULL;
}

static void mounted(struct runner *r, const struct workload *w)
{
	static struct runner other;
	const char *wrong = NULL;

	two->r[0] = r;
	two->r[1] = &other;
	other.k.answered = r->k.answered;
	other.k.arg = r;
	other.bytes = r->other_bytes;
	kern_share(&other.k, &r->k);
	other.k.now = r->k.now;
	if (models(w))
		wrong = both_calls(r);
	if (!r->wrong)
		r->wrong = wrong;
	kern_unshare(&other.k);
}

const char *two_run(struct runner *r, const struct workload *w,
		    const unsigned int at[2], unsigned int had[2])
{
	struct two t = { .op = { &w->ops[0], &w->ops[1] },
			 .at = { at[0], at[1] } };

	if (!runner_begin(r))
		return r->wrong;
	r->call = 1;
	r->calls += 2;
	sem_init(&t.turn[0], 0, 0);
	sem_init(&t.turn[1], 0, 0);
	model_copy(&t.m[0][0], &r->start);
	t.m[0][0].now = r->start.now + 1000;
	r->k.now = t.m[0][0].now;
	two = &t;
	mounted(r, w);
	two = NULL;
	memcpy(had, t.fences, sizeof(t.fences));
	for (int i = 0; i < 4; i++)
		model_free(&t.m[i / 2][i % 2]);
	return runner_end(r);
}
