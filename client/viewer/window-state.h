/*
 * What a window has: the type ViewerWindow and its members, for the files that implement it.
 * request.c carries out what the user asks for, updates.c what other programs cause, and
 * window.c builds the window on both.
 */
#pragma once

#include "client/viewer/layout.h"
#include "client/viewer/observer.h"
#include "client/viewer/sidebar.h"
#include "client/viewer/view.h"

#define WINDOW_TITLE "Shared Memory Image Viewer"

/* Signal of the window, without arguments: it shows another view than before. */
#define WINDOW_SHOWN "shown"

#define VIEWER_TYPE_WINDOW viewer_window_get_type()
G_DECLARE_FINAL_TYPE(ViewerWindow, viewer_window, VIEWER, WINDOW, GtkApplicationWindow)

/* Whose arrival makes the shown error untrue. */
enum awaited { AWAITED_NOTHING, AWAITED_DAEMON, AWAITED_IMAGE };

struct _ViewerWindow {
	GtkApplicationWindow parent;
	struct layout layout;
	char *socket;
	struct view_request *request; /* the last one; NULL: the list of images was requested */
	struct view *view;	      /* what is shown, or NULL */
	GCancellable *cancellable;    /* of the running request, or NULL */
	GtkFileChooserNative *files;  /* while it is open */
	ViewerSidebar *sidebar;
	struct observer *observer;
	gboolean is_listed; /* the sidebar has been filled once */
	enum awaited awaited;
};
