/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Sums: the additive checksum of nodes, slots and journal records, and
 * SipHash-2-4 of names.
 */
#include <string.h>

#include "toyfs.h"

#define SUM_K 0x9e3779b97f4a7c15ULL

/* The finalizer of SplitMix64, a bijection. */
static inline uint64_t mix64(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static inline uint64_t load64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

uint64_t toy_sum(const void *p, uint64_t len, uint64_t off, uint64_t skip)
{
	uint64_t base = mix64(off), sum = 0;
	const uint8_t *b = p;

	for (uint64_t i = 0; i < len; i += 8) {
		base += SUM_K;
		sum += mix64((i == skip ? 0 : load64(b + i)) + base);
	}
	return sum;
}

uint64_t toy_sum_delta(uint64_t off, uint64_t i, uint64_t old, uint64_t new_)
{
	uint64_t base = mix64(off) + (i + 1) * SUM_K;

	return mix64(new_ + base) - mix64(old + base);
}

int64_t toy_sum_flip_to(const void *p, uint64_t len, uint64_t off,
			uint64_t skip, uint64_t sum)
{
	uint64_t want = sum - toy_sum(p, len, off, skip);

	for (uint64_t i = 0; i < len / 8; i++) {
		uint64_t word = load64((const uint8_t *)p + i * 8);

		for (unsigned int b = 0; i * 8 != skip && b < 64; b++)
			if (toy_sum_delta(off, i, word, word ^ 1ULL << b) ==
			    want)
				return (int64_t)(i * 64 + b);
	}
	return -1;
}

int64_t toy_sum_flip(const void *p, uint64_t len, uint64_t off, uint64_t skip)
{
	uint64_t sum = load64((const uint8_t *)p + skip);
	uint64_t wrong = sum ^ toy_sum(p, len, off, skip);

	if (__builtin_popcountll(wrong) == 1)
		return (int64_t)(skip * 8) + __builtin_ctzll(wrong);
	return toy_sum_flip_to(p, len, off, skip, sum);
}

static inline uint64_t rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static void sip_rounds(uint64_t v[4], int n)
{
	while (n--) {
		v[0] += v[1];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[0] = rotl(v[0], 32);
		v[2] += v[3];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[2] = rotl(v[2], 32);
	}
}

uint64_t toy_siphash(const uint64_t key[2], const void *p, uint64_t len)
{
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575ULL,
		key[1] ^ 0x646f72616e646f6dULL,
		key[0] ^ 0x6c7967656e657261ULL,
		key[1] ^ 0x7465646279746573ULL,
	};
	const uint8_t *b = p;
	uint64_t m, last = len << 56;
	uint64_t i;

	for (i = 0; i + 8 <= len; i += 8) {
		m = load64(b + i);
		v[3] ^= m;
		sip_rounds(v, 2);
		v[0] ^= m;
	}
	for (uint64_t k = 0; i + k < len; k++)
		last |= (uint64_t)b[i + k] << (8 * k);
	v[3] ^= last;
	sip_rounds(v, 2);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
