// SPDX-License-Identifier: GPL-2.0
/*
 * The server: a plugin in-process, whose answers go to the kernel with lies.
 * What the plugin stores is in memory of the server's own, so that one round
 * can't spoil the next one.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "hostile.h"

static struct server srv;
static struct zus_fs_info *zfi;
static struct zus_local *volume; /* NULL: nothing is mounted */
static pthread_rwlock_t volume_lock = PTHREAD_RWLOCK_INITIALIZER;

static _Noreturn void broken(const char *what)
{
	perror(what);
	_exit(1);
}

int role_file(void)
{
	int fd = open(opt.root, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

/* ---- ZTs ---- */

static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		broken("sched_setaffinity");
}

/* The plugin's answer to the operation in zt->own. */
static void answer(struct zt *zt)
{
	struct zufs_ioc_op *op = (void *)zt->own;

	op->sb_id = 0; /* whatever the kernel calls it */
	pthread_rwlock_rdlock(&volume_lock);
	if (volume)
		zus_local_op(volume, &op->hdr);
	else
		op->hdr.err = -EIO;
	pthread_rwlock_unlock(&volume_lock);
}

static void lie_as_planned(struct zufs_ioc_hdr *hdr)
{
	struct plan *p = &counts->plan;

	if (!__atomic_load_n(&p->armed, __ATOMIC_ACQUIRE) ||
	    p->op != hdr->operation)
		return;
	memcpy((char *)hdr + p->off, &p->value, p->size);
	__atomic_sub_fetch(&p->armed, 1, __ATOMIC_RELEASE);
}

static void serve(struct zt *zt)
{
	struct zufs_ioc_hdr *hdr = zt->own;

	memcpy(hdr, zt->buf, OP_SIZE);
	if (hdr->operation == ZUFS_OP_BREAK)
		return;
	answer(zt);
	lie_as_planned(hdr);
	if (srv.lies && once_in(&zt->rng, srv.lies)) {
		lie(&zt->rng, hdr, OP_SIZE);
		count(&counts->lies);
	}
	if (srv.lies && once_in(&zt->rng, 20000))
		sleep(below(&zt->rng, 5)); /* longer than the time limit */
	memcpy(zt->buf, hdr, OP_SIZE);
	count(&counts->replies);
}

static void zt_init(struct zt *zt)
{
	struct zufs_ioc_init init = { .channel_no = zt->channel,
				      .max_command = OP_SIZE };

	pin(zt->cpu);
	zt->fd = role_file();
	if (zt->fd < 0 || ioctl(zt->fd, ZU_IOC_INIT_THREAD, &init))
		broken("INIT_THREAD");
	zt->own = malloc(OP_SIZE);
	zt->buf = mmap(NULL, OP_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		       zt->fd, (off_t)ZUS_API_MAP_MAX_SIZE);
	if (!zt->own || zt->buf == MAP_FAILED)
		broken("operation buffer");
}

static pthread_barrier_t started;

static void *zt_main(void *arg)
{
	struct zt *zt = arg;

	zt_init(zt);
	zus_local_channel(zt->cpu * ZUFS_NUM_CHANNELS + zt->channel);
	pthread_barrier_wait(&started);
	while (!ioctl(zt->fd, ZU_IOC_WAIT_OPT, NULL) || errno == EINTR)
		serve(zt);
	return NULL;
}

static void start_zts(uint64_t seed)
{
	unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN), i;

	srv.zts = cpus * ZUFS_NUM_CHANNELS;
	if (srv.zts > MAX_ZTS)
		srv.zts = MAX_ZTS;
	pthread_barrier_init(&started, NULL, srv.zts + 1);
	for (i = 0; i < srv.zts; i++) {
		struct zt *zt = &srv.zt[i];

		zt->cpu = i / ZUFS_NUM_CHANNELS;
		zt->channel = i % ZUFS_NUM_CHANNELS;
		zt->rng.state = seed + i;
		if (pthread_create(&zt->thread, NULL, zt_main, zt))
			broken("ZT");
	}
	pthread_barrier_wait(&started);
}

/* ---- mounts ---- */

static void *fresh_memory(void)
{
	char *p = mmap(NULL, opt.bytes + ZUFS_ALLOC_SIZE,
		       PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	if (p == MAP_FAILED)
		broken("memory");
	p += -(uintptr_t)p & ZUFS_ALLOC_MASK;
	memcpy(p, opt.image, opt.bytes);
	return p;
}

/* A good server maps the pmem; for this one it is a thing to misuse. */
static void grab(uint64_t sb_id)
{
	static struct zufs_ioc_pmem pm;

	srv.sb_id = sb_id;
	srv.pmem_fd = role_file();
	pm.sb_id = sb_id;
	if (srv.pmem_fd >= 0)
		ioctl(srv.pmem_fd, ZU_IOC_GRAB_PMEM, &pm);
}

static void do_mount(struct zufs_ioc_mount *zim)
{
	struct zufs_ioc_mount own = *zim;
	void *at = opt.image ? fresh_memory() : NULL;

	if (opt.image)
		grab(zim->sb_id);
	pthread_rwlock_wrlock(&volume_lock);
	if (volume)
		own.hdr.err = -EBUSY;
	else
		own.hdr.err =
			zus_local_mount(zfi, at, opt.bytes, &own, &volume);
	pthread_rwlock_unlock(&volume_lock);
	own.sb_id = zim->sb_id;
	*zim = own;
}

static void do_umount(void)
{
	pthread_rwlock_wrlock(&volume_lock);
	if (volume)
		zus_local_umount(volume);
	volume = NULL;
	pthread_rwlock_unlock(&volume_lock);
}

static _Noreturn void serve_mounts(void)
{
	static struct zufs_ioc_mount zim;
	uint16_t op;

	zim.hdr.operation = ZUFS_M_NONE;
	for (;;) {
		if (ioctl(srv.mount_fd, ZU_IOC_MOUNT, &zim)) {
			if (errno == EINTR)
				continue;
			break;
		}
		op = zim.hdr.operation;
		zim.hdr.err = 0;
		if (op == ZUFS_M_UMOUNT)
			do_umount();
		if (op == ZUFS_M_MOUNT) {
			do_mount(&zim);
			lie_as_planned(&zim.hdr);
		}
		if (srv.lies && once_in(&srv.rng, 6))
			lie_mount(&srv.rng, &zim);
		/* Nobody will unmount what isn't mounted. */
		if (op == ZUFS_M_MOUNT && zim.hdr.err)
			do_umount();
		if (op != ZUFS_M_BREAK)
			count(&counts->replies);
	}
	_exit(0);
}

/* ---- connection ---- */

static void hello(void)
{
	struct zufs_ioc_hello h = { .major = ZUFS_MAJOR_VERSION,
				    .minor = ZUFS_MINOR_VERSION,
				    .features = ZUFS_FEAT_NIO };
	struct zufs_ioc_register_fs r = { .rfi = zfi->rfi };

	srv.mount_fd = role_file();
	/* A child of the last server may have its files for a moment. */
	while (ioctl(srv.mount_fd, ZU_IOC_HELLO, &h)) {
		if (errno != EBUSY)
			broken("HELLO");
		usleep(2000);
	}
	strcpy(r.rfi.fsname, "hostile");
	if (ioctl(srv.mount_fd, ZU_IOC_REGISTER_FS, &r))
		broken("REGISTER_FS");
}

static void load(void)
{
	const char *why = "?";

	if (zus_load_plugin(opt.plugin, &why) ||
	    !(zfi = zus_find_fs(opt.type))) {
		fprintf(stderr, "%s: %s\n", opt.plugin, why);
		_exit(1);
	}
}

static void misuse(void)
{
	pthread_t t;

	/* One round in eight is honest: what is wrong then is the vandal's. */
	srv.lies = once_in(&srv.rng, 8) ? 0 : 4 << below(&srv.rng, 6);
	if (!once_in(&srv.rng, 3) && pthread_create(&t, NULL, vandal, &srv))
		broken("vandal");
	if (once_in(&srv.rng, 3) && pthread_create(&t, NULL, scribbler, &srv))
		broken("scribbler");
}

void server_run(uint64_t seed)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	srv.rng.state = seed;
	srv.pmem_fd = -1;
	load();
	hello();
	start_zts(seed);
	__atomic_store_n(&counts->ready, 1, __ATOMIC_RELEASE);
	if (seed)
		misuse();
	serve_mounts();
}
