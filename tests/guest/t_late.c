// SPDX-License-Identifier: GPL-2.0
/*
 * Answers that come late, so that what they say isn't true any more; and errors of
 * a server that mean something else inside the kernel.
 *
 * usage: t_late FOLDER
 */
#include <signal.h>

#include "told.h"

static struct {
	struct file_handle head;
	unsigned char rest[MAX_HANDLE_SZ];
} saved;

/* The size of what is opened by the handle; -errno. */
static long size_by_handle(void)
{
	int folder = open(".", O_RDONLY);
	int fd = open_by_handle_at(folder, &saved.head, O_RDONLY);

	return fd < 0 ? -errno : fstat_of(fd).st_size;
}

/* In another process without @fd, whose IGET has no answer until answer(). */
static pid_t ask(int fd, int *said)
{
	int ends[2];
	pid_t child;

	NEED(pipe(ends) == 0);
	tap->hold = ZUFS_OP_IGET;
	child = fork();
	NEED(child >= 0);
	if (!child) {
		long size = close(fd) ? -errno : size_by_handle();

		NEED(write(ends[1], &size, sizeof(size)) == sizeof(size));
		_exit(0);
	}
	close(ends[1]);
	*said = ends[0];
	for (int i = 0; i < 1000 && !tap->held; i++)
		usleep(5000);
	NEED(tap->held);
	return child;
}

static long answer(pid_t child, int said)
{
	long size = 0;

	tap->hold = 0;
	NEED(read(said, &size, sizeof(size)) == sizeof(size));
	NEED(waitpid(child, NULL, 0) == child);
	close(said);
	return size;
}

static int new_saved(const char *name)
{
	int fd = new_file(name), mount;

	saved.head.handle_bytes = MAX_HANDLE_SZ;
	NEED(!name_to_handle_at(AT_FDCWD, name, &saved.head, &mount, 0));
	return fd;
}

/* The kernel knows nothing of the file when the answer comes, but did since. */
static void grown(void)
{
	int fd = new_saved("late"), said;
	pid_t child = ask(fd, &said);
	long size;

	mark();
	NEED(pwrite(fd, "five!", 5, 5000) == 5 && close(fd) == 0);
	forget();
	NEED(comes(ZUFS_OP_EVICT_INODE));
	size = answer(child, said);
	OK("a file grew and was evicted while IGET was answered: it is as it grew",
	   size == 5005);
}

static void gone(void)
{
	int fd = new_saved("gone"), said;
	pid_t child;

	NEED(unlink("gone") == 0);
	child = ask(fd, &said);
	mark();
	NEED(close(fd) == 0 && comes(ZUFS_OP_FREE_INODE));
	OK("a file was freed while IGET was answered: it is gone",
	   answer(child, said) == -ESTALE);
}

/* A read(2) that must not try for ever; 0, or its errno. */
static int read_errno(const char *name)
{
	pid_t child = fork();
	int status;

	NEED(child >= 0);
	if (!child) {
		int fd = open(name, O_RDONLY);
		char c;

		alarm(3);
		_exit(read(fd, &c, 1) == 1 ? 0 : errno);
	}
	NEED(waitpid(child, &status, 0) == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The kernel has such errors too: of a cache that was dropped, of the caller's memory. */
static void errors(void)
{
	new_text("wrong", "text");
	forget();
	CHANGE(ZUFS_OP_GET_MULTY, zufs_ioc_hdr, err, (uint32_t)-ESTALE);
	OK("GET_MULTY: ESTALE is the caller's", read_errno("wrong") == ESTALE);
	change_nothing();
	CHANGE(ZUFS_OP_GET_MULTY, zufs_ioc_hdr, err, (uint32_t)-EFAULT);
	OK("GET_MULTY: EFAULT isn't, as it is the server's memory",
	   read_errno("wrong") == EIO);
	change_nothing();
	OK("and then it is read", has_text("wrong", "text"));
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	calls_begin(argv[1]);
	told_begin();
	grown();
	gone();
	errors();
	return calls_end();
}
