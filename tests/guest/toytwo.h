/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * ioctls of the type toytwo.
 */
#ifndef TOYTWO_H
#define TOYTWO_H

#include <linux/ioctl.h>

#define TWO_PATH 256

/* Opens a path in the server; what open(2) answers there. */
#define TWO_OPEN    _IOW('Q', 1, char[TWO_PATH])
/* Has no size: the server asks for TWO_LONG bytes, adds 1 to each. */
#define TWO_LONG    20000
#define TWO_REALLOC _IO('Q', 2)
/* The server asks for more and more; for more than there may be. */
#define TWO_GREEDY  _IO('Q', 3)
#define TWO_HUGE    _IO('Q', 4)
/* Adds 1 to each byte; the flags that the caller's call came with. */
#define TWO_ADD	    _IOWR('Q', 5, char[8])
#define TWO_KFLAGS  _IOR('Q', 6, int)

#endif /* TOYTWO_H */
