/*
 * Connections to the daemon, and error messages about them.
 */
#include "client/viewer/connection.h"

/* A daemon accepts a connection at once; a request can take as long as decoding. */
enum { CONNECT_MS = 5000, REQUEST_MS = -1 };

GQuark connection_error_quark(void)
{
	return g_quark_from_static_string("shmimg-viewer-connection");
}

static void connection_set_connect_error(const char *socket, int result, GError **error)
{
	if (!socket || !*socket)
		socket = g_getenv("SHMIMG_SOCKET");
	g_autofree char *shown = socket && *socket ? g_filename_display_name(socket) : NULL;
	const char *where = shown ? shown : "your own socket or the system's";
	/* ECONNRESET: the daemon ended during the handshake. */
	if (result == -ENOENT || result == -ECONNREFUSED || result == -ECONNRESET)
		g_set_error(error, CONNECTION_ERROR, CONNECTION_NO_DAEMON,
			"No shmimgd runs at %s. Start one, then try again.", where);
	else if (result == -EPERM)
		g_set_error(error, CONNECTION_ERROR, EPERM,
			"The daemon at %s runs as another user, not as you or root, so nothing was "
			"sent to it. Run shmimgctl doctor to find out more.",
			where);
	else
		g_set_error(error, CONNECTION_ERROR, -result,
			"Cannot connect to the daemon at %s: %s. Run shmimgctl doctor to find out "
			"why.",
			where, g_strerror(-result));
}

shmimg_client *connection_open(const char *socket, GError **error)
{
	shmimg_client *client;
	int result = shmimg_connect(&client, socket, CONNECT_MS);
	if (result < 0)
		connection_set_connect_error(socket, result, error);
	else
		shmimg_set_timeout(client, REQUEST_MS);
	return client;
}

void connection_set_error(
	const shmimg_client *client, const char *doing, int result, GError **error)
{
	const char *message = shmimg_message(client);
	g_autofree char *why = g_filename_display_name(*message ? message : g_strerror(-result));
	g_set_error(error, CONNECTION_ERROR, -result, "%s: %s.", doing, why);
}
