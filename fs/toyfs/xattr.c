// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * Extended attributes: a chain of nodes, entries one behind the other in each.
 */
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "plugin.h"

#define FIRST	  ((uint32_t)sizeof(struct toy_node))
/*
 * Lines that one step of freeing needs: a node shifted, and the bitmap line and
 * its header of each extent of a far value, and of the node.
 */
#define FREE_ROOM (64U + 2U * (TOY_FAR_BLOCKS + 1U) + TOY_STEP_ROOM)

struct xname {
	const char *name;
	uint8_t type;
	uint8_t len;
};

/* An entry that was found, in node @bn behind node @prev (0: the inode). */
struct xfound {
	uint64_t bn, prev;
	uint32_t off; /* 0: not found */
};

static struct toy_xattr *entry(const void *node, uint32_t off)
{
	return (struct toy_xattr *)((char *)node + off);
}

static uint32_t entry_len(const struct toy_xattr *x)
{
	return TOY_XATTR_LEN(x->nlen, le16toh(x->vlen));
}

static uint32_t used_end(const void *node)
{
	return TOY_BLOCK - le32toh(((const struct toy_node *)node)->free);
}

static int node_check(const struct toy_node *node, uint64_t ino)
{
	const char *wrong = toy_xattr_wrong(node);

	if (le64toh(node->owner) != ino)
		wrong = "an xattr node of another inode";
	return wrong ? toy_corrupt(ino, wrong) : 0;
}

static int node_read(struct toy_fs *fs, struct toy_tx *tx, uint64_t bn,
		     uint64_t ino, int count, const void **node)
{
	int err;

	if (count >= (int)TOY_XATTR_NODES)
		return toy_corrupt(ino, "xattrs without end");
	err = toy_node_read(fs, tx, bn, TOY_XATTR_MAGIC, node);
	return err ? err : node_check(*node, ino);
}

static uint64_t node_link(const void *node)
{
	return le64toh(((const struct toy_node *)node)->link);
}

static uint32_t node_find(const void *node, struct xname name)
{
	const struct toy_xattr *x;
	uint32_t off, end = used_end(node);

	for (off = FIRST; off < end; off += entry_len(x)) {
		x = entry(node, off);
		if (TOY_XATTR_TYPE(x->type) == name.type &&
		    x->nlen == name.len &&
		    !memcmp(x->name, name.name, name.len))
			return off;
	}
	return 0;
}

/* -ENODATA. *node is the node of what was found. */
static int find(struct toy_fs *fs, struct toy_tx *tx,
		const struct toy_slot *slot, struct xname name,
		struct xfound *at, const void **node)
{
	uint64_t ino = le64toh(slot->zi.i_ino), bn, prev = 0;
	int err;

	bn = le64toh(slot->zi.i_xattr);
	for (int i = 0; bn; i++) {
		err = node_read(fs, tx, bn, ino, i, node);
		if (err)
			return err;
		*at = (struct xfound){ bn, prev, node_find(*node, name) };
		if (at->off)
			return 0;
		prev = bn;
		bn = node_link(*node);
	}
	return -ENODATA;
}

/* ---- changes ---- */

/* Takes an empty node out of the chain. */
static int unchain(struct toy_tx *tx, struct toy_slot *slot,
		   const struct xfound *at, uint64_t next)
{
	struct toy_node *prev;
	int err = 0;

	if (at->prev)
		err = toy_node_get(tx, at->prev, TOY_XATTR_MAGIC,
				   (void **)&prev);
	if (err)
		return err;
	if (at->prev)
		prev->link = htole64(next);
	else
		slot->zi.i_xattr = htole64(next);
	return toy_free(tx, at->bn, 1);
}

static int take_out(struct toy_tx *tx, struct toy_fs *fs, struct toy_slot *slot,
		    const struct xfound *at)
{
	struct toy_node *node;
	uint32_t len, end;
	int err = toy_node_get(tx, at->bn, TOY_XATTR_MAGIC, (void **)&node);

	if (!err && entry(node, at->off)->type & TOY_XATTR_FAR)
		err = toy_far_free(tx, fs, le64toh(slot->zi.i_ino),
				   entry(node, at->off));
	if (err)
		return err;
	len = entry_len(entry(node, at->off));
	end = used_end(node);
	memmove(entry(node, at->off), entry(node, at->off + len),
		end - at->off - len);
	memset(entry(node, end - len), 0, len);
	node->free = htole32(le32toh(node->free) + len);
	node->nr = htole16(le16toh(node->nr) - 1);
	if (end - len > FIRST)
		return 0;
	return unchain(tx, slot, at, node_link(node));
}

/* A node with room for @len bytes, a new one in front if there is none. */
static int node_for(struct toy_tx *tx, struct toy_fs *fs, struct toy_slot *slot,
		    uint32_t len, struct toy_node **node)
{
	uint64_t ino = le64toh(slot->zi.i_ino), bn;
	const void *n;
	int err, i;

	bn = le64toh(slot->zi.i_xattr);
	for (i = 0; bn; i++) {
		err = node_read(fs, tx, bn, ino, i, &n);
		if (err)
			return err;
		if (TOY_BLOCK - used_end(n) >= len)
			return toy_node_get(tx, bn, TOY_XATTR_MAGIC,
					    (void **)node);
		bn = node_link(n);
	}
	if (i == (int)TOY_XATTR_NODES)
		return -ENOSPC;
	err = toy_node_new(tx, TOY_XATTR_MAGIC, ino, 0, &bn, (void **)node);
	if (err)
		return err;
	(*node)->free = htole32(TOY_BLOCK - FIRST);
	(*node)->link = slot->zi.i_xattr;
	slot->zi.i_xattr = htole64(bn);
	return 0;
}

/* An entry with @data, the value or what stands for it. */
static int put_entry(struct toy_tx *tx, struct toy_fs *fs,
		     struct toy_slot *slot, struct xname name, uint8_t far,
		     const void *data, uint32_t size)
{
	uint32_t len = TOY_XATTR_LEN(name.len, size);
	struct toy_node *node;
	struct toy_xattr *x;
	int err = node_for(tx, fs, slot, len, &node);

	if (err)
		return err;
	x = entry(node, used_end(node));
	x->vlen = htole16(size);
	x->type = name.type | far;
	x->nlen = name.len;
	memcpy(x->name, name.name, name.len);
	memcpy(x->name + name.len, data, size);
	node->free = htole32(le32toh(node->free) - len);
	node->nr = htole16(le16toh(node->nr) + 1);
	return 0;
}

static int put_in(struct toy_tx *tx, struct toy_fs *fs, struct toy_slot *slot,
		  struct xname name, const void *value, uint32_t vlen)
{
	struct toy_far far;
	int err;

	if (vlen <= TOY_XATTR_NEAR)
		return put_entry(tx, fs, slot, name, 0, value, vlen);
	err = toy_far_put(tx, value, vlen, &far);
	return err ? err :
		     put_entry(tx, fs, slot, name, TOY_XATTR_FAR, &far,
			       TOY_FAR_LEN(le32toh(far.nr)));
}

int toy_xattr_add(struct toy_tx *tx, struct toy_fs *fs, struct toy_slot *slot,
		  const char *name, const void *value, uint32_t len)
{
	struct xname n = { name, ZUFS_XATTR_SYSTEM, (uint8_t)strlen(name) };

	return put_in(tx, fs, slot, n, value, len);
}

static void set_mode(struct toy_slot *slot, uint32_t mode)
{
	uint32_t type = le16toh(slot->zi.i_mode) & 0170000;

	slot->zi.i_mode = htole16((uint16_t)(type | (mode & 07777)));
}

static int set_parts(struct toy_tx *tx, struct toy_inode *ti, struct xname name,
		     struct zufs_ioc_xattr *io)
{
	bool remove = !io->user_buf_size &&
		      !(io->ioc_flags & ZUFS_XATTR_SET_EMPTY);
	struct toy_fs *fs = toy_i_fs(ti);
	struct toy_slot *slot;
	struct xfound at;
	const void *node;
	int err = toy_slot_get(tx, ti->zii.ino, &slot);

	if (err)
		return err;
	err = find(fs, tx, slot, name, &at, &node);
	if (err == -ENODATA && !(io->flags & XATTR_REPLACE))
		err = 0;
	else if (!err)
		err = io->flags & XATTR_CREATE && !remove ?
			      -EEXIST :
			      take_out(tx, fs, slot, &at);
	if (!err && !remove)
		err = put_in(tx, fs, slot, name, io->buf + io->name_len,
			     io->user_buf_size);
	if (err)
		return err;
	if (io->ioc_flags & ZUFS_XATTR_SET_MODE)
		set_mode(slot, io->mode);
	slot->zi.i_ctime = htole64(io->op.time);
	toy_fill_attr(ti, slot, &io->attr);
	return 0;
}

/* Under the inode's lock. */
static int set_tx(struct toy_inode *ti, struct xname name,
		  struct zufs_ioc_xattr *io)
{
	struct toy_tx *tx;
	int err = toy_begin(toy_i_fs(ti), ZUFS_OP_XATTR_SET, &tx);

	if (err)
		return err;
	return toy_tx_end(tx,
			  toy_try(toy_i_fs(ti), set_parts(tx, ti, name, io)));
}

static int name_of(const struct zufs_ioc_xattr *io, struct xname *name)
{
	if (io->name_len < 2 || io->name_len > 256)
		return -ERANGE;
	*name = (struct xname){ io->buf, io->type, io->name_len - 1 };
	return 0;
}

int toy_setxattr(struct zus_inode_info *zii, struct zufs_ioc_xattr *io)
{
	struct toy_inode *ti = toy_i(zii);
	struct xname name;
	int err = name_of(io, &name);

	if (err)
		return err;
	if (io->user_buf_size > TOY_FAR_MAX)
		return -E2BIG;
	pthread_rwlock_wrlock(&ti->lock);
	err = set_tx(ti, name, io);
	pthread_rwlock_unlock(&ti->lock);
	return err;
}

/* ---- the end of an inode ---- */

/* The last entry with a far value, 0: there is none. */
static uint32_t last_far(const void *node)
{
	uint32_t off, end = used_end(node), last = 0;

	for (off = FIRST; off < end; off += entry_len(entry(node, off)))
		if (entry(node, off)->type & TOY_XATTR_FAR)
			last = off;
	return last;
}

/*
 * Far values one by one, since a node may name more blocks than a transaction
 * frees. The chain gets shorter at each round, so a circle frees a block twice.
 */
int toy_xattrs_free(struct toy_fs *fs, struct toy_tx *tx, struct toy_slot *slot,
		    bool *done)
{
	uint64_t ino = le64toh(slot->zi.i_ino);
	const void *node;
	int err = 0;

	while (!err && slot->zi.i_xattr && toy_tx_more(tx, FREE_ROOM)) {
		struct xfound at = { .bn = le64toh(slot->zi.i_xattr) };

		err = node_read(fs, tx, at.bn, ino, 0, &node);
		if (err)
			break;
		at.off = last_far(node);
		err = at.off ? take_out(tx, fs, slot, &at) :
			       unchain(tx, slot, &at, node_link(node));
	}
	*done = !slot->zi.i_xattr;
	return err;
}

/* ---- answers ---- */

/* Also how long it is, if it is longer than there is room for. */
static int get_value(struct toy_fs *fs, uint64_t ino, const struct toy_xattr *x,
		     struct zufs_ioc_xattr *io)
{
	uint32_t room = io->user_buf_size, size = le16toh(x->vlen);
	bool is_far = x->type & TOY_XATTR_FAR;
	struct toy_far far;

	if (is_far) {
		const char *wrong = toy_far_get(fs, x, &far);

		if (wrong)
			return toy_corrupt(ino, wrong);
		size = le32toh(far.size);
	}
	io->user_buf_size = size;
	if (room < size)
		return room ? -ERANGE : 0;
	if (is_far)
		return toy_far_read(fs, ino, &far, io->buf);
	memcpy(io->buf, x->name + x->nlen, size);
	return 0;
}

/* Under the inode's lock. */
static int get(struct toy_inode *ti, struct xname name,
	       struct zufs_ioc_xattr *io)
{
	const struct toy_slot *slot;
	struct xfound at;
	const void *node;
	int err = toy_slot_read(toy_i_fs(ti), ti->zii.ino, &slot);

	if (!err)
		err = find(toy_i_fs(ti), NULL, slot, name, &at, &node);
	if (err)
		return err;
	return get_value(toy_i_fs(ti), ti->zii.ino, entry(node, at.off), io);
}

int toy_getxattr(struct zus_inode_info *zii, struct zufs_ioc_xattr *io)
{
	struct toy_inode *ti = toy_i(zii);
	struct xname name;
	int err = name_of(io, &name);

	if (err)
		return err;
	pthread_rwlock_rdlock(&ti->lock);
	err = toy_try(toy_i_fs(ti), get(ti, name, io));
	pthread_rwlock_unlock(&ti->lock);
	return err;
}

static const char *prefix(uint8_t type)
{
	switch (type) {
	case ZUFS_XATTR_SECURITY:
		return "security.";
	case ZUFS_XATTR_SYSTEM:
		return "system.";
	case ZUFS_XATTR_TRUSTED:
		return "trusted.";
	case ZUFS_XATTR_USER:
		return "user.";
	default:
		return NULL;
	}
}

struct listing {
	char *buf;
	uint32_t room; /* 0: only the size is asked for */
	uint32_t size;
	bool trusted;
};

/* One that doesn't fit counts: the caller hears how much there is. */
static void list_one(struct listing *l, const struct toy_xattr *x)
{
	const char *pre = prefix(TOY_XATTR_TYPE(x->type));
	uint32_t plen, len;

	if (!pre ||
	    (TOY_XATTR_TYPE(x->type) == ZUFS_XATTR_TRUSTED && !l->trusted))
		return;
	plen = strlen(pre);
	len = plen + x->nlen + 1;
	if (l->size + len <= l->room) {
		memcpy(l->buf + l->size, pre, plen);
		memcpy(l->buf + l->size + plen, x->name, x->nlen);
		l->buf[l->size + len - 1] = 0;
	}
	l->size += len;
}

/* Under the inode's lock. */
static int list(struct toy_inode *ti, struct listing *l)
{
	struct toy_fs *fs = toy_i_fs(ti);
	const struct toy_slot *slot;
	const void *node;
	uint64_t bn;
	int err = toy_slot_read(fs, ti->zii.ino, &slot);

	if (err)
		return err;
	bn = le64toh(slot->zi.i_xattr);
	for (int i = 0; bn; i++) {
		err = node_read(fs, NULL, bn, ti->zii.ino, i, &node);
		for (uint32_t off = FIRST; !err && off < used_end(node);
		     off += entry_len(entry(node, off)))
			list_one(l, entry(node, off));
		if (err)
			return err;
		bn = node_link(node);
	}
	return 0;
}

int toy_listxattr(struct zus_inode_info *zii, struct zufs_ioc_xattr *io)
{
	struct toy_inode *ti = toy_i(zii);
	struct listing l = {
		.buf = io->buf,
		.room = io->user_buf_size,
		.trusted = io->ioc_flags & ZUFS_XATTR_TRUSTED_LIST,
	};
	int err;

	pthread_rwlock_rdlock(&ti->lock);
	err = toy_try(toy_i_fs(ti), list(ti, &l));
	pthread_rwlock_unlock(&ti->lock);
	if (err)
		return err;
	io->user_buf_size = l.size;
	return l.room && l.size > l.room ? -ERANGE : 0;
}
