// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Messages: one line each, to stderr; with the journal's level prefix when
 * stderr is the journal. Whoever reads one bad block again and again must not
 * fill the log: of each error and warning few are said in a while.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

static int max_level = ZUS_INFO;
static bool to_journal;

/* JOURNAL_STREAM is inherited: stderr may have become another file since. */
static bool stderr_is_journal(void)
{
	const char *name = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return name && sscanf(name, "%llu:%llu", &dev, &ino) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == dev &&
	       st.st_ino == ino;
}

void zus_log_init(bool verbose)
{
	max_level = verbose ? ZUS_DBG : ZUS_INFO;
	to_journal = stderr_is_journal();
}

static void put_line(int level, const char *line)
{
	if (to_journal)
		fprintf(stderr, "<%d>%s\n", level, line);
	else
		fprintf(stderr, "zusd: %s\n", line);
}

/* ---- not too many ---- */

#define BURST	 10 /* of one format */
#define INTERVAL 5  /* seconds */
#define FORMATS	 64 /* what comes after so many shares the last */

static struct said {
	const char *fmt; /* compared, never read: its plugin may be gone */
	time_t begin;
	unsigned int said, missed; /* since then */
} table[FORMATS];
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;

static struct said *said_of(const char *fmt)
{
	unsigned int i = 0;

	while (i < FORMATS - 1 && table[i].fmt && table[i].fmt != fmt)
		i++;
	table[i].fmt = fmt;
	return &table[i];
}

/* May one more be said? *missed: so many weren't in the interval before. */
static bool may_say(const char *fmt, unsigned int *missed)
{
	struct timespec now;
	struct said *s;
	bool may;

	clock_gettime(CLOCK_MONOTONIC, &now);
	pthread_mutex_lock(&table_lock);
	s = said_of(fmt);
	if (now.tv_sec - s->begin >= INTERVAL) {
		*missed = s->missed;
		s->begin = now.tv_sec;
		s->said = s->missed = 0;
	}
	may = s->said < BURST;
	if (may)
		s->said++;
	else
		s->missed++;
	pthread_mutex_unlock(&table_lock);
	return may;
}

void zus_log(int level, const char *fmt, ...)
{
	unsigned int missed = 0;
	char line[512];
	va_list ap;

	if (level > max_level || (level <= ZUS_WARN && !may_say(fmt, &missed)))
		return;
	if (missed) {
		snprintf(line, sizeof(line),
			 "%u messages like the next one were suppressed",
			 missed);
		put_line(level, line);
	}
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	put_line(level, line);
}

/* Said at any level: who switched the site on wants it. */
void zus_dbg_say(const struct zus_dbg_site *site, const char *fmt, ...)
{
	char line[512];
	size_t n = zus_ddbg_prefix(site, line, sizeof(line));
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
	put_line(ZUS_DBG, line);
}
