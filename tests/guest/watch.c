// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/* See watch.h. */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "zus.h"

#include "watch.h"

struct watch_counters watch_counters;

static struct {
	char *_Atomic data; /* WATCH_SIZE bytes */
	atomic_bool store;
	int cpu; /* from where */
} target;

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

/* So that the next touch may come at any time of a request. */
static void spin(void)
{
	int64_t end = now() + random() % 200000;

	while (now() < end)
		;
}

/* False: it was a SIGBUS, of which ZUS_TRY() would say something. */
static bool touch(char *at)
{
	bool store = target.store;
	struct zus_try t;
	char c;

	if (sigsetjmp(t.env, 0)) {
		watch_counters.denied++;
		return false;
	}
	zus_try_enter(&t, at, 1);
	c = *(volatile char *)at;
	if (store)
		*(volatile char *)at = WATCH_STORED;
	zus_try_leave(&t);
	watch_counters.touched++;
	/* The log is there when the mount is dead. */
	if (!store && c == WATCH_SECRET && !watch_counters.leaked++)
		zus_log(ZUS_ERR, "watch: it leaked");
	return true;
}

static void *watch(void *arg)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(target.cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (unsigned int i = 0;; i += ZUFS_BLOCK_SIZE)
		if (!touch(target.data + i % WATCH_SIZE))
			spin();
	return arg;
}

static void begin(void)
{
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread;

	target.cpu = (sched_getcpu() + 1) % cpus;
	pthread_create(&thread, NULL, watch, NULL);
}

static bool was_touched(unsigned int touched)
{
	for (int i = 0; watch_counters.touched == touched && i < 50000; i++)
		usleep(100);
	return watch_counters.touched != touched;
}

/* Until somebody is gone, and 0.3 seconds more, in which others may change what is there. */
static void hold(void)
{
	unsigned int denied = watch_counters.denied;

	for (int i = 0; i < 3000 && !zus_zt_signal_pending(); i++)
		usleep(10000);
	usleep(300000);
	watch_counters.gone += watch_counters.denied != denied;
}

void watch_window(char *data, const struct zufs_ioc_IO *io, bool store)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint64_t when = io->filepos / ZUFS_BLOCK_SIZE;
	unsigned int touched;

	target.store = store;
	target.data = data;
	touched = watch_counters.touched;
	pthread_once(&once, begin);
	if (when == WATCH_AT_ONCE)
		return;
	watch_counters.missed += !was_touched(touched);
	if (when == WATCH_HOLD)
		hold();
}
