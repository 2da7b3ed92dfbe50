// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * toy_check() and toy_repair(): nothing to say of what toyfs made, and one
 * planted fault of each kind found and repaired, with all sums mended so that
 * nothing but the fault tells.
 */
#include "toycheck.h"
#include "kernvol.h"

#define MIB_ALL 16

static struct kern k;
static struct toy_fs fs;
static char *addr;
static bool found[TOY_P_CODES];
static uint64_t problems;
static char text[2048];

/* ---- checking ---- */

static bool note(void *arg, const struct toy_problem *p)
{
	size_t at = strlen(text);

	(void)arg;
	found[p->code] = true;
	problems++;
	snprintf(text + at, sizeof(text) - at, "[%d: %s, ino %lu, block %lu]",
		 p->code, p->text, p->ino, p->bn);
	return true;
}

/* Checks @base or repairs it, which may find more, but less in the end. */
static void check_all(char *base, bool repair)
{
	struct toy_check_opts opts = { .found = note };
	struct toy_check_result res;
	const char *why;
	struct toy_fs f;
	int err;

	memset(found, 0, sizeof(found));
	problems = 0;
	*text = '\0';
	OK(toy_open(&f, base, MIB_ALL * MIB, &why));
	err = toy_recover(&f);
	ck_assert_msg(!err || err == -EUCLEAN, "recovery: %d", err);
	err = (repair ? toy_repair : toy_check)(&f, &opts, &res);
	toy_close(&f);
	ck_assert_msg(!err, "error %d after %s", err, text);
	if (repair)
		ck_assert_msg(!res.problems, "left are some of %s", text);
	else
		ck_assert_uint_eq(res.problems, problems);
}

/* ---- a filesystem with everything ---- */

static void file_with_holes(const char *path, int extents)
{
	int fd = open_new(&k, path);

	for (int i = 0; i < extents; i++)
		ck_assert_int_eq(kern_write(&k, fd, i * 2 * BLK, "x", 1), 1);
	kern_close(&k, fd);
}

static void file_of(const char *path, char byte)
{
	static char buf[10 * BLK];
	int fd = open_new(&k, path);

	memset(buf, byte, sizeof(buf));
	ck_assert_int_eq(kern_write(&k, fd, 0, buf, sizeof(buf)), sizeof(buf));
	kern_close(&k, fd);
}

static void fill(void)
{
	static char value[3500];
	char name[64], sym[301];

	OK(kern_mkdir(&k, "A", 0755));
	OK(kern_mkdir(&k, "A/B", 0755));
	OK(kern_mkdir(&k, "A/B/C", 0755));
	OK(kern_mkdir(&k, "D", 0755));
	for (int i = 0; i < 150; i++) {
		snprintf(name, sizeof(name),
			 "D/a-name-that-is-long-enough-to-fill-a-leaf-%d", i);
		OK(kern_create(&k, name, 0644));
	}
	file_with_holes("few", 3);
	file_with_holes("many", 400);
	OK(kern_link(&k, "few", "A/few"));
	OK(kern_symlink(&k, "short", "target"));
	memset(sym, 's', 300);
	sym[300] = '\0';
	OK(kern_symlink(&k, "long", sym));
	OK(kern_mknod(&k, "fifo", S_IFIFO | 0644, 0));
	OK(kern_setxattr(&k, "few", "user.a", value, 2000, 0));
	OK(kern_setxattr(&k, "few", "user.b", value, 3500, 0));
	OK(kern_create(&k, "gone", 0644));
	OK(kern_unlink(&k, "gone"));
	file_of("bytes", 'b');
}

static void set_up(void)
{
	const char *why;

	kern_new(&k, MIB_ALL);
	fill();
	kern_umount(&k);
	addr = k.addr;
	OK(toy_open(&fs, addr, MIB_ALL * MIB, &why));
	OK(toy_recover(&fs));
	/* A replay of the last transactions would mend what they stored. */
	memset(addr + TOY_JOURNAL_OFF, 0, TOY_CHANNELS * 2 * TOY_SLOT_SIZE);
}

static void tear_down(void)
{
	toy_close(&fs);
	munmap(addr, MIB_ALL * MIB);
}

/* ---- where things are ---- */

static uint64_t ino_of(const char *path)
{
	struct zus_inode zi;

	kern_again(&k, ZUFS_M_RDONLY);
	OK(kern_stat(&k, path, &zi));
	kern_umount(&k);
	return zi.i_ino;
}

static struct toy_slot *slot_at(uint64_t ino)
{
	uint64_t off;

	OK(toy_slot_find(&fs, ino, &off));
	return (struct toy_slot *)(addr + off);
}

static struct toy_slot *slot_of(const char *path)
{
	return slot_at(ino_of(path));
}

static struct toy_node *node_at(uint64_t bn)
{
	return (struct toy_node *)(addr + bn * BLK);
}

static struct toy_rec *recs(struct toy_node *n)
{
	return (struct toy_rec *)(n + 1);
}

/* The leaf with the least keys of a tree that has nodes. */
static struct toy_node *first_leaf(struct toy_slot *s)
{
	struct toy_node *n;

	ck_assert(s->map.depth);
	n = node_at(s->map.root);
	while (n->level)
		n = node_at(recs(n)->val);
	return n;
}

static struct toy_state *state(void)
{
	return (struct toy_state *)node_at(TOY_STATE_BN);
}

/* A directory's leaf, by its number. */
static struct toy_node *dir_leaf(const char *path, int i)
{
	struct toy_slot *s = slot_of(path);

	return node_at(s->map.depth ? recs(first_leaf(s))[i].val :
				      s->map.rec[i].val);
}

static struct toy_dirent *dirent_in(struct toy_node *leaf)
{
	struct toy_dirent *de = (struct toy_dirent *)(leaf + 1);

	while (!de->ino)
		de = (struct toy_dirent *)((char *)de + de->rec_len);
	return de;
}

/* ---- mended sums ---- */

static void mend_slot(struct toy_slot *s)
{
	s->sum = toy_sum(s, sizeof(*s), (uint64_t)((char *)s - addr),
			 offsetof(struct toy_slot, sum));
}

static void mend_node(struct toy_node *n)
{
	n->sum = toy_sum(n, BLK, (uint64_t)((char *)n - addr),
			 offsetof(struct toy_node, sum));
}

static void mend_state(void)
{
	struct toy_state *st = state();

	st->hdr.sum = toy_sum(st, TOY_STATE_SUMMED, TOY_STATE_BN * BLK,
			      offsetof(struct toy_node, sum));
	for (unsigned int c = 0; c < TOY_CHANNELS; c++) {
		uint64_t off = (uint64_t)((char *)&st->chan[c] - addr);

		st->chan[c].sum = toy_sum(&st->chan[c], TOY_LINE, off, 16);
	}
}

/* ---- faults ---- */

static void bad_super(void)
{
	addr[TOY_SB_OFF + 100] ^= 1;
}

static void supers_differ(void)
{
	struct toy_super *sb =
		(struct toy_super *)(addr + ZUFS_MDT_COPY_OFFSET + TOY_SB_OFF);

	sb->label[0] ^= 1;
	sb->sum = toy_sum(sb, sizeof(*sb), (uint64_t)((char *)sb - addr),
			  offsetof(struct toy_super, sum));
}

static void bad_table_copy(void)
{
	addr[ZUFS_MDT_COPY_OFFSET + 64] ^= 1;
}

static void itable_short(void)
{
	state()->itable_blocks++;
	mend_state();
}

static void node_of_another(void)
{
	struct toy_node *n = first_leaf(slot_of("many"));

	n->owner++;
	mend_node(n);
}

static void node_sum(void)
{
	first_leaf(slot_of("many"))->pad[3] ^= 4;
}

static void keys_swapped(void)
{
	struct toy_node *n = first_leaf(slot_of("many"));
	struct toy_rec r = recs(n)[1];

	recs(n)[1] = recs(n)[2];
	recs(n)[2] = r;
	mend_node(n);
}

static void too_many_recs(void)
{
	struct toy_node *n = first_leaf(slot_of("many"));

	n->nr = 60000;
	mend_node(n);
}

static void wrong_level(void)
{
	struct toy_node *n = first_leaf(slot_of("many"));

	n->level = 5;
	mend_node(n);
}

static void extent_outside(void)
{
	struct toy_slot *s = slot_of("few");

	s->map.rec[0].val = TOY_EXT_VAL(1ULL << 40, 1);
	mend_slot(s);
}

static void extents_overlap(void)
{
	struct toy_slot *s = slot_of("few");

	s->map.rec[0].val += 3; /* blocks */
	mend_slot(s);
}

static void shared_block(void)
{
	struct toy_slot *s = slot_of("few");

	s->map.rec[0].val = s->map.rec[1].val;
	mend_slot(s);
}

static void slot_number(void)
{
	struct toy_slot *s = slot_of("few");

	s->zi.i_ino++;
	mend_slot(s);
}

static void slot_sum(void)
{
	slot_of("few")->zi.i_uid ^= 1;
}

static void slot_type(void)
{
	struct toy_slot *s = slot_of("few");

	s->zi.i_mode = 0644;
	mend_slot(s);
}

static void size_large(void)
{
	struct toy_slot *s = slot_of("few");

	s->zi.i_size = TOY_MAX_BYTES + 1;
	mend_slot(s);
}

static void blocks_wrong(void)
{
	struct toy_slot *s = slot_of("many");

	s->zi.i_blocks += 8;
	mend_slot(s);
}

static void dir_size(void)
{
	struct toy_slot *s = slot_of("A");

	s->zi.i_size += BLK;
	mend_slot(s);
}

static void fifo_size(void)
{
	struct toy_slot *s = slot_of("fifo");

	s->zi.i_size = 1;
	mend_slot(s);
}

static void symlink_text(void)
{
	struct toy_slot *s = slot_of("short");

	s->zi.i_symlink[2] = '\0';
	mend_slot(s);
}

static void long_symlink_text(void)
{
	struct toy_slot *s = slot_of("long");

	addr[TOY_EXT_PBLK(s->map.rec[0].val) * BLK + 5] ^= 1;
}

static struct toy_node *xattr_node(void)
{
	return node_at(slot_of("few")->zi.i_xattr);
}

static void xattr_type(void)
{
	struct toy_node *n = xattr_node();

	((struct toy_xattr *)(n + 1))->type = 99;
	mend_node(n);
}

static void xattr_count(void)
{
	struct toy_node *n = xattr_node();

	n->nr++;
	mend_node(n);
}

static void xattr_twice(void)
{
	struct toy_node *n = xattr_node(), *next = node_at(n->link);

	((struct toy_xattr *)(next + 1))->name[0] =
		((struct toy_xattr *)(n + 1))->name[0];
	mend_node(next);
}

static void xattr_circle(void)
{
	struct toy_node *n = xattr_node(), *next = node_at(n->link);

	next->link = slot_of("few")->zi.i_xattr;
	mend_node(next);
}

static void leaf_counts(void)
{
	struct toy_node *n = dir_leaf("D", 0);

	n->free += 8;
	mend_node(n);
}

static void leaf_records(void)
{
	struct toy_node *n = dir_leaf("D", 0);

	dirent_in(n)->rec_len = 12;
	mend_node(n);
}

/* The separator says that the first leaf ends sooner. */
static void leaf_place(void)
{
	struct toy_slot *s = slot_of("D");

	ck_assert_uint_eq(s->map.depth, 0);
	s->map.rec[1].key /= 2;
	mend_slot(s);
}

static void name_hash(void)
{
	struct toy_node *n = dir_leaf("D", 0);

	dirent_in(n)->name[0] ^= 1;
	mend_node(n);
}

static void name_of_nobody(void)
{
	struct toy_node *n = dir_leaf("D", 0);

	dirent_in(n)->ino = 1000000;
	mend_node(n);
}

static void name_type(void)
{
	struct toy_node *n = dir_leaf("D", 0);

	dirent_in(n)->type ^= 12;
	mend_node(n);
}

static void parent_wrong(void)
{
	struct toy_slot *s = slot_of("A/B");

	s->zi.i_parent = TOY_ROOT_INO;
	mend_slot(s);
}

/* A/B/C leads to A: a circle. */
static void circle(void)
{
	struct toy_node *c = dir_leaf("A/B", 0);

	dirent_in(c)->ino = ino_of("A");
	mend_node(c);
}

static void links_wrong(void)
{
	struct toy_slot *s = slot_of("few");

	s->zi.i_nlink = 3;
	mend_slot(s);
}

static void dir_links_wrong(void)
{
	struct toy_slot *s = slot_of("A");

	s->zi.i_nlink = 2;
	mend_slot(s);
}

static void no_name(void)
{
	struct toy_node *n = dir_leaf("D", 0);
	struct toy_dirent *de = dirent_in(n);

	n->free += TOY_DIRENT_LEN(de->nlen);
	n->nr--;
	de->ino = 0;
	mend_node(n);
}

static void free_count(void)
{
	state()->chan[0].free_count++;
	mend_state();
}

static void free_list_of_used(void)
{
	for (int c = 0; c < (int)TOY_CHANNELS; c++)
		if (state()->chan[c].free_head)
			state()->chan[c].free_head = ino_of("few");
	mend_state();
}

static void orphan_of_named(void)
{
	struct toy_node *n = node_at(TOY_ORPHAN_BN);

	*(uint64_t *)(n + 1) = ino_of("few");
	n->nr++;
	mend_node(n);
}

static void orphan_of_nobody(void)
{
	struct toy_node *n = node_at(TOY_ORPHAN_BN);

	*(uint64_t *)(n + 1) = 1000000;
	mend_node(n);
}

/* The name is gone, the inode knows that, and no orphan entry does. */
static void unnamed_no_orphan(void)
{
	struct toy_slot *s = slot_at(dirent_in(dir_leaf("D", 0))->ino);

	no_name();
	s->zi.i_nlink = 0;
	mend_slot(s);
}

static void state_line(void)
{
	state()->chan[3].free_count = 77;
}

/* Nothing is known of where inodes are. */
static void state_head(void)
{
	memset(&state()->itable, 0, TOY_LINE);
}

/* A record with the right sum that would overwrite the superblock. */
static void journal_record(void)
{
	uint64_t off = TOY_JOURNAL_OFF + TOY_SLOT_SIZE * 6; /* channel 3 */
	struct toy_jhdr *h = (struct toy_jhdr *)(addr + off);

	h->magic = TOY_J_MAGIC;
	h->seq = 1000;
	h->channel = 3;
	h->nr = 1;
	memcpy(h->uuid8, fs.uuid, sizeof(h->uuid8));
	h->sum = toy_sum(h, sizeof(*h) + sizeof(struct toy_jline), off,
			 offsetof(struct toy_jhdr, sum));
}

static void ag_count(void)
{
	struct toy_node *n = node_at(TOY_AG_NODE_BN);

	n->free--;
	mend_node(n);
}

static uint8_t *bits(void)
{
	return (uint8_t *)(node_at(TOY_AG_NODE_BN) + 1);
}

/* The end of the device is behind 16 MiB of the 126 that a bitmap has. */
static void behind_the_end(void)
{
	struct toy_node *n = node_at(TOY_AG_NODE_BN);

	bits()[4032 - 1] ^= 0x80;
	n->free++;
	mend_node(n);
}

static void leaked(void)
{
	struct toy_node *n = node_at(TOY_AG_NODE_BN);
	uint64_t last = fs.blocks - fs.data_bn - 1;

	bits()[last / 8] ^= (uint8_t)(1 << last % 8);
	n->free--;
	mend_node(n);
}

static void unmarked(void)
{
	struct toy_node *n = node_at(TOY_AG_NODE_BN);
	uint64_t bn = TOY_EXT_PBLK(slot_of("few")->map.rec[0].val) - fs.data_bn;

	bits()[bn / 8] ^= (uint8_t)(1 << bn % 8);
	n->free++;
	mend_node(n);
}

/* It has blocks of a file. */
static void bad_list(void)
{
	__le64 bad[TOY_BAD_RUNS] = { slot_of("few")->map.rec[0].val };

	toy_super_set(&fs, fs.shutdowns, bad);
}

static const struct {
	void (*plant)(void);
	enum toy_problem_code code;
	bool alone; /* it has no other consequences */
} faults[] = {
	{ bad_super, TOY_P_SUPER, true },
	{ supers_differ, TOY_P_SUPER, true },
	{ bad_table_copy, TOY_P_TABLE, true },
	{ itable_short, TOY_P_ITABLE, true },
	{ node_of_another, TOY_P_NODE, false },
	{ node_sum, TOY_P_NODE, false },
	{ keys_swapped, TOY_P_TREE, false },
	{ too_many_recs, TOY_P_TREE, false },
	{ wrong_level, TOY_P_TREE, false },
	{ extent_outside, TOY_P_EXTENT, false },
	{ extents_overlap, TOY_P_EXTENT, false },
	{ shared_block, TOY_P_TWICE, false },
	{ slot_number, TOY_P_SLOT, false },
	{ slot_sum, TOY_P_SLOT, false },
	{ slot_type, TOY_P_SLOT, false },
	{ size_large, TOY_P_SIZE, true },
	{ blocks_wrong, TOY_P_SIZE, true },
	{ dir_size, TOY_P_SIZE, true },
	{ fifo_size, TOY_P_SIZE, true },
	{ symlink_text, TOY_P_SYMLINK, true },
	{ long_symlink_text, TOY_P_SYMLINK, true },
	{ xattr_type, TOY_P_XATTR, false },
	{ xattr_count, TOY_P_XATTR, false },
	{ xattr_twice, TOY_P_XATTR, true },
	{ xattr_circle, TOY_P_TWICE, true },
	{ leaf_counts, TOY_P_LEAF, true },
	{ leaf_records, TOY_P_LEAF, false },
	{ leaf_place, TOY_P_LEAF, true },
	{ name_hash, TOY_P_NAME, false },
	{ name_of_nobody, TOY_P_NAME, false },
	{ name_type, TOY_P_NAME, false },
	{ parent_wrong, TOY_P_PARENT, true },
	{ circle, TOY_P_PARENT, false },
	{ circle, TOY_P_LOST, false },
	{ links_wrong, TOY_P_NLINK, true },
	{ dir_links_wrong, TOY_P_NLINK, true },
	{ no_name, TOY_P_LOST, true },
	{ free_count, TOY_P_FREE_LIST, true },
	{ free_list_of_used, TOY_P_FREE_LIST, false },
	{ orphan_of_named, TOY_P_ORPHAN, true },
	{ orphan_of_nobody, TOY_P_ORPHAN, true },
	{ unnamed_no_orphan, TOY_P_ORPHAN, true },
	{ state_line, TOY_P_STATE, true },
	{ state_head, TOY_P_STATE, true },
	{ journal_record, TOY_P_JOURNAL, true },
	{ bad_list, TOY_P_BAD_LIST, true },
	{ ag_count, TOY_P_AG, true },
	{ behind_the_end, TOY_P_AG, true },
	{ leaked, TOY_P_LEAKED, true },
	{ unmarked, TOY_P_UNMARKED, true },
};

#define FAULTS (int)(sizeof(faults) / sizeof(faults[0]))

START_TEST(test_fault)
{
	int others = 0;

	faults[_i].plant();
	check_all(addr, false);
	for (int c = 0; c < TOY_P_CODES; c++)
		others += found[c] && c != (int)faults[_i].code;
	ck_assert_msg(found[faults[_i].code], "fault %d: found %s", _i, text);
	if (faults[_i].alone)
		ck_assert_msg(!others, "fault %d: found %s", _i, text);
}
END_TEST

/* After the repair nothing is found, and files that aren't concerned are there. */
START_TEST(test_repair)
{
	char c = 0;
	int fd;

	faults[_i].plant();
	check_all(addr, true);
	ck_assert(problems);
	check_all(addr, false);
	ck_assert_msg(!problems, "fault %d: found %s", _i, text);
	kern_again(&k, 0);
	fd = kern_open(&k, "bytes");
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(kern_read(&k, fd, 5 * BLK, &c, 1), 1);
	ck_assert_int_eq(c, 'b');
	kern_close(&k, fd);
	OK(kern_create(&k, "new", 0644));
	kern_umount(&k);
	check_all(addr, false);
	ck_assert_msg(!problems, "fault %d: later %s", _i, text);
}
END_TEST

START_TEST(test_clean)
{
	check_all(addr, false);
	ck_assert_msg(!problems, "%s", text);
}
END_TEST

START_TEST(test_all_codes)
{
	for (int c = 0; c < TOY_P_CODES; c++) {
		bool has = c == TOY_P_MEDIA; /* test_health's */

		for (int i = 0; i < FAULTS; i++)
			has |= (int)faults[i].code == c;
		ck_assert_msg(has, "no fault for code %d", c);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("toycheck");
	TCase *t = tcase_create("faults");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, TEST_SECONDS);
	tcase_add_test(t, test_clean);
	tcase_add_test(t, test_all_codes);
	tcase_add_loop_test(t, test_fault, 0, FAULTS);
	tcase_add_loop_test(t, test_repair, 0, FAULTS);
	suite_add_tcase(s, t);
	return run_suite(s);
}
