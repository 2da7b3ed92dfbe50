// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * CPUs that come online, by the kernel's events of devices.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zusd.h"

#define KERNEL_EVENTS 1 /* the group of netlink; 2 are udev's */

int zusd_cpus_watch(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK,
				    .nl_groups = KERNEL_EVENTS };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);
	int err;

	if (fd < 0)
		return -errno;
	if (!bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

bool zusd_cpus_came(int fd)
{
	static const char event[] = "online@/devices/system/cpu/cpu";
	bool came = false;
	char text[4096];

	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, text, sizeof(text) - 1, 0,
				     (struct sockaddr *)&from, &len);

		/* Events were lost: one may have been of a CPU. */
		if (n < 0 && errno == ENOBUFS)
			came = true;
		else if (n < 0)
			return came;
		else if (!from.nl_pid && (size_t)n >= sizeof(event) - 1)
			came |= !memcmp(text, event, sizeof(event) - 1);
	}
}
