// SPDX-License-Identifier: GPL-2.0
/*
 * Hand-offs of each operation, in debugfs: zuf/DEVICE/ops. A write resets them.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "core.h"
#include "ops.h"

static struct dentry *top;

#define NAME(name) [ZUFS_OP_##name] = #name,
static const char *const names[ZUFS_OP_MAX_OPT] = { ZUF_OPS(NAME) };

const char *zuf_op_name(u16 op)
{
	return op < ZUFS_OP_MAX_OPT && names[op] ? names[op] : "?";
}

static int ops_show(struct seq_file *m, void *v)
{
	struct zuf_sb_info *sbi = m->private;
	unsigned int op, cpu;

	for (op = 0; op < ZUFS_OP_MAX_OPT; op++) {
		u64 n = 0;

		for_each_possible_cpu(cpu)
			n += per_cpu_ptr(sbi->stats, cpu)->op[op];
		if (names[op])
			seq_printf(m, "%s %llu\n", names[op], n);
	}
	return 0;
}

static int ops_open(struct inode *inode, struct file *file)
{
	return single_open(file, ops_show, inode->i_private);
}

static ssize_t ops_write(struct file *file, const char __user *buf, size_t len,
			 loff_t *pos)
{
	struct zuf_sb_info *sbi = file_inode(file)->i_private;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		memset(per_cpu_ptr(sbi->stats, cpu), 0, sizeof(*sbi->stats));
	return len;
}

static const struct file_operations ops_fops = {
	.owner = THIS_MODULE,
	.open = ops_open,
	.read = seq_read,
	.write = ops_write,
	.llseek = seq_lseek,
	.release = single_release,
};

int zuf_stats_add(struct zuf_sb_info *sbi)
{
	sbi->stats = alloc_percpu(struct zuf_stats);
	if (!sbi->stats)
		return -ENOMEM;
	sbi->dbg = debugfs_create_dir(sbi->sb->s_id, top);
	debugfs_create_file("ops", 0600, sbi->dbg, sbi, &ops_fops);
	return 0;
}

void zuf_stats_del(struct zuf_sb_info *sbi)
{
	debugfs_remove_recursive(sbi->dbg);
	free_percpu(sbi->stats);
	sbi->dbg = NULL;
	sbi->stats = NULL;
}

void zuf_stats_init(void)
{
	top = debugfs_create_dir("zuf", NULL);
}

void zuf_stats_exit(void)
{
	debugfs_remove_recursive(top);
}
