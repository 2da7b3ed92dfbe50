/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs of 35-calls have in common: each works in a folder, and
 * prints "ok - WHAT" or "not ok - WHAT" for each check, as the suites do.
 *
 * CALLS_SIMPLE in the environment says that the filesystem is one that has no
 * more than it must, as examples/memfs.c: what it lacks is refused.
 */
#ifndef ZUFS_TESTS_CALLS_H
#define ZUFS_TESTS_CALLS_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int calls_bad; /* checks that failed */

/* No fallocate, xattrs, projects, times of birth, exchanges; all folders have one link. */
static bool calls_simple;

static inline void calls_report(bool good, const char *what, int line,
				const char *said)
{
	int err = errno;

	printf("%s - %s\n", good ? "ok" : "not ok", what);
	if (!good)
		printf("#   line %d: %s (errno: %s)\n", line, said,
		       strerror(err));
	calls_bad += !good;
}

/* A condition holds. */
#define OK(what, cond)                                      \
	do {                                                \
		bool good_;                                 \
                                                            \
		errno = 0;                                  \
		good_ = (cond);                             \
		calls_report(good_, what, __LINE__, #cond); \
	} while (0)

/* A call answers -1 with this errno. */
#define FAILS(err, what, call) OK(what, (long)(call) == -1 && errno == (err))

/* What the checks are about to build on. */
#define NEED(cond)                                                      \
	do {                                                            \
		errno = 0;                                              \
		if (!(cond)) {                                          \
			calls_report(false, "what is needed", __LINE__, \
				     #cond);                            \
			exit(1);                                        \
		}                                                       \
	} while (0)

static inline void calls_begin(const char *folder)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	umask(022);
	calls_simple = getenv("CALLS_SIMPLE");
	NEED(chdir(folder) == 0);
}

static inline int calls_end(void)
{
	return calls_bad != 0;
}

static inline int new_file(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	NEED(fd >= 0);
	return fd;
}

static inline void new_text(const char *name, const char *text)
{
	int fd = new_file(name);

	NEED(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	NEED(close(fd) == 0);
}

static inline bool has_text(const char *name, const char *text)
{
	char buf[256] = "";
	int fd = open(name, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	return n == (ssize_t)strlen(text) && !strcmp(buf, text);
}

static inline struct stat stat_of(const char *name)
{
	struct stat st;

	NEED(lstat(name, &st) == 0);
	return st;
}

static inline struct stat fstat_of(int fd)
{
	struct stat st;

	NEED(fstat(fd, &st) == 0);
	return st;
}

/* The errno that @call leaves as this user and group, and no other; 0. */
static inline int as_user(unsigned int id, int (*call)(const char *name),
			  const char *name)
{
	int status;
	pid_t pid = fork();

	NEED(pid >= 0);
	if (!pid) {
		if (setgroups(0, NULL) || setresgid(id, id, id) ||
		    setresuid(id, id, id))
			_exit(255);
		errno = 0;
		_exit(call(name) ? errno : 0);
	}
	NEED(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

#endif
