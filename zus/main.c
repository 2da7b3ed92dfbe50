// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * zusd(8): loads plugins and serves them on a control root until a signal.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "internal.h"
#include "zusd.h"

#define DEFAULT_ROOT "/sys/fs/zuf"

static struct options {
	const char *root, *ddbg;
	bool force, verbose;
} opts = { .root = DEFAULT_ROOT };

static void usage(FILE *to)
{
	fprintf(to,
		"usage: zusd [OPTION]... PLUGIN...\n"
		"Serves the filesystems of PLUGIN (a name, or a path with a /).\n\n"
		"  -r, --root DIR        control root (" DEFAULT_ROOT ")\n"
		"  -p, --plugin-dir DIR  where plugins are found by name\n"
		"  -d, --ddbg QUERIES    switch debug messages on, as zuf(4) has it\n"
		"  -f, --force           stop on a signal even with live mounts\n"
		"  -v, --verbose         say more\n"
		"  -h, --help            this text\n"
		"  -V, --version         the version\n");
}

static void parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "plugin-dir", required_argument, NULL, 'p' },
		{ "ddbg", required_argument, NULL, 'd' },
		{ "force", no_argument, NULL, 'f' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "r:p:d:fvhV", longs, NULL)) != -1) {
		switch (c) {
		case 'r':
			opts.root = optarg;
			break;
		case 'p':
			zus_plugin_dir(optarg);
			break;
		case 'd':
			opts.ddbg = optarg;
			break;
		case 'f':
			opts.force = true;
			break;
		case 'v':
			opts.verbose = true;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		case 'V':
			puts("zusd " PACKAGE_VERSION);
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

static int load_plugins(char **names)
{
	const char *why;

	for (; *names; names++)
		if (zus_load_plugin(*names, &why)) {
			zus_log(ZUS_ERR, "plugin %s: %s", *names, why);
			return -1;
		}
	return 0;
}

static const char *cure(int err)
{
	switch (-err) {
	case EBUSY:
		return " (another server serves it; stop that one first)";
	case EPERM:
	case EACCES:
		return " (needs CAP_SYS_ADMIN: run as root)";
	case ENOENT:
	case ENOTDIR:
		return " (the control root isn't mounted there: modprobe zuf; mount -t zuf zuf " DEFAULT_ROOT
		       ")";
	case EPROTONOSUPPORT:
		return " (zuf.ko is of another version)";
	default:
		return "";
	}
}

/*
 * A page fault of the server that waits for reclaim may wait for itself.
 * ONFAULT: pmem is mapped whole and need not be touched.
 */
static void lock_memory(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		zus_log(ZUS_WARN,
			"mlockall: %s; under memory pressure a mount may hang until its time limit",
			strerror(errno));
}

/* One for each ZT and each mount. */
static void many_files(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl))
		return;
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
}

/* May the server end now? */
static bool may_stop(void)
{
	unsigned int n = zus_server_mounts();

	if (!n || opts.force)
		return true;
	zus_log(ZUS_WARN,
		"not stopping: %u mounted filesystem%s; umount first (or start with --force)",
		n, n == 1 ? "" : "s");
	return false;
}

static int wait_for_end(struct zus_server *srv, int sig_fd, int cpus_fd)
{
	struct pollfd fds[] = { { .fd = sig_fd, .events = POLLIN },
				{ .fd = srv->event_fd, .events = POLLIN },
				{ .fd = cpus_fd, .events = POLLIN } };
	struct signalfd_siginfo si;

	for (;;) {
		if (poll(fds, 3, -1) < 0)
			continue;
		if (fds[2].revents && zusd_cpus_came(cpus_fd))
			zus_server_cpus(srv);
		if (fds[1].revents) {
			zus_log(ZUS_ERR,
				"the kernel ended the connection (a time limit, or a write to %s/abort): exiting",
				srv->root);
			return 1;
		}
		if (fds[0].revents &&
		    read(sig_fd, &si, sizeof(si)) == sizeof(si) && may_stop())
			return 0;
	}
}

/*
 * The signals that end it arrive at a file from now on, or -errno. SIGHUP too:
 * a terminal that goes must not take mounts along.
 */
static int catch_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int serve(struct zus_server *srv, int sig_fd)
{
	int err = zus_server_connect(srv), cpus_fd;

	if (err) {
		zus_log(ZUS_ERR, "%s: %s%s", srv->root, strerror(-err),
			cure(err));
		return 1;
	}
	/* Before the start looks which CPUs there are. */
	cpus_fd = zusd_cpus_watch();
	if (cpus_fd < 0)
		zus_log(ZUS_WARN,
			"CPUs that come online get no threads of their own: %s",
			strerror(-cpus_fd));
	if (zus_server_start(srv))
		return 1;
	zus_log(ZUS_INFO, "ready on %s, epoch %llu", srv->root,
		(unsigned long long)srv->epoch);
	zusd_notify("READY=1");
	err = wait_for_end(srv, sig_fd, cpus_fd);
	zusd_notify("STOPPING=1");
	if (err)
		_exit(err); /* threads may be stuck in a callback */
	zus_server_stop(srv);
	return 0;
}

int main(int argc, char **argv)
{
	struct zus_server srv = { 0 };
	int sig_fd;

	parse(argc, argv);
	zus_log_init(opts.verbose);
	/* Before a plugin can start a thread. */
	sig_fd = catch_signals();
	srv.event_fd = eventfd(0, EFD_CLOEXEC);
	if (sig_fd < 0 || srv.event_fd < 0) {
		zus_log(ZUS_ERR, "signalfd, eventfd: %s", strerror(errno));
		return 1;
	}
	if (load_plugins(argv + optind))
		return 1;
	if (opts.ddbg && zus_ddbg_write(opts.ddbg, strlen(opts.ddbg)))
		return 2;
	srv.root = opts.root;
	many_files();
	lock_memory();
	return serve(&srv, sig_fd);
}
