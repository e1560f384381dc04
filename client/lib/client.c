/*
 * Connection: where the daemon is, the greeting, and what went wrong last.
 * See client.h for what it does and never does.
 */
#include "client/lib/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "client/lib/call.h"
#include "client/protocol/name.h"

#define PROTOCOL "1"

__attribute__((format(printf, 2, 0))) static void set_message(
	struct shmimg_client *client, const char *format, va_list arguments)
{
	client->code = "";
	vsnprintf(client->message, sizeof(client->message), format, arguments);
}

int client_fail(struct shmimg_client *client, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	set_message(client, format, arguments);
	va_end(arguments);
	return error;
}

int client_lose(struct shmimg_client *client, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	set_message(client, format, arguments);
	va_end(arguments);
	client->lost = true;
	channel_discard(&client->channel);
	shutdown(client->channel.fd, SHUT_RDWR);
	return error;
}

/* The daemon's uid and version from its answer to HELLO. */
static int read_greeting(struct shmimg_client *client)
{
	const struct wire_line *reply = &client->reply;
	const char *protocol = wire_get(reply, "protocol");
	const char *version = wire_get(reply, "version");
	const char *uid = wire_get(reply, "uid");
	uint64_t number;
	if (!protocol || strcmp(protocol, PROTOCOL) != 0)
		return -EPROTO;
	if (!version || strlen(version) >= sizeof(client->version))
		return -EPROTO;
	if (!uid || wire_number(uid, UINT32_MAX, &number) < 0)
		return -EPROTO;
	client->said_uid = (uid_t)number;
	memcpy(client->version, version, strlen(version) + 1);
	return 0;
}

static int greet(struct shmimg_client *client)
{
	struct wire_writer writer;
	int r = call_begin(client, &writer, "HELLO");
	if (r < 0)
		return r;
	wire_add(&writer, "protocol", PROTOCOL);
	r = call_ask(client, &writer, -1, NULL);
	return r < 0 ? r : read_greeting(client);
}

/*
 * Opens the caller's socket, or the one of the first place where there is one. Programs
 * with more rights than their caller do not let the environment say where.
 */
static int open_default(struct channel *channel, deadline end)
{
	const char *told = secure_getenv("SHMIMG_SOCKET");
	if (told && *told)
		return channel_open(channel, told, end);
	char path[4096];
	if (secure_getenv("XDG_RUNTIME_DIR") && name_user_socket(path, sizeof(path)) == 0) {
		int r = channel_open(channel, path, end);
		if (r != -ENOENT && r != -ENOTDIR && r != -ENAMETOOLONG)
			return r;
	}
	return channel_open(channel, SOCKET_SYSTEM, end);
}

int shmimg_connect(shmimg_client **result, const char *path, int timeout_ms)
{
	*result = NULL;
	struct shmimg_client *client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->timeout_ms = timeout_ms;
	client->code = "";
	client->channel.fd = client->channel.passed = -1;
	deadline end = deadline_after(timeout_ms);
	int r = path ? channel_open(&client->channel, path, end)
		     : open_default(&client->channel, end);
	if (r == 0)
		r = greet(client);
	if (r < 0) {
		shmimg_close(client);
		return r;
	}
	*result = client;
	return 0;
}

void shmimg_close(shmimg_client *client)
{
	if (!client)
		return;
	channel_close(&client->channel);
	free(client);
}

int shmimg_fd(const shmimg_client *client)
{
	return client->channel.fd;
}

void shmimg_set_timeout(shmimg_client *client, int timeout_ms)
{
	client->timeout_ms = timeout_ms;
}

const char *shmimg_message(const shmimg_client *client)
{
	return client->message;
}

const char *shmimg_code(const shmimg_client *client)
{
	return client->code;
}

const char *shmimg_daemon_version(const shmimg_client *client)
{
	return client->version;
}
