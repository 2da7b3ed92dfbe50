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
	uint64_t pools;	  /* answers in pools, */
	uint64_t windows; /* and with data in the window */
	uint64_t good;	  /* what the bystander found right */
	uint64_t rounds, mounts;
	int ready; /* the server of this round serves mounts */
	int tame;  /* all it does wrong are answers about the victim */
	struct plan plan;
};
extern struct counts *counts;

static inline void count(uint64_t *what)
{
	__atomic_add_fetch(what, 1, __ATOMIC_RELAXED);
}

struct options {
	const char *root;  /* the control root */
	const char *dir;   /* where to mount */
	char beside[256];  /* and the other mount of the same server */
	const char *memfs; /* that one's plugin */
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

/* ---- what is mounted: volume.c ---- */

#define POOLS	  3U
#define POOL_SIZE (1U << 20)

/* One of each type that the server has. */
struct volume {
	struct zus_fs_info *zfi;
	bool honest; /* no answer about it is a lie */
	/* The lock of these is volume.c's: */
	struct zus_local *zl; /* NULL: it isn't mounted */
	uint64_t sb_id;	      /* as the kernel calls it */
	void *pool[POOLS];
};

enum {
	VICTIM,
	BESIDE,
	VOLUMES
};
extern struct volume volumes[VOLUMES];

/* Loads both plugins. Ends the process if one can't be. */
void volumes_load(void);
/* What zufs_ioc_mount asks of @v, with the plugin's answer. */
void volume_mount(struct volume *v, struct zufs_ioc_mount *zim);
void volume_umount(struct volume *v);
/*
 * The plugin's answer to the operation in @hdr. False: its volume is no victim.
 */
bool volume_answer(struct zufs_ioc_hdr *hdr, void *window);
/* Where the operation stands that @p is about, or NULL. */
struct zufs_ioc_hdr *volume_pool(const struct zufs_ioc_pool *p);

/* ---- the server: server.c, lie.c, vandal.c ---- */

#define MAX_ZTS 64

struct zt {
	int fd;
	unsigned int cpu, channel;
	struct zufs_ioc_hdr *buf; /* shared with the kernel */
	void *window;		  /* pages of applications */
	struct zufs_ioc_hdr
		*own; /* the operation, where the kernel can't see it */
	struct rng rng;
	pthread_t thread;
};

struct server {
	int mount_fd, pmem_fd;
	struct zufs_iref ii; /* of an operation that came lately */
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
/* Changes the answer in @hdr, which has @size bytes of room. */
void lie(struct rng *r, struct zufs_ioc_hdr *hdr, uint32_t size);
/* The same for what MOUNT answers, */
void lie_mount(struct rng *r, struct zufs_ioc_mount *zim);
/* and for DDBG_RD and DDBG_WR. */
void lie_ddbg(struct rng *r, struct zufs_ioc_ddbg *d);

/* A new role file, or -errno. */
int role_file(void);
/* What can't go on. */
_Noreturn void broken(const char *what);

/* Threads that misuse the files and maps of @srv for ever; @arg is it. */
void *vandal(void *arg);
void *scribbler(void *arg);

/* ---- both programs: driver.c ---- */

#define PATIENCE 60 /* seconds: many times the control root's time limit */

#define ARGUMENTS "ROOT DIR MEMFS PLUGIN TYPE SOURCE [IMAGE]"
/* Those, to @opt; and the counts. 0 or -1. */
int driver_init(int argc, char **argv);
double now(void);
/* A server, in its own process, that has connected; -1: it can't. */
pid_t start_server(uint64_t seed);
/* Puts the beginning of the image on the device again. */
int restore_device(void);
/* 0: it is mounted; an errno; -1: it hangs. */
int try_mount(void);
int try_mount_beside(void);
int try_remount(unsigned long flags);
/* 0, or -1 if it hangs, after a "not ok" and the stacks. */
int try_umount(const char *dir);
/* The server is dead: what asks it fails with EIO. 0, or -1 after a "not ok". */
int try_dead(const char *dir);
int kill_and_wait(pid_t pid, const char *what);
void drop_caches(void);

/* ---- applications ---- */

/* app.c: calls on the mount until it is killed. */
_Noreturn void app_run(uint64_t seed);
/*
 * beside.c: writes and reads on the other mount until it is killed. Exit status 1,
 * after a "not ok": something was wrong there that a tame server can't have done.
 */
_Noreturn void beside_run(uint64_t seed);

#endif
