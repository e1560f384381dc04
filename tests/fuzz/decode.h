/*
 * Runs the service of the decoder in this process, without its sandbox: queues the daemon's
 * packets, serves them, then reads the answers. Checks what must hold for any input: no descriptor
 * is left open, and nothing is written outside of the picture.
 */
#pragma once

#include "daemon/job/job.h"

struct exchange {
	int near;    /* the daemon's end */
	int far;     /* the decoder's end */
	int next_fd; /* the next free descriptor, before it began */
};

void exchange_begin(struct exchange *exchange);

/* Queues a packet of any bytes with any descriptors. The caller keeps these. */
void exchange_send(
	struct exchange *exchange, const void *packet, size_t size, const int *fds, unsigned count);

/* Serves everything that is queued. Returns as service_run() does. */
int exchange_serve(struct exchange *exchange);

/* The next answer, whose size was checked. Returns its kind, or 0 if there is none. */
uint32_t exchange_answer(struct exchange *exchange, union job_packet *packet);

void exchange_end(struct exchange *exchange);

/*
 * Decodes a file, with the packets that the daemon sends. The size of the file decides the format,
 * and every second file is fitted into a box. Pictures of more than 131072 pixels are refused. If
 * the file is an image, its type must be `type`.
 */
void decode_file(const uint8_t *data, size_t size, const char *type);

/* Decodes a segment in the same way, of any type. */
void decode_segment(const uint8_t *data, size_t size);
