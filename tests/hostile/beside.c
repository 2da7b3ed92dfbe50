// SPDX-License-Identifier: GPL-2.0
/*
 * What works on the other mount of a lying server: the answers about that one
 * are honest, so what is read is what was written.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hostile.h"

#define FILE_MAX (256U << 10) /* bytes: some by the window */

static char wrote[FILE_MAX], got[FILE_MAX];

/* 0: it is right; 1: it is wrong; -errno. */
static int write_and_read(struct rng *r)
{
	char name[] = { 'a' + (char)below(r, 8), '\0' };
	size_t len = 1 + below(r, FILE_MAX);
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int ret = 0;

	for (size_t i = 0; i < len; i += 512)
		wrote[i] = (char)rnd(r);
	if (fd < 0 || pwrite(fd, wrote, len, 0) != (ssize_t)len ||
	    pread(fd, got, FILE_MAX, 0) != (ssize_t)len)
		ret = errno ? -errno : 1;
	else if (memcmp(wrote, got, len))
		ret = 1;
	close(fd);
	if (!ret && once_in(r, 4) && unlink(name))
		ret = -errno;
	return ret;
}

static void tell(int ret)
{
	printf("not ok - round %llu: beside a victim %s\n",
	       (unsigned long long)counts->rounds,
	       ret > 0 ? "other bytes are read than were written" :
			 strerror(-ret));
}

void beside_run(uint64_t seed)
{
	struct rng r = { seed };
	struct statfs st;
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (chdir(opt.beside))
		_exit(0); /* the mount failed, which is the parent's */
	do {
		errno = 0;
		ret = write_and_read(&r);
		if (!ret)
			count(&counts->good);
		usleep(below(&r, 8000)); /* it is no load */
	} while (!ret);
	/* EIO is right when the epoch has ended; a vandal may break all. */
	if (!counts->tame || (ret == -EIO && statfs(".", &st)))
		_exit(0);
	tell(ret);
	_exit(1);
}
