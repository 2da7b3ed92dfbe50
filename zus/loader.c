// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Plugins: found, loaded, and the types that they register.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

struct zus_fs_info *zus_types[ZUS_MAX_TYPES];
unsigned int zus_nr_types;

static const char *plugin_dir = PLUGINDIR;
static char why_text[1024];

void zus_plugin_dir(const char *dir)
{
	plugin_dir = dir;
}

struct zus_fs_info *zus_find_fs(const char *fsname)
{
	for (unsigned int i = 0; i < zus_nr_types; i++)
		if (!strcmp(zus_types[i]->rfi.fsname, fsname))
			return zus_types[i];
	return NULL;
}

static bool name_is_good(const char *name)
{
	size_t len = strnlen(name, 16);

	return len && len < 16 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

int zus_register_one(struct zus_fs_info *zfi)
{
	if (!zfi->op || !zfi->op->sbi_alloc || !zfi->op->sbi_init ||
	    !zfi->op->sbi_fini || !zfi->op->sbi_free)
		return -EINVAL;
	if (!name_is_good(zfi->rfi.fsname))
		return -EINVAL;
	if (zus_find_fs(zfi->rfi.fsname))
		return -EEXIST;
	if (zus_nr_types == ZUS_MAX_TYPES)
		return -ENOSPC;
	zus_types[zus_nr_types++] = zfi;
	return 0;
}

int zus_load_plugin(const char *name_or_path, const char **why)
{
	unsigned int before = zus_nr_types;
	char path[512];
	int (*init)(void);
	void *dl;
	int err;

	*why = why_text;
	if (strchr(name_or_path, '/'))
		snprintf(path, sizeof(path), "%s", name_or_path);
	else
		snprintf(path, sizeof(path), "%s/%s.so", plugin_dir,
			 name_or_path);
	dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!dl) {
		snprintf(why_text, sizeof(why_text), "%s", dlerror());
		return -ENOENT;
	}
	*(void **)&init = dlsym(dl, "zus_plugin_init");
	if (!init) {
		snprintf(why_text, sizeof(why_text),
			 "%s: exports no zus_plugin_init()", path);
		dlclose(dl);
		return -ENOEXEC;
	}
	err = init();
	if (!err)
		return 0;
	zus_nr_types = before;
	snprintf(why_text, sizeof(why_text), "%s: %s", path, strerror(-err));
	dlclose(dl);
	return err;
}
