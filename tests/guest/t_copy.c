// SPDX-License-Identifier: GPL-2.0
/*
 * Ways for data: O_DIRECT at any address, copy_file_range, sendfile, splice,
 * vectors.
 *
 * usage: t_copy FOLDER
 */
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "calls.h"

#define SIZE 300000 /* no whole blocks */

static char data[SIZE], got[SIZE + 4096];

static int source(const char *name)
{
	int fd = new_file(name);

	NEED(pwrite(fd, data, SIZE, 0) == SIZE);
	return fd;
}

/* @fd at @at has @n bytes of the data, from @from on. */
static bool has_data(int fd, off_t at, size_t from, size_t n)
{
	return pread(fd, got, n, at) == (ssize_t)n &&
	       !memcmp(got, data + from, n);
}

static void direct(void)
{
	static char block[16384] __attribute__((aligned(4096)));
	int fd = open("direct", O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0644);
	int cached = open("direct", O_RDWR);
	char *m;

	NEED(fd >= 0 && cached >= 0);
	memcpy(block, data, sizeof(block));
	OK("O_DIRECT: whole blocks", pwrite(fd, block, 16384, 0) == 16384 &&
					     has_data(cached, 0, 0, 16384));
	OK("O_DIRECT: a write from any address to any offset",
	   pwrite(fd, data + 777, 5001, 777) == 5001 &&
		   has_data(cached, 777, 777, 5001));
	OK("O_DIRECT: one byte beyond the size",
	   pwrite(fd, data + 16384, 1, 16384) == 1 &&
		   fstat_of(fd).st_size == 16385 &&
		   has_data(cached, 0, 0, 16385));
	OK("O_DIRECT: a read from any offset to any address",
	   pread(fd, got + 3, 5000, 4001) == 5000 &&
		   !memcmp(got + 3, data + 4001, 5000));
	OK("O_DIRECT: a read up to the end",
	   pread(fd, block, 16384, 16000) == 385 &&
		   !memcmp(block, data + 16000, 385));
	OK("O_DIRECT: a read beyond it", pread(fd, block, 4096, 20480) == 0);
	OK("O_DIRECT: behind a gap",
	   pwrite(fd, "end", 3, 100001) == 3 &&
		   pread(fd, got, 9000, 16385) == 9000 && got[0] == 0 &&
		   !memcmp(got, got + 1, 8999));
	m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(m != MAP_FAILED);
	m[5] = 'M';
	OK("O_DIRECT: sees what a mapping stored",
	   pread(fd, got, 9, 1) == 9 && got[4] == 'M');
	OK("O_DIRECT: a write that the mapping sees",
	   pwrite(fd, "D", 1, 6) == 1 && m[6] == 'D');
	OK("O_DIRECT: from the mapping of the file itself",
	   pwrite(fd, m, 4000, 9000) == 4000 &&
		   pread(cached, got, 4000, 9000) == 4000 &&
		   !memcmp(got, m, 4000));
	munmap(m, 8192);
	close(cached);
	close(fd);
}

static void copies(void)
{
	int in = source("in"), out = new_file("out");
	int append = open("out", O_WRONLY | O_APPEND);
	off_t from = 1000, to = 5555;
	int pipes[2];

	OK("copy_file_range: from and to any offset",
	   copy_file_range(in, &from, out, &to, 200000, 0) == 200000 &&
		   from == 201000 && to == 205555 &&
		   fstat_of(out).st_size == 205555 &&
		   has_data(out, 5555, 1000, 200000));
	OK("copy_file_range: zeros before it",
	   pread(out, got, 5555, 0) == 5555 && !got[0] &&
		   !memcmp(got, got + 1, 5554));
	from = SIZE - 100;
	OK("copy_file_range: no further than the end",
	   copy_file_range(in, &from, out, &to, 5000, 0) == 100 &&
		   from == SIZE && has_data(out, 205555, SIZE - 100, 100));
	OK("copy_file_range: nothing at the end",
	   copy_file_range(in, &from, out, &to, 5000, 0) == 0);
	OK("copy_file_range: by the files' own positions",
	   lseek(in, 7, SEEK_SET) == 7 && lseek(out, 0, SEEK_SET) == 0 &&
		   copy_file_range(in, NULL, out, NULL, 10000, 0) == 10000 &&
		   lseek(in, 0, SEEK_CUR) == 10007 &&
		   lseek(out, 0, SEEK_CUR) == 10000 &&
		   has_data(out, 0, 7, 10000));
	from = 0;
	to = 150000;
	OK("copy_file_range: inside one file",
	   copy_file_range(in, &from, in, &to, 100000, 0) == 100000 &&
		   has_data(in, 150000, 0, 100000) &&
		   has_data(in, 0, 0, 150000));
	from = 0;
	to = 10;
	FAILS(EINVAL, "copy_file_range: parts that overlap",
	      copy_file_range(in, &from, in, &to, 100, 0));
	FAILS(EBADF, "copy_file_range: to a file open for appends",
	      copy_file_range(in, &from, append, NULL, 100, 0));
	NEED(pipe(pipes) == 0);
	FAILS(EINVAL, "copy_file_range: to a pipe",
	      copy_file_range(in, &from, pipes[1], NULL, 100, 0));
	from = 0;
	FAILS(EINVAL, "sendfile: to a file open for appends",
	      sendfile(append, in, &from, 100));
	close(pipes[0]);
	close(pipes[1]);
	close(append);
	close(out);
	close(in);
}

static void sends(void)
{
	int in = source("in"), out = new_file("sent"), p[2], s[2];
	off_t from = 1234;

	OK("sendfile: to a file", sendfile(out, in, &from, 250000) == 250000 &&
					  from == 251234 &&
					  has_data(out, 0, 1234, 250000));
	OK("sendfile: no further than the end",
	   sendfile(out, in, &from, SIZE) == SIZE - 251234 && from == SIZE &&
		   has_data(out, 250000, 251234, SIZE - 251234));
	NEED(!pipe(p) && !socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	from = 4000;
	OK("sendfile: to a socket",
	   sendfile(s[0], in, &from, 20000) == 20000 &&
		   recv(s[1], got, 20000, MSG_WAITALL) == 20000 &&
		   !memcmp(got, data + 4000, 20000));
	from = 99;
	OK("splice: to a pipe",
	   splice(in, &from, p[1], NULL, 30000, 0) == 30000 &&
		   read(p[0], got, 30000) == 30000 &&
		   !memcmp(got, data + 99, 30000));
	NEED(write(p[1], data + 500, 20000) == 20000);
	from = 300001;
	OK("splice: from a pipe, beyond the size",
	   splice(p[0], NULL, out, &from, 20000, 0) == 20000 &&
		   has_data(out, 300001, 500, 20000) &&
		   fstat_of(out).st_size == 320001);
	from = SIZE;
	OK("splice: nothing at the end",
	   splice(in, &from, p[1], NULL, 9, 0) == 0);
	close(p[0]);
	close(p[1]);
	close(s[0]);
	close(s[1]);
	close(out);
	close(in);
}

static void vectors(void)
{
	struct iovec v[3] = { { data, 10 },
			      { data + 10, 0 },
			      { data + 10, 9990 } };
	struct iovec w[2] = { { got, 5000 }, { got + 5000, 10000 } };
	int fd = new_file("vectors");
	char *hole = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	OK("vectors: written as one",
	   pwritev(fd, v, 3, 3) == 10000 && has_data(fd, 3, 0, 10000));
	OK("vectors: read, up to the end",
	   preadv(fd, w, 2, 3) == 10000 && !memcmp(got, data, 10000));
	OK("vectors: RWF_APPEND, RWF_DSYNC",
	   pwritev2(fd, v, 3, 0, RWF_APPEND | RWF_DSYNC) == 10000 &&
		   has_data(fd, 10003, 0, 10000) && has_data(fd, 3, 0, 10000));
	NEED(hole != MAP_FAILED && !munmap(hole + 4096, 4096));
	memset(hole, 'h', 4096);
	FAILS(EFAULT, "vectors: from no memory",
	      pwrite(fd, hole + 4096, 10, 100));
	OK("vectors: of a write that ends in no memory the part before",
	   pwrite(fd, hole + 4000, 200, 30000) <= 96 &&
		   fstat_of(fd).st_size <= 30096 && has_data(fd, 3, 0, 10000));
	FAILS(EFAULT, "vectors: a read to no memory",
	      pread(fd, hole + 4096, 10, 100));
	munmap(hole, 4096);
	close(fd);
}

static void modes(void)
{
	int r, w, d = open(".", O_RDONLY);
	char c;

	new_text("modes", "text");
	r = open("modes", O_RDONLY);
	w = open("modes", O_WRONLY);
	FAILS(EBADF, "open for reading: no write", write(r, "x", 1));
	FAILS(EBADF, "open for writing: no read", read(w, &c, 1));
	FAILS(EINVAL, "open for reading: no truncate", ftruncate(r, 0));
	FAILS(EACCES, "open for reading: no shared mapping to store in",
	      mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, r, 0));
	FAILS(EISDIR, "a folder is not read", read(d, &c, 1));
	FAILS(EISDIR, "nor opened for writing", open(".", O_WRONLY));
	FAILS(EINVAL, "a negative offset", pread(r, &c, 1, -1));
	close(d);
	close(r);
	close(w);
}

int main(int argc, char **argv)
{
	int i;

	if (argc != 2)
		return 2;
	calls_begin(argv[1]);
	for (i = 0; i < SIZE; i++)
		data[i] = (i * 2654435761u) >> 13;
	direct();
	copies();
	sends();
	vectors();
	modes();
	return calls_end();
}
