/*
 * Clients of the daemon's connections, in this process. They send what the target says, and check
 * each line and descriptor that they receive.
 */
#pragma once

#include "daemon/socket/connection.h"
#include "tests/unit/world.h"

enum { CLIENT_FDS = 3 };

struct client {
	struct connection *connection; /* NULL: not connected */
	struct world *world;
	uid_t uid;
	gid_t gid;
	int socket;	     /* the client's end */
	bool awake;	     /* the connection waits for its turn */
	int fds[CLIENT_FDS]; /* sent with the next line */
	unsigned fd_count;
	char partial[WIRE_LINE_MAX]; /* the start of a line whose end is not read yet */
	size_t length;
	unsigned asked;	   /* complete lines that were sent */
	unsigned answered; /* replies that were read */
	bool may_be_quiet; /* it may have sent quiet=, and then not each line is answered */
};

/* A client that is not connected yet. */
void client_init(struct client *client, struct world *world, uid_t uid, gid_t gid);

/* Sends text with the attached descriptors. Connects first if it is not connected. */
void client_send(struct client *client, const uint8_t *text, size_t size);

/* Attaches a descriptor and owns it from now on. */
void client_attach(struct client *client, int fd);

/* Reads everything that was sent to it. Returns whether there was anything. */
bool client_read(struct client *client);

/* Whether each line was answered, or the connection has ended. */
bool client_is_content(const struct client *client);

/* Shuts its end down for sending. */
void client_finish(struct client *client);

/* Disconnects. */
void client_leave(struct client *client);

/* Gives its connection a turn, if the server would do so. Returns whether it did. */
bool client_turn(struct client *client);
