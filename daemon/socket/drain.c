/*
 * Closes connections that have unread input.
 * See purger.h for what it does and never does.
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

#include "daemon/base/cleanup.h"

enum {
	DISCARD_TURNS = 64,
	RETRY_USEC = 100000,
	RETRY_MSEC = 100,
	TICK_NSEC = 200000, /* that the end of what is unread may take, each time */
	END_SECONDS = 2,
	WAKE_SIGNAL = SIGURG,
};

/* What both threads have. */
struct purger_thread {
	pthread_t id;
	pthread_mutex_t lock;
	struct purge_list due, done;
	struct purge *current; /* that it is at; NULL also when it was given up */
	sem_t work;
	bool stopped;
	int answers; /* eventfd(2): something is done */
};

/* ---- In the thread ---- */

static void drain_on_wake(int signal)
{
	(void)signal;
}

/* The timer whose signal ends what this thread waits for. */
static timer_t drain_make_timer(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = WAKE_SIGNAL};
	timer_t timer;
	event._sigev_un._tid = gettid();
	while (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
		poll(NULL, 0, RETRY_MSEC); /* there is no event for a timer that is free again */
	return timer;
}

static void drain_set_timer(timer_t timer, long nanoseconds)
{
	const struct itimerspec times = {{0, nanoseconds}, {0, nanoseconds}};
	timer_settime(timer, 0, &times, NULL);
}

/* Without room for descriptors: the kernel drops those that come. */
static void drain_discard_all(int fd)
{
	char bytes[4096];
	for (int i = 0; i < DISCARD_TURNS; i++) {
		if (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) == 0)
			return;
	}
}

/* Waits for the next one. Returns its socket, or -1 when there will be none. */
static int drain_take(struct purger_thread *thread)
{
	while (sem_wait(&thread->work) < 0) {
	}
	pthread_mutex_lock(&thread->lock);
	struct purge *purge = thread->stopped ? NULL : STAILQ_FIRST(&thread->due);
	if (purge)
		STAILQ_REMOVE_HEAD(&thread->due, link);
	thread->current = purge;
	int fd = purge ? purge->fd : -1;
	pthread_mutex_unlock(&thread->lock);
	return fd;
}

static void drain_answer(struct purger_thread *thread)
{
	const uint64_t one = 1;
	pthread_mutex_lock(&thread->lock);
	if (thread->current)
		STAILQ_INSERT_TAIL(&thread->done, thread->current, link);
	thread->current = NULL;
	pthread_mutex_unlock(&thread->lock);
	while (write(thread->answers, &one, sizeof(one)) < 0 && errno == EINTR) {
	}
}

static void *drain_run(void *context)
{
	struct purger_thread *thread = context;
	timer_t timer = drain_make_timer();
	int fd;
	while ((fd = drain_take(thread)) >= 0) {
		drain_set_timer(timer, TICK_NSEC);
		drain_discard_all(fd);
		close(fd);
		drain_set_timer(timer, 0);
		drain_answer(thread);
	}
	timer_delete(timer);
	return NULL;
}

/* ---- In the daemon's thread ---- */

static void drain_say_closed(struct purger *purger, struct purge *purge)
{
	purger->count--;
	purge->closed(purge);
}

static int drain_on_answers(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct purger *purger = context;
	struct purger_thread *thread = purger->thread;
	struct purge_list done = STAILQ_HEAD_INITIALIZER(done);
	uint64_t count;
	(void)source;
	(void)events;
	if (read(fd, &count, sizeof(count)) < 0)
		return 0;
	pthread_mutex_lock(&thread->lock);
	STAILQ_CONCAT(&done, &thread->done);
	pthread_mutex_unlock(&thread->lock);
	while (!STAILQ_EMPTY(&done)) {
		struct purge *purge = STAILQ_FIRST(&done);
		STAILQ_REMOVE_HEAD(&done, link);
		drain_say_closed(purger, purge);
	}
	return 0;
}

static void drain_give(struct purger_thread *thread, struct purge *purge)
{
	pthread_mutex_lock(&thread->lock);
	STAILQ_INSERT_TAIL(&thread->due, purge, link);
	pthread_mutex_unlock(&thread->lock);
	sem_post(&thread->work);
}

/* It hears of no other signal. */
static int drain_create(struct purger *purger)
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
		r = pthread_create(&purger->thread->id, &attributes, drain_run, purger->thread);
	pthread_attr_destroy(&attributes);
	return -r;
}

static void drain_free_thread(struct purger *purger)
{
	sem_destroy(&purger->thread->work);
	pthread_mutex_destroy(&purger->thread->lock);
	free(purger->thread);
	purger->thread = NULL;
}

static int drain_start_thread(struct purger *purger)
{
	struct purger_thread *thread = purger->thread = malloc(sizeof(*thread));
	if (!thread)
		return -ENOMEM;
	*thread = (struct purger_thread){.answers = purger->answers_fd};
	STAILQ_INIT(&thread->due);
	STAILQ_INIT(&thread->done);
	sem_init(&thread->work, 0, 0);
	pthread_mutex_init(&thread->lock, NULL);
	int r = drain_create(purger);
	if (r < 0)
		drain_free_thread(purger);
	return r;
}

/* Gives the thread what waits, or tries again later. */
static void drain_hand_on(struct purger *purger)
{
	if (!purger->thread && drain_start_thread(purger) < 0) {
		sd_event_source_set_time_relative(purger->retry, RETRY_USEC);
		sd_event_source_set_enabled(purger->retry, SD_EVENT_ONESHOT);
		return;
	}
	while (!STAILQ_EMPTY(&purger->waiting)) {
		struct purge *purge = STAILQ_FIRST(&purger->waiting);
		STAILQ_REMOVE_HEAD(&purger->waiting, link);
		drain_give(purger->thread, purge);
	}
}

static int drain_on_retry(sd_event_source *source, uint64_t usec, void *context)
{
	(void)source;
	(void)usec;
	drain_hand_on(context);
	return 0;
}

int purger_start(struct purger *purger, sd_event *event)
{
	*purger = (struct purger){.event = event};
	STAILQ_INIT(&purger->waiting);
	purger->answers_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (purger->answers_fd < 0)
		return -errno;
	int r = sd_event_add_io(
		event, &purger->answers, purger->answers_fd, EPOLLIN, drain_on_answers, purger);
	if (r >= 0)
		r = sd_event_add_time_relative(
			event, &purger->retry, CLOCK_MONOTONIC, 0, 0, drain_on_retry, purger);
	if (r >= 0)
		r = sd_event_source_set_enabled(purger->retry, SD_EVENT_OFF);
	if (r < 0)
		purger_stop(purger);
	return r;
}

/* A peek holds on to the descriptors, and tells of them: what has none can be read here. */
static void drain_discard_plain(int fd)
{
	char bytes[4096];
	struct iovec data = {bytes, sizeof(bytes)};
	for (int i = 0; i < DISCARD_TURNS; i++) {
		struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
		ssize_t count = recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT);
		if (count <= 0 || message.msg_flags & MSG_CTRUNC ||
			recv(fd, bytes, (size_t)count, MSG_DONTWAIT) < 0)
			return;
	}
}

/*
 * Input that nobody has read makes the kernel tell the peer of a reset in place of an end: a
 * client that broke the protocol shall see the error that it was sent, and an end.
 */
void purger_close(struct purger *purger, struct purge *purge)
{
	int unread = 0;
	shutdown(purge->fd, SHUT_RDWR); /* now nothing more can come */
	drain_discard_plain(purge->fd);
	purger->count++;
	if (ioctl(purge->fd, FIONREAD, &unread) == 0 && unread == 0) {
		close(purge->fd);
		drain_say_closed(purger, purge);
		return;
	}
	STAILQ_INSERT_TAIL(&purger->waiting, purge, link);
	drain_hand_on(purger);
}

static void drain_leave(struct purger *purger, struct purge_list *list)
{
	while (!STAILQ_EMPTY(list)) {
		struct purge *purge = STAILQ_FIRST(list);
		STAILQ_REMOVE_HEAD(list, link);
		drain_say_closed(purger, purge);
	}
}

static void drain_take_back(struct purger *purger)
{
	struct purger_thread *thread = purger->thread;
	pthread_mutex_lock(&thread->lock);
	thread->stopped = true;
	STAILQ_CONCAT(&purger->waiting, &thread->due);
	STAILQ_CONCAT(&purger->waiting, &thread->done);
	if (thread->current)
		STAILQ_INSERT_TAIL(&purger->waiting, thread->current, link);
	thread->current = NULL;
	pthread_mutex_unlock(&thread->lock);
}

/* What it is at takes some ticks; if the kernel hangs, it goes with the process. */
static void drain_end_thread(struct purger *purger)
{
	struct timespec end;
	drain_take_back(purger);
	sem_post(&purger->thread->work);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += END_SECONDS;
	if (pthread_timedjoin_np(purger->thread->id, NULL, &end) == 0)
		drain_free_thread(purger);
}

void purger_stop(struct purger *purger)
{
	if (purger->thread)
		drain_end_thread(purger);
	drain_leave(purger, &purger->waiting);
	purger->answers = sd_event_source_disable_unref(purger->answers);
	purger->retry = sd_event_source_disable_unref(purger->retry);
	if (!purger->thread && purger->answers_fd >= 0)
		close(take_fd(&purger->answers_fd));
}
