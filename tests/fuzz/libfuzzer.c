// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * The entries of libFuzzer. Half of the inputs it makes by itself, the others are
 * made of whole edits.
 */
#include <string.h>

#include "fuzz.h"

#define INPUT_MAX (FUZZ_HEAD + EDIT_MAX * EDIT_BYTES)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_one(data, size);
	return 0;
}

static uint32_t rnd(unsigned int *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void fresh(uint8_t *edit, unsigned int *state)
{
	for (unsigned int i = 0; i < EDIT_BYTES; i++)
		edit[i] = (uint8_t)rnd(state);
}

/* One of @nr edits goes, comes, or becomes another; returns their number. */
static size_t mutate(uint8_t *edit, size_t nr, size_t max, unsigned int *state)
{
	uint8_t *one = edit + (nr ? rnd(state) % nr : 0) * EDIT_BYTES;

	switch (nr ? rnd(state) % 4 : 0) {
	case 0:
		if (nr >= max)
			return nr;
		fresh(edit + nr * EDIT_BYTES, state);
		return nr + 1;
	case 1:
		fresh(one, state);
		return nr;
	case 2:
		memmove(one, edit + (nr - 1) * EDIT_BYTES, EDIT_BYTES);
		return nr - 1;
	default:
		one[rnd(state) % EDIT_BYTES] = (uint8_t)rnd(state);
		return nr;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed)
{
	size_t nr;

	if (max > INPUT_MAX)
		max = INPUT_MAX;
	if (size < FUZZ_HEAD || max < FUZZ_HEAD + EDIT_BYTES || rnd(&seed) % 2)
		return LLVMFuzzerMutate(data, size, max);
	if (rnd(&seed) % 8 == 0)
		data[rnd(&seed) % FUZZ_HEAD] = (uint8_t)rnd(&seed);
	nr = mutate(data + FUZZ_HEAD, (size - FUZZ_HEAD) / EDIT_BYTES,
		    (max - FUZZ_HEAD) / EDIT_BYTES, &seed);
	return FUZZ_HEAD + nr * EDIT_BYTES;
}
