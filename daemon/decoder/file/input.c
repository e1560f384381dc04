/*
 * The file of a job, read by pread(2).
 */
#include "config.h"

#include "daemon/decoder/file/input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * fstat(3) is a call that takes a path, of which the sandbox allows none. A file ends where
 * there is a byte before and none behind.
 */
bool file_has_size(int fd, uint64_t size)
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

static ssize_t input_read_at(struct input *input, uint64_t offset, void *to, size_t count)
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
		ssize_t got =
			input_read_at(input, input->next, input->buffer, sizeof(input->buffer));
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

int input_take(struct input *input, void *to, size_t count)
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

int input_look(struct input *input, uint64_t offset, void *to, size_t count)
{
	uint8_t *bytes = to;
	while (count) {
		ssize_t got = input_read_at(input, offset, bytes, count);
		if (got <= 0)
			return got ? (int)got : -ENODATA;
		bytes += got;
		offset += (uint64_t)got;
		count -= (size_t)got;
	}
	return 0;
}

uint64_t input_taken(const struct input *input)
{
	return input->next - (input->filled - input->at);
}

void input_return(struct input *input, uint64_t taken)
{
	input->next = taken;
	input->at = input->filled = 0;
}
