/*
 * Which images there are in shared memory, the newest first. Asks the daemon and decides
 * nothing.
 */
#pragma once

#include <gio/gio.h>

#include "client/include/shmimg.h"
#include "client/viewer/entry.h"

/* The entry that a record of LIST or WATCH is about; NULL when it is about none. */
CatalogEntry *catalog_entry_of(const shmimg_record *record);

/* Fills a list with what there is. Returns 0 or a negative errno of the library's. */
int catalog_fill(GListStore *list, shmimg_client *client);

/* Lists the images in the background and calls back in the main thread. */
void catalog_read(const char *socket, gpointer source, GCancellable *cancellable,
	GAsyncReadyCallback callback, gpointer data);

/* In the callback: a list of CatalogEntry, which is the caller's, or NULL with an error. */
GListModel *catalog_read_finish(GAsyncResult *result, GError **error);
