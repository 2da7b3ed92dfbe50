// SPDX-License-Identifier: GPL-2.0
/*
 * Where the code of the tracepoints is made.
 */
#include "core.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
