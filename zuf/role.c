// SPDX-License-Identifier: GPL-2.0
/*
 * Role files: opened with O_TMPFILE on the control root, given their role by
 * the first ioctl, once.
 */
#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/uaccess.h>

#include "core.h"
#include "trace.h"

/* ---- open and close ---- */

static int role_tmpfile(struct user_namespace *ns, struct inode *dir,
			struct file *file, umode_t mode)
{
	struct inode *inode;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	inode = new_inode(dir->i_sb);
	if (!inode)
		return -ENOMEM;
	inode->i_ino = get_next_ino();
	inode_init_owner(ns, inode, dir, S_IFREG | 0600);
	inode->i_fop = &zuf_role_fops;
	/* 2 MiB entries of a special mapping want it (6.1). */
	inode->i_flags |= S_DAX;
	d_tmpfile(file, inode);
	return finish_open_simple(file, 0);
}

/* Once for each inode: /proc/PID/fd would open it again, for a second role. */
static int role_open(struct inode *inode, struct file *file)
{
	struct zuf_file *zf;

	if (xchg(&inode->i_private, inode))
		return -ENXIO;
	zf = kzalloc(sizeof(*zf), GFP_KERNEL);
	if (!zf)
		return -ENOMEM;
	init_rwsem(&zf->sem);
	zf->root = inode->i_sb->s_fs_info;
	zuf_root_get(zf->root);
	file->private_data = zf;
	return 0;
}

const struct inode_operations zuf_role_dir_iops = {
	.lookup = simple_lookup,
	.tmpfile = role_tmpfile,
};

/* For the log: a server that crashed leaves no line of its own. */
static void end_by_close(struct zuf_file *zf)
{
	char why[40];

	if (!(current->flags & PF_EXITING))
		strscpy(why, "it closed its files", sizeof(why));
	else if (current->exit_code & 0x7f)
		snprintf(why, sizeof(why), "signal %d killed it",
			 current->exit_code & 0x7f);
	else
		snprintf(why, sizeof(why), "it ended with status %d",
			 current->exit_code >> 8 & 0xff);
	zuf_epoch_end(zf->root, zf->epoch, why);
}

static int role_release(struct inode *inode, struct file *file)
{
	struct zuf_file *zf = file->private_data;
	int role = atomic_read(&zf->role);

	if (role == ZUF_ROLE_MOUNT ||
	    (role == ZUF_ROLE_ZT && !READ_ONCE(zf->root->orderly)))
		end_by_close(zf);
	if (role == ZUF_ROLE_ZT)
		zuf_zt_release(zf);
	if (role == ZUF_ROLE_PMEM)
		zuf_pmem_release(zf);
	if (role == ZUF_ROLE_POOL)
		zuf_pool_release(zf);
	zuf_root_put(zf->root);
	kfree(zf);
	return 0;
}

/* ---- ioctls of the mount thread ---- */

static long hello(struct zuf_file *zf, struct zufs_ioc_hello __user *arg)
{
	struct zuf_root *root = zf->root;
	struct zufs_ioc_hello h;
	long err = 0;

	if (copy_from_user(&h, arg, sizeof(h)))
		return -EFAULT;
	if (h.major != ZUFS_MAJOR_VERSION)
		err = -EPROTONOSUPPORT;
	h.major = ZUFS_MAJOR_VERSION;
	h.minor = ZUFS_MINOR_VERSION;
	h.features &= ZUFS_FEAT_NIO;
	h.num_channels = ZUFS_NUM_CHANNELS;
	mutex_lock(&root->ctl);
	if (!err && root->live)
		err = -EBUSY;
	if (!err) {
		h.epoch = zuf_epoch_new();
		root->tgid = current->tgid;
		WRITE_ONCE(root->features, h.features);
		root->orderly = false;
		root->mount_brk = false; /* it was for the last server */
		atomic_set(&root->op_size, ZUFS_MAX_OP_SIZE);
		root->state = ZUF_ROOT_REGISTERING_FS;
		WRITE_ONCE(root->live, h.epoch);
		zf->epoch = h.epoch;
		trace_zuf_epoch_begin(h.epoch, root->tgid);
	}
	mutex_unlock(&root->ctl);
	if (copy_to_user(arg, &h, sizeof(h)) && !err) {
		zuf_epoch_end(root, zf->epoch, "HELLO gave a bad address");
		err = -EFAULT;
	}
	return err;
}

static long register_fs(struct zuf_file *zf,
			struct zufs_ioc_register_fs __user *arg)
{
	struct zuf_root *root = zf->root;
	struct zufs_ioc_register_fs r;
	int err = -ENOTCONN;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	/* Under ctl: the end of the epoch takes the types from the root. */
	mutex_lock(&root->ctl);
	if (zuf_is_live(root, zf->epoch))
		err = zuf_type_register(root, zf->epoch, r.zfi_id, &r.rfi);
	mutex_unlock(&root->ctl);
	return err;
}

static long numa_map(struct zufs_ioc_numa_map __user *arg)
{
	struct zufs_ioc_numa_map nm;
	unsigned int cpu;

	if (copy_from_user(&nm, arg, sizeof(nm)))
		return -EFAULT;
	nm.possible_nodes = nr_node_ids;
	nm.possible_cpus = nr_cpu_ids;
	nm.online_nodes = num_online_nodes();
	nm.online_cpus = num_online_cpus();
	if (copy_to_user(arg, &nm, sizeof(nm)))
		return -EFAULT;
	if (nm.max_cpus < nr_cpu_ids)
		return -EOVERFLOW;
	for (cpu = 0; cpu < nr_cpu_ids; cpu++) {
		u16 node = cpu_online(cpu) ? cpu_to_node(cpu) : 0xffff;

		if (put_user(node, &arg->cpu_node[cpu]))
			return -EFAULT;
	}
	return 0;
}

static long break_all(struct zuf_file *zf)
{
	struct zuf_root *root = zf->root;

	mutex_lock(&root->ctl);
	if (zuf_is_live(root, zf->epoch)) {
		root->orderly = true;
		zuf_lanes_break(root);
		spin_lock(&root->mount_lock);
		root->mount_brk = true;
		spin_unlock(&root->mount_lock);
		wake_up(&root->mount_wq);
	}
	mutex_unlock(&root->ctl);
	return 0;
}

static long mount_ioctl(struct zuf_file *zf, unsigned int cmd, void __user *arg)
{
	switch (cmd) {
	case ZU_IOC_REGISTER_FS:
		return register_fs(zf, arg);
	case ZU_IOC_MOUNT:
		return zuf_mount_wait(zf, arg);
	case ZU_IOC_NUMA_MAP:
		return numa_map(arg);
	case ZU_IOC_BREAK_ALL:
		return break_all(zf);
	default:
		return -ENOTTY;
	}
}

/* ---- roles ---- */

/* The first ioctl of a file. On an error the file has no role still. */
static long set_role(struct file *file, unsigned int cmd, void __user *arg)
{
	struct zuf_file *zf = file->private_data;
	int role;
	long err;

	if (atomic_cmpxchg(&zf->role, ZUF_ROLE_NONE, ZUF_ROLE_BUSY) !=
	    ZUF_ROLE_NONE)
		return -EBUSY;
	mutex_lock(&zf->root->ctl);
	zf->epoch = zf->root->live;
	err = zf->epoch && zf->root->tgid == current->tgid ? 0 : -ENOTCONN;
	mutex_unlock(&zf->root->ctl);
	switch (cmd) {
	case ZU_IOC_HELLO:
		role = ZUF_ROLE_MOUNT;
		err = hello(zf, arg);
		break;
	case ZU_IOC_INIT_THREAD:
		role = ZUF_ROLE_ZT;
		err = err ?: zuf_zt_init(file, arg);
		break;
	case ZU_IOC_GRAB_PMEM:
		role = ZUF_ROLE_PMEM;
		err = err ?: zuf_pmem_grab(file, arg);
		break;
	case ZU_IOC_ALLOC_BUFFER:
		role = ZUF_ROLE_POOL;
		err = err ?: zuf_pool_alloc(zf, arg);
		break;
	default:
		role = ZUF_ROLE_NONE;
		err = -EBADF;
	}
	atomic_set_release(&zf->role, err ? ZUF_ROLE_NONE : role);
	return err;
}

static long role_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct zuf_file *zf = file->private_data;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	switch (atomic_read_acquire(&zf->role)) {
	case ZUF_ROLE_NONE:
		return set_role(file, cmd, (void __user *)arg);
	case ZUF_ROLE_MOUNT:
		if (zf->root->tgid != current->tgid)
			return -EPERM;
		return mount_ioctl(zf, cmd, (void __user *)arg);
	case ZUF_ROLE_ZT:
		return cmd == ZU_IOC_WAIT_OPT ? zuf_zt_wait(zf) : -EBUSY;
	case ZUF_ROLE_PMEM:
		return cmd == ZU_IOC_INVAL_MAP ?
			       zuf_pmem_inval(zf, (void __user *)arg) :
			       -EBUSY;
	default:
		return -EBUSY;
	}
}

static int role_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct zuf_file *zf = file->private_data;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	switch (atomic_read_acquire(&zf->role)) {
	case ZUF_ROLE_ZT:
		return zuf_zt_mmap(zf, vma);
	case ZUF_ROLE_PMEM:
		return zuf_pmem_mmap(file, vma);
	case ZUF_ROLE_POOL:
		return zuf_pool_mmap(zf, vma);
	default:
		return -EBADF;
	}
}

const struct file_operations zuf_role_fops = {
	.owner = THIS_MODULE,
	.open = role_open,
	.unlocked_ioctl = role_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = role_mmap,
	.get_unmapped_area = thp_get_unmapped_area,
	.release = role_release,
	.llseek = noop_llseek,
};
