/*
 * What a window looks like: its widgets, and the dialog that asks for a file. Knows the
 * names of the window's actions and nothing of images in shared memory.
 */
#pragma once

#include <gtk/gtk.h>

/* Actions of the window that the buttons set off. */
#define LAYOUT_LOAD    "viewer.load"
#define LAYOUT_DISPLAY "viewer.display"
#define LAYOUT_RETRY   "viewer.retry"

/* The widgets that change; all belong to the window. */
struct layout {
	GtkStack *stack; /* the hint, then the picture */
	GtkPicture *picture;
	GtkSpinner *spinner;
	GtkLabel *message;
	GtkWidget *retry;
};

void layout_build(struct layout *layout, GtkWindow *window);

/* Shows an image: its name is what a screen reader says, about what stands below it. */
void layout_show(
	struct layout *layout, GdkPaintable *paintable, const char *name, const char *about);

void layout_say(struct layout *layout, const char *text);
void layout_say_busy(struct layout *layout, const char *text);

/* Says what went wrong, and may offer to try again; an image that is shown stays. */
void layout_say_error(struct layout *layout, const char *text, gboolean again);

/* A dialog that asks for a file; the caller's. */
GtkFileChooserNative *layout_file_dialog(GtkWindow *window);
