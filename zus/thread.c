// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * ZTs: the threads that serve operations, one for each CPU and channel.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

struct zus_zt {
	struct zus_zt *next; /* of srv->zts */
	struct zus_server *srv;
	pthread_t thread;
	unsigned int cpu, channel;
	int fd;
	struct zufs_ioc_hdr *buf; /* shared with the kernel */
	void *window;		  /* where pages of applications are shown */
	int err;		  /* of the start */
	sem_t *started;
};

int zus_role_open(const struct zus_server *srv)
{
	int fd = openat(srv->root_fd, ".",
			O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

static int zt_pin(const struct zus_zt *zt)
{
	cpu_set_t *set = CPU_ALLOC(zt->cpu + 1);
	size_t size = CPU_ALLOC_SIZE(zt->cpu + 1);
	int err;

	if (!set)
		return -ENOMEM;
	CPU_ZERO_S(size, set);
	CPU_SET_S(zt->cpu, size, set);
	err = sched_setaffinity(0, size, set) ? -errno : 0;
	CPU_FREE(set);
	return err;
}

static int zt_failed(const struct zus_zt *zt, const char *what, int err)
{
	zus_log(ZUS_ERR, "ZT(%u.%u): %s: %s", zt->cpu, zt->channel, what,
		strerror(-err));
	return err;
}

static int zt_init(struct zus_zt *zt)
{
	struct zufs_ioc_init init = {
		.channel_no = zt->channel,
		.max_command = ZUS_OP_SIZE,
	};
	char name[16];
	void *p;
	int err;

	snprintf(name, sizeof(name), "ZT(%u.%u)", zt->cpu % 100000U,
		 zt->channel % 10U);
	pthread_setname_np(pthread_self(), name);
	zus_local_node(zus_cpu_to_node(zt->cpu));
	err = zt_pin(zt);
	if (err)
		return zt_failed(zt, "pin to its CPU", err);
	zt->fd = zus_role_open(zt->srv);
	if (zt->fd < 0)
		return zt_failed(zt, "open a file on the control root", zt->fd);
	if (ioctl(zt->fd, ZU_IOC_INIT_THREAD, &init))
		return zt_failed(zt, "INIT_THREAD", -errno);
	p = mmap(NULL, ZUS_OP_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, zt->fd,
		 ZUS_API_MAP_MAX_SIZE);
	if (p == MAP_FAILED)
		return zt_failed(zt, "map its operation buffer", -errno);
	zt->buf = p;
	p = mmap(NULL, ZUS_API_MAP_MAX_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		 zt->fd, 0);
	if (p == MAP_FAILED)
		return zt_failed(zt, "map its window", -errno);
	zt->window = p;
	zus_dbg("CPU %u, channel %u", zt->cpu, zt->channel);
	return 0;
}

/* Its CPU was offline: the kernel let it run anywhere meanwhile. */
static void zt_pin_again(struct zus_zt *zt)
{
	int err = zt_pin(zt);

	/* It may have gone once more; the next operation says so again. */
	zus_dbg("ZT(%u.%u): %d", zt->cpu, zt->channel, err);
}

static void zt_serve(struct zus_zt *zt)
{
	struct zufs_ioc_op *op = (void *)zt->buf;
	struct zus_mount *m = zus_mount_get(op->sb_id);
	struct zufs_ioc_hdr *hdr = zt->buf;
	size_t size = ZUS_OP_SIZE;

	if (m && hdr->flags & ZUFS_H_POOL)
		hdr = zus_pool_op(m, (void *)zt->buf, &size);
	if (!m || !hdr) {
		op->hdr.err = -ESTALE;
		op->hdr.out_len = 0;
		return;
	}
	zus_thread_set(zt->cpu * zt->srv->num_channels + zt->channel, hdr,
		       &zt->buf->flags);
	zus_decode(m, hdr, size, zt->window);
	zus_thread_set(zus_current_channel(), NULL, NULL);
	zus_mount_put(m);
}

/* Stops at a BREAK alone: that comes after the last operation was answered. */
static void zt_loop(struct zus_zt *zt)
{
	for (;;) {
		if (ioctl(zt->fd, ZU_IOC_WAIT_OPT, zt->buf)) {
			if (errno == EINTR)
				continue;
			zt->srv->lost = true;
			break;
		}
		if (zt->buf->flags & ZUFS_H_PIN)
			zt_pin_again(zt);
		if (zt->buf->operation != ZUFS_OP_BREAK)
			zt_serve(zt);
		else if (zt->srv->stopping)
			break;
	}
	if (!zt->srv->stopping)
		eventfd_write(zt->srv->event_fd, 1);
}

static void *zt_main(void *arg)
{
	struct zus_zt *zt = arg;

	zt->err = zt_init(zt);
	sem_post(zt->started);
	if (!zt->err)
		zt_loop(zt);
	if (zt->buf)
		munmap(zt->buf, ZUS_OP_SIZE);
	if (zt->window)
		munmap(zt->window, ZUS_API_MAP_MAX_SIZE);
	if (zt->fd >= 0)
		close(zt->fd);
	return NULL;
}

static bool has_zts(const struct zus_server *srv, unsigned int cpu)
{
	for (const struct zus_zt *zt = srv->zts; zt; zt = zt->next)
		if (zt->cpu == cpu)
			return true;
	return false;
}

/* The CPUs that the calling thread may use and that have no ZT. */
static unsigned int new_cpus(const struct zus_server *srv, unsigned int *cpus,
			     unsigned int max)
{
	cpu_set_t *set = CPU_ALLOC(max);
	size_t size = CPU_ALLOC_SIZE(max);
	unsigned int n = 0;

	if (!set)
		return 0;
	if (!sched_getaffinity(0, size, set))
		for (unsigned int c = 0; c < max; c++)
			if (CPU_ISSET_S(c, size, set) && !has_zts(srv, c))
				cpus[n++] = c;
	CPU_FREE(set);
	return n;
}

static int zt_create(struct zus_server *srv, unsigned int cpu,
		     unsigned int channel, sem_t *started)
{
	struct zus_zt *zt = calloc(1, sizeof(*zt));
	int err;

	if (!zt)
		return -ENOMEM;
	zt->srv = srv;
	zt->cpu = cpu;
	zt->channel = channel;
	zt->fd = -1;
	zt->started = started;
	err = pthread_create(&zt->thread, NULL, zt_main, zt);
	if (err) {
		free(zt);
		return -err;
	}
	zt->next = srv->zts;
	srv->zts = zt;
	return 0;
}

int zus_zts_start(struct zus_server *srv)
{
	enum {
		MAX_CPUS = 8192
	};
	static unsigned int cpus[MAX_CPUS];
	unsigned int nr = new_cpus(srv, cpus, MAX_CPUS) * srv->num_channels;
	const struct zus_zt *old = srv->zts;
	static sem_t started;
	unsigned int made;
	int err = 0;

	if (!nr)
		return old ? 0 : -EINVAL;
	sem_init(&started, 0, 0);
	for (made = 0; !err && made < nr; made++)
		err = zt_create(srv, cpus[made / srv->num_channels],
				made % srv->num_channels, &started);
	if (err)
		zus_log(ZUS_ERR,
			"a thread for each of %u CPUs and channels: %s", nr,
			strerror(-err));
	for (const struct zus_zt *zt = srv->zts; zt != old; zt = zt->next)
		while (sem_wait(&started))
			;
	for (const struct zus_zt *zt = srv->zts; zt != old && !err;
	     zt = zt->next)
		err = zt->err;
	return err;
}

void zus_zts_join(struct zus_server *srv)
{
	struct zus_zt *zt;

	while ((zt = srv->zts)) {
		pthread_join(zt->thread, NULL);
		srv->zts = zt->next;
		free(zt);
	}
}
