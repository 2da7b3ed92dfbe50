// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Runs of free blocks in the bitmap of an AG.
 */
#include "bits.h"

/* Free bits from @pos on, up to @max and before @end. */
static uint32_t run_at(const uint64_t *w, uint32_t pos, uint32_t end,
		       uint32_t max)
{
	uint32_t p = pos;

	max = end - pos < max ? end - pos : max;
	while (p - pos < max) {
		uint64_t x = w[p / 64] >> (p % 64);

		if (x) {
			p += (uint32_t)__builtin_ctzll(x);
			break;
		}
		p += 64 - p % 64;
	}
	return p - pos < max ? p - pos : max;
}

static uint32_t next_free(const uint64_t *w, uint32_t pos, uint32_t end)
{
	while (pos < end) {
		uint64_t x = ~w[pos / 64] >> (pos % 64);

		if (x)
			return pos + (uint32_t)__builtin_ctzll(x);
		pos += 64 - pos % 64;
	}
	return end;
}

void toy_bits_set(uint64_t *w, uint32_t pos, uint32_t len, bool on)
{
	for (uint32_t n; len; pos += n, len -= n) {
		uint64_t mask;

		n = 64 - pos % 64;
		n = n < len ? n : len;
		mask = (n == 64 ? ~0ULL : (1ULL << n) - 1) << (pos % 64);
		if (on)
			w[pos / 64] |= mask;
		else
			w[pos / 64] &= ~mask;
	}
}

static bool line_free(const uint64_t *w, uint32_t line)
{
	uint64_t x = 0;

	for (uint32_t i = 0; i < 8; i++)
		x |= w[line * 8 + i];
	return !x;
}

uint32_t toy_bits_aligned(const uint64_t *w, const struct toy_window *win,
			  uint32_t want, uint32_t *pos)
{
	uint32_t lines = (win->to - win->from) / 512;
	uint32_t first = (win->start - win->from + 511) / 512;

	for (uint32_t i = 0; i < lines; i++) {
		uint32_t line = win->from / 512 + (first + i) % lines;

		if (!line_free(w, line))
			continue;
		*pos = line * 512;
		return run_at(w, *pos, win->to, want);
	}
	return 0;
}

uint32_t toy_bits_any(const uint64_t *w, const struct toy_window *win,
		      uint32_t want, uint32_t *pos)
{
	uint32_t best = run_at(w, win->start, win->to, want);

	*pos = win->start;
	if (best)
		return best;
	for (int wrap = 0; wrap < 2; wrap++) {
		uint32_t p = wrap ? win->from : win->start;
		uint32_t end = wrap ? win->start : win->to, len;

		for (p = next_free(w, p, end); p < end;
		     p = next_free(w, p + len, end)) {
			len = run_at(w, p, win->to, want);
			if (len > best) {
				best = len;
				*pos = p;
			}
			if (best == want)
				return best;
		}
	}
	return best;
}
