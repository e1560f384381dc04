/*
 * A failed call of the library: its error code and message, for printing and for the exit code.
 */
#pragma once

#include "client/include/shmimg.h"

enum { FAILURE_MESSAGE_SIZE = 512 };

/* A failed call. Stays valid after its client was closed. */
struct failure {
	int error;     /* negative errno */
	char code[32]; /* the protocol's error code; "" when the daemon did not refuse */
	char message[FAILURE_MESSAGE_SIZE];
};

/* The failure of the last call on a client, which may be NULL. */
struct failure failure_take(const shmimg_client *client, int error);

/* Prints what failed and what to do about it. Returns the exit code. */
int failure_print(const char *subject, const struct failure *failure);

/* Takes and prints the failure of the last call on a client. Returns the exit code. */
int failure_print_last(const char *subject, const shmimg_client *client, int error);

/* Whether an error means that the daemon is gone. */
int failure_is_loss(int error);
