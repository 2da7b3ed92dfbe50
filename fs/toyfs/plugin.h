/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Inside the plugin: mounted filesystems, volatile inodes, directories.
 *
 * Locks: toy_inode.lock (ascending ino) > transaction. The table's lock is a
 * leaf. The lock of an inode in the making is taken inside its transaction:
 * whoever holds it then waits for nothing.
 */
#ifndef TOYFS_PLUGIN_H
#define TOYFS_PLUGIN_H

#include "toyfs.h"
#include "zus.h"

#define TOY_LINK_MAX   0x7fffffffU
#define TOY_NO_ORPHAN  UINT64_MAX
#define TOY_TABLE_SIZE 4096U
/* Lines that a step leaves for the slot, its free list and an orphan entry. */
#define TOY_STEP_ROOM  24U

struct toy_sbi {
	struct zus_sb_info sbi;
	struct toy_fs fs;
	bool open; /* toy_open was done */
	pthread_mutex_t table_lock;
	struct toy_inode **table; /* by ino */
};

/* Reserved blocks that the kernel may write and then commit. */
struct toy_grant {
	uint64_t pblk;
	uint32_t len;
};

struct toy_grants {
	struct toy_grant *g;
	unsigned int nr, cap;
};

struct toy_inode {
	struct zus_inode_info zii;
	struct toy_inode *next; /* same hash */
	unsigned int refs;	/* under the table's lock, like taken */
	uint64_t taken;		/* references ever */
	bool dead;		/* its slot is free; under lock */
	pthread_rwlock_t lock;	/* slot, map, what follows */
	uint64_t orphan; /* position of its orphan entry, or TOY_NO_ORPHAN */
	uint64_t range;	 /* the same of a part of its map */
	bool fills;	 /* there will be blocks; else they go */
	/*
	 * A write beyond the size is committed in parts: they are to go if the
	 * last one doesn't come, which begins at this block. 0: there is none.
	 */
	uint64_t next_part;
	struct toy_grants grants;
};

static inline struct toy_sbi *toy_sbi(struct zus_sb_info *sbi)
{
	return container_of(sbi, struct toy_sbi, sbi);
}

static inline struct toy_inode *toy_i(struct zus_inode_info *zii)
{
	return container_of(zii, struct toy_inode, zii);
}

static inline struct toy_fs *toy_i_fs(struct toy_inode *ti)
{
	return &toy_sbi(ti->zii.sbi)->fs;
}

/* A map that a transaction changes; @slot is the transaction's copy. */
static inline struct toy_tree
toy_slot_tree(struct toy_fs *fs, struct toy_tx *tx, struct toy_slot *slot)
{
	return (struct toy_tree){ fs, tx, &slot->map, le64toh(slot->zi.i_ino) };
}

/* A map to read; nothing writes through it. */
static inline struct toy_tree toy_slot_map(struct toy_fs *fs,
					   const struct toy_slot *slot)
{
	return (struct toy_tree){ fs, NULL, (struct toy_root *)&slot->map,
				  le64toh(slot->zi.i_ino) };
}

static inline bool toy_is_dir(const struct toy_slot *slot)
{
	return (le16toh(slot->zi.i_mode) & 0170000) == 0040000;
}

static inline bool toy_is_reg(const struct toy_slot *slot)
{
	return (le16toh(slot->zi.i_mode) & 0170000) == 0100000;
}

/* Blocks that hold @bytes. */
static inline uint64_t toy_blocks_of(uint64_t bytes)
{
	return (bytes >> ZUFS_BLOCK_SHIFT) + !!(bytes & (ZUFS_BLOCK_SIZE - 1));
}

/* ---- plugin.c ---- */

/*
 * Begins a transaction of the running operation, which succeeds if this one is
 * committed. ZUFS_OP_NULL: of none, it finishes what an earlier one began.
 */
int toy_begin(struct toy_fs *fs, uint16_t op, struct toy_tx **txp);
/* Logs what the media contradicts and returns -EUCLEAN. */
int toy_corrupt(uint64_t ino, const char *what);

/* ---- inode.c ---- */

/* The volatile inode with one more reference; its slot isn't looked at. */
struct toy_inode *toy_inode_ref(struct toy_sbi *ts, uint64_t ino);
void toy_inode_put(struct toy_inode *ti);
/*
 * The inode @ino with a reference, its attributes filled. @generation 0: any.
 * -ESTALE: it is free, has no name, or another generation.
 */
int toy_inode_get(struct toy_sbi *ts, uint64_t ino, uint64_t generation,
		  struct zufs_attr *attr, struct toy_inode **tip);
/*
 * A new slot in @tx and its volatile inode, locked and referenced. After the
 * end of the transaction toy_inode_born() with its result.
 */
int toy_inode_new(struct toy_sbi *ts, struct toy_tx *tx, struct toy_inode **tip,
		  struct toy_slot **slot);
void toy_inode_born(struct toy_inode *ti, int err);
void toy_inode_evict(struct zus_inode_info *zii, bool free_inode);
/* Frees the volatile inodes that are left, without a look at the media. */
void toy_inodes_drop(struct toy_sbi *ts);
void toy_fill_attr(struct toy_inode *ti, const struct toy_slot *slot,
		   struct zufs_attr *attr);
/* The same from media, under the inode's lock. */
int toy_attr_read(struct toy_inode *ti, struct zufs_attr *attr);
/* Locks up to 5 inodes for writing in ascending order; NULLs are skipped. */
void toy_lock_all(struct toy_inode **ti, unsigned int nr);
void toy_unlock_all(struct toy_inode **ti, unsigned int nr);
extern const struct zus_zii_operations toy_zii_ops;

/* ---- range.c ---- */

/*
 * Frees [from, to) of the map, as much as fits: then *range is the entry, and the
 * rest in the slot, by which toy_range_finish() goes on.
 */
int toy_cut(struct toy_fs *fs, struct toy_tx *tx, struct toy_slot *slot,
	    uint64_t from, uint64_t to, uint64_t *range);
/*
 * The same for blocks in the holes of [from, to), which are zeroed. Those that
 * are still to come are promised, *promised of them: toy_unpromise() at the end.
 * -ENOSPC: there aren't enough.
 */
int toy_range_fill(struct toy_fs *fs, struct toy_tx *tx, struct toy_slot *slot,
		   uint64_t from, uint64_t to, uint64_t *range,
		   uint64_t *promised);
/* Entry and range are there, nothing else is done yet. @kind: TOY_ORPH_*. */
int toy_range_add(struct toy_tx *tx, struct toy_slot *slot, uint64_t kind,
		  uint64_t from, uint64_t to, uint64_t *range);
/* There is nothing to do any more. */
int toy_range_del(struct toy_tx *tx, struct toy_slot *slot, uint64_t range);
/*
 * Finishes what a step left behind, or a write. @promised: as above, or NULL.
 * Blocks that are to come aren't after an error: ti->range tells. @op: as for
 * toy_begin(). Under the inode's lock.
 */
int toy_range_finish(struct toy_inode *ti, uint16_t op, uint64_t *promised);
/* What isn't done yet will never be. Under the inode's lock. */
int toy_range_drop(struct toy_inode *ti, uint16_t op);
/* Takes @n blocks off (or adds) to what i_blocks counts. */
void toy_add_blocks(struct toy_slot *slot, int64_t n);

/* ---- fallocate.c ---- */

/*
 * Zeros in those of the blocks [at, end) that are mapped, if any. The next
 * commit fences them. Under the inode's lock.
 */
int toy_zero_blocks(struct toy_inode *ti, uint64_t at, uint64_t end);
/*
 * The same for all that a regular file grows over when its size becomes @size:
 * what is in the blocks behind the size is nobody's.
 */
int toy_zero_behind(struct toy_inode *ti, uint64_t size);

/* ---- free.c ---- */

/* Frees an inode without a name, in steps. Under the inode's lock. */
int toy_inode_free(struct toy_inode *ti);
/* Finishes what the orphan blocks name. */
int toy_orphans_finish(struct toy_sbi *ts);

/* ---- dir.c, dirleaf.c ---- */

struct toy_name {
	const char *name;
	uint8_t len;
};

struct toy_found {
	uint64_t key;
	uint64_t ino;
	uint8_t type;
	uint64_t bn;  /* leaf */
	uint32_t off; /* of the record in it */
};

int toy_dir_find(const struct toy_tree *t, struct toy_name name,
		 struct toy_found *found);
/* The directory's size and blocks follow; times and nlink are the caller's. */
int toy_dir_add(struct toy_tx *tx, struct toy_fs *fs, struct toy_slot *dir,
		struct toy_name name, uint64_t ino, uint8_t type);
/* -ENOENT if the name isn't that of @ino. */
int toy_dir_del(struct toy_tx *tx, struct toy_fs *fs, struct toy_slot *dir,
		struct toy_name name, uint64_t ino);
/* The name of @ino becomes one of @new_ino. */
int toy_dir_set(struct toy_tx *tx, struct toy_fs *fs, struct toy_slot *dir,
		struct toy_name name, uint64_t ino, uint64_t new_ino,
		uint8_t type);
/* 1: no names, 0: some, -errno. */
int toy_dir_empty(const struct toy_tree *t);
int toy_dir_read(const struct toy_tree *t, struct zufs_ioc_readdir *io);

/* Checks what a leaf must be for the functions below. */
int toy_leaf_check(const struct toy_node *leaf, uint64_t dir);
struct toy_dirent *toy_leaf_rec(const void *leaf, uint32_t off);
/* Offset of the record behind the one at @off; TOY_BLOCK: none. */
uint32_t toy_leaf_next(const void *leaf, uint32_t off);
/* Offsets of the records in use in order of their keys; returns their number. */
unsigned int toy_leaf_sort(const void *leaf, uint16_t *offs);
void toy_leaf_init(void *leaf);
/* The record of a name with @hash, or TOY_BLOCK. */
uint32_t toy_leaf_find(const void *leaf, uint64_t hash, struct toy_name name);
/* -ENOSPC: split it. */
int toy_leaf_add(void *leaf, uint64_t hash, struct toy_name name, uint64_t ino,
		 uint8_t type);
void toy_leaf_del(void *leaf, uint32_t off);
/*
 * Moves the upper half to the empty leaf @upper; returns the smallest hash
 * there, 0 if all names have one hash.
 */
uint64_t toy_leaf_split(void *leaf, void *upper);

/* ---- namei.c, rename.c ---- */

int toy_new_inode(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		  struct zufs_ioc_new_inode *io, struct zus_inode_info **zii);
int toy_lookup(struct zus_sb_info *sbi, struct zus_inode_info *dir,
	       struct zufs_ioc_lookup *io, struct zus_inode_info **zii);
int toy_iget(struct zus_sb_info *sbi, uint64_t ino, uint64_t generation,
	     struct zufs_attr *attr, struct zus_inode_info **zii);
int toy_add_dentry(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		   struct zus_inode_info *zii, struct zufs_ioc_dentry *io);
int toy_remove_dentry(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		      struct zus_inode_info *zii, struct zufs_ioc_dentry *io);
int toy_readdir(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		struct zufs_ioc_readdir *io);
int toy_rename(struct zus_sb_info *sbi, struct zus_inode_info *old_dir,
	       struct zus_inode_info *new_dir, struct zus_inode_info *old_zii,
	       struct zus_inode_info *new_zii, struct zufs_ioc_rename *io);
/* The times of a directory whose names changed. */
void toy_dir_touch(struct toy_slot *dir, int64_t time);
/* One name less; the last one makes an orphan, a directory has only one. */
int toy_drop_link(struct toy_tx *tx, struct toy_slot *slot, uint64_t *orphan);
/* DT_* of a mode. */
static inline uint8_t toy_dt(uint16_t mode)
{
	return mode >> 12 & 15;
}

/* ---- fill.c ---- */

#define TOY_FRESH_MAX 64
/*
 * Zeroed blocks for the holes of [lblk, *end), as far as the transaction's room
 * allows; *end becomes how far it got, behind @lblk. What is new goes to @fresh,
 * which has room for TOY_FRESH_MAX, or is NULL.
 */
int toy_fill(struct toy_fs *fs, struct toy_tx *tx, struct toy_slot *slot,
	     uint64_t lblk, uint64_t *end, struct zufs_extent *fresh,
	     int *nr_fresh);
/* The same in a transaction of its own. Under the inode's lock. */
int toy_fill_holes(struct toy_inode *ti, uint16_t op, uint64_t lblk,
		   uint64_t *end, struct zufs_extent *fresh, int *nr_fresh);
/* *hole: the first block of [at, end) that is in a hole, or @end. */
int toy_hole_at(const struct toy_tree *t, uint64_t at, uint64_t end,
		uint64_t *hole);
/* *blocks: what filling [at, end) takes at most, with the nodes of the map. */
int toy_fill_needs(const struct toy_tree *t, uint64_t at, uint64_t end,
		   uint64_t *blocks);

/* ---- file.c, grant.c ---- */

int toy_get_multy(struct zus_inode_info *zii, struct zufs_ioc_get_multy *io);
int toy_grant(struct zus_inode_info *zii, struct zufs_ioc_grant *io);
int toy_grant_put(struct zus_inode_info *zii, struct zufs_ioc_grant *io);
int toy_commit_write(struct zus_inode_info *zii, struct zufs_ioc_commit *io);
void toy_grants_drop(struct toy_fs *fs, struct toy_grants *gs);

/* ---- attr.c ---- */

int toy_setattr(struct zus_inode_info *zii, struct zufs_ioc_attr *io);
int toy_sync(struct zus_inode_info *zii, struct zufs_ioc_sync *io);
int toy_statfs(struct zus_sb_info *sbi, struct zufs_ioc_statfs *io);
int toy_ioctl(struct zus_inode_info *zii, struct zufs_ioc_ioctl *io);
int toy_get_symlink(struct zus_inode_info *zii,
		    struct zufs_ioc_get_symlink *io);
/* Gives a new symlink its text. */
int toy_symlink_init(struct toy_tx *tx, struct toy_fs *fs,
		     struct toy_slot *slot, const char *text, uint32_t len);

/* ---- fallocate.c, xattr.c ---- */

int toy_fallocate(struct zus_inode_info *zii, struct zufs_ioc_IO *io);
int toy_getxattr(struct zus_inode_info *zii, struct zufs_ioc_xattr *io);
int toy_setxattr(struct zus_inode_info *zii, struct zufs_ioc_xattr *io);
int toy_listxattr(struct zus_inode_info *zii, struct zufs_ioc_xattr *io);
/* One more of type SYSTEM, in an inode without any of that @name. */
int toy_xattr_add(struct toy_tx *tx, struct toy_fs *fs, struct toy_slot *slot,
		  const char *name, const void *value, uint32_t len);
/* All of them, as far as the transaction's room allows; *done: none is left. */
int toy_xattrs_free(struct toy_fs *fs, struct toy_tx *tx, struct toy_slot *slot,
		    bool *done);

/* ---- xvalue.c ---- */

/* Blocks for @value, and what an entry has in its place. */
int toy_far_put(struct toy_tx *tx, const char *value, uint32_t size,
		struct toy_far *far);
int toy_far_free(struct toy_tx *tx, struct toy_fs *fs, uint64_t ino,
		 const struct toy_xattr *x);
int toy_far_read(struct toy_fs *fs, uint64_t ino, const struct toy_far *far,
		 char *value);

#endif /* TOYFS_PLUGIN_H */
