// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of an application that a server sees by its window, while a thread of the
 * server on another CPU touches them all the time: see watch.h. With a window_min
 * of WATCH_SIZE at most.
 *
 * usage: t_window FOLDER requests
 *        t_window FOLDER killed        callers that are killed
 *        t_window FOLDER abort FILE    the epoch ends by FILE, with a request
 */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#include "calls.h"
#include "watch.h"

#define BLOCK 4096

static char *buf; /* WATCH_SIZE bytes, of the children too */
static int file;

static unsigned int counter(const char *name)
{
	char text[1024] = "", *at;
	int fd = open("counters", O_RDONLY);

	NEED(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	at = strstr(text, name);
	NEED(at);
	return (unsigned int)atoi(at + strlen(name));
}

/* The thread is on the other one. */
static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	NEED(sched_setaffinity(0, sizeof(set), &set) == 0);
}

/* Some of the thread's turns, with this CPU in use. */
static void spin(long us)
{
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	do {
		clock_gettime(CLOCK_MONOTONIC, &b);
	} while ((b.tv_sec - a.tv_sec) * 1000000 +
			 (b.tv_nsec - a.tv_nsec) / 1000 <
		 us);
}

/* What is there now is none of the server's; false: it was changed meanwhile. */
static bool secret(long us)
{
	memset(buf, WATCH_SECRET, WATCH_SIZE);
	spin(us);
	/* Each byte is the next one. */
	return buf[0] == WATCH_SECRET && !memcmp(buf, buf + 1, WATCH_SIZE - 1);
}

static ssize_t request(bool write_it, int when)
{
	memset(buf, WATCH_SHOWN, WATCH_SIZE);
	return write_it ? pwrite(file, buf, WATCH_SIZE, when * BLOCK) :
			  pread(file, buf, WATCH_SIZE, when * BLOCK);
}

/* Most are answered at once: the first touch may come in the middle of that. */
static bool many(bool write_it, int n)
{
	int bad = 0;

	for (int i = 0; i < n; i++) {
		bad += request(write_it, i % 4 ? WATCH_AT_ONCE :
						 WATCH_TOUCHED) != WATCH_SIZE;
		bad += !secret(100);
	}
	return !bad;
}

static void requests(void)
{
	unsigned int touched;

	OK("writes, while another CPU loads from the window", many(true, 1000));
	touched = counter("touched ");
	OK("all that it loads is what was shown",
	   touched >= 250 && !counter("leaked ") && !counter("missed "));
	OK("and between requests it is a SIGBUS", counter("denied ") >= 100);
	OK("reads, while it stores to the window: nothing comes afterwards",
	   many(false, 400));
	OK("it did store",
	   counter("touched ") >= touched + 100 && !counter("missed "));
}

static pid_t child(bool write_it, int when)
{
	pid_t pid = fork();

	NEED(pid >= 0);
	if (pid)
		return pid;
	while (request(write_it, when) == WATCH_SIZE)
		;
	_exit(errno);
}

/* One that is held: it is with the server now. */
static pid_t held(bool write_it)
{
	unsigned int touched = counter("touched ");
	pid_t pid = child(write_it, WATCH_HOLD);

	for (int i = 0; i < 200 && counter("touched ") == touched; i++)
		usleep(20000);
	return pid;
}

static void killed(void)
{
	int bad = 0, status;
	pid_t pid;

	for (int i = 0; i < 40; i++) {
		pid = child(i % 2, i % 4 < 2 ? WATCH_TOUCHED : WATCH_AT_ONCE);
		usleep(1000 + i * 200);
		NEED(kill(pid, SIGKILL) == 0 &&
		     waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
		bad += !secret(1000);
	}
	OK("callers are killed: their memory is nobody else's", !bad);
	for (int i = 0; i < 2; i++) {
		pid = held(i);
		NEED(kill(pid, SIGKILL) == 0 &&
		     waitpid(pid, &status, 0) == pid);
		OK("and so it is after the answer that one waits for",
		   secret(10000));
	}
	OK("until which the server had it", !counter("gone "));
	OK("the other CPU sees nothing of what comes then",
	   !counter("leaked "));
}

static void abort_by(const char *name)
{
	int fd = open(name, O_WRONLY), status;
	pid_t pid = held(true);

	NEED(fd >= 0 && write(fd, "1", 1) == 1);
	NEED(waitpid(pid, &status, 0) == pid);
	OK("the epoch ends: the caller gets EIO",
	   WIFEXITED(status) && WEXITSTATUS(status) == EIO);
	OK("and has its memory for itself", secret(200000));
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";

	if (argc < 3)
		return 2;
	calls_begin(argv[1]);
	pin();
	buf = mmap(NULL, WATCH_SIZE, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	file = open("watch", O_RDWR);
	NEED(buf != MAP_FAILED && file >= 0 && ftruncate(file, 1 << 20) == 0);
	if (!strcmp(what, "requests"))
		requests();
	else if (!strcmp(what, "killed"))
		killed();
	else
		abort_by(argv[3]);
	return calls_end();
}
