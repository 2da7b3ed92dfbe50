// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * libzus without a kernel: the decoder, directory entries, what has a variable
 * length.
 */
#include "puppet.h"

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
	ck_assert_uint_eq(m.options_len, 7);
	memset(m.options, 'a', sizeof(m.options));
	ck_assert_int_eq(zus_local_mount(&bad, pmem, 2 * MIB, &m, &other),
			 -EINVAL);
	ck_assert_uint_eq(m.options_len, sizeof(m.options) - 1);
	/* The failed mounts used the same sb. */
	t_alloc(&zfi);
	sb.zfi = &zfi;
	sb.z_root = &inodes[ROOT].zii;
}
END_TEST

/* A type without a device has no memory, and takes none. */
START_TEST(mounts_no_device)
{
	struct zus_fs_info nodev = {
		.rfi = { .fsname = "nodev", .flags = ZUFS_RFI_NODEV },
		.op = &zfi_ops,
	};
	struct zufs_ioc_mount m = { .t1_blocks = 1 };
	struct zus_sb_info before = sb;
	struct zus_local *other;

	ck_assert_int_eq(zus_local_mount(&nodev, pmem, 2 * MIB, &m, &other),
			 -EINVAL);
	ck_assert_int_eq(zus_local_mount(&nodev, NULL, 0, &m, &other), 0);
	ck_assert_uint_eq(m.t1_blocks, 0);
	ck_assert_ptr_null(sb.md.addr);
	ck_assert_uint_eq(sb.md.bytes, 0);
	ck_assert_int_eq(sb.md.dev_count, 0);
	ck_assert_ptr_null(zus_md_baddr(&sb.md, 0));
	ck_assert_int_eq(zus_local_umount(other), 0);
	sb = before; /* of the mount that tear_down() ends */
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

START_TEST(new_acls)
{
	static const struct {
		uint32_t acl, def;
		int err;
	} t[] = {
		{ 60, 40, 0 },
		{ 61, 40, -EINVAL },
		{ 0, 101, -EINVAL },
		{ UINT32_MAX, 101, -EINVAL },
		{ UINT32_MAX, UINT32_MAX, -EINVAL },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct zufs_ioc_new_inode *io = op_in(
			buf, ZUFS_OP_NEW_INODE, ROOT, sizeof(*io) + 100,
			offsetof(struct zufs_ioc_new_inode, attr), sizeof(*io));

		set_str(&io->str, "a", 1);
		io->acl_len = t[i].acl;
		io->def_len = t[i].def;
		ck_assert_int_eq(run(io), t[i].err);
	}
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
	/* More than there is room for: the kernel hears of it, and has what fits. */
	io->max = 1000;
	lie = 10;
	ck_assert_int_eq(run(io), -EZUFS_RETRY);
	ck_assert_uint_eq(io->op.hdr.out_len,
			  sizeof(*io) + 10 * sizeof(io->ext[0]) - 108);
	ck_assert_uint_eq(io->ext[2].lblk, 2);
	lie = 0xffffffff;
	ck_assert_int_eq(run(io), -EZUFS_RETRY);
	ck_assert_uint_lt(io->op.hdr.out_len, 1U << 31);
	/* What was allocated is told of at once. */
	io->rw = ZUFS_RW_WRITE;
	ck_assert_int_eq(run(io), 0);
	ck_assert_uint_eq(io->n, 3);

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
	/* In-process there is no window. */
	io = io_op(ZUFS_OP_READ, 120, sizeof(*io) + 100);
	io->data = 0;
	ck_assert_int_eq(run(io), -EINVAL);

	io = io_op(ZUFS_OP_WRITE, sizeof(*io) + 100, sizeof(*io));
	buf[sizeof(*io) + 99] = 'x';
	ck_assert_int_eq(run(io), 0);
	io = io_op(ZUFS_OP_WRITE, sizeof(*io) + 99, sizeof(*io));
	ck_assert_int_eq(run(io), -EINVAL);
}
END_TEST

/* The answer has as much data as was read; what can't be is none. */
START_TEST(how_far_data_went)
{
	struct zufs_ioc_IO *io;

	lie = 60;
	io = io_op(ZUFS_OP_READ, 120, sizeof(*io) + 100);
	ck_assert_int_eq(run(io), 0);
	ck_assert_uint_eq(io->op.hdr.out_len, sizeof(*io) + 60 - 96);
	io = io_op(ZUFS_OP_WRITE, sizeof(*io) + 100, sizeof(*io));
	buf[sizeof(*io) + 99] = 'x';
	ck_assert_int_eq(run(io), 0);
	lie = 101;
	ck_assert_int_eq(run(io_op(ZUFS_OP_READ, 120, sizeof(*io) + 100)),
			 -EIO);
	io = io_op(ZUFS_OP_WRITE, sizeof(*io) + 100, sizeof(*io));
	buf[sizeof(*io) + 99] = 'x';
	ck_assert_int_eq(run(io), -EIO);
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
	ck_assert_int_eq(run(x), 0);
	ck_assert_uint_eq(x->op.hdr.out_len, sizeof(*x) + 5 - 96);
	/* The caller has more room than the operation: the kernel makes more. */
	x = xattr_op(ZUFS_OP_XATTR_GET, 5, 4);
	x->user_buf_size = 5;
	ck_assert_int_eq(run(x), -EZUFS_RETRY);
	ck_assert_uint_eq(x->op.hdr.out_len, sizeof(*x) + 5 - 96);
	x = xattr_op(ZUFS_OP_XATTR_GET, 5, 4);
	x->user_buf_size = 4;
	ck_assert_int_eq(run(x), -ERANGE);
	x = xattr_op(ZUFS_OP_XATTR_GET, 5, 0);
	x->user_buf_size = 5;
	ck_assert_int_eq(run(x), -EINVAL);
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

/* ---- what an inode becomes ---- */

/* Each field another number, all of them different in @from and in @is. */
static void two_inodes(struct zus_inode *is, struct zus_inode *from)
{
	memset(is, 0x11, sizeof(*is));
	memset(from, 0x22, sizeof(*from));
	is->i_mode = S_IFREG | 0600;
	from->i_mode = S_IFDIR | 04755;
}

/* SETATTR with @valid makes @want of it. */
static bool becomes(uint64_t valid, struct zus_inode want)
{
	struct zufs_ioc_attr io = { .op.time = 77, .valid = valid };
	struct zus_inode zi;

	two_inodes(&zi, &io.zi);
	zus_set_attr(&zi, &io);
	return !memcmp(&zi, &want, sizeof(zi));
}

START_TEST(set_attr)
{
	struct zus_inode was, from, want;

	two_inodes(&was, &from);
	was.i_ctime = 77; /* that of the operation */
	ck_assert(becomes(0, was));
	want = was;
	want.i_mode = S_IFREG | 04755;
	ck_assert(becomes(ZUFS_STATX_MODE, want));
	want = was;
	want.i_uid = from.i_uid;
	ck_assert(becomes(ZUFS_STATX_UID, want));
	want = was;
	want.i_gid = from.i_gid;
	ck_assert(becomes(ZUFS_STATX_GID, want));
	want = was;
	want.i_flags = from.i_flags;
	ck_assert(becomes(ZUFS_STATX_FLAGS, want));
	want = was;
	want.i_version = from.i_version;
	ck_assert(becomes(ZUFS_STATX_VERSION, want));
	want = was;
	want.i_atime = from.i_atime;
	ck_assert(becomes(ZUFS_STATX_ATIME, want));
	want = was;
	want.i_mtime = from.i_mtime;
	ck_assert(becomes(ZUFS_STATX_MTIME, want));
	ck_assert(becomes(ZUFS_STATX_MTIME | ZUFS_STATX_SIZE, want));
	want.i_mtime = 77;
	ck_assert(becomes(ZUFS_STATX_SIZE, want));
	ck_assert(becomes(ZUFS_STATX_CTIME, was)); /* it is SYNC's */
}
END_TEST

START_TEST(set_times)
{
	struct zufs_ioc_sync io = { .atime = 1, .mtime = 2, .ctime = 3 };
	struct zus_inode zi = { 0 };

	zus_set_times(&zi, &io);
	ck_assert(!zi.i_atime && !zi.i_mtime && !zi.i_ctime);
	io.valid = ZUFS_STATX_CTIME;
	zus_set_times(&zi, &io);
	ck_assert(!zi.i_atime && !zi.i_mtime && zi.i_ctime == 3);
	io.valid = ZUFS_STATX_ATIME | ZUFS_STATX_MTIME;
	io.ctime = 4;
	zus_set_times(&zi, &io);
	ck_assert(zi.i_atime == 1 && zi.i_mtime == 2 && zi.i_ctime == 3);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		mounts,
		mounts_no_device,
		unknown_operations,
		short_operations,
		answers,
		wrong_super_block,
		names,
		symlink_texts,
		new_acls,
		missing_callbacks,
		directories,
		extents,
		grants,
		data_in_the_buffer,
		how_far_data_went,
		xattrs,
		set_attr,
		set_times,
		NULL,
	};
	Suite *s = suite_create("libzus");

	add_case(s, "mounted", tests, set_up, tear_down);
	return run_suite(s);
}
