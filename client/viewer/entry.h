/*
 * An image in shared memory as lists show it: its name, owner and generation, and its thumbnail
 * once it is made.
 */
#pragma once

#include <gdk/gdk.h>

#define CATALOG_TYPE_ENTRY (catalog_entry_get_type())
G_DECLARE_FINAL_TYPE(CatalogEntry, catalog_entry, CATALOG, ENTRY, GObject)

CatalogEntry *catalog_entry_new(const char *name, gint64 owner, guint64 generation);

const char *catalog_entry_name(const CatalogEntry *entry);
gint64 catalog_entry_owner(const CatalogEntry *entry);

/* The property "generation". */
guint64 catalog_entry_generation(const CatalogEntry *entry);
void catalog_entry_set_generation(CatalogEntry *entry, guint64 generation);

/* The text that the user reads: the name, and the owner if that is another user. */
const char *catalog_entry_label(const CatalogEntry *entry);

/* The property "thumbnail", of the present or an older generation; NULL before it is made. */
GdkTexture *catalog_entry_thumbnail(const CatalogEntry *entry);
void catalog_entry_set_thumbnail(CatalogEntry *entry, GdkTexture *thumbnail);

gboolean catalog_entry_is(const CatalogEntry *entry, const char *name, gint64 owner);

/* By name and owner, for hash tables. */
guint catalog_entry_hash(gconstpointer entry);
gboolean catalog_entry_equal(gconstpointer one, gconstpointer other);

/* A GCompareDataFunc: the newest first. Generations count up over all images. */
int catalog_entry_by_age(gconstpointer one, gconstpointer other, gpointer data);
