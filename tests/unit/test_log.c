// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * zus_log(): levels, and how many messages are said. The clock is played here,
 * and stderr is a file.
 */
#include <stdarg.h>
#include <string.h>

#include "suite.h"

#define clock_gettime fake_clock
#include "../../zus/log.c"
#undef clock_gettime

static time_t seconds = 1000;

int fake_clock(clockid_t id, struct timespec *ts)
{
	(void)id;
	*ts = (struct timespec){ .tv_sec = seconds };
	return 0;
}

size_t zus_ddbg_prefix(const struct zus_dbg_site *site, char *buf, size_t size)
{
	(void)site;
	return (size_t)snprintf(buf, size, "site: ");
}

/* What was said since the last time. */
static const char *said(void)
{
	static char text[65536];
	static off_t at;
	ssize_t n = pread(STDERR_FILENO, text, sizeof(text) - 1, at);

	ck_assert_int_ge(n, 0);
	at += n;
	text[n] = 0;
	return text;
}

static unsigned int lines(const char *text)
{
	unsigned int n = 0;

	while ((text = strchr(text, '\n')))
		text++, n++;
	return n;
}

static void set_up(void)
{
	FILE *f = tmpfile();

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(dup2(fileno(f), STDERR_FILENO), STDERR_FILENO);
	zus_log_init(false);
}

static void bad_inodes(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		zus_log(ZUS_ERR, "inode %u: bad", i);
}

START_TEST(levels)
{
	zus_log(ZUS_DBG, "more");
	zus_log(ZUS_INFO, "info");
	ck_assert_str_eq(said(), "zusd: info\n");
	zus_log_init(true);
	zus_log(ZUS_DBG, "more");
	ck_assert_str_eq(said(), "zusd: more\n");
}
END_TEST

START_TEST(few_of_one_message)
{
	const char *text;

	bad_inodes(1000);
	text = said();
	ck_assert_uint_eq(lines(text), 10);
	ck_assert_ptr_nonnull(strstr(text, "inode 0: bad\n"));
	ck_assert_ptr_nonnull(strstr(text, "inode 9: bad\n"));
	seconds += 4;
	bad_inodes(1);
	ck_assert_str_eq(said(), "");
	seconds++;
	bad_inodes(11);
	text = said();
	ck_assert_ptr_eq(
		strstr(text,
		       "zusd: 991 messages like the next one were suppressed\n"
		       "zusd: inode 0: bad\n"),
		text);
	ck_assert_uint_eq(lines(text), 11);
	seconds += 100;
	bad_inodes(1);
	ck_assert_str_eq(said(),
			 "zusd: 1 messages like the next one were suppressed\n"
			 "zusd: inode 0: bad\n");
	seconds += 100;
	bad_inodes(1);
	ck_assert_str_eq(said(), "zusd: inode 0: bad\n");
}
END_TEST

START_TEST(others_are_said)
{
	bad_inodes(1000);
	said();
	zus_log(ZUS_WARN, "another");
	ck_assert_str_eq(said(), "zusd: another\n");
	for (int i = 0; i < 100; i++)
		zus_log(ZUS_INFO, "info");
	ck_assert_uint_eq(lines(said()), 100);
	for (int i = 0; i < 100; i++)
		zus_dbg_say(NULL, "asked for");
	ck_assert_uint_eq(lines(said()), 100);
}
END_TEST

/* More formats than are told apart. */
START_TEST(many_messages)
{
	static char fmt[FORMATS * 2][8];

	for (int i = 0; i < FORMATS * 2; i++) {
		snprintf(fmt[i], sizeof(fmt[i]), "m%d", i);
		zus_log(ZUS_ERR, fmt[i], 0);
	}
	ck_assert_uint_eq(lines(said()), FORMATS - 1 + BURST);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		levels, few_of_one_message, others_are_said, many_messages,
		NULL,
	};
	Suite *s = suite_create("log");

	add_case(s, "zus_log", tests, set_up, NULL);
	return run_suite(s);
}
