/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * An image of toyfs in memory, for the tests of its library. Each test has a new
 * one, open in fs.
 */
#ifndef TOYIMAGE_H
#define TOYIMAGE_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "suite.h"
#include "tx.h"

#define BYTES (64ULL << 20)

extern char *image;
extern struct toy_fs fs;
extern int logged; /* errors */

char *map_image(void);
void open_image(void *base);
void image_new(void);
void image_end(void);
void reopen(void);
struct toy_tx *begin(unsigned int channel);
uint64_t count_free(void);
uint32_t rnd(uint64_t *seed);
/* Makes an inode and returns its number; the slot of the root is there. */
uint64_t make_inode(unsigned int channel);
/* The map of an inode, to be changed in a transaction or to be read. */
struct toy_tree map_of(struct toy_tx *tx, uint64_t ino);
struct toy_tree ro_map_of(uint64_t ino);

#endif /* TOYIMAGE_H */
