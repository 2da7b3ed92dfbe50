/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What of toyfs the explorer covers: for each callback that zus.h has, which calls
 * make it, what is compared, and what fsck checks of what it stored. A callback
 * without a line fails the build; one that no workload reached, the run.
 */
#ifndef COVER_H
#define COVER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "zus.h"

/* The table of doc/crash-safety.md. */
void cover_print(FILE *to);
/*
 * Are there lines for all that toyfs has, and only for that, and was each reached?
 * @runs: operations by number; NULL: that isn't asked. Complains on stderr.
 */
bool cover_ok(const uint64_t *runs);

#endif /* COVER_H */
