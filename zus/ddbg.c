// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Dynamic debug: the sites of libzus and of each plugin, and their list.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/* A position in the list is the number of a site, and a byte of its line. */
#define POS_SHIFT 16
#define POS_BYTE  ((1U << POS_SHIFT) - 1)

static const char letters[] = "pmflt"; /* in the order of the bits */

/* Plugins are loaded before anything is served: nobody reads meanwhile. */
struct zus_ddbg_module zus_ddbg_modules[ZUS_MAX_TYPES + 1] = {
	{ "libzus", __start_zus_ddbg, __stop_zus_ddbg },
};
unsigned int zus_ddbg_nr_modules = 1;

void zus_ddbg_add(const char *name, const struct zus_plugin *plugin)
{
	for (unsigned int i = 0; i < zus_ddbg_nr_modules; i++)
		if (zus_ddbg_modules[i].begin == plugin->begin)
			return; /* another type of that plugin */
	zus_ddbg_modules[zus_ddbg_nr_modules++] =
		(struct zus_ddbg_module){ name, plugin->begin, plugin->end };
}

int zus_ddbg_bit(char letter)
{
	const char *at = strchr(letters, letter);

	if (letter == '_')
		return 0;
	return letter && at ? 1 << (at - letters) : -1;
}

size_t zus_ddbg_prefix(const struct zus_dbg_site *site, char *buf, size_t size)
{
	uint32_t flags = __atomic_load_n(&site->flags, __ATOMIC_RELAXED);
	char tid[16] = "", line[16] = "";
	const char *module = "";
	int n;

	for (unsigned int i = 0; i < zus_ddbg_nr_modules; i++)
		if (site >= zus_ddbg_modules[i].begin &&
		    site < zus_ddbg_modules[i].end)
			module = zus_ddbg_modules[i].name;
	if (flags & ZUS_DBG_T)
		snprintf(tid, sizeof(tid), "[%d] ", gettid());
	if (flags & ZUS_DBG_L)
		snprintf(line, sizeof(line), "%u:", site->line);
	n = snprintf(buf, size, "%s%s%s%s%s%s%s", tid,
		     flags & ZUS_DBG_M ? module : "",
		     flags & ZUS_DBG_M ? ":" : "",
		     flags & ZUS_DBG_F ? site->func : "",
		     flags & ZUS_DBG_F ? ":" : "", line,
		     flags & (ZUS_DBG_M | ZUS_DBG_F | ZUS_DBG_L) ? " " : "");
	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

/* ---- the list ---- */

/* As a query may have it: queries end at a newline or a semicolon. */
static void put_format(FILE *to, const char *format)
{
	for (; *format; format++)
		if (*format < ' ' || strchr("\"\\;\x7f", *format))
			fprintf(to, "\\%03o", (unsigned char)*format);
		else
			putc(*format, to);
}

static void put_flags(FILE *to, uint32_t flags)
{
	if (!flags)
		putc('_', to);
	for (unsigned int i = 0; letters[i]; i++)
		if (flags & 1U << i)
			putc(letters[i], to);
}

/* The line of a site, to be freed; NULL: no memory. */
static char *site_line(const char *module, const struct zus_dbg_site *s)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		return NULL;
	fprintf(to, "%s:%u [%s]%s =", s->file, s->line, module, s->func);
	put_flags(to, __atomic_load_n(&s->flags, __ATOMIC_RELAXED));
	fputs(" \"", to);
	put_format(to, s->format);
	fputs("\"\n", to);
	if (fclose(to)) {
		free(text);
		return NULL;
	}
	return text;
}

/* The line of site number @nr, to be freed; NULL: there is none, or no memory. */
static char *line_of(uint64_t nr)
{
	for (unsigned int i = 0; i < zus_ddbg_nr_modules; i++) {
		const struct zus_ddbg_module *m = &zus_ddbg_modules[i];
		uint64_t sites = (uint64_t)(m->end - m->begin);

		if (nr < sites)
			return site_line(m->name, m->begin + nr);
		nr -= sites;
	}
	return NULL;
}

size_t zus_ddbg_read(uint64_t *pos, char *buf, size_t size)
{
	uint64_t nr = *pos >> POS_SHIFT, byte = *pos & POS_BYTE;
	size_t done = 0;
	char *line;

	while (done < size && (line = line_of(nr))) {
		size_t len = strnlen(line, POS_BYTE), part;

		/* A line may have become shorter since its beginning was read. */
		part = byte < len ? len - byte : 0;
		if (part > size - done)
			part = size - done;
		memcpy(buf + done, line + byte, part);
		free(line);
		done += part;
		byte += part;
		if (byte < len)
			break;
		nr++;
		byte = 0;
	}
	*pos = nr << POS_SHIFT | byte;
	return done;
}
