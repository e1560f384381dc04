/*
 * One end of the protocol as a benchmark needs it: whole lines, blocking, nothing checked but
 * that the answer is OK. Ends the program when something fails.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/protocol/fit.h"
#include "client/protocol/wire.h"

struct peer {
	int fd;
	size_t length; /* of the last answer, its '\n' included */
	char answer[WIRE_LINE_MAX];
};

/* Connects and says hello, if greet says so. */
void peer_open(struct peer *peer, const char *path, bool greet);
void peer_close(struct peer *peer);

/* Sends lines as they are, with a descriptor unless that is -1. */
void peer_send(struct peer *peer, const char *line, size_t length, int fd);

/* Waits for an answer of one line. */
void peer_receive(struct peer *peer);

/* Both. */
void peer_ask(struct peer *peer, const char *line, size_t length, int fd);

/* As peer_ask(), of a verb with one name in it: "FETCH name=..." */
void peer_ask_name(struct peer *peer, const char *verb, const char *name);

/* Has a file decoded under a name, unpinned. */
void peer_load(struct peer *peer, const char *name, int file);

/* The same, as it fits into a box. */
void peer_load_box(struct peer *peer, const char *name, int file, struct box box);

/* Writes "VERB name=NAME\n"; returns its length. */
size_t peer_request(char line[WIRE_LINE_MAX], const char *verb, const char *name);
