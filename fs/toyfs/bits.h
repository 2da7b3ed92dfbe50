/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Inside the library: searches in the bitmap of an AG. 1 is taken; bit n is bit
 * n % 64 of word n / 64.
 */
#ifndef TOYFS_BITS_H
#define TOYFS_BITS_H

#include <stdbool.h>
#include <stdint.h>

/* What of the AG is looked at: [from, to), multiples of 512, from @start on. */
struct toy_window {
	uint32_t start, from, to;
};

void toy_bits_set(uint64_t *w, uint32_t pos, uint32_t len, bool on);
/* The first wholly free 2 MiB, aligned: length of the run there, up to @want; 0: none. */
uint32_t toy_bits_aligned(const uint64_t *w, const struct toy_window *win,
			  uint32_t want, uint32_t *pos);
/* What is free at win->start; else the first run of @want; else the longest. */
uint32_t toy_bits_any(const uint64_t *w, const struct toy_window *win,
		      uint32_t want, uint32_t *pos);

#endif /* TOYFS_BITS_H */
