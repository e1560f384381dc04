/*
 * Runs the real decoder as the daemon does, for tests: starts it, gives it files from
 * memory, checks its headers, gives it segments. Fails the running test by itself when the
 * decoder breaks the order of job.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/job/job.h"

struct bytes {
	uint8_t *data;
	size_t size;
};

struct decoder {
	int channel;
	pid_t pid;
	uint32_t sandbox; /* the measures that it has reported */
};

/* The result of a job. */
struct outcome {
	bool done; /* if false, see error */
	struct job_error error;
	struct job_header header;
	struct job_segment segment;
	uint8_t *map; /* the segment, NULL unless done */
};

/* Starts the decoder, or another program that speaks job.h, and waits until it is ready. */
void decoder_start(struct decoder *decoder);
void decoder_start_program(struct decoder *decoder, const char *program);

/* As above, but does not wait. */
void decoder_launch(struct decoder *decoder, const char *program);

/* Closes the channel and waits. Returns the exit status, or minus the signal's number. */
int decoder_stop(struct decoder *decoder);

/* Waits for a decoder that ends by itself. */
int decoder_wait(struct decoder *decoder);

/* A descriptor of a nameless file with these bytes. */
int file_of(const void *data, size_t size);

/* Lays out a segment for a header, as the daemon does. */
struct job_segment plan_for(const struct job_header *header);

/* A nameless empty segment. */
int segment_of(uint64_t size);

/* Sends a packet of a kind whose other fields are 0. JOB_DECODE asks for RGBA8. */
void decoder_send(struct decoder *decoder, uint32_t kind, int fd);
void decoder_send_segment(struct decoder *decoder, const struct job_segment *segment, int fd);

/* Receives a packet, and asserts that it is of one of two kinds. */
void decoder_expect(
	struct decoder *decoder, union job_packet *packet, uint32_t kind, uint32_t or_kind);

/* Decodes a file. Pictures of more than 4 million pixels are refused as too large. */
void decoder_decode(struct decoder *decoder, const void *data, size_t size, enum format format,
	struct outcome *outcome);

/* Decodes as decoder_decode(), in a box or from a segment, as the order says. Sets its kind. */
void decoder_order(struct decoder *decoder, const void *data, size_t size,
	const struct job_decode *order, struct outcome *outcome);

/* Asserts that the job was done, and its native format. */
void assert_done(const struct outcome *outcome);

/* Asserts the error and that its message is not empty. */
void assert_refused(const struct outcome *outcome, uint32_t fault);

void outcome_free(struct outcome *outcome);

/* Pixel (x, y) of the segment; asserts that it lies inside the picture. */
const uint8_t *pixel_at(const struct outcome *outcome, uint32_t x, uint32_t y);

/* Asserts the content of block number index. */
void assert_block(const struct outcome *outcome, uint32_t index, uint32_t type, const void *data,
	size_t size);

/* A sequence of numbers that is the same in every run. */
uint32_t draw(uint32_t *seed);
