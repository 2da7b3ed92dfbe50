// SPDX-License-Identifier: GPL-2.0
/*
 * ioctls of the type toytwo, on a file that is its owner's. Run as root.
 *
 * usage: t_ioctl FOLDER PATH-OF-ANOTHER-MOUNT
 */
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "calls.h"
#include "toytwo.h"
#include "zus_api.h"

static void arguments(int fd)
{
	unsigned char *p = mmap(NULL, 2 * TWO_LONG, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool all = true;

	NEED(p != MAP_FAILED);
	memset(p, 7, TWO_LONG + 1);
	OK("in and out",
	   ioctl(fd, TWO_ADD, p) == 0 && p[0] == 8 && p[7] == 8 && p[8] == 7);
	OK("a size that the number doesn't tell",
	   ioctl(fd, TWO_REALLOC, p) == 0);
	for (int i = 0; i < TWO_LONG; i++)
		all &= p[i] == (i < 8 ? 9 : 8);
	OK("all of it came back", all && p[TWO_LONG] == 7);
	FAILS(EIO, "the server asks twice", ioctl(fd, TWO_GREEDY, p));
	FAILS(EIO, "the server asks for too much", ioctl(fd, TWO_HUGE, p));
	FAILS(EFAULT, "no address", ioctl(fd, TWO_ADD, NULL));
	FAILS(EFAULT, "no address, when asked", ioctl(fd, TWO_REALLOC, NULL));
	NEED(mprotect(p, 4096, PROT_READ) == 0);
	FAILS(EFAULT, "memory that can't be written", ioctl(fd, TWO_ADD, p));
	munmap(p, 2 * TWO_LONG);
}

static int kflags(int fd)
{
	int flags = 0;

	return ioctl(fd, TWO_KFLAGS, &flags) ? -1 : flags;
}

static void rights(int fd)
{
	int status;
	pid_t pid;

	OK("root may all",
	   kflags(fd) == (ZUFS_IOCTL_RW | ZUFS_IOCTL_ADMIN | ZUFS_IOCTL_OWNER));
	pid = fork();
	if (!pid) {
		calls_bad = 0;
		NEED(setresuid(65534, 65534, 65534) == 0);
		OK("nobody may nothing but write", kflags(fd) == ZUFS_IOCTL_RW);
		_exit(calls_bad);
	}
	NEED(waitpid(pid, &status, 0) == pid);
	calls_bad += !!status;
}

/* The server does as if it were an application. */
static void own_mount(int fd, const char *other)
{
	char path[TWO_PATH] = "";

	NEED(getcwd(path, sizeof(path) - 8));
	strcat(path, "/new");
	FAILS(EDEADLK, "the server looks a name up in its own mount",
	      ioctl(fd, TWO_OPEN, path));
	snprintf(path, sizeof(path), "%s/new", other);
	FAILS(EDEADLK, "and in another mount of its own",
	      ioctl(fd, TWO_OPEN, path));
	strcpy(path, "/etc/passwd");
	OK("but not elsewhere", ioctl(fd, TWO_OPEN, path) == 0);
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: t_ioctl FOLDER OTHER\n");
		return 2;
	}
	calls_begin(argv[1]);
	fd = new_file("ioctl");
	arguments(fd);
	rights(fd);
	own_mount(fd, argv[2]);
	close(fd);
	return calls_end();
}
