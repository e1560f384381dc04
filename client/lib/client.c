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

/* So many calls are kept for their threads before one is passed on to another thread. */
enum { CALLS_KEPT = 16 };

int client_init(struct shmimg_client *client)
{
	pthread_condattr_t attributes;
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

static struct call *client_add_call(struct shmimg_client *client)
{
	struct call *call = calloc(1, sizeof(*call));
	if (!call)
		return NULL;
	call->passed = -1;
	call->next = client->calls;
	client->calls = call;
	return call;
}

/* A call that no thread uses: the one that this thread had before, or else a new one. */
static struct call *client_find_call(struct shmimg_client *client)
{
	struct call *idle = NULL;
	unsigned count = 0;
	for (struct call *call = client->calls; call; call = call->next) {
		if (!call->active && (!call->used || pthread_equal(call->thread, pthread_self())))
			return call;
		idle = call->active ? idle : call;
		count++;
	}
	struct call *added = idle && count >= CALLS_KEPT ? NULL : client_add_call(client);
	return added ? added : idle;
}

static void client_publish(struct shmimg_client *client, struct call *call)
{
	client->failure = call->last = call->failure;
	call->last_number = ++client->failures;
}

int client_enter(struct shmimg_client *client)
{
	pthread_mutex_lock(&client->lock);
	struct call *call = client_find_call(client);
	if (!call) {
		client->failure = (struct client_failure){"", true, "out of memory"};
		pthread_mutex_unlock(&client->lock);
		return -ENOMEM;
	}
	if (!call->used || !pthread_equal(call->thread, pthread_self()))
		call->last_number = 0;
	call->active = call->used = true;
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
		client_publish(client, call);
	if (call->passed >= 0)
		close(call->passed);
	call->passed = -1;
	call->active = call->arrived = call->pending = false;
	client->call = NULL;
	/* Whoever waits has a call, too. */
	if (client->calls != &client->first)
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
	const struct client_failure *last = &client->failure;
	uint64_t number = 0;
	pthread_mutex_lock(&client->lock);
	for (const struct call *call = client->calls; call; call = call->next) {
		if (call->last_number > number && pthread_equal(call->thread, pthread_self())) {
			last = &call->last;
			number = call->last_number;
		}
	}
	pthread_mutex_unlock(&client->lock);
	return last;
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
