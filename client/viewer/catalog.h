/*
 * Which images there are in shared memory, as the daemon lists them. Listing is done in a
 * thread of GLib's. Never pins or maps one.
 */
#pragma once

#include <gio/gio.h>

/* An image of the list: what to fetch it by, and what people call it. Never changes. */
#define CATALOG_TYPE_ENTRY catalog_entry_get_type()
G_DECLARE_FINAL_TYPE(CatalogEntry, catalog_entry, CATALOG, ENTRY, GObject)

const char *catalog_entry_name(const CatalogEntry *entry);
gint64 catalog_entry_owner(const CatalogEntry *entry);

/* The name and, if that is somebody else, its owner. Also the property "label". */
const char *catalog_entry_label(const CatalogEntry *entry);

/* Lists in the background and calls back in the main thread, at once when cancelled. */
void catalog_read(const char *socket, gpointer source, GCancellable *cancellable,
	GAsyncReadyCallback callback, gpointer data);

/*
 * In the callback: a list of CatalogEntry, that which was loaded last first. It is the
 * caller's; NULL with an error.
 */
GListModel *catalog_read_finish(GAsyncResult *result, GError **error);
