/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Blocks that an fallocate put behind the size of a file.
 */
#ifndef BEHIND_H
#define BEHIND_H

#include <stdbool.h>

#include "kern.h"
#include "model.h"

/* Does any file of the model have some? */
bool behind_any(const struct model *m);
/*
 * All of them must be there, and full of zeros when the file grows over them,
 * which it does here. NULL, or what is wrong; good until the next call.
 */
const char *behind_check(const struct model *m, struct kern *k);

#endif /* BEHIND_H */
