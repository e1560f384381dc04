/*
 * Reads the file of a job through a small buffer. Does not own the descriptor, and never moves
 * its offset, which the client shares.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { INPUT_BUFFER = 65536 };

struct input {
	int fd;
	uint64_t next;	   /* offset in the file of the end of the buffer */
	size_t at, filled; /* bytes of the buffer, read and in all */
	int error;	   /* negative errno of the first read that failed, or 0 */
	uint8_t buffer[INPUT_BUFFER];
};

/* Whether the file of any descriptor has exactly this size. */
bool input_file_has_size(int fd, uint64_t size);

void input_begin(struct input *input, int fd);

/*
 * Sets *bytes to the next bytes, without reading past them. They are valid until the next call.
 * Returns how many there are; 0 at the end of the file; or a negative errno.
 */
ssize_t input_peek(struct input *input, const uint8_t **bytes);

/* Skips bytes, peeked at or not. */
void input_skip(struct input *input, uint64_t count);

/* Reads exactly so many bytes. Returns 0, -ENODATA at the end, or a negative errno. */
int input_read(struct input *input, void *to, size_t count);

/* As input_read(), but from an offset of the file. The position stays. */
int input_read_at(struct input *input, uint64_t offset, void *to, size_t count);

/* The position: how many bytes of the file have been read or skipped. */
uint64_t input_position(const struct input *input);

/* Goes back to an earlier position. */
void input_seek(struct input *input, uint64_t position);
