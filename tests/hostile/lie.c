// SPDX-License-Identifier: GPL-2.0
/*
 * Lies: answers with one or a few things wrong, most of them in a field that
 * the kernel uses.
 */
#include <string.h>

#include "hostile.h"

struct field {
	uint16_t op, off, size;
};

#define F(op, s, f)                                   \
	{                                             \
		ZUFS_OP_##op, offsetof(struct s, f),  \
			sizeof(((struct s *)NULL)->f) \
	}
/* What of struct zufs_attr the kernel looks at. */
#define ATTR(op, s, f)                                                        \
	F(op, s, f.zi.i_mode), F(op, s, f.zi.i_mode), F(op, s, f.zi.i_nlink), \
		F(op, s, f.zi.i_size), F(op, s, f.zi.i_size),                 \
		F(op, s, f.zi.i_blocks), F(op, s, f.zi.i_flags),              \
		F(op, s, f.zi.i_ino), F(op, s, f.zi.i_generation),            \
		F(op, s, f.zi.i_rdev), F(op, s, f.zi.i_uid),                  \
		F(op, s, f.zi.i_mtime), F(op, s, f.handle), F(op, s, f.flags)

static const struct field fields[] = {
	F(STATFS, zufs_ioc_statfs, blocks),
	F(STATFS, zufs_ioc_statfs, bfree),
	F(SHOW_OPTIONS, zufs_ioc_mount_options, len),
	ATTR(NEW_INODE, zufs_ioc_new_inode, attr),
	ATTR(NEW_INODE, zufs_ioc_new_inode, dir),
	ATTR(LOOKUP, zufs_ioc_lookup, attr),
	ATTR(IGET, zufs_ioc_lookup, attr),
	ATTR(ADD_DENTRY, zufs_ioc_dentry, attr),
	ATTR(REMOVE_DENTRY, zufs_ioc_dentry, attr),
	ATTR(REMOVE_DENTRY, zufs_ioc_dentry, dir),
	ATTR(RENAME, zufs_ioc_rename, old_dir_attr),
	ATTR(RENAME, zufs_ioc_rename, old_attr),
	ATTR(RENAME, zufs_ioc_rename, new_attr),
	F(READDIR, zufs_ioc_readdir, pos),
	F(READDIR, zufs_ioc_readdir, more),
	F(READDIR, zufs_ioc_readdir, bytes),
	F(GET_SYMLINK, zufs_ioc_get_symlink, len),
	F(GET_MULTY, zufs_ioc_get_multy, n),
	F(GET_MULTY, zufs_ioc_get_multy, attr.zi.i_blocks),
	F(GRANT, zufs_ioc_grant, n),
	F(COMMIT_WRITE, zufs_ioc_commit, n_grant),
	ATTR(COMMIT_WRITE, zufs_ioc_commit, attr),
	ATTR(SETATTR, zufs_ioc_attr, attr),
	F(FALLOCATE, zufs_ioc_IO, last_pos),
	F(READ, zufs_ioc_IO, last_pos),
	F(WRITE, zufs_ioc_IO, last_pos),
	ATTR(WRITE, zufs_ioc_IO, attr),
	F(LLSEEK, zufs_ioc_seek, offset_out),
	F(XATTR_GET, zufs_ioc_xattr, user_buf_size),
	F(XATTR_LIST, zufs_ioc_xattr, user_buf_size),
	ATTR(XATTR_SET, zufs_ioc_xattr, attr),
	F(FIEMAP, zufs_ioc_fiemap, extents_mapped),
	F(CLONE, zufs_ioc_clone, done),
	ATTR(CLONE, zufs_ioc_clone, attr),
	F(COPY, zufs_ioc_clone, done),
	ATTR(COPY, zufs_ioc_clone, attr),
};
#define N_FIELDS (sizeof(fields) / sizeof(*fields))

uint64_t odd_value(struct rng *r, uint64_t now)
{
	static const uint64_t odd[] = {
		0,	    1,		2,	    7,		8,
		127,	    255,	256,	    4095,	4096,
		4097,	    0x7fff,	0x8000,	    0xffff,	0x10000,
		0x7fffffff, 0x80000000, 0xffffffff, 1ULL << 32, 1ULL << 47,
		1ULL << 52, 1ULL << 62, 1ULL << 63, ~0ULL,	~0ULL - 4095,
	};

	switch (below(r, 6)) {
	case 0:
		return now + 1;
	case 1:
		return now - 1;
	case 2:
		return now ^ 1ULL << below(r, 64);
	case 3:
		return rnd(r);
	default:
		return odd[below(r, sizeof(odd) / sizeof(*odd))];
	}
}

static void change(struct rng *r, void *at, size_t size)
{
	uint64_t v = 0;

	if (size > sizeof(v))
		size = sizeof(v);
	memcpy(&v, at, size);
	v = odd_value(r, v);
	memcpy(at, &v, size);
}

/* One of the fields that the kernel looks at in this operation. */
static void lie_field(struct rng *r, struct zufs_ioc_hdr *hdr)
{
	unsigned int n = 0, pick;

	for (unsigned int i = 0; i < N_FIELDS; i++)
		n += fields[i].op == hdr->operation;
	if (!n)
		return;
	pick = below(r, n);
	for (unsigned int i = 0; i < N_FIELDS; i++)
		if (fields[i].op == hdr->operation && !pick--)
			change(r, (char *)hdr + fields[i].off, fields[i].size);
}

/* One of @n extents at @ext. */
static void lie_extent(struct rng *r, struct zufs_extent *ext, unsigned int n)
{
	struct zufs_extent *e = &ext[n ? below(r, n) : 0];

	switch (below(r, 4)) {
	case 0:
		return change(r, &e->lblk, sizeof(e->lblk));
	case 1:
		return change(r, &e->pblk, sizeof(e->pblk));
	case 2:
		return change(r, &e->len, sizeof(e->len));
	default:
		return change(r, &e->flags, sizeof(e->flags));
	}
}

static void lie_entry(struct rng *r, struct zufs_ioc_readdir *io)
{
	struct zufs_dir_entry *e = (void *)io->entries;

	switch (below(r, 4)) {
	case 0:
		return change(r, &e->ino, sizeof(e->ino));
	case 1:
		return change(r, &e->pos, sizeof(e->pos));
	case 2:
		return change(r, &e->len, sizeof(e->len));
	default:
		e->name[0] = once_in(r, 2) ? '/' : '\0';
	}
}

/* What follows the fixed part of an operation. */
static void lie_tail(struct rng *r, struct zufs_ioc_hdr *hdr)
{
	switch (hdr->operation) {
	case ZUFS_OP_GET_MULTY: {
		struct zufs_ioc_get_multy *io = (void *)hdr;

		return lie_extent(r, io->ext, io->n < 128 ? io->n : 0);
	}
	case ZUFS_OP_GRANT: {
		struct zufs_ioc_grant *io = (void *)hdr;

		return lie_extent(r, io->ext, ZUFS_GRANT_MAX);
	}
	case ZUFS_OP_COMMIT_WRITE: {
		struct zufs_ioc_commit *io = (void *)hdr;

		return lie_extent(r, io->grant, ZUFS_GRANT_MAX);
	}
	case ZUFS_OP_FIEMAP: {
		struct zufs_ioc_fiemap *io = (void *)hdr;
		uint32_t n = io->extents_mapped;

		return lie_extent(r, io->ext, n < 128 ? n : 0);
	}
	case ZUFS_OP_READDIR:
		return lie_entry(r, (void *)hdr);
	case ZUFS_OP_GET_SYMLINK: {
		struct zufs_ioc_get_symlink *io = (void *)hdr;

		memset(io->path, once_in(r, 2) ? '/' : 0, below(r, 4096));
		return;
	}
	default:
		return lie_field(r, hdr);
	}
}

static void lie_header(struct rng *r, struct zufs_ioc_hdr *hdr)
{
	switch (below(r, 9)) {
	case 0:
		hdr->err = (int32_t)odd_value(r, hdr->err);
		break;
	case 1: /* with those that only the kernel may use */
		hdr->err = -(int32_t)below(r, 600);
		break;
	case 2:
		hdr->out_len = odd_value(r, hdr->out_len);
		break;
	case 3:
		hdr->out_len = below(r, hdr->out_len + 1);
		break;
	case 4:
		hdr->out_start = odd_value(r, hdr->out_start);
		break;
	case 5:
		hdr->out_max = odd_value(r, hdr->out_max);
		break;
	case 6:
		hdr->operation = odd_value(r, hdr->operation);
		break;
	case 7:
		hdr->unique = odd_value(r, hdr->unique);
		break;
	default: /* for ever more room */
		hdr->err = -EZUFS_RETRY;
		hdr->out_len = odd_value(r, hdr->out_max);
	}
}

/* A word anywhere in the outputs. */
static void lie_word(struct rng *r, struct zufs_ioc_hdr *hdr, uint32_t size)
{
	uint32_t at = hdr->out_start, room = hdr->out_len & ~7U;

	if (room < 8 || at + room > size)
		return;
	change(r, (char *)hdr + at + 8 * below(r, room / 8), 8);
}

void lie(struct rng *r, struct zufs_ioc_hdr *hdr, uint32_t size)
{
	do {
		switch (below(r, 8)) {
		case 0:
			lie_header(r, hdr);
			break;
		case 1:
			lie_word(r, hdr, size);
			break;
		case 2:
		case 3:
		case 4:
			lie_tail(r, hdr);
			break;
		default:
			lie_field(r, hdr);
		}
	} while (once_in(r, 4));
}

void lie_mount(struct rng *r, struct zufs_ioc_mount *zim)
{
	switch (below(r, 8)) {
	case 0:
		zim->hdr.err = (int32_t)odd_value(r, 0);
		break;
	case 1:
		change(r, &zim->fs_caps, sizeof(zim->fs_caps));
		break;
	case 2:
		change(r, &zim->blocksize_bits, sizeof(zim->blocksize_bits));
		break;
	case 3:
		change(r, &zim->falloc_sup, sizeof(zim->falloc_sup));
		break;
	case 4:
		change(r, &zim->sbi_handle, sizeof(zim->sbi_handle));
		break;
	case 5:
		change(r, &zim->sb_id, sizeof(zim->sb_id));
		break;
	default:
		change(r,
		       (char *)&zim->root + 8 * below(r, sizeof(zim->root) / 8),
		       8);
	}
}

void lie_ddbg(struct rng *r, struct zufs_ioc_ddbg *d)
{
	switch (below(r, 4)) {
	case 0:
		return change(r, &d->hdr.err, sizeof(d->hdr.err));
	case 1:
		return change(r, &d->pos, sizeof(d->pos));
	case 2:
		return change(r, &d->hdr.out_len, sizeof(d->hdr.out_len));
	default:
		change(r, &d->len, sizeof(d->len));
	}
}
