/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Crash images: what a power cut at this moment could leave of a region. They
 * are made in another region, looked at, and taken back.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include "record.h"

struct image_stats {
	uint64_t points;   /* moments: fences and ends of calls */
	uint64_t made;	   /* images */
	uint64_t distinct; /* that were looked at */
	uint64_t nested;   /* of those: by a crash of recovery */
};

/* A line of an image that isn't what is durable. */
struct image_line {
	uint64_t n;
	uint8_t data[LINE];
	const char *where; /* the last store that is in it */
	bool torn, in;	   /* in: in flight, and there */
};

struct image {
	struct image_line *l; /* all lines in flight */
	unsigned int nr, cap;
};

struct imager {
	struct rec_region *live; /* a workload runs here */
	struct rec_region
		work; /* what is durable in live; images are made here */
	char *base;   /* both at the start of a workload */
	struct image_stats stats;
	uint64_t seed;
	bool quick; /* few images of a moment; what isn't quick looks at them again */
	uint64_t state; /* of the model: images are looked at once for each */
	/*
	 * Looks at what is in work, by mounting it. NULL: good; else what is
	 * wrong.
	 */
	const char *(*look)(void *arg);
	void *arg;
	const char
		*wrong; /* of the first image that was; then no more are made */
	struct image failed; /* that one */
	bool nested_failed;  /* it was made by a crash of its recovery */

	/* private */
	struct image img;
	uint64_t *dirty; /* lines of work or live that differ from base */
	unsigned int nr_dirty, cap_dirty;
	uint8_t *is_dirty; /* by line */
	struct undo *undo; /* of the image in work */
	unsigned int nr_undo, cap_undo;
	uint32_t *undo_at; /* by line: epoch of its entry */
	uint32_t epoch;
	uint64_t sum[2]; /* of work without an image */
	struct seen *seen;
	struct moment *moments; /* fences of the recovery that runs */
	unsigned int nr_moments, cap_moments;
	bool looking, crash_recovery;
};

/* Both regions become @base; @live is watched from now on. */
int imager_init(struct imager *im, struct rec_region *live, const char *base);
/* Back to the base, at the end of a workload. */
void imager_reset(struct imager *im);
/* What is in live is the new base. */
void imager_rebase(struct imager *im);
/* Makes the images of this moment and looks at each. */
void imager_point(struct imager *im);

/* look() is about to change what it looks at: no power cut comes any more. */
void imager_changes(struct imager *im);

#endif /* IMAGE_H */
