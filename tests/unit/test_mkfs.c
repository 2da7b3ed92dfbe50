// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * What of mkfs.toyfs and mount.zuf needs devices or a kernel module: answers
 * of mount(2) in words, and partitions in a sysfs of files.
 */
#include "suite.h"

#undef fail /* of check.h */

static int mount_errno;

static int fake_mount(const char *source, const char *dir, const char *type,
		      unsigned long flags, const void *data);

#define main  mount_zuf_main
#define fail  mount_zuf_fail
#define mount fake_mount
#include "../../mkfs/mount.zuf.c"
#undef main
#undef fail
#undef mount

#include "../../mkfs/mkfs.h"

static int fake_mount(const char *source, const char *dir, const char *type,
		      unsigned long flags, const void *data)
{
	(void)source, (void)dir, (void)type, (void)flags, (void)data;
	errno = mount_errno;
	return mount_errno ? -1 : 0;
}

static char said[1024];

bool fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	return false;
}

/* ---- mount.zuf ---- */

/* What mount.zuf writes to stderr if mount(2) answers @err. */
static void mount_says(const char *source, const char *type, int err)
{
	struct request rq = { .source = source, .dir = "/mnt" };
	FILE *old = stderr;
	bool ok;

	memset(said, 0, sizeof(said));
	stderr = fmemopen(said, sizeof(said) - 1, "w");
	mount_errno = err;
	ok = type ? mount_named(&rq, "toyfs ", type) : mount_root(&rq);
	fclose(stderr);
	stderr = old;
	ck_assert_int_eq(ok, !err);
	ck_assert(err ? strchr(said, '\n') == said + strlen(said) - 1 :
			!said[0]);
}

START_TEST(mount_causes)
{
	static const struct {
		int err;
		const char *text;
	} says[] = {
		{ ENODEV, "start zusd" },
		{ ENOTCONN, "start zusd" },
		{ EIO, "server died" },
		{ EOPNOTSUPP, "wants to move the data itself" },
		{ EINVAL, "no fsdax pmem" },
		{ EINVAL, "multiple of 2 MiB" },
		{ EBUSY, "mounted already" },
		{ EUCLEAN, "contradicts itself" },
		{ EROFS, "-o ro" },
		{ EACCES, "-o ro" },
		{ EPERM, "root" },
		{ ENOMEM, "annot allocate" },
	};

	for (size_t i = 0; i < sizeof(says) / sizeof(*says); i++) {
		mount_says("/dev/pmem0", "toyfs", says[i].err);
		ck_assert_msg(strstr(said, says[i].text) != NULL, "%s", said);
		ck_assert_ptr_nonnull(strstr(said, "/dev/pmem0 on /mnt"));
	}
	mount_says("/dev/pmem0", "toyfs", EOPNOTSUPP);
	ck_assert_ptr_null(strstr(said, "DAX"));
	mount_says("/dev/pmem0", "toyfs", 0);
}
END_TEST

START_TEST(root_causes)
{
	mount_says("zuf", NULL, ENODEV);
	ck_assert_ptr_nonnull(strstr(said, "modprobe zuf"));
	mount_says("zuf", NULL, EINVAL);
	ck_assert_ptr_nonnull(strstr(said, "timeout=SECONDS"));
	mount_says("zuf", NULL, EBUSY);
	ck_assert_ptr_nonnull(strstr(said, "already"));
	mount_says("zuf", NULL, 0);
}
END_TEST

/* ---- mkfs.toyfs ---- */

static char dir[] = "/tmp/test_mkfs.XXXXXX";

static void put_number(const char *name, unsigned long long n)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "%llu\n", n);
	fclose(f);
}

static bool check_partition(unsigned long long start, unsigned long long size)
{
	said[0] = 0;
	put_number("start", start);
	put_number("size", size);
	return partition_check("/dev/pmem0p1", dir);
}

START_TEST(partitions)
{
	const unsigned long long mib = 2048;
	char cmd[64];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	put_number("size", 64 * mib + 1);
	ck_assert(partition_check("/dev/pmem0", dir));
	ck_assert(check_partition(2 * mib, 16 * mib));
	ck_assert(check_partition(126 * mib, 17 * mib + 8));
	ck_assert(check_partition(1ULL << 43, 16 * mib));
	ck_assert(!said[0]);
	ck_assert(!check_partition(mib, 16 * mib));
	ck_assert_ptr_nonnull(
		strstr(said, "/dev/pmem0p1: begins at sector 2048"));
	ck_assert_ptr_nonnull(strstr(said, "mkpart NAME 2MiB"));
	ck_assert(!check_partition(63, 16 * mib));
	ck_assert(!check_partition(2 * mib + 8, 16 * mib));
	ck_assert(!check_partition(2 * mib, 16 * mib + 7));
	ck_assert_ptr_nonnull(strstr(said, "has 32775 sectors"));
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	ck_assert_int_eq(system(cmd), 0);
}
END_TEST

int main(void)
{
	const TTest *const causes[] = {
		mount_causes,
		root_causes,
		NULL,
	};
	const TTest *const devices[] = {
		partitions,
		NULL,
	};
	Suite *s = suite_create("mkfs");

	add_case(s, "mount.zuf", causes, NULL, NULL);
	add_case(s, "mkfs.toyfs", devices, NULL, NULL);
	return run_suite(s);
}
