// SPDX-License-Identifier: GPL-2.0
/*
 * The control root: a pseudo filesystem of type "zuf", and the connection of
 * its server. A root outlives its mount while super blocks use it.
 */
#include <linux/fs_parser.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "core.h"
#include "trace.h"

#define DEFAULT_TIMEOUT 60 /* seconds */

static atomic64_t last_sb_id;
static atomic64_t last_epoch; /* of all roots */

/* ---- the object ---- */

/* The freezer gives up after 20 seconds: callers of a server that hangs are told by then. */
static unsigned long watch_period(const struct zuf_root *root)
{
	if (IS_ENABLED(CONFIG_ZUF_DEBUG))
		return HZ;
	return clamp(root->timeout * HZ / 4, 1U * HZ, 5U * HZ);
}

static void watch(struct work_struct *work)
{
	struct zuf_root *root =
		container_of(to_delayed_work(work), struct zuf_root, watch);
	unsigned long period = watch_period(root);
	unsigned int limit = DIV_ROUND_UP(root->timeout * HZ, period);
	u64 epoch = READ_ONCE(root->live);
	char why[80];

	WRITE_ONCE(root->round, root->round + 1);
	if (zuf_lanes_late(root, limit, why, sizeof(why)) ||
	    zuf_mounts_late(root, limit, why, sizeof(why)))
		zuf_epoch_end(root, epoch, why);
	zuf_lanes_watch(root);
	schedule_delayed_work(&root->watch, period);
}

static void root_free(struct zuf_root *root)
{
	xa_destroy(&root->sbs);
	kfree(root->spinning);
	kfree(root->served);
	kvfree(root->cpu);
	kfree(root);
}

struct zuf_root *zuf_root_new(unsigned int timeout)
{
	struct zuf_root *root = kzalloc(sizeof(*root), GFP_KERNEL);
	unsigned int cpu;

	if (!root)
		return NULL;
	kref_init(&root->kref);
	mutex_init(&root->ctl);
	xa_init(&root->sbs);
	zuf_lane_init(&root->back);
	spin_lock_init(&root->pool_lock);
	init_waitqueue_head(&root->pool_wq);
	spin_lock_init(&root->mount_lock);
	INIT_LIST_HEAD(&root->mount_queue);
	init_waitqueue_head(&root->mount_wq);
	init_waitqueue_head(&root->mount_done);
	root->timeout = timeout;
	INIT_DELAYED_WORK(&root->watch, watch);
	root->cpu = kvcalloc(nr_cpu_ids, sizeof(*root->cpu), GFP_KERNEL);
	root->served = kzalloc(cpumask_size(), GFP_KERNEL);
	root->spinning = kzalloc(cpumask_size(), GFP_KERNEL);
	if (!root->cpu || !root->served || !root->spinning) {
		root_free(root);
		return NULL;
	}
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		zuf_lane_init(&root->cpu[cpu]);
	return root;
}

static void root_release(struct kref *kref)
{
	root_free(container_of(kref, struct zuf_root, kref));
}

void zuf_root_get(struct zuf_root *root)
{
	kref_get(&root->kref);
}

void zuf_root_put(struct zuf_root *root)
{
	kref_put(&root->kref, root_release);
}

int zuf_root_get_by_type(struct zuf_sb_info *sbi)
{
	const struct zuf_type *type = sbi->type;
	int err = -ENOTCONN;

	mutex_lock(&zuf_types_lock);
	if (type->root) {
		err = 0;
		sbi->root = type->root;
		sbi->epoch = type->epoch;
		sbi->features = READ_ONCE(type->root->features);
		sbi->zfi_id = type->zfi_id;
		sbi->rfi = type->rfi;
		kref_get(&sbi->root->kref);
	}
	mutex_unlock(&zuf_types_lock);
	return err;
}

/* ---- epochs ---- */

u64 zuf_epoch_new(void)
{
	return atomic64_inc_return(&last_epoch);
}

/*
 * Makes the server of @epoch harmless: its requests are dead, its map of pmem is
 * gone, and its mounts answer EIO.
 */
void zuf_epoch_end(struct zuf_root *root, u64 epoch, const char *why)
{
	struct zuf_sb_info *sbi;
	unsigned long id;

	mutex_lock(&root->ctl);
	if (!zuf_is_live(root, epoch)) {
		mutex_unlock(&root->ctl);
		return;
	}
	WRITE_ONCE(root->live, 0);
	WRITE_ONCE(root->mount_pid, 0);
	root->state = root->orderly ? ZUF_ROOT_INITIALIZING :
				      ZUF_ROOT_SERVER_FAILED;
	if (!root->orderly)
		pr_warn("the server (pid %d) is gone: %s\n", root->tgid, why);
	trace_zuf_epoch_end(epoch, root->tgid,
			    root->orderly ? "in order" : why);
	zuf_type_drop_root(root);
	xa_for_each(&root->sbs, id, sbi)
		WRITE_ONCE(sbi->dead, true);
	zuf_lanes_leave(root);
	zuf_lanes_kill(root);
	zuf_mounts_kill(root);
	wake_up_all(&root->pool_wq);
	/* Last: it waits for faults of the server, which may wait for all that. */
	xa_for_each(&root->sbs, id, sbi)
		zuf_pmem_revoke(sbi);
	mutex_unlock(&root->ctl);
}

int zuf_root_add_sb(struct zuf_root *root, struct zuf_sb_info *sbi)
{
	int err = -EIO;

	sbi->sb_id = atomic64_inc_return(&last_sb_id);
	mutex_lock(&root->ctl);
	if (zuf_is_live(root, sbi->epoch))
		err = zuf_pm_mount();
	if (!err) {
		err = xa_err(xa_store(&root->sbs, sbi->sb_id, sbi, GFP_NOIO));
		if (err)
			zuf_pm_umount();
	}
	mutex_unlock(&root->ctl);
	if (err)
		return err;
	err = zuf_stats_add(sbi);
	if (err)
		zuf_root_del_sb(root, sbi);
	return err;
}

void zuf_root_del_sb(struct zuf_root *root, struct zuf_sb_info *sbi)
{
	zuf_stats_del(sbi);
	mutex_lock(&root->ctl);
	zuf_pmem_revoke(sbi);
	zuf_pools_leave(sbi);
	if (xa_erase(&root->sbs, sbi->sb_id))
		zuf_pm_umount();
	mutex_unlock(&root->ctl);
}

/* ---- files ---- */

static ssize_t state_read(struct file *file, char __user *buf, size_t len,
			  loff_t *pos)
{
	static const char *const names[] = {
		[ZUF_ROOT_INITIALIZING] = "initializing\n",
		[ZUF_ROOT_REGISTERING_FS] = "registering_fs\n",
		[ZUF_ROOT_MOUNT_READY] = "mount_ready\n",
		[ZUF_ROOT_SERVER_FAILED] = "server_failed\n",
	};
	const char *name = names[READ_ONCE(zuf_root_of(file)->state)];

	return simple_read_from_buffer(buf, len, pos, name, strlen(name));
}

static int registered_show(struct seq_file *m, void *v)
{
	struct zuf_root *root = m->private;
	struct zuf_type *type;
	const char *sep = "";

	mutex_lock(&zuf_types_lock);
	list_for_each_entry(type, &zuf_types, list) {
		if (type->root != root)
			continue;
		seq_printf(m, "%s%s", sep, type->name);
		sep = " ";
	}
	mutex_unlock(&zuf_types_lock);
	seq_putc(m, '\n');
	return 0;
}

static int registered_open(struct inode *inode, struct file *file)
{
	return single_open(file, registered_show, inode->i_sb->s_fs_info);
}

static ssize_t abort_write(struct file *file, const char __user *buf,
			   size_t len, loff_t *pos)
{
	struct zuf_root *root = zuf_root_of(file);

	zuf_epoch_end(root, READ_ONCE(root->live), "abort was written");
	return len;
}

static const struct file_operations state_fops = {
	.owner = THIS_MODULE,
	.read = state_read,
	.llseek = default_llseek,
};

static const struct file_operations registered_fops = {
	.owner = THIS_MODULE,
	.open = registered_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

static const struct file_operations abort_fops = {
	.owner = THIS_MODULE,
	.write = abort_write,
	.llseek = noop_llseek,
};

/* ---- mount of the root ---- */

enum {
	OPT_TIMEOUT
};

static const struct fs_parameter_spec root_params[] = {
	fsparam_u32("timeout", OPT_TIMEOUT),
	{},
};

struct root_fc {
	unsigned int timeout; /* seconds, 0: not named */
};

static int root_parse(struct fs_context *fc, struct fs_parameter *param)
{
	struct root_fc *rfc = fc->fs_private;
	struct fs_parse_result result;
	int opt = fs_parse(fc, root_params, param, &result);

	if (opt < 0)
		return opt;
	if (!result.uint_32 || result.uint_32 > 86400)
		return invalf(fc, "timeout is 1 to 86400 seconds");
	rfc->timeout = result.uint_32;
	return 0;
}

static int root_show_options(struct seq_file *m, struct dentry *dentry)
{
	struct zuf_root *root = dentry->d_sb->s_fs_info;

	if (root->timeout != DEFAULT_TIMEOUT)
		seq_printf(m, ",timeout=%u", root->timeout);
	return 0;
}

static const struct super_operations root_sops = {
	.statfs = simple_statfs,
	.drop_inode = generic_delete_inode,
	.show_options = root_show_options,
};

static int root_fill(struct super_block *sb, struct fs_context *fc)
{
	static const struct tree_descr files[] = {
		[2] = { "state", &state_fops, 0400 },
		[3] = { "registered_fs", &registered_fops, 0400 },
		[4] = { "abort", &abort_fops, 0200 },
		[5] = { "ddbg", &zuf_ddbg_fops, 0600 },
		{ "" },
	};
	struct zuf_root *root = sb->s_fs_info;
	struct inode *dir;
	int err = simple_fill_super(sb, ZUFS_SUPER_MAGIC, files);

	if (err)
		return err;
	sb->s_op = &root_sops;
	sb->s_iflags |= SB_I_NOEXEC;
	dir = d_inode(sb->s_root);
	dir->i_mode = S_IFDIR | 0700;
	dir->i_op = &zuf_role_dir_iops;
	schedule_delayed_work(&root->watch, HZ);
	return 0;
}

static int root_get_tree(struct fs_context *fc)
{
	const struct root_fc *rfc = fc->fs_private;

	fc->s_fs_info =
		zuf_root_new(rfc->timeout ? rfc->timeout : DEFAULT_TIMEOUT);
	return fc->s_fs_info ? get_tree_nodev(fc, root_fill) : -ENOMEM;
}

static int root_reconfigure(struct fs_context *fc)
{
	struct zuf_root *root = fc->root->d_sb->s_fs_info;
	const struct root_fc *rfc = fc->fs_private;

	if (rfc->timeout)
		WRITE_ONCE(root->timeout, rfc->timeout);
	return 0;
}

static void root_free_fc(struct fs_context *fc)
{
	if (fc->s_fs_info)
		zuf_root_put(fc->s_fs_info);
	kfree(fc->fs_private);
}

static const struct fs_context_operations root_fc_ops = {
	.parse_param = root_parse,
	.get_tree = root_get_tree,
	.reconfigure = root_reconfigure,
	.free = root_free_fc,
};

static int root_init_fc(struct fs_context *fc)
{
	fc->fs_private = kzalloc(sizeof(struct root_fc), GFP_KERNEL);
	if (!fc->fs_private)
		return -ENOMEM;
	fc->ops = &root_fc_ops;
	return 0;
}

static void root_kill_sb(struct super_block *sb)
{
	struct zuf_root *root = sb->s_fs_info;

	kill_litter_super(sb);
	if (!root)
		return;
	cancel_delayed_work_sync(&root->watch);
	zuf_epoch_end(root, READ_ONCE(root->live),
		      "the control root was unmounted");
	zuf_root_put(root);
}

static struct file_system_type root_type = {
	.owner = THIS_MODULE,
	.name = "zuf",
	.init_fs_context = root_init_fc,
	.parameters = root_params,
	.kill_sb = root_kill_sb,
};
MODULE_ALIAS_FS("zuf");

int zuf_root_init(void)
{
	int err = sysfs_create_mount_point(fs_kobj, "zuf");

	if (err)
		return err;
	/* By chance and not by the clock: a unique id of an earlier load has another. */
	atomic64_set(&last_epoch, get_random_u64() >> 1);
	err = zuf_req_cache_init();
	if (err)
		goto out_point;
	err = zuf_pm_init();
	if (err)
		goto out_cache;
	err = register_filesystem(&root_type);
	if (err)
		goto out_pm;
	zuf_stats_init();
	return 0;
out_pm:
	zuf_pm_exit();
out_cache:
	zuf_req_cache_exit();
out_point:
	sysfs_remove_mount_point(fs_kobj, "zuf");
	return err;
}

void zuf_root_exit(void)
{
	zuf_stats_exit();
	unregister_filesystem(&root_type);
	zuf_type_exit();
	zuf_pm_exit();
	zuf_req_cache_exit();
	sysfs_remove_mount_point(fs_kobj, "zuf");
}
