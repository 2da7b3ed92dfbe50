// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Plugins: found, loaded, and the types that they register.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

struct zus_fs_info *zus_types[ZUS_MAX_TYPES];
unsigned int zus_nr_types;

static const char *plugin_dir; /* NULL: as the environment says */
static char why_text[PATH_MAX + 256];
static const char *refusal; /* why zus_register_one() failed */

void zus_plugin_dir(const char *dir)
{
	plugin_dir = dir;
}

static const char *folder(void)
{
	const char *env = secure_getenv("ZUFS_PLUGIN_DIR");

	if (plugin_dir)
		return plugin_dir;
	return env ? env : PLUGINDIR;
}

struct zus_fs_info *zus_find_fs(const char *fsname)
{
	for (unsigned int i = 0; i < zus_nr_types; i++)
		if (!fsname || !strcmp(zus_types[i]->rfi.fsname, fsname))
			return zus_types[i];
	return NULL;
}

static bool name_is_good(const char *name)
{
	size_t len = strnlen(name, 16);

	return len && len < 16 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static int refuse(const char *why, int err)
{
	refusal = why;
	return err;
}

/* Times of the wire are ns in 64 bits: who names no range takes all of them. */
static void default_times(struct zufs_register_fs_info *rfi)
{
	if (rfi->s_time_min || rfi->s_time_max)
		return;
	rfi->s_time_min = INT64_MIN / 1000000000;
	rfi->s_time_max = INT64_MAX / 1000000000;
}

int zus_register_type(const struct zus_plugin *plugin, struct zus_fs_info *zfi)
{
	if (plugin->abi != ZUS_ABI)
		return refuse(
			"it was built with the zus.h of another version; build it again",
			-EPROTONOSUPPORT);
	if (!zfi->op || !zfi->op->sbi_alloc || !zfi->op->sbi_init ||
	    !zfi->op->sbi_fini || !zfi->op->sbi_free)
		return refuse(
			"a type needs sbi_alloc, sbi_init, sbi_fini and sbi_free",
			-EINVAL);
	if (!name_is_good(zfi->rfi.fsname))
		return refuse("a type's name is 1 to 15 of a-z, 0-9 and _",
			      -EINVAL);
	if (zus_find_fs(zfi->rfi.fsname))
		return refuse(
			"a type of that name is there already; load it once",
			-EEXIST);
	if (zus_nr_types == ZUS_MAX_TYPES)
		return refuse("too many types; start another server", -ENOSPC);
	default_times(&zfi->rfi);
	zus_types[zus_nr_types++] = zfi;
	zus_ddbg_add(zfi->rfi.fsname, plugin);
	return 0;
}

static int explain(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why_text, sizeof(why_text), fmt, ap);
	va_end(ap);
	return err;
}

/* The types of a plugin that @dl is; none stays if that fails. */
static int init_plugin(void *dl, const char *path)
{
	unsigned int before = zus_nr_types;
	unsigned int modules = zus_ddbg_nr_modules;
	int (*init)(void);
	int err;

	*(void **)&init = dlsym(dl, "zus_plugin_init");
	if (!init)
		return explain(
			-ENOEXEC,
			"%s: is no plugin: it exports no zus_plugin_init()",
			path);
	refusal = NULL;
	err = init();
	if (!err && zus_nr_types == before)
		err = refuse("it registered no type", -ENOEXEC);
	if (!err)
		return 0;
	zus_nr_types = before;
	zus_ddbg_nr_modules = modules;
	return explain(err, "%s: %s", path, refusal ? refusal : strerror(-err));
}

int zus_load_plugin(const char *name_or_path, const char **why)
{
	char path[PATH_MAX];
	void *dl;
	int err, n;

	*why = why_text;
	if (strchr(name_or_path, '/'))
		n = snprintf(path, sizeof(path), "%s", name_or_path);
	else
		n = snprintf(path, sizeof(path), "%s/%s.so", folder(),
			     name_or_path);
	if (n < 0 || (size_t)n >= sizeof(path))
		return explain(-ENAMETOOLONG, "%.64s...: too long a path",
			       name_or_path);
	if (access(path, F_OK))
		return explain(
			-errno,
			"%s: %s; give the plugin's path, or its folder with --plugin-dir",
			path, strerror(errno));
	dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!dl)
		return explain(-ENOEXEC, "%s; build it for this libzus",
			       dlerror());
	err = init_plugin(dl, path);
	if (err)
		dlclose(dl);
	return err;
}
