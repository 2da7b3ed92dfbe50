// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * A second filesystem type: toyfs by another name, with ioctls that do what no
 * filesystem should.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define toy_ioctl	two_ioctl
#define zus_plugin_init toy_plugin_init
#include "../../fs/toyfs/plugin.c"
#undef toy_ioctl
#undef zus_plugin_init

#include "toytwo.h"

static int access_it(char *p, bool store)
{
	volatile char *at = p;

	if (store)
		*at = 's';
	else
		(void)*at;
	return 0;
}

static int map_it(int fd, bool store)
{
	char *p = mmap(NULL, ZUFS_BLOCK_SIZE, PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, 0);
	int err;

	if (p == MAP_FAILED)
		return -errno;
	err = ZUS_TRY(p, ZUFS_BLOCK_SIZE, access_it(p, store));
	munmap(p, ZUFS_BLOCK_SIZE);
	return err;
}

/* With something to tell the server of: times. */
static int sync_it(int fd, bool all)
{
	if (pwrite(fd, "s", 1, 0) != 1 || (all ? syncfs(fd) : fsync(fd)))
		return -errno;
	return 0;
}

static int use_path(uint32_t cmd, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (cmd == TWO_LOAD || cmd == TWO_STORE)
		err = map_it(fd, cmd == TWO_STORE);
	else if (cmd == TWO_FSYNC || cmd == TWO_SYNCFS)
		err = sync_it(fd, cmd == TWO_SYNCFS);
	close(fd);
	return err;
}

static int drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC),
	    err = 0;

	if (fd < 0)
		return -errno;
	for (int i = 0; i < 2 && !err; i++)
		err = write(fd, "2", 1) == 1 ? 0 : -errno;
	close(fd);
	return err;
}

static void add_one(uint8_t *p, uint32_t n)
{
	while (n--)
		(*p++)++;
}

int two_ioctl(struct zus_inode_info *zii, struct zufs_ioc_ioctl *io)
{
	uint32_t flags = io->kflags;

	(void)zii;
	switch (io->cmd) {
	case TWO_OPEN:
	case TWO_LOAD:
	case TWO_STORE:
	case TWO_FSYNC:
	case TWO_SYNCFS:
		io->arg[TWO_PATH - 1] = 0;
		return use_path(io->cmd, (const char *)io->arg);
	case TWO_DROP:
		return drop_caches();
	case TWO_BARE:
	case TWO_MOST:
	case TWO_ADD:
		add_one(io->arg, zus_op_room(&io->op.hdr));
		return 0;
	case TWO_KFLAGS:
		memcpy(io->arg, &flags, sizeof(flags));
		return 0;
	default:
		return -ENOTTY;
	}
}

int zus_plugin_init(void)
{
	toy_log = zus_log;
	strcpy(toy_zfi.rfi.fsname, "toytwo");
	return zus_register_one(&toy_zfi);
}
