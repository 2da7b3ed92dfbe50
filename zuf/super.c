// SPDX-License-Identifier: GPL-2.0
/*
 * Super blocks of the registered filesystem types.
 */
#include <linux/backing-dev.h>
#include <linux/fs_parser.h>
#include <linux/major.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include <linux/writeback.h>

#include "fs.h"

static struct kmem_cache *inode_cache;

/* ---- inodes' memory ---- */

static struct inode *alloc_inode(struct super_block *sb)
{
	struct zuf_inode_info *ii = alloc_inode_sb(sb, inode_cache, GFP_KERNEL);

	if (!ii)
		return NULL;
	memset(&ii->iref, 0, sizeof(ii->iref));
	zuf_extmap_init(&ii->map);
	ii->btime = 0;
	ii->projid = 0;
	ii->version = 0;
	ii->flags = 0;
	ii->attr_flags = 0;
	ii->dirty_times = 0;
	ii->unpinned = false;
	ii->grant.n = 0;
	ii->grant.want = 0;
	ii->grant.end = U64_MAX;
	INIT_LIST_HEAD(&ii->grant_node);
	atomic_set(&ii->mmaps, 0);
	return &ii->vfs_inode;
}

static void free_inode(struct inode *inode)
{
	if (S_ISLNK(inode->i_mode)) /* i_link shares its place with others */
		kfree(inode->i_link);
	kmem_cache_free(inode_cache, ZUF_I(inode));
}

static void init_once(void *p)
{
	struct zuf_inode_info *ii = p;

	inode_init_once(&ii->vfs_inode);
}

int zuf_inode_init(void)
{
	inode_cache = kmem_cache_create(
		"zuf_inode_info", sizeof(struct zuf_inode_info), 0,
		SLAB_RECLAIM_ACCOUNT | SLAB_MEM_SPREAD | SLAB_ACCOUNT,
		init_once);
	return inode_cache ? 0 : -ENOMEM;
}

void zuf_inode_exit(void)
{
	rcu_barrier(); /* inodes are freed by RCU */
	kmem_cache_destroy(inode_cache);
}

/* ---- super operations ---- */

static int write_inode(struct inode *inode, struct writeback_control *wbc)
{
	return zuf_sync_inode(inode, 0, false);
}

/* Without a uuid: the number of the (anonymous) device. */
static __kernel_fsid_t fsid(const struct super_block *sb, const __u8 *uuid)
{
	if (!memchr_inv(uuid, 0, UUID_SIZE))
		return u64_to_fsid(huge_encode_dev(sb->s_dev));
	return uuid_to_fsid((__u8 *)uuid);
}

static int zuf_statfs(struct dentry *dentry, struct kstatfs *buf)
{
	struct super_block *sb = dentry->d_sb;
	struct zuf_sb_info *sbi = ZUF_SB(sb);
	struct zufs_ioc_statfs *io;
	struct zuf_req *req;
	int err;

	req = zuf_req_alloc(sbi, ZUFS_OP_STATFS, sizeof(*io),
			    offsetof(struct zufs_ioc_statfs, blocks),
			    offsetof(struct zufs_ioc_statfs, blocks));
	if (!req)
		return -ENOMEM;
	io = zuf_req_op(req, struct zufs_ioc_statfs);
	req->wait = ZUF_WAIT_KILL_RO;
	err = zuf_dispatch(sbi, req, req->hdr->out_max);
	if (!err) {
		buf->f_type = sb->s_magic;
		buf->f_bsize = ZUFS_BLOCK_SIZE;
		buf->f_frsize = ZUFS_BLOCK_SIZE;
		buf->f_blocks = io->blocks;
		buf->f_bfree = io->bfree;
		buf->f_bavail = io->bavail;
		buf->f_files = io->files;
		buf->f_ffree = io->ffree;
		buf->f_namelen = min_t(u32, io->namelen, ZUFS_NAME_LEN);
		buf->f_fsid = fsid(sb, io->uuid);
	}
	zuf_req_put(req);
	return err;
}

/* Asked for at mounts alone: a reader of /proc/mounts never waits for a server. */
static void fetch_options(struct zuf_sb_info *sbi)
{
	struct zufs_ioc_mount_options *io;
	struct zuf_req *req;

	req = zuf_req_alloc(sbi, ZUFS_OP_SHOW_OPTIONS, sizeof(*io),
			    offsetof(struct zufs_ioc_mount_options, len),
			    offsetof(struct zufs_ioc_mount_options, len));
	if (!req)
		return;
	io = zuf_req_op(req, struct zufs_ioc_mount_options);
	req->wait = ZUF_WAIT_KILL_RO;
	if (!zuf_dispatch(sbi, req, req->hdr->out_max) &&
	    io->len < sizeof(io->buf)) {
		spin_lock(&sbi->options_lock);
		memcpy(sbi->options, io->buf, io->len);
		sbi->options[io->len] = '\0';
		spin_unlock(&sbi->options_lock);
	}
	zuf_req_put(req);
}

static int zuf_show_options(struct seq_file *m, struct dentry *root)
{
	struct zuf_sb_info *sbi = ZUF_SB(root->d_sb);
	unsigned int i;

	for (i = 0; i < sbi->md.count; i++)
		if (sbi->md.dev[i].bdev != root->d_sb->s_bdev)
			seq_printf(m, ",device=/dev/%pg", sbi->md.dev[i].bdev);
	if (sbi->mount_flags & ZUFS_M_PEDANTIC)
		seq_printf(m, ",pedantic=%u", sbi->pedantic);
	if (sbi->mount_flags & ZUFS_M_EPHEMERAL)
		seq_puts(m, ",ephemeral");
	if (sbi->mount_flags & ZUFS_M_PRIVATE)
		seq_puts(m, ",private");
	spin_lock(&sbi->options_lock);
	seq_escape(m, sbi->options, " \t\n\\");
	spin_unlock(&sbi->options_lock);
	return 0;
}

static int zuf_sync_fs(struct super_block *sb, int wait)
{
	struct zuf_sb_info *sbi = ZUF_SB(sb);
	struct zuf_req *req;
	int err;

	if (!wait)
		return 0;
	req = zuf_req_alloc(sbi, ZUFS_OP_SYNC, sizeof(struct zufs_ioc_sync),
			    sizeof(struct zufs_ioc_sync),
			    sizeof(struct zufs_ioc_sync));
	if (!req)
		return -ENOMEM;
	req->wait = ZUF_WAIT_KILL_RO;
	err = zuf_dispatch(sbi, req, 0);
	zuf_req_put(req);
	return err;
}

/* What the server is told of the mount as it is. */
static struct zufs_ioc_mount *zim_new(const struct zuf_sb_info *sbi, gfp_t gfp)
{
	struct zufs_ioc_mount *zim = kzalloc(sizeof(*zim), gfp);

	if (!zim)
		return NULL;
	zim->mount_flags = sbi->mount_flags;
	zim->pedantic = sbi->pedantic;
	return zim;
}

static void zuf_put_super(struct super_block *sb)
{
	struct zuf_sb_info *sbi = ZUF_SB(sb);
	struct zufs_ioc_mount *zim;

	zuf_evict_wait_all(sbi);
	zuf_assert(list_empty(&sbi->grants) && list_empty(&sbi->evicting));
	zim = zim_new(sbi, GFP_KERNEL | __GFP_NOFAIL);
	zuf_dispatch_mount(sbi, ZUFS_M_UMOUNT, zim);
	kfree(zim);
	/* Before the device is let go the server's map of it must be gone. */
	zuf_root_del_sb(sbi->root, sbi);
}

static const struct super_operations zuf_sops = {
	.alloc_inode = alloc_inode,
	.free_inode = free_inode,
	.drop_inode = zuf_drop_inode,
	.evict_inode = zuf_evict_inode,
	.write_inode = write_inode,
	.put_super = zuf_put_super,
	.statfs = zuf_statfs,
	.sync_fs = zuf_sync_fs,
	.show_options = zuf_show_options,
};

/* ---- mount ---- */

struct zuf_fc {
	u64 flags; /* ZUFS_M_* */
	u32 pedantic;
	struct zuf_names devices;
	u32 len;
	char options[ZUFS_MO_MAX]; /* for the server */
};

enum {
	OPT_PEDANTIC,
	OPT_PEDANTIC_N,
	OPT_EPHEMERAL,
	OPT_SILENT,
	OPT_PRIVATE,
	OPT_DAX,
	OPT_DEVICE
};

static const struct fs_parameter_spec params[] = {
	fsparam_flag("pedantic", OPT_PEDANTIC),
	fsparam_u32("pedantic", OPT_PEDANTIC_N),
	fsparam_flag("ephemeral", OPT_EPHEMERAL),
	fsparam_flag("silent", OPT_SILENT),
	fsparam_flag("private", OPT_PRIVATE),
	fsparam_flag("dax", OPT_DAX),
	fsparam_string("device", OPT_DEVICE),
	{},
};

/* An option that isn't the kernel's goes to the server. */
static int forward(struct fs_context *fc, struct fs_parameter *param)
{
	struct zuf_fc *zfc = fc->fs_private;
	size_t room = sizeof(zfc->options) - zfc->len;
	int n;

	if (!strcmp(param->key, "source"))
		return vfs_parse_fs_param_source(fc, param);
	if (param->type == fs_value_is_string)
		n = snprintf(zfc->options + zfc->len, room, "%s%s=%s",
			     zfc->len ? "," : "", param->key, param->string);
	else if (param->type == fs_value_is_flag)
		n = snprintf(zfc->options + zfc->len, room, "%s%s",
			     zfc->len ? "," : "", param->key);
	else
		return -EINVAL;
	if (n >= room)
		return invalf(fc, "options are longer than %u bytes",
			      ZUFS_MO_MAX);
	zfc->len += n;
	return 0;
}

static int take_device(struct fs_context *fc, struct fs_parameter *param)
{
	struct zuf_names *names = &((struct zuf_fc *)fc->fs_private)->devices;

	if (names->n == ARRAY_SIZE(names->name))
		return invalf(fc, "more than %u devices", ZUFS_MAX_DEVICES);
	names->name[names->n++] = param->string;
	param->string = NULL; /* it is ours now */
	return 0;
}

static int parse_param(struct fs_context *fc, struct fs_parameter *param)
{
	struct zuf_fc *zfc = fc->fs_private;
	struct fs_parse_result result;
	int opt = fs_parse(fc, params, param, &result);

	if (opt == -ENOPARAM)
		return forward(fc, param);
	if (opt < 0)
		return opt;
	switch (opt) {
	case OPT_PEDANTIC:
	case OPT_PEDANTIC_N:
		zfc->flags |= ZUFS_M_PEDANTIC;
		zfc->pedantic = opt == OPT_PEDANTIC ? 1 : result.uint_32;
		break;
	case OPT_EPHEMERAL:
		zfc->flags |= ZUFS_M_EPHEMERAL;
		break;
	case OPT_SILENT: /* mount(8) makes MS_SILENT of it */
		fc->sb_flags |= SB_SILENT;
		break;
	case OPT_PRIVATE:
		zfc->flags |= ZUFS_M_PRIVATE;
		break;
	case OPT_DEVICE:
		return take_device(fc, param);
	}
	return 0;
}

static struct zuf_sb_info *new_sbi(struct super_block *sb,
				   const struct zuf_fc *zfc)
{
	struct zuf_sb_info *sbi = kzalloc(sizeof(*sbi), GFP_KERNEL);

	if (!sbi)
		return NULL;
	if (init_srcu_struct(&sbi->map_srcu)) {
		kfree(sbi);
		return NULL;
	}
	sbi->sb = sb;
	sbi->type = container_of(sb->s_type, struct zuf_type, fst);
	sbi->mount_flags = zfc->flags | (sb_rdonly(sb) ? ZUFS_M_RDONLY : 0) |
			   (sb->s_flags & SB_SILENT ? ZUFS_M_SILENT : 0);
	sbi->pedantic = zfc->pedantic;
	spin_lock_init(&sbi->options_lock);
	spin_lock_init(&sbi->grant_lock);
	INIT_LIST_HEAD(&sbi->grants);
	INIT_LIST_HEAD(&sbi->evicting);
	spin_lock_init(&sbi->evict_lock);
	init_waitqueue_head(&sbi->evict_wq);
	zuf_pins_init(sbi);
	return sbi;
}

/* Times are ns in 64 bits on the wire, whatever the server says. */
static void set_limits(struct super_block *sb)
{
	const struct zufs_register_fs_info *rfi = &ZUF_SB(sb)->rfi;

	sb->s_magic = rfi->FS_magic;
	sb->s_maxbytes = rfi->s_maxbytes;
	sb->s_time_gran = rfi->s_time_gran;
	sb->s_time_min = max_t(s64, rfi->s_time_min, KTIME_SEC_MIN + 1);
	sb->s_time_max = min_t(s64, rfi->s_time_max, KTIME_SEC_MAX - 1);
	sb->s_flags |= SB_NOSEC;
	sb->s_op = &zuf_sops;
	sb->s_xattr = zuf_xattr_handlers;
	sb->s_export_op = &zuf_export_ops;
}

/* Dirty pages must not fill the memory while a server is slow. */
static int limit_dirty(struct super_block *sb)
{
	sb->s_bdi->ra_pages = ZUFS_READAHEAD_PAGES;
	sb->s_bdi->capabilities |= BDI_CAP_STRICTLIMIT;
	return bdi_set_max_ratio(sb->s_bdi, 1);
}

/*
 * An inode's pages are pmem, or copies in the page cache: not the ones for reads
 * and the others for writes.
 */
static int check_caps(struct super_block *sb, struct fs_context *fc, u64 caps)
{
	const u64 both = ZUFS_FSC_NIO_READS | ZUFS_FSC_NIO_WRITES;

	if (caps & both && !(ZUF_SB(sb)->features & ZUFS_FEAT_NIO))
		return errorfc(fc,
			       "%s answers NIO_READS or NIO_WRITES, but its server's HELLO had no NIO",
			       sb->s_type->name),
		       -EINVAL;
	if (caps & both && (caps & both) != both)
		return errorfc(fc,
			       "%s answers one of NIO_READS and NIO_WRITES: it must be both or none",
			       sb->s_type->name),
		       -EINVAL;
	if (caps & both && !sb->s_bdev)
		return errorfc(fc,
			       "%s answers NIO_READS and NIO_WRITES, but has no device",
			       sb->s_type->name),
		       -EINVAL;
	return 0;
}

/* What the server answered to MOUNT. */
static int take_mount(struct super_block *sb, struct fs_context *fc,
		      const struct zufs_ioc_mount *zim)
{
	struct zuf_sb_info *sbi = ZUF_SB(sb);
	struct inode *root;
	int err = check_caps(sb, fc, zim->fs_caps);

	if (err)
		return err;
	if (zim->blocksize_bits != ZUFS_BLOCK_SHIFT ||
	    (le16_to_cpu(zim->root.zi.i_mode) & S_IFMT) != S_IFDIR)
		return errorfc(fc, "the server gave no valid root"), -EIO;
	sbi->sbi_handle = zim->sbi_handle;
	sbi->fs_caps = zim->fs_caps;
	sbi->falloc_sup = zuf_falloc_modes(zim->falloc_sup);
	if (sbi->fs_caps & ZUFS_FSC_ACL_ON)
		sb->s_flags |= SB_POSIXACL;
	if (!zuf_is_nio(sbi))
		err = limit_dirty(sb);
	if (err)
		return err;
	root = zuf_iget(sb, &zim->root, U64_MAX);
	if (IS_ERR(root))
		return errorfc(fc, "the server gave no valid root"),
		       PTR_ERR(root);
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static int server_mount(struct super_block *sb, struct fs_context *fc)
{
	struct zuf_sb_info *sbi = ZUF_SB(sb);
	struct zuf_fc *zfc = fc->fs_private;
	struct zufs_ioc_mount *zim = zim_new(sbi, GFP_KERNEL);
	int err;

	if (!zim)
		return -ENOMEM;
	memcpy(zim->options, zfc->options, zfc->len);
	zim->options_len = zfc->len;
	err = zuf_dispatch_mount(sbi, ZUFS_M_MOUNT, zim);
	if (err) {
		errorfc(fc,
			"the server refuses to mount %s: error %d (its log says more)",
			sb->s_id, err);
		goto out;
	}
	err = take_mount(sb, fc, zim);
	if (err) {
		zuf_evict_wait_all(sbi);
		zuf_dispatch_mount(sbi, ZUFS_M_UMOUNT, zim);
		goto out;
	}
	fetch_options(sbi);
out:
	kfree(zim);
	return err;
}

/* Writeback of one filesystem never waits for the server of another. */
static int own_bdi(struct super_block *sb)
{
	if (sb->s_bdev)
		bdi_put(sb->s_bdi);
	sb->s_bdi = &noop_backing_dev_info;
	return super_setup_bdi(sb);
}

static bool is_nodev(const struct zuf_sb_info *sbi)
{
	return sbi->rfi.flags & ZUFS_RFI_NODEV;
}

static int set_blocksize_of(struct super_block *sb)
{
	if (sb->s_bdev)
		return sb_set_blocksize(sb, ZUFS_BLOCK_SIZE) ? 0 : -EINVAL;
	sb->s_blocksize = ZUFS_BLOCK_SIZE;
	sb->s_blocksize_bits = ZUFS_BLOCK_SHIFT;
	return 0;
}

/* Another server may have registered the type since get_tree() looked at it. */
static int init_devices(struct zuf_sb_info *sbi, struct fs_context *fc)
{
	const struct zuf_fc *zfc = fc->fs_private;
	struct super_block *sb = sbi->sb;

	if (is_nodev(sbi) != !sb->s_bdev)
		return -ENOTCONN;
	if (sb->s_bdev)
		return zuf_md_init(sbi, fc, &zfc->devices);
	snprintf(sb->s_id, sizeof(sb->s_id), "%s.%u", sbi->type->name,
		 MINOR(sb->s_dev));
	return 0;
}

/* What fails here is undone by zuf_kill_sb(). */
static int fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct zuf_sb_info *sbi = new_sbi(sb, fc->fs_private);
	int err;

	if (!sbi)
		return -ENOMEM;
	sb->s_fs_info = sbi;
	err = set_blocksize_of(sb);
	if (err)
		return err;
	err = zuf_root_get_by_type(sbi);
	if (err)
		return errorfc(fc, "no server serves %s: start zusd with it",
			       sbi->type->name),
		       err;
	set_limits(sb);
	err = init_devices(sbi, fc);
	if (err)
		return err;
	err = own_bdi(sb);
	if (err)
		return err;
	err = zuf_root_add_sb(sbi->root, sbi);
	if (err == -EBUSY)
		errorfc(fc,
			"the machine is about to hibernate: mount it later");
	if (err)
		return err;
	return server_mount(sb, fc);
}

static int check_devices(struct fs_context *fc, struct super_block *sb)
{
	const struct zuf_fc *zfc = fc->fs_private;

	return zuf_md_are_members(&ZUF_SB(sb)->md, fc, &zfc->devices);
}

static int get_tree(struct fs_context *fc)
{
	struct super_block *sb;
	int err;

	err = fc->fs_type->fs_flags & FS_REQUIRES_DEV ?
		      get_tree_bdev(fc, fill_super) :
		      get_tree_nodev(fc, fill_super);
	if (err)
		return err;
	/* It may have been mounted before, and then nothing looked at them. */
	sb = fc->root->d_sb;
	err = check_devices(fc, sb);
	if (err) {
		dput(fc->root);
		fc->root = NULL;
		deactivate_locked_super(sb);
	}
	return err;
}

/* What a remount says of the kernel's own options: none but pedantic may change. */
static int check_remount(struct fs_context *fc, const struct zuf_sb_info *sbi)
{
	const struct zuf_fc *zfc = fc->fs_private;
	u64 fixed = ZUFS_M_EPHEMERAL | ZUFS_M_PRIVATE;

	if (zfc->flags & fixed & ~sbi->mount_flags)
		return invalf(fc,
			      "ephemeral and private are for new mounts only");
	if (!(fc->sb_flags & SB_RDONLY) && zuf_md_read_only(&sbi->md))
		return errorfc(fc, "a device is write-protected"), -EACCES;
	return check_devices(fc, sbi->sb);
}

static void set_remount(struct zufs_ioc_mount *zim, const struct fs_context *fc)
{
	const struct zuf_fc *zfc = fc->fs_private;

	zim->mount_flags &= ~ZUFS_M_RDONLY;
	zim->mount_flags |= zfc->flags & ZUFS_M_PEDANTIC;
	if (fc->sb_flags & SB_RDONLY) {
		zim->mount_flags |= ZUFS_M_RDONLY;
		zim->remount_flags |= ZUFS_REM_WILL_RO;
	}
	if (zfc->flags & ZUFS_M_PEDANTIC)
		zim->pedantic = zfc->pedantic;
	memcpy(zim->options, zfc->options, zfc->len);
	zim->options_len = zfc->len;
}

/* The mount is what the server was told when it has said yes, and not before. */
static int server_remount(struct fs_context *fc, struct super_block *sb)
{
	struct zuf_sb_info *sbi = ZUF_SB(sb);
	struct zufs_ioc_mount *zim = zim_new(sbi, GFP_KERNEL);
	int err;

	if (!zim)
		return -ENOMEM;
	if (sb_rdonly(sb))
		zim->remount_flags = ZUFS_REM_WAS_RO;
	set_remount(zim, fc);
	err = zuf_dispatch_mount(sbi, ZUFS_M_REMOUNT, zim);
	if (!err) {
		sbi->mount_flags = zim->mount_flags;
		sbi->pedantic = zim->pedantic;
	}
	kfree(zim);
	return err;
}

static int reconfigure(struct fs_context *fc)
{
	struct super_block *sb = fc->root->d_sb;
	struct zuf_sb_info *sbi = ZUF_SB(sb);
	int err = check_remount(fc, sbi);

	if (err)
		return err;
	sync_filesystem(sb);
	err = server_remount(fc, sb);
	if (err)
		return err;
	fetch_options(sbi);
	return 0;
}

static void free_fc(struct fs_context *fc)
{
	struct zuf_fc *zfc = fc->fs_private;

	while (zfc->devices.n)
		kfree(zfc->devices.name[--zfc->devices.n]);
	kfree(zfc);
}

static const struct fs_context_operations fc_ops = {
	.parse_param = parse_param,
	.get_tree = get_tree,
	.reconfigure = reconfigure,
	.free = free_fc,
};

int zuf_init_fs_context(struct fs_context *fc)
{
	fc->fs_private = kzalloc(sizeof(struct zuf_fc), GFP_KERNEL);
	if (!fc->fs_private)
		return -ENOMEM;
	fc->ops = &fc_ops;
	return 0;
}

void zuf_kill_sb(struct super_block *sb)
{
	struct zuf_sb_info *sbi = ZUF_SB(sb);

	/* What holds inodes would make them busy at umount. */
	if (sbi) {
		zuf_evict_wait_all(sbi);
		zuf_pins_leave(sbi);
	}
	/* put_super() does this, unless the mount failed before its root. */
	if (sbi && sbi->stats && !sb->s_root)
		zuf_root_del_sb(sbi->root, sbi);
	if (MAJOR(sb->s_dev) == UNNAMED_MAJOR)
		kill_anon_super(sb);
	else
		kill_block_super(sb);
	if (!sbi)
		return;
	zuf_evict_wait_all(sbi);
	zuf_md_fini(&sbi->md);
	if (sbi->root)
		zuf_root_put(sbi->root);
	cleanup_srcu_struct(&sbi->map_srcu);
	kfree(sbi);
}
