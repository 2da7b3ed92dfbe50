// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * The sum of a model, by which its states are told apart.
 */
#include <string.h>

#include "model.h"

static uint64_t mix(uint64_t h, const void *p, size_t len)
{
	const uint8_t *b = p;

	for (; len >= 8; len -= 8, b += 8) {
		uint64_t w;

		memcpy(&w, b, 8);
		h = (h ^ w) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 32;
	}
	while (len--)
		h = (h ^ *b++) * 0x100000001b3ULL;
	return h;
}

static uint64_t node_sum(const struct m_node *n)
{
	uint64_t h = mix(1, &n->mode,
			 offsetof(struct m_node, opens) -
				 offsetof(struct m_node, mode));

	h = mix(h, n->t, sizeof(n->t));
	h = mix(h, &n->size, sizeof(n->size));
	if (n->data)
		h = mix(h, n->data, n->cap < n->size ? n->cap : n->size);
	if (n->map)
		h = mix(h, n->map, n->nr_map);
	for (int i = 0; i < M_XATTRS; i++) {
		h = mix(h, n->x[i].name, sizeof(n->x[i].name));
		h = mix(h, n->x[i].value, n->x[i].size);
	}
	h = mix(h, &n->from, 3 * sizeof(n->from));
	return n->next ? mix(h, n->next, n->next_cap) : h;
}

uint64_t model_sum(const struct model *m)
{
	uint64_t h = 0;

	for (int i = 0; i < M_NODES; i++)
		if (m->n[i].used)
			h += mix((uint64_t)i + 2,
				 &(uint64_t){ node_sum(&m->n[i]) }, 8);
	for (unsigned int i = 0; i < m->nr; i++) {
		const struct m_name *n = &m->names[i];

		h += mix(mix(7, n->name, strlen(n->name)), &n->dir,
			 2 * sizeof(int));
	}
	return h;
}
