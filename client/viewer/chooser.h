/*
 * The dialog in which one chooses from the images in shared memory. Shows the list that it is
 * given; never asks the daemon.
 */
#pragma once

#include <gtk/gtk.h>

#include "client/viewer/catalog.h"

/* Called with the image that was chosen; not at all when none was. */
typedef void (*chooser_chosen)(GtkWindow *parent, const CatalogEntry *entry);

/* Shows the dialog over its parent, with the first image selected. */
void chooser_show(GtkWindow *parent, GListModel *catalog, chooser_chosen chosen);
