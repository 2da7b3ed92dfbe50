// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings: page faults of 4 KiB and 2 MiB by fs/dax.
 */
#include <linux/dax.h>
#include <linux/mm.h>

#include "fs.h"

static vm_fault_t fault(struct vm_fault *vmf, enum page_entry_size pe)
{
	struct inode *inode = file_inode(vmf->vma->vm_file);
	bool write = vmf->flags & FAULT_FLAG_WRITE &&
		     vmf->vma->vm_flags & VM_SHARED;
	vm_fault_t ret;
	pfn_t pfn;
	int err;

	if (write && IS_IMMUTABLE(inode)) /* since it was mapped */
		return VM_FAULT_SIGBUS;
	if (write) {
		sb_start_pagefault(inode->i_sb);
		file_update_time(vmf->vma->vm_file);
	}
	filemap_invalidate_lock_shared(inode->i_mapping);
	ret = dax_iomap_fault(vmf, pe, &pfn, &err, &zuf_iomap_ops);
	if (ret & VM_FAULT_NEEDDSYNC)
		ret = dax_finish_sync_fault(vmf, pe, pfn);
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
