/*
 * The list of images at a window's side, with small pictures, kept as it is told. Sets off
 * what was chosen; asks nobody itself but whom it is given.
 */
#pragma once

#include <gtk/gtk.h>

#include "client/viewer/entry.h"

/* Asked to get a small picture of an image, no side longer than side pixels. */
typedef void (*shelf_thumbnail)(gpointer data, CatalogEntry *image, guint side);

/* Somebody wants to see an image. */
typedef void (*shelf_chosen)(gpointer data, CatalogEntry *image);

#define VIEWER_TYPE_SHELF (viewer_shelf_get_type())
G_DECLARE_FINAL_TYPE(ViewerShelf, viewer_shelf, VIEWER, SHELF, GtkBox)

GtkWidget *viewer_shelf_new(shelf_thumbnail want, shelf_chosen chosen, gpointer data);

/* All there is, in place of what was there. Pictures of images that are still there stay. */
void viewer_shelf_set(ViewerShelf *shelf, GListModel *images);

/* Of one image: that it is there, or has a new generation; or has gone. */
void viewer_shelf_put(ViewerShelf *shelf, CatalogEntry *image);
void viewer_shelf_remove(ViewerShelf *shelf, const CatalogEntry *image);

/* Says above the list why it may be out of date; NULL: it is not. */
void viewer_shelf_say_away(ViewerShelf *shelf, const char *why);

/* The image of this name and owner, or NULL. It stays the shelf's. */
CatalogEntry *viewer_shelf_find(ViewerShelf *shelf, const char *name, gint64 owner);

/* Marks the image that is shown. */
void viewer_shelf_mark(ViewerShelf *shelf, const CatalogEntry *image);
