/*
 * Runs the decoder's own job loop in this process, without its sandbox: what the daemon says
 * is queued first, then served, then the answers are read. Checks what holds whatever it is
 * given: no descriptor is left, and nothing is written but where a picture goes.
 */
#pragma once

#include "daemon/job/job.h"

struct exchange {
	int near;    /* the daemon's end */
	int far;     /* the decoder's */
	int next_fd; /* before it began */
};

void exchange_begin(struct exchange *exchange);

/* Queues a packet of any bytes with any descriptors, which stay the caller's. */
void exchange_say(
	struct exchange *exchange, const void *packet, size_t size, const int *fds, unsigned count);

/* Serves all that is queued. Returns what the decoder's loop does. */
int exchange_serve(struct exchange *exchange);

/* The next answer. Returns its kind, which has its right size, or 0 when there is no more. */
uint32_t exchange_answer(struct exchange *exchange, union job_packet *packet);

void exchange_end(struct exchange *exchange);

/*
 * Decodes a file as the daemon has it done, to a format that follows from its size, and in a box
 * for every second one. Pictures
 * of more than 131072 pixels are refused. type is what it has to be if it is an image at all.
 */
void decode_file(const uint8_t *data, size_t size, const char *type);

/* The same of a segment, whatever its type. */
void decode_segment(const uint8_t *data, size_t size);
