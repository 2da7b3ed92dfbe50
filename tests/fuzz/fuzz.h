/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Hostile images. An input is a script of edits on a filesystem with everything,
 * whose sums are mended; what toyfs makes of the result is looked at. See
 * doc/crash-safety.md.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "kern.h"
#include "tx.h"

#define FUZZ_BYTES  (16UL << 20)
#define FUZZ_BLOCKS (FUZZ_BYTES / TOY_BLOCK)
#define FUZZ_NOW    1000000

/* A finding: says what it is and dies. */
__attribute__((noreturn, format(printf, 1, 2))) void found(const char *fmt,
							   ...);

/* ---- media.c: memory of the filesystem, and libpmem's stores to it ---- */

extern char *media; /* as toyfs sees it: read-only */
extern char *media_rw;

void media_make(void);
/* What is there now is what media_restore() makes again. */
void media_keep(void);
void media_restore(void);
/* Are [off, +len) as they were kept? */
bool media_same(uint64_t off, uint64_t len);
/* [off, +len) is about to change. */
void media_dirty(uint64_t off, uint64_t len);

/* ---- base.c ---- */

/* A filesystem with everything, cut off with records to be replayed. */
void base_make(void);

/* ---- units.c: what has a sum, and some that doesn't ---- */

enum unit_kind {
	UNIT_SUPER,
	UNIT_TABLE,
	UNIT_STATE,
	UNIT_CHANNEL,
	UNIT_ORPHANS,
	UNIT_AG,
	UNIT_SLOT,
	UNIT_TREE,
	UNIT_DIR,
	UNIT_XATTR,
	UNIT_TEXT, /* of a symlink */
	UNIT_RECORD,
	UNIT_DATA,
	UNIT_KINDS
};

struct unit {
	enum unit_kind kind;
	uint32_t off, len;
	uint32_t slot; /* of a text: where its sum is */
};

/* Of the filesystem that media_keep() kept. */
void units_find(void);
/* Number @i, modulo their number, of a kind; of all. */
const struct unit *unit_of(enum unit_kind kind, unsigned int i);
const struct unit *unit_any(unsigned int i);
/* Its sum is what its bytes have. */
void unit_mend(const struct unit *u);

/* ---- edit.c ---- */

#define EDIT_BYTES 8U
#define EDIT_MAX   16U

void edits(const uint8_t *script, size_t size);

/* ---- walk.c, change.c ---- */

#define WALK_PATHS 96U
#define WALK_BYTES 1024U /* of a path */

struct paths {
	char path[WALK_PATHS][WALK_BYTES];
	unsigned int nr;
};

/* Reads all that a bounded walk reaches, and lists it; the first error. */
int walk(struct kern *k, struct paths *paths);
/* Changes what is listed, and what was never there, @n times. */
void change(struct kern *k, const struct paths *paths, uint32_t seed,
	    unsigned int n);

/* ---- one.c ---- */

#define FUZZ_HEAD 3U /* bytes of an input before its edits */

/* Once, before fuzz_one(). */
void fuzz_init(void);
void fuzz_one(const uint8_t *data, size_t size);

#endif /* FUZZ_H */
