// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * A plugin of a few inodes that does what the tests of libzus want, mounted in-process.
 */
#include "puppet.h"

struct test_inode inodes[NR_INODES];
atomic_int igets;
struct zus_sbi_operations sbi_ops;
struct zus_zii_operations zii_ops;
struct zus_sb_info sb;
uint64_t seen_unique;
uint32_t lie; /* what a callback claims to have answered */

void fill_attr(struct zufs_attr *attr, uint64_t ino)
{
	attr->zi.i_ino = ino;
	attr->zi.i_generation = GEN;
	attr->zi.i_mode = S_IFREG | 0644;
}

int t_iget(struct zus_sb_info *sbi, uint64_t ino, uint64_t generation,
	   struct zufs_attr *attr, struct zus_inode_info **zii)
{
	(void)sbi;
	igets++;
	if (!ino || ino >= NR_INODES || (generation && generation != GEN))
		return -ESTALE;
	inodes[ino].refs++;
	fill_attr(attr, ino);
	*zii = &inodes[ino].zii;
	return 0;
}

/* A name is the number of its inode. */
static int t_lookup(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		    struct zufs_ioc_lookup *io, struct zus_inode_info **zii)
{
	char name[ZUFS_NAME_LEN + 1] = "";
	uint64_t ino = ROOT;

	(void)sbi;
	ck_assert_ptr_nonnull(dir);
	memcpy(name, io->str.name, io->str.len);
	if (strcmp(name, ".."))
		ino = strtoul(name, NULL, 10);
	if (!ino || ino >= NR_INODES)
		return -ENOENT;
	inodes[ino].refs++;
	fill_attr(&io->attr, ino);
	*zii = &inodes[ino].zii;
	return 0;
}

static int t_new_inode(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		       struct zufs_ioc_new_inode *io,
		       struct zus_inode_info **zii)
{
	(void)sbi;
	inodes[NEW_INO].refs++;
	fill_attr(&io->attr, NEW_INO);
	fill_attr(&io->dir, dir->ino);
	*zii = &inodes[NEW_INO].zii;
	return 0;
}

static int t_dentry(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		    struct zus_inode_info *zii, struct zufs_ioc_dentry *io)
{
	(void)sbi;
	fill_attr(&io->attr, zii->ino);
	fill_attr(&io->dir, dir->ino);
	return 0;
}

static int t_rename(struct zus_sb_info *sbi, struct zus_inode_info *old_dir,
		    struct zus_inode_info *new_dir,
		    struct zus_inode_info *old_zii,
		    struct zus_inode_info *new_zii, struct zufs_ioc_rename *io)
{
	(void)sbi;
	fill_attr(&io->old_dir_attr, old_dir->ino);
	fill_attr(&io->new_dir_attr, new_dir->ino);
	fill_attr(&io->old_attr, old_zii->ino);
	if (new_zii)
		fill_attr(&io->new_attr, new_zii->ino);
	return 0;
}

/* Names of 1 to ENTRIES bytes. */
static int t_readdir(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		     struct zufs_ioc_readdir *io)
{
	char name[ENTRIES];

	(void)sbi;
	(void)dir;
	memset(name, 'n', sizeof(name));
	for (uint64_t i = io->pos - 2; i < ENTRIES; i++) {
		io->pos = i + 2;
		if (!zus_dir_emit(io, 100 + i, 8, i + 3, name,
				  (uint8_t)(i + 1))) {
			io->more = 1;
			return 0;
		}
	}
	io->pos = ENTRIES + 2;
	return 0;
}

static int t_statfs(struct zus_sb_info *sbi, struct zufs_ioc_statfs *io)
{
	(void)sbi;
	seen_unique = zus_current_unique();
	io->blocks = 5;
	return 0;
}

static int t_show_options(struct zus_sb_info *sbi,
			  struct zufs_ioc_mount_options *io)
{
	(void)sbi;
	zus_show_opt(io, ",first=%d", 1);
	zus_show_opt(io, ",%0600d", 1);
	zus_show_opt(io, ",last");
	return 0;
}

void t_evict(struct zus_inode_info *zii, bool free_inode)
{
	struct test_inode *ti = container_of(zii, struct test_inode, zii);

	ti->refs--;
	ti->evicts++;
	if (free_inode) {
		ck_assert_int_eq(ti->refs, 0);
		ti->freed++;
	}
}

static int t_setattr(struct zus_inode_info *zii, struct zufs_ioc_attr *io)
{
	fill_attr(&io->attr, zii->ino);
	return 0;
}

static int t_get_multy(struct zus_inode_info *zii,
		       struct zufs_ioc_get_multy *io)
{
	fill_attr(&io->attr, zii->ino);
	for (io->n = 0; io->n < io->max; io->n++)
		io->ext[io->n] = (struct zufs_extent){ .lblk = io->n };
	if (lie)
		io->n = lie;
	return 0;
}

static int t_fiemap(struct zus_inode_info *zii, struct zufs_ioc_fiemap *io)
{
	(void)zii;
	for (uint32_t i = 0; i < io->extents_max; i++)
		io->ext[i] = (struct zufs_extent){ .lblk = i };
	io->extents_mapped = 1000000;
	return 0;
}

static int t_grant(struct zus_inode_info *zii, struct zufs_ioc_grant *io)
{
	(void)zii;
	io->n = lie ? lie : 1;
	return 0;
}

static int t_grant_put(struct zus_inode_info *zii, struct zufs_ioc_grant *io)
{
	(void)zii;
	ck_assert_uint_le(io->n, ZUFS_GRANT_MAX);
	return 0;
}

static int t_commit(struct zus_inode_info *zii, struct zufs_ioc_commit *io)
{
	ck_assert_uint_le(io->n, ZUFS_COMMIT_MAX);
	fill_attr(&io->attr, zii->ino);
	return 0;
}

static int t_read(struct zus_inode_info *zii, void *data,
		  struct zufs_ioc_IO *io)
{
	fill_attr(&io->attr, zii->ino);
	memset(data, 'r', io->last_pos - io->filepos);
	if (lie)
		io->last_pos = io->filepos + lie;
	return 0;
}

static int t_write(struct zus_inode_info *zii, const void *data,
		   struct zufs_ioc_IO *io)
{
	uint64_t len = io->last_pos - io->filepos;

	fill_attr(&io->attr, zii->ino);
	if (lie)
		io->last_pos = io->filepos + lie;
	return memchr(data, 'x', len) ? 0 : -EINVAL;
}

static int t_getxattr(struct zus_inode_info *zii, struct zufs_ioc_xattr *io)
{
	uint32_t room = io->user_buf_size;

	(void)zii;
	io->user_buf_size = lie ? lie : 5;
	if (!lie && room && room < 5)
		return -ERANGE;
	if (room)
		memcpy(io->buf, "value", 5);
	return 0;
}

static int t_setxattr(struct zus_inode_info *zii, struct zufs_ioc_xattr *io)
{
	fill_attr(&io->attr, zii->ino);
	return 0;
}

static int t_positive(struct zus_inode_info *zii, struct zufs_ioc_seek *io)
{
	(void)zii;
	(void)io;
	return 5;
}

static const struct zus_sbi_operations all_sbi_ops = {
	.statfs = t_statfs,
	.show_options = t_show_options,
	.new_inode = t_new_inode,
	.lookup = t_lookup,
	.iget = t_iget,
	.add_dentry = t_dentry,
	.remove_dentry = t_dentry,
	.rename = t_rename,
	.readdir = t_readdir,
};

static const struct zus_zii_operations all_zii_ops = {
	.evict = t_evict,
	.setattr = t_setattr,
	.get_multy = t_get_multy,
	.grant = t_grant,
	.grant_put = t_grant_put,
	.commit_write = t_commit,
	.read = t_read,
	.write = t_write,
	.seek = t_positive,
	.fiemap = t_fiemap,
	.getxattr = t_getxattr,
	.setxattr = t_setxattr,
};

struct zus_sb_info *t_alloc(struct zus_fs_info *zfi)
{
	(void)zfi;
	sb = (struct zus_sb_info){ .op = &sbi_ops };
	return &sb;
}

static void t_free(struct zus_sb_info *sbi)
{
	(void)sbi;
}

int t_init(struct zus_sb_info *sbi, struct zufs_ioc_mount *zim)
{
	if (zim->options[0])
		return -EINVAL;
	sbi->z_root = &inodes[ROOT].zii;
	fill_attr(&zim->root, ROOT);
	zim->blocksize_bits = 12;
	return 0;
}

int t_init_no_root(struct zus_sb_info *sbi, struct zufs_ioc_mount *zim)
{
	(void)sbi;
	zim->blocksize_bits = 12;
	return 0;
}

const struct zus_zfi_operations zfi_ops = {
	.sbi_alloc = t_alloc,
	.sbi_free = t_free,
	.sbi_init = t_init,
	.sbi_fini = t_free,
};

struct zus_fs_info zfi = { .rfi = { .fsname = "puppet" }, .op = &zfi_ops };

/* ---- operations ---- */

struct zus_local *zl;
struct zufs_ioc_mount zim;
char *pmem;
_Alignas(64) char buf[OP_BYTES];

void set_up(void)
{
	memset(inodes, 0, sizeof(inodes));
	sbi_ops = all_sbi_ops;
	zii_ops = all_zii_ops;
	igets = 0;
	lie = 0;
	for (uint64_t i = 0; i < NR_INODES; i++) {
		inodes[i].zii.op = &zii_ops;
		inodes[i].zii.ino = i;
		inodes[i].zii.generation = GEN;
	}
	pmem = aligned_alloc(2 * MIB, 2 * MIB);
	memset(&zim, 0, sizeof(zim));
	ck_assert_int_eq(zus_local_mount(&zfi, pmem, 2 * MIB, &zim, &zl), 0);
}

void tear_down(void)
{
	ck_assert_int_eq(zus_local_umount(zl), 0);
	free(pmem);
	for (uint64_t i = 0; i < NR_INODES; i++)
		ck_assert_int_eq(inodes[i].refs, 0);
}

void *op_in(char *b, int operation, uint64_t ino, size_t in_len,
	    size_t out_start, size_t end)
{
	struct zufs_ioc_op *op = (void *)b;

	memset(b, 0xee, end > in_len ? end : in_len);
	memset(b, 0, in_len);
	op->hdr.operation = (uint16_t)operation;
	op->hdr.in_len = (uint32_t)in_len;
	op->hdr.out_start = (uint32_t)out_start;
	op->hdr.out_max = (uint32_t)(end - out_start);
	op->hdr.unique = 77;
	op->sb_id = zim.sb_id;
	op->ii.ino = ino;
	op->ii.generation = GEN;
	return op;
}

int run(void *op)
{
	return zus_local_op(zl, op, NULL);
}

void set_str(struct zufs_str *s, const char *name, size_t len)
{
	s->len = (uint8_t)len;
	memcpy(s->name, name, len);
}

int lookup(const char *name, size_t len, uint64_t *handle)
{
	struct zufs_ioc_lookup *io =
		OP(ZUFS_OP_LOOKUP, ROOT, zufs_ioc_lookup, attr);
	int err;

	set_str(&io->str, name, len);
	err = run(io);
	if (handle)
		*handle = io->attr.handle;
	return err;
}

int evict(int operation, uint64_t ino)
{
	return run(OP_IN(operation, ino, zufs_ioc_op));
}

int setattr(uint64_t ino, uint64_t handle, uint64_t generation)
{
	struct zufs_ioc_attr *io =
		OP(ZUFS_OP_SETATTR, ino, zufs_ioc_attr, attr);

	io->op.ii.handle = handle;
	io->op.ii.generation = generation;
	return run(io);
}

uint64_t handle_of(uint64_t ino)
{
	return (uint64_t)(uintptr_t)&inodes[ino].zii;
}
