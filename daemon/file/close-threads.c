/*
 * Each user has a list of descriptors to close. All lists are linked through one table, which is
 * indexed by the descriptor. Threads take from the lists in turn, one descriptor at a time, and at
 * most CLOSE_THREADS_MAX of them work for one list: files of one user that hang leave threads for
 * all others. The threads share the daemon's table of descriptors, and a process whose table is
 * shared pays for each system call on a descriptor, so idle threads end.
 */
#include "daemon/file/close-threads.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/base/clock.h"

enum { STACK_SIZE = 128 << 10 };

#define STAY (CLOCK_SECOND / 10) /* of an idle thread */

int close_threads_new(struct close_threads **made, size_t size)
{
	struct close_threads *close_threads =
		calloc(1, sizeof(*close_threads) + size * sizeof(close_threads->next[0]));
	if (!close_threads)
		return -ENOMEM;
	close_threads->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (close_threads->bell < 0) {
		int r = -errno;
		free(close_threads);
		return r;
	}
	close_threads->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	close_threads->work = close_threads->quiet = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	TAILQ_INIT(&close_threads->ready);
	LIST_INIT(&close_threads->threads);
	close_threads->size = size;
	*made = close_threads;
	return 0;
}

static void close_threads_free_all(struct close_threads *close_threads)
{
	close(close_threads->bell);
	free(close_threads);
}

void close_list_init(struct close_list *queue)
{
	*queue = (struct close_list){.first = -1, .last = -1};
}

/* What follows is called with the lock. */

static void close_threads_list(struct close_threads *close_threads, struct close_list *queue)
{
	if (queue->listed || queue->first < 0 || queue->at_work == CLOSE_THREADS_MAX)
		return;
	TAILQ_INSERT_TAIL(&close_threads->ready, queue, link);
	queue->listed = true;
}

/* Takes a descriptor of the next list. Returns it, or -1 when no list is ready. */
static int close_threads_take(struct close_threads *close_threads, struct close_thread *thread)
{
	struct close_list *queue = TAILQ_FIRST(&close_threads->ready);
	if (!queue)
		return -1;
	int fd = queue->first;
	TAILQ_REMOVE(&close_threads->ready, queue, link);
	queue->listed = false;
	queue->first = close_threads->next[fd];
	queue->at_work++;
	close_threads_list(close_threads, queue);
	thread->queue = queue;
	thread->since = clock_now_usec();
	return fd;
}

/* After the lock is released, the daemon's thread may free the list. */
static void close_threads_note_closed(
	struct close_threads *close_threads, struct close_thread *thread)
{
	const uint64_t one = 1;
	struct close_list *queue = thread->queue;
	thread->queue = NULL;
	queue->at_work--;
	close_threads_list(close_threads, queue);
	if (queue->rings && !close_threads->rung)
		close_threads->rung = write(close_threads->bell, &one, sizeof(one)) == sizeof(one);
	atomic_fetch_add_explicit(&queue->closed, 1, memory_order_release);
	if (--close_threads->left == 0)
		pthread_cond_broadcast(&close_threads->quiet);
}

/* One idle thread waits for a while for the next descriptor; other idle threads end. */
static bool close_threads_is_needed(struct close_threads *close_threads)
{
	const struct timespec until = clock_to_timespec(clock_now_usec() + STAY);
	if (close_threads->ending || close_threads->idle > 0)
		return false;
	close_threads->idle++;
	int r = pthread_cond_clockwait(
		&close_threads->work, &close_threads->lock, CLOCK_MONOTONIC, &until);
	close_threads->idle--;
	return r == 0 || !TAILQ_EMPTY(&close_threads->ready);
}

static void *close_threads_run(void *context)
{
	struct close_thread *thread = context;
	struct close_threads *close_threads = thread->close_threads;
	int fd;
	pthread_mutex_lock(&close_threads->lock);
	do {
		while ((fd = close_threads_take(close_threads, thread)) >= 0) {
			pthread_mutex_unlock(&close_threads->lock);
			close(fd);
			pthread_mutex_lock(&close_threads->lock);
			close_threads_note_closed(close_threads, thread);
		}
	} while (close_threads_is_needed(close_threads));
	thread->ended = true;
	close_threads->thread_count--;
	pthread_cond_broadcast(&close_threads->quiet);
	bool alone = close_threads->left_alone, last = alone && close_threads->thread_count == 0;
	if (alone)
		LIST_REMOVE(thread, link);
	pthread_mutex_unlock(&close_threads->lock);
	if (alone) {
		pthread_detach(thread->id);
		free(thread);
	}
	if (last)
		close_threads_free_all(close_threads);
	return NULL;
}

bool close_threads_put(struct close_threads *close_threads, struct close_list *queue, int fd)
{
	if ((size_t)fd >= close_threads->size)
		return false;
	pthread_mutex_lock(&close_threads->lock);
	close_threads->next[fd] = -1;
	if (queue->first < 0)
		queue->first = fd;
	else
		close_threads->next[queue->last] = fd;
	queue->last = fd;
	close_threads->left++;
	close_threads_list(close_threads, queue);
	pthread_mutex_unlock(&close_threads->lock);
	return true;
}

bool close_threads_wake(struct close_threads *close_threads, uint64_t before)
{
	const struct close_thread *thread;
	pthread_mutex_lock(&close_threads->lock);
	bool needed = !TAILQ_EMPTY(&close_threads->ready);
	if (needed && close_threads->idle > 0) {
		pthread_cond_signal(&close_threads->work);
		needed = false;
	}
	LIST_FOREACH (thread, &close_threads->threads, link)
		needed &= thread->ended || (thread->queue && thread->since < before);
	pthread_mutex_unlock(&close_threads->lock);
	return needed;
}

/* All signals are blocked in it: the daemon's thread handles them. */
static int close_threads_create(struct close_thread *thread)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int r = pthread_attr_init(&attributes);
	if (r)
		return -r;
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread->id, &attributes, close_threads_run, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -r;
}

int close_threads_start(struct close_threads *close_threads)
{
	struct close_thread *thread = calloc(1, sizeof(*thread));
	if (!thread)
		return -ENOMEM;
	thread->close_threads = close_threads;
	pthread_mutex_lock(&close_threads->lock);
	int r = close_threads_create(thread);
	if (r == 0) {
		LIST_INSERT_HEAD(&close_threads->threads, thread, link);
		close_threads->thread_count++;
	}
	pthread_mutex_unlock(&close_threads->lock);
	if (r < 0)
		free(thread);
	return r;
}

/* Takes those that have ended out of the list; called with the lock. */
static void close_threads_take_ended(
	struct close_threads *close_threads, struct close_thread_list *ended)
{
	struct close_thread *thread, *next;
	LIST_INIT(ended);
	for (thread = LIST_FIRST(&close_threads->threads); thread; thread = next) {
		next = LIST_NEXT(thread, link);
		if (!thread->ended)
			continue;
		LIST_REMOVE(thread, link);
		LIST_INSERT_HEAD(ended, thread, link);
	}
}

static void close_threads_join(struct close_thread_list *ended)
{
	struct close_thread *thread;
	while ((thread = LIST_FIRST(ended))) {
		LIST_REMOVE(thread, link);
		pthread_join(thread->id, NULL);
		free(thread);
	}
}

void close_threads_bury(struct close_threads *close_threads)
{
	struct close_thread_list ended;
	pthread_mutex_lock(&close_threads->lock);
	close_threads_take_ended(close_threads, &ended);
	pthread_mutex_unlock(&close_threads->lock);
	close_threads_join(&ended);
}

unsigned close_threads_count_late(
	struct close_threads *close_threads, const struct close_list *queue, uint64_t before)
{
	const struct close_thread *thread;
	unsigned count = 0;
	pthread_mutex_lock(&close_threads->lock);
	LIST_FOREACH (thread, &close_threads->threads, link)
		count += thread->queue == queue && thread->since < before;
	pthread_mutex_unlock(&close_threads->lock);
	return count;
}

void close_threads_ring(struct close_threads *close_threads, struct close_list *queue, bool rings)
{
	pthread_mutex_lock(&close_threads->lock);
	queue->rings = rings;
	pthread_mutex_unlock(&close_threads->lock);
}

void close_threads_hear(struct close_threads *close_threads)
{
	uint64_t count;
	pthread_mutex_lock(&close_threads->lock);
	if (read(close_threads->bell, &count, sizeof(count)) > 0)
		close_threads->rung = false;
	pthread_mutex_unlock(&close_threads->lock);
}

bool close_threads_wait(struct close_threads *close_threads, uint64_t usec, bool at_end)
{
	const struct timespec until = clock_to_timespec(clock_now_usec() + usec);
	int r = 0;
	pthread_mutex_lock(&close_threads->lock);
	close_threads->ending |= at_end;
	pthread_cond_broadcast(&close_threads->work);
	while (r == 0 && (close_threads->left > 0 || (at_end && close_threads->thread_count > 0)))
		r = pthread_cond_clockwait(
			&close_threads->quiet, &close_threads->lock, CLOCK_MONOTONIC, &until);
	pthread_mutex_unlock(&close_threads->lock);
	return r == 0;
}

/* The last of the threads that hang frees the shared memory. */
void close_threads_free(struct close_threads *close_threads)
{
	struct close_thread_list ended;
	pthread_mutex_lock(&close_threads->lock);
	close_threads_take_ended(close_threads, &ended);
	bool last = close_threads->thread_count == 0;
	close_threads->ending = close_threads->left_alone = true;
	pthread_cond_broadcast(&close_threads->work);
	pthread_mutex_unlock(&close_threads->lock);
	close_threads_join(&ended);
	if (last)
		close_threads_free_all(close_threads);
}
