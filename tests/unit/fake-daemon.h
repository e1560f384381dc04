/*
 * A daemon for tests of the library: listens on a private socket, takes a connection and
 * plays a script on it in a thread of its own; the script may have it die and come back.
 * Knows no image and no command by itself.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "client/include/shmimg.h"

/* Milliseconds: more than any answer takes, less than a test may. */
enum { FAKE_TIMEOUT = 20000 };

struct fake;

/* What the daemon does once a client has connected. */
typedef void fake_script(struct fake *fake, void *context);

struct fake {
	char folder[32];
	char path[48]; /* of the socket */
	int listener;
	int connection;
	pthread_t thread;
	bool running;
	fake_script *script;
	void *context;
	char fault[512]; /* the first thing that was not as the script expects, or "" */
};

void fake_start(struct fake *fake, fake_script *script, void *context);

/* Waits for the script's end and removes the socket. Returns what went wrong, or "". */
const char *fake_stop(struct fake *fake);

/* Starts a daemon and connects to it, which must succeed. */
shmimg_client *fake_connect(struct fake *fake, fake_script *script, void *context);

/* Ends a conversation: the script must have heard all that it expects. */
void fake_finish(struct fake *fake, shmimg_client *client);

/* For cmocka: *state is a struct fake that is not started. */
int fake_setup(void **state);
int fake_teardown(void **state);

/* For scripts. */

enum { FAKE_LINE_MAX = 16385 };

/* Receives a line, and a descriptor, which is the caller's, or -1. Returns false at the end. */
bool fake_read(struct fake *fake, char line[FAKE_LINE_MAX], int *fd);

/* Receives a line and compares it, without its '\n'. */
bool fake_hear(struct fake *fake, const char *line);

/* As fake_hear(), of a line that a descriptor comes with, which is the caller's then. */
bool fake_hear_with(struct fake *fake, const char *line, int *fd);

/* Waits for the client to end the connection. */
void fake_hear_end(struct fake *fake);

/* Ends the connection, if there is one, and takes the next. Returns whether one came. */
bool fake_accept(struct fake *fake);

/* Dies as by SIGKILL: connection and listener are gone, and the socket's file is there. */
void fake_die(struct fake *fake);

/* Listens again after fake_die(). */
void fake_listen(struct fake *fake);

/* The whole of a script: answers HELLO and waits for the end. */
void fake_handshake_and_wait(struct fake *fake, void *context);

/* Answers HELLO as a daemon with this process's uid. */
void fake_handshake(struct fake *fake);

/* As fake_handshake(), of a daemon that has these features, with commas between. */
void fake_handshake_with(struct fake *fake, const char *features);

/* Sends text as it is. */
void fake_say(struct fake *fake, const char *text);

/* Sends text with descriptors beside it. */
void fake_say_with(struct fake *fake, const char *text, const int *fds, size_t count);
