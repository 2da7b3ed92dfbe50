// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * NUMA nodes of CPUs, as the kernel told them when the server began: its CPUs are
 * those of that moment.
 */
#include <stdlib.h>
#include <sys/ioctl.h>

#include "internal.h"

#define NO_NODE 0xffff

static struct zufs_ioc_numa_map *map;
static __thread int current_node = -1;

int zus_numa_read(int mount_fd)
{
	struct zufs_ioc_numa_map nm = { 0 };
	unsigned int nr;

	/* Without room it answers how much is needed. */
	if (ioctl(mount_fd, ZU_IOC_NUMA_MAP, &nm) && errno != EOVERFLOW)
		return -errno;
	nr = nm.possible_cpus;
	free(map);
	map = calloc(1, sizeof(*map) + nr * sizeof(map->cpu_node[0]));
	if (!map)
		return -ENOMEM;
	map->max_cpus = nr;
	return ioctl(mount_fd, ZU_IOC_NUMA_MAP, map) ? -errno : 0;
}

int zus_cpu_to_node(unsigned int cpu)
{
	if (!map || cpu >= map->possible_cpus || cpu >= map->max_cpus ||
	    map->cpu_node[cpu] == NO_NODE)
		return -1;
	return map->cpu_node[cpu];
}

int zus_current_node(void)
{
	return current_node;
}

void zus_local_node(int node)
{
	current_node = node;
}
