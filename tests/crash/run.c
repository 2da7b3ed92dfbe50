// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * A workload: each call on the model, then on toyfs, and images at each moment
 * of the calls that are tried.
 */
#include <errno.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "toycheck.h"
#include "behind.h"
#include "compare.h"
#include "plugin.h"
#include "run.h"
#include "two.h"

#define TICK  1000 /* ns between calls */
#define LABEL "crash"

/* What toyfs said last of an error, for reports. */
static char said[256];

__attribute__((format(printf, 2, 3))) static void keep_log(int level,
							   const char *fmt, ...)
{
	va_list ap;

	if (level > TOY_LOG_ERR)
		return;
	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

static struct zus_fs_info *toyfs(void)
{
	if (!zus_find_fs("toyfs") && zus_plugin_init())
		abort();
	toy_log = keep_log;
	return zus_find_fs("toyfs");
}

/* ---- a call on toyfs ---- */

static const uint8_t *pattern(struct runner *r, unsigned int seq, uint64_t from,
			      uint64_t len)
{
	for (uint64_t i = 0; i < len; i++)
		r->bytes[i] = op_byte(seq, from + i);
	return r->bytes;
}

static int open_of(struct runner *r, const char *path)
{
	for (int i = 0; i < 4; i++)
		if (!strcmp(r->opens[i].path, path))
			return r->opens[i].fd;
	return kern_open(&r->k, path);
}

static void close_of(struct runner *r, int fd)
{
	for (int i = 0; i < 4; i++)
		if (*r->opens[i].path && r->opens[i].fd == fd)
			return;
	kern_close(&r->k, fd);
}

static int do_open(struct runner *r, const struct op *op)
{
	int fd = kern_open(&r->k, op->path);

	if (fd < 0)
		return fd;
	for (int i = 0; i < 4; i++) {
		if (*r->opens[i].path)
			continue;
		strcpy(r->opens[i].path, op->path);
		r->opens[i].fd = fd;
		return 0;
	}
	kern_close(&r->k, fd);
	return -EMFILE;
}

static int do_close(struct runner *r, const struct op *op)
{
	for (int i = 0; i < 4; i++) {
		if (strcmp(r->opens[i].path, op->path))
			continue;
		*r->opens[i].path = '\0';
		kern_close(&r->k, r->opens[i].fd);
		return 0;
	}
	return -EBADF;
}

/* A write that does a part on a full filesystem is no failure. */
static int do_write(struct runner *r, int fd, uint64_t from, uint64_t len,
		    unsigned int seq)
{
	ssize_t n =
		kern_write(&r->k, fd, from, pattern(r, seq, from, len), len);

	return n < 0 ? (int)n : n < (ssize_t)len ? -ENOSPC : 0;
}

static int file_call(struct runner *r, const struct op *op, int fd,
		     unsigned int seq)
{
	struct kern *k = &r->k;

	switch (op->code) {
	case OP_WRITE:
		return do_write(r, fd, op->a, op->b, seq);
	case OP_APPEND:
		return do_write(r, fd, kern_size(k, fd), op->a, seq);
	case OP_TRUNCATE:
		return kern_truncate(k, fd, op->a);
	case OP_FALLOC:
		return kern_fallocate(k, fd, 0, op->a, op->b);
	case OP_KEEP:
		return kern_fallocate(k, fd, FALLOC_FL_KEEP_SIZE, op->a, op->b);
	case OP_PUNCH:
		return kern_fallocate(
			k, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			op->a, op->b);
	case OP_ZERO:
		return kern_fallocate(k, fd, FALLOC_FL_ZERO_RANGE, op->a,
				      op->b);
	case OP_SCRIBBLE:
		return kern_scribble(k, fd,
				     pattern(r, seq, 0, ZUFS_BLOCK_SIZE));
	default:
		return kern_fsync(k, fd);
	}
}

static int on_file(struct runner *r, const struct op *op, unsigned int seq)
{
	int fd = open_of(r, op->path), err;

	if (fd < 0)
		return fd;
	err = file_call(r, op, fd, seq);
	r->in_part = err;
	close_of(r, fd);
	return err;
}

static int do_tmplink(struct runner *r, const struct op *op, unsigned int seq)
{
	int fd = kern_tmpfile(&r->k, "", 0644), err;

	if (fd < 0)
		return fd;
	err = do_write(r, fd, 0, op->a, seq);
	if (!err)
		err = kern_linkfd(&r->k, fd, op->path);
	r->in_part = err;
	kern_close(&r->k, fd);
	return err;
}

static int do_remount(struct runner *r)
{
	for (int i = 0; i < 4; i++)
		*r->opens[i].path = '\0';
	/* Files that it closes answer nobody. */
	r->in_part = true;
	kern_umount(&r->k);
	return kern_mount(&r->k, toyfs(), r->live.ro, RUN_BYTES, 0);
}

int runner_call(struct runner *r, const struct op *op, unsigned int seq)
{
	struct kern *k = &r->k;
	char text[4096];

	switch (op->code) {
	case OP_CREATE:
		return kern_create(k, op->path, 0644);
	case OP_MKDIR:
		return kern_mkdir(k, op->path, 0755);
	case OP_FIFO:
		return kern_mknod(k, op->path, S_IFIFO | 0644, 0);
	case OP_CHR:
		return kern_mknod(k, op->path, S_IFCHR | 0644, makedev(1, 3));
	case OP_SYMLINK:
		memset(text, 'x', op->a);
		text[op->a] = '\0';
		return kern_symlink(k, op->path, text);
	case OP_LINK:
		return kern_link(k, op->path, op->other);
	case OP_UNLINK:
		return kern_unlink(k, op->path);
	case OP_RMDIR:
		return kern_rmdir(k, op->path);
	case OP_RENAME:
		return kern_rename(k, op->path, op->other, 0);
	case OP_EXCHANGE:
		return kern_rename(k, op->path, op->other, RENAME_EXCHANGE);
	case OP_WHITEOUT:
		return kern_rename(k, op->path, op->other, RENAME_WHITEOUT);
	case OP_CHMOD:
		return kern_chmod(k, op->path, (uint32_t)op->a);
	case OP_CHOWN:
		return kern_chown(k, op->path, (uint32_t)op->a, 0);
	case OP_CHATTR:
		return kern_chattr(k, op->path, (uint16_t)op->a,
				   (uint32_t)op->b, (uint32_t)op->b);
	case OP_UTIMES:
		return kern_utimes(k, op->path, (int64_t)op->a, (int64_t)op->a);
	case OP_SETXATTR:
		return kern_setxattr(k, op->path, op->other,
				     pattern(r, seq, 0, op->a), (uint32_t)op->a,
				     0);
	case OP_RMXATTR:
		return kern_removexattr(k, op->path, op->other);
	case OP_SETACL:
		return kern_setacl(k, op->path, (uint32_t)op->a,
				   pattern(r, seq, 0, op->b), (uint32_t)op->b);
	case OP_OPEN:
		return do_open(r, op);
	case OP_CLOSE:
		return do_close(r, op);
	case OP_TMPLINK:
		return do_tmplink(r, op, seq);
	case OP_REMOUNT:
		return do_remount(r);
	default:
		return on_file(r, op, seq);
	}
}

/* ---- looking at an image ---- */

static char problem[256], difference[1024];

static bool found(void *arg, const struct toy_problem *p)
{
	(void)arg;
	if (!*problem)
		snprintf(problem, sizeof(problem),
			 "fsck: %s (ino %llu, block %llu)", p->text,
			 (unsigned long long)p->ino, (unsigned long long)p->bn);
	return false;
}

/* @bfree: the free blocks that statfs(2) counted. */
static const char *check(char *addr, uint64_t bfree)
{
	struct toy_check_opts opts = { .found = found };
	struct toy_check_result res;
	const char *why;
	struct toy_fs fs;
	int err = toy_open(&fs, addr, RUN_BYTES, &why);

	*problem = '\0';
	if (err)
		return "fsck: it can't be opened";
	err = toy_recover(&fs);
	if (!err)
		err = toy_check(&fs, &opts, &res);
	toy_close(&fs);
	if (*problem)
		return problem;
	if (err)
		return "fsck: it can't be checked";
	if (res.blocks - res.blocks_used != bfree)
		return "statfs: another number of free blocks";
	return NULL;
}

/* @is: the model that it is; or what differs from the one that it resembles more. */
static const char *compare_allowed(struct runner *r, const struct model **is)
{
	unsigned int most = 0, same;

	for (int i = 0; i < RUN_ALLOWED && r->allowed[i]; i++) {
		const char *wrong = compare(r->allowed[i], &r->look, &same);

		*is = r->allowed[i];
		if (!wrong)
			return NULL;
		if (i && same <= most)
			continue;
		most = same;
		snprintf(difference, sizeof(difference), "%s", wrong);
	}
	return difference;
}

static const char *look(void *arg)
{
	struct runner *r = arg;
	char *addr = r->im.work.ro;
	struct zufs_ioc_statfs st;
	const struct model *is;
	const char *wrong;
	char label[32];
	int err = kern_mount(&r->look, toyfs(), addr, RUN_BYTES, 0);

	if (err)
		return "it can't be mounted";
	/* Threads that use it from now on say that it is done. */
	if (r->im.work.nr)
		wrong = "what the mount stored isn't durable";
	else
		wrong = compare_allowed(r, &is);
	if (!wrong && kern_statfs(&r->look, &st))
		wrong = "statfs fails";
	if (!wrong && (kern_label(&r->look, label, sizeof(label)) ||
		       strcmp(label, LABEL)))
		wrong = "another label";
	if (!wrong && behind_any(is)) {
		imager_changes(&r->im);
		wrong = behind_check(is, &r->look);
	}
	kern_umount(&r->look);
	return wrong ? wrong : check(addr, st.bfree);
}

/* ---- moments ---- */

static void allow(struct runner *r, struct model *a, struct model *b)
{
	memset(r->allowed, 0, sizeof(r->allowed));
	r->allowed[0] = a;
	r->allowed[1] = b;
	r->im.state = model_sum(a) ^ (b ? model_sum(b) * 3 : 0);
}

static void live_fence(struct rec_region *live, void *arg)
{
	struct imager *im = arg;
	struct runner *r = im->arg;
	uint64_t line;

	r->fences++;
	if (!rec_verify(live, &line) && !r->wrong)
		r->wrong = "the memory isn't what was stored to it";
	if (r->trying)
		imager_point(im);
	two_fence();
}

/* The call's caller may know by now that it is done. */
static void live_answered(struct kern *k)
{
	struct runner *r = k->arg;

	if (r->trying && !r->in_part && !two_answered(k))
		allow(r, r->allowed[0], NULL);
}

/* ---- workloads ---- */

static void now(struct runner *r, struct model *m, int i)
{
	m->now = r->start.now + (i + 1) * TICK;
	r->k.now = m->now;
}

/* By turns: what one leaves without a fence, the other's fence doesn't make durable. */
static void on_thread(int i)
{
	rec_thread = i % 2;
	zus_local_channel((unsigned int)i % 2);
}

static int try_call(struct runner *r, struct model *before, struct model *after,
		    const struct op *op, int i)
{
	int err;

	model_during(before, after, op);
	allow(r, after, before);
	r->trying = true;
	r->in_part = false;
	err = runner_call(r, op, (unsigned int)i);
	r->trying = false;
	if (err == -ENOSPC && r->base->full)
		return err; /* in part */
	if (err && !r->wrong) {
		snprintf(r->text, sizeof(r->text), "the call fails: %s",
			 strerror(-err));
		r->wrong = r->text;
	}
	allow(r, after, NULL);
	if (!r->wrong && !r->im.wrong)
		imager_point(&r->im);
	return err;
}

/* Returns false if the workload ends here: the call can't be made. */
static bool step(struct runner *r, struct model *m, const struct workload *w,
		 int i)
{
	const struct op *op = &w->ops[i];
	struct model after;
	int err;

	now(r, m, i);
	on_thread(i);
	model_copy(&after, m);
	err = model_apply(&after, op, (unsigned int)i);
	if (err) {
		model_free(&after);
		return false;
	}
	r->call = i;
	r->calls++;
	if (i >= w->from)
		err = try_call(r, m, &after, op, i);
	else
		err = runner_call(r, op, (unsigned int)i);
	model_free(m);
	*m = after;
	return !err;
}

bool runner_begin(struct runner *r)
{
	r->wrong = *r->broken ? r->broken : NULL;
	r->im.wrong = NULL;
	r->im.nested_failed = false;
	r->call = -1;
	if (r->wrong)
		return false;
	*said = '\0';
	memset(r->opens, 0, sizeof(r->opens));
	on_thread(0);
	r->live.paused = false;
	if (!kern_mount(&r->k, toyfs(), r->live.ro, RUN_BYTES, 0))
		return true;
	r->live.paused = true;
	r->wrong = "the base can't be mounted";
	return false;
}

const char *runner_end(struct runner *r)
{
	on_thread(0);
	kern_kill(&r->k);
	r->live.paused = true;
	imager_reset(&r->im);
	return r->wrong ? r->wrong : r->im.wrong;
}

const char *runner_run(struct runner *r, const struct workload *w)
{
	struct model m;

	if (!runner_begin(r))
		return r->wrong;
	model_copy(&m, &r->start);
	for (int i = 0; i < w->n && !r->wrong && !r->im.wrong; i++)
		if (!step(r, &m, w, i))
			break;
	model_free(&m);
	return runner_end(r);
}

/* ---- bases ---- */

/* -ENOSPC: nothing was done. */
static int setup_call(struct runner *r, const struct op *op, unsigned int seq)
{
	struct model before;
	char text[256];
	int err;

	r->start.now += TICK;
	r->k.now = r->start.now;
	model_copy(&before, &r->start);
	err = model_apply(&r->start, op, seq);
	if (!err)
		err = runner_call(r, op, seq);
	if (err == -ENOSPC && r->base->full) {
		model_free(&r->start);
		r->start = before;
		return err;
	}
	model_free(&before);
	if (!err || *r->broken)
		return err;
	op_print(op, text, sizeof(text));
	snprintf(r->broken, sizeof(r->broken), "the base isn't made: %s: %s",
		 text, strerror(-err));
	return err;
}

/* D: one leaf with no room for a long name. E: two leaves. */
static void setup_names(struct runner *r)
{
	struct op op = { .code = OP_CREATE };

	for (unsigned int i = 0; i < 130; i++) {
		snprintf(op.path, OP_PATH,
			 "%c/a-name-that-is-long-enough-to-fill-a-leaf-%u",
			 i < 50 ? 'D' : 'E', i < 50 ? i : i - 50);
		setup_call(r, &op, 100 + i);
	}
}

/* A node of the map is full, behind the size: nobody has to compare it. */
static void setup_extents(struct runner *r)
{
	struct op op = { .code = OP_KEEP, .path = "f", .b = ZUFS_BLOCK_SIZE };

	for (unsigned int i = 0; i < TOY_NODE_RECS; i++) {
		op.a = (uint64_t)i * 2 * ZUFS_BLOCK_SIZE;
		setup_call(r, &op, 100 + i);
	}
}

/* All that can be had, behind the size of a file. */
static void setup_full(struct runner *r)
{
	struct op op = { .code = OP_KEEP, .path = "big", .b = RUN_BYTES };

	for (; op.b >= ZUFS_BLOCK_SIZE; op.b /= 2)
		while (!setup_call(r, &op, 0))
			op.a += op.b;
	/* Those that failed may have set the times. */
	op.code = OP_UTIMES;
	setup_call(r, &op, 0);
}

static void setup(struct runner *r)
{
	static const struct zufs_dev_id devs[2] = {
		{ .uuid = { 4 }, .blocks = RUN_BYTES / TOY_BLOCK / 2 },
		{ .uuid = { 5 }, .blocks = RUN_BYTES / TOY_BLOCK / 2 },
	};
	struct toy_mkfs_opts o = { .label = LABEL,
				   .uuid = { 1, 2, 3 },
				   .blocks = RUN_BYTES / TOY_BLOCK,
				   .nr_devs = 2,
				   .devs = devs,
				   .time = r->start.now,
				   .seed = { 11, 22 } };
	const char *text = r->base->setup;
	struct op op;

	/* What was there before, which is nobody's. */
	memset(r->live.rw, OP_OLD_BYTE, RUN_BYTES);
	if (toy_mkfs(r->live.ro, RUN_BYTES, &o) ||
	    kern_mount(&r->k, toyfs(), r->live.ro, RUN_BYTES, 0))
		abort();
	for (unsigned int seq = 50; *text; seq++) {
		if (op_parse(text, &op, &text))
			abort();
		setup_call(r, &op, seq);
	}
	if (!strcmp(r->base->name, "names"))
		setup_names(r);
	if (!strcmp(r->base->name, "extents"))
		setup_extents(r);
	if (r->base->full)
		setup_full(r);
	kern_umount(&r->k);
	for (int i = 0; i < M_NODES; i++)
		model_settle(&r->start, i);
}

int runner_init(struct runner *r, const struct base *base)
{
	char *content;
	int err;

	memset(r, 0, sizeof(*r));
	r->base = base;
	r->k.ask = base->ask;
	r->k.answered = live_answered;
	r->k.arg = r;
	r->bytes = malloc(M_BYTES);
	r->other_bytes = malloc(M_BYTES);
	if (!r->bytes || !r->other_bytes)
		return -ENOMEM;
	model_init(&r->start, 1000000);
	r->start.full = base->full;
	err = rec_region_new(&r->live, RUN_BYTES);
	if (err)
		return err;
	setup(r);
	content = malloc(RUN_BYTES);
	if (!content)
		return -ENOMEM;
	memcpy(content, r->live.ro, RUN_BYTES);
	err = imager_init(&r->im, &r->live, content);
	free(content);
	r->live.on_fence = live_fence;
	r->live.paused = true;
	r->im.look = look;
	r->im.arg = r;
	r->im.seed = 1;
	return err;
}

/* ---- reports ---- */

void runner_report(const struct runner *r, const struct workload *w)
{
	const struct image *img = &r->im.failed;
	char text[OP_MAX * 64], op[256] = "";

	op_print_all(w->ops, r->call + 1, text, sizeof(text));
	if (r->call >= 0)
		op_print(&w->ops[r->call], op, sizeof(op));
	fprintf(stderr, "FAILURE: %s\n  workload: %s\n  call: %s\n",
		r->wrong ? r->wrong : r->im.wrong, text, op);
	if (*said)
		fprintf(stderr, "  toyfs said: %s\n", said);
	if (!r->wrong) {
		fprintf(stderr, "  lines in flight%s:\n",
			r->im.nested_failed ? ", then a crash of the recovery" :
					      "");
		for (unsigned int i = 0; i < img->nr; i++)
			fprintf(stderr, "    block %llu + %4llu: %s  %s\n",
				(unsigned long long)(img->l[i].n / 64),
				(unsigned long long)(img->l[i].n % 64 * LINE),
				img->l[i].torn ? "torn" :
				img->l[i].in   ? "kept" :
						 "lost",
				*img->l[i].where ? img->l[i].where : "kernel");
	}
	fprintf(stderr, "  again: tests/crash/%s --base %s --run '%s'\n",
		program_invocation_short_name, r->base->name,
		*text ? text : "remount");
}
