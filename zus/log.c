// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Messages: one line each, to stderr; with the journal's level prefix when
 * stderr is the journal.
 */
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

static int max_level = ZUS_INFO;
static bool to_journal;

void zus_log_init(bool verbose)
{
	max_level = verbose ? ZUS_DBG : ZUS_INFO;
	to_journal = getenv("JOURNAL_STREAM") != NULL;
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
	if (to_journal)
		fprintf(stderr, "<%d>%s\n", level, line);
	else
		fprintf(stderr, "zusd: %s\n", line);
}
