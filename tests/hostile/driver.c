// SPDX-License-Identifier: GPL-2.0
/*
 * What hostile and lies have in common: servers, mounts, and processes that have
 * to end in time.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hostile.h"

struct counts *counts;
struct options opt;

double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void show_stacks(pid_t pid)
{
	char cmd[128];

	snprintf(
		cmd, sizeof(cmd),
		"for t in /proc/%d/task/*; do cat $t/comm $t/wchan $t/stack; done",
		pid);
	fflush(stdout);
	if (system(cmd))
		perror("stacks");
}

/* Its status, or -1 with its stacks shown: it stays. */
static int wait_end(pid_t pid, const char *what, double seconds)
{
	double end = now() + seconds;
	int status;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (now() > end) {
			printf("not ok - round %llu: %s ends\n",
			       (unsigned long long)counts->rounds, what);
			show_stacks(pid);
			return -1;
		}
		usleep(2000);
	}
	return status;
}

/* ---- servers and mounts ---- */

/* The last round's kernel wrote wherever it was told to. */
int restore_device(void)
{
	int fd = open(opt.source, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (pwrite(fd, opt.image, ZUFS_ALLOC_SIZE, 0) != ZUFS_ALLOC_SIZE ||
	    fsync(fd))
		err = -EIO;
	close(fd);
	return err;
}

pid_t start_server(uint64_t seed)
{
	double end = now() + PATIENCE;
	pid_t pid;

	counts->ready = 0;
	pid = fork();
	if (pid < 0)
		return -1;
	if (!pid)
		server_run(seed);
	while (!__atomic_load_n(&counts->ready, __ATOMIC_ACQUIRE)) {
		if (now() > end) {
			printf("not ok - round %llu: a new server connects\n",
			       (unsigned long long)counts->rounds);
			kill(pid, SIGKILL);
			return -1;
		}
		usleep(2000);
	}
	return pid;
}

/* Nodev: an inode may lie that it is /dev/port, to which an application writes. */
static int mount_in_time(const char *source, const char *dir, const char *type,
			 unsigned long flags)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(mount(source, dir, type, MS_NODEV | flags, NULL) ? errno :
									 0);
	status = wait_end(pid, "mount(2)", PATIENCE);
	return status < 0 ? -1 : WEXITSTATUS(status);
}

int try_mount(void)
{
	return mount_in_time(opt.source, opt.dir, "hostile", 0);
}

int try_mount_beside(void)
{
	return mount_in_time("none", opt.beside, "honest", 0);
}

int try_remount(unsigned long flags)
{
	return mount_in_time(opt.source, opt.dir, "hostile",
			     MS_REMOUNT | flags);
}

int try_umount(const char *dir)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		while (umount2(dir, 0) && errno == EBUSY)
			usleep(10000);
		_exit(0);
	}
	status = wait_end(pid, "umount(2)", PATIENCE);
	return status < 0 ? -1 : 0;
}

int try_dead(const char *dir)
{
	struct statfs st;
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(statfs(dir, &st) ? errno : 0);
	status = wait_end(pid, "statfs(2)", PATIENCE);
	if (status >= 0 && WEXITSTATUS(status) == EIO)
		return 0;
	printf("not ok - round %llu: without a server %s answers EIO, not %d\n",
	       (unsigned long long)counts->rounds, dir, WEXITSTATUS(status));
	return -1;
}

int kill_and_wait(pid_t pid, const char *what)
{
	kill(pid, SIGKILL);
	return wait_end(pid, what, PATIENCE) < 0 ? -1 : 0;
}

void drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	/* What was used lately is spared the first time. */
	for (int i = 0; i < 3; i++)
		if (fd >= 0 && write(fd, "3", 1) < 0)
			perror("drop_caches");
	close(fd);
}

static int read_image(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -1;
	opt.bytes = st.st_size;
	opt.image = mmap(NULL, opt.bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	return opt.image == MAP_FAILED || opt.bytes < ZUFS_ALLOC_SIZE ? -1 : 0;
}

int driver_init(int argc, char **argv)
{
	if (argc < 6 || argc > 7)
		return -1;
	opt.root = argv[0];
	opt.dir = argv[1];
	snprintf(opt.beside, sizeof(opt.beside), "%s.beside", opt.dir);
	opt.memfs = argv[2];
	opt.plugin = argv[3];
	opt.type = argv[4];
	opt.source = argv[5];
	if (argc == 7 && read_image(argv[6])) {
		perror(argv[6]);
		return -1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return counts == MAP_FAILED ? -1 : 0;
}
