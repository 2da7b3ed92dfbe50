/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Inside zus-run.
 */
#ifndef ZUS_RUN_H
#define ZUS_RUN_H

#include "kern.h"

/*
 * Runs one command, a line of words, on @k. 0 or -errno, which was said. The
 * line is changed.
 */
int run_command(struct kern *k, char *line);

#endif /* ZUS_RUN_H */
