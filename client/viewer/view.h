/*
 * An image as a window shows it: what is asked for, and what comes of that. Waiting is done
 * in threads of GLib's, each request on a connection of its own. Never touches a widget.
 */
#pragma once

#include <gio/gio.h>

#include "client/include/shmimg.h"
#include "client/viewer/picture.h"

enum view_kind {
	VIEW_FILE,  /* load a file */
	VIEW_IMAGE, /* fetch an image by its name */
	VIEW_EITHER /* load it if there is such a file, else fetch it as shmimgctl(1) does */
};

struct view_request {
	enum view_kind kind;
	char *socket; /* the daemon's; NULL is wherever one is */
	char *text;   /* path or name */
	gint64 owner; /* VIEW_IMAGE: uid of whose image it is; -1: one's own first */
};

/* Copies the strings. */
struct view_request *view_request_new(
	enum view_kind kind, const char *socket, const char *text, gint64 owner);

/* NULL is let pass. */
void view_request_free(struct view_request *request);

struct view {
	struct picture *picture;
	char *name; /* UTF-8 */
	gint64 owner;
	guint64 generation;
	char *about;	       /* size, format, segment: for people */
	shmimg_client *client; /* its pin keeps the daemon from evicting what is shown */
};

/* NULL is let pass. */
void view_free(struct view *view);

/*
 * Fulfils a request in the background and calls back in the main thread, at once when it is
 * cancelled. The request is copied. source lives until then.
 */
void view_obtain(const struct view_request *request, gpointer source, GCancellable *cancellable,
	GAsyncReadyCallback callback, gpointer data);

/* In the callback: the view, which is the caller's, or NULL with an error. */
struct view *view_obtain_finish(GAsyncResult *result, GError **error);
