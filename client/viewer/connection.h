/*
 * Connections to the daemon, and failures on them as sentences for people. Everything here
 * may wait: never for the main thread.
 */
#pragma once

#include <errno.h>
#include <glib.h>

#include "client/include/shmimg.h"

/* Domain of all errors that the daemon or the library tells; codes are errno, above 0. */
#define CONNECTION_ERROR connection_error_quark()
GQuark connection_error_quark(void);

/* The code when no daemon is there. */
#define CONNECTION_NO_DAEMON ECONNREFUSED

/* Connects to the daemon at a socket; NULL is wherever one is. Returns NULL with an error. */
shmimg_client *connection_open(const char *socket, GError **error);

/* Tells what failed on a client: doing is such as "Cannot list images", result an errno < 0. */
void connection_complain(
	const shmimg_client *client, const char *doing, int result, GError **error);
