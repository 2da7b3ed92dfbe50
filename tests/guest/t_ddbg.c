// SPDX-License-Identifier: GPL-2.0
/*
 * A server that answers the debug operations of the mount thread rightly and
 * wrongly, and what the reader and writer of ddbg get. No server may be
 * connected. Prints "ok - WHAT" lines.
 *
 * usage: t_ddbg CONTROL-ROOT
 */
#include <stdint.h>
#include <sys/ioctl.h>

#include "calls.h"
#include "zus_api.h"

#define ROOM 100 /* of the reader */

/* One operation: what the server answers, and what the application gets. */
struct step {
	const char *what;
	bool write;
	int32_t err;
	uint32_t len;
	uint64_t pos;
	int got; /* bytes or -errno */
};

static const struct step steps[] = {
	{ "a piece of the list", false, 0, 60, 77, 60 },
	{ "as much as there is room for", false, 0, ROOM, 78, ROOM },
	{ "more than there is room for", false, 0, ROOM + 1, 79, -EIO },
	{ "more than there can be", false, 0, UINT32_MAX, 79, -EIO },
	{ "a position that is none", false, 0, 1, 1ULL << 63, -EIO },
	{ "an error", false, -EINVAL, ROOM, 79, -EINVAL },
	{ "an error that is none", false, 77, ROOM, 79, -EIO },
	{ "an error of the kernel's own", false, -512, ROOM, 79, -EIO },
	{ "the end", false, 0, 0, 80, 0 },
	{ "queries", true, 0, UINT32_MAX, 79, 5 },
	{ "a query that is wrong", true, -EINVAL, 0, 0, -EINVAL },
};
#define NR_STEPS (sizeof(steps) / sizeof(*steps))

static const char *root;

static int open_in_root(const char *name, int flags)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return open(path, flags | O_CLOEXEC, 0600);
}

/* The application. */
static void use(void)
{
	char text[ZUFS_DDBG_MAX + 1];
	int fd = open_in_root("ddbg", O_RDWR);

	NEED(fd >= 0);
	for (size_t i = 0; i < NR_STEPS; i++) {
		const struct step *s = &steps[i];
		ssize_t n;

		memset(text, 0, sizeof(text));
		n = s->write ? write(fd, "hello", 5) : read(fd, text, ROOM);
		n = n < 0 ? -errno : n;
		OK(s->what, n == s->got && (s->write || n <= 0 ||
					    strlen(text) == (size_t)n));
	}
	FAILS(E2BIG, "queries that are too long",
	      write(fd, text, ZUFS_DDBG_MAX + 1));
	OK("nothing to read", read(fd, text, 0) == 0);
	close(fd);
	fd = open_in_root("abort", O_WRONLY);
	NEED(write(fd, "1", 1) == 1);
	close(fd);
}

/* The operation is what it must be; position is the last one answered. */
static bool is_asked(const struct zufs_ioc_ddbg *d, size_t i, uint64_t pos)
{
	if (steps[i].write)
		return d->hdr.operation == ZUFS_M_DDBG_WR && d->len == 5 &&
		       d->hdr.in_len ==
			       offsetof(struct zufs_ioc_ddbg, text) + 5 &&
		       !memcmp(d->text, "hello", 6);
	return d->hdr.operation == ZUFS_M_DDBG_RD && d->len == ROOM &&
	       d->pos == pos;
}

static bool serve(int fd)
{
	static union {
		struct zufs_ioc_mount zim;
		struct zufs_ioc_ddbg d;
	} msg;
	struct zufs_ioc_ddbg *d = &msg.d;
	uint64_t pos = 0;
	bool asked = true;

	for (size_t i = 0; i < NR_STEPS; i++) {
		if (ioctl(fd, ZU_IOC_MOUNT, &msg))
			return false;
		asked &= is_asked(d, i, pos);
		if (!steps[i].write && steps[i].got >= 0)
			pos = steps[i].pos;
		memset(d->text, 'x', sizeof(d->text));
		d->hdr.err = steps[i].err;
		d->len = steps[i].len;
		d->pos = steps[i].pos;
	}
	/* Answers the last one, and waits for the end. */
	return ioctl(fd, ZU_IOC_MOUNT, &msg) == -1 && errno == ENOTCONN &&
	       asked;
}

int main(int argc, char **argv)
{
	struct zufs_ioc_hello h = { .major = ZUFS_MAJOR_VERSION };
	int fd, status;
	char c;
	pid_t pid;

	if (argc != 2) {
		fprintf(stderr, "usage: t_ddbg CONTROL-ROOT\n");
		return 2;
	}
	root = argv[1];
	setvbuf(stdout, NULL, _IONBF, 0);
	fd = open_in_root("ddbg", O_RDONLY);
	FAILS(ENOTCONN, "no server, no list", read(fd, &c, 1));
	close(fd);
	fd = open_in_root(".", O_TMPFILE | O_RDWR);
	NEED(fd >= 0 && !ioctl(fd, ZU_IOC_HELLO, &h));
	pid = fork();
	if (!pid) {
		close(fd);
		use();
		_exit(calls_bad != 0);
	}
	OK("the server is asked what the application asks", serve(fd));
	NEED(waitpid(pid, &status, 0) == pid);
	return calls_bad || status;
}
