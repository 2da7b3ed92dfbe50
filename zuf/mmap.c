// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings: page faults of 4 KiB and 2 MiB by fs/dax.
 */
#include <linux/dax.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "fs.h"

/*
 * The server is asked before: while it answers, fs/dax would hold the lock of
 * the page's entry, which INVAL_MAP wants.
 */
static vm_fault_t fault_pte(struct vm_fault *vmf, struct inode *inode,
			    bool write)
{
	loff_t pos = (loff_t)vmf->pgoff << PAGE_SHIFT;
	vm_fault_t ret;
	int err;

	do {
		err = zuf_map_ready(inode, pos, PAGE_SIZE, write);
		if (err)
			return vmf_error(err);
		ret = dax_iomap_fault(vmf, PE_SIZE_PTE, NULL, &err,
				      &zuf_iomap_ops);
		/* It was dropped in between. */
	} while (err == -EAGAIN && !fatal_signal_pending(current));
	return ret;
}

/* Would fs/dax try? It says no after the same questions. */
static bool pmd_fits(const struct vm_fault *vmf, struct inode *inode)
{
	unsigned long at = vmf->address & PMD_MASK;
	pgoff_t mask = (PMD_SIZE >> PAGE_SHIFT) - 1;

	return !((vmf->pgoff ^ (vmf->address >> PAGE_SHIFT)) & mask) &&
	       at >= vmf->vma->vm_start && at + PMD_SIZE <= vmf->vma->vm_end &&
	       (vmf->pgoff | mask) <
		       DIV_ROUND_UP_ULL(i_size_read(inode), PAGE_SIZE);
}

static vm_fault_t fault_pmd(struct vm_fault *vmf, struct inode *inode,
			    bool write)
{
	loff_t pos = (loff_t)vmf->pgoff << PAGE_SHIFT & PMD_MASK;

	if (!pmd_fits(vmf, inode) || zuf_map_ready(inode, pos, PMD_SIZE, write))
		return VM_FAULT_FALLBACK;
	return dax_iomap_fault(vmf, PE_SIZE_PMD, NULL, NULL, &zuf_iomap_ops);
}

static vm_fault_t fault(struct vm_fault *vmf, enum page_entry_size pe)
{
	struct inode *inode = file_inode(vmf->vma->vm_file);
	bool write = vmf->flags & FAULT_FLAG_WRITE &&
		     vmf->vma->vm_flags & VM_SHARED;
	vm_fault_t ret;

	if (write && IS_IMMUTABLE(inode)) /* since it was mapped */
		return VM_FAULT_SIGBUS;
	if (write) {
		sb_start_pagefault(inode->i_sb);
		file_update_time(vmf->vma->vm_file);
	}
	filemap_invalidate_lock_shared(inode->i_mapping);
	ret = pe == PE_SIZE_PMD ? fault_pmd(vmf, inode, write) :
				  fault_pte(vmf, inode, write);
	filemap_invalidate_unlock_shared(inode->i_mapping);
	if (write)
		sb_end_pagefault(inode->i_sb);
	return ret;
}

static vm_fault_t zuf_fault(struct vm_fault *vmf)
{
	return fault(vmf, PE_SIZE_PTE);
}

static vm_fault_t zuf_huge_fault(struct vm_fault *vmf, enum page_entry_size pe)
{
	return pe == PE_SIZE_PMD ? fault(vmf, pe) : VM_FAULT_FALLBACK;
}

static const struct vm_operations_struct zuf_vm_ops = {
	.fault = zuf_fault,
	.huge_fault = zuf_huge_fault,
	.page_mkwrite = zuf_fault,
	.pfn_mkwrite = zuf_fault,
};

int zuf_mmap(struct file *file, struct vm_area_struct *vma)
{
	const struct zuf_md *md = &ZUF_SB(file_inode(file)->i_sb)->md;
	unsigned int i;

	for (i = 0; i < md->count; i++)
		if (!daxdev_mapping_supported(vma, md->dev[i].dax))
			return -EOPNOTSUPP;
	file_accessed(file);
	vma->vm_ops = &zuf_vm_ops;
	vma->vm_flags |= VM_HUGEPAGE;
	return 0;
}
