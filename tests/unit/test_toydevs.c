// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * toyfs on several devices: where blocks are allocated, and device tables that
 * lie or are broken.
 */
#include "kernvol.h"
#include "suite.h"
#include "toycheck.h"
#include "tx.h"

#define MIBS 16U /* of each device */
#define DEVS 3U
#define EACH ((uint64_t)MIBS * MIB / BLK)
#define ALL  (DEVS * EACH)

static struct kern k;

static void make_fs(const int nodes[DEVS])
{
	struct zufs_dev_id devs[DEVS] = { 0 };
	struct toy_mkfs_opts o = { .uuid = { 1 },
				   .blocks = ALL,
				   .time = 1,
				   .nr_devs = DEVS,
				   .devs = devs };

	for (unsigned int d = 0; d < DEVS; d++) {
		devs[d].uuid[0] = (uint8_t)(d + 1);
		devs[d].blocks = htole64(EACH);
		devs[d].numa_node = htole16(nodes[d] < 0 ? 0xffff : nodes[d]);
	}
	k = (struct kern){ .addr = map_temp(DEVS * MIBS * MIB),
			   .bytes = DEVS * MIBS * MIB,
			   .now = NOW };
	OK(toy_mkfs(k.addr, k.bytes, &o));
}

static void set_up(void)
{
	static const int nodes[DEVS] = { 0, 1, 0 };

	make_fs(nodes);
	kern_again(&k, 0);
}

static void tear_down(void)
{
	zus_local_node(-1);
	munmap(k.addr, k.bytes);
}

/* As much as there is room for. */
static uint64_t write_file(const char *file, uint64_t bytes)
{
	static char buf[64 * BLK];
	int fd = open_new(&k, file);
	uint64_t at = 0;
	ssize_t n = 1;

	memset(buf, 'd', sizeof(buf));
	for (; n > 0 && at<bytes; at += n> 0 ? (uint64_t)n : 0)
		n = kern_write(&k, fd, at, buf, sizeof(buf));
	kern_close(&k, fd);
	return at;
}

static uint64_t blocks_on[DEVS];

/* No extent crosses a border, or has a table. */
static void count_extent(const struct zufs_extent *e)
{
	uint64_t d = e->pblk / EACH, at = e->pblk % EACH;

	if (e->flags & ZUFS_EXT_HOLE)
		return;
	ck_assert_uint_lt(d, DEVS);
	ck_assert_uint_le(at + e->len, EACH);
	ck_assert_uint_ne(at, 0);
	ck_assert(at > 511 || at + e->len <= 511);
	blocks_on[d] += e->len;
}

/* How many blocks of a file each device has. */
static void count_blocks(const char *file)
{
	struct zus_inode zi = stat_of(&k, file);
	uint64_t end = (le64toh(zi.i_size) + BLK - 1) / BLK, at = 0;
	const struct toy_slot *s;
	struct zufs_extent ext[16];
	struct toy_root root;
	struct toy_tree t;
	struct toy_fs fs;
	const char *why;

	memset(blocks_on, 0, sizeof(blocks_on));
	OK(toy_open(&fs, k.addr, k.bytes, &why));
	OK(toy_slot_read(&fs, le64toh(zi.i_ino), &s));
	root = s->map;
	t = (struct toy_tree){ .fs = &fs,
			       .root = &root,
			       .owner = le64toh(zi.i_ino) };
	while (at < end) {
		int n = toy_map_get(&t, at, end, ext, 16);

		ck_assert_int_gt(n, 0);
		for (int i = 0; i < n; i++)
			count_extent(&ext[i]);
		at = ext[n - 1].lblk + ext[n - 1].len;
	}
	toy_close(&fs);
}

/* ---- allocation ---- */

START_TEST(local_first)
{
	zus_local_node(1);
	write_file("one", 5 * MIB);
	zus_local_node(0);
	write_file("zero", 5 * MIB);
	count_blocks("one");
	ck_assert_uint_eq(blocks_on[1], 5 * MIB / BLK);
	count_blocks("zero");
	ck_assert_uint_eq(blocks_on[0] + blocks_on[2], 5 * MIB / BLK);
	kern_umount(&k);
}
END_TEST

/* A file goes on where the writer is, not where it began. */
START_TEST(other_writer)
{
	static char buf[BLK];
	int fd;

	zus_local_node(1);
	write_file("file", MIB);
	zus_local_node(0);
	fd = kern_open(&k, "file");
	for (uint64_t at = MIB; at < 2 * MIB; at += BLK)
		ck_assert_int_eq(kern_write(&k, fd, at, buf, BLK), BLK);
	kern_close(&k, fd);
	count_blocks("file");
	ck_assert_uint_eq(blocks_on[1], MIB / BLK);
	kern_umount(&k);
}
END_TEST

/* Whoever fills it gets all of each device but what the filesystem needs. */
START_TEST(others_when_full)
{
	struct zufs_ioc_statfs st;
	uint64_t got;

	zus_local_node(1);
	got = write_file("all", DEVS * MIBS * MIB);
	OK(kern_statfs(&k, &st));
	ck_assert_uint_eq(st.bavail, 0);
	count_blocks("all");
	ck_assert_uint_eq(blocks_on[0] + blocks_on[1] + blocks_on[2],
			  got / BLK);
	/* The tables are not for files; the nodes of the map may be there. */
	ck_assert_uint_ge(blocks_on[1], EACH - 2 - 64);
	ck_assert_uint_gt(blocks_on[0], 0);
	ck_assert_uint_gt(blocks_on[2], EACH / 2);
	kern_umount(&k);
}
END_TEST

/* Without nodes, channels are spread over all devices. */
START_TEST(nobody_knows)
{
	static const int nodes[DEVS] = { -1, -1, -1 };
	char name[8];

	kern_umount(&k);
	munmap(k.addr, k.bytes);
	make_fs(nodes);
	kern_again(&k, 0);
	zus_local_node(1);
	for (unsigned int c = 0; c < DEVS; c++) {
		zus_local_channel(c);
		snprintf(name, sizeof(name), "%u", c);
		write_file(name, MIB);
		count_blocks(name);
		ck_assert_uint_eq(blocks_on[c], MIB / BLK);
	}
	zus_local_channel(0);
	kern_umount(&k);
}
END_TEST

/* ---- tables ---- */

static struct zufs_dev_table *table_at(unsigned int dev, unsigned int copy)
{
	return (void *)(k.addr + dev * MIBS * MIB +
			(copy ? ZUFS_MDT_COPY_OFFSET : 0));
}

static uint64_t problems;

static bool note(void *arg, const struct toy_problem *p)
{
	(void)arg;
	problems += p->code == TOY_P_TABLE;
	return true;
}

static uint64_t check(bool repair)
{
	const struct toy_check_opts opts = { .found = note };
	struct toy_check_result res;
	const char *why;
	struct toy_fs fs;

	problems = 0;
	OK(toy_open(&fs, k.addr, k.bytes, &why));
	OK(toy_recover(&fs));
	OK(repair ? toy_repair(&fs, &opts, &res) : toy_check(&fs, &opts, &res));
	toy_close(&fs);
	ck_assert_uint_eq(res.problems, repair ? 0 : problems);
	return problems;
}

/* Any table is made anew from one of the first device's two. */
START_TEST(broken_tables)
{
	static struct zufs_dev_table before;

	kern_umount(&k);
	for (unsigned int i = 0; i < 2 * DEVS; i++) {
		struct zufs_dev_table *t = table_at(i / 2, i % 2);

		ck_assert_uint_eq(check(false), 0);
		before = *t;
		memset(&t->dev[1], i, sizeof(t->dev[1]));
		ck_assert_uint_eq(check(false), 1);
		check(true);
		ck_assert(!memcmp(t, &before, sizeof(before)));
		/* With the right sum, but another's. */
		toy_dev_table_for(t, (i / 2 + 1) % DEVS);
		ck_assert_uint_eq(check(false), 1);
		check(true);
		ck_assert(!memcmp(t, &before, sizeof(before)));
	}
}
END_TEST

/* Both of the first device's, with the right sums. */
START_TEST(tables_that_lie)
{
	static const struct {
		uint16_t count, index;
		uint64_t all, first, second;
	} lies[] = {
		{ 0, 0, ALL, EACH, EACH },
		{ 63, 0, ALL, EACH, EACH },
		{ 65535, 0, ALL, EACH, EACH },
		{ 2, 0, ALL, EACH, EACH },
		{ 4, 0, ALL, EACH, EACH },
		{ DEVS, 1, ALL, EACH, EACH },
		{ DEVS, DEVS, ALL, EACH, EACH },
		{ DEVS, 65535, ALL, EACH, EACH },
		{ DEVS, 0, 0, EACH, EACH },
		{ DEVS, 0, ALL + 512, EACH, EACH },
		{ DEVS, 0, ALL + 512, EACH + 512, EACH },
		{ DEVS, 0, ALL, 0, 2 * EACH },
		{ DEVS, 0, ALL, EACH + 1, EACH - 1 },
		{ DEVS, 0, ALL, 512, 2 * EACH - 512 },
		{ DEVS, 0, ALL, -(uint64_t)512, EACH },
		{ DEVS, 0, ALL, 1ULL << 63, EACH + (1ULL << 63) },
		{ DEVS, 0, UINT64_MAX, EACH, EACH },
	};
	struct zufs_dev_table good;
	const char *why;
	struct toy_fs fs;

	kern_umount(&k);
	good = *table_at(0, 0);
	for (unsigned int i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct zufs_dev_table t = good;

		t.dev_count = htole16(lies[i].count);
		t.t1_blocks = htole64(lies[i].all);
		t.dev[0].blocks = htole64(lies[i].first);
		t.dev[1].blocks = htole64(lies[i].second);
		toy_dev_table_for(&t, lies[i].index);
		*table_at(0, 0) = t;
		*table_at(0, 1) = t;
		ck_assert_msg(toy_open(&fs, k.addr, k.bytes, &why),
			      "lie %u is believed", i);
	}
	*table_at(0, 0) = good;
	check(true);
}
END_TEST

/* ---- what would overwrite them ---- */

/* Any record, as one that isn't in place yet, with its first line at @to. */
static void record_to(uint64_t to)
{
	for (unsigned int i = 0; i < 2 * TOY_CHANNELS; i++) {
		uint64_t off = toy_journal_off(i / 2, i % 2);
		struct toy_jhdr *h = (void *)(k.addr + off);
		struct toy_jline *jl = (void *)(h + 1);

		if (le64toh(h->magic) != TOY_J_MAGIC)
			continue;
		h->seq = htole64(1000);
		jl->off = htole64(to);
		h->sum = htole64(
			toy_sum(h, sizeof(*h) + le16toh(h->nr) * sizeof(*jl),
				off, offsetof(struct toy_jhdr, sum)));
		return;
	}
	ck_abort_msg("no record");
}

static int recover(void)
{
	const char *why;
	struct toy_fs fs;
	int err;

	OK(toy_open(&fs, k.addr, k.bytes, &why));
	err = toy_recover(&fs);
	toy_close(&fs);
	return err;
}

/* A journal's lines are of toyfs's own blocks, whatever its sum says. */
START_TEST(records_spare_tables)
{
	static struct zufs_dev_table before;
	char *other = k.addr + EACH * BLK + BLK;

	write_file("f", BLK);
	kern_umount(&k);
	for (unsigned int i = 0; i < 2 * DEVS; i++) {
		struct zufs_dev_table *t = table_at(i / 2, i % 2);

		before = *t;
		record_to((uint64_t)((char *)t - k.addr));
		ck_assert_int_eq(recover(), -EUCLEAN);
		ck_assert(!memcmp(t, &before, sizeof(before)));
	}
	/* Between the nodes of the AGs and the data area. */
	record_to((TOY_AG_NODE_BN + 1) * BLK);
	ck_assert_int_eq(recover(), -EUCLEAN);
	/* Another block of that device. */
	memset(other, 'o', TOY_LINE);
	record_to((uint64_t)(other - k.addr));
	OK(recover());
	ck_assert_int_ne(*other, 'o');
}
END_TEST

/* No map has them, and nobody gives them back. */
START_TEST(maps_spare_tables)
{
	struct toy_root root = { .nr = htole16(1) };
	struct zufs_extent e;
	const char *why;
	struct toy_fs fs;
	struct toy_tx *tx;

	kern_umount(&k);
	OK(toy_open(&fs, k.addr, k.bytes, &why));
	OK(toy_recover(&fs));
	for (unsigned int i = 2; i < 2 * DEVS; i++) {
		uint64_t bn = toy_dev_table_bn(&fs, i / 2, i % 2);
		struct toy_tree t = { .fs = &fs, .root = &root, .owner = 9 };

		root.rec[0].val = htole64(TOY_EXT_VAL(bn, 1));
		ck_assert_int_eq(toy_map_get(&t, 0, 1, &e, 1), -EUCLEAN);
		root.rec[0].val = htole64(TOY_EXT_VAL(bn - 3, 9));
		ck_assert_int_eq(toy_map_get(&t, 0, 1, &e, 1), -EUCLEAN);
		root.rec[0].val = htole64(TOY_EXT_VAL(bn + 1, 9));
		ck_assert_int_eq(toy_map_get(&t, 0, 1, &e, 1), 1);
		OK(toy_tx_begin(&fs, 0, &tx));
		ck_assert_int_eq(toy_free(tx, bn, 1), -EUCLEAN);
		toy_tx_abort(tx);
	}
	toy_close(&fs);
}
END_TEST

static Suite *suite(void)
{
	const TTest *const where[] = { local_first, other_writer,
				       others_when_full, nobody_knows, NULL };
	const TTest *const tables[] = { broken_tables, tables_that_lie,
					records_spare_tables, maps_spare_tables,
					NULL };
	Suite *s = suite_create("toydevs");

	add_case(s, "where", where, set_up, tear_down);
	add_case(s, "tables", tables, set_up, tear_down);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
