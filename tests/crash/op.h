/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * System calls of a workload, as text and as a struct. A workload is calls
 * with "; " between them, as "mkdir A; write A/f 0 5000".
 */
#ifndef OP_H
#define OP_H

#include <stddef.h>
#include <stdint.h>

#define OP_PATH 64
#define OP_MAX	64 /* calls in a workload */

enum op_code {
	OP_CREATE,   /* PATH */
	OP_MKDIR,    /* PATH */
	OP_FIFO,     /* PATH */
	OP_CHR,	     /* PATH */
	OP_SYMLINK,  /* PATH LENGTH of the text */
	OP_LINK,     /* PATH NEW */
	OP_UNLINK,   /* PATH */
	OP_RMDIR,    /* PATH */
	OP_RENAME,   /* PATH NEW */
	OP_EXCHANGE, /* PATH OTHER */
	OP_WHITEOUT, /* PATH NEW: a rename that leaves a whiteout */
	OP_WRITE,    /* PATH FROM LENGTH */
	OP_APPEND,   /* PATH LENGTH */
	OP_TRUNCATE, /* PATH SIZE */
	OP_FALLOC,   /* PATH FROM LENGTH */
	OP_KEEP,     /* the same with KEEP_SIZE */
	OP_PUNCH,    /* PATH FROM LENGTH */
	OP_ZERO,     /* PATH FROM LENGTH */
	OP_SCRIBBLE, /* PATH: bytes behind the size in its block, by a mapping */
	OP_CHMOD,    /* PATH MODE */
	OP_CHOWN,    /* PATH UID */
	OP_CHATTR,   /* PATH FLAGS PROJID, which is the version too */
	OP_UTIMES,   /* PATH NS */
	OP_SETXATTR, /* PATH LENGTH NAME */
	OP_RMXATTR,  /* PATH NAME */
	OP_SETACL,   /* PATH MODE LENGTH of the ACL, which is no real one */
	OP_OPEN,     /* PATH: stays open until OP_CLOSE */
	OP_CLOSE,    /* PATH, as it was opened */
	OP_FSYNC,    /* PATH */
	OP_TMPLINK,  /* PATH LENGTH: O_TMPFILE, a write, linkat */
	OP_REMOUNT,  /* umount, mount */
	OP_CODES
};

struct op {
	enum op_code code;
	char path[OP_PATH], other[OP_PATH]; /* other: NEW or NAME */
	uint64_t a, b;
};

/* One call from @text; *end is behind it and its "; ". 0 or -EINVAL. */
int op_parse(const char *text, struct op *op, const char **end);
/* Calls of a workload; their number or -EINVAL. */
int op_parse_all(const char *text, struct op *ops, int max);
void op_print(const struct op *op, char *buf, size_t len);
void op_print_all(const struct op *ops, int n, char *buf, size_t len);

#define OP_OLD_BYTE 0xda /* media before mkfs is full of it; op_byte() is odd */

/* What the call number @seq writes at byte @pos. */
static inline uint8_t op_byte(unsigned int seq, uint64_t pos)
{
	uint64_t x = (pos / 8 + 1) * 0x9e3779b97f4a7c15ULL +
		     (seq + 1) * 0xbf58476d1ce4e5b9ULL;

	x ^= x >> 29;
	return (uint8_t)(x >> pos % 8 * 8) | 1; /* never 0 */
}

#endif /* OP_H */
