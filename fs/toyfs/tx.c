/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Transactions: DRAM copies of the lines that change, keyed by block, and
 * the commit that brings them to media.
 *
 * A transaction is used by one thread, under its channel's lock from begin to
 * end. What it copies must be protected by the caller's locks until it ends:
 * a copied line that another thread changes would be written back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tx.h"

/* ---- verified nodes: bits are set and cleared by any thread ---- */

static bool verified_get(const struct toy_fs *fs, uint64_t bn)
{
	return __atomic_load_n(&fs->verified[bn / 8], __ATOMIC_RELAXED) >>
		       (bn % 8) &
	       1;
}

static void verified_set(struct toy_fs *fs, uint64_t bn)
{
	__atomic_fetch_or(&fs->verified[bn / 8], 1U << (bn % 8),
			  __ATOMIC_RELAXED);
}

void toy_verified_clear(struct toy_fs *fs, uint64_t bn, uint64_t len)
{
	for (uint64_t b = bn; b < bn + len; b++)
		if (verified_get(fs, b))
			__atomic_fetch_and(&fs->verified[b / 8],
					   (uint8_t) ~(1U << (b % 8)),
					   __ATOMIC_RELAXED);
}

/* ---- sums of a block ---- */

struct toy_unit toy_unit_of(enum toy_kind kind, unsigned int line)
{
	uint32_t off = line * TOY_LINE;

	if (kind == TOY_K_SLOTS)
		return (struct toy_unit){
			off / sizeof(struct toy_slot) * sizeof(struct toy_slot),
			sizeof(struct toy_slot),
			offsetof(struct toy_slot, sum),
		};
	if (kind == TOY_K_STATE && off < TOY_STATE_SUMMED)
		return (struct toy_unit){ 0, TOY_STATE_SUMMED,
					  offsetof(struct toy_node, sum) };
	if (kind == TOY_K_STATE)
		return (struct toy_unit){ off, TOY_LINE, 16 };
	return (struct toy_unit){ 0, TOY_BLOCK,
				  offsetof(struct toy_node, sum) };
}

static uint64_t word_at(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static void word_put(void *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

static bool unit_ok(const uint8_t *page, uint64_t bn, const struct toy_unit *u)
{
	return word_at(page + u->off + u->sum) ==
	       toy_sum(page + u->off, u->len, bn * TOY_BLOCK + u->off, u->sum);
}

bool toy_node_sum_ok(const struct toy_fs *fs, uint64_t bn)
{
	const uint8_t *page = pm_at(fs, bn * TOY_BLOCK);
	enum toy_kind kind = bn == TOY_STATE_BN ? TOY_K_STATE : TOY_K_NODE;
	uint32_t end = TOY_BLOCK;
	struct toy_unit u;

	if (bn == TOY_STATE_BN)
		end = offsetof(struct toy_state, pad2);
	for (uint32_t off = 0; off < end; off = u.off + u.len) {
		u = toy_unit_of(kind, off / TOY_LINE);
		if (!unit_ok(page, bn, &u))
			return false;
	}
	return true;
}

/* ---- shadows ---- */

static struct toy_shadow **hash_of(struct toy_tx *tx, uint64_t bn)
{
	return &tx->hash[bn * 0x9e3779b97f4a7c15ULL >> 56];
}

struct toy_shadow *toy_tx_shadow(struct toy_tx *tx, uint64_t bn)
{
	struct toy_shadow *sh = *hash_of(tx, bn);

	while (sh && (sh->bn != bn || sh->dropped))
		sh = sh->next;
	return sh;
}

static int pool_grow(struct toy_tx *tx)
{
	struct toy_shadow *sh;

	if (tx->pool_sh == tx->cap_sh) {
		unsigned int cap = tx->cap_sh ? tx->cap_sh * 2 : TOY_TX_KEEP;
		void *p = realloc(tx->sh, cap * sizeof(*tx->sh));

		if (!p)
			return -ENOMEM;
		tx->sh = p;
		tx->cap_sh = cap;
	}
	sh = aligned_alloc(64, sizeof(*sh));
	if (!sh)
		return -ENOMEM;
	tx->sh[tx->pool_sh++] = sh;
	return 0;
}

static struct toy_shadow *shadow_add(struct toy_tx *tx, uint64_t bn)
{
	struct toy_shadow **head = hash_of(tx, bn), *sh;

	if (tx->nr_sh == tx->pool_sh && pool_grow(tx))
		return NULL;
	sh = tx->sh[tx->nr_sh++];
	sh->bn = bn;
	sh->present = 0;
	sh->changed = 0;
	sh->kind = TOY_K_RAW;
	sh->is_new = false;
	sh->dropped = false;
	sh->next = *head;
	*head = sh;
	return sh;
}

static uint64_t lines_of(uint32_t off, uint32_t len)
{
	unsigned int first = off / TOY_LINE;
	unsigned int n = (off + len - 1) / TOY_LINE - first + 1;

	return (n == 64 ? ~0ULL : (1ULL << n) - 1) << first;
}

/* Copies lines that aren't copied yet. */
static void shadow_fill(struct toy_fs *fs, struct toy_shadow *sh, uint64_t want)
{
	const uint8_t *media = pm_at(fs, sh->bn * TOY_BLOCK);

	want &= ~sh->present;
	sh->present |= want;
	if (want == ~0ULL) {
		memcpy(sh->page, media, TOY_BLOCK);
		return;
	}
	for (; want; want &= want - 1) {
		uint32_t off = (uint32_t)__builtin_ctzll(want) * TOY_LINE;

		memcpy(sh->page + off, media + off, TOY_LINE);
	}
}

static bool bad_range(struct toy_fs *fs, uint64_t bn, uint32_t off,
		      uint32_t len)
{
	return bn >= fs->blocks || !len || off >= TOY_BLOCK ||
	       len > TOY_BLOCK - off;
}

void *toy_tx_get_kind(struct toy_tx *tx, uint64_t bn, uint32_t off,
		      uint32_t len, enum toy_kind kind)
{
	struct toy_shadow *sh;

	if (bad_range(tx->fs, bn, off, len))
		return NULL;
	sh = toy_tx_shadow(tx, bn);
	if (!sh)
		sh = shadow_add(tx, bn);
	if (!sh)
		return NULL;
	if (kind != TOY_K_RAW)
		sh->kind = kind;
	shadow_fill(tx->fs, sh, lines_of(off, len));
	return sh->page + off;
}

/* A verified block is a node, whatever part of it is asked for. */
void *toy_tx_get(struct toy_tx *tx, uint64_t bn, uint32_t off, uint32_t len)
{
	enum toy_kind kind = TOY_K_RAW;

	if (bn < tx->fs->blocks && verified_get(tx->fs, bn))
		kind = bn == TOY_STATE_BN ? TOY_K_STATE : TOY_K_NODE;
	return toy_tx_get_kind(tx, bn, off, len, kind);
}

const void *toy_tx_peek(struct toy_tx *tx, uint64_t bn, uint32_t off,
			uint32_t len)
{
	struct toy_shadow *sh;

	if (bad_range(tx->fs, bn, off, len))
		return NULL;
	sh = toy_tx_shadow(tx, bn);
	if (!sh || !(sh->present & lines_of(off, len)))
		return (const uint8_t *)pm_at(tx->fs, bn * TOY_BLOCK) + off;
	shadow_fill(tx->fs, sh, lines_of(off, len));
	return sh->page + off;
}

void *toy_tx_new_kind(struct toy_tx *tx, uint64_t bn, enum toy_kind kind)
{
	struct toy_shadow *sh;

	if (bn >= tx->fs->blocks)
		return NULL;
	sh = shadow_add(tx, bn);
	if (!sh)
		return NULL;
	sh->is_new = true;
	sh->kind = kind;
	sh->present = ~0ULL;
	memset(sh->page, 0, TOY_BLOCK);
	return sh->page;
}

void *toy_tx_new(struct toy_tx *tx, uint64_t bn)
{
	return toy_tx_new_kind(tx, bn, TOY_K_RAW);
}

void toy_tx_drop(struct toy_tx *tx, uint64_t bn, uint32_t len)
{
	for (unsigned int i = 0; i < tx->nr_sh; i++)
		if (tx->sh[i]->bn >= bn && tx->sh[i]->bn - bn < len)
			tx->sh[i]->dropped = true;
}

/* ---- nodes ---- */

static bool is_node_bn(const struct toy_fs *fs, uint64_t bn)
{
	if (bn >= fs->data_bn)
		return bn < fs->blocks;
	return (bn >= TOY_STATE_BN && bn < TOY_ORPHAN_BN + TOY_CHANNELS) ||
	       (bn >= TOY_AG_NODE_BN && bn < TOY_AG_NODE_BN + fs->ag_count);
}

static int node_bad(uint64_t bn, const char *cause)
{
	toy_log(TOY_LOG_ERR, "toyfs: block %llu: %s", (unsigned long long)bn,
		cause);
	return -EUCLEAN;
}

int toy_node_read(struct toy_fs *fs, struct toy_tx *tx, uint64_t bn,
		  uint32_t magic, const void **p)
{
	const struct toy_shadow *sh = NULL;
	const struct toy_node *n;

	if (!is_node_bn(fs, bn))
		return node_bad(bn, "no place of a node");
	/* The state node's lines have different locks: no copy of it all. */
	if (tx && bn != TOY_STATE_BN)
		sh = toy_tx_shadow(tx, bn);
	if (sh && !sh->is_new && sh->kind != TOY_K_NODE)
		return node_bad(bn, "used as a node and as something else");
	if (!sh && !verified_get(fs, bn)) {
		if (!toy_node_sum_ok(fs, bn))
			return node_bad(bn, "wrong checksum");
		verified_set(fs, bn);
	}
	n = sh ? toy_tx_peek(tx, bn, 0, TOY_BLOCK) : pm_at(fs, bn * TOY_BLOCK);
	if (le32toh(n->magic) != magic)
		return node_bad(bn, "wrong magic of a node");
	*p = n;
	return 0;
}

int toy_node_get(struct toy_tx *tx, uint64_t bn, uint32_t magic, void **p)
{
	const void *n;
	int err = toy_node_read(tx->fs, tx, bn, magic, &n);

	if (err)
		return err;
	*p = toy_tx_get_kind(tx, bn, 0, TOY_BLOCK, TOY_K_NODE);
	return *p ? 0 : -ENOMEM;
}

int toy_node_new(struct toy_tx *tx, uint32_t magic, uint64_t owner,
		 uint64_t hint, uint64_t *bn, void **p)
{
	struct toy_node *n;
	uint32_t len;
	int err = toy_alloc(tx, hint, 1, bn, &len);

	if (err)
		return err;
	n = toy_tx_new_kind(tx, *bn, TOY_K_NODE);
	if (!n)
		return -ENOMEM;
	n->magic = htole32(magic);
	n->owner = htole64(owner);
	*p = n;
	return 0;
}

/* ---- what changed ---- */

static uint64_t lines_changed(const struct toy_fs *fs,
			      const struct toy_shadow *sh)
{
	const uint8_t *media = pm_at(fs, sh->bn * TOY_BLOCK);
	uint64_t changed = 0;

	for (uint64_t m = sh->present; m; m &= m - 1) {
		unsigned int l = (unsigned int)__builtin_ctzll(m);
		uint32_t off = l * TOY_LINE;

		if (memcmp(sh->page + off, media + off, TOY_LINE))
			changed |= 1ULL << l;
	}
	return changed;
}

/* The lines that hold the sums of the units which @changed touches. */
static uint64_t sum_lines(enum toy_kind kind, uint64_t changed)
{
	uint64_t lines = 0;

	if (kind == TOY_K_RAW)
		return 0;
	for (uint64_t m = changed; m; m &= m - 1) {
		struct toy_unit u =
			toy_unit_of(kind, (unsigned int)__builtin_ctzll(m));

		lines |= 1ULL << (u.off + u.sum) / TOY_LINE;
	}
	return lines;
}

/* Keeps the sum of line @l's unit up by the words of that line. */
static void line_settle(const struct toy_fs *fs, struct toy_shadow *sh,
			unsigned int l)
{
	const uint8_t *media = pm_at(fs, sh->bn * TOY_BLOCK);
	struct toy_unit u = toy_unit_of(sh->kind, l);
	uint64_t addr = sh->bn * TOY_BLOCK + u.off;
	uint8_t *sum = sh->page + u.off + u.sum;
	uint64_t delta = 0;

	for (uint32_t off = l * TOY_LINE; off < (l + 1) * TOY_LINE; off += 8) {
		uint64_t old = word_at(media + off);
		uint64_t new_ = word_at(sh->page + off);

		if (old != new_ && off != u.off + u.sum)
			delta += toy_sum_delta(addr, (off - u.off) / 8, old,
					       new_);
	}
	word_put(sum, word_at(sum) + delta);
}

static void shadow_settle(struct toy_fs *fs, struct toy_shadow *sh)
{
	const uint8_t *media = pm_at(fs, sh->bn * TOY_BLOCK);
	uint64_t changed = lines_changed(fs, sh), sums;

	sums = sum_lines(sh->kind, changed);
	shadow_fill(fs, sh, sums);
	for (uint64_t m = sums; m; m &= m - 1) {
		struct toy_unit u =
			toy_unit_of(sh->kind, (unsigned int)__builtin_ctzll(m));

		memcpy(sh->page + u.off + u.sum, media + u.off + u.sum, 8);
	}
	if (sh->kind != TOY_K_RAW)
		for (uint64_t m = changed; m; m &= m - 1)
			line_settle(fs, sh, (unsigned int)__builtin_ctzll(m));
	sh->changed = changed | sums;
}

/* A new block reaches media whole, with whole sums. */
static void shadow_store_new(struct toy_fs *fs, struct toy_shadow *sh)
{
	uint64_t addr = sh->bn * TOY_BLOCK;
	struct toy_unit u;

	for (uint32_t off = 0; sh->kind != TOY_K_RAW && off < TOY_BLOCK;
	     off = u.off + u.len) {
		u = toy_unit_of(sh->kind, off / TOY_LINE);
		word_put(sh->page + u.off + u.sum,
			 toy_sum(sh->page + u.off, u.len, addr + u.off, u.sum));
	}
	pm_write(fs, addr, sh->page, TOY_BLOCK);
}

unsigned int toy_tx_room(struct toy_tx *tx)
{
	unsigned int used = tx->nr_lines;

	for (unsigned int i = 0; i < tx->nr_sh; i++) {
		const struct toy_shadow *sh = tx->sh[i];
		uint64_t changed;

		if (sh->is_new || sh->dropped)
			continue;
		changed = lines_changed(tx->fs, sh);
		used += (unsigned int)__builtin_popcountll(
			changed | sum_lines(sh->kind, changed));
	}
	return used < TOY_J_LINES ? TOY_J_LINES - used : 0;
}

bool toy_tx_more(struct toy_tx *tx, unsigned int lines)
{
	if (tx->nr_steps == TOY_TX_STEPS || toy_tx_room(tx) < lines)
		return false;
	tx->nr_steps++;
	return true;
}

/* ---- begin and end ---- */

int toy_tx_begin(struct toy_fs *fs, unsigned int channel, struct toy_tx **txp)
{
	struct toy_channel *ch = fs->chan[channel % TOY_CHANNELS];

	if (fs->ro)
		return -EROFS;
	if (fs->failed)
		return -EIO;
	pthread_mutex_lock(&ch->lock);
	*txp = &ch->tx;
	return 0;
}

void toy_tx_ident(struct toy_tx *tx, uint64_t unique, uint16_t op,
		  int32_t result)
{
	tx->unique = unique;
	tx->op = op;
	tx->result = result;
}

void toy_tx_frees(struct toy_tx *tx)
{
	tx->keep = TOY_KEEP_ORPHANS;
}

void toy_tx_promised(struct toy_tx *tx, uint64_t *left)
{
	tx->promised = left;
}

static void tx_reset(struct toy_tx *tx)
{
	tx->nr_sh = 0;
	while (tx->pool_sh > TOY_TX_KEEP)
		free(tx->sh[--tx->pool_sh]);
	memset(tx->hash, 0, sizeof(tx->hash));
	if (tx->nr_lines)
		memset(tx->line_set, 0, sizeof(tx->line_set));
	tx->nr_lines = 0;
	tx->nr_freed = 0;
	tx->nr_steps = 0;
	tx->nr_runs = 0;
	tx->nr_own = 0;
	tx->grow_len = 0;
	tx->keep = TOY_KEEP_ALL;
	tx->promised = NULL;
	tx->unique = 0;
	tx->op = 0;
	tx->result = 0;
}

/* Drops all locks of the transaction, the channel's last. */
static void tx_unlock(struct toy_tx *tx)
{
	struct toy_fs *fs = tx->fs;
	uint32_t orphans = tx->orphans_held;
	bool itable = tx->itable_held;
	int stolen = tx->stolen;

	tx->orphans_held = 0;
	tx->itable_held = false;
	tx->stolen = -1;
	tx_reset(tx);
	for (; orphans; orphans &= orphans - 1)
		pthread_mutex_unlock(
			&fs->chan[__builtin_ctz(orphans)]->orphan_lock);
	if (itable)
		pthread_mutex_unlock(&fs->itable_lock);
	if (stolen >= 0)
		pthread_mutex_unlock(&fs->chan[stolen]->lock);
	pthread_mutex_unlock(&tx->ch->lock);
}

void toy_tx_abort(struct toy_tx *tx)
{
	toy_ags_end(tx, false);
	tx_unlock(tx);
}

static int shadow_in_place(struct toy_fs *fs, const struct toy_shadow *sh)
{
	uint64_t m = sh->dropped ? 0 : sh->changed;

	for (; m; m &= m - 1) {
		uint32_t off = (uint32_t)__builtin_ctzll(m) * TOY_LINE;

		pm_write(fs, sh->bn * TOY_BLOCK + off, sh->page + off,
			 TOY_LINE);
	}
	return 0;
}

static int all_in_place(struct toy_tx *tx)
{
	for (unsigned int i = 0; i < tx->nr_sh; i++)
		shadow_in_place(tx->fs, tx->sh[i]);
	return 0;
}

static int try_shadow(struct toy_fs *fs, const struct toy_shadow *sh)
{
	return toy_try(fs, shadow_in_place(fs, sh));
}

static int try_all(struct toy_tx *tx)
{
	return toy_try(tx->fs, all_in_place(tx));
}

/*
 * The record is durable: the transaction happened, and only a replay can undo a
 * block that takes no stores. Its locks are held until nobody commits any more.
 */
static int tx_in_place(struct toy_tx *tx)
{
	struct toy_fs *fs = tx->fs;
	int err = try_all(tx);

	for (unsigned int i = 0; err && i < tx->nr_sh; i++)
		try_shadow(fs, tx->sh[i]);
	pm_fence(fs);
	if (!err)
		return 0;
	atomic_store(&fs->failed, true);
	toy_log(TOY_LOG_ERR,
		"toyfs: a block takes no stores: nothing changes any more until it is mounted again");
	return err;
}

static void tx_mark_verified(struct toy_tx *tx)
{
	for (unsigned int i = 0; i < tx->nr_sh; i++) {
		struct toy_shadow *sh = tx->sh[i];

		if (!sh->dropped && sh->is_new && sh->kind == TOY_K_NODE)
			verified_set(tx->fs, sh->bn);
	}
}

/* Sums, and how many lines the record gets. */
static unsigned int tx_settle(struct toy_tx *tx)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < tx->nr_sh; i++) {
		struct toy_shadow *sh = tx->sh[i];

		if (sh->dropped || sh->is_new)
			continue;
		shadow_settle(tx->fs, sh);
		nr += (unsigned int)__builtin_popcountll(sh->changed);
	}
	return nr;
}

/* All that comes before the record. */
static int tx_prepare(struct toy_tx *tx)
{
	int err = toy_ags_apply(tx);

	if (err)
		return err;
	tx->nr_rec = tx_settle(tx);
	if (tx->nr_rec > TOY_J_LINES) {
		toy_log(TOY_LOG_ERR, "toyfs: transaction of %u lines",
			tx->nr_rec);
		return -E2BIG;
	}
	for (unsigned int i = 0; tx->nr_rec && i < tx->nr_sh; i++)
		if (tx->sh[i]->is_new && !tx->sh[i]->dropped)
			shadow_store_new(tx->fs, tx->sh[i]);
	return 0;
}

static int tx_write(struct toy_tx *tx)
{
	struct toy_fs *fs = tx->fs;
	uint64_t seq;
	int err;

	/* With the locks: what failed before has dropped those that it shares. */
	if (fs->failed)
		return -EIO;
	seq = atomic_fetch_add(&fs->seq, 1) + 1;
	err = toy_journal_write(tx, seq);
	if (!err)
		err = tx_in_place(tx);
	if (err)
		return err;
	toy_journal_done(tx, seq);
	tx_mark_verified(tx);
	zus_dbg("channel %u: transaction %llu: operation %u, %u lines",
		tx->channel, (unsigned long long)seq, tx->op, tx->nr_rec);
	return 0;
}

int toy_tx_commit(struct toy_tx *tx)
{
	int err = toy_try(tx->fs, tx_prepare(tx));

	if (!err && tx->nr_rec)
		err = tx_write(tx);
	if (err) {
		toy_tx_abort(tx);
		return err;
	}
	toy_itab_publish(tx);
	toy_ags_end(tx, true);
	tx_unlock(tx);
	return 0;
}

int toy_tx_end(struct toy_tx *tx, int err)
{
	if (!err)
		return toy_tx_commit(tx);
	toy_tx_abort(tx);
	return err;
}

/* ---- channels ---- */

int toy_channels_init(struct toy_fs *fs)
{
	for (unsigned int i = 0; i < TOY_CHANNELS; i++) {
		struct toy_channel *ch = calloc(1, sizeof(*ch));

		if (!ch)
			return -ENOMEM;
		fs->chan[i] = ch;
		ch->rec = aligned_alloc(64, TOY_SLOT_SIZE);
		if (!ch->rec)
			return -ENOMEM;
		pthread_mutex_init(&ch->lock, NULL);
		pthread_mutex_init(&ch->orphan_lock, NULL);
		ch->tx.fs = fs;
		ch->tx.ch = ch;
		ch->tx.channel = i;
		ch->tx.stolen = -1;
	}
	return 0;
}

void toy_channels_free(struct toy_fs *fs)
{
	for (unsigned int i = 0; i < TOY_CHANNELS; i++) {
		struct toy_channel *ch = fs->chan[i];

		if (!ch)
			continue;
		while (ch->tx.pool_sh)
			free(ch->tx.sh[--ch->tx.pool_sh]);
		free(ch->tx.sh);
		free(ch->tx.runs);
		free(ch->tx.ags);
		free(ch->rec);
		free(ch);
		fs->chan[i] = NULL;
	}
}
