// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/* What fsck.toyfs says and asks while it checks. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fsck.h"

#define MOST	  20U /* lines of one kind, if nobody is asked */
#define BAR_WIDTH 40U

/* ---- signals ---- */

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

void fsck_listen(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

bool fsck_canceled(void *arg)
{
	(void)arg;
	return stop;
}

/* ---- progress ---- */

static void bar(const char *path, uint64_t done, uint64_t all)
{
	static const char marks[] = "========================================";
	unsigned int n = (unsigned int)(done * BAR_WIDTH / all);

	printf("\r%s: [%-*.*s] %3u%%", path, (int)BAR_WIDTH, (int)n, marks,
	       (unsigned int)(done * 100 / all));
	fflush(stdout);
}

static void bar_end(const struct fsck *f)
{
	if (f->progress && !f->progress_fd && isatty(1))
		printf("\r%*s\r", (int)(strlen(f->path) + BAR_WIDTH + 9), "");
}

void fsck_progress(void *arg, uint64_t done, uint64_t all)
{
	struct fsck *f = arg;

	if (!f->progress || !all)
		return;
	if (f->progress_fd)
		dprintf(f->progress_fd, "1 %" PRIu64 " %" PRIu64 " %s\n", done,
			all, f->path);
	else if (isatty(1))
		bar(f->path, done, all);
}

/* ---- problems ---- */

/* Repairs of these lose nothing: it is all known from elsewhere. */
static bool loses_nothing(enum toy_problem_code code)
{
	return code == TOY_P_SUPER || code == TOY_P_TABLE ||
	       code == TOY_P_SIZE || code >= TOY_P_PARENT;
}

/* A line of the terminal, which isn't waited for once fsck_canceled(). */
static bool read_line(char *line, size_t size)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	sigset_t block, old;
	int ready;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, &old);
	do
		ready = stop ? -1 : ppoll(&in, 1, NULL, &old);
	while (ready < 0 && errno == EINTR && !stop);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return ready > 0 && read(STDIN_FILENO, line, size) > 0;
}

static bool ask(struct fsck *f)
{
	char line[64];

	for (;;) {
		fputs("  repair it? (y/n, a: this and all) ", stdout);
		fflush(stdout);
		if (!read_line(line, sizeof(line))) {
			putchar('\n');
			return false;
		}
		f->all = *line == 'a';
		if (*line == 'y' || *line == 'a')
			return true;
		if (*line == 'n')
			return false;
	}
}

static bool answer(struct fsck *f, const struct toy_problem *p)
{
	switch (f->mode) {
	case FSCK_NO:
		return false;
	case FSCK_PREEN:
		return loses_nothing(p->code);
	case FSCK_YES:
		return true;
	default:
		return f->all || ask(f);
	}
}

static void show(struct fsck *f, const struct toy_problem *p)
{
	if (++f->shown[p->code] > MOST && (f->mode != FSCK_ASK || f->all))
		return;
	bar_end(f);
	printf("%s: ", f->path);
	if (p->ino)
		printf("inode %" PRIu64 ": ", p->ino);
	if (p->bn)
		printf("block %" PRIu64 ": ", p->bn);
	puts(p->text);
}

bool fsck_found(void *arg, const struct toy_problem *p)
{
	struct fsck *f = arg;
	bool yes;

	show(f, p);
	yes = answer(f, p);
	f->declined += !yes;
	return yes;
}

void fsck_talked(struct fsck *f)
{
	bar_end(f);
	for (int c = 0; c < TOY_P_CODES; c++)
		if (f->shown[c] > MOST && (f->mode != FSCK_ASK || f->all))
			printf("%s: %" PRIu64 " more of the kind\n", f->path,
			       f->shown[c] - MOST);
}
