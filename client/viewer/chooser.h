/*
 * The dialog in which the user chooses one of the images in shared memory.
 */
#pragma once

#include <gtk/gtk.h>

#include "client/viewer/catalog.h"

/* Called with the chosen image; not called when the user cancels the dialog. */
typedef void (*chooser_chosen)(GtkWindow *parent, const CatalogEntry *entry);

/* Shows the dialog over its parent, with the first image selected. */
void chooser_show(GtkWindow *parent, GListModel *catalog, chooser_chosen chosen);
