// SPDX-License-Identifier: GPL-2.0
/*
 * Extended attributes: what sets, gets, lists and removes them, flags, limits,
 * who may, many of them.
 *
 * usage: t_xattr FOLDER set|kept
 * "set" leaves attributes that "kept" finds, after another mount.
 */
#include <sys/xattr.h>

#include "calls.h"

#define VALUE_MAX 65536 /* man/toyfs.5 */
#define LIST_MAX  65536
#define MANY	  300

static char buf[65538], text[65537];

/* Value @i of the many, and its length. */
static size_t value(int i, char *v)
{
	size_t len = i * 37 % 500, k;

	for (k = 0; k < len; k++)
		v[k] = i + k * 7;
	return len;
}

static bool is(const char *file, const char *name, const void *want, size_t len)
{
	ssize_t n = lgetxattr(file, name, buf, sizeof(buf) - 1);

	return n == (ssize_t)len && !memcmp(buf, want, len);
}

static bool listed(const char *file, const char *name)
{
	ssize_t n = llistxattr(file, buf, sizeof(buf) - 1), i;

	for (i = 0; i < n; i += strlen(buf + i) + 1)
		if (!strcmp(buf + i, name))
			return true;
	return false;
}

static void set_and_get(void)
{
	new_text("x", "");
	FAILS(ENODATA, "xattr: none on a new file",
	      getxattr("x", "user.a", buf, 9));
	OK("xattr: a new file lists none", listxattr("x", buf, 99) == 0);
	OK("xattr: set", setxattr("x", "user.a", "hello", 5, 0) == 0);
	OK("xattr: get", is("x", "user.a", "hello", 5));
	OK("xattr: get asks for the size",
	   getxattr("x", "user.a", NULL, 0) == 5);
	FAILS(ERANGE, "xattr: get with a byte too little",
	      getxattr("x", "user.a", buf, 4));
	OK("xattr: list asks for the size", listxattr("x", NULL, 0) == 7);
	FAILS(ERANGE, "xattr: list with a byte too little",
	      listxattr("x", buf, 6));
	FAILS(EEXIST, "xattr: XATTR_CREATE of what is there",
	      setxattr("x", "user.a", "new", 3, XATTR_CREATE));
	FAILS(ENODATA, "xattr: XATTR_REPLACE of what is not",
	      setxattr("x", "user.b", "new", 3, XATTR_REPLACE));
	OK("xattr: neither changed anything",
	   is("x", "user.a", "hello", 5) && listxattr("x", buf, 99) == 7);
	OK("xattr: XATTR_REPLACE by a shorter one",
	   !setxattr("x", "user.a", "hi", 2, XATTR_REPLACE) &&
		   is("x", "user.a", "hi", 2));
	OK("xattr: by a longer one",
	   !setxattr("x", "user.a", "something longer", 16, 0) &&
		   is("x", "user.a", "something longer", 16));
	OK("xattr: XATTR_CREATE of another",
	   !setxattr("x", "user.b", "B", 1, XATTR_CREATE) &&
		   is("x", "user.b", "B", 1));
	OK("xattr: an empty value is one",
	   !setxattr("x", "user.empty", "", 0, 0) &&
		   is("x", "user.empty", "", 0) && listed("x", "user.empty"));
	OK("xattr: remove", removexattr("x", "user.a") == 0);
	FAILS(ENODATA, "xattr: what is removed is gone",
	      getxattr("x", "user.a", buf, 9));
	FAILS(ENODATA, "xattr: and not removed again",
	      removexattr("x", "user.a"));
	OK("xattr: others stay, also on the list",
	   is("x", "user.b", "B", 1) && listxattr("x", buf, 99) == 18);
}

static void names(void)
{
	char name[300] = "user.";

	memset(name + 5, 'n', 251);
	FAILS(ERANGE, "xattr: a name of 256 bytes",
	      setxattr("x", name, "v", 1, 0));
	name[255] = 0;
	OK("xattr: a name of 255 bytes",
	   !setxattr("x", name, "v", 1, 0) && is("x", name, "v", 1) &&
		   listed("x", name) && !removexattr("x", name));
	name[5] = 1;
	name[6] = (char)0xff;
	OK("xattr: a name of any bytes", !setxattr("x", name, "v", 1, 0) &&
						 listed("x", name) &&
						 !removexattr("x", name));
	FAILS(EINVAL, "xattr: \"user.\" is no name",
	      setxattr("x", "user.", "v", 1, 0));
	FAILS(EOPNOTSUPP, "xattr: no namespace",
	      setxattr("x", "nosuch.a", "v", 1, 0));
	FAILS(EOPNOTSUPP, "xattr: no ACLs of another version",
	      setxattr("x", "system.posix_acl_access", "\1\0\0\0", 4, 0));
}

static void sizes(void)
{
	memset(text, 'v', sizeof(text));
	OK("xattr: a value of 3 KiB",
	   !setxattr("x", "user.long", text, 3072, 0) &&
		   is("x", "user.long", text, 3072));
	text[0] = 'w';
	OK("xattr: the longest value in its place",
	   !setxattr("x", "user.long", text, VALUE_MAX, 0) &&
		   is("x", "user.long", text, VALUE_MAX));
	FAILS(E2BIG, "xattr: a value a byte longer",
	      setxattr("x", "user.long", text, VALUE_MAX + 1, 0));
	OK("xattr: a long one beside it, and a shorter one in its place",
	   !setxattr("x", "user.other", text, 20000, 0) &&
		   is("x", "user.other", text, 20000) &&
		   !setxattr("x", "user.other", text, 4000, 0) &&
		   is("x", "user.other", text, 4000) &&
		   !removexattr("x", "user.other"));
	OK("xattr: the value before is whole",
	   is("x", "user.long", text, VALUE_MAX));
}

static int get_trusted(const char *name)
{
	return getxattr(name, "trusted.a", buf, 9) < 0;
}

static int set_trusted(const char *name)
{
	return setxattr(name, "trusted.a", "v", 1, 0);
}

static int set_user(const char *name)
{
	return setxattr(name, "user.a", "v", 1, 0);
}

static int lists_trusted(const char *name)
{
	errno = listed(name, "trusted.a") ? EEXIST : 0;
	return errno != 0;
}

static void namespaces(void)
{
	new_text("ns", "");
	OK("xattr: one name in three namespaces",
	   !setxattr("ns", "user.a", "user", 4, 0) &&
		   !setxattr("ns", "trusted.a", "trusted", 7, 0) &&
		   !setxattr("ns", "security.a", "security", 8, 0) &&
		   is("ns", "user.a", "user", 4) &&
		   is("ns", "trusted.a", "trusted", 7) &&
		   is("ns", "security.a", "security", 8) &&
		   listxattr("ns", buf, 99) == 7 + 10 + 11);
	OK("xattr: another user gets no trusted one",
	   as_user(1000, get_trusted, "ns") == ENODATA);
	OK("xattr: and sets none", as_user(1000, set_trusted, "ns") == EPERM);
	OK("xattr: and sees none on the list",
	   as_user(1000, lists_trusted, "ns") == 0);
	OK("xattr: nor sets one on a file that he can't write",
	   as_user(1000, set_user, "ns") == EACCES);
	OK("xattr: removed in one namespace, it is there in the others",
	   !removexattr("ns", "trusted.a") && is("ns", "user.a", "user", 4) &&
		   is("ns", "security.a", "security", 8));
}

static void types(void)
{
	NEED(mkdir("dir", 0755) == 0 && mkfifo("fifo", 0644) == 0);
	NEED(mkdir("sticky", 01777) == 0 && chmod("sticky", 01777) == 0);
	NEED(symlink("x", "link") == 0);
	OK("xattr: of a directory", !setxattr("dir", "user.d", "D", 1, 0) &&
					    is("dir", "user.d", "D", 1));
	FAILS(EPERM, "xattr: no user one on a fifo",
	      setxattr("fifo", "user.a", "v", 1, 0));
	FAILS(EPERM, "xattr: no user one on a symlink",
	      lsetxattr("link", "user.a", "v", 1, 0));
	OK("xattr: trusted ones of fifo and symlink are their own",
	   !setxattr("fifo", "trusted.t", "F", 1, 0) &&
		   !lsetxattr("link", "trusted.t", "L", 1, 0) &&
		   is("fifo", "trusted.t", "F", 1) &&
		   is("link", "trusted.t", "L", 1) &&
		   getxattr("link", "trusted.t", buf, 9) == -1);
	OK("xattr: a sticky directory is its owner's",
	   as_user(1000, set_user, "sticky") == EPERM);
}

static void of_open_file(void)
{
	int fd = new_file("open");

	NEED(unlink("open") == 0);
	OK("xattr: of a file without a name",
	   !fsetxattr(fd, "user.a", "v", 1, 0) &&
		   fgetxattr(fd, "user.a", buf, 9) == 1 && buf[0] == 'v' &&
		   flistxattr(fd, buf, 99) == 7 &&
		   !fremovexattr(fd, "user.a") && flistxattr(fd, buf, 99) == 0);
	close(fd);
}

/* Those of the many that "set" leaves: all but each third. */
static bool many_are_there(void)
{
	char name[32], v[500];
	size_t total = 0;
	int i;

	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "user.many.%d", i);
		if (i % 3 == 0) {
			if (getxattr("many", name, buf, 500) != -1)
				return false;
			continue;
		}
		if (!is("many", name, v, value(i, v)) || !listed("many", name))
			return false;
		total += strlen(name) + 1;
	}
	return listxattr("many", buf, sizeof(buf) - 1) == (ssize_t)total &&
	       listxattr("many", NULL, 0) == (ssize_t)total;
}

static void set_many(void)
{
	char name[32], v[500];
	int i, bad = 0;

	new_text("many", "");
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "user.many.%d", i);
		bad += setxattr("many", name, v, value(i, v), 0) != 0;
	}
	for (i = 0; i < MANY; i += 3) {
		snprintf(name, sizeof(name), "user.many.%d", i);
		bad += removexattr("many", name) != 0;
	}
	OK("xattr: 300 are set, each third is removed", bad == 0);
	OK("xattr: the others are there and are listed", many_are_there());
}

/* Names of 256 bytes with their NUL: 256 of them are as many as can be listed. */
static void longest_list(void)
{
	char name[256];
	int i;

	new_text("list", "");
	memset(name, 'n', 255);
	name[255] = 0;
	for (i = 0; i <= LIST_MAX / 256; i++) {
		memcpy(name, "user.", 5);
		name[5] = 'a' + i / 16;
		name[6] = 'a' + i % 16;
		if (i == LIST_MAX / 256)
			OK("xattr: the longest list",
			   listxattr("list", buf, 65536) == LIST_MAX);
		NEED(setxattr("list", name, "", 0, 0) == 0);
	}
	FAILS(E2BIG, "xattr: a list that is too long",
	      listxattr("list", buf, 65536));
	OK("xattr: of which each can be had", is("list", name, "", 0));
	OK("xattr: one less, and it can be listed",
	   !removexattr("list", name) &&
		   listxattr("list", buf, 65536) == LIST_MAX);
	NEED(unlink("list") == 0);
}

static void kept(void)
{
	memset(text, 'v', sizeof(text));
	text[0] = 'w';
	OK("xattr: kept: of one name", is("x", "user.b", "B", 1));
	OK("xattr: kept: the empty one", is("x", "user.empty", "", 0));
	OK("xattr: kept: the longest", is("x", "user.long", text, VALUE_MAX));
	FAILS(ENODATA, "xattr: kept: not what was removed",
	      getxattr("x", "user.a", buf, 9));
	OK("xattr: kept: three namespaces, one removed",
	   is("ns", "user.a", "user", 4) &&
		   is("ns", "security.a", "security", 8) &&
		   getxattr("ns", "trusted.a", buf, 9) == -1);
	OK("xattr: kept: of directory, fifo, symlink",
	   is("dir", "user.d", "D", 1) && is("fifo", "trusted.t", "F", 1) &&
		   is("link", "trusted.t", "L", 1));
	OK("xattr: kept: the many", many_are_there());
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
	set_and_get();
	names();
	sizes();
	namespaces();
	types();
	of_open_file();
	set_many();
	longest_list();
	return calls_end();
}
