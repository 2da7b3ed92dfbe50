// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * libzus without a kernel: the decoder, the registry of handles, directory
 * entries and the loader, with a plugin of a few inodes in memory.
 */
#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zus.h"

#define MIB	  (1UL << 20)
#define GEN	  7U
#define ROOT	  1U
#define NR_INODES 64U /* 1 to 63 exist */
#define NEW_INO	  60U
#define ENTRIES	  40U /* in a directory */
#define OP_BYTES  16384U

/* ---- the plugin ---- */

struct test_inode {
	struct zus_inode_info zii;
	atomic_int refs, evicts, freed;
};

static struct test_inode inodes[NR_INODES];
static atomic_int igets;
static struct zus_sbi_operations sbi_ops;
static struct zus_zii_operations zii_ops;
static struct zus_sb_info sb;
static uint64_t seen_unique;
static uint32_t lie; /* what a callback claims to have answered */

static void fill_attr(struct zufs_attr *attr, uint64_t ino)
{
	attr->zi.i_ino = ino;
	attr->zi.i_generation = GEN;
	attr->zi.i_mode = S_IFREG | 0644;
}

static int t_iget(struct zus_sb_info *sbi, uint64_t ino, uint64_t generation,
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

static void t_evict(struct zus_inode_info *zii, bool free_inode)
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
	return 0;
}

static int t_write(struct zus_inode_info *zii, const void *data,
		   struct zufs_ioc_IO *io)
{
	fill_attr(&io->attr, zii->ino);
	return memchr(data, 'x', io->last_pos - io->filepos) ? 0 : -EINVAL;
}

static int t_getxattr(struct zus_inode_info *zii, struct zufs_ioc_xattr *io)
{
	(void)zii;
	if (io->user_buf_size)
		memcpy(io->buf, "value", 5);
	io->user_buf_size = lie ? lie : 5;
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

static struct zus_sb_info *t_alloc(struct zus_fs_info *zfi)
{
	(void)zfi;
	sb = (struct zus_sb_info){ .op = &sbi_ops };
	return &sb;
}

static void t_free(struct zus_sb_info *sbi)
{
	(void)sbi;
}

static int t_init(struct zus_sb_info *sbi, struct zufs_ioc_mount *zim)
{
	if (zim->options[0])
		return -EINVAL;
	sbi->z_root = &inodes[ROOT].zii;
	fill_attr(&zim->root, ROOT);
	zim->blocksize_bits = 12;
	return 0;
}

static int t_init_no_root(struct zus_sb_info *sbi, struct zufs_ioc_mount *zim)
{
	(void)sbi;
	zim->blocksize_bits = 12;
	return 0;
}

static const struct zus_zfi_operations zfi_ops = {
	.sbi_alloc = t_alloc,
	.sbi_free = t_free,
	.sbi_init = t_init,
	.sbi_fini = t_free,
};

static struct zus_fs_info zfi = { .rfi = { .fsname = "memfs" },
				  .op = &zfi_ops };

/* ---- operations ---- */

static struct zus_local *zl;
static struct zufs_ioc_mount zim;
static char *pmem;
static _Alignas(64) char buf[OP_BYTES];

static void set_up(void)
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

static void tear_down(void)
{
	ck_assert_int_eq(zus_local_umount(zl), 0);
	free(pmem);
	for (uint64_t i = 0; i < NR_INODES; i++)
		ck_assert_int_eq(inodes[i].refs, 0);
}

/* An operation in @b, filled with rubbish where nothing was sent. */
static void *op_in(char *b, int operation, uint64_t ino, size_t in_len,
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

/* A fixed operation as the kernel sends it. */
#define OP(nr, ino, type, first_out)                          \
	op_in(buf, nr, ino, offsetof(struct type, first_out), \
	      offsetof(struct type, first_out), sizeof(struct type))
#define OP_IN(nr, ino, type)                                          \
	op_in(buf, nr, ino, sizeof(struct type), sizeof(struct type), \
	      sizeof(struct type))

static int run(void *op)
{
	return zus_local_op(zl, op);
}

static void set_str(struct zufs_str *s, const char *name, size_t len)
{
	s->len = (uint8_t)len;
	memcpy(s->name, name, len);
}

static int lookup(const char *name, size_t len, uint64_t *handle)
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

static int evict(int operation, uint64_t ino, uint64_t flags)
{
	struct zufs_ioc_evict_inode *io =
		OP_IN(operation, ino, zufs_ioc_evict_inode);

	io->flags = flags;
	return run(io);
}

static int setattr(uint64_t ino, uint64_t handle, uint64_t generation)
{
	struct zufs_ioc_attr *io =
		OP(ZUFS_OP_SETATTR, ino, zufs_ioc_attr, attr);

	io->op.ii.handle = handle;
	io->op.ii.generation = generation;
	return run(io);
}

static uint64_t handle_of(uint64_t ino)
{
	return (uint64_t)(uintptr_t)&inodes[ino].zii;
}

/* ---- mount ---- */

START_TEST(mounts)
{
	struct zus_zfi_operations no_root = zfi_ops;
	struct zus_fs_info bad = { .rfi = { .fsname = "bad" }, .op = &no_root };
	struct zufs_ioc_mount m = { 0 };
	struct zus_local *other;

	ck_assert_uint_eq(zim.root.handle, handle_of(ROOT));
	ck_assert_int_eq(zus_local_mount(&zfi, pmem, 4096, &m, &other),
			 -EINVAL);
	ck_assert_int_eq(zus_local_mount(&zfi, pmem + 4096, 2 * MIB, &m,
					 &other),
			 -EINVAL);
	no_root.sbi_init = t_init_no_root;
	ck_assert_int_eq(zus_local_mount(&bad, pmem, 2 * MIB, &m, &other),
			 -EIO);
	strcpy(m.options, "unknown");
	no_root.sbi_init = t_init;
	ck_assert_int_eq(zus_local_mount(&bad, pmem, 2 * MIB, &m, &other),
			 -EINVAL);
	/* The failed mounts used the same sb. */
	t_alloc(&zfi);
	sb.zfi = &zfi;
	sb.z_root = &inodes[ROOT].zii;
}
END_TEST

/* ---- bounds ---- */

START_TEST(unknown_operations)
{
	static const int bad[] = { ZUFS_OP_NULL, ZUFS_OP_BREAK,	  26,	30,
				   31,		 ZUFS_OP_MAX_OPT, 65535 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct zufs_ioc_hdr *hdr =
			OP(bad[i], ROOT, zufs_ioc_attr, attr);

		ck_assert_int_eq(run(hdr), -EOPNOTSUPP);
		ck_assert_uint_eq(hdr->out_len, 0);
	}
}
END_TEST

/* Each operation with one byte less than it needs, down to none. */
START_TEST(short_operations)
{
	static const size_t len[] = { 0, 39, 40, 79 };

	for (int nr = 0; nr < ZUFS_OP_MAX_OPT; nr++)
		for (size_t i = 0; i < sizeof(len) / sizeof(*len); i++) {
			struct zufs_ioc_hdr *hdr;
			int err;

			hdr = op_in(buf, nr, ROOT, OP_BYTES, 80, OP_BYTES);
			hdr->in_len = (uint32_t)len[i];
			err = run(hdr);
			ck_assert(err == -EINVAL || err == -EOPNOTSUPP);
			ck_assert_uint_eq(hdr->out_len, 0);
		}
	ck_assert_int_eq(run(op_in(buf, ZUFS_OP_SETATTR, ROOT,
				   offsetof(struct zufs_ioc_attr, attr) - 1,
				   224, OP_BYTES)),
			 -EINVAL);
	/* No room for the fixed part. */
	ck_assert_int_eq(run(op_in(buf, ZUFS_OP_SETATTR, ROOT, 224, 224, 230)),
			 -EINVAL);
}
END_TEST

START_TEST(answers)
{
	struct zufs_ioc_statfs *st =
		OP(ZUFS_OP_STATFS, 0, zufs_ioc_statfs, blocks);
	struct zufs_ioc_mount_options *mo;
	struct zufs_ioc_seek *seek;

	ck_assert_int_eq(run(st), 0);
	ck_assert_uint_eq(st->op.hdr.out_len,
			  sizeof(*st) -
				  offsetof(struct zufs_ioc_statfs, blocks));
	ck_assert_uint_eq(st->blocks, 5);
	ck_assert_uint_eq(st->namelen, 255);
	ck_assert_uint_eq(st->bfree, 0); /* no rubbish */
	ck_assert_uint_eq(seen_unique, 77);
	ck_assert_uint_eq(zus_current_unique(), 0);

	mo = OP(ZUFS_OP_SHOW_OPTIONS, 0, zufs_ioc_mount_options, len);
	ck_assert_int_eq(run(mo), 0);
	ck_assert_str_eq(mo->buf, ",first=1,last");
	ck_assert_uint_eq(mo->len, strlen(mo->buf));

	/* A callback that returns what is no errno. */
	seek = OP(ZUFS_OP_LLSEEK, ROOT, zufs_ioc_seek, offset_out);
	seek->op.hdr.in_len = sizeof(*seek);
	ck_assert_int_eq(run(seek), -EIO);
}
END_TEST

START_TEST(wrong_super_block)
{
	struct zufs_ioc_op *op = OP(ZUFS_OP_STATFS, 0, zufs_ioc_statfs, blocks);

	op->sb_id = zim.sb_id + 1;
	ck_assert_int_eq(run(op), -ESTALE);
	ck_assert_uint_eq(op->hdr.out_len, 0);
	op->sb_id = zim.sb_id;
	ck_assert_int_eq(run(op), 0);
}
END_TEST

/* ---- names ---- */

static int dentry(int operation, const char *name, size_t len)
{
	struct zufs_ioc_dentry *io = OP(operation, ROOT, zufs_ioc_dentry, attr);

	io->child = (struct zufs_iref){ 0, 10, GEN };
	set_str(&io->str, name, len);
	return run(io);
}

static int rename_to(const char *old, const char *new, size_t len)
{
	struct zufs_ioc_rename *io =
		OP(ZUFS_OP_RENAME, ROOT, zufs_ioc_rename, old_dir_attr);
	int err;

	io->new_dir = io->op.ii;
	io->old = (struct zufs_iref){ 0, 10, GEN };
	set_str(&io->old_str, old, strlen(old));
	set_str(&io->new_str, new, len);
	err = run(io);
	if (!err) {
		ck_assert_uint_eq(io->old_attr.handle, handle_of(10));
		ck_assert_uint_eq(io->new_attr.handle, 0);
		ck_assert_uint_eq(io->new_attr.zi.i_ino, 0);
	}
	return err;
}

static int create(const char *name, size_t len, uint64_t flags)
{
	struct zufs_ioc_new_inode *io =
		op_in(buf, ZUFS_OP_NEW_INODE, ROOT, sizeof(*io),
		      offsetof(struct zufs_ioc_new_inode, attr), sizeof(*io));

	set_str(&io->str, name, len);
	io->flags = flags;
	return run(io);
}

START_TEST(names)
{
	static const struct {
		const char *name;
		size_t len;
	} bad[] = { { "", 0 },	{ ".", 1 },    { "..", 2 }, { "a/b", 3 },
		    { "/", 1 }, { "a\0b", 3 }, { "\0", 1 }, { "a/", 2 } };
	char longest[ZUFS_NAME_LEN];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *n = bad[i].name;
		size_t len = bad[i].len;
		bool dotdot = len == 2 && !strcmp(n, "..");

		ck_assert_int_eq(lookup(n, len, NULL), dotdot ? 0 : -EINVAL);
		ck_assert_int_eq(dentry(ZUFS_OP_ADD_DENTRY, n, len), -EINVAL);
		ck_assert_int_eq(dentry(ZUFS_OP_REMOVE_DENTRY, n, len),
				 -EINVAL);
		ck_assert_int_eq(rename_to("old", n, len), -EINVAL);
		ck_assert_int_eq(create(n, len, 0), -EINVAL);
	}
	memset(longest, '0', sizeof(longest));
	longest[254] = '9';
	ck_assert_int_eq(lookup(longest, 255, NULL), 0);
	ck_assert_int_eq(dentry(ZUFS_OP_ADD_DENTRY, "..a", 3), 0);
	ck_assert_int_eq(rename_to("old", "...", 3), 0);
	ck_assert_int_eq(rename_to("..", "new", 3), -EINVAL);
	ck_assert_int_eq(create("n", 1, 0), 0);
	ck_assert_int_eq(create("", 0, ZI_TMPFILE), 0);
}
END_TEST

START_TEST(symlink_texts)
{
	struct zufs_ioc_new_inode *io =
		op_in(buf, ZUFS_OP_NEW_INODE, ROOT, sizeof(*io) + 100,
		      offsetof(struct zufs_ioc_new_inode, attr), sizeof(*io));

	set_str(&io->str, "l", 1);
	io->symlen = 101;
	ck_assert_int_eq(run(io), -EINVAL);
	io->symlen = 100;
	ck_assert_int_eq(run(io), 0);
	io = op_in(buf, ZUFS_OP_NEW_INODE, ROOT, sizeof(*io) + 4096,
		   offsetof(struct zufs_ioc_new_inode, attr), sizeof(*io));
	set_str(&io->str, "l", 1);
	io->symlen = 4096;
	ck_assert_int_eq(run(io), -EINVAL);
}
END_TEST

/* ---- missing callbacks ---- */

START_TEST(missing_callbacks)
{
	static const struct zus_sbi_operations none = { .iget = t_iget };
	static const int defaults[] = {
		ZUFS_OP_SHOW_OPTIONS, ZUFS_OP_EVICT_INODE,
		ZUFS_OP_FREE_INODE,   ZUFS_OP_PRE_READ,
		ZUFS_OP_MMAP_CLOSE,   ZUFS_OP_SYNC,
		ZUFS_OP_IGET,	      0
	};

	sbi_ops = none;
	memset(&zii_ops, 0, sizeof(zii_ops));
	zii_ops.evict = t_evict;
	for (int nr = ZUFS_OP_STATFS; nr < ZUFS_OP_MAX_OPT; nr++) {
		struct zufs_ioc_op *op = op_in(buf, nr, 12, 2048, 80, OP_BYTES);
		struct zufs_ioc_IO *io = (void *)op;
		struct zufs_ioc_xattr *x = (void *)op;
		int want = -EOPNOTSUPP;

		if (nr == ZUFS_OP_XATTR_GET || nr == ZUFS_OP_XATTR_SET)
			x->name_len = 1;
		if (nr == ZUFS_OP_READ || nr == ZUFS_OP_WRITE)
			io->data = sizeof(*io);
		if (nr == ZUFS_OP_CLONE || nr == ZUFS_OP_COPY)
			((struct zufs_ioc_clone *)op)->src = op->ii;
		for (const int *d = defaults; *d; d++)
			want = *d == nr ? 0 : want;
		if (nr == ZUFS_OP_IOCTL)
			want = -ENOTTY;
		ck_assert_msg(run(op) == want, "operation %d: %d, not %d", nr,
			      op->hdr.err, want);
	}
	/* The filesystem as a whole. */
	ck_assert_int_eq(run(OP_IN(ZUFS_OP_SYNC, 0, zufs_ioc_sync)), 0);
}
END_TEST

/* ---- handles ---- */

START_TEST(handles)
{
	uint64_t handle;

	ck_assert_int_eq(lookup("10", 2, &handle), 0);
	ck_assert_uint_eq(handle, handle_of(10));
	ck_assert_int_eq(setattr(10, handle, GEN), 0);
	ck_assert_int_eq(igets, 0);
	ck_assert_uint_eq(((struct zufs_ioc_attr *)buf)->attr.handle, handle);
	ck_assert_int_eq(inodes[10].refs, 1);

	/* The root was given by the mount. */
	ck_assert_int_eq(setattr(ROOT, zim.root.handle, GEN), 0);
	ck_assert_int_eq(setattr(ROOT, 0, GEN), 0);
	ck_assert_int_eq(igets, 0);

	/* Of a server before this one: found again once, then known. */
	ck_assert_int_eq(setattr(11, 0xdeadbeef, GEN), 0);
	ck_assert_uint_eq(((struct zufs_ioc_attr *)buf)->attr.handle,
			  handle_of(11));
	ck_assert_int_eq(setattr(11, 0, GEN), 0);
	ck_assert_int_eq(igets, 1);
	ck_assert_int_eq(inodes[11].refs, 1);

	/* There is none of that generation, number, or at all. */
	ck_assert_int_eq(setattr(10, handle, GEN + 1), -ESTALE);
	ck_assert_int_eq(setattr(NR_INODES, 0, GEN), -ESTALE);
	ck_assert_int_eq(setattr(0, handle, GEN), -EINVAL);
	sbi_ops.iget = NULL;
	ck_assert_int_eq(setattr(12, 0, GEN), -ESTALE);
	ck_assert_int_eq(setattr(ROOT, 0, GEN), 0);
}
END_TEST

START_TEST(evictions)
{
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(lookup("10", 2, NULL), 0);
	ck_assert_int_eq(inodes[10].refs, 3);
	ck_assert_int_eq(evict(ZUFS_OP_EVICT_INODE, 10, ZI_LOOKUP_RACE), 0);
	ck_assert_int_eq(inodes[10].refs, 2);
	ck_assert_int_eq(setattr(10, 0, GEN), 0);
	ck_assert_int_eq(igets, 0); /* known still */
	ck_assert_int_eq(evict(ZUFS_OP_EVICT_INODE, 10, 0), 0);
	ck_assert_int_eq(inodes[10].refs, 0);
	ck_assert_int_eq(inodes[10].evicts, 3);
	ck_assert_int_eq(inodes[10].freed, 0);

	/* Not known any more: nothing to evict. */
	ck_assert_int_eq(evict(ZUFS_OP_EVICT_INODE, 10, 0), 0);
	ck_assert_int_eq(evict(ZUFS_OP_EVICT_INODE, 10, ZI_LOOKUP_RACE), 0);
	ck_assert_int_eq(inodes[10].evicts, 3);

	/* Another generation is another inode. */
	ck_assert_int_eq(lookup("13", 2, NULL), 0);
	((struct zufs_ioc_op *)OP_IN(ZUFS_OP_EVICT_INODE, 13,
				     zufs_ioc_evict_inode))
		->ii.generation = GEN + 1;
	ck_assert_int_eq(run(buf), 0);
	ck_assert_int_eq(inodes[13].refs, 1);
}
END_TEST

START_TEST(frees)
{
	/* Only the last of the references frees. */
	ck_assert_int_eq(lookup("10", 2, NULL), 0);
	ck_assert_int_eq(lookup("10", 2, NULL), 0);
	ck_assert_int_eq(evict(ZUFS_OP_FREE_INODE, 10, 0), 0);
	ck_assert_int_eq(inodes[10].refs, 0);
	ck_assert_int_eq(inodes[10].evicts, 2);
	ck_assert_int_eq(inodes[10].freed, 1);

	/* One that only a server before this one knew. */
	ck_assert_int_eq(evict(ZUFS_OP_FREE_INODE, 11, 0), 0);
	ck_assert_int_eq(inodes[11].freed, 1);
	ck_assert_int_eq(evict(ZUFS_OP_FREE_INODE, NR_INODES, 0), 0);

	/* The root's own reference stays. */
	ck_assert_int_eq(lookup("..", 2, NULL), 0);
	ck_assert_int_eq(evict(ZUFS_OP_FREE_INODE, ROOT, 0), 0);
	ck_assert_int_eq(evict(ZUFS_OP_FREE_INODE, ROOT, 0), 0);
	ck_assert_int_eq(inodes[ROOT].refs, 0);
	ck_assert_int_eq(inodes[ROOT].freed, 0);
}
END_TEST

static struct test_inode twin; /* of inode 10 */

static int t_lookup_twin(struct zus_sb_info *sbi, struct zus_inode_info *dir,
			 struct zufs_ioc_lookup *io,
			 struct zus_inode_info **zii)
{
	(void)sbi;
	(void)dir;
	(void)io;
	twin.refs++;
	*zii = &twin.zii;
	return 0;
}

static int t_lookup_nothing(struct zus_sb_info *sbi, struct zus_inode_info *dir,
			    struct zufs_ioc_lookup *io,
			    struct zus_inode_info **zii)
{
	(void)sbi;
	(void)dir;
	(void)io;
	*zii = NULL;
	return 0;
}

START_TEST(faulty_lookups)
{
	ck_assert_int_eq(lookup("10", 2, NULL), 0);
	twin.zii = inodes[10].zii;
	sbi_ops.lookup = t_lookup_twin;
	ck_assert_int_eq(lookup("10", 2, NULL), -EIO);
	ck_assert_int_eq(twin.refs, 0);
	ck_assert_int_eq(inodes[10].refs, 1);
	sbi_ops.lookup = t_lookup_nothing;
	ck_assert_int_eq(lookup("10", 2, NULL), -EIO);
}
END_TEST

static struct test_inode *many; /* inodes NR_INODES and up */

static int t_iget_many(struct zus_sb_info *sbi, uint64_t ino,
		       uint64_t generation, struct zufs_attr *attr,
		       struct zus_inode_info **zii)
{
	struct test_inode *ti = &many[ino - NR_INODES];

	(void)sbi;
	(void)generation;
	ti->zii = (struct zus_inode_info){ .op = &zii_ops,
					   .ino = ino,
					   .generation = GEN };
	ti->refs++;
	igets++;
	fill_attr(attr, ino);
	*zii = &ti->zii;
	return 0;
}

/* The tables grow; half is evicted one by one, the rest by the umount. */
START_TEST(many_handles)
{
	enum {
		MANY = 20000
	};
	static struct test_inode space[MANY];

	many = space;
	sbi_ops.iget = t_iget_many;
	for (int pass = 0; pass < 2; pass++)
		for (uint64_t i = 0; i < MANY; i++)
			ck_assert_int_eq(setattr(NR_INODES + i, 0, GEN), 0);
	ck_assert_int_eq(igets, MANY);
	for (uint64_t i = 0; i < MANY; i += 2)
		ck_assert_int_eq(evict(ZUFS_OP_EVICT_INODE, NR_INODES + i, 0),
				 0);
	for (uint64_t i = 0; i < MANY; i++)
		ck_assert_int_eq(many[i].refs, i % 2);
	tear_down();
	for (uint64_t i = 0; i < MANY; i++)
		ck_assert_int_eq(many[i].refs, 0);
	set_up();
}
END_TEST

/* Lookups of a few inodes race with evictions of single references. */
static void *racer(void *arg)
{
	_Alignas(64) char b[1024];

	for (unsigned int i = 0; i < 20000; i++) {
		uint64_t ino = 10 + (i + (uintptr_t)arg) % 3;
		struct zufs_ioc_lookup *io =
			op_in(b, ZUFS_OP_IGET, ino, 336, 336, 488);
		struct zufs_ioc_evict_inode *ev;

		if (zus_local_op(zl, &io->op.hdr) ||
		    io->attr.handle != handle_of(ino))
			return "iget";
		ev = op_in(b, ZUFS_OP_EVICT_INODE, ino, sizeof(*ev),
			   sizeof(*ev), sizeof(*ev));
		ev->flags = ZI_LOOKUP_RACE;
		if (zus_local_op(zl, &ev->op.hdr))
			return "evict";
	}
	return NULL;
}

START_TEST(races)
{
	pthread_t t[4];
	void *failed;

	for (uintptr_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, racer, (void *)i),
				 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &failed);
		ck_assert_ptr_null(failed);
	}
	for (int i = 10; i < 13; i++)
		ck_assert_int_eq(inodes[i].refs, 0);
}
END_TEST

/* ---- operations with a variable part ---- */

/* All entries, in buffers of @room bytes behind the fixed part. */
static unsigned int list(size_t room)
{
	uint64_t pos = 2;
	unsigned int n = 0;
	bool more = true;

	while (more) {
		struct zufs_ioc_readdir *io = op_in(buf, ZUFS_OP_READDIR, ROOT,
						    88, 80, sizeof(*io) + room);
		uint32_t at = 0;

		io->pos = pos;
		ck_assert_int_eq(run(io), 0);
		ck_assert_uint_le(io->bytes, room);
		ck_assert_uint_eq(io->op.hdr.out_len,
				  sizeof(*io) + io->bytes - 80);
		ck_assert_uint_eq(zus_op_room(&io->op.hdr), room);
		while (at < io->bytes) {
			struct zufs_dir_entry *e = (void *)(io->entries + at);

			n++;
			ck_assert_uint_eq(at % 8, 0);
			ck_assert_uint_eq(e->len, n);
			ck_assert_uint_eq(e->ino, 99 + n);
			ck_assert_uint_eq(e->pos, 2 + n);
			for (unsigned int i = 0; i < e->len; i++)
				ck_assert_int_eq(e->name[i], 'n');
			at += ZUFS_DIR_ENTRY_LEN(e->len);
		}
		ck_assert_uint_eq(at, io->bytes);
		if ((uint8_t)buf[sizeof(*io) + at] != 0xee && at < room)
			ck_abort_msg("bytes behind the last entry");
		more = io->more;
		ck_assert(!more || io->bytes);
		pos = io->pos;
	}
	return n;
}

START_TEST(directories)
{
	size_t all = 0;

	for (unsigned int len = 1; len <= ENTRIES; len++)
		all += ZUFS_DIR_ENTRY_LEN(len);
	ck_assert_uint_eq(list(all), ENTRIES);
	ck_assert_uint_eq(list(all - 1), ENTRIES);
	ck_assert_uint_eq(list(ZUFS_DIR_ENTRY_LEN(ENTRIES)), ENTRIES);
	for (size_t room = 64; room < 400; room++)
		ck_assert_uint_eq(list(room), ENTRIES);
}
END_TEST

START_TEST(extents)
{
	struct zufs_ioc_get_multy *io;
	struct zufs_ioc_fiemap *fm;

	io = op_in(buf, ZUFS_OP_GET_MULTY, 10, 108, 108,
		   sizeof(*io) + 3 * sizeof(io->ext[0]) + 5);
	io->max = 1000;
	ck_assert_int_eq(run(io), 0);
	ck_assert_uint_eq(io->n, 3);
	ck_assert_uint_eq(io->attr.handle, handle_of(10));
	ck_assert_uint_eq(io->op.hdr.out_len,
			  sizeof(*io) + 3 * sizeof(io->ext[0]) - 108);
	io = op_in(buf, ZUFS_OP_GET_MULTY, 10, 108, 108,
		   sizeof(*io) + 3 * sizeof(io->ext[0]));
	lie = 0xffffffff;
	ck_assert_int_eq(run(io), -EIO);

	fm = op_in(buf, ZUFS_OP_FIEMAP, 10, 104, 104,
		   sizeof(*fm) + 2 * sizeof(fm->ext[0]));
	fm->extents_max = 1000;
	ck_assert_int_eq(run(fm), 0);
	ck_assert_uint_eq(fm->extents_mapped, 1000000);
	ck_assert_uint_eq(fm->op.hdr.out_len,
			  sizeof(*fm) + 2 * sizeof(fm->ext[0]) - 104);
}
END_TEST

START_TEST(grants)
{
	struct zufs_ioc_grant *g;
	struct zufs_ioc_commit *c;

	g = OP(ZUFS_OP_GRANT, 10, zufs_ioc_grant, n);
	ck_assert_int_eq(run(g), 0);
	ck_assert_uint_eq(g->n, 1);
	g = OP(ZUFS_OP_GRANT, 10, zufs_ioc_grant, n);
	lie = ZUFS_GRANT_MAX + 1;
	ck_assert_int_eq(run(g), -EIO);

	g = OP_IN(ZUFS_OP_GRANT_PUT, 10, zufs_ioc_grant);
	g->n = ZUFS_GRANT_MAX + 1;
	ck_assert_int_eq(run(g), -EINVAL);
	g->n = ZUFS_GRANT_MAX;
	ck_assert_int_eq(run(g), 0);
	g->op.hdr.in_len = sizeof(*g) - 1;
	ck_assert_int_eq(run(g), -EINVAL);

	c = op_in(buf, ZUFS_OP_COMMIT_WRITE, 10,
		  sizeof(*c) + 2 * sizeof(c->ext[0]), 96, sizeof(*c));
	c->n = 3;
	ck_assert_int_eq(run(c), -EINVAL);
	c->n = ZUFS_COMMIT_MAX + 1;
	c->op.hdr.in_len = OP_BYTES;
	ck_assert_int_eq(run(c), -EINVAL);
	c->n = 2;
	ck_assert_int_eq(run(c), 0);
	ck_assert_uint_eq(c->attr.handle, handle_of(10));
}
END_TEST

static struct zufs_ioc_IO *io_op(int nr, size_t in_len, size_t end)
{
	struct zufs_ioc_IO *io = op_in(buf, nr, 10, in_len, 96, end);

	io->filepos = 1000;
	io->last_pos = 1100;
	io->data = sizeof(*io);
	return io;
}

START_TEST(data_in_the_buffer)
{
	struct zufs_ioc_IO *io;

	io = io_op(ZUFS_OP_READ, 120, sizeof(*io) + 100);
	ck_assert_int_eq(run(io), 0);
	ck_assert_uint_eq(io->op.hdr.out_len, sizeof(*io) + 100 - 96);
	ck_assert_int_eq(buf[sizeof(*io) + 99], 'r');
	ck_assert_uint_eq(io->attr.handle, handle_of(10));
	ck_assert_int_eq(run(io_op(ZUFS_OP_READ, 120, sizeof(*io) + 99)),
			 -EINVAL);
	io = io_op(ZUFS_OP_READ, 120, sizeof(*io) + 100);
	io->data = 8;
	ck_assert_int_eq(run(io), -EINVAL);
	io = io_op(ZUFS_OP_READ, 120, sizeof(*io) + 100);
	io->last_pos = 999;
	ck_assert_int_eq(run(io), -EINVAL);
	io = io_op(ZUFS_OP_READ, 120, sizeof(*io) + 100);
	io->last_pos = UINT64_MAX;
	ck_assert_int_eq(run(io), -EINVAL);

	io = io_op(ZUFS_OP_WRITE, sizeof(*io) + 100, sizeof(*io));
	buf[sizeof(*io) + 99] = 'x';
	ck_assert_int_eq(run(io), 0);
	io = io_op(ZUFS_OP_WRITE, sizeof(*io) + 99, sizeof(*io));
	ck_assert_int_eq(run(io), -EINVAL);
}
END_TEST

static struct zufs_ioc_xattr *xattr_op(int nr, size_t sent, size_t room)
{
	struct zufs_ioc_xattr *x = op_in(buf, nr, 10, sizeof(*x) + sent,
					 nr == ZUFS_OP_XATTR_SET ? 104 : 96,
					 sizeof(*x) + room);

	memcpy(x->buf, "name", 5);
	x->name_len = 5;
	return x;
}

START_TEST(xattrs)
{
	struct zufs_ioc_xattr *x;

	x = xattr_op(ZUFS_OP_XATTR_GET, 5, 10);
	ck_assert_int_eq(run(x), 0);
	ck_assert_uint_eq(x->user_buf_size, 5);
	ck_assert_uint_eq(x->op.hdr.out_len, sizeof(*x) - 96);
	x = xattr_op(ZUFS_OP_XATTR_GET, 5, 10);
	x->user_buf_size = 10;
	ck_assert_int_eq(run(x), 0);
	ck_assert_uint_eq(x->op.hdr.out_len, sizeof(*x) + 5 - 96);
	x = xattr_op(ZUFS_OP_XATTR_GET, 5, 10);
	x->user_buf_size = 11;
	ck_assert_int_eq(run(x), -E2BIG);
	x = xattr_op(ZUFS_OP_XATTR_GET, 5, 10);
	x->user_buf_size = 10;
	lie = 11;
	ck_assert_int_eq(run(x), -EIO);

	/* Names: too short, without NUL, with a NUL inside, more than sent. */
	for (uint32_t len = 0; len < 8; len++) {
		x = xattr_op(ZUFS_OP_XATTR_SET, 5, 0);
		x->name_len = len;
		ck_assert_int_eq(run(x), len == 5 ? 0 : -EINVAL);
	}
	x = xattr_op(ZUFS_OP_XATTR_SET, 15, 0);
	x->user_buf_size = 10;
	ck_assert_int_eq(run(x), 0);
	x->user_buf_size = 11;
	ck_assert_int_eq(run(x), -EINVAL);
}
END_TEST

/* ---- the loader ---- */

/* The load fails with a reason of one line that has @text. */
static void refused(const char *name, int err, const char *text)
{
	const char *why = NULL;

	ck_assert_int_eq(zus_load_plugin(name, &why), err);
	ck_assert_ptr_nonnull(why);
	ck_assert_msg(strstr(why, text) != NULL, "%s: %s", name, why);
	ck_assert_ptr_null(strchr(why, '\n'));
}

START_TEST(loader_errors)
{
	char path[] = "/tmp/test_libzus.XXXXXX";
	char longest[8192];
	Dl_info libc;
	int fd = mkstemp(path);

	refused("nosuch", -ENOENT, "nosuch.so: No such file");
	refused("nosuch", -ENOENT, "--plugin-dir");
	refused("/nonexistent/x.so", -ENOENT, "/nonexistent/x.so: No such");
	ck_assert_int_eq(write(fd, "text", 4), 4);
	close(fd);
	refused(path, -ENOEXEC, path);
	unlink(path);
	ck_assert(dladdr(dlsym(RTLD_DEFAULT, "puts"), &libc));
	if (strstr(libc.dli_fname, "libc.so"))
		refused(libc.dli_fname, -ENOEXEC, "zus_plugin_init");
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	refused(longest, -ENAMETOOLONG, "too long");
}
END_TEST

START_TEST(loader_loads)
{
	const char *plugin = getenv("TOYFS_PLUGIN"), *why;

	if (!plugin)
		return;
	ck_assert_msg(!zus_load_plugin(plugin, &why), "%s", why);
	ck_assert_ptr_nonnull(zus_find_fs("toyfs"));
	refused(plugin, -EEXIST, "load it once");
	ck_assert_ptr_nonnull(zus_find_fs("toyfs"));
}
END_TEST

START_TEST(types)
{
	static const char *const bad[] = { "", "Memfs", "mem.fs", "mem fs",
					   "abcdefghijklmnop" };
	static struct zus_fs_info t[20];
	struct zus_zfi_operations partial = zfi_ops;
	int err = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct zus_fs_info f = { .op = &zfi_ops };

		strncpy(f.rfi.fsname, bad[i], sizeof(f.rfi.fsname));
		ck_assert_int_eq(zus_register_one(&f), -EINVAL);
	}
	partial.sbi_fini = NULL;
	t[0] = (struct zus_fs_info){ .rfi = { .fsname = "partial" },
				     .op = &partial };
	ck_assert_int_eq(zus_register_one(&t[0]), -EINVAL);
	ck_assert_int_eq(zus_register_one(&zfi), 0);
	ck_assert_ptr_eq(zus_find_fs("memfs"), &zfi);
	ck_assert_int_eq(zus_register_one(&zfi), -EEXIST);
	ck_assert_ptr_null(zus_find_fs("other"));
	for (int i = 0; i < 20 && !err; i++) {
		t[i] = (struct zus_fs_info){ .op = &zfi_ops };
		t[i].rfi.fsname[0] = (char)('a' + i);
		err = zus_register_one(&t[i]);
	}
	ck_assert_int_eq(err, -ENOSPC);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("libzus");
	TCase *t = tcase_create("decode");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, mounts);
	tcase_add_test(t, unknown_operations);
	tcase_add_test(t, short_operations);
	tcase_add_test(t, answers);
	tcase_add_test(t, wrong_super_block);
	tcase_add_test(t, names);
	tcase_add_test(t, symlink_texts);
	tcase_add_test(t, missing_callbacks);
	tcase_add_test(t, handles);
	tcase_add_test(t, evictions);
	tcase_add_test(t, frees);
	tcase_add_test(t, faulty_lookups);
	tcase_add_test(t, many_handles);
	tcase_add_test(t, races);
	tcase_add_test(t, directories);
	tcase_add_test(t, extents);
	tcase_add_test(t, grants);
	tcase_add_test(t, data_in_the_buffer);
	tcase_add_test(t, xattrs);
	suite_add_tcase(s, t);
	t = tcase_create("loader");
	tcase_add_test(t, loader_errors);
	tcase_add_test(t, loader_loads);
	tcase_add_test(t, types);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
