/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * ioctls of the type toytwo.
 */
#ifndef TOYTWO_H
#define TOYTWO_H

#include <linux/ioctl.h>

#define TWO_PATH 256

/* Opens a path in the server; what open(2) answers there. */
#define TWO_OPEN   _IOW('Q', 1, char[TWO_PATH])
/*
 * Add 1 to each byte that the server has of the argument: of no size, of as many as
 * a number can tell, of a few.
 */
#define TWO_BARE   _IO('Q', 2)
#define TWO_LONG   16383
#define TWO_MOST   _IOWR('Q', 3, char[TWO_LONG])
#define TWO_ADD	   _IOWR('Q', 5, char[8])
/* The flags that the caller's call came with. */
#define TWO_KFLAGS _IOR('Q', 6, int)
/*
 * What no server should do with a file of its own mount, by path: loads its first
 * byte by a mapping, stores to that, syncs it.
 */
#define TWO_LOAD   _IOW('Q', 7, char[TWO_PATH])
#define TWO_STORE  _IOW('Q', 8, char[TWO_PATH])
#define TWO_FSYNC  _IOW('Q', 9, char[TWO_PATH])
#define TWO_SYNCFS _IOW('Q', 10, char[TWO_PATH])
/* Has the kernel drop its caches, as a lack of memory would. */
#define TWO_DROP   _IO('Q', 11)

#endif /* TOYTWO_H */
