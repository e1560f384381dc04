/*
 * Shared by all fuzz targets: the entry that libFuzzer (or replay.c) calls, a reader of the input,
 * and checks that end the process, which libFuzzer reports as a finding.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tries one input. Returns 0, or -1 if the input is not worth keeping. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Changes an input in place; returns its new size, at most max. For targets that need it. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* libFuzzer's own change of an input. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* As assert(3), whatever NDEBUG is. */
#define must(condition)                                                                 \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

struct fuzz_input {
	const uint8_t *data;
	size_t size;
};

/* Reads the next byte, or 0 at the end. */
static inline uint8_t take_byte(struct fuzz_input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

/* Reads so many bytes of the input, and zeros beyond its end. */
static inline void take_bytes(struct fuzz_input *input, void *to, size_t size)
{
	size_t part = size < input->size ? size : input->size;
	memset(to, 0, size);
	if (part > 0)
		memcpy(to, input->data, part);
	input->data += part;
	input->size -= part;
}

/* The number that the next descriptor gets. A leak increases it. */
int target_next_fd(void);

/*
 * Reports a message to libFuzzer as if it were an edge. It cannot see into libraries, but their
 * messages show that inputs differ. All digits count as the same.
 */
void target_note(const char *message);
