// SPDX-License-Identifier: GPL-2.0
/*
 * Writes that end behind the size, and truncate: copy.h over fs/dax, iomap and
 * the server.
 */
#include <linux/dax.h>
#include <linux/libnvdimm.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/uio.h>

#include "copy.h"
#include "fs.h"

struct copy {
	struct inode *inode;
	/* a write */
	struct kiocb *iocb;
	struct iov_iter *from;
	/* a truncate */
	struct user_namespace *ns;
	struct iattr *ia;
};

static u64 copy_size(struct copy *c)
{
	return i_size_read(c->inode);
}

static u64 copy_pos(struct copy *c)
{
	return c->iocb->ki_pos;
}

static u64 copy_left(struct copy *c)
{
	return iov_iter_count(c->from);
}

static struct copy_grant *copy_grant(struct copy *c)
{
	return &ZUF_I(c->inode)->grant;
}

static s64 copy_by(struct copy *c, u64 len, const struct iomap_ops *ops)
{
	size_t cut = iov_iter_count(c->from) - len;
	ssize_t done;

	iov_iter_truncate(c->from, len);
	done = zuf_dax_rw(c->iocb, c->from, ops);
	iov_iter_reexpand(c->from, iov_iter_count(c->from) + cut);
	return done;
}

static s64 copy_mapped(struct copy *c, u64 len)
{
	return copy_by(c, len, &zuf_iomap_ops);
}

static s64 copy_granted(struct copy *c, u64 len)
{
	return copy_by(c, len, &zuf_append_ops);
}

static int copy_zero(struct copy *c, u64 from, u64 to)
{
	struct address_space *mapping = c->inode->i_mapping;
	int err;

	/* No fault beside the zeroing; a truncate has the lock. */
	if (c->iocb)
		filemap_invalidate_lock(mapping);
	err = dax_zero_range(c->inode, from, to - from, NULL, &zuf_iomap_ops);
	if (c->iocb)
		filemap_invalidate_unlock(mapping);
	return err;
}

static int copy_zero_granted(struct copy *c, u64 pblk, u32 off, u32 len)
{
	return zuf_md_zero(&ZUF_SB(c->inode->i_sb)->md, pblk, off, len);
}

static void copy_fence(struct copy *c)
{
	pmem_wmb();
}

static int copy_ask(struct copy *c, u64 lblk, u32 want)
{
	return zuf_grant_ask(c->inode, lblk, want);
}

static void copy_put(struct copy *c)
{
	zuf_grant_put(c->inode);
}

static void copy_cancel(struct copy *c)
{
	zuf_append_cancel(c->inode);
}

static int copy_commit(struct copy *c, u64 size, u64 blocks, u32 want, u64 more)
{
	return zuf_commit(c->inode, size, blocks, want, more);
}

static int copy_send_size(struct copy *c, u64 size)
{
	struct address_space *mapping = c->inode->i_mapping;
	loff_t old = i_size_read(c->inode);
	int err = 0;

	/* Stores of mappings are flushed before their entries go, some of 2 MiB. */
	if (size < old)
		err = filemap_write_and_wait_range(
			mapping, round_down(size, PMD_SIZE), LLONG_MAX);
	if (err)
		return err;
	truncate_setsize(c->inode, size);
	zuf_extmap_drop(&ZUF_I(c->inode)->map);
	err = zuf_send_attr(c->ns, c->inode, c->ia);
	zuf_extmap_drop(&ZUF_I(c->inode)->map);
	if (err)
		i_size_write(c->inode, old);
	return err;
}

static void copy_undo(struct copy *c, u64 pos, u64 done)
{
	c->iocb->ki_pos = pos;
	iov_iter_revert(c->from, done);
}

ssize_t zuf_write_extending(struct kiocb *iocb, struct iov_iter *from)
{
	struct copy c = { .inode = file_inode(iocb->ki_filp),
			  .iocb = iocb,
			  .from = from };

	return copy_extend(&c);
}

int zuf_set_size(struct user_namespace *ns, struct inode *inode,
		 struct iattr *ia)
{
	struct copy c = { .inode = inode, .ns = ns, .ia = ia };

	return copy_set_size(&c, ia->ia_size);
}

int zuf_zero_tail(struct inode *inode)
{
	struct copy c = { .inode = inode };

	return copy_zero_tail(&c, copy_size(&c));
}
