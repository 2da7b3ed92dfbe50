// SPDX-License-Identifier: GPL-2.0
/*
 * A mount thread whose answer lies in memory that never comes, and another one
 * that answers in its place: abort ends what waits for them. No server may be
 * connected. Prints "ok - WHAT" lines.
 *
 * usage: t_stuck CONTROL-ROOT
 */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "calls.h"
#include "zus_api.h"

#define READERS 2
#define SIZE	16384UL /* of the memory: more than what MOUNT carries */

static const char *root;
static int mount_file;
static char *memory;
static sem_t took, go;

static int open_in_root(const char *name, int flags)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return open(path, flags | O_CLOEXEC, 0600);
}

/* Asks the mount thread for something; its status is the errno. */
static pid_t reader(void)
{
	pid_t pid = fork();
	char c;

	NEED(pid >= 0);
	if (pid)
		return pid;
	close(mount_file);
	errno = 0;
	_exit(read(open_in_root("ddbg", O_RDONLY), &c, 1) < 0 ? errno : 0);
}

/* It ends, soon and by EIO. */
static bool ends(pid_t pid)
{
	int status;

	for (int i = 0; i < 100; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) && WEXITSTATUS(status) == EIO;
		usleep(50000);
	}
	return false;
}

/* Whoever touches the memory sleeps until the descriptor is closed. */
static int stuck_memory(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(fd >= 0 && memory != MAP_FAILED);
	reg.range.start = (unsigned long)memory;
	reg.range.len = SIZE;
	NEED(ioctl(fd, UFFDIO_API, &api) == 0 &&
	     ioctl(fd, UFFDIO_REGISTER, &reg) == 0);
	return fd;
}

static void *mount_thread(void *unused)
{
	static char msg[SIZE];

	NEED(ioctl(mount_file, ZU_IOC_MOUNT, msg) == 0);
	sem_post(&took);
	sem_wait(&go);
	FAILS(ENOTCONN, "the mount thread learns of the end",
	      ioctl(mount_file, ZU_IOC_MOUNT, memory));
	return unused;
}

static void stuck(const pid_t *pid)
{
	struct pollfd p = { .fd = stuck_memory(), .events = POLLIN };
	static char msg[SIZE];
	pthread_t t;
	int fd;

	NEED(pthread_create(&t, NULL, mount_thread, NULL) == 0);
	sem_wait(&took);
	FAILS(EBUSY, "another thread doesn't answer in its place",
	      ioctl(mount_file, ZU_IOC_MOUNT, msg));
	sem_post(&go);
	OK("the mount thread is stuck", poll(&p, 1, 5000) == 1);
	fd = open_in_root("abort", O_WRONLY);
	NEED(write(fd, "1", 1) == 1);
	close(fd);
	for (int i = 0; i < READERS; i++)
		OK("abort ends what waits for it", ends(pid[i]));
	close(p.fd);
	pthread_join(t, NULL);
}

int main(int argc, char **argv)
{
	struct zufs_ioc_hello h = { .major = ZUFS_MAJOR_VERSION };
	pid_t pid[READERS];

	if (argc != 2) {
		fprintf(stderr, "usage: t_stuck CONTROL-ROOT\n");
		return 2;
	}
	root = argv[1];
	setvbuf(stdout, NULL, _IONBF, 0);
	mount_file = open_in_root(".", O_TMPFILE | O_RDWR);
	NEED(mount_file >= 0 && !ioctl(mount_file, ZU_IOC_HELLO, &h));
	for (int i = 0; i < READERS; i++)
		pid[i] = reader();
	stuck(pid);
	return calls_end();
}
