/*
 * How a call on a client fails, and what happens to its connection then.
 */
#include "client/lib/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

__attribute__((format(printf, 2, 0))) static void client_set_message(
	struct shmimg_client *client, const char *format, va_list arguments)
{
	client->failure.code = "";
	vsnprintf(client->failure.message, sizeof(client->failure.message), format, arguments);
}

int client_fail(struct shmimg_client *client, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	client_set_message(client, format, arguments);
	va_end(arguments);
	return error;
}

int client_lose_refused(struct shmimg_client *client, int error)
{
	client->state = error == -EPROTO && !*client->failure.code ? CLIENT_BROKEN : CLIENT_LOST;
	client->was_lost = true;
	pins_lose(&client->pins);
	channel_discard(&client->channel);
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
