// SPDX-License-Identifier: GPL-2.0
/*
 * Who may, and what a new inode gets: set-id bits and file capabilities that
 * writes and chown take off, sticky and setgid directories, umask.
 *
 * usage: t_rights FOLDER
 */
#include <linux/capability.h>
#include <linux/falloc.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "calls.h"

static mode_t mode(const char *name)
{
	return stat_of(name).st_mode & 07777;
}

/* ---- set-id bits ---- */

static int writes(const char *name)
{
	int fd = open(name, O_WRONLY);

	return write(fd, "w", 1) != 1;
}

static int appends(const char *name)
{
	int fd = open(name, O_WRONLY | O_APPEND);

	return write(fd, "w", 1) != 1;
}

static int truncates(const char *name)
{
	return truncate(name, 2);
}

static int opens_truncating(const char *name)
{
	return open(name, O_WRONLY | O_TRUNC) < 0;
}

static int allocates(const char *name)
{
	return fallocate(open(name, O_WRONLY), 0, 0, 100);
}

static int punches(const char *name)
{
	return fallocate(open(name, O_WRONLY),
			 FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 3);
}

static int only_reads(const char *name)
{
	char c;

	return read(open(name, O_RDONLY), &c, 1) != 1;
}

/* A file with these bits, which was written to before it got them. */
static void with_bits(const char *name, mode_t bits)
{
	int fd = new_file(name);

	NEED(write(fd, "text", 4) == 4 && pwrite(fd, "T", 1, 0) == 1);
	NEED(chmod(name, 0777) == 0 && pwrite(fd, "T", 1, 0) == 1);
	NEED(close(fd) == 0 && chmod(name, bits | 0777) == 0);
	NEED(mode(name) == (bits | 0777));
}

static mode_t after(int (*call)(const char *name), mode_t bits)
{
	with_bits("setid", bits);
	NEED(as_user(1000, call, "setid") == 0);
	return mode("setid");
}

static void set_ids(void)
{
	int fd;

	OK("set-uid: another user's write takes it off",
	   after(writes, S_ISUID) == 0777);
	OK("set-gid: and that", after(writes, S_ISGID) == 0777);
	OK("set-uid and set-gid: and both",
	   after(writes, S_ISUID | S_ISGID) == 0777);
	OK("set-uid: an append takes it off", after(appends, 06000) == 0777);
	OK("set-uid: truncate takes it off", after(truncates, 06000) == 0777);
	OK("set-uid: O_TRUNC takes it off",
	   after(opens_truncating, 06000) == 0777);
	if (!calls_simple) {
		OK("set-uid: fallocate takes it off",
		   after(allocates, 06000) == 0777);
		OK("set-uid: a hole takes it off",
		   after(punches, 06000) == 0777);
	}
	OK("set-uid: a read leaves it", after(only_reads, 06000) == 06777);
	with_bits("setid", 06000);
	OK("set-uid: root's write leaves it",
	   writes("setid") == 0 && mode("setid") == 06777);
	OK("set-uid: chown takes it off",
	   !chown("setid", 1000, 1000) && mode("setid") == 0777 &&
		   stat_of("setid").st_uid == 1000);
	NEED(chmod("setid", 06777) == 0);
	OK("set-uid: the owner's own write too",
	   as_user(1000, writes, "setid") == 0 && mode("setid") == 0777);
	NEED(chmod("setid", 06777) == 0);
	OK("set-uid: chown of nothing too",
	   !chown("setid", -1, -1) && mode("setid") == 0777);
	fd = open("setid", O_RDWR);
	NEED(fd >= 0 && fchmod(fd, 04755) == 0);
	OK("set-uid: set through the file that is written to",
	   mode("setid") == 04755 && write(fd, "w", 1) == 1 &&
		   mode("setid") == 04755);
	close(fd);
	NEED(mkdir("setid.d", 0755) == 0 && chmod("setid.d", 02755) == 0);
	OK("set-gid: a directory keeps it over chown",
	   !chown("setid.d", 1000, 1000) && mode("setid.d") == 02755);
}

static void capabilities(void)
{
	struct vfs_cap_data cap = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].permitted = 1 << CAP_NET_RAW,
	};
	const char *name = "security.capability";
	char buf[64];

	with_bits("cap", 0);
	OK("file capabilities: set",
	   !setxattr("cap", name, &cap, XATTR_CAPS_SZ_2, 0) &&
		   getxattr("cap", name, buf, 64) == XATTR_CAPS_SZ_2 &&
		   !memcmp(buf, &cap, XATTR_CAPS_SZ_2));
	OK("file capabilities: a write takes them off",
	   writes("cap") == 0 && getxattr("cap", name, buf, 64) == -1 &&
		   errno == ENODATA);
	NEED(setxattr("cap", name, &cap, XATTR_CAPS_SZ_2, 0) == 0);
	OK("file capabilities: truncate takes them off",
	   !truncate("cap", 1) && getxattr("cap", name, buf, 64) == -1);
	NEED(setxattr("cap", name, &cap, XATTR_CAPS_SZ_2, 0) == 0);
	OK("file capabilities: chown takes them off",
	   !chown("cap", 1000, 1000) && getxattr("cap", name, buf, 64) == -1);
}

/* ---- who may ---- */

static int reads_it(const char *name)
{
	return open(name, O_RDONLY) < 0;
}

static int writes_it(const char *name)
{
	return open(name, O_WRONLY) < 0;
}

static int runs_it(const char *name)
{
	return access(name, X_OK);
}

static int chmods(const char *name)
{
	return chmod(name, 0777);
}

static int gives_away(const char *name)
{
	return chown(name, 1001, -1);
}

static int gives_group_away(const char *name)
{
	return chown(name, -1, 1001);
}

static int sets_gid_bit(const char *name)
{
	return chmod(name, 02755);
}

static void rights(void)
{
	new_text("r", "r");
	NEED(chown("r", 1000, 1000) == 0 && chmod("r", 0640) == 0);
	OK("rights: the owner reads and writes",
	   !as_user(1000, reads_it, "r") && !as_user(1000, writes_it, "r") &&
		   as_user(1000, runs_it, "r") == EACCES);
	OK("rights: others neither",
	   as_user(1001, reads_it, "r") == EACCES &&
		   as_user(1001, writes_it, "r") == EACCES);
	OK("rights: nor does another change the mode",
	   as_user(1001, chmods, "r") == EPERM && mode("r") == 0640);
	OK("rights: the owner changes it",
	   as_user(1000, chmods, "r") == 0 && mode("r") == 0777);
	OK("rights: the owner gives nothing away",
	   as_user(1000, gives_away, "r") == EPERM &&
		   as_user(1000, gives_group_away, "r") == EPERM);
	NEED(chown("r", 1000, 2000) == 0);
	OK("rights: no set-gid for a group that isn't the owner's",
	   as_user(1000, sets_gid_bit, "r") == 0 && mode("r") == 0755);
	OK("rights: ids of 32 bits",
	   !chown("r", 4000000000U, 4000000001U) &&
		   stat_of("r").st_uid == 4000000000U &&
		   stat_of("r").st_gid == 4000000001U);
}

static int unlinks(const char *name)
{
	return unlink(name);
}

static int removes(const char *name)
{
	return rmdir(name);
}

static int renames(const char *name)
{
	return rename(name, "sticky/other");
}

static int renames_over(const char *name)
{
	int fd = open("sticky/mine", O_WRONLY | O_CREAT, 0644);

	if (fd < 0)
		return -1;
	return rename("sticky/mine", name);
}

static void sticky(void)
{
	NEED(mkdir("sticky", 0777) == 0 && chmod("sticky", 01777) == 0);
	NEED(chown("sticky", 1002, 1002) == 0);
	new_text("sticky/a", "a");
	NEED(mkdir("sticky/d", 0777) == 0);
	NEED(!chown("sticky/a", 1000, 1000) && !chown("sticky/d", 1000, 1000));
	OK("sticky: another user does not unlink",
	   as_user(1001, unlinks, "sticky/a") == EPERM);
	OK("sticky: nor rename", as_user(1001, renames, "sticky/a") == EPERM);
	OK("sticky: nor over it",
	   as_user(1001, renames_over, "sticky/a") == EPERM);
	OK("sticky: nor rmdir", as_user(1001, removes, "sticky/d") == EPERM);
	OK("sticky: all is there", has_text("sticky/a", "a"));
	OK("sticky: the owner does",
	   !as_user(1000, renames, "sticky/a") &&
		   !as_user(1000, unlinks, "sticky/other") &&
		   !as_user(1000, removes, "sticky/d"));
	OK("sticky: so does the directory's owner",
	   !as_user(1002, unlinks, "sticky/mine"));
}

/* ---- what a new inode gets ---- */

static bool is_new(const char *name, uid_t uid, gid_t gid, mode_t bits)
{
	struct stat st = stat_of(name);

	if (st.st_uid == uid && st.st_gid == gid &&
	    (st.st_mode & 07777) == bits)
		return true;
	printf("#   %s: user %u, group %u, mode %o\n", name, st.st_uid,
	       st.st_gid, st.st_mode & 07777);
	return false;
}

static int makes_file(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 02775);

	return fd < 0;
}

static int makes_folder(const char *name)
{
	return mkdir(name, 0775);
}

static int makes_symlink(const char *name)
{
	return symlink("text", name);
}

static int makes_fifo(const char *name)
{
	return mkfifo(name, 0664);
}

static int makes_tmpfile(const char *name)
{
	char path[64];
	int fd = open("gid", O_TMPFILE | O_WRONLY, 02775);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

static void owners(void)
{
	umask(0);
	NEED(mkdir("nogid", 0777) == 0 && chown("nogid", 5, 2000) == 0);
	NEED(mkdir("gid", 0777) == 0 && chown("gid", 5, 2000) == 0);
	NEED(chmod("gid", 02777) == 0);
	OK("new: file and folder are their maker's",
	   !as_user(1000, makes_file, "nogid/f") &&
		   !as_user(1000, makes_folder, "nogid/d") &&
		   is_new("nogid/f", 1000, 1000, 02775) &&
		   is_new("nogid/d", 1000, 1000, 0775));
	OK("set-gid directory: a folder in it inherits group and bit",
	   !as_user(1000, makes_folder, "gid/d") &&
		   is_new("gid/d", 1000, 2000, 02775));
	OK("set-gid directory: a folder in that too",
	   !as_user(1000, makes_folder, "gid/d/e") &&
		   is_new("gid/d/e", 1000, 2000, 02775));
	OK("set-gid directory: a file has the group, and no bit of a group that "
	   "isn't its maker's",
	   !as_user(1000, makes_file, "gid/f") &&
		   is_new("gid/f", 1000, 2000, 0775));
	OK("set-gid directory: so has one of O_TMPFILE",
	   !as_user(1000, makes_tmpfile, "gid/t") &&
		   is_new("gid/t", 1000, 2000, 0775));
	OK("set-gid directory: fifo and symlink have the group",
	   !as_user(1000, makes_fifo, "gid/p") &&
		   !as_user(1000, makes_symlink, "gid/s") &&
		   is_new("gid/p", 1000, 2000, 0664) &&
		   is_new("gid/s", 1000, 2000, 0777));
	OK("set-gid directory: root's file may have the bit",
	   !makes_file("gid/root") && is_new("gid/root", 0, 2000, 02775));
}

static void umasks(void)
{
	umask(027);
	NEED(mkdir("umask", 0777) == 0);
	OK("umask: a folder", is_new("umask", 0, 0, 0750));
	OK("umask: a file",
	   close(open("umask/f", O_CREAT | O_WRONLY, 0666)) == 0 &&
		   is_new("umask/f", 0, 0, 0640));
	OK("umask: fifo and device",
	   !mkfifo("umask/p", 0666) &&
		   !mknod("umask/c", S_IFCHR | 0666, makedev(1, 3)) &&
		   is_new("umask/p", 0, 0, 0640) &&
		   is_new("umask/c", 0, 0, 0640));
	OK("umask: a file of O_TMPFILE",
	   (fstat_of(open("umask", O_TMPFILE | O_RDWR, 0666)).st_mode &
	    07777) == 0640);
	OK("umask: none for a symlink",
	   !symlink("text", "umask/s") && is_new("umask/s", 0, 0, 0777));
	OK("umask: none for chmod",
	   !chmod("umask/f", 0666) && is_new("umask/f", 0, 0, 0666));
	umask(0);
	OK("umask: of 0, with the upper bits",
	   close(open("umask/all", O_CREAT | O_WRONLY, 07777)) == 0 &&
		   is_new("umask/all", 0, 0, 07777));
	OK("umask: a file that may not be read is open to its maker",
	   write(open("umask/none", O_CREAT | O_WRONLY, 0), "x", 1) == 1 &&
		   is_new("umask/none", 0, 0, 0));
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	calls_begin(argv[1]);
	umask(0);
	set_ids();
	if (!calls_simple)
		capabilities();
	rights();
	sticky();
	owners();
	umasks();
	return calls_end();
}
