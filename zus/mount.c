// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * The connection to a control root: HELLO, registration, and the mount thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "internal.h"

/* All mounts; many operations look one up at once, few mounts come and go. */
static struct zus_mount *mounts;
static pthread_rwlock_t mounts_lock = PTHREAD_RWLOCK_INITIALIZER;

struct zus_mount *zus_mount_get(uint64_t sb_id)
{
	struct zus_mount *m;

	pthread_rwlock_rdlock(&mounts_lock);
	for (m = mounts; m && m->sb_id != sb_id; m = m->next)
		;
	if (m)
		__atomic_add_fetch(&m->users, 1, __ATOMIC_ACQUIRE);
	pthread_rwlock_unlock(&mounts_lock);
	return m;
}

void zus_mount_put(struct zus_mount *m)
{
	__atomic_sub_fetch(&m->users, 1, __ATOMIC_RELEASE);
}

unsigned int zus_server_mounts(void)
{
	unsigned int n = 0;

	pthread_rwlock_rdlock(&mounts_lock);
	for (struct zus_mount *m = mounts; m; m = m->next)
		n++;
	pthread_rwlock_unlock(&mounts_lock);
	return n;
}

static void mounts_add(struct zus_mount *m)
{
	pthread_rwlock_wrlock(&mounts_lock);
	m->next = mounts;
	mounts = m;
	pthread_rwlock_unlock(&mounts_lock);
}

/* When it returns nobody finds the mount, and no operation runs on it. */
static struct zus_mount *mounts_del(uint64_t sb_id)
{
	struct zus_mount **p, *m;

	pthread_rwlock_wrlock(&mounts_lock);
	for (p = &mounts; *p && (*p)->sb_id != sb_id; p = &(*p)->next)
		;
	m = *p;
	if (m)
		*p = m->next;
	pthread_rwlock_unlock(&mounts_lock);
	while (m && __atomic_load_n(&m->users, __ATOMIC_ACQUIRE))
		usleep(100); /* the kernel sends UMOUNT last: rare */
	return m;
}

/* ---- pmem ---- */

/* At a multiple of 2 MiB, so that the kernel can use 2 MiB entries. */
static int pmem_map(struct zus_mount *m, struct zus_md *md)
{
	char *space, *at;

	m->map_len = md->bytes + ZUFS_ALLOC_SIZE;
	space = mmap(NULL, m->map_len, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (space == MAP_FAILED)
		return -errno;
	m->map = space;
	at = (char *)(((uintptr_t)space + ZUFS_ALLOC_MASK) &
		      ~(uintptr_t)ZUFS_ALLOC_MASK);
	if (mmap(at, md->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 m->pmem_fd, 0) == MAP_FAILED)
		return -errno;
	md->addr = at;
	return 0;
}

static int pmem_grab(struct zus_server *srv, struct zus_mount *m,
		     uint64_t sb_id, struct zus_md *md)
{
	struct zufs_ioc_pmem pm = { .sb_id = sb_id };

	m->pmem_fd = zus_role_open(srv);
	if (m->pmem_fd < 0)
		return m->pmem_fd;
	if (ioctl(m->pmem_fd, ZU_IOC_GRAB_PMEM, &pm))
		return -errno;
	if (!pm.dev_count || pm.dev_count > ZUFS_MAX_DEVICES)
		return -EPROTO;
	md->fd = m->pmem_fd;
	md->bytes = pm.t1_blocks << ZUFS_BLOCK_SHIFT;
	md->dev_count = (int)pm.dev_count;
	for (uint32_t i = 0; i < pm.dev_count; i++) {
		md->dev[i].blocks = pm.dev[i].blocks;
		md->dev[i].numa_node = pm.dev[i].numa_node;
		/* 12 bits of the major and 20 of the minor: libc's, too. */
		md->dev[i].rdev = pm.dev[i].rdev;
	}
	return pmem_map(m, md);
}

static void pmem_drop(struct zus_mount *m)
{
	if (m->map)
		munmap(m->map, m->map_len);
	if (m->pmem_fd >= 0)
		close(m->pmem_fd);
}

int zus_inval_map(struct zus_inode_info *zii, uint64_t offset, uint64_t len)
{
	struct zufs_ioc_inval_map im = {
		.ii = { .ino = zii->ino, .generation = zii->generation },
		.offset = offset,
		.len = len,
	};

	if (zii->sbi->md.fd < 0)
		return 0; /* in-process: nobody knows extents */
	return ioctl(zii->sbi->md.fd, ZU_IOC_INVAL_MAP, &im) ? -errno : 0;
}

/* ---- mount operations ---- */

static int mount_type(struct zus_server *srv, struct zus_fs_info *zfi,
		      struct zufs_ioc_mount *zim)
{
	struct zus_md md = { .fd = -1 };
	struct zus_mount *m;
	int err = 0;

	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->pmem_fd = -1;
	if (!(zfi->rfi.flags & ZUFS_RFI_NODEV))
		err = pmem_grab(srv, m, zim->sb_id, &md);
	if (!err) {
		zus_pools_map(srv, m, zim->sb_id);
		err = zus_sb_mount(m, zfi, &md, srv->epoch, zim);
	}
	if (err) {
		zus_pools_unmap(m);
		pmem_drop(m);
		free(m);
		return err;
	}
	mounts_add(m);
	return 0;
}

static int do_mount(struct zus_server *srv, struct zufs_ioc_mount *zim)
{
	bool silent = zim->mount_flags & ZUFS_M_SILENT;
	struct zus_fs_info *zfi;
	int err;

	if (!zim->zfi_id || zim->zfi_id > zus_nr_types)
		return -EINVAL;
	zfi = zus_types[zim->zfi_id - 1];
	err = mount_type(srv, zfi, zim);
	if (err)
		zus_log(silent ? ZUS_DBG : ZUS_WARN, "mount %llu: %s: %s",
			(unsigned long long)zim->sb_id, zfi->rfi.fsname,
			strerror(-err));
	else
		zus_log(ZUS_DBG, "mount %llu: %s, %llu blocks, %s",
			(unsigned long long)zim->sb_id, zfi->rfi.fsname,
			(unsigned long long)zim->t1_blocks,
			zim->mount_flags & ZUFS_M_RDONLY ? "ro" : "rw");
	return err;
}

static void take_down(struct zus_mount *m)
{
	zus_log(ZUS_DBG, "umount %llu: %s", (unsigned long long)m->sb_id,
		m->sbi->zfi->rfi.fsname);
	zus_sb_umount(m);
	zus_pools_unmap(m);
	pmem_drop(m);
	free(m);
}

static int do_umount(struct zufs_ioc_mount *zim)
{
	struct zus_mount *m = mounts_del(zim->sb_id);

	if (!m)
		return -ESTALE;
	take_down(m);
	return 0;
}

static int do_remount(struct zufs_ioc_mount *zim)
{
	struct zus_mount *m = zus_mount_get(zim->sb_id);
	int err = 0;

	if (!m)
		return -ESTALE;
	zim->options[sizeof(zim->options) - 1] = 0;
	if (m->sbi->zfi->op->sbi_remount)
		err = m->sbi->zfi->op->sbi_remount(m->sbi, zim);
	zus_log(err ? ZUS_WARN : ZUS_DBG, "remount %llu: %s, %s%s%s",
		(unsigned long long)m->sb_id, m->sbi->zfi->rfi.fsname,
		zim->remount_flags & ZUFS_REM_WILL_RO ? "ro" : "rw",
		err ? ": " : "", err ? strerror(-err) : "");
	zus_mount_put(m);
	return err;
}

/* ---- the mount thread ---- */

/* What MOUNT carries. */
union message {
	struct zufs_ioc_hdr hdr;
	struct zufs_ioc_mount zim;
	struct zufs_ioc_ddbg ddbg;
};

static int do_ddbg(struct zufs_ioc_ddbg *d)
{
	uint64_t pos = d->pos;

	if (d->len > sizeof(d->text))
		return -EINVAL;
	if (d->hdr.operation == ZUFS_M_DDBG_WR)
		return zus_ddbg_write(d->text, d->len);
	d->len = (uint32_t)zus_ddbg_read(&pos, d->text, d->len);
	d->pos = pos;
	return 0;
}

static int serve(struct zus_server *srv, union message *msg)
{
	switch (msg->hdr.operation) {
	case ZUFS_M_BREAK:
		return 0;
	case ZUFS_M_MOUNT:
		return do_mount(srv, &msg->zim);
	case ZUFS_M_UMOUNT:
		return do_umount(&msg->zim);
	case ZUFS_M_REMOUNT:
		return do_remount(&msg->zim);
	case ZUFS_M_DDBG_RD:
	case ZUFS_M_DDBG_WR:
		return do_ddbg(&msg->ddbg);
	default:
		return -EOPNOTSUPP;
	}
}

void *zus_mount_thread(void *arg)
{
	struct zus_server *srv = arg;
	static union message msg;

	pthread_setname_np(pthread_self(), "zus-mount");
	for (;;) {
		if (ioctl(srv->mount_fd, ZU_IOC_MOUNT, &msg)) {
			if (errno == EINTR)
				continue;
			srv->lost = true;
			break;
		}
		if (msg.hdr.operation == ZUFS_M_BREAK && srv->stopping)
			break;
		msg.hdr.err = serve(srv, &msg);
		msg.hdr.out_len = msg.hdr.out_max;
	}
	if (!srv->stopping)
		eventfd_write(srv->event_fd, 1);
	return NULL;
}

/* ---- the connection ---- */

static int hello(struct zus_server *srv)
{
	struct zufs_ioc_hello h = {
		.major = ZUFS_MAJOR_VERSION,
		.minor = ZUFS_MINOR_VERSION,
		.features = ZUFS_FEAT_NIO,
	};

	if (ioctl(srv->mount_fd, ZU_IOC_HELLO, &h))
		return -errno;
	if (!h.num_channels || h.num_channels > ZUFS_MAX_ZT_CHANNELS)
		return -EPROTONOSUPPORT;
	srv->epoch = h.epoch;
	srv->num_channels = h.num_channels;
	zus_log(ZUS_DBG,
		"connected to %s: epoch %llu, protocol %u.%u, %u channels",
		srv->root, (unsigned long long)h.epoch, h.major, h.minor,
		h.num_channels);
	return 0;
}

static int register_types(struct zus_server *srv)
{
	for (unsigned int i = 0; i < zus_nr_types; i++) {
		struct zufs_ioc_register_fs rfs = {
			.zfi_id = i + 1,
			.rfi = zus_types[i]->rfi,
		};

		if (ioctl(srv->mount_fd, ZU_IOC_REGISTER_FS, &rfs)) {
			int err = -errno;

			zus_log(ZUS_ERR, "filesystem type %s: %s%s",
				zus_types[i]->rfi.fsname, strerror(-err),
				err == -EEXIST || err == -EBUSY ?
					" (the kernel has one of that name; use that one or rename the plugin's)" :
					"");
			return err;
		}
	}
	return 0;
}

int zus_server_connect(struct zus_server *srv)
{
	struct statfs sf;
	int err;

	srv->root_fd = open(srv->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (srv->root_fd < 0 || fstatfs(srv->root_fd, &sf))
		return -errno;
	if (sf.f_type != ZUFS_SUPER_MAGIC)
		return -ENOENT;
	srv->mount_fd = zus_role_open(srv);
	if (srv->mount_fd < 0)
		return srv->mount_fd;
	err = hello(srv);
	return err ? err : zus_numa_read(srv->mount_fd);
}

static int start_mount_thread(struct zus_server *srv)
{
	int err =
		pthread_create(&srv->mount_thread, NULL, zus_mount_thread, srv);

	if (err)
		zus_log(ZUS_ERR, "the mount thread: %s", strerror(err));
	return -err;
}

int zus_server_start(struct zus_server *srv)
{
	sigset_t all, old;
	int err;

	/* Signals are for the thread that called this, but for one's own fault. */
	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = zus_zts_start(srv);
	if (!err)
		err = register_types(srv);
	if (!err)
		err = start_mount_thread(srv);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

void zus_server_cpus(struct zus_server *srv)
{
	sigset_t all, old;

	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	zus_zts_start(srv);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/*
 * What is mounted when the server ends by --force: its threads are gone, so no
 * operation runs. The kernel keeps pmem mapped until mount_fd is closed.
 */
static void take_down_all(const struct zus_server *srv)
{
	struct zus_mount *m;

	while (mounts && !srv->lost) {
		m = mounts_del(mounts->sb_id);
		zus_log(ZUS_WARN, "%s is mounted still: it answers EIO now",
			m->sbi->zfi->rfi.fsname);
		take_down(m);
	}
}

void zus_server_stop(struct zus_server *srv)
{
	struct zufs_ioc_break_all brk = { 0 };

	srv->stopping = true;
	ioctl(srv->mount_fd, ZU_IOC_BREAK_ALL, &brk);
	pthread_join(srv->mount_thread, NULL);
	zus_zts_join(srv);
	take_down_all(srv);
	close(srv->mount_fd);
	close(srv->root_fd);
}
