/*
 * The file of a job, read from its start by pread(2) through a small buffer. It is never
 * mapped, for others may truncate it, and its offset, which is the client's, never moves.
 * Does not own the descriptor.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { INPUT_BUFFER = 65536 };

struct input {
	int fd;
	uint64_t next;	   /* offset in the file of what follows the buffer */
	size_t at, filled; /* what is left of the buffer */
	int error;	   /* negative errno of the first read that failed, else 0 */
	uint8_t buffer[INPUT_BUFFER];
};

/* Whether a file, of a job or not, has so many bytes and no more. */
bool file_has_size(int fd, uint64_t size);

void input_begin(struct input *input, int fd);

/*
 * Shows what comes next without taking it: bytes that stay until the next call.
 * Returns how many; 0 at the end of the file; or a negative errno.
 */
ssize_t input_peek(struct input *input, const uint8_t **bytes);

/* Takes bytes, whether they have been peeked at or not. */
void input_skip(struct input *input, uint64_t count);

/* Takes exactly so many bytes. Returns 0, -ENODATA at the end, or a negative errno. */
int input_take(struct input *input, void *to, size_t count);

/* As input_take(), but from an offset, and without moving on. */
int input_look(struct input *input, uint64_t offset, void *to, size_t count);

/* How many bytes of the file have been taken. */
uint64_t input_taken(const struct input *input);

/* Goes back to where so many had been taken. */
void input_return(struct input *input, uint64_t taken);
