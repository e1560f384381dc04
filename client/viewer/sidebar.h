/*
 * The list of images at a window's side, with small pictures, kept as it is told. Sets off
 * what was chosen; asks nobody itself but whom it is given.
 */
#pragma once

#include <gtk/gtk.h>

#include "client/viewer/entry.h"

/* Asked to get a small picture of an image, no side longer than side pixels. */
typedef void (*sidebar_thumbnail)(gpointer data, CatalogEntry *image, guint side);

/* Somebody wants to see an image. */
typedef void (*sidebar_chosen)(gpointer data, CatalogEntry *image);

#define VIEWER_TYPE_SIDEBAR (viewer_sidebar_get_type())
G_DECLARE_FINAL_TYPE(ViewerSidebar, viewer_sidebar, VIEWER, SIDEBAR, GtkBox)

GtkWidget *viewer_sidebar_new(sidebar_thumbnail want, sidebar_chosen chosen, gpointer data);

/* All there is, in place of what was there. Pictures of images that are still there stay. */
void viewer_sidebar_set(ViewerSidebar *sidebar, GListModel *images);

/* Of one image: that it is there, or has a new generation; or has gone. */
void viewer_sidebar_put(ViewerSidebar *sidebar, CatalogEntry *image);
void viewer_sidebar_remove(ViewerSidebar *sidebar, const CatalogEntry *image);

/* Says above the list why it may be out of date; NULL: it is not. */
void viewer_sidebar_say_away(ViewerSidebar *sidebar, const char *why);

/* The image of this name and owner, or NULL. It stays the sidebar's. */
CatalogEntry *viewer_sidebar_find(ViewerSidebar *sidebar, const char *name, gint64 owner);

/* Marks the image that is shown. */
void viewer_sidebar_mark(ViewerSidebar *sidebar, const CatalogEntry *image);
