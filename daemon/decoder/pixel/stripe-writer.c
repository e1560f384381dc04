/*
 * The stripe writer.
 *
 * Rows that come in order are collected in a stripe, a buffer that fits into a processor's
 * cache, and a full stripe is written to the segment by one pwrite(2). This is faster than to
 * draw into a mapping: the kernel zeroes each new page of a mapping and takes a fault for it,
 * and it does neither for whole pages that are written in one call. So only whole pages are
 * written, and the rest of a stripe moves to the start of the next one.
 *
 * If there is a second processor, a thread writes the full stripes while the codec fills the
 * next one. If all other stripes are still queued, the codec's thread writes its own stripe, so
 * that neither thread waits for the other before the end. Stripes are written in any order:
 * each has its offset. The codec learns of the first error at the end.
 */
#include "config.h"

#include "daemon/decoder/pixel/stripe-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	STRIPES = 4,
	STRIPE = 256 << 10, /* bytes of a full stripe, still in the cache when it is written */
	KEEP = 1 << 20,	    /* bytes of the largest buffer that is kept for the next segment */
	PAGE = 4096,	    /* pixels begin at a multiple of it; a real page may be larger */
	STACK = 256 << 10,  /* bytes, for the thread; a sanitizer needs nearly all of them */
};

struct stripe {
	uint8_t *data;
	size_t size;
	uint64_t offset;
	bool queued; /* the thread writes it now or later */
};

/* The mutex guards `queued`, `size`, `offset` and `error`. The caller owns the rest. */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t filled; /* the thread waits for it */
	pthread_cond_t written;
	int (*confine)(void);
	bool started; /* the thread has tried to confine itself */
	bool has_thread;
	int fd;
	int error;	 /* the first negative errno, or 0 */
	size_t capacity; /* bytes of each buffer */
	size_t fill;	 /* bytes of the current stripe that are in use */
	uint64_t offset; /* in the segment, where the current stripe begins */
	struct stripe stripes[STRIPES];
	struct stripe *current;
} writer = {.mutex = PTHREAD_MUTEX_INITIALIZER,
	.filled = PTHREAD_COND_INITIALIZER,
	.written = PTHREAD_COND_INITIALIZER,
	.fd = -1};

/* Writes all of it. Returns 0 or a negative errno. */
static int stripe_writer_write_all(int fd, const uint8_t *data, size_t size, uint64_t offset)
{
	while (size > 0) {
		ssize_t count = pwrite(fd, data, size, (off_t)offset);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return count < 0 ? -errno : -EIO;
		data += count;
		size -= (size_t)count;
		offset += (uint64_t)count;
	}
	return 0;
}

static struct stripe *stripe_writer_find(bool queued)
{
	for (size_t i = 0; i < STRIPES; i++) {
		struct stripe *stripe = &writer.stripes[i];
		if (stripe->queued == queued && stripe != writer.current)
			return stripe;
	}
	return NULL;
}

/* The thread: writes queued stripes, in any order. */
static void *stripe_writer_run(void *unused)
{
	(void)unused;
	bool confined = writer.confine() >= 0;
	pthread_mutex_lock(&writer.mutex);
	writer.has_thread = confined;
	writer.started = true;
	pthread_cond_signal(&writer.written);
	if (!confined) {
		pthread_mutex_unlock(&writer.mutex);
		return NULL;
	}
	for (;;) {
		struct stripe *stripe = stripe_writer_find(true);
		if (!stripe) {
			pthread_cond_wait(&writer.filled, &writer.mutex);
			continue;
		}
		int fd = writer.fd, error = writer.error;
		pthread_mutex_unlock(&writer.mutex);
		if (!error)
			error = stripe_writer_write_all(
				fd, stripe->data, stripe->size, stripe->offset);
		pthread_mutex_lock(&writer.mutex);
		stripe->queued = false;
		if (!writer.error)
			writer.error = error;
		pthread_cond_signal(&writer.written);
	}
	return NULL;
}

static void stripe_writer_free_buffers(void)
{
	for (size_t i = 0; i < STRIPES; i++) {
		free(writer.stripes[i].data);
		writer.stripes[i].data = NULL;
	}
	writer.capacity = 0;
}

static bool stripe_writer_has_second_processor(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) > 1;
}

void stripe_writer_prepare(int (*confine)(void))
{
	pthread_t thread;
	pthread_attr_t attributes;
	if (!stripe_writer_has_second_processor() || pthread_attr_init(&attributes) != 0)
		return;
	stripe_writer_free_buffers(); /* without a thread there is one buffer only */
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK);
	/* A thread that starts makes system calls that are forbidden later: waits for its start. */
	pthread_mutex_lock(&writer.mutex);
	writer.confine = confine;
	writer.started = false;
	if (pthread_create(&thread, &attributes, stripe_writer_run, NULL) == 0) {
		while (!writer.started)
			pthread_cond_wait(&writer.written, &writer.mutex);
	}
	pthread_mutex_unlock(&writer.mutex);
	pthread_attr_destroy(&attributes);
}

/* Without a thread, one buffer is enough. Returns 0 or -ENOMEM. */
static int stripe_writer_make_buffers(size_t capacity)
{
	if (writer.capacity >= capacity)
		return 0;
	stripe_writer_free_buffers();
	for (size_t i = 0; i < (writer.has_thread ? STRIPES : 1); i++) {
		writer.stripes[i].data = malloc(capacity);
		if (!writer.stripes[i].data) {
			stripe_writer_free_buffers();
			return -ENOMEM;
		}
	}
	writer.capacity = capacity;
	return 0;
}

int stripe_writer_begin(int fd, uint64_t offset, size_t max)
{
	size_t capacity;
	if (__builtin_add_overflow(max, STRIPE + PAGE, &capacity) ||
		stripe_writer_make_buffers(capacity) < 0)
		return -ENOMEM;
	writer.fd = fd;
	writer.error = 0;
	writer.fill = 0;
	writer.offset = offset;
	writer.current = &writer.stripes[0];
	return 0;
}

/* Queues the first bytes of the current stripe. Returns false if no stripe is free. */
static bool stripe_writer_queue(size_t size)
{
	if (!writer.has_thread)
		return false;
	pthread_mutex_lock(&writer.mutex);
	struct stripe *next = stripe_writer_find(false);
	if (next) {
		struct stripe *full = writer.current;
		full->size = size;
		full->offset = writer.offset;
		full->queued = true;
		memcpy(next->data, full->data + size, writer.fill - size);
		writer.current = next;
		pthread_cond_signal(&writer.filled);
	}
	pthread_mutex_unlock(&writer.mutex);
	return next;
}

static void stripe_writer_record_error(int error)
{
	pthread_mutex_lock(&writer.mutex);
	if (!writer.error)
		writer.error = error;
	pthread_mutex_unlock(&writer.mutex);
}

/* Writes the first bytes of the current stripe, or queues them. */
static void stripe_writer_flush(size_t size)
{
	if (!stripe_writer_queue(size)) {
		uint8_t *data = writer.current->data;
		stripe_writer_record_error(
			stripe_writer_write_all(writer.fd, data, size, writer.offset));
		memmove(data, data + size, writer.fill - size);
	}
	writer.fill -= size;
	writer.offset += size;
}

uint8_t *stripe_writer_next(size_t bytes)
{
	if (writer.fill >= STRIPE)
		stripe_writer_flush(writer.fill / PAGE * PAGE);
	uint8_t *next = writer.current->data + writer.fill;
	writer.fill += bytes;
	return next;
}

int stripe_writer_end(void)
{
	stripe_writer_record_error(stripe_writer_write_all(
		writer.fd, writer.current->data, writer.fill, writer.offset));
	pthread_mutex_lock(&writer.mutex);
	writer.current = NULL;
	while (stripe_writer_find(true))
		pthread_cond_wait(&writer.written, &writer.mutex);
	int error = writer.error;
	pthread_mutex_unlock(&writer.mutex);
	if (writer.capacity > KEEP)
		stripe_writer_free_buffers();
	writer.fd = -1;
	return error;
}
