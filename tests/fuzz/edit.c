// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Edits of the base: a field of a unit gets a value that means something.
 */
#include <string.h>

#include "fuzz.h"

/* Of 8 bytes: see edit(). */
struct edit {
	uint8_t kind, unit, field, index, op, arg[2], more;
};

/* A field, or @nr of them in records of @stride bytes. */
struct field {
	uint16_t off, stride, nr;
	uint8_t width;
};

#define FIELD(type, member)                                               \
	{                                                                 \
		offsetof(type, member), 0, 1, sizeof(((type *)0)->member) \
	}
#define RECORDS(at, stride, nr, width) \
	{                              \
		at, stride, nr, width  \
	}
#define ROOT(at)                                                         \
	{ (at), 0, 1, 2 }, { (at) + 2, 0, 1, 2 }, { (at) + 8, 0, 1, 8 }, \
		RECORDS((at) + 16, 16, 6, 8), RECORDS((at) + 24, 16, 6, 8)
#define NODE                                                                \
	FIELD(struct toy_node, magic), FIELD(struct toy_node, level),       \
		FIELD(struct toy_node, nr), FIELD(struct toy_node, owner),  \
		FIELD(struct toy_node, link), FIELD(struct toy_node, free), \
		FIELD(struct toy_node, nr)
#define END        \
	{          \
		0, \
	}

static const struct field super[] = { FIELD(struct toy_super, magic),
				      FIELD(struct toy_super, feat_compat),
				      FIELD(struct toy_super, feat_ro_compat),
				      FIELD(struct toy_super, feat_incompat),
				      FIELD(struct toy_super, blocks),
				      FIELD(struct toy_super, ag_count),
				      FIELD(struct toy_super, data_bn),
				      RECORDS(16, 8, 2, 8),  /* uuid */
				      RECORDS(112, 8, 2, 8), /* hash_key */
				      RECORDS(136, 8, 4, 8), /* bad */
				      END };
static const struct field table[] = {
	FIELD(struct zufs_dev_table, magic),
	FIELD(struct zufs_dev_table, version_major),
	FIELD(struct zufs_dev_table, t1_blocks),
	FIELD(struct zufs_dev_table, flags),
	FIELD(struct zufs_dev_table, id_index),
	FIELD(struct zufs_dev_table, dev_count),
	RECORDS(64 + 16, 32, 62, 8), /* blocks of a device */
	END
};
static const struct field state[] = { NODE, ROOT(64), ROOT(64),
				      FIELD(struct toy_state, itable_blocks),
				      END };
static const struct field channel[] = { { 0, 0, 1, 8 }, { 8, 0, 1, 8 }, END };
static const struct field orphans[] = { NODE, RECORDS(64, 8, 504, 8),
					RECORDS(64, 8, 16, 8), END };
static const struct field ag[] = { NODE, RECORDS(64, 8, 504, 8),
				   RECORDS(64, 8, 48, 8), END };
static const struct field slot[] = {
	FIELD(struct zus_inode, i_flags),
	FIELD(struct zus_inode, i_mode),
	FIELD(struct zus_inode, i_nlink),
	FIELD(struct zus_inode, i_size),
	RECORDS(16, 8, 2, 8), /* i_on_disk */
	FIELD(struct zus_inode, i_blocks),
	FIELD(struct zus_inode, i_mtime),
	FIELD(struct zus_inode, i_ino),
	FIELD(struct zus_inode, i_xattr),
	FIELD(struct zus_inode, i_generation),
	RECORDS(96, 8, 4, 8), /* i_symlink, i_parent, i_rdev */
	ROOT(144),
	ROOT(144),
	END
};
static const struct field tree[] = { NODE,
				     RECORDS(64, 16, 252, 8),
				     RECORDS(72, 16, 252, 8),
				     RECORDS(64, 16, 8, 8),
				     RECORDS(72, 16, 8, 8),
				     END };
/* What follows a node's header here is in a record; see record_at(). */
static const struct field dirent[] = { NODE,
				       FIELD(struct toy_dirent, key),
				       FIELD(struct toy_dirent, ino),
				       FIELD(struct toy_dirent, rec_len),
				       FIELD(struct toy_dirent, nlen),
				       FIELD(struct toy_dirent, type),
				       RECORDS(20, 1, 8, 1), /* name */
				       END };
static const struct field xattr[] = { NODE,
				      FIELD(struct toy_xattr, vlen),
				      FIELD(struct toy_xattr, type),
				      FIELD(struct toy_xattr, nlen),
				      RECORDS(4, 1, 8, 1), /* name */
				      END };
static const struct field text[] = { RECORDS(0, 8, 512, 1), END };
static const struct field record[] = {
	FIELD(struct toy_jhdr, magic),	 FIELD(struct toy_jhdr, seq),
	FIELD(struct toy_jhdr, channel), FIELD(struct toy_jhdr, nr),
	FIELD(struct toy_jhdr, seq),	 RECORDS(64, 8, 16, 8), /* done */
	RECORDS(192, 72, 8, 8), /* offset of a line */
	RECORDS(200, 8, 72, 8), /* bytes of lines */
	{ TOY_J_DONE_OFF, 0, 1, 8 },	 END
};

static const struct field *const fields[UNIT_KINDS] = {
	[UNIT_SUPER] = super,	  [UNIT_TABLE] = table,
	[UNIT_STATE] = state,	  [UNIT_CHANNEL] = channel,
	[UNIT_ORPHANS] = orphans, [UNIT_AG] = ag,
	[UNIT_SLOT] = slot,	  [UNIT_TREE] = tree,
	[UNIT_DIR] = dirent,	  [UNIT_XATTR] = xattr,
	[UNIT_TEXT] = text,	  [UNIT_RECORD] = record,
	[UNIT_DATA] = text,
};

/* How often each is edited. */
static const uint8_t kinds[] = {
	UNIT_SUPER, UNIT_TABLE,	  UNIT_STATE,	UNIT_STATE,  UNIT_CHANNEL,
	UNIT_AG,    UNIT_AG,	  UNIT_SLOT,	UNIT_SLOT,   UNIT_SLOT,
	UNIT_SLOT,  UNIT_SLOT,	  UNIT_SLOT,	UNIT_SLOT,   UNIT_SLOT,
	UNIT_TREE,  UNIT_TREE,	  UNIT_TREE,	UNIT_TREE,   UNIT_DIR,
	UNIT_DIR,   UNIT_DIR,	  UNIT_DIR,	UNIT_DIR,    UNIT_XATTR,
	UNIT_XATTR, UNIT_XATTR,	  UNIT_TEXT,	UNIT_RECORD, UNIT_RECORD,
	UNIT_DATA,  UNIT_ORPHANS, UNIT_ORPHANS,
};

/* ---- where ---- */

static uint32_t rec_len(enum unit_kind kind, const char *p)
{
	const struct toy_dirent *de = (const void *)p;
	const struct toy_xattr *x = (const void *)p;

	if (kind == UNIT_DIR)
		return le16toh(de->rec_len) / 8 * 8;
	return TOY_XATTR_LEN(x->nlen, le16toh(x->vlen));
}

/* Where record @i of a leaf, or of a node of xattrs, is: as far as there are. */
static uint32_t record_at(const struct unit *u, unsigned int i)
{
	uint32_t at = sizeof(struct toy_node), len;

	for (; i; i--, at += len) {
		len = rec_len(u->kind, media_rw + u->off + at);
		if (!len || len > TOY_BLOCK - 32 - at)
			break;
	}
	return at;
}

/* The offset in the unit, and how many bytes. */
static uint32_t place(const struct unit *u, const struct edit *e,
		      uint8_t *width)
{
	const struct field *f = fields[u->kind];
	unsigned int nr = 0, i;
	uint32_t at;

	while (f[nr].nr)
		nr++;
	i = e->field % nr;
	f += i;
	*width = f->width;
	at = f->off + f->stride * ((e->index | e->more << 8) % f->nr);
	/* Seven fields are of the header. */
	if ((u->kind == UNIT_DIR || u->kind == UNIT_XATTR) && i >= 7)
		at += record_at(u, e->index % 64);
	return at;
}

/* ---- what ---- */

static uint64_t get(const char *p, uint8_t width)
{
	uint64_t v = 0;

	memcpy(&v, p, width);
	return le64toh(v);
}

static void put(char *p, uint8_t width, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, width);
}

static uint64_t number(unsigned int i)
{
	static const uint64_t n[] = {
		2,
		3,
		6,
		7,
		8,
		9,
		15,
		16,
		31,
		32,
		33,
		63,
		64,
		127,
		128,
		252,
		253,
		255,
		256,
		257,
		452,
		453,
		504,
		505,
		511,
		512,
		1024,
		3772,
		4032,
		4095,
		4096,
		0x41ed,
		0x81a4,
		0xa1ff,
		0x1180,
		0x6180,
		0x7fff,
		0x8000,
		0xffff,
		0x10000,
		0x7fffffff,
		0xffffffff,
		FUZZ_BLOCKS - 1,
		FUZZ_BLOCKS,
		TOY_MAX_LBLK - 1,
		TOY_MAX_LBLK,
		TOY_MAX_BYTES,
		TOY_MAX_BYTES + 1,
		1ULL << 62,
		1ULL << 63,
		(1ULL << 48) - 1,
		FUZZ_BYTES,
		FUZZ_BYTES - 64,
		1ULL << 32,
	};

	return n[i % (sizeof(n) / sizeof(n[0]))];
}

static uint64_t ino_of(unsigned int i)
{
	const struct toy_slot *s =
		(const void *)(media_rw + unit_of(UNIT_SLOT, i)->off);

	return le64toh(s->zi.i_ino);
}

/* What an orphan entry can say of an inode; the last one, nobody writes. */
static uint64_t orphan_kind(unsigned int i)
{
	static const uint64_t kind[] = { 0, TOY_ORPH_CUT, TOY_ORPH_FILL,
					 TOY_ORPH_CUT | TOY_ORPH_FILL };

	return kind[i % 4];
}

/* A new value for a field that has @old. */
static uint64_t value(const struct unit *u, const struct edit *e, uint64_t old)
{
	unsigned int arg = e->arg[0] | e->arg[1] << 8;
	uint64_t bn = unit_any(arg)->off / TOY_BLOCK;

	switch (e->op % 16) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return UINT64_MAX;
	case 3:
		return INT64_MAX;
	case 4:
		return old + 1;
	case 5:
		return old - 1;
	case 6:
		return old ^ 1ULL << arg % 64;
	case 7:
		return arg;
	case 8:
		return bn;
	case 9:
		return u->off / TOY_BLOCK;
	case 10:
		return ino_of(arg);
	case 11:
		return orphan_kind(e->more) | ino_of(arg);
	case 12:
		return TOY_EXT_VAL(bn, e->more);
	case 13:
		return number(arg);
	case 14:
		return old + arg - 0x8000;
	default:
		return TOY_EXT_VAL(TOY_EXT_PBLK(old), arg);
	}
}

/* ---- copies ---- */

static void copy(const struct unit *u, uint32_t at, const struct unit *from,
		 uint32_t from_at, uint32_t len)
{
	if (len > u->len - at)
		len = u->len - at;
	if (len > from->len - from_at)
		len = from->len - from_at;
	memmove(media_rw + u->off + at, media_rw + from->off + from_at, len);
}

/* The key that belongs to the name, which gets another letter. */
static void name(const struct unit *u, const struct edit *e)
{
	char *p = media_rw + u->off + record_at(u, e->index % 64);
	struct toy_dirent *de = (void *)p;
	const struct toy_fs fs = { .hash_key = { 3, 4 } };
	uint32_t left = (uint32_t)(media_rw + u->off + TOY_BLOCK - p);

	if (u->kind != UNIT_DIR || !de->nlen || 20U + de->nlen > left)
		return;
	de->name[e->arg[0] % de->nlen] = (char)e->arg[1];
	de->key = htole64(toy_name_hash(&fs, de->name, de->nlen) << 8 |
			  (e->more & 3));
}

/* Slots of the unit's block, somewhere else and as if they were others. */
static void forge(const struct unit *u, const struct edit *e)
{
	const struct unit *to = unit_of(UNIT_DATA, e->arg[0]);
	struct toy_slot *s = (void *)(media_rw + to->off);
	uint64_t ino = number(e->arg[1]) * TOY_SLOTS_PER_BLOCK;

	media_dirty(to->off, TOY_BLOCK);
	memcpy(s, media_rw + u->off / TOY_BLOCK * TOY_BLOCK, TOY_BLOCK);
	for (unsigned int i = 0; i < TOY_SLOTS_PER_BLOCK; i++) {
		uint32_t off = to->off + i * (uint32_t)sizeof(*s);
		struct unit as = { UNIT_SLOT, off, sizeof(*s), 0 };

		s[i].zi.i_ino = htole64(ino + i);
		unit_mend(&as);
	}
}

/* An entry of any kind, and a range in the inode that it names. */
static void promise(const struct unit *u, const struct edit *e)
{
	uint32_t at = sizeof(struct toy_node) + 8U * e->index;
	const struct unit *of = unit_of(UNIT_SLOT, e->arg[0]);
	struct toy_slot *s = (void *)(media_rw + of->off);
	uint64_t from = number(e->arg[1]);

	put(media_rw + u->off + at, 8,
	    orphan_kind(e->field) | le64toh(s->zi.i_ino));
	media_dirty(of->off, of->len);
	s->zi.i_on_disk[0] = htole64(from);
	s->zi.i_on_disk[1] = htole64(from + number(e->more));
	unit_mend(of);
}

/* What isn't a new value of a field. */
static void special(const struct unit *u, const struct edit *e, uint32_t at,
		    uint8_t width)
{
	unsigned int arg = e->arg[0] | e->arg[1] << 8;

	switch (e->op % 8) {
	case 0: /* another unit of its kind */
		copy(u, 0, unit_of(u->kind, arg), 0, u->len);
		break;
	case 1: /* any unit */
		copy(u, 0, unit_any(arg), 0, u->len);
		break;
	case 2: /* the same field, and what is behind it, of another one */
		copy(u, at, unit_of(u->kind, arg), at, width + e->more);
		break;
	case 3: /* what is before it, or behind */
		copy(u, at, u, arg % u->len, e->more ? e->more : width);
		break;
	case 4:
		copy(u, at, unit_any(arg), 0, e->more);
		break;
	case 5:
		memset(media_rw + u->off + at, e->arg[0],
		       e->arg[1] < u->len - at ? e->arg[1] : u->len - at);
		break;
	default:
		if (u->kind == UNIT_SLOT)
			forge(u, e);
		else if (u->kind == UNIT_ORPHANS)
			promise(u, e);
		else
			name(u, e);
	}
}

/*
 * @kind and @unit say which unit, @field and @index where in it. @op: a value,
 * or something else; the highest ones leave a wrong sum.
 */
static void edit(const struct edit *e)
{
	const struct unit *u = unit_of(kinds[e->kind % sizeof(kinds)], e->unit);
	uint8_t width;
	uint32_t at = place(u, e, &width);
	char *p = media_rw + u->off + at;

	if (at + width > u->len)
		return;
	media_dirty(u->off, u->len);
	if (e->op % 32 < 24)
		put(p, width, value(u, e, get(p, width)));
	else
		special(u, e, at, width);
	if (e->op < 240)
		unit_mend(u);
}

void edits(const uint8_t *script, size_t size)
{
	struct edit e;

	static_assert(sizeof(e) == EDIT_BYTES, "an edit");
	for (unsigned int i = 0; i < EDIT_MAX && size >= sizeof(e); i++) {
		memcpy(&e, script, sizeof(e));
		edit(&e);
		script += sizeof(e);
		size -= sizeof(e);
	}
}
