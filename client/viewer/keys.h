/*
 * The window's keys: the action of each, and the help that lists them.
 */
#pragma once

#include <gtk/gtk.h>

/* Binds the keys of a class of windows to its actions. */
void keys_bind(GtkWidgetClass *class);

/* A help that lists all keys. The caller owns it. */
GtkShortcutsWindow *keys_help(void);
