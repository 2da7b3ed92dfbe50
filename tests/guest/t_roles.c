// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of role files in every wrong order, with wrong arguments and from
 * the wrong hands. No server may be connected. Prints "ok - WHAT" lines.
 *
 * usage: t_roles CONTROL-ROOT
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zus_api.h"

static const char *root;
static int failed;

static void check(const char *what, int got, int want)
{
	if (got == want) {
		printf("ok - %s\n", what);
		return;
	}
	failed = 1;
	printf("not ok - %s\n#   got %d (%s), want %d (%s)\n", what, got,
	       strerror(-got), want, strerror(-want));
}

static int role_file(void)
{
	int fd = open(root, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

static int call(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

static uint64_t features = ~0ULL; /* that this server wants */

/* -EPROTO: what it learns isn't so. */
static int hello(int fd, uint32_t major, uint64_t *epoch)
{
	struct zufs_ioc_hello h = { .major = major,
				    .minor = ZUFS_MINOR_VERSION + 7,
				    .features = features };
	int err = call(fd, ZU_IOC_HELLO, &h);

	if (epoch)
		*epoch = h.epoch;
	if (err && err != -EPROTONOSUPPORT)
		return err;
	if (h.major != ZUFS_MAJOR_VERSION || h.minor != ZUFS_MINOR_VERSION ||
	    h.features != (features & ZUFS_FEAT_NIO) ||
	    h.num_channels != ZUFS_NUM_CHANNELS)
		return -EPROTO;
	return err;
}

static int init_thread(int fd, uint32_t channel, uint32_t size)
{
	struct zufs_ioc_init init = { .channel_no = channel,
				      .max_command = size,
				      .cpu = ~0U };
	int err = call(fd, ZU_IOC_INIT_THREAD, &init);

	return !err && (int)init.cpu != sched_getcpu() ? -EPROTO : err;
}

static int register_flags(int fd, const char *name, uint64_t max, uint32_t gran,
			  uint32_t flags)
{
	struct zufs_ioc_register_fs r = { .rfi = { .FS_magic = 0x74657374,
						   .s_time_gran = gran,
						   .s_maxbytes = max,
						   .s_time_max = 1,
						   .flags = flags } };

	memcpy(r.rfi.fsname, name, strnlen(name, sizeof(r.rfi.fsname)));
	return call(fd, ZU_IOC_REGISTER_FS, &r);
}

static int register_fs(int fd, const char *name, uint64_t max, uint32_t gran)
{
	return register_flags(fd, name, max, gran, 0);
}

static int grab(int fd, uint64_t sb_id)
{
	struct zufs_ioc_pmem pm = { .sb_id = sb_id };

	return call(fd, ZU_IOC_GRAB_PMEM, &pm);
}

static int pool(int fd, uint16_t no, uint32_t init, uint32_t max)
{
	struct zufs_ioc_alloc_buffer ab = { .sb_id = 12345,
					    .max_size = max,
					    .init_size = init,
					    .pool_no = no };

	return call(fd, ZU_IOC_ALLOC_BUFFER, &ab);
}

static int pool_with(int fd, uint16_t flags, uint32_t reserved)
{
	struct zufs_ioc_alloc_buffer ab = { .sb_id = 12345,
					    .max_size = 4096,
					    .pool_no = 1,
					    .flags = flags,
					    .reserved = reserved };

	return call(fd, ZU_IOC_ALLOC_BUFFER, &ab);
}

static void pools(int fd)
{
	check("ALLOC_BUFFER of pool 0", pool(fd, 0, 4096, 4096), -EINVAL);
	check("ALLOC_BUFFER of pool 7", pool(fd, 7, 4096, 4096), -EINVAL);
	check("ALLOC_BUFFER of nothing", pool(fd, 1, 0, 0), -EINVAL);
	check("ALLOC_BUFFER of too much",
	      pool(fd, 1, 0, ZUFS_MAX_POOL_SIZE + 4096), -EINVAL);
	check("ALLOC_BUFFER of more than its most", pool(fd, 1, 8192, 4096),
	      -EINVAL);
	check("ALLOC_BUFFER of a part of a page", pool(fd, 1, 0, 5000),
	      -EINVAL);
	check("ALLOC_BUFFER with a flag", pool_with(fd, 1, 0), -EINVAL);
	check("ALLOC_BUFFER with what is reserved", pool_with(fd, 0, 1),
	      -EINVAL);
	check("ALLOC_BUFFER nowhere", call(fd, ZU_IOC_ALLOC_BUFFER, NULL),
	      -EFAULT);
	check("ALLOC_BUFFER of no super block", pool(fd, 1, 4096, 4096),
	      -ESTALE);
}

static int numa_map(int fd, uint32_t max)
{
	static char buf[sizeof(struct zufs_ioc_numa_map) + 2 * 8192];
	struct zufs_ioc_numa_map *nm = (void *)buf;

	nm->max_cpus = max;
	return call(fd, ZU_IOC_NUMA_MAP, nm);
}

static int map(int fd, size_t len, int prot, int flags, off_t off)
{
	void *p = mmap(NULL, len, prot, flags, fd, off);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, len);
	return 0;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* What @f answers in a child that is nobody. */
static int as_nobody(int (*f)(int), int arg)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (setresgid(65534, 65534, 65534) ||
		    setresuid(65534, 65534, 65534))
			_exit(255);
		_exit(-f(arg));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -255;
}

static int in_child(int (*f)(int), int arg)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(-f(arg));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -255;
}

static int hello_on(int fd)
{
	return hello(fd, ZUFS_MAJOR_VERSION, NULL);
}

static int open_one(int unused)
{
	int fd = role_file();

	(void)unused;
	return fd < 0 ? fd : 0;
}

static int wait_on(int fd)
{
	return call(fd, ZU_IOC_WAIT_OPT, NULL);
}

static int mount_on(int fd)
{
	struct zufs_ioc_mount zim = { 0 };

	return call(fd, ZU_IOC_MOUNT, &zim);
}

static void *wait_in_thread(void *fd)
{
	return (void *)(long)wait_on((int)(long)fd);
}

static void strangers(void)
{
	int fd = role_file();

	check("nobody can't open a role file", as_nobody(open_one, 0), -EACCES);
	check("nor use one that it was given", as_nobody(hello_on, fd), -EPERM);
	close(fd);
}

/* Another open file of the same inode would be a second role. */
static int open_again(int fd)
{
	char path[64];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR);
	return again < 0 ? -errno : call(again, ZU_IOC_WAIT_OPT, NULL);
}

static void without_a_role(int fd)
{
	check("a role file opened again by its number", open_again(fd), -ENXIO);
	check("no role: WAIT_OPT", wait_on(fd), -EBADF);
	check("no role: MOUNT", mount_on(fd), -EBADF);
	check("no role: mmap",
	      map(fd, 1 << 16, PROT_READ | PROT_WRITE, MAP_SHARED, 0), -EBADF);
	check("no server: INIT_THREAD", init_thread(fd, 0, 65536), -ENOTCONN);
	check("no server: GRAB_PMEM", grab(fd, 1), -ENOTCONN);
	check("HELLO of another version",
	      hello(fd, ZUFS_MAJOR_VERSION + 1, NULL), -EPROTONOSUPPORT);
}

static void types(int fd)
{
	check("type without a name", register_fs(fd, "", 1 << 20, 1), -EINVAL);
	check("type with a slash", register_fs(fd, "a/b", 1 << 20, 1), -EINVAL);
	check("type with a dot", register_fs(fd, "a.b", 1 << 20, 1), -EINVAL);
	check("type whose name has no end",
	      register_fs(fd, "aaaaaaaaaaaaaaaaaaaa", 1 << 20, 1), -EINVAL);
	check("type zuf", register_fs(fd, "zuf", 1 << 20, 1), -EINVAL);
	check("type of the kernel's own", register_fs(fd, "proc", 1 << 20, 1),
	      -EBUSY);
	check("type of files without size", register_fs(fd, "t_roles", 0, 1),
	      -EINVAL);
	check("type of files too large", register_fs(fd, "t_roles", ~0ULL, 1),
	      -EINVAL);
	check("type without time", register_fs(fd, "t_roles", 1 << 20, 0),
	      -EINVAL);
	check("type with steps of more than a second",
	      register_fs(fd, "t_roles", 1 << 20, 1000000001), -EINVAL);
	check("type with an unknown flag",
	      register_flags(fd, "t_roles", 1 << 20, 1, 0x80000000U), -EINVAL);
	check("a good type", register_fs(fd, "t_roles", 1 << 20, 1), 0);
	check("the same again", register_fs(fd, "t_roles", 1 << 20, 1), -EBUSY);
}

static void mount_file(int fd)
{
	int other = role_file();

	check("second HELLO by the same file", hello_on(fd), -ENOTTY);
	check("second HELLO by another", hello_on(other), -EBUSY);
	check("a second server", in_child(hello_on, other), -EBUSY);
	check("an ioctl that isn't one", call(fd, _IO('S', 99), NULL), -ENOTTY);
	check("MOUNT from another process", in_child(mount_on, fd), -EPERM);
	check("mmap of the mount file", map(fd, 4096, PROT_READ, MAP_SHARED, 0),
	      -EBADF);
	check("NUMA_MAP without room", numa_map(fd, 0), -EOVERFLOW);
	check("NUMA_MAP", numa_map(fd, 8192), 0);
	check("NUMA_MAP nowhere", call(fd, ZU_IOC_NUMA_MAP, NULL), -EFAULT);
	check("GRAB_PMEM of no super block", grab(other, 12345), -ESTALE);
	pools(other);
	types(fd);
	close(other);
}

static int zt_file(void)
{
	int fd = role_file();

	check("ZT on no one CPU", init_thread(fd, 0, 65536), -EINVAL);
	pin(0);
	check("ZT of a channel too high",
	      init_thread(fd, ZUFS_NUM_CHANNELS, 65536), -EINVAL);
	check("ZT with a small buffer", init_thread(fd, 0, 4096), -EINVAL);
	check("ZT with a large buffer", init_thread(fd, 0, 2 << 20), -EINVAL);
	check("ZT with a crooked buffer", init_thread(fd, 0, 65536 + 8),
	      -EINVAL);
	check("ZT nowhere", call(fd, ZU_IOC_INIT_THREAD, NULL), -EFAULT);
	check("ZT", init_thread(fd, 0, 65536), 0);
	check("a second role of one file", init_thread(fd, 1, 65536), -EBUSY);
	check("GRAB_PMEM on a ZT's file", grab(fd, 1), -EBUSY);
	pin(1);
	check("ZT of another CPU", init_thread(role_file(), 0, 65536), 0);
	pin(0);
	return fd;
}

static void zt_maps(int fd)
{
	off_t at = (off_t)ZUS_API_MAP_MAX_SIZE;

	check("private map",
	      map(fd, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE, at), -EINVAL);
	check("map of another size",
	      map(fd, 65536 + 4096, PROT_READ | PROT_WRITE, MAP_SHARED, at),
	      -EINVAL);
	check("map elsewhere",
	      map(fd, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, 4096),
	      -EINVAL);
	check("map", map(fd, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, at), 0);
}

static int buffer; /* of in_child: is the parent's map there? */

static int touch_map(int page_fd)
{
	unsigned char vec[16];

	(void)page_fd;
	return mincore((void *)(long)buffer, 65536, vec) ? -errno : 0;
}

static void not_inherited(int fd)
{
	/* Low, so that the address fits an int. */
	void *p = mmap((void *)0x10000000, 65536, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED_NOREPLACE, fd,
		       (off_t)ZUS_API_MAP_MAX_SIZE);

	buffer = (int)(long)p;
	check("the operation buffer is mapped", touch_map(0), 0);
	check("a child doesn't inherit it", in_child(touch_map, 0), -ENOMEM);
	munmap(p, 65536);
}

static void wrong_threads(int fd)
{
	pthread_t t;
	void *err;
	int other = role_file();

	check("a second ZT of the channel", init_thread(other, 0, 65536),
	      -EBUSY);
	close(other);
	check("WAIT_OPT of a child", in_child(wait_on, fd), -EBADF);
	pthread_create(&t, NULL, wait_in_thread, (void *)(long)fd);
	pthread_join(t, &err);
	check("WAIT_OPT of another thread", (int)(long)err, -EBADF);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void ends(int mount_fd, int zt_fd, uint64_t epoch)
{
	char path[256];
	uint64_t next = 0;
	int fd, again;

	check("BREAK_ALL", call(mount_fd, ZU_IOC_BREAK_ALL, NULL), 0);
	check("WAIT_OPT sees it", wait_on(zt_fd), 0);
	check("MOUNT sees it", mount_on(mount_fd), 0);
	check("BREAK_ALL that MOUNT doesn't see",
	      call(mount_fd, ZU_IOC_BREAK_ALL, NULL), 0);
	snprintf(path, sizeof(path), "%s/abort", root);
	fd = open(path, O_WRONLY);
	check("abort", write(fd, "1", 1) == 1 ? 0 : -errno, 0);
	close(fd);
	check("then WAIT_OPT", wait_on(zt_fd), -ENOTCONN);
	check("then MOUNT", mount_on(mount_fd), -ENOTCONN);
	check("then REGISTER_FS", register_fs(mount_fd, "t_roles2", 1, 1),
	      -ENOTCONN);
	again = role_file();
	features = 0;
	check("a new HELLO, of a server without features",
	      hello(again, ZUFS_MAJOR_VERSION, &next), 0);
	check("is a new epoch", next == epoch + 1, 1);
	check("REGISTER_FS of the old one",
	      register_fs(mount_fd, "t_roles3", 1, 1), -ENOTCONN);
	check("MOUNT of the old one", mount_on(mount_fd), -ENOTCONN);
	check("the type's name is free again",
	      register_fs(again, "t_roles", 1 << 20, 1), 0);
	signal(SIGALRM, on_alarm);
	alarm(1);
	check("MOUNT waits: that BREAK_ALL was of the old one", mount_on(again),
	      -EINTR);
	close(again);
}

int main(int argc, char **argv)
{
	uint64_t epoch = 0;
	int fd, zt;

	if (argc != 2) {
		fprintf(stderr, "usage: t_roles CONTROL-ROOT\n");
		return 2;
	}
	root = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	strangers();
	fd = role_file();
	without_a_role(fd);
	check("HELLO", hello(fd, ZUFS_MAJOR_VERSION, &epoch), 0);
	mount_file(fd);
	zt = zt_file();
	zt_maps(zt);
	not_inherited(zt);
	wrong_threads(zt);
	ends(fd, zt, epoch);
	close(zt);
	close(fd);
	return failed;
}
