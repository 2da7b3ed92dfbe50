// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Stands between zusd and the kernel: see tap.h. Operations in pools are seen as
 * the struct zufs_ioc_pool that stands for them.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tap.h"
#include "zus_api.h"

static struct tap *tap; /* NULL: this process is not looked at */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void tap_begin(void)
{
	const char *name = getenv(TAP_ENV);
	int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
	void *p;

	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(*tap), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p != MAP_FAILED)
		tap = p;
}

/* Which message is in @arg. */
static unsigned int what_of(unsigned long cmd, const struct zufs_ioc_hdr *hdr)
{
	unsigned int what = TAP_IOCTL + _IOC_NR(cmd);

	if (cmd == ZU_IOC_WAIT_OPT)
		what = hdr->operation;
	else if (cmd == ZU_IOC_MOUNT)
		what = TAP_MOUNT + hdr->operation;
	return what < TAP_NR ? what : 0;
}

/* Bytes that are surely there. */
static size_t size_of(unsigned long cmd, const void *arg)
{
	const struct zufs_ioc_numa_map *nm = arg;
	size_t size = _IOC_SIZE(cmd);

	if (cmd == ZU_IOC_WAIT_OPT)
		size = TAP_BYTES; /* of a buffer that is larger */
	else if (cmd == ZU_IOC_NUMA_MAP)
		size += nm->max_cpus * sizeof(nm->cpu_node[0]);
	return size < TAP_BYTES ? size : TAP_BYTES;
}

static void keep(struct tap_messages *m, unsigned long cmd, const void *arg)
{
	memcpy(m->bytes[(m->count + 1) % 2], arg, size_of(cmd, arg));
	m->count++;
}

static void change(unsigned int what, void *arg)
{
	for (unsigned int i = 0; i < TAP_CHANGES; i++) {
		const struct tap_change *c = &tap->change[i];

		if (c->on && c->what == what)
			memcpy((char *)arg + c->off, &c->value, c->size);
	}
}

static void hold(unsigned int what)
{
	if (!what || tap->hold != what)
		return;
	tap->held = 1;
	while (tap->hold == what)
		usleep(1000);
	tap->held = 0;
}

static int tapped(int fd, unsigned long cmd, void *arg)
{
	unsigned int what = what_of(cmd, arg);
	int ret;

	pthread_mutex_lock(&lock);
	change(what, arg);
	keep(&tap->answered[what], cmd, arg);
	pthread_mutex_unlock(&lock);
	hold(what);
	ret = (int)syscall(SYS_ioctl, fd, cmd, arg);
	if (ret)
		return ret;
	pthread_mutex_lock(&lock);
	keep(&tap->sent[what_of(cmd, arg)], cmd, arg);
	pthread_mutex_unlock(&lock);
	return 0;
}

int ioctl(int fd, unsigned long cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	if (tap && arg && _IOC_TYPE(cmd) == 'Z')
		return tapped(fd, cmd, arg);
	return (int)syscall(SYS_ioctl, fd, cmd, arg);
}
