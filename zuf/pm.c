// SPDX-License-Identifier: GPL-2.0
/*
 * No hibernation while something is mounted. ZTs serve on when the image of memory
 * is made, and while it is written: what they store to pmem then, the kernel of
 * that image wouldn't know.
 */
#include <linux/atomic.h>
#include <linux/suspend.h>

#include "core.h"

static atomic_t mounts;

void zuf_pm_mounted(int n)
{
	atomic_add(n, &mounts);
}

static int on_pm(struct notifier_block *nb, unsigned long action, void *data)
{
	if (action != PM_HIBERNATION_PREPARE || !atomic_read(&mounts))
		return NOTIFY_DONE;
	pr_warn("no hibernation while a filesystem is mounted: unmount it, or suspend\n");
	return notifier_from_errno(-EBUSY);
}

static struct notifier_block pm_block = { .notifier_call = on_pm };

int zuf_pm_init(void)
{
	return register_pm_notifier(&pm_block);
}

void zuf_pm_exit(void)
{
	unregister_pm_notifier(&pm_block);
}
