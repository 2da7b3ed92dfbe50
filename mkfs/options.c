// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/* The command line of mkfs.toyfs. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid.h>

#include "mkfs.h"

static const char usage_text[] =
	"usage: mkfs.toyfs [OPTION]... DEVICE...\n"
	"Makes a toyfs on persistent memory (/dev/pmemN) or plain files: one filesystem,\n"
	"on all of the devices together.\n"
	"\n"
	"  -L, --label=TEXT  label, at most 31 bytes\n"
	"  -U, --uuid=UUID   uuid of the filesystem (default: a random one)\n"
	"  -s, --size=SIZE   size in bytes, or with K, M, G, of each device; a file\n"
	"                    grows to it\n"
	"  -f, --force       overwrite what is there\n"
	"  -n, --dry-run     do all but write\n"
	"  -q, --quiet       say nothing but errors\n"
	"  -V, --version     show the version\n"
	"  -h, --help        show this\n";

static const struct option long_options[] = {
	{ "label", required_argument, NULL, 'L' },
	{ "uuid", required_argument, NULL, 'U' },
	{ "size", required_argument, NULL, 's' },
	{ "force", no_argument, NULL, 'f' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Position in " KMG", or -1. */
static int suffix_index(const char *end)
{
	static const char suffixes[] = "KMG";
	const char *s;

	if (!*end)
		return 0;
	s = strchr(suffixes, *end & ~0x20);
	if (!s || end[1])
		return -1;
	return (int)(s - suffixes) + 1;
}

static bool parse_size(const char *arg, uint64_t *size)
{
	unsigned long long n;
	int suffix;
	char *end;

	errno = 0;
	n = strtoull(arg, &end, 10);
	suffix = suffix_index(end);
	if (errno || *arg < '0' || *arg > '9' || suffix < 0 || !n ||
	    n > UINT64_MAX >> (10 * suffix))
		return fail(
			"-s %s: not a size: a number of bytes, or one with K, M or G",
			arg);
	*size = (uint64_t)n << (10 * suffix);
	return true;
}

static bool parse_label(const char *arg, const char **label)
{
	if (strlen(arg) >= sizeof(((struct toy_super *)0)->label))
		return fail("-L: the label is longer than 31 bytes");
	*label = arg;
	return true;
}

static bool parse_uuid(const char *arg, uint8_t *uuid)
{
	if (uuid_parse(arg, uuid))
		return fail("-U %s: not a uuid: uuidgen(1) makes one", arg);
	return true;
}

static bool parse_one(int c, struct mkfs *mk)
{
	switch (c) {
	case 'L':
		return parse_label(optarg, &mk->label);
	case 'U':
		return parse_uuid(optarg, mk->uuid);
	case 's':
		return parse_size(optarg, &mk->size);
	case 'f':
		return mk->force = true;
	case 'n':
		return mk->dry = true;
	case 'q':
		return mk->quiet = true;
	}
	return fail("\"mkfs.toyfs --help\" tells the options");
}

enum parsed parse_options(int argc, char **argv, struct mkfs *mk)
{
	int c;

	uuid_generate_random(mk->uuid);
	while ((c = getopt_long(argc, argv, "L:U:s:fnqVh", long_options,
				NULL)) != -1) {
		if (c == 'h')
			fputs(usage_text, stdout);
		if (c == 'V')
			printf("mkfs.toyfs (%s), format %d.%d\n",
			       PACKAGE_STRING, TOY_MAJOR, TOY_MINOR);
		if (c == 'h' || c == 'V')
			return PARSED_DONE;
		if (!parse_one(c, mk))
			return PARSED_BAD;
	}
	mk->paths = argv + optind;
	mk->nr_paths = argc - optind;
	if (mk->nr_paths)
		return PARSED_RUN;
	fail("no device is named: \"mkfs.toyfs --help\" tells more");
	return PARSED_BAD;
}
