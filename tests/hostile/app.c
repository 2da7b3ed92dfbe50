// SPDX-License-Identifier: GPL-2.0
/*
 * An application: calls of all kinds on the mount, whose results nobody can
 * trust. All that counts is that it goes on, or can be killed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "hostile.h"

#define MAX_POS (4U << 20)

static char room[1 << 20];
static sigjmp_buf after_sigbus;

static const char *some_name(struct rng *r)
{
	static char names[4][64];
	static unsigned int next;
	char *name = names[next++ % 4];
	/* Few names, so that calls meet; now and then the longest one. */
	int len = snprintf(name, 64, "%s%c", once_in(r, 3) ? "d/" : "",
			   'a' + (int)below(r, 12));

	if (once_in(r, 3)) /* those that tests/guest/served.c has */
		len = snprintf(name, 64, "ram%u", below(r, 8));
	if (once_in(r, 30))
		snprintf(name + len, 64 - len, "%050d", 0);
	return name;
}

static int some_file(struct rng *r)
{
	static const int flags[] = { O_RDONLY,
				     O_RDWR,
				     O_RDWR | O_CREAT,
				     O_RDWR | O_CREAT | O_TRUNC,
				     O_WRONLY | O_APPEND | O_CREAT,
				     O_RDWR | O_CREAT | O_SYNC,
				     O_RDWR | O_CREAT | O_DIRECT };

	return open(some_name(r), flags[below(r, 7)] | O_NONBLOCK | O_CLOEXEC,
		    0666);
}

static off_t some_pos(struct rng *r)
{
	return once_in(r, 2) ? below(r, MAX_POS) & ~4095U : below(r, MAX_POS);
}

static size_t some_len(struct rng *r)
{
	return 1 + below(r, 1 << below(r, 20));
}

static void call_rw(struct rng *r)
{
	int fd = some_file(r);

	for (int i = below(r, 8); fd >= 0 && i; i--) {
		if (once_in(r, 2) ?
			    pread(fd, room, some_len(r), some_pos(r)) < 0 :
			    pwrite(fd, room, some_len(r), some_pos(r)) < 0)
			break;
		count(&counts->calls);
	}
	if (fd >= 0 && once_in(r, 4))
		fsync(fd);
	close(fd);
}

/* Pieces that lie anywhere, as pages or not. */
static void call_vector(struct rng *r)
{
	size_t step = once_in(r, 2) ? 65536 : 65536 - below(r, 4096);
	int fd = some_file(r), n = 1 + below(r, 14);
	struct iovec v[16];

	for (int i = 0; i < n; i++)
		v[i] = (struct iovec){ room + i * 65536, step };
	if (once_in(r, 2) ? preadv(fd, v, n, some_pos(r)) > 0 :
			    pwritev(fd, v, n, some_pos(r)) > 0)
		count(&counts->calls);
	close(fd);
}

static void call_append(struct rng *r)
{
	int fd = open(some_name(r), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
		      0666);

	for (int i = below(r, 16);
	     fd >= 0 && i && write(fd, room, some_len(r)) > 0; i--)
		count(&counts->calls);
	close(fd);
}

static void on_sigbus(int sig)
{
	(void)sig;
	siglongjmp(after_sigbus, 1);
}

static void call_mmap(struct rng *r)
{
	int fd = some_file(r);
	size_t len = 1U << (12 + below(r, 10));
	volatile char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
				once_in(r, 4) ? MAP_PRIVATE : MAP_SHARED, fd,
				some_pos(r) & ~4095);

	close(fd);
	if (p == MAP_FAILED)
		return;
	if (!sigsetjmp(after_sigbus, 1))
		for (int i = 8; i; i--) {
			if (once_in(r, 2))
				p[below(r, len)] = 1;
			else
				(void)p[below(r, len)];
			count(&counts->calls);
		}
	if (once_in(r, 4))
		msync((void *)p, len, MS_SYNC);
	munmap((void *)p, len);
}

static void call_sizes(struct rng *r)
{
	static const int modes[] = {
		0,
		FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
		FALLOC_FL_ZERO_RANGE,
	};
	int fd = some_file(r);

	if (once_in(r, 2) ?
		    ftruncate(fd, some_pos(r)) :
		    fallocate(fd, modes[below(r, 4)], some_pos(r), some_len(r)))
		count(&counts->calls);
	lseek(fd, some_pos(r), once_in(r, 2) ? SEEK_DATA : SEEK_HOLE);
	close(fd);
}

static void call_ioctl(struct rng *r)
{
	static const unsigned long known[] = { FS_IOC_GETFLAGS, FS_IOC_SETFLAGS,
					       FS_IOC_FSGETXATTR,
					       FS_IOC_FSSETXATTR,
					       FS_IOC_GETVERSION };
	int fd = some_file(r);

	if (once_in(r, 2))
		ioctl(fd, known[below(r, 5)], room);
	else
		ioctl(fd,
		      _IOC(below(r, 4), below(r, 256), below(r, 256),
			   below(r, 16384)),
		      room);
	close(fd);
}

/* The root is the victim's too. */
static void call_ddbg(struct rng *r)
{
	char name[256];
	int fd;

	snprintf(name, sizeof(name), "%s/ddbg", opt.root);
	fd = open(name, O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 8; i++)
		if (read(fd, room, 1 + below(r, 4096)) <= 0)
			break;
	if (once_in(r, 2) && write(fd, "module x +p", 11) > 0)
		count(&counts->calls);
	close(fd);
}

static void call_fiemap(struct rng *r)
{
	struct fiemap *fm = (void *)room;
	int fd = some_file(r);

	memset(fm, 0, sizeof(*fm));
	fm->fm_length = ~0ULL;
	fm->fm_extent_count = below(r, 1000);
	ioctl(fd, FS_IOC_FIEMAP, fm);
	close(fd);
}

static void call_names(struct rng *r)
{
	const char *a = some_name(r), *b = some_name(r);
	int err = 0;

	switch (below(r, 9)) {
	case 0:
		err = link(a, b);
		break;
	case 1:
		err = rename(a, b);
		break;
	case 2:
		err = renameat2(AT_FDCWD, a, AT_FDCWD, b, 1 << below(r, 3));
		break;
	case 3:
		memset(room, 'x', 4096);
		room[1 + below(r, 4095)] = '\0';
		err = symlink(room, a);
		break;
	case 4:
		err = mkdir(a, 0777);
		break;
	case 5:
		err = rmdir(a);
		break;
	case 6:
		err = mknod(a, (once_in(r, 2) ? S_IFIFO : S_IFCHR) | 0666,
			    0x103);
		break;
	default:
		err = unlink(a);
	}
	if (err && errno == EIO)
		usleep(1000);
}

static void call_attributes(struct rng *r)
{
	const char *name = some_name(r);
	struct statvfs vfs;
	struct stat st;

	switch (below(r, 6)) {
	case 0:
		if (chmod(name, below(r, 07777)))
			return;
		break;
	case 1:
		if (lchown(name, below(r, 3), below(r, 3)))
			return;
		break;
	case 2:
		if (utimensat(AT_FDCWD, name, NULL, 0))
			return;
		break;
	case 3:
		statvfs(".", &vfs);
		break;
	case 4:
		if (readlink(name, room, sizeof(room)) < 0)
			return;
		break;
	default:
		lstat(name, &st);
	}
}

/* u::rwx, u:N:r-x, g::---, m::rwx, o::N */
static void set_acl(struct rng *r, const char *name, const char *key)
{
	struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} e[5];
	} acl = { 2,
		  { { 1, 7, ~0U },
		    { 2, 5, below(r, 1000) },
		    { 4, 0, ~0U },
		    { 16, 7, ~0U },
		    { 32, (uint16_t)below(r, 8), ~0U } } };

	setxattr(name, key, &acl, sizeof(acl), 0);
}

static void call_xattrs(struct rng *r)
{
	static const char *const keys[] = { "user.a",
					    "user.b",
					    "trusted.c",
					    "security.d",
					    "system.posix_acl_access",
					    "system.posix_acl_default" };
	const char *name = some_name(r), *key = keys[below(r, 6)];

	switch (below(r, 5)) {
	case 0:
		setxattr(name, key, room, some_len(r) & 0xfff, below(r, 3));
		break;
	case 1: /* more than an operation buffer takes */
		setxattr(name, keys[below(r, 2)], room, 65536, 0);
		break;
	case 2:
		set_acl(r, name, keys[4 + below(r, 2)]);
		break;
	case 3:
		getxattr(name, key, room, below(r, 2) * 65536);
		listxattr(name, room, below(r, 2) * 65536);
		break;
	default:
		removexattr(name, key);
	}
}

/* The kernel bounds no directory; we do. */
static void call_readdir(struct rng *r)
{
	int fd = open(once_in(r, 2) ? "." : "d",
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; fd >= 0 && i < 20; i++) {
		if (syscall(SYS_getdents64, fd, room,
			    once_in(r, 4) ? sizeof(room) : 4096) <= 0)
			break;
		count(&counts->calls);
		if (once_in(r, 8))
			lseek(fd, odd_value(r, 5) >> 1, SEEK_SET);
	}
	close(fd);
}

static void call_handle(struct rng *r)
{
	static union {
		struct file_handle fh;
		char bytes[sizeof(struct file_handle) + 128];
	} h;
	size_t head = sizeof(struct file_handle);
	int mount_id, fd;

	h.fh.handle_bytes = sizeof(h) - head;
	if (name_to_handle_at(AT_FDCWD, some_name(r), &h.fh, &mount_id, 0))
		return;
	if (once_in(r, 4))
		h.bytes[head + below(r, h.fh.handle_bytes)] ^= 1 << below(r, 8);
	fd = open(".", O_RDONLY | O_CLOEXEC);
	close(open_by_handle_at(fd, &h.fh, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	close(fd);
}

static void call_copy(struct rng *r)
{
	int in = some_file(r), out = some_file(r);

	if (once_in(r, 2) ?
		    copy_file_range(in, NULL, out, NULL, some_len(r), 0) > 0 :
		    !ioctl(out, FICLONE, in))
		count(&counts->calls);
	close(in);
	close(out);
}

void app_run(uint64_t seed)
{
	static void (*const all[])(struct rng *) = {
		call_rw,     call_rw,	   call_append,	    call_append,
		call_mmap,   call_sizes,   call_fiemap,	    call_names,
		call_names,  call_names,   call_attributes, call_attributes,
		call_xattrs, call_readdir, call_handle,	    call_copy,
		call_vector, call_ioctl,   call_ddbg,	    call_xattrs,
	};
	struct sigaction sa = { .sa_handler = on_sigbus };
	struct rng r = { seed };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGBUS, &sa, NULL);
	signal(SIGXFSZ, SIG_IGN);
	if (chdir(opt.dir))
		_exit(1);
	mkdir("d", 0777);
	for (;;) {
		all[below(&r, sizeof(all) / sizeof(*all))](&r);
		count(&counts->calls);
	}
}
