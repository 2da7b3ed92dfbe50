// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * zus-run(1): mounts a plugin in its own process and runs commands on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

static struct options {
	const char *type, *file, *mount_options;
	bool ro;
} opts;

/* The kernel's own copies say where they store from, to a recorder. */
__thread const char *pm_where;

static void usage(FILE *to)
{
	fprintf(to,
		"usage: zus-run [OPTION]... PLUGIN [COMMAND]...\n"
		"Mounts PLUGIN (a name, or a path with a /) in this process, without the kernel,\n"
		"and runs each COMMAND on it; without one those on standard input, one a line.\n\n"
		"  -t, --type NAME      which of the plugin's types (the first)\n"
		"  -f, --file FILE      the pmem of a type that wants a device\n"
		"  -o, --options LIST   mount options of the filesystem\n"
		"  -r, --read-only      mount it so\n"
		"  -h, --help           this text\n"
		"  -V, --version        the version\n\n"
		"The commands are in zus-run(1).\n");
}

static void parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "type", required_argument, NULL, 't' },
		{ "file", required_argument, NULL, 'f' },
		{ "options", required_argument, NULL, 'o' },
		{ "read-only", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+t:f:o:rhV", longs, NULL)) != -1) {
		switch (c) {
		case 't':
			opts.type = optarg;
			break;
		case 'f':
			opts.file = optarg;
			break;
		case 'o':
			opts.mount_options = optarg;
			break;
		case 'r':
			opts.ro = true;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		case 'V':
			puts("zus-run " PACKAGE_VERSION);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (optind == argc) {
		usage(stderr);
		exit(2);
	}
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "zus-run: %s: %s\n", what, why);
	return 1;
}

static struct zus_fs_info *load(const char *plugin)
{
	struct zus_fs_info *zfi;
	const char *why;

	if (zus_load_plugin(plugin, &why)) {
		fail(plugin, why);
		return NULL;
	}
	zfi = zus_find_fs(opts.type);
	if (!zfi)
		fail(opts.type, "the plugin has no type of that name");
	return zfi;
}

/* Maps @fd at a multiple of 2 MiB. */
static void *map_aligned(int fd, size_t bytes)
{
	size_t align = ZUFS_ALLOC_SIZE;
	char *p = mmap(NULL, bytes + align, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return p;
	p = (char *)(((uintptr_t)p + align - 1) & ~(align - 1));
	return mmap(p, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		    fd, 0);
}

/* What plays pmem: changes reach the file. */
static int map_file(struct kern *k)
{
	int fd = open(opts.file, O_RDWR | O_CLOEXEC);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st))
		return fail(opts.file, strerror(errno));
	k->bytes = (size_t)st.st_size & ~(size_t)ZUFS_ALLOC_MASK;
	if (!k->bytes)
		return fail(opts.file, "it is smaller than 2 MiB");
	p = map_aligned(fd, k->bytes);
	close(fd);
	if (p == MAP_FAILED)
		return fail(opts.file, strerror(errno));
	k->addr = p;
	return 0;
}

/* The type and what @opts say of it fit. */
static int map_device(struct kern *k, const struct zus_fs_info *zfi)
{
	bool nodev = zfi->rfi.flags & ZUFS_RFI_NODEV;

	if (nodev)
		return opts.file ? fail(zfi->rfi.fsname,
					"it has no device: leave --file out") :
				   0;
	return opts.file ? map_file(k) :
			   fail(zfi->rfi.fsname,
				"it wants a device: name a file with --file");
}

/* Stops at the first that fails. */
static int run_arguments(struct kern *k, char **argv)
{
	int err = 0;

	for (; *argv && !err; argv++)
		err = run_command(k, *argv);
	return err;
}

static int run_input(struct kern *k)
{
	char *line = NULL;
	size_t room = 0;
	int err = 0;

	while (!err && getline(&line, &room, stdin) > 0)
		err = run_command(k, line);
	free(line);
	return err;
}

int main(int argc, char **argv)
{
	static struct kern k;
	struct zus_fs_info *zfi;
	int err;

	parse(argc, argv);
	argv += optind;
	zfi = load(*argv);
	if (!zfi || map_device(&k, zfi))
		return 1;
	k.options = opts.mount_options;
	err = kern_mount(&k, zfi, k.addr, k.bytes, opts.ro ? ZUFS_M_RDONLY : 0);
	if (err)
		return fail("mount", strerror(-err));
	err = argv[1] ? run_arguments(&k, argv + 1) : run_input(&k);
	kern_umount(&k);
	return err || fflush(stdout) ? 1 : 0;
}
