/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hostile: a server that lies and misuses its files, and applications that
 * make it work. See main.c.
 */
#ifndef TESTS_HOSTILE_H
#define TESTS_HOSTILE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "zus.h"

/* A lie to come: @size bytes at @off of the next answers to @op become @value. */
struct plan {
	int armed; /* of so many answers; the server counts down */
	uint32_t op, off, size;
	uint64_t value;
};

/* What all processes share: mostly counters. */
struct counts {
	uint64_t calls;	  /* system calls of applications on the mount */
	uint64_t replies; /* operations that the server answered */
	uint64_t lies;	  /* answers that were changed */
	uint64_t misuses; /* what the vandal did */
	uint64_t rounds, mounts;
	int ready; /* the server of this round serves mounts */
	struct plan plan;
};
extern struct counts *counts;

static inline void count(uint64_t *what)
{
	__atomic_add_fetch(what, 1, __ATOMIC_RELAXED);
}

struct options {
	const char *root; /* the control root */
	const char *dir;  /* where to mount */
	const char *plugin, *type;
	const char *source; /* the device, or "none" */
	void *image;	    /* an empty filesystem; NULL without a device */
	uint64_t bytes;	    /* of it */
};
extern struct options opt;

/* ---- random numbers: SplitMix64, as fs/toyfs/sum.c has its finalizer ---- */

struct rng {
	uint64_t state;
};

static inline uint64_t rnd(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* 0 to @n - 1 */
static inline uint32_t below(struct rng *r, uint32_t n)
{
	return rnd(r) % n;
}

/* True once in @n times. */
static inline bool once_in(struct rng *r, uint32_t n)
{
	return !below(r, n);
}

/* A number that means something somewhere. */
uint64_t odd_value(struct rng *r, uint64_t now);

/* ---- the server: server.c, lie.c, vandal.c ---- */

#define MAX_ZTS 64

struct zt {
	int fd;
	unsigned int cpu, channel;
	struct zufs_ioc_hdr *buf; /* shared with the kernel */
	struct zufs_ioc_hdr
		*own; /* the operation, where the kernel can't see it */
	struct rng rng;
	pthread_t thread;
};

struct server {
	int mount_fd, pmem_fd;
	uint64_t sb_id; /* of the last mount */
	struct zt zt[MAX_ZTS];
	unsigned int zts;
	uint32_t lies; /* one answer in so many is changed, 0: none is */
	struct rng rng;
};

#define OP_SIZE 65536U

/*
 * Serves until it is killed, or its own doing ends it. @seed 0: it lies as
 * counts->plan says, and nothing else.
 */
_Noreturn void server_run(uint64_t seed);
/* A new role file, or -errno. */
int role_file(void);

/* Changes the answer in @hdr, which has @size bytes of room. */
void lie(struct rng *r, struct zufs_ioc_hdr *hdr, uint32_t size);
/* The same for what MOUNT answers. */
void lie_mount(struct rng *r, struct zufs_ioc_mount *zim);

/* Threads that misuse the files and maps of @srv for ever; @arg is it. */
void *vandal(void *arg);
void *scribbler(void *arg);

/* ---- both programs: driver.c ---- */

#define PATIENCE 30 /* seconds: many times the control root's time limit */

/* ROOT DIR PLUGIN TYPE SOURCE [IMAGE], to @opt; and the counts. 0 or -1. */
int driver_init(int argc, char **argv);
double now(void);
/* A server, in its own process, that has connected; -1: it can't. */
pid_t start_server(uint64_t seed);
/* Puts the beginning of the image on the device again. */
int restore_device(void);
/* 0: it is mounted; an errno; -1: it hangs. */
int try_mount(void);
/* 0, or -1 if it hangs, after a "not ok" and the stacks. */
int try_umount(void);
int kill_and_wait(pid_t pid, const char *what);
void drop_caches(void);

/* ---- an application: app.c ---- */

/* Calls on the mount until it is killed. */
_Noreturn void app_run(uint64_t seed);

#endif
