/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note OR BSD-3-Clause */
/*
 * The ABI between zuf.ko and a server: the one header that both sides include.
 *
 * Fixed-width fields, native byte order on the wire, no pointers. struct
 * zus_inode and struct zufs_dev_table are media formats too and little-endian.
 * doc/protocol.md describes each ioctl and operation.
 */
#ifndef _ZUS_API_H
#define _ZUS_API_H

#include <linux/types.h>
#include <linux/ioctl.h>
#ifndef __KERNEL__
#include <assert.h>
#include <stddef.h>
#endif

#define ZUFS_MAJOR_VERSION 2
#define ZUFS_MINOR_VERSION 0

#define ZUFS_SUPER_MAGIC 0x1717 /* f_type of the control root */

#define ZUFS_BLOCK_SHIFT 12
#define ZUFS_BLOCK_SIZE	 (1U << ZUFS_BLOCK_SHIFT)
#define ZUFS_ALLOC_SIZE	 (2U << 20) /* devices are used in whole 2 MiB */
#define ZUFS_ALLOC_MASK	 (ZUFS_ALLOC_SIZE - 1)

#define ZUFS_NAME_LEN	 255
#define ZUFS_SYMLINK_MAX 4096 /* with the NUL, as PATH_MAX */
#define ZUFS_MO_MAX	 2048 /* mount options with their NUL */
#define ZUFS_SHOW_MAX	 512  /* shown options with their NUL */
#define ZUFS_MAX_DEVICES 62   /* what the device table holds */

#define ZUFS_MAX_ZT_CHANNELS 4
#define ZUFS_BACK_CHANNEL    2 /* serves nobody who waits without bound */
#define ZUFS_NUM_CHANNELS    3

/* Layout of a ZT's role file: the window, then the operation buffer. */
#define ZUS_API_MAP_MAX_PAGES 1024
#define ZUS_API_MAP_MAX_SIZE  ((__u64)ZUS_API_MAP_MAX_PAGES << 12)
#define ZUFS_MIN_OP_SIZE      16384U
#define ZUFS_MAX_OP_SIZE      (1U << 20)

#define ZUFS_MAX_POOLS	   6 /* of a super block: zu_dpp_t pools 1 to 6 */
#define ZUFS_MAX_POOL_SIZE (4U << 20) /* bytes */

/* Error numbers of the protocol that are not errno values. */
#define EZUFS_RETRY	531 /* server: out_len bytes of room, then call again */
#define EZUF_RETRY_DONE 540 /* kernel internal: the room is there */

/* ---- header ---- */

/* Flags of zufs_ioc_hdr. */
enum {
	ZUFS_H_INTR = 1,  /* kernel: the caller has a signal pending */
	ZUFS_H_PIN = 8,	  /* kernel: the ZT's CPU is back, bind it again */
	ZUFS_H_POOL = 16, /* kernel: this is a struct zufs_ioc_pool */
};

struct zufs_ioc_hdr {
	__s32 err;	 /*  0: 0 or -errno, by the server */
	__u16 operation; /*  4: enum e_zufs_operation or e_mount_operation */
	__u16 flags;	 /*  6: ZUFS_H_* */
	__u32 in_len;	 /*  8: bytes kernel to server, this header included */
	__u32 out_max;	 /* 12: room for outputs from out_start */
	__u32 out_start; /* 16: offset of the outputs from this header */
	__u32 out_len;	 /* 20: bytes of outputs, by the server */
	__u32 offset; /* 24: first byte inside the first page of the window */
	__u32 len;    /* 28: bytes of the application's buffer */
	/* 32: id of the operation, never 0, never used again; for recovery */
	__u64 unique;
};
static_assert(sizeof(struct zufs_ioc_hdr) == 40, "wire");

/* ---- inode, names ---- */

/* Bits of zus_inode.i_flags: the FS_*_FL of chattr, but for the last one. */
enum {
	ZUFS_S_SYNC = 0x0008,
	ZUFS_S_IMMUTABLE = 0x0010,
	ZUFS_S_APPEND = 0x0020,
	ZUFS_S_NODUMP = 0x0040,
	ZUFS_S_NOATIME = 0x0080,
	ZUFS_S_PROJINHERIT = 0x0200, /* FS_PROJINHERIT_FL: beyond 16 bits */
	ZUFS_S_ALL = 0x02f8,
};

/* The inode on media and, by value, on the wire. */
struct zus_inode {
	__le16 i_flags;	     /*   0: ZUFS_S_* */
	__le16 i_mode;	     /*   2 */
	__le32 i_nlink;	     /*   4 */
	__le64 i_size;	     /*   8: bytes */
	__le64 i_on_disk[2]; /*  16: the filesystem's own */
	__le64 i_blocks;     /*  32: of 512 bytes */
	__le64 i_mtime; /*  40: signed ns since the epoch, like all times */
	__le64 i_ctime; /*  48 */
	__le64 i_atime; /*  56 */
	__le64 i_ino;	/*  64 */
	__le32 i_uid;	/*  72 */
	__le32 i_gid;	/*  76 */
	__le64 i_xattr; /*  80: the filesystem's own, 0: has no xattr */
	__le64 i_generation; /*  88 */
	union {
		__le32 i_rdev;	    /*  96: new_encode_dev() */
		__u8 i_symlink[32]; /*  96: when i_size < 32, NUL behind it */
		struct {	    /* files and directories */
			__le64 i_parent; /*  96: directories: ino of ".." */
			/* 104: of FS_IOC_SETVERSION, 0: as i_generation */
			__le32 i_version;
		};
	};
};
static_assert(sizeof(struct zus_inode) == 128, "media and wire");
static_assert(offsetof(struct zus_inode, i_ino) == 64, "media and wire");
static_assert(offsetof(struct zus_inode, i_rdev) == 96, "media and wire");
static_assert(offsetof(struct zus_inode, i_version) == 104, "media and wire");

/* Names an inode; finds it again in a restarted server. */
struct zufs_iref {
	__u64 handle;	  /*  0: the server's cookie, 0: not known */
	__u64 ino;	  /*  8: 0: no inode */
	__u64 generation; /* 16 */
};
static_assert(sizeof(struct zufs_iref) == 24, "wire");

/* Bits of zufs_attr.flags. */
enum {
	ZUFS_ATTR_NO_XATTR = 1, /* the inode has no xattr and no ACL at all */
};

/* Attributes of an inode as the server answers them. */
struct zufs_attr {
	struct zus_inode zi; /*   0 */
	__u64 handle;	     /* 128 */
	__s64 btime;	     /* 136: ns, 0: not kept */
	__u32 projid;	     /* 144 */
	__u32 flags;	     /* 148: ZUFS_ATTR_* */
};
static_assert(sizeof(struct zufs_attr) == 152, "wire");

struct zufs_str {
	__u8 len;		  /* 1 to 255 */
	char name[ZUFS_NAME_LEN]; /* no NUL */
};
static_assert(sizeof(struct zufs_str) == 256, "wire");

/* Blocks [lblk, lblk + len) of a file, in blocks of 4096 bytes. */
struct zufs_extent {
	__u64 lblk;  /*  0 */
	__u64 pblk;  /*  8: in the linear space of all devices, 0: hole */
	__u32 len;   /* 16 */
	__u32 flags; /* 20: ZUFS_EXT_* */
};
static_assert(sizeof(struct zufs_extent) == 24, "wire");

enum {
	ZUFS_EXT_HOLE = 1,
	ZUFS_EXT_NEW = 2, /* allocated and zeroed by this operation */
};

/*
 * A place in memory of a super block: byte offset (a multiple of 8) with the
 * pool below it. Pool 0 is pmem, the linear space of all devices; 1 to 6 are
 * what ALLOC_BUFFER made; 7 is none.
 */
typedef __u64 zu_dpp_t;
#define ZU_DPP_POOL(dpp)   ((dpp)&7)
#define ZU_DPP_OFFSET(dpp) ((dpp) & ~(__u64)7)

/*
 * In the operation buffer when the operation is too large for it: it stands in
 * a pool, where it is answered. The header is the operation's.
 */
struct zufs_ioc_pool {
	struct zufs_ioc_hdr hdr; /*  0: with ZUFS_H_POOL */
	__u64 sb_id;		 /* 40: as in every operation */
	zu_dpp_t at;		 /* 48 */
};
static_assert(sizeof(struct zufs_ioc_pool) == 56, "wire");

/* ---- device table: block 0 of each device and its copy ---- */

#define ZUFS_MDT_COPY_OFFSET ((2U << 20) - 4096) /* bytes */
#define ZUFS_MDT_SIZE	     2048

struct zufs_dev_id {
	__u8 uuid[16];	  /*  0 */
	__le64 blocks;	  /* 16: of 4096 bytes */
	__le16 numa_node; /* 24: 0xffff: not known */
	__u8 pad[6];	  /* 26 */
};
static_assert(sizeof(struct zufs_dev_id) == 32, "media");

struct zufs_dev_table {
	__le64 sum; /*   0: crc32c of bytes 8 to 2047, seed ~0, upper half 0 */
	__le32 magic;		    /*   8: FS_magic of the filesystem */
	__le16 version_major;	    /*  12 */
	__le16 version_minor;	    /*  14 */
	__u8 fs_uuid[16];	    /*  16: of the filesystem */
	__le64 t1_blocks;	    /*  32: of all devices together */
	__le64 flags;		    /*  40: 0 */
	__le16 id_index;	    /*  48: which of dev[] this device is */
	__le16 dev_count;	    /*  50: 1 to ZUFS_MAX_DEVICES */
	__u8 pad[12];		    /*  52 */
	struct zufs_dev_id dev[62]; /*  64 */
};
static_assert(sizeof(struct zufs_dev_table) == ZUFS_MDT_SIZE, "media");

/* ---- ioctls ---- */

/* Feature bits of HELLO. */
enum {
	ZUFS_FEAT_NIO = 1, /* mounts may have NIO_READS and NIO_WRITES */
};

/* The first ioctl of the mount thread's file: begins a new epoch. */
struct zufs_ioc_hello {
	struct zufs_ioc_hdr hdr; /*  0 */
	__u32 major;		 /* 40: IN the server's, OUT the kernel's */
	__u32 minor;		 /* 44 */
	__u64 features;		 /* 48: IN wanted, OUT agreed */
	__u64 epoch;		 /* 56: OUT, for recovery */
	__u32 num_channels;	 /* 64: OUT channels to serve on each CPU */
	__u32 pad;		 /* 68 */
};
static_assert(sizeof(struct zufs_ioc_hello) == 72, "wire");

/* zufs_register_fs_info.flags */
enum {
	/* No device: nothing to grab, t1_blocks 0; mount -t NAME none DIR. */
	ZUFS_RFI_NODEV = 1,
};

struct zufs_register_fs_info {
	char fsname[16];    /*  0: [a-z0-9_]{1,15} and NUL */
	__u32 FS_magic;	    /* 16: in the device table and as f_type */
	__u32 FS_ver_major; /* 20: of the device table, must agree */
	__u32 FS_ver_minor; /* 24: of the device table, at most */
	__u32 s_time_gran;  /* 28: ns */
	__u64 s_maxbytes;   /* 32 */
	__s64 s_time_min;   /* 40: seconds */
	__s64 s_time_max;   /* 48: seconds */
	__u32 flags;	    /* 56: ZUFS_RFI_* */
	__u32 pad;	    /* 60 */
};
static_assert(sizeof(struct zufs_register_fs_info) == 64, "wire");

struct zufs_ioc_register_fs {
	struct zufs_ioc_hdr hdr; /*  0 */
	__u64 zfi_id;		 /* 40: the server's cookie of the type */
	struct zufs_register_fs_info rfi; /* 48 */
};
static_assert(sizeof(struct zufs_ioc_register_fs) == 112, "wire");

enum e_mount_operation {
	ZUFS_M_NONE = 0,
	ZUFS_M_MOUNT = 1,
	ZUFS_M_UMOUNT = 2,
	ZUFS_M_REMOUNT = 3,
	ZUFS_M_DDBG_RD = 4,
	ZUFS_M_DDBG_WR = 5,
	ZUFS_M_BREAK = 6, /* wait again, or stop if that was asked for */
};

/*
 * mount_flags; of REMOUNT: as they will be. Those but SILENT and RDONLY mean what
 * the filesystem says.
 */
enum {
	ZUFS_M_PEDANTIC = 1,
	ZUFS_M_EPHEMERAL = 2, /* nothing need survive the umount */
	ZUFS_M_SILENT = 4,    /* no complaint if this is no such filesystem */
	ZUFS_M_PRIVATE = 8,
	ZUFS_M_RDONLY = 16,
};

/* remount_flags */
enum {
	ZUFS_REM_WAS_RO = 1,
	ZUFS_REM_WILL_RO = 2
};

/* fs_caps */
enum {
	ZUFS_FSC_ACL_ON = 1,
	ZUFS_FSC_NIO_READS = 2,
	ZUFS_FSC_NIO_WRITES = 4,
	ZUFS_FSC_SYNC_ALWAYS = 8, /* SYNC even when no time is dirty */
};

/* Answers the last mount operation and waits for the next. */
struct zufs_ioc_mount {
	struct zufs_ioc_hdr hdr;   /*   0: operation is e_mount_operation */
	__u64 zfi_id;		   /*  40: IN */
	__u64 sb_id;		   /*  48: IN */
	__u64 mount_flags;	   /*  56: IN ZUFS_M_* */
	__u32 remount_flags;	   /*  64: IN ZUFS_REM_* */
	__u32 pedantic;		   /*  68: IN level; REMOUNT: as it will be */
	__u32 num_cpu;		   /*  72: IN possible CPUs */
	__u32 num_channels;	   /*  76: IN */
	__u64 t1_blocks;	   /*  80: IN size of the linear space */
	__u64 sbi_handle;	   /*  88: OUT by MOUNT, IN after that */
	struct zufs_attr root;	   /*  96: OUT */
	__u64 fs_caps;		   /* 248: OUT ZUFS_FSC_* */
	__u64 falloc_sup;	   /* 256: OUT mask of FALLOC_FL_* modes */
	__u32 blocksize_bits;	   /* 264: OUT, 12 */
	__u32 options_len;	   /* 268: IN, without NUL */
	char options[ZUFS_MO_MAX]; /* 272: IN, what the kernel didn't take */
};
static_assert(offsetof(struct zufs_ioc_mount, options) == 272, "wire");
static_assert(sizeof(struct zufs_ioc_mount) == 2320, "wire");

#define ZUFS_DDBG_MAX 2048 /* bytes of one text */

/* What DDBG_RD and DDBG_WR have in place of struct zufs_ioc_mount. */
struct zufs_ioc_ddbg {
	struct zufs_ioc_hdr hdr; /*  0 */
	__u64 pos; /* 40: RD: IN 0 or as answered, OUT where to go on */
	__u32 len; /* 48: WR: IN bytes of text; RD: IN room, OUT bytes */
	__u32 pad; /* 52 */
	char text[ZUFS_DDBG_MAX]; /* 56: WR: IN queries; RD: OUT lines */
};
static_assert(offsetof(struct zufs_ioc_ddbg, text) == 56, "wire");
static_assert(sizeof(struct zufs_ioc_ddbg) <= sizeof(struct zufs_ioc_mount),
	      "wire");

/* Which node each CPU is of. */
struct zufs_ioc_numa_map {
	struct zufs_ioc_hdr hdr; /*  0 */
	__u32 possible_nodes;	 /* 40: OUT highest possible id + 1 */
	__u32 possible_cpus;	 /* 44: OUT highest possible id + 1 */
	__u32 online_nodes;	 /* 48: OUT */
	__u32 online_cpus;	 /* 52: OUT */
	__u32 max_cpus;		 /* 56: IN room of cpu_node[] */
	__u32 pad;		 /* 60 */
	__u16 cpu_node[]; /* 64: OUT node of each possible CPU, 0xffff: offline */
};
static_assert(sizeof(struct zufs_ioc_numa_map) == 64, "wire");

/* Gives a new file the role of a super block's pmem; then mmap it, shared. */
struct zufs_ioc_pmem {
	struct zufs_ioc_hdr hdr; /*  0 */
	__u64 sb_id;		 /* 40: IN */
	__u64 t1_blocks;	 /* 48: OUT */
	__u32 dev_count;	 /* 56: OUT */
	__u32 pad;		 /* 60 */
	struct {
		__u64 blocks;	 /* in order of the linear space */
		__s32 numa_node; /* -1: not known */
		__u32 rdev;	 /* its number, as new_encode_dev() has it */
	} dev[ZUFS_MAX_DEVICES]; /* 64: OUT */
};

/* Gives a new file the role of a ZT on the CPU that the caller is pinned to. */
struct zufs_ioc_init {
	struct zufs_ioc_hdr hdr; /*  0 */
	__u32 channel_no;	 /* 40: IN */
	__u32 max_command; /* 44: IN bytes of the operation buffer, whole pages */
	__u32 cpu;	   /* 48: OUT */
	__u32 pad;	   /* 52 */
};
static_assert(sizeof(struct zufs_ioc_init) == 56, "wire");

/* Wakes every thread that waits, which then sees BREAK. */
struct zufs_ioc_break_all {
	struct zufs_ioc_hdr hdr; /*  0 */
};

/* Makes a new file a pool of the super block; then mmap it, shared. */
struct zufs_ioc_alloc_buffer {
	struct zufs_ioc_hdr hdr; /*  0 */
	__u64 sb_id;		 /* 40: IN */
	__u32 max_size; /* 48: IN bytes, whole pages: the kernel grows it so far */
	__u32 init_size; /* 52: IN bytes, whole pages */
	__u16 pool_no;	 /* 56: IN 1 to 6 */
	__u16 flags;	 /* 58: 0 */
	__u32 reserved;	 /* 60: 0 */
};
static_assert(sizeof(struct zufs_ioc_alloc_buffer) == 64, "wire");

/*
 * Answers the operation in the operation buffer and waits for the next one,
 * which is found there. @arg of the ioctl isn't used. EINTR: a signal, nothing
 * was received, call again; ENOTCONN: the epoch has ended.
 */
struct zufs_ioc_wait_operation {
	struct zufs_ioc_hdr hdr; /* 0 */
};

/*
 * On the file of the super block's pmem: blocks of [offset, +len) of the inode
 * are about to move. When it returns nobody reads or writes there, or will
 * before he has asked by GET_MULTY.
 */
struct zufs_ioc_inval_map {
	struct zufs_ioc_hdr hdr; /*  0 */
	struct zufs_iref ii;	 /* 40: IN, generation 0: any */
	__u64 offset;		 /* 64: IN bytes */
	__u64 len;		 /* 72: IN bytes, more than 0 */
};
static_assert(sizeof(struct zufs_ioc_inval_map) == 80, "wire");

#define ZU_IOC_HELLO	    _IOWR('Z', 9, struct zufs_ioc_hello)
#define ZU_IOC_REGISTER_FS  _IOWR('Z', 10, struct zufs_ioc_register_fs)
#define ZU_IOC_MOUNT	    _IOWR('Z', 11, struct zufs_ioc_mount)
#define ZU_IOC_NUMA_MAP	    _IOWR('Z', 13, struct zufs_ioc_numa_map)
#define ZU_IOC_GRAB_PMEM    _IOWR('Z', 14, struct zufs_ioc_pmem)
#define ZU_IOC_INIT_THREAD  _IOWR('Z', 15, struct zufs_ioc_init)
#define ZU_IOC_BREAK_ALL    _IOWR('Z', 16, struct zufs_ioc_break_all)
#define ZU_IOC_ALLOC_BUFFER _IOWR('Z', 17, struct zufs_ioc_alloc_buffer)
#define ZU_IOC_WAIT_OPT	    _IOWR('Z', 18, struct zufs_ioc_wait_operation)
#define ZU_IOC_INVAL_MAP    _IOW('Z', 20, struct zufs_ioc_inval_map)

/* ---- operations ---- */

enum e_zufs_operation {
	ZUFS_OP_NULL = 0,
	ZUFS_OP_BREAK = 1,
	ZUFS_OP_STATFS = 2,
	ZUFS_OP_SHOW_OPTIONS = 3,
	ZUFS_OP_NEW_INODE = 4,
	ZUFS_OP_FREE_INODE = 5,
	ZUFS_OP_EVICT_INODE = 6,
	ZUFS_OP_LOOKUP = 7,
	ZUFS_OP_ADD_DENTRY = 8,
	ZUFS_OP_REMOVE_DENTRY = 9,
	ZUFS_OP_RENAME = 10,
	ZUFS_OP_READDIR = 11,
	ZUFS_OP_CLONE = 12,
	ZUFS_OP_COPY = 13,
	ZUFS_OP_READ = 14,
	ZUFS_OP_PRE_READ = 15,
	ZUFS_OP_WRITE = 16,
	ZUFS_OP_MMAP_CLOSE = 17,
	ZUFS_OP_GET_SYMLINK = 18,
	ZUFS_OP_SETATTR = 19,
	ZUFS_OP_SYNC = 20,
	ZUFS_OP_FALLOCATE = 21,
	ZUFS_OP_LLSEEK = 22,
	ZUFS_OP_IOCTL = 23,
	ZUFS_OP_XATTR_GET = 24,
	ZUFS_OP_XATTR_SET = 25,
	ZUFS_OP_XATTR_LIST = 27,
	ZUFS_OP_FIEMAP = 28,
	ZUFS_OP_GET_MULTY = 29,
	ZUFS_OP_COMMIT_WRITE = 32,
	ZUFS_OP_GRANT = 33,
	ZUFS_OP_GRANT_PUT = 34,
	ZUFS_OP_IGET = 35,
	ZUFS_OP_MAX_OPT,
};

/* What every operation begins with; FREE_INODE and EVICT_INODE have no more. */
struct zufs_ioc_op {
	struct zufs_ioc_hdr hdr; /*  0 */
	__u64 sb_id;		 /* 40 */
	__s64 time;		 /* 48: ns, the time of the operation */
	struct zufs_iref ii;	 /* 56: the inode, or the directory of a name */
};
static_assert(sizeof(struct zufs_ioc_op) == 80, "wire");

struct zufs_ioc_statfs {
	struct zufs_ioc_op op; /*   0: ii.ino 0 */
	__u64 blocks;	       /*  80: OUT of 4096 bytes, like the next two */
	__u64 bfree;	       /*  88: OUT */
	__u64 bavail;	       /*  96: OUT */
	__u64 files;	       /* 104: OUT */
	__u64 ffree;	       /* 112: OUT */
	__u8 uuid[16];	       /* 120: OUT */
	__u32 namelen;	       /* 136: OUT, 255 at most */
	__u32 pad;	       /* 140 */
};
static_assert(sizeof(struct zufs_ioc_statfs) == 144, "wire");

struct zufs_ioc_mount_options {
	struct zufs_ioc_op op;	 /*  0: ii.ino 0 */
	__u32 len;		 /* 80: OUT without NUL */
	__u32 pad;		 /* 84 */
	char buf[ZUFS_SHOW_MAX]; /* 88: OUT as in /proc/mounts: ",a,b=c" */
};

/* zufs_ioc_new_inode.flags */
enum {
	ZI_TMPFILE = 1
};

/* Makes an inode and its name in directory op.ii, in one transaction. */
struct zufs_ioc_new_inode {
	struct zufs_ioc_op op; /*   0 */
	struct zus_inode zi;   /*  80: IN flags, mode, uid, gid, rdev, times */
	struct zufs_str str;   /* 208: IN, len 0 for a tmpfile */
	__u32 flags;	       /* 464: IN ZI_* */
	__u32 symlen;	       /* 468: IN bytes of symlink text, 0 to 4095 */
	__u32 acl_len;	       /* 472: IN bytes of the access ACL, 0: none */
	__u32 def_len;	       /* 476: IN bytes of the default ACL, 0: none */
	__u32 projid;	       /* 480: IN */
	__u32 pad;	       /* 484 */
	struct zufs_attr attr; /* 488: OUT the new inode */
	struct zufs_attr dir;  /* 640: OUT the directory */
	char data[];	       /* 792: IN text without NUL, then the ACLs */
};
static_assert(sizeof(struct zufs_ioc_new_inode) == 792, "wire");

/* LOOKUP: str in directory op.ii ("..": its parent); IGET: op.ii itself. */
struct zufs_ioc_lookup {
	struct zufs_ioc_op op; /*   0 */
	struct zufs_str str;   /*  80: IN */
	struct zufs_attr attr; /* 336: OUT */
};
static_assert(sizeof(struct zufs_ioc_lookup) == 488, "wire");

/* ADD_DENTRY: link(2); REMOVE_DENTRY: unlink(2), rmdir(2). */
struct zufs_ioc_dentry {
	struct zufs_ioc_op op;	/*   0: ii is the directory */
	struct zufs_iref child; /*  80: IN */
	struct zufs_str str;	/* 104: IN */
	struct zufs_attr attr;	/* 360: OUT of child */
	struct zufs_attr dir;	/* 512: OUT */
};
static_assert(sizeof(struct zufs_ioc_dentry) == 664, "wire");

/* flags are RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT of rename(2). */
struct zufs_ioc_rename {
	struct zufs_ioc_op op;	  /*    0: ii is the old directory */
	struct zufs_iref new_dir; /*   80: IN */
	struct zufs_iref old;	  /*  104: IN what moves */
	struct zufs_iref new_;	 /*  128: IN what is replaced, ino 0: nothing */
	struct zufs_str old_str; /*  152: IN */
	struct zufs_str new_str; /*  408: IN */
	__u64 flags;		 /*  664: IN */
	struct zufs_attr old_dir_attr; /*  672: OUT */
	struct zufs_attr new_dir_attr; /*  824: OUT, as above if they are one */
	struct zufs_attr old_attr;     /*  976: OUT */
	struct zufs_attr new_attr;     /* 1128: OUT, zeros if new_.ino is 0 */
};
static_assert(sizeof(struct zufs_ioc_rename) == 1280, "wire");

/* An entry of READDIR; the next one begins at the next multiple of 8. */
struct zufs_dir_entry {
	__u64 ino;   /*  0 */
	__u64 pos;   /*  8: where to go on after it */
	__u8 type;   /* 16: DT_* */
	__u8 len;    /* 17 */
	char name[]; /* 18: no NUL */
};

#define ZUFS_DIR_ENTRY_LEN(namelen) (((namelen) + 18U + 7U) & ~7U)

/* "." and ".." are the kernel's: positions 0 and 1; the server's begin at 2. */
struct zufs_ioc_readdir {
	struct zufs_ioc_op op; /*   0 */
	__u64 pos;	       /*  80: IN, OUT where to go on */
	__u32 more;	       /*  88: OUT 1: there are more */
	__u32 bytes;	       /*  92: OUT bytes of entries */
	__u8 entries[];	       /*  96: OUT */
};
static_assert(sizeof(struct zufs_ioc_readdir) == 96, "wire");

/* The text of a symlink of 32 bytes or more. */
struct zufs_ioc_get_symlink {
	struct zufs_ioc_op op;	     /*  0 */
	__u32 len;		     /* 80: OUT without NUL */
	__u32 pad;		     /* 84 */
	char path[ZUFS_SYMLINK_MAX]; /* 88: OUT */
};

/* rw of GET_MULTY, READ, WRITE */
enum {
	ZUFS_RW_WRITE = 0x1, /* allocate what isn't there, zeroed */
	ZUFS_RW_MMAP = 0x2,  /* for a page fault */
	ZUFS_RW_RAND = 0x10,
	ZUFS_RW_APPEND = 0x200,
	ZUFS_RW_DIRECT = 0x400,
	ZUFS_RW_DSYNC = 0x1000,
	ZUFS_RW_SYNC = 0x2000,
};

/*
 * The extents of [filepos, filepos + len). The answer begins at or before
 * filepos, has no gaps (holes are extents), covers at least the block of
 * filepos, and may go on behind what was asked for.
 */
struct zufs_ioc_get_multy {
	struct zufs_ioc_op op;	  /*   0 */
	__u64 filepos;		  /*  80: IN bytes */
	__u64 len;		  /*  88: IN bytes */
	__u64 rw;		  /*  96: IN ZUFS_RW_* */
	__u32 max;		  /* 104: IN room of ext[] */
	__u32 n;		  /* 108: OUT */
	struct zufs_attr attr;	  /* 112: OUT */
	struct zufs_extent ext[]; /* 264: OUT */
};
static_assert(sizeof(struct zufs_ioc_get_multy) == 264, "wire");

#define ZUFS_GRANT_MAX 8 /* extents of one grant */

/*
 * Reserves blocks for appends of op.ii, until committed or put; or names those
 * that the file has behind its size.
 */
struct zufs_ioc_grant {
	struct zufs_ioc_op op; /*  0 */
	__u64 lblk;	       /* 80: IN first block that will be written */
	__u32 want; /* 88: IN blocks; fewer may be granted, none is ENOSPC */
	__u32 n;    /* 92: OUT; GRANT_PUT: IN, 0: all of this inode */
	struct zufs_extent ext[ZUFS_GRANT_MAX]; /* 96: OUT; GRANT_PUT: IN */
};
static_assert(sizeof(struct zufs_ioc_grant) == 288, "wire");

#define ZUFS_COMMIT_MAX 128 /* extents of one commit */

/*
 * What was written beyond the size becomes part of the file: the extents are
 * mapped, the size grows to new_size if that is more, times are set to
 * op.time. Extents come in order of lblk, all of them granted before.
 */
struct zufs_ioc_commit {
	struct zufs_ioc_op op; /*   0 */
	__u64 new_size;	       /*  80: IN bytes */
	__u32 want;	       /*  88: IN blocks of the next grant, 0: none */
	__u32 n;	       /*  92: IN entries of ext[] behind this struct */
	__u32 n_grant;	       /*  96: OUT */
	__u32 pad;	       /* 100 */
	__u64 more; /* 104: IN blocks of the same write that come in further ones */
	struct zufs_extent grant[ZUFS_GRANT_MAX]; /* 112: OUT */
	struct zufs_attr attr;			  /* 304: OUT */
	struct zufs_extent ext[];		  /* 456: IN */
};
static_assert(sizeof(struct zufs_ioc_commit) == 456, "wire");

/* Bits of valid; the values are those of STATX_*. */
enum {
	ZUFS_STATX_MODE = 0x2,
	ZUFS_STATX_UID = 0x8,
	ZUFS_STATX_GID = 0x10,
	ZUFS_STATX_ATIME = 0x20,
	ZUFS_STATX_MTIME = 0x40,
	ZUFS_STATX_CTIME = 0x80, /* of SYNC alone */
	ZUFS_STATX_SIZE = 0x200,
	ZUFS_STATX_FLAGS = 0x20000000,	 /* i_flags */
	ZUFS_STATX_VERSION = 0x40000000, /* i_version */
	ZUFS_STATX_PROJID = 0x10000000,
};

/* All attributes at once, the size too: one transaction. */
struct zufs_ioc_attr {
	struct zufs_ioc_op op; /*   0 */
	__u64 valid;	       /*  80: IN ZUFS_STATX_* */
	struct zus_inode zi;   /*  88: IN */
	__u32 projid;	       /* 216: IN */
	__u32 pad;	       /* 220 */
	struct zufs_attr attr; /* 224: OUT */
};
static_assert(sizeof(struct zufs_ioc_attr) == 376, "wire");

/* zufs_ioc_sync.flags */
enum {
	ZUFS_SYNC_DATASYNC = 1
};

/* Makes op.ii durable (ino 0: the filesystem), with the times that changed. */
struct zufs_ioc_sync {
	struct zufs_ioc_op op; /*   0 */
	__u64 offset;	       /*  80: IN bytes */
	__u64 length;	       /*  88: IN bytes */
	__u64 flags;	       /*  96: IN ZUFS_SYNC_* */
	__u64 valid;	       /* 104: IN ZUFS_STATX_ATIME, _MTIME, _CTIME */
	__s64 atime;	       /* 112: IN */
	__s64 mtime;	       /* 120: IN */
	__s64 ctime;	       /* 128: IN */
};
static_assert(sizeof(struct zufs_ioc_sync) == 136, "wire");

#define ZUFS_READAHEAD_PAGES 32 /* ra_pages of who said nothing else */

/* READ, PRE_READ, WRITE (data in the buffer or window), FALLOCATE, MMAP_CLOSE. */
struct zufs_ioc_IO {
	struct zufs_ioc_op op; /*   0 */
	__u64 filepos;	       /*  80: IN bytes */
	__u64 rw;	       /*  88: IN ZUFS_RW_*; FALLOCATE: FALLOC_FL_* */
	__u64 last_pos;	       /*  96: IN end; OUT how far it got */
	__u64 ra_start;	       /* 104: IN first page of the read-ahead window */
	__u32 ra_pages;	       /* 112: IN its size */
	__u32 data; /* 116: IN offset of the data in the buffer, 0: window */
	struct zufs_attr attr; /* 120: OUT */
};
static_assert(sizeof(struct zufs_ioc_IO) == 272, "wire");

/* zufs_ioc_clone.flags */
enum {
	ZUFS_CLONE_DEDUPE = 1, /* CLONE: the bytes are there: all times stay */
};

/*
 * [pos_in, pos_in + len) of src, inside its size, is at pos_out of op.ii too.
 * COPY may do a part. CLONE shares the storage, and does all or nothing: of whole
 * blocks, but for a last one that ends src.
 */
struct zufs_ioc_clone {
	struct zufs_ioc_op op; /*   0 */
	struct zufs_iref src;  /*  80: IN */
	__u64 pos_in;	       /* 104: IN */
	__u64 pos_out;	       /* 112: IN */
	__u64 len;	       /* 120: IN bytes, more than 0 */
	__u64 flags;	       /* 128: IN ZUFS_CLONE_* */
	__u64 done;	       /* 136: OUT bytes, more than 0 */
	struct zufs_attr attr; /* 144: OUT */
};
static_assert(sizeof(struct zufs_ioc_clone) == 296, "wire");

struct zufs_ioc_seek {
	struct zufs_ioc_op op; /*   0 */
	__u64 offset_in;       /*  80: IN */
	__u64 offset_out;      /*  88: OUT */
	__u32 whence;	       /*  96: IN SEEK_DATA, SEEK_HOLE */
	__u32 pad;	       /* 100 */
};

/* zufs_ioc_ioctl.kflags */
enum {
	ZUFS_IOCTL_RW = 1, /* the mount is writable, and stays so meanwhile */
	ZUFS_IOCTL_ADMIN = 2, /* the caller has CAP_SYS_ADMIN */
	ZUFS_IOCTL_OWNER = 4, /* it owns the inode, or may do as if */
};

/* arg has as many bytes as cmd says, in and out as it says. */
struct zufs_ioc_ioctl {
	struct zufs_ioc_op op; /*   0 */
	__u32 cmd;	       /*  80: IN */
	__u32 kflags;	       /*  84: IN ZUFS_IOCTL_RW, _ADMIN, _OWNER */
	__u8 arg[];	       /*  88: IN, OUT */
};
static_assert(sizeof(struct zufs_ioc_ioctl) == 88, "wire");

enum {
	ZUFS_XATTR_SECURITY = 1,
	ZUFS_XATTR_SYSTEM,
	ZUFS_XATTR_TRUSTED,
	ZUFS_XATTR_USER
};

/* zufs_ioc_xattr.ioc_flags */
enum {
	ZUFS_XATTR_SET_EMPTY = 1,
	ZUFS_XATTR_TRUSTED_LIST = 2,
	ZUFS_XATTR_SET_MODE = 4, /* an ACL: mode changes with it */
};

/* Names of type SYSTEM; their values are those of <linux/posix_acl_xattr.h>. */
#define ZUFS_ACL_ACCESS	 "posix_acl_access"
#define ZUFS_ACL_DEFAULT "posix_acl_default"

/*
 * buf begins with the name without its prefix, then for SET the value. The
 * answer of GET and LIST begins at buf. SET of size 0 without SET_EMPTY removes,
 * and is no error if there is nothing, but with XATTR_REPLACE.
 */
struct zufs_ioc_xattr {
	struct zufs_ioc_op op; /*   0 */
	__u32 flags;	       /*  80: IN XATTR_CREATE, XATTR_REPLACE */
	__u32 type;	       /*  84: IN ZUFS_XATTR_* */
	__u32 name_len;	       /*  88: IN with NUL */
	__u32 ioc_flags;       /*  92: IN */
	__u32 user_buf_size; /*  96: IN room or size of value, OUT size needed */
	__u32 mode;	     /* 100: IN with SET_MODE, permission bits */
	struct zufs_attr attr; /* 104: OUT of SET */
	char buf[];	       /* 256 */
};
static_assert(sizeof(struct zufs_ioc_xattr) == 256, "wire");

struct zufs_ioc_fiemap {
	struct zufs_ioc_op op;	  /*   0 */
	__u64 start;		  /*  80: IN bytes */
	__u64 length;		  /*  88: IN bytes */
	__u32 flags;		  /*  96: IN FIEMAP_FLAG_* */
	__u32 extents_max;	  /* 100: IN */
	__u32 extents_mapped;	  /* 104: OUT */
	__u32 pad;		  /* 108 */
	struct zufs_extent ext[]; /* 112: OUT */
};
static_assert(sizeof(struct zufs_ioc_fiemap) == 112, "wire");

#endif /* _ZUS_API_H */
