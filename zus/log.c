// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Messages: one line each, to stderr; with the journal's level prefix when
 * stderr is the journal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
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

void zus_log(int level, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (level > max_level)
		return;
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
