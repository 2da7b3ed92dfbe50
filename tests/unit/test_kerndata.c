// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Data of the crash explorer's kernel on toyfs, against buffers: writes,
 * truncates, fallocates at random.
 */
#include "kernvol.h"

#define FILES 3
#define ROOM  (512U << 10) /* of a file */
#define STEPS 3000

struct file {
	int fd;
	uint64_t size;
	char bytes[ROOM]; /* zeros behind the size */
};

static struct file files[FILES];
static char buf[ROOM];
static struct kern k;
static bool full; /* no space may be left */
static uint64_t seed;

static uint64_t below(uint64_t n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % n;
}

/* Often near the edge of a block, or the size. */
static uint64_t some_pos(const struct file *f)
{
	uint64_t near = below(3) ? below(ROOM / BLK) * BLK : f->size;
	uint64_t pos = below(4) ? near + below(9) : below(ROOM);

	return pos < ROOM ? pos : ROOM - 1;
}

static uint64_t some_len(uint64_t pos)
{
	static const uint64_t most[] = { 9, 200, 2 * BLK, 20 * BLK, ROOM / 2 };
	uint64_t len = 1 + below(most[below(5)]);

	return len < ROOM - pos ? len : ROOM - pos;
}

/* Done, or there was no space, which is fine on a full volume. */
static bool done(int64_t err)
{
	if (full && err == -ENOSPC)
		return false;
	ck_assert_msg(err >= 0, "error %d", (int)err);
	return true;
}

static void grow(struct file *f, uint64_t size)
{
	f->size = size > f->size ? size : f->size;
}

/* ---- steps ---- */

static void write_some(struct file *f)
{
	uint64_t pos = below(5) ? some_pos(f) : f->size;
	uint64_t len = some_len(pos);
	ssize_t n;

	if (!len)
		return;
	for (uint64_t i = 0; i < len; i++)
		buf[i] = (char)(1 + below(255));
	n = kern_write(&k, f->fd, pos, buf, len);
	if (!done(n))
		return;
	ck_assert(full || (uint64_t)n == len);
	memcpy(f->bytes + pos, buf, n);
	grow(f, pos + n);
}

static void truncate_some(struct file *f)
{
	uint64_t size = some_pos(f);

	if (!done(kern_truncate(&k, f->fd, size)))
		return;
	if (size < f->size)
		memset(f->bytes + size, 0, f->size - size);
	f->size = size;
}

/* On a full volume none that may do a part of its zeros. */
static void fallocate_some(struct file *f)
{
	static const int modes[] = {
		0,
		FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
		FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_KEEP_SIZE | FALLOC_FL_ZERO_RANGE,
	};
	int mode = modes[below(full ? 2 : 5)];
	uint64_t pos = some_pos(f), len = some_len(pos);

	if (!done(kern_fallocate(&k, f->fd, mode, pos, len)))
		return;
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		memset(f->bytes + pos, 0, len);
	if (!(mode & FALLOC_FL_KEEP_SIZE))
		grow(f, pos + len);
}

static void compare(const struct file *f, uint64_t pos, uint64_t len)
{
	uint64_t left = pos < f->size ? f->size - pos : 0;
	uint64_t want = len < left ? len : left;

	ck_assert_uint_eq(kern_size(&k, f->fd), f->size);
	ck_assert_int_eq(kern_read(&k, f->fd, pos, buf, len), (int64_t)want);
	for (uint64_t i = 0; i < want; i++)
		if (buf[i] != f->bytes[pos + i])
			ck_abort_msg("byte %lu of file %d is %d, not %d",
				     (unsigned long)(pos + i), (int)(f - files),
				     buf[i], f->bytes[pos + i]);
}

static void open_all(void)
{
	char path[] = "0";

	for (int i = 0; i < FILES; i++) {
		path[0] = (char)('0' + i);
		files[i].fd = kern_open(&k, path);
		ck_assert_int_ge(files[i].fd, 0);
		compare(&files[i], 0, ROOM);
	}
}

/* A umount, or a power cut; all that was answered is there. */
static void mount_again(bool cut)
{
	if (cut)
		kern_kill(&k);
	else
		kern_umount(&k);
	kern_again(&k, 0);
	open_all();
}

static void step(struct file *f)
{
	uint64_t pos = some_pos(f);
	char path[] = "0";

	switch (below(full ? 12 : 20)) {
	case 0:
		compare(f, pos, some_len(pos));
		return;
	case 1:
		OK(kern_fsync(&k, f->fd));
		return;
	case 2:
		path[0] = (char)('0' + (f - files));
		OK(kern_close(&k, f->fd));
		f->fd = kern_open(&k, path);
		compare(f, 0, ROOM);
		return;
	case 3:
		if (!below(10))
			mount_again(below(2));
		return;
	case 4:
	case 5:
		truncate_some(f);
		return;
	case 6:
	case 7:
		fallocate_some(f);
		return;
	default:
		write_some(f);
		return;
	}
}

static void run(uint64_t with)
{
	char path[] = "0";

	seed = with;
	memset(files, 0, sizeof(files));
	for (int i = 0; i < FILES; i++) {
		path[0] = (char)('0' + i);
		OK(kern_create(&k, path, 0644));
	}
	open_all();
	for (int i = 0; i < STEPS; i++) {
		k.now++;
		step(&files[below(FILES)]);
	}
	mount_again(false);
}

/* Free blocks were somebody's. */
static void fill_free(void)
{
	uint64_t at = 0;
	int fd = open_new(&k, "junk");

	memset(buf, 'j', ROOM);
	for (ssize_t n = 1; n > 0; at += n > 0 ? n : 0)
		n = kern_write(&k, fd, at, buf, ROOM);
	ck_assert_uint_gt(at, 10 * MIB);
	OK(kern_close(&k, fd));
	OK(kern_unlink(&k, "junk"));
}

START_TEST(random_data)
{
	full = false;
	kern_new(&k, 16);
	fill_free();
	run(_i + 1);
	kern_end(&k);
}
END_TEST

/* Some blocks are left for all three files together. */
START_TEST(random_full)
{
	uint64_t left;
	int fd;

	full = true;
	kern_new(&k, 16);
	fill_free();
	left = blocks_free(&k);
	fd = open_new(&k, "filler");
	OK(kern_fallocate(&k, fd, 0, 0, (left - 150) * BLK));
	OK(kern_close(&k, fd));
	run(_i + 1);
	kern_end(&k);
}
END_TEST

/* Where the only text like @mark is. */
static char *on_media(const char *mark)
{
	char *p = memmem(k.addr, k.bytes, mark, strlen(mark));

	ck_assert_ptr_nonnull(p);
	return p;
}

static bool zeros_behind(const char *p, uint64_t size)
{
	for (uint64_t i = size; i < BLK; i++)
		if (p[i])
			return false;
	return true;
}

/* Blocks that become a file's have nothing of others behind the size. */
START_TEST(clean_tails)
{
	static const char mark[] = "the text of a tail";
	char *p;
	int fd;

	kern_new(&k, 16);
	fill_free();
	fd = open_new(&k, "f");
	ck_assert_int_eq(kern_write(&k, fd, 0, mark, sizeof(mark)),
			 sizeof(mark));
	p = on_media(mark);
	ck_assert(zeros_behind(p, sizeof(mark)));
	memset(buf, 'x', BLK);
	ck_assert_int_eq(kern_write(&k, fd, sizeof(mark), buf, 1000), 1000);
	OK(kern_truncate(&k, fd, 300));
	ck_assert(zeros_behind(p, 300));
	kern_end(&k);
}
END_TEST

/* A power cut may leave something there; who makes the size larger doesn't show it. */
START_TEST(dirty_tails)
{
	static const char mark[] = "the text of a tail";
	uint64_t size = sizeof(mark);
	char *p;
	int fd;

	kern_new(&k, 16);
	fd = open_new(&k, "f");
	ck_assert_int_eq(kern_write(&k, fd, 0, mark, size), (int)size);
	p = on_media(mark);
	for (int way = 0; way < 5; way++) {
		OK(kern_truncate(&k, fd, size));
		memset(p + size, 'x', BLK - size);
		switch (way) {
		case 0:
			ck_assert_int_eq(kern_write(&k, fd, 3000, "x", 1), 1);
			break;
		case 1:
			ck_assert_int_eq(kern_write(&k, fd, 3 * BLK, "x", 1),
					 1);
			break;
		case 2:
			OK(kern_truncate(&k, fd, 3000));
			break;
		case 3:
			OK(kern_truncate(&k, fd, 3 * BLK));
			break;
		default:
			OK(kern_fallocate(&k, fd, 0, 2 * BLK, BLK));
			break;
		}
		ck_assert_int_ge(kern_read(&k, fd, 0, buf, 3000), 3000);
		ck_assert_mem_eq(buf, mark, size);
		for (uint64_t i = size; i < 3000; i++)
			ck_assert_msg(!buf[i], "way %d: byte %d", way, (int)i);
	}
	kern_end(&k);
}
END_TEST

/* What one file was granted ahead is there when another one needs it. */
START_TEST(grants_come_back)
{
	uint64_t size = 0;
	int a, b;
	ssize_t n;

	kern_new(&k, 16);
	a = open_new(&k, "a");
	b = open_new(&k, "b");
	memset(buf, 'a', BLK);
	for (int i = 0; i < 300; i++, size += BLK)
		ck_assert_int_eq(kern_write(&k, a, size, buf, BLK), BLK);
	memset(buf, 'b', BLK);
	for (size = 0; (n = kern_write(&k, b, size, buf, BLK)) > 0; size += n)
		;
	ck_assert_int_eq(n, -ENOSPC);
	FAILS(kern_write(&k, a, kern_size(&k, a), buf, BLK), ENOSPC);
	OK(kern_truncate(&k, b, size / 2));
	ck_assert_int_eq(kern_write(&k, a, kern_size(&k, a), buf, BLK), BLK);
	kern_end(&k);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { clean_tails, dirty_tails,
				       grants_come_back, NULL };
	Suite *s = suite_create("kerndata");
	TCase *t = tcase_create("random");

	add_case(s, "kerndata", tests, NULL, NULL);
	tcase_set_timeout(t, TEST_SECONDS);
	tcase_add_loop_test(t, random_data, 0, 4);
	tcase_add_loop_test(t, random_full, 0, 4);
	suite_add_tcase(s, t);
	return run_suite(s);
}
