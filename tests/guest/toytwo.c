// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * A second filesystem type: toyfs by another name, with ioctls that do what no
 * filesystem should.
 */
#include <fcntl.h>
#include <unistd.h>

#define toy_ioctl	two_ioctl
#define zus_plugin_init toy_plugin_init
#include "../../fs/toyfs/plugin.c"
#undef toy_ioctl
#undef zus_plugin_init

#include "toytwo.h"

static int open_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void add_one(uint8_t *p, uint32_t n)
{
	while (n--)
		(*p++)++;
}

static void ask_for(struct zufs_ioc_ioctl *io, uint32_t size)
{
	io->uflags = ZUFS_IOCTL_REALLOC;
	io->new_size = size;
}

int two_ioctl(struct zus_inode_info *zii, struct zufs_ioc_ioctl *io)
{
	uint32_t room = zus_op_room(&io->op.hdr), flags = io->kflags;

	(void)zii;
	switch (io->cmd) {
	case TWO_OPEN:
		io->arg[TWO_PATH - 1] = 0;
		return open_path((const char *)io->arg);
	case TWO_REALLOC:
		if (room < TWO_LONG)
			ask_for(io, TWO_LONG);
		else
			add_one(io->arg, TWO_LONG);
		return 0;
	case TWO_GREEDY:
		ask_for(io, room + 1);
		return 0;
	case TWO_HUGE:
		ask_for(io, ZUFS_IOCTL_MAX + 1);
		return 0;
	case TWO_ADD:
		add_one(io->arg, 8);
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
