/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * What goes between zuf and a server, for a test to look at and to change: tap.c,
 * loaded into zusd by LD_PRELOAD, keeps it in a file that the test maps too.
 */
#ifndef TAP_H
#define TAP_H

#include <stdint.h>

#define TAP_ENV	    "ZUFS_TAP" /* names the file */
#define TAP_BYTES   3072
#define TAP_CHANGES 8

/* Which message: an operation's number, or one of these and a number. */
enum {
	TAP_MOUNT = 64, /* enum e_mount_operation */
	TAP_IOCTL = 80, /* an ioctl's */
	TAP_NR = 112,
};

/* Message number n, from 1 on, stands in bytes[n % 2]: the last two are there. */
struct tap_messages {
	uint64_t count;
	_Alignas(8) unsigned char bytes[2][TAP_BYTES];
};

/* @size bytes at @off become @value: of an answer, or of what an ioctl says. */
struct tap_change {
	uint32_t what, off, size;
	uint32_t on; /* 0: this one is none */
	uint64_t value;
};

struct tap {
	struct tap_messages sent[TAP_NR]; /* by the kernel; an ioctl's OUT */
	struct tap_messages answered[TAP_NR]; /* by the server, with changes */
	struct tap_change change[TAP_CHANGES];
	volatile uint32_t hold; /* such an answer waits; 0: none */
	volatile uint32_t held; /* one waits */
};

#endif /* TAP_H */
