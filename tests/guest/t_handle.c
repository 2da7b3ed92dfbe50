// SPDX-License-Identifier: GPL-2.0
/*
 * File handles: what "save" names, "open" finds by the handles alone, also
 * after another mount; "remove" takes it away, and the handles are stale.
 *
 * usage: t_handle FOLDER save|open|remove HANDLES
 *        t_handle FOLDER late -
 * "late": of a file that goes at a line on stdin.
 */
#include <sched.h>

#include "calls.h"

#define DEEP "h/a/b/c"

static const char *const names[] = {
	"h/file", DEEP, DEEP "/file", "h/symlink", "h/fifo", "h/second",
};
#define NAMES (sizeof(names) / sizeof(names[0]))

struct saved {
	struct file_handle head;
	unsigned char rest[MAX_HANDLE_SZ];
	ino_t ino;
};

static struct saved saved[NAMES];

static void get(const char *name, struct saved *h)
{
	int mount;

	memset(h, 0, sizeof(*h));
	h->head.handle_bytes = MAX_HANDLE_SZ;
	NEED(!name_to_handle_at(AT_FDCWD, name, &h->head, &mount, 0));
	h->ino = stat_of(name).st_ino;
}

static int open_handle(struct saved *h, int flags)
{
	int folder = open(".", O_RDONLY);
	int fd = open_by_handle_at(folder, &h->head, flags);
	int err = errno;

	close(folder);
	errno = err;
	return fd;
}

/* The text of a file that is opened by its handle. */
static bool opens(struct saved *h, const char *text)
{
	int fd = open_handle(h, O_RDWR);
	char buf[64] = "";
	bool good = fd >= 0 && fstat_of(fd).st_ino == h->ino &&
		    read(fd, buf, 63) >= 0 && !strcmp(buf, text);

	close(fd);
	return good;
}

/* The path that leads to what is opened ends so. */
static bool is_at(struct saved *h, const char *end)
{
	int fd = open_handle(h, O_PATH);
	char link[64], path[4096] = "";
	size_t n;

	NEED(fd >= 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	NEED(readlink(link, path, sizeof(path) - 1) > 0);
	close(fd);
	n = strlen(path);
	if (n >= strlen(end) && !strcmp(path + n - strlen(end), end))
		return true;
	printf("#   path: %s\n", path);
	return false;
}

static void save(FILE *f)
{
	struct saved little = { .head.handle_bytes = 0 };
	int mount;
	size_t i;

	NEED(!mkdir("h", 0755) && !mkdir("h/a", 0755) && !mkdir("h/a/b", 0755));
	NEED(!mkdir(DEEP, 0755) && !symlink("file", "h/symlink"));
	NEED(!mkfifo("h/fifo", 0644));
	new_text("h/file", "file");
	new_text(DEEP "/file", "deep");
	NEED(!link("h/file", "h/second"));
	for (i = 0; i < NAMES; i++)
		get(names[i], &saved[i]);
	NEED(fwrite(saved, sizeof(saved), 1, f) == 1);
	FAILS(EOVERFLOW, "handles: the room that one needs is told",
	      name_to_handle_at(AT_FDCWD, "h/file", &little.head, &mount, 0));
	OK("handles: of things of each type", true);
}

static void open_them(void)
{
	struct saved wrong = saved[0];
	int fd;

	OK("handles: a file", opens(&saved[0], "file"));
	OK("handles: by another name of it too", opens(&saved[5], "file"));
	OK("handles: a file far below", opens(&saved[2], "deep"));
	OK("handles: a folder far below, and its path",
	   is_at(&saved[1], "/" DEEP));
	fd = open_handle(&saved[1], O_RDONLY | O_DIRECTORY);
	OK("handles: from which names can be opened",
	   fd >= 0 && close(openat(fd, "file", O_RDONLY)) == 0 &&
		   close(openat(fd, "../../../file", O_RDONLY)) == 0);
	close(fd);
	FAILS(ELOOP, "handles: a symlink is not opened",
	      open_handle(&saved[3], O_RDONLY));
	fd = open_handle(&saved[3], O_PATH);
	OK("handles: but found", fd >= 0 && S_ISLNK(fstat_of(fd).st_mode));
	close(fd);
	fd = open_handle(&saved[4], O_RDONLY | O_NONBLOCK);
	OK("handles: a fifo", fd >= 0 && S_ISFIFO(fstat_of(fd).st_mode));
	close(fd);
	wrong.rest[4] ^= 0x40; /* the generation; 0 would be any */
	FAILS(ESTALE, "handles: of another generation",
	      open_handle(&wrong, O_RDONLY));
	memset(wrong.rest, 0x7e, 8);
	FAILS(ESTALE, "handles: of an inode that never was",
	      open_handle(&wrong, O_RDONLY));
}

/* On one CPU an inode that was freed is used again soon. */
static void come_again(void)
{
	struct saved old, new;
	cpu_set_t one;
	char name[32];
	int i;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	NEED(sched_setaffinity(0, sizeof(one), &one) == 0);
	new_text("h/old", "old");
	get("h/old", &old);
	NEED(unlink("h/old") == 0);
	for (i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "h/new.%d", i);
		NEED(mknod(name, S_IFREG | 0644, 0) == 0);
		get(name, &new);
		if (new.ino == old.ino)
			break;
	}
	printf("#   inode %lu, after %d other new files %lu\n", old.ino, i,
	       new.ino);
	new_text(name, "new");
	FAILS(ESTALE, "handles: also when the inode is another file's",
	      open_handle(&old, O_RDONLY));
	OK("handles: which has one of its own", opens(&new, "new"));
}

/* The server frees a file behind the back of who closed it. */
static void gone_at_once(void)
{
	struct saved h;
	int found = 0;

	for (int i = 0; i < 300; i++) {
		int fd = open("h/gone", O_RDWR | O_CREAT | O_EXCL, 0600);

		get("h/gone", &h);
		NEED(fd >= 0 && unlink("h/gone") == 0);
		close(fd);
		fd = open_handle(&h, O_RDONLY);
		found += fd >= 0;
		close(fd);
	}
	OK("handles: a file is gone when its last descriptor is", !found);
}

static void remove_them(void)
{
	struct saved again;
	int fd;

	NEED(unlink("h/file") == 0);
	OK("handles: one name removed, another left", opens(&saved[0], "file"));
	fd = open_handle(&saved[0], O_RDONLY);
	NEED(fd >= 0 && unlink("h/second") == 0);
	OK("handles: what was opened by one stays when the last name goes",
	   fstat_of(fd).st_nlink == 0 && fstat_of(fd).st_size == 4);
	close(fd);
	FAILS(ESTALE, "handles: of a file that is removed",
	      open_handle(&saved[0], O_RDONLY));
	NEED(!unlink(DEEP "/file") && !rmdir(DEEP));
	FAILS(ESTALE, "handles: of a folder that is removed",
	      open_handle(&saved[1], O_RDONLY));
	FAILS(ESTALE, "handles: of a file that was in it",
	      open_handle(&saved[2], O_RDONLY));
	gone_at_once();
	come_again();
	NEED(rename("h/a", "h/z") == 0);
	get("h/z/b", &again);
	OK("handles: a folder that went elsewhere", is_at(&again, "/h/z/b"));
}

static void late(void)
{
	int fd = open("late", O_RDWR | O_CREAT | O_EXCL, 0600);
	struct saved h;
	char c;

	NEED(fd >= 0);
	get("late", &h);
	NEED(unlink("late") == 0);
	puts("# ready");
	NEED(read(STDIN_FILENO, &c, 1) == 1);
	close(fd);
	FAILS(ESTALE, "a handle of a file that is just going",
	      open_handle(&h, O_RDWR));
}

int main(int argc, char **argv)
{
	FILE *f;

	if (argc != 4)
		return 2;
	if (!strcmp(argv[2], "late")) {
		calls_begin(argv[1]);
		late();
		return calls_end();
	}
	f = fopen(argv[3], strcmp(argv[2], "save") ? "r" : "w");
	NEED(f);
	calls_begin(argv[1]);
	if (!strcmp(argv[2], "save")) {
		save(f);
		NEED(fclose(f) == 0);
		return calls_end();
	}
	NEED(fread(saved, sizeof(saved), 1, f) == 1);
	fclose(f);
	if (!strcmp(argv[2], "open"))
		open_them();
	else
		remove_them();
	return calls_end();
}
