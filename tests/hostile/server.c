// SPDX-License-Identifier: GPL-2.0
/*
 * The server: plugins in-process, whose answers go to the kernel; those about the
 * victim with lies.
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

_Noreturn void broken(const char *what)
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

static void lie_as_planned(struct zufs_ioc_hdr *hdr)
{
	struct plan *p = &counts->plan;

	if (!__atomic_load_n(&p->armed, __ATOMIC_ACQUIRE) ||
	    p->op != hdr->operation)
		return;
	memcpy((char *)hdr + p->off, &p->value, p->size);
	__atomic_sub_fetch(&p->armed, 1, __ATOMIC_RELEASE);
}

/* The bytes of an operation in a pool; behind them there may be none at all. */
static size_t pool_bytes(const struct zufs_ioc_hdr *hdr)
{
	size_t end = (size_t)hdr->out_start + hdr->out_max;

	return hdr->in_len > end ? hdr->in_len : end;
}

/* Copies the operation to zt->own. Where it is, and will be answered; NULL: nowhere. */
static struct zufs_ioc_hdr *fetch(struct zt *zt, size_t *size)
{
	struct zufs_ioc_hdr *at = zt->buf;

	*size = OP_SIZE;
	memcpy(zt->own, at, OP_SIZE);
	if (zt->own->flags & ZUFS_H_POOL) {
		at = volume_pool((void *)zt->own);
		if (!at)
			return NULL;
		memcpy(zt->own, at, sizeof(*at));
		*size = pool_bytes(zt->own);
		if (*size < sizeof(*at) || *size > POOL_SIZE)
			return NULL;
		memcpy(zt->own + 1, at + 1, *size - sizeof(*at));
		count(&counts->pools);
	}
	return at;
}

static void lie_about(struct zt *zt, size_t size)
{
	lie_as_planned(zt->own);
	if (srv.lies && once_in(&zt->rng, srv.lies)) {
		lie(&zt->rng, zt->own, (uint32_t)size);
		count(&counts->lies);
	}
	if (srv.lies && once_in(&zt->rng, 20000))
		sleep(below(&zt->rng, 5)); /* longer than the time limit */
}

static void serve(struct zt *zt)
{
	struct zufs_ioc_op *op = (void *)zt->own;
	struct zufs_ioc_hdr *at;
	size_t size;

	if (zt->buf->operation == ZUFS_OP_BREAK)
		return;
	at = fetch(zt, &size);
	if (!at) {
		zt->buf->err = -EIO;
		return;
	}
	srv.ii = op->ii;
	if (op->hdr.len)
		count(&counts->windows);
	if (volume_answer(zt->own, zt->window))
		lie_about(zt, size);
	memcpy(at, zt->own, size);
	count(&counts->replies);
}

static void *map_zt(const struct zt *zt, size_t bytes, off_t at)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, zt->fd,
		       at);

	if (p == MAP_FAILED)
		broken("a map of a ZT");
	return p;
}

static void zt_init(struct zt *zt)
{
	struct zufs_ioc_init init = { .channel_no = zt->channel,
				      .max_command = OP_SIZE };

	pin(zt->cpu);
	zt->fd = role_file();
	if (zt->fd < 0 || ioctl(zt->fd, ZU_IOC_INIT_THREAD, &init))
		broken("INIT_THREAD");
	zt->own = malloc(POOL_SIZE);
	if (!zt->own)
		broken("memory");
	zt->buf = map_zt(zt, OP_SIZE, ZUS_API_MAP_MAX_SIZE);
	zt->window = map_zt(zt, ZUS_API_MAP_MAX_SIZE, 0);
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

/* A good server maps the pmem; for this one it is a thing to misuse. */
static void grab(uint64_t sb_id)
{
	static struct zufs_ioc_pmem pm;

	srv.pmem_fd = role_file();
	pm.sb_id = sb_id;
	if (srv.pmem_fd >= 0)
		ioctl(srv.pmem_fd, ZU_IOC_GRAB_PMEM, &pm);
}

static void do_mount(struct volume *v, struct zufs_ioc_mount *zim)
{
	if (!v->honest && opt.image)
		grab(zim->sb_id);
	volume_mount(v, zim);
}

/* One line, and no more. */
static void do_ddbg(struct zufs_ioc_ddbg *d)
{
	static const char line[] = "liar.c:1 [liar]main =_ \"%s\"\012\n";

	if (d->hdr.operation == ZUFS_M_DDBG_RD) {
		d->len = d->pos || d->len < sizeof(line) ? 0 : sizeof(line) - 1;
		memcpy(d->text, line, d->len);
		d->pos = 1;
	}
	if (srv.lies && once_in(&srv.rng, 3))
		lie_ddbg(&srv.rng, d);
}

/* MOUNT, UMOUNT, REMOUNT. */
static void serve_volume(struct volume *v, struct zufs_ioc_mount *zim)
{
	uint16_t op = zim->hdr.operation;

	if (op == ZUFS_M_MOUNT)
		do_mount(v, zim);
	else if (op == ZUFS_M_UMOUNT)
		volume_umount(v);
	if (!v->honest) {
		lie_as_planned(&zim->hdr);
		if (srv.lies && once_in(&srv.rng, 6))
			lie_mount(&srv.rng, zim);
	}
	/* Nobody will unmount what isn't mounted. */
	if (op == ZUFS_M_MOUNT && zim->hdr.err)
		volume_umount(v);
}

static void serve_mount(struct zufs_ioc_mount *zim)
{
	uint16_t op = zim->hdr.operation;

	if (op == ZUFS_M_BREAK)
		return;
	zim->hdr.err = 0;
	if (op == ZUFS_M_DDBG_RD || op == ZUFS_M_DDBG_WR)
		do_ddbg((void *)zim);
	else
		serve_volume(&volumes[zim->zfi_id % VOLUMES], zim);
	count(&counts->replies);
}

static _Noreturn void serve_mounts(void)
{
	static struct zufs_ioc_mount zim;

	zim.hdr.operation = ZUFS_M_NONE;
	for (;;) {
		if (!ioctl(srv.mount_fd, ZU_IOC_MOUNT, &zim))
			serve_mount(&zim);
		else if (errno != EINTR)
			break;
	}
	_exit(0);
}

/* ---- connection ---- */

static void register_type(int i, const char *name)
{
	struct zufs_ioc_register_fs r = { .zfi_id = i,
					  .rfi = volumes[i].zfi->rfi };

	strcpy(r.rfi.fsname, name);
	if (ioctl(srv.mount_fd, ZU_IOC_REGISTER_FS, &r))
		broken("REGISTER_FS");
}

static void hello(void)
{
	struct zufs_ioc_hello h = { .major = ZUFS_MAJOR_VERSION,
				    .minor = ZUFS_MINOR_VERSION,
				    .features = ZUFS_FEAT_NIO };

	srv.mount_fd = role_file();
	/* A child of the last server may have its files for a moment. */
	while (ioctl(srv.mount_fd, ZU_IOC_HELLO, &h)) {
		if (errno != EBUSY)
			broken("HELLO");
		usleep(2000);
	}
	register_type(VICTIM, "hostile");
	register_type(BESIDE, "honest");
}

static void misuse(void)
{
	bool by_vandal = !once_in(&srv.rng, 3);
	bool by_scribbler = once_in(&srv.rng, 3);
	pthread_t t;

	/* One round in eight is honest: what is wrong then is the vandal's. */
	srv.lies = once_in(&srv.rng, 8) ? 0 : 4 << below(&srv.rng, 6);
	counts->tame = !by_vandal && !by_scribbler;
	if (by_vandal && pthread_create(&t, NULL, vandal, &srv))
		broken("vandal");
	if (by_scribbler && pthread_create(&t, NULL, scribbler, &srv))
		broken("scribbler");
}

void server_run(uint64_t seed)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	srv.rng.state = seed;
	srv.pmem_fd = -1;
	volumes_load();
	hello();
	start_zts(seed);
	counts->tame = 1;
	if (seed)
		misuse();
	__atomic_store_n(&counts->ready, 1, __ATOMIC_RELEASE);
	serve_mounts();
}
