// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of mappings that somebody has pinned: for DMA, or in a pipe. Their blocks
 * can't become another file's. A pin lives on after the last munmap(2), where
 * dax_layout_busy_page() doesn't look any more.
 */
#include <linux/dax.h>
#include <linux/pagemap.h>
#include <linux/wait_bit.h>

#include "fs.h"

/*
 * An entry of fs/dax in i_pages, as its fs/dax.c has it in 6.1: a value of flags
 * and, from bit 4 on, a page frame number.
 */
#define ENTRY_PMD   BIT(1)
#define ENTRY_NONE  (BIT(2) | BIT(3)) /* a zero page, or no page yet */
#define ENTRY_SHIFT 4

static struct page *entry_pages(const void *entry, unsigned long *n)
{
	unsigned long v = xa_to_value(entry);

	*n = v & ENTRY_NONE ? 0 : v & ENTRY_PMD ? PMD_SIZE >> PAGE_SHIFT : 1;
	return pfn_to_page(v >> ENTRY_SHIFT);
}

/* One that isn't has a single reference, of the device. */
static struct page *pinned_of(const void *entry)
{
	unsigned long n;
	struct page *page = entry_pages(entry, &n);

	for (; n; n--, page++)
		if (page_ref_count(page) > 1)
			return page;
	return NULL;
}

/* @sleeps: the caller may, and it takes as long as it takes. */
static struct page *find_pinned(struct address_space *mapping, pgoff_t first,
				pgoff_t last, bool sleeps)
{
	XA_STATE(xas, &mapping->i_pages, first);
	struct page *page = NULL;
	void *entry;

	rcu_read_lock();
	xas_for_each(&xas, entry, last) {
		if (xas_retry(&xas, entry) || !xa_is_value(entry))
			continue;
		page = pinned_of(entry);
		if (page)
			break;
		if (sleeps && need_resched()) {
			xas_pause(&xas);
			cond_resched_rcu();
		}
	}
	rcu_read_unlock();
	return page;
}

struct page *zuf_pinned_page(struct address_space *mapping, loff_t from,
			     loff_t to)
{
	/* An entry of 2 MiB goes as a whole, with all that is mapped by it. */
	pgoff_t first = round_down(from, PMD_SIZE) >> PAGE_SHIFT;
	pgoff_t last = (to | (PMD_SIZE - 1)) >> PAGE_SHIFT;

	/* Nobody pins what isn't mapped; who is about to has done so then. */
	unmap_mapping_pages(mapping, first, last - first + 1, false);
	return find_pinned(mapping, first, last, true);
}

static void layout_unlock_wait(struct inode *inode)
{
	filemap_invalidate_unlock(inode->i_mapping);
	schedule();
	filemap_invalidate_lock(inode->i_mapping);
}

int zuf_break_layouts(struct inode *inode, loff_t from, loff_t to)
{
	struct page *page;
	int err = 0;

	if (!IS_DAX(inode))
		return 0;
	while (!err && (page = zuf_pinned_page(inode->i_mapping, from, to)))
		err = ___wait_var_event(&page->_refcount,
					page_ref_count(page) == 1,
					TASK_INTERRUPTIBLE, 0, 0,
					layout_unlock_wait(inode));
	return err;
}

/* ---- the last close of a file without a name ---- */

/* So many pages are looked at in a millisecond or two, with a spinlock held. */
#define WALK_MAX (1UL << 18)

static struct page *any_pinned(struct inode *inode, bool sleeps)
{
	if (!IS_DAX(inode))
		return NULL;
	return find_pinned(inode->i_mapping, 0, ULONG_MAX, sleeps);
}

/*
 * Once it is true nothing is pinned until the next fault: a pin takes a page that is
 * mapped, and a page is mapped by a fault.
 */
static void walk(struct zuf_inode_info *ii)
{
	struct inode *inode = &ii->vfs_inode;

	smp_store_mb(ii->unpinned, true);
	if (mapping_mapped(inode->i_mapping) || any_pinned(inode, true))
		WRITE_ONCE(ii->unpinned, false);
}

/* Those that still are pinned come again. */
static void put_all(struct zuf_sb_info *sbi)
{
	struct zuf_inode_info *ii, *next;
	LIST_HEAD(list);

	spin_lock(&sbi->pin_lock);
	list_splice_init(&sbi->pinned, &list);
	spin_unlock(&sbi->pin_lock);
	list_for_each_entry_safe(ii, next, &list, pinned_node) {
		list_del(&ii->pinned_node);
		walk(ii);
		iput(&ii->vfs_inode);
	}
}

static void put_work(struct work_struct *work)
{
	put_all(container_of(to_delayed_work(work), struct zuf_sb_info,
			     pinned_work));
}

void zuf_pins_init(struct zuf_sb_info *sbi)
{
	spin_lock_init(&sbi->pin_lock);
	INIT_LIST_HEAD(&sbi->pinned);
	INIT_DELAYED_WORK(&sbi->pinned_work, put_work);
}

/* With a reference it is neither in use nor evicted; each second it is looked at. */
static bool keep(struct inode *inode)
{
	struct zuf_sb_info *sbi = ZUF_SB(inode->i_sb);
	bool kept;

	spin_lock(&sbi->pin_lock);
	kept = !sbi->unmounting;
	if (kept) {
		__iget(inode);
		list_add_tail(&ZUF_I(inode)->pinned_node, &sbi->pinned);
		queue_delayed_work(system_freezable_wq, &sbi->pinned_work, HZ);
	}
	spin_unlock(&sbi->pin_lock);
	return kept;
}

int zuf_drop_inode(struct inode *inode)
{
	if (!generic_drop_inode(inode))
		return 0;
	if (inode->i_nlink || !IS_DAX(inode) ||
	    READ_ONCE(ZUF_I(inode)->unpinned))
		return 1;
	if (inode->i_data.nrpages <= WALK_MAX && !any_pinned(inode, false))
		return 1;
	return !keep(inode);
}

void zuf_pins_leave(struct zuf_sb_info *sbi)
{
	spin_lock(&sbi->pin_lock);
	sbi->unmounting = true;
	spin_unlock(&sbi->pin_lock);
	cancel_delayed_work_sync(&sbi->pinned_work);
	put_all(sbi);
}

bool zuf_pins_forget(struct inode *inode)
{
	if (!any_pinned(inode, true))
		return false;
	/* fs/dax warns of pins when it truncates, and not when what is clean goes. */
	filemap_write_and_wait(inode->i_mapping);
	invalidate_inode_pages2(inode->i_mapping);
	return true;
}
