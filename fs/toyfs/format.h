/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * toyfs on media. All integers are little-endian. Offsets are bytes, blocks
 * are 4096 bytes, block 0 is the start of the first device.
 */
#ifndef TOYFS_FORMAT_H
#define TOYFS_FORMAT_H

#include "zus_api.h"

#define TOY_MAGIC 0x53464f54U /* "TOFS" */
#define TOY_MAJOR 1
#define TOY_MINOR 0

#define TOY_BLOCK    4096U
#define TOY_LINE     64U
#define TOY_CHANNELS 16U /* journals, lists of free slots, orphan lists */

/*
 * The fixed part: the first 2 MiB. The crash explorer's small build has shorter
 * journals and smaller allocation groups, and reads no other media.
 */
#define TOY_STATE_BN	1U
#define TOY_ORPHAN_BN	2U /* first orphan block of channel n is 2 + n */
#define TOY_JOURNAL_OFF (128U << 10)
#ifndef TOY_SLOT_SIZE
#define TOY_SLOT_SIZE (32U << 10) /* a journal is two slots */
#endif
#define TOY_AG_NODE_BN 512U /* bitmap node of AG n is 512 + n */

#ifndef TOY_AG_LINES
#define TOY_AG_LINES 63U /* of 512 blocks: 2 MiB each */
#endif
#define TOY_AG_BLOCKS (TOY_AG_LINES * 512U) /* 126 MiB */

#define TOY_MIN_BLOCKS (16U << 8) /* 16 MiB */

/* ---- superblock: bytes 2048 to 4095 of block 0 and of its copy ---- */

#define TOY_BAD_RUNS 128U
#define TOY_NO_COUNT UINT64_MAX
#define TOY_NO_NODE  0xffffU /* in the device table */

struct toy_super {
	__le64 magic;	    /*  0: TOY_SB_MAGIC */
	__le64 sum;	    /*  8: toy_sum of the 2048 bytes, this field as 0 */
	__u8 uuid[16];	    /* 16 */
	char label[32];	    /* 32: NUL-padded, at most 31 bytes */
	__le64 feat_compat; /* 64: may be ignored */
	__le64 feat_ro_compat; /* 72: unknown: mount read-only */
	__le64 feat_incompat;  /* 80: unknown: don't mount */
	__le64 blocks;	       /* 88: of the filesystem, a multiple of 512 */
	__le64 ag_count;       /* 96 */
	__le64 data_bn;	       /* 104: first block of AG 0, a multiple of 512 */
	__le64 hash_key[2];    /* 112: SipHash key of names */
	__le64 mkfs_time;      /* 128: ns */
	/* Bad blocks that nobody owns, ascending; used in the bitmaps. */
	__le64 bad[TOY_BAD_RUNS]; /* 136: TOY_EXT_VAL, 0: none */
	/*
	 * Unsafe shutdowns that the memory of each device had lived through
	 * when it was made or last found whole; TOY_NO_COUNT: not known.
	 */
	__le64 shutdowns[ZUFS_MAX_DEVICES]; /* 1160 */
	__u8 pad[392];			    /* 1656 */
};

#define TOY_SB_MAGIC 0x7265707573796f74ULL /* "toysuper" */
#define TOY_SB_OFF   2048U

static_assert(sizeof(struct toy_super) == 2048, "media");
static_assert(offsetof(struct toy_super, shutdowns) == 1160, "media");

/* ---- nodes: blocks with a sum at offset 8 ---- */

struct toy_node {
	__le32 magic; /*  0: TOY_*_MAGIC */
	__le16 level; /*  4: tree: 0 is a leaf */
	__le16 nr;    /*  6: records or entries */
	__le64 sum;   /*  8: toy_sum of the block, this field as 0 */
	__le64 owner; /* 16: ino of the tree, directory, xattr; AG number */
	__le64 link;  /* 24: orphan and xattr blocks: next block or 0 */
	__le32 free;  /* 32: AG: free blocks; directory, xattr: free bytes */
	__u8 pad[28]; /* 36 */
};		      /* 64 bytes: one line */

static_assert(sizeof(struct toy_node) == 64, "media");

#define TOY_TREE_MAGIC	0x45455254U /* "TREE" */
#define TOY_DIR_MAGIC	0x46524944U /* "DIRF" */
#define TOY_AG_MAGIC	0x504d4247U /* "GBMP" */
#define TOY_STATE_MAGIC 0x54415453U /* "STAT" */
#define TOY_ORPH_MAGIC	0x4e48504fU /* "OPHN" */
#define TOY_XATTR_MAGIC 0x54415458U /* "XTAT" */

/* ---- tree records ---- */

struct toy_rec {
	__le64 key; /* 0 */
	__le64 val; /* 8 */
};

#define TOY_NODE_RECS	252U /* (4096 - 64) / 16 */
#define TOY_INLINE_RECS 6U

/* Value of a file map: pblk << 16 | len; len is 1 to TOY_EXT_MAX blocks. */
#define TOY_EXT_MAX	       0xffffU
#define TOY_EXT_VAL(pblk, len) ((__u64)(pblk) << 16 | (len))
#define TOY_EXT_PBLK(val)      ((__u64)(val) >> 16)
#define TOY_EXT_LEN(val)       ((__u32)((val)&0xffff))

/* The root of a tree, 112 bytes. depth 0: nr records in rec[]; else root is a node of level depth - 1. */
struct toy_root {
	__le16 depth;  /*  0 */
	__le16 nr;     /*  2 */
	__le32 projid; /*  4: an inode's project id; else 0 */
	__le64 root;   /*  8: block */
	struct toy_rec rec[TOY_INLINE_RECS]; /* 16 */
};

static_assert(sizeof(struct toy_root) == 112, "media");

/* ---- inode slot ---- */

struct toy_slot {
	struct zus_inode zi; /*   0 */
	__le64 sum;   /* 128: toy_sum of the 256 bytes, this field as 0 */
	__le64 btime; /* 136: ns */
	struct toy_root map; /* 144: file map, or directory tree */
};

static_assert(sizeof(struct toy_slot) == 256, "media");

/* A free slot: i_nlink 0, i_mode 0, i_on_disk[0] = next free ino or 0, i_generation kept. */
/* i_on_disk[]: regular files: see TOY_ORPH_CUT and TOY_ORPH_FILL; else 0, 0. */
/* i_on_disk[1]: long symlinks: toy_sum of the text's block. */

#define TOY_ROOT_INO	    1U
#define TOY_SLOTS_PER_BLOCK 16U

/* ---- state node, block 1 ---- */

/*
 * Its header's sum is that of the first 256 bytes only: the line of a channel
 * has a sum of its own, so that channels never write the same line.
 */
#define TOY_STATE_SUMMED 256U

struct toy_state {
	struct toy_node hdr;	/*    0: TOY_STATE_MAGIC */
	struct toy_root itable; /*   64: map of the inode file */
	__le64 itable_blocks;	/*  176: its size */
	__u8 pad[72];		/*  184 */
	struct {
		__le64 free_head; /* ino of the first free slot or 0 */
		__le64 free_count;
		__le64 sum; /* toy_sum of this line, this field as 0 */
		__u8 pad[40];
	} chan[TOY_CHANNELS]; /*  256: a line each */
	__u8 pad2[2816];      /* 1280 */
};

static_assert(sizeof(struct toy_state) == 4096, "media");

/* ---- orphan blocks ---- */

/* Entries of 8 bytes behind the header, 0: free. */
#define TOY_ORPH_ENTRIES 504U
/* Blocks [i_on_disk[0], i_on_disk[1]) of its map go; */
#define TOY_ORPH_CUT	 (1ULL << 63)
/* its holes there get blocks; else: the inode has no name. */
#define TOY_ORPH_FILL	 (1ULL << 62)
#define TOY_ORPH_INO(e)	 ((e) & ~(TOY_ORPH_CUT | TOY_ORPH_FILL))

/* ---- directory leaf: records from byte 64, chained by rec_len ---- */

struct toy_dirent {
	__le64 key;	/*  0: hash << 8 | collision number */
	__le64 ino;	/*  8: 0: the record is free */
	__le16 rec_len; /* 16: bytes to the next record, a multiple of 8 */
	__u8 nlen;	/* 18: 1 to 255 */
	__u8 type;	/* 19: DT_* */
	char name[];	/* 20 */
};

#define TOY_DIRENT_LEN(nlen) (((nlen) + 20U + 7U) & ~7U)

/* ---- xattr node: entries from byte 64, back to back; then free bytes ---- */

struct toy_xattr {
	__le16 vlen; /* 0: of the value, or of struct toy_far */
	__u8 type;   /* 2: ZUFS_XATTR_*, and TOY_XATTR_FAR */
	__u8 nlen;   /* 3: 1 to 255 */
	char name[]; /* 4: without prefix and NUL, then the value */
};

#define TOY_XATTR_LEN(nlen, vlen) (((nlen) + (vlen) + 4U + 3U) & ~3U)

#define TOY_XATTR_FAR	  0x80U /* the value has blocks of its own */
#define TOY_XATTR_TYPE(t) ((t)&0x7fU)
/* A longer value is far, whatever its name. */
#define TOY_XATTR_NEAR	  (TOY_BLOCK - 64U - TOY_XATTR_LEN(255, 0))
#define TOY_FAR_MAX	  65536U /* bytes of a value, as Linux has it */
#define TOY_FAR_BLOCKS	  (TOY_FAR_MAX / TOY_BLOCK)

/*
 * In place of a far value; at any byte. The value fills the extents' blocks, in
 * their order; behind it are zeros. The blocks are never written again.
 */
struct toy_far {
	__le32 size; /*  0: bytes of the value, more than TOY_XATTR_NEAR */
	__le32 nr;   /*  4: extents */
	__le64 sum;  /*  8: toy_sum of each block, added up */
	__le64 ext[TOY_FAR_BLOCKS]; /* 16: TOY_EXT_VAL; nr of them are there */
};

#define TOY_FAR_LEN(nr) (16U + 8U * (nr))

static_assert(sizeof(struct toy_far) == TOY_FAR_LEN(TOY_FAR_BLOCKS), "media");

/* ---- journal record: header, then lines ---- */

/*
 * unique and epoch name an operation of a server, and no other one ever. It has
 * succeeded, or will when recovery has finished it, so result is 0: one that fails
 * commits nothing. Each record of one that takes several names it; what finishes
 * an earlier one names none.
 */
struct toy_jhdr {
	__le64 magic;	/*  0: TOY_J_MAGIC */
	__le64 sum;	/*  8: toy_sum of header and lines, this field as 0 */
	__le64 seq;	/* 16: global order, from 1 */
	__le64 channel; /* 24: whose journal this is */
	__le64 unique;	/* 32: id of the operation, 0: none */
	__le64 epoch;	/* 40: of the server that ran it, 1: a tool */
	__le32 result;	/* 48: its err as s32: 0 */
	__le16 op;	/* 52: e_zufs_operation */
	__le16 nr;	/* 54: lines */
	__u8 uuid8[8];	/* 56: first half of the superblock's uuid */
	/*
	 * 64: for each channel the last seq that was in place (fenced) when
	 * this record was made, with all locks of its transaction held. A
	 * record that any valid record names so, or a later one of its
	 * channel, isn't replayed: hence no two replayed records touch the same
	 * line, and none touches a block that was freed and used again.
	 */
	__le64 done[TOY_CHANNELS];
};

struct toy_jline {
	__le64 off;    /* 0: byte offset of the line, a multiple of 64 */
	__u8 data[64]; /* 8 */
};

#define TOY_J_MAGIC 0x6c6e726a796f74ULL /* "toyjrnl" */

/*
 * The last line of a slot: a seq of the channel that is in place. Without it
 * media that spoil the channel's last record would bring back the one before.
 */
struct toy_jdone {
	__le64 seq;    /*  0 */
	__le64 sum;    /*  8: toy_sum of the line, this field as 0 */
	__u8 uuid8[8]; /* 16: first half of the superblock's uuid */
	__u8 pad[40];  /* 24 */
};

#define TOY_J_DONE_OFF (TOY_SLOT_SIZE - TOY_LINE)
#define TOY_J_LINES    ((TOY_J_DONE_OFF - 192U) / 72U) /* 451 */

static_assert(sizeof(struct toy_jdone) == TOY_LINE, "media");
static_assert(sizeof(struct toy_jhdr) == 192, "media");
static_assert(sizeof(struct toy_jline) == 72, "media");

#endif /* TOYFS_FORMAT_H */
