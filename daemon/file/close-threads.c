/*
 * Descriptors that wait for close(2), and the threads that call it.
 * See closing.h for what it does and never does.
 */
#include "daemon/file/close-threads.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { STACK_SIZE = 128 << 10 };

#define SECOND_USEC UINT64_C(1000000)
#define STAY	    (SECOND_USEC / 10) /* of an idle thread */

uint64_t closing_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_USEC + (uint64_t)now.tv_nsec / 1000;
}

static struct timespec close_threads_to_timespec(uint64_t usec)
{
	return (struct timespec){
		.tv_sec = (time_t)(usec / SECOND_USEC),
		.tv_nsec = (long)(usec % SECOND_USEC * 1000),
	};
}

int closing_new(struct closing **made, size_t size)
{
	struct closing *closing = calloc(1, sizeof(*closing) + size * sizeof(closing->next[0]));
	if (!closing)
		return -ENOMEM;
	closing->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (closing->bell < 0) {
		int r = -errno;
		free(closing);
		return r;
	}
	closing->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	closing->work = closing->quiet = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	TAILQ_INIT(&closing->ready);
	LIST_INIT(&closing->threads);
	closing->size = size;
	*made = closing;
	return 0;
}

static void close_threads_free_all(struct closing *closing)
{
	close(closing->bell);
	free(closing);
}

void closing_queue_init(struct closing_queue *queue)
{
	*queue = (struct closing_queue){.first = -1, .last = -1};
}

/* What follows is called with the lock. */

static void close_threads_list(struct closing *closing, struct closing_queue *queue)
{
	if (queue->listed || queue->first < 0 || queue->at_work == CLOSING_THREADS_MAX)
		return;
	TAILQ_INSERT_TAIL(&closing->ready, queue, link);
	queue->listed = true;
}

/* Takes a descriptor of the user whose turn it is. Returns it, or -1 when none may be taken. */
static int close_threads_take(struct closing *closing, struct closing_thread *thread)
{
	struct closing_queue *queue = TAILQ_FIRST(&closing->ready);
	if (!queue)
		return -1;
	int fd = queue->first;
	TAILQ_REMOVE(&closing->ready, queue, link);
	queue->listed = false;
	queue->first = closing->next[fd];
	queue->at_work++;
	close_threads_list(closing, queue);
	thread->queue = queue;
	thread->since = closing_now();
	return fd;
}

/* When this is let go of, the queue may be no more: it is for others to free what is empty. */
static void close_threads_note_closed(struct closing *closing, struct closing_thread *thread)
{
	const uint64_t one = 1;
	struct closing_queue *queue = thread->queue;
	thread->queue = NULL;
	queue->at_work--;
	close_threads_list(closing, queue);
	if (queue->rings && !closing->rung)
		closing->rung = write(closing->bell, &one, sizeof(one)) == sizeof(one);
	atomic_fetch_add_explicit(&queue->closed, 1, memory_order_release);
	if (--closing->left == 0)
		pthread_cond_broadcast(&closing->quiet);
}

/*
 * One that has nothing to do stays for a while, for what comes next; others end. While there is
 * none, the table of descriptors is the daemon's thread's alone, and each of its system calls on
 * a descriptor costs less.
 */
static bool close_threads_is_needed(struct closing *closing)
{
	const struct timespec until = close_threads_to_timespec(closing_now() + STAY);
	if (closing->ending || closing->idle > 0)
		return false;
	closing->idle++;
	int r = pthread_cond_clockwait(&closing->work, &closing->lock, CLOCK_MONOTONIC, &until);
	closing->idle--;
	return r == 0 || !TAILQ_EMPTY(&closing->ready);
}

static void *close_threads_run(void *context)
{
	struct closing_thread *thread = context;
	struct closing *closing = thread->closing;
	int fd;
	pthread_mutex_lock(&closing->lock);
	do {
		while ((fd = close_threads_take(closing, thread)) >= 0) {
			pthread_mutex_unlock(&closing->lock);
			close(fd);
			pthread_mutex_lock(&closing->lock);
			close_threads_note_closed(closing, thread);
		}
	} while (close_threads_is_needed(closing));
	thread->ended = true;
	closing->thread_count--;
	pthread_cond_broadcast(&closing->quiet);
	bool alone = closing->left_alone, last = alone && closing->thread_count == 0;
	if (alone)
		LIST_REMOVE(thread, link);
	pthread_mutex_unlock(&closing->lock);
	if (alone) {
		pthread_detach(thread->id);
		free(thread);
	}
	if (last)
		close_threads_free_all(closing);
	return NULL;
}

bool closing_put(struct closing *closing, struct closing_queue *queue, int fd)
{
	if ((size_t)fd >= closing->size)
		return false;
	pthread_mutex_lock(&closing->lock);
	closing->next[fd] = -1;
	if (queue->first < 0)
		queue->first = fd;
	else
		closing->next[queue->last] = fd;
	queue->last = fd;
	closing->left++;
	close_threads_list(closing, queue);
	pthread_mutex_unlock(&closing->lock);
	return true;
}

bool closing_wake(struct closing *closing, uint64_t before)
{
	const struct closing_thread *thread;
	pthread_mutex_lock(&closing->lock);
	bool needed = !TAILQ_EMPTY(&closing->ready);
	if (needed && closing->idle > 0) {
		pthread_cond_signal(&closing->work);
		needed = false;
	}
	LIST_FOREACH (thread, &closing->threads, link)
		needed &= thread->ended || (thread->queue && thread->since < before);
	pthread_mutex_unlock(&closing->lock);
	return needed;
}

/* With all signals blocked: they are for the daemon's thread. */
static int close_threads_create(struct closing_thread *thread)
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

int closing_start(struct closing *closing)
{
	struct closing_thread *thread = calloc(1, sizeof(*thread));
	if (!thread)
		return -ENOMEM;
	thread->closing = closing;
	pthread_mutex_lock(&closing->lock);
	int r = close_threads_create(thread);
	if (r == 0) {
		LIST_INSERT_HEAD(&closing->threads, thread, link);
		closing->thread_count++;
	}
	pthread_mutex_unlock(&closing->lock);
	if (r < 0)
		free(thread);
	return r;
}

/* Takes those that have ended out of the list; called with the lock. */
static void close_threads_take_ended(struct closing *closing, struct closing_threads *ended)
{
	struct closing_thread *thread, *next;
	LIST_INIT(ended);
	for (thread = LIST_FIRST(&closing->threads); thread; thread = next) {
		next = LIST_NEXT(thread, link);
		if (!thread->ended)
			continue;
		LIST_REMOVE(thread, link);
		LIST_INSERT_HEAD(ended, thread, link);
	}
}

static void close_threads_join(struct closing_threads *ended)
{
	struct closing_thread *thread;
	while ((thread = LIST_FIRST(ended))) {
		LIST_REMOVE(thread, link);
		pthread_join(thread->id, NULL);
		free(thread);
	}
}

void closing_bury(struct closing *closing)
{
	struct closing_threads ended;
	pthread_mutex_lock(&closing->lock);
	close_threads_take_ended(closing, &ended);
	pthread_mutex_unlock(&closing->lock);
	close_threads_join(&ended);
}

unsigned closing_count_late(
	struct closing *closing, const struct closing_queue *queue, uint64_t before)
{
	const struct closing_thread *thread;
	unsigned count = 0;
	pthread_mutex_lock(&closing->lock);
	LIST_FOREACH (thread, &closing->threads, link)
		count += thread->queue == queue && thread->since < before;
	pthread_mutex_unlock(&closing->lock);
	return count;
}

void closing_ring(struct closing *closing, struct closing_queue *queue, bool rings)
{
	pthread_mutex_lock(&closing->lock);
	queue->rings = rings;
	pthread_mutex_unlock(&closing->lock);
}

void closing_hear(struct closing *closing)
{
	uint64_t count;
	pthread_mutex_lock(&closing->lock);
	if (read(closing->bell, &count, sizeof(count)) > 0)
		closing->rung = false;
	pthread_mutex_unlock(&closing->lock);
}

bool closing_wait(struct closing *closing, uint64_t usec, bool at_end)
{
	const struct timespec until = close_threads_to_timespec(closing_now() + usec);
	int r = 0;
	pthread_mutex_lock(&closing->lock);
	closing->ending |= at_end;
	pthread_cond_broadcast(&closing->work);
	while (r == 0 && (closing->left > 0 || (at_end && closing->thread_count > 0)))
		r = pthread_cond_clockwait(
			&closing->quiet, &closing->lock, CLOCK_MONOTONIC, &until);
	pthread_mutex_unlock(&closing->lock);
	return r == 0;
}

/* Of threads that still hang, the last one frees what they share. */
void closing_free(struct closing *closing)
{
	struct closing_threads ended;
	pthread_mutex_lock(&closing->lock);
	close_threads_take_ended(closing, &ended);
	bool last = closing->thread_count == 0;
	closing->ending = closing->left_alone = true;
	pthread_cond_broadcast(&closing->work);
	pthread_mutex_unlock(&closing->lock);
	close_threads_join(&ended);
	if (last)
		close_threads_free_all(closing);
}
