// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * A plugin that was built with the zus.h of another version.
 */
#include "zus.h"

int zus_plugin_init(void)
{
	static const struct zus_zfi_operations op;
	static struct zus_fs_info zfi = { .rfi = { .fsname = "badabi" },
					  .op = &op };
	const struct zus_plugin plugin = { .abi = ZUS_ABI + 1 };

	return zus_register_type(&plugin, &zfi);
}
