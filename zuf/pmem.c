// SPDX-License-Identifier: GPL-2.0
/*
 * The server's map of a super block's pmem.
 */
#include <linux/blkdev.h>
#include <linux/kdev_t.h>
#include <linux/mm.h>
#include <linux/pfn_t.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "core.h"

static int grab(struct file *file, u64 sb_id, struct zufs_ioc_pmem *pm)
{
	struct zuf_file *zf = file->private_data;
	struct zuf_sb_info *sbi = xa_load(&zf->root->sbs, sb_id);
	unsigned int i;

	if (!sbi || sbi->dead || sbi->epoch != zf->epoch)
		return -ESTALE;
	if (!sbi->md.count)
		return -ENODEV;
	if (sbi->pmem_file)
		return -EBUSY;
	pm->t1_blocks = sbi->md.blocks;
	pm->dev_count = sbi->md.count;
	for (i = 0; i < sbi->md.count; i++) {
		pm->dev[i].blocks = sbi->md.dev[i].blocks;
		pm->dev[i].numa_node = sbi->md.dev[i].numa_node;
		pm->dev[i].rdev = new_encode_dev(sbi->md.dev[i].bdev->bd_dev);
	}
	zf->sbi = sbi;
	sbi->pmem_file = file;
	return 0;
}

long zuf_pmem_grab(struct file *file, struct zufs_ioc_pmem __user *arg)
{
	struct zuf_file *zf = file->private_data;
	struct zufs_ioc_pmem *pm = memdup_user(arg, sizeof(*pm));
	u64 sb_id;
	long err;

	if (IS_ERR(pm))
		return PTR_ERR(pm);
	sb_id = pm->sb_id;
	mutex_lock(&zf->root->ctl);
	err = grab(file, sb_id, pm);
	mutex_unlock(&zf->root->ctl);
	if (!err && copy_to_user(arg, pm, sizeof(*pm))) {
		zuf_pmem_release(zf);
		err = -EFAULT;
	}
	kfree(pm);
	return err;
}

void zuf_pmem_release(struct zuf_file *zf)
{
	mutex_lock(&zf->root->ctl);
	if (zf->sbi)
		zf->sbi->pmem_file = NULL;
	zf->sbi = NULL;
	mutex_unlock(&zf->root->ctl);
}

void zuf_pmem_revoke(struct zuf_sb_info *sbi)
{
	struct file *file = sbi->pmem_file;
	struct zuf_file *zf;

	if (!file)
		return;
	zf = file->private_data;
	/* After this no fault finds pmem; what earlier ones mapped is zapped. */
	down_write(&zf->sem);
	zf->sbi = NULL;
	up_write(&zf->sem);
	sbi->pmem_file = NULL;
	unmap_mapping_range(file->f_mapping, 0, 0, 1);
}

/* The super block, with s_umount held shared; NULL: it can't be had now. */
static struct super_block *lock_super(struct zuf_file *zf)
{
	struct super_block *sb = NULL;

	down_read(&zf->sem);
	/* Who mounts or unmounts waits for the server. */
	if (zf->sbi && down_read_trylock(&zf->sbi->sb->s_umount))
		sb = zf->sbi->sb;
	up_read(&zf->sem);
	if (sb && !(sb->s_flags & SB_ACTIVE)) {
		up_read(&sb->s_umount);
		sb = NULL;
	}
	return sb;
}

long zuf_pmem_inval(struct zuf_file *zf, struct zufs_ioc_inval_map __user *arg)
{
	struct zufs_ioc_inval_map im;
	struct super_block *sb;
	long err;

	if (copy_from_user(&im, arg, sizeof(im)))
		return -EFAULT;
	if (!im.ii.ino || !im.len)
		return -EINVAL;
	/* Whoever uses the map may wait for the operation that this ZT serves. */
	if (zuf_zt_serves(zf->root))
		return -EDEADLK;
	if (!zuf_is_live(zf->root, zf->epoch))
		return -ENOTCONN;
	sb = lock_super(zf);
	if (!sb)
		return -EAGAIN;
	err = zuf_inval_map(ZUF_SB(sb), &im.ii, im.offset, im.len);
	up_read(&sb->s_umount);
	return err;
}

/* Maps @size bytes (a page or 2 MiB) around the fault. zf->sem is held. */
static vm_fault_t map_pmem(struct vm_fault *vmf, struct zuf_sb_info *sbi,
			   unsigned long size)
{
	pgoff_t pgoff = vmf->pgoff & ~((size >> PAGE_SHIFT) - 1);
	u64 n = size >> PAGE_SHIFT;
	struct zuf_dev *dev = zuf_md_dev(&sbi->md, pgoff, n);
	/* A bad block, or the end, somewhere in 2 MiB is none of all its pages. */
	vm_fault_t ret = size == PAGE_SIZE ? VM_FAULT_SIGBUS :
					     VM_FAULT_FALLBACK;
	pfn_t pfn;
	int id;

	if (!dev)
		return ret;
	id = dax_read_lock();
	if (dax_direct_access(dev->dax,
			      (dev->dax_off >> PAGE_SHIFT) + pgoff - dev->first,
			      n, DAX_ACCESS, NULL, &pfn) >= (long)n) {
		if (size == PAGE_SIZE)
			ret = vmf_insert_pfn(vmf->vma, vmf->address,
					     pfn_t_to_pfn(pfn));
		else if (!(pfn_t_to_pfn(pfn) & (n - 1)))
			ret = vmf_insert_pfn_pmd(vmf, pfn, true);
	}
	dax_read_unlock(id);
	return ret;
}

static vm_fault_t fault_size(struct vm_fault *vmf, unsigned long size)
{
	struct zuf_file *zf = vmf->vma->vm_file->private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	unsigned int noio;

	down_read(&zf->sem);
	/* Who revokes waits for this one: memory may not come from IO to zuf. */
	noio = memalloc_noio_save();
	if (zf->sbi)
		ret = map_pmem(vmf, zf->sbi, size);
	memalloc_noio_restore(noio);
	up_read(&zf->sem);
	return ret;
}

static vm_fault_t pmem_fault(struct vm_fault *vmf)
{
	return fault_size(vmf, PAGE_SIZE);
}

static vm_fault_t pmem_huge_fault(struct vm_fault *vmf, enum page_entry_size pe)
{
	unsigned long at = vmf->address & PMD_MASK;

	if (pe != PE_SIZE_PMD || at < vmf->vma->vm_start ||
	    at + PMD_SIZE > vmf->vma->vm_end)
		return VM_FAULT_FALLBACK;
	/* Address and offset must agree modulo 2 MiB. */
	if ((vmf->pgoff ^ (vmf->address >> PAGE_SHIFT)) & (PTRS_PER_PMD - 1))
		return VM_FAULT_FALLBACK;
	return fault_size(vmf, PMD_SIZE);
}

static const struct vm_operations_struct pmem_vm_ops = {
	.fault = pmem_fault,
	.huge_fault = pmem_huge_fault,
};

int zuf_pmem_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &pmem_vm_ops;
	vma->vm_flags |= VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTCOPY |
			 VM_DONTDUMP | VM_HUGEPAGE;
	return 0;
}
