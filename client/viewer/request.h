/*
 * The requests of a window: what the user asks it to show, from the wait to the image or the
 * error. A new request cancels the one before it.
 */
#pragma once

#include "client/viewer/window-state.h"

/* Requests a file or an image, and shows it when it is there. */
void request_view(ViewerWindow *window, enum view_kind kind, const char *text, gint64 owner);

/* Makes the last request again. */
void request_repeat(ViewerWindow *window);

/*
 * Starts another kind of request and shows busy while it runs. Returns its cancellable, which
 * stays the window's.
 */
GCancellable *request_begin(ViewerWindow *window, const char *busy);

/* Ends the request, if there is one. Its callback still comes, with G_IO_ERROR_CANCELLED. */
void request_cancel(ViewerWindow *window);

/* Ends the request with an error message. again: offers to try again. */
void request_show_error(ViewerWindow *window, const char *message, gboolean again);

/* Ends the request with an error; does nothing if the request was cancelled. */
void request_fail(ViewerWindow *window, const GError *error);

/* Ends the request without a result: shows again what the window shows. */
void request_clear_error(ViewerWindow *window);

/* Shows a view, takes it over, and emits the window's signal WINDOW_SHOWN. */
void request_show(ViewerWindow *window, struct view *view);

/* Enables or disables the keys and buttons that zoom. */
void request_enable_zoom(ViewerWindow *window, gboolean enabled);
