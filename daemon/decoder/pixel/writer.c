/*
 * The way of pixels into a segment.
 */
#include "config.h"

#include "daemon/decoder/pixel/writer.h"

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
	STRIPE = 256 << 10, /* bytes: that is what is in a cache until it is written */
	KEEP = 1 << 20,	    /* largest buffer that is kept for the next segment */
	PAGE = 4096,	    /* or a part of one: what pixels begin at a multiple of */
	STACK = 256 << 10,  /* bytes, for the thread; a sanitizer needs most of them */
};

struct stripe {
	uint8_t *data;
	size_t size;
	uint64_t offset;
	bool queued; /* for the thread; or it is being written */
};

/* The mutex guards `queued`, `size`, `offset` and `error`; the rest is the caller's. */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t filled; /* the thread waits for this */
	pthread_cond_t written;
	bool has_thread;
	int fd;
	int error;	 /* the first negative errno, or 0 */
	size_t room;	 /* bytes of each buffer */
	size_t fill;	 /* bytes taken of the current stripe */
	uint64_t offset; /* where it begins */
	struct stripe stripes[STRIPES];
	struct stripe *current;
} stripe_writer = {.mutex = PTHREAD_MUTEX_INITIALIZER,
	.filled = PTHREAD_COND_INITIALIZER,
	.written = PTHREAD_COND_INITIALIZER,
	.fd = -1};

/* Writes all of it. Returns 0 or a negative errno. */
static int writer_write_all(int fd, const uint8_t *data, size_t size, uint64_t offset)
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

static struct stripe *writer_find(bool queued)
{
	for (size_t i = 0; i < STRIPES; i++) {
		struct stripe *stripe = &stripe_writer.stripes[i];
		if (stripe->queued == queued && stripe != stripe_writer.current)
			return stripe;
	}
	return NULL;
}

/* Of the thread: writes one stripe after the other, in no order. */
static void *writer_run(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&stripe_writer.mutex);
	stripe_writer.has_thread = true;
	pthread_cond_signal(&stripe_writer.written);
	for (;;) {
		struct stripe *stripe = writer_find(true);
		if (!stripe) {
			pthread_cond_wait(&stripe_writer.filled, &stripe_writer.mutex);
			continue;
		}
		int fd = stripe_writer.fd, error = stripe_writer.error;
		pthread_mutex_unlock(&stripe_writer.mutex);
		if (!error)
			error = writer_write_all(fd, stripe->data, stripe->size, stripe->offset);
		pthread_mutex_lock(&stripe_writer.mutex);
		stripe->queued = false;
		if (!stripe_writer.error)
			stripe_writer.error = error;
		pthread_cond_signal(&stripe_writer.written);
	}
	return NULL;
}

static void writer_free_buffers(void)
{
	for (size_t i = 0; i < STRIPES; i++) {
		free(stripe_writer.stripes[i].data);
		stripe_writer.stripes[i].data = NULL;
	}
	stripe_writer.room = 0;
}

static bool writer_has_second_processor(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) > 1;
}

void stripe_writer_prepare(void)
{
	pthread_t thread;
	pthread_attr_t attributes;
	if (!writer_has_second_processor() || pthread_attr_init(&attributes) != 0)
		return;
	writer_free_buffers(); /* they are too few for two */
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK);
	/* A thread that begins makes calls that are forbidden later: waits until it has begun. */
	pthread_mutex_lock(&stripe_writer.mutex);
	if (pthread_create(&thread, &attributes, writer_run, NULL) == 0) {
		while (!stripe_writer.has_thread)
			pthread_cond_wait(&stripe_writer.written, &stripe_writer.mutex);
	}
	pthread_mutex_unlock(&stripe_writer.mutex);
	pthread_attr_destroy(&attributes);
}

/* Without a thread one buffer does. */
static int writer_make_buffers(size_t room)
{
	if (stripe_writer.room >= room)
		return 0;
	writer_free_buffers();
	for (size_t i = 0; i < (stripe_writer.has_thread ? STRIPES : 1); i++) {
		stripe_writer.stripes[i].data = malloc(room);
		if (!stripe_writer.stripes[i].data) {
			writer_free_buffers();
			return -ENOMEM;
		}
	}
	stripe_writer.room = room;
	return 0;
}

int stripe_writer_begin(int fd, uint64_t offset, size_t most)
{
	size_t room;
	if (__builtin_add_overflow(most, STRIPE + PAGE, &room) || writer_make_buffers(room) < 0)
		return -ENOMEM;
	stripe_writer.fd = fd;
	stripe_writer.error = 0;
	stripe_writer.fill = 0;
	stripe_writer.offset = offset;
	stripe_writer.current = &stripe_writer.stripes[0];
	return 0;
}

/* Gives the whole pages of the current stripe to the thread, unless that has enough to do. */
static bool writer_pass_on(size_t size)
{
	if (!stripe_writer.has_thread)
		return false;
	pthread_mutex_lock(&stripe_writer.mutex);
	struct stripe *next = writer_find(false);
	if (next) {
		struct stripe *full = stripe_writer.current;
		full->size = size;
		full->offset = stripe_writer.offset;
		full->queued = true;
		memcpy(next->data, full->data + size, stripe_writer.fill - size);
		stripe_writer.current = next;
		pthread_cond_signal(&stripe_writer.filled);
	}
	pthread_mutex_unlock(&stripe_writer.mutex);
	return next;
}

static void writer_note_error(int error)
{
	pthread_mutex_lock(&stripe_writer.mutex);
	if (!stripe_writer.error)
		stripe_writer.error = error;
	pthread_mutex_unlock(&stripe_writer.mutex);
}

static void writer_flush(size_t size)
{
	if (!writer_pass_on(size)) {
		uint8_t *data = stripe_writer.current->data;
		writer_note_error(
			writer_write_all(stripe_writer.fd, data, size, stripe_writer.offset));
		memmove(data, data + size, stripe_writer.fill - size);
	}
	stripe_writer.fill -= size;
	stripe_writer.offset += size;
}

uint8_t *stripe_writer_take(size_t bytes)
{
	if (stripe_writer.fill >= STRIPE)
		writer_flush(stripe_writer.fill / PAGE * PAGE);
	uint8_t *place = stripe_writer.current->data + stripe_writer.fill;
	stripe_writer.fill += bytes;
	return place;
}

int stripe_writer_end(void)
{
	writer_note_error(writer_write_all(stripe_writer.fd, stripe_writer.current->data,
		stripe_writer.fill, stripe_writer.offset));
	pthread_mutex_lock(&stripe_writer.mutex);
	stripe_writer.current = NULL;
	while (writer_find(true))
		pthread_cond_wait(&stripe_writer.written, &stripe_writer.mutex);
	int error = stripe_writer.error;
	pthread_mutex_unlock(&stripe_writer.mutex);
	if (stripe_writer.room > KEEP)
		writer_free_buffers();
	stripe_writer.fd = -1;
	return error;
}
