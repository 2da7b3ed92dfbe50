// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Dynamic debug: queries, in the grammar of the kernel's own (its
 * lib/dynamic_debug.c of Linux 6.1), odd corners too.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define MAX_WORDS 13 /* each keyword once, with its value, and the flags */
#define BLANKS	  " \t\r\v\f"

struct query {
	char *file, *func, *module, *format; /* NULL: any */
	char *class;			     /* NULL: none, as all sites */
	uint64_t first, last;		     /* lines, 0: any */
	char op;			     /* '+', '-', '=' */
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

/* Up to three octal digits that fit a byte; 0: there are none. */
static int octal(const char *text, char *to)
{
	unsigned int c = 0;
	int n = 0;

	for (; n < 3 && c < 32 && text[n] >= '0' && text[n] <= '7'; n++)
		c = c * 8 + (unsigned int)(text[n] - '0');
	*to = (char)c;
	return n;
}

/* What is behind a backslash, and its length; 0: nothing that has a meaning. */
static int escape(const char *text, char *to)
{
	static const char from[] = "nrtvfae\"\\",
			  meant[] = "\n\r\t\v\f\a\033\"\\";
	const char *at = *text ? strchr(from, *text) : NULL;

	if (!at)
		return octal(text, to);
	*to = meant[at - from];
	return 1;
}

/* In its place. A backslash without a meaning stays. */
static void unescape(char *text)
{
	char *out = text;

	while (*text) {
		char c;
		int n = *text == '\\' ? escape(text + 1, &c) : 0;

		*out++ = n ? c : *text;
		text += n + 1;
	}
	*out = 0;
}

/* ---- what is asked for ---- */

/* None at all is 0, which is any; a + may stand before the digits. */
static int line_number(const char *text, size_t len, uint64_t *to)
{
	*to = 0;
	if (len > 1 && *text == '+') {
		text++;
		len--;
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		*to = *to * 10 + (uint64_t)(text[i] - '0');
		if (*to > UINT_MAX)
			return -EINVAL;
	}
	return 0;
}

/* N, N-M, -M or N-. An M of 0 is none. */
static int parse_lines(const char *text, struct query *q)
{
	const char *dash = strchr(text, '-');
	size_t len = dash ? (size_t)(dash - text) : strlen(text);
	int err;

	if (q->first || q->last)
		return wrong(text, "comes after other lines");
	err = line_number(text, len, &q->first);
	q->last = q->first;
	if (!err && dash)
		err = line_number(dash + 1, strlen(dash + 1), &q->last);
	if (err)
		return wrong(text, "is no line, and no range of lines");
	if (dash && !q->last)
		q->last = UINT_MAX;
	if (q->last < q->first)
		return wrong(text, "ends before it begins");
	return 0;
}

static int set(char **to, char *value)
{
	if (*to)
		return wrong(value, "comes after another one");
	*to = value;
	return 0;
}

/* FILE, FILE:LINES or FILE:FUNCTION */
static int parse_file(char *text, struct query *q)
{
	int err = set(&q->file, text);
	char *colon = strchr(text, ':');

	if (err || !colon)
		return err;
	*colon++ = 0;
	if (isalpha((unsigned char)*colon) || *colon == '*' || *colon == '?')
		return set(&q->func, colon);
	return parse_lines(colon, q);
}

static int parse_pair(const char *word, char *value, struct query *q)
{
	if (!strcmp(word, "file"))
		return parse_file(value, q);
	if (!strcmp(word, "line"))
		return parse_lines(value, q);
	if (!strcmp(word, "func"))
		return set(&q->func, value);
	if (!strcmp(word, "module"))
		return set(&q->module, value);
	if (!strcmp(word, "class"))
		return set(&q->class, value);
	if (strcmp(word, "format"))
		return wrong(
			word,
			"is none of file, func, line, module, format, class");
	unescape(value);
	return set(&q->format, value);
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
	return 0;
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

/* A * is any text, a ? any byte, and nothing else is special. */
static bool matches(const char *pattern, const char *text)
{
	const char *star = NULL, *again = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			again = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++again;
		} else {
			return false;
		}
	}
	return !pattern[strspn(pattern, "*")];
}

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

	if (q->class || (q->module && !matches(q->module, module)))
		return false;
	if (q->file && !matches(q->file, s->file) &&
	    (!base || !matches(q->file, base + 1)))
		return false;
	if (q->func && !matches(q->func, s->func))
		return false;
	if (s->line < q->first || (q->last && s->line > q->last))
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
