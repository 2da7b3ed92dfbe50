/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Making, opening and recovering a filesystem.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bad.h"
#include "tx.h"

#define COPY_OFF ((uint64_t)ZUFS_MDT_COPY_OFFSET)

__attribute__((format(printf, 2, 3))) static void
log_stderr(int level, const char *fmt, ...)
{
	va_list ap;

	(void)level;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void (*toy_log)(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))) = log_stderr;

/* By 4 bits: quick enough for two tables a mount. */
static uint32_t crc32c(uint32_t crc, const uint8_t *p, size_t len)
{
	static const uint32_t of[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};

	while (len--) {
		crc ^= *p++;
		crc = crc >> 4 ^ of[crc & 15];
		crc = crc >> 4 ^ of[crc & 15];
	}
	return crc;
}

uint64_t toy_dev_table_sum(const struct zufs_dev_table *dt)
{
	return crc32c(~0U, (const uint8_t *)dt + sizeof(dt->sum),
		      sizeof(*dt) - sizeof(dt->sum));
}

/* ---- geometry ---- */

static void geometry(uint64_t blocks, uint64_t *data_bn, uint32_t *ag_count)
{
	uint64_t ags = 1, data;

	/* More AGs need more nodes, which leave fewer blocks: this ends. */
	for (;;) {
		uint64_t n;

		data = (TOY_AG_NODE_BN + ags + 511) / 512 * 512;
		n = (blocks - data + TOY_AG_BLOCKS - 1) / TOY_AG_BLOCKS;
		if (n <= ags)
			break;
		ags = n;
	}
	*data_bn = data;
	*ag_count = (uint32_t)ags;
}

/* ---- mkfs ---- */

static uint64_t node_sum(const void *p, uint64_t bn, uint64_t len)
{
	return htole64(toy_sum(p, len, bn * TOY_BLOCK,
			       offsetof(struct toy_node, sum)));
}

static void mkfs_state(struct toy_fs *fs)
{
	struct toy_state st;

	memset(&st, 0, sizeof(st));
	st.hdr.magic = htole32(TOY_STATE_MAGIC);
	st.itable.nr = htole16(1);
	st.itable.rec[0].val = htole64(TOY_EXT_VAL(fs->data_bn, 1));
	st.itable_blocks = htole64(1);
	st.chan[0].free_head = htole64(TOY_ROOT_INO + 1);
	st.chan[0].free_count = htole64(TOY_SLOTS_PER_BLOCK - 2);
	st.hdr.sum = node_sum(&st, TOY_STATE_BN, TOY_STATE_SUMMED);
	for (unsigned int c = 0; c < TOY_CHANNELS; c++)
		st.chan[c].sum = htole64(toy_sum(
			&st.chan[c], TOY_LINE,
			TOY_STATE_BN * TOY_BLOCK +
				offsetof(struct toy_state, chan) + c * TOY_LINE,
			16));
	pm_write(fs, TOY_STATE_BN * TOY_BLOCK, &st, sizeof(st));
}

static void mkfs_orphans(struct toy_fs *fs)
{
	uint8_t page[TOY_BLOCK] = { 0 };
	struct toy_node *n = (void *)page;

	for (unsigned int c = 0; c < TOY_CHANNELS; c++) {
		n->magic = htole32(TOY_ORPH_MAGIC);
		n->owner = htole64(c);
		n->sum = node_sum(n, TOY_ORPHAN_BN + c, TOY_BLOCK);
		pm_write(fs, (TOY_ORPHAN_BN + c) * TOY_BLOCK, n, TOY_BLOCK);
	}
}

static void mkfs_root(struct toy_fs *fs, const struct toy_mkfs_opts *o)
{
	struct toy_slot s[TOY_SLOTS_PER_BLOCK];
	struct zus_inode *zi = &s[TOY_ROOT_INO].zi;
	uint64_t off = fs->data_bn * TOY_BLOCK;

	memset(s, 0, sizeof(s));
	zi->i_mode = htole16(S_IFDIR | 0755);
	zi->i_nlink = htole32(2);
	zi->i_generation = htole64(1);
	zi->i_uid = htole32(o->uid);
	zi->i_gid = htole32(o->gid);
	zi->i_mtime = htole64((uint64_t)o->time);
	zi->i_ctime = zi->i_mtime;
	zi->i_atime = zi->i_mtime;
	zi->i_parent = htole64(TOY_ROOT_INO);
	s[TOY_ROOT_INO].btime = zi->i_mtime;
	for (unsigned int i = 0; i < TOY_SLOTS_PER_BLOCK; i++) {
		s[i].zi.i_ino = htole64(i);
		if (i > TOY_ROOT_INO && i + 1 < TOY_SLOTS_PER_BLOCK)
			s[i].zi.i_on_disk[0] = htole64(i + 1);
		s[i].sum = htole64(toy_sum(&s[i], sizeof(s[i]),
					   off + i * sizeof(s[i]),
					   offsetof(struct toy_slot, sum)));
	}
	pm_write(fs, off, s, sizeof(s));
}

unsigned int toy_dev_table_blocks(const struct zufs_dev_table *dt, uint64_t *bn)
{
	unsigned int devs = le16toh(dt->dev_count), n = 0;
	uint64_t start = 0;

	for (unsigned int d = 0; d < devs && d < ZUFS_MAX_DEVICES; d++) {
		bn[n++] = start;
		bn[n++] = start + COPY_OFF / TOY_BLOCK;
		start += le64toh(dt->dev[d].blocks);
	}
	return n;
}

/* Blocks of the data area that hold device tables of further devices. */
static void take_dev_tables(const struct toy_fs *fs, uint32_t ag, uint8_t *bits,
			    const struct zufs_dev_table *dt)
{
	uint64_t first = fs->data_bn + (uint64_t)ag * TOY_AG_BLOCKS;
	uint64_t bn[2 * ZUFS_MAX_DEVICES];
	unsigned int n = toy_dev_table_blocks(dt, bn);

	while (n--)
		if (bn[n] >= first && bn[n] - first < TOY_AG_BLOCKS)
			bits[(bn[n] - first) / 8] |= 1U << (bn[n] - first) % 8;
}

static void take_bad(const struct toy_fs *fs, uint32_t ag, uint8_t *bits,
		     const struct toy_health *h)
{
	uint64_t first = fs->data_bn + (uint64_t)ag * TOY_AG_BLOCKS;

	for (uint64_t i = 0; h && h->nr && i < TOY_AG_BLOCKS; i++)
		if (toy_health_is_bad(h, first + i))
			bits[i / 8] |= 1U << i % 8;
}

static void mkfs_ag(struct toy_fs *fs, uint32_t ag,
		    const struct zufs_dev_table *dt, const struct toy_health *h)
{
	uint8_t page[TOY_BLOCK] = { 0 };
	struct toy_node *n = (void *)page;
	uint8_t *bits = (uint8_t *)(n + 1);
	uint64_t left = fs->blocks - fs->data_bn - (uint64_t)ag * TOY_AG_BLOCKS;
	uint32_t used = 0;

	if (left < TOY_AG_BLOCKS)
		memset(bits + left / 8, 0xff, (TOY_AG_BLOCKS - left) / 8);
	if (!ag)
		bits[0] |= 1; /* the inode file's first block */
	take_dev_tables(fs, ag, bits, dt);
	take_bad(fs, ag, bits, h);
	for (uint32_t i = 0; i < TOY_AG_BLOCKS / 8; i++)
		used += (uint32_t)__builtin_popcount(bits[i]);
	n->magic = htole32(TOY_AG_MAGIC);
	n->owner = htole64(ag);
	n->free = htole32(TOY_AG_BLOCKS - used);
	n->sum = node_sum(n, TOY_AG_NODE_BN + ag, TOY_BLOCK);
	pm_write(fs, (TOY_AG_NODE_BN + ag) * (uint64_t)TOY_BLOCK, n, TOY_BLOCK);
}

static void super_put(struct toy_fs *fs, struct toy_super *sb, uint64_t off)
{
	sb->sum = htole64(
		toy_sum(sb, sizeof(*sb), off, offsetof(struct toy_super, sum)));
	pm_write(fs, off, sb, sizeof(*sb));
	pm_fence(fs);
}

static void mkfs_super(struct toy_fs *fs, const struct toy_mkfs_opts *o,
		       const struct toy_bad_list *bad)
{
	uint64_t off[2] = { COPY_OFF + TOY_SB_OFF, TOY_SB_OFF };
	struct toy_super sb;

	memset(&sb, 0, sizeof(sb));
	sb.magic = htole64(TOY_SB_MAGIC);
	memcpy(sb.uuid, o->uuid, sizeof(sb.uuid));
	if (o->label)
		snprintf(sb.label, sizeof(sb.label), "%s", o->label);
	sb.blocks = htole64(fs->blocks);
	sb.ag_count = htole64(fs->ag_count);
	sb.data_bn = htole64(fs->data_bn);
	sb.hash_key[0] = htole64(o->seed[0]);
	sb.hash_key[1] = htole64(o->seed[1]);
	sb.mkfs_time = htole64((uint64_t)o->time);
	sb.shutdowns = htole64(o->health ? o->health->shutdowns : TOY_NO_COUNT);
	memcpy(sb.bad, bad->run, sizeof(sb.bad));
	for (int i = 0; i < 2; i++)
		super_put(fs, &sb, off[i]);
}

bool toy_dev_table_ok(const struct zufs_dev_table *dt)
{
	return le32toh(dt->magic) == TOY_MAGIC &&
	       le16toh(dt->version_major) == TOY_MAJOR &&
	       le16toh(dt->version_minor) <= TOY_MINOR && dt->dev_count &&
	       le16toh(dt->dev_count) <= ZUFS_MAX_DEVICES &&
	       le64toh(dt->sum) == toy_dev_table_sum(dt);
}

/* A table of this filesystem that the tool wrote before stays; else one device. */
static void mkfs_dev_table(struct toy_fs *fs, const struct toy_mkfs_opts *o,
			   struct zufs_dev_table *dt)
{
	memcpy(dt, fs->base, sizeof(*dt));
	if (toy_dev_table_ok(dt) &&
	    !memcmp(dt->fs_uuid, o->uuid, sizeof(dt->fs_uuid)) &&
	    le64toh(dt->t1_blocks) == fs->blocks)
		return;
	memset(dt, 0, sizeof(*dt));
	dt->magic = htole32(TOY_MAGIC);
	dt->version_major = htole16(TOY_MAJOR);
	dt->version_minor = htole16(TOY_MINOR);
	memcpy(dt->fs_uuid, o->uuid, sizeof(dt->fs_uuid));
	dt->t1_blocks = htole64(fs->blocks);
	dt->dev_count = htole16(1);
	memcpy(dt->dev[0].uuid, o->uuid, sizeof(dt->dev[0].uuid));
	dt->dev[0].blocks = htole64(fs->blocks);
	dt->dev[0].numa_node = htole16(0xffff);
	dt->sum = htole64(toy_dev_table_sum(dt));
}

static int mkfs_bad(uint64_t bytes, const struct toy_mkfs_opts *opts,
		    struct toy_bad_list *bad)
{
	uint64_t data_bn;
	uint32_t ags;

	if (opts->blocks % 512 || opts->blocks < TOY_MIN_BLOCKS ||
	    opts->blocks > bytes / TOY_BLOCK)
		return -EINVAL;
	if (opts->label && strlen(opts->label) > 31)
		return -ENAMETOOLONG;
	geometry(opts->blocks, &data_bn, &ags);
	/* The first block behind the fixed part has the first inodes. */
	return toy_bad_fill(bad, opts->health, data_bn + 1, opts->blocks);
}

int toy_mkfs_fits(uint64_t bytes, const struct toy_mkfs_opts *opts)
{
	struct toy_bad_list bad = { .nr = 0 };

	return mkfs_bad(bytes, opts, &bad);
}

int toy_mkfs(void *base, uint64_t bytes, const struct toy_mkfs_opts *opts)
{
	struct toy_fs fs = { .base = base,
			     .bytes = bytes,
			     .blocks = opts->blocks };
	struct toy_bad_list bad = { .nr = 0 };
	struct zufs_dev_table dt;
	int err = mkfs_bad(bytes, opts, &bad);

	if (err)
		return err;
	geometry(fs.blocks, &fs.data_bn, &fs.ag_count);
	mkfs_dev_table(&fs, opts, &dt);
	/* No old superblock may be found while the rest is written. */
	pm_zero(&fs, TOY_SB_OFF, sizeof(struct toy_super));
	pm_zero(&fs, COPY_OFF + TOY_SB_OFF, sizeof(struct toy_super));
	pm_fence(&fs);
	pm_write(&fs, 0, &dt, sizeof(dt));
	pm_write(&fs, COPY_OFF, &dt, sizeof(dt));
	pm_zero(&fs, TOY_BLOCK, COPY_OFF - TOY_BLOCK);
	mkfs_state(&fs);
	mkfs_orphans(&fs);
	for (uint32_t ag = 0; ag < fs.ag_count; ag++)
		mkfs_ag(&fs, ag, &dt, opts->health);
	mkfs_root(&fs, opts);
	pm_fence(&fs);
	mkfs_super(&fs, opts, &bad);
	return 0;
}

/* ---- open ---- */

static bool super_summed(const struct toy_fs *fs, uint64_t off)
{
	const struct toy_super *sb = pm_at(fs, off);

	return le64toh(sb->magic) == TOY_SB_MAGIC &&
	       le64toh(sb->sum) == toy_sum(sb, sizeof(*sb), off,
					   offsetof(struct toy_super, sum));
}

static const char *super_wrong(const struct toy_fs *fs,
			       const struct toy_super *sb)
{
	uint64_t blocks = le64toh(sb->blocks), data_bn;
	uint32_t ag_count;

	if (blocks % 512 || blocks < TOY_MIN_BLOCKS ||
	    blocks > fs->bytes / TOY_BLOCK)
		return "superblock: size doesn't fit the devices";
	geometry(blocks, &data_bn, &ag_count);
	if (data_bn != le64toh(sb->data_bn) ||
	    ag_count != le64toh(sb->ag_count))
		return "superblock: geometry contradicts the size";
	return NULL;
}

bool toy_super_ok(const struct toy_fs *fs, uint64_t off)
{
	return super_summed(fs, off) && !super_wrong(fs, pm_at(fs, off));
}

uint64_t toy_super_off(const struct toy_fs *fs)
{
	return toy_super_ok(fs, TOY_SB_OFF) ? TOY_SB_OFF :
					      COPY_OFF + TOY_SB_OFF;
}

/* The copy first: a crash leaves one of them whole, and fsck makes them equal. */
void toy_super_set(struct toy_fs *fs, uint64_t shutdowns, const __le64 *bad)
{
	struct toy_super sb;

	memcpy(&sb, pm_at(fs, toy_super_off(fs)), sizeof(sb));
	sb.shutdowns = htole64(shutdowns);
	memcpy(sb.bad, bad, sizeof(sb.bad));
	super_put(fs, &sb, COPY_OFF + TOY_SB_OFF);
	super_put(fs, &sb, TOY_SB_OFF);
	fs->shutdowns = shutdowns;
}

static int super_take(struct toy_fs *fs, const struct toy_super *sb,
		      const char **why)
{
	fs->blocks = le64toh(sb->blocks);
	geometry(fs->blocks, &fs->data_bn, &fs->ag_count);
	if (sb->feat_incompat) {
		*why = "filesystem has features unknown here";
		return -EINVAL;
	}
	fs->ro_feat = sb->feat_ro_compat != 0;
	fs->ro = fs->ro_feat;
	fs->hash_key[0] = le64toh(sb->hash_key[0]);
	fs->hash_key[1] = le64toh(sb->hash_key[1]);
	memcpy(fs->uuid, sb->uuid, sizeof(fs->uuid));
	memcpy(fs->label, sb->label, sizeof(fs->label) - 1);
	fs->shutdowns = le64toh(sb->shutdowns);
	return 0;
}

/* Read on their own: poison in one leaves the other. */
static int table_at(const struct toy_fs *fs, uint64_t off)
{
	return toy_dev_table_ok(pm_at(fs, off)) ? 0 : -EINVAL;
}

static int try_table(struct toy_fs *fs, uint64_t off)
{
	return toy_try(fs, table_at(fs, off));
}

static int super_at(struct toy_fs *fs, uint64_t off, const char **why)
{
	if (toy_super_ok(fs, off))
		return super_take(fs, pm_at(fs, off), why);
	*why = "no valid superblock";
	if (!super_summed(fs, off))
		return -ENOENT;
	*why = super_wrong(fs, pm_at(fs, off));
	return -EUCLEAN;
}

static int try_super(struct toy_fs *fs, uint64_t off, const char **why)
{
	return toy_try(fs, super_at(fs, off, why));
}

static int super_read(struct toy_fs *fs, const char **why)
{
	const char *copy_why = "media error";
	int err, copy_err;

	if (try_table(fs, 0) && try_table(fs, COPY_OFF)) {
		*why = "no device table of toyfs";
		return -EINVAL;
	}
	*why = "media error";
	err = try_super(fs, TOY_SB_OFF, why);
	if (!err || err == -EINVAL)
		return err;
	copy_err = try_super(fs, COPY_OFF + TOY_SB_OFF, &copy_why);
	if (!copy_err)
		toy_log(TOY_LOG_WARN,
			"toyfs: block 0: bad superblock, its copy is used");
	if (!copy_err || err == -ENOENT) {
		err = copy_err;
		*why = copy_why;
	}
	return err == -ENOENT ? -EINVAL : err;
}

int toy_open(struct toy_fs *fs, void *base, uint64_t bytes, const char **why)
{
	int err;

	memset(fs, 0, sizeof(*fs));
	fs->base = base;
	fs->bytes = bytes;
	pthread_mutex_init(&fs->sum_lock, NULL);
	pthread_mutex_init(&fs->room_lock, NULL);
	pthread_cond_init(&fs->room_cond, NULL);
	pthread_mutex_init(&fs->itable_lock, NULL);
	pthread_mutex_init(&fs->itab_lock, NULL);
	if (bytes < (uint64_t)TOY_MIN_BLOCKS * TOY_BLOCK) {
		*why = "devices are too small";
		return -EINVAL;
	}
	err = super_read(fs, why);
	if (err)
		return err;
	*why = "out of memory";
	fs->verified = calloc(fs->blocks / 8, 1);
	fs->bad = calloc(fs->blocks / 8, 1);
	err = fs->verified && fs->bad ? toy_channels_init(fs) : -ENOMEM;
	if (!err)
		err = toy_ags_init(fs);
	if (err)
		toy_close(fs);
	else
		*why = NULL;
	return err;
}

int toy_recover(struct toy_fs *fs)
{
	const void *state;
	int err = toy_try(fs, toy_journal_recover(fs));

	if (err)
		return err;
	/* What was read before the replay may be old. */
	toy_itab_free(fs);
	err = toy_ags_reset(fs);
	if (err)
		return err;
	return toy_try(fs, toy_node_read(fs, NULL, TOY_STATE_BN,
					 TOY_STATE_MAGIC, &state));
}

void toy_close(struct toy_fs *fs)
{
	toy_settle(fs);
	toy_itab_free(fs);
	toy_ags_free(fs);
	toy_channels_free(fs);
	free(fs->verified);
	fs->verified = NULL;
	free(fs->bad);
	fs->bad = NULL;
}
