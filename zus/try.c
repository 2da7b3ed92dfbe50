// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Poison: a SIGBUS on pmem ends the innermost ZUS_TRY() of its thread.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "internal.h"

/* No allocation at the first access: that may be in the handler. */
static __thread struct zus_try *innermost
	__attribute__((tls_model("initial-exec")));
static __thread const void *met; /* by the last one that failed */
static struct sigaction before;

/*
 * Of a machine check on a page that belongs to no file of the kernel's, as
 * those of the server's map, the kernel doesn't tell the address (SI_KERNEL).
 */
static bool is_of(const struct zus_try *t, const siginfo_t *si)
{
	if (si->si_code == SI_KERNEL)
		return true;
	return (si->si_code == BUS_ADRERR || si->si_code == BUS_MCEERR_AR) &&
	       (uintptr_t)si->si_addr - (uintptr_t)t->addr < t->bytes;
}

static void on_sigbus(int sig, siginfo_t *si, void *context)
{
	struct zus_try *t = innermost;

	(void)context;
	if (si->si_code == BUS_MCEERR_AO)
		return; /* nobody read it */
	while (t && !is_of(t, si))
		t = t->outer;
	if (t) {
		t->at = si->si_code == SI_KERNEL ? NULL : si->si_addr;
		innermost = t->outer;
		siglongjmp(t->env, 1);
	}
	/* The access, tried again, does what it did before libzus. */
	sigaction(sig, &before, NULL);
	if (si->si_code <= 0)
		raise(sig); /* by kill(2): there is no access */
}

static void install(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigbus,
				.sa_flags = SA_SIGINFO | SA_NODEFER };

	/* SA_NODEFER: who leaves by a jump needs no mask restored. */
	sigaction(SIGBUS, &sa, &before);
}

void zus_try_enter(struct zus_try *t, const void *addr, uint64_t bytes)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, install);
	t->addr = addr;
	t->bytes = bytes;
	t->outer = innermost;
	innermost = t;
}

void zus_try_leave(const struct zus_try *t)
{
	innermost = t->outer;
}

int zus_try_failed(const struct zus_try *t)
{
	met = t->at;
	if (t->at)
		zus_log(ZUS_ERR, "pmem: media error at byte %llu",
			(unsigned long long)((const char *)t->at -
					     (const char *)t->addr));
	else
		zus_log(ZUS_ERR, "pmem: media error");
	return -EIO;
}

const void *zus_try_at(void)
{
	const void *at = met;

	met = NULL;
	return at;
}
