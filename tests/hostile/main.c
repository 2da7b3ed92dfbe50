// SPDX-License-Identifier: GPL-2.0
/*
 * hostile: rounds of a server that lies and misuses its files, on a control
 * root of its own. Each round has a new server, a mount, and applications on
 * it. At its end the applications can be killed, the mount can be unmounted and
 * the server ends, each in bounded time; what the kernel complains of is looked
 * at by the caller. A seed makes the same lies; threads still race.
 *
 * usage: hostile [-s SEED] [-n CALLS] [-t SECONDS] ROOT DIR PLUGIN TYPE SOURCE [IMAGE]
 * Runs until CALLS system calls and replies were made, or SECONDS are over.
 * IMAGE is a filesystem of TYPE, empty, whose first 2 MiB are put on SOURCE
 * before each mount; SOURCE "none" is for a type without a device.
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hostile.h"

#define APPS	 3
#define PATIENCE 30 /* seconds: many times the control root's time limit */

struct counts *counts;
struct options opt;

static double now(void)
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

/* ---- a round ---- */

/* The last round's kernel wrote wherever it was told to. */
static int restore_device(void)
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

/* Before its first lie or misuse; -1: it could not connect. */
static pid_t start_server(uint64_t seed)
{
	double end = now() + PATIENCE;
	pid_t pid;

	counts->ready = 0;
	pid = fork();
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

/* 1: it is mounted; 0: the server's doing; -1: it hangs. */
static int try_mount(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(mount(opt.source, opt.dir, "hostile", 0, NULL) != 0);
	status = wait_end(pid, "mount(2)", PATIENCE);
	if (status < 0)
		return -1;
	return !status;
}

static int try_umount(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		while (umount2(opt.dir, 0) && errno == EBUSY)
			usleep(10000);
		_exit(0);
	}
	status = wait_end(pid, "umount(2)", PATIENCE);
	return status < 0 ? -1 : 0;
}

static int kill_and_wait(pid_t pid, const char *what)
{
	kill(pid, SIGKILL);
	return wait_end(pid, what, PATIENCE) < 0 ? -1 : 0;
}

static void drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "2", 1) < 0)
		perror("drop_caches");
	close(fd);
}

/* Until there is nothing to be learned from this server any more. */
static void let_them_work(struct rng *r)
{
	double end = now() + 0.5 + below(r, 3000) / 1000.0;
	uint64_t last = 0;

	while (now() < end) {
		usleep(300000);
		if (counts->replies == last)
			break; /* it is dead, or waits for its time limit */
		last = counts->replies;
		if (once_in(r, 3))
			drop_caches();
	}
}

static int with_mount(struct rng *r)
{
	pid_t apps[APPS];
	int bad = 0;

	counts->mounts++;
	for (int i = 0; i < APPS; i++) {
		apps[i] = fork();
		if (!apps[i])
			app_run(rnd(r) + i);
	}
	let_them_work(r);
	for (int i = 0; i < APPS; i++)
		bad |= kill_and_wait(apps[i], "a killed application");
	return bad;
}

static int run_round(uint64_t seed)
{
	struct rng r = { seed };
	pid_t server;
	int mounted, bad = 0;

	if (opt.image && restore_device()) {
		printf("not ok - %s can be written\n", opt.source);
		return -1;
	}
	counts->rounds++;
	server = start_server(rnd(&r));
	if (server < 0)
		return -1;
	mounted = try_mount();
	if (mounted > 0)
		bad = with_mount(&r);
	bad |= mounted < 0;
	if (once_in(&r, 2)) {
		bad |= kill_and_wait(server, "the server");
		return bad | (mounted > 0 ? try_umount() : 0);
	}
	if (mounted > 0)
		bad |= try_umount();
	return bad | kill_and_wait(server, "the server");
}

/* ---- the whole ---- */

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

static void report(double seconds)
{
	printf("# %llu rounds (%llu mounts), %llu calls, %llu replies (%llu of them lies), %llu misuses, %.0f s\n",
	       (unsigned long long)counts->rounds,
	       (unsigned long long)counts->mounts,
	       (unsigned long long)counts->calls,
	       (unsigned long long)counts->replies,
	       (unsigned long long)counts->lies,
	       (unsigned long long)counts->misuses, seconds);
}

static int usage(void)
{
	fprintf(stderr,
		"usage: hostile [-s SEED] [-n CALLS] [-t SECONDS] ROOT DIR PLUGIN TYPE SOURCE [IMAGE]\n");
	return 2;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, wanted = ~0ULL;
	double begin = now(), seconds = 60;
	int c, bad = 0;

	while ((c = getopt(argc, argv, "s:n:t:")) != -1)
		switch (c) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			wanted = strtoull(optarg, NULL, 0);
			break;
		case 't':
			seconds = strtod(optarg, NULL);
			break;
		default:
			return usage();
		}
	argv += optind;
	argc -= optind;
	if (argc < 5 || argc > 6)
		return usage();
	opt.root = argv[0];
	opt.dir = argv[1];
	opt.plugin = argv[2];
	opt.type = argv[3];
	opt.source = argv[4];
	if (argc == 6 && read_image(argv[5])) {
		perror(argv[5]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		return 2;
	while (!bad && counts->calls + counts->replies < wanted &&
	       now() - begin < seconds)
		bad = run_round(seed++);
	report(now() - begin);
	return bad ? 1 : 0;
}
