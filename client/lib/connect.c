/*
 * The public face of a client: it finds the daemon's socket, connects, closes, and has the
 * client's settings and its last error.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/lib/client.h"
#include "client/lib/handshake.h"
#include "client/protocol/name.h"

/*
 * Connects to $SHMIMG_SOCKET, or else to the user's socket if it exists, or else to the
 * system's. A set-user-ID program ignores the environment.
 */
static int connect_open_default(struct channel *channel, deadline end)
{
	const char *chosen = secure_getenv("SHMIMG_SOCKET");
	if (chosen && *chosen)
		return channel_open(channel, chosen, end);
	char path[4096];
	if (name_user_socket(path, sizeof(path)) == 0) {
		int r = channel_open(channel, path, end);
		if (r != -ENOENT && r != -ENOTDIR && r != -ENAMETOOLONG)
			return r;
	}
	return channel_open(channel, SOCKET_SYSTEM, end);
}

static int connect_begin(struct shmimg_client *client, const char *path)
{
	int r = client_enter(client);
	if (r < 0)
		return r;
	deadline end = client->call->end = deadline_after(client->timeout_ms);
	r = path ? channel_open(&client->channel, path, end)
		 : connect_open_default(&client->channel, end);
	if (r == 0)
		r = handshake(client);
	return client_leave(client, r);
}

int shmimg_connect(shmimg_client **result, const char *path, int timeout_ms)
{
	*result = NULL;
	struct shmimg_client *client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->timeout_ms = timeout_ms;
	client->uid = geteuid();
	client->cache.bytes_max = MAPPING_CACHE_BYTES_DEFAULT;
	client->channel.fd = -1;
	int r = client_init(client);
	if (r < 0) {
		free(client);
		return r;
	}
	r = connect_begin(client, path);
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
	pins_clear(&client->pins);
	mapping_cache_clear(&client->cache);
	board_view_close(&client->board);
	pins_clear(&client->unwanted);
	free(client->match);
	client_destroy(client);
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

void shmimg_set_kept(shmimg_client *client, size_t bytes)
{
	pthread_mutex_lock(&client->lock);
	mapping_cache_set_limit(&client->cache, bytes);
	pthread_mutex_unlock(&client->lock);
}

void shmimg_set_spin(shmimg_client *client, unsigned microseconds)
{
	client->channel.spin_us = microseconds;
}

const char *shmimg_message(const shmimg_client *client)
{
	return client_last_failure(client)->message;
}

const char *shmimg_code(const shmimg_client *client)
{
	return client_last_failure(client)->code;
}

const char *shmimg_daemon_version(const shmimg_client *client)
{
	return client->version;
}
