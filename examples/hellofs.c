// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0
/*
 * hellofs - two files that nobody ever wrote.
 *
 * The smallest plugin. It teaches what a filesystem must have at least: a type,
 * a mount, a directory, and files that can be read. It has no device, and
 * nothing in it changes: so it needs neither locks nor counts of references.
 * To build it where ZUFS is installed (memfs.c is the next to read):
 *
 *   cc -shared -fPIC -o hellofs.so hellofs.c $(pkg-config --cflags --libs zus)
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <zus.h>

#define LINE 32 /* bytes of each line of a file */

#define ROOT	1 /* inode numbers */
#define HELLO	2
#define SQUARES 3
#define END	4

static const struct {
	const char *name;
	uint64_t size;
} files[END] = {
	[HELLO] = { "hello", LINE },
	[SQUARES] = { "squares", 1000 * LINE },
};

struct hello_sb {
	struct zus_sb_info sbi;
	struct zus_inode_info inode[END]; /* by number */
};

/* What stat(2) shows. All of struct zus_inode is little-endian. */
static void fill_attr(const struct zus_inode_info *zii, struct zufs_attr *attr)
{
	bool root = zii->ino == ROOT;
	struct zus_inode *zi = &attr->zi;

	memset(attr, 0, sizeof(*attr));
	zi->i_ino = htole64(zii->ino);
	zi->i_generation = htole64(zii->generation);
	zi->i_mode = htole16(root ? S_IFDIR | 0555 : S_IFREG | 0444);
	zi->i_nlink = htole32(root ? 2 : 1);
	zi->i_size = htole64(files[zii->ino].size);
}

static void make_line(uint64_t ino, uint64_t nr, char *line)
{
	int len = ino == HELLO ? snprintf(line, LINE, "Hello, world.") :
				 snprintf(line, LINE, "%lu * %lu = %lu", nr, nr,
					  nr * nr);

	memset(line + len, ' ', LINE - len);
	line[LINE - 1] = '\n';
}

/* [filepos, last_pos) is asked for; last_pos becomes the end of what is there. */
static int hello_read(struct zus_inode_info *zii, void *data,
		      struct zufs_ioc_IO *io)
{
	uint64_t pos = io->filepos, size = files[zii->ino].size;
	char line[LINE], *to = data;

	if (io->last_pos > size)
		io->last_pos = pos > size ? pos : size;
	for (; pos < io->last_pos; pos++) {
		if (pos == io->filepos || pos % LINE == 0)
			make_line(zii->ino, pos / LINE, line);
		*to++ = line[pos % LINE];
	}
	fill_attr(zii, &io->attr);
	return 0;
}

/* The kernel gives back the references that lookup and iget gave it. */
static void hello_evict(struct zus_inode_info *zii, bool free_inode)
{
	(void)zii;
	(void)free_inode;
}

static const struct zus_zii_operations zii_ops = {
	.evict = hello_evict,
	.read = hello_read,
};

static int hello_iget(struct zus_sb_info *sbi, uint64_t ino,
		      uint64_t generation, struct zufs_attr *attr,
		      struct zus_inode_info **zii)
{
	struct hello_sb *hs = container_of(sbi, struct hello_sb, sbi);

	if (ino < ROOT || ino >= END || generation > 1)
		return -ESTALE;
	*zii = &hs->inode[ino];
	fill_attr(*zii, attr);
	return 0;
}

static int hello_lookup(struct zus_sb_info *sbi, struct zus_inode_info *dir,
			struct zufs_ioc_lookup *io, struct zus_inode_info **zii)
{
	(void)dir; /* there is one alone */
	for (uint64_t ino = HELLO; ino < END; ino++)
		if (zus_str_is(&io->str, files[ino].name))
			return hello_iget(sbi, ino, 0, &io->attr, zii);
	return -ENOENT;
}

/* Positions 0 and 1 are the kernel's, "." and "..": so position n is inode n. */
static int hello_readdir(struct zus_sb_info *sbi, struct zus_inode_info *dir,
			 struct zufs_ioc_readdir *io)
{
	(void)sbi;
	(void)dir;
	for (; io->pos < END; io->pos++) {
		const char *name = files[io->pos].name;

		io->more = !zus_dir_emit(io, io->pos, DT_REG, io->pos + 1, name,
					 strlen(name));
		if (io->more)
			break; /* no room: the kernel will go on at io->pos */
	}
	return 0;
}

static const struct zus_sbi_operations sbi_ops = {
	.lookup = hello_lookup,
	.iget = hello_iget,
	.readdir = hello_readdir,
};

static struct zus_sb_info *hello_alloc(struct zus_fs_info *zfi)
{
	struct hello_sb *hs = calloc(1, sizeof(*hs));

	(void)zfi;
	if (!hs)
		return NULL;
	hs->sbi.op = &sbi_ops;
	return &hs->sbi;
}

static int hello_mount(struct zus_sb_info *sbi, struct zufs_ioc_mount *zim)
{
	struct hello_sb *hs = container_of(sbi, struct hello_sb, sbi);

	if (zim->options[0])
		return -EINVAL; /* it knows none */
	for (uint64_t ino = ROOT; ino < END; ino++)
		hs->inode[ino] =
			(struct zus_inode_info){ &zii_ops, sbi, ino, 1 };
	sbi->z_root = &hs->inode[ROOT];
	fill_attr(sbi->z_root, &zim->root);
	zim->blocksize_bits = ZUFS_BLOCK_SHIFT;
	return 0;
}

static void hello_umount(struct zus_sb_info *sbi)
{
	(void)sbi;
}

static void hello_free(struct zus_sb_info *sbi)
{
	free(container_of(sbi, struct hello_sb, sbi));
}

static const struct zus_zfi_operations zfi_ops = {
	.sbi_alloc = hello_alloc,
	.sbi_init = hello_mount,
	.sbi_fini = hello_umount,
	.sbi_free = hello_free,
};

static struct zus_fs_info hellofs = {
	.rfi = { .fsname = "hellofs",
		 .FS_magic = 0x6f6c6568,
		 .flags = ZUFS_RFI_NODEV,
		 .s_time_gran = 1,
		 .s_maxbytes = 1000 * LINE },
	.op = &zfi_ops,
};

/* Called when the plugin was loaded. */
int zus_plugin_init(void)
{
	return zus_register_one(&hellofs);
}
