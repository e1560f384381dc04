/*
 * The window's keys: what each sets off, and the help that lists them. Knows the names of the
 * window's actions and not what these do.
 */
#pragma once

#include <gtk/gtk.h>

/* Binds the keys of a class of windows to its actions. */
void keys_bind(GtkWidgetClass *class);

/* A help that lists all keys, which is the caller's. */
GtkShortcutsWindow *keys_help(void);
