// SPDX-License-Identifier: GPL-2.0
/*
 * Names: rename(2) in its kinds, links, O_TMPFILE, symlinks, special files,
 * names of any bytes, a large directory and positions in it.
 *
 * usage: t_names FOLDER make|kept
 * "make" leaves things that "kept" finds, after another mount.
 */
#include <dirent.h>
#include <linux/fs.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "calls.h"

#define ENTRIES 10000 /* at most */

static ino_t ino(const char *name)
{
	return stat_of(name).st_ino;
}

static nlink_t nlink(const char *name)
{
	return stat_of(name).st_nlink;
}

/* A folder has a link for itself, its name, and each folder in it. */
static bool links_of(const char *folder, nlink_t links)
{
	return nlink(folder) == (calls_simple ? 1 : links);
}

static bool gone(const char *name)
{
	struct stat st;

	return lstat(name, &st) == -1 && errno == ENOENT;
}

static int rename2(const char *from, const char *to, unsigned int flags)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, flags);
}

/* ---- rename ---- */

static void whiteout(void)
{
	OK("rename: RENAME_WHITEOUT",
	   !rename2("A/f", "B/white", RENAME_WHITEOUT) &&
		   has_text("B/white", "f") &&
		   S_ISCHR(stat_of("A/f").st_mode) &&
		   stat_of("A/f").st_rdev == 0 && nlink("A") == 4);
	NEED(rename2("B/white", "A/f", 0) == 0);
}

static void renames(void)
{
	ino_t d;
	int fd;

	NEED(!mkdir("A", 0755) && !mkdir("B", 0755) && !mkdir("A/d", 0755));
	NEED(!mkdir("A/d/e", 0755) && !mkdir("A/empty", 0755));
	new_text("A/f", "f");
	new_text("B/g", "g");
	new_text("A/d/file", "in d");
	d = ino("A/d");
	FAILS(EINVAL, "rename: a directory into its own child",
	      rename("A/d", "A/d/e/d"));
	FAILS(EINVAL, "rename: a directory into itself", rename("A", "A/A"));
	FAILS(ENOTEMPTY, "rename: over its own parent", rename("A/d", "A"));
	FAILS(ENOTEMPTY, "rename: over a directory that is not empty",
	      rename("B", "A/d"));
	FAILS(EISDIR, "rename: a file over a directory",
	      rename("A/f", "A/empty"));
	FAILS(ENOTDIR, "rename: a directory over a file", rename("A/d", "B/g"));
	FAILS(ENOENT, "rename: what is not there", rename("A/no", "B/no"));
	FAILS(EBUSY, "rename: \".\"", rename("A/.", "B/dot"));
	FAILS(EXDEV, "rename: to another filesystem", rename("A/f", "/tmp/f"));
	FAILS(EEXIST, "rename: RENAME_NOREPLACE of what is there",
	      rename2("A/f", "B/g", RENAME_NOREPLACE));
	FAILS(EEXIST, "rename: RENAME_NOREPLACE onto itself",
	      rename2("A/f", "A/f", RENAME_NOREPLACE));
	FAILS(EINVAL, "rename: RENAME_NOREPLACE and RENAME_EXCHANGE",
	      rename2("A/f", "B/g", RENAME_NOREPLACE | RENAME_EXCHANGE));
	OK("rename: nothing changed by what was refused",
	   ino("A/d") == d && has_text("A/f", "f") && has_text("B/g", "g") &&
		   links_of("A", 4) && links_of("B", 2));
	if (calls_simple)
		FAILS(EINVAL, "rename: no RENAME_WHITEOUT",
		      rename2("A/f", "B/white", RENAME_WHITEOUT));
	else
		whiteout();
	OK("rename: RENAME_NOREPLACE to a new name",
	   !rename2("A/f", "B/f", RENAME_NOREPLACE) && gone("A/f") &&
		   has_text("B/f", "f"));
	OK("rename: a directory to another parent",
	   !rename("A/d", "B/d") && ino("B/d") == d && gone("A/d") &&
		   has_text("B/d/file", "in d"));
	OK("rename: the links of the parents",
	   links_of("A", 3) && links_of("B", 3) && links_of("B/d", 3) &&
		   ino("B/d/..") == ino("B"));
	OK("rename: over an empty directory",
	   !rename("B/d", "A/empty") && ino("A/empty") == d &&
		   links_of("A", 3) && links_of("B", 2));
	fd = open("B/g", O_RDWR);
	NEED(fd >= 0);
	OK("rename: over an open file, which stays",
	   !rename("B/f", "B/g") && has_text("B/g", "f") && gone("B/f") &&
		   fstat_of(fd).st_nlink == 0 && pwrite(fd, "G", 1, 0) == 1 &&
		   fstat_of(fd).st_size == 1);
	close(fd);
	OK("rename: two names of one file: both stay",
	   !link("B/g", "B/h") && !rename("B/g", "B/h") && nlink("B/g") == 2 &&
		   ino("B/g") == ino("B/h"));
	OK("rename: back to its first name, with what is in it",
	   !rename("A/empty", "A/d") && has_text("A/d/file", "in d"));
}

static void exchanges(void)
{
	ino_t f, g, d, e;

	NEED(!mkdir("X", 0755) && !mkdir("Y", 0755) && !mkdir("X/d", 0755));
	NEED(!mkdir("Y/e", 0755) && !mkdir("Y/e/sub", 0755));
	new_text("X/f", "f");
	new_text("Y/g", "g");
	f = ino("X/f");
	g = ino("Y/g");
	d = ino("X/d");
	e = ino("Y/e");
	FAILS(ENOENT, "exchange: with what is not there",
	      rename2("X/f", "Y/no", RENAME_EXCHANGE));
	FAILS(EINVAL, "exchange: with the parent's parent",
	      rename2("Y/e/sub", "Y", RENAME_EXCHANGE));
	FAILS(EINVAL, "exchange: with the own child",
	      rename2("Y", "Y/e/sub", RENAME_EXCHANGE));
	OK("exchange: files of two directories",
	   !rename2("X/f", "Y/g", RENAME_EXCHANGE) && ino("X/f") == g &&
		   ino("Y/g") == f && has_text("X/f", "g") &&
		   has_text("Y/g", "f") && nlink("X/f") == 1);
	OK("exchange: a file with a directory beside it",
	   !rename2("X/f", "X/d", RENAME_EXCHANGE) && ino("X/f") == d &&
		   ino("X/d") == g && has_text("X/d", "g"));
	OK("exchange: leaves the links of their parent", nlink("X") == 3);
	OK("exchange: a directory with a file of another directory",
	   !rename2("X/f", "Y/g", RENAME_EXCHANGE) && ino("X/f") == f &&
		   ino("Y/g") == d);
	OK("exchange: a link goes with the directory",
	   nlink("X") == 2 && nlink("Y") == 4 && ino("Y/g/..") == ino("Y"));
	OK("exchange: a directory of the other with a file",
	   !rename2("X/f", "Y/e", RENAME_EXCHANGE) && ino("X/f") == e &&
		   ino("Y/e") == f);
	OK("exchange: and back goes a link",
	   nlink("X") == 3 && nlink("Y") == 3 && nlink("X/f") == 3 &&
		   ino("X/f/..") == ino("X"));
	OK("exchange: two directories with each other's parent",
	   !rename2("X/f", "Y/g", RENAME_EXCHANGE) && ino("X/f") == d &&
		   ino("Y/g") == e && nlink("X") == 3 && nlink("Y") == 3 &&
		   ino("Y/g/..") == ino("Y") && ino("X/f/..") == ino("X"));
	OK("exchange: an empty directory that came by it can go",
	   !rmdir("X/f") && nlink("X") == 2);
}

/* ---- links, files without a name ---- */

static void links(void)
{
	new_text("one", "one");
	OK("link: a second name", !link("one", "two") && nlink("one") == 2 &&
					  ino("one") == ino("two"));
	FAILS(EEXIST, "link: a name that is there", link("one", "two"));
	FAILS(EPERM, "link: of a directory", link("A", "dirlink"));
	OK("link: of a symlink",
	   !symlink("one", "sym") && !link("sym", "sym2") && nlink("sym") == 2);
	OK("link: removed, the other stays",
	   !unlink("one") && nlink("two") == 1 && has_text("two", "one"));
	FAILS(EISDIR, "unlink: of a directory", unlink("A"));
	FAILS(ENOTDIR, "rmdir: of a file", rmdir("two"));
	FAILS(ENOTEMPTY, "rmdir: of a directory that is not empty", rmdir("A"));
	FAILS(EINVAL, "rmdir: of \".\"", rmdir("A/."));
	FAILS(ENOTEMPTY, "rmdir: of \"..\"", rmdir("A/d/.."));
}

static int link_fd(int fd, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

static int entries_of(const char *name)
{
	DIR *d = opendir(name);
	int n = 0;

	NEED(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void tmpfiles(void)
{
	int fd;

	NEED(mkdir("tmp", 0755) == 0);
	fd = open("tmp", O_TMPFILE | O_RDWR, 0640);
	OK("O_TMPFILE: a file without a name",
	   fd >= 0 && fstat_of(fd).st_nlink == 0 &&
		   (fstat_of(fd).st_mode & 07777) == 0640 &&
		   entries_of("tmp") == 2);
	OK("O_TMPFILE: written to and read",
	   write(fd, "tmpfile", 7) == 7 && fstat_of(fd).st_size == 7);
	OK("O_TMPFILE: linkat gives it a name",
	   !link_fd(fd, "tmp/named") && has_text("tmp/named", "tmpfile") &&
		   fstat_of(fd).st_nlink == 1 && entries_of("tmp") == 3);
	OK("O_TMPFILE: and another",
	   !link_fd(fd, "tmp/again") && fstat_of(fd).st_nlink == 2);
	FAILS(EEXIST, "O_TMPFILE: not one that is there",
	      link_fd(fd, "tmp/named"));
	close(fd);
	OK("O_TMPFILE: closed, it is there", has_text("tmp/again", "tmpfile"));
	fd = open("tmp", O_TMPFILE | O_WRONLY, 0600);
	OK("O_TMPFILE: linkat with AT_EMPTY_PATH",
	   fd >= 0 && write(fd, "empty path", 10) == 10 &&
		   !linkat(fd, "", AT_FDCWD, "tmp/empty", AT_EMPTY_PATH) &&
		   has_text("tmp/empty", "empty path"));
	close(fd);
	fd = open("tmp", O_TMPFILE | O_EXCL | O_RDWR, 0600);
	NEED(fd >= 0);
	FAILS(ENOENT, "O_TMPFILE: with O_EXCL it gets no name",
	      link_fd(fd, "tmp/excl"));
	close(fd);
	fd = open("tmp/again", O_RDONLY);
	NEED(fd >= 0 && !unlink("tmp/again") &&
	     !link("tmp/named", "tmp/third"));
	NEED(!unlink("tmp/named") && !unlink("tmp/third"));
	FAILS(ENOENT, "O_TMPFILE: a name that it lost does not come back",
	      link_fd(fd, "tmp/back"));
	close(fd);
}

/* ---- symlinks, special files ---- */

static const int sym_lengths[] = { 1, 30, 31, 32, 33, 255, 4000, 4095 };

/* A text of this length; as a path it leads to "two". */
static char *sym_text(int len)
{
	static char text[5000];

	memset(text, '/', sizeof(text));
	memset(text, '.', 1);
	if (len >= 5)
		memcpy(text + len - 3, "two", 3);
	text[len] = 0;
	return text;
}

static bool symlinks_are_there(void)
{
	static char got[5000];
	char name[32];
	size_t i;

	for (i = 0; i < sizeof(sym_lengths) / sizeof(sym_lengths[0]); i++) {
		int len = sym_lengths[i];

		snprintf(name, sizeof(name), "sym.%d", len);
		if (readlink(name, got, sizeof(got)) != len ||
		    memcmp(got, sym_text(len), len) ||
		    stat_of(name).st_size != len ||
		    (len >= 5 && !has_text(name, "one"))) {
			printf("#   the symlink of %d bytes\n", len);
			return false;
		}
	}
	return true;
}

static void symlinks(void)
{
	char name[32], got[10];
	int bad = 0;
	size_t i;

	for (i = 0; i < sizeof(sym_lengths) / sizeof(sym_lengths[0]); i++) {
		snprintf(name, sizeof(name), "sym.%d", sym_lengths[i]);
		bad += symlink(sym_text(sym_lengths[i]), name) != 0;
	}
	OK("symlink: of 1 to 4095 bytes", bad == 0);
	OK("symlink: read and followed", symlinks_are_there());
	FAILS(ENAMETOOLONG, "symlink: of 4096 bytes",
	      symlink(sym_text(4096), "sym.4096"));
	FAILS(ENOENT, "symlink: of none", symlink("", "sym.0"));
	OK("symlink: part of its text",
	   readlink("sym.255", got, 10) == 10 &&
		   !memcmp(got, sym_text(255), 10));
	OK("symlink: to itself", !symlink("loop", "loop") &&
					 open("loop", O_RDONLY) == -1 &&
					 errno == ELOOP);
	OK("symlink: to nothing, through which a file is made",
	   !symlink("made", "dangling") && open("dangling", O_RDONLY) == -1 &&
		   close(open("dangling", O_WRONLY | O_CREAT, 0644)) == 0 &&
		   stat_of("made").st_size == 0);
	OK("symlink: an owner of its own",
	   !lchown("dangling", 1, 2) && stat_of("dangling").st_uid == 1 &&
		   stat_of("dangling").st_gid == 2 &&
		   stat_of("made").st_uid == 0);
}

static int make_device(const char *name)
{
	return mknod(name, S_IFCHR | 0600, makedev(1, 3));
}

static bool specials_are_there(void)
{
	struct stat c = stat_of("char"), b = stat_of("block");

	return S_ISFIFO(stat_of("fifo").st_mode) &&
	       S_ISSOCK(stat_of("sock").st_mode) &&
	       S_ISSOCK(stat_of("bound").st_mode) && S_ISCHR(c.st_mode) &&
	       c.st_rdev == makedev(1, 3) && S_ISBLK(b.st_mode) &&
	       b.st_rdev == makedev(0xabc, 0xfedcb) &&
	       (b.st_mode & 0777) == 0640;
}

static void specials(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "bound" };
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c, r, w;
	char got[8];

	OK("mknod: fifo, socket, character and block device",
	   !mknod("fifo", S_IFIFO | 0644, 0) &&
		   !mknod("sock", S_IFSOCK | 0644, 0) && !make_device("char") &&
		   !mknod("block", S_IFBLK | 0640, makedev(0xabc, 0xfedcb)));
	OK("mknod: a file", !mknod("plain", S_IFREG | 0600, 0) &&
				    S_ISREG(stat_of("plain").st_mode));
	NEED(mkdir("open", 0777) == 0 && chmod("open", 0777) == 0);
	OK("mknod: no device by another user",
	   as_user(1000, make_device, "open/dev") == EPERM);
	r = open("fifo", O_RDONLY | O_NONBLOCK);
	w = open("fifo", O_WRONLY | O_NONBLOCK);
	OK("mknod: through the fifo", write(w, "through", 7) == 7 &&
					      read(r, got, 8) == 7 &&
					      !memcmp(got, "through", 7));
	close(r);
	close(w);
	c = open("char", O_RDWR);
	OK("mknod: 1:3 is /dev/null",
	   c >= 0 && write(c, "x", 1) == 1 && read(c, got, 1) == 0);
	close(c);
	OK("mknod: a socket that is bound is connected to",
	   !bind(s, (struct sockaddr *)&un, sizeof(un)) && !listen(s, 1) &&
		   (c = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0 &&
		   !connect(c, (struct sockaddr *)&un, sizeof(un)));
	close(c);
	close(s);
	OK("mknod: they are what they were made as", specials_are_there());
}

/* ---- names of any bytes ---- */

/* Names with byte @c: alone, and as the whole of a longer name. */
static void byte_names(int c, char *one, char *more)
{
	sprintf(one, "%c", c);
	memset(more, c, 200);
	more[200] = 0;
}

static bool bytes_are_there(void)
{
	char one[8], more[256];
	struct dirent *e;
	int seen[256] = { 0 }, c;
	DIR *d = opendir("bytes");

	NEED(d);
	while ((e = readdir(d)))
		if (strlen(e->d_name) == 1 || strlen(e->d_name) == 200)
			seen[(unsigned char)e->d_name[0]]++;
	closedir(d);
	NEED(chdir("bytes") == 0);
	for (c = 1; c < 256; c++) {
		byte_names(c, one, more);
		if (c == '/' || c == '.')
			continue;
		if (seen[c] != 2 || !has_text(more, one) || nlink(one) != 2)
			break;
	}
	NEED(chdir("..") == 0);
	if (c < 256)
		printf("#   byte %d, %d times on the list\n", c, seen[c]);
	return c == 256;
}

static void bytes(void)
{
	char one[8], more[256];
	int c, bad = 0;

	NEED(!mkdir("bytes", 0755) && !chdir("bytes"));
	for (c = 1; c < 256; c++) {
		byte_names(c, one, more);
		if (c == '/' || c == '.')
			continue;
		new_text(one, one);
		bad += link(one, more) != 0;
	}
	NEED(chdir("..") == 0);
	OK("names: of each byte but \"/\" and NUL", bad == 0);
	OK("names: found and listed", bytes_are_there());
	new_text("bytes/...", "dots");
	new_text("bytes/ . ", "blanks");
	OK("names: \"...\" and blanks",
	   has_text("bytes/...", "dots") && has_text("bytes/ . ", "blanks"));
}

/* ---- a large directory ---- */

/* Those of a simple filesystem may be lists. */
static int entries = ENTRIES;

static char *entry(int i)
{
	static char name[32];

	snprintf(name, sizeof(name), "large/entry.%d", i);
	return name;
}

/* How often each name of the directory comes: more[] are those beyond. */
static bool reads_all(DIR *d, unsigned char *seen, int nr)
{
	struct dirent *e;
	int i;

	memset(seen, 0, nr);
	while ((e = readdir(d)))
		if (sscanf(e->d_name, "entry.%d", &i) == 1 && i < nr)
			seen[i]++;
	for (i = 0; i < nr; i++)
		if (seen[i] > 1) {
			printf("#   entry %d, %d times\n", i, seen[i]);
			return false;
		}
	return true;
}

static int count(const unsigned char *seen, int from, int to, int step)
{
	int n = 0, i;

	for (i = from; i < to; i += step)
		n += seen[i];
	return n;
}

/* Each position leads to the name that came behind it. */
static bool seeks(DIR *d)
{
	static long pos[ENTRIES + 3];
	static char name[ENTRIES + 3][16];
	struct dirent *e;
	int nr = 0, i;

	rewinddir(d);
	for (;;) {
		pos[nr] = telldir(d);
		e = readdir(d);
		if (!e)
			break;
		NEED(nr < ENTRIES + 2 && strlen(e->d_name) < 16);
		strcpy(name[nr++], e->d_name);
	}
	for (i = nr - 1; i >= 0; i = i * 29 / 30 - 1) {
		seekdir(d, pos[i]);
		e = readdir(d);
		if (!e || strcmp(e->d_name, name[i]) ||
		    telldir(d) != pos[i + 1]) {
			printf("#   at %ld: %s, not %s\n", pos[i],
			       e ? e->d_name : "nothing", name[i]);
			return false;
		}
	}
	seekdir(d, pos[nr]);
	return readdir(d) == NULL;
}

/*
 * Reads some entries, then each second of the first half is removed and 200 new
 * ones come: what was there all the time comes once, before or after.
 */
static bool reads_while_changing(DIR *d, unsigned char *seen)
{
	unsigned char *first = calloc(1, entries + 200);
	struct dirent *e;
	long pos = 0;
	int i, n;

	NEED(first);
	rewinddir(d);
	for (n = 0; n < entries * 3 / 10 && (e = readdir(d)); n++)
		if (sscanf(e->d_name, "entry.%d", &i) == 1)
			first[i]++;
	pos = telldir(d);
	for (i = 0; i < entries / 2; i += 2)
		NEED(unlink(entry(i)) == 0);
	for (i = entries; i < entries + 200; i++)
		NEED(link("large/entry.1", entry(i)) == 0);
	seekdir(d, pos);
	if (!reads_all(d, seen, entries + 200))
		return false;
	for (i = 0; i < entries; i++) {
		bool stays = i >= entries / 2 || i % 2;

		if (first[i] + seen[i] > 1 ||
		    (stays && !(first[i] + seen[i]))) {
			printf("#   entry %d: %d times before, %d after\n", i,
			       first[i], seen[i]);
			return false;
		}
	}
	free(first);
	return true;
}

static void large(void)
{
	static unsigned char seen[ENTRIES + 200];
	int i, bad = 0;
	DIR *d;

	if (calls_simple)
		entries = ENTRIES / 5;
	NEED(mkdir("large", 0755) == 0);
	for (i = 0; i < entries; i++) {
		/* some are files, the others are names of one of them */
		if (i % 20)
			bad += link("large/entry.0", entry(i)) != 0;
		else
			bad += mknod(entry(i), S_IFREG | 0644, 0) != 0;
	}
	OK("large: all entries are made", bad == 0);
	OK("large: links are counted",
	   nlink(entry(0)) == (nlink_t)entries / 20 * 19 + 1);
	d = opendir("large");
	NEED(d);
	OK("large: each is listed once",
	   reads_all(d, seen, entries) &&
		   count(seen, 0, entries, 1) == entries);
	OK("large: seekdir leads to where telldir was", seeks(d));
	OK("large: read with creates and unlinks in between",
	   reads_while_changing(d, seen));
	rewinddir(d);
	OK("large: rewinddir shows what is there now",
	   reads_all(d, seen, entries + 200) &&
		   count(seen, 0, entries / 2, 2) == 0 &&
		   count(seen, 0, entries + 200, 1) ==
			   entries - entries / 4 + 200);
	OK("large: the positions are still good", seeks(d));
	closedir(d);
	for (i = 0; i < entries + 200; i++)
		if (seen[i])
			bad += unlink(entry(i)) != 0;
	OK("large: all are removed", bad == 0 && entries_of("large") == 2);
	OK("large: then it can go", rmdir("large") == 0);
}

static void kept(void)
{
	OK("names: kept: renamed directories and their links",
	   has_text("A/d/file", "in d") && links_of("A", 3) &&
		   links_of("B", 2) && ino("A/d/..") == ino("A"));
	if (!calls_simple)
		OK("names: kept: exchanged ones",
		   nlink("X") == 2 && nlink("Y") == 3 &&
			   ino("Y/g/sub/..") == ino("Y/g") &&
			   has_text("Y/e", "f") && has_text("X/d", "g"));
	OK("names: kept: what came of O_TMPFILE",
	   has_text("tmp/empty", "empty path") && entries_of("tmp") == 3);
	OK("names: kept: symlinks", symlinks_are_there());
	OK("names: kept: special files", specials_are_there());
	OK("names: kept: names of each byte", bytes_are_there());
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
	renames();
	if (calls_simple)
		FAILS(EINVAL, "exchange: there is none",
		      rename2("A/d", "B", RENAME_EXCHANGE));
	else
		exchanges();
	links();
	tmpfiles();
	symlinks();
	specials();
	bytes();
	large();
	return calls_end();
}
