/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * An image of toyfs in memory, for the tests of its library.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "toyimage.h"

char *image;
struct toy_fs fs;
int logged;

__attribute__((format(printf, 2, 3))) static void
count_log(int level, const char *fmt, ...)
{
	(void)fmt;
	logged += level == TOY_LOG_ERR;
}

char *map_image(void)
{
	char *p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert(p != MAP_FAILED);
	return p;
}

void open_image(void *base)
{
	const char *why = NULL;
	int err = toy_open(&fs, base, BYTES, &why);

	ck_assert_msg(!err, "open: %d %s", err, why ? why : "");
	ck_assert_int_eq(toy_recover(&fs), 0);
}

void image_new(void)
{
	struct toy_mkfs_opts o = { .label = "test",
				   .uuid = { 1, 2, 3 },
				   .blocks = BYTES / TOY_BLOCK,
				   .time = 1234,
				   .seed = { 5, 6 } };

	toy_log = count_log;
	logged = 0;
	image = map_image();
	ck_assert_int_eq(toy_mkfs(image, BYTES, &o), 0);
	open_image(image);
}

void image_end(void)
{
	toy_close(&fs);
	munmap(image, BYTES);
}

void reopen(void)
{
	toy_close(&fs);
	open_image(image);
}

struct toy_tx *begin(unsigned int channel)
{
	struct toy_tx *tx;

	ck_assert_int_eq(toy_tx_begin(&fs, channel, &tx), 0);
	return tx;
}

uint64_t count_free(void)
{
	uint64_t n;

	ck_assert_int_eq(toy_count_free(&fs, &n), 0);
	return n;
}

uint32_t rnd(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*seed >> 33);
}

uint64_t make_inode(unsigned int channel)
{
	struct toy_tx *tx = begin(channel);
	struct toy_slot *s;
	uint64_t ino;

	ck_assert_int_eq(toy_slot_alloc(tx, &ino, &s), 0);
	s->zi.i_mode = htole16(S_IFREG | 0644);
	s->zi.i_nlink = htole32(1);
	ck_assert_int_eq(toy_tx_commit(tx), 0);
	return ino;
}

struct toy_tree map_of(struct toy_tx *tx, uint64_t ino)
{
	struct toy_slot *s;

	ck_assert_int_eq(toy_slot_get(tx, ino, &s), 0);
	return (struct toy_tree){ &fs, tx, &s->map, ino };
}

struct toy_tree ro_map_of(uint64_t ino)
{
	const struct toy_slot *s;

	ck_assert_int_eq(toy_slot_read(&fs, ino, &s), 0);
	return (struct toy_tree){ &fs, NULL,
				  (struct toy_root *)(uintptr_t)&s->map, ino };
}
