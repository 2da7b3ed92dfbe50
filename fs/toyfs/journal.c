/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Journals: a record for each transaction, in two slots of its channel by
 * turns; and their replay.
 *
 * Which records are replayed: all valid ones, in any order, but for those that
 * a valid record names as done (struct toy_jhdr). If two transactions N
 * and M > N change the same line, M held the line's lock when it read the done
 * numbers, so M's record, and any later one of M's channel, names N. A record
 * of M's channel that overwrote M's does so too. The same holds for whoever
 * uses a block again that N wrote and M freed.
 *
 * Media may spoil a record, M's or one behind N in N's channel, and with it the
 * name. So a line of N's slot says too that N is done, as soon as it is.
 */
#include <errno.h>
#include <string.h>

#include "tx.h"

uint64_t toy_journal_off(unsigned int channel, unsigned int slot)
{
	return TOY_JOURNAL_OFF + (2 * channel + slot) * (uint64_t)TOY_SLOT_SIZE;
}

static uint64_t done_off(unsigned int channel, unsigned int slot)
{
	return toy_journal_off(channel, slot) + TOY_J_DONE_OFF;
}

static uint64_t rec_len(unsigned int nr)
{
	return sizeof(struct toy_jhdr) + nr * sizeof(struct toy_jline);
}

static void record_lines(struct toy_tx *tx, struct toy_jline *jl)
{
	for (unsigned int i = 0; i < tx->nr_sh; i++) {
		const struct toy_shadow *sh = tx->sh[i];
		uint64_t m = sh->changed;

		if (sh->dropped || sh->is_new)
			continue;
		for (; m; m &= m - 1, jl++) {
			uint32_t off = (uint32_t)__builtin_ctzll(m) * TOY_LINE;

			jl->off = htole64(sh->bn * TOY_BLOCK + off);
			memcpy(jl->data, sh->page + off, TOY_LINE);
		}
	}
}

static int record_store(struct toy_fs *fs, uint64_t off, const void *rec,
			uint64_t len)
{
	/* What the record makes reachable must not be younger than it. */
	pm_fence_pending(fs);
	pm_write(fs, off, rec, len);
	pm_fence(fs);
	return 0;
}

/* A part that was stored must not become a record later. */
static int record_spoil(struct toy_fs *fs, uint64_t off)
{
	pm_zero(fs, off, TOY_LINE);
	pm_fence(fs);
	return 0;
}

static int try_store(struct toy_fs *fs, uint64_t off, const void *rec,
		     uint64_t len)
{
	return toy_try(fs, record_store(fs, off, rec, len));
}

static int try_spoil(struct toy_fs *fs, uint64_t off)
{
	return toy_try(fs, record_spoil(fs, off));
}

int toy_journal_write(struct toy_tx *tx, uint64_t seq)
{
	struct toy_fs *fs = tx->fs;
	struct toy_channel *ch = tx->ch;
	uint64_t off = toy_journal_off(tx->channel, ch->slot);
	struct toy_jhdr *h = (void *)ch->rec;
	int err;

	memset(h, 0, sizeof(*h));
	h->magic = htole64(TOY_J_MAGIC);
	h->seq = htole64(seq);
	h->channel = htole64(tx->channel);
	h->unique = htole64(tx->unique);
	h->epoch = htole64(fs->epoch);
	h->result = htole32((uint32_t)tx->result);
	h->op = htole16(tx->op);
	h->nr = htole16((uint16_t)tx->nr_rec);
	memcpy(h->uuid8, fs->uuid, sizeof(h->uuid8));
	for (unsigned int i = 0; i < TOY_CHANNELS; i++)
		h->done[i] = htole64(atomic_load(&fs->chan[i]->done));
	record_lines(tx, (struct toy_jline *)(h + 1));
	h->sum = htole64(toy_sum(h, rec_len(tx->nr_rec), off,
				 offsetof(struct toy_jhdr, sum)));
	err = try_store(fs, off, h, rec_len(tx->nr_rec));
	if (err) {
		try_spoil(fs, off);
		return err;
	}
	ch->slot ^= 1;
	return 0;
}

/* ---- what is done ---- */

static struct toy_jdone done_line(const struct toy_fs *fs, uint64_t off,
				  uint64_t seq)
{
	struct toy_jdone d = { .seq = htole64(seq) };

	memcpy(d.uuid8, fs->uuid, sizeof(d.uuid8));
	d.sum = htole64(
		toy_sum(&d, sizeof(d), off, offsetof(struct toy_jdone, sum)));
	return d;
}

static int done_store(struct toy_fs *fs, uint64_t off, uint64_t seq)
{
	struct toy_jdone d = done_line(fs, off, seq);

	pm_write_lazy(fs, off, &d, sizeof(d));
	return 0;
}

/* A line that takes no stores only leaves the records to tell. */
void toy_journal_done(struct toy_tx *tx, uint64_t seq)
{
	struct toy_channel *ch = tx->ch;

	atomic_store(&ch->done, seq);
	ch->unsettled = true;
	toy_try(tx->fs,
		done_store(tx->fs, done_off(tx->channel, ch->slot ^ 1), seq));
}

/* Again: fences of this thread don't count for what others stored. */
static int settle(struct toy_fs *fs)
{
	bool any = false;

	for (unsigned int c = 0; c < TOY_CHANNELS; c++) {
		struct toy_channel *ch = fs->chan[c];

		if (!ch || !ch->unsettled)
			continue;
		done_store(fs, done_off(c, ch->slot ^ 1), ch->done);
		ch->unsettled = false;
		any = true;
	}
	if (any)
		pm_fence(fs);
	return 0;
}

void toy_settle(struct toy_fs *fs)
{
	toy_try(fs, settle(fs));
}

/* 0: there is no such line. */
static uint64_t done_find(const struct toy_fs *fs, unsigned int channel,
			  unsigned int slot)
{
	uint64_t off = done_off(channel, slot);
	const struct toy_jdone *p = pm_at(fs, off);
	struct toy_jdone d = done_line(fs, off, le64toh(p->seq));

	if (memcmp(p, &d, sizeof(d)) || le64toh(d.seq) > INT64_MAX)
		return 0;
	return le64toh(d.seq);
}

/* ---- recovery: single-threaded ---- */

struct found {
	const struct toy_jhdr *h;
	uint64_t seq;
	unsigned int channel, slot;
};

static bool record_valid(const struct toy_fs *fs, const struct toy_jhdr *h,
			 uint64_t off)
{
	unsigned int nr = le16toh(h->nr);

	return le64toh(h->magic) == TOY_J_MAGIC && nr && nr <= TOY_J_LINES &&
	       !memcmp(h->uuid8, fs->uuid, sizeof(h->uuid8)) &&
	       le64toh(h->sum) == toy_sum(h, rec_len(nr), off,
					  offsetof(struct toy_jhdr, sum));
}

static bool line_allowed(const struct toy_fs *fs, uint64_t off)
{
	uint64_t bn = off / TOY_BLOCK;

	return off % TOY_LINE == 0 &&
	       ((bn >= TOY_STATE_BN && bn < TOY_ORPHAN_BN + TOY_CHANNELS) ||
		(bn >= TOY_AG_NODE_BN && bn < TOY_AG_NODE_BN + fs->ag_count) ||
		(toy_is_data(fs, bn, 1) && !toy_has_table(fs, bn, 1)));
}

/* The largest number that the record draws the next one behind. */
static uint64_t record_last(const struct found *f)
{
	uint64_t last = f->seq;

	for (unsigned int c = 0; c < TOY_CHANNELS; c++)
		if (le64toh(f->h->done[c]) > last)
			last = le64toh(f->h->done[c]);
	return last;
}

static bool record_contradicts(const struct toy_fs *fs, const struct found *f)
{
	const struct toy_jline *jl = (const void *)(f->h + 1);
	bool bad = le64toh(f->h->channel) != f->channel || !f->seq ||
		   record_last(f) > INT64_MAX;

	for (unsigned int i = 0; i < le16toh(f->h->nr); i++)
		bad |= !line_allowed(fs, le64toh(jl[i].off));
	return bad;
}

/* The record in a slot; false: there is none. */
static bool record_find(const struct toy_fs *fs, unsigned int channel,
			unsigned int slot, struct found *f)
{
	uint64_t off = toy_journal_off(channel, slot);
	const struct toy_jhdr *h = pm_at(fs, off);

	if (!record_valid(fs, h, off))
		return false;
	*f = (struct found){ h, le64toh(h->seq), channel, slot };
	return true;
}

bool toy_journal_contradicts(const struct toy_fs *fs, unsigned int channel,
			     unsigned int slot)
{
	struct found f;

	return record_find(fs, channel, slot, &f) && record_contradicts(fs, &f);
}

bool toy_journal_worn(const struct toy_fs *fs, unsigned int channel,
		      unsigned int slot)
{
	struct found f;

	return done_find(fs, channel, slot) > INT64_MAX / 2 ||
	       (record_find(fs, channel, slot, &f) &&
		record_last(&f) > INT64_MAX / 2);
}

static int find_records(const struct toy_fs *fs, struct found *f,
			unsigned int *nr)
{
	*nr = 0;
	for (unsigned int i = 0; i < 2 * TOY_CHANNELS; i++) {
		if (!record_find(fs, i / 2, i % 2, &f[*nr]))
			continue;
		if (record_contradicts(fs, &f[*nr])) {
			toy_log(TOY_LOG_ERR,
				"toyfs: block %llu: journal record contradicts",
				(unsigned long long)(toy_journal_off(i / 2,
								     i % 2) /
						     TOY_BLOCK));
			return -EUCLEAN;
		}
		++*nr;
	}
	return 0;
}

/* Returns whether it had to write. */
static bool replay(struct toy_fs *fs, const struct toy_jhdr *h, bool write)
{
	const struct toy_jline *jl = (const void *)(h + 1);
	bool differs = false;

	zus_dbg("channel %llu: transaction %llu may not be in place",
		(unsigned long long)le64toh(h->channel),
		(unsigned long long)le64toh(h->seq));
	for (unsigned int i = 0; i < le16toh(h->nr); i++) {
		uint64_t off = le64toh(jl[i].off);

		if (!memcmp(pm_at(fs, off), jl[i].data, TOY_LINE))
			continue;
		differs = true;
		if (write)
			pm_write(fs, off, jl[i].data, TOY_LINE);
	}
	return differs;
}

/* What media say is in place, of each channel. */
static void find_done(const struct toy_fs *fs, const struct found *f,
		      unsigned int nr, uint64_t done[TOY_CHANNELS])
{
	for (unsigned int c = 0; c < TOY_CHANNELS; c++) {
		uint64_t a = done_find(fs, c, 0), b = done_find(fs, c, 1);

		done[c] = a > b ? a : b;
		for (unsigned int i = 0; i < nr; i++)
			if (le64toh(f[i].h->done[c]) > done[c])
				done[c] = le64toh(f[i].h->done[c]);
	}
}

static int replay_all(struct toy_fs *fs, const struct found *f, unsigned int nr,
		      const uint64_t done[TOY_CHANNELS])
{
	unsigned int written = 0;

	for (unsigned int i = 0; i < nr; i++)
		if (f[i].seq > done[f[i].channel])
			written += replay(fs, f[i].h, !fs->ro_feat);
	if (!written)
		return 0;
	if (fs->ro_feat) {
		toy_log(TOY_LOG_ERR,
			"toyfs: unknown feature: the journal can't be replayed");
		return -EROFS;
	}
	pm_fence(fs);
	toy_log(TOY_LOG_INFO, "toyfs: %u transactions replayed", written);
	return 0;
}

/* All of @f is in place. fsck may have dropped what fs found before. */
static void channels_set(struct toy_fs *fs, const struct found *f,
			 unsigned int nr, const uint64_t done[TOY_CHANNELS])
{
	uint64_t seq = 0;

	for (unsigned int c = 0; c < TOY_CHANNELS; c++) {
		uint64_t last = 0;

		for (unsigned int i = 0; i < nr; i++) {
			if (f[i].channel != c || f[i].seq < last)
				continue;
			last = f[i].seq;
			fs->chan[c]->slot = f[i].slot ^ 1;
		}
		if (done[c] > last)
			last = done[c];
		atomic_store(&fs->chan[c]->done, last);
		if (last > seq)
			seq = last;
	}
	atomic_store(&fs->seq, seq);
}

/* The next record of another channel may be the only other one that tells. */
static void done_mend(struct toy_fs *fs)
{
	for (unsigned int c = 0; c < TOY_CHANNELS; c++) {
		struct toy_channel *ch = fs->chan[c];
		uint64_t done = ch->done;

		ch->unsettled = done != done_find(fs, c, 0) &&
				done != done_find(fs, c, 1);
	}
	settle(fs);
}

int toy_journal_recover(struct toy_fs *fs)
{
	struct found f[2 * TOY_CHANNELS];
	uint64_t done[TOY_CHANNELS];
	unsigned int nr;
	int err = find_records(fs, f, &nr);

	if (err)
		return err;
	find_done(fs, f, nr, done);
	err = replay_all(fs, f, nr, done);
	if (err)
		return err;
	channels_set(fs, f, nr, done);
	if (!fs->ro_feat)
		done_mend(fs);
	return 0;
}
