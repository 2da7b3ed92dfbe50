// SPDX-License-Identifier: GPL-2.0
/*
 * Flags, project ids, version numbers and labels by ioctl(2), on files that are
 * open and mapped. Run as root.
 *
 * usage: t_flags FOLDER LABEL
 */
#include <linux/fs.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "calls.h"

static sigjmp_buf bus;

static void on_bus(int sig)
{
	siglongjmp(bus, sig);
}

static int set_flags(int fd, int flags)
{
	return ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static int get_flags(int fd)
{
	int flags = 0;

	return ioctl(fd, FS_IOC_GETFLAGS, &flags) ? -1 : flags;
}

static int set_project(int fd, unsigned int xflags, unsigned int id)
{
	struct fsxattr fsx = { .fsx_xflags = xflags, .fsx_projid = id };

	return ioctl(fd, FS_IOC_FSSETXATTR, &fsx);
}

static long project(const char *path)
{
	struct fsxattr fsx;
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	int err = fd < 0 || ioctl(fd, FS_IOC_FSGETXATTR, &fsx);

	close(fd);
	return err ? -1 : (long)fsx.fsx_projid;
}

/* Can a byte of a shared mapping be stored? */
static bool store(char *p)
{
	if (sigsetjmp(bus, 1))
		return false;
	*(volatile char *)p = 'x';
	return true;
}

static void immutable(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0644), again;
	char *p;

	NEED(fd >= 0 && ftruncate(fd, 20000) == 0);
	p = mmap(NULL, 20000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(p != MAP_FAILED);
	OK("a mapping is written", store(p));
	OK("immutable", set_flags(fd, FS_IMMUTABLE_FL | FS_NODUMP_FL) == 0);
	OK("that is read back",
	   get_flags(fd) == (FS_IMMUTABLE_FL | FS_NODUMP_FL));
	FAILS(EPERM, "immutable: no write by a file open before",
	      write(fd, "a", 1));
	FAILS(EPERM, "immutable: no truncate of it", ftruncate(fd, 0));
	if (!calls_simple)
		FAILS(EPERM, "immutable: no fallocate",
		      fallocate(fd, 0, 0, 30000));
	FAILS(EPERM, "immutable: no open for writing", open("file", O_RDWR));
	FAILS(EPERM, "immutable: no chmod", chmod("file", 0600));
	FAILS(EPERM, "immutable: no unlink", unlink("file"));
	FAILS(EPERM, "immutable: no link", link("file", "other"));
	FAILS(EPERM, "immutable: no rename", rename("file", "other"));
	OK("immutable: no store to another page of the mapping",
	   !store(p + 8192));
	again = open("file", O_RDONLY);
	OK("immutable: it is read",
	   again >= 0 && read(again, p + 4096, 0) == 0);
	close(again);
	OK("no more", set_flags(fd, 0) == 0);
	OK("it is written again", write(fd, "a", 1) == 1 && store(p + 8192));
	munmap(p, 20000);
	close(fd);
}

static void append(void)
{
	int fd = open("log", O_RDWR | O_CREAT, 0644), to;

	NEED(fd >= 0 && write(fd, "abc", 3) == 3);
	OK("append-only", set_flags(fd, FS_APPEND_FL) == 0);
	FAILS(EPERM, "append-only: no open without O_APPEND",
	      open("log", O_WRONLY));
	FAILS(EPERM, "append-only: no truncate", truncate("log", 0));
	FAILS(EPERM, "append-only: no unlink", unlink("log"));
	to = open("log", O_WRONLY | O_APPEND);
	OK("append-only: an append", to >= 0 && write(to, "def", 3) == 3);
	close(to);
	OK("append-only: no more", set_flags(fd, 0) == 0);
	close(fd);
}

static void rights(void)
{
	int fd = open("file", O_RDWR);
	pid_t pid;
	int status;

	FAILS(EOPNOTSUPP, "a flag that is unknown", set_flags(fd, FS_COMPR_FL));
	FAILS(EOPNOTSUPP, "an extent size",
	      ioctl(fd, FS_IOC_FSSETXATTR,
		    &(struct fsxattr){ .fsx_xflags = FS_XFLAG_EXTSIZE,
				       .fsx_extsize = 8192 }));
	pid = fork();
	if (!pid) {
		calls_bad = 0;
		NEED(setresuid(65534, 65534, 65534) == 0);
		FAILS(EPERM, "who isn't the owner sets no flags",
		      set_flags(fd, FS_NODUMP_FL));
		FAILS(EPERM, "nor a version",
		      ioctl(fd, FS_IOC_SETVERSION, &(int){ 1 }));
		_exit(calls_bad);
	}
	NEED(waitpid(pid, &status, 0) == pid);
	calls_bad += !!status;
	close(fd);
}

static void inherits(void)
{
	int dir, file, fifo;

	NEED(!mkdir("kept", 0755));
	dir = open("kept", O_RDONLY);
	OK("flags of a folder",
	   set_flags(dir, FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL) == 0);
	file = open("kept/file", O_RDWR | O_CREAT, 0644);
	OK("a file in it has them",
	   get_flags(file) == (FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL));
	close(file);
	OK("a project",
	   set_project(dir, FS_XFLAG_PROJINHERIT | FS_XFLAG_NODUMP, 42) == 0);
	OK("flags are those of FSSETXATTR now",
	   get_flags(dir) == (FS_PROJINHERIT_FL | FS_NODUMP_FL));
	NEED(!mkdir("kept/a", 0755));
	fifo = mknod("kept/fifo", S_IFIFO | 0644, 0);
	file = open("kept/a/b", O_RDWR | O_CREAT, 0644);
	NEED(file >= 0 && fifo == 0);
	OK("what is made in it is of the project",
	   project("kept/a") == 42 && project("kept/a/b") == 42);
	OK("what was there isn't", project("kept/file") == 0);
	FAILS(EXDEV, "a file of another project gets no link in it",
	      link("file", "kept/link"));
	FAILS(EXDEV, "nor is moved there", rename("file", "kept/moved"));
	FAILS(EINVAL, "a file hands no project on",
	      set_flags(file, FS_PROJINHERIT_FL));
	OK("a file of another project",
	   set_project(file, 0, 7) == 0 && project("kept/a/b") == 7);
	close(file);
	close(dir);
}

static void noatime(void)
{
	struct stat before, after;
	char c;
	int fd;

	NEED(!stat("kept/file", &before));
	usleep(1100000);
	fd = open("kept/file", O_RDWR);
	NEED(fd >= 0 && write(fd, "a", 1) == 1 && pread(fd, &c, 1, 0) == 1);
	close(fd);
	NEED(!stat("kept/file", &after));
	OK("noatime: a read leaves the time",
	   !memcmp(&before.st_atim, &after.st_atim, sizeof(before.st_atim)));
}

static void version(void)
{
	int fd = open("file", O_RDWR), first = 0, now = 0;
	struct file_handle *h = malloc(sizeof(*h) + MAX_HANDLE_SZ);
	int mount, at;

	h->handle_bytes = MAX_HANDLE_SZ;
	NEED(h && name_to_handle_at(AT_FDCWD, "file", h, &mount, 0) == 0);
	OK("a version", ioctl(fd, FS_IOC_GETVERSION, &first) == 0 && first);
	OK("another one", ioctl(fd, FS_IOC_SETVERSION, &(int){ 77 }) == 0 &&
				  ioctl(fd, FS_IOC_GETVERSION, &now) == 0 &&
				  now == 77);
	at = open(".", O_RDONLY);
	OK("file handles from before are good",
	   close(open_by_handle_at(at, h, O_RDONLY)) == 0);
	OK("0 is the first one again",
	   ioctl(fd, FS_IOC_SETVERSION, &(int){ 0 }) == 0 &&
		   ioctl(fd, FS_IOC_GETVERSION, &now) == 0 && now == first);
	NEED(ioctl(fd, FS_IOC_SETVERSION, &(int){ 78 }) == 0);
	FAILS(EFAULT, "no address", ioctl(fd, FS_IOC_SETVERSION, NULL));
	close(at);
	close(fd);
	free(h);
}

static void others(const char *want)
{
	static char label[16383];
	int fd = open("file", O_RDWR);

	OK("the label",
	   ioctl(fd, FS_IOC_GETFSLABEL, label) == 0 && !strcmp(label, want));
	FAILS(EFAULT, "the label to nowhere",
	      ioctl(fd, FS_IOC_GETFSLABEL, NULL));
	FAILS(ENOTTY, "an ioctl that nobody knows", ioctl(fd, _IO('Q', 1), 0));
	FAILS(ENOTTY, "one with an argument",
	      ioctl(fd, _IOWR('Q', 2, char[16383]), label));
	FAILS(ENOTTY, "no terminal", isatty(fd) ? 0 : -1);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: t_flags FOLDER LABEL\n");
		return 2;
	}
	calls_begin(argv[1]);
	signal(SIGBUS, on_bus);
	immutable();
	append();
	rights();
	version();
	if (calls_simple)
		return calls_end();
	inherits();
	noatime();
	others(argv[2]);
	return calls_end();
}
