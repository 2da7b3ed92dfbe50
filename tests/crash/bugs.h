/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * For -include in a file of toyfs that gets a bug: stores without a flush,
 * which pm.c doesn't have. The empty one is what a later fence waits for.
 */
#include "where.h"

#include <libpmem.h>

#define pm_write_unflushed(fs, off, src, len)            \
	(pm_write(fs, off, src, 0),                      \
	 (void)pmem_memcpy((fs)->base + (off), src, len, \
			   PMEM_F_MEM_NODRAIN | PMEM_F_MEM_NOFLUSH))
#define pm_zero_unflushed(fs, off, len)                \
	(pm_zero(fs, off, 0),                          \
	 (void)pmem_memset((fs)->base + (off), 0, len, \
			   PMEM_F_MEM_NODRAIN | PMEM_F_MEM_NOFLUSH))
