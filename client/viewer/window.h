/*
 * The window: the two buttons of Qt's Shared Memory Example, the image, and what went wrong.
 * Never waits for the daemon: view.h and catalog.h do that in threads.
 */
#pragma once

#include <gtk/gtk.h>

#define VIEWER_TYPE_WINDOW viewer_window_get_type()
G_DECLARE_FINAL_TYPE(ViewerWindow, viewer_window, VIEWER, WINDOW, GtkApplicationWindow)

/* A window that asks the daemon at this socket; NULL is wherever one is. */
ViewerWindow *viewer_window_new(GtkApplication *application, const char *socket);

/* Shows the file or image that the command line names; exact: an image of just this name. */
void viewer_window_open(ViewerWindow *window, const char *operand, gboolean exact);
