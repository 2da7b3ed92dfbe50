// SPDX-License-Identifier: GPL-2.0
/*
 * ioctls of the type toytwo, on a file that is its owner's. Run as root.
 *
 * usage: t_ioctl FOLDER PATH-OF-ANOTHER-MOUNT
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include "calls.h"
#include "toytwo.h"
#include "zus_api.h"

#define EVICTED 200 /* inodes: see 58-types */

static bool all_are(const unsigned char *p, int n, int value)
{
	while (n-- && *p == value)
		p++;
	return n < 0;
}

static void arguments(int fd)
{
	unsigned char *p = mmap(NULL, 2 * TWO_LONG, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(p != MAP_FAILED);
	memset(p, 7, TWO_LONG + 1);
	OK("in and out",
	   ioctl(fd, TWO_ADD, p) == 0 && all_are(p, 8, 8) && p[8] == 7);
	memset(p, 7, 8);
	OK("what has no size moves nothing",
	   ioctl(fd, TWO_BARE, p) == 0 && all_are(p, TWO_LONG + 1, 7));
	OK("nor looks for it", ioctl(fd, TWO_BARE, NULL) == 0);
	OK("as much as a number can tell", ioctl(fd, TWO_MOST, p) == 0 &&
						   all_are(p, TWO_LONG, 8) &&
						   p[TWO_LONG] == 7);
	FAILS(EFAULT, "no address", ioctl(fd, TWO_ADD, NULL));
	NEED(mprotect(p, 4096, PROT_READ) == 0);
	FAILS(EFAULT, "memory that can't be written", ioctl(fd, TWO_ADD, p));
	munmap(p, 2 * TWO_LONG);
}

static int kflags(int fd)
{
	int flags = 0;

	return ioctl(fd, TWO_KFLAGS, &flags) ? -1 : flags;
}

/* What user 65534 may. */
static int kflags_of_nobody(int fd)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		NEED(setresuid(65534, 65534, 65534) == 0);
		_exit(kflags(fd));
	}
	NEED(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void rights(int fd)
{
	int ro;

	OK("root may all",
	   kflags(fd) == (ZUFS_IOCTL_RW | ZUFS_IOCTL_ADMIN | ZUFS_IOCTL_OWNER));
	OK("nobody may nothing but write",
	   kflags_of_nobody(fd) == ZUFS_IOCTL_RW);
	NEED(fchown(fd, 65534, 65534) == 0);
	OK("who owns it may that too",
	   kflags_of_nobody(fd) == (ZUFS_IOCTL_RW | ZUFS_IOCTL_OWNER));
	NEED(fchown(fd, 0, 0) == 0 && mkdir("ro", 0755) == 0);
	NEED(mount(".", "ro", NULL, MS_BIND, NULL) == 0 &&
	     mount(NULL, "ro", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) ==
		     0);
	ro = open("ro/ioctl", O_RDONLY);
	OK("on a read-only mount nobody may write",
	   kflags(ro) == (ZUFS_IOCTL_ADMIN | ZUFS_IOCTL_OWNER));
	close(ro);
	NEED(umount("ro") == 0);
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

/*
 * One that it knows the extents of, and one that it would have to ask for. Neither
 * may wait for the server, which is busy with this.
 */
static void own_files(int fd)
{
	static const unsigned long cmds[] = { TWO_LOAD, TWO_STORE };
	char known[TWO_PATH] = "", hole[TWO_PATH] = "";
	int other;

	NEED(getcwd(known, sizeof(known) - 8));
	strcpy(hole, known);
	strcat(known, "/known");
	strcat(hole, "/hole");
	new_text("known", "text");
	other = new_file("hole");
	NEED(ftruncate(other, 4096) == 0);
	for (int i = 0; i < 2; i++) {
		OK("the server maps a file of its own mount",
		   ioctl(fd, cmds[i], known) == 0);
		FAILS(EIO, "a fault that needs the server is a SIGBUS",
		      ioctl(fd, cmds[i], hole));
	}
	OK("what it stored is there", has_text("known", "sext"));
	FAILS(EDEADLK, "it syncs that file", ioctl(fd, TWO_FSYNC, known));
	FAILS(EDEADLK, "and all of its mount", ioctl(fd, TWO_SYNCFS, known));
	OK("the application does", fsync(fd) == 0 && syncfs(fd) == 0);
	close(other);
}

/* More than were evicted before, for the suite to see. */
static void own_evictions(int fd)
{
	char name[20];

	for (int i = 0; i < EVICTED; i++) {
		snprintf(name, sizeof(name), "evicted.%d", i);
		close(new_file(name));
	}
	sync();
	OK("inodes of its mount are evicted by a thread of the server",
	   ioctl(fd, TWO_DROP) == 0);
	OK("and are found again", access("evicted.0", F_OK) == 0);
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
	own_files(fd);
	own_evictions(fd);
	close(fd);
	return calls_end();
}
