// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Crash images; see image.h. Work is at all times what is durable in live. An
 * image is a few lines more, and what recovery stores; an undo list takes both
 * back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

#define ALL_SUBSETS  10 /* lines in flight of which each subset is tried */
#define MAX_PAIRS    300
#define SAMPLES	     24
#define TORN	     8
/* A crash of recovery is a crash after a crash: fewer of each. */
#define NESTED_ALL   6
#define NESTED_TRIES 16
/* Lines that a quick one takes or leaves alone, and images of its recovery. */
#define QUICK_LINES  16
#define QUICK_TRIES  2
#define QUICK_TORN   2

struct undo {
	uint64_t n;
	uint8_t old[LINE];
};

/* Images that were looked at: an open hash of 128-bit sums. */
struct seen {
	uint64_t (*at)[2];
	uint64_t cap, nr;
};

/* A fence of a recovery: lines that are durable by then, and in flight. */
struct moment {
	struct image done, flight;
};

static uint64_t rnd(struct imager *im)
{
	im->seed = im->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return im->seed >> 20;
}

static uint64_t mix64(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* ---- sums of images ---- */

static void line_sum(uint64_t n, const void *data, uint64_t sum[2])
{
	uint64_t w[8], a = mix64(n + 1), b = mix64(~n);

	memcpy(w, data, LINE);
	for (int i = 0; i < 8; i++) {
		a = mix64(a ^ w[i]);
		b = mix64(b + w[i]);
	}
	sum[0] = a;
	sum[1] = b;
}

/* What replacing @old by @data in line @n adds. */
static void sum_change(uint64_t sum[2], uint64_t n, const void *old,
		       const void *data)
{
	uint64_t o[2], d[2];

	line_sum(n, old, o);
	line_sum(n, data, d);
	sum[0] += d[0] - o[0];
	sum[1] += d[1] - o[1];
}

static bool seen_put(struct seen *s, const uint64_t key[2])
{
	uint64_t i = key[0] & (s->cap - 1);

	for (; s->at[i][0] | s->at[i][1]; i = (i + 1) & (s->cap - 1))
		if (s->at[i][0] == key[0] && s->at[i][1] == key[1])
			return false;
	s->at[i][0] = key[0];
	s->at[i][1] = key[1];
	s->nr++;
	return true;
}

static void seen_grow(struct seen *s)
{
	struct seen old = *s;

	s->cap = old.cap ? old.cap * 2 : 1 << 16;
	s->nr = 0;
	s->at = calloc(s->cap, sizeof(*s->at));
	if (!s->at)
		abort();
	for (uint64_t i = 0; i < old.cap; i++)
		if (old.at[i][0] | old.at[i][1])
			seen_put(s, old.at[i]);
	free(old.at);
}

/* Is it the first time that this is seen? */
static bool is_new(struct imager *im, const uint64_t sum[2])
{
	uint64_t state = im->state + im->quick;
	uint64_t key[2] = { mix64(sum[0] ^ state) | 1, sum[1] + mix64(state) };

	if (im->seen->nr * 2 >= im->seen->cap)
		seen_grow(im->seen);
	return seen_put(im->seen, key);
}

/* ---- lists of lines ---- */

static struct image_line *image_add(struct image *im, uint64_t n,
				    const void *data)
{
	struct image_line *l;

	if (im->nr == im->cap) {
		im->cap = im->cap ? im->cap * 2 : 64;
		im->l = realloc(im->l, im->cap * sizeof(*im->l));
	}
	l = &im->l[im->nr++];
	*l = (struct image_line){ .n = n };
	memcpy(l->data, data, LINE);
	return l;
}

static void image_copy(struct image *to, const struct image *from)
{
	to->nr = 0;
	for (unsigned int i = 0; i < from->nr; i++)
		*image_add(to, from->l[i].n, from->l[i].data) = from->l[i];
}

/* ---- work: the image that is in it ---- */

static void dirty(struct imager *im, uint64_t n)
{
	if (im->is_dirty[n])
		return;
	im->is_dirty[n] = 1;
	if (im->nr_dirty == im->cap_dirty) {
		im->cap_dirty = im->cap_dirty ? im->cap_dirty * 2 : 1024;
		im->dirty =
			realloc(im->dirty, im->cap_dirty * sizeof(*im->dirty));
	}
	im->dirty[im->nr_dirty++] = n;
}

/* Work's line is about to change while an image is in it. */
static void undo_line(struct imager *im, uint64_t n)
{
	struct undo *u;

	if (im->undo_at[n] == im->epoch)
		return;
	im->undo_at[n] = im->epoch;
	if (im->nr_undo == im->cap_undo) {
		im->cap_undo = im->cap_undo ? im->cap_undo * 2 : 256;
		im->undo = realloc(im->undo, im->cap_undo * sizeof(*im->undo));
	}
	u = &im->undo[im->nr_undo++];
	u->n = n;
	memcpy(u->old, im->work.rw + n * LINE, LINE);
}

static void work_put(struct imager *im, const struct image_line *l)
{
	undo_line(im, l->n);
	rec_put(&im->work, l->n, l->data);
}

static void work_undo(struct imager *im)
{
	rec_region_settle(&im->work);
	while (im->nr_undo) {
		struct undo *u = &im->undo[--im->nr_undo];

		rec_put(&im->work, u->n, u->old);
	}
	im->epoch++;
}

/* ---- looking at an image ---- */

static void lines_in_flight(const struct rec_region *r, struct image *img)
{
	img->nr = 0;
	for (unsigned int i = 0; i < r->nr; i++) {
		const struct rec_line *l = r->flight[i];
		const struct rec_version *v = &l->v[l->nr - 1];
		struct image_line *il = image_add(img, l->n, v->data);

		il->where = v->where;
	}
}

/* Recovery of an image is about to fence. */
static void work_fence(struct rec_region *r, void *arg)
{
	struct imager *im = arg;
	struct moment *m;

	if (!im->looking || !im->crash_recovery)
		return;
	if (im->nr_moments == im->cap_moments) {
		im->cap_moments++;
		im->moments =
			realloc(im->moments, im->cap_moments * sizeof(*m));
		im->moments[im->nr_moments] = (struct moment){ 0 };
	}
	m = &im->moments[im->nr_moments++];
	m->done.nr = 0;
	for (unsigned int i = 0; i < im->nr_undo; i++) {
		uint64_t n = im->undo[i].n;
		uint32_t at = r->at[n];

		image_add(&m->done, n,
			  at ? (const char *)r->flight[at - 1]->durable :
			       r->rw + n * LINE);
	}
	lines_in_flight(r, &m->flight);
}

static void work_store(struct rec_region *r, uint64_t n, void *arg)
{
	struct imager *im = arg;

	(void)r;
	if (im->looking)
		undo_line(im, n);
}

/* Mounts and checks what is in work. */
static const char *look(struct imager *im)
{
	int thread = rec_thread;
	const char *wrong;

	im->looking = true;
	im->live->paused = true;
	im->work.paused = false;
	rec_thread = 100; /* its fences are of work alone */
	wrong = im->look(im->arg);
	rec_thread = thread;
	im->work.paused = true;
	im->live->paused = false;
	im->looking = false;
	return wrong;
}

static void sum_of(const struct imager *im, const struct image *img,
		   uint64_t sum[2])
{
	memcpy(sum, im->sum, 2 * sizeof(*sum));
	for (unsigned int i = 0; i < img->nr; i++)
		if (img->l[i].in)
			sum_change(sum, img->l[i].n,
				   im->work.rw + img->l[i].n * LINE,
				   img->l[i].data);
}

/* The image @first, and in a crash of its recovery @then on top of it. */
static const char *try_pair(struct imager *im, const struct image *first,
			    const struct image *done, const struct image *then)
{
	const char *wrong;

	for (unsigned int i = 0; i < first->nr; i++)
		if (first->l[i].in)
			work_put(im, &first->l[i]);
	for (unsigned int i = 0; then && i < done->nr; i++)
		work_put(im, &done->l[i]);
	for (unsigned int i = 0; then && i < then->nr; i++)
		if (then->l[i].in)
			work_put(im, &then->l[i]);
	wrong = look(im);
	work_undo(im);
	return wrong;
}

static void nested_sum(struct imager *im, const struct image *first,
		       const struct image *done, const struct image *then,
		       uint64_t sum[2])
{
	const struct image *parts[] = { first, done, then };

	memcpy(sum, im->sum, 2 * sizeof(*sum));
	for (int p = 0; p < 3; p++) {
		for (unsigned int i = 0; i < parts[p]->nr; i++) {
			const struct image_line *l = &parts[p]->l[i];

			if (p != 1 && !l->in)
				continue;
			sum_change(sum, l->n, im->work.rw + l->n * LINE,
				   l->data);
			work_put(im, l);
		}
	}
	work_undo(im);
}

static void nested_try(struct imager *im, const struct image *first,
		       struct moment *m)
{
	uint64_t sum[2];
	const char *wrong;

	im->stats.made++;
	nested_sum(im, first, &m->done, &m->flight, sum);
	if (im->wrong || !is_new(im, sum))
		return;
	im->stats.distinct++;
	im->stats.nested++;
	wrong = try_pair(im, first, &m->done, &m->flight);
	if (!wrong)
		return;
	im->wrong = wrong;
	im->nested_failed = true;
	image_copy(&im->failed, first);
}

static void crash_moment(struct imager *im, const struct image *first,
			 struct moment *m)
{
	bool few = m->flight.nr <= NESTED_ALL;
	uint64_t tries = few ? 1ULL << m->flight.nr : NESTED_TRIES;

	if (im->quick && tries > QUICK_TRIES) {
		tries = QUICK_TRIES;
		few = false;
	}
	for (uint64_t t = 0; t < tries && !im->wrong; t++) {
		for (unsigned int k = 0; k < m->flight.nr; k++)
			m->flight.l[k].in = few ? t >> k & 1 : rnd(im) & 1;
		nested_try(im, first, m);
	}
}

/* Crashes of the recovery that look() just did. */
static void crash_recoveries(struct imager *im, const struct image *first)
{
	unsigned int nr = im->nr_moments;

	im->crash_recovery = false;
	for (unsigned int i = 0; i < nr && !im->wrong; i++)
		crash_moment(im, first, &im->moments[i]);
	im->nr_moments = 0;
}

static void try_image(struct imager *im, struct image *img)
{
	uint64_t sum[2];

	im->stats.made++;
	sum_of(im, img, sum);
	if (im->wrong || !is_new(im, sum))
		return;
	im->stats.distinct++;
	im->crash_recovery = true;
	im->nr_moments = 0;
	im->wrong = try_pair(im, img, NULL, NULL);
	if (im->wrong)
		image_copy(&im->failed, img);
	else
		crash_recoveries(im, img);
}

/* ---- which images ---- */

static void set_all(struct image *img, bool in)
{
	for (unsigned int i = 0; i < img->nr; i++)
		img->l[i].in = in;
}

static void try_subsets(struct imager *im, struct image *img)
{
	for (uint64_t s = 0; s < 1ULL << img->nr; s++) {
		for (unsigned int i = 0; i < img->nr; i++)
			img->l[i].in = s >> i & 1;
		try_image(im, img);
	}
}

/* All and none, and each @step-th line alone or left out. */
static void try_one_off(struct imager *im, struct image *img, unsigned int step)
{
	for (int in = 0; in <= 1; in++) {
		set_all(img, in);
		try_image(im, img);
		for (unsigned int i = 0; i < img->nr; i += step) {
			img->l[i].in = !in;
			try_image(im, img);
			img->l[i].in = in;
		}
	}
}

static void try_few_off(struct imager *im, struct image *img)
{
	uint64_t pairs = (uint64_t)img->nr * (img->nr - 1) / 2;

	try_one_off(im, img, 1);
	for (unsigned int i = 0; i < img->nr; i++) {
		for (unsigned int k = 0; k < i; k++) {
			if (pairs > MAX_PAIRS && rnd(im) % pairs >= MAX_PAIRS)
				continue;
			img->l[i].in = false;
			img->l[k].in = false;
			try_image(im, img);
			img->l[i].in = true;
			img->l[k].in = true;
		}
	}
	for (int s = 0; s < SAMPLES; s++) {
		for (unsigned int i = 0; i < img->nr; i++)
			img->l[i].in = rnd(im) & 1;
		try_image(im, img);
	}
}

/* Each aligned 8 bytes of each line are of any version. */
static void tear(struct imager *im, const struct rec_region *r,
		 struct image *img)
{
	for (unsigned int i = 0; i < img->nr; i++) {
		const struct rec_line *l = r->flight[i];
		struct image_line *il = &img->l[i];

		il->in = true;
		il->torn = true;
		for (unsigned int w = 0; w < LINE; w += 8) {
			uint64_t v = rnd(im) % (l->nr + 1);

			memcpy(il->data + w,
			       (v ? l->v[v - 1].data : l->durable) + w, 8);
		}
	}
}

void imager_changes(struct imager *im)
{
	im->crash_recovery = false;
}

void imager_point(struct imager *im)
{
	const struct rec_region *r = im->live;
	struct image *img = &im->img;

	if (im->wrong)
		return;
	im->stats.points++;
	lines_in_flight(r, img);
	if (im->quick)
		try_one_off(im, img, 1 + img->nr / QUICK_LINES);
	else if (img->nr <= ALL_SUBSETS)
		try_subsets(im, img);
	else
		try_few_off(im, img);
	for (int t = 0; t < (im->quick ? QUICK_TORN : TORN) && img->nr; t++) {
		tear(im, r, img);
		try_image(im, img);
	}
}

/* ---- live ---- */

static void live_store(struct rec_region *r, uint64_t n, void *arg)
{
	(void)r;
	dirty(arg, n);
}

static void live_durable(struct rec_region *r, const struct rec_line *l,
			 const uint8_t *now, void *arg)
{
	struct imager *im = arg;

	(void)r;
	sum_change(im->sum, l->n, im->work.rw + l->n * LINE, now);
	rec_put(&im->work, l->n, now);
}

int imager_init(struct imager *im, struct rec_region *live, const char *base)
{
	size_t lines = live->bytes / LINE;
	int err = rec_region_new(&im->work, live->bytes);

	if (err)
		return err;
	im->live = live;
	im->base = malloc(live->bytes);
	im->is_dirty = calloc(lines, 1);
	im->undo_at = calloc(lines, sizeof(*im->undo_at));
	im->seen = calloc(1, sizeof(*im->seen));
	if (!im->base || !im->is_dirty || !im->undo_at || !im->seen)
		return -ENOMEM;
	im->epoch = 1;
	seen_grow(im->seen);
	memcpy(live->rw, base, live->bytes);
	live->on_store = live_store;
	live->on_durable = live_durable;
	live->arg = im;
	im->work.on_store = work_store;
	im->work.on_fence = work_fence;
	im->work.arg = im;
	im->work.paused = true;
	imager_rebase(im);
	return 0;
}

void imager_rebase(struct imager *im)
{
	rec_region_settle(im->live);
	memcpy(im->base, im->live->rw, im->live->bytes);
	memcpy(im->work.rw, im->base, im->live->bytes);
	for (unsigned int i = 0; i < im->nr_dirty; i++)
		im->is_dirty[im->dirty[i]] = 0;
	im->nr_dirty = 0;
	im->sum[0] = mix64(im->epoch); /* bases are told apart */
	im->sum[1] = ~im->sum[0];
}

void imager_reset(struct imager *im)
{
	rec_region_settle(im->live);
	for (unsigned int i = 0; i < im->nr_dirty; i++) {
		uint64_t n = im->dirty[i];
		const uint8_t *old = (const uint8_t *)im->base + n * LINE;

		sum_change(im->sum, n, im->work.rw + n * LINE, old);
		rec_put(im->live, n, old);
		rec_put(&im->work, n, old);
		im->is_dirty[n] = 0;
	}
	im->nr_dirty = 0;
}
