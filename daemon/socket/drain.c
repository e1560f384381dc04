/*
 * Why a thread: unread input may carry descriptors. Whoever reads it or closes the socket closes
 * their files for the last time, and that can block for hours: for a peer that never reads
 * (SO_LINGER of socket(7)), or for a file system. The thread reads without capacity for
 * descriptors, so the kernel closes them; a timer's signal interrupts each wait.
 *
 * Why input is read at all: a socket that is closed with unread input makes the kernel report a
 * reset to the peer. A client that broke the protocol must see the error that it was sent, and
 * then an end. Input without descriptors is read at once, on the daemon's thread.
 *
 * A rejected connection has no other owner. Its entry is allocated before accept(2), so each
 * connection that is accepted can be rejected.
 */
#include "daemon/socket/drain.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client/protocol/fdpass.h"
#include "daemon/base/cleanup.h"
#include "daemon/base/clock.h"
#include "daemon/base/tiny.h"

enum {
	DISCARD_READS = 64,
	RETRY_USEC = 100000,
	RETRY_MSEC = 100,
	TICK_NSEC = 200000, /* between two signals of the timer */
	END_SECONDS = 2,
	WAKE_SIGNAL = SIGURG,
	REJECTED_MAX = TINY(256, 2),
	ANSWERS_MAX = TINY(64, 1), /* connections whose end is reported in one turn */
};

/* What the daemon's thread and the draining thread share. */
struct drain_thread {
	pthread_t id;
	pthread_mutex_t lock;
	struct drain_list due, done; /* to close, closed */
	struct drain_entry *current; /* being closed; NULL also after drain_stop() */
	sem_t work;
	bool stopped;
	int answers; /* eventfd(2): done has entries */
};

struct drain_rejected {
	struct drain_entry entry; /* first: see drain_on_rejected_closed() */
	struct drain *drain;
};

/* ---- In the thread ---- */

static void drain_on_wake(int signal)
{
	(void)signal;
}

/* The timer whose signal interrupts what this thread waits for. */
static timer_t drain_make_timer(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = WAKE_SIGNAL};
	timer_t timer;
	event._sigev_un._tid = gettid();
	while (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
		poll(NULL, 0, RETRY_MSEC); /* nothing reports a free timer */
	return timer;
}

static void drain_set_timer(timer_t timer, long nanoseconds)
{
	const struct itimerspec times = {{0, nanoseconds}, {0, nanoseconds}};
	timer_settime(timer, 0, &times, NULL);
}

/* recv(2) has no capacity for descriptors: the kernel closes them. */
static void drain_discard_all(int fd)
{
	char bytes[4096];
	for (int i = 0; i < DISCARD_READS; i++) {
		if (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) == 0)
			return;
	}
}

/* Waits for the next entry. Returns its socket, or -1 after drain_stop(). */
static int drain_wait_for_entry(struct drain_thread *thread)
{
	while (sem_wait(&thread->work) < 0) {
	}
	pthread_mutex_lock(&thread->lock);
	struct drain_entry *entry = thread->stopped ? NULL : STAILQ_FIRST(&thread->due);
	if (entry)
		STAILQ_REMOVE_HEAD(&thread->due, link);
	thread->current = entry;
	int fd = entry ? entry->fd : -1;
	pthread_mutex_unlock(&thread->lock);
	return fd;
}

/* Makes the event loop look at what is done. */
static void drain_ring(const struct drain_thread *thread)
{
	const uint64_t one = 1;
	while (write(thread->answers, &one, sizeof(one)) < 0 && errno == EINTR) {
	}
}

static void drain_finish_entry(struct drain_thread *thread)
{
	pthread_mutex_lock(&thread->lock);
	if (thread->current)
		STAILQ_INSERT_TAIL(&thread->done, thread->current, link);
	thread->current = NULL;
	pthread_mutex_unlock(&thread->lock);
	drain_ring(thread);
}

static void *drain_run(void *context)
{
	struct drain_thread *thread = context;
	timer_t timer = drain_make_timer();
	int fd;
	while ((fd = drain_wait_for_entry(thread)) >= 0) {
		drain_set_timer(timer, TICK_NSEC);
		drain_discard_all(fd);
		close(fd);
		drain_set_timer(timer, 0);
		drain_finish_entry(thread);
	}
	timer_delete(timer);
	return NULL;
}

/* ---- In the daemon's thread ---- */

static void drain_report_closed(struct drain *drain, struct drain_entry *entry)
{
	drain->count--;
	entry->closed(entry);
}

static struct drain_entry *drain_next_done(struct drain_thread *thread)
{
	pthread_mutex_lock(&thread->lock);
	struct drain_entry *entry = STAILQ_FIRST(&thread->done);
	if (entry)
		STAILQ_REMOVE_HEAD(&thread->done, link);
	pthread_mutex_unlock(&thread->lock);
	return entry;
}

static int drain_on_answers(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct drain *drain = context;
	struct drain_thread *thread = drain->thread;
	uint64_t count;
	struct drain_entry *entry;
	(void)source;
	(void)events;
	if (read(fd, &count, sizeof(count)) < 0)
		return 0;
	for (int i = 0; i < ANSWERS_MAX && (entry = drain_next_done(thread)); i++)
		drain_report_closed(drain, entry);
	pthread_mutex_lock(&thread->lock);
	bool more = !STAILQ_EMPTY(&thread->done);
	pthread_mutex_unlock(&thread->lock);
	if (more)
		drain_ring(thread);
	return 0;
}

static void drain_queue_entry(struct drain_thread *thread, struct drain_entry *entry)
{
	pthread_mutex_lock(&thread->lock);
	STAILQ_INSERT_TAIL(&thread->due, entry, link);
	pthread_mutex_unlock(&thread->lock);
	sem_post(&thread->work);
}

/* All other signals are blocked in it. */
static int drain_create(struct drain *drain)
{
	const struct sigaction action = {.sa_handler = drain_on_wake};
	pthread_attr_t attributes;
	sigset_t others;
	int r = pthread_attr_init(&attributes);
	if (r)
		return -r;
	sigfillset(&others);
	sigdelset(&others, WAKE_SIGNAL);
	sigaction(WAKE_SIGNAL, &action, NULL);
	r = pthread_attr_setsigmask_np(&attributes, &others);
	if (r == 0)
		r = pthread_create(&drain->thread->id, &attributes, drain_run, drain->thread);
	pthread_attr_destroy(&attributes);
	return -r;
}

static void drain_free_thread(struct drain *drain)
{
	sem_destroy(&drain->thread->work);
	pthread_mutex_destroy(&drain->thread->lock);
	free(drain->thread);
	drain->thread = NULL;
}

static int drain_start_thread(struct drain *drain)
{
	struct drain_thread *thread = drain->thread = malloc(sizeof(*thread));
	if (!thread)
		return -ENOMEM;
	*thread = (struct drain_thread){.answers = drain->answers_fd};
	STAILQ_INIT(&thread->due);
	STAILQ_INIT(&thread->done);
	sem_init(&thread->work, 0, 0);
	pthread_mutex_init(&thread->lock, NULL);
	int r = drain_create(drain);
	if (r < 0)
		drain_free_thread(drain);
	return r;
}

/* Queues the waiting entries for the thread; without a thread, tries again later. */
static void drain_queue_waiting(struct drain *drain)
{
	if (!drain->thread && drain_start_thread(drain) < 0) {
		sd_event_source_set_time_relative(drain->retry, RETRY_USEC);
		sd_event_source_set_enabled(drain->retry, SD_EVENT_ONESHOT);
		return;
	}
	while (!STAILQ_EMPTY(&drain->waiting)) {
		struct drain_entry *entry = STAILQ_FIRST(&drain->waiting);
		STAILQ_REMOVE_HEAD(&drain->waiting, link);
		drain_queue_entry(drain->thread, entry);
	}
}

static int drain_on_retry(sd_event_source *source, uint64_t usec, void *context)
{
	(void)source;
	(void)usec;
	drain_queue_waiting(context);
	return 0;
}

int drain_start(struct drain *drain, sd_event *event)
{
	*drain = (struct drain){.answers_fd = -1};
	STAILQ_INIT(&drain->waiting);
	drain->answers_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (drain->answers_fd < 0)
		return -errno;
	int r = sd_event_add_io(
		event, &drain->answers, drain->answers_fd, EPOLLIN, drain_on_answers, drain);
	if (r >= 0)
		r = sd_event_add_time_relative(
			event, &drain->retry, CLOCK_MONOTONIC, 0, 0, drain_on_retry, drain);
	if (r >= 0)
		r = sd_event_source_set_enabled(drain->retry, SD_EVENT_OFF);
	if (r < 0)
		drain_stop(drain);
	return r;
}

/* Reads input here, as long as a peek shows that no descriptors come with it. */
static void drain_discard_plain(int fd)
{
	char bytes[4096];
	struct fdpass_message message = {.bytes = bytes, .size = sizeof(bytes)};
	for (int i = 0; i < DISCARD_READS; i++) {
		ssize_t count = fdpass_receive(fd, &message, MSG_PEEK | MSG_DONTWAIT);
		if (count <= 0 || message.flags & MSG_CTRUNC ||
			recv(fd, bytes, (size_t)count, MSG_DONTWAIT) < 0)
			return;
	}
}

void drain_close(struct drain *drain, struct drain_entry *entry)
{
	int unread = 0;
	shutdown(entry->fd, SHUT_RDWR); /* no more input can come */
	drain_discard_plain(entry->fd);
	drain->count++;
	if (ioctl(entry->fd, FIONREAD, &unread) == 0 && unread == 0) {
		close(entry->fd);
		drain_report_closed(drain, entry);
		return;
	}
	STAILQ_INSERT_TAIL(&drain->waiting, entry, link);
	drain_queue_waiting(drain);
}

static void drain_report_all_closed(struct drain *drain, struct drain_list *list)
{
	while (!STAILQ_EMPTY(list)) {
		struct drain_entry *entry = STAILQ_FIRST(list);
		STAILQ_REMOVE_HEAD(list, link);
		drain_report_closed(drain, entry);
	}
}

static void drain_cancel_all(struct drain *drain)
{
	struct drain_thread *thread = drain->thread;
	pthread_mutex_lock(&thread->lock);
	thread->stopped = true;
	STAILQ_CONCAT(&drain->waiting, &thread->due);
	STAILQ_CONCAT(&drain->waiting, &thread->done);
	if (thread->current)
		STAILQ_INSERT_TAIL(&drain->waiting, thread->current, link);
	thread->current = NULL;
	pthread_mutex_unlock(&thread->lock);
}

/* The thread needs some ticks for its last socket. If the kernel hangs, the thread is left. */
static void drain_end_thread(struct drain *drain)
{
	const struct timespec end =
		clock_to_timespec(clock_now_usec() + END_SECONDS * CLOCK_SECOND);
	drain_cancel_all(drain);
	sem_post(&drain->thread->work);
	if (pthread_clockjoin_np(drain->thread->id, NULL, CLOCK_MONOTONIC, &end) == 0)
		drain_free_thread(drain);
}

void drain_stop(struct drain *drain)
{
	if (drain->thread)
		drain_end_thread(drain);
	drain_report_all_closed(drain, &drain->waiting);
	drain->answers = sd_event_source_disable_unref(drain->answers);
	drain->retry = sd_event_source_disable_unref(drain->retry);
	if (!drain->thread && drain->answers_fd >= 0)
		close(take_fd(&drain->answers_fd));
	free(drain->next);
	drain->next = NULL;
}

int drain_prepare_rejected(struct drain *drain)
{
	if (drain->rejected_count >= REJECTED_MAX)
		return -EBUSY;
	if (!drain->next)
		drain->next = malloc(sizeof(*drain->next));
	return drain->next ? 0 : -ENOMEM;
}

static void drain_on_rejected_closed(struct drain_entry *entry)
{
	struct drain_rejected *rejected = (struct drain_rejected *)entry;
	rejected->drain->rejected_count--;
	free(rejected);
}

void drain_close_rejected(struct drain *drain, int fd)
{
	struct drain_rejected *rejected = drain->next;
	drain->next = NULL;
	drain->rejected_count++;
	*rejected = (struct drain_rejected){{.fd = fd, .closed = drain_on_rejected_closed}, drain};
	drain_close(drain, &rejected->entry);
}
