// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Dynamic debug: the grammar of queries, the list of sites, what is said.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "puppet.h"

static int evaluated; /* arguments of messages */

static int count(void)
{
	return ++evaluated;
}

static void tree_find(void)
{
	zus_dbg("found %d", count());
}

static void tree_grow(void)
{
	zus_dbg("grows; \"%s\" by %d\n", "x", count());
	zus_dbg("has grown");
}

static const char *const sites[] = { "found %d", "grows; ", "has grown" };
#define NR_SITES (sizeof(sites) / sizeof(*sites))

static void types_up(void)
{
	ck_assert_int_eq(zus_register_one(&zfi), 0);
}

/* The whole list, read in pieces of @piece bytes; to be freed. */
static char *list(size_t piece)
{
	char *text = NULL, part[4096];
	size_t size, n;
	FILE *to = open_memstream(&text, &size);
	uint64_t pos = 0;

	while ((n = zus_ddbg_read(&pos, part, piece)))
		fwrite(part, 1, n, to);
	fclose(to);
	return text;
}

/* The flags of this program's sites, in their order, a blank behind each. */
static const char *flags(void)
{
	static char got[64];
	char *text = list(4096);

	got[0] = 0;
	for (size_t i = 0; i < NR_SITES; i++) {
		char find[64], *at;

		snprintf(find, sizeof(find), " \"%.5s", sites[i]);
		at = strstr(text, find);
		ck_assert_ptr_nonnull(at);
		*at = 0;
		strcat(got, strrchr(text, '=') + 1);
		strcat(got, " ");
		*at = ' ';
	}
	free(text);
	return got;
}

static int query(const char *text)
{
	return zus_ddbg_write(text, strlen(text));
}

/* @text is well-formed and leaves the flags @want. */
static void leaves(const char *text, const char *want)
{
	ck_assert_msg(!query(text), "%s", text);
	ck_assert_msg(!strcmp(flags(), want), "%s: %s", text, flags());
}

START_TEST(matches)
{
	leaves("file test_ddbg.c +p", "p p p ");
	leaves("=_", "_ _ _ ");
	leaves("module puppet func tree_find +p", "p _ _ ");
	leaves("module other =fl", "p _ _ ");
	leaves("module pupp?t =pfl", "pfl pfl pfl ");
	leaves("module pupp[e]t =_", "pfl pfl pfl ");
	leaves("module *p*p?*t =pf; module puppet?* =_", "pf pf pf ");
	leaves("class DRM =_; module puppet class X =_", "pf pf pf ");
	leaves("module pupp*x =_; module puppet =pfl", "pfl pfl pfl ");
	leaves("func tree_* -f", "pl pl pl ");
	leaves("=_; func 'tree_grow' =m", "_ m m ");
	leaves("=_\nfile \"test_ddbg.c\" func *grow +t\n\n", "_ t t ");
	leaves("=_; file *test_ddbg.c:tree_find +p", "p _ _ ");
	leaves("=_; file nosuch.c +p", "_ _ _ ");
	leaves("format grow +p", "_ p p ");
	leaves("=_; format ^has +p", "_ _ p ");
	leaves("=_; format ^grown +p", "_ _ _ ");
	leaves("format 'grows\\073 \\\"%s\\\" by %d\\n' +p", "_ p _ ");
	leaves("=_; format found\\040%d +p", "p _ _ ");
	leaves("=_; format '^found\\40%d' +p", "p _ _ ");
	/* What means nothing stays, and \457 is more than a byte: %7. */
	leaves("=_; format f\\ound +p", "_ _ _ ");
	leaves("=_; format 'found \\457' +p", "_ _ _ ");
	leaves("=_; format 'found \\45d' +p", "p _ _ ");
	leaves("=_; format \"it's\" +p; format 'x'func tree_find +p", "_ _ _ ");
	leaves("func 'tree_find'+p", "p _ _ ");
	leaves("-pmflt # format found =p", "_ _ _ ");
	leaves("# =p", "_ _ _ ");
	leaves("", "_ _ _ ");
	leaves("# a comment ends; +pmflt", "pmflt pmflt pmflt ");
	leaves("-_", "pmflt pmflt pmflt ");
	leaves("+", "pmflt pmflt pmflt ");
	leaves("-", "pmflt pmflt pmflt ");
	leaves("-fp_l\t\v#t", "mt mt mt ");
	leaves("func tree_find =", "_ mt mt ");
	leaves("=_", "_ _ _ ");
}
END_TEST

/* The number of the line of site @i. */
static unsigned int line_of(size_t i)
{
	char *text = list(100), find[64], *at;
	unsigned int line;

	snprintf(find, sizeof(find), " \"%.5s", sites[i]);
	at = strstr(text, find);
	ck_assert_ptr_nonnull(at);
	*at = 0;
	at = strrchr(text, '\n');
	ck_assert_int_eq(sscanf(strchr(at, ':'), ":%u", &line), 1);
	free(text);
	return line;
}

START_TEST(lines)
{
	unsigned int a = line_of(0), b = line_of(1), c = line_of(2);
	char text[128];

	ck_assert(a < b && b < c);
	snprintf(text, sizeof(text), "=_; file test_ddbg.c line %u +p", b);
	leaves(text, "_ p _ ");
	snprintf(text, sizeof(text), "=_; file test_ddbg.c line -%u +p", b);
	leaves(text, "p p _ ");
	snprintf(text, sizeof(text), "=_; file test_ddbg.c line %u- +p", b);
	leaves(text, "_ p p ");
	snprintf(text, sizeof(text), "=_; file test_ddbg.c line %u-0 +p", b);
	leaves(text, "_ p p ");
	snprintf(text, sizeof(text), "=_; file test_ddbg.c line 0-+%u +p", b);
	leaves(text, "p p _ ");
	leaves("=_; func tree_* line 0 +p", "p p p ");
	leaves("=_; func tree_* line - +p", "p p p ");
	leaves("=_; func tree_* line '' +p", "p p p ");
	leaves("=_; func tree_* line 0 line 1-4294967295 +p", "p p p ");
	leaves("=_; func tree_* line 1 +p", "_ _ _ ");
	leaves("=_; file test_ddbg.c:*_gro? +p", "_ p p ");
	leaves("=_; file test_ddbg.c:0- +p", "p p p ");
	snprintf(text, sizeof(text), "=_; file test_ddbg.c:%u-%u +p", a + 1, c);
	leaves(text, "_ p p ");
	snprintf(text, sizeof(text), "=_; file test_ddbg.c:%u-%u +p", a + 1,
		 c - 1);
	leaves(text, "_ p _ ");
}
END_TEST

/* Stderr goes to a file while @fn runs; what it said. */
static const char *said(void (*fn)(void))
{
	static char text[8192];
	FILE *to = tmpfile();
	int old = dup(STDERR_FILENO);

	fflush(stderr);
	dup2(fileno(to), STDERR_FILENO);
	fn();
	fflush(stderr);
	dup2(old, STDERR_FILENO);
	close(old);
	rewind(to);
	text[fread(text, 1, sizeof(text) - 1, to)] = 0;
	fclose(to);
	return text;
}

static const char *bad_query;

/* In a process of its own: one isn't told of many errors within seconds. */
static void bad(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(query(bad_query) != -EINVAL);
	ck_assert(waitpid(pid, &status, 0) == pid);
	ck_assert_msg(!status, "%s", bad_query);
}

START_TEST(errors)
{
	static const struct {
		const char *text, *word;
	} t[] = {
		{ "p", "'p': are no flags" },
		{ "file", "'file': are no flags" },
		{ "file a.c", "'a.c': is out of place" },
		{ "flie a.c +p", "'flie': is none of file" },
		{ "func a func b +p", "'b': comes after another" },
		{ "class a class b +p", "'b': comes after another" },
		{ "file a.c:b func c +p", "'c': comes after another" },
		{ "func c file a.c:b +p", "'b': comes after another" },
		{ "file a.c:1 line 2 +p", "'2': comes after other lines" },
		{ "line 1 line 1 +p", "'1': comes after other lines" },
		{ "file a.c:_b +p", "'_b': is no line" },
		{ "+x", "'+x': has a flag that is none" },
		{ "p=", "'p=': are no flags" },
		{ "format \"a +p", "'\"a +p': has no closing quote" },
		{ "line x +p", "'x': is no line" },
		{ "line + +p", "'+': is no line" },
		{ "line 1-2-3 +p", "'1-2-3': is no line" },
		{ "line 0x10 +p", "'0x10': is no line" },
		{ "line 4294967296 +p", "'4294967296': is no line" },
		{ "line 99999999999999999999 +p", "'9999" },
		{ "line 20-10 +p", "'20-10': ends before it begins" },
		{ "file a func b module c format d line 1 file a func b +p",
		  "too many" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		const char *got;

		bad_query = t[i].text;
		got = said(bad);
		ck_assert_msg(strstr(got, t[i].word) != NULL, "%s: %s",
			      t[i].text, got);
		ck_assert_ptr_eq(strchr(got, '\n'), got + strlen(got) - 1);
	}
	/* One that is wrong keeps none of the others. */
	ck_assert_int_eq(
		query("func tree_find +p; nonsense; func tree_grow +m"),
		-EINVAL);
	ck_assert_str_eq(flags(), "p m m ");
}
END_TEST

static void talk(void)
{
	tree_find();
	tree_grow();
}

START_TEST(messages)
{
	char want[256], *got;

	ck_assert_str_eq(said(talk), "");
	ck_assert_int_eq(evaluated, 0);
	query("func tree_find +p");
	ck_assert_str_eq(said(talk), "zusd: found 1\n");
	query("func tree_find +pmflt");
	snprintf(want, sizeof(want),
		 "zusd: [%d] puppet:tree_find:%u: found 2\n", gettid(),
		 line_of(0));
	ck_assert_str_eq(said(talk), want);
	query("=mflt");
	ck_assert_str_eq(said(talk), "");
	query("=_; func tree_grow =pl");
	snprintf(want, sizeof(want),
		 "zusd: %u: grows; \"x\" by 3\n\nzusd: %u: has grown\n",
		 line_of(1), line_of(2));
	got = (char *)said(talk);
	ck_assert_str_eq(got, want);
}
END_TEST

/* Of any size of the pieces; and nonsense is no position. */
START_TEST(pages)
{
	static const size_t size[] = { 1, 2, 7, 63, 64, 1000, 4096 };
	char *whole = list(4096), buf[64];
	uint64_t bad_pos[] = { UINT64_MAX, 1ULL << 40, 0xffff0000 };

	ck_assert_ptr_nonnull(strstr(whole,
				     " [puppet]tree_grow =_ \"grows\\073 "
				     "\\042%s\\042 by %d\\012\"\n"));
	ck_assert_ptr_nonnull(strstr(whole, " [libzus]zus_decode =_ "));
	for (size_t i = 0; i < sizeof(size) / sizeof(*size); i++) {
		char *parts = list(size[i]);

		ck_assert_str_eq(parts, whole);
		free(parts);
	}
	free(whole);
	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_eq(zus_ddbg_read(&bad_pos[i], buf, sizeof(buf)),
				  0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		matches, lines, errors, messages, pages, NULL,
	};
	Suite *s = suite_create("ddbg");

	add_case(s, "ddbg", tests, types_up, NULL);
	return run_suite(s);
}
