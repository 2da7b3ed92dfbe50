/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* The parts of fsck.toyfs. */
#ifndef FSCK_H
#define FSCK_H

#include "device.h"
#include "toycheck.h"

/* Exit codes, as fsck(8) has them. */
enum {
	FSCK_OK = 0,
	FSCK_REPAIRED = 1,
	FSCK_LEFT = 4,	/* problems that aren't repaired */
	FSCK_ERROR = 8, /* it couldn't be checked */
	FSCK_USAGE = 16,
	FSCK_CANCELED = 32
};

enum fsck_mode {
	FSCK_ASK,
	FSCK_NO,    /* -n */
	FSCK_PREEN, /* -p */
	FSCK_YES    /* -y */
};

struct fsck {
	char **paths;
	int nr_paths;
	const char *path; /* the first of them, for messages */
	enum fsck_mode mode;
	bool force; /* all of it in any case */
	bool progress;
	int progress_fd; /* 0: a bar on the terminal */

	struct toy_health health;

	bool all; /* no more questions: the answer is yes */
	uint64_t declined;
	uint64_t shown[TOY_P_CODES]; /* lines printed of each kind */
};

/* ---- fsck_options.c ---- */

/* -1: run; else the exit code. */
int fsck_options(int argc, char **argv, struct fsck *f);

/* ---- fsck_talk.c: callbacks of the check ---- */

bool fsck_found(void *arg, const struct toy_problem *p);
void fsck_progress(void *arg, uint64_t done, uint64_t all);
/* From now on SIGINT and SIGTERM ask to stop. */
void fsck_listen(void);
/* Whether a signal asked to stop. */
bool fsck_canceled(void *arg);
/* How many problems weren't shown; the bar goes. */
void fsck_talked(struct fsck *f);

#endif /* FSCK_H */
