// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * The table of coverage; see cover.h.
 */
#include <assert.h>
#include <stddef.h>

#include "cover.h"
#include "plugin.h"

/*
 * X(callback, operation, calls, compared, checked); an operation of 0 comes with
 * mounts. N(callback): toyfs has none. In the order of zus.h.
 */
#define ZFI_CALLBACKS(X, N)                                      \
	X(sbi_alloc, 0, "mount", "", "")                         \
	X(sbi_free, 0, "remount", "", "")                        \
	X(sbi_init, 0, "mount of each image: recovery, orphans", \
	  "the whole tree", "all")                               \
	X(sbi_fini, 0, "remount", "the whole tree", "all")       \
	X(sbi_remount, 0, "remount (read-only first)", "the whole tree", "all")

#define SBI_CALLBACKS(X, N)                                                  \
	X(statfs, ZUFS_OP_STATFS, "of each image", "free blocks, inodes",    \
	  "space")                                                           \
	N(show_options)                                                      \
	X(new_inode, ZUFS_OP_NEW_INODE,                                      \
	  "create, mkdir, fifo, chr, symlink, tmplink; with ACLs",           \
	  "names, types, attributes, text, ACLs",                            \
	  "slots, free lists, leaves, names, links, symlinks")               \
	X(lookup, ZUFS_OP_LOOKUP, "all with a path", "names", "")            \
	X(iget, ZUFS_OP_IGET, "of each inode of an image", "attributes", "") \
	X(add_dentry, ZUFS_OP_ADD_DENTRY, "link, tmplink",                   \
	  "names, nlink, ctime", "names, links, orphans")                    \
	X(remove_dentry, ZUFS_OP_REMOVE_DENTRY, "unlink, rmdir",             \
	  "names, nlink, times", "leaves, names, links, orphans")            \
	X(rename, ZUFS_OP_RENAME, "rename, exchange, whiteout",              \
	  "names, \"..\", nlink, times",                                     \
	  "leaves, names, parents, links, orphans")                          \
	X(readdir, ZUFS_OP_READDIR, "of each directory of an image",         \
	  "number of names", "")                                             \
	N(sync_fs)

#define ZII_CALLBACKS(X, N)                                                    \
	X(evict, ZUFS_OP_FREE_INODE, "unlink, close, whiteout",                \
	  "what is left is what must be", "orphans, free lists, space")        \
	X(setattr, ZUFS_OP_SETATTR, "chmod, chown, utimes, chattr, truncate",  \
	  "attributes, size, data", "slots, maps, sizes, space")               \
	X(sync, ZUFS_OP_SYNC, "fsync, remount", "times", "slots")              \
	X(get_symlink, ZUFS_OP_GET_SYMLINK, "of each symlink of an image",     \
	  "text", "symlinks")                                                  \
	X(get_multy, ZUFS_OP_GET_MULTY, "write (into holes too), read",        \
	  "data", "maps, sizes, space")                                        \
	X(grant, ZUFS_OP_GRANT, "append, write behind the size", "data",       \
	  "space")                                                             \
	X(grant_put, ZUFS_OP_GRANT_PUT, "close, truncate", "", "space")        \
	X(commit_write, ZUFS_OP_COMMIT_WRITE, "append, write behind the size", \
	  "data, size, times", "maps, sizes, space")                           \
	X(fallocate, ZUFS_OP_FALLOCATE, "falloc, keep, punch, zero",           \
	  "data, size, times", "maps, sizes, space")                           \
	N(read)                                                                \
	N(write)                                                               \
	N(pre_read)                                                            \
	N(mmap_close)                                                          \
	N(seek)                                                                \
	N(fiemap)                                                              \
	N(clone)                                                               \
	N(copy)                                                                \
	X(ioctl, ZUFS_OP_IOCTL, "of the root of each image", "label", "")      \
	X(getxattr, ZUFS_OP_XATTR_GET, "of each xattr of an image", "values",  \
	  "xattrs")                                                            \
	X(setxattr, ZUFS_OP_XATTR_SET, "setxattr, rmxattr, setacl",            \
	  "values, names, ctime, mode", "xattrs, space")                       \
	X(listxattr, ZUFS_OP_XATTR_LIST, "of each inode of an image",          \
	  "number of names", "xattrs")

/* Without a line here a structure is smaller than that of zus.h. */
#define SHAPE_X(name, op, calls, compared, checked) void (*name)(void);
#define SHAPE_N(name)				    void (*name)(void);
struct zfi_shape {
	ZFI_CALLBACKS(SHAPE_X, SHAPE_N)
};
struct sbi_shape {
	SBI_CALLBACKS(SHAPE_X, SHAPE_N)
};
struct zii_shape {
	ZII_CALLBACKS(SHAPE_X, SHAPE_N)
};

static_assert(sizeof(struct zfi_shape) == sizeof(struct zus_zfi_operations),
	      "a callback has no workload, oracle and fsck rule");
static_assert(sizeof(struct sbi_shape) == sizeof(struct zus_sbi_operations),
	      "a callback has no workload, oracle and fsck rule");
static_assert(sizeof(struct zii_shape) == sizeof(struct zus_zii_operations),
	      "a callback has no workload, oracle and fsck rule");

struct row {
	const char *name, *calls, *compared, *checked;
	size_t at; /* in the table of callbacks */
	int operation;
	bool has;
};

#define ROW_X(type, cb, op, c, o, f) \
	{ #cb, c, o, f, offsetof(struct type, cb), op, true },
#define ROW_N(type, cb) \
	{ #cb, "", "", "", offsetof(struct type, cb), 0, false },
#define ZFI_X(cb, op, c, o, f) ROW_X(zus_zfi_operations, cb, op, c, o, f)
#define ZFI_N(cb)	       ROW_N(zus_zfi_operations, cb)
#define SBI_X(cb, op, c, o, f) ROW_X(zus_sbi_operations, cb, op, c, o, f)
#define SBI_N(cb)	       ROW_N(zus_sbi_operations, cb)
#define ZII_X(cb, op, c, o, f) ROW_X(zus_zii_operations, cb, op, c, o, f)
#define ZII_N(cb)	       ROW_N(zus_zii_operations, cb)

static const struct row zfi_rows[] = { ZFI_CALLBACKS(ZFI_X, ZFI_N) };
static const struct row sbi_rows[] = { SBI_CALLBACKS(SBI_X, SBI_N) };
static const struct row zii_rows[] = { ZII_CALLBACKS(ZII_X, ZII_N) };

#define ROWS(r) (int)(sizeof(r) / sizeof((r)[0]))

static void print(FILE *to, const struct row *r, int nr)
{
	for (; nr--; r++)
		if (r->has)
			fprintf(to, "| %s | %s | %s | %s |\n", r->name,
				r->calls, r->compared, r->checked);
}

void cover_print(FILE *to)
{
	fputs("| callback | calls | compared | checked by fsck |\n|---|---|---|---|\n",
	      to);
	print(to, zfi_rows, ROWS(zfi_rows));
	print(to, sbi_rows, ROWS(sbi_rows));
	print(to, zii_rows, ROWS(zii_rows));
}

/* @ops: toyfs's table. */
static bool rows_ok(const struct row *r, int nr, const void *ops,
		    const uint64_t *runs)
{
	bool ok = true;

	for (; nr--; r++) {
		bool has = *(void (*const *)(void))((const char *)ops + r->at);
		const char *wrong = NULL;

		if (has != r->has)
			wrong = has ? "has no line in cover.c" :
				      "is in cover.c, and toyfs has none";
		else if (runs && r->operation && !runs[r->operation])
			wrong = "was never called";
		if (wrong)
			fprintf(stderr, "FAILURE: callback %s %s\n", r->name,
				wrong);
		ok &= !wrong;
	}
	return ok;
}

/* What allocates a toyfs tells its tables. */
bool cover_ok(const uint64_t *runs)
{
	struct zus_fs_info *zfi = zus_find_fs("toyfs");
	struct zus_sb_info *sbi;
	bool ok;

	if (!zfi && !zus_plugin_init())
		zfi = zus_find_fs("toyfs");
	sbi = zfi ? zfi->op->sbi_alloc(zfi) : NULL;
	if (!sbi)
		return false;
	ok = rows_ok(zfi_rows, ROWS(zfi_rows), zfi->op, runs) &
	     rows_ok(sbi_rows, ROWS(sbi_rows), sbi->op, runs) &
	     rows_ok(zii_rows, ROWS(zii_rows), &toy_zii_ops, runs);
	zfi->op->sbi_free(sbi);
	return ok;
}
