// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * The units of the base: where each is, and its sum.
 */
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define MAX_UNITS 1024U

static struct unit all[MAX_UNITS];
static unsigned int nr_all;
static unsigned int first[UNIT_KINDS + 1]; /* of each kind */

static void add(enum unit_kind kind, uint64_t off, uint32_t len, uint64_t slot)
{
	if (nr_all == MAX_UNITS)
		found("the base has too many units");
	all[nr_all++] =
		(struct unit){ kind, (uint32_t)off, len, (uint32_t)slot };
}

/* ---- finding them ---- */

static const struct toy_slot *slot_at(uint64_t lblk, unsigned int i,
				      uint64_t *off)
{
	const struct toy_state *st =
		(const void *)(media + TOY_STATE_BN * TOY_BLOCK);

	for (unsigned int r = 0; r < le16toh(st->itable.nr); r++) {
		uint64_t key = le64toh(st->itable.rec[r].key);
		uint64_t val = le64toh(st->itable.rec[r].val);

		if (lblk - key >= TOY_EXT_LEN(val))
			continue;
		*off = (TOY_EXT_PBLK(val) + lblk - key) * TOY_BLOCK +
		       i * sizeof(struct toy_slot);
		return (const void *)(media + *off);
	}
	return NULL;
}

/* Slots; or of those that have it a text, and the first block of data. */
static void slots(enum unit_kind kind)
{
	const struct toy_slot *s;
	uint64_t off;

	for (unsigned int ino = 0;
	     (s = slot_at(ino / TOY_SLOTS_PER_BLOCK, ino % TOY_SLOTS_PER_BLOCK,
			  &off));
	     ino++) {
		uint64_t bn = TOY_EXT_PBLK(le64toh(s->map.rec[0].val));
		bool mapped = !s->map.depth && s->map.nr;

		if (kind == UNIT_SLOT)
			add(kind, off, sizeof(*s), 0);
		if (kind == UNIT_TEXT && mapped && S_ISLNK(s->zi.i_mode))
			add(kind, bn * TOY_BLOCK, TOY_BLOCK, off);
		if (kind == UNIT_DATA && mapped && S_ISREG(s->zi.i_mode))
			add(kind, bn * TOY_BLOCK, TOY_BLOCK, 0);
	}
}

static void nodes(enum unit_kind kind, uint32_t magic)
{
	static const struct toy_fs fs;
	struct toy_fs at = fs;

	at.base = media;
	for (uint64_t bn = TOY_STATE_BN + 1; bn < FUZZ_BLOCKS; bn++) {
		const struct toy_node *n =
			(const void *)(media + bn * TOY_BLOCK);

		if (le32toh(n->magic) == magic && toy_node_sum_ok(&at, bn))
			add(kind, bn * TOY_BLOCK, TOY_BLOCK, 0);
	}
}

static void records(void)
{
	for (unsigned int i = 0; i < 2 * TOY_CHANNELS; i++) {
		uint64_t off = toy_journal_off(i / 2, i % 2);
		const struct toy_jhdr *h = (const void *)(media + off);

		if (le64toh(h->magic) == TOY_J_MAGIC)
			add(UNIT_RECORD, off, TOY_SLOT_SIZE, 0);
	}
}

static void channels(void)
{
	for (unsigned int c = 0; c < TOY_CHANNELS; c++)
		add(UNIT_CHANNEL,
		    TOY_STATE_BN * TOY_BLOCK +
			    offsetof(struct toy_state, chan) + c * TOY_LINE,
		    TOY_LINE, 0);
}

static void find(enum unit_kind kind)
{
	static const uint32_t magic[UNIT_KINDS] = {
		[UNIT_ORPHANS] = TOY_ORPH_MAGIC, [UNIT_AG] = TOY_AG_MAGIC,
		[UNIT_TREE] = TOY_TREE_MAGIC,	 [UNIT_DIR] = TOY_DIR_MAGIC,
		[UNIT_XATTR] = TOY_XATTR_MAGIC,
	};

	switch (kind) {
	case UNIT_SUPER:
		add(kind, TOY_SB_OFF, 2048, 0);
		add(kind, ZUFS_MDT_COPY_OFFSET + TOY_SB_OFF, 2048, 0);
		break;
	case UNIT_TABLE:
		add(kind, 0, 2048, 0);
		add(kind, ZUFS_MDT_COPY_OFFSET, 2048, 0);
		break;
	case UNIT_STATE:
		add(kind, TOY_STATE_BN * TOY_BLOCK, TOY_STATE_SUMMED, 0);
		break;
	case UNIT_CHANNEL:
		channels();
		break;
	case UNIT_RECORD:
		records();
		break;
	case UNIT_SLOT:
	case UNIT_TEXT:
	case UNIT_DATA:
		slots(kind);
		break;
	default:
		nodes(kind, magic[kind]);
	}
}

void units_find(void)
{
	for (unsigned int kind = 0; kind < UNIT_KINDS; kind++) {
		first[kind] = nr_all;
		find(kind);
		if (nr_all == first[kind])
			found("the base has no unit of kind %u", kind);
	}
	first[UNIT_KINDS] = nr_all;
}

const struct unit *unit_of(enum unit_kind kind, unsigned int i)
{
	return &all[first[kind] + i % (first[kind + 1] - first[kind])];
}

const struct unit *unit_any(unsigned int i)
{
	return &all[i % nr_all];
}

/* ---- sums ---- */

static void mend(uint64_t off, uint64_t len, uint32_t at)
{
	__le64 sum = htole64(toy_sum(media_rw + off, len, off, at));

	memcpy(media_rw + off + at, &sum, sizeof(sum));
}

static void mend_record(uint64_t off)
{
	const struct toy_jhdr *h = (const void *)(media_rw + off);
	uint64_t nr = le16toh(h->nr);

	if (nr > TOY_J_LINES)
		nr = TOY_J_LINES;
	mend(off, sizeof(*h) + nr * sizeof(struct toy_jline),
	     offsetof(struct toy_jhdr, sum));
	mend(off + TOY_J_DONE_OFF, sizeof(struct toy_jdone),
	     offsetof(struct toy_jdone, sum));
}

/* The sum of a text is in its slot, which has one too. */
static void mend_text(const struct unit *u)
{
	struct toy_slot *s = (void *)(media_rw + u->slot);

	media_dirty(u->slot, sizeof(*s));
	s->zi.i_on_disk[1] = htole64(
		toy_sum(media_rw + u->off, TOY_BLOCK, u->off, TOY_BLOCK));
	mend(u->slot, sizeof(*s), offsetof(struct toy_slot, sum));
}

void unit_mend(const struct unit *u)
{
	struct zufs_dev_table *dt = (void *)(media_rw + u->off);

	switch (u->kind) {
	case UNIT_SUPER:
		mend(u->off, u->len, offsetof(struct toy_super, sum));
		break;
	case UNIT_TABLE:
		dt->sum = htole64(toy_dev_table_sum(dt));
		break;
	case UNIT_CHANNEL:
		mend(u->off, u->len, 16);
		break;
	case UNIT_SLOT:
		mend(u->off, u->len, offsetof(struct toy_slot, sum));
		break;
	case UNIT_TEXT:
		mend_text(u);
		break;
	case UNIT_RECORD:
		mend_record(u->off);
		break;
	case UNIT_DATA:
		/* A node that was copied here. */
	default:
		mend(u->off, u->len, offsetof(struct toy_node, sum));
	}
}
