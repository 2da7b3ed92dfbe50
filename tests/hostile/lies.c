// SPDX-License-Identifier: GPL-2.0
/*
 * lies: one lie after the other, each in a field that the kernel looks at. The
 * call that meets it fails, or the kernel keeps what it had; the next call is
 * answered honestly, and works. Prints "ok - WHAT" lines.
 *
 * usage: lies ROOT DIR MEMFS PLUGIN TYPE SOURCE [IMAGE], as for hostile
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "hostile.h"

static int failed;
static char room[65536];

/* ---- calls: 0 or -errno; what they need was made by prepare() ---- */

static int done(int ret)
{
	return ret < 0 ? -errno : 0;
}

static int closed(int fd)
{
	int err = done(fd);

	close(fd);
	return err;
}

static int call_stat(void)
{
	struct stat st;

	return done(lstat("file", &st));
}

/* A lie about a new inode leaves its name in the server: each has another one. */
static const char *new_name(void)
{
	static char name[32];
	static int n;

	snprintf(name, sizeof(name), "new.%d", n++);
	return name;
}

static int call_create(void)
{
	return closed(open(new_name(), O_WRONLY | O_CREAT | O_EXCL, 0600));
}

static int call_symlink(void)
{
	return done(symlink("somewhere", new_name()));
}

static int call_mkdir(void)
{
	return done(mkdir(new_name(), 0700));
}

static int call_readlink(void)
{
	return done(readlink("link", room, sizeof(room)));
}

static int call_readdir(void)
{
	DIR *d = opendir("dir");
	int n = 0, err;

	do
		errno = 0;
	while (readdir(d) && n++ < 1000);
	err = -errno;
	closedir(d);
	return err;
}

static int call_read(void)
{
	int fd = open("file", O_RDONLY), err = done(read(fd, room, 100));

	close(fd);
	return err;
}

/* The first block of a file: GRANT, then COMMIT_WRITE. */
static int call_write(void)
{
	int fd = open("grows", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	int err = done(write(fd, room, 5000));

	close(fd);
	return err;
}

static int call_fill(void)
{
	int fd = open("sparse", O_WRONLY), err = done(pwrite(fd, room, 10, 0));

	close(fd);
	return err;
}

static int call_chmod(void)
{
	return done(chmod("file", 0600));
}

static int call_fallocate(void)
{
	int fd = open("file", O_WRONLY);
	int err = done(fallocate(fd, FALLOC_FL_KEEP_SIZE, 1 << 20, 8192));

	close(fd);
	return err;
}

static int call_getxattr(void)
{
	return done(getxattr("file", "user.name", room, sizeof(room)));
}

static int call_getxattr_size(void)
{
	return done(getxattr("file", "user.name", NULL, 0));
}

static int call_listxattr(void)
{
	return done(listxattr("file", room, sizeof(room)));
}

static int call_setxattr(void)
{
	return done(setxattr("file", "user.name", "value", 5, 0));
}

static int call_link(void)
{
	int err = done(link("file", "second"));

	unlink("second");
	return err;
}

/* ---- lies ---- */

struct lie_case {
	const char *what;
	uint32_t op, off, size;
	uint64_t value;
	int (*call)(void);
	int want; /* -errno */
};

#define LIE(op, s, f, v) \
	ZUFS_OP_##op, offsetof(struct s, f), sizeof(((struct s *)0)->f), v
#define EXT(op, s, e, f, v)                                                    \
	ZUFS_OP_##op, offsetof(struct s, e) + offsetof(struct zufs_extent, f), \
		sizeof(((struct zufs_extent *)0)->f), v
#define ENTRY(f, v)                                         \
	ZUFS_OP_READDIR,                                    \
		sizeof(struct zufs_ioc_readdir) +           \
			offsetof(struct zufs_dir_entry, f), \
		sizeof(((struct zufs_dir_entry *)0)->f), v

static const struct lie_case header[] = {
	{ "an err above 0", LIE(LOOKUP, zufs_ioc_hdr, err, 5), call_stat,
	  -EIO },
	{ "an err that only the kernel may use",
	  LIE(LOOKUP, zufs_ioc_hdr, err, -512), call_stat, -EIO },
	{ "an err below all", LIE(LOOKUP, zufs_ioc_hdr, err, 0x80000000),
	  call_stat, -EIO },
	{ "more outputs than there is room",
	  LIE(LOOKUP, zufs_ioc_hdr, out_len, 0xffffffff), call_stat, -EIO },
	{ "one byte of outputs more", LIE(LOOKUP, zufs_ioc_hdr, out_len, 153),
	  call_stat, -EIO },
	{ "no outputs", LIE(LOOKUP, zufs_ioc_hdr, out_len, 0), call_stat,
	  -EIO },
	{ "one byte of outputs less", LIE(LOOKUP, zufs_ioc_hdr, out_len, 151),
	  call_stat, -EIO },
	{ "outputs elsewhere", LIE(LOOKUP, zufs_ioc_hdr, out_start, 0xfffffff0),
	  call_stat, 0 },
	{ "room that there isn't",
	  LIE(LOOKUP, zufs_ioc_hdr, out_max, 0xffffffff), call_stat, 0 },
	{ "another operation", LIE(LOOKUP, zufs_ioc_hdr, operation, 11),
	  call_stat, 0 },
	{ "another id", LIE(LOOKUP, zufs_ioc_hdr, unique, 1), call_stat, 0 },
};

static const struct lie_case attributes[] = {
	{ "ino 0", LIE(LOOKUP, zufs_ioc_lookup, attr.zi.i_ino, 0), call_stat,
	  -EIO },
	{ "generation 0", LIE(LOOKUP, zufs_ioc_lookup, attr.zi.i_generation, 0),
	  call_stat, -EIO },
	{ "no type", LIE(LOOKUP, zufs_ioc_lookup, attr.zi.i_mode, 0644),
	  call_stat, -EIO },
	{ "an unknown type",
	  LIE(LOOKUP, zufs_ioc_lookup, attr.zi.i_mode, 0170644), call_stat,
	  -EIO },
	{ "a size below 0",
	  LIE(LOOKUP, zufs_ioc_lookup, attr.zi.i_size, 1ULL << 63), call_stat,
	  -EIO },
	{ "a size above the largest",
	  LIE(LOOKUP, zufs_ioc_lookup, attr.zi.i_size, 1ULL << 62), call_stat,
	  -EIO },
	{ "a symlink that is longer than one can be",
	  LIE(LOOKUP, zufs_ioc_lookup, attr.zi.i_mode, 0120777), call_stat,
	  -EIO },
	{ "a new file that is a folder",
	  LIE(NEW_INODE, zufs_ioc_new_inode, attr.zi.i_mode, 0040755),
	  call_create, -EIO },
	{ "a new folder that is a file",
	  LIE(NEW_INODE, zufs_ioc_new_inode, attr.zi.i_mode, 0100644),
	  call_mkdir, -EIO },
	{ "a new symlink that is a device",
	  LIE(NEW_INODE, zufs_ioc_new_inode, attr.zi.i_mode, 0020644),
	  call_symlink, -EIO },
	{ "a new folder that is the root",
	  LIE(NEW_INODE, zufs_ioc_new_inode, attr.zi.i_ino, 1), call_mkdir,
	  -EIO },
	{ "a new ino 0", LIE(NEW_INODE, zufs_ioc_new_inode, attr.zi.i_ino, 0),
	  call_create, -EIO },
	{ "after chmod: ino 0", LIE(SETATTR, zufs_ioc_attr, attr.zi.i_ino, 0),
	  call_chmod, -EIO },
	{ "after chmod: another ino",
	  LIE(SETATTR, zufs_ioc_attr, attr.zi.i_ino, 1), call_chmod, 0 },
	{ "after chmod: another type",
	  LIE(SETATTR, zufs_ioc_attr, attr.zi.i_mode, 0040755), call_chmod, 0 },
	{ "after link: a size below 0",
	  LIE(ADD_DENTRY, zufs_ioc_dentry, attr.zi.i_size, 1ULL << 63),
	  call_link, 0 },
	{ "after link: the folder is a file",
	  LIE(ADD_DENTRY, zufs_ioc_dentry, dir.zi.i_mode, 0100644), call_link,
	  0 },
	{ "after setxattr: ino 0",
	  LIE(XATTR_SET, zufs_ioc_xattr, attr.zi.i_ino, 0), call_setxattr, 0 },
};

static const struct lie_case names[] = {
	{ "a symlink's text of another length",
	  LIE(GET_SYMLINK, zufs_ioc_get_symlink, len, 98), call_readlink,
	  -EIO },
	{ "a symlink's text without end",
	  LIE(GET_SYMLINK, zufs_ioc_get_symlink, len, 0xffffffff),
	  call_readlink, -EIO },
	{ "a NUL in a symlink's text",
	  LIE(GET_SYMLINK, zufs_ioc_get_symlink, path[50], 0), call_readlink,
	  -EIO },
	{ "more bytes of entries than came",
	  LIE(READDIR, zufs_ioc_readdir, bytes, 0xfffffff8), call_readdir,
	  -EIO },
	{ "an entry that is cut", LIE(READDIR, zufs_ioc_readdir, bytes, 17),
	  call_readdir, -EIO },
	{ "more entries, but none of them", ZUFS_OP_READDIR,
	  offsetof(struct zufs_ioc_readdir, more), 8, 1, call_readdir, -EIO },
	{ "an entry without a name", ENTRY(len, 0), call_readdir, -EIO },
	{ "an entry longer than what came", ENTRY(len, 255), call_readdir,
	  -EIO },
	{ "an entry with a position that was", ENTRY(pos, 1), call_readdir,
	  -EIO },
	{ "an entry with a position below 0", ENTRY(pos, ~0ULL), call_readdir,
	  -EIO },
	{ "an entry with a slash", ZUFS_OP_READDIR,
	  sizeof(struct zufs_ioc_readdir) +
		  offsetof(struct zufs_dir_entry, name),
	  1, '/', call_readdir, -EIO },
	{ "an entry with a NUL", ZUFS_OP_READDIR,
	  sizeof(struct zufs_ioc_readdir) +
		  offsetof(struct zufs_dir_entry, name),
	  1, 0, call_readdir, -EIO },
};

static const struct lie_case data[] = {
	{ "no extent", LIE(GET_MULTY, zufs_ioc_get_multy, n, 0), call_read,
	  -EIO },
	{ "more extents than came", LIE(GET_MULTY, zufs_ioc_get_multy, n, 2),
	  call_read, -EIO },
	{ "extents without end",
	  LIE(GET_MULTY, zufs_ioc_get_multy, n, 0xffffffff), call_read, -EIO },
	{ "an extent behind what was asked for",
	  EXT(GET_MULTY, zufs_ioc_get_multy, ext, lblk, 1), call_read, -EIO },
	{ "an extent of no block",
	  EXT(GET_MULTY, zufs_ioc_get_multy, ext, len, 0), call_read, -EIO },
	{ "an extent longer than the device",
	  EXT(GET_MULTY, zufs_ioc_get_multy, ext, len, 0xffffffff), call_read,
	  -EIO },
	{ "an extent behind the device",
	  EXT(GET_MULTY, zufs_ioc_get_multy, ext, pblk, 1ULL << 40), call_read,
	  -EIO },
	{ "an extent before it",
	  EXT(GET_MULTY, zufs_ioc_get_multy, ext, pblk, ~0ULL), call_read,
	  -EIO },
	{ "a hole for a write",
	  EXT(GET_MULTY, zufs_ioc_get_multy, ext, flags, ZUFS_EXT_HOLE),
	  call_fill, -EIO },
	{ "no grant", LIE(GRANT, zufs_ioc_grant, n, 0), call_write, -ENOSPC },
	{ "a grant of more than can be",
	  LIE(GRANT, zufs_ioc_grant, n, ZUFS_GRANT_MAX + 1), call_write, -EIO },
	{ "a grant of other blocks", EXT(GRANT, zufs_ioc_grant, ext, lblk, 7),
	  call_write, -EIO },
	{ "a grant of no block", EXT(GRANT, zufs_ioc_grant, ext, len, 0),
	  call_write, -EIO },
	{ "a grant behind the device",
	  EXT(GRANT, zufs_ioc_grant, ext, pblk, 1ULL << 40), call_write, -EIO },
	{ "a grant that is a hole",
	  EXT(GRANT, zufs_ioc_grant, ext, flags, ZUFS_EXT_HOLE), call_write,
	  -EIO },
	{ "after a write: a next grant of more than can be",
	  LIE(COMMIT_WRITE, zufs_ioc_commit, n_grant, 0xffffffff), call_write,
	  -EIO },
	{ "after a write: a size below 0",
	  LIE(COMMIT_WRITE, zufs_ioc_commit, attr.zi.i_size, 1ULL << 63),
	  call_write, -EIO },
	{ "fallocate that did more than it was told",
	  LIE(FALLOCATE, zufs_ioc_IO, last_pos, 1ULL << 40), call_fallocate,
	  -EIO },
	{ "fallocate that went back", LIE(FALLOCATE, zufs_ioc_IO, last_pos, 1),
	  call_fallocate, -EIO },
};

static const struct lie_case xattrs[] = {
	{ "a value longer than what came",
	  LIE(XATTR_GET, zufs_ioc_xattr, user_buf_size, 60), call_getxattr,
	  -EIO },
	{ "a value longer than can be",
	  LIE(XATTR_GET, zufs_ioc_xattr, user_buf_size, 0xffffffff),
	  call_getxattr, -EIO },
	{ "a size of a value that can't be",
	  LIE(XATTR_GET, zufs_ioc_xattr, user_buf_size, 65537),
	  call_getxattr_size, -EIO },
	{ "a list longer than what came",
	  LIE(XATTR_LIST, zufs_ioc_xattr, user_buf_size, 60), call_listxattr,
	  -EIO },
	{ "a list longer than can be",
	  LIE(XATTR_LIST, zufs_ioc_xattr, user_buf_size, 0xffffffff),
	  call_listxattr, -EIO },
	{ "a list without an end", LIE(XATTR_LIST, zufs_ioc_xattr, buf[9], 'x'),
	  call_listxattr, -EIO },
};

static void report(const char *what, const char *said, int got, int want)
{
	if (got == want) {
		printf("ok - %s%s\n", what, said);
		return;
	}
	failed = 1;
	printf("not ok - %s%s\n#   got %d (%s), want %d (%s)\n", what, said,
	       got, strerror(-got), want, strerror(-want));
}

static const struct {
	const char *what;
	uint32_t off, size;
	uint64_t value;
	int want;
} mounts[] = {
#define MLIE(f, v)                          \
	offsetof(struct zufs_ioc_mount, f), \
		sizeof(((struct zufs_ioc_mount *)0)->f), v
	{ "MOUNT: an err above 0", MLIE(hdr.err, 5), EIO },
	{ "MOUNT: an err that only the kernel may use", MLIE(hdr.err, -512),
	  EIO },
	{ "MOUNT: blocks of 512 bytes", MLIE(blocksize_bits, 9), EIO },
	{ "MOUNT: blocks of more bytes than there are",
	  MLIE(blocksize_bits, 64), EIO },
	{ "MOUNT: a root that is a file", MLIE(root.zi.i_mode, 0100644), EIO },
	{ "MOUNT: a root without a number", MLIE(root.zi.i_ino, 0), EIO },
	{ "MOUNT: a root that is too large", MLIE(root.zi.i_size, 1ULL << 63),
	  EIO },
};

static void tell_mounts(void)
{
	struct plan *p = &counts->plan;

	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		p->op = ZUFS_M_MOUNT;
		p->off = mounts[i].off;
		p->size = mounts[i].size;
		p->value = mounts[i].value;
		__atomic_store_n(&p->armed, 1, __ATOMIC_RELEASE);
		report(mounts[i].what, "", -try_mount(), -mounts[i].want);
	}
}

/* The server will be asked for everything. */
static void forget(void)
{
	int fd = open(".", O_RDONLY);

	syncfs(fd); /* what is dirty stays */
	close(fd);
	drop_caches();
}

static void tell(const struct lie_case *c)
{
	struct plan *p = &counts->plan;
	/* An error behind the first entries ("." too) is told by the next call. */
	int times = c->op == ZUFS_OP_READDIR ? 2 : 1, got;

	forget();
	p->op = c->op;
	p->off = c->off;
	p->size = c->size;
	p->value = c->value;
	__atomic_store_n(&p->armed, times, __ATOMIC_RELEASE);
	got = c->call();
	if (__atomic_exchange_n(&p->armed, 0, __ATOMIC_ACQ_REL)) {
		failed = 1;
		printf("not ok - %s: the server is asked\n", c->what);
		return;
	}
	report(c->what, "", got, c->want);
	forget();
	got = c->call();
	if (got)
		report(c->what, ": the next answer is taken", got, 0);
}

static void tell_all(const struct lie_case *c, size_t n)
{
	for (; n; n--, c++)
		tell(c);
}

#define TELL(cases) tell_all(cases, sizeof(cases) / sizeof(*(cases)))

/* ---- one block in two places ---- */

/* Of the linear space: the device is the only one, and no partition. */
static uint64_t first_block(const char *name)
{
	struct {
		struct fiemap fm;
		struct fiemap_extent ext;
	} m = { .fm = { .fm_length = 4096, .fm_extent_count = 1 } };
	int fd = open(name, O_RDONLY);
	int err = ioctl(fd, FS_IOC_FIEMAP, &m);

	close(fd);
	return err || !m.fm.fm_mapped_extents ?
		       0 :
		       m.ext.fe_physical >> ZUFS_BLOCK_SHIFT;
}

static char *map_first(const char *name)
{
	int fd = open(name, O_RDWR);
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	return p;
}

/* The kernel's fault in place of ours: -EFAULT, not SIGBUS. */
static int touch(const char *p)
{
	int fd = memfd_create("touch", 0), err = done(write(fd, p, 1));

	close(fd);
	return err;
}

/* A new file of one block, or the file anew. */
static int fill(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ssize_t n = write(fd, room, 4096);

	return closed(fd) || n != 4096;
}

/* fs/dax can't have a page in two files; a server can say so. */
static void tell_twice(void)
{
	struct plan *p = &counts->plan;
	uint64_t block = first_block("file");
	char *mine, *other;

	if (!opt.image)
		return;
	forget();
	mine = map_first("file");
	report("a mapping", "", block ? touch(mine) : -ENODATA, 0);
	other = map_first("neighbour");
	p->op = ZUFS_OP_GET_MULTY;
	p->off = offsetof(struct zufs_ioc_get_multy, ext[0].pblk);
	p->size = sizeof(block);
	p->value = block;
	__atomic_store_n(&p->armed, 1, __ATOMIC_RELEASE);
	report("a block that another file has mapped", "", touch(other),
	       -EFAULT);
	report("which has it still", "", touch(mine), 0);
	/* An inode with a mapping stays in memory: it is asked for a new block. */
	report("anew, the next answer is taken", "",
	       fill("neighbour") ? -errno : touch(other), 0);
	munmap(other, 4096);
	munmap(mine, 4096);
}

/* The server has the name, whatever the kernel thinks of its inode. */
static void tell_made(void)
{
	struct plan *p = &counts->plan;

	forget();
	p->op = ZUFS_OP_NEW_INODE;
	p->off = offsetof(struct zufs_ioc_new_inode, attr.zi.i_ino);
	p->size = sizeof(p->value);
	p->value = 0;
	__atomic_store_n(&p->armed, 1, __ATOMIC_RELEASE);
	report("a new file without a number", "",
	       closed(open("made", O_WRONLY | O_CREAT | O_EXCL, 0600)), -EIO);
	report("is one that can be found", "", done(access("made", F_OK)), 0);
}

static void prepare(void)
{
	char text[100];
	int fd = open("file", O_RDWR | O_CREAT, 0644);
	memset(text, 't', 99);
	text[99] = '\0';
	if (fd < 0 || write(fd, room, 10000) != 10000 || fill("neighbour") ||
	    setxattr("file", "user.name", "value", 5, 0) ||
	    symlink(text, "link") || mkdir("dir", 0755) ||
	    closed(open("dir/entry", O_CREAT | O_WRONLY, 0644)) ||
	    closed(open("sparse", O_CREAT | O_WRONLY, 0644)) ||
	    truncate("sparse", 1 << 20)) {
		perror("prepare");
		exit(2);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	pid_t server, beside;

	if (driver_init(argc - 1, argv + 1)) {
		fprintf(stderr, "usage: lies " ARGUMENTS "\n");
		return 2;
	}
	if (opt.image && restore_device())
		return 2;
	server = start_server(0);
	if (server < 0)
		return 1;
	if (try_mount_beside()) {
		printf("not ok - a mount beside\n");
		return 1;
	}
	beside = fork();
	if (!beside)
		beside_run(1);
	tell_mounts();
	if (try_mount() || chdir(opt.dir)) {
		printf("not ok - an honest server's mount\n");
		return 1;
	}
	prepare();
	TELL(header);
	TELL(attributes);
	TELL(names);
	TELL(data);
	TELL(xattrs);
	tell_twice();
	tell_made();
	/* Nothing ended the epoch: so it has met no error at all. */
	report("another mount of this server is whole", "",
	       waitpid(beside, NULL, WNOHANG) || counts->good < 10 ? -EIO : 0,
	       0);
	if (kill_and_wait(beside, "what works on it") || chdir("/") ||
	    try_umount(opt.dir) || try_umount(opt.beside) ||
	    kill_and_wait(server, "the server"))
		return 1;
	return failed;
}
