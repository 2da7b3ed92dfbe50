// SPDX-License-Identifier: GPL-2.0
/*
 * What zuf and a server tell each other of the connection and of mounts. Run one
 * after the other: what is changed by one is what another finds.
 *
 * usage: t_toldmnt connection|cpus
 *        t_toldmnt show                  of the last MOUNT, or REMOUNT behind it
 *        t_toldmnt pmem DEVICE           of the last GRAB_PMEM
 *        t_toldmnt change nothing|connection|always|modes|more|options|handle|refusal
 *        t_toldmnt times FOLDER          of a type, with the connection changed
 *        t_toldmnt syncs FOLDER N        an fsync without need is N times SYNC
 *        t_toldmnt modes FOLDER          with no mode of fallocate(2)
 *        t_toldmnt more FOLDER           with modes that zuf doesn't know
 *        t_toldmnt handle                what UMOUNT brings
 */
#include <linux/falloc.h>
#include <sys/sysmacros.h>

#include "told.h"

#define GIVEN 0x123456789abcdefULL /* as sbi_handle */

/* ---- the connection ---- */

static void connection(void)
{
	const struct zufs_ioc_hello *h =
		SENT(TAP_IOCTL + _IOC_NR(ZU_IOC_HELLO), zufs_ioc_hello);
	const struct zufs_ioc_init *i =
		SENT(TAP_IOCTL + _IOC_NR(ZU_IOC_INIT_THREAD), zufs_ioc_init);

	OK("HELLO: version, features, channels",
	   h->major == ZUFS_MAJOR_VERSION && h->minor == ZUFS_MINOR_VERSION &&
		   h->features == ZUFS_FEAT_NIO && h->epoch &&
		   h->num_channels == ZUFS_NUM_CHANNELS);
	OK("INIT_THREAD: a CPU that there is",
	   i->cpu < sysconf(_SC_NPROCESSORS_CONF));
}

/* The number in a file of one line, or its last one: "0-3" is 3. */
static unsigned int last_in(const char *name)
{
	char buf[100] = "", *at;
	int fd = open(name, O_RDONLY);

	NEED(fd >= 0 && read(fd, buf, sizeof(buf) - 1) > 0);
	close(fd);
	at = buf + strcspn(buf, "\n");
	*at = 0;
	while (at > buf && at[-1] >= '0' && at[-1] <= '9')
		at--;
	return (unsigned int)atoi(at);
}

/* 0xffff: it is offline. */
static unsigned int node_of(unsigned int cpu)
{
	char name[100];
	unsigned int node;

	snprintf(name, sizeof(name), "/sys/devices/system/cpu/cpu%u/online",
		 cpu);
	if (!access(name, F_OK) && !last_in(name))
		return 0xffff;
	for (node = 0; node < 64; node++) {
		snprintf(name, sizeof(name),
			 "/sys/devices/system/cpu/cpu%u/node%u", cpu, node);
		if (!access(name, F_OK))
			return node;
	}
	return 0xffff;
}

/* On a guest with a CPU that is offline and two nodes no two numbers are alike. */
static void cpus(void)
{
	const struct zufs_ioc_numa_map *nm =
		SENT(TAP_IOCTL + _IOC_NR(ZU_IOC_NUMA_MAP), zufs_ioc_numa_map);
	unsigned int possible = last_in("/sys/devices/system/cpu/possible") + 1;
	bool good = true;

	OK("NUMA_MAP: possible CPUs and nodes",
	   nm->possible_cpus == possible && nm->max_cpus == possible &&
		   nm->possible_nodes ==
			   last_in("/sys/devices/system/node/possible") + 1);
	OK("NUMA_MAP: those that are online",
	   nm->online_cpus == sysconf(_SC_NPROCESSORS_ONLN) &&
		   nm->online_nodes ==
			   last_in("/sys/devices/system/node/online") + 1);
	for (unsigned int c = 0; c < possible; c++)
		good &= nm->cpu_node[c] == node_of(c);
	OK("NUMA_MAP: the node of each", good && nm->cpu_node[0] == 0);
}

/* ---- mounts ---- */

static void show(void)
{
	const struct zufs_ioc_mount *m = ZIM(ZUFS_M_MOUNT);
	const struct zufs_ioc_mount *r = ZIM(ZUFS_M_REMOUNT);

	if (tap->sent[TAP_MOUNT + ZUFS_M_REMOUNT].count && r->sb_id == m->sb_id)
		m = r;
	printf("%u: flags %llu, level %u, remount %u, options %u %s\n",
	       m->hdr.operation, (unsigned long long)m->mount_flags,
	       m->pedantic, m->remount_flags, m->options_len, m->options);
}

/* Numbers of blocks and of the device, and where it is. */
static void pmem(const char *device)
{
	const struct zufs_ioc_pmem *p =
		SENT(TAP_IOCTL + _IOC_NR(ZU_IOC_GRAB_PMEM), zufs_ioc_pmem);
	const struct zufs_ioc_mount *m = ZIM(ZUFS_M_MOUNT);
	struct stat st = stat_of(device);
	char name[100];

	snprintf(name, sizeof(name), "/sys/block/%s/device/numa_node",
		 strrchr(device, '/') + 1);
	OK("MOUNT: CPUs, channels, blocks",
	   m->num_cpu == last_in("/sys/devices/system/cpu/possible") + 1 &&
		   m->num_channels == ZUFS_NUM_CHANNELS &&
		   m->t1_blocks > 1000 && m->hdr.in_len == sizeof(*m) &&
		   m->zfi_id && m->sb_id);
	OK("GRAB_PMEM: blocks, devices",
	   p->sb_id == m->sb_id && p->t1_blocks == m->t1_blocks &&
		   p->dev_count == 1 && p->dev[0].blocks == m->t1_blocks);
	OK("GRAB_PMEM: the device's number and node",
	   p->dev[0].rdev == dev_of(major(st.st_rdev), minor(st.st_rdev)) &&
		   p->dev[0].numa_node == (int)last_in(name));
}

static void handle(void)
{
	const struct zufs_ioc_mount *m = ZIM(ZUFS_M_MOUNT);
	const struct zufs_ioc_mount *u = ZIM(ZUFS_M_UMOUNT);

	OK("UMOUNT: which one, and what MOUNT answered for it",
	   u->sb_id == m->sb_id && u->zfi_id == m->zfi_id &&
		   u->sbi_handle == GIVEN && !m->sbi_handle);
}

/* ---- what is changed, and what that does ---- */

static void change_to(const char *what)
{
	const unsigned int mount = TAP_MOUNT + ZUFS_M_MOUNT;
	const unsigned int reg = TAP_IOCTL + _IOC_NR(ZU_IOC_REGISTER_FS);
	const unsigned int hello = TAP_IOCTL + _IOC_NR(ZU_IOC_HELLO);

	change_nothing();
	if (!strcmp(what, "connection")) {
		CHANGE(hello, zufs_ioc_hello, features,
		       ~(uint64_t)ZUFS_FEAT_NIO);
		CHANGE(reg, zufs_ioc_register_fs, rfi.s_time_gran, 1000000000);
		CHANGE(reg, zufs_ioc_register_fs, rfi.s_time_min, 1000);
		CHANGE(reg, zufs_ioc_register_fs, rfi.s_time_max, 2000000000);
	} else if (!strcmp(what, "always")) {
		CHANGE(mount, zufs_ioc_mount, fs_caps,
		       ZUFS_FSC_NIO_READS | ZUFS_FSC_NIO_WRITES |
			       ZUFS_FSC_SYNC_ALWAYS);
	} else if (!strcmp(what, "modes")) {
		CHANGE(mount, zufs_ioc_mount, falloc_sup, 0);
	} else if (!strcmp(what, "more")) {
		CHANGE(mount, zufs_ioc_mount, falloc_sup, UINT64_MAX);
	} else if (!strcmp(what, "options")) {
		CHANGE(ZUFS_OP_SHOW_OPTIONS, zufs_ioc_mount_options, len, 7);
		change(ZUFS_OP_SHOW_OPTIONS,
		       offsetof(struct zufs_ioc_mount_options, buf), 8,
		       *(const uint64_t *)",told=12");
	} else if (!strcmp(what, "refusal")) {
		CHANGE(TAP_MOUNT + ZUFS_M_REMOUNT, zufs_ioc_mount, hdr.err,
		       (uint64_t)-EROFS);
	} else if (!strcmp(what, "handle")) {
		CHANGE(mount, zufs_ioc_mount, sbi_handle, GIVEN);
	}
}

/* What a file's mtime becomes that is set to this. */
static struct timespec set_to(int fd, int64_t sec, long nsec)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT },
				 { .tv_sec = sec, .tv_nsec = nsec } };

	NEED(futimens(fd, t) == 0);
	return fstat_of(fd).st_mtim;
}

static void of_type(void)
{
	int fd = open("ram0", O_RDWR);
	struct timespec t = set_to(fd, 1500000000, 999999999);

	OK("REGISTER_FS: the steps of times",
	   t.tv_sec == 1500000000 && t.tv_nsec == 0);
	OK("REGISTER_FS: the earliest", set_to(fd, 5, 0).tv_sec == 1000);
	OK("REGISTER_FS: the latest",
	   set_to(fd, 3000000000, 0).tv_sec == 2000000000);
	close(fd);
}

static void syncs(unsigned int n)
{
	int fd = new_file("synced");

	NEED(fsync(fd) == 0);
	mark();
	NEED(fsync(fd) == 0);
	OK(n ? "MOUNT: SYNC each time" : "MOUNT: SYNC not without need",
	   times(ZUFS_OP_SYNC) == n);
	close(fd);
}

static void modes(void)
{
	int fd = open("ram0", O_RDWR);

	mark();
	FAILS(EOPNOTSUPP, "MOUNT: no modes of fallocate",
	      fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4096));
	OK("and none is sent", !times(ZUFS_OP_FALLOCATE));
	close(fd);
}

static void more_modes(void)
{
	int fd = new_file("shorter");

	NEED(ftruncate(fd, 3 << ZUFS_BLOCK_SHIFT) == 0);
	mark();
	FAILS(EOPNOTSUPP, "MOUNT: a mode that no kernel can",
	      fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, ZUFS_BLOCK_SIZE));
	OK("and it isn't sent", !times(ZUFS_OP_FALLOCATE));
	close(fd);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const char *arg = argc > 2 ? argv[2] : "";

	calls_begin(arg[0] == '/' && strncmp(arg, "/dev/", 5) ? arg : ".");
	told_begin();
	if (!strcmp(what, "connection"))
		connection();
	else if (!strcmp(what, "cpus"))
		cpus();
	else if (!strcmp(what, "show"))
		show();
	else if (!strcmp(what, "pmem"))
		pmem(arg);
	else if (!strcmp(what, "change"))
		change_to(arg);
	else if (!strcmp(what, "times"))
		of_type();
	else if (!strcmp(what, "syncs"))
		syncs(argc > 3 ? (unsigned int)atoi(argv[3]) : 0);
	else if (!strcmp(what, "modes"))
		modes();
	else if (!strcmp(what, "more"))
		more_modes();
	else if (!strcmp(what, "handle"))
		handle();
	else
		return 2;
	return calls_end();
}
