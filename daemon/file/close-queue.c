/*
 * close(2) of a client's file can last for ever: a FUSE file system, or a socket that lingers, may
 * never answer. So files are closed by threads (close-threads.c), and this module, on the daemon's
 * thread, starts them and keeps the account of each user. A user with too many files in the queue
 * waits until some are closed; when all threads of the user hang, the user's connections end with
 * an error. Other users notice nothing: few threads close files of one user.
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
#include "daemon/base/clock.h"
#include "daemon/log/log.h"

#define MSEC UINT64_C(1000) /* in microseconds, as all times here */

enum {
	LATE = 20 * MSEC,      /* after that another thread is started */
	HANGING = 1000 * MSEC, /* after that a file counts as hanging */
	END_MAX = 2000 * MSEC,
};

const char close_queue_stuck_text[] =
	"files of this user are not closed: the file system that they are "
	"on, or whom a socket is connected with, does not answer";

static int close_queue_compare(const struct close_queue *a, const struct close_queue *b)
{
	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

RB_GENERATE_INTERNAL(
	close_queue_tree, close_queue, node, close_queue_compare, __attribute__((unused)) static)

static uint64_t close_queue_count_left(const struct close_queue *close_queue)
{
	return close_queue->queued -
	       atomic_load_explicit(&close_queue->queue.closed, memory_order_acquire);
}

static void close_queue_free_unused(struct close_queue *close_queue)
{
	struct close_queues *close_queues = close_queue->close_queues;
	if (close_queue->references > 0 || close_queue_count_left(close_queue) > 0)
		return;
	/* Waits for the lock: the thread that closed the last file may still use the queue. */
	close_threads_ring(close_queues->close_threads, &close_queue->queue, false);
	RB_REMOVE(close_queue_tree, &close_queues->close_queue, close_queue);
	free(close_queue);
}

struct close_queue *close_queue_join(struct close_queues *close_queues, uid_t uid)
{
	struct close_queue key = {.uid = uid};
	struct close_queue *close_queue =
		RB_FIND(close_queue_tree, &close_queues->close_queue, &key);
	if (close_queue)
		return close_queue_hold(close_queue);
	close_queue = calloc(1, sizeof(*close_queue));
	if (!close_queue)
		return NULL;
	close_list_init(&close_queue->queue);
	close_queue->close_queues = close_queues;
	close_queue->uid = uid;
	RB_INSERT(close_queue_tree, &close_queues->close_queue, close_queue);
	return close_queue_hold(close_queue);
}

struct close_queue *close_queue_hold(struct close_queue *close_queue)
{
	close_queue->references++;
	return close_queue;
}

void close_queue_leave(struct close_queue *close_queue)
{
	if (!close_queue)
		return;
	assert(close_queue->references > 0);
	close_queue->references--;
	close_queue_free_unused(close_queue);
}

static void close_queue_watch_soon(struct close_queues *close_queues)
{
	if (close_queues->watching)
		return;
	sd_event_source_set_time_relative(close_queues->watch, LATE);
	close_queues->watching =
		sd_event_source_set_enabled(close_queues->watch, SD_EVENT_ONESHOT) >= 0;
}

/* Without a thread, files stay open until one can be started. */
static void close_queue_start_thread(struct close_queues *close_queues)
{
	int r = close_threads_start(close_queues->close_threads);
	if (r < 0 && !close_queues->reported)
		log_write(&(struct log_entry){LOG_ENTRY(WARNING, UNCLOSED), .error = -r},
			"cannot start a thread to close files: %s", strerror(-r));
	close_queues->reported = r < 0;
}

static int close_queue_on_handing(sd_event_source *source, void *context)
{
	struct close_queues *close_queues = context;
	(void)source;
	close_queues->handed = close_queues->queued;
	if (close_threads_wake(close_queues->close_threads, 0))
		close_queue_start_thread(close_queues);
	close_queue_watch_soon(close_queues);
	return 0;
}

/* Wakes no thread: that would delay the reply to a client. */
void close_queue_add(struct close_queue *close_queue, int fd)
{
	struct close_queues *close_queues = close_queue->close_queues;
	if (!close_threads_put(close_queues->close_threads, &close_queue->queue, fd)) {
		log_warning("descriptor %d stays open: it is beyond the limit of descriptors that "
			    "was in force at the start",
			fd);
		return;
	}
	close_queue->queued++;
	close_queues->queued++;
	sd_event_source_set_enabled(close_queues->handing, SD_EVENT_ONESHOT);
}

void close_queue_drop(struct close_queue *close_queue, int *fd)
{
	int error = errno;
	if (*fd >= 0)
		close_queue_add(close_queue, take_fd(fd));
	errno = error;
}

enum close_queue_state close_queue_check(struct close_queue *close_queue)
{
	if (close_queue_count_left(close_queue) < CLOSE_QUEUE_FILES_MAX)
		return CLOSE_QUEUE_FEW;
	if (close_queue->stuck)
		return CLOSE_QUEUE_STUCK;
	close_threads_ring(close_queue->close_queues->close_threads, &close_queue->queue, true);
	if (close_queue_count_left(close_queue) < CLOSE_QUEUE_FILES_MAX)
		return CLOSE_QUEUE_FEW;
	close_queue->awaited = true;
	return CLOSE_QUEUE_MANY;
}

void close_queue_count_received(struct close_queue *close_queue, int difference)
{
	close_queue->received += (uint64_t)(int64_t)difference;
	close_queue->close_queues->received += (uint64_t)(int64_t)difference;
}

/*
 * A user may have as many as are left of the half for all: one who is alone gets a quarter, each of
 * two a sixth. So whoever has none yet finds some left, whatever the others take.
 */
bool close_queue_has_share(const struct close_queue *close_queue)
{
	struct rlimit limit;
	uint64_t all = close_queue->close_queues->received;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return true;
	return all < limit.rlim_cur / 2 && close_queue->received < limit.rlim_cur / 2 - all;
}

static void close_queue_log_once(struct close_queue *close_queue, unsigned late, uint64_t left)
{
	struct log_client client = {close_queue->uid, 0};
	if (!close_queue->reported)
		log_write(&(struct log_entry){LOG_ENTRY(WARNING, UNCLOSED), .client = &client},
			"files of user %u are not closed: close(2) of %u does not return, and "
			"%" PRIu64 " wait for their turn",
			close_queue->uid, late, left - late);
	close_queue->reported = true;
}

/*
 * Updates the state of a user's queue. Returns whether it must be updated again soon: a thread may
 * be needed for files that wait behind a hanging one.
 */
static bool close_queue_update(struct close_queue *close_queue, uint64_t now, bool *changed)
{
	struct close_threads *close_threads = close_queue->close_queues->close_threads;
	uint64_t left = close_queue_count_left(close_queue);
	unsigned late = left > 0 ? close_threads_count_late(
					   close_threads, &close_queue->queue, now - HANGING)
				 : 0;
	if (late > 0)
		close_queue_log_once(close_queue, late, left);
	close_queue->reported &= left > 0;
	close_queue->stuck = late == CLOSE_THREADS_MAX;
	if (close_queue->awaited && (close_queue->stuck || left < CLOSE_QUEUE_FILES_MAX)) {
		close_queue->awaited = false;
		*changed = true;
	}
	close_threads_ring(close_threads, &close_queue->queue, late > 0 || close_queue->awaited);
	return left > late && !close_queue->stuck;
}

static bool close_queue_update_all(struct close_queues *close_queues, uint64_t now)
{
	struct close_queue *close_queue, *next;
	bool again = false, changed = false;
	RB_FOREACH_SAFE(close_queue, close_queue_tree, &close_queues->close_queue, next)
	{
		again |= close_queue_update(close_queue, now, &changed);
		close_queue_free_unused(close_queue);
	}
	if (changed && close_queues->changed)
		close_queues->changed(close_queues->context);
	return again;
}

static void close_queue_update_and_wake(struct close_queues *close_queues)
{
	uint64_t now = clock_now_usec();
	close_threads_bury(close_queues->close_threads);
	if (close_threads_wake(close_queues->close_threads, now - LATE))
		close_queue_start_thread(close_queues);
	if (close_queue_update_all(close_queues, now))
		close_queue_watch_soon(close_queues);
}

static int close_queue_on_watch(sd_event_source *source, uint64_t usec, void *context)
{
	struct close_queues *close_queues = context;
	(void)source;
	(void)usec;
	close_queues->watching = false;
	close_queue_update_and_wake(close_queues);
	return 0;
}

static int close_queue_on_bell(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct close_queues *close_queues = context;
	(void)source;
	(void)fd;
	(void)events;
	close_threads_hear(close_queues->close_threads);
	close_queue_update_and_wake(close_queues);
	return 0;
}

static int close_queue_add_sources(struct close_queues *close_queues)
{
	int r = sd_event_add_defer(
		close_queues->event, &close_queues->handing, close_queue_on_handing, close_queues);
	if (r >= 0)
		r = sd_event_source_set_enabled(close_queues->handing, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_io(close_queues->event, &close_queues->bell,
			close_queues->close_threads->bell, EPOLLIN, close_queue_on_bell,
			close_queues);
	if (r >= 0)
		r = sd_event_add_time_relative(close_queues->event, &close_queues->watch,
			CLOCK_MONOTONIC, 0, LATE / 2, close_queue_on_watch, close_queues);
	if (r >= 0)
		r = sd_event_source_set_enabled(close_queues->watch, SD_EVENT_OFF);
	return r;
}

/* The table is large, but untouched pages take no memory. */
static size_t close_queue_count_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > CLOSE_QUEUE_DESCRIPTORS_MAX)
		return CLOSE_QUEUE_DESCRIPTORS_MAX;
	return limit.rlim_cur;
}

int close_queues_init(struct close_queues *close_queues, sd_event *event)
{
	*close_queues = (struct close_queues){.event = event};
	RB_INIT(&close_queues->close_queue);
	int r = close_threads_new(&close_queues->close_threads, close_queue_count_descriptors());
	if (r == 0)
		r = close_queue_add_sources(close_queues);
	if (r < 0)
		close_queues_stop(close_queues);
	return r;
}

/* Whether any file is left that does not hang. */
static bool close_queue_makes_progress(struct close_queues *close_queues, uint64_t now)
{
	struct close_queue *close_queue;
	bool changed = false, some = false;
	RB_FOREACH (close_queue, close_queue_tree, &close_queues->close_queue)
		some |= close_queue_update(close_queue, now, &changed);
	return some;
}

bool close_queues_finish(struct close_queues *close_queues, uint64_t usec)
{
	uint64_t now = clock_now_usec(), end = now + usec;
	do {
		if (close_threads_wake(close_queues->close_threads, now - LATE))
			close_queue_start_thread(close_queues);
		if (close_threads_wait(close_queues->close_threads, LATE, false))
			return true;
		now = clock_now_usec();
	} while (now < end && close_queue_makes_progress(close_queues, now));
	return false;
}

void close_queues_stop(struct close_queues *close_queues)
{
	struct close_queue *close_queue, *next;
	close_queues->handing = sd_event_source_disable_unref(close_queues->handing);
	close_queues->bell = sd_event_source_disable_unref(close_queues->bell);
	close_queues->watch = sd_event_source_disable_unref(close_queues->watch);
	if (!close_queues->close_threads)
		return;
	if (close_queues_finish(close_queues, END_MAX))
		close_threads_wait(close_queues->close_threads, END_MAX, true);
	RB_FOREACH_SAFE(close_queue, close_queue_tree, &close_queues->close_queue, next)
	{
		assert(close_queue->references == 0);
		close_queue_free_unused(close_queue);
	}
	close_threads_free(close_queues->close_threads);
	close_queues->close_threads = NULL;
}

uint64_t close_queues_count(struct close_queues *close_queues)
{
	struct close_queue *close_queue;
	uint64_t count = 0;
	RB_FOREACH (close_queue, close_queue_tree, &close_queues->close_queue)
		count += close_queue_count_left(close_queue);
	return count;
}

bool close_queues_is_due(const struct close_queues *close_queues)
{
	return close_queues->handed != close_queues->queued;
}
