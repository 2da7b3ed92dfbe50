// SPDX-License-Identifier: GPL-2.0
/*
 * INVAL_MAP: the server is about to move blocks of a file.
 *
 * It takes none of the file's locks, whose holders may wait for the server. It
 * waits for those who use an extent now, and they wait for nobody.
 */
#include <linux/dax.h>
#include <linux/pagemap.h>
#include <linux/wait_bit.h>

#include "fs.h"

static int inode_is(struct inode *inode, void *data)
{
	const struct zufs_iref *ii = data;
	const struct zufs_iref *ref = &ZUF_I(inode)->iref;

	return ref->ino == ii->ino &&
	       (!ii->generation || ref->generation == ii->generation);
}

/* Waits until nobody has pinned one, after which nobody has any. */
static int unmap(struct address_space *mapping, loff_t from, loff_t to)
{
	struct page *page;
	int err = 0;

	while (!err && (page = zuf_pinned_page(mapping, from, to)))
		err = ___wait_var_event(&page->_refcount,
					page_ref_count(page) == 1,
					TASK_INTERRUPTIBLE, 0, 0, schedule());
	return err;
}

/* Pages are forgotten too; to that end they must be clean. */
static int forget(struct address_space *mapping, loff_t from, loff_t to)
{
	int err = filemap_write_and_wait_range(mapping, from, to);

	return err ? err :
		     invalidate_inode_pages2_range(mapping, from >> PAGE_SHIFT,
						   to >> PAGE_SHIFT);
}

/*
 * The order: first nobody gets an extent from the cache, then nobody uses one
 * that came from it, to map a page for instance; then what is mapped goes.
 */
static int inval(struct zuf_sb_info *sbi, struct inode *inode, u64 offset,
		 u64 len)
{
	/* An entry of 2 MiB goes as a whole, with all pages that are mapped by it. */
	loff_t from = round_down(offset, PMD_SIZE), to = LLONG_MAX;
	int err;

	if (len <= LLONG_MAX - PMD_SIZE - offset)
		to = round_up(offset + len, PMD_SIZE) - 1;
	zuf_extmap_drop(&ZUF_I(inode)->map);
	synchronize_srcu_expedited(&sbi->map_srcu);
	err = unmap(inode->i_mapping, from, to);
	if (!err)
		err = forget(inode->i_mapping, from, to);
	return err == -ERESTARTSYS ? -EINTR : err;
}

int zuf_inval_map(struct zuf_sb_info *sbi, const struct zufs_iref *ii,
		  u64 offset, u64 len)
{
	struct inode *inode = ilookup5(sbi->sb, ii->ino, inode_is, (void *)ii);
	int err;

	if (!inode)
		return 0;
	err = IS_DAX(inode) ? inval(sbi, inode, offset, len) : -EINVAL;
	iput(inode);
	return err;
}
