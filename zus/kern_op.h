/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Operations as the kernel builds them, for tests that play it.
 */
#ifndef ZUS_KERN_OP_H
#define ZUS_KERN_OP_H

#include <string.h>

#include "zus_api.h"

static inline struct zufs_iref iref(const struct zufs_attr *a)
{
	return (struct zufs_iref){ a->handle, a->zi.i_ino, a->zi.i_generation };
}

static inline void set_str(struct zufs_str *s, const char *name)
{
	s->len = strlen(name);
	memcpy(s->name, name, s->len);
}

/*
 * @in_len zeroed bytes of operation at @buf, which has room for @bytes; @ii may
 * be NULL. The number and the time are the caller's.
 */
static inline struct zufs_ioc_op *op_init(void *buf, size_t bytes,
					  int operation,
					  const struct zufs_attr *ii,
					  size_t in_len)
{
	struct zufs_ioc_op *op = buf;

	/* The fixed part of the outputs too. */
	memset(buf, 0, in_len < 2048 ? 2048 : in_len);
	op->hdr.operation = operation;
	op->hdr.in_len = in_len;
	op->hdr.out_start = sizeof(op->hdr);
	op->hdr.out_max = bytes - sizeof(op->hdr);
	if (ii)
		op->ii = iref(ii);
	return op;
}

#endif /* ZUS_KERN_OP_H */
