/*
 * The layout of a window: its widgets, and the dialog that asks for a file.
 */
#pragma once

#include <gtk/gtk.h>

#include "client/viewer/canvas.h"
#include "client/viewer/facts.h"

/* Actions of the window, which the buttons activate. */
#define LAYOUT_LOAD    "viewer.load"
#define LAYOUT_DISPLAY "viewer.display"
#define LAYOUT_RETRY   "viewer.retry"

/* Actions of the keys and the small buttons. */
#define LAYOUT_ZOOM_IN	"viewer.zoom-in"
#define LAYOUT_ZOOM_OUT "viewer.zoom-out"
#define LAYOUT_ACTUAL	"viewer.actual-size"
#define LAYOUT_FIT	"viewer.fit"
#define LAYOUT_SIDEBAR	"viewer.sidebar"

/* The widgets that change. The window owns them. */
struct layout {
	GtkStack *stack; /* the hint, then the picture */
	ViewerCanvas *canvas;
	GtkWidget *side; /* the sidebar, and the facts below it */
	struct facts *facts;
	GtkSpinner *spinner;
	GtkLabel *message;
	GtkWidget *retry;
	GtkWidget *zoom; /* the small buttons */
};

/* Builds the widgets of a window around its sidebar. */
void layout_build(struct layout *layout, GtkWindow *window, GtkWidget *sidebar);

/* Shows an image; name is its name for screen readers, about the text below it. */
void layout_show(
	struct layout *layout, struct picture *picture, const char *name, const char *about);

void layout_show_message(struct layout *layout, const char *text);
void layout_show_busy(struct layout *layout, const char *text);

/* Shows an error below the image, which stays; again: with the button "Try Again". */
void layout_show_error(struct layout *layout, const char *text, gboolean again);

/* A dialog that asks for a file. The caller owns it. */
GtkFileChooserNative *layout_file_dialog(GtkWindow *window);
