/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * The ends of the unit tests: their cases, run as the environment says.
 */
#ifndef TEST_SUITE_H
#define TEST_SUITE_H

#include <check.h>
#include <stdlib.h>

#define TEST_SECONDS 120 /* for each test, emulated and sanitized ones too */

/* @tests end with NULL; @set_up and @tear_down may be NULL. */
static inline void add_case(Suite *s, const char *name,
			    const TTest *const *tests, void (*set_up)(void),
			    void (*tear_down)(void))
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, TEST_SECONDS);
	for (; *tests; tests++)
		tcase_add_test(t, *tests);
	suite_add_tcase(s, t);
}

/* The program's exit status. */
static inline int run_suite(Suite *s)
{
	SRunner *sr = srunner_create(s);
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif /* TEST_SUITE_H */
