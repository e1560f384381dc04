/*
 * The window: two buttons, the image, the sidebar, and error messages. It never waits for the
 * daemon: view.c and catalog.c do that in threads.
 */
#pragma once

#include <gtk/gtk.h>

/* A window that uses the daemon at this socket; NULL: the default socket. */
GtkWindow *window_new(GtkApplication *application, const char *socket);

/* Shows an operand of the command line; exact: it is an image's name, never a file's path. */
void window_open(GtkWindow *window, const char *operand, gboolean exact);
