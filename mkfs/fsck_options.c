// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/* The command line of fsck.toyfs. */
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fsck.h"

static const char usage_text[] =
	"usage: fsck.toyfs [-n | -p | -y] [-f] [-C[FD]] DEVICE...\n"
	"Checks a toyfs and repairs it. All of its devices are named, in any order;\n"
	"they may be plain files.\n"
	"\n"
	"  -n        change nothing, answer \"no\" to all questions\n"
	"  -p        repair what loses nothing, without questions (also -a)\n"
	"  -y        answer \"yes\" to all questions\n"
	"  -f        with -p: check all of it, not only what a mount reads\n"
	"  -C[FD]    show progress: as a bar, or as lines to the descriptor FD\n"
	"  -V        show the version\n"
	"  -h        show this\n";

static bool set_mode(struct fsck *f, enum fsck_mode mode)
{
	if (f->mode != FSCK_ASK && f->mode != mode)
		return fail("only one of -n, -p and -y can be given");
	f->mode = mode;
	return true;
}

static bool set_progress(struct fsck *f, const char *arg)
{
	char *end = NULL;
	long fd = arg ? strtol(arg, &end, 10) : 0;

	f->progress = true;
	f->progress_fd = (int)fd;
	if (arg && (end == arg || *end || fd < 0 || fd > INT_MAX))
		return fail("-C%s: not a file descriptor", arg);
	/* One that isn't open would be the device's own. */
	if (fd && fcntl(f->progress_fd, F_GETFL) < 0)
		return fail("-C%s: this file descriptor is not open", arg);
	return true;
}

static bool parse_one(int c, struct fsck *f)
{
	switch (c) {
	case 'n':
		return set_mode(f, FSCK_NO);
	case 'a':
	case 'p':
		return set_mode(f, FSCK_PREEN);
	case 'y':
		return set_mode(f, FSCK_YES);
	case 'f':
		return f->force = true;
	case 'C':
		return set_progress(f, optarg);
	}
	return fail("\"fsck.toyfs -h\" tells the options");
}

int fsck_options(int argc, char **argv, struct fsck *f)
{
	int c;

	while ((c = getopt(argc, argv, "napyfC::Vh")) != -1) {
		if (c == 'h')
			fputs(usage_text, stdout);
		if (c == 'V')
			printf("fsck.toyfs (%s), format %d.%d\n",
			       PACKAGE_STRING, TOY_MAJOR, TOY_MINOR);
		if (c == 'h' || c == 'V')
			return FSCK_OK;
		if (!parse_one(c, f))
			return FSCK_USAGE;
	}
	if (argc == optind) {
		fail("no device is named: \"fsck.toyfs -h\" tells more");
		return FSCK_USAGE;
	}
	f->paths = argv + optind;
	f->nr_paths = argc - optind;
	f->path = f->paths[0];
	if (f->mode == FSCK_ASK && !(isatty(0) && isatty(1))) {
		fail("no terminal to ask at: -n changes nothing, -p repairs what loses nothing, -y repairs all");
		return FSCK_ERROR;
	}
	return -1;
}
