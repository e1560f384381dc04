/*
 * The names of widgets for screen readers, where the name that GTK 4.8 gives is wrong or missing.
 */
#pragma once

#include <gtk/gtk.h>

/* Names the row of a list that has this child. The focus is on rows, not on their children. */
void accessible_name_row(GtkWidget *child, const char *name);

/* Names a button with a mnemonic by its label, without the underscore. */
void accessible_name_button(GtkWidget *button);
