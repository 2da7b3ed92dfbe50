// SPDX-License-Identifier: GPL-2.0
/*
 * The window of a ZT: bytes 0 to 4 MiB of its file, where the server sees the
 * pages of the application whose READ or WRITE it has, and nothing else.
 *
 * Pages are shown when the ZT takes the request, mapped at the first fault, and
 * hidden before they are unpinned: by the ZT that answers, and again by the
 * caller, whatever ended its wait.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "core.h"

struct zuf_window {
	struct kref kref;
	/* Faults hold it shared; who changes the rest, exclusive. */
	struct rw_semaphore sem;
	struct address_space *mapping; /* of the file; NULL: it is closed */
	const struct zuf_req *shown;   /* its pages; NULL: nothing to see */
};

struct zuf_window *zuf_window_new(struct file *file)
{
	struct zuf_window *w = kzalloc(sizeof(*w), GFP_KERNEL);

	if (!w)
		return NULL;
	kref_init(&w->kref);
	init_rwsem(&w->sem);
	w->mapping = file->f_mapping;
	return w;
}

struct zuf_window *zuf_window_get(struct zuf_window *w)
{
	kref_get(&w->kref);
	return w;
}

static void window_free(struct kref *kref)
{
	kfree(container_of(kref, struct zuf_window, kref));
}

void zuf_window_put(struct zuf_window *w)
{
	kref_put(&w->kref, window_free);
}

/* ---- show and hide ---- */

/* w->sem is held exclusive: no fault maps anything behind the zap. */
static void hide(struct zuf_window *w)
{
	loff_t len = (loff_t)w->shown->pages->nr << PAGE_SHIFT;

	w->shown = NULL;
	if (w->mapping)
		unmap_mapping_range(w->mapping, 0, len, 1);
}

void zuf_window_show(struct zuf_req *req)
{
	struct zuf_window *w = req->window;

	down_write(&w->sem);
	if (w->shown)
		hide(w);
	/* A caller that goes on changes the state first, then comes to hide. */
	if (atomic_read(&req->state) == RELAY_RUNNING)
		w->shown = req;
	up_write(&w->sem);
}

void zuf_window_hide(const struct zuf_req *req)
{
	struct zuf_window *w = req->window;

	if (!w)
		return;
	down_write(&w->sem);
	if (w->shown == req)
		hide(w);
	up_write(&w->sem);
}

void zuf_window_close(struct zuf_window *w)
{
	down_write(&w->sem);
	w->mapping = NULL;
	up_write(&w->sem);
}

/* ---- the server's map ---- */

struct map_pages {
	struct mm_struct *mm;
	struct page *const *page; /* the next one */
	pgprot_t prot;
};

static int map_one(pte_t *pte, unsigned long addr, void *data)
{
	struct map_pages *mp = data;
	struct page *page = *mp->page++;

	/* Another thread of the server may have been here. */
	if (pte_none(*pte))
		set_pte_at(mp->mm, addr, pte,
			   pte_mkspecial(mk_pte(page, mp->prot)));
	return 0;
}

/* All at once: a fault for each page would cost more than a copy of it. */
static int map_all(struct vm_area_struct *vma, const struct zuf_pages *pages)
{
	unsigned long flags = vma->vm_flags;
	struct map_pages mp = { .mm = vma->vm_mm, .page = pages->page };

	if (!pages->writable)
		flags &= ~VM_WRITE;
	mp.prot = vm_get_page_prot(flags);
	return apply_to_page_range(vma->vm_mm, vma->vm_start,
				   (unsigned long)pages->nr << PAGE_SHIFT,
				   map_one, &mp);
}

static vm_fault_t window_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct zuf_window *w = vma->vm_private_data;
	const struct zuf_pages *pages;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	down_read(&w->sem);
	pages = w->shown ? w->shown->pages : NULL;
	if (pages && vmf->pgoff < pages->nr &&
	    (pages->writable || !(vmf->flags & FAULT_FLAG_WRITE)))
		ret = map_all(vma, pages) ? VM_FAULT_OOM : VM_FAULT_NOPAGE;
	up_read(&w->sem);
	return ret;
}

/*
 * A store to a page that is mapped read-only. Without this one, it would become
 * writable, for the map is.
 */
static vm_fault_t window_mkwrite(struct vm_fault *vmf)
{
	return VM_FAULT_SIGBUS;
}

/* One piece at one place: that is what faults rely on. */
static int window_refuse(struct vm_area_struct *vma)
{
	return -EINVAL;
}

static int window_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	return -EINVAL;
}

static const struct vm_operations_struct window_vm_ops = {
	.fault = window_fault,
	.pfn_mkwrite = window_mkwrite,
	.mremap = window_refuse,
	.may_split = window_may_split,
};

int zuf_window_mmap(struct zuf_window *w, struct vm_area_struct *vma)
{
	if (vma->vm_end - vma->vm_start != ZUS_API_MAP_MAX_SIZE)
		return -EINVAL;
	/* The file holds the window, and the map holds the file. */
	vma->vm_private_data = w;
	vma->vm_ops = &window_vm_ops;
	/* VM_IO: no madvise() lets a child inherit it, and no dump has it. */
	vma->vm_flags |= VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTCOPY |
			 VM_DONTDUMP;
	return 0;
}
