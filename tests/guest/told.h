/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For programs that compare what an application asks for with what the server is
 * told, and what the server answers with what the application sees: see tap.h.
 */
#ifndef ZUFS_TESTS_TOLD_H
#define ZUFS_TESTS_TOLD_H

#include <stddef.h>
#include <sys/mman.h>
#include <time.h>

#include "calls.h"
#include "tap.h"
#include "zus_api.h"

static struct tap *tap;

/* The last one of a message, as the kernel sent it and as it was answered; and the one before. */
#define SENT(what, type) \
	((const struct type *)tap->sent[what].bytes[tap->sent[what].count % 2])
#define SENT_BEFORE(what, type)               \
	((const struct type *)tap->sent[what] \
		 .bytes[(tap->sent[what].count + 1) % 2])
#define ANSWERED(what, type)                      \
	((const struct type *)tap->answered[what] \
		 .bytes[tap->answered[what].count % 2])
#define ZIM(op) SENT(TAP_MOUNT + (op), zufs_ioc_mount)

static inline void told_begin(void)
{
	const char *name = getenv(TAP_ENV);
	int fd = name ? open(name, O_RDWR) : -1;

	NEED(fd >= 0);
	tap = mmap(NULL, sizeof(*tap), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	NEED(tap != MAP_FAILED);
	close(fd);
}

/* ---- what was sent since ---- */

static struct {
	uint64_t count[TAP_NR];
	int64_t time;	 /* ns, of the clock that files' times are of */
	uint64_t unique; /* the highest that was met */
} since;

static inline int64_t told_ns(struct timespec t)
{
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static inline int64_t told_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	return told_ns(t);
}

static inline void mark(void)
{
	for (int i = 0; i < TAP_NR; i++)
		since.count[i] = tap->sent[i].count;
	since.time = told_now();
}

/* How many since mark(). */
static inline unsigned int times(int what)
{
	return (unsigned int)(tap->sent[what].count - since.count[what]);
}

/* The background channel sends it some time. */
static inline bool comes(int what)
{
	for (int i = 0; i < 200 && !times(what); i++)
		usleep(50000);
	return times(what) != 0;
}

static inline bool is_ref(const struct zufs_iref *a, const struct zufs_iref *b)
{
	return a->handle == b->handle && a->ino == b->ino &&
	       a->generation == b->generation;
}

static inline struct zufs_iref ref_of(const struct zufs_attr *attr)
{
	return (struct zufs_iref){ attr->handle, attr->zi.i_ino,
				   attr->zi.i_generation };
}

static inline struct zufs_iref root_ref(void)
{
	return ref_of(
		&ANSWERED(TAP_MOUNT + ZUFS_M_MOUNT, zufs_ioc_mount)->root);
}

/*
 * One such operation since mark(), the last one of all, begins as each has to.
 * @in: its bytes, and where its outputs begin; @end: of their room.
 */
static inline bool told(int nr, const struct zufs_iref *ii, size_t in,
			size_t out, size_t end)
{
	const struct zufs_ioc_op *op = SENT(nr, zufs_ioc_op);
	const struct zufs_ioc_hdr *h = &op->hdr;
	bool good = times(nr) == 1 && h->operation == nr && !h->err &&
		    !h->flags && h->in_len == in && h->out_start == out &&
		    h->out_max == end - out && !h->out_len &&
		    h->unique > since.unique &&
		    op->sb_id == ZIM(ZUFS_M_MOUNT)->sb_id &&
		    op->time >= since.time && op->time <= told_now() &&
		    is_ref(&op->ii, ii);

	since.unique = h->unique;
	return good;
}

/* Of a fixed size, whose first output is @first. */
#define TOLD(nr, ii, type, first)                  \
	told(nr, ii, offsetof(struct type, first), \
	     offsetof(struct type, first), sizeof(struct type))
/* Without any outputs. */
#define TOLD_IN(nr, ii, type)                                  \
	told(nr, ii, sizeof(struct type), sizeof(struct type), \
	     sizeof(struct type))

static inline bool is_str(const struct zufs_str *s, const char *name)
{
	return s->len == strlen(name) && !memcmp(s->name, name, s->len);
}

/* ---- what is answered from now on ---- */

static inline void change(unsigned int what, size_t off, size_t size,
			  uint64_t value)
{
	int i = 0;

	while (tap->change[i].on)
		NEED(++i < TAP_CHANGES);
	tap->change[i] = (struct tap_change){ what, (uint32_t)off,
					      (uint32_t)size, 1, value };
}

#define CHANGE(what, type, field, value)           \
	change(what, offsetof(struct type, field), \
	       sizeof(((struct type *)0)->field), value)

static inline void change_nothing(void)
{
	memset(tap->change, 0, sizeof(tap->change));
}

/* Nothing is known of files without a descriptor. */
static inline void forget(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	sync();
	for (int i = 0; i < 3; i++)
		NEED(write(fd, "3", 1) == 1);
	close(fd);
}

/* As new_encode_dev() of the kernel has it. */
static inline uint32_t dev_of(unsigned int major, unsigned int minor)
{
	return (minor & 0xff) | major << 8 | (minor & ~0xffU) << 12;
}

#endif
