// SPDX-License-Identifier: GPL-2.0
/*
 * Pools: memory that the server allocates for a super block's large operations
 * (ALLOC_BUFFER) and maps. Each carries one operation at a time.
 *
 * The pages belong to the pool, and the pool lives as long as its file or a
 * request that uses it. A mapping holds the file: so there is nothing to take
 * from a server, whatever ends first.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "core.h"

struct zuf_pool {
	struct kref kref;
	struct zuf_root *root; /* the file's or the request's, which hold it */
	struct zuf_sb_info *sbi; /* NULL: it is gone; root->ctl */
	unsigned int no;
	unsigned int max; /* pages */
	unsigned int nr;  /* pages that are there; grows under @busy */
	bool busy;	  /* a request has it; root->pool_lock */
	struct page *page[];
};

static void pool_free(struct kref *kref)
{
	struct zuf_pool *pool = container_of(kref, struct zuf_pool, kref);
	unsigned int i;

	for (i = 0; i < pool->nr; i++)
		put_page(pool->page[i]);
	kvfree(pool);
}

/* A fault may look at the pages meanwhile. */
static int pool_grow(struct zuf_pool *pool, unsigned int nr)
{
	while (pool->nr < nr) {
		struct page *page = alloc_page(GFP_NOFS | __GFP_ZERO);

		if (!page)
			return -ENOMEM;
		pool->page[pool->nr] = page;
		smp_store_release(&pool->nr, pool->nr + 1);
	}
	return 0;
}

/* ---- the file ---- */

static struct zuf_pool *pool_new(struct zuf_file *zf,
				 const struct zufs_ioc_alloc_buffer *ab)
{
	unsigned int max = ab->max_size >> PAGE_SHIFT;
	struct zuf_pool *pool =
		kvzalloc(struct_size(pool, page, max), GFP_KERNEL);

	if (!pool)
		return NULL;
	kref_init(&pool->kref);
	pool->root = zf->root;
	pool->no = ab->pool_no;
	pool->max = max;
	if (pool_grow(pool, ab->init_size >> PAGE_SHIFT)) {
		kref_put(&pool->kref, pool_free);
		return NULL;
	}
	return pool;
}

static int pool_join(struct zuf_file *zf, struct zuf_pool *pool, u64 sb_id)
{
	struct zuf_root *root = zf->root;
	struct zuf_sb_info *sbi;
	int err = 0;

	mutex_lock(&root->ctl);
	sbi = xa_load(&root->sbs, sb_id);
	if (!sbi || sbi->dead || sbi->epoch != zf->epoch) {
		err = -ESTALE;
	} else if (sbi->pool[pool->no - 1]) {
		err = -EBUSY;
	} else {
		pool->sbi = sbi;
		spin_lock(&root->pool_lock);
		sbi->pool[pool->no - 1] = pool;
		spin_unlock(&root->pool_lock);
	}
	mutex_unlock(&root->ctl);
	return err;
}

long zuf_pool_alloc(struct zuf_file *zf,
		    struct zufs_ioc_alloc_buffer __user *arg)
{
	struct zufs_ioc_alloc_buffer ab;
	struct zuf_pool *pool;
	int err;

	if (copy_from_user(&ab, arg, sizeof(ab)))
		return -EFAULT;
	if (!ab.pool_no || ab.pool_no > ZUFS_MAX_POOLS || !ab.max_size ||
	    ab.max_size > ZUFS_MAX_POOL_SIZE || ab.init_size > ab.max_size ||
	    !PAGE_ALIGNED(ab.max_size | ab.init_size) || ab.flags ||
	    ab.reserved)
		return -EINVAL;
	pool = pool_new(zf, &ab);
	if (!pool)
		return -ENOMEM;
	err = pool_join(zf, pool, ab.sb_id);
	if (err)
		kref_put(&pool->kref, pool_free);
	else
		zf->pool = pool;
	return err;
}

/* No request finds it any more. root->ctl is held. */
static void pool_leave(struct zuf_pool *pool)
{
	struct zuf_root *root = pool->root;

	if (!pool->sbi)
		return;
	spin_lock(&root->pool_lock);
	pool->sbi->pool[pool->no - 1] = NULL;
	spin_unlock(&root->pool_lock);
	pool->sbi = NULL;
	wake_up_all(&root->pool_wq);
}

void zuf_pool_release(struct zuf_file *zf)
{
	mutex_lock(&zf->root->ctl);
	pool_leave(zf->pool);
	mutex_unlock(&zf->root->ctl);
	kref_put(&zf->pool->kref, pool_free);
}

void zuf_pools_leave(struct zuf_sb_info *sbi)
{
	unsigned int i;

	for (i = 0; i < ZUFS_MAX_POOLS; i++)
		if (sbi->pool[i])
			pool_leave(sbi->pool[i]);
}

static vm_fault_t pool_fault(struct vm_fault *vmf)
{
	struct zuf_file *zf = vmf->vma->vm_file->private_data;
	struct zuf_pool *pool = zf->pool;

	if (vmf->pgoff >= smp_load_acquire(&pool->nr))
		return VM_FAULT_SIGBUS;
	vmf->page = pool->page[vmf->pgoff];
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct pool_vm_ops = {
	.fault = pool_fault,
};

int zuf_pool_mmap(struct zuf_file *zf, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff || vma_pages(vma) != zf->pool->max)
		return -EINVAL;
	vma->vm_flags |= VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP;
	vma->vm_ops = &pool_vm_ops;
	return 0;
}

/* ---- requests ---- */

/* The smallest one with room for @nr pages, now or when it has grown. pool_lock. */
static struct zuf_pool *pool_best(struct zuf_sb_info *sbi, unsigned int nr,
				  bool idle)
{
	struct zuf_pool *best = NULL;
	unsigned int i;

	for (i = 0; i < ZUFS_MAX_POOLS; i++) {
		struct zuf_pool *pool = sbi->pool[i];

		if (!pool || pool->max < nr || (idle && pool->busy))
			continue;
		/* One that has grown before one that has to. */
		if (!best ||
		    (best->nr < nr ? pool->nr > best->nr :
				     pool->nr >= nr && pool->nr < best->nr))
			best = pool;
	}
	return best;
}

size_t zuf_room(struct zuf_sb_info *sbi, size_t want)
{
	struct zuf_root *root = sbi->root;
	size_t room = atomic_read(&root->op_size);
	struct zuf_pool *pool;

	if (want <= room)
		return want;
	spin_lock(&root->pool_lock);
	pool = pool_best(sbi, PFN_UP(want), true);
	spin_unlock(&root->pool_lock);
	return pool ? want : room;
}

/* *@pool is the request's; NULL: all are busy. -E2BIG: none is large enough. */
static int pool_try(struct zuf_sb_info *sbi, unsigned int nr,
		    struct zuf_pool **pool)
{
	struct zuf_root *root = sbi->root;
	int err = 0;

	spin_lock(&root->pool_lock);
	*pool = pool_best(sbi, nr, true);
	if (*pool) {
		(*pool)->busy = true;
		kref_get(&(*pool)->kref);
	} else if (READ_ONCE(sbi->dead)) {
		err = -EIO;
	} else if (!pool_best(sbi, nr, false)) {
		err = -E2BIG;
	}
	spin_unlock(&root->pool_lock);
	return err;
}

/* A busy one is with the server, whose time limit bounds that. */
static int pool_wait(struct zuf_sb_info *sbi, unsigned int nr,
		     struct zuf_pool **pool)
{
	int err = 0, killed;

	killed = zuf_wait_event(sbi->root->pool_wq,
				(err = pool_try(sbi, nr, pool)) || *pool);
	return killed ? -EINTR : err;
}

int zuf_pool_take(struct zuf_sb_info *sbi, struct zuf_req *req)
{
	unsigned int nr = PFN_UP(max_t(size_t, req->size, req->hdr->in_len));
	struct zuf_pool *pool;
	int err;

	zuf_assert(!req->pool);
	err = pool_wait(sbi, nr, &pool);
	if (err)
		return err;
	req->pool = pool;
	return pool_grow(pool, nr);
}

void zuf_pool_put(struct zuf_req *req)
{
	struct zuf_pool *pool = req->pool;
	struct zuf_root *root;

	if (!pool)
		return;
	root = pool->root;
	req->pool = NULL;
	spin_lock(&root->pool_lock);
	pool->busy = false;
	spin_unlock(&root->pool_lock);
	wake_up_all(&root->pool_wq);
	kref_put(&pool->kref, pool_free);
}

/* ---- what is in it ---- */

struct zufs_ioc_hdr *zuf_pool_hdr(struct zuf_pool *pool)
{
	return page_address(pool->page[0]);
}

zu_dpp_t zuf_pool_dpp(const struct zuf_pool *pool)
{
	return pool->no; /* the operation is at its beginning */
}

void zuf_pool_write(struct zuf_pool *pool, const void *from, size_t len)
{
	unsigned int i;

	for (i = 0; len; i++) {
		size_t n = min_t(size_t, len, PAGE_SIZE);

		memcpy(page_address(pool->page[i]), from, n);
		from += n;
		len -= n;
	}
}

void zuf_pool_read(struct zuf_pool *pool, size_t off, void *to, size_t len)
{
	while (len) {
		size_t n = min_t(size_t, len, PAGE_SIZE - offset_in_page(off));

		memcpy(to,
		       page_address(pool->page[off >> PAGE_SHIFT]) +
			       offset_in_page(off),
		       n);
		off += n;
		to += n;
		len -= n;
	}
}
