/*
 * What screen readers say of widgets, where GTK 4.8 says less or more than what one sees.
 * Knows nothing of images.
 */
#pragma once

#include <gtk/gtk.h>

/* Gives the row of a list, whose child this is, a name: rows have the focus, children not. */
void accessible_name_row(GtkWidget *child, const char *name);

/* Has the name of a button with a mnemonic be what it shows, without the underscore. */
void accessible_name_button(GtkWidget *button);
