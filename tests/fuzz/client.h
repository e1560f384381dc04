/*
 * Clients of the daemon's connections, in this process: who they are, what they send, what
 * they read. Checks each line and descriptor that they are sent. Decides nothing by itself.
 */
#pragma once

#include "daemon/socket/connection.h"
#include "tests/unit/world.h"

enum { CLIENT_FDS = 3 };

struct client {
	struct connection *connection; /* NULL: there is none */
	struct world *world;
	uid_t uid;
	gid_t gid;
	int socket;	     /* the client's end */
	bool awake;	     /* the connection wants a turn */
	int fds[CLIENT_FDS]; /* that go with the next line */
	unsigned fd_count;
	char partial[WIRE_LINE_MAX]; /* of a line that is not read whole yet */
	size_t length;
	unsigned asked;	   /* whole lines that it has sent */
	unsigned answered; /* replies that it has read */
};

/* A client that is not connected yet. */
void client_init(struct client *client, struct world *world, uid_t uid, gid_t gid);

/* Sends text, with the descriptors that were attached; connects first if need be. */
void client_send(struct client *client, const uint8_t *text, size_t size);

/* Attaches a descriptor, which is taken over. */
void client_attach(struct client *client, int fd);

/* Reads all that there is. Returns whether there was something. */
bool client_read(struct client *client);

/* Whether each line that it has sent was answered, or the connection has ended. */
bool client_is_content(const struct client *client);

/* Says that it sends nothing more. */
void client_finish(struct client *client);

/* Goes away. */
void client_leave(struct client *client);

/* Gives its connection a turn, if the server would. Returns whether it did. */
bool client_turn(struct client *client);
