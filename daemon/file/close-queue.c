/*
 * Closes clients' files away from the daemon's thread.
 * See closer.h for what it does and never does.
 */
#include "daemon/file/close-queue.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "daemon/base/cleanup.h"
#include "daemon/log/log.h"

#define MSEC UINT64_C(1000) /* in microseconds, as all times here */

enum {
	LATE = 20 * MSEC,      /* others do not wait longer behind one file */
	HANGING = 1000 * MSEC, /* a file that is not closed in that time is told of */
	END_MOST = 2000 * MSEC,
};

const char files_stuck_text[] = "files of this user are not closed: the file system that they are "
				"on, or whom a socket is connected with, does not answer";

static int close_queue_compare(const struct files *a, const struct files *b)
{
	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

RB_GENERATE_INTERNAL(files_tree, files, node, close_queue_compare, __attribute__((unused)) static)

static uint64_t close_queue_count_left(const struct files *files)
{
	return files->given - atomic_load_explicit(&files->queue.closed, memory_order_acquire);
}

static void close_queue_free_unused(struct files *files)
{
	struct closer *closer = files->closer;
	if (files->references > 0 || close_queue_count_left(files) > 0)
		return;
	/* The thread that has closed the last one is done with it when it lets go of the lock. */
	closing_ring(closer->closing, &files->queue, false);
	RB_REMOVE(files_tree, &closer->files, files);
	free(files);
}

struct files *closer_join(struct closer *closer, uid_t uid)
{
	struct files key = {.uid = uid};
	struct files *files = RB_FIND(files_tree, &closer->files, &key);
	if (files)
		return files_hold(files);
	files = calloc(1, sizeof(*files));
	if (!files)
		return NULL;
	closing_queue_init(&files->queue);
	files->closer = closer;
	files->uid = uid;
	RB_INSERT(files_tree, &closer->files, files);
	return files_hold(files);
}

struct files *files_hold(struct files *files)
{
	files->references++;
	return files;
}

void files_leave(struct files *files)
{
	if (!files)
		return;
	assert(files->references > 0);
	files->references--;
	close_queue_free_unused(files);
}

static void close_queue_watch_soon(struct closer *closer)
{
	if (closer->watching)
		return;
	sd_event_source_set_time_relative(closer->watch, LATE);
	closer->watching = sd_event_source_set_enabled(closer->watch, SD_EVENT_ONESHOT) >= 0;
}

/* Without a thread files stay open until there is one; nothing else suffers. */
static void close_queue_start_thread(struct closer *closer)
{
	int r = closing_start(closer->closing);
	if (r < 0 && !closer->complained)
		log_write(&(struct log_entry){LOG_ENTRY(WARNING, UNCLOSED), .error = -r},
			"no thread can be made to close files: %s", strerror(-r));
	closer->complained = r < 0;
}

static int close_queue_on_handing(sd_event_source *source, void *context)
{
	struct closer *closer = context;
	(void)source;
	closer->handed = closer->given;
	if (closing_wake(closer->closing, 0))
		close_queue_start_thread(closer);
	close_queue_watch_soon(closer);
	return 0;
}

/* No thread is woken here, as a client waits for its reply. */
void files_close(struct files *files, int fd)
{
	struct closer *closer = files->closer;
	if (!closing_put(closer->closing, &files->queue, fd)) {
		log_warning("descriptor %d stays open: it is beyond the limit of descriptors that "
			    "was in force at the start",
			fd);
		return;
	}
	files->given++;
	closer->given++;
	sd_event_source_set_enabled(closer->handing, SD_EVENT_ONESHOT);
}

void files_drop(struct files *files, int *fd)
{
	int error = errno;
	if (*fd >= 0)
		files_close(files, take_fd(fd));
	errno = error;
}

enum files_state files_look(struct files *files)
{
	if (close_queue_count_left(files) < CLOSER_FILES_MAX)
		return FILES_FEW;
	if (files->stuck)
		return FILES_STUCK;
	closing_ring(files->closer->closing, &files->queue, true);
	if (close_queue_count_left(files) < CLOSER_FILES_MAX)
		return FILES_FEW;
	files->awaited = true;
	return FILES_MANY;
}

static void close_queue_complain(struct files *files, unsigned late, uint64_t left)
{
	struct log_client client = {files->uid, 0};
	if (!files->complained)
		log_write(&(struct log_entry){LOG_ENTRY(WARNING, UNCLOSED), .client = &client},
			"files of user %u are not closed: close(2) of %u does not return, and "
			"%" PRIu64 " wait for their turn",
			files->uid, late, left - late);
	files->complained = true;
}

/*
 * How a user's files get on. Returns whether that has to be looked at again soon: a thread
 * may have to be made for what waits, or hangs.
 */
static bool close_queue_look_after(struct files *files, uint64_t now, bool *changed)
{
	struct closing *closing = files->closer->closing;
	uint64_t left = close_queue_count_left(files);
	unsigned late = left > 0 ? closing_count_late(closing, &files->queue, now - HANGING) : 0;
	if (late > 0)
		close_queue_complain(files, late, left);
	files->complained &= left > 0;
	files->stuck = late == CLOSING_THREADS_MAX;
	if (files->awaited && (files->stuck || left < CLOSER_FILES_MAX)) {
		files->awaited = false;
		*changed = true;
	}
	closing_ring(closing, &files->queue, late > 0 || files->awaited);
	return left > late && !files->stuck;
}

static bool close_queue_look_after_all(struct closer *closer, uint64_t now)
{
	struct files *files, *next;
	bool again = false, changed = false;
	RB_FOREACH_SAFE(files, files_tree, &closer->files, next)
	{
		again |= close_queue_look_after(files, now, &changed);
		close_queue_free_unused(files);
	}
	if (changed && closer->changed)
		closer->changed(closer->context);
	return again;
}

static void close_queue_look(struct closer *closer)
{
	uint64_t now = closing_now();
	closing_bury(closer->closing);
	if (closing_wake(closer->closing, now - LATE))
		close_queue_start_thread(closer);
	if (close_queue_look_after_all(closer, now))
		close_queue_watch_soon(closer);
}

static int close_queue_on_watch(sd_event_source *source, uint64_t usec, void *context)
{
	struct closer *closer = context;
	(void)source;
	(void)usec;
	closer->watching = false;
	close_queue_look(closer);
	return 0;
}

static int close_queue_on_bell(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct closer *closer = context;
	(void)source;
	(void)fd;
	(void)events;
	closing_hear(closer->closing);
	close_queue_look(closer);
	return 0;
}

static int close_queue_add_sources(struct closer *closer)
{
	int r = sd_event_add_defer(closer->event, &closer->handing, close_queue_on_handing, closer);
	if (r >= 0)
		r = sd_event_source_set_enabled(closer->handing, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_io(closer->event, &closer->bell, closer->closing->bell, EPOLLIN,
			close_queue_on_bell, closer);
	if (r >= 0)
		r = sd_event_add_time_relative(closer->event, &closer->watch, CLOCK_MONOTONIC, 0,
			LATE / 2, close_queue_on_watch, closer);
	if (r >= 0)
		r = sd_event_source_set_enabled(closer->watch, SD_EVENT_OFF);
	return r;
}

/* What is free at first is the kernel's zeroes, which takes no memory. */
static size_t close_queue_count_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > CLOSER_DESCRIPTORS_MAX)
		return CLOSER_DESCRIPTORS_MAX;
	return limit.rlim_cur;
}

int closer_init(struct closer *closer, sd_event *event)
{
	*closer = (struct closer){.event = event};
	RB_INIT(&closer->files);
	int r = closing_new(&closer->closing, close_queue_count_descriptors());
	if (r == 0)
		r = close_queue_add_sources(closer);
	if (r < 0)
		closer_stop(closer);
	return r;
}

/* Whether there is anything but what hangs. */
static bool close_queue_gets_on(struct closer *closer, uint64_t now)
{
	struct files *files;
	bool changed = false, some = false;
	RB_FOREACH (files, files_tree, &closer->files)
		some |= close_queue_look_after(files, now, &changed);
	return some;
}

bool closer_finish(struct closer *closer, uint64_t usec)
{
	uint64_t now = closing_now(), end = now + usec;
	do {
		if (closing_wake(closer->closing, now - LATE))
			close_queue_start_thread(closer);
		if (closing_wait(closer->closing, LATE, false))
			return true;
		now = closing_now();
	} while (now < end && close_queue_gets_on(closer, now));
	return false;
}

void closer_stop(struct closer *closer)
{
	struct files *files, *next;
	closer->handing = sd_event_source_disable_unref(closer->handing);
	closer->bell = sd_event_source_disable_unref(closer->bell);
	closer->watch = sd_event_source_disable_unref(closer->watch);
	if (!closer->closing)
		return;
	if (closer_finish(closer, END_MOST))
		closing_wait(closer->closing, END_MOST, true);
	RB_FOREACH_SAFE(files, files_tree, &closer->files, next)
	{
		assert(files->references == 0);
		close_queue_free_unused(files);
	}
	closing_free(closer->closing);
	closer->closing = NULL;
}

uint64_t closer_count(struct closer *closer)
{
	struct files *files;
	uint64_t count = 0;
	RB_FOREACH (files, files_tree, &closer->files)
		count += close_queue_count_left(files);
	return count;
}

bool closer_is_due(const struct closer *closer)
{
	return closer->handed != closer->given;
}
