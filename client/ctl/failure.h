/*
 * Failed calls of the library, kept, told, and turned into an exit code. Does not decide
 * what is done about one.
 */
#pragma once

#include "client/include/shmimg.h"

enum { FAILURE_MESSAGE_SIZE = 512 };

/* A failed call, kept after its client is gone. */
struct failure {
	int error;     /* negative errno */
	char code[32]; /* as the protocol spells it; "" when the daemon did not refuse */
	char message[FAILURE_MESSAGE_SIZE];
};

/* Keeps what the last call on a client said; client may be NULL. */
struct failure failure_take(const shmimg_client *client, int error);

/* Says what failed, and what can be done about it. Returns the exit code. */
int failure_print(const char *subject, const struct failure *failure);

/* Both of these at once. */
int failure_print_last(const char *subject, const shmimg_client *client, int error);

/* Whether an error means that the daemon has gone, or does not answer. */
int failure_is_loss(int error);
