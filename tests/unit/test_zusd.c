// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * zusd from main() to its end, on a kernel half that is played here: ioctl()
 * answers with a script. The server runs in a child; what it says is read.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#define main		zusd_main
#define zus_load_plugin test_load_plugin
#include "../../zus/main.c"
#undef main

#include "suite.h"

#define EPOCH	7
#define SB_ID	5
#define ROOT	1
#define CHILD	2
#define OP_SIZE (64U << 10)

/* ---- a plugin that says what is called ---- */

static void t_evict(struct zus_inode_info *zii, bool free_inode)
{
	(void)free_inode;
	zus_log(ZUS_INFO, "evict %llu", (unsigned long long)zii->ino);
}

static int t_lookup(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		    struct zufs_ioc_lookup *io, struct zus_inode_info **zii);

static const struct zus_zii_operations zii_ops = { .evict = t_evict };
static const struct zus_sbi_operations sbi_ops = { .lookup = t_lookup };
static struct zus_inode_info root = { .op = &zii_ops, .ino = ROOT },
			     child = { .op = &zii_ops, .ino = CHILD };
static struct zus_sb_info sb = { .op = &sbi_ops };

/* Takes long, so that the signal comes meanwhile. */
static int t_lookup(struct zus_sb_info *sbi, struct zus_inode_info *dir,
		    struct zufs_ioc_lookup *io, struct zus_inode_info **zii)
{
	(void)sbi, (void)dir;
	zus_log(ZUS_INFO, "lookup begins");
	usleep(300000);
	zus_log(ZUS_INFO, "lookup ends");
	io->attr.zi.i_ino = CHILD;
	*zii = &child;
	return 0;
}

static struct zus_sb_info *t_alloc(struct zus_fs_info *zfi)
{
	(void)zfi;
	return &sb;
}

static void t_free(struct zus_sb_info *sbi)
{
	(void)sbi;
	zus_log(ZUS_INFO, "sbi_free");
}

static int t_init(struct zus_sb_info *sbi, struct zufs_ioc_mount *zim)
{
	if (zim->options[0])
		return -EINVAL;
	sbi->z_root = &root;
	zim->blocksize_bits = 12;
	return 0;
}

static void t_fini(struct zus_sb_info *sbi)
{
	/* The map is there still: else this is a SIGSEGV. */
	*(volatile char *)sbi->md.addr = 1;
	zus_log(ZUS_INFO, "sbi_fini");
}

static int t_remount(struct zus_sb_info *sbi, struct zufs_ioc_mount *zim)
{
	(void)sbi;
	return zim->options[0] ? -EINVAL : 0;
}

static const struct zus_zfi_operations zfi_ops = {
	.sbi_alloc = t_alloc,
	.sbi_free = t_free,
	.sbi_init = t_init,
	.sbi_fini = t_fini,
	.sbi_remount = t_remount,
};

static struct zus_fs_info zfi = { .rfi = { .fsname = "memfs" },
				  .op = &zfi_ops };

int test_load_plugin(const char *name, const char **why)
{
	*why = name;
	return zus_register_one(&zfi);
}

/* ---- the kernel half ---- */

static const int *script; /* of mount operations, behind the last one 0 */
static unsigned int step;
static bool do_lookup, looked_up, mounted, broken;
static unsigned int channels = 1; /* that HELLO answers */
static unsigned int magic = ZUFS_SUPER_MAGIC;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;

int openat(int dir, const char *path, int flags, ...)
{
	(void)dir, (void)path;
	(void)flags;
	return memfd_create("role", MFD_CLOEXEC);
}

/* Who isn't root may lock less than the threads' stacks, and has no thread then. */
int mlockall(int flags)
{
	(void)flags;
	return 0;
}

int fstatfs(int fd, struct statfs *sf)
{
	(void)fd;
	sf->f_type = magic;
	return 0;
}

/* Options make the plugin refuse. */
static void next_mount(struct zufs_ioc_mount *zim)
{
	int what = script[step];

	memset(zim, 0, sizeof(*zim));
	zim->hdr.operation = what < 0 ? -what : what;
	zim->sb_id = SB_ID;
	zim->zfi_id = 1;
	zim->t1_blocks = 512;
	if (what < 0)
		zim->options[0] = 'x';
	if (what == ZUFS_M_REMOUNT)
		zim->remount_flags = ZUFS_REM_WILL_RO;
}

static int wait_mount(struct zufs_ioc_mount *zim)
{
	if (step && zim->hdr.err != (script[step - 1] < 0 ? -EINVAL : 0))
		zus_log(ZUS_ERR, "script: %d answers %d", script[step - 1],
			zim->hdr.err);
	mounted = step > 0;
	pthread_cond_broadcast(&news);
	while (!script[step] && !broken)
		pthread_cond_wait(&news, &lock);
	next_mount(zim);
	if (script[step])
		step++;
	else
		zim->hdr.operation = ZUFS_M_BREAK;
	return 0;
}

static int wait_opt(struct zufs_ioc_op *op)
{
	struct zufs_ioc_lookup *io = (void *)op;

	while (!broken && !(do_lookup && mounted && !looked_up))
		pthread_cond_wait(&news, &lock);
	memset(op, 0, sizeof(struct zufs_ioc_lookup));
	op->hdr.operation = ZUFS_OP_BREAK;
	if (looked_up || !do_lookup || !mounted)
		return 0;
	looked_up = true;
	op->hdr.operation = ZUFS_OP_LOOKUP;
	op->hdr.in_len = sizeof(struct zufs_ioc_lookup);
	op->hdr.out_start = offsetof(struct zufs_ioc_lookup, attr);
	op->hdr.out_max = sizeof(struct zufs_attr);
	op->sb_id = SB_ID;
	op->ii.ino = ROOT;
	op->ii.handle = (uintptr_t)&root;
	io->str.len = 1;
	io->str.name[0] = 'a';
	return 0;
}

static int run_ioctl(int fd, unsigned long cmd, void *arg)
{
	switch (cmd) {
	case ZU_IOC_HELLO:
		((struct zufs_ioc_hello *)arg)->epoch = EPOCH;
		((struct zufs_ioc_hello *)arg)->num_channels = channels;
		return 0;
	case ZU_IOC_INIT_THREAD:
		return ftruncate(fd, ZUS_API_MAP_MAX_SIZE + OP_SIZE);
	case ZU_IOC_GRAB_PMEM:
		((struct zufs_ioc_pmem *)arg)->t1_blocks = 512;
		((struct zufs_ioc_pmem *)arg)->dev_count = 1;
		((struct zufs_ioc_pmem *)arg)->dev[0].blocks = 512;
		return ftruncate(fd, ZUFS_ALLOC_SIZE);
	case ZU_IOC_MOUNT:
		return wait_mount(arg);
	case ZU_IOC_WAIT_OPT:
		return wait_opt(arg);
	case ZU_IOC_BREAK_ALL:
		broken = true;
		pthread_cond_broadcast(&news);
	}
	return 0;
}

int ioctl(int fd, unsigned long cmd, ...)
{
	va_list ap;
	void *arg;
	int ret;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	pthread_mutex_lock(&lock);
	ret = run_ioctl(fd, cmd, arg);
	pthread_mutex_unlock(&lock);
	return ret;
}

/* ---- a server, and what it says ---- */

static pid_t pid;
static FILE *from;
static char said[16384]; /* since its start */

/* Says that stderr is the journal: so it is, or was before it became another file. */
static void set_journal(bool is)
{
	char name[64];
	struct stat st;

	fstat(STDERR_FILENO, &st);
	snprintf(name, sizeof(name), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino + !is);
	setenv("JOURNAL_STREAM", name, 1);
}

static enum {
	NONE,
	IS,
	WAS
} journal;

static void start(const int *mounts, bool lookup, char *option)
{
	char *argv[] = { "zusd", "-r", "/tmp", "memfs", option, NULL };
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	pid = fork();
	if (!pid) {
		dup2(fd[1], STDERR_FILENO);
		setvbuf(stderr, NULL, _IOLBF, 0);
		if (journal)
			set_journal(journal == IS);
		script = mounts;
		do_lookup = lookup;
		alarm(50);
		_exit(zusd_main(option ? 5 : 4, argv));
	}
	close(fd[1]);
	from = fdopen(fd[0], "r");
	said[0] = 0;
}

/* Reads on until a line has @text. */
static void says(const char *text)
{
	char line[512];

	do {
		ck_assert_msg(fgets(line, sizeof(line), from) != NULL,
			      "no \"%s\" in:\n%s", text, said);
		ck_assert_uint_lt(strlen(said) + strlen(line), sizeof(said));
		strcat(said, line);
	} while (!strstr(line, text));
}

static void ends(int status)
{
	char line[512];
	int got;

	while (fgets(line, sizeof(line), from))
		strncat(said, line, sizeof(said) - strlen(said) - 1);
	fclose(from);
	ck_assert_int_eq(waitpid(pid, &got, 0), pid);
	ck_assert_ptr_null(strstr(said, "script:"));
	ck_assert_msg(WIFEXITED(got) && WEXITSTATUS(got) == status,
		      "status %x\n%s", got, said);
}

static const int one_mount[] = { ZUFS_M_MOUNT, 0 };
static const int all_mounts[] = { ZUFS_M_MOUNT,	   ZUFS_M_REMOUNT,
				  -ZUFS_M_REMOUNT, ZUFS_M_UMOUNT,
				  -ZUFS_M_MOUNT,   0 };
static const int no_mounts[] = { 0 };

START_TEST(verbose)
{
	start(all_mounts, false, "-v");
	says("connected to /tmp: epoch 7");
	says("mount 5: memfs: Invalid argument");
	kill(pid, SIGTERM);
	ends(0);
	ck_assert_ptr_nonnull(strstr(said, "mount 5: memfs, 512 blocks, rw\n"));
	ck_assert_ptr_nonnull(strstr(said, "remount 5: memfs, ro\n"));
	ck_assert_ptr_nonnull(
		strstr(said, "remount 5: memfs, rw: Invalid argument\n"));
	ck_assert_ptr_nonnull(strstr(said, "umount 5: memfs\n"));
	ck_assert_ptr_nonnull(strstr(said, "ready on /tmp, epoch 7\n"));
}
END_TEST

START_TEST(not_verbose)
{
	start(all_mounts, false, NULL);
	says("mount 5: memfs: Invalid argument");
	kill(pid, SIGTERM);
	ends(0);
	ck_assert_ptr_null(strstr(said, "connected"));
	ck_assert_ptr_null(strstr(said, "512 blocks"));
	ck_assert_ptr_null(strstr(said, "umount"));
}
END_TEST

START_TEST(signals)
{
	static const int sig[] = { SIGHUP, SIGINT, SIGTERM };

	start(one_mount, false, "-v");
	says("mount 5: memfs");
	for (int i = 0; i < 3; i++) {
		kill(pid, sig[i]);
		says("not stopping: 1 mounted filesystem;");
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	fclose(from);
	for (int i = 0; i < 3; i++) {
		start(no_mounts, false, NULL);
		says("ready on");
		kill(pid, sig[i]);
		ends(0);
	}
}
END_TEST

/* Each mount is taken down, after the last operation. */
START_TEST(forced)
{
	start(one_mount, true, "--force");
	says("lookup begins");
	kill(pid, SIGHUP);
	says("lookup ends");
	says("memfs is mounted still");
	says("evict 2");
	says("sbi_fini");
	says("sbi_free");
	ends(0);
}
END_TEST

/* Whatever the folder is, it doesn't say HELLO there. */
START_TEST(no_control_root)
{
	magic ^= 1;
	start(no_mounts, false, "-v");
	says("/tmp: No such file or directory (the control root isn't mounted there");
	ends(1);
	ck_assert_ptr_null(strstr(said, "connected"));
}
END_TEST

START_TEST(channels_of_hello)
{
	static const unsigned int bad[] = { 0, ZUFS_MAX_ZT_CHANNELS + 1 };

	for (int i = 0; i < 2; i++) {
		channels = bad[i];
		start(no_mounts, false, NULL);
		says("/tmp: Protocol not supported");
		ends(1);
	}
	channels = ZUFS_MAX_ZT_CHANNELS;
	start(no_mounts, false, NULL);
	says("ready on");
	kill(pid, SIGTERM);
	ends(0);
}
END_TEST

/* A socket as systemd has one for its services, and its name for them. */
static int notify_socket(char *name, size_t size, bool abstract)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = 50 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len;

	ck_assert_int_ge(fd, 0);
	snprintf(name, size, "%s/tmp/test_zusd.%d", abstract ? "@" : "",
		 (int)getpid());
	strcpy(sa.sun_path, name);
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			  strlen(name));
	if (abstract)
		sa.sun_path[0] = 0;
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, len), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

static void is_told(int fd, const char *want)
{
	char got[64];
	ssize_t n = recv(fd, got, sizeof(got) - 1, 0);

	ck_assert_msg(n >= 0, "nobody says %s\n%s", want, said);
	got[n] = 0;
	ck_assert_str_eq(got, want);
}

static void notifies(bool abstract)
{
	char name[64], got;
	int fd = notify_socket(name, sizeof(name), abstract);

	setenv("NOTIFY_SOCKET", name, 1);
	start(no_mounts, false, NULL);
	unsetenv("NOTIFY_SOCKET");
	is_told(fd, "READY=1");
	kill(pid, SIGTERM);
	ends(0);
	is_told(fd, "STOPPING=1");
	ck_assert_int_eq(recv(fd, &got, 1, MSG_DONTWAIT), -1);
	close(fd);
	if (!abstract)
		unlink(name);
}

START_TEST(notify)
{
	notifies(false);
	notifies(true);
}
END_TEST

/* A name that no socket can have, and one where nobody listens. */
START_TEST(nobody_to_notify)
{
	static const char *const names[] = {
		"/tmp/nobody",
		"/a-path-that-is-longer-than-a-socket-address-has-room-for"
		"/and-is-not-cut-to-the-name-of-another-socket-either",
	};

	for (int i = 0; i < 2; i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		start(no_mounts, false, NULL);
		unsetenv("NOTIFY_SOCKET");
		says("ready on");
		kill(pid, SIGTERM);
		ends(0);
	}
}
END_TEST

static void says_all(const char *info, const char *warning)
{
	start(one_mount, false, "-v");
	says("mount 5: memfs");
	kill(pid, SIGTERM);
	says("not stopping");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	fclose(from);
	ck_assert_msg(strstr(said, info) != NULL, "%s", said);
	ck_assert_msg(strstr(said, warning) != NULL, "%s", said);
}

START_TEST(journal_prefixes)
{
	journal = IS;
	says_all("<6>ready on /tmp", "<4>not stopping: 1");
	ck_assert_ptr_null(strstr(said, "zusd: "));
	ck_assert_ptr_nonnull(strstr(said, "<7>connected"));
	journal = WAS;
	says_all("zusd: ready on /tmp", "zusd: not stopping: 1");
	ck_assert_ptr_null(strchr(said, '<'));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		verbose,
		not_verbose,
		signals,
		forced,
		notify,
		nobody_to_notify,
		journal_prefixes,
		no_control_root,
		channels_of_hello,
		NULL,
	};
	Suite *s = suite_create("zusd");

	add_case(s, "zusd", tests, NULL, NULL);
	return run_suite(s);
}
