/*
 * The catalog: the list of images in shared memory, the newest first, as the daemon reports it.
 */
#pragma once

#include <gio/gio.h>

#include "client/include/shmimg.h"
#include "client/viewer/entry.h"

/* The entry of a record of LIST or WATCH; NULL when the record has no name. */
CatalogEntry *catalog_entry_of(const shmimg_record *record);

/* Appends all images to a list, and sorts it. Returns 0 or a negative errno of the library's. */
int catalog_fill(GListStore *list, shmimg_client *client);

/* Lists the images in the background and calls back in the main thread. */
void catalog_read(const char *socket, gpointer source, GCancellable *cancellable,
	GAsyncReadyCallback callback, gpointer data);

/* In the callback: a list of CatalogEntry, which the caller owns, or NULL with an error. */
GListModel *catalog_read_finish(GAsyncResult *result, GError **error);
