// SPDX-License-Identifier: GPL-2.0
/*
 * Calls on files of "served" that carry much, and cross in one hand-off.
 *
 * usage: t_long FOLDER
 */
#include <sys/uio.h>

#include "served.h"

/* ---- vectors ---- */

#define PARTS 16
#define PART  (64UL << 10)
#define STEP  (PART + 2 * PAGE) /* from one part to the next in memory */
#define ROOM  (PARTS * STEP)

static struct iovec part[PARTS];
static char ref[ROOM]; /* what the file has to be */

/* Whole pages with others between them, the last part first. */
static void parts(char *buf)
{
	for (int i = 0; i < PARTS; i++)
		part[i] = (struct iovec){ buf + (PARTS - 1 - i) * STEP + PAGE,
					  PART };
}

/* The bytes of all parts, to or from @ref. */
static size_t each(bool to_ref)
{
	size_t done = 0;

	for (int i = 0; i < PARTS; i++) {
		if (to_ref)
			memcpy(ref + done, part[i].iov_base, part[i].iov_len);
		else
			memcpy(part[i].iov_base, ref + done, part[i].iov_len);
		done += part[i].iov_len;
	}
	return done;
}

/* Written and read by so many windows each, and not a byte beside the parts. */
static void vector(const char *what, char *buf, unsigned int windows)
{
	int fd = open("ram3", O_RDWR | O_TRUNC);
	char *got = map(ROOM, -1), text[100];
	long before = counter("windows ");
	size_t len;

	NEED(fd >= 0);
	fill(buf, ROOM);
	len = each(true);
	snprintf(text, sizeof(text), "writev of parts%s: %u", what, windows);
	OK(text, writev(fd, part, PARTS) == (ssize_t)len &&
			 counter("windows ") == before + windows);
	OK("each byte of it is right",
	   pread(fd, got, ROOM, 0) == (ssize_t)len && !memcmp(got, ref, len));
	memset(buf, 'g', ROOM);
	before = counter("windows ");
	snprintf(text, sizeof(text), "readv to parts%s: %u", what, windows);
	OK(text, preadv(fd, part, PARTS, 0) == (ssize_t)len &&
			 counter("windows ") == before + windows);
	memcpy(got, buf, ROOM);
	memset(buf, 'g', ROOM);
	each(false);
	OK("each byte of it is right, and of what is beside",
	   !memcmp(got, buf, ROOM));
	munmap(got, ROOM);
	close(fd);
}

static void vectors(void)
{
	char *buf = map(ROOM, -1);

	parts(buf);
	vector(" of whole pages", buf, 1);
	part[0].iov_base = (char *)part[0].iov_base + 100;
	part[0].iov_len -= 100;
	part[PARTS - 1].iov_len -= 300;
	vector(" whose ends are in pages", buf, 1);
	part[5].iov_len = 0;
	vector(" of which one is empty", buf, 1);
	part[7] = part[8];
	vector(" of which two are one", buf, 1);
	part[9].iov_len--;
	vector(" of which one ends in a page", buf, 2);
	part[3].iov_base = (char *)part[3].iov_base + 1;
	part[3].iov_len--;
	vector(" of which another begins in one", buf, 3);
	parts(buf);
	for (int i = 0; i < PARTS; i++)
		part[i].iov_len = 5 * PAGE;
	vector(" of 5 pages", buf, 1);
	munmap(buf, ROOM);
}

/* ---- FIEMAP ---- */

static void many_extents(void)
{
	int fd = make_extents("ram5", 5000);
	struct told t = extents(fd, 0);

	OK("5,000 extents are counted in one hand-off",
	   t.n == 5000 && t.handoffs == 1);
	t = extents(fd, 5000);
	OK("and told in one", t.n == 5000 && t.handoffs == 1 && t.last);
	t = extents(fd, 4999);
	OK("so are all but one", t.n == 4999 && t.handoffs == 1 && !t.last);
	t = extents(fd, 1);
	OK("and one", t.n == 1 && t.handoffs == 1 && !t.last);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	calls_begin(argv[1]);
	vectors();
	many_extents();
	return calls_end();
}
