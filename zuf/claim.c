// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of pmem that a fault maps: fs/dax notes in page->mapping and page->index
 * whose they are, and warns if they are another's already. A server may well
 * answer one block for two places, so that is found out before.
 */
#include <linux/dax.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pfn_t.h>

#include "fs.h"

static int first_page(const struct iomap *iomap, loff_t pos, long n,
		      struct page **page)
{
	phys_addr_t at = iomap->addr + pos - iomap->offset;
	int id = dax_read_lock();
	long got;
	pfn_t pfn;

	got = dax_direct_access(iomap->dax_dev, PHYS_PFN(at), n, DAX_ACCESS,
				NULL, &pfn);
	dax_read_unlock(id);
	if (got < n || !pfn_t_devmap(pfn))
		return got < 0 ? (int)got : -EIO;
	*page = pfn_t_to_page(pfn);
	return 0;
}

/* A mapping at its index has one page, whose entry the caller has locked. */
static bool is_free_for(const struct page *page, struct address_space *mapping,
			pgoff_t index)
{
	const struct address_space *owner = READ_ONCE(page->mapping);

	return !owner || (owner == mapping && READ_ONCE(page->index) == index);
}

void zuf_unclaim_pages(struct page *page, long n)
{
	while (n--)
		unlock_page(page + n);
}

/*
 * Their locks make a check and what fs/dax notes after it one step. They are taken
 * from the first one on, so that faults of 2 MiB don't wait for each other; who
 * else locks such a page, to make it dirty, waits for nothing meanwhile.
 */
int zuf_claim_pages(struct inode *inode, const struct iomap *iomap, loff_t pos,
		    long n, struct page **page)
{
	int err = first_page(iomap, pos, n, page);
	long i;

	if (err)
		return err;
	for (i = 0; i < n; i++) {
		lock_page(*page + i);
		if (!is_free_for(*page + i, inode->i_mapping,
				 (pos >> PAGE_SHIFT) + i)) {
			zuf_unclaim_pages(*page, i + 1);
			return -EIO;
		}
	}
	return 0;
}
