// SPDX-License-Identifier: GPL-2.0
/*
 * Misuse of role files and of their maps, beside a server that answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile.h"

/* Any file of the server, or a new one. */
static int some_file(struct server *srv, struct rng *r)
{
	switch (below(r, 4)) {
	case 0:
		return srv->mount_fd;
	case 1:
		return srv->pmem_fd;
	case 2:
		return srv->zt[below(r, srv->zts)].fd;
	default:
		return role_file();
	}
}

static void drop_file(struct server *srv, int fd)
{
	if (fd < 0 || fd == srv->mount_fd || fd == srv->pmem_fd)
		return;
	for (unsigned int i = 0; i < srv->zts; i++)
		if (srv->zt[i].fd == fd)
			return;
	close(fd);
}

/* An address that an ioctl may be given: good memory, or none at all. */
static void *some_address(struct rng *r)
{
	static char __attribute__((aligned(4096))) room[65536];

	switch (below(r, 12)) {
	case 0:
		return NULL;
	case 1:
		return (void *)(uintptr_t)0xffff888000000000;
	case 2:
		return (void *)(uintptr_t)0xffffffffff600000;
	case 3:
		return room + sizeof(room) - below(r, 64);
	default:
		/* Old content stays: parts of it are right. */
		for (int i = below(r, 40); i; i--)
			room[below(r, 4096)] = odd_value(r, 0);
		return room;
	}
}

static unsigned long some_ioctl(struct rng *r)
{
	static const unsigned long all[] = {
		ZU_IOC_HELLO,	  ZU_IOC_REGISTER_FS, ZU_IOC_NUMA_MAP,
		ZU_IOC_GRAB_PMEM, ZU_IOC_INIT_THREAD, ZU_IOC_ALLOC_BUFFER,
	};
	static const unsigned long rare[] = {
		ZU_IOC_MOUNT,
		ZU_IOC_BREAK_ALL,
		ZU_IOC_WAIT_OPT,
	};

	/* These may take what the server waits for, which ends most of it. */
	if (once_in(r, 100))
		return rare[below(r, 3)];
	if (once_in(r, 10))
		return _IOC(below(r, 4), 'Z', below(r, 32), below(r, 8192));
	return all[below(r, sizeof(all) / sizeof(*all))];
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A thread that waits in MOUNT, WAIT_OPT or INVAL_MAP does nothing else. */
static void ioctl_in_time(int fd, unsigned long cmd, void *arg)
{
	ualarm(2000, 0);
	ioctl(fd, cmd, arg);
	ualarm(0, 0);
}

static void do_ioctl(struct server *srv, struct rng *r)
{
	int fd = some_file(srv, r);
	unsigned long cmd = some_ioctl(r);

	ioctl_in_time(fd, cmd, some_address(r));
	drop_file(srv, fd);
}

static uint64_t some_sb(struct rng *r)
{
	uint64_t sb_id = volumes[below(r, VOLUMES)].sb_id;

	return once_in(r, 2) ? sb_id : odd_value(r, sb_id);
}

/* A GRAB_PMEM that can go well, and maps it. */
static void do_grab(struct server *srv, struct rng *r)
{
	static struct zufs_ioc_pmem pm;
	int fd = role_file();
	void *p;

	(void)srv;
	pm.sb_id = some_sb(r);
	if (!ioctl(fd, ZU_IOC_GRAB_PMEM, &pm)) {
		p = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 0);
		if (p != MAP_FAILED)
			munmap(p, 4 << 20);
	}
	close(fd);
}

/* A pool that nobody serves, for a while. */
static void do_pool(struct server *srv, struct rng *r)
{
	struct zufs_ioc_alloc_buffer ab = {
		.sb_id = some_sb(r),
		.max_size = 4096U << below(r, 11),
		.init_size = once_in(r, 2) ? 0 : 4096,
		.pool_no = (uint16_t)(1 + below(r, ZUFS_MAX_POOLS)),
	};
	int fd = role_file();
	char *p;

	(void)srv;
	if (!ioctl(fd, ZU_IOC_ALLOC_BUFFER, &ab)) {
		p = mmap(NULL, ab.max_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 fd, 0);
		usleep(below(r, 5000));
		if (p != MAP_FAILED)
			munmap(p, ab.max_size);
	}
	close(fd);
}

/* Blocks that don't move, of a file that may be in use. */
static void do_inval(struct server *srv, struct rng *r)
{
	struct zufs_ioc_inval_map im = {
		.ii = srv->ii,
		.offset = (uint64_t)below(r, 4096) << 12,
		.len = 1ULL << below(r, 40),
	};

	if (once_in(r, 3))
		im.ii.ino = below(r, 100);
	if (once_in(r, 2))
		im.ii.generation = 0;
	if (once_in(r, 8))
		im.offset = odd_value(r, im.offset);
	if (once_in(r, 8))
		im.len = odd_value(r, im.len);
	ioctl_in_time(srv->pmem_fd, ZU_IOC_INVAL_MAP, &im);
}

/* By system calls: where nothing is shown, they fail, and we go on. */
static void do_window(struct server *srv, struct rng *r)
{
	char *at = (char *)srv->zt[below(r, srv->zts)].window +
		   below(r, 64) * 4096;
	size_t len = 1 + below(r, 3 * 4096);
	struct iovec v = { at, len };
	int p[2];

	if (pipe2(p, O_CLOEXEC | O_NONBLOCK))
		return;
	if (write(p[1], at, len) > 0)
		(void)!read(p[0], at, len); /* a store, if it may be one */
	(void)!vmsplice(p[1], &v, 1, SPLICE_F_NONBLOCK);
	mlock(at, len);
	syscall(SYS_futex, at, 0 /* FUTEX_WAIT */, 1, &(struct timespec){ 0 });
	madvise(at, 4096, below(r, 26));
	close(p[0]);
	close(p[1]);
}

static void do_mmap(struct server *srv, struct rng *r)
{
	static const int prots[] = { PROT_NONE, PROT_READ,
				     PROT_READ | PROT_WRITE,
				     PROT_READ | PROT_EXEC };
	int fd = some_file(srv, r);
	size_t len = 4096 << below(r, 12);
	off_t off = once_in(r, 2) ? (off_t)ZUS_API_MAP_MAX_SIZE :
				    (off_t)below(r, 4096) << 12;
	char *p = mmap(NULL, len, prots[below(r, 4)],
		       once_in(r, 4) ? MAP_PRIVATE : MAP_SHARED, fd, off);

	if (p != MAP_FAILED) {
		madvise(p, len, below(r, 26));
		mprotect(p, len / 2, prots[below(r, 4)]);
		if (once_in(r, 2))
			mremap(p, len, len * 2, MREMAP_MAYMOVE);
		munmap(p, len * 2);
	}
	drop_file(srv, fd);
}

/* The map that the server works with: what it loses is its own. */
static void do_remap(struct server *srv, struct rng *r)
{
	struct zt *zt = &srv->zt[below(r, srv->zts)];
	void *pool = volumes[below(r, VOLUMES)].pool[below(r, POOLS)];
	struct {
		void *at;
		size_t len;
	} maps[] = {
		{ zt->buf, OP_SIZE },
		{ zt->window, ZUS_API_MAP_MAX_SIZE },
		{ pool, pool ? POOL_SIZE : 0 },
	}, *m = &maps[below(r, 3)];

	switch (below(r, 4)) {
	case 0:
		mprotect(m->at, m->len, PROT_READ | PROT_WRITE | PROT_EXEC);
		break;
	case 1:
		madvise(m->at, m->len, MADV_DONTNEED);
		break;
	case 2:
		madvise(m->at, m->len, MADV_DOFORK);
		break;
	default:
		mremap(m->at, m->len, m->len * 2, 0);
	}
}

/* A child has the files, and no map of them. */
static void do_fork(struct server *srv, struct rng *r)
{
	pid_t pid = fork();

	if (!pid) {
		ioctl(srv->mount_fd, ZU_IOC_MOUNT, some_address(r));
		ioctl(srv->zt[0].fd, ZU_IOC_WAIT_OPT, NULL);
		if (once_in(r, 2)) /* it dies here */
			*(volatile char *)(once_in(r, 2) ?
						   (void *)srv->zt[0].buf :
						   srv->zt[0].window) = 1;
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void do_io(struct server *srv, struct rng *r)
{
	static char room[4096];
	int fd = some_file(srv, r);
	struct iovec mine = { room, sizeof(room) },
		     its = { srv->zt[0].buf, sizeof(room) };

	if (read(fd, room, sizeof(room)) >= 0 ||
	    write(fd, room, sizeof(room)) >= 0 || ftruncate(fd, 4096) >= 0 ||
	    process_vm_readv(getpid(), &mine, 1, &its, 1, 0) >= 0)
		fsync(fd);
	drop_file(srv, fd);
}

/* One file less: the end of the epoch, or of a ZT. */
static void do_close(struct server *srv, struct rng *r)
{
	if (!once_in(r, 300))
		return;
	if (once_in(r, 3))
		close(srv->mount_fd);
	else
		close(srv->zt[below(r, srv->zts)].fd);
}

/* In the middle of whatever the other threads do. */
static void do_end(struct server *srv, struct rng *r)
{
	if (!once_in(r, 300))
		return;
	switch (below(r, 4)) {
	case 0:
		kill(getpid(), SIGKILL);
		break;
	case 1:
		munmap(srv->zt[below(r, srv->zts)].buf, OP_SIZE);
		break;
	case 2:
		munmap(srv->zt[below(r, srv->zts)].window,
		       ZUS_API_MAP_MAX_SIZE);
		break;
	default:
		_exit(0);
	}
}

void *vandal(void *arg)
{
	static void (*const acts[])(struct server *, struct rng *) = {
		do_ioctl, do_ioctl, do_ioctl,  do_grab,	  do_pool,
		do_inval, do_inval, do_window, do_window, do_mmap,
		do_remap, do_fork,  do_io,     do_close,  do_end,
	};
	struct sigaction sa = { .sa_handler = on_alarm };
	struct server *srv = arg;
	struct rng r = { srv->rng.state ^ 1 };

	sigaction(SIGALRM, &sa, NULL);
	for (;;) {
		acts[below(&r, sizeof(acts) / sizeof(*acts))](srv, &r);
		count(&counts->misuses);
		usleep(below(&r, 2000));
	}
}

/* Changes words of the operations at all times: in the middle of copies. */
void *scribbler(void *arg)
{
	struct server *srv = arg;
	struct rng r = { srv->rng.state ^ 2 };

	for (;;) {
		struct zt *zt = &srv->zt[below(&r, srv->zts)];
		void *pool = volumes[VICTIM].pool[below(&r, POOLS)];
		uint64_t *w = once_in(&r, 4) && pool ? pool : (void *)zt->buf;

		w += below(&r, 128);
		__atomic_store_n(w, odd_value(&r, *w), __ATOMIC_RELAXED);
		if (once_in(&r, 8))
			usleep(below(&r, 500));
	}
}
