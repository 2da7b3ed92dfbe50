// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * The plugin: registration, mount, umount, remount.
 */
#include <errno.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>

#include "health.h"
#include "plugin.h"

int toy_corrupt(uint64_t ino, const char *what)
{
	toy_log(TOY_LOG_ERR, "toyfs: inode %lu: %s", (unsigned long)ino, what);
	return -EUCLEAN;
}

int toy_begin(struct toy_fs *fs, uint16_t op, struct toy_tx **txp)
{
	int err = toy_tx_begin(fs, zus_current_channel(), txp);

	if (!err)
		toy_tx_ident(*txp, op ? zus_current_unique() : 0, op, 0);
	return err;
}

static const struct zus_sbi_operations toy_sbi_ops = {
	.statfs = toy_statfs,
	.new_inode = toy_new_inode,
	.lookup = toy_lookup,
	.iget = toy_iget,
	.add_dentry = toy_add_dentry,
	.remove_dentry = toy_remove_dentry,
	.rename = toy_rename,
	.readdir = toy_readdir,
};

const struct zus_zii_operations toy_zii_ops = {
	.evict = toy_inode_evict,
	.setattr = toy_setattr,
	.sync = toy_sync,
	.get_symlink = toy_get_symlink,
	.get_multy = toy_get_multy,
	.grant = toy_grant,
	.grant_put = toy_grant_put,
	.commit_write = toy_commit_write,
	.fallocate = toy_fallocate,
	.ioctl = toy_ioctl,
	.getxattr = toy_getxattr,
	.setxattr = toy_setxattr,
	.listxattr = toy_listxattr,
};

static struct zus_sb_info *sbi_alloc(struct zus_fs_info *zfi)
{
	struct toy_sbi *ts = calloc(1, sizeof(*ts));

	(void)zfi;
	if (!ts)
		return NULL;
	ts->table = calloc(TOY_TABLE_SIZE, sizeof(*ts->table));
	if (!ts->table) {
		free(ts);
		return NULL;
	}
	pthread_mutex_init(&ts->table_lock, NULL);
	ts->sbi.op = &toy_sbi_ops;
	return &ts->sbi;
}

static void sbi_free(struct zus_sb_info *sbi)
{
	struct toy_sbi *ts = toy_sbi(sbi);

	pthread_mutex_destroy(&ts->table_lock);
	free(ts->table);
	free(ts);
}

/* There are no options of toyfs yet, so each one is unknown. */
static int parse_options(const struct zufs_ioc_mount *zim)
{
	const char *at = zim->options + strspn(zim->options, ",");

	if (!*at)
		return 0;
	toy_log(TOY_LOG_ERR,
		"toyfs: unknown mount option \"%.*s\" (it has none of its own)",
		(int)strcspn(at, ","), at);
	return -EINVAL;
}

static void sbi_fini(struct zus_sb_info *sbi)
{
	struct toy_sbi *ts = toy_sbi(sbi);

	toy_inodes_drop(ts);
	if (ts->open)
		toy_close(&ts->fs);
	ts->open = false;
}

/* What is known of all devices, in blocks of the linear space. */
static int health_of(const struct toy_sbi *ts, struct toy_health *all)
{
	int err = 0;

	for (unsigned int d = 0; !err && d < ts->fs.nr_devs; d++) {
		const struct toy_dev *dev = &ts->fs.dev[d];
		struct toy_health one;

		err = toy_health_read(ts->sbi.md.dev[d].rdev, &one);
		if (err)
			break;
		err = toy_health_join(all, &one, dev->first, dev->blocks);
		toy_health_free(&one);
	}
	return err;
}

/*
 * What was flushed and fenced may be lost by a shutdown in which the memory's
 * own power failed: only fsck knows whether it was.
 */
static int shutdown_check(const struct toy_fs *fs, const uint64_t *now)
{
	for (unsigned int d = 0; d < fs->nr_devs; d++) {
		uint64_t then = fs->shutdowns[d];

		if (then == TOY_NO_COUNT || now[d] == TOY_NO_COUNT ||
		    now[d] == then)
			continue;
		toy_log(TOY_LOG_ERR,
			"toyfs: the memory of device %u had an unsafe shutdown (%llu of them, %llu when it was checked): run fsck.toyfs, or mount it read-only",
			d, (unsigned long long)now[d],
			(unsigned long long)then);
		return -EUCLEAN;
	}
	return 0;
}

/* Before anything is changed. */
static int health_check(struct toy_sbi *ts)
{
	struct toy_health h = { .nr_devs = 0 };
	int err = health_of(ts, &h);

	for (unsigned int i = 0; !err && i < h.nr; i++)
		for (uint64_t n = 0; n < h.bad[i].len; n++)
			toy_bad_note(&ts->fs, h.bad[i].bn + n);
	if (!err)
		err = shutdown_check(&ts->fs, h.shutdowns);
	toy_health_free(&h);
	return err;
}

/* A dirty journal is replayed on a read-only mount too. */
static int make_consistent(struct toy_sbi *ts, bool ro)
{
	struct toy_fs *fs = &ts->fs;
	int err;

	if (fs->ro_feat && !ro)
		return -EROFS;
	err = ro ? 0 : health_check(ts);
	if (err)
		return err;
	err = toy_recover(fs);
	if (err)
		return err;
	if (ro)
		fs->ro = true;
	return fs->ro ? 0 : toy_orphans_finish(ts);
}

static int root_get(struct toy_sbi *ts, struct zufs_ioc_mount *zim)
{
	struct toy_inode *root;
	int err = toy_inode_get(ts, TOY_ROOT_INO, 0, &zim->root, &root);

	if (err)
		return err == -ESTALE || err == -ENOENT ?
			       toy_corrupt(TOY_ROOT_INO, "no root") :
			       err;
	if ((le16toh(zim->root.zi.i_mode) & 0170000) != 0040000) {
		toy_inode_put(root);
		return toy_corrupt(TOY_ROOT_INO, "the root is no directory");
	}
	ts->sbi.z_root = &root->zii;
	return 0;
}

static int fs_open(struct toy_sbi *ts, const struct zufs_ioc_mount *zim)
{
	const char *why = "";
	int err = toy_open(&ts->fs, ts->sbi.md.addr, ts->sbi.md.bytes, &why);

	if (err && !(zim->mount_flags & ZUFS_M_SILENT))
		toy_log(TOY_LOG_ERR, "toyfs: no mount: %s", why);
	/* Media say what was when it was made; memory may be elsewhere now. */
	for (unsigned int d = 0; !err && d < ts->fs.nr_devs; d++)
		if (ts->sbi.md.dev_count == (int)ts->fs.nr_devs)
			ts->fs.dev[d].numa_node = ts->sbi.md.dev[d].numa_node;
	ts->open = !err;
	ts->fs.epoch = ts->sbi.epoch;
	return err;
}

static int sbi_init(struct zus_sb_info *sbi, struct zufs_ioc_mount *zim)
{
	struct toy_sbi *ts = toy_sbi(sbi);
	int err = parse_options(zim);

	if (!err)
		err = fs_open(ts, zim);
	if (!err)
		err = make_consistent(ts, zim->mount_flags & ZUFS_M_RDONLY);
	if (!err)
		err = root_get(ts, zim);
	if (err) {
		sbi_fini(sbi);
		return err;
	}
	zim->fs_caps = ZUFS_FSC_NIO_READS | ZUFS_FSC_NIO_WRITES |
		       ZUFS_FSC_ACL_ON;
	zim->falloc_sup = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE |
			  FALLOC_FL_ZERO_RANGE;
	zim->blocksize_bits = ZUFS_BLOCK_SHIFT;
	return 0;
}

/* The kernel lets no operation run meanwhile that changes anything. */
static int sbi_remount(struct zus_sb_info *sbi, struct zufs_ioc_mount *zim)
{
	struct toy_sbi *ts = toy_sbi(sbi);
	bool ro = zim->remount_flags & ZUFS_REM_WILL_RO;
	int err = parse_options(zim);

	if (err || ro == ts->fs.ro)
		return err;
	if (ts->fs.ro_feat)
		return -EROFS;
	err = ro ? 0 : health_check(ts);
	if (err)
		return err;
	ts->fs.ro = ro;
	if (ro)
		return 0;
	err = toy_orphans_finish(ts);
	if (err)
		ts->fs.ro = true;
	return err;
}

static const struct zus_zfi_operations toy_zfi_ops = {
	.sbi_alloc = sbi_alloc,
	.sbi_free = sbi_free,
	.sbi_init = sbi_init,
	.sbi_fini = sbi_fini,
	.sbi_remount = sbi_remount,
};

static struct zus_fs_info toy_zfi = {
	.rfi = { .fsname = "toyfs",
		 .FS_magic = TOY_MAGIC,
		 .FS_ver_major = TOY_MAJOR,
		 .FS_ver_minor = TOY_MINOR,
		 .s_time_gran = 1,
		 .s_maxbytes = TOY_MAX_BYTES },
	.op = &toy_zfi_ops,
};

int zus_plugin_init(void)
{
	toy_log = zus_log;
	return zus_register_one(&toy_zfi);
}
