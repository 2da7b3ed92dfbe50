/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Runs workloads on toyfs and on the model side by side, and tries the moments
 * at which a power cut could come.
 */
#ifndef RUN_H
#define RUN_H

#include "image.h"
#include "kern.h"
#include "model.h"
#include "workload.h"

#define RUN_BYTES   (16UL << 20)
#define RUN_ALLOWED 4

struct runner {
	const struct base *base;
	struct rec_region live;
	struct imager im;
	struct model start;		    /* of the base */
	struct kern k;			    /* over live */
	struct kern look;		    /* over an image */
	struct model *allowed[RUN_ALLOWED]; /* what a power cut may leave now */
	bool trying;
	bool in_part; /* the call failed, or isn't answered before its end */
	struct {
		char path[OP_PATH];
		int fd;
	} opens[4];
	uint8_t *bytes, *other_bytes; /* what is written, by each thread */
	uint64_t fences, calls;
	char broken[512]; /* why there is no base */
	/* Of a failure: */
	const char *wrong;
	int call; /* number of the call, -1: none */
	char text[1024];
};

int runner_init(struct runner *r, const struct base *base);
/* NULL, or what is wrong; then failed images are in r->im. */
const char *runner_run(struct runner *r, const struct workload *w);
/* The base, mounted; false: it isn't, and r->wrong says why. */
bool runner_begin(struct runner *r);
/* Back to the base; NULL, or what is wrong. */
const char *runner_end(struct runner *r);
/* On toyfs alone. */
int runner_call(struct runner *r, const struct op *op, unsigned int seq);
/* One line of cause, the call, and the lines in flight. */
void runner_report(const struct runner *r, const struct workload *w);

#endif /* RUN_H */
