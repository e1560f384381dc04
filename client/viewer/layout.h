/*
 * What a window looks like: its widgets, and the dialog that asks for a file. Knows the
 * names of the window's actions and nothing of images in shared memory.
 */
#pragma once

#include <gtk/gtk.h>

#include "client/viewer/canvas.h"
#include "client/viewer/facts.h"

/* Actions of the window that the buttons set off. */
#define LAYOUT_LOAD    "viewer.load"
#define LAYOUT_DISPLAY "viewer.display"
#define LAYOUT_RETRY   "viewer.retry"

/* Those of the keys and the small buttons. */
#define LAYOUT_ZOOM_IN	"viewer.zoom-in"
#define LAYOUT_ZOOM_OUT "viewer.zoom-out"
#define LAYOUT_ACTUAL	"viewer.actual-size"
#define LAYOUT_FIT	"viewer.fit"
#define LAYOUT_SIDEBAR	"viewer.sidebar"

/* The widgets that change; all belong to the window. */
struct layout {
	GtkStack *stack; /* the hint, then the picture */
	ViewerCanvas *canvas;
	GtkWidget *side; /* the list and the facts */
	struct facts *facts;
	GtkSpinner *spinner;
	GtkLabel *message;
	GtkWidget *retry;
	GtkWidget *zoom; /* the small buttons */
};

/* sidebar is the list of images. */
void layout_build(struct layout *layout, GtkWindow *window, GtkWidget *sidebar);

/* Shows an image: its name is what a screen reader says, about what stands below it. */
void layout_show(
	struct layout *layout, struct picture *picture, const char *name, const char *about);

void layout_show_message(struct layout *layout, const char *text);
void layout_show_busy(struct layout *layout, const char *text);

/* Says what went wrong, and may offer to try again; an image that is shown stays. */
void layout_show_error(struct layout *layout, const char *text, gboolean again);

/* A dialog that asks for a file; the caller's. */
GtkFileChooserNative *layout_file_dialog(GtkWindow *window);
