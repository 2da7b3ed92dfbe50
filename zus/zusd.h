/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Inside zusd, the program.
 */
#ifndef ZUSD_H
#define ZUSD_H

#include <stdbool.h>

/* Tells systemd, if it started this: "READY=1" and the like. */
void zusd_notify(const char *state);

/* A socket that has something to read when a CPU may have come online, or -errno. */
int zusd_cpus_watch(void);
/* Reads all there is: has one come? */
bool zusd_cpus_came(int fd);

#endif /* ZUSD_H */
