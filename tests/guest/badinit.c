// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * A plugin whose start fails.
 */
#include "zus.h"

int zus_plugin_init(void)
{
	return -ENODEV;
}
