/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Is a mounted filesystem what a model says?
 */
#ifndef COMPARE_H
#define COMPARE_H

#include "kern.h"
#include "model.h"

/*
 * NULL, or the first difference; the text is good until the next call. *same:
 * how many names were compared before it.
 */
const char *compare(const struct model *m, struct kern *k, unsigned int *same);

#endif /* COMPARE_H */
