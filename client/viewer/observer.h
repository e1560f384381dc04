/*
 * What becomes of the images in shared memory, told as it happens: a thread of its own
 * watches the daemon, waits for one that has gone, makes small pictures, and asks again and
 * again about the image that is looked at. Never touches a widget.
 */
#pragma once

#include "client/viewer/entry.h"

struct observer;

/*
 * Called in the main thread, in the order of what happened, and not any more once
 * observer_stop() has returned.
 */
struct observer_handlers {
	/* The daemon is there, with these images (of CatalogEntry): the first call, and after
	 * its absence or when events were lost. */
	void (*list)(gpointer data, GListModel *images);
	/* An image was loaded, or changed. */
	void (*put)(gpointer data, CatalogEntry *image);
	/* An image has gone: "dropped" or "evicted". */
	void (*gone)(gpointer data, CatalogEntry *image, const char *how);
	/* There is no daemon, and why; it is looked for. */
	void (*away)(gpointer data, const char *why);
	/* The keys of STAT and their values in turn, of the image that is inspected; NULL when
	 * it has gone. */
	void (*facts)(gpointer data, const char *const *facts);
	/* The small picture that was asked for. */
	void (*thumbnail)(gpointer data, CatalogEntry *image, GdkTexture *picture);
};

/* Begins. socket NULL is wherever a daemon is. For observer_stop(). */
struct observer *observer_start(
	const char *socket, const struct observer_handlers *handlers, gpointer data);

/* Ends without waiting for the thread, which may be waiting for the daemon. */
void observer_stop(struct observer *observer);

/* Asks for a small picture of an image, no side longer than side; none comes if it has gone. */
void observer_want_thumbnail(struct observer *observer, CatalogEntry *image, guint side);

/* Has facts told of an image, once a second from now on; image NULL: of none. */
void observer_inspect(struct observer *observer, CatalogEntry *image, const char *format);
