// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * libzus without a kernel: which inodes the kernel knows, and the loader of
 * plugins.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include "puppet.h"

/* ---- handles ---- */

START_TEST(handles)
{
	uint64_t handle;

	ck_assert_int_eq(lookup("10", 2, &handle), 0);
	ck_assert_uint_eq(handle, handle_of(10));
	ck_assert_int_eq(setattr(10, handle, GEN), 0);
	ck_assert_int_eq(igets, 0);
	ck_assert_uint_eq(((struct zufs_ioc_attr *)buf)->attr.handle, handle);
	ck_assert_int_eq(inodes[10].refs, 1);

	/* The root was given by the mount. */
	ck_assert_int_eq(setattr(ROOT, zim.root.handle, GEN), 0);
	ck_assert_int_eq(setattr(ROOT, 0, GEN), 0);
	ck_assert_int_eq(igets, 0);

	/* Of a server before this one: found again once, then known. */
	ck_assert_int_eq(setattr(11, 0xdeadbeef, GEN), 0);
	ck_assert_uint_eq(((struct zufs_ioc_attr *)buf)->attr.handle,
			  handle_of(11));
	ck_assert_int_eq(setattr(11, 0, GEN), 0);
	ck_assert_int_eq(igets, 1);
	ck_assert_int_eq(inodes[11].refs, 1);

	/* There is none of that generation, number, or at all. */
	ck_assert_int_eq(setattr(10, handle, GEN + 1), -ESTALE);
	ck_assert_int_eq(setattr(NR_INODES, 0, GEN), -ESTALE);
	ck_assert_int_eq(setattr(0, handle, GEN), -EINVAL);
	sbi_ops.iget = NULL;
	ck_assert_int_eq(setattr(12, 0, GEN), -ESTALE);
	ck_assert_int_eq(setattr(ROOT, 0, GEN), 0);
}
END_TEST

START_TEST(evictions)
{
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(lookup("10", 2, NULL), 0);
	ck_assert_int_eq(inodes[10].refs, 3);
	ck_assert_int_eq(setattr(10, 0, GEN), 0);
	ck_assert_int_eq(igets, 0); /* known */
	ck_assert_int_eq(evict(ZUFS_OP_EVICT_INODE, 10), 0);
	ck_assert_int_eq(inodes[10].refs, 0);
	ck_assert_int_eq(inodes[10].evicts, 3);
	ck_assert_int_eq(inodes[10].freed, 0);

	/* Not known any more: nothing to evict. */
	ck_assert_int_eq(evict(ZUFS_OP_EVICT_INODE, 10), 0);
	ck_assert_int_eq(inodes[10].evicts, 3);

	/* Another generation is another inode. */
	ck_assert_int_eq(lookup("13", 2, NULL), 0);
	((struct zufs_ioc_op *)OP_IN(ZUFS_OP_EVICT_INODE, 13, zufs_ioc_op))
		->ii.generation = GEN + 1;
	ck_assert_int_eq(run(buf), 0);
	ck_assert_int_eq(inodes[13].refs, 1);
}
END_TEST

START_TEST(frees)
{
	/* Only the last of the references frees. */
	ck_assert_int_eq(lookup("10", 2, NULL), 0);
	ck_assert_int_eq(lookup("10", 2, NULL), 0);
	ck_assert_int_eq(evict(ZUFS_OP_FREE_INODE, 10), 0);
	ck_assert_int_eq(inodes[10].refs, 0);
	ck_assert_int_eq(inodes[10].evicts, 2);
	ck_assert_int_eq(inodes[10].freed, 1);

	/* One that only a server before this one knew. */
	ck_assert_int_eq(evict(ZUFS_OP_FREE_INODE, 11), 0);
	ck_assert_int_eq(inodes[11].freed, 1);
	ck_assert_int_eq(evict(ZUFS_OP_FREE_INODE, NR_INODES), 0);

	/* The root's own reference stays. */
	ck_assert_int_eq(lookup("..", 2, NULL), 0);
	ck_assert_int_eq(evict(ZUFS_OP_FREE_INODE, ROOT), 0);
	ck_assert_int_eq(evict(ZUFS_OP_FREE_INODE, ROOT), 0);
	ck_assert_int_eq(inodes[ROOT].refs, 0);
	ck_assert_int_eq(inodes[ROOT].freed, 0);
}
END_TEST

static struct test_inode twin; /* of inode 10 */

static int t_lookup_twin(struct zus_sb_info *sbi, struct zus_inode_info *dir,
			 struct zufs_ioc_lookup *io,
			 struct zus_inode_info **zii)
{
	(void)sbi;
	(void)dir;
	(void)io;
	twin.refs++;
	*zii = &twin.zii;
	return 0;
}

static int t_lookup_nothing(struct zus_sb_info *sbi, struct zus_inode_info *dir,
			    struct zufs_ioc_lookup *io,
			    struct zus_inode_info **zii)
{
	(void)sbi;
	(void)dir;
	(void)io;
	*zii = NULL;
	return 0;
}

START_TEST(faulty_lookups)
{
	ck_assert_int_eq(lookup("10", 2, NULL), 0);
	twin.zii = inodes[10].zii;
	sbi_ops.lookup = t_lookup_twin;
	ck_assert_int_eq(lookup("10", 2, NULL), -EIO);
	ck_assert_int_eq(twin.refs, 0);
	ck_assert_int_eq(inodes[10].refs, 1);
	sbi_ops.lookup = t_lookup_nothing;
	ck_assert_int_eq(lookup("10", 2, NULL), -EIO);
}
END_TEST

static struct test_inode *many; /* inodes NR_INODES and up */

static int t_iget_many(struct zus_sb_info *sbi, uint64_t ino,
		       uint64_t generation, struct zufs_attr *attr,
		       struct zus_inode_info **zii)
{
	struct test_inode *ti = &many[ino - NR_INODES];

	(void)sbi;
	(void)generation;
	ti->zii = (struct zus_inode_info){ .op = &zii_ops,
					   .ino = ino,
					   .generation = GEN };
	ti->refs++;
	igets++;
	fill_attr(attr, ino);
	*zii = &ti->zii;
	return 0;
}

/* The tables grow; half is evicted one by one, the rest by the umount. */
START_TEST(many_handles)
{
	enum {
		MANY = 20000
	};
	static struct test_inode space[MANY];

	many = space;
	sbi_ops.iget = t_iget_many;
	for (int pass = 0; pass < 2; pass++)
		for (uint64_t i = 0; i < MANY; i++)
			ck_assert_int_eq(setattr(NR_INODES + i, 0, GEN), 0);
	ck_assert_int_eq(igets, MANY);
	for (uint64_t i = 0; i < MANY; i += 2)
		ck_assert_int_eq(evict(ZUFS_OP_EVICT_INODE, NR_INODES + i), 0);
	for (uint64_t i = 0; i < MANY; i++)
		ck_assert_int_eq(many[i].refs, i % 2);
	tear_down();
	for (uint64_t i = 0; i < MANY; i++)
		ck_assert_int_eq(many[i].refs, 0);
	set_up();
}
END_TEST

/* Lookups of a few inodes race with their evictions. */
static void *racer(void *arg)
{
	_Alignas(64) char b[1024];

	for (unsigned int i = 0; i < 20000; i++) {
		uint64_t ino = 10 + (i + (uintptr_t)arg) % 3;
		struct zufs_ioc_lookup *io =
			op_in(b, ZUFS_OP_IGET, ino, 336, 336, 488);
		struct zufs_ioc_op *ev;

		if (zus_local_op(zl, &io->op.hdr, NULL) ||
		    io->attr.handle != handle_of(ino))
			return "iget";
		ev = op_in(b, ZUFS_OP_EVICT_INODE, ino, sizeof(*ev),
			   sizeof(*ev), sizeof(*ev));
		if (zus_local_op(zl, &ev->hdr, NULL))
			return "evict";
	}
	return NULL;
}

START_TEST(races)
{
	pthread_t t[4];
	void *failed;

	for (uintptr_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, racer, (void *)i),
				 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &failed);
		ck_assert_ptr_null(failed);
	}
	for (int i = 10; i < 13; i++)
		ck_assert_int_eq(inodes[i].refs, 0);
}
END_TEST

static struct {
	sem_t begun;
	int evicts; /* of the inode while its callback ran */
} slow;

static int t_setattr_slow(struct zus_inode_info *zii, struct zufs_ioc_attr *io)
{
	(void)io;
	sem_post(&slow.begun);
	usleep(50000);
	slow.evicts = inodes[zii->ino].evicts;
	return 0;
}

static void *slow_caller(void *arg)
{
	_Alignas(64) char b[1024];
	struct zufs_ioc_attr *io = op_in(b, ZUFS_OP_SETATTR, 10, 224, 224, 376);

	(void)arg;
	return zus_local_op(zl, &io->op.hdr, NULL) ? "setattr" : NULL;
}

/* The kernel forgets an inode whose caller was killed. */
START_TEST(no_end_in_use)
{
	pthread_t t;
	void *failed;

	sem_init(&slow.begun, 0, 0);
	zii_ops.setattr = t_setattr_slow;
	for (int op = ZUFS_OP_FREE_INODE; op <= ZUFS_OP_EVICT_INODE; op++) {
		int before = inodes[10].evicts;

		ck_assert_int_eq(lookup("10", 2, NULL), 0);
		ck_assert_int_eq(pthread_create(&t, NULL, slow_caller, NULL),
				 0);
		sem_wait(&slow.begun);
		ck_assert_int_eq(evict(op, 10), 0);
		ck_assert_int_eq(inodes[10].evicts, before + 1);
		pthread_join(t, &failed);
		ck_assert_ptr_null(failed);
		ck_assert_int_eq(slow.evicts, before);
	}
}
END_TEST

/* ---- the loader ---- */

/* The load fails with a reason of one line that has @text. */
static void refused(const char *name, int err, const char *text)
{
	const char *why = NULL;

	ck_assert_int_eq(zus_load_plugin(name, &why), err);
	ck_assert_ptr_nonnull(why);
	ck_assert_msg(strstr(why, text) != NULL, "%s: %s", name, why);
	ck_assert_ptr_null(strchr(why, '\n'));
}

START_TEST(loader_errors)
{
	char path[] = "/tmp/test_libzus.XXXXXX";
	char longest[8192];
	Dl_info libc;
	int fd = mkstemp(path);

	refused("nosuch", -ENOENT, "nosuch.so: No such file");
	refused("nosuch", -ENOENT, "--plugin-dir");
	refused("/nonexistent/x.so", -ENOENT, "/nonexistent/x.so: No such");
	ck_assert_int_eq(write(fd, "text", 4), 4);
	close(fd);
	refused(path, -ENOEXEC, path);
	unlink(path);
	ck_assert(dladdr(dlsym(RTLD_DEFAULT, "puts"), &libc));
	if (strstr(libc.dli_fname, "libc.so"))
		refused(libc.dli_fname, -ENOEXEC, "zus_plugin_init");
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	refused(longest, -ENAMETOOLONG, "too long");
}
END_TEST

START_TEST(loader_loads)
{
	const char *plugin = getenv("TOYFS_PLUGIN"), *why;

	if (!plugin)
		return;
	ck_assert_msg(!zus_load_plugin(plugin, &why), "%s", why);
	ck_assert_ptr_nonnull(zus_find_fs("toyfs"));
	refused(plugin, -EEXIST, "load it once");
	ck_assert_ptr_nonnull(zus_find_fs("toyfs"));
}
END_TEST

START_TEST(types)
{
	static const char *const bad[] = { "", "Memfs", "mem.fs", "mem fs",
					   "abcdefghijklmnop" };
	static struct zus_fs_info t[20];
	const struct zus_plugin old = { .abi = ZUS_ABI - 1 };
	struct zus_zfi_operations partial = zfi_ops;
	int err = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct zus_fs_info f = { .op = &zfi_ops };

		/* 16 bytes have no end: that is wrong too */
		memcpy(f.rfi.fsname, bad[i], strlen(bad[i]));
		ck_assert_int_eq(zus_register_one(&f), -EINVAL);
	}
	partial.sbi_fini = NULL;
	t[0] = (struct zus_fs_info){ .rfi = { .fsname = "partial" },
				     .op = &partial };
	ck_assert_int_eq(zus_register_one(&t[0]), -EINVAL);
	ck_assert_int_eq(zus_register_one(&zfi), 0);
	ck_assert_ptr_eq(zus_find_fs("puppet"), &zfi);
	/* It named no range of times. */
	ck_assert_int_eq(zfi.rfi.s_time_min, INT64_MIN / 1000000000);
	ck_assert_int_eq(zfi.rfi.s_time_max, INT64_MAX / 1000000000);
	ck_assert_int_eq(zus_register_one(&zfi), -EEXIST);
	ck_assert_int_eq(zus_register_type(&old, &zfi), -EPROTONOSUPPORT);
	ck_assert_ptr_null(zus_find_fs("other"));
	for (int i = 0; i < 20 && !err; i++) {
		t[i] = (struct zus_fs_info){ .op = &zfi_ops };
		t[i].rfi.fsname[0] = (char)('a' + i);
		err = zus_register_one(&t[i]);
	}
	ck_assert_int_eq(err, -ENOSPC);
}
END_TEST

int main(void)
{
	const TTest *const mounted[] = {
		handles,      evictions, frees,		faulty_lookups,
		many_handles, races,	 no_end_in_use, NULL,
	};
	const TTest *const loader[] = {
		loader_errors,
		loader_loads,
		types,
		NULL,
	};
	Suite *s = suite_create("handles");

	add_case(s, "mounted", mounted, set_up, tear_down);
	add_case(s, "loader", loader, NULL, NULL);
	return run_suite(s);
}
