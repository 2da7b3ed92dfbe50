// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * What of mkfs.toyfs and mount.zuf needs devices or a kernel module: answers
 * of mount(2) in words, control roots that are folders, and partitions in a
 * sysfs of files.
 */
#include "suite.h"

#undef fail /* of check.h */

static int mount_errno;

static int fake_mount(const char *source, const char *dir, const char *type,
		      unsigned long flags, const void *data);

#define main	  mount_zuf_main
#define fail	  mount_zuf_fail
#define mount	  fake_mount
#define setmntent fake_setmntent
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

static char dir[32];

static void make_dir(void)
{
	strcpy(dir, "/tmp/test_mkfs.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_dir(void)
{
	char cmd[64];

	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	ck_assert_int_eq(system(cmd), 0);
}

/* The mounts that a test has written to a file. */
FILE *fake_setmntent(const char *path, const char *mode)
{
	char mounts[64];

	(void)path;
	snprintf(mounts, sizeof(mounts), "%s/mounts", dir);
	return fopen(mounts, mode);
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

/* Runs a step of mount.zuf: one line on stderr if it fails, else none. */
static bool step_says(bool (*step)(const struct request *rq),
		      const struct request *rq)
{
	FILE *old = stderr;
	bool ok;

	memset(said, 0, sizeof(said));
	stderr = fmemopen(said, sizeof(said) - 1, "w");
	ok = step(rq);
	fclose(stderr);
	stderr = old;
	ck_assert(ok ? !said[0] :
		       strchr(said, '\n') == said + strlen(said) - 1);
	return ok;
}

static bool mount_toyfs(const struct request *rq)
{
	return mount_named(rq, "toyfs ", rq->type);
}

/* What mount.zuf writes to stderr if mount(2) answers @err. */
static void mount_says(const char *source, const char *type, int err)
{
	struct request rq = { .source = source, .dir = "/mnt", .type = type };

	mount_errno = err;
	ck_assert_int_eq(step_says(type ? mount_toyfs : mount_root, &rq), !err);
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

/* A control root with these types; NULL: one that can't be read. */
static void add_root(const char *name, const char *types)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/mounts", dir);
	f = fopen(path, "a");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "zuf %s/%s zuf rw 0 0\n", dir, name);
	fclose(f);
	if (!types)
		return;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/%s/registered_fs", dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "%s\n", types);
	fclose(f);
}

static void device_fails(const char *text)
{
	struct request rq = { .source = "/dev/pmem0",
			      .dir = "/mnt",
			      .type = "toyfs" };

	ck_assert(!step_says(mount_device, &rq));
	ck_assert_msg(strstr(said, text) != NULL, "%s", said);
}

START_TEST(roots)
{
	struct request rq = { .source = "/dev/pmem0",
			      .dir = "/mnt",
			      .type = "toyfs" };
	char path[64];
	FILE *f;

	mount_errno = 0;
	make_dir();
	snprintf(path, sizeof(path), "%s/mounts", dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs("proc /proc proc rw 0 0\n", f);
	fclose(f);
	device_fails("no control root is mounted");
	add_root("unreadable", NULL);
	device_fails("unreadable/registered_fs: No such file");
	add_root("empty", "");
	device_fails("no filesystem is registered in /tmp/");
	device_fails("/empty: start zusd");
	add_root("other", "memfs hellofs");
	device_fails("start \"zusd toyfs\"");
	add_root("serves", "motdfs toyfs");
	add_root("last", "");
	ck_assert(step_says(mount_device, &rq));
	rq.type = "hellofs";
	ck_assert(step_says(mount_device, &rq));
	remove_dir();
}
END_TEST

/* ---- mkfs.toyfs ---- */

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

	make_dir();
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
	remove_dir();
}
END_TEST

int main(void)
{
	const TTest *const causes[] = {
		mount_causes,
		root_causes,
		roots,
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
