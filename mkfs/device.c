// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/* The device or file that a tool works on. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device.h"

bool fail(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s: ", tool_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return false;
}

/* Is @name, of a mount, the device? */
static bool is_it(const char *name, const char *path, const struct stat *st)
{
	struct stat other;

	return name[0] == '/' &&
	       (!strcmp(name, path) ||
		(!stat(name, &other) && S_ISBLK(other.st_mode) &&
		 other.st_rdev == st->st_rdev));
}

/* One of the options is "device=" and it. */
static bool is_option(char *opts, const char *path, const struct stat *st)
{
	char *opt, *save = NULL;

	for (opt = strtok_r(opts, ",", &save); opt;
	     opt = strtok_r(NULL, ",", &save))
		if (!strncmp(opt, "device=", 7) && is_it(opt + 7, path, st))
			return true;
	return false;
}

/* Where @path is mounted, as a source or as one of several devices. */
static bool find_mount(const char *path, const struct stat *st, char *where,
		       size_t size)
{
	struct mntent *ent;
	bool found = false;
	FILE *f;

	f = setmntent("/proc/self/mounts", "re");
	if (!f)
		return false;
	while (!found && (ent = getmntent(f))) {
		found = is_it(ent->mnt_fsname, path, st) ||
			is_option(ent->mnt_opts, path, st);
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
static bool open_fd(struct device *dev, bool write)
{
	int flags = (write ? O_RDWR : O_RDONLY) | O_CLOEXEC;

	dev->fd = open(dev->path, dev->rdev ? flags | O_EXCL : flags);
	if (dev->fd < 0)
		return open_failed(dev->path);
	if (flock(dev->fd, LOCK_EX | LOCK_NB))
		return fail("%s: in use by another program", dev->path);
	return true;
}

static bool check_block(const char *path, const struct stat *st)
{
	unsigned int ma = major(st->st_rdev), mi = minor(st->st_rdev);
	char dir[64];

	snprintf(dir, sizeof(dir), "/sys/dev/block/%u:%u", ma, mi);
	return pmem_check(path, st->st_rdev) && partition_check(path, dir);
}

bool device_open(struct device *dev, const char *path, bool write)
{
	struct stat st;

	*dev = (struct device){ .path = path, .fd = -1 };
	if (stat(path, &st)) {
		if (errno != ENOENT)
			return open_failed(path);
		return strncmp(path, "/dev/", 5) ||
		       fail("%s: there is no such device", path);
	}
	if (S_ISBLK(st.st_mode))
		dev->rdev = st.st_rdev;
	else if (!S_ISREG(st.st_mode))
		return fail("%s: neither a block device nor a plain file",
			    dev->path);
	if (!refuse_mounted(dev->path, &st))
		return false;
	if (dev->rdev && !check_block(dev->path, &st))
		return false;
	return open_fd(dev, write) && device_size(dev);
}

void device_close(struct device *dev)
{
	if (dev->fd >= 0)
		close(dev->fd);
	dev->fd = -1;
}

bool device_grow(struct device *dev, uint64_t bytes)
{
	if (dev->rdev || dev->bytes >= bytes)
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
