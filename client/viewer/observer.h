/*
 * The observer: a thread that watches the daemon for a window. It tells the window which images
 * there are, waits for a daemon when none runs, makes thumbnails, and asks for the facts of the
 * image that is shown. It touches no widget.
 */
#pragma once

#include "client/viewer/notifier.h"

struct observer;

/* Starts a thread. socket NULL: the default socket. End it with observer_stop(). */
struct observer *observer_start(
	const char *socket, const struct notifier_handlers *handlers, gpointer data);

/* Ends the observer. Does not wait for the thread, which may be waiting for the daemon. */
void observer_stop(struct observer *observer);

/* Asks for a thumbnail, no side longer than side. An image that is gone gets none. */
void observer_request_thumbnail(struct observer *observer, CatalogEntry *image, guint side);

/* Reports the facts of an image once a second from now on; image NULL: of none. */
void observer_inspect(struct observer *observer, CatalogEntry *image, const char *format);
