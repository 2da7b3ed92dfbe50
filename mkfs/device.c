// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/* The device or file that mkfs.toyfs works on. */
#include <blkid.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mkfs.h"

/* Where @path is mounted, by source or by device number. */
static bool find_mount(const char *path, const struct stat *st, char *where,
		       size_t size)
{
	struct mntent *ent;
	struct stat other;
	bool found = false;
	FILE *f;

	f = setmntent("/proc/self/mounts", "re");
	if (!f)
		return false;
	while (!found && (ent = getmntent(f))) {
		if (ent->mnt_fsname[0] != '/')
			continue;
		found = !strcmp(ent->mnt_fsname, path) ||
			(!stat(ent->mnt_fsname, &other) &&
			 S_ISBLK(other.st_mode) &&
			 other.st_rdev == st->st_rdev);
		if (found)
			snprintf(where, size, "%s", ent->mnt_dir);
	}
	endmntent(f);
	return found;
}

static bool refuse_mounted(const char *path, const struct stat *st)
{
	char real[PATH_MAX], where[PATH_MAX];

	if (!S_ISBLK(st->st_mode))
		return true;
	if (!realpath(path, real))
		return fail("%s: %s", path, strerror(errno));
	if (!find_mount(real, st, where, sizeof(where)))
		return true;
	return fail("%s: mounted on %s: umount it first", path, where);
}

static bool open_failed(const char *path)
{
	if (errno == EBUSY)
		return fail(
			"%s: in use by the kernel (a mount elsewhere, swap, dm or md)",
			path);
	return fail("%s: %s", path, strerror(errno));
}

static bool device_size(struct device *dev)
{
	off_t end = lseek(dev->fd, 0, SEEK_END);

	if (end < 0)
		return fail("%s: size: %s", dev->path, strerror(errno));
	dev->bytes = (uint64_t)end;
	return true;
}

/* O_EXCL on a block device fails if anyone else in the kernel holds it. */
static bool open_fd(const struct mkfs *mk, struct device *dev)
{
	int flags = (mk->dry ? O_RDONLY : O_RDWR) | O_CLOEXEC;

	dev->fd = open(dev->path, dev->block ? flags | O_EXCL : flags);
	if (dev->fd < 0)
		return open_failed(dev->path);
	if (flock(dev->fd, LOCK_EX | LOCK_NB))
		return fail("%s: in use by another program", dev->path);
	return true;
}

static bool want_new(const struct mkfs *mk, const struct device *dev)
{
	if (!strncmp(dev->path, "/dev/", 5))
		return fail("%s: there is no such device", dev->path);
	if (!mk->size)
		return fail("%s: there is no such file: -s SIZE makes one",
			    dev->path);
	return true;
}

static bool check_block(const char *path, const struct stat *st)
{
	unsigned int ma = major(st->st_rdev), mi = minor(st->st_rdev);
	char dir[64];

	snprintf(dir, sizeof(dir), "/sys/dev/block/%u:%u", ma, mi);
	return pmem_check(path, ma, mi) && partition_check(path, dir);
}

bool device_open(const struct mkfs *mk, struct device *dev)
{
	struct stat st;

	*dev = (struct device){ .path = mk->path, .fd = -1 };
	if (stat(dev->path, &st))
		return errno == ENOENT ? want_new(mk, dev) :
					 open_failed(dev->path);
	dev->block = S_ISBLK(st.st_mode);
	if (!dev->block && !S_ISREG(st.st_mode))
		return fail("%s: neither a block device nor a plain file",
			    dev->path);
	if (!refuse_mounted(dev->path, &st))
		return false;
	if (dev->block && !check_block(dev->path, &st))
		return false;
	return open_fd(mk, dev) && device_size(dev);
}

void device_close(struct device *dev)
{
	if (dev->fd >= 0)
		close(dev->fd);
	dev->fd = -1;
}

bool device_grow(struct device *dev, uint64_t bytes)
{
	if (dev->block || dev->bytes >= bytes)
		return true;
	if (dev->fd < 0)
		dev->fd = open(dev->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
			       0666);
	if (dev->fd < 0)
		return open_failed(dev->path);
	if (ftruncate(dev->fd, (off_t)bytes))
		return fail("%s: cannot grow to %llu bytes: %s", dev->path,
			    (unsigned long long)bytes, strerror(errno));
	dev->bytes = bytes;
	return true;
}

static bool has_toyfs_at(const struct device *dev, off_t off)
{
	char block[ZUFS_BLOCK_SIZE] __attribute__((aligned(8)));
	const struct zufs_dev_table *dt = (const void *)block;
	const struct toy_super *sb = (const void *)(block + TOY_SB_OFF);

	if (pread(dev->fd, block, sizeof(block), off) != sizeof(block))
		return false;
	return le32toh(dt->magic) == TOY_MAGIC ||
	       le64toh(sb->magic) == TOY_SB_MAGIC;
}

static blkid_probe new_probe(const struct device *dev, int open_fd)
{
	blkid_probe pr = blkid_new_probe();

	if (pr && !blkid_probe_set_device(pr, open_fd, 0, 0) &&
	    !blkid_probe_enable_superblocks(pr, 1) &&
	    !blkid_probe_set_superblocks_flags(
		    pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_MAGIC |
				BLKID_SUBLKS_BADCSUM) &&
	    !blkid_probe_enable_partitions(pr, 1) &&
	    !blkid_probe_set_partitions_flags(pr, BLKID_PARTS_MAGIC))
		return pr;
	blkid_free_probe(pr);
	fail("%s: libblkid cannot look at it", dev->path);
	return NULL;
}

static bool refuse_found(const struct device *dev, blkid_probe pr)
{
	const char *type;

	if (!blkid_probe_lookup_value(pr, "TYPE", &type, NULL))
		return fail(
			"%s: contains a filesystem of type %s: -f overwrites it",
			dev->path, type);
	if (!blkid_probe_lookup_value(pr, "PTTYPE", &type, NULL))
		return fail(
			"%s: contains a partition table (%s): -f overwrites it",
			dev->path, type);
	return fail(
		"%s: contains something that libblkid knows: -f overwrites it",
		dev->path);
}

bool device_blank(const struct device *dev)
{
	blkid_probe pr;
	bool ok = true;
	int found;

	if (dev->fd < 0 || !dev->bytes)
		return true;
	pr = new_probe(dev, dev->fd);
	if (!pr)
		return false;
	found = blkid_do_probe(pr);
	if (found < 0)
		ok = fail("%s: libblkid cannot read it", dev->path);
	else if (found == 0)
		ok = refuse_found(dev, pr);
	else if (has_toyfs_at(dev, 0) ||
		 has_toyfs_at(dev, ZUFS_MDT_COPY_OFFSET))
		ok = fail(
			"%s: contains a filesystem of type toyfs: -f overwrites it",
			dev->path);
	blkid_free_probe(pr);
	return ok;
}

bool device_wipe(const struct device *dev)
{
	blkid_probe pr = new_probe(dev, dev->fd);
	bool ok = true;

	if (!pr)
		return false;
	while (ok && blkid_do_probe(pr) == 0)
		ok = !blkid_do_wipe(pr, 0);
	blkid_free_probe(pr);
	if (!ok || fsync(dev->fd))
		return fail("%s: cannot wipe what was there: %s", dev->path,
			    strerror(errno));
	return true;
}

/* With MAP_SYNC flushed stores are durable; without it msync makes them so. */
void *device_map(const struct device *dev, uint64_t bytes)
{
	const int prot = PROT_READ | PROT_WRITE;
	void *p;

	p = mmap(NULL, bytes, prot, MAP_SHARED_VALIDATE | MAP_SYNC, dev->fd, 0);
	if (p == MAP_FAILED)
		p = mmap(NULL, bytes, prot, MAP_SHARED, dev->fd, 0);
	if (p != MAP_FAILED)
		return p;
	fail("%s: mmap: %s", dev->path, strerror(errno));
	return NULL;
}

bool device_unmap(const struct device *dev, void *base, uint64_t bytes)
{
	bool ok = !msync(base, bytes, MS_SYNC) && !fsync(dev->fd);

	if (!ok)
		fail("%s: write: %s", dev->path, strerror(errno));
	munmap(base, bytes);
	return ok;
}
