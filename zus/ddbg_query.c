// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Dynamic debug: queries, in the grammar of the kernel's own.
 */
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define MAX_WORDS 13 /* each keyword once, with its value, and the flags */
#define BLANKS	  " \t\r\v\f"

struct query {
	char *file, *func, *module, *format; /* NULL: any */
	char *lines;
	unsigned long first, last; /* lines */
	char op;		   /* '+', '-', '=' */
	uint32_t flags;
};

static int wrong(const char *word, const char *why)
{
	zus_log(ZUS_WARN, "ddbg: '%.64s': %s", word, why);
	return -EINVAL;
}

/* ---- words ---- */

/* The next word of *text, NULL: none. Quotes are taken off; -EINVAL: no end. */
static int next_word(char **text, char **word)
{
	char *p = *text + strspn(*text, BLANKS), *end;

	*word = NULL;
	if (!*p || *p == '#')
		return 0;
	if (*p == '"' || *p == '\'') {
		end = strchr(p + 1, *p);
		if (!end)
			return wrong(p, "has no closing quote");
		p++;
	} else {
		end = p + strcspn(p, BLANKS);
	}
	*text = *end ? end + 1 : end;
	*end = 0;
	*word = p;
	return 0;
}

static int split(char *text, char **words)
{
	int n = 0, err;

	for (;;) {
		char *word;

		err = next_word(&text, &word);
		if (err || !word)
			return err ? err : n;
		if (n == MAX_WORDS)
			return wrong(word, "is one word too many");
		words[n++] = word;
	}
}

/* \n, \t, \", \\ and the like, and octal \ooo, in their place. */
static void unescape(char *text)
{
	static const char from[] = "nrtvfab", to[] = "\n\r\t\v\f\a\b";
	char *out = text;

	while (*text) {
		const char *at;
		unsigned int c = 0;
		int digits = 0;

		if (*text != '\\' || !text[1]) {
			*out++ = *text++;
			continue;
		}
		text++;
		for (; digits < 3 && *text >= '0' && *text <= '7'; digits++)
			c = c * 8 + (unsigned int)(*text++ - '0');
		if (!digits) {
			at = strchr(from, *text);
			c = (unsigned char)(at ? to[at - from] : *text);
			text++;
		}
		*out++ = (char)c;
	}
	*out = 0;
}

/* ---- what is asked for ---- */

static int line_number(const char *text, size_t len, unsigned long *to)
{
	*to = 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || *to > INT_MAX)
			return -EINVAL;
		*to = *to * 10 + (unsigned long)(text[i] - '0');
	}
	return 0;
}

/* N, N-M, -M or N- */
static int parse_lines(const char *text, struct query *q)
{
	const char *dash = strchr(text, '-');
	size_t len = dash ? (size_t)(dash - text) : strlen(text);
	int err = line_number(text, len, &q->first);

	q->last = q->first;
	if (!err && dash)
		err = line_number(dash + 1, strlen(dash + 1), &q->last);
	if (err || !*text || !strcmp(text, "-"))
		return wrong(text, "is no line, and no range of lines");
	if (dash && !dash[1])
		q->last = ULONG_MAX;
	if (q->last < q->first)
		return wrong(text, "ends before it begins");
	return 0;
}

/* FILE, FILE:LINES or FILE:FUNCTION */
static int parse_file(char *text, struct query *q)
{
	char *colon = strchr(text, ':'), **to;

	q->file = text;
	if (!colon)
		return 0;
	*colon++ = 0;
	to = strspn(colon, "0123456789-") == strlen(colon) ? &q->lines :
							     &q->func;
	if (*to)
		return wrong(colon, "is asked for twice");
	*to = colon;
	return to == &q->lines ? parse_lines(colon, q) : 0;
}

static int parse_pair(const char *word, char *value, struct query *q)
{
	char **to = !strcmp(word, "file")   ? &q->file :
		    !strcmp(word, "func")   ? &q->func :
		    !strcmp(word, "module") ? &q->module :
		    !strcmp(word, "format") ? &q->format :
		    !strcmp(word, "line")   ? &q->lines :
					      NULL;

	if (!to)
		return wrong(word,
			     "is none of file, func, line, module, format");
	if (*to)
		return wrong(word, "is asked for twice");
	*to = value;
	if (to == &q->file)
		return parse_file(value, q);
	if (to == &q->lines)
		return parse_lines(value, q);
	if (to == &q->format)
		unescape(value);
	return 0;
}

static int parse_flags(const char *word, struct query *q)
{
	if (!strchr("+-=", *word))
		return wrong(word, "are no flags: they begin with +, - or =");
	q->op = *word;
	for (const char *p = word + 1; *p; p++) {
		int bit = zus_ddbg_bit(*p);

		if (bit < 0)
			return wrong(word, "has a flag that is none of pmflt_");
		q->flags |= (uint32_t)bit;
	}
	return word[1] ? 0 : wrong(word, "has no flag; _ is none of them");
}

static int parse(char *const *words, int n, struct query *q)
{
	int err = 0;

	if (!(n & 1))
		return wrong(
			words[n - 1],
			"is out of place: pairs of word and value, then flags");
	for (int i = 0; !err && i < n - 1; i += 2)
		err = parse_pair(words[i], words[i + 1], q);
	return err ? err : parse_flags(words[n - 1], q);
}

/* ---- what is done ---- */

/* A format is found anywhere, or at the beginning with a ^. */
static bool format_fits(const char *format, const char *text)
{
	if (*text == '^')
		return !strncmp(format, text + 1, strlen(text + 1));
	return strstr(format, text);
}

static bool fits(const struct query *q, const char *module,
		 const struct zus_dbg_site *s)
{
	const char *base = strrchr(s->file, '/');

	if (q->module && fnmatch(q->module, module, 0))
		return false;
	if (q->file && fnmatch(q->file, s->file, 0) &&
	    (!base || fnmatch(q->file, base + 1, 0)))
		return false;
	if (q->func && fnmatch(q->func, s->func, 0))
		return false;
	if (q->lines && (s->line < q->first || s->line > q->last))
		return false;
	return !q->format || format_fits(s->format, q->format);
}

static void apply(const struct query *q, struct zus_dbg_site *s)
{
	uint32_t flags = __atomic_load_n(&s->flags, __ATOMIC_RELAXED);

	if (q->op == '+')
		flags |= q->flags;
	else if (q->op == '-')
		flags &= ~q->flags;
	else
		flags = q->flags;
	__atomic_store_n(&s->flags, flags, __ATOMIC_RELAXED);
}

static int run(char *text)
{
	char *words[MAX_WORDS];
	struct query q = { 0 };
	unsigned int nr = 0;
	int n = split(text, words), err;

	if (n <= 0)
		return n;
	err = parse(words, n, &q);
	if (err)
		return err;
	for (unsigned int i = 0; i < zus_ddbg_nr_modules; i++) {
		const struct zus_ddbg_module *m = &zus_ddbg_modules[i];

		for (struct zus_dbg_site *s = m->begin; s < m->end; s++)
			if (fits(&q, m->name, s)) {
				apply(&q, s);
				nr++;
			}
	}
	zus_log(ZUS_INFO, "ddbg: %s: %u site%s", words[n - 1], nr,
		nr == 1 ? "" : "s");
	return 0;
}

int zus_ddbg_write(const char *text, size_t len)
{
	char *copy = strndup(text, len), *rest = copy, *query;
	int err = copy ? 0 : -ENOMEM;

	while ((query = strsep(&rest, ";\n"))) {
		int e = run(query);

		err = e ? e : err;
	}
	free(copy);
	return err;
}
