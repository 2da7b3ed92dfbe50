// SPDX-License-Identifier: GPL-2.0
/*
 * Filesystem types that servers register.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "core.h"

DEFINE_MUTEX(zuf_types_lock);
LIST_HEAD(zuf_types);

/* register_filesystem() has a BUG_ON for a dot; and names end up in scripts. */
static bool name_is_good(const char *name)
{
	size_t len = strnlen(name, 16), i;

	if (!len || len == 16 || !strcmp(name, "zuf"))
		return false;
	for (i = 0; i < len; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') &&
		    !(name[i] >= '0' && name[i] <= '9') && name[i] != '_')
			return false;
	return true;
}

static struct zuf_type *find(const char *name)
{
	struct zuf_type *type;

	list_for_each_entry(type, &zuf_types, list)
		if (!strcmp(type->name, name))
			return type;
	return NULL;
}

static struct zuf_type *add(const char *name)
{
	struct zuf_type *type = kzalloc(sizeof(*type), GFP_NOIO);
	int err;

	if (!type)
		return ERR_PTR(-ENOMEM);
	strscpy(type->name, name, sizeof(type->name));
	type->fst.owner = THIS_MODULE;
	type->fst.name = type->name;
	type->fst.init_fs_context = zuf_init_fs_context;
	type->fst.kill_sb = zuf_kill_sb;
	err = register_filesystem(&type->fst);
	if (err) {
		kfree(type);
		return ERR_PTR(err);
	}
	list_add_tail(&type->list, &zuf_types);
	return type;
}

int zuf_type_register(struct zuf_root *root, u64 epoch, u64 zfi_id,
		      const struct zufs_register_fs_info *rfi)
{
	struct zuf_type *type;
	int err = 0;

	if (!name_is_good(rfi->fsname) || !rfi->s_maxbytes ||
	    rfi->s_maxbytes > MAX_LFS_FILESIZE || !rfi->s_time_gran ||
	    rfi->s_time_gran > NSEC_PER_SEC ||
	    rfi->s_time_min > rfi->s_time_max || rfi->flags & ~ZUFS_RFI_NODEV)
		return -EINVAL;
	mutex_lock(&zuf_types_lock);
	type = find(rfi->fsname);
	if (!type)
		type = add(rfi->fsname);
	if (IS_ERR(type)) {
		err = PTR_ERR(type);
	} else if (type->root) {
		err = -EBUSY;
	} else {
		type->rfi = *rfi;
		type->fst.fs_flags =
			rfi->flags & ZUFS_RFI_NODEV ? 0 : FS_REQUIRES_DEV;
		type->zfi_id = zfi_id;
		type->epoch = epoch;
		type->root = root;
	}
	mutex_unlock(&zuf_types_lock);
	return err;
}

void zuf_type_drop_root(struct zuf_root *root)
{
	struct zuf_type *type;

	mutex_lock(&zuf_types_lock);
	list_for_each_entry(type, &zuf_types, list)
		if (type->root == root)
			type->root = NULL;
	mutex_unlock(&zuf_types_lock);
}

/* Nothing is mounted: each mount holds the module. */
void zuf_type_exit(void)
{
	struct zuf_type *type, *next;

	list_for_each_entry_safe(type, next, &zuf_types, list) {
		unregister_filesystem(&type->fst);
		kfree(type);
	}
}
