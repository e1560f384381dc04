/*
 * The calls on a client: who has the lock, how a call fails, and what happens to the connection
 * then. Each thread has the error of its own last call, so that another thread's call does not
 * change the message while it is read.
 */
#include "client/lib/client.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static _Thread_local struct {
	uint64_t serial; /* of the client, or 0 */
	struct client_failure failure;
} client_last;

static uint64_t client_serials;

int client_init(struct shmimg_client *client)
{
	pthread_condattr_t attributes;
	client->serial = __atomic_add_fetch(&client_serials, 1, __ATOMIC_RELAXED);
	client->failure.code = "";
	client->calls = &client->first;
	client->first.passed = -1;
	int r = pthread_condattr_init(&attributes);
	if (r == 0) {
		pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
		r = pthread_cond_init(&client->changed, &attributes);
		pthread_condattr_destroy(&attributes);
	}
	if (r != 0)
		return -r;
	r = pthread_mutex_init(&client->lock, NULL);
	if (r != 0)
		pthread_cond_destroy(&client->changed);
	return -r;
}

void client_destroy(struct shmimg_client *client)
{
	for (struct call *next, *call = client->calls; call != &client->first; call = next) {
		next = call->next;
		free(call);
	}
	pthread_cond_destroy(&client->changed);
	pthread_mutex_destroy(&client->lock);
}

/* A call that no thread uses. The first one is last in the list. */
static struct call *client_find_call(struct shmimg_client *client)
{
	if (!client->first.active)
		return &client->first;
	struct call *call = client->calls;
	while (call && call->active)
		call = call->next;
	if (call)
		return call;
	call = calloc(1, sizeof(*call));
	if (!call)
		return NULL;
	call->passed = -1;
	call->next = client->calls;
	client->calls = call;
	return call;
}

static void client_publish(struct shmimg_client *client, const struct client_failure *failure)
{
	client->failure = client_last.failure = *failure;
	client_last.serial = client->serial;
}

int client_enter(struct shmimg_client *client)
{
	pthread_mutex_lock(&client->lock);
	struct call *call = client_find_call(client);
	if (!call) {
		client_publish(client, &(struct client_failure){"", true, "out of memory"});
		pthread_mutex_unlock(&client->lock);
		return -ENOMEM;
	}
	call->active = true;
	call->thread = pthread_self();
	call->subject = NULL;
	call->repeated = call->sent = false;
	call->failure.code = "";
	call->failure.message[0] = '\0';
	call->failure.set = false;
	client->call = call;
	return 0;
}

int client_leave(struct shmimg_client *client, int r)
{
	struct call *call = client->call;
	if (r < 0 && call->failure.set)
		client_publish(client, &call->failure);
	if (call->passed >= 0)
		close(call->passed);
	call->passed = -1;
	call->active = call->arrived = call->pending = false;
	client->call = NULL;
	pthread_cond_broadcast(&client->changed);
	pthread_mutex_unlock(&client->lock);
	return r;
}

struct call *client_unlock(struct shmimg_client *client)
{
	struct call *call = client->call;
	client->call = NULL;
	pthread_mutex_unlock(&client->lock);
	return call;
}

void client_lock(struct shmimg_client *client, struct call *call)
{
	pthread_mutex_lock(&client->lock);
	client->call = call;
}

int client_sleep(struct shmimg_client *client, deadline end)
{
	struct call *call = client->call;
	int r = 0;
	if (end == DEADLINE_NEVER) {
		pthread_cond_wait(&client->changed, &client->lock);
	} else {
		struct timespec at = {.tv_sec = end / 1000000000, .tv_nsec = end % 1000000000};
		r = pthread_cond_timedwait(&client->changed, &client->lock, &at);
	}
	client->call = call;
	return r == ETIMEDOUT ? -ETIMEDOUT : 0;
}

bool client_is_handing(const struct shmimg_client *client)
{
	pthread_t self = pthread_self();
	for (const struct call *call = client->calls; call; call = call->next) {
		if (call->active && call->handing && pthread_equal(call->thread, self))
			return true;
	}
	return false;
}

bool client_has_others(const struct shmimg_client *client)
{
	for (const struct call *call = client->calls; call; call = call->next) {
		if (call->active && call != client->call)
			return true;
	}
	return false;
}

/* The error of this thread's last failed call on the client, or else of any thread's. */
const struct client_failure *client_last_failure(const struct shmimg_client *given)
{
	/* shmimg_message() takes a pointer to const. */
	union {
		const struct shmimg_client *read;
		struct shmimg_client *any;
	} pointer = {.read = given};
	struct shmimg_client *client = pointer.any;
	if (client_last.serial != client->serial) {
		pthread_mutex_lock(&client->lock);
		client_last.failure = client->failure;
		client_last.serial = client->serial;
		pthread_mutex_unlock(&client->lock);
	}
	return &client_last.failure;
}

__attribute__((format(printf, 2, 0))) static void client_set_message(
	struct shmimg_client *client, const char *format, va_list arguments)
{
	client->call->failure.code = "";
	client->call->failure.set = true;
	vsnprintf(client->call->failure.message, sizeof(client->call->failure.message), format,
		arguments);
}

int client_fail(struct shmimg_client *client, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	client_set_message(client, format, arguments);
	va_end(arguments);
	return error;
}

/* No more lines come for the requests that are under way. */
static void client_lose_answers(struct shmimg_client *client)
{
	for (struct call *call = client->calls; call; call = call->next) {
		call->lost = call->lost || call->pending;
		call->pending = false;
	}
	pthread_cond_broadcast(&client->changed);
}

int client_lose_refused(struct shmimg_client *client, int error)
{
	client->state =
		error == -EPROTO && !*client->call->failure.code ? CLIENT_BROKEN : CLIENT_LOST;
	client->was_lost = true;
	client->orphan_count = 0;
	pins_lose(&client->pins);
	pins_clear(&client->unwanted);
	channel_discard(&client->channel);
	client_lose_answers(client);
	/* Not closed, so that poll(2) on the descriptor reports the end of the connection. */
	shutdown(client->channel.fd, SHUT_RDWR);
	return error;
}

int client_lose(struct shmimg_client *client, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	client_set_message(client, format, arguments);
	va_end(arguments);
	return client_lose_refused(client, error);
}
