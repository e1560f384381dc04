/*
 * A view: an image as a window shows it, and the request for it. Each request runs in a thread of
 * GLib's, on a connection of its own.
 */
#pragma once

#include <gio/gio.h>

#include "client/include/shmimg.h"
#include "client/viewer/picture.h"

enum view_kind {
	VIEW_FILE,  /* load a file */
	VIEW_IMAGE, /* fetch an image by its name */
	VIEW_EITHER /* load the file if it exists, else fetch as shmimgctl(1) does */
};

struct view_request {
	enum view_kind kind;
	char *socket; /* NULL: the default socket */
	char *text;   /* path or name */
	gint64 owner; /* VIEW_IMAGE: the owner's uid; -1: this user's image, else a shared one */
};

/* Copies the strings. */
struct view_request *view_request_new(
	enum view_kind kind, const char *socket, const char *text, gint64 owner);

/* NULL is ignored. */
void view_request_free(struct view_request *request);

struct view {
	struct picture *picture;
	char *name; /* UTF-8 */
	gint64 owner;
	guint64 generation;
	char *about;	       /* size and format, for the user */
	shmimg_client *client; /* its pin keeps the image from being evicted */
};

/* NULL is ignored. */
void view_free(struct view *view);

/*
 * Carries out a request in the background, and calls back in the main thread; at once when it is
 * cancelled. Copies the request, and holds a reference to source until the callback.
 */
void view_obtain(const struct view_request *request, gpointer source, GCancellable *cancellable,
	GAsyncReadyCallback callback, gpointer data);

/* In the callback: the view, which the caller owns, or NULL with an error. */
struct view *view_obtain_finish(GAsyncResult *result, GError **error);
