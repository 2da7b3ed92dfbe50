/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/*
 * For -include: the recorder learns which line called pm.c, and of two calls in
 * flight one goes on where the other waits.
 */
#include "tx.h"

extern __thread const char *pm_where;

#define PM_STR_(x)	   #x
#define PM_STR(x)	   PM_STR_(x)
#define PM_HERE		   (pm_where = __FILE__ ":" PM_STR(__LINE__))
#define pm_write(...)	   (PM_HERE, pm_write(__VA_ARGS__))
#define pm_write_lazy(...) (PM_HERE, pm_write_lazy(__VA_ARGS__))
#define pm_zero(...)	   (PM_HERE, pm_zero(__VA_ARGS__))
#define pm_fence(...)	   (PM_HERE, pm_fence(__VA_ARGS__))

int two_mutex_lock(pthread_mutex_t *lock);
int two_rdlock(pthread_rwlock_t *lock);
int two_wrlock(pthread_rwlock_t *lock);

#define pthread_mutex_lock    two_mutex_lock
#define pthread_rwlock_rdlock two_rdlock
#define pthread_rwlock_wrlock two_wrlock
