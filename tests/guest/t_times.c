// SPDX-License-Identifier: GPL-2.0
/*
 * Times: which calls change which of a file and its folder, and which keep them.
 *
 * usage: t_times FOLDER make|kept
 * "make" leaves times that "kept" finds, after another mount.
 */
#include <dirent.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <time.h>

#include "calls.h"

#define BEFORE_1970 (-1000000000L)
#define AFTER_2038  5000000000L

typedef struct timespec ts;

static int cmp(ts a, ts b)
{
	if (a.tv_sec != b.tv_sec)
		return a.tv_sec < b.tv_sec ? -1 : 1;
	return a.tv_nsec < b.tv_nsec ? -1 : a.tv_nsec > b.tv_nsec;
}

static struct stat before;

/* The next call comes at another time than those before. */
static void next(const char *name)
{
	usleep(20000); /* times are of the last tick */
	before = stat_of(name);
}

/* Of @name, those of "amc" that are in @which are later now, the others not. */
static bool changed(const char *name, const char *which)
{
	struct stat now = stat_of(name);
	int a = cmp(now.st_atim, before.st_atim);
	int m = cmp(now.st_mtim, before.st_mtim);
	int c = cmp(now.st_ctim, before.st_ctim);

	if (a == !!strchr(which, 'a') && m == !!strchr(which, 'm') &&
	    c == !!strchr(which, 'c'))
		return true;
	printf("#   a %d, m %d, c %d: 1 is later, -1 earlier\n", a, m, c);
	return false;
}

static void of_allocations(int fd)
{
	next("f");
	OK("times: fallocate: m, c",
	   !fallocate(fd, 0, 0, 8192) && changed("f", "mc"));
	next("f");
	OK("times: a hole: m, c",
	   !fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		      4096) &&
		   changed("f", "mc"));
}

static void of_files(void)
{
	int fd = new_file("f");
	struct stat st;
	char *m;

	st = fstat_of(fd);
	OK("times: a new file has one for all",
	   !cmp(st.st_atim, st.st_mtim) && !cmp(st.st_atim, st.st_ctim));
	next("f");
	OK("times: an append: m, c",
	   write(fd, "hello", 5) == 5 && changed("f", "mc"));
	next("f");
	OK("times: an overwrite: m, c",
	   pwrite(fd, "j", 1, 0) == 1 && changed("f", "mc"));
	next("f");
	OK("times: chmod after an overwrite: c",
	   !fchmod(fd, 0600) && changed("f", "c"));
	next("f");
	OK("times: chown: c", !fchown(fd, 1, 1) && changed("f", "c"));
	pwrite(fd, "k", 1, 0);
	next("f");
	OK("times: fsync keeps all", !fsync(fd) && changed("f", ""));
	OK("times: fdatasync too", !fdatasync(fd) && changed("f", ""));
	next("f");
	OK("times: truncate: m, c", !truncate("f", 100) && changed("f", "mc"));
	if (!calls_simple)
		of_allocations(fd);
	next("f");
	OK("times: a write of nothing: none",
	   write(fd, "", 0) == 0 && changed("f", ""));
	m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(m != MAP_FAILED);
	next("f");
	m[0] = 's';
	OK("times: a store and msync: m, c",
	   !msync(m, 4096, MS_SYNC) && changed("f", "mc"));
	munmap(m, 4096);
	close(fd);
	next("f");
	OK("times: O_TRUNC: m, c",
	   !close(open("f", O_WRONLY | O_TRUNC)) && changed("f", "mc"));
}

/* The ctime of an overwrite is one that the server hasn't heard of. */
#define NEXT(text)                                                   \
	do {                                                         \
		next("i");                                           \
		NEED(!overwritten || pwrite(fd, "j", 1, 0) == 1);    \
		next("i");                                           \
		snprintf(what, sizeof(what), "times: %s%s: c", text, \
			 with[overwritten]);                         \
	} while (0)

static const char *const with[] = { "", " after an overwrite" };

static void of_xattrs(int fd, int overwritten)
{
	char what[80];

	NEXT("setxattr");
	OK(what, !setxattr("i", "user.a", "v", 1, 0) && changed("i", "c"));
	NEXT("removexattr");
	OK(what, !removexattr("i", "user.a") && changed("i", "c"));
}

static void of_exchange(int fd, int overwritten)
{
	char what[80];

	NEXT("exchange");
	OK(what, !renameat2(AT_FDCWD, "i4", AT_FDCWD, "i", RENAME_EXCHANGE) &&
			 changed("i4", "c"));
	NEED(!renameat2(AT_FDCWD, "i4", AT_FDCWD, "i", RENAME_EXCHANGE));
}

static void of_inodes(int overwritten)
{
	char what[80];
	int fd = new_file("i");

	NEED(write(fd, "hello", 5) == 5 && !fsync(fd));
	NEXT("link");
	OK(what, !link("i", "i2") && changed("i", "c"));
	NEXT("unlink of another name");
	OK(what, !unlink("i2") && changed("i", "c"));
	if (!calls_simple)
		of_xattrs(fd, overwritten);
	NEXT("rename");
	OK(what, !rename("i", "i3") && changed("i3", "c"));
	NEED(rename("i3", "i") == 0);
	new_text("i4", "");
	NEED(renameat2(AT_FDCWD, "i", AT_FDCWD, "i5", RENAME_NOREPLACE) == 0);
	NEED(rename("i5", "i") == 0);
	if (!calls_simple)
		of_exchange(fd, overwritten);
	NEED(link("i", "i6") == 0);
	NEXT("replaced by a rename");
	OK(what, !rename("i4", "i") && changed("i6", "c"));
	next("i6");
	OK("times: unlink of the last name: c of the open file",
	   !unlink("i6") && fstat_of(fd).st_nlink == 0 &&
		   !cmp(fstat_of(fd).st_mtim, before.st_mtim) &&
		   cmp(fstat_of(fd).st_ctim, before.st_ctim) > 0);
	close(fd);
}

static void of_folders(void)
{
	NEED(mkdir("d", 0755) == 0 && mkdir("e", 0755) == 0);
	next("d");
	new_text("d/f", "x");
	OK("times: create: m, c of the folder", changed("d", "mc"));
	next("d");
	new_text("d/f", "longer");
	OK("times: a write: none of the folder", changed("d", ""));
	next("d");
	OK("times: link: m, c of the folder",
	   !link("d/f", "d/g") && changed("d", "mc"));
	next("d");
	OK("times: mkdir: m, c of the folder",
	   !mkdir("d/sub", 0755) && changed("d", "mc"));
	next("d");
	OK("times: something in its child: none of the folder",
	   !mkdir("d/sub/sub", 0755) && changed("d", ""));
	next("d");
	OK("times: unlink: m, c of the folder",
	   !unlink("d/g") && changed("d", "mc"));
	next("d");
	OK("times: rename: m, c of the folder it was in",
	   !rename("d/f", "e/f") && changed("d", "mc"));
	next("e");
	OK("times: and of the one where it is now",
	   !rename("d/sub", "e/sub") && changed("e", "mc"));
	next("e/sub");
	OK("times: something that fails: none of the folder",
	   mkdir("e/sub/sub", 0755) == -1 && rmdir("e/sub") == -1 &&
		   changed("e/sub", ""));
	next("e/sub");
	OK("times: rmdir: m, c of the folder",
	   !rmdir("e/sub/sub") && changed("e/sub", "mc"));
}

/* Access and change of @name are so many seconds back, from now. */
static void set_back(const char *name, long access, long modified)
{
	ts now, t[2];

	NEED(clock_gettime(CLOCK_REALTIME, &now) == 0);
	t[0] = (ts){ now.tv_sec - access, 1 };
	t[1] = (ts){ now.tv_sec - modified, 2 };
	NEED(utimensat(AT_FDCWD, name, t, 0) == 0);
	next(name);
}

static bool read_it(const char *name, int flags)
{
	int fd = open(name, O_RDONLY | flags);
	char c;
	bool good = read(fd, &c, 1) == 1;

	close(fd);
	return good;
}

static bool list_it(const char *name)
{
	DIR *d = opendir(name);
	bool good = d && readdir(d);

	closedir(d);
	return good;
}

static void relatime(void)
{
	char text[9], *m;
	int fd;

	new_text("r", "x");
	set_back("r", 20, 10);
	OK("relatime: a read after a write: a",
	   read_it("r", 0) && changed("r", "a"));
	next("r");
	OK("relatime: another read: none", read_it("r", 0) && changed("r", ""));
	set_back("r", 90000, 180000);
	OK("relatime: not with O_NOATIME",
	   read_it("r", O_NOATIME) && changed("r", ""));
	OK("relatime: but without it: a", read_it("r", 0) && changed("r", "a"));
	set_back("r", 90000, 180000);
	fd = open("r", O_RDONLY);
	m = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	NEED(m != MAP_FAILED);
	OK("relatime: mmap: a", m[0] == 'x' && changed("r", "a"));
	munmap(m, 4096);
	close(fd);
	NEED(mkdir("r.d", 0755) == 0 && symlink("text", "r.s") == 0);
	set_back("r.d", 20, 10);
	OK("relatime: a folder: a", list_it("r.d") && changed("r.d", "a"));
	next("r.s");
	OK("relatime: a symlink: a",
	   readlink("r.s", text, 9) == 4 && changed("r.s", "a"));
}

static int set_now(const char *name)
{
	return utimensat(AT_FDCWD, name, NULL, 0);
}

static int set_then(const char *name)
{
	ts t[2] = { { 1, 1 }, { 2, 2 } };

	return utimensat(AT_FDCWD, name, t, 0);
}

static bool has(const char *name, ts a, ts m)
{
	struct stat st = stat_of(name);

	if (!cmp(st.st_atim, a) && !cmp(st.st_mtim, m))
		return true;
	printf("#   %s: a %ld.%09ld, m %ld.%09ld\n", name, st.st_atim.tv_sec,
	       st.st_atim.tv_nsec, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	return false;
}

static const ts some[2] = { { 1111111111, 123456789 },
			    { 1222222222, 987654321 } };
static const ts far[2] = { { BEFORE_1970, 1 }, { AFTER_2038, 999999999 } };

static void utimes(void)
{
	ts t[2] = { { 0, UTIME_OMIT }, { 5, 6 } };
	ts wrong[2] = { { 1, 1000000000 }, { 1, 1 } };
	ts never[2] = { { -100000000000L, 0 }, { 100000000000L, 0 } };
	int fd;

	new_text("u", "x");
	next("u");
	OK("utimensat: nanoseconds",
	   !utimensat(AT_FDCWD, "u", some, 0) && has("u", some[0], some[1]));
	OK("utimensat: changes c",
	   cmp(stat_of("u").st_ctim, before.st_ctim) > 0);
	OK("utimensat: UTIME_OMIT",
	   !utimensat(AT_FDCWD, "u", t, 0) && has("u", some[0], t[1]));
	t[1].tv_nsec = UTIME_NOW;
	next("u");
	OK("utimensat: UTIME_NOW",
	   !utimensat(AT_FDCWD, "u", t, 0) && changed("u", "mc"));
	FAILS(EINVAL, "utimensat: no nanoseconds",
	      utimensat(AT_FDCWD, "u", wrong, 0));
	OK("utimensat: by another user",
	   as_user(1000, set_then, "u") == EPERM &&
		   as_user(1000, set_now, "u") == EACCES);
	NEED(chmod("u", 0666) == 0);
	OK("utimensat: by one who may write: only the time now",
	   as_user(1000, set_then, "u") == EPERM &&
		   !as_user(1000, set_now, "u"));
	OK("utimensat: beyond the years 1678 to 2262: the nearest",
	   !utimensat(AT_FDCWD, "u", never, 0) &&
		   stat_of("u").st_atim.tv_sec < -9200000000L &&
		   stat_of("u").st_mtim.tv_sec > 9200000000L);
	OK("utimensat: before 1970, after 2038",
	   !utimensat(AT_FDCWD, "u", far, 0) && has("u", far[0], far[1]));
	fd = new_file("o");
	NEED(write(fd, "text", 4) == 4 && pwrite(fd, "T", 1, 0) == 1);
	OK("utimensat: after an overwrite that isn't synced",
	   !futimens(fd, some) && has("o", some[0], some[1]) && !fsync(fd) &&
		   has("o", some[0], some[1]));
	close(fd);
	NEED(symlink("u", "s") == 0);
	OK("utimensat: of a symlink",
	   !utimensat(AT_FDCWD, "s", some, AT_SYMLINK_NOFOLLOW) &&
		   has("s", some[0], some[1]) && has("u", far[0], far[1]));
}

static void births(void)
{
	struct statx x, y;
	int fd = new_file("b");

	NEED(!statx(fd, "", AT_EMPTY_PATH, STATX_ALL, &x));
	OK("statx: a time of birth",
	   x.stx_mask & STATX_BTIME &&
		   x.stx_btime.tv_sec == x.stx_ctime.tv_sec &&
		   x.stx_btime.tv_nsec == x.stx_ctime.tv_nsec);
	next("b");
	NEED(write(fd, "x", 1) == 1 && !fchmod(fd, 0600) &&
	     !futimens(fd, some));
	NEED(!statx(fd, "", AT_EMPTY_PATH, STATX_ALL, &y));
	OK("statx: which nothing changes",
	   x.stx_btime.tv_sec == y.stx_btime.tv_sec &&
		   x.stx_btime.tv_nsec == y.stx_btime.tv_nsec);
	close(fd);
}

/* Lazy ones: an overwrite's, a read's, a store's, and what they were then. */
static void lazy(void)
{
	static const char *const name[] = { "lazy.write", "lazy.read",
					    "lazy.store" };
	FILE *f = fopen("lazy", "w");
	struct stat st;
	char *m;
	int fd, i;

	for (i = 0; i < 3; i++) {
		new_text(name[i], "x");
		set_back(name[i], 20, 10);
	}
	fd = open("lazy.write", O_WRONLY);
	NEED(pwrite(fd, "y", 1, 0) == 1 && !close(fd) &&
	     read_it("lazy.read", 0));
	fd = open("lazy.store", O_RDWR);
	m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(m != MAP_FAILED);
	m[0] = 'z';
	munmap(m, 4096);
	close(fd);
	NEED(f);
	for (i = 0; i < 3; i++) {
		st = stat_of(name[i]);
		fprintf(f, "%ld %ld %ld %ld %ld %ld\n", st.st_atim.tv_sec,
			st.st_atim.tv_nsec, st.st_mtim.tv_sec,
			st.st_mtim.tv_nsec, st.st_ctim.tv_sec,
			st.st_ctim.tv_nsec);
	}
	NEED(fclose(f) == 0);
}

static bool as_then(FILE *f, const char *name)
{
	struct stat st = stat_of(name);
	ts a, m, c;

	if (fscanf(f, "%ld %ld %ld %ld %ld %ld", &a.tv_sec, &a.tv_nsec,
		   &m.tv_sec, &m.tv_nsec, &c.tv_sec, &c.tv_nsec) != 6)
		return false;
	return has(name, a, m) && !cmp(st.st_ctim, c);
}

static void kept(void)
{
	FILE *f = fopen("lazy", "r");

	NEED(f);
	OK("times: kept: those of utimensat",
	   has("u", far[0], far[1]) && has("o", some[0], some[1]) &&
		   has("s", some[0], some[1]));
	OK("times: kept: of an overwrite", as_then(f, "lazy.write"));
	OK("times: kept: of a read", as_then(f, "lazy.read"));
	OK("times: kept: of a store", as_then(f, "lazy.store"));
	fclose(f);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	calls_begin(argv[1]);
	if (!strcmp(argv[2], "kept")) {
		kept();
		return calls_end();
	}
	of_files();
	of_inodes(0);
	of_inodes(1);
	of_folders();
	relatime();
	utimes();
	if (!calls_simple)
		births();
	lazy();
	return calls_end();
}
