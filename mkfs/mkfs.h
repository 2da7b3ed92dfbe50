/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* The parts of mkfs.toyfs. */
#ifndef MKFS_H
#define MKFS_H

#include "device.h"

struct mkfs {
	char **paths;
	int nr_paths;
	const char *label;
	uint8_t uuid[16];
	uint64_t size; /* bytes asked for of each; 0: all there is */
	bool force;
	bool dry;
	bool quiet;
};

/* ---- options.c ---- */

enum parsed {
	PARSED_RUN,
	PARSED_DONE,
	PARSED_BAD
};

enum parsed parse_options(int argc, char **argv, struct mkfs *mk);

#endif /* MKFS_H */
