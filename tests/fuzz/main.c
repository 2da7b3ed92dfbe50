// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Without libFuzzer: inputs that were kept, and as many by a seed. TAP.
 *
 * usage: PROGRAM [--inputs N] [--seed S] [FILE...]
 * Without files those of tests/fuzz/corpus. A finding prints the input, and
 * is the end.
 */
#include <dirent.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_MAX (FUZZ_HEAD + EDIT_MAX * EDIT_BYTES)
#define SECONDS	  20 /* of one input: a hang */

static uint64_t seed = 1, inputs = 1500;
static uint64_t rnd_state;

static uint64_t rnd(void)
{
	rnd_state = rnd_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return rnd_state >> 33;
}

static void one(const uint8_t *data, size_t size)
{
	alarm(SECONDS);
	fuzz_one(data, size);
	alarm(0);
}

/* ---- files ---- */

static void file(const char *path)
{
	uint8_t data[INPUT_MAX];
	FILE *f = fopen(path, "rb");
	size_t size;

	if (!f)
		found("%s can't be read", path);
	size = fread(data, 1, sizeof(data), f);
	fclose(f);
	printf("# %s\n", path);
	fflush(stdout);
	one(data, size);
}

static unsigned int corpus(void)
{
	const char *top = getenv("abs_top_srcdir");
	struct dirent **list;
	char path[4096];
	int nr, n = 0;

	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus", top ? top : ".");
	nr = scandir(path, &list, NULL, alphasort);
	if (nr < 0)
		found("%s can't be read", path);
	for (int i = 0; i < nr; i++) {
		if (list[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s",
				 top ? top : ".", list[i]->d_name);
			file(path);
			n++;
		}
		free(list[i]);
	}
	free(list);
	return (unsigned int)n;
}

/* ---- inputs of a seed ---- */

static void keep(const uint8_t *data, size_t size)
{
	FILE *f = fopen("fuzz-input", "wb");

	if (!f || fwrite(data, 1, size, f) != size || fclose(f))
		found("fuzz-input can't be written");
}

static void random_input(uint64_t i)
{
	uint8_t data[INPUT_MAX];
	size_t size;

	rnd_state = seed * 0x9e3779b97f4a7c15ULL + i * 0xbf58476d1ce4e5b9ULL;
	rnd();
	size = FUZZ_HEAD + (1 + rnd() % 6) * EDIT_BYTES;
	for (size_t b = 0; b < size; b++)
		data[b] = (uint8_t)rnd();
	keep(data, size);
	one(data, size);
}

static const struct option longs[] = {
	{ "inputs", required_argument, NULL, 'i' },
	{ "seed", required_argument, NULL, 's' },
	{ 0 },
};

int main(int argc, char **argv)
{
	unsigned int files;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'i')
			inputs = strtoull(optarg, NULL, 0);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	fuzz_init();
	puts("1..2");
	files = (unsigned int)(argc - optind);
	for (int i = optind; i < argc; i++)
		file(argv[i]);
	if (!files)
		files = corpus();
	printf("ok 1 - %u inputs that were kept\n", files);
	fflush(stdout);
	for (uint64_t i = 0; i < inputs; i++)
		random_input(i);
	unlink("fuzz-input");
	printf("ok 2 - %lu inputs of seed %lu\n", inputs, seed);
	return 0;
}
