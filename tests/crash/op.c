// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * The text of workloads.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op.h"

/* Arguments: p path, o other path or name, a and b numbers. */
static const struct {
	const char *name, *args;
} forms[OP_CODES] = {
	[OP_CREATE] = { "create", "p" },
	[OP_MKDIR] = { "mkdir", "p" },
	[OP_FIFO] = { "fifo", "p" },
	[OP_CHR] = { "chr", "p" },
	[OP_SYMLINK] = { "symlink", "pa" },
	[OP_LINK] = { "link", "po" },
	[OP_UNLINK] = { "unlink", "p" },
	[OP_RMDIR] = { "rmdir", "p" },
	[OP_RENAME] = { "rename", "po" },
	[OP_EXCHANGE] = { "exchange", "po" },
	[OP_WHITEOUT] = { "whiteout", "po" },
	[OP_WRITE] = { "write", "pab" },
	[OP_APPEND] = { "append", "pa" },
	[OP_TRUNCATE] = { "truncate", "pa" },
	[OP_FALLOC] = { "falloc", "pab" },
	[OP_KEEP] = { "keep", "pab" },
	[OP_PUNCH] = { "punch", "pab" },
	[OP_ZERO] = { "zero", "pab" },
	[OP_SCRIBBLE] = { "scribble", "p" },
	[OP_CHMOD] = { "chmod", "pa" },
	[OP_CHOWN] = { "chown", "pa" },
	[OP_CHATTR] = { "chattr", "pab" },
	[OP_UTIMES] = { "utimes", "pa" },
	[OP_SETXATTR] = { "setxattr", "pao" },
	[OP_RMXATTR] = { "rmxattr", "po" },
	[OP_SETACL] = { "setacl", "pab" },
	[OP_OPEN] = { "open", "p" },
	[OP_CLOSE] = { "close", "p" },
	[OP_FSYNC] = { "fsync", "p" },
	[OP_TMPLINK] = { "tmplink", "pa" },
	[OP_REMOUNT] = { "remount", "" },
};

/* The next word, NULL at the end of the call. */
static char *word(char **s)
{
	char *w;

	do {
		w = strsep(s, " ");
	} while (w && !*w);
	return w;
}

static int parse_args(struct op *op, char *s)
{
	const char *args = forms[op->code].args;

	for (; *args; args++) {
		char *w = word(&s), *end = "";

		if (!w || strlen(w) >= OP_PATH)
			return -EINVAL;
		if (*args == 'p')
			strcpy(op->path, w);
		else if (*args == 'o')
			strcpy(op->other, w);
		else if (*args == 'a')
			op->a = strtoull(w, &end, 0);
		else
			op->b = strtoull(w, &end, 0);
		if (*end)
			return -EINVAL;
	}
	return word(&s) ? -EINVAL : 0;
}

int op_parse(const char *text, struct op *op, const char **end)
{
	size_t len = strcspn(text, ";");
	char line[4 * OP_PATH], *s = line, *name;

	if (len >= sizeof(line))
		return -EINVAL;
	memcpy(line, text, len);
	line[len] = '\0';
	*end = text + len + (text[len] == ';');
	*end += strspn(*end, " ");
	name = word(&s);
	memset(op, 0, sizeof(*op));
	for (int c = 0; name && c < OP_CODES; c++) {
		if (strcmp(name, forms[c].name))
			continue;
		op->code = c;
		return parse_args(op, s);
	}
	return -EINVAL;
}

int op_parse_all(const char *text, struct op *ops, int max)
{
	int n = 0, err;

	while (*text) {
		if (n == max)
			return -EINVAL;
		err = op_parse(text, &ops[n++], &text);
		if (err)
			return err;
	}
	return n;
}

void op_print(const struct op *op, char *buf, size_t len)
{
	const char *args = forms[op->code].args;
	int at = snprintf(buf, len, "%s", forms[op->code].name);

	for (; *args && at > 0 && (size_t)at < len; args++) {
		if (*args == 'p' || *args == 'o')
			at += snprintf(buf + at, len - (size_t)at, " %s",
				       *args == 'p' ? op->path : op->other);
		else
			at += snprintf(buf + at, len - (size_t)at, " %" PRIu64,
				       *args == 'a' ? op->a : op->b);
	}
}

void op_print_all(const struct op *ops, int n, char *buf, size_t len)
{
	size_t at = 0;

	*buf = '\0';
	for (int i = 0; i < n && at + 3 < len; i++) {
		op_print(&ops[i], buf + at, len - at);
		at = strlen(buf);
		if (i + 1 < n)
			at += (size_t)snprintf(buf + at, len - at, "; ");
	}
}
