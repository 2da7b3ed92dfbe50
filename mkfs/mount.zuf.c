// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * mount.zuf - the helper that mount(8) runs for "mount -t zuf".
 *
 * With a block device it mounts the registered filesystem whose magic is on the
 * device; without one it mounts the control root.
 */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"

enum {
	EXIT_USAGE = 1,
	EXIT_MOUNT = 32
}; /* as mount(8) has them */

#define NAMES_MAX 4096

struct request {
	const char *source;
	const char *dir;
	const char *type; /* asked for with -t zuf.TYPE, or NULL */
	const char *ns;
	unsigned long flags;
	char data[ZUFS_MO_MAX];
	bool fake;
	bool verbose;
};

static bool fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static bool fail(const char *fmt, ...)
{
	va_list ap;

	fputs("mount.zuf: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return false;
}

/* ---- options ---- */

static const struct {
	const char *name;
	unsigned long set;
	unsigned long clear;
} flag_options[] = {
	{ "defaults", 0, 0 },
	{ "ro", MS_RDONLY, 0 },
	{ "rw", 0, MS_RDONLY },
	{ "nosuid", MS_NOSUID, 0 },
	{ "suid", 0, MS_NOSUID },
	{ "nodev", MS_NODEV, 0 },
	{ "dev", 0, MS_NODEV },
	{ "noexec", MS_NOEXEC, 0 },
	{ "exec", 0, MS_NOEXEC },
	{ "sync", MS_SYNCHRONOUS, 0 },
	{ "async", 0, MS_SYNCHRONOUS },
	{ "dirsync", MS_DIRSYNC, 0 },
	{ "remount", MS_REMOUNT, 0 },
	{ "noatime", MS_NOATIME, 0 },
	{ "atime", 0, MS_NOATIME },
	{ "nodiratime", MS_NODIRATIME, 0 },
	{ "diratime", 0, MS_NODIRATIME },
	{ "relatime", MS_RELATIME, 0 },
	{ "norelatime", 0, MS_RELATIME },
	{ "strictatime", MS_STRICTATIME, 0 },
	{ "nostrictatime", 0, MS_STRICTATIME },
	{ "lazytime", MS_LAZYTIME, 0 },
	{ "nolazytime", 0, MS_LAZYTIME },
	{ "silent", MS_SILENT, 0 },
	{ "loud", 0, MS_SILENT },
	/* What is for mount(8) alone. */
	{ "auto", 0, 0 },
	{ "noauto", 0, 0 },
	{ "user", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0 },
	{ "users", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0 },
	{ "owner", MS_NOSUID | MS_NODEV, 0 },
	{ "group", MS_NOSUID | MS_NODEV, 0 },
	{ "nouser", 0, 0 },
	{ "nofail", 0, 0 },
	{ "_netdev", 0, 0 },
};

static bool take_flag(struct request *rq, const char *opt)
{
	size_t i;

	if (!strncmp(opt, "x-", 2) || !strncmp(opt, "X-", 2) ||
	    !strncmp(opt, "comment=", 8))
		return true;
	for (i = 0; i < sizeof(flag_options) / sizeof(flag_options[0]); i++) {
		if (strcmp(opt, flag_options[i].name))
			continue;
		rq->flags |= flag_options[i].set;
		rq->flags &= ~flag_options[i].clear;
		return true;
	}
	return false;
}

/* The filesystem's own options go on to the kernel as they are. */
static bool keep_option(struct request *rq, const char *opt)
{
	size_t used = strlen(rq->data);

	if (used + strlen(opt) + 2 > sizeof(rq->data))
		return fail("the options are longer than %d bytes",
			    ZUFS_MO_MAX - 1);
	snprintf(rq->data + used, sizeof(rq->data) - used, "%s%s",
		 used ? "," : "", opt);
	return true;
}

static bool parse_mount_options(struct request *rq, char *list)
{
	char *opt, *save = NULL;

	for (opt = strtok_r(list, ",", &save); opt;
	     opt = strtok_r(NULL, ",", &save))
		if (!take_flag(rq, opt) && !keep_option(rq, opt))
			return false;
	return true;
}

static bool usage(void)
{
	return fail(
		"usage: mount.zuf SOURCE DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t zuf.TYPE]");
}

static bool parse_type(struct request *rq, const char *arg)
{
	if (!strncmp(arg, "zuf.", 4))
		rq->type = arg + 4;
	else if (strcmp(arg, "zuf"))
		return fail("-t %s: only zuf and zuf.TYPE are known here", arg);
	return true;
}

static bool parse_one(struct request *rq, int c)
{
	switch (c) {
	case 's': /* every option goes to the kernel anyway */
	case 'n': /* there is no mtab */
		return true;
	case 'f':
		return rq->fake = true;
	case 'v':
		return rq->verbose = true;
	case 'N':
		rq->ns = optarg;
		return true;
	case 'o':
		return parse_mount_options(rq, optarg);
	case 't':
		return parse_type(rq, optarg);
	}
	return usage();
}

static bool parse(struct request *rq, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "sfnvN:o:t:")) != -1)
		if (!parse_one(rq, c))
			return false;
	if (argc - optind != 2)
		return usage();
	rq->source = argv[optind];
	rq->dir = argv[optind + 1];
	return true;
}

/* ---- namespace ---- */

static bool enter_namespace(const char *ns)
{
	char path[64];
	int fd, err;

	if (isdigit((unsigned char)ns[0])) {
		snprintf(path, sizeof(path), "/proc/%.20s/ns/mnt", ns);
		ns = path;
	}
	fd = open(ns, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail("-N %s: %s", ns, strerror(errno));
	err = setns(fd, CLONE_NEWNS) ? errno : 0;
	close(fd);
	return !err || fail("-N %s: %s", ns, strerror(err));
}

/* ---- which type ---- */

/*
 * Adds the names of what is registered in one control root, with a blank after
 * each. 0 or an errno.
 */
static int add_registered(const char *root, char *names, size_t size)
{
	const size_t used = strlen(names);
	char path[544];
	ssize_t n;
	int fd, err;

	snprintf(path, sizeof(path), "%.512s/registered_fs", root);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	n = read(fd, names + used, size - used - 1);
	err = n < 0 ? errno : 0;
	close(fd);
	names[used + (n > 0 ? (size_t)n : 0)] = '\0';
	return err;
}

/* Why there are no names: @err is that of @root, the last one. */
static bool none_registered(const char *root, int err)
{
	if (!root[0])
		return fail(
			"no control root is mounted: type \"mount -t zuf zuf /sys/fs/zuf\" and start zusd");
	if (err)
		return fail("%s/registered_fs: %s", root, strerror(err));
	return fail("no filesystem is registered in %s: start zusd", root);
}

/* The names of the registered filesystems, of all control roots. */
static bool read_registered(char *names, size_t size)
{
	char root[512] = "";
	struct mntent *ent;
	int err = 0;
	FILE *f;

	f = setmntent("/proc/self/mounts", "re");
	if (!f)
		return fail("/proc/self/mounts: %s", strerror(errno));
	names[0] = '\0';
	while ((ent = getmntent(f))) {
		if (strcmp(ent->mnt_type, "zuf"))
			continue;
		snprintf(root, sizeof(root), "%s", ent->mnt_dir);
		err = add_registered(root, names, size);
	}
	endmntent(f);
	return names[strspn(names, " \t\n")] || none_registered(root, err);
}

static bool is_registered(const char *names, const char *name)
{
	const size_t len = strlen(name);
	const char *p = names;

	while ((p += strspn(p, " \t\n")), *p) {
		size_t n = strcspn(p, " \t\n");

		if (n == len && !memcmp(p, name, len))
			return true;
		p += n;
	}
	return false;
}

static uint32_t magic_at(int fd, off_t off)
{
	struct zufs_dev_table dt;

	if (pread(fd, &dt, sizeof(dt), off) != sizeof(dt))
		return 0;
	return le32toh(dt.magic);
}

/* The type that the device table or its copy tells, as far as known here. */
static bool type_on_device(const char *device, const char **type)
{
	int fd = open(device, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail("%s: %s", device, strerror(errno));
	if (magic_at(fd, 0) == TOY_MAGIC ||
	    magic_at(fd, ZUFS_MDT_COPY_OFFSET) == TOY_MAGIC)
		*type = "toyfs";
	close(fd);
	return true;
}

/* ---- mount ---- */

/* 0 or an errno. */
static int do_mount(const struct request *rq, const char *type,
		    unsigned long more)
{
	if (rq->verbose)
		printf("mount.zuf: mount -i -t %s %s %s%s%s\n", type,
		       rq->source, rq->dir, rq->data[0] ? " -o " : "",
		       rq->data);
	if (rq->fake)
		return 0;
	return mount(rq->source, rq->dir, type, rq->flags | more, rq->data) ?
		       errno :
		       0;
}

/* What mount(2) answers, for a filesystem; see zuf/md.c and zuf/super.c. */
static const char *cause(int err)
{
	switch (err) {
	case ENODEV:
		return "the kernel does not know this type: load the module zuf and start zusd";
	case ENOTCONN:
		return "no server serves this type now: start zusd";
	case EIO:
		return "the server died or gave a bad answer: see zusd's messages, start it again";
	case EINVAL:
		return "no fsdax pmem, a partition that begins at no multiple of 2 MiB, no valid filesystem of this type, or an unknown option: dmesg(1) and zusd's messages tell which";
	case EBUSY:
		return "mounted already, or in use: findmnt(8) and lsof(8) tell by whom";
	case EUCLEAN:
		return "what is on the device contradicts itself: zusd's messages tell where";
	case EROFS:
		return "it has a feature that is unknown here, so it can only be read: mount it with -o ro";
	case EACCES:
		return "the device is write-protected: mount it with -o ro";
	case EPERM:
		return "only root may mount";
	}
	return strerror(err);
}

static const char *root_cause(int err)
{
	switch (err) {
	case ENODEV:
		return "the module is not loaded: type \"modprobe zuf\"";
	case EINVAL:
		return "the one option of a control root is timeout=SECONDS, 1 to 86400";
	case EBUSY:
		return "mounted there already";
	case EPERM:
		return "only root may mount";
	}
	return strerror(err);
}

static bool report(const struct request *rq, const char *type, int err)
{
	return !err || fail("%s on %s, type %s: %s", rq->source, rq->dir, type,
			    cause(err));
}

static bool mount_named(const struct request *rq, const char *names,
			const char *type)
{
	if (!is_registered(names, type))
		return fail(
			"%s holds a %s, which is not registered: start \"zusd %s\"",
			rq->source, type, type);
	return report(rq, type, do_mount(rq, type, 0));
}

/* A magic that this program does not know: each type says itself. */
static bool mount_any(const struct request *rq, char *names)
{
	char *type, *save = NULL;
	int err = EINVAL;

	for (type = strtok_r(names, " \t\n", &save); type && err;
	     type = strtok_r(NULL, " \t\n", &save))
		err = do_mount(rq, type, MS_SILENT);
	if (err == EINVAL)
		return fail(
			"%s: no registered filesystem knows what is on it, or it is no fsdax pmem: dmesg(1) tells which",
			rq->source);
	return report(rq, "zuf", err);
}

static bool mount_device(const struct request *rq)
{
	const char *type = rq->type;
	char names[NAMES_MAX];

	if (!type && !type_on_device(rq->source, &type))
		return false;
	if (!read_registered(names, sizeof(names)))
		return false;
	return type ? mount_named(rq, names, type) : mount_any(rq, names);
}

static bool mount_root(const struct request *rq)
{
	int err = do_mount(rq, "zuf", 0);

	return !err || fail("control root on %s: %s", rq->dir, root_cause(err));
}

/* In a folder that has a "zuf", as this source tree, mount(8) makes a path of the name. */
static bool is_root_name(const char *source)
{
	const char *slash = strrchr(source, '/');
	struct stat st;

	return !slash || (!strcmp(slash, "/zuf") && !stat(source, &st) &&
			  S_ISDIR(st.st_mode));
}

static bool run(const struct request *rq)
{
	struct stat st;

	if (rq->ns && !enter_namespace(rq->ns))
		return false;
	if (is_root_name(rq->source))
		return mount_root(rq);
	if (stat(rq->source, &st))
		return fail("%s: %s", rq->source, strerror(errno));
	if (!S_ISBLK(st.st_mode))
		return fail("%s: not a block device", rq->source);
	return mount_device(rq);
}

int main(int argc, char **argv)
{
	struct request rq = { 0 };

	if (!parse(&rq, argc, argv))
		return EXIT_USAGE;
	return run(&rq) ? 0 : EXIT_MOUNT;
}
