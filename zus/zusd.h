/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Inside zusd, the program.
 */
#ifndef ZUSD_H
#define ZUSD_H

/* Tells systemd, if it started this: "READY=1" and the like. */
void zusd_notify(const char *state);

#endif /* ZUSD_H */
