/*
 * The file of a job.
 *
 * It is read by pread(2). Another process may truncate the file at any time: a mapping would end
 * the decoder by SIGBUS then, pread(2) returns fewer bytes. And pread(2) leaves the offset of the
 * descriptor alone, which a client that has sent it still uses.
 *
 * The first error is kept, since the libraries of codecs know no errors of reading: picture_fail()
 * reports it in place of the library's guess.
 */
#include "config.h"

#include "daemon/decoder/file/input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * In newer C libraries fstat(3) makes a system call that takes a path, and the sandbox allows
 * none of these. So this reads the last byte, and the one after it, which must not exist.
 */
bool input_file_has_size(int fd, uint64_t size)
{
	uint8_t byte;
	return size >= 1 && size <= INT64_MAX && pread(fd, &byte, 1, (off_t)size - 1) == 1 &&
	       pread(fd, &byte, 1, (off_t)size) == 0;
}

void input_begin(struct input *input, int fd)
{
	input->fd = fd;
	input->next = 0;
	input->at = input->filled = 0;
	input->error = 0;
}

static ssize_t input_pread(struct input *input, uint64_t offset, void *to, size_t count)
{
	if (offset > INT64_MAX - count)
		return 0;
	ssize_t got;
	do
		got = pread(input->fd, to, count, (off_t)offset);
	while (got < 0 && errno == EINTR);
	if (got >= 0)
		return got;
	if (input->error == 0)
		input->error = -errno;
	return -errno;
}

ssize_t input_peek(struct input *input, const uint8_t **bytes)
{
	if (input->at == input->filled) {
		ssize_t got = input_pread(input, input->next, input->buffer, sizeof(input->buffer));
		if (got < 0)
			return got;
		input->at = 0;
		input->filled = (size_t)got;
		input->next += (uint64_t)got;
	}
	*bytes = input->buffer + input->at;
	return (ssize_t)(input->filled - input->at);
}

void input_skip(struct input *input, uint64_t count)
{
	size_t left = input->filled - input->at;
	if (count <= left) {
		input->at += (size_t)count;
		return;
	}
	input->at = input->filled;
	if (__builtin_add_overflow(input->next, count - left, &input->next))
		input->next = UINT64_MAX;
}

int input_read(struct input *input, void *to, size_t count)
{
	uint8_t *bytes = to;
	while (count) {
		const uint8_t *from;
		ssize_t got = input_peek(input, &from);
		if (got <= 0)
			return got ? (int)got : -ENODATA;
		size_t part = (size_t)got < count ? (size_t)got : count;
		memcpy(bytes, from, part);
		input->at += part;
		bytes += part;
		count -= part;
	}
	return 0;
}

int input_read_at(struct input *input, uint64_t offset, void *to, size_t count)
{
	uint8_t *bytes = to;
	while (count) {
		ssize_t got = input_pread(input, offset, bytes, count);
		if (got <= 0)
			return got ? (int)got : -ENODATA;
		bytes += got;
		offset += (uint64_t)got;
		count -= (size_t)got;
	}
	return 0;
}

uint64_t input_position(const struct input *input)
{
	return input->next - (input->filled - input->at);
}

void input_seek(struct input *input, uint64_t position)
{
	input->next = position;
	input->at = input->filled = 0;
}
