/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints, in events/zuf of tracefs: the way of each request, and the life
 * of a connection. A request is known by its unique id all the way.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM zuf

#if !defined(_ZUF_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _ZUF_TRACE_H

#include <linux/tracepoint.h>

#include "ops.h"
#include "zuf.h"

/* These macros are a language of their own: as in include/trace/events. */
/* clang-format off */

#define ZUF_ENUM(name)	TRACE_DEFINE_ENUM(ZUFS_OP_##name);
#define ZUF_NAME(name)	{ ZUFS_OP_##name, #name },
#define ZUF_M_ENUM(name) TRACE_DEFINE_ENUM(ZUFS_M_##name);
#define ZUF_M_NAME(name) { ZUFS_M_##name, #name },

ZUF_OPS(ZUF_ENUM)
ZUF_MOUNT_OPS(ZUF_M_ENUM)

#define show_zuf_op(op) \
	__print_symbolic(op, ZUF_OPS(ZUF_NAME) { 0, "?" })
#define show_zuf_mount_op(op) \
	__print_symbolic(op, ZUF_MOUNT_OPS(ZUF_M_NAME) { 0, "?" })

DECLARE_EVENT_CLASS(zuf_request,
	TP_PROTO(const struct zuf_req *req),
	TP_ARGS(req),
	TP_STRUCT__entry(
		__field(u64, sb_id)
		__field(u64, unique)
		__field(u64, ino)
		__field(u16, op)
	),
	TP_fast_assign(
		const struct zufs_ioc_op *o = (const void *)req->hdr;

		__entry->sb_id = o->sb_id;
		__entry->unique = req->unique;
		__entry->ino = o->ii.ino;
		__entry->op = o->hdr.operation;
	),
	TP_printk("sb=%llu unique=%llu op=%s ino=%llu", __entry->sb_id,
		  __entry->unique, show_zuf_op(__entry->op), __entry->ino)
);

/* A caller begins to look for a ZT. */
DEFINE_EVENT(zuf_request, zuf_post,
	TP_PROTO(const struct zuf_req *req), TP_ARGS(req));

/* A ZT has it in its buffer, and goes to the server with it. */
DEFINE_EVENT(zuf_request, zuf_take,
	TP_PROTO(const struct zuf_req *req), TP_ARGS(req));

/* Its caller was killed, and waits no more. */
DEFINE_EVENT(zuf_request, zuf_abandon,
	TP_PROTO(const struct zuf_req *req), TP_ARGS(req));

/* err: as the caller gets it; out_len: bytes of the answer. */
TRACE_EVENT(zuf_answer,
	TP_PROTO(const struct zuf_req *req),
	TP_ARGS(req),
	TP_STRUCT__entry(
		__field(u64, unique)
		__field(u32, out_len)
		__field(int, err)
		__field(u16, op)
	),
	TP_fast_assign(
		__entry->unique = req->unique;
		__entry->out_len = req->hdr->out_len;
		__entry->err = req->err;
		__entry->op = req->hdr->operation;
	),
	TP_printk("unique=%llu op=%s err=%d out_len=%u", __entry->unique,
		  show_zuf_op(__entry->op), __entry->err, __entry->out_len)
);

/* A mount operation is over; err: as its caller gets it. */
TRACE_EVENT(zuf_mount,
	TP_PROTO(const struct zuf_sb_info *sbi, u16 op, int err),
	TP_ARGS(sbi, op, err),
	TP_STRUCT__entry(
		__field(u64, sb_id)
		__string(id, sbi->sb->s_id)
		__string(type, sbi->type->name)
		__field(int, err)
		__field(u16, op)
	),
	TP_fast_assign(
		__entry->sb_id = sbi->sb_id;
		__assign_str(id, sbi->sb->s_id);
		__assign_str(type, sbi->type->name);
		__entry->err = err;
		__entry->op = op;
	),
	TP_printk("sb=%llu op=%s type=%s dev=%s err=%d", __entry->sb_id,
		  show_zuf_mount_op(__entry->op), __get_str(type),
		  __get_str(id), __entry->err)
);

TRACE_EVENT(zuf_epoch_begin,
	TP_PROTO(u64 epoch, pid_t pid),
	TP_ARGS(epoch, pid),
	TP_STRUCT__entry(
		__field(u64, epoch)
		__field(pid_t, pid)
	),
	TP_fast_assign(
		__entry->epoch = epoch;
		__entry->pid = pid;
	),
	TP_printk("epoch=%llu pid=%d", __entry->epoch, __entry->pid)
);

TRACE_EVENT(zuf_epoch_end,
	TP_PROTO(u64 epoch, pid_t pid, const char *why),
	TP_ARGS(epoch, pid, why),
	TP_STRUCT__entry(
		__field(u64, epoch)
		__field(pid_t, pid)
		__string(why, why)
	),
	TP_fast_assign(
		__entry->epoch = epoch;
		__entry->pid = pid;
		__assign_str(why, why);
	),
	TP_printk("epoch=%llu pid=%d why=\"%s\"", __entry->epoch,
		  __entry->pid, __get_str(why))
);

/* clang-format on */

#endif /* _ZUF_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
