// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * What a mount touches of the media, seen by page faults: superblock, state,
 * orphan blocks, journal and the root's inode, however large the filesystem is.
 */
#include <signal.h>
#include <stdbool.h>

#include "toyvol.h"

#define PAGES_MAX 4096

static struct {
	char *addr;
	size_t bytes;
	struct {
		uint64_t bn;
		bool written;
	} page[PAGES_MAX];
	unsigned int nr;
} seen;

/* The first access to a page finds nothing, the first store to it no right to. */
static void on_fault(int sig, siginfo_t *si, void *context)
{
	size_t off = (char *)si->si_addr - seen.addr;
	unsigned int i;

	(void)context;
	if (off >= seen.bytes || seen.nr == PAGES_MAX) {
		signal(sig, SIG_DFL);
		return;
	}
	for (i = 0; i < seen.nr && seen.page[i].bn != off / BLK; i++)
		;
	seen.page[i].bn = off / BLK;
	seen.page[i].written = i < seen.nr;
	seen.nr += i == seen.nr;
	mprotect(seen.addr + off / BLK * BLK, BLK,
		 seen.page[i].written ? PROT_READ | PROT_WRITE : PROT_READ);
}

static void watched_mount(struct vol *v, uint64_t flags)
{
	struct sigaction sa = { .sa_sigaction = on_fault,
				.sa_flags = SA_SIGINFO };

	memset(&seen, 0, sizeof(seen));
	seen.addr = v->addr;
	seen.bytes = v->bytes;
	ck_assert_int_eq(mprotect(v->addr, v->bytes, PROT_NONE), 0);
	sigaction(SIGSEGV, &sa, NULL);
	ck_assert_int_eq(try_mount(v, flags), 0);
	signal(SIGSEGV, SIG_DFL);
	ck_assert_int_eq(mprotect(v->addr, v->bytes, PROT_READ | PROT_WRITE),
			 0);
}

/* Device tables with their superblocks, state, orphan blocks, journals. */
static bool is_fixed(uint64_t bn)
{
	uint64_t j = TOY_JOURNAL_OFF / BLK;

	return bn < TOY_ORPHAN_BN + TOY_CHANNELS ||
	       bn == ZUFS_MDT_COPY_OFFSET / BLK ||
	       (bn >= j && bn < j + 2 * TOY_CHANNELS * TOY_SLOT_SIZE / BLK);
}

static unsigned int pages(bool fixed, bool written)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < seen.nr; i++)
		n += is_fixed(seen.page[i].bn) == fixed &&
		     seen.page[i].written >= written;
	return n;
}

static void fill(struct vol *v, int files)
{
	struct zufs_attr dir = make(v, &v->root, "dir", S_IFDIR | 0755), a;
	char name[32];

	for (int i = 0; i < files; i++) {
		snprintf(name, sizeof(name), "file.%d", i);
		a = make(v, &dir, name, S_IFREG | 0644);
		ck_assert_int_eq(append(v, &a, 3, 'x'), 0);
		put(v, &a);
	}
	put(v, &dir);
}

static void mount_sizes(uint64_t flags)
{
	static const size_t mib[] = { 64, 8192 };
	unsigned int fixed[2], other[2];
	struct vol v;

	for (int i = 0; i < 2; i++) {
		vol_new(&v, mib[i]);
		fill(&v, 2000);
		vol_umount(&v);
		watched_mount(&v, flags);
		fixed[i] = pages(true, false);
		other[i] = pages(false, false);
		ck_assert_uint_eq(pages(true, true) + pages(false, true), 0);
		vol_end(&v);
	}
	ck_assert_uint_eq(fixed[0], fixed[1]);
	/*
	 * The slot of the root, and the map of the inode file on the way to it;
	 * and what the last record of the journal names: is it in place?
	 */
	ck_assert_uint_le(other[0], 4);
	ck_assert_uint_eq(other[0], other[1]);
}

START_TEST(mount_reads_and_writes)
{
	mount_sizes(0);
}
END_TEST

START_TEST(mount_read_only)
{
	mount_sizes(ZUFS_M_RDONLY);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		mount_reads_and_writes,
		mount_read_only,
		NULL,
	};
	Suite *s = suite_create("toymount");

	add_case(s, "touched", tests, NULL, NULL);
	return run_suite(s);
}
