/*
 * What a window has, and what its parts ask of each other: window.c does what people ask
 * for, follow.c what other programs cause.
 */
#pragma once

#include "client/viewer/layout.h"
#include "client/viewer/observer.h"
#include "client/viewer/shelf.h"
#include "client/viewer/view.h"
#include "client/viewer/window.h"

/* What will have made the complaint that is shown untrue. */
enum awaited { AWAITED_NOTHING, AWAITED_DAEMON, AWAITED_IMAGE };

struct _ViewerWindow {
	GtkApplicationWindow parent;
	struct layout layout;
	char *socket;
	struct wish *wish;	     /* the last, for another try; NULL: the list was asked for */
	struct view *view;	     /* what is shown, or NULL */
	GCancellable *cancellable;   /* of the request under way, or NULL */
	GtkFileChooserNative *files; /* while it is open */
	ViewerShelf *shelf;
	struct observer *observer;
	gboolean is_listed; /* the shelf was filled once */
	enum awaited awaited;
};

/* Wants something, which takes the place of whatever was wanted before. */
void window_want(ViewerWindow *window, enum wish_kind kind, const char *text, gint64 owner);

/* Fulfils the wish that the window has; again, when a try has failed. */
void window_obtain(ViewerWindow *window);

/* Takes back a complaint, and says again what is shown. */
void window_calm(ViewerWindow *window);

/* Shows a view, which is the window's from then on. */
void window_show(ViewerWindow *window, struct view *view);
