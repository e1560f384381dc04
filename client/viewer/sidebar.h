/*
 * The sidebar: the list of images with their thumbnails. Others keep it up to date; it requests
 * thumbnails and reports the chosen image by callbacks.
 */
#pragma once

#include <gtk/gtk.h>

#include "client/viewer/entry.h"

/* The sidebar needs a thumbnail, no side longer than side pixels. */
typedef void (*sidebar_thumbnail)(gpointer data, CatalogEntry *image, guint side);

/* The user chose an image. */
typedef void (*sidebar_chosen)(gpointer data, CatalogEntry *image);

#define VIEWER_TYPE_SIDEBAR (viewer_sidebar_get_type())
G_DECLARE_FINAL_TYPE(ViewerSidebar, viewer_sidebar, VIEWER, SIDEBAR, GtkBox)

GtkWidget *viewer_sidebar_new(sidebar_thumbnail request, sidebar_chosen chosen, gpointer data);

/* Replaces the list. Images that stay in the list keep their thumbnails. */
void viewer_sidebar_set(ViewerSidebar *sidebar, GListModel *images);

/* Adds an image or updates its generation; removes an image. */
void viewer_sidebar_put(ViewerSidebar *sidebar, CatalogEntry *image);
void viewer_sidebar_remove(ViewerSidebar *sidebar, const CatalogEntry *image);

/* Shows above the list why it may be out of date; NULL: it is up to date. */
void viewer_sidebar_show_away(ViewerSidebar *sidebar, const char *why);

/* The image of this name and owner, or NULL. The sidebar owns it. */
CatalogEntry *viewer_sidebar_find(ViewerSidebar *sidebar, const char *name, gint64 owner);

/* Selects the image that the window shows. */
void viewer_sidebar_select(ViewerSidebar *sidebar, const CatalogEntry *image);
