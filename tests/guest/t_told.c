// SPDX-License-Identifier: GPL-2.0
/*
 * What a server is told of names, attributes and xattrs, field by field, on a new
 * toyfs; and what of its answers reaches the application.
 *
 * usage: t_told FOLDER
 */
#include <dirent.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "told.h"

static struct zufs_iref root;

/* What was answered to the last one of NEW_INODE. */
static struct zufs_iref made(void)
{
	return ref_of(&ANSWERED(ZUFS_OP_NEW_INODE, zufs_ioc_new_inode)->attr);
}

/* ---- new inodes ---- */

/* @more: bytes behind the struct. */
static bool told_new(const struct zufs_iref *dir, const char *name, int mode,
		     size_t more)
{
	const struct zufs_ioc_new_inode *io =
		SENT(ZUFS_OP_NEW_INODE, zufs_ioc_new_inode);

	return told(ZUFS_OP_NEW_INODE, dir, sizeof(*io) + more,
		    offsetof(struct zufs_ioc_new_inode, attr), sizeof(*io)) &&
	       is_str(&io->str, name) && io->zi.i_mode == mode &&
	       (int64_t)io->zi.i_mtime == io->op.time &&
	       (int64_t)io->zi.i_ctime == io->op.time &&
	       (int64_t)io->zi.i_atime == io->op.time;
}

static void new_inodes(void)
{
	const struct zufs_ioc_new_inode *io;
	int fd;

	mark();
	setfsgid(1001);
	setfsuid(1000);
	fd = open("of1000", O_RDWR | O_CREAT, 0640);
	setfsuid(0);
	setfsgid(0);
	io = SENT(ZUFS_OP_NEW_INODE, zufs_ioc_new_inode);
	OK("NEW_INODE: name, mode, owner, group, times",
	   told_new(&root, "of1000", S_IFREG | 0640, 0) &&
		   io->zi.i_uid == 1000 && io->zi.i_gid == 1001);
	OK("NEW_INODE: and nothing else",
	   !io->flags && !io->symlen && !io->acl_len && !io->def_len &&
		   !io->projid && !io->zi.i_flags);
	close(fd);
	mark();
	NEED(mknod("dev", S_IFBLK | 0600, makedev(258, 4660)) == 0);
	io = SENT(ZUFS_OP_NEW_INODE, zufs_ioc_new_inode);
	OK("NEW_INODE: a device", told_new(&root, "dev", S_IFBLK | 0600, 0) &&
					  io->zi.i_rdev == dev_of(258, 4660));
	mark();
	NEED(symlink("text of it", "link") == 0);
	io = SENT(ZUFS_OP_NEW_INODE, zufs_ioc_new_inode);
	OK("NEW_INODE: a symlink",
	   told_new(&root, "link", S_IFLNK | 0777, 10) && io->symlen == 10 &&
		   !memcmp(io->data, "text of it", 10));
	mark();
	fd = open(".", O_TMPFILE | O_RDWR, 0600);
	io = SENT(ZUFS_OP_NEW_INODE, zufs_ioc_new_inode);
	OK("NEW_INODE: without a name",
	   told_new(&root, "", S_IFREG | 0600, 0) && io->flags == ZI_TMPFILE);
	close(fd);
}

static void flags_and_projects(void)
{
	struct fsxattr fx = { .fsx_xflags = FS_XFLAG_PROJINHERIT |
					    FS_XFLAG_NODUMP,
			      .fsx_projid = 77 };
	const struct zufs_ioc_attr *a;
	const struct zufs_ioc_new_inode *io;
	struct zufs_iref dir;
	int fd;

	NEED(mkdir("kept", 0777) == 0);
	dir = made();
	fd = open("kept", O_RDONLY);
	mark();
	NEED(ioctl(fd, FS_IOC_FSSETXATTR, &fx) == 0);
	a = SENT(ZUFS_OP_SETATTR, zufs_ioc_attr);
	OK("SETATTR: flags and project",
	   TOLD(ZUFS_OP_SETATTR, &dir, zufs_ioc_attr, attr) &&
		   a->valid == (ZUFS_STATX_FLAGS | ZUFS_STATX_PROJID) &&
		   a->zi.i_flags == (ZUFS_S_NODUMP | ZUFS_S_PROJINHERIT) &&
		   a->projid == 77);
	close(fd);
	mark();
	close(new_file("kept/file"));
	io = SENT(ZUFS_OP_NEW_INODE, zufs_ioc_new_inode);
	OK("NEW_INODE: what a folder hands on",
	   told_new(&dir, "file", S_IFREG | 0644, 0) && io->projid == 77 &&
		   io->zi.i_flags == ZUFS_S_NODUMP);
}

static void one_flag(const char *what, int fd, int fl, int flag)
{
	const struct zufs_ioc_attr *a;
	int none = 0;

	mark();
	NEED(ioctl(fd, FS_IOC_SETFLAGS, &fl) == 0);
	a = SENT(ZUFS_OP_SETATTR, zufs_ioc_attr);
	OK(what, times(ZUFS_OP_SETATTR) == 1 && a->valid == ZUFS_STATX_FLAGS &&
			 a->zi.i_flags == flag);
	NEED(ioctl(fd, FS_IOC_SETFLAGS, &none) == 0);
}

static void each_flag(void)
{
	int fd = new_file("flags");

	one_flag("SETATTR: sync", fd, FS_SYNC_FL, ZUFS_S_SYNC);
	one_flag("SETATTR: immutable", fd, FS_IMMUTABLE_FL, ZUFS_S_IMMUTABLE);
	one_flag("SETATTR: append", fd, FS_APPEND_FL, ZUFS_S_APPEND);
	one_flag("SETATTR: nodump", fd, FS_NODUMP_FL, ZUFS_S_NODUMP);
	one_flag("SETATTR: noatime", fd, FS_NOATIME_FL, ZUFS_S_NOATIME);
	close(fd);
}

/* user::rwx, user:1000:rwx, group::r-x, mask::rwx, other::---, as getxattr(2) has it. */
static size_t make_acl(char *to)
{
	static const struct {
		uint16_t tag, perm;
		uint32_t id;
	} e[] = { { 1, 7, ~0U },
		  { 2, 7, 1000 },
		  { 4, 5, ~0U },
		  { 16, 7, ~0U },
		  { 32, 0, ~0U } };
	uint32_t version = 2;

	memcpy(to, &version, 4);
	memcpy(to + 4, e, sizeof(e));
	return 4 + sizeof(e);
}

static void inherited_acls(void)
{
	const struct zufs_ioc_new_inode *io;
	char value[64];
	size_t n = make_acl(value);

	NEED(mkdir("acls", 0777) == 0);
	NEED(setxattr("acls", "system.posix_acl_default", value, n, 0) == 0);
	NEED(mkdir("acls/sub", 0777) == 0);
	io = SENT(ZUFS_OP_NEW_INODE, zufs_ioc_new_inode);
	OK("NEW_INODE: both ACLs that it inherits",
	   io->acl_len == n && io->def_len == n && !io->symlen &&
		   io->op.hdr.in_len == sizeof(*io) + 2 * n &&
		   !memcmp(io->data, value, n) &&
		   !memcmp(io->data + n, value, n));
}

/* ---- names ---- */

static void links(void)
{
	const struct zufs_ioc_dentry *io;
	struct zufs_iref dir, file;

	NEED(mkdir("names", 0755) == 0);
	dir = made();
	new_text("names/one", "1");
	file = made();
	mark();
	NEED(access("names/nothing", F_OK) == -1);
	OK("LOOKUP: the name and its folder",
	   TOLD(ZUFS_OP_LOOKUP, &dir, zufs_ioc_lookup, attr) &&
		   is_str(&SENT(ZUFS_OP_LOOKUP, zufs_ioc_lookup)->str,
			  "nothing"));
	mark();
	NEED(link("names/one", "names/two") == 0);
	io = SENT(ZUFS_OP_ADD_DENTRY, zufs_ioc_dentry);
	OK("ADD_DENTRY: folder, inode, name",
	   TOLD(ZUFS_OP_ADD_DENTRY, &dir, zufs_ioc_dentry, attr) &&
		   is_ref(&io->child, &file) && is_str(&io->str, "two"));
	mark();
	NEED(unlink("names/one") == 0);
	io = SENT(ZUFS_OP_REMOVE_DENTRY, zufs_ioc_dentry);
	OK("REMOVE_DENTRY: folder, inode, name",
	   TOLD(ZUFS_OP_REMOVE_DENTRY, &dir, zufs_ioc_dentry, attr) &&
		   is_ref(&io->child, &file) && is_str(&io->str, "one"));
	mark();
	NEED(unlink("names/two") == 0);
	OK("FREE_INODE: the inode",
	   comes(ZUFS_OP_FREE_INODE) &&
		   TOLD_IN(ZUFS_OP_FREE_INODE, &file, zufs_ioc_op));
}

static void renames(void)
{
	const struct zufs_ioc_rename *io;
	struct zufs_iref from, to, a, b, none = { 0, 0, 0 };

	NEED(mkdir("from", 0755) == 0);
	from = made();
	NEED(mkdir("to", 0755) == 0);
	to = made();
	new_text("from/a", "");
	a = made();
	new_text("to/b", "");
	b = made();
	mark();
	NEED(renameat2(AT_FDCWD, "from/a", AT_FDCWD, "to/b", RENAME_EXCHANGE) ==
	     0);
	io = SENT(ZUFS_OP_RENAME, zufs_ioc_rename);
	OK("RENAME: folders, inodes, names, flags",
	   TOLD(ZUFS_OP_RENAME, &from, zufs_ioc_rename, old_dir_attr) &&
		   is_ref(&io->new_dir, &to) && is_ref(&io->old, &a) &&
		   is_ref(&io->new_, &b) && is_str(&io->old_str, "a") &&
		   is_str(&io->new_str, "b") && io->flags == RENAME_EXCHANGE);
	mark();
	NEED(rename("to/b", "from/new") == 0);
	io = SENT(ZUFS_OP_RENAME, zufs_ioc_rename);
	OK("RENAME: to what wasn't there",
	   TOLD(ZUFS_OP_RENAME, &to, zufs_ioc_rename, old_dir_attr) &&
		   is_ref(&io->new_dir, &from) && is_ref(&io->old, &a) &&
		   is_ref(&io->new_, &none) && !io->flags);
}

static int of_mode(mode_t mode)
{
	return (mode & S_IFMT) >> 12; /* as DT_* are made */
}

static void folders(void)
{
	size_t fixed = sizeof(struct zufs_ioc_readdir);
	const struct zufs_ioc_readdir *io;
	struct zufs_iref dir;
	struct dirent *e;
	int n = 0, bad = 0;
	long third = 0;
	DIR *d;

	NEED(mkdir("list", 0755) == 0);
	dir = made();
	NEED(chdir("list") == 0 && mkdir("folder", 0755) == 0 &&
	     mkfifo("fifo", 0600) == 0 && symlink("x", "link") == 0 &&
	     mknod("dev", S_IFCHR | 0600, makedev(1, 3)) == 0);
	close(new_file("file"));
	d = opendir(".");
	mark();
	while ((e = readdir(d))) {
		struct stat st = stat_of(e->d_name);

		if (n++ == 2)
			third = e->d_off;
		if (strcmp(e->d_name, ".."))
			bad += e->d_ino != st.st_ino;
		bad += e->d_type != of_mode(st.st_mode);
	}
	OK("READDIR: numbers and types are those of stat", !bad && n == 7);
	io = SENT(ZUFS_OP_READDIR, zufs_ioc_readdir);
	OK("READDIR: from the beginning",
	   told(ZUFS_OP_READDIR, &dir, offsetof(struct zufs_ioc_readdir, more),
		offsetof(struct zufs_ioc_readdir, pos), 32768) &&
		   io->pos == 2 && io->op.hdr.out_max > fixed);
	closedir(d);
	d = opendir(".");
	NEED(readdir(d));
	seekdir(d, third);
	mark();
	NEED(readdir(d));
	OK("READDIR: from a position on",
	   times(ZUFS_OP_READDIR) == 1 &&
		   SENT(ZUFS_OP_READDIR, zufs_ioc_readdir)->pos ==
			   (uint64_t)third);
	closedir(d);
	NEED(chdir("..") == 0);
}

static void others(void)
{
	const char *text = "a text that has more than thirty-two bytes";
	struct {
		struct file_handle fh;
		char room[128];
	} h = { .fh.handle_bytes = 128 };
	struct zufs_iref ref;
	char buf[100];
	int id, fd;

	NEED(symlink(text, "long") == 0);
	ref = made();
	mark();
	NEED(readlink("long", buf, sizeof(buf)) == (ssize_t)strlen(text));
	OK("GET_SYMLINK: the inode",
	   TOLD(ZUFS_OP_GET_SYMLINK, &ref, zufs_ioc_get_symlink, len));
	new_text("handle", "");
	ref = made();
	NEED(name_to_handle_at(AT_FDCWD, "handle", &h.fh, &id, 0) == 0);
	mark();
	fd = open_by_handle_at(AT_FDCWD, &h.fh, O_RDONLY);
	NEED(fd >= 0);
	ref.handle = 0;
	OK("IGET: the number and the generation",
	   TOLD(ZUFS_OP_IGET, &ref, zufs_ioc_lookup, attr));
	close(fd);
	forget();
	mark();
	close(open("handle", O_RDONLY));
	ref = ref_of(&ANSWERED(ZUFS_OP_LOOKUP, zufs_ioc_lookup)->attr);
	forget();
	OK("EVICT_INODE: the inode",
	   comes(ZUFS_OP_EVICT_INODE) &&
		   TOLD_IN(ZUFS_OP_EVICT_INODE, &ref, zufs_ioc_op));
}

/* ---- attributes ---- */

static bool told_attr(const struct zufs_iref *ref, uint64_t valid)
{
	return TOLD(ZUFS_OP_SETATTR, ref, zufs_ioc_attr, attr) &&
	       SENT(ZUFS_OP_SETATTR, zufs_ioc_attr)->valid == valid;
}

static void attributes(void)
{
	static const struct timespec atime[2] = { { 11, 22 },
						  { 0, UTIME_OMIT } };
	static const struct timespec mtime[2] = { { 0, UTIME_OMIT },
						  { 33, 44 } };
	int fd = new_file("attr"), version = 4711;
	struct zufs_iref ref = made();
	const struct zufs_ioc_attr *a;

	mark();
	NEED(fchmod(fd, 02751) == 0);
	a = SENT(ZUFS_OP_SETATTR, zufs_ioc_attr);
	OK("SETATTR: mode", told_attr(&ref, ZUFS_STATX_MODE) &&
				    a->zi.i_mode == (S_IFREG | 02751));
	NEED(fchmod(fd, 0644) == 0);
	mark();
	NEED(fchown(fd, 70000, -1) == 0);
	a = SENT(ZUFS_OP_SETATTR, zufs_ioc_attr);
	OK("SETATTR: owner",
	   told_attr(&ref, ZUFS_STATX_UID) && a->zi.i_uid == 70000);
	mark();
	NEED(fchown(fd, -1, 80000) == 0);
	a = SENT(ZUFS_OP_SETATTR, zufs_ioc_attr);
	OK("SETATTR: group",
	   told_attr(&ref, ZUFS_STATX_GID) && a->zi.i_gid == 80000);
	mark();
	NEED(futimens(fd, atime) == 0);
	a = SENT(ZUFS_OP_SETATTR, zufs_ioc_attr);
	OK("SETATTR: atime",
	   told_attr(&ref, ZUFS_STATX_ATIME) && a->zi.i_atime == 11000000022);
	mark();
	NEED(futimens(fd, mtime) == 0);
	a = SENT(ZUFS_OP_SETATTR, zufs_ioc_attr);
	OK("SETATTR: mtime",
	   told_attr(&ref, ZUFS_STATX_MTIME) && a->zi.i_mtime == 33000000044);
	mark();
	NEED(ftruncate(fd, 123456) == 0);
	a = SENT(ZUFS_OP_SETATTR, zufs_ioc_attr);
	OK("SETATTR: size",
	   told_attr(&ref, ZUFS_STATX_SIZE | ZUFS_STATX_MTIME) &&
		   a->zi.i_size == 123456 &&
		   (int64_t)a->zi.i_mtime >= since.time);
	mark();
	NEED(ioctl(fd, FS_IOC_SETVERSION, &version) == 0);
	a = SENT(ZUFS_OP_SETATTR, zufs_ioc_attr);
	OK("SETATTR: version",
	   told_attr(&ref, ZUFS_STATX_VERSION) && a->zi.i_version == 4711);
	close(fd);
}

static bool told_sync(const struct zufs_iref *ref, uint64_t flags,
		      uint64_t valid, int fd)
{
	const struct zufs_ioc_sync *s = SENT(ZUFS_OP_SYNC, zufs_ioc_sync);
	struct stat st = fstat_of(fd);

	return TOLD_IN(ZUFS_OP_SYNC, ref, zufs_ioc_sync) && !s->offset &&
	       s->length == UINT64_MAX && s->flags == flags &&
	       s->valid == valid && s->atime == told_ns(st.st_atim) &&
	       s->mtime == told_ns(st.st_mtim) &&
	       s->ctime == told_ns(st.st_ctim);
}

static void syncs(void)
{
	static const struct timespec old[2] = { { 1, 0 }, { 2, 0 } };
	const uint64_t mc = ZUFS_STATX_MTIME | ZUFS_STATX_CTIME;
	const struct zufs_ioc_sync *s = SENT(ZUFS_OP_SYNC, zufs_ioc_sync);
	int fd = new_file("sync");
	struct zufs_iref ref = made();
	char c = 'x';

	NEED(write(fd, "text", 4) == 4 && futimens(fd, old) == 0);
	NEED(fsync(fd) == 0);
	usleep(20000);
	NEED(pwrite(fd, "T", 1, 0) == 1);
	mark();
	NEED(fsync(fd) == 0);
	OK("SYNC: the times of an overwrite", told_sync(&ref, 0, mc, fd));
	usleep(20000);
	NEED(pwrite(fd, "T", 1, 0) == 1);
	mark();
	NEED(fdatasync(fd) == 0);
	OK("SYNC: of fdatasync", told_sync(&ref, ZUFS_SYNC_DATASYNC, mc, fd));
	NEED(pread(fd, &c, 1, 0) == 1 && c == 'T');
	mark();
	NEED(fsync(fd) == 0);
	OK("SYNC: the time of a read",
	   told_sync(&ref, 0, ZUFS_STATX_ATIME, fd));
	mark();
	NEED(fsync(fd) == 0);
	OK("SYNC: not without need", !times(ZUFS_OP_SYNC));
	NEED(syncfs(fd) == 0);
	s = SENT(ZUFS_OP_SYNC, zufs_ioc_sync);
	OK("SYNC: of the filesystem", times(ZUFS_OP_SYNC) && !s->op.ii.ino &&
					      !s->offset && !s->length &&
					      !s->flags && !s->valid);
	close(fd);
}

/* ---- xattrs ---- */

#define NAME_AND_VALUE(buf, text) (!memcmp(buf, text, sizeof(text) - 1))

static bool told_xattr(uint32_t type, uint32_t flags, uint32_t ioc_flags,
		       uint32_t size)
{
	const struct zufs_ioc_xattr *x =
		SENT(ZUFS_OP_XATTR_SET, zufs_ioc_xattr);
	size_t end = sizeof(*x);

	return times(ZUFS_OP_XATTR_SET) == 1 && x->type == type &&
	       x->flags == flags && x->ioc_flags == ioc_flags &&
	       x->user_buf_size == size && x->name_len == strlen(x->buf) + 1 &&
	       x->op.hdr.in_len == end + x->name_len + size &&
	       x->op.hdr.out_start == offsetof(struct zufs_ioc_xattr, attr) &&
	       x->op.hdr.out_max == end - x->op.hdr.out_start;
}

static void xattrs(void)
{
	const struct zufs_ioc_xattr *x;
	char buf[300];

	close(new_file("x"));
	mark();
	NEED(setxattr("x", "user.a", "value", 5, XATTR_CREATE) == 0);
	x = SENT(ZUFS_OP_XATTR_SET, zufs_ioc_xattr);
	OK("XATTR_SET: a user's, to be new",
	   told_xattr(ZUFS_XATTR_USER, XATTR_CREATE, 0, 5) &&
		   NAME_AND_VALUE(x->buf, "a\0value"));
	mark();
	NEED(setxattr("x", "user.a", "", 0, XATTR_REPLACE) == 0);
	OK("XATTR_SET: an empty one, to be there",
	   told_xattr(ZUFS_XATTR_USER, XATTR_REPLACE, ZUFS_XATTR_SET_EMPTY, 0));
	mark();
	NEED(removexattr("x", "user.a") == 0);
	OK("XATTR_SET: removed",
	   told_xattr(ZUFS_XATTR_USER, XATTR_REPLACE, 0, 0));
	mark();
	NEED(setxattr("x", "trusted.t", "T", 1, 0) == 0);
	OK("XATTR_SET: a trusted one", told_xattr(ZUFS_XATTR_TRUSTED, 0, 0, 1));
	mark();
	NEED(setxattr("x", "security.s", "S", 1, 0) == 0);
	OK("XATTR_SET: one of security",
	   told_xattr(ZUFS_XATTR_SECURITY, 0, 0, 1));
	mark();
	NEED(getxattr("x", "trusted.t", buf, 200) == 1);
	x = SENT(ZUFS_OP_XATTR_GET, zufs_ioc_xattr);
	OK("XATTR_GET: name, type, room",
	   times(ZUFS_OP_XATTR_GET) == 1 && x->type == ZUFS_XATTR_TRUSTED &&
		   x->name_len == 2 && !strcmp(x->buf, "t") &&
		   x->user_buf_size == 200);
	mark();
	NEED(listxattr("x", buf, 300) > 0);
	x = SENT(ZUFS_OP_XATTR_LIST, zufs_ioc_xattr);
	OK("XATTR_LIST: with trusted ones",
	   times(ZUFS_OP_XATTR_LIST) == 1 && !x->name_len &&
		   x->ioc_flags == ZUFS_XATTR_TRUSTED_LIST &&
		   x->user_buf_size == 300);
}

static int list_it(const char *name)
{
	return listxattr(name, NULL, 0) < 0;
}

static void acls(void)
{
	const struct zufs_ioc_xattr *x;
	char value[64];
	size_t n = make_acl(value);

	NEED(as_user(1000, list_it, "x") == 0);
	OK("XATTR_LIST: without them",
	   !SENT(ZUFS_OP_XATTR_LIST, zufs_ioc_xattr)->ioc_flags);
	mark();
	NEED(setxattr("x", "system.posix_acl_access", value, n, 0) == 0);
	x = SENT(ZUFS_OP_XATTR_SET, zufs_ioc_xattr);
	OK("XATTR_SET: an ACL, and the mode with it",
	   told_xattr(ZUFS_XATTR_SYSTEM, 0, ZUFS_XATTR_SET_MODE, (uint32_t)n) &&
		   x->mode == 0770 && !strcmp(x->buf, ZUFS_ACL_ACCESS) &&
		   !memcmp(x->buf + x->name_len, value, n));
	mark();
	NEED(setxattr("names", "system.posix_acl_default", value, n, 0) == 0);
	x = SENT(ZUFS_OP_XATTR_SET, zufs_ioc_xattr);
	OK("XATTR_SET: one for what comes",
	   told_xattr(ZUFS_XATTR_SYSTEM, 0, 0, (uint32_t)n) &&
		   !strcmp(x->buf, ZUFS_ACL_DEFAULT));
}

/* ---- what is answered ---- */

static void space(void)
{
	struct statfs sf;
	const struct zufs_iref none = { 0, 0, 0 };
	const struct zufs_ioc_op *op = SENT(ZUFS_OP_STATFS, zufs_ioc_op);

	CHANGE(ZUFS_OP_STATFS, zufs_ioc_statfs, blocks, 1001);
	CHANGE(ZUFS_OP_STATFS, zufs_ioc_statfs, bfree, 1002);
	CHANGE(ZUFS_OP_STATFS, zufs_ioc_statfs, bavail, 1003);
	CHANGE(ZUFS_OP_STATFS, zufs_ioc_statfs, files, 1004);
	CHANGE(ZUFS_OP_STATFS, zufs_ioc_statfs, ffree, 1005);
	change(ZUFS_OP_STATFS, offsetof(struct zufs_ioc_statfs, uuid), 8, 6);
	change(ZUFS_OP_STATFS, offsetof(struct zufs_ioc_statfs, uuid) + 8, 8,
	       7ULL << 32);
	mark();
	NEED(statfs(".", &sf) == 0);
	op = SENT(ZUFS_OP_STATFS, zufs_ioc_op);
	OK("STATFS: of no inode",
	   times(ZUFS_OP_STATFS) == 1 && is_ref(&op->ii, &none));
	OK("STATFS: all that is answered",
	   sf.f_blocks == 1001 && sf.f_bfree == 1002 && sf.f_bavail == 1003 &&
		   sf.f_files == 1004 && sf.f_ffree == 1005 &&
		   sf.f_fsid.__val[0] == 6 && sf.f_fsid.__val[1] == 7);
	change_nothing();
	CHANGE(ZUFS_OP_STATFS, zufs_ioc_statfs, namelen, 99);
	NEED(statfs(".", &sf) == 0);
	OK("STATFS: the longest name", sf.f_namelen == 99);
	CHANGE(ZUFS_OP_STATFS, zufs_ioc_statfs, namelen, 256);
	NEED(statfs(".", &sf) == 0);
	OK("at most what fits", sf.f_namelen == 255);
	change_nothing();
}

/* Of an inode that the kernel didn't know. */
static void lookups(void)
{
	struct statx sx;
	struct fsxattr fx;
	char buf[8], text[20];
	int fd;

	close(new_file("looked"));
	forget();
	CHANGE(ZUFS_OP_LOOKUP, zufs_ioc_lookup, attr.btime,
	       1234567890123456789);
	CHANGE(ZUFS_OP_LOOKUP, zufs_ioc_lookup, attr.zi.i_uid, 101);
	CHANGE(ZUFS_OP_LOOKUP, zufs_ioc_lookup, attr.zi.i_gid, 102);
	CHANGE(ZUFS_OP_LOOKUP, zufs_ioc_lookup, attr.zi.i_nlink, 103);
	CHANGE(ZUFS_OP_LOOKUP, zufs_ioc_lookup, attr.zi.i_blocks, 104);
	CHANGE(ZUFS_OP_LOOKUP, zufs_ioc_lookup, attr.projid, 105);
	NEED(statx(AT_FDCWD, "looked", 0, STATX_ALL, &sx) == 0);
	OK("LOOKUP: birth, owner, group, links, blocks",
	   sx.stx_mask & STATX_BTIME && sx.stx_btime.tv_sec == 1234567890 &&
		   sx.stx_btime.tv_nsec == 123456789 && sx.stx_uid == 101 &&
		   sx.stx_gid == 102 && sx.stx_nlink == 103 &&
		   sx.stx_blocks == 104);
	NEED(ioctl(fd = open("looked", O_RDONLY), FS_IOC_FSGETXATTR, &fx) == 0);
	OK("LOOKUP: project", fx.fsx_projid == 105);
	close(fd);
	change_nothing();
	forget();
	OK("LOOKUP: the text of a symlink, the number of a device",
	   readlink("link", text, sizeof(text)) == 10 &&
		   !memcmp(text, "text of it", 10) &&
		   stat_of("dev").st_rdev == makedev(258, 4660));
	mark();
	FAILS(ENODATA, "LOOKUP: it has no xattr",
	      getxattr("looked", "user.a", buf, 8));
	OK("and isn't asked for any", !times(ZUFS_OP_XATTR_GET));
	forget();
	CHANGE(ZUFS_OP_LOOKUP, zufs_ioc_lookup, attr.flags, 0);
	mark();
	FAILS(ENODATA, "LOOKUP: it may have some",
	      getxattr("looked", "user.a", buf, 8));
	OK("and is asked", times(ZUFS_OP_XATTR_GET) == 1);
	change_nothing();
	forget();
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	calls_begin(argv[1]);
	told_begin();
	root = root_ref();
	NEED(chmod(".", 0777) == 0);
	new_inodes();
	flags_and_projects();
	each_flag();
	inherited_acls();
	links();
	renames();
	folders();
	others();
	attributes();
	syncs();
	xattrs();
	acls();
	space();
	lookups();
	return calls_end();
}
