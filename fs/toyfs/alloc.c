/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Space: allocation groups (AG), their volatile and persistent bitmaps.
 *
 * Locks: toy_ag.lock protects the volatile bits and is a leaf;
 * toy_ag.commit_lock protects the AG's node on media, from toy_ags_apply to the
 * end of step 3, taken in ascending order. A bit is 1 if the block is taken;
 * volatile bits are a superset of the persistent ones.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "tx.h"

#define WORDS (TOY_AG_BLOCKS / 64U)

struct toy_ag {
	pthread_mutex_t lock;
	pthread_mutex_t commit_lock;
	uint64_t *bits; /* volatile copy; NULL: not loaded */
	uint32_t free;	/* of bits; before that, when counted, as on media */
	bool counted;	/* in toy_fs.free_blocks */
};

/* An AG node's bits; words are little-endian, bit n is byte n / 8, bit n % 8. */
static uint64_t *node_bits(void *node)
{
	return (uint64_t *)((uint8_t *)node + sizeof(struct toy_node));
}

int toy_ags_init(struct toy_fs *fs)
{
	fs->ags = calloc(fs->ag_count, sizeof(*fs->ags));
	if (!fs->ags)
		return -ENOMEM;
	for (uint32_t i = 0; i < fs->ag_count; i++) {
		pthread_mutex_init(&fs->ags[i].lock, NULL);
		pthread_mutex_init(&fs->ags[i].commit_lock, NULL);
	}
	return 0;
}

void toy_ags_free(struct toy_fs *fs)
{
	for (uint32_t i = 0; fs->ags && i < fs->ag_count; i++)
		free(fs->ags[i].bits);
	free(fs->ags);
	fs->ags = NULL;
}

int toy_ags_reset(struct toy_fs *fs)
{
	memset(fs->verified, 0, fs->blocks / 8);
	toy_ags_free(fs);
	atomic_store(&fs->free_blocks, 0);
	atomic_store(&fs->free_known, false);
	fs->ags_asked = 0;
	return toy_ags_init(fs);
}

static uint32_t ag_size(const struct toy_fs *fs, uint32_t a)
{
	uint64_t left = fs->blocks - fs->data_bn - (uint64_t)a * TOY_AG_BLOCKS;

	return left < TOY_AG_BLOCKS ? (uint32_t)left : TOY_AG_BLOCKS;
}

static uint64_t ag_start(const struct toy_fs *fs, uint32_t a)
{
	return fs->data_bn + (uint64_t)a * TOY_AG_BLOCKS;
}

static bool bad_get(const struct toy_fs *fs, uint64_t bn)
{
	return __atomic_load_n(&fs->bad[bn / 8], __ATOMIC_RELAXED) >> (bn % 8) &
	       1;
}

static int ag_bad(uint32_t a, const char *cause)
{
	toy_log(TOY_LOG_ERR, "toyfs: block %u: %s", TOY_AG_NODE_BN + a, cause);
	return -EUCLEAN;
}

static int ag_read(struct toy_fs *fs, uint32_t a, uint64_t *bits,
		   uint32_t *free_)
{
	uint32_t size = ag_size(fs, a), nr = 0;
	const struct toy_node *n;
	int err = toy_node_read(fs, NULL, TOY_AG_NODE_BN + a, TOY_AG_MAGIC,
				(const void **)&n);

	if (err)
		return err;
	memcpy(bits, n + 1, WORDS * sizeof(*bits));
	for (uint32_t i = 0; i < WORDS; i++) {
		bits[i] = le64toh(bits[i]);
		/* Sizes are multiples of 512: a word is inside or outside. */
		if (i * 64 >= size && bits[i] != ~0ULL)
			nr = TOY_AG_BLOCKS + 1;
		else
			nr += (uint32_t)__builtin_popcountll(~bits[i]);
	}
	if (nr != le32toh(n->free) || le64toh(n->owner) != a)
		return ag_bad(a, "bitmap contradicts its header");
	*free_ = nr;
	return 0;
}

static void ag_count_add(struct toy_fs *fs, struct toy_ag *ag, int64_t n)
{
	ag->free = (uint32_t)(ag->free + n);
	if (ag->counted)
		atomic_fetch_add(&fs->free_blocks, n);
}

/* Under ag->lock: takes blocks [pos, +len), as far as they are bad. */
static void ag_take_bad(struct toy_fs *fs, uint32_t a, uint32_t pos,
			uint32_t len)
{
	struct toy_ag *ag = &fs->ags[a];

	for (uint32_t i = pos; fs->any_bad && i < pos + len; i++) {
		uint64_t mask = 1ULL << (i % 64);

		if (!bad_get(fs, ag_start(fs, a) + i) ||
		    ag->bits[i / 64] & mask)
			continue;
		ag->bits[i / 64] |= mask;
		ag_count_add(fs, ag, -1);
	}
}

/* Under ag->lock, before the first commit that changes the AG. */
static int ag_load(struct toy_fs *fs, uint32_t a)
{
	struct toy_ag *ag = &fs->ags[a];
	uint64_t *bits;
	int err;

	if (ag->bits)
		return 0;
	bits = malloc(WORDS * sizeof(*bits));
	if (!bits)
		return -ENOMEM;
	err = toy_try(fs, ag_read(fs, a, bits, &ag->free));
	if (err) {
		free(bits);
		return err;
	}
	ag->bits = bits;
	ag_take_bad(fs, a, 0, ag_size(fs, a));
	return 0;
}

static int ag_take(struct toy_fs *fs, uint32_t a, const struct toy_window *win,
		   uint32_t want, bool aligned, uint64_t *bn, uint32_t *len)
{
	struct toy_ag *ag = &fs->ags[a];
	uint32_t pos = 0;
	int err;

	*len = 0;
	pthread_mutex_lock(&ag->lock);
	/* After a failed commit blocks that it has are given back. */
	err = fs->failed ? -EIO : ag_load(fs, a);
	if (!err && ag->free && aligned)
		*len = toy_bits_aligned(ag->bits, win, want, &pos);
	else if (!err && ag->free)
		*len = toy_bits_any(ag->bits, win, want, &pos);
	if (*len) {
		toy_bits_set(ag->bits, pos, *len, true);
		ag_count_add(fs, ag, -(int64_t)*len);
		*bn = ag_start(fs, a) + pos;
	}
	pthread_mutex_unlock(&ag->lock);
	return err;
}

static int ag_read_free(struct toy_fs *fs, uint32_t a)
{
	const struct toy_node *n;
	int err = toy_node_read(fs, NULL, TOY_AG_NODE_BN + a, TOY_AG_MAGIC,
				(const void **)&n);

	if (err)
		return err;
	fs->ags[a].free = le32toh(n->free);
	if (fs->ags[a].free > ag_size(fs, a))
		return ag_bad(a, "too many free blocks");
	return 0;
}

int toy_ag_count(struct toy_fs *fs, uint32_t a)
{
	struct toy_ag *ag = &fs->ags[a];
	int err = 0;

	pthread_mutex_lock(&ag->lock);
	if (!ag->counted && !ag->bits)
		err = toy_try(fs, ag_read_free(fs, a));
	if (!err && !ag->counted) {
		ag->counted = true;
		atomic_fetch_add(&fs->free_blocks, ag->free);
	}
	pthread_mutex_unlock(&ag->lock);
	return err;
}

/* ---- which device: one of the caller's node, unless these are full ---- */

/* What a device has of the data area, in blocks from data_bn on. */
struct range {
	uint64_t from, to;
};

static struct range range_of(const struct toy_fs *fs, const struct toy_dev *dev)
{
	uint64_t from = dev->first > fs->data_bn ? dev->first : fs->data_bn;

	return (struct range){ from - fs->data_bn,
			       dev->first + dev->blocks - fs->data_bn };
}

static bool is_in(const struct range *r, uint64_t rel)
{
	return rel >= r->from && rel < r->to;
}

/* The part of AG @a that is in @r, for a search from @rel on or its beginning. */
static struct toy_window window_of(const struct range *r, uint32_t a,
				   uint64_t rel)
{
	uint64_t first = (uint64_t)a * TOY_AG_BLOCKS;
	uint64_t from = r->from > first ? r->from : first;
	uint64_t to = first + TOY_AG_BLOCKS;

	to = r->to < to ? r->to : to;
	if (rel < from || rel >= to)
		rel = from;
	return (struct toy_window){ (uint32_t)(rel - first),
				    (uint32_t)(from - first),
				    (uint32_t)(to - first) };
}

/* Where a channel begins that has no better place: they keep apart. */
static uint64_t own_place(const struct range *r, unsigned int channel)
{
	uint64_t lines = (r->to - r->from) / 512;

	return r->from + lines * (channel % TOY_CHANNELS) / TOY_CHANNELS * 512;
}

/* Of the AGs that are in @r, from block @rel of it on. */
static int take_in(struct toy_fs *fs, const struct range *r, uint64_t rel,
		   uint32_t want, bool aligned, uint64_t *bn, uint32_t *len)
{
	uint32_t first = (uint32_t)(r->from / TOY_AG_BLOCKS);
	uint32_t n = (uint32_t)((r->to - 1) / TOY_AG_BLOCKS) - first + 1;
	uint32_t at = (uint32_t)(rel / TOY_AG_BLOCKS) - first;
	int err = 0;

	*len = 0;
	for (uint32_t i = 0; !err && !*len && i < n; i++) {
		uint32_t a = first + (at + i) % n;
		struct toy_window win = window_of(r, a, rel);

		err = ag_take(fs, a, &win, want, aligned, bn, len);
	}
	return err;
}

/* Is @dev near a CPU of @node, as far as is known? */
static bool is_local(const struct toy_dev *dev, int node)
{
	return node < 0 || dev->numa_node < 0 || dev->numa_node == node;
}

/* Where to look first: devices of one kind, and a place on the first of them. */
struct search {
	unsigned int dev[ZUFS_MAX_DEVICES], nr;
	unsigned int at; /* which of dev[] */
	uint64_t hint;	 /* on that one; in blocks from data_bn on */
};

static bool search_begin(const struct toy_fs *fs, struct search *s, bool local,
			 unsigned int channel, uint64_t hint)
{
	uint64_t rel = hint - fs->data_bn;
	bool hinted = false;

	s->nr = 0;
	for (unsigned int d = 0; d < fs->nr_devs; d++) {
		struct range r = range_of(fs, &fs->dev[d]);

		if (is_local(&fs->dev[d], zus_current_node()) != local)
			continue;
		if (is_in(&r, rel)) {
			s->at = s->nr;
			s->hint = rel;
			hinted = true;
		}
		s->dev[s->nr++] = d;
	}
	if (s->nr && !hinted) {
		struct range r;

		s->at = channel % s->nr;
		r = range_of(fs, &fs->dev[s->dev[s->at]]);
		s->hint = own_place(&r, channel);
	}
	return s->nr;
}

static int search_run(struct toy_fs *fs, const struct search *s,
		      unsigned int channel, uint32_t want, bool aligned,
		      uint64_t *bn, uint32_t *len)
{
	int err = 0;

	*len = 0;
	for (unsigned int i = 0; !err && !*len && i < s->nr; i++) {
		unsigned int d = s->dev[(s->at + i) % s->nr];
		struct range r = range_of(fs, &fs->dev[d]);

		err = take_in(fs, &r, i ? own_place(&r, channel) : s->hint,
			      want, aligned, bn, len);
	}
	return err;
}

static int take(struct toy_fs *fs, unsigned int channel, uint64_t hint,
		uint32_t want, uint64_t *bn, uint32_t *len)
{
	struct search s;

	for (int local = 1; local >= 0; local--) {
		if (!search_begin(fs, &s, local, channel, hint))
			continue;
		for (int aligned = want >= 512; aligned >= 0; aligned--) {
			int err = search_run(fs, &s, channel, want, aligned, bn,
					     len);

			if (err || *len)
				return err;
		}
	}
	return -ENOSPC;
}

static int take_claimed(struct toy_fs *fs, enum toy_keep keep,
			unsigned int channel, uint64_t hint, uint32_t want,
			uint64_t *bn, uint32_t *len)
{
	uint32_t may;
	int err;

	if (!want)
		return -EINVAL;
	if (keep == TOY_KEEP_NONE)
		return take(fs, channel, hint, want, bn, len);
	err = toy_claim(fs, keep, want, &may);
	if (err)
		return err;
	err = take(fs, channel, hint, may, bn, len);
	toy_unclaim(fs, may);
	return err;
}

/* Up to @want blocks of what the transaction was promised. */
static int take_promised(struct toy_tx *tx, uint64_t hint, uint32_t want,
			 uint64_t *bn, uint32_t *len)
{
	int err;

	if (want > *tx->promised)
		want = (uint32_t)*tx->promised;
	*len = 0;
	toy_claim_promised(tx->fs, want);
	err = take(tx->fs, tx->channel, hint, want, bn, len);
	toy_unclaim_promised(tx->fs, want, *len);
	*tx->promised -= *len;
	return err;
}

int toy_reserve(struct toy_fs *fs, unsigned int channel, uint64_t hint,
		uint32_t want, uint64_t *bn, uint32_t *len)
{
	return take_claimed(fs, TOY_KEEP_ALL, channel, hint, want, bn, len);
}

void toy_unreserve(struct toy_fs *fs, uint64_t bn, uint32_t len)
{
	if (!toy_is_data(fs, bn, len))
		return;
	while (len) {
		uint64_t rel = bn - fs->data_bn;
		struct toy_ag *ag = &fs->ags[rel / TOY_AG_BLOCKS];
		uint32_t pos = rel % TOY_AG_BLOCKS;
		uint32_t n = TOY_AG_BLOCKS - pos;

		n = n < len ? n : len;
		pthread_mutex_lock(&ag->lock);
		if (ag->bits) {
			toy_bits_set(ag->bits, pos, n, false);
			ag_count_add(fs, ag, n);
			ag_take_bad(fs, (uint32_t)(rel / TOY_AG_BLOCKS), pos,
				    n);
		}
		pthread_mutex_unlock(&ag->lock);
		bn += n;
		len -= n;
	}
}

void toy_bad_note(struct toy_fs *fs, uint64_t bn)
{
	uint32_t a = (uint32_t)((bn - fs->data_bn) / TOY_AG_BLOCKS);

	if (!toy_is_data(fs, bn, 1))
		return;
	__atomic_fetch_or(&fs->bad[bn / 8], 1U << (bn % 8), __ATOMIC_RELAXED);
	fs->any_bad = true;
	pthread_mutex_lock(&fs->ags[a].lock);
	if (fs->ags[a].bits)
		ag_take_bad(fs, a, (uint32_t)(bn - ag_start(fs, a)), 1);
	pthread_mutex_unlock(&fs->ags[a].lock);
}

void toy_bad_met(struct toy_fs *fs)
{
	uint64_t off = (uintptr_t)zus_try_at() - (uintptr_t)fs->base;

	/* Of none it is out of the mapping. */
	if (off < fs->bytes)
		toy_bad_note(fs, off / TOY_BLOCK);
}

int toy_count_free(struct toy_fs *fs, uint64_t *blocks)
{
	int err = 0;

	if (!atomic_load(&fs->free_known)) {
		pthread_mutex_lock(&fs->sum_lock);
		for (uint32_t a = 0; !err && a < fs->ag_count; a++)
			err = toy_ag_count(fs, a);
		if (!err)
			atomic_store(&fs->free_known, true);
		pthread_mutex_unlock(&fs->sum_lock);
	}
	*blocks = (uint64_t)atomic_load(&fs->free_blocks);
	return err;
}

/* ---- runs of a transaction ---- */

static int run_push(struct toy_tx *tx, uint64_t bn, uint32_t len,
		    enum toy_run_kind kind)
{
	if (tx->nr_runs == tx->cap_runs) {
		unsigned int cap = tx->cap_runs ? tx->cap_runs * 2 : 64;
		void *p = realloc(tx->runs, cap * sizeof(*tx->runs));

		if (!p)
			return -ENOMEM;
		tx->runs = p;
		tx->cap_runs = cap;
	}
	tx->runs[tx->nr_runs++] = (struct toy_run){ bn, len, kind };
	return 0;
}

/* Full sets count on: the number only has to be large then. */
static void line_note(struct toy_tx *tx, uint64_t id)
{
	uint64_t i = id * 0x9e3779b97f4a7c15ULL >> 54;

	if (tx->nr_lines >= TOY_J_LINES)
		return;
	while (tx->line_set[i] && tx->line_set[i] != id)
		i = (i + 1) % TOY_LINE_SET;
	if (!tx->line_set[i])
		tx->nr_lines++;
	tx->line_set[i] = id;
}

/* The lines of bitmap nodes, headers too, that a run will change. */
static void run_note(struct toy_tx *tx, uint64_t bn, uint32_t len)
{
	uint64_t rel = bn - tx->fs->data_bn;

	for (uint64_t l = rel / 512; l <= (rel + len - 1) / 512; l++) {
		line_note(tx, l + 1);
		line_note(tx, l / TOY_AG_LINES + 1 + (1ULL << 62));
	}
}

int toy_alloc(struct toy_tx *tx, uint64_t hint, uint32_t want, uint64_t *bn,
	      uint32_t *len)
{
	int err;

	if (want && tx->promised && *tx->promised)
		err = take_promised(tx, hint, want, bn, len);
	else
		err = take_claimed(tx->fs, tx->keep, tx->channel, hint, want,
				   bn, len);
	if (err)
		return err;
	err = run_push(tx, *bn, *len, TOY_R_ALLOC);
	if (err) {
		toy_unreserve(tx->fs, *bn, *len);
		return err;
	}
	tx->nr_own++;
	run_note(tx, *bn, *len);
	return 0;
}

int toy_alloc_reserved(struct toy_tx *tx, uint64_t bn, uint32_t len)
{
	int err;

	if (!len || !toy_is_data(tx->fs, bn, len))
		return -EINVAL;
	err = run_push(tx, bn, len, TOY_R_RESERVED);
	if (err)
		return err;
	tx->nr_own++;
	run_note(tx, bn, len);
	return 0;
}

/* Splits run @i so that [bn, end) is a run of its own. */
static int run_carve(struct toy_tx *tx, unsigned int i, uint64_t bn,
		     uint64_t end)
{
	struct toy_run r = tx->runs[i];
	uint64_t r_end = r.bn + r.len;
	int err;

	if (bn > r.bn) {
		err = run_push(tx, r.bn, (uint32_t)(bn - r.bn), r.kind);
		if (err)
			return err;
		tx->nr_own++;
		tx->runs[i].bn = bn;
		tx->runs[i].len = (uint32_t)(r_end - bn);
	}
	if (end < r_end) {
		err = run_push(tx, end, (uint32_t)(r_end - end), r.kind);
		if (err)
			return err;
		tx->nr_own++;
		tx->runs[i].len -= (uint32_t)(r_end - end);
	}
	return 0;
}

/*
 * The first part of [*bn, end) that is this transaction's own is dropped:
 * returns 1 with *bn where it began and *next where it ended; 0: no part is.
 */
static int drop_own(struct toy_tx *tx, uint64_t *bn, uint64_t end,
		    uint64_t *next)
{
	struct toy_run *best = NULL;
	uint64_t from, to;
	unsigned int at;
	int err;

	for (unsigned int i = 0; tx->nr_own && i < tx->nr_runs; i++) {
		struct toy_run *r = &tx->runs[i];

		if (r->kind > TOY_R_RESERVED || r->bn >= end ||
		    r->bn + r->len <= *bn)
			continue;
		if (!best || r->bn < best->bn)
			best = r;
	}
	if (!best)
		return 0;
	from = best->bn > *bn ? best->bn : *bn;
	to = best->bn + best->len < end ? best->bn + best->len : end;
	*bn = from;
	*next = to;
	at = (unsigned int)(best - tx->runs);
	err = run_carve(tx, at, *bn, to);
	if (err)
		return err;
	tx->runs[at].kind = tx->runs[at].kind == TOY_R_ALLOC ?
				    TOY_R_DROP_ALLOC :
				    TOY_R_DROP_RESERVED;
	tx->nr_own--;
	return 1;
}

static int free_bad(uint64_t bn, const char *cause)
{
	toy_log(TOY_LOG_ERR, "toyfs: block %llu: %s", (unsigned long long)bn,
		cause);
	return -EUCLEAN;
}

/*
 * More blocks than the bitmap lines have bits: one was freed twice. The commit
 * would find that, but what points at itself would never get there.
 */
static bool frees_twice(const struct toy_tx *tx)
{
	return tx->nr_lines < TOY_J_LINES && tx->nr_freed > tx->nr_lines * 512;
}

static int free_old(struct toy_tx *tx, uint64_t bn, uint64_t end)
{
	struct toy_run *r;

	if (bn == end)
		return 0;
	run_note(tx, bn, (uint32_t)(end - bn));
	tx->nr_freed += end - bn;
	if (frees_twice(tx))
		return free_bad(bn, "freed twice");
	r = tx->nr_runs ? &tx->runs[tx->nr_runs - 1] : NULL;
	if (r && r->kind == TOY_R_FREE && end == r->bn &&
	    r->len + (end - bn) <= UINT32_MAX) {
		r->bn = bn;
		r->len += (uint32_t)(end - bn);
		return 0;
	}
	return run_push(tx, bn, (uint32_t)(end - bn), TOY_R_FREE);
}

int toy_free(struct toy_tx *tx, uint64_t bn, uint32_t len)
{
	uint64_t end = bn + len, own = bn, next = bn;
	int found;

	if (!len || !toy_is_data(tx->fs, bn, len) ||
	    toy_has_table(tx->fs, bn, len))
		return free_bad(bn, "freed, but is no data block");
	toy_tx_drop(tx, bn, len);
	while ((found = drop_own(tx, &own, end, &next)) > 0) {
		int err = free_old(tx, bn, own);

		if (err)
			return err;
		bn = next;
		own = next;
	}
	return found ? found : free_old(tx, bn, end);
}

/* ---- commit ---- */

static int cmp_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int ags_push(struct toy_tx *tx, uint32_t a)
{
	if (tx->nr_ags && tx->ags[tx->nr_ags - 1] == a)
		return 0;
	if (tx->nr_ags == tx->cap_ags) {
		unsigned int cap = tx->cap_ags ? tx->cap_ags * 2 : 64;
		void *p = realloc(tx->ags, cap * sizeof(*tx->ags));

		if (!p)
			return -ENOMEM;
		tx->ags = p;
		tx->cap_ags = cap;
	}
	tx->ags[tx->nr_ags++] = a;
	return 0;
}

static int ags_collect(struct toy_tx *tx)
{
	uint64_t data = tx->fs->data_bn;
	unsigned int nr = 0;

	for (unsigned int i = 0; i < tx->nr_runs; i++) {
		const struct toy_run *r = &tx->runs[i];
		uint64_t last = (r->bn + r->len - 1 - data) / TOY_AG_BLOCKS;

		if (r->kind > TOY_R_FREE)
			continue;
		for (uint64_t a = (r->bn - data) / TOY_AG_BLOCKS; a <= last;
		     a++) {
			int err = ags_push(tx, (uint32_t)a);

			if (err) {
				tx->nr_ags = 0;
				return err;
			}
		}
	}
	if (tx->nr_ags)
		qsort(tx->ags, tx->nr_ags, sizeof(*tx->ags), cmp_u32);
	for (unsigned int i = 0; i < tx->nr_ags; i++)
		if (!i || tx->ags[i] != tx->ags[nr - 1])
			tx->ags[nr++] = tx->ags[i];
	tx->nr_ags = nr;
	return 0;
}

static int ag_change(struct toy_tx *tx, uint32_t a, uint32_t pos, uint32_t len,
		     bool take)
{
	uint32_t bn = TOY_AG_NODE_BN + a;
	struct toy_ag *ag = &tx->fs->ags[a];
	struct toy_node *n;
	uint8_t *bits;
	int err;

	pthread_mutex_lock(&ag->lock);
	err = ag_load(tx->fs, a);
	pthread_mutex_unlock(&ag->lock);
	if (!err)
		err = toy_node_get(tx, bn, TOY_AG_MAGIC, (void **)&n);
	if (err)
		return err;
	bits = (uint8_t *)node_bits(n);
	n->free = htole32(le32toh(n->free) + (take ? -len : len));
	for (uint32_t i = pos; i < pos + len;) {
		bool whole = i % 8 == 0 && pos + len - i >= 8;
		uint8_t mask = whole ? 0xff : (uint8_t)(1U << i % 8);

		if ((bits[i / 8] & mask) != (take ? 0 : mask))
			return ag_bad(a, take ? "block is taken already" :
						"block is free already");
		bits[i / 8] ^= mask;
		i += whole ? 8 : 1;
	}
	return 0;
}

int toy_ags_apply(struct toy_tx *tx)
{
	int err = ags_collect(tx);

	if (err)
		return err;
	for (unsigned int i = 0; i < tx->nr_ags; i++)
		pthread_mutex_lock(&tx->fs->ags[tx->ags[i]].commit_lock);
	for (unsigned int i = 0; i < tx->nr_runs; i++) {
		struct toy_run r = tx->runs[i];
		uint64_t rel = r.bn - tx->fs->data_bn;

		while (r.kind <= TOY_R_FREE && r.len) {
			uint32_t pos = rel % TOY_AG_BLOCKS;
			uint32_t n = TOY_AG_BLOCKS - pos;

			n = n < r.len ? n : r.len;
			err = ag_change(tx, (uint32_t)(rel / TOY_AG_BLOCKS),
					pos, n, r.kind != TOY_R_FREE);
			if (err)
				return err;
			rel += n;
			r.len -= n;
		}
	}
	return 0;
}

void toy_ags_end(struct toy_tx *tx, bool committed)
{
	for (unsigned int i = 0; i < tx->nr_runs; i++) {
		const struct toy_run *r = &tx->runs[i];
		bool give;

		if (committed && r->kind == TOY_R_FREE)
			toy_verified_clear(tx->fs, r->bn, r->len);
		if (committed)
			give = r->kind >= TOY_R_FREE;
		else
			give = r->kind == TOY_R_ALLOC ||
			       r->kind == TOY_R_DROP_ALLOC;
		if (give)
			toy_unreserve(tx->fs, r->bn, r->len);
	}
	while (tx->nr_ags)
		pthread_mutex_unlock(
			&tx->fs->ags[tx->ags[--tx->nr_ags]].commit_lock);
}
