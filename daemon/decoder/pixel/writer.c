/*
 * The way of pixels into a segment.
 * See spool.h for what it does and never does.
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
} spool = {.mutex = PTHREAD_MUTEX_INITIALIZER,
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
		struct stripe *stripe = &spool.stripes[i];
		if (stripe->queued == queued && stripe != spool.current)
			return stripe;
	}
	return NULL;
}

/* Of the thread: writes one stripe after the other, in no order. */
static void *writer_run(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&spool.mutex);
	spool.has_thread = true;
	pthread_cond_signal(&spool.written);
	for (;;) {
		struct stripe *stripe = writer_find(true);
		if (!stripe) {
			pthread_cond_wait(&spool.filled, &spool.mutex);
			continue;
		}
		int fd = spool.fd, error = spool.error;
		pthread_mutex_unlock(&spool.mutex);
		if (!error)
			error = writer_write_all(fd, stripe->data, stripe->size, stripe->offset);
		pthread_mutex_lock(&spool.mutex);
		stripe->queued = false;
		if (!spool.error)
			spool.error = error;
		pthread_cond_signal(&spool.written);
	}
	return NULL;
}

static void writer_free_buffers(void)
{
	for (size_t i = 0; i < STRIPES; i++) {
		free(spool.stripes[i].data);
		spool.stripes[i].data = NULL;
	}
	spool.room = 0;
}

static bool writer_has_second_processor(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) > 1;
}

void spool_prepare(void)
{
	pthread_t thread;
	pthread_attr_t attributes;
	if (!writer_has_second_processor() || pthread_attr_init(&attributes) != 0)
		return;
	writer_free_buffers(); /* they are too few for two */
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK);
	/* A thread that begins makes calls that are forbidden later: waits until it has begun. */
	pthread_mutex_lock(&spool.mutex);
	if (pthread_create(&thread, &attributes, writer_run, NULL) == 0) {
		while (!spool.has_thread)
			pthread_cond_wait(&spool.written, &spool.mutex);
	}
	pthread_mutex_unlock(&spool.mutex);
	pthread_attr_destroy(&attributes);
}

/* Without a thread one buffer does. */
static int writer_make_buffers(size_t room)
{
	if (spool.room >= room)
		return 0;
	writer_free_buffers();
	for (size_t i = 0; i < (spool.has_thread ? STRIPES : 1); i++) {
		spool.stripes[i].data = malloc(room);
		if (!spool.stripes[i].data) {
			writer_free_buffers();
			return -ENOMEM;
		}
	}
	spool.room = room;
	return 0;
}

int spool_begin(int fd, uint64_t offset, size_t most)
{
	size_t room;
	if (__builtin_add_overflow(most, STRIPE + PAGE, &room) || writer_make_buffers(room) < 0)
		return -ENOMEM;
	spool.fd = fd;
	spool.error = 0;
	spool.fill = 0;
	spool.offset = offset;
	spool.current = &spool.stripes[0];
	return 0;
}

/* Gives the whole pages of the current stripe to the thread, unless that has enough to do. */
static bool writer_pass_on(size_t size)
{
	if (!spool.has_thread)
		return false;
	pthread_mutex_lock(&spool.mutex);
	struct stripe *next = writer_find(false);
	if (next) {
		struct stripe *full = spool.current;
		full->size = size;
		full->offset = spool.offset;
		full->queued = true;
		memcpy(next->data, full->data + size, spool.fill - size);
		spool.current = next;
		pthread_cond_signal(&spool.filled);
	}
	pthread_mutex_unlock(&spool.mutex);
	return next;
}

static void writer_note_error(int error)
{
	pthread_mutex_lock(&spool.mutex);
	if (!spool.error)
		spool.error = error;
	pthread_mutex_unlock(&spool.mutex);
}

static void writer_flush(size_t size)
{
	if (!writer_pass_on(size)) {
		uint8_t *data = spool.current->data;
		writer_note_error(writer_write_all(spool.fd, data, size, spool.offset));
		memmove(data, data + size, spool.fill - size);
	}
	spool.fill -= size;
	spool.offset += size;
}

uint8_t *spool_take(size_t bytes)
{
	if (spool.fill >= STRIPE)
		writer_flush(spool.fill / PAGE * PAGE);
	uint8_t *place = spool.current->data + spool.fill;
	spool.fill += bytes;
	return place;
}

int spool_end(void)
{
	writer_note_error(
		writer_write_all(spool.fd, spool.current->data, spool.fill, spool.offset));
	pthread_mutex_lock(&spool.mutex);
	spool.current = NULL;
	while (writer_find(true))
		pthread_cond_wait(&spool.written, &spool.mutex);
	int error = spool.error;
	pthread_mutex_unlock(&spool.mutex);
	if (spool.room > KEEP)
		writer_free_buffers();
	spool.fd = -1;
	return error;
}
