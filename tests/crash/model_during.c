// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * The model: what a power cut may leave of a write that wasn't done.
 */
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define BLOCK 4096

/*
 * Blocks that a write of [n->from, n->to) leaves at most, if it isn't done: new
 * ones only before the size, or before blocks that are behind it.
 */
static uint64_t most_blocks(const struct m_node *n, const struct m_node *now)
{
	uint64_t end = (n->to + BLOCK - 1) / BLOCK;
	uint64_t size = (n->size + BLOCK - 1) / BLOCK;

	if (end > n->nr_map)
		end = n->nr_map;
	while (end > size && !n->map[end - 1])
		end--;
	if (end < size)
		end = size;
	return model_blocks(n) + model_blocks_to(now, end) -
	       model_blocks_to(n, end);
}

void model_during(struct model *m, const struct model *after,
		  const struct op *op)
{
	int node;
	struct m_node *n;
	const struct m_node *now;
	bool zeros = op->code == OP_PUNCH || op->code == OP_ZERO;

	if (op->code < OP_WRITE || op->code > OP_ZERO ||
	    op->code == OP_TRUNCATE)
		return;
	node = model_file(m, op->path);
	if (node < 0)
		return;
	n = &m->n[node];
	now = &after->n[node];
	for (int t = M_MTIME; t <= M_CTIME; t++)
		n->t[t].last = m->now > n->t[t].last ? m->now : n->t[t].last;
	if (op->code == OP_FALLOC || op->code == OP_KEEP)
		return;
	n->from = op->code == OP_APPEND ? n->size : op->a;
	n->to = n->from + (op->code == OP_APPEND ? op->a : op->b);
	/* A punch and zeros leave the size to the end. */
	n->next_size = zeros ? n->size : now->size;
	n->next_cap = (n->to + 7) & ~7ULL;
	n->next_blocks = zeros	 ? model_blocks(n) :
			 m->full ? model_blocks(now) :
				   most_blocks(n, now);
	n->next = calloc(1, n->next_cap);
	memcpy(n->next, now->data,
	       now->cap < n->next_cap ? now->cap : n->next_cap);
}
