/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * Inside libzus and zusd.
 */
#ifndef ZUS_INTERNAL_H
#define ZUS_INTERNAL_H

#include <pthread.h>

#include "zus.h"

#define ZUS_MAX_TYPES 16
#define ZUS_OP_SIZE   (64U << 10)  /* bytes of an operation buffer */
#define ZUS_POOL_INIT (128U << 10) /* bytes of a pool at first */
#define ZUS_POOL_MAX  (1U << 20)   /* and when the kernel has made it grow */

/* ---- handles.c: which inodes the kernel knows ---- */

#define ZUS_HANDLE_SHARDS 64U

struct zus_handle; /* one known inode */
struct zus_server;

struct zus_handles {
	struct zus_handle_shard {
		pthread_mutex_t lock;
		pthread_cond_t unused; /* a handle has no more uses */
		struct zus_handle **bucket;
		unsigned int size, nr; /* size is a power of 2 */
	} shard[ZUS_HANDLE_SHARDS];
};

int zus_handles_init(struct zus_handles *hs);
/* Evicts what is left, when the epoch ended without evictions. */
void zus_handles_fini(struct zus_handles *hs);
/* The kernel gets one more reference of @zii. */
int zus_handle_add(struct zus_handles *hs, struct zus_inode_info *zii);
/*
 * The inode that @ref names and the kernel knows, or NULL. It isn't evicted
 * before *used is put.
 */
struct zus_inode_info *zus_handle_get(struct zus_handles *hs,
				      const struct zufs_iref *ref,
				      struct zus_handle **used);
void zus_handle_put(struct zus_handles *hs, struct zus_handle *used);
/*
 * Takes all references back; NULL: it isn't known. *nr: how many they are. Waits
 * until the inode has no more uses; the caller has none.
 */
struct zus_inode_info *zus_handle_del(struct zus_handles *hs,
				      const struct zufs_iref *ref,
				      unsigned int *nr);

/* ---- mounted filesystems ---- */

struct zus_mount {
	struct zus_sb_info *sbi;
	struct zus_handles handles;
	uint64_t sb_id;
	unsigned int users; /* operations that run, under zus_mounts' lock */
	struct zus_mount *next;
	int pmem_fd; /* -1: in-process */
	void *map;   /* what to unmap, with its size */
	size_t map_len;
	void *pool[ZUFS_MAX_POOLS]; /* pool n + 1 is mapped here; NULL: none */
};

/*
 * decode.c: runs the operation in @hdr, of a buffer of @size bytes; fills
 * hdr.err and hdr.out_len. @window: the ZT's, NULL if there is none.
 */
void zus_decode(struct zus_mount *m, struct zufs_ioc_hdr *hdr, size_t size,
		void *window);
/* What a thread works on now; @flags is where the kernel sets ZUFS_H_INTR. */
void zus_thread_set(unsigned int channel, const struct zufs_ioc_hdr *hdr,
		    const uint16_t *flags);

/* pool.c: memory for large operations. One that isn't to be had is done without. */
void zus_pools_map(const struct zus_server *srv, struct zus_mount *m,
		   uint64_t sb_id);
void zus_pools_unmap(struct zus_mount *m);
/* The operation that @p says is elsewhere, NULL: it is nowhere; *size: the room there. */
struct zufs_ioc_hdr *zus_pool_op(const struct zus_mount *m,
				 const struct zufs_ioc_pool *p, size_t *size);

/* sb.c: the plugin's side of mount and umount, for zusd and in-process. */
int zus_sb_mount(struct zus_mount *m, struct zus_fs_info *zfi,
		 const struct zus_md *md, uint64_t epoch,
		 struct zufs_ioc_mount *zim);
void zus_sb_umount(struct zus_mount *m);

/* loader.c */
extern struct zus_fs_info *zus_types[ZUS_MAX_TYPES];
extern unsigned int zus_nr_types;
void zus_plugin_dir(const char *dir);

/* ---- ddbg.c: the sites of all plugins ---- */

struct zus_ddbg_module {
	const char *name;
	struct zus_dbg_site *begin, *end;
};

/* One more than there may be types: libzus is the first. */
extern struct zus_ddbg_module zus_ddbg_modules[ZUS_MAX_TYPES + 1];
extern unsigned int zus_ddbg_nr_modules;
/* The plugin's sites, as module @name, unless they are known. */
void zus_ddbg_add(const char *name, const struct zus_plugin *plugin);
/* What the flags of @site put before its message: bytes, less than @size. */
size_t zus_ddbg_prefix(const struct zus_dbg_site *site, char *buf, size_t size);
/* The bit of a flag's letter, 0 for "_", -1: it is none. */
int zus_ddbg_bit(char letter);

/* log.c */
void zus_log_init(bool verbose);

/* mount.c, thread.c: the server's connection to one control root */
struct zus_server {
	const char *root;
	int root_fd;  /* the folder */
	int mount_fd; /* the role file of the mount thread */
	uint64_t epoch;
	unsigned int num_channels;
	pthread_t mount_thread;
	struct zus_zt *zts; /* changed by one thread alone */
	_Atomic bool stopping;
	_Atomic bool lost; /* by the kernel's will: pmem is gone too */
	int event_fd;	   /* written when the connection is lost */
};

/* numa.c: asks the kernel for the nodes of all CPUs. */
int zus_numa_read(int mount_fd);

int zus_role_open(const struct zus_server *srv);
/* ENOENT: that is no control root. The caller says what failed. */
int zus_server_connect(struct zus_server *srv);
/* Threads, types, mounts from now on. Says itself what failed. */
int zus_server_start(struct zus_server *srv);
/* More ZTs, for CPUs that came online since. Says itself what failed. */
void zus_server_cpus(struct zus_server *srv);
/* Ends the threads, takes down what is mounted still, and disconnects. */
void zus_server_stop(struct zus_server *srv);
unsigned int zus_server_mounts(void);
void *zus_mount_thread(void *arg);
/* For all CPUs that the caller may use and that have none. */
int zus_zts_start(struct zus_server *srv);
void zus_zts_join(struct zus_server *srv);
/* The mount of @sb_id with a use count, or NULL. */
struct zus_mount *zus_mount_get(uint64_t sb_id);
void zus_mount_put(struct zus_mount *m);

#endif /* ZUS_INTERNAL_H */
