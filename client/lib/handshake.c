/*
 * The handshake.
 */
#include "client/lib/handshake.h"

#include <errno.h>
#include <string.h>

#include "client/lib/cleanup.h"
#include "client/lib/internal-request.h"

#define PROTOCOL "1"

/* Reads the daemon's uid and version. Returns whether the reply is valid. */
static bool handshake_read_reply(struct shmimg_client *client)
{
	const struct wire_line *reply = &client->call->reply;
	const char *protocol = wire_get(reply, "protocol");
	const char *version = wire_get(reply, "version");
	const char *uid = wire_get(reply, "uid");
	uint64_t number;
	if (!protocol || strcmp(protocol, PROTOCOL) != 0)
		return false;
	if (!version || strlen(version) >= sizeof(client->version))
		return false;
	if (!uid || wire_number(uid, UINT32_MAX, &number) < 0)
		return false;
	client->reported_uid = (uid_t)number;
	memcpy(client->version, version, strlen(version) + 1);
	return true;
}

/* What the daemon can do, of what the library uses. */
static unsigned handshake_read_features(const struct shmimg_client *client)
{
	static const struct {
		const char *word;
		unsigned feature;
	} known[] = {
		{"id", FEATURE_ID},
		{"quiet", FEATURE_QUIET},
		{"cancel", FEATURE_CANCEL},
		{"descriptors", FEATURE_DESCRIPTORS},
	};
	const char *words = wire_get(&client->call->reply, "features");
	unsigned features = 0;
	for (size_t size; words; words = words[size] ? words + size + 1 : NULL) {
		size = strcspn(words, ",");
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
			if (strlen(known[i].word) == size &&
				memcmp(words, known[i].word, size) == 0)
				features |= known[i].feature;
		}
	}
	return features;
}

/*
 * This process cannot open the board by its name, for example in a container: asks the daemon for a
 * descriptor. A client can do without a board. Returns 0, or the error that ended the connection.
 */
static int handshake_ask_board(struct shmimg_client *client, int *board)
{
	struct call *call = client->call;
	struct client_failure before = call->failure;
	struct wire_writer writer;
	internal_request_begin(client, &writer, "HELLO");
	wire_add(&writer, "protocol", PROTOCOL);
	wire_add(&writer, "fd", "yes");
	call->wants_fd = true;
	int r = internal_request_run(client, &writer);
	if (r < 0 && client->state != CLIENT_OPEN)
		return r;
	call->failure = before;
	*board = call->passed;
	call->passed = -1;
	return 0;
}

/* The board's slots say whether a cached image is the newest. Another board, an empty cache. */
static int handshake_open_board(struct shmimg_client *client, unsigned features)
{
	struct makers makers = {.peer = client->channel.peer, .reported = client->reported_uid};
	const char *name = wire_get(&client->call->reply, "board");
	CLOSED int board = name ? board_view_find(name) : -1;
	if ((board == -ENOENT || board == -EACCES) && features & FEATURE_DESCRIPTORS) {
		int r = handshake_ask_board(client, &board);
		if (r < 0)
			return r;
	}
	if (!board_view_open(&client->board, board, &makers))
		mapping_cache_clear(&client->cache);
	return 0;
}

int handshake(struct shmimg_client *client)
{
	struct wire_writer writer;
	client->state = CLIENT_OPEN;
	client->features = 0;
	internal_request_begin(client, &writer, "HELLO");
	wire_add(&writer, "protocol", PROTOCOL);
	int r = internal_request_run(client, &writer);
	if (r < 0)
		return client->state == CLIENT_OPEN ? client_lose_refused(client, r) : r;
	if (!handshake_read_reply(client))
		return client_lose(client, -EPROTO,
			"the program that answers is not shmimgd, or uses another protocol");
	unsigned features = handshake_read_features(client);
	r = handshake_open_board(client, features);
	if (r < 0)
		return r;
	client->features = features;
	client->last_id = 0;
	return 0;
}
