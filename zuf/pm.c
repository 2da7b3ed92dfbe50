// SPDX-License-Identifier: GPL-2.0
/*
 * No hibernation while something is mounted, and no mount meanwhile. ZTs serve on
 * when the image of memory is made, and while it is written: what they store to
 * pmem then, the kernel of that image wouldn't know.
 */
#include <linux/spinlock.h>
#include <linux/suspend.h>

#include "core.h"

static DEFINE_SPINLOCK(lock); /* of both */
static unsigned int mounts;
static bool hibernating;

int zuf_pm_mount(void)
{
	int err = 0;

	spin_lock(&lock);
	if (hibernating)
		err = -EBUSY;
	else
		mounts++;
	spin_unlock(&lock);
	return err;
}

void zuf_pm_umount(void)
{
	spin_lock(&lock);
	mounts--;
	spin_unlock(&lock);
}

static int on_pm(struct notifier_block *nb, unsigned long action, void *data)
{
	bool busy;

	if (action != PM_HIBERNATION_PREPARE && action != PM_POST_HIBERNATION)
		return NOTIFY_DONE;
	spin_lock(&lock);
	busy = action == PM_HIBERNATION_PREPARE && mounts;
	hibernating = action == PM_HIBERNATION_PREPARE && !busy;
	spin_unlock(&lock);
	if (!busy)
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
