// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * In place of libndctl: the health that the file $TOY_HEALTH tells, of whatever
 * device. Lines "shutdowns N" and, ascending, "bad BLOCK BLOCKS". Without the
 * variable nothing is known.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "health.h"

static int take(struct toy_health *h, const char *line)
{
	unsigned long long a, b;

	if (sscanf(line, "shutdowns %llu", &a) == 1)
		h->shutdowns[0] = a;
	if (sscanf(line, "bad %llu %llu", &a, &b) != 2)
		return 0;
	return toy_health_add(h, a, a + b);
}

int toy_health_read(dev_t dev, struct toy_health *h)
{
	const char *path = getenv("TOY_HEALTH");
	FILE *f = path ? fopen(path, "re") : NULL;
	char line[80];
	int err = 0;

	(void)dev;
	*h = (struct toy_health){ .nr_devs = 1,
				  .shutdowns = { TOY_NO_COUNT },
				  .known = f };
	while (f && !err && fgets(line, sizeof(line), f))
		err = take(h, line);
	if (f)
		fclose(f);
	return err;
}
