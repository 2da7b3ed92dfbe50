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

/* Device tables of further devices are in the data area. */
static void take_dev_tables(const struct toy_fs *fs, uint32_t ag, uint8_t *bits)
{
	uint64_t first = fs->data_bn + (uint64_t)ag * TOY_AG_BLOCKS;

	for (unsigned int i = 2; i < 2 * fs->nr_devs; i++) {
		uint64_t rel = toy_dev_table_bn(fs, i / 2, i % 2) - first;

		if (rel < TOY_AG_BLOCKS)
			bits[rel / 8] |= 1U << rel % 8;
	}
}

static void take_bad(const struct toy_fs *fs, uint32_t ag, uint8_t *bits,
		     const struct toy_health *h)
{
	uint64_t first = fs->data_bn + (uint64_t)ag * TOY_AG_BLOCKS;

	for (uint64_t i = 0; h && h->nr && i < TOY_AG_BLOCKS; i++)
		if (toy_health_is_bad(h, first + i))
			bits[i / 8] |= 1U << i % 8;
}

static void mkfs_ag(struct toy_fs *fs, uint32_t ag, const struct toy_health *h)
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
	take_dev_tables(fs, ag, bits);
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
	for (unsigned int d = 0; d < ZUFS_MAX_DEVICES; d++)
		sb.shutdowns[d] = htole64(o->health && d < fs->nr_devs ?
						  o->health->shutdowns[d] :
						  TOY_NO_COUNT);
	memcpy(sb.bad, bad->run, sizeof(sb.bad));
	for (int i = 0; i < 2; i++)
		super_put(fs, &sb, off[i]);
}

static void mkfs_dev_tables(struct toy_fs *fs, struct zufs_dev_table *dt)
{
	for (unsigned int i = 0; i < 2 * fs->nr_devs; i++) {
		uint64_t off = toy_dev_table_bn(fs, i / 2, i % 2) * TOY_BLOCK;

		toy_dev_table_for(dt, i / 2);
		pm_write(fs, off, dt, sizeof(*dt));
		/* Superblocks, which only the first device has, come last. */
		pm_zero(fs, off + TOY_SB_OFF, sizeof(struct toy_super));
	}
	pm_fence(fs);
}

static bool tables_bad(const struct toy_fs *fs, const struct toy_health *h)
{
	bool bad = false;

	for (unsigned int i = 0; i < 2 * fs->nr_devs; i++)
		bad |= toy_health_is_bad(h, toy_dev_table_bn(fs, i / 2, i % 2));
	return bad;
}

/* Fills what @fs, and media, will know of sizes. */
static int mkfs_plan(struct toy_fs *fs, const struct toy_mkfs_opts *opts,
		     struct zufs_dev_table *dt, struct toy_bad_list *bad)
{
	if (opts->blocks % 512 || opts->blocks < TOY_MIN_BLOCKS ||
	    opts->blocks > fs->bytes / TOY_BLOCK)
		return -EINVAL;
	if (opts->label && strlen(opts->label) > 31)
		return -ENAMETOOLONG;
	toy_dev_table_fill(dt, opts);
	if (!toy_dev_table_ok(dt))
		return -EINVAL;
	toy_devs_take(fs, dt);
	fs->blocks = opts->blocks;
	geometry(fs->blocks, &fs->data_bn, &fs->ag_count);
	if (fs->data_bn >= fs->dev[0].blocks)
		return -EOVERFLOW;
	if (tables_bad(fs, opts->health))
		return -EIO;
	/* The first block behind the fixed part has the first inodes. */
	return toy_bad_fill(bad, opts->health, fs->data_bn + 1, fs->blocks);
}

int toy_mkfs_fits(uint64_t bytes, const struct toy_mkfs_opts *opts)
{
	struct toy_fs fs = { .bytes = bytes };
	struct toy_bad_list bad = { .nr = 0 };
	struct zufs_dev_table dt;

	return mkfs_plan(&fs, opts, &dt, &bad);
}

int toy_mkfs(void *base, uint64_t bytes, const struct toy_mkfs_opts *opts)
{
	struct toy_fs fs = { .base = base, .bytes = bytes };
	struct toy_bad_list bad = { .nr = 0 };
	struct zufs_dev_table dt;
	int err = mkfs_plan(&fs, opts, &dt, &bad);

	if (err)
		return err;
	/* No old superblock may be found while the rest is written. */
	pm_zero(&fs, TOY_SB_OFF, sizeof(struct toy_super));
	pm_zero(&fs, COPY_OFF + TOY_SB_OFF, sizeof(struct toy_super));
	pm_fence(&fs);
	mkfs_dev_tables(&fs, &dt);
	pm_zero(&fs, TOY_BLOCK, COPY_OFF - TOY_BLOCK);
	mkfs_state(&fs);
	mkfs_orphans(&fs);
	for (uint32_t ag = 0; ag < fs.ag_count; ag++)
		mkfs_ag(&fs, ag, opts->health);
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
	    blocks != toy_devs_blocks(fs) || blocks > fs->bytes / TOY_BLOCK)
		return "superblock: size doesn't fit the devices";
	geometry(blocks, &data_bn, &ag_count);
	if (data_bn >= fs->dev[0].blocks || data_bn != le64toh(sb->data_bn) ||
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
void toy_super_set(struct toy_fs *fs, const uint64_t *shutdowns,
		   const __le64 *bad)
{
	struct toy_super sb;

	memcpy(&sb, pm_at(fs, toy_super_off(fs)), sizeof(sb));
	for (unsigned int d = 0; d < ZUFS_MAX_DEVICES; d++)
		sb.shutdowns[d] = htole64(shutdowns[d]);
	memcpy(sb.bad, bad, sizeof(sb.bad));
	super_put(fs, &sb, COPY_OFF + TOY_SB_OFF);
	super_put(fs, &sb, TOY_SB_OFF);
	memmove(fs->shutdowns, shutdowns, sizeof(fs->shutdowns));
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
	for (unsigned int d = 0; d < ZUFS_MAX_DEVICES; d++)
		fs->shutdowns[d] = le64toh(sb->shutdowns[d]);
	return 0;
}

/* Read on their own: poison in one leaves the other. */
static int table_at(struct toy_fs *fs, uint64_t off)
{
	const struct zufs_dev_table *dt = pm_at(fs, off);

	if (!toy_dev_table_ok(dt) || dt->id_index)
		return -EINVAL;
	toy_devs_take(fs, dt);
	return 0;
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
