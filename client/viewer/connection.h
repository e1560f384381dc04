/*
 * Connections to the daemon, and error messages about them. Each call can wait, so the main
 * thread must not make it.
 */
#pragma once

#include <errno.h>
#include <glib.h>

#include "client/include/shmimg.h"

/* Domain of the errors of the daemon and the library; codes are positive errno values. */
#define CONNECTION_ERROR connection_error_quark()
GQuark connection_error_quark(void);

/* The code when no daemon runs. */
#define CONNECTION_NO_DAEMON ECONNREFUSED

/* Connects to a daemon. socket NULL: the default socket. Returns NULL with an error. */
shmimg_client *connection_open(const char *socket, GError **error);

/* Sets the error of a failed call: doing is such as "Cannot list images", result negative. */
void connection_set_error(
	const shmimg_client *client, const char *doing, int result, GError **error);
