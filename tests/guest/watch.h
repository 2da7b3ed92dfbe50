/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * The file "watch" of the plugin "served": a thread of the server touches the window
 * of the last request to it, from another CPU and without an end. It loads from a
 * WRITE's, and stores to a READ's.
 */
#ifndef WATCH_H
#define WATCH_H

#include <stdatomic.h>

#define WATCH_SIZE   (64U << 10) /* bytes of each request */
#define WATCH_SHOWN  'o'	 /* all that a request may show */
#define WATCH_SECRET 's'	 /* what is there when it was answered */
#define WATCH_STORED 'w'	 /* by the thread */

/* When a request is answered: by the block that it begins with. */
enum {
	WATCH_TOUCHED, /* as soon as the thread has touched it */
	WATCH_AT_ONCE,
	WATCH_HOLD, /* and when its caller has got a signal */
};

struct zufs_ioc_IO;

extern struct watch_counters {
	atomic_uint touched; /* loads and stores that went well */
	atomic_uint denied;  /* and those that were a SIGBUS */
	atomic_uint leaked;  /* loads of WATCH_SECRET */
	atomic_uint missed;  /* requests that weren't touched in 5 seconds */
	atomic_uint gone; /* of which the pages were gone before the answer */
} watch_counters;

void watch_window(char *data, const struct zufs_ioc_IO *io, bool store);

#endif /* WATCH_H */
